"""Transfer devices of homes: one process for all of them, at no cost for those at rest.

The machines are data (`cosim.devices.transfer`); what they measure comes from the physics; a person is a delay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import ClassVar, cast

import numpy as np
from simpy.events import ProcessGenerator

from cosim.devices.transfer import (
    UNIT_FAILURES,
    Deed,
    Device,
    Luck,
    Machine,
    Measured,
    Transition,
    at_start,
    is_at_rest,
    step,
)
from cosim.errors import CosimError
from cosim.events.environment import Environment, Priority
from cosim.events.hazard_processes import CONTACTS_MOVED
from cosim.events.physics import BY_HAND, Act, Action, TransferPhysics, Watch
from cosim.events.processes import describe
from cosim.events.records import Record, process
from cosim.randomness import stable_id, stable_ids, uniforms

MOST_MOVES = 50
"""Transitions of one home at one instant; a machine that takes more goes round in a circle."""

ACTS = {
    act.value: topic
    for act, topic in (
        (Act.OPEN_SERVICE, Watch.VOLTAGE_LOST),
        (Act.CLOSE_SERVICE, Watch.VOLTAGE_BACK),
        (Act.CONNECT_SOURCE, Watch.VOLTAGE_BACK),
        (Act.DISCONNECT_SOURCE, Watch.VOLTAGE_LOST),
        (Act.START_SOURCE, None),
        (Act.STOP_SOURCE, None),
        (Act.RESET_SOURCE, None),
        (Act.CONNECT_CORDS, None),
        (Act.DISCONNECT_CORDS, None),
        (Act.SHED_LOADS, None),
        (Act.RESTORE_LOADS, None),
    )
}
"""What a device does to the physics, and what that may bring about at the home's DER."""


@dataclass
class Moved:
    """A device that is not at rest: its state, when it acts next if nothing changes, and what brought it there."""

    device: Device
    deadline_us: int | None
    cause: int


@dataclass(kw_only=True)
class TransferDevices(Record):
    """All homes with a transfer device.

    Parameters
    ----------
    homes
        By home, the name of its machine.
    machines
        The machines by name.
    seed
        Of the draws: people's pace and errors, failures of units and of contacts.
    people
        Whether anybody is at home to act.
    moved
        Devices that are not at rest.
    """

    kind: ClassVar[str] = "transfer"
    homes: dict[str, str]
    machines: dict[str, Machine]
    seed: int
    people: bool = True
    moved: dict[str, Moved] = field(default_factory=dict)


@process(TransferDevices)
def transfer(env: Environment, record: TransferDevices) -> ProcessGenerator:
    """Hear which homes' voltages went over a level, step their machines, wait for the next delay to end."""
    place = {home: row for row, home in enumerate(record.homes)}
    faults = unit_faults(record)
    due = [
        (m.deadline_us, place[home], home) for home, m in record.moved.items() if m.deadline_us is not None
    ]
    heapify(due)
    while True:
        while due and not _stands(record, due[0]):
            heappop(due)
        record.deadline_us = due[0][0] if due else None
        news = yield env.wait(record, Priority.OPEN, Watch.SERVICE_CHANGED, Watch.SOURCE_CHANGED)
        woken = {home: signal.cause for signal in news for home in signal.ids if home in place}
        while not news and due and due[0][0] <= env.now:
            entry = heappop(due)
            if _stands(record, entry):
                woken[entry[2]] = record.moved[entry[2]].cause
        for home in _settle(env, record, faults, woken):
            moved = record.moved.get(home)
            if moved is not None and moved.deadline_us is not None:
                heappush(due, (moved.deadline_us, place[home], home))


def _stands(record: TransferDevices, entry: tuple[int, int, str]) -> bool:
    """Whether a deadline is still that of its home."""
    moved = record.moved.get(entry[2])
    return moved is not None and moved.deadline_us == entry[0]


Faults = dict[str, tuple[str, ...]]


def _settle(
    env: Environment, record: TransferDevices, faults: Faults, woken: dict[str, int]
) -> Iterable[str]:
    """Step the devices of homes until none moves any more; returns these homes."""
    all_woken = tuple(woken)
    for _ in range(MOST_MOVES):
        if not woken:
            return all_woken
        woken = _once(env, record, faults, woken)
    home = next(iter(woken))
    told = "give one of its ways a delay, or conditions that exclude each other"
    raise CosimError(
        f"the machine {record.homes[home]!r} goes round in a circle at {home}, {env.now} us: {told}"
    )


