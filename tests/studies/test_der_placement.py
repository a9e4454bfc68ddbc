"""NEC 705 at every home: the published worked examples, taps against back-fed breakers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.results.layout import STUDIES
from cosim.scenario import Scenario
from cosim.scenario.population import Population, populate
from cosim.simulation.assembly import assemble
from cosim.studies.der_placement import (
    NOT_MEANT,
    OVER,
    UNJUDGED,
    WITHIN,
    Placement,
    as_columns,
    breaker_size_a,
    buses_a,
    der_placement,
)


@pytest.fixture
def homes(tmp_path: Path) -> Population:
    path = tmp_path / "case.toml"
    path.write_text('start = 2026-07-09T12:00:00\nduration = "1 h"\n')
    names = [f"home-{i}" for i in range(6)]
    return populate(Scenario.load(path), names, ["split"] * 6, [200.0] * 6, ["ringless-200"] * 6)


def of(homes: Population, **changes: list[object]) -> Placement:
    given = {}
    for name, values in changes.items():
        column = getattr(homes, name).copy()
        column[: len(values)] = values
        given[name] = column
    own = replace(homes, **given)
    return der_placement(own, np.full(6, 240.0), own.pv_kw * 1e3)


def test_a_200_a_panel_takes_32_a_by_a_40_a_breaker(homes: Population) -> None:
    """The usual example: 1.2 x 200 - 200 = 40 A, so an inverter of 32 A (7.68 kW); a 225 A bus takes 70 A."""
    found = of(homes, pv_kw=[7.68, 7.7, 13.4, 13.6])
    assert found.room_a == pytest.approx(32.0)
    assert found.panel_breaker_a[:2].tolist() == [40.0, 45.0]
    assert found.busbar.tolist() == [WITHIN, UNJUDGED, UNJUDGED, OVER]
    assert set(found.supply.tolist()) == {NOT_MEANT}
    assert "takes 32.0 A; one of 225 A would do" in found.said(1)
    assert found.said(0) == ""


def test_a_tap_is_judged_by_the_service_and_spared_the_bus(homes: Population) -> None:
    found = of(homes, pv_kw=[13.6] * 2, adapter=["connectder-solar-80"] * 2, service_rating_a=[200.0, 60.0])
    assert found.tap_breaker_a.tolist() == [80.0, 80.0]
    assert found.supply.tolist() == [WITHIN, OVER]
    assert found.busbar.tolist() == [NOT_MEANT] * 2
    assert found.as_backfed[0] == OVER
    assert found.said(0) == "the tap carries what no back-fed breaker could"
    assert "source breakers of 80 A on a service of 60 A" in found.said(1)


def test_an_adapters_breaker_is_held_against_125_percent(homes: Population) -> None:
    """32 A is what a breaker of 40 A is for."""
    found = of(homes, pv_kw=[7.68, 7.8], adapter=["connectder-solar-40"] * 2)
    assert found.breaker.tolist() == [WITHIN, OVER]
    assert "40.6 A (125 %) through the adapter's breaker of 40 A" in found.said(1)


def test_a_battery_larger_than_the_panel_allows(homes: Population) -> None:
    """On 100 A a bus of 100 or 125 A takes 16 or 40 A: one battery of 48 A is over either."""
    battery = "powerwall-3"
    current = library.load("der", battery).continuous_a.value
    found = of(homes, battery=[battery, battery], service_rating_a=[100.0, 400.0])
    assert found.battery_a.tolist() == [current] * 2
    assert found.busbar[0] == OVER
    assert "a battery larger than the panel allows" in found.said(0)
    assert np.isnan(found.largest_bus_a[1])  # no panel of 400 A is known
    # A solar tap beside it: 705.11 counts both, 705.12 the battery alone.
    both = of(homes, battery=[battery], pv_kw=[7.0], adapter=["connectder-solar-40"])
    assert both.panel_a[0] == current
    assert both.supply[0] == WITHIN


def test_standard_sizes_and_what_is_not_known(homes: Population) -> None:
    assert breaker_size_a(np.array([0.0, 15.0, 15.1, 40.0, 41.7, 600.0])).tolist() == [0, 15, 20, 40, 45, 600]
    assert buses_a(100.0) == (100.0, 125.0)
    assert np.isnan(buses_a(150.0)[1])
    found = of(homes, pv_kw=[5.0], service_rating_a=[np.nan])
    assert found.busbar[0] == UNJUDGED
    assert len(of(homes)) == 0
    columns = as_columns(of(homes, pv_kw=[5.0]), homes.home)
    assert columns["home"] == ["home-0"]
    assert columns["busbar"].dtype == np.int8


def test_a_run_holds_its_homes_and_its_file_has_a_place_for_it(tmp_path: Path) -> None:
    """Half with a tapped array, half with one and a battery in the panel; every column has its variable."""
    path = tmp_path / "case.toml"
    path.write_text(
        'start = 2026-07-09T12:00:00\nduration = "1 h"\n[weather]\nsource = "constant:25"\n'
        '[demand]\nsource = "feeder"\n'
        '[feeder]\nhomes = 8\n[homes.tap]\nshare = 0.5\nadapter = "connectder-solar-40"\npv_kw = 9.0\n'
        '[homes.panel]\nshare = 0.5\nadapter = "tesla-backup-switch"\npv_kw = 14.0\nbattery = "powerwall-3"\n'
    )
    study = assemble(Scenario.load(path))
    found = study.placement()
    assert len(found) == 8
    tapped = found.tapped_a > 0.0
    assert tapped.sum() == 4
    assert np.array_equal(study.equipment.pv_on_branch[found.home], tapped)
    assert set(found.supply[tapped].tolist()) == {WITHIN}
    assert set(found.busbar[~tapped].tolist()) == {OVER}
    named = set(STUDIES["der_placement"].names()) - {"row"}
    assert named == set(as_columns(found, study.home_names))
