"""Where a fault lies in the circuit, and between which of its conductors.

A place inside a line, a share `s` of it from its first end, is exact without a node of its own: seen from the ends, 1 A
into it is (1 - s) A into the first and s A into the second, and between them its own impedance is s (1 - s) of the
line's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosim.electrical.circuit import GROUND, Complex, Float
from cosim.electrical.fault import FaultKind
from cosim.errors import FeederError
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.openings import Openings
from cosim.sections import CONDUCTORS

if TYPE_CHECKING:
    from cosim.events.physics import Fault
    from cosim.feeder.feeder import Feeder

CONTACT_OHM = 1e-9  # of each loop of a bolted fault, so that two of them at one place share their current

_CONDUCTORS_OF = {
    FaultKind.LINE_GROUND: 1,
    FaultKind.LINE_LINE: 2,
    FaultKind.LINE_LINE_GROUND: 2,
    FaultKind.THREE_PHASE: 3,
    FaultKind.THREE_PHASE_GROUND: 3,
}
_TO_GROUND = (FaultKind.LINE_GROUND, FaultKind.LINE_LINE_GROUND, FaultKind.THREE_PHASE_GROUND)


@dataclass(frozen=True)
class Struck:
    """A fault as the circuit has it.

    Parameters
    ----------
    conductors
        Of each conductor, and of the return where there is one, the (node, share) that stand for it; ground has none.
    loops
        (conductors, loops) incidence.
    inside_ohm
        (loops, loops) impedance inside the fault.
    line
        Element inside which it lies, -1 for none.
    ends
        (conductors, 2) rows of that element's block, share of the first in `share`.
    between_ohm
        (conductors, conductors) of the line between the place and its ends.
    """

    conductors: tuple[tuple[tuple[int, float], ...], ...]
    loops: Float
    inside_ohm: Float
    between_ohm: Complex
    line: int = -1
    ends: tuple[tuple[int, int], ...] = ()
    along: float = 1.0


class FaultPlaces:
    """Places of one feeder.

    Parameters
    ----------
    feeder, compiled
        The tables, and the arrays made of them.
    openings
        Its sections.
    """

    def __init__(self, feeder: Feeder, compiled: CompiledFeeder, openings: Openings) -> None:
        self._feeder, self._compiled, self._openings = feeder, compiled, openings
        self._known: dict[Fault, Struck] = {}
        self._of_bus: dict[str, list[int]] = {}

    def struck(self, fault: Fault) -> Struck:
        """Where a fault lies, and between which conductors.

        Raises
        ------
        FeederError
            The feeder has no such place, the place no such conductors, or the kind asks for others.
        """
        if fault not in self._known:
            self._known[fault] = self._place(fault)
        return self._known[fault]

    def _nodes_of_bus(self, fault: Fault, bus: str) -> list[int]:
        if not self._of_bus:
            for node, name in enumerate(self._compiled.circuit.nodes):
                self._of_bus.setdefault(name.rpartition(".")[0], []).append(node)
        if bus not in self._of_bus:
            raise FeederError(f"fault {fault.name!r}: the feeder has no bus {bus!r}")
        return self._of_bus[bus]

    def _place(self, fault: Fault) -> Struck:
        kind, _, name = fault.where.partition(":")
        compiled = self._compiled
        match kind:
            case "line":
                return self._on_line(fault, self._openings.line_row(name))
            case "bus":
                nodes = self._nodes_of_bus(fault, name)
            case "transformer":
                element = int(compiled.transformer_element[self._openings.unit_row(name)])
                if element < 0:
                    raise FeederError(f"fault {fault.name!r}: transformer {name!r} is out of service")
                block = compiled.circuit.elements[element]
                nodes = block.nodes[block.conductors[0] :].tolist()
            case "home":
                row = self._openings.home_row(name)
                nodes = compiled.home_nodes[row].tolist()
            case _:
                raise FeederError(f"fault {fault.name!r}: {fault.where!r} is no place of a feeder")
        names = compiled.circuit.nodes
        live = [node for node in dict.fromkeys(nodes) if node >= 0]
        neutral = next((node for node in live if self._is_neutral(node)), GROUND)
        lines = {names[node].rpartition(".")[2]: node for node in live if node != neutral}
        chosen = self._chosen(fault, tuple(lines))
        ends = [lines[number] for number in chosen]
        conductors = [((node, 1.0),) for node in ends]
        back = ((neutral, 1.0),) if neutral >= 0 else ()
        return _struck(fault, [*conductors, back], np.zeros((len(ends) + 1,) * 2, dtype=np.complex128))

    def _on_line(self, fault: Fault, row: int) -> Struck:
        if not 0.0 <= fault.along <= 1.0:
            raise FeederError(f"fault {fault.name!r}: along must lie between 0 and 1, is {fault.along}")
        line = str(self._feeder.line["name"].iloc[row])
        port = self._openings.port(f"line:{line}")
        nodes = self._compiled.circuit.elements[port.element].nodes
        width = len(nodes) // 2
        near = port.rows[0]  # first row of the feeding end: 0 or width
        far = width - near
        phases = {
            str("abc".index(letter) + 1): k for k, letter in enumerate(port.conductors) if letter != "n"
        }
        chosen = [phases[number] for number in self._chosen(fault, tuple(phases))]
        neutral = port.conductors.find("n")
        places = [*chosen, neutral] if neutral >= 0 else chosen
        conductors: list[tuple[tuple[int, float], ...]] = [
            tuple(
                (int(node), share)
                for node, share in ((nodes[near + k], 1.0 - fault.along), (nodes[far + k], fault.along))
                if node >= 0 and share > 0.0
            )
            for k in places
        ]
        z = self._feeder.matrices.line_z_ohm[row]
        between = np.zeros((len(chosen) + 1,) * 2, dtype=np.complex128)
        inner = slice(0, len(places))
        between[inner, inner] = fault.along * (1.0 - fault.along) * z[np.ix_(places, places)]
        if neutral < 0:
            conductors.append(())
        ends = tuple((near + k, far + k) for k in places)
        return _struck(fault, conductors, between, port.element, ends)

    def _is_neutral(self, node: int) -> bool:
        number = self._compiled.circuit.nodes[node].rpartition(".")[2]
        return number in ("0", "4") or self._openings.is_neutral(node)

    def _chosen(self, fault: Fault, known: tuple[str, ...]) -> list[str]:
        """Numbers of the faulted conductors among those that a place has."""
        try:
            needed = _CONDUCTORS_OF[FaultKind(fault.kind)]
        except ValueError:
            kinds = ", ".join(FaultKind)
            raise FeederError(f"fault {fault.name!r}: no kind {fault.kind!r}; there are {kinds}") from None
        numbers = [str(CONDUCTORS[letter]) for letter in fault.conductors if letter != "n"] or list(
            known[:needed]
        )
        missing = [number for number in numbers if number not in known]
        if missing or len(numbers) < needed:
            raise FeederError(
                f"fault {fault.name!r}: {fault.kind} asks for {needed} conductors, {fault.where} has "
                f"{', '.join(known)} and {fault.conductors!r} were named"
            )
        return sorted(set(numbers))


def _struck(
    fault: Fault,
    conductors: list[tuple[tuple[int, float], ...]],
    between: Complex,
    line: int = -1,
    ends: tuple[tuple[int, int], ...] = (),
) -> Struck:
    """Loops over the conductors, the return last."""
    n = len(conductors) - 1
    if fault.kind in _TO_GROUND:
        loops = np.vstack([np.eye(n), -np.ones((1, n))])
        inside = fault.ohm * np.eye(n)
    else:
        loops = np.zeros((n + 1, n - 1))
        steps = np.arange(n - 1)
        loops[steps, steps], loops[steps + 1, steps] = 1.0, -1.0
        inside = fault.ohm * (loops.T @ loops if n > 2 else np.ones((1, 1)))
    inside = inside + CONTACT_OHM * np.eye(loops.shape[1])
    return Struck(tuple(conductors), loops, inside, between, line, ends, fault.along)
