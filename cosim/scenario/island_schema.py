"""What a scenario may say about sections of the feeder that a battery of their own holds up, see docs/islands.md."""

from __future__ import annotations

from pydantic import Field

from cosim.scenario.quantities import Duration, Strict


class SectionBattery(Strict):
    """A battery of the neighbourhood, which forms its grid."""

    energy_kwh: float = Field(gt=0.0, le=1e6, description="usable energy [kWh]")
    power_kw: float = Field(
        gt=0.0,
        le=1e5,
        description="apparent power that it gives or takes at most, shared equally by its phases [kVA]",
    )
    efficiency: float = Field(
        default=0.92, gt=0.5, le=1.0, description="one way; 0.92 is a round trip of 85 %"
    )
    initial_soc: float = Field(default=1.0, ge=0.0, le=1.0, description="share stored at the start")


class SectionIsland(Strict):
    """A section of the feeder that becomes an island when the feeder before it is dead."""

    at: str = Field(
        description='switch that opens, "line:NAME"; the battery stands on the side away from the substation'
    )
    battery: SectionBattery = Field(description="what holds the section up")
    delay: Duration = Field(default="2 s", description="time until the switch opens and the battery forms")  # type: ignore[assignment]
    return_delay: Duration = Field(
        default="300 s",  # type: ignore[assignment]
        description="for how long the feeder must be good before the section returns",
    )
    seamless: bool = Field(
        default=False,
        description="whether the switch closes onto the running battery if both sides are in step; else the section "
        "is dark for a second first",
    )
