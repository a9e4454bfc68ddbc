"""Heat networks of many homes in time: exponential integration, homes innermost.

The balance of the nodes is ``C dT/dt = Q(T)`` with ``Q(T) = S x + N(T)``: x stacks temperatures, ambient, the
six squared currents and a one; S is linear; N holds what is not (resistance slope, convection, radiation less
its reference slope). With ``A = -K/C`` the linear part, one step of length h is the exponential Runge-Kutta
scheme of order two

    a = T + h phi1(hA) Q(T)/C,    T' = a + h phi2(hA) (N(a) - N(T))/C

(Hochbruck and Ostermann, "Exponential integrators", Acta Numerica 19, 2010), exact where N is constant and at
rest exactly where the network is. Legs mirror each other, so both products are taken on the sum and on the
difference of the legs, which halves them.

Work arrays have rows of LANES homes. Loops run over views of rows, or over many rows at once in the flat
view, so that the compiler knows every index to be in range; the fewer loops, the less they cost to enter.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel

LANES = 64
KELVIN = 273.15
CALM2 = 0.25  # K2, see cosim.thermal.network.CALM_K


@kernel
def gather_rows(weight, column, x, out):
    """out[row] = sum of weight[row] * x[column[row]], eight terms at a time, zero weights as padding."""
    for row in range(weight.shape[0]):
        o = out[row]
        for lane in range(LANES):
            o[lane] = 0.0
        for k in range(0, weight.shape[1], 8):
            if weight[row, k] == 0.0:
                break
            w, c = weight[row, k : k + 8], column[row, k : k + 8]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            x0, x1, x2, x3 = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
            x4, x5, x6, x7 = x[c[4]], x[c[5]], x[c[6]], x[c[7]]
            for lane in range(LANES):
                one = (w0 * x0[lane] + w1 * x1[lane]) + (w2 * x2[lane] + w3 * x3[lane])
                two = (w4 * x4[lane] + w5 * x5[lane]) + (w6 * x6[lane] + w7 * x7[lane])
                o[lane] += one + two


@kernel
def slope_rows(node, path, slope, nodes, x, out):
    """Extra heat per kelvin of each node: out[node] += slope * i2[path] over its one or two rows."""
    for k in range(node.shape[0]):
        s, current, o = slope[k], x[nodes + 1 + path[k]], out[node[k]]
        if k > 0 and node[k] == node[k - 1]:
            for lane in range(LANES):
                o[lane] += s * current[lane]
        else:
            for lane in range(LANES):
                o[lane] = s * current[lane]


@kernel
def dense_rows(m, x, out):
    """out += m x for a matrix padded with zeros to multiples of four, four rows by four columns at a time."""
    for i in range(0, m.shape[0], 4):
        p, q, r, s = out[i], out[i + 1], out[i + 2], out[i + 3]
        for j in range(0, m.shape[1], 4):
            a0, a1, a2, a3 = m[i, j], m[i, j + 1], m[i, j + 2], m[i, j + 3]
            b0, b1, b2, b3 = m[i + 1, j], m[i + 1, j + 1], m[i + 1, j + 2], m[i + 1, j + 3]
            c0, c1, c2, c3 = m[i + 2, j], m[i + 2, j + 1], m[i + 2, j + 2], m[i + 2, j + 3]
            d0, d1, d2, d3 = m[i + 3, j], m[i + 3, j + 1], m[i + 3, j + 2], m[i + 3, j + 3]
            x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
            for lane in range(LANES):
                y0, y1, y2, y3 = x0[lane], x1[lane], x2[lane], x3[lane]
                p[lane] += (a0 * y0 + a1 * y1) + (a2 * y2 + a3 * y3)
                q[lane] += (b0 * y0 + b1 * y1) + (b2 * y2 + b3 * y3)
                r[lane] += (c0 * y0 + c1 * y1) + (c2 * y2 + c3 * y3)
                s[lane] += (d0 * y0 + d1 * y1) + (d2 * y2 + d3 * y3)


@kernel
def nonlinear_rows(nodes, slope, a, b, film, exponent, emission, reference, x, flow, out):
    """N(T): slope * T in every node, and what convection and radiation carry beyond their reference."""
    c, t, o = slope.reshape(-1), x.reshape(-1), out.reshape(-1)
    for k in range(nodes * LANES):
        o[k] = c[k] * t[k]
    for k in range(a.shape[0]):
        t, u, o = x[a[k]], x[b[k]], out[a[k]]
        e, w, s, g = exponent[k], film[k], emission[k], reference[k]
        if e == 0.25:
            for lane in range(LANES):
                d = t[lane] - u[lane]
                p, q = t[lane] + KELVIN, u[lane] + KELVIN
                h = w * math.sqrt(math.sqrt(math.sqrt(d * d + CALM2))) + s * ((p * p + q * q) * (p + q))
                flow[lane] = d * (h - g)
        else:
            for lane in range(LANES):
                d = t[lane] - u[lane]
                p, q = t[lane] + KELVIN, u[lane] + KELVIN
                flow[lane] = d * (w * (d * d + CALM2) ** (0.5 * e) + s * ((p * p + q * q) * (p + q)) - g)
        for lane in range(LANES):
            o[lane] -= flow[lane]
        if b[k] < nodes:
            o = out[b[k]]
            for lane in range(LANES):
                o[lane] += flow[lane]


@kernel
def half_modes(pairs, nodes, x, mode):
    """Half difference and half sum of the legs, then the shared nodes."""
    leg, end = pairs * LANES, nodes * LANES
    t, m = x.reshape(-1), mode.reshape(-1)
    one, two, shared = t[:leg], t[leg : 2 * leg], t[2 * leg : end]
    difference, total, rest = m[:leg], m[leg : 2 * leg], m[2 * leg : end]
    for k in range(leg):
        difference[k] = 0.5 * (one[k] - two[k])
        total[k] = 0.5 * (one[k] + two[k])
    for k in range(shared.shape[0]):
        rest[k] = shared[k]


@kernel
def propagate(even, odd, pairs, nodes, q, sign, r, mode, x):
    """mode += M (q + sign r) in the modes of the legs, and x from it; q is used up."""
    leg, end = pairs * LANES, nodes * LANES
    heat, extra, t, m = q.reshape(-1), r.reshape(-1), x.reshape(-1), mode.reshape(-1)
    one, two, shared = heat[:leg], heat[leg : 2 * leg], heat[2 * leg : end]
    more_one, more_two, more_shared = extra[:leg], extra[leg : 2 * leg], extra[2 * leg : end]
    for k in range(leg):
        a, b = one[k] + sign * more_one[k], two[k] + sign * more_two[k]
        one[k], two[k] = a - b, a + b
    for k in range(shared.shape[0]):
        shared[k] += sign * more_shared[k]
    dense_rows(odd, q, mode)  # its padding adds zero to the first sums
    dense_rows(even, q[pairs:], mode[pairs:])
    first, second, common = t[:leg], t[leg : 2 * leg], t[2 * leg : end]
    difference, total, rest = m[:leg], m[leg : 2 * leg], m[2 * leg : end]
    for k in range(leg):
        first[k] = total[k] + difference[k]
        second[k] = total[k] - difference[k]
    for k in range(shared.shape[0]):
        common[k] = rest[k]


@kernel
def advance_lanes(first, net, maps, which, state, i2, ambient, out, work):
    """All steps of up to LANES homes from `first`; `out` gets the temperatures at the end of each step.

    first: home; net, maps: see `cosim.thermal.fleet`; which (steps,): row of `maps` for each step;
    state (nodes, homes); i2 (steps, 6, homes) [A2]; ambient (steps,) [degC];
    out (steps, nodes, homes) [degC]; work (6, nodes + 8, LANES): private scratch, zero at first.
    """
    pairs, weight, column, node, path, slope, a, b, film, exponent, emission, reference = net
    even1, odd1, even2, odd2 = maps
    nodes, homes = state.shape
    used = min(LANES, homes - first)
    x, q, hot, n0, mode, flow = work[0], work[1], work[2], work[3], work[4], work[5, 0]
    for k in range(nodes):
        for lane in range(LANES):
            x[k, lane] = state[k, first + min(lane, used - 1)]
    x[nodes + 7, :] = 1.0
    for step in range(i2.shape[0]):
        x[nodes, :] = ambient[step]
        for p in range(6):
            row, given = x[nodes + 1 + p], i2[step, p, first : first + used]
            for lane in range(used):
                row[lane] = given[lane]
        m = which[step]
        half_modes(pairs, nodes, x, mode)  # from the temperatures alone, so that a block may be cut here
        slope_rows(node, path, slope, nodes, x, hot)
        nonlinear_rows(nodes, hot, a, b, film, exponent, emission, reference, x, flow, n0)
        gather_rows(weight, column, x, q)
        propagate(even1[m], odd1[m], pairs, nodes, q, 1.0, n0, mode, x)
        nonlinear_rows(nodes, hot, a, b, film, exponent, emission, reference, x, flow, q)
        propagate(even2[m], odd2[m], pairs, nodes, q, -1.0, n0, mode, x)
        for k in range(nodes):
            row, found = out[step, k, first : first + used], x[k]
            for lane in range(used):
                row[lane] = found[lane]


@kernel
def advance_serial(net, maps, which, state, i2, ambient, out, work):
    """All homes, one group of lanes after another; work (1, 6, nodes + 8, LANES)."""
    for group in range((state.shape[1] + LANES - 1) // LANES):
        advance_lanes(group * LANES, net, maps, which, state, i2, ambient, out, work[0])


@parallel_kernel
def advance_parallel(net, maps, which, state, i2, ambient, out, work):
    """As `advance_serial` with groups spread over threads; work (groups, 6, nodes + 8, LANES)."""
    for group in prange((state.shape[1] + LANES - 1) // LANES):
        advance_lanes(group * LANES, net, maps, which, state, i2, ambient, out, work[group])


@kernel
def class_maxima(temperature, ambient, order, start, out):
    """Largest rise over ambient of the nodes of each class, homes innermost.

    temperature (steps, nodes, homes); nodes of class c are order[start[c]:start[c + 1]]; out
    (classes, steps, homes), NaN for a class without nodes.
    """
    steps, _, homes = temperature.shape
    for c in range(start.shape[0] - 1):
        for step in range(steps):
            if start[c] == start[c + 1]:
                for home in range(homes):
                    out[c, step, home] = np.nan
                continue
            base = ambient[step]
            for home in range(homes):
                out[c, step, home] = temperature[step, order[start[c]], home] - base
            for k in range(start[c] + 1, start[c + 1]):
                node = order[k]
                for home in range(homes):
                    out[c, step, home] = max(out[c, step, home], temperature[step, node, home] - base)
