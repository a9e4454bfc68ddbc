"""What the README and docs/ say: examples run, commands exist, links lead somewhere."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cosim.cli import app
from cosim.results import open_results, summarise

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNNABLE = [ROOT / "README.md", ROOT / "docs" / "python.md"]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)

MASTER = """clear
new circuit.village bus1=src basekv=12.47 pu=1.02 mvasc3=200 mvasc1=180
new line.feeder bus1=src.1 bus2=a.1 phases=1 r1=0.3 x1=0.4 r0=0.5 x0=1.2 c1=5 c0=3 length=2 units=km
new transformer.t phases=1 windings=3 xhl=2.04 xht=2.04 xlt=1.36
~ wdg=1 bus=a.1.0 kv=7.2 kva=25 %r=0.6 wdg=2 bus=x.1.0 kv=0.12 kva=25 %r=1.2 wdg=3 bus=x.0.2 kv=0.12 kva=25 %r=1.2
new load.h1 bus1=x.1.0 phases=1 kv=0.12 kw=3 pf=0.95
new load.h2 bus1=x.2.0 phases=1 kv=0.12 kw=2 pf=0.95
set voltagebases=[12.47 0.208]
calcvoltagebases
solve
"""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        for indent, language, text in found
        if language in languages
    ]


def test_python_examples_run(tmp_path: Path) -> None:
    """Each page in its order and its own namespace, in an empty folder, as a reader would."""
    pytest.importorskip("dss", reason="the extra 'opendss' is not installed")
    (tmp_path / "Master.dss").write_text(MASTER)
    for page in RUNNABLE:
        found = blocks(page, "python")
        assert found
        (tmp_path / f"{page.stem}.py").write_text("\n".join(found))
    run_all = "import runpy, sys; [runpy.run_path(script) for script in sys.argv[1:]]"
    scripts = [f"{page.stem}.py" for page in RUNNABLE]
    done = subprocess.run(
        [sys.executable, "-c", run_all, *scripts], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with open_results(tmp_path / "winter-evening.h5") as results:
        labels = [line.partition(":")[0] for line in summarise(results).lines()]
    shown = [line.partition(":")[0] for line in blocks(ROOT / "README.md", "text")[0].splitlines()]
    # The study shown there has more to say than the small one that was just run, never less.
    assert [label for label in shown if label in labels] == labels


def test_library_page_says_what_python_says() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)
    assert tried > 3
    assert failed == 0


# -- commands -----------------------------------------------------------------------------


def command_lines() -> list[tuple[str, list[str]]]:
    """(page, words) of every command line shown: in code blocks, and whole in backticks."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = [line for block in blocks(page, "sh", "bash", "yaml", "toml") for line in block.splitlines()]
        shown += re.findall(r"`(cosim [^`\n]*)`", FENCE.sub("", text))
        for line in shown:
            match = re.search(r"(?:^|[\s#:])(cosim [a-z].*)$", line)
            if match:
                words = shlex.split(match[1].replace("...", "").partition(" > ")[0], comments=True)
                found.append((name_of(page), words[1:]))
    return found


@pytest.mark.parametrize(("page", "words"), command_lines(), ids=lambda value: str(value))
def test_commands_exist_with_their_options(page: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    at = 0
    while hasattr(command, "commands"):
        if at == len(words) or words[at].startswith("-"):
            break
        assert words[at] in command.commands, f"{page}: no such command: cosim {' '.join(words)}"
        command, at = command.commands[words[at]], at + 1
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    given = {word.partition("=")[0] for word in words[at:] if word.startswith("-")}
    assert given <= known | {"--help", "-h"}, f"{page}: cosim {' '.join(words)}"


def test_commands_are_found_at_all() -> None:
    first = {words[0] for _, words in command_lines() if words}
    assert {"run", "report", "sweep", "feeder", "adapter", "scenario"} <= first


# -- links and files ----------------------------------------------------------------------


def test_relative_links_resolve() -> None:
    broken = []
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path) and not (page.parent / path).exists():
                broken.append(f"{name_of(page)}: {target}")
    assert not broken


def test_site_shows_every_page() -> None:
    """Pages link only inside docs/, and each stands in the navigation."""

    def leaves(item: object) -> Iterator[str]:
        if isinstance(item, dict):
            item = list(item.values())
        if isinstance(item, list):
            for part in item:
                yield from leaves(part)
        else:
            yield str(item)

    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shown = list(leaves(yaml.safe_load(text)["nav"]))
    assert sorted(shown) == [page.name for page in PAGES if page.parent.name == "docs"]


def text_files() -> Iterator[tuple[Path, str]]:
    """Everything a clone would hold."""
    made = {"build", "dist", "out", "site", "__pycache__"}
    for folder, inside, names in os.walk(ROOT):
        inside[:] = [name for name in inside if name not in made and (name == ".ci" or name[0] != ".")]
        for path in (Path(folder) / name for name in names if name[0] != "."):
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_files_are_at_home_on_any_machine() -> None:
    """No package index and no folder of the machine a line was written on."""
    foreign = re.compile(r"(?<!\w)/(?:work|root|home)/|index-url[= ]|pypi[.]org|files[.]pythonhosted")
    found = [f"{name_of(path)}: {hit}" for path, text in text_files() for hit in foreign.findall(text)]
    # The folder of reference feeders is optional: tests and benchmarks look for it, nothing else names it.
    found += [
        name_of(path)
        for path, text in text_files()
        if "../shared" in text and path.relative_to(ROOT).parts[0] not in ("tests", "benchmarks", "docs")
    ]
    assert not found


def test_layout_names_every_room() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    layout = readme.split("## Layout")[1].split("\n## ")[0]
    rooms = [path.parent.name for path in (ROOT / "cosim").glob("*/__init__.py")]
    assert rooms
    assert not [room for room in rooms if f"{room}/" not in layout]
