"""The continuous state of a study, advanced in blocks of steps between events.

`StudyPhysics` is what the clock calls: `advance` moves every home from one instant to
another and stops early where a breaker trips or a waiting inverter's voltage window changes;
`apply` changes what an event changes. All state lies in plain arrays, so a block can be cut
after any step and a run started again from any snapshot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.network import Network, Solution, Terminals
from cosim.events.physics import Act, Action, Crossing, Watch
from cosim.simulation.sockets import SocketBlock, Sockets
from cosim.simulation.steps import US, Plan, plan_steps

if TYPE_CHECKING:
    from cosim.demand.block import DemandBlock
    from cosim.devices.battery import BatteryBlock
    from cosim.devices.breaker import BreakerBlock
    from cosim.simulation.assembly import Study

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Steps solved together: a multiple of the solver's lanes and of two threads, small enough for the cache.
BLOCK_STEPS = 64
KEPT_NETWORKS = 8
# IEEE 1547-2018 clause 4.10, default settings: the window in which DER may enter service, and the
# time over which output then rises.
ENTER_WINDOW_PU = (0.917, 1.05)
ENTER_RAMP_US = 300 * US
LONG_AGO_US = -(10**15)
BREAKERS = ("main", "branch")


@dataclass
class State:
    """Everything that a restart needs.

    Parameters
    ----------
    open_sections
        Circuit elements opened by each open section, by the section's name.
    switch_on, in_service
        (homes,) whether the DER's switch is closed, and whether its inverter runs.
    window
        (homes,) whether the voltage was last seen inside the enter-service window.
    enter_us
        (homes,) when output began to rise after the last return.
    closed
        (2, homes) main breaker, branch breaker.
    theta
        (2 * homes,) thermal state of the breakers, mains first.
    charge_j
        (batteries,) stored energy.
    heat_c
        One (nodes, homes of the fleet) array per kind of adapter.
    """

    open_sections: dict[str, tuple[int, ...]]
    switch_on: Bool
    in_service: Bool
    window: Bool
    enter_us: Int
    closed: Bool
    theta: Float
    charge_j: Float
    heat_c: list[Float]

    @property
    def open_elements(self) -> frozenset[int]:
        """Circuit elements that are out."""
        return frozenset(element for section in self.open_sections.values() for element in section)


@dataclass
class Block:
    """A block of steps as computed, before it counts."""

    plan: Plan
    demand: DemandBlock
    pv_w: Float
    ev_w: Float
    ambient_c: Float
    sockets: SocketBlock
    solution: Solution
    transformer_va: NDArray[np.complex128]
    head_va: NDArray[np.complex128]
    breakers: BreakerBlock
    battery: BatteryBlock
    heat_c: list[Float] = field(default_factory=list)


class StudyPhysics:
    """The homes of a study between events; implements `cosim.events.physics.Physics`.

    Parameters
    ----------
    study
        What the scenario was assembled into.
    record
        Called with every committed block and the number of its steps that count.
    parallel
        Whether kernels may use threads; workers that are already parallel say no.
    block_steps
        Steps computed together; results do not depend on it.
    """

    def __init__(
        self,
        study: Study,
        record: Callable[[Block, int], None],
        *,
        parallel: bool = True,
        block_steps: int = BLOCK_STEPS,
    ) -> None:
        self.study = study
        self.studied: dict[str, tuple[int, dict[str, NDArray[np.generic]]]] = {}
        self._record = record
        self._parallel = parallel
        self._block_steps = block_steps
        compiled = study.compiled
        self._sockets = Sockets(compiled, parallel)
        service = compiled.transformer_element[compiled.service_transformers]
        self._transformers = Terminals(compiled.circuit, [(int(element), 0) for element in service])
        self._head = Terminals(compiled.circuit, list(compiled.head))
        self._networks: dict[frozenset[int], Network] = {}
        self.state = self._initial_state()
        self.time_us = 0
        self.peak_w, self.peak_us, self.peak_open = -np.inf, 0, frozenset[int]()

    def _initial_state(self) -> State:
        study, homes = self.study, self.study.homes
        ambient_c = float(study.weather.block(0, 1).ambient_c[0])
        return State(
            open_sections={},
            switch_on=np.ones(homes, dtype=bool),
            in_service=np.ones(homes, dtype=bool),
            window=np.ones(homes, dtype=bool),
            enter_us=np.full(homes, LONG_AGO_US, dtype=np.int64),
            closed=np.ones((2, homes), dtype=bool),
            theta=np.zeros(2 * homes),
            charge_j=study.battery.initial(),
            heat_c=[fleet.initial(ambient_c) for fleet, _ in study.heat],
        )

    def network(self, open_elements: frozenset[int]) -> Network:
        """The solver of a topology, factorised when first needed."""
        if open_elements not in self._networks:
            if len(self._networks) >= KEPT_NETWORKS:
                self._networks.pop(next(iter(self._networks)))
            self._networks[open_elements] = Network(self.study.compiled.circuit.without(open_elements))
        return self._networks[open_elements]

    def snapshot(self) -> State:
        """A copy of the state that later steps do not touch."""
        return copy.deepcopy(self.state)

    def fed(self) -> Bool:
        """(homes,) whether the socket is energised."""
        network = self.network(self.state.open_elements)
        return np.asarray(network.energised[self.study.compiled.home_nodes[:, 0]])

    def _der_fed(self) -> Bool:
        """(homes,) whether the DER's own terminals are energised: socket, and its breaker closed."""
        closed = self.state.closed
        return self.fed() & np.where(self.study.pv_on_branch, closed[1], closed[0])

    # -- the clock calls these ------------------------------------------------------------

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Move all homes from `start_us` to `until_us`, or to the first crossing before it."""
        while start_us < until_us:
            plan = plan_steps(start_us, until_us, self.study.step_us, self._block_steps)
            block = self._compute(plan)
            trip = block.breakers.first
            window_row, window = self._window_change(block)
            if window is not None and (trip is None or window_row <= trip.step):
                if window_row > 0:
                    self._commit(block, window_row)
                return self._window_crossing(int(plan.start_us[window_row]), window)
            if trip is None:
                self._commit(block, len(plan))
                start_us = plan.end_us
                continue
            if trip.step > 0:
                self._commit(block, trip.step)
            if trip.offset_us > 0:
                self._commit(self._compute(plan.part(trip.step, trip.offset_us)), 1)
            return self._trip_crossing(int(plan.start_us[trip.step]) + trip.offset_us, trip.breaker)
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        """Make a discrete change now; the homes it affected, in the feeder's order."""
        match action.kind:
            case Act.OPEN:
                was = self.fed()
                self.state.open_sections[action.subject] = self.study.section(action.subject)
                return self._names(was & ~self.fed())
            case Act.CLOSE:
                was = self.fed()
                self.state.open_sections.pop(action.subject, None)
                return self._names(self.fed() & ~was)
            case Act.CONNECT_DER | Act.DISCONNECT_DER:
                rows = self.study.rows(action.ids)
                self.state.switch_on[rows] = action.kind == Act.CONNECT_DER
                self.state.in_service[rows] = False
                return action.ids
            case Act.CEASE_DER:
                self.state.in_service[self.study.rows(action.ids)] = False
                return action.ids
            case Act.ENTER_SERVICE:
                rows = self.study.rows(action.ids)
                self.state.in_service[rows] = True
                self.state.enter_us[rows] = self.time_us
                return action.ids
            case Act.TRIP_BREAKER | Act.RESET_BREAKER:
                was = self._der_fed()
                which, home = self._breaker(action.subject)
                self.state.closed[which, home] = action.kind == Act.RESET_BREAKER
                return self._names(was ^ self._der_fed())
        raise ValueError(f"no such action: {action.kind}")

    def run_study(self, kind: str, name: str, at_peak: bool) -> int:
        """Run a study of the present state, or of the feeder's peak; the time of that state [us]."""
        from cosim.studies.fault_duty import socket_fault_duty

        if kind != "fault_duty":
            raise ValueError(f"no such study: {kind}")
        time_us, elements = (
            (self.peak_us, self.peak_open) if at_peak else (self.time_us, self.state.open_elements)
        )
        study = self.study
        result = socket_fault_duty(
            self.network(elements), study.compiled, study.adapter_kaic_a, study.breaker_kaic_a
        )
        self.studied[name] = (time_us, result)
        return time_us

    # -- crossings ------------------------------------------------------------------------

    def _breaker(self, subject: str) -> tuple[int, int]:
        _, home, which = subject.split(":")
        return BREAKERS.index(which), int(self.study.rows((home,))[0])

    def _trip_crossing(self, time_us: int, breaker: int) -> Crossing:
        self.time_us = time_us
        which, home = divmod(breaker, self.study.homes)
        name = self.study.home_names[home]
        rating = self.study.breakers.rating_a[breaker]
        return Crossing(time_us, Watch.BREAKER, f"breaker:{name}:{BREAKERS[which]}", f"{rating:.0f} A", (name,))

    def _waiting(self) -> Bool:
        """(homes,) DER that would run but for the enter-service rule."""
        return self.study.has_der & self.state.switch_on & ~self.state.in_service & self._der_fed()

    def _window_change(self, block: Block) -> tuple[int, Bool | None]:
        """First step at which a waiting inverter's voltage enters or leaves the window, and the new state."""
        waiting = self._waiting()
        if not waiting.any():
            return 0, None
        low, high = ENTER_WINDOW_PU
        pu = np.stack((block.sockets.voltage_l1_v, block.sockets.voltage_l2_v))[:, :, waiting]
        pu = pu / self.study.nominal_v[waiting]
        inside = ((pu >= low) & (pu <= high)).all(axis=0)
        changed = (inside != self.state.window[waiting]).any(axis=1)
        if not changed.any():
            return 0, None
        row = int(np.argmax(changed))
        window = self.state.window.copy()
        window[waiting] = inside[row]
        return row, window

    def _window_crossing(self, time_us: int, window: Bool) -> Crossing:
        """Report those that left before those that entered; the rest is found again at once."""
        self.time_us = time_us
        left = self.state.window & ~window
        which = left if left.any() else window & ~self.state.window
        self.state.window = np.where(which, window, self.state.window)
        kind = Watch.WINDOW_LEFT if left.any() else Watch.WINDOW_ENTERED
        return Crossing(time_us, kind, "voltage-window", f"{int(which.sum())} homes", self._names(which))

    def _names(self, which: Bool) -> tuple[str, ...]:
        return tuple(self.study.home_names[row] for row in np.flatnonzero(which))

    # -- one block ------------------------------------------------------------------------

    def _compute(self, plan: Plan) -> Block:
        study, state = self.study, self.state
        demand = study.demand.block(plan.first_step, len(plan))
        ambient_c = study.weather.block(plan.first_step, len(plan)).ambient_c
        fed = self.fed()
        main = (state.closed[0] & fed)[:, None]
        branch = (state.closed[1] & fed)[:, None]
        pv_w = demand.pv_w * self._der_output(plan)
        ev_w = demand.ev_w * np.where(study.ev_on_branch[:, None], branch, main)

        panel_w = demand.panel_w * main[:, None, :]
        panel_var = demand.panel_var * main[:, None, :]
        branch_w = np.zeros_like(ev_w)
        # Here production turns negative: everything downstream is in load convention.
        for on_branch, power_w in ((study.ev_on_branch, ev_w), (study.pv_on_branch, -pv_w)):
            branch_w[on_branch] += power_w[on_branch]
            panel_w[~on_branch, 2] += power_w[~on_branch]
        rows = study.battery_home
        running = (state.switch_on & state.in_service & fed & state.closed[0])[rows]
        net_w = panel_w[rows].sum(axis=1) + branch_w[rows]
        battery = study.battery.advance(state.charge_j, net_w, plan.seconds, running)
        panel_w[rows, 2] -= battery.power_w

        p_w, q_var = self._sockets.injector_power(panel_w, panel_var, branch_w)
        solution = study.solve(self.network(state.open_elements), p_w, q_var, self._parallel)
        sockets = self._sockets.read(solution.v, solution.current_a)
        current_a = np.concatenate((sockets.panel_a, sockets.branch_a))
        block = Block(
            plan, demand, pv_w, ev_w, ambient_c, sockets, solution,
            self._transformers.power_va(solution.v), self._head.power_va(solution.v),
            study.breakers.advance(state.theta, current_a, plan.seconds), battery,
        )  # fmt: skip
        for (fleet, homes), heat_c in zip(study.heat, state.heat_c, strict=True):
            i2_a2 = np.ascontiguousarray(sockets.i2_a2[:, :, homes])
            block.heat_c.append(fleet.advance(heat_c, i2_a2, ambient_c, plan.seconds))
        return block

    def _der_output(self, plan: Plan) -> Float:
        """(homes, steps) share of available power DER may give: 0 off, rising after a return."""
        middle_us = plan.start_us + 0.5 * US * plan.seconds
        risen = (middle_us[None, :] - self.state.enter_us[:, None]) / ENTER_RAMP_US
        running = (self.state.switch_on & self.state.in_service & self._der_fed())[:, None]
        return np.where(running, np.clip(risen, 0.0, 1.0), 0.0)

    def _commit(self, block: Block, count: int) -> None:
        """Make the first `count` steps of a block the past: move the state, keep the peak, record."""
        last, state = count - 1, self.state
        state.theta = np.ascontiguousarray(block.breakers.theta[:, last])
        state.charge_j = np.ascontiguousarray(block.battery.charge_j[:, last])
        state.heat_c = [np.ascontiguousarray(heat_c[last]) for heat_c in block.heat_c]
        self.time_us = block.plan.head(count).end_us
        head_w = np.where(block.solution.converged, block.head_va.real.sum(axis=0), -np.inf)[:count]
        top = int(np.argmax(head_w))
        if head_w[top] > self.peak_w:
            self.peak_w, self.peak_us = float(head_w[top]), int(block.plan.start_us[top])
            self.peak_open = state.open_elements
        self._record(block, count)
