"""What an adapter's entry may hold: identity, ratings, diagram, and its body (`cosim.heat_body`)."""

from __future__ import annotations

from typing import Annotated, Literal

from cosim.entries import Confidence, Entry, Frozen, Quantity, of
from cosim.heat_body import HeatModel, Joint, Part, Wire

Kind = Literal["der-connection", "ev-connection", "islanding", "portable-generator", "socket"]

Ampere = Annotated[Quantity, of("A", known=False)]
Second = Annotated[Quantity, of("s", known=False)]


class ShortCircuit(Frozen):
    """A short-circuit rating and the part of the product it holds for, and for no other."""

    applies_to: Literal["der-branch", "meter-jaws", "contactor", "product"]
    rating_a: Ampere


class Transfer(Frozen):
    """How an islanding or generator adapter leaves the grid and comes back."""

    automatic: bool
    source: Literal["battery", "generator"]
    opening_s: Second
    transfer_s: Second
    reconnect_s: dict[str, Second]


class Diagram(Frozen):
    """Where the branch is tapped and where the service is opened, seen from the meter.

    Grid current runs from the service to the tap, load current from the tap to the panel, branch current
    into what hangs on the tap; as phasors grid = load + branch.
    """

    tap: Literal["none", "line-side", "load-side"]
    contactor: Literal["none", "line-side", "load-side"]
    opens_neutral: Literal["yes", "no", "not found"]
    text: str
    source: str
    confidence: Confidence


class AdapterEntry(Entry):
    """A meter socket adapter (or, for comparison, a bare socket) with its meter."""

    kind: Kind
    owner: Literal["customer", "utility", "mixed", "third-party"]
    form: str
    rating_a: Annotated[Quantity, of("A")]
    volts: Annotated[Quantity, of("V")]
    jaws: Annotated[Quantity, of("1", 4, 7, known=False)]
    branch_rating_a: Ampere | None = None
    der_breaker: str = ""
    short_circuit: tuple[ShortCircuit, ...]
    transfer: Transfer | None = None
    diagram: Diagram
    heat: HeatModel

    def references(self) -> list[tuple[str, str]]:
        """Other entries this one needs, as (kind, name), sorted."""
        heat = self.heat
        pieces: tuple[Part | Joint | Wire, ...] = (*heat.parts.values(), *heat.joints, *heat.wires)
        found = {("materials", piece.material) for piece in pieces if piece.material}
        return sorted(found | ({("breakers", self.der_breaker)} if self.der_breaker else set()))
