"""A run with power flow and years without one tell the same story of the same faults."""

from __future__ import annotations

import sys
from pathlib import Path

from cosim.events import Environment
from cosim.events.physics import Physics
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.physics import StudyPhysics

sys.path.insert(0, str(Path(__file__).parents[1] / "events"))
from fault_story import HOUR, coming, protection_by_hand, records

CASE = {
    "start": "2026-07-14T00:00:00",
    "duration": "41 h",
    "step": "5 min",
    "feeder": {"homes": 60, "overhead_share": 1.0},
}


def test_same_log() -> None:
    study = assemble(Scenario.model_validate(CASE), parallel=False)
    protection = protection_by_hand(study.feeder)
    study.__dict__["protection"] = protection
    grid = FaultedGrid(study.feeder, study.compiled, protection)

    def told(physics: Physics) -> str:
        env = Environment(physics)
        for record in records():
            env.start(record)
        env.run_until(40 * HOUR)
        return "\n".join(str(r) for r in env.log)

    flow = told(StudyPhysics(study, lambda *_: None, parallel=False))
    alone = told(EventPhysics(grid))
    assert len(coming()) == 7
    assert alone.count("crew_done") == 7
    assert flow == alone
