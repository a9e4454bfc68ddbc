"""From a checked scenario to the arrays a run moves: feeder, homes, weather, demand, fleets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.demand.clouds import Places
from cosim.demand.weather import Weather
from cosim.devices.protection import Protection
from cosim.electrical.network import Network, Solution
from cosim.feeder.controls import Controls
from cosim.feeder.feeder import Feeder
from cosim.feeder.impedance_parts import with_impedance_parts
from cosim.feeder.places import home_places
from cosim.feeder.protection import AskedDevice, AskedProtection, protection_of
from cosim.feeder.quality import Watched, watch
from cosim.randomness import stable_ids
from cosim.scenario.feeder_names import check_names, names_of
from cosim.scenario.population import SERVED, Population, populate
from cosim.scenario.rules import resolve_home, resolve_quantity
from cosim.sections import section_of
from cosim.simulation.asked_studies import BackfeedCase, backfeed_cases
from cosim.simulation.equipment import Equipment, assumed_service_a, check_ratings, equip, served_kinds
from cosim.simulation.first_heat import first_day_pu
from cosim.simulation.fleets import Cars, Managed, fit_batteries, fit_cars, fit_limits
from cosim.simulation.grid_heat import GridHeat, grid_heat
from cosim.simulation.inverters import SmartInverters, fit_inverters, solar_rating_w
from cosim.simulation.island_fit import islands_of
from cosim.simulation.islands import Islands
from cosim.simulation.jaws import AgedJaws, age_jaws
from cosim.simulation.measured import measured_notes
from cosim.simulation.neighbourhoods import Neighbourhoods
from cosim.simulation.preflight import check_study
from cosim.simulation.ride_through import RideThrough
from cosim.simulation.sources import demand_of, feeder_of, follows_voltage

if TYPE_CHECKING:
    from cosim.demand.block import Demand
    from cosim.devices.battery import BatteryFleet
    from cosim.devices.breaker import BreakerFleet
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario import Scenario
    from cosim.simulation.adapter_heat import AdapterHeat
    from cosim.studies.der_placement import Placement
    from cosim.studies.site_rules import SiteCheck

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

SPLIT, SINGLE, THREE = 0, 1, 2
SHORT_STEP_US = 120_000_000
# From about here threads pay for demand and heat; below, their serial twins spare a first run the compiling.
MANY_HOMES = 2000
# The same for power flow, of nodes times steps: about a second of one core, against ten of compiling.
LONG_FLOW = 100_000_000


@dataclass(frozen=True)
class Study:
    """A scenario put together. Home arrays have shape (homes,) in the feeder's order.

    Parameters
    ----------
    scenario, feeder, compiled, population
        What it was made from.
    weather, demand
        Functions of the absolute step.
    equipment
        Adapters, batteries and breakers of the homes.
    controls
        Regulators and switched capacitors that act.
    inverters
        Inverters that act on the voltage.
    backfeed
        Homes whose source is studied with nothing that isolates it.
    jaws
        Jaws that are not as new, by adapter.
    cars
        The cars, and the home of each.
    """

    scenario: Scenario
    feeder: Feeder
    compiled: CompiledFeeder
    population: Population
    weather: Weather
    demand: Demand
    equipment: Equipment
    controls: Controls
    inverters: SmartInverters
    backfeed: tuple[BackfeedCase, ...]
    jaws: Mapping[str, AgedJaws]
    cars: Cars

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results should know, as sentences."""
        asked = self.scenario.controls
        reason = "are not simulated by this solver" if self.scenario.solver == "pandapower" else "are off"
        held = [
            f"{len(self.feeder.table(table))} {what} stay as the feeder has them: their controls {reason}"
            for table, what, on in (
                ("regulator", "regulators", asked.regulators),
                ("capacitor_control", "switched capacitors", asked.capacitors),
            )
            if len(self.feeder.table(table)) and not (on and self.scenario.solver == "cosim")
        ]
        if np.isfinite(self.equipment.breaker_kaic_a).any():
            held.append("main breakers are assumed to interrupt 10 kA (models/breakers): feeders do not say")
        aged = sum(int((jaws.years > 0.0).sum()) for jaws in self.jaws.values())
        if aged:
            held.append(
                f"jaws of {aged} homes are drawn and aged by models/contacts, which are estimates, under the load of "
                "drawn households without cars, solar or batteries"
            )
        return (*self.population.notes, *held, *self.grid_heat.notes, *self._doubts())

    def _doubts(self) -> Iterator[str]:
        """What the run does as asked although it may not be meant."""
        scenario, year = self.scenario, self.weather.year
        if year is not None:
            zone_h = self.weather.calendar.standard_offset_us / 3.6e9
            if abs(zone_h - year.utc_offset_h) >= 1.0:
                yield (
                    f"the weather's station keeps UTC{year.utc_offset_h:+g} and {scenario.timezone} UTC{zone_h:+g}: "
                    "the sun stands where the station is, so noon is off by the difference"
                )
        if scenario.demand.source == "households" and scenario.step_us > SHORT_STEP_US:
            yield (
                "steps above 2 min average what cycles inside them: peak currents, heat and breaker stress "
                "come out low (by a fifth at 15 min)"
            )
        for number, storm in enumerate(scenario.storms):
            if scenario.elapsed_us(storm.at) + storm.lasts > scenario.duration_us:
                yield f"storm number {number} outlasts the run: those of its faults that come later do not strike"
        yield from measured_notes(scenario, self.demand, self.home_names)
        yield from (str(item.message) for item in self.feeder.advice() if item.key == "home")
        yield from check_ratings(self.population)

    @property
    def homes(self) -> int:
        """Number of homes."""
        return len(self.population.home)

    @property
    def many_homes(self) -> bool:
        """Whether there are enough homes for threads to pay in demand and heat."""
        return self.homes >= MANY_HOMES

    @property
    def long_flow(self) -> bool:
        """Whether there is enough power flow for threads to pay in it."""
        return len(self.compiled.circuit.nodes) * self.scenario.steps >= LONG_FLOW

    @property
    def home_names(self) -> tuple[str, ...]:
        """Names of the homes."""
        return self.population.home

    @property
    def step_us(self) -> int:
        """Study step."""
        return self.scenario.step_us

    @property
    def heat(self) -> list[AdapterHeat]:
        """Heat fleets, one a kind of adapter, and the homes in each."""
        return self.equipment.heat

    @cached_property
    def grid_heat(self) -> GridHeat:
        """Service transformers and drops as they heat."""
        return grid_heat(self.feeder, self.compiled)

    @property
    def battery(self) -> BatteryFleet:
        """All batteries."""
        return self.equipment.battery

    @property
    def battery_home(self) -> Int:
        """Home of each battery."""
        return self.equipment.battery_home

    @property
    def breakers(self) -> BreakerFleet:
        """Main breakers of all homes, then branch breakers."""
        return self.equipment.breakers

    @property
    def pv_on_branch(self) -> Bool:
        """Whether the home's solar hangs on its adapter (else on the panel)."""
        return self.equipment.pv_on_branch

    @property
    def ev_on_branch(self) -> Bool:
        """Whether the home's charger hangs on its adapter (else on the panel)."""
        return self.equipment.ev_on_branch

    @cached_property
    def ride_through(self) -> RideThrough:
        """What inverters do in abnormal voltage."""
        return RideThrough(self.population, self.nominal_v, self.scenario.seed, self.step_us)

    @cached_property
    def has_der(self) -> Bool:
        """Homes with something that produces."""
        has = self.population.pv_kw > 0
        has[self.battery_home] = True
        return has

    def section_named(self, where: str) -> str:
        """A section by the feeder's own name: homes may be named by what follows ``home-``."""
        asked = section_of(where)
        row = resolve_home(asked.name, self.home_names) if asked.kind == "home" else None
        return where if row is None else str(asked._replace(name=self.home_names[row]))

    @cached_property
    def stand_open(self) -> frozenset[str]:
        """Lines that stand open of themselves, as ``line:NAME``."""
        elements, closed = self.compiled.line_element, self.compiled.closed_blocks
        names = self.feeder.line["name"]
        return frozenset(f"line:{n}" for n, at in zip(names, elements, strict=True) if int(at) in closed)

    @cached_property
    def protection(self) -> Protection:
        """The feeder's protective devices; none, and nothing burns, without a scheme."""
        asked = self.asked_protection
        if asked.scheme == "none" and not asked.devices:
            return Protection((), {})
        return protection_of(self.feeder, asked)

    @property
    def asked_protection(self) -> AskedProtection:
        """Scheme and chosen devices, as the scenario has them."""
        asked = self.scenario.protection
        placed = tuple(AskedDevice(d.at, d.entry, d.rating_a, d.ground_a) for d in asked.devices)
        return AskedProtection(asked.scheme, placed)

    @cached_property
    def islands(self) -> Islands:
        """Sources that can hold up homes off the grid."""
        return islands_of(self)

    @cached_property
    def neighbourhoods(self) -> Neighbourhoods:
        """Sections of the feeder with batteries of their own."""
        return Neighbourhoods(self)

    @cached_property
    def nominal_v(self) -> Float:
        """What the recorded voltages are nominally: leg to neutral, or across the coil."""
        compiled = self.compiled
        base = compiled.circuit.base_v[compiled.home_nodes[:, 0]]
        coil_v = self.feeder.home["kv"].to_numpy(float) * 1e3
        return np.where(compiled.home_kind == SINGLE, coil_v, base)

    @cached_property
    def managed(self) -> Managed:
        """What keeps homes inside their services."""
        names = sorted({str(name) for name in self.population.adapter} - {""})
        leg_v = self.nominal_v / np.where(self.compiled.home_kind == SINGLE, 2.0, 1.0)
        return fit_limits(self.population, {name: library.load("adapters", name) for name in names}, leg_v)

    @cached_property
    def transformer_va(self) -> Float:
        """Rating of every service transformer."""
        kva = self.feeder.transformer["rated_kva"].to_numpy(float)
        return kva[self.compiled.service_transformers] * 1e3

    @cached_property
    def first_load_pu(self) -> Float:
        """(transformers,) load over rating of service transformers that their heat begins under."""
        return first_day_pu(
            self.demand, self.compiled.home_transformer, self.transformer_va, self.step_us,
            self.scenario.duration_us,
        )  # fmt: skip

    @cached_property
    def ownerless(self) -> list[tuple[int, int, int]]:
        """Injectors that belong to no home: row and terminals."""
        injectors = self.compiled.circuit.injectors
        rows = np.flatnonzero(injectors.owner < 0)
        return [(int(row), int(injectors.node_a[row]), int(injectors.node_b[row])) for row in rows]

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.home_names)}

    def rows(self, names: Sequence[str]) -> Int:
        """Rows of homes by name."""
        return np.array([self._row_of[name] for name in names], dtype=np.int64)

    def homes_at(self, where: str) -> list[str]:
        """Homes that ``home:NAME`` or ``group:NAME`` means."""
        kind, _, name = where.partition(":")
        if kind == "group":
            return [
                home
                for home, group in zip(self.home_names, self.population.group, strict=True)
                if group == name
            ]
        row = resolve_home(name, self.home_names)
        return [] if row is None else [self.home_names[row]]

    def section(self, where: str) -> tuple[int, ...]:
        """Circuit elements that ``line:NAME``, ``home:NAME`` or ``group:NAME`` opens.

        A home is opened at its service drop, or at its service transformer where the feeder has no drop.
        """
        kind, _, name = where.partition(":")
        if kind == "line":
            rows = np.flatnonzero((self.feeder.line["name"] == name).to_numpy())
            elements = self.compiled.line_element[rows]
        else:
            homes = self.rows(self.homes_at(where))
            drop = self.feeder.home["drop"].to_numpy(np.int64)[homes]
            unit = self.feeder.home["transformer"].to_numpy(np.int64)[homes]
            with_drop = np.where(drop >= 0, self.compiled.line_element[drop], -1)
            with_unit = np.where(unit >= 0, self.compiled.transformer_element[unit], -1)
            elements = np.unique(np.where(drop >= 0, with_drop, with_unit))
        return tuple(int(element) for element in elements if element >= 0)

    def solve(self, network: Network, p_w: Float, q_var: Float, nodes: Int, parallel: bool) -> Solution:
        """Solve a block of steps with the scenario's solver; only the voltages of `nodes` are needed."""
        if self.scenario.solver == "pandapower":
            from cosim.simulation.reference import solve_reference

            return solve_reference(self.feeder, self.compiled, network, p_w, q_var)
        return network.solve(
            p_w, q_var, tolerance_pu=self.scenario.tolerance_pu, only=nodes, parallel=parallel
        )

    @cached_property
    def full_rows(self) -> tuple[int, ...]:
        """Homes named to be recorded in full."""
        rows = []
        for target in self.scenario.record.full:
            kind, _, name = target.partition(":")
            row = resolve_home(name, self.home_names) if kind == "home" else None
            if row is not None and row not in rows:
                rows.append(row)
        return tuple(rows)

    @cached_property
    def worst_asked(self) -> dict[str, int]:
        """Quantity to count, of every ``worst:QUANTITY:COUNT``."""
        asked: dict[str, int] = {}
        for target in self.scenario.record.full:
            kind, _, rest = target.partition(":")
            name, _, count = rest.partition(":")
            quantity = resolve_quantity(name) if kind == "worst" else None
            if quantity is not None:
                asked[quantity] = max(int(count), asked.get(quantity, 0))
        return asked

    def placement(self) -> Placement:
        """Homes with solar or a battery against NEC 705."""
        from cosim.studies.der_placement import der_placement

        return der_placement(self.population, self.line_v(), solar_rating_w(self.population))

    def line_v(self) -> Float:
        """(homes,) nominal voltage between the lines of each service."""
        coil_v = self.feeder.home["kv"].to_numpy(float) * 1e3
        return np.where(self.compiled.home_kind == SPLIT, 2.0 * coil_v, coil_v)

    def site(self, fault_a: Float | None = None) -> SiteCheck:
        """Every home against the rules of its utility; `fault_a` (homes,) largest fault currents, if studied."""
        from cosim.studies.site_rules import site_check

        return site_check(self.population, self.line_v(), self.scenario.utility, fault_a)

    @cached_property
    def watched(self) -> Watched:
        """Lines, three-phase buses and service transformers whose figures are recorded."""
        still = self.still.no_load_voltage()
        return watch(self.feeder, self.compiled, still, self.compiled.service_transformers)

    @cached_property
    def still(self) -> Network:
        """The feeder as its tables have it."""
        return Network(self.compiled.circuit)

    @cached_property
    def library(self) -> dict[str, Any]:
        """Every library entry used, as it was, for running it again and for the report's sources."""
        utility = self.scenario.utility
        asking = [] if utility is None else [("utilities", utility)]
        return {
            f"{kind}/{name}": json.loads(library.raw_json(kind, name))
            for kind, name in (*self.equipment.entries, *self.grid_heat.entries, *asking)
        }


