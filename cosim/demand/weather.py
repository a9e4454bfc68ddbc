"""Weather on the scenario's clock: typical-year files, or a synthetic or constant year.

Sources: ``tmy3:greensboro`` and the other entries of ``models/weather`` (files that pvlib ships),
``file:PATH`` (TMY3 or NSRDB PSM ``.csv``, ``.epw``, TMY2 ``.tm2``), ``synthetic:LATITUDE[,LONGITUDE]`` (drawn
from the latitude), ``clear:LATITUDE,LONGITUDE`` (cloudless, with a smooth temperature) and ``constant:CELSIUS``
(no sun, no wind).

A file's hour ends at its label: irradiance is the mean of the hour before, temperature and wind stand at
the label. Between hours, temperature, dew point, pressure and wind are linear; beam and diffuse irradiance are
clear-sky values of the instant (Ineichen and Perez 2002, with pvlib's table of Linke turbidity) times a clear-sky
index that is linear between the middles of the hours, and the beam is cut by clouds of minutes
(`cosim.demand.clouds`). Files are in the station's standard time; the sun stands where it does on the scenario's
date. February 29 repeats the 28th.

Sun and clear sky are computed for fixed stretches of file time, whole, when first needed, so the weather
of a step is a function of its absolute index alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import sky_kernels, solar_kernels
from cosim.demand.calendar import DAY_US, HOUR_US, Calendar
from cosim.demand.clear_sky import CHUNK_DAYS, MARGIN_H, Chunk, prepare
from cosim.demand.clouds import CloudField, Places, Solved, solve_day
from cosim.demand.synthetic_weather import clear_year, synthetic_year
from cosim.demand.weather_files import FORMATS, SEA_LEVEL_PA, Year, pvlib_data, read_year
from cosim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from cosim.household_entry import WeatherEntry

Float = NDArray[np.float64]

KEPT_CHUNKS = 4
KEPT_DAYS = 10
DRY_C = -40.0  # dew point of constant weather


@dataclass(frozen=True)
class WeatherBlock:
    """Weather at the middle of each step of a block.

    Parameters
    ----------
    rows
        (12, steps): ambient [degC], wind [m/s], global horizontal, direct normal, diffuse horizontal and
        extraterrestrial normal irradiance [W/m2], the unit vector to the sun (east, north, up), relative
        humidity [%], wet-bulb temperature [degC], and direct normal irradiance where no cloud is before the sun.
        Light on a plane: `cosim.demand.solar.light_on_planes` and `light_on_walls`.
    """

    rows: Float

    def _row(self, row: int) -> Float:
        values: Float = self.rows[row]
        return values

    @property
    def ambient_c(self) -> Float:
        """Air temperature [degC], shape (steps,)."""
        return self._row(solar_kernels.AMBIENT_C)

    @property
    def wind_m_s(self) -> Float:
        """Wind speed [m/s], shape (steps,)."""
        return self._row(solar_kernels.WIND_M_S)

    @property
    def ghi(self) -> Float:
        """Global horizontal irradiance [W/m2], shape (steps,)."""
        return self._row(solar_kernels.GHI)

    @property
    def dni(self) -> Float:
        """Direct normal irradiance [W/m2], shape (steps,)."""
        return self._row(solar_kernels.DNI)

    @property
    def dhi(self) -> Float:
        """Diffuse horizontal irradiance [W/m2], shape (steps,)."""
        return self._row(solar_kernels.DHI)

    @property
    def humidity_percent(self) -> Float:
        """Relative humidity over water [%], shape (steps,)."""
        return self._row(solar_kernels.HUMIDITY)

    @property
    def wet_bulb_c(self) -> Float:
        """Temperature of an aspirated wet thermometer [degC], shape (steps,)."""
        return self._row(solar_kernels.WET_BULB_C)

    @property
    def sun_up(self) -> Float:
        """Sine of the sun's elevation, shape (steps,)."""
        return self._row(solar_kernels.UP)


