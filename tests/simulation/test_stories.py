"""Stories whose log is known to the microsecond, however a run is cut: the folders of tests/cases that hold a log."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

import cosim
from cosim.events.environment import Environment
from cosim.events.log import NO_CAUSE, EventLog, EventRecord
from cosim.events.physics import Fault
from cosim.feeder.faulted import FaultedFeeder
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.outages import coming_faults
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.story import start_processes

CASES = Path(__file__).parents[1] / "cases"
STORIES = sorted(folder.parent.name for folder in CASES.glob("*/story.log"))


def study_of(story: str) -> Study:
    return assemble(cosim.Scenario.load(CASES / story / "scenario.toml"), parallel=False)


@cache
def told(story: str, *, block_steps: int = 64, parallel: bool = False, cut: float | None = None) -> str:
    """The log of a story; with `cut`, of a run started again from what it held at that share of the run."""
    study = study_of(story)
    end_us = study.scenario.duration_us
    physics = StudyPhysics(study, lambda block, count: None, parallel=parallel, block_steps=block_steps)
    env = Environment(physics, EventLog())
    start_processes(env, study, physics.without_voltage())
    records: list[EventRecord] = []
    if cut is not None:
        step_us = study.step_us
        env.run_until(int(cut * end_us) // step_us * step_us)
        clock, held = json.loads(json.dumps(env.snapshot())), physics.checkpoint()
        records += env.log
        physics = StudyPhysics(study_of(story), lambda block, count: None, parallel=parallel)
        physics.take_up(held)
        env = Environment.restore(clock, physics)
    env.run_until(end_us)
    return _lines([*records, *env.log])


def _lines(records: list[EventRecord]) -> str:
    """The log without the notes that it begins with, numbered from the first record after them."""
    notes = sum(record.kind == "note" for record in records)
    told = [
        record._replace(order=record.order - notes, cause=max(record.cause - notes, NO_CAUSE))
        for record in records[notes:]
    ]
    return "".join(f"{record}\n" for record in told)


@pytest.mark.parametrize("story", STORIES)
def test_the_log_is_exact(story: str) -> None:
    assert told(story) == (CASES / story / "story.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("story", STORIES)
def test_blocks_and_threads_change_nothing(story: str) -> None:
    assert told(story, block_steps=7, parallel=True) == told(story)


@pytest.mark.parametrize("story", STORIES)
def test_started_again_it_goes_on_alike(story: str) -> None:
    assert told(story, cut=0.3) == told(story)


def test_delayed_shots_by_hand() -> None:
    """IEEE C37.112 very inverse, A = 19.61 and B = 0.491, dial 3, and five cycles of the breaker."""
    study = study_of("storm-with-intermittent-returns")
    [fault] = [f for f in coming_faults(study) if f.where == "line:trunk-2" and f.dead_us is None]
    struck = Fault(fault.name, fault.where, fault.fault, fault.conductors, fault.ohm, fault.along)
    [currents] = FaultedFeeder(study.feeder, study.compiled).currents((), (), [struck], ["line:breaker-1"])
    multiple = max(currents[:3]) / 240.0
    by_hand_us = 1e6 * (3.0 * (19.61 / (multiple**2 - 1.0) + 0.491) + 0.083)
    log = (CASES / "storm-with-intermittent-returns" / "story.log").read_text(encoding="utf-8").splitlines()
    times = [int(line.split()[1]) for line in log if " line:breaker-1 (relay:breaker-1" in line][:7]
    closed, opened = times[1::2], times[2::2]
    assert len(opened) == 3
    for on, off in zip(closed, opened, strict=True):
        assert off - on == pytest.approx(by_hand_us, abs=2.0)
    dead = [on - off for off, on in zip(times[0::2], times[1::2], strict=False)]
    assert dead == [500_000, 15_000_000, 45_000_000]
    assert times[0] - fault.at_us == 183_000
