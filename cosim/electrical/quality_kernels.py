"""Line loading, losses and voltage unbalance from solved voltages, steps innermost.

Voltages are (n, steps) complex; node -1 is ground. Every step is computed by itself and sums run over
lines in their order, so bits do not depend on how steps are shared out.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel


@kernel
def _voltage(node, first, last, v, re, im):
    """Voltage of a node in steps first..last-1 into re, im."""
    if node < 0:
        for s in range(last - first):
            re[s] = 0.0
            im[s] = 0.0
        return
    for s in range(last - first):
        re[s] = v[node, first + s].real
        im[s] = v[node, first + s].imag


@kernel
def _add_product(y, re, im, to_re, to_im, count):
    for s in range(count):
        to_re[s] += y.real * re[s] - y.imag * im[s]
        to_im[s] += y.real * im[s] + y.imag * re[s]


@kernel
def _add_loss(re, im, i_re, i_im, loss, count):
    for s in range(count):
        loss[s] += re[s] * i_re[s] + im[s] * i_im[s]


@kernel
def _keep_largest(i_re, i_im, largest, count):
    for s in range(count):
        square = i_re[s] * i_re[s] + i_im[s] * i_im[s]
        largest[s] = square if square > largest[s] else largest[s]


@kernel
def line_figures(first, last, lines, on, v, current_a, loss_w):
    """Largest conductor current of each line [A] and losses by level [W] in steps first..last-1.

    lines: pointer (l+1,) of its conductors, node_a and node_b (c,), entry (l,) of its (k, k) matrices in the
    flat `series` and `shunt` [S] (the shunt at each end), whether it has a shunt (l,), level (l,). on (l,).
    current_a (steps, l) and loss_w (levels, steps) out; the current is the larger of the two ends'.
    """
    pointer, node_a, node_b, entry, series, shunt, has_shunt, level = lines
    count = last - first
    width = 0
    for k in range(len(entry)):
        width = max(width, pointer[k + 1] - pointer[k])
    x = np.empty((6, width, count))  # voltages at a and at b, and from a to b
    i = np.empty((2, count))
    end = np.empty((2, count))
    largest = np.empty(count)
    lost = np.empty(count)
    for k in range(len(entry)):
        start, size = pointer[k], pointer[k + 1] - pointer[k]
        largest[:] = 0.0
        lost[:] = 0.0
        if on[k]:
            for c in range(size):
                _voltage(node_a[start + c], first, last, v, x[0, c], x[1, c])
                _voltage(node_b[start + c], first, last, v, x[2, c], x[3, c])
                for s in range(count):
                    x[4, c, s] = x[0, c, s] - x[2, c, s]
                    x[5, c, s] = x[1, c, s] - x[3, c, s]
            for r in range(size):
                row = entry[k] + r * size
                i[:] = 0.0
                for c in range(size):
                    _add_product(series[row + c], x[4, c], x[5, c], i[0], i[1], count)
                _add_loss(x[4, r], x[5, r], i[0], i[1], lost, count)
                if not has_shunt[k]:
                    _keep_largest(i[0], i[1], largest, count)
                    continue
                for side in range(2):
                    end[:] = 0.0
                    for c in range(size):
                        _add_product(
                            shunt[row + c], x[2 * side, c], x[2 * side + 1, c], end[0], end[1], count
                        )
                    _add_loss(x[2 * side, r], x[2 * side + 1, r], end[0], end[1], lost, count)
                    sign = 1.0 if side == 0 else -1.0
                    for s in range(count):
                        end[0, s] = i[0, s] + sign * end[0, s]
                        end[1, s] = i[1, s] + sign * end[1, s]
                    _keep_largest(end[0], end[1], largest, count)
        for s in range(count):
            current_a[first + s, k] = math.sqrt(largest[s])
            loss_w[level[k], first + s] += lost[s]


@kernel
def unit_losses(first, last, units, on, v, loss_w):
    """Loss of each unit [W], v* G v with G the real part of its symmetric admittance, into loss_w (steps, u).

    units: pointer (u+1,), node (c,), entry (u,) into flat conductance.
    """
    pointer, node, entry, conductance = units
    count = last - first
    width = 0
    for k in range(len(entry)):
        width = max(width, pointer[k + 1] - pointer[k])
    x = np.empty((2, width, count))
    lost = np.empty(count)
    for k in range(len(entry)):
        start, size = pointer[k], pointer[k + 1] - pointer[k]
        lost[:] = 0.0
        if on[k]:
            for c in range(size):
                _voltage(node[start + c], first, last, v, x[0, c], x[1, c])
            for r in range(size):
                for c in range(r + 1):
                    g = conductance[entry[k] + r * size + c]
                    if g != 0.0:
                        g = g if r == c else 2.0 * g
                        for s in range(count):
                            lost[s] += g * (x[0, r, s] * x[0, c, s] + x[1, r, s] * x[1, c, s])
        for s in range(count):
            loss_w[first + s, k] = lost[s]


@kernel
def core_losses(first, last, coils, on, v, loss_w):
    """Loss in the cores [W] of steps first..last-1, summed over coils, into loss_w (steps,).

    coils: node_a, node_b (c,), siemens (c,). on (c,).
    """
    node_a, node_b, siemens = coils
    count = last - first
    x = np.empty((4, count))
    lost = np.zeros(count)
    for k in range(len(siemens)):
        if not on[k]:
            continue
        _voltage(node_a[k], first, last, v, x[0], x[1])
        _voltage(node_b[k], first, last, v, x[2], x[3])
        for s in range(count):
            re, im = x[0, s] - x[2, s], x[1, s] - x[3, s]
            lost[s] += siemens[k] * (re * re + im * im)
    for s in range(count):
        loss_w[first + s] = lost[s]


@kernel
def unbalance(first, last, buses, v, out):
    """|V2| / |V1| of each bus (its three nodes) into out (steps, buses); NaN where a bus is dead."""
    half, third = 0.5, math.sqrt(0.75)
    count = last - first
    x = np.empty((6, count))
    ratio = np.empty(count)
    for k in range(len(buses)):
        for phase in range(3):
            _voltage(buses[k, phase], first, last, v, x[2 * phase], x[2 * phase + 1])
        for s in range(count):
            a_re, a_im, b_re, b_im, c_re, c_im = x[0, s], x[1, s], x[2, s], x[3, s], x[4, s], x[5, s]
            # a turns by 120 degrees: V1 = Va + a Vb + a* Vc, V2 = Va + a* Vb + a Vc
            mean_re, mean_im = a_re - half * (b_re + c_re), a_im - half * (b_im + c_im)
            turn_re, turn_im = third * (b_im - c_im), third * (b_re - c_re)
            up_re, up_im = mean_re - turn_re, mean_im + turn_im
            down_re, down_im = mean_re + turn_re, mean_im - turn_im
            ratio[s] = math.sqrt((down_re * down_re + down_im * down_im) / (up_re * up_re + up_im * up_im))
        for s in range(count):
            out[first + s, k] = ratio[s]


@kernel
def _share(first, last, lines, units, coils, buses, on, v, current_a, line_w, unit_w, core_w, out):
    line_figures(first, last, lines, on[0], v, current_a, line_w)
    unit_losses(first, last, units, on[1], v, unit_w)
    core_losses(first, last, coils, on[2], v, core_w)
    unbalance(first, last, buses, v, out)


@kernel
def figures_serial(lines, units, coils, buses, on, v, current_a, line_w, unit_w, core_w, out):
    """All figures of all steps."""
    _share(0, v.shape[1], lines, units, coils, buses, on, v, current_a, line_w, unit_w, core_w, out)


@parallel_kernel
def figures_parallel(workers, lines, units, coils, buses, on, v, current_a, line_w, unit_w, core_w, out):
    """`figures_serial`, steps over threads."""
    steps = v.shape[1]
    for w in prange(workers):
        _share(
            w * steps // workers, (w + 1) * steps // workers,
            lines, units, coils, buses, on, v, current_a, line_w, unit_w, core_w, out,
        )  # fmt: skip
