"""What a scenario may say about cars, batteries and what keeps a home inside its service, see docs/der.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from cosim.scenario.quantities import Moment, Strict
from cosim.tariff_entry import slot_of

Part = Annotated[float, Field(ge=0.0, le=1.0)]
LEAST_CHARGER_KW = 1.44  # 6 A at 240 V, the smallest current of the control pilot (SAE J1772)
VEHICLE = "vehicle-250"
HABITS = "ev-habits"


def _time_of_day(value: object) -> str:
    try:
        slot_of(value if isinstance(value, str) else "")
    except ValueError:
        raise PydanticCustomError(
            "time", 'should be a time on a quarter of an hour in quotes, "00:00" to "24:00"'
        ) from None
    assert isinstance(value, str)
    return value


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]
Window = tuple[TimeOfDay, TimeOfDay]


def _none(value: object) -> object:
    return None if value == "none" else value


Name = Annotated[str | None, BeforeValidator(_none)]


class Ev(Strict):
    """Cars with a charger behind the adapter of a group's homes."""

    share: Part = Field(default=1.0, description="chance that a home of the group has a charger")
    charger_kw: float = Field(
        default=7.7, ge=LEAST_CHARGER_KW, le=19.2, description="charger power at 240 V, 1.44 to 19.2 [kW]"
    )
    vehicle: str = Field(default=VEHICLE, description="car of models/der")
    mode: Literal["arrival", "timer", "managed", "tariff"] = Field(
        default="arrival",
        description='when it charges: "arrival", "timer" (in `window` only), "managed" (as slowly as fills it by its '
        'departure, in `window` first) or "tariff" (in the cheapest hours of `tariff` that fill it by its departure)',
    )
    window: Window | None = Field(
        default=None, description='hours of "timer" and "managed", such as ["23:00", "07:00"]'
    )
    tariff: Name = Field(default=None, description="entry of models/tariffs")
    to_home: bool = Field(
        default=False,
        description="whether the car serves the home in the dearer hours, with what can be charged again by departure",
    )


class BatteryOrder(Strict):
    """A call for power."""

    start: Moment = Field(description="local date-time")
    end: Moment = Field(description="local date-time")
    power_kw: float = Field(ge=-1000.0, le=1000.0, description="positive to give, negative to take [kW]")

    @model_validator(mode="after")
    def _forward(self) -> BatteryOrder:
        if self.end <= self.start:
            raise PydanticCustomError("order", "must end after its start")
        return self


class Battery(Strict):
    """Home batteries; a name alone, ``battery = "powerwall-3"``, stands for self-consumption."""

    entry: str = Field(description="battery of models/der")
    mode: Literal["self-consumption", "backup", "tariff", "export", "dispatch"] = Field(
        default="self-consumption",
        description='"self-consumption", "backup" (stays full), "tariff" (fills up when cheap, serves when dear), '
        '"export" (gives all in `window`) or "dispatch" (follows `orders` and `signal`)',
    )
    reserve: Part = Field(default=0.2, description="share of the capacity kept for an outage")
    initial_soc: Part = Field(default=0.5, description="stored share at the start")
    grid_charge_kw: float | None = Field(
        default=None,
        ge=0.0,
        le=100.0,
        description="power taken from the grid where it fills up [kW]; as much as it can if not given",
    )
    tariff: Name = Field(default=None, description="entry of models/tariffs")
    window: Window | None = Field(default=None, description='hours of "export", such as ["17:00", "20:00"]')
    signal: str | None = Field(
        default=None, description='"dispatch": CSV with columns start, end (local date-times) and power_kw'
    )
    orders: tuple[BatteryOrder, ...] = Field(
        default=(), description='"dispatch": calls for power, { start, end, power_kw }'
    )


class Generator(Strict):
    """Generators of homes; a name alone, ``generator = "portable-generator-6.25"``, stands for a full tank."""

    entry: str = Field(description="generator of models/der")
    tank: Part = Field(default=1.0, description="share of the tank that is full at the start")


def battery_of(value: object) -> object:
    """A name alone stands for a table."""
    if isinstance(value, str):
        return None if value == "none" else {"entry": value}
    return value


BatteryTable = Annotated[Battery | None, BeforeValidator(battery_of)]
GeneratorTable = Annotated[Generator | None, BeforeValidator(battery_of)]
