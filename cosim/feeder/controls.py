"""Voltage controls of a feeder as arrays: where they look, what they move, where they come to rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim.devices.capacitor import CapacitorControl, Mode, Seen
from cosim.devices.regulator import Regulator, Reverse, TapChanger
from cosim.electrical.circuit import Circuit, Complex, Element, Float, Int
from cosim.electrical.transformer import TransformerData, _coil_end, transformer_block
from cosim.errors import Problem
from cosim.feeder.compile import CompiledFeeder, bank_block, nameplate
from cosim.feeder.nodes import Nodes, numbers

if TYPE_CHECKING:
    import pandas as pd

    from cosim.feeder.feeder import Feeder


class Setting(NamedTuple):
    """Where everything that controls move stands.

    Parameters
    ----------
    moves
        Of each tap changer, from where the feeder's table has it.
    steps_on
        Of each controlled capacitor bank.
    backwards
        Of each regulator, whether its settings for reverse power are in force (0 or 1); no admittance depends on it.
    """

    moves: tuple[int, ...]
    steps_on: tuple[int, ...]
    backwards: tuple[int, ...] = ()

    @property
    def positions(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What decides admittances."""
        return self.moves, self.steps_on

    def turned(self, regulator: int, by: int) -> Setting:
        """With one regulator turned to reverse operation (+1) or back (-1)."""
        return self._replace(backwards=_with(self.backwards, regulator, by))

    def moved(self, changer: int, by: int) -> Setting:
        """With one tap changer moved."""
        return self._replace(moves=_with(self.moves, changer, by))

    def switched(self, bank: int, by: int) -> Setting:
        """With steps of one bank switched."""
        return self._replace(steps_on=_with(self.steps_on, bank, by))


def _with(values: tuple[int, ...], place: int, by: int) -> tuple[int, ...]:
    return (*values[:place], values[place] + by, *values[place + 1 :])


@dataclass(frozen=True)
class _Changer:
    """A winding with taps: the unit's element and nameplate."""

    element: int
    winding: int
    data: TransformerData
    taps: TapChanger
    known: dict[int, Complex] = field(default_factory=dict)

    def block(self, moves: int) -> Complex:
        if moves not in self.known:
            tap_pu = self.data.tap_pu.copy()
            tap_pu[self.winding] = self.taps.tap_pu(moves)
            self.known[moves] = transformer_block(replace(self.data, tap_pu=tap_pu))
        return self.known[moves]


@dataclass(frozen=True)
class _Bank:
    """A capacitor bank: its element and the block of one step."""

    element: int
    step_block: Complex
    known: dict[int, Complex] = field(default_factory=dict)

    def block(self, steps_on: int) -> Complex:
        return self.known.setdefault(steps_on, self.step_block * steps_on)


@dataclass(frozen=True)
class _RegulatorPlace:
    """Where one regulator looks: end nodes of the coils it may choose from, and their conductors."""

    changer: int
    pick: str
    coils: Int  # (phases, 2) nodes of each coil sensed, -1 is ground
    local: Int  # (2,) nodes of the regulator's own first coil
    terminal: tuple[int, ...]  # rows of the sensed winding in the element
    conductors: tuple[int, ...]  # row of each coil's line end in the element; empty without compensation


@dataclass(frozen=True)
class _BankPlace:
    """Where one capacitor control looks."""

    bank: int
    volts: Int  # nodes whose voltages are sensed
    delta: bool
    pt_ratio: float
    pt_pick: str
    element: int  # sensed element, -1 if none is needed
    rows: tuple[int, ...]  # its conductors at the sensed terminal
    ct_ratio: float
    ct_pick: str


@dataclass(frozen=True)
class Delays:
    """Delays of one control [s], see `cosim.events.control_processes.Timing`."""

    raise_s: float
    lower_s: float
    next_s: float | None
    dead_s: float = 0.0


