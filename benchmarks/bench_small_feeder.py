"""A three-phase feeder with single-phase loads beside programs that can represent it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosim.electrical.circuit import Circuit, Complex, Element, Float, Injectors, LoadModel, Source
from cosim.electrical.elements import line_block
from cosim.electrical.network import Network

BUSES = 41
SPAN_KM = 0.03
Z1, Z0 = 0.206 + 0.076j, 0.824 + 0.304j  # ohm/km, an LV cable of about 150 mm2 aluminium
LINE_V = 400.0
PHASE_V = LINE_V / np.sqrt(3.0)
FREQUENCY_HZ = 50.0
SOURCE_PU = 1.02
POWER_FACTOR_TAN = 0.33
AGREEMENT_PU = 1e-6
TOLERANCE_PU = 1e-8  # as pandapower's and power-grid-model's defaults
STIFF_OHM = 1e-7


def loads(steps: int) -> Float:
    """(loads, steps) active power [W]; load k stands at bus k + 1, phase k mod 3."""
    return np.random.default_rng(41).uniform(300.0, 3000.0, (BUSES - 1, steps))


def circuit() -> Circuit:
    """Bus 0 is the source; the others follow each other along the cable."""
    turn = np.exp(-2j * np.pi / 3.0 * np.arange(3))
    mutual = (Z0 - Z1) / 3.0
    z = SPAN_KM * (Z1 * np.eye(3) + mutual)
    spans = tuple(
        Element(f"line.{k}", np.arange(3 * k, 3 * k + 6), line_block(z, np.zeros((3, 3))), (3, 3))
        for k in range(BUSES - 1)
    )
    m = BUSES - 1
    one, zero = np.ones(m), np.zeros(m)
    injectors = Injectors(
        owner=np.arange(m), node_a=3 * np.arange(1, BUSES) + np.arange(m) % 3, node_b=np.full(m, -1),
        model=np.full(m, LoadModel.POWER, dtype=np.int8),
        p_w=1500.0 * one, q_var=1500.0 * POWER_FACTOR_TAN * one,
        v_nom=PHASE_V * one, v_min_pu=0.5 * one, v_max_pu=1.5 * one, v_low_pu=0.4 * one,
        p_exponent=zero, q_exponent=zero, zip_p=np.tile([0.0, 0.0, 1.0], (m, 1)),
        zip_q=np.tile([0.0, 0.0, 1.0], (m, 1)), v_cut_pu=zero,
    )  # fmt: skip
    nodes = tuple(f"bus{bus}.{phase}" for bus in range(BUSES) for phase in (1, 2, 3))
    source = Source("vsource.source", np.arange(3), STIFF_OHM * np.eye(3) + 0j, SOURCE_PU * PHASE_V * turn)
    return Circuit(nodes, np.full(3 * BUSES, PHASE_V), spans, (source,), injectors)


def measure(
    pair: Callable[..., Any],
    smoke: bool,
    name: str,
    peer: Callable[[Float], Complex],
    peer_steps: int,
    needs: str = "",
) -> None:
    """Time both; the peer turns (loads, steps) [W] into (nodes, steps) voltages [V]."""
    steps = peer_steps if smoke else 960
    network = Network(circuit())
    p = loads(steps)

    def own() -> Complex:
        solved = network.solve(p, POWER_FACTOR_TAN * p, tolerance_pu=TOLERANCE_PU)
        assert solved.converged.all()
        return solved.v

    part = np.ascontiguousarray(p[:, :peer_steps])
    difference = float(np.abs(own()[:, :peer_steps] - peer(part)).max() / PHASE_V)
    assert difference < AGREEMENT_PU, f"differs from {name} by {difference:.1e} pu"
    pair(
        own, lambda: peer(part), unit="step", units=steps, peer_units=peer_steps, peer_name=name,
        needs=needs, difference_pu=difference,
    )  # fmt: skip


def bench_small_feeder_pandapower(pair: Callable[..., Any], smoke: bool) -> None:
    """runpp_3ph, a call for each step."""
    import pandapower
    from pandapower.pf.runpp_3ph import runpp_3ph

    net = pandapower.create_empty_network(f_hz=FREQUENCY_HZ)
    pandapower.create_buses(net, BUSES, vn_kv=LINE_V / 1e3)
    pandapower.create_ext_grid(
        net, 0, vm_pu=SOURCE_PU, s_sc_max_mva=1e9, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1
    )
    for k in range(BUSES - 1):
        pandapower.create_line_from_parameters(
            net, k, k + 1, SPAN_KM, r_ohm_per_km=Z1.real, x_ohm_per_km=Z1.imag, c_nf_per_km=0.0,
            r0_ohm_per_km=Z0.real, x0_ohm_per_km=Z0.imag, c0_nf_per_km=0.0, max_i_ka=1.0,
        )  # fmt: skip
        pandapower.create_asymmetric_load(net, k + 1)
    which = np.arange(BUSES - 1) % 3

    def solve(p: Float) -> Complex:
        out = np.empty((3 * BUSES, p.shape[1]), dtype=np.complex128)
        for step in range(p.shape[1]):
            for number, phase in enumerate("abc"):
                mw = np.where(which == number, p[:, step], 0.0) / 1e6
                net.asymmetric_load[f"p_{phase}_mw"] = mw
                net.asymmetric_load[f"q_{phase}_mvar"] = POWER_FACTOR_TAN * mw
            runpp_3ph(net)
            vm = net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()
            va = net.res_bus_3ph[["va_a_degree", "va_b_degree", "va_c_degree"]].to_numpy()
            assert net.converged
            assert np.isfinite(vm).all()
            out[:, step] = (PHASE_V * vm * np.exp(1j * np.radians(va))).ravel()
        return out

    measure(pair, smoke, "pandapower", solve, 2 if smoke else 5)


def bench_small_feeder_power_grid_model(pair: Callable[..., Any], smoke: bool) -> None:
    """One batch, iterative current, all threads; only where the package is installed."""
    pgm = pytest.importorskip(
        "power_grid_model", reason="needs power-grid-model (pip install power-grid-model)"
    )
    count = BUSES - 1
    node = pgm.initialize_array("input", "node", BUSES)
    node["id"], node["u_rated"] = np.arange(BUSES), LINE_V
    line = pgm.initialize_array("input", "line", count)
    line["id"], line["from_node"], line["to_node"] = (
        10_000 + np.arange(count),
        np.arange(count),
        np.arange(1, BUSES),
    )
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"], line["r0"], line["x0"] = (
        SPAN_KM * x for x in (Z1.real, Z1.imag, Z0.real, Z0.imag)
    )
    line["c1"] = line["tan1"] = line["c0"] = line["tan0"] = 0.0
    line["i_n"] = 1000.0
    source = pgm.initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"], source["u_ref"], source["sk"] = (
        20_000,
        0,
        1,
        SOURCE_PU,
        1e15,
    )
    load = pgm.initialize_array("input", "asym_load", count)
    load["id"], load["node"], load["status"], load["type"] = (
        30_000 + np.arange(count),
        np.arange(1, BUSES),
        1,
        0,
    )
    load["p_specified"] = load["q_specified"] = 0.0
    model = pgm.PowerGridModel(
        {"node": node, "line": line, "source": source, "asym_load": load}, system_frequency=FREQUENCY_HZ
    )

    def solve(p: Float) -> Complex:
        change = pgm.initialize_array("update", "asym_load", (p.shape[1], count))
        change["id"] = load["id"]
        change["p_specified"] = change["q_specified"] = 0.0
        change["p_specified"][:, np.arange(count), np.arange(count) % 3] = p.T
        change["q_specified"][:, np.arange(count), np.arange(count) % 3] = POWER_FACTOR_TAN * p.T
        found = model.calculate_power_flow(
            symmetric=False, error_tolerance=TOLERANCE_PU, threading=0, update_data={"asym_load": change},
            calculation_method=pgm.CalculationMethod.iterative_current, output_component_types=["node"],
        )["node"]  # fmt: skip
        v = found["u"] * np.exp(1j * found["u_angle"])
        return np.ascontiguousarray(v.reshape(p.shape[1], -1).T)

    measure(pair, smoke, "power-grid-model", solve, 12 if smoke else 960, needs="power-grid-model")
