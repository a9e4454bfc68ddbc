"""What a scenario may say: frozen tables, strict types, every key described once.

The descriptions are the reference that ``docs/scenarios.md`` prints; `cosim.scenario.rules`
holds what must be true between keys, `cosim.scenario.loading` reads files and overrides.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from cosim import library
from cosim.scenario.der_schema import BatteryTable, Ev
from cosim.scenario.electrification import Electrification
from cosim.scenario.quantities import (
    AGES_Y,
    DAY_US,
    Age,
    Amount,
    Duration,
    Moment,
    Strict,
    parse_age,
    parse_moment,
)

HOME_QUANTITIES = (
    "voltage_l1_v",
    "voltage_l2_v",
    "service_power_w",
    "service_current_a",
    "panel_power_w",
    "branch_power_w",
    "pv_power_w",
    "ev_power_w",
    "jaw_rise_k",
    "bus_bar_rise_k",
    "factory_terminal_rise_k",
    "field_terminal_rise_k",
    "adapter_temperature_c",
    "heat_margin_k",
    "material_margin_k",
    "drop_temperature_c",
    "indoor_temperature_c",
    "water_temperature_c",
    "shed_w",
    "ev_charge_pu",
    "battery_charge_pu",
)
SERVICE_A = (30.0, 1200.0)  # smallest and largest service rating [A]
SOCKETS = tuple(library.names("sockets"))
GROUP_NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"

FaultName = Literal["line-ground", "line-line", "line-line-ground", "three-phase", "three-phase-ground"]
EventKind = Literal["outage", "open", "close", "der-disconnect", "der-connect", "source-voltage"]


def _instant(value: object) -> object:
    if isinstance(value, str) and value in ("start", "peak"):
        return value
    try:
        return parse_moment(value)
    except PydanticCustomError:
        raise PydanticCustomError(
            "instant", 'should be "start", "peak" or a local date-time such as 2026-07-14T18:00:00'
        ) from None


def _entry(value: object) -> object:
    return None if value == "none" else value  # an override cannot write "nothing" otherwise


Instant = Annotated[str | datetime, BeforeValidator(_instant)]
EntryName = Annotated[str | None, BeforeValidator(_entry)]
GroupName = Annotated[str, Field(pattern=GROUP_NAME)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FeederSpec(Strict):
    """Where the feeder comes from; keys beside `source` and `seed` belong to one kind of source."""

    source: str = Field(
        default="generated",
        description='"generated", "opendss:MASTER.dss", "file:NAME.feeder" or "pandapower:NET.json"',
    )
    seed: int = Field(
        default=7, ge=0, lt=2**63, description="generated, pandapower: seed of what is left to chance"
    )
    homes: int = Field(default=240, ge=4, le=20_000, description="generated: number of homes")
    voltage_kv: float = Field(
        default=12.47, description="generated: primary, line to line; 4.16, 12.47, 13.2, 13.8, 24.9 or 34.5"
    )
    density_homes_per_km2: float = Field(
        default=1200.0, ge=50.0, le=5000.0, description="generated: homes per square kilometre"
    )
    overhead_share: Share = Field(default=0.7, description="generated: share of laterals on poles")
    kw_per_home: float = Field(
        default=3.5, ge=0.2, le=10.0, description="generated: mean demand of a home at the feeder's peak"
    )
    substation_distance_km: float = Field(
        default=0.8, ge=0.05, le=20.0, description="generated: from the substation to the first homes"
    )
    short_circuit_mva: float = Field(
        default=1500.0,
        ge=50.0,
        le=50_000.0,
        description="generated: three-phase strength of the 115 kV source",
    )
    kva_per_home: float = Field(
        default=2.75, gt=0.0, le=100.0, description="pandapower: a load becomes homes of about this size"
    )
    drop_length_m: tuple[float, float] = Field(
        default=(24.4, 0.45), description="pandapower: median and lognormal sigma of service drops"
    )

    @property
    def kind(self) -> str:
        """``generated``, ``opendss``, ``file`` or ``pandapower``."""
        return self.source.partition(":")[0]

    @property
    def path(self) -> Path:
        """File of a source that has one; absolute once loaded from a scenario file."""
        return Path(self.source.partition(":")[2])


class WeatherSpec(Strict):
    """Air, sun and wind over the run."""

    source: str = Field(
        default="tmy3:greensboro",
        description='"tmy3:greensboro" or another typical year of models/weather, "file:PATH" (TMY3 or NSRDB PSM as '
        '.csv, .epw, .tm2), "synthetic:LATITUDE[,LONGITUDE]" (a drawn year), "clear:LATITUDE,LONGITUDE" (clear sky) '
        'or "constant:CELSIUS" (no sun), see docs/weather.md',
    )
    clouds: Literal["minute", "hourly"] = Field(
        default="minute",
        description='"minute": clouds drift over the feeder, hours keep their means; "hourly": light is smooth and the '
        "same for all homes",
    )


class MeasuredSpec(Strict):
    """How the file of measured demand is to be read and used, see docs/demand-measured.md."""

    layout: Literal["wide", "long"] = Field(
        default="wide", description='"wide": time, then a column a home; "long": a row a home and time'
    )
    columns: tuple[str, str, str] = Field(
        default=("home", "time", "value"), description="long: names of the columns of home, time and value"
    )
    unit: Literal["kW", "kWh", "pu"] = Field(
        default="kW", description='"kW" in the mean, "kWh" an interval, or "pu" of nominal'
    )
    stamp: Literal["begin", "end"] = Field(
        default="begin", description="what a time stamp names of its interval"
    )
    timezone: str = Field(
        default="standard",
        description='of stamps without an offset from UTC: "standard" (local, no daylight saving), "local" (by the '
        'wall clock of `timezone`), or an IANA name such as "UTC"',
    )
    negative: bool = Field(
        default=False, description="whether values below zero may stand, as of a net meter"
    )
    repeat: bool = Field(
        default=False, description="whether series shorter than the run begin again from their start"
    )
    assign: Literal["either", "name", "draw"] = Field(
        default="either",
        description='"name": each home needs the series of its name; "draw": one is drawn for it; "either": its own, '
        "else a drawn one",
    )
    downscale: bool = Field(
        default=False,
        description="whether minutes inside intervals are drawn, energy kept, or hold one value",
    )


class HeadSpec(Strict):
    """Measured power into the feeder that homes' demand is scaled to, see docs/demand-measured.md."""

    source: str = Field(description='"csv:PATH" or "parquet:PATH" of two columns, time and power')
    unit: Literal["kW", "kWh"] = Field(default="kW", description='"kW" in the mean, or "kWh" an interval')
    stamp: Literal["begin", "end"] = Field(
        default="begin", description="what a time stamp names of its interval"
    )
    timezone: str = Field(
        default="standard", description="of stamps without an offset, as under [demand.measured]"
    )


