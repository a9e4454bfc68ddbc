"""Homes off the grid in runs: who has voltage, what it costs the feeder nothing, what happens and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosim.devices.inverter import ALWAYS
from cosim.events import Environment, EventLog
from cosim.events.log import EventRecord
from cosim.events.physics import Act, Action, Crossing, Watch
from cosim.saving import pack, unpack
from cosim.scenario import Scenario
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.islands import MOST_TOLD
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.state import Block
from cosim.simulation.story import start_processes

S = 1_000_000
CASE: dict[str, Any] = {
    "start": "2026-07-09T10:00:00",
    "duration": "8 h",
    "step": "60 s",
    "seed": 3,
    "feeder": {"homes": 16},
    "homes": {
        "backup": {"share": 0.25, "adapter": "tesla-backup-switch", "battery": "powerwall-3", "pv_kw": 7.0},
        "engine": {"share": 0.25, "adapter": "generlink-30", "generator": "portable-generator-6.25"},
        "plain": {"share": 0.5},
    },
}


@pytest.fixture(scope="module")
def study() -> Study:
    return assemble(Scenario.model_validate(CASE), parallel=False)


class Run:
    """A study's physics, and the steps that became the past."""

    def __init__(self, study: Study, block_steps: int = 64) -> None:
        self.study = study
        self.kept: list[tuple[Block, int]] = []
        self.physics = StudyPhysics(
            study,
            lambda block, count: self.kept.append((block, count)),
            parallel=False,
            block_steps=block_steps,
        )
        self.now = 0

    def group(self, name: str) -> tuple[str, ...]:
        return tuple(self.study.homes_at(f"group:{name}"))

    def act(self, kind: Act, ids: tuple[str, ...], subject: str = "") -> tuple[str, ...]:
        return self.physics.apply(Action(kind, subject, ids))

    def to(self, until_s: float) -> list[Crossing]:
        found, until = [], round(until_s * S)
        while self.now < until:
            crossing = self.physics.advance(self.now, until)
            self.now = until if crossing is None else crossing.time_us
            found += [] if crossing is None else [crossing]
            assert len(found) < 500
        return found

    def read(self, quantity: Callable[[Block], np.ndarray]) -> np.ndarray:
        return np.concatenate([quantity(block)[:count] for block, count in self.kept])

    def island(self, name: str) -> np.ndarray:
        return self.read(lambda block: self.study.islands.quantities(block.draw)[name])


def test_a_battery_holds_its_home_up_and_the_feeder_sees_nothing_of_it(study: Study) -> None:
    run = Run(study)
    homes = run.group("backup")
    rows = study.rows(homes)
    run.to(3600)
    start = run.physics.state.charge_j.copy()
    assert run.act(Act.OPEN_SERVICE, homes, "12") == homes
    assert run.act(Act.CONNECT_SOURCE, homes, "12") == homes
    run.kept.clear()
    run.to(7200)
    assert np.allclose(run.physics.panel_pu(homes), 1.0)
    assert np.allclose(run.read(lambda b: b.sockets.service_w)[:, rows], 0.0, atol=1e-6)
    assert (run.read(lambda b: b.sockets.i2_a2[:, 0])[:, rows] < 1e-12).all()
    served = run.island("island_served_w")[:, rows]
    assert (served > 0.0).all()
    assert np.array_equal(served, run.read(lambda b: b.sockets.panel_w)[:, rows])
    given = run.island("island_power_w")[:, rows]
    solar = run.read(lambda b: b.pv_w.T)[:, rows]
    assert np.allclose(given + solar, served, atol=1e-6)
    seconds = run.read(lambda b: b.plan.seconds)[:, None]
    out_w, in_w = np.maximum(given, 0.0) / 0.95, np.maximum(-given, 0.0) * 0.95
    stored = start + ((in_w - out_w) * seconds).sum(axis=0)
    assert run.physics.state.charge_j == pytest.approx(stored, rel=1e-9)


