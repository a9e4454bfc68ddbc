"""Step voltage regulators: what their controls see, and how many taps they want to move.

The law is that of a control with a band around a set point and line-drop compensation, as
OpenDSS's RegControl has it. When a wanted tap is taken (delays, one tap at a time) is the business
of the clock, see `cosim.events.control_processes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

SUPPLY_PU = 0.5
"""Below this share of its set point a control has lost its supply and does nothing (an estimate)."""

SETTLING_SHARE = 0.7
"""Part of the way that one round of settling goes at once, as OpenDSS's static control mode does."""


@dataclass(frozen=True)
class TapChanger:
    """Taps of one winding, counted in steps from where the feeder's table has it.

    Parameters
    ----------
    start_pu
        Tap at 0 moves.
    low_pu, high_pu
        Range.
    step_pu
        One step.
    """

    start_pu: float
    low_pu: float
    high_pu: float
    step_pu: float

    def tap_pu(self, moves: int) -> float:
        """Tap after `moves` steps, held inside the range."""
        return min(max(self.start_pu + moves * self.step_pu, self.low_pu), self.high_pu)

    def position(self, moves: int) -> int:
        """Steps from the middle of the range."""
        return round((self.tap_pu(moves) - 0.5 * (self.low_pu + self.high_pu)) / self.step_pu)

    @property
    def lowest(self) -> int:
        """Moves at which the range ends below."""
        return -math.ceil((self.start_pu - self.low_pu) / self.step_pu - 1e-6)

    @property
    def highest(self) -> int:
        """Moves at which the range ends above."""
        return math.ceil((self.high_pu - self.start_pu) / self.step_pu - 1e-6)


@dataclass(frozen=True)
class Reverse:
    """What a control does once power flows backwards through its winding.

    Parameters
    ----------
    threshold_w
        Power into the sensed winding from its line above which the flow counts as reversed, and out of it above
        which it counts as forward again.
    delay_s
        How long it must flow so before the control changes over.
    target_v, band_v, drop_v, drop_z_v
        As in `Regulator`, in force while reversed.
    neutral
        Go to the neutral tap, one step at a time, and stay there.
    cogeneration
        Look the same way as before (the source is still on the far side of the line), with these settings; else the
        other side of the winding is regulated, and taps count the other way.
    """

    threshold_w: float = 100e3
    delay_s: float = 60.0
    target_v: float = 120.0
    band_v: float = 3.0
    drop_v: complex = 0j
    drop_z_v: float = 0.0
    neutral: bool = False
    cogeneration: bool = False


