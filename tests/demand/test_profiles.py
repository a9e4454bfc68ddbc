"""Measured profiles and load shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from street import calendar, street

from cosim.demand.kit import HomeKit
from cosim.demand.profile_files import read_profiles
from cosim.demand.profile_homes import assign_profiles, unclaimed
from cosim.demand.profile_times import Reading
from cosim.demand.profiles import Profile, ProfileDemand
from cosim.demand.weather import Weather
from cosim.errors import ScenarioError
from cosim.randomness import stable_ids

DAY = Profile("day", np.arange(24.0), 3600.0)
NONE = np.zeros(1)


def of(profile: Profile, start: str = "2026-01-05", minutes: float = 1.0, linear: bool = False) -> np.ndarray:
    clock = calendar(start, round(2 * 1440 / minutes), minutes)
    demand = ProfileDemand(
        clock, [profile], np.array([0]), np.array([1.0]), NONE, linear=linear, parallel=False
    )
    return demand.at(0, clock.steps).panel_w[0].sum(axis=0)


def test_steps_hold_their_value_and_the_profile_repeats() -> None:
    power = of(DAY)
    assert np.array_equal(power[:1440], np.repeat(np.arange(24.0), 60))
    assert np.array_equal(power[1440:], power[:1440])


def test_lines_are_exact_between_values() -> None:
    power = of(DAY, linear=True)
    middle = (np.arange(23 * 60) + 0.5) / 60
    assert np.allclose(power[: 23 * 60], middle, rtol=0, atol=1e-12)
    wrapped = 23 + ((np.arange(60) + 0.5) / 60) * (0 - 23)
    assert np.allclose(power[23 * 60 : 24 * 60], wrapped, rtol=0, atol=1e-12)


def test_a_longer_step_takes_the_mean() -> None:
    assert np.allclose(of(DAY, minutes=120)[:12], np.arange(12) * 2 + 0.5)


def test_a_later_start_enters_the_profile_at_its_hour() -> None:
    assert of(DAY, "2026-01-05T06:00")[0] == 6.0
    assert of(DAY, "2026-07-05T06:00")[0] == 5.0  # local-standard time: daylight saving is on


def test_a_year_stands_at_its_time_of_year() -> None:
    year = Profile("year", np.arange(8760.0), 3600.0)
    assert of(year, "2026-02-01T05:00")[0] == 31 * 24 + 5


def test_units_reactive_power_and_constant_homes() -> None:
    clock = calendar("2026-01-05", 60)
    profiles = [
        Profile("pu", np.full(24, 0.5), 3600.0),
        Profile("kw", np.full(24, 3.0), 3600.0, q=np.full(24, 1.0), actual=True),
        Profile("kw, no q", np.full(24, 3.0), 3600.0, actual=True),
    ]
    nominal_w, nominal_var = np.full(4, 4000.0), np.full(4, 2000.0)
    demand = ProfileDemand(
        clock, profiles, np.array([0, 1, 2, -1]), nominal_w, nominal_var, parallel=False, scale=2.0
    )
    block = demand.at(0, 60)
    assert np.allclose(block.panel_w.sum(axis=1)[:, 0], [4000, 6000, 6000, 8000])
    assert np.allclose(block.panel_var.sum(axis=1)[:, 0], [2000, 2000, 3000, 4000])
    assert np.array_equal(block.panel_w[:, 0], block.panel_w[:, 1])
    assert np.all(block.panel_w[:, 2] == 0.0)
    assert block.ev_w is None


def test_cut_threads_and_kit() -> None:
    clock, traits = calendar(steps=1440), street(6)
    kit = HomeKit(Weather("tmy3:greensboro", clock), traits, parallel=False)
    rng = np.random.default_rng(3)
    profiles = [Profile(f"p{i}", rng.uniform(0, 5, 96 + i), 900.0, actual=True) for i in range(3)]
    which = np.arange(6) % 3
    args = (clock, profiles, which, np.zeros(6), np.zeros(6))
    serial = ProfileDemand(*args, linear=True, kit=kit, parallel=False)
    whole, part = serial.at(0, 1440), serial.at(611, 333)
    assert np.array_equal(whole.panel_w[..., 611:944], part.panel_w)
    assert np.array_equal(whole.pv_w[:, 611:944], part.pv_w)
    assert whole.pv_w.max() > 0.0
    threads = ProfileDemand(*args, linear=True, kit=kit, parallel=True).at(0, 1440)
    assert np.array_equal(whole.panel_w, threads.panel_w)


def test_homes_find_their_own_column_or_draw_one() -> None:
    profiles = [Profile(name, np.ones(2), 60.0) for name in ("a", "b", "home-2")]
    names = [f"home-{i}" for i in range(1, 200)]
    which = assign_profiles(profiles, names, stable_ids(names), 1)
    assert which[1] == 2
    assert set(which) == {0, 1, 2}


def test_csv_of_minutes_and_of_dates(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("minutes,a,b\n0,1,2\n15,3,4\n30,5,6\n")
    a, b = read_profiles(path)
    assert (a.name, a.interval_s, a.actual, a.stamp_s) == ("a", 900.0, True, 0.0)
    assert b.p.tolist() == [2.0, 4.0, 6.0]
    path.write_text("time,a\n2026-07-14T18:00,1\n2026-07-14T19:00,3\n")
    (only,) = read_profiles(path, Reading(unit="pu"))
    assert (only.interval_s, only.actual, only.stamp_s) == (3600.0, False, 18 * 3600.0)


def test_everything_wrong_in_a_csv_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("minutes,a,b\n0,1,2\n15,x,4\n45,5,\n60,,1\n")
    with pytest.raises(ScenarioError) as caught:
        read_profiles(path)
    said = [str(problem) for problem in caught.value.problems]
    assert any(f"{path}:3: a: should be a number, and 1 more rows (got 'x')" == text for text in said)
    assert any(text.startswith(f"{path}:4: b: should be a number") for text in said)
    assert any(text.startswith(f"{path}:4: minutes: times should rise by 15 min") for text in said)
    path.write_text("time,a\nyesterday,1\ntoday,2\n")
    with pytest.raises(ScenarioError, match="2026-07-14T18:00"):
        read_profiles(path)
    path.write_text("time\n1\n")
    with pytest.raises(ScenarioError, match="at least one profile"):
        read_profiles(path)
    with pytest.raises(ScenarioError, match="no such profile file"):
        read_profiles(tmp_path / "none.csv")


def test_profiles_that_cannot_be_used_are_named() -> None:
    bad = [Profile("gap", np.array([1.0, np.nan]), 60.0), Profile("still", np.ones(2), 0.0)]
    with pytest.raises(ScenarioError) as caught:
        ProfileDemand(calendar(), bad, np.array([0]), NONE, NONE)
    assert "shape.gap" in str(caught.value)
    assert "shape.still" in str(caught.value)


def test_dates_are_kept_and_minutes_start_with_the_wall_clocks_date(tmp_path: Path) -> None:
    """Three days of 1, 2, 3: a run from the second dated day plays 2; under daylight saving no day is lost."""
    days = "".join(f"2026-07-{12 + d}T{h:02d}:00,{d + 1}\n" for d in range(3) for h in range(24))
    (tmp_path / "dated.csv").write_text("time,a\n" + days)
    minutes = "".join(f"{60 * k},{k // 24 + 1}\n" for k in range(72))
    (tmp_path / "minutes.csv").write_text("minute,a\n" + minutes)
    clock = calendar("2026-07-13", 48, 60)

    def played(name: str) -> list[float]:
        demand = ProfileDemand(
            clock, read_profiles(tmp_path / name), np.zeros(1, np.int64), np.ones(1), np.zeros(1)
        )
        return (demand.at(0, 48).panel_w.sum(axis=1)[0] / 1e3).round(9).tolist()

    # Wall midnight is 23:00 standard time of the day before: one hour of it, then a whole day.
    assert played("dated.csv") == [1.0] + [2.0] * 24 + [3.0] * 23
    assert played("minutes.csv") == [3.0] + [1.0] * 24 + [2.0] * 23


def test_columns_of_another_feeder_doubled_ones_and_watts_are_told(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("minute,home-1,pool,home-1\n0,1,2,\n15,1,4500,3\n")
    with pytest.raises(ScenarioError) as error:
        read_profiles(file)
    told = str(error.value)
    assert "pool: should be kW of one home, at most 1000" in told
    assert "home-1: stands in two columns" in told
    assert "should be a number (got an empty cell)" in told
    homes, ids = ["home-1", "home-2"], stable_ids(["home-1", "home-2"])
    strange = [Profile(name, np.ones(2), 60.0) for name in ("home-01", "home-02")]
    with pytest.raises(ScenarioError, match="nearest to 'home-01' is 'home-1'"):
        assign_profiles(strange, homes, ids, 1)
    shared = [Profile("evening", np.ones(2), 60.0), Profile("home-1", np.ones(2), 60.0)]
    assert assign_profiles(shared, homes, ids, 1)[0] == 1
    assert [profile.name for profile in unclaimed(shared, homes)] == ["evening"]


def test_times_that_go_back_are_said_to(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("minute,a\n30,1\n15,1\n0,1\n")
    with pytest.raises(ScenarioError, match="does not come after the one above it"):
        read_profiles(file)
