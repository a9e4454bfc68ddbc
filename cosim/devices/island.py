"""Home islands: a battery, or a generator, that alone makes the voltage of a panel.

A battery's inverter serves what solar leaves of the load, takes what solar has over, and raises the frequency so that
solar gives no more than can be used. It bears overload for a time, trips beyond it, tries again, and runs dry; empty,
it waits until the sun has charged it enough for a start. A generator serves the load as long as its engine runs.

The protection against overload is an accumulator like a breaker's (`cosim.devices.breaker`), driven by the apparent
power over the limit that is nearest: of the source, of one leg, or of the difference between the legs, which a two-wire
source has by its autotransformer. Generator convention: positive power is produced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices import generator_kernels as engine
from cosim.devices import island_kernels as k
from cosim.devices.breaker import TRIP_THETA
from cosim.devices.generator import LEAST_START_PU, GeneratorBlock, GeneratorFleet

if TYPE_CHECKING:
    from cosim.entries import BatteryEntry, GeneratorEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

NAMES = ("ready", "forms the island", "trips on overload", "is empty")
NEVER = -1
NEVER_US = np.iinfo(np.int64).max // 2
NOMINAL_HZ = 60.0
LINE_V = 240.0
# IEEE 1547-2018 table 24, defaults: solar gives less from 0.036 Hz above nominal, and nothing a twentieth further up.
SHIFT_FROM_HZ, SHIFT_BY_HZ = 0.036, 0.05 * NOMINAL_HZ
RESTART_SOC = 0.05
"""Stored share with which an empty battery starts again; an estimate, 0.02 to 0.10: makers keep such a part back."""
RETRY_S = 60.0
"""Wait of a battery after an overload; an estimate, 10 to 300 s."""
GENERATOR_TAU_S, GENERATOR_INSTANT = 134.0, 10.0
"""Thermal-magnetic breaker of a generator: the middle band of docs/events.md, an estimate."""
LOCKED_ROTOR = 5.0
"""Locked-rotor over running current of compressors without a soft starter: 4 to 6, an estimate."""


@dataclass(frozen=True)
class IslandState:
    """State of islands and of their engines; arrays are replaced, never changed in place.

    Parameters
    ----------
    units
        (k, columns) by the columns of `cosim.devices.island_kernels`.
    engines
        (g, columns) as `GeneratorFleet` has it.
    wanted
        (g,) whether an engine was told to run.
    """

    units: Float
    engines: Float
    wanted: Bool


@dataclass(frozen=True)
class IslandBlock:
    """A block of steps; (k, steps) unless said.

    Parameters
    ----------
    power_w
        Mean power of the source [W]; a battery that charges is negative.
    solar_w, served_w
        Mean solar power used and load served [W].
    charge_j
        Stored at the end of each step [J].
    leg_va
        (k, 2, steps) apparent power of the source by leg at the end of each step [VA].
    burnt_j
        (g, steps) heat of the fuel burnt [J].
    speed
        (g, steps) of engines at the start of each step, in shares of that of their governor.
    end
        State after the last step.
    first_us
        First whole microsecond, from the block's start, at or after the first change of any island; huge without.
    change_us, change, engine_rows
        (k,) the same of every island, -1 without, and what it does then: a row of `NAMES`, of `ENGINE_TOLD` for the
        islands in `engine_rows`.
    """

    power_w: Float
    solar_w: Float
    served_w: Float
    charge_j: Float
    leg_va: Float
    burnt_j: Float
    speed: Float
    end: IslandState
    first_us: int
    change_us: Int
    change: Int
    engine_rows: frozenset[int]


@dataclass(frozen=True, eq=False)
class IslandFleet:
    """Islands side by side; the object holds no state: it goes in and comes out.

    Parameters
    ----------
    units
        (k, columns) numbers by the columns of `cosim.devices.island_kernels`.
    engines, engine_of
        The engines, and that of each island; -1 where it is a battery.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    units: Float
    engines: GeneratorFleet
    engine_of: Int

    def __post_init__(self) -> None:
        rows = np.flatnonzero(self.engine_of >= 0)
        if self.units.shape != (len(self.engine_of), k.UNIT) or len(rows) != len(self.engines):
            raise ValueError(
                f"units must hold ({len(self.engine_of)}, {k.UNIT}) numbers, and every engine serve one"
            )
        positive = (
            k.CONTINUOUS_VA,
            k.LEG_VA,
            k.UNBALANCE_VA,
            k.INSTANT,
            k.TAU_S,
            k.TRIP,
            k.SURGE_VA,
            k.RESTART_S,
        )
        if not (self.units[:, positive] > 0.0).all():
            raise ValueError("limits, time constants and waits of islands must be above 0")
        battery = self.units[:, k.STORES] > 0.0
        least, most = self.units[battery, k.RESTART_J], self.units[battery, k.CAPACITY_J]
        if (battery != (self.engine_of < 0)).any() or not ((least > 0.0) & (least < most)).all():
            raise ValueError(
                "a battery restarts between empty and full, and what is no battery has an engine"
            )

    def __len__(self) -> int:
        return len(self.engine_of)

    @classmethod
    def of(
        cls,
        sources: Sequence[BatteryEntry | GeneratorEntry],
        motor_w: Float | None = None,
        locked_rotor: float = LOCKED_ROTOR,
    ) -> IslandFleet:
        """Islands of library entries.

        Parameters
        ----------
        sources
            Batteries that form a grid, and generators.
        motor_w
            (k,) running power of the largest motor of each home; 0, as without, for none that counts.
        locked_rotor
            Its starting over its running current.
        """
        units = np.zeros((len(sources), k.UNIT))
        engine_of = np.full(len(sources), -1, dtype=np.int64)
        engines: list[GeneratorEntry] = []
        for row, entry in enumerate(sources):
            if entry.kind == "battery":
                units[row] = _battery_row(entry)
            else:
                units[row] = _generator_row(entry)
                engine_of[row] = len(engines)
                engines.append(entry)
        if motor_w is not None:
            units[:, k.MOTOR_W], units[:, k.MOTOR_START_VA] = motor_w, locked_rotor * motor_w
        return cls(units, GeneratorFleet.from_entries(engines), engine_of)

    @property
    def battery(self) -> Bool:
        """(k,) whether a battery makes the voltage."""
        return np.asarray(self.engine_of < 0)

    def initial(self) -> IslandState:
        """All off, nothing warm, tanks full."""
        return IslandState(
            np.zeros((len(self), k.STATE)),
            self.engines.initial(),
            np.zeros(len(self.engines), dtype=np.bool_),
        )

    # -- what is so now ----------------------------------------------------------------------

    def alive(self, state: IslandState) -> Bool:
        """(k,) whether the source could serve now: a battery that is not empty, an engine that runs."""
        does = state.units[:, k.DOES]
        alive = (does == k.READY) | (does == k.UP)
        engines = np.flatnonzero(~self.battery)
        alive[engines] &= self._turns(state)[engines]
        return np.asarray(alive)

    def _turns(self, state: IslandState) -> Bool:
        """(k,) whether an engine runs, also behind its own open breaker; True of a battery that could serve."""
        turns = np.isin(state.units[:, k.DOES], (k.READY, k.UP))
        engines = np.flatnonzero(~self.battery)
        turns[engines] = state.engines[self.engine_of[engines], engine.DOES] == engine.RUNNING
        return np.asarray(turns)

    def up(self, state: IslandState) -> Bool:
        """(k,) whether the source makes the voltage of its panel."""
        return np.asarray(state.units[:, k.DOES] == k.UP)

    def source_pu(self, state: IslandState) -> Float:
        """(k,) voltage that the source makes at its terminals, per unit; an engine's falls with its speed."""
        speed = np.ones(len(self))
        engines = np.flatnonzero(~self.battery)
        speed[engines] = np.sqrt(state.engines[self.engine_of[engines], engine.SPEED2])
        return np.where(self.alive(state), np.minimum(speed, 1.0), 0.0)

    def frequency_hz(
        self, state: IslandState, block: IslandBlock | None = None, solar_w: Float | None = None
    ) -> Float:
        """(k, steps) frequency of the sources over a block, or (k, 1) without load; NaN for one that stands still.

        A battery raises it by the share of solar power that it cannot use (IEEE 1547-2018, frequency-watt).
        """
        steps = 1 if block is None else block.power_w.shape[1]
        hertz = np.full((len(self), steps), NOMINAL_HZ)
        if block is not None and solar_w is not None:
            held_w = solar_w - block.solar_w
            held = (held_w > 1e-6) & self.up(state)[:, None]
            hertz[held] += SHIFT_FROM_HZ + SHIFT_BY_HZ * (held_w / np.maximum(solar_w, 1e-9))[held]
        engines = np.flatnonzero(~self.battery)
        rows = self.engine_of[engines]
        load_w = np.zeros((len(self.engines), steps))
        if block is not None:
            load_w[rows] = block.served_w[engines]
        speed = np.sqrt(state.engines[rows, engine.SPEED2])[:, None] if block is None else block.speed[rows]
        hertz[engines] = self.engines.frequency_hz(load_w)[rows] * speed
        return np.where(self._turns(state)[:, None], hertz, np.nan)

    # -- what is done to them ----------------------------------------------------------------

    def settled(self, state: IslandState, on: Bool) -> IslandState:
        """What follows at once: a source on its panel makes its voltage, a battery taken off forgets its overload."""
        units, alive = state.units.copy(), self.alive(state)
        does = units[:, k.DOES]
        off = ~on & ((does == k.UP) | (does == k.TRIPPED) & self.battery) | (does == k.UP) & ~alive
        units[off, k.DOES], units[off, k.WAIT_S], units[off, k.LAST_W] = k.READY, 0.0, 0.0
        rise = on & self.alive(replace(state, units=units)) & (units[:, k.DOES] == k.READY)
        units[rise, k.DOES], units[rise, k.LAST_W] = k.UP, 0.0
        return replace(state, units=units)

    def ordered(self, state: IslandState, islands: Int, run: bool) -> IslandState:
        """The state with some engines told to run or to stop; batteries among them are left alone."""
        rows = self.engine_of[islands]
        rows = rows[rows >= 0]
        engines, wanted = state.engines.copy(), state.wanted.copy()
        wanted[rows] = run
        if run:
            cold = rows[engines[rows, engine.DOES] == engine.OFF]
            engines[cold, engine.DOES], engines[cold, engine.SPEED2] = engine.STARTING, 1.0
            engines[cold, engine.LEFT_S] = self.engines.units[cold, engine.START_S]
        else:
            engines[rows, engine.DOES], engines[rows, engine.LEFT_S] = engine.OFF, 0.0
            engines[rows, engine.SPEED2] = 1.0
        return replace(state, engines=engines, wanted=wanted)

    def overcome(self, state: IslandState, islands: Int, stalls: bool) -> IslandState:
        """The state with some engines dragged to a standstill, or else with their own breakers open."""
        islands = islands[~self.battery[islands]]
        units, engines = state.units.copy(), state.engines.copy()
        if stalls:
            rows = self.engine_of[islands]
            rows = rows[np.isin(engines[rows, engine.DOES], (engine.STARTING, engine.RUNNING))]
            engines[rows, engine.DOES], engines[rows, engine.SPEED2] = engine.STALLED, 0.0
        else:
            units[islands, k.DOES], units[islands, k.WAIT_S] = k.TRIPPED, math.inf
        return replace(state, units=units, engines=engines)

    def reset(self, state: IslandState, islands: Int) -> IslandState:
        """The state after a person has closed the breakers of some sets, and started those that had stalled."""
        islands = islands[~self.battery[islands]]
        units, engines = state.units.copy(), state.engines.copy()
        tripped = islands[units[islands, k.DOES] == k.TRIPPED]
        units[tripped, k.DOES], units[tripped, k.WAIT_S] = k.READY, 0.0
        rows = self.engine_of[islands]
        stalled = rows[(engines[rows, engine.DOES] == engine.STALLED) & state.wanted[rows]]
        engines[stalled, engine.DOES], engines[stalled, engine.SPEED2] = engine.STARTING, 1.0
        engines[stalled, engine.LEFT_S] = self.engines.units[stalled, engine.START_S]
        return replace(state, units=units, engines=engines)

    def refuelled(self, state: IslandState, islands: Int) -> IslandState:
        """The state with some tanks full; engines that had run dry stand still until they are started."""
        rows = self.engine_of[islands]
        rows = rows[rows >= 0]
        dry = rows[state.engines[rows, engine.DOES] == engine.DRY]
        wanted = state.wanted.copy()
        wanted[dry] = False
        return replace(state, engines=self.engines.refuelled(state.engines, rows), wanted=wanted)

    def changed(self, state: IslandState, block: IslandBlock) -> IslandState:
        """The state after the first change that a block tells, wherever the steps before it were cut."""
        units, engines = state.units.copy(), state.engines.copy()
        for row in np.flatnonzero(block.change_us == block.first_us).tolist():
            does = int(block.change[row])
            if row in block.engine_rows:
                engines[self.engine_of[row], engine.DOES] = does
                engines[self.engine_of[row], engine.LEFT_S] = 0.0
            else:
                units[row, k.DOES], units[row, k.LAST_W] = does, 0.0
                units[row, k.WAIT_S] = self.units[row, k.RESTART_S] if does == k.TRIPPED else 0.0
        return replace(state, units=units, engines=engines)

    # -- a block -----------------------------------------------------------------------------

    def advance(
        self,
        state: IslandState,
        charge_j: Float,
        leg_w: Float,
        leg_var: Float,
        solar_w: Float,
        sun_w: Float,
        seconds: Float,
        on: Bool,
        *,
        parallel: bool = False,
    ) -> IslandBlock:
        """Move the islands over a block of steps.

        Parameters
        ----------
        state
            At the start; left as it is, and settled (see `settled`).
        charge_j
            (k,) stored at the start; anything for an engine.
        leg_w, leg_var
            (k, 2, steps) demand of the panel by leg, half of what is between the legs on each.
        solar_w, sun_w
            (k, steps) what solar in service can give, and what it could if it were.
        seconds
            (steps,) length of each step [s].
        on
            (k,) whether the source is on its panel, and the panel off the grid.
        """
        count, steps = len(self), len(seconds)
        if leg_w.shape != (count, 2, steps) or charge_j.shape != (count,) or solar_w.shape != (count, steps):
            raise ValueError(
                f"{count} islands over {steps} steps need charge_j ({count},), leg_w ({count}, 2, {steps}) and solar_w "
                f"({count}, {steps}), got {charge_j.shape}, {leg_w.shape} and {solar_w.shape}"
            )
        units = state.units.copy()
        power_w, used_w, served_w, out_j = (np.empty((count, steps)) for _ in range(4))
        leg_va, first = np.empty((count, 2, steps)), np.empty((count, 2))
        run: Callable[..., None] = k.advance_parallel if parallel else k.advance_serial
        contiguous = (
            np.ascontiguousarray(a, np.float64) for a in (charge_j, leg_w, leg_var, solar_w, sun_w, seconds)
        )
        run(self.units, units, *contiguous, on, power_w, used_w, served_w, out_j, leg_va, first)
        change_us = np.where(first[:, 0] < 0.0, NEVER, np.ceil(first[:, 0] * 1e6)).astype(np.int64)
        change, engine_rows = first[:, 1].astype(np.int64), set[int]()
        engines = self._engines(state, power_w, seconds)
        for island in np.flatnonzero(~self.battery).tolist():
            at_us, does = (int(found[self.engine_of[island]]) for found in (engines.first_us, engines.first))
            if at_us >= 0 and not 0 <= change_us[island] < at_us:
                change_us[island], change[island] = at_us, does
                engine_rows.add(island)
        changes = change_us[change_us >= 0]
        end = IslandState(units, engines.end, state.wanted)
        speed = np.column_stack([np.sqrt(state.engines[:, engine.SPEED2]), engines.speed[:, :-1]])
        return IslandBlock(
            power_w, used_w, served_w, out_j, leg_va, engines.burnt_j, speed, end, int(changes.min(initial=NEVER_US)),
            change_us, change, frozenset(engine_rows),
        )  # fmt: skip

    def told(self, block: IslandBlock) -> tuple[Int, str]:
        """Islands that change first, and what they do in words."""
        rows = np.flatnonzero(block.change_us == block.first_us)
        words = {
            (ENGINE_TOLD if row in block.engine_rows else NAMES)[int(block.change[row])]
            for row in rows.tolist()
        }
        return rows, ", ".join(sorted(words))

    def _engines(self, state: IslandState, power_w: Float, seconds: Float) -> GeneratorBlock:
        """What the engines do under what their islands serve."""
        load_w = np.zeros((len(self.engines), len(seconds)))
        islands = np.flatnonzero(~self.battery)
        load_w[self.engine_of[islands]] = np.maximum(power_w[islands], 0.0)
        return self.engines.advance(state.engines, load_w, seconds, state.wanted, parallel=False)

    def can_start(self, start_va: Float) -> Bool:
        """(k,) whether the source starts a motor of locked-rotor `start_va` with nothing else on."""
        return np.asarray(start_va <= self.units[:, k.SURGE_VA])


