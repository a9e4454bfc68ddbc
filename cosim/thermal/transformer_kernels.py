"""Top oil and hot spot of many service transformers in time: IEEE C57.91 clause 7, transformers innermost.

State rows of a transformer: rise of the top oil over air, of the hot spot over the top oil [K], ultimate rise of
the oil under the present load [K], time constant with which it is approached [s], time aged [s at factor 1].
Parameter rows: both rises at rating [K], load over no-load loss, exponents n and m, both time constants [s].
NaN is a state not begun: it starts at rest under the load of the first step.
"""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel

NEAR = 1e-4  # a step of the ultimate rise smaller than this share has the time constant of its middle


@kernel
def acceleration(hot_c):
    """Ageing of thermally upgraded paper at a hot spot [degC] over that at 110 degC; C57.91 equation 2."""
    return math.exp(15000.0 / 383.0 - 15000.0 / (hot_c + 273.0))


@kernel
def _time_constant(to_k, power, from_k, rated_k, n, rated_s):
    """Of the way from one rise to another; power: losses at the end over those at rating, (to_k / rated_k)^(1/n)."""
    a, b = to_k / rated_k, max(from_k, 0.0) / rated_k
    if abs(a - b) < NEAR * a:
        middle = 0.5 * (a + b)
        return rated_s * n * middle ** (1.0 - 1.0 / n)
    return rated_s * (a - b) / (power - b ** (1.0 / n))


@kernel
def _one_unit(u, s, load, air_c, h, par, before, after):
    oil_r, winding_r, ratio = par[0, u], par[1, u], par[2, u]
    oil, winding, was, tau, age = before[0, u], before[1, u], before[2, u], before[3, u], before[4, u]
    k = load[s, u]
    power = (k * k * ratio + 1.0) / (ratio + 1.0)
    to = oil_r * power ** par[3, u]
    winding_to = winding_r * k ** (2.0 * par[4, u])
    if to != to:  # no load is known: what was, stays
        to, winding_to, power = was, winding, (was / oil_r) ** (1.0 / par[3, u])
    if oil != oil:
        oil, winding, was, tau, age = to, winding_to, to, par[5, u], 0.0
    if to != was:
        tau = _time_constant(to, power, oil, oil_r, par[3, u], par[5, u])
    half_oil, half_winding = math.exp(-0.5 * h / tau), math.exp(-0.5 * h / par[6, u])
    oil_gap, winding_gap = oil - to, winding - winding_to
    first = acceleration(air_c + oil + winding)
    middle = acceleration(air_c + to + oil_gap * half_oil + winding_to + winding_gap * half_winding)
    oil = to + oil_gap * half_oil * half_oil
    winding = winding_to + winding_gap * half_winding * half_winding
    last = acceleration(air_c + oil + winding)
    after[0, u] = oil
    after[1, u] = winding
    after[2, u] = to
    after[3, u] = tau
    after[4, u] = age + h * (first + 4.0 * middle + last) / 6.0


@kernel
def _some_units(first, last, load, air_c, seconds, par, start, out):
    for s in range(load.shape[0]):
        before = start if s == 0 else out[s - 1]
        for u in range(first, last):
            _one_unit(u, s, load, air_c[s], seconds[s], par, before, out[s])


@kernel
def advance_units(load, air_c, seconds, par, start, out):
    """States after each step, out (steps, 5, units).

    load (steps, units) of rating, air_c and seconds (steps,), par (7, units), start (5, units).
    """
    _some_units(0, load.shape[1], load, air_c, seconds, par, start, out)


@parallel_kernel
def advance_units_parallel(load, air_c, seconds, par, start, out):
    """`advance_units`, groups of units over threads."""
    units = load.shape[1]
    for group in prange((units + 63) // 64):
        _some_units(64 * group, min(64 * group + 64, units), load, air_c, seconds, par, start, out)
