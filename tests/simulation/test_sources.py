"""Feeders and demand from every source a scenario may name, run end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import FeederError, InputError, ScenarioError
from cosim.feeder.feeder import Feeder
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.run import run

HEAD = """
start = 2026-07-09T12:00:00
duration = "{minutes} min"
step = "60 s"
[weather]
source = "constant:25"
"""


def load(folder: Path, text: str, minutes: int = 5, **overrides: object) -> Scenario:
    path = folder / "case.toml"
    path.write_text(HEAD.format(minutes=minutes) + text)
    return Scenario.load(path, overrides=overrides)


@pytest.fixture(scope="module")
def cigre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pandapower
    from pandapower.networks import create_cigre_network_lv

    path = tmp_path_factory.mktemp("net") / "cigre-lv.json"
    pandapower.to_json(create_cigre_network_lv(), str(path))
    return path


@pytest.mark.slow
def test_both_solvers_agree_on_a_feeder_pandapower_can_represent(cigre: Path, tmp_path: Path) -> None:
    """Same scenario, both solvers: voltages to 1e-6 of nominal, power at the sockets to 1e-5."""
    text = f'[feeder]\nsource = "pandapower:{cigre}"\n[demand]\nsource = "feeder"\n'
    found = {}
    for solver in ("cosim", "pandapower"):
        scenario = load(tmp_path, text, minutes=2, solver=solver, tolerance_pu=1e-10)
        with run(scenario, tmp_path / f"{solver}.h5") as results:
            assert results.solver["converged"].all()
            found[solver] = [
                results.envelope(quantity).to_numpy() for quantity in ("voltage_l1_v", "service_power_w")
            ] + [results.homes["nominal_v"].to_numpy()]
    own, reference = found["cosim"], found["pandapower"]
    assert np.max(np.abs(own[0] - reference[0]) / own[2][:, None]) < 1e-6
    np.testing.assert_allclose(own[1], reference[1], rtol=1e-5, atol=0.1)


def test_the_reference_refuses_what_it_cannot_do_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(FeederError, match="transformer"):
        assemble(load(tmp_path, "[feeder]\nhomes = 8\n", solver="pandapower"))
    switched = load(
        tmp_path,
        '[feeder]\nhomes = 8\n[[events]]\nat = 2026-07-09T12:01:00\nkind = "open"\nwhere = "line:lateral-1"\n',
        solver="pandapower",
    )
    with pytest.raises(ScenarioError, match="solver"):
        assemble(switched)


def test_a_saved_feeder_runs_like_the_generated_one(tmp_path: Path) -> None:
    Feeder.generate(8, seed=5).save(tmp_path / "eight.feeder")
    generated = load(tmp_path, "[feeder]\nhomes = 8\nseed = 5\n")
    a = run(generated, tmp_path / "a.h5")
    b = run(load(tmp_path, '[feeder]\nsource = "file:eight.feeder"\n'), tmp_path / "b.h5")
    for quantity in ("service_power_w", "voltage_l1_v"):
        assert a.envelope(quantity).to_numpy().tobytes() == b.envelope(quantity).to_numpy().tobytes()
    assert a.info.feeder_digest == b.info.feeder_digest


def test_measured_profiles_drive_their_homes(tmp_path: Path) -> None:
    """home-1 follows its own column exactly, at constant power, whatever the voltage."""
    rows = "\n".join(f"{60 * h},{1 + h % 3},0.5" for h in range(24))
    (tmp_path / "profiles.csv").write_text(f"minute,home-1,other\n{rows}\n")
    scenario = load(tmp_path, '[feeder]\nhomes = 4\n[demand]\nsource = "csv:profiles.csv"\n')
    results = run(scenario, tmp_path / "p.h5")
    power = results.envelope("service_power_w").sel(statistic="mean")
    hour = (12 - 1) % 24 if results.info.timezone == "America/New_York" else 12  # July: daylight saving
    assert power.sel(home="home-1").item() == pytest.approx(1000.0 * (1 + hour % 3), rel=1e-3)
    assert power.sel(home="home-3").item() in (
        pytest.approx(500.0, rel=1e-3),
        pytest.approx(1000.0 * (1 + hour % 3), rel=1e-3),
    )


def test_feeder_demand_is_the_feeders_own_load(tmp_path: Path) -> None:
    scenario = load(tmp_path, '[feeder]\nhomes = 8\n[demand]\nsource = "feeder"\nscale = 0.5\n')
    results = run(scenario, tmp_path / "f.h5")
    nominal = 0.5 * Feeder.generate(8).home["kw"].to_numpy() * 1e3
    np.testing.assert_allclose(
        results.envelope("service_power_w").sel(statistic="mean").to_numpy()[0], nominal, rtol=1e-3
    )


def test_unknown_places_are_told_with_the_nearest(tmp_path: Path) -> None:
    text = """
