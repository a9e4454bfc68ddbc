"""States of the grid and their solvers: topologies are built, taps and capacitor steps only factorised anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from cosim.electrical.network import Network
from cosim.electrical.tap_update import MovingNetwork, Work
from cosim.electrical.terminals import Terminals

if TYPE_CHECKING:
    from cosim.electrical.circuit import Complex
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.controls import Controls, Setting

KEPT_TOPOLOGIES = 8
KEPT_MONITORS = 8


K = TypeVar("K")
V = TypeVar("V")


class Grid(NamedTuple):
    """What decides a solver: elements out, lines closed that stand open, where taps and capacitors are, and what the
    sources' voltage is multiplied with."""

    opened: frozenset[int]
    tied: frozenset[int]
    setting: Setting
    source_pu: float = 1.0


@dataclass
class _Topology:
    """A topology at the feeder's own setting, and at the one asked for last."""

    base: Network
    moving: MovingNetwork
    moved: Network
    positions: tuple[tuple[int, ...], tuple[int, ...]] | None


class Regulation:
    """Solvers of grid states, each a function of the state alone, the topologies used last kept.

    A setting is solved on the order, pattern and reference tangents of its topology at the feeder's own
    setting, so what it computes does not depend on the settings that came before.

    Attributes
    ----------
    work : Work
        What keeping factors up to date took so far.
    """

    def __init__(self, controls: Controls, compiled: CompiledFeeder) -> None:
        self._controls = controls
        self._compiled = compiled
        self._topologies: dict[tuple[frozenset[int], frozenset[int], float], _Topology] = {}
        self._heads: dict[Setting, Terminals] = {}
        self.work = Work()

    def network(self, grid: Grid) -> Network:
        """The solver of a state, factorised when first needed; it serves until another state is asked for."""
        topology = self._topology(grid)
        positions = grid.setting.positions
        if positions == self._controls.start.positions:
            return topology.base
        if topology.positions != positions:
            circuit = self._controls.circuit(grid.setting, grid.opened, self._closed(grid))
            circuit = circuit.with_source_voltage(grid.source_pu)
            topology.moved, topology.positions = topology.moving.at(circuit), positions
        return topology.moved

    def terminals(self, grid: Grid, pairs: tuple[tuple[int, int], ...]) -> Terminals:
        """Monitors of `pairs` at the state's setting, elements that are out monitored as if in."""
        fixed = not np.isin([element for element, _ in pairs], self._controls.elements).any()
        setting = self._controls.start if fixed else grid.setting
        if setting not in self._heads:
            _make_room(self._heads, KEPT_MONITORS)
            self._heads[setting] = Terminals(self._controls.circuit(setting), list(pairs))
        return self._heads[setting]

    def _closed(self, grid: Grid) -> dict[int, Complex]:
        return {element: self._compiled.closed_blocks[element] for element in sorted(grid.tied)}

    def _topology(self, grid: Grid) -> _Topology:
        key = grid.opened, grid.tied, grid.source_pu
        if key not in self._topologies:
            _make_room(self._topologies, KEPT_TOPOLOGIES)
            circuit = self._compiled.circuit.with_blocks(self._closed(grid)).with_source_voltage(
                grid.source_pu
            )
            base = Network(circuit.without(grid.opened))
            moving = MovingNetwork(base, self._controls.elements, self.work)
            self._topologies[key] = _Topology(base, moving, base, None)
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
