"""What must be true of sections that become islands, before their feeder is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cosim.scenario.entry_rules import Violation
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.scenario.schema import Scenario


def island_violations(scenario: Scenario) -> Iterator[Violation]:
    """What is wrong with a scenario's neighbourhood islands."""
    placed: dict[str, int] = {}
    for index, island in enumerate(scenario.islands):
        path = ("islands", index, "at")
        asked = section_of(island.at)
        if asked.kind != "line" or not asked.name or asked.conductors:
            yield path, 'should be "line:NAME", the switch that parts the section from the feeder', island.at
        first = placed.setdefault(island.at, index)
        if first != index:
            yield path, f"is the switch of island number {first} already", island.at
    if scenario.islands and scenario.solver == "pandapower":
        message = 'cannot be simulated with solver = "pandapower"; use solver = "cosim"'
        yield ("islands",), message, None
