"""The key reference of ``docs/scenarios.md``, made from the schema.

``python -m cosim.scenario.reference`` rewrites the generated part of the page; a test
compares the two.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cosim.scenario.declared import model_of
from cosim.scenario.home_schema import HomeGroup
from cosim.scenario.quantities import Amount
from cosim.scenario.schema import Scenario
from cosim.scenario.study_schema import HOME_QUANTITIES

BEGIN, END = "<!-- keys: generated -->", "<!-- end of keys -->"
PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def markdown() -> str:
    """The generated part of the page."""
    parts = []
    for table, rows in groupby(keys(), key=lambda row: row[0]):
        parts.append(f"### {f'`[{table}]`' if table else 'At the top'}\n")
        parts.append("| key | default | meaning |\n|---|---|---|")
        parts += [f"| `{key}` | {default} | {meaning} |" for _, key, default, meaning in rows]
        parts.append("")
    quantities = ", ".join(f"`{name}`" for name in HOME_QUANTITIES)
    parts.append(f"Quantities of `worst:QUANTITY:COUNT`, with or without the unit: {quantities}.")
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """The page with its generated part made anew."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{markdown()}\n\n{END}{rest.partition(END)[2]}"


def keys() -> Iterator[tuple[str, str, str, str]]:
    """(table, key, default, meaning) of every key, tables in the order of the schema."""
    yield from _keys_of(Scenario, "")


def _keys_of(model: type[BaseModel], table: str) -> Iterator[tuple[str, str, str, str]]:
    inner: list[tuple[type[BaseModel], str]] = []
    for name, field in model.model_fields.items():
        child, path = _child(field, f"{table}.{name}" if table else name)
        if child is not None:
            inner.append((child, path))
        else:
            yield table, name, _default_text(field), field.description or ""
    for child, path in inner:
        yield from _keys_of(child, path)


def _child(field: FieldInfo, path: str) -> tuple[type[BaseModel] | None, str]:
    """The model of a field that is a table, and the table's header."""
    if path == "homes":
        return HomeGroup, "homes.GROUP"
    if typing.get_origin(field.annotation) is tuple:
        return model_of(typing.get_args(field.annotation)[0]), f"[{path}]"
    model = model_of(field.annotation)
    return (None if model is Amount else model), path


def _default_text(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if isinstance(value, Amount):
        value = list(value.uniform) if value.uniform else value.value
        return f"`{{ uniform = {value} }}`" if isinstance(value, list) else f"`{value:g}`"
    if value in (None, (), "") or value == {}:
        return ""
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}`"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
