"""Laws that hold for any story, however its events fall together."""

from __future__ import annotations

import json
import random

from clock_story import begin
from clock_toy import FED_THROUGH, HOMES, ToyPhysics
from hypothesis import given
from hypothesis import strategies as st

from cosim.events import Environment
from cosim.events.processes import (
    BreakerTrip,
    DerConnection,
    EnterService,
    Outage,
    ScheduledSwitching,
    StudyProcess,
)
from cosim.events.records import Record

END = 3000


def random_story(seed: int) -> list[Record]:
    """Up to 25 events on a coarse grid of times, so that many share an instant."""
    draw = random.Random(seed)
    records: list[Record] = [
        EnterService(name="rule", homes=list(HOMES), delay_us=draw.choice((0, 20, 100))),
        BreakerTrip(name="breakers", reset_after_us=draw.choice((None, 0, 200))),
    ]
    for n in range(draw.randrange(25)):
        name, at, section = f"event-{n}", draw.randrange(0, END + 1, 20), draw.choice(("line:1", "line:2"))
        kind = draw.randrange(4)
        if kind == 0:
            duration = draw.randrange(0, 400, 20)
            records.append(Outage(name=name, section=section, deadline_us=at, duration_us=duration))
        elif kind == 1:
            closes = draw.random() < 0.5
            records.append(ScheduledSwitching(name=name, section=section, close=closes, deadline_us=at))
        elif kind == 2:
            homes, joins = draw.sample(HOMES, draw.randint(1, 3)), draw.random() < 0.6
            records.append(DerConnection(name=name, group=name, homes=homes, connect=joins, deadline_us=at))
        else:
            records.append(StudyProcess(name=name, study="fault_duty", label=name, deadline_us=at))
    draw.shuffle(records)
    return records


def tell(seed: int) -> tuple[str, ToyPhysics, Environment]:
    physics = ToyPhysics()
    env = begin(physics, random_story(seed))
    env.run_until(END)
    return str(env.log), physics, env


@given(st.integers(0, 2**32))
def test_restored_at_every_event(seed: int) -> None:
    expected, whole, _ = tell(seed)
    physics = ToyPhysics()
    env = begin(physics, random_story(seed))
    while env.peek() <= END:
        env.step()
        copy = physics.copy()
        resumed = Environment.restore(json.loads(json.dumps(env.snapshot())), copy)
        resumed.run_until(END)
        assert "\n".join(filter(None, (str(env.log), str(resumed.log)))) == expected
        assert copy.state() == whole.state()


@given(st.integers(0, 2**32), st.lists(st.integers(0, END), max_size=6))
def test_cut_and_split(seed: int, ends: list[int]) -> None:
    expected, whole, _ = tell(seed)
    draw = random.Random(seed)
    physics = ToyPhysics(cuts=iter(lambda: draw.choice((1, 3, 50)), None))
    env = begin(physics, random_story(seed))
    for end in [*sorted(ends), END]:
        env.run_until(end)
    assert str(env.log) == expected
    assert physics.state() == whole.state()


@given(st.integers(0, 2**32))
def test_what_is_held_is_open_and_who_serves_may(seed: int) -> None:
    log, physics, env = tell(seed)
    lines = {what for what in env.holds if what.startswith("line")}
    assert {section for section in physics.open if section.startswith("line")} == lines
    assert physics.disconnected == {
        what.removeprefix("der:") for what in env.holds if what.startswith("der:")
    }
    assert physics.serving <= physics.live() - physics.disconnected
    dead = {home for home in HOMES if physics.open & set(FED_THROUGH[home])}
    rule = next(entry[5] for entry in env.snapshot()["queue"] if entry[3] == "rule")
    assert dead <= {home for home, lacks in rule["absent"].items() if "voltage" in lacks}
    counting = {home for countdown in rule["counting"] for home in countdown["homes"]}
    assert physics.serving.isdisjoint(counting | set(rule["absent"]))
    assert physics.serving | counting | set(rule["absent"]) == set(HOMES)
    assert len(log.splitlines()) == len(env.log)
