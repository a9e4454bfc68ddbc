"""What the entries of ``models/households``, ``models/appliances`` and ``models/weather`` may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from cosim.entries import Entry, Frozen, Quantity, of


class Uses(Frozen):
    """How often a household uses an appliance."""

    appliance: str
    per_day: Annotated[Quantity, of("uses/d", 0, 16)]


class HouseholdEntry(Entry):
    """A kind of household: envelope, heating and cooling, steady loads, habits.

    Parameters
    ----------
    stock_share
        Share of homes where a scenario does not say who lives where; entries are drawn in proportion.
    heating
        What heats the home: a heat pump with electric strips, electric strips alone, or gas with a fan.
    floor_area_m2, floor_area_spread
        Median floor area, and the largest relative difference from it.
    ua_w_per_m2_k
        Heat loss of envelope and air change per floor area.
    heating_balance_c, cooling_balance_c
        Outdoor temperature below (above) which the home is heated (cooled), sun and people counted in.
    aperture_m2_per_m2
        Sunlit area that turns horizontal irradiance into heat, per floor area.
    cooling_w_per_m2, cooling_cop
        Rated cooling per floor area at 35 degC, and its COP.
    heat_pump_w_per_m2, heat_pump_cop
        Rated heat per floor area at 8.3 degC, and its COP.
    strip_w_per_m2, gas_heat_w_per_m2
        Electric resistance heat, and heat of a gas furnace, per floor area.
    fan_w
        Fan of a gas furnace.
    hvac_period_min
        Length of a thermostat's cycle.
    standby_w, plugs_w, lights_w
        Always on; mean of electronics and small devices in use; all usual lamps of a dark evening.
    at_home
        Share of weekdays' daytime with somebody in.
    refrigerator_w, refrigerator_duty, refrigerator_period_min
        Compressor power, share of time on, cycle.
    car_miles_per_day
        Driven by one car.
    uses
        Appliances and how often they are used.
    """

    heating: Literal["heat-pump", "resistance", "gas"]
    stock_share: Annotated[Quantity, of("1", 0, 1)]
    floor_area_m2: Annotated[Quantity, of("m2", 10, 2000)]
    floor_area_spread: Annotated[Quantity, of("1", 0, 0.9)]
    ua_w_per_m2_k: Annotated[Quantity, of("W/(m2 K)", 0, 20)]
    heating_balance_c: Annotated[Quantity, of("degC", -10, 30)]
    cooling_balance_c: Annotated[Quantity, of("degC", 0, 40)]
    aperture_m2_per_m2: Annotated[Quantity, of("m2/m2", 0, 1)]
    cooling_w_per_m2: Annotated[Quantity, of("W/m2", 0, 500)]
    cooling_cop: Annotated[Quantity, of("1", 1, 10)]
    heat_pump_w_per_m2: Annotated[Quantity, of("W/m2", 0, 500)]
    heat_pump_cop: Annotated[Quantity, of("1", 1, 10)]
    strip_w_per_m2: Annotated[Quantity, of("W/m2", 0, 500)]
    gas_heat_w_per_m2: Annotated[Quantity, of("W/m2", 0, 500)]
    fan_w: Annotated[Quantity, of("W", 0, 2000)]
    hvac_period_min: Annotated[Quantity, of("min", 2, 120)]
    standby_w: Annotated[Quantity, of("W", 0, 5000)]
    plugs_w: Annotated[Quantity, of("W", 0, 5000)]
    lights_w: Annotated[Quantity, of("W", 0, 5000)]
    at_home: Annotated[Quantity, of("1", 0, 1)]
    refrigerator_w: Annotated[Quantity, of("W", 0, 2000)]
    refrigerator_duty: Annotated[Quantity, of("1", 0, 1)]
    refrigerator_period_min: Annotated[Quantity, of("min", 2, 600)]
    car_miles_per_day: Annotated[Quantity, of("mi/d", 0, 300)]
    uses: tuple[Uses, ...]


class ApplianceEntry(Entry):
    """An appliance that people use now and then.

    Parameters
    ----------
    volts
        120 (on one leg) or 240 (between the legs).
    power_w
        While its element or motor is on.
    minutes, spread
        Mean length of a use, and the largest relative difference from it.
    duty, cycle_min
        Share of a use that the element is on, and the length of its cycle.
    power_factor
        Lagging.
    weekend_factor
        Uses on a weekend day over those on a weekday.
    hour_weights
        24 relative chances that a use starts in the hours from 0:00, by the wall clock.
    hour_source
        Where the weights come from.
    """

    volts: Literal[120, 240]
    power_w: Annotated[Quantity, of("W", 0, 30000)]
    minutes: Annotated[Quantity, of("min", 0.1, 600)]
    spread: Annotated[Quantity, of("1", 0, 1)]
    duty: Annotated[Quantity, of("1", 0, 1)]
    cycle_min: Annotated[Quantity, of("min", 0.1, 600)]
    power_factor: Annotated[Quantity, of("1", 0.1, 1)]
    weekend_factor: Annotated[Quantity, of("1", 0, 10)]
    hour_weights: tuple[Annotated[float | int, Field(ge=0)], ...] = Field(min_length=24, max_length=24)
    hour_source: str = Field(min_length=3)

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
