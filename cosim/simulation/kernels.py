"""Between the rooms: from home demand to injector power, from injector current to socket current."""

from numba import prange

from cosim.compiled import kernel, parallel_kernel


@kernel
def _one_injector(i, owner, share, panel_w, panel_var, scale_p, scale_q, p_w, q_var):
    h = owner[i]
    steps = p_w.shape[1]
    if h < 0:
        for s in range(steps):
            p_w[i, s] = scale_p[i]
            q_var[i, s] = scale_q[i]
        return
    a, b, c = share[i, 0], share[i, 1], share[i, 2]
    for s in range(steps):
        p_w[i, s] = a * panel_w[h, 0, s] + b * panel_w[h, 1, s] + c * panel_w[h, 2, s]
    for s in range(steps):
        q_var[i, s] = a * panel_var[h, 0, s] + b * panel_var[h, 1, s] + c * panel_var[h, 2, s]


@kernel
def spread_panel(owner, share, panel_w, panel_var, fixed_p, fixed_q, p_w, q_var):
    """Give every injector its part of its home's panel demand.

    owner (m,), share (m, 3), panel_* (homes, 3, steps), fixed_* (m,) power of injectors that
    belong to no home, p_w and q_var (m, steps) out. Load convention.
    """
    for i in range(owner.shape[0]):
        _one_injector(i, owner, share, panel_w, panel_var, fixed_p, fixed_q, p_w, q_var)


@parallel_kernel
def spread_panel_parallel(owner, share, panel_w, panel_var, fixed_p, fixed_q, p_w, q_var):
    """`spread_panel`, injectors over threads."""
    for i in prange(owner.shape[0]):
        _one_injector(i, owner, share, panel_w, panel_var, fixed_p, fixed_q, p_w, q_var)


@kernel
def _one_step(
    s, v, current_a, home_nodes, kind, first, injector, leg, sign, branch_row,
    i2_a2, v1_v, v2_v, service_w, service_var, panel_w, branch_w, service_a, panel_a, branch_a,
):  # fmt: skip
    homes = home_nodes.shape[0]
    for h in range(homes):
        n1, n2, n0 = home_nodes[h, 0], home_nodes[h, 1], home_nodes[h, 2]
        e1 = v[n1, s] if n1 >= 0 else 0.0j
        e2 = v[n2, s] if n2 >= 0 else 0.0j
        e0 = v[n0, s] if n0 >= 0 else 0.0j
        a1 = 0.0j
        a2 = 0.0j
        a0 = 0.0j
        for k in range(first[h], first[h + 1]):
            if leg[k] == 0:
                a1 += sign[k] * current_a[injector[k], s]
            elif leg[k] == 1:
                a2 += sign[k] * current_a[injector[k], s]
            else:
                a0 += sign[k] * current_a[injector[k], s]
        if kind[h] == 1:  # one coil: what enters at one end leaves at the other, grounded or not
            a2 = -a1
        power = e1 * a1.conjugate() + e2 * a2.conjugate() + e0 * a0.conjugate()
        panel_w[s, h] = power.real
        b = 0.0j
        if branch_row[h] >= 0:
            b = current_a[branch_row[h], s]
        extra = (e1 - e2) * b.conjugate()
        branch_w[s, h] = extra.real
        service_w[s, h] = power.real + extra.real
        service_var[s, h] = power.imag + extra.imag
        g1 = a1 + b
        g2 = a2 - b
        i2_a2[s, 0, h] = g1.real * g1.real + g1.imag * g1.imag
        i2_a2[s, 1, h] = g2.real * g2.real + g2.imag * g2.imag
        i2_a2[s, 2, h] = a1.real * a1.real + a1.imag * a1.imag
        i2_a2[s, 3, h] = a2.real * a2.real + a2.imag * a2.imag
        b2 = b.real * b.real + b.imag * b.imag
        i2_a2[s, 4, h] = b2
        i2_a2[s, 5, h] = b2
        # A three-wire home's leg voltages are to its neutral, a two-wire home's is across its coil.
        if kind[h] == 1:
            v1_v[s, h] = abs(e1 - e2)
            v2_v[s, h] = abs(e1 - e2)
        elif kind[h] == 2:
            v1_v[s, h] = abs(e1)
            v2_v[s, h] = abs(e2)
        else:
            v1_v[s, h] = abs(e1 - e0)
            v2_v[s, h] = abs(e2 - e0)
        largest = max(i2_a2[s, 0, h], i2_a2[s, 1, h])
        panel_largest = max(i2_a2[s, 2, h], i2_a2[s, 3, h])
        if kind[h] == 2:
            third = a0.real * a0.real + a0.imag * a0.imag
            largest = max(largest, third)
            panel_largest = max(panel_largest, third)
        service_a[s, h] = largest**0.5
        panel_a[h, s] = panel_largest**0.5
        branch_a[h, s] = b2**0.5


@kernel
def at_sockets(
    v, current_a, home_nodes, kind, first, injector, leg, sign, branch_row,
    i2_a2, v1_v, v2_v, service_w, service_var, panel_w, branch_w, service_a, panel_a, branch_a,
):  # fmt: skip
    """Voltages, currents and powers at every socket, from node voltages and injector currents.

    v (nodes, steps), current_a (injectors, steps); home_nodes (homes, 3); kind (homes,) 0 split,
    1 single, 2 three-phase; first/injector/leg/sign: the panel injectors of each home as a packed
    list with the conductor they draw from (0, 1, 2) and the sign; branch_row (homes,) injector on
    the adapter from conductor 0 to 1, or -1. Out: i2_a2 (steps, 6, homes) squared currents of grid,
    load and branch by leg; (steps, homes) voltages, powers, largest service current; (homes, steps)
    largest panel and branch currents for the breakers. Load convention throughout.
    """
    for s in range(v.shape[1]):
        _one_step(
            s, v, current_a, home_nodes, kind, first, injector, leg, sign, branch_row,
            i2_a2, v1_v, v2_v, service_w, service_var, panel_w, branch_w, service_a, panel_a, branch_a,
        )  # fmt: skip


@parallel_kernel
def at_sockets_parallel(
    v, current_a, home_nodes, kind, first, injector, leg, sign, branch_row,
    i2_a2, v1_v, v2_v, service_w, service_var, panel_w, branch_w, service_a, panel_a, branch_a,
):  # fmt: skip
    """`at_sockets`, steps over threads."""
    for s in prange(v.shape[1]):
        _one_step(
            s, v, current_a, home_nodes, kind, first, injector, leg, sign, branch_row,
            i2_a2, v1_v, v2_v, service_w, service_var, panel_w, branch_w, service_a, panel_a, branch_a,
        )  # fmt: skip
