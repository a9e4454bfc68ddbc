"""Records of processes: everything a process knows, so that it can be started again from it.

A generator cannot be saved. Each process is therefore a plain record and a generator function
of (environment, record) that goes straight to the wait its record describes, without effect on
anything, whatever state the record is in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, cast

from pydantic import TypeAdapter
from simpy.events import ProcessGenerator

from cosim.events.log import NO_CAUSE

if TYPE_CHECKING:
    from cosim.events.environment import Environment


@dataclass(frozen=True)
class Signal:
    """News for the processes that wait for `topic`; `cause` is the number of its log record."""

    topic: str
    subject: str
    ids: tuple[str, ...]
    cause: int


@dataclass(kw_only=True)
class Record:
    """State that all processes share. Fields of subclasses hold JSON types or dataclasses of them.

    Parameters
    ----------
    name
        Unique among the running processes.
    state
        Where in its story the process stands.
    deadline_us
        When its wait ends by itself; None if only a signal ends it.
    cause
        Number of the log record that its next act follows from.
    inbox
        Signals that came and were not handled yet.
    """

    kind: ClassVar[str]

    name: str
    state: str = "waiting"
    deadline_us: int | None = None
    cause: int = NO_CAUSE
    inbox: list[Signal] = field(default_factory=list)


R = TypeVar("R", bound=Record)
ProcessFunction = Callable[["Environment", R], ProcessGenerator]


class Kind(NamedTuple):
    """What is needed to start a process of one kind from its record."""

    record: type[Record]
    function: Callable[[Environment, Any], ProcessGenerator]
    adapter: TypeAdapter[Any]


KINDS: dict[str, Kind] = {}


def process(record: type[R]) -> Callable[[ProcessFunction[R]], ProcessFunction[R]]:
    """Register the decorated generator function as the process of `record`'s kind."""

    def register(function: ProcessFunction[R]) -> ProcessFunction[R]:
        if record.kind in KINDS:
            raise ValueError(f"process kind {record.kind!r} is registered twice")
        KINDS[record.kind] = Kind(record, function, TypeAdapter(record))
        return function

    return register


def to_plain(record: Record) -> dict[str, Any]:
    """The record in JSON types."""
    return cast(dict[str, Any], KINDS[record.kind].adapter.dump_python(record, mode="json"))


def from_plain(kind: str, plain: dict[str, Any]) -> Record:
    """The record that `to_plain` wrote."""
    return cast(Record, KINDS[kind].adapter.validate_python(plain))
