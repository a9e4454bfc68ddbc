"""The ten lines, against a run whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_up_runs as runs
import numpy as np
import pytest

from cosim.results import layout, open_results, summarise
from cosim.results.record import StepBlock
from cosim.results.summary import Summary

PEAK = 100  # the step at which everything is worst


def quiet() -> StepBlock:
    """Nominal everything, every step of 60 s converged; no adapter anywhere."""
    shape = (runs.STEPS, runs.HOMES)
    home = {q.name: np.zeros(shape) for q in layout.HOME_QUANTITIES}
    for q in layout.HOME_QUANTITIES:
        if q.name.endswith(("_k", "_c")):
            home[q.name][...] = np.nan
    home["voltage_l1_v"] += 120.0
    home["voltage_l2_v"] += 120.0
    return StepBlock(
        start_us=np.arange(runs.STEPS) * runs.STEP_US,
        seconds=np.full(runs.STEPS, 60.0),
        home=home,
        transformer={
            q.name: np.zeros((runs.STEPS, runs.TRANSFORMERS)) for q in layout.TRANSFORMER_QUANTITIES
        },
        feeder={q.name: np.zeros(runs.STEPS) for q in layout.FEEDER_QUANTITIES},
        iterations=np.full(runs.STEPS, 4, np.int32),
        converged=np.ones(runs.STEPS, bool),
        line={q.name: np.full((runs.STEPS, runs.LINES), 0.3) for q in layout.LINE_QUANTITIES},
        bus={q.name: np.full((runs.STEPS, len(runs.BUSES)), 0.002) for q in layout.BUS_QUANTITIES},
        inverter={q.name: np.zeros((runs.STEPS, 0)) for q in layout.INVERTER_QUANTITIES},
        newton=np.zeros(runs.STEPS, bool),
        faulted=np.zeros(runs.STEPS, bool),
    )


def summary(folder: Path, block: StepBlock, duty: dict[str, Any] | None = None, **columns: Any) -> Summary:
    homes = runs.homes() | columns
    run = runs.RunWriter(
        folder / "run.h5", runs.INFO, homes, runs.transformers(), runs.feeder_map(), runs.PLAN, runs.buses()
    )
    run.write(block)
    if duty is not None:
        run.study("peak", PEAK * runs.STEP_US, duty)
    with open_results(run.finish()) as results:
        return summarise(results)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    block = quiet()
    block.line["line_loading_pu"][PEAK, 1] = 1.4
    block.bus["unbalance_pu"][PEAK, 1] = 0.04
    home = block.home
    for name, rise in (("jaw_rise_k", 40.0), ("field_terminal_rise_k", 20.0), ("bus_bar_rise_k", 10.0)):
        home[name][:, [1, 3]] = rise
    home["field_terminal_rise_k"][PEAK, 3] = 56.5  # over 55 K, though the jaw may reach 65 K
    home["jaw_rise_k"][PEAK, 1] = 60.0
    home["adapter_temperature_c"][:, 1] = 50.0
    home["adapter_temperature_c"][PEAK, 1] = 95.0
    home["service_current_a"][PEAK, 4] = 150.0
    home["service_current_a"][PEAK, 5] = 120.0  # the smaller current at the smaller rating is worse
    home["voltage_l2_v"][PEAK, 2] = 112.0
    home["voltage_l1_v"][PEAK, 6] = 127.2
    home["voltage_l1_v"][:60, 0] = home["voltage_l2_v"][:60, 0] = 0.0  # an outage is no low voltage
    home["service_power_w"][PEAK, 1] = -5000.0
    block.transformer["power_w"][PEAK, 1] = -4000.0
    block.transformer["loading_pu"][PEAK, 0] = 1.25
    block.feeder["power_w"][PEAK : PEAK + 2] = -3000.0
    block.converged[7] = False
    ratings = np.full(runs.HOMES, 200.0)
    ratings[5] = 100.0
    limits = np.where(np.arange(runs.HOMES) == 1, 90.0, np.nan)
    duty = runs.duty()
    duty["verdict"][0] = layout.UNKNOWN
    return summary(
        tmp_path_factory.mktemp("busy"), block, duty, service_rating_a=ratings, temperature_limit_c=limits
    )  # fmt: skip


def test_heat(busy: Summary) -> None:
    assert busy.heat is not None
    assert (busy.heat.item, busy.heat.what, busy.heat.limit) == ("home-3", "field terminal", 55.0)
    assert busy.heat_margin_k == pytest.approx(-1.5)
    assert busy.heat.time == "2026-07-14T01:40:00"
    assert busy.homes_over_heat_limit == 1
    assert busy.temperature is not None
    assert (busy.temperature.value, busy.temperature.limit, busy.temperature.item) == (95.0, 90.0, "home-1")
    assert busy.homes_over_temperature_limit == 1


def test_fault_current(busy: Summary) -> None:
    assert busy.fault is not None
    assert (busy.fault.value, busy.fault.limit, busy.fault.item) == (9000.0, 5000.0, "home-6")
    assert (busy.sockets_over_rating, busy.sockets_of_unknown_rating) == (3, 1)


def test_service_and_voltage(busy: Summary) -> None:
    assert busy.service is not None
    assert (busy.service.item, busy.service.value, busy.homes_over_service_rating) == ("home-5", 120.0, 1)
    assert busy.low_voltage is not None
    assert busy.high_voltage is not None
    assert busy.low_voltage.value == pytest.approx(112 / 120)
    assert busy.high_voltage.value == pytest.approx(1.06)
    assert (busy.low_voltage.item, busy.high_voltage.item) == ("home-2", "home-6")
    assert busy.high_voltage.time == "2026-07-14T01:40:00"
    assert busy.homes_outside_voltage == 2


def test_lines_unbalance_and_ranges(busy: Summary) -> None:
    assert busy.line_load is not None
    assert busy.unbalance is not None
    assert (busy.line_load.item, busy.line_load.value) == ("l2", pytest.approx(1.4))
    assert busy.lines_over_rating == 1
    assert (busy.unbalance.item, busy.unbalance.value) == ("b1", pytest.approx(0.04))
    assert busy.homes_outside_b == 1  # 1.06 pu; 112 V are still in range B
    assert busy.home_hours_outside_a == pytest.approx(2 / 60)
    assert busy.home_hours_outside_b == pytest.approx(1 / 60)
    assert "unbalance 4 % (b1)" in busy.lines()[4]
    assert "l2 at 140 %" in busy.lines()[7]


def test_backfeed_and_loading(busy: Summary) -> None:
    assert busy.head_back is not None
    assert busy.transformer_back is not None
    assert busy.transformer_load is not None
    assert busy.head_back_wh == pytest.approx(3000.0 * 120 / 3600)
    assert (busy.head_back.value, busy.head_back.time) == (3000.0, "2026-07-14T01:40:00")
    assert (busy.transformer_back.item, busy.transformer_back.value) == ("t1", 4000.0)
    assert (busy.transformer_load.item, busy.transformer_load.value) == ("t0", 1.25)
    assert (busy.homes_back, busy.transformers_over_rating) == (1, 1)


def test_supply_and_solver(busy: Summary) -> None:
    assert busy.unsupplied_home_hours == pytest.approx(59 / 60)  # one of the 60 dead steps did not converge
    assert (busy.steps, busy.unconverged_steps) == (runs.STEPS, 1)


def test_ten_lines(busy: Summary) -> None:
    lines = busy.lines()
    assert len(lines) == 11
    assert lines[0] == (
        "Hottest adapter: home-3, field terminal 56.5 K over air, 1.5 K ABOVE the limit of 55 K "
        "(2026-07-14T01:40:00); homes over a limit: 1 of 3"
    )
    assert "1 did NOT converge" in lines[-1]


def test_figures_are_flat_json(busy: Summary) -> None:
    figures = json.loads(json.dumps(busy.as_dict(), allow_nan=False))
    assert figures["heat_margin_k"] == pytest.approx(-1.5)
    assert figures["head_back_value"] == 3000.0
    assert all(isinstance(value, str | int | float | None) for value in figures.values())


def test_nothing_to_say_is_said(tmp_path: Path) -> None:
    quiet_summary = summary(tmp_path, quiet(), adapter=[""] * runs.HOMES)
    assert quiet_summary.heat is None
    assert quiet_summary.lines()[:3] == [
        "Heat: no adapter was simulated",
        "Temperature: no adapter was simulated",
        "Fault current: not studied",
    ]
    assert json.loads(json.dumps(quiet_summary.as_dict(), allow_nan=False))["heat_value"] is None
    assert "all converged" in quiet_summary.lines()[-1]


def test_unknown_ratings_are_no_all_clear(tmp_path: Path) -> None:
    duty = runs.duty()
    duty["adapter_rating_a"][:] = duty["breaker_rating_a"][:] = np.nan
    duty["verdict"][:] = layout.UNKNOWN
    unknown = summary(tmp_path, quiet(), duty, service_rating_a=np.full(runs.HOMES, np.nan))
    assert unknown.fault is not None
    assert "9,000 A, rating unknown" in unknown.lines()[2]
    assert f"unknown: {runs.HOMES} of {runs.HOMES}" in unknown.lines()[2]
    assert "rating unknown" in unknown.lines()[3]


def test_a_run_without_steps(tmp_path: Path) -> None:
    with open_results(runs.writer(tmp_path / "run.h5").abandon()) as results:
        empty = summarise(results)
    assert empty.steps == 0
    assert len(empty.lines()) == 11  # its inverters have a line of their own


def test_rounding_is_no_backfeed(tmp_path: Path) -> None:
    block = quiet()
    for values in (block.home["service_power_w"], block.transformer["power_w"], block.feeder["power_w"]):
        values[...] = -1e-6
    found = summary(tmp_path, block)
    assert (found.homes_back, found.head_back, found.transformer_back) == (0, None, None)
