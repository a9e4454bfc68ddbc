"""The file: opened by every reader, the same bytes twice, described by its page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import made_up_runs as runs
import numpy as np
import pytest

from cosim.errors import ResultsError
from cosim.results import document, estimate_bytes, layout, open_results, recover
from cosim.results.record import FeederMap, RecordPlan
from cosim.results.segments import MANIFEST, parts_folder
from cosim.results.writer import RunWriter


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write(tmp_path_factory.mktemp("file") / "run.h5", (50,))


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def test_h5py_finds_units_names_and_scales(path: Path) -> None:
    with h5py.File(path) as file:
        variables = [(f"{g.path}/{v.name}", v) for g in layout.GROUPS for v in g.variables]
        for name, variable in variables + [(v.name, v) for v in layout.COORDINATES]:
            dataset = file[name]
            assert dataset.attrs["long_name"]
            assert dataset.attrs.get("units", "") == variable.units.format(start="2026-07-14 00:00:00.000000")
            if dataset.is_scale:
                continue
            names = tuple(dataset.dims[i][0].name.split("/")[-1] for i in range(dataset.ndim))
            assert names == variable.dims
        assert {*layout.ATTRIBUTES} == set(file.attrs)
        assert file.attrs["status"] == "complete"


READ = """
import sys, xarray as xr
tree = xr.open_datatree(sys.argv[1], engine=sys.argv[2])
tree.load()
envelope = tree["home_envelope"].to_dataset()
print(sorted(envelope.sizes.items()), envelope.home.values[1], envelope.statistic.values[2])
print(str(envelope.interval.values[1])[:19], str(tree["events/time"].values[1])[:19])
print(float(envelope.service_power_w.isel(interval=0, home=1, statistic=2)))
print(sorted(tree["study/peak"].data_vars)[0], tree["window/worst"].jaw_rise_k.shape)
for name in ("home_envelope", "full"):
    xr.open_dataset(sys.argv[1], engine=sys.argv[2], group=name).load()
