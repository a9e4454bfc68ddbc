"""What a run would stumble over on its feeder, told before it starts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cosim import library
from cosim.devices.operating import next_operation
from cosim.devices.protection import Response
from cosim.errors import FeederError, Problem, ScenarioError
from cosim.events.physics import Fault
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.protection import misplaced
from cosim.scenario.entry_rules import nearest
from cosim.scenario.event_rules import fault_kind
from cosim.sections import section_of
from cosim.simulation.neighbourhoods import Site, site_of

if TYPE_CHECKING:
    from cosim.scenario.event_schema import Event
    from cosim.scenario.population import Population
    from cosim.simulation.assembly import Study

Found = tuple[tuple[str | int, ...], str, object]
MOST_ACROSS_DEG, MOST_ACROSS_PU = 20.0, 0.1
"""Across a switch that is closed: sync-check relays are usually set to 10 to 30 degrees and 5 to 10 % (estimate)."""
LEAST_LINE_V = 216.0  # 0.9 of 240 V: a 120/208 V service has less


def check_study(study: Study) -> None:
    """Check what a scenario does to its feeder.

    Raises
    ------
    ScenarioError
        With every event that cannot happen there and every device that does not fit.
    """
    scenario = study.scenario
    problems = []
    devices = list(_devices(study))
    events = () if devices else _events(study)  # what sees a fault is known only where all devices can stand
    for path, message, value in (*devices, *events, *_islands(study), *_services(study)):
        file, line = scenario.written(*path)
        shown = "" if value is None else str(value)
        problems.append(Problem(message, file, ".".join(map(str, path)), shown, line))
    if problems:
        raise ScenarioError(problems)


def _devices(study: Study) -> Iterator[Found]:
    """Protective devices that cannot stand as they are asked for."""
    devices = study.scenario.protection.devices
    for index, key, message in misplaced(study.feeder, study.asked_protection):
        yield ("protection", "devices", index, key), message, getattr(devices[index], key)


def _events(study: Study) -> Iterator[Found]:
    faulted: FaultedFeeder | None = None
    for index, event in enumerate(study.scenario.events):
        path = ("events", index, "where")
        asked = section_of(event.where)
        if event.kind == "fault" or asked.conductors or event.kind == "lost-neutral":
            faulted = FaultedFeeder(study.feeder, study.compiled) if faulted is None else faulted
            yield from ((path, message, event.where) for message in _place(study, faulted, event))
        if event.kind == "tie" and event.where not in study.stand_open:
            known = sorted(study.stand_open)
            message = f"stands closed; a tie is a line that stands open{nearest(event.where, known)}"
            yield path, message, event.where
        elif event.kind in ("tie", "close") and event.where in study.stand_open:
            yield from ((path, message, event.where) for message in _across(study, event.where))


def _islands(study: Study) -> Iterator[Found]:
    """Sections that cannot be islands."""
    found: list[tuple[int, Site]] = []
    for index, island in enumerate(study.scenario.islands):
        path = ("islands", index, "at")
        try:
            site = site_of(study, island)
        except FeederError as error:
            yield path, str(error), island.at
            continue
        for first, other in found:
            if (site.nodes & other.nodes).any():
                message = f"overlaps the section of island number {first}: one battery forms a section"
                yield path, message, island.at
        found.append((index, site))


def _place(study: Study, faulted: FaultedFeeder, event: Event) -> Iterator[str]:
    """What is wrong with the conductors of an event, and whether anything would see its fault."""
    section = study.section_named(event.where)
    asked = section_of(section)
    try:
        if event.kind != "fault":
            at = f"{section}@n" if event.kind == "lost-neutral" else section
            faulted.openings.cuts(at)
            return
        where = str(asked._replace(conductors=""))
        fault = Fault("asked", where, fault_kind(event), asked.conductors, event.ohm, event.along)
        faulted.places.struck(fault)
    except FeederError as error:
        yield str(error).replace("fault 'asked': ", "")
        return
    guards = study.protection.guarding(where) if where in study.protection.upstream else ()
    if not guards:
        yield "no protective device stands before it: nothing would clear the fault"
        return
    tied = (where,) if where in study.stand_open else ()  # a tie has its fault when it is closed
    currents = faulted.currents((), tied, [fault], [device.section for device in guards])
    if not any(
        next_operation(device, Response(), current.tolist())
        for device, current in zip(guards, currents, strict=True)
    ):
        most = float(np.max(currents))
        names = ", ".join(device.name for device in guards)
        yield f"no device before it sees the fault: it draws {most:.0f} A, which none of {names} operates at"


def _across(study: Study, tie: str) -> Iterator[str]:
    """Whether a closing tie joins what is out of phase."""
    names = study.feeder.line["name"].tolist()
    element = study.compiled.circuit.elements[
        int(study.compiled.line_element[names.index(tie.removeprefix("line:"))])
    ]
    still = study.still.no_load_voltage()
    first, second = element.nodes.reshape(2, -1)
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if a < 0 or b < 0 or min(abs(still[a]), abs(still[b])) < 0.1 * study.compiled.circuit.base_v[a]:
            continue  # one side is dead: nothing to be out of phase with
        ratio = still[b] / still[a]
        angle, more = math.degrees(np.angle(ratio)), abs(abs(ratio) - 1.0)
        if abs(angle) > MOST_ACROSS_DEG or more > MOST_ACROSS_PU:
            yield (
                f"would close a loop out of phase: {abs(angle):.0f} degrees and {100 * more:.0f} % stand across "
                f"{study.compiled.circuit.nodes[a]} and {study.compiled.circuit.nodes[b]}"
            )
            return


def _services(study: Study) -> Iterator[Found]:
    """Transfer devices on services that they are not made for."""
    population = study.population
    line_v = study.line_v()
    wrong: dict[tuple[str, str], list[str]] = {}
    for row in np.flatnonzero((population.transfer != "") & (line_v < LEAST_LINE_V)).tolist():
        if _has_source(population, row):
            key = str(population.group[row]), str(population.transfer[row])
            wrong.setdefault(key, []).append(f"{population.home[row]} at {line_v[row]:.0f} V")
    for (group, machine), homes in wrong.items():
        shown = ", ".join(homes[:3]) + (", ..." if len(homes) > 3 else "")
        message = (
            f"{machine!r} puts a source of 240 V on services of another voltage, {len(homes)} in all: {shown}"
        )
        yield (("population", "table") if group == "table" else ("homes", group)), message, None


def _has_source(population: Population, row: int) -> bool:
    """Whether a home has the source that its machine goes to."""
    supply = library.load("transfer", str(population.transfer[row])).supply
    return supply != "none" and bool(getattr(population, supply)[row])
