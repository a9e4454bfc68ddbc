"""Backfeed on the clock: begins, ends by what gives way, carried through changes, restarted anywhere."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cosim.events.environment import Environment
from cosim.events.hazard_processes import (
    CREW_AT,
    CREW_LEFT,
    FOUND,
    ISOLATED,
    STALLS,
    TRIPS,
    BackfeedHazards,
    Live,
)
from cosim.events.log import NO_CAUSE
from cosim.events.physics import Action, Crossing, Watch

MIN = 60_000_000
LIGHT = Live(3, 20, 500.0, ("a", "b"), 6900.0, 3.0, "lethal", 0.4, 134.0, 1.44, math.inf, 200.0)
HEAVY = replace(LIGHT, breaker_multiple=58 / 30)
STALLING = replace(LIGHT, stall_s=2.0)


class Toy:
    """Homes that stand on the dead grid, and what they energise, as told."""

    def __init__(self) -> None:
        self.live: dict[str, Live] = {}
        self.back: tuple[str, ...] = ()
        self.asked = 0
        self.acts: list[tuple[str, tuple[str, ...]]] = []

    def advance(self, start_us: int, until_us: int) -> Crossing | None:
        return None

    def apply(self, action: Action) -> tuple[str, ...]:
        self.acts.append((action.kind, action.ids))
        for home in action.ids:
            self.live.pop(home, None)
            self.back = tuple(h for h in self.back if h != home)
        return ()

    def backfeeding(self) -> tuple[str, ...]:
        return tuple(self.live)

    def paralleled(self) -> tuple[str, ...]:
        return self.back

    def backfeed(self, home: str) -> Live:
        self.asked += 1
        return self.live[home]


def clock(**how: object) -> tuple[Environment, Toy, BackfeedHazards]:
    toy, record = Toy(), BackfeedHazards(name="hazards", **how)  # type: ignore[arg-type]
    env = Environment(toy)  # type: ignore[arg-type]
    env.start(record)
    env.run_until(0)
    return env, toy, record


def tell(env: Environment, topic: str = Watch.SWITCHED, *ids: str) -> None:
    env.signal(topic, "test", ids, NO_CAUSE)
    env.run_until(env.now)


def test_the_breaker_opens_after_65_s() -> None:
    env, toy, record = clock()
    toy.live["home-1"] = HEAVY
    tell(env)
    env.run_until(10 * MIN)
    [row] = record.ended
    assert row.reason == TRIPS
    assert (row.end_us - row.start_us) / 1e6 == pytest.approx(65.0, abs=0.7)
    assert row.hazard_us == row.end_us
    assert toy.acts == [("trip_source", ("home-1",))]
    assert [r.kind for r in env.log] == ["backfeed_begins", "backfeed_ends"]


def test_a_stall_and_a_person() -> None:
    env, toy, record = clock()
    toy.live["home-1"], toy.live["home-2"] = STALLING, LIGHT
    tell(env)
    env.run_until(MIN)
    assert [(r.home, r.reason, r.end_us) for r in record.ended] == [("home-1", STALLS, 2_000_000)]
    env.run_until(5 * MIN)
    del toy.live["home-2"]
    tell(env)
    assert (record.ended[1].reason, record.ended[1].hazard_us) == (ISOLATED, 5 * MIN)


def test_heat_is_carried_through_a_change_of_the_topology() -> None:
    """30 s at 1.93 times, then a minute at 0.4, then 1.93 again: later than 65 s, sooner than anew."""
    env, toy, record = clock()
    toy.live["home-1"] = HEAVY
    tell(env)
    env.run_until(MIN // 2)
    toy.live["home-1"] = LIGHT
    tell(env)
    env.run_until(3 * MIN // 2)
    toy.live["home-1"] = HEAVY
    tell(env)
    env.run_until(10 * MIN)
    m2, decay = HEAVY.breaker_multiple**2, math.exp(-60 / 134)
    theta = m2 * (1 - math.exp(-30 / 134))
    theta = 0.16 + (theta - 0.16) * decay
    expected = 90.0 + 134 * math.log((m2 - theta) / (m2 - 1.44))
    assert record.ended[0].end_us / 1e6 == pytest.approx(expected, abs=1e-5)


def test_a_crew_that_comes_later_finds_it_and_one_at_work_is_exposed() -> None:
    env, toy, record = clock()
    tell(env, CREW_AT, "line:b@b")
    env.run_until(MIN)
    toy.live["home-1"] = LIGHT
    tell(env)
    env.run_until(11 * MIN)
    tell(env, CREW_LEFT, "line:b@b")
    env.run_until(20 * MIN)
    tell(env, CREW_AT, "line:elsewhere")
    assert record.standing["home-1"].found_us is None
    tell(env, CREW_AT, "line:a")
    env.run_until(60 * MIN)
    [row] = record.ended
    assert (row.reason, row.end_us, row.exposure_us) == (FOUND, 30 * MIN, 10 * MIN)
    assert toy.acts == [("stop_source", ("home-1",))]


def test_the_utility_comes_back() -> None:
    env, toy, record = clock()
    toy.live["home-1"] = LIGHT
    tell(env)
    env.run_until(MIN)
    del toy.live["home-1"]
    toy.back = ("home-1",)
    tell(env, Watch.VOLTAGE_BACK)
    [row] = record.ended
    assert (row.reason, row.closing_a) == ("utility returns out of phase", 200.0)
    assert toy.acts == [("stop_source", ("home-1",))]


def test_restarted_at_every_moment_it_says_the_same() -> None:
    def story(cut: bool) -> list[str]:
        env, toy, _ = clock()
        told = []
        for minute in range(1, 60, 3):
            if minute == 4:
                toy.live["home-1"] = replace(HEAVY, breaker_multiple=1.21)
            if minute == 10:
                toy.live["home-2"] = LIGHT
            if minute in (22, 31):
                tell(env, CREW_AT if minute == 22 else CREW_LEFT, "line:b")
            tell(env)
            if cut:
                told += [str(r) for r in env.log]
                env = Environment.restore(env.snapshot(), toy)  # type: ignore[arg-type]
            env.run_until(minute * MIN)
        return told + [str(r) for r in env.log]

    assert story(True) == story(False)


def test_at_rest_the_physics_is_asked_for_no_circuit() -> None:
    env, toy, _ = clock()
    for _ in range(100):
        tell(env)
    assert toy.asked == 0
