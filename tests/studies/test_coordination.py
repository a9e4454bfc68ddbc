"""Coordination of protective devices: laws, curves made by hand, and what a feeder's default scheme is found to do."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from cosim.devices.curves import TimeCurrentCurve
from cosim.devices.operating import next_operation, opening_s
from cosim.devices.protection import Element, Protection, ProtectiveDevice, Response, Shot
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import AskedDevice, AskedProtection, protection_of
from cosim.studies.coordination import Coordination, coordination
from cosim.studies.coordination_figure import figure
from cosim.studies.coordination_times import (
    FUSE_SHARE,
    asked_s,
    clears_s,
    decides_s,
    fast_shots,
    wrong_between,
)

K = TimeCurrentCurve.load("k-link")


@pytest.fixture(scope="module")
def feeder() -> Feeder:
    return Feeder.generate(60, seed=7)


def fuse(
    name: str, section: str, phase: str, rating_a: float, curve: TimeCurrentCurve = K
) -> ProtectiveDevice:
    link = Element(f"{rating_a:g}", rating_a, curve)
    return ProtectiveDevice(name, "fuse", section, phase, False, (Shot((link,)),), interrupting_a=10_000.0)


def with_device(protection: Protection, device: ProtectiveDevice) -> Protection:
    devices = tuple(device if one.name == device.name else one for one in protection.devices)
    return Protection(devices, protection.upstream)


def of(found: Coordination, kind: str, device: str = "") -> list[str]:
    return [
        f"{row.device}/{row.backup}" for row in found.findings if row.kind == kind and device in row.device
    ]


def test_a_link_of_twice_the_rating_upstream_melts_first_only_where_none_is_fast_enough() -> None:
    """Of K links the smaller clears before the larger melts, up to where that melts within 13 ms: no zero comes sooner.

    By hand: at constant I^2 t from 20 ms at 30 times its rating, so at 30 (20 / 13)^0.5 = 37.2 times.
    """
    for rating_a in (10.0, 25.0, 65.0, 100.0):
        below, above = (fuse("f", "line:l", "a", rating) for rating in (rating_a, 2.0 * rating_a))

        def wrong(amperes: float, below: ProtectiveDevice = below, above: ProtectiveDevice = above) -> bool:
            current = (amperes, 0.0, 0.0, amperes)
            cleared, melted = clears_s(below, current), decides_s(above, current)
            return melted < math.inf and melted < cleared

        [(start, end)] = wrong_between(wrong, rating_a, 200.0 * rating_a)
        assert start == pytest.approx(2.0 * rating_a * 30.0 * math.sqrt(20.0 / 13.0), rel=1e-6)
        assert end == 200.0 * rating_a


def test_times_are_those_by_which_devices_operate(feeder: Feeder) -> None:
    """What is compared is what the simulation does: `next_operation` from rest."""
    protection = protection_of(feeder)
    for device in (protection.device("relay:breaker-1"), protection.device("fuse:lateral-1")):
        phase = device.conductors[0]
        current = [*(900.0 if phase == one else 0.0 for one in "abc"), 900.0]
        operation = next_operation(device, Response(), current)
        assert operation is not None
        assert operation.after_us == pytest.approx(1e6 * clears_s(device, current), abs=1.0)


def test_curves_made_by_hand_cross_where_they_should(feeder: Feeder) -> None:
    """Straight lines on log-log paper: t = 10 (I/100)^-1 and t = 500 (I/100)^-3 meet where (I/100)^2 = 50."""
    flat = TimeCurrentCurve((1.0, 100.0), (10.0, 0.1))
    steep = TimeCurrentCurve((1.0, 100.0), (500.0, 500.0e-6))
    protection = protection_of(feeder)
    lateral, relay = protection.device("fuse:lateral-1"), protection.device("relay:breaker-1")
    mine = replace(lateral, shots=(Shot((Element("flat", 100.0, flat),)),))
    its = replace(relay, shots=(Shot((Element("steep", 100.0, steep),)),), opening_us=83_000)
    found = coordination(feeder, with_device(with_device(protection, mine), its))
    [row] = [one for one in found.findings if one.device == mine.name and one.kind == "curves cross"]
    assert row.backup == "relay:breaker-1"
    assert row.crosses_a == pytest.approx(100.0 * math.sqrt(50.0), rel=1e-3)
    assert row.from_a == row.crosses_a
    assert row.worst_a == row.to_a
    assert row.device_s == pytest.approx(10.0 * 100.0 / row.worst_a, rel=1e-6)
    assert row.backup_s == pytest.approx(500.0 * (100.0 / row.worst_a) ** 3, rel=1e-4)  # charging apart


def test_a_link_that_does_not_see_twenty_ohm_is_blind(feeder: Feeder) -> None:
    """7200 V over 20 ohm is 360 A: a 200K melts from 400 A on, the relay's ground pick-up of 120 A sees it."""
    asked = AskedDevice("line:lateral-1", "k-link", 200.0)
    found = coordination(feeder, protection_of(feeder, AskedProtection("fuse-blowing", (asked,))))
    [row] = [one for one in found.findings if one.kind == "blind" and one.device == "fuse:lateral-1"]
    assert row.backup == "relay:breaker-1"
    assert (row.ohm, row.fault) == (20.0, "line-ground")
    assert 340.0 < row.worst_a < 360.0
    assert row.device_s == math.inf
    sees = coordination(
        feeder, protection_of(feeder, AskedProtection("fuse-blowing", (asked,))), fault_ohm=15.0
    )
    assert not of(sees, "blind", "fuse:lateral-1")  # 480 A


