"""Who feeds a fault at a socket, and by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosim.electrical.circuit import Element
from cosim.electrical.network import Network
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.generate import generate
from cosim.studies.contributions import LOOPS, Device, contributions, device


@pytest.fixture(scope="module")
def street() -> tuple[Network, CompiledFeeder]:
    compiled = generate(40, seed=3).compile()
    return Network(compiled.circuit), compiled


def full_transformer(compiled: CompiledFeeder) -> np.ndarray:
    units, count = np.unique(compiled.home_transformer, return_counts=True)
    return np.flatnonzero(compiled.home_transformer == units[np.argmax(count)])


def test_devices_of_the_library() -> None:
    inverter, battery, engine = (
        device(0, name) for name in ("inverter-7.6kw", "powerwall-3", "portable-generator-6.25")
    )
    assert inverter.current_a == pytest.approx(1.2 * 7600 / 240)
    assert inverter.seconds == 0.16
    assert (battery.current_a, battery.seconds) == (160.0, 1.0)
    assert engine.current_a == pytest.approx(102.5, abs=0.06)
    with pytest.raises(ValueError, match="feeds no fault"):
        device(0, "ev-charger-48a")


def test_without_devices_only_the_grid_feeds(street: tuple[Network, CompiledFeeder]) -> None:
    found = contributions(*street, [])
    np.testing.assert_array_equal(found.phasor_a, found.grid_a)
    np.testing.assert_array_equal(found.bound_a, np.abs(found.grid_a))
    assert (found.bound_a > 500).all()


def test_neighbours_add_up_and_the_bound_holds(street: tuple[Network, CompiledFeeder]) -> None:
    network, compiled = street
    near = full_transformer(compiled)
    assert len(near) > 2
    devices = [device(int(home), "inverter-7.6kw") for home in near] + [device(int(near[0]), "powerwall-3")]
    for kind in ("l1l2", "l1n"):
        found = contributions(network, compiled, devices, kind)  # type: ignore[arg-type]
        assert found.own_a[near[0]] == pytest.approx(38.0 + 160.0)
        assert found.neighbours_a[near[0]] == pytest.approx(38.0 * (len(near) - 1))
        assert found.neighbours_a[near[1]] == pytest.approx(38.0 * (len(near) - 1) + 160.0)
        listed = np.zeros(len(found.grid_a), dtype=complex)
        np.add.at(listed, found.fault_home, found.contribution_a)
        np.testing.assert_allclose(found.grid_a + listed, found.phasor_a)
        assert (np.abs(found.phasor_a) <= found.bound_a * (1 + 1e-12)).all()
        assert (np.abs(found.phasor_a[near]) > np.abs(found.grid_a[near])).all()
        others = np.setdiff1d(np.arange(len(found.grid_a)), near)
        np.testing.assert_array_equal(found.phasor_a[others], found.grid_a[others])


def test_superposition(street: tuple[Network, CompiledFeeder]) -> None:
    """Two devices together add what each adds alone; twice the current adds twice."""
    network, compiled = street
    near = full_transformer(compiled)
    one, other = (
        Device(int(near[0]), "inverter", "a", 50.0, 1.0),
        Device(int(near[1]), "battery", "b", 80.0, 1.0),
    )
    grid = contributions(network, compiled, []).phasor_a
    added = [
        contributions(network, compiled, some).phasor_a - grid for some in ([one], [other], [one, other])
    ]
    np.testing.assert_allclose(added[0] + added[1], added[2], atol=1e-9)
    double = Device(int(near[0]), "inverter", "a", 100.0, 1.0)
    np.testing.assert_allclose(
        contributions(network, compiled, [double]).phasor_a - grid, 2 * added[0], atol=1e-9
    )


def test_contributions_are_what_a_faulted_network_carries(street: tuple[Network, CompiledFeeder]) -> None:
    """The fault closed by 1 micro-ohm in the network itself, the device's current injected there."""
    network, compiled = street
    near = full_transformer(compiled)
    faulted, source = int(near[0]), int(near[1])
    nodes = compiled.home_nodes
    pair = nodes[source, :2]
    v = network.no_load_voltage()
    voltage = v[pair[0]] - v[pair[1]]
    phasor = 50.0 * voltage / abs(voltage)
    for kind, (a, b) in LOOPS.items():
        found = contributions(network, compiled, [Device(source, "inverter", "a", 50.0, 1.0)], kind)
        ends = nodes[faulted, [a, b]]
        short = Element("short", ends, 1e6 * np.array([[1, -1], [-1, 1]], dtype=np.complex128), (1, 1))
        closed = Network(replace(compiled.circuit, elements=(*compiled.circuit.elements, short)))
        injected = np.zeros((len(v), 1), dtype=np.complex128)
        injected[pair, 0] = phasor, -phasor
        raised = np.append(closed.respond(injected)[:, 0], 0.0)
        through = 1e6 * (raised[ends[0]] - raised[ends[1]])
        [row] = np.flatnonzero(found.fault_home == faulted)
        assert found.contribution_a[row] == pytest.approx(through, rel=2e-4), kind
        assert abs(found.contribution_a[row]) > 1.0


def test_a_device_at_the_faulted_socket_adds_all_of_its_current(
    street: tuple[Network, CompiledFeeder],
) -> None:
    network, compiled = street
    found = contributions(network, compiled, [Device(5, "inverter", "a", 50.0, 1.0)])
    assert abs(found.contribution_a[found.fault_home == 5][0]) == pytest.approx(50.0, rel=1e-9)


def test_a_device_nowhere_is_refused(street: tuple[Network, CompiledFeeder]) -> None:
    with pytest.raises(ValueError, match="no split or single-phase home"):
        contributions(*street, [Device(999, "inverter", "a", 50.0, 1.0)])


def test_the_bound_holds_at_every_angle() -> None:
    """On a weak primary a current from leg to leg becomes more at one leg: part comes back through the winding."""
    compiled = generate(60, seed=5, substation_distance_km=20.0).compile()
    network = Network(compiled.circuit)
    more = 0
    for home in range(0, 60, 7):
        for kind in LOOPS:
            found = contributions(network, compiled, [device(home, "powerwall-3")], kind)
            aligned = np.abs(found.grid_a)
            np.add.at(aligned, found.fault_home, np.abs(found.contribution_a))
            assert (aligned <= found.bound_a * (1 + 1e-12)).all()
            more += int((np.abs(found.contribution_a) > 160.0 * 1.01).sum())
    assert more
