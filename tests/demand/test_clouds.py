"""Clouds of minutes: hours keep their means, homes see the same clouds at other minutes, many are smoother."""

from __future__ import annotations

import numpy as np
import pvlib
import pytest
from street import calendar

from cosim.demand import cloud_kernels, clouds, solar_kernels
from cosim.demand.clear_sky import hour_of_typical_year
from cosim.demand.clouds import Places
from cosim.demand.solar import Arrays, Module, ac_per_dc_rating
from cosim.demand.weather import Weather
from cosim.randomness import stable_ids

JUNE = 30 * 1440
HOMES = 200


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather("tmy3:greensboro", calendar("2026-06-01", JUNE), seed=7)


@pytest.fixture(scope="module")
def places() -> Places:
    """Homes over three kilometres."""
    draw = np.random.default_rng(1)
    return Places(draw.uniform(-1500, 1500, HOMES), draw.uniform(-1500, 1500, HOMES))


@pytest.fixture(scope="module")
def seen(weather: Weather, places: Places) -> np.ndarray:
    return weather.clouds(places).block(0, JUNE)


@pytest.mark.parametrize(("source", "share"), [("tmy3:greensboro", 0.98), ("tmy2:miami", 0.998)])
def test_hours_keep_the_beam_of_the_file(source: str, share: float) -> None:
    """With the sun above 5 degrees: 0.1 W/m2 in 98 % of hours, 20 W/m2 in all; 0.2 % in all."""
    whole = Weather(source, calendar("2026-01-02", 100 * 1440), seed=7)
    assert whole.year is not None
    assert whole.year.dni is not None
    ours, files, up = [], [], []
    for first in range(0, 100 * 1440, 25 * 1440):
        block = whole.block(first, 25 * 1440)
        hour = whole.file_us(first, 25 * 1440)[::60] // 3_600_000_000
        ours.append(block.dni.reshape(-1, 60).mean(axis=1))
        up.append(block.sun_up.reshape(-1, 60).min(axis=1))
        files.append(whole.year.dni[hour_of_typical_year(hour)])
    found, file, high = (np.concatenate(part) for part in (ours, files, up))
    lit = high > np.sin(np.radians(5.0))
    off = np.abs(found - file)[lit]
    assert np.mean(off < 0.1) > share
    assert off.max() < 20.0
    assert found.sum() == pytest.approx(file.sum(), rel=2e-3)


def test_a_place_s_bits_are_its_own(weather: Weather, places: Places, seen: np.ndarray) -> None:
    """Whatever the cut into blocks, the other homes, threads and what was asked before."""
    some = np.array([3, 150, 77])
    few = Weather("tmy3:greensboro", calendar("2026-06-01", JUNE), seed=7)
    alone = few.clouds(Places(places.east_m[some], places.north_m[some]), parallel=True)
    for first, steps in ((20000, 1500), (7, 1), (8, 5000), (43000, 200)):
        beam = weather.block(first, steps).rows[solar_kernels.OPEN_DNI]
        assert np.array_equal(beam * alone.block(first, steps), beam * seen[some, first : first + steps])
    other = Weather("tmy3:greensboro", calendar("2026-06-01", JUNE), seed=8).clouds(places)
    assert not np.array_equal(other.block(0, 1440), seen[:, :1440])


def test_the_station_sees_its_own_row(weather: Weather) -> None:
    block = weather.block(0, 2880)
    own = weather.clouds(Places.one()).block(0, 2880)[0]
    assert np.array_equal(block.dni, own * block.rows[solar_kernels.OPEN_DNI])
    assert np.allclose(block.ghi, block.dhi + block.dni * np.maximum(block.sun_up, 0.0))


