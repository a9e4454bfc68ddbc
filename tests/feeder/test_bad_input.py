"""What cannot be meant is named, with its value and a remedy, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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


def test_a_step_without_a_solution_is_named_and_the_others_stand(feeder: Feeder) -> None:
    with pytest.raises(ConvergenceError, match=r"step 1 \(1 of 3 steps; lowest voltage at .*strict=False"):
        feeder.power_flow(load_scale=[1.0, 500.0, 0.5])
    flow = feeder.power_flow(load_scale=[1.0, 500.0, 0.5], strict=False)
    assert flow["converged"].to_numpy().tolist() == [True, False, True]
    alone = feeder.power_flow(load_scale=[1.0, 0.5])
    np.testing.assert_array_equal(flow["voltage_v"].to_numpy()[[0, 2]], alone["voltage_v"].to_numpy())
