"""Days whose taps are not the engine's at every step: each difference has its reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from control_differences import MINUTES, compare, day_of


@pytest.mark.parametrize(
    ("name", "jump", "minutes", "most"),
    [
        pytest.param("ieee34/ieee34Mod1", 0.0, MINUTES, 1),
        pytest.param("ieee34/ieee34Mod1", 0.5, MINUTES, 130, marks=pytest.mark.slow),
        pytest.param("ieee34/ieee34Mod2", 0.5, MINUTES, 130, marks=pytest.mark.slow),
        # Its whole day takes many minutes: `python tests/simulation/control_differences.py MASTER.dss`.
        pytest.param("ieee8500/Master", 0.5, 360, 150, marks=pytest.mark.slow),
    ],
)
def test_every_step_that_differs_is_explained(
    shared: Path,
    name: str,
    jump: float,
    minutes: int,
    most: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine's own queue rules on our power flow give the engine's day; ours differs by what it leaves queued."""
    master = shared / "feeders" / "dss" / f"{name}.dss"
    moved, missed, found = compare(day_of(master, tmp_path, monkeypatch, jump, minutes), master, minutes)
    why = Counter(difference.why for difference in found)
    assert moved > 100
    assert missed == 0
    assert why["unexplained"] == 0, [str(d) for d in found if d.why == "unexplained"][:20]
    assert found or "8500" in name
    assert len({d.step for d in found}) <= most
