"""Laws that hold on any feeder."""

from __future__ import annotations

import re

import numba
import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced, random_feeder, varied_feeder
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.devices.inverter import VAR_FIRST, VOLT_VAR_B, VOLT_WATT, InverterSettings
from cosim.electrical import law_kernels, network
from cosim.electrical.circuit import Circuit, LoadModel
from cosim.electrical.lane_kernels import LANES
from cosim.electrical.network import Network, Solution
from cosim.electrical.terminals import Terminals
from cosim.errors import FeederError

MODES = (
    None,
    InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT),
    InverterSettings(volt_var=VOLT_VAR_B, q_first_pu=VAR_FIRST),
    InverterSettings(power_factor=-0.92),
)
feeders = st.builds(
    varied_feeder,
    st.integers(0, 10**6),
    st.integers(2, 9),
    st.integers(0, 3),
    st.integers(0, 8),
    st.sampled_from(MODES),
)
some = settings(max_examples=12)


def powers(circuit: Circuit, steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.0, 1.4, (len(circuit.injectors), steps))
    return circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale


@given(feeders)
@some
def test_kirchhoff_at_every_node(circuit: Circuit) -> None:
    """What is left over at a node is 1e-9 of the currents that meet there; of 0.1 A where no more than that meets."""
    net = Network(circuit)
    s = net.solve(*powers(circuit, 5), tolerance_pu=1e-11)
    assert s.converged.all()
    left_over = net.mismatch(s.v, s.current_a)
    assert (np.abs(left_over) < 1e-9 * np.maximum(currents_meeting(circuit, s), 0.1)).all()
    floating = np.char.startswith(
        circuit.nodes, "yd"
    )  # a delta's neutral shift hangs on a millionth of its rating
    assert np.abs(net.respond(left_over) / circuit.base_v[:, None])[~floating].max() < 1e-10


def currents_meeting(circuit: Circuit, s: Solution) -> np.ndarray:
    """(n, steps) sum of the magnitudes of all element and injector currents at each node."""
    nodes, steps = s.v.shape
    grounded = np.vstack([s.v, np.zeros((1, steps))])
    met = np.zeros((nodes + 1, steps))
    for element in circuit.elements:
        np.add.at(met, element.nodes, np.abs(element.y_siemens @ grounded[element.nodes]))
    for end in (circuit.injectors.node_a, circuit.injectors.node_b):
        np.add.at(met, end, np.abs(s.current_a))
    return met[:-1]


@given(feeders)
@some
def test_power_in_is_power_out_and_losses(circuit: Circuit) -> None:
    net = Network(circuit)
    s = net.solve(*powers(circuit, 4), tolerance_pu=1e-12)
    drawn = net.injector_power_va(s.v, s.current_a)
    given_ = net.source_power_va(s.v)
    scale = np.abs(drawn).sum(axis=0) + np.abs(given_)
    assert (np.abs(given_ - drawn.sum(axis=0) - net.losses_va(s.v)) < 1e-10 * scale).all()
    assert (net.losses_va(s.v).real > 0).all()


@given(feeders)
@some
def test_terminals_account_for_all_losses(circuit: Circuit) -> None:
    net = Network(circuit)
    v = net.solve(*powers(circuit, 3)).v
    pairs = [(i, t) for i, e in enumerate(circuit.elements) for t in range(len(e.conductors))]
    watch = Terminals(circuit, pairs)
    np.testing.assert_allclose(watch.power_va(v).sum(axis=0), net.losses_va(v), rtol=1e-7, atol=1e-3)
    first = circuit.elements[0]
    grounded = np.vstack([v, np.zeros((1, 3))])[first.nodes]
    np.testing.assert_allclose(watch.current_a(v)[0, :3], (first.y_siemens @ grounded)[:3], rtol=1e-9)


@given(feeders, st.integers(0, 99))
@some
def test_the_linear_part_superposes(circuit: Circuit, seed: int) -> None:
    net = Network(circuit)
    rng = np.random.default_rng(seed)
    n = len(circuit.nodes)
    one, two = rng.normal(size=(2, n, 2)) + 1j * rng.normal(size=(2, n, 2))
    both = net.respond(one + 3j * two)
    np.testing.assert_allclose(both, net.respond(one) + 3j * net.respond(two), rtol=1e-9, atol=1e-9)


