"""Protective devices of a feeder: a breaker at its head, fuses of its laterals and service transformers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cosim import library
from cosim.devices.protection import Protection, ProtectiveDevice, Shot
from cosim.errors import FeederError, Problem
from cosim.feeder.carried_protection import carried_devices
from cosim.feeder.nodes import numbers
from cosim.feeder.service import find_supply, open_ends
from cosim.protection_entry import FuseEntry, ReclosingEntry, SectionalizerEntry
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

US = 1_000_000
RECLOSING = ("recloser", "relay")
RELAY, LATERAL, CUTOUT = "substation-relay", "k-link", "transformer-cutout"


@dataclass(frozen=True)
class AskedDevice:
    """A device in a chosen place: what it opens, its entry of models/protection, and ratings in place of its rule."""

    section: str
    entry: str
    rating_a: float | None = None
    ground_a: float | None = None


@dataclass(frozen=True)
class AskedProtection:
    """Scheme and devices: ``fuse-saving``, ``fuse-blowing``, ``feeder`` (its own tables'), ``none`` (chosen only)."""

    scheme: str = "fuse-saving"
    devices: tuple[AskedDevice, ...] = ()


SAVING = AskedProtection()


def protection_of(feeder: Feeder, asked: AskedProtection = SAVING) -> Protection:
    """Protective devices of a feeder, and who stands before whom.

    A relay stands at each trunk breaker (else at the lines next to the source), a fuse at each lateral's switch, a
    cutout at each service transformer. Ratings follow the load behind the place by the rules of models/protection.
    With the scheme ``feeder`` those that its model carries stand instead, without what stands where nothing is fed.

    Raises
    ------
    FeederError
        If chosen devices cannot stand where they are asked for, or the feeder carries none and is asked for them.
    """
    if problems := [message for _, _, message in misplaced(feeder, asked)]:
        raise FeederError(problems)
    site = _Site(feeder)
    wanted = {place.section: place for place in asked.devices}
    carried = _carried(feeder, site, wanted) if asked.scheme == "feeder" else ()
    devices = site.set(_all_wanted(site, asked), carried, saving=asked.scheme == "fuse-saving")
    own: dict[str, list[str]] = {}
    for device in reversed(devices):
        own.setdefault(device.section, []).append(device.name)
    upstream = {
        section: tuple(name for above in chain for name in own.get(above, ()))
        for section, chain in [*site.chains.items(), *site.ties()]
    }
    return Protection(tuple(devices), upstream)


def misplaced(feeder: Feeder, asked: AskedProtection) -> Iterator[tuple[int, str, str]]:
    """Chosen devices that cannot stand as asked for: number, ``at`` or ``rating_a``, what would be right."""
    if not asked.devices:
        return
    site = _Site(feeder)
    levels = dict(zip(feeder.line["name"], feeder.line["level"], strict=True))
    reclosing = {place.section for place in _all_wanted(site, asked).values() if _recloses(place.entry)}
    if asked.scheme == "feeder":
        reclosing |= {one.section for one in carried_devices(feeder) if one.kind in RECLOSING}
    first: dict[str, int] = {}
    for number, place in enumerate(asked.devices):
        kind, name, _ = section_of(place.section)
        if place.section not in site.phases:
            told = "the feeder feeds no such section; give line:NAME or transformer:NAME"
            yield number, "at", f"no protective device can stand at {place.section}: {told}"
        elif kind == "line" and levels[name] != "primary":
            yield (
                number,
                "at",
                f"{name} is a {levels[name]} line: devices stand on the primary or at a transformer",
            )
        elif first.setdefault(place.section, number) != number:
            yield number, "at", f"{place.section} has a device already: one stands in a place"
        elif _counts(place.entry) and not reclosing & set(site.chains[place.section][1:]):
            yield (
                number,
                "at",
                f"no recloser or relay stands before {place.section}: a sectionalizer never opens there",
            )
        entry = library.load("protection", place.entry)
        if isinstance(entry, FuseEntry) and place.rating_a not in (None, *entry.ratings_a):
            made = ", ".join(f"{rating:g}" for rating in entry.ratings_a)
            yield number, "rating_a", f"{place.entry!r} is made for {made} A, not for {place.rating_a:g} A"
        elif isinstance(entry, SectionalizerEntry) and place.rating_a is not None:
            yield number, "rating_a", "a sectionalizer goes by the device before it: leave its rating out"


def _all_wanted(site: _Site, asked: AskedProtection) -> dict[str, AskedDevice]:
    """By section, the scheme's devices and those chosen, which take their places."""
    usual = () if asked.scheme in ("none", "feeder") else site.usual()
    return {section: AskedDevice(section, entry) for section, entry in usual} | {
        place.section: place for place in asked.devices
    }


def _recloses(entry: str) -> bool:
    return isinstance(library.load("protection", entry), ReclosingEntry)


def _counts(entry: str) -> bool:
    return isinstance(library.load("protection", entry), SectionalizerEntry)


def _carried(feeder: Feeder, site: _Site, wanted: Collection[str]) -> tuple[ProtectiveDevice, ...]:
    """Devices of the feeder's own tables where it feeds something and nothing else was chosen."""
    devices = carried_devices(feeder)
    if not devices:
        message = 'the feeder carries no protective devices: take "fuse-saving" or "fuse-blowing"'
        raise FeederError(Problem(message, key="protection.scheme", value="feeder"))
    return tuple(one for one in devices if one.section in site.phases and one.section not in wanted)


@dataclass
class _Site:
    """Ways from each section to its source, phases and load currents."""

    feeder: Feeder
    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)
    load_a: dict[str, dict[str, float]] = field(default_factory=dict)
    below: dict[int, tuple[str, ...]] = field(default_factory=dict)
    entries: dict[str, FuseEntry | ReclosingEntry | SectionalizerEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        feeder = self.feeder
        supply = find_supply(feeder.tables)
        names = {table: [str(n) for n in feeder.table(table)["name"]] for table in ("line", "transformer")}
        below = self.below
        self._base_v = feeder.bus["base_v"].to_numpy(float)
        for bus in supply.order:
            if bus not in supply.parent:
                below[bus] = ()
                continue
            table, row, above = supply.parent[bus]
            section = f"{table}:{names[table][row]}" if table in names else ""
            below[bus] = (section, *below[above]) if section else below[above]
            if section:
                self.chains[section] = below[bus]
                self.phases[section] = self._phases(table, row, above)
                self.load_a.setdefault(section, {})
        home = feeder.home
        va = np.hypot(home["kw"].to_numpy(float), home["kvar"].to_numpy(float)) * 1e3
        for row, (name, bus) in enumerate(zip(home["name"], home["bus"], strict=True)):
            chain = below.get(int(bus), ())
            self.chains[f"home:{name}"] = chain
            self._add(chain, float(va[row]))

    def _phases(self, table: str, row: int, above: int) -> str:
        if table == "line":
            nodes = self.feeder.line["from_nodes"].iloc[row]
        else:
            coils = self.feeder.winding
            mine = coils[(coils["transformer"] == row) & (coils["bus"] == above)]
            nodes = mine["nodes"].iloc[0] if len(mine) else ""
        return "".join("abc"[n - 1] for n in sorted(set(numbers(nodes))) if 1 <= n <= 3)

    def _add(self, chain: tuple[str, ...], va: float) -> None:
        """Current of a home through all that feeds it, on the phases of the nearest primary section."""
        service = next((k for k, one in enumerate(chain) if one.startswith("transformer:")), 0)
        primary = [one for one in chain[service:] if self.phases.get(one)]
        if not primary:
            return
        phases = self.phases[primary[0]]
        volts = self._volts(primary[0])
        for section in primary:
            if section.startswith("transformer:") and section != primary[0]:
                break  # beyond the substation
            for phase in phases:
                load = self.load_a[section]
                load[phase] = load.get(phase, 0.0) + va / len(phases) / volts

    def _volts(self, section: str) -> float:
        kind, name, _ = section_of(section)
        table = self.feeder.table(kind)
        row = int(np.flatnonzero(table["name"].to_numpy() == name)[0])
        if kind == "line":
            return float(self._base_v[int(table["from_bus"].iloc[row])])
        coils = self.feeder.winding
        mine = coils[coils["transformer"] == row].sort_values("number")
        return float(self._base_v[int(mine["bus"].iloc[0])])

    def ties(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Lines that stand open, and the ways to both of their ends, what they share once."""
        line = self.feeder.line
        out = set(np.flatnonzero(~line["in_service"].to_numpy(bool)).tolist())
        for row in sorted(out | {row for row, _ in open_ends(self.feeder.tables)}):
            ways = [self.below.get(int(line[end].iloc[row]), ()) for end in ("from_bus", "to_bus")]
            yield f"line:{line['name'].iloc[row]}", tuple(dict.fromkeys(ways[0] + ways[1]))

    def depth(self, section: str) -> tuple[int, str]:
        """Order from the source outwards."""
        return len(self.chains[section]), section

    def usual(self) -> Iterator[tuple[str, str]]:
        """Where devices usually stand, and of which entry."""
        line, unit = self.feeder.line, self.feeder.transformer
        switches = [f"line:{name}" for name in line["name"][line["is_switch"]]]
        heads = [section for section in switches if section.startswith("line:breaker")]
        if not heads:
            heads = [s for s, chain in self.chains.items() if s[:5] == "line:" and self._is_first(chain)]
        for section in heads:
            yield section, RELAY
        for section in switches:
            if section.startswith("line:lateral") and section in self.chains:
                yield section, LATERAL
        for name in unit["name"][unit["kind"] == "service"]:
            if f"transformer:{name}" in self.chains:
                yield f"transformer:{name}", CUTOUT

    @staticmethod
    def _is_first(chain: tuple[str, ...]) -> bool:
        return not any(one.startswith("line:") for one in chain[1:])

    def set(
        self, wanted: Mapping[str, AskedDevice], carried: Collection[ProtectiveDevice], *, saving: bool
    ) -> list[ProtectiveDevice]:
        """All devices from the source outwards; sectionalizers are set by the device before them."""
        devices = list(carried)
        for last in (False, True):
            chosen = [
                place
                for place in wanted.values()
                if isinstance(self.entry(place.entry), SectionalizerEntry) == last
            ]
            devices += [self.device(place, devices, saving=saving) for place in chosen]
        return sorted(devices, key=lambda device: self.depth(device.section))

    def device(
        self, asked: AskedDevice, others: Collection[ProtectiveDevice], *, saving: bool
    ) -> ProtectiveDevice:
        """A device with its settings; a sectionalizer counts what one of the `others` does."""
        section, entry = asked.section, self.entry(asked.entry)
        kind, place, _ = section_of(section)
        phases, source = self.phases[section], f"models/protection/{asked.entry}"
        load_a = max(self.load_a[section].values(), default=0.0)
        if isinstance(entry, FuseEntry):
            if kind == "transformer":
                load_a = self._rated_a(place)
            rating = asked.rating_a if asked.rating_a is not None else entry.rating_for(load_a)
            word = "cutout" if kind == "transformer" else "fuse"
            shots = (Shot((entry.link(rating),)),)
            return ProtectiveDevice(
                f"{word}:{place}", "fuse", section, phases, False, shots,
                interrupting_a=entry.interrupting_a.value, source=source,
            )  # fmt: skip
        name = f"{entry.kind}:{place}"
        if isinstance(entry, SectionalizerEntry):
            least = self._least_before(section, others)
            return ProtectiveDevice(
                name, "sectionalizer", section, phases, True, opening_us=round(entry.opening_s.value * US),
                reset_us=round(entry.memory_s.value * US), counts=entry.counts,
                actuating_a=entry.actuating_share.value * least, source=source,
            )  # fmt: skip
        assert isinstance(entry, ReclosingEntry)
        usual = max(entry.pickup_multiple.value * load_a, entry.least_pickup_a.value)
        pickup = asked.rating_a if asked.rating_a is not None else usual
        ground = asked.ground_a if asked.ground_a is not None else entry.ground_share.value * pickup
        return ProtectiveDevice(
            name, entry.kind, section, phases, True, entry.sequence(pickup, ground, saving),
            round(entry.opening_s.value * US), round(entry.reset_s.value * US),
            interrupting_a=entry.interrupting_a.value, source=source,
        )  # fmt: skip

    def entry(self, name: str) -> FuseEntry | ReclosingEntry | SectionalizerEntry:
        """An entry, read once however many devices are of its kind."""
        if name not in self.entries:
            self.entries[name] = library.load("protection", name)
        return self.entries[name]

    def _rated_a(self, unit: str) -> float:
        """Rated primary current of a transformer by phase."""
        table = self.feeder.transformer
        row = int(np.flatnonzero(table["name"].to_numpy() == unit)[0])
        phases = max(1, len(self.phases[f"transformer:{unit}"]))
        return float(table["rated_kva"].iloc[row]) * 1e3 / phases / self._volts(f"transformer:{unit}")

    def _least_before(self, section: str, others: Collection[ProtectiveDevice]) -> float:
        """Least phase pick-up of the nearest recloser or relay before a place; infinite if there is none."""
        for above in self.chains[section][1:]:
            for device in others:
                if device.section == above and device.kind in RECLOSING:
                    phase = (one for shot in device.shots for one in shot.elements if one.sees == "phase")
                    return min(one.pickup_a for one in phase)
        return math.inf
