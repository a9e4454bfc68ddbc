"""Power flow of one topology, factorised once and solved for many steps together.

The node equations are Y V + I(V) = J, with the elements and source impedances in Y, the sources' Norton
currents in J and the injectors' currents I. With G the injectors' tangent at a reference state,

    V <- (Y + G)^-1 (J - (I(V) - G V))

is Newton's method with its Jacobian held (a chord). The reference states stand on a ladder of feeder
loadings; a step takes the one nearest to its own total power, so what it starts from and is factorised at
depends on nothing but the topology and the step itself. Currents are always evaluated in double precision; the
triangular solves of a step are in single as far as that is good for on its rung, which is measured, and in double
from there. Steps that the chord does not settle go to Newton's method proper, one by one, each from its own reference
state.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical import kernels
from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.electrical.lane_kernels import LANES
from cosim.electrical.newton import newton
from cosim.electrical.ordering import Elimination, by_rows, eliminate
from cosim.electrical.references import HIGHEST, LOWEST, SPACING, Factor, Ladder, Rung
from cosim.electrical.scratch import Scratch, aligned
from cosim.electrical.voltage_laws import VoltageLaws
from cosim.errors import FeederError

LoadsAs = Literal["off", "admittance"]

factorise: Callable[..., None] = kernels.factorise
solve_columns: Callable[..., None] = kernels.solve_columns
total_power: Callable[..., None] = kernels.total_power

REFERENCE_ITERATIONS = 100
REFERENCE_PU = 1e-6
CHORD_LIMIT = 40  # a chord that needs more is crawling
PROBE_ITERATIONS = 8
PROBE_MARGIN = 4.0
LEAST_SINGLE_PU = 1e-8
GROUNDED_SIEMENS = 1e-4  # an island with less to ground floats: a rod has more, a line's charging less


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
    newton
        (steps,) True where the chord did not settle and Newton's method was asked.
    worst_node
        (steps,) where a step did not converge, the node whose voltage moved most (or is not a number); -1 elsewhere.
    """

    v: Complex
    current_a: Complex
    iterations: NDArray[np.int32]
    converged: NDArray[np.bool_]
    change_pu: Float
    newton: NDArray[np.bool_]
    worst_node: Int


@dataclass(frozen=True)
class _Assembly:
    """Where the entries of Y and of the injectors' tangents go, by rows in elimination order."""

    pointer: Int
    column: NDArray[np.int32]
    blocks: Float
    order: Int


