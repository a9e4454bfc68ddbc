"""Where a network comes to rest, how slowly, and what UL 414 allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from cosim.errors import ConvergenceError
from cosim.thermal.kernels import class_maxima
from cosim.thermal.network import Float, HeatNetwork

# Largest rises over ambient air [K], UL 414B clause SB12.2, as presented by TESCO Metering on 2026-03-18.
LIMIT_K: Mapping[str, float] = {
    "jaw": 65.0,
    "bus_bar": 65.0,
    "factory_terminal": 60.0,
    "field_terminal": 55.0,
}


@dataclass(frozen=True)
class Rises:
    """What the limits are compared with; arrays (steps, homes), NaN where an adapter has no such part.

    Parameters
    ----------
    jaw_rise_k, bus_bar_rise_k, factory_terminal_rise_k, field_terminal_rise_k
        Largest rise over ambient air of the nodes of a role.
    adapter_temperature_c
        Hottest node.
    heat_margin_k
        Smallest limit minus rise; negative means too hot.
    """

    jaw_rise_k: Float
    bus_bar_rise_k: Float
    factory_terminal_rise_k: Float
    field_terminal_rise_k: Float
    adapter_temperature_c: Float
    heat_margin_k: Float


def rises(network: HeatNetwork, temperature_c: Float, ambient_c: Float) -> Rises:
    """Rises and margins of temperatures (steps, nodes, homes) in air of ambient (steps,) [degC]."""
    groups = [*(network.where(role) for role in LIMIT_K), np.arange(len(network))]
    start = np.concatenate([[0], np.cumsum([len(group) for group in groups])])
    ambient = np.ascontiguousarray(ambient_c, dtype=float)
    found = np.empty((len(groups), temperature_c.shape[0], temperature_c.shape[2]))
    run: Callable[..., None] = class_maxima
    run(np.ascontiguousarray(temperature_c), ambient, np.concatenate(groups), start, found)
    limits = np.array(list(LIMIT_K.values()))[:, None, None]
    margin: Float = np.fmin.reduce(limits - found[:4], axis=0)
    jaw, bar, factory, field_terminal, hottest = found
    return Rises(jaw, bar, factory, field_terminal, hottest + ambient[:, None], margin)


def steady_state(network: HeatNetwork, i2_a2: Float, ambient_c: float, *, tolerance_k: float = 1e-9) -> Float:
    """(nodes,) temperatures at rest under constant squared currents (6,) [A2].

    Newton's method on the heat balance. Raises `ConvergenceError` if there is no state of rest: heat that
    grows faster with temperature than it can leave.
    """
    size, change = len(network), np.inf
    temperature = np.full(size, float(ambient_c))
    gain = network.slope * np.asarray(i2_a2, float)[network.path]
    for _ in range(100):
        slope, _ambient = network.conductance(temperature, ambient_c)
        np.subtract.at(slope, (network.node, network.node), gain)
        excess = network.heating_w(temperature, i2_a2) - network.outflow_w(temperature, ambient_c)
        step = np.linalg.solve(slope, excess)
        change = float(np.abs(step).max())
        temperature = temperature + step
        if change <= tolerance_k:
            if np.linalg.eigvalsh(_symmetric(slope, network.capacity_j_per_k)).min() <= 0.0:
                break  # a balance, but one that any disturbance leaves
            return np.asarray(temperature)
    raise ConvergenceError("steady state of a heat network", change)


def time_constant_s(network: HeatNetwork, temperature_c: Float, ambient_c: float) -> float:
    """Slowest time constant of the network about a state, without the help or harm of its currents."""
    slope, _ = network.conductance(temperature_c, ambient_c)
    return float(1.0 / np.linalg.eigvalsh(_symmetric(slope, network.capacity_j_per_k)).min())


def _symmetric(slope: Float, capacity: Float) -> Float:
    """``C^-1/2 K C^-1/2``, made exactly symmetric (unequal walls that radiate make K slightly not so)."""
    root = 1.0 / np.sqrt(capacity)
    scaled = root[:, None] * slope * root
    return np.asarray(0.5 * (scaled + scaled.T))
