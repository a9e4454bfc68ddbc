"""Household demand: bits first, then balances, then outages and limits, then plausibility in stated bands."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import SEED, calendar, households, street

from cosim import library
from cosim.demand import home_kernels, tank_kernels
from cosim.demand import uses_kernels as k
from cosim.demand.block import DemandBlock, State
from cosim.demand.households import HouseholdDemand
from cosim.demand.traits import Electrification, draw_traits
from cosim.errors import LibraryError
from cosim.random_kernels import uniform
from cosim.randomness import stable_ids

FIELDS = ("panel_w", "panel_var", "impedance_w", "impedance_var", "pv_w")
MINUTE = 60.0


def run(
    demand: HouseholdDemand, cuts: list[int], state: State | None = None, first: int = 0, **options: Any
) -> tuple[dict[str, np.ndarray], State]:
    """Blocks of the given numbers of steps, joined; all panels with voltage if not said otherwise."""
    state = demand.initial() if state is None else state
    options.setdefault("powered", np.ones(len(demand.traits.id), dtype=bool))
    blocks: list[DemandBlock] = []
    for steps in cuts:
        seconds = np.full(steps, demand.calendar.step_us * 1e-6)
        blocks.append(demand.block(state, first, seconds, **options))
        state, first = blocks[-1].end, first + steps
    joined = {name: np.concatenate([getattr(b, name) for b in blocks], axis=-1) for name in FIELDS}
    shown = {name: np.concatenate([b.shown[name] for b in blocks], axis=-1) for name in blocks[0].shown}
    return joined | shown, state


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


def same_state(a: State, b: State) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)


Day = tuple[HouseholdDemand, dict[str, np.ndarray], State]


@pytest.fixture(scope="module")
def autumn() -> Day:
    """Three days over the end of daylight saving, minute by minute."""
    demand = households(calendar("2026-10-31", 3 * 1440 + 60), street())
    return demand, *run(demand, [demand.calendar.steps])


@settings(deadline=None, max_examples=12)
@given(st.lists(st.integers(1, 4379), min_size=1, max_size=8, unique=True))
def test_any_cut_gives_the_same_bits(cuts: list[int]) -> None:
    demand = households(calendar("2026-10-31", 4380), street(4))
    start = demand.initial()
    whole, end = run(demand, [4380], start)
    lengths = [b - a for a, b in itertools.pairwise([0, *sorted(cuts), 4380])]
    parts, last = run(demand, lengths, start)
    assert same(parts, whole)
    assert same_state(last, end)


def test_a_state_is_left_as_it_is(autumn: Day) -> None:
    demand = autumn[0]
    state = demand.initial()
    kept = {name: values.copy() for name, values in state.items()}
    run(demand, [30], state)
    assert same_state(state, kept)


def test_partial_steps_go_on_where_the_one_before_ended() -> None:
    """A step cut at 17.5 s, and the rest of it: energy and end state are near those of the whole step."""
    demand = households(calendar(), street(6))
    start, powered = demand.initial(), np.ones(6, dtype=bool)
    whole = demand.block(start, 0, np.array([60.0, 60.0]), powered)
    first = demand.block(start, 0, np.array([17.5]), powered)
    rest = demand.block(first.end, 0, np.array([42.5, 60.0]), powered)
    assert np.array_equal(rest.end["at_us"], whole.end["at_us"])
    energy = 17.5 * first.panel_w[..., 0] + 42.5 * rest.panel_w[..., 0]
    assert np.allclose(energy, 60.0 * whole.panel_w[..., 0], rtol=0.2, atol=30e3)
    with pytest.raises(ValueError, match="stands at"):
        demand.block(first.end, 5, np.array([60.0]), powered)


def test_a_home_alone_is_the_home_among_many(autumn: Day) -> None:
    demand, whole, _ = autumn
    for home in (0, 5, 11):
        alone = HouseholdDemand(
            demand.calendar, demand.weather, demand.traits.take(np.array([home])), SEED, parallel=False
        )
        own, _ = run(alone, [2000])
        assert all(np.array_equal(own[n][0], whole[n][home][..., :2000], equal_nan=True) for n in own)


def test_traits_do_not_depend_on_neighbours() -> None:
    many = street()
    alone = draw_traits(many.id[7:8], SEED)
    for name in ("habits", "tank", "per_day", "legs", "facing", "floor_area_m2", "envelope", "heating"):
        assert np.array_equal(getattr(alone, name)[0], getattr(many, name)[7])


def test_threads_change_no_bits() -> None:
    clock, traits = calendar(steps=700), street()
    assert same(
        run(households(clock, traits), [700])[0], run(households(clock, traits, parallel=True), [700])[0]
    )


def test_habits_are_addressed_by_the_calendar_and_not_by_the_start() -> None:
    early, late = (households(calendar(f"2026-07-{day}", 2880), street(8)) for day in (13, 14))
    before = run(early, [1440])[1]
    after = run(early, [1440], before, 1440)[1]
    own = late.energy_kwh(run(late, [1440])[1])
    for name in ("electronics", "lights", "range", "dryer", "microwave", "dishwasher"):
        day = early.energy_kwh(after)[name] - early.energy_kwh(before)[name]
        assert np.allclose(day, own[name], rtol=1e-9, atol=1e-9), name


@pytest.mark.parametrize("start", ["2028-02-28", "2026-03-07", "2026-12-30"])
def test_odd_days_are_whole_and_cut_alike(start: str) -> None:
    """Leap day, a day of 23 hours, the turn of the year."""
    demand = households(calendar(start, 3 * 1440), street(4))
    whole, _ = run(demand, [3 * 1440])
    assert all(np.isfinite(whole[name]).all() for name in FIELDS)
    assert same(run(demand, [1000, 2000, 1320])[0], whole)
    days = whole["panel_w"].sum(axis=1).reshape(4, 3, 1440).mean(axis=2)
    assert np.all(days > 100.0)  # every home lives on every day
    noon = whole["pv_w"][0].reshape(3, 1440)[:, 12 * 60 : 13 * 60]
    assert np.all(noon.mean(axis=1) > 50.0)


def test_draws_are_those_of_the_address() -> None:
    state = k.mix(k.address(7, 11, 13), np.uint64(20_000))
    assert k.draw(state, 5) == uniform(7, 11, 13, 20_000, 5)


# -- balances ------------------------------------------------------------------------------------


def test_end_uses_add_up_to_the_panel(autumn: Day) -> None:
    demand, whole, end = autumn
    parts = sum(demand.energy_kwh(end).values())
    assert np.allclose(parts, whole["panel_w"].sum(axis=(1, 2)) / 60e3, rtol=1e-12)


def test_what_is_drawn_is_never_negative_and_has_both_parts(autumn: Day) -> None:
    whole = autumn[1]
    for w in (whole["panel_w"], whole["panel_var"], whole["impedance_w"], whole["impedance_var"]):
        assert np.all(w >= 0.0)
    assert np.all(whole["impedance_w"] <= whole["panel_w"] * (1 + 1e-12))
    power, reactive = whole["panel_w"].sum(), whole["panel_var"].sum()
    assert 0.85 < power / np.hypot(power, reactive) < 0.995


TANK = np.array([0.27e6, 0.53e6, 0.5, 0.9, 51.0, 5.56, 4500.0, 0.0, 4.05, 1.0])
PUMP = np.where(np.arange(10) == tank_kernels.PUMP_W, 500.0, TANK)
PUMP[tank_kernels.DEADBAND_K] = 8.17


@pytest.mark.parametrize("tank", [TANK, PUMP], ids=["elements", "heat pump"])
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_tank_keeps_its_energy(tank: np.ndarray, seed: int) -> None:
    """What is stored is what came less what left, step by step, for any draws, mains, air and interruptions."""
    rng = np.random.default_rng(seed)
    state = np.array([rng.uniform(20, 55), 0.0, 0.0])
    state[1] = rng.uniform(10, state[0])
    cu, cl = tank[tank_kernels.UPPER_J_PER_K], tank[tank_kernels.LOWER_J_PER_K]
    for _ in range(60):
        seconds, mains, air = rng.uniform(5, 60), rng.uniform(2, 25), rng.uniform(-5, 35)
        stored, upper = cu * state[0] + cl * state[1], state[:2].copy()
        draws = rng.uniform(0, 20, 2) * (rng.random(2) < 0.3)
        element, pump, to_air, drawn = tank_kernels.tank_step(
            state, tank, mains, air, draws[0], draws[1], seconds, rng.random() < 0.8
        )
        lost = 0.0  # of the nodes after the draw
        moved = 0.0 if drawn == 0.0 else drawn / (upper[0] - mains)
        after = (upper[0] + moved / cu * (upper[1] - upper[0]), upper[1] + moved / cl * (mains - upper[1]))
        lost = tank[tank_kernels.UPPER_LOSS_W_PER_K] * (after[0] - air)
        lost += tank[tank_kernels.LOWER_LOSS_W_PER_K] * (after[1] - air)
        # The pump's heat is its own power and what it takes from the air.
        heat = element + pump + (lost - to_air)
        now = cu * state[0] + cl * state[1]
        assert now - stored == pytest.approx((heat - lost) * seconds - drawn, abs=1e-3)
        assert 0.0 <= element <= 4500.0 * (1 + 1e-12)
        assert element == 0.0 or pump == 0.0
        assert state[1] <= state[0] + 1e-9


def test_elements_reach_their_thermostat_and_stop() -> None:
    state = np.array([15.0, 15.0, 0.0])
    minutes = 0
    while (drawn := tank_kernels.tank_step(state, TANK, 10.0, 20.0, 0.0, 0.0, 60.0, True)[0]) > 0.0:
        minutes += 1
        assert drawn <= 4500.0 + 1e-9
    heat = 0.8e6 * 36.0 / 4500.0 / 60.0
    assert minutes == pytest.approx(heat, rel=0.03)
    assert state[0] == pytest.approx(51.0, abs=0.1)


def test_a_heat_pump_takes_less_in_warm_air_and_leaves_to_its_element_in_the_cold() -> None:
    used = {}
    for air in (0.0, 10.0, 25.0):
        state, energy, element = np.array([45.0, 40.0, 0.0]), 0.0, 0.0
        for _ in range(300):
            e, p, _, _ = tank_kernels.tank_step(state, PUMP, 10.0, air, 0.0, 0.0, 60.0, True)
            energy, element = energy + e + p, element + e
        used[air] = energy, element
    assert used[25.0][0] < used[10.0][0] < used[0.0][0]
    assert used[25.0][1] == 0.0
    assert used[0.0][1] == used[0.0][0] > 0.0


@pytest.mark.parametrize("minutes", [0.5, 5.0, 15.0, 60.0])
def test_longer_steps_hold_the_same_energy(minutes: float) -> None:
    """Uses are averaged exactly over any step; rooms and tanks are stepped by a minute inside it."""
    fine, coarse = (
        households(calendar(steps=round(1440 / m), minutes=m), street(), "constant:30")
        for m in (1.0, minutes)
    )
    a, b = (demand.energy_kwh(run(demand, [demand.calendar.steps])[1]) for demand in (fine, coarse))
    for name in ("range", "dryer", "microwave", "electronics"):
        assert np.allclose(a[name], b[name], rtol=1e-6, atol=1e-9)
    for name in ("cooling", "water heater", "refrigeration"):
        assert a[name].sum() == pytest.approx(b[name].sum(), rel=0.02)


# -- outages and limits ----------------------------------------------------------------------------


def test_without_voltage_nothing_is_drawn_rooms_drift_and_more_is_drawn_after() -> None:
    demand = households(calendar("2026-01-20", 2880), street(40))
    powered, state = np.ones(40, dtype=bool), demand.initial()
    _, state = run(demand, [360], state)
    out, dark = run(demand, [240], state, 360, powered=~powered)
    assert all(not np.any(out[name]) for name in FIELDS[:4])
    air = out["indoor_temperature_c"]
    assert np.all(air[:, -1] < air[:, 0] + 0.2)
    assert np.mean(air[:, 0] - air[:, -1]) > 0.5
    assert np.nanmean(out["water_temperature_c"][:, 0] - out["water_temperature_c"][:, -1]) > 0.2
    after, _ = run(demand, [60], dark, 600)
    never, _ = run(demand, [240, 60], state, 360)
    power = after["panel_w"].sum(axis=(0, 1)).mean()
    assert power > 1.3 * never["panel_w"][..., 240:].sum(axis=(0, 1)).mean()


def test_a_limit_is_kept_by_shedding_in_its_order() -> None:
    """Water heater, then strips, then the compressor; what people use is never shed."""
    demand = households(calendar("2026-02-04", 1440), street(30, household=["heat-pump"] * 30))
    state = demand.initial()
    free, free_end = run(demand, [720], state)
    assert not np.any(free["shed_w"])
    limit = np.full(30, 7000.0)
    limit[::3] = np.inf
    kept, end = run(demand, [720], state, limit_w=limit)
    assert np.array_equal(kept["panel_w"][::3], free["panel_w"][::3])
    assert np.any(kept["shed_w"] > 0.0)
    assert np.all(kept["shed_w"][::3] == 0.0)
    # Starts of motors last tenths of seconds and are not a reason to shed.
    people = sum(demand.energy_kwh(end)[name] for name in ("range", "dryer", "microwave", "electronics"))
    same_people = sum(
        demand.energy_kwh(free_end)[name] for name in ("range", "dryer", "microwave", "electronics")
    )
    assert np.allclose(people, same_people, rtol=1e-12)
    over = (kept["panel_w"].sum(axis=1) > 7000.0 * 1.02)[1::3]
    used = free["panel_w"].sum(axis=1)[1::3]
    assert over.mean() < 0.05 < (used > 7000.0).mean()
    mild, _ = run(demand, [720], state, limit_w=np.full(30, 14000.0))
    assert mild["indoor_temperature_c"].mean() == pytest.approx(free["indoor_temperature_c"].mean(), abs=0.3)


def test_a_scaled_home_is_limited_as_the_panel_sees_it() -> None:
    traits = street(10, household=["heat-pump"] * 10)
    one, two = (households(calendar("2026-02-04", 300), traits, scale=scale) for scale in (1.0, 2.0))
    a, _ = run(one, [300], limit_w=np.full(10, 6000.0))
    b, _ = run(two, [300], limit_w=np.full(10, 12000.0))
    for name in (*FIELDS[:4], "shed_w", "motor_start_va"):
        assert np.array_equal(b[name], 2.0 * a[name])
    assert np.array_equal(a["indoor_temperature_c"], b["indoor_temperature_c"])


# -- electrification -------------------------------------------------------------------------------


def test_a_larger_share_holds_the_homes_of_a_smaller_one() -> None:
    ids = stable_ids([f"home-{i}" for i in range(300)])
    homes = [
        draw_traits(ids, 3, electrification=Electrification(heating=s, water_heating=s, cooking=s, drying=s))
        for s in (0.0, 0.3, 0.7, 1.0)
    ]
    pumps = [(h.heating == "heat-pump") for h in homes]
    tanks = [h.tank[:, tank_kernels.ELEMENT_W] > 0 for h in homes]
    dryers = [h.per_day[:, h.appliances.index("dryer")] > 0 for h in homes]
    for found in (pumps, tanks, dryers):
        assert all(np.all(b[a]) for a, b in itertools.pairwise(found))
        assert found[0].sum() < found[1].sum() < found[2].sum() < found[3].sum()
    assert not np.any(homes[3].heating == "gas")
    assert np.all(tanks[3])
    gas = homes[0].heating == "gas"
    assert (pumps[1] & gas).sum() == pytest.approx(0.3 * gas.sum(), abs=25)
    other = ~pumps[3] | ~gas
    assert np.array_equal(homes[0].habits[other], homes[3].habits[other])


def test_electrified_homes_draw_more_in_the_cold() -> None:
    ids = stable_ids([f"home-{i}" for i in range(40)])
    day = []
    for share in (0.0, 0.5, 1.0):
        traits = draw_traits(ids, 3, electrification=Electrification(heating=share))
        day.append(
            run(households(calendar(), traits, "constant:-5"), [720])[0]["panel_w"].sum(axis=1).mean(axis=1)
        )
    assert np.all(day[1] >= day[0] - 60.0)
    assert np.all(day[2] >= day[1] - 60.0)
    assert day[2].mean() > 1.5 * day[0].mean()


# -- plausibility ----------------------------------------------------------------------------------


def test_the_first_hours_are_no_artefact() -> None:
    """The mean of 200 homes in the first two hours is that of the same hours of a run begun a day earlier."""
    late, _ = run(households(calendar("2026-01-15", 1440), street(200)), [120])
    early, _ = run(households(calendar("2026-01-14", 2880), street(200)), [1440, 120])
    mean = early["panel_w"][..., 1440:].sum(axis=(0, 1)).mean()
    assert late["panel_w"].sum(axis=(0, 1)).mean() == pytest.approx(mean, rel=0.03)


def test_a_start_takes_what_a_locked_rotor_takes() -> None:
    """In steps of a tenth of a second a compressor's start stands out; over minutes it is a trifle."""
    demand = households(calendar("2026-07-14T16:00", 36_000, 0.1 / 60.0), street(1, household=["gas-heated"]))
    got, _ = run(demand, [12_000] * 3)
    power, start = got["panel_w"][0, 2], got["motor_start_va"][0]
    assert start.max() > 5_000.0
    at = int(start.argmax())
    assert power[at + 1] > 1.8 * power[at + 40]
    share = got["panel_w"][0, 2].sum()
    assert share > 0.0


