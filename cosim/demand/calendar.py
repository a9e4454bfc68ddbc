"""The scenario's clock as people, weather files and counters read it.

Three readings of one instant: *local standard* time (no daylight saving; addresses the
counter-based draws, so that no day is ever 23 or 25 hours long), *wall* time (what a clock in
the kitchen shows; drives behaviour) and UTC (the sun). Steps are addressed by their absolute
index from the scenario's start; nothing depends on how a run is cut into blocks.
"""

from __future__ import annotations

import difflib
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem, ScenarioError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CalendarBlock:
    """What the clock shows at the start of each step, arrays of shape (steps,).

    Parameters
    ----------
    day
        Local-standard day, counted from 1970-01-01.
    standard_minute
        Minutes of local-standard time since 1970-01-01 00:00.
    wall_minute
        Minute of the day by the wall clock, 0 to 1440.
    weekday
        Day of the week by the wall clock, Monday 0 to Sunday 6.
    """

    day: Int
    standard_minute: Float
    wall_minute: Float
    weekday: Int


@dataclass(frozen=True)
class Calendar:
    """A scenario's start, time zone and step.

    Parameters
    ----------
    start
        Local wall-clock date-time without an offset; of an hour that occurs twice, the first.
    timezone
        IANA name, such as ``"America/New_York"``.
    step_us
        Length of a step [microseconds].
    steps
        Number of steps of the run.

    Raises
    ------
    ScenarioError
        If the zone is unknown, the start is skipped by daylight saving, or a length is not positive.
    """

    start: datetime
    timezone: str
    step_us: int
    steps: int

    def __post_init__(self) -> None:
        problems = []
        if self.start.tzinfo is not None:
            problems.append(
                Problem("should be local time without an offset", key="start", value=str(self.start))
            )
        if self.step_us <= 0:
            problems.append(Problem("should be longer than zero", key="step", value=f"{self.step_us} us"))
        if self.steps <= 0:
            problems.append(
                Problem("should hold at least one step", key="duration", value=f"{self.steps} steps")
            )
        try:
            zone = zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            near = difflib.get_close_matches(self.timezone, zoneinfo.available_timezones(), n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else 'use an IANA name such as "America/New_York"'
            problems.append(Problem(f"unknown time zone; {hint}", key="timezone", value=self.timezone))
        else:
            naive = self.start.replace(tzinfo=None)
            there = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
            if there != naive:
                problems.append(
                    Problem(f"skipped by daylight saving; use {there}", key="start", value=str(self.start))
                )
        if problems:
            raise ScenarioError(problems)

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone."""
        return zoneinfo.ZoneInfo(self.timezone)

    @cached_property
    def start_utc_us(self) -> int:
        """UTC microseconds since 1970 at the start of step 0."""
        return (self.start.replace(tzinfo=self.zone).astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)

    @cached_property
    def standard_offset_us(self) -> int:
        """Local standard time minus UTC, as in force at the start [us]."""
        local = self.start.replace(tzinfo=self.zone)
        offset = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())
        return offset // timedelta(microseconds=1)

    @cached_property
    def _shifts(self) -> tuple[Int, Int]:
        """Instants from which a shift of the wall clock holds [UTC us], and the shifts [us] over standard."""
        first = self.start_utc_us - 4 * DAY_US
        last = self.start_utc_us + self.steps * self.step_us + 4 * DAY_US
        instants, shifts = [first], [self._shift_us(first)]
        for left in range(first, last, DAY_US):
            low, high = left, left + DAY_US
            if self._shift_us(low) == self._shift_us(high):
                continue
            while high - low > 1_000_000:  # transitions fall on whole seconds
                middle = (low + high) // 2
                low, high = (low, middle) if self._shift_us(middle) != self._shift_us(low) else (middle, high)
            instants.append(high // 1_000_000 * 1_000_000)
            shifts.append(self._shift_us(high))
        return np.array(instants, dtype=np.int64), np.array(shifts, dtype=np.int64)

    def _shift_us(self, utc_us: int) -> int:
        moment = (_EPOCH + timedelta(microseconds=utc_us)).astimezone(self.zone)
        offset = (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)
        return offset - self.standard_offset_us

    def utc_us(self, first_step: int, steps: int) -> Int:
        """UTC microseconds since 1970 at the start of each step, shape (steps,)."""
        return self.start_utc_us + np.arange(first_step, first_step + steps, dtype=np.int64) * self.step_us

    def edges_minute(self, first_step: int, steps: int) -> Float:
        """Borders of the steps, minutes of local-standard time since 1970, shape (steps + 1,)."""
        edges: Float = (self.utc_us(first_step, steps + 1) + self.standard_offset_us) / MINUTE_US
        return edges

    def wall_shift_us(self, utc_us: Int) -> Int:
        """Wall clock minus local standard time at given instants [us]: daylight saving."""
        instants, shifts = self._shifts
        found: Int = shifts[np.maximum(np.searchsorted(instants, utc_us, side="right") - 1, 0)]
        return found

    def block(self, first_step: int, steps: int) -> CalendarBlock:
        """Readings at the start of each step of a block."""
        utc = self.utc_us(first_step, steps)
        standard = utc + self.standard_offset_us
        wall = standard + self.wall_shift_us(utc)
        return CalendarBlock(
            day=standard // DAY_US,
            standard_minute=standard / MINUTE_US,
            wall_minute=(wall % DAY_US) / MINUTE_US,
            weekday=(wall // DAY_US + 3) % 7,  # 1970-01-01 was a Thursday
        )

    def day_shift_minutes(self, days: Int) -> Float:
        """Daylight saving in force at noon of local-standard days [min]."""
        noon_utc = days * DAY_US + DAY_US // 2 - self.standard_offset_us
        return self.wall_shift_us(noon_utc) / MINUTE_US
