"""What may be wrong with jaws is told at once; what is right is read back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosim.errors import InputError, ScenarioError
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble

HEAD = 'start = 2026-07-14T00:00:00\nduration = "1 h"\n[feeder]\nhomes = 12\n'
WRONG = """[homes.a]
share = 0.1
adapter = "bare-socket"
jaws = "old"
[homes.b]
share = 0.1
adapter = "bare-socket"
jaws = { age = "-3 y", poor_share = 1.5, years = 2 }
[homes.c]
share = 0.1
jaws = "population"
[homes.d]
share = 0.1
adapter = "bare-socket"
jaws = 12
[homes.e]
share = 0.1
adapter = "bare-socket"
jaws = "70 y"
"""
TOLD = (
    ':8: homes.a.jaws: should be "new", "population", years from "0.25 y" to "60 y"',
    ':12: homes.b.jaws.age: should be years in quotes, "0.25 y" to "60 y", such as "12 y" (got \'-3 y\')',
    ":12: homes.b.jaws.poor_share: should be less than or equal to 1 (got 1.5)",
    ":12: homes.b.jaws.years: unknown key",
    ':15: homes.c.jaws: has no jaws to act on: name an adapter, "bare-socket" for a socket alone',
    ':19: homes.d.jaws: should be "new"',
    ':23: homes.e.jaws: should be "new"',
)


def load(folder: Path, text: str, **overrides: object) -> Scenario:
    path = folder / "case.toml"
    path.write_text(HEAD + text)
    return Scenario.load(path, overrides=overrides)


def test_every_mistake_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as told:
        load(tmp_path, WRONG)
    for part in TOLD:
        assert part in str(told.value)


@pytest.mark.parametrize(
    ("said", "age", "share"),
    [
        ('"population"', 10.0, None),
        ('"12 y"', 12.0, None),
        ('{ age = "0.5 y" }', 0.5, None),
        ('{ poor_share = 0.01 }', 10.0, 0.01),
    ],
)  # fmt: skip
def test_a_text_stands_for_a_table(tmp_path: Path, said: str, age: float, share: float | None) -> None:
    case = load(tmp_path, f'[homes.a]\nshare = 0.5\nadapter = "bare-socket"\njaws = {said}\n')
    found = case.homes["a"].jaws
    assert found is not None
    assert (found.age, found.poor_share) == (age, share)
    assert Scenario.from_json(case.to_json()).homes == case.homes


def test_new_is_the_default_and_overrides_reach_inside(tmp_path: Path) -> None:
    text = '[homes.a]\nshare = 0.5\nadapter = "bare-socket"\n'
    assert load(tmp_path, text + 'jaws = "new"\n').homes == load(tmp_path, text).homes
    changed = load(tmp_path, text + 'jaws = "12 y"\n', **{"homes.a.jaws.poor_share": 0.1}).homes["a"].jaws
    assert changed is not None
    assert (changed.age, changed.poor_share) == (12.0, 0.1)
    assert load(tmp_path, text + 'jaws = "12 y"\n', **{"homes.a.jaws": "new"}).homes["a"].jaws is None


def test_an_adapter_whose_joints_name_no_contact_has_no_jaws(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "models" / "adapters" / "bare-socket.toml"
    own = "\n".join(line for line in shipped.read_text().splitlines() if not line.startswith("contact = "))
    (tmp_path / "own.toml").write_text(own)
    with pytest.raises(ScenarioError, match=r"names an entry of models/contacts"):
        load(tmp_path, '[homes.a]\nshare = 0.5\nadapter = "own.toml"\njaws = "12 y"\n')


def test_cells_of_a_table_are_judged_too(tmp_path: Path) -> None:
    rows = "home,adapter,jaws\n1,bare-socket,old\n2,,12 y\n3,bare-socket,-1 y\n4,bare-socket,new\n"
    (tmp_path / "homes.csv").write_text(rows)
    with pytest.raises(InputError) as told:
        assemble(load(tmp_path, '[population]\ntable = "homes.csv"\n'))
    for part in (":2: jaws: should be", ":3: jaws: has no jaws to act on", ":4: jaws: should be"):
        assert part in str(told.value)
