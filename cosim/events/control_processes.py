"""Voltage controls on the clock: a delay from leaving the band, then one step at a time.

A regulator or a capacitor control whose band is left starts a delay. If the band is met again
before it ends, nothing happens. At its end the control looks once more and takes one step; as long as
more steps are wanted they follow at the shorter delay between steps. A jump from one side of the band
to the other does not start the delay anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.physics import Watch
from cosim.events.records import Record, Signal, process


@dataclass
class Timing:
    """Delays of one control [us].

    Parameters
    ----------
    raise_us, lower_us
        From leaving the band to the first step, by the direction in which the control wants to go.
    next_us
        From one step to the next; None starts the first delay anew.
    dead_us
        From an opening to the earliest start of the delay before closing (discharge of a capacitor).
    """

    raise_us: int
    lower_us: int
    next_us: int | None = None
    dead_us: int = 0


@dataclass
class Armed:
    """A control that acts at `deadline_us` because of log record `cause`."""

    control: str
    deadline_us: int
    cause: int


@dataclass(kw_only=True)
class VoltageControl(Record):
    """All voltage controls of a feeder; those due together act on what they saw together.

    Parameters
    ----------
    timings
        By control.
    sampling_us
        Controls look at whole multiples of this since the start; 1 is continuous.
    armed
        Whose delay is running.
    opened_us
        When a bank was last opened, by control.
    """

    kind: ClassVar[str] = "voltage_control"
    timings: dict[str, Timing]
    sampling_us: int = 1
    armed: list[Armed] = field(default_factory=list)
    opened_us: dict[str, int] = field(default_factory=dict)

    def next_look_us(self, time_us: int) -> int:
        """The first look at or after `time_us`."""
        return -(-time_us // self.sampling_us) * self.sampling_us


@process(VoltageControl)
def control_voltage(env: Environment, record: VoltageControl) -> ProcessGenerator:
    """One process for all controls: hear who leaves and meets its band, count, act."""
    topics = (Watch.CONTROL_RAISE, Watch.CONTROL_LOWER, Watch.CONTROL_MET)
    while True:
        record.deadline_us = min((one.deadline_us for one in record.armed), default=None)
        news: tuple[Signal, ...] = yield env.wait(record, Priority.CONTROL, *topics)
        for signal in news:
            if signal.topic == Watch.CONTROL_MET:
                _disarm(record, signal.ids)
            else:
                _arm(env, record, signal)
        if not news:
            _act(env, record)


def _arm(env: Environment, record: VoltageControl, signal: Signal) -> None:
    running = {one.control for one in record.armed}
    for control in signal.ids:
        if control in running:
            continue
        timing = record.timings[control]
        start_us, delay_us = env.now, timing.lower_us
        if signal.topic == Watch.CONTROL_RAISE:
            delay_us = timing.raise_us
            if control in record.opened_us:
                start_us = max(start_us, record.opened_us[control] + timing.dead_us)
        own_us = env.physics.delay_us(control)
        delay_us = delay_us if own_us is None else own_us
        record.armed.append(Armed(control, record.next_look_us(start_us + delay_us), signal.cause))


def _disarm(record: VoltageControl, controls: tuple[str, ...]) -> None:
    record.armed = [one for one in record.armed if one.control not in controls]


def _act(env: Environment, record: VoltageControl) -> None:
    due = {one.control: one for one in record.armed if one.deadline_us <= env.now}
    record.armed = [one for one in record.armed if one.control not in due]
    for done in env.physics.operate(tuple(due)):
        if done.moved == 0:
            _disarm(record, (done.control,))
            continue
        order = env.record(done.event, done.control, done.detail, due[done.control].cause)
        timing = record.timings[done.control]
        if done.opened:
            record.opened_us[done.control] = env.now
        if done.more and timing.next_us is not None:
            look_us = record.next_look_us(env.now + max(timing.next_us, 1))
            record.armed.append(Armed(done.control, look_us, order))
