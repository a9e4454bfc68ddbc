"""Homes and generators as injectors: who draws what between which nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import GROUND, Float, Injectors, Int, LoadModel
from cosim.feeder.nodes import Nodes, numbers, wye_conductors

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

SPLIT, SINGLE, THREE = 0, 1, 2
_KINDS = {"split": SPLIT, "single": SINGLE, "three": THREE}


class InjectorRows:
    """Injectors as they are collected, column by column."""

    def __init__(self) -> None:
        self.share: list[tuple[float, float, float]] = []
        self._head: list[tuple[int, int, int, int]] = []
        self._cells: list[tuple[float, ...]] = []

    def add(
        self,
        owner: int,
        pair: tuple[int, int],
        model: int,
        power: tuple[float, float],
        v_nom: float,
        band: tuple[float, ...],
        law: tuple[float, ...] = (1.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0),
        share: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> int:
        """`band`: minimum, maximum, low; `law`: two exponents, ZIP of P and of Q, cut-off."""
        self._head.append((owner, *pair, model))
        self._cells.append((*power, v_nom, *band, *law))
        self.share.append(share)
        return len(self._cells) - 1

    def injectors(self) -> Injectors:
        """The collected rows as arrays."""
        head = np.array(self._head, dtype=np.int64).reshape(-1, 4)
        cells = np.array(self._cells, dtype=np.float64).reshape(-1, 15)
        columns = np.ascontiguousarray(cells.T)
        return Injectors(
            owner=head[:, 0].copy(),
            node_a=head[:, 1].copy(),
            node_b=head[:, 2].copy(),
            model=head[:, 3].astype(np.int8),
            p_w=columns[0],
            q_var=columns[1],
            v_nom=columns[2],
            v_min_pu=columns[3],
            v_max_pu=columns[4],
            v_low_pu=columns[5],
            p_exponent=columns[6],
            q_exponent=columns[7],
            zip_p=np.ascontiguousarray(cells[:, 8:11]),
            zip_q=np.ascontiguousarray(cells[:, 11:14]),
            v_cut_pu=columns[14],
        )


@dataclass(frozen=True)
class Homes:
    """What a compiled feeder says of its homes; see `cosim.feeder.compile.CompiledFeeder`."""

    kind: NDArray[np.int8]
    nodes: Int
    branch: Int
    panel: Int
    nominal_w: Float
    nominal_var: Float


# Inverters and chargers keep their power as the voltage rises; below 0.9 they are at their current limit and
# their power falls. An inverter never gives more than it has.
_DEVICE_BAND = (0.9, 2.0, 0.5)
_LAW = (
    "p_exponent",
    "q_exponent",
    "zip_pz",
    "zip_pi",
    "zip_pp",
    "zip_qz",
    "zip_qi",
    "zip_qp",
    "v_cut_pu",
)
_LEGS = {"both": (0.5, 0.5, 0.0), "1": (1.0, 0.0, 0.0), "2": (0.0, 1.0, 0.0), "line": (0.0, 0.0, 1.0)}


def add_homes(feeder: Feeder, nodes: Nodes, rows: InjectorRows) -> Homes:
    """Add the panel injectors of every home and, but for polyphase ones, those of its DER."""
    home = feeder.home
    on = home["in_service"].to_numpy(dtype=bool)
    watts = np.where(on, home["kw"].to_numpy(dtype=float) * 1e3, 0.0)
    vars_ = np.where(on, home["kvar"].to_numpy(dtype=float) * 1e3, 0.0)
    places = np.full((len(home), 3), GROUND, dtype=np.int64)
    branch, panel = np.full((2, len(home)), -1, dtype=np.int64)
    for row, data in enumerate(home.to_dict("records")):
        power = float(watts[row]), float(vars_[row])
        volts = data["kv"] * 1e3
        band = (data["v_min_pu"], data["v_max_pu"], data["v_low_pu"])
        law = tuple(data[name] for name in _LAW)
        live = 1.0 if on[row] else 0.0
        if data["kind"] == "split":
            pairs = _split_pairs(nodes.at(data["bus"], numbers(data["nodes"])))
            places[row] = pairs[0][0], pairs[1][0], pairs[0][1]
            for column, (pair, part) in enumerate(zip(pairs, _LEGS[data["leg"]], strict=True)):
                share = tuple(live if column == c else 0.0 for c in range(3))
                rows.add(
                    row,
                    pair,
                    data["model"],
                    (power[0] * part, power[1] * part),
                    volts * (2.0 if column == 2 else 1.0),
                    band,
                    law,
                    (share[0], share[1], share[2]),
                )
            branch[row] = rows.add(row, pairs[2], LoadModel.POWER, (0.0, 0.0), 2.0 * volts, _DEVICE_BAND)
            panel[row] = rows.add(row, pairs[2], LoadModel.POWER, (0.0, 0.0), 2.0 * volts, _DEVICE_BAND)
        elif data["kind"] == "single":
            a, b = (*nodes.at(data["bus"], numbers(data["nodes"])), GROUND)[:2]
            places[row, :2] = a, b
            rows.add(row, (a, b), data["model"], power, volts, band, law, (live, live, live))
            branch[row] = rows.add(row, (a, b), LoadModel.POWER, (0.0, 0.0), volts, _DEVICE_BAND)
            panel[row] = rows.add(row, (a, b), LoadModel.POWER, (0.0, 0.0), volts, _DEVICE_BAND)
        else:
            coils = phase_pairs(nodes.at, data["bus"], data["nodes"], data["connection"])
            places[row, : len(coils)] = [a for a, _ in coils]
            part = 1.0 / len(coils)
            for pair in coils:
                halves = power[0] * part, power[1] * part
                rows.add(row, pair, data["model"], halves, volts, band, law, (live * part,) * 3)
    kind = np.array([_KINDS[name] for name in home["kind"]], dtype=np.int8)
    return Homes(kind, places, branch, panel, watts, vars_)


def _split_pairs(at: list[int]) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    one, two, neutral = (*at, GROUND)[:3]
    return (one, neutral), (two, neutral), (one, two)


def phase_pairs(at: Any, bus: int, nodes: str, connection: str) -> list[tuple[int, int]]:
    """Node pairs of the coils of a polyphase customer; `at` turns (bus, conductors) into nodes."""
    if connection == "wye":
        phases, neutral = wye_conductors(nodes)
        star = at(bus, [neutral])[0]
        return [(phase, star) for phase in at(bus, phases)]
    corners = at(bus, numbers(nodes))
    closing = corners[1:] + corners[:1]
    coils = list(zip(corners, closing, strict=True))
    return coils if connection == "delta" and len(corners) == 3 else coils[:-1]


def add_generators(feeder: Feeder, nodes: Nodes, rows: InjectorRows) -> None:
    """Add the coils of every generator in service."""
    for unit in feeder.table("generator").to_dict("records"):
        if not unit["in_service"]:
            continue
        coils = phase_pairs(nodes.at, unit["bus"], unit["nodes"], unit["connection"])
        power = -unit["kw"] * 1e3 / len(coils), -unit["kvar"] * 1e3 / len(coils)
        band = (unit["v_min_pu"], unit["v_max_pu"], 0.0)  # no current limit: an impedance down to no voltage
        for pair in coils:
            rows.add(-1, pair, unit["model"], power, unit["kv"] * 1e3, band)
