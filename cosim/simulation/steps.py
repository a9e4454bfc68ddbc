"""Steps and parts of steps on the scenario's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

US = 1_000_000


@dataclass(frozen=True)
class Plan:
    """Consecutive steps: index of the first, and start [us] and length [s] of each, (steps,)."""

    first_step: int
    start_us: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start_us)

    @property
    def end_us(self) -> int:
        """Where the last step ends."""
        return int(self.start_us[-1]) + round(float(self.seconds[-1]) * US)

    def head(self, count: int) -> Plan:
        """The first `count` steps."""
        return Plan(self.first_step, self.start_us[:count], self.seconds[:count])

    def part(self, row: int, length_us: int) -> Plan:
        """The beginning of step `row`, `length_us` long."""
        return Plan(self.first_step + row, self.start_us[row : row + 1], np.array([length_us / US]))


def plan_steps(start_us: int, until_us: int, step_us: int, most: int) -> Plan:
    """Cut [start, until) at the step grid into at most `most` pieces.

    The grid counts from the scenario's start, so what a piece computes never depends on the block.
    """
    first = start_us // step_us
    last = min(-(-until_us // step_us), first + most)
    edges = np.arange(first, last + 1, dtype=np.int64) * step_us
    edges[0] = start_us
    edges[-1] = min(until_us, int(edges[-1]))
    return Plan(first, edges[:-1], np.diff(edges) / US)


def in_all(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps,) sums of (steps, items) values, in an order that does not depend on how steps are cut into blocks.

    NumPy adds in pairs along what lies together in memory, which for a single step may be another axis than for many.
    """
    total: NDArray[np.float64] = np.ascontiguousarray(values).sum(axis=1)
    return total
