"""What a run would be, known before it starts: its feeder, who gets what, steps, events and file size."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cosim.errors import Problem, ScenarioError
from cosim.scenario.population import Population, populate
from cosim.scenario.quantities import format_duration
from cosim.scenario.rules import check_names
from cosim.scenario.schema import Scenario

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


@dataclass(frozen=True)
class Outline:
    """Summary of a checked scenario.

    Parameters
    ----------
    title, start, end, step
        As text, local time.
    feeder
        Source of the feeder.
    homes
        Number of homes.
    groups, adapters
        Homes by group and by adapter.
    steps, events, studies
        Numbers of study steps and of events that the scenario schedules, and names of its studies.
    expected_bytes
        Estimate of the result file's size.
    notes
        What could not be done as asked.
    """

    title: str
    feeder: str
    homes: int
    groups: dict[str, int]
    adapters: dict[str, int]
    start: str
    end: str
    step: str
    steps: int
    events: int
    studies: tuple[str, ...]
    expected_bytes: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Sentences for a person."""
        groups = ", ".join(f"{name} {count}" for name, count in self.groups.items()) or "none"
        adapters = ", ".join(f"{name} {count}" for name, count in self.adapters.items()) or "none"
        return [
            self.title or "(no title)",
            f"feeder    {self.feeder}, {self.homes} homes",
            f"groups    {groups}",
            f"adapters  {adapters}",
            f"time      {self.start} to {self.end}, {self.steps} steps of {self.step}",
            f"events    {self.events} scheduled; studies: {', '.join(self.studies) or 'none'}",
            f"result    about {self.expected_bytes / 1e6:.1f} MB",
            *(f"note      {note}" for note in self.notes),
        ]


def _populate(scenario: Scenario, feeder: Feeder) -> Population:
    """Check the names a scenario uses against its feeder, and lay its groups over the homes.

    Raises
    ------
    ScenarioError
        With every line, home or table row that does not fit the feeder.
    """
    home, line = feeder.home, feeder.line
    problems: list[Problem | str] = []
    try:
        check_names(scenario, line["name"].tolist(), home["name"].tolist())
    except ScenarioError as error:
        problems += error.problems
    try:
        population = populate(
            scenario,
            home["name"].tolist(),
            home["kind"].tolist(),
            home["service_rating_a"].to_numpy(float),
            home["socket"].tolist(),
        )
    except ScenarioError as error:
        problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return population


def outline(scenario: Scenario) -> Outline:
    """Build the feeder and the population, and say what the run would be.

    Raises
    ------
    InputError
        If the scenario does not fit its feeder.
    """
    from cosim.simulation.sources import feeder_of

    feeder = feeder_of(scenario)
    population = _populate(scenario, feeder)
    transformers = int((feeder.transformer["kind"] == "service").sum())
    return Outline(
        title=scenario.title,
        feeder=scenario.feeder.source,
        homes=len(population.home),
        groups=dict(Counter(name for name in population.group if name)),
        adapters=dict(Counter(name for name in population.adapter if name)),
        start=scenario.start.isoformat(" ", "minutes"),
        end=scenario.local(scenario.duration).isoformat(" ", "minutes"),
        step=format_duration(scenario.step),
        steps=scenario.steps,
        events=len(scenario.events),
        studies=tuple(name for name, study in scenario.studies if study is not None),
        expected_bytes=expected_bytes(scenario, len(population.home), transformers),
        notes=population.notes,
    )


def expected_bytes(scenario: Scenario, homes: int, transformers: int) -> int:
    """Expected size of the result file [byte], to a factor of about two."""
    from cosim.results import estimate_bytes
    from cosim.results.record import RecordPlan

    named = [target.rpartition(":")[2] for target in scenario.record.full if target.startswith("worst:")]
    full = len(scenario.record.full) - len(named) + sum(map(int, named))
    plan = RecordPlan(scenario.record_interval_us, tuple(range(full)), scenario.record.quantize)
    lines = homes + transformers  # a drop each, and a span from one transformer to the next
    return estimate_bytes(
        plan, scenario.duration / 1e6, scenario.step / 1e6, homes, transformers, lines, transformers // 2
    )
