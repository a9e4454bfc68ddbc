"""Controls settled in a snapshot, against the engine's static control mode; bad settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.electrical.network import Network
from cosim.electrical.tap_update import MovingNetwork
from cosim.errors import FeederError
from cosim.feeder.controls import Controls, Setting
from cosim.feeder.feeder import Feeder

dss = pytest.importorskip("dss")

REGULATED = """
clear
new circuit.case bus1=src basekv=12.47 pu=1.03 mvasc3=200 mvasc1=180
new transformer.r1 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.1 b.1] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r2 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.2 b.2] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r3 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.3 b.3] kvs=[7.2 7.2] %loadloss=0.01
new regcontrol.c1 transformer=r1 winding=2 vreg=122 band=2 ptratio=60 ctprim=200 r=3 x=6 delay=30
new regcontrol.c2 transformer=r2 winding=2 vreg=124 band=1.6 ptratio=60 bus=far.2 remoteptratio=60 delay=20
new regcontrol.c3 transformer=r3 winding=2 vreg=121 band=2 ptratio=60 vlimit=126 delay=30
new line.l bus1=b bus2=far length=4 units=km r1=0.3 x1=0.6 r0=0.6 x0=1.6 c1=9 c0=4
new transformer.gang phases=3 xhl=4 kvas=[3000 3000] buses=[far low] kvs=[12.47 4.16] conns=[delta wye] wdg=2
~ maxtap=1.05 mintap=0.95 numtaps=16
new regcontrol.gang transformer=gang winding=2 vreg=120 band=3 ptratio=20 ptphase=min delay=60
new capacitor.bank bus1=far phases=3 kvar=[150 150 150] numsteps=3 states=[1 0 0] kv=12.47
new capcontrol.cc capacitor=bank element=line.l terminal=1 type=kvar onsetting=200 offsetting=-200 delay=70 delayoff=80
new capacitor.volts bus1=low.2 phases=1 kvar=100 kv=2.4
new capcontrol.cv capacitor=volts element=line.l terminal=2 type=voltage ptratio=60 onsetting=118 offsetting=127
new load.a bus1=low phases=3 kv=4.16 kw=1500 kvar=900 vminpu=0.8 vmaxpu=1.2
new load.b bus1=far.1 phases=1 kv=7.2 kw=500 kvar=150 vminpu=0.8 vmaxpu=1.2
new load.c bus1=far.3 phases=1 kv=7.2 kw=200 kvar=150 vminpu=0.8 vmaxpu=1.2
set voltagebases=[12.47 4.16]
calcvoltagebases
"""


def settled_by_engine(path: Path, feeder: Feeder, scale: float) -> tuple[list[float], list[int]]:
    """Taps and steps of the engine's own controls, from the taps and states as written."""
    engine = dss.DSS
    engine.AllowForms = False
    engine.ClearAll()
    engine.Text.Command = f'redirect "{path}"'
    circuit, unit = engine.ActiveCircuit, feeder.transformer["name"].tolist()
    regulators = feeder.table("regulator").to_dict("records")
    winding = feeder.winding.set_index(["transformer", "number"])["tap_pu"]
    for row in regulators:
        circuit.Transformers.Name = unit[row["transformer"]]
        circuit.Transformers.Wdg = row["winding"]
        circuit.Transformers.Tap = float(winding[row["transformer"], row["winding"]])
    shunt = feeder.table("shunt")
    banks = shunt.iloc[feeder.table("capacitor_control")["shunt"]]
    for name, on, steps in zip(banks["name"], banks["step"], banks["max_step"], strict=True):
        circuit.Capacitors.Name = name
        circuit.Capacitors.States = [1] * int(on) + [0] * int(steps - on)
    for command in ("controlmode=static", "mode=snapshot", "tolerance=1e-9", "maxiterations=300",
                    "maxcontroliter=300"):  # fmt: skip
        engine.Text.Command = f"set {command}"
    for place in range(1, circuit.Loads.Count + 1):  # loadmult would leave loads above vmaxpu unscaled
        circuit.Loads.idx = place
        kw, kvar = circuit.Loads.kW * scale, circuit.Loads.kvar * scale
        circuit.Loads.kW = kw
        circuit.Loads.kvar = kvar
    circuit.Solution.Solve()
    assert circuit.Solution.Converged
    taps = []
    for row in regulators:
        circuit.Transformers.Name = unit[row["transformer"]]
        circuit.Transformers.Wdg = row["winding"]
        taps.append(float(circuit.Transformers.Tap))
    steps_on = []
    for name in banks["name"]:
        circuit.Capacitors.Name = name
        steps_on.append(int(sum(circuit.Capacitors.States)))
    return taps, steps_on


def assert_settled_alike(path: Path, scale: float) -> None:
    feeder = Feeder.from_opendss(path, controls="off")
    taps, steps_on = settled_by_engine(path, feeder, scale)
    flow = feeder.power_flow(load_scale=scale, controls="settled")
    assert flow["regulator_tap_pu"].to_numpy()[0] == pytest.approx(taps, abs=1e-9)
    assert flow["capacitor_steps_on"].to_numpy()[0].tolist() == steps_on


