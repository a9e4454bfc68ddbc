"""Heat networks of many homes in time: exponential integration, homes innermost.

The balance of the nodes is ``C dT/dt = Q(T)`` with ``Q(T) = S x + N(T)``: x stacks temperatures, ambient, the
squared currents, a one and the sun; S is linear; N holds what is not (resistance slope, convection, radiation
less its reference slope). With ``A = -K/C`` the linear part, one step of length h is the exponential
Runge-Kutta scheme of order two

    a = T + h phi1(hA) Q(T)/C,    T' = a + h phi2(hA) (N(a) - N(T))/C

(Hochbruck and Ostermann, "Exponential integrators", Acta Numerica 19, 2010), exact where N is constant and at
rest exactly where the network is. Legs mirror each other, so everything is kept as half difference and half
sum of the legs (the modes), in which matrices fall into halves.

Work array x, rows of homes: modes (differences, sums, shared nodes), ambient, sums and differences of
the squared currents (3 each), one, sun (3), a row of zeros, N(T), Q, three rows of zeros, peaks. Loops index
rows and lanes directly: a view for each row would cost more than its arithmetic.
"""

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel
from cosim.thermal.contact_kernels import glow_w

LANES = 256  # at most; beyond, the work of a group leaves the second cache
QUANTUM = 32  # lanes come in multiples of this
PLANES = 3
KELVIN = 273.15
CALM2 = 0.25  # K2, see cosim.thermal.network.CALM_K
ROOT = np.uint64(0x47ED126E978D4FE0)  # 9/8 of the bits of 1.0, less what centres the guess's error
THREE = np.uint64(3)


@kernel
def gather(weight, column, size, lanes, x, base, to):
    """x[to + row] = x[base + row] + sum of weight * x[column], six or four terms at a time.

    size (rows,): terms of each row, padded by zero weights to 4 a or 4 a + 6.
    """
    n = 0
    for row in range(size.shape[0]):
        b, o, left = base + row, to + row, size[row]
        while left > 0:
            w0, w1, w2, w3 = weight[n], weight[n + 1], weight[n + 2], weight[n + 3]
            c0, c1, c2, c3 = column[n], column[n + 1], column[n + 2], column[n + 3]
            first = left == size[row]
            if left == 6:
                w4, w5, c4, c5 = weight[n + 4], weight[n + 5], column[n + 4], column[n + 5]
                n, left = n + 6, 0
                if first:
                    for k in range(lanes):
                        one = (w0 * x[c0, k] + w1 * x[c1, k]) + (w2 * x[c2, k] + w3 * x[c3, k])
                        x[o, k] = x[b, k] + (one + (w4 * x[c4, k] + w5 * x[c5, k]))
                else:
                    for k in range(lanes):
                        one = (w0 * x[c0, k] + w1 * x[c1, k]) + (w2 * x[c2, k] + w3 * x[c3, k])
                        x[o, k] += one + (w4 * x[c4, k] + w5 * x[c5, k])
            else:
                n, left = n + 4, left - 4
                if first:
                    for k in range(lanes):
                        one = (w0 * x[c0, k] + w1 * x[c1, k]) + (w2 * x[c2, k] + w3 * x[c3, k])
                        x[o, k] = x[b, k] + one
                else:
                    for k in range(lanes):
                        x[o, k] += (w0 * x[c0, k] + w1 * x[c1, k]) + (w2 * x[c2, k] + w3 * x[c3, k])


@kernel
def dense(weight, n, rows, width, lanes, x, source, to):
    """x[to + row] += sum of weight * x[source + column], three rows by five or four columns at a time.

    weight: tiles from place n, one after another, the first four columns of the three rows before the fifth;
    rows is a multiple of three, width of fives and fours. Returns the place behind the last.
    """
    for i in range(0, rows, 3):
        p, q, r, j, left = to + i, to + i + 1, to + i + 2, source, width
        while left > 0:
            a0, a1, a2, a3 = weight[n], weight[n + 1], weight[n + 2], weight[n + 3]
            b0, b1, b2, b3 = weight[n + 4], weight[n + 5], weight[n + 6], weight[n + 7]
            c0, c1, c2, c3 = weight[n + 8], weight[n + 9], weight[n + 10], weight[n + 11]
            if left % 4:
                a4, b4, c4 = weight[n + 12], weight[n + 13], weight[n + 14]
                for k in range(lanes):
                    y0, y1, y2, y3, y4 = x[j, k], x[j + 1, k], x[j + 2, k], x[j + 3, k], x[j + 4, k]
                    x[p, k] += (a0 * y0 + a1 * y1) + (a2 * y2 + a3 * y3) + a4 * y4
                    x[q, k] += (b0 * y0 + b1 * y1) + (b2 * y2 + b3 * y3) + b4 * y4
                    x[r, k] += (c0 * y0 + c1 * y1) + (c2 * y2 + c3 * y3) + c4 * y4
                n, j, left = n + 15, j + 5, left - 5
            else:
                for k in range(lanes):
                    y0, y1, y2, y3 = x[j, k], x[j + 1, k], x[j + 2, k], x[j + 3, k]
                    x[p, k] += (a0 * y0 + a1 * y1) + (a2 * y2 + a3 * y3)
                    x[q, k] += (b0 * y0 + b1 * y1) + (b2 * y2 + b3 * y3)
                    x[r, k] += (c0 * y0 + c1 * y1) + (c2 * y2 + c3 * y3)
                n, j, left = n + 12, j + 4, left - 4
    return n


