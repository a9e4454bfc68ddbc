"""Laws of faults, devices and crews that hold for any feeder and any faults, with a power flow and without."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.events import Environment
from cosim.events.physics import Physics
from cosim.events.processes import NORMALLY_OPEN, hold_open
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.state import Block

sys.path.insert(0, str(Path(__file__).parents[1] / "events"))
from random_faults import HOUR, random_devices, random_feeder, random_records

MOST_STEPS = 4000
END = 140 * HOUR


def dead(feeder: Feeder, opened: set[str], tied: set[str]) -> set[str]:
    """Homes with a dead conductor: conductors joined bus by bus, in plain Python and from the tables alone."""
    names, joins = feeder.bus["name"].tolist(), dict[tuple[str, str], list[tuple[str, str]]]()
    line = feeder.line
    for name, a, b, nodes, level in zip(
        line["name"], line["from_bus"], line["to_bus"], line["from_nodes"], line["level"], strict=True
    ):
        section = f"line:{name}"
        if level == "drop" or section in opened or (name == "tie" and section not in tied):
            continue
        for n in nodes.split("."):
            if f"{section}@{'abc'[int(n) - 1]}" not in opened:
                ends = (names[a], n), (names[b], n)
                joins.setdefault(ends[0], []).append(ends[1])
                joins.setdefault(ends[1], []).append(ends[0])
    live = {("source", n) for n in "123"}
    front = list(live)
    while front:
        new = [end for at in front for end in joins.get(at, ()) if end not in live]
        live |= set(new)
        front = new
    found = set()
    for name, unit, kind in zip(
        feeder.home["name"], feeder.home["transformer"], feeder.home["kind"], strict=True
    ):
        coil = feeder.winding[feeder.winding["transformer"] == unit].sort_values("number").iloc[0]
        section, bus = f"transformer:{feeder.transformer['name'].iloc[unit]}", names[int(coil["bus"])]
        ends = {n for n in coil["nodes"].split(".") if n != "0"}
        ways = {n for n in ends if (bus, n) in live and f"{section}@{'abc'[int(n) - 1]}" not in opened}
        legs = {f"home:{name}@{leg}" for leg in ("abc" if kind == "three" else "12")}
        if ways != ends or {section, f"home:{name}"} & opened or legs & opened:
            found.add(str(name))
    return found


def begin(physics: Physics, feeder: Feeder, stand_open: frozenset[str], seed: int) -> Environment:
    env = Environment(physics)
    hold_open(env, stand_open)
    for record in random_records(feeder, seed):
        env.start(record)
    return env


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100_000))
def test_who_is_out_is_behind_what_is_open_and_all_are_back_in_the_end(seed: int) -> None:
    feeder = random_feeder(seed)
    protection = protection_of(feeder, random_devices(feeder, seed))
    grid = FaultedGrid(feeder, feeder.compile(), protection)
    physics = EventPhysics(grid)
    env, steps, seen = begin(physics, feeder, grid.stand_open, seed), 0, None
    while env.peek() < math.inf and steps < MOST_STEPS:
        env.step()
        steps += 1
        if seen != (physics.opened, physics.closed_ties):
            seen = physics.opened, physics.closed_ties
            out = {grid.home_names[home] for home in np.flatnonzero(physics.out)}
            assert out == dead(feeder, set(physics.opened), set(physics.closed_ties))
    assert steps < MOST_STEPS
    assert not physics.out.any()
    assert not physics.opened
    assert not physics.tied
    assert not physics.faults
    assert {tuple(holders) for holders in env.holds.values() if holders} <= {(NORMALLY_OPEN,)}
    kinds = [record.kind for record in env.log]
    assert kinds.count("crew_called") == kinds.count("crew_done")
    assert env.now < END
    minutes = np.subtract(physics.seen.end_us, physics.seen.start_us)
    assert (minutes > 0).all()


class Outs:
    """Who is interrupted while a run goes on."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, np.ndarray]] = []
        self.physics: StudyPhysics

    def __call__(self, block: Block, count: int) -> None:
        plan = block.plan.head(count)
        self.rows.append((int(plan.start_us[0]), plan.end_us, ~self.physics.whole()))

    def interruptions(self) -> Iterator[tuple[int, int, int]]:
        """Home, start and end of each."""
        table = pd.DataFrame(
            [(start, end, home) for start, end, out in self.rows for home in np.flatnonzero(out)],
            columns=["start", "end", "home"],
        )
        for home, mine in table.groupby("home"):
            new = (mine["start"] != mine["end"].shift()).cumsum()
            for _, one in mine.groupby(new):
                yield int(home), int(one["start"].min()), int(one["end"].max())


@pytest.mark.parametrize("seed", [3, 26, 33, 50, 150])
def test_same_log_and_same_interruptions_with_a_power_flow(seed: int, tmp_path: Path) -> None:
    feeder = random_feeder(seed)
    case = {
        "start": "2026-07-14T00:00:00", "duration": "41 h", "step": "10 min",
        "feeder": {"source": f"file:{feeder.save(tmp_path / 'a.feeder')}"},
    }  # fmt: skip
    study = assemble(Scenario.model_validate(case), parallel=False)
    study.__dict__["protection"] = protection = protection_of(feeder, random_devices(feeder, seed))
    grid = FaultedGrid(study.feeder, study.compiled, protection)
    outs, alone = Outs(), EventPhysics(grid)
    flow = outs.physics = StudyPhysics(study, outs, parallel=False)
    logs = []
    for physics in (flow, alone):
        env = begin(physics, feeder, grid.stand_open, seed)
        env.run_until(40 * HOUR)
        logs.append(str(env.log).splitlines())
    assert len(logs[0]) > 10
    assert logs[0] == logs[1]
    seen = alone.seen
    left = np.flatnonzero(seen.out_since_us >= 0)
    expected = [*zip(seen.home, seen.start_us, seen.end_us, strict=True)]
    expected += [(int(home), int(seen.out_since_us[home]), 40 * HOUR) for home in left]
    assert sorted(outs.interruptions()) == sorted(expected)
    assert expected
