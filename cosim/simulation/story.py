"""What the scenario says will happen, as processes on the clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cosim.events.control_processes import Timing, VoltageControl
from cosim.events.neighbourhood_processes import NeighbourhoodIslands, Terms
from cosim.events.processes import (
    NORMALLY_OPEN,
    OPERATOR,
    BreakerTrip,
    DerConnection,
    EnterService,
    Outage,
    ScheduledSwitching,
    SourceVoltage,
    StudyProcess,
    hold_open,
)
from cosim.events.records import Record
from cosim.simulation.outages import outage_records, transfer_records
from cosim.simulation.steps import US

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosim.events.environment import Environment
    from cosim.scenario.event_schema import Event
    from cosim.simulation.assembly import Study


def start_processes(env: Environment, study: Study, dead: Sequence[str]) -> None:
    """Say what a reader should know, then start everything that waits, in the order of the file.

    `dead` are the homes without voltage at the start; their DER wait for it.
    """
    for note in study.notes:
        env.record("note", "study", note)
    hold_open(env, study.stand_open)
    env.start(BreakerTrip(name="breakers", reset_after_us=study.scenario.breakers.reset_after))
    homes = [name for name, has in zip(study.home_names, study.has_der, strict=True) if has]
    if homes:
        absent = {name: ["voltage"] for name in dead if name in set(homes)}
        delays = dict(zip(study.home_names, study.ride_through.delay_us.tolist(), strict=True))
        [(common, _)] = Counter(delays.values()).most_common(1)
        own = {name: delays[name] for name in homes if delays[name] != common}
        env.start(
            EnterService(name="enter-service", homes=homes, delay_us=common, own_delay_us=own, absent=absent)
        )
    if len(study.controls):
        env.start(_voltage_control(study))
    if islands := study.scenario.islands:
        terms = {one.at: Terms(one.delay, one.return_delay, one.seamless) for one in islands}
        env.start(NeighbourhoodIslands(name="neighbourhood-islands", terms=terms))
    for record in (*outage_records(study), *transfer_records(study)):
        env.start(record)
    for number, event in enumerate(study.scenario.events, 1):
        for record in _records(study, event, f"event-{number}"):
            env.start(record)
    for record in _studies(study):
        env.start(record)


def _voltage_control(study: Study) -> VoltageControl:
    timings = {
        name: Timing(
            raise_us=round(delays.raise_s * US),
            lower_us=round(delays.lower_s * US),
            next_us=None if delays.next_s is None else round(delays.next_s * US),
            dead_us=round(delays.dead_s * US),
        )
        for name, delays in study.controls.delays.items()
    }
    looks = study.scenario.controls.sampling
    return VoltageControl(name="voltage-controls", timings=timings, sampling_us=looks or 1)


def _records(study: Study, event: Event, name: str) -> Iterator[Record]:
    at_us, section = study.scenario.elapsed_us(event.at), study.section_named(event.where)
    match event.kind:
        case "outage":
            # An outage that is never repaired is an opening.
            if event.duration is None:
                yield ScheduledSwitching(name=name, deadline_us=at_us, section=section, close=False)
            else:
                yield Outage(name=name, deadline_us=at_us, section=section, duration_us=event.duration)
        case "lost-neutral":
            if event.duration is not None:
                yield Outage(name=name, deadline_us=at_us, section=f"{section}@n", duration_us=event.duration)
        case "open" | "close" | "tie":
            yield from _switchings(study, event, section, name, at_us)
        case "source-voltage":
            assert event.value_pu is not None  # the scenario's rules say so
            yield SourceVoltage(name=name, deadline_us=at_us, value_pu=event.value_pu)
            if event.duration is not None:
                yield SourceVoltage(name=f"{name}-undone", deadline_us=at_us + event.duration, value_pu=1.0)
        case "der-disconnect" | "der-connect":
            connect = event.kind == "der-connect"
            homes = study.homes_at(event.where)
            holder = OPERATOR if event.duration is None else name
            moves = [(name, at_us, connect)]
            if event.duration is not None:
                moves.append((f"{name}-undone", at_us + event.duration, not connect))
            for move, deadline_us, to in moves:
                yield DerConnection(
                    name=move,
                    deadline_us=deadline_us,
                    group=event.where,
                    homes=homes,
                    connect=to,
                    holder=holder,
                )


def _switchings(
    study: Study, event: Event, section: str, name: str, at_us: int
) -> Iterator[ScheduledSwitching]:
    """An opening or closing, and what undoes it; a line that stands open of itself is nobody else's to close."""
    ties = study.stand_open
    holder = NORMALLY_OPEN if section in ties else OPERATOR
    moves = [(name, at_us, event.kind != "open")]
    if event.duration is not None:
        moves.append((f"{name}-undone", at_us + event.duration, event.kind == "open"))
    for move, deadline_us, close in moves:
        said = ("tie_closed" if close else "tie_opened") if event.kind == "tie" else ""
        yield ScheduledSwitching(
            name=move, deadline_us=deadline_us, section=section, close=close, holder=holder, event=said
        )


def _studies(study: Study) -> Iterator[StudyProcess]:
    asked = study.scenario.studies.fault_duty
    for at in asked.at if asked is not None else ():
        label = at if isinstance(at, str) else f"{at:%Y-%m-%dT%H-%M-%S}"
        at_us = 0 if at == "start" else study.scenario.duration_us
        if not isinstance(at, str):
            at_us = study.scenario.elapsed_us(at)
        yield StudyProcess(
            name=f"fault-duty-{label}", deadline_us=at_us, study="fault_duty",
            label=f"fault_duty_{label}", at_peak=at == "peak",
        )  # fmt: skip
    if study.scenario.studies.backfeed_hazard is not None:
        yield StudyProcess(
            name="backfeed-hazard", deadline_us=0, study="backfeed_hazard", label="backfeed_hazard"
        )
