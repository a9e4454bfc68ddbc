"""Feeder-years without a power flow, and what faults, devices and crews cost in a storm over ten thousand homes."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.yardstick import NAME, yardstick
from cosim import library
from cosim.events.environment import Environment
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.reliability.draws import Rates
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.reliability.history import processes, run_events

YEARS = 20
HOMES, OUTAGES, CREWS = {False: 10_000, True: 240}, {False: 200, True: 20}, 20  # by whether it is smoke only
HOUR_US = 3_600_000_000
CALLS = ("advance", "apply", "strike", "clear", "fault_currents", "fed", "isolation")


def made(homes: int, **asked: Any) -> tuple[Feeder, FaultedGrid, Rates]:
    feeder = Feeder.generate(homes, **asked)
    grid = FaultedGrid(feeder, feeder.compile(), protection_of(feeder))
    return feeder, grid, Rates.of(feeder, library.load("reliability", "us-average"))


def bench_feeder_years(pair: Any, smoke: bool) -> None:
    """Faults, protection and crews of the default feeder of 240 homes, with the calibrated rates."""
    years = 2 if smoke else YEARS
    feeder, grid, rates = made(HOMES[True])
    found = run_events(feeder, grid.protection, rates, years, 1, grid=grid)
    assert found.faults.sum() > years
    assert len(found.home) > years
    pair(
        lambda: run_events(feeder, grid.protection, rates, years, 1, grid=grid), yardstick,
        unit="feeder-years", units=years, peer_name=NAME, peer_units=1, homes=HOMES[True],
    )  # fmt: skip


class Timed(EventPhysics):
    """Physics that knows how long it took [s of the processor]."""

    def __init__(self, grid: FaultedGrid) -> None:
        super().__init__(grid)
        self.spent_s = 0.0
        for name in CALLS:
            setattr(self, name, self._timed(getattr(self, name)))

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            start = time.process_time()
            try:
                return call(*given)
            finally:
                self.spent_s += time.process_time() - start

        return timed


def storm(grid: FaultedGrid, rates: Rates, outages: int) -> tuple[float, float, int]:
    """Processor time [s] of SimPy and the processes, and of all, and events logged, until everybody is back."""
    faults, protection, crews = processes(rates, 1, 0)
    faults.coming = rates.storm(1, 1, HOUR_US, 6 * HOUR_US, outages)  # type: ignore[attr-defined]
    crews.crews = CREWS  # type: ignore[attr-defined]
    physics = Timed(grid)
    env = Environment(physics)
    for record in (faults, protection, crews):
        env.start(record)
    start = time.process_time()
    while env.peek() < math.inf:
        env.step()
    whole_s = time.process_time() - start
    assert not physics.out.any()
    return whole_s - physics.spent_s, whole_s, len(env.log)


def bench_storm(pair: Any, smoke: bool) -> None:
    """A storm until everybody is back, without a power flow; SimPy's and the processes' part of it is told."""
    homes, outages = HOMES[smoke], OUTAGES[smoke]
    _, grid, rates = made(homes, voltage_kv=24.9)
    shares = []

    def own() -> None:
        processes_s, whole_s, events = storm(grid, rates, outages)
        assert events > 2 * outages
        shares.append(processes_s / whole_s)

    own()
    pair(
        own, yardstick, unit="outages", units=outages, peer_name=NAME, peer_units=1, rounds=3,
        homes=homes, processes_share=round(statistics.median(shares), 2),
    )  # fmt: skip
