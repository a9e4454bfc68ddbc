"""Weather files of one year of hours: TMY3, TMY2, EPW and NSRDB PSM.

Values come through pvlib, once `weather_checks` has found nothing wrong in a file's own text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.demand.weather_checks import COLUMNS, LAYOUTS, YEAR_H, Station, check
from cosim.errors import MissingExtraError, Problem, ScenarioError

Float = NDArray[np.float64]

FORMATS = {".csv": "tmy3", ".epw": "epw", ".tm2": "tmy2"}  # a .csv may also be "psm3": its first word says
SEA_LEVEL_PA = 101325.0


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
    ambient_c, wind_m_s, dew_c, pressure_pa
        (8760,) at the end of each hour.
    wind_from_deg
        (8760,) direction the wind comes from, from north, east positive; None if not known.
    dni, dhi
        (8760,) means over each hour [W/m2]; None for a sky that `cover` describes.
    cover
        (8760,) share of the sky that clouds cover at the middle of each hour; None without `dni`: no clouds.
    """

    latitude: float
    longitude: float
    altitude_m: float
    utc_offset_h: float
    ambient_c: Float
    wind_m_s: Float
    dew_c: Float
    pressure_pa: Float
    wind_from_deg: Float | None
    dni: Float | None
    dhi: Float | None
    cover: Float | None = None


def read_year(path: Path, kind: str) -> Year:
    """Read a file of one of `LAYOUTS` through pvlib.

    NSRDB values stand at an instant, not for the hour before: irradiance is taken as the hour's around it (stamps
    at half hours) or averaged with the next (at whole hours), air is brought to the ends of hours.

    Raises
    ------
    ScenarioError
        With every problem: missing file, other format, a year that is not whole, gaps, impossible values, light at
        the wrong hours.
    """
    if not path.is_file():
        raise ScenarioError(Problem("no such weather file", file=str(path), key="weather.source"))
    text = path.read_text(encoding="utf-8", errors="replace").lstrip("\ufeff")
    if kind == "tmy3" and text.startswith("Source,"):
        kind = "psm3"
    minute = check(path, kind, text)
    table, station = _through_pvlib(path, kind)
    if len(table) == YEAR_H + 24:
        table = table.drop(table.index[59 * 24 : 60 * 24])
    values = {
        name: table[column.pvlib].to_numpy(dtype=np.float64) * column.unit
        for name, column in zip(_NAMES, COLUMNS[kind], strict=True)
        if column.pvlib in table
    }
    if minute is not None:
        values = {name: _to_hour_ends(name, series, minute) for name, series in values.items()}
    height_pa = SEA_LEVEL_PA * (1.0 - 2.25577e-5 * station.altitude_m) ** 5.25588  # ICAO standard atmosphere
    return Year(
        *station,
        ambient_c=values["ambient"],
        wind_m_s=values["wind"],
        dew_c=dew_point(values["ambient"], values["humidity"]),
        pressure_pa=values.get("pressure", np.full(YEAR_H, height_pa)),
        wind_from_deg=values.get("direction"),
        dni=values["dni"],
        dhi=values["dhi"],
    )


_NAMES = ("ambient", "wind", "humidity", "dni", "dhi", "pressure", "direction")


def dew_point(ambient_c: Float, humidity_percent: Float) -> Float:
    """Temperature at which the air's vapour condenses [degC]: Magnus form of Alduchov and Eskridge (1996)."""
    share = np.log(np.clip(humidity_percent, 1.0, 100.0) / 100.0) + 17.625 * ambient_c / (243.04 + ambient_c)
    found: Float = 243.04 * share / (17.625 - share)
    return found


def pvlib_data() -> Path:
    """Folder of the files that pvlib ships."""
    import importlib.util

    spec = importlib.util.find_spec("pvlib")
    if spec is None or spec.origin is None:
        raise MissingExtraError("pvlib is needed for weather; install it with: pip install pvlib")
    return Path(spec.origin).parent / "data"


def _to_hour_ends(name: str, series: Float, minute: int) -> Float:
    after = np.roll(series, -1)
    if name == "direction":
        return series if minute else after
    if name in ("dni", "dhi"):
        return series if minute else 0.5 * (series + after)
    return 0.5 * (series + after) if minute else after


def _through_pvlib(path: Path, kind: str) -> tuple[Any, Station]:
    from pvlib import iotools

    readers: dict[str, Callable[[], Any]] = {
        "tmy3": lambda: iotools.read_tmy3(str(path), map_variables=True, coerce_year=2023),
        "psm3": lambda: iotools.read_nsrdb_psm4(str(path), map_variables=True),
        "epw": lambda: iotools.read_epw(str(path), coerce_year=2023),
        "tmy2": lambda: iotools.read_tmy2(str(path)),
    }
    try:
        table, found = readers[kind]()
    except (
        Exception
    ) as error:  # parsers meet arbitrary text: whatever they raise, the file is not of its kind
        layout = LAYOUTS[kind]
        message = f"its hours read well, but pvlib finds no {layout.name} file in it: {error}"
        raise ScenarioError(Problem(message, file=str(path))) from error
    offset = found["Time Zone"] if kind == "psm3" else found["TZ"]
    return table, Station(
        float(found["latitude"]), float(found["longitude"]), float(found["altitude"]), float(offset)
    )
