"""Where a fault lies in the circuit, and between which of its conductors.

A place inside a line, a share `s` of it from its first end, is exact without a node of its own: seen from the ends, 1 A
into it is (1 - s) A into the first and s A into the second, and between them its own impedance is s (1 - s) of the
line's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cosim.electrical.circuit import GROUND, Complex, Float
from cosim.electrical.elements import line_block, open_conductors
from cosim.electrical.fault import FaultKind
from cosim.electrical.linear_network import LEAK_SIEMENS
from cosim.errors import FeederError
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.openings import Cut, Openings
from cosim.feeder.service import open_ends
from cosim.sections import CONDUCTORS

if TYPE_CHECKING:
    from cosim.events.physics import Fault
    from cosim.feeder.feeder import Feeder

NEAREST = 1e-6  # share of a line that a place keeps from its ends where a conductor is open
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
        Of each conductor, and of the return (last), the (node, share) that stand for it; ground has none.
    loops
        (conductors, loops) incidence.
    inside_ohm
        (loops, loops) impedance inside the fault.
    between_ohm
        (conductors, conductors) impedance between the place and the nodes that stand for it.
    line
        Element inside which it lies, -1 for none.
    ends
        Rows of that element's block for each conductor, at its feeding end and at the other.
    spread
        (conductors, rows of that element's block) share of each of its ends; ground counts here.
    """

    conductors: tuple[tuple[tuple[int, complex], ...], ...]
    loops: Float
    inside_ohm: Float
    between_ohm: Complex
    line: int = -1
    ends: tuple[tuple[int, int], ...] = ()
    spread: Complex | None = None


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
        self._parted: dict[tuple[Fault, tuple[int, ...]], Struck] = {}
        self._standing = _standing_open(feeder, compiled)
        self._of_bus: dict[str, list[int]] = {}

    def struck(self, fault: Fault, cuts: Collection[Cut] = (), ties: Collection[int] = ()) -> Struck | None:
        """Where a fault lies, and between which conductors; None inside a line that is out.

        Parameters
        ----------
        fault
            What it is.
        cuts, ties
            What is open, and which lines that stand open are closed.

        Raises
        ------
        FeederError
            The feeder has no such place, the place no such conductors, or the kind asks for others.
        """
        if fault not in self._known:
            self._known[fault] = self._place(fault)
        known = self._known[fault]
        if known.line < 0:
            return known
        rows = self.open_rows(known.line, cuts, ties)
        if not rows:
            return None if rows is None else known
        key = fault, rows
        if key not in self._parted:
            self._parted[key] = self._on_line(fault, self._openings.line_row(fault.where[5:]), rows)
        return self._parted[key]

    def open_rows(self, line: int, cuts: Collection[Cut], ties: Collection[int]) -> tuple[int, ...] | None:
        """Rows of a line's block that are open; None if it is out."""
        rows = set() if line in ties else set(self._standing.get(line, ()))
        cut = self._openings.rows([cut for cut in cuts if cut.element == line]).get(line)
        rows.update(cut or ())
        width = self._compiled.circuit.elements[line].conductors[0]
        return None if cut == () or len(rows) == 2 * width else tuple(sorted(rows))

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
        conductors: list[tuple[tuple[int, complex], ...]] = [((node, 1.0),) for node in ends]
        back: tuple[tuple[int, complex], ...] = ((neutral, 1.0),) if neutral >= 0 else ()
        return _struck(fault, [*conductors, back], np.zeros((len(ends) + 1,) * 2, dtype=np.complex128))

    def _on_line(self, fault: Fault, row: int, opened: tuple[int, ...] = ()) -> Struck:
        """A place inside a line, some rows of whose block may be open."""
        if not 0.0 <= fault.along <= 1.0:
            raise FeederError(f"fault {fault.name!r}: along must lie between 0 and 1, is {fault.along}")
        port = self._openings.port(f"line:{self._feeder.line['name'].iloc[row]}")
        nodes = self._compiled.circuit.elements[port.element].nodes
        from_first = 1.0 - fault.along if port.rows[0] else fault.along
        phases = {
            str("abc".index(letter) + 1): k for k, letter in enumerate(port.conductors) if letter != "n"
        }
        places = [phases[number] for number in self._chosen(fault, tuple(phases))]
        neutral = port.conductors.find("n")
        if neutral >= 0:
            places.append(neutral)
        z, y = (getattr(self._feeder.matrices, name)[row] for name in ("line_z_ohm", "line_y_siemens"))
        share, own = _inside(z, y, from_first, opened)
        share, own = share[places], own[np.ix_(places, places)]
        if neutral < 0:  # the return is ground
            share, own = np.pad(share, ((0, 1), (0, 0))), np.pad(own, (0, 1))
        conductors: list[tuple[tuple[int, complex], ...]] = [
            tuple(
                (int(node), complex(part))
                for node, part in zip(nodes, row_share, strict=True)
                if node >= 0 and part != 0.0
            )
            for row_share in share
        ]
        near, far = port.rows[0], len(z) - port.rows[0]
        ends = tuple((near + k, far + k) for k in places)
        return _struck(fault, conductors, own, port.element, ends, share)

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
            legs = fault.where.startswith("home:")
            has = ", ".join(one if legs else "abc"[int(one) - 1] for one in known)
            named = f", {', '.join(fault.conductors)} named" if fault.conductors else ""
            count = f"{needed} conductor{'s' if needed > 1 else ''}"
            raise FeederError(
                f"fault {fault.name!r}: {fault.kind} asks for {count}{named}; {fault.where} has {has}"
            )
        return sorted(set(numbers))


