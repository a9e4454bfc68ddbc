"""How many sockets of a kind grow hot over the years, and which estimates that hangs on.

The chain: households draw current in weather (`hot_socket_exposure`), the adapter's heat network gives
temperatures, contacts age by them and heat it in turn (`cosim.thermal.contact_ageing`), the meter's sensor alarms and
trips. Rates come from two strata of homes, with and without a poor jaw, weighed by their chance; the second kind of
uncertainty, that of the estimates themselves, from draws over the ranges that their entries state. Nothing is
fitted: published counts stand beside the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.contact_entry import ContactEntry, PopulationEntry
from cosim.entries import Quantity, quantities
from cosim.errors import LibraryError, Problem
from cosim.randomness import stable_id, stable_ids, uniforms
from cosim.studies.hot_socket_exposure import household_exposure
from cosim.thermal.contact import constants, load_population, values
from cosim.thermal.contact_ageing import Aged, ContactAgeing, Exposure
from cosim.thermal.contact_population import chance_of_poor, draw_jaws
from cosim.thermal.contact_population import insertions as steps_of_insertions
from cosim.thermal.network import Float

SEASONS, SEASON_S = 4, 365.25 * 86400.0 / 4
EVENTS = ("hot", "alarm", "trip", "glow")
HALF_YEAR = 0.5
POOR_SHARE = 0.7  # of the homes computed are of the stratum that has the events
DRAW_HOMES = 300  # homes of one draw of the estimates
WIDE = 3.0  # a range this many times its lower end is drawn in its logarithm

# Counts to stand beside: (what, low, high per million, source). Neither enters the model.
PUBLISHED: tuple[tuple[str, str, float, float, str], ...] = (
    ("fires", "per million meter-years, background", 0.9, 4.7,
     "TESCO Metering 125 a year over 135 million meters; Landis+Gyr from NFPA 2007-2011, 630 a year"),
    ("fires with wiring in and out", "per million meter-years, background", 13.6, 13.6,
     "Landis+Gyr from NFPA 2007-2011: (690 + 610 + 530) over 135 million"),
    ("overheated", "per million installed, half a year after a mass meter exchange", 81.0, 156.0,
     "PECO 2012: 15 of 186,000, then 29 of 186,000 to 201,642"),
    ("overheated, socket type", "per million installed in a pilot to 2012", 114.0, 114.0,
     "ComEd (staff report to the Illinois Commerce Commission, 2013): 14 of 128,158 less 5,587 A-base meters"),
    ("spreading", "per million installed, half a year after a mass meter exchange", 10.0, 16.0,
     "PECO 2012: 2 to 3 spread beyond the panel"),
)  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """A rate with the standard error of its sampling."""

    per_million: float
    error: float


@dataclass(frozen=True)
class Influence:
    """How a figure moves with one estimate: Spearman's rank correlation over the draws."""

    key: str
    low: float
    value: float
    high: float
    correlation: float


