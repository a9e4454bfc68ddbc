"""Killed at any moment and resumed, a run ends with the same bytes; what cannot be resumed is refused."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from cosim.cli import app
from cosim.errors import InterruptedRun, ResultsError
from cosim.results import recover
from cosim.results.segments import MANIFEST, partial_path, parts_folder
from cosim.saving import pack, unpack
from cosim.scenario import Scenario
from cosim.simulation.assembly import Study, assemble
from cosim.simulation.physics import GIVEN, StudyPhysics
from cosim.simulation.run import run
from cosim.simulation.state import State

HALF_HOURS = {"record.checkpoint": "30 min"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")


@pytest.fixture(scope="module")
def case(small_path: Path) -> Scenario:
    return Scenario.load(small_path, overrides=HALF_HOURS)


@pytest.fixture(scope="module")
def whole(case: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "x.h5"
    run(case, path).close()
    return path


@pytest.fixture(scope="module")
def stopped(case: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a Ctrl-C after half the run leaves."""
    path = tmp_path_factory.mktemp("stopped") / "x.h5"
    with pytest.raises(InterruptedRun, match="--resume"):
        run(case, path, progress=stop_after(130))
    return path.parent


def stop_after(steps: int):  # type: ignore[no-untyped-def]
    def stop(done: int, _: int) -> None:
        if done > steps:
            raise KeyboardInterrupt

    return stop


def killed(case: Scenario, path: Path, steps: int, resume: bool) -> bool:
    """Run in a child that is killed after some steps; whether it was."""

    def work() -> None:
        def kill(done: int, _: int) -> None:
            if done > steps:
                os.kill(os.getpid(), signal.SIGKILL)

        run(case, path, resume=resume, threads=1, progress=kill).close()
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def same(path: Path, whole: Path) -> None:
    """Every dataset and attribute is the same, and so is every byte."""

    def read(file: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        with h5py.File(file, "r") as h5:
            found |= {f"/{name}": repr(value) for name, value in h5.attrs.items()}

            def take(name: str, item: h5py.Dataset | h5py.Group) -> None:
                if isinstance(item, h5py.Dataset):
                    found[name] = item[()].tobytes() if item.dtype != object else item[()].tolist()
                plain = {k: v for k, v in item.attrs.items() if k not in ("DIMENSION_LIST", "REFERENCE_LIST")}
                found.update(
                    {f"{name}@{key}": repr(np.asarray(value).tolist()) for key, value in plain.items()}
                )

            h5.visititems(take)
        return found

    left, right = read(path), read(whole)
    assert left.keys() == right.keys()
    assert [name for name in left if left[name] != right[name]] == []
    assert path.read_bytes() == whole.read_bytes()
    assert not parts_folder(path).exists()


@posix
def test_killed_and_killed_again(case: Scenario, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    moments = random.Random(5)
    resume = False
    for steps in sorted(moments.sample(range(20, 238), 3)):
        assert killed(case, path, steps, resume)
        assert not path.exists()
        resume = True
    run(case, path, resume=True).close()
    same(path, whole)


def test_ctrl_c_and_resume(case: Scenario, whole: Path, stopped: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "x.h5"
    seen: list[int] = []
    run(case, path, resume=True, progress=lambda done, _: seen.append(done), block_steps=7).close()
    assert seen[0] > 120, "what was done is not done again"
    same(path, whole)


def test_checkpoints_change_nothing(small: Scenario, whole: Path, tmp_path: Path) -> None:
    """A run with one checkpoint a day has the same data as one with a checkpoint every half hour."""
    path = tmp_path / "day.h5"
    run(small, path).close()
    with h5py.File(path) as left, h5py.File(whole) as right:
        names: list[str] = []
        right.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in names:
            np.testing.assert_array_equal(left[name][()], right[name][()], err_msg=name)


STORM = """
title = "storm"
start = 2026-07-09T10:00:00
duration = "6 h"
step = "60 s"
seed = 3
[feeder]
homes = 60
[homes.solar]
share = 0.4
adapter = "connectder-solar-60"
pv_kw = { uniform = [4, 9] }
[homes.backup]
share = 0.2
adapter = "tesla-backup-switch"
battery = "powerwall-3"
pv_kw = 7.0
[homes.ev]
share = 0.2
adapter = "connectder-ev"
ev = { share = 1.0, charger_kw = 11.5 }
[protection]
scheme = "fuse-saving"
[crews]
count = 2
[[storms]]
at = 2026-07-09T11:00:00
lasts = "90 min"
faults = 5
[record]
checkpoint = "1 h"
full = ["worst:service_current:2"]
"""


@posix
@pytest.mark.slow
def test_a_storm_killed_and_resumed(tmp_path: Path) -> None:
    """Faults, reclosing, crews, transfer devices and islands all stand in the checkpoints."""
    (tmp_path / "storm.toml").write_text(STORM)
    storm = Scenario.load(tmp_path / "storm.toml")
    with run(storm, tmp_path / "whole.h5") as results:
        assert {"fault", "crew_done", "breaker_opens"} <= set(results.events["kind"])
    path = tmp_path / "x.h5"
    for number, steps in enumerate((70, 140, 141, 300)):
        assert killed(storm, path, steps, number > 0)
    run(storm, path, resume=True).close()
    same(path, tmp_path / "whole.h5")


@posix
@pytest.mark.slow
def test_killed_at_thirty_moments(case: Scenario, whole: Path, tmp_path: Path) -> None:
    moments = random.Random(11)
    for number in range(30):
        path = tmp_path / f"{number}.h5"
        assert killed(case, path, moments.randrange(0, 238), False)
        run(case, path, resume=True).close()
        same(path, whole)


@posix
@pytest.mark.slow
def test_a_year_killed_and_resumed(small_path: Path, tmp_path: Path) -> None:
    """A year in steps of 15 min, killed on four days of it, once twice on the same day."""
    year = Scenario.load(
        small_path,
        overrides={
            "duration": "365 d", "step": "15 min", "start": "2026-01-01T00:00:00", "feeder.homes": 6,
            "record.full": ["worst:service_current:1"],
        },
    )  # fmt: skip
    run(year, tmp_path / "whole.h5").close()
    path = tmp_path / "x.h5"
    for number, day in enumerate((31.4, 120.0, 120.5, 364.9)):
        assert killed(year, path, int(day * 96), number > 0)
    run(year, path, resume=True).close()
    same(path, tmp_path / "whole.h5")


def test_recover_still_works(stopped: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    partial_path(tmp_path / "x.h5").unlink()
    assert recover(tmp_path / "x.h5").is_file()


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"seed": 4}, "the scenario has changed: seed was 3, is 4"),
        ({"homes.solar.share": 0.3}, "homes.solar.share was 0.4, is 0.3"),
        ({"feeder.homes": 23}, "the feeder .* has changed"),
        ({"record.quantize": True}, "quantised was 0, is 1"),
    ],
)
def test_another_run_is_refused(
    small_path: Path, stopped: Path, tmp_path: Path, overrides: dict[str, object], told: str
) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    other = Scenario.load(small_path, overrides=HALF_HOURS | overrides)
    with pytest.raises(ResultsError, match=told):
        run(other, tmp_path / "x.h5", resume=True)
    assert (parts_folder(tmp_path / "x.h5") / MANIFEST).is_file(), "what was refused stands as it was"


