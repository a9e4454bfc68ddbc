"""What a scenario may say about protection, faults, storms and crews, see docs/reliability.md."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosim.scenario.names import EntryName
from cosim.scenario.quantities import Duration, Moment, Strict

AVERAGE = "us-average"


class DeviceSpec(Strict):
    """A protective device where the planner puts it; it takes the place of the scheme's own there."""

    kind: Literal["fuse", "recloser", "relay", "sectionalizer"] = Field(description="what it is")
    at: str = Field(description='what it opens, "line:NAME" or "transformer:NAME"')
    entry: str = Field(
        description='entry of models/protection such as "k-link" or "recloser", or a TOML path'
    )
    rating_a: float | None = Field(
        default=None,
        gt=0.0,
        le=5000.0,
        description="rating of a fuse's link, phase pick-up of a recloser or relay [A]; by the load and the entry's "
        "rule if not given",
    )
    ground_a: float | None = Field(
        default=None,
        gt=0.0,
        le=5000.0,
        description="ground pick-up of a recloser or relay [A]; by the entry's rule if not given",
    )


class ProtectionSpec(Strict):
    """Fuses, reclosers, relays and sectionalizers of the feeder."""

    scheme: Literal["none", "fuse-saving", "fuse-blowing", "feeder"] = Field(
        default="none",
        description='"fuse-saving" (fast shots first) or "fuse-blowing" (no fast shots) on the feeder\'s breaker, '
        'reclosers, laterals and transformers; "feeder": the devices that an OpenDSS model carries; "none": faults '
        "burn for ever",
    )
    devices: tuple[DeviceSpec, ...] = Field(default=(), description="devices in chosen places")


class FaultsSpec(Strict):
    """Faults that are drawn, beside those among the events."""

    rates: EntryName = Field(
        default=None,
        description="how often what fails: entry of models/reliability such as "
        f'"{AVERAGE}", or a TOML path; nothing is drawn if not given',
    )
    factor: float = Field(default=1.0, ge=0.0, le=1000.0, description="factor on all rates")
    storms: bool = Field(default=False, description="whether storms come too, as often as the entry says")


class StormSpec(Strict):
    """A storm at a chosen time."""

    at: Moment = Field(description="local date-time at which it begins, inside the run")
    lasts: Duration = Field(description="within what time its faults strike")
    faults: int = Field(ge=1, le=10_000, description="how many, drawn over the feeder as its rates say")


class CrewsSpec(Strict):
    """Who repairs."""

    count: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="how many there are; the entry's own if not given, 0: nobody comes",
    )
    entry: str = Field(
        default=AVERAGE,
        description="how long crews take for what: entry of models/reliability, or a TOML path",
    )
    order: Literal["calls", "homes"] | None = Field(
        default=None,
        description="whom a free crew goes to: as they called, or to what most homes hang on; "
        "the entry's own if not given",
    )
    use_ties: bool = Field(
        default=True, description="whether they feed homes behind a fault from elsewhere meanwhile"
    )
