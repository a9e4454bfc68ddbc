"""Where a generated feeder stands: trunks along main streets, laterals along side streets, homes beside them.

Coordinates are metres east and north of the substation. Geometry only: phases,
conductors and sizes are chosen in `cosim.feeder.generate`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Float, Int
from cosim.randomness import stable_ids, uniforms

FOOT = 0.3048
DROP_MEDIAN_M = 80 * FOOT  # service drops: lognormal, clipped; an estimate, see docs/feeders.md
DROP_SIGMA = 0.45
DROP_MIN_M, DROP_MAX_M = 20 * FOOT, 250 * FOOT
SETBACK_MIN_M = 10.0
TRUNK_SWING, TRUNK_WAVE = 0.6, 9.0  # a main street's sideways swing and wave length, in street pitches
MAX_REACH_M = 60.0  # along the street from a transformer to its farthest lot


@dataclass(frozen=True)
class Site:
    """A transformer and the homes around it.

    Parameters
    ----------
    place
        (2,) of the transformer.
    homes
        (k,) home numbers.
    home_place
        (k, 2) of the meters.
    drop_m
        (k,) length of each service drop, never shorter than the straight line.
    """

    place: Float
    homes: Int
    home_place: Float
    drop_m: Float


@dataclass(frozen=True)
class Lots:
    """Lot width along a street and pitch from street to street [m]."""

    width_m: float
    pitch_m: float

    @classmethod
    def of_density(cls, homes_per_km2: float) -> Lots:
        """Streets five lot widths apart, lots on both sides."""
        width = math.sqrt(1e6 / homes_per_km2 / 2.5)
        return cls(width, 5.0 * width)

    @property
    def most_homes(self) -> int:
        """Homes one transformer can reach: 4 to 12."""
        return int(np.clip(2 * int(2.0 * MAX_REACH_M / self.width_m + 1.0), 4, 12))


def normals(seed: int, purpose: str, items: NDArray[np.uint64]) -> Float:
    """One standard normal number for every item (Box and Muller, 1958)."""
    u, w = (uniforms(seed, purpose, items, counter=counter) for counter in (0, 1))
    return np.asarray(np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(2.0 * np.pi * w))


def group_homes(homes: int, lots: Lots, seed: int) -> Int:
    """Homes at each transformer, summing to `homes`.

    Sizes lie between half of what a transformer can reach (at most 4) and all of it; the
    last groups are cut so that none is smaller unless there are fewer homes than that. A
    small feeder has smaller groups, so that it has a transformer for each phase.
    """
    most = min(lots.most_homes, max(7, math.ceil(homes / 3)))
    least = min(4, (most + 1) // 2)
    ids = stable_ids([f"transformer-{i + 1}" for i in range(homes)])
    u, w = (uniforms(seed, "feeder.group", ids, counter=counter) for counter in (0, 1))
    draws = least + np.floor((u + w) / 2.0 * (most - least + 1)).astype(np.int64)
    sizes: list[int] = []
    left = homes
    while left:
        size = int(draws[len(sizes)])
        if left <= most and left - size < least:
            size = left
        elif left - size < least:
            size = left - least
        sizes.append(size)
        left -= size
    return np.array(sizes, dtype=np.int64)


def group_transformers(transformers: int, most: float, seed: int) -> Int:
    """Transformers on each lateral: uneven streets, laterals in threes so that phases can balance.

    Streets grow with the feeder, so that it stays about as wide as long, up to `most` on average.
    """
    per_lateral = min(most, max(3.0, 0.6 * math.sqrt(transformers)))
    laterals = min(transformers, 3 * max(1, round(transformers / (3.0 * per_lateral))))
    u = uniforms(seed, "feeder.street", stable_ids([f"lateral-{i + 1}" for i in range(laterals)]))
    spare = transformers - laterals
    ends = np.round(np.cumsum(0.5 + u) / np.sum(0.5 + u) * spare).astype(np.int64)
    return 1 + np.diff(ends, prepend=0)


@dataclass(frozen=True)
class Scatter:
    """What chance decides about each home: sampled drop length [m], place along its lot (-0.5 to 0.5)."""

    drop_m: Float
    wobble: Float

    @classmethod
    def draw(cls, homes: int, seed: int) -> Scatter:
        """Draws for all homes."""
        ids = stable_ids([f"home-{number + 1}" for number in range(homes)])
        drop = DROP_MEDIAN_M * np.exp(DROP_SIGMA * normals(seed, "feeder.drop", ids))
        wobble = uniforms(seed, "feeder.lot", ids) - 0.5
        return cls(np.clip(drop, DROP_MIN_M, DROP_MAX_M), wobble)


def sites_of_lateral(
    start: Float, direction: float, bend_m: float, groups: Sequence[Int], lots: Lots, scatter: Scatter
) -> tuple[Site, ...]:
    """Transformers and homes along a street that leaves `start` northwards (1) or southwards (-1).

    The street's centre line swings sideways by `bend_m` towards its end.
    """
    widths = np.array([math.ceil(len(group) / 2) * lots.width_m for group in groups])
    first = 0.3 * lots.pitch_m
    total = first + widths.sum()
    middles = first + np.cumsum(widths) - widths / 2.0

    def centre(along: Float) -> Float:
        sideways = bend_m * (1.0 - np.cos(np.pi * along / total)) / 2.0
        return np.asarray(start + np.stack([sideways, direction * along], axis=-1))

    sites = []
    for group, middle in zip(groups, middles, strict=True):
        along, across, drop = _lots(group, lots, scatter)
        place = centre(np.array(middle))
        home_place = centre(middle + along) + np.stack([across, np.zeros(len(group))], axis=-1)
        sites.append(Site(place, group, home_place, np.maximum(drop, np.hypot(*(home_place - place).T))))
    return tuple(sites)


def _lots(group: Int, lots: Lots, scatter: Scatter) -> tuple[Float, Float, Float]:
    """Each home's place along and across the street from its transformer, and its drop length [m]."""
    number = np.arange(len(group))
    per_side = math.ceil(len(group) / 2)
    near = number < per_side
    count = np.where(near, per_side, len(group) - per_side)
    along = (number % per_side - (count - 1) / 2.0 + 0.3 * scatter.wobble[group]) * lots.width_m
    drop = np.empty(len(group))
    drop[np.argsort(np.abs(along), kind="stable")] = np.sort(
        scatter.drop_m[group]
    )  # farthest lot, longest drop
    deepest = float(np.clip(0.17 * lots.pitch_m, SETBACK_MIN_M, 25.0))
    setback = np.clip(np.sqrt(np.maximum(drop**2 - along**2, 0.0)), SETBACK_MIN_M, deepest)
    return along, np.where(near, setback, -setback), drop


def trunk_points(
    row: int, eastward: bool, junctions: int, row_pitch_m: float, distance_m: float, lots: Lots, seed: int
) -> Float:
    """Corner and junctions of a trunk: up or down from the substation, then along its winding main street."""
    level = row_pitch_m * ((row + 1) // 2) * (1 if row % 2 else -1) + 0.2 * distance_m
    sign = 1.0 if eastward else -1.0
    corner = np.array([sign * 10.0 * (1 + row), level])
    names = [f"junction-{row}-{'east' if eastward else 'west'}-{i}" for i in range(junctions)]
    u = uniforms(seed, "feeder.junction", stable_ids(names))
    steps = lots.pitch_m * (1.0 + 0.2 * u)
    steps[0] = max(lots.pitch_m, distance_m - abs(level))
    along = np.cumsum(steps)
    wave = 2.0 * np.pi * ((along - along[0]) / (TRUNK_WAVE * lots.pitch_m) + u[0])
    y = level + TRUNK_SWING * lots.pitch_m * np.sin(wave)
    return np.vstack([corner, np.stack([corner[0] + sign * along, y], axis=-1)])