def test_other_versions_and_entries_are_refused(
    case: Scenario, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.0.1")
    with pytest.raises(ResultsError, match=r"versions have changed: h5py was .*, is \"0.0.1\""):
        run(case, tmp_path / "x.h5", resume=True)
    monkeypatch.undo()
    entries = assemble(case, parallel=False).library | {"adapters/connectder-ev": {}}
    monkeypatch.setattr(Study, "library", property(lambda self: entries))
    with pytest.raises(ResultsError, match="library entries have changed: adapters/connectder-ev"):
        run(case, tmp_path / "x.h5", resume=True)


def test_changed_files_and_folders_are_refused(case: Scenario, stopped: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with pytest.raises(ResultsError, match="nothing to resume"):
        run(case, path, resume=True)
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    parts = parts_folder(path)
    manifest = json.loads((parts / MANIFEST).read_text())
    [saved] = {s["checkpoint"]["file"] for s in manifest["segments"][-2:] if s["checkpoint"]}
    content = (parts / saved).read_bytes()
    (parts / saved).write_bytes(content[:-1])
    with pytest.raises(ResultsError, match="checkpoint is missing or changed"):
        run(case, path, resume=True)
    (parts / MANIFEST).write_text(json.dumps(manifest | {"version": 1}))
    with pytest.raises(ResultsError, match="layout 1"):
        run(case, path, resume=True)
    (parts / MANIFEST).write_text("{")
    with pytest.raises(ResultsError, match="damaged"):
        run(case, path, resume=True)


def test_the_command_refuses_without_a_traceback(small_path: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    told = CliRunner().invoke(app, ["run", str(small_path), "--resume", "-o", str(tmp_path / "x.h5")])
    assert told.exit_code == 2
    assert "nothing to resume" in told.stderr


def test_a_checkpoint_holds_every_field(case: Scenario) -> None:
    """Whatever is added to the state of a study stands in its checkpoints, or is named as given by the study."""
    study = assemble(case, parallel=False)
    physics = StudyPhysics(study, lambda *_: None, parallel=False)
    saved = physics.checkpoint()
    assert set(vars(physics)) == set(GIVEN) | (saved.keys() - {"work"})
    back = unpack(pack(saved))["state"]
    assert isinstance(back, State)
    for field in fields(State):
        assert pack(getattr(back, field.name)) == pack(getattr(physics.state, field.name))
