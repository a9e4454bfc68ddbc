"""What an entry of ``models/reliability`` holds: how often a feeder's parts fail, and how long crews take."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from cosim.entries import Entry, Frozen, Quantity, of

Share = Annotated[Quantity, of("1", 0.0, 1.0)]
PerKm = Annotated[Quantity, of("1/(km year)", 0.0, 100.0)]
PerPiece = Annotated[Quantity, of("1/year", 0.0, 100.0)]
Seconds = Annotated[Quantity, of("s", 0.0, 1e7)]
Spread = Annotated[Quantity, of("1", 0.0, 3.0)]
Factor = Annotated[Quantity, of("1", 0.01, 100.0)]
ACTIVITIES = (
    "call", "notice", "travel", "patrol", "switch",
    "repair_overhead", "repair_cable", "repair_transformer", "repair_drop",
)  # fmt: skip


class PerLength(Frozen):
    """Faults of a kind of line, by its length."""

    permanent: PerKm
    temporary: PerKm


class PerUnit(Frozen):
    """Faults of a piece of equipment."""

    permanent: PerPiece
    temporary: PerPiece


class Types(Frozen):
    """Shares of faults of a three-phase line by what touches what; other lines have those that they can have."""

    line_ground: Share
    line_line: Share
    line_line_ground: Share
    three_phase: Share

    @model_validator(mode="after")
    def _whole(self) -> Self:
        shares = (self.line_ground, self.line_line, self.line_line_ground, self.three_phase)
        if abs(sum(share.value for share in shares) - 1.0) > 1e-9:
            raise ValueError("the shares of the types must add up to 1")
        return self


class Lognormal(Frozen):
    """A duration: its median, and the standard deviation of its logarithm."""

    median: Seconds
    sigma: Spread


class Activities(Frozen):
    """How long a crew takes for what; `switch` for one operation.

    `call` is until somebody without voltage has called, `notice` until somebody has noticed a fault that no device
    sees.
    """

    call: Lognormal
    notice: Lognormal
    travel: Lognormal
    patrol: Lognormal
    switch: Lognormal
    repair_overhead: Lognormal
    repair_cable: Lognormal
    repair_transformer: Lognormal
    repair_drop: Lognormal


class Storms(Frozen):
    """Days on which a feeder's parts fail together.

    Parameters
    ----------
    per_year
        How many there are.
    worth
        Median of a storm's faults, in years of ordinary ones.
    worth_sigma
        Standard deviation of its logarithm.
    lasts
        Within what time the faults strike.
    """

    per_year: PerPiece
    worth: Annotated[Quantity, of("year", 0.0, 100.0)]
    worth_sigma: Spread
    lasts: Lognormal


class Calibration(Frozen):
    """What the figures were scaled by, once, to published indices."""

    permanent: Factor
    durations: Factor


class ReliabilityEntry(Entry):
    """Fault rates and kinds, crews and their pace, storms.

    Parameters
    ----------
    overhead, underground
        Primary lines.
    transformer, drop
        A service transformer, a home's service.
    types
        What touches what on primary lines.
    broken_neutral
        Share of a drop's permanent faults that part its neutral instead.
    fault_ohm
        Resistance inside a fault.
    dead_time
        For how long a temporary fault's conductors have to be dead until it is gone.
    crews
        How many a feeder can call upon.
    order
        Whom a free crew goes to: in the order of the calls, or to what most homes hang on first.
    calibration
        Factors on permanent rates and on the durations of `activities`.
    """

    overhead: PerLength
    underground: PerLength
    transformer: PerUnit
    drop: PerUnit
    types: Types
    broken_neutral: Share
    fault_ohm: Annotated[Quantity, of("ohm", 0.0, 1000.0)]
    dead_time: Lognormal
    crews: Annotated[Quantity, of("1", 1.0, 1000.0)]
    activities: Activities
    order: Literal["calls", "homes"] = "calls"
    storms: Storms
    calibration: Calibration

    @model_validator(mode="after")
    def _whole_crews(self) -> ReliabilityEntry:
        if self.crews.value % 1.0:
            raise ValueError(f"crews: should be a whole number, not {self.crews.value:g}")
        return self


SCHEMAS = {"reliability": ReliabilityEntry}
