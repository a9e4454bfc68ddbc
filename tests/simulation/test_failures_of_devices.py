"""Transfer devices that fail as a scenario's group says, and what the grid and the home see of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.scenario import Scenario
from cosim.simulation.run import run

HOMES = 24
CASE: dict[str, Any] = {
    "start": "2026-07-09T10:00:00",
    "duration": "20 min",
    "step": "60 s",
    "seed": 3,
    "feeder": {"homes": HOMES},
    "events": (
        {"at": "2026-07-09T10:05:00", "kind": "outage", "where": "line:breaker-1", "duration": "15 min"},
    ),
}
BACKUP = {"share": 1.0, "adapter": "tesla-backup-switch", "battery": "powerwall-3"}
COLLAR = {"share": 1.0, "adapter": "generlink-30", "generator": "portable-generator-6.25"}


def acts(folder: Path, group: dict[str, Any], **failures: float) -> pd.Series:
    """Homes that did each kind of act during the run."""
    homes = {"kit": group | ({"failures": failures} if failures else {})}
    with run(Scenario.model_validate(CASE | {"homes": homes}), folder / "x.h5", threads=1) as results:
        events = results.events
    count = events["detail"].str.extract(r"^(\d+) homes?[;:]")[0].astype(float).fillna(1.0)
    return count.groupby(events["kind"]).sum()


def test_a_rate_of_nothing_is_the_device_that_never_fails(tmp_path: Path) -> None:
    found = acts(tmp_path, BACKUP, service_welds=0.0, sensor_wrong=0.0)
    assert found["open_service"] == HOMES
    assert found["connect_source"] >= HOMES
    assert "service_welded" not in found


def test_a_welded_pole_keeps_an_interlocked_source_off(tmp_path: Path) -> None:
    found = acts(tmp_path, BACKUP, service_welds=1.0)
    assert found["service_welded"] == HOMES
    assert found["source_barred"] == HOMES
    assert "connect_source" not in found
    assert "backfeed_begins" not in found


def test_a_welded_pole_and_a_defeated_interlock_feed_the_street(tmp_path: Path) -> None:
    """Two failures at once are what it takes; either alone energises nobody."""
    both = acts(tmp_path, COLLAR, service_welds=1.0, interlock_defeated=1.0)
    assert both["service_welded"] >= 1
    assert both["backfeed_begins"] >= 1
    for alone in ("service_welds", "interlock_defeated"):
        assert "backfeed_begins" not in acts(tmp_path, COLLAR, **{alone: 1.0})


def test_a_wrong_sensor_leaves_its_share_of_homes_in_the_dark(tmp_path: Path) -> None:
    assert "open_service" not in acts(tmp_path, BACKUP, sensor_wrong=1.0)
    half = acts(tmp_path, BACKUP, sensor_wrong=0.5)["open_service"]
    assert half == pytest.approx(HOMES / 2, abs=4 * (HOMES / 4) ** 0.5)
    assert (
        acts(tmp_path, BACKUP, sensor_wrong=0.25)["open_service"] >= half
    )  # a smaller share lies in a larger
