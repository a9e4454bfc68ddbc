"""Generators: energy of the fuel, published consumption, droop, stall, start, running dry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.devices import generator_kernels as k
from cosim.devices.generator import NAMES, GeneratorFleet
from cosim.entries import GeneratorEntry

STANDBY, PORTABLE = "standby-generator-12", "portable-generator-6.25"
FT3_J, GALLON_J = 1.055e6, 126.8e6


def fleet(*names: str) -> GeneratorFleet:
    entries = [library.load("der", name) for name in names]
    assert all(isinstance(entry, GeneratorEntry) for entry in entries)
    return GeneratorFleet.from_entries(entries)  # type: ignore[arg-type]


def running(f: GeneratorFleet) -> np.ndarray:
    state = f.initial()
    state[:, k.DOES] = k.RUNNING
    return state


def told(f: GeneratorFleet, run: bool = True) -> np.ndarray:
    return np.full(len(f), run)


def test_an_hour_at_half_and_full_load_burns_what_the_maker_publishes() -> None:
    f = fleet(STANDBY)
    for load_w, ft3 in ((6e3, 114.0), (12e3, 185.0)):
        block = f.advance(running(f), np.full((1, 60), load_w), np.full(60, 60.0), told(f))
        assert block.burnt_j.sum() / FT3_J == pytest.approx(ft3, rel=1e-9)
        assert f.fuel_rate_w(np.array([load_w]))[0] * 3600.0 == pytest.approx(block.burnt_j.sum())


def test_a_tank_lasts_as_long_as_published_and_then_the_set_is_dry() -> None:
    f = fleet(PORTABLE)
    for share, hours in ((0.25, 16.0), (0.5, 10.0), (1.0, 6.0)):
        load = np.full((1, 20 * 12), share * 5500.0)
        block = f.advance(running(f), load, np.full(240, 300.0), told(f))
        assert block.first_us[0] == pytest.approx(hours * 3.6e9, rel=1e-9)
        assert NAMES[block.first[0]] == "dry"
        assert block.power_w.sum() * 300.0 == pytest.approx(share * 5500.0 * hours * 3600.0)
        assert not block.power_w[0, round(hours * 12) + 1 :].any()
        assert block.end[0, k.FUEL_J] == 0.0


def test_a_third_published_point_lies_near_the_line_through_the_two_others() -> None:
    f = fleet(
        PORTABLE
    )  # Willans's line: fuel is linear in load; 0.375 gal/h at a quarter against 0.4 by the line
    line = 0.6 - (1.0 - 0.6) / 0.5 * 0.25
    at_quarter = f.fuel_rate_w(np.array([0.25 * 5500.0]))[0] * 3600.0 / GALLON_J
    assert at_quarter == pytest.approx(0.375)
    assert line == pytest.approx(at_quarter, rel=0.07)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_energy_is_fuel_times_efficiency_and_cuts_change_no_state(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f = fleet(STANDBY, PORTABLE, PORTABLE)
    steps = 60
    load = rng.uniform(0.0, 1.0, (3, steps)) * np.array([[12e3], [5.5e3], [5.5e3]])
    seconds = rng.choice([1.0, 60.0, 900.0], steps)
    whole = f.advance(f.initial(), load, seconds, told(f), parallel=True)
    on = whole.power_w == load  # running from end to end
    heat_w = np.stack([f.fuel_rate_w(load[:, s]) for s in range(steps)], axis=1)
    assert (whole.burnt_j / seconds)[on] == pytest.approx(heat_w[on], rel=1e-12)
    assert (whole.power_w * seconds < 0.4 * whole.burnt_j)[whole.burnt_j > 0.0].all()
    used = whole.burnt_j.sum(axis=1)[1:]
    assert f.tank_j[1:] - whole.end[1:, k.FUEL_J] == pytest.approx(used, abs=1.0)
    cut = int(rng.integers(1, steps))
    head = f.advance(f.initial(), load[:, :cut], seconds[:cut], told(f), parallel=False)
    tail = f.advance(head.end, load[:, cut:], seconds[cut:], told(f), parallel=False)
    assert np.array_equal(tail.end, whole.end)
    assert np.array_equal(np.hstack((head.burnt_j, tail.burnt_j)), whole.burnt_j)
    inside = f.advance(f.initial(), load[:, :1], np.array([0.3]), told(f)).end
    rest = f.advance(inside, load[:, :1], seconds[:1] - 0.3, told(f)).end
    straight = f.advance(f.initial(), load[:, :1], seconds[:1], told(f)).end
    assert rest == pytest.approx(straight, rel=1e-12)


def test_droop_is_linear_and_an_isochronous_set_keeps_its_frequency() -> None:
    f = fleet(PORTABLE, STANDBY)
    shares = np.linspace(0.0, 1.0, 5)
    hertz = f.frequency_hz(shares * np.array([[5500.0], [12e3]]))
    assert hertz[0] == pytest.approx(62.5 - 3.0 * shares)
    assert (hertz[1] == 60.0).all()
    block = f.advance(running(f), np.array([[2750.0], [6e3]]), np.array([60.0]), told(f))
    assert block.frequency_hz[:, 0].tolist() == [61.0, 60.0]


def test_an_overload_slows_the_set_until_it_stalls_as_the_flywheel_says() -> None:
    f = fleet(STANDBY)
    most, kinetic = 13.2e3, 0.7 * 12e3
    for load_w in (14e3, 20e3, 40e3):
        seconds = kinetic * (1.0 - 0.75**2) / (load_w - most)
        block = f.advance(running(f), np.full((1, 40), load_w), np.full(40, 0.5), told(f))
        assert block.first_us[0] == pytest.approx(seconds * 1e6, abs=1.0)
        assert NAMES[block.first[0]] == "stalled"
        assert block.power_w.sum() * 0.5 == pytest.approx(load_w * seconds)
        assert np.isnan(block.frequency_hz[0, -1])
    # Relieved in time it recovers at the rate of what the engine has left.
    load = np.array([[20e3, 5e3, 5e3]])
    speed = f.advance(running(f), load, np.array([0.3, 0.1, 5.0]), told(f)).frequency_hz[0] / 60.0
    lost = 0.3 * (20e3 - most) / kinetic
    assert speed[:2] ** 2 == pytest.approx([1.0 - lost, 1.0 - lost + 0.1 * (most - 5e3) / kinetic])
    assert speed[2] == 1.0
    # A stalled set stays so until it is told to stop and to start again.
    stalled = f.advance(running(f), np.array([[40e3]]), np.array([60.0]), told(f)).end
    still = f.advance(stalled, np.array([[0.0]]), np.array([600.0]), told(f))
    assert NAMES[int(still.end[0, k.DOES])] == "stalled"
    off = f.advance(stalled, np.array([[0.0]]), np.array([1.0]), told(f, False)).end
    again = f.advance(off, np.array([[6e3]]), np.array([60.0]), told(f))
    assert again.power_w[0, 0] == pytest.approx(6e3 * 50.0 / 60.0)


def test_a_start_takes_its_time_and_can_be_cut_anywhere() -> None:
    f = fleet(STANDBY)
    block = f.advance(f.initial(), np.full((1, 4), 6e3), np.array([4.0, 4.0, 4.0, 60.0]), told(f))
    assert NAMES[block.first[0]] == "starting"
    assert block.first_us[0] == 0
    assert block.power_w[0].tolist() == pytest.approx([0.0, 0.0, 3000.0, 6000.0])
    assert not block.burnt_j[0, :2].any()


def test_a_dry_set_runs_again_once_it_is_refuelled_and_started() -> None:
    f = fleet(PORTABLE)
    state = running(f)
    state[0, k.FUEL_J] = 1.0
    dry = f.advance(state, np.array([[3e3]]), np.array([60.0]), told(f)).end
    assert NAMES[int(dry[0, k.DOES])] == "dry"
    full = f.refuelled(dry, np.array([0]))
    block = f.advance(full, np.array([[3e3]]), np.array([60.0]), told(f))
    assert block.power_w[0, 0] == pytest.approx(3e3 * 45.0 / 60.0)


def test_motors_start_up_to_the_dip_they_bear() -> None:
    f = fleet(PORTABLE)
    largest = f.rated_va * (1.0 / 0.7 - 1.0) / f.xd1_pu
    assert f.start_voltage_pu(largest) == pytest.approx(0.7)
    assert f.can_start(0.99 * largest).all()
    assert not f.can_start(1.01 * largest).any()
    assert f.start_voltage_pu(np.zeros(1)) == 1.0


def test_what_cannot_be_is_refused() -> None:
    f = fleet(PORTABLE)
    with pytest.raises(ValueError, match="takes no power"):
        f.advance(f.initial(), np.array([[-1.0]]), np.array([60.0]), told(f))
    fields = {name: getattr(f, name) for name in f.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"must rise; droop must lie.*tank_j must be positive"):
        GeneratorFleet(
            **{**fields, "share": f.share[:, ::-1], "droop": np.array([0.9]), "tank_j": np.array([0.0])}
        )
    entry = library.load("der", PORTABLE)
    with pytest.raises(ValueError, match=r"nothing is known of the engine"):
        GeneratorFleet.from_entries([entry.model_copy(update={"engine": None})])  # type: ignore[list-item]
