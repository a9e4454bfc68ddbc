"""The linear part of a topology: its matrix in elimination order, factors, and what they answer without iterating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical import factor_kernels
from cosim.electrical.circuit import Circuit, Complex, Float, Injectors, Int, LoadModel
from cosim.electrical.ordering import Elimination, by_rows, eliminate
from cosim.electrical.references import Factor
from cosim.electrical.voltage_laws import VoltageLaws
from cosim.errors import FeederError

LoadsAs = Literal["off", "admittance"]

factorise: Callable[..., None] = factor_kernels.factorise
solve_columns: Callable[..., None] = factor_kernels.solve_columns

GROUNDED_SIEMENS = 1e-4  # an island with less to ground floats: a rod has more, a line's charging less
LEAK_SIEMENS = (
    1e-6  # to ground at one node of what only loads join with the rest: potential where they draw nothing
)
REFINEMENTS = 8


@dataclass(frozen=True)
class _Assembly:
    """Where the entries of Y and of the injectors' tangents go, by rows in elimination order."""

    pointer: Int
    column: NDArray[np.int32]
    blocks: Float
    order: Int


class LinearNetwork:
    """One topology, ordered and assembled; its injectors are off, or stand as their nominal admittances.

    Parameters
    ----------
    circuit
        What to solve. Nodes that no source reaches are dead: their voltage is 0 and their injectors draw
        nothing. Where loads alone join nodes to a source they are their nominal impedances, whatever their model: as
        behind an open neutral or a broken conductor. Constant powers in series have no state that lasts.

    Raises
    ------
    FeederError
        If there is no source, or the matrix is singular.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        n = len(circuit.nodes)
        self.y_elements = _element_matrix(circuit)
        self.y_sources, self._norton = _source_matrix(circuit)
        self.energised, joined, floating = _reached(self.y_elements, circuit)
        leak = np.zeros(n, dtype=np.complex128)
        leak[floating] = LEAK_SIEMENS
        if len(floating):
            self.y_sources = sparse.csr_array(self.y_sources + sparse.diags_array(leak, format="csr"))
        injectors = circuit.injectors
        alive = np.append(self.energised, True)  # ground, -1
        rows = np.flatnonzero(alive[injectors.node_a] & alive[injectors.node_b])
        self._live = np.flatnonzero(self.energised)
        self._small = np.full(n + 1, len(self._live))
        self._small[self._live] = np.arange(len(self._live))
        pair = np.stack([injectors.node_a[rows], injectors.node_b[rows]], axis=1)
        pair = self._small[pair]  # place among the live nodes; ground is last
        self._elimination = self._order(pair)
        place = np.empty(len(self._live) + 1, dtype=np.int64)
        place[self._elimination.order] = np.arange(len(self._live))
        place[-1] = len(self._live)
        near = np.argsort(place[pair].min(axis=1), kind="stable")  # as their nodes stand in vectors
        self._rows = rows[near]
        self._laws = VoltageLaws.of(_settled(injectors, joined), circuit.inverters).take(self._rows)
        self._terminals = place[pair[near]].astype(np.int32)
        self._node_of_row = self._live[self._elimination.order]
        self._assembly = self._assemble(place)

    def no_load_voltage(self) -> Complex:
        """(n,) voltages with every injector off [V]."""
        return self._no_load.copy()

    def mismatch(self, v: Complex, current_a: Complex) -> Complex:
        """(n, steps) current that Kirchhoff's law leaves over at each node [A]; 0 for an exact solution."""
        injectors = self.circuit.injectors
        left = self.y_elements @ v + self.y_sources @ v - np.where(self.energised, self._norton, 0.0)[:, None]
        left = np.vstack([left, np.zeros((1, left.shape[1]))])  # ground
        np.add.at(left, injectors.node_a, current_a)
        np.add.at(left, injectors.node_b, -current_a)
        return np.asarray(left[:-1])

    def losses_va(self, v: Complex) -> Complex:
        """(steps,) complex power that stays in the elements [VA]."""
        return np.asarray((v * np.conj(self.y_elements @ v)).sum(axis=0))

    def source_power_va(self, v: Complex) -> Complex:
        """(steps,) complex power that the sources deliver at their terminals [VA]."""
        delivered = self._norton[:, None] - self.y_sources @ v
        return np.asarray((v * np.conj(delivered)).sum(axis=0))

    def injector_power_va(self, v: Complex, current_a: Complex) -> Complex:
        """(m, steps) complex power that each injector draws [VA]."""
        return self._across(v) * np.conj(current_a)

    def respond(self, injected_a: Complex, *, loads: LoadsAs = "off") -> Complex:
        """(n, k) voltages that (n, k) injected currents raise with the sources' EMFs shorted [V].

        The network is linear: injectors are off, or stand as their nominal admittances.
        """
        factor = self._linear if loads == "off" else self._with_admittances
        return self._solve_linear(factor, injected_a)

    def open_circuit_voltage(self, *, loads: LoadsAs = "off") -> Complex:
        """(n,) voltages of the same linear network under its sources [V]."""
        if loads == "off":
            return self.no_load_voltage()
        return self.respond(self._norton[:, None], loads=loads)[:, 0]

    @cached_property
    def _linear(self) -> Factor:
        return self._factorise(np.zeros((len(self._rows), 4)))

    @cached_property
    def _no_load(self) -> Complex:
        return self._checked(self._solve_linear(self._linear, self._norton[:, None])[:, 0])

    @cached_property
    def _with_admittances(self) -> Factor:
        injectors = self.circuit.injectors
        y = ((injectors.p_w - 1j * injectors.q_var) / injectors.v_nom**2)[self._rows]
        return self._factorise(np.stack([y.real, -y.imag, y.imag, y.real], axis=1))

    def _across(self, v: Complex) -> Complex:
        grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
        injectors = self.circuit.injectors
        return np.asarray(grounded[injectors.node_a] - grounded[injectors.node_b])

    def _at_nodes(self, current: Complex) -> Complex:
        """(n,) sum at each node of the live injectors' (m,) currents."""
        total = np.zeros(len(self.circuit.nodes) + 1, dtype=np.complex128)  # ground last
        injectors = self.circuit.injectors
        np.add.at(total, injectors.node_a[self._rows], current)
        np.add.at(total, injectors.node_b[self._rows], -current)
        return total[:-1]

    def _order(self, pair: Int) -> Elimination:
        size = len(self._live)
        both = pair[(pair < size).all(axis=1)]
        coo = (self.y_elements + self.y_sources)[self._live][:, self._live].tocoo()
        rows = np.concatenate([coo.row, both[:, 0]])
        columns = np.concatenate([coo.col, both[:, 1]])
        ones = np.ones(2 * len(rows))
        where = (np.concatenate([rows, columns]), np.concatenate([columns, rows]))
        pattern = sparse.csr_array(sparse.coo_array((ones, where), shape=(size, size)))
        driven = np.zeros(size + 1, dtype=bool)
        driven[pair.ravel()] = True
        driven[self._small[np.concatenate([s.nodes for s in self.circuit.sources])]] = True
        return eliminate(pattern, driven[:size])

    def _assemble(self, place: Int) -> _Assembly:
        size = len(self._live)
        self._pattern = (self.y_elements + self.y_sources)[self._live][:, self._live]
        y = self._pattern.tocoo()
        a, b = self._terminals.astype(np.int64).T
        rows = np.concatenate([place[y.row], a, b, a, b])
        columns = np.concatenate([place[y.col], a, b, b, a])
        inside = np.flatnonzero((rows < size) & (columns < size))
        order = inside[np.lexsort((columns[inside], rows[inside]))]
        pointer, column = by_rows(rows[order], columns[order], size)
        blocks = np.stack([y.data.real, -y.data.imag, y.data.imag, y.data.real], axis=1)
        return _Assembly(pointer, column, blocks, order)

    def _factorise(self, slope: Float) -> Factor:
        """Factors of Y plus the injectors' tangents `slope` (m, 4)."""
        e, size = self._elimination, len(self._live)
        factor = Factor(np.empty((len(e.l_column), 4)), np.empty((size, 4)), np.empty((len(e.u_column), 4)))
        self._update(factor, slope, np.arange(size))
        return factor

    def _update(self, factor: Factor, slope: Float, rows: Int) -> None:
        """Calculate some ascending rows of the factors, given those below them."""
        e, assembly = self._elimination, self._assembly
        factorise(
            rows, assembly.pointer, assembly.column, assembly.order, assembly.blocks, slope,
            e.l_pointer, e.l_column, e.u_pointer, e.u_column, np.empty((len(self._live) + 1, 4)),
            factor.l_value, factor.diagonal, factor.u_value,
        )  # fmt: skip

    def _solve_linear(self, factor: Factor, current: Complex) -> Complex:
        """(n, k) solution of one factorisation for (n, k) currents; dead nodes give 0."""
        e = self._elimination
        right = current[self._node_of_row]
        x = np.ascontiguousarray(np.stack([right.real, right.imag], axis=1))
        solve_columns(
            e.l_pointer,
            e.l_column,
            factor.l_value,
            factor.diagonal,
            e.u_pointer,
            e.u_column,
            factor.u_value,
            x,
        )
        out = np.zeros((len(self.circuit.nodes), current.shape[1]), dtype=np.complex128)
        out[self._node_of_row] = x[:, 0] + 1j * x[:, 1]
        return out

    def _checked(self, no_load: Complex) -> Complex:
        """The no-load voltages refined; the corrections tell how good the pivots were.

        A conductor that hangs on others by charging alone is badly conditioned: one refinement does not do then.
        """
        for _ in range(REFINEMENTS):
            left = np.where(self.energised, self._norton, 0.0) - (self.y_elements + self.y_sources) @ no_load
            correction = self._solve_linear(self._linear, left[:, None])[:, 0]
            no_load = no_load + correction
            error = np.max(np.abs(correction) / self.circuit.base_v, initial=0.0)
            if error < 1e-6 or not np.isfinite(error):
                break
        if not error < 1e-6:
            worst = self.circuit.nodes[int(np.argmax(np.nan_to_num(np.abs(correction), nan=np.inf)))]
            raise FeederError(
                f"the admittance matrix is singular or nearly so around node {worst}: "
                "look for a winding or a line that floats, or for zero impedances"
            )
        return no_load


