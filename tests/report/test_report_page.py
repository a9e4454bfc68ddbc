"""Whole pages of made-up runs: self-contained, escaped, the same bytes, and nothing breaks them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import made_up_runs as runs
import numpy as np
import pytest
import report_runs
from report_runs import INFO, NAUGHTY

from cosim.errors import ResultsError
from cosim.report import write_report
from cosim.report.control_plots import control_charts
from cosim.results import open_results
from cosim.results.record import FeederMap

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Elements of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}
        self.scripts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def page_of(path: Path, quantity: str = "") -> str:
    return write_report(path, quantity=quantity).read_text(encoding="utf-8")


def test_taps_and_capacitor_steps_are_drawn_where_controls_act(tmp_path: Path) -> None:
    path = report_runs.write(tmp_path / "r.h5", controls=True)
    text = page_of(path)
    assert "Taps of voltage regulators, the 5 of 7 that moved most" in text
    assert "Steps on of capacitor banks" in text
    assert "r6 (2 moves)" in text
    assert "r5 (1 move)" in text
    assert "r0 (0 moves)" in text
    assert "r3 (" not in text
    with open_results(path) as results:
        taps, steps = control_charts(results, 240.0, 5)
    assert taps.lines[0].label == "r6 (2 moves)"
    np.testing.assert_array_equal(taps.lines[0].time_s, [0, 60, 60, 120, 120, 240])
    np.testing.assert_array_equal(taps.lines[0].values, [1, 1, 1.00625, 1.00625, 1.0125, 1.0125])
    np.testing.assert_array_equal(steps.lines[0].values, [0, 0, 1, 1])
    assert "capacitor banks" not in page_of(report_runs.write(tmp_path / "still.h5"))


def test_a_page_holds_every_section_and_no_address(tmp_path: Path) -> None:
    text = page_of(report_runs.write(tmp_path / "r.h5", study=True, events=3, full=(1, 4)))
    page = Page(text)
    assert page.count["script"] == 2
    assert page.count["circle"] >= runs.HOMES
    for title in ("The answers", "What was asked", "Feeder map", "Hottest adapters", "Fault current at the sockets",
                  "Fullest service transformers", "What flows back", "Over time", "Event log",
                  "Where the numbers come from"):  # fmt: skip
        assert f"<h2>{title}</h2>" in text
    assert "heat verdict rests on 3 numbers" in text
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import|https?://""", text)
    data = json.loads(page.scripts[0])
    assert all(len(q["texts"]) == len(q["shades"]) == runs.HOMES for q in data["quantities"].values())


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path = report_runs.write(tmp_path / "r.h5", runs.block(), study=True, events=2, full=(1,))
    first = write_report(path, tmp_path / "one.html").read_bytes()
    assert write_report(path, tmp_path / "two.html").read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.html", "r.h5", "two.html"]


def test_a_name_cannot_leave_its_place(tmp_path: Path) -> None:
    count = runs.HOMES
    names = {
        "id": [f"{NAUGHTY}{k}" for k in range(count)],
        "adapter": [NAUGHTY] * count,
        "group": [NAUGHTY] * count,
    }
    library = {
        f"adapters/{NAUGHTY}": {"a": {NAUGHTY: report_runs.number_entry("estimate") | {"source": NAUGHTY}}}
    }
    info = replace(INFO, title=NAUGHTY, feeder=NAUGHTY, library=library, versions={NAUGHTY: NAUGHTY},
                   scenario_json=json.dumps({"title": NAUGHTY, "feeder": {"source": NAUGHTY}}))  # fmt: skip
    lines = FeederMap([NAUGHTY], [NAUGHTY], [NAUGHTY], [0], [0], [1], [2])
    path = report_runs.write(tmp_path / "r.h5", info=info, table=report_runs.homes(**names), lines=lines,
                             study=True, events=1, full=(1,))  # fmt: skip
    text = page_of(path)
    assert "<script>alert" not in text
    page = Page(text)
    assert page.count["script"] == 2
    assert json.loads(page.scripts[0])["names"][0].startswith(NAUGHTY)