@given(feeders)
@some
def test_one_step_alone_equals_the_batch_bit_for_bit(circuit: Circuit) -> None:
    net = Network(circuit)
    p, q = powers(circuit, 40)
    batch = net.solve(p, q, parallel=False)
    for step in (0, 17, 39):
        alone = Network(circuit).solve(p[:, [step]], q[:, [step]])
        assert np.array_equal(alone.v[:, 0], batch.v[:, step])
        assert np.array_equal(alone.current_a[:, 0], batch.current_a[:, step])
        assert alone.iterations[0] == batch.iterations[step]


@given(feeders, st.integers(1, 69))
@some
def test_a_block_may_be_cut_anywhere(circuit: Circuit, cut: int) -> None:
    net = Network(circuit)
    p, q = powers(circuit, 70)
    whole = net.solve(p, q)
    parts = [net.solve(p[:, :cut], q[:, :cut]), net.solve(p[:, cut:], q[:, cut:])]
    assert np.array_equal(whole.v, np.hstack([part.v for part in parts]))


def test_serial_equals_parallel_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = random_feeder(3, 8, 2, 12)
    p, q = powers(circuit, 150)
    monkeypatch.setattr(network, "get_num_threads", lambda: 3)
    parallel, serial = (Network(circuit).solve(p, q, parallel=flag) for flag in (True, False))
    assert np.array_equal(parallel.v, serial.v)
    assert np.array_equal(parallel.current_a, serial.current_a)
    assert np.array_equal(parallel.change_pu, serial.change_pu)


def split_home(
    first: complex, second: complex, line: complex = 3e3 + 1e3j, model: int = LoadModel.POWER
) -> Circuit:
    sketch = Sketch()
    [top] = sketch.bus("p", 7200.0, 1)
    sketch.source([top], np.array([7200.0 + 0j]), np.array([[1 + 4j]]))
    lv, home = sketch.bus("x", 120.0, 2), sketch.bus("h", 120.0, 3)
    sketch.centre_tap(top, lv, interlaced(25e3, 0.012, 0.017))  # a core branch sits on one leg only
    z = np.array([[0.03, 0.01, 0.008], [0.01, 0.03, 0.008], [0.008, 0.008, 0.04]]) * (1 + 0.7j)
    sketch.line([*lv, -1], home, z)
    sketch.shunt(home[2], -1, 1 / 25.0)
    sketch.load(home[0], home[2], first, 120.0, model)
    sketch.load(home[1], home[2], second, 120.0, model)
    sketch.load(home[0], home[1], line, 240.0)
    return sketch.circuit()


demand = st.builds(complex, st.floats(-5e3, 8e3), st.floats(-2e3, 3e3))


@given(demand, demand, demand, st.sampled_from([1, 2, 4, 5]))
@some
def test_symmetric_in_legs(first: complex, second: complex, line: complex, model: int) -> None:
    """Loads of the legs exchanged, voltages exchanged."""
    one, two = (
        Network(split_home(*pair, line, model)).solve(tolerance_pu=1e-12).v[:, 0]
        for pair in ((first, second), (second, first))
    )
    mirrored = -two[[0, 2, 1, 4, 3, 5]]
    mirrored[0] = two[0]
    np.testing.assert_allclose(one, mirrored, rtol=1e-11, atol=1e-9)


def test_a_step_without_solution_is_flagged_and_disturbs_nobody() -> None:
    circuit = split_home(4e3 + 1e3j, 1e3 + 2e2j)
    net = Network(circuit)
    p, q = powers(circuit, 6)
    good = net.solve(p, q)
    p, q = p.copy(), q.copy()
    p[:, 2], p[:, 4] = np.nan, 1e12
    mixed = net.solve(p, q, max_iterations=50)
    assert not mixed.converged[2]
    assert np.isnan(mixed.change_pu[2])
    assert mixed.converged[[0, 1, 3, 5]].all()
    assert np.array_equal(mixed.v[:, [0, 1, 3, 5]], good.v[:, [0, 1, 3, 5]])
    limited = net.solve(*powers(circuit, 1), max_iterations=1)
    assert not limited.converged[0]
    assert limited.iterations[0] == 1
    assert limited.change_pu[0] > 1e-9


