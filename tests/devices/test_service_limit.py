"""Service limits: the grid's current stays inside whenever what cannot be managed allows it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.devices.ev import Plan, fleet_of
from cosim.devices.service_limit import LOWEST_PU, ServiceLimits
from cosim.randomness import stable_ids


def leg_currents(panel_w: np.ndarray, panel_var: np.ndarray, line_w: np.ndarray, pu: float) -> np.ndarray:
    """(2, k, steps) current of both legs at a voltage."""
    va = panel_w[:, :2] + 1j * panel_var[:, :2] + 0.5 * (panel_w[:, 2:] + 1j * panel_var[:, 2:])
    return np.abs(va + 0.5 * line_w[:, None]).transpose(1, 0, 2) / (120.0 * pu)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(LOWEST_PU, 1.05))
def test_the_current_stays_inside_the_limit_whenever_the_rest_allows(seed: int, pu: float) -> None:
    rng = np.random.default_rng(seed)
    k, steps = 5, 40
    limits = ServiceLimits.of_rating(rng.choice([60.0, 100.0, 200.0], k), np.full(k, 0.8), np.full(k, 120.0))
    panel_w = rng.gamma(1.0, 2500.0, (k, 3, steps))
    panel_var = panel_w * rng.uniform(-0.1, 0.7, (k, 3, steps))
    other_w = -rng.gamma(1.0, 2000.0, (k, steps))
    room = limits.leaves_w(panel_w, panel_var, other_w, parallel=False)
    car_w = np.minimum(room, 11.5e3)
    before = leg_currents(panel_w, panel_var, other_w, pu).max(axis=0)
    after = leg_currents(panel_w, panel_var, other_w + car_w, pu).max(axis=0)
    allowed = limits.limit_a[:, None] * (1 + 1e-12)
    assert ((after <= allowed) | ((car_w == 0.0) & (after == before))).all()
    # Nothing is wasted: at the lowest voltage a load that the limit cuts meets it exactly.
    cut = (room > 0.0) & (room < 11.5e3)
    at_lowest = leg_currents(panel_w, panel_var, other_w + room, LOWEST_PU).max(axis=0)
    assert at_lowest[cut] == pytest.approx(np.broadcast_to(limits.limit_a[:, None], cut.shape)[cut])
    assert np.array_equal(room, limits.leaves_w(panel_w, panel_var, other_w, parallel=True))


def test_cars_charge_with_what_the_service_leaves() -> None:
    cars, steps = 40, 1440 * 3
    calendar = Calendar(datetime(2026, 1, 5), "America/New_York", 60_000_000, steps)
    vehicle, habits = library.load("der", "vehicle-250"), library.load("der", "ev-habits")
    ids = stable_ids([str(row) for row in range(cars)])
    fleet = fleet_of(calendar, 3, ids, np.full(cars, 11.5e3), [vehicle] * cars, habits, [Plan()] * cars)
    rng = np.random.default_rng(1)
    panel_w = np.repeat(rng.gamma(0.6, 2500.0, (cars, 3, steps // 15)), 15, axis=2)
    limits = ServiceLimits.of_rating(np.full(cars, 60.0), np.full(cars, 0.8), np.full(cars, 120.0))
    nothing = np.zeros((cars, steps))
    room = limits.leaves_w(panel_w, 0.2 * panel_w, nothing)
    start_us, seconds = np.arange(steps, dtype=np.int64) * 60_000_000, np.full(steps, 60.0)
    free = fleet.advance(fleet.initial(), start_us, seconds, nothing)
    kept = fleet.advance(fleet.initial(), start_us, seconds, nothing, room)
    current = leg_currents(panel_w, 0.2 * panel_w, kept.power_w, LOWEST_PU).max(axis=0)
    assert (current[kept.power_w > 0.0] <= 48.0 * (1 + 1e-12)).all()
    assert leg_currents(panel_w, 0.2 * panel_w, free.power_w, LOWEST_PU).max() > 48.0
    assert kept.charge_j.mean() < free.charge_j.mean()
    assert (kept.charge_j <= free.charge_j * (1 + 1e-12)).all()  # later, and full in the end all the same
    assert not fleet.departures(start_us, seconds, kept.charge_j).missing_j.any()


def test_homes_without_a_limit_or_a_rating_are_free() -> None:
    limits = ServiceLimits.of_rating(
        np.array([100.0, np.nan, 100.0]), np.array([0.8, 0.8, np.nan]), np.full(3, 120.0)
    )
    room = limits.leaves_w(np.zeros((3, 3, 1)), np.zeros((3, 3, 1)), np.zeros((3, 1)))
    assert room[:, 0].tolist() == [2 * 80.0 * 120.0 * 0.95, np.inf, np.inf]
    with pytest.raises(ValueError, match="positive"):
        ServiceLimits(np.array([0.0]), np.array([120.0]))
