"""From a population to the sources that can hold up its homes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from cosim import library
from cosim.demand import house_kernels
from cosim.demand.households import HouseholdDemand
from cosim.scenario.quantities import format_duration
from cosim.simulation.islands import Islands

if TYPE_CHECKING:
    from cosim.devices.transfer import Machine
    from cosim.entries import BatteryEntry, GeneratorEntry
    from cosim.scenario.home_schema import Failures
    from cosim.scenario.population import Population
    from cosim.simulation.assembly import Study


def islands_of(study: Study) -> Islands:
    """Sources of a study's homes."""
    population = study.population
    motor_w = np.zeros(study.homes)
    if isinstance(study.demand, HouseholdDemand):
        compressor = study.demand.houses.rows[:, house_kernels.COOL_W] / study.demand.traits.cooling_cop
        motor_w = np.where(study.demand.traits.cooled, compressor, 0.0)
    on_branch = np.zeros(study.homes, dtype=bool)
    for name in sorted({str(name) for name in population.adapter} - {""}):
        on_branch[population.adapter == name] = "generator" in library.load("adapters", name).diagram.tapped
    sources, machines = sources_by_row(population), machines_by_row(population)
    return Islands(
        population, sources, machines, study.compiled.home_kind.astype(np.int64), study.nominal_v, study.battery,
        study.battery_home, motor_w, on_branch,
    )  # fmt: skip


def machines_by_row(population: Population) -> dict[int, Machine]:
    """Machines of the homes that have one that moves, by row."""
    made: dict[tuple[str, str, int, Failures | None], Machine] = {}
    found = {}
    for row in np.flatnonzero(population.transfer != "").tolist():
        name, code = str(population.transfer[row]), str(population.grid_code[row])
        kind = name, code, int(population.return_stagger[row]), population.failures[row]
        if kind not in made:
            made[kind] = _machine(*kind)
        if made[kind].moves:
            found[row] = made[kind]
    return found


def _machine(name: str, code: str, stagger_us: int, failures: Failures | None) -> Machine:
    """A machine as its group has it, named for what the group says of it."""
    machine = library.load("transfer", name).machine(code or None, stagger_us)
    asked = {failure.replace("_", "-"): rate for failure, rate in failures or () if rate is not None}
    said = [
        *([code] if code else []),
        *([f"up to {format_duration(stagger_us)} later"] if stagger_us else []),
        *(f"{failure} {rate}" for failure, rate in asked.items()),
    ]
    title = f"{name} ({', '.join(said)})" if said else name
    return replace(machine, name=title, failures=machine.failures | asked)


def sources_by_row(population: Population) -> dict[int, BatteryEntry | GeneratorEntry]:
    """What can hold up the panels of the homes that have such a thing, by row."""
    columns = population.transfer, population.battery, population.generator
    kits = [tuple(str(name) for name in kit) for kit in zip(*columns, strict=True)]
    made = {kit: _source(*kit) for kit in sorted(set(kits))}
    return {row: source for row, kit in enumerate(kits) if (source := made[kit]) is not None}


def _source(machine: str, battery: str, generator: str) -> BatteryEntry | GeneratorEntry | None:
    """What can hold up a panel: what its transfer device is made for, else a battery before a generator."""
    asked = library.load("transfer", machine).supply if machine else "none"
    stores = cast("BatteryEntry", library.load("der", battery)) if battery else None
    drives = cast("GeneratorEntry", library.load("der", generator)) if generator else None
    stores = stores if stores is not None and stores.forms_grid else None
    drives = drives if drives is not None and drives.engine is not None else None
    return (drives or stores) if asked == "generator" else (stores or drives)