[feeder]
homes = 8
[[events]]
at = 2026-07-09T12:01:00
kind = "outage"
where = "line:latral-1"
duration = "1 min"
[record]
full = ["home:99"]
"""
    with pytest.raises(InputError) as error:
        assemble(load(tmp_path, text))
    told = str(error.value)
    assert "lateral-1" in told
    assert "home:99" in told


@pytest.mark.slow
def test_a_day_of_the_8500_node_feeder(shared: Path, tmp_path: Path) -> None:
    """Everything on, 40 % of homes with adapters; every step settles, and energy balances."""
    master = shared / "feeders" / "dss" / "ieee8500" / "Master.dss"
    text = f"""
[feeder]
source = "opendss:{master}"
[homes.solar]
share = 0.2
adapter = "connectder-solar-60"
pv_kw = {{ uniform = [4, 9] }}
[homes.backup]
share = 0.1
adapter = "tesla-backup-switch"
battery = "powerwall-3"
pv_kw = 7.0
[homes.ev]
share = 0.1
adapter = "connectder-ev"
ev = {{ share = 1.0, charger_kw = 11.5 }}
[studies]
fault_duty = {{ at = ["start"] }}
"""
    with run(load(tmp_path, text, minutes=1440), tmp_path / "day.h5") as results:
        seconds = results.solver["seconds"]
        assert seconds.sum() == pytest.approx(86_400.0)
        assert len(seconds) >= 1440  # inverters that trip on the voltage of its held taps cut steps
        assert results.solver["converged"].all()
        assert (results.homes["adapter"] != "").sum() == round(0.2 * 1177) + 2 * round(0.1 * 1177)
        head = results.feeder
        assert (head["loss_w"] > 0).all()
        homes_wh = results.envelope("service_power_w").sel(statistic="mean").to_numpy().sum()
        assert homes_wh == pytest.approx(
            ((head["power_w"] - head["loss_w"]) * seconds.to_numpy()).sum() / 3600.0, rel=1e-5
        )
        rise = results.envelope("jaw_rise_k").sel(statistic="max").to_numpy()
        assert np.nanmax(rise) > 1.0


TIE = """
clear
new circuit.tie basekv=12.47 pu=1.0 phases=3 bus1=src
new line.trunk bus1=src bus2=a phases=3 length=0.1 units=km r1=0.1 x1=0.1 r0=0.3 x0=0.3
new line.left bus1=a.1 bus2=left.1 phases=1 length=0.1 units=km r1=0.1 x1=0.1
new line.right bus1=a.1 bus2=right.1 phases=1 length=0.1 units=km r1=0.1 x1=0.1
new line.tie bus1=left.1 bus2=right.1 phases=1 length=0.05 units=km r1=0.1 x1=0.1
new transformer.t phases=1 windings=2 buses=[right.1.0 lv.1.0] kvs=[7.2 0.24] kvas=[25 25] xhl=2
new load.home bus1=lv.1.0 phases=1 kv=0.24 kw=6 pf=1
new load.mill bus1=left.1.0 phases=1 kv=7.2 kw=200 pf=0.9
open line.tie 1
set voltagebases=[12.47 0.416]
calcvoltagebases
solve
"""


@pytest.fixture
def tie(tmp_path: Path) -> Path:
    pytest.importorskip("dss")
    (tmp_path / "Tie.dss").write_text(TIE)
    return tmp_path


def test_a_switch_that_stands_open_can_carry_what_is_cut_off(tie: Path) -> None:
    """Tie closed, own line opened: the home is fed through the tie; opened again, it is dark."""
    text = """
