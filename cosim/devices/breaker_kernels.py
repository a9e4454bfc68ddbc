"""Compiled thermal accumulator of circuit breakers."""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel

LANES = 8  # breakers whose steps are taken together; each step of one breaker waits for its last


@kernel
def _advance_lanes(
    first,
    last,
    theta_start,
    current_a,
    seconds,
    step_us,
    rating_a,
    tau_s,
    magnetic,
    trip_theta,
    theta,
    trip_us,
):
    """Advance breakers first..last-1 (at most LANES) over all steps.

    Within a step the multiple m of the rating is constant, so theta goes exponentially towards
    m**2 and, if it reaches trip_theta, does so at tau ln((m**2 - theta0) / (m**2 - trip_theta)).
    theta (k, steps) [1] at the end of each step; trip_us (k,) first trip from the block's start [us] or -1.
    """
    count = last - first
    state = np.empty(LANES)
    decay = np.empty(LANES)
    for lane in range(count):
        state[lane] = theta_start[first + lane]
        trip_us[first + lane] = -1
    before_us = np.int64(0)
    decay_seconds = -1.0
    for step in range(seconds.shape[0]):
        if seconds[step] != decay_seconds:
            decay_seconds = seconds[step]
            for lane in range(count):
                decay[lane] = math.exp(-decay_seconds / tau_s[first + lane])
        for lane in range(count):
            i = first + lane
            multiple = current_a[i, step] / rating_a[i]
            target = multiple * multiple
            start = state[lane]
            end = target + (start - target) * decay[lane]
            state[lane] = end
            theta[i, step] = end
            if trip_us[i] < 0 and (
                end >= trip_theta[i] or start > trip_theta[i] or target >= magnetic[i] * magnetic[i]
            ):
                offset_us = _trip_within(
                    start, target, tau_s[i], magnetic[i] * magnetic[i], trip_theta[i], step_us[step]
                )
                if offset_us >= 0:
                    trip_us[i] = before_us + offset_us
        before_us += step_us[step]


@kernel
def _trip_within(start, target, tau_s, magnetic_target, trip_theta, step_us):
    """Offset of the trip in one step [us], rounded up, or -1."""
    if target == 0.0:  # no current: open, or nothing to open for
        return np.int64(-1)
    if target >= magnetic_target or start > trip_theta:  # magnetic, or too hot to latch
        return np.int64(0)
    if target <= trip_theta:  # the asymptote itself is held
        return np.int64(-1)
    exact_us = 1e6 * tau_s * math.log((target - start) / (target - trip_theta))
    if exact_us >= step_us:
        return np.int64(step_us)
    return np.int64(math.ceil(exact_us))


@kernel
def advance_serial(
    theta_start, current_a, seconds, step_us, rating_a, tau_s, magnetic, trip_theta, theta, trip_us
):
    """Advance all breakers on one thread."""
    k = theta_start.shape[0]
    for group in range((k + LANES - 1) // LANES):
        first = group * LANES
        _advance_lanes(
            first,
            min(first + LANES, k),
            theta_start,
            current_a,
            seconds,
            step_us,
            rating_a,
            tau_s,
            magnetic,
            trip_theta,
            theta,
            trip_us,
        )


@parallel_kernel
def advance_parallel(
    theta_start, current_a, seconds, step_us, rating_a, tau_s, magnetic, trip_theta, theta, trip_us
):
    """Advance all breakers, groups of lanes on different threads."""
    k = theta_start.shape[0]
    for group in prange((k + LANES - 1) // LANES):
        first = group * LANES
        _advance_lanes(
            first,
            min(first + LANES, k),
            theta_start,
            current_a,
            seconds,
            step_us,
            rating_a,
            tau_s,
            magnetic,
            trip_theta,
            theta,
            trip_us,
        )