class DemandSpec(Strict):
    """What homes draw besides EV chargers and panels of their own."""

    source: str = Field(
        default="households",
        description='"households" (houses, tanks and habits that remember), "feeder" (the feeder file\'s own loads '
        'and load shapes), "csv:PATH" or "parquet:PATH" (measured series), or "dss:PATH" (OpenDSS load shapes)',
    )
    household: str | None = Field(
        default=None,
        description="archetype of models/households for every home; a mix as in the stock if not given",
    )
    scale: float = Field(default=1.0, ge=0.0, le=20.0, description="factor on all panel demand")
    impedance: bool = Field(
        default=False,
        description='"households": resistive shares of end uses go with the square of the voltage, which makes the '
        "power flow half as dear again; else all is constant power",
    )
    electrification: Electrification = Field(
        default=Electrification(), description="what gives way to electricity, and in how many homes"
    )
    measured: MeasuredSpec = Field(
        default=MeasuredSpec(), description="how a file of measured demand is read"
    )
    head: HeadSpec | None = Field(
        default=None, description="measured power into the feeder, which homes' demand is scaled to meet"
    )


def _mode(value: object) -> object:
    """A name alone stands for both curves of an entry."""
    if isinstance(value, str):
        return None if value == "none" else {"volt_var": value, "volt_watt": value}
    return value


