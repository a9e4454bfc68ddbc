"""Time stamps of measured series: from what a file says to seconds of local standard time.

Within a run a day has 24 hours, so series stand in local standard time. Stamps with an offset from UTC say
which instant they mean; those without are read in a named zone, or are local standard time already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]
Int = NDArray[np.int64]

HOUR_S, DAY_S = 3600.0, 86400.0
EVEN_S = 1e-3  # how exactly stamps step [s]


@dataclass(frozen=True)
class Reading:
    """How a file of measured series is to be read.

    Parameters
    ----------
    layout
        ``"wide"``: time, then a column a home; ``"long"``: a row a home and time.
    columns
        Names of the columns of home, time and value in a long file.
    unit
        ``"kW"`` means over the interval, ``"kWh"`` energy of the interval, ``"pu"`` share of nominal.
    stamp
        Whether a time stamp names its interval's ``"begin"`` or its ``"end"``.
    zone
        IANA zone of stamps without an offset; empty: local standard time all year.
    standard_offset_s
        Local standard time minus UTC [s], for stamps with an offset or zone.
    negative
        Whether values below zero may stand, as behind a meter that counts solar power backwards.
    """

    layout: Literal["wide", "long"] = "wide"
    columns: tuple[str, str, str] = ("home", "time", "value")
    unit: Literal["kW", "kWh", "pu"] = "kW"
    stamp: Literal["begin", "end"] = "begin"
    zone: str = ""
    standard_offset_s: float = 0.0
    negative: bool = False


@dataclass(frozen=True)
class Place:
    """Where a column stands, for messages: `lines` (n,) of its rows in `file`."""

    file: str
    key: str
    lines: Int

    def problem(self, message: str, row: int, value: object = "") -> Problem:
        """What is wrong in a row."""
        return Problem(message, self.file, self.key, str(value), int(self.lines[row]))


def cell(value: Any) -> str:
    """A cell as it stands in the file."""
    missing = value is None or value != value
    return "an empty cell" if missing else repr(value)


def numbers(column: pd.Series, place: Place, problems: list[Problem]) -> Float:
    """(n,) values of a column, NaN where a cell holds no number."""
    import pandas as pd

    values: Float = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        more = f", and {len(bad) - 1} more rows" if len(bad) > 1 else ""
        problems.append(place.problem(f"should be a number{more}", bad[0], cell(column.iloc[bad[0]])))
    return values


def dated(column: pd.Series) -> bool:
    """Whether a column holds date-times, not minutes."""
    import pandas as pd

    return not pd.api.types.is_numeric_dtype(column)


def seconds_of(column: pd.Series, reading: Reading, place: Place, problems: list[Problem]) -> Float | None:
    """(n,) seconds: of local standard time since 1970, or as many as minutes say; None if unreadable."""
    import pandas as pd

    if not dated(column):
        seconds = 60.0 * numbers(column, place, problems)
        return seconds if np.isfinite(seconds).all() else None
    with_offset = _with_offset(column)
    utc = bool(with_offset.any())
    if utc and not with_offset.all():
        row = int(np.flatnonzero(~with_offset)[0])
        message = "should have an offset from UTC as other rows have"
        problems.append(place.problem(message, row, cell(column.iloc[row])))
        return None
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=utc)
    bad = np.flatnonzero(times.isna())
    if len(bad):
        more = f", and {len(bad) - 1} more rows" if len(bad) > 1 else ""
        message = f"should be minutes, or a date-time such as 2026-07-14T18:00{more}"
        problems.append(place.problem(message, bad[0], cell(column.iloc[bad[0]])))
        return None
    if not utc and reading.zone:
        found = _localized(times, reading.zone, place, problems)
        if found is None:
            return None
        times, utc = found, True
    offset_s = reading.standard_offset_s if utc else 0.0
    naive = times.dt.tz_convert("UTC").dt.tz_localize(None) if utc else times
    return naive.to_numpy("datetime64[us]").astype(np.int64) / 1e6 + offset_s


def _with_offset(column: pd.Series) -> NDArray[np.bool_]:
    """(n,) whether stamps say how far they are from UTC."""
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return np.ones(len(column), bool)
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.zeros(len(column), bool)
    text = column.astype(str).str.strip()
    return text.str.contains(r"(?:Z|z|[+-]\d\d:?\d\d|\d[+-]\d\d)$", regex=True).to_numpy(
        bool
    ) & text.str.contains(r"\d[T ]\d", regex=True).to_numpy(bool)


def _localized(times: pd.Series, zone: str, place: Place, problems: list[Problem]) -> pd.Series | None:
    """Wall-clock stamps as instants: of an hour that occurs twice, rows after the clock goes back are the second."""
    flat = times.to_numpy("datetime64[us]").astype(np.int64)
    back = np.diff(flat, prepend=flat[0] - 1) <= 0
    unclear = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna().to_numpy()
    later = np.zeros(len(flat), bool)
    for row in np.flatnonzero(unclear):
        later[row] = bool(back[row]) or (row > 0 and unclear[row - 1] and later[row - 1])
    found: pd.Series = times.dt.tz_localize(zone, ambiguous=~later, nonexistent="NaT")
    missing = np.flatnonzero(found.isna())
    if len(missing):
        message = (
            f"is skipped by daylight saving in {zone}; stamps that ignore it want demand.measured.timezone "
            '"standard"'
        )
        problems.append(place.problem(message, missing[0], times.iloc[missing[0]]))
        return None
    return found


def interval_of(seconds: Float, column: pd.Series, place: Place, problems: list[Problem]) -> float:
    """Constant interval between stamps [s]; every kind of break is told once, with how often it occurs."""
    step = np.diff(seconds)
    up = step[step > 0.0]
    interval = float(np.quantile(up, 0.5, method="lower")) if len(up) else 0.0
    kinds = (
        (step == 0.0, "the time stands twice in a row; each should stand once"),
        (step < 0.0, "times should rise from row to row; this one does not come after the one above it"),
        (step > interval + EVEN_S, "times should rise by {usual}; this one by {by}: {gap}"),
        (
            (step > 0.0) & (step < interval - EVEN_S),
            "times should rise by {usual}; this one by {by}",
        ),
    )
    for rows, text in kinds:
        found = np.flatnonzero(rows)
        if not len(found):
            continue
        by = float(step[found[0]])
        missing = by / interval - 1.0 if interval else 0.0
        gap = f"{missing:.0f} values are missing" if abs(missing - round(missing)) < 1e-6 else "a gap"
        message = text.format(usual=_minutes(interval), by=_minutes(by), gap=gap)
        if dated(column) and abs(abs(by - interval) - HOUR_S) < EVEN_S:
            message += (
                "; an hour is what daylight saving moves a clock: name their zone by demand.measured.timezone"
            )
        more = f" ({len(found) - 1} more rows like it)" if len(found) > 1 else ""
        row = int(found[0]) + 1
        problems.append(place.problem(message + more, row, column.iloc[row]))
    return interval


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:g} min"
