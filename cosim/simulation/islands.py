"""Homes off the grid in a run: who stands on the own source, what it gives them, and what the clock is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.devices import generator_kernels as engine
from cosim.devices import island_kernels as k
from cosim.devices.battery import BatteryBlock
from cosim.devices.island import NEVER_US, IslandFleet
from cosim.events.physics import BY_HAND, Act, Action, Crossing, Watch
from cosim.events.processes import describe
from cosim.simulation.contacts import Contacts, IslandDraw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosim.devices.battery import BatteryFleet
    from cosim.devices.transfer import Machine
    from cosim.entries import BatteryEntry, GeneratorEntry
    from cosim.scenario.population import Population
    from cosim.simulation.flow import Draw
    from cosim.simulation.sockets import SocketBlock
    from cosim.simulation.state import Block, State
    from cosim.simulation.steps import Plan

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

POLES = "12"
SINGLE = 1
ACTS = (
    Act.OPEN_SERVICE, Act.CLOSE_SERVICE, Act.CONNECT_SOURCE, Act.DISCONNECT_SOURCE, Act.START_SOURCE, Act.STOP_SOURCE,
    Act.STALL_SOURCE, Act.TRIP_SOURCE, Act.REFUEL_SOURCE, Act.RESET_SOURCE, Act.SHED_LOADS, Act.RESTORE_LOADS,
    Act.CONNECT_CORDS, Act.DISCONNECT_CORDS,
)  # fmt: skip
MOST_TOLD = 2
"""How often a home is told of levels at one instant: there and back. A device that is told begins to count, which cuts
the step, and what a home draws in the shorter step, and so its voltage, may be on the level's other side."""
LEVELS_PU = (0.1, 0.6, 0.8)
"""Voltages at which a home without a machine of its own is told of the grid: dead, drop-out, pick-up."""


class Level(NamedTuple):
    """Levels that homes (`SERVICE_CHANGED`) or islands (`SOURCE_CHANGED`) in `rows` go over as a step begins."""

    time_us: int
    step: int
    kind: Watch
    rows: Int
    codes: Int


