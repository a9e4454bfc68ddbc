"""Counter-based draws for Python code; kernels call `cosim.random_kernels` directly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cosim.random_kernels import fill_uniform


def stable_id(text: str) -> int:
    """64-bit id of a name; the same on every machine and in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def stable_ids(names: Sequence[str]) -> NDArray[np.uint64]:
    """`stable_id` of every name, shape (n,)."""
    return np.array([stable_id(name) for name in names], dtype=np.uint64)


def uniforms(
    seed: int, purpose: str, items: NDArray[np.uint64], day: int = 0, counter: int = 0
) -> NDArray[np.float64]:
    """One uniform number in [0, 1) for every item.

    Parameters
    ----------
    seed
        Seed of the scenario.
    purpose
        What the draw is for, such as ``"population.solar"``; different purposes are independent.
    items
        (n,) stable ids.
    day, counter
        Rest of the address.

    Returns
    -------
    (n,) array.
    """
    out = np.empty(len(items))
    fill_uniform(
        np.uint64(seed), np.uint64(stable_id(purpose)), items, np.uint64(day), np.uint64(counter), out
    )
    return out
