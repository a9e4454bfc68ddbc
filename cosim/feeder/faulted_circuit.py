"""The circuit of a power flow with single conductors open and faults in it.

A fault is the admittance of its loops, A Z_f^-1 A', between conductors of one place. At nodes of the circuit it is an
element of its own; inside a line it goes into the line's block, whose two parts and the place between them are put
together and reduced to the ends (Kron), so that the circuit keeps its nodes.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cosim.electrical.circuit import Circuit, Complex, Element, Float
from cosim.electrical.elements import line_block, open_conductors
from cosim.electrical.linear_network import LEAK_SIEMENS
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.fault_places import NEAREST, FaultPlaces, Struck
from cosim.feeder.openings import Cut, Openings

if TYPE_CHECKING:
    from cosim.events.physics import Fault
    from cosim.feeder.feeder import Feeder

LEAST_OHM = 1e-6  # of each loop of a bolted fault in a power flow


class FaultedCircuits:
    """Circuits of one feeder with open conductors and faults.

    Parameters
    ----------
    feeder, compiled
        The tables, and the arrays made of them.
    openings, places
        What sections open and where faults lie; those of a `FaultedFeeder` can be shared.
    """

    def __init__(
        self, feeder: Feeder, compiled: CompiledFeeder, openings: Openings, places: FaultPlaces
    ) -> None:
        self.openings, self.places = openings, places
        self._matrices = feeder.matrices
        self._row_of = {int(element): row for row, element in enumerate(compiled.line_element)}

    def circuit(
        self,
        circuit: Circuit,
        opened: Collection[int],
        tied: Collection[int],
        parted: Collection[Cut],
        faults: Collection[Fault],
        *,
        leaks: bool = False,
    ) -> Circuit:
        """A circuit with conductors open and faults put in.

        Parameters
        ----------
        circuit
            With its taps as they are, the lines `tied` closed, and the elements `opened` still in.
        opened, tied
            Elements out, and lines that stand open and are closed.
        parted
            Single conductors that are open.
        faults
            Those present.
        leaks
            Whether the far ends of open conductors of lines get a leak to ground: a potential where nothing else
            holds one.
        """
        rows = {
            element: gone for element, gone in self.openings.rows(parted).items() if element not in opened
        }
        out = frozenset(opened) | {element for element, gone in rows.items() if not gone}
        blocks = {
            element: open_conductors(circuit.elements[element].y_siemens, gone)
            for element, gone in rows.items()
            if gone
        }
        cuts = [*parted, *(Cut(element) for element in out)]
        inside: dict[int, list[tuple[float, Struck]]] = {}
        added: list[Element] = []
        for fault in sorted(faults, key=lambda fault: fault.name):
            struck = self.places.struck(fault, cuts, tied)
            if struck is None:
                continue
            if struck.line < 0:
                added.append(_element(fault.name, [c[0][0] if c else -1 for c in struck.conductors], struck))
            elif fault.along in (0.0, 1.0) and not self.places.open_rows(struck.line, cuts, tied):
                nodes = circuit.elements[struck.line].nodes
                at = [int(nodes[pair[int(fault.along)]]) for pair in struck.ends]
                added.append(_element(fault.name, at + [-1] * (len(struck.conductors) - len(at)), struck))
            else:
                first = struck.ends[0][0] < struck.ends[0][1]
                inside.setdefault(struck.line, []).append(
                    (fault.along if first else 1.0 - fault.along, struck)
                )
        for line, struck_in in inside.items():
            blocks[line] = self._struck_line(line, struck_in, self.places.open_rows(line, cuts, tied) or ())
        if leaks:
            self._leak(circuit, rows, blocks)
        changed = circuit.with_blocks(blocks)
        if added:
            changed = replace(changed, elements=(*changed.elements, *added))
        return changed.without(out) if out else changed

    def _struck_line(self, line: int, faults: list[tuple[float, Struck]], opened: Collection[int]) -> Complex:
        """Block of a line with faults inside it, each at a share of the way from its first end."""
        row = self._row_of[line]
        z, y = self._matrices.line_z_ohm[row], self._matrices.line_y_siemens[row]
        n = len(z)
        ordered = sorted(faults, key=lambda pair: pair[0])
        whole = np.zeros(((len(ordered) + 2) * n,) * 2, dtype=np.complex128)  # both ends, then the places
        stops = [(0.0, 0), *((share, k) for k, (share, _) in enumerate(ordered, 2)), (1.0, 1)]
        for (start, a), (end, b) in itertools.pairwise(stops):
            part = max(end - start, NEAREST)
            at = np.r_[a * n : (a + 1) * n, b * n : (b + 1) * n]
            whole[np.ix_(at, at)] += line_block(part * z, 0.0 * y)
        for end in (0, n):
            whole[end : end + n, end : end + n] += y
        for k, (_, struck) in enumerate(ordered, 2):
            at = np.array([k * n + near % n for near, _ in struck.ends])
            whole[np.ix_(at, at)] += _admittance(struck)[: len(at), : len(at)]
        whole = open_conductors(whole, sorted(opened))
        ends, places = slice(0, 2 * n), slice(2 * n, None)
        inner = whole[places, places]
        if opened:
            inner = inner + LEAK_SIEMENS * np.eye(len(inner))
        return np.asarray(
            whole[ends, ends] - whole[ends, places] @ np.linalg.solve(inner, whole[places, ends])
        )

    def _leak(
        self, circuit: Circuit, rows: Mapping[int, tuple[int, ...]], blocks: dict[int, Complex]
    ) -> None:
        """Ground the far ends of open conductors of lines by as much as changes nothing that has a path."""
        for element, gone in rows.items():
            widths = circuit.elements[element].conductors
            if gone and widths == (widths[0], widths[0]):
                far = [(row + widths[0]) % (2 * widths[0]) for row in gone]
                blocks[element] = blocks[element].copy()
                blocks[element][far, far] += LEAK_SIEMENS


def _admittance(struck: Struck) -> Float:
    """(conductors, conductors) of a fault, the return last."""
    loops = struck.loops
    inside = struck.inside_ohm + LEAST_OHM * np.eye(loops.shape[1])
    return np.asarray(loops @ np.linalg.solve(inside, loops.T))


def _element(name: str, nodes: list[int], struck: Struck) -> Element:
    block = _admittance(struck).astype(np.complex128)
    return Element(f"fault.{name}", np.array(nodes, dtype=np.int64), block, (len(nodes),))
