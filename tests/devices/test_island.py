"""Home islands: energy balance, limits, first changes in closed form, restart, motors, legs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.devices import generator_kernels as engine
from cosim.devices import island_kernels as k
from cosim.devices.island import RESTART_SOC, RETRY_S, IslandBlock, IslandFleet, IslandState

FULL_J = 13.5 * 3.6e6
HOUR_S = 3600.0


def battery(motor_w: float = 0.0) -> IslandFleet:
    return IslandFleet.of([library.load("der", "powerwall-3")], np.array([motor_w]))


def run(
    fleet: IslandFleet,
    state: IslandState,
    charge_j: float,
    legs_w: tuple[float, float],
    seconds: list[float],
    *,
    solar_w: float = 0.0,
    sun_w: float | None = None,
    on: bool = True,
) -> IslandBlock:
    steps = len(seconds)
    leg_w = np.broadcast_to(np.array(legs_w)[None, :, None], (1, 2, steps))
    sun = solar_w if sun_w is None else sun_w
    return fleet.advance(
        state, np.array([charge_j]), leg_w, np.zeros((1, 2, steps)), np.full((1, steps), solar_w),
        np.full((1, steps), sun), np.array(seconds), np.array([on]),
    )  # fmt: skip


def forming(fleet: IslandFleet) -> IslandState:
    return fleet.settled(fleet.initial(), np.array([True]))


@settings(deadline=None, max_examples=80)
@given(
    charge=st.floats(0.02, 1.0), one=st.floats(0.0, 5e3), two=st.floats(0.0, 5e3), solar=st.floats(0.0, 12e3),
    steps=st.lists(st.integers(1, 7200), min_size=1, max_size=8), standby=st.sampled_from([0.0, 30.0]),
)  # fmt: skip
def test_energy_in_is_energy_out_stored_and_lost(
    charge: float, one: float, two: float, solar: float, steps: list[int], standby: float
) -> None:
    fleet = battery()
    fleet.units[0, k.STANDBY_W] = standby
    block = run(fleet, forming(fleet), charge * FULL_J, (one, two), [float(s) for s in steps], solar_w=solar)
    seconds = np.array(steps, dtype=float)
    alive = np.cumsum(seconds) * 1e6 < block.first_us  # what comes after the first change does not count
    before = np.concatenate(([charge * FULL_J], block.charge_j[0, :-1]))
    stored_w = (block.charge_j[0] - before) / seconds
    given, taken = np.maximum(block.power_w[0], 0.0), np.maximum(-block.power_w[0], 0.0)
    lost_w = given * (1 / 0.95 - 1) + taken * 0.05 + standby
    assert block.solar_w[0, alive] + 0.0 == pytest.approx(
        (block.served_w[0] + stored_w + lost_w)[alive], rel=1e-9, abs=1e-3
    )
    assert np.allclose((block.power_w + block.solar_w - block.served_w)[0, alive], 0.0, atol=1e-6)
    assert (block.charge_j >= 0.0).all()
    assert (block.charge_j <= FULL_J).all()
    assert (block.solar_w <= solar + 1e-9).all()


def test_it_runs_dry_at_the_microsecond() -> None:
    fleet = battery()
    block = run(fleet, forming(fleet), 0.1 * FULL_J, (1500.0, 500.0), [600.0] * 12)
    exact_s = 0.1 * FULL_J * 0.95 / 2000.0
    assert block.first_us == math.ceil(exact_s * 1e6)
    assert fleet.told(block)[1] == "is empty"
    assert block.charge_j[0, 11] == 0.0


def test_overload_is_borne_as_long_as_stated_and_the_rating_for_ever() -> None:
    """160 A at 240 V for one second from cold, 48 A always; beyond 160 A it stops at once."""
    fleet = battery()
    leg = 120.0
    for ampere, expected in ((159.999, 1.0), (48.0, None), (160.1, 0.0)):
        block = run(fleet, forming(fleet), FULL_J, (ampere * leg, ampere * leg), [0.25] * 8)
        if expected is None:
            assert block.change_us[0] == -1
        else:
            assert block.first_us == pytest.approx(expected * 1e6, abs=20)
            assert fleet.told(block)[1] == "trips on overload"


def test_the_breaker_of_a_set_waits_for_a_person() -> None:
    fleet = IslandFleet.of([library.load("der", "portable-generator-6.25")])
    on, off, rows = np.array([True]), np.array([False]), np.array([0])
    state = fleet.ordered(fleet.initial(), rows, run=True)
    state = run(fleet, state, 0.0, (0.0, 0.0), [60.0], on=False).end
    state = fleet.settled(state, on)
    block = run(fleet, state, 0.0, (40e3, 40e3), [60.0])
    assert fleet.told(block)[1] == "trips on overload"
    tripped = fleet.settled(fleet.changed(state, block), off)
    tripped = fleet.settled(run(fleet, tripped, 0.0, (0.0, 0.0), [3600.0], on=False).end, on)
    assert not fleet.alive(tripped)[0]
    assert fleet.source_pu(tripped)[0] == 0.0
    assert fleet.frequency_hz(tripped)[0, 0] > 60.0  # the engine is heard
    assert not fleet.up(fleet.settled(fleet.ordered(tripped, rows, run=True), on))[0]
    assert fleet.up(fleet.settled(fleet.reset(tripped, rows), on))[0]


def test_a_person_starts_again_what_stalled() -> None:
    fleet = IslandFleet.of([library.load("der", "portable-generator-6.25")])
    rows = np.array([0])
    state = fleet.ordered(fleet.initial(), rows, run=True)
    state = run(fleet, state, 0.0, (0.0, 0.0), [60.0], on=False).end
    state.engines[0, engine.DOES] = engine.STALLED
    assert fleet.reset(state, rows).engines[0, engine.DOES] == engine.STARTING
    stopped = fleet.ordered(state, rows, run=False)
    assert fleet.reset(stopped, rows).engines[0, engine.DOES] == engine.OFF


def test_one_leg_alone_is_an_overload_and_legs_are_alike() -> None:
    fleet = battery()
    one = run(fleet, forming(fleet), FULL_J, (8000.0, 0.0), [600.0])
    two = run(fleet, forming(fleet), FULL_J, (0.0, 8000.0), [600.0])
    both = run(fleet, forming(fleet), FULL_J, (4000.0, 4000.0), [600.0])
    assert one.first_us == two.first_us
    assert one.change_us[0] > 0
    assert both.change_us[0] == -1
    assert np.array_equal(one.leg_va, two.leg_va[:, ::-1])


def test_a_two_wire_source_bears_what_its_autotransformer_bears() -> None:
    fleet = battery()
    fleet.units[0, k.UNBALANCE_VA] = 3000.0
    assert run(fleet, forming(fleet), FULL_J, (3500.0, 1000.0), [600.0]).change_us[0] == -1
    assert run(fleet, forming(fleet), FULL_J, (4500.0, 1000.0), [600.0]).change_us[0] > 0


def test_more_load_never_leaves_more_stored() -> None:
    fleet = battery()
    left = [
        run(fleet, forming(fleet), 0.5 * FULL_J, (w, w), [900.0], solar_w=3000.0).charge_j[0, 0]
        for w in np.linspace(0.0, 4000.0, 30)
    ]
    assert (np.diff(left) <= 0.0).all()


def test_solar_is_held_back_when_full_and_the_frequency_says_so() -> None:
    fleet = battery()
    state = forming(fleet)
    block = run(fleet, state, FULL_J, (500.0, 500.0), [60.0], solar_w=4000.0)
    assert block.solar_w[0, 0] == pytest.approx(1000.0)
    assert block.power_w[0, 0] == pytest.approx(0.0)
    hertz = fleet.frequency_hz(state, block, np.full((1, 1), 4000.0))
    assert hertz[0, 0] == pytest.approx(60.0 + 0.036 + 0.75 * 3.0)
    free = run(fleet, state, 0.5 * FULL_J, (500.0, 500.0), [60.0], solar_w=4000.0)
    assert fleet.frequency_hz(state, free, np.full((1, 1), 4000.0))[0, 0] == 60.0
    assert free.power_w[0, 0] == pytest.approx(-3000.0)


def test_charging_is_limited_and_fills_exactly() -> None:
    fleet = battery()
    block = run(fleet, forming(fleet), 0.95 * FULL_J, (0.0, 0.0), [600.0, 600.0], solar_w=9000.0)
    assert block.power_w[0, 0] == pytest.approx(-0.05 * FULL_J / 0.95 / 600.0, rel=1e-12)
    assert block.charge_j[0, 1] == FULL_J
    early = run(fleet, forming(fleet), 0.5 * FULL_J, (0.0, 0.0), [600.0], solar_w=9000.0)
    assert early.power_w[0, 0] == pytest.approx(-5000.0)


def test_empty_it_waits_for_the_sun_and_starts_again() -> None:
    fleet = battery()
    state = forming(fleet)
    dry = run(fleet, state, 0.0, (1000.0, 0.0), [60.0])
    assert dry.first_us == 0
    state = fleet.settled(fleet.changed(state, dry), np.array([True]))
    assert not fleet.alive(state)[0]
    dark = run(fleet, state, 0.0, (0.0, 0.0), [HOUR_S] * 3)
    assert dark.change_us[0] == -1
    sunny = run(fleet, state, 0.0, (0.0, 0.0), [HOUR_S] * 3, sun_w=2000.0)
    assert sunny.first_us == math.ceil(RESTART_SOC * FULL_J / (0.95 * 2000.0) * 1e6)
    state = fleet.settled(fleet.changed(state, sunny), np.array([True]))
    assert fleet.up(state)[0]


def test_after_an_overload_it_tries_again_or_forgets_when_taken_off() -> None:
    fleet = battery()
    state = forming(fleet)
    trip = run(fleet, state, FULL_J, (40e3, 40e3), [1.0])
    state = fleet.changed(state, trip)
    assert fleet.source_pu(state)[0] == 0.0
    again = run(fleet, state, FULL_J, (0.0, 0.0), [100.0])
    assert again.first_us == RETRY_S * 1e6
    assert fleet.source_pu(fleet.settled(state, np.array([False])))[0] == 1.0


def test_motors_beyond_the_locked_rotor_limit_trip_it() -> None:
    """185 A at 240 V are 44.4 kVA: five times 8 kW of running power start, five times 10 kW do not."""
    for motor_w, trips in ((8e3, False), (10e3, True)):
        fleet = battery(motor_w)
        block = run(fleet, forming(fleet), FULL_J, (motor_w / 2, motor_w / 2), [1.0, 1.0])
        assert (block.first_us == 0) == trips


def test_a_start_happens_once_however_the_steps_are_cut() -> None:
    fleet = battery(3e3)
    state = forming(fleet)
    whole = run(fleet, state, FULL_J, (2e3, 2e3), [60.0] * 6, solar_w=500.0)
    charge, cut = FULL_J, state
    for _ in range(6):
        part = run(fleet, cut, charge, (2e3, 2e3), [60.0], solar_w=500.0)
        charge, cut = float(part.charge_j[0, 0]), part.end
    assert charge == whole.charge_j[0, -1]
    assert np.array_equal(cut.units, whole.end.units)


def generator() -> tuple[IslandFleet, IslandState]:
    fleet = IslandFleet.of([library.load("der", "portable-generator-6.25")])
    return fleet, fleet.ordered(fleet.initial(), np.array([0]), run=True)


def test_a_generator_starts_serves_slows_with_load_and_runs_dry() -> None:
    fleet, state = generator()
    starts = run(fleet, state, 0.0, (0.0, 0.0), [60.0], on=False)
    assert (starts.first_us, fleet.told(starts)[1]) == (15_000_000, "runs")
    state = fleet.settled(fleet.changed(state, starts), np.array([True]))
    assert fleet.up(state)[0]
    serves = run(fleet, state, 0.0, (2000.0, 750.0), [HOUR_S] * 15)
    assert fleet.told(serves)[1] == "runs dry"
    fuel_j = 6.0 * 126.8e6
    assert serves.burnt_j.sum() == pytest.approx(fuel_j, rel=1e-9)
    assert serves.first_us == pytest.approx(10.0 * HOUR_S * 1e6, rel=0.01)  # 6 gallons at half load
    hertz = fleet.frequency_hz(state, serves)[0, 0]
    assert hertz == pytest.approx(62.5 - 0.05 * 60.0 * 0.5)
    dry = fleet.changed(state, serves)
    assert np.isnan(fleet.frequency_hz(dry)[0, 0])
    full = fleet.refuelled(dry, np.array([0]))
    assert full.engines[0, engine.DOES] == engine.OFF
    assert not full.wanted[0]


def test_a_generator_stalls_under_what_its_engine_cannot_give() -> None:
    fleet, state = generator()
    state = fleet.changed(state, run(fleet, state, 0.0, (0.0, 0.0), [60.0], on=False))
    state = fleet.settled(state, np.array([True]))
    block = run(fleet, state, 0.0, (4500.0, 4500.0), [60.0])
    rows, told = fleet.told(block)
    assert told == "stalls"
    assert rows.tolist() == [0]
    exact_s = (1.0 - 0.75**2) * 0.7 * 6250.0 / (9000.0 - 6250.0)
    assert block.first_us == math.ceil(exact_s * 1e6)


def test_frequency_of_a_slowing_engine_is_that_of_its_steps_however_they_are_cut() -> None:
    fleet, state = generator()
    state = fleet.changed(state, run(fleet, state, 0.0, (0.0, 0.0), [60.0], on=False))
    state, heavy = fleet.settled(state, np.array([True])), (4500.0, 4500.0)
    whole = run(fleet, state, 0.0, heavy, [0.1] * 4)
    hertz, one_by_one, at = fleet.frequency_hz(state, whole), [], state
    for _ in range(4):
        part = run(fleet, at, 0.0, heavy, [0.1])
        one_by_one.append(fleet.frequency_hz(at, part)[0, 0])
        at = part.end
    assert hertz[0].tolist() == one_by_one
    assert one_by_one == sorted(one_by_one, reverse=True)
    assert one_by_one[-1] < one_by_one[0]


def test_side_by_side_is_one_by_one() -> None:
    entries = [
        library.load("der", name) for name in ("powerwall-3", "portable-generator-6.25", "powerwall-3")
    ]
    fleet = IslandFleet.of(entries)
    state = fleet.ordered(fleet.initial(), np.arange(3), run=True)
    state = replace(state, engines=state.engines.copy())
    state.engines[0, engine.DOES] = engine.RUNNING
    state = fleet.settled(state, np.ones(3, dtype=bool))
    rng = np.random.default_rng(1)
    leg_w = rng.uniform(0.0, 2500.0, (3, 2, 20))
    solar = rng.uniform(0.0, 5000.0, (3, 20)) * np.array([1.0, 0.0, 1.0])[:, None]
    charge = np.array([0.3, 0.0, 0.9]) * FULL_J
    args = charge, leg_w, np.zeros_like(leg_w), solar, solar, np.full(20, 60.0), np.ones(3, dtype=bool)
    blocks = [fleet.advance(state, *args, parallel=threads) for threads in (False, True)]
    assert np.array_equal(blocks[0].charge_j, blocks[1].charge_j)
    alone = battery()
    single = alone.advance(
        forming(alone),
        charge[2:],
        leg_w[2:],
        np.zeros((1, 2, 20)),
        solar[2:],
        solar[2:],
        args[5],
        args[6][2:],
    )
    assert np.array_equal(single.charge_j[0], blocks[0].charge_j[2])


def test_impossible_numbers_are_told() -> None:
    fleet = battery()
    units = fleet.units.copy()
    units[0, k.LEG_VA] = 0.0
    with pytest.raises(ValueError, match="above 0"):
        IslandFleet(units, fleet.engines, fleet.engine_of)
    with pytest.raises(ValueError, match="need charge_j"):
        fleet.advance(
            fleet.initial(), np.zeros(2), np.zeros((1, 2, 1)), np.zeros((1, 2, 1)), np.zeros((1, 1)),
            np.zeros((1, 1)), np.ones(1), np.ones(1, dtype=bool),
        )  # fmt: skip


def test_a_set_that_is_overcome_stands_still_or_is_off_until_a_person_comes() -> None:
    fleet = IslandFleet.of([library.load("der", "portable-generator-6.25")])
    one, now = np.array([0]), np.ones(1)
    state = fleet.ordered(fleet.initial(), one, run=True)
    state = fleet.changed(
        state,
        fleet.advance(state, np.zeros(1), *np.zeros((2, 1, 2, 1)), *np.zeros((2, 1, 1)), 60 * now, now < 0),
    )
    assert fleet.alive(state).all()
    for stalls in (True, False):
        over = fleet.overcome(state, one, stalls=stalls)
        assert not fleet.alive(over).any()
        assert (
            np.isnan(fleet.frequency_hz(over)).any() == stalls
        )  # behind its open breaker the engine is heard
        again = fleet.reset(over, one)
        assert fleet.alive(again).any() != stalls  # one that stalled has to start first
