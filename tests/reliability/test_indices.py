"""Indices of IEEE 1366: laws, and a history small enough for paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.reliability.history import History
from cosim.reliability.indices import (
    DAY_US,
    indices,
    major_event_days,
    momentary_events,
    sustained,
)

MINUTE = 60_000_000


def history(homes: int, years: int, *interruptions: tuple[int, int, float, float]) -> History:
    """Interruptions as (home, year, minute, minutes)."""
    home, year, start, lasts = (np.array(column) for column in zip(*interruptions, strict=True))
    start_us = np.round(start * MINUTE).astype(np.int64)
    end_us = start_us + np.round(lasts * MINUTE).astype(np.int64)
    return History(homes, np.arange(years), home, year, start_us, end_us, np.zeros(years, dtype=np.int64))


def test_on_paper() -> None:
    """Ten homes, two years: 3 out for 60 min, one of them again for 30; 4 momentary ones in 3 events."""
    told = history(
        10, 2,
        (0, 0, 100.0, 60.0), (1, 0, 100.0, 60.0), (2, 0, 100.0, 60.0), (0, 1, 5.0, 30.0),
        (5, 0, 10.0, 0.5), (5, 0, 12.0, 1.0), (6, 0, 10.0, 5.0), (7, 1, 3.0, 0.1),
    )  # fmt: skip
    found = indices(told)
    assert found.saifi.value == pytest.approx(4 / 10 / 2)
    assert found.saidi_min.value == pytest.approx(210 / 10 / 2)
    assert found.caidi_min.value == pytest.approx(210 / 4)
    assert found.maifi.value == pytest.approx(4 / 10 / 2)
    assert found.maifi_e.value == pytest.approx(3 / 10 / 2)
    assert found.asai.value == pytest.approx(1 - 210 / 10 / 2 / 60 / 8760)
    assert found.cemi == pytest.approx((4 / 20,))
    assert found.interruptions == 4
    assert found.saifi.half_width == pytest.approx(
        1.95996 * np.std([0.3, 0.1], ddof=1) / math.sqrt(2), rel=1e-5
    )


def test_cemi_n_counts_homes_with_n_or_more() -> None:
    """IEEE 1366-2012: of four homes one has three, one has two, one has one, one has none."""
    hours = [(0, 0.0), (0, 100.0), (0, 200.0), (1, 0.0), (1, 100.0), (2, 0.0)]
    told = history(4, 1, *((home, 0, start, 60.0) for home, start in hours), (3, 0, 0.0, 1.0))
    assert indices(told).cemi == (0.75, 0.5, 0.25)


def test_five_minutes_are_momentary_and_a_moment_more_is_not() -> None:
    told = history(1, 1, (0, 0, 0.0, 5.0), (0, 0, 100.0, 5.0 + 1e-6))
    assert sustained(told).tolist() == [False, True]


def test_momentary_ones_that_end_in_a_sustained_one_are_part_of_it() -> None:
    shots = history(1, 1, (0, 0, 0.0, 0.01), (0, 0, 0.02, 0.2), (0, 0, 0.5, 90.0), (0, 0, 300.0, 1.0))
    assert momentary_events(shots).tolist() == [False, False, False, True]


def test_major_event_days_are_those_beyond_two_and_a_half_betas() -> None:
    ordinary = [(0, 0, 1440.0 * day, 10.0 + day % 7) for day in range(60)]
    storm = [(home, 0, 1440.0 * 80, 2000.0) for home in range(20)]
    told = history(20, 1, *ordinary, *storm)
    major, threshold = major_event_days(told)
    logs = np.log([*(lasts / 20 for *_, lasts in ordinary), 2000.0])
    assert threshold == pytest.approx(math.exp(logs.mean() + 2.5 * logs.std(ddof=1)))
    assert major.sum() == 20
    assert indices(told, without_major_event_days=True).saifi.value == pytest.approx(60 / 20)
    assert indices(told, without_major_event_days=True).major_event_days == 1


OUTAGES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.floats(0, 5e5), st.floats(0.01, 1e4)),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(OUTAGES)
def test_laws(outages: list[tuple[int, int, float, float]]) -> None:
    told = history(5, 3, *outages)
    found = indices(told)
    long = sustained(told)
    minutes = (told.end_us - told.start_us)[long].sum() / MINUTE
    assert found.saidi_min.value * 5 * 3 == pytest.approx(minutes)
    if long.any():
        assert found.saidi_min.value == pytest.approx(found.saifi.value * found.caidi_min.value)
    else:
        assert math.isnan(found.caidi_min.value)
    assert found.maifi_e.value <= found.maifi.value
    assert list(found.cemi) == sorted(found.cemi, reverse=True)
    assert (found.saifi.value + found.maifi.value) * 15 == pytest.approx(len(outages))
    for day in major_event_days(told)[0].nonzero()[0]:
        assert told.start_us[day] // DAY_US >= 0


def test_nothing_happened() -> None:
    quiet = indices(History(4, np.arange(3), faults=np.zeros(3, dtype=np.int64)))
    assert quiet.saifi.value == 0.0
    assert quiet.asai.value == 1.0
    assert quiet.cemi == ()
    assert math.isnan(quiet.caidi_min.value)
