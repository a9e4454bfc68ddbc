"""Compiled: some rows of a factorisation done anew."""

from cosim.compiled import kernel


@kernel
def _add_block_product(left, right, target):
    """target += left right, all (4,)."""
    target[0] += left[0] * right[0] + left[1] * right[2]
    target[1] += left[0] * right[1] + left[1] * right[3]
    target[2] += left[2] * right[0] + left[3] * right[2]
    target[3] += left[2] * right[1] + left[3] * right[3]


@kernel
def refactorise(
    rows, a_pointer, a_column, order, blocks, slope, l_pointer, l_column, u_pointer, u_column,
    work, l_value, diagonal, u_value,
):  # fmt: skip
    """`kernels.factorise` of some ascending rows, the others as they stand: the same operations in the same order.

    Entry e of A is number order[e] of the blocks, then twice the tangents `slope` (m, 4), then twice their negative.
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
