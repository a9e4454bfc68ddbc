"""Household demand: bits first, then plausibility in stated bands."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import SEED, calendar, shapes, street

from cosim import library
from cosim.demand import kernels
from cosim.demand.block import DemandBlock
from cosim.demand.shapes import ShapeDemand
from cosim.demand.traits import draw_traits
from cosim.errors import LibraryError
from cosim.random_kernels import uniform
from cosim.randomness import stable_ids

FIELDS = ("panel_w", "panel_var", "ev_w", "pv_w")


def same(a: DemandBlock, b: DemandBlock) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FIELDS)


def window(block: DemandBlock, start: int, stop: int) -> DemandBlock:
    return DemandBlock(
        **{name: np.ascontiguousarray(getattr(block, name)[..., start:stop]) for name in FIELDS}
    )


@pytest.fixture(scope="module")
def autumn() -> tuple[ShapeDemand, DemandBlock]:
    """Three days over the end of daylight saving, minute by minute."""
    demand = shapes(calendar("2026-10-31", 3 * 1440 + 60), street())
    return demand, demand.at(0, demand.calendar.steps)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 4379), min_size=1, max_size=8, unique=True))
def test_any_cut_gives_the_same_bits(cuts: list[int]) -> None:
    demand = shapes(calendar("2026-10-31", 4380), street(4))
    whole = demand.at(0, 4380)
    edges = [0, *sorted(cuts), 4380]
    for a, b in itertools.pairwise(edges):
        assert same(demand.at(a, b - a), window(whole, a, b))


def test_single_steps_are_the_block_s(autumn: tuple[ShapeDemand, DemandBlock]) -> None:
    demand, whole = autumn
    for step in (0, 239, 240, 1019, 1440, 1441, 2000, 4379):
        assert same(demand.at(step, 1), window(whole, step, step + 1))


def test_a_home_alone_is_the_home_among_many(autumn: tuple[ShapeDemand, DemandBlock]) -> None:
    demand, whole = autumn
    for home in (0, 5, 11):
        alone = ShapeDemand(
            demand.calendar, demand.weather, demand.traits.take(np.array([home])), SEED, parallel=False
        ).at(0, demand.calendar.steps)
        assert all(np.array_equal(getattr(alone, n)[0], getattr(whole, n)[home]) for n in FIELDS)


def test_traits_do_not_depend_on_neighbours() -> None:
    many = street()
    alone = draw_traits(many.id[7:8], SEED, pv_kw=np.zeros(1), ev_kw=np.zeros(1))
    assert np.array_equal(alone.table[0], many.table[7])
    assert np.array_equal(alone.uses[0], many.uses[7])
    assert alone.household[0] == many.household[7]


def test_threads_change_no_bits() -> None:
    clock, traits = calendar(steps=700), street()
    serial = shapes(clock, traits).at(300, 400)
    assert same(serial, shapes(clock, traits, parallel=True).at(300, 400))


def test_a_run_that_starts_later_sees_the_same_days() -> None:
    """Draws are addressed by calendar day, not by the time since the start."""
    early = shapes(calendar("2026-07-13", 2880), street(4)).at(1440, 1440)
    late = shapes(calendar("2026-07-14", 1440), street(4)).at(0, 1440)
    assert same(early, late)


@pytest.mark.parametrize("start", ["2028-02-28", "2026-03-07", "2026-12-30"])
def test_odd_days_are_whole_and_cut_alike(start: str) -> None:
    """Leap day, a day of 23 hours, the turn of the year."""
    demand = shapes(calendar(start, 3 * 1440), street(4))
    whole = demand.at(0, 3 * 1440)
    assert all(np.isfinite(getattr(whole, name)).all() for name in FIELDS)
    assert same(demand.at(1000, 2000), window(whole, 1000, 3000))
    days = whole.panel_w.sum(axis=1).reshape(4, 3, 1440).mean(axis=2)
    assert np.all(days > 150.0)  # every home lives on every day
    noon = whole.pv_w[0].reshape(3, 1440)[:, 12 * 60 : 13 * 60]
    assert np.all(noon.mean(axis=1) > 50.0)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_compiled_code_is_the_plain_function() -> None:
    home = np.ascontiguousarray(street(1).table[0])
    edges = np.arange(0.0, 31.0) + 29_000_000.0
    ambient, ghi, activity = np.linspace(-12, 34, 30), np.linspace(0, 900, 30), np.ones((3, 30))
    results = []
    for base, hvac, use in (
        (kernels.fill_base, kernels.add_heating_and_cooling, kernels.add_use),
        (kernels.fill_base.py_func, kernels.add_heating_and_cooling.py_func, kernels.add_use.py_func),
    ):
        w, var = np.empty((3, 30)), np.empty((3, 30))
        base(home, np.uint64(3), edges, activity, w, var)
        hvac(home, edges, ambient, ambient - 1.0, ghi, w, var)
        use(29_000_003.3, 29_000_017.9, 5600.0, 700.0, 0.6, 5.0, edges, w[2], var[2])
        results.append((w, var))
    assert np.allclose(results[0][0], results[1][0], rtol=1e-13, atol=0)
    assert np.allclose(results[0][1], results[1][1], rtol=1e-13, atol=0)


def test_draws_are_those_of_the_address() -> None:
    state = kernels.mix(kernels.address(7, 11, 13), np.uint64(20_000))
    assert kernels.draw(state, 5) == uniform(7, 11, 13, 20_000, 5)


@pytest.mark.parametrize("minutes", [0.5, 5.0, 15.0, 60.0])
def test_longer_steps_hold_the_same_energy_of_events(minutes: float) -> None:
    """Uses, cars and refrigerators are averaged exactly over any step; only plugs are sampled."""
    fine = shapes(calendar(steps=1440), street())
    coarse = shapes(calendar(steps=round(1440 / minutes), minutes=minutes), street())
    for demand in (fine, coarse):
        demand.traits.table[:, [kernels.PLUGS_W, kernels.LIGHTS_W, kernels.COOL_W]] = 0.0
    a, b = fine.at(0, 1440), coarse.at(0, round(1440 / minutes))
    assert np.allclose(a.panel_w.sum(axis=2), b.panel_w.sum(axis=2) * minutes, rtol=1e-6)
    assert np.allclose(a.ev_w.sum(axis=1), b.ev_w.sum(axis=1) * minutes, rtol=1e-9)


def test_one_element_at_a_time() -> None:
    """A water heater never draws more than its element, whatever day it is."""
    demand = shapes(calendar("2026-03-01", 14 * 1440), street(20))
    row = library.names("appliances").index("water-heater")
    demand.traits.uses[:, [i for i in range(demand.traits.uses.shape[1]) if i != row]] = 0.0
    demand.traits.table[:, [kernels.PUMP_HEAT_W, kernels.STRIP_W, kernels.COOL_W]] = 0.0
    assert demand.at(0, 14 * 1440).panel_w[:, 2].max() == pytest.approx(4500.0)


def test_cars_charge_at_their_power_and_enough_for_the_day() -> None:
    demand = shapes(calendar("2026-02-01", 60 * 1440), street(20))
    ev_w = np.concatenate([demand.at(day * 1440, 1440).ev_w for day in range(60)], axis=1)
    assert np.all(ev_w[1::2] == 0.0)
    assert ev_w.max() == pytest.approx(11500.0)
    per_day = ev_w[::2].sum(axis=1) / 60e3 / 60
    assert 8.0 < per_day.mean() < 15.0  # 32 mi at 325 Wh/mi over 0.9 is 11.6 kWh
    hour = ev_w[::2].sum(axis=0).reshape(60, 24, 60).sum(axis=(0, 2))
    assert 16 <= hour.argmax() <= 21


def test_weekends_and_daylight_saving_move_habits_with_the_wall_clock() -> None:
    """Mean kitchen hour on both sides of the change, by the wall clock."""
    demand = shapes(calendar("2026-02-22", 28 * 1440), street(60))
    keep = library.names("appliances").index("range")
    demand.traits.uses[:, [i for i in range(demand.traits.uses.shape[1]) if i != keep]] = 0.0
    demand.traits.table[:, [kernels.PUMP_HEAT_W, kernels.STRIP_W, kernels.COOL_W]] = 0.0
    power = demand.at(0, 28 * 1440).panel_w[:, 2].sum(axis=0)
    wall = demand.calendar.block(0, 28 * 1440).wall_minute
    before, after = slice(0, 14 * 1440), slice(14 * 1440, 28 * 1440)
    hours = [np.average(wall[part], weights=power[part]) / 60 for part in (before, after)]
    assert abs(hours[0] - hours[1]) < 0.4
    assert 13.0 < np.mean(hours) < 17.0


@pytest.fixture(scope="module")
def year() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy [kWh] and minute peak [W] of 60 homes over every tenth day of a year; mean day's peak."""
    demand = shapes(calendar("2026-01-01", 365 * 1440), street(60))
    energy, peak, mean_peak = np.zeros(60), np.zeros(60), []
    for day in range(4, 365, 10):
        power = demand.at(day * 1440, 1440).panel_w.sum(axis=1)
        energy += power.sum(axis=1) / 60e3 * 365 / 37
        peak = np.maximum(peak, power.max(axis=1))
        mean_peak.append(power.mean(axis=0).max())
    return energy, peak, np.array(mean_peak)


