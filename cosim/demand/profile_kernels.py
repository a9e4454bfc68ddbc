"""Series that repeat, one home over a block of steps."""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel


@kernel
def sample(values, interval, stamp, start, seconds, linear):
    """Mean over a step of a profile that repeats, sampled in parts no longer than its interval.

    values (n,); value i stands at stamp + i * interval [s]; `linear` joins values, else each holds until
    the next. start [s], seconds: the step.
    """
    parts = max(math.ceil(seconds / interval - 1e-9), 1)
    total = 0.0
    n = values.shape[0]
    for p in range(parts):
        place = (start + (p + 0.5) * seconds / parts - stamp) / interval
        whole = math.floor(place)
        i = int(whole) % n
        if linear:
            total += values[i] + (place - whole) * (values[(i + 1) % n] - values[i])
        else:
            total += values[i]
    return total / parts


@kernel
def fill_profile(p, q, interval, stamp, edges_s, linear, scale_w, scale_var, legs, w, var):
    """Panel of one home from its profiles, spread over legs by the shares `legs` (3,); w, var (3, steps)."""
    for s in range(w.shape[1]):
        seconds = edges_s[s + 1] - edges_s[s]
        real = scale_w * sample(p, interval, stamp, edges_s[s], seconds, linear)
        reactive = scale_var * sample(q, interval, stamp, edges_s[s], seconds, linear)
        for leg in range(3):
            w[leg, s] = real * legs[leg]
            var[leg, s] = reactive * legs[leg]


@kernel
def profiles_serial(
    values, p_at, q_at, length, interval, stamp, which, edges_s, linear, scale_w, scale_var, legs, w, var
):
    """`fill_profile` of every home; profile i is `values` from p_at[i] (q: q_at[i]), length[i] long."""
    for h in range(which.shape[0]):
        i = which[h]
        p, q = values[p_at[i] : p_at[i] + length[i]], values[q_at[i] : q_at[i] + length[i]]
        fill_profile(
            p, q, interval[i], stamp[i], edges_s, linear, scale_w[h], scale_var[h], legs[h], w[h], var[h]
        )


@parallel_kernel
def profiles_parallel(
    values, p_at, q_at, length, interval, stamp, which, edges_s, linear, scale_w, scale_var, legs, w, var
):
    """`profiles_serial` with homes on threads."""
    for h in prange(which.shape[0]):
        i = which[h]
        p, q = values[p_at[i] : p_at[i] + length[i]], values[q_at[i] : q_at[i] + length[i]]
        fill_profile(
            p, q, interval[i], stamp[i], edges_s, linear, scale_w[h], scale_var[h], legs[h], w[h], var[h]
        )
