"""Cold load pickup of a run: what returns draw, against the homes' own records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.report import write_report
from cosim.results import Results
from cosim.scenario.loading import load
from cosim.simulation.run import run

STORY = """
start = 2026-07-09T15:00:00
duration = "5 h"
step = "60 s"
[feeder]
homes = 24
[record]
full = [HOMES]
[[events]]
at = 2026-07-09T15:10:00
kind = "outage"
where = "line:lateral-1"
duration = "4 min"
[[events]]
at = 2026-07-09T16:00:00
kind = "outage"
where = "line:breaker-1"
duration = "2 h"
[[events]]
at = 2026-07-09T19:30:00
kind = "outage"
where = "line:lateral-1"
duration = "10 min"
"""


def of(folder: Path, name: str, **options: int) -> Results:
    homes = ", ".join(f'"home:{number}"' for number in range(1, 25))
    (folder / "story.toml").write_text(STORY.replace("HOMES", homes))
    return run(load(folder / "story.toml"), folder / f"{name}.h5", **options)


def test_a_return_draws_what_its_homes_draw(tmp_path: Path) -> None:
    with of(tmp_path, "a") as results:
        table = results.study("returns").to_dataframe()
        service_w = results.full("service_power_w").to_pandas()
        write_report(results, tmp_path / "a.html")
    assert "Over before" in (tmp_path / "a.html").read_text()
    assert len(table) == 2, "four minutes are a momentary interruption"
    first, second = table.iloc[0], table.iloc[1]
    assert (first["homes"], first["out_s"]) == (24, 7200.0)
    assert 0 < second["homes"] < 24
    assert second["out_s"] == 600.0
    together_kw = service_w.sum(axis=1) / 1e3
    before, back = pd.Timestamp("2026-07-09T15:59"), pd.Timestamp("2026-07-09T18:00")
    hour = together_kw[back : back + pd.Timedelta("59min")]
    mean_kw, share = together_kw.iloc[0], -np.expm1(-60.0 / 900.0)
    for kw in (
        service_w[:before].sum(axis=1).iloc[1:] / 1e3
    ):  # those of the lateral stood still while it was out
        mean_kw += share * (kw - mean_kw)
    assert first["before_kw"] == pytest.approx(mean_kw, rel=0.03)
    assert first["first_kw"] == pytest.approx(together_kw[back], rel=1e-4)
    assert first["peak_kw"] == pytest.approx(hour.max(), rel=1e-4)
    assert first["peak_time"] == hour.idxmax()
    assert first["peak_kw"] > 1.2 * first["before_kw"], "air conditioners all run after two hot hours"
    assert first["transformers_kva"] >= second["transformers_kva"] > 0.0


def test_blocks_change_nothing(tmp_path: Path) -> None:
    with of(tmp_path, "a") as whole, of(tmp_path, "b", block_steps=7) as cut:
        one, other = whole.study("returns").to_dataframe(), cut.study("returns").to_dataframe()
    assert one.equals(other)
    assert np.isfinite(one["peak_kw"]).all()
