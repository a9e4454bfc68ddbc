"""Protective devices that a feeder carries in its own tables, as an imported model gave them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.devices.curves import Curve, DefiniteTime, TimeCurrentCurve
from cosim.devices.protection import Element, ProtectiveDevice, Shot
from cosim.errors import Problem
from cosim.feeder.nodes import numbers
from cosim.sections import section_of

if TYPE_CHECKING:
    import pandas as pd

    from cosim.feeder.feeder import Feeder

US = 1_000_000


def carried_devices(feeder: Feeder) -> tuple[ProtectiveDevice, ...]:
    """The devices of the feeder's tables, in their order; past its last point a curve stays at its last time."""
    curves = {
        str(name): TimeCurrentCurve(tuple(rows["multiple"]), tuple(rows["seconds"]), beyond="flat")
        for name, rows in feeder.table("curve_point").groupby("curve", sort=False)
    }
    elements: dict[tuple[int, int], list[Element]] = {}
    for row in _rows(feeder, "protective_element"):
        elements.setdefault((int(row.device), int(row.shot)), []).append(_element(row, curves))
    shots: dict[int, list[Shot]] = {}
    for row in _rows(feeder, "protective_shot"):
        dead_us = None if np.isnan(row.dead_s) else round(row.dead_s * US)
        shots.setdefault(int(row.device), []).append(
            Shot(tuple(elements.get((int(row.device), int(row.number)), ())), dead_us)
        )
    return tuple(
        ProtectiveDevice(
            row.name, row.kind, row.section, row.conductors, bool(row.ganged), tuple(shots[number]),
            round(row.opening_s * US), round(row.reset_s * US),
            interrupting_a=float(row.interrupting_a), source=row.source,
        )
        for number, row in enumerate(_rows(feeder, "protective_device"))
    )  # fmt: skip


def _rows(feeder: Feeder, table: str) -> list[Any]:
    return list(feeder.table(table).itertuples())


def _element(row: Any, curves: dict[str, TimeCurrentCurve]) -> Element:
    curve: Curve = curves[row.curve] if row.curve else DefiniteTime(1.0)
    return Element(
        row.label,
        float(row.pickup_a),
        curve,
        row.sees,
        float(row.dial),
        float(row.adder_s),
        float(row.reset_s),
    )


def protection_problems(feeder: Feeder) -> Iterator[Problem]:
    """What is wrong with the tables of protective devices."""
    yield from _curve_problems(feeder.table("curve_point"))
    shots = feeder.table("protective_shot")
    known: dict[int, int] = {}
    for number, row in enumerate(_rows(feeder, "protective_device")):
        key = f"protective_device[{number}]"
        yield from _place_problems(feeder, row, key)
        mine = shots[shots["device"] == number]
        known[number] = len(mine)
        dead = mine["dead_s"].to_numpy(float)
        if list(mine["number"]) != list(range(1, len(mine) + 1)) or not len(mine):
            yield Problem("needs shots numbered from 1 in their order", key=key, value=row.name)
        elif not np.isnan(dead[-1]) or not (dead[:-1] >= 0.0).all():
            yield Problem("needs a dead time after every shot but the last", key=key, value=row.name)
        if row.kind == "fuse" and len(mine) != 1:
            yield Problem("a fuse opens once", key=key, value=row.name)
        if not (row.opening_s >= 0.0 and row.reset_s >= 0.0):
            yield Problem("its times must not be negative", key=key, value=row.name)
    yield from _element_problems(feeder, known)


def _place_problems(feeder: Feeder, row: Any, key: str) -> Iterator[Problem]:
    kind, name, conductors = section_of(row.section)
    table = kind if kind in ("line", "transformer") and not conductors else "line"
    rows = np.flatnonzero(feeder.table(table)["name"].to_numpy() == name)
    if table != kind or conductors or not len(rows):
        message = f"{row.name} must stand at line:NAME or transformer:NAME of the feeder"
        yield Problem(message, key=f"{key}.section", value=row.section)
        return
    if kind == "line":
        nodes = [feeder.line["from_nodes"].iloc[rows[0]]]
    else:
        nodes = list(feeder.winding["nodes"][feeder.winding["transformer"] == rows[0]])[:1]
    there = {"abc"[node - 1] for text in nodes for node in numbers(text) if 1 <= node <= 3}
    if not row.conductors or not set(row.conductors) <= there:
        message = f"{row.name}: {row.section} has the phases {''.join(sorted(there)) or 'none'}"
        yield Problem(message, key=f"{key}.conductors", value=row.conductors)


def _element_problems(feeder: Feeder, shots: dict[int, int]) -> Iterator[Problem]:
    curves = set(feeder.table("curve_point")["curve"])
    devices = feeder.table("protective_device")
    bare = {(device, shot) for device, count in shots.items() for shot in range(1, count + 1)}
    for number, row in enumerate(_rows(feeder, "protective_element")):
        key = f"protective_element[{number}]"
        bare.discard((int(row.device), int(row.shot)))
        if not 1 <= row.shot <= shots.get(int(row.device), 0):
            yield Problem("its device has no such shot", key=f"{key}.shot", value=str(row.shot))
        if row.curve and row.curve not in curves:
            yield Problem("no such curve in curve_point", key=f"{key}.curve", value=row.curve)
        if not (row.pickup_a > 0.0 and row.dial > 0.0 and row.adder_s >= 0.0 and row.reset_s >= 0.0):
            yield Problem("pick-up and dial must be above 0, times not below", key=key)
        owner = devices.iloc[int(row.device)]
        if row.sees == "ground" and not owner["ganged"] and len(owner["conductors"]) > 1:
            yield Problem("what looks at the sum of phases opens all of them: ganged", key=key)
    for device, shot in sorted(bare):
        yield Problem(f"shot {shot} has no element", key=f"protective_device[{device}]")


def _curve_problems(points: pd.DataFrame) -> Iterator[Problem]:
    for name, rows in points.groupby("curve", sort=False):
        multiple, seconds = rows["multiple"].to_numpy(float), rows["seconds"].to_numpy(float)
        if not ((multiple > 0.0).all() and (seconds > 0.0).all() and (np.diff(multiple) > 0.0).all()):
            yield Problem(
                "its currents must rise from above 0, its times be above 0",
                key="curve_point",
                value=str(name),
            )
