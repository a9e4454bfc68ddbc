"""An entry calibrated to a run: what is found, what is written, what is refused."""

from __future__ import annotations

import copy
import csv
import html
import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cosim import library
from cosim.cli import app
from cosim.errors import LibraryError
from cosim.studies.calibration import Body, Calibration, calibrate
from cosim.studies.calibration_entry import write_entry
from cosim.studies.calibration_page import render
from cosim.studies.type_test.draws import assign
from cosim.thermal.calibration import trace
from cosim.thermal.network import build

NAME = "tesla-backup-switch"
JAW = "heat.joints.socket_line_jaw-line_jaw.contact_ohm"
Rows = list[list[Any]]


def body_keys() -> tuple[str, str]:
    """A contact and a mass: two numbers of the body that a run tells apart."""
    body = Body(library.load("adapters", NAME))
    contact = next(k for k in body.fittable() if k.endswith("contact_ohm"))
    mass = next(k for k in body.fittable() if k.startswith("heat.parts.meter") and k.endswith("mass_kg"))
    return contact, mass


def heat_run(changed: dict[str, float], *, every_s: float = 120.0) -> Rows:
    """Header and rows of a run of the body with some numbers changed."""
    body = Body(library.load("adapters", NAME))
    for key, value in changed.items():
        assign(body.numbers[key], value)
    network = build(body.heat, body.materials)
    time_s = np.arange(0.0, 4 * 3600.0 + 1.0, every_s)
    amps = np.where(time_s < 3 * 3600.0, 180.0, 20.0)
    ambient = 24.0 + 0.4 * np.sin(time_s / 3000.0)
    i2 = np.repeat(amps[:, None] ** 2, 6, axis=1) * np.array([1, 1, 1, 1, 0, 0])
    clean = trace(network, time_s, i2, ambient)
    noise = 0.3 * np.random.default_rng(1).standard_normal(clean.shape)
    readings = clean + noise
    head = ["time [s]", "current [A]", "ambient [°C]", *network.names]
    return [
        head,
        *(
            [t, a, round(air, 3), *np.round(row, 3)]
            for t, a, air, row in zip(time_s, amps, ambient, readings, strict=True)
        ),
    ]


def written(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows)
    return path


@pytest.fixture(scope="module")
def truth() -> dict[str, float]:
    contact, mass = body_keys()
    stated = Body(library.load("adapters", NAME)).stated
    return {contact: 1.6 * stated[contact], mass: 1.2 * stated[mass]}


@pytest.fixture(scope="module")
def found(run_csv: Path, truth: dict[str, float]) -> Calibration:
    return calibrate(NAME, run_csv, list(truth))


@pytest.fixture(scope="module")
def run_csv(tmp_path_factory: pytest.TempPathFactory, truth: dict[str, float]) -> Path:
    return written(tmp_path_factory.mktemp("run") / "run.csv", heat_run(truth, every_s=300.0))


def cosim(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in ("adapter", "calibrate", *words)])


# -- what is found and written ------------------------------------------------------------


def test_what_was_changed_is_found(found: Calibration, truth: dict[str, float]) -> None:
    for estimate, true in zip(found.fit.estimates, truth.values(), strict=True):
        assert estimate.low <= true <= estimate.high
        assert estimate.low <= estimate.noise_low < estimate.noise_high <= estimate.high
    assert found.fit.unexplained_k == pytest.approx(0.3, rel=0.1)
    assert found.fit.before_k > found.fit.after_k >= found.fit.unexplained_k


