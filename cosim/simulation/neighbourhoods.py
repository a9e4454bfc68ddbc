"""Sections of the feeder that their own batteries hold up: where they are, what batteries do, what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.devices.section_battery import Z_PU, Limit, SectionBattery
from cosim.electrical.circuit import Source
from cosim.electrical.linear_network import LinearNetwork
from cosim.errors import FeederError
from cosim.events.physics import Act, Action, Crossing, Standing, Watch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cosim.electrical.network import Solution
    from cosim.scenario.island_schema import SectionIsland
    from cosim.simulation.assembly import Study
    from cosim.simulation.regulation import Regulation
    from cosim.simulation.state import State
    from cosim.simulation.steps import Plan

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

GONE_PU = 0.5  # dead for good, not a sag: below the 0.50 pu and 0.45 pu of IEEE 1547-2018's second undervoltage stages
GOOD_PU = (0.88, 1.10)  # IEEE 1547-2018, 6.4.2: continuous operation
IN_STEP_PU, IN_STEP_DEG = 0.10, 20.0  # IEEE 1547-2018, 4.10.4, up to 500 kVA
J_PER_KWH = 3.6e6
WATCHES = {
    Limit.EMPTY: Watch.ISLAND_STOPPED,
    Limit.OVERLOAD: Watch.ISLAND_STOPPED,
    Limit.SHORT: Watch.ISLAND_TRIPPED,
    Limit.FULL: Watch.ISLAND_HELD,
    Limit.CHARGING: Watch.ISLAND_HELD,
    Limit.ROOM: Watch.ISLAND_RELEASED,
}


@dataclass
class Sections:
    """What a restart needs of the sections; (k,) in the order of the scenario.

    Parameters
    ----------
    formed
        Rows of those that their batteries hold up now.
    charge_j
        Stored.
    held
        Whether solar is kept away by frequency.
    grid
        Whether the feeder before the switch was last seen good.
    given_j, taken_j, least_j
        At the battery's terminals since the section became an island, and the least that it stored since.
    """

    formed: frozenset[int]
    charge_j: Float
    held: Bool
    grid: Bool
    given_j: Float
    taken_j: Float
    least_j: Float


@dataclass(frozen=True)
class Site:
    """Where an island is: nodes before and behind its switch by phase, the battery as a source behind its impedance,
    homes, and all nodes of the section."""

    name: str
    before: Int
    behind: Int
    source: Source
    homes: Int
    nodes: Bool


class Turn(NamedTuple):
    """What is told next: at which time, of which section, as what."""

    time_us: int
    row: int
    kind: Watch
    detail: str


def site_of(study: Study, asked: SectionIsland) -> Site:
    """Where an island is.

    Raises
    ------
    FeederError
        The line is no switch, stands open, or does not part a section from the feeder.
    """
    line, compiled = study.feeder.line, study.compiled
    row = int(np.flatnonzero((line["name"] == asked.at.removeprefix("line:")).to_numpy())[0])
    if not bool(line["is_switch"].iloc[row]):
        raise FeederError("is a length of line, not a switch: name a switch, fuse or recloser of the feeder")
    number = int(compiled.line_element[row])
    if number < 0 or number in compiled.closed_blocks:
        raise FeederError("stands open: an island parts from the feeder by a switch that stands closed")
    element = compiled.circuit.elements[number]
    live = LinearNetwork(compiled.circuit.without([number])).energised
    ends = [element.nodes[element.terminal(end)] for end in (0, 1)]
    fed = [bool(live[nodes[nodes >= 0]].any()) for nodes in ends]
    if all(fed):
        message = "does not part a section from the feeder: its far side has another source or way round"
        raise FeederError(f"{message}; name a switch that everything behind is fed through")
    if not any(fed):
        raise FeederError("has no voltage in the feeder as it stands")
    before, behind = ends if fed[0] else ends[::-1]
    idle_v, base_v = study.still.no_load_voltage(), compiled.circuit.base_v
    phase = np.array([n >= 0 and bool(np.abs(idle_v[n]) > GONE_PU * base_v[n]) for n in behind.tolist()]) & (
        before >= 0
    )
    before, behind = before[phase], behind[phase]
    section = study.still.energised & ~live
    emf_v = base_v[behind] * np.exp(1j * np.angle(idle_v[behind]))
    rating_va = asked.battery.power_kw * 1e3 / len(behind)
    source = Source(
        f"island.{asked.at}", behind, np.diag(Z_PU * base_v[behind] ** 2 / rating_va).astype(complex), emf_v
    )
    reached = np.append(section, False)[compiled.home_nodes].any(axis=1)
    return Site(asked.at, before, behind, source, np.flatnonzero(reached), section)


class Neighbourhoods:
    """Sections of a study; the object holds no state."""

    def __init__(self, study: Study) -> None:
        asked: Sequence[SectionIsland] = study.scenario.islands
        self.sites = [site_of(study, island) for island in asked]
        self.names = [site.name for site in self.sites]
        self.home_names, self._base_v = study.home_names, study.compiled.circuit.base_v
        self.batteries = [
            SectionBattery(
                island.battery.energy_kwh * J_PER_KWH,
                island.battery.power_kw * 1e3 / len(site.behind),
                island.battery.efficiency,
                island.battery.initial_soc * island.battery.energy_kwh * J_PER_KWH,
            )
            for island, site in zip(asked, self.sites, strict=True)
        ]
        self._y = [np.linalg.inv(site.source.z_ohm) for site in self.sites]

    def __len__(self) -> int:
        return len(self.sites)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The batteries as sources of the circuit, by row."""
        return tuple(site.source for site in self.sites)

    def nodes(self) -> Int:
        """Nodes on both sides of the switches."""
        ends = [nodes for site in self.sites for nodes in (site.before, site.behind)]
        return np.concatenate(ends) if ends else np.zeros(0, np.int64)

    def initial(self) -> Sections:
        """All on the grid, which is there."""
        count = len(self)
        return Sections(
            frozenset(), np.array([battery.initial_j for battery in self.batteries]), np.zeros(count, bool),
            np.ones(count, bool), np.zeros(count), np.zeros(count), np.zeros(count),
        )  # fmt: skip

    def row(self, name: str) -> int:
        """Row of a section by the name of its switch."""
        return self.names.index(name)

    def fed_nodes(self, formed: frozenset[int]) -> frozenset[int]:
        """Nodes that batteries feed."""
        return frozenset(int(node) for row in formed for node in self.sites[row].behind)

    def phase_va(self, row: int, solution: Solution) -> NDArray[np.complex128]:
        """(phases, steps) apparent power that a battery gives to its section."""
        return np.asarray(solution.v[self.sites[row].behind] * self._phase_a(row, solution).conj())

    def loading_va(self, row: int, solution: Solution) -> Float:
        """(phases, steps) current of a battery at nominal voltage."""
        return np.asarray(
            np.abs(self._phase_a(row, solution)) * np.abs(self.sites[row].source.emf_v)[:, None]
        )

    def _phase_a(self, row: int, solution: Solution) -> NDArray[np.complex128]:
        site = self.sites[row]
        return np.asarray(self._y[row] @ (site.source.emf_v[:, None] - solution.v[site.behind]))

    # -- a block ----------------------------------------------------------------------------

    def first(self, state: State, plan: Plan, solution: Solution, regulation: Regulation) -> Turn | None:
        """What is told first in the steps of a solution."""
        found = [*self._grid_turns(state, plan, solution), *self._limits(state, plan, solution, regulation)]
        return min(found, key=lambda turn: turn[:2], default=None)

    def _grid_turns(self, state: State, plan: Plan, solution: Solution) -> list[Turn]:
        found = []
        for row, site in enumerate(self.sites):
            pu = np.abs(solution.v[site.before]) / self._base_v[site.before, None]
            low, high = pu.min(axis=0), pu.max(axis=0)
            good = bool(state.sections.grid[row])
            turned = low < GONE_PU if good else (low >= GOOD_PU[0]) & (high <= GOOD_PU[1])
            steps = np.flatnonzero(turned & solution.converged)
            if len(steps):
                step = int(steps[0])
                told = "lost" if good else "good"
                detail = f"feeder {told}, {low[step]:.3f} pu"
                found.append(Turn(int(plan.start_us[step]), row, Watch.ISLAND_GRID, detail))
        return found

    def _limits(self, state: State, plan: Plan, solution: Solution, regulation: Regulation) -> list[Turn]:
        sections, found = state.sections, []
        for row in sorted(sections.formed):
            if state.tied and self.fed_otherwise(state, row, regulation):
                found.append(Turn(int(plan.start_us[0]), row, Watch.ISLAND_STOPPED, "fed from elsewhere"))
                continue
            limit = self.batteries[row].first_limit(
                float(sections.charge_j[row]), self.phase_va(row, solution), self.loading_va(row, solution),
                plan.start_us, plan.seconds, bool(sections.held[row]),
            )  # fmt: skip
            if limit is not None:
                found.append(Turn(limit[0], row, WATCHES[limit[1]], str(limit[1])))
        return found

    def fed_otherwise(self, state: State, row: int, regulation: Regulation) -> bool:
        """Whether something else than the section's own battery feeds it."""
        without = state.grid._replace(formed=state.sections.formed - {row})
        return bool(regulation.network(without).energised[self.sites[row].behind].any())

    def told(self, state: State, turn: Turn) -> Crossing:
        """Make what is told so."""
        sections, row = state.sections, turn.row
        battery, site = self.batteries[row], self.sites[row]
        if turn.kind == Watch.ISLAND_GRID:
            sections.grid = sections.grid.copy()
            sections.grid[row] = ~sections.grid[row]
        if turn.kind in (Watch.ISLAND_HELD, Watch.ISLAND_RELEASED):
            sections.held = sections.held.copy()
            sections.held[row] = turn.kind == Watch.ISLAND_HELD
        edge_j = {str(Limit.EMPTY): 0.0, str(Limit.FULL): battery.capacity_j}.get(turn.detail)
        if edge_j is not None:
            sections.charge_j = sections.charge_j.copy()
            sections.charge_j[row] = edge_j
        return Crossing(turn.time_us, turn.kind, site.name, turn.detail, (site.name,))

    def move(self, sections: Sections, solution: Solution, seconds: Float) -> None:
        """Have the batteries give and take what the first steps of a solution say."""
        charge_j, given_j, taken_j, least_j = (
            values.copy()
            for values in (sections.charge_j, sections.given_j, sections.taken_j, sections.least_j)
        )
        for row in sorted(sections.formed):
            power_w = self.phase_va(row, solution).real.sum(axis=0)[: len(seconds)]
            stored_j = self.batteries[row].charge_j(float(charge_j[row]), power_w, seconds)
            charge_j[row], least_j[row] = stored_j[-1], min(float(least_j[row]), float(stored_j.min()))
            for total_j, part_w in (
                (given_j, np.maximum(power_w, 0.0)),
                (taken_j, np.maximum(-power_w, 0.0)),
            ):
                total_j[row] = np.cumsum(np.concatenate(([total_j[row]], part_w * seconds)))[-1]
        sections.charge_j, sections.given_j = charge_j, given_j
        sections.taken_j, sections.least_j = taken_j, least_j

    # -- what the process asks and does -------------------------------------------------------

    def apply(self, state: State, action: Action) -> None:
        """Put a battery on its section, or take it off."""
        row, sections = self.row(action.subject), state.sections
        starts = action.kind == Act.FORM_ISLAND
        formed = sections.formed | {row} if starts else sections.formed - {row}
        held, least_j = sections.held.copy(), sections.least_j.copy()
        given_j, taken_j = sections.given_j.copy(), sections.taken_j.copy()
        held[row] = False
        if starts:
            given_j[row] = taken_j[row] = 0.0
            least_j[row] = sections.charge_j[row]
        state.sections = replace(
            sections, formed=formed, held=held, given_j=given_j, taken_j=taken_j, least_j=least_j
        )

    def standing(self, state: State, name: str, struck: Collection[int]) -> Standing:
        """How a section stands now; `struck` are nodes of present faults."""
        row, sections = self.row(name), state.sections
        homes = self.sites[row].homes
        on = homes[~state.contacts.off[homes]]
        return Standing(
            bool(sections.grid[row]),
            float(sections.charge_j[row] / self.batteries[row].capacity_j),
            float(sections.given_j[row] / J_PER_KWH),
            float(sections.taken_j[row] / J_PER_KWH),
            tuple(self.home_names[home] for home in on.tolist()),
            any(self.sites[row].nodes[node] for node in struck),
            float(min(sections.least_j[row], sections.charge_j[row]) / self.batteries[row].capacity_j),
        )

    def in_step(self, name: str, solution: Solution) -> bool:
        """Whether both sides of a switch are alike enough to close it in the first step of a solution."""
        site = self.sites[self.row(name)]
        before, behind = (solution.v[nodes, 0] for nodes in (site.before, site.behind))
        if not (np.abs(before).all() and np.abs(behind).all()):
            return False
        ratio = behind / before
        near = np.abs(np.abs(ratio) - 1.0) <= IN_STEP_PU
        return bool((near & (np.abs(np.angle(ratio, deg=True)) <= IN_STEP_DEG)).all())