def test_saving_fails_where_the_link_is_faster_than_the_fast_shot(feeder: Feeder) -> None:
    protection = protection_of(feeder)
    relay = protection.device("relay:breaker-1")
    assert fast_shots(relay) == (0,)
    [row] = [
        one
        for one in coordination(feeder, protection).findings
        if one.kind == "saving fails" and one.device == "fuse:lateral-1"
    ]
    assert row.device_s < row.backup_s == pytest.approx(0.183)  # 0.1 s definite time and five cycles
    assert opening_s(protection.device("fuse:lateral-1"), (0, 0, 0, 0)) == math.inf
    blowing = coordination(feeder, protection_of(feeder, AskedProtection("fuse-blowing")))
    assert not of(blowing, "saving fails")


def test_what_it_cannot_interrupt_and_what_melts_on_return(feeder: Feeder) -> None:
    protection = protection_of(feeder)
    lateral = protection.device("fuse:lateral-1")
    weak = with_device(protection, replace(lateral, interrupting_a=1000.0))
    found = coordination(feeder, weak)
    [row] = [one for one in found.findings if one.kind == "duty"]
    reach = next(one for one in found.reaches if one.device == lateral.name)
    assert (row.device, row.to_a) == (lateral.name, reach.largest_a)
    small = with_device(protection, fuse(lateral.name, lateral.section, lateral.conductors, 3.0))
    assert of(coordination(feeder, small), "inrush", "lateral-1") == ["fuse:lateral-1/"]


def test_a_larger_link_behind_a_smaller_one_is_found_by_name(feeder: Feeder) -> None:
    asked = AskedDevice("line:lateral-1", "k-link", 8.0)
    protection = protection_of(feeder, AskedProtection("fuse-blowing", (asked,)))
    crossed = [
        one
        for one in of(coordination(feeder, protection), "curves cross", "cutout")
        if one.endswith("/fuse:lateral-1")
    ]
    chains = [protection.upstream[name] for name in protection.upstream if name.startswith("transformer:")]
    behind = [chain for chain in chains if chain[1:2] == ("fuse:lateral-1",)]
    assert len(crossed) == len(behind) > 0


def test_margins_that_are_asked() -> None:
    below, above = fuse("f", "line:l", "a", 10.0), fuse("g", "line:h", "a", 20.0)
    assert asked_s(below, above, 0.75) == 0.75 / FUSE_SHARE == 1.0


def test_a_sectionalizer_must_open_before_its_recloser_locks_out(feeder: Feeder) -> None:
    asked = (AskedDevice("line:switch-1", "sectionalizer"),) if "switch-1" in set(feeder.line["name"]) else ()
    asked = asked or (AskedDevice("line:lateral-1", "sectionalizer"),)
    protection = protection_of(feeder, AskedProtection("fuse-saving", asked))
    device = next(one for one in protection.devices if one.kind == "sectionalizer")
    assert not of(coordination(feeder, protection), "count")
    late = with_device(protection, replace(device, counts=4))
    assert of(coordination(feeder, late), "count") == [f"{device.name}/relay:breaker-1"]


def test_columns_and_repeatability(feeder: Feeder) -> None:
    protection = protection_of(feeder)
    one, other = coordination(feeder, protection), coordination(feeder, protection)
    columns = one.as_columns()
    assert {len(column) for column in columns.values()} == {len(one.findings)}
    assert repr(one) == repr(other)
    assert {row.device for row in one.reaches} == set(protection.names)
    for reach in one.reaches:
        assert reach.largest_a >= reach.smallest_a > 0.0


def test_the_picture_of_the_page_is_of_the_default_feeder() -> None:
    protection = protection_of(Feeder.generate(240))
    drawn = (Path(__file__).parents[2] / "docs" / "protection.svg").read_text(encoding="utf-8")
    assert figure(protection, "transformer:transformer-1") + "\n" == drawn