@pytest.mark.parametrize("scale", [0.3, 0.7, 1.0, 1.2])
def test_every_kind_of_control_settles_where_the_engine_does(tmp_path: Path, scale: float) -> None:
    path = tmp_path / "master.dss"
    path.write_text(REGULATED)
    assert_settled_alike(path, scale)


@pytest.mark.parametrize(
    "name",
    [
        "ieee13/IEEE13Nodeckt",
        "ieee34/ieee34Mod1",
        "ieee34/ieee34Mod2",
        "ieee37/ieee37",
        "ieee123/IEEE123Master",
    ],
)
@pytest.mark.parametrize("scale", [0.6, 1.0])
def test_reference_feeders_settle_where_the_engine_does(shared: Path, name: str, scale: float) -> None:
    assert_settled_alike(shared / "feeders" / "dss" / f"{name}.dss", scale)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.3, 0.6, 1.0])
def test_the_8500_node_feeder_settles_where_the_engine_does(shared: Path, scale: float) -> None:
    assert_settled_alike(shared / "feeders" / "dss" / "ieee8500" / "Master.dss", scale)


@pytest.fixture(scope="module")
def regulated(tmp_path_factory: pytest.TempPathFactory) -> Feeder:
    path = tmp_path_factory.mktemp("dss") / "master.dss"
    path.write_text(REGULATED)
    return Feeder.from_opendss(path, controls="off")


def test_a_moved_network_is_the_network_of_its_circuit(regulated: Feeder) -> None:
    """Taps and steps on the order and pattern of their topology: the same voltages, whatever was solved before."""
    compiled = regulated.compile()
    controls, base = Controls(regulated, compiled), Network(compiled.circuit)
    for moves, steps_on in (((1, 2, -3, 1), (3, 0)), ((5, -5, 2, 0), (0, 1)), ((0, 0, 0, 0), (1, 1))):
        circuit = controls.circuit(Setting(moves, steps_on))
        moved, alone = MovingNetwork(base, controls.elements).at(circuit), Network(circuit)
        base_v = circuit.base_v[:, None]
        one, other = (network.solve(tolerance_pu=1e-12).v / base_v for network in (moved, alone))
        assert np.abs(one - other).max() < 1e-10
        assert np.abs((moved.no_load_voltage() - alone.no_load_voltage()) / circuit.base_v).max() < 1e-9
        again = MovingNetwork(Network(compiled.circuit), controls.elements).at(circuit)
        assert np.array_equal(again.solve().v, moved.solve().v)


def test_several_states_settle_each_from_the_feeders_own(regulated: Feeder) -> None:
    both = regulated.power_flow(load_scale=[0.3, 1.0], controls="settled")
    for step, scale in enumerate((0.3, 1.0)):
        one = regulated.power_flow(load_scale=scale, controls="settled")
        for name in ("regulator_tap_pu", "capacitor_steps_on", "voltage_v"):
            assert np.array_equal(both[name].to_numpy()[step], one[name].to_numpy()[0])


def changed(feeder: Feeder, table: str, column: str, value: object) -> Feeder:
    frame = feeder.table(table).copy()
    frame.loc[0, column] = value
    return replace(feeder, frames={**feeder.tables, table: frame}, _net=None)


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("regulator", "band_v", 0.0, "band_v: must be above 0"),
        ("regulator", "winding", 3, "no such winding"),
        ("regulator", "transformer", 99, "points at row 99"),
        ("regulator", "bus", 99, "no such bus"),
        ("regulator", "pt_phase", "7", "must be a phase"),
        ("regulator", "delay_s", -1.0, "must be 0 or more"),
        ("regulator", "ct_primary_a", float("nan"), "needs the current transformer's rating"),
        ("capacitor_control", "element", "line.nowhere", "no such element to watch"),
        ("capacitor_control", "element", "", "needs an element to watch"),
        ("capacitor_control", "terminal", 3, "no such terminal"),
        ("capacitor_control", "mode", "moon", "must be one of"),
        ("capacitor_control", "off", 300.0, "or the bank hunts"),
        ("capacitor_control", "shunt", 99, "points at row 99"),
    ],
)
def test_bad_settings_are_one_clear_error(
    regulated: Feeder, table: str, column: str, value: object, words: str
) -> None:
    with pytest.raises(FeederError, match=words) as caught:
        changed(regulated, table, column, value).power_flow()
    assert len(caught.value.problems) == 1


def test_a_tap_out_of_range_is_refused(regulated: Feeder) -> None:
    with pytest.raises(FeederError, match=r"from 0.9 to 1.1 pu"):
        regulated.power_flow(taps={"r2": 1.2})


def test_controls_that_hunt_are_named(regulated: Feeder) -> None:
    swing = changed(changed(regulated, "capacitor_control", "on", 10.0), "capacitor_control", "off", -10.0)
    with pytest.raises(FeederError, match="capacitor:cc"):
        swing.power_flow(load_scale=np.arange(0.05, 0.4, 0.02), controls="settled")
