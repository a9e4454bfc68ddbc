"""Compiled state of charge of home batteries."""

from numba import prange

from cosim.compiled import kernel, parallel_kernel

SELF_CONSUMPTION, BACKUP = 0, 1


@kernel
def advance_one(
    charge_j, net_w, seconds, running, mode, limits_j, limits_w, efficiency, grid_charge_w, power_w, out_j
):
    """One battery over a block.

    charge_j at the start; net_w (steps,) what the rest of the home draws, negative: surplus; limits_j: least
    in service, most; limits_w: charge, discharge, at the terminals; efficiency: charge, discharge, one
    way. Out: power_w (steps,), positive discharging; out_j (steps,) at the end of each step.
    """
    for s in range(net_w.shape[0]):
        power = 0.0
        if running:
            room_w = (limits_j[1] - charge_j) / (efficiency[0] * seconds[s])
            if net_w[s] < 0.0:
                power = -max(min(min(-net_w[s], limits_w[0]), room_w), 0.0)
            elif mode == SELF_CONSUMPTION:
                left_w = (charge_j - limits_j[0]) * efficiency[1] / seconds[s]
                power = max(min(min(net_w[s], limits_w[1]), left_w), 0.0)
            if mode == BACKUP and power > -grid_charge_w:
                power = -max(min(min(grid_charge_w, limits_w[0]), room_w), 0.0)
        if power > 0.0:
            charge_j -= power * seconds[s] / efficiency[1]
        else:
            charge_j -= power * seconds[s] * efficiency[0]
        power_w[s] = power
        out_j[s] = charge_j


@kernel
def advance_serial(
    charge_j, net_w, seconds, running, mode, limits_j, limits_w, efficiency, grid_charge_w, power_w, out_j
):
    """`advance_one` for every battery; arrays of the fleet have the battery first."""
    for b in range(charge_j.shape[0]):
        advance_one(
            charge_j[b], net_w[b], seconds, running[b], mode[b], limits_j[b], limits_w[b], efficiency[b],
            grid_charge_w[b], power_w[b], out_j[b],
        )  # fmt: skip


@parallel_kernel
def advance_parallel(
    charge_j, net_w, seconds, running, mode, limits_j, limits_w, efficiency, grid_charge_w, power_w, out_j
):
    """`advance_serial` with batteries on threads."""
    for b in prange(charge_j.shape[0]):
        advance_one(
            charge_j[b], net_w[b], seconds, running[b], mode[b], limits_j[b], limits_w[b], efficiency[b],
            grid_charge_w[b], power_w[b], out_j[b],
        )  # fmt: skip
