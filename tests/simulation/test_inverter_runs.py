"""Inverters that act on the voltage in whole runs: settled, as OpenDER has them, felt by adapters, the same bits."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cosim.results import Results, summarise
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.inverters import fit_inverters, settings_of
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.run import run
from cosim.simulation.state import Block

SUNNY = """
title = "sunny"
start = 2026-06-21T00:00:00
duration = "1 d"
step = "60 s"
seed = 7
[feeder]
homes = 30
substation_distance_km = 8
[weather]
source = "clear:36.1,-79.9"
[homes.solar]
share = 0.7
adapter = "connectder-solar-60"
pv_kw = 11
inverter = "ieee1547-2018-b"
[homes.panel]
share = 0.3
pv_kw = 9
battery = "powerwall-3"
ev = { share = 1.0, charger_kw = 11.5 }
inverter = { volt_var = "ieee1547-2018-b", priority = "var" }
[record]
full = ["home:1", "home:2", "home:3", "home:4"]
quantize = false
[variants.off]
homes.solar.inverter = "none"
homes.panel.inverter = "none"
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sunny") / "sunny.toml"
    path.write_text(SUNNY)
    return path


@pytest.fixture(scope="module")
def sunny(file: Path) -> Results:
    return run(Scenario.load(file), file.with_name("sunny.h5"))


def test_no_step_is_left_and_next_to_none_needs_newton(sunny: Results) -> None:
    """Every home has solar, the sky is clear: at most 0.1 % of steps flagged by the fast iteration."""
    assert (sunny.homes["pv_kw"] > 0).all()
    solver = sunny.solver
    assert len(solver) == 1440
    assert solver["converged"].all()
    assert solver["newton"].mean() <= 0.001


def test_dawn_far_out_needs_no_newton_either(tmp_path: Path) -> None:
    """The first watt turns volt-var on: 120 homes, all with solar, ten kilometres out, a day."""
    case = Scenario.load("sunny-day", overrides={"feeder.substation_distance_km": 10.0})
    solver = run(case, tmp_path / "far.h5").solver
    assert len(solver) == 1440
    assert solver["converged"].all()
    assert solver["newton"].mean() <= 0.001


def test_volt_watt_holds_back_what_its_curve_says(file: Path, tmp_path: Path) -> None:
    """Without volt-var the voltage rises far enough: some sun is held back, and what is given lies on the curve."""
    case = Scenario.load(
        file,
        overrides={
            "feeder.substation_distance_km": 14.0,
            "homes.solar.pv_kw": 22.0,
            "homes.solar.inverter": {"volt_var": "none", "volt_watt": "ieee1547-2018-b"},
            "start": "2026-06-21T10:00:00",
            "duration": "6 h",
            "tolerance_pu": 1e-9,
        },
    )
    study = assemble(case)
    smart = study.inverters
    shared = study.population.group[smart.home] == "solar"
    held_w = 0.0

    def check(block: Block, count: int) -> None:
        nonlocal held_w
        assert block.solution.converged[:count].all()
        at = block.sockets
        u = (at.voltage_l1_v + at.voltage_l2_v)[:count, smart.home].T / 240.0
        available = smart.available_w(block.draw.p_w)[:, :count]
        given = block.inverter_va[:, :count].real
        limit = np.interp(u, (1.06, 1.1), (1.0, 0.2)) * smart.rating_va[:, None]
        expected = np.minimum(available, limit)
        # The sum of the legs is not quite the voltage across both where their loads differ: 2 W are 6e-6 of nominal.
        np.testing.assert_allclose(given[shared], expected[shared], rtol=0.0, atol=2.0)
        held_w = max(held_w, float((available - given)[shared].sum()))

    StudyPhysics(study, check).advance(0, case.duration_us)
    assert held_w > 1e3
    results = run(case, tmp_path / "held.h5")
    found = results.inverters
    assert found["curtailed_wh"].sum() > 100.0
    np.testing.assert_allclose(
        results.feeder["curtailed_w"].sum() / 60.0, found["curtailed_wh"].sum(), rtol=1e-6, atol=1e-3
    )
    summary = summarise(results).inverters
    assert summary is not None
    assert summary.curtailed_kwh == pytest.approx(found["curtailed_wh"].sum() / 1e3)


def test_functions_lower_the_voltage_and_cost_reactive_power(sunny: Results) -> None:
    found = summarise(sunny).inverters
    assert found is not None
    assert found.count == 30 + 9  # solar of all, batteries of the second group
    assert found.absorbed_kvarh > 100.0
    assert found.high_without_pu > found.high_pu + 0.003
    head = sunny.feeder
    assert head["inverter_var"].min() < -20e3
    given = sunny.inverters
    assert given["given_wh"].sum() > 0.0
    np.testing.assert_allclose(
        head["curtailed_w"].sum() / 60.0, given["curtailed_wh"].sum(), rtol=1e-6, atol=1e-3
    )


