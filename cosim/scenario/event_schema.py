"""What a scenario may say will happen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosim.scenario.quantities import Duration, Moment, Strict
from cosim.scenario.study_schema import FaultName

EventKind = Literal[
    "outage",
    "open",
    "close",
    "tie",
    "fault",
    "lost-neutral",
    "der-disconnect",
    "der-connect",
    "source-voltage",
]


class Event(Strict):
    """Something that happens at a time."""

    at: Moment = Field(description="local date-time, inside the run")
    kind: EventKind = Field(
        description='what happens: "outage", "open" or "close" of a section, "tie" (an open switch is closed on '
        'purpose), "fault" (a short circuit), "lost-neutral", "der-disconnect", "der-connect" or "source-voltage"'
    )
    where: str = Field(
        default="",
        description='"line:NAME", "transformer:NAME" or "home:NAME", of `outage`, `open`, `close` and `fault` with '
        'single conductors too, such as "line:lateral-7@b" or "home:12@n"; "group:NAME" of DER; left out for '
        "source-voltage",
    )
    duration: Duration | None = Field(
        default=None,
        description="time until it is undone, not given: it stays; of a fault: for how long its line has to be dead "
        "until it is gone, not given: until a crew repairs it",
    )
    value_pu: float | None = Field(
        default=None,
        ge=0.05,
        le=1.5,
        description="of source-voltage: what the substation's voltage is multiplied with, such as 0.6 in a sag",
    )
    fault: FaultName | None = Field(
        default=None,
        description="of a fault: line-ground, line-line, line-line-ground, three-phase or three-phase-ground; by the "
        "number of conductors named if not given (one: to ground)",
    )
    ohm: float = Field(
        default=0.0, ge=0.0, le=10_000.0, description="of a fault: resistance inside it [ohm]; 0 is bolted"
    )
    along: float = Field(
        default=1.0,
        ge=0.0,
        le=1.0,
        description="of a fault on a line: how far along it, 0 at its feeding end",
    )
