"""All homes with one kind of adapter, advanced together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

from cosim.thermal.kernels import LANES, advance_parallel, advance_serial
from cosim.thermal.network import KELVIN, REFERENCE_C, Float, HeatNetwork, Int

REFERENCE_DROP_K = 10.0  # convection and radiation are linearised here; only the remainder costs accuracy
REFERENCE_WALL_C = 40.0
TAYLOR = 1e-2  # below this |z| phi2 is summed as a series, above it as a quotient


def phi1(z: Float) -> Float:
    """``(e^z - 1) / z``, 1 at 0."""
    safe = np.where(z == 0.0, 1.0, z)
    return np.asarray(np.where(z == 0.0, 1.0, np.expm1(safe) / safe))


def phi2(z: Float) -> Float:
    """``(e^z - 1 - z) / z^2``, 1/2 at 0."""
    series = sum(z**k / math.factorial(k + 2) for k in range(8))
    safe = np.where(np.abs(z) < TAYLOR, 1.0, z)
    return np.asarray(np.where(np.abs(z) < TAYLOR, series, (np.expm1(safe) - safe) / safe**2))


class HeatFleet:
    """Heat networks of all homes with one kind of adapter.

    Parameters
    ----------
    network
        Same for every home; its legs mirror each other.
    homes
        Number of homes.

    Notes
    -----
    Temperatures are absolute [degC]; rises are over the local ambient air. The result of a step depends on
    the state before it, its currents, its ambient and its length alone.
    """

    def __init__(self, network: HeatNetwork, homes: int) -> None:
        self.network = network
        self.homes = homes
        self._modes: dict[float, tuple[Float, Float, Float, Float]] = {}
        self._prepare()

    def initial(self, ambient_c: float) -> Float:
        """(nodes, homes) everything at ambient temperature."""
        return np.full((len(self.network), self.homes), float(ambient_c))

    def advance(
        self,
        state: Float,
        i2_a2: Float,
        ambient_c: Float,
        seconds: Float,
        *,
        out: Float | None = None,
        parallel: bool = True,
    ) -> Float:
        """Temperatures at the end of each step.

        Parameters
        ----------
        state
            (nodes, homes) temperatures at the start [degC].
        i2_a2
            (steps, 6, homes) mean squared currents [A2]: grid L1, L2, load L1, L2, branch L1, L2.
        ambient_c
            (steps,) air temperature.
        seconds
            (steps,) length of each step; any positive length.
        out
            (steps, nodes, homes) C-contiguous array to fill; a fresh one if left out, which costs more than
            the arithmetic when the block is long. `state` must not lie in it.
        parallel
            False inside a worker that is itself one of many.

        Returns
        -------
        (steps, nodes, homes) [degC]; the last step is the next block's `state`.

        Raises
        ------
        ValueError
            If shapes disagree or a step has no length.
        """
        steps, nodes = len(seconds), len(self.network)
        shapes = state.shape, i2_a2.shape, ambient_c.shape
        if shapes != ((nodes, self.homes), (steps, 6, self.homes), (steps,)):
            raise ValueError(f"shapes {shapes} do not fit {nodes} nodes, {self.homes} homes, {steps} steps")
        lengths, which = np.unique(np.asarray(seconds, float), return_inverse=True)
        if steps and not (lengths[0] > 0.0 and math.isfinite(lengths[-1])):
            raise ValueError("every step needs a positive, finite length in seconds")
        if out is None:
            out = np.empty((steps, nodes, self.homes))
        elif (
            out.shape != (steps, nodes, self.homes)
            or not out.flags.c_contiguous
            or np.may_share_memory(out, state)
        ):
            raise ValueError(
                f"out must be contiguous, apart from state, of shape {(steps, nodes, self.homes)}"
            )
        if out.size == 0:
            return out
        maps = tuple(np.stack(kind) for kind in zip(*(self._maps(float(h)) for h in lengths), strict=True))
        groups = -(-self.homes // LANES) if parallel else 1
        work = np.zeros((groups, 6, nodes + 8, LANES))
        run: Callable[..., None] = advance_parallel if parallel else advance_serial
        t, i2, air = (np.ascontiguousarray(a, float) for a in (state, i2_a2, ambient_c))
        run(self._net, maps, which.astype(np.int64), t, i2, air, out, work)
        return out

    def _prepare(self) -> None:
        """Network as the kernels want it: sparse linear rows, heating slopes, nonlinear links."""
        net, n = self.network, len(self.network)
        pair_rows: dict[tuple[int, int, float], list[float]] = {}
        for links, slot in ((net.convection, 0), (net.radiation, 1)):
            for a, b, w in zip(links.a, links.b, links.w, strict=True):
                weights = pair_rows.setdefault(
                    (int(a), int(b) % (n + 1), net.convection.exponent), [0.0, 0.0]
                )
                weights[slot] += w
        ends = np.array([key[:2] for key in pair_rows], np.int64).reshape(-1, 2)
        exponent = np.array([key[2] for key in pair_rows])
        film, emission = np.array(list(pair_rows.values())).reshape(-1, 2).T.copy()
        wall = REFERENCE_WALL_C + KELVIN
        reference = film * (1 + exponent) * REFERENCE_DROP_K**exponent + 4 * emission * wall**3

        k = np.zeros((n + 1, n + 1))
        for a, b, w in ((net.linear.a, net.linear.b % (n + 1), net.linear.w), (*ends.T, reference)):
            np.add.at(k, (a, a), w)
            np.add.at(k, (b, b), w)
            np.add.at(k, (a, b), -w)
            np.add.at(k, (b, a), -w)
        self._k = k[:n, :n]
        linear = np.zeros((n, n + 8))
        linear[:, : n + 1] = -k[:n]
        np.add.at(linear, (net.node, n + 1 + net.path), net.ohm - REFERENCE_C * net.slope)
        linear[:, n + 7] = net.loss_w
        self._check_mirror()
        a, b = (np.ascontiguousarray(end) for end in ends.T)
        heat = net.node, net.path, net.slope
        self._net = (net.pairs, *_rows(linear), *heat, a, b, film, exponent, emission, reference)

    def _check_mirror(self) -> None:
        p, n = self.network.pairs, len(self.network)
        swap = np.r_[p : 2 * p, 0:p, 2 * p : n]
        c = self.network.capacity_j_per_k
        if not (np.allclose(self._k, self._k[np.ix_(swap, swap)], rtol=1e-12) and np.allclose(c, c[swap])):
            raise ValueError("the two legs of a heat network must mirror each other")

    def _maps(self, seconds: float) -> tuple[Float, Float, Float, Float]:
        """Even and odd halves of ``h phi1(hA)/C`` and ``h phi2(hA)/C`` for one step length."""
        if seconds not in self._modes:
            root = 1.0 / np.sqrt(self.network.capacity_j_per_k)
            rate, shape = eigh(-(root[:, None] * self._k * root))
            left = root[:, None] * shape
            found = (left * (seconds * phi(seconds * rate)) @ left.T for phi in (phi1, phi2))
            (e1, o1), (e2, o2) = (_halves(m, self.network.pairs) for m in found)
            self._modes[seconds] = e1, o1, e2, o2
        return self._modes[seconds]


def _halves(m: Float, pairs: int) -> tuple[Float, Float]:
    """Matrix on the sum (and the shared nodes) and on the difference of the legs, each half of its image."""
    same, cross, shared = m[:pairs, :pairs], m[:pairs, pairs : 2 * pairs], m[2 * pairs :]
    even = np.block(
        [[0.5 * (same + cross), m[:pairs, 2 * pairs :]], [shared[:, :pairs], shared[:, 2 * pairs :]]]
    )
    return _padded(even), _padded(0.5 * (same - cross))


def _padded(m: Float) -> Float:
    grown = np.zeros([-(-size // 4) * 4 for size in m.shape])
    grown[: m.shape[0], : m.shape[1]] = m
    return grown


def _rows(matrix: Float) -> tuple[Float, Int]:
    """Nonzeros of each row, padded with zero weights to a multiple of eight: weights, columns."""
    nonzero = [np.flatnonzero(row) for row in matrix]
    width = -(-max(len(found) for found in nonzero) // 8) * 8
    weight, column = np.zeros((len(matrix), width)), np.zeros((len(matrix), width), np.int64)
    for k, found in enumerate(nonzero):
        weight[k, : len(found)], column[k, : len(found)] = matrix[k, found], found
    return weight, column
