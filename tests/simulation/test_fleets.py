"""Fleets made from a population: cars, batteries, service limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.demand.weather import Weather
from cosim.devices import ev_kernels
from cosim.scenario import Scenario
from cosim.scenario.population import Population, populate
from cosim.simulation.fleets import ColdDays, fit_batteries, fit_cars, fit_limits

BODY = """
start = 2026-01-12
duration = "2 d"
weather = { source = "WEATHER" }
[homes.a]
share = 0.5
adapter = "span-edge"
ev = { charger_kw = 11.5, mode = "tariff", tariff = "georgia-overnight" }
battery = { entry = "powerwall-3", mode = "dispatch", reserve = 0.1, tariff = "pge-ev2-a", orders = [
  { start = 2026-01-12T18:00:00, end = 2026-01-12T20:00:00, power_kw = 4.0 } ] }
[homes.b]
share = 0.5
adapter = "connectder-ev"
service_limit = 0.6
ev = { share = 0.5, mode = "timer", window = ["22:00", "06:00"] }
"""


def case(tmp_path: Path, weather: str = "constant:20") -> tuple[Scenario, Population, Weather]:
    file = tmp_path / "case.toml"
    file.write_text(BODY.replace("WEATHER", weather), encoding="utf-8")
    scenario = Scenario.load(file)
    names = [f"h{row}" for row in range(40)]
    population = populate(scenario, names, ["split"] * 40, [200.0] * 40, ["ringless-200"] * 40)
    calendar = Calendar(scenario.start, scenario.timezone, scenario.step_us, scenario.steps)
    return scenario, population, Weather(scenario.weather.source, calendar)


def test_cars_follow_what_their_group_says(tmp_path: Path) -> None:
    scenario, population, weather = case(tmp_path)
    cars = fit_cars(scenario, population, weather)
    assert np.array_equal(cars.home, np.flatnonzero(population.ev_kw > 0.0))
    in_a = population.group[cars.home] == "a"
    assert in_a.sum() == 20
    assert 3 <= (~in_a).sum() <= 17
    strict = np.array([plan.strict for plan in cars.fleet.plan])
    assert np.array_equal(strict, ~in_a)
    assert ("tariffs", "georgia-overnight") in cars.entries
    steps = scenario.steps
    start_us, seconds = np.arange(steps, dtype=np.int64) * 60_000_000, np.full(steps, 60.0)
    block = cars.fleet.advance(cars.fleet.initial(), start_us, seconds, np.zeros((len(cars.home), steps)))
    hour = np.arange(steps) % 1440 / 60.0
    assert not block.power_w[~in_a][:, (hour >= 6.0) & (hour < 22.0)].any()
    assert block.power_w.any(axis=1).mean() > 0.8


def test_batteries_follow_orders_at_local_times(tmp_path: Path) -> None:
    scenario, population, weather = case(tmp_path)
    fleet, home = fit_batteries(scenario, population, weather.calendar)
    assert (population.group[home] == "a").all()
    steps = scenario.steps
    start_us, seconds = np.arange(steps, dtype=np.int64) * 60_000_000, np.full(steps, 60.0)
    block = fleet.advance(fleet.initial(), np.zeros((len(home), steps)), seconds, start_us=start_us)
    assert (block.power_w[:, 18 * 60 : 18 * 60 + 60] == 4000.0).all()
    assert block.power_w[:, :60].max() == -5000.0  # off-peak from midnight on: fills up
    assert fleet.reserve.tolist() == [0.1] * len(home)


def test_limits_are_the_groups_or_else_the_adapters(tmp_path: Path) -> None:
    _, population, _ = case(tmp_path)
    adapters = {name: library.load("adapters", name) for name in ("span-edge", "connectder-ev")}
    managed = fit_limits(population, adapters, np.full(40, 120.0))
    in_a = population.group == "a"
    assert managed.limits.limit_a[in_a].tolist() == [160.0] * 20
    assert managed.limits.limit_a[~in_a].tolist() == pytest.approx([120.0] * 20)
    assert managed.car.all()
    assert np.array_equal(managed.loads, in_a)
    assert np.isinf(managed.shed_limit_w[~in_a]).all()
    assert managed.shed_limit_w[in_a] == pytest.approx(160.0 * 240.0 * 0.95)


def test_cold_days_take_more_energy_a_mile(tmp_path: Path) -> None:
    habits = library.load("der", "ev-habits")
    assert habits.kind == "ev-habits"
    scenario, population, cold = case(tmp_path, "constant:-10")
    days = np.arange(20460, 20464)
    assert ColdDays(cold, habits)(days).tolist() == [1.35] * 4
    real = ColdDays(case(tmp_path, "tmy3:greensboro")[2], habits)(days)
    assert (real > 1.0).all()
    mild = fit_cars(scenario, population, case(tmp_path)[2]).fleet
    trips = [
        cars._times(cars._edges_minute(np.array([0]), np.array([86400.0])))[:, ev_kernels.TRIP_J]
        for cars in (fit_cars(scenario, population, cold).fleet, mild)
    ]
    assert trips[0] == pytest.approx(1.35 * trips[1])