def _inside(z: Complex, y: Complex, share: float, opened: Sequence[int]) -> tuple[Complex, Complex]:
    """A place inside a line: its (n, 2n) shares of the ends, and its own (n, n) impedance.

    Parameters
    ----------
    z, y
        (n, n) series impedance and the shunts at each end.
    share
        Of the way from its first end.
    opened
        Rows of the line's block that are open.
    """
    n = len(z)
    if not opened:
        ends = np.hstack([(1.0 - share) * np.eye(n), share * np.eye(n)]).astype(np.complex128)
        return ends, np.asarray(share * (1.0 - share) * z, dtype=np.complex128)
    share = min(max(share, NEAREST), 1.0 - NEAREST)
    whole = np.zeros((3 * n, 3 * n), dtype=np.complex128)  # first end, other end, the place
    for part, end in ((share, 0), (1.0 - share, n)):
        rows = np.r_[end : end + n, 2 * n : 3 * n]
        whole[np.ix_(rows, rows)] += line_block(part * z, 0.0 * y)
        whole[end : end + n, end : end + n] += y
    whole = open_conductors(whole, opened)
    own = np.linalg.inv(whole[2 * n :, 2 * n :] + LEAK_SIEMENS * np.eye(n))
    return np.asarray(-own @ whole[2 * n :, : 2 * n]), np.asarray(own)


def _standing_open(feeder: Feeder, compiled: CompiledFeeder) -> dict[int, tuple[int, ...]]:
    """Rows of the blocks of lines that stand open in the feeder's tables, both ends of those out of service."""
    opened = open_ends(feeder.tables)
    line, found = feeder.line, dict[int, tuple[int, ...]]()
    for row in np.flatnonzero(np.isin(compiled.line_element, list(compiled.closed_blocks))).tolist():
        element = int(compiled.line_element[row])
        width = compiled.circuit.elements[element].conductors[0]
        ends = [(row, int(line[end].iloc[row])) in opened for end in ("from_bus", "to_bus")]
        if not bool(line["in_service"].iloc[row]):
            ends = [True, True]
        rows = [range(k * width, (k + 1) * width) for k in (0, 1) if ends[k]]
        found[element] = tuple(row for part in rows for row in part)
    return found


def _struck(
    fault: Fault,
    conductors: Sequence[tuple[tuple[int, complex], ...]],
    between: Complex,
    line: int = -1,
    ends: tuple[tuple[int, int], ...] = (),
    spread: Complex | None = None,
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
    return Struck(tuple(conductors), loops, inside, between, line, ends, spread)
