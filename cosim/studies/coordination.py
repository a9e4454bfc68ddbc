"""Whether the protective devices of a feeder act in the right order, and see what they guard against.

At the beginning and the ends of each device's zone faults of every kind are struck, bolted and through a resistance.
Their currents span what the device and the next one upstream may meet; between the least and the most of one kind both
are held against each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

from cosim.devices.inrush import sits_out
from cosim.devices.protection import PHASES, Element, Protection, ProtectiveDevice
from cosim.electrical.fault import FaultKind
from cosim.events.physics import Fault
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.nodes import numbers
from cosim.feeder.service import find_supply

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

Kind = Literal["curves cross", "margin", "blind", "saving fails", "inrush", "duty", "count"]
Currents = tuple[float, ...]

FAULT_OHM = 20.0  # a tree or wet ground; utilities plan with 0 to 40 ohm (estimate)
FUSE_SHARE = 0.75  # clearing of a link over melting of the link before it: the 75 % rule (stated, recalled)
FUSE_TO_RELAY_S, RELAY_TO_RELAY_S = 0.2, 0.3
"""Between clearing and the decision of a relay or recloser upstream; planners ask 0.2 to 0.4 s (estimate)."""
# Eaton TD132010EN (2017), "Coordination of fuse links with oil circuit reclosers"
SAVING_ONE, SAVING_TWO = 1.2, 1.35
"""Melting of a link over the fast clearing of the recloser before it, with one fast shot and with two (stated)."""
SOURCE_SIDE = 1.7
"""Melting of a fuse over the delayed clearing of a recloser behind it: two fast and two delayed shots, 2 s (stated)."""
GRID = 48  # currents looked at between the least and the most; a crossing is then bisected
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
    zones = _Zones(feeder, protection, faulted, fault_ohm)
    rated = _rated_behind(feeder, protection)
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


# -- times ----------------------------------------------------------------------------------


def decides_s(device: ProtectiveDevice, current_a: Sequence[float], shot: int = 0) -> float:
    """When a device at rest melts or decides to open, at constant current; infinite for never."""
    return min(
        (one.seconds(_seen(device, one, current_a)) for one in device.shots[shot].elements), default=math.inf
    )


def clears_s(device: ProtectiveDevice, current_a: Sequence[float], shot: int = 0) -> float:
    """When the current has stopped, arc and mechanism included; infinite for never."""
    found = math.inf
    for one in device.shots[shot].elements:
        seen = _seen(device, one, current_a)
        seconds = one.seconds(seen)
        if seconds < math.inf:
            found = min(found, seconds + one.arc_s(seen))
    return found + device.opening_us / 1e6


def asked_s(device: ProtectiveDevice, backup: ProtectiveDevice, cleared_s: float) -> float:
    """Earliest time at which a backup may melt or decide, if the device before it has cleared at `cleared_s`."""
    if backup.kind == "fuse":
        return cleared_s / FUSE_SHARE if device.kind == "fuse" else cleared_s * SOURCE_SIDE
    return cleared_s + (FUSE_TO_RELAY_S if device.kind == "fuse" else RELAY_TO_RELAY_S)


def fast_shots(device: ProtectiveDevice) -> tuple[int, ...]:
    """Shots that open sooner than the last: those that save fuses."""
    return tuple(k for k, shot in enumerate(device.shots) if shot.elements != device.shots[-1].elements)


def _seen(device: ProtectiveDevice, element: Element, current_a: Sequence[float]) -> float:
    if element.sees == "ground":
        return current_a[3]
    return max(current_a[PHASES.index(phase)] for phase in device.conductors)


def _most(device: ProtectiveDevice, current_a: Sequence[float]) -> float:
    return max(current_a[PHASES.index(phase)] for phase in device.conductors)


# -- ranges of currents -----------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """Currents of one kind of fault from the least to the most, through a device and its backup, (4,) each."""

    device: ProtectiveDevice
    least: tuple[Currents, Currents]
    most: tuple[Currents, Currents]

    def at(self, amperes: float) -> tuple[Currents, Currents]:
        """Both currents where the largest phase current of the device is `amperes`."""
        low, high = _most(self.device, self.least[0]), _most(self.device, self.most[0])
        share = (amperes - low) / (high - low) if high > low else 0.0
        mine, its = (
            tuple(a + share * (b - a) for a, b in zip(self.least[k], self.most[k], strict=True))
            for k in (0, 1)
        )
        return mine, its

    @property
    def ends(self) -> tuple[float, float]:
        """Least and most of the device's largest phase current [A]."""
        return _most(self.device, self.least[0]), _most(self.device, self.most[0])


