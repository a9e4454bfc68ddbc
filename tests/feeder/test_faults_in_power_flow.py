"""Sags: power flow with a short circuit in it, beside OpenDSS with its own fault element, and by laws."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cosim.electrical.network import Network, Solution
from cosim.events.physics import Fault
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.faulted_circuit import FaultedCircuits
from cosim.feeder.feeder import Feeder
from cosim.feeder.paths import Paths

OMEGA = 2.0 * math.pi * 60.0


@pytest.fixture(scope="module")
def street() -> Feeder:
    """Homes as constant impedances, so that what is compared is linear."""
    feeder = Feeder.generate(60, seed=4)
    feeder.home["model"] = 2
    return feeder


def flow(feeder: Feeder, faults: list[Fault], opened: tuple[str, ...] = ()) -> tuple[Network, Solution]:
    compiled = feeder.compile()
    faulted = FaultedFeeder(feeder, compiled)
    circuits = FaultedCircuits(feeder, compiled, faulted.openings, faulted.places)
    cuts, ties = faulted.openings.sections(opened, ())
    out = {cut.element for cut in cuts if not cut.rows}
    circuit = circuits.circuit(compiled.circuit, out, ties, {cut for cut in cuts if cut.rows}, faults)
    network = Network(circuit)
    return network, network.solve(tolerance_pu=1e-11)


def triangle(matrix: np.ndarray) -> str:
    rows = (" ".join(f"{value:.15g}" for value in row[: k + 1]) for k, row in enumerate(matrix))
    return "[" + " | ".join(rows) + "]"


def script(feeder: Feeder) -> list[str]:
    """The feeder as OpenDSS commands."""
    bus, said = feeder.bus["name"].tolist(), ["clear"]
    z, emf = feeder.matrices.source_z_ohm[0][0, 0], feeder.matrices.source_emf_v[0][0]
    said.append(
        f"new circuit.c bus1={bus[0]} basekv={math.sqrt(3) * abs(emf) / 1e3:.15g} pu=1 "
        f"angle={math.degrees(np.angle(emf)):.15g} "
        f"r1={z.real:.15g} x1={z.imag:.15g} r0={z.real:.15g} x0={z.imag:.15g}"
    )
    for row, line in feeder.line.iterrows():
        z, y = feeder.matrices.line_z_ohm[row], feeder.matrices.line_y_siemens[row]
        c_nf = 2.0 * y.imag / OMEGA * 1e9
        said.append(
            f"new line.{line['name']} phases={len(z)} bus1={bus[line['from_bus']]}.{line['from_nodes']} "
            f"bus2={bus[line['to_bus']]}.{line['to_nodes']} length=1 units=none rmatrix={triangle(z.real)} "
            f"xmatrix={triangle(z.imag)} cmatrix={triangle(c_nf)}"
        )
    for row, unit in feeder.transformer.iterrows():
        coils = feeder.winding[feeder.winding["transformer"] == row]
        wide = unit["phases"] == 3
        said.append(
            f"new transformer.{unit['name']} phases={unit['phases']} windings={len(coils)} "
            f"xhl={unit['x12_percent']:.15g} "
            + ("" if len(coils) == 2 else f"xht={unit['x13_percent']:.15g} xlt={unit['x23_percent']:.15g} ")
            + f"%noloadloss={unit['noload_percent']:.15g} %imag={unit['imag_percent']:.15g}"
        )
        for number, coil in enumerate(coils.to_dict("records"), 1):
            kv = coil["kv"] * (math.sqrt(3) if wide and coil["connection"] == "wye" else 1.0)
            said.append(
                f"~ wdg={number} bus={bus[coil['bus']]}.{coil['nodes']} conn={coil['connection']} kv={kv:.15g} "
                f"kva={unit['rated_kva']:.15g} %r={coil['r_percent']:.15g} tap={coil['tap_pu']:.15g}"
            )
    said += [
        f"new capacitor.{bank['name']} phases=3 bus1={bus[bank['bus']]} kv={bank['vn_kv']:.15g} "
        f"kvar={-1e3 * bank['q_mvar']:.15g}"
        for bank in feeder.table("shunt").to_dict("records")
    ]
    for home in feeder.home.to_dict("records"):
        at = bus[home["bus"]]
        said.append(f"new fault.rod-{at} phases=1 bus1={at}.3 r=25")
        said += [
            f"new load.{at}-{leg} phases=1 bus1={at}.{leg}.3 kv={home['kv']:.15g} kw={home['kw'] / 2:.15g} "
            f"kvar={home['kvar'] / 2:.15g} model=2 vminpu=0.01 vmaxpu=10"
            for leg in "12"
        ]
    return said


def engine_voltages(feeder: Feeder, *more: str) -> dict[str, complex]:
    engine: Any = pytest.importorskip("dss").DSS
    engine.AllowForms = False
    for said in (*script(feeder), *more, "set tolerance=1e-10 maxiterations=1000 controlmode=off", "solve"):
        engine.Text.Command = said
    circuit = engine.ActiveCircuit
    assert circuit.Solution.Converged
    flat = np.asarray(circuit.YNodeVarray, dtype=np.float64).view(np.complex128)
    return dict(zip((name.lower() for name in circuit.YNodeOrder), flat.tolist(), strict=True))


@pytest.mark.parametrize("case", ["none", "lateral", "trunk", "service"])
def test_sags_are_those_of_opendss(street: Feeder, case: str) -> None:
    lateral = street.line[street.line["name"] == "lateral-2-1"].iloc[0]
    phase = lateral["from_nodes"]
    faults, said = {
        "none": ([], []),
        "lateral": (
            [Fault("f", "line:lateral-2-1", "line-ground", "abc"[int(phase) - 1], 0.01)],
            [f"new fault.f phases=1 bus1=lateral-2-1.{phase} r=0.01"],
        ),
        "trunk": (
            [Fault("f", "bus:trunk-1", "line-line", "ab", 0.01)],
            ["new fault.f phases=1 bus1=trunk-1.1 bus2=trunk-1.2 r=0.01"],
        ),
        "service": (
            [Fault("f", "home:home-7", "line-line", "12", 0.01)],
            ["new fault.f phases=1 bus1=home-7.1 bus2=home-7.2 r=0.01"],
        ),
    }[case]
    theirs = engine_voltages(street, *said)
    network, ours = flow(street, faults)
    assert ours.converged.all()
    base = network.circuit.base_v
    error = [
        abs(ours.v[row, 0] - theirs[name.lower()]) / base[row]
        for row, name in enumerate(network.circuit.nodes)
    ]
    assert max(error) < (1e-4 if faults else 1e-6)


def test_a_bolted_fault_on_a_lateral_is_seen_by_other_laterals_and_phases() -> None:
    feeder = Feeder.generate(120, seed=4)
    compiled = feeder.compile()
    phase = feeder.line[feeder.line["name"] == "lateral-2"]["from_nodes"].iloc[0]
    fault = Fault("f", "line:lateral-2-1", "line-ground", "", 0.0, 0.5)
    (_, before), (network, after) = flow(feeder, []), flow(feeder, [fault])
    assert before.converged.all()
    assert after.converged.all()
    v = [
        np.abs(s.v[compiled.home_nodes[:, 0], 0] - s.v[compiled.home_nodes[:, 2], 0]) / 120.0
        for s in (before, after)
    ]
    feeding = FaultedFeeder(feeder, compiled)
    paths = Paths(feeder, compiled, feeding.openings, feeding.places)
    downstream = paths.out(("line:lateral-2",))
    same = paths.out((f"line:breaker-1@{'abc'[int(phase) - 1]}",)) & ~downstream
    assert (v[1][downstream] < 0.1).all()  # behind the fuse next to nothing is left
    assert (v[1][same] < 0.9 * v[0][same]).all()
    other = ~same & ~downstream
    assert (v[1][other] > 0.85).all()
    assert (v[1][other] < 1.25).all()
    left = network.mismatch(after.v, after.current_a)
    assert np.abs(left).max() < 1e-3


@pytest.mark.parametrize("along", [0.0, 0.3, 1.0])
def test_a_fault_inside_a_line_is_that_of_the_line_in_two(street: Feeder, along: float) -> None:
    """Voltages of faults on the way come between those at the ends, and two at one place are one of half the ohms."""
    fault = Fault("f", "line:trunk-2", "line-ground", "b", 1.0, along)
    _, one = flow(street, [fault])
    _, two = flow(street, [replace(fault, ohm=2.0), replace(fault, ohm=2.0, name="g")])
    np.testing.assert_allclose(two.v, one.v, rtol=1e-5, atol=1e-3)
    faulted = FaultedFeeder(street, street.compile())
    network, _ = flow(street, [fault])
    compiled = street.compile()
    element = network.circuit.elements[compiled.line_element[faulted.openings.line_row("trunk-1")]]
    v = Network(network.circuit).no_load_voltage()
    current = np.abs(element.y_siemens @ v[element.nodes])[1]
    known = faulted.currents((), (), [fault], ["line:trunk-1"])[0, 1]
    assert current == pytest.approx(known, rel=1e-5)  # the same from the run's circuit and the event-only one


def test_a_fault_behind_an_open_end_is_fed_from_nowhere(street: Feeder) -> None:
    fault = Fault("f", "line:lateral-2-1", "line-ground", "", 0.0, 0.5)
    for opened in (("line:lateral-2",), ("line:lateral-2-1",)):
        network, with_fault = flow(street, [fault], opened)
        _, without = flow(street, [], opened)
        assert with_fault.converged.all()
        live = network.energised
        np.testing.assert_allclose(with_fault.v[live], without.v[live], rtol=1e-9, atol=1e-9)
