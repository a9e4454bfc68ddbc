"""Weather on the scenario's clock: typical-year files, or a synthetic or constant year.

Sources: ``tmy3:greensboro`` and the other entries of ``models/weather`` (files that pvlib ships),
``file:PATH`` (TMY3 ``.csv``, ``.epw``, TMY2 ``.tm2``), ``clear:LATITUDE,LONGITUDE`` (cloudless, with
a smooth temperature) and ``constant:CELSIUS`` (no sun, no wind).

A file's hour ends at its label: irradiance is the mean of the hour before, temperature and wind stand at
the label. Between hours, temperature and wind are linear; beam and diffuse irradiance are clear-sky
values of the instant (Ineichen and Perez 2002, with pvlib's table of Linke turbidity) times a clear-sky
index that is linear between the middles of the hours. Files are in the station's standard time; the
sun stands where it does on the scenario's date. February 29 repeats the 28th.

Sun and clear sky are computed for fixed stretches of file time, whole, when first needed, so the weather
of a step is a function of its absolute index alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import solar_kernels
from cosim.demand.calendar import DAY_US, HOUR_US, Calendar
from cosim.errors import MissingExtraError, Problem, ScenarioError

if TYPE_CHECKING:
    from cosim.household_entry import WeatherEntry

Float = NDArray[np.float64]

GRID_PER_HOUR = 12  # the sun moves 1.25 degrees in a grid step: interpolation errs by 6e-5
CHUNK_DAYS = 8
MARGIN_H = 24  # hours before and after a chunk that interpolation and a house's memory may look at
DAWN_W_M2 = 10.0  # an hour with less clear-sky power has no index of its own
KEPT_CHUNKS = 4
MASS_H = 2.5  # lag of a light-framed house; engineering judgement, range 1 to 6
MASS_MEMORY_H = 9
YEAR_H = 8760
FORMATS = {".csv": "tmy3", ".epw": "epw", ".tm2": "tmy2"}


@dataclass(frozen=True)
class WeatherBlock:
    """Weather at the middle of each step of a block.

    Parameters
    ----------
    rows
        (9, steps): ambient [degC], wind [m/s], global horizontal, direct normal, diffuse horizontal and
        extraterrestrial normal irradiance [W/m2], and the unit vector to the sun (east, north, up).
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
    def sun_up(self) -> Float:
        """Sine of the sun's elevation, shape (steps,)."""
        return self._row(solar_kernels.UP)


@dataclass(frozen=True)
class Year:
    """A typical year at a station, one value an hour in file (standard) time.

    Parameters
    ----------
    latitude, longitude
        Degrees, north and east positive.
    altitude_m
        Height above the sea [m].
    utc_offset_h
        File time minus UTC [h].
    ambient_c, wind_m_s
        (8760,) at the end of each hour.
    dni, dhi
        (8760,) means over each hour [W/m2]; None for a cloudless sky.
    """

    latitude: float
    longitude: float
    altitude_m: float
    utc_offset_h: float
    ambient_c: Float
    wind_m_s: Float
    dni: Float | None
    dhi: Float | None


