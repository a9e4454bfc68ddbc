"""Sources of homes held against the National Electrical Code where they join the service: at a tap or in the panel.

Two rules, and one comparison. A tap ahead of the service disconnect (an adapter's) is a supply-side connection, NEC
705.11: the breakers of all sources within the rating of the service (so 705.12(A) of 2017; since 2020 705.11(A) bounds
the sources' continuous currents by the ampacity of the service conductors, which is weaker). A back-fed breaker in the
panel is a load-side one, 705.12(B): 125 % of the sources' continuous current plus the main breaker within 120 % of the
bus bar, the source's breaker at the far end (2017: (B)(2)(3)(b), 2020: (B)(3)(2), 2023: (B)(2)). And what that rule
would say of a tapped source if a back-fed breaker carried it, which is what a planner compares a tap with.

Which panel a home has is not known: its main breaker is taken as the service rating, its bus as any of those in
``models/panels`` with that main. Power control (705.13) is not assumed; a generator behind a transfer device is no
source in parallel (Article 702), nor is a car.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry
    from cosim.entries import BatteryEntry
    from cosim.scenario.population import Population

Float = NDArray[np.float64]
Int = NDArray[np.int64]

CONTINUOUS = (
    1.25  # of a source's current: what its circuit and breaker are made for, NEC 705.28, 690.8, 690.9
)
BUS_SHARE = 1.2
# Standard ampere ratings of breakers, NEC 240.6(A).
SIZES_A = np.array(
    [15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 110, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450, 500],
    dtype=float,
)  # fmt: skip
WITHIN, OVER, UNJUDGED, NOT_MEANT = 0, 1, 2, 3
VERDICTS = ("within", "over", "unjudged", "not-meant")
SLACK_A = 1e-6


@dataclass(frozen=True)
class Placement:
    """Homes with a source in parallel, arrays (k,) in the feeder's order; currents in ampere, NaN where not known.

    Parameters
    ----------
    home
        Rows of the homes.
    tapped_a, panel_a
        Continuous current of the sources on the adapter's tap and in the panel, at nominal voltage.
    tap_breaker_a, panel_breaker_a
        Sum of their breakers: the adapter's own, else the next standard size.
    service_a
        Rating of the service, taken as the main breaker too.
    bus_a, largest_bus_a
        Smallest and largest bus bar of a panel with this main.
    supply, breaker, busbar, as_backfed
        Verdicts: 705.11 at a tap; its breaker against 125 % of the current; 705.12 in the panel; and what 705.12 would
        say if all of it were there.
    battery_a
        Continuous current of the battery in the panel, 0 without.
    """

    home: Int
    tapped_a: Float
    panel_a: Float
    tap_breaker_a: Float
    panel_breaker_a: Float
    service_a: Float
    bus_a: Float
    largest_bus_a: Float
    battery_a: Float
    supply: Int
    breaker: Int
    busbar: Int
    as_backfed: Int

    def __len__(self) -> int:
        return len(self.home)

    @property
    def room_a(self) -> Float:
        """Continuous current that the smallest bus takes from sources [A]: (1.2 bus - main) / 1.25."""
        return (BUS_SHARE * self.bus_a - self.service_a) / CONTINUOUS

    def _would_do(self, row: int) -> bool:
        """Whether the largest bus known for the home's main carries what the smallest does not."""
        return bool(self.busbar[row] == UNJUDGED and np.isfinite(self.largest_bus_a[row]))

    def said(self, row: int) -> str:
        """What was found at one home, as sentences."""
        parts = []
        main, bus, room = self.service_a[row], self.bus_a[row], self.room_a[row]
        if self.supply[row] == OVER:
            total = self.tap_breaker_a[row] + self.panel_breaker_a[row]
            parts.append(f"source breakers of {total:g} A on a service of {main:g} A")
        if self.breaker[row] == OVER:
            need = CONTINUOUS * self.tapped_a[row]
            parts.append(
                f"{need:.1f} A (125 %) through the adapter's breaker of {self.tap_breaker_a[row]:g} A"
            )
        if self.busbar[row] in (OVER, UNJUDGED) and self.panel_a[row] > 0.0:
            battery = self.battery_a[row] > room
            what = (
                f"a battery larger than the panel allows ({self.battery_a[row]:.1f} A)"
                if battery
                else "sources"
            )
            takes = f"where a bus of {bus:g} A under a main of {main:g} A takes {room:.1f} A"
            other = f"; one of {self.largest_bus_a[row]:g} A would do" if self._would_do(row) else ""
            parts.append(f"{what}: {self.panel_a[row]:.1f} A in the panel, {takes}{other}")
        if self.as_backfed[row] == OVER and self.supply[row] == WITHIN:
            parts.append("the tap carries what no back-fed breaker could")
        return "; ".join(parts)


