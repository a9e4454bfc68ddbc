"""Values with units as a planner writes them: durations, local date-times, amounts."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
FIRST_YEAR, LAST_YEAR = 1900, 2200  # the calendars of time zones and of the sun hold there
DAY_US = MICROSECONDS["d"]
AGES_Y = (0.25, 60.0)  # of jaws; their ageing goes by seasons
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def parse_duration(value: object) -> int:
    """Microseconds of a text such as ``"90 s"``, ``"2 h"`` or ``"7 d"``.

    Raises
    ------
    PydanticCustomError
        If the text is not a positive number with a known unit, or not a whole number of microseconds.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in MICROSECONDS:
        raise PydanticCustomError(
            "duration", 'should be a number and a unit in quotes, such as "60 s", "15 min", "2 h" or "7 d"'
        )
    amount = Decimal(match[1]) * MICROSECONDS[match[2]]
    if amount <= 0 or amount != int(amount):
        raise PydanticCustomError("duration", "should be longer than zero and whole in microseconds")
    if amount > 10_000 * DAY_US:
        raise PydanticCustomError("duration", "should be at most 10000 d")
    return int(amount)


def format_duration(microseconds: int) -> str:
    """Shortest text that `parse_duration` reads back, in the largest unit that divides it."""
    for unit in ("d", "h", "min", "s", "ms"):
        if microseconds % MICROSECONDS[unit] == 0:
            return f"{microseconds // MICROSECONDS[unit]} {unit}"
    return f"{microseconds} us"


def parse_age(value: object) -> float:
    """Years of a text such as ``"12 y"`` or ``"0.5 y"``.

    Raises
    ------
    PydanticCustomError
        If it is not an age between `AGES_Y`.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    years = float(match[1]) if match and match[2] == "y" else None
    if years is None or not AGES_Y[0] <= years <= AGES_Y[1]:
        low, high = AGES_Y
        raise PydanticCustomError(
            "age", f'should be years in quotes, "{low:g} y" to "{high:g} y", such as "12 y"'
        )
    return years


def format_age(years: float) -> str:
    """Text that `parse_age` reads back."""
    return f"{repr(years).removesuffix('.0')} y"


def parse_moment(value: object) -> datetime:
    """Local date-time without an offset, from a TOML date-time, a date (midnight) or ISO text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise PydanticCustomError("moment", "should be a local date-time such as 2026-07-14T18:00:00")
    if value.tzinfo is not None:
        raise PydanticCustomError(
            "moment", "should be local time without an offset; the scenario's timezone says which"
        )
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise PydanticCustomError("moment", f"should be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


Duration = Annotated[
    int, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str, when_used="json")
]
Age = Annotated[
    float, BeforeValidator(parse_age), PlainSerializer(format_age, return_type=str, when_used="json")
]
Moment = Annotated[datetime, BeforeValidator(parse_moment)]


class Strict(BaseModel):
    """Base of all scenario tables: frozen, unknown keys refused, no silent conversion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )


class Amount(Strict):
    """A number for every home: fixed, or drawn for each home from a distribution."""

    value: float | None = None
    uniform: tuple[float, float] | None = None
    normal: tuple[float, float] | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, data: Any) -> Any:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"value": data}
        if not isinstance(data, dict | Amount):
            raise PydanticCustomError(
                "amount", "should be a number, { uniform = [low, high] } or { normal = [mean, deviation] }"
            )
        return data

    @model_validator(mode="after")
    def _one_and_possible(self) -> Amount:
        given = [pair for pair in (self.value, self.uniform, self.normal) if pair is not None]
        if len(given) != 1:
            raise PydanticCustomError("amount", "should give exactly one of a number, uniform and normal")
        if self.value is not None and self.value < 0:
            raise PydanticCustomError("amount", "should not be negative")
        if self.uniform is not None and not 0 <= self.uniform[0] <= self.uniform[1]:
            raise PydanticCustomError("amount", "uniform should be [low, high] with 0 <= low <= high")
        if self.normal is not None and not (self.normal[0] > 0 and self.normal[1] >= 0):
            raise PydanticCustomError("amount", "normal should be [mean, deviation] with mean > 0")
        return self

    def largest(self) -> float:
        """The number, the upper end of the uniform range or the mean of the normal distribution."""
        if self.value is not None:
            return self.value
        return self.uniform[1] if self.uniform is not None else (self.normal or (0.0, 0.0))[0]
