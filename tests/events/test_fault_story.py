"""Faults, protective devices and crews: an exact story, and the ways of telling it that must not change a word."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from fault_story import END, HOUR, SECOND, TIMES, begin, grid, phase_of, records, tied_grid

from cosim.events import Environment, EventLog
from cosim.events.crew_processes import Crews, Duration
from cosim.events.fault_processes import ComingFault, Faults
from cosim.events.protection_processes import ProtectionWatch
from cosim.reliability.event_physics import EventPhysics


def tell(faults: list[ComingFault], crews: int = 1) -> Environment:
    env = Environment(EventPhysics(grid()))
    env.start(Faults(name="faults", coming=faults))
    env.start(ProtectionWatch(name="protection"))
    env.start(Crews(name="crews", crews=crews, seed=1, times=TIMES))
    env.run_until(END)
    return env


def kinds(env: Environment) -> list[str]:
    return [record.kind for record in env.log]


def test_everything_is_restored_in_the_end() -> None:
    env = begin()
    env.run_until(END)
    physics = env.physics
    assert isinstance(physics, EventPhysics)
    assert not physics.opened
    assert not physics.faults
    assert not physics.out.any()
    assert not any(env.holds.values())
    assert kinds(env).count("crew_called") == kinds(env).count("crew_done") == 7
    assert all(record.cause < record.order for record in env.log)


def test_restored_at_every_event_is_uninterrupted() -> None:
    whole = begin()
    whole.run_until(END)
    expected = str(whole.log)
    seen: set[tuple[str, str]] = set()
    env = begin()
    while env.peek() <= END:
        env.step()
        snapshot = json.loads(json.dumps(env.snapshot()))
        for *_, kind, plain in snapshot["queue"]:
            seen |= {("job", job["stage"]) for job in plain.get("jobs", ())}
            seen |= {(kind, name) for name in ("responses", "present") if plain.get(name)}
        assert isinstance(env.physics, EventPhysics)
        resumed = Environment.restore(snapshot, env.physics.copy())
        resumed.run_until(END)
        told = "\n".join(filter(None, (str(env.log), str(resumed.log))))
        assert told == expected, f"differs when resumed at {env.now} us"
        assert resumed.physics.seen.end_us == whole.physics.seen.end_us  # type: ignore[attr-defined]
    stages = {"calling", "queued", "travelling", "patrolling", "isolating", "repairing", "restoring"}
    assert {("job", stage) for stage in stages} < seen
    assert {("protection", "responses"), ("faults", "present")} < seen


def test_a_run_in_parts_is_one_run() -> None:
    whole = begin()
    whole.run_until(END)
    numbers = random.Random(3)
    env = begin()
    for end in [*sorted(numbers.sample(range(END), 30)), END]:
        env.run_until(end)
    assert str(env.log) == str(whole.log)
    late = begin()
    late.run_until(13 * HOUR)
    log = EventLog(late.log.next_order)
    Environment.restore(late.snapshot(), late.physics, log).run_until(END)
    assert f"{late.log}\n{log}" == str(whole.log)


def test_a_temporary_fault_on_the_trunk_costs_one_momentary_interruption() -> None:
    fault = ComingFault(at_us=SECOND, name="swing", where="line:trunk-2", fault="line-line", conductors="ab",
                        dead_us=200_000)  # fmt: skip
    env = tell([fault])
    assert kinds(env) == ["fault", "breaker_opens", "fault_goes_out", "recloses"]
    seen = env.physics.seen  # type: ignore[attr-defined]
    assert sorted(seen.home) == list(range(60))
    assert set(np.subtract(seen.end_us, seen.start_us)) == {500_000}


def test_a_fault_that_outlives_the_first_dead_time_is_struck_again() -> None:
    fault = ComingFault(at_us=SECOND, name="branch", where="line:trunk-2", fault="line-ground", conductors="a",
                        dead_us=2 * SECOND)  # fmt: skip
    found = kinds(tell([fault]))
    assert found == ["fault", "breaker_opens", "recloses", "breaker_opens", "fault_goes_out", "recloses"]


def test_a_lateral_fuse_takes_its_homes_and_nobody_else() -> None:
    fault = ComingFault(at_us=SECOND, name="tree", where="line:lateral-1-1", fault="line-ground",
                        conductors=phase_of("lateral-1"))  # fmt: skip
    env = Environment(EventPhysics(grid()))
    for record in (Faults(name="faults", coming=[fault]), ProtectionWatch(name="protection")):
        env.start(record)
    env.run_until(HOUR)
    paths = grid().paths
    behind = paths.out(["line:lateral-1"])
    assert 0 < behind.sum() < 60
    assert np.array_equal(env.physics.out, behind)  # type: ignore[attr-defined]
    assert kinds(env) == ["fault", "fuse_blows"]


def test_crews_isolate_a_drop_and_give_its_neighbours_back_first() -> None:
    fault = ComingFault(at_us=SECOND, name="drop", where="home:home-3", fault="line-line", conductors="12")
    env = tell([fault])
    times = {record.kind: record.time_us for record in env.log}
    seen = env.physics.seen  # type: ignore[attr-defined]
    names = grid().home_names
    ends = {names[home]: end for home, end in zip(seen.home, seen.end_us, strict=True)}
    assert set(ends.values()) == {times["fuse_replaced"], times["closed_by_crew"]}
    assert times["fuse_replaced"] < times["fault_repaired"] <= times["closed_by_crew"]
    assert [name for name, end in ends.items() if end == times["closed_by_crew"]] == ["home-3"]


def test_a_lost_neutral_interrupts_nobody_until_it_is_repaired() -> None:
    fault = ComingFault(at_us=SECOND, name="neutral", where="home:home-9", fault="broken", conductors="n")
    env = tell([fault])
    times = {record.kind: record.time_us for record in env.log}
    seen = env.physics.seen  # type: ignore[attr-defined]
    assert [grid().home_names[home] for home in seen.home] == ["home-9"]
    assert seen.start_us == [times["opened_by_crew"]]
    assert seen.end_us == [times["closed_by_crew"]]


def test_who_calls_later_waits_for_the_only_crew() -> None:
    faults = [record for record in records()[0].coming if record.name in ("tree", "squirrel")]  # type: ignore[attr-defined]
    alone, two = tell(faults, crews=1), tell(faults, crews=2)
    left = [[r.time_us for r in env.log if r.kind == "crew_leaves"] for env in (alone, two)]
    called = [r.time_us for r in two.log if r.kind == "crew_called"]
    assert left[1] == called
    assert left[0][0] == called[0]
    assert left[0][1] == max(r.time_us for r in alone.log if r.subject == "fuse:lateral-2")


def test_a_fault_that_no_device_sees_is_told_once_and_repaired_when_somebody_notices() -> None:
    arc = ComingFault(
        at_us=HOUR, name="arc", where="home:home-5", fault="line-ground", conductors="1", ohm=100.0
    )
    env = tell([arc])
    assert kinds(env)[:3] == ["fault", "fault_stays", "crew_called"]
    assert kinds(env).count("fault_stays") == kinds(env).count("fault_repaired") == 1
    assert kinds(env)[-1] == "crew_done"
    noticed = {**TIMES, "notice": Duration(median_s=86_400.0, sigma=0.0)}
    late = Environment(EventPhysics(grid()))
    for record in (Faults(name="faults", coming=[arc]), ProtectionWatch(name="protection")):
        late.start(record)
    late.start(Crews(name="crews", crews=1, seed=1, times=noticed))
    late.run_until(40 * HOUR)
    assert [record.time_us for record in late.log if record.kind == "crew_called"] == [25 * HOUR]


def test_a_free_crew_goes_to_most_homes_if_told_so() -> None:
    """Three jobs and one crew: while it is with the first a drop and a lateral wait."""
    places = (("home:home-5", "12"), ("home:home-19", "12"), ("line:lateral-1-2", phase_of("lateral-1-2")))
    coming = [
        ComingFault(at_us=HOUR + k * SECOND, name=where, where=where, conductors=conductors,
                    fault="line-ground" if len(conductors) == 1 else "line-line")
        for k, (where, conductors) in enumerate(places)
    ]  # fmt: skip
    times = {**TIMES, "call": Duration(median_s=300.0, sigma=0.0)}
    left = {}
    for order in ("calls", "homes"):
        env = Environment(EventPhysics(grid()))
        env.start(Faults(name="faults", coming=coming))
        env.start(ProtectionWatch(name="protection"))
        env.start(Crews(name="crews", crews=1, seed=1, times=times, order=order))
        env.run_until(END)
        left[order] = [record.subject.split(":")[0] for record in env.log if record.kind == "crew_leaves"]
    assert left == {"calls": ["cutout", "cutout", "fuse"], "homes": ["cutout", "fuse", "cutout"]}


def test_a_tie_feeds_what_lies_behind_the_fault_and_nobody_notices_its_opening() -> None:
    fault = ComingFault(
        at_us=SECOND, name="car", where="line:stretch-2", fault="three-phase", conductors="abc"
    )
    env = Environment(EventPhysics(tied_grid()))
    for record in (
        Faults(name="faults", coming=[fault]),
        ProtectionWatch(name="protection"),
        Crews(name="crews", crews=1, seed=1, times=TIMES),
    ):
        env.start(record)
    env.run_until(END)
    time = {(record.kind, record.subject): record.time_us for record in env.log}
    physics = env.physics
    assert isinstance(physics, EventPhysics)
    assert not physics.out.any()
    assert not physics.tied
    lasting = [
        (home, start, end)
        for home, start, end in zip(
            physics.seen.home, physics.seen.start_us, physics.seen.end_us, strict=True
        )
        if end - start > 60 * SECOND
    ]
    back = {home: end for home, _, end in lasting}
    assert len(lasting) == len(back) == 9
    isolated = time["closed_by_crew", "line:breaker-1"]
    assert {back[home] for home in (0, 1, 2)} == {isolated}
    assert {back[home] for home in (6, 7, 8)} == {time["tie_closed", "line:tie"]} == {isolated}
    assert {back[home] for home in (3, 4, 5)} == {time["closed_by_crew", "line:switch-1"]}
    assert time["opened_by_crew", "line:switch-2"] <= isolated
    assert time["tie_opened", "line:tie"] == time["closed_by_crew", "line:switch-2"]


@pytest.mark.parametrize("crews", [1, 3])
def test_log_is_the_same_again(crews: int) -> None:
    assert str(tell(list(records()[0].coming), crews).log) == str(tell(list(records()[0].coming), crews).log)  # type: ignore[attr-defined]
