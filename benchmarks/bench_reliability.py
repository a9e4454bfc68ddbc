"""Feeder-years without a power flow, and what faults, devices and crews cost in a storm over ten thousand homes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from cosim import library
from cosim.events.environment import Environment
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.reliability.draws import Rates
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.reliability.history import processes, run_events

YEARS = 200
HOMES, OUTAGES, CREWS = 10_000, 200, 20
HOUR_US = 3_600_000_000
CALLS = ("advance", "apply", "strike", "clear", "fault_currents", "fed", "isolation")


def made(homes: int, **asked: Any) -> tuple[Feeder, FaultedGrid, Rates]:
    feeder = Feeder.generate(homes, **asked)
    grid = FaultedGrid(feeder, feeder.compile(), protection_of(feeder))
    return feeder, grid, Rates.of(feeder, library.load("reliability", "us-average"))


def test_feeder_years(benchmark: Any) -> None:
    """A hundred or so a second of one core, on the default feeder of 240 homes."""
    feeder, grid, rates = made(240)
    run_events(feeder, grid.protection, rates, range(YEARS, YEARS + 5), 1, grid=grid)  # ready
    history = benchmark.pedantic(
        lambda: run_events(feeder, grid.protection, rates, YEARS, 1, grid=grid), rounds=3, iterations=1
    )
    assert len(history.years) == YEARS
    assert history.faults.sum() > YEARS
    benchmark.extra_info["feeder_years_per_s"] = YEARS / benchmark.stats.stats.min


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


def storm(grid: FaultedGrid, rates: Rates) -> tuple[float, float, int]:
    """Processor time [s] of SimPy's part and of all, and events logged, until everybody is back."""
    faults, protection, crews = processes(rates, 1, 0)
    faults.coming = rates.storm(1, 1, HOUR_US, 6 * HOUR_US, OUTAGES)  # type: ignore[attr-defined]
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


@pytest.mark.slow
def test_storm_over_ten_thousand_homes(benchmark: Any) -> None:
    """SimPy's part beside the whole; a year's power flow and heat of such a feeder take minutes."""
    _, grid, rates = made(HOMES, voltage_kv=24.9)
    storm(grid, rates)
    found = benchmark.pedantic(lambda: storm(grid, rates), rounds=1, iterations=1)
    simpy_s, whole_s, events = found
    assert events > 2 * OUTAGES
    benchmark.extra_info.update(simpy_s=simpy_s, whole_s=whole_s, events=events, share=simpy_s / whole_s)
