"""Each branch of the voltage laws: against its own formula, and against OpenDSS where that is installed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from electrical_sketch import Sketch

from cosim.electrical.circuit import Circuit, LoadModel
from cosim.electrical.voltage_laws import VoltageLaws

P, Q, NOMINAL = 5000.0, 2000.0, 240.0
ZIP = (0.3, 0.2, 0.5, 0.6, 0.1, 0.3)
SWEEP = np.r_[
    0.02:0.5:7j,
    0.4999,
    0.5001,
    0.55:0.84:6j,
    0.8499,
    0.8501,
    0.799,
    0.8,
    0.8007,
    0.803,
    0.9,
    0.9499,
    0.9501,
    1.0,
    1.0499,
    1.0501,
    1.3,
]
LAWS = [
    (LoadModel.POWER, (1.0, 2.0), 0.0, ""),
    (LoadModel.IMPEDANCE, (1.0, 2.0), 0.0, ""),
    (LoadModel.EXPONENT, (0.8, 2.5), 0.0, "cvrwatts=0.8 cvrvars=2.5"),
    (LoadModel.CURRENT, (1.0, 2.0), 0.0, ""),
    (LoadModel.ZIP, (1.0, 2.0), 0.0, "zipv=(.3,.2,.5,.6,.1,.3,0)"),
    (LoadModel.ZIP, (1.0, 2.0), 0.8, "zipv=(.3,.2,.5,.6,.1,.3,.8)"),
]
APART = [(LoadModel.FIXED_Q, (1.0, 2.0), 0.0, ""), (LoadModel.FIXED_X, (1.0, 2.0), 0.0, "")]
BANDS = [(0.95, 1.05, 0.5), (0.85, 1.1, 0.7)]


def one_load(
    model: LoadModel, exponents: tuple[float, float], cut: float, band: tuple[float, float, float]
) -> Circuit:
    sketch = Sketch()
    [a] = sketch.bus("a", NOMINAL, 1)
    sketch.load(a, -1, complex(P, Q), NOMINAL, model, band, exponents, (*ZIP, cut))
    return sketch.circuit()


def drawn(circuit: Circuit, u: float, angle: float = 0.4) -> complex:
    v = np.array([[u * NOMINAL * np.exp(1j * angle)]])
    current = VoltageLaws.of(circuit.injectors).current(np.array([[P]]), np.array([[Q]]), v)
    return complex(v[0, 0] * np.conj(current[0, 0]))


INSIDE: dict[LoadModel, Callable[[float], complex]] = {
    LoadModel.POWER: lambda u: complex(P, Q),
    LoadModel.IMPEDANCE: lambda u: complex(P, Q) * u**2,
    LoadModel.EXPONENT: lambda u: complex(P * u**0.8, Q * u**2.5),
    LoadModel.CURRENT: lambda u: complex(P, Q) * u,
    LoadModel.ZIP: lambda u: complex(P * (0.3 * u * u + 0.2 * u + 0.5), Q * (0.6 * u * u + 0.1 * u + 0.3)),
}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize(("model", "exponents", "cut", "_text"), LAWS)
def test_branches(
    model: LoadModel, exponents: tuple[float, float], cut: float, _text: str, band: tuple[float, float, float]
) -> None:
    circuit = one_load(model, exponents, cut, band)
    least, most, low = band
    for u in np.linspace(max(least, cut) + 0.01, most, 5):
        assert drawn(circuit, u) == pytest.approx(INSIDE[model](u), rel=1e-12)
    edge = INSIDE[LoadModel.POWER if model is LoadModel.EXPONENT else model]
    assert drawn(circuit, 1.3) == pytest.approx(edge(most) * (1.3 / most) ** 2, rel=1e-12)
    assert drawn(circuit, 0.9 * low) == pytest.approx(complex(P, Q) * (0.9 * low) ** 2, rel=1e-12)
    between = 0.5 * (low + least)
    current = 0.5 * (complex(P, Q) * low + edge(least) / least)
    expected = 0.0 if cut > between else current * between
    assert drawn(circuit, between) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("model", [LoadModel.FIXED_Q, LoadModel.FIXED_X])
def test_branches_of_a_q_of_its_own(model: LoadModel, band: tuple[float, float, float]) -> None:
    circuit = one_load(model, (1.0, 2.0), 0.0, band)
    least, most, low = band
    for u in (0.9 * low, low + 0.01, least - 0.01, least + 0.01, 1.0, most - 0.01, most + 0.01, 1.3):
        p = P * u * u if u < low else P * (u / np.clip(u, least, most)) ** 2
        q = Q if model == LoadModel.FIXED_Q and least < u < most else Q * u * u
        assert drawn(circuit, u) == pytest.approx(complex(p, q), rel=1e-12)


def test_nothing_at_no_voltage() -> None:
    for model, exponents, cut, _ in LAWS + APART:
        assert drawn(one_load(model, exponents, cut, BANDS[0]), 0.0) == 0


@pytest.mark.parametrize("u", [0.3, 0.75, 1.0, 1.2])
@pytest.mark.parametrize("law", LAWS[:5] + APART)
def test_tangent_predicts_small_changes(
    law: tuple[LoadModel, tuple[float, float], float, str], u: float
) -> None:
    laws = VoltageLaws.of(one_load(*law[:3], BANDS[0]).injectors)
    p, q, v = np.array([P]), np.array([Q]), np.array([u * NOMINAL * np.exp(0.3j)])
    rr, ri, ir, ii = laws.tangent(p, q, v)[0]
    step = (0.6 - 0.8j) * 1e-3
    there, here = (laws.current(p[:, None], q[:, None], x[:, None])[0, 0] for x in (v + step, v))
    predicted = complex(rr * step.real + ri * step.imag, ir * step.real + ii * step.imag)
    assert there - here == pytest.approx(predicted, rel=1e-4)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize(("model", "exponents", "cut", "text"), LAWS + APART)
def test_opendss_draws_the_same(
    model: LoadModel, exponents: tuple[float, float], cut: float, text: str, band: tuple[float, float, float]
) -> None:
    least, most, low = band
    script = (
        f"new load.l bus1=b phases=1 kv=0.24 kw=5 kvar=2 model={int(model)} "
        f"vminpu={least} vmaxpu={most} vlowpu={low} {text}"
    )
    agrees_with_the_engine(one_load(model, exponents, cut, band), script, "load.l", 1.0)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize(
    ("number", "model"),
    [(1, LoadModel.POWER), (2, LoadModel.IMPEDANCE), (4, LoadModel.FIXED_Q), (5, LoadModel.FIXED_X)],
)
def test_generators_give_what_they_give_there(
    number: int, model: LoadModel, band: tuple[float, float, float]
) -> None:
    """Without a lowest voltage: the impedance at the band's edge goes down to nothing."""
    least, most, _ = band
    script = (
        f"new generator.g bus1=b phases=1 kv=0.24 kw=5 kvar=2 model={number} vminpu={least} vmaxpu={most}"
    )
    agrees_with_the_engine(one_load(model, (1.0, 2.0), 0.0, (least, most, 0.0)), script, "generator.g", -1.0)


def agrees_with_the_engine(circuit: Circuit, script: str, name: str, sign: float) -> None:
    dss = pytest.importorskip("dss").DSS
    dss.AllowForms = False
    for command in (
        "clear",
        "new circuit.one basekv=0.24 bus1=b pu=1 phases=1 r1=1e-6 x1=1e-6 r0=1e-6 x0=1e-6",
        script,
        "set tolerance=1e-13 maxiterations=1000 mode=snap controlmode=off",
    ):
        dss.Text.Command = command
    for u in SWEEP:
        dss.Text.Command = f"edit vsource.source pu={u}"
        dss.Text.Command = "solve"
        dss.ActiveCircuit.SetActiveElement(name)
        element = dss.ActiveCircuit.ActiveCktElement
        v = np.array(element.Voltages).view(complex)[0]
        current = np.array(element.Currents).view(complex)[0]
        expected = sign * v * np.conj(current)
        assert drawn(circuit, abs(v) / NOMINAL) == pytest.approx(expected, abs=1e-8 * P), u