def der_placement(population: Population, line_v: Float, solar_w: Float) -> Placement:
    """Hold every home that has solar or a battery against NEC 705.

    Parameters
    ----------
    population
        Who has what.
    line_v
        (h,) voltage between the lines of the service [V].
    solar_w
        (h,) largest power of the home's solar inverter [W].
    """
    adapters = {
        name: library.load("adapters", name) for name in sorted({str(n) for n in population.adapter} - {""})
    }
    named_a = {name: _battery_a(name) for name in sorted({str(name) for name in population.battery})}
    battery_a = np.array([named_a[str(name)] for name in population.battery])
    solar_a = solar_w / line_v
    tapped = np.array(
        [name != "" and "solar" in adapters[name].diagram.tapped for name in population.adapter]
    )
    home = np.flatnonzero((solar_a > 0.0) | (battery_a > 0.0))
    tapped_a, battery_a = np.where(tapped, solar_a, 0.0)[home], battery_a[home]
    panel_solar_a = np.where(tapped, 0.0, solar_a)[home]
    own_a = np.array([_breaker_a(adapters.get(str(name))) for name in population.adapter[home]])
    sized_a = breaker_size_a(CONTINUOUS * tapped_a)
    tap_breaker_a = np.where((tapped_a > 0.0) & np.isfinite(own_a), own_a, sized_a)
    panel_breaker_a = breaker_size_a(CONTINUOUS * panel_solar_a) + breaker_size_a(CONTINUOUS * battery_a)
    service_a = population.service_rating_a[home].astype(float)
    low, high = (np.array([buses_a(main)[k] for main in service_a.tolist()]) for k in (0, 1))
    panel_a = panel_solar_a + battery_a
    at_tap = tapped_a > 0.0
    return Placement(
        home, tapped_a, panel_a, tap_breaker_a, panel_breaker_a, service_a, low, high, battery_a,
        supply=_judged(at_tap, tap_breaker_a + panel_breaker_a, service_a, service_a),
        breaker=_judged(at_tap, CONTINUOUS * tapped_a, tap_breaker_a, tap_breaker_a),
        busbar=_judged(panel_a > 0.0, CONTINUOUS * panel_a + service_a, BUS_SHARE * low, BUS_SHARE * high),
        as_backfed=_judged(
            at_tap, CONTINUOUS * (panel_a + tapped_a) + service_a, BUS_SHARE * low, BUS_SHARE * high
        ),
    )  # fmt: skip


def breaker_size_a(current_a: Float) -> Float:
    """Next standard size of a breaker for currents [A]; 0 for none, the current itself above the largest."""
    place = np.searchsorted(SIZES_A, current_a - SLACK_A)
    size = np.where(place < len(SIZES_A), SIZES_A[np.minimum(place, len(SIZES_A) - 1)], current_a)
    return np.where(current_a > 0.0, size, 0.0)


@cache
def buses_a(main_a: float) -> tuple[float, float]:
    """Smallest and largest bus [A] of load centres with a main breaker; its own rating and unknown without one."""
    entries = [library.load("panels", name) for name in library.names("panels")]
    found = [entry.bus_a.value for entry in entries if entry.main_a.known and entry.main_a.value == main_a]
    return (min(found), max(found)) if found else (main_a, float("nan"))


def _judged(meant: NDArray[np.bool_], value: Float, low: Float, high: Float) -> Int:
    """Verdicts of values that should lie within a limit known to lie from `low` to `high`, NaN: not known how high."""
    found = np.where(value > low + SLACK_A, np.where(value > high + SLACK_A, OVER, UNJUDGED), WITHIN)
    found = np.where(np.isnan(value) | np.isnan(low), UNJUDGED, found)
    return np.where(meant, found, NOT_MEANT).astype(np.int64)


def _battery_a(name: str) -> float:
    return 0.0 if not name else cast("BatteryEntry", library.load("der", name)).continuous_a.value


def _breaker_a(adapter: AdapterEntry | None) -> float:
    """Rating of the breaker inside an adapter; NaN without one."""
    if adapter is None or not adapter.der_breaker:
        return float("nan")
    return library.load("breakers", adapter.der_breaker).rating_a.value


def as_columns(found: Placement, homes: Sequence[str]) -> dict[str, Any]:
    """Columns of the study group ``der_placement`` of a result file."""
    numbers = ("tapped_a", "panel_a", "tap_breaker_a", "panel_breaker_a", "service_a", "bus_a", "room_a")
    verdicts = ("supply", "breaker", "busbar", "as_backfed")
    return {
        "home": [homes[row] for row in found.home],
        **{name: getattr(found, name) for name in numbers},
        **{name: getattr(found, name).astype(np.int8) for name in verdicts},
        "text": [found.said(row) for row in range(len(found))],
    }