class Inverter(Strict):
    """What the inverters of a group's solar and batteries do for the voltage, see docs/inverters.md.

    A name alone, ``inverter = "ieee1547-2018-b"``, stands for both curves of that entry.
    """

    volt_var: EntryName = Field(
        default=None,
        description='reactive power by voltage: mode of models/der such as "ieee1547-2018-b", a TOML path, or "none"',
    )
    volt_watt: EntryName = Field(
        default=None,
        description="limit of solar power by voltage, named like volt_var; batteries are not limited",
    )
    power_factor: float = Field(
        default=1.0,
        description="fixed, in place of volt_var: 0.8 to 1 injects reactive power, -0.8 to -1 absorbs",
    )
    priority: Literal["watt", "var", "standard"] | None = Field(
        default=None,
        description='what goes first where the rating does not hold both: "watt", "var", or "standard" (reactive power '
        "up to 0.44 of the rating); the entry's own if not given",
    )
    kva_per_kw: float = Field(
        default=1.0, ge=1.0, le=2.0, description="apparent power rating over largest active power"
    )
    ride_through: EntryName = Field(
        default=None,
        description="trips, ride-through and return: profile of models/grid-profiles or a TOML path; "
        "if not given, the one of the curves' name if there is one, else ieee1547-2018-iii",
    )
    randomised_delay: Duration | None = Field(
        default=None,
        description="up to this much longer each inverter waits before it enters service, and enters without a ramp",
    )


def _jaws(value: object) -> object:
    """A word or an age alone stands for a table."""
    if value is None or isinstance(value, Mapping | Jaws):
        return value
    if value in ("new", "population"):
        return None if value == "new" else {}
    try:
        parse_age(value)
    except PydanticCustomError:
        low, high = AGES_Y
        message = (
            f'should be "new", "population", years from "{low:g} y" to "{high:g} y", or a table such as '
        )
        raise PydanticCustomError("jaws", message + '{ age = "12 y", poor_share = 0.01 }') from None
    return {"age": value}


class Jaws(Strict):
    """Years that the jaws of a group's sockets and adapters have seen, see docs/contacts.md.

    A text alone, ``jaws = "population"`` or ``jaws = "12 y"``, stands for a table.
    """

    age: Age = Field(  # type: ignore[assignment]
        default="10 y",
        description='years since adapter and meter were put in, "0.25 y" to "60 y", by quarters',
    )
    poor_share: Share | None = Field(
        default=None,
        description="chance that putting in the adapter, or the meter, leaves a poor jaw; that of models/contacts "
        "(0.001) if not given",
    )


