"""Hours of the week and year with a price rank: what tariffs, charging windows and dispatch windows are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand.calendar import DAY_US, MINUTE_US, Calendar

if TYPE_CHECKING:
    from cosim.tariff_entry import TariffEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]
SLOTS_A_DAY = 96
SLOT_US = DAY_US // SLOTS_A_DAY


@dataclass(frozen=True, eq=False)
class Periods:
    """Rank of every quarter of an hour, 0 the cheapest, by month, kind of day and time by the wall clock.

    Parameters
    ----------
    rank
        (12, 2, 96) by month from January, weekday or weekend, and quarter of an hour from midnight.
    """

    rank: Int

    def __post_init__(self) -> None:
        if self.rank.shape != (12, 2, SLOTS_A_DAY) or self.rank.min() < 0:
            raise ValueError("rank must hold (12, 2, 96) whole numbers from 0")

    @classmethod
    def always(cls) -> Periods:
        """Every hour alike."""
        return cls(np.zeros((12, 2, SLOTS_A_DAY), dtype=np.int64))

    @classmethod
    def window(cls, start_slot: int, end_slot: int) -> Periods:
        """Rank 0 from one quarter of an hour to another (over midnight, if the end is not after the start), else 1."""
        slots = np.arange(SLOTS_A_DAY)
        inside = (slots - start_slot) % SLOTS_A_DAY < ((end_slot - start_slot - 1) % SLOTS_A_DAY) + 1
        return cls(np.broadcast_to(np.where(inside, 0, 1), (12, 2, SLOTS_A_DAY)).astype(np.int64))

    @classmethod
    def of_tariff(cls, entry: TariffEntry) -> Periods:
        """Ranks of a tariff, counted anew from 0 for each kind of day and month."""
        rank = np.zeros((12, 2, SLOTS_A_DAY), dtype=np.int64)
        for month, day, slot, given in entry.cells():
            rank[month, day, slot] = given
        for month in range(12):
            for day in range(2):
                rank[month, day] = np.unique(rank[month, day], return_inverse=True)[1]
        return cls(rank)

    @property
    def levels(self) -> int:
        """Number of ranks."""
        return int(self.rank.max()) + 1

    def at(self, calendar: Calendar, start_us: Int) -> tuple[Int, Int]:
        """(steps,) rank at instants of the scenario [us], and the highest rank of that kind of day and month."""
        wall_us = calendar.start_utc_us + calendar.standard_offset_us + start_us
        wall_us = wall_us + calendar.wall_shift_us(start_us + calendar.start_utc_us)
        month, weekend, slot = _place(wall_us)
        return self.rank[month, weekend, slot], self.rank.max(axis=2)[month, weekend]

    def least_hours(self, rank: int = 0) -> float:
        """Hours at this rank or below in the day that has fewest."""
        return float((self.rank <= rank).sum(axis=2).min()) / 4.0


@dataclass(frozen=True, eq=False)
class Timelines:
    """Ranks of several periods over consecutive local-standard days, a quarter of an hour a column.

    Parameters
    ----------
    first_slot
        Quarters of an hour since 1970 at the first column, local-standard time.
    rank
        (periods, slots).
    until
        (periods, levels, slots + 1) minutes at most at a level before each slot.
    """

    first_slot: int
    rank: Int
    until: Float


@dataclass(eq=False)
class Clock:
    """Periods laid on a calendar, kept for the days last asked for."""

    calendar: Calendar
    periods: Sequence[Periods]
    _days: tuple[int, int] = field(default=(0, 0), init=False)
    _kept: Timelines | None = field(default=None, init=False)

    def over(self, first_day: int, days: int) -> Timelines:
        """Timelines of `days` local-standard days from `first_day`."""
        if self._kept is None or self._days != (first_day, days):
            self._kept, self._days = self._lay(first_day, days), (first_day, days)
        return self._kept

    def _lay(self, first_day: int, days: int) -> Timelines:
        slots = np.arange(first_day * SLOTS_A_DAY, (first_day + days) * SLOTS_A_DAY, dtype=np.int64)
        standard_us = slots * SLOT_US
        wall_us = standard_us + self.calendar.wall_shift_us(standard_us - self.calendar.standard_offset_us)
        month, weekend, slot = _place(wall_us)
        rank = np.stack([periods.rank[month, weekend, slot] for periods in self.periods])
        levels = max(periods.levels for periods in self.periods)
        until = np.zeros((len(rank), levels, len(slots) + 1))
        for level in range(levels):
            np.cumsum((rank <= level) * (SLOT_US / MINUTE_US), axis=1, out=until[:, level, 1:])
        return Timelines(int(slots[0]), rank, until)


def _place(wall_us: Int) -> tuple[Int, Int, Int]:
    """Month from 0, whether weekend, and quarter of an hour of instants by the wall clock [us since 1970]."""
    day = wall_us // DAY_US
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    weekend = ((day + 3) % 7 >= 5).astype(np.int64)  # 1970-01-01 was a Thursday
    return month, weekend, (wall_us % DAY_US) // SLOT_US
