"""Homes' demand scaled so that the feeder's head carries what was measured there.

A head's meter sees all homes and the losses between. Each of its intervals gets one factor f on all homes' panels,
so that the mean over the interval of f D + losses(f D) is the measured mean; D is the total demand as it would be
without a factor and without outages. Losses follow from D alone, by power flows of the feeder at some loadings with
demand spread as it is in the mean: the estimate is exact in total power, and wrong by how the spread over homes
departs from its mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cosim.demand.block import Bool, Demand, DemandBlock, Float, State
from cosim.demand.calendar import Calendar
from cosim.demand.profiles import Profile, ProfileDemand
from cosim.errors import Problem, ScenarioError

MOST_FACTOR = 20.0
ROUNDS = 40  # of the iteration for factors; losses being a few percent, each round gains a digit or more
SETTLED = 1e-9


@dataclass(frozen=True)
class HeadCurve:
    """Power into the head over the homes' total demand, both (n,) [W] and rising; beyond its ends, straight on."""

    demand_w: Float
    head_w: Float

    def __call__(self, demand_w: Float) -> Float:
        """Power into the head [W] at total demands [W]."""
        found = np.interp(demand_w, self.demand_w, self.head_w)
        last, slope = self.demand_w[-1], np.diff(self.head_w[-2:])[0] / np.diff(self.demand_w[-2:])[0]
        return np.asarray(found + slope * np.maximum(demand_w - last, 0.0))


@dataclass(frozen=True)
class HeadDemand:
    """Demand of `base` times a `factor` (steps,) that all homes share; states go on as if there were none."""

    base: Demand
    factor: Float

    def initial(self) -> State:
        """As the base's."""
        return self.base.initial()

    def block(
        self, state: State, first_step: int, seconds: Float, powered: Bool, limit_w: Float | None = None
    ) -> DemandBlock:
        """As `Demand.block`; what is shed is shed before the factor."""
        block = self.base.block(state, first_step, seconds, powered, limit_w)
        factor = self.factor[first_step : first_step + len(seconds)]

        def scaled(values: Float | None) -> Float | None:
            return None if values is None else values * factor

        return replace(
            block,
            panel_w=block.panel_w * factor,
            panel_var=block.panel_var * factor,
            impedance_w=scaled(block.impedance_w),
            impedance_var=scaled(block.impedance_var),
        )


@dataclass(frozen=True)
class Totals:
    """What homes draw over a run without outages: (steps,) in total, (h, 3) of each in the mean [W, var].

    `impedance_w`, `impedance_var` are the part of the means that goes with the square of the voltage.
    """

    total_w: Float
    mean_w: Float
    mean_var: Float
    impedance_w: Float
    impedance_var: Float


def totals(demand: Demand, homes: int, steps: int, step_s: float, block_steps: int = 1440) -> Totals:
    """Go through the run once with all panels fed."""
    state, total = demand.initial(), np.empty(steps)
    sums = np.zeros((4, homes, 3))
    for first in range(0, steps, block_steps):
        count = min(block_steps, steps - first)
        block = demand.block(state, first, np.full(count, step_s), np.ones(homes, bool))
        state = block.end
        total[first : first + count] = block.panel_w.sum(axis=(0, 1))
        parts = (block.panel_w, block.panel_var, block.impedance_w, block.impedance_var)
        for row, part in enumerate(parts):
            if part is not None:
                sums[row] += part.sum(axis=2)
    return Totals(total, *(sums / steps))


def head_factors(calendar: Calendar, head: Profile, total_w: Float, curve: HeadCurve, file: str) -> Float:
    """Factor on all homes' demand at each step, (steps,).

    Parameters
    ----------
    calendar
        Of the run.
    head
        Measured power into the head [kW].
    total_w
        (steps,) demand of all homes without a factor.
    curve
        Head power over demand.
    file
        Of the measurement, for messages.

    Raises
    ------
    ScenarioError
        If the head carried less than the feeder takes without homes, or more than `MOST_FACTOR` times their demand.
    """
    meter = ProfileDemand(calendar, [head], np.zeros(1, np.int64), np.ones(1), np.zeros(1), parallel=False)
    steps = len(total_w)
    measured_w = meter.at(0, steps).panel_w[0].sum(axis=0)
    middle_us = calendar.utc_us(0, steps) + calendar.standard_offset_us + calendar.step_us // 2
    number = np.floor((middle_us / 1e6 - meter.stamp_s[0]) / max(head.interval_s, calendar.step_us / 1e6))
    _, group = np.unique(number, return_inverse=True)
    count = np.bincount(group)

    def mean(values: Float) -> Float:
        return np.bincount(group, values) / count

    target, demand = mean(measured_w), mean(total_w)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(demand > 0.0, target / demand, np.nan)
        for _ in range(ROUNDS):
            change = (target - mean(curve(np.maximum(factor, 0.0)[group] * total_w))) / demand
            factor = factor + change
            if np.nanmax(np.abs(change), initial=0.0) < SETTLED:
                break
    bad = np.flatnonzero(~((factor >= 0.0) & (factor <= MOST_FACTOR)))
    if len(bad):
        raise ScenarioError(_unmet(calendar, target, demand, bad, group, float(curve(np.zeros(1))[0]), file))
    return np.asarray(factor[group])


def _unmet(
    calendar: Calendar,
    target: Float,
    demand: Float,
    bad: NDArray[np.int64],
    group: NDArray[np.int64],
    idle_w: float,
    file: str,
) -> Problem:
    first = int(bad[0])
    step = int(np.flatnonzero(group == first)[0])
    at = np.datetime64(int(calendar.utc_us(step, 1)[0] + calendar.standard_offset_us), "us")
    message = (
        f"cannot be met by scaling at {np.datetime_as_string(at, unit='m')} local standard time"
        f"{f' and {len(bad) - 1} more intervals' if len(bad) > 1 else ''}: homes draw {demand[first] / 1e3:.4g} kW, "
        f"the feeder without them {idle_w / 1e3:.3g} kW; should be above that and at most {MOST_FACTOR:g} times the "
        "homes' demand (is it kW, of this feeder, without what solar power took off?)"
    )
    return Problem(message, file, "demand.head", f"{target[first] / 1e3:.4g} kW")