class HomeGroup(Strict):
    """Homes that get the same kit; groups take homes in the order they are written."""

    share: Share = Field(description="share of all homes, exact to one home")
    adapter: EntryName = Field(default=None, description='adapter of models/adapters, a TOML path, or "none"')
    service_rating_a: float | None = Field(
        default=None,
        ge=SERVICE_A[0],
        le=SERVICE_A[1],
        description="service rating [A]; the feeder's own if not given",
    )
    socket: str | None = Field(
        default=None,
        description="socket of models/sockets, ring or ringless with its rating: ringless-60, -100, -125, -150, -200, "
        "-320 or -400, and ringless-200-5 with five jaws; the feeder's own if not given",
    )
    pv_kw: Amount = Field(
        default=Amount(value=0.0),
        description="solar power [kW]: a number, { uniform = [low, high] } or { normal = [mean, deviation] }",
    )
    pv_tilt_deg: Amount = Field(
        default=Amount(uniform=(15.0, 35.0)), description="tilt of the modules [degree], given like pv_kw"
    )
    pv_azimuth_deg: Amount = Field(
        default=Amount(uniform=(120.0, 240.0)), description="azimuth [degree], 180 is south, given like pv_kw"
    )
    battery: BatteryTable = Field(
        default=None, description="battery: a name of models/der, or a table { entry, mode, reserve, ... }"
    )
    generator: EntryName = Field(default=None, description="generator of models/der")
    inverter: Annotated[Inverter | None, BeforeValidator(_mode)] = Field(
        default=None,
        description="smart functions of solar and battery: a mode of models/der, or a table; unity power factor "
        "if not given",
    )
    jaws: Annotated[Jaws | None, BeforeValidator(_jaws)] = Field(
        default=None,
        description='"new" (if not given), "population" (drawn from models/contacts, 10 years old), an age '
        'such as "12 y", or a table',
    )
    ev: Ev | None = Field(default=None, description="EV chargers: { share, charger_kw, mode, ... }")
    service_limit: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="share of the service rating inside which the home is kept, car first, then loads that may be "
        "shed; that of an adapter that manages loads if not given, else none",
    )
    household: str | None = Field(default=None, description="archetype in place of the one under [demand]")


class PopulationSpec(Strict):
    """A table of homes in place of groups."""

    table: str | None = Field(
        default=None, description="CSV with one row a home; docs/scenarios.md lists its columns"
    )


class Event(Strict):
    """Something that happens at a time."""

    at: Moment = Field(description="local date-time, inside the run")
    kind: EventKind = Field(description="what happens")
    where: str = Field(
        default="", description='"line:NAME", "home:NAME" or "group:NAME"; left out for source-voltage'
    )
    duration: Duration | None = Field(
        default=None, description="time until it is undone; not given: it stays"
    )
    value_pu: float | None = Field(
        default=None,
        ge=0.05,
        le=1.5,
        description="of source-voltage: what the substation's voltage is multiplied with, such as 0.6 in a sag",
    )


class FaultDutySpec(Strict):
    """Fault current at every socket, at chosen times."""

    at: tuple[Instant, ...] = Field(
        default=("start",), min_length=1, description='"start", "peak" (highest feeder load), or date-times'
    )
    kinds: tuple[FaultName, ...] = Field(
        default=(),
        description="kinds of fault to study at every bus of the feeder too: line-ground, line-line, line-line-ground, "
        "three-phase, three-phase-ground",
    )
    contributions: bool = Field(
        default=False,
        description="whether solar, batteries and generators feed the fault, each listed; the verdict counts them",
    )
    let_through: bool = Field(
        default=False,
        description="whether faults are followed until they are cleared: time, I2t, peak, heat of the metal, a verdict "
        "on each device",
    )
    minimum_fault_ohm: float | None = Field(
        default=None,
        gt=0.0,
        le=1000.0,
        description="resistance inside the smallest fault, and whether that is cleared",
    )


class BackfeedSpec(Strict):
    """What homes' sources energise when nothing isolates them from a dead feeder, see docs/backfeed.md."""

    homes: tuple[str, ...] = Field(min_length=1, description='whose source runs: "home:NAME" or "group:NAME"')
    most: int = Field(default=10, ge=1, le=1000, description="homes studied at most, in the feeder's order")
    source: EntryName = Field(
        default=None,
        description="generator or grid-forming battery of models/der; the home's own if not given",
    )
    source_kva: float | None = Field(
        default=None, gt=0.0, le=100.0, description="its rating; that of the entry if not given"
    )
    isolation: Literal["fails", "missing", "works"] = Field(
        default="fails", description='the adapter "fails" to isolate, is "missing", or "works"'
    )
    open: tuple[str, ...] = Field(
        default=(), description='lines that are open, "line:NAME"; the utility always is'
    )
    load_share: float = Field(
        default=1.0, ge=0.0, le=2.0, description="share of nominal load that stays connected"
    )
    body_ohm: float = Field(
        default=1000.0, ge=1.0, le=1e6, description="resistance of whoever touches a primary conductor [ohm]"
    )


