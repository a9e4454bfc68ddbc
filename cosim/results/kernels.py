"""Running statistics, step by step and item by item.

Every sum grows by one step at a time in the order of the steps, whatever blocks they came
in, so a run cut elsewhere gives the same bits. Items are innermost.
"""

import math

from cosim.compiled import kernel


@kernel
def accumulate(values, first, last, start_us, seconds, use, energised, low, high, total, weight, when):
    """Take steps first..last-1 of values (steps, items) into the running statistics of each item.

    low, high, when: smallest, largest and the start of the first largest (inf, -inf, NO_TIME before
    any); total: sum of value times duration; weight: duration. NaN is left out, and so is zero where
    `energised`. Selections instead of branches, so that items fill the vector lanes.
    """
    for s in range(first, last):
        if not use[s]:
            continue
        duration = seconds[s]
        start = start_us[s]
        for i in range(values.shape[1]):
            v = values[s, i]
            v = math.nan if energised and v == 0.0 else v  # every comparison with NaN is false
            low[i] = v if v < low[i] else low[i]
            when[i] = start if v > high[i] else when[i]
            high[i] = v if v > high[i] else high[i]
            total[i] += v * duration if v == v else 0.0
            weight[i] += duration if v == v else 0.0


@kernel
def accumulate_back(power_w, start_us, seconds, use, energy_j, peak_w, when):
    """Take the negative part of power_w (steps, items) into energy, peak and time of the peak."""
    for s in range(power_w.shape[0]):
        if not use[s]:
            continue
        for i in range(power_w.shape[1]):
            back = -power_w[s, i]
            if back > 0.0:
                energy_j[i] += back * seconds[s]
                if back > peak_w[i]:
                    peak_w[i] = back
                    when[i] = start_us[s]


@kernel
def accumulate_outside(one_v, two_v, nominal_v, low_pu, high_pu, seconds, use, outside_s):
    """Add the duration of every step at which a leg that has voltage is outside low_pu..high_pu of nominal.

    one_v, two_v (steps, items); nominal_v, outside_s (items,). A nominal voltage of NaN counts nothing.
    """
    for s in range(one_v.shape[0]):
        if not use[s]:
            continue
        for i in range(one_v.shape[1]):
            low, high = low_pu * nominal_v[i], high_pu * nominal_v[i]
            a, b = one_v[s, i], two_v[s, i]
            first = (a > 0.0) & ((a < low) | (a > high))
            second = (b > 0.0) & ((b < low) | (b > high))
            outside_s[i] += seconds[s] if first | second else 0.0


@kernel
def accumulate_dead(voltage_v, seconds, use, dead_s):
    """Add the duration of every step at exactly 0 V of voltage_v (steps, items)."""
    for s in range(voltage_v.shape[0]):
        if not use[s]:
            continue
        for i in range(voltage_v.shape[1]):
            if voltage_v[s, i] == 0.0:
                dead_s[i] += seconds[s]
