"""A body on top of another: what products share is stated once, under ``models/bodies``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LISTS = ("joints", "surfaces", "wires")


def merged(own: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The ``[heat]`` table `own` on top of the table `base` that it names, both as plain data.

    A part of `own` replaces the base's of the same name. A joint, surface or wire of `own` replaces all the
    base's between the same two ends (a wire: at the same part). Lists begin with `own`'s
    rows, so that a place in the merged table is the same place in `own`'s file. Merging twice changes nothing.
    """
    out: dict[str, Any] = {**base, **own}
    if isinstance(parts := own.get("parts", {}), Mapping):
        out["parts"] = {**base.get("parts", {}), **parts}
    for name in LISTS:
        if isinstance(rows := own.get(name, []), list):
            taken = [_ends(row) for row in rows]
            out[name] = [*rows, *(row for row in base.get(name, []) if _ends(row) not in taken)]
    told, before = own.get("derivation", ""), base.get("derivation", "")
    if isinstance(told, str) and isinstance(before, str) and before not in told:
        out["derivation"] = f"{before}\n{told}" if told else before
    return out


def stands_in(data: Any, key: str) -> bool:
    """Whether the table that holds the dotted `key` stands in `data`."""
    for step in key.split(".")[:-1]:
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return False
    return True


def _ends(row: Any) -> Any:
    """What a row of a list joins; rows not well formed join nothing but themselves."""
    if not isinstance(row, Mapping):
        return id(row)
    if "between" in row:
        ends = row["between"]
        return frozenset(map(str, ends)) if isinstance(ends, list | tuple) else id(row)
    return row.get("part"), row.get("to")