def test_annual_energy_is_that_of_american_homes(year: tuple[np.ndarray, ...]) -> None:
    """EIA: 10,715 kWh per residential customer in 2020. Band: mean within 20 %, homes from 4 to 22 MWh."""
    energy = year[0]
    assert energy.mean() == pytest.approx(10_715, rel=0.2)
    assert energy.min() > 3_500
    assert energy.max() < 23_000


def test_minute_peaks_and_coincidence(year: tuple[np.ndarray, ...]) -> None:
    """Median home's peak 8 to 16 kW; the mean of 60 homes never above 5 kW, and above 2 kW on some day."""
    assert 8_000 < np.median(year[1]) < 16_000
    assert 2_000 < year[2].max() < 5_000


def test_heat_pumps_follow_the_cold_and_air_conditioners_the_heat() -> None:
    ids = stable_ids([f"h{i}" for i in range(20)])
    traits = draw_traits(ids, 1, household=["heat-pump"] * 20)
    day = {
        t: shapes(calendar(), traits, f"constant:{t}").at(0, 1440).panel_w[:, 2].mean()
        for t in (-10, 5, 18, 28, 35)
    }
    assert day[-10] > 2 * day[5] > 3 * day[18]
    assert day[35] > 1.5 * day[28] > 1.5 * day[18]


def test_legs_carry_what_they_should(autumn: tuple[ShapeDemand, DemandBlock]) -> None:
    whole = autumn[1]
    assert np.all(whole.panel_w >= 0.0)
    share = whole.panel_w[:, :2].sum(axis=2)
    assert np.all(share / share.sum(axis=1, keepdims=True) > 0.15)
    power, reactive = whole.panel_w.sum(), whole.panel_var.sum()
    assert 0.85 < power / np.hypot(power, reactive) < 0.99


def test_every_household_names_known_appliances() -> None:
    appliances = library.names("appliances")
    for name in library.names("households"):
        entry = library.load("households", name)
        text = tomllib.loads(library.entry_path("households", name).read_text())
        assert {use["appliance"] for use in text["uses"]} <= set(appliances)
        assert entry.name == name
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
