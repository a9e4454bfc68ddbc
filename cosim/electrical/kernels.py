"""Compiled inner loops of the power flow: injector currents and the triangular solves, 16 steps abreast.

Vectors have shape (rows, 2, LANES): real part, imaginary part, one lane a step. Rows stand in elimination order and
the last row is ground. No lane looks at another: bits do not depend on what is solved beside a step.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel

LANES = 16
TINY = 1e-200  # V^2, keeps 1 / |V| finite at a dead short


@kernel
def injector_current(k, p, q, laws, exponential, cut, re, im, out):
    """Current of injector k [A] at the voltage (re, im) (LANES,) across it into out (2, LANES).

    laws (m, 14): per unit of v_nom the factor f in I = (p f_p - j q f_q) V / v_nom^2. With u = |V| / v_nom,
    f = 1 below v_low, f = b + a / u up to v_min, then z + i / u + s / u^2 with u held at v_max above it: an impedance
    below v_low and above v_max, and between v_low and v_min a current that falls in a straight line.
    """
    inverse_nom, low, minimum = laws[k, 0], laws[k, 1], laws[k, 2]
    floor = laws[k, 3]  # 1 / v_max_pu
    a_p, b_p, z_p, i_p, s_p = laws[k, 4], laws[k, 5], laws[k, 6], laws[k, 7], laws[k, 8]
    a_q, b_q, z_q, i_q, s_q = laws[k, 9], laws[k, 10], laws[k, 11], laws[k, 12], laws[k, 13]
    square = inverse_nom * inverse_nom
    for lane in range(LANES):
        u = math.sqrt(re[lane] * re[lane] + im[lane] * im[lane] + TINY) * inverse_nom
        r = 1.0 / u
        w = r if r > floor else floor
        f_p = z_p + w * (i_p + w * s_p)
        f_q = z_q + w * (i_q + w * s_q)
        f_p = f_p if u > minimum else b_p + a_p * r
        f_q = f_q if u > minimum else b_q + a_q * r
        f_p = f_p if u > low else 1.0
        f_q = f_q if u > low else 1.0
        g = p[lane] * f_p * square
        b = q[lane] * f_q * square
        out[0, lane] = g * re[lane] + b * im[lane]
        out[1, lane] = g * im[lane] - b * re[lane]
    if exponential[k, 2] > 0.0:
        _exponential_current(k, p, q, laws, exponential, re, im, out)
    if cut[k] > 0.0:
        for lane in range(LANES):
            u = math.sqrt(re[lane] * re[lane] + im[lane] * im[lane]) * inverse_nom
            share = 0.5 * (1.0 + math.tanh(5000.0 * (u - cut[k]))) if u > low else 1.0
            out[0, lane] *= share
            out[1, lane] *= share


@kernel
def _exponential_current(k, p, q, laws, exponential, re, im, out):
    """Overwrite out where P ~ u^a, Q ~ u^b holds, which is strictly inside the band."""
    inverse_nom = laws[k, 0]
    for lane in range(LANES):
        u = math.sqrt(re[lane] * re[lane] + im[lane] * im[lane]) * inverse_nom
        if u > laws[k, 2] and u > laws[k, 1] and u * laws[k, 3] <= 1.0:
            g = p[lane] * u ** (exponential[k, 0] - 2.0) * inverse_nom * inverse_nom
            b = q[lane] * u ** (exponential[k, 1] - 2.0) * inverse_nom * inverse_nom
            out[0, lane] = g * re[lane] + b * im[lane]
            out[1, lane] = g * im[lane] - b * re[lane]


@kernel
def injector_currents(p, q, laws, exponential, cut, re, im, out):
    """`injector_current` of every injector; p, q, re, im (m, LANES), out (m, 2, LANES)."""
    for k in range(len(laws)):
        injector_current(k, p[k], q[k], laws, exponential, cut, re[k], im[k], out[k])


@kernel
def injection(first, p, q, rows, terminals, laws, exponential, cut, slope, x, base, branch, out):
    """What the injectors add to the right-hand side at x: their tangent's current minus their own, into out.

    slope (m, 4): tangent [[0, 1], [2, 3]] of each injector's current in the factorised matrix [S].
    branch (2, 2, LANES): scratch for voltage and current.
    """
    out[:] = 0.0
    for k in range(len(terminals)):
        a, b = terminals[k, 0], terminals[k, 1]
        base_re, base_im = base[a, 0] - base[b, 0], base[a, 1] - base[b, 1]
        for lane in range(LANES):
            branch[0, 0, lane] = base_re + (x[a, 0, lane] - x[b, 0, lane])
            branch[0, 1, lane] = base_im + (x[a, 1, lane] - x[b, 1, lane])
        injector_current(
            k, p[rows[k], first : first + LANES], q[rows[k], first : first + LANES],
            laws, exponential, cut, branch[0, 0], branch[0, 1], branch[1],
        )  # fmt: skip
        rr, ri, ir, ii = slope[k, 0], slope[k, 1], slope[k, 2], slope[k, 3]
        for lane in range(LANES):
            re, im = branch[0, 0, lane], branch[0, 1, lane]
            branch[1, 0, lane] -= rr * re + ri * im
            branch[1, 1, lane] -= ir * re + ii * im
        for lane in range(LANES):
            out[a, 0, lane] -= branch[1, 0, lane]
            out[a, 1, lane] -= branch[1, 1, lane]
        for lane in range(LANES):
            out[b, 0, lane] += branch[1, 0, lane]
            out[b, 1, lane] += branch[1, 1, lane]


@kernel
def add_product(value, e, source, target):
    """target (2, LANES) += the 2 by 2 block `value[e]` times source (2, LANES)."""
    rr, ri, ir, ii = value[e, 0], value[e, 1], value[e, 2], value[e, 3]
    for lane in range(LANES):
        re, im = source[0, lane], source[1, lane]
        target[0, lane] += rr * re + ri * im
        target[1, lane] += ir * re + ii * im


@kernel
def forward(start, stop, pointer, column, value, y):
    """Solve L y = b in place over the active rows; `value` holds -L."""
    for row in range(start, stop):
        for e in range(pointer[row], pointer[row + 1]):
            add_product(value, e, y[column[e]], y[row])


@kernel
def backward_row(row, pointer, column, value, diagonal, y, x, total):
    """Row of U x = y into total (2, LANES); `value` holds -U."""
    total[:] = 0.0
    add_product(diagonal, row, y[row], total)
    for e in range(pointer[row], pointer[row + 1]):
        add_product(value, e, x[column[e]], total)


@kernel
def solve_group(
    first, put, lanes, p, q, rows, terminals, laws, exponential, cut, slope, start, base, inverse_base,
    passive, l_pointer, l_column, l_value, diagonal, u_pointer, u_column, u_value,
    tolerance, limit, x, y, scratch, iterations, change,
):  # fmt: skip
    """Solve the steps first..first + lanes of p, q and report at put..put + lanes; x holds the nodes' deviation from `base` when done."""
    nodes = len(inverse_base)
    branch, total, worst, moving, spoiled = (
        scratch[:2],
        scratch[2],
        scratch[3, 0],
        scratch[3, 1],
        scratch[4, 0],
    )
    for row in range(nodes + 1):
        for part in range(2):
            for lane in range(LANES):
                x[row, part, lane] = start[row, part]
    for lane in range(LANES):
        moving[lane] = 1.0 if lane < lanes else 0.0
    for lane in range(lanes):
        change[put + lane] = math.inf
        iterations[put + lane] = limit
    threshold = tolerance * tolerance
    for iteration in range(1, limit + 1):
        injection(first, p, q, rows, terminals, laws, exponential, cut, slope, x, base, branch, y)
        forward(passive, nodes, l_pointer, l_column, l_value, y)
        worst[:] = 0.0
        spoiled[:] = 0.0
        for row in range(nodes - 1, passive - 1, -1):
            backward_row(row, u_pointer, u_column, u_value, diagonal, y, x, total)
            scale = inverse_base[row] * inverse_base[row]
            for lane in range(LANES):
                re, im = total[0, lane] - x[row, 0, lane], total[1, lane] - x[row, 1, lane]
                square = (re * re + im * im) * scale
                worst[lane] = square if square > worst[lane] else worst[lane]
                spoiled[lane] += square  # a maximum forgets NaN, a sum does not
                x[row, 0, lane] = total[0, lane] if moving[lane] > 0.0 else x[row, 0, lane]
                x[row, 1, lane] = total[1, lane] if moving[lane] > 0.0 else x[row, 1, lane]
        left = 0
        for lane in range(lanes):
            if moving[lane] > 0.0:
                finite = math.isfinite(spoiled[lane])
                change[put + lane] = math.sqrt(worst[lane]) if finite else math.nan
                if worst[lane] <= threshold or not finite:
                    moving[lane] = 0.0
                    iterations[put + lane] = iteration
                else:
                    left += 1
        if left == 0:
            break
    for row in range(passive - 1, -1, -1):
        x[row, :, :] = 0.0
        for e in range(u_pointer[row], u_pointer[row + 1]):
            add_product(u_value, e, x[u_column[e]], x[row])


