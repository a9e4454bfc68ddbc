"""What each product is worth in outages: the same interruptions of the same homes, once with each product.

Every interruption of a home is lived through by the product's own state machine (`cosim.devices.transfer`), people's
pace and errors drawn for that home and time alone, so that two products with a person meet the same person. While the
home is fed by its source, the hourly demand of its household is served as far as the source's rating and its store
reach: a generator's tank by `GeneratorFleet`, a battery that is full when the outage begins and sees no sun. What is
beyond the rating is shed. A source that stands on the dead grid feeds it until it gives way (`backfeed_course`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import library
from cosim.devices import generator_kernels as engines
from cosim.devices.generator import GeneratorFleet
from cosim.devices.transfer import Device, Luck, Machine, Measured, at_start, step
from cosim.electrical.circuit import Float
from cosim.entries import BatteryEntry, GeneratorEntry
from cosim.errors import LibraryError, Problem
from cosim.events.transfer_processes import luck_of
from cosim.studies.backfeed_time import backfeed_course
from cosim.studies.contributions import SERVICE_V

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder
    from cosim.reliability.history import History

NONE = "none"
CRITICAL_W = 500.0  # refrigerator, fan of a furnace, lights, router; estimate, 300 to 1500
FOOD_S = 4 * 3600.0  # a closed refrigerator keeps food for 4 h: USDA Food Safety and Inspection Service
SOURCES = {"battery": "powerwall-3", "generator": "portable-generator-6.25"}
OWN_SOURCES = {"generac-200a-transfer-switch": "standby-generator-12"}
HOUR_US = 3_600_000_000
MOST_STEPS = 400


class Span(NamedTuple):
    """Who feeds the home from `start_us` after the loss of the grid to `end_us`; whether the dead grid is fed too."""

    start_us: int
    end_us: int
    fed: str
    backfeeds: bool


@dataclass(frozen=True)
class Product:
    """An adapter in the comparison, its machine, and what stands behind it.

    Parameters
    ----------
    adapter
        Entry of models/adapters; "none" for no product and no source at all.
    source
        Entry of models/der; "" for none.
    """

    adapter: str
    source: str = ""

    @property
    def machine(self) -> Machine | None:
        """Its machine; None where nothing ever moves."""
        name = "" if self.adapter == NONE else library.load("adapters", self.adapter).machine
        return library.load("transfer", name).machine() if name else None


@dataclass(frozen=True)
class Value:
    """A row of the comparison; all figures are sums over the interruptions unless said.

    Parameters
    ----------
    adapter, source
        Which product, with what behind it.
    interruptions, home_hours_out
        Of the grid: the same for every product.
    hours_avoided, share_avoided
        Home-hours with the panel, or cords from the source, fed meanwhile.
    served_kwh, asked_kwh
        Energy served in islands, and what the homes would have used meanwhile.
    critical_served
        Share of the critical energy that was served.
    critical_survived
        Share of the interruptions of more than four hours during which no stretch without supply was that long.
    ran_dry
        Interruptions in which tank or battery ended before the grid was back.
    hazards, hazard_minutes
        Interruptions in which a source stood on the dead grid, and for how long.
    out_of_phase
        Interruptions that ended with the grid's return onto a source that stood on it.
    """

    adapter: str
    source: str
    interruptions: int
    home_hours_out: float
    hours_avoided: float
    share_avoided: float
    served_kwh: float
    asked_kwh: float
    critical_served: float
    critical_survived: float
    ran_dry: int
    hazards: int
    hazard_minutes: float
    out_of_phase: int

    def as_dict(self) -> dict[str, Any]:
        """JSON types; a share of nothing is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def products() -> list[Product]:
    """No product, and every adapter of the library that has a machine, each with the source that it is made for."""
    found = [Product(NONE)]
    for name in library.names("adapters"):
        machine = library.load("adapters", name).machine
        supply = library.load("transfer", machine).supply if machine else NONE
        if supply in SOURCES:
            found.append(Product(name, OWN_SOURCES.get(name, SOURCES[supply])))
    return found


