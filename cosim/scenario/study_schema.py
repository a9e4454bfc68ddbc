"""What a scenario may ask to be studied and kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cosim.scenario.names import EntryName, Instant
from cosim.scenario.quantities import Duration, Strict

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
FaultName = Literal["line-ground", "line-line", "line-line-ground", "three-phase", "three-phase-ground"]


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


class RecordSpec(Strict):
    """What the result file keeps beside events and the envelope of every home."""

    full: tuple[str, ...] = Field(
        default=(), description='homes at every step: "home:NAME" or "worst:QUANTITY:COUNT"'
    )
    interval: Duration | None = Field(
        default=None, description="interval of the envelopes; hourly up to 31 d and daily beyond if not given"
    )
    checkpoint: Duration = Field(
        default="1 d",  # type: ignore[assignment]
        description="time between the points that an interrupted run can go on from; divides a day",
    )
    quantize: bool = Field(
        default=True, description="round recorded values to a power of two, a third of the size"
    )
