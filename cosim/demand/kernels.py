"""Household demand, one home over a block of steps.

Everything is a function of (seed, home, day, absolute time): an end use is added to a step from
that step's own edges alone, always in the same order, so no bit depends on the block's cut, on threads
or on other homes. Times are minutes of local-standard time since 1970.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.random_kernels import mix

# Columns of a home's row of traits.
(
    STANDBY_W,
    PLUGS_W,
    LIGHTS_W,
    AT_HOME,
    FRIDGE_W,
    FRIDGE_DUTY,
    FRIDGE_PERIOD_MIN,
    FRIDGE_PHASE,
    UA_W_PER_K,
    HEAT_BALANCE_C,
    COOL_BALANCE_C,
    APERTURE_M2,
    PUMP_HEAT_W,
    PUMP_COP,
    STRIP_W,
    GAS_HEAT_W,
    FAN_W,
    COOL_W,
    COOL_COP,
    HVAC_PERIOD_MIN,
    HVAC_PHASE,
    LEG_1_SHARE,
    FRIDGE_LEG,
    EV_W,
    EV_MILES,
) = range(25)
TRAITS = 25

# Columns of an appliance's row.
POWER_W, MINUTES, SPREAD, DUTY, CYCLE_MIN, TAN_PHI, LINE_TO_LINE, WEEKEND = range(8)
APPLIANCE_COLUMNS = 8
MAX_USES = 16  # of one appliance in one home and day

# Rows of the shared activity array.
PLUGS_OUT, PLUGS_IN, LIGHTS = range(3)

# Reactive over real power by end use; power factors from NREL OCHRE's table of ZIP parameters:
# electronics and refrigerator 0.8, air conditioner 0.96, heat pump 0.84, fans 0.8; lamps and strips 1.
TAN_08 = 0.75
TAN_COOL = math.tan(math.acos(0.96))
TAN_PUMP = math.tan(math.acos(0.84))

STRIP_STAGE_W = 5000.0  # electric strips come as 5 kW elements
EVENT_DAY_MIN = 4 * 60.0  # a day of appliances runs from 4:00 to 4:00: nothing is in use across its border
EV_DAY_MIN = 12 * 60.0  # a day of the car, from noon to noon
EV_W_MIN_PER_MILE = 325.0 * 60.0 / 0.9  # 325 Wh a mile, charger 0.9 (NREL OCHRE)
EV_CYCLE_MIN = 60.0  # always on: any length does
SLOW_MIN, QUICK_MIN = 60.0, 6.0  # how long people stay at something, and how long a device stays as it is

_S11 = np.uint64(11)


@kernel
def address(seed, purpose, item):
    """State of `random_kernels.uniform` after its first three fields."""
    return mix(mix(mix(np.uint64(0), np.uint64(seed)), np.uint64(purpose)), np.uint64(item))


@kernel
def draw(day_state, counter):
    """`random_kernels.uniform` from the state after four fields."""
    return np.float64(mix(day_state, np.uint64(counter)) >> _S11) * (1.0 / 9007199254740992.0)


@kernel
def on_time(x, duty):
    """Cycles on from 0 to x, when each whole cycle is on for its first `duty`."""
    whole = math.floor(x)
    return whole * duty + min(x - whole, duty)


@kernel
def mean_on(start, end, period, phase, duty):
    """Mean over [start, end] of a switch that cycles with `period` and is on for `duty` of it."""
    if duty >= 1.0:
        return 1.0
    if duty <= 0.0:
        return 0.0
    rate = 1.0 / period
    x0, x1 = start * rate + phase, end * rate + phase
    return (on_time(x1, duty) - on_time(x0, duty)) / (x1 - x0)


@kernel
def inverse_cdf(cdf, u):
    """Hour at which a cumulative curve over hours (linear between its points) reaches u."""
    low, high = 0, cdf.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if cdf[middle] <= u:
            low = middle
        else:
            high = middle
    return low + (u - cdf[low]) / (cdf[high] - cdf[low])


@kernel
def pump_capacity(ambient_c):
    """Heat of an air-source heat pump over its rating at 8.3 degC (GridLAB-D, house_e)."""
    f = 1.8 * ambient_c + 32.0
    return max(0.34148808 + 0.00894102 * f + 0.00010787 * f * f, 0.2)


@kernel
def pump_cop(ambient_c):
    """Its COP over the rated one (GridLAB-D, house_e), held above 26.7 degC."""
    f = min(1.8 * ambient_c + 32.0, 80.0)
    return 1.0 / (2.03914613 - 0.03906753 * f + 0.00045617 * f * f - 0.00000203 * f * f * f)


@kernel
def cooling_capacity(ambient_c):
    """Cooling over its rating at 35 degC (GridLAB-D, house_e)."""
    return 1.48924533 - 0.00514995 * (1.8 * ambient_c + 32.0)


@kernel
def cooling_cop(ambient_c):
    """Its COP over the rated one (GridLAB-D, house_e), held below 4.4 degC."""
    return 1.0 / (-0.01363961 + 0.01066989 * max(1.8 * ambient_c + 32.0, 40.0))


@kernel
def add_heating_and_cooling(home, edges, ambient_c, felt_c, felt_ghi, w, var):
    """Balance-point heating and cooling with a thermostat's cycles; duty is need over capacity.

    The need follows what is felt indoors, capacity and COP the outdoor air of the moment.

    A heat pump's strips take what exceeds its heat; gas heat and electric strips run their fan.
    Strips come on in stages, of which the last cycles. Heat pumps and air conditioners include their fans.
    """
    period, phase = home[HVAC_PERIOD_MIN], home[HVAC_PHASE]
    for s in range(ambient_c.shape[0]):
        t = ambient_c[s]
        felt = felt_c[s]
        heat = home[UA_W_PER_K] * (home[HEAT_BALANCE_C] - felt)
        cool = home[UA_W_PER_K] * (felt - home[COOL_BALANCE_C]) + home[APERTURE_M2] * felt_ghi[s]
        if heat > 0.0:
            if home[GAS_HEAT_W] > 0.0:
                fan = home[FAN_W] * mean_on(edges[s], edges[s + 1], period, phase, heat / home[GAS_HEAT_W])
                w[0, s] += fan
                var[0, s] += fan * TAN_08
                continue
            if home[PUMP_HEAT_W] > 0.0:
                most = home[PUMP_HEAT_W] * pump_capacity(t)
                on = mean_on(edges[s], edges[s + 1], period, phase, heat / most)
                power = on * most / (home[PUMP_COP] * pump_cop(t))
                w[2, s] += power
                var[2, s] += power * TAN_PUMP
                heat -= most
            if home[STRIP_W] > 0.0 and heat > 0.0:
                steady = min(math.floor(heat / STRIP_STAGE_W) * STRIP_STAGE_W, home[STRIP_W])
                stage = min(STRIP_STAGE_W, home[STRIP_W] - steady)
                if stage > 0.0:
                    on = mean_on(edges[s], edges[s + 1], period, phase + 0.5, (heat - steady) / stage)
                    steady += stage * on
                w[2, s] += steady
        elif cool > 0.0 and home[COOL_W] > 0.0 and felt > home[HEAT_BALANCE_C]:
            most = home[COOL_W] * cooling_capacity(t)
            on = mean_on(edges[s], edges[s + 1], period, phase, cool / most)
            power = on * most / (home[COOL_COP] * cooling_cop(t))
            w[2, s] += power
            var[2, s] += power * TAN_COOL


@kernel
def fill_base(home, state, edges, activity, w, var):
    """Standby, plugs, lamps and the refrigerator, written over `w` and `var` (120 V legs).

    What people do persists for an hour (`SLOW_MIN`), what a device does for minutes (`QUICK_MIN`); both
    levels have mean 1.
    """
    share = home[LEG_1_SHARE]
    slow_at, quick_at = -1.0, -1.0
    slow, quick = 0.0, 0.0
    for s in range(w.shape[1]):
        middle = 0.5 * (edges[s] + edges[s + 1])
        if math.floor(middle / QUICK_MIN) != quick_at:
            quick_at = math.floor(middle / QUICK_MIN)
            day = mix(state, np.uint64(middle // 1440.0))
            u = draw(day, np.uint64(quick_at % 240.0))
            quick = 0.4 + 1.8 * u * u
            if math.floor(middle / SLOW_MIN) != slow_at:
                slow_at = math.floor(middle / SLOW_MIN)
                slow = 0.4 + 1.2 * draw(day, np.uint64(1000.0 + slow_at % 24.0))
        plugs = activity[PLUGS_OUT, s] + home[AT_HOME] * (activity[PLUGS_IN, s] - activity[PLUGS_OUT, s])
        electronics = home[STANDBY_W] + home[PLUGS_W] * plugs * slow * quick
        power = electronics + home[LIGHTS_W] * activity[LIGHTS, s] * slow
        w[0, s] = share * power
        w[1, s] = (1.0 - share) * power
        w[2, s] = 0.0
        var[0, s] = share * electronics * TAN_08
        var[1, s] = (1.0 - share) * electronics * TAN_08
        var[2, s] = 0.0
    leg = int(home[FRIDGE_LEG])
    for s in range(w.shape[1]):
        fridge = home[FRIDGE_W] * mean_on(
            edges[s], edges[s + 1], home[FRIDGE_PERIOD_MIN], home[FRIDGE_PHASE], home[FRIDGE_DUTY]
        )
        w[leg, s] += fridge
        var[leg, s] += fridge * TAN_08


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
def add_appliance(
    appliance, uses, leg, cdf, day_state, first_counter, begin, end, weekend, edges, times, w, var
):
    """Add the uses of one appliance in one home and day; `begin` and `end` of the day [min].

    The number of uses is binomial with the given mean; starts follow `cdf` over the hours from 4:00;
    a use waits for the one before and stops at the end of the day.
    """
    expected = min(uses * (appliance[WEEKEND] if weekend else 1.0), float(MAX_USES))
    slots = math.ceil(expected)
    count = 0
    for i in range(slots):
        if draw(day_state, first_counter + 3 * i) * slots < expected:
            start = begin + 60.0 * inverse_cdf(cdf, draw(day_state, first_counter + 3 * i + 1))
            place = count
            while place > 0 and times[place - 1] > start:
                times[place] = times[place - 1]
                place -= 1
            times[place] = start
            count += 1
    free = begin
    for i in range(count):
        u = draw(day_state, first_counter + 3 * i + 2)
        minutes = appliance[MINUTES] * (1.0 + appliance[SPREAD] * (2.0 * u - 1.0))
        start = max(times[i], free)
        free = min(start + minutes, end)
        if free > edges[0] and start < edges[edges.shape[0] - 1] and free > start:
            add_use(
                start, free, appliance[POWER_W], appliance[POWER_W] * appliance[TAN_PHI], appliance[DUTY],
                appliance[CYCLE_MIN], edges, w[leg], var[leg],
            )  # fmt: skip


@kernel
def fill_home(
    seed, purposes, item, home, uses, appliances, cdfs, days, shifts, weekend, edges, ambient_c, felt_c,
    felt_ghi, activity, times, w, var,
):  # fmt: skip
    """Panel of one home over a block.

    purposes (2,): what draws are for: base, uses. uses (a,) mean uses a day; appliances (a, columns);
    cdfs (a, 25); days (d,) all days that may reach into the block and one more, with their daylight
    saving `shifts` [min] and `weekend` flags; edges (steps + 1,) [min]; activity (3, steps); times:
    scratch. Out: w, var (3, steps) on leg 1, leg 2 and line to line.
    """
    fill_base(home, address(seed, purposes[0], item), edges, activity, w, var)
    add_heating_and_cooling(home, edges, ambient_c, felt_c, felt_ghi, w, var)
    state = address(seed, purposes[1], item)
    legs = mix(state, np.uint64(0))
    for d in range(days.shape[0] - 1):
        begin = 1440.0 * days[d] + EVENT_DAY_MIN - shifts[d]
        end = 1440.0 * days[d + 1] + EVENT_DAY_MIN - shifts[d + 1]
        if end <= edges[0] or begin >= edges[edges.shape[0] - 1]:
            continue
        day_state = mix(state, np.uint64(days[d]))
        for a in range(appliances.shape[0]):
            if uses[a] > 0.0:
                on_leg = 0 if draw(legs, a) < 0.5 else 1
                leg = 2 if appliances[a, LINE_TO_LINE] > 0.0 else on_leg
                add_appliance(
                    appliances[a], uses[a], leg, cdfs[a], day_state, a * 3 * MAX_USES, begin, end,
                    weekend[d], edges, times, w, var,
                )  # fmt: skip


@kernel
def homes_serial(
    seed, purposes, items, homes, uses, appliances, cdfs, days, shifts, weekend, edges, ambient_c, felt_c,
    felt_ghi, activity, times, w, var,
):  # fmt: skip
    """`fill_home` of every home; times (h, MAX_USES)."""
    for h in range(items.shape[0]):
        fill_home(
            seed, purposes, items[h], homes[h], uses[h], appliances, cdfs, days, shifts, weekend, edges,
            ambient_c, felt_c, felt_ghi, activity, times[h], w[h], var[h],
        )  # fmt: skip


@parallel_kernel
def homes_parallel(
    seed, purposes, items, homes, uses, appliances, cdfs, days, shifts, weekend, edges, ambient_c, felt_c,
    felt_ghi, activity, times, w, var,
):  # fmt: skip
    """`homes_serial` with homes on threads."""
    for h in prange(items.shape[0]):
        fill_home(
            seed, purposes, items[h], homes[h], uses[h], appliances, cdfs, days, shifts, weekend, edges,
            ambient_c, felt_c, felt_ghi, activity, times[h], w[h], var[h],
        )  # fmt: skip


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


@kernel
def fill_activity(wall_minute, weekend, sun_up, plugs, lamps, out):
    """Level of plugs (nobody home by day, somebody home) and lamps at each step, shared by all homes.

    plugs (2, 2, 25) by (out or in, weekday or weekend, hour), lamps (2, 25); linear between hours. Lamps
    follow the dark: full below civil twilight, a fifth by day. out (3, steps).
    """
    for s in range(wall_minute.shape[0]):
        hour = wall_minute[s] / 60.0
        i = min(int(hour), 23)
        part = hour - i
        e = weekend[s]
        for row in range(2):
            out[row, s] = plugs[row, e, i] * (1.0 - part) + plugs[row, e, i + 1] * part
        dark = min(max((0.15 - sun_up[s]) / 0.25, 0.2), 1.0)
        out[LIGHTS, s] = (lamps[e, i] * (1.0 - part) + lamps[e, i + 1] * part) * dark


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
