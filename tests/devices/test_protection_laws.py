"""Laws that protective devices keep whatever their settings: more current is never slower, time may be cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cosim import library
from cosim.devices.curves import DISC_RESET_S, RELAYS, Curve, DefiniteTime, InverseTime, TimeCurrentCurve
from cosim.devices.operating import advanced, next_operation, opening_s, operated
from cosim.devices.protection import Element, Operation, ProtectiveDevice, Response, Shot

KINDS = {name: library.load("curves", name).device for name in library.names("curves")}
LINKS = [TimeCurrentCurve.load(name) for name, kind in KINDS.items() if kind == "fuse-link"]
MECHANISMS: list[Curve] = [
    *(TimeCurrentCurve.load(name) for name, kind in KINDS.items() if kind == "recloser"),
    *(InverseTime(law) for law in sorted(RELAYS)),
    DefiniteTime(0.1),
    DefiniteTime(),
]
STATE = TypeAdapter(Response)
Currents = tuple[float, ...]
TIMES = {"opening_us": 0, "closing_us": 0, "quiet_us": 0}


@st.composite
def elements(draw: st.DrawFn) -> Element:
    curve = draw(st.sampled_from(MECHANISMS))
    fastest = 0.0 if not isinstance(curve, InverseTime) else DISC_RESET_S.get(curve.law, 0.0)
    return Element(
        draw(st.sampled_from(["one", "other"])),
        draw(st.floats(50.0, 800.0)),
        curve,
        draw(st.sampled_from(["phase", "phase", "ground"])),
        draw(st.floats(0.2, 8.0)),
        draw(st.sampled_from([0.0, 0.05])),
        draw(st.sampled_from([0.0, fastest])),
    )


@st.composite
def devices(draw: st.DrawFn, most_shots: int = 4) -> ProtectiveDevice:
    """Fuses of every curve and rating; relays and reclosers of up to three elements a shot."""
    if draw(st.booleans()):
        link = Element("link", draw(st.floats(1.0, 200.0)), draw(st.sampled_from(LINKS)), reset_s=60.0)
        conductors = draw(st.sampled_from(["a", "bc", "abc"]))
        return ProtectiveDevice("fuse:x", "fuse", "line:x", conductors, False, (Shot((link,)),))
    shots = draw(st.lists(st.lists(elements(), min_size=1, max_size=3), min_size=1, max_size=most_shots))
    dead = [draw(st.sampled_from([500_000, 2_000_000, 15_000_000])) for _ in shots[:-1]]
    sequence = tuple(Shot(tuple(one), us) for one, us in zip(shots, [*dead, None], strict=True))
    opening_us = draw(st.sampled_from([0, 42_000, 83_000]))
    return ProtectiveDevice("relay:x", "relay", "line:x", "abc", True, sequence, opening_us, 30_000_000)


amperes = st.one_of(st.just(0.0), st.floats(1.0, 8000.0))
currents = st.tuples(amperes, amperes, amperes, amperes)
stretches = st.lists(st.tuples(currents, st.integers(1_000, 20_000_000)), min_size=1, max_size=6)


def followed(
    device: ProtectiveDevice, story: Sequence[tuple[Currents, int]], cuts: Sequence[int] = ()
) -> tuple[list[tuple[int, Operation]], list[Response]]:
    """Operations, and the states before each of them and at the end, under a current by stretches.

    `cuts` are moments at which somebody else looks on.
    """
    state, now_us, told, states = Response(), 0, [], []
    for current, length_us in story:
        end_us = now_us + length_us
        while True:
            seen = [0.0 if phase in state.open else a for phase, a in zip("abc", current, strict=False)]
            seen.append(0.0 if state.open else current[3])
            operation = next_operation(device, state, seen)
            due_us = end_us if operation is None else now_us + operation.after_us
            cut_us = min((one for one in cuts if now_us < one < min(due_us, end_us)), default=None)
            until_us = min(due_us, end_us) if cut_us is None else cut_us
            state = advanced(device, state, seen, until_us - now_us)
            now_us = until_us
            if operation is not None and now_us == due_us and due_us <= end_us:
                states.append(state)
                state = operated(device, state, operation)
                told.append((now_us, replace(operation, after_us=0)))
            elif now_us == end_us:
                break
    return told, [*states, state]


@settings(deadline=None, max_examples=300)
@given(devices(most_shots=1), currents, st.tuples(*[st.floats(1.0, 3.0)] * 4))
def test_a_larger_current_never_opens_a_single_shot_later(
    device: ProtectiveDevice, current: Currents, more: Currents
) -> None:
    larger = tuple(a * b for a, b in zip(current, more, strict=True))
    for pole in device.poles:
        single = replace(device, conductors=pole)
        assert opening_s(single, larger) <= opening_s(single, current)


@settings(deadline=None, max_examples=300)
@given(devices(), stretches, st.lists(st.integers(1, 60_000_000), max_size=12))
def test_states_and_operations_are_the_same_however_time_is_cut(
    device: ProtectiveDevice, story: list[tuple[Currents, int]], cuts: list[int]
) -> None:
    """Operations to the microsecond (but rounding at each), and how far each element has gone."""
    whole, before = followed(device, story)
    ends = list(accumulate(length_us for _, length_us in story))
    moments = [time_us - later for time_us, _ in whole for later in (0, device.opening_us)]
    assume(
        all(abs(moment - end) > len(whole) for moment in moments for end in ends)
    )  # a rounding would decide
    mechanism = {time_us - moment for time_us, _ in whole for moment in (1, 20_000, 41_000, 60_000)}
    pieces, others = followed(device, story, sorted({*cuts, *mechanism}))
    assert [one for _, one in whole] == [one for _, one in pieces]
    for (one_us, _), (other_us, _) in zip(whole, pieces, strict=True):
        assert abs(one_us - other_us) <= len(whole)
    for state, its in zip(before, others, strict=True):
        assert state.poles.keys() == its.poles.keys()
        for one, other in zip(state.poles.values(), its.poles.values(), strict=True):
            assert replace(one, way={}, **TIMES) == replace(other, way={}, **TIMES)
            for field in TIMES:
                assert getattr(one, field) == pytest.approx(getattr(other, field), abs=len(whole) + 1)
            assert one.way == pytest.approx(other.way, abs=1e-3)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([(0.0, ""), (0.0, "abc"), (0.0, "a"), (300.0, ""), (300.0, "abc")]),
            st.sampled_from([1_000, 500_000, 15_000_000, 45_000_000, 100_000_000]),
        ),
        min_size=1,
        max_size=10,
    ),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3),
)
def test_a_sectionalizer_counts_the_same_however_time_is_cut(
    story: list[tuple[tuple[float, str], int]], shares: list[float]
) -> None:
    device = ProtectiveDevice(
        "sectionalizer:x", "sectionalizer", "line:x", "abc", True,
        opening_us=80_000, reset_us=90_000_000, counts=3, actuating_a=160.0,
    )  # fmt: skip
    whole = pieces = Response()
    for (one, dead), length_us in story:
        current = (one, 0.0, 0.0, one)
        operation = next_operation(device, whole, current, dead)
        again = next_operation(device, pieces, current, dead)
        assert operation == again
        if operation is not None and operation.after_us <= length_us:
            assert operation.by == "count 3"
            break
        whole = advanced(device, whole, current, length_us, dead)
        moments = sorted({0, length_us, *(int(share * length_us) for share in shares)})
        for start, end in pairwise(moments):
            pieces = advanced(device, pieces, current, end - start, dead)
        assert whole == pieces


@settings(deadline=None, max_examples=150)
@given(devices(), stretches)
def test_a_sequence_opens_as_often_as_it_has_shots_and_never_closes_again_after_the_last(
    device: ProtectiveDevice, story: list[tuple[Currents, int]]
) -> None:
    told, (*_, state) = followed(device, story)
    assert STATE.validate_python(json.loads(STATE.dump_json(state))) == state
    for pole in device.poles:
        mine = [one for _, one in told if set(pole) <= set(one.conductors)]
        assert [one.does for one in mine] == ["open", "close"] * (len(mine) // 2) + ["open"] * (len(mine) % 2)
        final = [k for k, one in enumerate(mine) if one.final]
        assert final in ([], [len(mine) - 1])
        assert all(1 <= one.shot <= len(device.shots) for one in mine)
        if final:
            assert set(pole) <= set(state.locked)


@settings(deadline=None, max_examples=100)
@given(devices(), st.integers(1, 10**9))
def test_nothing_moves_without_current(device: ProtectiveDevice, elapsed_us: int) -> None:
    nothing = (0.0, 0.0, 0.0, 0.0)
    assert next_operation(device, Response(), nothing) is None
    assert advanced(device, Response(), nothing, elapsed_us).at_rest


@settings(deadline=None, max_examples=100)
@given(devices(most_shots=1), currents, st.floats(0.05, 0.95))
def test_what_is_on_its_way_is_never_slower_than_from_rest(
    device: ProtectiveDevice, current: Currents, share: float
) -> None:
    operation = next_operation(device, Response(), current)
    if operation is None:
        return
    warm = advanced(device, Response(), current, int(share * operation.after_us))
    again = next_operation(device, warm, current)
    assert again is not None
    assert again.after_us + int(share * operation.after_us) == pytest.approx(operation.after_us, abs=1)
