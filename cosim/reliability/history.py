"""Years of a feeder without a power flow: what interrupts which home, and for how long."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.events.crew_processes import Crews
from cosim.events.environment import Environment
from cosim.events.fault_processes import Faults
from cosim.events.processes import hold_open
from cosim.events.protection_processes import ProtectionWatch
from cosim.reliability.draws import YEAR_US, Rates, duration
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.reliability_entry import ACTIVITIES

if TYPE_CHECKING:
    from cosim.devices.protection import Protection
    from cosim.events.log import EventLog
    from cosim.events.records import Record
    from cosim.feeder.feeder import Feeder

GIVE_UP_US = (
    2 * YEAR_US
)  # nothing is out so long, unless no device ever opens for a fault and no crew is called

Int = NDArray[np.int64]


def _none() -> Int:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class History:
    """Interruptions of the homes of a feeder over some years, each year by itself.

    Parameters
    ----------
    homes
        How many the feeder has.
    years
        (y,) numbers of the years.
    home, year
        (k,) whose interruption, and the year in which it began.
    start_us, end_us
        (k,) from the beginning of that year; the end may lie in the next.
    faults
        (y,) faults that struck.
    """

    homes: int
    years: Int
    home: Int = field(default_factory=_none)
    year: Int = field(default_factory=_none)
    start_us: Int = field(default_factory=_none)
    end_us: Int = field(default_factory=_none)
    faults: Int = field(default_factory=_none)

    @classmethod
    def joined(cls, parts: Sequence[History]) -> History:
        """Histories of different years of one feeder, in the order of the years."""
        parts = sorted(parts, key=lambda part: int(part.years[0]) if len(part.years) else 0)
        names = ("years", "home", "year", "start_us", "end_us", "faults")
        return cls(parts[0].homes, *(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def processes(
    rates: Rates, seed: int, year: int, *, storms: bool = False, use_ties: bool = True
) -> list[Record]:
    """Faults, protective devices and crews of one year, ready to start."""
    entry = rates.entry
    scale = entry.calibration.durations.value
    times = {name.replace("_", "-"): duration(getattr(entry.activities, name), scale) for name in ACTIVITIES}
    crews = Crews(
        name="crews",
        crews=int(entry.crews.value),
        seed=seed,
        times=times,
        order=entry.order,
        use_ties=use_ties,
    )
    faults = Faults(name="faults", coming=rates.faults(seed, year, storms=storms))
    return [faults, ProtectionWatch(name="protection"), crews]


def run_year(
    grid: FaultedGrid, rates: Rates, year: int, seed: int, *, storms: bool = False
) -> tuple[History, EventLog]:
    """One year: faults strike within it, and what they did is repaired, in the next if need be."""
    physics = EventPhysics(grid)
    env = Environment(physics)
    hold_open(env, grid.stand_open)
    records = processes(rates, seed, year, storms=storms)
    struck = len(records[0].coming) if isinstance(records[0], Faults) else 0
    if struck:
        for record in records:
            env.start(record)
        while (due := env.peek()) < math.inf and due <= GIVE_UP_US:
            env.step()
    seen = physics.seen
    left = np.flatnonzero(seen.out_since_us >= 0)
    home = np.array([*seen.home, *left], dtype=np.int64)
    start = np.array([*seen.start_us, *seen.out_since_us[left]], dtype=np.int64)
    end = np.array([*seen.end_us, *np.full(len(left), GIVE_UP_US)], dtype=np.int64)
    order = np.lexsort((home, start))
    history = History(
        len(grid.home_names), np.array([year]), home[order], np.full(len(home), year), start[order],
        end[order], np.array([struck]),
    )  # fmt: skip
    return history, env.log


def run_events(
    feeder: Feeder,
    protection: Protection,
    rates: Rates,
    years: int | Iterable[int],
    seed: int,
    *,
    storms: bool = False,
    grid: FaultedGrid | None = None,
) -> History:
    """Interruptions of a feeder's homes over years, without a power flow.

    Parameters
    ----------
    feeder, protection
        What is struck, and what protects it.
    rates
        How often, see `Rates.of`.
    years
        How many from 0, or which. Each is drawn and run by itself, so any parts of a range join to the same history.
    seed
        Of all draws.
    storms
        Whether there are any.
    grid
        The feeder made ready, where it is used again.

    Returns
    -------
    History
    """
    ready = FaultedGrid(feeder, feeder.compile(), protection) if grid is None else grid
    numbers = range(years) if isinstance(years, int) else years
    parts = [run_year(ready, rates, year, seed, storms=storms)[0] for year in numbers]
    return History.joined(parts) if parts else History(len(ready.home_names), _none())
