"""Where homes are, in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosim.feeder.feeder import Feeder

Float = NDArray[np.float64]

FEW_LINES = 3


def metres_per_unit(feeder: Feeder) -> float:
    """Length of a unit of the feeder's coordinates [m], by its lines: the median of length over distance.

    Coordinates come in metres, feet or degrees, and files do not say. NaN if fewer than three lines have both.
    """
    line, bus = feeder.table("line"), feeder.table("bus")
    place = bus[["x", "y"]].to_numpy(np.float64)
    ends = place[line["from_bus"].to_numpy(int)] - place[line["to_bus"].to_numpy(int)]
    distance = np.hypot(ends[:, 0], ends[:, 1])
    length_m = 1000.0 * line["length_km"].to_numpy(np.float64)
    known = (distance > 0.0) & (length_m > 0.0)
    return float(np.median(length_m[known] / distance[known])) if known.sum() >= FEW_LINES else float("nan")


def home_places(feeder: Feeder) -> tuple[Float, Float] | None:
    """East and north of every home from the middle of all [m], each (h,); None if the file has no coordinates.

    A home without coordinates of its own is in the middle.
    """
    unit = metres_per_unit(feeder)
    place = feeder.home[["x", "y"]].to_numpy(np.float64)
    known = np.isfinite(place).all(axis=1)
    if not np.isfinite(unit) or not known.any():
        return None
    place = np.where(known[:, None], place - place[known].mean(axis=0), 0.0) * unit
    return np.ascontiguousarray(place[:, 0]), np.ascontiguousarray(place[:, 1])
