"""What can colour the feeder map, and how its values fall into classes."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem, ResultsError
from cosim.report.figures import LIMITS, Figures
from cosim.report.formatting import MISSING, fixed, number
from cosim.results.layout import ANSI_HIGH_PU, ANSI_LOW_PU, OVER, ROOM_HIGH_C, ROOM_LOW_C, WATER_LOW_C

Float = NDArray[np.float64]

# Colours of the scale; the page's style sheet gives class k0 .. k5, k6 (beyond a limit), kx (no value).
SHADES = 6
BEYOND = SHADES
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class MapQuantity:
    """A quantity by name: label, unit and scale of what is shown.

    Parameters
    ----------
    name
        As in the layout of results where it stands there.
    label, unit, scale
        What the reader sees; shown value = scale times the stored one.
    worst_low
        Whether small values are the bad ones (a margin, a voltage).
    only_positive
        Whether 0 means that the quantity does not apply.
    """

    name: str
    label: str
    unit: str
    scale: float = 1.0
    worst_low: bool = False
    only_positive: bool = False


QUANTITIES = (
    MapQuantity("heat_margin_k", "smallest heat margin", "K", worst_low=True),
    MapQuantity("material_margin_k", "smallest margin to a material's limit", "K", worst_low=True),
    MapQuantity("adapter_temperature_c", "highest adapter temperature", "°C"),
    MapQuantity("jaw_rise_k", "largest rise of the jaws", "K"),
    MapQuantity("bus_bar_rise_k", "largest rise of the bus bars", "K"),
    MapQuantity("factory_terminal_rise_k", "largest rise of the factory terminals", "K"),
    MapQuantity("field_terminal_rise_k", "largest rise of the field terminals", "K"),
    MapQuantity("drop_temperature_c", "highest temperature of the service drop", "°C"),
    MapQuantity("service_loading_pu", "largest share of the service rating", "%", 100.0),
    MapQuantity("service_current_a", "largest service current", "A"),
    MapQuantity("fault_current_a", "largest fault current at the socket", "kA", 1e-3),
    MapQuantity("voltage_low_pu", "lowest voltage", "pu", worst_low=True),
    MapQuantity("voltage_high_pu", "highest voltage", "pu"),
    MapQuantity("voltage_l1_v", "lowest voltage of the first leg", "V", worst_low=True),
    MapQuantity("voltage_l2_v", "lowest voltage of the second leg", "V", worst_low=True),
    MapQuantity("backfeed_peak_w", "largest power fed back", "kW", 1e-3, only_positive=True),
    MapQuantity("backfeed_energy_wh", "energy fed back", "kWh", 1e-3, only_positive=True),
    MapQuantity("service_power_w", "largest power drawn through the service", "kW", 1e-3),
    MapQuantity("panel_power_w", "largest power of the panel", "kW", 1e-3),
    MapQuantity("branch_power_w", "largest power drawn through the adapter", "kW", 1e-3, only_positive=True),
    MapQuantity("pv_power_w", "largest solar power", "kW", 1e-3, only_positive=True),
    MapQuantity("ev_power_w", "largest charging power", "kW", 1e-3, only_positive=True),
    MapQuantity("indoor_low_c", "lowest room temperature", "°C", worst_low=True),
    MapQuantity("indoor_temperature_c", "highest room temperature", "°C"),
    MapQuantity("water_temperature_c", "lowest temperature of hot water", "°C", worst_low=True),
    MapQuantity("shed_w", "largest power held off", "kW", 1e-3, only_positive=True),
    MapQuantity("ev_charge_pu", "lowest charge of the car", "%", 100.0, worst_low=True),
    MapQuantity("battery_charge_pu", "lowest charge of the battery", "%", 100.0, worst_low=True),
    MapQuantity("unsupplied_s", "time without power", "h", 1 / 3600, only_positive=True),
)


@dataclass(frozen=True)
class Colouring:
    """A quantity with its values in the unit shown, and which of them are beyond a limit; (homes,) each."""

    quantity: MapQuantity
    values: Float
    beyond: NDArray[np.bool_]

    def borders(self) -> Float:
        """Round class borders that hold every value within its limit, in at most six classes."""
        good = self.values[np.isfinite(self.values) & ~self.beyond]
        if not len(good):
            return np.zeros(0)
        low, high = float(good.min()), float(good.max())
        if high - low <= 1e-9 * max(abs(high), 1.0):
            return np.array([low, high])
        size = 10.0 ** np.floor(np.log10((high - low) / SHADES))
        for width in (m * size for m in (*_ROUND, 20.0)):
            first, last = np.floor(low / width + 1e-9), np.ceil(high / width - 1e-9)
            if last - first <= SHADES:
                return np.asarray(np.arange(first, last + 1) * width, float)
        raise AssertionError("twenty times the size always covers the range")

    def shades(self) -> NDArray[np.int64]:
        """(homes,) colour of each home: 0 best to 5 worst, 6 beyond a limit, -1 for no value."""
        borders = self.borders()
        count = max(len(borders) - 1, 1)
        place = np.clip(np.searchsorted(borders, self.values, side="right") - 1, 0, count - 1)
        place = count - 1 - place if self.quantity.worst_low else place
        shade = np.where(self.beyond, BEYOND, _spread(count)[place])
        return np.where(np.isfinite(self.values), shade, -1)

    def legend(self) -> list[tuple[int, str]]:
        """Colour and text of each class, best first, with the number of homes in it."""
        borders, shades, unit = self.borders(), self.shades(), self.quantity.unit
        count = max(len(borders) - 1, 0)
        texts = _between(borders)
        texts = texts[::-1] if self.quantity.worst_low else texts
        items = [(int(k), f"{text} {unit}") for k, text in zip(_spread(count), texts, strict=True)]
        if self.beyond.any():
            over = self.values[self.beyond]
            ends = dict.fromkeys(number(float(v)) for v in (over.min(), over.max()))
            items.append((BEYOND, f"beyond the limit: {' to '.join(ends)} {unit}"))
        if (shades < 0).any():
            items.append((-1, "does not apply"))
        return [(k, f"{text} ({int((shades == k).sum()):,})") for k, text in items]

    def texts(self) -> list[str]:
        """Value of each home as read."""
        unit = self.quantity.unit
        if unit == "pu":  # three digits hide what matters in a voltage
            return [f"{v:.3f} pu" if np.isfinite(v) else MISSING for v in self.values]
        return [f"{number(float(v))} {unit}" if np.isfinite(v) else MISSING for v in self.values]


def _spread(count: int) -> NDArray[np.int64]:
    """Shades of so many classes, the ends of the scale always used; one class is the best shade."""
    return np.rint(np.linspace(0, SHADES - 1, count)).astype(np.int64)


def _between(borders: Float) -> list[str]:
    if len(borders) < 2:
        return []
    if len(borders) == 2 and borders[0] == borders[1]:
        return [number(float(borders[0]))]
    width = float(borders[1] - borders[0])
    places = next(p for p in range(12) if abs(round(width, p) - width) < 1e-6 * width or p == 11)
    texts = [fixed(float(border), places) for border in borders]
    return [f"{low} to {high}" for low, high in pairwise(texts)]


def colourings(found: Figures) -> list[Colouring]:
    """Everything this run can show on the map, in the order offered."""
    every = [colouring(found, quantity) for quantity in QUANTITIES]
    return [c for c in every if np.isfinite(c.values).any()] or every[:1]


def colouring(found: Figures, quantity: MapQuantity) -> Colouring:
    """Values of a quantity for every home, and which are beyond a limit."""
    values = _values(found, quantity)
    if quantity.only_positive:
        values = np.where(values > 0, values, np.nan)
    return Colouring(quantity, values * quantity.scale, _beyond(found, quantity.name, values))


def _values(found: Figures, quantity: MapQuantity) -> Float:
    none = np.full(len(found.homes), np.nan)
    derived: dict[str, Callable[[], NDArray[Any]]] = {
        "service_loading_pu": lambda: found.service_share,
        "voltage_low_pu": lambda: found.voltage_pu[0],
        "voltage_high_pu": lambda: found.voltage_pu[1],
        "fault_current_a": lambda: found.fault.get("current_a", none),
        "backfeed_peak_w": lambda: found.back_w,
        "backfeed_energy_wh": lambda: found.back_wh,
        "unsupplied_s": lambda: found.unsupplied_s,
        "indoor_low_c": lambda: found.smallest["indoor_temperature_c"],
    }
    if quantity.name in derived:
        return np.asarray(derived[quantity.name](), np.float64)
    return (found.smallest if quantity.worst_low else found.largest)[quantity.name]


def _beyond(found: Figures, name: str, values: Float) -> NDArray[np.bool_]:
    none = np.zeros(len(values), dtype=bool)
    if name in LIMITS:
        return values > LIMITS[name]
    tests: dict[str, Callable[[], NDArray[Any]]] = {
        "heat_margin_k": lambda: values < 0,
        "material_margin_k": lambda: values < 0,
        "adapter_temperature_c": lambda: found.smallest["material_margin_k"] < 0,
        "drop_temperature_c": lambda: values > found.column("drop_limit_c"),
        "indoor_low_c": lambda: values < ROOM_LOW_C,
        "indoor_temperature_c": lambda: values > ROOM_HIGH_C,
        "water_temperature_c": lambda: values < WATER_LOW_C,
        "service_loading_pu": lambda: values > 1,
        "service_current_a": lambda: found.service_share > 1,
        "fault_current_a": lambda: found.fault.get("verdict", none) == OVER if found.fault else none,
        "voltage_low_pu": lambda: values < ANSI_LOW_PU,
        "voltage_high_pu": lambda: values > ANSI_HIGH_PU,
    }
    return np.asarray(tests[name](), bool) & np.isfinite(values) if name in tests else none


def put_first(choices: list[Colouring], name: str, file: Path) -> list[Colouring]:
    """The choices with the named one first; the first as offered if no name is given.

    Raises
    ------
    ResultsError
        If there is no such quantity, or this run has no value of it; the message lists those it has.
    """
    if not name:
        return choices
    chosen = [c for c in choices if name in _spellings(c.quantity)]
    if not chosen:
        have = ", ".join(c.quantity.name for c in choices)
        known = any(name in _spellings(q) for q in QUANTITIES)
        near = difflib.get_close_matches(name, [c.quantity.name for c in choices], n=1, cutoff=0.5)
        hint = f"no such quantity (did you mean {near[0]!r}?)" if near else "no such quantity"
        problem = "no home of this run has a value of it" if known else hint
        raise ResultsError(Problem(f"{problem}; the map can show {have}", str(file), "quantity", name))
    return chosen + [c for c in choices if c is not chosen[0]]


def _spellings(quantity: MapQuantity) -> tuple[str, str]:
    """A quantity's name, with and without its unit."""
    return quantity.name, quantity.name.rpartition("_")[0]
