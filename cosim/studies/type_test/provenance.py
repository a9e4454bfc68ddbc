"""Numbers with their sources as a certificate tells them."""

from __future__ import annotations

from collections.abc import Sequence

from cosim.entries import Quantity
from cosim.report.formatting import number
from cosim.studies.type_test.certificate import Provenance


def sourced(keys: Sequence[str], quantity: Quantity, weight: float | None = None) -> Provenance:
    """A number, where it stands (the first of several places by name), and what it rests on."""
    more = f" and {len(keys) - 1} alike" if len(keys) > 1 else ""
    span = f"{number(quantity.range[0])} to {number(quantity.range[1])}" if quantity.range else ""
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    return Provenance(
        key=f"{keys[0]}{more}",
        value=f"{number(quantity.value)}{unit}" if quantity.known else "not found",
        range=span,
        confidence=quantity.confidence,
        source=quantity.source,
        weight=weight,
    )
