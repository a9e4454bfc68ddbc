"""Compiled engine generators: fuel, speed, start, stall."""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel

# Columns of a generator's row.
RATED_W, MOST_W, KINETIC_J, STALL_SPEED2, START_S = range(5)
UNIT = 5

# Columns of its state: what it does, seconds left of its start, stored fuel, square of speed over synchronous speed.
DOES, LEFT_S, FUEL_J, SPEED2 = range(4)
STATE = 4
OFF, STARTING, RUNNING, STALLED, DRY = range(5)


@kernel
def fuel_w(share_points, fuel_points, share):
    """Heat of the fuel burnt at a share of rated power, linear between and beyond the points, never below 0."""
    i = 1
    while i < share_points.shape[0] - 1 and share > share_points[i]:
        i += 1
    part = (share - share_points[i - 1]) / (share_points[i] - share_points[i - 1])
    return max(fuel_points[i - 1] + part * (fuel_points[i] - fuel_points[i - 1]), 0.0)


@kernel
def advance_one(
    unit, share_points, fuel_points, wanted, state, load_w, seconds, power_w, burnt_j, speed, first
):
    """One generator over a block.

    unit, share_points and fuel_points (heat per second): see above; wanted: whether it is told to run; state (STATE,)
    is moved in place; load_w (steps,) asked of it. Out: power_w, burnt_j (steps,) mean power given and heat of fuel
    burnt; speed (steps,) over synchronous speed at the end of each step, the governor's droop apart; first (2,)
    seconds to the first change of what it does, -1 without, and what it does then.
    """
    first[0], first[1] = -1.0, -1.0
    past = 0.0
    for s in range(load_w.shape[0]):
        left = seconds[s]
        given_j, heat_j = 0.0, 0.0
        while True:
            before = state[DOES]
            part = left
            if not wanted:
                state[DOES], state[LEFT_S], state[SPEED2] = OFF, 0.0, 1.0
                part = left if before == OFF else 0.0
            elif before == OFF:
                state[DOES], state[LEFT_S], state[SPEED2] = STARTING, unit[START_S], 1.0
                part = 0.0
            elif before == STARTING:
                part = min(left, state[LEFT_S])
                state[LEFT_S] -= part
                if state[LEFT_S] <= 0.0:
                    state[DOES] = RUNNING if state[FUEL_J] > 0.0 else DRY
            elif before == RUNNING:
                burns_w = fuel_w(share_points, fuel_points, min(load_w[s], unit[MOST_W]) / unit[RATED_W])
                # What the engine cannot give comes out of the flywheel, and goes back into it afterwards.
                slope = (unit[MOST_W] - load_w[s]) / unit[KINETIC_J]
                stalls = (unit[STALL_SPEED2] - state[SPEED2]) / slope if slope < 0.0 else math.inf
                dries = state[FUEL_J] / burns_w if burns_w > 0.0 else math.inf
                part = min(left, min(stalls, dries))
                given_j += load_w[s] * part
                heat_j += burns_w * part
                state[SPEED2] = min(state[SPEED2] + slope * part, 1.0)
                state[FUEL_J] = max(state[FUEL_J] - burns_w * part, 0.0)
                if dries <= part:
                    state[DOES], state[FUEL_J], state[SPEED2] = DRY, 0.0, 0.0
                elif stalls <= part:
                    state[DOES], state[SPEED2] = STALLED, 0.0
            left -= part
            past += part
            if state[DOES] != before and first[0] < 0.0:
                first[0], first[1] = past, state[DOES]
            if left <= 0.0:
                break
        power_w[s] = given_j / seconds[s]
        burnt_j[s] = heat_j
        speed[s] = math.sqrt(state[SPEED2]) if state[DOES] == RUNNING else 0.0


@kernel
def advance_serial(
    units, share_points, fuel_points, wanted, states, load_w, seconds, power_w, burnt_j, speed, first
):
    """`advance_one` of every generator; points (k, p)."""
    for g in range(units.shape[0]):
        advance_one(
            units[g], share_points[g], fuel_points[g], wanted[g], states[g], load_w[g], seconds, power_w[g],
            burnt_j[g], speed[g], first[g],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    units, share_points, fuel_points, wanted, states, load_w, seconds, power_w, burnt_j, speed, first
):
    """`advance_serial` with generators on threads."""
    for g in prange(units.shape[0]):
        advance_one(
            units[g], share_points[g], fuel_points[g], wanted[g], states[g], load_w[g], seconds, power_w[g],
            burnt_j[g], speed[g], first[g],
        )  # fmt: skip
