"""Compiled headroom of services."""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel


@kernel
def leave_one(limit_va, panel_w, panel_var, other_w, out):
    """What one service leaves for a load from leg to leg at unity power factor [W], (steps,).

    limit_va: a leg's; panel_w, panel_var (3, steps) on leg 1, leg 2 and from leg to leg; other_w (steps,) from leg to
    leg, negative if produced. A leg carries half of what lies from leg to leg. With P and Q of the tighter leg, the
    load may be as large as keeps (P + load / 2)^2 + Q^2 at the limit's square.
    """
    for s in range(out.shape[0]):
        half_w = 0.5 * (panel_w[2, s] + other_w[s])
        half_var = 0.5 * panel_var[2, s]
        least = math.inf
        for leg in range(2):
            var = panel_var[leg, s] + half_var
            square = limit_va * limit_va - var * var
            room = math.sqrt(square) - panel_w[leg, s] - half_w if square > 0.0 else 0.0
            least = min(least, room)
        out[s] = max(2.0 * least, 0.0)


@kernel
def leave_serial(limit_va, panel_w, panel_var, other_w, out):
    """`leave_one` of every home."""
    for h in range(out.shape[0]):
        leave_one(limit_va[h], panel_w[h], panel_var[h], other_w[h], out[h])


@parallel_kernel
def leave_parallel(limit_va, panel_w, panel_var, other_w, out):
    """`leave_serial` with homes on threads."""
    for h in prange(out.shape[0]):
        leave_one(limit_va[h], panel_w[h], panel_var[h], other_w[h], out[h])
