"""What a run would be, known before it starts: its feeder, who gets what, steps, events and file size."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cosim.errors import Problem, ScenarioError
from cosim.scenario.feeder_names import check_names, names_of
from cosim.scenario.population import populate
from cosim.scenario.quantities import format_duration
from cosim.scenario.schema import Scenario

if TYPE_CHECKING:
    from cosim.studies.site_rules import SiteCheck


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
    rules
        Utility, homes that break each of its rules, homes not judged and homes that could take no adapter.
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
    rules: dict[str, Any]
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
            f"rules     {self.rules['said']}",
            f"result    about {self.expected_bytes / 1e6:.1f} MB",
            *(f"note      {note}" for note in self.notes),
        ]


def outline(scenario: Scenario) -> Outline:
    """Put the run together as `run` would, read every file and entry it needs, and say what it would be.

    Raises
    ------
    InputError
        If the scenario does not fit its feeder, or a file or an entry cannot be used.
    """
    from cosim.simulation.assembly import assemble

    try:
        study = assemble(scenario, parallel=False)
    except ScenarioError as error:
        raise ScenarioError(list(dict.fromkeys([*_misfits(scenario), *error.problems]))) from None
    population, transformers = study.population, len(study.compiled.service_transformers)
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
        rules=_rules(study.site()),
        expected_bytes=expected_bytes(scenario, len(population.home), transformers),
        notes=study.notes,
    )


def _rules(found: SiteCheck) -> dict[str, Any]:
    """What homes break before anything is run: fault currents are not known yet."""
    from cosim.studies.site_rules import BARRED, BROKEN, UNJUDGED

    return {
        "utility": found.utility,
        "homes_broken": found.homes(BROKEN),
        "broken": found.rules(BROKEN),
        "unjudged": found.rules(UNJUDGED),
        "barred": found.rules(BARRED),
        "unseen": list(found.unseen),
        "said": found.line(),
    }


def _misfits(scenario: Scenario) -> list[Problem]:
    """Every line, home or table row that does not fit the feeder, where assembling stops at the first kind."""
    from cosim.simulation.sources import feeder_of

    feeder = feeder_of(scenario)
    home = feeder.home
    problems: list[Problem] = []
    names, kinds = home["name"].tolist(), home["kind"].tolist()
    for look in (
        lambda: check_names(scenario, names_of(feeder)),
        lambda: populate(
            scenario, names, kinds, home["service_rating_a"].to_numpy(float), home["socket"].tolist()
        ),
    ):
        try:
            look()
        except ScenarioError as error:
            problems += error.problems
    return problems


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
