"""Where a scenario's feeder and demand come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand.households import HouseholdDemand
from cosim.demand.kit import HomeKit
from cosim.demand.profiles import Profile, ProfileDemand
from cosim.demand.traits import Electrification, draw_traits
from cosim.feeder.checks import require_studiable
from cosim.feeder.feeder import Feeder
from cosim.randomness import stable_ids
from cosim.scenario.population import SERVED
from cosim.simulation.measured import (
    FILES,
    downscaling_of,
    meet_head,
    own_series,
    series_of,
    with_own_loads,
)

if TYPE_CHECKING:
    from cosim.demand.block import Bool, Demand, DemandBlock, Float, State
    from cosim.demand.calendar import Calendar
    from cosim.demand.weather import Weather
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario import Scenario
    from cosim.scenario.feeder_schema import FeederSpec
    from cosim.scenario.population import Population


def feeder_of(scenario: Scenario) -> Feeder:
    """Generate, import or load the scenario's feeder.

    Raises
    ------
    FeederError
        If it cannot be read or built, or has homes that nothing feeds.
    """
    feeder = _feeder(scenario.feeder)
    require_studiable(feeder, str(scenario.feeder.path) if scenario.feeder.kind != "generated" else "")
    return feeder


def _feeder(spec: FeederSpec) -> Feeder:
    match spec.kind:
        case "opendss":
            return Feeder.from_opendss(spec.path)
        case "file":
            return Feeder.load(spec.path)
        case "pandapower":
            return Feeder.from_pandapower(
                spec.path, kva_per_home=spec.kva_per_home, drop_length_m=spec.drop_length_m, seed=spec.seed
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

    Customers without a single-phase service of 208 to 240 V are no households: whatever the source, they
    keep the feeder's own load.

    Raises
    ------
    ScenarioError
        If a profile file cannot be used.
    """
    seed, source, scale = scenario.seed, scenario.demand.source, scenario.demand.scale
    ids = stable_ids(population.home)
    traits = draw_traits(
        ids,
        seed,
        household=[str(name) for name in population.household],
        electrification=Electrification(**scenario.demand.electrification.shares()),
        pv_kw=population.pv_kw,
        pv_tilt_deg=population.pv_tilt_deg,
        pv_azimuth_deg=population.pv_azimuth_deg,
    )
    kit = HomeKit(weather, traits, parallel=parallel)
    customers = np.flatnonzero(~np.isin(population.kind, SERVED))
    profiles, which = _own_shapes(feeder)
    downscaling, count = None, 0
    if source.partition(":")[0] in FILES:
        series, shapes = series_of(scenario, calendar), [str(name) for name in feeder.home["shape"]]
        downscaling, count = downscaling_of(scenario, series, calendar, ids), len(series)
        mine = own_series(scenario, series, population.home, shapes, ids, customers)
        profiles, which = with_own_loads(series, mine, profiles, which)
    measured = ProfileDemand(
        calendar,
        profiles,
        which,
        compiled.nominal_w,
        compiled.nominal_var,
        kit=kit,
        scale=scale,
        parallel=parallel,
        downscaling=downscaling,
        measured=count,
    )
    if source != "households":
        return meet_head(scenario, compiled, calendar, measured)
    drawn = HouseholdDemand(calendar, weather, traits, seed, scale=scale, parallel=parallel)
    mixed = _WithCustomers(drawn, measured, customers) if len(customers) else drawn
    return meet_head(scenario, compiled, calendar, mixed)


def follows_voltage(scenario: Scenario) -> bool:
    """Whether homes' power follows the voltage as their appliances do; the reference solver knows constants only."""
    return scenario.demand.source == "households" and scenario.demand.impedance and scenario.solver == "cosim"


def _own_shapes(feeder: Feeder) -> tuple[list[Profile], NDArray[np.int64]]:
    """The feeder's load shapes, and the one each home names; -1 for a constant load."""
    table = feeder.table("shape")
    names = [str(name) for name in table["name"]]
    actual = table["actual"].to_numpy(bool)
    profiles = []
    for row, name in enumerate(names):
        q = feeder.matrices.shape_q[row]
        interval_s = float(table["interval_s"].iloc[row])
        profiles.append(
            Profile(name, feeder.matrices.shape_p[row], interval_s, q if len(q) else None, bool(actual[row]))
        )
    place = {name: row for row, name in enumerate(names)}
    return profiles, np.array([place.get(str(name), -1) for name in feeder.home["shape"]], dtype=np.int64)


@dataclass(frozen=True)
class _WithCustomers:
    """Drawn households, and customers that keep the feeder's own load."""

    drawn: Demand
    measured: ProfileDemand
    customers: NDArray[np.int64]

    def initial(self) -> State:
        """The households' state; the customers have none."""
        return self.drawn.initial()

    def block(
        self, state: State, first_step: int, seconds: Float, powered: Bool, limit_w: Float | None = None
    ) -> DemandBlock:
        """As `Demand.block`."""
        block = self.drawn.block(state, first_step, seconds, powered, limit_w)
        own = self.measured.block({}, first_step, seconds, powered)
        block.panel_w[self.customers] = own.panel_w[self.customers]
        block.panel_var[self.customers] = own.panel_var[self.customers]
        if block.impedance_w is not None and block.impedance_var is not None:
            block.impedance_w[self.customers] = 0.0
            block.impedance_var[self.customers] = 0.0
        for values in block.shown.values():
            values[self.customers] = np.nan
        return block
