"""From a population to its fleets of cars and batteries, and to what keeps its homes inside their services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand.calendar import DAY_US
from cosim.devices.battery import BatteryFleet, Order, Usage
from cosim.devices.ev import EvFleet, Plan, fleet_of
from cosim.devices.periods import Periods
from cosim.devices.service_limit import ServiceLimits
from cosim.randomness import stable_ids
from cosim.scenario.der_schema import HABITS, Battery, Ev
from cosim.scenario.dispatch import orders_of
from cosim.tariff_entry import slot_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosim.adapter_entry import AdapterEntry
    from cosim.demand.calendar import Calendar
    from cosim.demand.weather import Weather
    from cosim.entries import BatteryEntry, EvHabitsEntry, VehicleEntry
    from cosim.scenario import Scenario
    from cosim.scenario.population import Population

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cars:
    """The cars, the home of each, and the library entries they are made from, as (kind, name)."""

    fleet: EvFleet
    home: Int
    entries: tuple[tuple[str, str], ...]


def fit_cars(scenario: Scenario, population: Population, weather: Weather) -> Cars:
    """Cars of a population.

    Raises
    ------
    LibraryError
        If an entry cannot be used.
    """
    home = np.flatnonzero(population.ev_kw > 0.0)
    asked = [cast("Ev", population.ev[row]) for row in home]
    named = {car.vehicle: cast("VehicleEntry", library.load("der", car.vehicle)) for car in asked}
    habits = cast("EvHabitsEntry", library.load("der", HABITS))
    plans = {id(car): _plan(car) for car in asked}
    fleet = fleet_of(
        weather.calendar,
        scenario.seed,
        stable_ids([population.home[row] for row in home]),
        population.ev_kw[home] * 1e3,
        [named[car.vehicle] for car in asked],
        habits,
        [plans[id(car)] for car in asked],
        gives=np.array([car.to_home for car in asked], dtype=np.bool_),
        day_factor=ColdDays(weather, habits),
    )
    used = [("der", name) for name in (*sorted(named), *((HABITS,) if len(home) else ()))]
    tariffs = sorted({car.tariff for car in asked if car.tariff is not None})
    return Cars(fleet, home, (*used, *(("tariffs", name) for name in tariffs)))


def _plan(car: Ev) -> Plan:
    match car.mode:
        case "timer":
            assert car.window is not None
            return Plan(_window(car.window), strict=True)
        case "managed":
            return Plan(Periods.always() if car.window is None else _window(car.window), spread=True)
        case "tariff":
            assert car.tariff is not None
            return Plan(_tariff(car.tariff))
    return Plan()


def _window(window: tuple[str, str]) -> Periods:
    return Periods.window(slot_of(window[0]), slot_of(window[1]))


def _tariff(name: str) -> Periods:
    return Periods.of_tariff(library.load("tariffs", name))


class ColdDays:
    """Energy a mile over that of a mild day, by the mean air temperature of local-standard days."""

    def __init__(self, weather: Weather, habits: EvHabitsEntry) -> None:
        self.weather = weather
        self.at_c, self.factor = np.array(habits.energy_by_c, dtype=np.float64).T
        self._kept: dict[int, float] = {}

    def __call__(self, days: Int) -> Float:
        """(days,) factors."""
        return np.array([self._of(int(day)) for day in days])

    def _of(self, day: int) -> float:
        if day not in self._kept:
            calendar = self.weather.calendar
            start_us = day * DAY_US - calendar.standard_offset_us - calendar.start_utc_us
            first, count = start_us // calendar.step_us, DAY_US // calendar.step_us
            mean_c = self.weather.block(first, count).ambient_c.mean()
            self._kept[day] = float(np.interp(mean_c, self.at_c, self.factor))
        return self._kept[day]


def fit_batteries(scenario: Scenario, population: Population, calendar: Calendar) -> tuple[BatteryFleet, Int]:
    """Batteries of a population, and the home of each.

    Raises
    ------
    LibraryError, ScenarioError
        If an entry, a tariff or a dispatch signal cannot be used.
    """
    home = np.flatnonzero(population.battery != "")
    asked = [cast("Battery", population.storage[row]) for row in home]
    used = sorted({use.entry for use in asked})
    named = {name: cast("BatteryEntry", library.load("der", name)) for name in used}
    entries = [named[use.entry] for use in asked]
    usages = {id(use): _usage(use, scenario, calendar) for use in asked}
    fleet = BatteryFleet.from_entries(
        entries,
        usage=[usages[id(use)] for use in asked],
        reserve=np.array([use.reserve for use in asked], dtype=np.float64),
        initial_soc=np.array([use.initial_soc for use in asked], dtype=np.float64),
        grid_charge_w=np.array(
            [_grid_charge_kw(use, entry) * 1e3 for use, entry in zip(asked, entries, strict=True)],
            dtype=np.float64,
        ),
    )
    return fleet, home


def _grid_charge_kw(use: Battery, entry: BatteryEntry) -> float:
    return entry.charge_kw.value if use.grid_charge_kw is None else use.grid_charge_kw


def _usage(use: Battery, scenario: Scenario, calendar: Calendar) -> Usage:
    orders = orders_of(use) if use.mode == "dispatch" else ()
    return Usage(
        use.mode,
        periods=None if use.tariff is None else _tariff(use.tariff),
        window=None if use.window is None else _window(use.window),
        orders=tuple(
            Order(scenario.elapsed_us(order.start), scenario.elapsed_us(order.end), order.power_kw * 1e3)
            for order in orders
        ),
        calendar=calendar,
    )


@dataclass(frozen=True, eq=False)
class Managed:
    """What keeps homes inside their services.

    Parameters
    ----------
    limits
        (homes,) of all homes; infinite where nothing manages them.
    car, loads
        (homes,) whether the car gives way, and whether loads of the panel may be shed.
    """

    limits: ServiceLimits
    car: NDArray[np.bool_]
    loads: NDArray[np.bool_]

    @property
    def shed_limit_w(self) -> Float:
        """(homes,) largest power of the panel before loads are shed [W]; infinite where none are."""
        return np.where(self.loads, self.limits.home_w, np.inf)


def fit_limits(population: Population, adapters: Mapping[str, AdapterEntry], leg_v: Float) -> Managed:
    """Service limits of a population: the adapter's own, or the group's `service_limit`.

    A group's `service_limit` without an adapter that manages loads stands for management of both.
    """
    share = population.service_limit.copy()
    given = ~np.isnan(share)
    car, loads = given.copy(), given.copy()
    for name, entry in adapters.items():
        rows = population.adapter == name
        if entry.manages is None:
            continue
        car[rows], loads[rows] = entry.manages.car == "yes", entry.manages.loads == "yes"
        share[rows & ~given] = entry.manages.limit_share.value
    limits = ServiceLimits.of_rating(population.service_rating_a, share, leg_v)
    limited = np.isfinite(limits.limit_a)
    return Managed(limits, car & limited, loads & limited)
