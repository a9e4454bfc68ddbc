"""Thevenin equivalents, duty and the peak of asymmetrical currents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced, line_matrix, random_feeder, varied_feeder
from hypothesis import given
from hypothesis import strategies as st

from cosim.electrical.carson import FOOT_M, MILE_M, triplex_impedance
from cosim.electrical.circuit import Circuit, Complex, Source
from cosim.electrical.fault import (
    FaultKind,
    bus_faults,
    fault_duty,
    peak_factor,
    places_of,
    thevenin,
)
from cosim.electrical.network import Network


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


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_contributions_superpose_for_every_kind_of_fault(seed: int, arc_ohm: float) -> None:
    """A random feeder with a second source: its faults are the sum of what each source feeds alone."""
    circuit = varied_feeder(seed, 4, 1, 2)
    [first] = circuit.sources
    turn = 0.97 * np.exp(0.1j)
    at = np.array([circuit.nodes.index(f"b2.{k}") for k in (1, 2, 3)])
    second = Source("vsource.second", at, 4.0 * first.z_ohm, turn * first.emf_v)
    places = places_of(Network(replace(circuit, sources=(first, second))))

    def fed_by(one: float, other: float) -> Complex:
        sources = tuple(replace(s, emf_v=k * s.emf_v) for s, k in ((first, one), (second, other)))
        network = Network(replace(circuit, sources=sources))
        return bus_faults(network, places, arc_ohm=arc_ohm).current_a

    both = fed_by(1.0, 1.0)
    assert np.abs(both).max() > 100.0
    np.testing.assert_allclose(fed_by(1.0, 0.0) + fed_by(0.0, 1.0), both, atol=1e-10 * np.abs(both).max())


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


A = np.exp(-2j * np.pi / 3 * np.arange(3))


def street(lengths: list[float], z: np.ndarray, source_z: np.ndarray) -> Network:
    """A three-phase source and a line of several sections; buses b0, b1, .."""
    sketch = Sketch()
    at = sketch.bus("b0", 7200.0)
    sketch.source(at, 7200.0 * A, source_z)
    for i, length in enumerate(lengths):
        following = sketch.bus(f"b{i + 1}", 7200.0)
        sketch.line(at, following, z * length)
        at = following
    return Network(sketch.circuit())


def current(network: Network, kind: FaultKind, **more: complex) -> list[float]:
    """Largest conductor current of a kind of fault at each bus."""
    fault = bus_faults(network, **more)  # type: ignore[arg-type]
    out: dict[int, float] = {}
    for place, k, amps in zip(fault.place, fault.kind, fault.duty.symmetrical_a, strict=True):
        if k == kind:
            out[int(place)] = max(out.get(int(place), 0.0), float(amps))
    return list(out.values())


def test_balanced_network_follows_symmetrical_components() -> None:
    z1, z0 = 0.4 + 1.1j, 0.9 + 3.2j
    z = np.full((3, 3), (z0 - z1) / 3) + z1 * np.eye(3)
    network = street([1.0], z, z)
    v, one, zero, zf, zg = 7200.0, 2 * z1, 2 * z0, 0.7, 3.0
    for kind, expected in {
        FaultKind.THREE_PHASE: v / abs(one + zf),
        FaultKind.THREE_PHASE_GROUND: v / abs(one + zf),
        FaultKind.LINE_LINE: np.sqrt(3) * v / abs(2 * one + zf),
        FaultKind.LINE_GROUND: 3 * v / abs(2 * one + zero + 3 * zf + 3 * zg),
    }.items():
        assert current(network, kind, arc_ohm=zf, ground_ohm=zg)[1] == pytest.approx(expected, rel=1e-9), kind
    fault = bus_faults(network)
    ground = [
        abs(i.sum())
        for k, p, i in zip(fault.kind, fault.place, fault.current_a[:, :3], strict=True)
        if p == 1 and k == FaultKind.LINE_LINE_GROUND
    ]
    np.testing.assert_allclose(ground, 3 * v / abs(one + 2 * zero), rtol=1e-9)


@given(st.integers(0, 10**6), st.lists(st.floats(0.05, 3.0), min_size=1, max_size=5))
def test_current_falls_with_distance(seed: int, lengths: list[float]) -> None:
    z = line_matrix(np.random.default_rng(seed), 3, 1.0)
    network = street(lengths, z, (0.2 + 1.5j) * np.eye(3))
    for kind in FaultKind:
        assert (np.diff(current(network, kind)) < 0).all(), kind


@given(st.floats(0.0, 50.0), st.floats(0.0, 50.0))
def test_arc_and_earth_only_reduce(arc: float, ground: float) -> None:
    network = street([1.0, 2.0], line_matrix(np.random.default_rng(1), 3, 1.0), (0.2 + 1.5j) * np.eye(3))
    for kind in (FaultKind.LINE_GROUND, FaultKind.LINE_LINE, FaultKind.THREE_PHASE):
        bolted = current(network, kind)
        resisted = current(network, kind, arc_ohm=arc, ground_ohm=ground)
        assert (np.array(resisted) <= np.array(bolted) * (1 + 1e-12)).all()


@given(st.integers(0, 10**6))
def test_every_kind_draws_what_a_fault_in_the_network_draws(seed: int) -> None:
    """The loop equation against the same network with 0.1 milliohm between the conductors."""
    circuit = random_feeder(seed, 4, 1, 2)
    network = Network(circuit)
    places = places_of(network)
    fault = bus_faults(network, places, arc_ohm=0.1)
    rng = np.random.default_rng(seed)
    for m in rng.choice(len(fault.place), 6, replace=False).tolist():
        nodes = places.nodes[fault.place[m]]
        faulted = np.flatnonzero(np.abs(fault.current_a[m, :3]) > 0)
        sketch = Sketch()
        sketch.names, sketch.base = list(circuit.nodes), list(circuit.base_v)
        sketch.elements, sketch.sources = list(circuit.elements), list(circuit.sources)
        if fault.kind[m] == FaultKind.LINE_LINE:
            sketch.shunt(int(nodes[faulted[0]]), int(nodes[faulted[1]]), 10.0 + 0j)
        else:  # a star of arcs, on the neutral or afloat
            star = int(nodes[3])
            if fault.kind[m] == FaultKind.THREE_PHASE:
                star = sketch.node("star.1", 7200.0)
            for i in faulted:
                sketch.shunt(int(nodes[i]), star, 10.0 + 0j)
        v = np.append(Network(sketch.circuit()).no_load_voltage(), 0.0)
        far = v[nodes[faulted[1]]] if fault.kind[m] == FaultKind.LINE_LINE else v[star]
        drawn = (v[nodes[faulted[0]]] - far) * 10.0
        assert drawn == pytest.approx(fault.current_a[m, faulted[0]], rel=1e-6)


def test_legs_of_a_service_are_alike_and_a_neutral_is_told_from_them() -> None:
    """A coupled triplex with equal legs: equal faults; the earthed neutral is no phase."""
    sketch = Sketch()
    [top] = sketch.bus("p", 7200.0, 1)
    sketch.source([top], np.array([7200.0 + 0j]), np.array([[1e-6j]]))
    legs = sketch.bus("x", 120.0, 2)
    sketch.centre_tap(top, legs, interlaced(25e3, 0.016, 0.0151))
    home = sketch.bus("h", 120.0, 3)
    z = np.full((3, 3), 0.02 + 0.03j) + (0.05 + 0.02j) * np.eye(3)
    sketch.line([*legs, -1], home, z)
    sketch.shunt(home[2], -1, 1 / 25.0)
    network = Network(sketch.circuit())
    places = places_of(network)
    assert places.nodes[places.name.index("h")].tolist() == [home[0], home[1], -1, home[2]]
    duty = fault_duty(network, np.array([home[0], home[1]]), np.array([home[2]] * 2))
    assert duty.symmetrical_a[0] == pytest.approx(duty.symmetrical_a[1], rel=1e-9)
    infinite = 7200.0 / 30.0 / abs((0.016 + 0.0151j) * 240.0**2 / 25e3)
    [pair] = fault_duty(network, np.array([legs[0]]), np.array([legs[1]])).symmetrical_a
    assert pair == pytest.approx(infinite, rel=1e-6)


def test_a_drop_keeps_its_own_neutral() -> None:
    """25 kVA, 100 ft of 4/0 with the neutral a node of its own, earthed at the transformer only: 3,351 A to it."""
    sketch = Sketch()
    [top] = sketch.bus("p", 12470.0 / np.sqrt(3.0), 1)
    sketch.source([top], np.array([12470.0 / np.sqrt(3.0) + 0j]), np.array([[1e-6j]]))
    legs = sketch.bus("x", 120.0, 2)
    sketch.centre_tap(top, legs, interlaced(25e3, 0.016, 0.0151))
    home = sketch.bus("h", 120.0, 3)
    per_metre = triplex_impedance(0.484 / MILE_M, 0.0158 * FOOT_M, 0.522 * FOOT_M / 12, 0.08 * FOOT_M / 12)
    sketch.line([*legs, -1], home, per_metre * 100.0 * FOOT_M)
    network = Network(sketch.circuit())
    places = places_of(network)
    fault = bus_faults(network, places)
    found = {
        (k, c): float(a)
        for p, k, c, a in zip(
            fault.place, fault.kind, fault.conductors, fault.duty.symmetrical_a, strict=True
        )
        if places.name[p] == "h"
    }
    for leg in "12":
        assert found[FaultKind.LINE_GROUND, leg] == pytest.approx(3351.31, rel=1.2e-4)
    assert found[FaultKind.LINE_LINE, "1-2"] == pytest.approx(3500.30, rel=1.2e-4)
