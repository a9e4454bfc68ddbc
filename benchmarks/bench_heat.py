"""Heat per adapter and step beside a general integrator on the same heat balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import Float, HeatNetwork, heat_network

HOMES = 1200
PEER_HOMES = 2
STEP_S = 60.0
AMBIENT_C = 38.0
AGREEMENT_K = 0.05


def squared_currents(steps: int) -> Float:
    """(steps, 6, HOMES) household currents with solar behind them every other hour, squared [A2]."""
    rng = np.random.default_rng(60)
    load = rng.uniform(5.0, 120.0, (steps, 2, HOMES))
    branch = np.where(np.arange(steps)[:, None, None] // 60 % 2 == 0, -1.0, 0.0) * rng.uniform(
        10.0, 48.0, (1, 1, HOMES)
    )
    branch = np.broadcast_to(branch, (steps, 2, HOMES))
    return np.ascontiguousarray(np.concatenate([load + branch, load, branch], axis=1) ** 2)


def integrate(network: HeatNetwork, i2_a2: Float) -> Float:
    """(steps, nodes) temperatures of one home by LSODA, restarted where the current jumps."""

    def rate(_: float, t: Float, i2: Float) -> Float:
        return (network.heating_w(t, i2) - network.outflow_w(t, AMBIENT_C)) / network.capacity_j_per_k

    t, out = np.full(len(network), AMBIENT_C), np.empty((len(i2_a2), len(network)))
    for step, i2 in enumerate(i2_a2):
        solved = solve_ivp(rate, (0.0, STEP_S), t, method="LSODA", args=(i2,), rtol=1e-5, atol=1e-3)
        assert solved.success
        t = out[step] = solved.y[:, -1]
    return out


@pytest.mark.parametrize("adapter", library.names("adapters"))
def bench_heat(pair: Callable[..., Any], smoke: bool, adapter: str) -> None:
    """An hour or more of minutes, two threads."""
    network = heat_network(cast("AdapterEntry", library.load("adapters", adapter)))
    steps, peer_steps = (4, 4) if smoke else (120, 20)
    fleet = HeatFleet(network, HOMES)
    i2 = squared_currents(steps)
    ambient, seconds = np.full(steps, AMBIENT_C), np.full(steps, STEP_S)

    def own() -> Float:
        return fleet.advance(fleet.initial(AMBIENT_C), i2, ambient, seconds)

    def peer() -> list[Float]:
        return [integrate(network, i2[:peer_steps, :, home]) for home in range(PEER_HOMES)]

    found = own()
    assert found.shape == (steps, len(network), HOMES)
    difference = max(float(np.abs(found[:peer_steps, :, h] - t).max()) for h, t in enumerate(peer()))
    assert difference < AGREEMENT_K, f"{adapter} differs from LSODA by {difference:.3f} K"
    pair(
        own, peer, unit="adapter-step", units=HOMES * steps, peer_units=PEER_HOMES * peer_steps,
        peer_name="SciPy LSODA", nodes=len(network), difference_k=difference,
    )  # fmt: skip
