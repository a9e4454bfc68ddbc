"""What an entry of ``models/`` may hold: frozen, strict models, and a source for every number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

Confidence = Literal["measured", "stated", "derived", "estimate", "not found"]


class Frozen(BaseModel):
    """Immutable, exact in type, closed to unknown keys and to NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Quantity(Frozen):
    """A number about a product, with what is needed to judge it.

    Parameters
    ----------
    value
        The number, NaN if (and only if) the confidence is ``not found``.
    unit
        Unit as the field states it.
    source
        Where the number comes from, or the reasoning of an estimate.
    confidence
        ``measured`` on a unit; ``stated`` by a maker, utility, laboratory or standard; ``derived``
        from such numbers by arithmetic; ``estimate`` by engineering judgement; ``not found`` if
        looked for in vain.
    range
        Interval in which the true number is believed to lie.
    note
        Anything else.
    """

    value: float = math.nan
    unit: str
    source: str = Field(min_length=3)
    confidence: Confidence
    range: tuple[float, float] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Quantity:
        if self.known == math.isnan(self.value):
            raise ValueError("give a value, or set confidence = 'not found' and leave the value out")
        if self.range is not None and not self.range[0] <= self.value <= self.range[1]:
            raise ValueError(f"the range {list(self.range)} must enclose the value {self.value:g}")
        if self.confidence == "estimate" and self.range is None:
            raise ValueError("an estimate needs a range = [lowest, highest]")
        return self

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return self.confidence != "not found"


@dataclass(frozen=True)
class Asked:
    """What one field asks of its quantity: unit, bounds, and whether it may be ``not found``."""

    unit: str
    low: float
    high: float
    known: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        value = {"minimum": self.low} | ({"maximum": self.high} if math.isfinite(self.high) else {})
        narrowed = {"properties": {"unit": {"const": self.unit}, "value": value}}
        return {"allOf": [handler(schema), narrowed | ({"required": ["value"]} if self.known else {})]}

    def check(self, quantity: Quantity) -> Quantity:
        """The quantity itself; raises `ValueError` if it is not what the field asks for."""
        unit, low, high = self.unit, self.low, self.high
        if quantity.unit != unit:
            raise ValueError(f"the unit must be {unit!r}, not {quantity.unit!r}; convert the value")
        if self.known and not quantity.known:
            raise ValueError("a number is needed here; give an estimate with its reasoning and range")
        ends = (quantity.value, *(quantity.range or ()))
        if quantity.known and not all(low <= end <= high for end in ends):
            raise ValueError(f"value and range must lie between {low:g} and {high:g} {unit}")
        return quantity


def of(unit: str, low: float = 0.0, high: float = math.inf, *, known: bool = True) -> Asked:
    """Check of one field: its unit, its bounds, and whether it may be ``not found``."""
    # As floats: 1 and 1.0 are one key of typing's cache, and the schema would tell the one that came first.
    return Asked(unit, float(low), float(high), known)


class Entry(Frozen):
    """What all entries share.

    Parameters
    ----------
    name
        File name without ``.toml``; put in by the loader.
    title
        Product or object as a person would say it.
    description
        What it is and does.
    """

    name: str
    title: str
    description: str = ""

    def references(self) -> list[tuple[str, str]]:
        """Other entries this one needs, as (kind, name), sorted."""
        return []

    def misfit(self, kind: str, name: str) -> str:
        """Why an entry that `references` names, and that is there, cannot serve this one; empty if it can."""
        return ""


class Insulation(Frozen):
    """What surrounds an overhead conductor: what it lets through, gives to the air and bears for its life."""

    limit_c: Annotated[Quantity, of("degC", 40.0, 250.0)]
    conductivity: Annotated[Quantity, of("W/(m K)", 0.01, 10.0)]
    emissivity: Annotated[Quantity, of("1", 0.0, 1.0)]
    solar_absorptance: Annotated[Quantity, of("1", 0.0, 1.0)]


class ConductorEntry(Entry):
    """A wire of a line, drop or service: per conductor, at 60 Hz; `insulation` if its heat is simulated."""

    material: Literal["aluminium", "acsr", "copper", "aluminium-alloy"]
    r_ohm_per_km: Annotated[Quantity, of("ohm/km")]
    r_temperature_c: Annotated[Quantity, of("degC", -40, 200)]
    gmr_m: Annotated[Quantity, of("m")]
    diameter_m: Annotated[Quantity, of("m")]
    insulation_m: Annotated[Quantity, of("m")]
    ampacity_a: Annotated[Quantity, of("A", known=False)]
    insulation: Insulation | None = None


