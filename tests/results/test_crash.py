"""Killed, failed or interrupted at any moment, no file stands under a final name that is not whole."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import made_up_runs as runs
import numpy as np
import pytest

from cosim.errors import ResultsError
from cosim.results import files, open_results, recover
from cosim.results.segments import MANIFEST, partial_path, parts_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")


def forked(work: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    """A child that has everything imported and does `work`."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    return child


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, failure: Callable[[], None]) -> list[int]:
    """Call `failure` before the `number`-th sync, rename or write of a small file; counts them."""
    count = [0]

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            count[0] += 1
            if count[0] == number:
                failure()
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(files.os, "fsync", counted(os.fsync))
    monkeypatch.setattr(files.os, "replace", counted(os.replace))
    monkeypatch.setattr(Path, "write_bytes", counted(Path.write_bytes))
    return count


def whole_or_absent(path: Path, old: bytes | None, new: bytes) -> None:
    """The final name stands for the old file, the new one, or nothing; the rest can be recovered."""
    if old is not None or path.exists():
        assert path.read_bytes() in ((new,) if old is None else (old, new))
    assert {p.name for p in path.parent.iterdir()} <= {"run.h5", "run.parts"}
    if (parts_folder(path) / MANIFEST).exists():
        with open_results(recover(path)) as results:
            assert results.partial
            values = results.feeder["power_w"]
            np.testing.assert_array_equal(values, runs.block().feeder["power_w"][: len(values)])
        partial_path(path).unlink()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return runs.write(tmp_path_factory.mktemp("new") / "run.h5", (90,)).read_bytes()


def test_killed_at_every_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bytes) -> None:
    """kill -9 before each sync, rename and write in turn, until the run gets through, over an old file."""
    path = tmp_path / "run.h5"
    old = b"a file that stood there"
    for number in range(1, 1000):
        path.write_bytes(old)

        def work(number: int = number) -> None:
            fail_at(monkeypatch, number, lambda: os.kill(os.getpid(), signal.SIGKILL))
            runs.write(path, (90,))

        child = forked(work)
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        whole_or_absent(path, old, finished)
        path.unlink(missing_ok=True)
    assert path.read_bytes() == finished
    assert (
        number > 30
    )  # four segments and a manifest each, and the joined file: three or four operations apiece
    assert [p.name for p in tmp_path.iterdir()] == ["run.h5"]


def killed_at_random(path: Path, finished: bytes, kills: int, seed: int) -> None:
    """Runs one after the other, each killed after a random time; some come to their end before it."""

    def work() -> None:
        while True:
            runs.write(path, (90,))

    moments = random.Random(seed)
    for _ in range(kills):
        child = forked(work)
        time.sleep(moments.uniform(0.01, 0.4))
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        whole_or_absent(path, None, finished)


def test_killed_at_random_moments(tmp_path: Path, finished: bytes) -> None:
    killed_at_random(tmp_path / "run.h5", finished, 12, seed=1)


@pytest.mark.slow
def test_killed_at_many_random_moments(tmp_path: Path, finished: bytes) -> None:
    killed_at_random(tmp_path / "run.h5", finished, 200, seed=2)


def test_failing_at_every_operation(tmp_path: Path, finished: bytes) -> None:
    """An error of the disk at each operation in turn is raised, and leaves the old file or none."""

    def no_space() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "run.h5"
    for number in range(1, 1000):
        with pytest.MonkeyPatch.context() as patch:
            count = fail_at(patch, number, no_space)
            raised = 0
            try:
                runs.write(path, (90,))
            except OSError as error:
                raised = error.errno or -1
        if not raised:
            break
        assert raised == errno.ENOSPC
        assert count[0] >= number
        whole_or_absent(path, None, finished)
        path.unlink(missing_ok=True)
    assert number > 30
    assert path.read_bytes() == finished


@pytest.mark.parametrize("limit", [1_000, 50_000, 110_000])
def test_disk_full_while_writing(tmp_path: Path, finished: bytes, limit: int) -> None:
    """No file may grow beyond `limit` bytes: too small for a segment, or for the joined file."""
    import resource

    path = tmp_path / "run.h5"
    assert limit < len(finished)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            runs.write(path, (90,))
        except OSError:
            os._exit(3)
        os._exit(0)

    child = forked(work)
    child.join()
    assert child.exitcode == 3
    whole_or_absent(path, None, finished)
    assert not path.exists()


def test_interrupted_run_keeps_what_is_done(tmp_path: Path) -> None:
    """Ctrl-C: committed and pending steps, the open interval and the totals all stand in the partial file."""
    run = runs.writer(tmp_path / "run.h5")
    whole = runs.block()
    run.write(runs.part(whole, 0, 60))
    run.commit()
    run.write(runs.part(whole, 60, 130))
    partial = run.abandon()
    assert [p.name for p in tmp_path.iterdir()] == ["run.partial.h5"]
    other = runs.writer(tmp_path / "other.h5")
    other.write(runs.part(whole, 0, 130))
    with open_results(partial) as left, open_results(other.finish()) as right:
        assert left.partial
        assert not right.partial
        assert len(left.solver) == 130
        for quantity in ("service_power_w", "jaw_rise_k", "power_w"):
            np.testing.assert_array_equal(left.envelope(quantity), right.envelope(quantity))
        assert left.backfeed().equals(right.backfeed())


def test_abandon_after_a_failed_finish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.writer(tmp_path / "run.h5")
    run.write(runs.block())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run.finish()
    with open_results(run.abandon()) as results:
        assert len(results.solver) == runs.STEPS


def test_recover_stops_at_the_first_changed_segment(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"

    def work() -> None:
        run = runs.writer(path)
        for first in range(0, 180, 60):
            run.write(runs.part(runs.block(), first, first + 60))
            run.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    forked(work).join()
    with pytest.raises(ResultsError, match=r"unfinished in .*run.parts"):
        open_results(path)
    damaged = parts_folder(path) / "segment-00003.h5"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with open_results(recover(path)) as results:
        assert len(results.solver) == 60
    with pytest.raises(ResultsError, match="no interrupted run"):
        recover(path)


def test_finish_refuses_a_changed_segment(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    run.write(runs.block())
    run.commit()
    damaged = parts_folder(run.path) / "segment-00002.h5"
    damaged.write_bytes(damaged.read_bytes().replace(b"home-1", b"home-2") + b" ")
    with pytest.raises(ResultsError, match=r"segment-00002.h5: segment is missing or changed"):
        run.finish()
    assert not run.path.exists()


def test_a_new_run_takes_over_from_a_killed_one(tmp_path: Path, finished: bytes) -> None:
    path = tmp_path / "run.h5"

    def work() -> None:
        run = runs.writer(path)
        run.write(runs.block(seed=5))
        run.commit()
        run.commit()
        run.commit()
        run.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    forked(work).join()
    assert runs.write(path).read_bytes() == finished
