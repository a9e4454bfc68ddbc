"""The law of a regulator control: bands, taps, compensation, limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.devices.regulator import Regulator, TapChanger

CHANGER = TapChanger(1.0, 0.9, 1.1, 0.00625)
PLAIN = Regulator(120.0, 2.0, 60.0, 7200.0, CHANGER)
NO_CURRENT = np.zeros(1, dtype=np.complex128)


def wanted(regulator: Regulator, volts: float, moves: int = 0) -> int:
    return int(regulator.wanted_taps(np.array([volts]), np.array([volts]), moves)[0])


@pytest.mark.parametrize(
    ("volts", "taps"), [(120.0, 0), (119.0, 0), (121.0, 0), (118.9, 1), (118.4, 2), (121.2, -2), (117.0, 4)]
)
def test_taps_wanted_bring_the_voltage_to_the_set_point(volts: float, taps: int) -> None:
    """One tap is 0.75 V on the control base; 1.2 V rounds to 2 taps, 1.1 V to 1."""
    assert wanted(PLAIN, volts) == taps


@given(st.floats(61.0, 180.0), st.integers(-16, 16))
def test_never_out_of_its_range(volts: float, moves: int) -> None:
    taps = wanted(PLAIN, volts, moves)
    assert 0.9 - 1e-12 <= CHANGER.tap_pu(PLAIN.held(moves + taps)) <= 1.1 + 1e-12
    assert not (taps > 0 and moves == CHANGER.highest)
    assert not (taps < 0 and moves == CHANGER.lowest)
    assert taps == 0 or (taps > 0) == (volts < PLAIN.target_v)


@given(st.floats(100.0, 140.0), st.floats(0.8, 5.0))
def test_no_hunting_where_the_band_is_wider_than_a_tap(volts: float, band: float) -> None:
    """Taken in full, what is wanted ends inside the band of a stiff line."""
    regulator = replace(PLAIN, band_v=band)
    taps = wanted(regulator, volts)
    assert wanted(regulator, volts + 0.75 * taps, taps) == 0 or abs(taps) > 15


def test_range_off_the_grid_of_taps_is_held() -> None:
    changer = TapChanger(1.002, 0.9, 1.1, 0.00625)
    assert changer.tap_pu(changer.highest) == 1.1
    assert changer.tap_pu(changer.lowest) == 0.9
    assert CHANGER.highest == -CHANGER.lowest == 16


def test_line_drop_compensation_lowers_what_is_seen() -> None:
    """Kersting's convention: V - (R + jX) I / CT, with the current out of the winding."""
    regulator = replace(PLAIN, ct_primary_a=700.0, drop_v=3.0 + 9.0j)
    out = np.array([350.0 * np.exp(-0.5j)])
    seen = regulator.control_v(np.array([7200.0 + 0j]), -out)
    assert seen[0] == pytest.approx(abs(120.0 - (3.0 + 9.0j) * out[0] / 700.0), rel=1e-12)
    by_size = replace(PLAIN, ct_primary_a=700.0, drop_z_v=4.0).control_v(np.array([7200.0 + 0j]), -out)
    assert by_size[0] == pytest.approx(118.0, rel=1e-12)


def test_limit_goes_before_the_band() -> None:
    limited = replace(PLAIN, limit_v=121.0)
    low_far_away, high_here = np.array([117.0]), np.array([122.5])
    assert limited.wanted_taps(low_far_away, high_here, 0)[0] == -2
    assert limited.wanted_taps(low_far_away, low_far_away, 0)[0] == 4


def test_tap_in_the_other_winding_moves_the_other_way() -> None:
    assert wanted(replace(PLAIN, opposite=True), 117.0) == -4


def test_without_supply_nothing_is_done() -> None:
    assert wanted(PLAIN, 0.0) == 0
    assert wanted(PLAIN, 59.0) == 0


def test_settling_goes_most_of_the_way() -> None:
    assert [PLAIN.settling_moves(n) for n in (1, 2, 10, -10, 40)] == [1, 1, 7, -7, 16]
