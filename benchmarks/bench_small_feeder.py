"""Three-phase feeders with single-phase loads beside programs that can represent them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cosim.electrical.circuit import Circuit, Complex, Element, Float, Injectors, Int, LoadModel, Source
from cosim.electrical.elements import line_block
from cosim.electrical.network import Network

SMALL, LARGE = 41, 1001  # buses
LENGTH_KM = 1.2  # of either cable
Z1, Z0 = 0.206 + 0.076j, 0.824 + 0.304j  # ohm/km, an LV cable of about 150 mm2 aluminium
LINE_V = 400.0
FREQUENCY_HZ = 50.0
SOURCE_PU = 1.02
POWER_FACTOR_TAN = 0.33
AGREEMENT_PU = 1e-6
TOLERANCE_PU = 1e-8  # as pandapower's and power-grid-model's defaults
STIFF_OHM = 1e-7
NEEDS = "power-grid-model"
RECYCLE = {"bus_pq": True, "trafo": False, "gen": False, "Ybus": True}


@dataclass(frozen=True)
class Layout:
    """A three-phase feeder of transposed lines: what all programs are given.

    Parameters
    ----------
    buses
        Number of buses; bus 0 is the source.
    start, end, z1_ohm, z0_ohm
        Of each line.
    bus, phase, most_w
        Of each load; it draws between a tenth of `most_w` and all of it.
    """

    buses: int
    start: Int
    end: Int
    z1_ohm: Complex
    z0_ohm: Complex
    bus: Int
    phase: Int
    most_w: float

    @classmethod
    def cable(cls, buses: int) -> Layout:
        """Buses one after another along a cable, a load at each, on one phase after another."""
        spans = buses - 1
        k, one = np.arange(spans), np.full(spans, LENGTH_KM / spans)
        return cls(buses, k, k + 1, one * Z1, one * Z0, k + 1, k % 3, 120e3 / spans)

    def loads(self, steps: int) -> Float:
        """(loads, steps) active power [W]."""
        return np.random.default_rng(41).uniform(0.1, 1.0, (len(self.bus), steps)) * self.most_w

    def circuit(self) -> Circuit:
        """For cosim."""
        phase_v = LINE_V / np.sqrt(3.0)
        turn = np.exp(-2j * np.pi / 3.0 * np.arange(3))
        lines = tuple(
            Element(
                f"line.{k}",
                np.concatenate([3 * a + np.arange(3), 3 * b + np.arange(3)]),
                line_block(z1 * np.eye(3) + (z0 - z1) / 3.0, np.zeros((3, 3))),
                (3, 3),
            )
            for k, (a, b, z1, z0) in enumerate(
                zip(self.start, self.end, self.z1_ohm, self.z0_ohm, strict=True)
            )
        )
        m = len(self.bus)
        one, zero = np.ones(m), np.zeros(m)
        injectors = Injectors(
            owner=np.arange(m), node_a=3 * self.bus + self.phase, node_b=np.full(m, -1),
            model=np.full(m, LoadModel.POWER, dtype=np.int8),
            p_w=0.55 * self.most_w * one, q_var=0.55 * self.most_w * POWER_FACTOR_TAN * one,
            v_nom=phase_v * one, v_min_pu=0.5 * one, v_max_pu=1.5 * one, v_low_pu=0.4 * one,
            p_exponent=zero, q_exponent=zero, zip_p=np.tile([0.0, 0.0, 1.0], (m, 1)),
            zip_q=np.tile([0.0, 0.0, 1.0], (m, 1)), v_cut_pu=zero,
        )  # fmt: skip
        nodes = tuple(f"bus{bus}.{phase}" for bus in range(self.buses) for phase in (1, 2, 3))
        source = Source(
            "vsource.source", np.arange(3), STIFF_OHM * np.eye(3) + 0j, SOURCE_PU * phase_v * turn
        )
        return Circuit(nodes, np.full(3 * self.buses, phase_v), lines, (source,), injectors)


def measure(
    pair: Callable[..., Any],
    layout: Layout,
    name: str,
    peer: Callable[[Float], Complex],
    steps: int,
    peer_steps: int,
    parallel: bool = True,
    **options: Any,
) -> None:
    """Time both; the peer turns (loads, steps) [W] into (nodes, steps) voltages [V]."""
    network = Network(layout.circuit())
    p = layout.loads(steps)
    q = POWER_FACTOR_TAN * p

    def own() -> Complex:
        solved = network.solve(p, q, tolerance_pu=TOLERANCE_PU, parallel=parallel)
        assert solved.converged.all()
        return solved.v

    part = np.ascontiguousarray(p[:, :peer_steps])
    difference = float(np.abs(own()[:, :peer_steps] - peer(part)).max() / LINE_V * np.sqrt(3.0))
    assert difference < AGREEMENT_PU, f"differs from {name} by {difference:.1e} pu"
    pair(
        own, lambda: peer(part), unit="step", units=steps, peer_units=peer_steps, peer_name=name,
        difference_pu=difference, **options,
    )  # fmt: skip


def _pandapower(layout: Layout) -> Callable[[Float], Complex]:
    """runpp_3ph, a call for each step, started from the step before, matrices kept: its fastest mode."""
    import pandapower
    from pandapower.pf.runpp_3ph import runpp_3ph

    net = pandapower.create_empty_network(f_hz=FREQUENCY_HZ)
    pandapower.create_buses(net, layout.buses, vn_kv=LINE_V / 1e3)
    pandapower.create_ext_grid(
        net, 0, vm_pu=SOURCE_PU, s_sc_max_mva=1e9, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1
    )
    for a, b, z1, z0 in zip(layout.start, layout.end, layout.z1_ohm, layout.z0_ohm, strict=True):
        pandapower.create_line_from_parameters(
            net, a, b, 1.0, r_ohm_per_km=z1.real, x_ohm_per_km=z1.imag, c_nf_per_km=0.0,
            r0_ohm_per_km=z0.real, x0_ohm_per_km=z0.imag, c0_nf_per_km=0.0, max_i_ka=1.0,
        )  # fmt: skip
    for bus in layout.bus:
        pandapower.create_asymmetric_load(net, bus)
    runpp_3ph(net)

    def solve(p: Float) -> Complex:
        out = np.empty((3 * layout.buses, p.shape[1]), dtype=np.complex128)
        for step in range(p.shape[1]):
            for number, phase in enumerate("abc"):
                mw = np.where(layout.phase == number, p[:, step], 0.0) / 1e6
                net.asymmetric_load[f"p_{phase}_mw"] = mw
                net.asymmetric_load[f"q_{phase}_mvar"] = POWER_FACTOR_TAN * mw
            runpp_3ph(net, init="results", recycle=RECYCLE)
            vm = net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()
            va = net.res_bus_3ph[["va_a_degree", "va_b_degree", "va_c_degree"]].to_numpy()
            assert net.converged
            assert np.isfinite(vm).all()
            out[:, step] = (LINE_V / np.sqrt(3.0) * vm * np.exp(1j * np.radians(va))).ravel()
        return out

    return solve


def bench_small_feeder_pandapower(pair: Callable[..., Any], smoke: bool) -> None:
    """A short cable."""
    layout = Layout.cable(SMALL)
    measure(pair, layout, "pandapower", _pandapower(layout), 2 if smoke else 960, 2 if smoke else 5)


def bench_european_lv_pandapower(pair: Callable[..., Any], smoke: bool) -> None:
    """The IEEE European LV feeder as pandapower ships it, from the transformer's low-voltage side; one thread."""
    from pandapower.networks import ieee_european_lv_asymmetric

    net = ieee_european_lv_asymmetric("on_peak_566")
    line, load = net.line, net.asymmetric_load
    where = {bus: number for number, bus in enumerate([1, *net.bus.index.difference([0, 1])])}
    phases = load[["p_a_mw", "p_b_mw", "p_c_mw"]].to_numpy()
    layout = Layout(
        len(where), line.from_bus.map(where).to_numpy(), line.to_bus.map(where).to_numpy(),
        (line.length_km * (line.r_ohm_per_km + 1j * line.x_ohm_per_km)).to_numpy(np.complex128),
        (line.length_km * (line.r0_ohm_per_km + 1j * line.x0_ohm_per_km)).to_numpy(np.complex128),
        load.bus.map(where).to_numpy(), phases.argmax(axis=1), 5e3,
    )  # fmt: skip
    steps, peer_steps = (2, 1) if smoke else (960, 5)
    measure(pair, layout, "pandapower", _pandapower(layout), steps, peer_steps, parallel=False, rounds=5)


