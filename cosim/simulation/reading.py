"""Everything that follows from a power flow: sockets, transformers, breakers, heat, inverters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.terminals import Terminals
from cosim.simulation.recording import head_conductors
from cosim.simulation.state import Block

if TYPE_CHECKING:
    from cosim.electrical.network import Solution
    from cosim.simulation.adapter_heat import HeatBlock
    from cosim.simulation.assembly import Study
    from cosim.simulation.flow import Draw
    from cosim.simulation.sockets import Sockets
    from cosim.simulation.state import State
    from cosim.simulation.steps import Plan
    from cosim.simulation.supply import Supply

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class Reading:
    """Reads solutions for a study; `many` says whether heat may use threads."""

    def __init__(self, case: Study, supply: Supply, sockets: Sockets, many: bool) -> None:
        compiled = case.compiled
        self.case, self._supply, self._sockets, self._many = case, supply, sockets, many
        self._transformer_element = compiled.transformer_element[compiled.service_transformers]
        service = [(int(element), 0) for element in self._transformer_element]
        self._service = tuple(service)
        self._transformers = Terminals(compiled.circuit, service)
        self._head_element = np.array([element for element, _ in compiled.head], dtype=np.int64)
        self._head_conductors = head_conductors(compiled)

    def seen_nodes(self) -> Int:
        """Nodes whose voltages anything reads: sockets, watched elements, ends of ownerless injectors."""
        circuit = self.case.compiled.circuit
        watched = np.concatenate((self._transformer_element, self._head_element))
        groups = [self.case.controls.nodes, *(circuit.elements[int(element)].nodes for element in watched)]
        groups += [np.array(ends) for _, *ends in self.case.ownerless]
        groups.append(self.case.watched.quality.nodes)
        nodes = np.unique(np.concatenate([self.case.compiled.home_nodes.ravel(), *groups]))
        return nodes[nodes >= 0]

    def legs_v(self, solution: Solution) -> tuple[Float, Float]:
        """(steps, homes) voltages of both legs on the grid's side of the service."""
        sockets = self._sockets.read(solution.v, solution.current_a)
        return sockets.voltage_l1_v, sockets.voltage_l2_v

    def block(self, state: State, draw: Draw, solution: Solution) -> Block:
        """Everything that follows from a power flow."""
        study, seconds = self.case, draw.plan.seconds
        sockets = self._sockets.read(solution.v, solution.current_a)
        panel_v = study.islands.at_panels(state.contacts, draw, sockets)
        current_a = np.concatenate((sockets.panel_a, sockets.branch_a))
        smart, pv_w = study.inverters, draw.pv_w.copy()
        inverter_va = smart.given_va(study.compiled.circuit, solution.v, solution.current_a)
        pv_w[smart.solar] = inverter_va.real[: len(smart.solar)]
        if draw.island is not None:
            pv_w[draw.island.off] = draw.pv_w[draw.island.off]
        transformer_va = self._power_va(state, self._units(state), self._transformer_element, solution)
        weather = study.weather.block(draw.plan.first_step, len(draw.plan))
        block = Block(
            draw.plan, pv_w, draw.ev_w, draw.ambient_c, sockets, solution, transformer_va,
            self._power_va(state, self._head(state), self._head_element, solution),
            study.watched.quality.read(solution.v, self._unread(state), parallel=False),
            study.breakers.advance(state.theta, current_a, seconds, parallel=False), draw.battery,
            draw, inverter_va, self._head_phase_w(state, solution), panel_v,
            study.grid_heat.advance(
                state.unit_heat, state.drop_c, np.abs(transformer_va).T / study.transformer_va,
                sockets.i2_a2, solution.converged, weather, seconds, parallel=self._many,
            ),
            study.ride_through.look(
                state.riding, draw.plan, panel_v, solution.converged,
                self._supply.serving(state),
            ),
        )  # fmt: skip
        block.heat = self.heat(state, draw.plan, sockets.i2_a2)
        return block

    def heat(self, state: State, plan: Plan, i2_a2: Float) -> list[HeatBlock]:
        """What the adapters do from the present state; i2_a2 (steps, 6, homes)."""
        weather = self.case.weather.block(plan.first_step, len(plan))
        return [
            kind.advance(heat_c, i2_a2[:, :, kind.homes], weather, plan.seconds, parallel=self._many)
            for kind, heat_c in zip(self.case.heat, state.heat_c, strict=True)
        ]

    def _units(self, state: State) -> Terminals:
        """Monitors of service transformers."""
        if state.parted or state.faults:
            return self._supply.regulation.terminals(state.grid, self._service)
        return self._transformers

    def _unread(self, state: State) -> frozenset[int]:
        """Elements that have no figures: out, with a conductor open, or with a fault inside."""
        parted = {cut.element for cut in state.parted}
        return state.opened | parted | self._supply.switching.struck_lines(state)

    def _head(self, state: State) -> Terminals:
        """Monitors of the feeder's head as taps are now: a regulator may stand there."""
        return self._supply.regulation.terminals(state.grid, self.case.compiled.head)

    def _power_va(
        self, state: State, terminals: Terminals, elements: Int, solution: Solution
    ) -> NDArray[np.complex128]:
        """(k, steps) power into monitored terminals; an element that is out takes none."""
        power_va = terminals.power_va(solution.v)
        power_va[np.isin(elements, list(state.opened))] = 0.0
        return power_va

    def _head_phase_w(self, state: State, solution: Solution) -> Float:
        """(3, steps) power into the feeder's head by conductor 1, 2, 3."""
        power_w = np.zeros((3, solution.v.shape[1]))
        current_a = self._head(state).current_a(solution.v)
        for pair, place, node, phase in self._head_conductors:
            if self._head_element[pair] not in state.opened:
                power_w[phase] += (solution.v[node] * current_a[pair, place].conj()).real
        return power_w
