"""Homes whose power follows the voltage in part: law, sockets, batches, and the cost of nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.electrical.network import Network
from cosim.electrical.voltage_laws import VoltageLaws
from cosim.feeder.feeder import Feeder
from cosim.feeder.impedance_parts import with_impedance_parts
from cosim.simulation.sockets import SocketBlock, Sockets

HOMES, STEPS = 12, 40


@pytest.fixture(scope="module")
def feeder():
    compiled = Feeder.generate(HOMES, seed=3).compile()
    return with_impedance_parts(compiled, np.ones(HOMES, dtype=bool))


def demand(seed: int = 1) -> tuple[np.ndarray, ...]:
    """Panel W and var, and the parts of them that are impedance: different on each leg and step."""
    rng = np.random.default_rng(seed)
    panel_w = rng.uniform(100.0, 4000.0, (HOMES, 3, STEPS))
    panel_var = panel_w * rng.uniform(-0.1, 0.4, panel_w.shape)
    return panel_w, panel_var, panel_w * rng.random(panel_w.shape), panel_var * rng.random(panel_w.shape)


def solved(feeder, network: Network, powers, steps=slice(None)) -> tuple[SocketBlock, np.ndarray]:
    sockets = Sockets(feeder, parallel=False)
    panel_w, panel_var, *impedance = (np.ascontiguousarray(p[..., steps]) for p in powers)
    nothing = np.zeros((HOMES, panel_w.shape[2]))
    asked = sockets.injector_power(panel_w, panel_var, nothing, nothing, tuple(impedance))
    solution = network.solve(*asked, parallel=False)
    assert solution.converged.all()
    return sockets.read(solution.v, solution.current_a), solution.v


@settings(deadline=None, max_examples=30)
@given(st.floats(0.55, 1.2), st.floats(0.0, 6.3), st.floats(-5e3, 5e3), st.floats(-5e3, 5e3))
def test_power_goes_with_the_square_of_the_voltage(
    feeder, pu: float, angle: float, p: float, q: float
) -> None:
    laws = VoltageLaws.of(feeder.circuit.injectors).take(feeder.impedance_row)
    rows = feeder.impedance_row
    nominal_v = np.where(feeder.share[rows, 2] > 0.0, 240.0, 120.0)
    v = (pu * nominal_v * np.exp(1j * angle))[:, None]
    scale = feeder.share[rows].max(axis=1)
    current = laws.current((p * scale)[:, None], (q * scale)[:, None], v)
    assert np.allclose(v * current.conj(), (p + 1j * q) * pu**2, rtol=1e-12, atol=1e-9)


def test_a_panel_draws_its_constant_part_and_its_impedance_part(feeder) -> None:
    powers = demand()
    panel_w, panel_var, fixed_w, fixed_var = powers
    at, v = solved(feeder, Network(feeder.circuit), powers)
    v1, v2, v0 = (np.where(n[:, None] >= 0, v[n], 0.0) for n in feeder.home_nodes.T)
    volts = np.abs(np.stack([v1 - v0, v2 - v0, v1 - v2], axis=1)) / np.array([120.0, 120.0, 240.0])[:, None]
    assert volts.min() < 0.99
    told_w = (panel_w - fixed_w + fixed_w * volts**2).sum(axis=1)
    told_var = (panel_var - fixed_var + fixed_var * volts**2).sum(axis=1)
    assert np.allclose(at.panel_w.T, told_w, rtol=1e-7)
    assert np.allclose(at.service_var.T, told_var, rtol=1e-6, atol=1e-2)
    legs = [
        np.conj(
            ((panel_w - fixed_w + fixed_w * volts**2) + 1j * (panel_var - fixed_var + fixed_var * volts**2))[
                :, k
            ]
            / e
        )
        for k, e in enumerate((v1 - v0, v2 - v0, v1 - v2))
    ]
    assert np.allclose(at.i2_a2[:, 2].T, np.abs(legs[0] + legs[2]) ** 2, rtol=1e-6)
    assert np.allclose(at.i2_a2[:, 3].T, np.abs(legs[1] - legs[2]) ** 2, rtol=1e-6)


def test_steps_do_not_see_each_other(feeder) -> None:
    powers, network = demand(), Network(feeder.circuit)
    whole, _ = solved(feeder, network, powers)
    for step in (0, 7, 39):
        alone, _ = solved(feeder, network, powers, slice(step, step + 1))
        assert np.array_equal(alone.i2_a2[0], whole.i2_a2[step])


def test_all_constant_power_is_the_feeder_without_such_injectors(feeder) -> None:
    bare = Feeder.generate(HOMES, seed=3).compile()
    panel_w, panel_var, *_ = demand()
    nothing = np.zeros_like(panel_w)
    at, v = solved(feeder, Network(feeder.circuit), (panel_w, panel_var, nothing, nothing))
    sockets, idle = Sockets(bare, parallel=False), np.zeros((HOMES, STEPS))
    solution = Network(bare.circuit).solve(
        *sockets.injector_power(panel_w, panel_var, idle, idle), parallel=False
    )
    assert np.array_equal(v, solution.v)
    assert np.array_equal(at.i2_a2, sockets.read(solution.v, solution.current_a).i2_a2)


def test_a_dark_feeder_draws_nothing(feeder) -> None:
    head = feeder.head[0][0]
    powers = demand()
    at, _ = solved(feeder, Network(feeder.circuit.without([head])), powers)
    assert not at.i2_a2.any()
