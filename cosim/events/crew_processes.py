"""Crews: called when a device stays open, a conductor breaks or somebody notices a fault that no device sees.

They patrol, isolate, repair and restore. One process for all of them. Crews are few; who waits for one waits in the
order of the calls, or of the homes behind what stays open. How long things take is
drawn from the name of what is repaired and the time of the call alone, so one job's draws do not move another's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, cast

from scipy.special import ndtri
from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.fault_processes import BROKEN
from cosim.events.hazard_processes import CREW_AT, CREW_LEFT
from cosim.events.physics import FaultPhysics, Isolation, Watch
from cosim.events.processes import NORMALLY_OPEN, close_section, open_section
from cosim.events.protection_processes import guards
from cosim.events.records import Record, Signal, process
from cosim.randomness import stable_ids, uniforms

_EARLY = ("calling", "queued", "travelling", "patrolling")


@dataclass(kw_only=True)
class Duration:
    """A lognormal duration."""

    median_s: float
    sigma: float

    def at(self, share: float) -> int:
        """The duration [us] that a share of all do not exceed."""
        return round(self.median_s * math.exp(self.sigma * float(ndtri(share))) * 1e6)


@dataclass(kw_only=True)
class Job:
    """Something that a crew is called for.

    Parameters
    ----------
    number
        Counts the calls.
    what
        The device that stays open, or the fault whose conductors broke.
    called_us
        When.
    stage
        Where it stands: calling, queued, travelling, patrolling, isolating, repairing, restoring.
    due_us
        When the stage ends; None in the queue.
    cause
        Number of the log record that its next act follows from.
    broken
        It is a conductor that broke, or a fault that no device saw: there is no device to close.
    faults
        What the patrol found and is not repaired yet.
    opened, tied
        Sections that the crew keeps open, ties that it has closed.
    closed
        Whether the device is closed again already, the fault being isolated.
    """

    number: int
    what: str
    called_us: int
    stage: str = "calling"
    due_us: int | None = None
    cause: int = -1
    broken: bool = False
    faults: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    tied: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def holder(self) -> str:
        """Who keeps sections open for it."""
        return f"crew job {self.number}"


@dataclass(kw_only=True)
class Crews(Record):
    """The crews of a feeder and what they are called for.

    Parameters
    ----------
    crews
        How many there are.
    seed
        Of the draws.
    times
        By activity: ``call``, ``travel``, ``patrol``, ``switch`` (one operation), ``repair-overhead``,
        ``repair-cable``, ``repair-transformer``, ``repair-drop``.
        ``notice`` is the time until somebody notices what no device sees; that of ``call`` if not given.
    order
        Whom a free crew goes to: ``calls`` in their order, ``homes`` to what most homes hang on first.
    use_ties
        Whether they feed homes behind a fault from elsewhere meanwhile.
    calls
        How many there have been.
    jobs
        Those that are not done, in the order of the calls.
    faults
        Present faults by name: where.
    """

    kind: ClassVar[str] = "crews"
    crews: int
    seed: int
    times: dict[str, Duration]
    order: str = "calls"
    use_ties: bool = True
    calls: int = 0
    jobs: list[Job] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


@process(Crews)
def work(env: Environment, record: Crews) -> ProcessGenerator:
    """Hear what fails, and let each job go its way."""
    while True:
        record.deadline_us = min((job.due_us for job in record.jobs if job.due_us is not None), default=None)
        news = yield env.wait(
            record, Priority.CLOSE,
            Watch.DEVICE_LOCKED, Watch.FAULT_STRUCK, Watch.FAULT_CLEARED, Watch.FAULT_UNSEEN,
        )  # fmt: skip
        for signal in news:
            _hear(env, record, signal)
        if not news:
            for job in [job for job in record.jobs if job.due_us == env.now]:
                _STAGES[job.stage](env, record, job)
        _send(env, record)


def _hear(env: Environment, record: Crews, signal: Signal) -> None:
    """Keep in mind what is faulted; be called for what stays open and for what broke."""
    if signal.topic == Watch.FAULT_CLEARED:
        record.faults.pop(signal.subject, None)
        return
    if signal.topic == Watch.FAULT_STRUCK:
        record.faults[signal.subject] = signal.ids[0]
        if signal.ids[1] != BROKEN:
            return
    if any(job.what == signal.subject and job.stage in _EARLY for job in record.jobs):
        return  # another phase of what is known already
    unseen = signal.topic == Watch.FAULT_UNSEEN
    if unseen and _known(env, record, signal.ids[0]):
        return  # the patrol of a device before it will find it
    broken = signal.topic != Watch.DEVICE_LOCKED
    number = record.calls + 1
    job = Job(number=number, what=signal.subject, called_us=env.now, cause=signal.cause, broken=broken)
    record.calls += 1
    _begin(env, record, job, "calling", "notice" if unseen and "notice" in record.times else "call")
    record.jobs.append(job)


def _known(env: Environment, record: Crews, where: str) -> bool:
    """Whether a job that has not patrolled yet is about a device before a place."""
    before = {device.name for device in guards(cast(FaultPhysics, env.physics), where)}
    return any(job.what in before and job.stage in _EARLY for job in record.jobs)


def _begin(env: Environment, record: Crews, job: Job, stage: str, activity: str, times: int = 1) -> None:
    """Enter a stage that takes as long as an activity, done some times over."""
    job.stage = stage
    counter = record.times[activity].at(_share(record, job, activity))
    job.due_us = env.now + times * max(1, counter)


def _share(record: Crews, job: Job, activity: str) -> float:
    done = len(job.faults) if activity.startswith("repair") else 0
    items = stable_ids([f"{job.what} {activity} {done}"])
    drawn = uniforms(record.seed, "crews", items, job.called_us // 86_400_000_000, job.called_us)
    return min(max(float(drawn[0]), 1e-9), 1.0 - 1e-9)


def _called(env: Environment, record: Crews, job: Job) -> None:
    job.cause = env.record("crew_called", job.what, f"job {job.number}", job.cause)
    job.stage, job.due_us = "queued", None


def _send(env: Environment, record: Crews) -> None:
    """Send crews that are free to those who wait longest, or to what most homes hang on."""
    free = record.crews - sum(job.stage not in ("calling", "queued") for job in record.jobs)
    queued = [job for job in record.jobs if job.stage == "queued"]
    if record.order == "homes" and len(queued) > max(0, free) > 0:
        queued.sort(key=lambda job: -_homes_behind(env, record, job))
    for job in queued[: max(0, free)]:
        waiting = sum(other.stage == "queued" for other in record.jobs) - 1
        detail = f"job {job.number}, {waiting} more wait" if waiting else f"job {job.number}"
        job.cause = env.record("crew_leaves", job.what, detail, job.cause)
        _begin(env, record, job, "travelling", "travel")


def _homes_behind(env: Environment, record: Crews, job: Job) -> int:
    """Homes behind a device, as the feeder is built; of a place without one, those behind that place's own device."""
    protection = cast(FaultPhysics, env.physics).protection
    if not job.broken:
        return protection.homes_behind(job.what)
    where = record.faults.get(job.what, "home:")
    own = () if where.startswith("home:") else protection.upstream.get(where, ())
    return protection.homes_behind(own[0]) if own else 1


