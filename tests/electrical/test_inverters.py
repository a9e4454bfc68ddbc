"""Inverters that follow their own voltage: against EPRI's OpenDER, and inside the power flow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from electrical_sketch import Sketch, random_feeder
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.devices.inverter import (
    STANDARD_FIRST,
    VAR_FIRST,
    VOLT_VAR_A,
    VOLT_VAR_B,
    VOLT_WATT,
    WATT_FIRST,
    InverterSettings,
    VoltVar,
)
from cosim.electrical.circuit import Circuit, Float, Inverters
from cosim.electrical.network import Network
from cosim.electrical.voltage_laws import VoltageLaws

RATING = 8000.0
VOLTAGES = np.round(np.arange(0.89, 1.13, 0.01), 3)


def settled(settings_: InverterSettings, u: Float, available_w: float) -> tuple[Float, Float]:
    """Power and reactive power produced at given voltages."""
    sketch = Sketch()
    [a] = sketch.bus("a", 240.0, 1)
    for _ in u:
        sketch.load(a, -1, complex(-available_w, 0.0), 240.0)
    circuit = sketch.circuit()
    inverters = settings_.inverters(np.arange(len(u)), np.full(len(u), RATING))
    v = (u * 240.0 * np.exp(0.4j))[:, None]
    p = np.full((len(u), 1), -available_w)
    power = v * np.conj(VoltageLaws.of(circuit.injectors, inverters).current(p, 0.0 * p, v))
    return -power[:, 0].real, -power[:, 0].imag


def opender(settings_: InverterSettings, category: str, u: float, available_w: float) -> tuple[float, float]:
    """What OpenDER settles at."""
    module = pytest.importorskip("opender", reason="needs opender")
    file = module.DERCommonFileFormat(
        NP_NORMAL_OP_CAT=category, NP_P_MAX=RATING, NP_VA_MAX=RATING, NP_Q_MAX_INJ=0.44 * RATING,
        NP_Q_MAX_ABS=0.44 * RATING, NP_AC_V_NOM=240.0, NP_PHASE="SINGLE", NP_ABNORMAL_OP_CAT="CAT_III",
    )  # fmt: skip
    if settings_.volt_var is not None:
        file.QV_MODE_ENABLE = True
        for k, (v, q) in enumerate(zip(settings_.volt_var.v_pu, settings_.volt_var.q_pu, strict=True), 1):
            setattr(file, f"QV_CURVE_V{k}", v)
            setattr(file, f"QV_CURVE_Q{k}", q)
    if settings_.volt_watt is not None:
        file.PV_MODE_ENABLE = True
        for k, (v, p) in enumerate(zip(settings_.volt_watt.v_pu, settings_.volt_watt.p_pu, strict=True), 1):
            setattr(file, f"PV_CURVE_V{k}", v)
            setattr(file, f"PV_CURVE_P{k}", p)
    if settings_.power_factor != 1.0:
        file.CONST_PF_MODE_ENABLE = True
        file.CONST_PF = abs(settings_.power_factor)
        file.CONST_PF_EXCITATION = "INJ" if settings_.power_factor > 0 else "ABS"
    file.NP_PRIO_OUTSIDE_MIN_Q_REQ = "REACTIVE" if settings_.q_first_pu == VAR_FIRST else "ACTIVE"
    der = module.DER_PV(file)
    module.DER.t_s = 5.0
    der.update_der_input(p_dc_w=available_w, v=u * 240.0, f=60.0)
    for _ in range(40):
        der.run()
    return float(der.p_out_w), float(der.q_out_var)


CASES = [
    (InverterSettings(volt_var=VOLT_VAR_B), "CAT_B"),
    (InverterSettings(volt_var=VOLT_VAR_B, q_first_pu=VAR_FIRST), "CAT_B"),
    (InverterSettings(volt_var=VOLT_VAR_A, q_absorb_pu=0.25), "CAT_A"),
    (InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT), "CAT_B"),
    (InverterSettings(volt_watt=VOLT_WATT), "CAT_B"),
    (InverterSettings(power_factor=0.95), "CAT_B"),
    (InverterSettings(power_factor=-0.92), "CAT_B"),
]


@pytest.mark.parametrize("available", [0.3, 0.8, 0.99])
@pytest.mark.parametrize(("settings_", "category"), CASES)
def test_settles_where_opender_settles(settings_: InverterSettings, category: str, available: float) -> None:
    u = np.array([0.89, 0.93, 0.96, 1.0, 1.03, 1.05, 1.07, 1.09])
    p, q = settled(settings_, u, available * RATING)
    expected = np.array([opender(settings_, category, float(x), available * RATING) for x in u])
    np.testing.assert_allclose(p, expected[:, 0], atol=1e-3 * RATING)
    np.testing.assert_allclose(q, expected[:, 1], atol=1e-3 * RATING)


@pytest.mark.parametrize("first", [WATT_FIRST, STANDARD_FIRST, VAR_FIRST])
def test_never_beyond_the_rating_and_in_the_order_of_priority(first: float) -> None:
    wide = VoltVar((0.92, 0.98, 1.02, 1.08), (0.7, 0.0, 0.0, -0.7))
    mode = InverterSettings(volt_var=wide, q_first_pu=first, q_absorb_pu=0.7, q_inject_pu=0.7)
    p, q = settled(mode, VOLTAGES, RATING)
    assert (np.hypot(p, q) <= RATING * (1.0 + 1e-12)).all()
    wanted = RATING * np.interp(VOLTAGES, wide.v_pu, wide.q_pu)
    kept = np.minimum(np.abs(wanted), first * RATING)
    np.testing.assert_allclose(p, np.sqrt(RATING**2 - kept**2), rtol=1e-12)
    np.testing.assert_allclose(np.abs(q), kept, atol=1e-4 * RATING)


def test_off_without_anything_to_give_and_charging_passes() -> None:
    mode = InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT)
    p, q = settled(mode, VOLTAGES, 0.0)
    assert not p.any()
    assert not q.any()
    p, _ = settled(mode, VOLTAGES, -3000.0)
    np.testing.assert_allclose(p, -3000.0)


def solar_feeder(seed: int, mode: InverterSettings) -> Circuit:
    """A random feeder whose every L1-L2 injector is an inverter of 6 kVA."""
    circuit = random_feeder(seed, 4, 1, 5)
    rows = np.arange(2, len(circuit.injectors), 3)
    p = circuit.injectors.p_w.copy()
    p[rows] = -6000.0
    return replace(
        circuit,
        injectors=replace(circuit.injectors, p_w=p),
        inverters=mode.inverters(rows, np.full(len(rows), 6000.0)),
    )


ALL = InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT)


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_laws_hold_with_inverters(seed: int) -> None:
    circuit = solar_feeder(seed, ALL)
    net = Network(circuit)
    scale = np.random.default_rng(seed).uniform(0.0, 1.2, (len(circuit.injectors), 36))
    p, q = circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale
    s = net.solve(p, q, tolerance_pu=1e-12)
    assert s.converged.all()
    left = np.abs(net.mismatch(s.v, s.current_a)).max()
    assert left < 1e-9 * np.abs(net.y_elements).max() * np.abs(s.v).max()
    raised = net.respond(net.mismatch(s.v, s.current_a)) / circuit.base_v[:, None]
    assert np.abs(raised).max() < 1e-9
    drawn = net.injector_power_va(s.v, s.current_a)
    given_ = net.source_power_va(s.v)
    assert np.abs(given_ - drawn.sum(axis=0) - net.losses_va(s.v)).max() < 1e-8 * np.abs(drawn).sum()
    assert (np.abs(drawn[circuit.inverters.injector]) <= 6000.0 * (1 + 1e-9)).all()
    for step in (0, 35):
        alone = Network(circuit).solve(p[:, [step]], q[:, [step]], tolerance_pu=1e-12)
        assert np.array_equal(alone.v[:, 0], s.v[:, step])


def test_tangent_of_an_inverter_predicts_small_changes() -> None:
    sketch = Sketch()
    [a] = sketch.bus("a", 240.0, 1)
    sketch.load(a, -1, -7500.0 + 0j, 240.0)
    inverters = ALL.inverters(np.array([0]), np.array([RATING]))
    laws = VoltageLaws.of(sketch.circuit().injectors, inverters)
    p, q = np.array([-7500.0]), np.zeros(1)
    for u in (0.9, 0.95, 1.0, 1.05, 1.07, 1.2):
        v = np.array([u * 240.0 * np.exp(0.3j)])
        rr, ri, ir, ii = laws.tangent(p, q, v, kink_pu=1e-6)[0]
        step = (0.6 - 0.8j) * 1e-3
        there, here = (laws.current(p[:, None], q[:, None], x[:, None])[0, 0] for x in (v + step, v))
        predicted = complex(rr * step.real + ri * step.imag, ir * step.real + ii * step.imag)
        assert there - here == pytest.approx(predicted, rel=1e-3)


@pytest.mark.parametrize("available", [6000.0, -6000.0])
def test_a_fault_before_its_service_has_a_solution(available: float) -> None:
    """From a bolted fault to none: its current follows the voltage down, and Kirchhoff holds."""
    for fault_ohm in 10.0 ** np.arange(-6.0, 2.0, 0.25):
        sketch = Sketch()
        head, at = sketch.node("head", 240.0), sketch.node("at", 240.0)
        sketch.source([head], np.array([240.0 + 0j]), np.array([[0.01 + 0.02j]]))
        sketch.line([head], [at], np.array([[0.05 + 0.03j]]))
        sketch.shunt(head, -1, 1.0 / fault_ohm)  # so that its own current moves its angle
        row = sketch.load(at, -1, complex(-available, 0.0), 240.0)
        circuit = replace(sketch.circuit(), inverters=ALL.inverters(np.array([row]), np.array([RATING])))
        net = Network(circuit)
        s = net.solve(np.full((1, 1), -available), np.zeros((1, 1)), tolerance_pu=1e-9)
        assert s.converged.all(), fault_ohm
        assert np.abs(net.respond(net.mismatch(s.v, s.current_a)) / 240.0).max() < 1e-8


def test_its_current_falls_with_the_voltage_below_the_band() -> None:
    sketch = Sketch()
    [a] = sketch.bus("a", 240.0, 1)
    sketch.load(a, -1, -7500.0 + 0j, 240.0, band=(0.7, 1.3, 0.4))
    laws = VoltageLaws.of(sketch.circuit().injectors, ALL.inverters(np.array([0]), np.array([RATING])))
    edge, band, low, half, none = (
        laws.current(np.array([[-7500.0]]), np.zeros((1, 1)), np.array([[u * 240.0 + 0j]]))[0, 0]
        for u in (0.7, 0.5, 0.4, 0.2, 0.0)
    )
    assert band == pytest.approx(edge, rel=1e-9)
    assert low == pytest.approx(edge, rel=1e-9)
    assert half == pytest.approx(edge / 2, rel=1e-9)
    assert none == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"power_factor": 0.0},
        {"power_factor": 0.9, "volt_var": VOLT_VAR_B},
        {"q_first_pu": 1.5},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"power factor|q_first"):
        InverterSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ascend"):
        VoltVar((1.0, 0.9, 1.0, 1.1), (0.1, 0.0, 0.0, -0.1))


def test_no_inverter_is_the_default() -> None:
    assert len(Inverters.none()) == 0
    assert len(random_feeder(1, 2, 0, 1).inverters) == 0
