"""What a year's weather means to a building: design temperatures and cold water."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cosim.demand.weather import Weather

Float = NDArray[np.float64]

# Where the weather is a constant, machines are sized for these.
USUAL_DESIGN_C = (-8.0, 35.0)
DESIGN_SHARE = 0.004  # of a year's hours colder (warmer) than what machines are sized for: ASHRAE
LEAST_MAINS_C = 1.0


def design_temperatures(weather: Weather) -> tuple[float, float]:
    """Outdoor air for which heating and cooling are sized [degC]: the coldest and warmest 0.4 % of hours."""
    if weather.year is None:
        return USUAL_DESIGN_C
    cold, warm = np.quantile(weather.year.ambient_c, (DESIGN_SHARE, 1.0 - DESIGN_SHARE))
    return float(cold), float(warm)


def mains_temperature(weather: Weather, days: NDArray[np.int64]) -> Float:
    """Cold water from the street [degC] on local days counted from 1970-01-01.

    Burch and Christensen, "Towards development of an algorithm for mains water temperature" (2007): a sine
    about the year's mean air and 6 F, its swing and lag by that mean and the months' spread.
    """
    if weather.year is None:
        return np.full(len(days), max(weather.constant_c or 0.0, LEAST_MAINS_C))
    air = 1.8 * weather.year.ambient_c + 32.0
    months = [part.mean() for part in np.array_split(air, 12)]
    mean, swing = float(air.mean()), 0.5 * (max(months) - min(months))
    ratio, lag = 0.4 + 0.01 * (mean - 44.0), 35.0 - (mean - 44.0)
    dates = days.astype("datetime64[D]")
    day = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + (
        0.0 if weather.year.latitude >= 0.0 else 182.5
    )
    angle = math.pi / 180.0 * (0.986 * (day - 14.0 - lag) - 90.0)
    mains = (mean + 6.0 + ratio * swing * np.sin(angle) - 32.0) / 1.8
    return np.asarray(np.maximum(mains, LEAST_MAINS_C))