def _arrived(env: Environment, record: Crews, job: Job) -> None:
    job.cause = env.record("crew_patrols", job.what, f"job {job.number}", job.cause)
    _begin(env, record, job, "patrolling", "patrol")


def _patrolled(env: Environment, record: Crews, job: Job) -> None:
    """What the patrol finds decides whether there is anything to isolate and repair."""
    physics = cast(FaultPhysics, env.physics)
    others = {name for other in record.jobs if other is not job for name in other.faults}
    job.faults = [
        name for name in record.faults if name not in others and _concerns(physics, record, job, name)
    ]
    if not job.faults:
        job.cause = env.record("nothing_found", job.what, f"job {job.number}", job.cause)
        _begin(env, record, job, "restoring", "switch")
        return
    for name in job.faults:
        detail = f"job {job.number}: {name}"
        job.cause = env.record("fault_found", record.faults[name], detail, job.cause)
    plan = _plan(physics, record, job)
    if plan.before or plan.ties:
        acts = len(plan.behind) + len(plan.ties) + (2 if plan.before else 0)
        _begin(env, record, job, "isolating", "switch", acts)
    else:
        _repair(env, record, job)


def _concerns(physics: FaultPhysics, record: Crews, job: Job, name: str) -> bool:
    where = record.faults[name]
    return name == job.what or any(device.name == job.what for device in guards(physics, where))


