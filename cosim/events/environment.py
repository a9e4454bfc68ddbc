"""The clock: SimPy's event loop, with physics that advances between its events.

Order of things at one instant: by time, then by `Priority`, then in the order of scheduling.
"""

from __future__ import annotations

import math
from collections import Counter
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any, TypedDict, TypeVar

import simpy
from simpy.events import NORMAL, URGENT, Event, EventPriority, Process

from cosim.events.log import NO_CAUSE, EventLog
from cosim.events.physics import Crossing, Physics
from cosim.events.records import KINDS, Record, Signal, from_plain, to_plain

R = TypeVar("R", bound=Record)

MOST_ALIKE = 4
"""How often the physics may report one crossing at one instant: what it brings about may cut the step, and the mean of
the shorter step may bring it about anew; more is a circle."""


class Priority(IntEnum):
    """Order of events that fall on the same microsecond."""

    START = 0  # processes start and go to their first wait, without effect
    END = 1  # processes that are over leave
    CROSSING = 2  # a limit reached belongs to the interval that ends here; handled as soon as it is found
    REACTION = 3  # what follows from an event comes before the next independent event
    CLOSE = 4  # closing before opening: when both fall together the section ends open
    OPEN = 5
    SERVICE = 6  # nothing enters service that lost its voltage at this instant
    CONTROL = 7  # regulators and capacitors look at what the others left
    STUDY = 8  # studies see what all others left


class Snapshot(TypedDict):
    """Everything the clock needs to go on, in JSON types (the physics keeps its own state).

    `queue` has one entry a process, (time_us, priority, order, process, kind, record) in the order
    of scheduling; time_us is None where only a signal ends the wait.
    """

    now_us: int
    next_record: int
    holds: dict[str, list[str]]
    queue: list[tuple[int | None, int, int, str, str, dict[str, Any]]]


class Wait(Event):
    """The wait of one process: ends at its record's deadline or by a signal, whichever is first.

    Its value is the tuple of signals that ended it, empty at the deadline.
    """

    def __init__(self, env: Environment, record: Record, priority: Priority, topics: tuple[str, ...]) -> None:
        super().__init__(env)
        self._ok = True
        self._value: tuple[Signal, ...] = ()
        self.record, self.priority, self.topics = record, priority, topics
        self.order = -1  # of its latest place in the queue
        self.woken = False


