"""Parts without a peer, one thread, measured against a fixed piece of NumPy work so that machines compare."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.yardstick import NAME, yardstick
from cosim.demand.block import DemandBlock
from cosim.demand.calendar import Calendar
from cosim.demand.households import HouseholdDemand
from cosim.demand.traits import draw_traits
from cosim.demand.weather import Weather
from cosim.devices.breaker import BreakerFleet
from cosim.results import layout
from cosim.results.reader import open_results
from cosim.results.record import HOUR_US, FeederMap, RecordPlan, RunInfo, StepBlock
from cosim.results.writer import RunWriter

MINUTE_US = 60_000_000


def bench_demand(pair: Callable[..., Any], smoke: bool) -> None:
    """Households with everything on, and solar, a summer day from its state at midnight."""
    homes, steps = 200, 48 if smoke else 1440
    every_third = np.where(np.arange(homes) % 3 == 0, 7.0, 0.0)
    traits = draw_traits(np.arange(homes, dtype=np.uint64), 7, pv_kw=every_third)
    calendar = Calendar(datetime(2026, 7, 9), "America/New_York", MINUTE_US, 1440)
    weather = Weather("tmy3:greensboro", calendar)
    demand = HouseholdDemand(calendar, weather, traits, 7, parallel=False)
    state, powered = demand.initial(), np.ones(homes, dtype=bool)

    def own() -> DemandBlock:
        return demand.block(state, 0, np.full(steps, 60.0), powered)

    block, half = own(), demand.block(state, 0, np.full(steps // 2, 60.0), powered)
    assert block.panel_w.shape == (homes, 3, steps)
    assert np.array_equal(block.panel_w[:, :, : steps // 2], half.panel_w)
    assert (block.panel_w.sum(axis=1) > 0.0).all()
    drawn = sum(demand.energy_kwh(block.end).values())
    assert np.allclose(drawn, block.panel_w.sum(axis=(1, 2)) / 60e3)
    assert smoke or (block.pv_w[::3].max(axis=1) > 1000.0).all()
    pair(own, yardstick, unit="home-step", units=homes * steps, peer_units=1, peer_name=NAME)


def bench_breakers(pair: Callable[..., Any], smoke: bool) -> None:
    """Heat accumulators with the first trip found exactly."""
    count, steps = 1200, 60 if smoke else 1440
    fleet = BreakerFleet(np.full(count, 50.0), np.full(count, 60.0), np.full(count, 10.0))
    current = np.random.default_rng(50).uniform(
        0.0, 59.0, (count, steps)
    )  # below 1.2 ratings: nothing may trip
    current[7, -1] = 600.0  # but for this one
    seconds = np.full(steps, 60.0)

    def own() -> Any:
        return fleet.advance(fleet.cold(), current, seconds, parallel=False)

    block = own()
    assert block.first_breaker == 7
    assert (block.trip_offset_us >= 0).sum() == 1
    pair(own, yardstick, unit="breaker-step", units=count * steps, peer_units=1, peer_name=NAME)


def bench_results(pair: Callable[..., Any], smoke: bool, tmp_path: Path) -> None:
    """A run's file from its blocks of steps, to the finished name; includes syncing to disk."""
    homes, units, block, blocks = 600, 90, 60, 2 if smoke else 12
    rng = np.random.default_rng(600)

    def quantities(names: Any, *shape: int) -> dict[str, Any]:
        return {q.name: rng.normal(100.0, 10.0, shape) for q in names}

    home = quantities(layout.HOME_QUANTITIES, block, homes)
    transformer = quantities(layout.TRANSFORMER_QUANTITIES, block, units)
    feeder = quantities(layout.FEEDER_QUANTITIES, block)
    written = [
        StepBlock(
            (np.arange(block) + block * number) * MINUTE_US, np.full(block, 60.0), home, transformer, feeder,
            np.full(block, 5, dtype=np.int32), np.ones(block, dtype=np.bool_),
            {q.name: np.zeros((block, 0)) for q in layout.LINE_QUANTITIES},
            {q.name: np.zeros((block, 0)) for q in layout.BUS_QUANTITIES},
            {q.name: np.zeros((block, 0)) for q in layout.INVERTER_QUANTITIES},
            np.zeros(block, dtype=np.bool_), np.zeros(block, dtype=np.bool_),
        )
        for number in range(blocks)
    ]  # fmt: skip
    info = RunInfo("bench", "{}", 1, 60.0, 60.0 * block * blocks, "2026-07-09T00:00:00", "America/New_York")
    tables = {"id": [f"home-{k}" for k in range(homes)]}, {"id": [f"unit-{k}" for k in range(units)]}
    number = itertools.count()

    def own() -> Path:
        path = tmp_path / f"run-{next(number)}.h5"
        nothing = FeederMap([], [], [], [], [], [], [])
        writer = RunWriter(path, info, *tables, nothing, RecordPlan(HOUR_US))
        for steps in written:
            writer.write(steps)
        return writer.finish()

    with open_results(own()) as results:
        mean = results.envelope("panel_power_w").sel(statistic="mean").to_numpy()
        assert mean.shape == (blocks, homes)
        assert np.allclose(mean[0], home["panel_power_w"].mean(axis=0), rtol=1e-6)
    pair(own, yardstick, unit="home-step", units=homes * block * blocks, peer_units=1, peer_name=NAME)
