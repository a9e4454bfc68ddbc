"""Quality figures of a feeder's snapshot: conservation, symmetry, the engine's own figures, the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from masters import HEAD, TAIL, master
from test_random_feeders import TURN, feeders

from cosim.electrical.quality import unbalance
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.feeder import Feeder
from cosim.feeder.quality import ansi_range


def _balanced(load_kw: tuple[float, float, float]) -> Feeder:
    build = FeederBuilder("balanced")
    for bus in ("a", "b"):
        build.add_bus(bus, "1.2.3.4", 7200.0)
    build.add_source("grid", "a", "1.2.3", 7200.0 * TURN, np.eye(3) * 0.3j)
    z = np.full((4, 4), 0.05 + 0.2j) + np.eye(4) * (0.1 + 0.4j)
    build.add_line("l", "a", "1.2.3.4", "b", "1.2.3.4", z, length_m=500.0, rating_a=40.0)
    build.add_other("rod", [("a", "4")], np.array([[1e4 + 0j]]))
    for phase, kw in enumerate(load_kw, start=1):
        build.add_home(f"h{phase}", "b", kind="single", nodes=f"{phase}.4", kw=kw, kvar=0.0, kv=7.2)
    return build.build()


def test_a_balanced_feeder_has_no_neutral_current_and_no_unbalance() -> None:
    flow = _balanced((200.0, 200.0, 200.0)).power_flow(tolerance_pu=1e-12)
    assert float(flow["unbalance_percent"].max()) < 1e-8
    assert float(flow["neutral_a"].max()) < 1e-8
    assert float(flow["residual_a"].max()) < 1e-8


def test_what_the_neutral_carries_is_what_the_phases_leave() -> None:
    flow = _balanced((300.0, 200.0, 100.0)).power_flow(tolerance_pu=1e-12)
    # all loads stand on the neutral, which is earthed at its far end only
    assert float(flow["neutral_a"].item()) == pytest.approx(float(flow["residual_a"].item()), rel=1e-9)
    assert float(flow["neutral_a"].item()) > 20.0
    amperes = np.abs(flow["current_a"].to_numpy()[0, :3]).max()
    assert float(flow["loading_percent"].item()) == pytest.approx(100.0 * amperes / 40.0)
    assert set(flow["bus"].to_numpy()) == {"a", "b"}


@given(feeders())
@settings(deadline=None, max_examples=25)
def test_losses_add_up_to_what_the_source_gives_and_homes_do_not_take(feeder: Feeder) -> None:
    flow = feeder.power_flow(tolerance_pu=1e-12)
    left = flow["source_power_va"].to_numpy().real - flow["home_power_va"].to_numpy().real.sum(axis=1)
    np.testing.assert_allclose(flow["loss_w"].sum("part"), left, rtol=1e-7, atol=1e-3)
    units = flow["transformer_load_loss_w"] + flow["transformer_noload_loss_w"]
    own = flow["loss_w"][:, flow["part"].str.startswith("transformer.")]
    np.testing.assert_allclose(units.sum("transformer"), own.sum("part"), rtol=1e-9)
    assert (flow["transformer_load_loss_w"] >= -1e-6).all()


def test_a_split_service_with_its_neutral_is_no_three_phase_bus(tmp_path: Path) -> None:
    pytest.importorskip("dss")
    path = tmp_path / "Master.dss"
    path.write_text(master("neutral-kept"))
    flow = Feeder.from_opendss(path).power_flow()
    assert "h" not in flow["bus"].to_numpy()
    drop = flow["neutral_a"].sel(line="drop").item()
    # most of the residual returns in the neutral conductor, the rest through earth
    assert (
        0.9 * flow["residual_a"].sel(line="drop").item()
        < drop
        <= flow["residual_a"].sel(line="drop").item() * 1.1
    )


def test_ranges_are_those_of_the_standard() -> None:
    pu = np.array([0.95, 1.05, 0.93, 1.055, 0.9166, 1.0584, np.nan])
    np.testing.assert_array_equal(ansi_range(pu), [0, 0, 1, 1, 2, 2, -1])


def test_losses_and_unbalance_are_the_engines(shared: Path) -> None:
    pytest.importorskip("dss")
    from cosim.feeder.script import run_master

    path = shared / "feeders" / "dss" / "ieee123" / "IEEE123Master.dss"
    feeder = Feeder.from_opendss(path)
    flow = feeder.power_flow()
    circuit = run_master(path, controls="solved").engine.ActiveCircuit
    circuit.Solution.ControlMode = -1
    circuit.Solution.MaxIterations = 1000
    circuit.Solution.Tolerance = 1e-10
    circuit.Solution.Solve()
    ours = dict(zip(flow["part"].to_numpy(), flow["loss_w"].to_numpy()[0], strict=True))
    for name in (*feeder.line["name"].head(20), "l115"):
        circuit.SetActiveElement(f"line.{name}")
        assert ours[f"line.{name}"] == pytest.approx(circuit.ActiveCktElement.Losses[0], rel=1e-4, abs=1e-2)
    for bus in flow["bus"].to_numpy()[:20]:
        circuit.SetActiveBus(str(bus))
        seq = np.asarray(circuit.ActiveBus.SeqVoltages)
        assert flow["unbalance_percent"].sel(bus=bus).item() == pytest.approx(
            100.0 * seq[2] / seq[1], rel=1e-4
        )


def test_a_dead_home_has_no_range(tmp_path: Path) -> None:
    pytest.importorskip("dss")
    path = tmp_path / "Master.dss"
    path.write_text(
        HEAD
        + "new line.gap bus1=a bus2=z linecode=oh length=1 units=km\nopen line.gap 1\n"
        + "new load.off bus1=z phases=3 kv=12.47 kw=10 kvar=1\n"
        + "new load.on bus1=a phases=3 kv=12.47 kw=10 kvar=1\n"
        + TAIL
    )
    flow = Feeder.from_opendss(path).power_flow()
    assert flow["ansi_range"].to_numpy()[0].tolist() == [-1, 0]


def test_unbalance_of_rotated_phases_is_the_same() -> None:
    v = _balanced((300.0, 200.0, 100.0)).power_flow()["voltage_v"].to_numpy()[0][[0, 1, 2]]
    assert unbalance(v) == pytest.approx(float(unbalance(np.roll(v, 2))))
