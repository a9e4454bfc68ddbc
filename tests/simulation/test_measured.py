"""Measured demand in a run: the feeder's head, OpenDSS shapes, minutes inside intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ScenarioError
from cosim.feeder.feeder import Feeder
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.run import run

HEAD = """
start = 2026-07-09T12:00:00
duration = "2 h"
step = "5 min"
[weather]
source = "constant:30"
[feeder]
homes = 24
"""


def load(folder: Path, text: str) -> Scenario:
    path = folder / "case.toml"
    path.write_text(HEAD + text)
    return Scenario.load(path)


def test_the_head_carries_what_was_measured(tmp_path: Path) -> None:
    """Homes as the household model draws them, scaled: means over each interval to 0.5 % of the measurement."""
    measured = {"2026-07-09T12:00": 60.0, "2026-07-09T13:00": 95.0, "2026-07-09T14:00": 80.0}
    (tmp_path / "head.csv").write_text(
        "time,kW\n" + "".join(f"{t}-04:00,{kw}\n" for t, kw in measured.items())
    )
    scenario = load(tmp_path, '[demand.head]\nsource = "csv:head.csv"\n')
    with run(scenario, tmp_path / "h.h5") as results:
        power_kw = results.feeder["power_w"].to_numpy() / 1e3
    assert power_kw.reshape(2, -1).mean(axis=1) == pytest.approx([60.0, 95.0], rel=5e-3)
    # Within an interval the homes' own ups and downs remain.
    assert np.ptp(power_kw[:12]) > 0.02 * 60.0


def test_a_head_that_cannot_be_met_is_told_before_the_run(tmp_path: Path) -> None:
    asked = '[demand.head]\nsource = "csv:head.csv"\n'
    (tmp_path / "head.csv").write_text("minute,kW\n0,0.01\n720,0.01\n")
    with pytest.raises(ScenarioError, match=r"demand\.head: cannot be met by scaling at 2026-07-09T11:00"):
        assemble(load(tmp_path, asked))
    (tmp_path / "head.csv").write_text("minute,W\n0,60e3\n720,95e3\n")
    with pytest.raises(ScenarioError, match="more than the feeder carries"):
        assemble(load(tmp_path, asked))
    (tmp_path / "head.csv").write_text("time,kW\n2026-07-09T12:00,60\n2026-07-09T13:00,60\n")
    with pytest.raises(ScenarioError, match="is shorter than the run"):
        assemble(load(tmp_path, asked))


def test_opendss_shapes_as_a_file(tmp_path: Path) -> None:
    """Of a shape file each home draws one; `mult` is a share of its nominal power, normalised by the engine."""
    pytest.importorskip("dss")
    (tmp_path / "evening.csv").write_text("\n".join(["2.0"] * 24))
    (tmp_path / "shapes.dss").write_text(
        "New LoadShape.flat npts=24 interval=1 mult=(file=evening.csv) action=normalize\n"
        "New LoadShape.half npts=2 minterval=720 mult=(0.5 0.5)\n"
    )
    study = assemble(load(tmp_path, '[demand]\nsource = "dss:shapes.dss"\n'))
    nominal = Feeder.generate(24).home["kw"].to_numpy() * 1e3
    block = study.demand.block(study.demand.initial(), 0, np.full(3, 300.0), np.ones(24, bool))
    share = block.panel_w.sum(axis=1)[:, 0] / nominal
    assert set(np.round(share, 9)) == {0.5, 1.0}


def test_metered_quarter_hours_become_minutes_in_a_run(tmp_path: Path) -> None:
    stamps = [f"{minute},{1.0 + (minute // 15) % 3}" for minute in range(0, 1440, 15)]
    (tmp_path / "ami.csv").write_text("minute,any\n" + "\n".join(stamps) + "\n")
    text = '[demand]\nsource = "csv:ami.csv"\n'
    held = assemble(load(tmp_path, text))
    assert any("holds one value for 15 min" in note for note in held.notes)
    fine = assemble(load(tmp_path, text + "[demand.measured]\ndownscale = true\n"))
    assert not any("holds one value" in note for note in fine.notes)
    draws = [
        study.demand.block(study.demand.initial(), 0, np.full(24, 300.0), np.ones(24, bool))
        for study in (held, fine)
    ]
    means = [draw.panel_w.sum(axis=1).reshape(24, 8, 3).mean(axis=2) for draw in draws]
    np.testing.assert_allclose(*means, rtol=1e-12)
    assert np.ptp(draws[0].panel_w.sum(axis=1).reshape(24, 8, 3), axis=2).max() == pytest.approx(
        0.0, abs=1e-9
    )
    assert draws[1].panel_w.sum(axis=1).max() > 1.5 * draws[0].panel_w.sum(axis=1).max()
    assert draws[1].panel_var.max() > 0.0


def test_keys_without_a_meaning_are_told(tmp_path: Path) -> None:
    text = '[demand.measured]\nlayout = "long"\ntimezone = "Nowhere"\n[demand.head]\nsource = "dss:x"\n'
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, text)
    told = str(caught.value)
    assert "demand.measured.layout: has no meaning for demand.source 'households'" in told
    assert "demand.measured.timezone: should be" in told
    assert "demand.head.source: should be" in told
