"""Compiled state of charge of home batteries."""

from numba import prange

from cosim.compiled import kernel, parallel_kernel

# What a battery does in a step: serve the home, take the surplus only, fill up from the grid too, give or take what is
# asked for.
SERVE, HOLD, FILL, GIVE, TAKE = range(5)


@kernel
def advance_one(
    charge_j, net_w, seconds, running, alone, action, asked_w, limits_j, limits_w, efficiency, grid_charge_w,
    grid_limit_w, standby_w, power_w, out_j,
):  # fmt: skip
    """One battery over a block.

    charge_j at the start; net_w (steps,) what the rest of the home draws, negative: surplus; alone: it holds its home
    up without a grid, down to nothing stored; action, asked_w (steps,) see above; limits_j: least in service, most;
    limits_w: charge, discharge, at the terminals; efficiency: charge, discharge, one way; grid_charge_w: most that
    FILL takes from the grid; grid_limit_w (steps,) or (1,) most that the service leaves for it; standby_w: what the
    stored energy loses all the time. Out: power_w (steps,), positive discharging; out_j (steps,) at the end of each
    step.
    """
    last = grid_limit_w.shape[0] - 1
    for s in range(net_w.shape[0]):
        if standby_w > 0.0:
            charge_j = max(charge_j - standby_w * seconds[s], 0.0)
        power = 0.0
        if running:
            # In energy, so that the next step waits for no division.
            does = SERVE if alone else action[s]
            if does == GIVE or (does == SERVE and net_w[s] >= 0.0):
                power = max(min(asked_w[s] if does == GIVE else net_w[s], limits_w[1]), 0.0)
                least_j = 0.0 if alone else limits_j[0]
                left_j, taken_j = max(charge_j - least_j, 0.0), power * seconds[s] / efficiency[1]
                if taken_j > left_j:
                    taken_j, power = left_j, left_j * efficiency[1] / seconds[s]
                charge_j -= taken_j
            else:
                taken_w = max(-net_w[s], 0.0)
                from_grid = 0.0
                if does == FILL:
                    from_grid = grid_charge_w
                elif does == TAKE:
                    from_grid = asked_w[s]
                if from_grid > taken_w:
                    taken_w = max(taken_w, min(from_grid, grid_limit_w[min(s, last)]))
                power = -min(taken_w, limits_w[0])
                room_j, given_j = max(limits_j[1] - charge_j, 0.0), -power * seconds[s] * efficiency[0]
                if given_j > room_j:
                    given_j, power = room_j, -room_j / (efficiency[0] * seconds[s])
                charge_j += given_j
        power_w[s] = power
        out_j[s] = charge_j


@kernel
def advance_serial(
    charge_j, net_w, seconds, running, alone, usage, action, asked_w, limits_j, limits_w, efficiency,
    grid_charge_w, grid_limit_w, standby_w, power_w, out_j,
):  # fmt: skip
    """`advance_one` for every battery; arrays of the fleet have the battery first, those of a usage the usage."""
    for b in range(charge_j.shape[0]):
        advance_one(
            charge_j[b], net_w[b], seconds, running[b], alone[b], action[usage[b]], asked_w[usage[b]], limits_j[b],
            limits_w[b], efficiency[b], grid_charge_w[b], grid_limit_w[b], standby_w[b], power_w[b], out_j[b],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    charge_j, net_w, seconds, running, alone, usage, action, asked_w, limits_j, limits_w, efficiency,
    grid_charge_w, grid_limit_w, standby_w, power_w, out_j,
):  # fmt: skip
    """`advance_serial` with batteries on threads."""
    for b in prange(charge_j.shape[0]):
        advance_one(
            charge_j[b], net_w[b], seconds, running[b], alone[b], action[usage[b]], asked_w[usage[b]], limits_j[b],
            limits_w[b], efficiency[b], grid_charge_w[b], grid_limit_w[b], standby_w[b], power_w[b], out_j[b],
        )  # fmt: skip
