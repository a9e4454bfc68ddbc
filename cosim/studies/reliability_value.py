"""What each product is worth in outages: the same interruptions of the same homes, once with each product.

Every interruption of a home is lived through by the product's own state machine (`cosim.devices.transfer`), people's
pace and errors and the failures of units drawn for that home and time alone, so that two products with a person meet
the same person. While the home is fed by its source, the hourly demand of its household is served as far as the
source's rating and its store reach (`cosim.studies.outage_energy`): a generator's tank, a battery that is full when the
outage begins and that the home's solar, if it has any, fills again. What is beyond the rating is shed. A source that
stands on the dead grid feeds it until it gives way (`backfeed_course`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cosim import library
from cosim.devices import generator_kernels as engines
from cosim.devices.transfer import Device, Luck, Machine, Measured, at_start, step
from cosim.electrical.circuit import Float
from cosim.entries import BatteryEntry
from cosim.events.physics import Act
from cosim.events.transfer_processes import TransferDevices, luck_of, unit_faults
from cosim.studies.backfeed_time import backfeed_course
from cosim.studies.outage_energy import Piece, Served, engine_of, entry_of, rated_w
from cosim.studies.outage_energy import served as energy_served

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
        Share of the critical energy that was served: of demand up to the critical power.
    critical_survived
        Share of the interruptions of more than four hours during which no stretch without supply was that long.
    ran_dry
        Interruptions in which tank or battery ended, if only for a while, before the grid was back.
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
    solar_w: Float | None = None,
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
    solar_w
        (homes, hours) what solar gives, as `demand_w`; it serves batteries' islands alone: inverters stay away from an
        engine's frequency. None for no solar.
    """
    found = feeder.compile() if compiled is None else compiled
    names = [str(name) for name in feeder.home["name"]]
    share = float(demand_w.mean() / (1e3 * feeder.home["kw"].mean()))
    lives = products() if chosen is None else chosen
    lasts = {one.source: 0.0 for one in lives}
    for source in filter(None, lasts):
        known = (backfeed_end_s or {}).get(source)
        lasts[source] = _lasts(feeder, found, source, share) if known is None else known
    sun_w = np.zeros_like(demand_w) if solar_w is None else solar_w
    return [
        _lived(one, names, history, (demand_w, sun_w), seed, critical_w, lasts[one.source]) for one in lives
    ]


def year_of(
    homes: Sequence[str], seed: int, weather: str = "tmy3:greensboro", solar_kw: float = 0.0
) -> tuple[Float, Float]:
    """(homes, 8760) hourly demand of drawn households over a year, and what `solar_kw` on each roof gives."""
    from datetime import datetime

    from cosim.demand.calendar import Calendar
    from cosim.demand.households import HouseholdDemand
    from cosim.demand.traits import draw_traits
    from cosim.demand.weather import Weather
    from cosim.randomness import stable_ids

    clock = Calendar(datetime(2025, 1, 1), "America/New_York", HOUR_US, 8760)
    drawn = draw_traits(stable_ids(list(homes)), seed, pv_kw=np.full(len(homes), solar_kw))
    demand = HouseholdDemand(clock, Weather(weather, clock), drawn, seed, parallel=False)
    state, powered, found = demand.initial(), np.ones(len(homes), dtype=np.bool_), list[tuple[Float, Float]]()
    for first in range(0, 8760, 730):
        block = demand.block(state, first, np.full(730, 3600.0), powered)
        state = block.end
        found.append((block.panel_w.sum(axis=1), block.pv_w))
    demand_w, solar_w = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    return demand_w, solar_w


