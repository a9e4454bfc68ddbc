"""An interrupted run taken up again: its folder of segments, what it was made with, its checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import h5py

from cosim.errors import Problem, ResultsError
from cosim.results import files, layout
from cosim.results.segments import (
    LOCK,
    MANIFEST,
    Segment,
    clear,
    hold,
    parts_folder,
    whole_segments,
    write_manifest,
)
from cosim.saving import unpack

TOLD = 8
"""Differences of one kind that are told by name."""
Attributes = Mapping[str, str | int | float]


def take_up(path: Path, attributes: Attributes) -> tuple[IO[bytes], list[Segment]]:
    """Hold the folder of an interrupted run, cut back to its last checkpoint: the lock, and its segments.

    Parameters
    ----------
    path
        The final file.
    attributes
        Of the file that the run would write now; the interrupted one's must be the same.

    Raises
    ------
    ResultsError
        If there is nothing to resume, it was another run (says in what), or the folder is not whole.
    """
    parts = parts_folder(path)
    require_interrupted(path)
    lock = hold(parts)
    try:
        segments = whole_segments(parts, trusting=True)
        with h5py.File(parts / segments[0].file, "r") as first:
            found = {name: _plain(value) for name, value in first.attrs.items()}
        if unlike := differences(found, attributes):
            raise ResultsError([Problem(told, file=str(parts)) for told in unlike])
        last = max((n for n, segment in enumerate(segments) if segment.checkpoint), default=-1)
        if last < 0:
            raise ResultsError(
                Problem("stopped before its first checkpoint; run it without --resume", file=str(parts))
            )
        segments = segments[: last + 1]
        write_manifest(parts, segments)
        saved = [segment.checkpoint.file for segment in segments if segment.checkpoint]
        clear(parts, {LOCK, MANIFEST, *saved, *(segment.file for segment in segments)})
    except BaseException:
        lock.close()
        raise
    return lock, segments


def require_interrupted(path: Path) -> None:
    """Refuse where no interrupted run stands.

    Raises
    ------
    ResultsError
        If there is nothing to resume.
    """
    parts = parts_folder(path)
    if (parts / MANIFEST).is_file():
        try:
            version = json.loads((parts / MANIFEST).read_text())["version"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ResultsError(
                Problem(f"damaged ({error}); run without --resume", file=str(parts / MANIFEST))
            ) from error
        if version != layout.VERSION:
            message = (
                f"was begun with layout {version} of result files, which is {layout.VERSION} now; run it anew"
            )
            raise ResultsError(Problem(message, file=str(parts)))
        return
    message = "nothing to resume: no run that writes this file was interrupted"
    if path.is_file():
        message += ", and the file stands finished"
    raise ResultsError(Problem(f"{message}; run it without --resume", file=str(path)))


def read_checkpoint(parts: Path, segments: Sequence[Segment], time_us: int) -> Any:
    """What the run stood at when a segment ended.

    Raises
    ------
    ResultsError
        If the file is missing or changed.
    """
    saved = next(s.checkpoint for s in reversed(segments) if s.checkpoint and s.end_us == time_us)
    file = parts / saved.file
    content = file.read_bytes() if file.is_file() else b""
    if files.digest(content) != saved.sha256:
        told = "checkpoint is missing or changed since it was written; put it back, or run without --resume"
        raise ResultsError(Problem(told, file=str(file)))
    return unpack(content)


def differences(found: Attributes, now: Attributes) -> list[str]:
    """In what an interrupted run differs from the one that would resume it, a sentence each."""
    told = []
    for name in sorted(found.keys() | now.keys()):
        was, given = found.get(name, ""), now.get(name, "")
        if was == given:
            continue
        match name:
            case "scenario_json":
                told.append(f"the scenario has changed: {_changed(str(was), str(given))}")
            case "versions":
                told.append(f"versions have changed: {_changed(str(was), str(given))}")
            case "library":
                told.append(f"library entries have changed: {_keys(str(was), str(given))}")
            case "feeder_digest":
                told.append(f"the feeder {now.get('feeder', '')} has changed")
            case "title" | "seed" | "step_s" | "duration_s" | "start" | "timezone":
                continue  # stand in the scenario, which tells it
            case _:
                told.append(f"{name} was {was}, is {given}")
    ending = "; set it back, or run without --resume"
    return [sentence + ending for sentence in told]


def _changed(was: str, now: str) -> str:
    before, after = _flat(json.loads(was)), _flat(json.loads(now))
    keys = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    told = [f"{key} was {before.get(key, 'absent')}, is {after.get(key, 'absent')}" for key in keys[:TOLD]]
    return ", ".join(told) + (f" and {len(keys) - TOLD} more" if len(keys) > TOLD else "")


def _keys(was: str, now: str) -> str:
    before, after = json.loads(was), json.loads(now)
    names = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return ", ".join(names[:TOLD]) + (f" and {len(names) - TOLD} more" if len(names) > TOLD else "")


def _flat(tree: Any, key: str = "") -> dict[str, str]:
    """Leaves of a JSON document by dotted key."""
    if isinstance(tree, dict) and tree:
        return {
            k: v for name, item in tree.items() for k, v in _flat(item, f"{key}.{name}".lstrip(".")).items()
        }
    if isinstance(tree, list) and any(isinstance(item, dict | list) for item in tree):
        return {k: v for n, item in enumerate(tree) for k, v in _flat(item, f"{key}[{n}]").items()}
    return {key: json.dumps(tree)}


def _plain(value: Any) -> str | int | float:
    plain: str | int | float = value.item() if hasattr(value, "item") else value
    return plain