Way = tuple[str, str, int, tuple[Deed, ...], Transition]


def _once(env: Environment, record: TransferDevices, faults: Faults, woken: dict[str, int]) -> dict[str, int]:
    """Take one transition of each home; returns the homes that moved and the log records of that."""
    physics = cast(TransferPhysics, env.physics)
    ways: dict[Way, list[str]] = {}
    homes = tuple(woken)
    for home, measured in zip(homes, measure(physics, homes), strict=True):
        machine, luck = record.machines[record.homes[home]], luck_of(record.seed, home)
        moved = record.moved.get(home)
        device = at_start(machine, faults.get(home, ())) if moved is None else moved.device
        found = step(machine, device, measured, env.now, luck, people=record.people)
        if is_at_rest(machine, found.device, found.deadline_us):
            record.moved.pop(home, None)
        else:
            record.moved[home] = Moved(found.device, found.deadline_us, woken[home])
        if found.taken is not None:
            way = (machine.name, found.device.state, woken[home], found.deeds, found.taken)
            ways.setdefault(way, []).append(home)
    after: dict[str, int] = {}
    for way, those in ways.items():
        order = _tell(env, record.machines[way[0]], way, tuple(those))
        after.update(dict.fromkeys(those, order))
    for home, order in after.items():
        if home in record.moved:
            record.moved[home].cause = order
    return after


def _tell(env: Environment, machine: Machine, way: Way, homes: tuple[str, ...]) -> int:
    """Do what a transition asks for and write it down; returns the number of its last log record."""
    name, state, order, deeds, taken = way
    said = [describe(homes), machine.states[state].title, *([BY_HAND] if taken.person else [])]
    news: list[tuple[Watch, tuple[str, ...], int]] = []
    for deed in deeds or (Deed("transfer"),):
        affected: tuple[str, ...] = ()
        if deed.kind in ACTS:
            affected = env.physics.apply(
                Action(deed.kind, deed.poles or (BY_HAND if taken.person else ""), homes)
            )
        pole = [f"leg {deed.poles} alone"] if len(deed.poles) == 1 else []
        order = env.record(deed.kind, name, "; ".join([*said, *pole]), order)
        topic = ACTS.get(deed.kind)
        if topic is not None and affected:
            news.append((topic, affected, order))
    # A panel handed over at one instant, from an island in step with the grid, has not lost its voltage.
    lost, back = (
        {home for topic, those, _ in news if topic == kind for home in those}
        for kind in (Watch.VOLTAGE_LOST, Watch.VOLTAGE_BACK)
    )
    for topic, those, at in news:
        if left := tuple(home for home in those if not (home in lost and home in back)):
            env.signal(topic, name, left, at)
    if deeds:
        env.signal(CONTACTS_MOVED, name, homes, order)
    return order


def measure(physics: TransferPhysics, homes: tuple[str, ...]) -> list[Measured]:
    """What the devices of homes see now."""
    pairs = (physics.service_pu(homes), physics.source_pu(homes), physics.panel_pu(homes))
    service, source, panel = (cast("list[tuple[float, float]]", list(map(tuple, p.tolist()))) for p in pairs)
    hertz: list[float] = physics.source_hz(homes).tolist()
    amperes = cast("list[tuple[float, float]]", list(map(tuple, physics.source_a(homes).tolist())))
    return [Measured(*row) for row in zip(service, source, panel, hertz, amperes, strict=True)]


def unit_faults(record: TransferDevices) -> Faults:
    """Homes whose unit was built or left with a failure, and which."""
    found: Faults = {}
    homes = list(record.homes)
    items = stable_ids(homes)
    for failure in UNIT_FAILURES:
        chance = {name: machine.failures.get(failure, 0.0) for name, machine in record.machines.items()}
        draws = uniforms(record.seed, f"transfer.{failure}", items)
        for row in np.flatnonzero(draws < [chance[record.homes[home]] for home in homes]):
            found[homes[row]] = (*found.get(homes[row], ()), failure)
    return found


def luck_of(seed: int, home: str) -> Luck:
    """Draws of one home: the same number for the same purpose and time, whatever happened between."""

    def draw(purpose: str, counter: int) -> float:
        item = np.array([stable_id(home)], dtype=np.uint64)
        return float(uniforms(seed, f"transfer.{purpose}", item, counter=counter)[0])

    return draw
