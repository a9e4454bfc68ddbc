"""When inverters may produce: the enter-service rule of IEEE 1547-2018, clause 4.10.

After voltage is back, an inverter waits until it has been inside the window for the whole delay,
and then rises linearly from nothing. Defaults are those of the standard as carried by EPRI's
OpenDER 2.2.0: 0.917 to 1.05 pu, 300 s, 300 s. The delay itself is kept by the events, which count;
this module says how much an inverter may give and when its voltage leaves or enters the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

ALWAYS = np.iinfo(np.int64).min  # in service since before the run: no ramp
CEASED = np.iinfo(np.int64).max  # not in service


@dataclass(frozen=True)
class EnterServiceRule:
    """Settings of the rule.

    Parameters
    ----------
    v_min_pu, v_max_pu
        Window of voltage at the DER, borders included [pu of nominal].
    delay_s
        Time inside the window before service [s].
    ramp_s
        Duration of the linear rise [s]; 0 for a step.
    """

    v_min_pu: float = 0.917
    v_max_pu: float = 1.05
    delay_s: float = 300.0
    ramp_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0.0 < self.v_min_pu < self.v_max_pu:
            raise ValueError(f"the voltage window {self.v_min_pu} to {self.v_max_pu} pu is empty")
        if not (self.delay_s >= 0.0 and self.ramp_s >= 0.0):
            raise ValueError(f"delay ({self.delay_s} s) and ramp ({self.ramp_s} s) must not be negative")

    def inside(self, v_pu: Float) -> Bool:
        """Whether each voltage [pu] is inside the window; a voltage that is not a number is not."""
        return np.asarray((v_pu >= self.v_min_pu) & (v_pu <= self.v_max_pu))

    def share(self, entered_us: Int, start_us: Int, seconds: Float) -> Float:
        """Share of its available power that each inverter may give, averaged over each step.

        The average is exact, so the energy given does not depend on the length of the steps.

        Parameters
        ----------
        entered_us : (k,)
            When each entered service [us of the scenario], `ALWAYS` or `CEASED`.
        start_us : (steps,)
            Starts of the steps [us].
        seconds : (steps,)
            Lengths of the steps [s].

        Returns
        -------
        (k, steps)
            0 to 1.
        """
        share = np.zeros((len(entered_us), len(start_us)))
        share[entered_us == ALWAYS] = 1.0
        rising = np.flatnonzero((entered_us != ALWAYS) & (entered_us != CEASED))
        if len(rising):
            since_s: Float = (start_us[None, :] - entered_us[rising, None]) / np.float64(
                1e6
            )  # at the step's start
            share[rising] = _ramp_average(since_s, since_s + seconds, self.ramp_s)
        return share

    def first_change(self, v_pu: Float, inside: Bool) -> tuple[int, Int]:
        """First step in which any inverter is on the other side of the window's border than before.

        Parameters
        ----------
        v_pu : (k, steps)
            Voltage in each step [pu], for the inverters that await service.
        inside : (k,)
            Whether each was inside the window before the block.

        Returns
        -------
        step, rows
            The step and the rows that change in it; (-1, empty) if none does.
        """
        changed = self.inside(v_pu) != inside[:, None]
        steps = np.flatnonzero(changed.any(axis=0))
        if not len(steps):
            return -1, np.empty(0, np.int64)
        return int(steps[0]), np.flatnonzero(changed[:, steps[0]])


def _ramp_average(begin_s: Float, end_s: Float, ramp_s: float) -> Float:
    """Mean over begin..end (seconds since entering service) of clip(t / ramp, 0, 1).

    The part before 0 gives nothing, the part after the ramp gives 1, and the part on the ramp
    gives its value at the middle.
    """
    low, high = np.clip(begin_s, 0.0, ramp_s), np.clip(end_s, 0.0, ramp_s)
    on_ramp = (high - low) * ((low + high) / (2.0 * ramp_s)) if ramp_s > 0.0 else 0.0
    after = np.maximum(end_s, ramp_s) - np.maximum(begin_s, ramp_s)
    average = (on_ramp + after) / (end_s - begin_s)
    return np.asarray(np.where(begin_s >= ramp_s, 1.0, np.where(end_s <= 0.0, 0.0, average)))