def test_convergence_is_claimed_only_for_solutions() -> None:
    """At powers up to and beyond collapse a step is either solved to Kirchhoff's satisfaction or flagged."""
    sketch = Sketch()
    [a] = sketch.bus("a", 240.0, 1)
    sketch.source([a], np.array([240.0 + 0j]), np.array([[0.5 + 0.5j]]))
    sketch.load(a, -1, 10e3 + 0j, 240.0, band=(1e-6, 9.0, 1e-7))
    net = Network(sketch.circuit())
    p = np.linspace(0.0, 60e3, 61)[None, :]
    s = net.solve(p, np.zeros_like(p), max_iterations=2000)
    assert s.converged.any()
    error = np.abs(net.injector_power_va(s.v, s.current_a) - p)[0]
    residue = np.abs(net.mismatch(s.v, s.current_a))[0]
    assert (residue[s.converged] < 1e-5).all()
    collapse = 240.0**2 / (2 * (np.abs(0.5 + 0.5j) + 0.5))
    assert s.converged[p[0] < 0.95 * collapse].all()
    assert (error[(p[0] < 0.95 * collapse)] < 1e-3).all()


def test_a_load_at_the_jump_of_its_law_does_not_upset_the_reference_states() -> None:
    """An exponent's law jumps at the edge of its band, here exactly where the reference state lies."""
    sketch = Sketch()
    [a] = sketch.bus("a", 240.0, 1)
    sketch.source([a], np.array([252.0 + 0j]), np.array([[1e-9 + 0j]]))
    sketch.load(a, -1, 5e3 + 1e3j, 240.0, LoadModel.EXPONENT, (0.95, 1.05, 0.5), (0.8, 2.0))
    s = Network(sketch.circuit()).solve()
    assert s.converged.all()
    assert s.iterations[0] < 5


def test_opened_conductor_leaves_a_dead_island_at_zero() -> None:
    circuit = random_feeder(5, 5, 0, 6)
    feeding = next(
        i for i, e in enumerate(circuit.elements) if e.name == "line" and circuit.nodes[e.nodes[0]] == "b0.1"
    )
    opened = circuit.without([feeding])
    net = Network(opened)
    dead = ~net.energised
    assert dead.any()
    s = net.solve()
    assert s.converged.all()
    assert (s.v[dead] == 0).all()
    on_dead = dead[opened.injectors.node_a]
    assert (s.current_a[on_dead] == 0).all()
    assert len(opened.elements) == len(circuit.elements)
    assert (np.abs(s.v[net.energised]) > 0).all()


def test_a_neutral_held_by_its_rod_alone_carries_its_load() -> None:
    """Nothing but a load joins it to the circuit: the current goes through load and rod to earth."""
    sketch = Sketch()
    [leg], [neutral], [floating] = (sketch.bus(name, 240.0, 1) for name in ("leg", "n", "f"))
    sketch.source([leg], np.array([240.0 + 0j]), np.array([[0.01 + 0.01j]]))
    sketch.load(leg, neutral, 1000.0 + 0j, 240.0, LoadModel.IMPEDANCE)
    sketch.load(leg, floating, 1000.0 + 0j, 240.0, LoadModel.IMPEDANCE)  # with nothing to return by
    sketch.shunt(neutral, -1, 1 / 25.0)
    sketch.shunt(floating, -1, 1e-6j)  # as a line's charging
    network = Network(sketch.circuit())
    assert network.energised.all()
    s = network.solve(tolerance_pu=1e-12)
    assert s.converged.all()
    assert s.current_a[0, 0] == pytest.approx(240.0 / (57.6 + 25.01 + 0.01j), rel=1e-6)
    assert s.v[neutral, 0] == pytest.approx(25.0 * s.current_a[0, 0], rel=1e-10)
    assert abs(s.current_a[1, 0]) < 1e-3  # what floats behind a load takes its voltage and no current
    assert s.v[floating, 0] == pytest.approx(s.v[leg, 0], rel=1e-3)


