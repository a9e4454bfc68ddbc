"""What a power flow gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Complex, Float, Int


@dataclass(frozen=True)
class Solution:
    """Solved steps.

    Parameters
    ----------
    v
        (n, steps) voltage of each node to ground [V]; 0 at dead nodes.
    current_a
        (m, steps) current of each injector from `node_a` to `node_b`, load convention [A].
    iterations
        (steps,) iterations done.
    converged
        (steps,) False where the voltages must not be used.
    change_pu
        (steps,) largest voltage change of the last iteration over the base voltage; NaN where it diverged.
    newton
        (steps,) True where the chord did not settle and Newton's method was asked.
    worst_node
        (steps,) where a step did not converge, the node whose voltage moved most (or is not a number); -1 elsewhere.
    """

    v: Complex
    current_a: Complex
    iterations: NDArray[np.int32]
    converged: NDArray[np.bool_]
    change_pu: Float
    newton: NDArray[np.bool_]
    worst_node: Int
