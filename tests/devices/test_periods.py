"""Hours by price: windows, tariffs, daylight saving."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.demand.calendar import Calendar
from cosim.devices.periods import Clock, Periods
from cosim.errors import LibraryError

HOUR_US = 3_600_000_000


def test_a_window_may_go_over_midnight() -> None:
    night = Periods.window(92, 24)
    assert night.least_hours() == 7.0
    assert night.rank[0, 0, 92:].tolist() == [0] * 4
    assert night.rank[5, 1, :24].tolist() == [0] * 24
    assert Periods.window(40, 40).least_hours() == 24.0
    assert Periods.always().levels == 1


def test_a_tariff_knows_months_and_weekends() -> None:
    tariff = Periods.of_tariff(library.load("tariffs", "georgia-overnight"))
    calendar = Calendar(datetime(2026, 7, 10), "America/New_York", HOUR_US, 96)  # a Friday
    rank, top = tariff.at(calendar, np.arange(96, dtype=np.int64) * HOUR_US)
    friday, saturday = rank[:24], rank[24:48]
    assert friday.tolist() == [0] * 7 + [1] * 7 + [2] * 5 + [1] * 4 + [0]
    assert saturday.tolist() == [0] * 7 + [1] * 16 + [0]
    assert top[[0, 30]].tolist() == [2, 1]
    winter = Periods.of_tariff(library.load("tariffs", "sce-tou-d-4-9")).rank[0, 0]
    assert winter[[12, 40, 68]].tolist() == [1, 0, 2]


@pytest.mark.parametrize("start", [datetime(2026, 3, 7), datetime(2026, 10, 31)])
def test_timelines_follow_the_wall_clock_through_daylight_saving(start: datetime) -> None:
    calendar = Calendar(start, "America/New_York", HOUR_US, 72)
    night = Periods.window(92, 24)
    first_day = int((calendar.start_utc_us + calendar.standard_offset_us) // (24 * HOUR_US)) - 1
    lines = Clock(calendar, [night]).over(first_day, 5)
    times = np.arange(72, dtype=np.int64) * HOUR_US
    slots = (calendar.start_utc_us + calendar.standard_offset_us + times) // (HOUR_US // 4) - lines.first_slot
    assert np.array_equal(lines.rank[0, slots], night.at(calendar, times)[0])
    cheap = lines.until[0, 0]
    assert np.diff(cheap).sum() == 15.0 * (lines.rank[0] == 0).sum()


def test_every_shipped_tariff_covers_the_year_once_and_a_gap_is_told(tmp_path: Path) -> None:
    for name in library.names("tariffs"):
        assert len(library.load("tariffs", name).cells()) == 12 * 2 * 96
    text = Path(library.entry_path("tariffs", "pge-ev2-a")).read_text(encoding="utf-8")
    file = tmp_path / "gap.toml"
    for old, new, said in (
        ('["16:00", "21:00"]', '["16:00", "20:00"]', "20:00 on weekdays of month 1 belongs to no period"),
        (
            '["16:00", "21:00"]',
            '["14:00", "21:00"]',
            "14:00 on weekdays of month 1 belongs to several periods",
        ),
        ('["16:00", "21:00"]', '["16:05", "21:00"]', "quarter of an hour"),
    ):
        file.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(LibraryError, match=said):
            library.load("tariffs", file)
