"""Whether the protective devices of a feeder act in the right order, and see what they guard against.

At the beginning and the ends of each device's zone faults of every kind are struck, bolted and through a resistance.
Their currents span what the device and the next one upstream may meet; between the least and the most of one kind both
are held against each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from cosim.devices.inrush import sits_out
from cosim.devices.protection import Protection, ProtectiveDevice
from cosim.electrical.fault import FaultKind
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.faulted import FaultedFeeder
from cosim.studies.coordination_places import Met, Zones, rated_behind
from cosim.studies.coordination_times import (
    SAVING_ONE,
    SAVING_TWO,
    Currents,
    Span,
    asked_s,
    clears_s,
    decides_s,
    fast_shots,
    most_a,
    wrong_between,
)

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

Kind = Literal["curves cross", "margin", "blind", "saving fails", "inrush", "duty", "count"]

FAULT_OHM = 20.0  # a tree or wet ground; utilities plan with 0 to 40 ohm (estimate)
NAN = math.nan


@dataclass(frozen=True)
class CoordinationFinding:
    """Something that is not as a planner wants it; not an error.

    Parameters
    ----------
    kind
        ``curves cross``: the backup opens before the device has cleared; ``margin``: after it, but too soon for
        what is asked; ``blind``: the device never operates at its smallest fault; ``saving fails``: the link melts
        before the fast shot upstream is over; ``inrush``: it opens on the current of a return; ``duty``: a fault
        above what it can interrupt; ``count``: a sectionalizer that counts further than its backup opens.
    device, backup
        Names; of ``blind`` the backup is the nearest that does see the fault, "" if there is none.
    place, fault, ohm
        Section, kind of fault and its resistance; of a range of currents, the fault struck that is nearest its worst.
    crosses_a
        Current at which the curves cross inside the range of faults; NaN if they do not.
    from_a, to_a
        Currents through the device for which it holds.
    worst_a
        The current of the times that follow.
    device_s, backup_s
        Total clearing of the device, and when its backup decides to operate (of ``saving fails``: melting of the
        link and the end of the fast shot; of ``inrush`` no backup); infinite for never.
    right
        What would be right.
    """

    kind: Kind
    device: str
    backup: str
    place: str
    fault: str
    ohm: float
    crosses_a: float
    from_a: float
    to_a: float
    worst_a: float
    device_s: float
    backup_s: float
    right: str


@dataclass(frozen=True)
class Reach:
    """What a device may meet: largest and smallest bolted fault of its zone, smallest through the resistance [A]."""

    device: str
    largest_a: float
    largest_at: str
    smallest_a: float
    smallest_at: str
    resistive_a: float
    resistive_at: str


@dataclass(frozen=True)
class Coordination:
    """Findings by device from the source outwards, and what each device may meet."""

    findings: tuple[CoordinationFinding, ...]
    reaches: tuple[Reach, ...]

    def as_columns(self) -> dict[str, list[str] | list[float]]:
        """Findings by column; rows in order."""
        return {
            one.name: [getattr(row, one.name) for row in self.findings] for one in fields(CoordinationFinding)
        }


def coordination(
    feeder: Feeder,
    protection: Protection,
    *,
    fault_ohm: float = FAULT_OHM,
    compiled: CompiledFeeder | None = None,
    faulted: FaultedFeeder | None = None,
) -> Coordination:
    """Hold the devices of a feeder against its faults, the next device upstream, and the current of a return.

    Parameters
    ----------
    feeder, protection
        Where they stand and how they are set.
    fault_ohm
        Resistance of the smallest fault to ground on the primary.
    compiled, faulted
        Of that feeder, if they are there already.
    """
    if faulted is None:
        faulted = FaultedFeeder(feeder, feeder.compile() if compiled is None else compiled)
    zones = Zones(feeder, protection, faulted, fault_ohm)
    rated = rated_behind(feeder, protection)
    findings: list[CoordinationFinding] = []
    reaches = []
    for device in protection.devices:
        met = zones.met(device)
        if met:
            reaches.append(_reach(device, met))
        findings += _blind(device, met, protection)
        findings += _duty(device, met)
        findings += _order(device, zones.backup(device), met)
        findings += _saving(device, zones.reclosing(device), met)
        findings += _return(device, rated[device.name])
        findings += _count(device, zones.reclosing(device))
    return Coordination(tuple(findings), tuple(reaches))


def _reach(device: ProtectiveDevice, met: Sequence[Met]) -> Reach:
    amperes = [(most_a(device, one.currents[device.name]), one.place, one.ohm) for one in met]
    bolted = [one for one in amperes if one[2] == 0.0]
    resistive = [one for one in amperes if one[2] > 0.0]
    largest, smallest = max(bolted), min(bolted)
    through = min(resistive, default=(NAN, "", 0.0))
    return Reach(device.name, *largest[:2], *smallest[:2], *through[:2])


def _sees(device: ProtectiveDevice, current_a: Currents) -> bool:
    if not device.shots:
        return most_a(device, current_a) >= device.actuating_a
    return any(decides_s(device, current_a, shot) < math.inf for shot in range(len(device.shots)))


def _blind(
    device: ProtectiveDevice, met: Sequence[Met], protection: Protection
) -> Iterator[CoordinationFinding]:
    """One row for the primary and one for the secondary: the smallest fault that it does not see."""
    for secondary in (False, True):
        unseen = [
            one for one in met if one.secondary == secondary and not _sees(device, one.currents[device.name])
        ]
        if not unseen:
            continue
        least = min(unseen, key=lambda one: most_a(device, one.currents[device.name]))
        amperes = [most_a(device, one.currents[device.name]) for one in unseen]
        seen_by = next(
            (name for name, current_a in least.currents.items() if _sees(protection.device(name), current_a)),
            "",
        )
        yield CoordinationFinding(
            "blind", device.name, seen_by, least.place, str(least.kind), least.ohm, NAN, min(amperes), max(amperes),
            min(amperes), math.inf, NAN, _seeing(device, min(amperes)),
        )  # fmt: skip


def _seeing(device: ProtectiveDevice, amperes: float) -> str:
    if not device.shots:
        return f"it should count from {amperes:.0f} A, and counts from {device.actuating_a:.0f} A"
    starts = [
        f"{one.name} from {one.pickup_a * getattr(one.curve, 'multiple', (1.0,))[0]:.0f} A"
        for one in device.shots[-1].elements
    ]
    return f"it should see {amperes:.0f} A, and sees {', '.join(starts)}"


def _duty(device: ProtectiveDevice, met: Sequence[Met]) -> Iterator[CoordinationFinding]:
    if not met or not device.shots:
        return
    worst = max(met, key=lambda one: most_a(device, one.currents[device.name]))
    amperes = most_a(device, worst.currents[device.name])
    if amperes > device.interrupting_a:  # False for an unknown one
        yield CoordinationFinding(
            "duty", device.name, "", worst.place, str(worst.kind), worst.ohm, NAN, device.interrupting_a, amperes,
            amperes, clears_s(device, worst.currents[device.name]), NAN,
            f"it should interrupt {amperes:.0f} A, and interrupts {device.interrupting_a:.0f} A",
        )  # fmt: skip


def _spans(
    device: ProtectiveDevice, backup: ProtectiveDevice, met: Sequence[Met]
) -> Iterator[tuple[Span, list[Met]]]:
    """Of each kind of fault from the least to the most, with its faults."""
    groups: dict[tuple[FaultKind, str, bool], list[Met]] = defaultdict(list)
    for one in met:
        if backup.name in one.currents and most_a(device, one.currents[device.name]) > 0.0:
            groups[one.kind, one.conductors, one.secondary].append(one)
    for found in groups.values():
        found.sort(key=lambda one: most_a(device, one.currents[device.name]))
        least, most = (
            (one.currents[device.name], one.currents[backup.name]) for one in (found[0], found[-1])
        )
        yield Span(device, least, most), found


Times = Callable[[Currents, Currents], tuple[float, float, float]]
"""Times of device and backup at their currents, and what the later one should at least be [s]."""


def _held(
    kind: Kind,
    device: ProtectiveDevice,
    backup: ProtectiveDevice,
    met: Sequence[Met],
    times: Times,
    right: Callable[[float, float, float], str],
    *,
    saving: bool = False,
) -> Iterator[CoordinationFinding]:
    """At most one row: where one time comes before another, or within the margin; of all kinds of fault the widest."""
    found: list[tuple[bool, float, CoordinationFinding]] = []
    for span, struck in _spans(device, backup, met):
        low, high = span.ends

        def before(amperes: float, span: Span = span) -> bool:
            first, second, _ = times(*span.at(amperes))
            return (first >= second) if not saving else (second >= first)

        def close(amperes: float, span: Span = span) -> bool:
            first, second, asked = times(*span.at(amperes))
            return (second if not saving else first) < asked

        for wrong in (before, close):
            ranges = wrong_between(_unless_both_never(wrong, span, times), low, high)
            if not ranges:
                continue
            start, end = max(ranges, key=lambda one: one[1] / one[0])
            inner = [a for a in (start, end) if low < a < high]
            if len(inner) == 1:
                worst = start if inner[0] == end else end
            else:
                worst = max((start, end), key=lambda a: _lack(times(*span.at(a)), saving))
            first, second, asked = times(*span.at(worst))
            near = min(struck, key=lambda one: abs(most_a(device, one.currents[device.name]) - worst))
            row = CoordinationFinding(
                kind if wrong is before else "margin", device.name, backup.name, near.place, str(near.kind),
                near.ohm, inner[0] if inner and wrong is before else NAN, start, end, worst, first, second,
                right(worst, first, asked),
            )  # fmt: skip
            found.append((wrong is before, math.log(end / start), row))
            break
    if found:
        yield max(found, key=lambda one: one[:2])[2]


def _unless_both_never(wrong: Callable[[float], bool], span: Span, times: Times) -> Callable[[float], bool]:
    def checked(amperes: float) -> bool:
        first, second, _ = times(*span.at(amperes))
        return min(first, second) < math.inf and wrong(amperes)

    return checked


def _lack(told: tuple[float, float, float], saving: bool) -> float:
    """By how much the later time falls short of what is asked, as a ratio."""
    first, second, asked = told
    later = first if saving else second
    if asked == math.inf:
        return math.inf
    return asked / later if later > 0.0 else math.inf


def _order(
    device: ProtectiveDevice, backup: ProtectiveDevice | None, met: Sequence[Met]
) -> Iterator[CoordinationFinding]:
    """The nearest has to clear before the next upstream melts or decides."""
    if backup is None or not device.shots:
        return
    # A reclosing backup's fast shots come before a fuse on purpose; of two reclosing devices the one upstream stays at
    # its first shot while the other goes through all of its own.
    its = len(fast_shots(backup)) if device.kind == "fuse" else 0
    slowest = len(device.shots) - 1

    def times(mine: Currents, others: Currents) -> tuple[float, float, float]:
        cleared, decided = clears_s(device, mine, slowest), decides_s(backup, others, its)
        return cleared, decided, asked_s(device, backup, cleared)

    def right(amperes: float, _: float, asked: float) -> str:
        if asked == math.inf:
            return f"{device.name} should see {amperes:.0f} A, or {backup.name} should not"
        return f"{backup.name} should hold for {asked:.3g} s at {amperes:.0f} A"

    yield from _held("curves cross", device, backup, met, times, right)


def _saving(
    device: ProtectiveDevice, reclosing: ProtectiveDevice | None, met: Sequence[Met]
) -> Iterator[CoordinationFinding]:
    """Fast shots have to clear before the link of a line melts; a transformer's is meant to blow."""
    if reclosing is None or device.kind != "fuse" or not device.section.startswith("line:"):
        return
    fast = fast_shots(reclosing)
    if not fast:
        return
    factor = SAVING_TWO if len(fast) > 1 else SAVING_ONE

    def times(mine: Currents, others: Currents) -> tuple[float, float, float]:
        cleared = clears_s(reclosing, others, fast[0])
        return decides_s(device, mine), cleared, factor * cleared

    def right(amperes: float, _: float, asked: float) -> str:
        if asked == math.inf:
            return f"{reclosing.name} should see {amperes:.0f} A on its fast shot"
        return f"the link should bear {amperes:.0f} A for {asked:.3g} s"

    yield from _held("saving fails", device, reclosing, met, times, right, saving=True)


