"""What is wrong with a weather file, told with its line and column.

Cells that are missing or impossible, hours that are doubled or left out (daylight saving), and light that is not
where the header's time zone puts the sun.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem, ScenarioError

Float = NDArray[np.float64]

YEAR_H = 8760
LIGHT_SHIFT_H = 1  # light this many hours from where the sun is means a wrong time zone
FIRST_OF_MONTH = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])


class Column(NamedTuple):
    """A quantity in a kind of file: pvlib's name, the file's heading, what is possible, and the unit."""

    pvlib: str
    heading: str
    low: float
    high: float
    unit: float = 1.0
    place: tuple[int, int] = (0, 0)  # cell number, or first and last character, where there are no headings
    needed: bool = True


# What air and sun can do, with room to spare.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "tmy3": (
        Column("temp_air", "Dry-bulb (C)", -90, 60),
        Column("wind_speed", "Wspd (m/s)", 0, 110),
        Column("relative_humidity", "RHum (%)", 0, 110),
        Column("dni", "DNI (W/m^2)", 0, 1400),
        Column("dhi", "DHI (W/m^2)", 0, 900),
        Column("pressure", "Pressure (mbar)", 400, 1100, 100.0),
        Column("wind_direction", "Wdir (degrees)", 0, 360),
    ),
    "psm3": (
        Column("temp_air", "Temperature", -90, 60),
        Column("wind_speed", "Wind Speed", 0, 110),
        Column("relative_humidity", "Relative Humidity", 0, 110),
        Column("dni", "DNI", 0, 1400),
        Column("dhi", "DHI", 0, 900),
        Column("pressure", "Pressure", 400, 1100, 100.0, needed=False),
        Column("wind_direction", "Wind Direction", 0, 360, needed=False),
    ),
    "epw": (
        Column("temp_air", "dry bulb", -90, 60, place=(6, 6)),
        Column("wind_speed", "wind speed", 0, 110, place=(21, 21)),
        Column("relative_humidity", "relative humidity", 0, 110, place=(8, 8)),
        Column("dni", "direct normal radiation", 0, 1400, place=(14, 14)),
        Column("dhi", "diffuse horizontal radiation", 0, 900, place=(15, 15)),
        Column("atmospheric_pressure", "atmospheric pressure", 40000, 110000, place=(9, 9)),
        Column("wind_direction", "wind direction", 0, 360, place=(20, 20)),
    ),
    "tmy2": (
        Column("DryBulb", "dry bulb (tenths)", -900, 600, 0.1, (67, 71)),
        Column("Wspd", "wind speed (tenths)", 0, 1100, 0.1, (95, 98)),
        Column("RHum", "relative humidity", 0, 110, place=(79, 82)),
        Column("DNI", "direct normal", 0, 1400, place=(23, 27)),
        Column("DHI", "diffuse horizontal", 0, 900, place=(29, 33)),
        Column("Pressure", "pressure (mbar)", 400, 1100, 100.0, (84, 88)),
        Column("Wdir", "wind direction", 0, 360, place=(90, 93)),
    ),
}


class Layout(NamedTuple):
    """How a kind of file is laid out: lines before the hours, its name, and what its first line holds."""

    head: int
    name: str
    first: str


LAYOUTS = {
    "tmy3": Layout(2, "TMY3", "station number, name, state, UTC offset, latitude, longitude and altitude"),
    "psm3": Layout(3, "NSRDB PSM", "Source,Location ID,... with the station's values in the second line"),
    "epw": Layout(8, "EPW", "LOCATION,city,state,country,source,station,latitude,longitude,offset,altitude"),
    "tmy2": Layout(1, "TMY2", "WBAN number, city, state, UTC offset, latitude, longitude and altitude"),
}


class Station(NamedTuple):
    """Where a file says its station is."""

    latitude: float
    longitude: float
    altitude_m: float
    utc_offset_h: float


def check(path: Path, kind: str, text: str) -> int | None:
    """Raise with all that is wrong; the minute of an NSRDB file's stamps, None for other kinds."""
    lines = text.splitlines()
    layout = LAYOUTS[kind]
    place = _place(kind, lines)
    if place is None:
        message = f"is no {layout.name} file: its first line should hold {layout.first}"
        raise ScenarioError(
            Problem(message, file=str(path), line=1, value=repr(lines[0][:40]) if lines else "")
        )
    found = Hours(path, kind, lines)
    problems = [*found.missing_columns(), *found.clock(), *found.cells()]
    if not problems:
        problems = list(_light(path, place, found))
    if problems:
        raise ScenarioError(problems)
    return int(found.stamps[0, 3]) if kind == "psm3" else None


