"""Thermal-magnetic circuit breakers: a heat accumulator and an instantaneous multiple.

The accumulator theta follows d(theta)/dt = (m**2 - theta) / tau with m the current in multiples
of the rating; theta settles at m**2, and the bimetal opens at theta = 1.44, so 1.2 times the
rating is held for ever and a cold breaker trips after tau ln(m**2 / (m**2 - 1.44)). This is a
first-order model fitted to calibration limits (UL 489), an estimate and not any maker's curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.devices.breaker_kernels import advance_parallel, advance_serial

Float = NDArray[np.float64]
Int = NDArray[np.int64]

TRIP_THETA = 1.44
NEVER = -1


@dataclass(frozen=True)
class BreakerBlock:
    """A block of steps.

    Attributes
    ----------
    theta : (k, steps)
        Accumulator at the end of each step [1], as if no breaker had opened within the block.
    trip_offset_us : (k,)
        First whole microsecond, from the block's start, at or after each breaker's first trip; -1 without.
    first_us : int
        Earliest of them, -1 if none; nothing of the block after it counts.
    first_breaker : int
        Which breaker that is (the lowest row where several trip together), -1 if none.
    """

    theta: Float
    trip_offset_us: Int
    first_us: int
    first_breaker: int


class BreakerFleet:
    """Breakers side by side; all arrays (k,). The object holds no state: theta goes in and comes out.

    Parameters
    ----------
    rating_a
        Rated current, r.m.s. [A].
    tau_s
        Time constant [s].
    magnetic_multiple
        Multiple of the rating at which the breaker opens without delay.
    trip_theta
        Accumulator at which the bimetal opens; 1.44 for all if not given.
    """

    def __init__(
        self, rating_a: Float, tau_s: Float, magnetic_multiple: Float, trip_theta: Float | None = None
    ) -> None:
        if trip_theta is None:
            trip_theta = np.full(np.shape(rating_a), TRIP_THETA)
        self.rating_a, self.tau_s, self.magnetic_multiple, self.trip_theta = (
            np.ascontiguousarray(values, np.float64)
            for values in (rating_a, tau_s, magnetic_multiple, trip_theta)
        )
        for name in ("rating_a", "tau_s", "magnetic_multiple", "trip_theta"):
            values: Float = getattr(self, name)
            if values.shape != self.rating_a.shape or values.ndim != 1 or not (values > 0.0).all():
                raise ValueError(f"{name} must hold one positive number for each breaker, got {values}")

    def __len__(self) -> int:
        return len(self.rating_a)

    def cold(self) -> Float:
        """Accumulators (k,) of breakers that have carried nothing."""
        return np.zeros(len(self))

    def advance(
        self, theta: Float, current_a: Float, seconds: Float, *, parallel: bool = True
    ) -> BreakerBlock:
        """Advance over a block of steps of constant current, by closed form within each step.

        A breaker with exactly zero current may be open and never trips. One with current whose
        accumulator is past the trip line already does not latch: it trips at once.

        Parameters
        ----------
        theta : (k,)
            Accumulators at the block's start [1].
        current_a : (k, steps)
            R.m.s. current in each step [A].
        seconds : (steps,)
            Lengths of the steps [s], whole microseconds above 0.
        parallel
            Use all threads; false for callers that are parallel themselves.

        Raises
        ------
        ValueError
            If shapes differ, or a current or accumulator is not a finite number.
        """
        k, steps = len(self), len(seconds)
        if theta.shape != (k,) or current_a.shape != (k, steps):
            raise ValueError(
                f"{k} breakers over {steps} steps need theta ({k},) and current_a ({k}, {steps}), "
                f"got {theta.shape} and {current_a.shape}"
            )
        step_us = np.rint(np.asarray(seconds) * 1e6).astype(np.int64)
        if (step_us <= 0).any():
            raise ValueError("steps must be at least a microsecond long")
        out, trip_us = np.empty((k, steps)), np.empty(k, np.int64)
        advance: Callable[..., None] = advance_parallel if parallel else advance_serial
        advance(
            np.ascontiguousarray(theta, np.float64),
            np.ascontiguousarray(current_a, np.float64),
            np.ascontiguousarray(seconds, np.float64),
            step_us,
            self.rating_a,
            self.tau_s,
            self.magnetic_multiple,
            self.trip_theta,
            out,
            trip_us,
        )
        if steps and not np.isfinite(out[:, -1]).all():  # what is not finite stays so to the last step
            bad = np.flatnonzero(~np.isfinite(out[:, -1]))
            raise ValueError(f"current or accumulator of breakers {bad.tolist()} is not a finite number")
        trips = np.flatnonzero(trip_us >= 0)
        first = int(trips[np.argmin(trip_us[trips])]) if len(trips) else NEVER
        return BreakerBlock(out, trip_us, int(trip_us[first]) if first >= 0 else NEVER, first)
