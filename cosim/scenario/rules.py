"""What must be true between the keys of a scenario, and between it and the feeder it names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import available_timezones

from cosim import library
from cosim.scenario.demand_schema import MeasuredSpec
from cosim.scenario.der_rules import battery_violations, ev_violations, generator_violations
from cosim.scenario.entry_rules import Violation, library_violations, nearest
from cosim.scenario.event_rules import event_violations
from cosim.scenario.event_schema import Event
from cosim.scenario.home_schema import SOCKETS
from cosim.scenario.island_rules import island_violations
from cosim.scenario.outage_rules import outage_violations
from cosim.scenario.quantities import DAY_US, MICROSECONDS, Amount, format_duration
from cosim.scenario.schema import Scenario
from cosim.scenario.study_schema import HOME_QUANTITIES
from cosim.scenario.transfer_rules import transfer_violations

VOLTAGES_KV = (4.16, 12.47, 13.2, 13.8, 24.9, 34.5)
DEMAND_FILES = ("csv", "parquet", "dss")
MEASURED_KEYS = tuple(MeasuredSpec.model_fields)
WEATHER_FILES = (".csv", ".epw", ".tm2")
OWN_KEYS = {
    "generated": (
        "homes",
        "voltage_kv",
        "density_homes_per_km2",
        "overhead_share",
        "kw_per_home",
        "substation_distance_km",
        "short_circuit_mva",
        "seed",
    ),
    "pandapower": ("kva_per_home", "drop_length_m", "seed"),
    "opendss": (),
    "file": (),
}
MOST_WORST = 100
LEAST_POWER_FACTOR = 0.8


def violations(
    scenario: Scenario, groups: Collection[str] | None = None, unsure: Collection[str] = ()
) -> Iterator[Violation]:
    """Everything that is wrong between keys.

    Parameters
    ----------
    scenario
        Valid key by key.
    groups
        Names of the groups as written, if some were left out of `scenario`.
    unsure
        Top-level keys whose values stand in for wrong ones: what would be judged by them is not.
    """
    known_groups = set(scenario.homes) if groups is None else groups
    for rule in (
        _time,
        _utility,
        _feeder,
        _weather,
        _demand,
        _shares,
        _kits,
        outage_violations,
        island_violations,
        _record,
    ):
        yield from rule(scenario)
    yield from _backfeed(scenario, known_groups)
    written: dict[Event, int] = {}
    for index, event in enumerate(scenario.events):
        yield from event_violations(event, ("events", index), known_groups)
        if (first := written.setdefault(event, index)) != index:
            yield ("events", index), f"is the same as event number {first}: remove one of them", None
    if not {"start", "duration", "timezone"}.intersection(unsure):
        yield from _moments(scenario)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time(scenario: Scenario) -> Iterator[Violation]:
    step, shown = scenario.step, format_duration(scenario.step)
    if not MICROSECONDS["s"] <= step <= 15 * MICROSECONDS["min"]:
        yield ("step",), "should be between 1 s and 15 min", shown
    elif DAY_US % step:
        yield (
            ("step",),
            "should divide a day into whole steps, such as 1 s, 10 s, 60 s, 5 min or 15 min",
            shown,
        )
    elif scenario.duration % step:
        message = f"should be a whole number of steps of {shown}"
        yield ("duration",), message, format_duration(scenario.duration)
    zones = _zones()
    if scenario.timezone not in zones:
        yield ("timezone",), f"should be an IANA name{nearest(scenario.timezone, zones)}", scenario.timezone
    elif not _exists(scenario, scenario.start):
        yield ("start",), "is skipped by daylight saving time; move it by an hour", scenario.start.isoformat()


def _exists(scenario: Scenario, local: datetime) -> bool:
    back = scenario.utc(local).astimezone(scenario.zone).replace(tzinfo=None)
    return back == local.replace(fold=0)


def _feeder(scenario: Scenario) -> Iterator[Violation]:
    feeder = scenario.feeder
    if feeder.kind not in OWN_KEYS or (feeder.kind == "generated") != (feeder.source == "generated"):
        message = 'should be "generated", "opendss:MASTER.dss", "file:NAME.feeder" or "pandapower:NET.json"'
        yield ("feeder", "source"), message, feeder.source
        return
    if feeder.kind != "generated":
        yield from _file(("feeder", "source"), feeder.path)
    for key in sorted(feeder.model_fields_set - {"source"} - set(OWN_KEYS[feeder.kind])):
        owners = [kind for kind, keys in OWN_KEYS.items() if key in keys]
        message = f"has no meaning for this source; it belongs to {' or '.join(owners)}"
        yield ("feeder", key), message, None
    if feeder.voltage_kv not in VOLTAGES_KV:
        message = f"should be one of {', '.join(f'{kv:g}' for kv in VOLTAGES_KV)}"
        yield ("feeder", "voltage_kv"), message, feeder.voltage_kv
    median, sigma = feeder.drop_length_m
    if not (1 <= median <= 300 and 0 <= sigma <= 1):
        message = "should be [median in metres from 1 to 300, lognormal sigma from 0 to 1]"
        yield ("feeder", "drop_length_m"), message, feeder.drop_length_m


def _utility(scenario: Scenario) -> Iterator[Violation]:
    yield from library_violations(("utility",), "utilities", scenario.utility)


def _weather(scenario: Scenario) -> Iterator[Violation]:
    key, source = ("weather", "source"), scenario.weather.source
    kind, _, value = source.partition(":")
    if kind == "constant":
        if not _numbers_within(value, [(-60.0, 60.0)]):
            yield key, 'should be an air temperature in degrees Celsius, such as "constant:25"', source
    elif kind == "clear":
        if not _numbers_within(value, [(-90.0, 90.0), (-180.0, 180.0)]):
            yield key, 'should be latitude and longitude in degrees, such as "clear:36.1,-79.9"', source
    elif kind == "synthetic":
        limits = [(-90.0, 90.0), (-180.0, 180.0)][: 1 + value.count(",")]
        if not _numbers_within(value, limits):
            message = 'should be latitude or latitude and longitude, such as "synthetic:36.1,-79.9"'
            yield key, message, source
    elif kind == "file":
        if Path(value).suffix.lower() not in WEATHER_FILES:
            yield key, "the file's name should end in .csv (TMY3 or NSRDB PSM), .epw or .tm2", source
        yield from _file(key, Path(value))
    else:
        shipped = [f"{library.raw('weather', name)['format']}:{name}" for name in library.names("weather")]
        if source not in shipped:
            message = (
                'should be "file:PATH", "synthetic:LATITUDE", "clear:LATITUDE,LONGITUDE", "constant:CELSIUS" or a '
                "typical year"
            )
            yield key, f"{message}{nearest(source, shipped)}", source


def _demand(scenario: Scenario) -> Iterator[Violation]:
    demand, key = scenario.demand, ("demand", "source")
    kind, _, value = demand.source.partition(":")
    if kind in DEMAND_FILES and value:
        yield from _file(key, Path(value))
    elif demand.source == "shapes":
        yield key, 'is "households" now: houses, tanks and habits that remember', "shapes"
    elif demand.source not in ("households", "feeder"):
        message = 'should be "households", "feeder", "csv:PATH", "parquet:PATH" or "dss:PATH"'
        yield key, message, demand.source
    yield from library_violations(("demand", "household"), "households", demand.household)
    meant = {"csv": MEASURED_KEYS, "parquet": MEASURED_KEYS, "dss": ("assign", "downscale")}.get(kind, ())
    for name in sorted(demand.measured.model_fields_set - set(meant)):
        yield ("demand", "measured", name), f"has no meaning for demand.source {demand.source!r}", None
    if "columns" in demand.measured.model_fields_set and demand.measured.layout == "wide":
        yield ("demand", "measured", "columns"), 'has no meaning for layout "wide"', None
    yield from _stamps(("demand", "measured"), demand.measured.timezone)
    if demand.head is not None:
        kind, _, value = demand.head.source.partition(":")
        if kind not in DEMAND_FILES[:2] or not value:
            yield ("demand", "head", "source"), 'should be "csv:PATH" or "parquet:PATH"', demand.head.source
        else:
            yield from _file(("demand", "head", "source"), Path(value))
        yield from _stamps(("demand", "head"), demand.head.timezone)


def _stamps(path: tuple[str | int, ...], zone: str) -> Iterator[Violation]:
    if zone not in ("standard", "local", *_zones()):
        message = f'should be "standard", "local" or an IANA name{nearest(zone, _zones())}'
        yield (*path, "timezone"), message, zone


def _shares(scenario: Scenario) -> Iterator[Violation]:
    total = sum(group.share for group in scenario.homes.values())
    if total > 1.0 + 1e-9:
        parts = " + ".join(f"{name} {group.share:g}" for name, group in scenario.homes.items())
        yield ("homes",), f"shares should be at most 1 in sum, they are {total:g} ({parts})", None
    table = scenario.population.table
    if table is not None:
        if scenario.homes:
            yield ("population", "table"), "a table replaces groups: remove it or all of [homes.*]", None
        yield from _file(("population", "table"), Path(table))


def _kits(scenario: Scenario) -> Iterator[Violation]:
    for name, group in scenario.homes.items():
        path = ("homes", name)
        for key, amount, largest in (
            ("pv_kw", group.pv_kw, 100.0),
            ("pv_tilt_deg", group.pv_tilt_deg, 90.0),
            ("pv_azimuth_deg", group.pv_azimuth_deg, 360.0),
        ):
            if amount.largest() > largest:
                yield (*path, key), f"should be at most {largest:g}", amount.largest()
        if group.socket is not None and group.socket not in SOCKETS:
            yield (*path, "socket"), f"unknown socket{nearest(group.socket, SOCKETS)}", group.socket
        yield from library_violations((*path, "adapter"), "adapters", group.adapter)
        yield from library_violations((*path, "household"), "households", group.household)
        yield from battery_violations((*path, "battery"), group.battery, group.service_rating_a)
        yield from ev_violations((*path, "ev"), group.ev)
        yield from generator_violations((*path, "generator"), group.generator)
        yield from transfer_violations(path, group)
        message = "" if group.jaws is None else without_jaws(group.adapter)
        if message:
            yield (*path, "jaws"), message, None
        yield from _inverter(scenario, name)


def without_jaws(adapter: str | None) -> str:
    """Why a home with this adapter has no jaws that could age; empty if it has, or the entry is told already."""
    if adapter is None:
        return 'has no jaws to act on: name an adapter, "bare-socket" for a socket alone, or remove it'
    if next(library_violations((), "adapters", adapter), None) is not None:
        return ""
    joints = library.load("adapters", adapter).heat.joints
    if any(joint.contact and joint.contact_ohm is not None and joint.current != "none" for joint in joints):
        return ""
    return f"has no jaws to act on: no joint of {adapter!r} names an entry of models/contacts"


def _inverter(scenario: Scenario, name: str) -> Iterator[Violation]:
    """What is wrong with the inverter functions of a group."""
    group, path = scenario.homes[name], ("homes", name, "inverter")
    asked = group.inverter
    if asked is None:
        return
    if asked.volt_var == asked.volt_watt:  # as a name alone is written: told once
        yield from library_violations(path, "der", asked.volt_var, der_kind="inverter-mode")
    else:
        for key in ("volt_var", "volt_watt"):
            yield from library_violations((*path, key), "der", getattr(asked, key), der_kind="inverter-mode")
    yield from library_violations((*path, "ride_through"), "grid-profiles", asked.ride_through)
    factor = asked.power_factor
    if not LEAST_POWER_FACTOR <= abs(factor) <= 1.0:
        message = (
            f"should be {LEAST_POWER_FACTOR:g} to 1 (injects) or -{LEAST_POWER_FACTOR:g} to -1 (absorbs)"
        )
        yield (*path, "power_factor"), message, factor
    elif abs(factor) != 1.0 and asked.volt_var is not None:
        message = 'a fixed power factor excludes volt_var: leave one out, or set volt_var = "none"'
        yield (*path, "power_factor"), message, factor
    if group.pv_kw == Amount(value=0.0) and group.battery is None:
        yield path, "has no inverter to act on: give the group pv_kw or a battery, or remove it", None
    if scenario.solver == "pandapower":
        yield path, 'cannot be simulated with solver = "pandapower"; use solver = "cosim"', None


def _moments(scenario: Scenario) -> Iterator[Violation]:
    """Date-times outside the run or in the hour that daylight saving skips."""
    if scenario.timezone not in _zones():
        return  # told already
    moments: list[tuple[tuple[str | int, ...], datetime]] = [
        (("events", index, "at"), event.at) for index, event in enumerate(scenario.events)
    ]
    moments += [(("storms", index, "at"), storm.at) for index, storm in enumerate(scenario.storms)]
    duty = scenario.studies.fault_duty
    for index, at in enumerate(duty.at if duty else ()):
        if isinstance(at, datetime):
            moments.append((("studies", "fault_duty", "at", index), at))
    for path, at in moments:
        if not _exists(scenario, at):
            yield path, "is skipped by daylight saving time; move it by an hour", at.isoformat()
        elif not 0 <= scenario.elapsed_us(at) < scenario.duration:
            end = scenario.local(scenario.duration)
            yield path, f"should be within the run, {scenario.start} to {end}", at.isoformat()
        elif path[0] == "studies" and scenario.elapsed_us(at) % scenario.step:
            step = format_duration(scenario.step)
            yield path, f"should be a whole number of steps of {step} after the start", at.isoformat()


def _backfeed(scenario: Scenario, groups: Collection[str]) -> Iterator[Violation]:
    """What is wrong with the study of sources that nothing isolates."""
    asked, path = scenario.studies.backfeed_hazard, ("studies", "backfeed_hazard")
    if asked is None:
        return
    for index, target in enumerate(asked.homes):
        place, _, name = target.partition(":")
        if place not in ("home", "group") or not name:
            yield (*path, "homes", index), 'should be "home:NAME" or "group:NAME"', target
        elif place == "group" and name not in groups:
            yield (*path, "homes", index), f"no group of this name{nearest(name, groups)}", target
    for index, target in enumerate(asked.open):
        if not target.startswith("line:") or target == "line:":
            yield (*path, "open", index), 'should be "line:NAME"', target
    yield from _holds_up(asked.source, (*path, "source"))


def _holds_up(name: str | None, path: tuple[str | int, ...]) -> Iterator[Violation]:
    """Whether an entry can hold up a dead feeder."""
    found = list(library_violations(path, "der", name))
    yield from found
    if name is None or found:
        return
    entry = library.load("der", name)
    if entry.kind != "generator" and not (entry.kind == "battery" and entry.forms_grid):
        yield (
            path,
            "follows a grid and ceases without one: name a generator or a battery that forms a grid",
            name,
        )


def _record(scenario: Scenario) -> Iterator[Violation]:
    for index, target in enumerate(scenario.record.full):
        path = ("record", "full", index)
        kind, _, rest = target.partition(":")
        quantity, _, count = rest.partition(":")
        if kind == "home" and rest:
            continue
        if kind != "worst" or not count:
            yield path, 'should be "home:NAME" or "worst:QUANTITY:COUNT"', target
            continue
        if resolve_quantity(quantity) is None:
            yield path, f"unknown quantity{nearest(quantity, HOME_QUANTITIES)}", target
        if not count.isdigit() or not 1 <= int(count) <= MOST_WORST:
            yield path, f"the count should be a whole number from 1 to {MOST_WORST}", target
    interval = scenario.record.interval
    if interval is not None and (interval % scenario.step or interval > 31 * DAY_US):
        message = f"should be a whole number of steps of {format_duration(scenario.step)}, at most 31 d"
        yield ("record", "interval"), message, format_duration(interval)
    between = scenario.record.checkpoint
    told = DAY_US % scenario.step  # no checkpoint could be right before the step is
    if not told and (between % scenario.step or DAY_US % between):
        message = f"should be a whole number of steps of {format_duration(scenario.step)} and divide a day"
        yield ("record", "checkpoint"), message, format_duration(between)


def resolve_quantity(name: str) -> str | None:
    """Full name of a home quantity; its unit suffix may be left out, as in ``adapter_temperature``."""
    return next((q for q in HOME_QUANTITIES if name in (q, q.rpartition("_")[0])), None)


def resolve_home(name: str, homes: Sequence[str]) -> int | None:
    """Index of a home given by its name, or by what follows ``home-`` in it."""
    for candidate in (name, f"home-{name}"):
        if candidate in homes:
            return homes.index(candidate)
    return None


def _file(path: tuple[str | int, ...], file: Path) -> Iterator[Violation]:
    if not file.is_file():
        yield path, "no such file; paths are relative to the scenario file", str(file)


def _numbers_within(text: str, limits: list[tuple[float, float]]) -> bool:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        return False
    return len(values) == len(limits) and all(
        low <= value <= high for value, (low, high) in zip(values, limits, strict=True)
    )