ENGINE_TOLD = ("is stopped", "is started", "runs", "stalls", "runs dry")


def _battery_row(entry: BatteryEntry) -> list[float]:
    """Numbers of a battery: overload is borne as its stated fault current is, for its stated time, from cold."""
    continuous_va = entry.continuous_a.value * LINE_V
    multiple = entry.fault_current_a.value / entry.continuous_a.value
    tau_s = entry.fault_time_s.value / math.log(multiple**2 / (multiple**2 - 1.0)) if multiple > 1.0 else 1.0
    rotor = entry.locked_rotor_a or entry.fault_current_a
    share = entry.leg_share.value if entry.leg_share is not None else 0.5
    differ = entry.unbalance_va.value if entry.unbalance_va is not None else math.inf
    usable = entry.soc_max.value - entry.soc_min.value
    capacity_j = entry.capacity_kwh.value * usable * 3.6e6
    return [
        continuous_va, share * continuous_va, differ, multiple, tau_s, 1.0, rotor.value * LINE_V, RETRY_S, 0.0, 0.0,
        entry.charge_kw.value * 1e3, entry.efficiency_charge.value, entry.efficiency_discharge.value, capacity_j,
        RESTART_SOC * capacity_j, 0.0 if entry.standby_w is None else entry.standby_w.value, 1.0,
    ]  # fmt: skip


def _generator_row(entry: GeneratorEntry) -> list[float]:
    """Numbers of a generator; it starts motors down to the voltage that `GeneratorFleet.can_start` asks for."""
    rated_va = entry.rated_kva.value * 1e3
    surge_va = rated_va * (1.0 / LEAST_START_PU - 1.0) / entry.xd1_pu.value
    return [
        rated_va, 0.5 * rated_va, math.inf, GENERATOR_INSTANT, GENERATOR_TAU_S, TRIP_THETA, surge_va, math.inf, 0.0,
        0.0, 0.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0,
    ]  # fmt: skip
