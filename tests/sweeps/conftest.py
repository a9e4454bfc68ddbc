"""A scenario small enough to run many times."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = """
title = "tiny"
start = 2026-07-09T12:00:00
duration = "20 min"
step = "60 s"
[feeder]
homes = 6
[weather]
source = "constant:30"
[homes.solar]
share = 0.5
adapter = "connectder-solar-60"
pv_kw = 6.0
"""


@pytest.fixture(scope="session")
def scenario_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path
