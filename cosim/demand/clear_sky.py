"""Sun and cloudless light for fixed stretches of file time, and what clouds leave of it hour by hour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.demand.weather_files import Year

Float = NDArray[np.float64]

GRID_PER_HOUR = 12  # the sun moves 1.25 degrees in a grid step: interpolation errs by 6e-5
CHUNK_DAYS = 8
MARGIN_H = 24  # hours before and after a chunk that interpolation and a house's memory may look at
HAZE = 0.95  # an hour whose beam is at least this share of its day's best has no clouds
OPEN_INDEX = 0.7  # between clouds the beam is at least this share of the clear sky's: an estimate
BRIGHT_W_M2 = 500.0  # hours with less clear-sky beam do not say what their day's best is
DAWN_W_M2 = 10.0  # an hour with less clear-sky power has no index of its own


class Chunk(NamedTuple):
    """What `sky_kernels.weather` interpolates in, for one stretch of file time; see there."""

    grid_h: float
    sky: Float
    clear: Float
    beam: Float
    diffuse: Float
    open: Float
    hourly: Float


def prepare(year: Year, chunk: int, *, smooth: bool) -> Chunk:
    """Stretch number `chunk` of file time since 1970, with its margins; without clouds of minutes if `smooth`."""
    first_hour = chunk * CHUNK_DAYS * 24 - MARGIN_H
    hours = np.arange(first_hour, first_hour + CHUNK_DAYS * 24 + 2 * MARGIN_H)
    rows = hour_of_typical_year(hours)
    sky, clear = _sky(year, first_hour, len(hours))
    beam, diffuse = _indices(year, rows, clear, sky[2])
    between = beam if smooth else _open_index(beam, _hour_means(clear[0], len(hours)))
    hourly = np.stack(
        [series[rows] for series in (year.ambient_c, year.wind_m_s, year.dew_c, year.pressure_pa)]
    )
    return Chunk(1.0 / GRID_PER_HOUR, sky, clear, beam, diffuse, between, hourly)


def hour_of_typical_year(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of a 365-day year for hours counted from 1970-01-01 00:00; February 29 repeats the 28th."""
    dates = (hours // 24).astype("datetime64[D]")
    first = dates.astype("datetime64[Y]").astype("datetime64[D]")
    day = (dates - first).astype(np.int64)
    next_first = (dates.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    leap = (next_first - first).astype(np.int64) == 366
    row: NDArray[np.int64] = (day - (leap & (day >= 59))) * 24 + hours % 24
    return row


def _sky(year: Year, first_hour: int, hours: int) -> tuple[Float, Float]:
    """Sun vector with extraterrestrial irradiance (4, g), and clear-sky beam and diffuse (2, g)."""
    import pandas as pd
    import pvlib

    start = pd.Timestamp(first_hour * 3600, unit="s") - pd.Timedelta(hours=year.utc_offset_h)
    times = pd.date_range(
        start, periods=hours * GRID_PER_HOUR + 1, freq=f"{60 // GRID_PER_HOUR}min", tz="UTC"
    )
    place = pvlib.location.Location(year.latitude, year.longitude, altitude=year.altitude_m)
    sun = place.get_solarposition(times)
    clear = place.get_clearsky(times, solar_position=sun)
    up = np.sin(np.radians(sun["apparent_elevation"].to_numpy()))
    flat = np.sqrt(1.0 - up**2)
    azimuth = np.radians(sun["azimuth"].to_numpy())
    extra = pvlib.irradiance.get_extra_radiation(times).to_numpy()
    sky = np.stack([flat * np.sin(azimuth), flat * np.cos(azimuth), up, extra])
    return sky, np.stack([clear["dni"].to_numpy(), clear["dhi"].to_numpy()])


def _indices(year: Year, rows: NDArray[np.int64], clear: Float, up: Float) -> tuple[Float, Float]:
    """Clear-sky indices of beam and diffuse light, by hour.

    From cover N by Kasten and Czeplak, "Solar and terrestrial radiation dependent on the amount and type of
    cloud", Solar Energy 24 (1980): global 1 - 0.75 N^3.4 of the clear sky's; the diffuse share rises from the
    clear sky's own to one with N squared.
    """
    if year.dni is not None and year.dhi is not None:
        return _index(year.dni[rows], clear[0]), _index(year.dhi[rows], clear[1])
    if year.cover is None:
        return np.ones(len(rows)), np.ones(len(rows))
    beam, diffuse = (_hour_means(row, len(rows)) for row in (clear[0] * np.maximum(up, 0.0), clear[1]))
    own = np.clip(diffuse / np.maximum(beam + diffuse, 1e-9), 0.05, 1.0)
    covered = year.cover[rows]
    left = 1.0 - 0.75 * covered**3.4
    return left * (1.0 - covered**2), left * (own + (1.0 - own) * covered**2) / own


def _open_index(beam: Float, clear: Float) -> Float:
    """Beam index between clouds, by hour of whole days: the hour's own in haze, else the day's best.

    Parameters
    ----------
    beam
        (n,) clear-sky index of the beam by hour.
    clear
        (n,) clear-sky beam by hour [W/m2].
    """
    days = np.where(clear > BRIGHT_W_M2, beam, 0.0).reshape(-1, 24)
    best = np.repeat(np.maximum(days.max(axis=1), OPEN_INDEX), 24)
    found: Float = np.where(beam >= HAZE * best, beam, best)
    return found


def _hour_means(grid: Float, hours: int) -> Float:
    mean: Float = (0.5 * (grid[:-1] + grid[1:])).reshape(hours, GRID_PER_HOUR).mean(axis=1)
    return mean


def _index(measured: Float, clear: Float) -> Float:
    """Clear-sky index of every hour; hours of dawn, dusk and night take the nearest daytime hour's."""
    mean = _hour_means(clear, len(measured))
    day = np.flatnonzero(mean >= DAWN_W_M2)
    if len(day) == 0:
        return np.zeros(len(measured))
    hours = np.arange(len(measured))
    right = np.minimum(np.searchsorted(day, hours), len(day) - 1)
    left = np.maximum(right - 1, 0)
    nearest = day[np.where(np.abs(day[left] - hours) <= np.abs(day[right] - hours), left, right)]
    index: Float = measured[nearest] / mean[nearest]
    return index
