"""Files of measured demand: layouts, units, clocks, and all that may be wrong with them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from street import calendar

from cosim.demand.profile_files import read_profiles, read_total
from cosim.demand.profile_homes import assign_profiles, require_cover
from cosim.demand.profile_times import Reading
from cosim.demand.profiles import Profile
from cosim.errors import ScenarioError
from cosim.randomness import stable_ids

EASTERN_S = -5 * 3600.0


def problems(path: Path, reading: Reading = Reading()) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read_profiles(path, reading)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_wide_long_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    stamps = pd.date_range("2026-07-14", periods=8, freq="15min")
    wide = pd.DataFrame({"time": stamps, "a": np.arange(8) / 8, "b": np.arange(8) / 4})
    long = wide.melt("time", var_name="Meter", value_name="kWh").sample(frac=1.0, random_state=1)
    long = long.sort_values("time", kind="stable")  # homes in any order, times of each in theirs
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.set_index("time").to_parquet(tmp_path / "wide.parquet")
    long.to_csv(tmp_path / "long.csv", index=False)
    long.to_parquet(tmp_path / "long.pq", index=False)
    columns = ("meter", "time", "kwh")
    for name in ("wide.csv", "wide.parquet", "long.csv", "long.pq"):
        layout = "long" if "long" in name else "wide"
        found = read_profiles(tmp_path / name, Reading(layout, columns, "kWh"))
        by_name = {profile.name: profile for profile in found}
        assert set(by_name) == {"a", "b"}
        assert np.array_equal(by_name["a"].p, np.arange(8) / 2)  # kWh a quarter of an hour
        assert by_name["b"].first == datetime(2026, 7, 14)
        assert by_name["b"].interval_s == 900.0
        assert by_name["b"].actual


def test_a_stamp_at_the_end_means_the_interval_before(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("time,a\n2026-07-14T00:15,1\n2026-07-14T00:30,2\n")
    (found,) = read_profiles(path, Reading(stamp="end"))
    assert found.first == datetime(2026, 7, 14)


@pytest.mark.parametrize(
    ("first", "second", "reading"),
    [
        ("2026-07-14T00:00:00-04:00", "2026-07-14T01:00:00-04:00", Reading(standard_offset_s=EASTERN_S)),
        ("2026-07-14T04:00:00Z", "2026-07-14T05:00:00Z", Reading(standard_offset_s=EASTERN_S)),
        (
            "2026-07-14 00:00",
            "2026-07-14 01:00",
            Reading(zone="America/New_York", standard_offset_s=EASTERN_S),
        ),
        ("2026-07-14 04:00", "2026-07-14 05:00", Reading(zone="UTC", standard_offset_s=EASTERN_S)),
        ("2026-07-13 23:00", "2026-07-14 00:00", Reading()),
    ],
)
def test_one_instant_by_any_clock(first: str, second: str, reading: Reading, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"time,a\n{first},1\n{second},2\n")
    (found,) = read_profiles(path, reading)
    assert found.first == datetime(2026, 7, 13, 23)
    assert found.interval_s == 3600.0


def test_wall_clocks_go_through_both_changes(tmp_path: Path) -> None:
    """A zone makes a skipped and a doubled hour even; without one both are told as what they are."""
    path = tmp_path / "p.csv"
    for date, hours in (("2026-03-08", [0, 1, 3, 4, 5]), ("2026-11-01", [0, 1, 1, 2, 3])):
        path.write_text("time,a\n" + "".join(f"{date}T{h:02d}:00,1\n" for h in hours))
        zoned = Reading(zone="America/New_York", standard_offset_s=EASTERN_S)
        (found,) = read_profiles(path, zoned)
        assert found.interval_s == 3600.0
        (told,) = problems(path)
        assert told.startswith("4: time: ")
        assert "demand.measured.timezone" in told
    path.write_text("time,a\n2026-03-08T01:00,1\n2026-03-08T02:00,1\n2026-03-08T03:00,1\n")
    (told,) = problems(path, zoned)
    assert told.startswith("3: time: is skipped by daylight saving in America/New_York")


def test_everything_wrong_is_told_with_row_and_value(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = ["00:00,1,-1", "00:15,x,1", "00:15,1,1", "00:30,1,4000", "01:15,1,1", "01:00,1,-2", "01:15,1,1"]
    path.write_text("time,a,b\n" + "".join(f"2026-07-14T{row}\n" for row in rows))
    assert problems(path) == [
        "4: time: the time stands twice in a row; each should stand once (got 2026-07-14T00:15)",
        "7: time: times should rise from row to row; this one does not come after the one above it "
        "(got 2026-07-14T01:00)",
        "6: time: times should rise by 15 min; this one by 45 min: 2 values are missing (got 2026-07-14T01:15)",
        "3: a: should be a number (got 'x')",
        "2: b: should not be negative; 2 rows are. A meter that counts solar power backwards wants "
        "demand.measured.negative = true (got -1)",
        "5: b: should be kW of one home, at most 1000 kW; 1 rows are above it (are they watts?) (got 4000)",
    ]
    assert len(problems(path, Reading(negative=True))) == 5


def test_long_files_tell_the_home_and_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "home,time,value\na,2026-07-14T00:00,1\nb,2026-07-14T00:00,1\na,2026-07-14T01:00,1\n"
        "b,2026-07-14T01:00,\na,2026-07-14T03:00,1\nc,2026-07-14T00:00,1\n"
    )
    told = problems(path, Reading("long"))
    assert told[0].startswith("6: a: times should rise by")
    assert told[1] == "5: b: should be a number (got an empty cell)"
    assert told[2] == "7: c: should have two rows at least"
    (told,) = problems(path, Reading("long", ("home", "time", "kwh")))
    assert "kwh: no such column, the file has home, time, value" in told


def test_mixed_offsets_and_a_second_column_of_a_head(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("time,a,b\n2026-07-14T00:00-04:00,1,1\n2026-07-14T01:00,1,1\n")
    (told,) = problems(path)
    assert told.startswith("3: time: should have an offset from UTC")
    path.write_text("time,a,b\n0,1,1\n60,1,1\n")
    with pytest.raises(ScenarioError, match="two columns"):
        read_total(path)
    path.write_text("time,kW\n0,5000\n60,6000\n")
    assert read_total(path).p.tolist() == [5000.0, 6000.0]


def test_series_shorter_than_the_run_are_told_from_when_to_when() -> None:
    clock = calendar("2026-07-14", 48, 60)
    hours = np.ones(24)
    whole = Profile("whole", np.ones(50), 3600.0, first=datetime(2026, 7, 13, 22))
    assert whole.holds(clock)
    fine = [
        whole,
        Profile("day", hours, 3600.0),
        Profile("year", np.ones(8760), 3600.0, first=datetime(2019, 1, 1)),
    ]
    require_cover(fine, clock, "p.csv")
    short = [Profile("a", hours, 3600.0, first=datetime(2026, 7, 14)), Profile("b", np.ones(30), 3600.0)]
    with pytest.raises(ScenarioError) as caught:
        require_cover([*fine, *short], clock, "p.csv")
    first, second = caught.value.problems
    assert (first.key, first.value) == ("a", "2026-07-14 00:00:00 to 2026-07-15 00:00:00")
    assert "2026-07-13 23:00:00 to 2026-07-15 23:00:00 by local standard time" in first.message
    assert (second.key, second.value) == ("b", "30 h")


def test_each_home_its_own_series_or_none_is_used() -> None:
    homes = ["home-1", "home-2", "shop"]
    ids = stable_ids(homes)
    series = [Profile(name, np.ones(2), 60.0) for name in ("home-1", "home-3")]
    with pytest.raises(ScenarioError) as caught:
        assign_profiles(series, homes, ids, 1, by="name", customers=["shop"])
    told = [str(problem) for problem in caught.value.problems]
    assert told[0].startswith("home-3: the feeder has no home of this name; did you mean 'home-")
    assert told[1].startswith("home-2: no series bears its name")
    assert len(told) == 2
    assert set(assign_profiles(series, homes, ids, 1, by="draw")) <= {0, 1}
    named = [*series[:1], Profile("home-2", np.ones(2), 60.0), Profile("shop", np.ones(2), 60.0)]
    assert assign_profiles(named, homes, ids, 1, by="name").tolist() == [0, 1, 2]
