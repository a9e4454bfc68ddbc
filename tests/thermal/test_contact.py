"""Laws of a contact, published figures, and what a bench gets of an aged one."""

from __future__ import annotations

import math
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.errors import LibraryError
from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import (
    ContactState,
    constants,
    contact_ohm,
    degraded,
    force_n,
    glow_w,
    load_contact,
    load_population,
    relaxed_s,
    softening_v,
)
from cosim.thermal.contact_glow import glow_run
from cosim.thermal.limits import steady_state
from cosim.thermal.network import heat_network

JAW = load_contact("meter-jaw")
C = constants(JAW)
CASE = tomllib.loads((Path(__file__).parents[1] / "cases" / "contacts" / "expected.toml").read_text())
YEAR_S = laws.YEAR_S


def test_voltage_temperature_relation() -> None:
    for spot, millivolt in zip(CASE["spot_c"], CASE["contact_mv"], strict=True):
        volt = laws.voltage_at(spot, CASE["bulk_c"])
        assert 1e3 * volt == pytest.approx(millivolt, abs=CASE["contact_tolerance_mv"])
        assert laws.hottest(volt, CASE["bulk_c"]) == pytest.approx(spot, abs=1e-9)
    assert softening_v(JAW)["plating melts"] == pytest.approx(0.1285, abs=1e-4)
    assert laws.voltage_at(20.0, 20.0) == laws.voltage_at(20.0, 25.0) == 0.0


def test_constriction_falls_with_the_root_of_force() -> None:
    """Holm's published values at other forces from the one at 45 N, and exactly F^-1/2."""
    as_new = 0.5 * math.sqrt(math.pi) * 1.72e-8 * math.sqrt(1e8 / 45.0)
    hold = np.array(CASE["force_n"]) / JAW.force_n.value
    found = contact_ohm(JAW, ContactState(hold), as_new)
    np.testing.assert_allclose(
        1e6 * found, CASE["constriction_uohm"], atol=CASE["constriction_tolerance_uohm"]
    )
    np.testing.assert_allclose(found * np.sqrt(hold), as_new, rtol=1e-14)


@settings(deadline=None, max_examples=60)
@given(
    hold=st.floats(1e-4, 2.0),
    years=st.floats(0.0, 60.0),
    rim_um=st.floats(0.0, 50.0),
    film=st.floats(0.0, 1e-8),
    more=st.floats(1.0, 3.0),
)
def test_ageing_only_ever_adds_resistance(
    hold: float, years: float, rim_um: float, film: float, more: float
) -> None:
    state = ContactState(hold, years * YEAR_S, (rim_um * 1e-6) ** 2, film)
    now = float(contact_ohm(JAW, state, 3e-5))
    for worse in (
        ContactState(hold / more, years * YEAR_S, (rim_um * 1e-6) ** 2, film),
        ContactState(hold, more * years * YEAR_S, (rim_um * 1e-6) ** 2, film),
        ContactState(hold, years * YEAR_S, (more * rim_um * 1e-6) ** 2, film),
        ContactState(hold, years * YEAR_S, (rim_um * 1e-6) ** 2, more * film),
    ):
        assert float(contact_ohm(JAW, worse, 3e-5)) >= now * (1.0 - 1e-12)
    assert now >= 3e-5 / math.sqrt(2.0)


def test_a_contact_without_force_is_open() -> None:
    assert math.isinf(float(contact_ohm(JAW, ContactState(0.0), 3e-5)))
    assert laws.power(C, 3e-5, 0.0, 0.0, 0.0, 0.0, 50.0, 40.0) == 0.0


def test_relaxation_is_linear_in_log_time_and_as_published() -> None:
    brass = constants(JAW, {"steel_share": 0.0})
    onset, late = JAW.relaxation_onset_h.value, JAW.relaxation_h.value
    log_time = np.linspace(0.0, 5.0, 11)
    left = np.array([laws.force(brass, 1.0, 3600.0 * onset * (10.0**x - 1.0)) for x in log_time])
    np.testing.assert_allclose(np.diff(left, 2), 0.0, atol=1e-11)
    assert np.all(np.diff(left) < 0.0)
    share = laws.force(brass, 1.0, late * 3600.0) / JAW.force_n.value
    assert CASE["relaxation_left"][0] <= share <= CASE["relaxation_left"][1]
    assert share == pytest.approx(JAW.relaxation_left.value)
    steel = constants(JAW, {"steel_share": 1.0})
    assert laws.force(steel, 1.0, 1e12) == pytest.approx(JAW.force_n.value)


def test_relaxation_counts_only_time_under_stress() -> None:
    """30 % in 5 years always stressed is 30 % in 15 years at a third of the time; the order does not matter."""
    whole = relaxed_s(JAW, 5.0 * YEAR_S, 60.0)
    third = sum(relaxed_s(JAW, YEAR_S / 3.0, 60.0) for _ in range(15))
    assert float(third) == pytest.approx(float(whole), rel=1e-12)
    assert float(relaxed_s(JAW, YEAR_S, CASE["relaxation_c"])) == pytest.approx(YEAR_S)
    warm, cold = relaxed_s(JAW, [1.0, 1.0], [90.0, 40.0])
    assert warm > 1.0 > cold > 0.0
    forces = force_n(JAW, ContactState(1.0, np.array([0.0, 1.0, 5.0, 20.0]) * YEAR_S))
    assert forces[0] == JAW.force_n.value
    assert np.all(np.diff(forces) < 0.0)


