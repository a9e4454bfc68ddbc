"""Which lines, transformers, buses and homes of a feeder the quality figures speak of, and their ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.electrical.circuit import Complex, Float, Int
from cosim.electrical.quality import RANGE_A, RANGE_B, Quality, unbalance
from cosim.electrical.transformer import core_branches
from cosim.feeder.customers import SINGLE, SPLIT
from cosim.feeder.nodes import numbers

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

LEVELS = ("primary", "secondary", "drop")
RANGES = ("A", "B", "outside")
DEAD = -1
_NEUTRAL_PU = 0.1  # a conductor below this share of its base at no load is a neutral
_THREE_PHASE = 0.5  # unbalance at no load above which three nodes are no three-phase bus


@dataclass(frozen=True)
class Watched:
    """What of a feeder is watched.

    Parameters
    ----------
    quality
        Its compiled figures.
    line, line_rating_a
        Rows of the line table, (l,), and ratings [A], NaN if unknown.
    buses
        Names of the three-phase buses, (b,).
    bus_nodes
        (b, 3).
    """

    quality: Quality
    line: Int
    line_rating_a: Float
    buses: tuple[str, ...]
    bus_nodes: Int


def watch(feeder: Feeder, compiled: CompiledFeeder, no_load_v: Complex, units: Int | None = None) -> Watched:
    """Watch every line and three-phase bus of a feeder, and the transformers in rows `units` (all by default).

    A bus with nodes 1, 2 and 3 is three-phase unless its no-load voltages say that it is a split service with
    its neutral.
    """
    rows = np.flatnonzero(compiled.line_element >= 0)
    level = feeder.line["level"].map({name: k for k, name in enumerate(LEVELS)}).to_numpy(np.int64)
    buses, nodes = _three_phase(feeder, compiled, no_load_v)
    chosen = compiled.transformer_element if units is None else compiled.transformer_element[units]
    quality = Quality(
        compiled.circuit,
        compiled.line_element[rows].tolist(),
        level[rows].tolist(),
        chosen[chosen >= 0].tolist(),
        _cores(feeder, compiled),
        nodes,
        levels=len(LEVELS),
    )
    rating = feeder.line["max_i_ka"].to_numpy(float)[rows] * 1e3
    return Watched(quality, rows, np.where(rating > 0.0, rating, np.nan), buses, nodes)


def _three_phase(feeder: Feeder, compiled: CompiledFeeder, no_load_v: Complex) -> tuple[tuple[str, ...], Int]:
    place = {name: row for row, name in enumerate(compiled.circuit.nodes)}
    named = [
        (str(name), [place[f"{name}.{phase}"] for phase in (1, 2, 3)])
        for name, nodes in zip(feeder.bus["name"], feeder.bus["nodes"], strict=True)
        if {1, 2, 3}.issubset(numbers(nodes))
    ]
    nodes = np.array([at for _, at in named], dtype=np.int64).reshape(-1, 3)
    is_three = unbalance(no_load_v[nodes].T) < _THREE_PHASE
    return tuple(name for (name, _), yes in zip(named, is_three, strict=True) if yes), nodes[is_three]


def _cores(feeder: Feeder, compiled: CompiledFeeder) -> list[tuple[int, int, int, float]]:
    from cosim.feeder.compile import nameplate

    windings: dict[int, list[Any]] = {}
    for coil in feeder.winding.to_dict("records"):
        windings.setdefault(coil["transformer"], []).append(coil)
    cores = []
    for row, unit in enumerate(feeder.transformer.to_dict("records")):
        element = int(compiled.transformer_element[row])
        if element >= 0 and unit["noload_percent"]:
            data = nameplate(unit, sorted(windings[row], key=lambda coil: int(coil["number"])))
            cores += [(element, a, b, siemens) for a, b, siemens in core_branches(data)]
    return cores


def neutral_conductors(compiled: CompiledFeeder, no_load_v: Complex) -> np.ndarray:
    """(n,) whether a node is a neutral kept as a conductor: next to no voltage, without any load."""
    return np.asarray(np.abs(no_load_v) < _NEUTRAL_PU * compiled.circuit.base_v)


def home_voltage_pu(feeder: Feeder, compiled: CompiledFeeder, v: Complex) -> Float:
    """(homes, steps) service voltage furthest from nominal of the legs or phases of each home; NaN if dead."""
    grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
    a, b, c = compiled.home_nodes.T
    base = np.append(compiled.circuit.base_v, np.nan)
    split, single = compiled.home_kind == SPLIT, compiled.home_kind == SINGLE
    coil_v = np.where(single & (b >= 0), feeder.home["kv"].to_numpy(float) * 1e3, base[a])
    # legs to the neutral of a split service, the coil of a single one, phases to ground of a three-phase one
    first = grounded[a] - np.where(split[:, None], grounded[c], np.where(single[:, None], grounded[b], 0.0))
    second = grounded[b] - np.where(split[:, None], grounded[c], 0.0)
    third = grounded[c]
    with np.errstate(invalid="ignore"):
        pu = np.stack(
            [
                np.abs(first) / coil_v[:, None],
                np.where(single[:, None] | (b < 0)[:, None], np.nan, np.abs(second) / base[b][:, None]),
                np.where((single | split | (c < 0))[:, None], np.nan, np.abs(third) / base[c][:, None]),
            ]
        )
    pu[pu == 0.0] = np.nan
    away = np.nan_to_num(np.abs(pu - 1.0), nan=-1.0)
    return np.asarray(np.take_along_axis(pu, away.argmax(axis=0)[None], axis=0)[0])


def ansi_range(pu: Float) -> np.ndarray:
    """Place in `RANGES` of service voltages, `DEAD` for NaN."""
    a = (pu >= RANGE_A[0]) & (pu <= RANGE_A[1])
    b = (pu >= RANGE_B[0]) & (pu <= RANGE_B[1])
    verdict = np.where(a, 0, np.where(b, 1, 2))
    return np.where(np.isnan(pu), DEAD, verdict).astype(np.int8)
