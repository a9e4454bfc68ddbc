"""How long a home's source stands on a dead feeder: until its engine stalls or runs dry, or its breaker opens.

The instants come from `cosim.electrical.backfeed`, the ends from the models of what gives way: the engine and tank of
`GeneratorFleet`, the bimetal of `BreakerFleet`, the stated overload of a battery's inverter. What its field does in
between is not known of portable sets and is therefore bounded: a regulator that holds the voltage behind the first
reactance for ever ("held"), or a field that decays as after a short circuit ("decays"). A crew and the utility may end
it earlier: `spell`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cosim import library
from cosim.devices import generator_kernels as engines
from cosim.devices.breaker import BreakerFleet
from cosim.devices.generator import GeneratorFleet
from cosim.electrical.backfeed import Backfeed, HomeSource
from cosim.electrical.circuit import Complex, Float
from cosim.entries import BatteryEntry, GeneratorEntry
from cosim.studies.backfeed_hazard import (
    BODY_OHM,
    OWN_LEVEL,
    SourceModel,
    other_homes,
    primary_base_v,
    source_model,
    split_home,
    stage_weights,
    unit_of,
    verdict,
)
from cosim.studies.contributions import SERVICE_V

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

Excitation = Literal["held", "decays"]
TIMES_S = (0.0, 1 / 60, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0)
HORIZON_S = 48 * 3600.0
SET_BREAKERS = ("branch-30", "branch-50", "branch-60")
DISCONNECT_S = 600.0  # a crew that found voltage looks for the source and pulls the cutout or meter; estimate
NEVER = float("inf")


@dataclass(frozen=True)
class Course:
    """What a source does to one dead topology, if nobody interferes.

    Parameters
    ----------
    home, source, excitation
        Who, with which entry of models/der, and how its field behaves.
    seconds
        (t,) times from the instant at which it stands on the feeder.
    source_a, source_v, power_w, primary_v, contact_a
        (t,) current (larger leg) and voltage of the source, its power, the largest voltage to ground on the primary
        that the home hangs on, and the largest current through a body that touches that primary.
    nodes, homes, lines, line_m
        Conductors above a touch voltage at first: their number, other homes, lines, and the length of these by level.
    breaker, breaker_multiple, breaker_s
        The source's own breaker, its first current over its rating, and when it opens; infinite if never.
    stall_s, dry_s
        When the engine stalls (or the inverter gives up), and when fuel or charge is used up; infinite if never.
    hazard
        "none", "startling", "cannot let go" or "lethal", by the first contact current.
    """

    home: str
    source: str
    excitation: str
    seconds: Float
    source_a: Float
    source_v: Float
    power_w: Float
    primary_v: Float
    contact_a: Float
    nodes: int
    homes: tuple[str, ...]
    lines: tuple[str, ...]
    line_m: dict[str, float]
    breaker: str
    breaker_multiple: float
    breaker_s: float
    stall_s: float
    dry_s: float
    hazard: str

    @property
    def ends_s(self) -> float:
        """When it ends by itself."""
        return min(self.breaker_s, self.stall_s, self.dry_s)

    @property
    def reason(self) -> str:
        """Why it ends by itself; "" if it does not within two days."""
        battery = library.load("der", self.source).kind == "battery"
        ends = {
            "inverter gives up" if battery else "engine stalls": self.stall_s,
            "breaker trips": self.breaker_s,
            "charge used up" if battery else "fuel used up": self.dry_s,
        }
        first = min(ends, key=lambda name: ends[name])
        return first if ends[first] < NEVER else ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what never happens is None."""
        plain = {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in asdict(self).items()
        }
        plain = {key: None if value == NEVER else value for key, value in plain.items()}
        return {**plain, "ends_s": None if self.ends_s == NEVER else self.ends_s, "reason": self.reason}


