"""The story that most tests tell, and the log it must leave."""

from __future__ import annotations

from collections.abc import Iterator

from clock_toy import REGULATOR, ToyPhysics

from cosim.events import Environment
from cosim.events.control_processes import Timing, VoltageControl
from cosim.events.processes import (
    BreakerTrip,
    DerConnection,
    EnterService,
    Outage,
    ScheduledSwitching,
    SourceVoltage,
    StudyProcess,
)
from cosim.events.records import Record

END = 6000
SAGS = {400: 3, 1000: -2, 1030: 2, 3000: -1, 3045: -3, 5000: 20}


def toy(cuts: Iterator[int] | None = None) -> ToyPhysics:
    """The physics of the story."""
    return ToyPhysics(cuts, SAGS)


def story() -> list[Record]:
    """Every process kind, overlapping outages, voltage lost again during a countdown, ties."""
    return [
        EnterService(name="rule", homes=["a", "b", "c"], delay_us=300),
        BreakerTrip(name="breakers", reset_after_us=1500),
        VoltageControl(name="taps", timings={REGULATOR: Timing(50, 60, 20)}),
        Outage(name="fault-1", section="line:2", deadline_us=100, duration_us=400),
        Outage(name="fault-2", section="line:2", deadline_us=300, duration_us=400),
        Outage(name="storm", section="line:1", deadline_us=2500, duration_us=100),
        Outage(name="storm-2", section="line:1", deadline_us=2700, duration_us=100),
        ScheduledSwitching(name="off", section="line:2", close=False, deadline_us=1500),
        ScheduledSwitching(name="on", section="line:2", close=True, deadline_us=1500),
        ScheduledSwitching(name="on-again", section="line:2", close=True, deadline_us=1600),
        DerConnection(name="out", group="homes:solar", homes=["b"], connect=False, deadline_us=2550),
        DerConnection(name="in", group="homes:solar", homes=["b"], connect=True, deadline_us=4000),
        SourceVoltage(name="sag", value_pu=0.6, deadline_us=5500),
        StudyProcess(name="duty", study="fault_duty", label="start", deadline_us=0),
        StudyProcess(name="duty-2", study="fault_duty", label="noon", deadline_us=2500),
        StudyProcess(name="duty-3", study="fault_duty", label="peak", at_peak=True, deadline_us=END),
    ]


def begin(physics: object, records: list[Record] | None = None) -> Environment:
    env = Environment(physics)  # type: ignore[arg-type]
    for record in story() if records is None else records:
        env.start(record)
    return env
