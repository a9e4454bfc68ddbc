"""Fuses, reclosers, relays and sectionalizers: travel, sequences, state that can be cut anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from cosim.devices.curves import DefiniteTime, InverseTime, TimeCurrentCurve
from cosim.devices.operating import advanced, next_operation, opening_s, operated, restored, stood_open
from cosim.devices.protection import (
    Element,
    Operation,
    Protection,
    ProtectiveDevice,
    Response,
    Shot,
    instantaneous,
)

NONE = (0.0, 0.0, 0.0, 0.0)
ON_A = (450.0, 0.0, 0.0, 450.0)


def fuse(conductors: str = "b", rating_a: float = 65.0) -> ProtectiveDevice:
    link = Element("65K", rating_a, TimeCurrentCurve.load("k-link"), reset_s=60.0)
    return ProtectiveDevice("fuse:x", "fuse", "line:x", conductors, False, (Shot((link,)),))


def recloser(ground_a: float | None = None, opening_us: int = 40_000) -> ProtectiveDevice:
    def shot(name: str, curve: str, dead_us: int | None) -> Shot:
        elements = [Element(name, 100.0, TimeCurrentCurve.load(curve))]
        if ground_a is not None:
            elements.append(Element(f"ground {name}", ground_a, DefiniteTime(0.03), "ground"))
        return Shot(tuple(elements), dead_us)

    shots = (
        shot("fast", "recloser-a", 500_000),
        shot("fast", "recloser-a", 2_000_000),
        shot("slow", "recloser-d", 5_000_000),
        shot("slow", "recloser-d", None),
    )
    return ProtectiveDevice(
        "recloser:t", "recloser", "line:t", "abc", True, shots, opening_us, reset_us=15_000_000
    )


def story(
    device: ProtectiveDevice, current_a: tuple[float, ...], until_us: int
) -> list[tuple[int, Operation]]:
    """Operations of a device on a lasting fault."""
    state, time_us, out = Response(), 0, []
    while True:
        a, b, c = (0.0 if phase in state.open else current_a["abc".index(phase)] for phase in "abc")
        now = (a, b, c, 0.0 if state.open else current_a[3])
        operation = next_operation(device, state, now)
        if operation is None or time_us + operation.after_us > until_us:
            return out
        time_us += operation.after_us
        state = operated(device, advanced(device, state, now, operation.after_us), operation)
        out.append((time_us, operation))


def test_a_fuse_melts_arcs_and_stays_open() -> None:
    ((time_us, operation),) = story(fuse(), (0.0, 195.0, 0.0, 195.0), 10**9)
    assert (time_us, operation.conductors, operation.final, operation.by) == (5_200_000, "b", True, "65K")
    assert opening_s(fuse(), (0.0, 195.0, 0.0, 195.0)) == 5.2
    assert next_operation(fuse(), Response(), (1e4, 100.0, 1e4, 0.0)) is None


def test_only_the_faulted_phases_of_three_fuses_blow() -> None:
    ((_, first),) = story(fuse("abc"), (195.0, 195.0, 10.0, 200.0), 10**9)
    assert first.conductors == "ab"
    times = story(fuse("abc"), (195.0, 260.0, 10.0, 200.0), 10**9)
    assert [one.conductors for _, one in times] == ["b", "a"]


def test_the_sequence_of_a_recloser_to_the_microsecond() -> None:
    """Fast at 4.5 times pick-up 50 ms, slow 200 ms, 40 ms to open; dead times 0.5, 2 and 5 s."""
    found = [(time, one.does, one.by, one.final) for time, one in story(recloser(), ON_A, 10**9)]
    assert found == [
        (90_000, "open", "fast", False),
        (590_000, "close", "dead time", False),
        (680_000, "open", "fast", False),
        (2_680_000, "close", "dead time", False),
        (2_920_000, "open", "slow", False),
        (7_920_000, "close", "dead time", False),
        (8_160_000, "open", "slow", True),
    ]


def test_a_ground_element_sees_what_phases_do_not() -> None:
    small = (60.0, 0.0, 0.0, 60.0)
    assert next_operation(recloser(), Response(), small) is None
    operation = next_operation(recloser(ground_a=50.0), Response(), small)
    assert operation is not None
    assert (operation.after_us, operation.by, operation.conductors) == (70_000, "ground fast", "abc")


def test_cutting_an_interval_changes_nothing() -> None:
    for device, current in ((fuse(), (0.0, 200.0, 0.0, 200.0)), (recloser(), ON_A)):
        whole = next_operation(device, Response(), current)
        assert whole is not None
        for cut_us in (1, 7_777, 33_333, 49_999, 50_001, 89_999):
            state = advanced(device, Response(), current, cut_us)
            rest = next_operation(device, state, current)
            assert rest is not None
            assert rest == replace(whole, after_us=whole.after_us - cut_us)


def test_a_changing_current_integrates() -> None:
    """Half of the way at one current, half at another; the arc is that of the latter."""
    device = fuse()
    half = advanced(device, Response(), (0.0, 195.0, 0.0, 0.0), 2_000_000)
    rest = next_operation(device, half, (0.0, 390.0, 0.0, 0.0))
    assert rest is not None
    assert rest.after_us == round(0.41e6 * (0.5 + 0.3))
    cooled = advanced(device, half, NONE, 30_000_000)  # half an hour glass of a minute
    assert cooled == Response()


def test_what_has_melted_opens_without_current() -> None:
    device = fuse()
    melted = advanced(device, Response(), (0.0, 195.0, 0.0, 0.0), 4_500_000)
    operation = next_operation(device, melted, NONE)
    assert operation is not None
    assert (operation.after_us, operation.by) == (700_000, "65K")
    decided = advanced(recloser(), Response(), ON_A, 60_000)
    assert next_operation(recloser(), decided, NONE) is not None


def test_a_disc_falls_back_as_c37_112_says() -> None:
    disc = Element("VI", 100.0, InverseTime("ieee-very-inverse"), dial=2.0, reset_s=2.0 * 21.6)
    relay = ProtectiveDevice("relay:f", "relay", "line:f", "abc", True, (Shot((disc,)),), opening_us=83_000)
    seconds = disc.seconds(200.0)
    assert seconds == pytest.approx(2 * 7.0277, abs=1e-3)
    half = advanced(relay, Response(), (200.0, 0.0, 0.0, 0.0), round(seconds * 5e5))
    assert half.poles["abc"].way["0a"] == pytest.approx(0.5, abs=1e-6)
    back = advanced(relay, half, (50.0, 0.0, 0.0, 0.0), 10_000_000)
    assert back.poles["abc"].way["0a"] == pytest.approx(0.5 - 10 / 43.2 * 0.75, abs=1e-6)
    electronic = replace(relay, shots=(Shot((replace(disc, reset_s=0.0),)),))
    assert advanced(electronic, half, (50.0, 0.0, 0.0, 0.0), 1).at_rest
    fast = replace(relay, shots=(Shot((disc, instantaneous(2000.0))),))
    assert opening_s(fast, (2000.0, 0.0, 0.0, 0.0)) == 0.083
    assert opening_s(fast, (0.0, 0.0, 1999.0, 0.0)) == pytest.approx(0.083 + disc.seconds(1999.0), abs=1e-6)


def test_a_sequence_begins_anew_after_the_reset_time() -> None:
    device = recloser()
    state = Response()
    for _ in range(2):  # a fault that goes in the first dead time
        operation = next_operation(device, state, NONE if state.open else ON_A)
        assert operation is not None
        now = NONE if state.open else ON_A
        state = operated(device, advanced(device, state, now, operation.after_us), operation)
    assert not state.open
    assert state.poles["abc"].shot == 1
    assert advanced(device, state, NONE, 14_999_999).poles["abc"].shot == 1
    assert advanced(device, state, NONE, 15_000_000).at_rest


def test_a_sectionalizer_counts_dead_times_and_opens_in_one() -> None:
    device = ProtectiveDevice(
        "sectionalizer:y", "sectionalizer", "line:y", "abc", True,
        opening_us=80_000, reset_us=60_000_000, counts=3, actuating_a=160.0,
    )  # fmt: skip
    state = Response()
    for count in (1, 2):
        state = advanced(device, state, ON_A, 90_000)
        assert next_operation(device, state, NONE, "abc") is None
        state = advanced(device, state, NONE, 500_000, "abc")
        assert state.poles["abc"].counted == count
    state = advanced(device, state, ON_A, 90_000)
    assert next_operation(device, state, ON_A) is None
    operation = next_operation(device, state, NONE, "abc")
    assert operation == Operation(device.name, 80_000, "open", "abc", True, "count 3", 1)
    opened = operated(device, advanced(device, state, NONE, 80_000, "abc"), operation)
    assert opened.locked == "abc"
    # A fuse further on clears it while the line stays alive: not a count.
    seen = advanced(device, Response(), ON_A, 90_000)
    assert (
        advanced(device, seen, NONE, 1_000).poles.get("abc") is None
        or not advanced(device, seen, NONE, 1_000).poles["abc"].armed
    )
    once = advanced(device, advanced(device, Response(), ON_A, 90_000), NONE, 500_000, "abc")
    assert advanced(device, once, NONE, 60_000_000).at_rest


def test_state_is_json_and_hands_act() -> None:
    adapter = TypeAdapter(Response)
    state = advanced(recloser(), Response(), ON_A, 60_000)
    assert adapter.validate_python(json.loads(adapter.dump_json(state))) == state
    device = fuse("abc")
    opened = stood_open(device, Response(), "b")
    assert (opened.open, opened.locked) == ("b", "b")
    assert next_operation(device, opened, (0.0, 1e4, 0.0, 0.0)) is None
    assert restored(device, opened, "b").at_rest


def test_who_stands_before_a_section() -> None:
    devices = (recloser(), fuse("b"))
    protection = Protection(devices, {"line:t": ("recloser:t",), "line:x": ("fuse:x", "recloser:t")})
    assert [one.name for one in protection.guarding("line:x")] == ["fuse:x", "recloser:t"]
    assert [one.name for one in protection.guarding("line:x@a")] == ["recloser:t"]
    with pytest.raises(KeyError):
        protection.guarding("line:nowhere")


def test_settings_that_make_no_sense() -> None:
    ground = Element("g", 10.0, DefiniteTime(), "ground")
    with pytest.raises(ValueError, match="ganged"):
        ProtectiveDevice("r", "recloser", "line:x", "abc", False, (Shot((ground,)),))
    with pytest.raises(ValueError, match="dead time"):
        ProtectiveDevice("r", "recloser", "line:x", "abc", True, (Shot((ground,)), Shot((ground,))))
    with pytest.raises(ValueError, match="shots"):
        ProtectiveDevice("s", "sectionalizer", "line:x", "abc", True, (Shot((ground,)),), counts=1)
