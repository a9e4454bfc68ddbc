"""What a scenario may say about groups of homes and their kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from cosim import library
from cosim.scenario.der_schema import BatteryTable, Ev, GeneratorTable
from cosim.scenario.names import EntryName, Share
from cosim.scenario.quantities import AGES_Y, Age, Amount, Duration, Strict, parse_age

SERVICE_A = (30.0, 1200.0)  # smallest and largest service rating [A]
SOCKETS = tuple(library.names("sockets"))


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


class Failures(Strict):
    """How often the transfer devices of a group fail, in place of their entry's own rates; see docs/transfer.md."""

    service_welds: Share | None = Field(
        default=None, description="chance of a pole towards the grid to weld at each opening, loaded or not"
    )
    source_welds: Share | None = Field(
        default=None, description="chance of a pole towards the source to weld at each opening, loaded or not"
    )
    sensor_wrong: Share | None = Field(
        default=None, description="share of units that see a good grid for ever"
    )
    interlock_defeated: Share | None = Field(
        default=None, description="share of units whose contactors can both be closed all the same"
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
    generator: GeneratorTable = Field(
        default=None, description="generator: a name of models/der, or a table { entry, tank }"
    )
    transfer: EntryName = Field(
        default=None,
        description="what takes the home off the grid and back: machine of models/transfer such as "
        '"interlock-kit" or "suicide-cord", or a TOML path; the adapter\'s own if not given',
    )
    grid_code: str | None = Field(
        default=None,
        description="grid code whose delay the return to the grid keeps, one of the machine's; its own if not given",
    )
    return_stagger: Duration | None = Field(
        default=None,
        description="up to this much longer than its grid code's delay each home's device waits before it returns",
    )
    failures: Failures | None = Field(
        default=None,
        description="how often its transfer device fails: { service_welds, source_welds, sensor_wrong, "
        "interlock_defeated }; the device's own rates where not given",
    )
    critical_share: Share = Field(
        default=1.0, description="share of the panel's demand that stays on while the home is off the grid"
    )
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
