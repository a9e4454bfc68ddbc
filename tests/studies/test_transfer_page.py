"""docs/transfer.md and its drawings say what models/transfer says."""

from __future__ import annotations

import doctest
import xml.etree.ElementTree as ET

import pytest

from cosim import library
from cosim.studies import transfer_page as page
from cosim.studies.transfer_drawing import drawing, ways

NAMES = library.names("transfer")
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_is_current() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text.partition(page.MARKER)[2] == page.generated(), "run python -m cosim.studies.transfer_page"


def test_the_drawings_are_current_and_none_is_left_over() -> None:
    drawn = {path.name: path.read_text(encoding="utf-8") for path in page.PAGES.glob("transfer-*.svg")}
    assert drawn == page.figures(), "run python -m cosim.studies.transfer_page"


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_shows_every_state_and_way(name: str) -> None:
    entry = library.load("transfer", name)
    root = ET.fromstring(drawing(entry))
    texts = [found.text for found in root.iter(f"{SVG}text")]
    assert all(state.title in texts for state in entry.states.values())
    arrows = [found for found in root.iter(f"{SVG}path") if found.get("class", "").startswith("w ")]
    assert len(arrows) == len(ways(entry)) == sum(1 for text in texts if text and text.isdigit())
    assert len([way for way in ways(entry) if way.who == "error"]) == sum(
        bool(way.errs) for state in entry.states.values() for way in state.leave
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_two_ways_share_a_stretch(name: str) -> None:
    """Vertical parts never lie on one another; horizontal ones have heights of their own at a box."""
    root = ET.fromstring(drawing(library.load("transfer", name)))
    seen: dict[float, list[tuple[float, float]]] = {}
    heights: set[tuple[float, float]] = set()
    for found in root.iter(f"{SVG}path"):
        if not found.get("class", "").startswith("w "):
            continue
        parts = found.get("d", "").replace("M", " ").replace("H", " ").replace("V", " ").split()
        face, start, lane, end, _ = map(float, parts)
        low, high = sorted((start, end))
        assert all(high < a or b < low for a, b in seen.get(lane, [])), (name, lane)
        seen.setdefault(lane, []).append((low, high))
        for height in (start, end):
            assert (face, height) not in heights
            heights.add((face, height))


def test_the_pages_examples_run() -> None:
    found = doctest.testfile(str(page.PAGE), module_relative=False)
    assert found.attempted >= 4
    assert found.failed == 0
