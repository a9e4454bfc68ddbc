"""A whole run: its laws, its bits, and what it leaves when stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import cosim
from cosim.errors import InterruptedRun
from cosim.results import Results
from cosim.scenario import Scenario
from cosim.simulation.run import run


@pytest.fixture(scope="module")
def results(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(small, tmp_path_factory.mktemp("run") / "small.h5")


def datasets(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.__setitem__(name, item[()])
                if isinstance(item, h5py.Dataset) and item.shape != ()
                else None
            )
        )
    return found


def assert_same_bits(one: Path, other: Path) -> None:
    a, b = datasets(one), datasets(other)
    assert a.keys() == b.keys()
    for name, values in a.items():
        assert values.dtype == b[name].dtype
        assert values.tobytes() == b[name].tobytes() or (
            values.dtype == object and values.tolist() == b[name].tolist()
        ), name


@pytest.mark.parametrize(("threads", "block_steps"), [(1, 64), (2, 64), (None, 7), (1, 200)])
def test_bits_do_not_depend_on_threads_or_blocks(
    small: Scenario, results: Results, tmp_path: Path, threads: int | None, block_steps: int
) -> None:
    other = run(small, tmp_path / "other.h5", threads=threads, block_steps=block_steps)
    assert_same_bits(results.path, other.path)


def test_power_at_the_head_is_homes_plus_losses(results: Results) -> None:
    """Energy: mean home power by interval sums to the head's less the losses (float32 envelopes: 1e-6)."""
    head = results.feeder
    assert (head["loss_w"] > 0).all()
    hours = results.intervals["simulated_s"].to_numpy()
    seconds = results.solver["seconds"].to_numpy()
    delivered_j = ((head["power_w"] - head["loss_w"]) * seconds).sum()
    homes = results.envelope("service_power_w").sel(statistic="mean").to_numpy().sum(axis=1)
    assert (homes * hours).sum() == pytest.approx(delivered_j, rel=1e-6)


def test_outage_takes_its_homes_and_gives_them_back(results: Results) -> None:
    events = results.events
    outage = events[events["kind"] == "outage"].iloc[0]
    back = events[events["kind"] == "restoration"].iloc[0]
    assert back["time"] - outage["time"] == np.timedelta64(25, "m")
    dead = results.unsupplied_s().to_numpy()
    assert set(np.unique(dead)) == {0.0, 1500.0}
    trip = events[events["kind"] == "der_trip"].iloc[0]
    assert trip["cause"] == outage.name
    entered = events[(events["kind"] == "enter_service") & (events["time"] > back["time"])].iloc[0]
    assert entered["time"] - back["time"] == np.timedelta64(300, "s")


def test_an_event_inside_a_step_splits_it(results: Results) -> None:
    seconds = results.solver["seconds"].to_numpy()
    assert {20.0, 40.0} <= set(seconds.tolist())
    assert seconds.sum() == 4 * 3600


def test_rises_follow_the_current(results: Results) -> None:
    """Adapters that carry more get hotter: rank correlation of peak current and peak jaw rise."""
    rise = results.envelope("jaw_rise_k").sel(statistic="max").to_numpy().max(axis=0)
    has = np.isfinite(rise)
    assert has.sum() == (results.homes["adapter"] != "").sum()
    mean_square = results.envelope("service_current_a").sel(statistic="mean").to_numpy().max(axis=0)
    rank = np.corrcoef(np.argsort(np.argsort(rise[has])), np.argsort(np.argsort(mean_square[has])))[0, 1]
    assert rank > 0.5


def test_studies_and_windows_are_there(results: Results) -> None:
    of_itself = {"car_days", "comfort", "der_placement", "site_rules"}
    outage = {"interruptions", "island_energy", "out_over_time", "outage_homes", "reliability", "returns"}
    assert set(results.studies) == of_itself | outage | {"fault_duty_peak", "fault_duty_start"}
    study = results.study("fault_duty_start")
    assert (study["i_l1l2_a"] > 0).all()
    assert (study["peak_a"] > study["i_l1n_a"] * np.sqrt(2) * 0.999).all()
    windows = [name for name in results.windows if name.startswith("worst_service_current_a")]
    assert windows
    full = results.full("service_current_a", windows[0])
    stored = results.envelope("service_current_a").sel(statistic="max").max("interval")
    for home in full["home"].to_numpy():
        assert float(full.sel(home=home).max()) == float(stored.sel(home=home))


def test_named_home_in_full_agrees_with_its_envelope(results: Results) -> None:
    full = results.full("service_power_w")
    home = str(full["home"].to_numpy()[0])
    assert float(full.max()) == float(
        results.envelope("service_power_w").sel(home=home, statistic="max").max()
    )


def test_ctrl_c_leaves_a_partial_file(small: Scenario, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done > 60:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRun) as stopped:
        run(small, tmp_path / "x.h5", progress=stop)
    assert stopped.value.partial == tmp_path / "x.partial.h5"
    assert not (tmp_path / "x.h5").exists()
    partial = cosim.open_results(stopped.value.partial)
    assert partial.partial
    assert 60 < len(partial.solver) < 240


def test_killed_run_leaves_nothing_under_the_final_name(small_path: Path, tmp_path: Path) -> None:
    code = (
        "import sys, cosim; "
        "cosim.run(cosim.Scenario.load(sys.argv[1]), sys.argv[2], "
        "progress=lambda d, n: print(d, flush=True))"
    )
    out = tmp_path / "x.h5"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(small_path), str(out)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()  # at least one block is done
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
