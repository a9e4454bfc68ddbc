"""Transfer devices as state machines: quantities in, acts of contactors and engines out.

A machine is data (`cosim.transfer_entry` reads it from ``models/transfer``). A state says which poles of the two
contactors are closed, a transition which conditions must hold, for how long, and how long the state must have
lasted. A transition may be a person's: its delay is then drawn from a lognormal distribution, and it may go wrong.

Contactors are mechanical: a pole that has welded stays closed, and an interlock keeps the second contactor open while
a pole of the first is closed, whatever the machine believes, unless somebody has defeated it. The state of a device
holds JSON types only, and everything random is a function of (purpose, time), so a run cut anywhere goes on alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import NormalDist
from typing import NamedTuple

FOREVER_US = -(2**53)
"""Since when what holds at rest has held."""

SERVICE_WELDS, SOURCE_WELDS = "service-welds", "source-welds"
SENSOR_WRONG, INTERLOCK_DEFEATED = "sensor-wrong", "interlock-defeated"
UNIT_FAILURES = (SENSOR_WRONG, INTERLOCK_DEFEATED)  # a share of units; the others come with an operation

Luck = Callable[[str, int], float]
"""A uniform number in [0, 1) by purpose and time; the same every time it is asked."""

Pair = tuple[float, float]


class Measured(NamedTuple):
    """What a device sees now: voltages of both legs per unit of nominal, Hz (NaN at standstill), amperes."""

    service_pu: Pair
    source_pu: Pair
    panel_pu: Pair
    source_hz: float
    source_a: Pair


REST = Measured((1.0, 1.0), (0.0, 0.0), (1.0, 1.0), math.nan, (0.0, 0.0))
"""A good grid and no source running: what a device at rest sees."""


@dataclass(frozen=True)
class Condition:
    """Something measured that is so, without a break, for `lasting_us`.

    Parameters
    ----------
    quantity
        A field of `Measured`.
    legs
        "any" of the two, "both" of them, or "across" both (their mean).
    above, below
        Bounds, themselves included; None for none. NaN is within no bounds.
    staggered
        Whether it has to last longer by this occasion's part of the machine's `stagger_us`.
    """

    quantity: str
    legs: str = "both"
    above: float | None = None
    below: float | None = None
    lasting_us: int = 0
    staggered: bool = False

    def holds(self, measured: Measured) -> bool:
        """Whether it is so at this instant."""
        value = getattr(measured, self.quantity)
        if not isinstance(value, tuple):
            return self._within(value)
        if self.legs == "across":
            return self._within(0.5 * (value[0] + value[1]))
        one, two = self._within(value[0]), self._within(value[1])
        return one or two if self.legs == "any" else one and two

    def _within(self, value: float) -> bool:
        return (
            value == value
            and (self.above is None or value >= self.above)
            and (self.below is None or value <= self.below)
        )


@dataclass(frozen=True)
class Transition:
    """A way out of a state.

    Parameters
    ----------
    to
        The state entered.
    when
        Conditions that must all hold; ``"not NAME"`` for one that must not.
    after_us
        Delay from when the state is entered and all its conditions hold; a person's median.
    person, spread
        Whether a person does it, and the standard deviation of the logarithm of the time taken.
    errs, errs_to
        Chance that the person errs, and the state entered then.
    resets
        Whether the person also closes the set's own breaker, or starts it again where it has stalled.
    notices
        Whether the delay counts from when the conditions hold, whatever the person did since: who sees that the grid
        is back sees it wherever the device stands.
    """

    to: str
    when: tuple[str, ...] = ()
    after_us: int = 0
    person: bool = False
    spread: float = 0.0
    errs: float = 0.0
    errs_to: str = ""
    resets: bool = False
    notices: bool = False


@dataclass(frozen=True)
class State:
    """Where a device stands: poles closed ("", "1", "2", "12") and what it asks of the engine and of loads.

    `engine` is "run", "stop" or "" for as it is; `sheds` whether managed loads are off; `cords` whether loads hang
    on cords from the source itself.
    """

    title: str
    service: str = "12"
    source: str = ""
    engine: str = ""
    sheds: bool = False
    cords: bool = False
    leave: tuple[Transition, ...] = ()


@dataclass(frozen=True)
class Machine:
    """One product's machine.

    Parameters
    ----------
    interlocked
        Whether the two contactors cannot both be closed.
    failures
        Chance of each failure: of a weld at each opening, of the others for each unit.
    stagger_us
        Up to how much longer staggered conditions have to last; drawn uniformly at each occasion, so that a street's
        homes do not all go back at once.
    """

    name: str
    initial: str
    states: dict[str, State]
    conditions: dict[str, Condition]
    interlocked: bool = True
    failures: dict[str, float] = field(default_factory=dict)
    stagger_us: int = 0

    @cached_property
    def held_at_rest(self) -> frozenset[str]:
        """Conditions that hold on a good grid with no source running."""
        return frozenset(name for name, condition in self.conditions.items() if condition.holds(REST))

    @cached_property
    def levels(self) -> dict[str, tuple[float, ...]]:
        """By quantity, the levels at which a condition begins or ceases to hold, rising."""
        found: dict[str, set[float]] = {}
        for condition in self.conditions.values():
            bounds = {bound for bound in (condition.above, condition.below) if bound is not None}
            found.setdefault(condition.quantity, set()).update(bounds)
        return {quantity: tuple(sorted(bounds)) for quantity, bounds in found.items()}

    @property
    def moves(self) -> bool:
        """Whether anything can ever happen to it."""
        return bool(self.states[self.initial].leave)


@dataclass(frozen=True)
class Device:
    """State of one home's device.

    Parameters
    ----------
    state, since_us
        Where it stands, and since when.
    held_us
        Conditions that hold, and since when.
    service, source
        Poles that are truly closed.
    welded, source_welded
        Poles that will not open again.
    runs, sheds, cords
        What was last asked of the engine, of managed loads and of loads on cords.
    faults
        Failures of this unit that it was built or left with.
    """

    state: str
    since_us: int
    held_us: dict[str, int]
    service: str
    source: str
    welded: str = ""
    source_welded: str = ""
    runs: bool = False
    sheds: bool = False
    faults: tuple[str, ...] = ()
    cords: bool = False


class Deed(NamedTuple):
    """One act: `kind` names a change (as `cosim.events.physics.Act` does), or what went wrong; `poles` concerned."""

    kind: str
    poles: str = ""


class Step(NamedTuple):
    """What `step` gives: the device after it, its acts in order, when to look again, and the way taken (if any)."""

    device: Device
    deeds: tuple[Deed, ...]
    deadline_us: int | None
    taken: Transition | None


def at_start(machine: Machine, faults: tuple[str, ...] = ()) -> Device:
    """A device that has been at rest until now, with the failures its unit has."""
    state = machine.states[machine.initial]
    held = dict.fromkeys((name for name in machine.conditions if name in machine.held_at_rest), FOREVER_US)
    return Device(machine.initial, FOREVER_US, held, state.service, state.source, faults=faults)


def is_at_rest(machine: Machine, device: Device, deadline_us: int | None) -> bool:
    """Whether nothing would be lost by forgetting the device and asking `at_start` for it later.

    A condition that holds beyond those that hold at rest, such as a source at hand, is only missed if it has to last.
    """
    beyond = device.held_us.keys() - machine.held_at_rest
    return (
        device.state == machine.initial
        and deadline_us is None
        and not (device.welded or device.source_welded or device.runs or device.sheds or device.cords)
        and len(beyond) == len(device.held_us) - len(machine.held_at_rest)
        and not any(machine.conditions[name].lasting_us for name in beyond)
    )


def step(
    machine: Machine, device: Device, measured: Measured, now_us: int, luck: Luck, *, people: bool = True
) -> Step:
    """Look at what is measured now and take one transition at most.

    After acts the quantities may be others: look again at the same instant until no transition is taken.

    Parameters
    ----------
    machine, device
        What it is, and where it stands.
    measured
        Present quantities.
    now_us
        Present time.
    luck
        Uniform numbers by purpose and time.
    people
        Whether anybody is there to act.

    Returns
    -------
    Step
        `deadline_us` is when a transition falls due if nothing changes before; None if none does.
    """
    if SENSOR_WRONG in device.faults:
        measured = measured._replace(service_pu=REST.service_pu)
    held = {
        name: device.held_us.get(name, now_us)
        for name, condition in machine.conditions.items()
        if condition.holds(measured)
    }
    if held != device.held_us:
        device = replace(device, held_us=held)
    deadline: int | None = None
    for way in machine.states[device.state].leave:
        if way.person and not people:
            continue
        due = _due_us(machine, device, way, luck)
        if due is None:
            continue
        if due <= now_us:
            return _take(machine, device, way, now_us, luck)
        deadline = due if deadline is None else min(deadline, due)
    return Step(device, (), deadline, None)


def _due_us(machine: Machine, device: Device, way: Transition, luck: Luck) -> int | None:
    """When a transition falls due if all stays as it is; None if a condition does not hold.

    The delay begins once the state is entered and every condition has held for as long as it asks.
    """
    begin = FOREVER_US if way.notices else device.since_us
    for name in way.when:
        if name.startswith("not "):
            if name[4:] in device.held_us:
                return None
        elif name not in device.held_us:
            return None
        else:
            begin = max(begin, device.held_us[name] + _lasting_us(machine, name, device.held_us[name], luck))
    due = begin + (_pace_us(device, way, begin, luck) if way.person else way.after_us)
    return max(due, device.since_us)


def _lasting_us(machine: Machine, name: str, since_us: int, luck: Luck) -> int:
    """For how long a condition that holds since then has to last."""
    condition = machine.conditions[name]
    if not (condition.staggered and machine.stagger_us):
        return condition.lasting_us
    share = luck(f"stagger {name}", max(since_us, 0))
    return condition.lasting_us + math.ceil(share * machine.stagger_us)


def _pace_us(device: Device, way: Transition, begin_us: int, luck: Luck) -> int:
    """How long a person takes: lognormal, by a number that belongs to this occasion."""
    share = min(max(luck(f"pace {device.state} {way.to}", max(begin_us, 0)), 1e-12), 1.0 - 1e-12)
    return math.ceil(way.after_us * math.exp(way.spread * NormalDist().inv_cdf(share)))


def _take(machine: Machine, device: Device, way: Transition, now_us: int, luck: Luck) -> Step:
    """Enter the next state: contactors open before they close."""
    erred = way.errs > 0.0 and luck(f"error {device.state} {way.to}", now_us) < way.errs
    name = way.errs_to if erred else way.to
    to, deeds = machine.states[name], list[Deed]()
    device = replace(device, state=name, since_us=now_us)
    device = _open(machine, device, to, now_us, luck, deeds)
    device = _close(machine, device, to, deeds)
    if to.engine and (to.engine == "run") != device.runs:
        device = replace(device, runs=not device.runs)
        deeds.append(Deed("start_source" if device.runs else "stop_source"))
    if way.resets:
        deeds.append(Deed("reset_source"))
    if to.sheds != device.sheds:
        device = replace(device, sheds=to.sheds)
        deeds.append(Deed("shed_loads" if to.sheds else "restore_loads"))
    if to.cords != device.cords:
        device = replace(device, cords=to.cords)
        deeds.append(Deed("connect_cords" if to.cords else "disconnect_cords"))
    return Step(device, tuple(deeds), now_us, way)


def _open(machine: Machine, device: Device, to: State, now_us: int, luck: Luck, deeds: list[Deed]) -> Device:
    if leaving := _less(device.service, to.service):
        welded = device.welded or _weld(machine, SERVICE_WELDS, leaving, now_us, luck)
        if stuck := _less(_both(leaving, welded), device.welded):
            deeds.append(Deed("service_welded", stuck))
        if opened := _less(leaving, welded):
            deeds.append(Deed("open_service", opened))
        device = replace(device, service=_less(device.service, opened), welded=welded)
    if leaving := _less(device.source, to.source):
        welded = device.source_welded or _weld(machine, SOURCE_WELDS, leaving, now_us, luck)
        if stuck := _less(_both(leaving, welded), device.source_welded):
            deeds.append(Deed("source_welded", stuck))
        if opened := _less(leaving, welded):
            deeds.append(Deed("disconnect_source", opened))
        device = replace(device, source=_less(device.source, opened), source_welded=welded)
    return device


def _close(machine: Machine, device: Device, to: State, deeds: list[Deed]) -> Device:
    bars = machine.interlocked and INTERLOCK_DEFEATED not in device.faults
    if joining := _less(to.service, device.service):
        if bars and device.source:
            deeds.append(Deed("service_barred", joining))
        else:
            deeds.append(Deed("close_service", joining))
            device = replace(device, service=_sum(device.service, joining))
    if joining := _less(to.source, device.source):
        if bars and device.service:
            deeds.append(Deed("source_barred", joining))
        else:
            deeds.append(Deed("connect_source", joining))
            device = replace(device, source=_sum(device.source, joining))
    return device


def _weld(machine: Machine, failure: str, poles: str, now_us: int, luck: Luck) -> str:
    """The pole that welds at this opening, "" for none: one of those that open, each as likely."""
    chance, draw = machine.failures.get(failure, 0.0), luck(failure, now_us)
    return poles[int(len(poles) * draw / chance)] if draw < chance else ""


def _less(poles: str, others: str) -> str:
    return "".join(pole for pole in poles if pole not in others)


def _both(poles: str, others: str) -> str:
    return "".join(pole for pole in poles if pole in others)


def _sum(poles: str, others: str) -> str:
    return "".join(sorted({*poles, *others}))
