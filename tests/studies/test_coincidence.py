"""Coincidence and pickup: exact where the answer is known, and as physics has it for houses alone."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.demand import house, house_weather
from cosim.demand.block import Bool, DemandBlock, Float, Memoryless, State
from cosim.studies.coincidence import coincidence, intervals, pickup, run

STEPS = 2880


class Flat(Memoryless):
    """Homes that draw the same whatever happened."""

    def __init__(self, power_w: Float) -> None:
        self.power_w = power_w

    def at(self, first_step: int, steps: int) -> DemandBlock:
        panel = np.zeros((len(self.power_w), 3, steps))
        panel[:, 2] = self.power_w[:, first_step : first_step + steps]
        return DemandBlock(panel, np.zeros_like(panel), np.zeros((len(panel), steps)))


class Heated:
    """Houses alone, with heat pumps and strips, in steady cold."""

    def __init__(self, homes: int, outdoor_c: float = -6.0) -> None:
        rng = np.random.default_rng(5)
        shell = house.envelope(["good"] * homes, rng.uniform(120, 240, homes))
        heat_w = shell.ua_w_per_k * 30.0
        self.homes = house.houses(
            shell,
            ["single-speed"] * homes,
            pump_heat_w=2.0 * heat_w,
            heating_cop=3.5,
            strip_w=10e3,
            heat_fan_w=400.0,
        )
        self.phase = rng.uniform(0, 1, homes)
        self.outdoor_c = outdoor_c

    def initial(self) -> State:
        return {"house": house.initial(self.homes.rows, 20.0, 21.1, 23.9, self.phase)}

    def block(self, state: State, first_step: int, seconds: Float, powered: Bool) -> DemandBlock:
        outdoor_c = np.full(len(seconds), self.outdoor_c)
        sky = house_weather.conditions(self.homes.equipment, outdoor_c, np.full(len(seconds), 0.6))
        done = house.run(
            self.homes,
            state["house"],
            conditions=sky,
            gains_w=500.0,
            seconds=seconds,
            powered=np.repeat(powered[:, None], len(seconds), axis=1),
            parallel=False,
        )
        panel = np.zeros((len(powered), 3, len(seconds)))
        panel[:, 2] = done.total_w
        return DemandBlock(panel, np.zeros_like(panel), np.zeros_like(done.total_w), end={"house": done.end})


def test_homes_alike_have_no_diversity() -> None:
    power = np.tile(np.random.default_rng(0).uniform(0, 5e3, 500), (30, 1))
    found = coincidence(power, sizes=(1, 5, 30), draws=7)
    np.testing.assert_allclose(found.diversity, 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.peak_w, power.max(), rtol=1e-12)


def test_homes_that_take_turns_have_all_of_it() -> None:
    """Each home draws 3 kW in a minute of its own: n homes peak at 3 / n kW each, diversity n."""
    found = coincidence(3e3 * np.eye(40), sizes=(1, 4, 40), draws=5)
    np.testing.assert_allclose(found.diversity, np.array([[1.0], [4.0], [40.0]]) * np.ones(5))
    assert [row["peak_kw"] for row in found.table()] == pytest.approx([3.0, 0.75, 0.075])
    assert found.table()[1]["coincidence"] == pytest.approx(0.25)


def test_a_group_larger_than_the_population_is_refused() -> None:
    with pytest.raises(ValueError, match="group of 50 cannot be drawn from 10 homes"):
        coincidence(np.ones((10, 3)), sizes=(1, 50))


def test_draws_are_the_seeds() -> None:
    power = np.random.default_rng(1).uniform(0, 5e3, (60, 100))
    one, same, other = (coincidence(power, sizes=(5,), draws=9, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.peak_w, same.peak_w)
    assert (one.peak_w != other.peak_w).any()


def test_intervals_are_means() -> None:
    np.testing.assert_array_equal(intervals(np.arange(11.0)[None], 5), [[2.0, 7.0]])


def test_without_memory_there_is_no_pickup() -> None:
    demand = Flat(np.random.default_rng(2).uniform(100, 2000, (8, STEPS)))
    for found in pickup(demand, 8, 1200, (0.5, 2.0), after_hours=3.0):
        np.testing.assert_array_equal(found.power_w, found.undisturbed_w)
        assert found.settled_minutes == 0.0
        assert found.within(15) == 1.0


def test_an_outage_is_dark_and_the_rest_is_not() -> None:
    demand = Flat(np.full((3, STEPS), 700.0))
    power = run(demand, demand.initial(), 0, 2000, 3, dark=slice(1500, 1600))[0]
    assert power[:, 1500:1600].max() == 0.0
    assert power[:, :1500].min() == power[:, 1600:].min() == 700.0


def test_houses_make_up_for_what_they_missed() -> None:
    """More the longer they were without; all of it at once at first, and in the end as if nothing had been."""
    short, long = pickup(Heated(60), 60, 1440, (0.5, 2.0), after_hours=8.0)
    assert 1.2 < short.highest < long.highest
    assert long.within(60) > short.within(60) > 1.05
    assert short.settled_minutes < long.settled_minutes < 480.0
    assert long.ratio[-60:].mean() == pytest.approx(1.0, abs=0.05)
    made_up = (long.power_w - long.undisturbed_w).sum()
    missed = long.undisturbed_w.mean() * 60 * 120
    assert 0.1 * missed < made_up < 3.0 * missed
    low, high = long.spread(60, 20)
    assert low <= long.within(60) * 1.1
    assert high >= long.within(60) * 0.9


def test_an_outage_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin after the first step"):
        pickup(Flat(np.ones((2, STEPS))), 2, 100, (4.0,))
