"""The processes: each waits, then says what changes; how much is the business of the physics."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from simpy.events import ProcessGenerator

from cosim.events.environment import Environment, Priority
from cosim.events.physics import Act, Action, Watch
from cosim.events.records import Record, Signal, process

OPERATOR = "operator"  # holds what scheduled switching has opened, until scheduled switching closes it
NORMALLY_OPEN = "normally open"  # holds a tie that nobody has closed on purpose


@dataclass(kw_only=True)
class ScheduledSwitching(Record):
    """Opens or closes `section` at the deadline, by an operator's hand; logged as `event` if it has a name of its own.

    `holder` is who keeps the section open: of a line that stands open of itself, that it is to.
    """

    kind: ClassVar[str] = "switching"
    section: str
    close: bool
    holder: str = OPERATOR
    event: str = ""


@process(ScheduledSwitching)
def switch(env: Environment, record: ScheduledSwitching) -> ProcessGenerator:
    """Wait for the time, then open or close."""
    yield env.wait(record, Priority.CLOSE if record.close else Priority.OPEN)
    if record.close:
        close_section(env, record.section, record.holder, record.event or "close", record.cause)
    else:
        open_section(env, record.section, record.holder, record.event or "open", record.cause)


@dataclass(kw_only=True)
class Outage(Record):
    """Opens `section` at the deadline and restores it `duration_us` later. States: waiting, out."""

    kind: ClassVar[str] = "outage"
    section: str
    duration_us: int


@process(Outage)
def outage(env: Environment, record: Outage) -> ProcessGenerator:
    """Wait for the fault, keep the section open while it is repaired, let it close."""
    if record.state == "waiting":
        yield env.wait(record, Priority.OPEN)
        record.cause = open_section(env, record.section, record.name, "outage", record.cause)
        record.state, record.deadline_us = "out", env.now + record.duration_us
    yield env.wait(record, Priority.CLOSE)
    close_section(env, record.section, record.name, "restoration", record.cause)


@dataclass(kw_only=True)
class DerConnection(Record):
    """Connects or disconnects the DER of `homes` (called `group` in the log) at the deadline.

    Disconnections that overlap hold a home each on its own; its DER connect when the last lets go.
    """

    kind: ClassVar[str] = "der_connection"
    group: str
    homes: list[str]
    connect: bool
    holder: str = OPERATOR


@process(DerConnection)
def connect_der(env: Environment, record: DerConnection) -> ProcessGenerator:
    """Wait for the time, then work the switches; `EnterService` decides when DER produce again."""
    yield env.wait(record, Priority.CLOSE if record.connect else Priority.OPEN)
    act, topic = (
        (Act.CONNECT_DER, Watch.DER_CONNECTED)
        if record.connect
        else (Act.DISCONNECT_DER, Watch.DER_DISCONNECTED)
    )
    turn = _let_go if record.connect else _hold
    homes = tuple(home for home in record.homes if turn(env, f"der:{home}", record.holder))
    change(env, Action(act, record.group, homes), act, topic, record.cause)


def _hold(env: Environment, what: str, holder: str) -> bool:
    """Hold something, once each holder; whether nobody held it before."""
    holders = env.holds.setdefault(what, [])
    if holder not in holders:
        holders.append(holder)
    return holders == [holder]


def _let_go(env: Environment, what: str, holder: str) -> bool:
    """Let go of something; whether nobody holds it now."""
    others = [other for other in env.holds.pop(what, []) if other != holder]
    if others:
        env.holds[what] = others
    return not others


@dataclass(kw_only=True)
class SourceVoltage(Record):
    """Multiplies the sources' voltage with `value_pu` at the deadline."""

    kind: ClassVar[str] = "source_voltage"
    value_pu: float


@process(SourceVoltage)
def set_source_voltage(env: Environment, record: SourceVoltage) -> ProcessGenerator:
    """Wait for the time, then change it; what homes make of it is found by the physics."""
    yield env.wait(record, Priority.CLOSE if record.value_pu == 1.0 else Priority.OPEN)
    action = Action(Act.SOURCE_VOLTAGE, str(record.value_pu))
    change(env, action, "source_voltage", None, record.cause)


@dataclass(kw_only=True)
class BreakerTrip(Record):
    """Opens whichever breaker reaches its trip line; closes it `reset_after_us` later, if given."""

    kind: ClassVar[str] = "breaker_trip"
    reset_after_us: int | None = None


