"""Coincidence of homes and what a feeder picks up after an outage: both read off demand that has a memory.

Nothing here knows what a home is made of. Demand is run as a study would run it, and its powers are
grouped, or an outage is laid over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cosim.demand.block import Demand, State

Float = NDArray[np.float64]

SIZES = (1, 5, 10, 20, 50, 200)
BLOCK = 1440  # steps at once: bounds memory
SETTLED = 1.1  # a pickup is over when a quarter of an hour's mean is below this ratio


@dataclass(frozen=True)
class Coincidence:
    """Groups of homes drawn from a population.

    Parameters
    ----------
    sizes
        Homes in a group.
    peak_w
        (sizes, draws) highest mean of the group's homes [W].
    diversity
        (sizes, draws) sum of the homes' own peaks over the group's.
    own_peak_w
        (h,) peak of each home of the population.
    """

    sizes: tuple[int, ...]
    peak_w: Float
    diversity: Float
    own_peak_w: Float

    def table(self) -> list[dict[str, float]]:
        """A row a size: median and the middle nine tenths of the draws."""
        rows = []
        for size, peak, diversity in zip(self.sizes, self.peak_w, self.diversity, strict=True):
            low, middle, high = np.quantile(peak, (0.05, 0.5, 0.95))
            least, usual, most = np.quantile(diversity, (0.05, 0.5, 0.95))
            rows.append(
                {
                    "homes": size,
                    "peak_kw": middle / 1e3,
                    "peak_kw_low": low / 1e3,
                    "peak_kw_high": high / 1e3,
                    "diversity": usual,
                    "diversity_low": least,
                    "diversity_high": most,
                    "coincidence": 1.0 / usual,
                }
            )
        return rows


def intervals(power_w: Float, steps: int) -> Float:
    """Means over intervals of so many steps, as a meter keeps them; a rest at the end is left out."""
    whole = power_w.shape[-1] // steps * steps
    return np.asarray(power_w[..., :whole].reshape(*power_w.shape[:-1], -1, steps).mean(axis=-1))


def coincidence(
    power_w: Float, *, sizes: Sequence[int] = SIZES, draws: int = 200, seed: int = 0
) -> Coincidence:
    """Peaks of groups drawn at random, without a home twice in a group.

    Parameters
    ----------
    power_w
        (h, steps) mean power of each home in each interval [W].
    sizes
        Homes in a group, each at most h.
    draws
        Groups of each size.
    seed
        Of the draws.
    """
    homes = len(power_w)
    if max(sizes) > homes:
        raise ValueError(f"a group of {max(sizes)} cannot be drawn from {homes} homes")
    rng = np.random.default_rng(seed)
    own = power_w.max(axis=1)
    peak, diversity = np.empty((len(sizes), draws)), np.empty((len(sizes), draws))
    for i, size in enumerate(sizes):
        for j in range(draws):
            group = rng.choice(homes, size, replace=False)
            total = power_w[group].sum(axis=0).max()
            peak[i, j] = total / size
            diversity[i, j] = own[group].sum() / total
    return Coincidence(tuple(sizes), peak, diversity, own)


def run(
    demand: Demand,
    state: State,
    first_step: int,
    steps: int,
    homes: int,
    *,
    step_s: float = 60.0,
    dark: slice = slice(0, 0),
) -> tuple[Float, State]:
    """(homes, steps) power of each home [W], car included where demand has it, and the state after.

    `dark` are the steps without power.
    """
    power = np.empty((homes, steps))
    cuts = sorted({*range(0, steps, BLOCK), *(x for x in (dark.start, dark.stop) if 0 < x < steps), steps})
    for a, b in pairwise(cuts):
        lit = np.full(homes, not (dark.start <= a < dark.stop))
        found = demand.block(state, first_step + a, np.full(b - a, step_s), lit)
        power[:, a:b] = found.panel_w.sum(axis=1)
        if found.ev_w is not None:
            power[:, a:b] += found.ev_w * lit[:, None]
        state = found.end
    return power, state


@dataclass(frozen=True)
class Pickup:
    """Load after an outage beside what it would have been.

    Parameters
    ----------
    hours
        Length of the outage.
    minutes
        (steps,) since power returned, at the end of each step.
    power_w, undisturbed_w
        (homes, steps) with the outage and without it.
    """

    hours: float
    minutes: Float
    power_w: Float
    undisturbed_w: Float

    @property
    def ratio(self) -> Float:
        """(steps,) of all homes together."""
        return np.asarray(self.power_w.sum(axis=0) / self.undisturbed_w.sum(axis=0))

    def within(self, minutes: float, homes: slice = slice(None)) -> float:
        """Ratio of the mean loads of the first minutes."""
        first = self.minutes <= minutes + 1e-9
        return float(self.power_w[homes][:, first].sum() / self.undisturbed_w[homes][:, first].sum())

    @property
    def highest(self) -> float:
        """Highest ratio of five minutes in a row."""
        load, base = (
            np.convolve(x.sum(axis=0), np.ones(5), "valid") for x in (self.power_w, self.undisturbed_w)
        )
        return float((load / base).max())

    @property
    def settled_minutes(self) -> float:
        """Until the mean of the quarter of an hour that follows stays below `SETTLED`; inf if it does not."""
        load, base = (intervals(x.sum(axis=0), 15) for x in (self.power_w, self.undisturbed_w))
        above = np.flatnonzero(load > SETTLED * base)
        if not len(above):
            return 0.0
        return float(15.0 * (above[-1] + 1)) if above[-1] + 1 < len(load) else float("inf")

    def spread(self, minutes: float, group: int) -> tuple[float, float]:
        """5 and 95 % of `within` over groups of so many homes."""
        parts = [slice(a, a + group) for a in range(0, len(self.power_w) - group + 1, group)]
        low, high = np.quantile([self.within(minutes, part) for part in parts], (0.05, 0.95))
        return float(low), float(high)


def pickup(
    demand: Demand,
    homes: int,
    back_step: int,
    hours: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    *,
    first_step: int = 0,
    after_hours: float = 6.0,
    step_s: float = 60.0,
) -> list[Pickup]:
    """Outages of several lengths that all end at the same moment.

    Parameters
    ----------
    demand, homes
        Who is without power, all of them at once.
    back_step
        Absolute step at which power returns.
    hours
        Lengths of the outages.
    first_step
        Where demand starts; the time until the longest outage lets houses and tanks settle.
    after_hours
        How long it is followed.
    """
    longest = round(max(hours) * 3600.0 / step_s)
    after = round(after_hours * 3600.0 / step_s)
    if back_step - longest < first_step:
        raise ValueError(f"an outage of {max(hours):g} h must begin after the first step")
    before = back_step - longest
    start = run(demand, demand.initial(), first_step, before - first_step, homes, step_s=step_s)[1]
    base = run(demand, start, before, longest + after, homes, step_s=step_s)[0][:, longest:]
    minutes = np.arange(1.0, after + 1) * (step_s / 60.0)
    found = []
    for length in hours:
        dark = slice(longest - round(length * 3600.0 / step_s), longest)
        power = run(demand, start, before, longest + after, homes, step_s=step_s, dark=dark)[0][:, longest:]
        found.append(Pickup(length, minutes, power, base))
    return found
