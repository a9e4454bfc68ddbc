"""Minutes inside metered intervals, put together from minutes of drawn households.

Every choice is a function of (seed, home, interval): no bit depends on a block's cut, on threads or on other
homes.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.random_kernels import uniform

NEAREST = 24  # donors by rank of level, of which one is drawn
BINS = 4  # of the day
MINUTE_S, DAY_S = 60.0, 86400.0
LEAST_W = 1.0  # a donor below has no shape


@kernel
def rank(level, low, high, target):
    """First place in level[low:high], rising, that is not below the target."""
    while low < high:
        middle = (low + high) // 2
        if level[middle] < target:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def choose(seed, purpose, item, number, target, low, high, level):
    """Donor of an interval, one of the nearest by level of its bin, level[low:high].

    number: the interval's own; target: its mean power [W].
    """
    first = max(low, min(rank(level, low, high, target) - NEAREST // 2, high - NEAREST))
    count = min(NEAREST, high - first)
    u = uniform(seed, purpose, item, np.uint64(np.int64(number)), np.uint64(0))
    return first + min(int(u * count), count - 1)


@kernel
def fill_home(
    seed, purpose, item, p, scale_w, interval, stamp, edges_s, window_s, first_bin, level, watt, var, legs,
    out_w, out_var,
):  # fmt: skip
    """Panel of one home over steps.

    p (n,) repeats, value i from stamp + i * interval [s]; window_s: length of the stretch each set of bins
    stands for; first_bin (bins + 1,) into the donors; watt, var (donors, 3, minutes). Above zero a donor is
    scaled to the interval's mean; below, what it varies by is added to it, on the legs (3,) of the home.
    """
    n = p.shape[0]
    windows = (first_bin.shape[0] - 1) // BINS
    held = math.inf
    donor, factor, shift = 0, 1.0, 0.0
    for s in range(out_w.shape[1]):
        for leg in range(3):
            out_w[leg, s] = 0.0
            out_var[leg, s] = 0.0
        at, end = edges_s[s], edges_s[s + 1]
        while at < end:
            number = math.floor((at - stamp) / interval)
            begin = stamp + number * interval
            if number != held:
                held = number
                i = int(number) % n
                target = scale_w * p[i]
                window = min(max(math.floor(begin / window_s), 0), windows - 1)
                b = window * BINS + int((begin % DAY_S) / (DAY_S / BINS)) % BINS
                donor = choose(seed, purpose, item, number, target, first_bin[b], first_bin[b + 1], level)
                factor = target / level[donor] if target > 0.0 and level[donor] > LEAST_W else 1.0
                shift = target - factor * level[donor]
            minute = min(max(math.floor((at - begin) / MINUTE_S), 0), watt.shape[2] - 1)
            until = min(begin + (minute + 1) * MINUTE_S, end)
            if until <= at:  # rounding at a border
                until = min(begin + (minute + 2) * MINUTE_S, end)
            share = (until - at) / (end - edges_s[s])
            for leg in range(3):
                out_w[leg, s] += share * (factor * watt[donor, leg, minute] + shift * legs[leg])
                out_var[leg, s] += share * factor * var[donor, leg, minute]
            at = until


@kernel
def homes_serial(
    seed, purpose, items, rows, which, values, p_at, length, scale_w, interval, stamp, edges_s, window_s,
    first_bin, level, watt, var, legs, out_w, out_var,
):  # fmt: skip
    """`fill_home` of the homes `rows`; profile i is `values` from p_at[i], length[i] long."""
    for r in range(rows.shape[0]):
        h = rows[r]
        i = which[h]
        fill_home(
            seed, purpose, items[h], values[p_at[i] : p_at[i] + length[i]], scale_w[h], interval[i], stamp[i],
            edges_s, window_s, first_bin, level, watt, var, legs[h], out_w[h],
            out_var[h],
        )  # fmt: skip


@parallel_kernel
def homes_parallel(
    seed, purpose, items, rows, which, values, p_at, length, scale_w, interval, stamp, edges_s, window_s,
    first_bin, level, watt, var, legs, out_w, out_var,
):  # fmt: skip
    """`homes_serial` with homes on threads."""
    for r in prange(rows.shape[0]):
        h = rows[r]
        i = which[h]
        fill_home(
            seed, purpose, items[h], values[p_at[i] : p_at[i] + length[i]], scale_w[h], interval[i], stamp[i],
            edges_s, window_s, first_bin, level, watt, var, legs[h], out_w[h],
            out_var[h],
        )  # fmt: skip