class Network:
    """One topology, ready to be solved.

    Parameters
    ----------
    circuit
        What to solve. Nodes that no source reaches are dead: their voltage is 0 and their injectors draw
        nothing.

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
        self.energised = _reached(self.y_elements, circuit)
        injectors = circuit.injectors
        alive = np.append(self.energised, True)  # ground, -1
        self._rows = np.flatnonzero(alive[injectors.node_a] & alive[injectors.node_b])
        self._laws = VoltageLaws.of(injectors, circuit.inverters).take(self._rows)

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

        self._active = self._elimination.active()
        square = 1.0 / circuit.base_v[self._node_of_row] ** 2
        self._square_base = (square, square.astype(np.float32))
        self._scratch: list[Scratch] = []
        self._assembly = self._assemble(place)

        self._base: Network | None = None
        self._ladder = self._new_ladder()
        none = np.zeros((len(self._rows), 4))  # slopes, and half of it for offsets
        self._ladder.set(
            (0, 0), none, none[:, :2], self._by_row(self._no_load), self._active_part(self._linear)
        )

    @classmethod
    def like(cls, base: Network, circuit: Circuit, changed: Int) -> Network:
        """A network whose `changed` elements (taps, capacitor steps) have other admittances than in `base`.

        Order, pattern and reference tangents are those of `base`; only numbers are factorised anew, for the
        loadings that are asked for. What it computes depends on `base` and `circuit`, not on what either
        has solved before. Where an element needs a place that the pattern lacks the network is built anew.
        """
        new = copy.copy(base)
        for cached in ("_linear", "_no_load", "_with_admittances"):
            new.__dict__.pop(cached, None)
        new.circuit, new._base = circuit, base
        rows, columns, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.complex128)]
        for element in np.unique(changed):
            nodes, was = circuit.elements[element].nodes, base.circuit.elements[element].y_siemens
            rows.append(np.repeat(nodes, len(nodes)))
            columns.append(np.tile(nodes, len(nodes)))
            values.append((circuit.elements[element].y_siemens - was).ravel())
        row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        keep = (row >= 0) & (column >= 0) & (value != 0)
        row, column, value = row[keep], column[keep], value[keep]
        place = np.array(
            [_entry(base.y_elements, i, j) for i, j in zip(row.tolist(), column.tolist(), strict=True)],
            np.int64,
        )
        if (place < 0).any():
            return cls(circuit)
        new.y_elements = base.y_elements.copy()
        np.add.at(new.y_elements.data, place, value)
        small = new._small
        inside = base.energised[row] & base.energised[column]
        spot = np.array(
            [
                _entry(base._pattern, i, j)
                for i, j in zip(small[row[inside]].tolist(), small[column[inside]].tolist(), strict=True)
            ],
            np.int64,
        )
        blocks = base._assembly.blocks.copy()
        real, imag = value[inside].real, value[inside].imag
        np.add.at(blocks, spot, np.stack([real, -imag, imag, real], axis=1))
        new._assembly = replace(base._assembly, blocks=blocks)
        new._ladder = new._new_ladder()
        return new

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
        only: Int | None = None,
    ) -> Solution:
        """Solve a block of steps.

        Parameters
        ----------
        p_w, q_var
            (m, steps) nominal powers of the injectors, consumed positive; the circuit's own, one step, by
            default.
        tolerance_pu
            A step has converged when no voltage changed by more than this.
        max_iterations
            A step that needs more is reported as not converged. The chord gives up sooner and leaves the rest
            to Newton.
        parallel
            False for callers that run in parallel themselves. The bits are the same.
        only
            Nodes whose voltages are wanted; the others are left 0. All by default.
        """
        p, q = self._powers(p_w, q_var)
        rungs = self._rungs_of(p)
        out = self._empty(len(rungs), only is None)
        wanted = np.arange(len(self._live))
        if only is not None:
            wanted = np.flatnonzero(np.isin(self._node_of_row, only))
        for load, sun in np.unique(rungs, axis=0).tolist():
            self._climb((load, sun))
        self._run(rungs, p, q, tolerance_pu, min(max_iterations, CHORD_LIMIT), wanted, out, parallel)
        np.less_equal(out.change_pu, tolerance_pu, out=out.converged)
        for step in np.flatnonzero(~out.converged):
            self._finish(
                int(step), tuple(rungs[step].tolist()), p, q, tolerance_pu, max_iterations, only, out
            )
        return out

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

    def _powers(self, p_w: Float | None, q_var: Float | None) -> tuple[Float, Float]:
        injectors = self.circuit.injectors
        p = injectors.p_w[:, None] if p_w is None else p_w
        q = injectors.q_var[:, None] if q_var is None else q_var
        p, q = (np.ascontiguousarray(a, dtype=np.float64) for a in (p, q))
        if p.ndim != 2 or p.shape[0] != len(injectors) or p.shape != q.shape:
            raise ValueError(f"powers must both be ({len(injectors)}, steps), got {p.shape} and {q.shape}")
        return p, q

    def _rungs_of(self, p: Float) -> Int:
        """(steps, 2) rungs: of total power over nominal, and of what inverters may give over nominal."""
        inverter = self._laws.inverter >= 0
        rungs = np.zeros((p.shape[1], 2), dtype=np.int64)
        for column, sign, rows in ((0, 1.0, self._rows[~inverter]), (1, -1.0, self._rows[inverter])):
            nominal = sign * self.circuit.injectors.p_w[rows].sum()
            if not nominal > 0.0:
                continue
            total = np.zeros(p.shape[1])
            total_power(rows, p, total)
            share = np.nan_to_num(sign * total / (nominal * SPACING))
            rungs[:, column] = np.clip(np.rint(share), LOWEST, HIGHEST)
        return rungs

    def _climb(self, rung: Rung) -> None:
        """Set a rung, solved from the next one towards no load; where there is no solution, lean on that."""
        if rung in self._ladder:
            return
        if self._base is not None:
            self._follow(rung, self._base)
            return
        load, sun = rung
        nearer = (
            (load - 1 if load > 0 else load + 1, sun) if load else (load, sun - 1 if sun > 0 else sun + 1)
        )
        self._climb(nearer)
        self._ladder.lean(rung, nearer)
        share = np.full(len(self.circuit.injectors), load * SPACING)
        share[self.circuit.inverters.injector] = sun * SPACING
        p, q = (share[:, None] * a for a in self._powers(None, None))
        out = self._empty(1)
        self._run(
            np.array([nearer]),
            p,
            q,
            REFERENCE_PU,
            REFERENCE_ITERATIONS,
            np.arange(len(self._live)),
            out,
            False,
        )
        if not out.change_pu[0] <= REFERENCE_PU:
            self._finish(0, nearer, p, q, REFERENCE_PU, 2 * REFERENCE_ITERATIONS, None, out)
        if not out.change_pu[0] <= REFERENCE_PU:
            return
        across = self._across(out.v)[self._rows, 0]
        p, q = p[self._rows, 0], q[self._rows, 0]
        slope = self._laws.tangent(p, q, across)
        factor = self._factorise(slope)
        if factor.finite():
            current = self._laws.current(p[:, None], q[:, None], across[:, None])[:, 0]
            self._refer(rung, slope, _times(slope, across) - current, factor)
            self._ladder.trust_single(rung, self._measure_single(rung))

    def _follow(self, rung: Rung, base: Network) -> None:
        """Set a rung from the same rung of `base`: its tangents, and its state after one step to this network."""
        base._climb(rung)
        origin = base._ladder.origin(rung)
        if origin not in self._ladder:
            slope, offset, good_to_pu = base._ladder.tangents(origin)
            self._refer(origin, slope, offset[:, 0] + 1j * offset[:, 1], self._factorise(slope))
            self._ladder.trust_single(origin, good_to_pu)
        self._ladder.lean(rung, origin)

    def _refer(self, rung: Rung, slope: Float, offset: Complex, factor: Factor) -> None:
        """Set a rung with its state (Y + G)^-1 (J + offset), where offset (m,) is G V - I(V) at the reference."""
        base = self._solve_linear(factor, (self._norton + self._at_nodes(offset))[:, None])[:, 0]
        parts = np.stack([offset.real, offset.imag], axis=1)
        self._ladder.set(rung, slope, parts, self._by_row(base), self._active_part(factor))

    def _active_part(self, factor: Factor) -> Factor:
        """Factors without the passive part of L."""
        return Factor(factor.l_value[self._active[2]], factor.diagonal, factor.u_value)

    def _measure_single(self, rung: Rung) -> float:
        """What single precision is good for on a rung [pu]: its error on a step half a rung off, ten times over."""
        m, steps = len(self.circuit.injectors), LANES
        uneven = np.sin(np.arange(m * steps).reshape(m, steps) * 0.7)  # any powers will do, if they differ
        share = np.full(m, rung[0] * SPACING)
        share[self.circuit.inverters.injector] = rung[1] * SPACING
        p, q = (a * (share[:, None] + 0.25 * uneven) for a in self._powers(None, None))
        rungs, everything = np.full((steps, 2), rung), np.arange(len(self._live))
        found = []
        for good_to_pu in (0.0, np.inf):  # in single precision throughout, and without it
            self._ladder.trust_single(rung, good_to_pu)
            out = self._empty(steps)
            self._run(rungs, p, q, 0.0, PROBE_ITERATIONS, everything, out, False)
            found.append(out.v[:, np.isfinite(out.change_pu)])
        if not found[0].size or found[0].shape != found[1].shape:
            return np.inf
        error = np.abs(found[0] - found[1]) / self.circuit.base_v[:, None]
        return max(PROBE_MARGIN * float(np.max(error)), LEAST_SINGLE_PU)

    def _finish(
        self,
        step: int,
        rung: Rung,
        p: Float,
        q: Float,
        tolerance: float,
        limit: int,
        only: Int | None,
        out: Solution,
    ) -> None:
        """Newton's method for one step that the chord did not settle, as far as the limit on iterations goes."""
        column_p, column_q = p[self._rows, step], q[self._rows, step]
        spoiled = np.flatnonzero(~np.isfinite(column_p + column_q))
        if len(spoiled):
            rows = self.circuit.injectors
            a, b = (int(node[self._rows[spoiled[0]]]) for node in (rows.node_a, rows.node_b))
            out.worst_node[step] = a if a >= 0 else b
            return
        start = np.zeros(len(self.circuit.nodes), dtype=np.complex128)
        base = self._ladder.state(rung)
        start[self._node_of_row] = base[:-1, 0] + 1j * base[:-1, 1]
        found = newton(
            lambda v: self._linearised(column_p, column_q, v), start, self.circuit.base_v, tolerance,
            limit - int(out.iterations[step]),
        )  # fmt: skip
        out.newton[step] = found.iterations > 0
        if not found.iterations:
            out.worst_node[step] = found.worst
            return
        out.iterations[step] += found.iterations
        out.change_pu[step] = found.change_pu
        out.converged[step] = found.change_pu <= tolerance
        out.worst_node[step] = -1 if out.converged[step] else found.worst
        across = self._across(found.v[:, None])[self._rows]
        out.current_a[self._rows, step] = self._laws.current(column_p[:, None], column_q[:, None], across)[
            :, 0
        ]
        nodes = np.arange(len(found.v)) if only is None else only
        out.v[nodes, step] = found.v[nodes]

    def _linearised(self, p: Float, q: Float, v: Complex) -> Callable[[Complex], Complex]:
        """The Jacobian at v, as a function from voltages to those that one step with it leads to."""
        across = self._across(v[:, None])[self._rows, 0]
        slope = self._laws.tangent(p, q, across, kink_pu=1e-6)
        factor = self._factorise(slope)
        fed = np.where(self.energised, self._norton, 0.0)

        def follow(at: Complex) -> Complex:
            here = self._across(at[:, None])[self._rows]
            current = self._laws.current(p[:, None], q[:, None], here)[:, 0]
            right = fed + self._at_nodes(_times(slope, here[:, 0]) - current)
            return self._solve_linear(factor, right[:, None])[:, 0]

        return follow

    def _new_ladder(self) -> Ladder:
        e = self._elimination
        return Ladder(len(self._rows), len(self._live), len(self._active[2]), len(e.u_column))

    def _empty(self, steps: int, whole: bool = False) -> Solution:
        """Room for results; `whole` if every live voltage will be written."""
        shape = (len(self.circuit.nodes), steps)
        filled = whole and bool(self.energised.all())
        return Solution(
            v=aligned(shape, np.complex128, filled),
            current_a=aligned(
                (len(self.circuit.injectors), steps),
                np.complex128,
                len(self._rows) == len(self.circuit.injectors),
            ),
            iterations=np.zeros(steps, dtype=np.int32),
            converged=np.zeros(steps, dtype=np.bool_),
            change_pu=np.full(steps, np.nan),
            newton=np.zeros(steps, dtype=np.bool_),
            worst_node=np.full(steps, -1, dtype=np.int64),
        )

    def _at_nodes(self, current: Complex) -> Complex:
        """(n,) sum at each node of the live injectors' (m,) currents."""
        total = np.zeros(len(self.circuit.nodes) + 1, dtype=np.complex128)  # ground last
        injectors = self.circuit.injectors
        np.add.at(total, injectors.node_a[self._rows], current)
        np.add.at(total, injectors.node_b[self._rows], -current)
        return total[:-1]

    def _by_row(self, values: Complex) -> Float:
        """(rows + 1, 2) real and imaginary parts in elimination order, ground last."""
        picked = np.append(values[self._node_of_row], 0.0)
        return np.ascontiguousarray(np.stack([picked.real, picked.imag], axis=1))

    def _run(
        self, rungs: Int, p: Float, q: Float, tolerance: float, limit: int, wanted: Int, out: Solution,
        parallel: bool,
    ) -> None:  # fmt: skip
        """Solve all steps, those of one rung together in groups, into `out`."""
        laws, e = self._laws, self._elimination
        place = np.array([self._ladder.place((load, sun)) for load, sun in rungs.tolist()])
        steps = np.argsort(place, kind="stable")
        ends = np.flatnonzero(np.diff(place[steps], append=-1)) + 1
        groups = np.array(
            [
                (first, min(LANES, end - first), place[steps[first]])
                for start, end in pairwise([0, *ends.tolist()])
                for first in range(start, end, LANES)
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        workers = min(get_num_threads(), len(groups)) if parallel else 1
        scratch = self._borrow(workers)
        arguments = (
            groups, steps, p, q, self._rows, self._terminals, laws.arrays(), self._ladder.arrays(),
            (e.passive, *self._active[:2], e.u_pointer, e.u_column),
            self._square_base, self._node_of_row, wanted, e.leading_to(wanted), *scratch.arrays(),
            tolerance, limit,
            out.v, out.current_a, out.iterations, out.change_pu,
        )  # fmt: skip
        serial: Callable[..., None] = kernels.solve_serial
        twin: Callable[..., None] = kernels.solve_parallel
        if workers > 1:
            twin(workers, *arguments)
        else:
            serial(*arguments)
        self._scratch.append(scratch)

    def _borrow(self, workers: int) -> Scratch:
        """Scratch for some workers, of an earlier solution if one is free (concurrent callers each get their own)."""
        while self._scratch:
            scratch = self._scratch.pop()
            if scratch.workers >= workers:
                return scratch
        return Scratch(workers, len(self._live) + 1, len(self._rows))

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
        e, assembly = self._elimination, self._assembly
        values = np.concatenate([assembly.blocks, slope, slope, -slope, -slope])[assembly.order]
        size = len(self._live)
        factor = Factor(np.empty((len(e.l_column), 4)), np.empty((size, 4)), np.empty((len(e.u_column), 4)))
        factorise(
            assembly.pointer, assembly.column, values, e.l_pointer, e.l_column, e.u_pointer, e.u_column,
            np.empty((size + 1, 4)), factor.l_value, factor.diagonal, factor.u_value,
        )  # fmt: skip
        return factor

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
        """The no-load voltages refined once; the correction tells how good the pivots were."""
        left = np.where(self.energised, self._norton, 0.0) - (self.y_elements + self.y_sources) @ no_load
        correction = self._solve_linear(self._linear, left[:, None])[:, 0]
        error = np.max(np.abs(correction) / self.circuit.base_v, initial=0.0)
        if not error < 1e-6:
            worst = self.circuit.nodes[int(np.argmax(np.nan_to_num(np.abs(correction), nan=np.inf)))]
            raise FeederError(
                f"the admittance matrix is singular or nearly so around node {worst}: "
                "look for a winding or a line that floats, or for zero impedances"
            )
        return no_load + correction


def _times(slope: Float, v: Complex) -> Complex:
    """(m,) product of (m, 4) real blocks and complex numbers."""
    return np.asarray(
        slope[:, 0] * v.real + slope[:, 1] * v.imag + 1j * (slope[:, 2] * v.real + slope[:, 3] * v.imag)
    )


def _entry(matrix: sparse.csr_array, row: int, column: int) -> int:
    """Place of an entry in the matrix's data, -1 if it has none."""
    first, last = matrix.indptr[row], matrix.indptr[row + 1]
    found = np.flatnonzero(matrix.indices[first:last] == column)
    return int(first + found[0]) if len(found) else -1


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
    """Nodes joined to a source by elements, or by an injector if they stand on ground (a neutral on its rod)."""
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
    joined = stands[a] & stands[b]
    bridges = sparse.coo_array((np.ones(joined.sum()), (a[joined], b[joined])), shape=(islands, islands))
    _, group = connected_components(bridges, directed=False)
    return np.isin(group[island], group[fed])