@kernel
def eighth_roots(rows, lanes, v, bits, root, guess):
    """root = v^(1/8) of the first rows: a guess from the bits of v, two passes of the series in 1 - v y^8.

    `bits` and `guess` are `v` and `root` seen as integers. Off by some 1e-15 of the root; three square roots
    in a row cost two to three times as much, for the divider is not a pipeline.
    """
    for row in range(rows):
        for k in range(lanes):
            guess[row, k] = ROOT - (bits[row, k] >> THREE)
        for k in range(lanes):
            g, y = v[row, k], root[row, k]
            y2 = y * y
            y4 = y2 * y2
            e = 1.0 - g * (y4 * y4)
            y += y * (e * (0.125 + e * (0.0703125 + e * 0.0498046875)))
            y2 = y * y
            y4 = y2 * y2
            e = 1.0 - g * (y4 * y4)
            y += y * (e * (0.125 + e * (0.0703125 + e * (0.0498046875 + e * 0.038909912109375))))
            y2 = y * y
            root[row, k] = (g * y) * (y2 * (y2 * y2))


@kernel
def slopes(pairs, heat, lanes, x, base, to):
    """x[to + node] = slope * squared current * temperature - x[base[node]], for the modes of both legs."""
    node, even, slope, odd = heat
    last = -1
    for r in range(node.shape[0]):
        n, s, i, j = node[r], slope[r], even[r], odd[r]
        o, b = to + n, base[n]
        if n >= pairs:
            if n != last:
                for k in range(lanes):
                    x[o, k] = s * ((x[i, k] + x[j, k]) * x[n, k]) - x[b, k]
            else:
                for k in range(lanes):
                    x[o, k] += s * ((x[i, k] + x[j, k]) * x[n, k])
        else:
            m = n + pairs
            e, c = to + m, base[m]
            if n != last:
                for k in range(lanes):
                    total, difference, sums, differences = x[m, k], x[n, k], x[i, k], x[j, k]
                    x[o, k] = s * (differences * total + sums * difference) - x[b, k]
                    x[e, k] = s * (sums * total + differences * difference) - x[c, k]
            else:
                for k in range(lanes):
                    total, difference, sums, differences = x[m, k], x[n, k], x[i, k], x[j, k]
                    x[o, k] += s * (differences * total + sums * difference)
                    x[e, k] += s * (sums * total + differences * difference)
        last = n


@kernel
def film_flow(t, u, film, forced4, emission, reference):
    """Heat [W] from t to u by convection and radiation beyond the reference conductance."""
    d, p, q = t - u, t + KELVIN, u + KELVIN
    moved = math.sqrt(math.sqrt((film * film) * (film * film) * math.sqrt(d * d + CALM2) + forced4))
    return d * (moved + emission * ((p * p + q * q) * (p + q)) - reference)


@kernel
def shared_films(nodes, films, wind2, lanes, x, v, bits, root, guess, to):
    """Convection and radiation between shared nodes and the air, from x[to + node]; rows of links in v, root."""
    a, b, film, forced4, emission, reference = films
    for r in range(a.shape[0]):
        i, j = a[r], b[r]
        for k in range(lanes):
            d = x[i, k] - x[j, k]
            v[r, k] = d * d + CALM2
    if wind2 == 0.0:
        eighth_roots(a.shape[0], lanes, v, bits, root, guess)
    for r in range(a.shape[0]):
        i, j, o = a[r], b[r], to + a[r]
        w, f, s, g = film[r], forced4[r] * wind2, emission[r], reference[r]
        if wind2 != 0.0:
            for k in range(lanes):
                root[r, k] = film_flow(x[i, k], x[j, k], w, f, s, g)
        else:
            for k in range(lanes):
                t, u = x[i, k], x[j, k]
                p, q = t + KELVIN, u + KELVIN
                root[r, k] = (t - u) * (w * root[r, k] + s * ((p * p + q * q) * (p + q)) - g)
        for k in range(lanes):
            x[o, k] -= root[r, k]
        if j < nodes:
            o = to + j
            for k in range(lanes):
                x[o, k] += root[r, k]


