"""Regulators and capacitors in a run: delays to the microsecond, laws, bits, and the engine's own trajectories."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cosim.demand.block import DemandBlock, Memoryless
from cosim.errors import FeederError
from cosim.events import Environment, EventLog
from cosim.events.log import EventRecord
from cosim.feeder.feeder import Feeder
from cosim.results.summary import summarise
from cosim.saving import pack, unpack
from cosim.scenario import Scenario
from cosim.simulation import assembly
from cosim.simulation import run as whole_run
from cosim.simulation.assembly import Study
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.state import Block
from cosim.simulation.story import start_processes

dss = pytest.importorskip("dss")

MASTER = """
clear
new circuit.case bus1=src basekv=12.47 pu=1.0 mvasc3=150 mvasc1=120
new transformer.r1 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.1 b.1] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r2 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.2 b.2] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r3 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.3 b.3] kvs=[7.2 7.2] %loadloss=0.01
new regcontrol.c1 transformer=r1 winding=2 vreg=122 band=2 ptratio=60 ctprim=200 r=3 x=6 delay=30 tapdelay=3
new regcontrol.c2 transformer=r2 winding=2 vreg=122 band=2 ptratio=60 ctprim=200 r=3 x=6 delay=45 tapdelay=3
new regcontrol.c3 transformer=r3 winding=2 vreg=122 band=2 ptratio=60 ctprim=200 r=3 x=6 delay=45 tapdelay=3
new line.l bus1=b bus2=far length=5 units=km r1=0.3 x1=0.6 r0=0.6 x0=1.6 c1=9 c0=4
new capacitor.bank bus1=far phases=3 kvar=[200 200] numsteps=2 states=[0 0] kv=12.47
new capcontrol.cc capacitor=bank element=line.l terminal=1 type=kvar onsetting=250 offsetting=-150 delay=100 delayoff=80
"""
LOADS = "\n".join(
    f"new load.h{n} bus1=far.{n % 3 + 1} phases=1 kv=7.2 kw=60 kvar={25 + n} vminpu=0.8 vmaxpu=1.2"
    for n in range(30)
)
TAIL = "\nset voltagebases=[12.47]\ncalcvoltagebases\n"

SCENARIO = """
title = "controls"
start = 2026-07-09T00:00:00
timezone = "UTC"
duration = "{minutes} min"
step = "60 s"
tolerance_pu = 1e-9
[feeder]
source = "opendss:{master}"
[demand]
source = "feeder"
[weather]
source = "constant:20"
[controls]
{controls}
"""
OPERATIONS = ("tap_raised", "tap_lowered", "bank_step_on", "bank_step_off")


class Loads(Memoryless):
    """Every home's nominal load times a factor by home and minute."""

    def __init__(self, study: Study, factor: np.ndarray) -> None:
        injectors, share = study.compiled.circuit.injectors, study.compiled.share
        self.factor, homes = factor, study.homes
        self.w, self.var = np.zeros((homes, 3)), np.zeros((homes, 3))
        for home in range(homes):
            rows = np.flatnonzero(injectors.owner == home)
            self.w[home] = np.linalg.lstsq(share[rows], injectors.p_w[rows], rcond=None)[0]
            self.var[home] = np.linalg.lstsq(share[rows], injectors.q_var[rows], rcond=None)[0]

    def at(self, first_step: int, steps: int) -> DemandBlock:
        factor = self.factor[:, None, first_step : first_step + steps]
        nothing = np.zeros((len(factor), steps))
        panel_w, panel_var = self.w[:, :, None] * factor, self.var[:, :, None] * factor
        return DemandBlock(panel_w=panel_w, panel_var=panel_var, pv_w=nothing)


