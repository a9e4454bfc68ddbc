"""Thevenin equivalents, duty and the peak of asymmetrical currents."""

from __future__ import annotations

import numpy as np
import pytest
from electrical_sketch import Sketch, random_feeder

from cosim.electrical.circuit import Circuit
from cosim.electrical.fault import (
    fault_duty,
    peak_factor,
    peak_factor_iec,
    peak_factor_ieee551,
    thevenin,
)
from cosim.electrical.network import Network

X_OVER_R = np.array([0.55, 0.75, 0.94, 1.09, 1.36, 1.82, 2.41, 3.18, 4.9, 6.6, 10, 15])
EXACT = [1.011, 1.032, 1.060, 1.085, 1.132, 1.212, 1.303, 1.399, 1.544, 1.633, 1.737, 1.814]
IEC = [1.024, 1.038, 1.060, 1.083, 1.128, 1.209, 1.302, 1.402, 1.551, 1.642, 1.746, 1.822]
IEEE = [1.010, 1.032, 1.062, 1.089, 1.139, 1.222, 1.313, 1.407, 1.547, 1.634, 1.737, 1.815]


@pytest.mark.parametrize(
    ("rule", "table"), [(peak_factor, EXACT), (peak_factor_iec, IEC), (peak_factor_ieee551, IEEE)]
)
def test_peak_factor_table(rule: object, table: list[float]) -> None:
    assert callable(rule)
    np.testing.assert_allclose(rule(X_OVER_R), table, atol=6e-4)


def test_peak_factor_is_the_largest_over_all_closing_angles_and_times() -> None:
    ratio = 2.41
    angle = np.linspace(0.0, 4 * np.pi, 4001)
    closing = np.linspace(0.0, 2 * np.pi, 2001)[:, None]
    current = np.sin(angle + closing) - np.sin(closing) * np.exp(-angle / ratio)
    assert peak_factor(np.array([ratio]))[0] == pytest.approx(np.abs(current).max(), rel=2e-6)


def test_peak_factor_limits() -> None:
    np.testing.assert_allclose(peak_factor(np.array([0.0, np.inf])), [1.0, 2.0], atol=1e-6)


def pairs(circuit: Circuit) -> tuple[np.ndarray, np.ndarray]:
    names = {name: i for i, name in enumerate(circuit.nodes)}
    return (
        np.array([names["h0.1"], names["h0.2"], names["h1.1"], names["b1.2"]]),
        np.array([names["h0.3"], names["h0.3"], names["h1.2"], -1]),
    )


def test_a_bolted_fault_placed_in_the_network_draws_that_current() -> None:
    circuit = random_feeder(21, 4, 1, 3)
    a, b = pairs(circuit)
    network = Network(circuit)
    seen = thevenin(network, a, b)
    for k in range(len(a)):
        sketch = Sketch()
        sketch.names, sketch.base = list(circuit.nodes), list(circuit.base_v)
        sketch.elements, sketch.sources = list(circuit.elements), list(circuit.sources)
        sketch.shunt(int(a[k]), int(b[k]), 1e4 + 0j)
        v = np.append(Network(sketch.circuit()).no_load_voltage(), 0.0)
        expected = seen.v_open[k] / (seen.z_ohm[k] + 1e-4)
        assert (v[a[k]] - v[b[k]]) * 1e4 == pytest.approx(expected, rel=1e-7)


def test_contributions_of_sources_superpose() -> None:
    """Each source alone (the others' EMFs at zero, their impedances in place) gives its share."""
    sketch = Sketch()
    nodes = sketch.bus("b", 240.0, 3)
    sketch.line([nodes[0]], [nodes[1]], np.array([[0.1 + 0.2j]]))
    sketch.line([nodes[1]], [nodes[2]], np.array([[0.3 + 0.1j]]))
    emf = {0: 240.0 + 0j, 2: 230.0 * np.exp(0.2j)}

    def current(active: tuple[int, ...]) -> complex:
        case = Sketch()
        case.names, case.base, case.elements = sketch.names, sketch.base, sketch.elements
        for node, volts in emf.items():
            case.source([nodes[node]], np.array([volts if node in active else 0j]), np.array([[0.05 + 0.1j]]))
        seen = thevenin(Network(case.circuit()), np.array([nodes[1]]), np.array([-1]))
        return complex(seen.v_open[0] / seen.z_ohm[0])

    assert current((0, 2)) == pytest.approx(current((0,)) + current((2,)), rel=1e-12)


def test_loads_as_admittances_lower_the_impedance() -> None:
    circuit = random_feeder(8, 4, 0, 5)
    heavy = circuit.injectors.p_w
    heavy[:] = np.abs(heavy)
    network = Network(circuit)
    a, b = pairs(circuit)
    off, loaded = thevenin(network, a, b), thevenin(network, a, b, loads="admittance")
    assert (np.abs(loaded.z_ohm) < np.abs(off.z_ohm)).all()
    assert (np.abs(loaded.v_open) < np.abs(off.v_open)).all()
    y = (circuit.injectors.p_w - 1j * circuit.injectors.q_var) / circuit.injectors.v_nom**2
    sketch = Sketch()
    sketch.names, sketch.base = list(circuit.nodes), list(circuit.base_v)
    sketch.elements, sketch.sources = list(circuit.elements), list(circuit.sources)
    for node_a, node_b, admittance in zip(circuit.injectors.node_a, circuit.injectors.node_b, y, strict=True):
        sketch.shunt(int(node_a), int(node_b), complex(admittance))
    explicit = thevenin(Network(sketch.circuit()), a, b)
    np.testing.assert_allclose(loaded.z_ohm, explicit.z_ohm, rtol=1e-9)
    np.testing.assert_allclose(loaded.v_open, explicit.v_open, rtol=1e-9)


def test_a_dead_node_has_no_duty() -> None:
    circuit = random_feeder(5, 5, 0, 6)
    lines = [
        i for i, e in enumerate(circuit.elements) if e.name == "line" and circuit.nodes[e.nodes[0]] == "b0.1"
    ]
    network = Network(circuit.without(lines))
    dead = np.flatnonzero(~network.energised)[:1]
    duty = fault_duty(network, dead, np.array([-1]))
    assert duty.symmetrical_a[0] == 0.0
    assert duty.peak_a[0] == 0.0


def test_peak_is_the_factor_times_the_crest() -> None:
    circuit = random_feeder(2, 3, 0, 3)
    a, b = pairs(circuit)
    duty = fault_duty(Network(circuit), a, b)
    z = thevenin(Network(circuit), a, b).z_ohm
    np.testing.assert_allclose(duty.x_over_r, z.imag / z.real)
    np.testing.assert_allclose(duty.peak_a, np.sqrt(2) * peak_factor(duty.x_over_r) * duty.symmetrical_a)
    assert (duty.peak_factor > 1).all()