class Islands:
    """Sources of homes that can hold up their panels.

    Parameters
    ----------
    population
        Homes.
    sources, machines
        By row of the home: what can hold up its panel, and its transfer device.
    kind
        (homes,) kind of service as compiled.
    nominal_v
        (homes,) what leg voltages are nominally.
    battery, battery_home
        All batteries, and the home of each.
    motor_w
        (homes,) running power of the largest motor; 0 for none.
    on_branch
        (homes,) whether a generator hangs on the adapter.

    Attributes
    ----------
    home
        (k,) rows of homes with a source, in order.
    """

    def __init__(
        self, population: Population, sources: Mapping[int, BatteryEntry | GeneratorEntry],
        machines: Mapping[int, Machine], kind: Int, nominal_v: Float, battery: BatteryFleet, battery_home: Int,
        motor_w: Float, on_branch: Bool,
    ) -> None:  # fmt: skip
        self.names, self.nominal_v = population.home, nominal_v
        homes = len(population.home)
        self.home = np.array(sorted(sources), dtype=np.int64)
        self.fleet = IslandFleet.of([sources[row] for row in self.home.tolist()], motor_w[self.home])
        self._tank = np.array(
            [
                1.0 if (asked := population.engine[row]) is None else float(asked.tank)
                for row in self.home.tolist()
            ]
        )
        self.of_home = np.full(homes, -1, dtype=np.int64)
        self.of_home[self.home] = np.arange(len(self.home))
        battery_of = np.full(homes, -1, dtype=np.int64)
        battery_of[battery_home] = np.arange(len(battery_home))
        self.battery_of = battery_of[self.home]  # of islands; meaningless where an engine serves
        stores = self.fleet.battery
        if stores.any():
            self.fleet.units[stores, k.CAPACITY_J] = battery.capacity_j[self.battery_of[stores]]
        self.on_branch = on_branch[self.home] & ~stores
        self.critical = population.critical_share
        # Powers of a panel in amperes of a leg: half of what stands between the lines is on each.
        self.leg_v = np.where(kind == SINGLE, nominal_v / 2.0, nominal_v)
        self._levels(machines)

    def __len__(self) -> int:
        return len(self.home)

    def _levels(self, machines: Mapping[int, Machine]) -> None:
        """Levels of the quantities that the machines look at, (homes, most); infinite where there are fewer."""
        homes = len(self.names)
        self.watched = np.array(sorted({*machines, *self.home.tolist()}), dtype=np.int64)
        levels = {row: machine.levels for row, machine in machines.items()}
        self._service = _table([levels.get(row, {}).get("service_pu", LEVELS_PU) for row in range(homes)])
        service, nominal_v = self._service[self.watched], self.nominal_v[self.watched]
        self._rest = _codes(np.ones((len(service), 2)), service)
        below, above = (
            np.where(where, service, edge) for where, edge in ((service <= 1.0, 0.0), (service > 1.0, np.inf))
        )
        self._calm_v = (
            below.max(axis=1, initial=0.0) * nominal_v,
            above.min(axis=1, initial=np.inf) * nominal_v,
        )
        self._amperes = _table([levels.get(row, {}).get("source_a", ()) for row in self.home.tolist()])
        self._hertz = _table([levels.get(row, {}).get("source_hz", ()) for row in self.home.tolist()])

    def initial(self) -> Contacts:
        """All homes on the grid, which is there."""
        homes, islands = len(self.names), self.fleet.initial()
        engines = np.flatnonzero(~self.fleet.battery)
        tanks = self.fleet.engine_of[engines]
        islands.engines[tanks, engine.FUEL_J] *= self._tank[engines]
        return Contacts(
            service=np.ones((2, homes), dtype=bool),
            source=np.zeros((2, homes), dtype=bool),
            shed=np.zeros(homes, dtype=bool),
            cords=np.zeros(homes, dtype=bool),
            islands=islands,
            service_seen=_codes(np.ones((homes, 2)), self._service),
            source_seen=np.zeros((len(self), 3), dtype=np.int64),
            service_told=np.full((2, homes), -1, dtype=np.int64),
            source_told=np.full((2, len(self)), -1, dtype=np.int64),
            told_up=np.zeros(homes, dtype=bool),
            news=np.zeros(homes, dtype=np.int64),
        )

    # -- what is so now ---------------------------------------------------------------------

    def alive(self, contacts: Contacts, fed: Bool) -> Bool:
        """(homes,) whether the panel's side of the service has voltage, `fed` telling of the grid's."""
        alive = fed & contacts.service.any(axis=0)
        alive[self.home] |= self.fleet.up(contacts.islands) & contacts.off[self.home]
        return np.asarray(alive)

    def der_alive(self, contacts: Contacts, fed: Bool) -> Bool:
        """(homes,) the same for inverters, which need both legs and stay away from engines: their frequency is outside
        the window."""
        whole = np.where(contacts.off, contacts.source.all(axis=0), contacts.service.all(axis=0))
        alive = np.asarray(self.alive(contacts, fed) & whole)
        engines = self.home[~self.fleet.battery]
        alive[engines] &= ~contacts.off[engines]
        return alive

    def _on(self, contacts: Contacts) -> Bool:
        """(k,) sources on a panel that is off the grid, or with loads on cords."""
        return np.asarray((contacts.source.any(axis=0) & contacts.off | contacts.cords)[self.home])

    def corded(self, contacts: Contacts) -> Bool:
        """(homes,) whose set serves loads on cords now."""
        corded = contacts.cords.copy()
        corded[self.home] &= self.fleet.up(contacts.islands)
        return corded

    def source_pu(self, contacts: Contacts) -> Float:
        """(homes, 2) voltage that each home's source makes; a battery that follows the grid makes none."""
        made = np.zeros(len(self.names))
        pu = self.fleet.source_pu(contacts.islands)
        follows = self.fleet.battery & ~contacts.off[self.home]
        made[self.home] = np.where(follows, 0.0, pu)
        return np.repeat(made[:, None], 2, axis=1)

    def backed(self, contacts: Contacts, fed: Bool) -> tuple[Bool, Bool]:
        """(homes,) whose source is on while the service is closed: onto a dead grid, and onto one that is fed."""
        both = contacts.service.any(axis=0) & contacts.source.any(axis=0)
        alive = np.zeros(len(self.names), dtype=bool)
        alive[self.home] = self.fleet.alive(contacts.islands)
        return both & alive & ~fed, both & alive & fed

    # -- what is done -----------------------------------------------------------------------

    def apply(self, contacts: Contacts, action: Action, rows: Int) -> None:
        """Make one of `ACTS` so."""
        named = [POLES.index(pole) for pole in action.subject if pole in POLES]
        whole = not action.subject or set(action.subject) - set(POLES)
        poles = np.array([0, 1] if whole else named)
        islands = self.of_home[rows]
        islands = islands[islands >= 0]
        match action.kind:
            case Act.OPEN_SERVICE | Act.CLOSE_SERVICE:
                contacts.service[poles[:, None], rows] = action.kind == Act.CLOSE_SERVICE
            case Act.CONNECT_SOURCE | Act.DISCONNECT_SOURCE:
                contacts.source[poles[:, None], rows] = action.kind == Act.CONNECT_SOURCE
            case Act.START_SOURCE | Act.STOP_SOURCE:
                if action.subject == BY_HAND:
                    contacts.islands = self.fleet.reset(contacts.islands, islands)
                contacts.islands = self.fleet.ordered(
                    contacts.islands, islands, run=action.kind == Act.START_SOURCE
                )
            case Act.STALL_SOURCE | Act.TRIP_SOURCE:
                stores = self.home[islands[self.fleet.battery[islands]]]
                contacts.source[:, stores] = False
                contacts.islands = self.fleet.overcome(
                    contacts.islands, islands, stalls=action.kind == Act.STALL_SOURCE
                )
            case Act.REFUEL_SOURCE:
                contacts.islands = self.fleet.refuelled(contacts.islands, islands)
            case Act.RESET_SOURCE:
                contacts.islands = self.fleet.reset(contacts.islands, islands)
            case Act.CONNECT_CORDS | Act.DISCONNECT_CORDS:
                has = self.home[islands]
                contacts.cords[has] = (action.kind == Act.CONNECT_CORDS) & ~self.fleet.battery[islands]
            case Act.SHED_LOADS | Act.RESTORE_LOADS:
                contacts.shed[rows] = action.kind == Act.SHED_LOADS
        self.settle(contacts)
        self.tell(contacts)

    def settle(self, contacts: Contacts) -> None:
        """Have sources do what follows at once."""
        contacts.islands = self.fleet.settled(contacts.islands, self._on(contacts))

    def tell(self, contacts: Contacts) -> None:
        """Whoever acts tells what follows for the DER: nothing is left to be told."""
        contacts.told_up[self.home] = self.fleet.up(contacts.islands)

    # -- a block ----------------------------------------------------------------------------

    def demand_share(self, contacts: Contacts) -> Float:
        """(homes,) share of the panel's demand that is on."""
        less = contacts.off | contacts.shed
        return np.where(less, self.critical, 1.0)

    def draw(
        self,
        contacts: Contacts,
        plan: Plan,
        charge_j: Float,
        panel: tuple[Float, Float],
        others_w: Float,
        solar: tuple[Float, Float],
        unserved_w: Float,
        cord_w: tuple[Float, Float],
    ) -> IslandDraw:
        """What islands do over a plan.

        Parameters
        ----------
        charge_j
            (batteries,) of all batteries.
        panel
            W and var (homes, 3, steps) of leg 1, leg 2 and between them, as served.
        others_w
            (homes, steps) cars.
        solar
            (homes, steps) that in service, and all that the sun allows.
        unserved_w
            (homes, steps) demand left off.
        cord_w
            W and var (homes, 2, steps) on cords, by leg.
        """
        rows, stores = self.home, self.fleet.battery
        on, closed, off = self._on(contacts), contacts.source[:, rows].T, contacts.off[rows]
        both = np.asarray(closed.all(axis=1))[:, None, None]
        legs = [
            values[rows, :2] * closed[:, :, None] + np.where(both, 0.5 * values[rows, 2:], 0.0)
            for values in panel
        ]
        legs[0] = np.maximum(legs[0] + np.where(both, 0.5 * others_w[rows, None], 0.0), 0.0)
        for which, values in enumerate(legs):
            values[np.asarray(~on | ~off)] = 0.0
            values += cord_w[which][rows]
        away = (contacts.off[rows] & stores)[:, None]
        solar_w, sun_w = (np.where(away, values[rows], 0.0) for values in solar)
        stored = np.zeros(len(self))
        stored[stores] = charge_j[self.battery_of[stores]]
        block = self.fleet.advance(
            contacts.islands, stored, legs[0], legs[1], solar_w, sun_w, plan.seconds, on
        )
        return IslandDraw(
            contacts.off.copy(),
            legs[0],
            legs[1],
            solar_w,
            sun_w,
            stored,
            on,
            contacts.islands,
            unserved_w,
            block,
            self.fleet,
        )

    def hang(self, contacts: Contacts, panel: list[Float], lines: list[Float]) -> None:
        """Leave what hangs on the grid: nothing of homes off it, one leg where a single pole is closed.

        Changed in place: `panel` (homes, 3, steps) by leg 1, leg 2 and between them, `lines` (homes, steps) between.
        """
        off, closed = contacts.off, contacts.service
        one = ~off & ~closed.all(axis=0)
        for values in panel:
            values[off] = 0.0
            values[one, 2] = 0.0
            for pole in (0, 1):
                values[one & ~closed[pole], pole] = 0.0
        for values in lines:
            values[off | one] = 0.0

    def at_panels(self, contacts: Contacts, draw: Draw, sockets: SocketBlock) -> tuple[Float, Float]:
        """Voltages (steps, homes) of both legs at the panels; currents that sources drive are put into `sockets`."""
        one_v, two_v = sockets.voltage_l1_v, sockets.voltage_l2_v
        island = draw.island
        if island is None:
            return one_v, two_v
        rows, off = self.home, island.off
        made = np.zeros(len(self.names))
        made[rows] = self.fleet.source_pu(island.state) * self.fleet.up(island.state)
        legs = one_v.copy(), two_v.copy()
        for leg, pole in zip(legs, contacts.source, strict=True):
            leg[:, off] = (made * pole * self.nominal_v)[off]
        sockets.panel_w[:, rows] += np.where(off[rows], island.block.served_w.T, 0.0)
        mine = np.flatnonzero(self.on_branch & off[rows])
        ampere = (island.block.leg_va[mine] / self.leg_v[rows[mine], None, None]).transpose(2, 1, 0)
        for place in (2, 4):  # from the branch through the tap to the panel
            sockets.i2_a2[:, place : place + 2, rows[mine]] = ampere**2
        largest = np.ascontiguousarray(ampere.max(axis=1).T)
        sockets.panel_a[rows[mine]] = sockets.branch_a[rows[mine]] = largest
        return legs

    def merged(self, draw: IslandDraw, battery: BatteryBlock) -> BatteryBlock:
        """Batteries with those off the grid as their islands have them."""
        mine = np.flatnonzero(self.fleet.battery & draw.off[self.home])
        power_w, charge_j = battery.power_w.copy(), battery.charge_j.copy()
        power_w[self.battery_of[mine]] = draw.block.power_w[mine]
        charge_j[self.battery_of[mine]] = draw.block.charge_j[mine]
        return BatteryBlock(power_w, charge_j)

    def first_us(self, draw: Draw, never_us: int) -> int:
        """When the first island of a draw changes what it does; `never_us` if none does."""
        if draw.island is None or draw.island.block.first_us == NEVER_US:
            return never_us
        return int(draw.plan.start_us[0]) + draw.island.block.first_us

    def change(self, state: State, time_us: int, draw: IslandDraw | None) -> Crossing:
        """Make the first change of a draw so, and tell of it."""
        assert draw is not None  # without islands nothing changes
        contacts, block = state.contacts, draw.block
        islands, told = self.fleet.told(block)
        homes = self.home[islands]
        was = contacts.told_up[homes]
        contacts.islands = self.fleet.changed(contacts.islands, block)
        self._empty(state, islands)
        self.settle(contacts)
        now = self.fleet.up(contacts.islands)[islands]
        contacts.told_up[homes] = now
        contacts.news[homes] = np.where(self.fleet.battery[islands], now.astype(int) - was, 0)
        names = tuple(self.names[row] for row in homes)
        return Crossing(time_us, Watch.SOURCE_CHANGED, describe(names), told, names)

    def _empty(self, state: State, islands: Int) -> None:
        """What runs empty is empty to the last joule."""
        gone = islands[
            (state.contacts.islands.units[islands, k.DOES] == k.EMPTY) & self.fleet.battery[islands]
        ]
        state.charge_j = state.charge_j.copy()
        state.charge_j[self.battery_of[gone]] = 0.0

    # -- levels -----------------------------------------------------------------------------

    def level(self, contacts: Contacts, block: Block) -> Level | None:
        """First step at which a home sees the grid, or its source, go over a level of its machine."""
        both = (self._service_level(contacts, block), self._source_level(contacts, block))
        return min((level for level in both if level is not None), key=lambda level: level.step, default=None)

    def _service_level(self, contacts: Contacts, block: Block) -> Level | None:
        rows = self.watched
        if not len(rows):
            return None
        legs = (block.sockets.voltage_l1_v, block.sockets.voltage_l2_v)
        rest, (low_v, high_v) = self._rest, self._calm_v
        if (contacts.service_seen[rows] == rest).all() and all(
            (leg.min(axis=0)[rows] > low_v).all() and (leg.max(axis=0)[rows] < high_v).all() for leg in legs
        ):
            return None  # the usual, in reductions that cost little
        pu = np.stack([leg[:, rows] for leg in legs], axis=-1) / self.nominal_v[rows, None]
        codes = _codes(pu, self._service[rows])
        changed = (codes != contacts.service_seen[rows]).any(axis=-1) & block.solution.converged[:, None]
        changed[0] &= ~_told_enough(contacts.service_told[:, rows], block.plan)
        return _first(block.plan, Watch.SERVICE_CHANGED, changed, rows, codes)

    def _source_level(self, contacts: Contacts, block: Block) -> Level | None:
        if block.draw.island is None:
            return None
        hertz, ampere = self._given(block.draw.island)
        codes = np.concatenate(
            [_codes(ampere, self._amperes), _codes(hertz[:, :, None], self._hertz)], axis=2
        )
        changed = (codes != contacts.source_seen).any(axis=2)
        changed[0] &= ~_told_enough(contacts.source_told, block.plan)
        return _first(block.plan, Watch.SOURCE_CHANGED, changed, np.arange(len(self)), codes)

    def level_crossing(self, contacts: Contacts, level: Level) -> Crossing:
        """Tell of it, once."""
        homes, subject = level.rows, "service-voltage"
        if level.kind == Watch.SERVICE_CHANGED:
            told = contacts.service_told
            contacts.service_seen[level.rows] = level.codes
        else:
            told = contacts.source_told
            contacts.source_seen[level.rows] = level.codes
            homes, subject = self.home[level.rows], "source-levels"
        told[1, level.rows] = np.where(told[0, level.rows] == level.time_us, told[1, level.rows] + 1, 1)
        told[0, level.rows] = level.time_us
        names = tuple(self.names[row] for row in homes)
        return Crossing(level.time_us, level.kind, subject, describe(names), names)

    def _given(self, draw: IslandDraw) -> tuple[Float, Float]:
        """(steps, k) hertz and (steps, k, 2) amperes of the sources."""
        ampere = draw.block.leg_va / self.leg_v[self.home, None, None]
        hertz = self.fleet.frequency_hz(draw.state, draw.block, draw.solar_w)
        return hertz.T, ampere.transpose(2, 0, 1)

    def sources(self, contacts: Contacts, draw: IslandDraw | None) -> Float:
        """(homes, 3) hertz, and amperes of both legs, of the sources at the first step of a draw."""
        found = np.zeros((len(self.names), 3))
        found[:, 0] = np.nan
        if draw is not None:
            hertz, ampere = self._given(draw)
            follows = self.fleet.battery & ~contacts.off[self.home]
            found[self.home, 0] = np.where(follows, np.nan, hertz[0])
            found[self.home, 1:] = ampere[0]
        return found

    def up(self, contacts: Contacts) -> Bool:
        """(homes,) whether the own source makes the panel's voltage."""
        found = np.zeros(len(self.names), dtype=bool)
        found[self.home] = self.fleet.up(contacts.islands)
        return found

    def news(self, contacts: Contacts, time_us: int) -> Crossing | None:
        """DER that lost or got their voltage with their islands, as long as it is untold."""
        for sign, kind in ((-1, Watch.VOLTAGE_LOST), (1, Watch.VOLTAGE_BACK)):
            rows = np.flatnonzero(contacts.news == sign)
            if len(rows):
                contacts.news[rows] = 0
                names = tuple(self.names[row] for row in rows)
                return Crossing(time_us, kind, "islands", describe(names), names)
        return None

    # -- for the record ---------------------------------------------------------------------

    def quantities(self, draw: Draw) -> dict[str, Float]:
        """(steps, homes) of what results keep: powers [W], heat of fuel [W]; 0 on the grid, `powered` 1 or 0."""
        steps, homes = len(draw.plan), len(self.names)
        out = {
            name: np.zeros((steps, homes))
            for name in ("island_power_w", "island_served_w", "island_curtailed_w", "unserved_w", "fuel_w")
        }
        out["powered"] = np.repeat(draw.powered[None, :].astype(float), steps, axis=0)
        island = draw.island
        if island is None:
            return out
        block, rows = island.block, self.home
        out["island_power_w"][:, rows] = block.power_w.T
        out["island_served_w"][:, rows] = block.served_w.T
        out["island_curtailed_w"][:, rows] = island.curtailed_w.T
        out["unserved_w"][...] = island.unserved_w.T
        engines = np.flatnonzero(~self.fleet.battery)
        burnt = block.burnt_j[self.fleet.engine_of[engines]] / draw.plan.seconds
        out["fuel_w"][:, rows[engines]] = burnt.T
        return out


def _first(plan: Plan, kind: Watch, changed: Bool, rows: Int, codes: Int) -> Level | None:
    """The first of changes (steps, n) of rows (n,)."""
    steps = changed.any(axis=1)
    if not steps.any():
        return None
    step = int(np.argmax(steps))
    which = changed[step]
    return Level(int(plan.start_us[step]), step, kind, rows[which], codes[step][which])


def _told_enough(told: Int, plan: Plan) -> Bool:
    """(n,) who was told (2, n) as often as may be at the instant at which a plan begins."""
    return np.asarray((told[0] == plan.start_us[0]) & (told[1] >= MOST_TOLD))


def _table(rows: list[tuple[float, ...]]) -> Float:
    """(n, most) rising levels, infinite beyond each row's own."""
    most = max((len(row) for row in rows), default=0)
    table = np.full((len(rows), most), np.inf)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table


def _codes(values: Float, levels: Float) -> Int:
    """Between which levels (n, most) values (..., n, m) lie, (..., n, m); a value at a level is beyond it."""
    codes = np.zeros(values.shape, dtype=np.int64)
    for level in levels.T:
        codes += values >= level[:, None]
        codes += values > level[:, None]
    return codes
