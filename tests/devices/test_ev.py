"""Cars: days, closed-form charging, plans, limits and vehicle-to-home."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.devices import ev_kernels as k
from cosim.devices.ev import EvFleet, Plan, fleet_of
from cosim.devices.periods import Periods
from cosim.randomness import stable_ids

MINUTE_US = 60_000_000
NIGHT = Periods.window(92, 24)  # 23:00 to 6:00
DAYS = 7


def fleet(
    plan: Plan, cars: int = 30, *, kw: float = 11.5, gives: bool = False, start: datetime | None = None
) -> EvFleet:
    calendar = Calendar(start or datetime(2026, 7, 13), "America/New_York", MINUTE_US, 1440 * DAYS)
    vehicle, habits = library.load("der", "vehicle-250"), library.load("der", "ev-habits")
    assert vehicle.kind == "vehicle"
    assert habits.kind == "ev-habits"
    ids = stable_ids([f"home-{row}" for row in range(cars)])
    return fleet_of(
        calendar,
        7,
        ids,
        np.full(cars, kw * 1e3),
        [vehicle] * cars,
        habits,
        [plan] * cars,
        gives=np.full(cars, gives),
    )


def steps(minutes: float = 1.0, days: float = DAYS) -> tuple[np.ndarray, np.ndarray]:
    count = round(days * 1440 / minutes)
    return np.arange(count, dtype=np.int64) * round(minutes * MINUTE_US), np.full(count, 60.0 * minutes)


PLANS = {
    "arrival": Plan(),
    "timer": Plan(NIGHT, strict=True),
    "spread": Plan(Periods.always(), spread=True),
    "price": Plan(NIGHT),
}


@pytest.mark.parametrize("name", PLANS)
def test_energy_from_the_plug_is_what_the_battery_gains_and_trips_take(name: str) -> None:
    cars = fleet(PLANS[name])
    start_us, seconds = steps()
    charge = cars.initial()
    block = cars.advance(charge, start_us, seconds, np.zeros((len(cars), len(seconds))))
    times = cars._times(cars._edges_minute(start_us, seconds))
    end = cars._edges_minute(start_us, seconds)[-1]
    back = (times[:, k.RETURNS] >= cars._edges_minute(start_us, seconds)[0]) & (times[:, k.RETURNS] < end)
    trips = np.where(back, times[:, k.TRIP_J], 0.0).sum(axis=1)
    gained = (block.power_w * seconds).sum(axis=1) * cars.cars[:, k.CHARGE_EFFICIENCY]
    # Trips beyond what the battery holds would be missing here; none of these is.
    assert gained == pytest.approx(block.charge_j[:, -1] - charge + trips, rel=1e-9)
    assert (block.charge_j <= cars.cars[:, k.FULL_J, None]).all()
    assert (block.power_w <= 11.5e3 * (1 + 1e-12)).all()


@pytest.mark.parametrize("name", PLANS)
def test_bits_do_not_depend_on_cuts_threads_or_neighbours(name: str) -> None:
    cars = fleet(PLANS[name])
    start_us, seconds = steps()
    net = np.zeros((len(cars), len(seconds)))
    charge = cars.initial()
    whole = cars.advance(charge, start_us, seconds, net, parallel=True)
    cut = 3217
    first = cars.advance(charge, start_us[:cut], seconds[:cut], net[:, :cut], parallel=False)
    at = np.ascontiguousarray(first.charge_j[:, -1])
    second = cars.advance(at, start_us[cut:], seconds[cut:], net[:, cut:], parallel=False)
    assert np.array_equal(np.hstack((first.power_w, second.power_w)), whole.power_w)
    assert np.array_equal(np.hstack((first.charge_j, second.charge_j)), whole.charge_j)
    alone = fleet(PLANS[name], cars=1)
    one = alone.advance(alone.initial(), start_us, seconds, net[:1])
    assert np.array_equal(one.power_w[0], whole.power_w[0])


def test_long_steps_hold_the_same_energy_as_short_ones() -> None:
    cars = fleet(Plan())
    charge = cars.initial()
    fine = cars.advance(charge, *steps(1.0), np.zeros((len(cars), 1440 * DAYS)))
    coarse = cars.advance(charge, *steps(15.0), np.zeros((len(cars), 96 * DAYS)))
    assert coarse.charge_j == pytest.approx(fine.charge_j[:, 14::15], rel=1e-9)
    assert coarse.power_w == pytest.approx(fine.power_w.reshape(len(cars), -1, 15).mean(axis=2), abs=1e-3)


def test_taper_follows_its_differential_equation() -> None:
    car = fleet(Plan(), 1)._rows[0]
    charge, dt = car[k.TAPER_J] - 2e6, 0.05
    start = charge
    for _ in range(round(1800 / dt)):  # 11.5 kW, falling linearly above the taper's begin
        share = max((charge - car[k.TAPER_J]) / (car[k.CAPACITY_J] - car[k.TAPER_J]), 0.0)
        power = car[k.CHARGE_W] * (1.0 - (1.0 - car[k.TAPER_FLOOR]) * share)
        charge = min(charge + car[k.CHARGE_EFFICIENCY] * power * dt, car[k.FULL_J])
    assert k.taken_j(car, start, car[k.CHARGE_W], 1800.0) == pytest.approx(charge, rel=1e-6)
    half = k.taken_j(car, k.taken_j(car, start, 11.5e3, 700.0), 11.5e3, 1100.0)
    assert half == pytest.approx(k.taken_j(car, start, 11.5e3, 1800.0), rel=1e-12)


def test_full_power_until_full_takes_the_time_that_is_foretold() -> None:
    car = fleet(Plan(), 1)._rows[0]
    for share in (0.2, 0.9, 0.98, 0.995):
        charge = share * car[k.FULL_J]
        extra = k.taper_min(car, charge)
        minutes = k.bulk_min(car, charge) + extra
        assert k.taken_j(car, charge, car[k.CHARGE_W], 60.0 * minutes) == pytest.approx(
            car[k.FULL_J], rel=1e-12
        )
        assert k.taken_j(car, charge, car[k.CHARGE_W], 59.0 * minutes) < car[k.FULL_J]
        assert extra > 0.0


def test_a_limit_is_kept_and_the_pilot_knows_no_current_below_six_amperes() -> None:
    cars = fleet(Plan())
    start_us, seconds = steps()
    limit = np.abs(np.sin(np.arange(len(cars) * len(seconds)).reshape(len(cars), -1))) * 8e3
    block = cars.advance(cars.initial(), start_us, seconds, np.zeros_like(limit), limit)
    assert (block.power_w <= limit * (1 + 1e-12)).all()
    assert not block.power_w[limit < 1440.0].any()
    assert block.power_w[limit >= 1440.0].any()


def test_a_timer_charges_in_its_window_and_a_price_plan_as_cheaply_as_fills_the_car() -> None:
    start_us, seconds = steps()
    hour = np.arange(len(seconds)) % 1440 / 60.0
    day_time = (hour >= 6.0) & (hour < 23.0)
    for plan in (Plan(NIGHT, strict=True), Plan(NIGHT)):
        cars = fleet(plan, 200, kw=3.6)
        block = cars.advance(cars.initial(), start_us, seconds, np.zeros((200, len(seconds))))
        by_day = block.power_w[:, day_time].sum() / block.power_w.sum()
        missing = cars.departures(start_us, seconds, block.charge_j).missing_j / 3.6e6
        if plan.strict:
            assert by_day == 0.0
            assert (missing > 1.0).mean() > 0.05
            strict_missing = missing
        else:
            assert 0.0 < by_day < 0.2
            assert missing.sum() < 0.5 * strict_missing.sum()


def test_spread_cars_draw_less_at_once_and_leave_full() -> None:
    start_us, seconds = steps()
    peaks = {}
    for name in ("arrival", "spread"):
        cars = fleet(PLANS[name], 200)
        block = cars.advance(cars.initial(), start_us, seconds, np.zeros((200, len(seconds))))
        peaks[name] = block.power_w.sum(axis=0).max()
        assert (
            cars.departures(start_us, seconds, block.charge_j).missing_j < 0.01 * 81.25 * 3.6e6
        ).mean() > 0.99
    assert peaks["spread"] < 0.75 * peaks["arrival"]


def test_departures_are_once_a_day_and_count_from_the_start() -> None:
    cars = fleet(Plan())
    start_us, seconds = steps()
    block = cars.advance(cars.initial(), start_us, seconds, np.zeros((len(cars), len(seconds))))
    whole = cars.departures(start_us, seconds, block.charge_j)
    assert len(whole.car) == pytest.approx(len(cars) * DAYS, abs=len(cars) // 5)
    cut = 5000
    parts = [
        cars.departures(start_us[part], seconds[part], block.charge_j[:, part])
        for part in (slice(None, cut), slice(cut, None))
    ]
    assert sorted(np.concatenate([p.time_us for p in parts])) == sorted(whole.time_us)
    home = cars.plugged(start_us, seconds)
    assert not block.power_w[~home & ~np.roll(home, -1, axis=1) & ~np.roll(home, 1, axis=1)].any()


def test_vehicle_to_home_serves_dear_hours_and_is_full_again() -> None:
    cars = fleet(Plan(NIGHT), 50, gives=True)
    start_us, seconds = steps()
    net = np.full((50, len(seconds)), 1200.0)
    block = cars.advance(cars.initial(), start_us, seconds, net)
    hour = np.arange(len(seconds)) % 1440 / 60.0
    assert block.power_w.min() >= -1200.0 * (1 + 1e-12)
    assert (block.power_w < 0.0).any()
    assert not (block.power_w < 0.0)[:, (hour >= 23.0) | (hour < 6.0)].any()
    assert (cars.departures(start_us, seconds, block.charge_j).missing_j < 0.01 * 81.25 * 3.6e6).mean() > 0.97


def test_a_car_holds_its_home_up_down_to_the_reserve() -> None:
    cars = fleet(Plan(), 20, gives=True)
    start_us, seconds = steps(days=3)
    net = np.full((20, len(seconds)), 3000.0)
    block = cars.advance(
        cars.initial(), start_us, seconds, net, powered=np.zeros(20, bool), backup=np.ones(20, bool)
    )
    reserve = cars.cars[:, k.RESERVE_J]
    stays = cars.plugged(start_us, seconds)
    assert block.power_w.min() >= -3000.0 * (1 + 1e-12)
    assert ((block.charge_j >= reserve[:, None] * (1 - 1e-12)) | ~(block.power_w < 0.0)).all()
    given = (block.power_w < 0.0)[stays & (block.charge_j > reserve[:, None] * 1.01)]
    assert given.mean() > 0.95


def test_nothing_flows_without_voltage_and_cars_still_come_and_go() -> None:
    cars = fleet(Plan())
    start_us, seconds = steps()
    net = np.zeros((len(cars), len(seconds)))
    charge = cars.initial()
    dark = cars.advance(charge, start_us, seconds, net, powered=np.zeros(len(cars), bool))
    assert not dark.power_w.any()
    assert (dark.charge_j[:, -1] < charge).all()


@pytest.mark.parametrize("start", [datetime(2026, 3, 7), datetime(2026, 10, 31)])
def test_a_day_of_daylight_saving_is_a_day_like_others(start: datetime) -> None:
    cars = fleet(Plan(NIGHT, strict=True), start=start)
    start_us, seconds = steps()
    block = cars.advance(cars.initial(), start_us, seconds, np.zeros((len(cars), len(seconds))))
    wall = cars.calendar.block(0, len(seconds)).wall_minute / 60.0
    assert not block.power_w[:, (wall >= 6.0) & (wall < 23.0)].any()
    leaves = cars.departures(start_us, seconds, block.charge_j)
    assert len(leaves.car) == pytest.approx(len(cars) * DAYS, abs=len(cars) // 5)


def test_days_are_those_of_the_habits() -> None:
    cars = fleet(Plan(), 2000)
    start_us, seconds = steps(15.0)
    block = cars.advance(cars.initial(), start_us, seconds, np.zeros((2000, len(seconds))))
    a_day = block.power_w.mean() * 24.0 / 1e3
    assert a_day == pytest.approx(30.4 * 0.325 / 0.9, rel=0.03)
    times = cars._times(cars._edges_minute(start_us, seconds))
    returns = times[:, k.RETURNS, 4:6] % 1440.0 / 60.0 + 1.0  # Monday and Tuesday, an hour of daylight saving
    assert ((returns >= 17.0) & (returns < 18.0)).mean() == pytest.approx(0.157, abs=0.015)


def test_impossible_fleets_are_refused_with_every_reason() -> None:
    good = fleet(Plan(), 2)
    cars = good.cars.copy()
    cars[0, k.RESERVE_J] = 2.0 * cars[0, k.CAPACITY_J]
    cars[1, k.TAPER_FLOOR] = 0.0
    with pytest.raises(ValueError, match=r"energies must rise.*taper_floor.*plan must name 2"):
        EvFleet(good.calendar, 7, good.id, cars, good.habits, [Plan()])


def test_waiting_cars_are_passed_over_and_none_changes_for_it() -> None:
    """A limit at every step, too large to bind, has every step decided by itself."""
    start_us, seconds = steps()
    for plan in (PLANS["timer"], PLANS["price"], Plan(NIGHT, spread=True)):
        cars = fleet(plan, 60, kw=3.6)
        net = np.zeros((60, len(seconds)))
        passed = cars.advance(cars.initial(), start_us, seconds, net)
        decided = cars.advance(cars.initial(), start_us, seconds, net, np.full_like(net, 1e6))
        assert np.array_equal(passed.power_w, decided.power_w)
        assert np.array_equal(passed.charge_j, decided.charge_j)
