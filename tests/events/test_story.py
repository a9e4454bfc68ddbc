"""One story, its exact log, and the ways of telling it that must not change a word."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

from clock_story import END, begin, story, toy
from clock_toy import ToyPhysics
from hypothesis import given
from hypothesis import strategies as st

from cosim.events import Environment, EventLog
from cosim.events.records import KINDS

# Kinds of other modules have stories of their own, held to the same law there.
MODULES = ("cosim.events.processes", "cosim.events.control_processes")
EXPECTED = (Path(__file__).parent / "story.log").read_text().rstrip("\n")


def tell() -> tuple[Environment, ToyPhysics]:
    physics = toy()
    env = begin(physics)
    env.run_until(END)
    return env, physics


def test_exact_log() -> None:
    env, physics = tell()
    assert str(env.log) == EXPECTED
    assert env.now == physics.at_us == END
    assert physics.studies == [("fault_duty", *at) for at in (("start", 0), ("noon", 2500), ("peak", 0))]


def test_blocks_join_and_never_have_zero_length() -> None:
    _, physics = tell()
    assert physics.blocks[0][0] == 0
    kinds = ("breaker_reaches_trip", "control_")
    crossings = {int(line.split()[1]) for line in EXPECTED.splitlines() if line.split()[2].startswith(kinds)}
    for (start, until), (following, _) in itertools.pairwise(physics.blocks):
        assert start < until
        assert following == until or following in crossings


@given(st.integers(0, 2**32))
def test_cutting_blocks_changes_nothing(seed: int) -> None:
    numbers = random.Random(seed)
    cut = toy(cuts=iter(lambda: numbers.choice((1, 7, 100, 999)), None))
    env = begin(cut)
    env.run_until(END)
    assert str(env.log) == EXPECTED
    assert cut.state() == tell()[1].state()


@given(st.lists(st.integers(0, END), max_size=12))
def test_a_run_in_parts_is_one_run(ends: list[int]) -> None:
    physics = toy()
    env = begin(physics)
    for end in [*sorted(ends), END]:
        env.run_until(end)
    assert str(env.log) == EXPECTED
    assert physics.state() == tell()[1].state()


def test_restored_at_every_event_is_uninterrupted() -> None:
    """Every step's snapshot, through JSON, goes on to the same log and the same state."""
    physics = toy()
    env = begin(physics)
    whole = tell()[1].state()
    seen: dict[str, set[str]] = {}
    with_unread_news = 0
    while env.peek() <= END:
        env.step()
        snapshot = json.loads(json.dumps(env.snapshot()))
        for *_, kind, plain in snapshot["queue"]:
            seen.setdefault(kind, set()).add(plain["state"])
            with_unread_news += bool(plain["inbox"])
        copy = physics.copy()
        resumed = Environment.restore(snapshot, copy)
        again = json.loads(json.dumps(resumed.snapshot()))
        assert [e[3:] for e in again["queue"]] == [e[3:] for e in snapshot["queue"]]
        resumed.run_until(END)
        told = "\n".join(filter(None, (str(env.log), str(resumed.log))))
        assert told == EXPECTED, f"differs when resumed at {env.now} us"
        assert copy.state() == whole
    told_here = {kind for kind, known in KINDS.items() if known.record.__module__ in MODULES}
    assert set(seen) == told_here, "the story must hold every process kind of these modules"
    assert seen["outage"] == {"waiting", "out"}
    assert with_unread_news > 0, "some snapshot must catch a process between news and reaction"


def test_restored_between_events_at_random_times() -> None:
    numbers = random.Random(1)
    for time_us in sorted(numbers.sample(range(END), 40)):
        physics = toy()
        env = begin(physics)
        env.run_until(time_us)
        log = EventLog(env.log.next_order)
        resumed = Environment.restore(env.snapshot(), physics, log)
        resumed.run_until(END)
        assert str(env.log) + ("\n" if len(env.log) and len(log) else "") + str(log) == EXPECTED


def test_causes_lead_from_service_back_to_the_outage() -> None:
    env, _ = tell()
    records = list(env.log)
    entered = next(r for r in records if r.kind == "enter_service" and r.subject == "line:2")
    chain = [entered]
    while chain[-1].cause >= 0:
        chain.append(records[chain[-1].cause])
    assert [r.kind for r in chain] == ["enter_service", "restoration", "outage"]
    assert all(r.cause < r.order for r in records)


def test_listeners_hear_each_record_once_in_order() -> None:
    heard: list[str] = []
    env = begin(toy())
    env.log.listen(lambda record: heard.append(str(record)))
    env.run_until(END)
    assert "\n".join(heard) == EXPECTED


def test_order_of_starting_decides_only_ties() -> None:
    """No two of the story's records of one class fall together, so any order tells the same story."""
    for seed in range(10):
        records = story()
        random.Random(seed).shuffle(records)
        env = begin(toy(), records)
        env.run_until(END)
        assert str(env.log) == EXPECTED
