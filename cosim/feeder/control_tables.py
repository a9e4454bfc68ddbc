"""Controls read from a feeder's tables: laws, where they look, what they move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.devices.capacitor import CapacitorControl, Mode
from cosim.devices.regulator import Regulator, Reverse, TapChanger
from cosim.electrical.circuit import Circuit
from cosim.electrical.transformer import TransformerData, _coil_end
from cosim.feeder.compile import CompiledFeeder, bank_block, nameplate
from cosim.feeder.control_parts import Bank, Changer, Delays
from cosim.feeder.control_sensing import BankPlace, RegulatorPlace
from cosim.feeder.nodes import Nodes, numbers

if TYPE_CHECKING:
    import pandas as pd

    from cosim.feeder.feeder import Feeder


@dataclass
class ControlTables:
    """What a feeder's tables say of its controls.

    Parameters
    ----------
    changers, banks, steps_on
        What moves, and how many steps of each bank are on at the start.
    regulators, capacitors
        Law and place of each control.
    delays
        By name, regulators first.
    """

    changers: list[Changer] = field(default_factory=list)
    banks: list[Bank] = field(default_factory=list)
    steps_on: list[int] = field(default_factory=list)
    regulators: list[tuple[Regulator, RegulatorPlace]] = field(default_factory=list)
    capacitors: list[tuple[CapacitorControl, BankPlace]] = field(default_factory=list)
    delays: dict[str, Delays] = field(default_factory=dict)


def read_controls(
    feeder: Feeder, compiled: CompiledFeeder, regulators: bool, capacitors: bool
) -> ControlTables:
    """Regulators and capacitor controls that act, of a feeder that has been checked."""
    out = ControlTables()
    bus = feeder.bus
    places = Nodes(bus["name"].tolist(), bus["nodes"].tolist())
    for _, row in acting(feeder, "regulator") if regulators else ():
        _add_regulator(out, feeder, compiled, places, row)
    for _, row in acting(feeder, "capacitor_control") if capacitors else ():
        _add_capacitor(out, feeder, compiled, row)
    return out


def _add_regulator(
    out: ControlTables, feeder: Feeder, compiled: CompiledFeeder, nodes: Nodes, row: dict[str, Any]
) -> None:
    unit = int(row["transformer"])
    element = int(compiled.transformer_element[unit])
    if element < 0:
        return  # out of service with its unit
    windings = sorted(
        _rows(feeder.winding[feeder.winding["transformer"] == unit]), key=lambda coil: int(coil["number"])
    )
    data = nameplate(feeder.transformer.iloc[unit], windings)
    tapped = int(row["winding"]) - 1
    sensed = tapped if row["sensed_winding"] < 0 else int(row["sensed_winding"]) - 1
    changer = _changer(out, element, tapped, data, windings[tapped])
    at = compiled.circuit.elements[element].nodes
    ends = [_coil(data, sensed, phase) for phase in range(data.phases)]
    own = np.array([(at[a], at[b]) for a, b in ends], dtype=np.int64)
    coils, conductors, pt_ratio = own, tuple(a for a, _ in ends), float(row["pt_ratio"])
    if row["bus"] >= 0:  # a bus further on: its own voltage transformer, and no compensation
        places = nodes.at(int(row["bus"]), numbers(row["nodes"] or "1.0"))
        coils = np.array([(places[0], places[1] if len(places) > 1 else -1)], dtype=np.int64)
        conductors = ()
        if row["remote_pt_ratio"] > 0.0:
            pt_ratio = float(row["remote_pt_ratio"])
    regulator = Regulator(
        target_v=float(row["target_v"]),
        band_v=float(row["band_v"]),
        pt_ratio=pt_ratio,
        coil_v=float(data.winding_v[sensed]),
        changer=out.changers[changer].taps,
        ct_primary_a=float(row["ct_primary_a"]),
        drop_v=complex(row["r_v"], row["x_v"]) if conductors else 0j,
        drop_z_v=float(row["ldc_z_v"]) if conductors else 0.0,
        limit_v=float(row["v_limit"]),
        opposite=tapped != sensed,
        max_taps=int(row["max_taps"]),
        inverse_time=bool(row["inverse_time"]),
        reverse=_reverse(row) if conductors else None,
    )
    back = regulator.reverse or Reverse()
    compensated = any((regulator.drop_v, regulator.drop_z_v, back.drop_v, back.drop_z_v))
    pick = str(row["pt_phase"])
    place = RegulatorPlace(
        changer, element, pick if len(coils) > 1 else "1", coils, own[0],
        tuple(range(sensed * (data.phases + 1), (sensed + 1) * (data.phases + 1))),
        conductors if compensated else (),
    )  # fmt: skip
    out.regulators.append((regulator, place))
    delay = float(row["delay_s"])
    out.delays[f"regulator:{row['name']}"] = Delays(delay, delay, float(row["tap_delay_s"]))


def _changer(
    out: ControlTables, element: int, winding: int, data: TransformerData, coil: dict[str, Any]
) -> int:
    """Number of the tap changer on a winding, added if it is new."""
    for number, known in enumerate(out.changers):
        if (known.element, known.winding) == (element, winding):
            return number
    low, high = float(coil["tap_min_pu"]), float(coil["tap_max_pu"])
    taps = TapChanger(float(coil["tap_pu"]), low, high, (high - low) / int(coil["tap_steps"]))
    out.changers.append(Changer(element, winding, data, taps))
    return len(out.changers) - 1


def _add_capacitor(out: ControlTables, feeder: Feeder, compiled: CompiledFeeder, row: dict[str, Any]) -> None:
    shunt = int(row["shunt"])
    element = int(compiled.capacitor_element[shunt])
    if element < 0:
        return
    bank = feeder.table("shunt").iloc[shunt]
    known = [number for number, one in enumerate(out.banks) if one.element == element]
    place = known[0] if known else len(out.banks)
    step_kvar = -float(bank["q_mvar"]) * 1e3
    if not known:
        out.banks.append(Bank(element, bank_block(bank, 1)))
        out.steps_on.append(int(bank["step"]))
    watched = -1
    rows: tuple[int, ...] = ()
    at = compiled.circuit.elements[element].nodes
    mode = Mode(row["mode"])
    if row["element"]:
        watched = _element(compiled.circuit, str(row["element"]))
        part = compiled.circuit.elements[watched].terminal(int(row["terminal"]) - 1)
        rows = tuple(range(*part.indices(len(compiled.circuit.elements[watched].nodes))))
        at = compiled.circuit.elements[watched].nodes[list(rows)]
    if mode in (Mode.VOLTAGE, Mode.TIME, Mode.TEMPERATURE):
        watched = -1
    out.capacitors.append(
        (
            CapacitorControl(
                mode, float(row["on"]), float(row["off"]), int(bank["max_step"]), step_kvar,
                float(row["v_min"]), float(row["v_max"]), float(row["min_kvar_percent"]) / 100.0,
            ),
            BankPlace(
                place, at[at >= 0], bank["connection"] == "delta", float(row["pt_ratio"]),
                str(row["pt_phase"]), watched, rows, float(row["ct_ratio"]), str(row["ct_phase"]),
            ),
        )
    )  # fmt: skip
    out.delays[f"capacitor:{row['name']}"] = Delays(
        float(row["delay_s"]), float(row["delay_off_s"]), None, float(row["dead_time_s"])
    )


def _element(circuit: Circuit, name: str) -> int:
    return next(i for i, part in enumerate(circuit.elements) if part.name.lower() == name.lower())


def acting(feeder: Feeder, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a table of controls that are in service and may move."""
    for number, row in enumerate(_rows(feeder.table(table))):
        if row["in_service"] and row.get("max_taps", 1) > 0:
            yield number, row


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _reverse(row: dict[str, Any]) -> Reverse | None:
    """Settings on reverse power of a control that looks for it, at its own winding alone."""
    if not (row["reversible"] or row["cogeneration"]):
        return None
    return Reverse(
        threshold_w=float(row["reverse_threshold_kw"]) * 1e3,
        delay_s=float(row["reverse_delay_s"]),
        target_v=float(row["reverse_target_v"]),
        band_v=float(row["reverse_band_v"]),
        drop_v=complex(row["reverse_r_v"], row["reverse_x_v"]),
        drop_z_v=float(row["reverse_ldc_z_v"]),
        neutral=bool(row["reverse_neutral"]),
        cogeneration=bool(row["cogeneration"]),
    )


def _coil(data: TransformerData, winding: int, phase: int) -> tuple[int, int]:
    """Conductors of the unit's element at which one coil begins and ends."""
    first = winding * (data.phases + 1)
    return first + phase, first + _coil_end(data, winding, phase)
