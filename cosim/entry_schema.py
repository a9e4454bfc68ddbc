"""JSON schemas of the library's entries, generated from the models that check them.

An editor that knows a schema completes keys and marks what is wrong while a planner types. Run
``python -m cosim.entry_schema`` to write ``docs/schema/`` anew.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cosim import library

PAGES = Path(__file__).parents[1] / "docs" / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def kinds() -> list[str]:
    """Kinds of entries that have a schema: the folders of ``models/`` that do."""
    known = library.schemas()
    return [kind for kind in library.kinds() if kind in known]


def schema(kind: str) -> dict[str, Any]:
    """Schema of a kind's TOML files, as JSON data.

    Raises
    ------
    LibraryError
        If there is no such kind with a schema; names the nearest.
    """
    from pydantic import TypeAdapter

    found = TypeAdapter(library.schema_of(kind)).json_schema()
    _as_written(found)
    return {"$schema": DIALECT, "$id": f"cosim/models/{kind}", **found}


def text(kind: str) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(kind), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _as_written(node: Any) -> None:
    """Turn the schema of an entry into that of its file, in place.

    A file has no ``name`` (its own is it), no NaN (a missing number is left out), and what a body takes from
    ``heat.base`` need not stand in it.
    """
    if isinstance(node, dict):
        if isinstance(default := node.get("default"), float) and math.isnan(default):
            del node["default"]
        properties, required = node.get("properties", {}), node.get("required", [])
        if "name" in properties and "title" in properties:
            properties.pop("name")
            required.remove("name")
        if node.get("title") == "HeatModel":
            required.remove("parts")
        for item in node.values():
            _as_written(item)
    elif isinstance(node, list):
        for item in node:
            _as_written(item)


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for written in kinds():
        (PAGES / f"{written}.json").write_text(text(written), encoding="utf-8")