class Chunk(NamedTuple):
    """What `solar_kernels.weather` interpolates in, for one stretch of file time; see there."""

    grid_h: float
    sky: Float
    clear: Float
    beam: Float
    diffuse: Float
    ambient_c: Float
    wind_m_s: Float


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

    Raises
    ------
    ScenarioError
        If the source is not understood, or its file is missing, not whole or holds impossible values.
    """

    def __init__(self, source: str, calendar: Calendar, folder: Path | None = None) -> None:
        self.source = source
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
            self.year = synthetic_year(latitude, longitude)
        elif kind == "file":
            path = (folder or Path()) / rest
            if path.suffix.lower() not in FORMATS:
                raise _error("the file's name should end in .csv (TMY3), .epw or .tm2", source)
            self.year = read_year(path, FORMATS[path.suffix.lower()])
        elif kind in FORMATS.values() and rest:
            entry = cast("WeatherEntry", library.load("weather", rest))
            if entry.format != kind:
                raise _error(f"{rest} is a {entry.format} file; write {entry.format}:{rest}", source)
            self.year = read_year(_pvlib_data() / entry.file, kind)
        else:
            raise _error(
                f'should be "file:PATH", "clear:LATITUDE,LONGITUDE", "constant:CELSIUS" or one of '
                f"{', '.join(shipped_sources())}",
                source,
            )
        self._chunks: dict[int, Chunk] = {}

    def block(self, first_step: int, steps: int) -> WeatherBlock:
        """Weather at the middle of `steps` steps from `first_step`; the same bits for any cut into blocks."""
        out = np.zeros((solar_kernels.WEATHER_ROWS, steps))
        out[solar_kernels.UP] = -1.0
        fill: Callable[..., None] = solar_kernels.weather
        for columns, hour, c in self._stretches(first_step, steps):
            part = np.empty((out.shape[0], len(hour)))
            fill(hour, c.grid_h, c.sky, c.clear, c.beam, c.diffuse, c.ambient_c, c.wind_m_s, part)
            out[:, columns] = part
        if self.constant_c is not None:
            out[solar_kernels.AMBIENT_C] = self.constant_c
        return WeatherBlock(out)

    def felt_indoors(self, first_step: int, steps: int) -> tuple[Float, Float]:
        """Outdoor temperature [degC] and global irradiance [W/m2] as a house's mass passes them on.

        Means over the last hours, weighted by exp(-age / `MASS_H`): a first-order lag, without a state.
        """
        weights = np.exp(-np.arange(MASS_MEMORY_H) / MASS_H)
        weights /= weights.sum()
        out = np.zeros((2, steps))
        fill: Callable[..., None] = solar_kernels.felt
        for columns, hour, c in self._stretches(first_step, steps):
            part = np.empty((2, len(hour)))
            fill(hour, c.grid_h, c.sky, c.clear, c.beam, c.diffuse, c.ambient_c, weights, part)
            out[:, columns] = part
        if self.constant_c is not None:
            out[0] = self.constant_c
        return out[0], out[1]

    def _stretches(self, first_step: int, steps: int) -> Iterator[tuple[slice, Float, Chunk]]:
        """Parts of a block that lie in one chunk: columns, hours from the chunk's first grid point, chunk."""
        if self.year is None:
            return
        middle = self.calendar.utc_us(first_step, steps) + self.calendar.step_us // 2
        file_us = middle + round(self.year.utc_offset_h * HOUR_US)
        chunk_of = file_us // (CHUNK_DAYS * DAY_US)
        for chunk in range(int(chunk_of[0]), int(chunk_of[-1]) + 1):
            a, b = np.searchsorted(chunk_of, (chunk, chunk + 1))
            origin_us = chunk * CHUNK_DAYS * DAY_US - MARGIN_H * HOUR_US
            yield slice(a, b), (file_us[a:b] - origin_us) / HOUR_US, self._chunk(self.year, chunk)

    def _chunk(self, year: Year, chunk: int) -> Chunk:
        if chunk not in self._chunks:
            while len(self._chunks) >= KEPT_CHUNKS:
                self._chunks.pop(next(iter(self._chunks)))
            self._chunks[chunk] = _prepare(year, chunk)
        return self._chunks[chunk]


def shipped_sources() -> list[str]:
    """Sources that need no file of one's own, such as ``"tmy3:greensboro"``."""
    return [f"{library.raw('weather', name)['format']}:{name}" for name in library.names("weather")]


def _prepare(year: Year, chunk: int) -> Chunk:
    first_hour = chunk * CHUNK_DAYS * 24 - MARGIN_H
    hours = np.arange(first_hour, first_hour + CHUNK_DAYS * 24 + 2 * MARGIN_H)
    rows = hour_of_typical_year(hours)
    sky, clear = _sky(year, first_hour, len(hours))
    if year.dni is None or year.dhi is None:
        beam = diffuse = np.ones(len(hours))
    else:
        beam = _index(year.dni[rows], clear[0])
        diffuse = _index(year.dhi[rows], clear[1])
    return Chunk(1.0 / GRID_PER_HOUR, sky, clear, beam, diffuse, year.ambient_c[rows], year.wind_m_s[rows])


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


def _index(measured: Float, clear: Float) -> Float:
    """Clear-sky index of every hour; hours of dawn, dusk and night take the nearest daytime hour's."""
    grid = clear[:-1].reshape(len(measured), GRID_PER_HOUR)
    mean = grid.mean(axis=1)
    day = np.flatnonzero(mean >= DAWN_W_M2)
    if len(day) == 0:
        return np.zeros(len(measured))
    hours = np.arange(len(measured))
    right = np.minimum(np.searchsorted(day, hours), len(day) - 1)
    left = np.maximum(right - 1, 0)
    nearest = day[np.where(np.abs(day[left] - hours) <= np.abs(day[right] - hours), left, right)]
    index: Float = measured[nearest] / mean[nearest]
    return index


