"""A street of homes on a scenario clock."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import numpy as np

from cosim.demand.calendar import Calendar
from cosim.demand.households import HouseholdDemand
from cosim.demand.traits import HomeTraits, draw_traits
from cosim.demand.weather import Weather
from cosim.randomness import stable_ids

SEED = 7


def calendar(start: str = "2026-07-14", steps: int = 1440, minutes: float = 1.0) -> Calendar:
    """New York time, minute steps if not said otherwise."""
    return Calendar(datetime.fromisoformat(start), "America/New_York", round(minutes * 60e6), steps)


def street(homes: int = 12, seed: int = SEED, **options: Any) -> HomeTraits:
    """Homes of all kinds: every third with PV."""
    row = np.arange(homes)
    return draw_traits(
        stable_ids([f"home-{i}" for i in row]),
        seed,
        pv_kw=np.where(row % 3 == 0, 6.0, 0.0),
        **options,
    )


weather = cache(Weather)  # files are read once


def households(
    clock: Calendar, traits: HomeTraits, source: str = "tmy3:greensboro", **options: Any
) -> HouseholdDemand:
    """Demand of a street; serial, as most tests need few steps."""
    return HouseholdDemand(clock, weather(source, clock), traits, SEED, **({"parallel": False} | options))
