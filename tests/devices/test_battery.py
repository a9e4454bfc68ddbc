"""Batteries: energy balance first, then limits and modes."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.devices import battery_kernels
from cosim.devices.battery import BatteryFleet, Mode, Order, Usage
from cosim.devices.periods import Periods


def fleet(count: int = 3, mode: Mode = "self-consumption", **changes: float) -> BatteryFleet:
    values = {
        "capacity_j": 13.5 * 3.6e6,
        "charge_w": 5000.0,
        "discharge_w": 11500.0,
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.94,
        "reserve": 0.2,
        "grid_charge_w": 0.0,
        "initial_soc": 0.5,
    } | changes
    return BatteryFleet(usage=[mode] * count, **{name: np.full(count, v) for name, v in values.items()})


def some_days(count: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, 6000.0, (count, steps)), rng.choice([0.01, 1.0, 60.0, 900.0], steps)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(["self-consumption", "backup"]))
def test_energy_balances_and_limits_hold(seed: int, mode: Mode) -> None:
    f = fleet(mode=mode, grid_charge_w=1700.0)
    net, seconds = some_days(3, 200, seed)
    block = f.advance(f.initial(), net, seconds, parallel=False)
    given_w, taken_w = np.maximum(block.power_w, 0.0), np.maximum(-block.power_w, 0.0)
    stored = f.initial()[:, None] + np.cumsum((taken_w * 0.95 - given_w / 0.94) * seconds, axis=1)
    assert np.allclose(stored, block.charge_j, rtol=0, atol=1e-6)  # of 4.9e7 J
    assert np.all(given_w <= 11500.0)
    assert np.all(taken_w <= 5000.0)
    soc = f.soc(block.charge_j)
    assert soc.min() >= 0.2 - 1e-12
    assert soc.max() <= 1.0 + 1e-12


def test_self_consumption_follows_the_net_load_and_never_exports() -> None:
    f = fleet()
    net, seconds = some_days(3, 300, 1)
    block = f.advance(f.initial(), net, seconds, parallel=False)
    left = net - block.power_w
    assert np.all(left[net > 0] >= 0.0)
    assert np.all(left[net < 0] <= 0.0)


def test_a_full_battery_takes_nothing_and_an_empty_one_stops_at_its_reserve() -> None:
    f = fleet(1, initial_soc=1.0)
    assert f.advance(f.initial(), np.full((1, 5), -4000.0), np.full(5, 60.0)).power_w.max() == 0.0
    block = f.advance(f.initial(), np.full((1, 200), 4000.0), np.full(200, 900.0), parallel=False)
    assert block.power_w.sum() * 900.0 == pytest.approx(0.8 * 13.5 * 3.6e6 * 0.94)
    assert f.soc(block.charge_j)[0, -1] == pytest.approx(0.2)


def test_backup_fills_from_the_grid_and_stays_full() -> None:
    f = fleet(1, "backup", grid_charge_w=1700.0)
    block = f.advance(f.initial(), np.full((1, 600), 3000.0), np.full(600, 60.0), parallel=False)
    assert block.power_w[0, 0] == -1700.0
    assert block.power_w.max() <= 0.0
    assert f.soc(block.charge_j)[0, -1] == pytest.approx(1.0)


def test_one_that_may_not_run_keeps_its_energy() -> None:
    f = fleet(2)
    block = f.advance(f.initial(), np.full((2, 3), 3000.0), np.full(3, 60.0), np.array([True, False]))
    assert np.all(block.power_w[1] == 0.0)
    assert np.all(block.charge_j[1] == f.initial()[1])
    assert np.all(block.power_w[0] == 3000.0)


def test_cut_threads_and_compilation_change_no_bits() -> None:
    f = fleet()
    net, seconds = some_days(3, 120, 5)
    whole = f.advance(f.initial(), net, seconds, parallel=False)
    threads = f.advance(f.initial(), net, seconds, parallel=True)
    assert np.array_equal(whole.charge_j, threads.charge_j)
    head = f.advance(f.initial(), net[:, :47], seconds[:47], parallel=False)
    tail = f.advance(np.ascontiguousarray(head.charge_j[:, -1]), net[:, 47:], seconds[47:], parallel=False)
    assert np.array_equal(np.hstack([head.power_w, tail.power_w]), whole.power_w)
    assert np.array_equal(np.hstack([head.charge_j, tail.charge_j]), whole.charge_j)
    power, charge = np.empty(120), np.empty(120)
    battery_kernels.advance_one.py_func(  # type: ignore[attr-defined]
        f.initial()[0], net[0], seconds, True, False, np.zeros(120, np.int64), np.zeros(120),
        np.array([0.2, 1.0]) * 13.5 * 3.6e6, np.array([5000.0, 11500.0]), np.array([0.95, 0.94]), 0.0,
        np.array([np.inf]), 0.0, power, charge,
    )  # fmt: skip
    assert np.array_equal(power, whole.power_w[0])
    assert np.array_equal(charge, whole.charge_j[0])


def test_impossible_values_are_named_together() -> None:
    with pytest.raises(ValueError, match=r"charge_efficiency.*reserve"):
        fleet(charge_efficiency=1.2, reserve=-0.1)


CALENDAR = Calendar(datetime(2026, 7, 13), "America/New_York", 900_000_000, 192)  # a Monday
QUARTERS_US = np.arange(192, dtype=np.int64) * 900_000_000
HOURS = np.arange(192) % 96 / 4.0


def day_of(usage: Usage, net_w: float = 1000.0, **changes: float) -> tuple[np.ndarray, np.ndarray]:
    """Power and charge of one battery over two days of quarters of an hour."""
    f = fleet(1, grid_charge_w=5000.0, **changes)
    f = BatteryFleet(**{**{k: getattr(f, k) for k in f.__dataclass_fields__}, "usage": [usage]})
    block = f.advance(f.initial(), np.full((1, 192), net_w), np.full(192, 900.0), start_us=QUARTERS_US)
    return block.power_w[0], f.soc(block.charge_j)[0]


def test_a_tariff_fills_the_battery_when_cheap_and_serves_the_home_when_dear() -> None:
    tariff = Periods.of_tariff(library.load("tariffs", "georgia-overnight"))
    power, soc = day_of(Usage("tariff", periods=tariff, calendar=CALENDAR))
    night, peak = (HOURS < 7.0) | (HOURS >= 23.0), (HOURS >= 14.0) & (HOURS < 19.0)
    assert (power[night] <= 0.0).all()
    assert power[night].min() == -5000.0
    assert (power[peak] == 1000.0).all()
    assert not power[~night & ~peak].any()
    assert soc[28] == pytest.approx(1.0)


def test_export_empties_to_the_reserve_in_its_window_and_fills_up_in_the_cheap_hours() -> None:
    tariff = Periods.of_tariff(library.load("tariffs", "georgia-overnight"))
    usage = Usage("export", window=Periods.window(68, 76), periods=tariff, calendar=CALENDAR)
    power, soc = day_of(usage)
    window, night = (HOURS >= 17.0) & (HOURS < 19.0), (HOURS < 7.0) | (HOURS >= 23.0)
    assert power[window].max() == 11500.0
    assert power[48:76].sum() / 4.0 == pytest.approx(0.8 * 13.5e3 * 0.94)
    assert soc[75] == pytest.approx(0.2)
    assert not power[~window & ~night].any()


def test_orders_are_followed_as_far_as_charge_and_power_go() -> None:
    orders = (
        Order(8 * 900_000_000, 12 * 900_000_000, 3000.0),
        Order(100 * 900_000_000, 104 * 900_000_000, -9000.0),
    )
    power, _ = day_of(Usage("dispatch", orders=orders), net_w=0.0)
    asked = np.zeros(192)
    asked[8:12], asked[100:104] = 3000.0, -5000.0  # the charger's limit
    assert np.array_equal(power, asked)


def test_charging_keeps_to_what_the_service_leaves() -> None:
    f = fleet(1, "backup", grid_charge_w=5000.0)
    limit = np.tile([0.0, 800.0, 9000.0], 20)[None]
    block = f.advance(f.initial(), np.full((1, 60), 500.0), np.full(60, 60.0), grid_limit_w=limit)
    assert block.power_w[0, :3].tolist() == [0.0, -800.0, -5000.0]


def test_standby_takes_from_the_store_and_never_below_nothing() -> None:
    f = fleet(1, standby_w=36.0, initial_soc=0.3)
    block = f.advance(f.initial(), np.zeros((1, 48)), np.full(48, 3600.0))
    assert block.charge_j[0, -1] == pytest.approx(f.initial()[0] - 48 * 36.0 * 3600.0)
    long = f.advance(f.initial(), np.zeros((1, 300)), np.full(300, 3600.0))
    assert long.charge_j[0, -1] == 0.0


def test_a_battery_alone_serves_its_home_below_the_reserve() -> None:
    f = fleet(1)
    net = np.full((1, 60), 4000.0)
    block = f.advance(f.initial(), net, np.full(60, 900.0), alone=np.array([True]))
    assert f.soc(block.charge_j)[0, -1] == pytest.approx(0.0)
    assert (block.power_w * 900.0).sum() == pytest.approx(0.5 * 13.5 * 3.6e6 * 0.94)


def test_a_timed_fleet_asks_for_the_clock_and_a_usage_for_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"needs a calendar; mode 'tariff' needs periods"):
        Usage("tariff")
    with pytest.raises(ValueError, match="needs a window"):
        Usage("export", calendar=CALENDAR)
    f = fleet(1)
    orders = BatteryFleet(
        **{**{k: getattr(f, k) for k in f.__dataclass_fields__}, "usage": [Usage("dispatch")]}
    )
    with pytest.raises(ValueError, match="start_us is needed"):
        orders.advance(orders.initial(), np.zeros((1, 2)), np.full(2, 60.0))