def test_glow_passes_both_published_points() -> None:
    amp = np.array(CASE["glow_a"])
    np.testing.assert_allclose(glow_w(JAW, amp), CASE["glow_w"], rtol=1e-12)
    np.testing.assert_allclose(glow_w(JAW, amp) / amp, CASE["glow_v"], rtol=1e-3)
    volt = glow_w(JAW, np.linspace(0.8, 200.0, 50)) / np.linspace(0.8, 200.0, 50)
    assert np.all(np.diff(volt) < 0.0)
    assert float(glow_w(JAW, 0.7)) == 0.0


def test_metal_bears_its_melting_voltage_and_no_more() -> None:
    most = laws.voltage_at(JAW.melting_c.value, 40.0)
    for amp in (1.0, 20.0, 200.0):
        for hold in (1.0, 1e-2, 1e-4):
            watt = laws.power(C, 3e-5, 45.0 * hold, 0.0, 1e-11, 0.0, amp, 40.0)
            assert 0.0 < watt <= amp * most * (1.0 + 1e-12)
    assert laws.power(C, 3e-5, 45.0, 0.0, 0.0, 0.0, 0.0, 40.0) == 0.0
    small = laws.power(C, 3e-5, 45.0, 0.0, 0.0, 0.0, 10.0, 20.0)
    assert small == pytest.approx(100.0 * 3e-5, rel=1e-4)


def test_softening_lowers_resistance_only_above_its_voltage() -> None:
    assert laws.softness_at(C, JAW.softening_c.value) == 1.0
    assert laws.softness_at(C, JAW.melting_c.value) == pytest.approx(0.1)
    stiff = constants(JAW, {"softening_c": 915.0})
    soft_v = laws.voltage_at(JAW.softening_c.value, 20.0)
    amp = 1.5 * soft_v / 1e-3
    assert laws.contact_voltage(C, 1e-3, 45.0, 0.0, 0.0, amp, 20.0) < laws.contact_voltage(
        stiff, 1e-3, 45.0, 0.0, 0.0, amp, 20.0
    )
    amp = 0.5 * soft_v / 1e-3
    assert laws.contact_voltage(C, 1e-3, 45.0, 0.0, 0.0, amp, 20.0) == laws.contact_voltage(
        stiff, 1e-3, 45.0, 0.0, 0.0, amp, 20.0
    )


def test_fretting_needs_slip_and_spares_firm_contacts() -> None:
    held = JAW.friction.value / JAW.stiffness.value * 45.0 / JAW.slip_per_k.value
    assert laws.fretting_rate(C, 45.0, 0.99 * held, 50.0) == 0.0
    assert laws.fretting_rate(C, 45.0, 1.01 * held, 50.0) > 0.0
    rates = [laws.fretting_rate(C, force, 20.0, 50.0) for force in (0.1, 1.0, 5.0, 20.0, 45.0)]
    assert all(a > b for a, b in pairwise(rates))


def test_degraded_adapter_runs_hotter_by_the_square_of_current() -> None:
    entry = library.load("adapters", "bare-socket")
    i2 = np.array([100.0**2] * 4 + [0.0, 0.0])
    hottest = [
        steady_state(heat_network(e), i2, 25.0).max()
        for e in (entry, degraded(entry, 3.0), degraded(entry, 30.0))
    ]
    assert hottest[0] < hottest[1] < hottest[2]
    row = next(k for k, joint in enumerate(entry.heat.joints) if joint.contact)
    one = degraded(entry, {row: 10.0}).heat.joints
    assert one[row].contact_ohm is not None
    assert one[row].contact_ohm.value == pytest.approx(10.0 * entry.heat.joints[row].contact_ohm.value)  # type: ignore[union-attr]
    assert one[row + 1] == entry.heat.joints[row + 1]


def test_wrong_asks_are_told() -> None:
    entry = library.load("adapters", "bare-socket")
    with pytest.raises(LibraryError) as error:
        degraded(entry, {0: -1.0, 99: 2.0})
    assert len(error.value.problems) == 2
    with pytest.raises(LibraryError, match="population"):
        load_population("meter-jaw")
    with pytest.raises(LibraryError, match="contact"):
        load_contact("us-sockets")


def test_a_glowing_jaw_heats_its_blade_with_current() -> None:
    entry = library.load("adapters", "bare-socket")
    runs = [glow_run(entry, amp, hours=3.0) for amp in (5.0, 15.0, 50.0, 200.0)]
    last = [run.patch_c[-1] for run in runs]
    assert all(a < b for a, b in pairwise(last))
    assert all(np.all(np.diff(run.blade_c) > -1e-3) for run in runs)
    assert all(run.patch_c[-1] > run.blade_c[-1] > run.meter_c[-1] for run in runs)
    assert math.isinf(runs[0].time_to())
    assert runs[3].time_to() < math.inf
    assert glow_run(entry, 0.5).glow_w == 0.0