def compare(
    feeder: Feeder,
    history: History,
    demand_w: Float,
    chosen: Sequence[Product] | None = None,
    *,
    seed: int = 1,
    critical_w: float = CRITICAL_W,
    backfeed_end_s: Mapping[str, float] | None = None,
    compiled: CompiledFeeder | None = None,
) -> list[Value]:
    """Live through a history of interruptions once with each product.

    Parameters
    ----------
    feeder, compiled
        The feeder of the history, for what a source energises.
    history
        Interruptions, of `cosim.reliability.history.run_events`.
    demand_w
        (homes, hours) a year's demand of the homes, an hour a column; read round.
    chosen
        Products; all of `products` if not given.
    seed
        Of people and failures: the same for every product.
    critical_w
        What a home needs most, and all that cords carry.
    backfeed_end_s
        By source, how long it lasts on a dead grid; by `backfeed_course` for the homes' own transformer, the rest of
        the grid cut off, under their mean demand, if not given.
    """
    found = feeder.compile() if compiled is None else compiled
    names = [str(name) for name in feeder.home["name"]]
    share = float(demand_w.mean() / (1e3 * feeder.home["kw"].mean()))
    lives = products() if chosen is None else chosen
    lasts = {one.source: 0.0 for one in lives}
    for source in filter(None, lasts):
        known = (backfeed_end_s or {}).get(source)
        lasts[source] = _lasts(feeder, found, source, share) if known is None else known
    return [_lived(one, names, history, demand_w, seed, critical_w, lasts[one.source]) for one in lives]


def year_demand(homes: Sequence[str], seed: int, weather: str = "tmy3:greensboro") -> Float:
    """(homes, 8760) hourly demand of drawn households over a year, for `compare`."""
    from datetime import datetime

    from cosim.demand.calendar import Calendar
    from cosim.demand.households import HouseholdDemand
    from cosim.demand.traits import draw_traits
    from cosim.demand.weather import Weather
    from cosim.randomness import stable_ids

    clock = Calendar(datetime(2025, 1, 1), "America/New_York", HOUR_US, 8760)
    drawn = draw_traits(stable_ids(list(homes)), seed)
    demand = HouseholdDemand(clock, Weather(weather, clock), drawn, seed, parallel=False)
    state, powered, found = demand.initial(), np.ones(len(homes), dtype=np.bool_), []
    for first in range(0, 8760, 730):
        block = demand.block(state, first, np.full(730, 3600.0), powered)
        state = block.end
        found.append(block.panel_w.sum(axis=1))
    return np.concatenate(found, axis=1)


def _lived(
    product: Product,
    names: Sequence[str],
    history: History,
    demand_w: Float,
    seed: int,
    critical_w: float,
    lasts_s: float,
) -> Value:
    """One product through all interruptions."""
    machine = product.machine
    out = avoided = served = asked = critical = critical_asked = hazard_s = 0.0
    long = survived = dry = hazards = clashes = 0
    spells = zip(history.home.tolist(), history.start_us.tolist(), history.end_us.tolist(), strict=True)
    for home, start_us, end_us in spells:
        lasts_us = end_us - start_us
        spans = [Span(0, lasts_us, "", False)]
        if machine is not None:
            spans = through(machine, product.source, lasts_us, luck_of(seed, names[home]), start_us, lasts_s)
        fed, shocks = [s for s in spans if s.fed and not s.backfeeds], [s for s in spans if s.backfeeds]
        load = _hours(demand_w[home], start_us, lasts_us)
        served_w, until_us = _served(product.source, fed, load, critical_w)
        out += lasts_us / HOUR_US
        asked += float(load[0] @ load[1]) / 3.6e6
        critical_asked += critical_w * lasts_us / 1e6 / 3.6e6
        for span, watts in zip(fed, served_w, strict=True):
            seconds = max(min(span.end_us, until_us) - span.start_us, 0) / 1e6
            avoided += seconds / 3600.0
            served += watts * seconds / 3.6e6
            critical += min(critical_w, watts) * seconds / 3.6e6
        dry += bool(fed) and until_us < fed[-1].end_us
        if lasts_us / 1e6 > FOOD_S:
            long += 1
            survived += _longest_gap_s(fed, until_us, lasts_us) <= FOOD_S
        if shocks:
            hazards += 1
            hazard_s += sum((s.end_us - s.start_us) / 1e6 for s in shocks)
            clashes += shocks[-1].end_us >= lasts_us
    served, critical = float(served), float(critical)
    return Value(
        product.adapter, product.source, len(history.home), out, avoided, avoided / out if out else math.nan, served,
        asked, critical / critical_asked if critical_asked else math.nan, survived / long if long else math.nan, dry,
        hazards, hazard_s / 60.0, clashes,
    )  # fmt: skip


