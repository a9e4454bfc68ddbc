"""Times of a device and the one upstream, and the ranges of current in which one comes before the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cosim.devices.protection import PHASES, Element, ProtectiveDevice

Currents = tuple[float, ...]

FUSE_SHARE = 0.75  # clearing of a link over melting of the link before it: the 75 % rule (recalled)
FUSE_TO_RELAY_S, RELAY_TO_RELAY_S = 0.2, 0.3
"""Between clearing and the decision of a relay or recloser upstream; planners ask 0.2 to 0.4 s (estimate)."""
# Eaton TD132010EN (2017), "Coordination of fuse links with oil circuit reclosers"
SAVING_ONE, SAVING_TWO = 1.2, 1.35
"""Melting of a link over the fast clearing of the recloser before it, with one fast shot and with two (stated)."""
SOURCE_SIDE = 1.7
"""Melting of a fuse over the delayed clearing of a recloser behind it: two fast and two delayed shots, 2 s (stated)."""
GRID = 48  # currents looked at between the least and the most; a crossing is then bisected


def decides_s(device: ProtectiveDevice, current_a: Sequence[float], shot: int = 0) -> float:
    """When a device at rest melts or decides to open, at constant current; infinite for never."""
    return min(
        (one.seconds(_seen(device, one, current_a)) for one in device.shots[shot].elements), default=math.inf
    )


def clears_s(device: ProtectiveDevice, current_a: Sequence[float], shot: int = 0) -> float:
    """When the current has stopped, arc and mechanism included; infinite for never."""
    found = math.inf
    for one in device.shots[shot].elements:
        found = min(found, one.clears_s(_seen(device, one, current_a)))
    return found + device.opening_us / 1e6


def asked_s(device: ProtectiveDevice, backup: ProtectiveDevice, cleared_s: float) -> float:
    """Earliest time at which a backup may melt or decide, if the device before it has cleared at `cleared_s`."""
    if backup.kind == "fuse":
        return cleared_s / FUSE_SHARE if device.kind == "fuse" else cleared_s * SOURCE_SIDE
    return cleared_s + (FUSE_TO_RELAY_S if device.kind == "fuse" else RELAY_TO_RELAY_S)


def fast_shots(device: ProtectiveDevice) -> tuple[int, ...]:
    """Shots that open sooner than the last: those that save fuses."""
    return tuple(k for k, shot in enumerate(device.shots) if shot.elements != device.shots[-1].elements)


def _seen(device: ProtectiveDevice, element: Element, current_a: Sequence[float]) -> float:
    if element.sees == "ground":
        return current_a[3]
    return max(current_a[PHASES.index(phase)] for phase in device.conductors)


def most_a(device: ProtectiveDevice, current_a: Sequence[float]) -> float:
    """Largest current of a phase that it carries [A]."""
    return max(current_a[PHASES.index(phase)] for phase in device.conductors)


@dataclass(frozen=True)
class Span:
    """Currents of one kind of fault from the least to the most, through a device and its backup, (4,) each."""

    device: ProtectiveDevice
    least: tuple[Currents, Currents]
    most: tuple[Currents, Currents]

    def at(self, amperes: float) -> tuple[Currents, Currents]:
        """Both currents where the largest phase current of the device is `amperes`."""
        low, high = most_a(self.device, self.least[0]), most_a(self.device, self.most[0])
        share = (amperes - low) / (high - low) if high > low else 0.0
        mine, its = (
            tuple(a + share * (b - a) for a, b in zip(self.least[k], self.most[k], strict=True))
            for k in (0, 1)
        )
        return mine, its

    @property
    def ends(self) -> tuple[float, float]:
        """Least and most of the device's largest phase current [A]."""
        return most_a(self.device, self.least[0]), most_a(self.device, self.most[0])


def wrong_between(wrong: Callable[[float], bool], low_a: float, high_a: float) -> list[tuple[float, float]]:
    """Ranges of current in which something is wrong, their inner ends bisected to a part in 10^9."""
    grid = np.geomspace(low_a, high_a, GRID).tolist() if high_a > low_a else [low_a]
    grid[0], grid[-1] = low_a, high_a
    state = [wrong(one) for one in grid]
    found: list[tuple[float, float]] = []
    start = low_a
    for k in range(1, len(grid)):
        if state[k] == state[k - 1]:
            continue
        a, b = grid[k - 1], grid[k]
        while b - a > 1e-9 * b:
            middle = 0.5 * (a + b)
            a, b = (middle, b) if wrong(middle) == state[k - 1] else (a, middle)
        if state[k]:
            start = b
        else:
            found.append((start, b))
    if state[-1]:
        found.append((start, high_a))
    return found
