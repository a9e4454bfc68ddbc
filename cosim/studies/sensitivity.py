"""Which estimates a heat verdict hangs on: Morris screening of every number with a range, Sobol of the foremost.

The methods are SALib's (J. Herman and W. Usher, Journal of Open Source Software 2 (9), 97, 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.adapter_entry import AdapterEntry
from cosim.errors import LibraryError, MissingExtraError, Problem
from cosim.studies.type_test.bodies import Bench, Settings, loadings
from cosim.studies.type_test.draws import Unknown, Variants, drawn, unknowns
from cosim.studies.type_test.network_draws import NetworkDraws
from cosim.studies.type_test.provenance import readable
from cosim.thermal.limits import LIMIT_K
from cosim.thermal.network import Float

Model = Callable[[Float], Float]

PATHS = 20  # of Morris
LEVELS = 4
FOREMOST = 10  # numbers that Sobol's method looks at
POINTS = 256  # base sample of Sobol; a power of two
LEAST_K = -200.0  # margin below which a body is only hot
LEAST_MOVE_K = 1e-6


@dataclass(frozen=True)
class Influence:
    """What one number does to the margin.

    Parameters
    ----------
    keys
        Where it stands; several if alike.
    label
        The first as a reader would say it.
    unit, value, low, high
        As stated, with the range.
    low_k, high_k
        Margin with the number at either end of its range and all others as stated.
    elementary_k
        Mean size of the margin's move when the number alone moves through its range, all others anywhere in
        theirs (Morris, mu*).
    first, total
        Share of the margin's variance by this number alone, and with all it works together with (Sobol); NaN
        where Morris left it aside.
    total_error
        Half width of the 95 % interval of `total` from the sampling.
    """

    keys: tuple[str, ...]
    label: str
    unit: str
    value: float
    low: float
    high: float
    low_k: float
    high_k: float
    elementary_k: float
    first: float
    total: float
    total_error: float

    @property
    def move_k(self) -> float:
        """Size of the margin's move through the range, all others as stated."""
        return max(self.low_k, self.high_k) - min(self.low_k, self.high_k)


@dataclass(frozen=True)
class Sensitivity:
    """Numbers ranked by what the smallest margin of the heat-rise test hangs on.

    Parameters
    ----------
    adapter, title, current_a, ambient_c, seed
        What was asked.
    margin_k
        Smallest limit minus rise at the stated values, at rest.
    spread_k
        Standard deviation of the margin over all ranges.
    influences
        The strongest first: by total index, then by Morris.
    evaluations
        States of rest computed.
    floored
        Share of them with a margin below -200 K or no rest at all; they count as -200 K.
    """

    adapter: str
    title: str
    current_a: float
    ambient_c: float
    seed: int
    margin_k: float
    spread_k: float
    influences: tuple[Influence, ...]
    evaluations: int
    floored: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        rows = [{**vars(row), "keys": list(row.keys), "move_k": row.move_k} for row in self.influences]
        return {**vars(self), "influences": rows}


def sensitivity(
    entry: AdapterEntry, *, current_a: float | None = None, ambient_c: float = 25.0, seed: int = 1
) -> Sensitivity:
    """Rank every number with a range by the margin of the heat-rise test's initial run.

    Parameters
    ----------
    entry
        Product.
    current_a
        Of the service; the rating if not given.
    ambient_c
        Still air.
    seed
        Of the samples; same seed, same numbers.

    Raises
    ------
    MissingExtraError
        SALib is not installed.
    LibraryError
        The body has no part with a limit, or no number with a range, or the current is none.
    """
    _salib()
    amps = entry.rating_a.value if current_a is None else current_a
    if not 0.0 < amps <= 10.0 * entry.rating_a.value:
        limit = 10.0 * entry.rating_a.value
        raise LibraryError(
            Problem(f"must lie above 0 and up to {limit:g} A", key="--current", value=f"{amps:g}")
        )
    margins = Margins(entry, amps, ambient_c)
    if not margins.found:
        raise LibraryError(Problem("no number of the body has a range", file=entry.name))
    found, seen = margins.found, margins
    count = len(found)
    stated = np.array([seen.stated(k) for k in range(count)])
    ends = np.tile(stated, (2 * count, 1))
    ends[np.arange(count), np.arange(count)], ends[count + np.arange(count), np.arange(count)] = 0.0, 1.0
    alone = margins(np.vstack([stated[None], ends]))
    margin, low, high = float(alone[0]), alone[1 : count + 1], alone[count + 1 :]
    elementary = screened(margins, count, seed)
    moved = np.flatnonzero(elementary > LEAST_MOVE_K)
    top = [int(k) for k in moved[np.argsort(-elementary[moved], kind="stable")][:FOREMOST]]
    first, total, error = (np.full(count, np.nan) for _ in range(3))
    if top:
        first[top], total[top], error[top] = indices(
            lambda u: margins(_filled(stated, top, u)), len(top), seed
        )
    order = sorted(range(count), key=lambda k: (-np.nan_to_num(total[k], nan=-1.0), -elementary[k]))
    rows = [
        Influence(
            found[k].keys, readable(found[k].keys[0], margins.bench.heat), found[k].quantity.unit,
            found[k].quantity.value, *margins.range(k), float(low[k]), float(high[k]), float(elementary[k]),
            float(first[k]), float(total[k]), float(error[k]),
        )
        for k in order
        if elementary[k] > LEAST_MOVE_K
    ]  # fmt: skip
    return Sensitivity(
        entry.name, entry.title, amps, ambient_c, seed, margin, margins.spread(seed), tuple(rows), margins.evaluations,
        margins.floored / max(margins.evaluations, 1),
    )  # fmt: skip


