"""A run with protection carries its coordination in the result file and on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import protection_of
from cosim.report import write_report
from cosim.scenario import Scenario
from cosim.simulation.run import run
from cosim.studies.coordination import coordination

CASE = """
title = "coordination"
start = 2026-07-09T10:00:00
duration = "5 min"
step = "60 s"
[feeder]
homes = 24
[protection]
scheme = "{scheme}"
"""


def test_findings_stand_in_the_file_and_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(CASE.format(scheme="fuse-saving"))
    results = run(Scenario.load(tmp_path / "a.toml"), tmp_path / "a.h5")
    feeder = Feeder.generate(24)
    expected = coordination(feeder, protection_of(feeder)).as_columns()
    study = results.study("coordination")
    assert len(study["kind"]) > 0
    for name, values in expected.items():
        np.testing.assert_array_equal(study[name].to_numpy(), np.array(values, dtype=study[name].dtype))
    page = write_report(results, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Coordination of protective devices" in page
    assert "saving fails" in page


def test_without_protection_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(CASE.format(scheme="none"))
    results = run(Scenario.load(tmp_path / "b.toml"), tmp_path / "b.h5")
    assert not results.studies_of("coordination")


def test_the_recloser_of_the_page_opens_instead_of_the_breaker(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "protection.md").read_text(encoding="utf-8")
    (tmp_path / "c.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    results = run(Scenario.load(tmp_path / "c.toml"), tmp_path / "c.h5")
    kinds = set(results.events["kind"])
    assert "recloser_locks_out" in kinds
    assert not kinds & {"breaker_opens", "breaker_locks_out", "fuse_blows"}