class MaterialEntry(Entry):
    """What a part is made of, near 20 degC; resistivity ``not found`` for an insulator.

    `temperature_limit_c` is what it bears for its life (UL 746 relative thermal index or the like),
    `heat_deflection_c` where it gives way under load; `solar_absorptance` is the share of sunlight it keeps.
    """

    density: Annotated[Quantity, of("kg/m3")]
    heat_capacity: Annotated[Quantity, of("J/(kg K)")]
    conductivity: Annotated[Quantity, of("W/(m K)")]
    emissivity: Annotated[Quantity, of("1", 0.0, 1.0)]
    resistivity: Annotated[Quantity, of("ohm m", known=False)]
    resistivity_slope: Annotated[Quantity, of("1/K", known=False)]
    temperature_limit_c: Annotated[Quantity, of("degC", -60.0, 2000.0, known=False)] | None = None
    heat_deflection_c: Annotated[Quantity, of("degC", -60.0, 2000.0, known=False)] | None = None
    solar_absorptance: Annotated[Quantity, of("1", 0.0, 1.0, known=False)] | None = None


class LiquidHeat(Frozen):
    """What IEEE C57.91 clause 7 asks of a liquid-filled transformer; rises at rating over the air."""

    oil_rise_k: Annotated[Quantity, of("K", 1.0, 150.0)]
    hot_spot_rise_k: Annotated[Quantity, of("K", 1.0, 200.0)]
    oil_exponent: Annotated[Quantity, of("1", 0.1, 2.0)]
    winding_exponent: Annotated[Quantity, of("1", 0.1, 2.0)]
    oil_tau_h: Annotated[Quantity, of("h", 0.01, 100.0)]
    winding_tau_min: Annotated[Quantity, of("min", 0.1, 1000.0)]

    @model_validator(mode="after")
    def _hotter(self) -> LiquidHeat:
        if self.hot_spot_rise_k.value <= self.oil_rise_k.value:
            raise ValueError("hot_spot_rise_k counts from the air, so it must exceed oil_rise_k")
        return self


class TransformerEntry(Entry):
    """A service transformer; percentages on its own rating; `heat` if its temperature is simulated."""

    phases: Literal[1, 3] = 1
    kva: Annotated[Quantity, of("kVA")]
    r_percent: Annotated[Quantity, of("%")]
    x_percent: Annotated[Quantity, of("%")]
    noload_loss_percent: Annotated[Quantity, of("%")]
    magnetising_percent: Annotated[Quantity, of("%")]
    heat: LiquidHeat | None = None


class BreakerEntry(Entry):
    """A thermal-magnetic breaker; its bimetal follows ``d theta/dt = (m^2 - theta) / tau``.

    m is current over rating; it trips at theta = `trip_level`, or at once above `magnetic_multiple`.
    """

    poles: Literal[1, 2, 3]
    rating_a: Annotated[Quantity, of("A")]
    interrupting_a: Annotated[Quantity, of("A", known=False)]
    thermal_tau_s: Annotated[Quantity, of("s")]
    trip_level: Annotated[Quantity, of("1", 1.0)]
    magnetic_multiple: Annotated[Quantity, of("1", 1.0)]
    clearing_s: Annotated[Quantity, of("s")]


class CurveEntry(Entry):
    """A time-current curve by points, per unit of rating or pick-up; interpolated log-log.

    `clearing_ratio` is total clearing over melting time; a fuse link clears no sooner than after `least_clearing_s`.
    """

    device: Literal["fuse-link", "recloser"]
    multiple: tuple[float, ...]
    seconds: tuple[float, ...]
    source: str = Field(min_length=3)
    confidence: Confidence
    clearing_ratio: Annotated[Quantity, of("1", 1.0)]
    least_clearing_s: Annotated[Quantity, of("s", 0.0, 1.0)] | None = None

    @model_validator(mode="after")
    def _curve(self) -> CurveEntry:
        if (self.device == "fuse-link") != (self.least_clearing_s is not None):
            raise ValueError(
                "least_clearing_s is a fuse link's, and it needs it: 0.013 s if it waits for a current zero"
            )
        if len(self.multiple) < 2 or len(self.multiple) != len(self.seconds):
            raise ValueError("multiple and seconds need the same number of points, two or more")
        if not all(a < b for a, b in pairwise((0.0, *self.multiple))):
            raise ValueError("multiple must rise from above 0")
        if not all(a >= b > 0.0 for a, b in pairwise((math.inf, *self.seconds))):
            raise ValueError("seconds must fall and stay above 0")
        return self


