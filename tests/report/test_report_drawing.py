"""Figures as read, ticks, and lines: what stands on an axis must be true."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.report.charts import Limit, Mark, Series, line_chart, thin, tick_texts, ticks
from cosim.report.formatting import aligned, fixed, moment, number, script_json, span
from cosim.report.time_axis import DAY, HOUR, time_ticks

START = np.datetime64("2026-07-09T00:00:00", "us")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (5.0, "5"), (45.23, "45.2"), (-3.456, "−3.46"), (999.6, "1,000"),
        (6941.3, "6,941"), (1234567.0, "1,234,567"), (0.0123, "0.0123"), (6.1e-5, "6.1 × 10⁻⁵"),
        (float("nan"), "–"), (float("inf"), "–"),
    ],
)  # fmt: skip
def test_a_number_has_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-3, 1e9))
def test_a_number_is_read_back_within_half_a_digit(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.01e-3)


def test_a_column_shares_its_decimals() -> None:
    assert aligned([9.96, 15.801, float("nan"), -0.01]) == ["10.0", "15.8", "–", "0.0"]
    assert aligned([8.0, 7.0]) == ["8", "7"]  # counts
    assert aligned([]) == []
    assert aligned([float("nan")]) == ["–"]
    assert fixed(-0.001, 2) == "0.00"


def test_durations_and_moments() -> None:
    assert [span(s) for s in (60, 172800, 5400, 0.5, 5460)] == ["1 min", "2 d", "90 min", "0.5 s", "91 min"]
    assert span(3601.5) == "1 h"
    assert moment("2026-07-09T18:05:30") == "9 Jul 18:05"
    assert moment(np.datetime64("2026-07-09T18:05:30"), seconds=True) == "9 Jul 18:05:30"
    assert moment("") == moment(np.datetime64("NaT")) == ""


def test_json_cannot_end_its_script_element() -> None:
    assert "<" not in script_json(["</script>", "<!--"])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_inside_and_told_apart(low: float, extent: float) -> None:
    found = ticks(low, low + extent)
    slack = 1e-6 * (extent + abs(low))
    assert 2 <= len(found) <= 11
    assert all(low - slack <= t <= low + extent + slack for t in found)
    texts = tick_texts(found)
    if extent > 1e-5 * abs(low):
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("start", "seconds", "labels", "dates"),
    [
        ("2026-07-09T00:00", 2 * DAY, "00:00 06:00 12:00 18:00 00:00 06:00 12:00 18:00 00:00",
         ["9 Jul", "10 Jul", "11 Jul"]),
        ("2026-07-09T16:20", HOUR, "16:20 16:30 16:40 16:50 17:00 17:10 17:20", ["9 Jul"]),
        ("2026-12-30T12:00", 5 * DAY, "31 Dec|1 Jan|2 Jan|3 Jan|4 Jan", ["2026", "2027"]),
        ("2026-07-09T10:00:00", 20.0, "10:00:00 10:00:05 10:00:10 10:00:15 10:00:20", ["9 Jul"]),
        ("2026-01-01T00:00", 364 * DAY, "Jan Mar May Jul Sep Nov", ["2026"]),
    ],
)  # fmt: skip
def test_time_ticks_stand_at_round_local_times(
    start: str, seconds: float, labels: str, dates: list[str]
) -> None:
    found = time_ticks(np.datetime64(start, "us"), 0.0, seconds)
    assert [t.label for t in found] == labels.split("|" if "|" in labels else " ")
    assert [t.date for t in found if t.date] == dates
    assert all(0.0 <= t.at_s <= seconds for t in found)


@given(st.integers(0, 10**9), st.floats(1.0, 40 * 365 * DAY))
def test_time_ticks_of_any_run_fit(offset_s: int, seconds: float) -> None:
    start = START + np.timedelta64(offset_s, "s")
    found = time_ticks(start, 0.0, seconds)
    assert len(found) <= 9
    assert len({t.at_s for t in found}) == len(found)
    assert all(-1e-3 <= t.at_s <= seconds + 1e-3 for t in found)


@given(st.integers(0, 2**32 - 1))
def test_thinning_keeps_every_peak_and_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.arange(5000.0)
    y = rng.normal(size=5000)
    y[rng.integers(5000)] = 99.0
    y[rng.integers(5000)] = -99.0
    gap = int(rng.integers(1, 4999))
    y[gap] = np.nan
    thin_x, thin_y = thin(x, y, 50)
    assert len(thin_x) <= 5 * 50
    assert np.nanmax(thin_y) == np.nanmax(y)
    assert np.nanmin(thin_y) == np.nanmin(y)
    assert np.isnan(thin_y).any()
    assert np.all(np.diff(thin_x) > 0)
    assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])


def chart(values: list[float], **more: object) -> str:
    series = [Series("a<b", np.arange(len(values)) * 60.0, np.array(values))]
    return line_chart(series, title="T & t", unit="K", start=START, **more)  # type: ignore[arg-type]


def test_a_chart_escapes_breaks_at_gaps_and_marks_events() -> None:
    svg = chart([1.0, 2.0, np.nan, 3.0, 4.0], marks=[Mark(60.0, "<outage>"), Mark(9e9, "later")])
    assert "T &amp; t" in svg
    assert "a&lt;b" in svg
    assert "&lt;outage&gt;" in svg
    assert "later" not in svg
    path = re.search(r'class="series"[^>]* d="([^"]*)"', svg)
    assert path is not None
    assert path[1].count("M") == 2
    assert "nan" not in svg


def test_a_limit_is_drawn_near_the_data_and_named_when_far() -> None:
    assert 'class="limit"' in chart([40.0, 60.0], limit=Limit(65.0, "limit"))
    far = chart([1.0, 2.0], limit=Limit(65.0, "limit"))
    assert 'class="limit"' not in far
    assert "limit: 65, off the scale" in far


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 0.0], [-1e-9, 1e-9]])
def test_a_flat_or_single_value_can_be_drawn(values: list[float]) -> None:
    assert "nan" not in chart(values)


def test_no_data_is_said() -> None:
    assert "No data." in chart([np.nan, np.nan])
    assert "No data." in line_chart([], title="T", unit="K", start=START)
