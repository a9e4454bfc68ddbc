"""What the schema declares at a path of keys."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any

from pydantic import BaseModel

from cosim.scenario.schema import Scenario


def annotation_at(path: tuple[str | int, ...]) -> Any:
    """Declared type at a path of keys and indices; None where the schema knows nothing."""
    here: Any = Scenario
    for part in path:
        here = _inside(here, part)
        if here is None:
            return None
    return here


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """Keys a table at `path` may have; empty for free tables and for what is not a table."""
    model = model_of(annotation_at(path))
    return list(model.model_fields) if model else []


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``Ev | None``."""
    candidates = _members(annotation)
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _members(annotation: Any) -> list[Any]:
    """Alternatives of a type: ``Annotated`` unwrapped, unions split, None dropped."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin is typing.Union or origin is types.UnionType:
        return [m for a in typing.get_args(annotation) if a is not type(None) for m in _members(a)]
    return [annotation]


def _inside(annotation: Any, part: str | int) -> Any:
    model = model_of(annotation)
    if model is not None:
        field = model.model_fields.get(str(part))
        return field.annotation if field else None
    for member in _members(annotation):
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if origin is tuple and isinstance(part, int):
            return arguments[0]
        if origin is not None and origin is not tuple and isinstance(part, str):
            return arguments[1]
    return None