class SeriesRatingEntry(Entry):
    """A tested pair of breakers: what the pair interrupts, and how many levels it covers."""

    main_interrupting_a: Annotated[Quantity, of("A")]
    branch_interrupting_a: Annotated[Quantity, of("A")]
    rating_a: Annotated[Quantity, of("A")]
    levels: Annotated[Quantity, of("1", 2.0)]


class BatteryEntry(Entry):
    """A home battery with its inverter; powers at its terminals.

    `standby_w` is what the stored energy loses all the time; nothing if left out. `locked_rotor_a` is the starting
    current of the largest motor it starts (as the fault current if left out), `leg_share` the part of its apparent
    power that one leg may draw (half), `unbalance_va` the difference between the legs that the autotransformer of a
    two-wire source bears (any).
    """

    kind: Literal["battery"]
    capacity_kwh: Annotated[Quantity, of("kWh")]
    charge_kw: Annotated[Quantity, of("kW")]
    discharge_kw: Annotated[Quantity, of("kW")]
    efficiency_charge: Annotated[Quantity, of("1", 0.01, 1.0)]
    efficiency_discharge: Annotated[Quantity, of("1", 0.01, 1.0)]
    soc_min: Annotated[Quantity, of("1", 0.0, 1.0)]
    soc_max: Annotated[Quantity, of("1", 0.0, 1.0)]
    continuous_a: Annotated[Quantity, of("A")]
    breaker_a: Annotated[Quantity, of("A")]
    fault_current_a: Annotated[Quantity, of("A")]
    fault_time_s: Annotated[Quantity, of("s")]
    short_circuit_a: Annotated[Quantity, of("A", known=False)]
    standby_w: Annotated[Quantity, of("W", 0.0, 1000.0)] | None = None
    locked_rotor_a: Annotated[Quantity, of("A", 1.0, 1000.0)] | None = None
    leg_share: Annotated[Quantity, of("1", 0.01, 1.0)] | None = None
    unbalance_va: Annotated[Quantity, of("VA", 1.0, 1e6)] | None = None
    forms_grid: bool


class EvChargerEntry(Entry):
    """A level 2 vehicle charger (supply equipment and on-board charger as one load)."""

    kind: Literal["ev-charger"]
    power_kw: Annotated[Quantity, of("kW")]
    continuous_a: Annotated[Quantity, of("A")]
    breaker_a: Annotated[Quantity, of("A")]
    power_factor: Annotated[Quantity, of("1", 0.5, 1.0)]


class VehicleEntry(Entry):
    """A car as a battery on wheels; powers are those of the charger, efficiencies between plug and cells.

    Above `taper_soc` the power that the car takes falls linearly to `taper_floor` of the charger's at full.
    Vehicle-to-home leaves `reserve_soc`; trips leave `least_soc`, what they need beyond is charged on the way.
    """

    kind: Literal["vehicle"]
    capacity_kwh: Annotated[Quantity, of("kWh", 1.0, 500.0)]
    wh_per_mile: Annotated[Quantity, of("Wh/mi", 50.0, 2000.0)]
    efficiency_charge: Annotated[Quantity, of("1", 0.5, 1.0)]
    efficiency_discharge: Annotated[Quantity, of("1", 0.5, 1.0)]
    taper_soc: Annotated[Quantity, of("1", 0.0, 0.999)]
    taper_floor: Annotated[Quantity, of("1", 0.01, 0.99)]
    reserve_soc: Annotated[Quantity, of("1", 0.0, 1.0)]
    least_soc: Annotated[Quantity, of("1", 0.0, 0.9)]
    discharge_kw: Annotated[Quantity, of("kW")]

    @model_validator(mode="after")
    def _ordered(self) -> VehicleEntry:
        if self.least_soc.value > self.reserve_soc.value:
            raise ValueError("reserve_soc must not be below least_soc")
        return self


