"""Portable and standby generators: fuel, start, governor, overload, and what motors they can start.

Generator convention: power is produced. The engine burns fuel by a curve of its load (the heat of the fuel, linear
between published points); the governor lets the frequency fall in proportion to load (droop; 0 is isochronous); load
beyond what the engine can give slows the flywheel until it stalls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices import generator_kernels as k

if TYPE_CHECKING:
    from cosim.entries import GeneratorEntry

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

NAMES = ("off", "starting", "running", "stalled", "dry")
NOMINAL_HZ = 60.0
LEAST_START_PU = 0.7
"""Voltage below which starting motors and contactors fail: a dip of 30 %, the usual limit of sizing guides."""
NEVER = -1


@dataclass(frozen=True)
class GeneratorBlock:
    """A block of steps.

    Parameters
    ----------
    power_w
        (k, steps) mean power given [W]; nothing before the start is over, after a stall or without fuel.
    burnt_j
        (k, steps) heat of the fuel burnt [J].
    frequency_hz
        (k, steps) at the end of each step; NaN while it does not run.
    speed
        (k, steps) at the end of each step, in shares of what the governor holds; 0 while it does not run.
    end
        (k, columns) state after the last step.
    first_us
        (k,) first whole microsecond, from the block's start, at or after the first change of what a generator does;
        -1 without.
    first
        (k,) what it does then, a row of `NAMES`; -1 without.
    """

    power_w: Float
    burnt_j: Float
    frequency_hz: Float
    speed: Float
    end: Float
    first_us: Int
    first: Int


@dataclass(frozen=True, eq=False)
class GeneratorFleet:
    """Generators side by side; the object holds no state: it goes in and comes out.

    Parameters
    ----------
    units
        (k, columns) numbers by the columns of `cosim.devices.generator_kernels`.
    rated_va
        (k,) apparent power [VA].
    share, fuel_w
        (k, p) shares of rated power, rising, and the heat of the fuel burnt there [W]; a row may repeat its last
        slope.
    droop, no_load_hz
        (k,) fall of frequency from no load to rated power as a share of 60 Hz, and frequency without load.
    xd1_pu
        (k,) transient reactance.
    tank_j
        (k,) heat of a full tank [J]; infinite on a gas main.

    Raises
    ------
    ValueError
        If a value is impossible; names all of them.
    """

    units: Float
    rated_va: Float
    share: Float
    fuel_w: Float
    droop: Float
    no_load_hz: Float
    xd1_pu: Float
    tank_j: Float

    def __post_init__(self) -> None:
        count, wrong = len(self.rated_va), []
        if self.units.shape != (count, k.UNIT) or not (self.units[:, : k.STALL_SPEED2] > 0.0).all():
            wrong.append(f"units must hold ({count}, {k.UNIT}) numbers, powers and flywheel above 0")
        elif not ((self.units[:, k.STALL_SPEED2] > 0.0) & (self.units[:, k.STALL_SPEED2] < 1.0)).all():
            wrong.append("a generator stalls between standstill and synchronous speed")
        if self.share.shape != self.fuel_w.shape or self.share.ndim != 2 or self.share.shape[1] < 2:
            wrong.append("share and fuel_w must hold two points or more for each generator")
        elif not ((np.diff(self.share) > 0.0).all() and (np.diff(self.fuel_w) > 0.0).all()):
            wrong.append("share and fuel_w must rise")
        if not ((self.droop >= 0.0) & (self.droop < 0.5)).all():
            wrong.append("droop must lie between 0 and 0.5")
        if not (self.tank_j > 0.0).all():
            wrong.append("tank_j must be positive")
        if wrong:
            raise ValueError("; ".join(wrong))

    def __len__(self) -> int:
        return len(self.rated_va)

    @classmethod
    def from_entries(cls, entries: Sequence[GeneratorEntry]) -> GeneratorFleet:
        """Fleet of library entries.

        Raises
        ------
        ValueError
            If an entry says nothing of its engine; names all of them.
        """
        mute = sorted({entry.name for entry in entries if entry.engine is None})
        if mute:
            raise ValueError(
                f"nothing is known of the engine of {', '.join(mute)}: add [engine] to the entry"
            )
        engines = [entry.engine for entry in entries if entry.engine is not None]
        points = max((len(engine.fuel_points) for engine in engines), default=2)
        share, fuel = np.empty((len(engines), points)), np.empty((len(engines), points))
        units = np.empty((len(engines), k.UNIT))
        for row, (entry, engine) in enumerate(zip(entries, engines, strict=True)):
            share[row], fuel[row] = _points(engine.fuel_points, points)
            fuel[row] *= engine.heat_mj_per_unit.value * 1e6 / 3600.0
            kinetic_j = entry.inertia_s.value * entry.rated_kva.value * 1e3
            units[row] = (
                engine.rated_kw.value * 1e3, engine.most_kw.value * 1e3, kinetic_j,
                engine.stall_speed.value**2, engine.start_s.value,
            )  # fmt: skip

        def column(values: list[float]) -> Float:
            return np.array(values, dtype=np.float64)

        return cls(
            units,
            rated_va=column([entry.rated_kva.value * 1e3 for entry in entries]),
            share=share,
            fuel_w=fuel,
            droop=column([engine.droop.value for engine in engines]),
            no_load_hz=column([engine.no_load_hz.value for engine in engines]),
            xd1_pu=column([entry.xd1_pu.value for entry in entries]),
            tank_j=column(
                [
                    np.inf
                    if engine.tank_units is None
                    else engine.tank_units.value * engine.heat_mj_per_unit.value * 1e6
                    for engine in engines
                ]
            ),
        )

    def initial(self) -> Float:
        """(k, columns) state: off, tanks full."""
        state = np.zeros((len(self), k.STATE))
        state[:, k.FUEL_J], state[:, k.SPEED2] = self.tank_j, 1.0
        return state

    def refuelled(self, state: Float, rows: Int) -> Float:
        """The state with the tanks of some generators full; one that ran dry must be started again."""
        new = state.copy()
        new[rows, k.FUEL_J] = self.tank_j[rows]
        dry = rows[new[rows, k.DOES] == k.DRY]
        new[dry, k.DOES], new[dry, k.SPEED2] = k.OFF, 1.0
        return new

    def advance(
        self, state: Float, load_w: Float, seconds: Float, wanted: Bool, *, parallel: bool = True
    ) -> GeneratorBlock:
        """Move the fleet over a block of steps.

        Parameters
        ----------
        state
            (k, columns) at the start; left as it is.
        load_w
            (k, steps) asked of each generator while it runs, constant power [W].
        seconds
            (steps,) length of each step [s].
        wanted
            (k,) whether each is told to run. One that stalled or ran dry stays so until it is told to stop.
        parallel
            Whether to use threads.
        """
        count, steps = load_w.shape
        if state.shape != (len(self), k.STATE) or count != len(self) or seconds.shape != (steps,):
            raise ValueError(
                f"{len(self)} generators need state ({len(self)}, {k.STATE}), load_w ({len(self)}, steps) and "
                f"seconds (steps,), got {state.shape}, {load_w.shape}, {seconds.shape}"
            )
        if not (load_w >= 0.0).all():
            raise ValueError("a generator takes no power: load_w must not be negative")
        end = np.ascontiguousarray(state).copy()
        power_w, burnt_j, speed = (np.empty((count, steps)) for _ in range(3))
        first = np.empty((count, 2))
        run: Callable[..., None] = k.advance_parallel if parallel else k.advance_serial
        run(
            self.units, self.share, self.fuel_w, wanted, end, np.ascontiguousarray(load_w), seconds, power_w,
            burnt_j, speed, first,
        )  # fmt: skip
        hertz = np.where(speed > 0.0, self.frequency_hz(load_w) * speed, np.nan)
        first_us = np.where(first[:, 0] < 0.0, NEVER, np.ceil(first[:, 0] * 1e6)).astype(np.int64)
        return GeneratorBlock(power_w, burnt_j, hertz, speed, end, first_us, first[:, 1].astype(np.int64))

    def frequency_hz(self, load_w: Float) -> Float:
        """(k, ...) frequency at which the governor settles under a load."""
        wide = (slice(None),) + (None,) * (load_w.ndim - 1)
        rated_w = self.units[:, k.RATED_W][wide]
        return np.asarray(self.no_load_hz[wide] - self.droop[wide] * NOMINAL_HZ * load_w / rated_w)

    def fuel_rate_w(self, load_w: Float) -> Float:
        """(k,) heat of the fuel burnt at loads (k,) [W]."""
        return np.array(
            [
                k.fuel_w(share, fuel, load / unit[k.RATED_W])
                for share, fuel, load, unit in zip(self.share, self.fuel_w, load_w, self.units, strict=True)
            ]
        )

    def start_voltage_pu(self, start_va: Float) -> Float:
        """(k,) voltage while a motor of locked-rotor `start_va` (k,) starts.

        Both the generator behind its transient reactance and a motor at standstill are taken as reactances, no load
        beside: the worst case of equal power factors.
        """
        return np.asarray(1.0 / (1.0 + self.xd1_pu * start_va / self.rated_va))

    def can_start(self, start_va: Float, least_pu: float = LEAST_START_PU) -> Bool:
        """(k,) whether the voltage stays at `least_pu` or above while such a motor starts."""
        return np.asarray(self.start_voltage_pu(start_va) >= least_pu)


def _points(given: Sequence[tuple[float, float]], count: int) -> tuple[Float, Float]:
    """`count` points of a curve: the given ones, and its last slope repeated."""
    share, fuel = (list(values) for values in zip(*given, strict=True))
    while len(share) < count:
        share.append(2.0 * share[-1] - share[-2])
        fuel.append(2.0 * fuel[-1] - fuel[-2])
    return np.array(share), np.array(fuel)
