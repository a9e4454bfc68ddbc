"""The clock's own rules, one at a time."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from clock_story import begin
from clock_toy import ToyPhysics

from cosim.events import Action, Crossing, Environment, EventLog, Priority
from cosim.events.environment import MOST_ALIKE
from cosim.events.processes import (
    BreakerTrip,
    DerConnection,
    EnterService,
    Outage,
    ScheduledSwitching,
    StudyProcess,
)
from cosim.events.records import Record


class Script:
    """Physics that reports the crossings it was given and writes down what it is asked."""

    def __init__(self, *crossings: Crossing) -> None:
        self.crossings = list(crossings)
        self.asked: list[object] = []

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        self.asked.append((start_us, until_us))
        if self.crossings and self.crossings[0].time_us <= until_us:
            return self.crossings.pop(0)
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        self.asked.append(f"{action.kind} {action.subject}")
        return action.ids

    def study(self, kind: str, name: str, at_peak: bool) -> int:
        self.asked.append(f"study {name}")
        return -1


def test_physics_advances_between_events_and_not_within_an_instant() -> None:
    physics = Script()
    env = begin(
        physics,
        [
            ScheduledSwitching(name="x", section="s", close=False, deadline_us=10),
            ScheduledSwitching(name="y", section="t", close=False, deadline_us=10),
            ScheduledSwitching(name="z", section="s", close=True, deadline_us=25),
        ],
    )
    env.run_until(40)
    assert physics.asked == [(0, 10), "open s", "open t", (10, 25), "close s", (25, 40)]


def test_nothing_to_do_still_moves_the_physics_to_the_end() -> None:
    physics = Script()
    env = Environment(physics)
    env.run_until(7)
    env.run_until(7)
    assert physics.asked == [(0, 7)]
    assert env.now == 7


def test_order_at_one_instant() -> None:
    """All classes on one microsecond, started in the reverse of their order."""
    physics = ToyPhysics()
    physics.heat = 970  # reaches 1000 at 10 us
    physics.open.add("line:2")
    physics.serving.discard("c")
    rule = EnterService(
        name="rule",
        homes=["a", "b", "c"],
        absent={"c": ["voltage"]},
        counting=[],
    )
    env = begin(
        physics,
        [
            StudyProcess(name="6", study="fault_duty", label="here", deadline_us=10),
            ScheduledSwitching(name="4", section="line:1", close=False, deadline_us=10),
            DerConnection(name="5", group="homes:b", homes=["b"], connect=False, deadline_us=10),
            ScheduledSwitching(name="3", section="line:2", close=True, deadline_us=10),
            BreakerTrip(name="2"),
            rule,
        ],
    )
    env.run_until(10)
    assert [f"{r.time_us} {r.kind} {r.subject} {r.cause}" for r in env.log] == [
        "10 breaker_reaches_trip breaker:a -1",
        "10 breaker_trip breaker:a 0",
        "10 der_trip breaker:a 1",
        "10 close line:2 -1",
        "10 open line:1 -1",
        "10 der_trip line:1 4",
        "10 enter_service_cancelled line:1 4",
        "10 disconnect_der homes:b -1",
        "10 study fault_duty -1",
    ]
    assert list(Priority) == sorted(Priority)


def test_service_due_when_voltage_is_lost_is_cancelled() -> None:
    env = begin(
        ToyPhysics(),
        [
            EnterService(name="rule", homes=["c"], delay_us=50),
            Outage(name="first", section="line:2", deadline_us=10, duration_us=10),
            Outage(name="second", section="line:2", deadline_us=70, duration_us=5),
        ],
    )
    env.run_until(200)
    assert [f"{r.time_us} {r.kind}" for r in env.log][3:] == [
        "70 outage",
        "70 enter_service_cancelled",
        "75 restoration",
        "125 enter_service",
    ]


def test_same_class_same_instant_goes_by_scheduling() -> None:
    physics = Script()
    env = begin(
        physics,
        [ScheduledSwitching(name=n, section=n, close=False, deadline_us=5) for n in ("c", "a", "b")],
    )
    env.run_until(5)
    assert physics.asked == [(0, 5), "open c", "open a", "open b"]


@pytest.mark.parametrize("time_us", [0, 1, 5, 9, 10])
def test_early_stop_anywhere(time_us: int) -> None:
    physics = Script(Crossing(time_us, "alarm", "adapter:1", "90 C"))
    env = begin(physics, [ScheduledSwitching(name="x", section="s", close=False, deadline_us=10)])
    env.run_until(12)
    assert [str(r) for r in env.log] == [f"0 {time_us} alarm adapter:1 (90 C)", "1 10 open s"]
    goes_on = [] if time_us == 10 else [(time_us, 10)]
    assert physics.asked == [(0, 10), *goes_on, "open s", (10, 12)]


def test_two_crossings_on_one_microsecond_are_two_events() -> None:
    env = Environment(Script(Crossing(4, "alarm", "x"), Crossing(4, "alarm", "y")))
    env.run_until(9)
    assert [(r.time_us, r.subject) for r in env.log] == [(4, "x"), (4, "y")]


def test_voltage_window_restarts_the_delay_and_does_not_trip() -> None:
    crossings = [
        Crossing(5, "window_left", "c", ids=("b", "c")),  # in service: the window does not concern them
        Crossing(20, "voltage_lost", "c"),
        Crossing(30, "voltage_back", "c"),
        Crossing(60, "window_left", "c"),
        Crossing(61, "window_left", "c", "again"),
        Crossing(90, "window_entered", "c"),
    ]
    physics = Script(*crossings)
    env = begin(physics, [EnterService(name="rule", homes=["b", "c"], delay_us=50)])
    env.run_until(300)
    acts = [(r.time_us, r.kind, r.cause) for r in env.log if r.kind not in {c.kind for c in crossings}]
    assert acts == [(20, "der_trip", 1), (60, "enter_service_cancelled", 4), (140, "enter_service", 7)]


def test_disconnected_der_waits_for_its_switch_and_then_for_the_delay() -> None:
    env = begin(
        ToyPhysics(),
        [
            EnterService(name="rule", homes=["c"], delay_us=50),
            DerConnection(name="out", group="c", homes=["c"], connect=False, deadline_us=5),
            Outage(name="first", section="line:2", deadline_us=10, duration_us=10),
            DerConnection(name="in", group="c", homes=["c"], connect=True, deadline_us=100),
        ],
    )
    env.run_until(200)
    assert [f"{r.time_us} {r.kind}" for r in env.log] == [
        "5 disconnect_der",
        "10 outage",
        "20 restoration",
        "100 connect_der",
        "150 enter_service",
    ]


def test_outage_does_not_undo_what_an_operator_opened() -> None:
    physics = ToyPhysics()
    env = begin(
        physics,
        [
            Outage(name="fault", section="line:2", deadline_us=10, duration_us=10),
            ScheduledSwitching(name="off", section="line:2", close=False, deadline_us=15),
        ],
    )
    env.run_until(50)
    assert physics.open == {"line:2"}
    assert env.holds == {"line:2": ["operator"]}
    assert str(list(env.log)[-1]) == "2 20 restoration line:2 (stays open for operator) <- 0"


def test_an_error_in_the_physics_ends_the_run() -> None:
    class Broken(Script):
        def apply(self, action: Action) -> tuple[str, ...]:
            raise RuntimeError("no such section")

    env = begin(Broken(), [Outage(name="x", section="s", deadline_us=1, duration_us=1)])
    with pytest.raises(RuntimeError, match="no such section"):
        env.run_until(5)


@pytest.mark.parametrize(
    ("crossings", "message"),
    [
        ([Crossing(-1, "alarm", "x")], "outside the interval"),
        ([Crossing(3, "alarm", "x")] * (MOST_ALIKE + 1), "reported again and again"),
    ],
)
def test_physics_that_breaks_its_word_is_refused(crossings: list[Crossing], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Environment(Script(*crossings)).run_until(10)


def test_misuse_is_refused() -> None:
    env = Environment(Script())
    record = Outage(name="x", section="s", deadline_us=5, duration_us=1)
    env.start(record)
    with pytest.raises(ValueError, match="already running"):
        env.start(record)
    env.run_until(20)
    with pytest.raises(ValueError, match="has passed"):
        env.start(Outage(name="y", section="s", deadline_us=5, duration_us=1))
    with pytest.raises(ValueError, match="cannot go back"):
        env.run_until(19)
    with pytest.raises(ValueError, match="whole microseconds"):
        env.timeout(0.5)
    with pytest.raises(ValueError, match="has not happened"):
        env.record("alarm", "x", cause=99)
    env.start(Outage(name="x", section="s", deadline_us=30, duration_us=1))  # the name is free again
    env.run_until(30)
    assert isinstance(env.now, int)


def test_only_recoverable_waits_are_saved() -> None:
    def plain(env: Environment) -> Generator[object, object, None]:
        yield env.timeout(10)

    env = Environment(Script())
    env.process(plain(env))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="only waits of registered processes"):
        env.snapshot()


def test_simpy_can_still_run_it() -> None:
    physics = Script()
    env = begin(physics, [ScheduledSwitching(name="x", section="s", close=False, deadline_us=5)])
    env.run(until=8)
    assert physics.asked == [(0, 5), "open s", (5, 8)]


def test_reactions_come_in_the_order_of_the_news_also_after_a_restart() -> None:
    env = begin(Script(), [BreakerTrip(name="first"), EnterService(name="second", homes=["a"])])
    env.run_until(3)
    env.signal("voltage_lost", "line:1", ("a",), -1)
    env.signal("breaker_reaches_trip", "breaker:b", ("breaker:b",), -1)
    resumed = Environment.restore(env.snapshot(), Script())
    for clock in (env, resumed):
        clock.run_until(3)
        assert [str(r) for r in clock.log] == [
            "0 3 der_trip line:1 (1 home: a)",
            "1 3 breaker_trip breaker:b",
        ]


def test_log_goes_on_counting() -> None:
    log = EventLog(first_order=7)
    assert log.append(1, "open", "s", cause=6) == 7
    assert log.next_order == 8


def test_records_hold_only_what_json_can() -> None:
    from cosim.events.records import KINDS, from_plain, to_plain

    for kind, (record, _, _) in KINDS.items():
        assert issubclass(record, Record)
        assert record.kind == kind
    rule = EnterService(name="rule", homes=["a"], absent={"a": ["voltage"]})
    assert from_plain("enter_service", to_plain(rule)) == rule
