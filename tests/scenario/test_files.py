"""Files that a scenario names: found beside it wherever they are named, and part of its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosim import library
from cosim.errors import ScenarioError
from cosim.scenario import Scenario
from cosim.scenario.files import input_files

ENTRIES = {
    "my-transfer.toml": ("transfer", "interlock-kit"),
    "my-set.toml": ("der", "portable-generator-6.25"),
    "my-house.toml": ("households", library.names("households")[0]),
    "my-rates.toml": ("reliability", "us-average"),
    "my-crews.toml": ("reliability", "us-average"),
    "my-fuse.toml": ("protection", "k-link"),
    "my-profile.toml": ("grid-profiles", "ieee1547-2018-iii"),
    "my-utility.toml": ("utilities", "pseg"),
}
CASE = """
start = 2026-07-14T00:00:00
duration = "1 h"
utility = "my-utility.toml"
feeder = { homes = 12 }
demand.household = "my-house.toml"
faults.rates = "my-rates.toml"
crews.entry = "my-crews.toml"
protection = { scheme = "fuse-blowing", devices = [{ kind = "fuse", at = "line:lateral-1", entry = "my-fuse.toml" }] }
homes.a = { share = 0.5, transfer = "my-transfer.toml", generator = "my-set.toml" }
homes.b = { share = 0.25, pv_kw = 5, inverter = { ride_through = "my-profile.toml" } }
studies.backfeed_hazard = { homes = ["group:a"], source = "my-set.toml" }
"""


def write(folder: Path) -> Path:
    folder.mkdir()
    for name, (kind, entry) in ENTRIES.items():
        (folder / name).write_text(library.entry_path(kind, entry).read_text(encoding="utf-8"))
    (folder / "case.toml").write_text(CASE)
    return folder / "case.toml"


def test_each_is_found_beside_the_scenario(tmp_path: Path) -> None:
    """Not in the folder the command is given in."""
    path = write(tmp_path / "study")
    assert {file.name for file in input_files(Scenario.load(path))} == {*ENTRIES, "case.toml"}
    assert {file.parent for file in input_files(Scenario.load(path))} == {path.parent}


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_in_each_decides_the_digest(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "one")
    whole = Scenario.load(path).digest()
    assert whole == Scenario.load(write(tmp_path / "other")).digest(), "where they stand does not"
    with (path.parent / name).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    assert Scenario.load(path).digest() != whole


@pytest.mark.parametrize("name", ENTRIES)
def test_one_that_is_not_there_is_told_with_its_key(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "study")
    (path.parent / name).unlink()
    with pytest.raises(ScenarioError, match=name) as told:
        Scenario.load(path)
    assert all(problem.file and problem.key for problem in told.value.problems)
