"""Compiled: what injectors draw at given voltages, some steps abreast."""

import math

import numpy as np

from cosim.compiled import kernel
from cosim.electrical.lane_kernels import FEW, LANES, constant_power

TINY = 1e-200  # V^2, keeps 1 / |V| finite at a dead short


@kernel
def injector_current(k, p, q, laws, exponential, cut, branch):
    """Current of injector k into branch[2:4] [A] at the voltage branch[0:2] across it; p, q (lanes,) its nominal power.

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
    for lane in range(branch.shape[1]):
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
        g = p[lane] * f_p * square
        b = q[lane] * f_q * square
        branch[2, lane] = g * re + b * im
        branch[3, lane] = g * im - b * re
    if exponential[k, 2] > 0.0:
        _exponential_current(k, p, q, laws, exponential, branch)
    if cut[k] > 0.0:
        for lane in range(branch.shape[1]):
            u = math.sqrt(branch[0, lane] * branch[0, lane] + branch[1, lane] * branch[1, lane]) * inverse_nom
            share = 0.5 * (1.0 + math.tanh(500.0 * (u - cut[k]))) if u > low else 1.0
            branch[2, lane] *= share
            branch[3, lane] *= share


@kernel
def _exponential_current(k, p, q, laws, exponential, branch):
    """Overwrite the current where P ~ u^a, Q ~ u^b holds, which is strictly inside the band."""
    inverse_nom = laws[k, 0]
    for lane in range(branch.shape[1]):
        re, im = branch[0, lane], branch[1, lane]
        u = math.sqrt(re * re + im * im) * inverse_nom
        if u > laws[k, 2] and u > laws[k, 1] and u * laws[k, 3] <= 1.0:
            g = p[lane] * u ** (exponential[k, 0] - 2.0) * inverse_nom * inverse_nom
            b = q[lane] * u ** (exponential[k, 1] - 2.0) * inverse_nom * inverse_nom
            branch[2, lane] = g * re + b * im
            branch[3, lane] = g * im - b * re


@kernel
def inverter_current(k, row, p, laws, settings, branch):
    """Current of an inverter, see `voltage_laws._settings` for what its settings say."""
    inverse_nom, minimum = laws[k, 0], laws[k, 2]
    inverse_low = 1.0 / max(laws[k, 1], 1e-3)
    rating, first, absorb, inject, ratio = (
        settings[row, 0], settings[row, 1], settings[row, 2], settings[row, 3], settings[row, 4],
    )  # fmt: skip
    v1, v2, v3, v4 = settings[row, 5], settings[row, 6], settings[row, 7], settings[row, 8]
    q1, q2, q3, q4 = settings[row, 9], settings[row, 10], settings[row, 11], settings[row, 12]
    rise1, rise2, rise3 = settings[row, 13], settings[row, 14], settings[row, 15]
    w1, w2, p1, p2, fall = (
        settings[row, 16], settings[row, 17], settings[row, 18], settings[row, 19], settings[row, 20],
    )  # fmt: skip
    for lane in range(branch.shape[1]):
        re, im = branch[0, lane], branch[1, lane]
        square = re * re + im * im + TINY
        u = math.sqrt(square) * inverse_nom
        given = -p[lane]
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
        # Below the band its current is what it was at the edge, and at no voltage none: it would have no angle.
        scale = runs * min(u / minimum, 1.0) * min(u * inverse_low, 1.0) / square
        g, b = -active * scale, -reactive * scale
        branch[2, lane] = g * re + b * im
        branch[3, lane] = g * im - b * re


@kernel
def _voltage_across(a, b, x, base, branch):
    """Voltage from row a to row b into branch[0:2]."""
    base_re, base_im = base[a, 0] - base[b, 0], base[a, 1] - base[b, 1]
    for lane in range(branch.shape[1]):
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

    p, q in double, branch as `constant_power` left it: which way a lane is calculated depends on its own voltage alone.
    """
    other_current(k, a, b, p, q, law, base, x, spare)
    least = law[0][k, 14]
    for lane in range(branch.shape[1]):
        inside = branch[4, lane] > least
        branch[2, lane] = branch[2, lane] if inside else spare[2, lane]
        branch[3, lane] = branch[3, lane] if inside else spare[3, lane]


@kernel
def injector_currents(p, q, law, v, current):
    """Currents of all injectors; p, q, v and current (m, k), k at most LANES.

    One injector at a time passes through lanes that stay in the first cache, and one without power draws none.
    """
    width = FEW if v.shape[1] <= FEW else LANES
    p_lanes, q_lanes = np.zeros(width), np.zeros(width)
    branch, spare = np.zeros((5, width)), np.zeros((5, width))
    still = np.zeros((2, 2))
    across = np.zeros((2, 2, width))  # row 1 is ground
    across[0] = 1.0  # lanes that are not asked for still run through the laws
    laws, plain = law[0], law[3]
    for k in range(v.shape[0]):
        some = False
        for lane in range(v.shape[1]):
            p_lanes[lane], q_lanes[lane] = p[k, lane], q[k, lane]
            some = some or p[k, lane] != 0.0 or q[k, lane] != 0.0
            across[0, 0, lane], across[0, 1, lane] = v[k, lane].real, v[k, lane].imag
        if not some:
            current[k] = 0.0
            continue
        if not plain[k]:
            other_current(k, 0, 1, p_lanes, q_lanes, law, still, across, branch)
        elif constant_power(0, 1, p_lanes, q_lanes, still, across, laws[k, 14], laws[k, 15], branch):
            low_lanes(k, 0, 1, p_lanes, q_lanes, law, still, across, branch, spare)
        for lane in range(v.shape[1]):
            current[k, lane] = complex(branch[2, lane], branch[3, lane])