@dataclass(frozen=True)
class HotSockets:
    """Result of a study.

    Parameters
    ----------
    adapter, years, homes, seed, insertion_y
        What was asked; the years at which meters are changed.
    rates
        Per event (hot jaw, sensor alarm, trip temperature, glow), and ``"opened"`` for meters with a disconnect that
        reach the trip temperature: new cases per million meter-years.
    early
        Per event: cases per million homes within half a year of the last insertion.
    fires
        Glowing sockets whose fire spreads, per million meter-years.
    hot_hours
        Mean hours above the hot temperature per meter-year.
    spread
        Per event and for ``"fires"``, ``"early glow"``: 5th, 50th and 95th percentile over the draws.
    influence
        Estimates by the strength of their pull on the rate of glow, strongest first.
    draws
        How many draws of the estimates were made, and of them, with no event at all.
    poor_chance
        Chance that a home gets a poor jaw.
    jaws_per_home
        Contacts of a home that age.
    survival_y, survival
        Years and the share of homes without a glow until then, per stratum (all, with a poor jaw).
    """

    adapter: str
    years: float
    homes: int
    seed: int
    insertion_y: tuple[float, ...]
    rates: dict[str, Rate]
    early: dict[str, Rate]
    fires: Rate
    hot_hours: float
    spread: dict[str, tuple[float, float, float]]
    influence: tuple[Influence, ...]
    draws: int
    poor_chance: float
    jaws_per_home: int
    survival_y: Float
    survival: tuple[Float, Float]

    def table(self) -> list[tuple[str, float, float, float, float, float]]:
        """Rows of (what, value, sampling error, 5 %, 50 %, 95 % over the estimates), per million."""
        none = (math.nan,) * 3
        rows = [
            (f"{NAMES[e]} per million meter-years", r.per_million, r.error, *self.spread.get(e, none))
            for e, r in self.rates.items()
        ]
        rows.append(("spreading fires per million meter-years", self.fires.per_million, self.fires.error,
                     *self.spread.get("fires", none)))  # fmt: skip
        early = self.early["glow"]
        rows.append(("glow within half a year of the last insertion per million", early.per_million, early.error,
                     *self.spread.get("early glow", none)))  # fmt: skip
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "adapter": self.adapter, "years": self.years, "homes": self.homes, "seed": self.seed,
            "insertion_y": list(self.insertion_y), "jaws_per_home": self.jaws_per_home,
            "poor_chance": self.poor_chance,
            "per_million_meter_years": {k: vars(v) for k, v in self.rates.items()},
            "fires_per_million_meter_years": vars(self.fires),
            "per_million_within_half_a_year_of_last_insertion": {k: vars(v) for k, v in self.early.items()},
            "hot_hours_per_meter_year": self.hot_hours,
            "over_estimates": {
                k: dict(zip(("p05", "p50", "p95"), v, strict=True)) for k, v in self.spread.items()
            },
            "draws": self.draws,
            "hangs_on": [vars(i) for i in self.influence],
            "published": [
                dict(zip(("what", "of", "low", "high", "source"), row, strict=True)) for row in PUBLISHED
            ],
        }  # fmt: skip


NAMES = {
    "hot": "jaw above 90 degC", "alarm": "sensor alarm", "trip": "sensor at trip temperature",
    "glow": "glowing jaw", "opened": "meter opened by heat",
}  # fmt: skip


