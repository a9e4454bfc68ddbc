"""The continuous state of a study, advanced in blocks of steps between events.

`StudyPhysics` is what the clock calls: `advance` moves every home from one instant to
another and stops early where a breaker trips, a waiting inverter's voltage window changes or a
voltage control leaves or meets its band; `apply` and `operate` change what an event changes. All
state lies in plain arrays, so a block can be cut after any step and a run started again from any
snapshot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import ALWAYS, CEASED
from cosim.electrical.network import Network, Solution
from cosim.electrical.quality import Figures
from cosim.electrical.terminals import Terminals
from cosim.events.physics import Act, Action, Crossing, Operation, Watch
from cosim.events.processes import describe
from cosim.simulation.adapter_heat import HeatBlock
from cosim.simulation.flow import Draw, Flows, head_of
from cosim.simulation.grid_heat import GridHeatBlock
from cosim.simulation.inverters import Sunniest
from cosim.simulation.recording import head_conductors
from cosim.simulation.regulation import Grid, Regulation, operation_event
from cosim.simulation.ride_through import Change, Look, Riding, Turn
from cosim.simulation.sockets import SocketBlock, Sockets
from cosim.simulation.steps import Plan, plan_steps

if TYPE_CHECKING:
    from datetime import datetime

    from cosim.demand.block import State as DemandState
    from cosim.devices.battery import BatteryBlock
    from cosim.devices.breaker import BreakerBlock
    from cosim.electrical.tap_update import Work
    from cosim.feeder.controls import Setting
    from cosim.simulation.assembly import Study

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

# Steps solved together: a multiple of the solver's lanes and of two threads, small enough for the cache.
BLOCK_STEPS = 64
# After a control has moved, the next may be near: a block is one group of the solver's lanes, then grows again.
LEAST_STEPS = 32
NEVER_US = np.iinfo(np.int64).max
BREAKERS = ("main", "branch")


@dataclass
class State:
    """Everything that a restart needs.

    Parameters
    ----------
    open_sections
        Circuit elements opened by each open section, by the section's name.
    tied
        Elements that stand open in the feeder and were closed.
    switch_on
        (homes,) whether the DER's switch is closed.
    entered_us
        (homes,) when the inverter entered service, `ALWAYS`, or `CEASED`.
    window
        (homes,) whether a waiting inverter's voltage was last seen inside its window.
    riding
        Timers of abnormal voltage, and who has ceased for it.
    closed
        (2, homes) main breaker, branch breaker.
    theta
        (2 * homes,) thermal state of the breakers, mains first.
    charge_j, car_j
        (batteries,) and (cars,) stored energy.
    demand
        What demand remembers: air, walls and tanks of homes.
    heat_c
        One (2, nodes, its homes) array per kind of adapter: in still air, under sun and wind.
    unit_heat, drop_c
        (5, transformers) rises and age of service transformers, (homes,) surfaces of drops.
    setting
        Taps and capacitor steps.
    source_pu
        What the sources' voltage is multiplied with.
    wants
        (controls,) whether a voltage control was last seen wanting to move.
    """

    open_sections: dict[str, tuple[int, ...]]
    tied: frozenset[int]
    switch_on: Bool
    entered_us: Int
    window: Bool
    riding: Riding
    closed: Bool
    theta: Float
    charge_j: Float
    car_j: Float
    demand: DemandState
    heat_c: list[Float]
    unit_heat: Float
    drop_c: Float
    setting: Setting
    source_pu: float
    wants: Bool

    @property
    def opened(self) -> frozenset[int]:
        """Circuit elements taken out."""
        return frozenset(element for section in self.open_sections.values() for element in section)

    @property
    def grid(self) -> Grid:
        """What decides the admittances: elements out, lines tied, taps and capacitor steps."""
        return Grid(self.opened, self.tied, self.setting, self.source_pu)


@dataclass
class Block:
    """A block of steps as computed, before it counts.

    `draw` is what was asked of the power flow; `pv_w` is what solar gave, `inverter_va` (inverters, steps) what the
    inverters that act on the voltage gave, `head_phase_w` (3, steps) what flowed into the feeder by phase.
    """

    plan: Plan
    pv_w: Float
    ev_w: Float
    ambient_c: Float
    sockets: SocketBlock
    solution: Solution
    transformer_va: NDArray[np.complex128]
    head_va: NDArray[np.complex128]
    quality: Figures
    breakers: BreakerBlock
    battery: BatteryBlock
    draw: Draw
    inverter_va: NDArray[np.complex128]
    head_phase_w: Float
    grid: GridHeatBlock
    ride: Look
    heat: list[HeatBlock] = field(default_factory=list)


class StudyPhysics:
    """The homes of a study between events; implements `cosim.events.physics.Physics`.

    Parameters
    ----------
    case
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
        case: Study,
        record: Callable[[Block, int], None],
        *,
        parallel: bool = True,
        block_steps: int = BLOCK_STEPS,
    ) -> None:
        self.case = case
        self.studied: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self._record = record
        self._parallel = parallel and case.long_flow
        self._many = parallel and case.many_homes
        self._block_steps = self._reach = block_steps
        self._flows = Flows()
        compiled = case.compiled
        # Sockets, breakers, batteries and line figures take some 2 % of a step: their serial twins are
        # used, because compiling the parallel ones costs a first run ten seconds.
        self._sockets = Sockets(compiled, parallel=False)
        self._transformer_element = compiled.transformer_element[compiled.service_transformers]
        service = [(int(element), 0) for element in self._transformer_element]
        self._transformers = Terminals(compiled.circuit, service)
        self._regulation = Regulation(case.controls, compiled)
        self._head_element = np.array([element for element, _ in compiled.head], dtype=np.int64)
        self._head_conductors = head_conductors(compiled)
        self._seen = self._seen_nodes()
        managed = case.managed
        self._shed_limit_w = managed.shed_limit_w if managed.loads.any() else None
        self._ride_through = case.ride_through
        self.state = self._initial_state()
        self.time_us = 0
        self.peak_w, self.peak_us, self.peak_grid = -np.inf, 0, self.state.grid
        self.sunniest = Sunniest(self.state.grid)
        self.state.entered_us[~self._der_fed()] = CEASED  # dead at the start: they wait as after an outage

    def _seen_nodes(self) -> Int:
        """Nodes whose voltages anything reads: sockets, watched elements, ends of ownerless injectors."""
        circuit = self.case.compiled.circuit
        watched = np.concatenate((self._transformer_element, self._head_element))
        groups = [self.case.controls.nodes, *(circuit.elements[int(element)].nodes for element in watched)]
        groups += [np.array(ends) for _, *ends in self.case.ownerless]
        groups.append(self.case.watched.quality.nodes)
        nodes = np.unique(np.concatenate([self.case.compiled.home_nodes.ravel(), *groups]))
        return nodes[nodes >= 0]

    def without_voltage(self) -> tuple[str, ...]:
        """Homes whose DER terminals are dead now."""
        return self._names(~self._der_fed())

    def _initial_state(self) -> State:
        study, homes = self.case, self.case.homes
        ambient_c = float(study.weather.block(0, 1).ambient_c[0])
        return State(
            open_sections={},
            tied=frozenset(),
            switch_on=np.ones(homes, dtype=bool),
            entered_us=np.full(homes, ALWAYS, dtype=np.int64),
            window=np.ones(homes, dtype=bool),
            riding=Riding.calm(homes),
            closed=np.ones((2, homes), dtype=bool),
            theta=np.zeros(2 * homes),
            charge_j=study.battery.initial(),
            car_j=study.cars.fleet.initial(),
            demand=study.demand.initial(),
            heat_c=[kind.initial(ambient_c) for kind in study.heat],
            unit_heat=study.grid_heat.units.initial(),
            drop_c=study.grid_heat.drops.initial(),
            setting=study.controls.start,
            source_pu=1.0,
            wants=np.zeros(len(study.controls), dtype=bool),
        )

    def network(self, grid: Grid) -> Network:
        """The solver of a state of the grid, factorised when first needed."""
        return self._regulation.network(grid)

    @property
    def work(self) -> Work:
        """What following taps and capacitor steps took so far."""
        return self._regulation.work

    def snapshot(self) -> State:
        """A copy of the state that later steps do not touch."""
        return copy.deepcopy(self.state)

    def resume(self, state: State, time_us: int) -> None:
        """Stand at a snapshot: its state, and the time it was taken."""
        self.state, self.time_us = copy.deepcopy(state), time_us

    def fed(self) -> Bool:
        """(homes,) whether any conductor of the socket is energised."""
        energised = np.append(self.network(self.state.grid).energised, False)  # node -1: no conductor
        return np.asarray(np.any(energised[self.case.compiled.home_nodes], axis=1), dtype=np.bool_)

    def _der_fed(self) -> Bool:
        """(homes,) whether the DER's own terminals are energised: socket, and its breaker closed."""
        closed = self.state.closed
        own: Bool = np.where(self.case.pv_on_branch, closed[1], closed[0])
        return self.fed() & own

    # -- the clock calls these ------------------------------------------------------------

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Move all homes from `start_us` to `until_us`, or to the first crossing before it."""
        while start_us < until_us:
            plan = self._plan(start_us, until_us)
            draw = self._draw(plan)
            solution = self._solve(draw)
            step, wanted = self._band_change(draw, solution)
            band_us = int(plan.start_us[step]) if step >= 0 else NEVER_US
            # Nothing after a band is left will count; the step that leaves it may hold a window's change too.
            count = step + 1 if step >= 0 else len(plan)
            block = self._figures(draw.head(count), head_of(solution, count))
            trip_us = start_us + block.breakers.first_us if block.breakers.first_us >= 0 else NEVER_US
            row, window = self._window_change(block)
            window_us = int(plan.start_us[row]) if row >= 0 else NEVER_US
            turn = block.ride.turn
            turn_us = turn.time_us if turn is not None else NEVER_US
            if turn is not None and turn_us < min(trip_us, window_us, band_us):
                return self._turn_crossing(block, turn)
            if trip_us == window_us == band_us == NEVER_US:
                self._commit(block, len(plan))
                self._reach = min(2 * self._reach, self._block_steps)
                start_us = plan.end_us
            elif band_us < window_us and band_us <= trip_us:
                crossing = self._band_crossing(band_us, step, wanted, solution)
                self._commit(block, step)
                return crossing
            elif window_us <= trip_us:
                self._commit(block, row)
                return self._window_crossing(window_us, window)
            else:
                self._commit_until(block, trip_us)
                return self._trip_crossing(trip_us, block.breakers.first_breaker)
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        """Make a discrete change now; the homes it affected, in the feeder's order."""
        if action.kind in (Act.OPEN, Act.CLOSE, Act.SOURCE_VOLTAGE):
            self.state.riding.wake(self.time_us)
        match action.kind:
            case Act.OPEN:
                was = self._der_fed()
                self._open(action.subject)
                return self._names(was & ~self._der_fed())
            case Act.CLOSE:
                was = self._der_fed()
                self._close(action.subject)
                return self._names(self._der_fed() & ~was)
            case Act.CONNECT_DER | Act.DISCONNECT_DER:
                rows = self.case.rows(action.ids)
                connect = action.kind == Act.CONNECT_DER
                moved = rows[self.state.switch_on[rows] != connect]  # what is so already stays as it is
                self.state.switch_on[moved] = connect
                self.state.entered_us[moved] = CEASED
                return tuple(self.case.home_names[row] for row in moved)
            case Act.CEASE_DER:
                self.state.entered_us[self.case.rows(action.ids)] = CEASED
                return action.ids
            case Act.ENTER_SERVICE:
                self.state.entered_us[self.case.rows(action.ids)] = self.time_us
                return action.ids
            case Act.SOURCE_VOLTAGE:
                self.state.source_pu = float(action.subject)
                return ()
            case Act.TRIP_BREAKER | Act.RESET_BREAKER:
                was = self._der_fed()
                which, home = self._breaker(action.subject)
                self.state.closed[which, home] = action.kind == Act.RESET_BREAKER
                return self._names(was ^ self._der_fed())
        raise ValueError(f"no such action: {action.kind}")

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        """Have voltage controls look at the step that begins or goes on now, and take one step each."""
        case, state = self.case, self.state
        if self.time_us >= case.scenario.duration_us:
            return ()  # nothing follows that they could look at
        draw = self._draw(plan_steps(self.time_us, self.time_us + case.step_us, case.step_us, 1))
        wanted = self._wanted(draw, self._solve(draw))[:, 0]
        self._reach = min(LEAST_STEPS, self._block_steps)
        before, done = state.wants.copy(), []
        for name in controls:
            row = case.controls.names.index(name)
            taps = int(wanted[row])
            state.wants[row] = abs(taps) > 1  # who is done but still outside has left its band anew
            if taps == 0:
                done.append(Operation(name))
                continue
            state.setting = case.controls.take(row, state.setting, 1 if taps > 0 else -1)
            done.append(
                Operation(
                    name, 1 if taps > 0 else -1, abs(taps) > 1, operation_event(name, taps),
                    case.controls.stand(row, state.setting), case.controls.is_off(row, state.setting),
                )
            )  # fmt: skip
        for row in np.flatnonzero(before & (wanted == 0)).tolist():
            name = case.controls.names[row]
            if name not in controls:
                state.wants[row] = False
                done.append(Operation(name))
        return tuple(done)

    def delay_us(self, control: str) -> int | None:
        """Delay of a control that left its band in the present step, if it depends on what it sees."""
        case, state, row = self.case, self.state, self.case.controls.names.index(control)
        if not case.controls.own_delay(row):
            return None
        draw = self._draw(plan_steps(self.time_us, self.time_us + case.step_us, case.step_us, 1))
        delay_s = case.controls.delay_s(
            row, self._solve(draw).v, self.network(state.grid).circuit, state.setting
        )
        return None if delay_s is None else round(delay_s * 1e6)

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        """Run a study of the present state, or of the feeder's peak; the time of that state [us]."""
        from cosim.simulation.asked_studies import tables

        time_us, grid = (self.peak_us, self.peak_grid) if at_peak else (self.time_us, self.state.grid)
        for table, values in tables(self.case, kind, self.network(grid)).items():
            self.studied[name.replace(kind, table, 1)] = (table, time_us, values)
        return time_us

    def _open(self, section: str) -> None:
        elements = self.case.section(section)
        own = self.case.compiled.closed_blocks
        self.state.tied -= frozenset(elements)
        self.state.open_sections[section] = tuple(element for element in elements if element not in own)

    def _close(self, section: str) -> None:
        self.state.open_sections.pop(section, None)
        own = self.case.compiled.closed_blocks
        self.state.tied |= frozenset(element for element in self.case.section(section) if element in own)

    # -- crossings ------------------------------------------------------------------------

    def _breaker(self, subject: str) -> tuple[int, int]:
        _, home, which = subject.split(":")
        return BREAKERS.index(which), int(self.case.rows((home,))[0])

    def _trip_crossing(self, time_us: int, breaker: int) -> Crossing:
        self.time_us = time_us
        which, home = divmod(breaker, self.case.homes)
        name = self.case.home_names[home]
        rating = self.case.breakers.rating_a[breaker]
        return Crossing(
            time_us, Watch.BREAKER, f"breaker:{name}:{BREAKERS[which]}", f"{rating:.0f} A", (name,)
        )

    def _serving(self) -> Bool:
        """(homes,) whether the inverter is in service."""
        state = self.state
        return np.asarray(
            self.case.has_der & state.switch_on & (state.entered_us != CEASED) & self._der_fed()
        )

    def _turn_crossing(self, block: Block, turn: Turn) -> Crossing:
        """Inverters trip, cease or resume; those that trip are outside their window until seen inside it."""
        riding = self.state.riding
        names = tuple(self.case.home_names[row] for row in turn.homes)
        if turn.change is Change.TRIP:
            self._commit_until(block, turn.time_us)
            self._ride_through.trip(riding, turn.homes)
            self.state.window[turn.homes] = False
            kind: Watch = Watch.DER_TRIP
        else:
            self._commit(block, turn.step)
            self._ride_through.rest(riding, turn)
            kind = Watch.DER_CEASED if turn.change is Change.CEASE else Watch.DER_RESUMED
        self.time_us = turn.time_us
        return Crossing(turn.time_us, kind, describe(names), turn.told, names)

    def _window_change(self, block: Block) -> tuple[int, Int]:
        """First step at which waiting inverters enter or leave their voltage window, and which homes."""
        state, case = self.state, self.case
        waiting = np.flatnonzero(
            case.has_der & state.switch_on & (state.entered_us == CEASED) & self._der_fed()
        )
        if not len(waiting):
            return -1, waiting
        legs = np.stack((block.sockets.voltage_l1_v, block.sockets.voltage_l2_v))[:, :, waiting]
        legs_pu = legs.transpose(0, 2, 1) / case.nominal_v[waiting, None]
        # Both legs must be inside: the one that is further from nominal decides.
        pu = np.where(np.abs(legs_pu[0] - 1.0) > np.abs(legs_pu[1] - 1.0), legs_pu[0], legs_pu[1])
        step, changed = case.ride_through.enter.take(waiting).first_change(pu, state.window[waiting])
        return step, waiting[changed]

    def _window_crossing(self, time_us: int, homes: Int) -> Crossing:
        """Those that left are reported before those that entered; the rest is found again at once."""
        self.time_us = time_us
        left = homes[self.state.window[homes]]
        which = left if len(left) else homes
        self.state.window[which] = ~self.state.window[which]
        kind = Watch.WINDOW_LEFT if len(left) else Watch.WINDOW_ENTERED
        names = tuple(self.case.home_names[row] for row in which)
        return Crossing(time_us, kind, "voltage-window", describe(names), names)

    def _wanted(self, draw: Draw, solution: Solution) -> Int:
        """(controls, steps) taps or capacitor steps wanted."""
        case, state = self.case, self.state
        if not len(case.controls):
            return np.zeros((0, len(draw.plan)), dtype=np.int64)
        hour = np.array([_hour(case.scenario.local(int(us))) for us in draw.plan.start_us])
        wanted = case.controls.wanted(
            solution.v, self.network(state.grid).circuit, state.setting, hour, draw.ambient_c
        )
        return np.where(solution.converged, wanted, 0)

    def _band_change(self, draw: Draw, solution: Solution) -> tuple[int, Int]:
        """First step at which voltage controls leave or meet their bands, and what all want there."""
        wanted = self._wanted(draw, solution)
        changed = ((wanted != 0) != self.state.wants[:, None]).any(axis=0)
        step = int(np.argmax(changed)) if changed.any() else -1
        return step, wanted[:, step]

    def _band_crossing(self, time_us: int, step: int, wanted: Int, solution: Solution) -> Crossing:
        """Those that are back are reported first, then those that want more; the rest is found at once."""
        case, state = self.case, self.state
        self.time_us = time_us
        changed = (wanted != 0) != state.wants
        groups = (
            (Watch.CONTROL_MET, np.flatnonzero(changed & (wanted == 0))),
            (Watch.CONTROL_RAISE, np.flatnonzero(changed & (wanted > 0))),
            (Watch.CONTROL_LOWER, np.flatnonzero(changed & (wanted < 0))),
        )
        kind, rows = next(group for group in groups if len(group[1]))
        state.wants[rows] = kind != Watch.CONTROL_MET
        names = tuple(case.controls.names[row] for row in rows)
        v, circuit = solution.v[:, step : step + 1], self.network(state.grid).circuit
        seen = [case.controls.view(int(row), v, circuit, state.setting) for row in rows]
        subject = names[0] if len(names) == 1 else f"{len(names)} controls"
        detail = seen[0] if len(names) == 1 else "; ".join(map(" ".join, zip(names, seen, strict=True)))
        return Crossing(time_us, kind, subject, detail, names)

    def _names(self, which: Bool) -> tuple[str, ...]:
        return tuple(self.case.home_names[row] for row in np.flatnonzero(which))

    # -- one block ------------------------------------------------------------------------

    def _plan(self, start_us: int, until_us: int) -> Plan:
        """The next block: as far as flows are known, else as far as the last events let hope for."""
        step_us = self.case.step_us
        known = self._flows.reach(self.state.grid, start_us // step_us)
        return plan_steps(
            start_us, until_us, step_us, min(known, self._block_steps) if known > 0 else self._reach
        )

    def _draw(self, plan: Plan) -> Draw:
        """What homes draw over a plan in the present state."""
        study, state = self.case, self.state
        fed = self.fed()
        powered = state.closed[0] & fed
        demand = study.demand.block(state.demand, plan.first_step, plan.seconds, powered, self._shed_limit_w)
        panel_w, panel_var = demand.panel_w, demand.panel_var
        ambient_c = study.weather.block(plan.first_step, len(plan)).ambient_c
        pv_w = demand.pv_w * self._der_output(plan)
        charging = np.where(study.ev_on_branch, state.closed[1] & fed, powered)
        managed, room_w = study.managed, self._room(panel_w, panel_var, pv_w)
        parked = study.cars.home
        cars = study.cars.fleet.advance(
            state.car_j, plan.start_us, plan.seconds, panel_w[parked].sum(axis=1) - pv_w[parked],
            None if room_w is None else np.where(managed.car[:, None], room_w, np.inf)[parked],
            charging[parked], parallel=False,
        )  # fmt: skip
        ev_w = np.zeros_like(pv_w)
        ev_w[parked] = cars.power_w
        device_w, branch_w = np.zeros_like(ev_w), np.zeros_like(ev_w)
        smart, plain_w = study.inverters, pv_w.copy()
        plain_w[smart.solar] = 0.0  # inverters that act on the voltage have injectors of their own
        # Here production turns negative: everything downstream is in load convention.
        for on_branch, power_w in ((study.ev_on_branch, ev_w), (study.pv_on_branch, -plain_w)):
            branch_w[on_branch] += power_w[on_branch]
            device_w[~on_branch] += power_w[~on_branch]
        rows = study.battery_home
        running = (state.switch_on & (state.entered_us != CEASED) & ~state.riding.resting & powered)[rows]
        net_w = panel_w[rows].sum(axis=1) + device_w[rows] + branch_w[rows] - (pv_w - plain_w)[rows]
        battery = study.battery.advance(
            state.charge_j, net_w, plan.seconds, running, start_us=plan.start_us,
            grid_limit_w=None if room_w is None else np.maximum(room_w - ev_w, 0.0)[rows], parallel=False,
        )  # fmt: skip
        plain = ~np.isin(rows, smart.batteries)
        device_w[rows[plain]] -= battery.power_w[plain]

        impedance = None
        if demand.impedance_w is not None and demand.impedance_var is not None:
            impedance = demand.impedance_w, demand.impedance_var
        p_w, q_var = self._sockets.injector_power(panel_w, panel_var, device_w, branch_w, impedance)
        p_w[smart.injector] = -np.concatenate((pv_w[smart.solar], battery.power_w[~plain]))
        q_var[smart.injector] = 0.0
        return Draw(
            plan, pv_w, ev_w, ambient_c, battery, cars, p_w, q_var, powered, demand.shown, demand.end
        )  # fmt: skip

    def _room(self, panel_w: Float, panel_var: Float, pv_w: Float) -> Float | None:
        """(homes, steps) what services leave for cars and for charging batteries [W]; None: nothing is limited."""
        limits = self.case.managed.limits
        limited = np.flatnonzero(np.isfinite(limits.limit_a))
        if not len(limited):
            return None
        room_w = np.full_like(pv_w, np.inf)
        room_w[limited] = limits.take(limited).leaves_w(
            panel_w[limited], panel_var[limited], -pv_w[limited], parallel=False
        )
        return room_w

    def _solve(self, draw: Draw) -> Solution:
        """Power flow of a draw in the present state of the grid."""
        grid, case = self.state.grid, self.case
        return self._flows.of(
            grid, draw, lambda p, q: case.solve(self.network(grid), p, q, self._seen, self._parallel)
        )

    def _figures(self, draw: Draw, solution: Solution) -> Block:
        """Everything that follows from a power flow."""
        study, state, seconds = self.case, self.state, draw.plan.seconds
        sockets = self._sockets.read(solution.v, solution.current_a)
        current_a = np.concatenate((sockets.panel_a, sockets.branch_a))
        smart, pv_w = study.inverters, draw.pv_w.copy()
        inverter_va = smart.given_va(study.compiled.circuit, solution.v, solution.current_a)
        pv_w[smart.solar] = inverter_va.real[: len(smart.solar)]
        transformer_va = self._power_va(self._transformers, self._transformer_element, solution)
        weather = study.weather.block(draw.plan.first_step, len(draw.plan))
        block = Block(
            draw.plan, pv_w, draw.ev_w, draw.ambient_c, sockets, solution, transformer_va,
            self._power_va(self._head, self._head_element, solution),
            study.watched.quality.read(solution.v, state.opened, parallel=False),
            study.breakers.advance(state.theta, current_a, seconds, parallel=False), draw.battery,
            draw, inverter_va, self._head_phase_w(solution),
            study.grid_heat.advance(
                state.unit_heat, state.drop_c, np.abs(transformer_va).T / study.transformer_va,
                sockets.i2_a2, solution.converged, weather, seconds, parallel=self._many,
            ),
            self._ride_through.look(
                state.riding, draw.plan, (sockets.voltage_l1_v, sockets.voltage_l2_v), solution.converged,
                self._serving(),
            ),
        )  # fmt: skip
        block.heat = self._heat(draw.plan, sockets.i2_a2)
        return block

    def _heat(self, plan: Plan, i2_a2: Float) -> list[HeatBlock]:
        """What the adapters do from the present state; i2_a2 (steps, 6, homes)."""
        weather = self.case.weather.block(plan.first_step, len(plan))
        return [
            kind.advance(state, i2_a2[:, :, kind.homes], weather, plan.seconds, parallel=self._many)
            for kind, state in zip(self.case.heat, self.state.heat_c, strict=True)
        ]

    @property
    def _head(self) -> Terminals:
        """Monitors of the feeder's head as taps are now: a regulator may stand there."""
        return self._regulation.terminals(self.state.grid, self.case.compiled.head)

    def _power_va(self, terminals: Terminals, elements: Int, solution: Solution) -> NDArray[np.complex128]:
        """(k, steps) power into monitored terminals; an element that is out takes none."""
        power_va = terminals.power_va(solution.v)
        power_va[np.isin(elements, list(self.state.opened))] = 0.0
        return power_va

    def _head_phase_w(self, solution: Solution) -> Float:
        """(3, steps) power into the feeder's head by conductor 1, 2, 3."""
        power_w = np.zeros((3, solution.v.shape[1]))
        current_a = self._head.current_a(solution.v)
        for pair, place, node, phase in self._head_conductors:
            if self._head_element[pair] not in self.state.opened:
                power_w[phase] += (solution.v[node] * current_a[pair, place].conj()).real
        return power_w

    def _der_output(self, plan: Plan) -> Float:
        """(homes, steps) share of available power DER may give: 0 off, rising after a return."""
        state = self.state
        share = self._ride_through.enter.share(state.entered_us, plan.start_us, plan.seconds)
        return share * (state.switch_on & ~state.riding.resting & self._der_fed())[:, None]

    def _remembered(self, draw: Draw, count: int) -> DemandState:
        """What demand remembers after the first `count` steps of a draw that begins now."""
        if count == len(draw.plan) and draw.end is not None:
            return draw.end
        if not self.state.demand:
            return {}  # demand without memory
        plan = draw.plan.head(count)
        return self.case.demand.block(
            self.state.demand, plan.first_step, plan.seconds, draw.powered, self._shed_limit_w
        ).end

    def _commit_until(self, block: Block, time_us: int) -> None:
        """Make everything before `time_us` the past, the last step cut where it falls inside one."""
        starts = block.plan.start_us
        row = int(np.searchsorted(starts, time_us, side="right")) - 1
        self._commit(block, row)
        if time_us > starts[row]:
            draw = self._draw(block.plan.part(row, time_us - int(starts[row])))
            self._commit(self._figures(draw, self._solve(draw)), 1)

    def _commit(self, block: Block, count: int) -> None:
        """Make the first `count` steps of a block the past: move the state, keep the peak, record."""
        if count == 0:
            return
        last, state = count - 1, self.state
        state.theta = np.ascontiguousarray(block.breakers.theta[:, last])
        state.charge_j = np.ascontiguousarray(block.battery.charge_j[:, last])
        state.car_j = np.ascontiguousarray(block.draw.cars.charge_j[:, last])
        whole = count == len(block.plan)
        state.demand = self._remembered(block.draw, count)
        heat = block.heat if whole else self._heat(block.plan.head(count), block.sockets.i2_a2[:count])
        state.heat_c = [kind.end for kind in heat]
        state.unit_heat = np.ascontiguousarray(block.grid.units.states[last])
        state.drop_c = np.ascontiguousarray(block.grid.drop_surface_c[last])
        timers = block.ride.after(count)
        if timers is not None:
            state.riding.since_us = timers
        if state.riding.resting.any():
            state.riding.resting &= block.ride.serving
        self.time_us = block.plan.head(count).end_us
        head_w = np.where(block.solution.converged, block.head_va.real.sum(axis=0), -np.inf)[:count]
        top = int(np.argmax(head_w))
        if head_w[top] > self.peak_w:
            self.peak_w, self.peak_us = float(head_w[top]), int(block.plan.start_us[top])
            self.peak_grid = state.grid
        if len(self.case.inverters):
            self.sunniest.watch(
                self.case.inverters, block.draw.head(count), block.solution.converged, state.grid
            )
        self._record(block, count)


def _hour(local: datetime) -> float:
    return local.hour + local.minute / 60.0 + (local.second + local.microsecond / 1e6) / 3600.0
