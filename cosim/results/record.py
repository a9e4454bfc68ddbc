"""What a run hands to the writer: who it is, what to record, and blocks of steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosim.results import layout
from cosim.results.layout import Group, Variable

Float: TypeAlias = NDArray[np.float64]
Int: TypeAlias = NDArray[np.int64]
Array: TypeAlias = NDArray[Any]
Table: TypeAlias = Mapping[str, ArrayLike]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@dataclass(frozen=True)
class RunInfo:
    """What is needed to run it again; becomes the attributes of the file.

    `scenario_json` is the scenario as run; `start` is naive ISO local time in `timezone`;
    `library` maps "kind/name" to the raw JSON of each entry used. Nothing here may depend on
    the machine or the wall clock: the same run must give the same file.
    """

    title: str
    scenario_json: str
    seed: int
    step_s: float
    duration_s: float
    start: str
    timezone: str
    feeder: str = ""
    feeder_digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    library: Mapping[str, Any] = field(default_factory=dict)

    def attributes(self) -> dict[str, str | int | float]:
        """Root attributes of the file; mappings as JSON with sorted keys."""
        return {
            "title": self.title,
            "scenario_json": self.scenario_json,
            # HDF5 integers are at most 64 bits; a seed may be any 64-bit pattern.
            "seed": int(np.uint64(self.seed).astype(np.int64)),
            "step_s": float(self.step_s),
            "duration_s": float(self.duration_s),
            "start": str(np.datetime64(self.start, "us")).replace("T", " "),
            "timezone": self.timezone,
            "statistics_leave_out": layout.LEFT_OUT,
            "feeder": self.feeder,
            "feeder_digest": self.feeder_digest,
            "versions": json.dumps(dict(self.versions), sort_keys=True),
            "library": json.dumps(dict(self.library), sort_keys=True),
        }


@dataclass(frozen=True)
class RecordPlan:
    """What to record.

    Attributes
    ----------
    interval_us
        Length of a recording interval; a step belongs to the interval it begins in.
    full
        Rows of the homes recorded at every step.
    quantise
        Round to the quantisation step of each quantity (a file about a third as large).
    """

    interval_us: int
    full: tuple[int, ...] = ()
    quantise: bool = False

    @classmethod
    def for_duration(cls, duration_s: float, full: Sequence[int] = (), quantise: bool = False) -> RecordPlan:
        """Hourly up to 31 days, daily beyond."""
        interval = HOUR_US if duration_s <= 31 * 86_400 else DAY_US
        return cls(interval, tuple(int(row) for row in full), quantise)


@dataclass(frozen=True)
class StepBlock:
    """Consecutive steps: when, how long, and every quantity of the layout.

    Attributes
    ----------
    start_us, seconds
        (steps,) start since the start of the run [us] and duration [s].
    home, transformer, feeder
        quantity -> (steps, homes), (steps, transformers), (steps,); units and signs of
        `layout.HOME_QUANTITIES`, `TRANSFORMER_QUANTITIES` and `FEEDER_QUANTITIES`.
    iterations, converged
        (steps,) status of the power flow.
    line, bus, inverter
        quantity -> (steps, lines), (steps, three-phase buses), (steps, inverters that act on the voltage); as
        `layout.LINE_QUANTITIES`, `BUS_QUANTITIES`, `INVERTER_QUANTITIES`.
    newton
        (steps,) whether the fast iteration left the step to Newton's method.
    faulted
        (steps,) whether current flowed into a short circuit: no loading, no service voltage.
    """

    start_us: Int
    seconds: Float
    home: Mapping[str, Float]
    transformer: Mapping[str, Float]
    feeder: Mapping[str, Float]
    iterations: NDArray[np.int32]
    converged: NDArray[np.bool_]
    line: Mapping[str, Float]
    bus: Mapping[str, Float]
    inverter: Mapping[str, Float]
    newton: NDArray[np.bool_]
    faulted: NDArray[np.bool_]

    @property
    def usual(self) -> NDArray[np.bool_]:
        """(steps,) those that statistics are made of: converged, and no current flowed into a short circuit."""
        return self.converged & ~self.faulted

    def items(self, kind: str) -> Mapping[str, Float]:
        """Quantities of one kind of item of `layout.ENVELOPES`."""
        return {
            "home": self.home,
            "transformer": self.transformer,
            "line": self.line,
            "bus": self.bus,
            "inverter": self.inverter,
        }[kind]

    def check(self, sizes: Mapping[str, int], after_us: int) -> None:
        """Raise ValueError with everything that is wrong with the block; `sizes` by kind of item."""
        steps = len(self.start_us)
        wrong = [
            f"{name} has shape {np.shape(value)}, not ({steps},)"
            for name, value in (
                ("seconds", self.seconds),
                ("iterations", self.iterations),
                ("converged", self.converged),
                ("newton", self.newton),
                ("faulted", self.faulted),
            )
            if np.shape(value) != (steps,)
        ]
        for what, quantities, given, shape in (
            *((k, q, self.items(k), (steps, sizes[k])) for k, (_, q) in layout.ENVELOPES.items()),
            ("feeder", layout.FEEDER_QUANTITIES, self.feeder, (steps,)),
        ):
            expected = {q.name for q in quantities}
            wrong += [f"{what} lacks {name}" for name in sorted(expected - given.keys())]
            wrong += [f"{what} has unknown {name}" for name in sorted(given.keys() - expected)]
            wrong += [
                f"{what} {name} has shape {np.shape(given[name])}, not {shape}"
                for name in sorted(expected & given.keys())
                if np.shape(given[name]) != shape
            ]
        if steps and not np.all(np.diff(self.start_us, prepend=after_us) > 0):
            wrong.append("steps are not in order of time")
        if not np.all(np.asarray(self.seconds) > 0):
            wrong.append("a step has no duration")
        if wrong:
            raise ValueError("block of steps: " + "; ".join(wrong))


@dataclass(frozen=True)
class FeederMap:
    """Lines as drawn: `id`, `level` and `phases` (lines,) of str; ends x1, y1, x2, y2 and `rating_a` (lines,).

    A rating not given is NaN throughout.
    """

    id: Sequence[str]
    level: Sequence[str]
    phases: Sequence[str]
    x1: ArrayLike
    y1: ArrayLike
    x2: ArrayLike
    y2: ArrayLike
    rating_a: ArrayLike | None = None


def column(variable: Variable, values: ArrayLike, length: int) -> Array:
    """Values of one column in the type the file keeps.

    Raises
    ------
    ValueError
        If the length is another, or a text column holds anything but text.
    """
    if variable.dtype == "str":
        array = np.asarray(values, dtype=object)
        if any(not isinstance(text, str) for text in array.flat):
            raise ValueError(f"column {variable.name} holds values that are not text")
    else:
        array = np.asarray(values).astype(variable.dtype)
    if array.shape != (length,):
        raise ValueError(f"column {variable.name} has shape {array.shape}, not ({length},)")
    return array


_MISSING: dict[str, Any] = {"str": "", "f4": np.nan, "f8": np.nan, "i8": -1, "i1": -1}


def columns(group: Group, table: Table, length: int) -> dict[str, Array]:
    """All columns of a group from a table; a column not given is "", NaN or -1 throughout."""
    known = set(group.names())
    unknown = sorted(set(table.keys()) - known - {"id"})
    if unknown:
        raise ValueError(
            f"{group.path} has no column {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    return {
        v.name: column(v, table[v.name] if v.name in table else [_MISSING[v.dtype]] * length, length)
        for v in group.variables
    }


def quantised(values: Array, variable: Variable, quantise: bool) -> Array:
    """Values as the file keeps them: rounded to the quantisation step if asked, then to its type."""
    if quantise and variable.step:
        values = np.round(values / variable.step) * variable.step
    with np.errstate(over="ignore"):
        return values.astype(variable.dtype)
