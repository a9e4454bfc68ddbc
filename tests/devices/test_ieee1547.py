"""Inverters under IEEE 1547-2018: trips to the microsecond, cessation, return; what must not depend on steps."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cosim import library
from cosim.devices import ieee1547_kernels as kernels
from cosim.devices.ieee1547 import FleetBlock, GridProfile, Ieee1547Fleet, drawn_delays_us, with_enter_service
from cosim.devices.inverter import VOLT_VAR_B, VOLT_WATT, InverterSettings

CASE = Path(__file__).parents[1] / "cases" / "ieee1547-trips" / "expected.toml"
RATED = 7600.0
US = 1_000_000
PROFILES = {
    name: GridProfile.of(library.load("grid-profiles", name)) for name in library.names("grid-profiles")
}
III = PROFILES["ieee1547-2018-iii"]
PLAIN = InverterSettings()
Float = NDArray[np.float64]


def fleet(profile: GridProfile = III, setting: InverterSettings = PLAIN, count: int = 1) -> Ieee1547Fleet:
    return Ieee1547Fleet([profile] * count, [setting] * count, np.full(count, RATED))


def run(
    own: Ieee1547Fleet,
    v: list[float],
    step_us: list[int],
    available: float = 0.8,
    hz: list[float] | None = None,
) -> FleetBlock:
    """One inverter through voltages, from long service at the first of them."""
    p_w = np.full((1, len(v)), available * RATED)
    start = own.initial(p_w[:, 0], v[0])
    f = np.full(len(v), 60.0) if hz is None else np.array(hz)
    return own.advance(start, np.array([v]), f, p_w, np.array(step_us, dtype=np.int64), parallel=False)


@pytest.mark.parametrize("step_us", [1_000, 10_000, 7_000_000, 60_000_000, 900_000_000])
@pytest.mark.parametrize("name", ["ieee1547-2018-ii", "ieee1547-2018-iii"])
def test_trip_times_of_the_case(name: str, step_us: int) -> None:
    case = tomllib.loads(CASE.read_text())
    v = np.array(case["voltage_pu"])
    own = fleet(PROFILES[name], count=len(v))
    steps = max(31 * US // step_us, 1)
    full = np.full((len(v), steps), RATED)
    block = own.advance(
        own.initial(full[:, 0]), np.tile(v[:, None], (1, steps)), np.full(steps, 60.0), full,
        np.full(steps, step_us, dtype=np.int64), parallel=False,
    )  # fmt: skip
    trip_s = np.where(block.trip_us < 0, np.inf, block.trip_us / 1e6)
    assert trip_s.tolist() == case["trip_s"][name]
    assert trip_s.tolist() == [PROFILES[name].clearing_s(float(x)) for x in v]
    if name.endswith("iii") and step_us <= 10_000:
        rests = (v <= 0.5) | (v > 1.1)
        assert (block.status[:, 0] == np.where(rests, kernels.CEASED, kernels.RUNNING)).all()
        assert (block.p_w[rests, 0] == 0.0).all()


def test_frequency_trips() -> None:
    for hz, clearing_s in (
        (62.1, 0.16),
        (61.3, 300.0),
        (58.4, 300.0),
        (56.4, 0.16),
        (61.2, -1e-6),
        (58.5, -1e-6),
    ):
        block = run(fleet(), [1.0], [400 * US], hz=[hz])
        assert block.trip_us[0] / 1e6 == pytest.approx(clearing_s)


@pytest.mark.parametrize("name", [name for name in PROFILES if name.startswith("ieee1547-2018")])
def test_default_trips_leave_room_for_what_must_be_ridden_through(name: str) -> None:
    profile = PROFILES[name]
    for v in np.arange(0.02, 1.2, 0.01):
        mode, seconds = profile.must_ride(float(v))
        if mode in ("continuous", "mandatory") or (mode == "cessation" and v > profile.under_v[-1].limit):
            assert profile.clearing_s(float(v)) >= seconds, v


def test_a_fast_change_of_frequency_is_ridden_through() -> None:
    """3 Hz/s, what category III must bear, up and down inside the limits."""
    steps = 72
    hz = 60.0 + np.abs(((np.arange(steps) / 50.0 * 3.0 + 1.08) % 4.32) - 2.16) - 1.08
    block = run(fleet(), [1.0] * steps, [20_000] * steps, hz=hz.tolist())
    assert block.trip_us[0] == -1


def test_timers_begin_anew_when_a_condition_ends() -> None:
    dip, gap = [0.85] * 20, [1.0]
    block = run(fleet(), dip + gap + dip + gap + dip, [US] * 62)
    assert block.trip_us[0] == -1
    assert run(fleet(), [*dip, 0.85, *gap], [US] * 22).trip_us[0] == 21 * US


def test_timers_of_stages_run_side_by_side() -> None:
    """20 s at 0.87 pu count for UV1 although 0.4 pu follows: 21 s in all, before UV2's 2 s are over."""
    block = run(fleet(), [0.87, 0.4], [20 * US, 60 * US])
    assert block.trip_us[0] == 21 * US