@process(BreakerTrip)
def trip_breakers(env: Environment, record: BreakerTrip) -> ProcessGenerator:
    """React to the crossings that the physics finds, for as long as the run lasts."""
    while True:
        for news in (yield env.wait(record, Priority.OPEN, Watch.BREAKER)):
            action = Action(Act.TRIP_BREAKER, news.subject)
            order = change(env, action, "breaker_trip", Watch.VOLTAGE_LOST, news.cause)
            if record.reset_after_us is not None:
                env.start(
                    BreakerReset(
                        name=f"{record.name}/reset-{order}",
                        deadline_us=env.now + record.reset_after_us,
                        breaker=news.subject,
                        cause=order,
                    )
                )


@dataclass(kw_only=True)
class BreakerReset(Record):
    """Closes `breaker` at the deadline."""

    kind: ClassVar[str] = "breaker_reset"
    breaker: str


@process(BreakerReset)
def reset_breaker(env: Environment, record: BreakerReset) -> ProcessGenerator:
    """Wait for whoever walks to the panel; a breaker still too hot to latch trips again at once."""
    yield env.wait(record, Priority.CLOSE)
    action = Action(Act.RESET_BREAKER, record.breaker)
    change(env, action, "breaker_reset", Watch.VOLTAGE_BACK, record.cause)


@dataclass
class Countdown:
    """Homes that enter service together at `deadline_us`, because of log record `cause`."""

    deadline_us: int
    subject: str
    cause: int
    homes: list[str]


@dataclass(kw_only=True)
class EnterService(Record):
    """Keeps the DER of `homes` to the enter-service rule of IEEE 1547-2018, clause 4.10.

    DER that lose voltage or reach a trip setting cease; once voltage is back inside the window and the DER
    connected, a delay is counted; then they enter service with the ramp that the physics gives them. Whatever
    is lost meanwhile starts the delay anew. A home neither in `absent` nor in `counting` is in service.

    Parameters
    ----------
    homes
        Homes with DER; signals about others are not heard.
    delay_us
        Time inside the window before service, 300 s by default.
    own_delay_us
        By home, a delay of its own.
    absent
        By home, what it lacks: "voltage", "window", "frequency", "connection".
    counting
        Countdowns under way.
    """

    kind: ClassVar[str] = "enter_service"
    homes: list[str]
    delay_us: int = 300_000_000
    own_delay_us: dict[str, int] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    counting: list[Countdown] = field(default_factory=list)


LOSSES: dict[str, str] = {
    Watch.VOLTAGE_LOST: "voltage",
    Watch.WINDOW_LEFT: "window",
    Watch.FREQUENCY_LOST: "frequency",
    Watch.DER_DISCONNECTED: "connection",
}
GAINS: dict[str, str] = {
    Watch.VOLTAGE_BACK: "voltage",
    Watch.WINDOW_ENTERED: "window",
    Watch.FREQUENCY_BACK: "frequency",
    Watch.DER_CONNECTED: "connection",
}


@process(EnterService)
def enter_service(env: Environment, record: EnterService) -> ProcessGenerator:
    """One process for all homes: hear what they lose and gain, and count."""
    mine = frozenset(record.homes)
    while True:
        record.deadline_us = min((c.deadline_us for c in record.counting), default=None)
        news: tuple[Signal, ...] = yield env.wait(record, Priority.SERVICE, Watch.DER_TRIP, *LOSSES, *GAINS)
        for signal in news:
            homes = [home for home in signal.ids if home in mine]
            if signal.topic == Watch.DER_TRIP:
                _trip(env, record, homes, signal)
            elif signal.topic in LOSSES:
                _lose(env, record, homes, LOSSES[signal.topic], signal)
            else:
                _gain(env, record, homes, GAINS[signal.topic], signal)
        if not news:
            due = [c for c in record.counting if c.deadline_us <= env.now]
            record.counting = [c for c in record.counting if c.deadline_us > env.now]
            for c in due:
                action = Action(Act.ENTER_SERVICE, c.subject, tuple(c.homes))
                change(env, action, "enter_service", None, c.cause)


def _trip(env: Environment, record: EnterService, homes: list[str], signal: Signal) -> None:
    """In-service homes stop and wait for the window, which the physics knows them to be outside of."""
    counting = {home for c in record.counting for home in c.homes}
    serving = tuple(home for home in homes if home not in record.absent and home not in counting)
    if serving:
        change(env, Action(Act.CEASE_DER, signal.subject, serving), "der_trip", None, signal.cause)
    for home in serving:
        record.absent[home] = ["window"]


