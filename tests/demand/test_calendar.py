"""The three readings of one instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cosim.demand.calendar import Calendar
from cosim.errors import ScenarioError

ZONES = ("America/New_York", "America/Phoenix", "Australia/Lord_Howe", "UTC", "Asia/Kolkata")


@pytest.mark.parametrize("zone", ZONES)
def test_wall_clock_agrees_with_the_zone_all_year(zone: str) -> None:
    clock = Calendar(datetime(2026, 1, 1), zone, 3_600_000_000, 8760)
    block = clock.block(0, 8760)
    for step in range(0, 8760, 7):
        wall = (
            clock.start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(hours=step)
        ).astimezone(ZoneInfo(zone))
        assert block.wall_minute[step] == wall.hour * 60 + wall.minute
        assert block.weekday[step] == wall.weekday()


def test_standard_days_never_have_23_or_25_hours() -> None:
    clock = Calendar(datetime(2026, 3, 7), "America/New_York", 3_600_000_000, 72)
    block = clock.block(0, 72)
    assert np.bincount(block.day - block.day[0]).tolist() == [24, 24, 24]
    assert 2 * 60 not in block.wall_minute[24:48]  # 2:00 was skipped on March 8
    assert clock.day_shift_minutes(np.unique(block.day)).tolist() == [0.0, 60.0, 60.0]


def test_autumn_repeats_an_hour_of_the_wall_clock() -> None:
    clock = Calendar(datetime(2026, 11, 1), "America/New_York", 3_600_000_000, 25)
    block = clock.block(0, 25)
    assert block.wall_minute[:4].tolist() == [0.0, 60.0, 60.0, 120.0]
    assert block.day[0] == block.day[1] - 1  # the day began at 1:00 daylight time


def test_blocks_are_windows_of_one_run() -> None:
    clock = Calendar(datetime(2026, 3, 8), "America/New_York", 37_000_000, 4000)
    whole, part = clock.block(0, 4000), clock.block(1234, 99)
    assert np.array_equal(whole.standard_minute[1234:1333], part.standard_minute)
    assert np.array_equal(whole.wall_minute[1234:1333], part.wall_minute)
    assert np.array_equal(clock.edges_minute(1234, 99)[:-1], part.standard_minute)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        Calendar(datetime(2026, 1, 1), "America/New_Yorck", 0, 0)
    text = str(caught.value)
    assert "America/New_York" in text
    assert len(caught.value.problems) == 3


def test_a_start_that_daylight_saving_skips_is_refused() -> None:
    with pytest.raises(ScenarioError, match="skipped by daylight saving; use 2026-03-08 03:30"):
        Calendar(datetime(2026, 3, 8, 2, 30), "America/New_York", 60_000_000, 10)
