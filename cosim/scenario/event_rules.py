"""What must be true of the keys of an event."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from cosim.scenario.entry_rules import Violation, nearest
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.scenario.event_schema import Event

Place = tuple[str | int, ...]
SECTIONS = ("line", "transformer", "home")
PLACES = {  # where each kind of event may happen
    "outage": SECTIONS,
    "open": SECTIONS,
    "close": SECTIONS,
    "tie": ("line",),
    "fault": SECTIONS,
    "lost-neutral": ("home", "line"),
    "der-disconnect": ("home", "group"),
    "der-connect": ("home", "group"),
}
BY_CONDUCTOR = ("outage", "open", "close", "fault")  # kinds that may name single conductors
CONDUCTORS = {  # how many each kind of fault takes, ground apart
    "line-ground": 1,
    "line-line": 2,
    "line-line-ground": 2,
    "three-phase": 3,
    "three-phase-ground": 3,
}
BY_COUNT = {0: "line-ground", 1: "line-ground", 2: "line-line", 3: "three-phase"}


def event_violations(event: Event, path: Place, groups: Collection[str]) -> Iterator[Violation]:
    """What is wrong with an event; `groups` are the names of the groups of homes."""
    is_source = event.kind == "source-voltage"
    if is_source != (event.value_pu is not None):
        wanted = "is needed for" if is_source else "is nothing for"
        yield (*path, "value_pu"), f"{wanted} kind {event.kind!r}", event.value_pu
    for key in ("fault", "ohm", "along"):
        if event.kind != "fault" and key in event.model_fields_set:
            yield (*path, key), f"is nothing for kind {event.kind!r}", getattr(event, key)
    if event.kind == "fault" and "along" in event.model_fields_set and not event.where.startswith("line:"):
        yield (*path, "along"), "is for a fault on a line: remove it", event.along
    yield from _where(event, (*path, "where"), groups)


def _where(event: Event, where: Place, groups: Collection[str]) -> Iterator[Violation]:
    if event.kind == "source-voltage":
        if event.where:
            yield where, "should be left out for kind 'source-voltage': it is the whole feeder's", event.where
        return
    asked = section_of(event.where)
    allowed = PLACES[event.kind]
    if asked.kind not in allowed or not asked.name:
        *most, last = [f'"{kind}:NAME"' for kind in allowed]
        wanted = f"{', '.join(most)} or {last}" if most else last
        yield where, f"should be {wanted} for kind {event.kind!r}", event.where
    elif asked.kind == "group" and asked.name not in groups:
        yield where, f"no group of this name{nearest(asked.name, groups)}", event.where
    elif asked.conductors and event.kind not in BY_CONDUCTOR:
        yield where, f"names conductors, which have no meaning for kind {event.kind!r}", event.where
    elif event.kind == "fault":
        yield from _conductors(event, where, asked.conductors)


def _conductors(event: Event, where: Place, named: str) -> Iterator[Violation]:
    if "n" in named:
        message = "should name phases or legs only: a fault to the neutral is one to ground, line-ground"
        yield where, message, event.where
    elif named and event.fault is not None and len(named) != CONDUCTORS[event.fault]:
        yield where, f"should name {CONDUCTORS[event.fault]} conductors for {event.fault}", event.where


def fault_kind(event: Event) -> str:
    """Kind of an event's fault, by the conductors it names if it does not say."""
    return event.fault or BY_COUNT[len(section_of(event.where).conductors)]
