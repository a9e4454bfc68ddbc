"""Is this a result file, of this version, and one that is safe to read?

A result file may come from a stranger: only hard links, plain numbers and text, the filters
this project writes and no more data than the file can hold are read (the HDF5 library itself
is not made for hostile files; keep it current).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from cosim.errors import Problem, ResultsError
from cosim.results import layout
from cosim.results.layout import Variable
from cosim.results.segments import parts_folder

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
CLASSES = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING}
DEFLATE_AT_BEST = 1032  # bytes out of one byte in, a bound of the format
SPARE_BYTES = 1 << 20
REMAKE = "run the scenario again to make it anew"


def open_checked(path: Path) -> Any:
    """The HDF5 file at `path`, open for reading, once it is known to be a result file.

    Raises
    ------
    ResultsError
        With what the file is and what was expected.
    """
    if not path.is_file():
        raise ResultsError(Problem(_absent(path), file=str(path)))
    with path.open("rb") as stream:
        if stream.read(len(SIGNATURE)) != SIGNATURE:
            raise ResultsError(
                Problem("not an HDF5 file; a result file of `cosim run` is expected", file=str(path))
            )
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ResultsError(Problem(f"truncated or damaged ({error}); {REMAKE}", file=str(path))) from error
    try:
        problems = _kind(file) or _unsafe(file, path.stat().st_size) or _lacking(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        problems = [f"damaged ({error}); {REMAKE}"]
    if problems:
        file.close()
        raise ResultsError([Problem(problem, file=str(path)) for problem in problems])
    return file


def _absent(path: Path) -> str:
    parts = parts_folder(path)
    if parts.is_dir():
        return f"no such file, but a run stands unfinished in {parts}: let it end, or recover what it wrote"
    return "no such file"


def _kind(file: Any) -> list[str]:
    kind, version = file.attrs.get("kind"), file.attrs.get("version")
    if kind != layout.KIND:
        found = f"of kind {str(kind)[:60]!r}" if kind is not None else "an HDF5 file of no stated kind"
        return [f"{found}; a result file of kind {layout.KIND!r} is expected"]
    if version != layout.VERSION:
        return [
            f"result file of layout version {str(version)[:20]}; this cosim reads version {layout.VERSION}: "
            f"read it with the cosim that wrote it, or {REMAKE}"
        ]
    return [f"lacks the attribute {name}" for name in layout.ATTRIBUTES if name not in file.attrs]


def _unsafe(file: Any, size: int) -> list[str]:
    """What this project would never have written."""
    problems: list[str] = []
    seen: set[Any] = set()
    groups = [file["/"]]
    while groups:
        group = groups.pop()
        for name in group:
            path = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                problems.append(f"{path} is a soft or external link")
                continue
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                problems.append(f"{path} stands twice")
            elif isinstance(item, h5py.Group):
                groups.append(item)
            else:
                problems += [f"{path} {wrong}" for wrong in _unsafe_dataset(item, size)]
            seen.add(address)
    return problems


def _unsafe_dataset(item: Any, size: int) -> list[str]:
    if not isinstance(item, h5py.Dataset):
        return ["is no dataset"]
    created = item.id.get_create_plist()
    wrong = []
    if item.is_virtual or created.get_external_count():
        wrong.append("keeps its data in other files")
    if {created.get_filter(i)[0] for i in range(created.get_nfilters())} - FILTERS:
        wrong.append("uses a filter that is not read")
    if item.id.get_type().get_class() not in CLASSES or item.shape is None:
        wrong.append("holds neither numbers nor text")
    elif item.nbytes > DEFLATE_AT_BEST * size + SPARE_BYTES:
        wrong.append("claims more data than the file can hold")
    return wrong


def _lacking(file: Any) -> list[str]:
    """Datasets of the layout that are missing or have another shape."""
    whole = [g for g in layout.GROUPS if g is not layout.FULL or "full_home" in file]
    expected = [("", v) for v in layout.COORDINATES if v.name != "full_home"]
    expected += [(f"{group.path}/", v) for group in whole for v in group.variables]
    problems = _misshapen(file, "", expected)
    for name, study in file.get("study", {}).items():
        variables = layout.STUDIES[study.attrs["kind"]].variables
        problems += _misshapen(study, f"study/{name}/", [("", v) for v in variables], _sizes(file))
    for name, window in file.get("window", {}).items():
        problems += _misshapen(window, f"window/{name}/", [("", v) for v in layout.WINDOW.variables])
    return problems


def _sizes(group: Any) -> dict[str, int]:
    """Length of every dimension whose coordinate stands in a group."""
    known = (*layout.COORDINATES, *layout.WINDOW.variables, layout.ROW)
    coordinates = {v.name for v in known if v.dims == (v.name,)}
    return {name: len(group[name]) for name in sorted(coordinates) if name in group}


def _misshapen(
    group: Any, place: str, expected: list[tuple[str, Variable]], above: dict[str, int] | None = None
) -> list[str]:
    sizes = {**(above or {}), **_sizes(group)}
    problems = []
    for prefix, variable in expected:
        path = prefix + variable.name
        shape = tuple(sizes.get(dim) for dim in variable.dims)
        if path not in group:
            problems.append(f"lacks {place}{path}")
        elif group[path].shape != shape:
            problems.append(f"{place}{path} has shape {group[path].shape}, not {shape}")
    return problems
