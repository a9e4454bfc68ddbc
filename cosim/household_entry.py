"""What the entries of ``models/households``, ``models/appliances`` and ``models/weather`` may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from cosim.entries import Entry, Frozen, Quantity, of

Share = Annotated[Quantity, of("1", 0, 1)]


class Uses(Frozen):
    """Who has an appliance, and how often it is used."""

    appliance: str
    owned: Share
    per_day: Annotated[Quantity, of("uses/d", 0, 30)]


class Envelope(Frozen):
    """How many homes of an archetype are built to one level of ``models/envelopes``."""

    level: str
    share: Share


class HouseholdEntry(Entry):
    """A kind of household: building, heating and cooling, water heater, steady loads, habits.

    Parameters
    ----------
    stock_share
        Share of homes where a scenario does not say who lives where; entries are drawn in proportion.
    heating
        What heats the home: a heat pump with electric strips, electric resistance alone, a gas furnace with
        a fan, or nothing.
    cooled
        Share of homes with central air conditioning; a heat pump always cools.
    floor_area_m2, floor_area_spread
        Median floor area, and the largest relative difference from it.
    envelopes
        Levels of insulation and air change, with their shares.
    cooling_cop, heat_pump_cop
        Rated: at 35 degC, and at 8.3 degC.
    people
        Mean number.
    heat_set_c, cool_set_c, set_spread_k
        Mean set points, and the largest difference from them.
    setback_k, setback_share
        By how much a thermostat is set back at night or while away, and in what share of homes.
    resistance_water, heat_pump_water
        Shares of homes whose water heater has elements alone, or a heat pump; the rest burns gas.
    tank_l, tank_set_c, tank_indoors
        Volume, thermostat, share of tanks inside the heated rooms.
    electronics_w, electronics_w_per_person, electronics_w_per_m2, standby_share
        Mean power of everything plugged in that is not named elsewhere, and the share of it always on.
    lights_w_per_m2
        All usual lamps of a dark evening.
    at_home
        Share of households with somebody in by day.
    refrigerator_w, refrigerator_duty, refrigerator_period_min, second_refrigerator
        Compressor power, share of time on, cycle; share of homes with a second one or a freezer.
    uses
        Appliances and water: who has them, how often they are used.
    """

    heating: Literal["heat-pump", "resistance", "gas", "none"]
    stock_share: Share
    cooled: Share
    floor_area_m2: Annotated[Quantity, of("m2", 10, 2000)]
    floor_area_spread: Annotated[Quantity, of("1", 0, 0.9)]
    envelopes: tuple[Envelope, ...] = Field(min_length=1)
    cooling_cop: Annotated[Quantity, of("1", 1, 10)]
    heat_pump_cop: Annotated[Quantity, of("1", 1, 10)]
    people: Annotated[Quantity, of("1", 1, 6)]
    heat_set_c: Annotated[Quantity, of("degC", 10, 30)]
    cool_set_c: Annotated[Quantity, of("degC", 15, 35)]
    set_spread_k: Annotated[Quantity, of("K", 0, 5)]
    setback_k: Annotated[Quantity, of("K", 0, 10)]
    setback_share: Share
    resistance_water: Share
    heat_pump_water: Share
    tank_l: Annotated[Quantity, of("l", 50, 500)]
    tank_set_c: Annotated[Quantity, of("degC", 40, 70)]
    tank_indoors: Share
    electronics_w: Annotated[Quantity, of("W", 0, 5000)]
    electronics_w_per_person: Annotated[Quantity, of("W", 0, 1000)]
    electronics_w_per_m2: Annotated[Quantity, of("W/m2", 0, 50)]
    standby_share: Share
    lights_w_per_m2: Annotated[Quantity, of("W/m2", 0, 50)]
    at_home: Share
    refrigerator_w: Annotated[Quantity, of("W", 0, 2000)]
    refrigerator_duty: Annotated[Quantity, of("1", 0.1, 1)]
    refrigerator_period_min: Annotated[Quantity, of("min", 2, 600)]
    second_refrigerator: Share
    uses: tuple[Uses, ...]

    @field_validator("envelopes")
    @classmethod
    def _some(cls, envelopes: tuple[Envelope, ...]) -> tuple[Envelope, ...]:
        if sum(envelope.share.value for envelope in envelopes) <= 0:
            raise ValueError("at least one envelope must have a share above 0")
        return envelopes


class Motor(Frozen):
    """What starting a motor takes.

    Parameters
    ----------
    locked_rotor
        Apparent power of a start over that of running.
    inrush_s
        How long it lasts.
    """

    locked_rotor: Annotated[Quantity, of("1", 1, 12)]
    inrush_s: Annotated[Quantity, of("s", 0, 10)]


class Water(Frozen):
    """Hot water that a use takes.

    Parameters
    ----------
    flow_l_per_min, minutes
        Flow, and for how long from the start of the use.
    mixed
        Whether the flow is of mixed water at the tap, or of hot water.
    """

    flow_l_per_min: Annotated[Quantity, of("l/min", 0, 60)]
    minutes: Annotated[Quantity, of("min", 0, 600)]
    mixed: bool


class ApplianceEntry(Entry):
    """Something that people use now and then.

    Parameters
    ----------
    volts
        120 (on one leg) or 240 (between the legs).
    power_w
        While its element or motor is on, at rated voltage.
    minutes, spread
        Mean length of a use, and the largest relative difference from it.
    duty, cycle_min
        Share of a use that the element is on, and the length of its cycle.
    power_factor
        Lagging.
    constant_impedance, constant_current
        Z and I of the power Z V^2 + I V + P at voltage V, in per unit; P is the rest.
    heat_to_air
        Share of its energy that stays in the home.
    weekend_factor
        Uses on a weekend day over those on a weekday.
    hour_weights
        24 relative chances that a use starts in the hours from 0:00, by the wall clock.
    hour_source
        Where the weights come from.
    motor, water
        What its motor takes at the start, and the hot water it takes; none if not given.
    """

    volts: Literal[120, 240]
    power_w: Annotated[Quantity, of("W", 0, 30000)]
    minutes: Annotated[Quantity, of("min", 0.1, 600)]
    spread: Annotated[Quantity, of("1", 0, 1)]
    duty: Annotated[Quantity, of("1", 0, 1)]
    cycle_min: Annotated[Quantity, of("min", 0.1, 600)]
    power_factor: Annotated[Quantity, of("1", 0.1, 1)]
    constant_impedance: Annotated[Quantity, of("1", -20, 20)]
    constant_current: Annotated[Quantity, of("1", -20, 20)]
    heat_to_air: Share
    weekend_factor: Annotated[Quantity, of("1", 0, 10)]
    hour_weights: tuple[Annotated[float | int, Field(ge=0)], ...] = Field(min_length=24, max_length=24)
    hour_source: str = Field(min_length=3)
    motor: Motor | None = None
    water: Water | None = None

    @field_validator("hour_weights")
    @classmethod
    def _possible(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if sum(weights) <= 0:
            raise ValueError("at least one hour must have a weight above 0")
        return weights


class WeatherEntry(Entry):
    """A weather file that pvlib ships."""

    format: Literal["tmy3", "tmy2", "epw"]
    file: str
    source: str = Field(min_length=3)


SCHEMAS = {"households": HouseholdEntry, "appliances": ApplianceEntry, "weather": WeatherEntry}
