"""Compiled: inverters under IEEE 1547-2018 from step to step: trip timers, cessation, enter service, lagged functions.

Within a step voltage, frequency and available power stand still, so every timer runs out at a time known beforehand
and every lag is an exponential. Times are whole microseconds.
"""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel

# Columns of trip settings: three undervoltage, three overvoltage, two underfrequency, two overfrequency.
LOW_V, HIGH_V, LOW_F, HIGH_F, STAGES = 0, 3, 6, 8, 10
# Columns of settings, (inverters, SETTINGS) float.
(CEASE_LOW, CEASE_HIGH, ENTER_V_LOW, ENTER_V_HIGH, ENTER_F_LOW, ENTER_F_HIGH, RAMP_S, DEADBAND_LOW, DEADBAND_HIGH,
 SLOPE_LOW, SLOPE_HIGH, DROOP_S, VAR_S, WATT_S, Q_PER_P, Q_FIRST, Q_ABSORB, Q_INJECT, P_PER_S, CURRENT,
 FUNCTIONS, SETTINGS) = range(22)  # fmt: skip
# Columns of whole times, (inverters, TIMES) in microseconds.
CEASE_US, ENTER_US, TIMES = 0, 1, 2
# Columns of counters, (inverters, COUNTERS) whole: timers of the stages come first, all in microseconds.
CEASE_TIMER, WAIT, SINCE, SERVING, COUNTERS = STAGES, STAGES + 1, STAGES + 2, STAGES + 3, STAGES + 4
# Columns of lags, (inverters, LAGS) float, per unit.
VAR_NOW, WATT_NOW, DROOP_NOW, DROOP_FROM, DROOPING, P_NOW, LAGS = range(7)
HAS_VAR, HAS_WATT, HAS_DROOP = 1, 2, 4
OFF, RUNNING, CEASED = 0, 1, 2
AWAY, BACK = 1.0, 2.0  # of a droop: frequency outside its dead band, or inside again
LONG_AGO = 1 << 60
NOMINAL_HZ = 60.0
SETTLED = 1e-3  # droop that is this near to its end has ended [pu]
GAUSS_X, GAUSS_W = 0.3872983346207417, 0.2777777777777778  # three points on a unit interval


@kernel
def curve(x, points):
    """Piecewise linear through points (n, 2), constant beyond the outer ones."""
    last = points.shape[0] - 1
    if x <= points[0, 0]:
        return points[0, 1]
    for k in range(last):
        if x < points[k + 1, 0]:
            share = (x - points[k, 0]) / (points[k + 1, 0] - points[k, 0])
            return points[k, 1] + share * (points[k + 1, 1] - points[k, 1])
    return points[last, 1]


@kernel
def lagged(now, target, tau_s, after_s):
    """First-order lag towards a target that stands still."""
    if tau_s <= 0.0:
        return target
    return target + (now - target) * math.exp(-after_s / tau_s)


@kernel
def output(after_s, available, most, since_s, setting, lag, var, watt, droop):
    """Active and reactive power [pu of rated apparent power] some time into a stretch.

    available [pu of rated active power]; most: apparent power that the largest current allows at this voltage; since_s
    in service when the stretch began; var, watt, droop: where the functions head for.
    """
    functions = int(setting[FUNCTIONS])
    p = min(available, 1.0)
    if setting[RAMP_S] > 0.0:
        p = min(p, max((since_s + after_s) / setting[RAMP_S], 0.0))
    if functions & HAS_WATT:
        p = min(p, lagged(lag[WATT_NOW], watt, setting[WATT_S], after_s))
    if lag[DROOPING] > 0.0:
        p = min(p, lagged(lag[DROOP_NOW], droop, setting[DROOP_S], after_s))
    p *= setting[P_PER_S]
    q = setting[Q_PER_P] * abs(p)
    if functions & HAS_VAR:
        q = lagged(lag[VAR_NOW], var, setting[VAR_S], after_s)
    room = math.sqrt(max(1.0 - p * p, 0.0))
    if abs(q) > room:
        q = math.copysign(max(room, min(abs(q), setting[Q_FIRST])), q)
        room = math.sqrt(max(1.0 - q * q, 0.0))
        p = max(min(p, room), -room)
    if p * p + q * q > most * most:  # active current gives way first
        q = max(min(q, most), -most)
        room = math.sqrt(max(most * most - q * q, 0.0))
        p = max(min(p, room), -room)
    return p, q


