"""Where protective devices stand, who stands before whom, and what they are set to."""

from __future__ import annotations

import pytest

from cosim import library
from cosim.errors import FeederError
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import AskedDevice, AskedProtection, protection_of


@pytest.fixture(scope="module")
def feeder() -> Feeder:
    return Feeder.generate(60, seed=7)


def test_every_home_has_a_cutout_a_fuse_and_a_breaker_before_it(feeder: Feeder) -> None:
    protection = protection_of(feeder)
    for name in feeder.home["name"]:
        kinds = [one.partition(":")[0] for one in protection.upstream[f"home:{name}"]]
        assert kinds == ["cutout", "fuse", "relay"]
    served = {name: protection.device(name) for name in protection.names}
    for device in protection.devices:
        assert set(device.conductors) <= set(served["relay:breaker-1"].conductors)


def test_links_bear_twice_the_load_and_cutouts_their_transformer(feeder: Feeder) -> None:
    protection, base_v = protection_of(feeder), 7200.0
    load_a = {}
    for name, kw, kvar in zip(feeder.home["name"], feeder.home["kw"], feeder.home["kvar"], strict=True):
        for device in protection.guarding(f"home:{name}"):
            load_a[device.name] = load_a.get(device.name, 0.0) + abs(complex(kw, kvar)) * 1e3 / base_v
    entry = library.load("protection", "k-link")
    assert entry.kind == "fuse"
    for device in protection.devices:
        if device.name.startswith("fuse:"):
            assert device.shots[0].elements[0].pickup_a == entry.rating_for(load_a[device.name])
    units = feeder.transformer.set_index("name")["rated_kva"]
    for device in protection.devices:
        if device.name.startswith("cutout:"):
            rated_a = units[device.section.partition(":")[2]] * 1e3 / base_v
            assert device.shots[0].elements[0].pickup_a >= 2.0 * rated_a


def test_blowing_has_no_fast_shots_and_chosen_devices_take_the_place_of_the_schemes(feeder: Feeder) -> None:
    asked = AskedDevice("line:lateral-1", "t-link", 80.0)
    protection = protection_of(feeder, AskedProtection("fuse-blowing", (asked,)))
    words = {e.name for shot in protection.device("relay:breaker-1").shots for e in shot.elements}
    assert words == {"delayed", "ground delayed"}
    [link] = protection.device("fuse:lateral-1").shots[0].elements
    assert (link.pickup_a, link.name) == (80.0, "80T")
    alone = protection_of(feeder, AskedProtection("none", (asked,)))
    assert alone.names == ("fuse:lateral-1",)
    with pytest.raises(FeederError, match="no protective device can stand at line:nowhere"):
        protection_of(feeder, AskedProtection("none", (AskedDevice("line:nowhere", "t-link"),)))


def test_devices_that_cannot_stand_are_told_together(feeder: Feeder) -> None:
    drop = next(
        str(n) for n, level in zip(feeder.line["name"], feeder.line["level"], strict=True) if level == "drop"
    )
    asked = (
        AskedDevice("line:nowhere", "t-link"),
        AskedDevice(f"line:{drop}", "k-link"),
        AskedDevice("line:lateral-1", "k-link", 41.3),
        AskedDevice("line:lateral-1", "recloser"),
        AskedDevice("line:lateral-2", "sectionalizer", 40.0),
    )
    with pytest.raises(FeederError) as told:
        protection_of(feeder, AskedProtection("none", asked))
    assert [problem.message.partition(":")[0] for problem in told.value.problems] == [
        "no protective device can stand at line",
        f"{drop} is a drop line",
        "'k-link' is made for 1, 2, 3, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100, 140, 200 A, not for 41.3 A",
        "line",
        "no recloser or relay stands before line",
        "a sectionalizer goes by the device before it",
    ]


def test_a_sectionalizer_is_set_by_the_device_before_it(feeder: Feeder) -> None:
    share = library.load("protection", "sectionalizer").actuating_share.value
    behind = AskedDevice("line:lateral-1", "sectionalizer")
    usual = protection_of(feeder, AskedProtection("fuse-saving", (behind,)))
    relay = usual.device("relay:breaker-1").shots[0].elements[0].pickup_a
    assert usual.device("sectionalizer:lateral-1").actuating_a == share * relay
    chain = [section for section in usual.upstream if section.startswith("line:trunk")]
    recloser = AskedDevice(chain[0], "recloser", 100.0)
    nearer = protection_of(feeder, AskedProtection("fuse-saving", (behind, recloser)))
    assert nearer.device("sectionalizer:lateral-1").actuating_a == share * 100.0
