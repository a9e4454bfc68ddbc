"""Sections of the feeder that become islands on a battery of their own: one process for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.log import NO_CAUSE
from cosim.events.physics import Act, Action, NeighbourhoodPhysics, Standing, Watch
from cosim.events.processes import change, close_section, open_section
from cosim.events.records import Record, Signal, process

ON_GRID, LOSING, FORMED, DARK, BREAK, LOCKED = "on grid", "losing", "formed", "dark", "break", "locked"
BREAK_US = 1_000_000
"""Between a battery's going and the switch's closing: a motor-operated switch's second (estimate, 0.1 to 5 s)."""


STOPPED, TRIPPED, IN_STEP, BROKEN = (
    "stops",
    "short circuit",
    "feeder back, in step",
    "feeder back, by a break",
)
GOES_ON = "goes on as the run ends"


@dataclass
class Terms:
    """When a section leaves and returns, and whether without a break."""

    delay_us: int
    return_us: int
    seamless: bool = False


@dataclass
class Stand:
    """Where a section stands, when it moves next, since when its battery holds it, because of what, and the homes whose
    solar it keeps away."""

    state: str = ON_GRID
    deadline_us: int | None = None
    since_us: int = 0
    cause: int = NO_CAUSE
    held: list[str] = field(default_factory=list)


@dataclass
class Spell:
    """One island of a section, from its forming to its end: a row of the results.

    `homes` are those on it as it ended, `cause` is the number of the log record that ended it; shares of the battery.
    """

    at: str
    formed_us: int
    ended_us: int
    reason: str
    cause: int
    homes: int
    given_kwh: float
    taken_kwh: float
    least: float
    charge: float


@dataclass(kw_only=True)
class NeighbourhoodIslands(Record):
    """All sections, by the names of their switches; islands that are over in the order in which they ended."""

    kind: ClassVar[str] = "neighbourhood_islands"
    terms: dict[str, Terms]
    stands: dict[str, Stand] = field(default_factory=dict)
    ended: list[Spell] = field(default_factory=list)


@process(NeighbourhoodIslands)
def neighbourhood_islands(env: Environment, record: NeighbourhoodIslands) -> ProcessGenerator:
    """Hear of feeders that die and come back and of batteries at their limits; wait for the next delay to end."""
    topics = (
        Watch.ISLAND_GRID,
        Watch.ISLAND_STOPPED,
        Watch.ISLAND_TRIPPED,
        Watch.ISLAND_HELD,
        Watch.ISLAND_RELEASED,
        Watch.SWITCHED,
        Watch.FAULT_CLEARED,
    )
    for name in record.terms:
        record.stands.setdefault(name, Stand())
    while True:
        deadlines = [stand.deadline_us for stand in record.stands.values() if stand.deadline_us is not None]
        record.deadline_us = min(deadlines, default=None)
        news: tuple[Signal, ...] = yield env.wait(record, Priority.OPEN, *topics)
        for signal in news:
            if signal.topic == Watch.FAULT_CLEARED:
                _unlock(env, record, signal.cause)
            elif signal.subject in record.stands:
                _hear(env, record, signal)
        for name, stand in record.stands.items() if not news else ():
            if stand.deadline_us is not None and stand.deadline_us <= env.now:
                _due(env, record, name, stand)


def spells(env: Environment, record: NeighbourhoodIslands) -> list[Spell]:
    """All islands until now; those that go on stand last."""
    formed = [(name, stand) for name, stand in record.stands.items() if stand.state == FORMED]
    return [*record.ended, *(_spell(env, name, stand, GOES_ON, NO_CAUSE) for name, stand in formed)]


def _hear(env: Environment, record: NeighbourhoodIslands, signal: Signal) -> None:
    name, stand = signal.subject, record.stands[signal.subject]
    standing = _standing(env, name)
    match signal.topic:
        case Watch.ISLAND_HELD:
            stand.held = list(standing.homes)
            env.signal(Watch.FREQUENCY_LOST, name, standing.homes, signal.cause)
        case Watch.ISLAND_RELEASED:
            _release(env, name, stand, signal.cause)
        case Watch.ISLAND_STOPPED | Watch.ISLAND_TRIPPED:
            reason = STOPPED if signal.topic == Watch.ISLAND_STOPPED else TRIPPED
            _end(env, record, name, "island_dark", signal.cause, reason)
            stand.state = DARK if signal.topic == Watch.ISLAND_STOPPED else LOCKED
            stand.deadline_us = stand.deadline_us if stand.state == DARK else None
        case _:
            _look(env, record, name, stand, signal.cause)