@kernel
def leg_films(pairs, nodes, films, wind2, lanes, x, to):
    """As `shared_films` for links that begin at a part of each leg; they end at one, at a shared node or air."""
    a, b, film, forced4, emission, reference = films
    for r in range(a.shape[0]):
        i, j, o = a[r], b[r], to + a[r]
        w, f, s, g = film[r], forced4[r] * wind2, emission[r], reference[r]
        for k in range(lanes):
            t, d, u, c = x[pairs + i, k], x[i, k], x[j, k], 0.0
            if j < pairs:
                u, c = x[pairs + j, k], x[j, k]
            one = film_flow(t + d, u + c, w, f, s, g)
            two = film_flow(t - d, u - c, w, f, s, g)
            x[o, k] -= 0.5 * (one - two)
            x[o + pairs, k] -= 0.5 * (one + two)
            if j < pairs:
                x[to + j, k] += 0.5 * (one - two)
                x[to + j + pairs, k] += 0.5 * (one + two)
            elif j < nodes:
                x[to + j, k] += one + two


@kernel
def to_modes(pairs, lanes, x):
    """Half difference and half sum of the legs, in place."""
    for r in range(pairs):
        e = pairs + r
        for k in range(lanes):
            one, two = x[r, k], x[e, k]
            x[r, k], x[e, k] = 0.5 * (one - two), 0.5 * (one + two)


@kernel
def temperatures(first, used, pairs, x, out):
    """out[node, first + lane] from the modes."""
    for r in range(pairs):
        e = pairs + r
        for k in range(used):
            out[r, first + k] = x[e, k] + x[r, k]
        for k in range(used):
            out[e, first + k] = x[e, k] - x[r, k]
    for r in range(2 * pairs, out.shape[0]):
        for k in range(used):
            out[r, first + k] = x[r, k]


@kernel
def end_of_step(pairs, nodes, kind, fresh, lanes, x, top):
    """x[top + kind] = hottest node of each kind; modes are made anew from the temperatures alone.

    So the next step depends on temperatures and not on how they were kept, and a block may be cut anywhere.
    """
    for r in range(pairs):
        e, t = pairs + r, top + kind[r]
        if fresh[r]:
            for k in range(lanes):
                one, two = x[e, k] + x[r, k], x[e, k] - x[r, k]
                x[r, k], x[e, k] = 0.5 * (one - two), 0.5 * (one + two)
                x[t, k] = one if one > two else two
        else:
            for k in range(lanes):
                one, two, hot = x[e, k] + x[r, k], x[e, k] - x[r, k], x[t, k]
                x[r, k], x[e, k] = 0.5 * (one - two), 0.5 * (one + two)
                high = one if one > two else two
                x[t, k] = hot if hot > high else high
    for r in range(2 * pairs, nodes):
        t = top + kind[r]
        if fresh[r]:
            for k in range(lanes):
                x[t, k] = x[r, k]
        else:
            for k in range(lanes):
                high, hot = x[r, k], x[t, k]
                x[t, k] = hot if hot > high else high


@kernel
def own_heat(pairs, own, i2, first, used, x, to):
    """x[to + node] += heat of a home's own at its squared currents, for the modes of both legs.

    own: node (rows,), path of leg 1 (rows,), resistance (rows, 2 legs, homes) beside that of the network, whether
    anything glows there (rows,), share of a glow's heat (rows, 2 legs, homes), constants of the contacts' law.
    """
    node, path, ohm, lit, share, law = own
    for r in range(node.shape[0]):
        n, p, o = node[r], path[r], to + node[r]
        if n >= pairs:
            for k in range(used):
                h = first + k
                x[o, k] += ohm[r, 0, h] * i2[p, h] + ohm[r, 1, h] * i2[p + 1, h]
        else:
            e = o + pairs
            for k in range(used):
                h = first + k
                one, two = ohm[r, 0, h] * i2[p, h], ohm[r, 1, h] * i2[p + 1, h]
                x[o, k] += 0.5 * (one - two)
                x[e, k] += 0.5 * (one + two)
        if lit[r]:
            for k in range(used):
                h = first + k
                one, two = (
                    glow_heat(law, share[r, 0, h], i2[p, h]),
                    glow_heat(law, share[r, 1, h], i2[p + 1, h]),
                )
                if n >= pairs:
                    x[o, k] += one + two
                else:
                    x[o, k] += 0.5 * (one - two)
                    x[o + pairs, k] += 0.5 * (one + two)