def test_opender_settles_where_a_run_does(file: Path, tmp_path: Path) -> None:
    """Power and reactive power of a recorded home's inverter at its own voltage and sun, to 1e-3 of its rating."""
    opender = pytest.importorskip("opender", reason="needs opender")
    case = Scenario.load(file, overrides={"duration": "14 h", "start": "2026-06-21T00:00:00"})
    study = assemble(case)
    kept: list[tuple[float, float, float, float]] = []
    smart = study.inverters
    k = 0
    home, rating = int(smart.home[k]), float(smart.rating_va[k])

    def keep(block: object, count: int) -> None:
        v = block.sockets  # type: ignore[attr-defined]
        legs = (v.voltage_l1_v + v.voltage_l2_v)[:count, home]
        asked = smart.available_w(block.draw.p_w)[k, :count]  # type: ignore[attr-defined]
        given = block.inverter_va[k, :count]  # type: ignore[attr-defined]
        kept.extend(zip(legs, asked, given.real, given.imag, strict=True))

    StudyPhysics(study, keep).advance(0, case.duration_us)
    steps = [kept[i] for i in range(7 * 60, 14 * 60, 30)]
    assert max(q for *_, q in steps) < 1.0
    assert min(q for *_, q in steps) < -0.05 * rating
    asked = case.homes[str(study.population.group[home])].inverter
    assert asked is not None
    settings = settings_of(asked)
    for volts, available, p, q in steps:
        file_format = opender.DERCommonFileFormat(
            NP_NORMAL_OP_CAT="CAT_B", NP_P_MAX=rating, NP_VA_MAX=rating, NP_Q_MAX_INJ=0.44 * rating,
            NP_Q_MAX_ABS=0.44 * rating, NP_AC_V_NOM=240.0, NP_PHASE="SINGLE", NP_ABNORMAL_OP_CAT="CAT_III",
        )  # fmt: skip
        file_format.QV_MODE_ENABLE = settings.volt_var is not None
        file_format.PV_MODE_ENABLE = settings.volt_watt is not None
        file_format.NP_PRIO_OUTSIDE_MIN_Q_REQ = "REACTIVE" if settings.q_first_pu == 1.0 else "ACTIVE"
        der = opender.DER_PV(file_format)
        opender.DER.t_s = 5.0
        der.update_der_input(p_dc_w=available, v=volts, f=60.0)
        for _ in range(40):
            der.run()
        assert p == pytest.approx(float(der.p_out_w), abs=1e-3 * rating)
        assert q == pytest.approx(float(der.q_out_var), abs=1e-3 * rating)


def test_adapters_feel_the_reactive_current(sunny: Results, file: Path) -> None:
    """At noon the branch carries more current for the same sun, and its terminals are warmer."""
    off = run(Scenario.load(file, variant="off"), file.with_name("off.h5"))
    with_, without = (
        r.envelope("field_terminal_rise_k").sel(statistic="max").to_numpy().max(axis=0) for r in (sunny, off)
    )
    members = np.flatnonzero((sunny.homes["group"] == "solar").to_numpy())
    assert summarise(sunny).inverters is not None
    assert summarise(off).inverters is None
    assert (with_[members] > without[members]).mean() > 0.9
    back = [r.backfeed()["home_energy_wh"].to_numpy()[members].sum() for r in (sunny, off)]
    assert back[0] == pytest.approx(back[1], rel=0.02)


@pytest.mark.parametrize(("threads", "block_steps"), [(1, 64), (2, 37)])
def test_bits_do_not_depend_on_threads_or_blocks(file: Path, threads: int, block_steps: int) -> None:
    case = Scenario.load(file, overrides={"start": "2026-06-21T11:00:00", "duration": "3 h"})
    one = run(case, file.with_name("one.h5"))
    other = run(case, file.with_name("other.h5"), threads=threads, block_steps=block_steps)
    with h5py.File(one.path) as a, h5py.File(other.path) as b:
        names: list[str] = []
        a.visit(names.append)
        for name in names:
            if isinstance(a[name], h5py.Dataset) and a[name].dtype.kind in "fi":
                assert a[name][()].tobytes() == b[name][()].tobytes(), name


def test_a_battery_keeps_its_active_power_and_a_charger_is_not_limited(file: Path) -> None:
    study = assemble(Scenario.load(file))
    smart, inverters = study.inverters, study.compiled.circuit.inverters
    first = dict(zip(inverters.injector.tolist(), inverters.q_first.tolist(), strict=True))
    for row, battery, home in zip(smart.injector.tolist(), smart.battery, smart.home, strict=True):
        assert first[row] == (0.0 if battery else 1.0 if study.population.group[home] == "panel" else 0.44)
        assert row != study.compiled.panel_row[home]  # chargers have that one
    again, same = fit_inverters(study.feeder.compile(), study.population, study.equipment)
    assert np.array_equal(same.injector, smart.injector)
    assert len(again.share) == len(again.circuit.injectors)