class EvHabitsEntry(Entry):
    """When cars leave home and return, and how far they go.

    The four lists hold the shares of cars by the 24 hours from 4:00 by the wall clock, of any sum. A car's miles a day
    are exponential about its own mean, which is drawn evenly within `miles_spread` of `miles_per_day`. `energy_by_c`
    is the energy a mile by the day's mean air temperature [degC], over that of a mild day.
    """

    kind: Literal["ev-habits"]
    miles_per_day: Annotated[Quantity, of("mi/d", 0.1, 500.0)]
    miles_spread: Annotated[Quantity, of("1", 0.0, 0.99)]
    leaves_weekday: tuple[float, ...]
    leaves_weekend: tuple[float, ...]
    returns_weekday: tuple[float, ...]
    returns_weekend: tuple[float, ...]
    energy_by_c: tuple[tuple[float, float], ...]
    source: str = Field(min_length=3)
    confidence: Confidence

    @model_validator(mode="after")
    def _shares(self) -> EvHabitsEntry:
        for name in ("leaves_weekday", "leaves_weekend", "returns_weekday", "returns_weekend"):
            shares: tuple[float, ...] = getattr(self, name)
            if len(shares) != 24 or min(shares) < 0.0 or sum(shares) <= 0.0:
                raise ValueError(f"{name} must hold 24 shares, none negative and not all 0")
        if len(self.energy_by_c) < 2 or not all(a[0] < b[0] for a, b in pairwise(self.energy_by_c)):
            raise ValueError("energy_by_c must hold two points or more, rising in temperature")
        if not all(0.1 <= factor <= 10.0 for _, factor in self.energy_by_c):
            raise ValueError("energy_by_c must hold factors from 0.1 to 10")
        return self


class InverterEntry(Entry):
    """A grid-following inverter under IEEE 1547-2018."""

    kind: Literal["inverter"]
    rated_kva: Annotated[Quantity, of("kVA")]
    efficiency: Annotated[Quantity, of("1", 0.01, 1.0)]
    fault_current_pu: Annotated[Quantity, of("1")]
    fault_time_s: Annotated[Quantity, of("s")]
    cessation_pu: Annotated[Quantity, of("1", 0.0, 1.0)]
    cessation_s: Annotated[Quantity, of("s")]
    enter_v_min_pu: Annotated[Quantity, of("1", 0.0, 1.5)]
    enter_v_max_pu: Annotated[Quantity, of("1", 0.0, 1.5)]
    enter_delay_s: Annotated[Quantity, of("s")]
    enter_ramp_s: Annotated[Quantity, of("s")]


class Engine(Frozen):
    """What drives a generator.

    Parameters
    ----------
    unit
        In which its fuel is measured.
    fuel_points
        Shares of rated power and units of fuel an hour there, both rising.
    heat_mj_per_unit
        Higher heating value.
    tank_units
        What its tank holds; left out on a gas main.
    most_kw
        What the engine can give for a while; beyond it the set slows down.
    stall_speed
        Share of synchronous speed at which it stalls.
    droop
        Fall of frequency from no load to rated power, as a share of 60 Hz; 0 is isochronous.
    start_s
        From the order to start to rated voltage.
    """

    fuel: Literal["gasoline", "natural-gas", "propane", "diesel"]
    unit: Literal["gal", "ft3"]
    rated_kw: Annotated[Quantity, of("kW", 0.1, 1e4)]
    most_kw: Annotated[Quantity, of("kW", 0.1, 1e4)]
    fuel_points: tuple[tuple[float, float], ...]
    fuel_source: str = Field(min_length=3)
    fuel_confidence: Confidence
    heat_mj_per_unit: Annotated[Quantity, of("MJ", 0.01, 1e4)]
    tank_units: Annotated[Quantity, of("1", 0.01, 1e5)] | None = None
    droop: Annotated[Quantity, of("1", 0.0, 0.2)]
    no_load_hz: Annotated[Quantity, of("Hz", 50.0, 70.0)]
    stall_speed: Annotated[Quantity, of("1", 0.3, 0.98)]
    start_s: Annotated[Quantity, of("s", 0.0, 3600.0)]

    @model_validator(mode="after")
    def _possible(self) -> Engine:
        points = self.fuel_points
        if len(points) < 2 or not all(a[0] < b[0] and 0.0 < a[1] < b[1] for a, b in pairwise(points)):
            raise ValueError("fuel_points must hold two points or more, rising in share and in fuel")
        if self.most_kw.value < self.rated_kw.value:
            raise ValueError("most_kw must not be below rated_kw")
        heat_kw = points[-1][1] * self.heat_mj_per_unit.value / 3.6
        if points[-1][0] * self.rated_kw.value >= 0.6 * heat_kw:
            raise ValueError(
                "the fuel points mean an efficiency of 60 % or more: check unit and heat_mj_per_unit"
            )
        return self


class GeneratorEntry(Entry):
    """A portable or standby generator; reactances on its own rating; `engine` if it is to run."""

    kind: Literal["generator"]
    rated_kva: Annotated[Quantity, of("kVA")]
    xd_pu: Annotated[Quantity, of("1")]
    xd1_pu: Annotated[Quantity, of("1")]
    xd2_pu: Annotated[Quantity, of("1")]
    td01_s: Annotated[Quantity, of("s")]
    td02_s: Annotated[Quantity, of("s")]
    inertia_s: Annotated[Quantity, of("s")]
    engine: Engine | None = None