def _power_grid_model(layout: Layout, threads: int) -> Callable[[Float], Complex]:
    """One batch, iterative current, which is its fastest; threads 0: all, -1: one."""
    pgm = pytest.importorskip(
        "power_grid_model", reason="needs power-grid-model (pip install power-grid-model)"
    )
    count, lines = len(layout.bus), len(layout.start)
    node = pgm.initialize_array("input", "node", layout.buses)
    node["id"], node["u_rated"] = np.arange(layout.buses), LINE_V
    line = pgm.initialize_array("input", "line", lines)
    line["id"], line["from_node"], line["to_node"] = 10_000 + np.arange(lines), layout.start, layout.end
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"] = layout.z1_ohm.real, layout.z1_ohm.imag
    line["r0"], line["x0"] = layout.z0_ohm.real, layout.z0_ohm.imag
    line["c1"] = line["tan1"] = line["c0"] = line["tan0"] = 0.0
    line["i_n"] = 1000.0
    source = pgm.initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"] = 20_000, 0, 1
    source["u_ref"], source["sk"] = SOURCE_PU, 1e15
    load = pgm.initialize_array("input", "asym_load", count)
    load["id"], load["node"], load["status"], load["type"] = 30_000 + np.arange(count), layout.bus, 1, 0
    load["p_specified"] = load["q_specified"] = 0.0
    model = pgm.PowerGridModel(
        {"node": node, "line": line, "source": source, "asym_load": load}, system_frequency=FREQUENCY_HZ
    )

    def solve(p: Float) -> Complex:
        change = pgm.initialize_array("update", "asym_load", (p.shape[1], count))
        change["id"] = load["id"]
        change["p_specified"] = change["q_specified"] = 0.0
        change["p_specified"][:, np.arange(count), layout.phase] = p.T
        change["q_specified"][:, np.arange(count), layout.phase] = POWER_FACTOR_TAN * p.T
        found = model.calculate_power_flow(
            symmetric=False, error_tolerance=TOLERANCE_PU, threading=threads, update_data={"asym_load": change},
            calculation_method=pgm.CalculationMethod.iterative_current, output_component_types=["node"],
        )["node"]  # fmt: skip
        v = found["u"] * np.exp(1j * found["u_angle"])
        return np.ascontiguousarray(v.reshape(p.shape[1], -1).T)

    return solve


def bench_small_feeder_power_grid_model(pair: Callable[..., Any], smoke: bool) -> None:
    """A short cable, all threads; only where the package is installed."""
    layout = Layout.cable(SMALL)
    steps = 12 if smoke else 960
    measure(pair, layout, "power-grid-model", _power_grid_model(layout, 0), steps, steps, needs=NEEDS)


def bench_thousand_buses_power_grid_model(pair: Callable[..., Any], smoke: bool) -> None:
    """1,001 buses, 1,000 steps, a thread each; only where the package is installed."""
    layout = Layout.cable(LARGE)
    steps = 4 if smoke else 1000
    measure(
        pair, layout, "power-grid-model", _power_grid_model(layout, -1), steps, steps, parallel=False,
        rounds=3, needs=NEEDS,
    )  # fmt: skip
