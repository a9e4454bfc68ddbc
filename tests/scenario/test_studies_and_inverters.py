"""What may be wrong with inverters and studies is told at once: file, line, key, value, remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosim import library
from cosim.errors import InputError, ScenarioError
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble

HEAD = 'start = 2026-07-14T00:00:00\nduration = "1 h"\n[feeder]\nhomes = 12\n'

WRONG = """[homes.a]
share = 0.1
inverter = "ieee1547-2018-c"
[homes.b]
share = 0.1
pv_kw = 5
inverter = { volt_var = "powerwall-3", power_factor = 0.9, prio = "var" }
[homes.c]
share = 0.1
pv_kw = 5
inverter = { power_factor = 0.5, kva_per_kw = 0.9 }
[studies.fault_duty]
kinds = ["two-phase"]
minimum_fault_ohm = 0
[studies.backfeed_hazard]
homes = ["homes:1", "group:nobody"]
source = "inverter-7.6kw"
isolation = "broken"
open = ["lateral-1"]
body_ohm = 0
"""

TOLD = (
    ":7: homes.a.inverter: unknown entry of models/der 'ieee1547-2018-c'; did you mean 'ieee1547-2018-b'?",
    ":7: homes.a.inverter: has no inverter to act on",
    ":11: homes.b.inverter.prio: unknown key (did you mean 'priority'?)",
    ":11: homes.b.inverter.volt_var: 'powerwall-3' is no inverter-mode; those of models/der are: california-rule-21",
    ":11: homes.b.inverter.power_factor: a fixed power factor excludes volt_var",
    ":15: homes.c.inverter.power_factor: should be 0.8 to 1 (injects) or -0.8 to -1 (absorbs) (got 0.5)",
    ":15: homes.c.inverter.kva_per_kw: should be greater than or equal to 1",
    ":17: studies.fault_duty.kinds.0: should be 'line-ground'",
    ":18: studies.fault_duty.minimum_fault_ohm: should be greater than 0",
    ':20: studies.backfeed_hazard.homes.0: should be "home:NAME" or "group:NAME"',
    ":20: studies.backfeed_hazard.homes.1: no group of this name",
    ":21: studies.backfeed_hazard.source: follows a grid and ceases without one",
    ":22: studies.backfeed_hazard.isolation: should be 'fails'",
    ':23: studies.backfeed_hazard.open.0: should be "line:NAME"',
    ":24: studies.backfeed_hazard.body_ohm: should be greater than or equal to 1",
)


def load(folder: Path, text: str) -> Scenario:
    path = folder / "case.toml"
    path.write_text(HEAD + text)
    return Scenario.load(path)


def test_everything_wrong_is_told_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, WRONG)
    told = [str(problem) for problem in caught.value.problems]
    for expected in TOLD:
        assert any(expected in line and "case.toml" in line for line in told), (expected, told)
    assert len(told) == len(TOLD)


def test_a_curve_of_ones_own_is_checked_where_it_is_named(tmp_path: Path) -> None:
    shipped = library.entry_path("der", "ieee1547-2018-b").read_text()
    (tmp_path / "own.toml").write_text(shipped.replace("[0.92, 0.98,", "[0.98, 0.92,"))
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, '[homes.a]\nshare = 0.5\npv_kw = 5\ninverter = "own.toml"\n')
    told = str(caught.value)
    assert "own.toml" in told
    assert "v_pu must ascend" in told


def test_a_name_alone_takes_a_change_of_one_key(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(HEAD + '[homes.a]\nshare = 0.5\npv_kw = 5\ninverter = "ieee1547-2018-b"\n')
    inverter = Scenario.load(path, overrides={"homes.a.inverter.priority": "var"}).homes["a"].inverter
    assert inverter is not None
    assert (inverter.volt_var, inverter.volt_watt, inverter.priority) == (*["ieee1547-2018-b"] * 2, "var")
    assert Scenario.load(path, overrides={"homes.a.inverter": "none"}).homes["a"].inverter is None
    case = Scenario.load(path)
    assert Scenario.from_json(case.to_json()).homes == case.homes


def test_homes_that_cannot_be_studied_are_all_named(tmp_path: Path) -> None:
    case = load(
        tmp_path,
        '[homes.a]\nshare = 0.5\n[studies.backfeed_hazard]\nhomes = ["group:a", "home:home-2"]\n',
    )
    with pytest.raises(InputError) as caught:
        assemble(case)
    told = str(caught.value)
    assert told.count("no generator or grid-forming battery of its own: give the key source") == 2
    assert "case.toml" in told


def test_places_that_the_feeder_does_not_have_are_all_named(tmp_path: Path) -> None:
    case = load(
        tmp_path,
        '[studies.backfeed_hazard]\nhomes = ["home:99"]\nsource = "powerwall-3"\nopen = ["line:lateral-77"]\n',
    )
    with pytest.raises(ScenarioError) as caught:
        assemble(case)
    told = str(caught.value)
    assert "studies.backfeed_hazard.homes.0: the feeder has no home of this name" in told
    assert "studies.backfeed_hazard.open.0: the feeder has no line of this name" in told
