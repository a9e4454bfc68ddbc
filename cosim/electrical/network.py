"""Power flow of one topology, factorised once and solved for many steps together.

The node equations are Y V + I(V) = J, with the elements and source impedances in Y, the sources' Norton currents in J
and the injectors' currents I. With G the injectors' tangent at a reference state of the topology,

    V <- (Y + G)^-1 (J - (I(V) - G V))

is Newton's method with its Jacobian held (a chord): at every step the same factors, three or four iterations near the
reference. Where no reference state exists, G = 0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical import factor_kernels, kernels
from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.electrical.ordering import Elimination, by_rows, eliminate
from cosim.electrical.voltage_laws import VoltageLaws
from cosim.errors import FeederError

REFERENCE_LOADING = 0.6  # of nominal power: between night and peak
REFERENCE_ITERATIONS = 60


@dataclass(frozen=True)
class Solution:
    """Solved steps.

    Parameters
    ----------
    v
        (n, steps) voltage of each node to ground [V]; 0 at dead nodes.
    current_a
        (m, steps) current of each injector from `node_a` to `node_b`, load convention [A].
    iterations
        (steps,) iterations done.
    converged
        (steps,) False where the voltages must not be used.
    change_pu
        (steps,) largest voltage change of the last iteration over the base voltage; NaN where it diverged.
    """

    v: Complex
    current_a: Complex
    iterations: NDArray[np.int32]
    converged: NDArray[np.bool_]
    change_pu: Float


@dataclass(frozen=True)
class _Factor:
    """(Y + G)^-1 as triangular factors in 2 by 2 blocks, see `factor_kernels`."""

    l_value: Float
    diagonal: Float
    u_value: Float


class Network:
    """One topology, ready to be solved.

    Parameters
    ----------
    circuit
        What to solve.
    reference_loading
        Share of nominal power at which the tangent is taken. It decides how many iterations are needed, not the
        answer.

    Raises
    ------
    FeederError
        If there is no source, or the matrix is singular.
    """

    def __init__(self, circuit: Circuit, *, reference_loading: float = REFERENCE_LOADING) -> None:
        self.circuit = circuit
        n = len(circuit.nodes)
        self.y_elements = _element_matrix(circuit)
        self.y_sources, self._norton = _source_matrix(circuit)
        self.energised = _reached(self.y_elements, circuit)
        injectors = circuit.injectors
        alive = np.append(self.energised, True)  # ground, -1
        self._rows = np.flatnonzero(alive[injectors.node_a] & alive[injectors.node_b])
        self._laws = VoltageLaws.of(injectors).take(self._rows)

        self._live = np.flatnonzero(self.energised)
        self._small = np.full(n + 1, len(self._live))
        self._small[self._live] = np.arange(len(self._live))
        pair = np.stack([injectors.node_a[self._rows], injectors.node_b[self._rows]], axis=1)
        pair = self._small[pair]  # place among the live nodes; ground is last
        self._elimination = self._order(pair)
        place = np.empty(len(self._live) + 1, dtype=np.int64)
        place[self._elimination.order] = np.arange(len(self._live))
        place[-1] = len(self._live)
        self._terminals = place[pair].astype(np.int32)
        self._node_of_row = self._live[self._elimination.order]

        linear = self._factorise(np.zeros((len(self._rows), 4)))
        self._no_load = self._solve_linear(linear, self._norton[:, None])[:, 0]
        self._check_accuracy(linear)
        self._linear = linear
        self._set_reference(reference_loading)

    def no_load_voltage(self) -> Complex:
        """(n,) voltages with every injector off [V]."""
        return self._no_load.copy()

    def solve(
        self,
        p_w: Float | None = None,
        q_var: Float | None = None,
        *,
        tolerance_pu: float = 1e-9,
        max_iterations: int = 200,
        parallel: bool = True,
    ) -> Solution:
        """Solve a block of steps.

        Parameters
        ----------
        p_w, q_var
            (m, steps) nominal powers of the injectors, consumed positive; the circuit's own, one step, by default.
        tolerance_pu
            A step has converged when no voltage changed by more than this.
        max_iterations
            A step that needs more is reported as not converged.
        parallel
            False for callers that run in parallel themselves. The bits are the same.
        """
        p, q = self._powers(p_w, q_var)
        steps = p.shape[1]
        v = np.zeros((len(self.circuit.nodes), steps), dtype=np.complex128)
        current = np.zeros((len(p), steps), dtype=np.complex128)
        iterations = np.zeros(steps, dtype=np.int32)
        change = np.full(steps, np.nan)
        whole = steps - steps % kernels.LANES
        if whole:
            self._run(0, p, q, tolerance_pu, max_iterations, v, current, iterations, change, parallel)
        if whole < steps:
            tail_p, tail_q = np.zeros((2, len(p), kernels.LANES))
            tail_p[:, : steps - whole] = p[:, whole:]
            tail_q[:, : steps - whole] = q[:, whole:]
            self._run(
                whole, tail_p, tail_q, tolerance_pu, max_iterations, v, current, iterations, change, False
            )
        return Solution(v, current, iterations, change <= tolerance_pu, change)

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

    def solve_linear(self, injected_a: Complex) -> Complex:
        """(n, k) voltages that (n, k) injected currents raise with sources shorted and injectors off [V]."""
        return self._solve_linear(self._linear, injected_a)

    def _across(self, v: Complex) -> Complex:
        grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
        injectors = self.circuit.injectors
        return np.asarray(grounded[injectors.node_a] - grounded[injectors.node_b])

    def _powers(self, p_w: Float | None, q_var: Float | None) -> tuple[Float, Float]:
        injectors = self.circuit.injectors
        p = injectors.p_w[:, None] if p_w is None else p_w
        q = injectors.q_var[:, None] if q_var is None else q_var
        p, q = (np.ascontiguousarray(a, dtype=np.float64) for a in (p, q))
        if p.ndim != 2 or p.shape[0] != len(injectors) or p.shape != q.shape:
            raise ValueError(f"powers must both be ({len(injectors)}, steps), got {p.shape} and {q.shape}")
        return p, q

    def _run(
        self, offset: int, p: Float, q: Float, tolerance: float, limit: int, v: Complex, current: Complex,
        iterations: NDArray[np.int32], change: Float, parallel: bool,
    ) -> None:  # fmt: skip
        laws = self._laws
        injector = (
            self._rows, self._terminals, laws.factors, laws.exponents, laws.cut_pu, self._slope,
        )  # fmt: skip
        e = self._elimination
        factor = (
            e.passive, e.l_pointer, e.l_column, self._factor.l_value, self._factor.diagonal,
            e.u_pointer, e.u_column, self._factor.u_value,
        )  # fmt: skip
        arguments = (
            offset, p, q, injector, self._start, self._base, self._inverse_base, self._node_of_row, factor,
            tolerance, limit, v, current, iterations, change,
        )  # fmt: skip
        workers = min(os.cpu_count() or 1, p.shape[1] // kernels.LANES)
        if parallel and workers > 1:
            kernels.solve_parallel(workers, *arguments)
        else:
            kernels.solve_serial(*arguments)

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
        return eliminate(pattern, driven[:size])

    def _factorise(self, slope: Float) -> _Factor:
        """Factors of Y plus the injectors' tangents `slope` (m, 4)."""
        e = self._elimination
        size = len(self._live)
        place = np.empty(size, dtype=np.int64)
        place[e.order] = np.arange(size)
        y = (self.y_elements + self.y_sources)[self._live][:, self._live].tocoo()
        a, b = self._terminals.astype(np.int64).T
        rows = np.concatenate([place[y.row], a, b, a, b])
        columns = np.concatenate([place[y.col], a, b, b, a])
        complex_blocks = np.stack([y.data.real, -y.data.imag, y.data.imag, y.data.real], axis=1)
        values = np.concatenate([complex_blocks, slope, slope, -slope, -slope])
        inside = (rows < size) & (columns < size)
        order = np.lexsort((columns[inside], rows[inside]))
        pointer, column = by_rows(rows[inside], columns[inside], size)
        factor = _Factor(np.empty((len(e.l_column), 4)), np.empty((size, 4)), np.empty((len(e.u_column), 4)))
        factor_kernels.factorise(
            pointer, column, np.ascontiguousarray(values[inside][order]), e.l_pointer, e.l_column,
            e.u_pointer, e.u_column, np.empty((size + 1, 4)), factor.l_value, factor.diagonal, factor.u_value,
        )  # fmt: skip
        return factor

    def _solve_linear(self, factor: _Factor, current: Complex) -> Complex:
        """(n, k) solution of one factorisation for (n, k) currents; dead nodes give 0."""
        e = self._elimination
        right = current[self._node_of_row]
        x = np.ascontiguousarray(np.stack([right.real, right.imag], axis=1))
        factor_kernels.solve_columns(
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

    def _check_accuracy(self, linear: _Factor) -> None:
        """Refine the no-load voltages once; the correction tells how good the pivots were."""
        left = (
            np.where(self.energised, self._norton, 0.0) - (self.y_elements + self.y_sources) @ self._no_load
        )
        correction = self._solve_linear(linear, left[:, None])[:, 0]
        error = np.max(np.abs(correction) / self.circuit.base_v, initial=0.0)
        if not error < 1e-6:
            worst = self.circuit.nodes[int(np.argmax(np.nan_to_num(np.abs(correction), nan=np.inf)))]
            raise FeederError(
                f"the admittance matrix is singular or nearly so around node {worst}: "
                "look for a winding or a line that floats, or for zero impedances"
            )
        self._no_load = self._no_load + correction

    def _set_reference(self, loading: float) -> None:
        """Choose the tangent, the voltages that the factors give by themselves, and where iterations start."""
        self._slope = np.zeros((len(self._rows), 4))
        self._factor = self._linear
        self._place_base(self._no_load, self._no_load)
        if not len(self._rows) or loading == 0.0:
            return
        p, q = (loading * a for a in self._powers(None, None))
        reference = self.solve(p, q, tolerance_pu=1e-6, max_iterations=REFERENCE_ITERATIONS, parallel=False)
        if not reference.converged[0]:
            return
        across = self._across(reference.v)[self._rows, 0]
        slope = self._laws.tangent(p[self._rows, 0], q[self._rows, 0], across)
        factor = self._factorise(slope)
        if not all(np.isfinite(a).all() for a in (factor.l_value, factor.diagonal, factor.u_value)):
            return
        self._slope, self._factor = slope, factor
        self._place_base(self._solve_linear(factor, self._norton[:, None])[:, 0], reference.v[:, 0])

    def _place_base(self, base: Complex, start: Complex) -> None:
        def by_row(values: Complex) -> Float:
            picked = np.append(values[self._node_of_row], 0.0)  # ground last
            return np.ascontiguousarray(np.stack([picked.real, picked.imag], axis=1))

        self._base = by_row(base)
        self._start = by_row(start) - self._base
        self._inverse_base = 1.0 / self.circuit.base_v[self._node_of_row]


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


def _reached(y_elements: sparse.csr_array, circuit: Circuit) -> NDArray[np.bool_]:
    """Nodes connected to a source through elements."""
    _, island = connected_components(y_elements, directed=False)
    fed = np.unique(np.concatenate([island[source.nodes] for source in circuit.sources]))
    return np.isin(island, fed)
