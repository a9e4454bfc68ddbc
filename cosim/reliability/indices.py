"""Interruption indices as IEEE 1366 defines them: from who was out, when, and for how long.

An interruption of more than five minutes is sustained, a shorter one momentary. MAIFI counts momentary interruptions,
MAIFI_E momentary events: those of one home within five minutes of each other are one, and those that end in a
sustained interruption are part of it. A day is a major event day if its SAIDI exceeds exp(alpha + 2.5 beta), alpha and
beta being mean and standard deviation of the logarithm of daily SAIDI, days without interruptions left out. An
interruption belongs to the day on which it began.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cosim.reliability.history import History

MOMENTARY_US = 300_000_000
DAY_US = 86_400_000_000
HOURS_A_YEAR = 8760.0
BETAS = 2.5
NORMAL_95 = 1.959963984540054

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Index:
    """A mean over years, and the half width of its 95 % confidence interval from the scatter of the years."""

    value: float
    half_width: float


@dataclass(frozen=True)
class Indices:
    """Interruption indices a year.

    Parameters
    ----------
    saifi, saidi_min, caidi_min
        Sustained interruptions a home, minutes a home, minutes an interruption (nan without any).
    maifi, maifi_e
        Momentary interruptions and momentary events a home.
    asai
        Share of time in service.
    cemi
        Share of homes with 1, 2, 3, .. or more sustained interruptions in a year, mean of the years: CEMI-n as IEEE
        1366-2012 counts it is ``cemi[n - 1]``, and as the edition of 2003 does (more than n) ``cemi[n]``.
    years, interruptions
        What they rest on.
    major_event_days
        How many days were left out.
    """

    saifi: Index
    saidi_min: Index
    caidi_min: Index
    maifi: Index
    maifi_e: Index
    asai: Index
    cemi: tuple[float, ...]
    years: int
    interruptions: int
    major_event_days: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self)


def sustained(history: History) -> Bool:
    """(k,) which interruptions last more than five minutes."""
    return np.asarray(history.end_us - history.start_us > MOMENTARY_US)


def momentary_events(history: History) -> Bool:
    """(k,) which interruptions begin a momentary event that no sustained interruption ends."""
    starts = np.zeros(len(history.home), dtype=np.bool_)
    order = np.lexsort((history.start_us, history.home, history.year))
    long = sustained(history)
    event: list[int] = []
    last: tuple[int, int] | None = None
    until = 0
    for k in order.tolist():
        who = int(history.year[k]), int(history.home[k])
        if event and (who != last or history.start_us[k] - until > MOMENTARY_US):
            starts[event[0]] = True
            event = []
        event = [] if long[k] else [*event, k]  # what comes before a sustained one is part of it
        last, until = who, int(history.end_us[k])
    if event:
        starts[event[0]] = True
    return starts


def major_event_days(history: History) -> tuple[Bool, float]:
    """(k,) interruptions that began on major event days, and the threshold of daily SAIDI [min]."""
    day = history.year * 366 + history.start_us // DAY_US
    minutes = np.where(sustained(history), (history.end_us - history.start_us) / 60e6, 0.0) / history.homes
    days, place = np.unique(day, return_inverse=True)
    saidi = np.bincount(place, minutes, len(days)) if len(days) else np.zeros(0)
    logs = np.log(saidi[saidi > 0.0])
    if len(logs) < 2:
        return np.zeros(len(day), dtype=np.bool_), math.inf
    threshold = math.exp(float(logs.mean()) + BETAS * float(logs.std(ddof=1)))
    return np.asarray(saidi[place] > threshold), threshold


def indices(history: History, *, without_major_event_days: bool = False) -> Indices:
    """All indices of a history."""
    major, _ = major_event_days(history)
    kept = ~major if without_major_event_days else np.ones(len(history.home), dtype=np.bool_)
    place = np.searchsorted(history.years, history.year)
    years, homes = len(history.years), history.homes
    left_out = len(np.unique((place * 366 + history.start_us // DAY_US)[~kept]))
    long, begins = sustained(history) & kept, momentary_events(history) & kept
    minutes = (history.end_us - history.start_us) / 60e6

    def by_year(chosen: Bool, weight: Float | None = None) -> Float:
        weights = None if weight is None else weight[chosen]
        return np.bincount(place[chosen], weights, years) / homes

    saifi, saidi = by_year(long), by_year(long, minutes)
    per_home = np.bincount(place[long] * homes + history.home[long], minlength=years * homes)
    most = int(per_home.max(initial=0))
    down = _mean(saidi / 60.0 / HOURS_A_YEAR)
    return Indices(
        saifi=_mean(saifi),
        saidi_min=_mean(saidi),
        caidi_min=_ratio(saidi, saifi),
        maifi=_mean(by_year(kept & ~sustained(history))),
        maifi_e=_mean(by_year(begins)),
        asai=Index(1.0 - down.value, down.half_width),
        cemi=tuple(float((per_home >= n).mean()) for n in range(1, most + 1)) if len(per_home) else (),
        years=years,
        interruptions=int(long.sum()),
        major_event_days=left_out,
    )


def _mean(values: Float) -> Index:
    half = NORMAL_95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Index(float(values.mean()) if len(values) else math.nan, half)


def _ratio(above: Float, below: Float) -> Index:
    """Ratio of two means; its scatter to first order."""
    if not below.sum():
        return Index(math.nan, math.nan)
    ratio = float(above.sum() / below.sum())
    return Index(ratio, _mean((above - ratio * below) / below.mean()).half_width)
