"""The enter-service rule: window, ramp, and what of them must not depend on the steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.devices.inverter import ALWAYS, CEASED, EnterServiceRule

RULE = EnterServiceRule()


def test_window_of_the_standard() -> None:
    v = np.array([0.916, 0.917, 1.0, 1.05, 1.0501, np.nan])
    assert RULE.inside(v).tolist() == [False, True, True, True, False, False]


def test_share_before_on_and_after_the_ramp() -> None:
    start_us = np.arange(0, 900, 60) * 1_000_000
    share = RULE.share(np.array([120_000_000, ALWAYS, CEASED]), start_us, np.full(15, 60.0))
    expected = np.clip((np.arange(0, 900, 60) - 120 + 30) / 300, 0, 1)  # value at the middle of each step
    np.testing.assert_allclose(share[0], expected, atol=1e-15)
    assert (share[1] == 1.0).all()
    assert (share[2] == 0.0).all()


@given(st.integers(0, 10**9), st.lists(st.integers(1, 200_000_000), min_size=1, max_size=30))
def test_energy_does_not_depend_on_the_steps(entered_us: int, lengths_us: list[int]) -> None:
    start = np.cumsum([0, *lengths_us])
    seconds = np.diff(start) / 1e6
    fine = RULE.share(np.array([entered_us]), start[:-1], seconds)[0] @ seconds
    whole = RULE.share(np.array([entered_us]), start[:1], seconds.sum(keepdims=True))[0, 0] * seconds.sum()
    assert fine == pytest.approx(whole, rel=1e-12, abs=1e-9)


def test_share_rises_and_stays_within_0_and_1_far_into_a_year() -> None:
    entered = 364 * 86_400_000_000
    start_us = entered + np.arange(-60, 600) * 1_000_000
    share = RULE.share(np.array([entered]), start_us, np.full(660, 1.0))[0]
    assert (np.diff(share) >= 0.0).all()
    assert share[0] == 0.0
    assert share[-1] == 1.0


def test_without_ramp_service_is_a_step() -> None:
    share = EnterServiceRule(ramp_s=0.0).share(
        np.array([30_000_000]), np.array([0, 60_000_000]), np.full(2, 60.0)
    )
    assert share.tolist() == [[0.5, 1.0]]


def test_first_change_names_step_and_rows() -> None:
    v = np.array([[1.0, 1.0, 0.9, 0.9], [0.9, 0.9, 1.0, 1.0], [1.0, 1.0, 1.0, 1.06]])
    step, rows = RULE.first_change(v, np.array([True, False, True]))
    assert (step, rows.tolist()) == (2, [0, 1])
    step, rows = RULE.first_change(v[:, :2], np.array([True, False, True]))
    assert (step, rows.tolist()) == (-1, [])
    assert RULE.first_change(v, np.array([False, False, True]))[0] == 0


def test_first_change_of_none() -> None:
    assert RULE.first_change(np.zeros((0, 5)), np.zeros(0, bool))[0] == -1


@pytest.mark.parametrize("wrong", [{"v_min_pu": 1.1}, {"delay_s": -1.0}, {"ramp_s": float("nan")}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"pu|negative"):
        EnterServiceRule(**wrong)
