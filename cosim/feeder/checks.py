"""What keeps a feeder from being compiled, from being studied, and what limits the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cosim.electrical.circuit import Complex
from cosim.errors import FeederError, Problem
from cosim.feeder.carried_protection import protection_problems
from cosim.feeder.service import find_supply
from cosim.feeder.tables import complaints

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

_FOREIGN = [
    "load",
    "sgen",
    "motor",
    "asymmetric_load",
    "asymmetric_sgen",
    "storage",
    "gen",
    "impedance",
    "ward",
    "xward",
    "trafo3w",
    "dcline",
]
_MOST_OHM = 1e6
_MOST_PERCENT = 1e4
_TAP_PU = (0.5, 1.5)
"""Beyond these an impedance or a tap is a slip of the pen: a unit, a decimal point, a missing length."""

_NODES = {
    "line": (("from_bus", "from_nodes"), ("to_bus", "to_nodes")),
    "ext_grid": (("bus", "nodes"),),
    "shunt": (("bus", "nodes"),),
    "winding": (("bus", "nodes"),),
    "other_terminal": (("bus", "nodes"),),
    "home": (("bus", "nodes"),),
    "generator": (("bus", "nodes"),),
}


def require_sound(feeder: Feeder) -> None:
    """Raise `FeederError` with every structural problem, if there is one."""
    problems = structural_problems(feeder)
    if problems:
        raise FeederError(problems)


def require_studiable(feeder: Feeder, file: str = "") -> None:
    """Raise `FeederError` with everything `check_feeder` finds, if there is something; `file` is told."""
    problems = check_feeder(feeder)
    if problems:
        raise FeederError(replace(problem, file=problem.file or file) for problem in problems)


def check_feeder(feeder: Feeder) -> list[Problem]:
    """Structural problems; if there are none, those of the values: signs, homes that nothing feeds."""
    return structural_problems(feeder) or [*_negative(feeder), *_unfed(feeder)]


def advise(feeder: Feeder) -> list[Problem]:
    """What limits some answers: homes behind open lines, missing ratings and service transformers."""
    found = list(_cut_off(feeder))
    line = feeder.line
    for table, column, what in (
        ("line", "max_i_ka", "loading of lines cannot be told"),
        ("home", "service_rating_a", "loading of services cannot be told"),
    ):
        values = feeder.table(table)
        if table == "line":
            values = line[~line["is_switch"].to_numpy(dtype=bool)]
        missing = int(values[column].isna().sum())
        if missing:
            found.append(
                Problem(f"{missing} of {len(values)} have no rating: {what}", key=f"{table}.{column}")
            )
    without = int((feeder.home["transformer"] < 0).sum())
    if without:
        found.append(
            Problem(
                f"{without} of {len(feeder.home)} homes have no service transformer", key="home.transformer"
            )
        )
    return found


def structural_problems(feeder: Feeder) -> list[Problem]:
    """Everything that makes the tables and matrices contradict themselves or each other."""
    tables = feeder.tables
    problems = [Problem(sentence, key=key) for key, sentence in complaints(tables)]
    if problems:  # what follows would trip over them
        return problems
    for checker in (_nodes, _lines, _transformers, _sources, _blocks, _controls, _shapes, _foreign):
        problems += checker(feeder)
    return problems + list(protection_problems(feeder))


def _listed(nodes: str) -> list[int] | None:
    words = nodes.split(".")
    return [int(word) for word in words] if all(word.isdigit() for word in words) else None


def _nodes(feeder: Feeder) -> Iterator[Problem]:
    known: list[set[int]] = []
    for row, nodes in enumerate(feeder.bus["nodes"]):
        listed = _listed(nodes)
        if listed is None or 0 in listed or len(set(listed)) != len(listed):
            yield Problem(
                "must list the bus's conductors once each, like 1.2.3", key=f"bus.nodes[{row}]", value=nodes
            )
        known.append({0, *(listed or ())})
    base = feeder.bus["base_v"].to_numpy(dtype=float)
    for bad in np.flatnonzero(~(base > 0.0)):
        yield Problem("must be above 0 V", key=f"bus.base_v[{bad}]")
    for table, ends in _NODES.items():
        frame = feeder.table(table)
        for bus_column, column in ends:
            for row, (bus, nodes) in enumerate(zip(frame[bus_column], frame[column], strict=True)):
                listed = _listed(nodes)
                if listed is None:
                    yield Problem(
                        "must list conductors, like 1.2.3", key=f"{table}.{column}[{row}]", value=nodes
                    )
                elif not known[bus].issuperset(listed):
                    name = feeder.bus["name"].iloc[bus]
                    yield Problem(
                        f"bus {name} has conductors {feeder.bus['nodes'].iloc[bus]} only",
                        key=f"{table}.{column}[{row}]",
                        value=nodes,
                    )
    for row, (kind, nodes) in enumerate(zip(feeder.home["kind"], feeder.home["nodes"], strict=True)):
        count = len(nodes.split("."))
        allowed = {"split": (2, 3), "single": (1, 2), "three": (2, 3, 4)}[kind]
        if count not in allowed:
            yield Problem(f"a {kind} home has {allowed} conductors", key=f"home.nodes[{row}]", value=nodes)


def _finite_square(matrix: Complex, size: int) -> bool:
    return matrix.shape == (size, size) and bool(np.isfinite(matrix).all())


def _lines(feeder: Feeder) -> Iterator[Problem]:
    line, matrices = feeder.line, feeder.matrices
    if len(line) != len(matrices.line_z_ohm):
        yield Problem(
            f"{len(line)} lines but matrices for {len(matrices.line_z_ohm)}: add lines with a FeederBuilder",
            key="line",
        )
        return
    coupled: dict[int, list[int]] = {}
    columns = ("name", "length_km", "std_type", "parallel", "from_nodes", "to_nodes")
    for row, cells in enumerate(zip(*(line[name].tolist() for name in columns), strict=True)):
        name, length, std_type, parallel, from_nodes, to_nodes = cells
        key = f"line[{row}] {name}"
        made_for = matrices.line_length_km[row], matrices.line_std_type[row]
        if length != made_for[0]:
            sentence = (
                f"length_km changed under its matrices, which are for {made_for[0]} km: rebuild the line"
            )
            yield Problem(sentence, key=key, value=f"{length}")
        if (std_type or "") != made_for[1]:
            sentence = f"std_type changed under its matrices, which are for {made_for[1]!r}: rebuild the line"
            yield Problem(sentence, key=key, value=repr(std_type))
        if parallel != 1:
            yield Problem(
                "parallel must be 1: the matrices hold the whole line", key=key, value=f"{parallel}"
            )
        n = len(from_nodes.split("."))
        z, y = matrices.line_z_ohm[row], matrices.line_y_siemens[row]
        if len(to_nodes.split(".")) != n:
            yield Problem("from_nodes and to_nodes differ in number", key=key)
        elif not (_finite_square(z, n) and _finite_square(y, n)):
            yield Problem(f"its matrices must be {n} x {n} and finite", key=key)
        elif not np.abs(z.diagonal()).min() > 0.0:
            yield Problem("zero impedance; give a switch 1e-4 ohm, or merge its buses", key=key)
        elif np.abs(z).max() > _MOST_OHM or z.diagonal().real.min() < 0.0:
            sentence = f"absurd impedance: 0 to {_MOST_OHM:g} ohm is expected; look at its length and units"
            yield Problem(sentence, key=key, value=f"{z.diagonal()[np.abs(z.diagonal()).argmax()]:.4g} ohm")
        elif n > 1:
            coupled.setdefault(n, []).append(row)
    for rows in coupled.values():
        rank = np.linalg.matrix_rank(np.stack([matrices.line_z_ohm[row] for row in rows]))
        for row, found in zip(rows, rank, strict=True):
            if found < len(matrices.line_z_ohm[row]):
                yield Problem("its impedance matrix is singular", key=f"line[{row}] {line['name'].iloc[row]}")
    switch = feeder.table("switch")
    for row, (kind, bus, element) in enumerate(
        zip(switch["et"], switch["bus"], switch["element"], strict=True)
    ):
        if kind != "l":
            yield Problem(
                "only switches at line ends (et 'l') are known", key=f"switch.et[{row}]", value=f"{kind}"
            )
        elif bus not in (line["from_bus"].iloc[element], line["to_bus"].iloc[element]):
            yield Problem("its bus is not an end of its line", key=f"switch.bus[{row}]", value=f"{bus}")


def _negative(feeder: Feeder) -> Iterator[Problem]:
    """Lines that would be shorter than nothing or give power."""
    columns = zip(feeder.line["name"], feeder.line["length_km"], feeder.matrices.line_z_ohm, strict=True)
    for row, (name, length, z) in enumerate(columns):
        key = f"line[{row}] {name}"
        if not length >= 0.0:
            yield Problem("length must not be negative", key=key, value=f"{length:g} km")
        elif not (z.diagonal().real >= 0.0).all():
            yield Problem(
                "resistance must not be negative", key=key, value=f"{z.diagonal().real.min():g} ohm"
            )


def _transformers(feeder: Feeder) -> Iterator[Problem]:
    unit, winding = feeder.transformer, feeder.winding
    numbers: dict[int, list[int]] = {}
    for of, number in zip(winding["transformer"].tolist(), winding["number"].tolist(), strict=True):
        numbers.setdefault(of, []).append(number)
    x = unit[["x12_percent", "x13_percent", "x23_percent"]].to_numpy(dtype=float)
    for row, (name, phases, kva) in enumerate(
        zip(unit["name"], unit["phases"], unit["rated_kva"], strict=True)
    ):
        key = f"transformer[{row}] {name}"
        windings = sorted(numbers.get(row, []))
        if windings not in ([1, 2], [1, 2, 3]):
            yield Problem(f"must have windings 1, 2 (and 3), has {windings}", key=key)
            continue
        if phases not in (1, 2, 3) or not kva > 0.0:
            yield Problem("phases must be 1, 2 or 3 and rated_kva above 0", key=key)
        if not (np.abs(x[row, : 1 if len(windings) == 2 else 3]) > 0.0).all():
            yield Problem("zero or missing leakage reactance", key=key)
        elif np.nanmax(np.abs(x[row])) > _MOST_PERCENT:
            sentence = f"absurd leakage reactance, above {_MOST_PERCENT:g} %: it is in percent of the rating"
            yield Problem(sentence, key=key, value=f"{np.nanmax(np.abs(x[row])):g} %")
    phases_of = unit["phases"].to_numpy(dtype=np.int64)
    for row, (of, nodes, kv, tap) in enumerate(
        zip(winding["transformer"], winding["nodes"], winding["kv"], winding["tap_pu"], strict=True)
    ):
        if len(nodes.split(".")) != phases_of[of] + 1:
            yield Problem(
                f"must list {phases_of[of] + 1} conductors", key=f"winding.nodes[{row}]", value=nodes
            )
        if not (kv > 0.0 and tap > 0.0):
            yield Problem("kv and tap_pu must be above 0", key=f"winding[{row}]")
        elif not _TAP_PU[0] <= tap <= _TAP_PU[1]:
            sentence = (
                f"tap of {unit['name'].iloc[of]} must be {_TAP_PU[0]} to {_TAP_PU[1]} pu of rated turns"
            )
            yield Problem(sentence, key=f"winding.tap_pu[{row}]", value=f"{tap:g}")


def _sources(feeder: Feeder) -> Iterator[Problem]:
    grid, matrices = feeder.table("ext_grid"), feeder.matrices
    if not grid["in_service"].any():
        yield Problem("no source is in service", key="ext_grid")
    if len(grid) != len(matrices.source_emf_v):
        yield Problem(f"{len(grid)} sources but EMFs for {len(matrices.source_emf_v)}", key="ext_grid")
        return
    for row, nodes in enumerate(grid["nodes"]):
        n = len(nodes.split("."))
        emf, z = matrices.source_emf_v[row], matrices.source_z_ohm[row]
        if emf.shape != (n,) or not np.isfinite(emf).all() or not _finite_square(z, n):
            yield Problem(f"needs {n} EMFs and a finite {n} x {n} impedance", key=f"ext_grid[{row}]")
        elif np.linalg.matrix_rank(z) < n:
            yield Problem("zero or singular impedance behind the source", key=f"ext_grid[{row}]")


def _blocks(feeder: Feeder) -> Iterator[Problem]:
    other, ends = feeder.table("other"), feeder.table("other_terminal")
    if len(other) != len(feeder.matrices.other_y_siemens):
        yield Problem("as many blocks as rows are needed", key="other")
        return
    sizes = np.zeros(len(other), dtype=np.int64)
    np.add.at(sizes, ends["other"].to_numpy(dtype=np.int64), [len(n.split(".")) for n in ends["nodes"]])
    for row, y in enumerate(feeder.matrices.other_y_siemens):
        if not _finite_square(y, int(sizes[row])):
            yield Problem(f"its block must be {sizes[row]} x {sizes[row]} and finite", key=f"other[{row}]")


def _controls(feeder: Feeder) -> Iterator[Problem]:
    from cosim.feeder.control_checks import control_problems

    return control_problems(feeder)


def _shapes(feeder: Feeder) -> Iterator[Problem]:
    shape, matrices = feeder.table("shape"), feeder.matrices
    if not len(shape) == len(matrices.shape_p) == len(matrices.shape_q):
        yield Problem("as many values as rows are needed", key="shape")
        return
    for name, *values in zip(shape["name"], matrices.shape_p, matrices.shape_q, strict=True):
        for which, of in zip(("P", "Q"), values, strict=True):
            wrong = np.flatnonzero(~np.isfinite(of))
            if len(wrong):
                sentence = (
                    f"{len(wrong)} values of {which} are no numbers, the first at step {wrong[0]}: fill them"
                )
                yield Problem(sentence, key=f"shape {name}", value=f"{of[wrong[0]]}")
    known = {"", *shape["name"]}
    for table in ("home", "generator"):
        for row, name in enumerate(feeder.table(table)["shape"]):
            if name not in known:
                yield Problem("no such load shape", key=f"{table}.shape[{row}]", value=name)


def _foreign(feeder: Feeder) -> Iterator[Problem]:
    """Elements added to the net that the feeder would lose."""
    if feeder.materialised:
        for table in _FOREIGN:
            if len(feeder.net[table]):
                yield Problem(
                    "elements of this kind on feeder.net are not part of the feeder; homes carry the loads",
                    key=f"net.{table}",
                    value=f"{len(feeder.net[table])} rows",
                )


def _unfed(feeder: Feeder) -> Iterator[Problem]:
    """Homes that nothing can feed; a line that stands open may be closed by an event, see `advise`."""
    if homes := _unreached(feeder, through_open=True):
        message = f"{_counted(homes)} not reached from any source; join them by a line or take them out"
        yield Problem(message, key="home", value=_some(homes))


def _cut_off(feeder: Feeder) -> Iterator[Problem]:
    """Homes that have no voltage until a line is closed."""
    if homes := _unreached(feeder, through_open=False):
        yield Problem(
            f"{_counted(homes)} without voltage behind lines that stand open", key="home", value=_some(homes)
        )


def _unreached(feeder: Feeder, *, through_open: bool) -> list[str]:
    """Homes in service whose bus the sources do not reach."""
    reached = set(find_supply(feeder.tables, through_open=through_open).order)
    home = feeder.home
    columns = zip(home["name"], home["bus"], home["in_service"], strict=True)
    return [name for name, bus, on in columns if on and bus not in reached]


def _counted(homes: list[str]) -> str:
    """Number of homes with its verb."""
    return "1 home is" if len(homes) == 1 else f"{len(homes)} homes are"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
