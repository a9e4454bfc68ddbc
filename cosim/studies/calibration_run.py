"""A measured heat run, read from a table (CSV) and checked to the last cell before anything is computed."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import LibraryError, Problem
from cosim.thermal.network import PATHS, Float, HeatNetwork

Bool = NDArray[np.bool_]

UNITS = {"time": "s", "current": "A", "ambient": "degC"}
SPELLED = {"°C": "degC", "C": "degC", "deg C": "degC", "seconds": "s", "sec": "s", "ampere": "A", "amps": "A"}
ALIASES = {"time_s": "time", "current_a": "current", "ambient_c": "ambient"}
HEADER = re.compile(r"^\s*(?P<name>[^\[(]*?)\s*(?:[\[(]\s*(?P<unit>[^\])]*?)\s*[\])])?\s*$")
AIR_C = (-60.0, 60.0)
NODE_C = (-60.0, 1500.0)
MOST_A = 1e5
GAP = 3.0  # a step longer than this many of its neighbours' steps
NEIGHBOURS = 5
COLD_K = 3.0  # between nodes and air in the first row
LEAST_ROWS = 10
TOLD = 5  # problems of one kind in one column


@dataclass(frozen=True)
class HeatRun:
    """A heat run as measured.

    Parameters
    ----------
    file
        Where it stands.
    time_s, ambient_c
        (rows,).
    i2_a2
        (rows, 6) squared currents, which flow until the next row.
    columns
        Names of the thermocouples.
    weights
        (columns, nodes) what each of them reads: one node, or both legs' nodes of a part by half.
    measured_c
        (rows, columns).
    notes
        What was taken for granted.
    """

    file: str
    time_s: Float
    ambient_c: Float
    i2_a2: Float
    columns: tuple[str, ...]
    weights: Float
    measured_c: Float
    notes: tuple[str, ...]


def read_run(path: str | Path, network: HeatNetwork, slowest_s: float) -> HeatRun:
    """Read a run for a body.

    Parameters
    ----------
    path
        CSV: ``time`` [s], ``current`` [A] or ``grid``, ``load`` and ``branch`` (``l1.grid`` for one leg),
        ``ambient`` [degC], and nodes (``l1.line_jaw``) or parts (``line_jaw``: mean of both legs). A name may
        carry its unit, ``time [s]``.
    network
        The body's.
    slowest_s
        Its slowest time constant; a run shorter than a tenth of it tells nothing.

    Raises
    ------
    LibraryError
        With everything that is wrong: file, line and column.
    """
    file = str(path)
    rows = _rows(Path(path))
    header, *body = rows
    names, problems = _header(header, network, file)
    if not body:
        raise LibraryError([*problems, Problem("no row below the header", file)])
    problems += [
        Problem(f"{len(row)} cells in a table of {len(header)} columns", file, line=k + 2)
        for k, row in enumerate(body)
        if len(row) != len(header)
    ][:TOLD]
    table = {}
    for place, name in enumerate(names):
        if name:
            table[name], found = _column([row[place] if place < len(row) else "" for row in body], name, file)
            problems += found
    if "time" in table:
        problems += _times(table["time"], slowest_s, file)
    problems += _begins(table, network, file) if not problems else []
    if problems:
        raise LibraryError(problems)
    return _run(table, network, file)


def _rows(path: Path) -> list[list[str]]:
    """Cells of the file; empty lines at its end are nobody's fault."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.reader(lines))
    except FileNotFoundError:
        raise LibraryError(Problem("no such file; give a CSV table of a heat run", str(path))) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LibraryError(Problem(f"not a CSV table: {error}", str(path))) from None
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    if not rows:
        raise LibraryError(Problem("empty; the first line names the columns", str(path)))
    return rows


def _header(cells: Sequence[str], network: HeatNetwork, file: str) -> tuple[list[str], list[Problem]]:
    """Plain name of each column (empty if it cannot be used), and what is wrong with them."""
    paths = [*PATHS, *(f"l{leg}.{path}" for leg in (1, 2) for path in PATHS)]
    nodes = [*network.names, *_parts(network)]
    known = ["time", "ambient", "current", *paths, *nodes]
    names, problems = [], []
    for cell in cells:
        match = HEADER.match(cell)
        name = match["name"] if match else cell.strip()
        name = ALIASES.get(name, name)
        unit = match["unit"] if match else None
        asked = UNITS.get(name, "A" if name in paths else "degC")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"nodes are {', '.join(nodes)}"
            problems.append(Problem(f"unknown column; {hint}", file, cell.strip(), line=1))
            name = ""
        elif name in names:
            problems.append(Problem("stands there twice", file, cell.strip(), line=1))
            name = ""
        elif unit is not None and SPELLED.get(unit, unit) != asked:
            problems.append(
                Problem(f"the unit must be {asked}; convert the column", file, name, unit, line=1)
            )
        names.append(name)
    problems += [
        Problem("no such column; it is needed", file, name, line=1)
        for name in ("time", "ambient")
        if name not in names
    ]
    for path in ("grid", "load"):
        legs = [f"l{leg}.{path}" in names for leg in (1, 2)]
        if not ("current" in names or path in names or all(legs)):
            problems.append(
                Problem("no column of current; give current, or grid and load", file, path, line=1)
            )
    if not any(name in nodes for name in names):
        problems.append(
            Problem(f"no column of a node's temperature; nodes are {', '.join(nodes)}", file, line=1)
        )
    return names, problems


