"""What a scenario may say will happen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosim.scenario.quantities import Duration, Moment, Strict

EventKind = Literal["outage", "open", "close", "der-disconnect", "der-connect", "source-voltage"]


class Event(Strict):
    """Something that happens at a time."""

    at: Moment = Field(description="local date-time, inside the run")
    kind: EventKind = Field(description="what happens")
    where: str = Field(
        default="", description='"line:NAME", "home:NAME" or "group:NAME"; left out for source-voltage'
    )
    duration: Duration | None = Field(
        default=None, description="time until it is undone; not given: it stays"
    )
    value_pu: float | None = Field(
        default=None,
        ge=0.05,
        le=1.5,
        description="of source-voltage: what the substation's voltage is multiplied with, such as 0.6 in a sag",
    )
