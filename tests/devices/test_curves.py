"""Fuse, recloser and relay curves at published points."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.devices.curves import RELAYS, TimeCurrentCurve, relay_time_s

M = [2.0, 5.0, 10.0, 20.0]


@pytest.mark.parametrize(
    ("curve", "multiple", "seconds"),
    [
        ("ieee-moderately-inverse", M, [3.8032, 1.6883, 1.2068, 0.9481]),
        ("ieee-very-inverse", M, [7.0277, 1.3081, 0.6891, 0.5401]),
        ("ieee-extremely-inverse", M, [9.5217, 1.2967, 0.4065, 0.1924]),
        ("iec-standard-inverse", M[:3], [10.029, 4.280, 2.971]),
        ("iec-very-inverse", M[:3], [13.5, 3.375, 1.5]),
        ("iec-extremely-inverse", M[:3], [26.67, 3.333, 0.8081]),
    ],
)
def test_relays_at_time_dial_one(curve: str, multiple: list[float], seconds: list[float]) -> None:
    np.testing.assert_allclose(relay_time_s(curve, multiple), seconds, rtol=2e-4)
    np.testing.assert_allclose(relay_time_s(curve, multiple, 2.5), 2.5 * relay_time_s(curve, multiple))


@pytest.mark.parametrize("curve", RELAYS)
def test_relays_never_operate_at_pick_up_and_are_inverse(curve: str) -> None:
    assert np.isinf(relay_time_s(curve, [0.0, 0.5, 1.0])).all()
    assert (np.diff(relay_time_s(curve, np.linspace(1.01, 30, 50))) < 0).all()


@pytest.mark.parametrize(
    ("name", "rating_a", "current_a", "seconds"),
    [
        ("k-link", 65.0, 195.0, 4.0), ("k-link", 65.0, 390.0, 0.41), ("t-link", 65.0, 195.0, 10.1),
        ("recloser-a", 1.0, 1.0, 0.15), ("recloser-d", 1.0, 4.5, 0.2),
        ("k-link", 65.0, 130.0, 300.0),
    ],
)  # fmt: skip
def test_fuses_and_reclosers(name: str, rating_a: float, current_a: float, seconds: float) -> None:
    assert TimeCurrentCurve.load(name).melting_s(current_a / rating_a) == pytest.approx(seconds, rel=1e-9)


def test_between_points_and_beyond() -> None:
    curve = TimeCurrentCurve((1.0, 10.0), (100.0, 1.0), clearing_ratio=1.3)
    assert curve.melting_s(np.sqrt(10.0)) == pytest.approx(10.0)  # a straight line on log-log paper
    assert curve.melting_s(20.0) == pytest.approx(0.25)  # constant I^2 t
    assert curve.clearing_s(10.0) == pytest.approx(1.3)
    assert np.isinf(curve.melting_s(0.99))
