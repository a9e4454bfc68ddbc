"""Compiled: sparse LU in 2 by 2 real blocks [[0, 1], [2, 3]] that act on (real, imaginary), and its solution.

The complex a + jb is the block [[a, -b], [b, a]]; the tangent of a constant power is a block that no complex number is.
Matrices are sparse by rows, in elimination order.
"""

from cosim.compiled import kernel


@kernel
def _add_block_product(left, right, target):
    """target += left right, all (4,)."""
    target[0] += left[0] * right[0] + left[1] * right[2]
    target[1] += left[0] * right[1] + left[1] * right[3]
    target[2] += left[2] * right[0] + left[3] * right[2]
    target[3] += left[2] * right[1] + left[3] * right[3]


@kernel
def factorise(
    rows, a_pointer, a_column, order, blocks, slope, l_pointer, l_column, u_pointer, u_column,
    work, l_value, diagonal, u_value,
):  # fmt: skip
    """Fill -L (unit diagonal), the inverse pivots and -U (scaled to a unit diagonal) in some ascending rows.

    Those below them must be up to date. Entry e of A, given by rows, is number order[e] of the blocks, then twice the
    tangents `slope` (m, 4), then twice their negative; entries of one place add up. work (all rows + 1, 4) is scratch.
    A row of L is ascending.
    """
    spare = work[len(diagonal)]
    own, tangents = len(blocks), len(slope)
    for row in rows:
        work[row] = 0.0
        for e in range(l_pointer[row], l_pointer[row + 1]):
            work[l_column[e]] = 0.0
        for e in range(u_pointer[row], u_pointer[row + 1]):
            work[u_column[e]] = 0.0
        for e in range(a_pointer[row], a_pointer[row + 1]):
            number = order[e]
            for part in range(4):
                if number < own:
                    work[a_column[e], part] += blocks[number, part]
                elif number < own + 2 * tangents:
                    work[a_column[e], part] += slope[(number - own) % tangents, part]
                else:
                    work[a_column[e], part] -= slope[(number - own) % tangents, part]
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