def test_return_after_delay_with_an_exact_ramp() -> None:
    """Tripped at 21 s, voltage back at 40 s, in service at 340 s, at 0.8 of the rating 240 s later."""
    cuts = np.cumsum([0, 40, 290, 20, 100, 130, 60, 100])
    v = [0.6] + [1.0] * 6
    block = run(fleet(), v, (np.diff(cuts) * US).tolist())

    def given(t: float) -> float:
        since = np.clip(t - 340.0, 0.0, None)
        ramp = min(since, 240.0)
        return (ramp * ramp / 600.0 + max(since - 240.0, 0.0) * 0.8) * RATED

    assert block.trip_us[0] == 21 * US
    assert block.p_w[0, 0] * 40 == pytest.approx(
        21 * 0.6 * 1.2 * RATED, rel=1e-12
    )  # held by its largest current
    for s in range(1, 7):
        energy = block.p_w[0, s] * (cuts[s + 1] - cuts[s])
        assert energy == pytest.approx(given(cuts[s + 1]) - given(cuts[s]), rel=1e-12, abs=1e-6)


def test_delays_of_their_own_spread_the_return() -> None:
    profiles = [GridProfile(**{**vars(III), "randomised_s": 300.0})] * 3
    assert drawn_delays_us(profiles, np.array([0.0, 0.5, 1.0])).tolist() == [300 * US, 450 * US, 600 * US]
    own = Ieee1547Fleet(profiles, [PLAIN] * 3, np.full(3, RATED), draw=np.array([0.0, 0.5, 1.0]))
    state = own.initial(np.zeros(3), in_service=False)
    assert not state.in_service.any()
    full = np.full((3, 2), RATED)
    block = own.advance(
        state, np.ones((3, 2)), np.full(2, 60.0), full, np.array([450, 149]) * US, parallel=False
    )
    assert block.end.in_service.tolist() == [True, True, False]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.3, 0.49, 0.6, 0.9, 0.99, 1.03, 1.06, 1.12, 1.3]), min_size=1, max_size=8),
    st.lists(st.integers(1_000, 400_000_000), min_size=8, max_size=8),
    st.sampled_from(list(PROFILES)),
    st.booleans(),
)
def test_laws(v: list[float], lengths: list[int], name: str, functions: bool) -> None:
    """No production after clearing, none while ceased, never above what there is; the same from cut steps."""
    setting = InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT) if functions else PLAIN
    own, step_us = fleet(PROFILES[name], setting), lengths[: len(v)]
    block = run(own, v, step_us)
    assert (block.p_w >= 0.0).all()
    assert (block.p_w <= 0.8 * RATED + 1e-6).all()
    assert (np.hypot(block.p_w, block.q_var) <= RATED * (1 + 1e-9)).all()
    for s, (pu, length) in enumerate(zip(v, step_us, strict=True)):
        clearing = PROFILES[name].clearing_s(pu)
        assert block.p_w[0, s] * length / US <= 0.8 * RATED * min(clearing, length / US) * (1 + 1e-9)
        if s and pu == v[s - 1] and step_us[s - 1] / US >= clearing:
            assert block.p_w[0, s] == 0.0
            assert block.status[0, s] == kernels.OFF
    halves = [part for length in step_us for part in (length // 3, length - length // 3)]
    cut = run(own, [pu for pu in v for _ in range(2)], halves)
    assert cut.trip_us[0] == block.trip_us[0]
    assert cut.trip_stage[0] == block.trip_stage[0]
    assert (cut.end.counter == block.end.counter).all()
    for whole, parts in ((block.p_w, cut.p_w), (block.q_var, cut.q_var)):
        energy = (parts * np.array(halves)).reshape(-1, 2).sum(axis=1) / 1e6
        np.testing.assert_allclose(energy, whole[0] * np.array(step_us) / 1e6, rtol=1e-3, atol=RATED * 2e-3)


def test_bits_do_not_depend_on_block_threads_or_others() -> None:
    rng = np.random.default_rng(5)
    own = fleet(setting=InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT), count=7)
    v, sun = rng.uniform(0.85, 1.12, (7, 40)), rng.uniform(0.0, RATED, (7, 40))
    hz, step_us = np.full(40, 60.0), rng.integers(1, 90 * US, 40)
    start = own.initial(sun[:, 0])
    whole = own.advance(start, v, hz, sun, step_us, parallel=True)
    first = own.advance(start, v[:, :17], hz[:17], sun[:, :17], step_us[:17], parallel=False)
    rest = own.advance(first.end, v[:, 17:], hz[17:], sun[:, 17:], step_us[17:], parallel=False)
    assert np.concatenate((first.p_w, rest.p_w), axis=1).tobytes() == whole.p_w.tobytes()
    assert np.concatenate((first.q_var, rest.q_var), axis=1).tobytes() == whole.q_var.tobytes()
    alone = fleet(setting=InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT))
    one = alone.advance(alone.initial(sun[3:4, 0]), v[3:4], hz, sun[3:4], step_us, parallel=False)
    assert one.p_w.tobytes() == whole.p_w[3:4].tobytes()


