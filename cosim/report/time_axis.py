"""Ticks of a time axis at round local times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
_STEPS_S = (
    1.0, 2.0, 5.0, 10.0, 30.0, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
)  # fmt: skip
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class TimeTick:
    """Where a tick stands [s since the start of the run], its label and, where it changes, the date."""

    at_s: float
    label: str
    date: str


def time_ticks(start: np.datetime64, first_s: float, last_s: float, most: int = 9) -> list[TimeTick]:
    """Ticks between two times of a run that began at `start`, at most `most` if the run is not a moment.

    They stand at midnights and round parts of a day; beyond a few months at the first of a month.
    """
    start = start.astype("datetime64[us]")
    midnight = start.astype("datetime64[D]").astype("datetime64[us]")
    before_s = float((start - midnight) / np.timedelta64(1, "s"))
    for step in _STEPS_S:
        low, high = (np.ceil((first_s + before_s) / step - 1e-9), np.floor((last_s + before_s) / step + 1e-9))
        if high - low < most:
            times = [midnight + np.timedelta64(round(k * step * 1e6), "us") for k in np.arange(low, high + 1)]
            return _labelled(start, times, step)
    return _labelled(start, _months(start, first_s, last_s, most), 31 * DAY)


def _months(start: np.datetime64, first_s: float, last_s: float, most: int) -> list[np.datetime64]:
    first, last = (start + np.timedelta64(round(s * 1e6), "us") for s in (first_s, last_s))
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    months = months[months.astype("datetime64[us]") >= first]
    for step in _STEPS_MONTHS:
        chosen = months[months.astype(np.int64) % step == 0]  # counted from January 1970
        if len(chosen) <= most:
            break
    return [month.astype("datetime64[us]") for month in chosen]


def _labelled(start: np.datetime64, times: list[np.datetime64], step: float) -> list[TimeTick]:
    ticks: list[TimeTick] = []
    shown = ""
    for time in times:
        when = time.astype("datetime64[us]").astype(datetime)
        day = f"{when.day} {when:%b}"
        if step < DAY:
            label, date = f"{when:%H:%M:%S}" if step < MINUTE else f"{when:%H:%M}", day
        else:
            label, date = f"{when:%b}" if step > 14 * DAY else day, f"{when.year}"
        at_s = float((time - start) / np.timedelta64(1, "us")) / 1e6
        ticks.append(TimeTick(at_s, label, "" if date == shown else date))
        shown = date
    return ticks