class Weather:
    """Weather of a run, computed block by block.

    Parameters
    ----------
    source
        See the module's text.
    calendar
        The scenario's clock.
    folder
        What a relative ``file:`` path starts from; the working folder if not given.
    seed
        Seed of the scenario, for what is drawn.
    clouds
        ``"minute"``: clouds pass within the hour (`cosim.demand.clouds`); ``"hourly"``: light is smooth.

    Raises
    ------
    ScenarioError
        If the source is not understood, or its file is missing, not whole or holds impossible values.
    """

    def __init__(
        self,
        source: str,
        calendar: Calendar,
        folder: Path | None = None,
        *,
        seed: int = 0,
        clouds: Literal["minute", "hourly"] = "minute",
    ) -> None:
        self.source = source
        self.seed = seed
        self.minutes = clouds == "minute"
        self.calendar = calendar
        kind, _, rest = source.partition(":")
        self.constant_c: float | None = None
        self.year: Year | None = None
        if kind == "constant":
            (self.constant_c,) = _numbers(source, rest, ((-90.0, 70.0),), '"constant:25"')
        elif kind == "clear":
            latitude, longitude = _numbers(
                source, rest, ((-90.0, 90.0), (-180.0, 180.0)), '"clear:36.1,-79.9"'
            )
            self.year = clear_year(latitude, longitude)
        elif kind == "synthetic":
            zone = 15.0 * calendar.standard_offset_us / HOUR_US
            place = _numbers(
                source,
                rest if "," in rest else f"{rest},{zone}",
                ((-90.0, 90.0), (-180.0, 180.0)),
                '"synthetic:36.1" or "synthetic:36.1,-79.9"',
            )
            self.year = synthetic_year(place[0], place[1], seed)
        elif kind == "file":
            path = (folder or Path()) / rest
            if path.suffix.lower() not in FORMATS:
                raise _error("the file's name should end in .csv (TMY3 or NSRDB PSM), .epw or .tm2", source)
            self.year = read_year(path, FORMATS[path.suffix.lower()])
        elif kind in FORMATS.values() and rest:
            entry = cast("WeatherEntry", library.load("weather", rest))
            if entry.format != kind:
                raise _error(f"{rest} is a {entry.format} file; write {entry.format}:{rest}", source)
            self.year = read_year(pvlib_data() / entry.file, kind)
        else:
            raise _error(
                'should be "file:PATH", "synthetic:LATITUDE,LONGITUDE", "clear:LATITUDE,LONGITUDE", '
                f'"constant:CELSIUS" or one of {", ".join(shipped_sources())}',
                source,
            )
        self._chunks: dict[int, Chunk] = {}
        self._days: dict[int, Solved | None] = {}
        self._homes: dict[int, tuple[float, float]] = {}
        self._station = CloudField(Places.one(), self._solved)

    def block(self, first_step: int, steps: int) -> WeatherBlock:
        """Weather at the middle of `steps` steps from `first_step`; the same bits for any cut into blocks."""
        out = np.zeros((solar_kernels.WEATHER_ROWS, steps))
        out[solar_kernels.UP] = -1.0
        fill: Callable[..., None] = sky_kernels.weather
        for columns, hour, c in self._stretches(first_step, steps):
            part = np.empty((out.shape[0], len(hour)))
            fill(hour, c.grid_h, c.sky, c.clear, c.open, c.diffuse, c.hourly, part)
            out[:, columns] = part
        if self.minutes and self.year is not None:
            out[solar_kernels.DNI] *= self._station.seen(
                self.file_us(first_step, steps), self.calendar.step_us
            )[0]
            out[solar_kernels.GHI] = out[solar_kernels.DHI] + out[solar_kernels.DNI] * np.maximum(
                out[solar_kernels.UP], 0.0
            )
        if self.constant_c is not None:
            still: Callable[..., None] = sky_kernels.air
            still(self.constant_c, min(DRY_C, self.constant_c), SEA_LEVEL_PA, 0, out)
            out[:, 1:] = out[:, :1]
        return WeatherBlock(out)

    def clouds(self, places: Places, *, parallel: bool = False) -> SkyShare:
        """What homes see of the clouds, each where it is."""
        return SkyShare(self, CloudField(places, self._solved, parallel=parallel))

    def settle(self, ids: NDArray[np.uint64], places: Places) -> None:
        """Say where homes are, by their stable ids, so that each sees the clouds above it."""
        self._homes |= {
            int(i): (float(x), float(y)) for i, x, y in zip(ids, places.east_m, places.north_m, strict=True)
        }

    def places_of(self, ids: NDArray[np.uint64]) -> Places | None:
        """Where homes are; None if none has been settled. A home that has not is at the station."""
        if not self._homes:
            return None
        east, north = np.array([self._homes.get(int(i), (0.0, 0.0)) for i in ids]).reshape(-1, 2).T
        return Places(np.ascontiguousarray(east), np.ascontiguousarray(north))

    def file_us(self, first_step: int, steps: int) -> NDArray[np.int64]:
        """Middles of steps by the file's clock, microseconds since 1970, shape (steps,)."""
        middle = self.calendar.utc_us(first_step, steps) + self.calendar.step_us // 2
        return middle + (0 if self.year is None else round(self.year.utc_offset_h * HOUR_US))

    def _solved(self, day: int) -> Solved | None:
        """A day's clouds; None for weather without."""
        if self.year is None or not self.minutes:
            return None
        if day not in self._days:
            while len(self._days) >= KEPT_DAYS:
                self._days.pop(next(iter(self._days)))
            chunk, chunk_day = divmod(day, CHUNK_DAYS)
            self._days[day] = solve_day(self._chunk(self.year, chunk), self.year, day, chunk_day, self.seed)
        return self._days[day]

    def _stretches(self, first_step: int, steps: int) -> Iterator[tuple[slice, Float, Chunk]]:
        """Parts of a block that lie in one chunk: columns, hours from the chunk's first grid point, chunk."""
        if self.year is None:
            return
        file_us = self.file_us(first_step, steps)
        chunk_of = file_us // (CHUNK_DAYS * DAY_US)
        for chunk in range(int(chunk_of[0]), int(chunk_of[-1]) + 1):
            a, b = np.searchsorted(chunk_of, (chunk, chunk + 1))
            origin_us = chunk * CHUNK_DAYS * DAY_US - MARGIN_H * HOUR_US
            yield slice(a, b), (file_us[a:b] - origin_us) / HOUR_US, self._chunk(self.year, chunk)

    def _chunk(self, year: Year, chunk: int) -> Chunk:
        if chunk not in self._chunks:
            while len(self._chunks) >= KEPT_CHUNKS:
                self._chunks.pop(next(iter(self._chunks)))
            self._chunks[chunk] = prepare(year, chunk, smooth=not self.minutes)
        return self._chunks[chunk]


class SkyShare:
    """Share of `OPEN_DNI` that homes have at every step."""

    def __init__(self, weather: Weather, field: CloudField) -> None:
        self.weather, self.field = weather, field

    def block(self, first_step: int, steps: int) -> Float:
        """Means over steps, (h, steps); a home's bits depend on its own place alone. No meaning in the dark."""
        weather = self.weather
        return self.field.seen(weather.file_us(first_step, steps), weather.calendar.step_us)


def shipped_sources() -> list[str]:
    """Sources that need no file of one's own, such as ``"tmy3:greensboro"``."""
    return [f"{library.raw('weather', name)['format']}:{name}" for name in library.names("weather")]


def _numbers(
    source: str, text: str, limits: tuple[tuple[float, float], ...], example: str
) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != len(limits):
        raise _error(f"should look like {example}", source)
    for value, (low, high) in zip(values, limits, strict=True):
        if not (math.isfinite(value) and low <= value <= high):
            raise _error(f"{value:g} should lie between {low:g} and {high:g}", source)
    return values


def _error(message: str, source: str) -> ScenarioError:
    return ScenarioError(Problem(message, key="weather.source", value=source))
