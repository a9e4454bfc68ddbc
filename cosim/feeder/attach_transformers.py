"""Carries the two-winding transformers of a pandapower net, turned to their clock number."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from cosim.feeder.attach_base import Import, unique
from cosim.feeder.builder import Winding
from cosim.feeder.import_report import Outcome

NEEDED = ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent")


def vector_groups(net: Import) -> list[tuple[str, str]]:
    """High and low connection (YN, Y, D, ZN) of each transformer, assumed where not said."""
    groups = []
    shifts = net.tables.numbers("trafo", "shift_degree")
    given = net.tables.texts("trafo", "vector_group")
    for row, text, shift in zip(net.tables.frame("trafo").index, given, shifts, strict=True):
        if not text:
            text = "Dyn" if round(shift) % 60 == 30 else "YNyn"
            net.report.add(
                "trafo", Outcome.APPROXIMATED, str(row), f"no vector group; {text} assumed from the shift"
            )
        found = re.fullmatch(r"(YN|Y|D)(yn|y|d|zn)(\d{1,2})?", text)
        if found is None:
            net.problem("vector group is not carried", f"trafo.vector_group[{row}]", text)
            groups.append(("D", "yn"))
            continue
        groups.append((found[1], found[2]))
    return groups


def star_points(net: Import, groups: list[tuple[str, str]]) -> dict[int, int]:
    """Ungrounded star points at each bus."""
    count: dict[int, int] = {}
    frame = net.tables.frame("trafo")
    for row, (high, low) in enumerate(groups):
        for column, kind in (("hv_bus", high), ("lv_bus", low)):
            if kind in ("Y", "y"):
                bus = int(frame[column].iloc[row])
                count[bus] = count.get(bus, 0) + 1
    return count


def add_transformers(net: Import, groups: list[tuple[str, str]]) -> None:
    """Two-winding units, turned to their clock number by the order of the low-side conductors."""
    tables, frame = net.tables, net.tables.frame("trafo")
    number = {c: tables.numbers("trafo", c, math.nan) for c in NEEDED}
    shift, parallel = tables.numbers("trafo", "shift_degree"), tables.numbers("trafo", "parallel", 1.0)
    loss_kw, i0 = tables.numbers("trafo", "pfe_kw"), tables.numbers("trafo", "i0_percent")
    names, on = unique(tables.texts("trafo", "name"), frame.index, "trafo"), tables.flags("trafo")
    closed = closed_transformers(net)
    for i, (index, (high, low)) in enumerate(zip(frame.index, groups, strict=True)):
        cell = {column: float(values[i]) for column, values in number.items()}
        x_squared = cell["vk_percent"] ** 2 - cell["vkr_percent"] ** 2
        if not (all(cell[c] > 0.0 for c in ("sn_mva", "vn_hv_kv", "vn_lv_kv")) and x_squared > 0.0):
            net.problem("rating, voltages and vk_percent > vkr_percent must be positive", f"trafo[{index}]")
            continue
        turn = turned(net, index, float(shift[i]), (high == "D") != (low == "d"))
        if turn is None:
            continue
        rotation, leading = turn
        note_zero_sequence(net, i, names[i], low, cell["vk_percent"])
        rated_kva = cell["sn_mva"] * 1e3
        no_load = 100.0 * float(loss_kw[i]) / rated_kva
        tap = taps(net, i, index)
        high_nodes = winding_nodes(net, int(frame["hv_bus"].iloc[i]), high, "1.2.3")
        order = ".".join(str((coil - rotation) % 3 + 1) for coil in range(3))
        low_nodes = winding_nodes(net, int(frame["lv_bus"].iloc[i]), low, order)
        net.builder.add_transformer(
            names[i],
            "substation" if cell["vn_lv_kv"] >= 1.0 else "other",
            [
                winding(net, int(frame["hv_bus"].iloc[i]), high_nodes, high, cell["vn_hv_kv"], cell, tap[0]),
                winding(net, int(frame["lv_bus"].iloc[i]), low_nodes, low, cell["vn_lv_kv"], cell, tap[1]),
            ],
            phases=3,
            rated_kva=rated_kva * float(parallel[i]),
            x_percent=[math.sqrt(x_squared)],
            noload_percent=no_load,
            imag_percent=math.sqrt(max(float(i0[i]) ** 2 - no_load**2, 0.0)),
            leading=leading,
            in_service=on[i] and index not in closed,
            model=tables.texts("trafo", "std_type")[i],
        )
        net.report.add("trafo", Outcome.CARRIED, names[i])


def winding(
    net: Import, bus: int, nodes: str, kind: str, vn_kv: float, cell: dict[str, float], tap: float
) -> Winding:
    """One three-phase winding; a zigzag stands as a wye."""
    delta = kind in ("D", "d")
    coil_kv = vn_kv if delta else vn_kv / math.sqrt(3.0)
    connection = "delta" if delta else "wye"
    return Winding(net.bus_names[bus], nodes, coil_kv, cell["vkr_percent"] / 2.0, connection, tap_pu=tap)


def winding_nodes(net: Import, bus: int, kind: str, phases: str) -> str:
    """Phases and star point: ground, a conductor of its own if ungrounded, unused for delta."""
    if kind not in ("Y", "y"):
        return f"{phases}.0"
    net.neutrals[bus] = net.neutrals.get(bus, 0) + 1
    return f"{phases}.{3 + net.neutrals[bus]}"


def turned(net: Import, index: Any, shift: float, mixed: bool) -> tuple[int, bool] | None:
    """Cyclic turn of the low side (in thirds) and whether it leads, for a lag of `shift` degrees."""
    for leading, own in ((False, 30), (True, -30)) if mixed else ((False, 0),):
        thirds = (shift - own) / 120.0
        if abs(thirds - round(thirds)) < 1e-6:
            return round(thirds) % 3, leading
    right = "30 degrees more or less than a multiple of 120" if mixed else "a multiple of 120 degrees"
    net.problem(f"is not carried; it must be {right}", f"trafo.shift_degree[{index}]", shift)
    return None


def note_zero_sequence(net: Import, i: int, name: str, low: str, vk_percent: float) -> None:
    """List what the bank of single-phase units cannot say about zero sequence."""
    vk0 = float(net.tables.numbers("trafo", "vk0_percent", vk_percent)[i])
    if low == "zn":
        net.report.add(
            "trafo",
            Outcome.APPROXIMATED,
            name,
            "zigzag carried as a wye: its zero sequence is vk_percent",
        )
    elif abs(vk0 - vk_percent) > 1e-6 * vk_percent:
        net.report.add("trafo", Outcome.APPROXIMATED, name, "vk0_percent taken as equal to vk_percent")
    if not math.isnan(net.tables.numbers("trafo", "mag0_percent", math.nan)[i]):
        said = "mag0_percent not carried: no zero-sequence path through the core of a three-limb unit"
        net.report.add("trafo", Outcome.APPROXIMATED, name, said)


def taps(net: Import, i: int, index: Any) -> tuple[float, float]:
    """Turns ratio at the high and low side from the tap position."""
    tables = net.tables
    position = tables.numbers("trafo", "tap_pos", math.nan)[i]
    neutral = tables.numbers("trafo", "tap_neutral", math.nan)[i]
    step = tables.numbers("trafo", "tap_step_percent")[i]
    steps = 0.0 if math.isnan(position) or math.isnan(neutral) else position - neutral
    if steps and tables.numbers("trafo", "tap_step_degree")[i]:
        net.problem("a phase-shifting tap is not carried", f"trafo.tap_step_degree[{index}]")
    second = tables.numbers("trafo", "tap2_pos", math.nan)[i]
    if not math.isnan(second) and second != tables.numbers("trafo", "tap2_neutral")[i]:
        net.problem("a second tap changer is not carried", f"trafo.tap2_pos[{index}]", second)
    ratio = float(1.0 + steps * step / 100.0)
    return (ratio, 1.0) if tables.texts("trafo", "tap_side", "hv")[i] == "hv" else (1.0, ratio)


def closed_transformers(net: Import) -> set[Any]:
    """Net indices of transformers with an open switch at either side: they are taken as off."""
    frame = net.tables.frame("switch")
    if frame.empty:
        return set()
    opened = frame[(frame["et"] == "t") & ~np.array(net.tables.flags("switch", "closed"))]
    for index in opened["element"]:
        net.report.add(
            "switch",
            Outcome.APPROXIMATED,
            f"trafo {index}",
            "a transformer open at one side is off at both",
        )
    return set(opened["element"])
