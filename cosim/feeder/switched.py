"""A feeder in one state of its switches, ready for faults: services folded away, the rest factorised once.

With the currents B that leave at nodes, the voltages R read there, the impedance D between a place and those nodes, and
the loops' incidence A, as in `cosim.electrical.fault`,

    I_loops = (A' (R Z B + D) A + Z_f)^-1 A' R V
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.electrical.linear_network import GROUNDED_SIEMENS, LEAK_SIEMENS
from cosim.errors import FeederError
from cosim.feeder.clusters import Seen, find_clusters, loose_nodes
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.fault_places import Struck


@dataclass(frozen=True)
class Probe:
    """Where a current is read: rows of an element's block, and the phase of each."""

    element: int
    rows: Int
    columns: Int


class Parts:
    """The circuit split into what stays and the clusters, with everything that no switch changes."""

    def __init__(self, circuit: Circuit, compiled: CompiledFeeder) -> None:
        self.circuit = circuit
        n = self.count = len(circuit.nodes)
        units = compiled.transformer_element[compiled.service_transformers]
        self.clusters = find_clusters(circuit, units[units >= 0])
        self.seen = [cluster.seen({}) for cluster in self.clusters]
        self.cluster_of_node = np.full(n, -1, dtype=np.int64)
        self.place_inside = np.full(n, -1, dtype=np.int64)
        self.first_terminal = np.full(n, -1, dtype=np.int64)
        self.cluster_of_element = np.full(len(circuit.elements), -1, dtype=np.int64)
        for number, cluster in enumerate(self.clusters):
            self.cluster_of_node[cluster.inner] = number
            self.place_inside[cluster.inner] = np.arange(len(cluster.inner))
            self.first_terminal[cluster.inner] = cluster.terminals[0]
            self.cluster_of_element[cluster.elements] = number
        self.inner = np.flatnonzero(self.cluster_of_node >= 0)
        self.kept = np.flatnonzero(self.cluster_of_node < 0)
        self.backbone = np.flatnonzero(self.cluster_of_element < 0)
        self.entries = _entries(
            [(e, circuit.elements[e].nodes, circuit.elements[e].y_siemens) for e in self.backbone.tolist()]
        )
        shunts = [
            (k, c.terminals, s.shunt) for k, (c, s) in enumerate(zip(self.clusters, self.seen, strict=True))
        ]
        self.shunts = _entries(shunts)
        self.norton = np.zeros(n, dtype=np.complex128)
        sources = []
        for source in circuit.sources:
            y = np.linalg.inv(source.z_ohm)
            np.add.at(self.norton, source.nodes, y @ source.emf_v)
            sources.append((0, source.nodes, y))
        self.sources = _entries(sources)
        self.fed = np.unique(np.concatenate([source.nodes for source in circuit.sources]))
        injectors = circuit.injectors
        self.bridges = np.stack([injectors.node_a, injectors.node_b], axis=1)
        self.bridges = self.bridges[(self.bridges >= 0).all(axis=1)]


@dataclass(frozen=True)
class _Entries:
    """Entries of blocks as one list; `owner` is the number of the block each belongs to."""

    owner: Int
    row: Int
    column: Int
    value: Complex

    def without(self, owners: Collection[int]) -> _Entries:
        """Those of other blocks."""
        if not owners:
            return self
        kept = ~np.isin(self.owner, list(owners))
        return _Entries(self.owner[kept], self.row[kept], self.column[kept], self.value[kept])

    def joined(self, other: _Entries) -> _Entries:
        """Both."""
        return _Entries(
            np.concatenate((self.owner, other.owner)),
            np.concatenate((self.row, other.row)),
            np.concatenate((self.column, other.column)),
            np.concatenate((self.value, other.value)),
        )


def _entries(blocks: Sequence[tuple[int, Int, NDArray[Any]]]) -> _Entries:
    owners = [np.full(block.size, number, dtype=np.int64) for number, _, block in blocks]
    rows = [np.repeat(nodes, len(nodes)) for _, nodes, _ in blocks]
    columns = [np.tile(nodes, len(nodes)) for _, nodes, _ in blocks]
    values = [block.ravel() for _, _, block in blocks]
    none = np.zeros(0, dtype=np.int64)
    owner, row, column = (np.concatenate([none, *parts]) for parts in (owners, rows, columns))
    value = np.concatenate([np.zeros(0, dtype=np.complex128), *values])
    kept = (row >= 0) & (column >= 0) & (value != 0.0)
    return _Entries(owner[kept], row[kept], column[kept], value[kept])


@dataclass(frozen=True)
class _Read:
    """A place as the remaining network has it: what reads its voltage, what injects there, and clusters' own part."""

    read: dict[int, complex] = field(default_factory=dict)
    give: dict[int, complex] = field(default_factory=dict)
    inside: list[tuple[int, int, complex]] = field(default_factory=list)