def test_the_new_entry_is_the_old_one_with_other_numbers(
    run_csv: Path, truth: dict[str, float], tmp_path: Path
) -> None:
    """Comments stay, nothing else changes, and the body built from it is the fitted one."""
    old = tmp_path / "mine.toml"
    text = library.entry_path("adapters", NAME).read_text(encoding="utf-8")
    old.write_text(
        "# measured in our laboratory\n" + text.replace("[heat]\n", "[heat] # the body\n"), encoding="utf-8"
    )
    found = calibrate(old, run_csv, list(truth))
    new = write_entry(found, tmp_path / "new.toml", date(2026, 3, 18))
    assert new.read_text().startswith("# measured in our laboratory\n")
    assert "[heat] # the body\n" in new.read_text()

    before, after = tomllib.loads(old.read_text()), tomllib.loads(new.read_text())
    assert {k: v for k, v in before.items() if k != "heat"} == {k: v for k, v in after.items() if k != "heat"}
    body, fitted = (Body(library.load("adapters", path)) for path in (old, new))
    moved = [n for n in fitted.numbers.values() if "run.csv of 2026-03-18" in n.source]
    kept = [str(n) for n in fitted.numbers.values() if n not in moved]
    assert sorted(kept) == sorted(str(n) for key, n in body.numbers.items() if key not in truth)
    assert len(moved) == len(truth)
    assert sorted(n.value for n in moved) == pytest.approx(
        sorted(e.value for e in found.fit.estimates), rel=1e-4
    )
    for number in moved:
        assert number.range is not None
        assert number.note.endswith(")")
    states = [e.state == "measured" for e in sorted(found.fit.estimates, key=lambda e: e.value)]
    assert [n.confidence == "measured" for n in sorted(moved, key=lambda n: n.value)] == states
    assert any(states)
    copied = copy.deepcopy(body)
    for estimate in found.fit.estimates:
        assign(copied.numbers[estimate.free.key], float(f"{estimate.value:.5g}"))
    one, two = build(copied.heat, copied.materials), build(fitted.heat, fitted.materials)
    air, i2 = found.run.ambient_c, found.run.i2_a2
    order = [two.names.index(name) for name in one.names]
    np.testing.assert_allclose(
        trace(one, found.run.time_s, i2, air), trace(two, found.run.time_s, i2, air)[:, order], atol=1e-8
    )


