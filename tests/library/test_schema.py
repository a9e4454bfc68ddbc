"""The JSON schemas: current, and true of every file that ships."""

from __future__ import annotations

import json
import tomllib

import pytest
from json_schema import faults

from cosim import entry_schema, library
from cosim.errors import LibraryError

FILES = [
    (kind, name)
    for kind in entry_schema.kinds()
    for name in library.names(kind)
    if kind not in ("households", "appliances", "weather")
]


@pytest.mark.parametrize("kind", entry_schema.kinds())
def test_the_generated_file_is_current(kind: str) -> None:
    written = (entry_schema.PAGES / f"{kind}.json").read_text(encoding="utf-8")
    assert written == entry_schema.text(kind), "run python -m cosim.entry_schema"
    assert json.loads(written)["$id"] == f"cosim/models/{kind}"


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_file_follows_its_schema(kind: str, name: str) -> None:
    data = tomllib.loads(library.entry_path(kind, name).read_text(encoding="utf-8"))
    schema = entry_schema.schema(kind)
    assert list(faults(data, schema, schema)) == []


def test_the_schema_knows_what_the_models_know() -> None:
    schema = entry_schema.schema("adapters")
    good = tomllib.loads(library.entry_path("adapters", "sigen-backup-switch").read_text(encoding="utf-8"))

    def wrong(**changes: object) -> list[str]:
        return list(faults({**good, **changes}, schema, schema))

    rating = good["rating_a"]
    assert wrong(rating_a={**rating, "unit": "kA"}) == [".rating_a.unit: 'kA' is not 'A'"]
    assert wrong(rating_a={**rating, "value": -1.0})[0].startswith(".rating_a.value: -1.0 is not between")
    assert wrong(rating_a={k: v for k, v in rating.items() if k != "source"}) == [
        ".rating_a: source is missing"
    ]
    assert wrong(ratting=1) == [": unknown key ratting"]
    assert wrong(kind="collar")[0].startswith(".kind: 'collar' is not among")
    assert "name" not in schema["properties"]
    assert "parts" not in schema["$defs"]["HeatModel"]["required"]


def test_unknown_kinds_name_the_nearest() -> None:
    with pytest.raises(LibraryError, match="did you mean 'adapters'"):
        entry_schema.schema("adapter")
