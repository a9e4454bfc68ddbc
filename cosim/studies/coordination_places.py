"""Where faults are struck to hold protective devices against them: beginnings and ends of zones, tanks, meters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cosim.devices.protection import PHASES, Protection, ProtectiveDevice
from cosim.electrical.fault import FaultKind
from cosim.events.physics import Fault
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.nodes import numbers
from cosim.feeder.service import find_supply
from cosim.studies.coordination_times import Currents

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


@dataclass(frozen=True)
class Met:
    """One fault: where, what, and the current (4,) through each device before it, the nearest first."""

    place: str
    kind: FaultKind
    conductors: str
    ohm: float
    secondary: bool
    currents: dict[str, Currents] = field(default_factory=dict)


class Zones:
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


def rated_behind(feeder: Feeder, protection: Protection) -> dict[str, list[float]]:
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