@kernel
def write_group(put, lanes, node_of_row, base, x, v):
    """Voltages of one group from its deviations into v (n, steps)."""
    for row in range(len(node_of_row)):
        node = node_of_row[row]
        for lane in range(lanes):
            v[node, put + lane] = complex(base[row, 0] + x[row, 0, lane], base[row, 1] + x[row, 1, lane])


@kernel
def write_currents(
    first, put, lanes, p, q, rows, terminals, laws, exponential, cut, base, x, branch, current
):
    """Injector currents of one group at its final voltages into current[rows] (m, steps)."""
    for k in range(len(terminals)):
        a, b = terminals[k, 0], terminals[k, 1]
        for lane in range(LANES):
            branch[0, 0, lane] = base[a, 0] - base[b, 0] + (x[a, 0, lane] - x[b, 0, lane])
            branch[0, 1, lane] = base[a, 1] - base[b, 1] + (x[a, 1, lane] - x[b, 1, lane])
        injector_current(
            k, p[rows[k], first : first + LANES], q[rows[k], first : first + LANES],
            laws, exponential, cut, branch[0, 0], branch[0, 1], branch[1],
        )  # fmt: skip
        for lane in range(lanes):
            current[rows[k], put + lane] = complex(branch[1, 0, lane], branch[1, 1, lane])


