"""Levels and times that makers and standards state, on either side of which a product does otherwise.

Figures stand here as the sources print them (named in the entries), not as the entries give them: an entry that is
changed by mistake differs.
"""

from __future__ import annotations

import pytest

from cosim import library
from cosim.devices.transfer import REST, Device, Machine, Measured, at_start, step

S = 1_000_000
DARK = (0.0, 0.0)
GOOD = (1.0, 1.0)
DEAD = Measured(DARK, GOOD, GOOD, 60.0, (10.0, 10.0))  # the grid, beside a source that runs
COLLARS = ("tesla-backup-switch", "enphase-iq-meter-collar", "connectder-islandder", "sigen-backup-switch")
BY_HAND = ("interlock-kit", "manual-transfer-switch")


def middle(purpose: str, counter: int) -> float:
    """Luck at its median: nobody errs, nothing fails, everybody takes the usual time."""
    return 0.5


def walk(m: Machine, device: Device, seen: Measured, begin_us: int, limit_us: int):  # type: ignore[no-untyped-def]
    """(time, state) after each transition under what is seen, from `begin_us` on."""
    now = begin_us
    while True:
        found = step(m, device, seen, now, middle)
        device = found.device
        if found.taken is not None:
            yield now, device
        elif found.deadline_us is None or found.deadline_us > begin_us + limit_us:
            return
        else:
            now = found.deadline_us


def brought(m: Machine, state: str, *stories: Measured) -> tuple[Device, int]:
    """The device in a state, and since when."""
    device, now = at_start(m, ()), 0
    device = step(m, device, REST, now, middle).device
    for seen in stories:
        for time_us, found in walk(m, device, seen, now + S, 24 * 3600 * S):
            device, now = found, time_us
            if device.state == state:
                return device, now
    raise AssertionError(f"never came to {state!r}")


def leaves_after_s(
    m: Machine, state: str, stories: tuple[Measured, ...], seen: Measured
) -> tuple[str, float]:
    """Where it goes next, and how long what is seen has lasted then; ("", 0) if it stays for an hour."""
    device, now = brought(m, state, *stories) if stories else (at_start(m, ()), 0)
    begin = now + 100 * S
    for time_us, found in walk(m, device, stories[-1] if stories else REST, now, 100 * S - 1):
        raise AssertionError(f"went on to {found.state!r} at {time_us}")
    device = step(m, device, stories[-1] if stories else REST, begin - 1, middle).device
    for time_us, found in walk(m, device, seen, begin, 3600 * S):
        return found.state, (time_us - begin) / S
    return "", 0.0


def machine(name: str) -> Machine:
    return library.load("transfer", name).machine()


@pytest.mark.parametrize("name", COLLARS)
@pytest.mark.parametrize(
    ("pu", "goes", "within_s"),
    [
        (0.49, True, (0.0, 0.5)),  # momentary cessation, IEEE 1547-2018; "a fraction of a second"
        (0.51, True, (1.0, 21.0)),  # under-voltage 1
        (0.87, True, (1.0, 21.0)),
        (0.89, False, None),  # continuous operation from 0.88
        (1.19, False, None),
        (1.21, True, (0.16, 0.16)),  # over-voltage 2 clears in 0.16 s
    ],
)
def test_collars_leave_outside_the_standard_s_limits(
    name: str, pu: float, goes: bool, within_s: tuple[float, float] | None
) -> None:
    state, after = leaves_after_s(machine(name), "on-grid", (), REST._replace(service_pu=(pu, pu)))
    assert bool(state) == goes
    if within_s is not None:
        assert within_s[0] <= after <= within_s[1]


@pytest.mark.parametrize("name", COLLARS)
@pytest.mark.parametrize(("pu", "returns"), [(0.91, False), (0.92, True), (1.04, True), (1.06, False)])
def test_collars_return_inside_the_enter_service_window(name: str, pu: float, returns: bool) -> None:
    """0.917 to 1.05 pu for 300 s, IEEE 1547-2018."""
    seen = DEAD._replace(service_pu=(pu, pu))
    state, after = leaves_after_s(machine(name), "island", (DEAD._replace(source_a=DARK),), seen)
    assert bool(state) == returns
    assert not returns or after == 300.0


@pytest.mark.parametrize(
    ("hertz", "goes", "after_s"),
    [(58.1, "", 0.0), (57.9, "shed", 3.0), (50.1, "shed", 3.0), (49.9, "shed", 0.5)],
)
def test_generac_sheds_when_the_engine_slows(hertz: float, goes: str, after_s: float) -> None:
    """Below 58 Hz for 3 s, below 50 Hz for 0.5 s (RTSW400A3, RTSJ200A3, page 5)."""
    m = machine("generac-200a-transfer-switch")
    assert leaves_after_s(m, "on-generator", (DEAD,), DEAD._replace(source_hz=hertz)) == (goes, after_s)


def test_generac_takes_its_loads_back_after_five_minutes() -> None:
    m = machine("generac-200a-transfer-switch")
    device, shed = brought(m, "shed", DEAD, DEAD._replace(source_hz=57.0))
    time_us, back = next(walk(m, device, DEAD, shed + S, 3600 * S))
    assert back.state == "on-generator"
    assert time_us - shed == 300 * S


@pytest.mark.parametrize(("pu", "goes"), [(0.59, True), (0.61, False)])
def test_generac_goes_back_within_three_seconds_while_it_cools(pu: float, goes: bool) -> None:
    """The grid fails for three seconds during cool-down (8 kW set, page 23); else cooling ends after a minute."""
    m = machine("generac-200a-transfer-switch")
    back = DEAD._replace(service_pu=GOOD)
    device, cooling = brought(m, "cooling", DEAD, back)
    begin = cooling + 10 * S
    device = step(m, device, back, begin - 1, middle).device
    time_us, found = next(walk(m, device, DEAD._replace(service_pu=(pu, pu)), begin, 3600 * S))
    assert (found.state, time_us) == (("switching", begin + 3 * S) if goes else ("on-grid", cooling + 60 * S))


@pytest.mark.parametrize("name", [*BY_HAND, "tesco-bptm", "trifecta"])
@pytest.mark.parametrize(
    ("amperes", "trips", "within_s"),
    [
        (35.9, False, (0.0, 0.0)),  # a breaker of 30 A holds 1.2 times its rating
        (36.1, True, (60.0, 3600.0)),
        (59.9, True, (61.0, 3600.0)),
        (60.1, True, (60.0, 60.0)),  # twice its rating, the middle of its band (UL 489: 120 s at most)
    ],
)
def test_thirty_ampere_breakers_trip(
    name: str, amperes: float, trips: bool, within_s: tuple[float, float]
) -> None:
    seen = DEAD._replace(source_a=(amperes, 5.0))
    state, after = leaves_after_s(machine(name), "on-generator", (DEAD,), seen)
    assert (state == "tripped") == trips
    assert not trips or within_s[0] <= after <= within_s[1]
