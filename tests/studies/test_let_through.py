"""Let-through, heat and verdicts, against hand arithmetic and published orders of magnitude."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim import library
from cosim.devices.curves import TimeCurrentCurve
from cosim.electrical.let_through import adiabatic_rise_k, i2t_a2s, peak_a
from cosim.studies.let_through import (
    adapter_rises,
    breaker_let_through,
    fuse_let_through,
    judge_chain,
    judge_socket,
)

COPPER = library.load("materials", "copper")


def rise(i2t: float, section_m2: float, start_c: float = 20.0) -> float:
    c = COPPER
    return float(
        adiabatic_rise_k(
            i2t, section_m2, c.density.value, c.heat_capacity.value, c.resistivity.value,
            c.resistivity_slope.value, start_c,
        )
    )  # fmt: skip


def test_a_symmetrical_half_cycle_is_the_textbook_bound() -> None:
    """I^2 / 120: 0.83, 4.03 and 14.7 MA2s at 10, 22 and 42 kA."""
    found = i2t_a2s(np.array([10e3, 22e3, 42e3]), 0.0, 0.5 / 60.0)
    np.testing.assert_allclose(found, [0.833e6, 4.033e6, 14.7e6], rtol=1e-3)


def test_blades_of_those_let_throughs() -> None:
    """45 mm2 of copper: 2.1, 9.9 and 36 K where resistivity stays cold; a little more as it warms."""
    for i2t, cold in ((0.833e6, 2.1), (4.033e6, 9.9), (14.7e6, 36.0)):
        assert cold * 0.98 < rise(i2t, 45e-6) < cold * 1.12
    c = COPPER
    flat = adiabatic_rise_k(14.7e6, 45e-6, c.density.value, c.heat_capacity.value, c.resistivity.value, 0.0)
    assert flat == pytest.approx(36.0, rel=0.02)


@given(st.floats(1e3, 1e7), st.floats(1e-5, 2e-4), st.floats(-20.0, 90.0))
def test_rise_is_the_integral_of_the_heat_equation(i2t: float, section: float, start: float) -> None:
    """Split in two parts one after the other, the same rise; hotter metal rises more."""
    if rise(i2t, section, start) > 2000.0:
        return
    first = rise(0.3 * i2t, section, start)
    assert first + rise(0.7 * i2t, section, start + first) == pytest.approx(
        rise(i2t, section, start), rel=1e-9
    )
    assert rise(i2t, section, start + 10) > rise(i2t, section, start)


def test_a_fuse_that_melts_on_the_rise_cuts_the_peak() -> None:
    assert peak_a(10e3, 0.0, 1e9) == pytest.approx(np.sqrt(2) * 10e3)
    cut = float(peak_a(10e3, 0.0, 2000.0))
    slope = np.sqrt(2) * 2 * np.pi * 60 * 10e3
    assert cut**3 / (3 * slope) == pytest.approx(2000.0)


def test_a_breaker_lets_through_its_clearing_time() -> None:
    entry = library.load("breakers", "branch-30")
    found = breaker_let_through(entry, np.array([20.0, 60.0, 5000.0]), np.array([1.0, 1.0, 1.5]))
    assert np.isinf(found.clearing_s[0])
    assert np.isinf(found.i2t_a2s[0])
    assert found.clearing_s[1] == pytest.approx(60, abs=1)  # 200 %: the mid band of UL 489
    assert found.clearing_s[2] == 0.016
    assert 5000**2 * 0.016 < found.i2t_a2s[2] < 5000**2 * 0.016 * 1.5


def test_a_generator_trips_no_magnetic_release() -> None:
    """58 A through a 30 A breaker: some 65 s on its bimetal."""
    entry = library.load("breakers", "branch-30")
    assert breaker_let_through(entry, 58.0, 1.0).clearing_s == pytest.approx(65, abs=2)


def test_a_fuse_lets_through_by_its_curve() -> None:
    curve = TimeCurrentCurve.load("k-link")
    found = fuse_let_through(curve, 65.0, np.array([100.0, 195.0, 1e5]), 1.0)
    assert np.isinf(found.clearing_s[0])
    assert found.clearing_s[1] == pytest.approx(4.0 * 1.3)
    assert found.clearing_s[2] == 0.013  # it waits for a current zero


def test_parts_in_the_way_of_a_panel_fault() -> None:
    entry = library.load("adapters", "connectder-solar-60")
    panel = adapter_rises(entry, 1e6, ("grid", "load"))
    branch = adapter_rises(entry, 1e6, ("grid", "branch"))
    assert {"socket_line_jaw", "line_bar"} <= {part.part for part in panel}
    assert {part.role for part in panel} >= {"jaw", "bus_bar", "conductor"}
    assert max(part.rise_k for part in branch) > max(part.rise_k for part in panel)  # its wires are thin
    by_section = sorted((p for p in panel if p.material == "copper"), key=lambda p: p.section_m2)
    assert all(a.rise_k >= b.rise_k for a, b in pairwise(by_section))


def test_series_rating_covers_two_levels() -> None:
    verdicts = [level.verdict for level in judge_chain([22e3, 10e3, 10e3], 15e3)]
    assert verdicts == ["within", "within by series rating", "over"]
    assert [level.effective_a for level in judge_chain([22e3, 10e3, 10e3], 15e3)] == [22e3, 22e3, 10e3]
    assert [level.verdict for level in judge_chain([22e3, 10e3], 15e3, pairs=[])] == ["within", "over"]
    assert [level.verdict for level in judge_chain([10e3, 10e3], 15e3)] == ["over", "over"]
    assert [level.verdict for level in judge_chain([np.nan, 10e3], 9e3)] == ["unknown", "within"]


def test_every_device_of_a_socket_is_judged() -> None:
    found = judge_socket(3, 12e3, 1.4, ["main-200-22ka", "branch-30"], "connectder-solar-60")
    assert [level.verdict for level in found.levels] == ["within", "within by series rating"]
    assert [(part, verdict) for part, _, verdict in found.adapter] == [
        ("der-branch", "within"),
        ("meter-jaws", "unknown"),
    ]
    assert found.main.clearing_s == 0.016
    assert found.hottest is not None
    assert 1.0 < found.hottest.rise_k < 50.0
    weak = judge_socket(3, 12e3, 1.4, ["main-200-10ka"])
    assert [level.verdict for level in weak.levels] == ["over"]
    assert weak.hottest is None
    with pytest.raises(ValueError, match="main breaker"):
        judge_socket(3, 12e3, 1.4, [])
