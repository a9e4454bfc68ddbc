"""The continuous state of a study, advanced in blocks of steps between events.

`StudyPhysics` is what the clock calls: `advance` moves every home from one instant to
another and stops early where a breaker trips, a waiting inverter's voltage window changes or a
voltage control leaves or meets its band; `apply` and `operate` change what an event changes. All
state lies in plain arrays, so a block can be cut after any step and a run started again from any
snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED
from cosim.electrical.network import Network, Solution
from cosim.events.hazard_processes import Live
from cosim.events.physics import Action, Crossing, Fault, Isolation, Operation, Standing
from cosim.saving import attributes, set_attributes
from cosim.sections import section_of
from cosim.simulation.acts import Acts
from cosim.simulation.backfeed import live_source, source_of
from cosim.simulation.crossings import Crossings
from cosim.simulation.drawing import Drawing
from cosim.simulation.flow import Draw, Flows, head_of
from cosim.simulation.inverters import Sunniest
from cosim.simulation.reading import Reading
from cosim.simulation.regulation import Grid, Regulation, operation_event
from cosim.simulation.ride_through import Change, Turn
from cosim.simulation.sockets import Sockets
from cosim.simulation.state import Block, State
from cosim.simulation.steps import Plan, plan_steps
from cosim.simulation.supply import Supply
from cosim.simulation.switching import Switching

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.electrical.tap_update import Work
    from cosim.simulation.assembly import Study

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Steps solved together: a multiple of the solver's lanes and of two threads, small enough for the cache.
BLOCK_STEPS = 64
# After a control has moved, the next may be near: a block is one group of the solver's lanes, then grows again.
LEAST_STEPS = 32
NEVER_US = np.iinfo(np.int64).max
# Over which demand a source on a dead grid is loaded: compressors come back some minutes after the voltage.
BACKFED_US = 900_000_000
GIVEN = (
    "case", "_record", "_parallel", "_block_steps", "_reach", "_flows", "_regulation", "_supply", "_drawing",
    "_reading", "_crossings", "_acts", "_seen", "_switching", "_now",
)  # fmt: skip
"""Attributes of a study's physics that follow from the study and no checkpoint holds; all others stand in it."""


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
        self._block_steps = self._reach = block_steps
        self._flows = Flows()
        self._now: Draw | None = None
        # Sockets, breakers, batteries and line figures take some 2 % of a step: their serial twins are
        # used, because compiling the parallel ones costs a first run ten seconds.
        sockets = Sockets(case.compiled, parallel=False)
        self._switching = switching = Switching(case)
        sections = case.neighbourhoods
        self._regulation = Regulation(
            case.controls, case.compiled, lambda: switching.circuits, sections.sources
        )
        self._supply = Supply(case, self._regulation, switching)
        self._drawing = Drawing(case, self._supply, sockets)
        self._reading = Reading(case, self._supply, sockets, parallel and case.many_homes)
        self._crossings = Crossings(case, self._supply)
        self._acts = Acts(case, self._supply, self._crossings, switching)
        self._seen = np.union1d(self._reading.seen_nodes(), sections.nodes())
        self.state = State.initial(case)
        self.time_us = 0
        self.peak_w, self.peak_us, self.peak_grid = -np.inf, 0, self.state.grid
        self.sunniest = Sunniest(self.state.grid)
        self.state.entered_us[~self._supply.der_fed(self.state)] = (
            CEASED  # dead at the start: they wait as after an outage
        )

    def without_voltage(self) -> tuple[str, ...]:
        """Homes whose DER terminals are dead now."""
        return self._names(~self._supply.der_fed(self.state))

    def supplied(self) -> Bool:
        """(homes,) whether the grid reaches the socket now."""
        return self._supply.fed(self.state)

    def whole(self) -> Bool:
        """(homes,) whether the grid reaches every conductor of the socket now."""
        return self._supply.whole(self.state)

    def network(self, grid: Grid) -> Network:
        """The solver of a state of the grid, factorised when first needed."""
        return self._regulation.network(grid)

    @property
    def work(self) -> Work:
        """What following taps and capacitor steps took so far."""
        return self._regulation.work

    def checkpoint(self) -> dict[str, Any]:
        """All that it holds, in values that `cosim.saving` takes; flows and factors kept at hand are let go."""
        self._begin_anew()
        return attributes(self, GIVEN) | {"work": astuple(self.work)}

    def take_up(self, saved: Mapping[str, Any]) -> None:
        """Stand at a checkpoint of another."""
        held = dict(saved)
        work = held.pop("work")
        set_attributes(self, held, GIVEN)
        self._begin_anew()
        self.work.factorisations, self.work.updates, self.work.rows = work

    def _begin_anew(self) -> None:
        self._flows, self._reach, self._now = Flows(), self._block_steps, None
        self._supply.begin_anew()
        self._regulation.begin_anew(self.state.grid)

    # -- the clock calls these ------------------------------------------------------------

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Move all homes from `start_us` to `until_us`, or to the first crossing before it."""
        self._now = None
        state, crossings = self.state, self._crossings
        case, sections = self.case, bool(len(self.case.neighbourhoods))
        islands, contacts = case.islands, state.contacts
        if contacts.news.any() and (news := islands.news(contacts, start_us)) is not None:
            return news
        while start_us < until_us:
            plan = self._plan(start_us, until_us)
            draw = self._drawing.draw(state, plan)
            solution = self._solve(draw)
            step, wanted = crossings.band_change(state, draw, solution)
            band_us = int(plan.start_us[step]) if step >= 0 else NEVER_US
            # Nothing after a band is left will count; the step that leaves it may hold a window's change too.
            count = step + 1 if step >= 0 else len(plan)
            block = self._reading.block(state, draw.head(count), head_of(solution, count))
            trip_us = start_us + block.breakers.first_us if block.breakers.first_us >= 0 else NEVER_US
            row, window = crossings.window_change(state, block)
            window_us = int(plan.start_us[row]) if row >= 0 else NEVER_US
            source_us = islands.first_us(draw, NEVER_US)
            level = islands.level(contacts, block)
            section = case.neighbourhoods.first(state, plan, solution, self._regulation) if sections else None
            turn = block.ride.turn
            turn_us = turn.time_us if turn is not None else NEVER_US
            ends_us, begins_us = min(trip_us, source_us), min(window_us, band_us, turn_us)
            if section is not None and section.time_us <= min(
                ends_us, begins_us, NEVER_US if level is None else level.time_us
            ):
                self._commit_until(block, section.time_us)
                return self._at(case.neighbourhoods.told(state, section))
            if level is not None and level.time_us < ends_us and level.time_us <= begins_us:
                self._commit(block, level.step)
                return self._at(islands.level_crossing(contacts, level))
            if source_us < NEVER_US and source_us <= min(trip_us, begins_us):
                self._commit_until(block, source_us)
                return self._at(islands.change(state, source_us, draw.island))
            if turn is not None and turn_us < min(trip_us, window_us, band_us):
                self._commit_turn(block, turn)
                return self._at(crossings.turn(state, turn))
            if trip_us == window_us == band_us == NEVER_US:
                self._commit(block, len(plan))
                self._reach = min(2 * self._reach, self._block_steps)
                start_us = plan.end_us
            elif band_us < window_us and band_us <= trip_us:
                self._commit(block, step)
                return self._at(crossings.band(state, band_us, step, wanted, solution))
            elif window_us <= trip_us:
                self._commit(block, row)
                return self._at(crossings.window(state, window_us, window))
            else:
                self._commit_until(block, trip_us)
                return self._at(crossings.trip(trip_us, block.breakers.first_breaker))
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        """Make a discrete change now; the homes it affected, in the feeder's order."""
        self._now = None
        return self._acts.apply(self.state, self.time_us, action)

    # -- transfer devices look at these ----------------------------------------------------

    def service_pu(self, ids: tuple[str, ...]) -> Float:
        """(ids, 2) voltage of both legs on the grid's side of the transfer contactor now, per unit."""
        rows = self.case.rows(ids)
        draw = self._drawn_now()
        legs_v = self._reading.legs_v(self._solve(draw))
        return np.stack([leg[0, rows] for leg in legs_v], axis=1) / self.case.nominal_v[rows, None]

    def source_pu(self, ids: tuple[str, ...]) -> Float:
        """(ids, 2) voltage of both legs at the terminals of the home's own source now, per unit."""
        return self.case.islands.source_pu(self.state.contacts)[self.case.rows(ids)]

    def source_hz(self, ids: tuple[str, ...]) -> Float:
        """(ids,) frequency of the home's own source now; NaN while it stands still."""
        return self._sources(ids)[:, 0]

    def source_a(self, ids: tuple[str, ...]) -> Float:
        """(ids, 2) r.m.s. current [A] that the home's own source gives by leg now; 0 while it is off the panel."""
        return self._sources(ids)[:, 1:]

    def _sources(self, ids: tuple[str, ...]) -> Float:
        draw = self._drawn_now()
        return self.case.islands.sources(self.state.contacts, draw.island)[self.case.rows(ids)]

    def panel_pu(self, ids: tuple[str, ...]) -> Float:
        """(ids, 2) voltage of both legs at the panel now, per unit."""
        rows, contacts = self.case.rows(ids), self.state.contacts
        off, up = contacts.off[rows], self.case.islands.up(contacts)[rows]
        found = self.source_pu(ids) * (up & contacts.source[:, rows]).T
        return found if off.all() else np.where(off[:, None], found, self.service_pu(ids))

    def backfeeding(self) -> tuple[str, ...]:
        """Homes whose source is on and alive while their service is closed onto a dead grid."""
        return self._names(self.case.islands.backed(self.state.contacts, self._supply.fed(self.state))[0])

    def paralleled(self) -> tuple[str, ...]:
        """Homes whose source is on and alive while their service is closed onto a live grid."""
        return self._names(self.case.islands.backed(self.state.contacts, self._supply.fed(self.state))[1])

    def backfeed(self, home: str) -> Live:
        """What the source of one home of `backfeeding` energises now, under what its homes would draw on it."""
        case, grid = self.case, self.state.grid
        end_us = min(self._present().end_us + BACKFED_US, case.scenario.duration_us)
        ahead = plan_steps(int(self._present().start_us[0]), end_us, case.step_us, BLOCK_STEPS)
        return live_source(
            case.feeder, case.compiled, self._switching.faulted.openings, home,
            source_of(case.population, int(case.rows((home,))[0])), opened=grid.opened, parted=grid.parted,
            tied=grid.tied, load_scale=self._drawing.wanted_share(self.state, ahead),
        )  # fmt: skip

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        """Have voltage controls look at the step that begins or goes on now, and take one step each."""
        case, state = self.case, self.state
        if self.time_us >= case.scenario.duration_us:
            return ()  # nothing follows that they could look at
        draw = self._drawn_now()
        wanted = self._crossings.wanted(state, draw, self._solve(draw))[:, 0]
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
        draw = self._drawn_now()
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

    # -- short circuits -------------------------------------------------------------------

    @property
    def tied(self) -> frozenset[str]:
        """Lines that stand open of themselves and are closed now."""
        return self._switching.tied(self.state)

    def strike(self, fault: Fault) -> tuple[str, ...]:
        """Put a fault on the feeder now; returns the homes whose DER lost voltage by it.

        Raises
        ------
        FeederError
            The feeder has no such place, or the place no such conductors.
        """
        self._switching.faulted.places.struck(fault)
        self._now = None
        self.state.riding.wake(self.time_us)
        was = self._supply.der_fed(self.state)
        self.state.faults[fault.name] = fault
        return self._names(was & ~self._supply.der_fed(self.state))

    def clear(self, name: str) -> tuple[str, ...]:
        """Take a fault away now; returns the homes whose DER got voltage back."""
        self._now = None
        self.state.riding.wake(self.time_us)
        was = self._supply.der_fed(self.state)
        del self.state.faults[name]
        return self._names(self._supply.der_fed(self.state) & ~was)

    def fed(self, names: tuple[str, ...]) -> tuple[bool, ...]:
        """Whether a faulted conductor of each fault has a path to a source now."""
        state, switching = self.state, self._switching
        opened, tied = switching.opened(state), switching.tied(state)
        batteries = self.case.neighbourhoods.fed_nodes(state.sections.formed)
        return tuple(switching.paths.fed(state.faults[name], opened, tied, batteries) for name in names)

    # -- sections with batteries of their own ---------------------------------------------

    def standing(self, name: str) -> Standing:
        """How a section stands now."""
        struck = self._switching.struck_nodes(self.state) if self.state.faults else frozenset()
        return self.case.neighbourhoods.standing(self.state, name, struck)

    def in_step(self, name: str) -> bool:
        """Whether both sides of its switch are alike enough to close it now."""
        solution = self._solve(self._drawn_now())
        return self.case.neighbourhoods.in_step(name, solution)

    @property
    def protection(self) -> Protection:
        """The feeder's protective devices."""
        return self.case.protection

    def fault_currents(self, devices: tuple[str, ...]) -> NDArray[np.float64]:
        """(devices, 4) r.m.s. current [A] through protective devices now: phases a, b, c and their sum, loads off."""
        state, switching = self.state, self._switching
        opened, tied = switching.opened(state), switching.tied(state)
        return switching.grid.currents(opened, tied, state.faults.values(), devices)

    def isolation(self, where: str) -> Isolation:
        """How a crew isolates a place now."""
        kind, name, _ = section_of(where)
        return self._switching.grid.isolations.around(f"{kind}:{name}", self._switching.opened(self.state))

    def _names(self, which: Bool) -> tuple[str, ...]:
        return tuple(self.case.home_names[row] for row in np.flatnonzero(which))

    def _at(self, crossing: Crossing) -> Crossing:
        """Stand where a crossing is."""
        self.time_us = crossing.time_us
        return crossing

    # -- one block ------------------------------------------------------------------------

    def _drawn_now(self) -> Draw:
        """What is drawn in the present step as things stand; kept until something changes or time goes on."""
        if self._now is None:
            self._now = self._drawing.draw(self.state, self._present())
        return self._now

    def _present(self) -> Plan:
        """The step that begins or goes on now; at the end of the run, the last."""
        step_us = self.case.step_us
        now_us = min(self.time_us, self.case.scenario.duration_us - step_us)
        return plan_steps(now_us, now_us + step_us, step_us, 1)

    def _plan(self, start_us: int, until_us: int) -> Plan:
        """The next block: as far as flows are known, else as far as the last events let hope for."""
        step_us = self.case.step_us
        known = self._flows.reach(self.state.grid, start_us // step_us)
        return plan_steps(
            start_us, until_us, step_us, min(known, self._block_steps) if known > 0 else self._reach
        )

    def _solve(self, draw: Draw) -> Solution:
        """Power flow of a draw in the present state of the grid."""
        grid, case = self.state.grid, self.case
        return self._flows.of(
            grid, draw, lambda p, q: case.solve(self.network(grid), p, q, self._seen, self._parallel)
        )

    def _commit_turn(self, block: Block, turn: Turn) -> None:
        """Make everything before inverters trip the past, or the steps before they cease or resume."""
        if turn.change is Change.TRIP:
            self._commit_until(block, turn.time_us)
        else:
            self._commit(block, turn.step)

    def _commit_until(self, block: Block, time_us: int) -> None:
        """Make everything before `time_us` the past, the last step cut where it falls inside one."""
        starts = block.plan.start_us
        row = int(np.searchsorted(starts, time_us, side="right")) - 1
        self._commit(block, row)
        if time_us > starts[row]:
            draw = self._drawing.draw(self.state, block.plan.part(row, time_us - int(starts[row])))
            self._commit(self._reading.block(self.state, draw, self._solve(draw)), 1)

    def _commit(self, block: Block, count: int) -> None:
        """Make the first `count` steps of a block the past: move the state, keep the peak, record."""
        if count == 0:
            return
        last, state = count - 1, self.state
        if state.sections.formed:
            self.case.neighbourhoods.move(state.sections, block.solution, block.plan.seconds[:count])
        state.theta = np.ascontiguousarray(block.breakers.theta[:, last])
        state.charge_j = np.ascontiguousarray(block.battery.charge_j[:, last])
        state.car_j = np.ascontiguousarray(block.draw.cars.charge_j[:, last])
        whole = count == len(block.plan)
        if (island := block.draw.head(count).island) is not None:
            state.contacts.islands = island.block.end
        state.demand = self._drawing.remembered(state, block.draw, count)
        heat = block.heat
        if not whole:
            heat = self._reading.heat(state, block.plan.head(count), block.sockets.i2_a2[:count])
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
