"""Compiled inner loops: sparse LU in blocks, injector currents and triangular solves LANES steps abreast,
monitors.

Matrices are sparse by rows in 2 by 2 real blocks [[0, 1], [2, 3]] that act on (real, imaginary): the complex
a + jb is [[a, -b], [b, a]]; the tangent of a constant power is a block that no complex number is. Vectors
have shape (rows, 2, LANES): real part, imaginary part, one lane a step. Rows stand in elimination order and
the last row of a vector is ground. No lane looks at another: bits do not depend on what is solved beside a
step.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.electrical.lane_kernels import (
    LANES,
    add_injection,
    any_power,
    backward_row,
    constant_power,
    fill_row,
    forward_row,
    write_lanes,
)

TINY = 1e-200  # V^2, keeps 1 / |V| finite at a dead short
SINGLE_LIMIT = 12  # iterations; a lane that single precision has not settled by then goes on in double
SINGLE_FROM = 1e-3  # pu: where single precision is no better than this it is not tried


@kernel
def injector_current(k, p, q, laws, exponential, cut, branch):
    """Current of injector k into branch[2:4] [A] at the voltage branch[0:2] across it; p, q (m, LANES).

    laws (m, 16), of which the last two serve `constant_power`: per unit of v_nom the factor f in
    I = (p f_p - j q f_q) V / v_nom^2. With u = |V| / v_nom, f = 1 below v_low, f = b + a / u up to v_min, then
    z + i / u + s / u^2 with u held at v_max above it: an impedance below v_low and above v_max, and between
    v_low and v_min a current that falls in a straight line.
    """
    inverse_nom, low, minimum = laws[k, 0], laws[k, 1], laws[k, 2]
    floor = laws[k, 3]  # 1 / v_max_pu
    a_p, b_p, z_p, i_p, s_p = laws[k, 4], laws[k, 5], laws[k, 6], laws[k, 7], laws[k, 8]
    a_q, b_q, z_q, i_q, s_q = laws[k, 9], laws[k, 10], laws[k, 11], laws[k, 12], laws[k, 13]
    square = inverse_nom * inverse_nom
    for lane in range(LANES):
        re, im = branch[0, lane], branch[1, lane]
        u = math.sqrt(re * re + im * im + TINY) * inverse_nom
        r = 1.0 / u
        w = r if r > floor else floor
        f_p = z_p + w * (i_p + w * s_p)
        f_q = z_q + w * (i_q + w * s_q)
        f_p = f_p if u > minimum else b_p + a_p * r
        f_q = f_q if u > minimum else b_q + a_q * r
        f_p = f_p if u > low else 1.0
        f_q = f_q if u > low else 1.0
        g = p[k, lane] * f_p * square
        b = q[k, lane] * f_q * square
        branch[2, lane] = g * re + b * im
        branch[3, lane] = g * im - b * re
    if exponential[k, 2] > 0.0:
        _exponential_current(k, p, q, laws, exponential, branch)
    if cut[k] > 0.0:
        for lane in range(LANES):
            u = math.sqrt(branch[0, lane] * branch[0, lane] + branch[1, lane] * branch[1, lane]) * inverse_nom
            share = 0.5 * (1.0 + math.tanh(500.0 * (u - cut[k]))) if u > low else 1.0
            branch[2, lane] *= share
            branch[3, lane] *= share


@kernel
def _exponential_current(k, p, q, laws, exponential, branch):
    """Overwrite the current where P ~ u^a, Q ~ u^b holds, which is strictly inside the band."""
    inverse_nom = laws[k, 0]
    for lane in range(LANES):
        re, im = branch[0, lane], branch[1, lane]
        u = math.sqrt(re * re + im * im) * inverse_nom
        if u > laws[k, 2] and u > laws[k, 1] and u * laws[k, 3] <= 1.0:
            g = p[k, lane] * u ** (exponential[k, 0] - 2.0) * inverse_nom * inverse_nom
            b = q[k, lane] * u ** (exponential[k, 1] - 2.0) * inverse_nom * inverse_nom
            branch[2, lane] = g * re + b * im
            branch[3, lane] = g * im - b * re


@kernel
def inverter_current(k, row, p, laws, settings, branch):
    """Current of an inverter, see `voltage_laws.inverter_power` for what its settings say."""
    inverse_nom, minimum = laws[k, 0], laws[k, 2]
    rating, first, absorb, inject, ratio = (
        settings[row, 0], settings[row, 1], settings[row, 2], settings[row, 3], settings[row, 4],
    )  # fmt: skip
    v1, v2, v3, v4 = settings[row, 5], settings[row, 6], settings[row, 7], settings[row, 8]
    q1, q2, q3, q4 = settings[row, 9], settings[row, 10], settings[row, 11], settings[row, 12]
    rise1, rise2, rise3 = settings[row, 13], settings[row, 14], settings[row, 15]
    w1, w2, p1, p2, fall = (
        settings[row, 16], settings[row, 17], settings[row, 18], settings[row, 19], settings[row, 20],
    )  # fmt: skip
    for lane in range(LANES):
        re, im = branch[0, lane], branch[1, lane]
        square = re * re + im * im + TINY
        u = math.sqrt(square) * inverse_nom
        given = -p[k, lane]
        runs = 1.0 if given != 0.0 else 0.0  # with nothing to give it is off
        limit = p1 + (min(max(u, w1), w2) - w1) * fall
        limit = p2 if u >= w2 else limit
        given = min(given, limit)
        q = q1 + (min(max(u, v1), v2) - v1) * rise1
        q = q2 + (min(u, v3) - v2) * rise2 if u > v2 else q
        q = q3 + (min(u, v4) - v3) * rise3 if u > v3 else q
        q = q4 if u >= v4 else q
        q = min(max(q, -absorb), inject)
        q = q + ratio * given
        size = math.sqrt(given * given + q * q + TINY)
        share = min(1.0, rating / size)  # a fixed power factor shrinks both alike
        held = min(abs(q), first)
        most = math.sqrt(max(rating * rating - held * held, 0.0))
        active = min(max(given, -most), most)
        room = math.sqrt(max(rating * rating - active * active, 0.0))
        reactive = min(max(q, -room), room)
        active = given * share if ratio != 0.0 else active
        reactive = q * share if ratio != 0.0 else reactive
        scale = (
            runs * min(u / minimum, 1.0) / square
        )  # below the band the inverter's current is what it was at the edge
        g, b = -active * scale, -reactive * scale
        branch[2, lane] = g * re + b * im
        branch[3, lane] = g * im - b * re


@kernel
def _voltage_across(a, b, x, base, branch):
    """Voltage from row a to row b into branch[0:2]."""
    base_re, base_im = base[a, 0] - base[b, 0], base[a, 1] - base[b, 1]
    for lane in range(LANES):
        branch[0, lane] = base_re + (x[a, 0, lane] - x[b, 0, lane])
        branch[1, lane] = base_im + (x[a, 1, lane] - x[b, 1, lane])


@kernel
def other_current(k, a, b, p, q, law, base, x, branch):
    """Voltage from row a to row b and current of injector k there into branch, by whatever law is its own."""
    laws, exponential, cut, _, inverters, settings = law
    _voltage_across(a, b, x, base, branch)
    if inverters[k] >= 0:
        inverter_current(k, inverters[k], p, laws, settings, branch)
    else:
        injector_current(k, p, q, laws, exponential, cut, branch)


@kernel
def low_lanes(k, a, b, p, q, law, base, x, branch, spare):
    """Take the current of a constant power in branch from its law below the band in the lanes that are there.

    Which way a lane is calculated depends on its own voltage alone.
    """
    other_current(k, a, b, p, q, law, base, x, spare)
    least = law[0][k, 14]
    for lane in range(LANES):
        square = branch[0, lane] * branch[0, lane] + branch[1, lane] * branch[1, lane]
        branch[2, lane] = branch[2, lane] if square > least else spare[2, lane]
        branch[3, lane] = branch[3, lane] if square > least else spare[3, lane]


@kernel
def injector_currents(p, q, law, v, current):
    """Currents of all injectors; p, q (m, LANES), v and current (m, 2, LANES)."""
    branch = np.zeros((4, LANES))
    spare = np.zeros((4, LANES))
    still = np.zeros((2, 2))
    across = np.zeros((2, 2, LANES))  # row 1 is ground
    laws, plain = law[0], law[3]
    for k in range(len(v)):
        across[0] = v[k]
        if not plain[k]:
            other_current(k, 0, 1, p, q, law, still, across, branch)
        elif constant_power(k, 0, 1, p, q, still, across, laws[k, 14], laws[k, 15], branch):
            low_lanes(k, 0, 1, p, q, law, still, across, branch, spare)
        current[k] = branch[2:]


@kernel
def injection(p, q, busy, terminals, law, slope, offset, x, base, branch, spare, out):
    """What the busy injectors add to the right-hand side at x: their tangent's current less their own, into out.

    slope (m, 4): tangent [[0, 1], [2, 3]] of each injector's current in the factorised matrix [S].
    offset (m, 2): the same difference at `base`, which the base already contains.
    branch, spare (4, LANES): scratch for voltage and current.
    """
    laws, plain = law[0], law[3]
    for k in busy:
        a, b = terminals[k, 0], terminals[k, 1]
        if not plain[k]:
            other_current(k, a, b, p, q, law, base, x, branch)
        elif constant_power(k, a, b, p, q, base, x, laws[k, 14], laws[k, 15], branch):
            low_lanes(k, a, b, p, q, law, base, x, branch, spare)
        add_injection(k, a, b, slope, offset, branch, out)


@kernel
def iterate(
    limit, tolerance, steps, p, q, busy, terminals, law, slope, offset, base, square_base,
    structure, factors, moving, worst, branch, spare, x, y, iterations, change,
):  # fmt: skip
    """Chord iterations on the active rows of x in the lanes that move, in x's own precision.

    A lane stops by itself: where no voltage changed by more than `tolerance`, where it diverged, or after `limit`
    iterations in all; the others do not touch it. x is the deviation from `base`.
    """
    passive, l_pointer, l_column, u_pointer, u_column = structure
    l_value, diagonal, u_value = factors
    rows = len(square_base)
    left = 0
    for lane in range(len(steps)):
        if moving[lane] > 0.0:
            left += 1
    while left > 0:
        y[passive:] = 0.0
        injection(p, q, busy, terminals, law, slope, offset, x, base, branch, spare, y)
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
        for lane in range(len(steps)):
            if moving[lane] > 0.0:
                step = steps[lane]
                iterations[step] += 1
                change[step] = math.sqrt(worst[0, lane]) if math.isfinite(worst[1, lane]) else math.nan
                if change[step] > tolerance and iterations[step] < limit:
                    left += 1
                else:
                    moving[lane] = 0.0


@kernel
def solve_group(
    steps, p, q, busy, terminals, law, reference, rung, structure, single, double,
    tolerance, limit, iterations, change,
):  # fmt: skip
    """Solve one lane for each entry of `steps`, where iterations and changes are reported, into the double x.

    Single precision goes as far as it is good for on this rung, double the rest of the way.
    """
    slope, offset, base, floor, l_value, diagonal, u_value, l_single, d_single, u_single = reference
    x, y, worst, moving, square_base = double
    x_single, y_single, worst_single, moving_single, square_single = single
    branch = np.zeros((4, LANES))
    spare = np.zeros((4, LANES))
    passive = structure[0]
    rough = max(tolerance, floor[rung])
    x_single[passive:] = 0.0
    moving_single[:] = 0.0
    for lane in range(len(steps)):
        iterations[steps[lane]] = 0
        change[steps[lane]] = math.inf
        moving_single[lane] = 1.0
    if rough < SINGLE_FROM:
        iterate(
            min(limit, SINGLE_LIMIT), rough, steps, p, q, busy, terminals, law, slope[rung], offset[rung], base[rung],
            square_single, structure, (l_single[rung], d_single[rung], u_single[rung]), moving_single,
            worst_single, branch, spare, x_single, y_single, iterations, change,
        )  # fmt: skip
    for row in range(passive, len(x)):
        for lane in range(LANES):
            x[row, 0, lane] = x_single[row, 0, lane]
            x[row, 1, lane] = x_single[row, 1, lane]
    moving[:] = 0.0
    for lane in range(len(steps)):
        if (rough > tolerance or not change[steps[lane]] <= tolerance) and iterations[steps[lane]] < limit:
            moving[lane] = 1.0
            if not math.isfinite(change[steps[lane]]):
                x[passive:, :, lane] = 0.0
    iterate(
        limit, tolerance, steps, p, q, busy, terminals, law, slope[rung], offset[rung], base[rung], square_base,
        structure, (l_value[rung], diagonal[rung], u_value[rung]), moving, worst, branch, spare, x, y, iterations,
        change,
    )  # fmt: skip


@kernel
def finish_group(
    steps, p, q, rows, terminals, law, base, fill, wanted, node_of_row, structure, u_value, x, v, current
):
    """Voltages of the wanted rows and all injector currents of one group into v (n, steps), current (m, steps).

    fill: the passive rows that are wanted, or lead to one, from the last to the first.
    """
    for row in fill:
        fill_row(row, structure[3][row], structure[3][row + 1], structure[4], u_value, x)
    whole = len(steps) == LANES and steps[-1] - steps[0] == LANES - 1  # steps ascend
    for row in wanted:
        node = node_of_row[row]
        if whole:
            write_lanes(base[row, 0], base[row, 1], x, row, v, node, steps[0])
        else:
            for lane in range(len(steps)):
                v[node, np.uint64(steps[lane])] = complex(
                    base[row, 0] + x[row, 0, lane], base[row, 1] + x[row, 1, lane]
                )
    branch = np.zeros((4, LANES))
    spare = np.zeros((4, LANES))
    drawn = np.zeros((1, 2, LANES))
    laws, plain = law[0], law[3]
    for k in range(len(terminals)):
        a, b = terminals[k, 0], terminals[k, 1]
        if not plain[k]:
            other_current(k, a, b, p, q, law, base, x, branch)
        elif constant_power(k, a, b, p, q, base, x, laws[k, 14], laws[k, 15], branch):
            low_lanes(k, a, b, p, q, law, base, x, branch, spare)
        if whole:
            drawn[0] = branch[2:]
            write_lanes(0.0, 0.0, drawn, 0, current, rows[k], steps[0])
        else:
            for lane in range(len(steps)):
                current[rows[k], np.uint64(steps[lane])] = complex(branch[2, lane], branch[3, lane])


@kernel
def gather(steps, rows, p_w, q_var, slope, p, q, busy):
    """Powers of a group into lanes, and the injectors that do anything in it; how many those are.

    An injector without power or tangent adds exactly nothing, so leaving it out changes no bit.
    """
    count = 0
    lanes, first = len(steps), steps[0]
    whole = steps[-1] - first == lanes - 1  # steps ascend
    for k in range(len(rows)):
        row = rows[k]
        if whole:
            for lane in range(lanes):
                p[k, lane] = p_w[row, first + lane]
                q[k, lane] = q_var[row, first + lane]
        else:
            for lane in range(lanes):
                p[k, lane] = p_w[row, np.uint64(steps[lane])]
                q[k, lane] = q_var[row, np.uint64(steps[lane])]
        steep = slope[k, 0] != 0.0 or slope[k, 1] != 0.0 or slope[k, 2] != 0.0 or slope[k, 3] != 0.0
        if steep or any_power(k, p, q):
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
    worker, workers, groups, steps, p_w, q_var, rows, terminals, law, reference, structure, square_base, node_of_row,
    wanted, fill, double_scratch, single_scratch, power_scratch, tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Every `workers`-th of the groups (g, 3), from `worker` on.

    A group is its first place in `steps` (columns of p_w, q_var), its length, and its place on the ladder.
    """
    x_all, y_all, small_all = double_scratch
    x_single_all, y_single_all, small_single_all = single_scratch
    p_all, q_all = power_scratch
    square_double, square_single = square_base
    p, q = p_all[worker], q_all[worker]
    x, x_single = x_all[worker], x_single_all[worker]
    double = (x, y_all[worker], small_all[worker, :2], small_all[worker, 2], square_double)
    single = (
        x_single,
        y_single_all[worker],
        small_single_all[worker, :2],
        small_single_all[worker, 2],
        square_single,
    )
    busy_all = np.zeros(len(rows), dtype=np.int64)
    ground = len(x) - 1
    x[ground] = 0.0
    x_single[ground] = 0.0
    for number in range(worker, len(groups), workers):
        first, lanes, rung = groups[number]
        group = steps[first : first + lanes]
        slope, base = reference[0][rung], reference[2][rung]
        busy = busy_all[: gather(group, rows, p_w, q_var, slope, p, q, busy_all)]
        solve_group(
            group, p, q, busy, terminals, law, reference, rung, structure, single, double, tolerance, limit,
            iterations, change,
        )  # fmt: skip
        finish_group(
            group, p, q, rows, terminals, law, base, fill, wanted, node_of_row, structure, reference[6][rung], x, v,
            current,
        )  # fmt: skip