def test_outage_is_seen_at_the_level_and_a_dead_feeder_leaves_islands_alone(study: Study) -> None:
    run = Run(study)
    homes = run.group("backup")
    run.to(600)
    run.physics.apply(Action(Act.SOURCE_VOLTAGE, "0.0"))
    told = [c for c in run.to(601) if c.kind == Watch.SERVICE_CHANGED]
    assert told
    assert told[0].time_us == 600 * S
    assert set(homes) <= set(told[0].ids)
    assert np.allclose(run.physics.service_pu(homes), 0.0)
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.CONNECT_SOURCE, homes, "12")
    run.kept.clear()
    run.to(1800)
    powered = run.island("powered")
    rows = study.rows(homes)
    assert powered[:, rows].all()
    run.physics.apply(Action(Act.SOURCE_VOLTAGE, "1.0"))
    back = [c for c in run.to(1801) if c.kind == Watch.SERVICE_CHANGED]
    assert back[0].time_us == 1800 * S
    assert (run.physics.service_pu(homes) > 0.9).all()


def test_a_battery_runs_dry_and_solar_goes_with_it(study: Study) -> None:
    run = Run(study)
    homes = run.group("backup")[:1]
    row = study.rows(homes)[0]
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.CONNECT_SOURCE, homes, "12")
    state = run.physics.state
    state.charge_j = state.charge_j.copy()
    place = int(np.flatnonzero(study.battery_home == row)[0])
    state.charge_j[place] = 0.1 * 3.6e6
    state.entered_us[row] = ALWAYS
    run.physics.apply(Action(Act.DISCONNECT_DER, "", homes))
    run.kept.clear()
    crossings = run.to(7200)
    dry = next(c for c in crossings if c.detail == "is empty")
    load = run.island("island_served_w")[:, row]
    seconds = run.read(lambda b: b.plan.seconds)
    assert (load * seconds).sum() == pytest.approx(0.1 * 3.6e6 * 0.95, rel=1e-6)
    assert any(
        c.kind == Watch.VOLTAGE_LOST and c.ids == homes and c.time_us == dry.time_us for c in crossings
    )
    assert np.allclose(run.physics.panel_pu(homes), 0.0)
    after = run.read(lambda b: b.plan.start_us) >= dry.time_us
    assert not run.island("powered")[after, row].any()


def test_a_generator_serves_through_the_adapter_and_burns(study: Study) -> None:
    run = Run(study)
    homes = run.group("engine")
    rows = study.rows(homes)
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.START_SOURCE, homes)
    runs = [c for c in run.to(60) if c.detail == "runs"]
    assert runs[0].time_us == 15 * S
    assert set(runs[0].ids) == set(homes)
    assert run.physics.source_hz(homes) == pytest.approx(62.5)
    run.act(Act.CONNECT_SOURCE, homes, "12")
    run.kept.clear()
    run.to(1200)
    served, burnt = run.island("island_served_w")[:, rows], run.island("fuel_w")[:, rows]
    up = run.physics.panel_pu(homes)[:, 0] > 0.0
    assert up.any()
    assert (served[:, up] > 0.0).all()
    assert (burnt[:, up] > served[:, up]).all()
    branch = run.read(lambda b: b.sockets.i2_a2[:, 4:])[:, :, rows[up]]
    load = run.read(lambda b: b.sockets.i2_a2[:, 2:4])[:, :, rows[up]]
    assert np.array_equal(branch, load)
    assert (branch > 0.0).any()
    assert (run.physics.source_a(homes)[up] > 0.0).all()


def test_a_source_on_a_closed_service_is_told_and_not_solved(study: Study) -> None:
    run = Run(study)
    homes = run.group("engine")[:1]
    run.act(Act.START_SOURCE, homes)
    run.to(60)
    run.act(Act.CONNECT_SOURCE, homes, "12")
    assert run.physics.paralleled() == homes
    assert run.physics.backfeeding() == ()
    run.physics.apply(Action(Act.SOURCE_VOLTAGE, "0.0"))
    run.physics.apply(Action(Act.OPEN, f"home:{homes[0]}"))
    assert run.physics.backfeeding() == homes
    assert not run.physics.source_a(homes).any()


