"""Sections of a study that open and close, and the short circuits on it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.faulted_circuit import FaultedCircuits
from cosim.feeder.openings import Cut
from cosim.feeder.paths import Paths
from cosim.reliability.event_physics import FaultedGrid
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.state import State


class Switching:
    """Sections and faults of a study; what they need is made when first asked for."""

    def __init__(self, case: Study) -> None:
        self.case = case

    @cached_property
    def faulted(self) -> FaultedFeeder:
        """Fault currents of the feeder."""
        return FaultedFeeder(self.case.feeder, self.case.compiled)

    @cached_property
    def circuits(self) -> FaultedCircuits:
        """Circuits with open conductors and faults."""
        faulted = self.faulted
        return FaultedCircuits(self.case.feeder, self.case.compiled, faulted.openings, faulted.places)

    @cached_property
    def grid(self) -> FaultedGrid:
        """What protective devices and crews ask of the feeder."""
        return FaultedGrid(self.case.feeder, self.case.compiled, self.case.protection, self.faulted)

    @cached_property
    def paths(self) -> Paths:
        """Which conductors a way of metal joins to a source."""
        return self.grid.paths

    def cuts(self, where: str) -> tuple[Cut, ...]:
        """What opening a section opens; of a group, the services of its homes.

        Raises
        ------
        FeederError
            The feeder has no such section, or the section no such conductors.
        """
        section = section_of(where)
        if not section.conductors and section.kind != "transformer":
            return tuple(Cut(element) for element in self.case.section(where))
        return tuple(cut for part in self._parts(where) for cut in self.faulted.openings.cuts(part))

    def opened(self, state: State) -> frozenset[str]:
        """Open sections, groups as their homes; lines that stand open of themselves are none."""
        return frozenset(
            part for where, cuts in state.open_sections.items() if cuts for part in self._parts(where)
        )

    def tied(self, state: State) -> frozenset[str]:
        """Lines that stand open of themselves and are closed."""
        return frozenset(self.case.compiled.circuit.elements[e].name.replace(".", ":", 1) for e in state.tied)

    def struck_lines(self, state: State) -> frozenset[int]:
        """Lines with a fault inside."""
        elements, lines = self.case.compiled.line_element, self.faulted.openings
        return frozenset(
            int(elements[lines.line_row(fault.where[5:])])
            for fault in state.faults.values()
            if fault.where.startswith("line:")
        )

    def struck_nodes(self, state: State) -> frozenset[int]:
        """Nodes of present faults; of one inside a line, those of the line."""
        found: set[int] = set()
        for fault in state.faults.values():
            struck = self.faulted.places.struck(fault)
            if struck is not None:
                found.update(node for conductor in struck.conductors for node, _ in conductor)
        return frozenset(found)

    def _parts(self, where: str) -> tuple[str, ...]:
        section = section_of(where)
        if section.kind not in ("home", "group"):
            return (where,)
        homes = self.case.homes_at(f"{section.kind}:{section.name}")
        return tuple(str(section._replace(kind="home", name=home)) for home in homes)