def _element_matrix(circuit: Circuit) -> sparse.csr_array:
    n = len(circuit.nodes)
    rows, columns, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.complex128)]
    for element in circuit.elements:
        width = len(element.nodes)
        rows.append(np.repeat(element.nodes, width))
        columns.append(np.tile(element.nodes, width))
        values.append(element.y_siemens.ravel())
    return _sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), n)


def _source_matrix(circuit: Circuit) -> tuple[sparse.csr_array, Complex]:
    """Source admittances, and the (n,) Norton currents."""
    n = len(circuit.nodes)
    if not circuit.sources:
        raise FeederError("the circuit has no source")
    norton = np.zeros(n, dtype=np.complex128)
    rows, columns, values = [], [], []
    for source in circuit.sources:
        y = np.linalg.inv(source.z_ohm)
        width = len(source.nodes)
        np.add.at(norton, source.nodes, y @ source.emf_v)
        rows.append(np.repeat(source.nodes, width))
        columns.append(np.tile(source.nodes, width))
        values.append(y.ravel())
    return _sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(values), n), norton


def _sparse(rows: Int, columns: Int, values: Complex, n: int) -> sparse.csr_array:
    keep = (rows >= 0) & (columns >= 0) & (values != 0)
    return sparse.csr_array(sparse.coo_array((values[keep], (rows[keep], columns[keep])), shape=(n, n)))


