"""Backfeed in a run: one process that sees which homes' sources stand on a dead grid, for how long, and who is near.

The physics says what a source energises; the process counts its breaker's heat and its engine's flywheel through every
change of the topology, ends what gives way, and keeps the time that crews work on what is live.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, cast

from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.log import NO_CAUSE
from cosim.events.physics import Act, Action, Physics, Watch
from cosim.events.records import Record, Signal, process

CREW_AT = "crew_at"  # a crew begins to work; ids: the sections it works on
CREW_LEFT = "crew_left"  # it is done there
CONTACTS_MOVED = "contacts_moved"  # a transfer device acted; ids: the homes
STALLS, TRIPS, FOUND = "source stalls", "breaker trips", "found by the crew"
ENDS = {STALLS: Act.STALL_SOURCE, TRIPS: Act.TRIP_SOURCE, FOUND: Act.STOP_SOURCE}
RETURNS, ISOLATED = "utility returns out of phase", "isolated by hand"
GOES_ON = "goes on as the run ends"


@dataclass(frozen=True)
class Live:
    """What one home's source energises in the present topology.

    Parameters
    ----------
    homes, nodes, primary_m
        Other homes, conductors above a touch voltage, and length of live primary lines.
    lines
        Live lines by name.
    primary_v, contact_a, hazard
        Largest voltage of the primary, current of a body that touches it, and what that does.
    breaker_multiple, breaker_tau_s, breaker_level
        The source's current over its breaker's rating, and the breaker's time constant and trip level.
    stall_s
        From full speed to a stall; infinite if the engine carries it.
    closing_a
        Worst current of the source if the utility comes back.
    """

    homes: int
    nodes: int
    primary_m: float
    lines: tuple[str, ...]
    primary_v: float
    contact_a: float
    hazard: str
    breaker_multiple: float
    breaker_tau_s: float
    breaker_level: float
    stall_s: float
    closing_a: float


class HazardPhysics(Physics, Protocol):
    """Physics that knows what sources do to a grid that nothing isolates them from."""

    def backfeeding(self) -> tuple[str, ...]:
        """Homes whose source runs on a panel that is tied to a dead grid, in a fixed order."""

    def paralleled(self) -> tuple[str, ...]:
        """Homes whose engine-driven source stands on a panel that is tied to a grid with voltage, unsynchronised."""

    def backfeed(self, home: str) -> Live:
        """What the source of one home of `backfeeding` energises now."""


@dataclass
class Standing:
    """A source on the dead grid now.

    Parameters
    ----------
    start_us, since_us, cause
        When it began, when it was last looked at, and the log record of its beginning.
    theta, spent
        Heat of its breaker, and share of its flywheel's energy that is used, at `since_us`.
    multiple, tau_s, level, stall_s
        See `Live`.
    lines, hazard, homes, nodes, primary_m, primary_v, contact_a, closing_a
        See `Live`; the most dangerous so far but for `lines` and `hazard`, which are the present ones.
    found_us
        When a crew that found it has it cut off.
    hazard_us, exposure_us
        Time with a dangerous primary, and that while crews worked on it.
    """

    start_us: int
    since_us: int
    cause: int
    multiple: float = 0.0
    tau_s: float = 1.0
    level: float = 1.0
    stall_s: float | None = None
    theta: float = 0.0
    spent: float = 0.0
    lines: list[str] = field(default_factory=list)
    hazard: str = "none"
    homes: int = 0
    nodes: int = 0
    primary_m: float = 0.0
    primary_v: float = 0.0
    contact_a: float = 0.0
    closing_a: float = 0.0
    found_us: int | None = None
    hazard_us: int = 0
    exposure_us: int = 0


@dataclass(frozen=True)
class Ended:
    """A stretch of backfeed that is over: a row of the results."""

    home: str
    start_us: int
    end_us: int
    reason: str
    homes: int
    nodes: int
    primary_m: float
    primary_v: float
    contact_a: float
    closing_a: float
    hazard_us: int
    exposure_us: int


@dataclass(kw_only=True)
class BackfeedHazards(Record):
    """All homes whose source stands on a dead grid.

    Parameters
    ----------
    disconnect_us
        From the voltage that a crew finds to the source cut off.
    tests
        Whether crews test before they touch (29 CFR 1910.269(n)).
    standing, ended
        What goes on, by home, and what is over.
    crews
        By section, since when crews work there.
    clashed
        Homes whose source stands on a live grid, told of once.
    """

    kind: ClassVar[str] = "backfeed_hazard"
    disconnect_us: int = 600_000_000
    tests: bool = True
    standing: dict[str, Standing] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    crews: dict[str, int] = field(default_factory=dict)
    clashed: list[str] = field(default_factory=list)


TOPICS = (
    Watch.SWITCHED, Watch.VOLTAGE_LOST, Watch.VOLTAGE_BACK, Watch.SERVICE_CHANGED, Watch.SOURCE_CHANGED, CREW_AT,
    CREW_LEFT, Watch.FAULT_CLEARED, CONTACTS_MOVED,
)  # fmt: skip


@process(BackfeedHazards)
def watch_backfeed(env: Environment, record: BackfeedHazards) -> ProcessGenerator:
    """Look whenever something was switched; nothing is asked of the physics while nobody feeds a dead grid."""
    while True:
        record.deadline_us = min(
            (due for s in record.standing.values() if (due := _due(s)[0]) is not None), default=None
        )
        news: tuple[Signal, ...] = yield env.wait(record, Priority.OPEN, *TOPICS)
        for standing in record.standing.values():
            _pass(record, standing, env.now)
        for signal in news:
            if signal.topic == CREW_AT:
                record.crews.update(dict.fromkeys(signal.ids, env.now))
            elif signal.topic in (CREW_LEFT, Watch.FAULT_CLEARED):
                for section in signal.ids:
                    record.crews.pop(section, None)
        cause = news[0].cause if news else NO_CAUSE
        for home in [h for h, s in record.standing.items() if _reached(s, env.now)]:
            _give_way(env, record, home)
        _look(env, record, cause)


def spells(record: BackfeedHazards, now_us: int) -> list[Ended]:
    """All stretches of backfeed until now, in the order in which they ended; what goes on stands last."""
    open_ones = []
    for home, now in record.standing.items():
        standing = replace(now, lines=list(now.lines))
        _pass(record, standing, now_us)
        open_ones.append(_row(home, standing, now_us, GOES_ON))
    return [*record.ended, *open_ones]


def _look(env: Environment, record: BackfeedHazards, cause: int) -> None:
    """Compare who stands on the dead grid now with who did."""
    physics = cast(HazardPhysics, env.physics)
    now = dict.fromkeys(physics.backfeeding())
    back = dict.fromkeys(physics.paralleled())
    for home in [h for h in record.standing if h not in now]:
        _end(env, record, home, RETURNS if home in back else ISOLATED, cause)
    for home in now:
        begins = home not in record.standing
        standing = record.standing.setdefault(home, Standing(env.now, env.now, NO_CAUSE))
        _renew(standing, physics.backfeed(home))
        if begins:
            told = f"{standing.homes} other homes, {standing.primary_m:.0f} m of primary at {standing.primary_v:.0f} V"
            standing.cause = env.record("backfeed_begins", f"home:{home}", told, cause)
        if record.tests and standing.found_us is None and _near(record, standing, tested=True):
            standing.found_us = env.now + record.disconnect_us
    record.clashed = [home for home in record.clashed if home in back]
    for home in [home for home in back if home not in record.clashed]:
        record.clashed.append(home)
        order = env.record("out_of_phase", f"home:{home}", "a generator thrown onto the grid", cause)
        _stop(env, home, Act.STOP_SOURCE, order)


def _renew(standing: Standing, live: Live) -> None:
    """What it energises now, and the most that it did."""
    standing.multiple, standing.tau_s = live.breaker_multiple, live.breaker_tau_s
    standing.level = live.breaker_level
    standing.stall_s = live.stall_s if live.stall_s < math.inf else None
    standing.hazard, standing.lines = live.hazard, list(live.lines)
    for name in ("homes", "nodes", "primary_m", "primary_v", "contact_a", "closing_a"):
        setattr(standing, name, max(getattr(standing, name), getattr(live, name)))


def _pass(record: BackfeedHazards, standing: Standing, now_us: int) -> None:
    """Time goes by: heat of the breaker, energy of the flywheel, hazard, exposure."""
    passed_us = now_us - standing.since_us
    if not passed_us:
        return
    m2 = standing.multiple**2
    standing.theta = m2 + (standing.theta - m2) * math.exp(-passed_us / 1e6 / standing.tau_s)
    standing.spent = 0.0 if standing.stall_s is None else standing.spent + passed_us / 1e6 / standing.stall_s
    if standing.hazard != "none":
        standing.hazard_us += passed_us
        if _near(record, standing, tested=False):
            standing.exposure_us += passed_us
    standing.since_us = now_us


def _near(record: BackfeedHazards, standing: Standing, *, tested: bool) -> bool:
    """Whether a crew works on what is live: one that came later (and tests), or one that is not warned by its test."""
    lines = {f"line:{name}" for name in standing.lines}
    for section, since_us in record.crews.items():
        later = record.tests and since_us >= standing.start_us
        if section.partition("@")[0] in lines and later == tested:
            return True
    return False


def _due(standing: Standing) -> tuple[int | None, str]:
    """When and why it ends by itself or by a crew, if nothing changes."""
    found: list[tuple[int, str]] = []
    if standing.found_us is not None:
        found.append((standing.found_us, FOUND))
    m2 = standing.multiple**2
    if m2 > standing.level:
        left = standing.tau_s * math.log((m2 - standing.theta) / (m2 - standing.level))
        found.append((standing.since_us + max(math.ceil(left * 1e6), 0), TRIPS))
    if standing.stall_s is not None:
        left = max(1.0 - standing.spent, 0.0) * standing.stall_s
        found.append((standing.since_us + math.ceil(left * 1e6), STALLS))
    return min(found) if found else (None, "")


def _reached(standing: Standing, now_us: int) -> bool:
    due, _ = _due(standing)
    return due is not None and due <= now_us


def _give_way(env: Environment, record: BackfeedHazards, home: str) -> None:
    """The source stops, or its breaker opens."""
    _, reason = _due(record.standing[home])
    order = _end(env, record, home, reason, record.standing[home].cause)
    _stop(env, home, ENDS[reason], order)


def _stop(env: Environment, home: str, act: Act, order: int) -> None:
    env.physics.apply(Action(act, f"home:{home}", (home,)))
    env.signal(Watch.SOURCE_CHANGED, f"home:{home}", (home,), order)


def _end(env: Environment, record: BackfeedHazards, home: str, reason: str, cause: int) -> int:
    was = record.standing.pop(home)
    record.ended.append(_row(home, was, env.now, reason))
    seconds = (env.now - was.start_us) / 1e6
    spell = f"{seconds:.1f} s" if seconds < 60.0 else f"{seconds / 60.0:.1f} min"  # a stall takes seconds
    return env.record("backfeed_ends", f"home:{home}", f"{reason} after {spell}", cause)


def _row(home: str, was: Standing, end_us: int, reason: str) -> Ended:
    return Ended(
        home, was.start_us, end_us, reason, was.homes, was.nodes, was.primary_m, was.primary_v, was.contact_a,
        was.closing_a if reason == RETURNS else 0.0, was.hazard_us, was.exposure_us,
    )  # fmt: skip
