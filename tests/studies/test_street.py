"""A street of drawn households, and the commands that ask it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.demand.house_kernels import RESTART_S
from cosim.demand.households import HouseholdDemand
from cosim.errors import InputError
from cosim.studies.coincidence import coincidence, pickup, run
from cosim.studies.coincidence_figures import diversity_chart, factor_chart, pickup_chart
from cosim.studies.street import street, typical

JANUARY = datetime(2026, 1, 10)
COLD = {"weather": "constant:-5"}


def test_cars_add_to_their_homes_alone_and_remember() -> None:
    plain = street(6, JANUARY, 1, parallel=False, **COLD)
    cars = street(6, JANUARY, 1, cars=0.5, parallel=False, **COLD)
    power, _ = run(plain.demand, plain.demand.initial(), 0, 1440, 6)
    both, end = run(cars.demand, cars.demand.initial(), 0, 1440, 6)
    extra = both - power
    with_car = extra.max(axis=1) > 0.0
    assert 0 < with_car.sum() < 6
    assert extra.min() >= 0.0
    assert extra.max() <= 11.5e3 * (1 + 1e-12)
    state, parts = cars.demand.initial(), []
    for a, b in ((0, 311), (311, 1440)):
        found = cars.demand.block(state, a, np.full(b - a, 60.0), np.ones(6, bool))
        assert found.ev_w is not None
        parts.append(found.panel_w.sum(axis=1) + found.ev_w)
        state = found.end
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), both)
    np.testing.assert_array_equal(state["car_j"], end["car_j"])


def test_an_outage_stops_cars_too() -> None:
    drawn = street(5, JANUARY, 1, cars=1.0, parallel=False, **COLD)
    power, _ = run(drawn.demand, drawn.demand.initial(), 0, 1440, 5, dark=slice(600, 900))
    assert power[:, 600:900].max() == 0.0
    assert power[:, :600].max() > 0.0


def test_compressors_wait_differently_long_after_an_outage() -> None:
    demand = street(40, JANUARY, 1, **COLD).demand
    assert isinstance(demand, HouseholdDemand)
    wait = demand.houses.rows[:, RESTART_S]
    assert wait.min() < 60.0 < 540.0 < wait.max() <= 600.0


def test_moments_are_minutes_of_the_street() -> None:
    drawn = street(1, datetime(2026, 1, 10, 7), 2, **COLD)
    assert drawn.step_of(datetime(2026, 1, 11, 6, 30)) == 1440 + 390
    assert drawn.steps == 2880


def test_typical_is_of_homes() -> None:
    found = typical(np.array([[0.0, 2e3], [1e3, 3e3], [4e3, 4e3]]))
    assert found["mean_kw"] == 2.0
    assert found["highest_kw"] == 3.0
    assert found["highest_kw_low"] < 3.0 < found["highest_kw_high"]


def test_bad_numbers_are_said_together() -> None:
    with pytest.raises(InputError) as error:
        street(0, JANUARY, 0, electrify=2.0, cars=-1.0, car_kw=90.0)
    assert len(error.value.problems) == 5


def test_charts_are_whole() -> None:
    power = np.random.default_rng(1).uniform(0, 5e3, (30, 600))
    found = coincidence(power, sizes=(1, 5, 20), draws=5)
    drawn = street(4, JANUARY, 1, parallel=False, **COLD)
    outages = pickup(drawn.demand, 4, 600, (0.5, 1.0), after_hours=2.0)
    for chart in (diversity_chart("x", found), factor_chart({"a": found}), pickup_chart("y", outages)):
        assert chart.startswith("<svg")
        assert chart.endswith("</svg>")
        assert "nan" not in chart


def test_the_commands_answer(tmp_path: Path) -> None:
    runner, figure = CliRunner(), tmp_path / "f.svg"
    common = ["--homes", "8", "--weather", "constant:-5", "--json", "--figure", str(figure)]
    done = runner.invoke(app, ["demand", "diversity", "--days", "1", *common, "--draws", "4"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert [row["homes"] for row in said["groups"]] == [1, 5]
    assert said["groups"][0]["diversity"] == 1.0
    assert figure.read_text().startswith("<svg")
    done = runner.invoke(app, ["demand", "pickup", *common, "--hours", "1", "--after", "2"])
    assert done.exit_code == 0, done.output
    outage = json.loads(done.output)["outages"][0]
    assert outage["highest"] > outage["hour"] > 0.9
    table = runner.invoke(
        app, ["demand", "pickup", "--homes", "4", "--weather", "constant:-5", "--hours", "0.5"]
    )
    assert "first 15 min" in table.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--household", "heatpump"], "did you mean 'heat-pump'"),
        (["--size", "9"], "cannot have more than the 8 homes"),
        (["--weather", "nowhere"], "weather"),
    ],
)
def test_wrong_words_are_explained(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["demand", "diversity", "--homes", "8", *words])
    assert done.exit_code == 2
    assert said in done.output
