"""Heat networks of one body under many draws of its numbers, brought to rest together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cosim.thermal.network import REFERENCE_C, Float, HeatNetwork, Int, Links

TOLERANCE_K = 1e-7
MOST_STEPS = 80
HOTTEST_C = 5000.0  # metal is gas above: what Newton's method finds there is no state of rest


@dataclass(frozen=True)
class NetworkDraws:
    """Networks alike in structure, arrays (draws, ..): the same nodes and links, other conductances and heat.

    Parameters
    ----------
    template
        The structure.
    weights
        Of linear, convection and radiation links, each (draws, links).
    loss_w
        (draws, nodes).
    ohm, slope
        (draws, rows of heating).
    """

    template: HeatNetwork
    weights: tuple[Float, Float, Float]
    loss_w: Float
    ohm: Float
    slope: Float

    @staticmethod
    def of(networks: Sequence[HeatNetwork]) -> NetworkDraws:
        """Stack networks of the same body."""
        weights = tuple(
            np.stack([net.links[law].w for net in networks]).reshape(len(networks), -1) for law in range(3)
        )
        return NetworkDraws(
            networks[0],
            (weights[0], weights[1], weights[2]),
            np.stack([net.loss_w for net in networks]),
            np.stack([net.ohm for net in networks]),
            np.stack([net.slope for net in networks]),
        )

    def __len__(self) -> int:
        return len(self.loss_w)

    @np.errstate(over="ignore", invalid="ignore")
    def at_rest(self, i2_a2: Float, ambient_c: float) -> Float:
        """Temperatures at rest (draws, nodes) [degC]; inf where there is none.

        `i2_a2` are squared currents (6,) [A2], or (draws, 6).

        Newton's method on all heat balances at once, as `cosim.thermal.limits.steady_state` for one. A
        balance that any disturbance leaves is no rest either.
        """
        net, n = self.template, len(self.template)
        laws = [_Law(replace(base, w=w), n) for base, w in zip(net.links, self.weights, strict=True)]
        rows = np.zeros((len(net.node), n))
        rows[np.arange(len(net.node)), net.node] = 1.0
        square = np.asarray(i2_a2, float)[..., net.path]
        gain = (self.slope * square) @ rows
        constant = self.loss_w + ((self.ohm - REFERENCE_C * self.slope) * square) @ rows
        t = np.full((len(self), n), float(ambient_c))
        moving = np.ones(len(self), dtype=bool)
        slope = np.zeros((len(self), n, n))
        diagonal = np.arange(n)
        for _ in range(MOST_STEPS):
            full = np.concatenate([t, np.full((len(t), 1), float(ambient_c))], axis=1)
            excess = constant + gain * t - sum(law.outflow_w(full) for law in laws)
            slope = np.asarray(sum(law.slope(full) for law in laws)).reshape(-1, n, n)
            slope[:, diagonal, diagonal] -= gain
            sane = (np.abs(t) < HOTTEST_C).all(axis=1)  # False where it is NaN, too
            slope[~sane], excess[~sane] = np.eye(n), 0.0
            step = np.linalg.solve(slope, excess[..., None])[..., 0]
            t = t + step
            moving = ~sane | ~(np.abs(step).max(axis=1) <= TOLERANCE_K)  # moving, too, where a step is NaN
            if not (moving & sane).any():
                break
        slope[moving] = np.eye(n)
        stable = np.linalg.eigvalsh(0.5 * (slope + slope.transpose(0, 2, 1)))[:, 0] > 0.0
        return np.asarray(np.where((stable & ~moving)[:, None], t, np.inf))


def at_rest(network: HeatNetwork, i2_a2: Float, ambient_c: float) -> Float:
    """(nodes,) temperatures at rest of one network, inf if it has no rest."""
    return np.asarray(NetworkDraws.of([network]).at_rest(i2_a2, ambient_c)[0])


class _Law:
    """Links of one law in every draw, as products with the matrices of their ends."""

    def __init__(self, links: Links, n: int) -> None:
        self.links = links
        a, b = _ends(links.a, n), _ends(links.b, n)
        self.ends = a - b
        self.by_a = (self.ends[:, :, None] * a[:, None, :]).reshape(len(a), n * n)
        self.by_b = (self.ends[:, :, None] * b[:, None, :]).reshape(len(a), n * n)
        constant = links.exponent == 0.0 and not links.radiates
        self.constant = links.w @ (self.by_a - self.by_b) if constant else None

    def outflow_w(self, full: Float) -> Float:
        """(draws, n) heat that leaves each node; `full` has the ambient as its last column."""
        return np.asarray(self.links.flow_w(full[:, self.links.a], full[:, self.links.b]) @ self.ends)

    def slope(self, full: Float) -> Float:
        """(draws, n * n) derivative of `outflow_w`."""
        if self.constant is not None:
            return self.constant
        one, two = self.links.slopes(full[:, self.links.a], full[:, self.links.b])
        return np.asarray(one @ self.by_a - two @ self.by_b)


def _ends(node: Int, n: int) -> Float:
    """(links, n) with a one at each link's node; the ambient has no column."""
    found = np.zeros((len(node), n))
    inner = node >= 0
    found[np.flatnonzero(inner), node[inner]] = 1.0
    return found
