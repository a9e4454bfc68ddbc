"""Join the segments of a run into one file that h5py, xarray and netCDF-4 readers open.

Every dimension has a scale; compressed chunks are written whole and once; the earliest HDF5
format; no types beyond numbers and text. Datasets depend on the run alone, not on where its
segments were cut.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cosim.errors import Problem, ResultsError
from cosim.results import files, layout
from cosim.results.layout import Variable
from cosim.results.record import Array
from cosim.results.segments import (
    MANIFEST,
    STRING,
    hold,
    open_image,
    partial_path,
    parts_folder,
    whole_segments,
)
from cosim.results.statistics import OpenInterval

# Rows and items of a chunk: one home's history and all homes at one time both stay cheap to read.
CHUNK = {"interval": 168, "step": 4096, "home": 64, "transformer": 64, "full_home": 4}
SMALL = 1024  # values; a smaller dataset is not worth a chunk


def recover(path: str | Path) -> Path:
    """Join what a killed run left in ``NAME.parts`` into ``NAME.partial.h5``; its path.

    `path` is the final file the run would have written. Segments are taken as far as their
    digests hold. The folder is removed once the partial file stands.

    Raises
    ------
    ResultsError
        If there is nothing to recover, or the run is still going on.
    """
    path = Path(path)
    parts = parts_folder(path)
    if not (parts / MANIFEST).is_file():
        raise ResultsError(Problem("no interrupted run to recover", file=str(parts)))
    with hold(parts):
        join(parts, partial_path(path), "partial", trusting=False)
        shutil.rmtree(parts)
    return partial_path(path)


def join(parts: Path, target: Path, status: str, *, trusting: bool = True) -> None:
    """Join the segments in `parts` into `target`, which stands whole or stays as it was.

    With `trusting` every segment listed must be whole; else the first that is not ends the run.
    """
    segments = whole_segments(parts, trusting)
    with open_image((parts / segments[-1].file).read_bytes()) as part:
        last = dict(walk(part))
    state = {path.removeprefix("open/"): value for path, value in last.items() if path.startswith("open/")}
    rows = {dim: sum(segment.rows[dim] for segment in segments) for dim in layout.GROWING}
    rows["interval"] += bool(state)
    aside = parts / "joined.h5"
    try:
        with h5py.File(aside, "w", libver="earliest") as file:
            with open_image((parts / segments[0].file).read_bytes()) as first:
                output = _Output(file, first, rows)
            for segment in segments:
                with open_image((parts / segment.file).read_bytes()) as part:
                    output.take(part)
            output.end(last, state)
            file.attrs["status"] = status
        files.publish(aside, target)
    finally:
        aside.unlink(missing_ok=True)


class _Output:
    """The file being joined: knows its dimensions and holds rows until a chunk is whole."""

    def __init__(self, file: Any, first: Any, rows: Mapping[str, int]) -> None:
        self.file = file
        file.attrs.update({"Conventions": "CF-1.11", "kind": layout.KIND, "version": layout.VERSION})
        file.attrs.update(first.attrs)
        self.start = str(first.attrs["start"])
        self.quantised = bool(first.attrs["quantised"])
        self.interval_us = round(float(first.attrs["interval_s"]) * 1e6)
        self.sizes = {**rows, **{v.name: len(first[v.name]) for v in layout.COORDINATES if v.name in first}}
        self._growing = layout.growing()
        self._pending: dict[str, list[Array]] = {}
        self._written: dict[str, int] = {}
        for variable in layout.COORDINATES:
            if variable.name in self.sizes:
                self._create("", variable, self.sizes)
        for group in layout.GROUPS:
            for variable in group.variables:
                if set(variable.dims) <= self.sizes.keys():
                    self._create(group.path, variable, self.sizes)

    def take(self, part: Any) -> None:
        """Take in what one segment holds."""
        for path, values in walk(part):
            top = path.split("/")[0]
            if path in self._growing:
                self._append(path, values)
            elif top in ("study", "window"):
                pass
            elif top not in ("carry", "open"):
                self.file[path][...] = values
        for name, study in part.get("study", {}).items():
            self._study(name, study)
        for name, window in part.get("window", {}).items():
            self._window(name, window)

    def end(self, last: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        """Close the open interval of `state`, write the totals of `last` and every pending row."""
        if state:
            for path, row in OpenInterval.from_state(state).rows(self.interval_us, self.quantised).items():
                self._append(path, row)
        for path, values in last.items():
            if path.startswith("carry/"):
                self.file[path.removeprefix("carry/")][...] = values
        for path in list(self._pending):
            self._flush(path, whole_chunks=False)

    def _study(self, name: str, study: Any) -> None:
        path = f"study/{name}"
        for variable in layout.STUDIES[study.attrs["kind"]].variables:
            self._create(path, variable, self.sizes)[...] = study[variable.name][...]
        self.file[path].attrs.update(study.attrs)

    def _window(self, name: str, window: Any) -> None:
        path = f"window/{name}"
        own = {dim: len(window[dim]) for dim in ("window_step", "window_home")}
        for variable in layout.WINDOW.variables:
            self._create(path, variable, own)[...] = window[variable.name][...]

    def _create(self, group: str, variable: Variable, sizes: Mapping[str, int]) -> Any:
        """An empty dataset with its scales and attributes; a coordinate becomes a scale."""
        shape = tuple(sizes[dim] for dim in variable.dims)
        more: dict[str, Any] = {}
        if np.prod(shape, dtype=np.int64) > SMALL and variable.dtype != "str":
            more = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
            more["chunks"] = tuple(
                min(n, CHUNK.get(dim, n)) for dim, n in zip(variable.dims, shape, strict=True)
            )
        missing = _missing(variable)
        if missing is not None:
            more["fillvalue"] = missing
        path = f"{group}/{variable.name}"
        dataset = self.file.create_dataset(
            path, shape, STRING if variable.dtype == "str" else variable.dtype, **more
        )
        dataset.attrs.update(_attributes(variable, self.start, self.quantised))
        if missing is not None:
            dataset.attrs["_FillValue"] = np.array(missing, variable.dtype)
        if variable.dims == (variable.name,):
            dataset.make_scale(variable.name)
        else:
            for axis, dim in enumerate(variable.dims):
                own = f"{group}/{dim}"
                dataset.dims[axis].attach_scale(self.file[own if own in self.file else dim])
        return dataset

    def _append(self, path: str, values: Array) -> None:
        self._pending.setdefault(path, []).append(values)
        self._flush(path, whole_chunks=True)

    def _flush(self, path: str, *, whole_chunks: bool) -> None:
        """Write pending rows; with `whole_chunks` leave those that do not fill a chunk."""
        dataset, done = self.file[path], self._written.get(path, 0)
        rows = sum(len(values) for values in self._pending[path])
        chunk = dataset.chunks[0] if dataset.chunks else 1
        ready = rows - rows % chunk if whole_chunks else rows
        if not ready:
            return
        values = np.concatenate(self._pending[path])
        dataset[done : done + ready] = values[:ready]
        self._written[path] = done + ready
        self._pending[path] = [values[ready:]]


def _missing(variable: Variable) -> float | int | None:
    """What stands where there is nothing to report; None for what is always there."""
    if variable.dtype in ("f4", "f8"):
        return float("nan")
    return layout.NO_TIME if variable.name.endswith(("_time_of_max", "time_of_peak")) else None


def _attributes(variable: Variable, start: str, quantised: bool) -> dict[str, Any]:
    attributes: dict[str, Any] = {"long_name": variable.long_name}
    if variable.units:
        attributes["units"] = variable.units.format(start=start)
    if variable.units == layout.TIME_UNITS:
        attributes["calendar"] = "standard"
    if variable.sign:
        attributes["sign"] = variable.sign
    if not np.isnan(variable.limit):
        attributes["limit"] = variable.limit
    if variable.flags:
        attributes["flag_values"] = np.arange(len(variable.flags), dtype=variable.dtype)
        attributes["flag_meanings"] = " ".join(variable.flags)
    if quantised and variable.step:
        attributes["quantization_step"] = variable.step
    return attributes


def walk(group: Any, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """Every dataset below a group, as path and values."""
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            yield from walk(item, f"{prefix}{name}/")
        else:
            yield prefix + name, item[()]
