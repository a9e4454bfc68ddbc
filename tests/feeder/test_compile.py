"""Compiled feeders: laws first (Kirchhoff, power balance, superposed states), then the map of homes."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.electrical.circuit import GROUND, LoadModel
from cosim.electrical.network import Network
from cosim.errors import ConvergenceError, FeederError
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.compile import SINGLE, SPLIT, THREE, CompiledFeeder
from cosim.feeder.feeder import Feeder

TURN = np.exp(-2j * np.pi / 3 * np.arange(3))


def mixed() -> Feeder:
    """One of each: split, single and three-phase customers, a regulator, a capacitor, a generator."""
    build = FeederBuilder("mixed")
    for bus in ("head", "mid", "end"):
        build.add_bus(bus, "1.2.3", 7200.0)
    build.add_bus("tank", "1.2", 120.0)
    build.add_bus("house", "1.2", 120.0)
    build.add_bus("shop", "1.2.3", 277.0)
    build.add_source("grid", "head", "1.2.3", 7300.0 * TURN, np.eye(3) * (0.1 + 0.5j))
    z = np.full((3, 3), 0.1 + 0.4j) + np.eye(3) * (0.3 + 0.6j)
    y = 1j * (np.full((3, 3), -1e-7) + np.eye(3) * 2e-6)
    build.add_line("one", "head", "1.2.3", "mid", "1.2.3", z, y, length_m=1000.0)
    two = build.add_line("two", "mid", "1.2.3", "end", "1.2.3", z, y, length_m=1000.0, cable=True)
    build.add_switch(two, "end")
    build.add_transformer(
        "tank",
        "service",
        [
            Winding("end", "2.0", 7.2, 0.6),
            Winding("tank", "1.0", 0.12, 1.2),
            Winding("tank", "0.2", 0.12, 1.2),
        ],
        rated_kva=50.0,
        x_percent=(2.0, 2.0, 1.4),
        noload_percent=0.2,
        imag_percent=0.4,
    )
    build.add_transformer(
        "shop",
        "service",
        [
            Winding("mid", "1.2.3", 12.47, 0.6, connection="delta"),
            Winding("shop", "1.2.3", 0.277, 0.6),
        ],
        rated_kva=300.0,
        x_percent=(5.0,),
        phases=3,
    )
    drop = np.full((2, 2), 0.01 + 0.02j) + np.eye(2) * (0.02 + 0.01j)
    build.add_line("drop", "tank", "1.2", "house", "1.2", drop, length_m=30.0, level="drop")
    build.add_capacitor("bank", "mid", "1.2.3", kvar=300.0, kv=12.47, steps=3, steps_on=2)
    build.add_home("house", "house", "1.2", "split", kw=6.0, kvar=1.0, kv=0.12)
    build.add_home("pump", "mid", "1.3", "single", kw=40.0, kvar=10.0, kv=12.47, model=2)
    build.add_home("shop", "shop", "1.2.3", "three", kw=150.0, kvar=60.0, kv=0.277)
    build.add_home(
        "mill", "end", "1.2.3", "three", kw=300.0, kvar=90.0, kv=12.47, connection="delta", model=5
    )
    build.add_generator("sun", "end", "1.2.3", kw=200.0, kvar=-20.0, kv=7.2)
    return build.build()


@pytest.fixture(scope="module")
def feeder() -> Feeder:
    return mixed()


@pytest.fixture(scope="module")
def compiled(feeder: Feeder) -> CompiledFeeder:
    return feeder.compile()


def test_kirchhoff_and_the_power_balance_hold(compiled: CompiledFeeder) -> None:
    network = Network(compiled.circuit)
    solution = network.solve(tolerance_pu=1e-11)
    assert solution.converged.all()
    assert np.abs(network.mismatch(solution.v, solution.current_a)).max() < 1e-5  # A, of 100
    drawn = network.injector_power_va(solution.v, solution.current_a).sum()
    lost = network.losses_va(solution.v)[0]
    assert abs(network.source_power_va(solution.v)[0] - drawn - lost) < 1e-2  # VA, of 3e5


def test_power_into_the_head_is_what_the_source_delivers(feeder: Feeder, compiled: CompiledFeeder) -> None:
    flow = feeder.power_flow()
    circuit = compiled.circuit
    volts = np.append(flow["voltage_v"].to_numpy()[0], 0.0)
    into = 0.0
    for element, terminal in compiled.head:
        part = circuit.elements[element]
        current = (part.y_siemens @ volts[part.nodes])[part.terminal(terminal)]
        into += (volts[part.nodes[part.terminal(terminal)]] * np.conj(current)).sum()
    assert abs(into - flow["source_power_va"].to_numpy()[0]) < 1e-2
    assert into.real > 0.0


def test_homes_draw_their_nominal_power(feeder: Feeder) -> None:
    drawn = feeder.power_flow()["home_power_va"].to_numpy()[0]
    assert drawn[0] == pytest.approx(6000 + 1000j, rel=1e-7)
    assert drawn[2] == pytest.approx(150e3 + 60e3j, rel=1e-7)


def test_the_map_of_homes(compiled: CompiledFeeder) -> None:
    names = np.array([*compiled.circuit.nodes, "ground"])
    assert compiled.home_kind.tolist() == [SPLIT, SINGLE, THREE, THREE]
    assert names[compiled.home_nodes].tolist() == [
        ["house.1", "house.2", "ground"],
        ["mid.1", "mid.3", "ground"],
        ["shop.1", "shop.2", "shop.3"],
        ["end.1", "end.2", "end.3"],
    ]
    injectors = compiled.circuit.injectors
    assert injectors.owner.tolist() == [0] * 5 + [1] * 3 + [2] * 3 + [3] * 3 + [-1] * 3
    assert compiled.branch_row.tolist() == [3, 6, -1, -1]
    assert compiled.panel_row.tolist() == [4, 7, -1, -1]
    assert (injectors.p_w[[3, 4, 6, 7]] == 0.0).all()
    assert (injectors.model[[3, 4, 6, 7]] == LoadModel.POWER).all()
    assert injectors.v_nom[:4].tolist() == [120.0, 120.0, 240.0, 240.0]
    assert injectors.node_b[:2].tolist() == [GROUND, GROUND]
    assert compiled.nominal_w.tolist() == [6e3, 40e3, 150e3, 300e3]


def test_shares_spread_a_panel_without_losing_any(compiled: CompiledFeeder) -> None:
    panel = np.array([1.0, 10.0, 100.0])
    power = compiled.share @ panel
    for home, kind in enumerate(compiled.home_kind):
        rows = np.flatnonzero(compiled.circuit.injectors.owner == home)
        assert power[rows].sum() == pytest.approx(111.0), kind
    assert power[:4].tolist() == [1.0, 10.0, 100.0, 0.0]
    assert power[compiled.circuit.injectors.owner == -1].tolist() == [0.0] * 3


def test_service_transformers_are_named_by_place(feeder: Feeder, compiled: CompiledFeeder) -> None:
    names = feeder.transformer["name"].to_numpy()[compiled.service_transformers]
    assert names.tolist() == ["tank", "shop"]
    assert compiled.home_transformer.tolist() == [0, -1, 1, -1]


def test_a_home_out_of_service_draws_nothing() -> None:
    feeder = mixed()
    feeder.home.loc[0, "in_service"] = False
    compiled = feeder.compile()
    assert compiled.nominal_w[0] == 0.0
    assert not compiled.share[:4].any()


def test_an_open_end_leaves_the_charging_of_its_line() -> None:
    feeder = mixed()
    feeder.frames["home"]["in_service"] = False
    feeder.frames["generator"]["in_service"] = False
    feeder.frames["shunt"]["in_service"] = False
    feeder.frames["switch"]["closed"] = False
    flow = feeder.power_flow()
    volts = dict(zip(flow["node"].to_numpy(), flow["voltage_v"].to_numpy()[0], strict=True))
    assert volts["end.1"] == 0.0
    assert volts["house.1"] == 0.0
    row = (flow["element"] == "line.two") & (flow["terminal"] == 1)
    charging = np.abs(flow["current_a"].to_numpy()[0][row.to_numpy()])
    # both ends' shunts, 2e-6 S each for balanced voltages, behind a negligible series impedance
    np.testing.assert_allclose(charging, 2 * 2e-6 * 7300.0, rtol=1e-3)


def test_capacitor_steps_act_in_proportion() -> None:
    charge = []
    for steps in (0, 1, 3):
        feeder = mixed()
        feeder.frames["shunt"]["step"] = steps
        feeder.frames["home"]["in_service"] = False
        feeder.frames["generator"]["in_service"] = False
        charge.append(feeder.power_flow()["source_power_va"].to_numpy()[0].imag)
    first, all_three = charge[0] - charge[1], charge[0] - charge[2]
    assert first == pytest.approx(100e3 * (7300 / 7200) ** 2, rel=0.01)
    assert all_three == pytest.approx(3 * first, rel=0.02)


def test_steps_and_homes_scale_as_asked(feeder: Feeder) -> None:
    flow = feeder.power_flow(load_scale=[0.0, 0.5, 1.0])
    assert flow.sizes["step"] == 3
    house = flow["home_power_va"].to_numpy()[:, 0].real
    np.testing.assert_allclose(house, [0.0, 3000.0, 6000.0], rtol=1e-7, atol=1e-6)
    one = feeder.power_flow(load_scale=0.5)
    np.testing.assert_array_equal(one["voltage_v"].to_numpy()[0], flow["voltage_v"].to_numpy()[1])
    scale = np.ones((4, 1))
    scale[0] = 2.0
    by_home = feeder.power_flow(load_scale=scale)
    assert by_home["home_power_va"].to_numpy()[0, 0].real == pytest.approx(12e3, rel=1e-7)
    with pytest.raises(FeederError, match="load_scale"):
        feeder.power_flow(load_scale=np.ones((3, 1)))


def test_taps_move_the_secondary(feeder: Feeder) -> None:
    before = feeder.power_flow(load_scale=0.0)
    after = feeder.power_flow(load_scale=0.0, taps={"shop": 1.05})
    at = list(before["node"].to_numpy()).index("shop.1")
    ratio = abs(after["voltage_v"].to_numpy()[0, at]) / abs(before["voltage_v"].to_numpy()[0, at])
    assert ratio == pytest.approx(1.05, rel=1e-6)
    assert feeder.winding["tap_pu"].eq(1.0).all()
    with pytest.raises(FeederError, match="no such transformer"):
        feeder.power_flow(taps={"nope": 1.0})


def test_a_flow_that_does_not_settle_is_raised_or_flagged(feeder: Feeder) -> None:
    with pytest.raises(ConvergenceError, match="mixed"):
        feeder.power_flow(load_scale=50.0, max_iterations=2)
    flagged = feeder.power_flow(load_scale=50.0, max_iterations=2, strict=False)
    assert not flagged["converged"].to_numpy().any()


def test_compiling_twice_gives_the_same_bits(feeder: Feeder, compiled: CompiledFeeder) -> None:
    again = feeder.compile()
    for ours, theirs in zip(again.circuit.elements, compiled.circuit.elements, strict=True):
        assert ours.name == theirs.name
        assert ours.y_siemens.tobytes() == theirs.y_siemens.tobytes()
    assert again.circuit.injectors.p_w.tobytes() == compiled.circuit.injectors.p_w.tobytes()


def symmetric() -> Feeder:
    """A transposed three-phase feeder with an earthed-wye load, which pandapower can hold."""
    build = FeederBuilder("symmetric")
    for bus in ("head", "mid", "end"):
        build.add_bus(bus, "1.2.3", 11e3 / 3**0.5)
    build.add_source("grid", "head", "1.2.3", 11e3 / 3**0.5 * TURN, np.eye(3) * (0.01 + 0.1j))
    z = np.full((3, 3), 0.1 + 0.2j) + np.eye(3) * (0.3 + 0.4j)
    y = 1j * (np.full((3, 3), -5e-7) + np.eye(3) * 4e-6)
    build.add_line("one", "head", "1.2.3", "mid", "1.2.3", z, y, length_m=1000.0)
    build.add_line("two", "mid", "1.2.3", "end", "1.2.3", z, y, length_m=1000.0)
    for bus, kw in (("mid", 400.0), ("end", 700.0)):
        build.add_home(bus, bus, "1.2.3", "three", kw=kw, kvar=0.3 * kw, kv=11.0 / 3**0.5)
    return build.build()


def test_the_reference_solver_agrees_where_pandapower_can_represent_the_feeder() -> None:
    feeder = symmetric()
    ours = feeder.power_flow(load_scale=1.2, tolerance_pu=1e-11)
    theirs = feeder.power_flow(load_scale=1.2, solver="pandapower")
    place = [list(ours["node"].to_numpy()).index(node) for node in theirs["node"].to_numpy()]
    error = np.abs(ours["voltage_pu"].to_numpy()[0, place] - theirs["voltage_pu"].to_numpy()[0])
    assert len(place) == 9
    assert error.max() < 1e-6
    with pytest.raises(FeederError, match="one factor"):
        feeder.power_flow(load_scale=[1.0, 2.0], solver="pandapower")
