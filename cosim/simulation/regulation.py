"""States of the grid and their solvers: topologies are built, taps and capacitor steps only factorised anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from cosim.electrical.network import Network
from cosim.electrical.terminals import Terminals

if TYPE_CHECKING:
    from cosim.electrical.circuit import Complex
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.controls import Controls, Setting

KEPT_TOPOLOGIES = 8
KEPT_SETTINGS = 8  # of each topology


K = TypeVar("K")
V = TypeVar("V")


class Grid(NamedTuple):
    """What decides the admittances: elements out, lines closed that stand open, where taps and capacitors are."""

    opened: frozenset[int]
    tied: frozenset[int]
    setting: Setting


class Regulation:
    """Solvers of grid states, each a function of the state alone, the last ones used kept.

    A setting is solved on the order, pattern and reference tangents of its topology at the feeder's own
    setting, so what it computes does not depend on the settings that came before.
    """

    def __init__(self, controls: Controls, compiled: CompiledFeeder) -> None:
        self._controls = controls
        self._compiled = compiled
        self._topologies: dict[tuple[frozenset[int], frozenset[int]], Network] = {}
        self._settings: dict[Grid, Network] = {}
        self._heads: dict[Setting, Terminals] = {}

    def network(self, grid: Grid) -> Network:
        """The solver of a state, factorised when first needed."""
        if grid.setting == self._controls.start:
            return self._topology(grid)
        found = self._settings.get(grid)
        if found is None:
            _make_room(self._settings, KEPT_SETTINGS)
            circuit = self._controls.circuit(grid.setting, grid.opened, self._closed(grid))
            found = Network.like(self._topology(grid), circuit, self._controls.elements)
            self._settings[grid] = found
        return found

    def terminals(self, grid: Grid, pairs: tuple[tuple[int, int], ...]) -> Terminals:
        """Monitors of `pairs` at the state's setting, elements that are out monitored as if in."""
        fixed = not np.isin([element for element, _ in pairs], self._controls.elements).any()
        setting = self._controls.start if fixed else grid.setting
        if setting not in self._heads:
            _make_room(self._heads, KEPT_SETTINGS)
            self._heads[setting] = Terminals(self._controls.circuit(setting), list(pairs))
        return self._heads[setting]

    def _closed(self, grid: Grid) -> dict[int, Complex]:
        return {element: self._compiled.closed_blocks[element] for element in sorted(grid.tied)}

    def _topology(self, grid: Grid) -> Network:
        key = grid.opened, grid.tied
        if key not in self._topologies:
            _make_room(self._topologies, KEPT_TOPOLOGIES)
            circuit = self._compiled.circuit.with_blocks(self._closed(grid))
            self._topologies[key] = Network(circuit.without(grid.opened))
        return self._topologies[key]


def _make_room(kept: dict[K, V], most: int) -> None:
    """Let the oldest go."""
    if len(kept) >= most:
        kept.pop(next(iter(kept)))


def operation_event(control: str, by: int) -> str:
    """What a step of a control is called in the log."""
    if control.startswith("regulator:"):
        return "tap_raised" if by > 0 else "tap_lowered"
    return "bank_step_on" if by > 0 else "bank_step_off"