def day(homes: int, minutes: int, jump: float = 0.5) -> np.ndarray:
    """Two humps, a slow wander of each home, and a few sudden jumps of all."""
    minute = np.arange(minutes)
    rng = np.random.default_rng(4)
    hump = 0.55 - 0.3 * np.cos(2 * np.pi * minute / 1440.0) - 0.15 * np.cos(4 * np.pi * minute / 1440.0)
    jumps = 1.0 + jump * np.sign(np.sin(2 * np.pi * minute / 173.0))
    wander = 0.7 + 0.6 * np.repeat(rng.random((homes, minutes // 15 + 1)), 15, axis=1)[:, :minutes]
    return np.asarray(hump * jumps * wander)


def study_of(
    tmp_path: Path, master: Path, minutes: int, monkeypatch: pytest.MonkeyPatch, controls: str = ""
) -> Study:
    """A run that starts with taps and states as written, not as the engine leaves them."""
    feeder = Feeder.from_opendss(master, controls="off")
    monkeypatch.setattr(assembly, "feeder_of", lambda _: feeder)
    path = tmp_path / "case.toml"
    if "regulators" not in controls:
        controls = f"regulators = true\ncapacitors = true\n{controls}"
    path.write_text(SCENARIO.format(minutes=minutes, master=master, controls=controls))
    study = assembly.assemble(Scenario.load(path))
    return replace(study, demand=Loads(study, day(study.homes, minutes)))


def tell(study: Study, block_steps: int = 64) -> SimpleNamespace:
    """The run's log, and the last setting within each minute."""
    settings: dict[int, object] = {}

    def record(block: Block, count: int) -> None:
        assert block.solution.converged[:count].all()
        for start_us in block.plan.start_us[:count]:
            settings[int(start_us) // 60_000_000] = physics.state.setting

    physics = StudyPhysics(study, record, parallel=False, block_steps=block_steps)
    env = Environment(physics, EventLog())
    start_processes(env, study, physics.without_voltage())
    return SimpleNamespace(env=env, physics=physics, settings=settings)


def run(study: Study, block_steps: int = 64) -> SimpleNamespace:
    told = tell(study, block_steps)
    told.env.run_until(study.scenario.duration_us)
    return told


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dss") / "master.dss"
    path.write_text(MASTER + LOADS + TAIL)
    return path


@pytest.fixture
def study(street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    return study_of(tmp_path, street, 360, monkeypatch)


def cause_of(log: list[EventRecord], event: EventRecord) -> EventRecord:
    return next(e for e in log if e.order == event.cause)


def test_steps_come_after_their_delays_exactly(study: Study) -> None:
    log = list(run(study).env.log)
    done = [e for e in log if e.kind in OPERATIONS]
    assert {e.kind for e in done} >= {"tap_raised", "tap_lowered", "bank_step_on"}
    delay_s = {"regulator:c1": (30, 30, 3), "regulator:c2": (45, 45, 3), "regulator:c3": (45, 45, 3),
               "capacitor:cc": (100, 80, None)}  # fmt: skip
    for event in done:
        up, down, between = delay_s[event.subject]
        before = cause_of(log, event)
        if before.kind in OPERATIONS:
            assert before.subject == event.subject
            assert event.time_us - before.time_us == between * 1_000_000
        else:
            waited_s = (event.time_us - before.time_us) / 1e6
            assert waited_s == (up if before.kind == "control_wants_raise" else down)


def test_taps_stay_in_range_and_rest_under_constant_load(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(tmp_path, street, 120, monkeypatch)
    still = replace(study, demand=Loads(study, np.full((study.homes, 120), 0.9)))
    told = run(still)
    done = [e for e in told.env.log if e.kind in OPERATIONS]
    assert done
    assert done[-1].time_us < 15 * 60_000_000, "no hunting: they rest after a quarter of an hour"
    for setting in told.settings.values():
        assert all(0.9 <= tap <= 1.1 for tap in study.controls.taps_pu(setting).values())


def test_log_and_states_do_not_depend_on_blocks(study: Study) -> None:
    whole = run(study)
    for block_steps in (1, 7, 33):
        cut = run(study, block_steps)
        assert str(cut.env.log) == str(whole.env.log)
        assert cut.settings == whole.settings
        assert np.array_equal(cut.physics.state.theta, whole.physics.state.theta)


def test_started_again_in_mid_story(study: Study) -> None:
    """From the records and the state at odd instants, delays running, the rest is the same."""
    whole = str(run(study).env.log)
    for minute in (0.3, 40.9, 95.5, 200.25):
        told = tell(study)
        told.env.run_until(int(minute * 60_000_000) // 60_000_000 * 60_000_000)
        told.env.run_until(next_event(told.env))
        saved, standing = json.loads(json.dumps(told.env.snapshot())), pack(told.physics.checkpoint())
        physics = StudyPhysics(study, lambda *_: None, parallel=False)
        physics.take_up(unpack(standing))
        again = Environment.restore(saved, physics)
        again.run_until(study.scenario.duration_us)
        assert "\n".join(filter(None, (str(told.env.log), str(again.log)))) == whole


def next_event(env: Environment) -> int:
    """Where the clock would stop next, so that a run in parts splits no step."""
    due = env.peek()
    return int(due) if due < 1e15 else env.now


def test_controls_can_be_off(street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = study_of(tmp_path, street, 60, monkeypatch, "regulators = false\ncapacitors = false")
    told = run(off)
    assert not [e for e in told.env.log if e.kind in OPERATIONS]
    notes = [e.detail for e in told.env.log if e.kind == "note"]
    assert any(note.startswith("3 regulators stay as the feeder has them") for note in notes)
    assert any(note.startswith("1 switched capacitors stay") for note in notes)


def test_a_feeder_with_a_bad_control_is_refused(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = street.read_text().replace("vreg=122 band=2", "vreg=122 band=0", 1)
    bad = tmp_path / "bad.dss"
    bad.write_text(text)
    with pytest.raises(FeederError, match="band_v: must be above 0"):
        study_of(tmp_path, bad, 60, monkeypatch)


def engine_day(study: Study, master: Path, minutes: int, step_s: int) -> list[tuple[list[float], list[int]]]:
    """Taps and capacitor steps of the engine at the end of each minute, with ``controlmode=time``."""
    feeder, engine = study.feeder, dss.DSS
    engine.AllowForms = False
    engine.ClearAll()
    engine.Text.Command = f'redirect "{master}"'
    circuit, units = engine.ActiveCircuit, feeder.transformer["name"].tolist()
    regulators = feeder.table("regulator").to_dict("records")
    start = feeder.winding.set_index(["transformer", "number"])["tap_pu"]
    banks = feeder.table("shunt").iloc[feeder.table("capacitor_control")["shunt"]]

    def winding(row: dict[object, object]) -> object:
        circuit.Transformers.Name, circuit.Transformers.Wdg = units[row["transformer"]], row["winding"]
        return circuit.Transformers

    for row in regulators:
        winding(row).Tap = float(start[row["transformer"], row["winding"]])
    for name, on, steps in zip(banks["name"], banks["step"], banks["max_step"], strict=True):
        circuit.Capacitors.Name = name
        circuit.Capacitors.States = [1] * int(on) + [0] * int(steps - on)
    engine.Text.Command = "new loadshape.flat npts=1 interval=1 mult=[1]"
    engine.Text.Command = "batchedit load..* daily=flat"
    for command in ("controlmode=time", "mode=daily", f"stepsize={step_s}s", "number=1", "tolerance=1e-8",
                    "maxiterations=200", "maxcontroliter=200"):  # fmt: skip
        engine.Text.Command = f"set {command}"
    row_of = {str(name).lower(): row for row, name in enumerate(feeder.home["name"])}
    kw, kvar, factor = feeder.home["kw"].to_numpy(), feeder.home["kvar"].to_numpy(), study.demand.factor
    names, found = [name.lower() for name in circuit.Loads.AllNames], []
    for minute in range(minutes):
        for place, name in enumerate(names, 1):
            circuit.Loads.idx, row = place, row_of[name]
            circuit.Loads.kW = float(kw[row] * factor[row, minute])
            circuit.Loads.kvar = float(kvar[row] * factor[row, minute])
        for _ in range(60 // step_s):
            circuit.Solution.Solve()
        steps_on = []
        for name in banks["name"]:
            circuit.Capacitors.Name = name
            steps_on.append(int(sum(circuit.Capacitors.States)))
        found.append(([float(winding(row).Tap) for row in regulators], steps_on))
    return found


def assert_same_day(study: Study, master: Path, minutes: int, step_s: int) -> None:
    told, theirs = run(study), engine_day(study, master, minutes, step_s)
    assert sum(a != b for a, b in itertools.pairwise(theirs)) > 10, "something must move"
    for minute, (taps, steps_on) in enumerate(theirs):
        setting = told.settings[minute]
        assert list(study.controls.taps_pu(setting).values()) == pytest.approx(taps, abs=1e-9), minute
        assert list(study.controls.steps_on(setting).values()) == steps_on, minute


def test_a_day_like_the_engines_second_by_second(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tap and step, jumps included: delays of 30 s and 3 s are whole engine steps of 1 s."""
    assert_same_day(study_of(tmp_path, street, 360, monkeypatch), street, 360, 1)


@pytest.mark.parametrize("name", ["ieee13/IEEE13Nodeckt", "ieee37/ieee37", "ieee123/IEEE123Master"])
def test_a_day_of_a_reference_feeder_like_the_engines_minute_by_minute(
    shared: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without jumps: after one, follow-ups that the engine leaves in its queue act early (docs/controls.md)."""
    master = shared / "feeders" / "dss" / f"{name}.dss"
    study = study_of(tmp_path, master, 1440, monkeypatch, 'sampling = "60 s"')
    study = replace(study, demand=Loads(study, day(study.homes, 1440, jump=0.0)))
    assert_same_day(study, master, 1440, 60)


def test_positions_and_work_stand_in_the_result(
    street: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move of a device is a row; the rows are the log's operations."""
    case = study_of(tmp_path, street, 120, monkeypatch)
    monkeypatch.setattr(whole_run, "assemble", lambda *_, **__: case)
    with whole_run.run(case.scenario, tmp_path / "out.h5", threads=1) as results:
        moves, work = results.study("control_positions"), results.study("control_work")
        done = results.events["kind"].isin(OPERATIONS)
        assert done.sum() > 5
        assert len(moves["row"]) == done.sum() + 4
        times = results.events[done].groupby("subject").size()
        for name in ("c1", "c2", "c3"):
            assert (moves["device"] == name).sum() == times.get(f"regulator:{name}", 0) + 1
        assert moves["position"].values[:3] == pytest.approx([1.0, 1.0, 1.0])
        assert int(work["updates"][0]) > int(work["factorisations"][0]) > 0
        found = summarise(results).controls
        assert (found.operations, found.regulators, found.capacitors) == (done.sum(), 3, 1)
        assert any(line.startswith("Voltage controls: ") for line in summarise(results).lines())