@kernel
def glow_heat(law, share, i2):
    """Heat of a glow that enters one part, of which it gets `share`."""
    return share * glow_w(law, math.sqrt(i2)) if share > 0.0 else 0.0


@kernel
def advance_lanes(group, net, own, maps, which, state, i2, ambient, wind, sky, side, out, watch, peak, x, v):
    """All steps of a group of homes, as many as x is wide; `state` becomes their temperatures at the end.

    net, maps, watch: see `cosim.thermal.fleet`; own: see `own_heat`; which (steps,): row of tables;
    state (nodes, homes); i2 (steps, 6, homes) [A2]; ambient (steps,) [degC]; wind (steps,) [m/s]; sky
    (steps, sides, PLANES) [W/m2], without sides where no sun is; side (homes,); out (steps, nodes, homes)
    [degC], or without steps; peak (kinds, steps, homes) [degC]; x (rows, lanes), v (2, links, lanes): private
    scratch, zero at first.
    """
    pairs, weight, column, size, nothing, before = net[:6]
    heat, shared, legs = net[6:10], net[10:16], net[16:22]
    tables, odd_rows, odd_width, even_rows, even_width = maps
    kind, fresh = watch
    nodes, homes = state.shape
    lanes = x.shape[1]
    first = group * lanes
    used = min(lanes, homes - first)
    n0 = nodes + 9 + PLANES
    q, top = n0 + nodes, n0 + 2 * nodes + 3
    squares, root = v[0], v[1]
    bits, guess = squares.view(np.uint64), root.view(np.uint64)
    for r in range(nodes):
        for k in range(lanes):
            x[r, k] = state[r, first + min(k, used - 1)]
    for k in range(lanes):
        x[nodes + 7, k] = 1.0
    to_modes(pairs, lanes, x)
    for step in range(i2.shape[0]):
        air, wind2 = ambient[step], wind[step] * wind[step]
        for k in range(lanes):
            x[nodes, k] = air
        for p in range(3):
            e, o = nodes + 1 + p, nodes + 4 + p
            for k in range(used):
                one, two = i2[step, 2 * p, first + k], i2[step, 2 * p + 1, first + k]
                x[e, k], x[o, k] = 0.5 * (one + two), 0.5 * (one - two)
        if sky.shape[1] > 0:
            for p in range(PLANES):
                for k in range(used):
                    x[nodes + 8 + p, k] = sky[step, side[first + k], p]
        table = tables[which[step]]
        slopes(pairs, heat, lanes, x, nothing, n0)
        shared_films(nodes, shared, wind2, lanes, x, squares, bits, root, guess, n0)
        leg_films(pairs, nodes, legs, wind2, lanes, x, n0)
        gather(weight, column, size, lanes, x, n0, q)
        own_heat(pairs, own, i2[step], first, used, x, q)
        at = dense(table, 0, odd_rows, odd_width, lanes, x, q, 0)
        at = dense(table, at, even_rows, even_width, lanes, x, q + pairs, pairs)
        slopes(pairs, heat, lanes, x, before, q)
        shared_films(nodes, shared, wind2, lanes, x, squares, bits, root, guess, q)
        leg_films(pairs, nodes, legs, wind2, lanes, x, q)
        at = dense(table, at, odd_rows, odd_width, lanes, x, q, 0)
        dense(table, at, even_rows, even_width, lanes, x, q + pairs, pairs)
        if out.shape[0] > 0:
            temperatures(first, used, pairs, x, out[step])
        if step == i2.shape[0] - 1:
            temperatures(first, used, pairs, x, state)
        end_of_step(pairs, nodes, kind, fresh, lanes, x, top)
        for c in range(peak.shape[0]):
            for k in range(used):
                peak[c, step, first + k] = x[top + c, k]


@kernel
def advance_serial(net, own, maps, which, state, i2, ambient, wind, sky, side, out, watch, peak, x, v):
    """All homes, one group of lanes after another; x (1, rows, lanes), v (1, 2, links, lanes)."""
    lanes = x.shape[2]
    for group in range((state.shape[1] + lanes - 1) // lanes):
        advance_lanes(
            group, net, own, maps, which, state, i2, ambient, wind, sky, side, out, watch, peak, x[0], v[0]
        )


@parallel_kernel
def advance_parallel(net, own, maps, which, state, i2, ambient, wind, sky, side, out, watch, peak, x, v):
    """As `advance_serial` with groups spread over threads; x (groups, rows, lanes), v likewise."""
    for group in prange(x.shape[0]):
        advance_lanes(
            group,
            net,
            own,
            maps,
            which,
            state,
            i2,
            ambient,
            wind,
            sky,
            side,
            out,
            watch,
            peak,
            x[group],
            v[group],
        )


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
