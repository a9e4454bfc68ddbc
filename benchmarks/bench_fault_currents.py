"""Fault currents through the devices before a place, as years without a power flow ask for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cosim.electrical.network import Network
from cosim.events.physics import Fault
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.feeder import Feeder

FAULTS = 200
DEVICES = ("line:breaker-1", "line:lateral-2")


def faults(feeder: Feeder, count: int) -> list[Fault]:
    """Places all over the laterals, none twice."""
    lines = [str(name) for name in feeder.line["name"] if str(name).count("-") == 2]
    along = np.linspace(0.05, 0.95, count)
    return [
        Fault(f"f{k}", f"line:{lines[k % len(lines)]}", "line-ground", "", 0.0, float(along[k]))
        for k in range(count)
    ]


@pytest.mark.parametrize("homes", [240, 2000])
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "each-its-own-switches"])
def test_fault_currents(benchmark: Any, homes: int, opened: bool) -> None:
    """New faults; in the state of all switches closed, or each in one that was not seen before."""
    feeder = Feeder.generate(homes)
    faulted = FaultedFeeder(feeder, feeder.compile())
    asked = faults(feeder, FAULTS)
    names = [f"home:{name}" for name in feeder.home["name"]]

    def ready() -> tuple[tuple[FaultedFeeder], dict[str, Any]]:
        fresh = FaultedFeeder(feeder, feeder.compile())
        fresh.currents((), (), asked[:1], DEVICES)
        return (fresh,), {}

    def all_of_them(fresh: FaultedFeeder) -> float:
        total = 0.0
        for k, fault in enumerate(asked):
            switches = (names[k % len(names)],) if opened else ()
            total += float(fresh.currents(switches, (), [fault], DEVICES)[0].max())
        return total

    total = benchmark.pedantic(all_of_them, setup=ready, rounds=3, iterations=1)
    assert total > 100.0 * FAULTS
    assert faulted.energised().all() == Network(feeder.compile().circuit).energised.all()
    benchmark.extra_info["faults_per_s"] = FAULTS / benchmark.stats.stats.min