@dataclass(frozen=True)
class Regulator:
    """One control.

    Parameters
    ----------
    target_v, band_v
        Set point and full width of its band, on the secondary of the voltage transformer [V].
    pt_ratio
        Coil voltage over control voltage.
    coil_v
        Rated voltage of the sensed coil [V].
    changer
        Taps that it moves.
    ct_primary_a
        Line current at which the compensator drops its settings [A].
    drop_v
        R + jX of the line-drop compensator [V at `ct_primary_a`]; 0 for none.
    drop_z_v
        Compensation by magnitudes instead (OpenDSS LDC_Z) [V at `ct_primary_a`]; 0 for none.
    limit_v
        Local voltage that is never exceeded, on the control base [V]; NaN for none.
    opposite
        Whether raising the tap lowers the sensed voltage (the tap is in another winding).
    max_taps
        Most steps in one round of settling.
    inverse_time
        The delay falls with the distance from the set point in half bands, down to a tenth.
    reverse
        What it does on reverse power; None for a control that does not look.
    """

    target_v: float
    band_v: float
    pt_ratio: float
    coil_v: float
    changer: TapChanger
    ct_primary_a: float = math.nan
    drop_v: complex = 0j
    drop_z_v: float = 0.0
    limit_v: float = math.nan
    opposite: bool = False
    max_taps: int = 16
    inverse_time: bool = False
    reverse: Reverse | None = None

    @property
    def backward(self) -> Regulator:
        """The control as it is while power flows backwards: its reverse settings in force."""
        assert self.reverse is not None
        back = self.reverse
        return replace(
            self, target_v=back.target_v, band_v=back.band_v, drop_v=back.drop_v, drop_z_v=back.drop_z_v
        )

    def direction_change(self, power_w: Float, backwards: bool) -> Int:
        """(steps,) +1 where it wants to turn to reverse operation, -1 to forward, else 0.

        power_w: out of the sensed winding into the line.
        """
        assert self.reverse is not None
        if backwards:
            return np.where(power_w > self.reverse.threshold_w, -1, 0)
        return np.where(power_w < -self.reverse.threshold_w, 1, 0)

    def wanted_backwards(self, control_v: Float, local_v: Float, moves: int) -> Int:
        """`wanted_taps` while reversed; `control_v` was seen by `backward`.

        Where the other side is regulated, its voltage is what is seen over the tap (the unit's own drop is left out, as
        in OpenDSS), and a higher tap lowers it.
        """
        assert self.reverse is not None
        tap_pu = self.changer.tap_pu(moves)
        if self.reverse.neutral:
            taps = round((1.0 - tap_pu) / self.changer.step_pu)
            return np.full(len(control_v), taps, dtype=np.int64)
        if self.reverse.cogeneration:
            return self.backward.wanted_taps(control_v, local_v, moves)
        return replace(self.backward, opposite=True).wanted_taps(control_v / tap_pu, local_v, moves)

    def delay_share(self, control_v: float) -> float:
        """Part of its delay that a control waits that sees `control_v` (OpenDSS's inverse time).

        Counted from the forward set point in forward half bands in either direction of flow, as there.
        """
        if not self.inverse_time:
            return 1.0
        return 1.0 / min(10.0, 2.0 * abs(self.target_v - control_v) / self.band_v)

    def control_v(self, coil_v: Complex, current_a: Complex) -> Float:
        """(steps,) magnitude that the control compares [V].

        `coil_v` is across the sensed coil divided by nothing yet; `current_a` flows from the line *into* the
        winding's terminal, so that a load downstream makes its real part negative.
        """
        seen = coil_v / self.pt_ratio
        if self.drop_z_v:
            return np.asarray(np.abs(seen) - np.abs(current_a) / self.ct_primary_a * self.drop_z_v)
        if self.drop_v:
            seen = seen + self.drop_v * current_a / self.ct_primary_a
        return np.abs(seen)

    def wanted_taps(self, control_v: Float, local_v: Float, moves: int) -> Int:
        """(steps,) steps that would bring the voltage to the middle of the band; 0 inside the band.

        0 too where the range ends in that direction, and without supply. `local_v` is the voltage at the
        regulator itself on the control base, for `limit_v`.
        """
        taps = self.asked_taps(control_v, local_v)
        acts = control_v > SUPPLY_PU * self.target_v
        acts &= np.where(taps > 0, moves < self.changer.highest, moves > self.changer.lowest)
        return np.where(acts, taps, 0)

    def asked_taps(self, control_v: Float, local_v: Float) -> Int:
        """`wanted_taps` whatever the range of the taps and the supply."""
        boost = self.target_v - control_v
        needed = np.abs(boost) > 0.5 * self.band_v
        over = local_v > self.limit_v  # never, if the limit is NaN
        boost = np.where(over, self.limit_v - local_v, boost)
        taps = np.rint(boost * (self.pt_ratio / self.coil_v) / self.changer.step_pu)
        if self.opposite:
            taps = -taps
        return np.where(needed | over, taps, 0.0).astype(np.int64)

    def settling_moves(self, wanted: int) -> int:
        """Steps of one round of settling: most of the way, at least one, at most `max_taps`."""
        size = min(max(int(SETTLING_SHARE * abs(wanted)), 1), self.max_taps)
        return size if wanted > 0 else -size

    def held(self, moves: int) -> int:
        """`moves` inside the range."""
        return min(max(moves, self.changer.lowest), self.changer.highest)