class StudiesSpec(Strict):
    """Studies beside the time series."""

    fault_duty: FaultDutySpec | None = Field(default=None, description="fault current against every rating")
    backfeed_hazard: BackfeedSpec | None = Field(
        default=None, description="sources that nothing isolates from the dead feeder"
    )


class BreakersSpec(Strict):
    """What people do about tripped breakers."""

    reset_after: Duration | None = Field(
        default=None, description="time after which a tripped breaker is closed again"
    )


class ControlsSpec(Strict):
    """Regulators and switched capacitors of the feeder, see docs/controls.md."""

    regulators: bool = Field(
        default=False, description="whether regulators move their taps; each move costs a step of its own"
    )
    capacitors: bool = Field(default=False, description="whether switched capacitors switch")
    sampling: Duration | None = Field(
        default=None,
        description="controls look at whole multiples of this only; all the time if not given",
    )


class RecordSpec(Strict):
    """What the result file keeps beside events and the envelope of every home."""

    full: tuple[str, ...] = Field(
        default=(), description='homes at every step: "home:NAME" or "worst:QUANTITY:COUNT"'
    )
    interval: Duration | None = Field(
        default=None, description="interval of the envelopes; hourly up to 31 d and daily beyond if not given"
    )
    quantize: bool = Field(
        default=True, description="round recorded values to a power of two, a third of the size"
    )