class Controls:
    """Regulators, then capacitor controls, then the directions of reversible regulators, of one compiled feeder.

    Parameters
    ----------
    feeder, compiled
        The feeder, checked, and its arrays.
    regulators, capacitors
        Whether they act.

    Attributes
    ----------
    names : tuple of str
        ``regulator:NAME``, ``capacitor:NAME`` and ``direction:NAME``.
    start : Setting
        As the feeder's tables have it.
    nodes : Int
        Nodes whose voltages are looked at.
    """

    def __init__(
        self, feeder: Feeder, compiled: CompiledFeeder, *, regulators: bool = True, capacitors: bool = True
    ) -> None:
        self._circuit = compiled.circuit
        bus = feeder.bus
        self._nodes = Nodes(bus["name"].tolist(), bus["nodes"].tolist())
        self._changers: list[_Changer] = []
        self._banks: list[_Bank] = []
        self._regulators: list[tuple[Regulator, _RegulatorPlace]] = []
        self._capacitors: list[tuple[CapacitorControl, _BankPlace]] = []
        self.delays: dict[str, Delays] = {}
        steps_on: list[int] = []
        for _, row in _acting(feeder, "regulator") if regulators else ():
            self._add_regulator(feeder, compiled, row)
        for _, row in _acting(feeder, "capacitor_control") if capacitors else ():
            self._add_capacitor(feeder, compiled, row, steps_on)
        self._directions: list[int] = []  # regulator of each
        for number, (regulator, _) in enumerate(self._regulators):
            if regulator.reverse is not None:
                name = list(self.delays)[number].partition(":")[2]
                self.delays[f"direction:{name}"] = Delays(
                    regulator.reverse.delay_s, regulator.reverse.delay_s, None
                )
                self._directions.append(number)
        self.names = tuple(self.delays)
        self.start = Setting((0,) * len(self._changers), tuple(steps_on), (0,) * len(self._regulators))
        self.nodes = self._watched()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def elements(self) -> Int:
        """Elements that change with the setting: tap changers' units, then banks."""
        return np.array([part.element for part in self._parts()], dtype=np.int64)

    def circuit(
        self, setting: Setting, opened: Collection[int] = (), closed: Mapping[int, Complex] | None = None
    ) -> Circuit:
        """The feeder's circuit at a setting, some elements (by index) opened, some given another block."""
        elements = list(self._circuit.elements)
        for part, value in zip(self._parts(), (*setting.moves, *setting.steps_on), strict=True):
            elements[part.element] = replace(elements[part.element], y_siemens=part.block(value))
        moved = replace(self._circuit, elements=tuple(elements)).with_blocks(closed or {})
        return moved.without(opened) if opened else moved

    def _parts(self) -> tuple[_Changer | _Bank, ...]:
        return (*self._changers, *self._banks)

    # -- looking --------------------------------------------------------------------------

    def wanted(self, v: Complex, circuit: Circuit, setting: Setting, hour: Float, air_c: Float) -> Int:
        """(controls, steps) steps wanted, signed; 0 inside the band. v (n, steps) was solved on `circuit`."""
        out = np.zeros((len(self), v.shape[1]), dtype=np.int64)
        for row, (regulator, place) in enumerate(self._regulators):
            view, moves = self._regulator_view(row, v, circuit, setting), setting.moves[place.changer]
            law = regulator.wanted_backwards if setting.backwards[row] else regulator.wanted_taps
            out[row] = law(*view, moves)
        for row, (control, bank) in enumerate(self._capacitors, len(self._regulators)):
            seen = self._bank_view(bank, v, circuit, hour, air_c)
            out[row] = control.wanted_step(seen, setting.steps_on[bank.bank])
        for row, number in enumerate(self._directions, len(self._regulators) + len(self._capacitors)):
            regulator, place = self._regulators[number]
            power_w = self._line_power_w(place, v, circuit)
            out[row] = regulator.direction_change(power_w, bool(setting.backwards[number]))
        return out

    def own_delay(self, control: int) -> bool:
        """Whether a control's delay may depend on what it sees."""
        if not self.is_regulator(control):
            return False
        regulator = self._regulators[control][0]
        return regulator.inverse_time or (regulator.reverse is not None and regulator.reverse.neutral)

    def delay_s(self, control: int, v: Complex, circuit: Circuit, setting: Setting) -> float | None:
        """Delay of a control that left its band at the first step; None for that of `delays`."""
        if not self.own_delay(control):
            return None
        regulator, delays = self._regulators[control][0], self.delays[self.names[control]]
        back = regulator.reverse
        if back is not None and back.neutral and setting.backwards[control]:
            return delays.next_s
        if not regulator.inverse_time:
            return None
        seen = float(self._regulator_view(control, v[:, :1], circuit, setting)[0][0])
        if back is not None and setting.backwards[control] and not back.cogeneration:
            seen /= regulator.changer.tap_pu(setting.moves[self._regulators[control][1].changer])
        return delays.raise_s * regulator.delay_share(seen)

    def view(self, control: int, v: Complex, circuit: Circuit, setting: Setting) -> str:
        """What one control sees at the first step, for the log."""
        if control < len(self._regulators):
            regulator = self._regulators[control][0]
            law = regulator.backward if setting.backwards[control] else regulator
            volts = float(self._regulator_view(control, v[:, :1], circuit, setting)[0][0])
            stand = self.stand(control, setting)
            return f"{volts:.3f} V, band {law.target_v:g} +- {law.band_v / 2:g} V, {stand}"
        if self.is_direction(control):
            place = self._regulators[self._regulator_of(control)][1]
            return f"{float(self._line_power_w(place, v[:, :1], circuit)[0]) / 1e3:.1f} kW into the line"
        return self.stand(control, setting)

    def stand(self, control: int, setting: Setting) -> str:
        """Where one control has what it moves, for the log."""
        if control < len(self._regulators):
            regulator, place = self._regulators[control]
            moves = setting.moves[place.changer]
            taps = regulator.changer
            return f"tap {taps.position(moves):+d} ({taps.tap_pu(moves):.5f} pu)"
        if self.is_direction(control):
            return (
                "reverse settings" if setting.backwards[self._regulator_of(control)] else "forward settings"
            )
        capacitor, bank = self._capacitors[control - len(self._regulators)]
        return f"{setting.steps_on[bank.bank]} of {capacitor.steps} steps on"

    def take(self, control: int, setting: Setting, by: int) -> Setting:
        """The setting after one control has moved `by` steps, inside its range."""
        if control < len(self._regulators):
            regulator, place = self._regulators[control]
            moves = setting.moves[place.changer]
            return setting.moved(place.changer, regulator.held(moves + by) - moves)
        if self.is_direction(control):
            return setting.turned(self._regulator_of(control), 1 if by > 0 else -1)
        _, bank = self._capacitors[control - len(self._regulators)]
        return setting.switched(bank.bank, 1 if by > 0 else -1)

    def settling(self, control: int, wanted: int) -> int:
        """Steps that one control takes in one round of settling."""
        if control < len(self._regulators):
            return self._regulators[control][0].settling_moves(wanted)
        return wanted

    def is_off(self, control: int, setting: Setting) -> bool:
        """Whether a control's bank is wholly off; False for regulators and directions."""
        if self.is_regulator(control) or self.is_direction(control):
            return False
        return setting.steps_on[self._capacitors[control - len(self._regulators)][1].bank] == 0

    def is_regulator(self, control: int) -> bool:
        """Whether a control moves taps."""
        return control < len(self._regulators)

    def is_direction(self, control: int) -> bool:
        """Whether a control turns a regulator to reverse operation."""
        return control >= len(self._regulators) + len(self._capacitors)

    def _regulator_of(self, direction: int) -> int:
        return self._directions[direction - len(self._regulators) - len(self._capacitors)]

    def taps_pu(self, setting: Setting) -> dict[str, float]:
        """Tap by regulator."""
        return {
            name.partition(":")[2]: regulator.changer.tap_pu(setting.moves[place.changer])
            for name, (regulator, place) in zip(self.names, self._regulators, strict=False)
        }

    def steps_on(self, setting: Setting) -> dict[str, int]:
        """Steps on by capacitor control."""
        names = self.names[len(self._regulators) :]
        return {
            name.partition(":")[2]: setting.steps_on[place.bank]
            for name, (_, place) in zip(names, self._capacitors, strict=False)
        }

    def _line_power_w(self, place: _RegulatorPlace, v: Complex, circuit: Circuit) -> Float:
        """(steps,) power out of a regulator's sensed winding into the line."""
        element = circuit.elements[self._changers[place.changer].element]
        ends = np.stack([_at(v, int(element.nodes[row])) for row in place.terminal])
        return np.asarray(-(ends * _currents(element, place.terminal, v).conj()).sum(axis=0).real)

    def _regulator_view(
        self, row: int, v: Complex, circuit: Circuit, setting: Setting
    ) -> tuple[Float, Float]:
        regulator, place = self._regulators[row]
        law = regulator.backward if setting.backwards[row] else regulator
        coils = np.stack([_across(v, *ends) for ends in place.coils.tolist()])
        which = _pick(np.abs(coils), place.pick)
        columns = np.arange(v.shape[1])
        coil_v = coils[which, columns]
        current_a = np.zeros_like(coil_v)
        if place.conductors:
            element = circuit.elements[self._changers[place.changer].element]
            current_a = _currents(element, place.conductors, v)[which, columns]
        local = np.abs(_across(v, *place.local.tolist())) / regulator.pt_ratio
        return law.control_v(coil_v, current_a), local

    def _bank_view(self, place: _BankPlace, v: Complex, circuit: Circuit, hour: Float, air_c: Float) -> Seen:
        steps = v.shape[1]
        volts = np.stack([_at(v, node) for node in place.volts.tolist()])
        if place.delta and place.pt_pick.isdigit():
            volts = volts - np.roll(volts, -1, axis=0)
        size = np.abs(volts)
        current_a, power = np.zeros(steps), np.zeros(steps, dtype=np.complex128)
        if place.element >= 0:
            element = circuit.elements[place.element]
            amps = _currents(element, place.rows, v)
            ends = np.stack([_at(v, int(element.nodes[row])) for row in place.rows])
            power = (ends * amps.conj()).sum(axis=0)
            current_a = _measured(np.abs(amps), place.ct_pick) / place.ct_ratio
        return Seen(
            voltage_v=_measured(size, place.pt_pick) / place.pt_ratio,
            current_a=current_a,
            power_va=power,
            hour=hour,
            air_c=air_c,
            supplied=np.asarray((size > 0.0).any(axis=0)),
        )

    # -- building -------------------------------------------------------------------------

    def _add_regulator(self, feeder: Feeder, compiled: CompiledFeeder, row: dict[str, Any]) -> None:
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
        changer = self._changer(element, tapped, data, windings[tapped])
        at = self._circuit.elements[element].nodes
        ends = [_coil(data, sensed, phase) for phase in range(data.phases)]
        own = np.array([(at[a], at[b]) for a, b in ends], dtype=np.int64)
        coils, conductors, pt_ratio = own, tuple(a for a, _ in ends), float(row["pt_ratio"])
        if row["bus"] >= 0:  # a bus further on: its own voltage transformer, and no compensation
            places = self._nodes.at(int(row["bus"]), numbers(row["nodes"] or "1.0"))
            coils = np.array([(places[0], places[1] if len(places) > 1 else -1)], dtype=np.int64)
            conductors = ()
            if row["remote_pt_ratio"] > 0.0:
                pt_ratio = float(row["remote_pt_ratio"])
        regulator = Regulator(
            target_v=float(row["target_v"]),
            band_v=float(row["band_v"]),
            pt_ratio=pt_ratio,
            coil_v=float(data.winding_v[sensed]),
            changer=self._changers[changer].taps,
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
        place = _RegulatorPlace(
            changer, pick if len(coils) > 1 else "1", coils, own[0],
            tuple(range(sensed * (data.phases + 1), (sensed + 1) * (data.phases + 1))),
            conductors if compensated else (),
        )  # fmt: skip
        self._regulators.append((regulator, place))
        delay = float(row["delay_s"])
        self.delays[f"regulator:{row['name']}"] = Delays(delay, delay, float(row["tap_delay_s"]))

    def _changer(self, element: int, winding: int, data: TransformerData, coil: dict[str, Any]) -> int:
        for number, known in enumerate(self._changers):
            if (known.element, known.winding) == (element, winding):
                return number
        low, high = float(coil["tap_min_pu"]), float(coil["tap_max_pu"])
        taps = TapChanger(float(coil["tap_pu"]), low, high, (high - low) / int(coil["tap_steps"]))
        self._changers.append(_Changer(element, winding, data, taps))
        return len(self._changers) - 1

    def _add_capacitor(
        self, feeder: Feeder, compiled: CompiledFeeder, row: dict[str, Any], steps_on: list[int]
    ) -> None:
        shunt = int(row["shunt"])
        element = int(compiled.capacitor_element[shunt])
        if element < 0:
            return
        bank = feeder.table("shunt").iloc[shunt]
        known = [number for number, one in enumerate(self._banks) if one.element == element]
        place = known[0] if known else len(self._banks)
        step_kvar = -float(bank["q_mvar"]) * 1e3
        if not known:
            self._banks.append(_Bank(element, bank_block(bank, 1)))
            steps_on.append(int(bank["step"]))
        watched = -1
        rows: tuple[int, ...] = ()
        at = self._circuit.elements[element].nodes
        mode = Mode(row["mode"])
        if row["element"]:
            watched = self._circuit_element(str(row["element"]))
            part = self._circuit.elements[watched].terminal(int(row["terminal"]) - 1)
            rows = tuple(range(*part.indices(len(self._circuit.elements[watched].nodes))))
            at = self._circuit.elements[watched].nodes[list(rows)]
        if mode in (Mode.VOLTAGE, Mode.TIME, Mode.TEMPERATURE):
            watched = -1
        self._capacitors.append(
            (
                CapacitorControl(
                    mode, float(row["on"]), float(row["off"]), int(bank["max_step"]), step_kvar,
                    float(row["v_min"]), float(row["v_max"]), float(row["min_kvar_percent"]) / 100.0,
                ),
                _BankPlace(
                    place, at[at >= 0], bank["connection"] == "delta", float(row["pt_ratio"]),
                    str(row["pt_phase"]), watched, rows, float(row["ct_ratio"]), str(row["ct_phase"]),
                ),
            )
        )  # fmt: skip
        self.delays[f"capacitor:{row['name']}"] = Delays(
            float(row["delay_s"]), float(row["delay_off_s"]), None, float(row["dead_time_s"])
        )

    def _circuit_element(self, name: str) -> int:
        return next(i for i, part in enumerate(self._circuit.elements) if part.name.lower() == name.lower())

    def _watched(self) -> Int:
        groups = [place.coils.ravel() for _, place in self._regulators]
        groups += [place.local for _, place in self._regulators]
        elements = [
            self._changers[place.changer].element
            for regulator, place in self._regulators
            if place.conductors or regulator.reverse is not None
        ]
        for _, bank in self._capacitors:
            groups.append(bank.volts)
            elements += [bank.element] if bank.element >= 0 else []
        groups += [self._circuit.elements[element].nodes for element in elements]
        nodes = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *groups]))
        return nodes[nodes >= 0]


