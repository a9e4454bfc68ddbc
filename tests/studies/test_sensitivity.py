"""Which estimates a verdict hangs on: laws of the indices on models whose indices are known, then on bodies."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim import library
from cosim.cli import app
from cosim.entries import Quantity
from cosim.errors import LibraryError, MissingExtraError
from cosim.studies import sensitivity as study
from cosim.studies.sensitivity import Margins, Sensitivity, indices, screened, sensitivity
from cosim.studies.sensitivity_page import render
from cosim.studies.type_test.network_draws import at_rest
from cosim.thermal.network import PATHS, Float

pytest.importorskip("SALib", reason="the extra 'sensitivity' is not installed")
NAME = "tesla-backup-switch"
SLOPES = np.array([4.0, -2.0, 1.0, 0.0])


def linear(places: Float) -> Float:
    return places @ SLOPES


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "PATHS", 4)
    monkeypatch.setattr(study, "POINTS", 32)
    monkeypatch.setattr(study, "FOREMOST", 4)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Sensitivity:
    small(monkeypatch)
    return sensitivity(library.load("adapters", NAME), seed=3)


# -- laws ---------------------------------------------------------------------------------


def test_indices_of_a_linear_model_are_its_squares_and_sum_to_one() -> None:
    first, total, error = indices(linear, 4, seed=1, points=1024)
    expected = SLOPES**2 / (SLOPES**2).sum()
    assert first == pytest.approx(expected, abs=0.01)
    assert total == pytest.approx(expected, abs=0.01)
    assert first.sum() == pytest.approx(1.0, abs=0.01)
    assert total[3] == 0.0
    assert (error < 0.1).all()


def test_screening_of_a_linear_model_gives_its_slopes() -> None:
    assert screened(linear, 4, seed=1) == pytest.approx(np.abs(SLOPES), rel=1e-9, abs=1e-12)


def test_a_product_has_shares_in_common() -> None:
    """y = x1 x2 on the unit cube: 3/7 for each alone, 1/7 together."""
    first, total, _ = indices(lambda u: u[:, 0] * u[:, 1], 2, seed=1, points=2048)
    assert first == pytest.approx([3 / 7, 3 / 7], abs=0.02)
    assert total == pytest.approx([4 / 7, 4 / 7], abs=0.02)


def test_a_constant_hangs_on_nothing() -> None:
    first, total, _ = indices(lambda u: np.ones(len(u)), 3, seed=1)
    assert not first.any()
    assert not total.any()


def test_a_move_is_the_derivative_of_the_heat_balance() -> None:
    """A resistance heats one node of each leg, so the rise follows by one solution of the linearised balance."""
    margins = Margins(library.load("adapters", NAME), 200.0, 25.0)
    (k,) = (k for k, n in enumerate(margins.found) if n.keys == ("heat.parts.contactor.resistance_ohm",))
    network, (way,) = margins.bench.network(), margins.ways
    path = PATHS[margins.bench.heat.parts["contactor"].current]  # type: ignore[index]
    rest = at_rest(network, way.i2_a2, 25.0)
    worst = int(margins.rows[np.argmin(margins.limits - rest[margins.rows] + 25.0)])
    balance, _ = network.conductance(rest, 25.0)
    np.subtract.at(balance, (network.node, network.node), network.slope * way.i2_a2[network.path])
    source = np.zeros(len(network))
    for leg in (0, 1):
        node = network.names.index(f"l{leg + 1}.contactor")
        row = int(np.flatnonzero((network.node == node) & (network.path == path + leg))[0])
        warm = 1.0 + network.slope[row] / network.ohm[row] * (rest[node] - 20.0)
        source[node] = warm * way.i2_a2[path + leg]
    places = np.array([[margins.stated(j) for j in range(len(margins.found))]] * 2)
    places[:, k] += np.array([-1e-3, 1e-3])
    low, high = study.drawn(margins.found[k].quantity, places[:, k])
    expected = np.linalg.solve(balance, source)[worst] * (high - low)
    assert -np.diff(margins(places))[0] == pytest.approx(expected, rel=0.01)


def test_for_small_ranges_the_ranking_is_that_of_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screening goes with the widths where the margin is straight over them."""
    small(monkeypatch)
    entry = library.load("adapters", NAME)
    margins = Margins(entry, 200.0, 25.0)
    count = len(margins.found)
    stated = np.array([margins.stated(k) for k in range(count)])
    wide, narrow = (
        screened(lambda u, w=w: margins(stated + w * (u - 0.5)), count, seed=1) for w in (2e-3, 1e-3)
    )
    assert wide == pytest.approx(2.0 * narrow, rel=0.05, abs=1e-4)
    order = np.argsort(-wide)[:5]
    step = np.array([0.5e-3 * np.eye(count)[k] for k in order])
    derivative = np.abs(margins(stated + step) - margins(stated - step))
    assert list(np.argsort(-derivative)) == [0, 1, 2, 3, 4]


# -- on bodies ----------------------------------------------------------------------------


def test_a_body_is_ranked(found: Sensitivity) -> None:
    totals = [row.total for row in found.influences if row.total == row.total]
    assert totals == sorted(totals, reverse=True)
    assert len(totals) == 4
    jaw = found.influences[0]
    assert "contact" in jaw.label
    assert jaw.low_k > found.margin_k > jaw.high_k  # more resistance, less margin
    assert found.evaluations > 100
    labels = [key for row in found.influences for key in row.keys]
    assert not [key for key in labels if key.endswith(("mass_kg", "temperature_limit_c", "front_m2"))]


def test_the_same_seed_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    monkeypatch.setattr(study, "PATHS", 2)
    entry = library.load("adapters", NAME)
    one, two, other = (json.dumps(sensitivity(entry, seed=seed).as_dict()) for seed in (0, 0, 2))
    assert one == two != other


def test_commands_and_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    page = tmp_path / "hangs-on.html"
    done = CliRunner().invoke(app, ["adapter", "sensitivity", NAME, "--out", str(page), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["influences"][0]["move_k"] > 0.0
    assert page.read_text().count('class="worse"') >= 4
    words = [
        "adapter",
        "test",
        NAME,
        "--test",
        "heat-rise",
        "--draws",
        "20",
        "--sensitivity",
        "--out",
        str(page),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "hangs most on" in done.output
    assert 'class="bars"' in page.read_text()


def test_the_page_is_the_same_for_the_same_result(found: Sensitivity) -> None:
    assert render(found) == render(found)
    assert "<svg" in render(found)


def test_without_salib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib", None)
    with pytest.raises(MissingExtraError, match="sensitivity"):
        sensitivity(library.load("adapters", NAME))


def test_a_current_of_nothing_is_refused() -> None:
    with pytest.raises(LibraryError, match="--current"):
        sensitivity(library.load("adapters", NAME), current_a=0.0)


def test_numbers_alike_are_one() -> None:
    margins = Margins(library.load("adapters", NAME), 200.0, 25.0)
    quantities: list[Quantity] = [number.quantity for number in margins.found]
    assert len({(q.value, q.range, q.source, q.unit) for q in quantities}) == len(quantities)
