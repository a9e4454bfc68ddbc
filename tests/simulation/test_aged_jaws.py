"""Homes whose jaws have seen years: as today without them, hotter with a poor one, the same however computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cosim
from cosim.report import write_report
from cosim.results.summary import summarise
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.jaws import POOR, AgedJaws, age_jaws, jaw_columns

HEAD = """
start = 2026-07-14T18:00:00
duration = "40 min"
[feeder]
homes = 24
[record]
quantize = false
full = ["home:1", "home:2", "home:3"]
"""
GROUPS = """
[homes.old]
share = 0.5
adapter = "bare-socket"
{jaws}
[homes.collar]
share = 0.3
adapter = "tesla-backup-switch"
[homes.newer]
share = 0.2
adapter = "bare-socket"
"""
JAWS = 'jaws = { age = "12 y", poor_share = 0.3 }'


def scenario(folder: Path, jaws: str, head: str = HEAD) -> Scenario:
    path = folder / "case.toml"
    path.write_text(head + GROUPS.format(jaws=jaws))
    return Scenario.load(path)


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> cosim.Results:
    folder = tmp_path_factory.mktemp("aged")
    return cosim.run(scenario(folder, JAWS), folder / "aged.h5", threads=1)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> cosim.Results:
    folder = tmp_path_factory.mktemp("new")
    return cosim.run(scenario(folder, ""), folder / "new.h5", threads=1)


@pytest.fixture(scope="module")
def jaws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AgedJaws]:
    case = scenario(tmp_path_factory.mktemp("jaws"), JAWS)
    return age_jaws(case, assemble(case, parallel=False).population, parallel=False)


def rises(results: cosim.Results) -> np.ndarray:
    return results.values("home_envelope/jaw_rise_k")


def test_new_says_what_silence_says(new: cosim.Results, tmp_path: Path) -> None:
    said = cosim.run(scenario(tmp_path, 'jaws = "new"'), tmp_path / "said.h5", threads=1)
    np.testing.assert_array_equal(rises(said), rises(new))
    assert said.studies_of("aged_jaws") == []
    assert summarise(said).jaws is None
    assert "contacts/us-sockets" not in said.info.library


def test_only_homes_asked_for_change(aged: cosim.Results, new: cosim.Results) -> None:
    """Electricity has not noticed, and collars and newer sockets have the bits of a run without aged jaws."""
    old = (aged.homes["group"] == "old").to_numpy()
    np.testing.assert_array_equal(rises(aged)[:, ~old], rises(new)[:, ~old])
    assert np.all(rises(aged)[:, old, 2] != rises(new)[:, old, 2])
    name = "home_envelope/service_current_a"
    np.testing.assert_array_equal(aged.values(name), new.values(name))


def test_poor_jaws_run_hotter_and_worse_ones_more(aged: cosim.Results, new: cosim.Results) -> None:
    study = aged.study("aged_jaws")
    rows = aged.homes.index.get_indexer(study["home"].to_numpy().astype(str).tolist())
    more = (rises(aged) - rises(new))[:, rows, 2].max(axis=0)
    poor = study["state"].to_numpy() >= POOR
    assert poor.any()
    assert not poor.all()
    far = study["ohm"].to_numpy() > 20.0 * study["new_ohm"].to_numpy()
    assert np.all(more[far] > 0.0)
    assert more[far].max() > 5.0
    assert np.median(more[far]) > 5.0 * np.median(np.abs(more[~poor]))
    np.testing.assert_allclose(study["years"].to_numpy(), 12.0)


def test_bits_depend_on_neither_threads_nor_blocks(aged: cosim.Results, tmp_path: Path) -> None:
    again = cosim.run(scenario(tmp_path, JAWS), tmp_path / "again.h5", block_steps=7)
    np.testing.assert_array_equal(rises(again), rises(aged))
    np.testing.assert_array_equal(again.study("aged_jaws")["ohm"], aged.study("aged_jaws")["ohm"])


def test_a_sweep_has_the_bits_of_a_run(aged: cosim.Results, tmp_path: Path) -> None:
    scenario(tmp_path, JAWS)
    swept = cosim.sweep(tmp_path / "case.toml", ["seed=1:2"], tmp_path / "sweep")
    found = [cosim.open_results(swept.folder / name) for name in swept.table.sort_values("seed")["file"]]
    np.testing.assert_array_equal(rises(found[0]), rises(aged))
    np.testing.assert_array_equal(found[0].study("aged_jaws")["ohm"], aged.study("aged_jaws")["ohm"])
    assert not np.array_equal(found[1].study("aged_jaws")["ohm"], aged.study("aged_jaws")["ohm"])


def test_a_home_alone_has_the_jaws_it_has_among_others(jaws: dict[str, AgedJaws], tmp_path: Path) -> None:
    case = scenario(tmp_path, JAWS)
    population = assemble(case, parallel=False).population
    one = int(jaws["bare-socket"].homes[np.argmax(jaws["bare-socket"].ratio.max(axis=1))])
    kept = np.full(len(population.home), None, dtype=object)
    kept[one] = population.jaws[one]
    alone = age_jaws(case, replace(population, jaws=kept), parallel=True)["bare-socket"]
    np.testing.assert_array_equal(
        alone.now.ohm[alone.homes == one], jaws["bare-socket"].now.ohm[alone.homes == one]
    )
    assert np.all(alone.ratio[alone.homes != one] == 1.0)
    assert jaw_columns({"bare-socket": alone}, population)["home"] == [population.home[one]]


def test_older_and_likelier_poor_is_worse(jaws: dict[str, AgedJaws], tmp_path: Path) -> None:
    young = scenario(tmp_path, JAWS.replace("12 y", "1 y"))
    population = assemble(young, parallel=False).population
    then, now = age_jaws(young, population, parallel=False)["bare-socket"], jaws["bare-socket"]
    np.testing.assert_array_equal(then.homes, now.homes)
    assert np.all(now.now.force_share <= then.now.force_share)
    assert np.all(now.now.ohm >= then.now.ohm)


def test_summary_page_and_sources_tell_of_estimates(aged: cosim.Results, tmp_path: Path) -> None:
    found = summarise(aged)
    assert found.jaws is not None
    assert found.jaws.poor == int((aged.study("aged_jaws")["state"].to_numpy() > 0).sum())
    assert any(line.startswith(f"Jaws (estimates): {found.jaws.poor} of 12 homes") for line in found.lines())
    assert found.as_dict()["jaws_homes"] == 12
    assert {"contacts/meter-jaw", "contacts/us-sockets"} <= set(aged.info.library)
    page = write_report(aged, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Jaws out of the ordinary" in page
    assert "Have jaws gone poor?" in page


def test_a_table_ages_home_by_home(tmp_path: Path) -> None:
    rows = "home,adapter,jaws\n1,bare-socket,12 y\n2,bare-socket,population\n3,bare-socket,new\n"
    (tmp_path / "homes.csv").write_text(rows)
    path = tmp_path / "table.toml"
    path.write_text(HEAD + '[population]\ntable = "homes.csv"\n')
    study = assemble(Scenario.load(path), parallel=False)
    columns = jaw_columns(study.jaws, study.population)
    assert columns["home"] == ["home-1", "home-2"]
    assert columns["years"] == [12.0, 10.0]
    assert any("jaws of 2 homes" in note for note in study.notes)
