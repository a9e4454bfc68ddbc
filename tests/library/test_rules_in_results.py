"""What homes break, from a run to its file, its summary and its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from broken_rules import BROKEN_RULES

import cosim
from cosim.report import write_report
from cosim.results.summary import summarise

TEXT = (
    BROKEN_RULES.replace("10 min", "2 min").replace("homes = 24", "homes = 12")
    + '[studies]\nfault_duty = { at = ["start"] }\n'
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> cosim.Results:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "case.toml").write_text(TEXT)
    return cosim.run(cosim.Scenario.load(folder / "case.toml"), folder / "case.h5")


def test_the_file_holds_a_row_a_rule_and_home(done: cosim.Results) -> None:
    assert done.studies_of("site_rules") == ["site_rules"]
    study = done.study("site_rules")
    broken = study["verdict"].to_numpy() == 0
    homes, rules = study["home"].to_numpy().astype(str), study["rule"].to_numpy().astype(str)
    backup = set(done.homes.index[done.homes["group"] == "backup"])
    assert set(homes[broken]) == backup
    assert {rule: int((rules[broken] == rule).sum()) for rule in set(rules[broken])} == {
        "approval": 3,
        "socket-rating": 3,
    }
    assert "fault-current" not in set(rules)  # the fault-duty study judged it, and it is within
    assert all(len(text) > 2 for text in study["source"].to_numpy().astype(str))
    assert "utilities/pseg" in done.info.library


def test_the_summary_counts_them(done: cosim.Results) -> None:
    found = summarise(done)
    assert found.site is not None
    assert (found.site.utility, found.site.broken) == ("pseg", 3)
    assert any(line.startswith("Rules of pseg: 3 homes break one") for line in found.lines())
    flat = found.as_dict()
    assert flat["site_broken"] == 3
    assert json.dumps(flat)


def test_the_page_has_a_card_and_a_section(done: cosim.Results, tmp_path: Path) -> None:
    page = write_report(done, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "follow their utility" in page
    assert "3 homes break one" in page
    assert "Homes against their utility" in page
    assert "socket of 320 A, at most 200 A allowed" in page


def test_without_a_utility_and_findings_there_is_nothing(tmp_path: Path) -> None:
    text = TEXT.replace('utility = "pseg"\n', "").replace("ringless-320", "ringless-200")
    (tmp_path / "case.toml").write_text(text)
    with cosim.run(cosim.Scenario.load(tmp_path / "case.toml"), tmp_path / "case.h5") as results:
        assert results.studies_of("site_rules") == []
        assert summarise(results).site is None


def test_a_utility_that_finds_nothing_still_says_so(tmp_path: Path) -> None:
    text = TEXT.replace(
        '[homes.backup]\nshare = 0.25\nadapter = "tesla-backup-switch"\nsocket = "ringless-320"\n', ""
    )
    text = text.replace('"pseg"', '"pge"').replace("connectder-solar-60", "tesla-backup-switch")
    (tmp_path / "case.toml").write_text(text)
    with cosim.run(cosim.Scenario.load(tmp_path / "case.toml"), tmp_path / "case.h5") as results:
        study = results.study("site_rules")
        assert np.asarray(study["verdict"]).shape == (0,)
        assert "0 homes break one" in "\n".join(summarise(results).lines())
        assert "No rule is broken" in write_report(results, tmp_path / "page.html").read_text(
            encoding="utf-8"
        )
