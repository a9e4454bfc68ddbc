"""What people do and when: uses of appliances and hot water day by day, steady loads, refrigerators.

A day of uses is a function of (seed, home, day) alone. Times are minutes of local-standard time since 1970.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.random_kernels import draw, inverse_cdf, mix

# Columns of a kind of use.
(
    POWER_W,
    MINUTES,
    SPREAD,
    DUTY,
    CYCLE_MIN,
    TAN_PHI,
    IMPEDANCE,  # share of its power that follows the square of the voltage
    TO_AIR,  # share of its energy that stays in the home as heat
    LOCKED_ROTOR,  # apparent power of a start over that of running; 0: no motor to speak of
    INRUSH_MIN,
    WATER_L_PER_MIN,
    WATER_MIN,
    MIXED,  # 1: flow is of mixed water at the tap, 0: of hot water
) = range(13)
KIND_COLUMNS = 13
MAX_USES = 32  # of one kind in one home and day

USE_DAY_MIN = 4 * 60.0  # a day of uses runs from 4:00 to 4:00: nothing is in use across its border

# Columns of what a home does steadily.
(
    STANDBY_W,
    PLUGS_W,
    LIGHTS_W,
    AT_HOME,
    PEOPLE,
    SHIFT_H,
    HEAT_SET_C,
    COOL_SET_C,
    SETBACK_K,
    SETUP_K,
    LEG_1_SHARE,
    FRIDGE_W,
    FRIDGE_DUTY,
    FRIDGE_PERIOD_MIN,
    SECOND_FRIDGE_W,
    FRIDGE_LEG,
    FAN_LEG,
    SUN_M2,
    OPEN_W_PER_K,  # of open windows, 0: kept shut
) = range(19)
HABITS = 19

# What a home does now: held for `QUICK_MIN`, part of its state.
UNTIL_MIN, ELECTRONICS_NOW_W, LIGHTS_NOW_W, PEOPLE_NOW_W, HEAT_C, COOL_C = range(6)
NOW = 6
SLOW_MIN, QUICK_MIN = 60.0, 6.0  # how long people stay at something, and how long a device stays as it is
PERSON_W = 70.0  # sensible heat of a person seated or at light work: ASHRAE Handbook, Fundamentals
NIGHT_H = (22.5, 6.0)  # when a thermostat is set back
AWAY_H = (8.5, 16.5)  # when a thermostat is set up on weekdays

OPEN_C, OPEN_K = 23.0, 2.0  # from which indoor air windows are opened, and over which rise fully

FRIDGE_C, ROOM_C = 3.5, 21.0  # inside, and the room at which a refrigerator's duty and period are stated
FRIDGE_MIN = 15.0 * 60.0  # time constant with its content, engineering judgement (5 to 30 h)
# A refrigerator's state: inside and whether its compressor runs; two of them.
INSIDE_C, RUNS, SECOND_INSIDE_C, SECOND_RUNS = range(4)
FRIDGES = 4


@kernel
def address(seed, purpose, item):
    """State of `random_kernels.uniform` after its first three fields."""
    return mix(mix(mix(np.uint64(0), np.uint64(seed)), np.uint64(purpose)), np.uint64(item))


@kernel
def on_time(x, duty):
    """Cycles on from 0 to x, when each whole cycle is on for its first `duty`."""
    whole = math.floor(x)
    return whole * duty + min(x - whole, duty)


@kernel
def fill_day(state, per_day, kinds, cdfs, day, begin, end, times, start, stop, kind):
    """Write all uses of one home in one day, in the order of their starts; returns their number.

    per_day (k,) expected uses; kinds (k, columns); cdfs (k, 25) over the hours from 4:00; begin, end of
    the day [min]; times: scratch. The number of uses is binomial with the given mean; a use waits for the
    one before of its kind and stops at the end of the day.
    """
    day_state = mix(state, np.uint64(day))
    n = 0
    for a in range(per_day.shape[0]):
        expected = min(per_day[a], float(MAX_USES))
        slots = math.ceil(expected)
        first = a * 3 * MAX_USES
        count = 0
        for i in range(slots):
            if draw(day_state, first + 3 * i) * slots < expected:
                t = begin + 60.0 * inverse_cdf(cdfs[a], draw(day_state, first + 3 * i + 1))
                place = count
                while place > 0 and times[place - 1] > t:
                    times[place] = times[place - 1]
                    place -= 1
                times[place] = t
                count += 1
        free = begin
        for i in range(count):
            u = draw(day_state, first + 3 * i + 2)
            t = max(times[i], free)
            free = min(t + kinds[a, MINUTES] * (1.0 + kinds[a, SPREAD] * (2.0 * u - 1.0)), end)
            if free <= t:
                continue
            place = n
            while place > 0 and start[place - 1] > t:
                start[place], stop[place], kind[place] = start[place - 1], stop[place - 1], kind[place - 1]
                place -= 1
            start[place], stop[place], kind[place] = t, free, a
            n += 1
    return n


@kernel
def days_serial(
    seed, purpose, items, work, free, kinds, cdfs, days, border, weekend, times, start, stop, kind, count
):
    """`fill_day` of every home and day.

    work, free (h, k): uses on a day of each sort; days, weekend (d,), border (d + 1,) [min]; times
    (h, MAX_USES): scratch; start, stop, kind (h, d, e), count (h, d).
    """
    for h in range(items.shape[0]):
        for d in range(days.shape[0]):
            count[h, d] = fill_day(
                address(seed, purpose, items[h]), free[h] if weekend[d] else work[h], kinds, cdfs, days[d],
                border[d], border[d + 1], times[h], start[h, d], stop[h, d], kind[h, d],
            )  # fmt: skip


@parallel_kernel
def days_parallel(
    seed, purpose, items, work, free, kinds, cdfs, days, border, weekend, times, start, stop, kind, count
):
    """`days_serial` with homes on threads."""
    for h in prange(items.shape[0]):
        for d in range(days.shape[0]):
            count[h, d] = fill_day(
                address(seed, purpose, items[h]), free[h] if weekend[d] else work[h], kinds, cdfs, days[d],
                border[d], border[d + 1], times[h], start[h, d], stop[h, d], kind[h, d],
            )  # fmt: skip


@kernel
def use_power(kinds, a, start, begin, end, seconds_min):
    """Mean power over a step of `seconds_min` minutes of a use of kind `a` that is on from begin to end."""
    cycle = kinds[a, CYCLE_MIN]
    duty = kinds[a, DUTY]
    on = end - begin
    if duty < 1.0:
        per = 1.0 / cycle
        on = (on_time((end - start) * per, duty) - on_time((begin - start) * per, duty)) * cycle
    return kinds[a, POWER_W] * on / seconds_min


@kernel
def hour_value(curve, hour):
    """A curve over 25 hours, linear between them."""
    i = min(int(hour), 23)
    part = hour - i
    return curve[i] * (1.0 - part) + curve[i + 1] * part


@kernel
def update_now(state, habits, now, at, shift_min, weekend, sun_up, plugs, lamps):
    """What a home does from an instant on until its slot of `QUICK_MIN` ends, written over its row `now`.

    state: address of the home's draws; at [min], shift_min: daylight saving; plugs (2, 2, 25) by (out or in,
    weekday or weekend), lamps (2, 25); sun_up: sine of the sun's height. What people do persists for an
    hour, what a device does for minutes; both levels have mean 1. Lamps are full below civil twilight and
    at a fifth by day.
    """
    slot = math.floor(at / QUICK_MIN)
    now[UNTIL_MIN] = (slot + 1.0) * QUICK_MIN
    day = mix(state, np.uint64(at // 1440.0))
    u = draw(day, np.uint64(slot % 240.0))
    quick = 0.4 + 1.8 * u * u
    slow = 0.4 + 1.2 * draw(day, np.uint64(1000.0 + math.floor(at / SLOW_MIN) % 24.0))
    wall_h = (at + shift_min) / 60.0
    hour = wall_h + habits[SHIFT_H]
    hour -= 24.0 * math.floor(hour / 24.0)
    e = 1 if weekend else 0
    out, inside = hour_value(plugs[0, e], hour), hour_value(plugs[1, e], hour)
    level = out + habits[AT_HOME] * (inside - out)
    dark = min(max((0.15 - sun_up) / 0.25, 0.2), 1.0)
    away = not weekend and habits[AT_HOME] == 0.0 and AWAY_H[0] <= hour < AWAY_H[1]
    night = hour >= NIGHT_H[0] or hour < NIGHT_H[1]
    now[ELECTRONICS_NOW_W] = habits[STANDBY_W] + habits[PLUGS_W] * level * slow * quick
    now[LIGHTS_NOW_W] = habits[LIGHTS_W] * hour_value(lamps[e], hour) * dark * slow
    now[PEOPLE_NOW_W] = PERSON_W * habits[PEOPLE] * (0.2 if away else 0.8)
    now[HEAT_C] = habits[HEAT_SET_C] - (habits[SETBACK_K] if night or away else 0.0)
    now[COOL_C] = habits[COOL_SET_C] + (habits[SETUP_K] if away else 0.0)


@kernel
def window_air(habits, air_c, outdoor_c):
    """Heat that leaves through windows that people open when it is warm inside and cooler outside [W]."""
    if habits[OPEN_W_PER_K] <= 0.0 or air_c <= OPEN_C or outdoor_c >= air_c:
        return 0.0
    return habits[OPEN_W_PER_K] * min((air_c - OPEN_C) / OPEN_K, 1.0) * (air_c - outdoor_c)


@kernel
def fridge_figures(habits):
    """Half of the thermostat's band [K], and how far below the room a compressor gets that always runs [K]."""
    below = ROOM_C - FRIDGE_C
    duty = habits[FRIDGE_DUTY]
    return 0.5 * below * (1.0 - duty) * habits[FRIDGE_PERIOD_MIN] / FRIDGE_MIN, below / duty


@kernel
def fridge_step(inside_c, runs, room_c, half_k, full_k, minutes, powered):
    """A refrigerator over a step: inside at its end, and 1 if it runs in it.

    dT/dt = (room - T - runs full) / FRIDGE_MIN, switched at the ends of its thermostat's band.
    """
    if inside_c > FRIDGE_C + half_k:
        runs = 1.0
    elif inside_c < FRIDGE_C - half_k:
        runs = 0.0
    if not powered:
        runs = 0.0
    return inside_c + (room_c - inside_c - runs * full_k) * (minutes / FRIDGE_MIN), runs
