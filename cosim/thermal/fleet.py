"""All homes with one kind of adapter, advanced together."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from cosim.thermal.contact_kernels import CONSTANTS
from cosim.thermal.kernels import LANES, PLANES, QUANTUM, advance_parallel, advance_serial
from cosim.thermal.network import KELVIN, REFERENCE_C, Float, HeatNetwork, Int

REFERENCE_DROP_K = 10.0  # convection and radiation are linearised here; only the remainder costs accuracy
REFERENCE_WALL_C = 40.0
REFERENCE_WIND_M_S = 3.0  # outdoors; a film above its reference would cost stability, one below it does not
TAYLOR = 0.5  # below this |z| phi is summed as a series, above it as a quotient
PARTS, SMALL = 8, 64  # threads share at least so many groups of homes, none smaller than this
NEGLIGIBLE = 1e-14  # of the largest coefficient: what change of basis leaves of a zero


def phi(order: int, z: Float) -> Float:
    """``sum of z^k / (k + order)!``; ``e^z`` for order 0, ``(e^z - 1) / z`` for order 1, and so on."""
    series = sum(z**k / math.factorial(k + order) for k in range(14))
    safe = np.where(np.abs(z) < TAYLOR, 1.0, z)
    found = np.expm1(safe)
    for k in range(1, order + 1):
        found = found / safe if k == order else found / safe - 1.0 / math.factorial(k)
    return np.asarray(np.where(np.abs(z) < TAYLOR, series, found if order else np.exp(z)))


@dataclass(frozen=True)
class Outdoors:
    """What air and sky do to adapters on house walls.

    Parameters
    ----------
    wind_m_s
        (steps,) speed along the wall.
    sun_w_per_m2
        (steps, walls, 3) irradiance from before the wall, from above, and from both sides added up.
    wall
        (homes,) wall of each home.
    """

    wind_m_s: Float
    sun_w_per_m2: Float
    wall: Int

    @staticmethod
    def none(steps: int, homes: int) -> Outdoors:
        """Still air and no sun."""
        return Outdoors(np.zeros(steps), np.zeros((steps, 0, PLANES)), np.zeros(homes, np.int64))


@dataclass(frozen=True)
class OwnOhm:
    """Resistances of each home beside those of the network, which do not rise with temperature, and contacts that glow.

    Parameters
    ----------
    node, path
        (r,) as in `HeatNetwork`; what stands on a leg is heated by that leg's current.
    ohm
        (r, homes) added to the network's; below zero where a home has less.
    glow
        (r, homes) share of a glow's heat that enters the row's node, 0 where none glows.
    law
        Of the glow: `cosim.thermal.contact.constants` of the contacts.
    """

    node: Int
    path: Int
    ohm: Float
    glow: Float
    law: Float

    @staticmethod
    def of(node: Int, path: Int, ohm: Float, glow: Float | None = None, law: Float | None = None) -> OwnOhm:
        """Without a glow if none is given."""
        glow = np.zeros_like(ohm) if glow is None else glow
        return OwnOhm(node, path, ohm, glow, np.zeros(CONSTANTS) if law is None else law)

    def of_legs(self, pairs: int) -> tuple[Int, Int, Float, NDArray[np.bool_], Float, Float]:
        """As `own_heat` takes them: rows of both legs together, each with its part and path of leg 1, or shared."""
        leg = self.path % 2
        if np.any((self.node < 2 * pairs) & (self.node // max(pairs, 1) != leg)):
            raise ValueError("what stands on a leg is heated by that leg's current")
        part = np.where(self.node < 2 * pairs, self.node - leg * pairs, self.node)
        rows, which = np.unique(np.stack([part, self.path - leg], axis=1), axis=0, return_inverse=True)
        ohm, glow = np.zeros((2, len(rows), 2, self.ohm.shape[1]))
        for total, values in ((ohm, self.ohm), (glow, self.glow)):
            np.add.at(total, (which.reshape(-1), leg), values)
        lit = np.asarray((glow > 0.0).any(axis=(1, 2)))
        return np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1]), ohm, lit, glow, self.law


class HeatFleet:
    """Heat networks of all homes with one kind of adapter.

    Parameters
    ----------
    network
        Same for every home; its legs mirror each other.
    homes
        Number of homes.
    kinds
        A key for each node; `peaks` tells the hottest node of each. The roles if not given. NaN is a key.
    outdoors
        Whether sun and wind may come: the films are then linearised at a wind.
    own
        Resistances that homes have of their own; none if not given.

    Notes
    -----
    `reference_conductance` is the linear part K [W/K], films at their reference; its row sums go to the air.
    Temperatures are absolute [degC]; rises are over the local ambient air. The result of a step depends on
    the state before it, its currents, its weather and its length alone.
    """

    def __init__(
        self,
        network: HeatNetwork,
        homes: int,
        *,
        kinds: Sequence[Hashable] | None = None,
        outdoors: bool = False,
        own: OwnOhm | None = None,
    ) -> None:
        self.network = network
        self.homes = homes
        self.outdoors = outdoors
        none = OwnOhm.of(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, homes)))
        if own is not None and own.ohm.shape != (len(own.node), homes):
            raise ValueError(f"resistances of {own.ohm.shape} do not fit {len(own.node)} rows, {homes} homes")
        self._own = (own or none).of_legs(network.pairs)
        keys = [repr(kind) for kind in (network.roles if kinds is None else kinds)]
        told = dict(zip(keys, network.roles if kinds is None else kinds, strict=True))
        self.kinds = tuple(told.values())
        places = list(told)
        self._kind = np.array([places.index(key) for key in keys], np.int64)
        self._tables: dict[float, Float] = {}
        self._eigen: tuple[Float, Float] | None = None
        self._prepare()

    @property
    def linear_terms(self) -> int:
        """Products of one adapter and step in the linear rows, padding counted."""
        return self._linear_terms

    @property
    def propagator_terms(self) -> int:
        """Products of one adapter and step in both propagators, padding counted."""
        odd_rows, odd_width, even_rows, even_width = self._sizes
        return 2 * (odd_rows * odd_width + even_rows * even_width)

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
        weather: Outdoors | None = None,
        out: Float | None = None,
        parallel: bool = True,
    ) -> Float:
        """Temperatures of all nodes at the end of each step.

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
        weather
            Sun and wind; none if not given.
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
        shape = (len(seconds), len(self.network), self.homes)
        if out is None:
            out = np.empty(shape)
        elif out.shape != shape or not out.flags.c_contiguous or np.may_share_memory(out, state):
            raise ValueError(f"out must be contiguous, apart from state, of shape {shape}")
        self._run(state, i2_a2, ambient_c, seconds, weather, out, np.empty((0, 0, 0)), parallel)
        return out

    def peaks(
        self,
        state: Float,
        i2_a2: Float,
        ambient_c: Float,
        seconds: Float,
        *,
        weather: Outdoors | None = None,
        parallel: bool = True,
    ) -> tuple[Float, Float]:
        """As `advance`, keeping what limits are compared with and nothing else.

        Returns
        -------
        (kinds, steps, homes) temperature of the hottest node of each of `kinds` at the end of each step, and
        the (nodes, homes) state after the last. Memory beside them does not grow with steps.
        """
        found = np.empty((len(self.kinds), len(seconds), self.homes))
        end = self._run(
            state, i2_a2, ambient_c, seconds, weather, np.empty((0, *state.shape)), found, parallel
        )
        return found, end

    def _run(
        self, state: Float, i2_a2: Float, ambient_c: Float, seconds: Float, weather: Outdoors | None,
        out: Float, peak: Float, parallel: bool,
    ) -> Float:  # fmt: skip
        steps, nodes = len(seconds), len(self.network)
        shapes = state.shape, i2_a2.shape, ambient_c.shape
        if shapes != ((nodes, self.homes), (steps, 6, self.homes), (steps,)):
            raise ValueError(f"shapes {shapes} do not fit {nodes} nodes, {self.homes} homes, {steps} steps")
        lengths, which = np.unique(np.asarray(seconds, float), return_inverse=True)
        if steps and not (lengths[0] > 0.0 and math.isfinite(lengths[-1])):
            raise ValueError("every step needs a positive, finite length in seconds")
        end = np.array(state, float, order="C")
        if not (steps and self.homes):
            return end
        sky = Outdoors.none(steps, self.homes) if weather is None else weather
        if weather is not None and not self.outdoors:
            raise ValueError("a fleet that meets sun and wind is made with outdoors=True")
        maps = (np.stack([self._table(float(h)) for h in lengths]), *self._sizes)
        groups = max(-(-self.homes // LANES), min(PARTS, -(-self.homes // SMALL)) if parallel else 1)
        lanes = -(-self.homes // (groups * QUANTUM)) * QUANTUM
        groups = -(-self.homes // lanes) if parallel else 1
        x = np.zeros((groups, 3 * nodes + 12 + PLANES + len(self.kinds), lanes))
        v = np.zeros((groups, 2, self._links, lanes))
        run: Callable[..., None] = advance_parallel if parallel else advance_serial
        i2, air, wind, sun = (
            np.ascontiguousarray(a, float) for a in (i2_a2, ambient_c, sky.wind_m_s, sky.sun_w_per_m2)
        )
        wall = np.ascontiguousarray(sky.wall, np.int64)
        watch = self._kind, self._fresh
        run(
            self._net,
            self._own,
            maps,
            which.astype(np.int64),
            end,
            i2,
            air,
            wind,
            sun,
            wall,
            out,
            watch,
            peak,
            x,
            v,
        )
        return end

    def _prepare(self) -> None:
        """Network as the kernels want it: linear rows in modes, heating slopes, films of shared nodes and legs."""
        net, n, p = self.network, len(self.network), self.network.pairs
        a, b, *films = self._films()
        k = self._conductance(a, b, films[3])
        self.reference_conductance = k[:n, :n]
        linear = np.zeros((n, n + 8 + PLANES))
        linear[:, : n + 1] = -k[:n]
        np.add.at(linear, (net.node, n + 1 + net.path), net.ohm - REFERENCE_C * net.slope)
        linear[:, n + 7] = net.loss_w
        if self.outdoors and net.sun_m2.size:
            linear[:, n + 8 :] = net.sun_m2.T
        self._check_mirror()
        basis = self._basis()
        node, heat = basis[:n, :n], basis
        rows = _solve_modes(node, p) @ linear @ heat
        weight, column, size = _rows(np.where(np.abs(rows) > NEGLIGIBLE * np.abs(rows).max(), rows, 0.0))
        one = [
            (int(i), n + 1 + int(path) // 2, slope)
            for i, path, slope in zip(net.node, net.path, net.slope, strict=True)
            if not p <= i < 2 * p
        ]
        heated = {row[0] for row in one}
        one += [(i, n + 1, 0.0) for i in (*range(p), *range(2 * p, n)) if i not in heated]
        one.sort(key=lambda row: row[0])
        even = np.array([row[1] for row in one], np.int64)
        slopes = (
            np.array([row[0] for row in one], np.int64),
            even,
            np.array([row[2] for row in one]),
            even + 3,
        )
        per_leg, second = (a < p) | (b < p), ((a >= p) & (a < 2 * p)) | ((b >= p) & (b < 2 * p))
        shared, legs = (tuple(f[rows] for f in (a, b, *films)) for rows in (~per_leg & ~second, per_leg))
        self._links = max(1, len(shared[0]))
        zero = n + 8 + PLANES
        nothing, before = np.full(n, zero, np.int64), zero + 1 + np.arange(n)
        self._linear_terms = len(weight)
        self._net = (p, weight, column, size, nothing, before, *slopes, *shared, *legs)
        self._fresh = np.zeros(n, np.bool_)
        for key in range(len(self.kinds)):
            first = [i for i in (*range(p), *range(2 * p, n)) if self._kind[i] == key]
            self._fresh[first[:1]] = True
        m = n - p
        self._sizes = -(-p // 3) * 3, sum(_chunks(p)), -(-m // 3) * 3, sum(_chunks(m))

    def _films(self) -> tuple[Int, Int, Float, Float, Float, Float]:
        """Films, radiation with the first between the same ends: a, b, film, forced^4, emission, reference.

        `a` comes before `b`, which is n for the air; where one end stands on a leg it is `a`.
        """
        net, n = self.network, len(self.network)
        if net.convection.exponent not in (0.0, 0.25) or (
            net.convection.exponent == 0.0 and net.convection.a.size
        ):
            raise ValueError("natural convection grows with the fourth root of its drop here")
        forced = net.convection.forced if self.outdoors else np.zeros(0)
        ends = [
            tuple(sorted((int(a) % (n + 1), int(b) % (n + 1))))
            for links in net.links[1:]
            for a, b in zip(links.a, links.b, strict=True)
        ]
        count = len(net.convection.a)
        rows = [[w, 0.0, 0.0] for w in net.convection.w]
        for row, wind_w in zip(rows, forced, strict=False):
            row[1] = wind_w
        for pair, w in zip(ends[count:], net.radiation.w, strict=True):
            if pair not in ends[: len(rows)]:
                ends.insert(len(rows), pair)
                rows.append([0.0, 0.0, 0.0])
            rows[ends.index(pair)][2] += w
        film, wind, emission = np.array(rows).reshape(-1, 3).T.copy()
        still = film * 1.25 * REFERENCE_DROP_K**0.25
        blown = np.sqrt(REFERENCE_WIND_M_S) * wind
        wall = REFERENCE_WALL_C + KELVIN
        reference = (still**4 + blown**4) ** 0.25 + 4 * emission * wall**3
        a, b = np.array(ends[: len(rows)], np.int64).reshape(-1, 2).T.copy()
        return a, b, film, wind**4, emission, reference

    def _conductance(self, a: Int, b: Int, reference: Float) -> Float:
        """(n + 1, n + 1) conductances of the linear links and of the reference of the films."""
        net, n = self.network, len(self.network)
        k = np.zeros((n + 1, n + 1))
        for one, two, w in ((net.linear.a, net.linear.b % (n + 1), net.linear.w), (a, b, reference)):
            np.add.at(k, (one, one), w)
            np.add.at(k, (two, two), w)
            np.add.at(k, (one, two), -w)
            np.add.at(k, (two, one), -w)
        return k

    def _basis(self) -> Float:
        """What the kernel's rows are made of: temperatures and currents from half differences and half sums."""
        n, p = len(self.network), self.network.pairs
        basis = np.eye(n + 8 + PLANES)
        leg = np.arange(p)
        basis[leg, p + leg] = 1.0
        basis[p + leg, leg] = -1.0
        basis[n + 1 : n + 7, n + 1 : n + 7] = 0.0
        for path in range(3):
            one, even = n + 1 + 2 * path, n + 1 + path
            basis[one, even] = basis[one + 1, even] = basis[one, even + 3] = 1.0
            basis[one + 1, even + 3] = -1.0
        return basis

    def _check_mirror(self) -> None:
        """Conductances, capacities and slopes mirror each other; resistances, losses and sun need not."""
        net, p, n = self.network, self.network.pairs, len(self.network)
        swap = np.r_[p : 2 * p, 0:p, 2 * p : n]
        c, kind = net.capacity_j_per_k, self._kind
        gain = np.zeros((n, 6))
        np.add.at(gain, (net.node, net.path), net.slope)
        if not (
            np.allclose(
                self.reference_conductance, self.reference_conductance[np.ix_(swap, swap)], rtol=1e-12
            )
            and np.allclose(c, c[swap])
            and np.array_equal(kind, kind[swap])
            and np.allclose(gain[: 2 * p], gain[swap[: 2 * p]][:, [1, 0, 3, 2, 5, 4]])
        ):
            raise ValueError("the two legs of a heat network must mirror each other")
        if gain[2 * p :, 1::2].any():
            raise ValueError("a shared node in a current path carries leg 1")

    def propagator(self, order: int, seconds: float) -> Float:
        """``h phi(order)(hA) / C`` for one step length, (nodes, nodes)."""
        if self._eigen is None:
            root = 1.0 / np.sqrt(self.network.capacity_j_per_k)
            rate, shape = eigh(-(root[:, None] * self.reference_conductance * root))
            self._eigen = rate, root[:, None] * shape
        rate, left = self._eigen
        return np.asarray((left * (seconds * phi(order, seconds * rate))) @ left.T)

    def _table(self, seconds: float) -> Float:
        """Tiles of both propagators, in halves, in the order the kernel reads them."""
        if seconds not in self._tables:
            n, p = len(self.network), self.network.pairs
            basis, found = self._basis()[:n, :n], []
            for order in (1, 2):
                m = _solve_modes(basis, p) @ self.propagator(order, seconds) @ basis
                found += _tiles(m[:p, :p]) + _tiles(m[p:, p:])
            self._tables[seconds] = np.array(found)
        return self._tables[seconds]


def _solve_modes(basis: Float, pairs: int) -> Float:
    """Inverse of the basis of temperatures: half of its transpose on the legs."""
    inverse = basis.T.copy()
    inverse[: 2 * pairs] *= 0.5
    return inverse


def _padded(width: int) -> int:
    """Smallest number of terms, fours and at most one six at the end, that holds `width`."""
    return max(4, width + width % 2)


def _chunks(width: int) -> list[int]:
    """Fives, then fours, that hold `width` with as little padding as may be."""
    for held in range(max(width, 4), width + 5):
        fives = held % 4
        if 5 * fives <= held:
            return [5] * fives + [4] * ((held - 5 * fives) // 4)
    raise AssertionError("some sum of fours lies within four of any width")


def _tiles(m: Float) -> list[float]:
    """A matrix padded and cut as the kernel reads it."""
    chunks = _chunks(m.shape[1])
    grown = np.zeros((-(-m.shape[0] // 3) * 3, sum(chunks)))
    grown[: m.shape[0], : m.shape[1]] = m
    found: list[float] = []
    for i in range(0, len(grown), 3):
        start = 0
        for chunk in chunks:
            tile = grown[i : i + 3, start : start + chunk]
            found += [*tile[:, :4].ravel(), *tile[:, 4:].ravel()]
            start += chunk
    return found


def _rows(matrix: Float) -> tuple[Float, Int, Int]:
    """Nonzeros row after row: weights, columns, and the padded number of each row."""
    weight: list[float] = []
    column: list[int] = []
    size = []
    for row in matrix:
        found = np.flatnonzero(row)
        size.append(_padded(len(found)))
        spare = size[-1] - len(found)
        weight += [*row[found], *[0.0] * spare]
        column += [*found, *[len(matrix)] * spare]  # the ambient: always a number
    return np.array(weight), np.array(column, np.int64), np.array(size, np.int64)