def through(
    machine: Machine, source: str, lasts_us: int, luck: Luck, start_us: int = 0, backfeed_s: float = math.inf
) -> list[Span]:
    """A product's machine through one loss of the grid, from its first instant to the grid's return.

    The grid is gone on both legs at once. A battery is ready all the time; a generator gives voltage once the machine
    has told it to run for its starting time, and none any more once it has stood on the dead grid for `backfeed_s`,
    until it is started anew. What a dead grid fed by the home itself looks like is left out.
    """
    battery = isinstance(_entry(source), BatteryEntry)
    device, now, spans = at_start(machine, ()), 0, list[Span]()
    ready_us: int | None = 0 if battery else None
    starts_us = 0 if battery else round(float(_engine(source).units[0, engines.START_S]) * 1e6)
    for _ in range(MOST_STEPS):
        alive = ready_us is not None and now >= ready_us
        measured = _measured(device, alive)
        found = step(machine, device, measured, start_us + now, luck)
        was, device = device, found.device
        if not battery and device.runs and not was.runs:
            ready_us = now + starts_us
        elif not battery and not device.runs:
            ready_us = None
        if found.taken is not None:
            continue
        wakes = [lasts_us] if found.deadline_us is None else [lasts_us, found.deadline_us - start_us]
        if ready_us is not None and ready_us > now:
            wakes.append(ready_us)
        until = min(wake for wake in wakes if wake > now)
        on, tied = bool(device.source) and alive, bool(device.service)
        if on and tied and now + backfeed_s * 1e6 <= until:
            until, ready_us = now + max(round(backfeed_s * 1e6), 1), None
        cords = machine.states[device.state].cords and alive
        spans.append(Span(now, until, "cords" if cords else "source" if on else "", on and tied))
        now = until
        if now >= lasts_us:
            return spans
    raise RuntimeError(f"the machine {machine.name!r} does not come to rest in an outage")


def _measured(device: Device, alive: bool) -> Measured:
    source = (1.0, 1.0) if alive else (0.0, 0.0)
    panel = source if device.source else (0.0, 0.0)
    return Measured((0.0, 0.0), source, panel, 60.0 if alive else math.nan, (0.0, 0.0))


@cache
def _entry(source: str) -> BatteryEntry | GeneratorEntry:
    entry = library.load("der", source)
    if not isinstance(entry, BatteryEntry | GeneratorEntry):
        raise LibraryError(Problem("is no battery or generator", key="source", value=source))
    return entry


@cache
def _engine(source: str) -> GeneratorFleet:
    entry = _entry(source)
    assert isinstance(entry, GeneratorEntry)
    return GeneratorFleet.from_entries([entry])


def _hours(year_w: Float, start_us: int, lasts_us: int) -> tuple[Float, Float]:
    """Demand and length [s] of the pieces of an interruption, cut at whole hours."""
    first, last = start_us // HOUR_US, (start_us + lasts_us - 1) // HOUR_US
    edges = np.clip(np.arange(first, last + 2) * HOUR_US, start_us, start_us + lasts_us)
    return year_w[np.arange(first, last + 1) % len(year_w)], np.diff(edges) / 1e6


