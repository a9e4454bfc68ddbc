"""Networks and rough loads shared by the tests of heat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

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


def rough_day(pieces: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Squared currents (pieces, 6, 1) of a day that jumps without pause, and ambient (pieces,) that swings."""
    i2, _ = rough_load(pieces, 1, seed)
    hour = 24.0 * np.arange(pieces) / pieces
    return i2, 27.0 + 9.0 * np.sin(2.0 * np.pi * (hour - 9.0) / 24.0)


def radau(
    network: HeatNetwork, start: np.ndarray, i2: np.ndarray, ambient: np.ndarray, seconds: float,
    wind: np.ndarray | None = None, sun: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """(pieces, nodes) by SciPy's Radau at tolerance 1e-9, begun anew where the load jumps; i2 (pieces, 6)."""
    state, out = start, []
    c = network.capacity_j_per_k
    for k, (load, air) in enumerate(zip(i2, ambient, strict=True)):
        speed, sky = 0.0 if wind is None else float(wind[k]), None if sun is None else sun[k]
        gain = np.zeros((len(network), len(network)))
        np.add.at(gain, (network.node, network.node), network.slope * load[network.path])
        found = solve_ivp(
            lambda _t, y, load=load, air=air, v=speed, s=sky: (
                (network.heating_w(y, load, s) - network.outflow_w(y, air, v)) / c
            ),
            (0.0, seconds), state, method="Radau", rtol=1e-9, atol=1e-9,
            jac=lambda _t, y, air=air, v=speed, gain=gain: (
                (gain - network.conductance(y, air, v)[0]) / c[:, None]
            ),
        )  # fmt: skip
        assert found.success
        state = found.y[:, -1]
        out.append(state)
    return np.array(out)
