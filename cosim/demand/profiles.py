"""Demand from profiles: measured series from CSV files, or a feeder's own load shapes.

A profile with dates stands at them and repeats from there; one of a year's length stands at its time of
year. Any other starts at midnight, local standard time, of the date on which the scenario starts by the
wall clock, and repeats.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cosim.demand import kernels
from cosim.demand.block import DemandBlock, Memoryless
from cosim.demand.calendar import DAY_US, Calendar
from cosim.demand.kit import HomeKit
from cosim.errors import Problem, ScenarioError
from cosim.randomness import uniforms

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]
Int = NDArray[np.int64]

YEAR_S = 364 * 86400.0  # from this length on a profile is a year's
MOST_KW = 1000.0  # of one home in a CSV file
SPLIT_LEGS = (0.5, 0.5, 0.0)


@dataclass(frozen=True)
class Profile:
    """A series with a constant interval, repeating.

    Parameters
    ----------
    name
        What homes call it by.
    p
        (n,) power: share of a home's nominal, or kW where `actual`.
    interval_s
        Between values [s].
    q
        (n,) reactive power likewise; None: in proportion to `p` at the home's nominal power factor.
    actual
        Whether values are kW and kvar.
    stamp_s
        Time of the first value after the profile's zero [s].
    first
        Local standard date-time of the first value, of a profile with dates.
    """

    name: str
    p: Float
    interval_s: float
    q: Float | None = None
    actual: bool = False
    stamp_s: float = 0.0
    first: datetime | None = None


class ProfileDemand(Memoryless):
    """Panel demand from profiles; a pure function of the absolute step.

    Parameters
    ----------
    calendar
        The scenario's clock.
    profiles
        All profiles.
    which
        (h,) profile of each home; -1: constant at nominal.
    nominal_w, nominal_var
        (h,) nominal power of each home.
    legs
        (h, 3) shares on leg 1, leg 2 and line to line; half and half on the legs if not given.
    linear
        Join values by straight lines; else each holds until the next.
    kit
        Charger and PV array of the homes; none if not given.
    scale
        Factor on all panel demand.
    parallel
        Whether homes are spread over threads.

    Raises
    ------
    ScenarioError
        If a profile is empty, holds a value that is not finite, or has no positive interval.
    """

    def __init__(
        self,
        calendar: Calendar,
        profiles: Sequence[Profile],
        which: Int,
        nominal_w: Float,
        nominal_var: Float,
        *,
        legs: Float | None = None,
        linear: bool = False,
        kit: HomeKit | None = None,
        scale: float = 1.0,
        parallel: bool = True,
    ) -> None:
        _check(profiles)
        self.calendar = calendar
        self.linear = linear
        self.kit = kit
        self.parallel = parallel
        # One more profile, constant, for homes without.
        self.profiles = (*profiles, Profile("", np.ones(1), 86400.0))
        self.which = np.where(which < 0, len(profiles), which).astype(np.int64)
        self.legs = np.tile(SPLIT_LEGS, (len(which), 1)) if legs is None else np.ascontiguousarray(legs)
        ratio = np.divide(nominal_var, nominal_w, out=np.zeros(len(which)), where=nominal_w != 0.0)
        actual = np.array([p.actual for p in self.profiles])[self.which]
        own_q = np.array([p.q is not None for p in self.profiles])[self.which]
        self._scale_w = scale * np.where(actual, 1000.0, nominal_w)
        self._scale_var = scale * np.where(actual, np.where(own_q, 1000.0, 1000.0 * ratio), nominal_var)
        self._length = np.array([len(p.p) for p in self.profiles], dtype=np.int64)
        p_at = np.cumsum(self._length) - self._length
        q_length = np.array([0 if p.q is None else len(p.q) for p in self.profiles], dtype=np.int64)
        q_at = self._length.sum() + np.cumsum(q_length) - q_length
        self._p_at, self._q_at = p_at, np.where(q_length > 0, q_at, p_at)
        series = [p.p for p in self.profiles] + [p.q for p in self.profiles if p.q is not None]
        self._values = np.ascontiguousarray(np.concatenate(series), dtype=np.float64)
        self._interval = np.array([p.interval_s for p in self.profiles])
        self._stamp = np.array([self._zero_s(p) + p.stamp_s for p in self.profiles])

    def _zero_s(self, profile: Profile) -> float:
        """Where the profile's zero stands, seconds after local-standard midnight of the first day."""
        first = self.calendar.block(0, 1).day[0]
        midnight = datetime.fromtimestamp(int(first) * 86400, UTC).replace(tzinfo=None)
        if len(profile.p) * profile.interval_s < YEAR_S:
            if profile.first is not None:
                return (profile.first - midnight).total_seconds() - profile.stamp_s
            # Under daylight saving a run from midnight begins an hour before standard midnight of its date.
            wall = self.calendar.start.replace(hour=0, minute=0, second=0, microsecond=0)
            return (wall - midnight).total_seconds()
        year = datetime.fromtimestamp(int(first) * 86400, UTC).year
        return (datetime(year, 1, 1, tzinfo=UTC).timestamp() / 86400 - float(first)) * 86400.0

    def at(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`."""
        homes = len(self.which)
        standard_us = self.calendar.utc_us(first_step, steps + 1) + self.calendar.standard_offset_us
        midnight_us = int(self.calendar.block(0, 1).day[0]) * DAY_US
        panel_w, panel_var = np.empty((homes, 3, steps)), np.empty((homes, 3, steps))
        run: Callable[..., None] = kernels.profiles_parallel if self.parallel else kernels.profiles_serial
        run(
            self._values,
            self._p_at,
            self._q_at,
            self._length,
            self._interval,
            self._stamp,
            self.which,
            (standard_us - midnight_us) / 1e6,
            self.linear,
            self._scale_w,
            self._scale_var,
            self.legs,
            panel_w,
            panel_var,
        )
        if self.kit is None:
            return DemandBlock(panel_w, panel_var, np.zeros((homes, steps)))
        ev_w, pv_w = self.kit.block(first_step, steps)
        return DemandBlock(panel_w, panel_var, pv_w, ev_w=ev_w)


def assign_profiles(
    profiles: Sequence[Profile], home_names: Sequence[str], ids: NDArray[np.uint64], seed: int
) -> Int:
    """Profile of each home: the one that bears its name, else one drawn for it.

    Raises
    ------
    ScenarioError
        If no profile bears a home's name although all look like one: they are of another feeder.
    """
    strange = unclaimed(profiles, home_names)
    meant = [_nearest(profile.name, home_names) for profile in strange]
    if len(strange) == len(profiles) and all(meant):
        message = "no column has the name of a home; write names as the feeder does, or others to share profiles out"
        said = f"{message} (nearest to {strange[0].name!r} is {meant[0]!r})"
        raise ScenarioError(Problem(said, key="demand.source"))
    by_name = {profile.name: i for i, profile in enumerate(profiles)}
    drawn = np.floor(uniforms(seed, "demand.profile", ids) * len(profiles)).astype(np.int64)
    pairs = zip(home_names, drawn, strict=True)
    return np.array([by_name.get(name, i) for name, i in pairs], dtype=np.int64)


def unclaimed(profiles: Sequence[Profile], home_names: Sequence[str]) -> list[Profile]:
    """Profiles that bear no home's name: they are shared out among the homes without one of their own."""
    homes = set(home_names)
    return [profile for profile in profiles if profile.name not in homes]


def _nearest(name: str, home_names: Sequence[str]) -> str:
    """The home that a column's name seems to mean; empty if it does not look like one."""
    found = difflib.get_close_matches(name, home_names, n=1, cutoff=0.7)
    return found[0] if found else ""


def read_profiles(path: Path, unit: Literal["kW", "pu"] = "kW") -> list[Profile]:
    """Profiles of a CSV file: the first column is time (minutes, or date-times of local standard time), each
    other one a profile under its name.

    Parameters
    ----------
    path
        File with a header.
    unit
        ``"kW"`` or ``"pu"`` (share of the home's nominal power).

    Raises
    ------
    ScenarioError
        With every problem by column and line: unreadable cells, gaps, times that do not step evenly.
    """
    import pandas as pd

    if not path.is_file():
        raise ScenarioError(Problem("no such profile file", file=str(path), key="demand.source"))
    try:
        table = pd.read_csv(path, skip_blank_lines=False, skipinitialspace=True)
        with path.open(newline="", encoding="utf-8-sig") as stream:  # pandas renames doubled columns
            names = [name.strip() for name in next(csv.reader(stream, skipinitialspace=True))]
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise ScenarioError(Problem(f"cannot be read as CSV: {error}", file=str(path))) from error
    if table.shape[0] < 2 or table.shape[1] < 2:
        raise ScenarioError(
            Problem("should hold a time column, at least one profile and two rows", file=str(path))
        )
    problems: list[Problem] = []
    minutes = _minutes(table, names[0], str(path), problems)
    columns = {}
    for i, name in enumerate(names[1:], start=1):
        if not name:
            problems.append(Problem("column has no name", file=str(path), key=f"column {i + 1}", line=1))
        elif name in columns:
            problems.append(Problem("stands in two columns; names should differ", str(path), name, line=1))
        columns[name] = _numbers(table, i, name, str(path), problems)
        if unit == "kW":
            problems += _absurd(columns[name], name, str(path))
    if problems:
        raise ScenarioError(problems)
    interval_s = float(minutes[1] - minutes[0]) * 60.0
    year_long = interval_s * len(minutes) >= YEAR_S
    stamp_s = float(minutes[0]) * 60.0 if year_long else float(minutes[0]) * 60.0 % 86400.0
    actual = unit == "kW"
    first = _first_date(table)
    return [
        Profile(n, v, interval_s, actual=actual, stamp_s=stamp_s, first=first) for n, v in columns.items()
    ]


def _absurd(values: Float, name: str, file: str) -> list[Problem]:
    """Values that no customer draws: they are watts, or sums of many homes."""
    over = np.flatnonzero(np.abs(values) > MOST_KW)
    if not len(over):
        return []
    message = (
        f"should be kW of one home, at most {MOST_KW:g}; {len(over)} rows are above it (are they watts?)"
    )
    return [Problem(message, file, name, f"{values[over[0]]:g}", line=int(over[0]) + 2)]


def _first_date(table: pd.DataFrame) -> datetime | None:
    """First time stamp, if the first column holds date-times; an offset from UTC is left out."""
    import pandas as pd

    column = table.iloc[:, 0]
    if pd.api.types.is_numeric_dtype(column):
        return None
    stamp: datetime = pd.Timestamp(column.iloc[0]).to_pydatetime().replace(tzinfo=None)
    return stamp


def _numbers(table: pd.DataFrame, i: int, name: str, file: str, problems: list[Problem]) -> Float:
    import pandas as pd

    column = table.iloc[:, i]
    values: Float = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        more = f", and {len(bad) - 1} more rows" if len(bad) > 1 else ""
        cell: Any = column.iloc[bad[0]]
        problems.append(
            Problem(f"should be a number{more}", file=file, key=name, value=_cell(cell), line=int(bad[0]) + 2)
        )
    return values


def _minutes(table: pd.DataFrame, name: str, file: str, problems: list[Problem]) -> Float:
    """Minutes after the first of January (date-times) or as given; steps must be even."""
    import pandas as pd

    column = table.iloc[:, 0]
    if pd.api.types.is_numeric_dtype(column):
        minutes = _numbers(table, 0, name, file, problems)
    else:
        times = pd.to_datetime(column, errors="coerce", format="ISO8601")
        bad = np.flatnonzero(times.isna())
        if len(bad):
            problems.append(
                Problem(
                    "should be minutes, or a date-time such as 2026-07-14T18:00",
                    file=file,
                    key=name,
                    value=_cell(column.iloc[bad[0]]),
                    line=int(bad[0]) + 2,
                )
            )
            return np.zeros(len(column))
        january = pd.Timestamp(times.iloc[0].year, 1, 1, tz=times.dt.tz)
        minutes = np.asarray((times - january) / pd.Timedelta(minutes=1), dtype=np.float64)
    step = np.diff(minutes)
    uneven = np.flatnonzero(~(np.abs(step - step[0]) <= 1e-6 * abs(step[0])) | ~(step > 0))
    if len(uneven) and np.isfinite(minutes).all():
        row = int(uneven[0]) + 1
        if not step[row - 1] > 0:
            message = "times should rise from row to row; this one does not come after the one above it"
        else:
            message = (
                f"times should rise by {step[0]:g} min as from the first row to the second; this one by "
                f"{step[row - 1]:g} min"
            )
        value = str(column.iloc[row])
        problems.append(Problem(message, file=file, key=name, value=value, line=row + 2))
    return minutes


def _cell(value: Any) -> str:
    """A cell as it stands in the file."""
    return "an empty cell" if isinstance(value, float) and np.isnan(value) else repr(value)


def _check(profiles: Sequence[Profile]) -> None:
    problems = []
    for profile in profiles:
        series = [profile.p] if profile.q is None else [profile.p, profile.q]
        if not profile.interval_s > 0:
            problems.append(Problem("needs a positive interval between values", key=f"shape.{profile.name}"))
        if any(len(values) == 0 or len(values) != len(profile.p) for values in series):
            problems.append(
                Problem("needs as many values of p as of q, at least one", key=f"shape.{profile.name}")
            )
        elif not all(np.isfinite(values).all() for values in series):
            problems.append(Problem("holds a value that is not finite", key=f"shape.{profile.name}"))
    if problems:
        raise ScenarioError(problems)
