"""Weather on the scenario's clock."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from street import calendar

from cosim.demand import sky_kernels, solar_kernels, weather_files
from cosim.demand.clear_sky import hour_of_typical_year
from cosim.demand.synthetic_weather import clear_year
from cosim.demand.weather import Weather, WeatherBlock
from cosim.demand.weather_files import pvlib_data
from cosim.errors import InputError, ScenarioError


def rows(
    source: str,
    start: str,
    steps: int,
    minutes: float = 1.0,
    clouds: Literal["minute", "hourly"] = "minute",
) -> WeatherBlock:
    return Weather(source, calendar(start, steps, minutes), clouds=clouds).block(0, steps)


def test_any_cut_gives_the_same_bits() -> None:
    clock = calendar("2026-03-05", 20 * 1440)
    source = Weather("tmy3:greensboro", clock)
    whole = source.block(0, clock.steps).rows
    other = Weather("tmy3:greensboro", clock)
    cuts = [0, 1, 700, 1440, 5000, 11519, 11521, 20001, clock.steps]
    for a, b in sorted(itertools.pairwise(cuts), key=lambda pair: pair[0] % 7):
        assert np.array_equal(other.block(a, b - a).rows, whole[:, a:b])


def test_temperature_stands_at_the_file_s_labels() -> None:
    """Step middles at whole hours of standard time: the file's own values, label 1:00 first."""
    clock = calendar("2026-01-01T00:30", 8700, 60)
    source = Weather("tmy3:greensboro", clock)
    assert source.year is not None
    assert np.allclose(source.block(0, 8700).ambient_c, source.year.ambient_c[:8700], atol=1e-9)


def test_irradiance_keeps_the_energy_of_its_hours() -> None:
    block = rows("tmy3:greensboro", "2026-06-01", 30 * 1440)
    year = Weather("tmy3:greensboro", calendar()).year
    assert year is not None
    assert year.dni is not None
    assert year.dhi is not None
    june = slice(151 * 24, 181 * 24)
    assert block.dni.sum() / 60 == pytest.approx(year.dni[june].sum(), rel=0.02)
    assert block.dhi.sum() / 60 == pytest.approx(year.dhi[june].sum(), rel=0.02)
    assert (
        np.corrcoef(block.dni.reshape(-1, 60).mean(axis=1), np.roll(year.dni[june], 1))[0, 1] > 0.95
    )  # a run from midnight daylight time starts an hour before the file's day


def test_hourly_light_is_smooth_and_nights_are_dark() -> None:
    block = rows("tmy3:greensboro", "2026-07-01", 5 * 1440, clouds="hourly")
    assert np.abs(np.diff(block.ambient_c)).max() < 0.2
    assert np.abs(np.diff(block.ghi)).max() < 25.0
    assert np.all(block.ghi[block.sun_up < -0.03] == 0.0)
    assert block.ghi.min() >= 0.0
    assert np.allclose(np.linalg.norm(block.rows[6:9], axis=0), 1.0)


def test_closure_of_beam_and_diffuse() -> None:
    block = rows("clear:36.1,-79.95", "2026-07-01", 1440)
    assert np.allclose(block.ghi, block.dhi + block.dni * np.maximum(block.sun_up, 0.0))
    assert 850 < block.ghi.max() < 1050


def test_clear_sky_is_pvlib_s() -> None:
    import pandas as pd
    import pvlib

    block = rows("clear:36.1,-79.95", "2026-07-01", 1440)
    times = pd.date_range("2026-07-01 00:00:30", periods=1440, freq="min", tz="America/New_York")
    theirs = pvlib.location.Location(36.1, -79.95, altitude=0.0).get_clearsky(times)
    assert np.abs(block.ghi - theirs["ghi"]).max() < 4.0
    assert np.abs(block.dni - theirs["dni"])[block.sun_up > 0.1].max() < 4.0


def test_leap_day_repeats_the_28th() -> None:
    february_29 = (np.datetime64("2028-02-29") - np.datetime64("1970-01-01")).astype(int) * 24
    around = hour_of_typical_year(february_29 + np.array([-24, 0, 23, 24]))
    assert around.tolist() == [58 * 24, 58 * 24, 58 * 24 + 23, 59 * 24]
    december = (np.datetime64("2028-12-31") - np.datetime64("1970-01-01")).astype(int) * 24
    assert hour_of_typical_year(np.array([december + 23]))[0] == 8759


@pytest.mark.parametrize(("source", "low", "high"), [("tmy2:miami", 20, 36), ("tmy3:sand-point", 0, 20)])
def test_other_shipped_stations(source: str, low: float, high: float) -> None:
    block = rows(source, "2026-07-10", 3 * 288, 5)
    assert low < block.ambient_c.min()
    assert block.ambient_c.max() < high
    assert 200 < block.ghi.max() < 1250  # between clouds more than a clear sky gives


