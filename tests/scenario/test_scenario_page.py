"""The page about scenarios says what the schema says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from cosim.results import layout
from cosim.scenario import Scenario, reference
from cosim.scenario.declared import keys_at
from cosim.scenario.population import TABLE_COLUMNS
from cosim.scenario.study_schema import HOME_QUANTITIES


def test_key_reference_is_that_of_the_schema() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    assert reference.rewritten(page) == page, "run python -m cosim.scenario.reference"


def test_every_key_has_a_meaning_and_every_table_is_told() -> None:
    rows = list(reference.keys())
    assert all(meaning for *_, meaning in rows)
    assert {table for table, *_ in rows} >= {
        "",
        "feeder",
        "homes.GROUP",
        "homes.GROUP.ev",
        "[events]",
        "record",
    }
    assert len(rows) == len({(table, key) for table, key, *_ in rows})


def test_table_columns_are_told() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    assert all(f"`{column}`" in page for column in TABLE_COLUMNS)


def test_toml_of_the_page_is_valid() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", reference.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    smallest, *rest = (tomllib.loads(block) for block in blocks)
    assert set(smallest) == {"start", "duration"}
    for block in rest:
        assert set(block) <= set(keys_at(()))


def test_smallest_scenario_of_the_page_loads(tmp_path: Path) -> None:
    block = re.search(r"```toml\n(.*?)```", reference.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    file = tmp_path / "small.toml"
    file.write_text(block[1])
    assert Scenario.load(file).steps == 2880


def test_quantities_are_those_of_the_result_file() -> None:
    assert tuple(quantity.name for quantity in layout.HOME_QUANTITIES) == HOME_QUANTITIES
