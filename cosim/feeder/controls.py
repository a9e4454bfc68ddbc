"""Voltage controls of a feeder as arrays: where they look, what they move, where they come to rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.control_parts import Bank, Changer, Delays, Setting
from cosim.feeder.control_tables import read_controls

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

__all__ = ["Controls", "Setting"]


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
        read = read_controls(feeder, compiled, regulators, capacitors)
        self._changers, self._banks = read.changers, read.banks
        self._regulators, self._capacitors, self.delays = read.regulators, read.capacitors, read.delays
        self._directions: list[int] = []  # regulator of each
        for number, (regulator, _) in enumerate(self._regulators):
            if regulator.reverse is not None:
                name = list(self.delays)[number].partition(":")[2]
                self.delays[f"direction:{name}"] = Delays(
                    regulator.reverse.delay_s, regulator.reverse.delay_s, None
                )
                self._directions.append(number)
        self.names = tuple(self.delays)
        self.start = Setting((0,) * len(self._changers), tuple(read.steps_on), (0,) * len(self._regulators))
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

    def _parts(self) -> tuple[Changer | Bank, ...]:
        return (*self._changers, *self._banks)

    # -- looking --------------------------------------------------------------------------

    def wanted(self, v: Complex, circuit: Circuit, setting: Setting, hour: Float, air_c: Float) -> Int:
        """(controls, steps) steps wanted, signed; 0 inside the band. v (n, steps) was solved on `circuit`."""
        out = np.zeros((len(self), v.shape[1]), dtype=np.int64)
        for row, (regulator, place) in enumerate(self._regulators):
            backwards, moves = bool(setting.backwards[row]), setting.moves[place.changer]
            law = regulator.wanted_backwards if backwards else regulator.wanted_taps
            out[row] = law(*place.view(regulator, backwards, v, circuit), moves)
        for row, (control, bank) in enumerate(self._capacitors, len(self._regulators)):
            seen = bank.view(v, circuit, hour, air_c)
            out[row] = control.wanted_step(seen, setting.steps_on[bank.bank])
        for row, number in enumerate(self._directions, len(self._regulators) + len(self._capacitors)):
            regulator, place = self._regulators[number]
            power_w = place.line_power_w(v, circuit)
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
        seen = self._seen_v(control, v, circuit, setting)
        if back is not None and setting.backwards[control] and not back.cogeneration:
            seen /= regulator.changer.tap_pu(setting.moves[self._regulators[control][1].changer])
        return delays.raise_s * regulator.delay_share(seen)

    def view(self, control: int, v: Complex, circuit: Circuit, setting: Setting) -> str:
        """What one control sees at the first step, for the log."""
        if control < len(self._regulators):
            regulator = self._regulators[control][0]
            law = regulator.backward if setting.backwards[control] else regulator
            volts = self._seen_v(control, v, circuit, setting)
            stand = self.stand(control, setting)
            return f"{volts:.3f} V, band {law.target_v:g} +- {law.band_v / 2:g} V, {stand}"
        if self.is_direction(control):
            place = self._regulators[self._regulator_of(control)][1]
            return f"{float(place.line_power_w(v[:, :1], circuit)[0]) / 1e3:.1f} kW into the line"
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

    def _seen_v(self, control: int, v: Complex, circuit: Circuit, setting: Setting) -> float:
        """Voltage that one regulator's law in force sees at the first step [V]."""
        regulator, place = self._regulators[control]
        return float(place.view(regulator, bool(setting.backwards[control]), v[:, :1], circuit)[0][0])

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