def backfeed_course(
    feeder: Feeder,
    home: str,
    source: str = "portable-generator-6.25",
    *,
    opened: Collection[int] = (),
    blocks: Mapping[int, Complex] | None = None,
    load_scale: float = 1.0,
    home_load_scale: float | None = None,
    body_ohm: float = BODY_OHM,
    excitation: Excitation = "held",
    compiled: CompiledFeeder | None = None,
) -> Course:
    """Run a home's source into the dead feeder and see how long it lasts.

    Parameters
    ----------
    feeder, compiled
        The feeder, and its compiled form if there is one already.
    home, source
        A split-phase home, and a generator or a grid-forming battery of models/der.
    opened, blocks
        Elements that are open, and elements whose admittance is another one (open conductors, closed ties), by
        number; the utility's sources are always out.
    load_scale, home_load_scale
        Share of nominal load that stays connected at the neighbours, and at the home itself (the same if None).
    body_ohm
        Resistance of whoever touches a primary conductor and earth.
    excitation
        How the field of a generator behaves.

    Raises
    ------
    FeederError
        No such home, or one without two legs.
    LibraryError
        The source is not one that can hold up a dead feeder.
    """
    found = feeder.compile() if compiled is None else compiled
    row, model = split_home(feeder, found, home), source_model(source)
    scale = np.full(len(found.circuit.injectors), load_scale)
    scale[found.circuit.injectors.owner == row] = load_scale if home_load_scale is None else home_load_scale
    one, two, neutral = (int(node) for node in found.home_nodes[row])
    circuit = found.circuit.with_blocks(blocks or {})
    fed = Backfeed(circuit, HomeSource((one, two, neutral), SERVICE_V, model.stages_ohm[0]), opened, scale)
    stages = [fed.stage(z, model.limit_a) for z in model.stages_ohm]
    near = circuit.base_v[fed.primary] <= OWN_LEVEL * primary_base_v(found, unit_of(feeder, found, row))
    primary = fed.primary[near]
    each = {
        "source_a": [float(np.abs(s.source_a).max()) for s in stages],
        "source_v": [abs(s.v[one] - s.v[two]) for s in stages],
        "root_w": [_power_w(s.v[[one, two, neutral]], s.source_a, neutral) ** 0.5 for s in stages],
        "primary_v": [float(np.abs(s.v[primary]).max(initial=0.0)) for s in stages],
        "contact_a": [float(s.contact_a(fed.primary, body_ohm)[near].max(initial=0.0)) for s in stages],
    }

    def at(what: str, times: Float) -> Float:
        shares = stage_weights(model, fed, times)
        if excitation == "held":
            shares = np.zeros_like(shares)
            shares[0] = 1.0
        return np.asarray(np.array(each[what]) @ shares)

    grid = np.concatenate([np.linspace(0.0, 10.0, 401), np.linspace(11.0, 600.0, 590), [HORIZON_S]])
    middle: Float = 0.5 * (grid[1:] + grid[:-1])
    lengths: Float = np.round(np.diff(grid), 6).astype(np.float64)
    current, power_w = at("source_a", middle), at("root_w", middle) ** 2
    breaker, multiple, breaker_s = breaker_end(source, model, current, lengths)
    stall_s, dry_s = source_ends(source, stages[0].scale, current, power_w, lengths)
    times = np.array(TIMES_S)
    contact = at("contact_a", times)
    live = fed.energised(stages[0].v)
    others, _ = other_homes(found, stages[0], row)
    lines, line_m = _live_lines(feeder, found, circuit.without(opened).elements, live)
    return Course(
        home, source, excitation, times, at("source_a", times), at("source_v", times), at("root_w", times) ** 2,
        at("primary_v", times), contact, int(live.sum()), tuple(feeder.home["name"].iloc[i] for i in others),
        lines, line_m, breaker, multiple, breaker_s, stall_s, dry_s, verdict(float(contact[0])),
    )  # fmt: skip


def _power_w(v: Complex, source_a: Complex, neutral: int) -> float:
    """Power that the two halves give."""
    middle = v[2] if neutral >= 0 else 0.0
    given = (v[0] - middle) * np.conj(source_a[0]) + (v[1] - middle) * np.conj(source_a[1])
    return max(float(given.real), 0.0)


def breaker_end(source: str, model: SourceModel, current: Float, lengths: Float) -> tuple[str, float, float]:
    """The source's own breaker under (steps,) currents [A]: its entry, first multiple of its rating, and trip [s].

    A battery's is the one its maker asks for, a generator's the smallest of the library that holds its rated current.
    """
    entry = library.load("der", source)
    rated_a = entry.breaker_a.value if isinstance(entry, BatteryEntry) else model.rated_va / SERVICE_V
    entries = {name: library.load("breakers", name) for name in SET_BREAKERS}
    name = next((n for n, one in entries.items() if one.rating_a.value >= rated_a), SET_BREAKERS[-1])
    one = entries[name]
    fleet = BreakerFleet(
        np.array([one.rating_a.value]),
        np.array([one.thermal_tau_s.value]),
        np.array([one.magnetic_multiple.value]),
        np.array([one.trip_level.value]),
    )
    trip_us = int(fleet.advance(fleet.cold(), current[None], lengths, parallel=False).trip_offset_us[0])
    multiple = float(current[0] / one.rating_a.value)
    if multiple >= one.magnetic_multiple.value:
        return name, multiple, one.clearing_s.value
    return name, multiple, trip_us / 1e6 if trip_us >= 0 else NEVER


