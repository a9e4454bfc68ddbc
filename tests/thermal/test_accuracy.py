"""What a step costs in accuracy: against Radau over a day, its order, and a heat balance that closes."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.thermal.balance import balance_of_step
from cosim.thermal.fleet import HeatFleet, Outdoors
from cosim.thermal.limits import steady_state
from cosim.thermal.network import HeatNetwork, heat_network

from .conftest import SHIPPED, linear_part, radau, rough_day, rough_load

START_C = 25.0
DAY_PIECES = 96  # a load for each quarter of an hour
QUICK = ("bare-socket", "connectder-solar-60")


def kernel(
    network: HeatNetwork, i2: np.ndarray, ambient: np.ndarray, length: float, parts: int
) -> np.ndarray:
    """(pieces, nodes) at the ends of pieces of `length` seconds, each in `parts` steps."""
    fleet = HeatFleet(network, 1)
    fine = [np.repeat(a, parts, axis=0) for a in (i2, ambient)]
    found = fleet.advance(
        fleet.initial(START_C), *fine, np.full(len(i2) * parts, length / parts), parallel=False
    )
    return found[parts - 1 :: parts, :, 0]


def within_rating(name: str, i2: np.ndarray) -> np.ndarray:
    """Branch currents of up to 60 A brought down to what the entry's branch is rated for, if that is less."""
    rating = library.load("adapters", name).branch_rating_a
    if rating is not None and rating.known and rating.value < 60.0:
        i2[:, 4:] *= (rating.value / 60.0) ** 2
    return i2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHIPPED]
)
def test_a_rough_day_of_minutes_stays_within_a_fiftieth_of_a_kelvin(name: str) -> None:
    network = heat_network(library.load("adapters", name))
    i2, ambient = rough_day(DAY_PIECES, seed=4)
    i2 = within_rating(name, i2)
    reference = radau(network, np.full(len(network), START_C), i2[:, :, 0], ambient, 900.0)
    assert np.abs(kernel(network, i2, ambient, 900.0, 15) - reference).max() < 0.02


def test_the_outdoor_network_too(solar: HeatNetwork) -> None:
    """Sun that rises and gusts up to 6 m/s: within 0.02 K of Radau at 60 s, no film beyond its reference."""
    pieces, parts = 24, 15
    i2, ambient = rough_day(pieces, seed=5)
    random = np.random.default_rng(6)
    wind, sun = random.uniform(0.0, 6.0, pieces), random.uniform(0.0, 900.0, (pieces, 3))
    lit = replace(solar, sun_m2=np.abs(random.normal(0.0, 0.02, (3, len(solar)))))
    lit.sun_m2[:, : solar.pairs] = lit.sun_m2[:, solar.pairs : 2 * solar.pairs]
    reference = radau(lit, np.full(len(lit), START_C), i2[:, :, 0], ambient, 900.0, wind, sun)
    fleet = HeatFleet(lit, 1, outdoors=True)
    sky = np.repeat(np.stack([0.0 * sun, sun], axis=1), parts, axis=0)
    weather = Outdoors(np.repeat(wind, parts), sky, np.array([1]))
    fine = [np.repeat(a, parts, axis=0) for a in (i2, ambient)]
    found = fleet.advance(
        fleet.initial(START_C), *fine, np.full(pieces * parts, 60.0), weather=weather, parallel=False
    )
    assert np.abs(found[parts - 1 :: parts, :, 0] - reference).max() < 0.02


def observed(name: str, counts: tuple[int, ...]) -> np.ndarray:
    """Largest errors [K] after six loads of 960 s, each in that many steps."""
    network = heat_network(library.load("adapters", name))
    i2, ambient = rough_load(6, 1, seed=3)
    i2 = within_rating(name, i2)
    reference = radau(network, np.full(len(network), START_C), i2[:, :, 0], ambient, 960.0)
    return np.array([np.abs(kernel(network, i2, ambient, 960.0, n) - reference).max() for n in counts])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHIPPED]
)
def test_order_two_over_three_halvings(name: str) -> None:
    errors = observed(name, (16, 32, 64, 128))
    order = np.log2(errors[:-1] / errors[1:])
    assert np.all(np.abs(order - 2.0) < 0.1), order