class VoltVarCurve(Frozen):
    """Reactive power by voltage, constant beyond the outer points: pu of nominal, pu of rated apparent power."""

    v_pu: tuple[float, float, float, float]
    q_pu: tuple[float, float, float, float]
    confidence: Confidence
    source: str = Field(min_length=3)

    @model_validator(mode="after")
    def _possible(self) -> VoltVarCurve:
        _check_voltages(self.v_pu, self.q_pu)
        if not all(-1.0 <= q <= 1.0 for q in self.q_pu):
            raise ValueError("q_pu must lie between -1 (absorbed) and 1 (injected) of the rating")
        return self


class VoltWattCurve(Frozen):
    """Limit of active power by voltage, constant beyond the points: pu of nominal, pu of rated active power."""

    v_pu: tuple[float, float]
    p_pu: tuple[float, float]
    confidence: Confidence
    source: str = Field(min_length=3)

    @model_validator(mode="after")
    def _possible(self) -> VoltWattCurve:
        _check_voltages(self.v_pu, self.p_pu)
        if not 1.0 >= self.p_pu[0] >= self.p_pu[1] >= 0.0:
            raise ValueError("p_pu must fall, between 1 and 0 of the rated power")
        return self


def _check_voltages(v_pu: tuple[float, ...], y_pu: tuple[float, ...]) -> None:
    if not all(0.5 <= v <= 1.5 for v in v_pu):
        raise ValueError("v_pu are shares of nominal voltage, between 0.5 and 1.5")
    points = pairwise(zip(v_pu, y_pu, strict=True))
    if not all(v2 > v1 or (v2 == v1 and y2 == y1) for (v1, y1), (v2, y2) in points):
        raise ValueError("v_pu must ascend; two may be equal where nothing changes between them")


class InverterModeEntry(Entry):
    """What an inverter does for the voltage: curves, limits and what goes first.

    `q_first_pu` is the reactive power that goes before active power where the rating does not hold both.
    """

    kind: Literal["inverter-mode"]
    volt_var: VoltVarCurve
    volt_watt: VoltWattCurve
    q_first_pu: Annotated[Quantity, of("1", 0.0, 1.0)]
    q_absorb_pu: Annotated[Quantity, of("1", 0.0, 1.0)]
    q_inject_pu: Annotated[Quantity, of("1", 0.0, 1.0)]


DerEntry = Annotated[
    BatteryEntry
    | EvChargerEntry
    | VehicleEntry
    | EvHabitsEntry
    | InverterEntry
    | InverterModeEntry
    | GeneratorEntry,
    Field(discriminator="kind"),
]

SCHEMAS: dict[str, Any] = {
    "conductors": ConductorEntry,
    "transformers": TransformerEntry,
    "breakers": BreakerEntry,
    "curves": CurveEntry,
    "series-ratings": SeriesRatingEntry,
    "materials": MaterialEntry,
    "der": DerEntry,
}


def quantities(model: BaseModel, key: str = "") -> Iterator[tuple[str, Quantity]]:
    """Every quantity of an entry with its dotted key: the provenance of its numbers."""
    for name, value in model:
        yield from _quantities_in(value, f"{key}.{name}" if key else name)


def _quantities_in(value: Any, key: str) -> Iterator[tuple[str, Quantity]]:
    if isinstance(value, Quantity):
        yield key, value
    elif isinstance(value, BaseModel):
        yield from quantities(value, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _quantities_in(item, f"{key}.{name}")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _quantities_in(item, f"{key}.{number}")


def fields_at(schema: Any, place: tuple[int | str, ...]) -> list[str]:
    """Keys that a model takes at a place inside it; empty if the place holds no table."""
    found = _models_in(schema)
    for part in place:
        tagged = [m for m in found if part in _tags(m)]
        steps: list[Any] = [
            m.model_fields[part].annotation for m in found if isinstance(part, str) and part in m.model_fields
        ]
        found = tagged or ([m for step in steps for m in _models_in(step)] if steps else found)
    return sorted({field for model in found for field in model.model_fields if field != "name"})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def tags_of(schema: Any) -> frozenset[str]:
    """Words of ``kind`` by which the models of a union are told apart; none for a single model."""
    models = _models_in(schema)
    return frozenset(tag for model in models for tag in _tags(model)) if len(models) > 1 else frozenset()


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind else ()
