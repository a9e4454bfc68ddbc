"""Cars and batteries in a scenario: what may be written, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ScenarioError
from cosim.scenario import Scenario
from cosim.scenario.dispatch import orders_of
from cosim.scenario.files import input_files
from cosim.scenario.population import populate

HEAD = 'start = 2026-07-14\nduration = "1 d"\n[homes.a]\nshare = 1.0\n'


def written(tmp_path: Path, body: str, name: str = "case.toml") -> Path:
    file = tmp_path / name
    file.write_text(HEAD + body, encoding="utf-8")
    return file


def mistakes(tmp_path: Path, body: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(written(tmp_path, body))
    return [f"{problem.key}: {problem.message}" for problem in caught.value.problems]


def test_a_name_alone_stands_for_a_battery_in_self_consumption(tmp_path: Path) -> None:
    file = written(tmp_path, 'battery = "powerwall-3"\n')
    battery = Scenario.load(file).homes["a"].battery
    assert battery is not None
    assert (battery.entry, battery.mode, battery.reserve) == ("powerwall-3", "self-consumption", 0.2)
    changed = Scenario.load(file, overrides={"homes.a.battery.reserve": 0.5}).homes["a"].battery
    assert changed is not None
    assert (changed.entry, changed.reserve) == ("powerwall-3", 0.5)
    assert Scenario.load(file, overrides={"homes.a.battery": "none"}).homes["a"].battery is None


def test_what_is_written_comes_back_from_a_result(tmp_path: Path) -> None:
    body = (
        'ev = { charger_kw = 11.5, mode = "managed", window = ["23:00", "07:00"], to_home = true }\n'
        'battery = { entry = "powerwall-3", mode = "dispatch", '
        "orders = [{ start = 2026-07-14T17:00:00, end = 2026-07-14T19:00:00, power_kw = 5.0 }] }\nservice_limit = 0.8\n"
    )
    scenario = Scenario.load(written(tmp_path, body))
    assert Scenario.from_json(scenario.to_json()).homes == scenario.homes
    homes = populate(scenario, ["h1", "h2"], ["split", "split"], [200.0, 200.0], ["ringless-200"] * 2)
    assert homes.storage[0] == scenario.homes["a"].battery
    assert homes.ev[1] == scenario.homes["a"].ev
    assert homes.battery.tolist() == ["powerwall-3"] * 2
    assert np.array_equal(homes.service_limit, [0.8, 0.8])


def test_every_mistake_of_cars_and_batteries_is_told(tmp_path: Path) -> None:
    told = mistakes(
        tmp_path,
        "service_rating_a = 50\n"
        '[homes.a.battery]\nentry = "powerwall-3"\nmode = "tariff"\nwindow = ["17:00", "20:00"]\ngrid_charge_kw = 9.0\n'
        '[homes.a.ev]\ncharger_kw = 1.5\nmode = "timer"\nwindow = ["01:00", "03:00"]\n'
        'vehicle = "vehicle-100"\nto_home = true\n',
    )
    assert len(told) == 6
    assert any("needs one of models/tariffs" in line for line in told)
    assert any("homes.a.battery.window: has no meaning in mode 'tariff'" in line for line in told)
    assert any("at most 5 kW" in line for line in told)
    assert any("breaker of 60 A, more than the whole service of 50 A" in line for line in told)
    assert any("no car could ever be full" in line for line in told)
    assert any("cannot feed a home" in line for line in told)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('ev = { charger_kw = 1.0 }\n', "homes.a.ev.charger_kw"),
        ('ev = { mode = "managed", window = ["23:10", "07:00"] }\n', "quarter of an hour"),
        ('ev = { mode = "timer" }\n', "needs its hours"),
        ('ev = { mode = "tariff", tariff = "pge-ev2" }\n', "did you mean 'pge-ev2-a'"),
        ('ev = { to_home = true }\n', "hours that are dearer"),
        ('battery = { entry = "inverter-7.6kw" }\n', "is no battery"),
        ('battery = { entry = "powerwall-3", mode = "dispatch" }\n', "needs orders or a signal"),
        ("service_limit = 1.2\n", "homes.a.service_limit"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_would_be_right(tmp_path: Path, body: str, said: str) -> None:
    told = mistakes(tmp_path, body)
    assert len(told) == 1
    assert said in told[0]


def test_a_signal_is_read_and_its_mistakes_are_told_line_by_line(tmp_path: Path) -> None:
    signal = tmp_path / "vpp.csv"
    body = 'battery = { entry = "powerwall-3", mode = "dispatch", signal = "vpp.csv" }\n'
    signal.write_text(
        "start,end,power_kw\n2026-07-14T18:00,2026-07-14T20:00,5\n2026-07-14 16:00, 2026-07-14 17:00, -3\n",
        encoding="utf-8",
    )
    file = written(tmp_path, body)
    scenario = Scenario.load(file)
    battery = scenario.homes["a"].battery
    assert battery is not None
    assert [order.power_kw for order in orders_of(battery)] == [-3.0, 5.0]
    assert signal in input_files(scenario)
    before = scenario.digest()
    signal.write_text("start,end,power_kw\n2026-07-14T18:00,2026-07-14T20:00,4\n", encoding="utf-8")
    assert scenario.digest() != before
    signal.write_text(
        "start,end,power_kw\n2026-07-14T18:00,2026-07-14T17:00,4\nnoon,2026-07-14T20:00,much\n"
        "2026-07-15T18:00,2026-07-15T20:00,4\n2026-07-15T19:00,2026-07-15T21:00,4\n",
        encoding="utf-8",
    )
    told = mistakes(tmp_path, body)
    assert len(told) == 3
    assert any("line 2, end: must end after its start" in line for line in told)
    assert any("line 3, power_kw: should be a number" in line for line in told)
    signal.write_text(
        "start,end,power_kw\n2026-07-15T18:00,2026-07-15T20:00,4\n2026-07-15T19:00,2026-07-15T21:00,4\n"
    )
    assert "lie over each other" in mistakes(tmp_path, body)[0]
