"""Extension cords: copper, balance of heat, limits."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.errors import LibraryError
from cosim.studies.cord_heat import ALLOWED_A, JACKET_C, cord_heat, full_load_a, section_m2


def test_copper_of_the_gauges() -> None:
    """ASTM B258: 1.31, 2.08, 3.31 and 5.26 mm2."""
    found = [1e6 * section_m2(gauge) for gauge in (16, 14, 12, 10)]
    assert found == pytest.approx([1.31, 2.08, 3.31, 5.26], rel=3e-3)


def test_full_load_is_the_rated_current() -> None:
    assert full_load_a() == pytest.approx(6250.0 / 240.0)


@pytest.mark.parametrize("gauge", ALLOWED_A)
def test_what_the_code_allows_stays_within_the_jacket_s_limit(gauge: int) -> None:
    allowed = cord_heat(gauge, 15.0, ALLOWED_A[gauge])
    assert allowed.limit_minutes == math.inf
    assert allowed.core_c.max() < JACKET_C


def test_heat_balances_at_the_end() -> None:
    """Losses of two cores over the jacket's film: 0.525 m2 and 10 W/(m2 K) of the library's 12 AWG cord."""
    found = cord_heat(12, 15.2, 20.0, minutes=600)
    ohm = 1.724e-8 * (1.0 + 0.00393 * (found.core_c[-1] - 20.0)) * 15.2 / section_m2(12)
    rise = 2.0 * 20.0**2 * ohm / (0.52527552 * 10.0)
    assert found.jacket_c[-1] - 30.0 == pytest.approx(rise, rel=0.05)


def test_thinner_coiled_and_more_current_are_hotter_and_length_is_not() -> None:
    def end(gauge: int, length_m: float = 15.0, amperes: float = 12.0, coiled: bool = False) -> float:
        return float(cord_heat(gauge, length_m, amperes, coiled=coiled).core_c[-1])

    rising = [end(gauge) for gauge in (10, 12, 14, 16)]
    assert (np.diff(rising) > 0.0).all()
    assert end(14, coiled=True) > end(14)
    assert end(14, amperes=18.0) > end(14)
    assert end(14, 30.0) == pytest.approx(end(14), abs=1.5)
    assert cord_heat(14, 30.0, 12.0).drop_v == pytest.approx(2.0 * cord_heat(14, 15.0, 12.0).drop_v, rel=0.01)


def test_a_thin_cord_at_full_load_does_not_survive() -> None:
    thin = cord_heat(16, 15.0, full_load_a(), coiled=True)
    assert thin.limit_minutes <= 3.0
    assert np.isnan(thin.core_c[-1])
    assert thin.as_dict()["drop_v"] is None
    assert np.nanmax(thin.core_c) <= 200.0


def test_bad_input_and_command() -> None:
    with pytest.raises(LibraryError, match="gauge: should be one of"):
        cord_heat(13, 15.0, 10.0)
    with pytest.raises(LibraryError, match="amperes: should be a number from"):
        cord_heat(12, 15.0, math.nan)
    ran = CliRunner().invoke(app, ["adapter", "cords", "--json"])
    assert ran.exit_code == 0, ran.output
    assert len(json.loads(ran.output)["cords"]) == 8
    assert "coiled" in CliRunner().invoke(app, ["adapter", "cords"]).output