@kernel
def stretch(length_s, available, most, since_s, setting, lag, var, watt, droop):
    """Energy of a stretch [pu s], active and reactive: exact where only the ramp moves, else by Gauss on
    intervals that double, the first an eighth of the shortest lag."""
    functions = int(setting[FUNCTIONS])
    p0, q0 = output(0.0, available, most, since_s, setting, lag, var, watt, droop)
    p1, q1 = output(length_s, available, most, since_s, setting, lag, var, watt, droop)
    top = min(available, 1.0)
    meets_s = min(max(top * setting[RAMP_S] - since_s, 0.0), length_s)  # when the ramp reaches what there is
    if p0 == p1 and q0 == q1 and meets_s == 0.0:
        return p0 * length_s, q0 * length_s
    least, tau = 1e300, 1e300
    if functions & HAS_WATT:
        least = min(lag[WATT_NOW], watt)
        tau = min(tau, setting[WATT_S])
    if lag[DROOPING] > 0.0:
        least = min(least, min(lag[DROOP_NOW], droop))
        tau = min(tau, setting[DROOP_S])
    still_q = q0 == q1 and (functions & HAS_VAR != 0 or setting[Q_PER_P] == 0.0)
    if (
        meets_s > 0.0
        and still_q
        and p1 * p1 + q1 * q1 < min(1.0, most * most)
        and least * setting[P_PER_S] >= p1
    ):
        # Only the ramp moves: a trapezium under it, then level.
        energy = (since_s + 0.5 * meets_s) / setting[RAMP_S] * meets_s + top * (length_s - meets_s)
        return energy * setting[P_PER_S], q0 * length_s
    if functions & HAS_VAR:
        tau = min(tau, setting[VAR_S])
    width = max(min(tau / 8.0, length_s), length_s / 4096.0, 1e-9)
    p_sum, q_sum, at = 0.0, 0.0, 0.0
    while at < length_s:
        width = min(width, length_s - at)
        if at < meets_s < at + width:
            width = meets_s - at
        for k in range(-1, 2):
            weight = (1.6 if k == 0 else 1.0) * GAUSS_W * width
            p, q = output(
                at + width * (0.5 + k * GAUSS_X), available, most, since_s, setting, lag, var, watt, droop
            )
            p_sum += weight * p
            q_sum += weight * q
        at += width
        width *= 2.0
    return p_sum, q_sum


@kernel
def outside(stage, threshold, low_pu, high_pu, hertz):
    """Whether a trip setting's condition holds; at the threshold itself it does not."""
    if stage < HIGH_V:
        return low_pu < threshold
    if stage < LOW_F:
        return high_pu > threshold
    if stage < HIGH_F:
        return hertz < threshold
    return hertz > threshold


@kernel
def aim(low_pu, high_pu, hertz, available, setting, lag, var_points, watt_points):
    """Where volt-var, volt-watt and droop head for in a step; begins and ends a droop."""
    functions = int(setting[FUNCTIONS])
    v = 0.5 * (low_pu + high_pu)
    var, watt, droop = 0.0, 1.0, 0.0
    if functions & HAS_VAR:
        var = max(min(curve(v, var_points), setting[Q_INJECT]), -setting[Q_ABSORB])
    if functions & HAS_WATT:
        watt = curve(v, watt_points)
    if functions & HAS_DROOP:
        over = hertz - NOMINAL_HZ - setting[DEADBAND_HIGH]
        under = NOMINAL_HZ - setting[DEADBAND_LOW] - hertz
        away = over > 0.0 or under > 0.0
        if away and lag[DROOPING] != AWAY:
            if lag[DROOPING] == 0.0:
                lag[DROOP_NOW] = lag[P_NOW]
            lag[DROOPING], lag[DROOP_FROM] = AWAY, lag[P_NOW]
        elif not away and lag[DROOPING] == AWAY:
            lag[DROOPING] = BACK
        if over > 0.0:
            droop = max(lag[DROOP_FROM] - over / (NOMINAL_HZ * setting[SLOPE_HIGH]), 0.0)
        elif under > 0.0:
            droop = min(lag[DROOP_FROM] + under / (NOMINAL_HZ * setting[SLOPE_LOW]), available)
        else:
            droop = min(available, watt)
            if lag[DROOPING] == BACK and abs(lag[DROOP_NOW] - droop) < SETTLED:
                lag[DROOPING] = 0.0
    return var, watt, droop


@kernel
def stop(counter, lag):
    """Off the grid: nothing is remembered but that it waits."""
    for k in range(COUNTERS):
        counter[k] = 0
    for k in range(LAGS):
        lag[k] = 0.0
    lag[WATT_NOW] = 1.0


