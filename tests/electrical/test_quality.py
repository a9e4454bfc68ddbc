"""Quality figures: symmetry, invariance, definitions worked by hand, and the figures of a small circuit."""

from __future__ import annotations

import numpy as np
import pytest
from electrical_sketch import Sketch, interlaced
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.electrical.network import Network
from cosim.electrical.quality import Quality, element_losses_w, sequences, series_parts, unbalance

TURN = np.exp(-2j * np.pi / 3 * np.arange(3))
DEFINITIONS = ("iec", "nema", "ieee")
phasors = st.complex_numbers(min_magnitude=0.5, max_magnitude=1.5)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_balanced_voltages_have_no_unbalance_and_dead_ones_none_to_speak_of(definition: str) -> None:
    assert unbalance(7200.0 * np.exp(0.3j) * TURN, definition) < 1e-15
    assert np.isnan(unbalance(np.zeros(3), definition))


@given(st.tuples(*[phasors] * 3), st.floats(-3.2, 3.2), st.floats(0.1, 1e4))
@settings(deadline=None)
def test_unbalance_does_not_see_phase_order_reference_or_size(parts, angle: float, size: float) -> None:
    v = TURN * (3.0 + np.array(parts))
    for definition in DEFINITIONS:
        value = unbalance(v, definition)
        assert unbalance(np.roll(v, 1), definition) == pytest.approx(value, abs=1e-12)
        assert unbalance(size * np.exp(1j * angle) * v, definition) == pytest.approx(value, abs=1e-12)
    # what lies between the star point and ground is seen by none but the one of magnitudes to ground
    for definition in ("iec", "nema"):
        assert unbalance(v + 0.7, definition) == pytest.approx(float(unbalance(v, definition)), abs=1e-12)


def test_sequences_add_up_and_definitions_are_as_by_hand() -> None:
    v = np.array([100.0, 100.0 * TURN[1], 94.0 * TURN[2]])
    zero, positive, negative = sequences(v)
    assert zero + positive + negative == pytest.approx(v[0])
    assert abs(positive) == pytest.approx(98.0)
    assert unbalance(v) == pytest.approx(2.0 / 98.0)
    assert unbalance(v, "ieee") == pytest.approx((98.0 - 94.0) / 98.0)
    line = np.array([np.sqrt(3) * 100.0, *[np.sqrt(100**2 + 94**2 + 100 * 94)] * 2])
    assert unbalance(v, "nema") == pytest.approx((line[0] - line.mean()) / line.mean())
    with pytest.raises(ValueError, match="no such definition"):
        unbalance(v, "other")  # type: ignore[arg-type]


def _street() -> tuple[Sketch, dict[str, int], list[int]]:
    s = Sketch()
    a, b = s.bus("a", 7200.0), s.bus("b", 7200.0)
    s.source(a, 7200.0 * TURN, 0.5j * np.eye(3))
    z = (0.3 + 0.6j) * np.eye(3) + (0.1 + 0.25j) * np.ones((3, 3))
    line = s.line(a, b, z, 4e-6)
    switch = s.line(a, c := s.bus("c", 7200.0), 1e-5 * np.eye(3).astype(complex))
    x, h = s.bus("x", 120.0, 2), s.bus("h", 120.0, 2)
    unit = s.centre_tap(b[0], x, interlaced(25e3, 0.012, 0.02, core=(0.002, 0.005)))
    drop = s.line(x, h, np.array([[0.02 + 0.01j, 0.01], [0.01, 0.02 + 0.01j]]))
    for node in b[1:]:
        s.load(node, -1, 300e3 + 90e3j, 7200.0)
    for node in c:
        s.load(node, -1, 100e3, 7200.0)
    s.load(h[0], -1, 6e3 + 1e3j, 120.0)
    s.load(h[1], -1, 2e3 + 0.3e3j, 120.0)
    return s, {"line": line, "switch": switch, "unit": unit, "drop": drop}, b


def _quality(s: Sketch, at: dict[str, int], b: list[int]) -> Quality:
    core = (at["unit"], 2, 3, 0.002 * 25e3 / 120.0**2)
    lines = [at["line"], at["switch"], at["drop"]]
    return Quality(s.circuit(), lines, [0, 0, 1], [at["unit"]], [core], np.array([b]), levels=2)


def test_figures_of_a_street_are_those_of_its_blocks() -> None:
    s, at, b = _street()
    circuit = s.circuit()
    network = Network(circuit)
    scale = np.linspace(0.2, 1.5, 67)
    solved = network.solve(
        circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale, tolerance_pu=1e-12
    )
    figures = _quality(s, at, b).read(solved.v)
    v = np.vstack([solved.v, np.zeros((1, 67))])
    for k, name in enumerate(("line", "drop")):
        element = circuit.elements[at[name]]
        current = np.abs(element.y_siemens @ v[element.nodes]).max(axis=0)
        np.testing.assert_allclose(figures.line_a[:, 2 * k], current, rtol=1e-9)
    losses = element_losses_w(circuit, solved.v)
    np.testing.assert_allclose(figures.unit_loss_w[:, 0], losses[at["unit"]], rtol=1e-9)
    np.testing.assert_allclose(
        figures.line_loss_w, [losses[at["line"]] + losses[at["switch"]], losses[at["drop"]]], rtol=1e-9
    )
    drawn = network.injector_power_va(solved.v, solved.current_a).real.sum(axis=0)
    given_off = network.source_power_va(
        solved.v
    ).real  # of a stiff source, it hangs on the voltages' last bits
    np.testing.assert_allclose(losses.sum(axis=0), given_off - drawn, rtol=1e-4)
    np.testing.assert_allclose(figures.core_loss_w, 50.0 * (np.abs(v[s.names.index("x.1")]) / 120) ** 2)
    np.testing.assert_allclose(figures.unbalance[:, 0], unbalance(v[b]), rtol=1e-9)


def test_neither_threads_nor_other_steps_move_a_bit_and_opened_elements_carry_nothing() -> None:
    s, at, b = _street()
    circuit = s.circuit()
    scale = np.linspace(0.2, 1.5, 67)
    v = (
        Network(circuit)
        .solve(circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale)
        .v
    )
    quality = _quality(s, at, b)
    whole = quality.read(v)
    for other in (quality.read(v, parallel=False), quality.read(np.ascontiguousarray(v[:, 5:6]))):
        part = slice(None) if len(other.line_a) > 1 else slice(5, 6)
        np.testing.assert_array_equal(whole.line_a[part], other.line_a)
        np.testing.assert_array_equal(whole.unit_loss_w[part], other.unit_loss_w)
        np.testing.assert_array_equal(whole.core_loss_w[part], other.core_loss_w)
        np.testing.assert_array_equal(whole.unbalance[part], other.unbalance)
        np.testing.assert_array_equal(whole.line_loss_w[:, part], other.line_loss_w)
    opened = quality.read(v, frozenset([at["line"], at["unit"]]))
    assert not opened.line_a[:, 0].any()
    assert not opened.unit_loss_w.any()
    assert not opened.core_loss_w.any()
    assert opened.line_a[:, 1].all()


def test_the_loss_of_a_closed_switch_is_no_difference_of_large_numbers() -> None:
    s, at, _ = _street()
    circuit = s.circuit()
    v = Network(circuit).solve(tolerance_pu=1e-12).v
    amperes = np.abs(np.conj(100e3 / v[s.names.index("c.1"), 0]))
    assert element_losses_w(circuit, v)[at["switch"], 0] == pytest.approx(3e-5 * amperes**2, rel=0.01)
    assert series_parts(circuit.elements[at["unit"]]) is None
