"""Interruptions of many years against paper: a place's rate times the homes behind what clears its faults."""

from __future__ import annotations

import pytest
from exposure import Exposure

from cosim import library
from cosim.events.physics import Fault
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.reliability.draws import Rates
from cosim.reliability.event_physics import FaultedGrid
from cosim.reliability.history import run_events
from cosim.reliability.indices import MOMENTARY_US, indices

SECOND_FEEDER = {"homes": 600, "density_homes_per_km2": 600.0, "overhead_share": 0.5}


def made(**asked: float) -> tuple[Feeder, FaultedGrid, Rates]:
    feeder = Feeder.generate(**asked)  # type: ignore[arg-type]
    grid = FaultedGrid(feeder, feeder.compile(), protection_of(feeder))
    return feeder, grid, Rates.of(feeder, library.load("reliability", "us-average"))


@pytest.mark.parametrize("homes", [60, 240])
def test_fault_by_fault_as_many_homes_are_out_as_hang_on_what_clears_it(homes: int) -> None:
    """The very faults of some years, each by itself: faults that meet, and repairs that open more, are the rest."""
    feeder, grid, rates = made(homes=homes)
    paper, years = Exposure(feeder, grid), 60
    history = run_events(feeder, grid.protection, rates, years, 11, grid=grid)
    sustained = int((history.end_us - history.start_us > MOMENTARY_US).sum())
    on_paper = 0
    for year in range(years):
        for coming in rates.faults(11, year):
            fault = Fault(
                coming.name, coming.where, coming.fault, coming.conductors, coming.ohm, coming.along
            )
            on_paper += len(paper.out(fault, temporary=coming.dead_us is not None))
    assert sustained > 1000
    assert sustained == pytest.approx(on_paper, rel=0.005)


def test_a_second_feeder_is_out_more_often_as_its_exposure_says() -> None:
    """By rates alone, what docs/reliability.md tells of 8,000 and 1,000 feeder-years, within their 95 % intervals."""
    first, second = (
        Exposure(feeder, grid).saifi(rates) for feeder, grid, rates in (made(), made(**SECOND_FEEDER))
    )
    assert first == pytest.approx(1.021, abs=0.018)
    assert second == pytest.approx(1.476, abs=0.062)
    assert second / first == pytest.approx(1.476 / 1.021, abs=0.066)


@pytest.mark.slow
def test_a_second_feeder_s_years_are_what_its_exposure_says() -> None:
    feeder, grid, rates = made(**SECOND_FEEDER)
    found = indices(run_events(feeder, grid.protection, rates, 200, 5, grid=grid)).saifi
    assert found.half_width < 0.15
    assert found.value == pytest.approx(Exposure(feeder, grid).saifi(rates), abs=found.half_width)
