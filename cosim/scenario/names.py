"""Names, shares and instants as scenario tables write them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from cosim.scenario.quantities import parse_moment

GROUP_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"


def _instant(value: object) -> object:
    if isinstance(value, str) and value in ("start", "peak"):
        return value
    try:
        return parse_moment(value)
    except PydanticCustomError:
        raise PydanticCustomError(
            "instant", 'should be "start", "peak" or a local date-time such as 2026-07-14T18:00:00'
        ) from None


def _entry(value: object) -> object:
    return None if value == "none" else value  # an override cannot write "nothing" otherwise


Instant = Annotated[str | datetime, BeforeValidator(_instant)]
EntryName = Annotated[str | None, BeforeValidator(_entry)]
GroupName = Annotated[str, Field(pattern=GROUP_NAME)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