@pytest.mark.parametrize("seconds", [0.01, 1.0, 60.0, 900.0])
@pytest.mark.parametrize("name", ["bare-socket", "connectder-solar-60", "tesco-bptm"])
def test_heat_balance_closes(name: str, seconds: float) -> None:
    """Given = stored + out to 1e-10 of the heat moved, by the scheme's own integrals; the kernel's step."""
    network = heat_network(library.load("adapters", name))
    fleet = HeatFleet(network, 1)
    i2, ambient = rough_load(40, 1, seed=8)
    run = fleet.advance(fleet.initial(START_C), i2, ambient, np.full(40, seconds), parallel=False)[:, :, 0]
    start = np.full(len(network), START_C)
    for k in range(40):
        step = balance_of_step(fleet, start, i2[k, :, 0], ambient[k], seconds)
        assert abs(step.residual_j) <= 1e-10 * step.moved_j
        np.testing.assert_allclose(step.end_c, run[k], rtol=0, atol=1e-10)
        start = run[k]


def test_heat_balance_closes_outdoors(solar: HeatNetwork) -> None:
    lit = replace(solar, sun_m2=np.full((3, len(solar)), 0.01))
    fleet = HeatFleet(lit, 1, outdoors=True)
    i2, ambient = rough_load(10, 1, seed=9)
    start, sun = np.full(len(lit), START_C), np.array([500.0, 200.0, 50.0])
    weather = Outdoors(np.full(10, 2.5), np.broadcast_to(sun, (10, 1, 3)), np.zeros(1, np.int64))
    run = fleet.advance(fleet.initial(START_C), i2, ambient, np.full(10, 60.0), weather=weather)[:, :, 0]
    for k in range(10):
        step = balance_of_step(fleet, start, i2[k, :, 0], ambient[k], 60.0, wind_m_s=2.5, sun_w_per_m2=sun)
        assert abs(step.residual_j) <= 1e-10 * step.moved_j
        np.testing.assert_allclose(step.end_c, run[k], rtol=0, atol=1e-10)
        start = run[k]


@pytest.mark.parametrize("name", SHIPPED)
def test_without_slope_and_curved_films_rise_is_proportional_to_squared_current(name: str) -> None:
    network = linear_part(heat_network(library.load("adapters", name)))
    currents = np.array([1.0, 7.0, 49.0, 123.0, 200.0])
    share = np.array([1.0, 1.0, 0.7, 0.7, 0.3, 0.3])
    quiet = steady_state(network, np.zeros(6), 25.0)
    rise = np.array([steady_state(network, a**2 * share, 25.0) - quiet for a in currents])
    np.testing.assert_allclose(rise / currents[:, None] ** 2, np.tile(rise[-1] / 200.0**2, (5, 1)), rtol=1e-7)


def test_memory_is_that_of_homes_and_not_of_steps(solar: HeatNetwork) -> None:
    """`peaks` takes, beside what it returns, as much for 400 steps as for 4, and twice for twice the homes."""

    def taken(homes: int, steps: int) -> int:
        fleet = HeatFleet(solar, homes)
        i2, ambient = rough_load(steps, homes)
        state, seconds = fleet.initial(START_C), np.full(steps, 60.0)
        fleet.peaks(state, i2, ambient, seconds)
        tracemalloc.start()
        found, _ = fleet.peaks(state, i2, ambient, seconds)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most - found.nbytes

    assert taken(512, 400) < 1.05 * taken(512, 4) + 10_000
    assert taken(2048, 4) == pytest.approx(2 * taken(1024, 4), rel=0.1)


def test_peaks_are_the_hottest_of_all_temperatures(solar: HeatNetwork) -> None:
    homes, steps = 150, 7
    i2, ambient = rough_load(steps, homes, seed=11)
    fleet, seconds = HeatFleet(solar, homes), np.full(steps, 60.0)
    whole = fleet.advance(fleet.initial(START_C), i2, ambient, seconds)
    peaks, end = fleet.peaks(fleet.initial(START_C), i2, ambient, seconds)
    np.testing.assert_array_equal(end, whole[-1])
    for kind, found in zip(fleet.kinds, peaks, strict=True):
        np.testing.assert_array_equal(found, whole[:, solar.where(str(kind))].max(axis=1))


def test_the_grid_convergence_table_in_the_docs(root: Path) -> None:
    """docs/thermal.md: errors in kelvins to two figures for steps of 60, 30, 15 and 7.5 s."""
    rows = re.findall(r"^\| (\S+) \| ([\d. e|-]+) \|$", (root / "docs" / "thermal.md").read_text(), re.M)
    told = {name: [float(cell) for cell in cells.split("|")] for name, cells in rows if cells.count("|") == 5}
    assert told
    for name, cells in told.items():
        if name in QUICK:
            errors = observed(name, (16, 32, 64, 128))
            np.testing.assert_allclose(cells[:4], errors, rtol=0.06)
