"""Compiled: entries of the inverse of a factorised matrix, each along its path up the elimination tree."""

import numpy as np

from cosim.compiled import kernel


@kernel
def _climb(pointer, row, value, unit_diagonal, parent, start, x):
    """Solve T x = e_start on the path above `start`; T is lower triangular by columns, its diagonal first."""
    x[start] = 1.0
    j = start
    while j >= 0:
        first = pointer[j]
        if not unit_diagonal:
            x[j] /= value[first]
        amount = x[j]
        if amount != 0.0:
            for k in range(first + 1, pointer[j + 1]):
                x[row[k]] -= value[k] * amount
        j = parent[j]


@kernel
def _group(lower, upper, parent, places, z, left, right):
    """(w, w) entries among `places`, -1 for ground; `left` and `right` (w, n) are zero before and after."""
    width = len(places)
    for i in range(width):
        if places[i] >= 0:
            _climb(lower[0], lower[1], lower[2], True, parent, places[i], right[i])
            _climb(upper[0], upper[1], upper[2], False, parent, places[i], left[i])
    for i in range(width):
        for j in range(width):
            total = 0.0 + 0.0j
            at = places[i] if places[j] >= 0 else -1
            while at >= 0:  # what is not above both is zero in one of them
                total += left[i, at] * right[j, at]
                at = parent[at]
            z[i, j] = total
    for i in range(width):
        at = places[i]
        while at >= 0:
            left[i, at] = 0.0
            right[i, at] = 0.0
            at = parent[at]


@kernel
def inverse_entries(lower, upper, parent, places, z, n):
    """(groups, w, w) entries of the inverse among the (groups, w) `places`.

    `lower` and `upper` are (pointer, row, value) by columns: L, and the transpose of U, with the diagonal first.
    """
    groups, width = places.shape
    left = np.zeros((width, n), dtype=np.complex128)
    right = np.zeros((width, n), dtype=np.complex128)
    for g in range(groups):
        _group(lower, upper, parent, places[g], z[g], left, right)


@kernel
def elimination_tree(pointer, row, parent, ancestor):
    """Parent of each column of a symmetric pattern, -1 at a root (Liu, ACM TOMS 12, 1986); `ancestor` is scratch."""
    for column in range(len(parent)):
        parent[column] = -1
        ancestor[column] = -1
        for k in range(pointer[column], pointer[column + 1]):
            i = row[k]
            while i >= 0 and i < column:
                above = ancestor[i]
                ancestor[i] = column
                if above < 0:
                    parent[i] = column
                i = above