def hot_sockets(
    adapter: str | Path,
    *,
    years: float = 20.0,
    homes: int = 10_000,
    insertions: Sequence[float] = (),
    draws: int = 60,
    population: str = "us-sockets",
    exposure: Exposure | None = None,
    seed: int = 1,
    parallel: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> HotSockets:
    """Age the jaws of homes with an adapter.

    Parameters
    ----------
    adapter
        Entry of ``models/adapters``, or a file.
    years, homes
        How long, and how many homes are computed for the central values.
    insertions
        Years at which the meter is pulled and another put in, beside the first insertion.
    draws
        Draws of all estimates over their ranges; 0 leaves that uncertainty out.
    exposure
        Currents and air; `household_exposure` if not given.
    progress
        Called with (runs done, runs in all).

    Raises
    ------
    LibraryError
        If the adapter names no contact, or a number is out of its range.
    """
    wrong = [
        Problem(message, key=key, value=str(given))
        for key, given, good, message in (
            ("--years", years, 0.25 <= years <= 100.0, "between a quarter and a hundred years are needed"),
            ("--homes", homes, homes >= 10, "ten homes or more are needed"),
            ("--draws", draws, draws >= 0, "no draws (0) or more are needed"),
            ("--insertions", list(insertions), all(0 < y < years for y in insertions), "must lie within the years"),
        )
        if not good
    ]  # fmt: skip
    if wrong:
        raise LibraryError(wrong)
    entry = library.load("adapters", adapter)
    people = load_population(population)
    study = _Study(
        ContactAgeing(entry), people, exposure or household_exposure(), years, insertions, seed, parallel
    )
    told = progress or (lambda done, total: None)
    central = study.run(values(study.ageing.contact), values(people), homes)
    told(1, draws + 1)
    uncertain = {**_ranges("contact", study.ageing.contact), **_ranges("population", people)}
    drawn: list[dict[str, float]] = []
    place = _places(uncertain, draws, seed)
    for n in range(draws):
        contact, of_people = dict(values(study.ageing.contact)), dict(values(people))
        for row, key in enumerate(uncertain):
            kind, _, name = key.partition(".")
            (contact if kind == "contact" else of_people)[name] = float(place[row, n])
        found = study.run(contact, of_people, min(DRAW_HOMES, homes))
        drawn.append({**{e: r.per_million for e, r in found.rates.items()}, "fires": found.fires.per_million,
                      "early glow": found.early["glow"].per_million})  # fmt: skip
        told(n + 2, draws + 1)
    spread: dict[str, tuple[float, float, float]] = {}
    for key in drawn[0] if drawn else ():
        low, middle, high = np.percentile([d[key] for d in drawn], (5, 50, 95))
        spread[key] = float(low), float(middle), float(high)
    return HotSockets(
        adapter=entry.name, years=years, homes=homes, seed=seed,
        insertion_y=tuple(float(y) for y in insertions),
        rates=central.rates, early=central.early, fires=central.fires, hot_hours=central.hot_hours,
        spread=spread,
        influence=_influence(uncertain, place, [d["glow"] for d in drawn]),
        draws=draws, poor_chance=central.poor_chance, jaws_per_home=len(study.ageing.joints),
        survival_y=central.survival_y, survival=central.survival,
    )  # fmt: skip


@dataclass(frozen=True)
class _Run:
    rates: dict[str, Rate]
    early: dict[str, Rate]
    fires: Rate
    hot_hours: float
    poor_chance: float
    survival_y: Float
    survival: tuple[Float, Float]


class _Study:
    """What stays the same over the draws of the estimates."""

    def __init__(
        self, ageing: ContactAgeing, people: PopulationEntry, exposure: Exposure, years: float,
        insertions: Sequence[float], seed: int, parallel: bool,
    ) -> None:  # fmt: skip
        self.ageing, self.people, self.exposure = ageing, people, exposure
        self.steps = max(1, round(years * SEASONS))
        changes = [min(max(1, round(y * SEASONS)), self.steps - 1) for y in insertions]
        self.insertion = steps_of_insertions(ageing, changes)
        self.seed, self.parallel = seed, parallel
        self.base_c = ageing.base(exposure)

    def run(self, contact: Mapping[str, float], people: Mapping[str, float], homes: int) -> _Run:
        """Both strata at given numbers."""
        c = constants(self.ageing.contact, contact)
        limits = np.array([people["hot_c"], people["alarm_c"], people["trip_c"], people["sensor_share"]])
        poor_chance = chance_of_poor(people, len(self.insertion))
        share = {"poor": poor_chance, "sound": 1.0 - poor_chance}
        many = {"poor": math.ceil(POOR_SHARE * homes)}
        many["sound"] = homes - many["poor"]
        found: dict[str, Aged] = {}
        opened: dict[str, NDArray[np.bool_]] = {}
        for given in ("poor", "sound"):
            ids = stable_ids([f"{given}-{k}" for k in range(many[given])])
            jaws = draw_jaws(
                self.ageing, people, ids, len(self.exposure.ambient_c), self.seed,
                insertion=self.insertion, given=given,
            )  # fmt: skip
            found[given] = self.ageing.age(
                jaws, self.exposure, self.base_c, c, limits, step_s=SEASON_S, steps=self.steps, parallel=self.parallel
            )  # fmt: skip
            opened[given] = np.isfinite(found[given].time_of("trip")) & jaws.disconnects
        lived = sum(share[s] * float(found[s].lived_y.mean()) for s in found)
        rates = {
            e: _weighed(share, {s: np.isfinite(a.time_of(e)) for s, a in found.items()}, lived)
            for e in EVENTS
        }
        rates["opened"] = _weighed(share, opened, lived)
        since = self.insertion[-1] / SEASONS
        there = sum(share[s] * float((a.lived_y >= since).mean()) for s, a in found.items())
        early = {
            e: _weighed(share, {s: _within(a.time_of(e), since) for s, a in found.items()}, there)
            for e in EVENTS
        }
        spread_share = people["spread_share"]
        fires = Rate(rates["glow"].per_million * spread_share, rates["glow"].error * spread_share)
        hours = sum(share[s] * float(found[s].hot_h.mean()) for s in found) / lived
        survival_y = np.linspace(0.0, self.steps / SEASONS, 81)
        without = {
            s: np.array([(a.time_of("glow") > y).mean() for y in survival_y]) for s, a in found.items()
        }
        everyone = share["poor"] * without["poor"] + share["sound"] * without["sound"]
        return _Run(rates, early, fires, hours, poor_chance, survival_y, (everyone, without["poor"]))


def _within(event_y: Float, since: float) -> NDArray[np.bool_]:
    """Which events fall in the half year after a time."""
    return np.asarray((event_y >= since) & (event_y < since + HALF_YEAR))


def _weighed(share: Mapping[str, float], hit: Mapping[str, NDArray[np.bool_]], per: float) -> Rate:
    """Cases per million of `per` meter-years over strata, with the standard error of the share of hits."""
    mean = sum(share[s] * float(h.mean()) for s, h in hit.items())
    variance = sum(share[s] ** 2 * float(h.mean() * (1 - h.mean())) / len(h) for s, h in hit.items())
    return Rate(1e6 * mean / per, 1e6 * math.sqrt(variance) / per)


def _ranges(prefix: str, entry: ContactEntry | PopulationEntry) -> dict[str, Quantity]:
    """Numbers with a range by ``contact.key`` or ``population.key``."""
    return {f"{prefix}.{key}": q for key, q in quantities(entry) if q.range and q.range[0] < q.range[1]}


def _places(uncertain: Mapping[str, Quantity], draws: int, seed: int) -> Float:
    """(numbers, draws) values over their ranges: in the logarithm where these are wide, else uniform.

    Each number is stratified over the draws (a Latin hypercube); both its order and its place within a stratum are
    functions of seed and key.
    """
    ids = np.array([stable_id(key) for key in uncertain], np.uint64)
    order = (
        np.stack([uniforms(seed, "hot-sockets.order", ids, n) for n in range(draws)], axis=1)
        if draws
        else None
    )
    place = np.empty((len(ids), draws))
    for row, quantity in enumerate(uncertain.values()):
        if order is None or quantity.range is None:
            continue
        within = np.array(
            [uniforms(seed, "hot-sockets.place", ids[row : row + 1], n)[0] for n in range(draws)]
        )
        u = (np.argsort(np.argsort(order[row])) + within) / draws
        low, high = quantity.range
        wide = low > 0.0 and high >= WIDE * low
        place[row] = np.exp(np.log(low) + u * np.log(high / low)) if wide else low + u * (high - low)
    return place


def _influence(
    uncertain: Mapping[str, Quantity], place: Float, figure: Sequence[float]
) -> tuple[Influence, ...]:
    """Rank correlation of a figure with every estimate, strongest first; empty without enough draws."""
    from scipy.stats import spearmanr

    if len(figure) < 8 or min(figure) == max(figure):
        return ()
    rows = []
    for row, (key, quantity) in enumerate(uncertain.items()):
        assert quantity.range is not None
        low, high = quantity.range
        rho = float(spearmanr(place[row], figure).statistic)
        rows.append(Influence(key, low, quantity.value, high, rho))
    return tuple(sorted(rows, key=lambda i: -abs(i.correlation)))