def test_downwind_sees_the_same_clouds_later(weather: Weather) -> None:
    day = next(d for d in range(20605, 20635) if weather._solved(d))
    solved = weather._solved(day)
    assert solved is not None
    away_m = 600.0 * solved.drift.speed_m_s
    down = Places(np.array([0.0, away_m * solved.drift.east]), np.array([0.0, away_m * solved.drift.north]))
    first = int((day * 86_400_000_000 - weather.file_us(0, 1)[0]) // 60_000_000) + 600
    here, there = weather.clouds(down).block(first, 400)
    assert np.allclose(there[10:], here[:-10], atol=1e-6)
    assert here.std() > 0.1


def test_the_field_has_its_spectrum() -> None:
    """Unit variance, and a structure function of power 2/3 from 2 to 16 min."""
    rows = []
    for day in range(200):
        out = np.empty(5760)
        cloud_kernels.thickness(np.uint64(clouds.stable_id(f"t{day}")), day, 0, out)
        rows.append(out)
    field = np.array(rows)
    assert field.std() == pytest.approx(1.0, abs=0.06)
    assert abs(field.mean()) < 0.06
    lags = np.array([8, 16, 32, 64])
    power = [np.mean((field[:, lag:] - field[:, :-lag]) ** 2) for lag in lags]
    slope = np.polyfit(np.log(lags), np.log(power), 1)[0]
    assert slope == pytest.approx(2.0 / 3.0, abs=0.12)


def test_many_homes_are_smoother_than_one(weather: Weather, places: Places, seen: np.ndarray) -> None:
    """Ramps of the mean over three kilometres: a third of one home's, at most the wavelet model's."""
    lit = weather.block(0, JUNE).ghi > 50.0
    one = np.sqrt(np.mean([np.diff(home)[lit[1:]].var() for home in seen]))
    many = np.diff(seen.mean(axis=0))[lit[1:]].std()
    assert 0.2 < many / one < 0.4
    theirs = []
    for day in range(20605, 20635):
        solved = weather._solved(day)
        part = slice((day - 20605) * 1440, (day - 20604) * 1440)
        if solved is not None:
            sites = np.stack([places.east_m, places.north_m], axis=1)[:50]
            smooth, _, _ = pvlib.scaling.wvm(seen[0, part], sites, solved.drift.speed_m_s, dt=60.0)
            theirs.append(np.diff(smooth)[lit[part][1:]].var())
    assert 0.5 < many / np.sqrt(np.mean(theirs)) < 1.2


@pytest.mark.parametrize(("minutes", "slack"), [(5, 0.12), (15, 0.12)])
def test_correlation_falls_as_lave_and_kleissl_found(
    weather: Weather, places: Places, seen: np.ndarray, minutes: int, slack: float
) -> None:
    """Changes over t at distance d: exp(-d / (0.5 v t)), "Cloud speed impact on solar variability scaling" (2013)."""
    lit = weather.block(0, JUNE).ghi > 50.0
    change = (seen[:, minutes:] - seen[:, :-minutes])[:, lit[minutes:]]
    ours = np.corrcoef(change)
    apart = np.hypot(*(np.subtract.outer(x, x) for x in (places.east_m, places.north_m)))
    found = [weather._solved(day) for day in range(20605, 20635)]
    speeds = np.array([solved.drift.speed_m_s for solved in found if solved])
    for low, high in ((100, 300), (300, 600), (600, 1000), (1000, 1500), (1500, 2500)):
        pairs = (apart > low) & (apart < high)
        theirs = np.exp(-apart[pairs].mean() / (0.5 * speeds * 60.0 * minutes)).mean()
        assert ours[pairs].mean() == pytest.approx(theirs, abs=slack)


def test_without_clouds_all_see_the_open_sky() -> None:
    for weather in (
        Weather("clear:36.1,-79.95", calendar("2026-06-01", 1440)),
        Weather("constant:25", calendar("2026-06-01", 1440)),
        Weather("tmy3:greensboro", calendar("2026-06-01", 1440), clouds="hourly"),
    ):
        assert np.all(weather.clouds(Places.one()).block(0, 1440) == 1.0)
        block = weather.block(0, 1440)
        assert np.array_equal(block.dni, block.rows[solar_kernels.OPEN_DNI])


def test_arrays_see_the_clouds_above_them(weather: Weather) -> None:
    ids = stable_ids(["a", "b", "c"])
    own = Weather("tmy3:greensboro", calendar("2026-06-01", JUNE), seed=7)
    assert own.places_of(ids) is None
    own.settle(ids[:2], Places(np.array([0.0, 2000.0]), np.array([0.0, -500.0])))
    places = own.places_of(ids)
    rating, tilt, azimuth = np.array([7000.0, 7000.0, 0.0]), np.full(3, 20.0), np.full(3, 180.0)
    arrays = Arrays(rating, tilt, azimuth, Module(), places=places, weather=own)
    block = own.block(3000, 900)
    power = arrays.power_w(3000, block)
    station = 7000.0 * ac_per_dc_rating(np.array([[20.0, 180.0]]), Module(), block)[0]
    assert np.allclose(power[0], station, rtol=1e-12)
    assert np.all(power[2] == 0.0)
    assert np.abs(power[1] - power[0]).max() > 500.0
    assert np.array_equal(power, np.concatenate([arrays.power_w(3000, own.block(3000, 400)),
                                                 arrays.power_w(3400, own.block(3400, 500))], axis=1))  # fmt: skip
