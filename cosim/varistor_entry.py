"""What an entry of ``models/varistors`` holds, and how a product uses one as its clamp."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cosim.entries import Confidence, Entry, Frozen, Quantity, of


class VaristorEntry(Entry):
    """A metal oxide varistor.

    Parameters
    ----------
    lg_volts
        b1 .. b4 of lg V = b1 + b2 lg I + b3 / exp(lg I) + b4 exp(lg I), with V in volts and I in amperes.
    tolerance
        Of the voltage, either way.
    inductance_uh
        Of the part itself, its leads left out.
    peak_a, energy_j
        What it bears once.
    """

    lg_volts: tuple[float, float, float, float]
    curve_source: str = Field(min_length=3)
    curve_confidence: Confidence
    tolerance: Annotated[Quantity, of("1", 0.0, 0.5)]
    inductance_uh: Annotated[Quantity, of("uH")]
    peak_a: Annotated[Quantity, of("A")]
    energy_j: Annotated[Quantity, of("J")]


class Clamp(Frozen):
    """Varistors of a product from each leg to neutral or ground: which, how many side by side, on what leads."""

    varistor: str
    parallel: Annotated[Quantity, of("1", 1.0, 100.0)]
    leads_uh: Annotated[Quantity, of("uH")]


SCHEMAS = {"varistors": VaristorEntry}