@kernel
def advance_one(
    low_pu, high_pu, hertz, step_us, available, threshold, stage_us, setting, time_us, var_points, watt_points,
    counter, lag, p_pu, q_pu, status, first,
):  # fmt: skip
    """One inverter over a block.

    (steps,): low_pu, high_pu lowest and highest applicable voltage, hertz, step_us lengths, available [pu of rated
    active power]. threshold, stage_us (STAGES,); setting, time_us by the columns above; counter, lag: the state, moved
    along. Out: p_pu, q_pu (steps,) means [pu of rated apparent power], status (steps,) at the end, first (2,): when
    [us of the block] and by which stage it first tripped, -1 for never.
    """
    first[0] = first[1] = -1
    begun = 0
    for s in range(step_us.shape[0]):
        length, at = step_us[s], 0
        p_sum, q_sum = 0.0, 0.0
        low, high, f = low_pu[s], high_pu[s], hertz[s]
        resting = False
        while at < length:
            if counter[SERVING] == 0:
                if not (
                    low >= setting[ENTER_V_LOW] and high <= setting[ENTER_V_HIGH]
                    and f >= setting[ENTER_F_LOW] and f <= setting[ENTER_F_HIGH]
                ):  # fmt: skip
                    counter[WAIT] = 0
                    at = length
                elif counter[WAIT] + (length - at) < time_us[ENTER_US]:
                    counter[WAIT] += length - at
                    at = length
                else:
                    at += max(time_us[ENTER_US] - counter[WAIT], 0)
                    counter[WAIT] = counter[SINCE] = 0
                    counter[SERVING] = 1
                continue
            part, by = length - at, -1
            for k in range(STAGES):
                if not outside(k, threshold[k], low, high, f):
                    counter[k] = 0
                elif stage_us[k] - counter[k] <= part and (by < 0 or stage_us[k] - counter[k] < part):
                    part, by = max(stage_us[k] - counter[k], 0), k
            ceasing = low <= setting[CEASE_LOW] or high > setting[CEASE_HIGH]
            if not ceasing:
                counter[CEASE_TIMER] = 0
            resting = ceasing and counter[CEASE_TIMER] >= time_us[CEASE_US]
            if ceasing and not resting and time_us[CEASE_US] - counter[CEASE_TIMER] < part:
                part, by = time_us[CEASE_US] - counter[CEASE_TIMER], -1
            var, watt, droop = aim(low, high, f, available[s], setting, lag, var_points, watt_points)
            part_s, since_s = part * 1e-6, counter[SINCE] * 1e-6
            most = setting[CURRENT] * max(0.5 * (low + high), 0.0)
            if not resting:
                p, q = stretch(part_s, available[s], most, since_s, setting, lag, var, watt, droop)
                p_sum += p
                q_sum += q
            p, q = output(part_s, available[s], most, since_s, setting, lag, var, watt, droop)
            lag[P_NOW] = p / setting[P_PER_S]
            lag[VAR_NOW] = lagged(lag[VAR_NOW], var, setting[VAR_S], part_s)
            lag[WATT_NOW] = lagged(lag[WATT_NOW], watt, setting[WATT_S], part_s)
            lag[DROOP_NOW] = lagged(lag[DROOP_NOW], droop, setting[DROOP_S], part_s)
            for k in range(STAGES):
                if outside(k, threshold[k], low, high, f):
                    counter[k] += part
            if ceasing:
                counter[CEASE_TIMER] += part
                resting = counter[CEASE_TIMER] >= time_us[CEASE_US]
            counter[SINCE] = min(counter[SINCE] + part, LONG_AGO)
            at += part
            if by >= 0:
                if first[0] < 0:
                    first[0], first[1] = begun + at, by
                stop(counter, lag)
        p_pu[s], q_pu[s] = p_sum / (length * 1e-6), q_sum / (length * 1e-6)
        status[s] = (CEASED if resting else RUNNING) if counter[SERVING] > 0 else OFF
        begun += length


@kernel
def advance_serial(
    low_pu, high_pu, hertz, step_us, available, threshold, stage_us, setting, time_us, var_points, watt_points,
    counter, lag, p_pu, q_pu, status, first,
):  # fmt: skip
    """`advance_one` for every inverter; all but hertz and step_us have the inverter first."""
    for k in range(setting.shape[0]):
        advance_one(
            low_pu[k], high_pu[k], hertz, step_us, available[k], threshold[k], stage_us[k], setting[k], time_us[k],
            var_points[k], watt_points[k], counter[k], lag[k], p_pu[k], q_pu[k], status[k], first[k],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    low_pu, high_pu, hertz, step_us, available, threshold, stage_us, setting, time_us, var_points, watt_points,
    counter, lag, p_pu, q_pu, status, first,
):  # fmt: skip
    """`advance_serial` with inverters on threads."""
    for k in prange(setting.shape[0]):
        advance_one(
            low_pu[k], high_pu[k], hertz, step_us, available[k], threshold[k], stage_us[k], setting[k], time_us[k],
            var_points[k], watt_points[k], counter[k], lag[k], p_pu[k], q_pu[k], status[k], first[k],
        )  # fmt: skip
