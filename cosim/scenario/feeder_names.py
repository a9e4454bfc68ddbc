"""What a scenario names on its feeder, and whether the feeder has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cosim.errors import Problem, ScenarioError
from cosim.scenario.entry_rules import nearest
from cosim.sections import section_of

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder
    from cosim.scenario.schema import Scenario

Place = tuple[str | int, ...]
KINDS = ("line", "transformer", "home")


def names_of(feeder: Feeder) -> dict[str, list[str]]:
    """Names of a feeder's lines, transformers and homes."""
    return {kind: [str(name) for name in feeder.table(kind)["name"]] for kind in KINDS}


def check_names(scenario: Scenario, known: Mapping[str, Sequence[str]]) -> None:
    """Check the lines, transformers and homes that a scenario names against those of its feeder.

    Raises
    ------
    ScenarioError
        With every name the feeder does not have, and the nearest it has.
    """
    names = {kind: set(those) for kind, those in known.items()}
    names["home"] |= {name.removeprefix("home-") for name in names["home"]}
    problems = []
    for path, target in _named(scenario):
        asked = section_of(target)
        if asked.kind in names and asked.name not in names[asked.kind]:
            file, line = scenario.written(*path)
            message = f"the feeder has no {asked.kind} of this name{nearest(asked.name, known[asked.kind])}"
            if "@" in asked.name and asked.name.partition("@")[0] in names[asked.kind]:
                message = "should name conductors behind the @, each once: a, b, c, 1, 2 or n, such as @ab"
            problems.append(Problem(message, file, ".".join(map(str, path)), target, line))
    if problems:
        raise ScenarioError(problems)


def _named(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Everything named, with the path of its key."""
    for index, event in enumerate(scenario.events):
        yield ("events", index, "where"), event.where
    for index, device in enumerate(scenario.protection.devices):
        yield ("protection", "devices", index, "at"), device.at
    for index, island in enumerate(scenario.islands):
        yield ("islands", index, "at"), island.at
    for index, target in enumerate(scenario.record.full):
        yield ("record", "full", index), target
    backfeed = scenario.studies.backfeed_hazard
    for key in ("homes", "open") if backfeed is not None else ():
        for index, target in enumerate(getattr(backfeed, key)):
            yield ("studies", "backfeed_hazard", key, index), target
