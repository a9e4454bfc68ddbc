"""``cosim adapter check``: everything wrong in one message; everything open, with what follows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cosim import library
from cosim.adapter_check import public_share, review
from cosim.errors import LibraryError

GOOD = "connectder-solar-60"


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a shipped adapter with some text replaced."""

    def change(*pairs: tuple[str, str], name: str = GOOD) -> Path:
        text = library.entry_path("adapters", name).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return change


def problems(path: Path) -> dict[str, str]:
    with pytest.raises(LibraryError) as caught:
        library.load("adapters", path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return {problem.key: problem.message for problem in caught.value.problems}


def test_all_faults_of_a_copied_file_in_one_message(mine: Callable[..., Path]) -> None:
    told = problems(
        mine(
            ('owner = "mixed"', 'owner = "nobody"\nweight_kg = 3.0'),
            ('branch_rating_a = { value = 60.0, unit = "A"', "branch_rating_a = { value = -60.0"),
            ("fingers = { value = 1.0,", "fingers = { value = 0.5,"),
            ('has = "no", confidence = "stated"', 'has = "perhaps", confidence = "stated"'),
            ('"flammability", ', ""),
            (
                'test = "manual", status = "stated", document = "LAB-012revB"',
                'test = "manual", status = "passed"',
            ),
        )
    )
    assert "'customer'" in told["owner"]
    assert "unknown key 'weight_kg'" in told["weight_kg"]
    assert "missing" in told["branch_rating_a.unit"]
    assert "range" in told["jaw_grip.fingers"] or "between" in told["jaw_grip.fingers"]
    assert "'not found'" in told["protections.automatic_transfer.has"]
    assert any("names its report" in message for message in told.values())
    assert len(told) == 6


def test_a_certificate_has_every_test_once(mine: Callable[..., Path]) -> None:
    assert "no row for flammability" in problems(mine(('"flammability", ', "")))["certification"]
    twice = mine(('"flammability", ', '"flammability", "manual", '))
    assert "manual stands there twice" in problems(twice)["certification"]


def test_ratings_above_what_they_rest_on(mine: Callable[..., Path]) -> None:
    over = mine(("rating_a = { value = 200.0,", "rating_a = { value = 225.0,"))
    assert "above the 200 A of the socket ringless-200" in problems(over)["rating_a"]
    free = mine(
        ("rating_a = { value = 200.0,", "rating_a = { value = 480.0,"), ('socket = "ringless-200"\n', "")
    )
    assert "above the 400 A of the largest socket of form 2S" in problems(free)["rating_a"]
    second = mine(("rating_a = { value = 200.0,", "rating_a = { value = 320.0,"), name="second-socket")
    assert "above the 200 A of the socket ringless-200" in problems(second)["rating_a"]
    breaker = mine(('der_breaker = "connectder-60"', 'der_breaker = "connectder-80"'))
    assert "rated 80 A, above the branch of 60 A" in problems(breaker)["der_breaker"]


def test_ratings_and_names_are_told_with_all_else(mine: Callable[..., Path]) -> None:
    """A field that is wrong in itself hides nothing that contradicts other entries."""
    told = problems(
        mine(
            ("rating_a = { value = 200.0,", "rating_a = { value = 400.0,"),
            ("branch_rating_a = { value = 60.0,", "branch_rating_a = { value = 300.0,"),
            ('owner = "mixed"', 'owner = "nobody"'),
            ('utility = "pseg"', 'utility = "pse"'),
            ("contact_ohm = { value = 4e-05", 'contact = "meter-jax"\ncontact_ohm = { value = 4e-05'),
        )
    )
    assert "above the 200 A of the socket" in told["rating_a"]
    assert "above the 200 A of the socket" in told["branch_rating_a"]
    assert "did you mean 'meter-jaw'" in told["heat.joints.0.contact"]
    assert set(told) == {
        "rating_a",
        "branch_rating_a",
        "owner",
        "approvals.0.utility",
        "heat.joints.0.contact",
    }


def test_volts_and_ratings_of_nothing_are_refused(mine: Callable[..., Path]) -> None:
    told = problems(
        mine(
            ("volts = { value = 240.0,", "volts = { value = 0.0,"),
            ("rating_a = { value = 200.0,", "rating_a = { value = 0.0,"),
            ("rating_a = { value = 22000.0,", "rating_a = { value = 0.0,"),
        )
    )
    assert set(told) == {"volts", "rating_a", "short_circuit.0.rating_a"}


def test_names_that_do_not_exist(mine: Callable[..., Path]) -> None:
    told = problems(
        mine(
            ('der_breaker = "connectder-60"', 'der_breaker = "conectder-60"'),
            ('utility = "pseg"', 'utility = "pse"'),
            ('socket = "ringless-200"', 'socket = "ringless-205"'),
        )
    )
    assert "did you mean 'connectder-60'" in told["der_breaker"]
    assert "did you mean 'pseg'" in told["approvals.0.utility"]
    assert "did you mean 'ringless-20" in told["socket"]


def test_a_number_without_unit_or_source_is_refused(mine: Callable[..., Path]) -> None:
    text = library.entry_path("adapters", GOOD).read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("rating_a"))
    told = problems(mine((row, 'rating_a = { value = 200.0, confidence = "stated" }')))
    assert set(told) == {"rating_a.unit", "rating_a.source"}
    told = problems(mine((row, 'rating_a = { unit = "A", confidence = "not found", source = "looked for" }')))
    assert "a number is needed" in told["rating_a"]