def _lose(env: Environment, record: EnterService, homes: list[str], what: str, signal: Signal) -> None:
    counting = {home for c in record.counting for home in c.homes}
    serving = tuple(home for home in homes if home not in record.absent and home not in counting)
    if what == "window":  # the window is a condition for entering service, not for staying in it
        homes = [home for home in homes if home not in serving]
    elif what in ("voltage", "frequency") and serving:
        change(env, Action(Act.CEASE_DER, signal.subject, serving), "der_trip", None, signal.cause)
    for home in homes:
        lacks = record.absent.setdefault(home, [])
        if what not in lacks:
            lacks.append(what)
    if cancelled := {home: None for home in homes if home in counting}:  # a set that keeps its order
        for c in record.counting:
            c.homes = [home for home in c.homes if home not in cancelled]
        record.counting = [c for c in record.counting if c.homes]
        env.record("enter_service_cancelled", signal.subject, describe(cancelled), signal.cause)


def _gain(env: Environment, record: EnterService, homes: list[str], what: str, signal: Signal) -> None:
    ready = []
    for home in homes:
        lacks = record.absent.get(home, [])
        if what in lacks:
            lacks.remove(what)
            if not lacks:
                del record.absent[home]
                ready.append(home)
    together: dict[int, list[str]] = {}
    for home in ready:
        together.setdefault(record.own_delay_us.get(home, record.delay_us), []).append(home)
    for delay_us, those in together.items():
        record.counting.append(Countdown(env.now + delay_us, signal.subject, signal.cause, those))


@dataclass(kw_only=True)
class StudyProcess(Record):
    """Runs a study of kind `study`, kept under `label`, at the deadline.

    With `at_peak` the deadline is the end of the run: only then the peak is known, and the physics
    studies the state that it kept at the peak.
    """

    kind: ClassVar[str] = "study"
    study: str
    label: str
    at_peak: bool = False


@process(StudyProcess)
def run_study(env: Environment, record: StudyProcess) -> ProcessGenerator:
    """Wait for the time, then look."""
    yield env.wait(record, Priority.STUDY)
    time_us = env.physics.study(record.study, record.label, record.at_peak)
    detail = f"{record.label}, state {timedelta(microseconds=time_us)} after the start"
    env.record("study", record.study, detail, record.cause)


def change(
    env: Environment, action: Action, event: str, topic: str | None, cause: int, detail: str = ""
) -> int:
    """Have the physics act, log it as `event`, tell who waits for `topic`; returns the log's number."""
    homes = env.physics.apply(action)
    order = env.record(event, action.subject, "; ".join(filter(None, (detail, describe(homes)))), cause)
    if topic is not None and homes:
        env.signal(topic, action.subject, homes, order)
    return order


def open_section(
    env: Environment, section: str, holder: str, event: str, cause: int, detail: str = ""
) -> int:
    """Open `section`, or join those that hold it open already; returns the number of the log's record."""
    holders = env.holds.setdefault(section, [])
    if holder not in holders:
        holders.append(holder)
    if holders != [holder]:
        detail = "; ".join(filter(None, (detail, f"already open for {holders[0]}")))
        return env.record(event, section, detail, cause)
    order = change(env, Action(Act.OPEN, section), event, Watch.VOLTAGE_LOST, cause, detail)
    env.signal(Watch.SWITCHED, section, (), order)
    return order


def close_section(
    env: Environment, section: str, holder: str, event: str, cause: int, detail: str = ""
) -> int:
    """Let go of `section`; it closes when nobody else holds it. Returns the number of the log's record."""
    holders = env.holds.pop(section, [])
    others = [other for other in holders if other != holder]
    if others:
        env.holds[section] = others
        detail = "; ".join(filter(None, (detail, f"stays open for {others[0]}")))
        return env.record(event, section, detail, cause)
    order = change(env, Action(Act.CLOSE, section), event, Watch.VOLTAGE_BACK, cause, detail)
    env.signal(Watch.SWITCHED, section, (), order)
    return order


def hold_open(env: Environment, sections: Iterable[str]) -> None:
    """Keep lines that stand open of themselves so, whatever else lets go of them, until they are closed on purpose."""
    for section in sorted(sections):
        env.holds[section] = [NORMALLY_OPEN]


def describe(homes: Collection[str]) -> str:
    """Homes as the log tells them: how many, and which if they are few."""
    if not homes:
        return ""
    count = f"{len(homes)} home{'s' if len(homes) > 1 else ''}"
    return f"{count}: {', '.join(homes)}" if len(homes) <= 3 else count