def source_ends(
    source: str, scale: float, current: Float, power_w: Float, lengths: Float
) -> tuple[float, float]:
    """When the engine stalls (or the inverter gives up) and when the tank (or battery) is empty.

    An engine is asked for (steps,) `power_w` at its rated speed: that its voltage, and so the load, falls with its
    speed is left out, which makes it stall early. An inverter beyond its continuous current (`scale` below 1: at
    its limit) gives up after its stated overload time.
    """
    entry = library.load("der", source)
    if isinstance(entry, BatteryEntry):
        over = scale < 1.0 or current[0] > entry.continuous_a.value
        stored_j = entry.capacity_kwh.value * 3.6e6 * entry.efficiency_discharge.value
        return entry.fault_time_s.value if over else NEVER, stored_j / max(float(power_w[0]), 1e-9)
    if not isinstance(entry, GeneratorEntry) or entry.engine is None:
        return NEVER, NEVER
    fleet = GeneratorFleet.from_entries([entry])
    state = fleet.initial()
    state[:, engines.DOES] = engines.RUNNING
    done = fleet.advance(state, power_w[None], lengths, np.array([True]), parallel=False)
    when = float(done.first_us[0]) / 1e6 if done.first_us[0] >= 0 else NEVER
    return (when, NEVER) if done.first[0] == engines.STALLED else (NEVER, when)


def _live_lines(
    feeder: Feeder, compiled: CompiledFeeder, elements: tuple[Any, ...], live: Any
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Lines with a live conductor, and their length [m] by level."""
    alive = np.append(live, False)
    names, length_m = [], dict[str, float]()
    line = feeder.line
    for name, level, km, number in zip(
        line["name"], line["level"], line["length_km"], compiled.line_element, strict=True
    ):
        if number >= 0 and np.any(elements[number].y_siemens) and alive[elements[number].nodes].any():
            names.append(str(name))
            length_m[str(level)] = length_m.get(str(level), 0.0) + 1e3 * float(km)
    return tuple(names), length_m


# -- with people around --------------------------------------------------------------------------


@dataclass(frozen=True)
class Spell:
    """One stretch of backfeed.

    Parameters
    ----------
    home, source
        Who, with what.
    start_s, end_s, reason
        When it began, when it ended, and why.
    homes, nodes, primary_m
        Other homes energised, live conductors, length of live primary lines.
    primary_v, contact_a, hazard
        At its beginning.
    hazard_minutes
        How long a primary was live at more than 0.5 mA through a body.
    exposure_minutes
        How much of that while a crew worked on it.
    closing_a
        Worst current of the source if the utility came back out of phase: twice its voltage across its subtransient
        reactance, the grid's own impedance left out; 0 otherwise.
    """

    home: str
    source: str
    start_s: float
    end_s: float
    reason: str
    homes: int
    nodes: int
    primary_m: float
    primary_v: float
    contact_a: float
    hazard: str
    hazard_minutes: float
    exposure_minutes: float
    closing_a: float


def spell(
    course: Course,
    *,
    start_s: float = 0.0,
    crew_s: float = NEVER,
    leaves_s: float = NEVER,
    tests: bool = True,
    returns_s: float = NEVER,
    disconnect_s: float = DISCONNECT_S,
) -> Spell:
    """What ends a course first when people are around.

    Parameters
    ----------
    course
        From `backfeed_course`.
    start_s
        When the source stands on the feeder.
    crew_s, leaves_s
        When a crew begins and ends its work on what the source energises.
    tests
        Whether it tests before it touches (29 CFR 1910.269(n)): a crew that comes upon voltage stays off until the
        source is found and cut off, `disconnect_s` later. One that tested before the source was started, or does not
        test, is exposed.
    returns_s
        When the utility is switched back on.
    """
    ends = {course.reason: start_s + course.ends_s, "utility returns": returns_s}
    if tests and start_s <= crew_s:
        ends["found by the crew"] = crew_s + disconnect_s
    reason = min(ends, key=lambda name: ends[name])
    end = max(ends[reason], start_s)
    if not np.isfinite(end):
        end, reason = start_s + HORIZON_S, "never ended"
    shocks = course.hazard != "none"
    exposed = 0.0
    if shocks and not (tests and start_s <= crew_s):
        exposed = max(min(end, leaves_s) - max(start_s, crew_s), 0.0)
    model = source_model(course.source)
    back = 2.0 * SERVICE_V / abs(model.stages_ohm[0]) if reason == "utility returns" else 0.0
    return Spell(
        course.home, course.source, start_s, end, reason, len(course.homes), course.nodes,
        course.line_m.get("primary", 0.0), float(course.primary_v[0]), float(course.contact_a[0]), course.hazard,
        (end - start_s) / 60.0 if shocks else 0.0, exposed / 60.0, min(back, model.limit_a),
    )  # fmt: skip