[feeder]
source = "opendss:Tie.dss"
[demand]
source = "feeder"
[[events]]
at = 2026-07-09T12:01:00
kind = "close"
where = "line:tie"
[[events]]
at = 2026-07-09T12:02:00
kind = "open"
where = "line:right"
[[events]]
at = 2026-07-09T12:03:00
kind = "open"
where = "line:tie"
[record]
full = ["home:home"]
quantize = false
"""
    volts = run(load(tie, text), tie / "t.h5").full("voltage_l1_v").to_numpy()[:, 0]
    assert len(set(volts[:3])) == 3
    assert (volts[:3] > 220.0).all()
    assert (volts[3:] == 0.0).all()


def test_a_coil_to_ground_carries_the_same_current_on_both_legs(tie: Path) -> None:
    text = """
[feeder]
source = "opendss:Tie.dss"
[demand]
source = "feeder"
[homes.solar]
share = 1.0
adapter = "connectder-solar-60"
[record]
full = ["home:home"]
quantize = false
"""
    results = run(load(tie, text), tie / "c.h5")
    power, current, volts = (
        results.full(name).to_numpy()[0, 0]
        for name in ("service_power_w", "service_current_a", "voltage_l1_v")
    )
    assert current == pytest.approx(power / volts, rel=1e-6)
    assert results.homes.loc["mill", "adapter"] == ""
    assert np.isnan(results.homes.loc["mill", "service_rating_a"])
    assert results.homes.loc["home", "nominal_v"] == 240.0
    assert any("passed over" in str(detail) for detail in results.events["detail"])


def test_der_behind_the_panel_keep_their_power_whatever_the_load_law(tie: Path) -> None:
    """An impedance load at 0.97 pu draws 0.94 of nominal; the solar beside it gives all it has."""
    (tie / "Tie.dss").write_text(TIE.replace("kw=6 pf=1", "kw=6 pf=1 model=2"))
    text = """
[feeder]
source = "opendss:Tie.dss"
[weather]
source = "clear:36,-80"
[demand]
source = "feeder"
[homes.backup]
share = 1.0
adapter = "tesla-backup-switch"
pv_kw = 8.0
[record]
full = ["home:home"]
quantize = false
"""
    path = tie / "case.toml"
    path.write_text(HEAD.format(minutes=3).replace('[weather]\nsource = "constant:25"\n', "") + text)
    results = run(Scenario.load(path), tie / "d.h5")
    panel, pv, volts = (
        results.full(name).to_numpy()[:, 0] for name in ("panel_power_w", "pv_power_w", "voltage_l1_v")
    )
    np.testing.assert_allclose(panel, 6000.0 * (volts / 240.0) ** 2 - pv, atol=0.1)
    assert (pv > 3000.0).all()


def test_der_connect_does_not_harm_what_is_connected_and_disconnections_overlap(tmp_path: Path) -> None:
    text = """
[feeder]
homes = 8
[homes.solar]
share = 1.0
adapter = "connectder-solar-60"
pv_kw = 6.0
[[events]]
at = 2026-07-09T12:05:00
kind = "der-connect"
where = "group:solar"
[[events]]
at = 2026-07-09T12:10:00
kind = "der-disconnect"
where = "group:solar"
duration = "10 min"
[[events]]
at = 2026-07-09T12:15:00
kind = "der-disconnect"
where = "home:3"
duration = "10 min"
[record]
full = ["home:3", "home:4"]
"""
    path = tmp_path / "case.toml"
    path.write_text(HEAD.format(minutes=45).replace("constant:25", "clear:36,-80") + text)
    pv = run(Scenario.load(path), tmp_path / "x.h5").full("pv_power_w").to_numpy()
    assert (pv[:10] > 1000.0).all()
    assert (pv[10:25, 1] == 0.0).all()  # back at 12:20, then the delay of 300 s
    assert (pv[10:30, 0] == 0.0).all()  # held until 12:25
    assert pv[26, 1] > 0.0
    assert pv[31, 0] > 0.0
    assert (pv[40:] > 1000.0).all()
