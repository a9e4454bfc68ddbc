"""Laws of the heat fleet: balance, symmetry, superposition, order, and bits that depend on nothing else."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from cosim.thermal.fleet import HeatFleet, phi
from cosim.thermal.limits import steady_state
from cosim.thermal.network import HeatNetwork

from .conftest import linear_part, rough_load

Array = np.ndarray


def run(network: HeatNetwork, i2: Array, ambient: Array, seconds: Array, state: Array | None = None) -> Array:
    fleet = HeatFleet(network, i2.shape[2])
    start = fleet.initial(25.0) if state is None else state
    return fleet.advance(start, i2, ambient, seconds, parallel=False)


@pytest.mark.parametrize("seconds", [0.01, 60.0, 900.0])
def test_linear_step_is_exact_and_balances(solar: HeatNetwork, seconds: float) -> None:
    """Heat in = stored + out over one step, to 1e-9 of the heat moved; the exact propagator as reference."""
    network = linear_part(solar)
    i2, ambient = rough_load(1, 1)
    n, start = len(network), 25.0 + 40.0 * np.random.default_rng(1).random(len(network))
    end = run(network, i2, ambient, np.array([seconds]), start[:, None])[0, :, 0]

    slope, to_air = network.conductance(start, ambient[0])
    heat = network.heating_w(start, i2[0, :, 0])
    rate, source = (
        -slope / network.capacity_j_per_k[:, None],
        (heat + to_air * ambient[0]) / network.capacity_j_per_k,
    )
    big = np.zeros((2 * n + 1, 2 * n + 1))  # d/dt of (temperature, its time integral, 1)
    big[:n, :n], big[:n, -1], big[n : 2 * n, :n] = rate, source, np.eye(n)
    exact = expm(big * seconds) @ np.concatenate([start, np.zeros(n), [1.0]])
    np.testing.assert_allclose(end, exact[:n], rtol=0, atol=1e-9)

    given = seconds * heat.sum()
    stored = network.capacity_j_per_k @ (end - start)
    out = to_air @ (exact[n : 2 * n] - seconds * ambient[0])
    moved = given + np.abs(network.capacity_j_per_k * (end - start)).sum() + abs(out)
    assert abs(given - stored - out) <= 1e-9 * moved


def test_whole_balance(solar: HeatNetwork) -> None:
    """With everything nonlinear at 60 s steps: heat in = stored + out to 1e-4 of the heat given."""
    pieces, count, h = 8, 20, 60.0
    i2, ambient = (np.repeat(a, count, axis=0) for a in rough_load(pieces, 1))
    coarse = run(solar, i2, ambient, np.full(len(i2), h))[:, :, 0]
    fine_load = [np.repeat(a, 20, axis=0) for a in (i2, ambient)]
    fine = run(solar, *fine_load, np.full(20 * len(i2), h / 20))[:, :, 0]
    path = np.concatenate([np.full((1, len(solar)), 25.0), fine])
    given = out = 0.0
    for k, (load, air) in enumerate(zip(fine_load[0][:, :, 0], fine_load[1], strict=True)):
        for t in (path[k], path[k + 1]):  # trapezoid over 3 s, with the load of the step at both ends
            given += 0.5 * h / 20 * solar.heating_w(t, load).sum()
            out += 0.5 * h / 20 * solar.outflow_w(t, air).sum()
    stored = solar.capacity_j_per_k @ (coarse[-1] - 25.0)
    assert abs(given - stored - out) <= 1e-4 * given


def test_steady_state_is_a_long_run_and_a_fixed_point(solar: HeatNetwork) -> None:
    i2 = np.array([200.0, 190.0, 150.0, 140.0, 50.0, 50.0]) ** 2
    rest = steady_state(solar, i2, 40.0)
    assert np.abs(solar.heating_w(rest, i2) - solar.outflow_w(rest, 40.0)).max() < 1e-7
    for seconds in (0.01, 60.0, 900.0):
        stay = run(solar, i2[None, :, None], np.array([40.0]), np.array([seconds]), rest[:, None])
        np.testing.assert_allclose(stay[0, :, 0], rest, atol=1e-8)
    steps = 200
    long = run(solar, np.tile(i2[None, :, None], (steps, 1, 1)), np.full(steps, 40.0), np.full(steps, 900.0))
    np.testing.assert_allclose(long[-1, :, 0], rest, atol=1e-6)


def test_symmetric_legs_stay_equal(solar: HeatNetwork) -> None:
    i2, ambient = rough_load(20, 3)
    i2[:, 1::2] = i2[:, 0::2]
    found, p = run(solar, i2, ambient, np.full(20, 60.0)), solar.pairs
    np.testing.assert_array_equal(found[:, :p], found[:, p : 2 * p])


def test_swapping_legs_swaps_temperatures(solar: HeatNetwork) -> None:
    i2, ambient = rough_load(20, 2)
    seconds, p = np.full(20, 60.0), solar.pairs
    one, two = (
        run(solar, np.ascontiguousarray(load), ambient, seconds) for load in (i2, i2[:, [1, 0, 3, 2, 5, 4]])
    )
    np.testing.assert_allclose(one[:, :p], two[:, p : 2 * p], atol=1e-10)
    np.testing.assert_allclose(one[:, 2 * p :], two[:, 2 * p :], atol=1e-10)


def test_superposition_in_the_linear_limit(solar: HeatNetwork) -> None:
    network = linear_part(solar)
    network.loss_w[:] = 0.0
    one, ambient = rough_load(30, 1, seed=1)
    two, _ = rough_load(30, 1, seed=2)
    ambient[:] = 25.0
    seconds = np.full(30, 60.0)
    parts = sum(run(network, load, ambient, seconds) - 25.0 for load in (one, two))
    np.testing.assert_allclose(run(network, one + two, ambient, seconds) - 25.0, parts, atol=1e-9)


def _reference(network: HeatNetwork, i2: Array, ambient: Array, seconds: float) -> Array:
    state, out = np.full(len(network), 25.0), []
    for load, air in zip(i2[:, :, 0], ambient, strict=True):
        found = solve_ivp(
            lambda _t, y, load=load, air=air: (
                (network.heating_w(y, load) - network.outflow_w(y, air)) / network.capacity_j_per_k
            ),
            (0.0, seconds),
            state,
            method="Radau",
            rtol=1e-9,
            atol=1e-9,
        )
        state = found.y[:, -1]
        out.append(state)
    return np.array(out)


def test_order_two_against_an_independent_integrator(solar: HeatNetwork) -> None:
    """Observed order 2 within 0.1 over three halvings, and 0.01 K at 60 s."""
    pieces, length = 6, 960.0
    i2, ambient = rough_load(pieces, 1, seed=3)
    reference = _reference(solar, i2, ambient, length)
    errors = []
    for count in (16, 32, 64, 128):
        fine = run(
            solar,
            *(np.repeat(a, count, axis=0) for a in (i2, ambient)),
            np.full(pieces * count, length / count),
        )
        errors.append(np.abs(fine[count - 1 :: count, :, 0] - reference).max())
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(order - 2.0) < 0.1), order
    assert errors[0] < 0.01


def test_any_step_length_is_stable(solar: HeatNetwork) -> None:
    """15 minutes at once stay within 1 K of a fine run; 1000 steps of 10 ms equal one of 10 s."""
    i2, ambient = rough_load(16, 4, seed=5)
    coarse = run(solar, i2, ambient, np.full(16, 900.0))
    fine = run(solar, *(np.repeat(a, 30, axis=0) for a in (i2, ambient)), np.full(480, 30.0))[29::30]
    assert np.abs(coarse - fine).max() < 1.0
    one = run(solar, i2[:1], ambient[:1], np.array([10.0]))
    many = run(solar, *(np.repeat(a[:1], 1000, axis=0) for a in (i2, ambient)), np.full(1000, 0.01))
    np.testing.assert_allclose(many[-1], one[-1], atol=1e-3)


def test_bits_do_not_depend_on_neighbours_blocks_or_threads(solar: HeatNetwork) -> None:
    homes, steps = 131, 9
    i2, ambient = rough_load(steps, homes, seed=7)
    seconds = np.where(np.arange(steps) % 3 == 0, 1.0, 60.0)
    fleet = HeatFleet(solar, homes)
    whole = fleet.advance(fleet.initial(25.0), i2, ambient, seconds)
    np.testing.assert_array_equal(
        whole, fleet.advance(fleet.initial(25.0), i2, ambient, seconds, parallel=False)
    )
    for home in (0, 63, 64, 130):
        single = run(solar, np.ascontiguousarray(i2[:, :, home : home + 1]), ambient, seconds)
        np.testing.assert_array_equal(single[:, :, 0], whole[:, :, home])
    for cut in (1, 4, 8):
        first = fleet.advance(fleet.initial(25.0), i2[:cut], ambient[:cut], seconds[:cut])
        rest = fleet.advance(first[-1], i2[cut:], ambient[cut:], seconds[cut:])
        np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


def test_a_lost_home_does_not_spoil_others(solar: HeatNetwork) -> None:
    i2, ambient = rough_load(3, 130)
    spoilt = i2.copy()
    spoilt[0, 0, 5] = np.nan
    good, bad = (run(solar, load, ambient, np.full(3, 60.0)) for load in (i2, spoilt))
    kept = np.arange(130) != 5
    np.testing.assert_array_equal(good[:, :, kept], bad[:, :, kept])
    assert np.isnan(bad[-1, :, 5]).any()


PLAIN = """
import json, sys
import numpy as np
from cosim import library
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import heat_network
network = heat_network(library.load("adapters", "bare-socket"))
fleet = HeatFleet(network, 2)
i2 = np.linspace(0.0, 40000.0, 3 * 6 * 2).reshape(3, 6, 2)
out = fleet.advance(fleet.initial(25.0), i2, np.full(3, 25.0), np.array([1.0, 60.0, 900.0]), parallel=False)
print(json.dumps(out.tolist()))
"""


def test_compiled_equals_plain_python() -> None:
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", PLAIN],
                env={**os.environ, "NUMBA_DISABLE_JIT": off},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for off in ("0", "1")
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-14)


def test_phi_functions() -> None:
    z = [-1e-9, -1e-3, -0.0099, -0.49, -0.51, -1.0, -50.0, -1e5]
    with localcontext(prec=60):
        exact = [[_phi(order, d) for d in map(Decimal, z)] for order in range(4)]
    for order, values in enumerate(exact):
        np.testing.assert_allclose(phi(order, np.array(z)), [float(value) for value in values], rtol=1e-13)
        assert phi(order, np.zeros(1))[0] == 1.0 / math.factorial(order)


def _phi(order: int, z: Decimal) -> Decimal:
    rest = z.exp() - sum((z**k / math.factorial(k) for k in range(order)), Decimal(0))
    return rest / z**order


def test_wrong_shapes_and_lengths_are_refused(solar: HeatNetwork) -> None:
    i2, ambient = rough_load(2, 3)
    fleet = HeatFleet(solar, 3)
    with pytest.raises(ValueError, match="shapes"):
        fleet.advance(fleet.initial(25.0)[:-1], i2, ambient, np.full(2, 60.0))
    with pytest.raises(ValueError, match="positive"):
        fleet.advance(fleet.initial(25.0), i2, ambient, np.array([60.0, 0.0]))
