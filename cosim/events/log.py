"""What happened, when, and because of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

NO_CAUSE = -1


class EventRecord(NamedTuple):
    """One line of the event log.

    Parameters
    ----------
    order
        Number of the record; counts from 0 in the order in which things happened.
    time_us
        Microseconds from the scenario's start.
    kind
        What happened, such as ``outage``.
    subject
        To what it happened, such as ``line:lateral-7``.
    detail
        Anything worth reading beside it.
    cause
        `order` of the record that brought this one about, -1 if none did.
    """

    order: int
    time_us: int
    kind: str
    subject: str
    detail: str = ""
    cause: int = NO_CAUSE

    def __str__(self) -> str:
        because = f" <- {self.cause}" if self.cause != NO_CAUSE else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.order} {self.time_us} {self.kind} {self.subject}{detail}{because}"


Listener = Callable[[EventRecord], object]


class EventLog:
    """An append-only list of records that tells each new one to its listeners.

    Parameters
    ----------
    first_order
        Number of the next record: 0 for a fresh run, more for one that goes on from a snapshot.
    """

    def __init__(self, first_order: int = 0) -> None:
        self._first = first_order
        self._records: list[EventRecord] = []
        self._listeners: list[Listener] = []

    @property
    def next_order(self) -> int:
        """Number that the next record will get."""
        return self._first + len(self._records)

    def listen(self, listener: Listener) -> None:
        """Have `listener` called with every record from now on, in order."""
        self._listeners.append(listener)

    def append(self, time_us: int, kind: str, subject: str, detail: str = "", cause: int = NO_CAUSE) -> int:
        """Write one record and return its number."""
        if not NO_CAUSE <= cause < self.next_order:
            raise ValueError(f"event {kind} of {subject} names cause {cause}, which has not happened")
        record = EventRecord(self.next_order, time_us, str(kind), subject, detail, cause)
        self._records.append(record)
        for listener in self._listeners:
            listener(record)
        return record.order

    def __iter__(self) -> Iterator[EventRecord]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __str__(self) -> str:
        return "\n".join(map(str, self._records))
