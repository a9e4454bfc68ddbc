"""Compiled: power flow of LANES steps abreast, windows of steps dealt to workers.

Matrices are sparse by rows in 2 by 2 real blocks, see `factor_kernels`. Vectors have shape (rows, 2, LANES): real
part, imaginary part, one lane a step; (rows, 2, FEW) where there are no more steps than that. Rows stand in
elimination order and the last row of a vector is ground. No lane looks at another: bits do not depend on what is
solved beside a step.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.electrical.lane_kernels import (
    LANES,
    LINE,
    add_injection,
    backward_row,
    constant_power,
    fill_row,
    forward_row,
    prefetch_lanes,
    read_lanes,
    settle_row,
    write_lanes,
    write_line,
)
from cosim.electrical.law_kernels import low_lanes, other_current

SINGLE_LIMIT = 12  # iterations; a lane that single precision has not settled by then goes on in double
SINGLE_FROM = 1e-3  # pu: where single precision is no better than this it is not tried
PACED = 5  # iterations before a pace is judged: the first ones may still jump between branches
AHEAD = 8  # injectors: how far ahead powers are asked for; they stand a row of steps apart


@kernel
def injection(busy, p, q, wide, terminals, law, slope, offset, x, base, branch, spare, out):
    """What the busy injectors add to the right-hand side at x: their tangent's current less their own, into out.

    p, q (busy, lanes): powers in x's precision; wide: both in double.
    slope (m, 4): tangent [[0, 1], [2, 3]] of each injector's current in the factorised matrix [S].
    offset (m, 2): the same difference at `base`, which the base already contains.
    branch, spare (5, lanes): scratch for voltage, current and squared voltage in x's precision and in double.
    """
    laws, plain = law[0], law[3]
    p_wide, q_wide = wide
    for number in range(len(busy)):
        k = busy[number]
        a, b = terminals[k, 0], terminals[k, 1]
        if plain[k]:
            if constant_power(a, b, p[number], q[number], base, x, laws[k, 14], laws[k, 15], branch):
                low_lanes(k, a, b, p_wide[number], q_wide[number], law, base, x, branch, spare)
            add_injection(k, a, b, slope, offset, branch, out)
        else:
            other_current(k, a, b, p_wide[number], q_wide[number], law, base, x, spare)
            add_injection(k, a, b, slope, offset, spare, out)


@kernel
def arrives(change, earlier, tolerance, most):
    """Whether `most` iterations more will do, each pair as good as the last; `earlier`: the change before that pair.

    To a tolerance of nothing all iterations are wanted.
    """
    return tolerance <= 0.0 or math.log(tolerance / change) >= 0.5 * most * math.log(change / earlier)


@kernel
def iterate(
    limit, tolerance, first, busy, wide, terminals, law, slope, offset, base, square_base,
    structure, factors, vectors, spare, iterations, change,
):  # fmt: skip
    """Chord iterations on the active rows of x in the lanes that move, in x's own precision.

    A lane stops by itself: where no voltage changed by more than `tolerance`, where it diverged, after `limit`
    iterations in all, or where it will not come so far at its pace of late; the others do not touch it. x is the
    deviation from `base`.
    """
    passive, l_pointer, l_column, u_pointer, u_column = structure
    l_value, diagonal, u_value = factors
    x, y, small, branch, p, q = vectors
    worst, moving, before = small[:2], small[2], small[3:]
    rows = len(square_base)
    left, done = 0, 0
    for lane in range(len(moving)):
        if moving[lane] > 0.0:
            left += 1
    while left > 0:
        y[passive:] = 0.0
        injection(busy, p, q, wide, terminals, law, slope, offset, x, base, branch, spare, y)
        for row in range(passive, rows):
            forward_row(row, l_pointer[row - passive], l_pointer[row - passive + 1], l_column, l_value, y)
        worst[:] = 0.0
        for row in range(rows - 1, passive - 1, -1):
            backward_row(
                row,
                u_pointer[row],
                u_pointer[row + 1],
                u_column,
                u_value,
                diagonal,
                y,
                square_base[row],
                moving,
                x,
                worst,
            )
        left = 0
        done += 1
        for lane in range(len(moving)):
            if moving[lane] > 0.0:
                step = first + lane
                iterations[step] += 1
                change[step] = math.sqrt(worst[0, lane]) if math.isfinite(worst[1, lane]) else math.nan
                if (
                    change[step] > tolerance
                    and iterations[step] < limit
                    and (
                        done < PACED
                        or arrives(change[step], before[0, lane], tolerance, limit - iterations[step])
                    )
                ):
                    left += 1
                else:
                    moving[lane] = 0.0
                before[0, lane], before[1, lane] = before[1, lane], change[step]


@kernel
def settle(passive, base, source, chosen, x):
    """x = base + source on active rows in the lanes that are chosen."""
    for row in range(passive, len(base) - 1):
        settle_row(row, base[row, 0], base[row, 1], source, chosen, x)


@kernel
def solve_lanes(
    chosen, first, busy, terminals, law, reference, rung, still, structure, single, double, spare, tolerance, limit,
    iterations, change,
):  # fmt: skip
    """Voltages of active rows in the chosen lanes, all on one rung, into the double x; lane 0 is step `first`.

    Single precision goes as far as it is good for on this rung, double the rest of the way.
    """
    slope, offset, base, floor, l_value, diagonal, u_value, l_single, d_single, u_single = reference
    x, moving = double[0][0], double[0][2][2]
    x_single, moving_single = single[0][0], single[0][2][2]
    wide = (double[0][4], double[0][5])
    passive = structure[0]
    rough = max(tolerance, floor[rung])
    x_single[passive:] = 0.0
    for lane in range(len(chosen)):
        moving_single[lane] = chosen[lane]
    if rough < SINGLE_FROM:
        iterate(
            min(limit, SINGLE_LIMIT), rough, first, busy, wide, terminals, law, slope[rung], offset[rung], base[rung],
            single[1], structure, (l_single[rung], d_single[rung], u_single[rung]), single[0], spare, iterations,
            change,
        )  # fmt: skip
    left = False
    for lane in range(len(chosen)):
        moving[lane] = 0.0
        if chosen[lane] > 0.0:
            step = first + lane
            if (rough > tolerance or not change[step] <= tolerance) and iterations[step] < limit:
                moving[lane], left = 1.0, True
                if not math.isfinite(change[step]):
                    x_single[passive:, :, lane] = 0.0
    if not left:
        settle(passive, base[rung], x_single, chosen, x)
        return
    settle(passive, still, x_single, chosen, x)
    iterate(
        limit, tolerance, first, busy, wide, terminals, law, slope[rung], offset[rung], base[rung], double[1],
        structure, (l_value[rung], diagonal[rung], u_value[rung]), double[0], spare, iterations, change,
    )  # fmt: skip
    settle(passive, base[rung], x, chosen, x)


@kernel
def write_voltages(first, lanes, target, fill, structure, u_value, x, v):
    """Voltages x of one window into the rows of v (n, steps) that `target` names, -1 for none.

    fill: the passive rows that are wanted, or lead to one, from the last to the first. Nothing is injected at them or
    before them, so their voltages are sums of others alone, whatever the rung.
    """
    passive, _, _, u_pointer, u_column = structure
    for row in range(len(target) - 1, passive - 1, -1):
        if target[row] >= 0:
            write_window(first, lanes, x, row, v, target[row])
    for row in fill:
        fill_row(row, u_pointer[row], u_pointer[row + 1], u_column, u_value, x)
        if target[row] >= 0:
            write_window(first, lanes, x, row, v, target[row])


@kernel
def write_window(first, lanes, source, row, out, at):
    """out[at, first:first + lanes] = source[row] as complex numbers."""
    if lanes == LANES:
        write_lanes(source, row, out, at, first)
        return
    whole = lanes - lanes % LINE
    for lane in range(0, whole, LINE):
        write_line(source, row, lane, out, at, first)
    for lane in range(whole, lanes):
        out[at, first + lane] = complex(source[row, 0, lane], source[row, 1, lane])


@kernel
def write_currents(first, lanes, busy, p, q, rows, terminals, law, still, x, branch, spare, drawn, current):
    """Injector currents of one window into current (m, steps); drawn (2, 2, lanes), of which the last stays 0."""
    laws, plain = law[0], law[3]
    number = 0
    for k in range(len(rows)):
        if number == len(busy) or busy[number] != k:
            write_window(first, lanes, drawn, 1, current, rows[k])
            continue
        a, b = terminals[k, 0], terminals[k, 1]
        if not plain[k]:
            other_current(k, a, b, p[number], q[number], law, still, x, branch)
        elif constant_power(a, b, p[number], q[number], still, x, laws[k, 14], laws[k, 15], branch):
            low_lanes(k, a, b, p[number], q[number], law, still, x, branch, spare)
        for lane in range(branch.shape[1]):
            drawn[0, 0, lane] = branch[2, lane]
            drawn[0, 1, lane] = branch[3, lane]
        write_window(first, lanes, drawn, 0, current, rows[k])
        number += 1


@kernel
def gather(first, lanes, rows, p_w, q_var, steep, double, single, busy):
    """Powers of a window into lanes, those of injectors that do anything alone; how many those are.

    An injector without power or tangent adds exactly nothing, so leaving it out changes no bit.
    """
    p, q, p_single, q_single = double[4], double[5], single[4], single[5]
    count, steps = 0, p_w.shape[1]
    for k in range(len(rows)):
        row, later = rows[k], rows[min(k + AHEAD, len(rows) - 1)]
        some = steep[k]
        prefetch_lanes(p_w, later, first)
        prefetch_lanes(q_var, later, first)
        if row * steps + first + p.shape[1] <= p_w.size:
            if read_lanes(p_w, row, first, lanes, p, p_single, count):
                some = True
            if read_lanes(q_var, row, first, lanes, q, q_single, count):
                some = True
        else:
            p[count], q[count], p_single[count], q_single[count] = 0.0, 0.0, 0.0, 0.0
            for lane in range(lanes):
                p[count, lane] = p_w[row, first + lane]
                q[count, lane] = q_var[row, first + lane]
                p_single[count, lane] = p[count, lane]
                q_single[count, lane] = q[count, lane]
                if p[count, lane] != 0.0 or q[count, lane] != 0.0:
                    some = True
        if some:
            busy[count] = k
            count += 1
    return count


@kernel
def total_power(rows, p, total):
    """total (steps,) += p[rows], in this order whatever the block's shape."""
    for row in rows:
        for step in range(len(total)):
            total[step] += p[row, step]


