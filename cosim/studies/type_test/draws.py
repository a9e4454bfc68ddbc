"""What an entry leaves open: every number with a range, drawn many times by a counter-based generator."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from cosim.entries import Quantity, quantities
from cosim.randomness import uniforms

Float = NDArray[np.float64]
Distribution = Literal["triangular", "log-uniform"]
Key = tuple[str, float, tuple[float, float], str]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Unknown:
    """A number that is known within a range only.

    Parameters
    ----------
    keys
        Where it stands. Numbers of the same value, range and source are one unknown: four jaws made alike
        are alike in every draw.
    quantity
        The number with its range and source.
    values
        (draws,) values.
    """

    keys: tuple[str, ...]
    quantity: Quantity
    values: Float


def drawn(quantity: Quantity, uniform: Float, distribution: Distribution = "triangular") -> Float:
    """Values of a quantity within its range for uniform numbers in [0, 1).

    Parameters
    ----------
    quantity
        With a range; without one every draw is its value.
    uniform
        (draws,) uniform numbers.
    distribution
        ``triangular``: the value is the mode; in the logarithm if the range lies above zero, so that half
        and double are alike. ``log-uniform``: no value within the range is preferred to another (uniform
        where the range touches zero).
    """
    if quantity.range is None or quantity.range[0] == quantity.range[1]:
        return np.full(len(uniform), quantity.value)
    low, high = quantity.range
    logarithmic = low > 0.0
    a, b, mode = (float(np.log(x)) if logarithmic else x for x in (low, high, quantity.value))
    if distribution == "triangular":
        split = (mode - a) / (b - a)
        rising = a + np.sqrt(uniform * (b - a) * (mode - a))
        falling = b - np.sqrt((1.0 - uniform) * (b - a) * (b - mode))
        found = np.where(uniform < split, rising, falling)
    else:
        found = a + (b - a) * uniform
    return np.asarray(np.exp(found) if logarithmic else found)


def unknowns(
    models: Mapping[str, BaseModel], draws: int, seed: int, distribution: Distribution = "triangular"
) -> list[Unknown]:
    """Every number with a range in some models, drawn.

    Draw k of a number depends on the seed, the number and k alone: not on how many draws there are, nor on
    what else the models hold.
    """
    places: dict[Key, tuple[list[str], Quantity]] = {}
    for name, model in models.items():
        for key, quantity in quantities(model, name):
            if (address := _key(quantity)) is not None:
                places.setdefault(address, ([], quantity))[0].append(key)
    return [
        Unknown(tuple(keys), quantity, values_of(quantity, draws, seed, distribution))
        for keys, quantity in places.values()
    ]


def values_of(quantity: Quantity, draws: int, seed: int, distribution: Distribution = "triangular") -> Float:
    """(draws,) values of one number; equal numbers have equal draws wherever they stand."""
    key = _key(quantity)
    if key is None:
        return np.full(draws, quantity.value)
    items = np.arange(draws, dtype=np.uint64)
    return drawn(quantity, uniforms(seed, _purpose(key), items), distribution)


def _key(quantity: Quantity) -> Key | None:
    if quantity.range is None or not quantity.known or quantity.range[0] == quantity.range[1]:
        return None
    return quantity.unit, quantity.value, quantity.range, quantity.source


def _purpose(key: Key) -> str:
    unit, value, (low, high), source = key
    return f"type-test {value!r} {low!r} {high!r} {unit} {source}"


class Variants:
    """Copies of models that take one draw after another.

    The copies are private and changed in place: copying a body of a hundred numbers for each draw would cost
    more than the physics.
    """

    def __init__(self, models: Mapping[str, BaseModel], found: Sequence[Unknown]) -> None:
        self.models = {name: copy.deepcopy(model) for name, model in models.items()}
        self.found = found
        places: dict[Key, list[Quantity]] = {}
        for model in self.models.values():
            for _, quantity in quantities(model):
                if (address := _key(quantity)) is not None:
                    places.setdefault(address, []).append(quantity)
        wanted = [_key(unknown.quantity) for unknown in found]
        self._places = [places[address] for address in wanted if address is not None]

    def draws(self, count: int) -> Iterator[int]:
        """Number of each draw in turn, once the models hold it."""
        for draw in range(count):
            for unknown, quantities_ in zip(self.found, self._places, strict=True):
                value = float(unknown.values[draw])
                for quantity in quantities_:
                    assign(quantity, value)
            yield draw


def assign(quantity: Quantity, value: float) -> None:
    """Give a private copy of a quantity another value."""
    object.__setattr__(quantity, "value", value)
