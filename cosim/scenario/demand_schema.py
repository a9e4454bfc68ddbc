"""What a scenario may say about weather and demand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosim.scenario.electrification import Electrification
from cosim.scenario.quantities import Strict


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
