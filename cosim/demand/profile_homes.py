"""Which measured series is whose, and whether it is long enough for a run."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cosim.demand.calendar import Calendar
from cosim.demand.profile_times import DAY_S
from cosim.demand.profiles import YEAR_S, Profile, span
from cosim.errors import Problem, ScenarioError
from cosim.randomness import uniforms

Int = NDArray[np.int64]

MOST_TOLD = 20


def assign_profiles(
    profiles: Sequence[Profile],
    home_names: Sequence[str],
    ids: NDArray[np.uint64],
    seed: int,
    *,
    by: Literal["either", "name", "draw"] = "either",
    customers: Collection[str] = (),
) -> Int:
    """Profile of each home.

    Parameters
    ----------
    profiles
        All there are.
    home_names, ids
        (h,) of the homes.
    seed
        Of the draws.
    by
        ``"name"``: every home has the one of its name; ``"draw"``: one drawn for it; ``"either"``: the one that
        bears its name, else a drawn one.
    customers
        Names of homes that keep the feeder's own load and so need none.

    Raises
    ------
    ScenarioError
        If series have names of no home, or homes no series, where each should have its own; or if no profile bears a
        home's name although all look like one: they are of another feeder.
    """
    strange = unclaimed(profiles, home_names)
    if by == "name":
        problems = [_unknown(profile.name, home_names) for profile in strange]
        named = {profile.name for profile in profiles} | set(customers)
        without = [name for name in home_names if name not in named]
        problems += [
            Problem("no series bears its name; add one or draw it (demand.measured.assign)", key=name)
            for name in without
        ]
        if problems:
            raise ScenarioError(_shortened(problems))
    meant = [_nearest(profile.name, home_names) for profile in strange]
    if by == "either" and len(strange) == len(profiles) and all(meant):
        message = "no column has the name of a home; write names as the feeder does, or others to share profiles out"
        said = f"{message} (nearest to {strange[0].name!r} is {meant[0]!r})"
        raise ScenarioError(Problem(said, key="demand.source"))
    by_name = {} if by == "draw" else {profile.name: i for i, profile in enumerate(profiles)}
    drawn = np.floor(uniforms(seed, "demand.profile", ids) * len(profiles)).astype(np.int64)
    pairs = zip(home_names, drawn, strict=True)
    return np.array([by_name.get(name, i) for name, i in pairs], dtype=np.int64)


def require_cover(profiles: Sequence[Profile], calendar: Calendar, file: str) -> None:
    """Every series is as long as the run, or a year, or whole days without a date.

    Raises
    ------
    ScenarioError
        With every series that is shorter: from when to when it is, and what the run needs.
    """
    begin, end = span(calendar)
    problems = []
    for profile in profiles:
        if profile.length_s >= YEAR_S or profile.holds(calendar):
            continue
        days = profile.length_s / DAY_S
        if profile.first is not None:
            last = profile.first + timedelta(seconds=profile.length_s)
            have = f"{profile.first} to {last}"
        elif (abs(days - round(days)) < 1e-9 and days > 0.5) or _reach_s(calendar) <= (
            profile.stamp_s + profile.length_s
        ):
            continue
        else:
            have = f"{days * 24.0:g} h"
        message = (
            f"is shorter than the run, {begin} to {end} by local standard time: it should hold the run, or a year "
            "(which stands at its time of year), or be repeated by demand.measured.repeat = true"
        )
        problems.append(Problem(message, file, profile.name, have))
    if problems:
        raise ScenarioError(_shortened(problems))


def _reach_s(calendar: Calendar) -> float:
    """From midnight of the run's first day to its end [s]."""
    begin, end = span(calendar)
    return (end - begin.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()


def _unknown(name: str, home_names: Sequence[str]) -> Problem:
    near = _nearest(name, home_names)
    hint = f"; did you mean {near!r}?" if near else ""
    return Problem(f"the feeder has no home of this name{hint}", key=name)


def _shortened(problems: list[Problem]) -> list[Problem]:
    """The first ones, and how many more there are."""
    more = len(problems) - MOST_TOLD
    return problems if more <= 0 else [*problems[:MOST_TOLD], Problem(f"and {more} more like these")]


def unclaimed(profiles: Sequence[Profile], home_names: Sequence[str]) -> list[Profile]:
    """Profiles that bear no home's name: they are shared out among the homes without one of their own."""
    homes = set(home_names)
    return [profile for profile in profiles if profile.name not in homes]


def _nearest(name: str, home_names: Sequence[str]) -> str:
    """The home that a column's name seems to mean; empty if it does not look like one."""
    found = difflib.get_close_matches(name, home_names, n=1, cutoff=0.7)
    return found[0] if found else ""