@kernel
def solve_share(
    worker, workers, windows, place, p_w, q_var, rows, terminals, law, reference, structure, square_base, target, fill,
    double_scratch, single_scratch, tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Every `workers`-th of the windows (w,), from `worker` on.

    A window is as many neighbouring steps as there are lanes from where it says, fewer at the block's end; place
    (steps,) is each one's on the ladder. Its rungs are solved one after another, the lanes of the others standing
    still.
    """
    x_all, y_all, small_all, branch_all, p_all, q_all = double_scratch
    x_single, y_single, small_single, branch_single, p_single, q_single = single_scratch
    branch, spare = branch_all[worker, :5], branch_all[worker, 5:]
    x = x_all[worker]
    double = (x, y_all[worker], small_all[worker], branch, p_all[worker], q_all[worker])
    single = (
        x_single[worker], y_single[worker], small_single[worker], branch_single[worker, :5], p_single[worker],
        q_single[worker],
    )  # fmt: skip
    busy_all = np.zeros(len(rows), dtype=np.int64)
    steep = np.zeros(len(rows), dtype=np.bool_)
    width = x.shape[2]
    chosen = np.zeros(width)
    waiting = np.zeros(width, dtype=np.bool_)
    still = np.zeros((len(x), 2))
    drawn = np.zeros((2, 2, width))
    slope = reference[0]
    passive, ground = structure[0], len(x) - 1
    x[passive:] = 1.0  # lanes without a step still run through the currents' laws
    x[ground] = 0.0
    single[0][ground] = 0.0
    for number in range(worker, len(windows), workers):
        first = windows[number]
        lanes = min(width, len(place) - first)
        steep[:] = False
        for lane in range(lanes):
            rung = place[first + lane]
            iterations[first + lane] = 0
            change[first + lane] = math.inf
            waiting[lane] = True
            if lane == 0 or rung != place[first + lane - 1]:
                for k in range(len(rows)):
                    if (
                        slope[rung, k, 0] != 0.0
                        or slope[rung, k, 1] != 0.0
                        or slope[rung, k, 2] != 0.0
                        or (slope[rung, k, 3] != 0.0)
                    ):
                        steep[k] = True
        busy = busy_all[: gather(first, lanes, rows, p_w, q_var, steep, double, single, busy_all)]
        for begin in range(lanes):
            if waiting[begin]:
                rung = place[first + begin]
                for lane in range(width):
                    chosen[lane] = 0.0
                    if lane < lanes and place[first + lane] == rung:
                        chosen[lane] = 1.0
                        waiting[lane] = False
                solve_lanes(
                    chosen, first, busy, terminals, law, reference, rung, still, structure, (single, square_base[1]),
                    (double, square_base[0]), spare, tolerance, limit, iterations, change,
                )  # fmt: skip
        write_voltages(first, lanes, target, fill, structure, reference[6][place[first]], x, v)
        write_currents(
            first,
            lanes,
            busy,
            double[4],
            double[5],
            rows,
            terminals,
            law,
            still,
            x,
            branch,
            spare,
            drawn,
            current,
        )


@kernel
def solve_serial(
    windows, place, p, q, rows, terminals, law, reference, structure, square_base, target, fill,
    double_scratch, single_scratch, tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """All windows one after another."""
    solve_share(
        0, 1, windows, place, p, q, rows, terminals, law, reference, structure, square_base, target, fill,
        double_scratch, single_scratch, tolerance, limit, v, current, iterations, change,
    )  # fmt: skip


@parallel_kernel
def solve_parallel(
    workers, windows, place, p, q, rows, terminals, law, reference, structure, square_base, target, fill,
    double_scratch, single_scratch, tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Windows dealt to workers; every step is solved alike whoever gets it."""
    for worker in prange(workers):
        solve_share(
            worker, workers, windows, place, p, q, rows, terminals, law, reference, structure, square_base, target,
            fill, double_scratch, single_scratch, tolerance, limit, v, current, iterations, change,
        )  # fmt: skip