def test_heat_pumps_follow_the_cold_and_air_conditioners_the_heat() -> None:
    traits = draw_traits(stable_ids([f"h{i}" for i in range(20)]), 1, household=["heat-pump"] * 20)
    day = {
        t: run(households(calendar(), traits, f"constant:{t}"), [1440])[0]["panel_w"][:, 2].mean()
        for t in (-10, 5, 16, 28, 35)
    }
    assert day[-10] > 1.8 * day[5] > 2.0 * day[16]
    assert day[35] > 1.3 * day[28] > 1.3 * day[16]


def test_a_refrigerator_holds_its_cold_and_recovers() -> None:
    habits = street(1).habits[0]
    half, full = k.fridge_figures(habits)
    inside, runs, on, starts = 3.5, 0.0, 0, 0
    for _ in range(1440):
        inside, now = k.fridge_step(inside, runs, 21.0, half, full, 1.0, True)
        on, starts, runs = on + now, starts + (now > runs), now
        assert abs(inside - 3.5) < half + 0.1
    assert on / 1440 == pytest.approx(habits[k.FRIDGE_DUTY], rel=0.05)
    assert 1440 / starts == pytest.approx(habits[k.FRIDGE_PERIOD_MIN], rel=0.15)
    for _ in range(240):
        inside, runs = k.fridge_step(inside, runs, 21.0, half, full, 1.0, False)
        assert runs == 0.0
    assert 5.0 < inside < 12.0
    for _ in range(60):
        inside, runs = k.fridge_step(inside, runs, 21.0, half, full, 1.0, True)
        assert runs == 1.0