def wrong_between(wrong: Callable[[float], bool], low_a: float, high_a: float) -> list[tuple[float, float]]:
    """Ranges of current in which something is wrong, their inner ends bisected to a part in 10^9."""
    grid = np.geomspace(low_a, high_a, GRID).tolist() if high_a > low_a else [low_a]
    grid[0], grid[-1] = low_a, high_a
    state = [wrong(one) for one in grid]
    found: list[tuple[float, float]] = []
    start = low_a if state[0] else NAN
    for k in range(1, len(grid)):
        if state[k] == state[k - 1]:
            continue
        a, b = grid[k - 1], grid[k]
        while b - a > 1e-9 * b:
            middle = 0.5 * (a + b)
            a, b = (middle, b) if wrong(middle) == state[k - 1] else (a, middle)
        if state[k]:
            start = b
        else:
            found.append((start, b))
    if state[-1]:
        found.append((start, high_a))
    return found


# -- places -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Met:
    """One fault: where, what, and the current (4,) through each device before it, the nearest first."""

    place: str
    kind: FaultKind
    conductors: str
    ohm: float
    secondary: bool
    currents: dict[str, Currents] = field(default_factory=dict)


class _Zones:
    """What each device guards, and the faults there."""

    def __init__(
        self, feeder: Feeder, protection: Protection, faulted: FaultedFeeder, fault_ohm: float
    ) -> None:
        self._feeder, self._protection, self._faulted, self._ohm = feeder, protection, faulted, fault_ohm
        supply, line, unit = find_supply(feeder.tables), feeder.line, feeder.transformer
        names = {"line": line["name"].tolist(), "transformer": unit["name"].tolist()}
        above: dict[str, int] = {}
        self._fed_from: dict[str, int] = {}
        goes_on: set[tuple[int, str]] = set()
        fed: dict[str, int] = {}
        for bus in supply.order:
            if bus not in supply.parent:
                continue
            table, row, before = supply.parent[bus]
            section = f"{table}:{names[table][row]}" if table in names else ""
            if section:
                fed[section], above[section] = bus, before
        self._fed_from = above
        for section, bus in above.items():
            if section.startswith("line:"):
                goes_on.add((bus, self._nearest(section)))
        primary = {f"line:{n}": r for r, n in enumerate(names["line"]) if line["level"].iloc[r] == "primary"}
        self._phases = {
            section: "".join(
                PHASES[n - 1] for n in sorted(set(numbers(line["from_nodes"].iloc[row]))) if 1 <= n <= 3
            )
            for section, row in primary.items()
        }
        self._ends: dict[str, list[str]] = defaultdict(list)
        for section in primary:
            own = self._nearest(section)
            if own and section in fed and (fed[section], own) not in goes_on:
                self._ends[own].append(section)
        self._homes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, kind in zip(feeder.home["name"], feeder.home["kind"], strict=True):
            own = self._nearest(f"home:{name}")
            if own:
                self._homes[own].append((f"home:{name}", str(kind)))

    def _nearest(self, section: str) -> str:
        return next(iter(self._protection.upstream.get(section, ())), "")

    def backup(self, device: ProtectiveDevice) -> ProtectiveDevice | None:
        """The next device upstream that opens by its own current."""
        return next((one for one in self._above(device) if one.shots), None)

    def reclosing(self, device: ProtectiveDevice) -> ProtectiveDevice | None:
        """The next recloser or relay upstream."""
        return next((one for one in self._above(device) if one.kind in ("recloser", "relay")), None)

    def _above(self, device: ProtectiveDevice) -> list[ProtectiveDevice]:
        chain = self._protection.guarding(device.section)
        return [
            one for one in chain if one.name != device.name and set(one.conductors) & set(device.conductors)
        ]

    def met(self, device: ProtectiveDevice) -> list[Met]:
        """Faults of a device's zone."""
        if device.section.startswith("transformer:"):
            return [*self._inside(device), *self._behind(device)]
        found = []
        for kind, conductors, ohm in self._kinds(device.conductors):
            found.append(self._struck(device.section, kind, conductors, ohm, 0.0))
        for section in self._ends[device.name]:
            for kind, conductors, ohm in self._kinds(self._phases[section]):
                found.append(self._struck(section, kind, conductors, ohm, 1.0))
        return found

    def _kinds(self, phases: str) -> Iterator[tuple[FaultKind, str, float]]:
        for phase in phases:
            yield FaultKind.LINE_GROUND, phase, 0.0
            yield FaultKind.LINE_GROUND, phase, self._ohm
        for k, phase in enumerate(phases):
            for other in phases[k + 1 :]:
                yield FaultKind.LINE_LINE, phase + other, 0.0
        if len(phases) == 3:
            yield FaultKind.THREE_PHASE, phases, 0.0

    def _inside(self, device: ProtectiveDevice) -> Iterator[Met]:
        """In the tank, before the coils: the unit's share is nought, so its fuse sees what the bus draws."""
        bus = self._fed_from.get(device.section)
        before = self._above(device)
        if bus is None or not before:
            return
        where = f"bus:{self._feeder.bus['name'].iloc[bus]}"
        for phase in device.conductors:
            fault = Fault("asked", where, FaultKind.LINE_GROUND, phase)
            drawn = self._faulted.currents((), (), [fault], [one.section for one in before])
            currents = {one.name: tuple(row) for one, row in zip(before, drawn.tolist(), strict=True)}
            mine = currents[before[0].name]
            yield Met(
                device.section, FaultKind.LINE_GROUND, phase, 0.0, False, {device.name: mine, **currents}
            )

    def _behind(self, device: ProtectiveDevice) -> Iterator[Met]:
        """At the secondary terminals, and at each meter."""
        homes = self._homes[device.name]
        places = [(device.section, any(kind == "split" for _, kind in homes))]
        places += [(home, kind == "split") for home, kind in homes]
        for place, split in places:
            yield self._struck(place, FaultKind.LINE_GROUND, "", 0.0, 1.0, secondary=True)
            if split:
                yield self._struck(place, FaultKind.LINE_LINE, "", 0.0, 1.0, secondary=True)

    def _struck(
        self,
        place: str,
        kind: FaultKind,
        conductors: str,
        ohm: float,
        along: float,
        *,
        secondary: bool = False,
    ) -> Met:
        guards = self._protection.guarding(place)
        fault = Fault("asked", place, kind, conductors, ohm, along)
        found = self._faulted.currents((), (), [fault], [one.section for one in guards])
        currents = {one.name: tuple(row) for one, row in zip(guards, found.tolist(), strict=True)}
        return Met(place, kind, conductors, ohm, secondary, currents)


