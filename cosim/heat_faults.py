"""What makes a body no network: told key by key, all at once, before anything is built.

Works on plain data, however wrong the rest of it is, so that one message holds all that is wrong with a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

AMBIENT = "ambient"


def faults(
    heat: object, materials: Collection[str], conducts: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """(key, message) of every fault of a ``[heat]`` table that no single field shows.

    Parameters
    ----------
    heat
        The table, unchecked; what is not even a table is left to the schema.
    materials
        Names of all materials.
    conducts
        Whether a known material carries current.
    """
    if not isinstance(heat, Mapping) or not isinstance(heat.get("parts"), Mapping):
        return
    parts = heat["parts"]
    links = list(_links(heat))
    if AMBIENT in parts:
        yield f"heat.parts.{AMBIENT}", f"{AMBIENT} is the air around; choose another name"
    for key, ends in links:
        solid = ends[:1] if key.startswith(("heat.surfaces", "heat.wires")) else ends
        for end in ends:
            if end not in parts and end != AMBIENT:
                yield key, f"unknown part {end}; parts are {', '.join(sorted(parts))}"
        if AMBIENT in solid:
            yield key, f"{AMBIENT} is no part; give heat to the air with a surface or a wire"
        elif len(ends) == 2 and ends[0] == ends[1]:
            yield key, f"joins {ends[0]} with itself"
    if floating := _floating(parts, [ends for _, ends in links]):
        yield "heat", f"no path for heat to the ambient air from {', '.join(floating)}"
    for key, row in _rows(heat):
        name = row.get("material")
        if not isinstance(name, str) or not name:
            continue
        if name not in materials:
            near = difflib.get_close_matches(name, materials, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(materials))}"
            yield f"{key}.material", f"unknown entry of models/materials {name!r}; {hint}"
        elif _needs_metal(key, row) and not conducts(name):
            yield key, f"{name} has no resistivity; choose a metal, or give resistance_ohm and its slope"


def _links(heat: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every row that joins things, with its key and its ends."""
    for key, row in _rows(heat):
        between = row.get("between")
        if isinstance(between, list | tuple):
            yield f"{key}.between", tuple(end for end in between if isinstance(end, str))
        elif isinstance(row.get("part"), str):
            to = row.get("to", AMBIENT)  # a wire ends in the open air
            yield key, (row["part"], to) if isinstance(to, str) else (row["part"],)


def _rows(heat: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Parts, joints, surfaces and wires that are tables, with their keys."""
    for name, part in heat["parts"].items():
        if isinstance(part, Mapping):
            yield f"heat.parts.{name}", part
    for kind in ("joints", "surfaces", "wires"):
        rows = heat.get(kind, ())
        for number, row in enumerate(rows if isinstance(rows, list | tuple) else ()):
            if isinstance(row, Mapping):
                yield f"heat.{kind}.{number}", row


def _needs_metal(key: str, row: Mapping[str, Any]) -> bool:
    if key.startswith("heat.wires"):
        return True
    if row.get("current", "none") == "none":
        return False
    return key.startswith("heat.joints") or None in (row.get("resistance_ohm"), row.get("resistance_slope"))


def _floating(parts: Mapping[str, Any], links: list[tuple[str, ...]]) -> list[str]:
    reached = {AMBIENT}
    for _ in parts:
        reached |= {end for ends in links if reached & set(ends) for end in ends}
    return sorted(set(parts) - reached)
