"""A feeder fed backwards: a published grid of cases, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced, random_feeder
from hypothesis import given
from hypothesis import strategies as st

from cosim.electrical.backfeed import Backfeed, HomeSource, ground_fault_overvoltage, load_rejection
from cosim.electrical.circuit import Circuit
from cosim.electrical.network import Network

SET_VA, VOLTS = 6250.0, 240.0
BASE_OHM = VOLTS**2 / SET_VA


def street(
    local_kw: float = 0.0, others: int = 0, other_kw: float = 0.0, contact_ohm: float = 0.0
) -> Circuit:
    """The home's transformer, and other transformers of 25 kVA on the same primary; impedance loads."""
    sketch = Sketch()
    top = sketch.node("p.1", 7200.0)
    sketch.source([sketch.node("utility.1", 7200.0)], np.array([7200.0 + 0j]), np.array([[1j]]))

    def service(name: str, kw: float) -> None:
        legs = sketch.bus(name, 120.0, 2)
        sketch.centre_tap(top, legs, interlaced(25e3, 0.016, 0.0151, core=(0.0052, 0.0193)))
        if kw:
            sketch.load(*legs, kw * 1e3 * (1 + 1j * np.tan(np.arccos(0.97))), VOLTS, 2)

    service("x", local_kw)
    for i in range(others):
        service(f"o{i}", other_kw)
    if contact_ohm:
        sketch.shunt(top, -1, 1 / contact_ohm)
    return sketch.circuit()


def feed(circuit: Circuit, x_pu: float = 0.254) -> tuple[float, float, float]:
    """Volts at the primary, volts at 240 V, amperes of the set."""
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    z = 1j * x_pu * BASE_OHM
    stage = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, z)).stage(z)
    return float(abs(stage.v[0])), float(abs(stage.v[one] - stage.v[two])), float(abs(stage.source_a[0]))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, (7061, 235.4, 2.0)),
        ({"local_kw": 2}, (6897, 229.9, 9.4)),
        ({"local_kw": 5}, (6596, 219.8, 20.7)),
        ({"local_kw": 8}, (6255, 208.5, 30.8)),
        ({"local_kw": 15}, (5427, 180.9, 49.4)),
        ({"local_kw": 30}, (3980, 132.7, 71.8)),
        ({"others": 5}, (6427, 214.6, 11.2)),
        ({"others": 10}, (5896, 197, 18.8)),
        ({"others": 20}, (5055, 170, 30.7)),
        ({"others": 1, "other_kw": 4}, (6555, 219, 17.8)),
        ({"others": 3, "other_kw": 4}, (5465, 184, 42.4)),
        ({"others": 5, "other_kw": 4}, (4530, 154, 58.2)),
        ({"others": 10, "other_kw": 4}, (3030, 105, 77.3)),
        ({"others": 20, "other_kw": 4}, (1757, 63, 89.4)),
        ({"contact_ohm": 1000}, (3005, 103.6, 90.4)),
    ],
    ids=str,
)
def test_published_grid(case: dict[str, float], expected: tuple[float, float, float]) -> None:
    """Within 0.5 % of OpenDSS's figures (currents as printed)."""
    volts, service, current = feed(street(**case))  # type: ignore[arg-type]
    assert volts == pytest.approx(expected[0], rel=5e-3)
    assert service == pytest.approx(expected[1], rel=5e-3)
    assert current == pytest.approx(expected[2], rel=5e-3, abs=0.06)


@pytest.mark.parametrize(("x_pu", "volts"), [(0.254, 3005), (0.398, 2049), (2.06, 418)])
def test_a_body_at_the_primary(x_pu: float, volts: float) -> None:
    """1000 ohm: 3.0, 2.05 and 0.42 A; by the stage update, and by a network that holds the body."""
    circuit = street()
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    fed = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, 0.254j * BASE_OHM))
    stage = fed.stage(1j * x_pu * BASE_OHM)
    [at] = np.flatnonzero(fed.primary == 0)
    current = stage.contact_a(fed.primary, 1000.0)[at]
    assert current * 1000 == pytest.approx(volts, rel=5e-3)
    assert feed(street(contact_ohm=1000.0), x_pu)[0] == pytest.approx(current * 1000, rel=1e-6)