class Margins:
    """Smallest margin of a body at rest for places of its open numbers in their distributions, many at once."""

    def __init__(self, entry: AdapterEntry, current_a: float, ambient_c: float) -> None:
        self.bench = Bench.of(entry, Settings())
        own = {
            name: m
            for name, m in self.bench.models.items()
            if name == "heat" or name.startswith("materials.")
        }
        self.found = unknowns(own, 0, 0)
        self.ways = loadings(entry, current_a)
        self.ambient_c = ambient_c
        self.evaluations = self.floored = 0
        network = self.bench.network()
        judged = [network.where(role) for role in LIMIT_K]
        self.rows = np.concatenate(judged)
        if not len(self.rows):
            raise LibraryError(Problem("no part has a limit; nothing is judged", file=entry.name))
        self.limits = np.repeat(np.array(list(LIMIT_K.values())), [len(nodes) for nodes in judged])

    def __call__(self, places: Float) -> Float:
        """(draws,) margins for places (draws, numbers) between 0 and 1: quantiles of the bench's triangular draws."""
        draws = [
            Unknown(number.keys, number.quantity, drawn(number.quantity, places[:, k]))
            for k, number in enumerate(self.found)
        ]
        variants = Variants(self.bench.models, draws)
        body = Bench(variants.models)
        nets = NetworkDraws.of([body.network() for _ in variants.draws(len(places))])
        rises = (
            np.stack([nets.at_rest(way.i2_a2, self.ambient_c)[:, self.rows] for way in self.ways])
            - self.ambient_c
        )
        margin = (self.limits - rises).min(axis=(0, 2))
        self.evaluations += len(places) * len(self.ways)
        self.floored += len(self.ways) * int((margin < LEAST_K).sum())
        return np.asarray(np.maximum(margin, LEAST_K))

    def range(self, k: int) -> tuple[float, float]:
        """Ends of a number's range."""
        low, high = self.found[k].quantity.range or (np.nan, np.nan)
        return low, high

    def stated(self, k: int) -> float:
        """Place of a number's stated value: its quantile in the triangle of which it is the mode."""
        low, high = self.range(k)
        value = self.found[k].quantity.value
        if low > 0.0:
            return float(np.log(value / low) / np.log(high / low))
        return (value - low) / (high - low)

    def spread(self, seed: int, draws: int = 512) -> float:
        """Standard deviation of the margin over all ranges."""
        return float(self(np.random.default_rng(seed).random((draws, len(self.found)))).std())


def screened(model: Model, count: int, seed: int) -> Float:
    """(count,) mean size of a model's move through the range of each number of the unit cube (Morris, mu*)."""
    _salib()
    from SALib.analyze import morris as analysis
    from SALib.sample import morris as sampling

    problem = _problem(count)
    places = sampling.sample(problem, PATHS, num_levels=LEVELS, seed=seed)
    found = analysis.analyze(problem, places, model(places), num_levels=LEVELS, seed=seed + 1)
    return np.asarray(found["mu_star"], float)


def indices(model: Model, count: int, seed: int, points: int = POINTS) -> tuple[Float, Float, Float]:
    """First-order and total indices of a model on the unit cube, and half the total's 95 % interval (Sobol)."""
    _salib()
    from SALib.analyze import sobol as analysis
    from SALib.sample import sobol as sampling

    problem = _problem(count)
    places = sampling.sample(problem, points, calc_second_order=False, seed=seed)
    values = model(places)
    if np.ptp(values) == 0.0:
        return np.zeros(count), np.zeros(count), np.zeros(count)
    found = analysis.analyze(problem, values, calc_second_order=False, seed=seed + 1)
    return tuple(np.asarray(found[name], float) for name in ("S1", "ST", "ST_conf"))  # type: ignore[return-value]


def _problem(count: int) -> dict[str, Any]:
    return {"num_vars": count, "names": [f"x{k}" for k in range(count)], "bounds": [[0.0, 1.0]] * count}


def _filled(stated: Float, top: Sequence[int], places: Float) -> Float:
    """Places of all numbers: the foremost as sampled, the others as stated."""
    out = np.tile(stated, (len(places), 1))
    out[:, list(top)] = places
    return out


def _salib() -> None:
    """Raise `MissingExtraError` unless SALib is there."""
    try:
        import SALib  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            Problem(
                "sensitivity indices need the extra: pip install 'msa-cosim[sensitivity]'", key="sensitivity"
            )
        ) from None
