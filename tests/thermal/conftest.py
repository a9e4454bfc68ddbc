"""Networks and rough loads shared by the tests of heat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosim import library
from cosim.thermal.network import HeatNetwork, Links, heat_network

SHIPPED = library.names("adapters")


@pytest.fixture(scope="session")
def solar() -> HeatNetwork:
    """The adapter with most nodes in its heat path that a DER current warms."""
    return heat_network(library.load("adapters", "connectder-solar-60"))


def linear_part(network: HeatNetwork) -> HeatNetwork:
    """The network without what is not linear: slope of resistance, convection, radiation."""
    none = np.zeros_like(network.slope)
    films = [(int(a), int(b), 2.0 * w) for a, b, w in zip(*_ends(network.convection), strict=True)]
    linear = zip(*_ends(network.linear), strict=True)
    kept = Links.of([*((int(a), int(b), float(w)) for a, b, w in linear), *films])
    return replace(network, slope=none, linear=kept, convection=Links.of([]), radiation=Links.of([]))


def _ends(links: Links) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return links.a, links.b, links.w


def rough_load(steps: int, homes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Squared currents (steps, 6, homes) of a 200 A service with a 60 A branch, and ambient (steps,)."""
    random = np.random.default_rng(seed)
    grid, branch = random.uniform(0, 200, (steps, 2, homes)), random.uniform(0, 60, (steps, 2, homes))
    i2 = np.concatenate([grid, np.abs(grid - branch), branch], axis=1) ** 2
    return i2, 25.0 + 10.0 * random.random(steps)
