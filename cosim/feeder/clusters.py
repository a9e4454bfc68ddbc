"""Services as seen from the primary: everything behind one transformer, put into a small block at its terminals.

With the inner nodes C and the terminals P, and nothing injected inside,

    V_C = T V_P,   T = -Y_CC^-1 Y_CP,      I_P = (Y_PP + Y_PC T) V_P

so a feeder of thousands of nodes is, for faults on its primary, one of a few hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical.circuit import Circuit, Complex, Int
from cosim.electrical.linear_network import GROUNDED_SIEMENS, LEAK_SIEMENS


@dataclass(frozen=True)
class Seen:
    """A cluster in one state of its elements, from its terminals.

    Parameters
    ----------
    shunt
        (p, p) admittance at the terminals.
    transfer, back
        (c, p) voltages inside per volt at the terminals; (p, c) current out of the terminals per ampere into inside.
    fed
        (c,) whether an inner node has voltage when the terminals have.
    one
        Whether the terminals are joined with each other inside.
    sums
        (p,) row sums of the elements' admittances at the terminals.
    grounded
        Whether what is joined with the terminals inside stands on ground.
    own
        (c, c) admittance inside.
    """

    shunt: Complex
    transfer: Complex
    back: Complex
    fed: NDArray[np.bool_]
    one: bool
    sums: Complex
    grounded: bool
    own: Complex

    @cached_property
    def impedance(self) -> Complex:
        """(c, c) voltages inside per ampere into inside, terminals held."""
        return np.asarray(np.linalg.inv(self.own))


class Cluster:
    """What hangs on the feeder by one transformer alone.

    Parameters
    ----------
    circuit
        The whole.
    elements
        Those inside, the transformer among them.
    terminals, inner
        (p,) and (c,) nodes.
    injectors
        (k, 2) nodes of the injectors inside.
    """

    def __init__(self, circuit: Circuit, elements: Int, terminals: Int, inner: Int, injectors: Int) -> None:
        self.elements, self.terminals, self.inner = elements, terminals, inner
        self._circuit = circuit
        place = {int(node): row for row, node in enumerate(np.concatenate([terminals, inner]))}
        self._size = len(place)
        self._at = [
            np.array([place.get(int(node), -1) for node in circuit.elements[e].nodes]) for e in elements
        ]
        bridges = [[place.get(int(node), -1) for node in pair] for pair in injectors]
        self._bridges = np.array(bridges, dtype=np.int64).reshape(-1, 2)

    def seen(self, changed: Mapping[int, Complex]) -> Seen:
        """The cluster with some elements' blocks replaced."""
        p, size = len(self.terminals), self._size
        y = np.zeros((size + 1, size + 1), dtype=np.complex128)
        linked, loose = np.zeros((size + 1, size + 1), dtype=np.bool_), np.zeros(0, dtype=np.int64)
        for element, at in zip(self.elements.tolist(), self._at, strict=True):
            block = changed.get(element)
            if block is None:
                block = self._circuit.elements[element].y_siemens
            else:
                loose = np.union1d(loose, loose_nodes(at, block))
            np.add.at(y, (at[:, None], at[None, :]), block)
            linked[at[:, None], at[None, :]] |= block != 0.0
        y, linked = y[:-1, :-1], linked[:-1, :-1]
        count, island = connected_components(sparse.csr_array(linked), directed=False)
        sums = y.sum(axis=1)
        stands = np.zeros(count, dtype=np.bool_)
        stands[island[np.abs(sums) > GROUNDED_SIEMENS]] = True
        home = island[:p]
        grounded = bool(stands[home].any())
        fed = self._fed(island, home)[p:]
        inside = y[p:, p:].copy()
        for floating in np.setdiff1d(island[p:][~stands[island[p:]]], home):
            first = int(np.argmax(island[p:] == floating))
            inside[first, first] += LEAK_SIEMENS
        try:
            transfer = np.asarray(-np.linalg.solve(inside, y[p:, :p]), dtype=np.complex128)
        except np.linalg.LinAlgError:  # parts of an island, or behind an open end, that nothing grounds
            apart = np.union1d(np.flatnonzero(~np.isin(island, home)), loose)
            apart = apart[apart >= p] - p
            inside[apart, apart] += LEAK_SIEMENS
            transfer = np.asarray(-np.linalg.solve(inside, y[p:, :p]), dtype=np.complex128)
        back = np.asarray(-np.linalg.solve(inside.T, y[:p, p:].T).T, dtype=np.complex128)
        shunt = y[:p, :p] + y[:p, p:] @ transfer
        return Seen(shunt, transfer, back, fed, len(set(home.tolist())) == 1, sums[:p], grounded, inside)

    def _fed(self, island: Int, home: Int) -> NDArray[np.bool_]:
        """(p + c,) whether a node is joined with the terminals by elements or loads."""
        joined = (self._bridges >= 0).all(axis=1)
        a, b = island[self._bridges[joined].T]
        links = sparse.coo_array((np.ones(len(a)), (a, b)), shape=(island.max() + 1,) * 2)
        _, group = connected_components(links, directed=False)
        return np.isin(group[island], group[home])


