"""A whole study, from the checked scenario to the result file."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.yardstick import NAME, yardstick
from cosim.results.reader import Results
from cosim.scenario import Scenario
from cosim.simulation.run import run

HOMES = 120
SCENARIO = """
title = "benchmark"
start = 2026-07-09T12:00:00
duration = "{hours} h"
step = "60 s"
seed = 3
[feeder]
homes = 120
[homes.solar]
share = 0.4
adapter = "connectder-solar-60"
pv_kw = {{ uniform = [4, 9] }}
[homes.backup]
share = 0.2
adapter = "tesla-backup-switch"
battery = "powerwall-3"
pv_kw = 7.0
[homes.ev]
share = 0.2
adapter = "connectder-ev"
ev = {{ share = 1.0, charger_kw = 11.5 }}
[[events]]
at = 2026-07-09T12:30:20
kind = "outage"
where = "line:lateral-1"
duration = "20 min"
"""


def bench_end_to_end(pair: Callable[..., Any], smoke: bool, tmp_path: Path) -> None:
    """120 homes, adapters on 80 %, an outage that cuts steps; two threads."""
    hours = 1 if smoke else 12
    source = tmp_path / "benchmark.toml"
    source.write_text(SCENARIO.format(hours=hours))
    scenario = Scenario.load(source)
    number = itertools.count()

    def own() -> Results:
        results = run(scenario, tmp_path / f"run-{next(number)}.h5")
        results.close()
        return results

    with run(scenario, tmp_path / "first.h5") as results:
        assert len(results.homes) == HOMES
        seconds = results.solver["seconds"]
        assert seconds.sum() == 3600 * hours
        assert len(seconds) >= 60 * hours + 2  # the outage's two edges cut a step each
        assert results.solver["converged"].all()
        assert {"outage", "restoration"} <= set(results.events["kind"])
    pair(own, yardstick, unit="home-step", units=HOMES * 60 * hours, peer_units=1, peer_name=NAME, rounds=5)
