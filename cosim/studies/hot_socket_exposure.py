"""What the jaws of ordinary homes carry, season by season: bins of current and air from drawn households."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.demand.households import HouseholdDemand
from cosim.demand.traits import draw_traits
from cosim.demand.weather import Weather
from cosim.devices.ev import Plan, fleet_of
from cosim.randomness import stable_ids, uniforms
from cosim.studies.street import HABITS, VEHICLE, WithCars
from cosim.thermal.contact_ageing import Exposure
from cosim.thermal.network import Float

if TYPE_CHECKING:
    from cosim.entries import EvHabitsEntry, VehicleEntry

LEG_V = 120.0
STEP_MIN, HOUR_STEPS, DAYS = 15, 4, 7
# A week in the middle of each season stands for it.
WEEKS = ((1, 15), (4, 15), (7, 15), (10, 15))
# Bins of the hours of a week by current; the last but one is the highest hour of a usual day (1 - 1/24 = 0.958).
EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.955, 0.99, 1.0)


def household_exposure(
    weather: str = "tmy3:greensboro",
    timezone: str = "America/New_York",
    *,
    kinds: int = 60,
    ev_share: float = 0.0,
    ev_kw: float = 7.7,
    branch_a: float = 0.0,
    seed: int = 1,
) -> Exposure:
    """Bins of currents and air for drawn households.

    Parameters
    ----------
    weather, timezone
        As in a scenario.
    kinds
        Number of households drawn; a study's homes are copies of them.
    ev_share, ev_kw
        Share of households with a car and the power of its charger.
    branch_a
        Constant current of what hangs on the adapter, drawn from the grid beside the panel's.

    Notes
    -----
    Currents are means of one hour, about the time constant of a jaw, at 120 V a leg.
    """
    ids = stable_ids([f"exposure-{k}" for k in range(kinds)])
    car = np.flatnonzero(uniforms(seed, "exposure.car", ids) < ev_share)
    vehicle = cast("VehicleEntry", library.load("der", VEHICLE))
    habits = cast("EvHabitsEntry", library.load("der", HABITS))
    traits = draw_traits(ids, seed)
    i2 = np.empty((kinds, len(WEEKS), len(EDGES) - 1, 6))
    air = np.empty(i2.shape[:3])
    steps = DAYS * 24 * 60 // STEP_MIN
    for season, (month, day) in enumerate(WEEKS):
        calendar = Calendar(datetime(2025, month, day), timezone, STEP_MIN * 60_000_000, steps)
        sky = Weather(weather, calendar)
        demand = HouseholdDemand(calendar, sky, traits, seed)
        seconds = np.full(steps, STEP_MIN * 60.0)
        cars = fleet_of(
            calendar,
            seed,
            ids[car],
            np.full(len(car), ev_kw * 1e3),
            [vehicle] * len(car),
            habits,
            [Plan()] * len(car),
        )
        both = WithCars(demand, cars, car)
        block = both.block(both.initial(), 0, seconds, np.ones(kinds, dtype=bool))
        ambient = sky.block(0, steps).ambient_c
        legs = _leg_current(block.panel_w, block.panel_var, block.ev_w)
        i2[:, season], air[:, season] = _bins(legs, ambient, branch_a)
    return Exposure(i2, air, np.diff(EDGES))


def _leg_current(panel_w: Float, panel_var: Float, ev_w: Float | None) -> Float:
    """(homes, 2, steps) leg currents [A]: leg-to-leg power flows through both."""
    watt = panel_w[:, :2] + 0.5 * (panel_w[:, 2:] + (0.0 if ev_w is None else ev_w[:, None]))
    var = panel_var[:, :2] + 0.5 * panel_var[:, 2:]
    return np.asarray(np.hypot(watt, var) / LEG_V)


def _bins(legs: Float, ambient: Float, branch_a: float) -> tuple[Float, Float]:
    """(homes, bins, 6) mean squared currents and (homes, bins) air, by rank of the hour."""
    homes, _, steps = legs.shape
    hour = steps // HOUR_STEPS
    load = (legs**2).reshape(homes, 2, hour, HOUR_STEPS).mean(axis=3)
    grid = ((legs + branch_a) ** 2).reshape(homes, 2, hour, HOUR_STEPS).mean(axis=3)
    air = ambient.reshape(hour, HOUR_STEPS).mean(axis=1)
    cuts = [round(edge * hour) for edge in EDGES]
    i2, warm = np.empty((homes, len(cuts) - 1, 6)), np.empty((homes, len(cuts) - 1))
    for h in range(homes):
        order = np.argsort(grid[h].sum(axis=0), kind="stable")
        for b, (start, end) in enumerate(pairwise(cuts)):
            rows = order[start:end]
            i2[h, b, :2], i2[h, b, 2:4] = grid[h][:, rows].mean(axis=1), load[h][:, rows].mean(axis=1)
            i2[h, b, 4:], warm[h, b] = branch_a**2, air[rows].mean()
    return i2, warm
