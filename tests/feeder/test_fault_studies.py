"""Fault currents of whole feeders against OpenDSS, published tables and pandapower."""

from __future__ import annotations

import csv
import importlib
import math
import re
import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from masters import HEAD, MASTERS, TAIL

from cosim.electrical.fault import Fault, FaultKind, Places, bus_faults, places_of
from cosim.electrical.impedance import ImpedanceMatrix
from cosim.electrical.network import Network
from cosim.feeder.attach_base import sequence_matrix
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.compare import _impose_state
from cosim.feeder.compile import compile_feeder
from cosim.feeder.feeder import Feeder
from cosim.feeder.flow import with_taps
from cosim.feeder.reference import TURN
from cosim.studies.fault_duty import socket_fault_duty


def table(network: Network, **more: complex) -> dict[tuple[str, FaultKind, str], np.ndarray]:
    """Conductor currents by bus, kind and conductors."""
    places: Places = places_of(network)
    fault: Fault = bus_faults(network, places, **more)  # type: ignore[arg-type]
    return {
        (places.name[p], kind, names): np.abs(current)
        for p, kind, names, current in zip(
            fault.place, fault.kind, fault.conductors, fault.current_a, strict=True
        )
    }


def _engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine, with what masters show and export of their own put into `folder`."""
    engine = pytest.importorskip("dss").DSS
    monkeypatch.chdir(folder)
    engine.AllowEditor = False
    engine.DataPath = str(folder)
    return engine


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "master",
    [
        "ieee13/IEEE13Nodeckt.dss",
        "ieee34/ieee34Mod1.dss",
        "ieee37/ieee37.dss",
        "ieee123/IEEE123Master.dss",
        "secondary-test-circuit/Master.DSS",
        "short-circuit-cases/ieee34Mod2_SC_Case_II.dss",
        "short-circuit-cases/ieee37_SC_Currents.dss",
        pytest.param("european-lv/Master.dss", marks=SLOW),
        pytest.param("north-american-lv/Master.dss", marks=SLOW),
        pytest.param("ieee8500/Master.dss", marks=SLOW),
    ],
)
def test_every_bus_as_opendss_sees_it(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str
) -> None:
    """Impedance matrix, open voltage and currents, loads as admittances as in its fault study.

    The largest differences are where two nodes are joined by next to nothing (switches, protectors).
    """
    dss = _engine(tmp_path, monkeypatch)
    path = shared / "feeders/dss" / master
    feeder = Feeder.from_opendss(path, strict=False)
    circuit = feeder.compile().circuit
    network = Network(circuit)
    dss.Text.Command = f'redirect "{path}"'
    engine = dss.ActiveCircuit
    _impose_state(feeder, engine)
    dss.Text.Command = "set controlmode=off"
    # Right after a power flow its open voltage still holds the loads' compensation currents of that flow;
    # the second study in a row is the linear network it describes.
    for _ in range(2):
        dss.Text.Command = "solve mode=faultstudy"
    matrix = ImpedanceMatrix(network, loads="admittance")
    open_v = network.open_circuit_voltage(loads="admittance")
    row = {name: i for i, name in enumerate(circuit.nodes)}
    worst = np.zeros(3)
    nodes = 0
    for number in range(engine.NumBuses):
        engine.SetActiveBusi(number)
        bus = engine.ActiveBus
        at = np.array([row[f"{bus.Name}.{k}"] for k in bus.Nodes])
        theirs_v = np.array(bus.Voc).view(np.complex128)
        theirs_z = np.array(bus.ZscMatrix).view(np.complex128).reshape(len(at), len(at))
        at = at[
            list(min(permutations(range(len(at))), key=lambda p: abs(open_v[at[list(p)]] - theirs_v).max()))
        ]
        z, v = matrix.among(at)[0], open_v[at]
        ours_a, theirs_a = np.linalg.solve(z, v), np.linalg.solve(theirs_z, theirs_v)
        one, other = np.abs(v / np.diag(z)), np.abs(theirs_v / np.diag(theirs_z))
        worst = np.maximum(
            worst,
            [
                np.abs(z - theirs_z).max() / np.abs(theirs_z).max(),
                np.abs(one / other - 1).max(),
                np.abs(ours_a - theirs_a).max() / np.abs(theirs_a).max(),
            ],
        )
        nodes += len(at)
    assert nodes == len(circuit.nodes)
    assert (worst < (1e-9 if "8500" in master else 1e-6)).all(), worst


STREET = HEAD + MASTERS["neutral-kept"] + """
new transformer.u phases=3 windings=2 xhl=5 wdg=1 bus=a conn=delta kv=12.47 kva=300 %r=0.5
~ wdg=2 bus=b.1.2.3.4 conn=wye kv=0.208 kva=300 %r=0.5
new reactor.point phases=1 bus1=b.4 bus2=b.0 r=3 x=0
""" + TAIL  # fmt: skip


@pytest.mark.parametrize(
    ("master", "every"),
    [
        ("", 1),
        ("ieee13/IEEE13Nodeckt.dss", 1),
        pytest.param("north-american-lv/Master.dss", 60, marks=SLOW),
        pytest.param("ieee8500/Master.dss", 1000, marks=SLOW),
    ],
)
def test_faults_through_an_arc_as_opendss_draws_them(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str, every: int
) -> None:
    """Each kind with its arcs and its way to ground as fault objects of the engine, loads off."""
    dss = _engine(tmp_path, monkeypatch)
    path = tmp_path / "street.dss"
    path.write_text(STREET)
    if master:
        path = request.getfixturevalue("shared") / "feeders/dss" / master
    feeder = Feeder.from_opendss(path, strict=False)
    network = Network(feeder.compile().circuit)
    dss.Text.Command = f'redirect "{path}"'
    engine = dss.ActiveCircuit
    _impose_state(feeder, engine)
    for command in ("set controlmode=off", "batchedit load..* enabled=no", "set mode=direct"):
        dss.Text.Command = command
    arc, earth = 0.04, 0.3
    places = places_of(network)
    fault = bus_faults(network, places, arc_ohm=arc, ground_ohm=earth)
    assert set(fault.kind) == set(FaultKind)
    for m in range(0, len(fault.place), every):
        name, kind = places.name[fault.place[m]], fault.kind[m]
        at = fault.conductors[m].split("-")
        neutral = places.nodes[fault.place[m], 3]
        back = "0" if neutral < 0 else network.circuit.nodes[neutral].rpartition(".")[2]
        star, to_star = ".".join("1" * len(at)), f"new fault.f{m} phases={len(at)} bus1={name}.{'.'.join(at)}"
        parts = [f"{to_star} bus2=star{m}.{star} r={arc}"]
        if kind == FaultKind.LINE_LINE:
            parts = [f"new fault.f{m} phases=1 bus1={name}.{at[0]} bus2={name}.{at[1]} r={arc}"]
        elif kind != FaultKind.THREE_PHASE:
            parts.append(f"new fault.g{m} phases=1 bus1=star{m}.1 bus2={name}.{back} r={earth}")
        for part in (*parts, "solve"):
            dss.Text.Command = part
        engine.SetActiveElement(f"fault.f{m}")
        theirs = np.array(engine.ActiveCktElement.Currents).view(np.complex128)[: len(at)]
        row = [
            network.circuit.nodes[n].rpartition(".")[2] for n in places.nodes[fault.place[m], :3] if n >= 0
        ]
        ours = fault.current_a[m, [row.index(k) for k in at]]
        np.testing.assert_allclose(
            ours, theirs, atol=1e-6 * np.abs(ours).max(), err_msg=f"{name} {kind} {at}"
        )
        for letter in "fg"[: len(parts)]:
            dss.Text.Command = f"fault.{letter}{m}.enabled=no"


@pytest.mark.slow
def test_all_sockets_of_the_8500_node_feeder_within_a_second(shared: Path) -> None:
    feeder = Feeder.from_opendss(shared / "feeders/dss/ieee8500/Master.dss", strict=False)
    compiled = feeder.compile()
    network = Network(compiled.circuit)
    unknown = np.full(len(compiled.home_kind), np.nan)
    socket_fault_duty(network, compiled, unknown, unknown)  # compiles
    start = time.perf_counter()
    found = socket_fault_duty(network, compiled, unknown, unknown)
    assert time.perf_counter() - start < 1.0
    assert all(np.isfinite(found[f"i_{kind}_a"]).all() for kind in ("l1n", "l2n", "l1l2"))
    assert len(found["i_l1l2_a"]) == 1177


def test_ieee_13_short_circuit_as_published(shared: Path) -> None:
    """Bolted faults at their published figures; capacitors out, regulators neutral, the published source.

    The power-flow deck stiffens source and substation; the short-circuit case has 1 + j8 % and the 115 kV
    system of the IEEE cases (0.7673 + j4.7852, zero sequence 0.3474 + j8.518 ohm).
    """
    feeder = Feeder.from_opendss(shared / "feeders/dss/ieee13/IEEE13Nodeckt.dss", strict=False)
    feeder = with_taps(feeder, {f"reg{i}": 1.0 for i in (1, 2, 3)})
    unit = feeder.transformer
    sub = unit.index[unit["name"] == "sub"][0]
    unit.loc[sub, "x12_percent"] = 8.0
    unit.loc[unit["name"].str.startswith("reg"), "x12_percent"] = 1e-4
    feeder.winding.loc[feeder.winding["transformer"] == sub, "r_percent"] = 0.5
    z = sequence_matrix(0.7673 + 4.7852j, 0.3474 + 8.518j)
    emf = 115e3 / math.sqrt(3.0) * TURN * np.exp(1j * math.radians(30.0))
    feeder = replace(
        feeder, matrices=replace(feeder.matrices, source_z_ohm=(z,), source_emf_v=(emf,)), _net=None
    )
    circuit = feeder.compile().circuit
    banks = [i for i, element in enumerate(circuit.elements) if element.name.startswith("capacitor")]
    network = Network(circuit.without(banks))
    columns = {
        "LG": (FaultKind.LINE_GROUND, 1), "AB": (FaultKind.LINE_LINE, 2), "AC": (FaultKind.LINE_LINE, 2),
        "BC": (FaultKind.LINE_LINE, 2), "ABG": (FaultKind.LINE_LINE_GROUND, 2),
        "ABC": (FaultKind.THREE_PHASE, 3), "ABCG": (FaultKind.THREE_PHASE_GROUND, 3),
    }  # fmt: skip
    for case, rule in (("max", {}), ("min", {"ground_ohm": 20.0})):
        found = table(network, **rule)
        compared = 0
        with (shared / "feeders/reference/ieee13/published_short_circuit_A.csv").open() as file:
            for line in csv.DictReader(file):
                if line["case"] != case or line["bus"] == "xfxfm1":  # not a bus of the deck
                    continue
                phase = "ABC".index(line["phase"])
                for name, (kind, count) in columns.items():
                    wanted = float(line[name])
                    if not wanted or (case == "min" and name != "LG"):
                        continue
                    which = {"LG": str(phase + 1), "ABG": "1-2", "ABC": "1-2-3", "ABCG": "1-2-3"}.get(
                        name, "-".join(str("ABC".index(p) + 1) for p in name if p in "ABC")
                    )
                    current = found[line["bus"], kind, which]
                    order = [int(k) - 1 for k in which.split("-")] if count > 1 else [phase]
                    nodes = [k for k in (0, 1, 2) if current[k] > 0]
                    ours = current[nodes[order.index(phase)]]
                    loose = 3.5e-3 if line["bus"] in ("675", "692") else 1.2e-3  # their switch has a length
                    assert ours == pytest.approx(wanted, rel=loose, abs=0.05), (
                        line["bus"],
                        case,
                        name,
                        line["phase"],
                    )
                    compared += 1
        assert compared > (100 if case == "max" else 25)


def test_ieee_123_fault_report(shared: Path) -> None:
    """All conductors of a bus to ground, against OpenDSS's own printed report (whole amperes)."""
    folder = shared / "feeders/dss/short-circuit-cases"
    circuit = Feeder.from_opendss(folder / "IEEE123Master-SC.dss", strict=False).compile().circuit
    network = Network(circuit)
    row = {name: i for i, name in enumerate(circuit.nodes)}
    v, matrix = network.no_load_voltage(), ImpedanceMatrix(network)
    report = (folder / "ieee123_FaultStudy.txt").read_text().partition("ONE-Node")[0]
    buses = re.findall(r'^"(\w+)"\s+(.*)$', report, re.MULTILINE)
    assert len(buses) > 120
    for name, text in buses:
        words = text.split()
        at = np.array([row[f"{name.lower()}.{node}"] for node in words[0::3]])
        ours = np.abs(np.linalg.solve(matrix.among(at)[0], v[at]))
        np.testing.assert_allclose(ours, np.array(words[1::3], float), atol=0.6, rtol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "factor", "mva"), [("max", 1.1, 200.0), ("min", 1.0, 120.0)])
