"""Weather files that cannot be used: all problems at once, by line and column, with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from street import calendar

from cosim.demand.synthetic_weather import synthetic_year
from cosim.demand.weather import Weather
from cosim.demand.weather_files import pvlib_data, read_year
from cosim.errors import ScenarioError

Lines = list[str]


@pytest.fixture(scope="module")
def lines() -> Lines:
    return (pvlib_data() / "723170TYA.CSV").read_text().splitlines()


def refusal(tmp_path: Path, text: Lines, name: str = "w.csv") -> str:
    (tmp_path / name).write_text("\n".join(text) + "\n")
    with pytest.raises(ScenarioError) as caught:
        Weather(f"file:{name}", calendar(), tmp_path)
    return str(caught.value)


def spring(text: Lines) -> Lines:
    """The hour that daylight saving skips, and the one it doubles."""
    march, november = 2 + 69 * 24 + 2, 2 + 308 * 24 + 1
    return [*text[:march], *text[march + 1 : november], text[november], *text[november:]]


def zone(text: Lines) -> Lines:
    return [text[0].replace("-5.0", "0.0"), *text[1:]]


def summer_time(text: Lines) -> Lines:
    """Values of the summer half an hour later, stamps unbroken."""
    rows = [row.split(",", 2) for row in text[2:]]
    moved = list(range(len(rows)))
    moved[70 * 24 : 300 * 24] = [i - 1 for i in moved[70 * 24 : 300 * 24]]
    return [*text[:2], *(",".join([*row[:2], rows[m][2]]) for row, m in zip(rows, moved, strict=True))]


def negative(text: Lines) -> Lines:
    cells = text[2000].split(",")
    cells[10] = "-12"
    return [*text[:2000], ",".join(cells), *text[2001:]]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spring, ("w.csv:1661: time: 1 hour missing before this row", "w.csv:7396: time: this hour comes twice")),
        (zone, ("the header's UTC+0 cannot be: light comes 5 h before the sun; UTC-5 would fit",)),
        (summer_time, ("light moves by 1 h against the sun between winter and summer",)),
        (negative, ("w.csv:2001: DHI (W/m^2): should be a number from 0 to 900 (got -12)",)),
        (lambda text: text[:5000], ("should hold 8760 hours, holds 4998",)),
        (lambda text: [text[0], text[1].replace("RHum (%)", "RH"), *text[2:]], ("RHum (%): column is missing",)),
        (lambda text: [*text[:2], *text[1000:]], ("w.csv:3: time: the first row should be January 1, hour 1",)),
    ],
)  # fmt: skip
def test_a_spoilt_file_says_where(
    tmp_path: Path, lines: Lines, spoil: Callable[[Lines], Lines], said: tuple[str, ...]
) -> None:
    text = refusal(tmp_path, spoil(lines))
    for part in said:
        assert part in text


@pytest.mark.parametrize("name", ["junk.csv", "junk.epw", "junk.tm2"])
def test_junk_is_told_what_it_should_begin_with(tmp_path: Path, name: str) -> None:
    for junk in (["hello"], [""], ["\x00\x01"], ["LOCATION,a,b"], ["Source,x", "y"]):
        assert "its first line should hold" in refusal(tmp_path, junk, name)


def test_psm_files_are_read(tmp_path: Path) -> None:
    """The same station as an NSRDB file stamped at half hours: irradiance is the hour's, air is brought to its end."""
    year = Weather("tmy3:greensboro", calendar()).year
    assert year is not None
    assert year.dni is not None
    assert year.dhi is not None
    head = [
        "Source,Location ID,Latitude,Longitude,Time Zone,Elevation,Local Time Zone",
        "NSRDB,1,36.1,-79.95,-5,273,-5",
        "Year,Month,Day,Hour,Minute,DNI,DHI,Temperature,Relative Humidity,Wind Speed",
    ]
    rows = []
    for hour in range(8760):
        date = (np.datetime64("2023-01-01") + hour // 24).astype(str)
        cells = [
            2023,
            int(date[5:7]),
            int(date[8:10]),
            hour % 24,
            30,
            year.dni[hour],
            year.dhi[hour],
            hour % 7,
            50,
            3,
        ]
        rows.append(",".join(str(cell) for cell in cells))
    (tmp_path / "psm.csv").write_text("\n".join([*head, *rows]) + "\n")
    found = read_year(tmp_path / "psm.csv", "tmy3")
    assert found.dni is not None
    assert np.array_equal(found.dni, year.dni)
    assert found.ambient_c[:3].tolist() == [0.5, 1.5, 2.5]
    assert found.wind_from_deg is None
    assert found.pressure_pa[0] == pytest.approx(98090, rel=1e-3)
    assert "one an hour" in refusal(tmp_path, [*head, *(row for row in rows for _ in range(2))])


def test_a_synthetic_year_is_drawn_by_its_seed() -> None:
    one, same, other = (synthetic_year(36.1, -79.95, seed) for seed in (1, 1, 2))
    assert one.cover is not None
    assert np.array_equal(one.ambient_c, same.ambient_c)
    assert not np.array_equal(one.ambient_c, other.ambient_c)
    assert one.cover.mean() == pytest.approx(0.5, abs=0.05)
    assert one.wind_m_s.mean() == pytest.approx(3.5, abs=0.3)
    noon = one.ambient_c.reshape(365, 24)[:, 12]
    season = np.convolve(noon, np.ones(31) / 31, mode="same")
    assert np.corrcoef((noon - season)[20:-21], (noon - season)[21:-20])[0, 1] == pytest.approx(0.6, abs=0.15)


def test_a_synthetic_sky_lies_near_the_stations() -> None:
    """Global light of six weeks within 25 % of the files of two latitudes."""
    for station, tolerance in (("tmy2:miami", 0.25), ("tmy3:greensboro", 0.25)):
        clock = calendar("2026-05-01", 500, 120)
        real = Weather(station, clock, clouds="hourly")
        assert real.year is not None
        drawn = Weather(f"synthetic:{real.year.latitude},{real.year.longitude}", clock, seed=3)
        block = drawn.block(0, 500)
        assert block.ghi.mean() == pytest.approx(real.block(0, 500).ghi.mean(), rel=tolerance)
        assert np.all((block.humidity_percent > 10.0) & (block.humidity_percent <= 100.0 + 1e-9))
        assert block.dni.max() < 1100.0
    zone = Weather("synthetic:36.1", calendar()).year
    assert zone is not None
    assert zone.longitude == -75.0
