"""Every step of a day at which our taps are not the engine's, and why.

Run as ``python tests/simulation/control_differences.py MASTER.dss [JUMP]``: prints step, device, our position and the
engine's, what the control sensed, how far that is from the edge of its band, and the class of explanation:

left
    The engine moved this control at once on an action that stayed in its queue (see `engine_queue`).
range
    The same on a follow-up that it queued while the tap stood at the end of its range.
follows
    The flow was another one, because other controls stand, or lately stood, apart.
edge
    What was sensed lies within `EDGE_V` of the edge of the band.
unexplained
    None of these.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from engine_queue import EngineQueue
from test_control_days import Loads, day, engine_day, run, study_of

from cosim.electrical.network import Network
from cosim.feeder.controls import Controls, Setting
from cosim.simulation.assembly import Study
from cosim.simulation.sockets import Sockets

EDGE_V = 1e-6
MINUTES = 1440
Places = list[tuple[float, ...]]


@dataclass(frozen=True)
class Difference:
    """One control at one step."""

    step: int
    control: str
    ours: float
    theirs: float
    sensed: float
    to_edge: float
    why: str

    def __str__(self) -> str:
        return (
            f"{self.step:5d}  {self.control:28s} {self.ours:9.5f} {self.theirs:9.5f} {self.sensed:12.4f} "
            f"{self.to_edge:+11.2e}  {self.why}"
        )


def day_of(
    master: Path, folder: Path, patch: pytest.MonkeyPatch, jump: float, minutes: int = MINUTES
) -> Study:
    """The first minutes of a day with loads that jump by that share; controls look once a minute, as the engine."""
    study = study_of(folder, master, minutes, patch, 'sampling = "60 s"')
    return replace(study, demand=Loads(study, day(study.homes, MINUTES, jump=jump)))


def places(controls: Controls, setting: Setting) -> tuple[float, ...]:
    """Taps, then capacitor steps."""
    return (*controls.taps_pu(setting).values(), *map(float, controls.steps_on(setting).values()))


def compare(study: Study, master: Path, minutes: int = MINUTES) -> tuple[int, int, list[Difference]]:
    """How often anything moved, at how many steps the engine's rules on our flow miss the engine, every difference."""
    controls, sockets = study.controls, Sockets(study.compiled, parallel=False)
    told = run(study)
    ours = [places(controls, told.settings[minute]) for minute in range(minutes)]
    theirs = [(*taps, *map(float, steps)) for taps, steps in engine_day(study, master, minutes, 60)]
    nothing = np.zeros((study.homes, 1))

    def powers(step: int) -> tuple[np.ndarray, np.ndarray]:
        demand = study.demand.at(step, 1)
        return sockets.injector_power(demand.panel_w, demand.panel_var, nothing, nothing)

    walked = EngineQueue(controls, Network(study.compiled.circuit)).day(powers, minutes, 60.0)
    rules = [places(controls, setting) for setting in walked.settings]
    missed = sum(not np.allclose(a, b, atol=1e-9, rtol=0.0) for a, b in zip(rules, theirs, strict=True))
    apart = np.abs(np.array(ours) - np.array(theirs)) > 1e-9
    moved = sum(
        event.kind in ("tap_raised", "tap_lowered", "bank_step_on", "bank_step_off") for event in told.env.log
    )
    found = [
        Difference(
            step, controls.names[k], ours[step][k], theirs[step][k], walked.looks[step][k].sensed,
            walked.looks[step][k].to_edge, _why(controls, apart, walked.odd, step, k, walked.looks[step][k].to_edge),
        )
        for step, k in np.argwhere(apart).tolist()
    ]  # fmt: skip
    return moved, missed, found


def _why(
    controls: Controls, apart: np.ndarray, odd: list[dict[int, str]], step: int, k: int, to_edge: float
) -> str:
    start = step
    while start > 0 and apart[start - 1, k]:
        start -= 1
    reasons = [moved[k] for moved in odd[start : step + 1] if k in moved]
    if reasons:
        return reasons[-1]
    delays = controls.delays[controls.names[k]]
    memory = 1 + int(np.ceil((max(delays.raise_s, delays.lower_s) + delays.dead_s) / 60.0))
    others = np.delete(apart[max(start - memory, 0) : start + 1], k, axis=1)
    if others.any() or apart[max(start - memory, 0) : start, k].any():
        return "follows"
    return "edge" if abs(to_edge) < EDGE_V else "unexplained"


def lines(master: Path, jump: float) -> Iterator[str]:
    """The table."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        study = day_of(master, Path(folder), patch, jump)
        moved, missed, found = compare(study, master)
    yield f"{master.name}: {moved} operations, {len({d.step for d in found})} of {MINUTES} steps differ"
    yield f"the engine's rules on this flow miss the engine at {missed} steps"
    yield " step  control                           ours    theirs       sensed     to edge  why"
    yield from map(str, found)


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.5)))