@given(
    st.sampled_from([LoadModel.POWER, LoadModel.CURRENT, LoadModel.ZIP]),
    st.floats(50.0, 6000.0),
    st.floats(50.0, 6000.0),
    st.sampled_from([0.0, 0.04]),
)
@some
def test_loads_in_series_divide_the_voltage_as_impedances(
    model: LoadModel, one_w: float, two_w: float, rod_siemens: float
) -> None:
    """Behind an open neutral the heavier leg has less, whatever the loads are elsewhere (Millman)."""
    sketch = Sketch()
    a, b, neutral = sketch.bus("home", 120.0, 3)
    sketch.source([a, b], np.array([120.0 + 0j, -120.0]), np.eye(2) * 1e-9j)
    sketch.load(a, neutral, one_w + 0j, 120.0, model)
    sketch.load(b, neutral, two_w + 0j, 120.0, model)
    sketch.shunt(neutral, -1, rod_siemens)
    s = Network(sketch.circuit()).solve(tolerance_pu=1e-12)
    assert s.converged.all()
    assert not s.newton.any()
    g_one, g_two = one_w / 120.0**2, two_w / 120.0**2
    expected = 120.0 * (g_one - g_two) / (g_one + g_two + rod_siemens)
    assert s.v[neutral, 0] == pytest.approx(expected, abs=0.03)  # 1 uS to ground where there is no rod


def test_wanted_nodes_only() -> None:
    circuit = random_feeder(7, 4, 1, 4)
    net = Network(circuit)
    full, part = net.solve(), net.solve(only=np.array([3, 8]))
    assert np.array_equal(full.v[[3, 8]], part.v[[3, 8]])
    assert np.count_nonzero(part.v) == 2


def test_a_feeder_without_source_or_with_a_floating_coil_is_refused() -> None:
    sketch = Sketch()
    sketch.bus("a", 120.0, 1)
    with pytest.raises(FeederError, match="no source"):
        Network(sketch.circuit())
    sketch = Sketch()
    [a] = sketch.bus("a", 7200.0, 1)
    sketch.source([a], np.array([7200.0 + 0j]), np.array([[1j]]))
    b = sketch.bus("b", 120.0, 3)
    sketch.centre_tap(a, [b[0], b[1]], interlaced(25e3, 0.01, 0.02), neutral=b[2])
    with pytest.raises(FeederError, match="floats"):
        Network(sketch.circuit())


def test_powers_of_another_shape_are_refused() -> None:
    net = Network(split_home(1e3 + 0j, 1e3 + 0j))
    with pytest.raises(ValueError, match="steps"):
        net.solve(np.zeros((2, 5)), np.zeros((2, 5)))


def test_a_block_of_no_steps_is_solved_at_once() -> None:
    circuit = random_feeder(3, 3, 1, 3)
    solved = Network(circuit).solve(*np.zeros((2, len(circuit.injectors), 0)))
    assert solved.v.shape == (len(circuit.nodes), 0)
    assert solved.converged.shape == (0,)


def test_inner_loops_are_vectorised() -> None:
    """The compiler's cost model decides this; lanes left scalar cost a factor of five."""
    powers_ = np.zeros(LANES)
    branch = np.ones((5, LANES))
    calls = {
        law_kernels.injector_current: (
            0,
            powers_,
            powers_,
            np.ones((1, 16)),
            np.zeros((1, 3)),
            np.zeros(1),
            branch,
        ),
        law_kernels.inverter_current: (0, 0, powers_, np.ones((1, 16)), np.ones((1, 21)), branch),
    }
    for function, arguments in calls.items():
        fresh = numba.njit(error_model="numpy", nogil=True)(function.py_func)
        fresh(*arguments)
        [assembly] = fresh.inspect_asm().values()
        if "%rsp" not in assembly:
            pytest.skip("not an x86 processor")
        assert re.search(r"\bv?mulpd\b", assembly), function.__name__
        assert re.search(r"\bv?sqrtpd\b", assembly), function.__name__
