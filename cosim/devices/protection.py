"""Protective devices: when they open, which phases, and whether they close again.

Pure numbers. A device goes a way towards operating at the rate 1 / t(I), t its time-current curve: a link's heat, a
disc's travel, an electronic timer alike, so a changing current is right: it operates when the integral of dt / t(I)
reaches 1. From then on nothing holds it; it opens after its arc (fuse) or its mechanism (breaker, recloser), even if
the current has ceased.

Whoever keeps the clock asks `next_operation` of every device that carries current or is not at rest, waits for the
earliest, brings all of them there with `advanced` (the currents being those of the interval that ends), and hands the
operation to `operated`. Time is in whole microseconds; currents are (4,): r.m.s. of phases a, b, c and of their sum.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from cosim.devices.curves import Curve, DefiniteTime
from cosim.sections import section_of

PHASES = "abc"
GROUND = "n"
NEVER = -1

Kind = Literal["fuse", "recloser", "relay", "sectionalizer"]
Currents = Sequence[float]


@dataclass(frozen=True)
class Element:
    """One curve that looks at each phase, or at their sum.

    Parameters
    ----------
    name
        As the log names it: "65K", "fast", "ground delayed", "instantaneous".
    pickup_a
        What the curve's multiples are multiples of: rating of a link, pick-up of a relay.
    curve, dial, adder_s
        It operates after ``dial * curve + adder_s``.
    sees
        Each phase, or the sum of all.
    reset_s
        From the end of its way back to rest without current: 0 for at once, infinite for never. With current
        below pick-up, over 1 - M^2.
    """

    name: str
    pickup_a: float
    curve: Curve
    sees: Literal["phase", "ground"] = "phase"
    dial: float = 1.0
    adder_s: float = 0.0
    reset_s: float = 0.0

    def seconds(self, current_a: float) -> float:
        """Time to operate from rest at constant current; infinite if it does not."""
        return self.dial * self.curve.operating_s(current_a / self.pickup_a) + self.adder_s

    def clears_s(self, current_a: float) -> float:
        """The same until the arc of a link is out."""
        return max(self.curve.clearing_ratio * self.seconds(current_a), self.curve.least_clearing_s)

    def arc_us(self, current_a: float) -> int:
        """Time from melting to the end of a current at which it melts [us]."""
        return round(self.clears_s(current_a) * 1e6) - round(self.seconds(current_a) * 1e6)


@dataclass(frozen=True)
class Shot:
    """One opening of a sequence: what brings it about, and the dead time after it; None if it is the last."""

    elements: tuple[Element, ...]
    dead_us: int | None = None


@dataclass(frozen=True)
class ProtectiveDevice:
    """A device and its settings.

    Parameters
    ----------
    name
        ``fuse:lateral-7``, ``recloser:trunk-1-3``, ``relay:feeder-1``, ``cutout:xfmr-12``.
    kind
        What it is.
    section
        What it opens and whose current it sees: ``line:NAME`` or ``transformer:NAME``.
    conductors
        Phases that it carries: ``abc``, ``b``.
    ganged
        Opens all of them together.
    shots
        Openings of a fuse, recloser or relay, in order; a fuse has one. None for a sectionalizer.
    opening_us
        From the decision to parted contacts and the end of the current.
    reset_us
        Closed without pick-up for so long it begins its sequence anew; a sectionalizer forgets its counts.
    counts, actuating_a
        Of a sectionalizer: it opens when the line goes dead for the `counts`-th time after more than `actuating_a`.
    interrupting_a
        Largest current that it breaks; NaN if unknown.
    source
        What its settings follow from.
    """

    name: str
    kind: Kind
    section: str
    conductors: str
    ganged: bool
    shots: tuple[Shot, ...] = ()
    opening_us: int = 0
    reset_us: int = 0
    counts: int = 0
    actuating_a: float = math.inf
    interrupting_a: float = math.nan
    source: str = ""

    def __post_init__(self) -> None:
        if not self.conductors or not set(self.conductors) <= set(PHASES):
            raise ValueError(f"{self.name}: conductors must be of abc, got {self.conductors!r}")
        if (self.kind == "sectionalizer") == bool(self.shots):
            raise ValueError(f"{self.name}: shots are a fuse's, recloser's or relay's, and it needs them")
        if self.kind == "sectionalizer" and self.counts < 1:
            raise ValueError(f"{self.name}: a sectionalizer counts to 1 or more")
        if any(shot.dead_us is None for shot in self.shots[:-1]) or (
            self.shots and self.shots[-1].dead_us is not None
        ):
            raise ValueError(f"{self.name}: every shot but the last needs a dead time, the last has none")
        elements = [element for shot in self.shots for element in shot.elements]
        if not self.ganged and len(self.conductors) > 1 and any(one.sees == "ground" for one in elements):
            raise ValueError(f"{self.name}: what looks at the sum of phases opens all of them: ganged")

    @property
    def poles(self) -> tuple[str, ...]:
        """Conductors that open together, each pole a sequence of its own."""
        return (self.conductors,) if self.ganged else tuple(self.conductors)

    def seconds(self, current_a: Currents, shot: int = 0) -> float:
        """Time from rest until the current has stopped, at constant current; infinite if it never does."""
        operation = next_operation(self, Response({pole: Pole(shot=shot) for pole in self.poles}), current_a)
        return operation.after_us / 1e6 if operation and operation.does == "open" else math.inf


@dataclass
class Pole:
    """State of one pole that is not at rest; JSON types only.

    Parameters
    ----------
    way
        How far each element has gone, by its place in the shot and what it looks at: ``{"0b": 0.4}``; stands still
        from a decision on until it has opened.
    opening_us, closing_us
        Time left until it opens, as decided, or closes again; -1 if neither.
    open, locked
        Whether it stands open, and will not close by itself.
    shot
        Openings done, of the sequence that is under way.
    quiet_us
        Time closed without pick-up.
    counted, armed
        Of a sectionalizer: pulses, and the phases whose fault current it has seen and not counted.
    """

    way: dict[str, float] = field(default_factory=dict)
    opening_us: int = NEVER
    closing_us: int = NEVER
    open: bool = False
    locked: bool = False
    shot: int = 0
    quiet_us: int = 0
    counted: int = 0
    armed: str = ""


@dataclass
class Response:
    """State of a device: its poles that are not at rest, by their conductors. JSON types only."""

    poles: dict[str, Pole] = field(default_factory=dict)

    @property
    def at_rest(self) -> bool:
        """Closed, cold, its sequence at the beginning: nothing to follow until fault current flows."""
        return not self.poles

    @property
    def open(self) -> str:
        """Phases that stand open."""
        return "".join(sorted(phase for name, pole in self.poles.items() if pole.open for phase in name))

    @property
    def locked(self) -> str:
        """Phases that stand open until somebody closes or replaces them."""
        return "".join(sorted(phase for name, pole in self.poles.items() if pole.locked for phase in name))


@dataclass(frozen=True)
class Operation:
    """What a device does next.

    Parameters
    ----------
    device
        Its name.
    after_us
        From now, at constant current.
    does
        ``open``, ``close`` (by itself, after its dead time).
    conductors
        Which phases.
    final
        An opening that the device does not undo: blown, locked out.
    by
        The element that brought it about, ``dead time`` or ``count 3``.
    shot
        Which opening of the sequence, from 1.
    """

    device: str
    after_us: int
    does: Literal["open", "close"]
    conductors: str
    final: bool
    by: str
    shot: int


def next_operation(
    device: ProtectiveDevice, response: Response, current_a: Currents, dead: str = ""
) -> Operation | None:
    """What the device does next if its current stays as it is; None if nothing.

    Parameters
    ----------
    device, response
        Settings and state.
    current_a : (4,)
        R.m.s. current of phases a, b, c and of their sum [A].
    dead
        Phases without voltage on the feeding side; only sectionalizers ask.

    Returns
    -------
    The earliest; of poles that do the same at the same time, one operation with the conductors of all.
    """
    first: Operation | None = None
    for name in device.poles:
        found = _next(device, name, response.poles.get(name) or Pole(), current_a, dead)
        if found is None or (first is not None and found.after_us > first.after_us):
            continue
        if first is not None and found == replace(first, conductors=name):
            found = replace(first, conductors=first.conductors + name)
        elif first is not None and found.after_us == first.after_us:
            continue  # another kind of act at this instant: the next call tells it, with nothing left to wait
        first = found
    return first


def advanced(
    device: ProtectiveDevice, response: Response, current_a: Currents, elapsed_us: int, dead: str = ""
) -> Response:
    """The state after `elapsed_us` at constant current; not beyond what `next_operation` tells of."""
    if elapsed_us <= 0:
        return response
    poles = {}
    for name in device.poles:
        pole = response.poles.get(name) or Pole()
        pole = _advanced(device, name, pole, current_a, elapsed_us, dead)
        if pole != _AT_REST:
            poles[name] = pole
    return Response(poles)


def operated(device: ProtectiveDevice, response: Response, operation: Operation) -> Response:
    """The state right after an operation whose time has come."""
    poles = dict(response.poles)
    for name in device.poles:
        if not set(name) <= set(operation.conductors):
            continue
        pole = poles.get(name) or Pole()
        if operation.does == "close":
            poles[name] = replace(pole, open=False, closing_us=NEVER, quiet_us=0)
            continue
        dead_us = device.shots[pole.shot].dead_us if device.shots else None
        poles[name] = replace(
            pole,
            way=_carried_over(device, pole),
            open=True,
            locked=dead_us is None,
            opening_us=NEVER,
            closing_us=NEVER if dead_us is None else dead_us,
            shot=pole.shot + 1,
        )
    return Response(poles)


def _carried_over(device: ProtectiveDevice, pole: Pole) -> dict[str, float]:
    """The way of elements that look on in the next shot: the same disc, not another one in its place."""
    these, following = (
        device.shots[n].elements if n < len(device.shots) else () for n in (pole.shot, pole.shot + 1)
    )
    same = {k for k, (one, other) in enumerate(zip(these, following, strict=False)) if one == other}
    return {key: way for key, way in pole.way.items() if int(key[:-1]) in same}


def stood_open(device: ProtectiveDevice, response: Response, conductors: str = "") -> Response:
    """The state after somebody has opened it by hand: it stays open."""
    named = _poles_with(device, conductors)
    return Response({**response.poles, **{name: Pole(open=True, locked=True) for name in named}})


def restored(device: ProtectiveDevice, response: Response, conductors: str = "") -> Response:
    """The state after a link has been replaced or a device closed by hand: at rest, of all poles or those named."""
    named = _poles_with(device, conductors)
    return Response({name: pole for name, pole in response.poles.items() if name not in named})


def _poles_with(device: ProtectiveDevice, conductors: str) -> list[str]:
    return [name for name in device.poles if not conductors or set(name) & set(conductors)]


_AT_REST = Pole()
_NEARLY = math.nextafter(1.0, 0.0)


def _next(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, dead: str
) -> Operation | None:
    if pole.open:
        if pole.closing_us < 0:
            return None
        return Operation(device.name, pole.closing_us, "close", name, False, "dead time", pole.shot)
    if not device.shots:
        count = pole.counted + _pulse_ends(pole, dead)
        if pole.opening_us < 0 and (count == pole.counted or count < device.counts):
            return None
        after = pole.opening_us if pole.opening_us >= 0 else device.opening_us
        return Operation(device.name, after, "open", name, True, f"count {count}", pole.shot + 1)
    shot = device.shots[min(pole.shot, len(device.shots) - 1)]
    if pole.opening_us >= 0:
        by = next((shot.elements[int(key[:-1])].name for key, way in pole.way.items() if way >= 1.0), "")
        after = pole.opening_us
    else:
        decided = _decision(device, shot, name, pole, current_a)
        if decided is None:
            return None
        after, by = decided[0] + decided[1], shot.elements[int(decided[2][:-1])].name
    return Operation(device.name, after, "open", name, shot.dead_us is None, by, pole.shot + 1)


def _decision(
    device: ProtectiveDevice, shot: Shot, name: str, pole: Pole, current_a: Currents
) -> tuple[int, int, str] | None:
    """When the first element is at its end, how long the opening takes from there [us], and which it is."""
    found: list[tuple[int, int, str]] = []
    for key, element, amperes in _looks(shot, name, current_a):
        seconds = element.seconds(amperes)
        if math.isfinite(seconds):
            left_us = max(0, round((1.0 - pole.way.get(key, 0.0)) * seconds * 1e6))
            found.append((left_us, device.opening_us + element.arc_us(amperes), key))
    return min(found, default=None)


def _looks(shot: Shot, name: str, current_a: Currents) -> Iterator[tuple[str, Element, float]]:
    """What each element of a shot looks at: key of its way, the element, its current [A]."""
    for number, element in enumerate(shot.elements):
        if element.sees == "ground":
            yield f"{number}{GROUND}", element, float(current_a[3])
        else:
            for phase in name:
                yield f"{number}{phase}", element, float(current_a[PHASES.index(phase)])


def _advanced(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, elapsed_us: int, dead: str
) -> Pole:
    if not device.shots:
        return _counting(device, name, pole, current_a, elapsed_us, dead)
    shot = device.shots[min(pole.shot, len(device.shots) - 1)]
    picked_up, way = False, {}
    decided = None
    if not pole.open and pole.opening_us < 0:
        decided = _decision(device, shot, name, pole, current_a)
        decided = None if decided is None or decided[0] > elapsed_us else decided
    for key, element, amperes in _looks(shot, name, current_a):
        moving_us = elapsed_us if decided is None else decided[0]
        gone = _gone(element, pole.way.get(key, 0.0), 0.0 if pole.open else amperes, moving_us)
        picked_up |= element.seconds(amperes) < math.inf
        if decided is not None:
            gone = 1.0 if key == decided[2] else min(gone, _NEARLY)  # one of them has decided
        if gone > 0.0:
            way[key] = gone
    opening, closing, quiet, number = pole.opening_us, pole.closing_us, pole.quiet_us, pole.shot
    if pole.open:
        closing = max(0, closing - elapsed_us) if closing >= 0 else closing
    elif opening >= 0:
        opening, way = max(0, opening - elapsed_us), pole.way
    elif decided is not None:
        opening = max(0, decided[0] + decided[1] - elapsed_us)
    elif number and not picked_up:
        quiet += elapsed_us
        if quiet >= device.reset_us:
            number, quiet = 0, 0
    else:
        quiet = 0
    return replace(pole, way=way, opening_us=opening, closing_us=closing, quiet_us=quiet, shot=number)


def _gone(element: Element, way: float, amperes: float, elapsed_us: int) -> float:
    """How far an element has gone after some time at constant current."""
    seconds = element.seconds(amperes)
    if seconds == 0.0:
        return 1.0
    if math.isfinite(seconds):
        return min(1.0, way + elapsed_us * 1e-6 / seconds)
    if way == 0.0 or element.reset_s == 0.0:
        return 0.0
    multiple = min(1.0, amperes / element.pickup_a)
    return max(0.0, way - elapsed_us * 1e-6 * (1.0 - multiple**2) / element.reset_s)


def _pulse_ends(pole: Pole, dead: str) -> bool:
    """Whether what a sectionalizer saw is over because the line went dead."""
    return bool(pole.armed) and set(pole.armed) <= set(dead)


def _counting(
    device: ProtectiveDevice, name: str, pole: Pole, current_a: Currents, elapsed_us: int, dead: str
) -> Pole:
    if pole.open:
        return pole
    if pole.opening_us >= 0:
        return replace(pole, opening_us=max(0, pole.opening_us - elapsed_us))
    seen = {phase for phase in name if current_a[PHASES.index(phase)] >= device.actuating_a}
    if seen:
        return replace(pole, armed="".join(sorted(seen | set(pole.armed))), quiet_us=0)
    if _pulse_ends(pole, dead):
        counted = pole.counted + 1
        if counted >= device.counts:
            return Pole(counted=counted, opening_us=max(0, device.opening_us - elapsed_us))
        return _AT_REST if elapsed_us >= device.reset_us else Pole(counted=counted, quiet_us=elapsed_us)
    quiet = pole.quiet_us + elapsed_us
    # A fault that was cleared further on leaves the line alive: nothing to count.
    armed = pole.armed if set(pole.armed) & set(dead) else ""
    if quiet >= device.reset_us or not (pole.counted or armed):
        return _AT_REST
    return replace(pole, armed=armed, quiet_us=quiet)


@dataclass(frozen=True)
class Protection:
    """The protective devices of a feeder, and who stands before whom.

    Parameters
    ----------
    devices
        All of them, from the source outwards.
    upstream
        By section (``line:NAME``, ``transformer:NAME``, ``home:NAME``), names of the devices that its current runs
        through, the nearest first; a device that opens the section itself is among them.
    """

    devices: tuple[ProtectiveDevice, ...]
    upstream: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {device.name: device for device in self.devices})
        homes = (
            name for section, chain in self.upstream.items() if section.startswith("home:") for name in chain
        )
        object.__setattr__(self, "_homes", Counter(homes))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all devices, in order."""
        return tuple(device.name for device in self.devices)

    def device(self, name: str) -> ProtectiveDevice:
        """The device of this name; raises `KeyError` if there is none."""
        by_name: dict[str, ProtectiveDevice] = self.__dict__["_by_name"]
        return by_name[name]

    def homes_behind(self, name: str) -> int:
        """How many homes' current runs through a device."""
        homes: Counter[str] = self.__dict__["_homes"]
        return homes[name]

    def guarding(self, section: str) -> tuple[ProtectiveDevice, ...]:
        """Devices before a section, the nearest first; with ``@b``, those that carry that phase.

        Raises
        ------
        KeyError
            The feeder has no such section.
        """
        kind, name, conductors = section_of(section)
        chain = tuple(self.device(one) for one in self.upstream[f"{kind}:{name}"])
        phases = set(conductors) & set(PHASES)
        return tuple(one for one in chain if not phases or phases & set(one.conductors))


def instantaneous(pickup_a: float, sees: Literal["phase", "ground"] = "phase") -> Element:
    """An element that operates at once from its pick-up on."""
    return Element("instantaneous", pickup_a, DefiniteTime(), sees)
