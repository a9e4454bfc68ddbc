"""Faults, protective devices, crews and transfer devices of a scenario, as processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cosim import library
from cosim.events.crew_processes import Crews
from cosim.events.fault_processes import BROKEN, ComingFault, Faults
from cosim.events.hazard_processes import BackfeedHazards
from cosim.events.protection_processes import ProtectionWatch
from cosim.events.transfer_processes import TransferDevices
from cosim.reliability.draws import YEAR_US, Rates, duration
from cosim.reliability_entry import ACTIVITIES
from cosim.scenario.event_rules import fault_kind
from cosim.scenario.outage_schema import AVERAGE
from cosim.sections import section_of
from cosim.simulation.island_fit import machines_by_row

if TYPE_CHECKING:
    from cosim.devices.transfer import Machine
    from cosim.events.records import Record
    from cosim.scenario.event_schema import Event
    from cosim.simulation.assembly import Study


def outage_records(study: Study) -> Iterator[Record]:
    """What strikes, what opens, who repairs; nothing where nothing can fail."""
    coming = coming_faults(study)
    if coming:
        yield Faults(name="faults", coming=coming)
        yield ProtectionWatch(name="protection")
        if (crews := _crews(study)).crews:
            yield crews


def coming_faults(study: Study) -> list[ComingFault]:
    """Faults of the events, of storms, and those drawn by rate, within the run."""
    scenario = study.scenario
    found = [
        _event_fault(
            event, study.section_named(event.where), f"event-{number}", scenario.elapsed_us(event.at)
        )
        for number, event in enumerate(scenario.events, 1)
        if is_fault(event)
    ]
    asked = scenario.faults
    if asked.rates is None and not scenario.storms:
        return found
    rates = _scaled(Rates.of(study.feeder, library.load("reliability", asked.rates or AVERAGE)), asked.factor)
    if asked.rates is not None:
        for year in range(-(-scenario.duration_us // YEAR_US)):
            found += [
                replace(fault, at_us=fault.at_us + year * YEAR_US, name=_of(year, fault.name))
                for fault in rates.faults(scenario.seed, year, storms=asked.storms)
            ]
    for number, storm in enumerate(scenario.storms, 1):
        start_us = scenario.elapsed_us(storm.at)
        found += rates.storm(scenario.seed, number, start_us, storm.lasts, storm.faults)
    return [fault for fault in found if fault.at_us < scenario.duration_us]


def is_fault(event: Event) -> bool:
    """Whether crews see to an event's end: a short circuit, or a neutral that stays lost."""
    return event.kind == "fault" or (event.kind == "lost-neutral" and event.duration is None)


def _event_fault(event: Event, section: str, name: str, at_us: int) -> ComingFault:
    asked = section_of(section)
    where = f"{asked.kind}:{asked.name}"
    if event.kind == "lost-neutral":
        return ComingFault(at_us=at_us, name=name, where=where, fault=BROKEN, conductors="n")
    return ComingFault(
        at_us=at_us, name=name, where=where, fault=fault_kind(event), conductors=asked.conductors,
        ohm=event.ohm, along=event.along, dead_us=event.duration,
    )  # fmt: skip


def _of(year: int, name: str) -> str:
    return name if year == 0 else f"{name} year {year + 1}"


def _scaled(rates: Rates, factor: float) -> Rates:
    places = [
        place._replace(permanent=factor * place.permanent, temporary=factor * place.temporary)
        for place in rates.places
    ]
    return Rates(tuple(places), rates.entry)


def _crews(study: Study) -> Crews:
    asked = study.scenario.crews
    entry = library.load("reliability", asked.entry)
    scale = entry.calibration.durations.value
    times = {name.replace("_", "-"): duration(getattr(entry.activities, name), scale) for name in ACTIVITIES}
    count = int(entry.crews.value) if asked.count is None else asked.count
    return Crews(
        name="crews", crews=count, seed=study.scenario.seed, times=times, order=asked.order or entry.order,
        use_ties=asked.use_ties,
    )  # fmt: skip


def transfer_records(study: Study) -> Iterator[Record]:
    """The transfer devices of all homes that have one and a source to go to, and who watches for backfeed."""
    homes = {name: machine.name for name, machine in machines_of(study).items()}
    if homes:
        machines = {machine.name: machine for machine in machines_of(study).values()}
        yield TransferDevices(
            name="transfer", homes=homes, machines=machines, seed=study.scenario.seed,
            people=study.scenario.people_home,
        )  # fmt: skip
        yield BackfeedHazards(name="backfeed")


def machines_of(study: Study) -> dict[str, Machine]:
    """By home, its transfer device as it is set; homes without one, or without a source for it, are left out."""
    population = study.population
    sources = {"battery": population.battery, "generator": population.generator}
    machines, found = machines_by_row(population), {}
    named = {str(name) for name in population.transfer[list(machines)]}
    made_for = {name: sources.get(library.load("transfer", name).supply) for name in sorted(named)}
    for row, machine in machines.items():
        supply = made_for[str(population.transfer[row])]
        if supply is not None and supply[row]:
            found[population.home[row]] = machine
    return found
