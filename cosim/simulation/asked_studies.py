"""Studies of an instant, as a scenario asks for them: faults at the sockets, sources that nothing isolates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import library
from cosim.errors import Problem, ScenarioError
from cosim.scenario.rules import resolve_home

if TYPE_CHECKING:
    from cosim.electrical.network import Network
    from cosim.scenario import Scenario
    from cosim.scenario.population import Population
    from cosim.simulation.assembly import Study

Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class BackfeedCase:
    """A home whose source runs into the dead feeder: its name, the entry of models/der, its adapter."""

    home: str
    source: str
    adapter: str


def backfeed_cases(scenario: Scenario, population: Population) -> tuple[BackfeedCase, ...]:
    """Homes that the study of sources means, in the feeder's order, each once.

    Raises
    ------
    ScenarioError
        With every home that cannot be studied: three phases or one coil, or no source of its own and none given.
    """
    asked = scenario.studies.backfeed_hazard
    if asked is None:
        return ()
    file, path = scenario.written()[0], ("studies", "backfeed_hazard", "homes")
    chosen: dict[int, str] = {}
    problems = []
    for index, target in enumerate(asked.homes):
        place, _, name = target.partition(":")
        row = resolve_home(name, population.home) if place == "home" else None
        rows = [row] if row is not None else np.flatnonzero(population.group == name).tolist()
        fit = [
            r for r in rows if population.kind[r] == "split" and (asked.source or _own_source(population, r))
        ]
        if not fit:
            split = any(population.kind[r] == "split" for r in rows)
            message = (
                "has no generator or grid-forming battery of its own: give the key source"
                if split or not rows
                else "has no 120/240 V service, which a source of two legs needs"
            )
            key, line = ".".join(map(str, (*path, index))), scenario.written(*path, index)[1]
            problems.append(Problem(message, file, key, target, line))
        chosen |= {r: asked.source or _own_source(population, r) for r in fit}
    if problems:
        raise ScenarioError(problems)
    missing = asked.isolation == "missing"
    return tuple(
        BackfeedCase(population.home[row], chosen[row], "" if missing else str(population.adapter[row]))
        for row in sorted(chosen)[: asked.most]
    )


def _own_source(population: Population, row: int) -> str:
    """Entry of the home's own source that can hold up a dead feeder, empty for none; a generator first."""
    if population.generator[row]:
        return str(population.generator[row])
    battery = str(population.battery[row])
    entry = library.load("der", battery) if battery else None
    return battery if entry is not None and getattr(entry, "forms_grid", False) else ""


def tables(study: Study, kind: str, network: Network) -> Tables:
    """Tables of one study, by their kind in `layout.STUDIES`, named by their own kind and the study's label."""
    match kind:
        case "fault_duty":
            return _fault_duty(study, network)
        case "backfeed_hazard":
            return _backfeed(study)
    raise ValueError(f"no such study: {kind}")


def _fault_duty(study: Study, network: Network) -> Tables:
    from cosim.studies.socket_faults import Installed, socket_faults

    population, equipment = study.population, study.equipment
    asked = study.scenario.studies.fault_duty
    assert asked is not None  # the process was started because it is
    installed = Installed(
        home=study.home_names,
        adapter=[str(name) for name in population.adapter],
        battery=[str(name) for name in population.battery],
        generator=[str(name) for name in population.generator],
        main=[str(name) for name in equipment.main],
        branch=[str(name) for name in equipment.branch],
        service_a=population.service_rating_a,
        pv_kw=population.pv_kw,
        adapter_kaic_a=equipment.adapter_kaic_a,
        breaker_kaic_a=equipment.breaker_kaic_a,
    )
    return socket_faults(
        study.feeder, study.compiled, network, installed,
        kinds=asked.kinds, with_contributions=asked.contributions, let_through=asked.let_through,
        minimum_fault_ohm=asked.minimum_fault_ohm,
    )  # fmt: skip


def _backfeed(study: Study) -> Tables:
    from cosim.studies.backfeed_hazard import backfeed_hazard
    from cosim.studies.backfeed_tables import backfeed_tables

    asked = study.scenario.studies.backfeed_hazard
    assert asked is not None  # the process was started because it is
    opened = [target.partition(":")[2] for target in asked.open]
    found = [
        backfeed_hazard(
            study.feeder,
            case.home,
            case.source,
            opened=opened,
            adapter=case.adapter,
            fails=asked.isolation != "works",
            load_scale=asked.load_share,
            body_ohm=asked.body_ohm,
            source_kva=asked.source_kva,
            compiled=study.compiled,
        )
        for case in study.backfeed
    ]
    return backfeed_tables(found, [case.adapter for case in study.backfeed])
