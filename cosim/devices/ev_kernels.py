"""Compiled days and charging of cars at home.

A car's day runs from 4:00 to 4:00 by the wall clock; it leaves and comes back once in it. Everything about a day is
a function of (seed, car, day), so no bit depends on where a block begins, on threads or on other cars. Times are
minutes of local-standard time since 1970.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.random_kernels import draw, inverse_cdf, mix

# Columns of a car's row.
(
    CHARGE_W,
    LEAST_W,
    DISCHARGE_W,
    CHARGE_EFFICIENCY,
    DISCHARGE_EFFICIENCY,
    FULL_J,
    TAPER_J,
    CAPACITY_J,
    TAPER_FLOOR,
    RESERVE_J,
    EMPTY_J,
    TRIP_J_PER_MILE,
    MILES,
    MOST_MILES,
    SPREAD,
    STRICT,
    TAPER_MIN,
) = range(17)
CAR = 17

# Rows of a day's times.
LEAVES, RETURNS, TRIP_J = range(3)

DAY_BEGINS_MIN = 240.0
SLOT_MIN = 15.0
LEAST_STAY_MIN = 300.0
MILES_PER_MIN = 0.5
LEAST_TRIP_MIN = 15.0
LAST_HOUR = (
    22.9  # a car is back before its day ends, even on the day that daylight saving makes an hour shorter
)


@kernel
def fill_days(car, state, habits, days, shifts, weekend, factor, times):
    """When a car leaves and returns on each day, and what the trip takes out of its battery.

    habits (2 leaves or returns, 2 weekday or weekend, 25) cumulative chances over the hours from 4:00; days (d,),
    consecutive, the first one before any that matters; shifts (d,) daylight saving [min]; factor (d,) energy a mile
    over that of a mild day. Out: times (3, d).
    """
    back = 0.0
    for d in range(days.shape[0]):
        day = mix(state, np.uint64(days[d]))
        begin = 1440.0 * days[d] + DAY_BEGINS_MIN - shifts[d]
        w = weekend[d]
        miles = min(-car[MILES] * math.log(1.0 - draw(day, 2)), car[MOST_MILES])
        returns = begin + 60.0 * min(inverse_cdf(habits[1, w], draw(day, 1)), LAST_HOUR)
        leaves = begin + 60.0 * inverse_cdf(habits[0, w], draw(day, 0))
        if d > 0:
            leaves = max(leaves, back + LEAST_STAY_MIN)
        leaves = min(leaves, returns - max(miles / MILES_PER_MIN, LEAST_TRIP_MIN))
        if d > 0:
            leaves = max(leaves, back)
        times[LEAVES, d], times[RETURNS, d] = leaves, returns
        times[TRIP_J, d] = miles * car[TRIP_J_PER_MILE] * factor[d]
        back = returns


@kernel
def taken_j(car, charge_j, power_w, seconds):
    """Stored energy after charging with at most `power_w` at the plug for `seconds`; closed form.

    Above TAPER_J the car takes less: linear in stored energy from CHARGE_W down to TAPER_FLOOR of it at capacity.
    """
    full = car[FULL_J]
    if charge_j >= full or power_w <= 0.0 or seconds <= 0.0:
        return charge_j
    efficiency = car[CHARGE_EFFICIENCY]
    slope = car[CHARGE_W] * (1.0 - car[TAPER_FLOOR]) / (car[CAPACITY_J] - car[TAPER_J])  # W per J
    bends_j = car[TAPER_J] + (car[CHARGE_W] - power_w) / slope  # from here the car takes less than is offered
    if charge_j < bends_j:
        end_j = min(bends_j, full)
        needed_s = (end_j - charge_j) / (efficiency * power_w)
        if needed_s >= seconds:
            return charge_j + efficiency * power_w * seconds
        charge_j, seconds = end_j, seconds - needed_s
        if charge_j >= full:
            return full
    takes_w = car[CHARGE_W] - slope * (charge_j - car[TAPER_J])
    gained_j = takes_w / slope * -math.expm1(-efficiency * slope * seconds)
    return min(charge_j + gained_j, full)


@kernel
def bulk_min(car, charge_j):
    """Minutes of full power that hold what is missing."""
    return (car[FULL_J] - charge_j) / (60.0 * car[CHARGE_EFFICIENCY] * car[CHARGE_W])


@kernel
def taper_min(car, charge_j):
    """Minutes that the taper adds to `bulk_min`, charging with full power from `charge_j`."""
    start_j = max(charge_j, car[TAPER_J])
    slope = car[CHARGE_W] * (1.0 - car[TAPER_FLOOR]) / (car[CAPACITY_J] - car[TAPER_J])
    high_w = car[CHARGE_W] - slope * (start_j - car[TAPER_J])
    low_w = car[CHARGE_W] - slope * (car[FULL_J] - car[TAPER_J])
    if low_w >= high_w:
        return 0.0
    return math.log(high_w / low_w) / (60.0 * car[CHARGE_EFFICIENCY] * slope) - bulk_min(car, start_j)


@kernel
def minutes_at(until, rank, first_slot, level, start, end):
    """Minutes of [start, end] whose price rank is at most `level`.

    until (levels, slots + 1) minutes at most at a level before each slot. Whole slots are counted as differences, so
    that no bit depends on where the table begins.
    """
    a, b = math.floor(start / SLOT_MIN), math.floor(end / SLOT_MIN)
    i, j = int(a) - first_slot, int(b) - first_slot
    tail = (end - SLOT_MIN * b) if rank[j] <= level else 0.0
    head = (start - SLOT_MIN * a) if rank[i] <= level else 0.0
    return (until[level, j] - until[level, i]) + (tail - head)


@kernel
def charge_part(car, charge_j, ranks, until, first_slot, start, end, leaves, offered_w):
    """Stored energy after the part [start, end] of a stay that ends at `leaves`; offered_w: most at the plug.

    Of the price ranks, as many are used, from the cheapest, as give the time that is needed until departure, and with
    STRICT never more than the cheapest. SPREAD charges as slowly as fills the car by its departure, but with no less
    than LEAST_W. Below LEAST_W nothing flows: the control pilot knows no smaller current.
    """
    most = min(offered_w, car[CHARGE_W])
    if most < car[LEAST_W] or charge_j >= car[FULL_J]:
        return charge_j
    level, levels = 0, 1 if car[STRICT] > 0.0 else until.shape[0]
    if levels == 1 and car[SPREAD] == 0.0:
        return taken_j(car, charge_j, most, 60.0 * minutes_at(until, ranks, first_slot, 0, start, end))
    taper = car[TAPER_MIN] if charge_j <= car[TAPER_J] else taper_min(car, charge_j)
    need_min = bulk_min(car, charge_j) + taper
    left_min = minutes_at(until, ranks, first_slot, 0, start, leaves)
    while level + 1 < levels and left_min < need_min:
        level += 1
        left_min = minutes_at(until, ranks, first_slot, level, start, leaves)
    on_min = minutes_at(until, ranks, first_slot, level, start, end)
    if on_min <= 0.0:
        return charge_j
    if car[SPREAD] > 0.0 and left_min > need_min:
        slow_w = car[CHARGE_W] * bulk_min(car, charge_j) / (left_min - taper)
        most = min(most, max(slow_w, car[LEAST_W]))
    return taken_j(car, charge_j, most, 60.0 * on_min)


@kernel
def discharge_part(car, charge_j, ranks, until, first_slot, start, end, leaves, net_w, backup):
    """Stored energy after serving the home over [start, end], if the car may: vehicle-to-home.

    In a dead grid (`backup`) the car serves the home down to RESERVE_J. Else it does so only in the hours that are not
    the cheapest, and only with what can be charged again by departure in the cheapest ones.
    """
    wanted = min(net_w, car[DISCHARGE_W])
    floor_j = car[RESERVE_J]
    on_min = end - start
    if not backup:
        on_min -= minutes_at(until, ranks, first_slot, 0, start, end)
        again_min = minutes_at(until, ranks, first_slot, 0, end, leaves)
        back_j = 60.0 * again_min * car[CHARGE_EFFICIENCY] * car[CHARGE_W]
        floor_j = max(floor_j, car[FULL_J] - TAPER_SHARE * back_j)
    if wanted <= 0.0 or on_min <= 0.0 or charge_j <= floor_j:
        return charge_j
    return max(charge_j - 60.0 * on_min * wanted / car[DISCHARGE_EFFICIENCY], floor_j)


TAPER_SHARE = 0.8  # of the energy that full power gives, counted on when a car is discharged


@kernel
def advance_car(
    car, plan, state, habits, days, shifts, weekend, factor, ranks, until, first_slot, edges, net_w, limit_w,
    powered, backup, charge_j, times, power_w, out_j,
):  # fmt: skip
    """One car over a block.

    plan: row of `ranks` (plans, slots) and `until` (plans, levels, slots + 1), -1: charge on arrival; edges
    (steps + 1,); net_w (steps,) what the rest of the home draws; limit_w (steps,) or (1,) most the car may draw;
    charge_j at the start; times (3, d) scratch. Out: power_w (steps,) at the plug, positive consumed; out_j (steps,)
    stored at the end of each step.
    """
    steps = power_w.shape[0]
    power_w[:] = 0.0
    fill_days(car, state, habits, days, shifts, weekend, factor, times)
    last = limit_w.shape[0] - 1
    own_ranks, own_until = ranks[max(plan, 0)], until[max(plan, 0)]
    may_give = car[DISCHARGE_W] > 0.0 and (plan >= 0 or backup)
    waits = plan >= 0 and powered and last == 0 and not may_give and not backup
    s = 0
    for d in range(days.shape[0] - 1):
        back, leaves = times[RETURNS, d], times[LEAVES, d + 1]
        if leaves <= edges[0]:
            continue
        if back >= edges[steps]:
            break
        while s < steps and edges[s + 1] <= back:
            out_j[s] = charge_j
            s += 1
        if back >= edges[0]:
            # A trip that takes more than the battery holds is charged on the way.
            charge_j = max(charge_j - times[TRIP_J, d], min(car[EMPTY_J], charge_j))
        while s < steps and edges[s] < leaves:
            if charge_j >= car[FULL_J] and not may_give:
                while s < steps and edges[s + 1] <= leaves:
                    out_j[s] = charge_j
                    s += 1
                break
            start, end = max(edges[s], back), min(edges[s + 1], leaves)
            before = charge_j
            if (powered or backup) and end > start:
                if plan < 0 and powered and not backup:
                    offered = min(limit_w[min(s, last)], car[CHARGE_W])
                    if offered >= car[LEAST_W]:
                        charge_j = taken_j(car, charge_j, offered, 60.0 * (end - start))
                elif backup:
                    charge_j = discharge_part(
                        car, charge_j, own_ranks, own_until, first_slot, start, end, leaves, net_w[s], True
                    )
                else:
                    charge_j = charge_part(
                        car,
                        charge_j,
                        own_ranks,
                        own_until,
                        first_slot,
                        start,
                        end,
                        leaves,
                        limit_w[min(s, last)],
                    )
                    if may_give and charge_j == before:
                        charge_j = discharge_part(
                            car, charge_j, own_ranks, own_until, first_slot, start, end, leaves, net_w[s], False
                        )  # fmt: skip
                gained = charge_j - before
                per_s = 1.0 / (60.0 * (edges[s + 1] - edges[s]))
                if gained > 0.0:
                    power_w[s] += gained / car[CHARGE_EFFICIENCY] * per_s
                else:
                    power_w[s] += gained * car[DISCHARGE_EFFICIENCY] * per_s
            if edges[s + 1] > leaves:
                break  # the rest of this step belongs to the next stay
            out_j[s] = charge_j
            s += 1
            if waits and charge_j == before:
                # A car that waits at a price waits for as long as it lasts: nothing that it decides by changes.
                slot = math.floor(start / SLOT_MIN)
                if own_ranks[int(slot) - first_slot] > 0:
                    until_min = min(SLOT_MIN * (slot + 1.0), leaves)
                    while s < steps and edges[s + 1] <= until_min:
                        out_j[s] = charge_j
                        s += 1
    while s < steps:
        out_j[s] = charge_j
        s += 1


@kernel
def advance_serial(
    cars, plans, states, habits, days, shifts, weekend, factor, ranks, until, first_slot, edges, net_w, limit_w,
    powered, backup, charge_j, times, power_w, out_j,
):  # fmt: skip
    """`advance_car` of every car; arrays of the fleet have the car first."""
    for c in range(cars.shape[0]):
        advance_car(
            cars[c], plans[c], states[c], habits, days, shifts, weekend, factor, ranks, until, first_slot, edges,
            net_w[c], limit_w[c], powered[c], backup[c], charge_j[c], times[c], power_w[c], out_j[c],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    cars, plans, states, habits, days, shifts, weekend, factor, ranks, until, first_slot, edges, net_w, limit_w,
    powered, backup, charge_j, times, power_w, out_j,
):  # fmt: skip
    """`advance_serial` with cars on threads."""
    for c in prange(cars.shape[0]):
        advance_car(
            cars[c], plans[c], states[c], habits, days, shifts, weekend, factor, ranks, until, first_slot, edges,
            net_w[c], limit_w[c], powered[c], backup[c], charge_j[c], times[c], power_w[c], out_j[c],
        )  # fmt: skip


@kernel
def fill_times(cars, states, habits, days, shifts, weekend, factor, times):
    """`fill_days` of every car; times (k, 3, d)."""
    for c in range(cars.shape[0]):
        fill_days(cars[c], states[c], habits, days, shifts, weekend, factor, times[c])


@kernel
def fill_taper(cars):
    """TAPER_MIN of every car."""
    for c in range(cars.shape[0]):
        cars[c, TAPER_MIN] = taper_min(cars[c], cars[c, TAPER_J])


@kernel
def fill_states(seed, purpose, items, states):
    """What each car's draws are addressed by."""
    for c in range(items.shape[0]):
        states[c] = mix(mix(mix(np.uint64(0), seed), purpose), items[c])