def loose_nodes(nodes: Int, block: Complex) -> Int:
    """Nodes where a changed block leads nowhere: what hangs on there may need a leak to ground for a potential."""
    return np.asarray(nodes[(nodes >= 0) & ~np.any(block != 0.0, axis=1)], dtype=np.int64)


def find_clusters(circuit: Circuit, units: Int) -> list[Cluster]:
    """What hangs on each of the transformers `units` (elements) alone.

    Left where it is: what has a source, hangs on two transformers, or is not one piece.
    """
    n = len(circuit.nodes)
    behind = set(units.tolist())
    tails, heads = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    nodes_of = [element.nodes[element.nodes >= 0] for element in circuit.elements]
    for number, nodes in enumerate(nodes_of):
        if number not in behind and len(nodes):
            tails.append(np.full(len(nodes), nodes[0]))
            heads.append(nodes)
    injectors = np.stack([circuit.injectors.node_a, circuit.injectors.node_b], axis=1)
    both = (injectors >= 0).all(axis=1)
    tail, head = np.concatenate([*tails, injectors[both, 0]]), np.concatenate([*heads, injectors[both, 1]])
    links = sparse.coo_array((np.ones(len(tail)), (tail, head)), shape=(n, n))
    count, part = connected_components(links, directed=False)
    units_at: list[set[int]] = [set() for _ in range(count)]
    for unit in units.tolist():
        for node in nodes_of[unit].tolist():
            units_at[part[node]].add(unit)
    fed = {int(part[node]) for source in circuit.sources for node in source.nodes if node >= 0}
    owner = np.full(count, -1, dtype=np.int64)
    for number, touching in enumerate(units_at):
        if len(touching) == 1 and number not in fed:
            owner[number] = next(iter(touching))
    owner_of_node = owner[part]
    members: dict[int, list[int]] = {unit: [unit] for unit in units.tolist()}
    for number, nodes in enumerate(nodes_of):
        if number not in behind and len(nodes) and owner_of_node[nodes[0]] >= 0:
            members[int(owner_of_node[nodes[0]])].append(number)
    inner_of: dict[int, list[int]] = {}
    for node in np.flatnonzero(owner_of_node >= 0).tolist():
        inner_of.setdefault(int(owner_of_node[node]), []).append(node)
    pairs_of: dict[int, list[list[int]]] = {}
    first = np.where(injectors[:, 0] >= 0, injectors[:, 0], injectors[:, 1])
    for row in np.flatnonzero(owner_of_node[first] >= 0).tolist():
        pairs_of.setdefault(int(owner_of_node[first[row]]), []).append(injectors[row].tolist())
    clusters = []
    for unit, inner in inner_of.items():
        terminals = np.setdiff1d(nodes_of[unit], inner)
        if not len(terminals):
            continue
        cluster = Cluster(
            circuit,
            np.array(members[unit]),
            terminals,
            np.array(inner),
            np.array(pairs_of.get(unit, []), dtype=np.int64),
        )
        seen = cluster.seen({})
        if seen.one and seen.fed.all():
            clusters.append(cluster)
    return clusters
