"""The library: every shipped entry loads and tells its sources; a bad one tells all its faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cosim import library
from cosim.entries import Quantity, quantities
from cosim.errors import LibraryError

MINE = (
    *("adapters", "bodies", "breakers", "contacts", "curves", "der", "materials"),
    *("conductors", "series-ratings", "transformers"),
    *("sockets", "meters", "panels", "transfer", "utilities"),
)
ENTRIES = [(kind, name) for kind in MINE for name in library.names(kind)]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_number_has_a_source_and_a_confidence(kind: str, name: str) -> None:
    entry = library.load(kind, name)
    found = list(quantities(entry))
    assert found or kind == "utilities" or name == "none"  # some publish no rule
    assert entry.name == name
    for key, quantity in found:
        assert len(quantity.source) > 2, key
        assert quantity.confidence in {"measured", "stated", "derived", "estimate", "not found"}, key
        assert quantity.confidence != "estimate" or quantity.range is not None, key
    assert len(found) == _tables_with_units(library.raw(kind, name))


def _tables_with_units(value: object) -> int:
    if isinstance(value, dict):
        number = {"unit", "confidence"} <= value.keys()
        return 1 if number else sum(_tables_with_units(item) for item in value.values())
    return sum(_tables_with_units(item) for item in value) if isinstance(value, list) else 0


@pytest.mark.parametrize("name", library.names("adapters"))
def test_what_an_adapter_refers_to_exists(name: str) -> None:
    for kind, other in library.load("adapters", name).references():
        assert library.load(kind, other)


def test_stated_facts_of_the_four_products() -> None:
    solar = library.load("adapters", "connectder-solar-60")
    rating = {short.applies_to: short.rating_a for short in solar.short_circuit}
    assert rating["der-branch"].value == 22000.0
    assert not rating["meter-jaws"].known
    assert library.load("breakers", solar.der_breaker).rating_a.value == 60.0
    for name in ("tesla-backup-switch", "tesco-bptm", "connectder-ev"):
        assert all(not short.rating_a.known for short in library.load("adapters", name).short_circuit)
    switch = library.load("adapters", "tesla-backup-switch").transfer
    assert switch is not None
    assert sorted(q.value for q in switch.reconnect_s.values()) == [15.0, 60.0, 60.0, 300.0]
    bptm = library.load("adapters", "tesco-bptm").transfer
    assert bptm is not None
    assert bptm.transfer_s.value == 14.0


def test_breaker_bands_keep_the_calibration_points() -> None:
    """UL 489: holds 100 %, trips at 135 % within 1 h (2 h above 50 A) and at 200 % within minutes by size."""
    from math import log

    for name in library.names("breakers"):
        entry = library.load("breakers", name)
        tau, level, rating = entry.thermal_tau_s.value, entry.trip_level.value, entry.rating_a.value
        assert level > 1.0
        assert tau * log(1.35**2 / (1.35**2 - level)) < (3600 if rating <= 50 else 7200)
        minutes = next(m for limit, m in ((30, 2), (50, 4), (100, 6), (150, 8), (225, 10)) if rating <= limit)
        assert tau * log(4 / (4 - level)) <= 60 * minutes


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(LibraryError, match="did you mean 'connectder-solar-60'"):
        library.load("adapters", "conectder-solar60")
    with pytest.raises(LibraryError, match="did you mean 'adapters'"):
        library.names("adapter")
    with pytest.raises(LibraryError, match="no such file"):
        library.load("adapters", "nowhere/mine.toml")


BAD = """
title = "A wire"
material = "coper"
r_ohm_per_km = { value = 0.3, unit = "ohm/mi", source = "a sheet", confidence = "stated" }
r_temperature_c = { value = 20.0, unit = "degC", source = "a sheet", confidence = "sure" }
gmr_m = { value = 0.005, unit = "m", source = "a guess", confidence = "estimate" }
diameter_m = { value = -0.01, unit = "m", source = "a sheet", confidence = "stated" }
insulation_m = { value = "thin", unit = "m", source = "a sheet", confidence = "stated" }
ampacity = { value = 200.0, unit = "A", source = "a sheet", confidence = "stated" }
"""


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "wire.toml"
    path.write_text(BAD)
    with pytest.raises(LibraryError) as caught:
        library.load("conductors", path)
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert all(problem.file == str(path) for problem in caught.value.problems)
    assert "'copper'" in told["material"]
    assert "must be 'ohm/km', not 'ohm/mi'" in told["r_ohm_per_km"]
    assert "'estimate'" in told["r_temperature_c.confidence"]
    assert "range" in told["gmr_m"]
    assert "between 0" in told["diameter_m"]
    assert "number" in told["insulation_m.value"]
    assert "did you mean 'ampacity_a'" in told["ampacity"]
    assert "missing" in told["ampacity_a"]
    assert len(told) == 8


def test_faults_inside_a_heat_model(tmp_path: Path) -> None:
    good = (library.models_folder() / "bodies" / "socket-200.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(good.replace('between = ["coil", "meter"]', 'between = ["coil", "metre"]'))
    with pytest.raises(LibraryError, match="unknown part metre"):
        library.load("bodies", path)
    data = library.raw("adapters", "bare-socket")
    data["heat"]["wires"] = []
    data["heat"]["surfaces"] = [row for row in data["heat"]["surfaces"] if row["to"] != "ambient"]
    with pytest.raises(LibraryError, match="no path for heat to the ambient air from box, coil, meter"):
        library.check("adapters", data)
    path.write_text(good.replace("loss_w", "los_w"))
    with pytest.raises(
        LibraryError, match=r"heat\.parts\.meter\.los_w: unknown key 'los_w'; did you mean 'loss_w'"
    ):
        library.load("bodies", path)
    path.write_text("title = ")
    with pytest.raises(LibraryError, match="not a TOML file"):
        library.load("adapters", path)


@pytest.mark.parametrize("confidence", ["not found", "stated"])
def test_a_number_is_there_or_said_to_be_missing(confidence: str) -> None:
    missing = {"unit": "A", "source": "looked for", "confidence": confidence}
    if confidence == "not found":
        assert not Quantity.model_validate(missing).known
        missing["value"] = 5.0
    with pytest.raises(ValueError, match="not found"):
        Quantity.model_validate(missing)


def test_entries_are_frozen_and_come_back_from_json() -> None:
    entry = library.load("adapters", "tesla-backup-switch")
    with pytest.raises(ValueError, match="frozen"):
        entry.title = "another"
    assert library.from_json("adapters", library.raw_json("adapters", "tesla-backup-switch")) == entry


def test_models_are_found_in_a_wheel_and_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cosim").mkdir()
    monkeypatch.setattr(library, "PACKAGE", tmp_path / "cosim")
    assert library.models_folder() == tmp_path / "models"
    assert library.scenarios_folder() == tmp_path / "scenarios"
    (tmp_path / "cosim" / "_data" / "models").mkdir(parents=True)
    assert library.models_folder() == tmp_path / "cosim" / "_data" / "models"


def test_the_page_on_the_library_runs(root: Path) -> None:
    import doctest

    found = doctest.testfile(str(root / "docs" / "library.md"), module_relative=False)
    assert found.attempted > 3
    assert found.failed == 0


def test_naming_entries_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cosim import library; library.names('adapters'); "
        "print([m for m in ('numba', 'numpy', 'pydantic', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def wrong_copy(tmp_path: Path, kind: str, name: str, *changes: tuple[str, str]) -> str:
    """What is told of an entry of one's own, a copy of a library's with some text exchanged."""
    text = (library.models_folder() / kind / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LibraryError) as told:
        library.load(kind, path)
    [problem] = told.value.problems
    return str(problem).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("kind", "name", "change", "expected"),
    [
        ("protection", "k-link", ('"k-link"', '"kk-link"'), "curve: unknown entry of models/curves 'kk-link'; did you"),
        ("protection", "k-link", ('"k-link"', '"recloser-a"'), "curve: is the curve of a recloser, not of a fuse-link"),
        ("protection", "recloser", ('"recloser-106"', '"1O6"'), "shots.0.ground_curve: unknown entry of models/curves"),
        ("protection", "k-link", ('kind = "fuse"', ""), "kind: should be one of fuse, recloser, relay, sectionalizer"),
        ("protection", "k-link", ('kind = "fuse"', 'kind = "fuse"\nmelt = 1'), "melt: unknown key 'melt'"),
        ("protection", "recloser", ("fast = true", "fsat = true"), "shots.0.fsat: unknown key 'fsat'; did you mean"),
        ("adapters", "tesco-bptm", ('machine = "', 'machine = "my-'), "machine: unknown entry of models/transfer 'my-"),
        ("adapters", "surge-only", ("block-130", "block-13"), "clamp.varistor: unknown entry of models/varistors"),
        ("reliability", "us-average", ("[crews]\nvalue = 2", "[crews]\nvalue = 2.5"), "crews: should be a whole"),
    ],
)  # fmt: skip
def test_what_an_entry_of_ones_own_names_is_there(
    tmp_path: Path, kind: str, name: str, change: tuple[str, str], expected: str
) -> None:
    assert wrong_copy(tmp_path, kind, name, change).startswith(expected)