def test_one_welded_pole_keeps_its_leg_on_the_grid(study: Study) -> None:
    run = Run(study)
    homes = run.group("plain")[:1]
    row = study.rows(homes)[0]
    run.act(Act.OPEN_SERVICE, homes, "2")
    run.to(60)
    i2 = run.read(lambda b: b.sockets.i2_a2[:, 2:4])[:, :, row]
    assert (i2[:, 0] > 0.0).any()
    assert (i2[:, 1] < 1e-12).all()


def test_back_on_the_grid_inverters_rise_again(study: Study) -> None:
    run = Run(study)
    homes = run.group("backup")[:1]
    row = study.rows(homes)[0]
    run.to(600)
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.CONNECT_SOURCE, homes, "12")
    run.to(1200)
    run.act(Act.CLOSE_SERVICE, homes, "12")
    run.act(Act.DISCONNECT_SOURCE, homes, "12")
    assert run.physics.state.contacts.calm
    assert run.physics.state.entered_us[row] == 1200 * S
    run.kept.clear()
    run.to(1800)
    draws = run.read(lambda b: b.battery.power_w.T)[:, int(np.flatnonzero(study.battery_home == row)[0])]
    share = (np.arange(10) + 0.5) / 5.0
    assert (np.abs(draws[:5]) <= 11520.0 * share[:5] + 1e-6).all()


def test_blocks_cut_anywhere_and_checkpoints_change_no_bit(study: Study) -> None:
    ends = []
    for block_steps, cut_s in ((64, None), (7, None), (64, 5000)):
        run = Run(study, block_steps)
        homes = run.group("backup")
        run.to(1800)
        run.act(Act.OPEN_SERVICE, homes, "12")
        run.act(Act.CONNECT_SOURCE, homes, "12")
        run.act(Act.START_SOURCE, run.group("engine"))
        if cut_s is not None:
            run.to(cut_s - cut_s % 60)
            saved = unpack(pack(run.physics.checkpoint()))
            fresh = Run(study, block_steps)
            fresh.physics.take_up(saved)
            fresh.now = run.now
            run = fresh
        run.to(4 * 3600)
        ends.append(run.physics.state)
    for other in ends[1:]:
        assert np.array_equal(ends[0].charge_j, other.charge_j)
        assert np.array_equal(ends[0].contacts.islands.units, other.contacts.islands.units)
        assert np.array_equal(ends[0].contacts.islands.engines, other.contacts.islands.engines)


def test_only_critical_loads_are_on_and_the_rest_is_counted() -> None:
    asked = {**CASE, "homes": {"backup": {**CASE["homes"]["backup"], "share": 1.0, "critical_share": 0.25}}}
    study = assemble(Scenario.model_validate(asked), parallel=False)
    run = Run(study)
    homes = run.group("backup")
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.CONNECT_SOURCE, homes, "12")
    run.to(3600)
    served, unserved = run.island("island_served_w"), run.island("unserved_w")
    assert served == pytest.approx((served + unserved) * 0.25)
    assert (unserved > 0.0).all()


def test_a_leg_that_hangs_near_a_level_is_told_there_and_back_and_the_run_goes_on() -> None:
    """A device that begins to count cuts the step; the shorter step's mean voltage may be on the level's other side."""
    homes = {"share": 0.25, "adapter": "tesla-backup-switch", "battery": "powerwall-3", "pv_kw": 5.0}
    homes |= {"critical_share": 0.3}
    lost = [
        {"at": "2026-07-09T10:05:07", "kind": "outage", "where": f"home:home-{n}@1", "duration": "60 min"}
        for n in (2, 3, 9)
    ]
    asked = {**CASE, "duration": "30 min", "feeder": {"homes": 12}, "events": tuple(lost)}
    study = assemble(
        Scenario.model_validate({**asked, "homes": {"backup": homes, "plain": {"share": 0.75}}}),
        parallel=False,
    )
    log, told = EventLog(), list[EventRecord]()
    log.listen(told.append)
    env = Environment(StudyPhysics(study, lambda block, count: None, parallel=False), log)
    start_processes(env, study, ())
    env.run_until(1800 * S)
    levels = Counter((e.time_us, e.detail) for e in told if e.kind == Watch.SERVICE_CHANGED)
    assert max(levels.values()) == MOST_TOLD
    assert sum(e.kind == Act.CONNECT_SOURCE and e.time_us < 310 * S for e in told) == 1


