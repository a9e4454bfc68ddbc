"""A street of drawn households under one sky, without a feeder: what studies of demand alone run on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand.block import Bool, Demand, DemandBlock, Float, State
from cosim.demand.calendar import Calendar
from cosim.demand.households import HouseholdDemand
from cosim.demand.traits import Electrification, draw_traits
from cosim.demand.weather import Weather
from cosim.devices.ev import EvFleet, Plan, fleet_of
from cosim.errors import Problem, ScenarioError
from cosim.randomness import stable_ids, uniforms

if TYPE_CHECKING:
    from cosim.entries import EvHabitsEntry, VehicleEntry

STEP_US = 60_000_000
VEHICLE, HABITS = "vehicle-250", "ev-habits"  # of models/der


@dataclass(frozen=True, eq=False)
class WithCars:
    """Demand of homes, and cars in some of them that charge on arrival as fast as they can.

    Parameters
    ----------
    homes
        What the homes draw.
    cars, home
        Cars, and the row of each one's home.
    """

    homes: HouseholdDemand
    cars: EvFleet
    home: NDArray[np.int64]

    def initial(self) -> State:
        """State before the first step."""
        return {**self.homes.initial(), "car_j": self.cars.initial()}

    def block(
        self, state: State, first_step: int, seconds: Float, powered: Bool, limit_w: Float | None = None
    ) -> DemandBlock:
        """Demand of consecutive steps; see `Demand.block`."""
        start_us = int(state["at_us"].min()) + np.rint(1e6 * (np.cumsum(seconds) - seconds)).astype(np.int64)
        found = self.homes.block(state, first_step, seconds, powered, limit_w)
        ev_w = np.zeros((len(powered), len(seconds)))
        net_w = np.ascontiguousarray(found.panel_w.sum(axis=1)[self.home])
        lit = np.ascontiguousarray(powered[self.home])
        charged = self.cars.advance(
            state["car_j"], start_us, seconds, net_w, powered=lit, parallel=self.homes.parallel
        )
        ev_w[self.home] = charged.power_w
        car_j = np.ascontiguousarray(charged.charge_j[:, -1])
        return replace(found, ev_w=ev_w, end={**found.end, "car_j": car_j})


@dataclass(frozen=True)
class Street:
    """Homes and their clock, in minutes from midnight of the first day.

    Parameters
    ----------
    demand
        What they draw.
    homes, steps
        How many homes and minutes.
    start
        Midnight of the first day, wall clock.
    """

    demand: Demand
    homes: int
    steps: int
    start: datetime

    def step_of(self, moment: datetime) -> int:
        """Minute of a moment of the street's days, by a wall clock that is not put forward or back in between."""
        return round((moment - self.start) / timedelta(minutes=1))


def street(
    homes: int,
    start: datetime,
    days: int,
    *,
    household: str = "",
    electrify: float = 0.0,
    cars: float = 0.0,
    car_kw: float = 11.5,
    weather: str = "tmy3:greensboro",
    timezone: str = "America/New_York",
    seed: int = 1,
    parallel: bool = True,
) -> Street:
    """Draw a street.

    Parameters
    ----------
    homes, start, days
        How many, from midnight of which day, for how long.
    household
        Entry of ``models/households`` that all of them are; empty: drawn by ``stock_share``.
    electrify
        Share of homes whose gas gives way to electricity, in heating, hot water, cooking and drying.
    cars, car_kw
        Share of homes with a car, and what its charger gives. Miles cost what they cost on a mild day.
    weather, timezone
        As in a scenario.
    seed
        Of all draws.
    parallel
        On all threads; the bits are the same.

    Raises
    ------
    InputError
        If a household, weather or time zone is not known, or a number cannot be.
    """
    wrong = [
        Problem(f"should be {what}", key=key, value=f"{value:g}")
        for key, value, right, what in (
            ("homes", homes, homes >= 1, "at least 1"),
            ("days", days, 1 <= days <= 366, "between 1 and 366"),
            ("electrify", electrify, 0.0 <= electrify <= 1.0, "between 0 and 1"),
            ("cars", cars, 0.0 <= cars <= 1.0, "between 0 and 1"),
            ("car_kw", car_kw, 1.4 <= car_kw <= 20.0, "between 1.4 and 20"),
        )
        if not right
    ]
    if wrong:
        raise ScenarioError(wrong)
    midnight = datetime(start.year, start.month, start.day)
    calendar = Calendar(midnight, timezone, STEP_US, 1440 * days)
    sky = Weather(weather, calendar, seed=seed)
    ids = stable_ids([f"street-{i}" for i in range(homes)])
    gone = Electrification(heating=electrify, water_heating=electrify, cooking=electrify, drying=electrify)
    traits = draw_traits(ids, seed, household=[household] * homes, electrification=gone)
    demand = HouseholdDemand(calendar, sky, traits, seed, parallel=parallel)
    if cars == 0.0:
        return Street(demand, homes, 1440 * days, midnight)
    home = np.flatnonzero(uniforms(seed, "street.car", ids) < cars)
    fleet = fleet_of(
        calendar,
        seed,
        ids[home],
        np.full(len(home), car_kw * 1e3),
        [cast("VehicleEntry", library.load("der", VEHICLE))] * len(home),
        cast("EvHabitsEntry", library.load("der", HABITS)),
        [Plan()] * len(home),
    )
    return Street(WithCars(demand, fleet, home), homes, 1440 * days, midnight)


def typical(power_w: np.ndarray) -> dict[str, float]:
    """How one home's minutes are distributed: median home, and the middle nine tenths of homes [kW]."""
    each = {  # home by home: a year of minutes is not copied whole
        "mean": power_w.mean(axis=1),
        "p99": np.array([np.quantile(row, 0.99) for row in power_w]),
        "highest": power_w.max(axis=1),
    }
    found: dict[str, float] = {}
    for name, values in each.items():
        low, middle, high = np.quantile(values / 1e3, (0.05, 0.5, 0.95))
        found |= {f"{name}_kw": middle, f"{name}_kw_low": low, f"{name}_kw_high": high}
    return found
