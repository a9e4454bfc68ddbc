"""What an entry of ``models/tariffs`` holds: hours of the week and year by price."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cosim.entries import Entry, Frozen, Quantity, of

SLOTS_A_DAY = 96
_TIME = re.compile(r"(\d{2}):(\d{2})")
DAYS = {"all": (0, 1), "weekday": (0,), "weekend": (1,)}


def slot_of(text: str) -> int:
    """Quarter of an hour of a time of day such as ``"16:00"`` or ``"24:00"``.

    Raises
    ------
    ValueError
        If it is none, or does not fall on a quarter of an hour.
    """
    match = _TIME.fullmatch(text)
    hour, minute = (int(match[1]), int(match[2])) if match else (99, 0)
    if minute % 15 or hour * 60 + minute > 24 * 60:
        raise ValueError(f'{text!r} should be a time on a quarter of an hour, "00:00" to "24:00"')
    return hour * 4 + minute // 15


def slots_of(start: str, end: str) -> list[int]:
    """Quarters of an hour from one time to another, over midnight if the end is not after the start."""
    first, last = slot_of(start) % SLOTS_A_DAY, slot_of(end)
    last = last if last > first else last + SLOTS_A_DAY
    return [slot % SLOTS_A_DAY for slot in range(first, last)]


class TariffPeriod(Frozen):
    """Hours of one price.

    Parameters
    ----------
    months
        1 to 12.
    hours
        Pairs of times on quarters of an hour; over midnight if the second is not after the first.
    rank
        0 for the cheapest; equal ranks are equally good.
    """

    title: str
    months: tuple[int, ...] = tuple(range(1, 13))
    days: Literal["all", "weekday", "weekend"] = "all"
    hours: tuple[tuple[str, str], ...] = Field(min_length=1)
    rank: int = Field(ge=0, le=7)
    usd_per_kwh: Annotated[Quantity, of("USD/kWh", -10.0, 10.0, known=False)]

    @model_validator(mode="after")
    def _possible(self) -> TariffPeriod:
        if not self.months or not all(1 <= month <= 12 for month in self.months):
            raise ValueError("months must be numbers from 1 to 12")
        for start, end in self.hours:
            slots_of(start, end)
        return self


class TariffEntry(Entry):
    """A residential tariff by time of use. Every quarter of an hour of the year belongs to exactly one period.

    Holidays count as the days of the week they fall on.
    """

    utility: str
    source: str = Field(min_length=3)
    periods: tuple[TariffPeriod, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> TariffEntry:
        count = [[[0] * SLOTS_A_DAY for _ in range(2)] for _ in range(12)]
        for month, day, slot, _ in self.cells():
            count[month][day][slot] += 1
        cells = [
            (m, d, s) for m in range(12) for d in range(2) for s in range(SLOTS_A_DAY) if count[m][d][s] != 1
        ]
        if cells:
            month, day, slot = cells[0]
            what = "no period" if count[month][day][slot] == 0 else "several periods"
            kind = ("weekdays", "weekends")[day]
            raise ValueError(
                f"{slot // 4:02d}:{slot % 4 * 15:02d} on {kind} of month {month + 1} belongs to {what}"
                + (f", as do {len(cells) - 1} more quarters of an hour" if len(cells) > 1 else "")
            )
        return self

    def cells(self) -> list[tuple[int, int, int, int]]:
        """(month from 0, weekday 0 or weekend 1, quarter of an hour, rank) of all periods."""
        return [
            (month - 1, day, slot, period.rank)
            for period in self.periods
            for month in period.months
            for day in DAYS[period.days]
            for start, end in period.hours
            for slot in slots_of(start, end)
        ]


SCHEMAS = {"tariffs": TariffEntry}
