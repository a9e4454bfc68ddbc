"""Cars and profiles: pure functions of (seed, home, day, absolute time).

Times of cars are minutes of local-standard time since 1970.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.demand.uses_kernels import address, draw, inverse_cdf, on_time
from cosim.random_kernels import mix

EV_W, EV_MILES = 0, 1  # columns of a home's car
EV_DAY_MIN = 12 * 60.0  # a day of the car, from noon to noon
EV_W_MIN_PER_MILE = 325.0 * 60.0 / 0.9  # 325 Wh a mile, charger 0.9 (NREL OCHRE)
EV_CYCLE_MIN = 60.0  # always on: any length does


@kernel
def add_use(start, end, power_w, power_var, duty, cycle_min, edges, w, var):
    """Add one use from `start` to `end`, cycling from its start, to the steps it overlaps.

    The use must overlap the block.
    """
    s = max(int((start - edges[0]) / (edges[1] - edges[0])) - 1, 0)
    per_min = 1.0 / cycle_min
    before = on_time((max(start, edges[s]) - start) * per_min, duty)
    while s < w.shape[0] and edges[s] < end:
        b = min(end, edges[s + 1])
        if b > start:
            after = on_time((b - start) * per_min, duty)
            on = (after - before) * cycle_min / (edges[s + 1] - edges[s])
            w[s] += power_w * on
            if power_var > 0.0:
                var[s] += power_var * on
            before = after
        s += 1


@kernel
def fill_charging(home, ev_cdf, state, days, shifts, edges, out):
    """Charging of one home's car: plugged in on arrival, charged for the day's miles, done.

    Miles are exponential about the home's mean, at most 200; a charge stops at noon. out (steps,).
    """
    out[:] = 0.0
    if home[EV_W] <= 0.0:
        return
    for d in range(days.shape[0] - 1):
        day_state = mix(state, np.uint64(days[d]))
        begin = 1440.0 * days[d] + EV_DAY_MIN - shifts[d]
        end = 1440.0 * days[d + 1] + EV_DAY_MIN - shifts[d + 1]
        start = begin + 60.0 * inverse_cdf(ev_cdf, draw(day_state, 0))
        miles = min(-home[EV_MILES] * math.log(1.0 - draw(day_state, 1)), 200.0)
        stop = min(start + miles * EV_W_MIN_PER_MILE / home[EV_W], end)
        if stop > edges[0] and start < edges[edges.shape[0] - 1] and stop > start:
            add_use(start, stop, home[EV_W], 0.0, 1.0, EV_CYCLE_MIN, edges, out, out)


@kernel
def cars_serial(seed, purpose, items, homes, ev_cdf, days, shifts, edges, out):
    """`fill_charging` of every home."""
    for h in range(items.shape[0]):
        fill_charging(homes[h], ev_cdf, address(seed, purpose, items[h]), days, shifts, edges, out[h])


@parallel_kernel
def cars_parallel(seed, purpose, items, homes, ev_cdf, days, shifts, edges, out):
    """`cars_serial` with homes on threads."""
    for h in prange(items.shape[0]):
        fill_charging(homes[h], ev_cdf, address(seed, purpose, items[h]), days, shifts, edges, out[h])
