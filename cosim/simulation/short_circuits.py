"""What short circuits did while current flowed into them: currents, sags, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.physics import StudyPhysics
    from cosim.simulation.state import Block

SAG_PU = 0.9
"""A voltage below this for half a cycle to a minute is a sag (IEEE 1159)."""
US = 1e6


@dataclass(eq=False)
class ShortCircuit:
    """One fault, over all times in which current flowed into it.

    Parameters
    ----------
    where, fault, conductors
        Place, kind and conductors.
    began_us, live_us, spells
        When current first flowed, for how long in all, how often it began to.
    until_us
        Until when it did, the last time.
    current_a, line, line_pu
        Largest current of any line meanwhile, which, and that over its rating.
    low_pu, home, sagged
        Lowest voltage of any home's leg that was not dead, whose, and most homes in a sag at once.
    """

    where: str
    fault: str
    conductors: str
    began_us: int
    live_us: int = 0
    spells: int = 0
    until_us: int = -1
    current_a: float = np.nan
    line: str = ""
    line_pu: float = np.nan
    low_pu: float = np.nan
    home: str = ""
    sagged: int = 0


class ShortCircuits:
    """All short circuits of a run, by name; steps without one cost nothing."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study",)

    def __init__(self, study: Study) -> None:
        self._study = study
        self._all: dict[str, ShortCircuit] = {}

    def watch(self, physics: StudyPhysics, block: Block, count: int) -> bool:
        """The first `count` steps of a block are the past; whether current flowed into a fault in them."""
        faults = physics.state.faults
        if not faults:
            return False
        names = tuple(faults)
        live = [name for name, fed in zip(names, physics.fed(names), strict=True) if fed]
        if not live:
            return False
        start_us, end_us = int(block.plan.start_us[0]), block.plan.head(count).end_us
        for name in live:
            fault = faults[name]
            one = self._all.setdefault(
                name, ShortCircuit(fault.where, str(fault.kind), fault.conductors, start_us)
            )
            one.spells += one.until_us != start_us
            one.live_us, one.until_us = one.live_us + end_us - start_us, end_us
            self._currents(one, block, count)
            self._sags(one, block, count)
        return True

    def _currents(self, one: ShortCircuit, block: Block, count: int) -> None:
        watched = self._study.watched
        line_a = np.where(block.solution.converged[:count, None], block.quality.line_a[:count], np.nan)
        if not np.isfinite(line_a).any():
            return
        most_a = np.fmax.reduce(line_a, axis=0)
        top = int(np.nanargmax(most_a))
        if not float(most_a[top]) <= one.current_a:
            row = int(watched.line[top])
            one.current_a, one.line = float(most_a[top]), str(self._study.feeder.line["name"].iloc[row])
            one.line_pu = float(most_a[top] / watched.line_rating_a[top])

    def _sags(self, one: ShortCircuit, block: Block, count: int) -> None:
        legs = np.minimum(block.sockets.voltage_l1_v, block.sockets.voltage_l2_v)[:count]
        pu: NDArray[np.float64] = legs / self._study.nominal_v
        pu = np.where(block.solution.converged[:count, None] & (pu > 0.0), pu, np.nan)
        one.sagged = max(one.sagged, int((pu < SAG_PU).sum(axis=1).max(initial=0)))
        if np.isfinite(pu).any():
            lowest = np.fmin.reduce(pu, axis=0)
            home = int(np.nanargmin(lowest))
            if not float(lowest[home]) >= one.low_pu:
                one.low_pu, one.home = float(lowest[home]), self._study.home_names[home]

    def columns(self) -> dict[str, Any] | None:
        """Columns of `outage_layout.SHORT_CIRCUITS`, a row each fault; None without any."""
        if not self._all:
            return None
        rows = sorted(self._all.items(), key=lambda item: (item[1].began_us, item[0]))
        names = (
            "where",
            "fault",
            "conductors",
            "spells",
            "current_a",
            "line",
            "line_pu",
            "low_pu",
            "home",
            "sagged",
        )
        return {
            "name": [name for name, _ in rows],
            "began": [one.began_us for _, one in rows],
            "live_s": [one.live_us / US for _, one in rows],
            **{name: [getattr(one, name) for _, one in rows] for name in names},
        }
