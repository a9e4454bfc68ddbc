"""Switched capacitor banks: what their controls see, and whether they want a step on or off.

The law is that of OpenDSS's CapControl: an on and an off setting for what is sensed, and a voltage
override before it. When a wanted step is taken (delays, discharge) is the business of the clock, see
`cosim.events.control_processes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Mode(StrEnum):
    """What a control compares with its settings."""

    VOLTAGE = "voltage"  # on the control base [V]: on below `on`, off above `off`
    CURRENT = "current"  # on the control base [A]: on above `on`, off below `off`
    KVAR = "kvar"  # into the sensed terminal [kvar]: on above `on`, off below `off`
    PF = "pf"  # power factor, -0.98 for leading: on below `on`, off above `off`
    TIME = "time"  # hour of the local day: on from `on` to `off`, over midnight if `off` is earlier
    TEMPERATURE = "temperature"  # outdoor air [degree Celsius]: on above `on`, off below `off`


@dataclass(frozen=True)
class Seen:
    """What a control sees, (steps,) each.

    Parameters
    ----------
    voltage_v, current_a
        Magnitudes on the control base.
    power_va
        Complex, of all phases, into the sensed terminal.
    hour
        Hour of the local day.
    air_c
        Outdoor air.
    supplied
        Whether the sensed terminal has voltage; without it nothing is done.
    """

    voltage_v: Float
    current_a: Float
    power_va: Complex
    hour: Float
    air_c: Float
    supplied: Bool


@dataclass(frozen=True)
class CapacitorControl:
    """One control and the bank it switches.

    Parameters
    ----------
    mode, on, off
        What is compared, with what.
    steps
        Steps of the bank.
    step_kvar
        Rating of one step [kvar]; by power factor no step goes on for less than `min_share` of it.
    v_min, v_max
        Voltage override on the control base [V]: on below, off above; NaN for none.
    """

    mode: Mode
    on: float
    off: float
    steps: int
    step_kvar: float
    v_min: float = math.nan
    v_max: float = math.nan
    min_share: float = 0.5

    def wanted_step(self, seen: Seen, steps_on: int) -> Int:
        """(steps,) +1 where another step is wanted on, -1 where one is wanted off, else 0."""
        up, down = self._asked(seen)
        if self.mode is not Mode.VOLTAGE:
            low = seen.voltage_v < self.v_min if steps_on == 0 else np.zeros_like(up)
            high = seen.voltage_v > self.v_max if steps_on > 0 else np.zeros_like(up)
            up, down = (up & ~high) | low, (down & ~low) | high
        up &= seen.supplied & (steps_on < self.steps)
        down &= seen.supplied & (steps_on > 0)
        return np.where(down, -1, np.where(up, 1, 0)).astype(np.int64)

    def _asked(self, seen: Seen) -> tuple[Bool, Bool]:
        """Where the settings ask for more, and for less."""
        match self.mode:
            case Mode.VOLTAGE:
                return seen.voltage_v < self.on, seen.voltage_v > self.off
            case Mode.CURRENT:
                return seen.current_a > self.on, seen.current_a < self.off
            case Mode.KVAR:
                kvar = seen.power_va.imag / 1e3
                return kvar > self.on, kvar < self.off
            case Mode.TEMPERATURE:
                return seen.air_c > self.on, seen.air_c < self.off
            case Mode.TIME:
                after, before = seen.hour >= self.on, seen.hour < self.off
                inside = after & before if self.off > self.on else after | before
                return inside, ~inside
            case Mode.PF:
                factor = _factor(seen.power_va)
                room = seen.power_va.imag / 1e3 > self.min_share * self.step_kvar
                return (factor < _leading_beyond_one(self.on)) & room, factor > _leading_beyond_one(self.off)


def _factor(power_va: Complex) -> Float:
    """Power factor from 0 to 2: beyond 1 the current leads, so that more capacitors always raise it."""
    size = np.abs(power_va)
    factor = np.divide(np.abs(power_va.real), size, out=np.ones_like(size), where=size > 0.0)
    return np.where(power_va.imag < 0.0, 2.0 - factor, factor)


def _leading_beyond_one(setting: float) -> float:
    return 2.0 + setting if setting < 0.0 else setting
