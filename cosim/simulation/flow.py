"""What homes draw over some steps, and the power flows last solved, so that none is solved twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.demand.block import State
from cosim.devices.battery import BatteryBlock
from cosim.devices.ev import EvBlock
from cosim.electrical.network import Solution
from cosim.simulation.steps import Plan

if TYPE_CHECKING:
    from cosim.simulation.contacts import IslandDraw
    from cosim.simulation.regulation import Grid

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Draw:
    """Powers over the steps of a plan.

    Parameters
    ----------
    pv_w, ev_w
        (homes, steps) produced, consumed; a car that serves its home is negative.
    ambient_c
        (steps,) outdoor air.
    battery, cars
        What the batteries and cars do.
    p_w, q_var
        (m, steps) of every injector, consumed positive.
    powered
        (homes,) whether the panel has voltage.
    shown
        (homes, steps) what demand shows of itself.
    end
        What demand remembers after the last step; None: not known, as the last steps were cut off.
    lit, most_w
        (homes,) whose uses go on, at the panel or on cords, and the power beyond which loads are held off (or None).
    island
        Homes off the grid; None where there are none.
    """

    plan: Plan
    pv_w: Float
    ev_w: Float
    ambient_c: Float
    battery: BatteryBlock
    cars: EvBlock
    p_w: Float
    q_var: Float
    powered: Bool
    shown: Mapping[str, Float]
    end: State | None
    lit: Bool
    most_w: Float | None
    island: IslandDraw | None = None

    def head(self, count: int) -> Draw:
        """The first `count` steps."""
        if count == len(self.plan):
            return self
        plan = self.plan.head(count)
        island = None if self.island is None else self.island.head(plan)
        battery = BatteryBlock(_cut(self.battery.power_w, 0, count), _cut(self.battery.charge_j, 0, count))
        cars = EvBlock(_cut(self.cars.power_w, 0, count), _cut(self.cars.charge_j, 0, count))
        cut = {
            name: _cut(getattr(self, name), 0, count)
            for name in ("pv_w", "ev_w", "ambient_c", "p_w", "q_var")
        }
        shown = {name: _cut(values, 0, count) for name, values in self.shown.items()}
        return replace(
            self, plan=plan, battery=battery, cars=cars, shown=shown, end=None, island=island, **cut
        )


class Flows:
    """The stretch of steps solved last.

    A step's solution is a function of the grid's state and the step's powers alone, so it serves again
    where both are the same: for the rest of a block that a control cut, and for what a control sees at its next look.
    """

    def __init__(self) -> None:
        self._grid: Grid | None = None
        self._first = 0
        self._p, self._q = np.zeros((0, 0)), np.zeros((0, 0))
        self._solution: Solution | None = None

    def reach(self, grid: Grid, step: int) -> int:
        """How many steps are solved from `step` on; 0 if the grid was another."""
        end = self._first + self._p.shape[1]
        return end - step if grid == self._grid and self._first <= step else 0

    def of(self, grid: Grid, draw: Draw, solve: Callable[[Float, Float], Solution]) -> Solution:
        """Solution of some steps, known or new."""
        first, steps = draw.plan.first_step, len(draw.plan)
        if self._solution is not None and self.reach(grid, first) >= steps:
            here = slice(first - self._first, first - self._first + steps)
            if np.array_equal(self._p[:, here], draw.p_w) and np.array_equal(self._q[:, here], draw.q_var):
                return _part(self._solution, here.start, here.stop)
        solution = solve(draw.p_w, draw.q_var)
        self._grid, self._first, self._solution = grid, first, solution
        self._p, self._q = draw.p_w, draw.q_var
        return solution


def _part(solution: Solution, start: int, stop: int) -> Solution:
    if (start, stop) == (0, solution.v.shape[1]):
        return solution
    cut = {field.name: _cut(getattr(solution, field.name), start, stop) for field in fields(solution)}
    return Solution(**cut)


def head_of(solution: Solution, count: int) -> Solution:
    """The first `count` steps of a solution."""
    return _part(solution, 0, count)


def _cut(values: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Steps, the last axis, as an array of their own: kernels are compiled for contiguous ones."""
    return np.ascontiguousarray(values[..., start:stop])
