"""Power flow of one topology, factorised once and solved for many steps together.

The node equations are Y V + I(V) = J, with the elements and source impedances in Y, the sources' Norton
currents in J and the injectors' currents I. With G the injectors' tangent at a reference state,

    V <- (Y + G)^-1 (J - (I(V) - G V))

is Newton's method with its Jacobian held (a chord). The reference states stand on a ladder of feeder
loadings; a step takes the one nearest to its own total power, so what it starts from and is factorised at
depends on nothing but the topology and the step itself. A step iterates in single precision as far as that is good for
on its rung, which is measured, and in double from there; what is returned is calculated in double. Steps that the chord
does not settle go to Newton's method proper, one by one, each from its own reference state or, if the feeder has
collapsed, from below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numba import get_num_threads

from cosim.electrical import kernels
from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.electrical.lane_kernels import FEW, LANES
from cosim.electrical.linear_network import LinearNetwork, LoadsAs
from cosim.electrical.newton import Found, newton
from cosim.electrical.references import HIGHEST, LOWEST, SPACING, Factor, Ladder, Rung
from cosim.electrical.scratch import Scratch, aligned, no_scratch
from cosim.electrical.solution import Solution

__all__ = ["LoadsAs", "Network", "Solution"]

total_power: Callable[..., None] = kernels.total_power

REFERENCE_ITERATIONS = 100
REFERENCE_PU = 1e-6
CHORD_LIMIT = 40  # a chord that needs more is crawling
PROBE_ITERATIONS = 8
PROBE_MARGIN = 4.0
LEAST_SINGLE_PU = 1e-8
SORTING_SOLVES = (
    3  # rungs a window: to bring steps into another order and back costs as much as so many solves
)


class Network(LinearNetwork):
    """One topology, ready to be solved for many steps; what it takes and refuses is `LinearNetwork`'s."""

    def __init__(self, circuit: Circuit) -> None:
        super().__init__(circuit)
        self._active = self._elimination.active()
        square = 1.0 / circuit.base_v[self._node_of_row] ** 2
        self._square_base = (square, square.astype(np.float32))
        self._scratch = no_scratch()
        inverter = self._laws.inverter >= 0
        self._solar = self._rows[inverter]
        self._sides = [
            (column, sign, np.sort(rows), nominal)
            for column, sign, rows in ((0, 1.0, self._rows[~inverter]), (1, -1.0, self._solar))
            if (nominal := sign * circuit.injectors.p_w[rows].sum()) > 0.0
        ]  # of the ladder: what says a step's place on it
        self._ladder = self._new_ladder()
        none = np.zeros((len(self._rows), 4))  # slopes, and half of it for offsets
        self._ladder.set(
            (0, 0), none, none[:, :2], self._by_row(self._no_load), self._active_part(self._linear)
        )

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
        rungs = np.zeros((p.shape[1], 2), dtype=np.int64)
        for column, sign, rows, nominal in self._sides:
            total = np.zeros(p.shape[1])
            total_power(rows, p, total)
            share = np.nan_to_num(sign * total / (nominal * SPACING))
            # Where a law jumps two solutions may stand side by side; the one reached from no load is meant.
            nearest = np.trunc(share) if self._laws.jumps else np.rint(share)
            rungs[:, column] = np.clip(nearest, LOWEST, HIGHEST)
        # With the first watt an inverter takes up all of its volt-var: no rung without sun knows that slope.
        on = (p[self._solar] < 0.0).any(axis=0)
        rungs[:, 1] = np.where(on, np.maximum(rungs[:, 1], 1), rungs[:, 1])
        return rungs

    def _climb(self, rung: Rung) -> None:
        """Set a rung, solved from the next one towards no load; where there is no solution, lean on that."""
        if rung in self._ladder:
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

    def _refer(self, rung: Rung, slope: Float, offset: Complex, factor: Factor) -> None:
        """Set a rung with its state (Y + G)^-1 (J + offset), where offset (m,) is G V - I(V) at the reference."""
        base = self._solve_linear(factor, (self._norton + self._at_nodes(offset))[:, None])[:, 0]
        parts = np.stack([offset.real, offset.imag], axis=1)
        self._ladder.set(rung, slope, parts, self._by_row(base), self._active_part(factor))

    def _active_part(self, factor: Factor) -> Factor:
        """Factors without the passive part of L."""
        return Factor(factor.l_value[self._active[2]], factor.diagonal, factor.u_value)

    def _measure_single(self, rung: Rung) -> float:
        """What single precision is good for on a rung [pu]: four times its error on steps up to two rungs off."""
        m, steps = len(self.circuit.injectors), FEW
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
        found = self._newton(column_p, column_q, rung, tolerance, limit - int(out.iterations[step]))
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

    def _newton(self, p: Float, q: Float, rung: Rung, tolerance: float, limit: int) -> Found:
        """Newton's method from a rung's state; where that leads nowhere, from that of all loads as impedances.

        The laws of loads all end as impedances, so a collapsed feeder has a solution too, near that one.
        """

        def search(start: Complex, limit: int) -> Found:
            return newton(lambda v: self._linearised(p, q, v), start, self.circuit.base_v, tolerance, limit)

        start = np.zeros(len(self.circuit.nodes), dtype=np.complex128)
        state = self._ladder.state(rung)
        start[self._node_of_row] = state[:-1, 0] + 1j * state[:-1, 1]
        found = search(start, limit)
        if found.change_pu <= tolerance or not 0 < found.iterations < limit:
            return found
        draws = p > 0.0
        y = np.where(draws, (p - 1j * q) / self.circuit.injectors.v_nom[self._rows] ** 2, 0.0)
        loaded = self._factorise(np.stack([y.real, -y.imag, y.imag, y.real], axis=1))
        other = search(self._solve_linear(loaded, self._norton[:, None])[:, 0], limit - found.iterations)
        best = other if other.change_pu <= tolerance else found
        return replace(best, iterations=found.iterations + other.iterations)

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

    def _by_row(self, values: Complex) -> Float:
        """(rows + 1, 2) real and imaginary parts in elimination order, ground last."""
        picked = np.append(values[self._node_of_row], 0.0)
        return np.ascontiguousarray(np.stack([picked.real, picked.imag], axis=1))

    def _run(
        self, rungs: Int, p: Float, q: Float, tolerance: float, limit: int, wanted: Int, out: Solution,
        parallel: bool,
    ) -> None:  # fmt: skip
        """Solve all steps into `out`, as they stand or, where that spares more than it costs, rung by rung."""
        if not len(rungs):
            return
        place = np.array([self._ladder.place((load, sun)) for load, sun in rungs.tolist()], dtype=np.int64)
        order = np.argsort(place, kind="stable")
        solves, sorted_solves = _solves(place), _solves(place[order])
        if solves.sum() - sorted_solves.sum() <= SORTING_SOLVES * len(solves):
            self._run_windows(place, solves, p, q, tolerance, limit, wanted, out, parallel)
            return
        part = self._empty(len(place), bool(self.energised.all()) and len(wanted) == len(self._live))
        self._run_windows(
            place[order],
            sorted_solves,
            np.take(p, order, axis=1),
            np.take(q, order, axis=1),
            tolerance,
            limit,
            wanted,
            part,
            parallel,
        )
        for target, source in (
            (out.v, part.v),
            (out.current_a, part.current_a),
            (out.iterations, part.iterations),
            (out.change_pu, part.change_pu),
        ):
            target[..., order] = source

    def _run_windows(
        self, place: Int, solves: Int, p: Float, q: Float, tolerance: float, limit: int, wanted: Int,
        out: Solution, parallel: bool,
    ) -> None:  # fmt: skip
        laws, e = self._laws, self._elimination
        workers = min(get_num_threads(), len(solves)) if parallel else 1
        windows = _dealt(solves, workers) * LANES
        scratch = self._borrow(workers, FEW if len(place) <= FEW else LANES)
        target = np.full(len(self._live), -1)
        target[wanted] = self._node_of_row[wanted]
        arguments = (
            windows, place, p, q, self._rows, self._terminals, laws.arrays(), self._ladder.arrays(),
            (e.passive, *self._active[:2], e.u_pointer, e.u_column),
            self._square_base, target, e.leading_to(wanted), *scratch.arrays(), tolerance, limit,
            out.v, out.current_a, out.iterations, out.change_pu,
        )  # fmt: skip
        serial: Callable[..., None] = kernels.solve_serial
        twin: Callable[..., None] = kernels.solve_parallel
        if workers > 1:
            twin(workers, *arguments)
        else:
            serial(*arguments)
        self._scratch[scratch.lanes].append(scratch)

    def _borrow(self, workers: int, lanes: int) -> Scratch:
        """Scratch for some workers, of an earlier solution if one is free (concurrent callers each get their own)."""
        free = self._scratch[lanes]
        while free:
            scratch = free.pop()
            if scratch.workers >= workers:
                return scratch
        return Scratch(workers, lanes, len(self._live) + 1, len(self._rows))


def _solves(place: Int) -> Int:
    """Rungs in each window of LANES neighbouring steps."""
    return np.array(
        [len(np.unique(place[k : k + LANES])) for k in range(0, len(place), LANES)], dtype=np.int64
    )


def _dealt(solves: Int, workers: int) -> Int:
    """Windows from the dearest on, each round of dealing in the other direction, so that workers share evenly."""
    order = np.argsort(-solves, kind="stable")
    for k in range(workers, len(order), 2 * workers):
        order[k : k + workers] = order[k : k + workers][::-1]
    return order


def _times(slope: Float, v: Complex) -> Complex:
    """(m,) product of (m, 4) real blocks and complex numbers."""
    return np.asarray(
        slope[:, 0] * v.real + slope[:, 1] * v.imag + 1j * (slope[:, 2] * v.real + slope[:, 3] * v.imag)
    )