def _place(kind: str, lines: Sequence[str]) -> Station | None:
    """Where the header puts the station; None if it is no header of this kind."""
    try:
        if kind == "tmy3":
            cells = next(csv.reader([lines[0]]))
            offset, latitude, longitude, altitude = (float(cell) for cell in cells[3:7])
        elif kind == "psm3":
            cells = dict(zip(*csv.reader(lines[:2]), strict=False))  # type: ignore[assignment]
            keys = ("Time Zone", "Latitude", "Longitude", "Elevation")
            offset, latitude, longitude, altitude = (float(cells[key]) for key in keys)  # type: ignore[call-overload]
        elif kind == "epw":
            cells = next(csv.reader([lines[0]]))
            if cells[0] != "LOCATION":
                return None
            latitude, longitude, offset, altitude = (float(cell) for cell in cells[6:10])
        else:
            head = lines[0]
            north = 1.0 if head[37] == "N" else -1.0
            east = 1.0 if head[45] == "E" else -1.0
            latitude = north * (float(head[39:41]) + float(head[42:44]) / 60.0)
            longitude = east * (float(head[47:50]) + float(head[51:53]) / 60.0)
            offset, altitude = float(head[33:36]), float(head[54:])
    except (ValueError, IndexError, KeyError, StopIteration, csv.Error):
        return None
    sane = abs(latitude) <= 90 and abs(longitude) <= 180 and -13 <= offset <= 14 and math.isfinite(altitude)
    return Station(latitude, longitude, altitude, offset) if sane else None


