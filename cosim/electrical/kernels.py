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

# Shorter lane loops are unrolled before the compiler vectorises, and then stay scalar.
LANES = 32
TINY = 1e-200  # V^2, keeps 1 / |V| finite at a dead short


@kernel
def injector_current(k, p, q, laws, exponential, cut, branch):
    """Current of injector k into branch[2:4] [A] at the voltage branch[0:2] across it; p, q (m, LANES).

    laws (m, 14): per unit of v_nom the factor f in I = (p f_p - j q f_q) V / v_nom^2. With u = |V| / v_nom,
    f = 1 below v_low, f = b + a / u up to v_min, then z + i / u + s / u^2 with u held at v_max above it: an
    impedance below v_low and above v_max, and between v_low and v_min a current that falls in a straight
    line.
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
def injector_currents(p, q, laws, exponential, cut, v, current):
    """`injector_current` of every injector; p, q (m, LANES), v and current (m, 2, LANES)."""
    branch = np.zeros((4, LANES))
    for k in range(len(laws)):
        branch[:2] = v[k]
        injector_current(k, p, q, laws, exponential, cut, branch)
        current[k] = branch[2:]


@kernel
def _voltage_across(a, b, x, base, branch):
    """Voltage from row a to row b into branch[0:2]."""
    base_re, base_im = base[a, 0] - base[b, 0], base[a, 1] - base[b, 1]
    for lane in range(LANES):
        branch[0, lane] = base_re + (x[a, 0, lane] - x[b, 0, lane])
        branch[1, lane] = base_im + (x[a, 1, lane] - x[b, 1, lane])


@kernel
def injection(p, q, terminals, laws, exponential, cut, slope, x, base, branch, out):
    """What the injectors add to the right-hand side at x: their tangent's current minus their own, into out.

    slope (m, 4): tangent [[0, 1], [2, 3]] of each injector's current in the factorised matrix [S].
    branch (4, LANES): scratch for voltage and current.
    """
    out[:] = 0.0
    for k in range(len(terminals)):
        a, b = terminals[k, 0], terminals[k, 1]
        _voltage_across(a, b, x, base, branch)
        injector_current(k, p, q, laws, exponential, cut, branch)
        rr, ri, ir, ii = slope[k, 0], slope[k, 1], slope[k, 2], slope[k, 3]
        for lane in range(LANES):
            re, im = branch[0, lane], branch[1, lane]
            more_re = rr * re + ri * im - branch[2, lane]
            more_im = ir * re + ii * im - branch[3, lane]
            out[a, 0, lane] += more_re
            out[a, 1, lane] += more_im
            branch[2, lane] = more_re
            branch[3, lane] = more_im
        for lane in range(LANES):
            out[b, 0, lane] -= branch[2, lane]
            out[b, 1, lane] -= branch[3, lane]


@kernel
def add_products(first, last, column, value, source, row, target):
    """target[row] += blocks value[first:last] times the source rows they name, two at a time."""
    e = first
    while e < last:
        j, rr, ri, ir, ii = column[e], value[e, 0], value[e, 1], value[e, 2], value[e, 3]
        k, tt, ti, it, jj = j, 0.0, 0.0, 0.0, 0.0
        if e + 1 < last:
            k, tt, ti, it, jj = (
                column[e + 1],
                value[e + 1, 0],
                value[e + 1, 1],
                value[e + 1, 2],
                value[e + 1, 3],
            )
        for lane in range(LANES):
            re, im, se, sm = source[j, 0, lane], source[j, 1, lane], source[k, 0, lane], source[k, 1, lane]
            target[row, 0, lane] = target[row, 0, lane] + (rr * re + ri * im) + (tt * se + ti * sm)
            target[row, 1, lane] = target[row, 1, lane] + (ir * re + ii * im) + (it * se + jj * sm)
        e += 2


@kernel
def forward(start, stop, pointer, column, value, y):
    """Solve L y = b in place over the active rows; `value` holds -L."""
    for row in range(start, stop):
        add_products(pointer[row], pointer[row + 1], column, value, y, row, y)


@kernel
def backward(start, stop, pointer, column, value, diagonal, inverse_base, moving, y, x, worst, spoiled):
    """Solve U x = y over the active rows in the lanes that still move; `value` holds -U; y is used up.

    worst, spoiled (LANES,): largest squared change in per unit, and their sum, which remembers NaN.
    """
    for row in range(stop - 1, start - 1, -1):
        rr, ri, ir, ii = diagonal[row, 0], diagonal[row, 1], diagonal[row, 2], diagonal[row, 3]
        for lane in range(LANES):
            re, im = y[row, 0, lane], y[row, 1, lane]
            y[row, 0, lane] = rr * re + ri * im
            y[row, 1, lane] = ir * re + ii * im
        add_products(pointer[row], pointer[row + 1], column, value, x, row, y)
        scale = inverse_base[row] * inverse_base[row]
        for lane in range(LANES):
            moves = moving[lane] > 0.0
            re, im = x[row, 0, lane], x[row, 1, lane]
            new_re, new_im = y[row, 0, lane], y[row, 1, lane]
            square = ((new_re - re) * (new_re - re) + (new_im - im) * (new_im - im)) * scale
            worst[lane] = square if square > worst[lane] else worst[lane]
            spoiled[lane] += square
            x[row, 0, lane] = new_re if moves else re
            x[row, 1, lane] = new_im if moves else im


@kernel
def solve_group(
    steps, p, q, terminals, laws, exponential, cut, slope, start, base, inverse_base,
    passive, l_pointer, l_column, l_value, diagonal, u_pointer, u_column, u_value,
    tolerance, limit, x, y, branch, state, iterations, change,
):  # fmt: skip
    """Solve one lane for each entry of `steps`, where results are reported.

    x holds the nodes' deviation from `base` when done.
    """
    nodes, lanes = len(inverse_base), len(steps)
    worst, moving, spoiled = state[0], state[1], state[2]
    for row in range(nodes + 1):
        for lane in range(LANES):
            x[row, 0, lane] = start[row, 0]
            x[row, 1, lane] = start[row, 1]
    moving[:] = 0.0
    for lane in range(lanes):
        moving[lane] = 1.0
        iterations[steps[lane]] = limit
    for iteration in range(1, limit + 1):
        injection(p, q, terminals, laws, exponential, cut, slope, x, base, branch, y)
        forward(passive, nodes, l_pointer, l_column, l_value, y)
        worst[:] = 0.0
        spoiled[:] = 0.0
        backward(
            passive, nodes, u_pointer, u_column, u_value, diagonal, inverse_base, moving, y, x, worst, spoiled
        )
        left = 0
        for lane in range(lanes):
            if moving[lane] > 0.0:
                finite = math.isfinite(spoiled[lane])
                change[steps[lane]] = math.sqrt(worst[lane]) if finite else math.nan
                if worst[lane] <= tolerance * tolerance or not finite:
                    moving[lane] = 0.0
                    iterations[steps[lane]] = iteration
                else:
                    left += 1
        if left == 0:
            break
    for row in range(passive - 1, -1, -1):
        x[row] = 0.0
        add_products(u_pointer[row], u_pointer[row + 1], u_column, u_value, x, row, x)


@kernel
def write_voltages(steps, wanted, node_of_row, base, x, v):
    """Voltages of one group at the `wanted` rows into v (n, steps)."""
    for row in wanted:
        node = node_of_row[row]
        for lane in range(len(steps)):
            v[node, steps[lane]] = complex(base[row, 0] + x[row, 0, lane], base[row, 1] + x[row, 1, lane])


@kernel
def write_currents(steps, p, q, rows, terminals, laws, exponential, cut, base, x, branch, current):
    """Injector currents of one group at its final voltages into current[rows] (m, steps)."""
    for k in range(len(terminals)):
        _voltage_across(terminals[k, 0], terminals[k, 1], x, base, branch)
        injector_current(k, p, q, laws, exponential, cut, branch)
        for lane in range(len(steps)):
            current[rows[k], steps[lane]] = complex(branch[2, lane], branch[3, lane])


@kernel
def solve_share(
    worker, workers, groups, steps, p_w, q_var, injector, reference, structure, inverse_base, node_of_row,
    wanted, tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Every `workers`-th of the groups (g, 3), from `worker` on.

    A group is its first place in `steps` (columns of p_w, q_var), its length, and its place on the ladder.
    """
    rows, terminals, laws, exponential, cut = injector
    slope, start, base, l_value, diagonal, u_value = reference
    passive, l_pointer, l_column, u_pointer, u_column = structure
    x = np.zeros((base.shape[1], 2, LANES))
    y = np.zeros((base.shape[1], 2, LANES))
    p = np.zeros((len(rows), LANES))
    q = np.zeros((len(rows), LANES))
    branch = np.zeros((4, LANES))
    state = np.zeros((3, LANES))
    for number in range(worker, len(groups), workers):
        first, lanes, rung = groups[number]
        group = steps[first : first + lanes]
        for k in range(len(rows)):
            for lane in range(len(group)):
                p[k, lane] = p_w[rows[k], group[lane]]
                q[k, lane] = q_var[rows[k], group[lane]]
        solve_group(
            group, p, q, terminals, laws, exponential, cut, slope[rung], start[rung], base[rung],
            inverse_base, passive, l_pointer, l_column, l_value[rung], diagonal[rung], u_pointer, u_column,
            u_value[rung], tolerance, limit, x, y, branch, state, iterations, change,
        )  # fmt: skip
        write_voltages(group, wanted, node_of_row, base[rung], x, v)
        write_currents(group, p, q, rows, terminals, laws, exponential, cut, base[rung], x, branch, current)


@kernel
def solve_serial(
    groups, steps, p, q, injector, reference, structure, inverse_base, node_of_row, wanted,
    tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """All groups one after another."""
    solve_share(
        0, 1, groups, steps, p, q, injector, reference, structure, inverse_base, node_of_row, wanted,
        tolerance, limit, v, current, iterations, change,
    )  # fmt: skip


@parallel_kernel
def solve_parallel(
    workers, groups, steps, p, q, injector, reference, structure, inverse_base, node_of_row, wanted,
    tolerance, limit, v, current, iterations, change,
):  # fmt: skip
    """Groups dealt to workers; every group is solved alike whoever gets it."""
    for worker in prange(workers):
        solve_share(
            worker, workers, groups, steps, p, q, injector, reference, structure, inverse_base,
            node_of_row, wanted, tolerance, limit, v, current, iterations, change,
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
