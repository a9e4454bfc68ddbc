"""Processor time of home islands: ``python -m benchmarks.bench_islands``; prints ns per home and step."""

from __future__ import annotations

import time

import numpy as np

from cosim import library
from cosim.devices.island import IslandFleet

HOMES, STEPS, TIMES = 2000, 64, 15


def main() -> None:
    """Serial kernels, half batteries with solar, half generators; the compiling is left out."""
    entries = [library.load("der", name) for name in ("powerwall-3", "portable-generator-6.25")]
    fleet = IslandFleet.of([entries[home % 2] for home in range(HOMES)])
    on = np.ones(HOMES, dtype=bool)
    state = fleet.settled(fleet.initial(), on)
    rng = np.random.default_rng(1)
    leg_w = rng.uniform(0.0, 1200.0, (HOMES, 2, STEPS))
    solar = rng.uniform(0.0, 3000.0, (HOMES, STEPS)) * fleet.battery[:, None]
    args = np.full(HOMES, 2e7), leg_w, 0.2 * leg_w, solar, solar, np.full(STEPS, 60.0), on
    fleet.advance(state, *args)
    spent = []
    for _ in range(TIMES):
        begun = time.process_time()
        block = fleet.advance(state, *args)
        spent.append(time.process_time() - begun)
    assert block.charge_j.shape == (HOMES, STEPS)
    print(f"{np.median(spent) / (HOMES * STEPS) * 1e9:.0f} ns per home and step")


if __name__ == "__main__":
    main()