def _lived(
    product: Product,
    names: Sequence[str],
    history: History,
    year_w: tuple[Float, Float],
    seed: int,
    critical_w: float,
    lasts_s: float,
) -> Value:
    """One product through all interruptions; `year_w` are demand and solar power."""
    machine, faults = product.machine, dict[str, tuple[str, ...]]()
    solar = bool(product.source) and isinstance(entry_of(product.source), BatteryEntry)
    if machine is not None:
        homes = dict.fromkeys(names, machine.name)
        faults = unit_faults(
            TransferDevices(name="value", homes=homes, machines={machine.name: machine}, seed=seed)
        )
    out = avoided = served = asked = critical = critical_asked = hazard_s = 0.0
    long = survived = dry = hazards = clashes = 0
    spells = zip(history.home.tolist(), history.start_us.tolist(), history.end_us.tolist(), strict=True)
    for home, start_us, end_us in spells:
        lasts_us = end_us - start_us
        spans = [Span(0, lasts_us, "", False)]
        if machine is not None:
            luck, ill = luck_of(seed, names[home]), faults.get(names[home], ())
            spans = through(machine, product.source, lasts_us, luck, start_us, lasts_s, ill)
        fed, shocks = [s for s in spans if s.fed and not s.backfeeds], [s for s in spans if s.backfeeds]
        load = _hours(year_w[0][home], start_us, lasts_us)
        sun_w = _hours(year_w[1][home], start_us, lasts_us)[0] * solar
        given, ends = energy_served(product.source, _pieces(product.source, fed, load, sun_w, critical_w))
        out += lasts_us / HOUR_US
        asked += float(load[0] @ load[1]) / 3.6e6
        critical_asked += float(np.minimum(load[0], critical_w) @ load[1]) / 3.6e6
        for begins_us, ends_us, watts in given:
            seconds = (ends_us - begins_us) / 1e6
            avoided += seconds / 3600.0
            served += watts * seconds / 3.6e6
            critical += min(critical_w, watts) * seconds / 3.6e6
        dry += ends
        if lasts_us / 1e6 > FOOD_S:
            long += 1
            survived += _longest_gap_s(given, lasts_us) <= FOOD_S
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
    machine: Machine,
    source: str,
    lasts_us: int,
    luck: Luck,
    start_us: int = 0,
    backfeed_s: float = math.inf,
    faults: tuple[str, ...] = (),
) -> list[Span]:
    """A product's machine through one loss of the grid, from its first instant to the grid's return.

    The grid is gone on both legs at once. A battery is ready all the time; a generator gives voltage once the machine
    has told it to run for its starting time, and none any more once it has stood on the dead grid for `backfeed_s`,
    until it is started anew. `faults` are those of the unit. What a dead grid fed by the home itself looks like is left
    out.
    """
    battery = isinstance(entry_of(source), BatteryEntry)
    device, now, spans = at_start(machine, faults), 0, list[Span]()
    ready_us: int | None = 0 if battery else None
    starts_us = 0 if battery else round(float(engine_of(source).units[0, engines.START_S]) * 1e6)
    for _ in range(MOST_STEPS):
        alive = ready_us is not None and now >= ready_us
        measured = _measured(device, alive)
        found = step(machine, device, measured, start_us + now, luck)
        was, device = device, found.device
        again = ready_us is None and any(deed.kind == Act.RESET_SOURCE for deed in found.deeds)
        if not battery and device.runs and (again or not was.runs):
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


def _hours(year_w: Float, start_us: int, lasts_us: int) -> tuple[Float, Float]:
    """Demand and length [s] of the pieces of an interruption, cut at whole hours."""
    first, last = start_us // HOUR_US, (start_us + lasts_us - 1) // HOUR_US
    edges = np.clip(np.arange(first, last + 2) * HOUR_US, start_us, start_us + lasts_us)
    return year_w[np.arange(first, last + 1) % len(year_w)], np.diff(edges) / 1e6


def _pieces(
    source: str, fed: Sequence[Span], load: tuple[Float, Float], sun_w: Float, critical_w: float
) -> list[Piece]:
    """Stretches in which the source feeds the home, cut where demand changes; cords carry what is critical alone."""
    if not fed:
        return []
    watts, lengths = load
    ends = np.rint(np.cumsum(lengths) * 1e6).astype(np.int64)
    begins, most_w = ends - np.rint(lengths * 1e6).astype(np.int64), rated_w(source)
    found = []
    for span in fed:
        limit_w = min(most_w, critical_w) if span.fed == "cords" else most_w
        for w, sun, a, b in zip(watts.tolist(), sun_w.tolist(), begins.tolist(), ends.tolist(), strict=True):
            start, end = max(a, span.start_us), min(b, span.end_us)
            if end > start:
                found.append(Piece(start, end, min(w, limit_w), sun))
    return found


def _longest_gap_s(fed: Sequence[Served], lasts_us: int) -> float:
    """Longest stretch of an interruption without supply."""
    gap, last = 0, 0
    for start, end, _ in fed:
        gap, last = max(gap, start - last), end
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
