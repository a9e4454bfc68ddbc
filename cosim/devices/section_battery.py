"""A battery that forms the grid of a section: what it stores by the power at its terminals, and its limits.

Positive power is given to the section. Power stands still within a step, so empty and full have their microsecond in
closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]

Z_PU = 0.01 + 0.06j
"""Filter and step-up transformer on the battery's own rating (estimate; small units have 1 % and 2 to 6 %)."""
COLLAPSED_PU = 0.5
"""An overload below this voltage is taken for a short circuit (estimate, 0.4 to 0.8: voltage restraint)."""
RELEASE = 0.9  # share stored at which solar is let in again (estimate)
ROUND_OFF = 1e-9


class Limit(StrEnum):
    """What a battery reaches."""

    EMPTY = "battery empty"
    OVERLOAD = "overloaded"
    SHORT = "short circuit"
    FULL = "battery full"
    CHARGING = "solar above what the battery takes"
    ROOM = "room for solar again"


@dataclass(frozen=True)
class SectionBattery:
    """Numbers of one battery.

    Parameters
    ----------
    capacity_j
        Usable energy.
    phase_va
        Apparent power of each phase at most, either way: its current at nominal voltage.
    efficiency
        One way.
    initial_j
        Stored at the start.
    """

    capacity_j: float
    phase_va: float
    efficiency: float
    initial_j: float

    def rate_w(self, power_w: Float) -> Float:
        """(steps,) rate at which stored energy rises under a power at the terminals."""
        return np.where(power_w > 0.0, -power_w / self.efficiency, -power_w * self.efficiency)

    def charge_j(self, start_j: float, power_w: Float, seconds: Float) -> Float:
        """(steps + 1,) stored at the start of each step and at the end, unlimited; added up step by step."""
        return np.cumsum(np.concatenate(([start_j], self.rate_w(power_w) * seconds)))

    def first_limit(
        self,
        start_j: float,
        phase_va: Complex,
        loading_va: Float,
        start_us: NDArray[np.int64],
        seconds: Float,
        held: bool,
    ) -> tuple[int, Limit] | None:
        """The first limit that a battery reaches in some steps, and when [us].

        Parameters
        ----------
        start_j
            Stored at the start.
        phase_va
            (phases, steps) given to the section.
        loading_va
            (phases, steps) current times nominal voltage: what an inverter is limited by, a short circuit's too.
        start_us, seconds
            (steps,) starts and lengths of the steps.
        held
            Whether solar is kept away already: what still charges beyond a limit is an overload.
        """
        power_w = phase_va.real.sum(axis=0)
        rate_w, stored_j = self.rate_w(power_w), self.charge_j(start_j, power_w, seconds)
        over = np.asarray(np.any(loading_va > self.phase_va * (1.0 + ROUND_OFF), axis=0))
        empty = (stored_j[1:] <= 0.0) & (rate_w < 0.0)
        full = (stored_j[1:] >= self.capacity_j) & (rate_w > 0.0)
        room = np.logical_and(stored_j[:-1] <= RELEASE * self.capacity_j, held)
        reached = np.flatnonzero(over | empty | full | room)
        if not len(reached):
            return None
        step = int(reached[0])
        begins_us = int(start_us[step])
        if over[step]:
            collapsed = np.abs(phase_va[:, step]) < COLLAPSED_PU * loading_va[:, step]
            if (collapsed & (loading_va[:, step] > self.phase_va)).any():
                return begins_us, Limit.SHORT
            return begins_us, Limit.CHARGING if power_w[step] < 0.0 and not held else Limit.OVERLOAD
        if room[step]:
            return begins_us, Limit.ROOM
        edge_j = 0.0 if empty[step] else self.capacity_j
        within_s = max((edge_j - float(stored_j[step])) / float(rate_w[step]), 0.0)
        limit = Limit.EMPTY if empty[step] else Limit.OVERLOAD if held else Limit.FULL
        return begins_us + math.ceil(within_s * 1e6), limit
