"""A year of weather drawn from a place's latitude alone: an estimate where no file is at hand.

Air: an annual and a daily cosine, and a day-to-day departure that decays by 0.65 a day (Richardson, "Stochastic
simulation of daily precipitation, temperature, and solar radiation", Water Resources Research 17, 1981, finds
0.62 for daily maxima and 0.67 for minima). Dew point: a kelvin below the day's coolest hour, as nights without
frontal passage end near saturation. Cover: Beta(1/2, 1/2), the U shape of Falls, "The beta distribution: a
statistical model for world cloud cover", J. Geophysical Research 79 (1974); persistence 0.25 from day to day
(Richardson's radiation) and 0.9 from hour to hour. Wind: Rayleigh, with a daily cosine. Everything but the two
cited shapes is engineering judgement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cosim.demand.weather_checks import YEAR_H
from cosim.demand.weather_files import SEA_LEVEL_PA, Year
from cosim.randomness import stable_id

Float = NDArray[np.float64]

DAILY_SWING_K = 5.0
DEPARTURE_DAY = 0.65
COVER_DAY, COVER_HOUR = 0.25, 0.9
WIND_HOUR = 0.9
MEAN_WIND_M_S = 3.5
DAILY_WIND = 0.3
VEER_DEG = 60.0
TRADES_DEG = 30.0  # nearer to the equator wind comes from the east, farther from it from the west


def clear_year(latitude: float, longitude: float) -> Year:
    """Cloudless year with a smooth temperature.

    The annual mean is 36 degC less 0.57 K a degree of latitude (at most 27), the annual half swing is
    0.3 K a degree, the daily one 5 K; warmest on July 20 (January 19 in the south) at 15:00. These lines
    pass within 3.1 K of the annual means of Miami, Greensboro and Sand Point in the files pvlib ships.
    """
    seasonal, daily = _cosines(latitude)
    return Year(
        latitude, longitude, 0.0, float(round(longitude / 15.0)),
        ambient_c=seasonal + daily,
        wind_m_s=np.full(YEAR_H, 3.0),
        dew_c=seasonal - DAILY_SWING_K - 1.0,
        pressure_pa=np.full(YEAR_H, SEA_LEVEL_PA),
        wind_from_deg=None,
        dni=None,
        dhi=None,
    )  # fmt: skip


def synthetic_year(latitude: float, longitude: float, seed: int) -> Year:
    """Year with clouds, changing air and wind; `clear_year`'s climate, drawn by the scenario's seed."""
    draw = np.random.Generator(np.random.Philox(key=[seed, stable_id("weather.synthetic")]))
    seasonal, daily = _cosines(latitude)
    hour = np.arange(1, YEAR_H + 1)
    at_noon = (np.arange(365) + 0.5) * 24.0
    departure = (1.0 + 0.09 * abs(latitude)) * _memory(draw, 365, DEPARTURE_DAY)
    departure_h = np.interp(hour, at_noon, departure)
    of_day = np.interp(hour, at_noon, _memory(draw, 365, COVER_DAY))
    of_hour = _memory(draw, YEAR_H, COVER_HOUR)
    cover = np.sin(0.5 * np.pi * ndtr(np.sqrt(0.5) * (of_day + of_hour))) ** 2
    clear = 1.0 - 0.5 * (cover.reshape(-1, 24).mean(axis=1) - 0.5)  # covered days swing less
    gust = ndtr(_memory(draw, YEAR_H, WIND_HOUR))
    rayleigh = MEAN_WIND_M_S * np.sqrt(-4.0 / np.pi * np.log(1.0 - gust))
    from_deg = (90.0 if abs(latitude) < TRADES_DEG else 270.0) + VEER_DEG * _memory(draw, 365, DEPARTURE_DAY)
    return Year(
        latitude, longitude, 0.0, float(round(longitude / 15.0)),
        ambient_c=seasonal + departure_h + daily * np.repeat(clear, 24),
        wind_m_s=rayleigh * (1.0 + DAILY_WIND * np.cos(2.0 * np.pi * (hour - 14.0) / 24.0)),
        dew_c=seasonal + departure_h - DAILY_SWING_K - 1.0,
        pressure_pa=np.full(YEAR_H, SEA_LEVEL_PA),
        wind_from_deg=np.repeat(from_deg, 24) % 360.0,
        dni=None,
        dhi=None,
        cover=cover,
    )  # fmt: skip


def _cosines(latitude: float) -> tuple[Float, Float]:
    """Temperature of the season, and what the hour of the day adds [degC], each (8760,)."""
    hour = np.arange(1, YEAR_H + 1)
    warmest = 200.0 if latitude >= 0 else 18.0
    annual = np.cos(2.0 * np.pi * (hour / 24.0 - warmest) / 365.0)
    mean = min(27.0, 36.0 - 0.57 * abs(latitude))
    return mean + 0.3 * abs(latitude) * annual, DAILY_SWING_K * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)


def _memory(draw: np.random.Generator, n: int, kept: float) -> Float:
    """Standard normal series that keeps a share of its last value."""
    from scipy.signal import lfilter

    noise = draw.standard_normal(n) * np.sqrt(1.0 - kept * kept)
    noise[0] /= np.sqrt(1.0 - kept * kept)
    series: Float = lfilter([1.0], [1.0, -kept], noise)
    return series
