"""Currents through devices and who has voltage, against the whole network solved with the fault in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.electrical.circuit import Circuit, Complex, Element
from cosim.electrical.elements import line_block
from cosim.electrical.fault import FaultKind, bus_faults, places_of
from cosim.electrical.network import Network
from cosim.errors import FeederError
from cosim.events.physics import Fault
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.feeder import Feeder

EMF_TURN = np.exp(-2j * np.pi / 3.0 * np.arange(3))
SECTIONS = (
    *("line:breaker-1", "line:trunk-2", "line:lateral-1", "line:lateral-1-1", "line:lateral-1-2"),
    *("line:lateral-2", "transformer:transformer-1", "transformer:transformer-2", "transformer:substation"),
    *("home:home-1", "home:home-2"),
)


@pytest.fixture(scope="module")
def generated() -> tuple[Feeder, CompiledFeeder, FaultedFeeder]:
    feeder = Feeder.generate(120, seed=3)
    compiled = feeder.compile()
    return feeder, compiled, FaultedFeeder(feeder, compiled)


def solved(
    feeder: Feeder, compiled: CompiledFeeder, faulted: FaultedFeeder, fault: Fault, opened: tuple[str, ...]
) -> tuple[Circuit, Complex, dict[str, int]]:
    """The circuit with the fault as elements, a line split at it, and its voltages without loads."""
    circuit = compiled.circuit
    cuts, ties = faulted.openings.sections(opened, ())
    circuit = circuit.with_blocks(faulted.openings.blocks(cuts, ties))
    struck = faulted.places.struck(fault)
    nodes, base_v, elements = list(circuit.nodes), circuit.base_v.tolist(), list(circuit.elements)
    at = []
    if struck.line >= 0:
        row = int(np.flatnonzero(compiled.line_element == struck.line)[0])
        z, y = feeder.matrices.line_z_ohm[row], feeder.matrices.line_y_siemens[row]
        element, width = elements[struck.line], len(z)
        flip = faulted.openings.port(fault.where).rows[0] > 0
        share = min(max(1.0 - fault.along if flip else fault.along, 1e-3), 1.0 - 1e-3)
        middle = np.arange(len(nodes), len(nodes) + width)
        nodes += [f"split.{k}" for k in range(width)]
        base_v += [1.0] * width
        for part, ends, shunt in (
            (share, (element.nodes[:width], middle), (y, 0.0 * y)),
            (1.0 - share, (middle, element.nodes[width:]), (0.0 * y, y)),
        ):
            block = line_block(part * z, 0.0 * y)
            block[:width, :width] += shunt[0]
            block[width:, width:] += shunt[1]
            elements.append(Element("part", np.concatenate(ends), block, (width, width)))
        elements[struck.line] = replace(element, y_siemens=np.zeros_like(element.y_siemens))
        assert struck.spread is not None
        ends = [np.flatnonzero(row) for row in struck.spread]
        at = [int(middle[rows[0] % width]) if len(rows) else -1 for rows in ends]
    else:
        at = [conductor[0][0] if conductor else -1 for conductor in struck.conductors]
    kinds = (FaultKind.LINE_GROUND, FaultKind.LINE_LINE_GROUND, FaultKind.THREE_PHASE_GROUND)
    if fault.kind in kinds:
        pairs = [(node, at[-1], 1.0) for node in at[:-1]]
    else:
        star = len(nodes) if len(at) == 4 else -2
        pairs = [(at[0], at[1], 1.0)]
        if star >= 0:
            nodes.append("star.1")
            base_v.append(1.0)
            pairs = [(node, star, 1.0) for node in at[:3]]
    for a, b, _ in pairs:
        g = 1.0 / fault.ohm
        elements.append(
            Element("fault", np.array([a, b]), np.array([[g, -g], [-g, g]], dtype=np.complex128), (1, 1))
        )
    whole = replace(circuit, nodes=tuple(nodes), base_v=np.array(base_v), elements=tuple(elements))
    return whole, Network(whole).no_load_voltage(), {e.name: k for k, e in enumerate(elements)}


def measured(faulted: FaultedFeeder, circuit: Circuit, v: Complex, section: str, split: int) -> np.ndarray:
    port = faulted.openings.port(section)
    out = np.zeros(3, dtype=np.complex128)
    numbers = [port.element]
    first = port.rows[0] > 0
    if port.element == split:  # its first part, or its second if that is fed
        numbers = [[k for k, e in enumerate(circuit.elements) if e.name == "part"][int(first)]]
    element = circuit.elements[numbers[0]]
    current = element.y_siemens @ np.append(v, 0.0)[element.nodes]
    for row, letter in zip(port.rows, port.conductors, strict=True):
        if letter != "n":
            out["abc".index(letter)] = current[row]
    return np.append(np.abs(out), abs(out.sum()))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("f", "line:lateral-1-2", "line-ground", "", 0.2, 0.35),
        Fault("f", "line:lateral-1-1", "line-ground", "", 3.0, 1e-3),
        Fault("f", "line:trunk-2", "line-line", "bc", 0.5, 0.6),
        Fault("f", "line:trunk-2", "line-line-ground", "ac", 0.5, 0.6),
        Fault("f", "line:trunk-2", "three-phase", "abc", 0.1, 0.9),
        Fault("f", "line:trunk-2", "three-phase-ground", "abc", 0.1, 0.9),
        Fault("f", "bus:trunk-1", "line-ground", "b", 0.3),
        Fault("f", "transformer:transformer-1", "line-line", "12", 0.02),
        Fault("f", "transformer:transformer-2", "line-ground", "2", 0.02),
        Fault("f", "home:home-1", "line-ground", "1", 0.02),
        Fault("f", "home:home-2", "line-line", "12", 0.02),
        Fault("f", "line:drop-1", "line-ground", "2", 0.02, 0.5),
    ],
    ids=lambda fault: f"{fault.where}-{fault.kind}",
)
@pytest.mark.parametrize(
    "opened", [(), ("home:home-1@n",), ("line:trunk-3",), ("line:trunk-2@a", "home:home-3")]
)
def test_currents_are_those_of_the_whole_network(
    generated: tuple[Feeder, CompiledFeeder, FaultedFeeder], fault: Fault, opened: tuple[str, ...]
) -> None:
    feeder, compiled, faulted = generated
    if fault.where == "line:trunk-2" and opened[:1] == ("line:trunk-2@a",):
        pytest.skip("the sketch splits whole lines only")
    if fault.where == "line:drop-1" and opened == ("home:home-1@n",):
        pytest.skip("the sketch splits whole lines only")
    circuit, v, _ = solved(feeder, compiled, faulted, fault, opened)
    found = faulted.currents(opened, (), [fault], SECTIONS)
    split = faulted.places.struck(fault).line
    for section, row in zip(SECTIONS, found, strict=True):
        np.testing.assert_allclose(
            row, measured(faulted, circuit, v, section, split), rtol=1e-6, atol=1e-5, err_msg=section
        )


def test_bolted_faults_at_buses_are_those_of_the_fault_study(
    generated: tuple[Feeder, CompiledFeeder, FaultedFeeder],
) -> None:
    _, compiled, faulted = generated
    network = Network(compiled.circuit)
    study, places, known = bus_faults(network), places_of(network), dict[tuple[str, str], float]()
    for place, kind, conductors, duty in zip(
        study.place, study.kind, study.conductors, study.duty.symmetrical_a, strict=True
    ):
        known[places.name[place], f"{kind}:{conductors}"] = float(duty)
    for bus, kind, letters, conductors, section in (
        ("trunk-2", "line-ground", "a", "1", "line:trunk-2"),
        ("trunk-2", "line-line", "ab", "1-2", "line:trunk-2"),
        ("trunk-2", "three-phase", "abc", "1-2-3", "line:trunk-2"),
        ("home-5", "line-ground", "1", "1", "home:home-5"),
        ("home-5", "line-line", "12", "1-2", "home:home-5"),
    ):
        found = faulted.currents((), (), [Fault("f", f"bus:{bus}", kind, letters)], [section])
        assert found[0, :3].max() == pytest.approx(known[bus, f"{kind}:{conductors}"], rel=1e-4)


def agree_on_voltage(
    compiled: CompiledFeeder, faulted: FaultedFeeder, opened: tuple[str, ...], tied: tuple[str, ...]
) -> int:
    cuts, ties = faulted.openings.sections(opened, tied)
    network = Network(compiled.circuit.with_blocks(faulted.openings.blocks(cuts, ties)))
    expected = np.append(network.energised, False)[compiled.home_nodes]
    np.testing.assert_array_equal(faulted.energised(opened, tied), expected)
    return int(expected.sum())


def test_who_has_voltage_is_what_the_network_says(
    generated: tuple[Feeder, CompiledFeeder, FaultedFeeder],
) -> None:
    feeder, compiled, faulted = generated
    whole = agree_on_voltage(compiled, faulted, (), ())
    rng = np.random.default_rng(5)
    lines = [f"line:{name}" for name in feeder.line["name"]]
    sections = [*lines, *(f"home:{name}" for name in feeder.home["name"])]
    sections += [
        f"line:{name}@{c}" for name in feeder.line.query("from_nodes == '1.2.3'")["name"] for c in "abc"
    ]
    sections += [f"home:{name}@{c}" for name in feeder.home["name"] for c in "12n"]
    sections += [f"transformer:{name}" for name in feeder.transformer["name"]]
    for count in (1, 1, 1, 2, 3, 5, 8, 20):
        opened = tuple(str(s) for s in rng.choice(sections, count, replace=False))
        assert agree_on_voltage(compiled, faulted, opened, ()) < whole or count < 3


def test_a_lost_phase_takes_the_homes_on_it_and_one_phase_of_others() -> None:
    builder = FeederBuilder("three phases")
    builder.add_bus("source", "1.2.3", 7200.0)
    builder.add_bus("end", "1.2.3", 7200.0)
    builder.add_source("source", "source", "1.2.3", 7200.0 * EMF_TURN, 0.1j * np.eye(3))
    z = (0.3 + 0.6j) * np.eye(3)
    builder.add_line("only", "source", "1.2.3", "end", "1.2.3", z, length_m=1e3)
    for name, nodes, kind in (("wide", "1.2.3", "three"), ("a", "1", "single"), ("b", "2", "single")):
        builder.add_home(name, "end", nodes, kind, kw=5.0, kvar=1.0, kv=7.2)
    feeder = builder.build()
    faulted = FaultedFeeder(feeder, feeder.compile())
    alive = faulted.energised(("line:only@b",))
    assert alive.tolist() == [[True, False, True], [True, False, False], [False, False, False]]
    fault = Fault("f", "line:only", "line-ground", "b", 0.0, 0.5)
    assert not faulted.currents(("line:only@b",), (), [fault], ["line:only"]).any()
    whole = faulted.currents((), (), [fault], ["line:only"])[0]
    expected = 7200.0 / abs(0.1j + 0.5 * (0.3 + 0.6j))
    np.testing.assert_allclose(whole, [0.0, expected, 0.0, expected], rtol=1e-6, atol=1e-6)


def test_a_dead_fault_draws_nothing_and_what_is_asked_twice_is_kept(
    generated: tuple[Feeder, CompiledFeeder, FaultedFeeder],
) -> None:
    _, _, faulted = generated
    fault = Fault("f", "line:lateral-1-1", "line-ground", "")
    first = faulted.currents((), (), [fault], SECTIONS)
    assert first[0].max() > 500.0
    np.testing.assert_array_equal(faulted.currents((), (), [fault], SECTIONS), first)
    assert faulted.currents(("line:lateral-1",), (), [fault], SECTIONS)[[2, 3]].max() < 1e-3
    assert not faulted.currents((), (), [], SECTIONS).any()
    again = replace(fault, name="g")
    both = faulted.currents((), (), [fault, again], SECTIONS)  # two at one place are one
    np.testing.assert_allclose(both, first, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("where", "kind", "conductors", "said"),
    [
        ("line:nowhere", "line-ground", "a", "no line 'nowhere'"),
        ("bus:nowhere", "line-ground", "a", "no bus 'nowhere'"),
        ("line:trunk-1", "line-line", "a", "asks for 2 conductors"),
        ("line:lateral-1", "three-phase", "abc", "asks for 3 conductors"),
        ("line:trunk-1", "lightning", "a", "no kind 'lightning'"),
        ("sky:1", "line-ground", "a", "is no place"),
    ],
)
def test_faults_that_cannot_be(
    generated: tuple[Feeder, CompiledFeeder, FaultedFeeder], where: str, kind: str, conductors: str, said: str
) -> None:
    with pytest.raises(FeederError, match=said):
        generated[2].currents((), (), [Fault("f", where, kind, conductors)], SECTIONS[:1])


def test_ties_and_meshes_of_a_published_feeder(shared: Path) -> None:
    feeder = Feeder.from_opendss(shared / "feeders" / "dss" / "ieee123" / "IEEE123Master.dss", strict=False)
    compiled = feeder.compile()
    faulted = FaultedFeeder(feeder, compiled)
    rng = np.random.default_rng(2)
    lines = [f"line:{name}" for name in feeder.line["name"]]
    wide = feeder.line[feeder.line["from_nodes"] == "1.2.3"]["name"]
    lines += [f"line:{name}@{c}" for name in wide for c in "abc"]
    ties = tuple(
        f"line:{feeder.line['name'].iloc[int(np.flatnonzero(compiled.line_element == e)[0])]}"
        for e in compiled.closed_blocks
    )
    for count in (1, 2, 4, 9):
        agree_on_voltage(compiled, faulted, tuple(map(str, rng.choice(lines, count, replace=False))), ())
        agree_on_voltage(compiled, faulted, tuple(map(str, rng.choice(lines, count, replace=False))), ties)
