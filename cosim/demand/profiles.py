"""Demand from profiles: measured series, or load shapes.

A profile whose dates hold the run stands at them. One of a year's length stands at its time of year. One with
other dates stands at them and repeats from there; any other starts at midnight, local standard time, of the
date on which the scenario starts by the wall clock, and repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cosim.demand import fragment_kernels, profile_kernels
from cosim.demand.block import DemandBlock, Memoryless
from cosim.demand.calendar import DAY_US, Calendar
from cosim.demand.kit import HomeKit
from cosim.errors import Problem, ScenarioError
from cosim.randomness import stable_id

Float = NDArray[np.float64]
Int = NDArray[np.int64]

YEAR_S = 364 * 86400.0  # from this length on a profile is a year's
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

    @property
    def length_s(self) -> float:
        """Length [s]."""
        return len(self.p) * self.interval_s

    def holds(self, calendar: Calendar) -> bool:
        """Whether its dates hold the whole run."""
        if self.first is None:
            return False
        begin, end = span(calendar)
        return self.first <= begin and end <= self.first + timedelta(seconds=self.length_s)


@dataclass(frozen=True)
class Pool:
    """Intervals of drawn households, by stretch of the run and time of day, rising by level.

    Parameters
    ----------
    interval_s
        Length [s].
    window_s
        Stretch of the run that each set of bins stands for [s from midnight of the run's first day].
    first_bin
        (bins + 1,) first interval of each.
    level_w
        (n,) mean power of each interval [W].
    watt, var
        (n, 3, minutes) of leg 1, leg 2, line to line.
    """

    interval_s: float
    window_s: float
    first_bin: Int
    level_w: Float
    watt: Float
    var: Float


@dataclass(frozen=True)
class Downscaling:
    """Where minutes inside metered intervals come from, and the address of its draws: seed and (h,) ids."""

    pool: Pool
    seed: int
    ids: NDArray[np.uint64]


def span(calendar: Calendar) -> tuple[datetime, datetime]:
    """Begin and end of a run by local standard time."""
    zero = datetime(1970, 1, 1)
    first = calendar.start_utc_us + calendar.standard_offset_us
    last = first + calendar.steps * calendar.step_us
    return zero + timedelta(microseconds=first), zero + timedelta(microseconds=last)


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
    downscaling
        For homes whose profile has its pool's interval; every interval holds one value if not given.
    measured
        How many of the profiles, from the first, come from a file of the scenario.

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
        downscaling: Downscaling | None = None,
        measured: int = 0,
    ) -> None:
        _check(profiles)
        self.downscaling = downscaling
        self.measured = measured
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
        fine_s = -1.0 if downscaling is None else downscaling.pool.interval_s
        fine = np.array([p.interval_s == fine_s for p in profiles] + [False])
        self._fine = np.flatnonzero(fine[self.which])
        self._stamp = np.array([self._zero_s(p) + p.stamp_s for p in self.profiles])

    def _zero_s(self, profile: Profile) -> float:
        """Where the profile's zero stands, seconds after local-standard midnight of the first day."""
        first = self.calendar.block(0, 1).day[0]
        midnight = datetime.fromtimestamp(int(first) * 86400, UTC).replace(tzinfo=None)
        dates = profile.first is not None and (profile.length_s < YEAR_S or profile.holds(self.calendar))
        if profile.first is not None and dates:
            return (profile.first - midnight).total_seconds() - profile.stamp_s
        if profile.length_s < YEAR_S:
            # Under daylight saving a run from midnight begins an hour before standard midnight of its date.
            wall = self.calendar.start.replace(hour=0, minute=0, second=0, microsecond=0)
            return (wall - midnight).total_seconds()
        year = datetime.fromtimestamp(int(first) * 86400, UTC).year
        return (datetime(year, 1, 1, tzinfo=UTC).timestamp() / 86400 - float(first)) * 86400.0

    @property
    def stamp_s(self) -> Float:
        """(profiles,) seconds of local standard time since 1970 at which each begins, its repeats apart."""
        return self._stamp + float(self.calendar.block(0, 1).day[0]) * 86400.0

    def at(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`."""
        homes = len(self.which)
        standard_us = self.calendar.utc_us(first_step, steps + 1) + self.calendar.standard_offset_us
        midnight_us = int(self.calendar.block(0, 1).day[0]) * DAY_US
        panel_w, panel_var = np.empty((homes, 3, steps)), np.empty((homes, 3, steps))
        run: Callable[..., None] = (
            profile_kernels.profiles_parallel if self.parallel else profile_kernels.profiles_serial
        )
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
        self._downscale((standard_us - midnight_us) / 1e6, panel_w, panel_var)
        if self.kit is None:
            return DemandBlock(panel_w, panel_var, np.zeros((homes, steps)))
        return DemandBlock(panel_w, panel_var, self.kit.pv_w(first_step, steps))

    def _downscale(self, edges_s: Float, panel_w: Float, panel_var: Float) -> None:
        """Write the homes with downscaled profiles over what they hold."""
        if self.downscaling is None or not len(self._fine):
            return
        pool = self.downscaling.pool
        many: Callable[..., None] = (
            fragment_kernels.homes_parallel if self.parallel else fragment_kernels.homes_serial
        )
        many(
            np.uint64(self.downscaling.seed),
            np.uint64(stable_id("demand.fragment")),
            self.downscaling.ids,
            self._fine,
            self.which,
            self._values,
            self._p_at,
            self._length,
            self._scale_w,
            self._interval,
            self._stamp,
            edges_s,
            pool.window_s,
            pool.first_bin,
            pool.level_w,
            pool.watt,
            pool.var,
            self.legs,
            panel_w,
            panel_var,
        )


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
