"""Measured series from CSV and Parquet files, a column a home or a row a home and time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand.profile_times import DAY_S, Place, Reading, dated, interval_of, numbers, seconds_of
from cosim.demand.profiles import YEAR_S, Profile
from cosim.errors import MissingExtraError, Problem, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]

MOST_KW = 1000.0  # of one home


def read_profiles(path: Path, reading: Reading = Reading()) -> list[Profile]:
    """Series of a file, one profile a home, all their problems told at once.

    Parameters
    ----------
    path
        CSV with a header, or Parquet by its suffix (``.parquet``, ``.pq``). Wide: the first column, or the index
        of a Parquet table, is time (minutes, or date-times), each other one a profile under its name.
    reading
        Layout, unit and clock.

    Raises
    ------
    ScenarioError
        With file, column and row (Parquet: counted from 1) of unreadable cells, gaps, times that stand twice, go back
        or step unevenly, and values that no home has.
    MissingExtraError
        For Parquet without pyarrow.
    """
    if not path.is_file():
        raise ScenarioError(Problem("no such profile file", file=str(path), key="demand.source"))
    table = _Table.of(path)
    problems: list[Problem] = []
    series = _long(table, reading, problems) if reading.layout == "long" else _wide(table, reading, problems)
    profiles = list(series)
    if problems:
        raise ScenarioError(problems)
    return profiles


def read_total(path: Path, reading: Reading = Reading()) -> Profile:
    """The one series of a file of two columns, time and power in kW, such as that of a feeder's head.

    Raises
    ------
    ScenarioError
        As `read_profiles`; and if the file has other columns.
    """
    if not path.is_file():
        raise ScenarioError(Problem("no such file", file=str(path), key="demand.head"))
    table = _Table.of(path)
    problems: list[Problem] = []
    found = list(_wide(table, reading, problems, most_kw=np.inf))
    if not problems and len(found) != 1:
        told = "should hold two columns, time and the power into the feeder [kW]"
        problems.append(Problem(told, str(path), value=f"{len(found) + 1} columns"))
    if problems:
        raise ScenarioError(problems)
    return found[0]


@dataclass(frozen=True)
class _Table:
    """A file's table, the names of its columns as written, and the line of its first row."""

    file: str
    frame: pd.DataFrame
    names: list[str]
    first_line: int

    @classmethod
    def of(cls, path: Path) -> _Table:
        return cls._parquet(path) if path.suffix.lower() in (".parquet", ".pq") else cls._csv(path)

    @classmethod
    def _csv(cls, path: Path) -> _Table:
        import pandas as pd

        try:
            frame = pd.read_csv(path, skip_blank_lines=False, skipinitialspace=True)
            with path.open(newline="", encoding="utf-8-sig") as stream:  # pandas renames doubled columns
                names = [name.strip() for name in next(csv.reader(stream, skipinitialspace=True))]
        except (ValueError, UnicodeDecodeError, OSError) as error:
            raise ScenarioError(Problem(f"cannot be read as CSV: {error}", file=str(path))) from error
        return cls(str(path), frame, names, 2)._checked()

    @classmethod
    def _parquet(cls, path: Path) -> _Table:
        import pandas as pd

        if find_spec("pyarrow") is None:
            told = "reading Parquet needs the extra `parquet`: pip install 'msa-cosim[parquet]'"
            raise MissingExtraError(Problem(told, str(path)))
        try:
            frame = pd.read_parquet(path)
        except (ValueError, OSError) as error:  # pyarrow's own errors are among these
            raise ScenarioError(Problem(f"cannot be read as Parquet: {error}", file=str(path))) from error
        if not isinstance(frame.index, pd.RangeIndex):
            frame = frame.reset_index()
        return cls(str(path), frame, [str(name) for name in frame.columns], 1)._checked()

    def _checked(self) -> _Table:
        if self.frame.shape[0] < 2 or self.frame.shape[1] < 2:
            message = "should hold a time column, at least one profile and two rows"
            raise ScenarioError(Problem(message, file=self.file))
        return self

    def place(self, key: str, rows: NDArray[np.int64] | None = None) -> Place:
        """Where a column stands, all rows of it or some."""
        return Place(self.file, key, (np.arange(len(self.frame)) if rows is None else rows) + self.first_line)