def test_small_balanced_net_against_pandapower(case: str, factor: float, mva: float) -> None:
    """3ph, 2ph and 1ph of IEC 60909 as pandapower computes them, on the same impedances and c factor."""
    pandapower = pytest.importorskip("pandapower")
    importlib.import_module("pandapower.shortcircuit")

    net = pandapower.create_empty_network(f_hz=60.0)
    buses = [pandapower.create_bus(net, 12.47) for _ in range(4)]
    pandapower.create_ext_grid(
        net, buses[0], s_sc_max_mva=200.0, s_sc_min_mva=120.0, rx_max=0.1, rx_min=0.1, x0x_max=1.0,
        r0x0_max=0.1, x0x_min=1.0, r0x0_min=0.1,
    )  # fmt: skip
    for a, b, km in zip(buses, buses[1:], (3.0, 1.0, 2.5), strict=False):
        pandapower.create_line_from_parameters(
            net, a, b, km, r_ohm_per_km=0.3, x_ohm_per_km=0.6, c_nf_per_km=0, max_i_ka=1, endtemp_degree=20.0,
            r0_ohm_per_km=0.8, x0_ohm_per_km=1.9, c0_nf_per_km=0,
        )  # fmt: skip
    medium_v = 12.47e3 / math.sqrt(3.0)
    builder = FeederBuilder("chain")
    x = factor * 12.47**2 / mva / math.hypot(1.0, 0.1)
    for name in "abcd":
        builder.add_bus(name, "1.2.3", medium_v)
    builder.add_source(
        "source", "a", "1.2.3", factor * medium_v * TURN, sequence_matrix(*[complex(0.1 * x, x)] * 2)
    )
    for a, b, km in zip("abc", "bcd", (3.0, 1.0, 2.5), strict=True):
        z = sequence_matrix((0.3 + 0.6j) * km, (0.8 + 1.9j) * km)
        builder.add_line(a + b, a, "1.2.3", b, "1.2.3", z, length_m=1e3 * km)
    builder.add_home("home-1", "d", "1.0", "single", kw=1, kvar=0, kv=7.2)
    found = table(Network(compile_feeder(builder.build()).circuit))
    for fault, kind, which in (
        ("3ph", FaultKind.THREE_PHASE, "1-2-3"), ("2ph", FaultKind.LINE_LINE, "1-2"),
        ("1ph", FaultKind.LINE_GROUND, "1"),
    ):  # fmt: skip
        pandapower.shortcircuit.calc_sc(net, fault=fault, case=case)
        theirs = 1e3 * net.res_bus_sc["ikss_ka"].to_numpy()
        ours = [found[bus, kind, which].max() for bus in "abcd"]
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=fault)
