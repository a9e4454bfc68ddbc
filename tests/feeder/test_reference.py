"""cosim's own solver against pandapower's, on feeders that pandapower can represent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cosim.electrical.fault import fault_duty
from cosim.electrical.network import Network
from cosim.errors import ConvergenceError, FeederError
from cosim.feeder.attach_base import sequence_matrix
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.compile import compile_feeder
from cosim.feeder.feeder import Feeder
from cosim.feeder.generate import generate
from cosim.feeder.reference import TURN, sequences, solve_with_pandapower

BAND = {"v_min_pu": 0.8, "v_max_pu": 1.2}
HIGH_V, MEDIUM_V = 115e3 / math.sqrt(3.0), 12.47e3 / math.sqrt(3.0)


def substation_feeder(
    loading: tuple[float, float, float],
    *,
    group: str = "Dyn",
    leading: bool = False,
    core: bool = False,
    delta: bool = False,
    tap: float = 1.0,
) -> Feeder:
    """A source, a 115 kV line, a 10 MVA unit, four kilometres of transposed line, loads on every phase.

    source -- hv == hv2 -(unit)- mv -- b0 -- b1 -- b2 -- b3 (capacitor); one 115 kV load on a single phase.
    """
    builder = FeederBuilder("substation feeder")
    builder.add_bus("hv", "1.2.3", HIGH_V)
    builder.add_bus("hv2", "1.2.3", HIGH_V)
    builder.add_bus("mv", "1.2.3", MEDIUM_V)
    builder.add_source("source", "hv", "1.2.3", 1.02 * HIGH_V * TURN, sequence_matrix(0.5 + 5j, 1 + 9j))
    series, shunt = sequence_matrix(1 + 4j, 3 + 11j), sequence_matrix(1e-6j, 0.5e-6j)
    builder.add_line("l", "hv", "1.2.3", "hv2", "1.2.3", series, shunt, length_m=5000)
    high = Winding("hv2", "1.2.3", 115.0, 0.25, "delta")
    if group == "YNyn":
        high = Winding("hv2", "1.2.3.0", HIGH_V / 1e3, 0.25)
    builder.add_transformer(
        "unit",
        "substation",
        [high, Winding("mv", "1.2.3.0", MEDIUM_V / 1e3, 0.25, tap_pu=tap)],
        phases=3,
        rated_kva=1e4,
        x_percent=[8.0],
        leading=leading,
        noload_percent=0.1 if core else 0.0,
        imag_percent=0.5 if core else 0.0,
    )
    series, shunt = sequence_matrix(0.3 + 0.6j, 0.8 + 1.9j), sequence_matrix(2e-6j, 1e-6j)
    at = "mv"
    for k in range(4):
        bus = f"b{k}"
        builder.add_bus(bus, "1.2.3", MEDIUM_V)
        builder.add_line(f"line-{k}", at, "1.2.3", bus, "1.2.3", series, shunt, length_m=1000)
        at = bus
        for phase, part in enumerate(loading, start=1):
            nodes, kv = (f"{phase}.{phase % 3 + 1}", 12.47) if delta and k == 2 else (f"{phase}.0", 7.2)
            power = {"kw": 300 * part, "kvar": 100 * part}
            builder.add_home(f"home-{3 * k + phase}", bus, nodes, "single", kv=kv, **power, **BAND)
    if len(set(loading)) > 1:
        builder.add_home("big", "hv2", "1.0", "single", kw=3000, kvar=100, kv=HIGH_V / 1e3, **BAND)
    builder.add_capacitor("capacitor", "b3", "1.2.3.0", kvar=600, kv=12.47)
    return builder.build()


def worst_difference_pu(feeder: Feeder) -> float:
    reference = solve_with_pandapower(feeder).node_voltages()
    solved = feeder.power_flow(tolerance_pu=1e-12)
    base = dict(zip(feeder.bus["name"], feeder.bus["base_v"], strict=True))
    return max(
        abs(complex(v) - reference[node]) / base[node.rsplit(".", 1)[0]]
        for node, v in zip(solved["node"].values, solved["voltage_v"].values[0], strict=True)
    )


@pytest.mark.parametrize(
    ("loading", "options"),
    [
        ((1.0, 1.0, 1.0), {}),
        ((1.0, 0.4, 0.7), {}),
        ((1.0, 0.4, 0.7), {"leading": True}),
        ((1.0, 0.4, 0.7), {"group": "YNyn"}),
        ((1.0, 0.4, 0.7), {"core": True, "tap": 1.025}),
        ((1.0, 0.4, 0.7), {"delta": True}),
    ],
)
def test_own_solver_agrees_with_runpp_3ph(loading: Any, options: dict[str, Any]) -> None:
    assert worst_difference_pu(substation_feeder(loading, **options)) < 1e-7


def test_line_open_at_one_end_stays_charged() -> None:
    feeder = substation_feeder((1.0, 1.0, 1.0))
    builder = FeederBuilder("open end")
    for name in ("hv", "far"):
        builder.add_bus(name, "1.2.3", HIGH_V)
    builder.add_source("source", "hv", "1.2.3", HIGH_V * TURN, sequence_matrix(0.5 + 5j, 1 + 9j))
    z, y = sequence_matrix(3 + 12j, 9 + 33j), sequence_matrix(3e-5j, 2e-5j)
    builder.add_line("one", "hv", "1.2.3", "far", "1.2.3", z, y, length_m=9000)
    two = builder.add_line("two", "hv", "1.2.3", "far", "1.2.3", z, y, length_m=9000)
    builder.add_switch(two, "far", closed=False)
    builder.add_home("home-1", "far", "1.0", "single", kw=900, kvar=10, kv=HIGH_V / 1e3, **BAND)
    assert worst_difference_pu(builder.build()) < 1e-7
    assert feeder.check() == []


def test_three_phase_faults_agree_with_iec_60909() -> None:
    """Ikss of pandapower's calc_sc over its voltage factor c = 1.1, unloaded, for a unit without K_T."""
    import pandapower
    import pandapower.shortcircuit

    net = pandapower.create_empty_network(f_hz=60.0)
    a, b = (pandapower.create_bus(net, 12.47) for _ in range(2))
    pandapower.create_ext_grid(net, a, s_sc_max_mva=200.0, rx_max=0.1)
    pandapower.create_line_from_parameters(
        net, a, b, 3.0, r_ohm_per_km=0.3, x_ohm_per_km=0.6, c_nf_per_km=0, max_i_ka=1, endtemp_degree=20.0
    )
    pandapower.shortcircuit.calc_sc(net, fault="3ph", case="max")
    ikss_a = 1e3 * net.res_bus_sc["ikss_ka"].to_numpy()

    builder = FeederBuilder("two buses")
    builder.add_bus("a", "1.2.3", MEDIUM_V)
    builder.add_bus("b", "1.2.3", MEDIUM_V)
    x = 1.1 * 12.47**2 / 200.0 / math.hypot(1.0, 0.1)  # pandapower's grid: c_max V^2 / S
    z = sequence_matrix(complex(0.1 * x, x), complex(0.1 * x, x))
    builder.add_source("source", "a", "1.2.3", 1.1 * MEDIUM_V * TURN, z)
    builder.add_line("l", "a", "1.2.3", "b", "1.2.3", sequence_matrix(0.9 + 1.8j, 3 + 6j), length_m=3000)
    builder.add_home("home-1", "b", "1.0", "single", kw=1, kvar=0, kv=7.2)
    network = Network(compile_feeder(builder.build()).circuit)
    # With equal positive and negative sequence a phase-to-phase fault draws sqrt(3) / 2 of a three-phase one.
    pair = fault_duty(network, np.array([0, 3]), np.array([1, 4])).symmetrical_a
    np.testing.assert_allclose(2.0 / math.sqrt(3.0) * pair, ikss_a, rtol=1e-6)


