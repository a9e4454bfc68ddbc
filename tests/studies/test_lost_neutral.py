"""A lost neutral: the divider of the legs' loads, the rod, what is harmed and who notices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.errors import FeederError
from cosim.feeder.generate import generate
from cosim.studies.lost_neutral import LostNeutral, lost_neutral

STREET = generate(40, seed=3)
COMPILED = STREET.compile()
ROD_OHM = 25.0


def lost(one_w: object, two_w: object, line_w: object = 0.0, **how: object) -> LostNeutral:
    power = np.stack(
        np.broadcast_arrays(*(np.atleast_1d(np.asarray(w, float)) for w in (one_w, two_w, line_w)))
    )
    return lost_neutral(STREET, "home-5", power, compiled=COMPILED, **how)  # type: ignore[arg-type]


def test_even_legs_lose_nothing() -> None:
    found = lost(1000.0, 1000.0)
    np.testing.assert_allclose(found.leg_v, found.before_v, rtol=1e-3)
    assert found.tolerance == ("borne", "borne")
    assert found.rod_a[0] < 0.01
    assert not found.seen


@pytest.mark.parametrize(("one_w", "two_w"), [(1000.0, 500.0), (2000.0, 100.0), (300.0, 3000.0)])
def test_legs_divide_the_voltage_by_their_loads_and_the_rod(one_w: float, two_w: float) -> None:
    """V_n = (120 / R1 - 120 / R2) / (1 / R1 + 1 / R2 + 1 / R_rod), the service taken as stiff."""
    found = lost(one_w, two_w)
    y1, y2 = one_w / 120.0**2, two_w / 120.0**2
    neutral = 120.0 * (y1 - y2) / (y1 + y2 + 1.0 / ROD_OHM)
    assert found.neutral_v[0] == pytest.approx(abs(neutral), rel=0.02)
    np.testing.assert_allclose(found.leg_v[:, 0], [120.0 - neutral, 120.0 + neutral], rtol=0.01)
    assert found.rod_a[0] == pytest.approx(found.neutral_v[0] / ROD_OHM, rel=1e-6)
    assert found.service_v[0] == pytest.approx(240.0, rel=0.01)


def test_without_the_rod_it_is_worse() -> None:
    """Between rod and panel: a plain divider, and metal at its full voltage; a poor contact lies between."""
    drop, socket = lost(2000.0, 500.0), lost(2000.0, 500.0, place="socket")
    np.testing.assert_allclose(socket.leg_v[:, 0], [48.0, 192.0], rtol=0.01)
    assert socket.neutral_v[0] > drop.neutral_v[0]
    assert socket.rod_a[0] < 1e-3
    poor = lost(2000.0, 500.0, place="socket", contact_ohm=2.0)
    assert drop.leg_v[1, 0] > poor.leg_v[1, 0] > poor.before_v[1, 0]


def test_a_tail_of_an_adapter_leaves_the_home_alone() -> None:
    found = lost([2000.0, 100.0], [0.0, 900.0], place="tail")
    np.testing.assert_allclose(found.leg_v, found.before_v, rtol=1e-6)
    assert found.hazard == "none"


def test_a_body_in_parallel_draws_the_touch_voltage_s_current() -> None:
    found = lost(2000.0, 100.0)
    assert found.contact_a[0] == pytest.approx(found.neutral_v[0] / 1000.0, rel=0.02)
    assert found.hazard == "cannot let go"
    wet = lost(2000.0, 100.0, body_ohm=300.0)
    assert wet.hazard == "lethal"


def test_the_envelope_and_time() -> None:
    """125 % for 0.4 s is damage, for 2 ms it is not; 115 % for 0.4 s is borne, for an hour it is damage."""
    mild, strong = (1000.0, 620.0), (1000.0, 380.0)
    one, two = lost(*mild), lost(*strong)
    assert 1.1 < one.leg_v[1, 0] / 120.0 < 1.2 < two.leg_v[1, 0] / 120.0 < 1.4
    assert lost(*mild, seconds=np.array([0.4])).tolerance[1] == "borne"
    assert one.tolerance[1] == "damage"
    assert lost(*strong, seconds=np.array([0.4])).tolerance[1] == "damage"
    assert lost(*strong, seconds=np.array([0.002])).tolerance[1] == "borne"
    assert lost(*strong, seconds=np.array([0.015])).tolerance[0] == "borne"
    assert two.tolerance[0] == "stops"
    assert two.lamp_life[1] == pytest.approx((120.0 / two.leg_v[1, 0]) ** 13.0)


def test_only_a_meter_with_a_neutral_notices() -> None:
    assert lost(2000.0, 200.0).meter == "leg to leg: sees nothing"
    assert lost(2000.0, 200.0, meter_form="12S").meter == "leg to neutral: alarm"
    assert lost(1000.0, 1000.0, meter_form="12S").meter == "leg to neutral: within limits"
    assert (
        lost(2000.0, 200.0, meter_form="12S", seconds=np.array([5.0])).meter
        == "leg to neutral: within limits"
    )


def test_bad_input() -> None:
    with pytest.raises(FeederError, match="no such home"):
        lost_neutral(STREET, "home-999", np.ones((3, 1)), compiled=COMPILED)
    for wrong in (np.ones((2, 1)), -np.ones((3, 1)), np.full((3, 1), np.nan)):
        with pytest.raises(FeederError, match=r"(power|leg1)_w: should be"):
            lost_neutral(STREET, "home-5", wrong, compiled=COMPILED)
    with pytest.raises(FeederError) as told:
        lost_neutral(STREET, "home-5", np.array([[0.0], [1e9], [0.0]]), body_ohm=np.inf, meter_form="5S")
    assert [problem.key for problem in told.value.problems] == ["leg2_w", "body_ohm", "meter_form"]


def test_command(tmp_path: Path) -> None:
    path = tmp_path / "street.feeder"
    STREET.save(path)
    ran = CliRunner().invoke(app, ["feeder", "neutral", str(path), "--home", "home-5", "--json"])
    assert ran.exit_code == 0, ran.output
    assert len(json.loads(ran.output)["leg_v"][0]) == 6
    table = CliRunner().invoke(
        app, ["feeder", "neutral", str(path), "--home", "home-5", "--leg1-w", "1500", "--leg2-w", "300"]
    )
    assert "sees nothing" in table.output
    wrong = CliRunner().invoke(app, ["feeder", "neutral", str(path), "--home", "home-5", "--place", "roof"])
    assert wrong.exit_code == 2
