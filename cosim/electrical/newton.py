"""Newton's method for the step that nothing simpler settles: a new Jacobian at every iterate, steps shortened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosim.electrical.circuit import Complex, Float

LIMIT = 50
SHORTEST = 1.0 / 64.0  # share of a step below which the search is given up: no solution lies this way

Linearised = Callable[[Complex], Callable[[Complex], Complex]]


@dataclass(frozen=True)
class Found:
    """Where Newton's method came to.

    Parameters
    ----------
    v
        (n,) voltages of the last iterate [V].
    change_pu
        Largest correction it still asked for [pu], or the last one made where that is within the tolerance.
    worst
        Node of that correction.
    iterations
        Jacobians factorised.
    """

    v: Complex
    change_pu: float
    worst: int
    iterations: int


def newton(linearised: Linearised, start: Complex, base_v: Float, tolerance_pu: float, limit: int) -> Found:
    """Solve from `start` with at most `limit` (and `LIMIT`) Jacobians.

    A step is halved until the correction that the same Jacobian asks for afterwards is smaller (natural monotonicity,
    Deuflhard, Newton Methods for Nonlinear Problems, 2004, section 3.3): far from a solution full steps may jump past
    it, and where there is none the steps shrink to nothing instead of wandering.

    Parameters
    ----------
    linearised
        Jacobian at given voltages, as the function from voltages to where one step with it leads.
    start, base_v
        (n,) first iterate and nominal voltages [V].
    tolerance_pu
        The largest correction of a solution.
    limit
        Iterations allowed; with none only the worst node at `start` is told.
    """
    v, change, worst, done = start, np.inf, 0, 0
    limit = min(limit, LIMIT)
    while True:
        follow = linearised(v)
        correction = follow(v) - v
        change, worst = _largest(correction, base_v)
        if done >= limit or not np.isfinite(change):
            return Found(v, change, worst, done)
        done += 1
        if change <= tolerance_pu:
            return Found(v + correction, change, worst, done)
        share = 1.0
        while True:
            trial = v + share * correction
            after, _ = _largest(follow(trial) - trial, base_v)
            if after <= (1.0 - 0.25 * share) * change or after <= tolerance_pu:
                break
            share *= 0.5
            if share < SHORTEST:
                return Found(v, change, worst, done)
        v = trial


def _largest(correction: Complex, base_v: Float) -> tuple[float, int]:
    sizes = np.abs(correction) / base_v
    worst = int(np.argmax(np.where(np.isnan(sizes), np.inf, sizes)))
    return float(sizes[worst]), worst