def _reached(
    y_elements: sparse.csr_array, circuit: Circuit
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Int]:
    """Nodes joined to a source at all; by elements; and a node of each island there that loads alone hold."""
    links = sparse.csr_array(
        (np.ones(y_elements.nnz), y_elements.indices, y_elements.indptr), shape=y_elements.shape
    )
    islands, island = connected_components(links, directed=False)
    fed = np.unique(np.concatenate([island[source.nodes] for source in circuit.sources]))
    stands = np.zeros(islands, dtype=np.bool_)
    stands[island[np.abs(y_elements.sum(axis=1)) > GROUNDED_SIEMENS]] = True
    stands[fed] = True
    between = (circuit.injectors.node_a >= 0) & (circuit.injectors.node_b >= 0)
    a, b = island[circuit.injectors.node_a[between]], island[circuit.injectors.node_b[between]]
    bridges = sparse.coo_array((np.ones(len(a)), (a, b)), shape=(islands, islands))
    _, group = connected_components(bridges, directed=False)
    reached = np.isin(group, group[fed])
    _, first = np.unique(island, return_index=True)
    return reached[island], np.isin(island, fed), first[reached & ~stands]


def _settled(injectors: Injectors, joined: NDArray[np.bool_]) -> Injectors:
    """Injectors as impedances where a node of theirs is joined to a source by loads alone."""
    joined = np.append(joined, True)  # ground, -1
    apart = ~(joined[injectors.node_a] & joined[injectors.node_b])
    if not apart.any():
        return injectors
    model = np.where(apart, LoadModel.IMPEDANCE, injectors.model).astype(injectors.model.dtype)
    return replace(injectors, model=model, v_cut_pu=np.where(apart, 0.0, injectors.v_cut_pu))
