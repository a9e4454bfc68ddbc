"""Physics without a power flow: switches, faults, who is out. What the clock needs for thousands of feeder-years."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.events.physics import Act, Action, Crossing, Fault, Isolation, Operation
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.paths import Paths
from cosim.reliability.isolation import Isolations
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

Float = NDArray[np.float64]


class FaultedGrid:
    """What faults, switches and crews ask of a feeder: the same for runs with a power flow and without.

    Parameters
    ----------
    feeder, compiled
        The tables, and the arrays made of them.
    protection
        Its devices.
    """

    def __init__(
        self,
        feeder: Feeder,
        compiled: CompiledFeeder,
        protection: Protection,
        faulted: FaultedFeeder | None = None,
    ) -> None:
        self.protection = protection
        self.home_names = tuple(map(str, feeder.home["name"]))
        self.faulted = FaultedFeeder(feeder, compiled) if faulted is None else faulted
        self.paths = Paths(feeder, compiled, self.faulted.openings, self.faulted.places)
        sections = {device.section for device in protection.devices}
        self.isolations = Isolations(feeder, self.faulted.openings, sections)
        lines = [f"line:{name}" for name in feeder.line["name"]]
        closed = compiled.closed_blocks
        self.stand_open = frozenset(
            name for name, element in zip(lines, compiled.line_element, strict=True) if int(element) in closed
        )

    def currents(
        self,
        opened: Collection[str],
        tied: Collection[str],
        faults: Collection[Fault],
        devices: Collection[str],
    ) -> Float:
        """(devices, 4) r.m.s. current [A] through devices by phase, and of their sum, loads off.

        What stands open and is not on the way to a fault that is fed counts as closed. That leaves out some magnetising
        current, and lets few states of the switches do for a storm.
        """
        present = [fault for fault in faults if self.paths.fed(fault, opened, tied)]
        if not present or not devices:
            return np.zeros((len(devices), 4))
        if not tied:
            way = set().union(*(self.isolations.way(fault.where) for fault in present))
            opened = [one for one in opened if str(section_of(one)._replace(conductors="")) in way]
        sections = [self.protection.device(name).section for name in devices]
        return self.faulted.currents(opened, tied, present, sections)


@dataclass
class Interruptions:
    """Interruptions so far: (homes, 2) of those that are over, and since when homes are out; -1 for in service."""

    out_since_us: NDArray[np.int64]
    home: list[int] = field(default_factory=list)
    start_us: list[int] = field(default_factory=list)
    end_us: list[int] = field(default_factory=list)


class EventPhysics:
    """Switches and faults of a feeder without a power flow; a `FaultPhysics`.

    It has no loads, no DER and no controls: what they would be told is accepted, and changes nothing.

    Parameters
    ----------
    grid
        The feeder; any number of these may share one.
    """

    def __init__(self, grid: FaultedGrid) -> None:
        self.grid = grid
        self.now_us = 0
        self.opened: frozenset[str] = frozenset()
        self.closed_ties: frozenset[str] = frozenset()
        self.faults: dict[str, Fault] = {}
        self.seen = Interruptions(np.full(len(grid.home_names), -1, dtype=np.int64))

    def copy(self) -> EventPhysics:
        """One that goes its own way from here."""
        other = copy.copy(self)
        other.faults, other.seen = dict(self.faults), copy.deepcopy(self.seen)
        return other

    @property
    def protection(self) -> Protection:
        """The feeder's protective devices."""
        return self.grid.protection

    @property
    def tied(self) -> frozenset[str]:
        """Lines that stand open of themselves and are closed now."""
        return self.closed_ties

    @property
    def out(self) -> NDArray[np.bool_]:
        """(h,) homes that are out now."""
        return self.seen.out_since_us >= 0

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        """Nothing moves between events."""
        self.now_us = until_us
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        """Open or close; returns the homes that lost all voltage by it, or have some again: those that a run names."""
        section, was = action.subject, self._dark()
        if action.kind == Act.OPEN:
            if section in self.grid.stand_open:
                self.closed_ties -= {section}
            else:
                self.opened |= {section}
        elif action.kind == Act.CLOSE:
            if section in self.grid.stand_open:
                self.closed_ties |= {section}
            else:
                self.opened -= {section}
        else:
            return ()
        self._look()
        dark = self._dark()
        turned = dark & ~was if action.kind == Act.OPEN else was & ~dark
        return tuple(self.grid.home_names[home] for home in np.flatnonzero(turned))

    def _dark(self) -> NDArray[np.bool_]:
        return self.grid.paths.dark(self.opened, self.closed_ties)

    def _look(self) -> None:
        """Begin and end interruptions; what lasts no time is none, nor does it end one."""
        out = self.grid.paths.out(self.opened, self.closed_ties)
        seen, now = self.seen, self.now_us
        was = seen.out_since_us >= 0
        for home in np.flatnonzero(was & ~out).tolist():
            start = int(seen.out_since_us[home])
            if start < now:
                seen.home.append(home)
                seen.start_us.append(start)
                seen.end_us.append(now)
        seen.out_since_us[was & ~out] = -1
        for home in np.flatnonzero(~was & out).tolist():
            seen.out_since_us[home] = self._taken_back(home)

    def _taken_back(self, home: int) -> int:
        """Since when a home is out that goes out now: since before, if it came back at this very instant."""
        seen, k = self.seen, len(self.seen.home) - 1
        while k >= 0 and seen.end_us[k] == self.now_us:
            if seen.home[k] == home:
                del seen.home[k], seen.end_us[k]
                return seen.start_us.pop(k)
            k -= 1
        return self.now_us

    def strike(self, fault: Fault) -> tuple[str, ...]:
        """Put a fault on the feeder now."""
        self.grid.paths.places.struck(fault)
        self.faults[fault.name] = fault
        return ()

    def clear(self, name: str) -> tuple[str, ...]:
        """Take a fault away now."""
        del self.faults[name]
        return ()

    def fault_currents(self, devices: tuple[str, ...]) -> Float:
        """(devices, 4) r.m.s. current [A] through protective devices now."""
        return self.grid.currents(self.opened, self.closed_ties, self.faults.values(), devices)

    def fed(self, names: tuple[str, ...]) -> tuple[bool, ...]:
        """Whether current can flow into each fault now."""
        paths = self.grid.paths
        return tuple(paths.fed(self.faults[name], self.opened, self.closed_ties) for name in names)

    def isolation(self, where: str) -> Isolation:
        """How a crew isolates a place now."""
        kind, name, _ = section_of(where)
        return self.grid.isolations.around(f"{kind}:{name}", self.opened)

    def delay_us(self, control: str) -> int | None:
        """There are no controls."""
        return None

    def operate(self, controls: tuple[str, ...]) -> tuple[Operation, ...]:
        """There are no controls."""
        return ()

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        """There is nothing to study: raises `NotImplementedError`."""
        raise NotImplementedError(f"no power flow, so no study {kind!r}")
