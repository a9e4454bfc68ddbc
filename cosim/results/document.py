"""Writes docs/results.md from the layout: ``python -m cosim.results.document``."""

from __future__ import annotations

from pathlib import Path

from cosim.results import layout
from cosim.results.layout import Group, Variable

TARGET = Path(__file__).resolve().parents[2] / "docs" / "results.md"

INTRODUCTION = f"""\
<!-- Made by `python -m cosim.results.document` from cosim/results/layout.py; edit there. -->

# The result file

`cosim run NAME.toml` writes one HDF5 file, `NAME.h5`. It opens with h5py, with
`xarray.open_datatree(path, engine="h5netcdf")` or `engine="netcdf4"`, and with MATLAB's `h5read`;
`cosim.open_results(path)` returns tables and arrays. This page lists layout version {layout.VERSION}.

- Every dimension has a coordinate of the same name in the root group (those of a window stand beside it).
- Times are whole microseconds since `start`, stored as 64-bit integers with a CF `units` attribute.
  They count elapsed time: a run across a change of daylight-saving time keeps the clock it began with.
- NaN (in a time: {layout.NO_TIME}, marked by `_FillValue`) means that there is nothing to report: a home
  without an adapter, a home that was dead throughout the interval, an interval without a converged step.
- Signs: load convention at homes and transformers (positive from grid to home); production counts positive.
- Statistics are `{"`, `".join(layout.STATISTICS)}` along the dimension `statistic`; the mean is weighted by
  duration. Intervals are hourly up to 31 days and daily beyond, counted from `start`. A step belongs to the
  interval in which it begins; a time of maximum is the start of the first step that reached it.
- A step that did not converge is left out of statistics and backfeed, counted in
  `intervals/unconverged_steps` and marked in `solver/converged`.
- A step in which current flows into a short circuit (`solver/faulted`) is left out of statistics, backfeed and times
  outside ranges too; `intervals/faulted_s` says how long these were, `study/short_circuits` what flowed.
- Voltage statistics cover the time a home was energised; `supply/unsupplied_s` tells how long it was not.
- Numbers are compressed with gzip and shuffle and carry a checksum (fletcher32). Statistics and homes in full
  are stored in single precision and not rounded further, unless `quantised` is 1: then to a multiple of the
  step listed below (a power of two, also in the attribute `quantization_step`).
- Flags are small integers with `flag_values` and `flag_meanings`.
- The same scenario, seed and versions give the same bytes; no clock time or machine name is inside.

While a run goes on, its data stand in closed segments in `NAME.parts/`, listed with SHA-256 digests in
`manifest.json`; `NAME.h5` appears whole at the end or not at all. Ctrl-C leaves `NAME.partial.h5` (the same
layout, `status` = "partial"). An interrupted run leaves the folder: `cosim run --resume` goes on from the last
`checkpoint-NNNNN.zip` that the manifest names (arrays as `.npy`, all else as JSON) and ends with the same bytes;
`cosim.results.recover("NAME.h5")` turns the folder into `NAME.partial.h5`. See [how](howto-resume.md).

## Attributes of the file
"""


def page() -> str:
    """The page, as it should stand in docs/results.md."""
    parts = [
        INTRODUCTION,
        _rows(("attribute", "meaning"), [(f"`{k}`", v) for k, v in layout.ATTRIBUTES.items()]),
    ]
    parts += ["\n## Coordinates\n", _table(layout.COORDINATES)]
    for group in (*layout.GROUPS, *layout.STUDIES.values(), layout.WINDOW):
        parts += [f"\n## `{group.path}/`\n", f"{group.about}\n", _table(_shown(group))]
    return "\n".join(parts)


def _shown(group: Group) -> tuple[Variable, ...]:
    """Variables of a group without the times of maximum, which only repeat names."""
    return tuple(v for v in group.variables if not v.name.endswith("_time_of_max")) + tuple(
        Variable(
            "QUANTITY_time_of_max", v.dims, v.dtype, v.units, "start of the step with the largest QUANTITY"
        )
        for v in group.variables[1:2]
        if v.name.endswith("_time_of_max")
    )


def _table(variables: tuple[Variable, ...]) -> str:
    return _rows(("dataset", "dimensions", "type", "units", "meaning"), [_row(v) for v in variables])


def _row(v: Variable) -> tuple[str, ...]:
    notes = [v.long_name]
    notes += [v.sign] if v.sign else []
    notes += [f"limit {v.limit:g} {v.units} (UL 414)"] if v.limit == v.limit else []
    notes += [", ".join(f"{i} {flag}" for i, flag in enumerate(v.flags))] if v.flags else []
    notes += [f"step {v.step:g}"] if v.step else []
    units = "µs since `start`" if v.units == layout.TIME_UNITS else v.units
    return f"`{v.name}`", ", ".join(v.dims) or "single", v.dtype, units, "; ".join(notes)


def _rows(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
