"""A feeder fed backwards: a published grid of cases, and laws."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced, random_feeder
from hypothesis import given
from hypothesis import strategies as st

from cosim.electrical.backfeed import Backfeed, HomeSource, ground_fault_overvoltage, load_rejection
from cosim.electrical.circuit import Circuit, Element
from cosim.electrical.network import Network
from cosim.studies.backfeed_hazard import source_model
from cosim.studies.backfeed_time import breaker_end
from cosim.studies.contributions import generator

CASE = tomllib.loads((Path(__file__).parents[1] / "cases" / "backfeed" / "expected.toml").read_text())
OUT = ("primary_v", "service_v", "set_a")
SET_VA, VOLTS = CASE["set"]["rated_va"], CASE["set"]["volts"]
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
        unit = CASE["transformer"]
        core = unit["noload_pu"], unit["magnetising_pu"]
        sketch.centre_tap(top, legs, interlaced(unit["rated_va"], unit["r_pu"], unit["x_pu"], core=core))
        if kw:
            sketch.load(*legs, kw * 1e3 * (1 + 1j * np.tan(np.arccos(0.97))), VOLTS, 2)

    service("x", local_kw)
    for i in range(others):
        service(f"o{i}", other_kw)
    if contact_ohm:
        sketch.shunt(top, -1, 1 / contact_ohm)
    return sketch.circuit()


def line_to_line(one: int, two: int) -> Element:
    """A piece of metal between the legs."""
    y = 1e7 * np.array([[1, -1], [-1, 1]], dtype=np.complex128)
    return Element("joined", np.array([one, two]), y, (2,))


def feed(circuit: Circuit, x_pu: float = CASE["set"]["x_pu"]) -> tuple[float, float, float]:
    """Volts at the primary, volts at 240 V, amperes of the set."""
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    z = 1j * x_pu * BASE_OHM
    stage = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, z)).stage(z)
    return float(abs(stage.v[0])), float(abs(stage.v[one] - stage.v[two])), float(abs(stage.source_a[0]))


def number_of(case: dict[str, float]) -> str:
    return ",".join(f"{key}={value:g}" for key, value in case.items() if key not in OUT) or "no load"


@pytest.mark.parametrize("case", CASE["case"], ids=number_of)
def test_published_grid(case: dict[str, float]) -> None:
    """Within 0.5 % of OpenDSS's figures (currents as printed)."""
    volts, service, current = feed(street(**{k: v for k, v in case.items() if k not in OUT}))  # type: ignore[arg-type]
    near = CASE["tolerance"]
    assert volts == pytest.approx(case["primary_v"], rel=near)
    assert service == pytest.approx(case["service_v"], rel=near)
    assert current == pytest.approx(case["set_a"], rel=near, abs=CASE["current_tolerance_a"])


@pytest.mark.parametrize("case", CASE["contact"], ids=lambda case: f"x={case['x_pu']}")
def test_a_body_at_the_primary(case: dict[str, float]) -> None:
    """1000 ohm: 3.0, 2.05 and 0.42 A; by the stage update, and by a network that holds the body."""
    circuit = street()
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    fed = Backfeed(circuit, HomeSource((one, two, -1), VOLTS, CASE["set"]["x_pu"] * 1j * BASE_OHM))
    stage = fed.stage(1j * case["x_pu"] * BASE_OHM)
    [at] = np.flatnonzero(fed.primary == 0)
    current = stage.contact_a(fed.primary, 1000.0)[at]
    assert current * 1000 == pytest.approx(case["volts"], rel=CASE["tolerance"])
    assert feed(street(contact_ohm=1000.0), case["x_pu"])[0] == pytest.approx(current * 1000, rel=1e-6)


@pytest.mark.parametrize("case", CASE["bolted"], ids=lambda case: f"x={case['x_pu']}")
def test_a_bolted_primary_fault(case: dict[str, float]) -> None:
    found = feed(street(contact_ohm=1e-3), case["x_pu"])[2] / 30
    assert found == pytest.approx(case["amperes"], rel=CASE["tolerance"], abs=0.005)


def test_course_of_a_short_circuit() -> None:
    """The set alone with its legs joined: the published decrement, from the feeder's stages and their shares."""
    machine = generator("portable-generator-6.25")
    circuit = street(contact_ohm=1e-9)
    one, two = circuit.nodes.index("x.1"), circuit.nodes.index("x.2")
    shorted = replace(circuit, elements=(*circuit.elements, line_to_line(one, two)))
    stages_ohm = [1j * x for x in machine.reactances_ohm()]
    fed = Backfeed(shorted, HomeSource((one, two, -1), VOLTS, stages_ohm[0]))
    amperes = np.array([abs(fed.stage(z).source_a[0]) for z in stages_ohm])
    course = CASE["course"]
    found = amperes @ machine.weights(course["seconds"], fed.external_ohm())
    np.testing.assert_allclose(found, course["amperes"], atol=course["tolerance_a"])


def test_course_of_the_breaker() -> None:
    """58 A through two poles of 30 A: 1.93 times its rating opens it after 65 s."""
    case = CASE["breaker"]
    current = feed(street(others=5, other_kw=4))[2]
    assert current == pytest.approx(case["set_a"], abs=0.5)
    model = source_model("portable-generator-6.25")
    name, multiple, trip_s = breaker_end(
        "portable-generator-6.25", model, np.full(300, case["set_a"]), np.full(300, 1.0)
    )
    assert name == "branch-30"
    assert multiple == pytest.approx(1.93, abs=0.01)
    assert trip_s == pytest.approx(case["seconds"], abs=case["tolerance_s"])


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
