"""Compiled home islands: a battery or a generator that alone makes the voltage of a panel."""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel

# Columns of an island's row. The limits are apparent powers; a source without a limit has an infinite one.
(
    CONTINUOUS_VA, LEG_VA, UNBALANCE_VA, INSTANT, TAU_S, TRIP, SURGE_VA, RESTART_S, MOTOR_W, MOTOR_START_VA, CHARGE_W,
    CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY, CAPACITY_J, RESTART_J, STANDBY_W, STORES,
) = range(17)  # fmt: skip
UNIT = 17

# Columns of its state: what it does, heat of its overload protection, seconds to its next try, load last served.
DOES, THETA, WAIT_S, LAST_W = range(4)
STATE = 4
READY, UP, TRIPPED, EMPTY = range(4)

START_S = 0.5  # how long a motor draws its locked-rotor current


@kernel
def stress(unit, w1, w2, var1, var2):
    """Apparent power over the limit that is nearest: of the source, of a leg, of the difference between the legs."""
    leg1, leg2 = math.hypot(w1, var1), math.hypot(w2, var2)
    total = math.hypot(w1 + w2, var1 + var2) / unit[CONTINUOUS_VA]
    return max(total, max(max(leg1, leg2) / unit[LEG_VA], abs(leg1 - leg2) / unit[UNBALANCE_VA]))


@kernel
def motor_starts(unit, state, load_w, multiple):
    """What a rise of the load does that a motor's start may be: whether the source trips by it."""
    rise_w, motor_w = load_w - state[LAST_W], unit[MOTOR_W]
    if not (motor_w > 0.0 and rise_w >= motor_w):
        return False
    surge_va = multiple * unit[CONTINUOUS_VA] + unit[MOTOR_START_VA] - motor_w
    target = (surge_va / unit[CONTINUOUS_VA]) ** 2
    state[THETA] = target + (state[THETA] - target) * math.exp(-START_S / unit[TAU_S])
    return surge_va > unit[SURGE_VA] or state[THETA] >= unit[TRIP]


@kernel
def overload_s(unit, theta, target):
    """Seconds until the overload protection opens at a constant load; infinite for never."""
    if target >= unit[INSTANT] * unit[INSTANT]:
        return 0.0
    if target <= unit[TRIP]:
        return math.inf
    if theta >= unit[TRIP]:
        return 0.0
    return unit[TAU_S] * math.log((target - theta) / (target - unit[TRIP]))


