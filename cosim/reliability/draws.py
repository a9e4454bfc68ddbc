"""Which faults strike a feeder in a year: drawn place by place, so that one place's draws do not move another's.

Every number is a function of (seed, purpose, place, year, counter).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cosim.electrical.fault import FaultKind
from cosim.events.crew_processes import Duration
from cosim.events.fault_processes import BROKEN, ComingFault
from cosim.feeder.nodes import numbers
from cosim.randomness import stable_ids, uniforms

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder
    from cosim.reliability_entry import Lognormal, ReliabilityEntry

US = 1_000_000
DRAWS = 6  # uniform numbers that make a fault
YEAR_US = 365 * 86_400 * US
Float = NDArray[np.float64]


class Place(NamedTuple):
    """Where faults strike, and between which conductors they can."""

    where: str
    conductors: str
    permanent: float
    temporary: float


@dataclass(frozen=True)
class Rates:
    """Fault rates of one feeder, and what its crews need.

    Parameters
    ----------
    places
        All of them, with faults a year.
    entry
        The figures they follow from.
    """

    places: tuple[Place, ...]
    entry: ReliabilityEntry

    @classmethod
    def of(cls, feeder: Feeder, entry: ReliabilityEntry) -> Rates:
        """Rates of a feeder's primary lines, service transformers and services."""
        scale = entry.calibration.permanent.value
        places = []
        line = feeder.line
        for name, level, is_switch, kind, km, nodes in zip(
            line["name"], line["level"], line["is_switch"], line["type"], line["length_km"],
            line["from_nodes"], strict=True,
        ):  # fmt: skip
            if level != "primary" or is_switch:
                continue
            rate = entry.underground if kind == "cs" else entry.overhead
            phases = "".join("abc"[n - 1] for n in numbers(nodes) if 1 <= n <= 3)
            permanent = scale * rate.permanent.value * km
            places.append(Place(f"line:{name}", phases, permanent, rate.temporary.value * km))
        unit = entry.transformer.permanent.value * scale, entry.transformer.temporary.value
        coils = feeder.winding.sort_values("number").groupby("transformer")["nodes"].last()
        for row, (name, kind) in enumerate(
            zip(feeder.transformer["name"], feeder.transformer["kind"], strict=True)
        ):
            if kind == "service":
                three = len(numbers(coils.loc[row])) > 3
                places.append(Place(f"transformer:{name}", "abc" if three else "12", *unit))
        drop = entry.drop.permanent.value * scale, entry.drop.temporary.value
        legs = {"split": "12", "single": "1", "three": "abc"}
        for name, kind in zip(feeder.home["name"], feeder.home["kind"], strict=True):
            places.append(Place(f"home:{name}", legs[str(kind)], *drop))
        return cls(tuple(places), entry)

    def faults(self, seed: int, year: int, *, storms: bool = False) -> list[ComingFault]:
        """Faults of one year, times counted from its beginning."""
        names = stable_ids([place.where for place in self.places])
        spans = [(1.0, 0.0, float(YEAR_US), "ordinary")]
        if storms:
            spans += [(*storm, f"storm {k}") for k, storm in enumerate(_storms(self, seed, year))]
        found: list[ComingFault] = []
        for worth, start_us, lasts_us, purpose in spans:
            for lasting in ("permanent", "temporary"):
                rate = worth * np.array([getattr(place, lasting) for place in self.places])
                word = f"faults {purpose} {lasting}"
                count = poisson(rate, uniforms(seed, word, names, year))
                for at in np.flatnonzero(count):
                    for number in range(count[at]):
                        draw = [
                            float(uniforms(seed, word, names[at : at + 1], year, DRAWS * number + k + 1)[0])
                            for k in range(DRAWS)
                        ]
                        fault = self._fault(self.places[at], lasting, draw, f"{purpose} {number}")
                        fault.at_us = round(start_us + draw[0] * lasts_us)
                        found.append(fault)
        return found

    def storm(self, seed: int, number: int, start_us: int, lasts_us: int, count: int) -> list[ComingFault]:
        """`count` faults of storm `number`, over the places as their rates say, within `lasts_us` from `start_us`."""
        rates = np.array([(place.permanent, place.temporary) for place in self.places]).ravel()
        up_to = np.cumsum(rates) / rates.sum()
        items = stable_ids([f"storm {number} fault {k}" for k in range(count)])
        draws = np.array([uniforms(seed, "placed storms", items, counter=k) for k in range(DRAWS + 1)])
        found = []
        for k, at in enumerate(np.searchsorted(up_to, draws[DRAWS], side="right")):
            place, lasting = self.places[at // 2], ("permanent", "temporary")[at % 2]
            fault = self._fault(place, lasting, draws[:DRAWS, k].tolist(), f"storm-{number} {k + 1}")
            fault.at_us = start_us + round(draws[0, k] * lasts_us)
            found.append(fault)
        return found

    def _fault(self, place: Place, lasting: str, draw: list[float], number: str) -> ComingFault:
        """One fault; `draw` are uniform numbers for time, type, conductors, place, dead time, neutral."""
        entry = self.entry
        dead_us = None
        if lasting == "temporary":
            dead_us = max(1, duration(entry.dead_time).at(min(max(draw[4], 1e-9), 1 - 1e-9)))
        fault, conductors = self._type(place, draw[1], draw[2])
        split = place.where.startswith("home:") and len(place.conductors) == 2
        if split and lasting == "permanent" and draw[5] < entry.broken_neutral.value:
            fault, conductors = BROKEN, "n"
        short = "permanent" if dead_us is None else "temporary"
        low = place.where.startswith(("home:", "transformer:"))
        return ComingFault(
            at_us=0, name=f"{place.where} {short} {number}", where=place.where, fault=fault,
            conductors=conductors, ohm=0.0 if low else entry.fault_ohm.value,
            along=0.01 + 0.98 * draw[3], dead_us=dead_us,
        )  # fmt: skip

    def _type(self, place: Place, which: float, first: float) -> tuple[str, str]:
        """What touches what: of the types that the place's conductors allow."""
        types, count = self.entry.types, len(place.conductors)
        shares = [
            (FaultKind.LINE_GROUND, 1, types.line_ground.value),
            (FaultKind.LINE_LINE, 2, types.line_line.value),
            (FaultKind.LINE_LINE_GROUND, 2, types.line_line_ground.value),
            (FaultKind.THREE_PHASE_GROUND, 3, types.three_phase.value),
        ]
        possible = [(kind, needed, share) for kind, needed, share in shares if needed <= count]
        left = which * sum(share for *_, share in possible)
        kind, needed, _ = possible[-1]
        for other, wanted, share in possible:
            if left < share:
                kind, needed = other, wanted
                break
            left -= share
        start = min(int(first * count), count - 1)
        chosen = {place.conductors[(start + k) % count] for k in range(needed)}
        return str(kind), "".join(sorted(chosen))


def _storms(rates: Rates, seed: int, year: int) -> list[tuple[float, float, float]]:
    """Storms of a year: their worth in years of ordinary faults, start and duration [us]."""
    storms, item = rates.entry.storms, stable_ids(["storms"])
    [count] = poisson(np.array([storms.per_year.value]), uniforms(seed, "storms", item, year))
    found = []
    for k in range(count):
        at, size, lasts = (float(uniforms(seed, "storms", item, year, 3 * k + j + 1)[0]) for j in range(3))
        worth = storms.worth.value * math.exp(storms.worth_sigma.value * float(ndtri(max(size, 1e-12))))
        lasts_us = float(duration(storms.lasts).at(min(max(lasts, 1e-9), 1 - 1e-9)))
        found.append((worth, at * YEAR_US, lasts_us))
    return found


def duration(entry: Lognormal, scale: float = 1.0) -> Duration:
    """A duration of the library as processes take it."""
    return Duration(median_s=scale * entry.median.value, sigma=entry.sigma.value)


def poisson(mean: Float, share: Float) -> NDArray[np.int64]:
    """Counts with Poisson's distribution that a share of all does not exceed; both (n,)."""
    count = np.zeros(len(mean), dtype=np.int64)
    term = np.exp(-mean)
    reached = term.copy()
    while True:
        more = (share >= reached) & (term > 1e-300)
        if not more.any():
            return count
        count[more] += 1
        term = np.where(more, term * mean / np.maximum(count, 1), term)
        reached = np.where(more, reached + term, reached)
        if (term[more] < 1e-18).all():
            return count
