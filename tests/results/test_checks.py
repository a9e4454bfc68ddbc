"""A file that is no whole result file of this version is refused with what it is and what was expected."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import made_up_runs as runs
import numpy as np
import pytest

from cosim.errors import ResultsError
from cosim.results import open_results, summarise
from cosim.results.join import CHUNK
from cosim.results.layout import VERSION


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return runs.write(tmp_path_factory.mktemp("good") / "run.h5").read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        open_results(path)
    message = str(caught.value)
    assert str(path) in message
    return message


def test_absent_file(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "run.h5")
    assert "no such file" in refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"title = 'a scenario'", b"\x89HD", b"PK\x03\x04" + bytes(999)])
def test_not_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(content)
    assert "not an HDF5 file; a result file of `cosim run` is expected" in refused(path)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated(tmp_path: Path, good: bytes, share: float) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(good[: int(share * len(good))])
    assert "truncated or damaged" in refused(path)


def edited(path: Path, good: bytes, edit: Callable[[Any], None]) -> Path:
    path.write_bytes(good)
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def replace(file: Any, name: str, **more: Any) -> None:
    del file[name]
    file.create_dataset(name, **more)


def external(file: Any) -> None:
    replace(
        file,
        "feeder/loss_w",
        shape=(runs.STEPS,),
        dtype="f8",
        external=[("/etc/hostname", 0, 8 * runs.STEPS)],
    )


def virtual(file: Any) -> None:
    del file["feeder/loss_w"]
    virtual_layout = h5py.VirtualLayout((runs.STEPS,), "f8")
    virtual_layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (runs.STEPS,))
    file.create_virtual_dataset("feeder/loss_w", virtual_layout)


def linked(file: Any) -> None:
    file["feeder/more"] = h5py.ExternalLink("/etc/other.h5", "/x")


def softly_linked(file: Any) -> None:
    file["feeder/more"] = h5py.SoftLink("/feeder/loss_w")


def circular(file: Any) -> None:
    file["feeder/again"] = file["feeder"]


def set_attribute(name: str, value: Any) -> Callable[[Any], None]:
    return lambda file: file.attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            set_attribute("kind", "cosim-feeder"),
            "of kind 'cosim-feeder'; a result file of kind 'cosim-results'",
        ),
        (lambda f: f.attrs.__delitem__("kind"), "HDF5 file of no stated kind"),
        (set_attribute("version", 99), f"layout version 99; this cosim reads version {VERSION}"),
        (lambda f: f.attrs.__delitem__("seed"), "lacks the attribute seed"),
        (lambda f: f.__delitem__("solver/converged"), "lacks solver/converged"),
        (lambda f: f.__delitem__("home"), "lacks home"),
        (
            lambda f: replace(f, "feeder/loss_w", data=np.zeros(3)),
            r"feeder/loss_w has shape \(3,\), not \(180,\)",
        ),
        (lambda f: replace(f, "study/peak/peak_a", data=np.zeros(3)), "study/peak/peak_a has shape"),
        (lambda f: f.__delitem__("window/worst/jaw_rise_k"), "lacks window/worst/jaw_rise_k"),
        (set_attribute("library", "{"), "damaged"),
        (external, "/feeder/loss_w keeps its data in other files"),
        (virtual, "/feeder/loss_w keeps its data in other files"),
        (linked, "/feeder/more is a soft or external link"),
        (softly_linked, "/feeder/more is a soft or external link"),
        (circular, "/feeder/again stands twice"),
        (
            lambda f: replace(f, "feeder/loss_w", data=np.zeros(180), compression="lzf"),
            "filter that is not read",
        ),
        (
            lambda f: replace(f, "feeder/loss_w", data=np.zeros(180, complex)),
            "holds neither numbers nor text",
        ),
        (
            lambda f: replace(f, "feeder/loss_w", shape=(10**12,), dtype="f8", chunks=(10**6,)),
            "claims more data than the file can hold",
        ),
    ],
)
def test_another_kind_version_or_content(
    tmp_path: Path, good: bytes, edit: Callable[[Any], None], message: str
) -> None:
    path = edited(tmp_path / "run.h5", good, edit)
    with pytest.raises(ResultsError, match=message):
        open_results(path)


def test_several_problems_are_told_at_once(tmp_path: Path, good: bytes) -> None:
    def edit(file: Any) -> None:
        del file["solver/converged"], file["events/kind"]

    assert len(refused(edited(tmp_path / "run.h5", good, edit)).splitlines()) == 2


def test_damaged_data_are_told_by_their_checksum(tmp_path: Path) -> None:
    """A byte of a compressed chunk is changed: the reader says which dataset."""
    path = tmp_path / "run.h5"
    run = runs.writer(path)
    block = runs.block(2 * CHUNK["step"])
    run.write(block)
    run.finish()
    with h5py.File(path) as file:
        place = file["feeder/loss_w"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0xFF
    path.write_bytes(content)
    with open_results(path) as results:
        np.testing.assert_array_equal(results.values("feeder/power_w"), block.feeder["power_w"])
        with pytest.raises(ResultsError, match=r"feeder/loss_w: damaged"):
            results.values("feeder/loss_w")


def test_random_damage_is_refused_or_harmless(tmp_path: Path, good: bytes) -> None:
    """60 files with a few changed bytes: each is refused with a `ResultsError`, or still gives answers."""
    dice = random.Random(3)
    path = tmp_path / "run.h5"
    told = 0
    for _ in range(60):
        content = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            content[dice.randrange(8, len(content))] = dice.randrange(256)
        path.write_bytes(content)
        try:
            with open_results(path) as results:
                results.values("homes/group")
                results.values("home_envelope/jaw_rise_k")
        except ResultsError:
            told += 1
    assert 0 < told < 60


def test_names_that_are_not_there(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(good)
    with open_results(path) as results:
        for ask, message in (
            (lambda: results.envelope("jaws"), "no such quantity; there are: voltage_l1_v"),
            (lambda: results.full("jaws"), "no such quantity"),
            (lambda: results.full("jaw_rise_k", window="best"), "no such dataset"),
            (lambda: results.study("noon"), "no study; there are: peak"),
            (lambda: results.values("homes"), "no such dataset"),
        ):
            with pytest.raises(ResultsError, match=message):
                ask()


def test_partial_files_open_and_say_so(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    run.write(runs.part(runs.block(), 0, 30))
    with open_results(run.abandon()) as results:
        assert results.partial
        assert "partial" in repr(results)
        assert "PARTIAL" in summarise(results).lines()[-1]
