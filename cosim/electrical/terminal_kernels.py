"""Compiled: currents and powers at terminals from solved voltages."""

from cosim.compiled import kernel


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