def _rated_behind(feeder: Feeder, protection: Protection) -> dict[str, list[float]]:
    """Rated current of the service transformers behind each device, by phase [A]."""
    unit, coils = feeder.transformer, feeder.winding
    first = coils[coils["number"] == coils.groupby("transformer")["number"].transform("min")]
    where = {
        int(t): (int(b), str(n))
        for t, b, n in zip(first["transformer"], first["bus"], first["nodes"], strict=True)
    }
    base_v = feeder.bus["base_v"].to_numpy(float)
    found = {device.name: [0.0, 0.0, 0.0] for device in protection.devices}
    for row in np.flatnonzero((unit["kind"] == "service").to_numpy()).tolist():
        bus, nodes = where[row]
        phases = sorted({n for n in numbers(nodes) if 1 <= n <= 3})
        if not phases:
            continue
        rated_a = float(unit["rated_kva"].iloc[row]) * 1e3 / len(phases) / float(base_v[bus])
        for name in protection.upstream.get(f"transformer:{unit['name'].iloc[row]}", ()):
            for phase in phases:
                found[name][phase - 1] += rated_a
    return found


# -- findings ---------------------------------------------------------------------------------


def _reach(device: ProtectiveDevice, met: Sequence[Met]) -> Reach:
    amperes = [(_most(device, one.currents[device.name]), one.place, one.ohm) for one in met]
    bolted = [one for one in amperes if one[2] == 0.0]
    resistive = [one for one in amperes if one[2] > 0.0]
    largest, smallest = max(bolted), min(bolted)
    through = min(resistive, default=(NAN, "", 0.0))
    return Reach(device.name, *largest[:2], *smallest[:2], *through[:2])


def _sees(device: ProtectiveDevice, current_a: Currents) -> bool:
    if not device.shots:
        return _most(device, current_a) >= device.actuating_a
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
        least = min(unseen, key=lambda one: _most(device, one.currents[device.name]))
        amperes = [_most(device, one.currents[device.name]) for one in unseen]
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
    worst = max(met, key=lambda one: _most(device, one.currents[device.name]))
    amperes = _most(device, worst.currents[device.name])
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
        if backup.name in one.currents and _most(device, one.currents[device.name]) > 0.0:
            groups[one.kind, one.conductors, one.secondary].append(one)
    for found in groups.values():
        found.sort(key=lambda one: _most(device, one.currents[device.name]))
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
            near = min(struck, key=lambda one: abs(_most(device, one.currents[device.name]) - worst))
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
