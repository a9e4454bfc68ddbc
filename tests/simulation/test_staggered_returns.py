"""Islands that go back to the grid one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.scenario import Scenario
from cosim.simulation.run import run

CASE: dict[str, Any] = {
    "start": "2026-07-09T10:00:00",
    "duration": "40 min",
    "step": "60 s",
    "seed": 3,
    "feeder": {"homes": 24},
    "homes": {"backup": {"share": 1.0, "adapter": "tesla-backup-switch", "battery": "powerwall-3"}},
    "events": (
        {"at": "2026-07-09T10:05:00", "kind": "outage", "where": "line:breaker-1", "duration": "15 min"},
    ),
}
BACK = pd.Timestamp("2026-07-09T10:20:00")


def returns_s(folder: Path, asked: dict[str, Any], **options: Any) -> pd.Series:
    """Seconds from the feeder's return to each home's own, one row a home."""
    with run(Scenario.model_validate(asked), folder / "x.h5", **options) as results:
        events = results.events
    closed = events[events["kind"] == "close_service"]
    homes = closed["detail"].str.extract(r"(?:(\d+) homes?)")[0].astype(int)
    times = (closed["time"] - BACK).dt.total_seconds()
    return times.repeat(homes).reset_index(drop=True)


def test_all_at_once_unless_asked(tmp_path: Path) -> None:
    together = returns_s(tmp_path, CASE)
    assert len(together) == 24
    assert together.nunique() == 1
    assert together.iloc[0] == pytest.approx(302.0, abs=1.0)  # the delay, then two seconds to be in step


def test_each_in_its_own_time_if_asked(tmp_path: Path) -> None:
    backup = CASE["homes"]["backup"] | {"return_stagger": "5 min"}
    asked = CASE | {"homes": {"backup": backup}}
    apart = returns_s(tmp_path, asked)
    assert len(apart) == 24
    assert apart.nunique() == 24
    assert apart.min() > 301.0
    assert apart.max() < 603.0
    assert apart.mean() == pytest.approx(452.0, abs=5 * 300 / 12**0.5 / 24**0.5)
    assert (returns_s(tmp_path, asked, block_steps=7) == apart).all()
