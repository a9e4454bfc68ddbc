"""Writes one run: closed segments while it goes on, one HDF5 file when it ends.

``NAME.parts/`` holds segments listed with their SHA-256 in ``manifest.json``. A segment is
built in memory, written, synced and named before the manifest names it, so whatever stops
the process, the manifest lists only what is whole. The final file is built aside from the
segments and takes its name in one step; until then a file that stood there stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cosim.errors import ResultsError
from cosim.outputs import output_file
from cosim.results import layout
from cosim.results.join import join
from cosim.results.record import (
    Array,
    FeederMap,
    Float,
    Int,
    RecordPlan,
    RunInfo,
    StepBlock,
    Table,
    column,
    columns,
    quantised,
)
from cosim.results.resumption import read_checkpoint, take_up
from cosim.results.segments import Segment, claim, image, partial_path, parts_folder, remove, write_segment
from cosim.results.statistics import OpenInterval, Totals
from cosim.saving import pack

# A compressed float takes this share of its raw size (hourly statistics of noisy daily cycles).
LOSSLESS_RATIO = 0.62
QUANTISED_RATIO = 0.25
FIXED_BYTES = 100_000
NOBODY: Table = {"id": []}


class RunWriter:
    """Recorder of one run; ends with `finish` or `abandon`.

    After either failed, the segments stand and may be tried again; `close` (or leaving a `with` block)
    lets go of them.

    Parameters
    ----------
    path
        Final file, ``NAME.h5``; its folder must exist.
    info
        What is needed to run it again.
    homes, transformers
        Tables: ``id`` and the columns of `layout.HOMES` and `layout.TRANSFORMERS`; a column
        not given is "", NaN or -1 throughout.
    feeder_map
        Lines as drawn.
    plan
        Interval, homes recorded in full, quantisation.
    buses, inverters
        Tables like those of homes: `layout.BUSES`, `layout.INVERTERS`; none by default.
    resume
        Whether to go on after the last checkpoint of an interrupted run that was given the same.

    Attributes
    ----------
    saved
        With `resume`, what the last checkpoint holds; else None.

    Raises
    ------
    ResultsError
        If the path is no file that can be written, another run is writing the same file, or there is nothing
        to resume or it was another run.
    ValueError
        If a table does not fit the layout.
    """

    def __init__(
        self,
        path: str | Path,
        info: RunInfo,
        homes: Table,
        transformers: Table,
        feeder_map: FeederMap,
        plan: RecordPlan,
        buses: Table | None = None,
        inverters: Table | None = None,
        *,
        resume: bool = False,
    ) -> None:
        self.path = output_file(path, error=ResultsError)
        self.plan = plan
        self._once = _tables(homes, transformers, feeder_map, plan, buses or NOBODY, inverters or NOBODY)
        self._attributes: dict[str, dict[str, str | int | float]] = {
            "": info.attributes() | {"interval_s": plan.interval_us / 1e6, "quantised": int(plan.quantise)}
        }
        self._home_ids = self._once["home"]
        self._sizes = {item: len(self._once[item]) for item in layout.ENVELOPES}
        self._interval = OpenInterval(self._sizes)
        self._totals = Totals(
            self._sizes["home"],
            self._sizes["transformer"],
            self._sizes["inverter"],
            self._once["homes/nominal_v"].astype(np.float64),
        )
        self._rows: dict[str, list[Array]] = {}
        self._segments: list[Segment] = []
        self._extras: set[str] = set()
        self._last_us = -1
        self._end_us = self._committed_us = 0
        self.saved: Any = None
        if resume:
            self._take_up()
        else:
            self._lock = claim(self.path)
            self.commit()

    def write(self, block: StepBlock) -> None:
        """Take in a block of steps; blocks follow each other in time and may be cut anywhere.

        Raises
        ------
        ValueError
            If the block does not fit the layout or comes out of order.
        """
        block.check(self._sizes, self._last_us)
        steps = len(block.start_us)
        if not steps:
            return
        block = _contiguous(block)
        index = block.start_us // self.plan.interval_us
        edges = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), steps]
        for first, last in pairwise(edges):
            if self._interval.index != index[first]:
                self._close_interval()
                self._interval = OpenInterval(self._sizes, int(index[first]))
            self._interval.add(block, first, last)
        self._totals.add(block)
        self._append(_step_rows(block, self.plan))
        self._last_us = int(block.start_us[-1])
        self._end_us = self._last_us + round(float(block.seconds[-1]) * 1e6)

    def event(
        self, order: int, time_us: int, kind: str, subject: str, detail: str = "", cause: int = -1
    ) -> None:
        """Add one record of the event log; `cause` is the `order` of another record, -1 for none."""
        numbers = {"event": order, "events/time": time_us, "events/cause": cause}
        texts = {"events/kind": kind, "events/subject": subject, "events/detail": detail}
        self._append({path: np.array([number], np.int64) for path, number in numbers.items()})
        self._append({path: np.array([text], dtype=object) for path, text in texts.items()})

    def study(
        self, name: str, time_us: int, values: Mapping[str, ArrayLike], kind: str = "fault_duty"
    ) -> None:
        """Add a study made at one time: every variable of its kind in `layout.STUDIES`.

        Columns have a value a home, or a value a row where the group has rows of its own.
        """
        group = layout.STUDIES[kind]
        if missing := (set(group.names()) - {"row"}) ^ set(values):
            raise ValueError(f"study {name}: missing or unknown {', '.join(sorted(missing))}")
        path = self._name_extra("study", name)
        rows = len(np.asarray(next(iter(values.values()))))
        given = {"row": np.arange(rows), **values}
        for v in group.variables:
            length = rows if v.dims == ("row",) else self._sizes[v.dims[0]]
            self._once[f"{path}/{v.name}"] = column(v, given[v.name], length)
        self._attributes[path] = {"kind": kind, "time_us": int(time_us)}

    def window(self, name: str, homes: Sequence[int], start_us: Int, values: Mapping[str, Float]) -> None:
        """Add a window of steps recorded in full for some homes, such as the worst found.

        Parameters
        ----------
        name
            Unique among windows.
        homes
            Rows of the homes.
        start_us
            (steps,) starts of the steps.
        values
            (steps, len(homes)) for every home quantity.
        """
        for q in layout.HOME_QUANTITIES:
            if values[q.name].shape != (len(start_us), len(homes)):
                raise ValueError(f"window {name}: {q.name} has shape {values[q.name].shape}")
        path = self._name_extra("window", name)
        self._once[f"{path}/window_step"] = np.asarray(start_us, np.int64)
        self._once[f"{path}/window_home"] = self._home_ids[np.asarray(homes, np.int64)]
        for q in layout.HOME_QUANTITIES:
            self._once[f"{path}/{q.name}"] = quantised(values[q.name], q, self.plan.quantise)

    def commit(self, checkpoint: Any = None, *, kept: bool = False) -> None:
        """Close a segment: what was written until now survives whatever stops the process.

        Parameters
        ----------
        checkpoint
            What the run stands at, in values that `cosim.saving` takes; an interrupted run goes on from there.
        kept
            Whether `checkpoint_at` shall find it later; else the next one takes its place.
        """
        carry = {f"carry/{path}": values for path, values in self._totals.datasets().items()}
        if self._interval.index >= 0:
            carry |= {f"open/{name}": values for name, values in self._interval.state().items()}
        grown = {path: np.concatenate(rows) for path, rows in self._rows.items()}
        content = image(self._once | grown | carry, self._attributes)
        rows = {dim: len(grown.get(dim, ())) for dim in layout.GROWING}
        span = (self._committed_us, self._end_us)
        saved = None if checkpoint is None else pack({"run": checkpoint, "writer": self._standing()})
        parts = parts_folder(self.path)
        self._segments = write_segment(parts, self._segments, content, span, rows, saved, kept)
        self._rows, self._once, self._attributes = {}, {}, {}
        self._committed_us = self._end_us

    def checkpoint_at(self, time_us: int) -> Any:
        """What `commit` was given at a time, and asked to keep."""
        return read_checkpoint(parts_folder(self.path), self._segments, time_us)["run"]

    def _standing(self) -> dict[str, Any]:
        """All that a writer holds between two segments."""
        return {
            "interval": self._interval.state(),
            "totals": self._totals.state(),
            "last_us": self._last_us,
            "end_us": self._end_us,
        }

    def _take_up(self) -> None:
        """Stand where the last checkpoint was."""
        self._lock, self._segments = take_up(self.path, self._attributes[""])
        read = read_checkpoint(parts_folder(self.path), self._segments, self._segments[-1].end_us)
        self.saved, own = read["run"], read["writer"]
        self._interval = OpenInterval.from_state(own["interval"])
        self._totals.take_up(own["totals"])
        self._last_us, self._end_us = own["last_us"], own["end_us"]
        self._committed_us = self._end_us
        self._once, self._attributes = {}, {}

    def close(self) -> None:
        """Let go of the folder of segments, as it stands; `recover` or a new run may take it."""
        self._lock.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def finish(self) -> Path:
        """Join the run under its final name and remove the segments; the path of the file."""
        return self._end(self.path, "complete")

    def abandon(self) -> Path:
        """Keep what was written of an interrupted run as ``NAME.partial.h5``; its path.

        The segments stay if there is a checkpoint to go on from.
        """
        return self._end(partial_path(self.path), "partial")

    @property
    def resumable(self) -> bool:
        """Whether the run could go on from a checkpoint."""
        return any(segment.checkpoint for segment in self._segments)

    def _end(self, target: Path, status: str) -> Path:
        parts = parts_folder(self.path)
        self.commit()
        join(parts, target, status)
        if status == "complete" or not self.resumable:
            remove(parts)
        self.close()
        return target

    def _close_interval(self) -> None:
        if self._interval.index >= 0:
            self._append(self._interval.rows(self.plan.interval_us, self.plan.quantise))

    def _append(self, rows: Mapping[str, Array]) -> None:
        for path, values in rows.items():
            self._rows.setdefault(path, []).append(values)

    def _name_extra(self, kind: str, name: str) -> str:
        path = f"{kind}/{name}"
        if not name or "/" in name or name.startswith(".") or path in self._extras:
            raise ValueError(f"{kind} {name!r}: the name is taken or not plain")
        self._extras.add(path)
        return path


def _tables(
    homes: Table,
    transformers: Table,
    feeder_map: FeederMap,
    plan: RecordPlan,
    buses: Table,
    inverters: Table,
) -> dict[str, Array]:
    """Every dataset that is known before the run, by path in the file."""
    tables = {
        "home": (layout.HOMES, homes),
        "transformer": (layout.TRANSFORMERS, transformers),
        "line": (layout.MAP, {name: v for name, v in vars(feeder_map).items() if v is not None}),
        "bus": (layout.BUSES, buses),
        "inverter": (layout.INVERTERS, inverters),
    }
    datasets: dict[str, Array] = {
        "statistic": np.array(layout.STATISTICS, dtype=object),
        "phase": np.array(layout.PHASES, dtype=object),
    }
    for coordinate in layout.COORDINATES:
        if coordinate.name not in tables:
            continue
        group, table = tables[coordinate.name]
        ids = np.asarray(table["id"], dtype=object)
        if len(set(ids)) < len(ids):
            raise ValueError(f"{group.path}: an id stands twice")
        datasets[coordinate.name] = column(coordinate, ids, len(ids))
        datasets |= {
            f"{group.path}/{name}": values for name, values in columns(group, table, len(ids)).items()
        }
    if plan.full:
        datasets["full_home"] = datasets["home"][list(plan.full)]
    return datasets


def _contiguous(block: StepBlock) -> StepBlock:
    """The block in the types and order that the kernels take."""
    plain = {
        item: {name: np.ascontiguousarray(values, np.float64) for name, values in block.items(item).items()}
        for item in layout.ENVELOPES
    }
    return StepBlock(
        np.ascontiguousarray(block.start_us, np.int64),
        np.ascontiguousarray(block.seconds, np.float64),
        plain["home"],
        plain["transformer"],
        {q.name: np.ascontiguousarray(block.feeder[q.name], np.float64) for q in layout.FEEDER_QUANTITIES},
        np.ascontiguousarray(block.iterations, np.int32),
        np.ascontiguousarray(block.converged, np.bool_),
        plain["line"],
        plain["bus"],
        plain["inverter"],
        np.ascontiguousarray(block.newton, np.bool_),
        np.ascontiguousarray(block.faulted, np.bool_),
    )


def _step_rows(block: StepBlock, plan: RecordPlan) -> dict[str, Array]:
    """Rows of every dataset that grows by step, by path in the file."""
    rows: dict[str, Array] = {
        "step": block.start_us.copy(),
        "solver/seconds": block.seconds.copy(),
        "solver/iterations": block.iterations.copy(),
        "solver/converged": block.converged.astype(np.int8),
        "solver/newton": block.newton.astype(np.int8),
        "solver/faulted": block.faulted.astype(np.int8),
    }
    rows |= {f"feeder/{name}": values.copy() for name, values in block.feeder.items()}
    if plan.full:
        homes = list(plan.full)
        for q in layout.HOME_QUANTITIES:
            rows[f"full/{q.name}"] = quantised(block.home[q.name][:, homes], q, plan.quantise)
    return rows


def estimate_bytes(
    plan: RecordPlan,
    duration_s: float,
    step_s: float,
    homes: int,
    transformers: int,
    lines: int = 0,
    buses: int = 0,
    inverters: int = 0,
) -> int:
    """Expected size of the result file [byte], to a factor of about two.

    Statistics dominate: per quantity, item and interval three floats and one time.
    """
    intervals = int(np.ceil(duration_s * 1e6 / plan.interval_us))
    steps = int(np.ceil(duration_s / step_s))
    sizes = {"home": homes, "transformer": transformers, "line": lines, "bus": buses, "inverter": inverters}
    items = sum(len(quantities) * sizes[item] for item, (_, quantities) in layout.ENVELOPES.items())
    floats = 4 * (3 * items * intervals + len(layout.HOME_QUANTITIES) * len(plan.full) * steps)
    times = 8 * items * intervals * 0.35  # seven of the eight bytes of a time repeat
    status = steps * 8 * (1 + len(layout.FEEDER_QUANTITIES)) * 0.6
    tables = 300 * (homes + transformers) + 40 * (lines + buses)
    ratio = QUANTISED_RATIO if plan.quantise else LOSSLESS_RATIO
    return int(floats * ratio + times + status + tables + FIXED_BYTES)