def _served(
    source: str, fed: Sequence[Span], load: tuple[Float, Float], critical_w: float
) -> tuple[list[float], int]:
    """Mean power served in each fed span, and when the store is used up [us]."""
    if not fed:
        return [], 0
    watts, lengths = load
    ends = np.cumsum(lengths) * 1e6
    rated_w = _rated_w(source)
    pieces: list[tuple[float, float, int]] = []  # watts, seconds, span
    for number, span in enumerate(fed):
        begins = ends - lengths * 1e6
        for w, a, b in zip(watts, begins, ends, strict=True):
            seconds = (min(b, span.end_us) - max(a, span.start_us)) / 1e6
            if seconds > 0.0:
                most = min(rated_w, critical_w) if span.fed == "cords" else rated_w
                pieces.append((min(float(w), most), seconds, number))
    left_s = _store_s(source, np.array([p[0] for p in pieces]), np.array([p[1] for p in pieces]))
    means = []
    for number in range(len(fed)):
        mine = [(w, s) for w, s, n in pieces if n == number]
        total = sum(s for _, s in mine)
        means.append(sum(w * s for w, s in mine) / total if total else 0.0)
    until, used = fed[-1].end_us, 0.0
    for span in fed:
        length = (span.end_us - span.start_us) / 1e6
        if used + length > left_s:
            until = span.start_us + round((left_s - used) * 1e6)
            break
        used += length
    return means, until


def _rated_w(source: str) -> float:
    entry = _entry(source)
    if isinstance(entry, BatteryEntry):
        return min(entry.discharge_kw.value * 1e3, entry.continuous_a.value * SERVICE_V)
    return float(_engine(source).units[0, engines.RATED_W])


def _store_s(source: str, watts: Float, seconds: Float) -> float:
    """How long the store lasts under a course of loads; infinite if it outlasts it."""
    entry = _entry(source)
    if isinstance(entry, BatteryEntry):
        store_j = entry.capacity_kwh.value * 3.6e6 * (entry.soc_max.value - entry.soc_min.value)
        drawn = np.cumsum(watts * seconds) / entry.efficiency_discharge.value
        if drawn[-1] <= store_j:
            return math.inf
        at = int(np.argmax(drawn > store_j))
        before = drawn[at - 1] if at else 0.0
        rate = watts[at] / entry.efficiency_discharge.value
        return float(seconds[:at].sum() + (store_j - before) / rate)
    fleet = _engine(source)
    state = fleet.initial()
    state[:, engines.DOES] = engines.RUNNING
    done = fleet.advance(state, watts[None], np.ascontiguousarray(seconds), np.array([True]), parallel=False)
    return float(done.first_us[0]) / 1e6 if done.first_us[0] >= 0 else math.inf


def _longest_gap_s(fed: Sequence[Span], until_us: int, lasts_us: int) -> float:
    """Longest stretch of an interruption without supply."""
    gap, last = 0, 0
    for span in fed:
        if span.start_us >= until_us:
            break
        gap, last = max(gap, span.start_us - last), min(span.end_us, until_us)
    return max(gap, lasts_us - last) / 1e6


def _lasts(feeder: Feeder, compiled: CompiledFeeder, source: str, share: float) -> float:
    """How long a source stands on a dead grid: median over the first homes of ten transformers."""
    primary = tuple(
        int(element)
        for element, level in zip(compiled.line_element, feeder.line["level"], strict=True)
        if level == "primary" and element >= 0
    )
    split = feeder.home[feeder.home["kind"] == "split"]
    firsts = split.drop_duplicates("transformer")["name"].iloc[:10]
    ends = [
        backfeed_course(feeder, str(home), source, opened=primary, load_scale=share, compiled=compiled).ends_s
        for home in firsts
    ]
    return float(np.median(ends)) if ends else math.inf
