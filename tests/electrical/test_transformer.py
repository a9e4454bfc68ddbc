"""Transformer blocks: what any transformer must do, and OpenDSS's own matrices to rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.electrical.transformer import TransformerData, transformer_block

MASTERS = [
    "ieee13/IEEE13Nodeckt.dss",
    "ieee34/ieee34Mod1.dss",
    "ieee37/ieee37.dss",
    "ieee123/IEEE123Master.dss",
    "ieee4/DY-Bal/4Bus-DY-Bal.DSS",
    "ieee4/GrdYD-Bal/4Bus-GrdYD-Bal.DSS",
    "ieee4/OYOD-UnBal/4bus-OYOD-UnBal.dss",
    "ieee4/YD-Bal/4Bus-YD-Bal.DSS",
    "ieee8500/Master.dss",
]
UNITS = [
    "phases=3 conns=(delta,wye) kvs=(115,12.47) taps=(1.05,0.98) leadlag=lead %noloadloss=0.3 %imag=1",
    "phases=3 conns=(wye,delta) kvs=(12.47,115) leadlag=lag ppm_antifloat=3",
    "phases=3 conns=(wye,wye) kvs=(4.16,0.24) wdg=1 rneut=0 xneut=0 wdg=2 rneut=5 xneut=1",
    "phases=2 conns=(delta,wye) kvs=(12.47,4.16)",
    "phases=2 conns=(wye,delta) kvs=(12.47,4.16) leadlag=lead",
    "phases=1 conns=(delta,wye) kvs=(4.16,0.24)",
    "phases=3 windings=3 conns=(wye,wye,delta) kvs=(115,12.47,4.16) kvas=(100,100,50) xht=5 xlt=2",
    "phases=1 windings=3 conns=(wye,wye,wye) kvs=(7.2,.12,.12) kvas=(25,25,25) xht=2 xlt=1.4 %imag=.5",
]


def data_of(dss: Any) -> TransformerData:
    """Nameplate of the engine's active transformer."""
    transformers, element = dss.ActiveCircuit.Transformers, dss.ActiveCircuit.ActiveCktElement

    def prop(name: str) -> str:
        return str(element.Properties(name).Val)

    phases = element.NumPhases
    windings = []
    for number in range(1, transformers.NumWindings + 1):
        transformers.Wdg = number
        scale = 1.0 if transformers.IsDelta or phases == 1 else np.sqrt(3.0)
        neutral = complex(np.nan, np.nan)
        if transformers.Rneut >= 0:
            neutral = complex(transformers.Rneut, transformers.Xneut)
        windings.append(
            (
                transformers.kV * 1e3 / scale,
                transformers.R / 100,
                transformers.Tap,
                transformers.IsDelta,
                neutral,
            )
        )
    transformers.Wdg = 1
    x = [transformers.Xhl, transformers.Xht, transformers.Xlt] if len(windings) == 3 else [transformers.Xhl]
    v, r, tap, delta, neutral_ohm = (np.array(column) for column in zip(*windings, strict=True))
    leading = prop("leadlag").lower() in ("lead", "euro")
    core = (float(prop("%noloadloss")) / 100, float(prop("%imag")) / 100, float(prop("ppm_antifloat")))
    rated_va = transformers.kVA * 1e3
    return TransformerData(
        phases, v, rated_va, r, np.array(x) / 100, tap, delta, leading, *core, neutral_ohm=neutral_ohm
    )


def compare(dss: Any) -> int:
    count = dss.ActiveCircuit.Transformers.First
    compared = 0
    while count:
        flat = np.array(dss.ActiveCircuit.ActiveCktElement.Yprim).view(complex)
        width = round(len(flat) ** 0.5)
        expected = flat.reshape(width, width).T
        block = transformer_block(data_of(dss))
        np.testing.assert_allclose(block, expected, rtol=1e-11, atol=1e-13 * np.abs(expected).max())
        compared += 1
        count = dss.ActiveCircuit.Transformers.Next
    return compared


@pytest.mark.parametrize("master", MASTERS)
def test_opendss_blocks_of_feeders(shared: Path, master: str) -> None:
    dss = pytest.importorskip("dss").DSS
    dss.AllowForms = False
    dss.AllowEditor = False
    dss.AllowChangeDir = False
    dss.Text.Command = "clear"
    dss.Text.Command = f'compile "{shared / "feeders" / "dss" / master}"'
    assert compare(dss) == dss.ActiveCircuit.Transformers.Count > 0


@pytest.mark.parametrize("unit", UNITS)
def test_opendss_blocks_of_units(unit: str) -> None:
    dss = pytest.importorskip("dss").DSS
    dss.AllowForms = False
    buses = "(sourcebus,b,c)" if "windings=3" in unit else "(sourcebus,b)"
    kvas = "" if "kvas" in unit else "kvas=(100,100)"
    for command in (
        "clear",
        "new circuit.x",
        f"new transformer.t {unit} {kvas} xhl=3 buses={buses}",
        "solve",
    ):
        dss.Text.Command = command
    assert compare(dss) == 1


def simple(**changes: Any) -> TransformerData:
    values: dict[str, Any] = {
        "phases": 3,
        "winding_v": np.array([12470.0, 277.0]),
        "rated_va": 500e3,
        "r_pu": np.array([0.005, 0.006]),
        "x_pu": np.array([0.05]),
        "tap_pu": np.array([1.025, 1.0]),
        "delta": np.array([True, False]),
    }
    return TransformerData(**(values | changes))


def test_reciprocal_and_passive() -> None:
    block = transformer_block(simple(noload_loss_pu=0.002, magnetising_pu=0.01))
    np.testing.assert_allclose(block, block.T, rtol=1e-14)
    assert np.linalg.eigvalsh(block.real).min() > -1e-9 * np.abs(block).max()


def test_turns_ratio_and_lag_at_no_load() -> None:
    """ANSI: the low side lags by 30 degrees; European: it leads."""
    for leading, angle in ((False, -30.0), (True, 30.0)):
        block = transformer_block(simple(leading=leading, antifloat_ppm=0.0))
        high = 7200.0 * np.exp(-2j * np.pi / 3 * np.arange(3))
        free = [4, 5, 6]
        low = -np.linalg.solve(block[np.ix_(free, free)], block[np.ix_(free, [0, 1, 2])] @ high)
        expected = 7200.0 * np.sqrt(3.0) / (12470.0 * 1.025) * 277.0
        np.testing.assert_allclose(np.abs(low), expected, rtol=1e-12)
        assert np.degrees(np.angle(low[0])) == pytest.approx(angle, abs=1e-9)


def test_short_circuit_gives_the_nameplate_impedance() -> None:
    data = simple(phases=1, delta=np.array([False, False]), tap_pu=np.ones(2), antifloat_ppm=0.0)
    block = transformer_block(data)
    z_base = 12470.0**2 / 500e3
    assert 1.0 / block[0, 0] == pytest.approx((0.011 + 0.05j) * z_base, rel=1e-12)