def test_weekends_and_daylight_saving_move_habits_with_the_wall_clock() -> None:
    """Mean kitchen hour on both sides of the change, by the wall clock."""
    demand = households(calendar("2026-02-22", 28 * 1440), street(400))
    keep = demand.traits.appliances.index("range")
    uses = demand._days(
        *(
            demand.calendar.start_utc_us + demand.calendar.standard_offset_us + d * 86_400_000_000
            for d in (1, 27)
        )
    )
    hours = []
    for days in (slice(1, 14), slice(15, 28)):
        start, kind = uses.start[:, days], uses.kind[:, days]
        there = (kind == keep) & (np.arange(start.shape[2]) < uses.count[:, days, None])
        wall = (start + uses.shift_min[days][None, :, None]) / 60.0 % 24.0
        hours.append(wall[there].mean())
    assert abs(hours[0] - hours[1]) < 0.4
    assert 12.0 < np.mean(hours) < 16.0


def test_every_household_names_known_things() -> None:
    appliances, envelopes = library.names("appliances"), library.names("envelopes")
    shares = 0.0
    for name in library.names("households"):
        entry: Any = library.load("households", name)
        text = tomllib.loads(library.entry_path("households", name).read_text())
        assert {use["appliance"] for use in text["uses"]} <= set(appliances)
        assert {level["level"] for level in text["envelopes"]} <= set(envelopes)
        shares += entry.stock_share.value
    assert shares == pytest.approx(1.0)
    for name in appliances:
        library.load("appliances", name)
    for name in library.names("weather"):
        library.load("weather", name)