def _parts(network: HeatNetwork) -> list[str]:
    """Names of parts that stand on both legs."""
    return [name.removeprefix("l1.") for name in network.names if name.startswith("l1.")]


def _column(cells: Sequence[str], name: str, file: str) -> tuple[Float, list[Problem]]:
    """Numbers of a column and what is wrong with its cells."""
    temperature = name not in ("time", "current") and name.rpartition(".")[2] not in PATHS
    low, high = AIR_C if name == "ambient" else NODE_C if temperature else (0.0, MOST_A)
    numbers, problems = np.full(len(cells), np.nan), []
    for k, cell in enumerate(cells):
        try:
            numbers[k] = float(cell)
        except ValueError:
            why = (
                "a gap; leave no cell empty"
                if not cell.strip()
                else "not a number; write a point for decimals"
            )
            problems.append(Problem(why, file, name, cell.strip(), k + 2))
            continue
        if not math.isfinite(numbers[k]):
            problems.append(Problem("not a finite number", file, name, cell.strip(), k + 2))
        elif name != "time" and not low <= numbers[k] <= high:
            hint = "; is it in kelvin or degF?" if temperature else ""
            unit = "degC" if temperature else "A"
            problems.append(
                Problem(
                    f"must lie between {low:g} and {high:g} {unit}{hint}", file, name, cell.strip(), k + 2
                )
            )
    more = len(problems) - TOLD
    return numbers, problems[:TOLD] + (
        [Problem(f"and {more} more cells like these", file, name)] if more > 0 else []
    )


def _times(time_s: Float, slowest_s: float, file: str) -> Iterator[Problem]:
    """Times that do not rise, leave a gap, or do not cover what a run must."""
    if not np.isfinite(time_s).all():
        return
    steps = np.diff(time_s)
    for k in np.flatnonzero(steps <= 0.0)[:TOLD]:
        yield Problem(
            f"must rise from row to row, but follows {time_s[k]:g} s; sort the rows",
            file,
            "time",
            f"{time_s[k + 1]:g}",
            int(k) + 3,
        )
    if (steps <= 0.0).any():
        return
    for k in range(len(steps)):
        near = steps[max(0, k - NEIGHBOURS) : k + NEIGHBOURS + 1]
        if steps[k] > GAP * np.median(near) * (1.0 + 1e-9):
            yield Problem(
                f"a gap of {steps[k]:g} s where rows are {np.median(near):g} s apart; nobody knows what flowed in it",
                file, "time", line=k + 3,
            )  # fmt: skip
    if len(time_s) < LEAST_ROWS:
        yield Problem(f"{len(time_s)} rows; give {LEAST_ROWS} at least", file, "time")
    elif time_s[-1] - time_s[0] < 0.1 * slowest_s:
        yield Problem(
            f"covers {time_s[-1] - time_s[0]:g} s of a body whose slowest time constant is {slowest_s:.0f} s; give a "
            f"tenth of that at least",
            file, "time",
        )  # fmt: skip


def _begins(table: dict[str, Float], network: HeatNetwork, file: str) -> Iterator[Problem]:
    """A run must begin cold and carry current."""
    nodes = {*network.names, *_parts(network)}
    for name, numbers in table.items():
        if name in nodes and abs(numbers[0] - table["ambient"][0]) > COLD_K:
            yield Problem(
                f"begins {numbers[0] - table['ambient'][0]:+.1f} K from the air; a run must begin cold (within "
                f"{COLD_K:g} K): what is not measured is taken to begin there too",
                file, name, f"{numbers[0]:g}", 2,
            )  # fmt: skip
    if not any(
        numbers.any()
        for name, numbers in table.items()
        if name == "current" or name.rpartition(".")[2] in PATHS
    ):
        yield Problem("no current in the whole run; nothing heats the body", file, "current")


def _run(table: dict[str, Float], network: HeatNetwork, file: str) -> HeatRun:
    """The run as arrays, once all is well."""
    rows = len(table["time"])
    i2, notes = np.zeros((rows, 6)), []
    for path, place in PATHS.items():
        general = table.get(
            path, np.zeros(rows) if path == "branch" else table.get("current", np.zeros(rows))
        )
        for leg in (0, 1):
            i2[:, place + leg] = table.get(f"l{leg + 1}.{path}", general) ** 2
    if (network.path >= PATHS["branch"]).any() and not any(name.endswith("branch") for name in table):
        notes.append("no column of the branch's current: taken as zero")
    columns, weights = [], []
    for name in table:
        if name in network.names:
            nodes = [network.names.index(name)]
        elif name in _parts(network):
            nodes = [network.names.index(f"l{leg}.{name}") for leg in (1, 2)]
        else:
            continue
        weight = np.zeros(len(network))
        weight[nodes] = 1.0 / len(nodes)
        columns.append(name)
        weights.append(weight)
    return HeatRun(
        file, table["time"], table["ambient"], i2, tuple(columns), np.array(weights),
        np.stack([table[name] for name in columns], axis=1), tuple(notes),
    )  # fmt: skip
