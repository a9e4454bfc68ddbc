"""Where a scenario's feeder and demand come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cosim.demand.profiles import ProfileDemand
from cosim.demand.shapes import ShapeDemand
from cosim.demand.traits import draw_traits
from cosim.feeder.feeder import Feeder
from cosim.randomness import stable_ids

if TYPE_CHECKING:
    from cosim.demand.block import Demand
    from cosim.demand.calendar import Calendar
    from cosim.demand.weather import Weather
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario import Scenario
    from cosim.scenario.population import Population


def feeder_of(scenario: Scenario) -> Feeder:
    """Generate, import or load the scenario's feeder.

    Raises
    ------
    FeederError
        If it cannot be read or built.
    """
    spec = scenario.feeder
    match spec.kind:
        case "opendss":
            return Feeder.from_opendss(spec.path)
        case "file":
            return Feeder.load(spec.path)
        case "pandapower":
            from cosim.feeder.pandapower_json import read_pandapower_json

            return Feeder.from_pandapower(
                read_pandapower_json(spec.path),
                kva_per_home=spec.kva_per_home,
                drop_length_m=spec.drop_length_m,
                seed=spec.seed,
            )
    return Feeder.generate(
        spec.homes,
        voltage_kv=spec.voltage_kv,
        density_homes_per_km2=spec.density_homes_per_km2,
        overhead_share=spec.overhead_share,
        kw_per_home=spec.kw_per_home,
        substation_distance_km=spec.substation_distance_km,
        short_circuit_mva=spec.short_circuit_mva,
        seed=spec.seed,
    )


def demand_of(
    scenario: Scenario,
    feeder: Feeder,
    compiled: CompiledFeeder,
    population: Population,
    calendar: Calendar,
    weather: Weather,
    *,
    parallel: bool,
) -> Demand:
    """What the homes draw, as the scenario says.

    Raises
    ------
    ScenarioError
        If a profile file cannot be used.
    """
    traits = draw_traits(
        stable_ids(population.home),
        scenario.seed,
        household=[str(name) for name in population.household],
        pv_kw=population.pv_kw,
        ev_kw=population.ev_kw,
        pv_tilt_deg=population.pv_tilt_deg,
        pv_azimuth_deg=population.pv_azimuth_deg,
    )
    shapes = ShapeDemand(calendar, weather, traits, scenario.seed, parallel=parallel)
    raise NotImplementedError
