"""The homes that turn out worst, recorded in full after all.

Who is worst is known only at the end. The checkpoint at the start of each day is kept;
the day of each worst moment is then computed again from there, and because a step's bits depend
on its inputs alone, it is the same day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.events.environment import Environment
from cosim.results.record import StepBlock
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.recording import step_block
from cosim.simulation.state import Block

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study

Float = NDArray[np.float64]
Int = NDArray[np.int64]

DAY_US = 86_400_000_000
MARGINS = frozenset({"heat_margin_k", "material_margin_k"})
VOLTAGES = frozenset({"voltage_l1_v", "voltage_l2_v"})
WORST_IS_LOW = MARGINS | VOLTAGES | {"water_temperature_c", "ev_charge_pu", "battery_charge_pu"}


class Window(NamedTuple):
    """A stretch of steps in full for some homes: rows, starts, and (steps, homes) by quantity."""

    name: str
    homes: list[int]
    start_us: Int
    values: dict[str, Float]


@dataclass
class _Extreme:
    """Worst value so far of one quantity, by home, and when its step began."""

    value: Float
    time_us: Int


class Worst:
    """Watches a run for the homes that ``record.full = ["worst:QUANTITY:COUNT"]`` asks for."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study",)

    def __init__(self, study: Study) -> None:
        self._study = study
        self._extremes = {
            quantity: _Extreme(np.full(study.homes, -np.inf), np.zeros(study.homes, dtype=np.int64))
            for quantity in study.worst_asked
        }

    @property
    def asked(self) -> bool:
        """Whether days will be computed again, so that their checkpoints must be kept."""
        return bool(self._extremes)

    def watch(self, steps: StepBlock) -> None:
        """Take in steps as they are recorded; steps without convergence or with a fed short circuit do not count."""
        for quantity, extreme in self._extremes.items():
            values = steps.home[quantity]
            if quantity in WORST_IS_LOW:
                # A dead socket has no low voltage, it has none.
                values = -np.where(values == 0.0, np.inf, values) if quantity in VOLTAGES else -values
            values = np.where(np.isnan(values) | ~steps.usual[:, None], -np.inf, values)
            row = np.argmax(values, axis=0)
            top = values[row, np.arange(values.shape[1])]
            better = top > extreme.value
            extreme.value = np.where(better, top, extreme.value)
            extreme.time_us = np.where(better, steps.start_us[row], extreme.time_us)

    def windows(
        self, checkpoint_at: Callable[[int], Any], *, parallel: bool, block_steps: int
    ) -> Iterator[Window]:
        """For each quantity and day that holds worst moments, the day of the homes that were worst.

        `checkpoint_at` gives what the run stood at when a day began [us].
        """
        for quantity, extreme in self._extremes.items():
            count = self._study.worst_asked[quantity]
            order = np.argsort(-extreme.value, kind="stable")[:count]
            rows = [int(row) for row in order if extreme.value[row] > -np.inf]
            days: dict[int, list[int]] = {}
            for row in rows:
                days.setdefault(int(extreme.time_us[row]) // DAY_US, []).append(row)
            for day, homes in sorted(days.items()):
                name = f"worst_{quantity}_day_{day + 1}"
                began = checkpoint_at(day * DAY_US)
                yield Window(
                    name, homes, *self._again(began, homes, parallel=parallel, block_steps=block_steps)
                )

    def _again(
        self, began: Mapping[str, Any], homes: list[int], *, parallel: bool, block_steps: int
    ) -> tuple[Int, dict[str, Float]]:
        """Compute a day again and keep every step of some homes: starts, and quantities by name."""
        starts: list[Int] = []
        kept: dict[str, list[Float]] = {}

        def keep(block: Block, count: int) -> None:
            steps = step_block(self._study, block, count, False)
            starts.append(steps.start_us)
            for name, values in steps.home.items():
                kept.setdefault(name, []).append(values[:, homes])

        physics = StudyPhysics(self._study, keep, parallel=parallel, block_steps=block_steps)
        physics.take_up(began["physics"])
        env = Environment.restore(began["clock"], physics)
        env.run_until(min(env.now + DAY_US, self._study.scenario.duration_us))
        return np.concatenate(starts), {name: np.concatenate(parts) for name, parts in kept.items()}
