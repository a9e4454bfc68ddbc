"""Fuse, recloser and relay curves at published points."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.devices.curves import RELAYS, InverseTime, TimeCurrentCurve, relay_time_s

CASE = tomllib.loads(
    (Path(__file__).parents[1] / "cases" / "time-current-curves" / "expected.toml").read_text(
        encoding="utf-8"
    )
)
MULTIPLE = CASE["relay"].pop("multiple")


@pytest.mark.parametrize(("curve", "seconds"), CASE["relay"].items())
def test_relays_at_time_dial_one(curve: str, seconds: list[float]) -> None:
    multiple = MULTIPLE[: len(seconds)]
    np.testing.assert_allclose(relay_time_s(curve, multiple), seconds, rtol=CASE["relay_tolerance"])
    np.testing.assert_allclose(relay_time_s(curve, multiple, 2.5), 2.5 * relay_time_s(curve, multiple))
    by_device = [InverseTime(curve).operating_s(one) for one in multiple]
    np.testing.assert_allclose(by_device, relay_time_s(curve, multiple), rtol=1e-14)


@pytest.mark.parametrize("curve", RELAYS)
def test_relays_never_operate_at_pick_up_and_are_inverse(curve: str) -> None:
    assert np.isinf(relay_time_s(curve, [0.0, 0.5, 1.0])).all()
    assert (np.diff(relay_time_s(curve, np.linspace(1.01, 30, 50))) < 0).all()


@pytest.mark.parametrize(
    "point", CASE["point"], ids=lambda point: f"{point['curve']} {point['current_a']:g} A"
)
def test_fuses_and_reclosers(point: dict[str, Any]) -> None:
    curve, multiple = TimeCurrentCurve.load(point["curve"]), point["current_a"] / point["rating_a"]
    for found in (curve.melting_s(multiple), curve.operating_s(multiple)):
        assert found == pytest.approx(point["seconds"], rel=CASE["point_tolerance"])


def test_between_points_and_beyond() -> None:
    curve = TimeCurrentCurve((1.0, 10.0), (100.0, 1.0), clearing_ratio=1.3)
    assert curve.melting_s(np.sqrt(10.0)) == pytest.approx(10.0)  # a straight line on log-log paper
    assert curve.melting_s(20.0) == pytest.approx(0.25)  # constant I^2 t
    assert curve.clearing_s(10.0) == pytest.approx(1.3)
    assert np.isinf(curve.melting_s(0.99))


def test_expulsion_links_wait_for_a_current_zero_and_current_limiting_fuses_do_not() -> None:
    half_cycle_s = 0.5 / 60.0
    for name in ("k-link", "t-link"):
        curve = TimeCurrentCurve.load(name)
        assert curve.clearing_s([100.0, 1e4]) == pytest.approx([curve.least_clearing_s] * 2)
        assert half_cycle_s <= curve.least_clearing_s <= 2 * half_cycle_s
        assert curve.melting_s(1e4) < 1e-6
    limiting, link = TimeCurrentCurve.load("current-limiting"), TimeCurrentCurve.load("k-link")
    assert limiting.clearing_s(60.0) < half_cycle_s
    multiple = np.geomspace(2.0, 200.0, 200)
    assert (
        limiting.melting_s(multiple) >= link.melting_s(multiple) * (1 - 1e-12)
    ).all()  # the link always melts too
    assert np.isinf(TimeCurrentCurve.load("k-link").clearing_s(1.9))
