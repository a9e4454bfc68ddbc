"""A step without a power flow is named where it is and marked; the run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.electrical.circuit import Float
from cosim.electrical.network import Network, Solution
from cosim.errors import ScenarioError
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.run import run

CASE = """
start = 2026-07-09T12:00:00
duration = "8 min"
step = "60 s"
[weather]
source = "constant:25"
[feeder]
homes = 6
seed = 7
[demand]
source = "csv:profiles.csv"
scale = 20.0
"""


def case(folder: Path, spike: str) -> Scenario:
    """Minute by minute 1 kW a home, but 20 times `spike` kW in the third and fourth minute of every hour."""
    rows = (f"{m},{spike if m % 60 in (2, 3) else 0.05}" for m in range(1440))
    (folder / "profiles.csv").write_text("minute,any\n" + "\n".join(rows) + "\n")
    (folder / "case.toml").write_text(CASE)
    return Scenario.load(folder / "case.toml")


def test_steps_without_a_solution_are_named_and_the_rest_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solver that gives up above 20 kW, at the same node each time."""
    solve = Network.solve

    def weak(self: Network, p_w: Float, *more: Any, **options: Any) -> Solution:
        found = solve(self, p_w, *more, **options)
        heavy = p_w.sum(axis=0) > 20e3
        return replace(
            found, converged=found.converged & ~heavy, worst_node=np.where(heavy, 5, found.worst_node)
        )

    monkeypatch.setattr(Network, "solve", weak)
    results = run(case(tmp_path, "0.25"), tmp_path / "a.h5")
    assert results.solver["converged"].tolist() == [True] * 2 + [False] * 2 + [True] * 4
    events = results.events
    [begun] = events.index[events["kind"] == "unsettled"]
    [over] = events.index[events["kind"] == "settled"]
    assert events["time"][over] - events["time"][begun] == np.timedelta64(2, "m")
    assert events["time"][begun] == results.solver.index[2]
    assert events["subject"][begun] == "node:" + results_nodes(tmp_path)[5]
    assert "load" in events["detail"][begun]
    assert events["detail"][over] == "after 2 steps"
    assert events["cause"][over] == begun
    mean = results.envelope("service_power_w").sel(statistic="mean").to_numpy()
    np.testing.assert_allclose(mean, 1e3, rtol=1e-3)  # the 5 kW of the steps left out are in no figure


def results_nodes(folder: Path) -> tuple[str, ...]:
    return assemble(Scenario.load(folder / "case.toml")).compiled.circuit.nodes


def test_a_number_that_is_none_in_a_profile_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"profiles\.csv:4: any: should be a number"):
        run(case(tmp_path, "nan"), tmp_path / "a.h5")