class Hours:
    """The hours of a file as text: stamps (n, 4) of month, day, hour and minute, and cells by quantity."""

    def __init__(self, path: Path, kind: str, lines: Sequence[str]) -> None:
        self.path, self.kind, self.first_line = path, kind, LAYOUTS[kind].head + 1
        rows = [line for line in lines[LAYOUTS[kind].head :] if line.strip()]
        columns = COLUMNS[kind]
        headings = _headings(lines[LAYOUTS[kind].head - 1]) if kind in ("tmy3", "psm3") else {}
        self.absent = [c for c in columns if headings and c.needed and c.heading not in headings]
        self.present = [c for c in columns if not headings or c.heading in headings]
        if kind == "tmy2":
            self.text = [[row[slice(*c.place)] for c in self.present] for row in rows]
            stamps = [(row[3:5], row[5:7], row[7:9], "0") for row in rows]
        else:
            parsed = list(csv.reader(io.StringIO("\n".join(rows))))
            cells = [headings[c.heading] if headings else c.place[0] for c in self.present]
            self.text = [[row[i] if i < len(row) else "" for i in cells] for row in parsed]
            stamps = [_stamp(kind, row) for row in parsed]
        self.stamps = np.array([[_number(cell) for cell in stamp] for stamp in stamps]).reshape(-1, 4)
        self.values = np.array([[_number(cell) for cell in row] for row in self.text]).reshape(
            -1, len(self.present)
        )

    def missing_columns(self) -> Iterator[Problem]:
        """Quantities that the headings leave out."""
        for column in self.absent:
            yield Problem(
                "column is missing", file=str(self.path), key=column.heading, line=self.first_line - 1
            )

    def clock(self) -> Iterator[Problem]:
        """Every hour of a year once, in order, standard time."""
        month, day, hour, minute = self.stamps.T
        bad = np.flatnonzero(
            ~((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (hour >= 0) & (hour <= 24))
        )
        if len(bad):
            yield self._told(bad, "should hold a date and time", "time")
            return
        leap = bool(np.any((month == 2) & (day == 29)))
        starts = np.asarray(FIRST_OF_MONTH + (np.arange(12) >= 2) * leap)
        number = ((starts[month.astype(int) - 1] + day - 1) * 24 + hour).astype(np.int64)
        whole = YEAR_H + 24 * leap
        if self.kind == "psm3" and len(number) > whole:
            message = f"holds {len(number)} rows; should hold one an hour (an interval of 60 minutes)"
            yield Problem(message, file=str(self.path))
            return
        if self.kind == "psm3" and np.any(minute != minute[0]):
            yield self._told(
                np.flatnonzero(minute != minute[0]),
                "should stand at the same minute as the first row",
                "Minute",
            )
        step = np.diff(number)
        twice, gaps = np.flatnonzero(step <= 0) + 1, np.flatnonzero(step > 1) + 1
        advice = "files keep standard time all year, without daylight saving"
        if len(twice):
            yield self._told(twice, f"this hour comes twice or goes back in time; {advice}", "time")
        if len(gaps):
            lost = int((step[gaps - 1] - 1).sum())
            yield self._told(gaps, f"{lost} hour{'s' * (lost > 1)} missing before this row; {advice}", "time")
        first = 0 if self.kind == "psm3" else 1
        if len(number) and number[0] != first:
            yield self._told(np.array([0]), f"the first row should be January 1, hour {first}", "time")
        elif len(number) != whole and not (len(twice) or len(gaps)):
            yield Problem(f"should hold {whole} hours, holds {len(number)}", file=str(self.path))

    def cells(self) -> Iterator[Problem]:
        """Every quantity a number that air and sun can have."""
        for i, column in enumerate(self.present):
            values = self.values[:, i]
            bad = np.flatnonzero(~((values >= column.low) & (values <= column.high)))
            if len(bad):
                message = f"should be a number from {column.low:g} to {column.high:g}"
                yield self._told(bad, message, column.heading, self.text[bad[0]][i].strip() or "nothing")

    def light(self) -> tuple[Float, Float]:
        """Beam plus diffuse of every hour, and the hour of the year at its middle by the file's clock."""
        names = [column.pvlib.lower() for column in self.present]
        light = self.values[:, names.index("dni")] + self.values[:, names.index("dhi")]
        middle = np.asarray(np.arange(len(light)) + 0.5, dtype=np.float64)
        if self.kind == "psm3" and self.stamps[0, 3] == 0:
            middle = middle - 0.5
        return light, middle

    def _told(self, bad: NDArray[np.int64], message: str, key: str, value: str = "") -> Problem:
        more = f" (the first of {len(bad)} such rows)" if len(bad) > 1 else ""
        return Problem(f"{message}{more}", str(self.path), key, value, self.first_line + int(bad[0]))


def _headings(line: str) -> dict[str, int]:
    return {cell.strip(): i for i, cell in enumerate(next(csv.reader([line]), []))}


def _stamp(kind: str, row: Sequence[str]) -> tuple[str, str, str, str]:
    """Month, day, hour and minute as written; hours 1 to 24 (0 to 23 in NSRDB files)."""
    cells = [*row[:5], "", "", "", "", ""]
    if kind == "tmy3":
        date, _, _ = cells[0].partition(" ")
        parts = [*date.split("/"), "", ""]
        return parts[0], parts[1], cells[1].partition(":")[0], "0"
    return cells[1], cells[2], cells[3], cells[4] if kind == "psm3" else "0"


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _light(path: Path, place: Station, hours: Hours) -> Iterator[Problem]:
    """Whether light comes when the sun is up, in the dark half of the year and in the bright one.

    The sun's height follows Cooper's declination (1969) and Spencer's equation of time (1971).
    """
    light, middle = hours.light()
    day = middle / 24.0
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day + 1) / 365)
    b = 2 * np.pi * day / 365
    equation_h = (
        0.0172 + 0.4281 * np.cos(b) - 7.3515 * np.sin(b) - 3.3495 * np.cos(2 * b) - 9.3712 * np.sin(2 * b)
    ) / 60
    latitude = math.radians(place.latitude)
    shifts = np.arange(-12, 13)
    month = day / 365 * 12
    winter = (month < 2) | (month >= 10)
    summer = (month >= 4) & (month < 8)

    def off(part: NDArray[np.bool_]) -> int:
        clock = middle[part] - place.utc_offset_h + place.longitude / 15.0 + equation_h[part]
        fits = []
        for shift in shifts:
            angle = np.radians(15.0) * (clock - shift - 12.0)
            up = np.sin(latitude) * np.sin(declination[part]) + np.cos(latitude) * np.cos(
                declination[part]
            ) * np.cos(angle)
            fits.append(float(light[part] @ np.maximum(up, 0.0)))
        return int(shifts[int(np.argmax(fits))]) if max(fits) > 1.001 * min(fits) else 0

    cold, warm = off(winter), off(summer)
    if warm == cold and abs(warm) >= LIGHT_SHIFT_H:
        message = (
            f"the header's UTC{place.utc_offset_h:+g} cannot be: light comes {abs(warm)} h "
            f"{'after' if warm > 0 else 'before'} the sun; UTC{place.utc_offset_h + warm:+g} would fit"
        )
        yield Problem(message, file=str(path), key="time zone", line=1)
    elif cold != warm:
        message = (
            f"light moves by {abs(warm - cold)} h against the sun between winter and summer; "
            "files keep standard time all year, without daylight saving"
        )
        yield Problem(message, file=str(path), key="time zone", line=1)
