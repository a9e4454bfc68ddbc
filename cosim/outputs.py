"""Where a command may write: looked at before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cosim.errors import InputError, Problem


def output_file(
    path: str | Path, inputs: Iterable[str | Path] = (), error: type[InputError] = InputError
) -> Path:
    """The file that writing to `path` would make or replace, links followed to where they lead.

    Parameters
    ----------
    path
        As asked for.
    inputs
        Files that the command reads; none of them may be written.
    error
        What is raised.

    Raises
    ------
    InputError
        If that is no file that may be written: a directory, a device, one of the inputs, in a folder
        that does not exist or cannot be written.
    """
    given = Path(path)
    problem = _problem(given, inputs)
    if problem:
        raise error(Problem(problem, file=str(path)))
    return given.resolve() if given.is_symlink() else given


def _problem(given: Path, inputs: Iterable[str | Path]) -> str:
    """What keeps a path from being written; empty if nothing."""
    try:
        target = given.resolve()
        target_stands = target.exists()
    except (OSError, RuntimeError) as error:  # a loop of links, a name too long
        return f"cannot be an output ({getattr(error, 'strerror', None) or error}); choose another name"
    if target.is_dir():
        return "is a directory; give the name of a file"
    if target_stands and not target.is_file():
        return "is not a regular file; choose another output"
    if any(Path(source).resolve() == target or _same(Path(source), target) for source in inputs):
        return "is read by this command; choose another output"
    folder = target.parent
    if not folder.exists():
        return f"its folder does not exist; create {folder} or choose another"
    if not folder.is_dir():
        return f"{folder} is not a folder; choose another"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"its folder is read-only; make {folder} writable or choose another"
    return ""


def _same(source: Path, target: Path) -> bool:
    """Whether two names stand for one file, as hard links do."""
    return source.exists() and target.exists() and source.samefile(target)