def assemble(scenario: Scenario, *, parallel: bool = True) -> Study:
    """Build everything a scenario asks for, without running it.

    Raises
    ------
    InputError
        If the feeder, a library entry, a table or a named place cannot be used; nothing was written.
    """
    feeder = feeder_of(scenario)
    home = feeder.home
    check_names(scenario, names_of(feeder))
    if scenario.solver == "pandapower":
        from cosim.simulation.reference import check_reference

        check_reference(scenario, feeder)
    bare = feeder.compile()
    kinds = served_kinds(home["kind"].tolist(), home["kv"].to_numpy(float) * 1e3)
    rating_a, note = assumed_service_a(bare.nominal_w, kinds, home["service_rating_a"].to_numpy(float))
    population = populate(scenario, home["name"].tolist(), kinds, rating_a, home["socket"].tolist())
    if note:
        population = replace(population, notes=(*population.notes, note))
    many = parallel and len(home) >= MANY_HOMES
    jaws = age_jaws(scenario, population, parallel=many)
    equipment = equip(population, jaws)
    if follows_voltage(scenario):
        bare = with_impedance_parts(bare, np.isin(population.kind, SERVED))
    compiled, inverters = fit_inverters(bare, population, equipment)
    cases = backfeed_cases(scenario, population)
    calendar = Calendar(scenario.start, scenario.timezone, scenario.step_us, scenario.steps)
    weather = Weather(scenario.weather.source, calendar, seed=scenario.seed, clouds=scenario.weather.clouds)
    places = home_places(feeder)
    if places is not None:
        weather.settle(stable_ids(population.home), Places(*places))
    demand = demand_of(scenario, feeder, compiled, population, calendar, weather, parallel=many)
    battery, _ = fit_batteries(scenario, population, calendar)
    cars = fit_cars(scenario, population, weather)
    equipment = replace(equipment, battery=battery, entries=(*equipment.entries, *cars.entries))
    acting = scenario.solver == "cosim"
    controls = Controls(
        feeder, compiled,
        regulators=acting and scenario.controls.regulators,
        capacitors=acting and scenario.controls.capacitors,
    )  # fmt: skip
    study = Study(
        scenario, feeder, compiled, population, weather, demand, equipment, controls, inverters, cases, jaws,
        cars,
    )  # fmt: skip
    check_study(study)
    return study
