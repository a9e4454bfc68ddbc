"""Faults: they strike, go out when their line has been dead long enough, or stay until they are repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.physics import Fault, FaultPhysics, Watch
from cosim.events.processes import close_section, describe, open_section
from cosim.events.records import Record, process

BROKEN = "broken"


@dataclass(kw_only=True)
class ComingFault:
    """A fault as it is known beforehand.

    Parameters
    ----------
    at_us
        When it strikes.
    name, where, fault, conductors, ohm, along
        As in `Fault`; `fault` is one of `cosim.electrical.fault.FaultKind`, or ``broken`` for conductors that part
        without touching anything: a lost neutral is ``broken`` with conductor ``n`` at ``home:NAME``.
    dead_us
        For how long its conductors have to be dead until it is gone; None for a permanent one.
    """

    at_us: int
    name: str
    where: str
    fault: str
    conductors: str
    ohm: float = 0.0
    along: float = 1.0
    dead_us: int | None = None


@dataclass(kw_only=True)
class PresentFault:
    """A fault that has struck: what it is, the log's number, and when it goes out if the line stays dead."""

    what: ComingFault
    cause: int
    out_us: int | None = None


@dataclass(kw_only=True)
class Faults(Record):
    """All faults of a feeder: those to come, in the order of their times, and those present by name."""

    kind: ClassVar[str] = "faults"
    coming: list[ComingFault] = field(default_factory=list)
    present: dict[str, PresentFault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.coming = sorted(self.coming, key=lambda fault: (fault.at_us, fault.name))


@process(Faults)
def run_faults(env: Environment, record: Faults) -> ProcessGenerator:
    """Strike those that are due, put out those that are dead long enough, clear those that are repaired."""
    while True:
        times = [fault.out_us for fault in record.present.values() if fault.out_us is not None]
        times += [fault.at_us for fault in record.coming[:1]]
        record.deadline_us = min(times, default=None)
        news = yield env.wait(record, Priority.OPEN, Watch.SWITCHED, Watch.REPAIRED)
        for signal in news:
            if signal.topic == Watch.REPAIRED and signal.subject in record.present:
                _clear(env, record, signal.subject, "fault_repaired", signal.cause)
        if not news:
            for name in [name for name, fault in record.present.items() if fault.out_us == env.now]:
                _clear(env, record, name, "fault_goes_out", record.present[name].cause)
            while record.coming and record.coming[0].at_us <= env.now:
                _strike(env, record, record.coming.pop(0))
        _look(env, record)


def _strike(env: Environment, record: Faults, fault: ComingFault) -> None:
    """Put a fault on the feeder; conductors that break open their section."""
    lasting = "permanent" if fault.dead_us is None else "temporary"
    what = f"{fault.fault} {fault.conductors}".rstrip()
    detail = f"{fault.name}: {what}, {lasting}"
    if fault.fault == BROKEN:
        section = f"{fault.where}@{fault.conductors}" if fault.conductors else fault.where
        order = open_section(env, section, fault.name, "conductor_breaks", record.cause, fault.name)
    else:
        physics = cast(FaultPhysics, env.physics)
        homes = physics.strike(_physical(fault))
        if homes:
            detail = f"{detail}; {describe(homes)}"
        order = env.record("fault", fault.where, detail, record.cause)
        if homes:
            env.signal(Watch.VOLTAGE_LOST, fault.where, homes, order)
    record.present[fault.name] = PresentFault(what=fault, cause=order)
    env.signal(Watch.FAULT_STRUCK, fault.name, (fault.where, fault.fault), order)


def _clear(env: Environment, record: Faults, name: str, event: str, cause: int) -> None:
    """Take a fault away."""
    fault = record.present.pop(name).what
    if fault.fault == BROKEN:
        section = f"{fault.where}@{fault.conductors}" if fault.conductors else fault.where
        order = close_section(env, section, name, event, cause, name)
    else:
        homes = cast(FaultPhysics, env.physics).clear(name)
        detail = "; ".join(filter(None, (name, describe(homes))))
        order = env.record(event, fault.where, detail, cause)
        if homes:
            env.signal(Watch.VOLTAGE_BACK, fault.where, homes, order)
    env.signal(Watch.FAULT_CLEARED, name, (fault.where, fault.fault), order)


def _look(env: Environment, record: Faults) -> None:
    """Which temporary faults have lost their voltage, and which have it again."""
    names = tuple(name for name, fault in record.present.items() if fault.what.dead_us is not None)
    if not names:
        return
    for name, fed in zip(names, cast(FaultPhysics, env.physics).fed(names), strict=True):
        fault = record.present[name]
        assert fault.what.dead_us is not None
        if fed:
            fault.out_us = None
        elif fault.out_us is None:
            fault.out_us = env.now + fault.what.dead_us


def _physical(fault: ComingFault) -> Fault:
    return Fault(fault.name, fault.where, fault.fault, fault.conductors, fault.ohm, fault.along)