@pytest.mark.parametrize(("x_pu", "amperes"), [(0.254, 3.36), (0.398, 2.16), (2.06, 0.42)])
def test_a_bolted_primary_fault(x_pu: float, amperes: float) -> None:
    assert feed(street(contact_ohm=1e-3), x_pu)[2] / 30 == pytest.approx(amperes, rel=5e-3, abs=0.005)


@given(st.integers(0, 10**6), st.floats(0.05, 20.0), st.floats(0.0, 5.0))
def test_stages_equal_networks_built_for_them(seed: int, x: float, r: float) -> None:
    """The update of two branches against a network with that impedance from the start; a neutral of its own."""
    circuit = random_feeder(seed, 4, 1, 3)
    heavy = circuit.injectors
    heavy.p_w[:] = np.abs(heavy.p_w)
    home = tuple(circuit.nodes.index(f"h0.{k}") for k in (1, 2, 3))
    z = complex(r, x)
    updated = Backfeed(circuit, HomeSource(home, 240.0, 2.3j)).stage(z)
    direct = Backfeed(circuit, HomeSource(home, 240.0, z)).stage(z)
    scale = np.abs(direct.v).max()
    np.testing.assert_allclose(updated.v, direct.v, atol=1e-7 * scale)
    np.testing.assert_allclose(updated.z_node_ohm, direct.z_node_ohm, rtol=1e-5)
    np.testing.assert_allclose(updated.source_a, direct.source_a, atol=1e-6 * np.abs(direct.source_a).max())


def test_the_utility_is_out_and_power_balances() -> None:
    circuit = street(local_kw=5, others=3, other_kw=4)
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    fed = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, 2.3j))
    stage = fed.stage(2.3j)
    assert stage.v[circuit.nodes.index("utility.1")] == 0
    delivered = stage.v[one] * np.conj(stage.source_a[0]) + stage.v[two] * np.conj(stage.source_a[1])
    grounded = np.append(stage.v, 0.0)
    lost = sum((grounded[e.nodes] * np.conj(e.y_siemens @ grounded[e.nodes])).sum() for e in circuit.elements)
    across = grounded[circuit.injectors.node_a] - grounded[circuit.injectors.node_b]
    y = (circuit.injectors.p_w - 1j * circuit.injectors.q_var) / circuit.injectors.v_nom**2
    drawn = (np.abs(across) ** 2 * np.conj(y)).sum()
    assert delivered == pytest.approx(lost + drawn, rel=1e-3)  # the frame's 10 kilohm takes the rest


def test_an_open_transformer_keeps_it_at_home() -> None:
    circuit = street(others=2)
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    fed = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, 2.3j), opened=[0])
    stage = fed.stage(2.3j)
    assert not len(fed.primary)
    assert fed.energised(stage.v).tolist() == [i in (one, two) for i in range(len(circuit.nodes))]


def test_a_current_limit_scales_everything() -> None:
    circuit = street(others=10, other_kw=4)
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    fed = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, 0.1j))
    free, held = fed.stage(0.1j), fed.stage(0.1j, limit_a=48.0)
    assert np.abs(held.source_a).max() == pytest.approx(48.0)
    np.testing.assert_allclose(held.v, held.scale * free.v)


def test_more_neighbours_pull_it_down() -> None:
    volts = [feed(street(others=n, other_kw=2))[0] for n in range(6)]
    assert (np.diff(volts) < 0).all()


def test_overvoltage_limits() -> None:
    assert ground_fault_overvoltage(1.0).pu == pytest.approx(1.0)
    assert ground_fault_overvoltage(complex("inf")).pu == pytest.approx(np.sqrt(3.0))
    assert ground_fault_overvoltage(3.0).pu == pytest.approx(1.25, abs=0.02)
    assert load_rejection(5e3, 5e3).pu == pytest.approx(1.0)
    assert load_rejection(9e3, 4e3).pu == pytest.approx(1.5)
    assert load_rejection(9e3, 0.0).pu == load_rejection(1e9, 1.0).pu == 2.0
    assert load_rejection(1.0, 1.0).confidence == "estimate"
    assert Network(street()).energised.sum() == 1
