"""Whole sweeps: the same bits as single runs, nothing done twice, failures told and the rest kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cosim
from cosim.errors import ConvergenceError, InterruptedSweep, SweepError
from cosim.scenario import Scenario
from cosim.sweeps import SweepSummary

VARY = ["homes.solar.share=0:1:0.5", "seed=1:2"]


@pytest.fixture(scope="module")
def swept(scenario_path: Path, tmp_path_factory: pytest.TempPathFactory) -> SweepSummary:
    return cosim.sweep(scenario_path, VARY, tmp_path_factory.mktemp("sweep"))


def test_every_case_has_its_file_and_row(swept) -> None:
    assert len(swept.table) == 6
    assert (swept.table["status"] == "finished").all()
    assert all((swept.folder / name).is_file() for name in swept.table["file"])
    table = pd.read_csv(swept.folder / "summary.csv")
    assert list(table["case"]) == [1, 2, 3, 4, 5, 6]
    assert pd.read_parquet(swept.folder / "summary.parquet")["seed"].tolist() == [1, 2] * 3


def test_a_case_is_the_run_of_its_scenario(swept, scenario_path: Path, tmp_path: Path) -> None:
    single = cosim.run(
        Scenario.load(scenario_path, overrides={"homes.solar.share": 0.5, "seed": 2}),
        tmp_path / "one.h5",
        threads=1,
    )
    case = swept.table[(swept.table["homes.solar.share"] == 0.5) & (swept.table["seed"] == 2)].iloc[0]
    other = cosim.open_results(swept.folder / case["file"])
    for quantity in ("service_power_w", "jaw_rise_k", "voltage_l1_v"):
        a, b = (r.envelope(quantity).to_numpy() for r in (single, other))
        assert a.tobytes() == b.tobytes()


def test_table_becomes_an_array_over_the_varied_keys(swept) -> None:
    data = swept.to_xarray()
    assert dict(data.sizes) == {"homes.solar.share": 3, "seed": 2}
    adapters = data["adapters"].to_numpy()
    assert np.array_equal(adapters, np.array([[0, 0], [3, 3], [6, 6]]))


def test_a_rerun_runs_nothing_and_a_damaged_case_again(swept, scenario_path: Path, monkeypatch) -> None:
    before = {name: (swept.folder / name).stat().st_mtime_ns for name in swept.table["file"]}
    again = cosim.sweep(scenario_path, VARY, swept.folder)
    assert again.skipped == 6
    assert {name: (swept.folder / name).stat().st_mtime_ns for name in swept.table["file"]} == before
    victim = swept.folder / swept.table["file"].iloc[0]
    victim.write_bytes(victim.read_bytes()[:-100])
    assert cosim.sweep(scenario_path, VARY, swept.folder).skipped == 5
    pd.testing.assert_frame_equal(again.table, swept.table)


def test_a_failed_case_is_told_and_the_others_kept(scenario_path: Path, tmp_path: Path, monkeypatch) -> None:
    import cosim.simulation.run as module

    real = module.run

    def fails_for_seed_2(scenario, *args, **kwargs):
        if scenario.seed == 2:
            raise ConvergenceError("the test's power flow", 1.0)
        return real(scenario, *args, **kwargs)

    monkeypatch.setattr(module, "run", fails_for_seed_2)
    summary = cosim.sweep(scenario_path, ["seed=1:3"], tmp_path)
    assert summary.table["status"].tolist() == ["finished", "failed", "finished"]
    assert "did not converge" in summary.failed["error"].iloc[0]
    monkeypatch.setattr(module, "run", real)
    healed = cosim.sweep(scenario_path, ["seed=1:3"], tmp_path)
    assert healed.skipped == 2
    assert len(healed.failed) == 0


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(
    scenario_path: Path, tmp_path: Path, monkeypatch
) -> None:
    import cosim.simulation.run as module

    real = module._simulate

    def stopped_at_seed_2(study, *args, **kwargs):
        if study.scenario.seed == 2:
            raise KeyboardInterrupt
        real(study, *args, **kwargs)

    monkeypatch.setattr(module, "_simulate", stopped_at_seed_2)
    with pytest.raises(InterruptedSweep, match="1 of 3 cases are done"):
        cosim.sweep(scenario_path, ["seed=1:3"], tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".h5", ".json"}
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(module, "_simulate", real)
    assert cosim.sweep(scenario_path, ["seed=1:3"], tmp_path).skipped == 1


def test_slices_together_are_the_sweep(scenario_path: Path, tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        cosim.sweep(scenario_path, ["seed=1:3"], tmp_path, slice_=part)
    assert sorted(path.name for path in tmp_path.glob("summary-*.csv")) == [
        "summary-1-of-2.csv",
        "summary-2-of-2.csv",
    ]
    assert cosim.sweep(scenario_path, ["seed=1:3"], tmp_path).skipped == 3


def test_a_scheduler_that_does_not_answer_is_told(scenario_path: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("cosim.sweeps.runner.CONNECT_SECONDS", 1)
    with pytest.raises(SweepError, match="no Dask scheduler answered"):
        cosim.sweep(scenario_path, ["seed=1"], tmp_path / "out", scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_dask_workers_give_the_same_bits(swept, scenario_path: Path, tmp_path: Path) -> None:
    # In a process of its own: starting workers changes the environment that Numba reads here.
    vary = [word for text in VARY for word in ("--vary", text)]
    command = [sys.executable, "-m", "cosim", "sweep", str(scenario_path), *vary, "--scheduler", "local"]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True, timeout=300)
    summary = cosim.sweep(scenario_path, VARY, tmp_path)
    assert summary.skipped == len(summary.table) == 6
    for name in summary.table["file"]:
        digests = [
            json.loads((folder / name).with_suffix(".json").read_text())["sha256"]
            for folder in (tmp_path, swept.folder)
        ]
        assert digests[0] == digests[1]
