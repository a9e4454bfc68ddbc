"""What cannot be meant is named, with its value and a remedy, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cosim.electrical.network import Network
from cosim.errors import ConvergenceError, FeederError
from cosim.feeder.feeder import Feeder


@pytest.fixture
def feeder() -> Feeder:
    return Feeder.generate(12, seed=3)


def _impedance(value: complex) -> Callable[[Feeder], None]:
    def change(feeder: Feeder) -> None:
        feeder.matrices.line_z_ohm[3][:] = value

    return change


def _cell(table: str, row: int, column: str, value: object) -> Callable[[Feeder], None]:
    def change(feeder: Feeder) -> None:
        feeder.table(table).loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_impedance(0.0), "lateral-1: zero impedance; give a switch 1e-4 ohm"),
        (_impedance(np.nan), "lateral-1: its matrices must be 1 x 1 and finite"),
        (_impedance(1e9 + 1e9j), "lateral-1: absurd impedance"),
        (_impedance(-1.0 + 1j), "lateral-1: absurd impedance"),
        (_cell("winding", 1, "tap_pu", 3.0), "must be 0.5 to 1.5 pu"),
        (_cell("winding", 1, "tap_pu", np.nan), "winding"),
        (_cell("transformer", 1, "x12_percent", 1e6), "absurd leakage reactance"),
        (_cell("transformer", 1, "x12_percent", 0.0), "zero or missing leakage reactance"),
        (_cell("home", 2, "kw", np.nan), "home.kw"),
        (_cell("transformer", 0, "in_service", False), "not reached from any source"),
    ],
)
def test_each_slip_is_one_clear_message(feeder: Feeder, change: Callable[[Feeder], None], says: str) -> None:
    assert feeder.check() == []
    change(feeder)
    problems = feeder.check()
    assert len(problems) == 1, problems
    assert says in str(problems[0])


def test_a_tap_beyond_its_range_is_refused_by_name(feeder: Feeder) -> None:
    name = feeder.transformer["name"].iloc[0]
    with pytest.raises(FeederError, match=rf"taps\.{name}: its taps go from 0\.9 to 1\.1 pu \(got '?1\.3"):
        feeder.power_flow(taps={name: 1.3})


def test_numbers_that_are_none_name_their_step(feeder: Feeder) -> None:
    scale = np.ones((12, 5))
    scale[7, 3] = np.nan
    with pytest.raises(FeederError, match="the first at step 3, home 7"):
        feeder.power_flow(load_scale=scale)
    with pytest.raises(FeederError, match="the first at step 1"):
        feeder.power_flow(load_scale=[1.0, np.inf])


def rigid(feeder: Feeder) -> Feeder:
    """Homes draw their power at any voltage: beyond some load there is no solution."""
    for name in ("v_min_pu", "v_low_pu"):
        feeder.table("home")[name] = 1e-6
    return feeder


@pytest.mark.parametrize("controls", ["held", "settled"])
def test_a_step_without_a_solution_is_named_and_the_others_stand(feeder: Feeder, controls: str) -> None:
    feeder = rigid(feeder)
    with pytest.raises(ConvergenceError, match=r"step 1 .*strict=False"):
        feeder.power_flow(load_scale=[1.0, 500.0, 0.5], controls=controls)
    flow = feeder.power_flow(load_scale=[1.0, 500.0, 0.5], strict=False, controls=controls)
    assert flow["converged"].to_numpy().tolist() == [True, False, True]
    alone = feeder.power_flow(load_scale=[1.0, 0.5], controls=controls)
    np.testing.assert_array_equal(flow["voltage_v"].to_numpy()[[0, 2]], alone["voltage_v"].to_numpy())


def test_a_step_without_a_solution_names_its_node(feeder: Feeder) -> None:
    feeder = rigid(feeder)
    with pytest.raises(ConvergenceError, match=r"step 1 \(1 of 3 steps; lowest voltage at .*strict=False"):
        feeder.power_flow(load_scale=[1.0, 500.0, 0.5])


@pytest.mark.parametrize("seed", [2, 5])
def test_a_collapsed_feeder_has_a_solution_too(seed: int) -> None:
    """Loads end as impedances below their band, so even ten thousand times the load is met by Kirchhoff's laws."""
    circuit = Feeder.generate(24, seed=seed).compile().circuit
    net, steps = Network(circuit), 24
    spread = np.random.default_rng(seed).uniform(0.3, 1.7, (len(circuit.injectors), steps))
    scale = np.geomspace(1.0, 1e4, steps) * spread
    s = net.solve(circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale)
    assert s.converged.all()
    assert s.newton.sum() > steps // 4
    grounded = np.vstack([s.v, np.zeros(steps)])
    across = np.abs(grounded[circuit.injectors.node_a] - grounded[circuit.injectors.node_b])
    lowest = (across / circuit.injectors.v_nom[:, None]).min(axis=0)
    assert lowest[0] > 0.9
    assert lowest[-1] < 0.1
    most = np.maximum(np.abs(s.current_a).max(axis=0), 1.0)
    assert (np.abs(net.mismatch(s.v, s.current_a)).max(axis=0) < 1e-6 * most).all()
