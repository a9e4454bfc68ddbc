"""Shares of homes that turn to electricity: nested, by year, and told when they make no sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from cosim.scenario import Scenario
from cosim.scenario.electrification import Electrification
from cosim.scenario.population import Population, populate

ROWS = ({"year": 2025, "heating": 0.1, "ev": 0.05}, {"year": 2035, "heating": 0.5, "ev": 0.45})


def people(electrification: dict[str, Any], count: int = 200) -> Population:
    case = Scenario.model_validate(
        {
            "start": "2026-07-14",
            "duration": "1 d",
            "homes": {"ev": {"share": 0.2, "ev": {"charger_kw": 11.5}}},
            "demand": {"electrification": electrification},
        }
    )
    kinds = ["three" if i % 10 == 0 else "split" for i in range(count)]
    return populate(
        case, [f"h{i}" for i in range(count)], kinds, np.full(count, 200.0), ["ringless-200"] * count
    )


def test_cars_come_to_homes_without_and_a_larger_share_holds_the_smaller() -> None:
    none, some, more, all_ = (people({"ev": share}) for share in (0.0, 0.3, 0.6, 1.0))
    has = [p.ev_kw > 0 for p in (none, some, more, all_)]
    assert np.all(has[1][has[0]])
    assert np.all(has[2][has[1]])
    assert has[0].sum() < has[1].sum() < has[2].sum() < has[3].sum()
    split = none.kind == "split"
    assert np.array_equal(has[3], split)
    assert np.all(some.ev_kw[has[0]] == 11.5)
    assert set(some.ev_kw[has[1] & ~has[0]]) == {7.7}
    assert all((ev is not None) == charged for ev, charged in zip(some.ev, has[1], strict=True))


@pytest.mark.parametrize(
    ("year", "heating"), [(2020, 0.1), (2025, 0.1), (2030, 0.3), (2035, 0.5), (2050, 0.5)]
)
def test_a_year_lies_between_its_rows(year: int, heating: float) -> None:
    asked = Electrification.model_validate({"year": year, "adoption": ROWS})
    assert asked.share("heating") == pytest.approx(heating)
    assert asked.shares()["water_heating"] == 0.0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"year": 2030}, "together"),
        ({"adoption": ROWS}, "together"),
        ({"year": 2030, "adoption": ROWS[::-1]}, "ascend"),
        ({"year": 2030, "adoption": ROWS, "heating": 0.2}, "not both"),
        ({"heating": 1.2}, "less than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_told(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Electrification.model_validate(asked)
