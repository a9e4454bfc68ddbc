"""A small study that has everything: solar, batteries, EVs, an outage, a study, named homes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosim.scenario import Scenario

SMALL = """
title = "small"
start = 2026-07-09T10:00:00
duration = "4 h"
step = "60 s"
seed = 3
[feeder]
homes = 24
[homes.solar]
share = 0.4
adapter = "connectder-solar-60"
pv_kw = { uniform = [4, 9] }
[homes.backup]
share = 0.2
adapter = "tesla-backup-switch"
battery = "powerwall-3"
pv_kw = 7.0
[homes.ev]
share = 0.2
adapter = "connectder-ev"
ev = { share = 1.0, charger_kw = 11.5 }
[[events]]
at = 2026-07-09T11:30:20
kind = "outage"
where = "line:lateral-1"
duration = "25 min"
[[events]]
at = 2026-07-09T13:00:00
kind = "der-disconnect"
where = "group:solar"
duration = "20 min"
[studies]
fault_duty = { at = ["start", "peak"] }
[record]
full = ["home:1", "worst:service_current:2"]
quantize = false
"""


@pytest.fixture(scope="session")
def small_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def small(small_path: Path) -> Scenario:
    return Scenario.load(small_path)
