"""What an entry of ``models/grid-profiles`` holds: what inverters do in abnormal conditions, and whose rule it is."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from cosim.entries import Confidence, Entry, Frozen


class Sourced(Frozen):
    """Numbers of one table of a document."""

    confidence: Confidence
    source: str = Field(min_length=3)
    note: str = ""


def _check_stages(what: str, limits: tuple[float, ...], seconds: tuple[float, ...], rising: bool) -> None:
    if len(limits) != len(seconds):
        raise ValueError(f"{what} needs as many limits as clearing times")
    if any(b <= a if rising else b >= a for a, b in pairwise(limits)):
        raise ValueError(f"{what} must go away from nominal: the nearest first")
    if any(b > a for a, b in pairwise(seconds)) or any(s <= 0.0 for s in seconds):
        raise ValueError(f"clearing times of {what} must be above 0, and none longer than the one before")


class TripVoltage(Sourced):
    """Limits [pu of nominal] beyond which an inverter trips, and clearing times [s]; the nearest to nominal first."""

    under_pu: tuple[float, ...] = Field(max_length=3)
    under_s: tuple[float, ...]
    over_pu: tuple[float, ...] = Field(max_length=3)
    over_s: tuple[float, ...]

    @model_validator(mode="after")
    def _ordered(self) -> TripVoltage:
        _check_stages("under_pu", self.under_pu, self.under_s, rising=False)
        _check_stages("over_pu", self.over_pu, self.over_s, rising=True)
        if not all(0.0 < v < 1.0 for v in self.under_pu) or not all(1.0 < v < 2.0 for v in self.over_pu):
            raise ValueError("under_pu must lie between 0 and 1, over_pu between 1 and 2")
        return self


class TripFrequency(Sourced):
    """Limits [Hz] and clearing times [s], as those of voltage."""

    under_hz: tuple[float, ...] = Field(max_length=2)
    under_s: tuple[float, ...]
    over_hz: tuple[float, ...] = Field(max_length=2)
    over_s: tuple[float, ...]

    @model_validator(mode="after")
    def _ordered(self) -> TripFrequency:
        _check_stages("under_hz", self.under_hz, self.under_s, rising=False)
        _check_stages("over_hz", self.over_hz, self.over_s, rising=True)
        if not all(45.0 <= f < 60.0 for f in self.under_hz) or not all(
            60.0 < f <= 70.0 for f in self.over_hz
        ):
            raise ValueError("under_hz must lie between 45 and 60, over_hz between 60 and 70")
        return self


class Cessation(Sourced):
    """Voltages at which no current flows although the inverter has not tripped, and the time until it has ceased."""

    below_pu: float = Field(ge=0.0, le=0.99)
    above_pu: float = Field(ge=1.01, le=2.0)
    within_s: float = Field(ge=0.0, le=1.0)


class RideThroughRegion(Frozen):
    """Voltages from `low_pu` up to `high_pu`, to be ridden through for `seconds` and `seconds_per_pu` above the low."""

    low_pu: float = Field(ge=0.0, le=2.0)
    high_pu: float = Field(ge=0.0, le=2.0)
    mode: Literal["mandatory", "permissive", "cessation"]
    seconds: float = Field(ge=0.0)
    seconds_per_pu: float = 0.0


class RideThrough(Sourced):
    """What must be ridden through."""

    regions: tuple[RideThroughRegion, ...]
    rocof_hz_per_s: float = Field(ge=0.0)


class EnterService(Sourced):
    """When an inverter may come back and how: windows, delay, ramp [s], and most of a randomised delay [s]."""

    v_pu: tuple[float, float]
    hz: tuple[float, float]
    delay_s: float = Field(ge=0.0, le=3600.0)
    ramp_s: float = Field(ge=0.0, le=3600.0)
    randomised_s: float = Field(default=0.0, ge=0.0, le=3600.0)

    @model_validator(mode="after")
    def _windows(self) -> EnterService:
        if not (0.5 <= self.v_pu[0] < 1.0 < self.v_pu[1] <= 1.5 and self.hz[0] < 60.0 < self.hz[1]):
            raise ValueError("v_pu and hz must be windows about nominal, low then high")
        return self


class DroopSettings(Sourced):
    """Frequency droop: dead bands [Hz], slopes [pu frequency for pu power], open-loop response time [s]."""

    under_hz: float = Field(ge=0.001, le=1.0)
    over_hz: float = Field(ge=0.001, le=1.0)
    under_slope: float = Field(ge=0.001, le=0.1)
    over_slope: float = Field(ge=0.001, le=0.1)
    response_s: float = Field(ge=0.01, le=60.0)


class GridProfileEntry(Entry):
    """Settings of inverters in abnormal conditions, as a standard or a utility asks for them.

    `category` is the abnormal-performance category of IEEE 1547-2018 that inverters need for it.
    """

    category: Literal["I", "II", "III"]
    trip_voltage: TripVoltage
    trip_frequency: TripFrequency
    cessation: Cessation | None = None
    ride_through: RideThrough
    enter_service: EnterService
    frequency_droop: DroopSettings | None = None

    @model_validator(mode="after")
    def _consistent(self) -> GridProfileEntry:
        """An inverter may not be told to come back where it trips."""
        low, high = self.enter_service.v_pu
        under = max(self.trip_voltage.under_pu, default=0.0)
        over = min(self.trip_voltage.over_pu, default=math.inf)
        if low < under or high > over:
            raise ValueError("enter_service.v_pu must lie inside trip_voltage's limits")
        return self


SCHEMAS = {"grid-profiles": GridProfileEntry}