"""


def test_xarray_reads_the_same_with_both_engines(path: Path) -> None:
    """In processes of their own: h5py and netCDF4 each bring an HDF5 library."""
    read = [
        subprocess.run(
            [sys.executable, "-c", READ, path, engine], capture_output=True, text=True, check=True
        ).stdout
        for engine in ("h5netcdf", "netcdf4")
    ]
    assert read[0] == read[1]
    lines = read[0].splitlines()
    assert "('home', 7)" in lines[0]
    assert lines[0].endswith("home-1 max")
    assert lines[1] == "2026-07-14T01:00:00 2026-07-14T01:30:00"
    with open_results(path) as results:
        assert float(lines[2]) == float(results.envelope("service_power_w")[0, 1, 2])


def test_two_writes_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    assert runs.write(tmp_path / "other name.h5", (50,)).read_bytes() == path.read_bytes()


def test_reader_gives_back_what_was_written(path: Path) -> None:
    block = runs.block()
    with open_results(path) as results:
        assert results.info == runs.INFO.__class__(
            **{**vars(runs.INFO), "start": "2026-07-14 00:00:00.000000"}
        )
        assert not results.partial
        assert list(results.homes.index) == runs.homes()["id"]
        assert list(results.homes["group"]) == runs.homes()["group"]
        assert results.homes["x"].isna().all()
        assert list(results.transformers["rated_kva"]) == [25.0, 25.0]
        assert list(results.feeder_map["level"]) == ["primary", "drop"]
        assert results.events["cause"].tolist() == [-1, 0]
        assert str(results.events["time"].iloc[1]) == "2026-07-14 01:30:00"
        np.testing.assert_array_equal(results.feeder["loss_w"], block.feeder["loss_w"])
        np.testing.assert_array_equal(results.solver["converged"], block.converged)
        full = results.full("ev_power_w")
        assert list(full.home.values) == ["home-1", "home-4"]
        np.testing.assert_array_equal(full, block.home["ev_power_w"][:, [1, 4]].astype("f4"))
        window = results.full("ev_power_w", window="worst")
        np.testing.assert_array_equal(window, block.home["ev_power_w"][10:20, [3, 5]].astype("f4"))
        assert results.studies == ["peak"]
        np.testing.assert_array_equal(results.study("peak")["verdict"], runs.duty()["verdict"])
        assert results.study("peak").attrs["time"].startswith("2026-07-14T01:30")
        assert set(results.backfeed()) == set(layout.BACKFEED.names())
        assert results.envelope("loading_pu").sizes == {"interval": 3, "transformer": 2, "statistic": 3}
        assert np.isnat(results.envelope("voltage_l1_v").time_of_max.values).sum() == 0
        with results.to_xarray() as tree:
            assert tree["home_envelope"].sizes["home"] == runs.HOMES


def test_a_seed_of_64_bits_comes_back(tmp_path: Path) -> None:
    info = runs.INFO.__class__(**{**vars(runs.INFO), "seed": 2**64 - 3})
    with open_results(runs.writer(tmp_path / "run.h5", info=info).finish()) as results:
        assert results.info.seed == 2**64 - 3


def test_a_run_of_nothing_is_readable(tmp_path: Path) -> None:
    """No homes recorded in full, no transformers, no lines, no steps, no events."""
    nothing = FeederMap([], [], [], [], [], [], [])
    plan = RecordPlan.for_duration(60)
    path = RunWriter(tmp_path / "run.h5", runs.INFO, runs.homes(), {"id": []}, nothing, plan).finish()
    with open_results(path) as results:
        assert results.envelope("jaw_rise_k").shape == (0, runs.HOMES, 3)
        assert len(results.events) == 0
    for engine in ("h5netcdf", "netcdf4"):
        code = f"import xarray as xr; xr.open_datatree({str(path)!r}, engine={engine!r}).load()"
        subprocess.run([sys.executable, "-c", code], check=True)


def test_a_large_scenario_fits(tmp_path: Path) -> None:
    """Attributes of more than 64 kB need care in the earliest format."""
    text = json.dumps({"title": "x" * 300_000})
    info = runs.INFO.__class__(**{**vars(runs.INFO), "scenario_json": text})
    with open_results(runs.writer(tmp_path / "run.h5", info=info).finish()) as results:
        assert results.scenario_json == text


def test_tables_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for wrong, message in (
        ({"id": ["a", "a"]}, "twice"),
        ({"id": ["a"], "color": ["red"]}, "no column color"),
        ({"id": ["a"], "group": ["b", "c"]}, "group has shape"),
        ({"id": ["a"], "group": [3]}, "not text"),
    ):
        with pytest.raises(ValueError, match=message):
            RunWriter(tmp_path / "run.h5", runs.INFO, wrong, {"id": []}, runs.feeder_map(), runs.PLAN)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ResultsError, match="folder does not exist"):
        runs.writer(tmp_path / "nowhere" / "run.h5")


def test_studies_and_windows_are_named_once_and_whole(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    run.study("a", 0, runs.duty())
    for name in ("a", "", "x/y", ".."):
        with pytest.raises(ValueError, match="name is taken or not plain"):
            run.study(name, 0, runs.duty())
    with pytest.raises(ValueError, match="verdict"):
        run.study("b", 0, {k: v for k, v in runs.duty().items() if k != "verdict"})


def test_two_runs_cannot_write_one_file(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    with pytest.raises(ResultsError, match="another run is writing"):
        runs.writer(tmp_path / "run.h5")
    with pytest.raises(ResultsError, match="another run is writing"):
        recover(tmp_path / "run.h5")
    run.finish()
    runs.writer(tmp_path / "run.h5").finish()


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = runs.write(tmp_path / "run.h5")
    old = path.read_bytes()
    run = runs.writer(path, info=runs.INFO.__class__(**{**vars(runs.INFO), "seed": 8}))
    run.write(runs.block())
    run.commit()
    assert path.read_bytes() == old
    run.finish()
    assert path.read_bytes() != old


def test_size_is_told_within_a_factor_of_two(tmp_path: Path) -> None:
    for quantise in (False, True):
        plan = RecordPlan.for_duration(86_400, (1, 2), quantise)
        run = RunWriter(
            tmp_path / "run.h5", runs.INFO, runs.homes(300), runs.transformers(60), runs.feeder_map(), plan,
            runs.buses(), runs.inverters(),
        )  # fmt: skip
        run.write(runs.block(1440, 300, 60))
        size = run.finish().stat().st_size
        assert 0.5 < estimate_bytes(plan, 86_400, 60, 300, 60) / size < 2


def test_manifest_lists_whole_segments(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    run.write(runs.part(runs.block(), 0, 100))
    run.commit()
    manifest = json.loads((parts_folder(tmp_path / "run.h5") / MANIFEST).read_text())
    assert [s["file"] for s in manifest["segments"]] == ["segment-00001.h5", "segment-00002.h5"]
    assert manifest["segments"][1]["rows"] == {"interval": 1, "step": 100, "event": 0}
    assert manifest["segments"][1]["start_us"] == 0
    assert manifest["segments"][1]["end_us"] == runs.block().start_us[100]


def test_the_page_is_up_to_date(root: Path) -> None:
    """If this fails: python -m cosim.results.document."""
    assert (root / "docs" / "results.md").read_text(encoding="utf-8") == document.page()
