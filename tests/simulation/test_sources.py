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
        assert len(results.solver) == 1440
        assert results.solver["converged"].all()
        assert (results.homes["adapter"] != "").sum() == round(0.2 * 1177) + 2 * round(0.1 * 1177)
        head = results.feeder
        assert (head["loss_w"] > 0).all()
        homes_wh = results.envelope("service_power_w").sel(statistic="mean").to_numpy().sum()
        assert homes_wh == pytest.approx((head["power_w"] - head["loss_w"]).sum() / 60.0, rel=1e-5)
        rise = results.envelope("jaw_rise_k").sel(statistic="max").to_numpy()
        assert np.nanmax(rise) > 1.0
