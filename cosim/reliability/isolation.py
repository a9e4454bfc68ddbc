"""How a crew isolates a faulted place: the nearest switches around it, and ties that feed what lies behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from cosim.events.physics import Isolation
from cosim.feeder.openings import Openings
from cosim.feeder.service import find_supply, open_ends
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

Element = tuple[str, int]  # table and row


class Isolations:
    """Switches around every place of one feeder, in its own topology.

    Parameters
    ----------
    feeder
        Lines marked ``is_switch`` and the primaries of service transformers (their cutouts) can be opened by hand,
        and the service of each home.
    openings
        Its sections.
    protected
        Sections of protective devices; they can be opened by hand too.
    """

    def __init__(self, feeder: Feeder, openings: Openings, protected: Collection[str] = ()) -> None:
        self._feeder, self._openings = feeder, openings
        supply = find_supply(feeder.tables)
        self._above: dict[Element, int] = {}
        self._bus_of: dict[Element, int] = {}
        self._feeding: dict[int, Element] = {}
        self._below: dict[int, list[int]] = {}
        for bus, (table, row, above) in supply.parent.items():
            self._feeding[bus] = table, row
            self._above[table, row] = above
            self._bus_of.setdefault((table, row), bus)
            self._below.setdefault(above, []).append(bus)
        lines, units = feeder.line, feeder.transformer
        self._name = {("line", row): f"line:{name}" for row, name in enumerate(lines["name"])}
        self._name |= {("transformer", row): f"transformer:{name}" for row, name in enumerate(units["name"])}
        self._switch = {("line", row) for row, one in enumerate(lines["is_switch"]) if one}
        self._switch |= {("transformer", row) for row, kind in enumerate(units["kind"]) if kind == "service"}
        self._switch |= {element for element, name in self._name.items() if name in set(protected)}
        self._ways: dict[str, frozenset[str]] = {}
        self._ties = sorted({row for row, _ in open_ends(feeder.tables)})
        self._homes_at = set(feeder.home["bus"].tolist())

    def around(self, where: str, opened: Collection[str]) -> Isolation:
        """Switches around a place (`Fault.where`).

        Raises
        ------
        FeederError
            The feeder has no such place.
        """
        kind, name, _ = section_of(where)
        stands_open = {str(section_of(section)._replace(conductors="")) for section in opened}
        if kind == "home":
            home = self._openings.home_row(name)
            section = f"home:{self._feeder.home['name'].iloc[home]}"
            before = "" if {section, f"home:{name}"} & set(opened) else section
            return Isolation(before, (), (), "drop")
        start = self._start(kind, name)
        nearest = self._nearest(start, itself=start[0] == "transformer")
        before = "" if nearest is None else self._name[nearest]
        within = self._bus_of.get(nearest or start)
        behind, ties = self._fed_otherwise(within) if within is not None else ((), ())
        return Isolation("" if before in stands_open else before, behind, ties, self._element(start))

    def way(self, where: str) -> frozenset[str]:
        """Sections between a place and its source, the place's own among them."""
        if where not in self._ways:
            kind, name, _ = section_of(where)
            found = {where}
            at: Element | None
            if kind == "home":
                bus = int(self._feeder.home["bus"].iloc[self._openings.home_row(name)])
                at = self._feeding.get(bus)
            else:
                at = self._start(kind, name)
            while at is not None:
                found.add(self._name.get(at, ""))
                above = self._above.get(at)
                at = None if above is None else self._feeding.get(above)
            self._ways[where] = frozenset(found)
        return self._ways[where]

    def _start(self, kind: str, name: str) -> Element:
        if kind == "line":
            return "line", self._openings.line_row(name)
        if kind == "transformer":
            return "transformer", self._openings.unit_row(name)
        buses = self._feeder.bus["name"].tolist()
        return self._feeding[buses.index(name)]

    def _nearest(self, start: Element, itself: bool) -> Element | None:
        """The nearest switch between a place and the source."""
        at: Element | None = start
        while at is not None:
            if at in self._switch and (itself or at != start):
                return at
            above = self._above.get(at)
            at = None if above is None else self._feeding.get(above)
        return None

    def _fed_otherwise(self, bus: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Switches behind the zone that begins at `bus`, each with a tie behind it that leads elsewhere."""
        zone, edge = self._zone(bus)
        inside = set(zone)
        for switch in edge:
            inside.update(self._all_below(self._bus_of[switch]))
        behind, ties = [], []
        for switch in edge:
            there = set(self._all_below(self._bus_of[switch]))
            if not there & self._homes_at:
                continue
            for row in self._ties:
                ends = {int(self._feeder.line[end].iloc[row]) for end in ("from_bus", "to_bus")}
                if len(ends & there) == 1 and not (ends - there) & inside:
                    behind.append(self._name[switch])
                    ties.append(f"line:{self._feeder.line['name'].iloc[row]}")
                    break
        return tuple(behind), tuple(ties)

    def _zone(self, bus: int) -> tuple[list[int], list[Element]]:
        """Buses that no switch parts from `bus`, and the switches at their edge that lead on."""
        zone, edge = [bus], []
        for at in zone:
            for below in self._below.get(at, ()):
                element = self._feeding[below]
                if element[0] == "line" and element in self._switch:
                    edge.append(element)
                else:
                    zone.append(below)
        return zone, edge

    def _all_below(self, bus: int) -> Iterator[int]:
        stack = [bus]
        while stack:
            at = stack.pop()
            yield at
            stack.extend(self._below.get(at, ()))

    def _element(self, start: Element) -> str:
        if start[0] != "line":
            return "transformer"
        line = self._feeder.line.iloc[start[1]]
        if line["level"] == "drop":
            return "drop"
        return "cable" if line["type"] == "cs" else "overhead"
