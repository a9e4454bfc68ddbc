"""What hangs at each home's socket: adapter, battery, breakers, and where their currents run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.devices.battery import BatteryFleet
from cosim.devices.breaker import TRIP_THETA, BreakerFleet
from cosim.errors import LibraryError, Problem
from cosim.scenario.population import SERVED
from cosim.simulation.adapter_heat import AdapterHeat
from cosim.simulation.inverters import entries_of
from cosim.simulation.jaws import POPULATION
from cosim.simulation.ride_through import profile_names

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry
    from cosim.entries import BatteryEntry, BreakerEntry
    from cosim.scenario.population import Population
    from cosim.simulation.jaws import AgedJaws

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Which entry's bimetal stands for a main breaker of the given rating and less.
MAIN_BREAKERS = ((125.0, "main-100-10ka"), (np.inf, "main-200-10ka"))
SERVICE_VOLTS = (200.0, 260.0)
SERVICE_SIZES_A = (100.0, 125.0, 150.0, 200.0, 320.0, 400.0, 600.0, 800.0, 1200.0)
SMALLEST_ASSUMED_A = 200.0
CONTINUOUS_SHARE = 0.8  # NEC 230.42: a continuous load takes at most 80 % of its service


@dataclass(frozen=True)
class Equipment:
    """Fleets and where they stand; home arrays have shape (homes,).

    Parameters
    ----------
    heat
        Each kind of adapter with its homes.
    battery, battery_home
        All batteries, and the home of each.
    breakers
        (2 homes,) main breakers, then branch breakers; infinite rating where there is none.
    pv_on_branch, ev_on_branch
        Whether solar and charger hang on the adapter; else they hang on the panel.
    adapter_kaic_a, breaker_kaic_a
        Short-circuit rating of the adapter and interrupting rating of the main breaker [A], NaN if unknown.
    main, branch
        Entries of models/breakers: main breaker, and the adapter's own; empty for none.
    temperature_limit_c
        Smallest limit of an absolute temperature of the adapter; NaN: entries state none yet.
    entries
        (kind, name) of every library entry used, in order.
    """

    heat: list[AdapterHeat]
    battery: BatteryFleet
    battery_home: Int
    breakers: BreakerFleet
    pv_on_branch: Bool
    ev_on_branch: Bool
    adapter_kaic_a: Float
    breaker_kaic_a: Float
    main: NDArray[np.object_]
    branch: NDArray[np.object_]
    temperature_limit_c: Float
    entries: tuple[tuple[str, str], ...]


def equip(population: Population, aged: Mapping[str, AgedJaws] | None = None) -> Equipment:
    """Read the entries that a population names and build its fleets; `aged` are jaws not as new, by adapter.

    Raises
    ------
    LibraryError
        If an entry cannot be used; tells all that cannot.
    """
    homes = len(population.home)
    adapters = _adapters(population)
    used = [("adapters", name) for name in adapters]
    heat: list[AdapterHeat] = []
    pv_on_branch, ev_on_branch = np.zeros(homes, dtype=bool), np.zeros(homes, dtype=bool)
    adapter_kaic = np.full(homes, np.nan)
    branch = _Breakers(homes)
    named = np.full((2, homes), "", dtype=object)
    aged = aged or {}
    for name, entry in adapters.items():
        rows = np.flatnonzero(population.adapter == name)
        own = aged[name].own if name in aged else None
        heat.append(AdapterHeat(entry, rows, [str(population.home[row]) for row in rows], own))
        pv_on_branch[rows] = "solar" in entry.diagram.tapped
        ev_on_branch[rows] = "car" in entry.diagram.tapped
        adapter_kaic[rows] = _short_circuit_a(entry)
        if entry.der_breaker:
            branch.add(rows, library.load("breakers", entry.der_breaker))
            named[1, rows] = entry.der_breaker
        used += entry.references()
    main = _Breakers(homes)
    breaker_kaic = np.full(homes, np.nan)
    rating = population.service_rating_a
    place = np.searchsorted([limit for limit, _ in MAIN_BREAKERS], rating)
    for number, (_, name) in enumerate(MAIN_BREAKERS):
        rows = np.flatnonzero((place == number) & np.isin(population.kind, SERVED))
        if len(rows):
            breaker = library.load("breakers", name)
            main.add(rows, breaker, rating[rows])
            breaker_kaic[rows] = breaker.interrupting_a.value
            named[0, rows] = name
            used.append(("breakers", name))
    battery_home = np.flatnonzero(population.battery != "")
    names = [str(name) for name in population.battery[battery_home]]
    batteries = {name: cast("BatteryEntry", library.load("der", name)) for name in sorted(set(names))}
    used += [("der", name) for name in (*batteries, *entries_of(population))]
    producers = np.flatnonzero((population.pv_kw > 0.0) | (population.battery != ""))
    used += [("grid-profiles", name) for name in profile_names(population, producers.tolist())]
    used += [("contacts", name) for jaws in aged.values() for name in (jaws.contact, POPULATION)]
    return Equipment(
        heat=heat,
        battery=BatteryFleet.from_entries([batteries[name] for name in names]),
        battery_home=battery_home,
        breakers=_fleet(main, branch),
        pv_on_branch=pv_on_branch,
        ev_on_branch=ev_on_branch,
        adapter_kaic_a=adapter_kaic,
        breaker_kaic_a=breaker_kaic,
        main=named[0],
        branch=named[1],
        temperature_limit_c=np.full(homes, np.nan),
        entries=tuple(dict.fromkeys(used)),
    )


def served_kinds(kinds: Sequence[str], coil_v: Float) -> list[str]:
    """Kinds of customer, those without a single-phase service of 208 to 240 V renamed ``"other"``.

    Parameters
    ----------
    kinds
        (homes,) as the feeder has them.
    coil_v
        (homes,) nominal voltage across an injector: leg to neutral of a split home, across the coil of
        a single one.
    """
    low, high = SERVICE_VOLTS
    line_v = np.where(np.asarray(kinds, dtype=object) == "split", 2.0 * coil_v, coil_v)
    fits = (line_v >= low) & (line_v <= high)
    return [kind if ok or kind not in SERVED else "other" for kind, ok in zip(kinds, fits, strict=True)]


def assumed_service_a(nominal_w: Float, kinds: Sequence[str], given_a: Float) -> tuple[Float, str]:
    """Service ratings where the feeder names none: at least 200 A, or the size its load needs at 240 V.

    Imported feeders know loads, not services. The assumption is an estimate and is told; customers that
    are no single-phase service stay unrated (NaN).

    Returns
    -------
    Ratings (homes,) [A], and a sentence for the user, empty if nothing was assumed.
    """
    need = np.maximum(np.abs(nominal_w) / 240.0 / CONTINUOUS_SHARE, SMALLEST_ASSUMED_A)
    sizes = np.array(SERVICE_SIZES_A)
    place = np.searchsorted(sizes, need)
    sized = np.where(place < len(sizes), sizes[np.minimum(place, len(sizes) - 1)], need)
    missing = ~(given_a > 0) & np.isin(np.asarray(kinds, dtype=object), SERVED)
    note = (
        f"{int(missing.sum())} homes have no service rating in the feeder: assumed 200 A, "
        "or the next size their nominal load needs (an estimate)"
        if missing.any()
        else ""
    )
    return np.where(missing, sized, given_a), note


def check_ratings(population: Population) -> list[str]:
    """Sentences about adapters that are asked for more than their stated ratings."""
    found = []
    for name, entry in _adapters(population).items():
        rows = population.adapter == name
        over = int((population.service_rating_a[rows] > entry.rating_a.value).sum())
        if entry.meter_mounted and over:
            found.append(f"{over} homes have {name}, rated {entry.rating_a.value:.0f} A, on a larger service")
        hung = {"solar": population.pv_kw, "car": population.ev_kw}
        device_kw = sum((hung[what] for what in entry.diagram.tapped if what in hung), np.zeros(len(rows)))
        if entry.branch_rating_a is not None and entry.branch_rating_a.known:
            over = int((device_kw[rows] * 1e3 / 240.0 > entry.branch_rating_a.value).sum())
            if over:
                found.append(
                    f"{over} homes draw or give more at {name} than its branch of "
                    f"{entry.branch_rating_a.value:.0f} A is rated for"
                )
    return found


def _adapters(population: Population) -> dict[str, AdapterEntry]:
    found: dict[str, AdapterEntry] = {}
    problems: list[Problem] = []
    for name in sorted({str(name) for name in population.adapter} - {""}):
        try:
            found[name] = library.load("adapters", name)
        except LibraryError as error:
            problems += error.problems
    if problems:
        raise LibraryError(problems)
    return found


def _short_circuit_a(entry: AdapterEntry) -> float:
    """Smallest short-circuit rating known of any part; a fault behind any of them draws the socket's current.

    A part without a public rating is not judged: 22 kA of a DER branch says nothing about the jaws.
    """
    known = [part.rating_a.value for part in entry.short_circuit if part.rating_a.known]
    return min(known, default=float("nan"))


class _Breakers:
    """Breaker data of every home; a home without a breaker has one that nothing trips."""

    def __init__(self, homes: int) -> None:
        self.rating_a = np.full(homes, np.inf)
        self.tau_s = np.full(homes, 1.0)
        self.multiple = np.full(homes, np.inf)
        self.trip_theta = np.full(homes, TRIP_THETA)

    def add(self, rows: Int, entry: BreakerEntry, rating_a: Float | None = None) -> None:
        self.rating_a[rows] = entry.rating_a.value if rating_a is None else rating_a
        self.tau_s[rows] = entry.thermal_tau_s.value
        self.multiple[rows] = entry.magnetic_multiple.value
        self.trip_theta[rows] = entry.trip_level.value


def _fleet(main: _Breakers, branch: _Breakers) -> BreakerFleet:
    return BreakerFleet(
        np.concatenate((main.rating_a, branch.rating_a)),
        np.concatenate((main.tau_s, branch.tau_s)),
        np.concatenate((main.multiple, branch.multiple)),
        np.concatenate((main.trip_theta, branch.trip_theta)),
    )
