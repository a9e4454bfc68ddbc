"""The study of hot sockets: repeatable, weighed right, told with its doubts, from function and command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.errors import LibraryError
from cosim.studies.hot_socket import EVENTS, HotSockets, hot_sockets
from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart
from cosim.studies.hot_socket_exposure import household_exposure
from cosim.studies.hot_socket_page import page
from cosim.thermal.contact_ageing import Exposure


@pytest.fixture(scope="module")
def exposure() -> Exposure:
    return household_exposure(kinds=6)


@pytest.fixture(scope="module")
def result(exposure: Exposure) -> HotSockets:
    return hot_sockets("bare-socket", years=10.0, homes=300, draws=10, exposure=exposure, insertions=(5.0,))


def test_exposure_is_of_homes(exposure: Exposure) -> None:
    amp = np.sqrt(exposure.i2_a2[..., :2])
    assert np.all(np.diff((amp**2).sum(axis=-1), axis=2) >= 0.0)
    assert 1.0 < amp.mean() < 30.0
    assert amp.max() < 200.0
    assert np.all(exposure.i2_a2[..., 4:] == 0.0)
    assert exposure.ambient_c[:, 2].mean() > exposure.ambient_c[:, 0].mean() + 10.0


def test_rates_and_their_doubts(result: HotSockets) -> None:
    assert set(result.rates) == {*EVENTS, "opened"}
    assert result.rates["trip"].per_million >= result.rates["opened"].per_million
    assert min(result.rates["hot"].per_million, result.rates["glow"].per_million) > 0.0
    assert result.rates["alarm"].per_million >= result.rates["trip"].per_million
    assert all(rate.error >= 0.0 for rate in result.rates.values())
    assert result.fires.per_million == pytest.approx(0.12 * result.rates["glow"].per_million)
    low, middle, high = result.spread["glow"]
    assert low <= middle <= high
    assert low < high
    assert result.poor_chance == pytest.approx(1.0 - 0.999**2)
    pull = {i.key: i.correlation for i in result.influence}
    assert pull["population.poor_per_insertion"] > 0.3
    assert np.all(np.diff(result.survival[1]) <= 0.0)
    assert result.survival[0][-1] > result.survival[1][-1]


def test_early_cases_count_from_the_last_insertion(exposure: Exposure) -> None:
    """A change of meters long after brings cases that the first half year did not have."""
    late = hot_sockets("bare-socket", years=10.0, homes=400, draws=0, exposure=exposure, insertions=(9.0,))
    never = hot_sockets("bare-socket", years=10.0, homes=400, draws=0, exposure=exposure)
    glow = [r.early["glow"].per_million for r in (late, never)]
    assert glow[0] != glow[1]
    assert all(0.0 <= g < 1e6 * late.poor_chance for g in glow)


def test_same_seed_same_numbers(result: HotSockets, exposure: Exposure) -> None:
    again = hot_sockets(
        "bare-socket", years=10.0, homes=300, draws=10, exposure=exposure, insertions=(5.0,), parallel=False
    )  # fmt: skip
    assert json.dumps(again.as_dict()) == json.dumps(result.as_dict())
    other = hot_sockets(
        "bare-socket", years=10.0, homes=300, draws=0, exposure=exposure, insertions=(5.0,), seed=2
    )
    assert other.rates["glow"] != result.rates["glow"]
    assert other.spread == {}
    assert other.influence == ()


def test_a_collar_brings_a_second_insertion(exposure: Exposure) -> None:
    """The collar goes into the socket and the meter into the collar: twice the chance of a poor jaw."""
    collar = hot_sockets("tesla-backup-switch", years=10.0, homes=200, draws=0, exposure=exposure)
    assert collar.jaws_per_home == 8
    assert collar.poor_chance == pytest.approx(1.0 - 0.999**2)
    assert collar.rates["glow"].per_million > 0.0


def test_wrong_asks_are_told_together(exposure: Exposure) -> None:
    with pytest.raises(LibraryError) as error:
        hot_sockets("bare-socket", years=0.0, homes=1, draws=-1, insertions=(3.0,), exposure=exposure)
    assert len(error.value.problems) == 4
    with pytest.raises(LibraryError):
        hot_sockets("no-such-adapter", exposure=exposure)


def test_page_and_charts(result: HotSockets) -> None:
    text = page(result)
    assert text.count("<table>") == 3
    assert "PECO" in text
    chart = xy_chart(
        "<a>", Axis("x", 0.1, 1000.0, log=True), Axis("y", 0.0, 2.0),
        [Curve("line", np.array([0.1, np.nan, 10.0]), np.ones(3)), Curve("dot", np.ones(1), np.ones(1), dots=True)],
    )  # fmt: skip
    assert chart.startswith("<svg")
    assert "&lt;a&gt;" in chart
    assert chart.count("<circle") == 1
    assert ">0.1<" in chart
    assert ">1000<" in chart


def test_command(tmp_path: Path) -> None:
    out = tmp_path / "age.html"
    asked = ["adapter", "age", "bare-socket", "--years", "2", "--homes", "40", "--draws", "0"]
    done = CliRunner().invoke(app, [*asked, "--json", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["homes"] == 40
    assert out.read_text().startswith("<!doctype html>")
    wrong = CliRunner().invoke(app, [*asked, "--insertions", "a"])
    assert wrong.exit_code == 2