@kernel
def advance_one(
    unit, state, charge_j, leg_w, leg_var, solar_w, sun_w, seconds, on, power_w, used_w, served_w, out_j, leg_va,
    first,
):  # fmt: skip
    """One island over a block; what it does after its first change is computed as well.

    unit (UNIT,), state (STATE,), moved in place; charge_j stored at the start; leg_w, leg_var (2, steps) of the panel;
    solar_w (steps,) what solar in service can give, sun_w what it could give in service; on: whether the source is
    on the panel. Out, (steps,): power_w of the source (produced positive, a charging battery negative), used_w of
    solar, served_w of the panel, out_j stored at each step's end, leg_va (2, steps) of the source; first (2,) seconds
    to the first change of what it does, -1 without, and what it does then.
    """
    first[0], first[1] = -1.0, -1.0
    past = 0.0
    stores = unit[STORES] > 0.0
    for s in range(solar_w.shape[0]):
        left = seconds[s]
        given_j, taken_j, solar_j, load_j = 0.0, 0.0, 0.0, 0.0
        load_w = leg_w[0, s] + leg_w[1, s]
        leg_va[0, s] = leg_va[1, s] = 0.0
        begins = True
        while True:
            before = state[DOES]
            part, target = left, 0.0
            gives_w, takes_w, uses_w, serves_w = 0.0, 0.0, 0.0, 0.0
            change = before
            if before == UP:
                serves_w, uses_w = load_w, min(solar_w[s], load_w)
                gives_w = load_w - uses_w
                takes_w = min(solar_w[s] - uses_w, unit[CHARGE_W])
                if takes_w > 0.0 and charge_j >= unit[CAPACITY_J]:
                    takes_w = min(takes_w, unit[STANDBY_W] / unit[CHARGE_EFFICIENCY])
                uses_w += takes_w
                w1, w2 = leg_w[0, s] - 0.5 * uses_w, leg_w[1, s] - 0.5 * uses_w
                leg_va[0, s], leg_va[1, s] = math.hypot(w1, leg_var[0, s]), math.hypot(w2, leg_var[1, s])
                multiple = stress(unit, w1, w2, leg_var[0, s], leg_var[1, s])
                target = multiple * multiple
                if begins and motor_starts(unit, state, load_w, multiple):
                    part, change = 0.0, TRIPPED
                else:
                    opens_s = overload_s(unit, state[THETA], target)
                    if opens_s <= part:
                        part, change = opens_s, TRIPPED
                state[LAST_W] = load_w
            elif before == TRIPPED:
                if not on and stores:  # the breaker of a set stays open until somebody closes it
                    part, change = 0.0, READY
                elif state[WAIT_S] <= part:
                    part, change = state[WAIT_S], READY
                state[WAIT_S] -= part
            elif before == EMPTY:
                takes_w = min(sun_w[s], unit[CHARGE_W])
                uses_w = takes_w
            begins = False
            rate_w = 0.0
            if stores:
                rate_w = takes_w * unit[CHARGE_EFFICIENCY] - unit[STANDBY_W]
                rate_w -= gives_w / unit[DISCHARGE_EFFICIENCY]
                if before == EMPTY:
                    if rate_w > 0.0 and (unit[RESTART_J] - charge_j) / rate_w <= part:
                        part, change = max((unit[RESTART_J] - charge_j) / rate_w, 0.0), READY
                elif rate_w < 0.0 and charge_j / -rate_w <= part:
                    part, change = charge_j / -rate_w, EMPTY
                if rate_w > 0.0 and charge_j < unit[CAPACITY_J]:
                    full_s = (unit[CAPACITY_J] - charge_j) / rate_w
                    if full_s < part:
                        part, change = full_s, before
                charge_j = min(max(charge_j + rate_w * part, 0.0), unit[CAPACITY_J])
                if change == EMPTY and change != before:
                    charge_j = 0.0
                elif rate_w > 0.0 and part < left and before == UP and change == UP:
                    charge_j = unit[CAPACITY_J]
            state[THETA] = target + (state[THETA] - target) * math.exp(-part / unit[TAU_S])
            given_j += gives_w * part
            taken_j += takes_w * part
            solar_j += uses_w * part
            load_j += serves_w * part
            left -= part
            past += part
            if change != before:
                state[DOES], state[LAST_W] = change, 0.0
                state[WAIT_S] = unit[RESTART_S] if change == TRIPPED else 0.0
                if first[0] < 0.0:
                    first[0], first[1] = past, change
            if left <= 0.0:
                break
        power_w[s] = (given_j - taken_j) / seconds[s]
        used_w[s] = solar_j / seconds[s]
        served_w[s] = load_j / seconds[s]
        out_j[s] = charge_j


@kernel
def advance_serial(
    units, states, charge_j, leg_w, leg_var, solar_w, sun_w, seconds, on, power_w, used_w, served_w, out_j, leg_va,
    first,
):  # fmt: skip
    """`advance_one` of every island, which come first in all arrays."""
    for i in range(units.shape[0]):
        advance_one(
            units[i], states[i], charge_j[i], leg_w[i], leg_var[i], solar_w[i], sun_w[i], seconds, on[i], power_w[i],
            used_w[i], served_w[i], out_j[i], leg_va[i], first[i],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    units, states, charge_j, leg_w, leg_var, solar_w, sun_w, seconds, on, power_w, used_w, served_w, out_j, leg_va,
    first,
):  # fmt: skip
    """`advance_serial` with islands on threads."""
    for i in prange(units.shape[0]):
        advance_one(
            units[i], states[i], charge_j[i], leg_w[i], leg_var[i], solar_w[i], sun_w[i], seconds, on[i], power_w[i],
            used_w[i], served_w[i], out_j[i], leg_va[i], first[i],
        )  # fmt: skip
