"""Clouds of minutes over a feeder, so that each hour has the mean its file gives.

A model of moving fractal cloud shadows, after Cai and Aliprantis, "Cumulus cloud shadow model for analysis of power
systems with photovoltaics", IEEE Transactions on Power Systems 28 (2013): a random field of cloud thickness drifts
with the wind, unchanged for a day; where it is above a level the beam is gone, and over an edge it fades. The
field's variance grows with size to the power 2/3 (the -5/3 spectrum of liquid water in clouds: Cahalan and Snider,
"Marine stratocumulus structure", Remote Sensing of Environment 28, 1989), for features that pass in 15 s to 64 min.

The level is solved hour by hour, so that the beam at the station keeps the file's hourly mean. An hour whose beam
index is within 5 % of its day's best is without clouds: haze is not cut into pieces. Diffuse light comes from the
whole sky and stays smooth. With the sun between clouds, beam is that of the open sky and diffuse more than that: the
known enhancement above clear sky.

Clouds move at 2.05 times the day's mean wind in the file (a wind profile of power 1/7 from 10 to 1500 m), at least
4 m/s, from where its wind comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.demand import cloud_kernels
from cosim.demand.calendar import DAY_US
from cosim.demand.clear_sky import GRID_PER_HOUR, MARGIN_H, Chunk, hour_of_typical_year
from cosim.demand.weather_files import Year
from cosim.randomness import stable_id, uniforms

Float = NDArray[np.float64]
Int = NDArray[np.int64]

ALOFT = 2.05  # (1500 m / 10 m) ** (1 / 7)
SLOWEST_M_S = 4.0
BLEND = 40  # cells about the border of two hours: 10 min
SWEEPS = 4
CELLS = round(86400.0 / cloud_kernels.SAMPLE_S)
CELL_US = round(cloud_kernels.SAMPLE_S * 1e6)
KEPT_DAYS = 3


class Drift(NamedTuple):
    """How a day's clouds move: speed [m/s], and unit vector towards which (east, north)."""

    speed_m_s: float
    east: float
    north: float


@dataclass(frozen=True)
class Places:
    """Where homes are, from the feeder's middle, where the station is taken to be.

    Parameters
    ----------
    east_m, north_m
        (h,) [m].
    """

    east_m: Float
    north_m: Float

    @classmethod
    def one(cls) -> Places:
        """The station itself."""
        return cls(np.zeros(1), np.zeros(1))


class Solved(NamedTuple):
    """What a day's clouds need besides their field: see `cloud_kernels.fit_levels`."""

    state: np.uint64
    drift: Drift
    levels: Float
    factor: Float
    first: int
    last: int


def drift_of(year: Year, hours: Int, day: int, seed: int) -> Drift:
    """Motion of a day's clouds, from the file's wind from 6:00 to 18:00; `hours` (24,) are its rows of the year."""
    bright = hours[6:18]
    speed = max(ALOFT * float(year.wind_m_s[bright].mean()), SLOWEST_M_S)
    if year.wind_from_deg is None:
        towards = 2.0 * math.pi * float(uniforms(seed, "weather.drift", np.array([day], dtype=np.uint64))[0])
        return Drift(speed, math.sin(towards), math.cos(towards))
    wind = year.wind_m_s[bright] + 1e-3
    angle = np.radians(year.wind_from_deg[bright])
    east, north = -float(wind @ np.sin(angle)), -float(wind @ np.cos(angle))
    length = math.hypot(east, north)
    return Drift(speed, east / length, north / length) if length > 0.0 else Drift(speed, 1.0, 0.0)


