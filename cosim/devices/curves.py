"""Time-current curves: fuse links and reclosers by points, overcurrent relays by formula."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]

# t = dial (A / (M^p - 1) + B), M in multiples of pick-up.
# IEEE C37.112 moderately, very, extremely inverse; IEC 60255-151 standard, very, extremely inverse, long-time.
RELAYS: dict[str, tuple[float, float, float]] = {
    "ieee-moderately-inverse": (0.0515, 0.1140, 0.02),
    "ieee-very-inverse": (19.61, 0.491, 2.0),
    "ieee-extremely-inverse": (28.2, 0.1217, 2.0),
    "iec-standard-inverse": (0.14, 0.0, 0.02),
    "iec-very-inverse": (13.5, 0.0, 1.0),
    "iec-extremely-inverse": (80.0, 0.0, 2.0),
    "iec-long-time-inverse": (120.0, 0.0, 1.0),
}


# C37.112: from full travel at no current, per unit of time dial; at M times pick-up over 1 - M^2.
DISC_RESET_S = {
    "ieee-moderately-inverse": 4.85,
    "ieee-very-inverse": 21.6,
    "ieee-extremely-inverse": 29.1,
}


def relay_time_s(curve: str, multiple: ArrayLike, dial: float = 1.0) -> Float:
    """Operating time of an inverse-time relay; infinite at or below pick-up.

    Parameters
    ----------
    curve
        A name of `RELAYS`.
    multiple
        Current over pick-up.
    dial
        Time dial (IEEE) or time multiplier (IEC).
    """
    a, b, p = RELAYS[curve]
    m = np.asarray(multiple, dtype=np.float64)
    above = m > 1.0
    power = np.where(above, m, 2.0) ** p
    return np.where(above, dial * (a / (power - 1.0) + b), np.inf)


@dataclass(frozen=True)
class TimeCurrentCurve:
    """Points of a curve over log-log paper.

    Parameters
    ----------
    multiple
        Current over rating or pick-up, rising.
    seconds
        Time at each.
    clearing_ratio
        Total clearing over melting time.
    least_clearing_s
        No sooner has the current stopped, however large: an expulsion link waits for a current zero.
    beyond
        What holds past the last point: ``i2t`` (a link melts at constant I^2 t) or ``flat`` (the least time of a
        mechanism).
    """

    multiple: tuple[float, ...]
    seconds: tuple[float, ...]
    clearing_ratio: float = 1.0
    beyond: Literal["i2t", "flat"] = "i2t"
    least_clearing_s: float = 0.0

    @classmethod
    def load(cls, name: str) -> TimeCurrentCurve:
        """An entry of models/curves.

        Raises
        ------
        LibraryError
            If there is none of this name.
        """
        from cosim import library

        entry = library.load("curves", name)
        beyond: Literal["i2t", "flat"] = "i2t" if entry.device == "fuse-link" else "flat"
        least = 0.0 if entry.least_clearing_s is None else entry.least_clearing_s.value
        return cls(entry.multiple, entry.seconds, entry.clearing_ratio.value, beyond, least)

    def operating_s(self, multiple: float) -> float:
        """`melting_s` of one number."""
        first, last = self.multiple[0], self.multiple[-1]
        if not multiple >= first:
            return math.inf
        if multiple >= last:
            return self.seconds[-1] * ((last / multiple) ** 2 if self.beyond == "i2t" else 1.0)
        k = bisect_right(self.multiple, multiple) - 1
        x0, x1, x = (math.log(value) for value in (self.multiple[k], self.multiple[k + 1], multiple))
        y0, y1 = math.log(self.seconds[k]), math.log(self.seconds[k + 1])
        return (
            math.exp(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
            if multiple > self.multiple[k]
            else self.seconds[k]
        )

    def melting_s(self, multiple: ArrayLike) -> Float:
        """Time to melt or to operate: infinite below the first point, as `beyond` says past the last."""
        m = np.asarray(multiple, dtype=np.float64)
        inside = np.clip(m, self.multiple[0], self.multiple[-1])
        seconds = np.exp(np.interp(np.log(inside), np.log(self.multiple), np.log(self.seconds)))
        beyond = (
            np.maximum(m, self.multiple[-1]) / self.multiple[-1] if self.beyond == "i2t" else np.ones(m.shape)
        )
        return np.where(m < self.multiple[0], np.inf, seconds / beyond**2)

    def clearing_s(self, multiple: ArrayLike) -> Float:
        """Time until the current has stopped."""
        return np.maximum(self.clearing_ratio * self.melting_s(multiple), self.least_clearing_s)


@dataclass(frozen=True)
class InverseTime:
    """A relay's curve by formula, a name of `RELAYS`."""

    law: str
    clearing_ratio: float = 1.0
    least_clearing_s: float = 0.0

    def operating_s(self, multiple: float) -> float:
        """Operating time at dial 1; infinite at or below pick-up."""
        a, b, p = RELAYS[self.law]
        return a / (multiple**p - 1.0) + b if multiple > 1.0 else math.inf


@dataclass(frozen=True)
class DefiniteTime:
    """The same time at every current from pick-up on; 0 for an instantaneous unit."""

    seconds: float = 0.0
    clearing_ratio: float = 1.0
    least_clearing_s: float = 0.0

    def operating_s(self, multiple: float) -> float:
        """`seconds` from pick-up on, infinite below."""
        return self.seconds if multiple >= 1.0 else math.inf


Curve = TimeCurrentCurve | InverseTime | DefiniteTime
