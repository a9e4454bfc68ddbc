"""Extension cords at a generator's full load: how warm they get, by gauge and length, laid out or coiled.

The body is that of the library's extension cord, its copper and its surface those of the gauge and length asked for.
Cords are marked for 60 degC unless their jacket says more; the current that the code allows is told beside it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.electrical.circuit import Float
from cosim.errors import LibraryError, Problem
from cosim.studies.contributions import generator
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import heat_network

CORD = "extension-cord"
GAUGE, FOOT_M = 12, 0.3048  # of the library's cord
ALLOWED_A = {16: 10.0, 14: 15.0, 12: 20.0, 10: 25.0}
"""NEC table 400.5(A)(1), column A, three conductors; 12 and 10 AWG as cited in the library, 16 and 14 as recalled."""
JACKET_C = 60.0  # UL 62: cords without a mark are for 60 degC, as recalled
ENDS_C = 200.0  # PVC has softened and chars: no temperature is told beyond
COILED = 1.0 / 3.0  # of the film of a cord laid out straight; estimate, as the library's entry has it
MINUTE_S = 60.0


@dataclass(frozen=True)
class CordHeat:
    """One cord's course.

    Parameters
    ----------
    gauge, length_m, coiled, amperes, ambient_c
        Which cord, where, under how much.
    allowed_a
        What the code allows for the gauge.
    minutes
        (t,) times.
    core_c, jacket_c, plug_c
        (t,) temperatures; NaN from where the core has passed 200 degC, which no cord survives.
    limit_minutes
        When the core passes what the jacket is marked for; infinite if never.
    drop_v
        Voltage lost on the way there and back, warm.
    """

    gauge: int
    length_m: float
    coiled: bool
    amperes: float
    ambient_c: float
    allowed_a: float
    minutes: Float
    core_c: Float
    jacket_c: Float
    plug_c: Float
    limit_minutes: float
    drop_v: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what never happens is None."""
        plain = {
            k: [None if math.isnan(x) else x for x in v.tolist()] if isinstance(v, np.ndarray) else v
            for k, v in asdict(self).items()
        }
        if math.isnan(self.drop_v):
            plain["drop_v"] = None
        return {**plain, "limit_minutes": None if self.limit_minutes == math.inf else self.limit_minutes}


def section_m2(gauge: int) -> float:
    """Copper of a gauge: d = 0.127 mm x 92^((36 - n) / 39), ASTM B258."""
    return float(0.25 * math.pi * (0.127e-3 * 92.0 ** ((36 - gauge) / 39.0)) ** 2)


def full_load_a(source: str = "portable-generator-6.25") -> float:
    """Current of a generator of models/der at its rated power, from leg to leg."""
    return generator(source).rated_a


def cord_heat(
    gauge: int,
    length_m: float,
    amperes: float,
    *,
    coiled: bool = False,
    ambient_c: float = 30.0,
    minutes: int = 240,
) -> CordHeat:
    """Temperature of a cord that carries a current from cold.

    Raises
    ------
    LibraryError
        A gauge of which nothing is known, or a length, current, time or air that cannot be.
    """
    wrong = [] if gauge in ALLOWED_A else [_wrong("gauge", f"one of {', '.join(map(str, ALLOWED_A))}", gauge)]
    for key, value, least, most in (
        ("length_m", length_m, 0.1, 1000.0), ("amperes", amperes, 0.1, 1000.0), ("minutes", float(minutes), 1.0, 1e5),
        ("ambient_c", ambient_c, -90.0, 70.0),
    ):  # fmt: skip
        if not least <= value <= most:
            wrong.append(_wrong(key, f"a number from {least:g} to {most:g}", value))
    if wrong:
        raise LibraryError(wrong)
    network = heat_network(_cord(gauge, length_m, coiled))
    fleet = HeatFleet(network, 1)
    i2 = np.zeros((minutes, 6, 1))
    i2[:, 4:] = amperes**2
    course = fleet.advance(
        fleet.initial(ambient_c), i2, np.full(minutes, ambient_c), np.full(minutes, MINUTE_S), parallel=False
    )[:, :, 0]
    core, jacket, plug = (
        course[:, network.names.index(name)].copy() for name in ("l1.core", "jacket", "l1.plug")
    )
    over = np.flatnonzero(core > JACKET_C)
    if (burnt := np.flatnonzero(core > ENDS_C)).size:
        for part in (core, jacket, plug):
            part[burnt[0] :] = np.nan
    ohm = 1.724e-8 * (1.0 + 0.00393 * (float(core[-1]) - 20.0)) * 2.0 * length_m / section_m2(gauge)
    return CordHeat(
        gauge, length_m, coiled, amperes, ambient_c, ALLOWED_A[gauge], np.arange(1.0, minutes + 1.0), core, jacket,
        plug, float(over[0] + 1) if len(over) else math.inf, amperes * ohm,
    )  # fmt: skip


def _wrong(key: str, right: str, value: float) -> Problem:
    return Problem(f"should be {right}", key=key, value=f"{value:g}")


def _cord(gauge: int, length_m: float, coiled: bool) -> AdapterEntry:
    """The library's cord with other copper, length and film: areas go with length, and round it with diameter."""
    entry = library.load("adapters", CORD)
    own = entry.heat.parts["core"].length_m
    assert own is not None
    longer = length_m / own.value
    thicker = math.sqrt(section_m2(gauge) / section_m2(GAUGE))

    def scaled(quantity: Any, factor: float) -> Any:
        return quantity.model_copy(update={"value": quantity.value * factor, "range": None})

    parts = dict(entry.heat.parts)
    core, jacket = parts["core"], parts["jacket"]
    parts["core"] = core.model_copy(
        update={"length_m": scaled(core.length_m, longer), "section_m2": scaled(core.section_m2, thicker**2)}
    )
    parts["jacket"] = jacket.model_copy(update={"mass_kg": scaled(jacket.mass_kg, longer * thicker)})
    surfaces = []
    for surface in entry.heat.surfaces:
        if surface.part in ("core", "jacket"):
            area = scaled(surface.area_m2, longer * thicker)
            film = COILED if coiled and surface.part == "jacket" else 1.0
            surface = surface.model_copy(
                update={"area_m2": area, "h_w_per_m2k": scaled(surface.h_w_per_m2k, film)}
            )
        surfaces.append(surface)
    heat = entry.heat.model_copy(update={"parts": parts, "surfaces": tuple(surfaces)})
    return entry.model_copy(update={"heat": heat})
