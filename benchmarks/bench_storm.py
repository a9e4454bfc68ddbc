"""A storm with power flow: what of it SimPy and the processes take, and how many fine steps its events make."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.yardstick import NAME, yardstick
from cosim.events.environment import Environment
from cosim.results.outage_layout import UNENDED
from cosim.scenario import Scenario
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.run import run
from cosim.simulation.state import Block

HOMES, FAULTS, HOURS = (
    {False: 400, True: 60},
    {False: 12, True: 2},
    {False: 12, True: 9},
)  # by whether it is smoke
MOST_SHARE = 0.1
CALLS = (
    "advance", "apply", "strike", "clear", "fault_currents", "fed", "isolation", "service_pu", "source_pu", "source_hz",
    "source_a", "panel_pu", "backfeeding", "paralleled", "backfeed", "operate", "delay_us", "study",
)  # fmt: skip
SCENARIO = """
title = "storm"
start = 2026-07-14T18:00:00
duration = "{hours} h"
step = "60 s"
seed = 7
[feeder]
source = "generated"
homes = {homes}
[homes.transfer-meter]
share = 0.10
adapter = "tesco-bptm"
generator = {{ entry = "portable-generator-6.25", tank = 0.8 }}
critical_share = 0.4
[homes.battery]
share = 0.10
adapter = "tesla-backup-switch"
battery = {{ entry = "powerwall-3", mode = "backup", initial_soc = 1.0 }}
critical_share = 0.6
[homes.cord]
share = 0.05
transfer = "suicide-cord"
generator = "portable-generator-6.25"
critical_share = 0.4
[protection]
scheme = "fuse-saving"
[[storms]]
at = 2026-07-14T18:30:00
lasts = "2 h"
faults = {faults}
[crews]
count = 20
"""


class Watched:
    """Times the clock, and within it the physics [s of the processor]; counts steps shorter than the study's."""

    def __init__(self, patch: pytest.MonkeyPatch, step_s: float) -> None:
        self.clock_s = self.physics_s = 0.0
        self.fine, self._step_s, self._inside = 0, step_s, False
        for name in CALLS:
            patch.setattr(StudyPhysics, name, self._timed(getattr(StudyPhysics, name)))
        patch.setattr(Environment, "run_until", self._clock(Environment.run_until))
        patch.setattr(StudyPhysics, "_commit", self._counted(StudyPhysics._commit))

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            if self._inside:  # the physics asks itself
                return call(*given)
            self._inside, start = True, time.process_time()
            try:
                return call(*given)
            finally:
                self._inside = False
                self.physics_s += time.process_time() - start

        return timed

    def _clock(self, call: Callable[..., None]) -> Callable[..., None]:
        def timed(*given: Any) -> None:
            start = time.process_time()
            call(*given)
            self.clock_s += time.process_time() - start

        return timed

    def _counted(self, call: Callable[..., None]) -> Callable[..., None]:
        def counted(physics: StudyPhysics, block: Block, count: int) -> None:
            self.fine += int((block.plan.seconds[:count] < self._step_s).sum())
            call(physics, block, count)

        return counted


def bench_storm_with_power_flow(
    pair: Callable[..., Any], smoke: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summer evening's storm, a quarter of the homes with sources of their own; one thread."""
    homes, faults = HOMES[smoke], FAULTS[smoke]
    source = tmp_path / "storm.toml"
    source.write_text(SCENARIO.format(homes=homes, faults=faults, hours=HOURS[smoke]))
    scenario = Scenario.load(source)

    def own() -> None:
        run(scenario, tmp_path / "storm.h5", threads=1).close()

    if not smoke:
        own()  # compiles, if anything must be
    with monkeypatch.context() as patch:
        watched, start = Watched(patch, scenario.step_us / 1e6), time.process_time()
        with run(scenario, tmp_path / "watched.h5", threads=1) as results:
            whole_s = time.process_time() - start
            events = len(results.events)
            kinds = set(results.events["kind"])
            lasting = results.study("interruptions")["lasting"].to_numpy()
    assert events > 5 * faults
    assert {"crew_done", "open_service", "close_service"} <= kinds
    assert len(lasting) >= faults
    assert UNENDED not in lasting.astype(str)
    share = (watched.clock_s - watched.physics_s) / whole_s
    assert 0.0 < share < MOST_SHARE
    pair(
        own, yardstick, unit="homes", units=homes, peer_name=NAME, peer_units=1, rounds=3, homes=homes,
        processes_share=round(share, 3), events=events, fine_steps_per_event=round(watched.fine / events, 2),
    )  # fmt: skip