def synthetic_year(latitude: float, longitude: float) -> Year:
    """Cloudless year with a smooth temperature; an estimate of a place's climate from its latitude alone.

    The annual mean is 36 degC less 0.57 K a degree of latitude (at most 27), the annual half swing is
    0.3 K a degree, the daily one 5 K; warmest on July 20 (January 19 in the south) at 15:00. These lines
    pass within 3.1 K of the annual means of Miami, Greensboro and Sand Point in the files pvlib ships.
    """
    hour = np.arange(1, YEAR_H + 1)
    warmest = 200.0 if latitude >= 0 else 18.0
    annual = np.cos(2.0 * np.pi * (hour / 24.0 - warmest) / 365.0)
    daily = np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)
    mean = min(27.0, 36.0 - 0.57 * abs(latitude))
    ambient = mean + 0.3 * abs(latitude) * annual + 5.0 * daily
    return Year(
        latitude, longitude, 0.0, float(round(longitude / 15.0)), ambient, np.full(YEAR_H, 3.0), None, None
    )


def read_year(path: Path, kind: str) -> Year:
    """Read a TMY3, EPW or TMY2 file through pvlib and check it.

    Raises
    ------
    ScenarioError
        With every problem: missing file, unreadable text, a year that is not whole, gaps, impossible values.
    """
    if not path.is_file():
        raise ScenarioError(Problem("no such weather file", file=str(path), key="weather.source"))
    from pvlib import iotools

    readers: dict[str, Callable[[], Any]] = {
        "tmy3": lambda: iotools.read_tmy3(str(path), map_variables=True, coerce_year=2023),
        "epw": lambda: iotools.read_epw(str(path), coerce_year=2023),
        "tmy2": lambda: iotools.read_tmy2(str(path)),
    }
    try:
        table, station = readers[kind]()
    except (
        Exception
    ) as error:  # parsers meet arbitrary text: whatever they raise, the file is not of its kind
        raise ScenarioError(
            Problem(f"cannot be read as a {kind.upper()} file: {error}", file=str(path), key="weather.source")
        ) from error
    if kind == "tmy2":
        table = table.rename(
            columns={"DNI": "dni", "DHI": "dhi", "DryBulb": "temp_air", "Wspd": "wind_speed"}
        )
        table[["temp_air", "wind_speed"]] = table[["temp_air", "wind_speed"]] / 10.0  # tenths in the file
    if len(table) == YEAR_H + 24:
        table = table.drop(table.index[59 * 24 : 60 * 24])
    _check_year(table, path)
    columns = {name: table[name].to_numpy(dtype=np.float64) for name in _LIMITS}
    return Year(
        latitude=float(station["latitude"]),
        longitude=float(station["longitude"]),
        altitude_m=float(station["altitude"]),
        utc_offset_h=float(station["TZ"]),
        ambient_c=columns["temp_air"],
        wind_m_s=columns["wind_speed"],
        dni=columns["dni"],
        dhi=columns["dhi"],
    )


# What air and sun can do, with room to spare: degC, m/s, W/m2.
_LIMITS = {"temp_air": (-90.0, 60.0), "wind_speed": (0.0, 110.0), "dni": (0.0, 1400.0), "dhi": (0.0, 900.0)}


def _check_year(table: Any, path: Path) -> None:
    problems = []
    if len(table) != YEAR_H:
        problems.append(Problem(f"should hold 8760 hours, holds {len(table)}", file=str(path)))
    for name, (low, high) in _LIMITS.items():
        if name not in table:
            problems.append(Problem("column is missing", file=str(path), key=name))
            continue
        values = table[name].to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~((values >= low) & (values <= high)))
        if len(bad):
            problems.append(
                Problem(
                    f"{len(bad)} hours missing or outside {low:g} to {high:g}, first hour {bad[0] + 1}",
                    file=str(path),
                    key=name,
                    value=f"{values[bad[0]]:g}",
                )
            )
    if problems:
        raise ScenarioError(problems)


def _pvlib_data() -> Path:
    import importlib.util

    spec = importlib.util.find_spec("pvlib")
    if spec is None or spec.origin is None:
        raise MissingExtraError("pvlib is needed for weather; install it with: pip install pvlib")
    return Path(spec.origin).parent / "data"


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
