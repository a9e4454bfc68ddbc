"""The peer of figures that have none: a fixed piece of NumPy work on one core."""

from __future__ import annotations

import numpy as np

LENGTH = 200_000  # doubles: arithmetic in cache, not memory, as in the kernels measured against it
PASSES = 20
NAME = "yardstick"


def yardstick() -> float:
    """About 20 ms of square roots, divisions, exponentials and sums; one call is one unit of work."""
    x = np.linspace(0.1, 1.0, LENGTH)
    total = 0.0
    for _ in range(PASSES):
        total += float((np.exp(-x) / np.sqrt(1.0 + x * x)).sum())
    return total