def test_an_unknown_appliance_names_the_nearest(tmp_path: Path) -> None:
    text = library.entry_path("households", "heat-pump").read_text().replace('"dryer"', '"drier"')
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(LibraryError, match="dryer"):
        draw_traits(stable_ids(["a"]), 1, household=[str(tmp_path / "own.toml")])


def test_an_unknown_household_names_the_nearest() -> None:
    with pytest.raises(LibraryError, match="heat-pump"):
        draw_traits(stable_ids(["a"]), 1, household=["heatpump"])


def test_figures_of_a_home_are_set_apart_in_its_state() -> None:
    assert home_kernels.NOW_AT + k.NOW == home_kernels.ENERGY_AT


# Kilowatt-hours a year of the mean US home: EIA, FAQ 96 (Annual Energy Outlook 2023, year 2022), over 123.5 million
# homes; all of it: EIA, FAQ 97, the mean customer of 2020. How far ours may lie off, and why they differ.
PUBLISHED = {
    "all": (10_715, 0.2),
    "cooling": (2_024, 0.4),  # the file's summer is Greensboro's
    "heating and resistance": (1_773, 0.5),
    "water heater": (1_425, 0.4),
    "refrigeration": (866, 0.4),  # with freezers
    "lights": (543, 0.4),
    "dryer": (526, 0.4),
    "range and microwave": (130, 2.0),  # their cooking leaves microwave ovens to the rest
}


def test_a_year_s_end_uses_are_near_published_means() -> None:
    """Two days of the middle of every second month of 120 homes, in Greensboro."""
    traits, total = draw_traits(stable_ids([f"h{i}" for i in range(120)]), 5), {}
    for month in range(1, 13, 2):
        demand = households(calendar(f"2026-{month:02d}-14", 2880), traits, parallel=True)
        for name, energy in demand.energy_kwh(run(demand, [2880])[1]).items():
            total[name] = total.get(name, 0.0) + energy.mean() * 365.0 / 12.0
    ours = total | {
        "all": sum(total.values()),
        "heating and resistance": total["heating"] + total["resistance"],
        "range and microwave": total["range"] + total["microwave"],
    }
    for name, (published, tolerance) in PUBLISHED.items():
        assert ours[name] == pytest.approx(published, rel=tolerance), name
