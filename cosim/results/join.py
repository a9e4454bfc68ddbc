"""Join the segments of a run into one file that h5py, xarray and netCDF-4 readers open.

Every dimension has a scale; compressed chunks are written whole and once; the earliest HDF5
format; no types beyond numbers and text. Datasets depend on the run alone, not on where its
segments were cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cosim.errors import Problem, ResultsError
from cosim.results import files, layout
from cosim.results.layout import Group, Variable
from cosim.results.record import Array
from cosim.results.segments import (
    MANIFEST,
    STRING,
    hold,
    partial_path,
    parts_folder,
    remove,
    whole_segments,
)
from cosim.results.statistics import OpenInterval

# Rows and items of a chunk: one home's history and all homes at one time both stay cheap to read.
CHUNK = {
    "interval": 168,
    "step": 4096,
    "home": 64,
    "transformer": 64,
    "line": 256,
    "bus": 256,
    "inverter": 64,
    "full_home": 4,
}
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
        remove(parts)
    return partial_path(path)


def join(parts: Path, target: Path, status: str, *, trusting: bool = True) -> None:
    """Join the segments in `parts` into `target`, which stands whole or stays as it was.

    With `trusting` every segment listed must be whole; else the first that is not ends the run.
    """
    segments = whole_segments(parts, trusting)
    aside = parts / "joined.h5"
    try:
        stored = _Segments([parts / segment.file for segment in segments])
        with stored, h5py.File(aside, "w", libver="earliest") as file:
            _Output(file, stored, {dim: sum(s.rows[dim] for s in segments) for dim in layout.GROWING}).fill()
            file.attrs["status"] = status
        files.publish(aside, target)
    except RuntimeError as error:  # h5py's, where a full disk is noticed only as the file is closed
        raise OSError(f"{aside}: {error}") from error
    finally:
        aside.unlink(missing_ok=True)


class _Segments:
    """The stored segments, in order; the first of them stay open, as many as a process may well have."""

    OPEN = 200

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._open: list[Any] = []

    def __enter__(self) -> _Segments:
        self._open = [h5py.File(path, "r") for path in self._paths[: self.OPEN]]
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._open:
            file.close()

    def __iter__(self) -> Iterator[Any]:
        yield from self._open
        for path in self._paths[self.OPEN :]:
            with h5py.File(path, "r") as file:
                yield file

    def rows(self, path: str) -> Iterator[Array]:
        """What each segment holds of a dataset."""
        for segment in self:
            if path in segment:
                yield segment[path][()]

    def last(self) -> dict[str, Array]:
        """Every dataset of the last segment by path."""
        with h5py.File(self._paths[-1], "r") as file:
            return dict(_walk(file))


class _Output:
    """The file being joined.

    Datasets are written one after the other, a chunk of time at once: what stands where in the
    file, like what stands in it, does not depend on how the run was cut into segments.
    """

    def __init__(self, file: Any, segments: _Segments, rows: Mapping[str, int]) -> None:
        self.file, self.segments = file, segments
        first = next(iter(segments))
        attributes = dict(first.attrs)
        file.attrs.update(
            {"Conventions": "CF-1.11", "kind": layout.KIND, "version": layout.VERSION} | attributes
        )
        self.start, self.quantised = str(attributes["start"]), bool(attributes["quantised"])
        last = segments.last()
        self.totals = {
            path.removeprefix("carry/"): v for path, v in last.items() if path.startswith("carry/")
        }
        state = {path.removeprefix("open/"): v for path, v in last.items() if path.startswith("open/")}
        self.open_rows: dict[str, Array] = {}
        if state:
            interval_us = round(float(attributes["interval_s"]) * 1e6)
            self.open_rows = OpenInterval.from_state(state).rows(interval_us, self.quantised)
        self.sizes = {**rows, **{v.name: len(first[v.name]) for v in layout.COORDINATES if v.name in first}}
        self.sizes["interval"] += bool(state)

    def fill(self) -> None:
        """Write every dataset."""
        variables = [("", v) for v in layout.COORDINATES]
        variables += [(group.path, v) for group in layout.GROUPS for v in group.variables]
        growing = layout.growing()
        for group, variable in variables:
            if not set(variable.dims) <= self.sizes.keys():
                continue
            path = f"{group}/{variable.name}".removeprefix("/")
            dataset = self._create(group, variable, self.sizes)
            if path in growing:
                self._write_rows(dataset, path)
            else:
                dataset[...] = self.totals[path] if path in self.totals else next(self.segments.rows(path))
        for segment in self.segments:
            for name, study in segment.get("study", {}).items():
                rows = {"row": len(study["row"])} if "row" in study else {}
                self._copy(study, layout.STUDIES[study.attrs["kind"]], f"study/{name}", self.sizes | rows)
            for name, window in segment.get("window", {}).items():
                own = {dim: len(window[dim]) for dim in ("window_step", "window_home")}
                self._copy(window, layout.WINDOW, f"window/{name}", own)

    def _copy(self, stored: Any, group: Group, path: str, sizes: Mapping[str, int]) -> None:
        for variable in group.variables:
            self._create(path, variable, sizes)[...] = stored[variable.name][()]
        self.file[path].attrs.update(stored.attrs)

    def _write_rows(self, dataset: Any, path: str) -> None:
        rest = dataset[:0]
        done, chunk = 0, dataset.chunks[0] if dataset.chunks else len(dataset)
        for rows in chain(self.segments.rows(path), [self.open_rows[path]] if path in self.open_rows else []):
            rest = np.concatenate([rest, rows])
            while len(rest) >= chunk > 0:
                dataset[done : done + chunk] = rest[:chunk]
                done, rest = done + chunk, rest[chunk:]
        if len(rest):
            dataset[done:] = rest

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


def _walk(group: Any, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """Every dataset below a group, as path and values."""
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            yield from _walk(item, f"{prefix}{name}/")
        else:
            yield prefix + name, item[()]
