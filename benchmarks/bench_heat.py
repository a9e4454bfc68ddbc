"""Heat per adapter and step beside a general integrator on the same heat balance."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numba
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.heat_body import BodyEntry
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import Float, HeatNetwork, build, heat_network

HOMES = 1280  # whole groups of lanes
PEER_HOMES = 2
STEP_S = 60.0
AMBIENT_C = 38.0
AGREEMENT_K = 0.05
FOURTEEN = Path(__file__).parent / "fourteen_nodes.toml"
ROOT_OPERATIONS = 23  # multiplications of the eighth root; additions run beside them
FLOW_OPERATIONS = 8


def squared_currents(steps: int, rating_a: float = 200.0) -> Float:
    """(steps, 6, HOMES) household currents with solar behind them every other hour, squared [A2].

    The household draws up to 0.6 and the solar feeds up to 0.24 of what the adapter is rated for.
    """
    rng = np.random.default_rng(60)
    load = rating_a * rng.uniform(0.025, 0.6, (steps, 2, HOMES))
    branch = np.where(np.arange(steps)[:, None, None] // 60 % 2 == 0, -rating_a, 0.0) * rng.uniform(
        0.05, 0.24, (1, 1, HOMES)
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


@numba.njit(error_model="numpy")
def _polynomials(times: int, x: Float, y: Float) -> None:
    """64 multiplications, each with an addition, for every x: what the core does at best."""
    for _ in range(times):
        for k in range(x.shape[0]):
            a, p, q, r, s = x[k], 0.5, 0.25, 0.125, 0.3
            for _i in range(16):
                p, q, r, s = p * a + 0.1, q * a + 0.2, r * a + 0.3, s * a + 0.4
            y[k] = p + q + r + s


def ceiling() -> float:
    """Multiplications with their additions per nanosecond of processor time, one thread, all in registers."""
    x, y, times = np.linspace(0.1, 0.9, 64), np.empty(64), 20_000
    _polynomials(1, x, y)
    start = time.process_time()
    _polynomials(times, x, y)
    return 64 * 64 * times / (time.process_time() - start) * 1e-9


def operations(fleet: HeatFleet) -> int:
    """Multiplications of one adapter and step, by the arrays that the kernel walks over."""
    net = fleet.network
    films = len(net.convection.a)  # on shared nodes
    slopes = 6 * net.pairs * 2
    twice = 2 * films * (ROOT_OPERATIONS + FLOW_OPERATIONS)
    return int(fleet.linear_terms + fleet.propagator_terms + slopes + twice + 2 * net.pairs + 6)


def fourteen() -> HeatNetwork:
    entry = cast("BodyEntry", library.load("bodies", FOURTEEN))
    used = {name: library.load("materials", name) for _, name in entry.heat.references()}
    network = build(entry.heat, used)
    assert len(network) == 14
    return network


def bench_heat_fourteen_nodes(pair: Callable[..., Any], smoke: bool) -> None:
    """One thread: hottest node of each role of many adapters with fourteen nodes, minutes."""
    network = fourteen()
    steps, peer_steps = (4, 4) if smoke else (60, 20)
    fleet, i2 = HeatFleet(network, HOMES), squared_currents(steps)
    ambient, seconds = np.full(steps, AMBIENT_C), np.full(steps, STEP_S)
    start = fleet.initial(AMBIENT_C)
    seen: list[float] = []  # processor time, and ceiling just after: load on the machine moves both

    def own() -> Float:
        before = time.process_time()
        peaks, _ = fleet.peaks(start, i2, ambient, seconds, parallel=False)
        spent = time.process_time() - before
        per_ns = operations(fleet) * HOMES * steps / spent * 1e-9
        seen.append(per_ns / ceiling())
        return peaks

    def only() -> Float:
        return fleet.peaks(start, i2, ambient, seconds, parallel=False)[0]

    def peer() -> list[Float]:
        return [integrate(network, i2[:peer_steps, :, home]) for home in range(PEER_HOMES)]

    found = own()
    own()
    own()
    assert found.shape == (len(fleet.kinds), steps, HOMES)
    difference = max(
        float(np.abs(found[k, :peer_steps, home] - t[:, network.where(str(role))].max(axis=1)).max())
        for home, t in enumerate(peer())
        for k, role in enumerate(fleet.kinds)
    )
    assert difference < AGREEMENT_K, f"differs from LSODA by {difference:.3f} K"
    pair(
        only, peer, unit="adapter-step", units=HOMES * steps, peer_units=PEER_HOMES * peer_steps,
        peer_name="SciPy LSODA", nodes=14, difference_k=difference, operations=operations(fleet),
        share_of_ceiling=float(np.median(seen[1:])),
    )  # fmt: skip


@pytest.mark.parametrize("adapter", library.names("adapters"))
def bench_heat(pair: Callable[..., Any], smoke: bool, adapter: str) -> None:
    """An hour or more of minutes, two threads, temperatures of all nodes."""
    entry = cast("AdapterEntry", library.load("adapters", adapter))
    network = heat_network(entry)
    steps, peer_steps = (4, 4) if smoke else (120, 20)
    fleet = HeatFleet(network, HOMES)
    i2 = squared_currents(steps, entry.rating_a.value)
    ambient, seconds = np.full(steps, AMBIENT_C), np.full(steps, STEP_S)
    buffer = np.empty((steps, len(network), HOMES))

    def own() -> Float:
        return fleet.advance(fleet.initial(AMBIENT_C), i2, ambient, seconds, out=buffer)

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
