"""What service transformers carried before a run begins: their oil takes hours, so it cannot start under one minute.

They begin at rest under the r.m.s. of what their households draw over the first day, without cars, solar or
batteries: an estimate, gone after some four hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.simulation.steps import plan_steps

if TYPE_CHECKING:
    from cosim.demand.block import Demand

Float = NDArray[np.float64]
Int = NDArray[np.int64]

DAY_US = 86_400_000_000
BLOCK_STEPS = 64


def first_day_pu(demand: Demand, unit_of_home: Int, rated_va: Float, step_us: int, duration_us: int) -> Float:
    """(units,) r.m.s. load over rating of the first day, or of the whole run if it is shorter.

    Parameters
    ----------
    unit_of_home
        (homes,) row of each home's transformer, -1 without.
    rated_va
        (units,) ratings.
    """
    homes, units = len(unit_of_home), len(rated_va)
    has = np.flatnonzero(unit_of_home >= 0)
    squares, seconds = np.zeros(units), 0.0
    state, powered, start_us = demand.initial(), np.ones(homes, dtype=bool), 0
    end_us = min(DAY_US, duration_us)
    while start_us < end_us:
        plan = plan_steps(start_us, end_us, step_us, BLOCK_STEPS)
        block = demand.block(state, plan.first_step, plan.seconds, powered)
        va = np.zeros((units, len(plan)), dtype=np.complex128)
        np.add.at(va, unit_of_home[has], (block.panel_w + 1j * block.panel_var).sum(axis=1)[has])
        squares += (np.abs(va / rated_va[:, None]) ** 2) @ plan.seconds
        seconds += float(plan.seconds.sum())
        state, start_us = block.end, plan.end_us
    return np.asarray(np.sqrt(squares / seconds))
