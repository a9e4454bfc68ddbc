"""Runs with cars, batteries by tariff and service limits."""

from __future__ import annotations

import numpy as np
import pytest

from cosim import run
from cosim.results import Results
from cosim.results.summary import summarise
from cosim.scenario import Scenario

CASE = """
title = "street of cars"
start = 2026-01-12
duration = "2 d"
step = "5 min"
[feeder]
homes = 8
[homes.timer]
share = 0.5
adapter = "connectder-ev"
ev = { charger_kw = 3.0, mode = "timer", window = ["22:00", "02:00"] }
battery = { entry = "powerwall-3", mode = "tariff", tariff = "georgia-overnight" }
[homes.limited]
share = 0.5
adapter = "span-edge"
service_rating_a = 60
ev = { charger_kw = 11.5 }
[record]
full = ["home:1", "home:2", "home:3", "home:4", "home:5", "home:6", "home:7", "home:8"]
quantize = false
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("cars")
    file = folder / "case.toml"
    file.write_text(CASE, encoding="utf-8")
    return run(Scenario.load(file), folder / "case.h5")


def test_cars_charge_when_they_may_and_inside_their_services(result: Results) -> None:
    group = result.homes["group"].to_numpy()
    ev_w = result.full("ev_power_w").to_numpy()
    amps = result.full("service_current_a").to_numpy()
    hour = np.arange(len(ev_w)) % 288 / 12.0
    timer = group == "timer"
    assert not ev_w[(hour >= 2.0) & (hour < 22.0)][:, timer].any()
    assert ev_w[:, timer].max() == pytest.approx(3000.0)
    charging = ev_w[:, ~timer] > 0.0
    assert charging.any()
    assert amps[:, ~timer][charging].max() <= 48.0 * 1.001


def test_cars_that_leave_without_being_full_are_told(result: Results) -> None:
    found = summarise(result)
    assert found.cars is not None
    assert found.cars.count == 8
    assert 12 <= found.cars.departures <= 18
    study = result.study(result.studies_of("car_days")[0])
    assert found.cars.short == int(study["short"].sum())
    assert found.cars.line() in found.lines()
    assert found.cars.short > 0  # 12 kWh a night are less than some of these cars take on a cold day
    assert found.cars.worst_home in result.homes.index
    assert "not full at" in found.cars.line()