class Scenario(Strict):
    """One case: a feeder, its homes, a stretch of time, what happens, what is kept.

    Durations are held as integer microseconds and written as text with a unit. Date-times are
    local to `timezone`. Load one with `Scenario.load`; see ``docs/scenarios.md`` for every key.
    """

    # Where it was written, for messages only: no part of what the case is.
    _file: str = PrivateAttr(default="")
    _lines: Mapping[tuple[str | int, ...], int] = PrivateAttr(default_factory=dict)

    title: str = Field(default="", max_length=200, description="one line that says what the case shows")
    start: Moment = Field(description="local date-time at which the run starts")
    timezone: str = Field(default="America/New_York", description="IANA name of the local time")
    duration: Duration = Field(description='length of the run, such as "7 d"')
    step: Duration = Field(default="60 s", description="study step, 1 s to 15 min, dividing a day")  # type: ignore[assignment]
    seed: int = Field(default=1, ge=0, lt=2**63, description="seed of every random draw")
    solver: Literal["cosim", "pandapower"] = Field(
        default="cosim", description='"pandapower" is a slow reference for feeders it can represent'
    )
    tolerance_pu: float = Field(
        default=1e-6,
        ge=1e-12,
        le=1e-3,
        description="largest voltage change at which a power flow has settled",
    )
    utility: EntryName = Field(
        default=None,
        description="utility of models/utilities, against whose rules every home is held, see docs/adapters.md",
    )
    feeder: FeederSpec = Field(default=FeederSpec(), description="where the feeder comes from")
    weather: WeatherSpec = Field(default=WeatherSpec(), description="air, sun and wind")
    demand: DemandSpec = Field(default=DemandSpec(), description="what homes draw")
    homes: Mapping[GroupName, HomeGroup] = Field(default={}, description="groups of homes with the same kit")
    population: PopulationSpec = Field(
        default=PopulationSpec(), description="a table of homes in place of groups"
    )
    events: tuple[Event, ...] = Field(default=(), description="what happens, in any order")
    studies: StudiesSpec = Field(default=StudiesSpec(), description="studies beside the time series")
    breakers: BreakersSpec = Field(
        default=BreakersSpec(), description="what people do about tripped breakers"
    )
    controls: ControlsSpec = Field(default=ControlsSpec(), description="regulators and switched capacitors")
    record: RecordSpec = Field(default=RecordSpec(), description="what the result file keeps")
    variants: Mapping[GroupName, Mapping[str, Any]] = Field(
        default={},
        description="named differences: [variants.NAME] holds keys as in the file, nested or dotted",
    )

    def __hash__(self) -> int:
        return hash(self.to_json())

    def written(self, *path: str | int) -> tuple[str, int]:
        """File and line of a key as the scenario was loaded; "" and 0 where it was not read from a file."""
        return self._file, self._lines.get(path, 0)

    @property
    def duration_us(self) -> int:
        """Length of the run in microseconds."""
        return self.duration

    @property
    def step_us(self) -> int:
        """Study step in microseconds."""
        return self.step

    @property
    def steps(self) -> int:
        """Number of study steps."""
        return self.duration // self.step

    @property
    def record_interval_us(self) -> int:
        """Interval of the envelopes in microseconds, the default resolved, never under a step."""
        chosen = self.record.interval or (DAY_US // 24 if self.duration <= 31 * DAY_US else DAY_US)
        return max(chosen, self.step)

    @property
    def start_utc(self) -> datetime:
        """Start of the run as an aware date-time in UTC."""
        return self.utc(self.start)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def utc(self, local: datetime) -> datetime:
        """Aware UTC date-time of a local one; the first of two equal clock times in autumn."""
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def elapsed_us(self, local: datetime) -> int:
        """Microseconds from the start of the run to a local date-time, daylight saving counted."""
        return (self.utc(local) - self.start_utc) // timedelta(microseconds=1)

    def local(self, time_us: int) -> datetime:
        """Local naive date-time of a time of the run."""
        moment = self.start_utc + timedelta(microseconds=time_us)
        return moment.astimezone(self.zone).replace(tzinfo=None)

    @classmethod
    def load(
        cls,
        path: str | Path,
        overrides: Mapping[str, object] | None = None,
        variant: str | None = None,
    ) -> Scenario:
        """Read, change and check a scenario; see `cosim.scenario.loading.load`."""
        from cosim.scenario.loading import load

        return load(path, overrides=overrides, variant=variant)

    def to_json(self) -> str:
        """Everything, as JSON text that `from_json` reads back."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=False)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Scenario from the text of `to_json`; files it names need not exist any more.

        Raises
        ------
        ScenarioError
            If the text was not written by `to_json`.
        """
        from cosim.scenario.loading import from_json

        return from_json(text)

    def digest(self) -> str:
        """Hexadecimal digest of all that decides the run, the contents of its files included."""
        from cosim.scenario.loading import digest

        return digest(self)


def annotation_at(path: tuple[str | int, ...]) -> Any:
    """Declared type at a path of keys and indices; None where the schema knows nothing."""
    here: Any = Scenario
    for part in path:
        here = _inside(here, part)
        if here is None:
            return None
    return here


def keys_at(path: tuple[str | int, ...]) -> list[str]:
    """Keys a table at `path` may have; empty for free tables and for what is not a table."""
    model = model_of(annotation_at(path))
    return list(model.model_fields) if model else []


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as ``Ev | None``."""
    candidates = _members(annotation)
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _members(annotation: Any) -> list[Any]:
    """Alternatives of a type: ``Annotated`` unwrapped, unions split, None dropped."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin is typing.Union or origin is types.UnionType:
        return [m for a in typing.get_args(annotation) if a is not type(None) for m in _members(a)]
    return [annotation]


def _inside(annotation: Any, part: str | int) -> Any:
    model = model_of(annotation)
    if model is not None:
        field = model.model_fields.get(str(part))
        return field.annotation if field else None
    for member in _members(annotation):
        origin, arguments = typing.get_origin(member), typing.get_args(member)
        if origin is tuple and isinstance(part, int):
            return arguments[0]
        if origin is not None and origin is not tuple and isinstance(part, str):
            return arguments[1]
    return None
