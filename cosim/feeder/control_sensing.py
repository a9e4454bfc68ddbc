"""Where controls of a feeder look, and what they see there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosim.devices.capacitor import Seen
from cosim.devices.regulator import Regulator
from cosim.electrical.circuit import Circuit, Complex, Element, Float, Int


@dataclass(frozen=True)
class RegulatorPlace:
    """Where one regulator looks: end nodes of the coils it may choose from, and their conductors."""

    changer: int
    element: int  # the unit's
    pick: str
    coils: Int  # (phases, 2) nodes of each coil sensed, -1 is ground
    local: Int  # (2,) nodes of the regulator's own first coil
    terminal: tuple[int, ...]  # rows of the sensed winding in the element
    conductors: tuple[int, ...]  # row of each coil's line end in the element; empty without compensation

    def line_power_w(self, v: Complex, circuit: Circuit) -> Float:
        """(steps,) power out of the sensed winding into the line."""
        element = circuit.elements[self.element]
        ends = np.stack([_at(v, int(element.nodes[row])) for row in self.terminal])
        return np.asarray(-(ends * _currents(element, self.terminal, v).conj()).sum(axis=0).real)

    def view(
        self, regulator: Regulator, backwards: bool, v: Complex, circuit: Circuit
    ) -> tuple[Float, Float]:
        """(steps,) voltage that the law in force looks at, and voltage of the own coil, both at the control [V]."""
        law = regulator.backward if backwards else regulator
        coils = np.stack([_across(v, *ends) for ends in self.coils.tolist()])
        which = _pick(np.abs(coils), self.pick)
        columns = np.arange(v.shape[1])
        coil_v = coils[which, columns]
        current_a = np.zeros_like(coil_v)
        if self.conductors:
            current_a = _currents(circuit.elements[self.element], self.conductors, v)[which, columns]
        local = np.abs(_across(v, *self.local.tolist())) / regulator.pt_ratio
        return law.control_v(coil_v, current_a), local


@dataclass(frozen=True)
class BankPlace:
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

    def view(self, v: Complex, circuit: Circuit, hour: Float, air_c: Float) -> Seen:
        """What the control is shown at every step."""
        steps = v.shape[1]
        volts = np.stack([_at(v, node) for node in self.volts.tolist()])
        if self.delta and self.pt_pick.isdigit():
            volts = volts - np.roll(volts, -1, axis=0)
        size = np.abs(volts)
        current_a, power = np.zeros(steps), np.zeros(steps, dtype=np.complex128)
        if self.element >= 0:
            element = circuit.elements[self.element]
            amps = _currents(element, self.rows, v)
            ends = np.stack([_at(v, int(element.nodes[row])) for row in self.rows])
            power = (ends * amps.conj()).sum(axis=0)
            current_a = _measured(np.abs(amps), self.ct_pick) / self.ct_ratio
        return Seen(
            voltage_v=_measured(size, self.pt_pick) / self.pt_ratio,
            current_a=current_a,
            power_va=power,
            hour=hour,
            air_c=air_c,
            supplied=np.asarray((size > 0.0).any(axis=0)),
        )


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