@kernel
def solve_serial(
    groups, steps, p, q, rows, terminals, law, reference, structure, square_base, node_of_row, wanted, fill,
    double_scratch, single_scratch, power_scratch,
    tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """All groups one after another."""
    solve_share(
        0, 1, groups, steps, p, q, rows, terminals, law, reference, structure, square_base, node_of_row, wanted, fill,
    double_scratch, single_scratch, power_scratch,
        tolerance, limit, v, current, iterations, change,
    )  # fmt: skip


@parallel_kernel
def solve_parallel(
    workers, groups, steps, p, q, rows, terminals, law, reference, structure, square_base, node_of_row, wanted, fill,
    double_scratch, single_scratch, power_scratch,
    tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Groups dealt to workers; every group is solved alike whoever gets it."""
    for worker in prange(workers):
        solve_share(
            worker, workers, groups, steps, p, q, rows, terminals, law, reference, structure, square_base, node_of_row,
            wanted, fill, double_scratch, single_scratch, power_scratch, tolerance, limit, v, current, iterations,
            change,
        )  # fmt: skip


@kernel
def _add_block_product(left, right, target):
    """target += left right, all (4,)."""
    target[0] += left[0] * right[0] + left[1] * right[2]
    target[1] += left[0] * right[1] + left[1] * right[3]
    target[2] += left[2] * right[0] + left[3] * right[2]
    target[3] += left[2] * right[1] + left[3] * right[3]


@kernel
def factorise(
    a_pointer, a_column, a_value, l_pointer, l_column, u_pointer, u_column,
    work, l_value, diagonal, u_value,
):  # fmt: skip
    """Fill -L (unit diagonal), the inverse pivots and -U (scaled to a unit diagonal).

    A is given by rows, entries of one place add up. work (rows + 1, 4) is scratch. A row of L is ascending.
    """
    spare = work[len(diagonal)]
    for row in range(len(diagonal)):
        work[row] = 0.0
        for e in range(l_pointer[row], l_pointer[row + 1]):
            work[l_column[e]] = 0.0
        for e in range(u_pointer[row], u_pointer[row + 1]):
            work[u_column[e]] = 0.0
        for e in range(a_pointer[row], a_pointer[row + 1]):
            for part in range(4):
                work[a_column[e], part] += a_value[e, part]
        for e in range(l_pointer[row], l_pointer[row + 1]):
            pivot = l_column[e]
            for f in range(u_pointer[pivot], u_pointer[pivot + 1]):
                _add_block_product(work[pivot], u_value[f], work[u_column[f]])
            l_value[e] = 0.0
            _add_block_product(work[pivot], diagonal[pivot], l_value[e])
            for part in range(4):
                l_value[e, part] = -l_value[e, part]
        block = work[row]
        inverse = 1.0 / (block[0] * block[3] - block[1] * block[2])
        diagonal[row, 0] = block[3] * inverse
        diagonal[row, 1] = -block[1] * inverse
        diagonal[row, 2] = -block[2] * inverse
        diagonal[row, 3] = block[0] * inverse
        for e in range(u_pointer[row], u_pointer[row + 1]):
            spare[:] = 0.0
            _add_block_product(diagonal[row], work[u_column[e]], spare)
            for part in range(4):
                u_value[e, part] = -spare[part]


@kernel
def solve_columns(l_pointer, l_column, l_value, diagonal, u_pointer, u_column, u_value, x):
    """Solve in place for right-hand sides x (rows, 2, k)."""
    rows, _, count = x.shape
    for row in range(rows):
        for e in range(l_pointer[row], l_pointer[row + 1]):
            _add_scaled(l_value[e], x[l_column[e]], x[row])
    for row in range(rows - 1, -1, -1):
        for c in range(count):
            re, im = x[row, 0, c], x[row, 1, c]
            x[row, 0, c] = diagonal[row, 0] * re + diagonal[row, 1] * im
            x[row, 1, c] = diagonal[row, 2] * re + diagonal[row, 3] * im
        for e in range(u_pointer[row], u_pointer[row + 1]):
            _add_scaled(u_value[e], x[u_column[e]], x[row])


@kernel
def _add_scaled(block, source, target):
    """target (2, k) += block source."""
    for c in range(source.shape[1]):
        re, im = source[0, c], source[1, c]
        target[0, c] += block[0] * re + block[1] * im
        target[1, c] += block[2] * re + block[3] * im


@kernel
def terminal_currents(pointer, column, y, v, current):
    """current (r, steps) of each conductor from the voltages v (n, steps) and its row of admittances."""
    for row in range(len(pointer) - 1):
        current[row] = 0.0
        for e in range(pointer[row], pointer[row + 1]):
            node, admittance = column[e], y[e]
            for step in range(v.shape[1]):
                current[row, step] += admittance * v[node, step]


@kernel
def terminal_powers(pointer, column, y, owner, node, v, row_current, power):
    """power (k, steps) into each terminal; row_current (steps,) is scratch; rows at ground carry none."""
    power[:] = 0.0
    for row in range(len(pointer) - 1):
        if node[row] < 0:
            continue
        row_current[:] = 0.0
        for e in range(pointer[row], pointer[row + 1]):
            column_node, admittance = column[e], y[e]
            for step in range(v.shape[1]):
                row_current[step] += admittance * v[column_node, step]
        for step in range(v.shape[1]):
            power[owner[row], step] += v[node[row], step] * row_current[step].conjugate()