def _return(device: ProtectiveDevice, rated_a: Sequence[float]) -> Iterator[CoordinationFinding]:
    """The return current that it holds worst."""
    broken = [check for check in sits_out(device, rated_a) if not check.holds]
    if not broken:
        return
    worst = max(broken, key=lambda one: one.point.seconds / max(one.operates_s, 1e-6))
    right = (
        f"it should hold {worst.point.multiple:g} times rated current ({worst.point.what}) for "
        f"{worst.point.seconds:g} s"
    )
    last = len(device.shots) - 1
    if last and all(check.holds for check in sits_out(device, rated_a, shot=last)):
        right += "; its last shot does"
    yield CoordinationFinding(
        "inrush", device.name, "", device.section, "", NAN, NAN, worst.current_a, worst.current_a, worst.current_a,
        worst.operates_s, NAN, right,
    )  # fmt: skip


def _count(device: ProtectiveDevice, reclosing: ProtectiveDevice | None) -> Iterator[CoordinationFinding]:
    """A sectionalizer opens in a dead time, so before its backup's last opening."""
    openings = 0 if reclosing is None else len(reclosing.shots)
    if device.kind == "sectionalizer" and device.counts >= openings:
        backup = "" if reclosing is None else reclosing.name
        yield CoordinationFinding(
            "count", device.name, backup, device.section, "", NAN, NAN, NAN, NAN, NAN, NAN, NAN,
            f"it should count to {openings - 1} at most, and counts to {device.counts}"
            if openings > 1
            else "it should stand behind a recloser that closes again",
        )  # fmt: skip
