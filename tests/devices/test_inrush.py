"""Devices against the current of a return."""

from __future__ import annotations

import math

import pytest

from cosim.devices.curves import TimeCurrentCurve
from cosim.devices.inrush import COLD_LOAD, MAGNETISING, sits_out
from cosim.devices.protection import Element, ProtectiveDevice, Shot


def link(rating_a: float, conductors: str = "b") -> ProtectiveDevice:
    element = Element(f"{rating_a:g}K", rating_a, TimeCurrentCurve.load("k-link"))
    return ProtectiveDevice("fuse:x", "fuse", "line:x", conductors, False, (Shot((element,)),))


def test_a_link_sits_out_what_its_curve_says() -> None:
    """65K at 390 A, 12 times 32.5 A, melts in 0.41 s (OpenDSS's klink): four times longer than the inrush."""
    peak, tenth = sits_out(link(65.0), (0.0, 32.5, 0.0), MAGNETISING)
    assert tenth.current_a == pytest.approx(390.0)
    assert tenth.operates_s == pytest.approx(0.41, rel=1e-3)
    assert tenth.holds
    assert tenth.by == "65K"
    assert peak.holds


def test_a_link_too_small_for_its_transformers_melts_on_return() -> None:
    """15K behind 32.5 A: 26 times its rating in the first tenth of a second; cold load melts it too."""
    found = sits_out(link(15.0), (0.0, 32.5, 0.0))
    assert not any(check.holds for check in found if check.point.seconds >= 0.1)


def test_the_heaviest_phase_decides_and_other_phases_do_not() -> None:
    assert sits_out(link(65.0, "ab"), (10.0, 20.0, 500.0))[0].current_a == pytest.approx(25.0 * 20.0)


def test_a_slow_shot_sits_out_what_the_fast_one_does_not() -> None:
    """Recloser of 100 A pick-up on curves A and D behind 25 A of transformers."""
    fast = Element("fast", 100.0, TimeCurrentCurve.load("recloser-a"))
    slow = Element("slow", 100.0, TimeCurrentCurve.load("recloser-d"))
    recloser = ProtectiveDevice(
        "recloser:x", "recloser", "line:x", "abc", True, (Shot((fast,), 500_000), Shot((slow,)))
    )
    rated = (25.0, 25.0, 25.0)
    first = sits_out(recloser, rated, MAGNETISING[1:])[0]
    second = sits_out(recloser, rated, MAGNETISING[1:], shot=1)[0]
    assert not first.holds
    assert first.by == "fast"
    assert second.holds
    assert second.operates_s > first.operates_s


def test_below_pick_up_nothing_operates() -> None:
    check = sits_out(link(200.0), (0.0, 10.0, 0.0), COLD_LOAD)[0]
    assert check.holds
    assert check.operates_s == math.inf
    assert check.by == ""