def _wide(
    table: _Table, reading: Reading, problems: list[Problem], most_kw: float = MOST_KW
) -> Iterator[Profile]:
    """Time, then a column a home."""
    head, place = max(table.first_line - 1, 0), table.place(table.names[0])
    column = table.frame.iloc[:, 0]
    seconds = seconds_of(column, reading, place, problems)
    interval_s = 0.0 if seconds is None else interval_of(seconds, column, place, problems)
    seen: set[str] = set()
    for i, name in enumerate(table.names[1:], start=1):
        if not name:
            problems.append(Problem("column has no name", table.file, f"column {i + 1}", line=head))
        elif name in seen:
            problems.append(
                Problem("stands in two columns; names should differ", table.file, name, line=head)
            )
        seen.add(name)
        values = _values(table.frame.iloc[:, i], interval_s, reading, table.place(name), problems, most_kw)
        if seconds is not None:
            yield _profile(name, values, seconds, interval_s, column, reading)


def _long(table: _Table, reading: Reading, problems: list[Problem]) -> Iterator[Profile]:
    """A row a home and time; each home's rows in order, homes in any."""
    lower = [name.lower() for name in table.names]
    at = [lower.index(name.lower()) if name.lower() in lower else -1 for name in reading.columns]
    for name, place in zip(reading.columns, at, strict=True):
        if place < 0:
            told = f"no such column, the file has {', '.join(table.names)}; name the columns by demand.measured.columns"
            problems.append(Problem(told, table.file, name))
    if min(at) < 0:
        return
    homes = table.frame.iloc[:, at[0]]
    for home, found in homes.astype(str).groupby(homes.astype(str), sort=False).indices.items():
        name, rows = str(home), np.asarray(found, dtype=np.int64)
        where = table.place(name, rows)
        column = table.frame.iloc[rows, at[1]]
        if len(rows) < 2:
            problems.append(where.problem("should have two rows at least", 0))
            continue
        seconds = seconds_of(column, reading, where, problems)
        interval_s = 0.0 if seconds is None else interval_of(seconds, column, where, problems)
        values = _values(table.frame.iloc[rows, at[2]], interval_s, reading, where, problems, MOST_KW)
        if seconds is not None:
            yield _profile(name, values, seconds, interval_s, column, reading)


def _values(
    column: pd.Series,
    interval_s: float,
    reading: Reading,
    place: Place,
    problems: list[Problem],
    most_kw: float,
) -> Float:
    """Power by interval [kW, or share], whatever cannot be told."""
    values = numbers(column, place, problems)
    below = np.flatnonzero(values < 0.0)
    if len(below) and not reading.negative:
        message = (
            f"should not be negative; {len(below)} rows are. A meter that counts solar power backwards wants "
            "demand.measured.negative = true"
        )
        problems.append(place.problem(message, below[0], f"{values[below[0]]:g}"))
    if reading.unit == "kWh" and interval_s > 0.0:
        values = values / (interval_s / 3600.0)
    over = np.flatnonzero(np.abs(values) > most_kw)
    if len(over) and reading.unit != "pu":
        message = (
            f"should be {reading.unit} of one home, at most {most_kw:g} kW; {len(over)} rows are above it (are they "
            "watts?)"
        )
        problems.append(place.problem(message, over[0], f"{column.iloc[over[0]]:g}"))
    return values


def _profile(
    name: str, values: Float, seconds: Float, interval_s: float, column: pd.Series, reading: Reading
) -> Profile:
    """A series at the beginnings of its intervals."""
    first_s = float(seconds[0]) - (interval_s if reading.stamp == "end" else 0.0)
    first = None
    if dated(column):
        first = datetime.fromtimestamp(first_s, UTC).replace(tzinfo=None)
        first_s = (first - datetime(first.year, 1, 1)).total_seconds()
    stamp_s = first_s if interval_s * len(values) >= YEAR_S else first_s % DAY_S
    return Profile(name, values, interval_s, actual=reading.unit != "pu", stamp_s=stamp_s, first=first)
