"""Metered intervals downscaled to minutes: the method of fragments with nearest neighbours.

A meter tells an interval's energy and nothing of its inside, where a home's current is two to ten times the mean
for minutes. The inside is borrowed: households drawn for the same weather, date and place give a pool of intervals
with their minutes, legs and reactive power. An interval takes the minutes of one of the donors nearest to its own
mean power, of its time of day and season, scaled to its energy. So energy is exact, and the
variance within intervals, its dependence on the level, and the autocorrelation of minutes are those of the household
model.

Fragments: Srikanthan and McMahon (1982), Journal of the Hydraulics Division 108(HY4); nearest neighbours: Lall and
Sharma (1996), Water Resources Research 32(3), 679, doi:10.1029/95WR02966.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from cosim.demand import fragment_kernels
from cosim.demand.block import Demand
from cosim.demand.calendar import DAY_US, Calendar
from cosim.demand.profiles import Pool, Profile
from cosim.errors import Problem, ScenarioError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MINUTE_US = 60_000_000
HOME_DAYS = 480  # of the pool, about
WINDOW_DAYS = 4
MOST_WINDOWS = 8
MOST_DONORS, LEAST_DONORS = 160, 20
SETTLING_MIN = 720  # of a window at its beginning, until drawn homes have forgotten how they began
LONGEST_S = 21600.0  # of an interval: a bin of the day

Donors = Callable[[Calendar, int], Demand]
"""Households of a number drawn for a clock, as `pool_of` wants them."""


def downscalable(profile: Profile) -> bool:
    """Whether a profile has intervals of whole minutes, more than one and no longer than a bin of the day."""
    minutes = profile.interval_s / 60.0
    whole = abs(minutes - round(minutes)) < 1e-9
    return whole and profile.interval_s > 60.0 and profile.interval_s <= LONGEST_S


def interval_of(profiles: Sequence[Profile]) -> float:
    """The one interval of the profiles that are downscaled [s]; 0 if there is none to downscale.

    Raises
    ------
    ScenarioError
        With every profile of another interval, or one that is no whole number of minutes up to 6 h.
    """
    longer = [profile for profile in profiles if profile.interval_s > 60.0]
    interval_s = longer[0].interval_s if longer else 0.0
    problems = []
    for profile in longer:
        shown = f"{profile.interval_s / 60.0:g} min"
        if not downscalable(profile):
            told = "cannot be downscaled: its interval should be a whole number of minutes, at most 6 h"
            problems.append(Problem(told, key=profile.name, value=shown))
        elif profile.interval_s != interval_s:
            told = f"should have the interval of the others, {interval_s / 60.0:g} min, to be downscaled"
            problems.append(Problem(told, key=profile.name, value=shown))
    if problems:
        raise ScenarioError(problems)
    return interval_s


def pool_of(donors: Donors, calendar: Calendar, interval_s: float) -> Pool:
    """Draw households over the run, or over stretches of it, and cut their minutes into intervals.

    Parameters
    ----------
    donors
        Gives so many households for a clock.
    calendar
        Of the run.
    interval_s
        Of the meters [s].
    """
    first_day = int(calendar.block(0, 1).day[0])
    days = -(-calendar.steps * calendar.step_us // DAY_US) + 1
    windows = int(np.clip(days // WINDOW_DAYS, 1, MOST_WINDOWS))
    length = min(WINDOW_DAYS, days)
    count = int(np.clip(-(-HOME_DAYS // (windows * length)), LEAST_DONORS, MOST_DONORS))
    minutes = round(interval_s / 60.0)
    parts = []
    for window in range(windows):
        begin_day = first_day + ((2 * window + 1) * days - windows * length) // (2 * windows)
        parts.append(_window(donors, calendar, max(begin_day, first_day), length, count, minutes))
    bins = [part[0] + window * fragment_kernels.BINS for window, part in enumerate(parts)]
    of = np.concatenate(bins)
    level, watt, var = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
    order = np.lexsort((np.arange(len(of)), level, of))
    first_bin = np.searchsorted(of[order], np.arange(windows * fragment_kernels.BINS + 1))
    return Pool(
        interval_s,
        days * 86400.0 / windows,
        first_bin.astype(np.int64),
        level[order],
        np.ascontiguousarray(watt[order]),
        np.ascontiguousarray(var[order]),
    )


def _window(
    donors: Donors, calendar: Calendar, first_day: int, days: int, count: int, minutes: int
) -> tuple[NDArray[np.int64], Float, Float, Float]:
    """Bin, level and minutes of every interval of one stretch."""
    # From the noon before: no zone skips it.
    noon = datetime.combine(datetime(1970, 1, 1) + timedelta(days=first_day - 1), time(12))
    clock = Calendar(noon, calendar.timezone, MINUTE_US, SETTLING_MIN + days * 1440)
    demand = donors(clock, count)
    block = demand.block(demand.initial(), 0, np.full(clock.steps, 60.0), np.ones(count, bool))
    standard_min = (clock.utc_us(0, clock.steps) + clock.standard_offset_us) // MINUTE_US
    begin = SETTLING_MIN + int(-standard_min[SETTLING_MIN] % minutes)
    whole = (clock.steps - begin) // minutes
    cut = slice(begin, begin + whole * minutes)

    def intervals(power: Float) -> Float:
        """(homes, intervals, 3, minutes)."""
        return power[:, :, cut].reshape(count, 3, whole, minutes).transpose(0, 2, 1, 3)

    watt, var = intervals(block.panel_w), intervals(block.panel_var)
    mean = watt.sum(axis=2).mean(axis=2)
    of_day = (standard_min[cut][::minutes] % 1440) * fragment_kernels.BINS // 1440
    shape = (count * whole, 3, minutes)
    return (
        np.tile(of_day, count),
        mean.ravel(),
        watt.reshape(shape),
        var.reshape(shape),
    )
