"""Batteries: energy balance first, then limits and modes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.devices import battery_kernels
from cosim.devices.battery import BatteryFleet, Mode


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
    return BatteryFleet(mode=[mode] * count, **{name: np.full(count, v) for name, v in values.items()})


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
        f.initial()[0], net[0], seconds, True, 0, np.array([0.2, 1.0]) * 13.5 * 3.6e6,
        np.array([5000.0, 11500.0]), np.array([0.95, 0.94]), 0.0, power, charge,
    )  # fmt: skip
    assert np.array_equal(power, whole.power_w[0])
    assert np.array_equal(charge, whole.charge_j[0])


def test_impossible_values_are_named_together() -> None:
    with pytest.raises(ValueError, match=r"charge_efficiency.*reserve"):
        fleet(charge_efficiency=1.2, reserve=-0.1)