class Environment(simpy.Environment):
    """SimPy environment in whole microseconds whose steps first advance the physics.

    Parameters
    ----------
    physics
        Everything continuous (see `Physics`).
    log
        Where events are written; a new log if not given.
    start_us
        Present time at the beginning [us].

    Attributes
    ----------
    holds : dict of str to list of str
        Who keeps which section open; a section closes when its last holder lets go.
    """

    def __init__(self, physics: Physics, log: EventLog | None = None, start_us: int = 0) -> None:
        super().__init__(start_us)
        self.physics = physics
        self.log = EventLog() if log is None else log
        self.holds: dict[str, list[str]] = {}
        self._running: set[str] = set()
        self._waits: dict[str, Wait] = {}
        self._watchers: dict[str, dict[str, Wait]] = {}
        self._crossed: Counter[Crossing] = Counter()  # at the present instant

    @property
    def now(self) -> int:
        """Present time [us]."""
        return int(self._now)

    # -- time -----------------------------------------------------------------------------

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: int | float = 0) -> None:
        """Schedule `event` after `delay` whole microseconds."""
        if not isinstance(delay, int) or delay < 0:
            raise ValueError(f"the clock counts whole microseconds forward, not {delay!r}")
        super().schedule(event, priority, delay)

    def peek(self) -> int | float:
        """Time of the next event [us], infinite if there is none."""
        while self._queue and self._queue[0][3].processed:  # a deadline that a signal overtook
            heappop(self._queue)
        return super().peek()

    def step(self) -> None:
        """Advance the physics to the next event and handle it, or the crossing that comes before it."""
        due = self.peek()
        if due == math.inf or not self._advance(int(due)):
            super().step()

    def run_until(self, end_us: int) -> None:
        """Advance to `end_us` and handle everything up to and including that instant."""
        if end_us < self.now:
            raise ValueError(f"the run cannot go back from {self.now} to {end_us} us")
        while True:
            due = self.peek()
            if self._advance(int(min(due, end_us))):
                continue
            if due > end_us:
                return
            super().step()

    def _advance(self, until_us: int) -> bool:
        """Move the physics to `until_us`; True if a crossing stopped it earlier or there."""
        start = self.now
        if until_us == start:
            return False
        crossing = self.physics.advance(start, until_us)
        if crossing is None:
            self._now = until_us
            self._crossed.clear()
            return False
        if not start <= crossing.time_us <= until_us:
            raise ValueError(f"{crossing} is outside the interval advanced, {start} to {until_us} us")
        if crossing.time_us != start:
            self._crossed.clear()
        self._now = crossing.time_us
        self._crossed[crossing] += 1
        if self._crossed[crossing] > MOST_ALIKE:
            raise ValueError(f"{crossing} is reported again and again")
        order = self.record(crossing.kind, crossing.subject, crossing.detail)
        self.signal(crossing.kind, crossing.subject, crossing.ids or (crossing.subject,), order)
        return True

    # -- processes ------------------------------------------------------------------------

    def start(self, record: Record) -> None:
        """Start the process that `record` describes, at the state it describes."""
        if record.name in self._running:
            raise ValueError(f"a process named {record.name!r} is already running")
        if record.deadline_us is not None and record.deadline_us < self.now:
            raise ValueError(f"{record.name} is due at {record.deadline_us} us, which has passed")
        self._running.add(record.name)
        process = self.process(KINDS[record.kind].function(self, record))
        process.callbacks.append(lambda _: self._running.discard(record.name))

    def wait(self, record: Record, priority: Priority, *topics: str) -> Wait:
        """Event to yield: ends at ``record.deadline_us`` (if any) or by a signal of one of `topics`."""
        wait = Wait(self, record, priority, topics)
        wait.callbacks.append(lambda _: self._end_wait(wait))
        wait.order = next(self._eid)
        if record.deadline_us is not None:
            heappush(self._queue, (record.deadline_us, EventPriority(priority), wait.order, wait))
        self._waits[record.name] = wait
        for topic in topics:
            self._watchers.setdefault(topic, {})[record.name] = wait
        if record.inbox:
            self._wake(wait)
        return wait

    def signal(self, topic: str, subject: str, ids: tuple[str, ...], cause: int) -> None:
        """Tell all who wait for `topic`; they react at this instant, in the order they began to wait."""
        news = Signal(topic, subject, ids, cause)
        for wait in self._watchers.get(topic, {}).values():
            wait.record.inbox.append(news)
            self._wake(wait)

    def record(self, kind: str, subject: str, detail: str = "", cause: int = NO_CAUSE) -> int:
        """Write to the log at the present time; returns the number of the log's record."""
        return self.log.append(self.now, kind, subject, detail, cause)

    def _wake(self, wait: Wait) -> None:
        if not wait.woken:
            wait.woken, wait.order = True, next(self._eid)
            heappush(self._queue, (self.now, EventPriority(Priority.REACTION), wait.order, wait))

    def _end_wait(self, wait: Wait) -> None:
        name = wait.record.name
        wait._value = tuple(wait.record.inbox)
        wait.record.inbox.clear()
        del self._waits[name]
        for topic in wait.topics:
            del self._watchers[topic][name]

    def records(self, kind: type[R]) -> list[R]:
        """Records of the processes of one kind that wait."""
        return [wait.record for wait in self._waits.values() if isinstance(wait.record, kind)]

    # -- saving ---------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """State of clock, queue and processes between two steps, in JSON types."""
        self._settle()
        foreign = [e[3] for e in self._queue if e[3].callbacks and not isinstance(e[3], Wait | Process)]
        if foreign:
            raise ValueError(f"only waits of registered processes can be saved, not {foreign}")
        waits = sorted(self._waits.values(), key=lambda wait: wait.order)
        return {
            "now_us": self.now,
            "next_record": self.log.next_order,
            "holds": {section: list(holders) for section, holders in self.holds.items()},
            "queue": [
                (
                    w.record.deadline_us,
                    int(w.priority),
                    w.order,
                    w.record.name,
                    w.record.kind,
                    to_plain(w.record),
                )
                for w in waits
            ],
        }

    @classmethod
    def restore(cls, snapshot: Snapshot, physics: Physics, log: EventLog | None = None) -> Environment:
        """Environment that goes on from `snapshot`; `physics` stands at the snapshot's time."""
        env = cls(physics, EventLog(snapshot["next_record"]) if log is None else log, snapshot["now_us"])
        env.holds = {section: list(holders) for section, holders in snapshot["holds"].items()}
        for _, _, _, _, kind, plain in sorted(snapshot["queue"], key=lambda entry: entry[2]):
            env.start(from_plain(kind, plain))
        env._settle()
        return env

    def _settle(self) -> None:
        """Let processes that were just started reach their first wait, as the next steps would."""
        while self._queue and self._queue[0][:2] == (self.now, URGENT):
            super().step()
