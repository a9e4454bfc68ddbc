"""Numbers with their sources as a certificate tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cosim.entries import Quantity
from cosim.heat_body import HeatModel
from cosim.report.formatting import number
from cosim.studies.type_test.certificate import Provenance

UNITS = ("_w_per_m2k", "_m2", "_ohm", "_m", "_kg", "_w", "_a", "_n", "_s")

# Small figures in units a reader measures in: below so much, times, unit.
SMALL: Mapping[str, tuple[tuple[float, float, str], ...]] = {
    "ohm": ((1e-3, 1e6, "µΩ"), (1.0, 1e3, "mΩ")),
    "m2": ((1e-3, 1e6, "mm²"),),
    "m": ((0.2, 1e3, "mm"),),
}


def sourced(keys: Sequence[str], quantity: Quantity, weight: float | None = None) -> Provenance:
    """A number, where it stands (the first of several places), and what it rests on."""
    more = f" and {len(keys) - 1} alike" if len(keys) > 1 else ""
    scale, unit = next(
        ((factor, name) for below, factor, name in SMALL.get(quantity.unit, ()) if quantity.value < below),
        (1.0, "" if quantity.unit == "1" else quantity.unit),
    )
    span = " to ".join(number(scale * end) for end in quantity.range) if quantity.range else ""
    return Provenance(
        key=f"{keys[0]}{more}",
        value=f"{number(scale * quantity.value)} {unit}".strip() if quantity.known else "not found",
        range=span,
        confidence=quantity.confidence,
        source=quantity.source,
        weight=weight,
    )


def readable(key: str, heat: HeatModel) -> str:
    """A dotted key as a reader would say it: ``heat.joints.3.contact_ohm`` is a joint between two parts."""
    kind, *rest = key.split(".")
    if kind != "heat" or len(rest) != 3:
        shown = rest if kind in ("materials", "contacts", "test") else [kind, *rest]
        return ": ".join(_plain(part) for part in shown)
    table, name, field = rest
    place = name
    if table == "joints":
        place = " to ".join(heat.joints[int(name)].between)
    elif table == "surfaces":
        surface = heat.surfaces[int(name)]
        place = f"surface of {surface.part} to {surface.to}"
    elif table == "wires":
        place = f"wire at {heat.wires[int(name)].part}"
    return f"{_plain(place)}: {_plain(field)}"


def _plain(name: str) -> str:
    """A field's name without its unit."""
    for unit in UNITS:
        name = name.removesuffix(unit)
    return name.replace("_", " ")
