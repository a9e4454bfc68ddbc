"""Who was out when: against a story whose interruptions are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim.report import write_report
from cosim.results import Results, summarise
from cosim.results.outage_layout import MOMENTARY, SUSTAINED, UNENDED
from cosim.scenario import Scenario
from cosim.simulation.run import run

STORY = """
title = "outages"
start = 2026-07-09T10:00:00
duration = "2 h"
step = "60 s"
[feeder]
homes = 24
[[events]]
at = 2026-07-09T10:10:30
kind = "outage"
where = "line:lateral-1"
duration = "5 min"
[[events]]
at = 2026-07-09T10:30:00
kind = "outage"
where = "line:lateral-1"
duration = "301 s"
[[events]]
at = 2026-07-09T11:30:20
kind = "open"
where = "line:lateral-2"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("outages")
    (folder / "story.toml").write_text(STORY)
    return run(Scenario.load(folder / "story.toml"), folder / "x.h5", block_steps=7)


def test_every_interruption_to_the_microsecond(results: Results) -> None:
    each = results.study("interruptions").to_dataframe()
    assert set(each["lasting"]) == {MOMENTARY, SUSTAINED, UNENDED}
    events = results.events
    for lasting, began, duration_s, kind in (
        (MOMENTARY, "10:10:30", 300.0, "outage"),
        (SUSTAINED, "10:30:00", 301.0, "outage"),
        (UNENDED, "11:30:20", 29 * 60 + 40.0, "open"),
    ):
        rows = each[each["lasting"] == lasting]
        assert set(rows["began"].astype(str)) == {f"2026-07-09 {began}"}
        assert set(rows["duration_s"]) == {duration_s}
        assert set(events.loc[rows["cause"], "kind"]) == {kind}


def test_indices_are_those_of_the_definition(results: Results) -> None:
    each = results.study("interruptions").to_dataframe()
    index = results.study("reliability").to_dataframe().iloc[0]
    long = each[each["lasting"] != MOMENTARY]
    assert index["saifi"] == pytest.approx(len(long) / 24)
    assert index["saidi_min"] == pytest.approx(long["duration_s"].sum() / 60 / 24)
    assert index["caidi_min"] == pytest.approx(index["saidi_min"] / index["saifi"])
    assert index["maifi"] == pytest.approx((len(each) - len(long)) / 24)
    assert index["availability"] == pytest.approx(1 - each["duration_s"].sum() / (24 * 7200))


def test_homes_add_up(results: Results) -> None:
    each = results.study("interruptions").to_dataframe().groupby("home")["duration_s"].sum()
    homes = results.study("outage_homes").to_dataframe().set_index("home")
    np.testing.assert_array_equal(homes["without_grid_s"].sort_index(), each.sort_index())
    assert (homes["without_power_s"] == homes["without_grid_s"]).all(), "nobody has power of their own"
    assert (homes["on_own_s"] == 0).all()
    assert (homes["unserved_kwh"] > 0).all()
    dead = results.unsupplied_s().to_series()
    np.testing.assert_allclose(homes["without_grid_s"], dead[homes.index])


def test_who_was_out_when(results: Results) -> None:
    over = results.study("out_over_time").to_dataframe()
    assert over["without_grid"].tolist()[1::2] == [0, 0], "all are back between the outages"
    homes = results.study("interruptions").to_dataframe()
    assert over["without_grid"].iloc[0] == (homes["lasting"] == MOMENTARY).sum()


def test_summary_and_page_say_it(results: Results, tmp_path: Path) -> None:
    found = summarise(results)
    assert found.outages is not None
    [line] = [line for line in found.lines() if line.startswith("Outages: ")]
    assert "momentary" in line
    assert found.as_dict()["outages_sustained"] == found.outages.sustained
    page = write_report(results, tmp_path / "x.html").read_text()
    for said in (
        "What did the outages do?",
        "Interruptions",
        "Homes through the outages",
        "Who was out when",
    ):
        assert said in page


def test_one_still_out_counts_by_how_long_it_has_lasted(tmp_path: Path) -> None:
    story = STORY.replace("2 h", "93 min")  # lateral-2 opened 160 s before the end
    (tmp_path / "short.toml").write_text(story)
    with run(Scenario.load(tmp_path / "short.toml"), tmp_path / "x.h5") as results:
        each = results.study("interruptions").to_dataframe()
        assert (each["lasting"] == UNENDED).any()
        found = summarise(results).outages
    assert found is not None
    assert found.sustained == (each["duration_s"] > 300.0).sum() == round(found.saifi * 24)
    assert found.momentary == len(each) - found.sustained


def test_nothing_is_told_where_nobody_was_out(tmp_path: Path) -> None:
    (tmp_path / "calm.toml").write_text(STORY[: STORY.index("[[events]]")].replace("2 h", "10 min"))
    with run(Scenario.load(tmp_path / "calm.toml"), tmp_path / "x.h5") as calm:
        assert not calm.studies_of("interruptions")
        assert summarise(calm).outages is None