def test_a_split_phase_feeder_is_refused_by_name() -> None:
    with pytest.raises(FeederError) as caught:
        solve_with_pandapower(generate(12))
    keys = [problem.key for problem in caught.value.problems]
    assert "bus.transformer-1" in keys
    assert "line.trunk-1" in keys  # untransposed
    assert "transformer.transformer-1" in keys
    assert "home.home-1" in keys
    assert "other.rod-1" in keys


def test_a_load_outside_its_band_is_refused() -> None:
    feeder = substation_feeder((1.0, 1.0, 1.0))
    feeder.home["v_max_pu"] = 0.9
    with pytest.raises(FeederError, match="band"):
        solve_with_pandapower(feeder)


def test_nan_that_calls_itself_converged_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandapower.pf.runpp_3ph as module

    genuine = module.runpp_3ph

    def spoiled(net: Any, **options: Any) -> None:
        genuine(net, **options)
        net.res_bus_3ph.loc[:, "vm_a_pu"] = math.nan
        assert net.converged

    monkeypatch.setattr(module, "runpp_3ph", spoiled)
    with pytest.raises(ConvergenceError):
        solve_with_pandapower(substation_feeder((1.0, 1.0, 1.0)))


def test_overload_is_a_convergence_error() -> None:
    with pytest.raises(ConvergenceError):
        solve_with_pandapower(substation_feeder((60.0, 60.0, 60.0)))


def test_sequences_are_those_of_the_matrix() -> None:
    assert sequences(sequence_matrix(1 + 2j, 3 + 7j)) == pytest.approx((1 + 2j, 3 + 7j))
    assert sequences(np.diag([1.0, 1.0, 1.1]).astype(complex)) is None
    assert sequences(np.eye(2, dtype=complex)) is None
