"""Protective devices: what they are, and how far one has come towards operating.

A device goes a way towards operating at the rate 1 / t(I), t its time-current curve: a link's heat, a disc's travel, an
electronic timer alike, so a changing current is right: it operates when the integral of dt / t(I) reaches 1. From then
on nothing holds it; it opens after its arc (fuse) or its mechanism (breaker, recloser), even if the current has ceased.
Pure numbers, which `cosim.devices.operating` moves. Time is in whole microseconds; currents are (4,): r.m.s. of phases
a, b, c and of their sum.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
