"""Fuses, reclosers, relays and sectionalisers of a feeder, in one process.

After every change it asks the physics for the currents of the devices before the present faults, waits for the
earliest of what they do next, and does it. What a device does when is the business of `cosim.devices.protection`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, cast

from simpy.events import ProcessGenerator

from cosim.devices.operating import advanced, next_operation, operated, restored
from cosim.devices.protection import Operation, ProtectiveDevice, Response
from cosim.events.environment import Environment, Priority
from cosim.events.fault_processes import BROKEN
from cosim.events.physics import FaultPhysics, Watch
from cosim.events.processes import close_section, open_section
from cosim.events.records import Record, process
from cosim.sections import section_of

NO_CURRENT = [0.0, 0.0, 0.0, 0.0]
OPENED = {
    "fuse": "fuse_blows", "recloser": "recloser_opens", "relay": "breaker_opens",
    "sectionalizer": "sectionalizer_opens",
}  # fmt: skip
LOCKED = OPENED | {"recloser": "recloser_locks_out", "relay": "breaker_locks_out"}


@dataclass(kw_only=True)
class ProtectionWatch(Record):
    """All protective devices of a feeder.

    Parameters
    ----------
    responses
        By name, the state of those that are not at rest.
    currents
        By name, what flows through devices that see a fault: phases a, b, c and their sum [A].
    seen_us
        The time that `responses` belong to.
    faults
        Present faults by name: where they are.
    because
        By device, the log's number of what it reacts to.
    unseen
        Present faults of which it was told that no device sees them.
    """

    kind: ClassVar[str] = "protection"
    responses: dict[str, Response] = field(default_factory=dict)
    currents: dict[str, list[float]] = field(default_factory=dict)
    seen_us: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    because: dict[str, int] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)


@process(ProtectionWatch)
def protect(env: Environment, record: ProtectionWatch) -> ProcessGenerator:
    """Follow every device that sees a fault or is not at rest."""
    physics = cast(FaultPhysics, env.physics)
    coming = list(_coming(env, physics, record))
    while True:
        first_us = min((operation.after_us for operation in coming), default=None)
        record.deadline_us = None if first_us is None else record.seen_us + first_us
        news = yield env.wait(
            record, Priority.OPEN,
            Watch.FAULT_STRUCK, Watch.FAULT_CLEARED, Watch.SWITCHED, Watch.CLOSE_DEVICE,
        )  # fmt: skip
        _advance(env, physics, record)
        for signal in news:
            if signal.topic == Watch.FAULT_STRUCK:
                if signal.ids[1] != BROKEN:
                    record.faults[signal.subject] = signal.ids[0]
            elif signal.topic == Watch.FAULT_CLEARED:
                record.faults.pop(signal.subject, None)
                record.unseen = [name for name in record.unseen if name != signal.subject]
            elif signal.topic == Watch.CLOSE_DEVICE:
                _close_by_hand(env, physics, record, signal.subject, signal.cause)
        if not news:
            for operation in coming:
                if operation.after_us == first_us:
                    _operate(env, physics, record, operation)
        fed = _look(env, physics, record, news[-1].cause if news else None)
        coming = list(_coming(env, physics, record))
        _tell_unseen(env, physics, record, fed, {operation.device for operation in coming})


def _coming(env: Environment, physics: FaultPhysics, record: ProtectionWatch) -> Iterator[Operation]:
    """What each device does next, currents staying as they are."""
    for name in _followed(record):
        device = physics.protection.device(name)
        response = record.responses.get(name) or Response()
        dead = _dead(env, physics, device)
        found = next_operation(device, response, record.currents.get(name, NO_CURRENT), dead)
        if found is not None:
            yield found


def _followed(record: ProtectionWatch) -> list[str]:
    return sorted({*record.responses, *record.currents})


def _advance(env: Environment, physics: FaultPhysics, record: ProtectionWatch) -> None:
    """Bring all devices to the present."""
    elapsed_us = env.now - record.seen_us
    record.seen_us = env.now
    if elapsed_us <= 0:
        return
    for name in _followed(record):
        device = physics.protection.device(name)
        response = record.responses.get(name) or Response()
        currents = record.currents.get(name, NO_CURRENT)
        response = advanced(device, response, currents, elapsed_us, _dead(env, physics, device))
        _keep(record, name, response)


def _keep(record: ProtectionWatch, name: str, response: Response) -> None:
    if response.at_rest:
        record.responses.pop(name, None)
    else:
        record.responses[name] = response


def _operate(env: Environment, physics: FaultPhysics, record: ProtectionWatch, operation: Operation) -> None:
    """Open or close a device by itself."""
    device = physics.protection.device(operation.device)
    cause = record.because.get(device.name, record.cause)
    phases = operation.conductors
    if operation.does == "close":
        for section in _sections(device, phases):
            order = close_section(env, section, device.name, "recloses", cause, device.name)
    else:
        event = (LOCKED if operation.final else OPENED)[device.kind]
        shot = f"shot {operation.shot} " if len(device.shots) > 1 else ""
        detail = f"{device.name}: {shot}by {operation.by}, {phases}"
        for section in _sections(device, phases):
            order = open_section(env, section, device.name, event, cause, detail)
        if operation.final:
            env.signal(Watch.DEVICE_LOCKED, device.name, (phases,), order)
    record.because[device.name] = order
    _keep(record, device.name, operated(device, record.responses.get(device.name) or Response(), operation))


def _close_by_hand(
    env: Environment, physics: FaultPhysics, record: ProtectionWatch, name: str, cause: int
) -> None:
    """A crew closes a device or replaces its links: everything of it that stands open."""
    device = physics.protection.device(name)
    response = record.responses.get(name) or Response()
    event = "fuse_replaced" if device.kind == "fuse" else "closed_by_crew"
    for section in _sections(device, response.open):
        record.because[name] = close_section(env, section, name, event, cause, name)
    _keep(record, name, restored(device, response))


def _sections(device: ProtectiveDevice, phases: str) -> list[str]:
    """What a device opens: its whole section at once, or its phases one by one."""
    if device.ganged or (len(phases) == len(device.conductors) == 1):
        return [device.section] if phases else []
    return [f"{device.section}@{phase}" for phase in phases]


def _dead(env: Environment, physics: FaultPhysics, device: ProtectiveDevice) -> str:
    """Phases that other devices before a sectionaliser keep from voltage; nobody else asks."""
    if device.kind != "sectionalizer":
        return ""
    dead = set()
    for other in physics.protection.guarding(device.section):
        if other.name != device.name:
            for phase in device.conductors:
                if env.holds.get(other.section) or env.holds.get(f"{other.section}@{phase}"):
                    dead.add(phase)
    return "".join(sorted(dead))


def _look(env: Environment, physics: FaultPhysics, record: ProtectionWatch, cause: int | None) -> list[str]:
    """Currents through the devices before the present faults, as they are from now on; returns faults that are fed."""
    struck = tuple(record.faults)
    fed = [name for name, one in zip(struck, physics.fed(struck), strict=True) if one]
    names = [device.name for name in fed for device in guards(physics, record.faults[name])]
    asked = tuple(dict.fromkeys(names))
    found = physics.fault_currents(asked) if asked else ()
    before, record.currents = record.currents, {}
    for name, current in zip(asked, found, strict=True):
        if max(current) > 0.0:
            record.currents[name] = [float(amperes) for amperes in current]
            if cause is not None and before.get(name) != record.currents[name]:
                record.because[name] = cause
    for name in list(record.because):
        if name not in record.currents and name not in record.responses:
            del record.because[name]
    return fed


def _tell_unseen(
    env: Environment, physics: FaultPhysics, record: ProtectionWatch, fed: list[str], moving: set[str]
) -> None:
    """Say once of a fault that is fed that none of the devices before it is on its way to anything."""
    for name in (name for name in fed if name not in record.unseen):
        where = record.faults[name]
        if not any(device.name in moving for device in guards(physics, where)):
            record.unseen.append(name)
            order = env.record("fault_stays", where, f"{name}: no device sees it", record.cause)
            env.signal(Watch.FAULT_UNSEEN, name, (where,), order)


def guards(physics: FaultPhysics, where: str) -> tuple[ProtectiveDevice, ...]:
    """Devices whose current a fault there may run through, the nearest first.

    Behind a closed tie that is another way than the feeder's own, so all but fuses are asked there too.
    """
    kind, name, _ = section_of(where)
    protection = physics.protection
    if f"{kind}:{name}" not in protection.upstream:  # a bus
        return protection.devices
    own = protection.guarding(f"{kind}:{name}")
    if not physics.tied:
        return own
    mine = {device.name for device in own}
    return own + tuple(d for d in protection.devices if d.kind != "fuse" and d.name not in mine)