def _look(env: Environment, record: NeighbourhoodIslands, name: str, stand: Stand, cause: int) -> None:
    """What follows from the feeder's voltage and from who holds the switch."""
    good, terms = _standing(env, name).grid, record.terms[name]
    there = good and not _others(env, record, name)
    if stand.state == ON_GRID and not there:
        stand.state, stand.deadline_us, stand.cause = LOSING, env.now + terms.delay_us, cause
    elif (
        stand.state == LOSING and good and _held(env, record, name)
    ):  # between its battery's going and the switch
        stand.state, stand.deadline_us, stand.cause = DARK, env.now + terms.return_us, cause
    elif stand.state == LOSING and there:
        stand.state, stand.deadline_us = ON_GRID, None
    elif stand.state in (FORMED, DARK):
        if good and stand.deadline_us is None:
            stand.deadline_us, stand.cause = env.now + terms.return_us, cause
        elif not good:
            stand.deadline_us = None
    elif stand.state == BREAK and not good:
        stand.state, stand.deadline_us, stand.cause = LOSING, env.now + terms.delay_us, cause


def _unlock(env: Environment, record: NeighbourhoodIslands, cause: int) -> None:
    """Sections that a short circuit kept from the feeder may return once it is gone."""
    for name, stand in record.stands.items():
        if stand.state == LOCKED and not _standing(env, name).faulted:
            stand.state = DARK
            _look(env, record, name, stand, cause)


def _due(env: Environment, record: NeighbourhoodIslands, name: str, stand: Stand) -> None:
    terms, stand.deadline_us = record.terms[name], None
    if stand.state == LOSING:
        order = stand.cause
        if not _held(env, record, name):
            order = open_section(env, name, record.name, "island_switch_opens", order)
        _form(env, name, stand, order)
        if _standing(env, name).grid:  # somebody else opened the switch: look again later
            stand.deadline_us = env.now + terms.return_us
    elif stand.state == BREAK or not _others(env, record, name):
        _return(env, record, name, stand)
    else:
        stand.deadline_us = env.now + terms.return_us


def _form(env: Environment, name: str, stand: Stand, cause: int) -> None:
    standing = _standing(env, name)
    if standing.charge <= 0.0:
        stand.state = DARK
        stand.cause = env.record("island_dark", name, "battery empty", cause)
        return
    stand.state, stand.since_us = FORMED, env.now
    said = f"{100.0 * standing.charge:.0f} % stored"
    stand.cause = change(env, Action(Act.FORM_ISLAND, name), "island_formed", Watch.VOLTAGE_BACK, cause, said)
    env.signal(Watch.SWITCHED, name, (), stand.cause)  # faults inside are fed again


def _return(env: Environment, record: NeighbourhoodIslands, name: str, stand: Stand) -> None:
    terms, physics = record.terms[name], cast(NeighbourhoodPhysics, env.physics)
    if stand.state == FORMED and terms.seamless and physics.in_step(name):
        order = close_section(env, name, record.name, "island_switch_closes", stand.cause, "in step")
        _end(env, record, name, "island_ended", order, IN_STEP)
        stand.state = ON_GRID
    elif stand.state == FORMED:
        _end(env, record, name, "island_ended", stand.cause, BROKEN)
        stand.state, stand.deadline_us = BREAK, env.now + BREAK_US
    else:
        stand.state = ON_GRID
        stand.cause = close_section(env, name, record.name, "island_switch_closes", stand.cause)


def _end(
    env: Environment, record: NeighbourhoodIslands, name: str, event: str, cause: int, reason: str
) -> None:
    """Take the battery off, and say what it did."""
    standing, stand = _standing(env, name), record.stands[name]
    if stand.state == FORMED:
        record.ended.append(_spell(env, name, stand, reason, cause))
    said = (
        f"{(env.now - stand.since_us) / 60e6:.1f} min, {standing.given_kwh:.3f} kWh given, "
        f"{standing.taken_kwh:.3f} kWh taken, {100.0 * standing.charge:.0f} % stored"
    )
    order = change(env, Action(Act.END_ISLAND, name), event, Watch.VOLTAGE_LOST, cause, said)
    env.signal(Watch.SWITCHED, name, (), order)  # faults inside are dead now
    _release(env, name, stand, order)
    stand.cause = order


def _spell(env: Environment, name: str, stand: Stand, reason: str, cause: int) -> Spell:
    now = _standing(env, name)
    return Spell(
        name, stand.since_us, env.now, reason, cause, len(now.homes), now.given_kwh, now.taken_kwh, now.least,
        now.charge,
    )  # fmt: skip


def _release(env: Environment, name: str, stand: Stand, cause: int) -> None:
    if stand.held:
        env.signal(Watch.FREQUENCY_BACK, name, tuple(stand.held), cause)
        stand.held = []


def _standing(env: Environment, name: str) -> Standing:
    return cast(NeighbourhoodPhysics, env.physics).standing(name)


def _held(env: Environment, record: NeighbourhoodIslands, name: str) -> bool:
    """Whether its own switch stands open for it."""
    return record.name in env.holds.get(name, ())


def _others(env: Environment, record: NeighbourhoodIslands, name: str) -> bool:
    """Whether anybody else holds the switch open."""
    return any(holder != record.name for holder in env.holds.get(name, ()))
