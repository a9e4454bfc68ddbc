"""Draws the jaws of homes: every number is a function of seed, purpose, home, contact and insertion alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cosim.randomness import uniforms
from cosim.thermal.contact_ageing import ContactAgeing, Jaws
from cosim.thermal.network import Float

Given = Literal["any", "poor", "sound"]
LEAST = 2.0**-54  # keeps the normal deviate of a zero draw finite


def chance_of_poor(value: Mapping[str, float], insertions: int) -> float:
    """Chance that at least one of a home's insertions leaves a poor jaw."""
    return float(-math.expm1(insertions * math.log1p(-value["poor_per_insertion"])))


def insertions(ageing: ContactAgeing, changes: Sequence[int] = ()) -> tuple[int, ...]:
    """Steps at which blades go in: the adapter into the socket, the meter, and the meter again at each change."""
    first = (0,) if all(joint.at_meter for joint in ageing.joints) else (0, 0)
    return (*first, *sorted({step for step in changes if step > 0}))


def draw_jaws(
    ageing: ContactAgeing,
    value: Mapping[str, float],
    homes: NDArray[np.uint64],
    kinds: int,
    seed: int,
    *,
    insertion: Sequence[int] = (0,),
    given: Given = "any",
) -> Jaws:
    """Jaws of homes as installed, and what each insertion will do to them.

    Parameters
    ----------
    ageing
        Adapter and contacts.
    value
        Numbers of a `PopulationEntry` by key.
    homes
        (h,) stable ids.
    kinds
        Kinds of home in the exposure; each home gets one.
    insertion
        Steps at whose start a blade goes in, ascending, the first 0; see `insertions`.
    given
        Draw from all homes, or from those with or without a poor jaw; weigh the strata by `chance_of_poor`.
    """
    count, many = len(ageing.joints), len(insertion)

    def draw(purpose: str, day: int = 0, counter: int = 0) -> Float:
        return uniforms(seed, f"contacts.{purpose}", homes, day, counter)

    def normal(purpose: str) -> Float:
        found = [ndtri(draw(purpose, counter=k) + LEAST) for k in range(count)]
        return np.asarray(np.stack(found, axis=1))

    hits = np.ones((len(homes), many, count))
    poor = _poor_insertions(
        value["poor_per_insertion"], [draw("poor", n) for n in range(many)], given, draw("first")
    )
    pulled = np.flatnonzero([joint.at_meter for joint in ageing.joints])
    low, high = math.log(value["poor_least"]), math.log(value["poor_most"])
    others = np.setdiff1d(np.arange(count), pulled)
    for n in range(many):
        among = others if n == 0 and len(others) else pulled
        if len(among) == 0:
            continue
        jaw = among[(draw("which", n) * len(among)).astype(np.int64)]
        left = np.exp(low + (high - low) * draw("severity", n))
        rows = np.flatnonzero(poor[:, n])
        hits[rows, n, jaw[rows]] = left[rows]
    return Jaws(
        kind=(draw("kind") * kinds).astype(np.int64),
        hold=np.exp(value["force_spread"] * normal("force")),
        new_ohm=ageing.as_new_ohm * np.exp(value["resistance_spread"] * normal("resistance")),
        insertion=np.asarray(insertion, np.int64),
        hits=hits,
        disconnects=draw("disconnect") < value["disconnect_share"],
    )


def _poor_insertions(p: float, drawn: list[Float], given: Given, first: Float) -> NDArray[np.bool_]:
    """(homes, insertions) which insertion leaves a poor jaw, under the condition."""
    poor = np.stack([u < p for u in drawn], axis=1)
    if given == "any":
        return poor
    if given == "sound":
        return np.zeros_like(poor)
    n = poor.shape[1]
    # Inverse of the geometric law cut off after n trials: the first poor insertion, the later ones are free.
    some = -math.expm1(n * math.log1p(-p))
    at = np.minimum(np.floor(np.log1p(-first * some) / math.log1p(-p)), n - 1)
    place = np.arange(n)
    return np.asarray((place == at[:, None]) | (poor & (place > at[:, None])))
