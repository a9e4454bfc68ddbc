"""Rises that current causes know no weather; temperatures under sun and wind do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cosim import library
from cosim.demand.weather import WeatherBlock
from cosim.simulation.adapter_heat import AdapterHeat, HeatBlock, sun_on_walls, wall_of

STEPS, HOMES = 120, 64
SECONDS = np.full(STEPS, 60.0)
NORTH, EAST, SOUTH, WEST = range(4)


def weather(
    *, wind: float = 0.0, dni: float = 0.0, dhi: float = 0.0, elevation: float = 40.0, azimuth: float = 180.0
) -> WeatherBlock:
    """The same sky at every step; azimuth from north over east."""
    high, around = math.radians(elevation), math.radians(azimuth)
    sun = math.cos(high) * math.sin(around), math.cos(high) * math.cos(around), math.sin(high)
    ghi = dhi + dni * max(sun[2], 0.0)
    return WeatherBlock(np.repeat(np.array([[30.0, wind, ghi, dni, dhi, 1361.0, *sun]]).T, STEPS, axis=1))


@pytest.fixture(scope="module")
def adapters() -> AdapterHeat:
    names = [f"home-{k}" for k in range(HOMES)]
    return AdapterHeat(library.load("adapters", "connectder-solar-60"), np.arange(HOMES), names)


def run(adapters: AdapterHeat, sky: WeatherBlock, amp: float = 80.0) -> HeatBlock:
    i2 = np.full((STEPS, 6, HOMES), amp**2)
    return adapters.advance(adapters.initial(30.0), i2, sky, SECONDS, parallel=False)


def test_rises_know_no_weather(adapters: AdapterHeat) -> None:
    calm, rough = run(adapters, weather()), run(adapters, weather(wind=8.0, dni=900.0, dhi=100.0))
    for name in ("jaw_rise_k", "bus_bar_rise_k", "factory_terminal_rise_k", "heat_margin_k"):
        np.testing.assert_array_equal(getattr(calm.rises, name), getattr(rough.rises, name))
    assert np.abs(calm.rises.adapter_temperature_c - rough.rises.adapter_temperature_c)[-1].min() > 0.5


def test_without_sun_and_wind_both_states_are_one(adapters: AdapterHeat) -> None:
    """Only where films are linearised differs: within 0.01 K."""
    found = run(adapters, weather())
    np.testing.assert_allclose(found.end[0], found.end[1], atol=0.01)


def test_sun_warms_and_wind_cools(adapters: AdapterHeat) -> None:
    shade, sunny, windy = (
        run(adapters, sky).rises.adapter_temperature_c[-1]
        for sky in (weather(), weather(dni=800.0, dhi=100.0), weather(dni=800.0, dhi=100.0, wind=8.0))
    )
    assert np.all(sunny > shade)
    assert np.all(windy < sunny)


def test_the_wall_that_faces_the_sun_is_warmest(adapters: AdapterHeat) -> None:
    at_noon = run(adapters, weather(dni=800.0, dhi=100.0)).rises.adapter_temperature_c[-1]
    south, north = at_noon[adapters.wall == SOUTH], at_noon[adapters.wall == NORTH]
    assert south.min() > north.max() + 1.0


def test_irradiance_on_walls_by_hand() -> None:
    """Sun in the south at 40 degrees, 800 W/m2 of beam, 100 of sky; the ground gives back a fifth."""
    sky = weather(dni=800.0, dhi=100.0)
    ground = 0.2 * (100.0 + 800.0 * math.sin(math.radians(40.0)))
    around = 0.5 * (100.0 + ground)
    found = sun_on_walls(sky)[0]
    cos40, sin40 = math.cos(math.radians(40.0)), math.sin(math.radians(40.0))
    np.testing.assert_allclose(found[SOUTH], [800 * cos40 + around, 800 * sin40 + 50.0, around], atol=1e-9)
    np.testing.assert_allclose(found[NORTH], [around, 50.0, around], atol=1e-9)
    np.testing.assert_allclose(found[EAST][0], around, atol=1e-9)
    assert np.all(sun_on_walls(weather())[0] == 0.0)
    assert np.all(sun_on_walls(weather(dni=800.0, elevation=-5.0))[0] <= 0.0)


def test_a_morning_sun_falls_on_the_side_of_a_south_wall() -> None:
    found = sun_on_walls(weather(dni=800.0, elevation=20.0, azimuth=100.0))[0]
    east = 800.0 * math.cos(math.radians(20.0)) * math.sin(math.radians(100.0))
    ground = 0.5 * 0.2 * 800.0 * math.sin(math.radians(20.0))
    np.testing.assert_allclose(found[SOUTH, 2], east + ground)


def test_margin_is_to_the_limit_of_each_part(adapters: AdapterHeat) -> None:
    """Never more than the smallest limit less the hottest node would give, and less than none without one."""
    found = run(adapters, weather(dni=800.0), amp=150.0)
    assert adapters.temperature_limit_c == 100.0
    assert np.all(found.material_margin_k >= 100.0 - found.rises.adapter_temperature_c)
    assert np.all(found.material_margin_k < 100.0 - 30.0)


def test_blocks_may_be_cut_anywhere(adapters: AdapterHeat) -> None:
    i2 = np.random.default_rng(2).uniform(0.0, 150.0, (STEPS, 6, HOMES)) ** 2
    sky = weather(wind=3.0, dni=500.0, dhi=80.0)
    whole = adapters.advance(adapters.initial(30.0), i2, sky, SECONDS, parallel=True)
    head = adapters.advance(
        adapters.initial(30.0), i2[:37], WeatherBlock(sky.rows[:, :37]), SECONDS[:37], parallel=False
    )
    rest = adapters.advance(head.end, i2[37:], WeatherBlock(sky.rows[:, 37:]), SECONDS[37:], parallel=False)
    np.testing.assert_array_equal(rest.end, whole.end)
    np.testing.assert_array_equal(rest.material_margin_k, whole.material_margin_k[37:])


def test_walls_are_drawn_by_name() -> None:
    names = [f"home-{k}" for k in range(4000)]
    walls = wall_of(names)
    assert np.abs(np.bincount(walls, minlength=4) - 1000).max() < 120
    np.testing.assert_array_equal(wall_of(names[100:110]), walls[100:110])
