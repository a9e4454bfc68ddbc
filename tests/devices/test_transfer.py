"""Machines of transfer devices: laws that hold for every product, then single rules."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cosim import library
from cosim.devices.transfer import (
    FOREVER_US,
    INTERLOCK_DEFEATED,
    REST,
    SENSOR_WRONG,
    SERVICE_WELDS,
    SOURCE_WELDS,
    Condition,
    Device,
    Machine,
    Measured,
    State,
    Transition,
    at_start,
    is_at_rest,
    step,
)

NAMES = library.names("transfer")
DEVICE = TypeAdapter(Device)
S = 1_000_000
levels = st.sampled_from(
    [0.0, 0.3, 0.45, 0.55, 0.65, 0.72, 0.78, 0.85, 0.89, 0.92, 1.0, 1.04, 1.08, 1.15, 1.3]
)
measured = st.builds(
    Measured,
    *(st.tuples(levels, levels) for _ in range(3)),
    st.sampled_from([math.nan, 49.0, 57.5, 60.0, 62.0, 64.0]),
    st.tuples(*[st.sampled_from([0.0, 10.0, 37.0, 45.0, 80.0])] * 2),
)
stories = st.lists(st.tuples(st.integers(1, 40 * S), measured), min_size=1, max_size=8)


@cache
def machine(name: str) -> Machine:
    return library.load("transfer", name).machine()


def luck(seed: int):  # type: ignore[no-untyped-def]
    """Numbers by purpose and time that are the same whenever they are asked."""

    def draw(purpose: str, counter: int) -> float:
        return (hash((seed, sum(map(ord, purpose)), counter)) % 9973) / 9973

    return draw


def follow(m: Machine, story: list[tuple[int, Measured]], seed: int, faults: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    """Every device state on the way, stepping at deadlines and at changes alike."""
    draw, now, device, seen = luck(seed), 0, at_start(m, faults), REST
    for wait, after in story:
        end = now + wait
        while True:
            found = step(m, device, seen, now, draw)
            device = found.device
            yield now, found
            if found.taken is None:
                if found.deadline_us is None or found.deadline_us > end:
                    break
                assert found.deadline_us > now
                now = found.deadline_us
        now, seen = end, after


def circles(m: Machine, seen: Measured) -> bool:
    """Whether a device under constant quantities, new or old, ever takes 50 transitions at one instant."""
    device, draw = at_start(m), luck(1)
    for now in (0, *(hour * 3600 * S for hour in range(1, 30))):
        for _ in range(50):
            found = step(m, device, seen, now, draw)
            device = found.device
            if found.taken is None:
                break
        else:
            return True
    return False


@pytest.mark.parametrize("name", NAMES)
@given(story=stories, seed=st.integers(0, 10**6), welds=st.booleans())
def test_an_interlock_keeps_the_contactors_apart(
    name: str, story: list[tuple[int, Measured]], seed: int, welds: bool
) -> None:
    """Never a pole of each closed, whatever is measured, whoever errs, and even when contacts weld."""
    m = machine(name)
    if welds:
        m = replace(m, failures={**m.failures, SERVICE_WELDS: 0.5, SOURCE_WELDS: 0.5})
    for _, found in follow(m, story, seed):
        device = found.device
        if m.interlocked:
            assert not (device.service and device.source)
        state = m.states[device.state]
        if not (device.welded or device.source_welded) and not (state.service and state.source):
            assert (device.service, device.source) == (state.service, state.source)
        if found.taken is None:
            assert found.deadline_us is None or device.since_us <= found.deadline_us


@pytest.mark.parametrize("name", NAMES)
@given(story=stories, seed=st.integers(0, 10**6), extra=st.integers(1, 30 * S))
def test_looking_more_often_or_going_on_from_json_changes_nothing(
    name: str, story: list[tuple[int, Measured]], seed: int, extra: int
) -> None:
    m = machine(name)
    plain = [(now, f.device, f.deeds) for now, f in follow(m, story, seed) if f.taken]
    finer = [part for wait, seen in story for part in _cut(wait, seen, extra)]
    assert [(now, f.device, f.deeds) for now, f in follow(m, _join(finer), seed) if f.taken] == plain
    for _, found in follow(m, story, seed):
        again = DEVICE.validate_python(json.loads(json.dumps(DEVICE.dump_python(found.device, mode="json"))))
        assert again == found.device


def _cut(wait: int, seen: Measured, part: int) -> list[tuple[int, Measured]]:
    """The wait in pieces at whose borders nothing changes; `seen` begins after the last."""
    pieces = max(1, min(8, wait // part))
    each = wait // pieces
    return (
        [(each, seen)] * 0 + [(wait - each * (pieces - 1), seen)]
        if pieces == 1
        else [
            *[(each, None)] * (pieces - 1),  # type: ignore[list-item]
            (wait - each * (pieces - 1), seen),
        ]
    )


def _join(pieces: list[tuple[int, Measured | None]]) -> list[tuple[int, Measured]]:
    """Pieces with what is seen filled in: what was seen before."""
    last, out = REST, []
    for wait, seen in pieces:
        last = last if seen is None else seen
        out.append((wait, last))
    return out


@pytest.mark.parametrize("name", NAMES)
@given(seen=measured)
def test_no_machine_goes_round_in_a_circle(name: str, seen: Measured) -> None:
    assert not circles(machine(name), seen)


@pytest.mark.parametrize("name", NAMES)
def test_a_good_grid_leaves_every_product_at_rest(name: str) -> None:
    m = machine(name)
    found = step(m, at_start(m), REST, 10 * S, luck(0))
    assert found.taken is None
    assert is_at_rest(m, found.device, found.deadline_us)


@pytest.mark.parametrize("name", NAMES)
def test_every_product_comes_home(name: str) -> None:
    """Whatever happened, two days of a good grid without a source bring it back to rest, if nothing welded."""
    m = replace(machine(name), failures={})
    for seed in range(10):
        story = [*((S, _random(seed * 31 + k)) for k in range(30)), (S, REST), (2 * 86_400 * S, REST)]
        *_, (_, last) = follow(m, story, seed)
        assert is_at_rest(m, last.device, last.deadline_us), (seed, last)


def _random(k: int) -> Measured:
    pu = (0.0, 0.4, 0.7, 0.95, 1.0)
    a, b, c = pu[k % 5], pu[k // 5 % 5], pu[k // 7 % 5]
    return Measured((a, b), (c, a), (b, c), 60.0 if c > 0.5 else math.nan, (20.0 * c, 50.0 * a))


def test_a_condition_is_within_its_bounds_on_its_legs() -> None:
    pair = Measured((1.0, 0.4), (1.0, 1.0), (0.0, 0.0), math.nan, (3.0, 9.0))
    assert Condition("service_pu", "any", below=0.5).holds(pair)
    assert not Condition("service_pu", "both", below=0.5).holds(pair)
    assert Condition("service_pu", "across", above=0.7, below=0.7).holds(pair)
    assert Condition("source_a", "any", above=9.0).holds(pair)
    assert not Condition("source_hz", above=0.0).holds(pair)
    assert not Condition("source_hz", below=1e9).holds(pair)


def toy(**of: object) -> Machine:
    """Grid to source when the grid is low for 2 s, back when it is not."""
    states = {
        "grid": State("grid", "12", "", leave=(Transition("source", ("low",)),)),
        "source": State("source", "", "12", leave=(Transition("grid", ("not low",), after_us=3 * S),)),
    }
    conditions = {"low": Condition("service_pu", "any", below=0.5, lasting_us=2 * S)}
    return replace(Machine("toy", "grid", states, conditions), **of)  # type: ignore[arg-type]


LOW = REST._replace(service_pu=(0.2, 0.2))


def test_a_condition_counts_from_when_it_began_and_anew_after_a_break() -> None:
    m, draw = toy(), luck(0)
    first = step(m, at_start(m), LOW, 10 * S, draw)
    assert (first.taken, first.deadline_us) == (None, 12 * S)
    broken = step(m, first.device, REST, 11 * S, draw)
    assert broken.deadline_us is None
    again = step(m, broken.device, LOW, 11 * S + 1, draw)
    assert again.deadline_us == 13 * S + 1
    assert step(m, again.device, LOW, 13 * S, draw).taken is None
    gone = step(m, again.device, LOW, 13 * S + 1, draw)
    assert [deed.kind for deed in gone.deeds] == ["open_service", "connect_source"]
    back = step(m, gone.device, REST, 20 * S, draw)
    assert [deed.kind for deed in back.deeds] == ["disconnect_source", "close_service"]


def test_a_staggered_condition_lasts_longer_by_this_occasion_s_part() -> None:
    conditions = {"low": Condition("service_pu", "any", below=0.5, lasting_us=2 * S, staggered=True)}
    m = toy(conditions=conditions, stagger_us=60 * S)
    low = step(m, at_start(m), LOW, 10 * S, lambda *_: 0.25)
    assert low.deadline_us == 27 * S
    assert step(m, low.device, LOW, 27 * S - 1, lambda *_: 0.25).taken is None
    assert step(m, low.device, LOW, 27 * S, lambda *_: 0.25).taken is not None
    plain = replace(m, conditions={"low": replace(conditions["low"], staggered=False)})
    assert step(plain, at_start(plain), LOW, 10 * S, lambda *_: 0.25).deadline_us == 12 * S


def test_a_welded_pole_stays_and_bars_the_other_contactor() -> None:
    m = toy(failures={SERVICE_WELDS: 1.0})
    low = step(m, at_start(m), LOW, 0, lambda *_: 0.7)
    found = step(m, low.device, LOW, 2 * S, lambda *_: 0.7)
    assert [(d.kind, d.poles) for d in found.deeds] == [
        ("service_welded", "2"), ("open_service", "1"), ("source_barred", "12"),
    ]  # fmt: skip
    assert (found.device.service, found.device.source, found.device.welded) == ("2", "", "2")
    free = replace(m, interlocked=False)
    found = step(free, low.device, LOW, 2 * S, lambda *_: 0.7)
    assert (found.device.service, found.device.source) == ("2", "12")
    defeated = step(m, replace(low.device, faults=(INTERLOCK_DEFEATED,)), LOW, 2 * S, lambda *_: 0.7)
    assert (defeated.device.service, defeated.device.source) == ("2", "12")
    assert not is_at_rest(m, replace(found.device, state="grid"), None)


def test_a_wrong_sensor_sees_a_good_grid() -> None:
    m = toy()
    assert step(m, at_start(m, (SENSOR_WRONG,)), LOW, 0, luck(0)).deadline_us is None


def test_a_persons_time_is_lognormal_about_its_median() -> None:
    way = Transition("source", ("low",), after_us=60 * S, person=True, spread=0.8)
    m = toy()
    m = replace(m, states={**m.states, "grid": replace(m.states["grid"], leave=(way,))})
    delays = []
    for share in (0.5, 0.8413447460685429, 0.15865525393145707):
        found = step(m, at_start(m), LOW, 0, lambda *_, share=share: share)
        assert found.deadline_us is not None
        delays.append((found.deadline_us - 2 * S) / 60e6)
    assert delays == pytest.approx([1.0, math.exp(0.8), math.exp(-0.8)], rel=1e-6)
    assert step(m, at_start(m), LOW, 0, luck(0), people=False).deadline_us is None


def test_an_error_leads_elsewhere() -> None:
    way = Transition("source", ("low",), person=True, errs=0.3, errs_to="grid")
    m = toy()
    m = replace(m, states={**m.states, "grid": replace(m.states["grid"], leave=(way,))})
    low = step(m, at_start(m), LOW, 0, luck(0)).device
    assert step(m, low, LOW, 2 * S, lambda *_: 0.29).device.state == "grid"
    assert step(m, low, LOW, 2 * S, lambda *_: 0.31).device.state == "source"


def test_levels_are_all_bounds() -> None:
    assert machine("generac-200a-transfer-switch").levels["service_pu"] == (0.6, 0.8)
    assert machine("tesla-backup-switch").held_at_rest == {"service-good"}
    assert FOREVER_US < -(10**15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source", ["good", "one leg", "absent", "trips under load"])
def test_beside_a_good_grid_every_product_is_back_on_it_within_four_hours(name: str, source: str) -> None:
    """From every state: nobody is left in the dark, or with a set that trips, while the street has light."""
    found, battery = machine(name), library.load("transfer", name).supply == "battery"
    legs = {"good": (1.0, 1.0), "one leg": (1.0, 0.0), "absent": (0.0, 0.0), "trips under load": (1.0, 1.0)}[
        source
    ]

    def middling(purpose: str, counter: int) -> float:
        return 0.99 if purpose.startswith(("error", "source-welds", "service-welds")) else 0.5

    for at, state in found.states.items():
        runs = state.engine != "stop"
        device, now = Device(at, 0, {}, state.service, state.source, runs=runs), 0
        while True:
            gives = (battery or device.runs) and not (source == "trips under load" and device.source)
            pu = legs if gives else (0.0, 0.0)
            panel = (1.0, 1.0) if device.service else pu if device.source else (0.0, 0.0)
            hertz = 60.0 if max(pu) else math.nan
            after = step(found, device, Measured((1.0, 1.0), pu, panel, hertz, (0.0, 0.0)), now, middling)
            device = after.device
            if after.taken is None and (after.deadline_us is None or after.deadline_us > 4 * 3600 * S):
                break
            now = now if after.taken is not None else after.deadline_us  # type: ignore[assignment]
        assert (device.service, device.source) == ("12", ""), (at, device.state)


def test_who_notices_counts_from_what_is_seen_and_not_from_the_last_state() -> None:
    good = Condition("service_pu", above=0.9)
    gone = Condition("source_pu", below=0.4)
    tries = (Transition("again", ("gone",), 600 * S, person=True),)
    for notices, back_s in ((True, 1000), (False, None)):
        back = Transition("back", ("good",), 1000 * S, person=True, notices=notices)
        states = {
            "fed": State("", leave=(*tries, back)),
            "again": State("", leave=(Transition("fed", (), 1 * S), back)),
            "back": State(""),
        }
        made = Machine("tries", "fed", states, {"good": good, "gone": gone})
        device, now = Device("fed", 0, {"good": 0, "gone": 0}, "12", ""), 0
        for _ in range(20):
            after = step(made, device, REST, now, lambda purpose, counter: 0.5)
            device, now = after.device, now if after.taken is not None else after.deadline_us or now
        assert (device.state == "back") == notices
        assert back_s is None or device.since_us == back_s * S