def test_synthetic_climates_pass_near_the_stations() -> None:
    """Annual means within 3.1 K."""
    for source in ("tmy2:miami", "tmy3:greensboro", "tmy3:sand-point"):
        year = Weather(source, calendar()).year
        assert year is not None
        drawn = clear_year(year.latitude, year.longitude)
        assert abs(drawn.ambient_c.mean() - year.ambient_c.mean()) < 3.1
    south = clear_year(-34.0, 151.0)
    assert south.ambient_c[:24].mean() > south.ambient_c[182 * 24 : 183 * 24].mean()


def test_constant_weather_has_no_sun() -> None:
    block = rows("constant:25", "2026-07-01", 10)
    assert np.all(block.ambient_c == 25.0)
    assert np.all(block.ghi == 0.0)


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("sunny", "tmy3:greensboro"),
        ("tmy3:greensborro", "greensboro"),
        ("tmy3:miami", "write tmy2:miami"),
        ("constant:warm", "constant:25"),
        ("constant:400", "between -90 and 70"),
        ("clear:36", "clear:36.1,-79.9"),
        ("file:nowhere.csv", "no such weather file"),
        ("file:nowhere.txt", ".epw"),
    ],
)
def test_a_source_that_cannot_be_used_says_what_would(source: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        Weather(source, calendar())
    assert remedy in str(caught.value)


def test_a_file_with_gaps_is_refused_with_all_its_problems(tmp_path: Path) -> None:
    text = (pvlib_data() / "723170TYA.CSV").read_text().splitlines()
    cells = text[2 + 100].split(",")
    cells[7], cells[31] = "-5", ""  # direct normal irradiance, dry bulb
    text[2 + 100] = ",".join(cells)
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join(text[:-1]))
    with pytest.raises(ScenarioError) as caught:
        Weather("file:gaps.csv", calendar(), tmp_path)
    said = str(caught.value)
    assert "8760 hours, holds 8759" in said
    assert "gaps.csv:103: Dry-bulb (C): should be a number from -90 to 60 (got nothing)" in said
    assert "gaps.csv:103: DNI (W/m^2): should be a number from 0 to 1400 (got -5)" in said
    path.write_text("not weather at all")
    with pytest.raises(ScenarioError, match="is no TMY3 file: its first line should hold"):
        Weather("file:gaps.csv", calendar(), tmp_path)


def test_an_epw_file_is_read(tmp_path: Path) -> None:
    """The same station written as EnergyPlus weather gives the same year."""
    year = Weather("tmy3:greensboro", calendar()).year
    assert year is not None
    assert year.dni is not None
    assert year.dhi is not None
    table = (pvlib_data() / "723170TYA.CSV").read_text().splitlines()
    place = table[1].split(",").index("RHum (%)")
    humidity = [line.split(",")[place] for line in table[2:]]
    head = ["LOCATION,Greensboro,NC,USA,TMY3,723170,36.1,-79.95,-5.0,273.0", *[f"LINE {i}" for i in range(7)]]
    rows_ = []
    for hour in range(8760):
        cells = ["0"] * 35
        day = np.datetime64("2023-01-01") + hour // 24
        cells[:5] = ["2023", str(day)[5:7], str(day)[8:10], str(hour % 24 + 1), "0"]
        cells[8], cells[9], cells[20] = humidity[hour], str(year.pressure_pa[hour]), "180"
        cells[6], cells[14], cells[15] = str(year.ambient_c[hour]), str(year.dni[hour]), str(year.dhi[hour])
        cells[21] = str(year.wind_m_s[hour])
        rows_.append(",".join(cells))
    (tmp_path / "g.epw").write_text("\n".join(head + rows_) + "\n")
    clock = calendar("2026-05-01", 1440)
    ours = Weather("file:g.epw", clock, tmp_path).block(0, 1440).rows
    assert np.allclose(ours, Weather("tmy3:greensboro", clock).block(0, 1440).rows)


def test_humidity_is_the_file_s_and_wet_bulbs_solve_the_psychrometer() -> None:
    """At labels the file's relative humidity; 25 degC and 50 % at sea level have a wet bulb of 17.9 degC."""
    clock = calendar("2026-01-01T00:30", 8700, 60)
    block = Weather("tmy3:greensboro", clock).block(0, 8700)
    table = (pvlib_data() / "723170TYA.CSV").read_text().splitlines()
    place = table[1].split(",").index("RHum (%)")
    measured = np.array([float(line.split(",")[place]) for line in table[2:8702]])
    assert np.allclose(block.humidity_percent, measured, atol=1e-6)
    assert np.all(block.wet_bulb_c <= block.ambient_c + 1e-9)
    out = np.empty((11, 1))
    dew = float(weather_files.dew_point(np.array([25.0]), np.array([50.0]))[0])
    sky_kernels.air(25.0, dew, 101325.0, 0, out)
    assert out[solar_kernels.HUMIDITY, 0] == pytest.approx(50.0)
    assert out[solar_kernels.WET_BULB_C, 0] == pytest.approx(17.9, abs=0.1)
