"""States of the grid and their solvers: topologies are built, taps and capacitor steps only factorised anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from cosim.electrical.network import Network
from cosim.electrical.tap_update import MovingNetwork, Work
from cosim.electrical.terminals import Terminals
from cosim.errors import FeederError

if TYPE_CHECKING:
    from cosim.electrical.circuit import Circuit, Source
    from cosim.events.physics import Fault
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.controls import Controls, Setting
    from cosim.feeder.faulted_circuit import FaultedCircuits
    from cosim.feeder.openings import Cut

KEPT_TOPOLOGIES = 8
KEPT_MONITORS = 8


K = TypeVar("K")
V = TypeVar("V")


class Grid(NamedTuple):
    """What decides a solver: elements out, lines closed that stand open, where taps and capacitors are, what the
    sources' voltage is multiplied with, single conductors that are open, faults, and which sections batteries feed."""

    opened: frozenset[int]
    tied: frozenset[int]
    setting: Setting
    source_pu: float = 1.0
    parted: frozenset[Cut] = frozenset()
    faults: frozenset[Fault] = frozenset()
    formed: frozenset[int] = frozenset()


@dataclass
class _Topology:
    """A topology at the feeder's own setting, and at the one asked for last."""

    base: Network
    moving: MovingNetwork
    moved: Network
    positions: tuple[tuple[int, ...], tuple[int, ...]] | None
    leaks: bool


class Regulation:
    """Solvers of grid states, each a function of the state alone, the topologies used last kept.

    A setting is solved on the order, pattern and reference tangents of its topology at the feeder's own
    setting, so what it computes does not depend on the settings that came before.

    Parameters
    ----------
    controls, compiled
        The feeder's controls, and its arrays.
    faulted
        Gives what puts open conductors and faults into circuits, when one is first needed.
    batteries
        Those of sections as sources, by row.

    Attributes
    ----------
    work : Work
        What keeping factors up to date took so far.
    """

    def __init__(
        self, controls: Controls, compiled: CompiledFeeder, faulted: Callable[[], FaultedCircuits],
        batteries: tuple[Source, ...] = (),
    ) -> None:  # fmt: skip
        self._controls = controls
        self._compiled = compiled
        self._faulted = faulted
        self._batteries = batteries
        self._topologies: dict[Grid, _Topology] = {}
        self._heads: dict[tuple[tuple[tuple[int, int], ...], Setting, Grid | None], Terminals] = {}
        self.work = Work()

    def network(self, grid: Grid) -> Network:
        """The solver of a state, factorised when first needed; it serves until another state is asked for."""
        topology = self._topology(grid)
        positions = grid.setting.positions
        if positions == self._controls.start.positions:
            return topology.base
        if topology.positions != positions:
            circuit = self._circuit(grid, self._controls.circuit(grid.setting), topology.leaks)
            topology.moved, topology.positions = topology.moving.at(circuit), positions
        return topology.moved

    def begin_anew(self, grid: Grid) -> None:
        """Keep nothing but the topology of a state, as if nothing had moved: what follows then counts the same work
        in a run that went on as in one that was taken up here."""
        kept = self._topology(grid)
        moving = MovingNetwork(kept.base, self._controls.elements, self.work)
        key = grid._replace(setting=self._controls.start)
        self._topologies = {key: _Topology(kept.base, moving, kept.base, None, kept.leaks)}

    def terminals(self, grid: Grid, pairs: tuple[tuple[int, int], ...]) -> Terminals:
        """Monitors of `pairs` at the state's setting, elements that are out monitored as if in."""
        fixed = not np.isin([element for element, _ in pairs], self._controls.elements).any()
        setting = self._controls.start if fixed else grid.setting
        altered = grid if grid.parted or grid.faults else None
        key = pairs, setting, altered
        if key not in self._heads:
            _make_room(self._heads, KEPT_MONITORS)
            circuit = self._controls.circuit(setting)
            if altered is not None:
                circuit = self._circuit(altered._replace(opened=frozenset()), circuit, False)
            self._heads[key] = Terminals(circuit, list(pairs))
        return self._heads[key]

    def _circuit(self, grid: Grid, circuit: Circuit, leaks: bool) -> Circuit:
        """A circuit with its taps set, in a state of the switches and faults."""
        closed = {element: self._compiled.closed_blocks[element] for element in sorted(grid.tied)}
        circuit = circuit.with_blocks(closed).with_source_voltage(grid.source_pu)
        if grid.formed:
            more = tuple(self._batteries[row] for row in sorted(grid.formed))
            circuit = replace(circuit, sources=circuit.sources + more)
        if not (grid.parted or grid.faults):
            return circuit.without(grid.opened)
        return self._faulted().circuit(circuit, grid.opened, grid.tied, grid.parted, grid.faults, leaks=leaks)

    def _topology(self, grid: Grid) -> _Topology:
        key = grid._replace(setting=self._controls.start)
        if key not in self._topologies:
            _make_room(self._topologies, KEPT_TOPOLOGIES)
            leaks = False
            try:
                base = Network(self._circuit(grid, self._compiled.circuit, leaks))
            except FeederError:
                if not grid.parted:
                    raise
                leaks = True  # a conductor that nothing grounds behind its open end
                base = Network(self._circuit(grid, self._compiled.circuit, leaks))
            moving = MovingNetwork(base, self._controls.elements, self.work)
            self._topologies[key] = _Topology(base, moving, base, None, leaks)
        return self._topologies[key]


def _make_room(kept: dict[K, V], most: int) -> None:
    """Let the oldest go."""
    if len(kept) >= most:
        kept.pop(next(iter(kept)))


def operation_event(control: str, by: int) -> str:
    """What a step of a control is called in the log."""
    if control.startswith("direction:"):
        return "regulator_turned_back" if by > 0 else "regulator_turned_forward"
    if control.startswith("regulator:"):
        return "tap_raised" if by > 0 else "tap_lowered"
    return "bank_step_on" if by > 0 else "bank_step_off"
