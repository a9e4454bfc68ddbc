"""Cards, map classes and tables on made-up figures: every state must be reachable and true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import LIBRARY

from cosim.errors import ResultsError
from cosim.report.answer import Answer
from cosim.report.answers import answers
from cosim.report.feeder_map import apart, feeder_map
from cosim.report.figures import Figures, worst_rows
from cosim.report.map_quantities import (
    BEYOND,
    QUANTITIES,
    Colouring,
    colouring,
    colourings,
    put_first,
)
from cosim.report.provenance import heat_counts, heat_statement, provenance
from cosim.report.tables import groups, tables
from cosim.results import layout
from cosim.results.summary import Extreme, Summary

HOMES = 4
NAN = float("nan")

QUIET = Summary(
    title="", status="complete", homes=HOMES, adapters=2,
    heat=Extreme(20.0, 65.0, "b", "2026-07-09T18:00:00", "jaw"), homes_over_heat_limit=0,
    temperature=Extreme(50.0, NAN, "b"), homes_over_temperature_limit=0,
    studies=1, fault=Extreme(5e3, 1e4, "a"), sockets_over_rating=0, sockets_of_unknown_rating=0,
    service=Extreme(50.0, 200.0, "a"), homes_over_service_rating=0,
    low_voltage=Extreme(0.97, 0.95, "a"), high_voltage=Extreme(1.02, 1.05, "b"), homes_outside_voltage=0,
    head_back=None, head_back_wh=0.0, homes_back=0, transformer_back=None,
    transformer_load=Extreme(0.7, 1.0, "t"), transformers_over_rating=0,
    unsupplied_home_hours=0.0, events=0, steps=10, unconverged_steps=0,
)  # fmt: skip


def made_up(**changes: Any) -> Figures:
    table = {
        "group": ["solar", "", "", "<b>"], "adapter": ["some", "", "", "other"], "nominal_v": [120.0] * HOMES,
        "service_rating_a": [200.0, 200.0, NAN, 100.0], "temperature_limit_c": [NAN] * HOMES,
        "drop_limit_c": [90.0] * HOMES,
        "pv_kw": [5.0, 0.0, 0.0, 0.0], "battery_kw": [0.0] * HOMES, "ev_kw": [0.0] * HOMES,
        "transformer_row": [0, 0, -1, 0], "x": [0.0, 10.0, 20.0, NAN], "y": [0.0, 5.0, 0.0, NAN],
    }  # fmt: skip
    level = {"voltage_l1_v": 120.0, "voltage_l2_v": 120.0, "heat_margin_k": 40.0, "service_current_a": 50.0}
    values = {q.name: np.full(HOMES, level.get(q.name, 1.0)) for q in layout.HOME_QUANTITIES}
    known = {v.name: np.full(HOMES, 1e4) for v in layout.FAULT_DUTY.variables}
    fault = {**known, "verdict": np.zeros(HOMES, int), "current_a": np.array([1e3, 2e3, NAN, 4e3])}
    figures = Figures(
        homes=pd.DataFrame(table, index=["a", "b", "c", "d"]),
        transformers=pd.DataFrame({"rated_kva": [25.0], "x": [5.0], "y": [5.0]}, index=["t"]),
        largest=values,
        smallest=dict(values),
        loading_pu=np.array([0.7]),
        transformer_back_w=np.zeros(1),
        back_w=np.zeros(HOMES),
        back_wh=np.zeros(HOMES),
        unsupplied_s=np.zeros(HOMES),
        fault=fault,
    )
    return replace(figures, **changes)


def card(words: str, found: Figures | None = None, **changes: Any) -> Answer:
    cards = answers(replace(QUIET, **changes), found or made_up())
    (one,) = [a for a in cards if words in a.question]
    return one


def bearing(margin_k: float) -> Figures:
    """One adapter with a margin to the limits of its materials, the other without."""
    found = made_up()
    margins = np.array([margin_k, NAN, NAN, NAN])
    return replace(found, smallest={**found.smallest, "material_margin_k": margins})


UNRATED = {**made_up().fault, "adapter_rating_a": np.full(HOMES, NAN)}


@pytest.mark.parametrize(
    ("words", "changes", "state", "figure"),
    [
        ("too hot", {}, "good", "45 K left"),
        ("too hot", {"heat": Extreme(58.0, 65.0, "b")}, "watch", "7 K left"),
        ("too hot", {"heat": Extreme(70.0, 65.0, "b"), "homes_over_heat_limit": 1}, "bad", "5 K too much"),
        ("too hot", {"heat": None, "adapters": 0}, "plain", "no adapters"),
        ("too hot", {"heat": None}, "plain", "not simulated"),
        ("fault", {}, "good", "5 kA"),
        ("fault", {"sockets_over_rating": 1}, "bad", "5 kA"),
        ("fault", {"sockets_of_unknown_rating": 1}, "watch", "5 kA"),
        ("fault", {"found": made_up(fault=UNRATED)}, "watch", "5 kA"),
        ("fault", {"fault": None}, "plain", "no fed socket"),
        ("fault", {"studies": 0, "fault": None, "found": made_up(fault={})}, "plain", "not studied"),
        ("service overloaded", {}, "good", "25 %"),
        ("service overloaded", {"service": Extreme(170.0, 200.0, "a")}, "watch", "85 %"),
        ("service overloaded", {"service": Extreme(210.0, 200.0, "a"), "homes_over_service_rating": 1}, "bad", "105 %"),
        ("service overloaded", {"service": Extreme(50.0, NAN, "a")}, "plain", "50 A"),
        ("service overloaded", {"service": None}, "plain", "not simulated"),
        ("voltages", {}, "good", "0.970 to 1.020 pu"),
        ("voltages", {"homes_outside_voltage": 2}, "watch", "0.970 to 1.020 pu"),
        (
            "voltages",
            {"homes_outside_voltage": 2, "low_voltage": Extreme(0.916, 0.95, "a")},
            "bad",
            "0.916 to 1.020 pu",
        ),
        ("lines overloaded", {"line_load": Extreme(0.7, 1.0, "l")}, "good", "70 %"),
        ("lines overloaded", {"line_load": Extreme(1.2, 1.0, "l"), "lines_over_rating": 3}, "bad", "120 %"),
        ("phases balanced", {"unbalance": Extreme(0.012, 0.03, "b")}, "good", "1.2 %"),
        ("phases balanced", {"unbalance": Extreme(0.05, 0.03, "b")}, "watch", "5 %"),
        ("voltages", {"low_voltage": None, "high_voltage": None}, "plain", "not known"),
        ("transformers", {}, "good", "70 %"),
        ("transformers", {"transformers_over_rating": 1}, "watch", "70 %"),
        ("transformers", {"transformer_load": None}, "plain", "not known"),
        ("flows back", {}, "plain", "nothing"),
        ("flows back", {"homes_back": 1, "found": made_up(back_w=np.array([0, 3e3, 0, 0]))}, "plain", "3 kW"),
        ("feeder head", {"homes_back": 1}, "plain", "nothing"),
        ("feeder head", {"homes_back": 1, "head_back": Extreme(9e3, NAN, "head")}, "watch", "9 kW"),
        ("materials", {"found": bearing(40.0)}, "good", "40 K left"),
        ("materials", {"found": bearing(6.0)}, "watch", "6 K left"),
        ("materials", {"found": bearing(-5.0), "homes_over_temperature_limit": 1}, "bad", "5 K too much"),
        ("materials", {"found": bearing(NAN)}, "plain", "not known"),
        ("without power", {"found": made_up(unsupplied_s=np.array([0, 0, 60, 0]))}, "plain", "1 home"),
        ("settle", {}, "good", "yes"),
        ("settle", {"unconverged_steps": 3}, "bad", "3 did not"),
        ("settle", {"steps": 0}, "plain", "nothing run"),
    ],
)  # fmt: skip
def test_the_state_of_every_card(words: str, changes: dict[str, Any], state: str, figure: str) -> None:
    found = card(words, **changes)
    assert (found.state, found.figure) == (state, figure)
    bad = "outside" if words == "voltages" else "over"
    assert found.word == {"good": "within", "watch": "look", "bad": bad, "plain": ""}[state]
    assert "nan" not in found.detail


def test_a_quiet_run_has_no_card_about_what_did_not_happen() -> None:
    questions = " ".join(a.question for a in answers(QUIET, made_up()))
    assert "without power" not in questions
    unheated = " ".join(a.question for a in answers(replace(QUIET, temperature=None), made_up()))
    assert "materials" not in unheated


def test_the_heat_card_says_what_it_rests_on() -> None:
    assert answers(QUIET, made_up(), "9 of 10 are estimates.")[0].detail.endswith("9 of 10 are estimates.")


def test_every_home_quantity_of_the_layout_can_colour_the_map() -> None:
    names = [q.name for q in QUANTITIES]
    assert len(set(names)) == len(names)
    assert {q.name for q in layout.HOME_QUANTITIES} <= set(names)
    for quantity in QUANTITIES:
        assert colouring(made_up(), quantity).values.shape == (HOMES,)


def test_docs_list_every_quantity(root: Path) -> None:
    text = (root / "docs" / "report.md").read_text(encoding="utf-8")
    assert [q.name for q in QUANTITIES if f"`{q.name}`" not in text] == []


@pytest.mark.parametrize(
    ("name", "change", "beyond"),
    [
        ("heat_margin_k", {"smallest": "heat_margin_k", "value": -1.0}, True),
        ("jaw_rise_k", {"largest": "jaw_rise_k", "value": 65.5}, True),
        ("field_terminal_rise_k", {"largest": "field_terminal_rise_k", "value": 54.0}, False),
        ("service_loading_pu", {"largest": "service_current_a", "value": 150.0}, True),
        ("voltage_low_pu", {"smallest": "voltage_l2_v", "value": 113.0}, True),
        ("voltage_high_pu", {"largest": "voltage_l1_v", "value": 127.0}, True),
    ],
)
def test_red_is_for_what_is_beyond_its_limit(name: str, change: dict[str, Any], beyond: bool) -> None:
    found = made_up()
    values = found.smallest if "smallest" in change else found.largest
    values[change.get("smallest", change.get("largest"))][3] = change["value"]  # type: ignore[index]
    shown = colouring(found, next(q for q in QUANTITIES if q.name == name))
    assert bool(shown.beyond[3]) is beyond
    assert bool(shown.shades()[3] == BEYOND) is beyond
    assert not shown.beyond[:3].any()


def shown(values: list[float], low: bool = False, beyond: list[bool] | None = None) -> Colouring:
    quantity = next(q for q in QUANTITIES if q.name == ("heat_margin_k" if low else "jaw_rise_k"))
    return Colouring(quantity, np.array(values), np.array(beyond or [False] * len(values)))


def test_classes_have_round_borders_and_legends_count_homes() -> None:
    found = shown([39.2, 44.0, 63.0, NAN])
    assert found.borders().tolist() == [35, 40, 45, 50, 55, 60, 65]
    assert found.shades().tolist() == [0, 1, 5, -1]
    assert found.legend()[0] == (0, "35 to 40 K (1)")
    assert found.legend()[-1] == (-1, "does not apply (1)")
    assert shown([39.2, 44.0, 63.0], low=True).shades().tolist() == [5, 4, 0]
    assert shown([7.0, 7.0]).legend() == [(0, "7 K (2)")]
    assert shown([70.0, 80.0, 10.0], beyond=[True, True, False]).legend()[-1] == (
        BEYOND,
        "beyond the limit: 70 to 80 K (2)",
    )
    assert shown([NAN]).legend() == [(-1, "does not apply (1)")]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.booleans())
def test_every_value_lies_in_its_class_and_worse_is_never_cooler(values: list[float], low: bool) -> None:
    found = shown(values, low)
    borders, shades = found.borders(), found.shades()
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert borders[0] - slack <= min(values)
    assert max(values) <= borders[-1] + slack
    assert len(borders) <= 7
    worse = np.argsort(-np.array(values) if low else np.array(values), kind="stable")
    assert np.all(np.diff(shades[worse]) >= 0)
    assert sum(int(text.rpartition("(")[2][:-1]) for _, text in found.legend()) == len(values)


def test_a_named_quantity_comes_first_and_others_are_listed() -> None:
    choices = colourings(made_up())
    assert put_first(choices, "", Path("r.h5")) == choices
    assert put_first(choices, "service_current_a", Path("r.h5"))[0].quantity.name == "service_current_a"
    with pytest.raises(
        ResultsError, match=r"no such quantity; the map can show heat_margin_k, .*\(got heat\)"
    ):
        put_first(choices, "heat", Path("r.h5"))
    with pytest.raises(ResultsError, match="no home of this run has a value"):
        put_first(choices, "unsupplied_s", Path("r.h5"))


def drawn(found: Figures, lines: int = 1) -> str:
    table = pd.DataFrame(
        [("primary", "1.2.3", 0.0, 0.0, 20.0, 0.0)] * lines,
        columns=["level", "phases", "x1", "y1", "x2", "y2"],
    )
    return feeder_map(found.homes, table, found.transformers, colourings(found)[0], ["<tip>"] * HOMES)


def test_the_map_draws_what_has_a_place() -> None:
    svg = drawn(made_up())
    assert svg.count("<circle") == 3  # one home has no coordinates
    assert "&lt;tip&gt;" in svg
    assert 'class="line primary trunk"' in svg
    assert "nan" not in svg


def test_a_feeder_without_coordinates_has_no_map() -> None:
    found = made_up()
    found.homes[["x", "y"]] = NAN
    assert drawn(found, lines=0) == ""


def test_homes_at_the_end_of_a_long_line_fill_the_frame() -> None:
    found = made_up()
    found.homes["x"] += 5000.0
    svg = drawn(found)
    whole = [float(v) for v in svg.split('data-whole="')[1].split('"')[0].split()]
    first = [float(v) for v in svg.split('viewBox="')[1].split('"')[0].split()]
    assert first[2] <= 1001
    assert whole[2] > 50 * first[2]


def test_homes_on_one_spot_are_set_apart() -> None:
    x, y = apart(np.zeros(50), np.zeros(50))
    gaps = np.hypot(x[:, None] - x, y[:, None] - y)[~np.eye(50, dtype=bool)]
    assert (x[0], y[0]) == (0.0, 0.0)
    assert gaps.min() > 2.0


def test_worst_rows_skip_what_is_missing_and_keep_file_order() -> None:
    values = np.array([1.0, NAN, 3.0, 3.0])
    assert worst_rows(values, 3) == [2, 3, 0]
    assert worst_rows(values, 1, low=True) == [0]


def test_tables_mark_what_is_over_and_say_when_they_are_empty() -> None:
    found = made_up()
    found.largest["jaw_rise_k"][0] = 66.0
    hottest, faults, transformers, back = tables(found)
    jaws = next(c for c in hottest.columns if c.head == "Jaws")
    assert [cell.over for cell in jaws.cells] == [True, False, False, False]
    assert len(faults.rows) == 3  # one socket was dead
    assert [c.text for c in transformers.rows[0]] == ["t", "25", "3", "70", "–", "–", "–"]
    assert back.rows == []
    nobody = made_up(fault={}, smallest={**found.smallest, "heat_margin_k": np.full(HOMES, NAN)})
    assert [table.rows for table in tables(nobody)][:2] == [[], []]


def test_groups_count_their_kit() -> None:
    assert [[cell.text for cell in row] for row in groups(made_up()).rows] == [
        ["solar", "1", "some", "1", "–", "–"],
        ["<b>", "1", "other", "–", "–", "–"],
        ["others", "2", "–", "–", "–", "–"],
    ]


def test_provenance_counts_by_confidence_and_is_honest_about_heat() -> None:
    entries = {e.name: e for e in provenance(LIBRARY)}
    assert entries["adapters/some"].counts == [0, 1, 1, 1, 1]
    assert entries["adapters/some"].numbers[1].value == "–"
    assert entries["adapters/some"].numbers[2].key == "heat.joints 1.length_m"
    counts = heat_counts(entries.values())
    assert counts == {"estimate": 1, "derived": 1, "measured": 1}
    assert "rests on 3 numbers" in heat_statement(counts)
    assert "1 (33 %) are estimates" in heat_statement(counts)
    assert heat_statement(heat_counts([])) == ""