def solve_day(chunk: Chunk, year: Year, day: int, chunk_day: int, seed: int) -> Solved | None:
    """Fit a day's clouds; None if it has no light or no clouds.

    Parameters
    ----------
    chunk, chunk_day
        Stretch of file time that holds the day, and the day's number in it.
    year, day
        The file, and the day of file time since 1970.
    seed
        Seed of the scenario.
    """
    hour = MARGIN_H + 24 * chunk_day
    cell_h = hour + (np.arange(CELLS) + 0.5) * 24.0 / CELLS
    light = np.interp(cell_h, np.arange(chunk.clear.shape[1]) / GRID_PER_HOUR, chunk.clear[0])
    own = slice(hour, hour + 24)
    share = np.minimum(chunk.beam[own] / np.maximum(chunk.open[own], 1e-9), 1.0)
    lit = np.flatnonzero(light > 0.0)
    if len(lit) == 0 or share.min() >= 1.0:
        return None
    weight = light * np.interp(cell_h, np.arange(len(chunk.open)) + 0.5, chunk.open)
    state = np.uint64(stable_id(f"weather.clouds:{seed}:{day}"))
    thick = np.empty(CELLS)
    line: Callable[..., None] = cloud_kernels.thickness
    line(state, 0, 0, thick)
    levels, factor = np.empty(24), np.empty(24)
    fit: Callable[..., None] = cloud_kernels.fit_levels
    target = chunk.beam[own] * light.reshape(24, -1).sum(axis=1)
    fit(thick, weight, share, target, BLEND, SWEEPS, levels, factor)
    rows = hour_of_typical_year(np.arange(day * 24, day * 24 + 24))
    drift = drift_of(year, rows, day, seed)
    return Solved(state, drift, levels, factor, int(lit[0]), int(lit[-1]) + 1)


class Sums(NamedTuple):
    """What `cloud_kernels.seen_serial` takes first: running sums of light by row, each place's row and delay."""

    sums: Float
    row: Int
    delay: Float
    first: int


class CloudField:
    """What places see of the clouds, day by day of file time.

    Parameters
    ----------
    places
        Where.
    solved
        Gives a day's clouds, None for a day without any.
    parallel
        Whether rows and places are spread over threads.
    """

    def __init__(
        self, places: Places, solved: Callable[[int], Solved | None], *, parallel: bool = False
    ) -> None:
        self.places, self.solved, self.parallel = places, solved, parallel
        self._days: dict[int, Sums | None] = {}

    def seen(self, file_us: Int, step_us: int) -> Float:
        """Share of the open sky's beam, mean over steps whose middles are given in file time, (h, steps)."""
        out = np.ones((len(self.places.east_m), len(file_us)))
        days = file_us // DAY_US
        run: Callable[..., None] = cloud_kernels.seen_parallel if self.parallel else cloud_kernels.seen_serial
        unit = CELL_US / (step_us * cloud_kernels.UNIT)
        for day in range(int(days[0]), int(days[-1]) + 1) if len(days) else ():
            found = self._day(day, step_us)
            if found is not None:
                a, b = np.searchsorted(days, (day, day + 1))
                edges_us = np.append(file_us[a:b], file_us[b - 1] + step_us) - (day * DAY_US + step_us // 2)
                whole = out if (a, b) == (0, len(days)) else np.empty((len(out), b - a))
                run(*found, edges_us / CELL_US, unit, whole)
                out[:, a:b] = whole
        return out

    def _day(self, day: int, step_us: int) -> Sums | None:
        if day not in self._days:
            while len(self._days) >= KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            solved = self.solved(day)
            self._days[day] = None if solved is None else self._over(solved, step_us)
        return self._days[day]

    def _over(self, day: Solved, step_us: int) -> Sums:
        row, delay = cells(self.places, day.drift)
        rows, which = np.unique(row, return_inverse=True)
        margin = math.ceil(float(np.abs(delay).max(initial=0.0)) + step_us / CELL_US) + 2
        first = day.first - margin
        wide = day.last + margin - first
        sums = np.empty((len(rows), wide + 1))
        run: Callable[..., None] = cloud_kernels.rows_parallel if self.parallel else cloud_kernels.rows_serial
        run(day.state, rows, first, day.levels, day.factor, BLEND, np.empty((len(rows), wide)), sums)
        return Sums(sums, which.reshape(-1).astype(np.int64), delay, first)


def cells(places: Places, drift: Drift) -> tuple[Int, Float]:
    """Row of the field each place lies in, and how much later than at the station clouds pass there [cells]."""
    cell_m = cloud_kernels.SAMPLE_S * drift.speed_m_s
    along = places.east_m * drift.east + places.north_m * drift.north
    across = places.east_m * drift.north - places.north_m * drift.east
    return np.rint(across / (cloud_kernels.ACROSS * cell_m)).astype(np.int64), along / cell_m
