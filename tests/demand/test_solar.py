"""Sun and photovoltaic power against pvlib, and what no sun can do."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest

from cosim.demand import solar_kernels
from cosim.demand.calendar import Calendar
from cosim.demand.solar import Module, ac_per_dc_rating, light_on_walls
from cosim.demand.weather import Weather, WeatherBlock
from cosim.demand.weather_files import pvlib_data

GREENSBORO = pvlib.location.Location(36.1, -79.95, altitude=273.0)


def hourly_weather() -> tuple[pd.DataFrame, WeatherBlock]:
    """The typical year at its own labels, as pvlib's ModelChain takes it."""
    path = pvlib_data() / "723170TYA.CSV"
    table, _ = pvlib.iotools.read_tmy3(str(path), map_variables=True, coerce_year=2023)
    sun = GREENSBORO.get_solarposition(table.index, temperature=table["temp_air"])  # refraction
    up = np.sin(np.radians(sun["apparent_elevation"]))
    flat, azimuth = np.sqrt(1 - up**2), np.radians(sun["azimuth"])
    extra = pvlib.irradiance.get_extra_radiation(table.index)
    names = ("temp_air", "wind_speed", "ghi", "dni", "dhi")
    rows = [table[name] for name in names] + [extra, flat * np.sin(azimuth), flat * np.cos(azimuth), up]
    return table, WeatherBlock(np.stack([np.asarray(row, dtype=np.float64) for row in rows]))


def test_greensboro_year(cases: Path) -> None:
    """9505.9 kWh within 0.1 %: see the case's folder."""
    case = tomllib.loads((cases / "pv-greensboro" / "expected.toml").read_text())
    _, block = hourly_weather()
    module = Module(gamma_per_k=case["gamma_per_k"], dc_to_ac=case["rating_w"] / case["inverter_dc_w"])
    plane = np.array([[case["tilt_deg"], case["azimuth_deg"]]])
    energy_kwh = case["rating_w"] / 1000.0 * ac_per_dc_rating(plane, module, block, parallel=False).sum()
    assert energy_kwh == pytest.approx(case["energy_kwh"], rel=case["tolerance"])


@pytest.mark.parametrize(("tilt", "azimuth"), [(0.0, 0.0), (20.0, 180.0), (35.0, 90.0), (45.0, 270.0)])
def test_every_hour_agrees_with_pvlib(tilt: float, azimuth: float) -> None:
    table, block = hourly_weather()
    system = pvlib.pvsystem.PVSystem(
        surface_tilt=tilt,
        surface_azimuth=azimuth,
        module_parameters={"pdc0": 1.0, "gamma_pdc": -0.0037},
        inverter_parameters={"pdc0": 1 / 1.15},
        temperature_model_parameters={"a": -3.56, "b": -0.075, "deltaT": 3},
    )
    chain = pvlib.modelchain.ModelChain.with_pvwatts(system, GREENSBORO)
    chain.run_model(table[["ghi", "dni", "dhi", "temp_air", "wind_speed"]])
    theirs = chain.results.ac.fillna(0.0).to_numpy()
    ours = ac_per_dc_rating(np.array([[tilt, azimuth]]), Module(), block, parallel=False)[0]
    losses = Module().losses
    assert losses == pytest.approx(float(pvlib.pvsystem.pvwatts_losses()) / 100, abs=1e-6)
    assert np.abs(ours - theirs).max() < 1e-6


def test_nights_are_dark_and_clear_noon_is_near_the_rating() -> None:
    calendar = Calendar(datetime(2026, 4, 20), "America/New_York", 60_000_000, 1440)
    block = Weather("clear:36.1,-79.95", calendar).block(0, 1440)
    power = ac_per_dc_rating(np.array([[30.0, 180.0]]), Module(), block, parallel=False)[0]
    assert np.all(power[block.sun_up < -0.03] == 0.0)
    assert 0.75 < power.max() < 0.96 / 1.15 + 1e-9
    assert (
        12.5 * 60 < np.argmax(power * (power < power.max() + 1)) < 14 * 60
    )  # solar noon is at 13:20 wall time


def test_clipping_stops_at_the_inverter_rating() -> None:
    assert solar_kernels.inverter_ac(2.0, 1.0, 0.96) == 0.96
    assert solar_kernels.inverter_ac(0.0, 1.0, 0.96) == 0.0
    assert solar_kernels.inverter_ac(0.001, 1.0, 0.96) == 0.0  # own consumption exceeds it


def test_threads_and_compilation_change_no_bits() -> None:
    calendar = Calendar(datetime(2026, 7, 1), "America/New_York", 60_000_000, 1440)
    block = Weather("tmy3:greensboro", calendar).block(600, 200)
    planes = np.array([[20.0, 180.0], [30.0, 90.0], [5.0, 300.0]])
    serial = ac_per_dc_rating(planes, Module(), block, parallel=False)
    assert np.array_equal(serial, ac_per_dc_rating(planes, Module(), block, parallel=True))
    alone = ac_per_dc_rating(planes[1:2], Module(), block, parallel=False)
    assert np.array_equal(serial[1:2], alone)
    few = WeatherBlock(block.rows[:, :40])
    sky, plain = np.empty((solar_kernels.SKY_ROWS, 40)), np.empty(40)
    table, glass = Module().table(), np.empty(2049)
    fill: Callable[..., None] = solar_kernels.fill_glass
    fill(glass)
    solar_kernels.skies.py_func(few.rows, solar_kernels.DNI, table, sky)  # type: ignore[attr-defined]
    run = solar_kernels.array_power.py_func  # type: ignore[attr-defined]
    run(planes[1], 1.0, sky, np.ones(40), table, glass, plain)
    assert np.allclose(plain, alone[0, :40], rtol=1e-12, atol=0)


def test_light_on_walls_is_pvlib_s() -> None:
    table, block = hourly_weather()
    sun = GREENSBORO.get_solarposition(table.index, temperature=table["temp_air"])
    day = slice(180 * 24, 190 * 24)
    ours = light_on_walls(block)[:, day]
    for wall, azimuth in zip(ours, (0, 90, 180, 270), strict=True):
        theirs = pvlib.irradiance.get_total_irradiance(
            90, azimuth, sun["apparent_zenith"], sun["azimuth"], table["dni"], table["ghi"], table["dhi"],
            dni_extra=pvlib.irradiance.get_extra_radiation(table.index), model="perez", albedo=0.2,
        )["poa_global"].fillna(0.0)  # fmt: skip
        assert np.abs(wall - theirs.to_numpy()[day]).max() < 1e-6