def test_a_cord_on_a_dead_feeder_bears_what_its_homes_would_draw_whoever_else_is_lit(study: Study) -> None:
    found = []
    for lit in ((), "backup"):
        run = Run(study)
        homes = run.group("engine")[:1]
        run.to(600)
        run.physics.apply(Action(Act.OPEN, "line:breaker-1"))
        if lit:
            run.act(Act.OPEN_SERVICE, run.group(lit)[:1], "12")
            run.act(Act.CONNECT_SOURCE, run.group(lit)[:1], "12")
        run.act(Act.START_SOURCE, homes)
        run.to(660)
        run.act(Act.CONNECT_SOURCE, homes, "12")
        assert run.physics.backfeeding() == homes
        found.append(run.physics.backfeed(homes[0]).breaker_multiple)
    assert found[0] > 0.0
    assert found[1] == pytest.approx(found[0], rel=0.15)  # one home less on the grid
    run.act(Act.TRIP_SOURCE, homes)
    assert run.physics.backfeeding() == ()
    run.act(Act.RESET_SOURCE, homes)
    assert run.physics.backfeeding() == homes


def test_cords_serve_what_is_plugged_in_while_the_panel_is_dead_and_nothing_hard_wired() -> None:
    homes = {"share": 0.5, "transfer": "extension-cord", "generator": "portable-generator-6.25"}
    asked = {**CASE, "homes": {"cords": homes | {"critical_share": 0.5}, "plain": {"share": 0.5}}}
    study = assemble(Scenario.model_validate(asked), parallel=False)
    ends = []
    for block_steps in (64, 7):
        run = Run(study, block_steps)
        homes = run.group("cords")
        rows = study.rows(homes)
        run.to(600)
        run.physics.apply(Action(Act.OPEN, "line:breaker-1"))
        run.act(Act.START_SOURCE, homes)
        run.act(Act.CONNECT_CORDS, homes)
        run.to(660)
        run.kept.clear()
        run.to(4200)
        served, fuel_w = run.island("island_served_w")[:, rows], run.island("fuel_w")[:, rows]
        assert (served > 0.0).all()
        assert (fuel_w > served).all()
        assert not run.island("powered")[:, rows].any()
        assert not run.physics.panel_pu(homes).any()
        assert (run.read(lambda b: b.draw.p_w.T) == 0.0).all()  # nothing for the dead feeder
        uses = run.read(lambda b: b.draw.shown["shed_w"].T)[:, rows]
        assert (uses > 0.0).any()  # what is hard-wired wants power and has none
        assert (
            run.island("unserved_w")[:, rows] >= served - 1e-9
        ).all()  # half of what could be plugged in is not
        run.physics.apply(Action(Act.CLOSE, "line:breaker-1"))
        run.kept.clear()
        run.to(4800)
        assert not run.island("island_served_w")[:, rows].any()
        assert run.island("powered")[:, rows].all()
        ends.append(
            (served.sum(), run.physics.state.demand["homes"], run.physics.state.contacts.islands.engines)
        )
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-12)
    for first, second in zip(ends[0][1:], ends[1][1:], strict=True):
        assert np.array_equal(first, second)


def test_a_welded_pole_leaves_one_leg_and_no_inverter(study: Study) -> None:
    run = Run(study)
    homes = run.group("backup")[:1]
    row = study.rows(homes)[0]
    run.to(600)
    assert run.act(Act.OPEN_SERVICE, homes, "1") == homes  # an inverter between the legs has lost its voltage
    assert run.act(Act.CLOSE_SERVICE, homes, "1") == homes
    run.act(Act.OPEN_SERVICE, homes, "12")
    run.act(Act.CONNECT_SOURCE, homes, "2")
    assert run.physics.panel_pu(homes).tolist() == [[0.0, 1.0]]
    run.kept.clear()
    run.to(1200)
    legs = run.read(lambda b: b.draw.island.leg_w.transpose(2, 0, 1))[:, study.islands.of_home[row]]
    assert not legs[:, 0].any()
    assert (legs[:, 1] > 0.0).all()
    assert not run.read(lambda b: b.panel_v[0])[:, row].any()