def test_open_loop_response_times_are_times_to_ninety_percent() -> None:
    own = fleet(setting=InverterSettings(volt_var=VOLT_VAR_B))
    block = run(own, [1.0, *[1.05] * 501], [US, *[10_000] * 501], available=0.5)
    expected = -0.44 * (1.05 - 1.02) / 0.06 * RATED
    assert block.q_var[0, 501] == pytest.approx(0.9 * expected, rel=2e-3)  # 5 s


def test_droop_by_its_formula() -> None:
    """0.564 Hz beyond the dead band are 0.188 of the rating; back to what there is afterwards."""
    block = run(fleet(), [1.0] * 3, [US, 120 * US, 120 * US], hz=[60.0, 60.6, 60.0])
    mean = 0.8 - (0.6 - 0.036) / 3.0 * (1.0 - 5.0 / math.log(10.0) / 120.0)
    assert block.p_w[0, 1] / RATED == pytest.approx(mean, rel=1e-4)
    assert block.p_w[0, 2] > block.p_w[0, 1]


def test_what_cannot_be_advanced_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        run(fleet(), [math.nan], [US])
    with pytest.raises(ValueError, match="rated_w"):
        Ieee1547Fleet([III], [PLAIN], np.array([1.0]), np.array([2.0]))
    with pytest.raises(ValueError, match="one entry"):
        Ieee1547Fleet([III], [], np.array([1.0]))
    assert with_enter_service(III, delay_s=15.0).enter.delay_s == 15.0
