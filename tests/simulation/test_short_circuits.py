"""Runs with open conductors and short circuits: what homes see, and what inverters do."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.errors import FeederError
from cosim.events.physics import Act, Action, Crossing, Fault, Watch
from cosim.scenario import Scenario
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.state import Block

US = 1_000_000
MINUTE = 60 * US


@pytest.fixture(scope="module")
def study() -> Study:
    return assemble(
        Scenario.model_validate(
            {
                "start": "2026-07-14T11:00:00",
                "duration": "2 h",
                "step": "60 s",
                "feeder": {"homes": 60},
                "homes": {"solar": {"share": 0.5, "pv_kw": 5.0}},
            }
        ),
        parallel=False,
    )


class Watched:
    """A physics and what it recorded."""

    def __init__(self, study: Study, block_steps: int = 64) -> None:
        self.start_us: list[int] = []
        self.legs: list[np.ndarray] = []
        self.converged: list[bool] = []
        self.physics = StudyPhysics(study, self._record, parallel=False, block_steps=block_steps)
        self.crossings: list[Crossing] = []

    def _record(self, block: Block, count: int) -> None:
        for step in range(count):
            self.start_us.append(int(block.plan.start_us[step]))
            self.legs.append(np.stack((block.sockets.voltage_l1_v[step], block.sockets.voltage_l2_v[step])))
            self.converged.append(bool(block.solution.converged[step]))

    def until(self, end_us: int) -> None:
        while self.physics.time_us < end_us:
            crossing = self.physics.advance(self.physics.time_us, end_us)
            if crossing is None:
                return
            self.crossings.append(crossing)
            if crossing.kind == Watch.DER_TRIP:  # as the process of the inverters' trips does
                self.physics.apply(Action(Act.CEASE_DER, crossing.subject, crossing.ids))

    def seen(self, at_us: int) -> np.ndarray:
        """(2, homes) legs in the step that holds a time."""
        return self.legs[int(np.searchsorted(self.start_us, at_us, side="right")) - 1]


def test_a_sag_is_seen_by_all_and_ends(study: Study) -> None:
    run, calm = Watched(study), Watched(study)
    fault = Fault("f", "line:lateral-2", "line-ground", "", 0.5)
    calm.until(20 * MINUTE)
    run.until(5 * MINUTE)
    run.physics.strike(fault)
    assert run.physics.fed(("f",)) == (True,)
    run.until(5 * MINUTE + US // 5)
    run.physics.clear("f")
    run.until(20 * MINUTE)
    assert all(run.converged)
    during, before, after = (run.seen(5 * MINUTE + at) for at in (0, -MINUTE, US // 5))
    same = during.min(axis=0) < 0.8 * before.min(axis=0)
    assert 5 < same.sum() < 40  # those on its phase, a third
    assert (during[:, ~same] > 90.0).all()
    behind = run.physics._switching.paths.out(("line:lateral-2",))
    assert (during[:, behind] < 60.0).all()
    np.testing.assert_allclose(after, calm.seen(5 * MINUTE), rtol=0.05)
    assert [c.kind for c in run.crossings][:1] == [
        Watch.DER_CEASED
    ]  # momentary cessation of those in the sag
    assert Watch.DER_RESUMED in [c.kind for c in run.crossings]
    assert Watch.DER_TRIP not in [c.kind for c in run.crossings]  # a fifth of a second is ridden through


def test_a_long_sag_trips_inverters(study: Study) -> None:
    run = Watched(study)
    run.until(5 * MINUTE)
    run.physics.strike(Fault("f", "line:lateral-2", "line-ground", "", 0.5))
    run.until(5 * MINUTE + 30 * US)
    tripped = {home for c in run.crossings if c.kind == Watch.DER_TRIP for home in c.ids}
    sagged = run.seen(5 * MINUTE).min(axis=0) < 0.5 * 120.0
    low = {name for name, s, der in zip(study.home_names, sagged, study.has_der, strict=True) if s and der}
    assert low
    assert low <= tripped


def test_a_lost_phase_takes_its_homes_and_no_others(study: Study) -> None:
    run = Watched(study)
    run.until(MINUTE)
    lost = run.physics.apply(Action(Act.OPEN, "line:breaker-1@b"))
    run.until(3 * MINUTE)
    dead = run.seen(2 * MINUTE).max(axis=0) < 10.0
    out = run.physics._switching.paths.out(("line:breaker-1@b",))
    np.testing.assert_array_equal(dead, out)
    assert 10 < dead.sum() < 30
    names = np.array(study.home_names)
    assert set(names[dead & study.has_der]) <= set(lost) <= set(names[dead])
    assert (run.seen(2 * MINUTE)[:, ~dead] > 110.0).all()
    back = run.physics.apply(Action(Act.CLOSE, "line:breaker-1@b"))
    assert set(back) == set(lost)
    run.until(5 * MINUTE)
    assert (run.seen(4 * MINUTE) > 110.0).all()
    assert all(run.converged)


@pytest.mark.parametrize("conductor", ["n", "1", "2"])
def test_a_lost_conductor_of_a_drop_moves_its_legs_apart(study: Study, conductor: str) -> None:
    run = Watched(study)
    run.until(MINUTE)
    home = study.home_names[11]
    run.physics.apply(Action(Act.OPEN, f"home:{home}@{conductor}"))
    run.until(30 * MINUTE)
    assert all(run.converged)
    legs = np.array([run.seen(k * MINUTE)[:, 11] for k in range(1, 30)])
    others = np.array([np.delete(run.seen(k * MINUTE), 11, axis=1) for k in range(1, 30)])
    assert (others > 110.0).all()
    if conductor == "n":  # in sum they stay what the transformer gives
        np.testing.assert_allclose(legs.sum(axis=1), 243.0, rtol=0.05)
        assert np.abs(legs[:, 0] - legs[:, 1]).max() > 5.0
    else:
        gone = int(conductor) - 1
        assert (legs[:, 1 - gone] > 110.0).all()
        assert (legs[:, gone] < 130.0).all()


def test_blocks_may_be_cut_anywhere_while_a_fault_stays(study: Study) -> None:
    def legs(block_steps: int) -> np.ndarray:
        run = Watched(study, block_steps)
        run.until(3 * MINUTE)
        run.physics.strike(Fault("f", "line:lateral-1", "line-ground", "", 20.0))
        run.physics.apply(Action(Act.OPEN, "home:home-3@n"))
        run.until(25 * MINUTE)
        return np.array(run.legs)

    np.testing.assert_array_equal(legs(64), legs(7))


def test_a_fault_that_cannot_be_is_named(study: Study) -> None:
    physics = Watched(study).physics
    with pytest.raises(FeederError, match="no line 'nowhere'"):
        physics.strike(Fault("f", "line:nowhere", "line-ground", "a"))
    assert not physics.state.faults