def test_a_partial_run_says_so(tmp_path: Path) -> None:
    text = page_of(report_runs.write(tmp_path / "r.h5", report_runs.calm(60), whole=False).resolve())
    assert "This run was interrupted: 1 h of 3 h were simulated." in text


def test_steps_that_failed_are_counted(tmp_path: Path) -> None:
    block = report_runs.calm()
    block.converged[[3, 4]] = False
    text = page_of(report_runs.write(tmp_path / "r.h5", block))
    assert "2 steps did not converge" in text
    assert "2 did not" in text


@pytest.mark.parametrize("steps", [0, 1, 60])
def test_a_short_run_has_a_page(tmp_path: Path, steps: int) -> None:
    text = page_of(
        report_runs.write(tmp_path / "r.h5", report_runs.calm(steps), info=replace(INFO, duration_s=3600.0))
    )
    Page(text)
    assert not re.search(r"\bnan\b", text)
    assert ("No step was run." in text) is (steps == 0)


def test_a_run_without_adapters_studies_places_or_library(tmp_path: Path) -> None:
    count = runs.HOMES
    table = report_runs.homes(
        adapter=[""] * count, group=[""] * count, x=np.full(count, np.nan), y=np.full(count, np.nan)
    )
    info = replace(INFO, title="", feeder="", library={}, versions={}, feeder_digest="")
    path = report_runs.write(tmp_path / "r.h5", report_runs.calm(adapters=False), info=info, table=table,
                             lines=FeederMap([], [], [], [], [], [], []))  # fmt: skip
    text = page_of(path)
    page = Page(text)
    assert page.count.get("script", 0) == 0
    for said in ("no adapters", "No home of this run has an adapter.", "not studied", "Not studied:", "there is no map",
                 "Nothing happened", "no entry of the library"):  # fmt: skip
        assert said in text


def test_three_phase_services_alone(tmp_path: Path) -> None:
    block = report_runs.calm()
    block.home["voltage_l2_v"][...] = np.nan
    block.home["voltage_l1_v"][...] = 277.0
    count = runs.HOMES
    table = report_runs.homes(kind=["three"] * count, nominal_v=np.full(count, 277.0),
                              service_rating_a=np.full(count, np.nan), transformer_row=np.full(count, -1))  # fmt: skip
    text = page_of(report_runs.write(tmp_path / "r.h5", block, table=table))
    assert "1.000 to 1.000 pu" in text
    assert "No service rating is known." in text
    assert not re.search(r"\bnan\b", text)


def test_the_quantity_asked_for_comes_first_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    path = report_runs.write(tmp_path / "r.h5")
    assert 'coloured by <span id="map-label">largest service current</span>' in page_of(
        path, "service_current_a"
    )
    with pytest.raises(ResultsError, match="service_current_a"):
        write_report(path, tmp_path / "bad.html", quantity="amps")
    assert not (tmp_path / "bad.html").exists()


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = report_runs.write(tmp_path / "r.h5")
    with pytest.raises(ResultsError, match="folder does not exist"):
        write_report(path, tmp_path / "absent" / "page.html")
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]


def test_a_long_event_log_is_cut_and_says_so(tmp_path: Path) -> None:
    text = page_of(report_runs.write(tmp_path / "r.h5", events=250))
    assert "The first 200 of 250 events" in text


def test_what_was_assumed_stands_beside_what_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    with runs.writer(path) as run:
        run.write(report_runs.calm())
        run.event(0, 0, "note", "study", "3 homes <had> no rating")
        run.finish()
    text = page_of(path)
    assert '<ul class="assumed">\n<li>3 homes &lt;had&gt; no rating</li>' in text
    assert 'class="mark"' not in text
    assert "assumed" not in page_of(report_runs.write(tmp_path / "quiet.h5")).partition("</style>")[2]
