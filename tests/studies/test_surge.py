"""The combination wave and what varistors make of it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim import library
from cosim.cli import app
from cosim.studies.surge import GENERATOR, shape, surge, varistor_v, voltage_protection_rating, wave

PART = library.load("varistors", "block-130")


def test_the_open_wave_is_1_2_50_of_6_kv() -> None:
    found = wave()
    peak, front, half = shape(found.seconds, found.volts, 0.3, 1.67)
    assert peak == pytest.approx(6000.0, rel=1e-4)
    assert front == pytest.approx(1.2e-6, rel=1e-3)
    assert half == pytest.approx(50e-6, rel=1e-3)


def test_the_shorted_wave_is_8_20_of_3_ka() -> None:
    found = wave(shorted=True)
    peak, front, half = shape(found.seconds, found.amperes, 0.1, 1.25)
    assert peak == pytest.approx(3000.0, rel=1e-4)
    assert front == pytest.approx(8e-6, rel=1e-3)
    assert half == pytest.approx(20e-6, rel=1e-3)


def test_ideal_waves_of_the_standards_have_these_times() -> None:
    """IEEE C62.41.2's functions for both waves, read with the same ruler."""
    t = np.linspace(0.0, 120e-6, 24001)
    us = t * 1e6
    v = 1.037 * (1.0 - np.exp(-us / 0.4074)) * np.exp(-us / 68.22)
    i = 0.01243 * us**3 * np.exp(-us / 3.911)
    assert shape(t, v, 0.3, 1.67) == pytest.approx((1.0, 1.2e-6, 50e-6), rel=0.01)
    assert shape(t, i, 0.1, 1.25) == pytest.approx((1.0, 8e-6, 20e-6), rel=0.01)


def test_the_generator_is_the_published_one() -> None:
    """Hesterman and Powell, High Voltage Surge Generator Design (2004), as recalled: uF, ohm, ohm, ohm, uH."""
    published = (5.93e-6, 20.2, 26.1, 0.814, 10.9e-6)
    assert GENERATOR[1:] == pytest.approx(published, rel=3e-3)


def test_the_integrator_equals_the_closed_form() -> None:
    closed = wave(shorted=True)
    through = wave(shorted=True, service_uh=1e-3)
    np.testing.assert_allclose(through.amperes, closed.amperes, atol=3.0)


def test_a_varistor_is_odd_rising_and_continuous() -> None:
    amperes = np.geomspace(1e-6, 2e4, 500)
    v = varistor_v(PART, amperes)
    assert (np.diff(v) > 0.0).all()
    np.testing.assert_allclose(varistor_v(PART, -amperes), -v)
    assert varistor_v(PART, np.array(200.0)) == pytest.approx(309.4, abs=0.1)
    assert varistor_v(PART, np.array(400.0), parallel=2.0) == pytest.approx(309.4, abs=0.1)


def test_a_clamp_takes_energy_and_current_no_more_than_the_generator_has() -> None:
    one, many = wave(PART, leads_uh=0.1), wave(PART, parallel=9.0, leads_uh=0.1)
    stored_j = 0.5 * GENERATOR[1] * GENERATOR[0] ** 2
    assert 0.0 < many.energy_j < one.energy_j < stored_j
    assert 2500.0 < one.peak_a < many.peak_a < 3000.0
    assert many.peak_v < one.peak_v
    assert wave(PART, leads_uh=0.3).peak_v > one.peak_v
    assert wave(PART, leads_uh=0.1, service_uh=12.0).peak_v < one.peak_v


def test_classes_of_ratings() -> None:
    assert voltage_protection_rating(320.0) == 330.0
    assert voltage_protection_rating(501.0) == 600.0
    assert math.isnan(voltage_protection_rating(7000.0))


def test_products() -> None:
    clamped, said, none = surge("surge-only"), surge("tesco-bptm"), surge("generlink-30")
    assert (clamped.evidence, said.evidence, none.evidence) == ("clamp", "missing", "none")
    assert 250.0 < clamped.let_through_v < clamped.highest_v < clamped.vpr_v
    assert clamped.energy_share < 1.0
    assert math.isnan(said.let_through_v)
    assert none.let_through_v == pytest.approx(6000.0, rel=1e-4)
    for name in library.names("adapters"):
        entry = library.load("adapters", name)
        assert (surge(name).evidence == "clamp") == (entry.clamp is not None)


def test_command() -> None:
    ran = CliRunner().invoke(app, ["adapter", "surge", "surge-only", "tesco-bptm", "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.output)["products"]
    assert told[1]["evidence"] == "missing"
    assert told[1]["let_through_v"] is None
    table = CliRunner().invoke(app, ["adapter", "surge", "surge-only"])
    assert "surge-only" in table.output
    wrong = CliRunner().invoke(app, ["adapter", "surge", "surge-onyl"])
    assert wrong.exit_code == 2
