"""Segments of a run in ``NAME.parts/``: closed HDF5 files listed with digests in a manifest."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import h5py

from cosim.errors import Problem, ResultsError
from cosim.results import files, layout
from cosim.results.record import Array

if sys.platform != "win32":
    import fcntl

MANIFEST = "manifest.json"
MANIFEST_KIND = "cosim-segments"
LOCK = "lock"
STRING = h5py.string_dtype()

Attributes = Mapping[str, Mapping[str, str | int | float]]


@dataclass(frozen=True)
class Checkpoint:
    """What the run stood at where a segment ends: the file, its digest, whether it is needed to the end."""

    file: str
    sha256: str
    kept: bool


@dataclass(frozen=True)
class Segment:
    """One line of the manifest: the file, its digest, the time it spans, rows it adds by dimension."""

    file: str
    sha256: str
    start_us: int
    end_us: int
    rows: dict[str, int]
    checkpoint: Checkpoint | None = None

    @classmethod
    def listed(cls, entry: dict[str, Any]) -> Segment:
        """From its line of the manifest."""
        saved = entry["checkpoint"]
        return cls(**entry | {"checkpoint": None if saved is None else Checkpoint(**saved)})


def parts_folder(path: Path) -> Path:
    """Folder of the segments of a run that writes `path`."""
    return path.with_name(path.name.removesuffix(".h5") + ".parts")


def partial_path(path: Path) -> Path:
    """Where what an interrupted run leaves is put."""
    return path.with_name(path.name.removesuffix(".h5") + ".partial.h5")


def write_segment(
    parts: Path,
    before: list[Segment],
    content: bytes,
    span: tuple[int, int],
    rows: dict[str, int],
    checkpoint: bytes | None = None,
    kept: bool = False,
) -> list[Segment]:
    """Write a segment and where the run stands after it, then name both in the manifest; the new list of segments.

    An earlier checkpoint that is not kept is no longer named then, and removed.
    """
    number = len(before) + 1
    saved = None
    if checkpoint is not None:
        saved = Checkpoint(f"checkpoint-{number:05d}.zip", files.digest(checkpoint), kept)
        files.write_whole(parts / saved.file, checkpoint)
    segment = Segment(f"segment-{number:05d}.h5", files.digest(content), *span, rows, saved)
    files.write_whole(parts / segment.file, content)
    passed = [s.checkpoint for s in before if saved and s.checkpoint and not s.checkpoint.kept]
    segments = [replace(s, checkpoint=None) if s.checkpoint in passed else s for s in before] + [segment]
    write_manifest(parts, segments)
    for old in filter(None, passed):
        (parts / old.file).unlink()
    return segments


def write_manifest(parts: Path, segments: Sequence[Segment]) -> None:
    """Name the segments that count."""
    manifest = {
        "kind": MANIFEST_KIND,
        "version": layout.VERSION,
        "segments": [asdict(s) for s in segments],
    }
    files.write_whole(parts / MANIFEST, json.dumps(manifest, indent=1).encode())


def whole_segments(parts: Path, trusting: bool) -> list[Segment]:
    """Segments whose content is what the manifest says, up to the first that is not.

    With `trusting` every segment must be whole.

    Raises
    ------
    ResultsError
        If the manifest is none, or no segment (with `trusting`: any segment not) is whole.
    """
    manifest = json.loads((parts / MANIFEST).read_text())
    if (manifest["kind"], manifest["version"]) != (MANIFEST_KIND, layout.VERSION):
        raise ResultsError(Problem("manifest of another kind or version", file=str(parts / MANIFEST)))
    listed = [Segment.listed(entry) for entry in manifest["segments"]]
    whole: list[Segment] = []
    for segment in listed:
        file = parts / segment.file
        if not file.is_file() or files.digest(file.read_bytes()) != segment.sha256:
            break
        whole.append(segment)
    if not whole or (trusting and len(whole) < len(listed)):
        broken = listed[len(whole)].file if listed else MANIFEST
        raise ResultsError(
            Problem(
                "segment is missing or changed since it was written; run without --resume",
                file=str(parts / broken),
            )
        )
    return whole


def image(datasets: Mapping[str, Array], attributes: Attributes) -> bytes:
    """An HDF5 file, made in memory, with these datasets and attributes by path."""
    with h5py.File("segment", "w", driver="core", backing_store=False, libver="earliest") as file:
        for path, values in datasets.items():
            file.create_dataset(path, data=values, dtype=STRING if values.dtype == object else None)
        for path, named in attributes.items():
            file.require_group(f"/{path}").attrs.update(named)
        file.flush()
        content: bytes = file.id.get_file_image()
    return content


def claim(path: Path) -> IO[bytes]:
    """Make an empty folder for the segments of `path` and hold it against other runs.

    What a killed run left there is removed.

    Raises
    ------
    ResultsError
        If another run is writing the same file, or something else stands where segments would.
    """
    parts = parts_folder(path)
    try:
        parts.mkdir(exist_ok=True)
    except FileExistsError:
        message = (
            f"segments of {path.name} need this name for their folder; rename it or choose another output"
        )
        raise ResultsError(Problem(message, file=str(parts))) from None
    lock = hold(parts)
    clear(parts, ())
    return lock


def clear(parts: Path, but: Collection[str]) -> None:
    """Remove what stands in a folder of segments, `but` for some names."""
    for stale in parts.iterdir():
        if stale.name not in (LOCK, *but):
            stale.unlink()


def hold(parts: Path) -> IO[bytes]:
    """Hold a folder of segments until the returned file is closed (advisory; not on Windows)."""
    if sys.platform == "win32":
        return Path(os.devnull).open("ab")
    lock = (parts / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        message = "another run is writing here; wait for it or choose another output"
        raise ResultsError(Problem(message, file=str(parts))) from error
    return lock


def remove(parts: Path) -> None:
    """Remove a folder of segments; the manifest first, so that nothing recovers half of them."""
    (parts / MANIFEST).unlink()
    shutil.rmtree(parts)
