"""Hard steps: what the chord leaves goes to Newton, and where there is no solution the worst node is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from electrical_sketch import Sketch, random_feeder
from hypothesis import assume, given
from hypothesis import strategies as st

from cosim.electrical import kernels, network
from cosim.electrical.network import Network


def long_line() -> Network:
    """A constant power at the end of an impedance; the node before it hardly moves."""
    sketch = Sketch()
    [a], [b] = sketch.bus("a", 240.0, 1), sketch.bus("b", 240.0, 1)
    sketch.source([a], np.array([240.0 + 0j]), np.array([[0.01 + 0.01j]]))
    sketch.line([a], [b], np.array([[0.49 + 0.49j]]))
    sketch.load(b, -1, 10e3 + 0j, 240.0, band=(1e-6, 9.0, 1e-7))
    return Network(sketch.circuit())


COLLAPSE_W = 240.0**2 / (2.0 * (abs(0.5 + 0.5j) + 0.5))


def test_up_to_the_collapse_every_step_is_solved_and_beyond_none() -> None:
    net = long_line()
    share = np.array([0.5, 0.9, 0.99, 0.999, 0.9999, 1.001, 1.1, 2.0])
    p = (share * COLLAPSE_W)[None, :]
    s = net.solve(p, np.zeros_like(p))
    assert s.converged.tolist() == (share < 1.0).tolist()
    assert s.newton[4]
    assert not s.newton[0]
    error = np.abs(net.injector_power_va(s.v, s.current_a) - p)[0, share < 1.0]
    assert error.max() < 1e-6 * COLLAPSE_W
    assert (s.worst_node[share < 1.0] == -1).all()
    assert {net.circuit.nodes[k] for k in s.worst_node[share > 1.0]} == {"b.1"}


def test_a_chord_that_crawls_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearer to the collapse the slower; what would not arrive by the limit does not go on until there."""
    net = long_line()
    given_up = {}
    finish = Network._finish

    def watched(self: Network, step: int, *rest: Any) -> None:
        given_up[step] = int(rest[-1].iterations[step])
        finish(self, step, *rest)

    monkeypatch.setattr(Network, "_finish", watched)
    share = np.array([0.2, 0.5, 0.7, 0.9999, 0.99999])
    p = (share * COLLAPSE_W)[None, :]
    s = net.solve(p, np.zeros_like(p))
    assert s.converged.all()
    assert {3, 4} <= given_up.keys()
    assert not given_up.keys() & {0, 1}
    assert max(given_up.values()) <= 2 * kernels.PACED


@given(
    st.floats(1e-6, 1e2),
    st.floats(0.01, 2.0),
    st.floats(1e-12, 1e-3),
    st.integers(1, 100),
)
def test_a_pace_arrives_as_a_geometric_series_does(
    change: float, ratio: float, tolerance: float, most: int
) -> None:
    reached = change * ratio**most
    assume(not 0.999 < reached / tolerance < 1.001)
    assert kernels.arrives(change, change / ratio**2, tolerance, most) == (reached < tolerance)


def test_newton_finds_what_the_chord_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = random_feeder(3, 4, 1, 5)
    scale = np.random.default_rng(0).uniform(0.2, 1.0, (len(circuit.injectors), 3))
    p, q = circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale
    usual = Network(circuit).solve(p, q, tolerance_pu=1e-11)
    net = Network(circuit)
    net.solve(p, q)
    monkeypatch.setattr(network, "CHORD_LIMIT", 1)
    exact = net.solve(p, q, tolerance_pu=1e-11)
    assert exact.newton.all()
    assert exact.converged.all()
    np.testing.assert_allclose(exact.v, usual.v, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(exact.current_a, usual.current_a, rtol=1e-7, atol=1e-7)


def test_a_power_that_is_no_number_names_its_own_node() -> None:
    circuit = random_feeder(3, 4, 0, 3)
    p, q = circuit.injectors.p_w[:, None].copy(), circuit.injectors.q_var[:, None].copy()
    p[4] = np.nan
    s = Network(circuit).solve(p, q)
    assert not s.converged[0]
    assert s.worst_node[0] == circuit.injectors.node_a[4]
