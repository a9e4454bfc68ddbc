"""Numbers of a heat network fitted to a heat run, with what the run can tell of them and what it cannot.

Each number is fitted as its place in its range, 0 to 1: in the logarithm where the range lies above zero, so
that half and double are alike. docs/calibration.md has the formulas and where they come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import least_squares
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import Float, HeatNetwork

Model = Callable[[Float], Float]
State = Literal["measured", "at its bound", "not separable", "insensitive"]

LEVEL = 0.95
STEP = 1e-4  # of a range, for derivatives by differences
AT_BOUND = 2e-3  # of a range
HOTTEST_C = 2000.0  # a body that runs away ends in no number
LONGEST_S = 60.0  # a step of the integration
CORRELATED = 0.95
# Condition number of the Jacobian with columns of length one from which near dependence does harm: Belsley, Kuh
# and Welsch, Regression Diagnostics, Wiley 1980, chapter 3.
CONDITION = 30.0
NOTHING = 1e-10  # of the largest eigenvalue of the normal matrix: directions in which the run does not move
TINY = 1e-300
LEAST_NOISE_K = 0.05
VAST = 1e6  # variance of such a direction, in ranges squared
TELLING_K = 1.0  # root mean square by which a number must move the run, over its range, to be worth fitting
MOST_CHOSEN = 6


@dataclass(frozen=True)
class Free:
    """A number to be fitted, between bounds."""

    key: str
    value: float
    low: float
    high: float

    def of(self, place: Float) -> Float:
        """Values at places in the range, 0 to 1."""
        if self.low > 0.0:
            return np.asarray(self.low * (self.high / self.low) ** np.asarray(place))
        return np.asarray(self.low + (self.high - self.low) * np.asarray(place))

    def at(self, place: float) -> float:
        """Value at one place."""
        return float(self.of(np.array(place)))

    @property
    def spread(self) -> float:
        """Variance of its place if the stated value is the mode of a triangle over the range."""
        return (1.0 - self.place * (1.0 - self.place)) / 18.0

    @property
    def place(self) -> float:
        """Where the stated value stands in the range."""
        if self.low > 0.0:
            return math.log(self.value / self.low) / math.log(self.high / self.low)
        return (self.value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Estimate:
    """What a run says of one number.

    Parameters
    ----------
    free
        The number as stated.
    value
        Fitted; the stated one if the run does not move with it.
    error
        Standard error, in the logarithm where the range lies above zero (a share, if small).
    low, high
        95 % interval, with what the numbers not fitted may be within their ranges.
    noise_low, noise_high
        The part of it that noise alone leaves open: 95 % if all others are as stated.
    state
        ``measured``; ``at its bound``: the run asks for more than the range allows; ``not separable``: the run
        moves with it, and as well with others, so that its interval is as wide as its range; ``insensitive``:
        the run does not tell it, it stays as stated.
    """

    free: Free
    value: float
    error: float
    low: float
    high: float
    noise_low: float
    noise_high: float
    state: State


@dataclass(frozen=True)
class Fit:
    """A fit and its quality.

    Parameters
    ----------
    estimates
        In the order asked.
    correlation
        (p, p) of the numbers that were free to the end; NaN for the others.
    condition
        Condition number of their Jacobian, columns of length one.
    before_k, after_k, unexplained_k
        Root mean square difference at the stated and at the fitted values, and what is left of it if the numbers not
        fitted take their most likely values.
    residual_k
        (rows, columns) measured minus fitted.
    autocorrelation
        (columns,) of successive residuals.
    places, covariance
        Fitted places in the ranges and their (p, p) covariance, NaN where not free.
    warnings
        What stands in the way of taking the estimates as they are.
    """

    estimates: tuple[Estimate, ...]
    correlation: Float
    condition: float
    before_k: float
    after_k: float
    unexplained_k: float
    residual_k: Float
    autocorrelation: Float
    places: Float
    covariance: Float
    warnings: tuple[str, ...]

    def holds(self, values: Sequence[float]) -> bool:
        """Whether values of all free numbers lie in the 95 % region they have together (an ellipsoid)."""
        own = np.isfinite(np.diag(self.covariance))
        wanted = [
            Free(e.free.key, v, e.free.low, e.free.high).place
            for e, v in zip(self.estimates, values, strict=True)
        ]
        off = (np.array(wanted) - self.places)[own]
        distance = off @ np.linalg.solve(self.covariance[np.ix_(own, own)], off)
        p = int(own.sum())
        return bool(distance <= p * f_distribution.ppf(LEVEL, p, self.residual_k.size - p))


def trace(network: HeatNetwork, time_s: Float, i2_a2: Float, ambient_c: Float) -> Float:
    """(rows, nodes) temperatures [degC] at the times of a run that begins with everything at the first ambient.

    Parameters
    ----------
    time_s
        (rows,) rising.
    i2_a2
        (rows, 6) squared currents; a row's current flows until the next row.
    ambient_c
        (rows,); runs straight from row to row.
    """
    gaps = np.diff(time_s)
    pieces = np.ceil(gaps / LONGEST_S - 1e-9).astype(np.int64)
    row = np.repeat(np.arange(len(gaps)), pieces)
    last = np.cumsum(pieces)
    inside = (np.arange(len(row)) - np.repeat(last - pieces, pieces) + 0.5) / pieces[row]
    air = ambient_c[row] + inside * np.diff(ambient_c)[row]
    fleet = HeatFleet(network, 1)
    out = fleet.advance(
        fleet.initial(float(ambient_c[0])), i2_a2[row][:, :, None], air, (gaps / pieces)[row], parallel=False
    )
    found = np.concatenate([np.full((1, len(network)), ambient_c[0]), out[last - 1, :, 0]])
    return np.asarray(np.clip(np.nan_to_num(found, nan=HOTTEST_C), -HOTTEST_C, HOTTEST_C))


def jacobian(model: Model, free: Sequence[Free], place: Float, first: int | None = None) -> Float:
    """(rows * columns, p) derivative of a model by the places of its numbers (the first so many) in their ranges."""
    columns = []
    for k in range(len(free) if first is None else first):
        ends = np.clip(place[k] + np.array([-STEP, STEP]), 0.0, 1.0)
        made = [model(values(free, np.r_[place[:k], end, place[k + 1 :]])).ravel() for end in ends]
        columns.append((made[1] - made[0]) / (ends[1] - ends[0]))
    return np.array(columns).reshape(len(columns), -1).T


def values(free: Sequence[Free], place: Float) -> Float:
    """(p,) values at places in their ranges."""
    return np.array([number.at(at) for number, at in zip(free, place, strict=True)])


def telling(model: Model, free: Sequence[Free]) -> list[int]:
    """Numbers that a run tells best and apart from each other, the most telling first.

    The Jacobian at the stated values is taken apart by QR with column pivoting: each number counts by what it
    moves over its range that no number before it can move. Those below 1 K root mean square are left out.
    """
    slopes = jacobian(model, free, np.array([number.place for number in free]))
    _, triangle, order = qr(slopes, mode="economic", pivoting=True)
    moved = np.abs(np.diag(triangle)) / math.sqrt(len(slopes))
    return [int(k) for k, kelvin in zip(order, moved, strict=False) if kelvin >= TELLING_K][:MOST_CHOSEN]


def fit(model: Model, measured_k: Float, free: Sequence[Free], beside: Sequence[Free] = ()) -> Fit:
    """Fit numbers by least squares within their bounds.

    Parameters
    ----------
    model
        Temperatures (rows, columns) for values of `free` and then `beside`.
    measured_k
        (rows, columns), more of them than numbers.
    free
        What may move. A number that the run does not tell even when all others stand still is put back to its
        stated value, and the others are fitted again.
    beside
        What is not fitted and known within its range only: residuals that it can explain weigh little (`Weights`),
        and what it may move the estimates by widens their intervals.
    """
    every = [*free, *beside]
    stated = np.array([number.place for number in every])
    spread = np.array([number.spread for number in every])
    moving = np.arange(len(every)) < len(free)
    sigma = sensor_noise(measured_k)
    place, slopes, again = stated, jacobian(model, every, stated), False
    while True:
        weights = Weights.of(slopes[:, len(free) :], spread[len(free) :], sigma)
        place = _solved(model, measured_k, every, place, moving, weights)
        if beside and not again:  # their slopes hang on where the numbers are: once more from the place found
            again, slopes = True, jacobian(model, every, place)
            continue
        slopes[:, : len(free)] = jacobian(model, every, place, len(free))
        residual = measured_k - model(values(every, place))
        unexplained = weights.unexplained(residual.ravel()).reshape(residual.shape)
        noise, autocorrelation, freedom = _noise(unexplained, int(moving.sum()) + weights.freedom)
        reach = float(t_distribution.ppf(0.5 + 0.5 * LEVEL, freedom))
        alone = np.array(
            [_within(slopes[:, [k]], Weights.none(), noise, residual.shape)[0, 0] for k in range(len(free))]
        )
        lost = moving[: len(free)] & ~(reach * np.sqrt(alone) < 0.5)
        if not lost.any():
            break
        worst = int(np.argmax(np.where(lost, alone, -1.0)))
        moving[worst], place = False, place.copy()
        place[worst] = stated[worst]
    bound = moving & ((place <= AT_BOUND) | (place >= 1.0 - AT_BOUND))
    inner = moving & ~bound
    own = np.ix_(inner, inner)
    within = np.full((len(every), len(every)), np.nan)
    within[own] = _within(slopes[:, inner], weights, noise, residual.shape)
    total = within.copy()
    total[own] += _shifted(slopes, inner, spread, weights)
    error, wide = np.sqrt(np.diag(within)), np.sqrt(np.diag(total))
    with np.errstate(invalid="ignore"):
        correlation = (total / np.outer(wide, wide))[: len(free), : len(free)]
    states: list[State] = [
        "insensitive"
        if not m
        else "at its bound"
        if b
        else "measured"
        if reach * w < 0.5
        else "not separable"
        for m, b, w in zip(moving, bound, wide, strict=True)
    ]
    before = model(values(every, stated))
    estimates = tuple(
        _estimate(number, place[k], reach * error[k], reach * wide[k], wide[k], states[k])
        for k, number in enumerate(free)
    )
    condition = _condition(weights.whitened(slopes[:, inner]))
    return Fit(
        estimates, correlation, condition,
        _rms(measured_k - before), _rms(residual), _rms(unexplained), residual, autocorrelation,
        place[: len(free)], total[: len(free), : len(free)],
        tuple(_warnings(estimates, correlation, condition, autocorrelation, residual, measured_k - before)),
    )  # fmt: skip


def sensor_noise(measured_k: Float) -> float:
    """Standard deviation of readings by the scatter of their second differences; 0.05 K at least."""
    bends = np.abs(np.diff(measured_k, n=2, axis=0))
    return max(float(1.4826 * np.median(bends)) / math.sqrt(6.0), LEAST_NOISE_K)


@dataclass(frozen=True)
class Weights:
    """Residuals in proportion to what may be behind them: noise, and numbers known within their ranges only.

    With noise s and slopes J of numbers of variance V, residuals have the covariance ``s^2 I + J V J^T``. Its
    inverse root keeps what the other numbers cannot explain and makes little of what they can.

    Parameters
    ----------
    ways
        (n, q) left singular vectors of ``J V^(1/2)``.
    kept
        (q,) what is left of a residual along each of them: ``s / (s^2 + singular value^2)^(1/2)``.
    """

    ways: Float
    kept: Float

    @staticmethod
    def of(slopes: Float, spread: Float, sigma: float) -> Weights:
        """Weights for numbers with these slopes and variances beside noise."""
        if not slopes.shape[1]:
            return Weights.none()
        ways, size, _ = np.linalg.svd(slopes * np.sqrt(spread), full_matrices=False)
        return Weights(ways, sigma / np.hypot(sigma, size))

    @staticmethod
    def none() -> Weights:
        """Every residual counts alike."""
        return Weights(np.zeros((0, 0)), np.zeros(0))

    def whitened(self, values: Float) -> Float:
        """Residuals, or columns of slopes, (n,) or (n, p), weighted."""
        return self._left(values, self.kept)

    def unexplained(self, residual: Float) -> Float:
        """What is left of residuals when the other numbers have taken their most likely values."""
        return self._left(residual, self.kept**2)

    @property
    def freedom(self) -> float:
        """How many numbers the others amount to."""
        return float((1.0 - self.kept**2).sum())

    def _left(self, values: Float, kept: Float) -> Float:
        if not len(kept):
            return values
        along = self.ways.T @ values
        return np.asarray(values - self.ways @ ((1.0 - kept) * along.T).T)


def _gain(own: Float, weights: Weights) -> Float:
    """(p, n) how estimates follow residuals; zero along ways in which the weighted run does not move."""
    white = weights.whitened(own)
    told, ways = np.linalg.eigh(white.T @ white)
    inverse = (ways / np.where(told > NOTHING * max(told[-1], TINY), told, np.inf)) @ ways.T
    return np.asarray(inverse @ weights.whitened(white).T)


def _within(own: Float, weights: Weights, noise: Float, shape: tuple[int, ...]) -> Float:
    """Covariance of estimates by noise, columns with variances of their own; vast where nothing moves."""
    if not own.shape[1]:
        return np.zeros((0, 0))
    gain, white = _gain(own, weights), weights.whitened(own)
    told, ways = np.linalg.eigh(white.T @ white)
    lost = told <= NOTHING * max(told[-1], TINY)
    return np.asarray((gain * np.tile(noise, shape[0])) @ gain.T + VAST * (ways * lost) @ ways.T)


def _shifted(slopes: Float, inner: NDArray[np.bool_], spread: Float, weights: Weights) -> Float:
    """Covariance of estimates by what all other numbers may be: each moves the run, and the fit follows."""
    if not inner.any():
        return np.zeros((0, 0))
    moved = _gain(slopes[:, inner], weights) @ slopes[:, ~inner]
    return np.asarray((moved * spread[~inner]) @ moved.T)


def _solved(
    model: Model,
    measured_k: Float,
    every: Sequence[Free],
    begin: Float,
    moving: NDArray[np.bool_],
    weights: Weights,
) -> Float:
    """Places of weighted least squares; those not moving stay."""
    own = [int(k) for k in np.flatnonzero(moving)]
    if not own:
        return begin

    def full(place: Float) -> Float:
        out = begin.copy()
        out[own] = place
        return out

    def miss(place: Float) -> Float:
        return weights.whitened((model(values(every, full(place))) - measured_k).ravel())

    def slopes(place: Float) -> Float:
        base = values(every, full(place))

        def moved(own_values: Float) -> Float:
            out = base.copy()
            out[own] = own_values
            return model(out)

        return weights.whitened(jacobian(moved, [every[k] for k in own], np.asarray(place)))

    start = np.clip(begin[own], 0.01, 0.99)  # the method starts strictly between the bounds
    found = least_squares(miss, start, jac=slopes, bounds=(0.0, 1.0), xtol=1e-9, ftol=1e-9, max_nfev=100)
    return full(found.x)


def _noise(residual: Float, count: float) -> tuple[Float, Float, float]:
    """(columns,) variance of each column that counts for the errors, autocorrelation, and degrees of freedom.

    Residuals that follow each other tell less than their number: (1 - r) / (1 + r) times as much for slow signals.
    An r below what chance gives counts as none. In short runs r comes out low by (1 + 3 r) / rows for the mean and
    as much for each number fitted.
    """
    rows = len(residual)
    square = (residual**2).sum(axis=0)
    r = (residual[1:] * residual[:-1]).sum(axis=0) / np.where(square > 0.0, square, 1.0)
    low = (1.0 + count / residual.shape[1]) / rows
    sure = np.clip(np.where(r > 2.0 / math.sqrt(rows), r + low * (1.0 + 3.0 * r), 0.0), 0.0, 0.99)
    tells = (1.0 - sure) / (1.0 + sure)
    every = rows * float(tells.sum())
    freedom = max(every - count, 1.0)
    return square / rows / tells * every / freedom, np.asarray(r), freedom


def _condition(slopes: Float) -> float:
    if not slopes.shape[1]:
        return math.nan
    size = np.linalg.norm(slopes, axis=0)
    return float(np.linalg.cond(slopes / size)) if size.all() else math.inf


def _estimate(number: Free, place: float, noise: float, wide: float, error: float, state: State) -> Estimate:
    """Estimate at a place with half the widths of its two intervals."""
    if state in ("insensitive", "at its bound"):
        value = number.value if state == "insensitive" else number.low if place < 0.5 else number.high
        return Estimate(number, value, math.nan, number.low, number.high, number.low, number.high, state)
    noise, wide = min(noise, 1.0), min(wide, 1.0)  # beyond a whole range it only matters that it is so wide
    ends = [number.at(place + side) for side in (-wide, wide, -noise, noise)]
    if number.low == 0.0:
        ends = [max(end, 0.0) for end in ends]
    width = math.log(number.high / number.low) if number.low > 0.0 else number.high - number.low
    return Estimate(number, number.at(place), float(error) * width, ends[0], ends[1], ends[2], ends[3], state)


def _warnings(
    estimates: Sequence[Estimate],
    correlation: Float,
    condition: float,
    autocorrelation: Float,
    residual: Float,
    before: Float,
) -> list[str]:
    """What a reader must know before taking the estimates."""
    keys = [e.free.key for e in estimates]
    found = []
    for e in estimates:
        if e.state == "insensitive":
            found.append(f"{e.free.key}: the run does not tell it; it stays at {e.free.value:g}")
        elif e.state == "at its bound":
            found.append(
                f"{e.free.key}: at the bound {e.value:g} of its range; the range is wrong, or something else is that "
                "the fit may not move. The errors of the others take it as sure"
            )
        elif e.state == "not separable":
            found.append(
                f"{e.free.key}: its interval is as wide as its range, because other numbers, fitted or estimated, "
                "move the run alike; measure at other nodes or currents"
            )
    if condition > CONDITION:
        found.append(
            f"condition number {condition:.3g}, above {CONDITION:g}: some numbers move the run alike"
        )
    found += [
        f"{keys[b]} and {keys[a]} are told together, not apart: correlation {correlation[a, b]:+.3f}"
        for a in range(len(keys))
        for b in range(a)
        if abs(correlation[a, b]) > CORRELATED
    ]
    if _rms(residual) > _rms(before):
        found.append(
            f"with the others as stated the body is farther from the run than before ({_rms(residual):.2g} K, was "
            f"{_rms(before):.2g} K): others are off too; fit more numbers at once"
        )
    if (most := float(autocorrelation.max(initial=0.0))) > 2.0 / math.sqrt(len(residual)):
        found.append(
            f"residuals follow each other (autocorrelation up to {most:.2f}): the body differs from the model in more "
            "than the fitted numbers, or the sensors drift; errors are widened for it, bias they cannot show"
        )
    return found


def _rms(residual: Float) -> float:
    return float(np.sqrt(np.mean(residual**2)))