class SwitchedFeeder:
    """One state of the switches."""

    def __init__(self, parts: Parts, changed: dict[int, Complex]) -> None:
        self._parts, self._changed = parts, changed
        touched = {int(parts.cluster_of_element[element]) for element in changed} - {-1}
        self._seen: dict[int, Seen] = {k: parts.clusters[k].seen(changed) for k in sorted(touched)}
        split = {k for k, seen in self._seen.items() if not seen.one}
        self._expanded = sorted(split)
        for k in self._expanded:
            del self._seen[k]
        elements = sorted({e for e in changed if parts.cluster_of_element[e] < 0})
        blocks = [(e, parts.circuit.elements[e].nodes, changed[e]) for e in elements]
        for k in self._expanded:
            for e in parts.clusters[k].elements.tolist():
                element = parts.circuit.elements[e]
                blocks.append((e, element.nodes, changed.get(e, element.y_siemens)))
        self._elements = parts.entries.without(elements).joined(_entries(blocks))
        shunts = [(k, parts.clusters[k].terminals, seen.shunt) for k, seen in self._seen.items()]
        self._shunts = parts.shunts.without(touched).joined(_entries(shunts))
        inner = [parts.clusters[k].inner for k in self._expanded]
        self._nodes = np.concatenate([parts.kept, *inner])
        self._place = np.full(parts.count + 1, -1, dtype=np.int64)  # ground is last
        self._place[self._nodes] = np.arange(len(self._nodes))
        self._floating, self._dead, self._alive = self._reached()

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """(n,) nodes with voltage."""
        parts = self._parts
        alive = np.zeros(parts.count, dtype=np.bool_)
        alive[self._nodes] = self._alive
        inner = parts.inner[self._place[parts.inner] < 0]
        alive[inner] = alive[parts.first_terminal[inner]]
        for k, seen in self._seen.items():
            alive[parts.clusters[k].inner] &= seen.fed
        return alive

    def _reached(self) -> tuple[Int, Int, NDArray[np.bool_]]:
        """A node of each island that floats, all nodes apart from sources, and whether nodes have voltage; as
        `LinearNetwork` has it."""
        parts, size, place = self._parts, len(self._nodes), self._place
        own, shunt = self._elements, self._shunts
        row = place[np.concatenate([own.row, shunt.row])]
        column = place[np.concatenate([own.column, shunt.column])]
        links = sparse.coo_array((np.ones(len(row)), (row, column)), shape=(size, size))
        count, island = connected_components(links.tocsr(), directed=False)
        sums = np.zeros(size, dtype=np.complex128)
        np.add.at(sums, place[own.row], own.value)
        grounded = np.zeros(size, dtype=np.bool_)
        for k, base in enumerate(parts.seen):
            if k in self._expanded:
                continue
            seen = self._seen.get(k, base)
            at = place[parts.clusters[k].terminals]
            sums[at] += seen.sums
            grounded[at] |= seen.grounded
        grounded |= np.abs(sums) > GROUNDED_SIEMENS
        fed = np.unique(island[place[parts.fed]])
        stands = np.zeros(count, dtype=np.bool_)
        stands[island[grounded]] = True
        stands[fed] = True
        a, b = place[parts.bridges.T]
        here = (a >= 0) & (b >= 0)
        a, b = island[a[here]], island[b[here]]
        bridges = sparse.coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
        _, group = connected_components(bridges.tocsr(), directed=False)
        _, first = np.unique(island, return_index=True)
        apart = np.flatnonzero(~np.isin(island, fed))
        return first[~stands], apart, np.isin(group[island], group[fed])

    # -- currents -------------------------------------------------------------------------

    @cached_property
    def _factors(self) -> tuple[Any, Complex]:
        """Factors of the remaining network, and its voltages without a fault."""
        try:
            factors = self._factorised(self._floating)
        except RuntimeError:  # parts of an island, or a conductor behind its open end, that nothing grounds
            nodes = [loose_nodes(self._parts.circuit.elements[e].nodes, y) for e, y in self._changed.items()]
            loose = self._place[np.concatenate(nodes)] if nodes else self._dead
            try:
                factors = self._factorised(np.union1d(self._dead, loose[loose >= 0]))
            except RuntimeError as error:
                raise FeederError(f"the admittance matrix is singular: {error}") from error
        return factors, factors.solve(self._parts.norton[self._nodes])

    def _factorised(self, leaking: Int) -> Any:
        """Factors, with a leak to ground at some of the remaining nodes."""
        place, size = self._place, len(self._nodes)
        entries = self._elements.joined(self._shunts).joined(self._parts.sources)
        row = np.concatenate([place[entries.row], leaking])
        column = np.concatenate([place[entries.column], leaking])
        value = np.concatenate([entries.value, np.full(len(leaking), LEAK_SIEMENS, dtype=np.complex128)])
        y = sparse.csc_matrix((value, (row, column)), shape=(size, size))
        return splu(
            y, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, relax=1, options={"SymmetricMode": True}
        )

    def _cluster(self, k: int) -> Seen:
        return self._seen.get(k, self._parts.seen[k])

    def _look(self, conductor: tuple[tuple[int, complex], ...]) -> _Read:
        """A conductor as the remaining network has it."""
        parts, found = self._parts, _Read()
        for node, share in conductor:
            row = int(self._place[node])
            if row >= 0:
                found.read[row] = found.read.get(row, 0.0) + share
                found.give[row] = found.give.get(row, 0.0) + share
                continue
            k, inside = int(parts.cluster_of_node[node]), int(parts.place_inside[node])
            seen = self._cluster(k)
            for at, terminal in enumerate(self._place[parts.clusters[k].terminals].tolist()):
                found.read[terminal] = found.read.get(terminal, 0.0) + share * complex(
                    seen.transfer[inside, at]
                )
                found.give[terminal] = found.give.get(terminal, 0.0) + share * complex(seen.back[at, inside])
            found.inside.append((k, inside, share))
        return found

    def currents(self, faults: Sequence[Struck], probes: Sequence[Probe]) -> Float:
        """(k, 4) currents [A] at probes by phase, and of their sum, all faults present."""
        if not faults:
            return np.zeros((len(probes), 4))
        factors, v = self._factors
        looks = [self._look(conductor) for fault in faults for conductor in fault.conductors]
        count = len(looks)
        give = np.zeros((len(v), count), dtype=np.complex128)
        for column, look in enumerate(looks):
            for row, share in look.give.items():
                give[row, column] = share
        raised = factors.solve(give)
        seen_v = np.zeros(count, dtype=np.complex128)
        z = np.zeros((count, count), dtype=np.complex128)
        for line, look in enumerate(looks):
            rows = np.fromiter(look.read, dtype=np.int64, count=len(look.read))
            weights = np.fromiter(look.read.values(), dtype=np.complex128, count=len(look.read))
            seen_v[line], z[line] = weights @ v[rows], weights @ raised[rows]
            for column, other in enumerate(looks):
                z[line, column] += sum(
                    share * part * self._cluster(k).impedance[inside, at]
                    for k, inside, share in look.inside
                    for other_k, at, part in other.inside
                    if k == other_k
                )
        conductor_a, start = np.zeros(count, dtype=np.complex128), 0
        spans = []
        for fault in faults:
            spans.append(slice(start, start + len(fault.conductors)))
            start += len(fault.conductors)
            z[spans[-1], spans[-1]] += fault.between_ohm
        loops = _diagonal([fault.loops for fault in faults])
        inside_ohm = _diagonal([fault.inside_ohm for fault in faults])
        conductor_a = loops @ np.linalg.solve(loops.T @ z @ loops + inside_ohm, loops.T @ seen_v)
        v = v - raised @ conductor_a
        out = np.zeros((len(probes), 4))
        within: dict[int, Complex] = {}
        for number, probe in enumerate(probes):
            if probe.element < 0:
                continue
            current = self._at_port(probe, v, looks, conductor_a, within)
            for fault, span in zip(faults, spans, strict=True):
                if fault.line == probe.element and fault.spread is not None:
                    current = current + fault.spread[:, probe.rows].T @ conductor_a[span]
            out[number, probe.columns] = np.abs(current)
            out[number, 3] = abs(current.sum())
        return out

    def _at_port(
        self,
        probe: Probe,
        v: Complex,
        looks: Sequence[_Read],
        conductor_a: Complex,
        within: dict[int, Complex],
    ) -> Complex:
        """Currents into an element at some rows of its block, as its end voltages drive them."""
        parts, element = self._parts, self._parts.circuit.elements[probe.element]
        block = self._changed.get(probe.element)
        block = element.y_siemens if block is None else block
        k = int(parts.cluster_of_element[probe.element])
        if k < 0 or k in self._expanded:
            return np.asarray(block[probe.rows] @ np.append(v, 0.0)[self._place[element.nodes]])
        if k not in within:
            seen, cluster = self._cluster(k), parts.clusters[k]
            inner = seen.transfer @ v[self._place[cluster.terminals]]
            for look, current in zip(looks, conductor_a, strict=True):
                for other, inside, share in look.inside:
                    if other == k:
                        inner = inner - seen.impedance[:, inside] * (share * current)
            within[k] = inner
        place = self._place[element.nodes]
        volts = np.where(place >= 0, np.append(v, 0.0)[place], 0.0)
        hidden = (element.nodes >= 0) & (place < 0)
        volts[hidden] = within[k][parts.place_inside[element.nodes[hidden]]]
        return np.asarray(block[probe.rows] @ volts)


def _diagonal(blocks: Sequence[Float]) -> Float:
    out = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)))
    row = column = 0
    for block in blocks:
        out[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return out
