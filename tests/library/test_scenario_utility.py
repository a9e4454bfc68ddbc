"""A scenario that names its utility: checked with the rest, told by ``cosim scenario check``."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_rules import BROKEN_RULES

from cosim import library
from cosim.cli.outline import outline
from cosim.errors import ScenarioError
from cosim.scenario import Scenario
from cosim.scenario.files import input_files


def scenario(tmp_path: Path, text: str = BROKEN_RULES) -> Scenario:
    path = tmp_path / "case.toml"
    path.write_text(text)
    return Scenario.load(path)


def test_what_homes_break_is_counted_before_a_run(tmp_path: Path) -> None:
    found = outline(scenario(tmp_path))
    assert found.rules["utility"] == "pseg"
    assert found.rules["homes_broken"] == 6
    assert found.rules["broken"] == {"approval": 6, "socket-rating": 6}
    assert found.rules["unjudged"]["fault-current"] == 12
    assert any(line.startswith("rules     pseg: 6 homes break a rule") for line in found.lines())
    silent = outline(scenario(tmp_path, BROKEN_RULES.replace('utility = "pseg"\n', "")))
    assert silent.rules["homes_broken"] == 0


def test_an_unknown_utility_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="did you mean 'pseg'") as caught:
        scenario(tmp_path, BROKEN_RULES.replace('"pseg"', '"psegg"'))
    assert caught.value.problems[0].line == 4
    with pytest.raises(ScenarioError, match="unknown socket"):
        scenario(tmp_path, BROKEN_RULES.replace("ringless-320", "ringless-330"))


def test_a_utility_of_ones_own(tmp_path: Path) -> None:
    text = library.entry_path("utilities", "pseg").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(
        text.replace("socket_max_a = { value = 200.0", "socket_max_a = { value = 320.0")
    )
    case = scenario(tmp_path, BROKEN_RULES.replace('"pseg"', '"mine.toml"'))
    assert tmp_path / "mine.toml" in input_files(case)
    assert outline(case).rules["broken"] == {"approval": 6}
    (tmp_path / "mine.toml").write_text(text.replace('unit = "A"', 'unit = "kA"', 1))
    with pytest.raises(ScenarioError, match="must be 'A', not 'kA'"):
        scenario(tmp_path, BROKEN_RULES.replace('"pseg"', '"mine.toml"'))
