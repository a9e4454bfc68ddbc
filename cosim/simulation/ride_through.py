"""What inverters of homes do in abnormal voltage: trip at their settings' clearing times, cease, come back.

Timers count while a step's voltage stays beyond a setting; voltage stands still within a step, so a trip falls on the
microsecond. An inverter that ceases may bring its own voltage back with it and would then go on and cease again, many
times a second: it is taken to rest to the end of its step, and its timers to run on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.devices.ieee1547 import (
    STAGE_NAMES,
    GridProfile,
    TripTable,
    drawn_delays_us,
    with_enter_service,
)
from cosim.devices.inverter import EnterServiceRules
from cosim.randomness import stable_ids, uniforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosim.scenario.home_schema import Inverter
    from cosim.scenario.population import Population
    from cosim.simulation.steps import Plan

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

DEFAULT = "ieee1547-2018-iii"
NEVER_US = np.iinfo(np.int64).max // 2
US = 1_000_000


@dataclass
class Riding:
    """What inverters remember of abnormal voltage.

    Parameters
    ----------
    since_us
        (STAGES, homes) when the condition of each trip setting began, `NEVER_US` where it does not hold.
    resting
        (homes,) whether an in-service inverter gives no current.
    rest_us
        (homes,) until when one that ceased rests in any case.
    """

    since_us: Int
    resting: Bool
    rest_us: Int

    @classmethod
    def calm(cls, homes: int) -> Riding:
        """Nothing out of the ordinary."""
        since = np.full((len(STAGE_NAMES), homes), NEVER_US, dtype=np.int64)
        return cls(since, np.zeros(homes, dtype=bool), np.zeros(homes, dtype=np.int64))

    def wake(self, now_us: int) -> None:
        """End all rest: what has changed now is the grid, not what the inverters did to it."""
        self.rest_us = np.minimum(self.rest_us, now_us)


class Change(Enum):
    """What happens to inverters."""

    TRIP = "trip"
    CEASE = "cease"
    RESUME = "resume"


@dataclass(frozen=True)
class Turn:
    """The first thing that happens to inverters in some steps.

    Parameters
    ----------
    time_us, step
        When, and in which step; `CEASE` and `RESUME` fall on the step's start.
    change, homes, told
        What happens to whom, and what the log says of it.
    since_us
        Timers then, those of the step included.
    """

    time_us: int
    step: int
    change: Change
    homes: Int
    told: str
    since_us: Int


@dataclass(frozen=True)
class Look:
    """Inverters over the steps of a block: who is in service, timers after each step (none where none runs), and what
    happens first."""

    serving: Bool
    since_us: list[Int] | None
    turn: Turn | None

    def after(self, count: int) -> Int | None:
        """Timers after the first `count` steps; none where none runs.

        The part of a step before a trip is drawn anew, at its own voltage: inverters that cease only there have theirs.
        """
        if self.since_us is None:
            return None
        if count > len(self.since_us) and self.turn is not None:
            return self.turn.since_us
        return self.since_us[min(count, len(self.since_us)) - 1]


class RideThrough:
    """Settings of the inverters of all homes, whose legs have `nominal_v` (homes,).

    Attributes
    ----------
    enter
        (homes,) windows and ramps of enter service.
    delay_us
        (homes,) its delays, randomised parts included.
    """

    def __init__(self, population: Population, nominal_v: Float, seed: int, step_us: int) -> None:
        known = {asked: profile_of(asked) for asked in dict.fromkeys(population.inverter)}
        self.profiles = [known[asked] for asked in population.inverter]
        self._table = TripTable(self.profiles)
        self._limit, self._clearing_us = self._table.limit.T.copy(), self._table.clearing_us.T.copy()
        self.enter = EnterServiceRules.of([profile.enter for profile in self.profiles])
        draw = uniforms(seed, "enter-service", stable_ids(population.home))
        self.delay_us = drawn_delays_us(self.profiles, draw)
        self._step_us, self._nominal_v = step_us, nominal_v

    def look(
        self, riding: Riding, plan: Plan, legs_v: tuple[Float, Float], known: Bool, serving: Bool
    ) -> Look:
        """What inverters in service do over a plan.

        Parameters
        ----------
        legs_v
            Two (steps, homes): voltages of both legs.
        known
            (steps,) whether a step has a solution.
        serving
            (homes,) who is in service.
        """
        table, resting = self._table, riding.resting & serving
        calm = not resting.any() and (riding.since_us == NEVER_US).all()
        if calm and not (self._beyond(*legs_v) & serving).any():
            return Look(serving, None, None)
        low, high = np.fmin(*legs_v) / self._nominal_v, np.fmax(*legs_v) / self._nominal_v
        low[~known] = high[~known] = np.nan
        if calm and not (((low < table.low_pu) | (high > table.high_pu)) & serving).any():
            return Look(serving, None, None)
        seen: list[Int] = []
        since = riding.since_us
        for step, start_us in enumerate(plan.start_us.tolist()):
            end_us = start_us + round(float(plan.seconds[step]) * US)
            beyond = (low[step] <= table.cease_low) | (high[step] > table.cease_high)
            since = self._timers(since, start_us, low[step], high[step], serving, riding)
            cease = serving & beyond & ~resting
            resume = resting & ~beyond & (riding.rest_us <= start_us)
            if cease.any() or resume.any():
                change, which = (Change.RESUME, resume) if resume.any() else (Change.CEASE, cease)
                homes = np.flatnonzero(which)
                told = _range(low[step, homes], high[step, homes])
                return Look(serving, seen, Turn(start_us, step, change, homes, told, since))
            seen.append(since)
            due = np.where(since < NEVER_US, since + self._clearing_us, NEVER_US)
            first = due.min(axis=0)
            time_us = int(first.min())
            if time_us <= end_us:
                homes = np.flatnonzero(first == time_us)
                told = self._stages(due[:, homes], low[step, homes], high[step, homes], time_us)
                return Look(
                    serving, seen, Turn(max(time_us, start_us), step, Change.TRIP, homes, told, since)
                )
        return Look(serving, seen, None)

    def _beyond(self, first_v: Float, second_v: Float) -> Bool:
        """(homes,) whether any step may lie beyond a setting, and is worth a look: reductions are cheap."""
        table, margin = self._table, 1e-9 * self._nominal_v
        lowest = np.minimum(first_v.min(axis=0), second_v.min(axis=0))
        highest = np.maximum(first_v.max(axis=0), second_v.max(axis=0))
        inside = lowest >= table.low_pu * self._nominal_v + margin
        inside &= highest <= table.high_pu * self._nominal_v - margin
        return np.asarray(~inside)

    def _timers(
        self, since: Int, start_us: int, low: Float, high: Float, serving: Bool, riding: Riding
    ) -> Int:
        """Timers in a step that begins at `start_us`."""
        half = STAGE_NAMES.index("OV1")
        holds = np.zeros(since.shape, dtype=bool)
        holds[:half] = low < self._limit[:half]
        holds[half : half + 3] = high > self._limit[half : half + 3]
        unsure = (riding.resting & (riding.rest_us > start_us)) | np.isnan(low)
        holds |= unsure & (since < NEVER_US)
        holds &= serving
        return np.where(holds, np.minimum(since, start_us), NEVER_US)

    def rest(self, riding: Riding, turn: Turn) -> None:
        """Have inverters cease or resume; timers of those that resume run on if their voltage goes off again."""
        if turn.change is Change.CEASE:
            riding.since_us = riding.since_us.copy()
            riding.since_us[:, turn.homes] = turn.since_us[:, turn.homes]
        riding.resting[turn.homes] = turn.change is Change.CEASE
        riding.rest_us[turn.homes] = (turn.time_us // self._step_us + 1) * self._step_us

    def trip(self, riding: Riding, homes: Int) -> None:
        """Forget what is past of inverters that trip, or stop otherwise."""
        riding.since_us = riding.since_us.copy()
        riding.since_us[:, homes] = NEVER_US
        riding.resting[homes] = False

    def _stages(self, due: Int, low: Float, high: Float, time_us: int) -> str:
        """Which settings tripped whom."""
        stage = np.argmax(due == time_us, axis=0)
        parts = []
        for number in np.unique(stage):
            which = stage == number
            seen = _range(low[which], high[which], below=number < STAGE_NAMES.index("OV1"))
            parts.append(f"{STAGE_NAMES[number]} {seen}, {int(which.sum())} inverters")
        return "; ".join(parts)


def _range(low: Float, high: Float, below: bool | None = None) -> str:
    """Voltages in words: the lowest where they are low, else the highest."""
    below = bool(np.nanmax(high, initial=0.0) <= 1.0) if below is None else below
    values = low if below else high
    least, most = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    return f"{least:.3f} pu" if most - least < 5e-4 else f"{least:.3f} to {most:.3f} pu"


def profile_of(asked: Inverter | None) -> GridProfile:
    """Settings that a home's inverters have: those it names, those that go with its curves, or the default."""
    profile = GridProfile.of(library.load("grid-profiles", profile_name(asked)))
    if asked is None or asked.randomised_delay is None:
        return profile
    # A delay of its own stands in place of the ramp: IEEE 1547-2018 clause 4.10.3.
    return replace(with_enter_service(profile, ramp_s=0.0), randomised_s=asked.randomised_delay / US)


def profile_name(asked: Inverter | None) -> str:
    """Entry of models/grid-profiles of a home's inverters."""
    if asked is None:
        return DEFAULT
    if asked.ride_through is not None:
        return asked.ride_through
    known = library.names("grid-profiles")
    return next((name for name in (asked.volt_var, asked.volt_watt) if name in known), DEFAULT)


def profile_names(population: Population, homes: Sequence[int]) -> list[str]:
    """Entries of models/grid-profiles that some homes use, in order."""
    return sorted({profile_name(population.inverter[home]) for home in homes})
