"""Which conductors a way of metal joins to a source, and so who is out.

A conductor is alive if lines lead to it from a source, or a coil whose other side is alive. Coupling between the
conductors of a line does not count: who is fed through it alone is out. So a fuse that opens one phase takes that
phase's homes, and nobody else, out of service.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical.circuit import GROUND, Int
from cosim.electrical.fault import FaultKind
from cosim.feeder.compile import THREE, CompiledFeeder
from cosim.feeder.fault_places import FaultPlaces
from cosim.feeder.nodes import numbers
from cosim.feeder.openings import Cut, Openings

if TYPE_CHECKING:
    from cosim.events.physics import Fault
    from cosim.feeder.feeder import Feeder

KEPT = 256
_FLOATING = (FaultKind.LINE_LINE, FaultKind.THREE_PHASE)  # no current without a second conductor

Bool = NDArray[np.bool_]


class Paths:
    """Ways of metal through a feeder in any state of its switches.

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
        self.openings, self.places, self._compiled = openings, places, compiled
        self._count = len(compiled.circuit.nodes)
        self._lines(feeder)
        self._coils(feeder)
        self._fed = np.unique(np.concatenate([source.nodes for source in compiled.circuit.sources]))
        self._fed = self._fed[self._fed >= 0]
        self._live = self._live_conductors()
        self._known: OrderedDict[tuple[frozenset[str], frozenset[str], frozenset[int]], Bool] = OrderedDict()

    def alive(self, opened: Collection[str], tied: Collection[str] = (), fed: Collection[int] = ()) -> Bool:
        """(n,) nodes with a way to a source, or to a node of `fed`; sections as `cosim.sections` names them, see
        `FaultedFeeder`."""
        key = frozenset(opened), frozenset(tied), frozenset(fed)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._reached(*self.openings.sections(opened, tied), key[2])
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return found

    def out(self, opened: Collection[str], tied: Collection[str] = (), fed: Collection[int] = ()) -> Bool:
        """(h,) homes with a dead conductor, neutrals aside: IEEE 1366's interruption of at least one."""
        alive = np.append(self.alive(opened, tied, fed), True)
        return np.asarray(~alive[self._live].all(axis=1))

    def dark(self, opened: Collection[str], tied: Collection[str] = (), fed: Collection[int] = ()) -> Bool:
        """(h,) homes all of whose conductors are dead, neutrals aside."""
        alive = np.append(self.alive(opened, tied, fed), False)
        return np.asarray(~alive[self._live].any(axis=1))

    def fed(
        self, fault: Fault, opened: Collection[str], tied: Collection[str] = (), fed: Collection[int] = ()
    ) -> bool:
        """Whether current can flow into a fault: it has an alive conductor, or two where ground is not in it."""
        alive, struck = self.alive(opened, tied, fed), self.places.struck(fault)
        if struck is None:  # inside a line that stands open
            return False
        needed = 2 if fault.kind in _FLOATING else 1
        if struck.line >= 0:
            nodes = self._compiled.circuit.elements[struck.line].nodes
            ends = [int(nodes[far]) for _, far in struck.ends]
        else:
            ends = [conductor[0][0] for conductor in struck.conductors if conductor]
        return sum(bool(alive[n]) for n in ends if n >= 0 and not self.openings.is_neutral(n)) >= needed

    # -- what joins what ------------------------------------------------------------------

    def _lines(self, feeder: Feeder) -> None:
        """Conductors of lines, regulators and fixed blocks: element, row of the block, both ends."""
        circuit = self._compiled.circuit
        units = feeder.transformer
        regulators = np.flatnonzero((units["kind"] == "regulator").to_numpy())
        rows = [int(e) for e in self._compiled.line_element]
        rows += [int(e) for e in self._compiled.transformer_element[regulators] if e >= 0]
        named = {f"{name}" for name in feeder.table("other")["name"]}
        rows += [number for number, element in enumerate(circuit.elements) if element.name in named]
        found = []
        for number in rows:
            element = circuit.elements[number]
            width = element.conductors[0]
            for end in range(1, len(element.conductors)):
                start, least = element.terminal(end).start, min(width, element.conductors[end])
                nodes = element.nodes.tolist()
                found += [(number, k, nodes[k], nodes[start + k]) for k in range(least)]
        joined = np.array([one for one in found if min(one[2:]) >= 0], dtype=np.int64).reshape(-1, 4)
        self._element, self._conductor, self._a, self._b = joined.T
        self._width = {number: circuit.elements[number].conductors[0] for number in rows}
        self._edges: dict[int, list[int]] = {}
        for edge, number in enumerate(self._element.tolist()):
            self._edges.setdefault(number, []).append(edge)
        closed = np.array(sorted(self._compiled.closed_blocks), dtype=np.int64)
        self._shut = ~np.isin(self._element, closed)

    def _coils(self, feeder: Feeder) -> None:
        """Coils of transformers: unit's element, rows and nodes of the feeding ends, nodes of one fed end each."""
        compiled, units = self._compiled, feeder.transformer
        windings: dict[int, list[tuple[str, str, int]]] = {}
        table = feeder.winding.sort_values("number")
        for unit, connection, nodes, bus in zip(
            table["transformer"], table["connection"], table["nodes"], table["bus"], strict=True
        ):
            windings.setdefault(int(unit), []).append((str(connection), str(nodes), int(bus)))
        found: list[tuple[int, int, int, int, int, int]] = []
        for unit, kind in enumerate(units["kind"]):
            number = int(compiled.transformer_element[unit])
            if number < 0 or kind == "regulator":
                continue
            element = compiled.circuit.elements[number]
            coils = []
            for place, (connection, nodes, _) in enumerate(windings[unit]):
                start, phases = element.terminal(place).start, len(numbers(nodes)) - 1
                delta = connection == "delta" and phases == 3
                ends = [(k, (k + 1) % 3 if delta else phases) for k in range(phases)]
                coils.append([(start + one, start + other) for one, other in ends])
            port = self.openings.port(f"transformer:{units['name'].iloc[unit]}").rows
            at = next((k for k, coil in enumerate(coils) if coil and coil[0][0] in port), 0)
            node = [int(n) for n in element.nodes]
            for k, (one, other) in enumerate(coils[at]):
                fed = {end for place, c in enumerate(coils) if place != at and k < len(c) for end in c[k]}
                given = sorted({node[end] for end in fed} - {GROUND})
                found += [(number, one, other, node[one], node[other], end) for end in given]
        self._coil = np.array(found, dtype=np.int64).reshape(-1, 6)
        neutral = [n for n in np.unique(self._coil[:, 3:5]) if n >= 0 and self._reference(int(n))]
        self._references = np.array([*neutral, GROUND], dtype=np.int64)
        self._fixed = np.isin(self._coil[:, 3:5], self._references)

    def _reference(self, node: int) -> bool:
        return self._compiled.circuit.nodes[node].rpartition(".")[2] in (
            "0",
            "4",
        ) or self.openings.is_neutral(node)

    def _live_conductors(self) -> Int:
        """(h, 3) nodes that a home needs alive; one past the last node where it needs none."""
        nodes = self._compiled.home_nodes.copy()
        for home, column in zip(*np.nonzero(nodes >= 0), strict=True):
            last = self._compiled.home_kind[home] != THREE
            if last and column and self._reference(int(nodes[home, column])):
                nodes[home, column] = GROUND
        nodes[nodes < 0] = self._count
        return nodes

    # -- what is alive --------------------------------------------------------------------

    def _reached(self, cuts: frozenset[Cut], ties: frozenset[int], fed: frozenset[int]) -> Bool:
        shut, parted = self._shut.copy(), np.zeros(self._coil.shape[0], dtype=np.bool_)
        for element in ties:
            shut[self._edges.get(element, [])] = True
        for cut in cuts:
            edges = np.array(self._edges.get(cut.element, []), dtype=np.int64)
            if not len(edges):
                mine = self._coil[:, 0] == cut.element
                ends = np.isin(self._coil[:, 1:3], cut.rows).any(axis=1)
                parted |= mine & ends if cut.rows else mine
            elif cut.rows:
                rows = [row % self._width[cut.element] for row in cut.rows]
                shut[edges[np.isin(self._conductor[edges], rows)]] = False
            else:
                shut[edges] = False
        a, b = self._a[shut], self._b[shut]
        links = sparse.coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(self._count,) * 2)
        count, part = connected_components(links.tocsr(), directed=False)
        alive = np.zeros(count, dtype=np.bool_)
        alive[part[self._fed]] = True
        alive[part[sorted(fed)]] = True
        ends, given = part[self._coil[:, 3:5]], part[self._coil[:, 5]]
        usable = ~parted & ~self._fixed.all(axis=1)
        while True:
            carried = usable & (alive[ends] | self._fixed).all(axis=1)
            if alive[given[carried]].all():
                return np.asarray(alive[part])
            alive[given[carried]] = True
