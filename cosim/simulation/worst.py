"""The homes that turn out worst, recorded in full after all.

Who is worst is known only at the end. The first pass keeps the state at the start of each day;
the day of each worst moment is then computed again from there, and because a step's bits depend
on its inputs alone, it is the same day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.events.environment import Environment, Snapshot
from cosim.results.record import StepBlock
from cosim.simulation.physics import Block, State, StudyPhysics
from cosim.simulation.recording import step_block

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study

DAY_US = 86_400_000_000
WORST_IS_LOW = frozenset({"heat_margin_k", "voltage_l1_v", "voltage_l2_v"})


@dataclass
class _Extreme:
    """Worst value so far of one quantity, by home, and when its step began."""

    value: NDArray[np.float64]
    time_us: NDArray[np.int64]


class Worst:
    """Watches a run for the homes that ``record.full = ["worst:QUANTITY:COUNT"]`` asks for."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._extremes = {
            quantity: _Extreme(np.full(study.homes, -np.inf), np.zeros(study.homes, dtype=np.int64))
            for quantity in study.worst_asked
        }
        self._days: list[tuple[Snapshot, State]] = []

    def remember(self, clock: Snapshot, state: State) -> None:
        """Keep the state at the start of a day, if anything worst is asked for."""
        if self._extremes:
            self._days.append((clock, state))

    def watch(self, steps: StepBlock) -> None:
        """Take in steps as they are recorded; steps that did not converge do not count."""
        for quantity, extreme in self._extremes.items():
            values = steps.home[quantity]
            if quantity in WORST_IS_LOW:
                # A dead socket has no low voltage, it has none.
                values = -np.where(values == 0.0, np.inf, values) if quantity != "heat_margin_k" else -values
            values = np.where(np.isnan(values) | ~steps.converged[:, None], -np.inf, values)
            row = np.argmax(values, axis=0)
            top = values[row, np.arange(values.shape[1])]
            better = top > extreme.value
            extreme.value = np.where(better, top, extreme.value)
            extreme.time_us = np.where(better, steps.start_us[row], extreme.time_us)

    def windows(self, *, parallel: bool, block_steps: int) -> Iterator[tuple[str, list[int], StepBlock]]:
        """For each quantity and day that holds worst moments: name, homes (rows), and the day's steps."""
        for quantity, extreme in self._extremes.items():
            count = self._study.worst_asked[quantity]
            order = np.argsort(-extreme.value, kind="stable")[:count]
            rows = [int(row) for row in order if extreme.value[row] > -np.inf]
            days: dict[int, list[int]] = {}
            for row in rows:
                days.setdefault(int(extreme.time_us[row]) // DAY_US, []).append(row)
            for day, homes in sorted(days.items()):
                steps = self._again(day, homes, parallel=parallel, block_steps=block_steps)
                yield f"worst_{quantity}_day_{day + 1}", homes, steps

    def _again(self, day: int, homes: list[int], *, parallel: bool, block_steps: int) -> StepBlock:
        """Compute a day again and keep every step of some homes."""
        kept: list[StepBlock] = []

        def keep(block: Block, count: int) -> None:
            kept.append(_only(step_block(self._study, block, count), homes))

        clock, state = self._days[day]
        physics = StudyPhysics(self._study, keep, parallel=parallel, block_steps=block_steps)
        physics.resume(state, clock["now_us"])
        env = Environment.restore(clock, physics)
        env.run_until(min((day + 1) * DAY_US, self._study.scenario.duration_us))
        return _joined(kept)


def _only(steps: StepBlock, homes: list[int]) -> StepBlock:
    return StepBlock(
        start_us=steps.start_us,
        seconds=steps.seconds,
        home={name: values[:, homes] for name, values in steps.home.items()},
        transformer={},
        feeder={},
        iterations=steps.iterations,
        converged=steps.converged,
    )


def _joined(parts: list[StepBlock]) -> StepBlock:
    return StepBlock(
        start_us=np.concatenate([part.start_us for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        home={name: np.concatenate([part.home[name] for part in parts]) for name in parts[0].home},
        transformer={},
        feeder={},
        iterations=np.concatenate([part.iterations for part in parts]),
        converged=np.concatenate([part.converged for part in parts]),
    )
