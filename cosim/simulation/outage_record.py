"""Who was without the grid, who without power, since when and because of what, kept as a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cosim.reliability.history import History
from cosim.reliability.indices import indices, sustained
from cosim.results.outage_layout import MOMENTARY, SUSTAINED, UNENDED
from cosim.simulation.comfort import J_PER_KWH, added_up

if TYPE_CHECKING:
    from cosim.events.log import EventLog, EventRecord
    from cosim.results.record import StepBlock
    from cosim.simulation.assembly import Study
    from cosim.simulation.state import Block

Bool = NDArray[np.bool_]
Tables = dict[str, dict[str, Any]]

NOT_OUT = -1
OPENINGS = frozenset(
    {
        "outage", "open", "opened_by_crew", "tie_opened", "conductor_breaks", "fuse_blows", "recloser_opens",
        "recloser_locks_out", "breaker_opens", "breaker_locks_out", "sectionalizer_opens", "island_dark",
        "island_ended",
    }
)  # fmt: skip
"""Kinds of log records that open a way."""
US = 1e6


class OutageRecord:
    """Interruptions of a run. Whatever switches cuts the steps, so their times are those of the events."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study",)

    def __init__(self, study: Study, log: EventLog) -> None:
        self._study, homes = study, study.homes
        self._opened = (NOT_OUT, NOT_OUT)  # when a way was opened last, and the number of that record
        self._out_since_us = np.full(homes, NOT_OUT, np.int64)
        self._cause = np.full(homes, NOT_OUT, np.int64)
        self._own = np.zeros(homes, bool)
        self._counts = (0, 0, 0)
        self._changes: list[tuple[int, int, int, int]] = []
        self._ended: list[tuple[int, int, int, int]] = []  # home, began, ended, cause
        self._no_grid_us, self._no_power_us, self._own_us, self._transfers = np.zeros((4, homes), np.int64)
        self._own_j, self._all_j, self._left_off_j = np.zeros((3, homes))
        self._end_us = 0
        log.listen(self._hear)

    def _hear(self, event: EventRecord) -> None:
        if event.kind in OPENINGS:
            self._opened = event.time_us, event.order

    def watch(self, supplied: Bool, whole: Bool, block: Block, count: int, steps: StepBlock) -> None:
        """The first `count` steps of a block are the past.

        `supplied` (homes,) says who had any of the grid in them, `whole` who had all of it: a home that lost one leg or
        phase is interrupted (IEEE 1366).
        """
        plan = block.plan.head(count)
        start_us, length_us = int(plan.start_us[0]), plan.end_us - int(plan.start_us[0])
        own = block.draw.powered & ~supplied
        self._change(start_us, whole, own, int(np.count_nonzero(~block.draw.powered)))
        self._no_grid_us += np.where(whole, 0, length_us)
        self._no_power_us += np.where(block.draw.powered, 0, length_us)
        self._own_us += np.where(own, length_us, 0)
        taken_w = steps.home["service_power_w"] + steps.home["pv_power_w"]
        taken_w[:, self._study.battery_home] += block.battery.power_w[:, :count].T
        self._all_j = added_up(self._all_j, steps.seconds, np.where(whole, taken_w, 0.0))
        if (island := block.draw.island) is not None:
            served_w = np.zeros_like(taken_w)
            served_w[:, self._study.islands.home] = island.block.served_w[:, :count].T
            self._own_j = added_up(self._own_j, steps.seconds, np.where(supplied, 0.0, served_w))
            self._left_off_j = added_up(self._left_off_j, steps.seconds, island.unserved_w[:, :count].T)
        self._end_us = plan.end_us

    def _change(self, time_us: int, whole: Bool, own: Bool, dead: int) -> None:
        out = self._out_since_us != NOT_OUT
        for home in np.flatnonzero(out & whole).tolist():
            self._ended.append((home, int(self._out_since_us[home]), time_us, int(self._cause[home])))
        gone = ~out & ~whole
        self._out_since_us[whole] = NOT_OUT
        self._out_since_us[gone] = time_us
        opened_us, order = self._opened
        self._cause[gone] = order if opened_us == time_us else NOT_OUT
        self._transfers += own & ~self._own
        self._own = own
        counts = int(np.count_nonzero(~whole)), dead, int(np.count_nonzero(own))
        if counts != self._counts:
            self._counts = counts
            self._changes.append((time_us, *counts))

    def tables(self) -> Tables:
        """Tables by their kind in `layout.STUDIES`; none where nobody was ever out."""
        if not self._changes:
            return {}
        return {
            "interruptions": self._interruptions(),
            "reliability": self._reliability(),
            "outage_homes": self._homes(),
            "out_over_time": _columns(
                ("time", "without_grid", "without_power", "on_own"), np.array(self._changes, np.int64)
            ),
        }

    def _all(self) -> tuple[NDArray[np.int64], Bool]:
        """(k, 4) home, began, ended, cause by time and home, and (k,) which had not ended with the run."""
        left = np.flatnonzero(self._out_since_us != NOT_OUT)
        still = [(h, int(self._out_since_us[h]), self._end_us, int(self._cause[h])) for h in left.tolist()]
        rows = np.array([*self._ended, *still], np.int64).reshape(-1, 4)
        order = np.lexsort((rows[:, 0], rows[:, 1]))
        return rows[order], (np.arange(len(rows)) >= len(self._ended))[order]

    def _history(self, rows: NDArray[np.int64]) -> History:
        one_year = np.zeros(len(rows), np.int64)
        return History(
            self._study.homes,
            np.zeros(1, np.int64),
            rows[:, 0],
            one_year,
            rows[:, 1],
            rows[:, 2],
            one_year[:1],
        )

    def _interruptions(self) -> dict[str, Any]:
        rows, unended = self._all()
        long = sustained(self._history(rows))
        columns = _columns(("home", "began", "ended", "cause"), rows)
        return columns | {
            "home": [self._study.home_names[row] for row in rows[:, 0]],
            "duration_s": (rows[:, 2] - rows[:, 1]) / US,
            "lasting": np.where(unended, UNENDED, np.where(long, SUSTAINED, MOMENTARY)),
        }

    def _reliability(self) -> dict[str, Any]:
        found = indices(self._history(self._all()[0]))
        homes, span_us = self._study.homes, self._end_us
        return {
            "homes": [homes], "duration_h": [span_us / US / 3600.0], "saifi": [found.saifi.value],
            "saidi_min": [found.saidi_min.value], "caidi_min": [found.caidi_min.value],
            "maifi": [found.maifi.value], "maifi_e": [found.maifi_e.value],
            "availability": [1.0 - float(self._no_grid_us.sum()) / (homes * span_us)],
        }  # fmt: skip

    def _homes(self) -> dict[str, Any]:
        rows = np.flatnonzero((self._no_grid_us > 0) | (self._no_power_us > 0))
        with_us = np.maximum(self._end_us - self._no_grid_us, 1)
        unserved_j = self._all_j * self._no_power_us / with_us
        return {
            "home": [self._study.home_names[row] for row in rows],
            "without_grid_s": self._no_grid_us[rows] / US,
            "without_power_s": self._no_power_us[rows] / US,
            "on_own_s": self._own_us[rows] / US,
            "transfers": self._transfers[rows],
            "left_off_kwh": self._left_off_j[rows] / J_PER_KWH,
            "own_kwh": self._own_j[rows] / J_PER_KWH,
            "unserved_kwh": unserved_j[rows] / J_PER_KWH,
        }


def _columns(names: tuple[str, ...], rows: NDArray[np.int64]) -> dict[str, Any]:
    return {name: rows[:, place] for place, name in enumerate(names)}