def _acting(feeder: Feeder, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
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


def _at(v: Complex, node: int) -> Complex:
    return v[node] if node >= 0 else np.zeros(v.shape[1], dtype=np.complex128)


def _across(v: Complex, a: int, b: int) -> Complex:
    return np.asarray(_at(v, a) - _at(v, b))


def _currents(element: Element, rows: tuple[int, ...], v: Complex) -> Complex:
    """(rows, steps) currents into some conductors of an element."""
    volts = np.stack([_at(v, node) for node in element.nodes.tolist()])
    return np.asarray(element.y_siemens[list(rows)] @ volts)


def _pick(size: Float, pick: str) -> Int:
    """(steps,) phase that a setting such as ``2``, ``max`` or ``min`` chooses."""
    if pick in ("max", "min"):
        return np.asarray(np.argmax(size, axis=0) if pick == "max" else np.argmin(size, axis=0))
    return np.full(size.shape[1], min(int(pick), len(size)) - 1, dtype=np.int64)


def _measured(size: Float, pick: str) -> Float:
    """(steps,) magnitude that a setting such as ``2``, ``avg``, ``max`` or ``min`` gives."""
    if pick == "avg":
        return np.asarray(size.mean(axis=0))
    return np.asarray(size[_pick(size, pick), np.arange(size.shape[1])])


# -- settings that cannot work ------------------------------------------------------------


def control_problems(feeder: Feeder) -> Iterator[Problem]:
    """Control settings that contradict themselves or the feeder."""
    winding, bus = feeder.winding, feeder.bus
    coils = {
        (int(of), int(number)): row
        for row, (of, number) in enumerate(zip(winding["transformer"], winding["number"], strict=True))
    }
    for row, control in _acting(feeder, "regulator"):
        key = f"regulator[{row}] {control['name']}"
        unit, tapped = int(control["transformer"]), int(control["winding"])
        for number in {tapped, int(control["sensed_winding"])} - {-1}:
            if (unit, number) not in coils:
                yield Problem("its transformer has no such winding", key=f"{key}.winding", value=f"{number}")
        coil = winding.iloc[coils[unit, tapped]] if (unit, tapped) in coils else None
        if coil is not None:
            low, tap, high = (float(coil[name]) for name in ("tap_min_pu", "tap_pu", "tap_max_pu"))
            if not (0.0 < low < high and int(coil["tap_steps"]) > 0):
                yield Problem("tap_min_pu must be below tap_max_pu, with steps between", key=key)
            elif not low - 1e-9 <= tap <= high + 1e-9:
                name = feeder.transformer["name"].iloc[unit]
                yield Problem(
                    f"the tap of {name} must be from {low:g} to {high:g} pu",
                    key=f"{key}.tap",
                    value=f"{tap:g}",
                )
        for name in ("target_v", "band_v", "pt_ratio"):
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        reverses = bool(control["reversible"] or control["cogeneration"])
        for name in ("reverse_target_v", "reverse_band_v") if reverses else ():
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        for name in ("delay_s", "tap_delay_s", "reverse_threshold_kw", "reverse_delay_s"):
            if not float(control[name]) >= 0.0:
                yield Problem("must be 0 or more", key=f"{key}.{name}", value=f"{control[name]:g}")
        drops = ("r_v", "x_v", "ldc_z_v")
        compensated = any(
            control[name] for name in (*drops, *(f"reverse_{name}" for name in drops if reverses))
        )
        if compensated and not float(control["ct_primary_a"]) > 0.0:
            yield Problem(
                "line-drop compensation needs the current transformer's rating", key=f"{key}.ct_primary_a"
            )
        if str(control["pt_phase"]) not in ("1", "2", "3", "max", "min"):
            yield Problem(
                "must be a phase, max or min", key=f"{key}.pt_phase", value=str(control["pt_phase"])
            )
        sensed = int(control["bus"])
        if not -1 <= sensed < len(bus):
            yield Problem("there is no such bus", key=f"{key}.bus", value=f"{sensed}")
        elif sensed >= 0:
            words = str(control["nodes"] or "1.0").split(".")
            if not {*words} <= {"0", *bus["nodes"].iloc[sensed].split(".")}:
                yield Problem(
                    "its bus has no such conductors", key=f"{key}.nodes", value=str(control["nodes"])
                )
    known = {
        f"{kind}.{name}".lower(): ends
        for kind, table, ends in (
            ("line", "line", 2),
            ("transformer", "transformer", 3),
            ("capacitor", "shunt", 1),
        )
        for name in feeder.table(table)["name"]
    } | {str(name).lower(): 3 for name in feeder.table("other")["name"]}
    for row, control in _acting(feeder, "capacitor_control"):
        key = f"capacitor_control[{row}] {control['name']}"
        mode, element = str(control["mode"]), str(control["element"])
        if mode not in [*Mode]:
            yield Problem(f"must be one of {', '.join(Mode)}", key=f"{key}.mode", value=mode)
        if element and element.lower() not in known:
            yield Problem("there is no such element to watch", key=f"{key}.element", value=element)
        elif element and not 1 <= int(control["terminal"]) <= known[element.lower()]:
            yield Problem(
                "its element has no such terminal", key=f"{key}.terminal", value=f"{control['terminal']}"
            )
        elif not element and mode in ("current", "kvar", "pf"):
            yield Problem("needs an element to watch", key=f"{key}.element")
        for name in ("pt_ratio", "ct_ratio"):
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        for name in ("delay_s", "delay_off_s", "dead_time_s"):
            if not float(control[name]) >= 0.0:
                yield Problem("must be 0 or more", key=f"{key}.{name}", value=f"{control[name]:g}")
        if mode == "voltage" and not control["on"] < control["off"]:
            yield Problem(
                "off must be above on, or the bank hunts", key=f"{key}.off", value=f"{control['off']:g}"
            )
        if mode in ("current", "kvar", "temperature") and not control["off"] < control["on"]:
            yield Problem(
                "off must be below on, or the bank hunts", key=f"{key}.off", value=f"{control['off']:g}"
            )
        for name in ("pt_phase", "ct_phase"):
            if str(control[name]) not in ("1", "2", "3", "avg", "max", "min"):
                yield Problem(
                    "must be a phase, avg, max or min", key=f"{key}.{name}", value=str(control[name])
                )
        steps, most = (
            int(feeder.table("shunt")[name].iloc[int(control["shunt"])]) for name in ("step", "max_step")
        )
        if not 0 <= steps <= most:
            yield Problem(f"its bank has {most} steps", key=f"{key}.step", value=f"{steps}")
