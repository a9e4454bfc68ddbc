"""What events leave in a result file and on its page: short circuits, sources on the dead grid, energy by source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosim.report import write_report
from cosim.results import Results, summarise
from cosim.scenario import Scenario
from cosim.simulation.run import run


def of_case(root: Path, folder: Path, name: str) -> Results:
    return run(Scenario.load(root / "tests" / "cases" / name / "scenario.toml"), folder / "x.h5")


@pytest.fixture(scope="module")
def fault(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return of_case(root, tmp_path_factory.mktemp("fault"), "permanent-lateral-fault")


@pytest.fixture(scope="module")
def unisolated(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return of_case(root, tmp_path_factory.mktemp("unisolated"), "generator-without-isolation")


def test_seconds_of_a_fault_are_no_loading(fault: Results) -> None:
    found = summarise(fault)
    assert found.lines_over_rating == 0
    assert found.homes_outside_voltage == 0
    [row] = fault.study("short_circuits").to_dataframe().to_dict("records")
    assert row["where"] == "line:lateral-1-1"
    assert row["current_a"] > 2000.0
    assert row["low_pu"] < 0.1
    assert row["sagged"] == 7  # those behind the lateral's fuse


def test_a_fault_counts_while_the_log_has_it_fed(fault: Results) -> None:
    log = fault.events.set_index("kind")["time"]
    [row] = fault.study("short_circuits").to_dataframe().to_dict("records")
    open_s = (log["recloses"] - log["breaker_opens"]).total_seconds()
    assert row["live_s"] == pytest.approx(
        (log["fuse_blows"] - log["fault"]).total_seconds() - open_s, abs=1e-9
    )
    assert row["spells"] == 2
    solver = fault.solver
    assert float(solver.loc[solver["faulted"], "seconds"].sum()) == pytest.approx(row["live_s"], abs=1e-9)
    assert float(fault.intervals["faulted_s"].sum()) == pytest.approx(row["live_s"], abs=1e-9)


def test_who_ended_a_backfeed(unisolated: Results) -> None:
    log = unisolated.events.set_index("kind")["time"]
    [row] = unisolated.study("backfeed_spells").to_dataframe().to_dict("records")
    assert row["reason"] == "source stalls"
    assert row["began"] == log["backfeed_begins"]
    assert row["ended"] == log["backfeed_ends"]
    assert row["hazard_s"] == pytest.approx((row["ended"] - row["began"]).total_seconds())
    assert row["exposure_s"] == 0.0


def test_the_summary_tells_of_them(fault: Results, unisolated: Results) -> None:
    told, row = summarise(fault), fault.study("short_circuits").to_dataframe().iloc[0]
    assert told.hazards is None
    assert told.short_circuits is not None
    assert (told.short_circuits.faults, told.short_circuits.where) == (1, "line:lateral-1-1")
    assert told.short_circuits.current_a == row["current_a"]
    assert told.short_circuits.most_sagged == row["sagged"]
    told, row = summarise(unisolated), unisolated.study("backfeed_spells").to_dataframe().iloc[0]
    assert told.short_circuits is None
    assert told.hazards is not None
    assert (told.hazards.spells, told.hazards.homes, told.hazards.home) == (1, 1, row["home"])
    assert told.hazards.danger_s == row["hazard_s"] > 0.0
    assert told.hazards.exposure_s == 0.0
    assert told.as_dict()["hazards_contact_a"] == row["contact_a"] > 0.1
    [line] = [line for line in told.lines() if line.startswith("Hazard: ")]
    assert f"dangerous to touch for {row['hazard_s']:.3g} s in all, 0 s of that with a crew" in line


def test_energy_by_source_adds_up(unisolated: Results) -> None:
    energy = unisolated.study("island_energy").to_dataframe().set_index("home")
    homes = unisolated.study("outage_homes").to_dataframe().set_index("home").loc[energy.index]
    served = energy[["solar_kwh", "battery_kwh", "generator_kwh"]].sum(axis=1)
    assert np.all(
        served >= homes["own_kwh"] - 1e-9
    )  # a device waits on its own source for minutes with the grid back
    assert np.all(energy["fuel_kwh"] > energy["generator_kwh"])
    assert not energy[["curtailed_kwh", "section_kwh", "charged_kwh"]].to_numpy().any()


def test_the_page_tells_of_them(fault: Results, unisolated: Results, tmp_path: Path) -> None:
    page = write_report(fault, tmp_path / "a.html").read_text()
    assert "Short circuits" in page
    assert "What did short circuits do?" in page
    assert "Who fed the dead grid?" not in page
    assert "Temperatures through the returns" in page
    page = write_report(unisolated, tmp_path / "b.html").read_text()
    assert "Sources that stood on the dead grid" in page
    assert "source stalls" in page
    assert "Who fed the dead grid?" in page
    assert "by source" in page