def _plan(physics: FaultPhysics, record: Crews, job: Job) -> Isolation:
    """How the place is isolated; where several are faulted they are repaired before anything is closed."""
    plan = physics.isolation(record.faults[job.faults[0]])
    if len(job.faults) > 1:
        return Isolation("", (), (), plan.element)
    return plan if record.use_ties else Isolation(plan.before, (), (), plan.element)


def _isolated(env: Environment, record: Crews, job: Job) -> None:
    """Open what is nearest to the fault, give voltage back to all others."""
    if not _left(record, job):
        _begin(env, record, job, "restoring", "switch")
        return
    plan = _plan(cast(FaultPhysics, env.physics), record, job)
    job.opened = [section for section in (plan.before, *plan.behind) if section]
    for section in job.opened:
        job.cause = open_section(env, section, job.holder, "opened_by_crew", job.cause, f"job {job.number}")
    job.closed = bool(plan.before)
    if job.closed and not job.broken:
        env.signal(Watch.CLOSE_DEVICE, job.what, (), job.cause)
    for tie in plan.ties:
        job.tied.append(tie)
        job.cause = close_section(env, tie, NORMALLY_OPEN, "tie_closed", job.cause, f"job {job.number}")
    _repair(env, record, job)


def _repair(env: Environment, record: Crews, job: Job) -> None:
    physics = cast(FaultPhysics, env.physics)
    where = record.faults[job.faults[0]]
    job.cause = env.record("repair_begins", where, f"job {job.number}", job.cause)
    env.signal(CREW_AT, job.what, (where,), job.cause)
    _begin(env, record, job, "repairing", f"repair-{physics.isolation(where).element}")


def _repaired(env: Environment, record: Crews, job: Job) -> None:
    """One fault less; the next, or close again."""
    if _left(record, job):
        env.signal(CREW_LEFT, job.what, (record.faults[job.faults[0]],), job.cause)
        env.signal(Watch.REPAIRED, job.faults.pop(0), (), job.cause)
    if _left(record, job):
        _repair(env, record, job)
    else:
        _begin(env, record, job, "restoring", "switch", max(1, len(job.opened) + len(job.tied)))


def _left(record: Crews, job: Job) -> list[str]:
    """Faults still to repair; what went out by itself is not among them any more."""
    job.faults = [name for name in job.faults if name in record.faults]
    return job.faults


def _restored(env: Environment, record: Crews, job: Job) -> None:
    """Close what was opened, then open ties again: nobody loses voltage by it."""
    for section in reversed(job.opened):
        job.cause = close_section(env, section, job.holder, "closed_by_crew", job.cause, f"job {job.number}")
    if not job.closed and not job.broken:
        env.signal(Watch.CLOSE_DEVICE, job.what, (), job.cause)
    for tie in job.tied:
        job.cause = open_section(env, tie, NORMALLY_OPEN, "tie_opened", job.cause, f"job {job.number}")
    env.record("crew_done", job.what, f"job {job.number}", job.cause)
    record.jobs.remove(job)


_STAGES = {
    "calling": _called, "travelling": _arrived, "patrolling": _patrolled, "isolating": _isolated,
    "repairing": _repaired, "restoring": _restored,
}  # fmt: skip