def test_the_command_writes_an_entry_that_passes_the_check(
    run_csv: Path, truth: dict[str, float], tmp_path: Path
) -> None:
    words = [word for key in truth for word in ("--fit", key)]
    done = cosim(
        NAME,
        "--measured",
        run_csv,
        *words,
        "--out",
        tmp_path / "new.toml",
        "--page",
        tmp_path / "p.html",
        "--json",
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [row["keys"] for row in told["estimates"]] == [[key] for key in truth]
    checked = CliRunner().invoke(app, ["adapter", "check", str(tmp_path / "new.toml")])
    assert checked.exit_code == 0, checked.output
    page = (tmp_path / "p.html").read_text()
    assert page.count("<svg") >= 2
    assert "Residuals" in page
    assert next(iter(truth)) in html.unescape(page)


def test_a_body_beside_the_entry_is_still_found(run_csv: Path, tmp_path: Path) -> None:
    """A base given as a file is named from the new entry's folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    base = library.raw("adapters", NAME)["heat"]["base"]
    (folder / "body.toml").write_text(library.entry_path("bodies", base).read_text(encoding="utf-8"))
    text = library.entry_path("adapters", NAME).read_text(encoding="utf-8")
    (folder / "mine.toml").write_text(
        text.replace(f'base = "{base}"', 'base = "body.toml"'), encoding="utf-8"
    )
    found = calibrate(folder / "mine.toml", run_csv, [body_keys()[1]])
    new = write_entry(found, tmp_path / "new.toml", date(2026, 3, 18))
    assert 'base = "mine/body.toml"' in new.read_text()
    assert library.load("adapters", new).heat.parts.keys() == found.entry.heat.parts.keys()


def test_a_second_calibration_begins_where_the_first_ended(
    found: Calibration, run_csv: Path, tmp_path: Path
) -> None:
    new = write_entry(found, tmp_path / "new.toml", date(2026, 3, 18))
    body = Body(library.load("adapters", new))
    keys = [k for k, n in body.numbers.items() if n.confidence == "measured" and "run.csv" in n.source]
    again = calibrate(new, run_csv, keys)
    assert again.fit.before_k == pytest.approx(found.fit.after_k, abs=1e-3)


def test_numbers_joined_move_together(run_csv: Path) -> None:
    contact, _ = body_keys()
    body = Body(library.load("adapters", NAME))
    other = next(k for k in body.fittable() if k.endswith("contact_ohm") and k != contact)
    found = calibrate(NAME, run_csv, [f"{contact}+{other}"])
    assert found.groups == ((contact, other),)
    assert len(found.fit.estimates) == 1


def test_numbers_are_chosen_where_none_is_named(run_csv: Path) -> None:
    found = calibrate(NAME, run_csv)
    assert found.chosen
    assert 1 <= len(found.groups) <= 6
    farther = any("farther from the run" in text for text in found.warnings())
    assert farther == (found.fit.after_k > found.fit.before_k)
    assert "chosen" in render(found)


def test_the_page_is_the_same_for_the_same_run(
    found: Calibration, run_csv: Path, truth: dict[str, float]
) -> None:
    one, two = render(found), render(calibrate(NAME, run_csv, list(truth)))
    assert one == two


# -- what is refused ----------------------------------------------------------------------


def change(place: tuple[int, str | int], value: object) -> Callable[[Rows], None]:
    def made(rows: Rows) -> None:
        line, column = place
        rows[line][rows[0].index(column) if isinstance(column, str) else column] = value

    return made


def drop(first: int, last: int) -> Callable[[Rows], None]:
    def made(rows: Rows) -> None:
        del rows[first:last]

    return made


def swap(rows: Rows) -> None:
    rows[5], rows[6] = rows[6], rows[5]


def hasty(rows: Rows) -> None:
    for row in rows[1:]:
        row[0] /= 200.0


def kelvin(rows: Rows) -> None:
    for row in rows[1:]:
        row[2] += 273.15


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (change((4, 3), ""), ["run.csv:5", "a gap"]),
        (change((4, 3), "nan"), ["run.csv:5", "not a finite number"]),
        (change((4, 1), "12,5"), ["run.csv:5: current", "not a number"]),
        (change((4, 1), -3.0), ["run.csv:5: current", "must lie between 0"]),
        (change((0, 3), "l1.line_jow"), ["run.csv:1: l1.line_jow", "unknown column; did you mean"]),
        (change((0, 0), "time [min]"), ["time", "the unit must be s", "min"]),
        (change((0, 2), "air"), ["ambient", "no such column; it is needed"]),
        (change((0, 1), "ampere"), ["no column of current"]),
        (change((0, 3), "ambient"), ["stands there twice"]),
        (swap, ["run.csv:7: time", "must rise from row to row"]),
        (drop(30, 50), ["time", "a gap of 2520 s where rows are 120 s apart"]),
        (drop(8, 1000), ["7 rows; give 10 at least"]),
        (hasty, ["slowest time constant"]),
        (kelvin, ["ambient", "is it in kelvin"]),
        (change((1, 3), 70.0), ["run.csv:2", "must begin cold"]),
        (drop(1, 1000), ["no row below the header"]),
    ],
)  # fmt: skip
def test_bad_tables(harm: Callable[[Rows], None], told: list[str], tmp_path: Path) -> None:
    rows = heat_run({})
    harm(rows)
    with pytest.raises(LibraryError) as refused:
        calibrate(NAME, written(tmp_path / "run.csv", rows), [body_keys()[0]])
    for words in told:
        assert words in str(refused.value)


def test_all_that_is_wrong_is_one_message_and_nothing_is_written(tmp_path: Path) -> None:
    rows = heat_run({})
    for harm in (change((4, 3), "x"), change((9, 1), ""), change((0, 4), "nowhere"), swap):
        harm(rows)
    run = written(tmp_path / "run.csv", rows)
    done = cosim(
        NAME, "--measured", run, "--fit", "heat.joints.99.contact_ohm", "--out", tmp_path / "new.toml"
    )
    assert done.exit_code == 2
    for words in (
        "5 problems",
        "run.csv:5",
        "run.csv:10: current",
        "nowhere",
        "must rise",
        "no number of the body",
    ):
        assert words in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv"]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("heat.parts.meter.mas_kg", "did you mean heat.parts.meter.mass_kg"),
        ("rating_a", "no number of the body"),
        ("materials.copper.conductivity", "no number of the body"),
    ],
)
def test_unknown_keys(key: str, told: str, run_csv: Path) -> None:
    with pytest.raises(LibraryError, match=told):
        calibrate(NAME, run_csv, [key])


def test_a_key_twice_and_a_missing_file(run_csv: Path, tmp_path: Path) -> None:
    contact, _ = body_keys()
    with pytest.raises(LibraryError, match="asked for twice"):
        calibrate(NAME, run_csv, [contact, contact])
    with pytest.raises(LibraryError, match="no such file"):
        calibrate(NAME, tmp_path / "none.csv")


def test_the_run_is_not_overwritten(run_csv: Path) -> None:
    done = cosim(NAME, "--measured", run_csv, "--out", run_csv)
    assert done.exit_code == 2
    assert "is read by this command" in done.output
