"""Peak and r.m.s. of asymmetrical currents, against scans over closing angle and time."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.electrical.asymmetry import (
    peak_factor,
    peak_factor_iec,
    peak_factor_ieee551,
    rms_factor,
    rms_factor_half_cycle,
    squared_cycles,
    thermal_factor_iec,
)

X_OVER_R = np.array([0.55, 0.75, 0.94, 1.09, 1.36, 1.82, 2.41, 3.18, 4.9, 6.6, 10, 15])
EXACT = [1.011, 1.032, 1.060, 1.085, 1.132, 1.212, 1.303, 1.399, 1.544, 1.633, 1.737, 1.814]
IEC = [1.024, 1.038, 1.060, 1.083, 1.128, 1.209, 1.302, 1.402, 1.551, 1.642, 1.746, 1.822]
IEEE = [1.010, 1.032, 1.062, 1.089, 1.139, 1.222, 1.313, 1.407, 1.547, 1.634, 1.737, 1.815]


@pytest.mark.parametrize(
    ("rule", "table"), [(peak_factor, EXACT), (peak_factor_iec, IEC), (peak_factor_ieee551, IEEE)]
)
def test_peak_factor_table(rule: object, table: list[float]) -> None:
    assert callable(rule)
    np.testing.assert_allclose(rule(X_OVER_R), table, atol=6e-4)


def test_peak_factor_is_the_largest_over_all_closing_angles_and_times() -> None:
    ratio = 2.41
    angle = np.linspace(0.0, 4 * np.pi, 4001)
    closing = np.linspace(0.0, 2 * np.pi, 2001)[:, None]
    current = np.sin(angle + closing) - np.sin(closing) * np.exp(-angle / ratio)
    assert peak_factor(np.array([ratio]))[0] == pytest.approx(np.abs(current).max(), rel=2e-6)


def test_peak_factor_limits() -> None:
    np.testing.assert_allclose(peak_factor(np.array([0.0, np.inf])), [1.0, 2.0], atol=1e-6)


@pytest.mark.parametrize("ratio", [0.3, 0.94, 2.41, 6.6, 30.0])
@pytest.mark.parametrize("cycles", [0.5, 1.0, 1.37, 3.0])
def test_squared_cycles_is_the_largest_integral_over_all_closing_angles(ratio: float, cycles: float) -> None:
    angle = np.linspace(0.0, 2 * np.pi * cycles, 20001)
    closing = np.linspace(0.0, np.pi, 721)[:, None]
    current = np.sin(angle + closing) - np.sin(closing) * np.exp(-angle / ratio)
    largest = np.trapezoid(current**2, angle, axis=1).max() / np.pi
    assert squared_cycles(ratio, cycles) == pytest.approx(largest, rel=2e-5)


def test_rms_factor_limits() -> None:
    """A pure resistance never offsets; a pure reactance offsets fully: sqrt(1 + 2)."""
    np.testing.assert_allclose(rms_factor(np.array([0.0, np.inf])), [1.0, np.sqrt(3.0)], rtol=1e-6)
    np.testing.assert_allclose(rms_factor_half_cycle(np.array([0.0, np.inf])), [1.0, np.sqrt(3.0)], rtol=1e-6)
    assert (np.diff(rms_factor(X_OVER_R)) > 0).all()
    assert rms_factor(15.0, 50.0) == pytest.approx(1.0, abs=0.1)


def test_thermal_factor_is_the_exact_integral_for_reactive_circuits() -> None:
    """m + n of IEC 60909 and the exact integral agree where kappa is that of a series circuit."""
    for seconds in (0.1, 0.5):
        m = thermal_factor_iec(15.0, seconds)
        assert squared_cycles(15.0, 60 * seconds) / (60 * seconds) == pytest.approx(float(m) + 1.0, rel=0.03)
