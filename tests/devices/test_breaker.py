"""Thermal-magnetic breakers: laws, the limits of UL 489, the table of the model."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.devices import breaker_kernels
from cosim.devices.breaker import BreakerBlock, BreakerFleet

CASE = tomllib.loads((Path(__file__).parents[1] / "cases" / "breaker-model" / "expected.toml").read_text())
TABLE = {
    band["tau_s"]: {float(multiple): seconds for multiple, seconds in band["trip_s"].items()}
    for band in CASE["band"]
}
# time constant suggested for each rating [A]: mid to 60 A, between mid and slow to 100 A, slow above
TAU_BY_RATING = {20: 134.0, 40: 134.0, 60: 134.0, 80: 200.0, 100: 200.0, 150: 268.0, 200: 268.0}


def fleet(k: int = 1, tau_s: float = 134.0, magnetic: float = 10.0, rating_a: float = 60.0) -> BreakerFleet:
    return BreakerFleet(np.full(k, rating_a), np.full(k, tau_s), np.full(k, magnetic))


def trip_s(tau_s: float, multiple: float, rating_a: float = 60.0) -> float:
    """Trip time of a cold breaker in one long step, inf if it holds for a day."""
    block = fleet(tau_s=tau_s, rating_a=rating_a).advance(
        np.zeros(1), np.array([[multiple * rating_a]]), np.array([86400.0]), parallel=False
    )
    return block.first_us / 1e6 if block.first_us >= 0 else np.inf


def random_case(seed: int, k: int, steps: int) -> tuple[BreakerFleet, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    breakers = BreakerFleet(
        draw.choice([20.0, 60.0, 200.0], k), draw.uniform(60, 300, k), draw.uniform(8, 14, k)
    )
    current = breakers.rating_a[:, None] * draw.uniform(0.0, 1.6, (k, steps))
    current[draw.random((k, steps)) < 0.02] = 0.0
    return breakers, draw.uniform(0, 1.3, k), current, draw.choice([60.0, 60.0, 0.01, 900.0], steps)


def same(a: BreakerBlock, b: BreakerBlock) -> bool:
    return (
        np.array_equal(a.theta, b.theta)
        and np.array_equal(a.trip_offset_us, b.trip_offset_us)
        and (a.first_us, a.first_breaker) == (b.first_us, b.first_breaker)
    )


# ---- laws ---------------------------------------------------------------------------------


def test_rated_current_is_held_for_ever_and_settles_at_its_square() -> None:
    block = fleet(3).advance(
        np.zeros(3), np.full((3, 500), 60.0) * [[0.5], [1.0], [1.2]], np.full(500, 600.0)
    )
    np.testing.assert_allclose(block.theta[:, -1], [0.25, 1.0, 1.44], rtol=1e-14)
    assert (block.first_us, block.first_breaker) == (-1, -1)


def test_no_current_cools_exponentially() -> None:
    block = fleet().advance(np.array([1.3]), np.zeros((1, 3)), np.array([10.0, 20.0, 30.0]))
    np.testing.assert_allclose(
        block.theta[0], 1.3 * np.exp(-np.array([10.0, 30.0, 60.0]) / 134.0), rtol=1e-14
    )


def test_closed_form_equals_many_small_steps() -> None:
    """Midpoint rule at 1 ms; its error is (dt/tau)**2 / 24 relative, about 1e-12 a step."""
    tau, multiple, dt = 134.0, 2.0, 1e-3
    theta, n = 0.3, 0
    while theta < 1.44:
        middle = theta + 0.5 * dt * (multiple**2 - theta) / tau
        theta += dt * (multiple**2 - middle) / tau
        n += 1
    block = fleet().advance(np.array([0.3]), np.array([[120.0]]), np.array([3600.0]))
    assert (n - 1) * dt - 1e-6 <= block.first_us / 1e6 <= n * dt + 1e-6
    whole = fleet().advance(np.array([0.3]), np.array([[120.0]]), np.array([50.0])).theta[0, -1]
    parts = fleet().advance(np.array([0.3]), np.full((1, 50_000), 120.0), np.full(50_000, 1e-3))
    assert parts.theta[0, -1] == pytest.approx(whole, rel=1e-11)
    longer = fleet().advance(np.array([0.3]), np.full((1, 60_000), 120.0), np.full(60_000, 1e-3))
    assert abs(longer.first_us - block.first_us) <= 1


@given(st.integers(0, 2**32), st.integers(1, 39))
def test_cut_at_any_step_reproduces_bits(seed: int, cut: int) -> None:
    breakers, theta, current, seconds = random_case(seed, k=11, steps=40)
    whole = breakers.advance(theta, current, seconds, parallel=False)
    head = breakers.advance(theta, current[:, :cut], seconds[:cut], parallel=False)
    tail = breakers.advance(head.theta[:, -1], current[:, cut:], seconds[cut:], parallel=False)
    assert np.array_equal(np.hstack([head.theta, tail.theta]), whole.theta)
    shift = round(seconds[:cut].sum() * 1e6)
    tail_us = np.where(tail.trip_offset_us >= 0, tail.trip_offset_us + shift, -1)
    joined = np.where(head.trip_offset_us >= 0, head.trip_offset_us, tail_us)
    assert np.array_equal(joined, whole.trip_offset_us)


@given(st.integers(0, 2**32))
def test_bits_do_not_depend_on_lane_or_thread(seed: int) -> None:
    breakers, theta, current, seconds = random_case(seed, k=19, steps=30)
    serial = breakers.advance(theta, current, seconds, parallel=False)
    assert same(serial, breakers.advance(theta, current, seconds, parallel=True))
    for i in (0, 7, 8, 18):
        one = BreakerFleet(
            breakers.rating_a[i : i + 1], breakers.tau_s[i : i + 1], breakers.magnetic_multiple[i : i + 1]
        ).advance(theta[i : i + 1], current[i : i + 1], seconds, parallel=False)
        assert np.array_equal(one.theta[0], serial.theta[i])
        assert one.trip_offset_us[0] == serial.trip_offset_us[i]


def test_compiled_equals_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    breakers, theta, current, seconds = random_case(3, k=11, steps=25)
    compiled = breakers.advance(theta, current, seconds, parallel=False)
    for name in ("_trip_within", "_advance_lanes"):
        monkeypatch.setattr(breaker_kernels, name, getattr(breaker_kernels, name).py_func)
    monkeypatch.setattr("cosim.devices.breaker.advance_serial", breaker_kernels.advance_serial.py_func)
    plain = breakers.advance(theta, current, seconds, parallel=False)
    np.testing.assert_allclose(plain.theta, compiled.theta, rtol=1e-14)
    assert np.array_equal(plain.trip_offset_us, compiled.trip_offset_us)
    assert (compiled.trip_offset_us >= 0).any()


def test_state_at_the_trip_is_at_the_trip_line() -> None:
    """Advanced by exactly the offset, theta is at 1.44; a microsecond earlier it is not."""
    breakers = fleet()
    current = np.array([[150.0]])
    at_us = breakers.advance(np.array([0.2]), current, np.array([3600.0])).first_us
    for offset, reached in ((at_us, True), (at_us - 1, False)):
        theta = breakers.advance(np.array([0.2]), current, np.array([offset * 1e-6])).theta[0, -1]
        assert (theta >= 1.44) is np.bool_(reached)


def test_longer_current_trips_sooner() -> None:
    times = [trip_s(134.0, m) for m in np.linspace(1.21, 9.9, 60)]
    assert all(later < sooner for sooner, later in itertools.pairwise(times))


# ---- published numbers --------------------------------------------------------------------


@pytest.mark.parametrize("tau_s", TABLE)
def test_table_of_the_model(tau_s: float) -> None:
    """Half a unit of the table's last digit, and of its time constant's (69 s needs tau above 67.05 s)."""
    for multiple, expected in TABLE[tau_s].items():
        digit = 1.0 if expected >= 24.0 else 0.1
        assert trip_s(tau_s, multiple) == pytest.approx(expected, abs=0.5 * digit + 0.5 * expected / tau_s)
        exact = tau_s * np.log(multiple**2 / (multiple**2 - 1.44))
        assert 0.0 <= trip_s(tau_s, multiple) - exact <= 1e-6


@pytest.mark.parametrize(("rating", "tau_s"), TAU_BY_RATING.items())
def test_calibration_limits(rating: float, tau_s: float) -> None:
    """UL 489 calibration and NEMA AB 4 maxima, all recalled rather than read in the standards."""
    assert trip_s(tau_s, 1.0, rating) == np.inf
    assert trip_s(tau_s, 1.35, rating) <= (3600.0 if rating <= 50 else 7200.0)
    at_200 = next(
        minutes for top, minutes in ((30, 2), (50, 4), (100, 6), (150, 8), (225, 10)) if rating <= top
    )
    assert trip_s(tau_s, 2.0, rating) <= 60.0 * at_200
    at_300 = next(s for top, s in ((30, 50), (50, 80), (100, 140), (150, 200), (225, 230)) if rating <= top)
    assert trip_s(tau_s, 3.0, rating) <= at_300


# ---- behaviour ----------------------------------------------------------------------------


def test_magnetic_opens_at_the_start_of_the_step() -> None:
    block = fleet().advance(np.zeros(1), np.array([[60.0, 600.0]]), np.array([60.0, 60.0]))
    assert block.first_us == 60_000_000
    just_below = fleet().advance(np.zeros(1), np.array([[60.0, 599.9]]), np.array([60.0, 0.01]))
    assert just_below.first_us == -1


def test_a_hot_breaker_does_not_latch_and_an_open_one_does_not_trip() -> None:
    hot = np.array([1.5])
    assert fleet().advance(hot, np.array([[6.0]]), np.array([60.0])).first_us == 0
    assert fleet().advance(hot, np.array([[0.0]]), np.array([60.0])).first_us == -1
    cooled = fleet().advance(hot, np.array([[0.0]]), np.array([60.0])).theta[:, -1]
    assert fleet().advance(cooled, np.array([[6.0]]), np.array([60.0])).first_us == -1


def test_first_of_several_and_ties() -> None:
    current = np.array([[90.0, 90.0], [120.0, 120.0], [120.0, 120.0], [10.0, 10.0]])
    block = fleet(4).advance(np.zeros(4), current, np.array([60.0, 120.0]))
    assert block.first_breaker == 1
    assert block.trip_offset_us[1] == block.trip_offset_us[2] == block.first_us
    assert block.trip_offset_us[0] > block.first_us
    assert block.trip_offset_us[3] == -1


def test_empty_fleet_and_empty_block() -> None:
    assert fleet(0).advance(np.zeros(0), np.zeros((0, 5)), np.full(5, 60.0)).first_us == -1
    assert fleet(2).advance(np.zeros(2), np.zeros((2, 0)), np.zeros(0)).theta.shape == (2, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused(value: float) -> None:
    current = np.full((3, 4), 10.0)
    current[1, 2] = value
    with pytest.raises(ValueError, match=r"breakers \[1\]"):
        fleet(3).advance(np.zeros(3), current, np.full(4, 60.0))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="tau_s"):
        BreakerFleet(np.ones(2), np.array([1.0, 0.0]), np.ones(2))
    with pytest.raises(ValueError, match=r"need theta \(2,\)"):
        fleet(2).advance(np.zeros(2), np.zeros((2, 3)), np.full(4, 60.0))
    with pytest.raises(ValueError, match="microsecond"):
        fleet(1).advance(np.zeros(1), np.zeros((1, 1)), np.array([1e-9]))