@kernel
def solve_share(
    worker, workers, offset, p, q, injector, start, base, inverse_base, node_of_row, factor, tolerance, limit,
    v, current, iterations, change,
):  # fmt: skip
    """Every `workers`-th group of steps, beginning with group `worker`; step 0 of p, q is reported at `offset`.

    p, q have a whole number of groups; lanes beyond the last reported step are padding.
    """
    rows, terminals, laws, exponential, cut, slope = injector
    passive, l_pointer, l_column, l_value, diagonal, u_pointer, u_column, u_value = factor
    steps = p.shape[1]
    x = np.zeros((len(base), 2, LANES))
    y = np.zeros((len(base), 2, LANES))
    scratch = np.zeros((5, 2, LANES))
    for group in range(worker, steps // LANES, workers):
        first = group * LANES
        put = offset + first
        lanes = min(LANES, v.shape[1] - put)
        solve_group(
            first, put, lanes, p, q, rows, terminals, laws, exponential, cut, slope, start, base, inverse_base,
            passive, l_pointer, l_column, l_value, diagonal, u_pointer, u_column, u_value,
            tolerance, limit, x, y, scratch, iterations, change,
        )  # fmt: skip
        write_group(put, lanes, node_of_row, base, x, v)
        write_currents(
            first, put, lanes, p, q, rows, terminals, laws, exponential, cut, base, x, scratch[:2], current
        )


@kernel
def solve_serial(
    offset, p, q, injector, start, base, inverse_base, node_of_row, factor, tolerance, limit,
    v, current, iterations, change,
):  # fmt: skip
    """All groups one after another."""
    solve_share(
        0, 1, offset, p, q, injector, start, base, inverse_base, node_of_row, factor, tolerance, limit,
        v, current, iterations, change,
    )  # fmt: skip


@parallel_kernel
def solve_parallel(
    workers, offset, p, q, injector, start, base, inverse_base, node_of_row, factor, tolerance, limit,
    v, current, iterations, change,
):  # fmt: skip
    """Groups dealt to workers; every group is solved alike whoever gets it."""
    for worker in prange(workers):
        solve_share(
            worker, workers, offset, p, q, injector, start, base, inverse_base, node_of_row, factor, tolerance, limit,
            v, current, iterations, change,
        )  # fmt: skip