def test_what_is_open_and_what_follows() -> None:
    found = review(library.load("adapters", "sigen-backup-switch"))
    assert ("jaws", "not in the maker's public pages; looked for") in found.missing
    assert ("certification.heat-rise", "no test report or statement is public; looked for") in found.missing
    told = "\n".join(found.consequences)
    for sentence in (
        "heat rise: no verdict",
        "short circuit of the product: no verdict",
        "dielectric: evidence at most",
        "mold stress: judged at 70 degC only",
        "sockets of five jaws: not judged",
        "approved by none",
        "14 of 14 tests",
    ):
        assert sentence in told
    solar = review(library.load("adapters", GOOD))
    assert not any(sentence.startswith("heat rise") for sentence in solar.consequences)
    assert "short circuit of the meter-jaws: no verdict" in "\n".join(solar.consequences)
    assert sum(found.counts.values()) == sum(
        review(library.load("adapters", "sigen-backup-switch")).counts.values()
    )
    assert 0.0 < public_share(library.load("adapters", GOOD)) < 1.0


# ------------------------------------------------------------------------------ the commands
@pytest.fixture
def cosim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    from cosim.cli import app

    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["adapter", *map(str, words)])


def test_check_ends_with_two_for_a_file_that_cannot_be_used(
    cosim: Callable[..., object], mine: Callable[..., Path]
) -> None:
    bad = cosim("check", mine(('owner = "mixed"', 'owner = "nobody"'), ('"flammability", ', "")))
    assert bad.exit_code == 2
    assert "2 problems" in bad.stderr
    assert "owner" in bad.stderr
    assert "flammability" in bad.stderr
    good = cosim("check", mine())
    assert good.exit_code == 0
    assert "What follows" in good.stdout
    assert "short circuit of the meter-jaws: no verdict" in good.stdout
    plain = json.loads(cosim("check", "sigen-backup-switch", "--json").stdout)
    assert plain["valid"] is True
    assert plain["counts"]["not found"] > 10
    assert "heat.parts.meter.loss_w" in plain["estimates"]
    full = cosim("check", "bare-socket", "--full").stdout
    assert "heat.parts.meter.loss_w" in full


def test_a_folder_is_told_from_an_entry(cosim: Callable[..., object], tmp_path: Path) -> None:
    folder = tmp_path / "products"
    folder.mkdir()
    empty = cosim("show", "products")
    assert empty.exit_code == 2
    assert "a folder, not an entry" in empty.stderr
    shutil.copy(library.entry_path("adapters", GOOD), folder / "mine.toml")
    shown = cosim("show", folder)
    assert shown.exit_code == 2
    assert "mine.toml" in shown.stderr


def test_list_says_kind_rating_and_how_much_is_public(cosim: Callable[..., object]) -> None:
    told = cosim("list").stdout
    assert all(word in told.splitlines()[0] for word in ("kind", "rating", "public"))
    assert "~200 A" in told  # an estimate is marked
    rows = json.loads(cosim("list", "--json").stdout)
    assert rows["generac-200a-transfer-switch"]["kind"] == "transfer-switch"
    assert 0.0 < rows["tesla-backup-switch"]["public_share"] < 1.0


def test_schema_is_printed(cosim: Callable[..., object]) -> None:
    assert json.loads(cosim("schema").stdout)["title"] == "AdapterEntry"
    assert json.loads(cosim("schema", "--kind", "utilities").stdout)["title"] == "UtilityEntry"
    assert cosim("schema", "--kind", "adapter").exit_code == 2


def test_a_page_never_replaces_the_file_it_is_about(
    cosim: Callable[..., object], mine: Callable[..., Path]
) -> None:
    """Told before years of computing, for `age` as for `test`."""
    file = mine()
    before = file.read_text(encoding="utf-8")
    for command in ("age", "test"):
        found = cosim(command, file, "--out", file)
        assert found.exit_code == 2
        assert "is read by this command" in found.stderr
    assert file.read_text(encoding="utf-8") == before
