"""Processor time of the fleets of cars, batteries and generators, and of service limits, for a home-minute.

``python -m benchmarks.bench_der`` prints nanoseconds a home-minute of one core, medians of some runs, by block length.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import datetime

import numpy as np

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.devices.battery import BatteryFleet, Usage
from cosim.devices.ev import Plan, fleet_of
from cosim.devices.generator import GeneratorFleet
from cosim.devices.periods import Periods
from cosim.devices.service_limit import ServiceLimits
from cosim.randomness import stable_ids

HOMES, MINUTES, RUNS = 1000, 2 * 1440, 5
NIGHT = Periods.window(92, 24)
CALENDAR = Calendar(datetime(2026, 7, 13), "America/New_York", 60_000_000, MINUTES)
PLANS = {
    "car, arrival": (Plan(), False),
    "car, timer": (Plan(NIGHT, strict=True), False),
    "car, tariff": (Plan(NIGHT), False),
    "car, managed": (Plan(Periods.always(), spread=True), False),
    "car, to home": (Plan(NIGHT), True),
}


def measured(run: Callable[[int], None]) -> dict[int, float]:
    """Nanoseconds a home-minute by block length; `run` takes one and goes over all minutes."""
    found = {}
    for block in (60, 360, 1440):
        run(block)
        times = []
        for _ in range(RUNS):
            begin = time.process_time()
            run(block)
            times.append(time.process_time() - begin)
        found[block] = statistics.median(times) / (HOMES * MINUTES) * 1e9
    return found


def main() -> None:
    """Measure all and print a table."""
    start_us = np.arange(MINUTES, dtype=np.int64) * 60_000_000
    seconds, net = np.full(MINUTES, 60.0), np.full((HOMES, MINUTES), 1000.0)
    vehicle, habits = library.load("der", "vehicle-250"), library.load("der", "ev-habits")
    battery = library.load("der", "powerwall-3")
    assert vehicle.kind == "vehicle"
    assert habits.kind == "ev-habits"
    assert battery.kind == "battery"
    rows: dict[str, dict[int, float]] = {}
    for name, (plan, gives) in PLANS.items():
        cars = fleet_of(
            CALENDAR, 1, stable_ids([str(row) for row in range(HOMES)]), np.full(HOMES, 11.5e3),
            [vehicle] * HOMES, habits, [plan] * HOMES, gives=np.full(HOMES, gives),
        )  # fmt: skip
        first = cars.initial()

        def drive(block: int, cars=cars, first=first) -> None:  # type: ignore[no-untyped-def]
            charge = first
            for at in range(0, MINUTES, block):
                part = slice(at, at + block)
                out = cars.advance(charge, start_us[part], seconds[part], net[:, :block], parallel=False)
                charge = np.ascontiguousarray(out.charge_j[:, -1])

        rows[name] = measured(drive)
    for name, usage in (
        ("battery, self-consumption", Usage()),
        ("battery, tariff", Usage("tariff", periods=NIGHT, calendar=CALENDAR)),
    ):
        fleet = BatteryFleet.from_entries([battery] * HOMES, usage=[usage] * HOMES)

        def store(block: int, fleet: BatteryFleet = fleet) -> None:
            charge = fleet.initial()
            for at in range(0, MINUTES, block):
                part = slice(at, at + block)
                out = fleet.advance(
                    charge, net[:, :block], seconds[part], start_us=start_us[part], parallel=False
                )
                charge = np.ascontiguousarray(out.charge_j[:, -1])

        rows[name] = measured(store)
    limits = ServiceLimits.of_rating(np.full(HOMES, 100.0), np.full(HOMES, 0.8), np.full(HOMES, 120.0))
    panel = np.full((HOMES, 3, 1440), 1000.0)

    def limit(block: int) -> None:
        for _ in range(0, MINUTES, block):
            limits.leaves_w(panel[:, :, :block], panel[:, :, :block], net[:, :block], parallel=False)

    rows["service limit"] = measured(limit)
    generator = library.load("der", "portable-generator-6.25")
    assert generator.kind == "generator"
    sets = GeneratorFleet.from_entries([generator] * HOMES)

    def run_sets(block: int) -> None:
        state = sets.initial()
        for at in range(0, MINUTES, block):
            part = slice(at, at + block)
            state = sets.advance(
                state, net[:, :block], seconds[part], np.ones(HOMES, dtype=np.bool_), parallel=False
            ).end

    rows["generator"] = measured(run_sets)
    print(f"{'':28}" + "".join(f"{block:>8}" for block in (60, 360, 1440)) + "  steps a block")
    for name, found in rows.items():
        print(f"{name:28}" + "".join(f"{ns:8.1f}" for ns in found.values()))


if __name__ == "__main__":
    main()
