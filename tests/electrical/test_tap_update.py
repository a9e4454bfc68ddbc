"""Factors that follow taps and capacitor steps: bit for bit those of a factorisation from nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from electrical_sketch import random_feeder

from cosim.electrical.circuit import Element
from cosim.electrical.network import Network
from cosim.electrical.tap_update import MovingNetwork, Work


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_walk_through_states_gives_the_bits_of_each_state_alone(seed: int) -> None:
    circuit = random_feeder(seed, 30, 4, 60)
    rng = np.random.default_rng(seed)
    moving_parts = np.sort(rng.choice(len(circuit.elements), 6, replace=False))
    base, work = Network(circuit), Work()
    moving = MovingNetwork(base, moving_parts, work)
    shares = np.array([[0.3, 1.0, 1.04]])
    p, q = (a[:, None] * shares for a in (circuit.injectors.p_w, circuit.injectors.q_var))
    scale = {int(k): circuit.elements[k].y_siemens for k in moving_parts}
    for _ in range(12):
        for k in rng.choice(moving_parts, 2).tolist():
            scale[k] = circuit.elements[k].y_siemens * rng.uniform(0.9, 1.1)
        state = circuit.with_blocks(scale)
        here, alone = moving.at(state), MovingNetwork(base, moving_parts).at(state)
        assert here is moving
        for a, b in ((here.solve(p, q), alone.solve(p, q)), (here.solve(), alone.solve())):
            assert a.converged.all()
            assert np.array_equal(a.v, b.v)
            assert np.array_equal(a.current_a, b.current_a)
            assert np.array_equal(a.iterations, b.iterations)
        assert np.array_equal(here.no_load_voltage(), alone.no_load_voltage())
        assert np.abs(here.mismatch(a.v, a.current_a)).max() < 1e-5
    assert work.updates > work.factorisations
    assert work.rows < work.updates * len(circuit.nodes)


def test_an_admittance_without_a_place_builds_anew() -> None:
    """A shunt that stood at nothing between nodes that nothing else joins."""
    circuit = random_feeder(4, 10, 0, 10)
    far = circuit.elements[-1]
    a, b = int(circuit.elements[0].nodes[0]), int(far.nodes[far.nodes >= 0][-1])

    tie = Element("shunt.tie", np.array([a, b]), np.zeros((2, 2), complex), (1, 1))
    circuit = replace(circuit, elements=(*circuit.elements, tie))
    number = len(circuit.elements) - 1
    base = Network(circuit)
    state = circuit.with_blocks({number: 1e-6 * np.array([[1, -1], [-1, 1]], complex)})
    here = MovingNetwork(base, np.array([number])).at(state)
    assert not isinstance(here, MovingNetwork)
    assert np.array_equal(here.solve().v, Network(state).solve().v)
