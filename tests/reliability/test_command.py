"""The command, and that a feeder's own protection clears what strikes it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from cosim.cli import app
from cosim.feeder.feeder import Feeder


def test_reliability_of_a_saved_feeder(tmp_path: Path) -> None:
    path = Feeder.generate(60).save(tmp_path / "oak.feeder")
    run = CliRunner().invoke(app, ["reliability", str(path), "--years", "30", "--seed", "2", "--json"])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    every = told["every_day"]
    assert told["homes"] == 60
    assert every["years"] == 30
    assert every["saifi"]["value"] > 0.0
    assert abs(every["saidi_min"]["value"] - every["saifi"]["value"] * every["caidi_min"]["value"]) < 1e-9
    table = CliRunner().invoke(app, ["reliability", str(path), "--years", "5"])
    assert table.exit_code == 0
    assert "SAIFI [1/year]" in table.stdout
    unknown = CliRunner().invoke(app, ["reliability", str(path), "--rates", "us-averag"])
    assert unknown.exit_code != 0
