"""The locator finds exactly the paths that tomllib reads, each on the line where it stands."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.scenario.locator import locate


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    below = [paths_of(item, (*path, key)) for key, item in items]
    return {path}.union(*below) - {()}


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,5}", fullmatch=True),
    st.sampled_from(['"a b"', "'c.d'", '"e\\"f"', '"#g"', '"]h"', '"=\\u00e9"']),
)
STRINGS = [
    '"plain"',
    '"with \\" quote, ] } # and \\\\"',
    "'literal \\'",
    '"""multi\n  ["x"] = 1 # no\n"""',
    '"""ends in quotes"""""',
    '""""""',
    "'''raw \\\nline '' two'''''",
    "''''''",
]
SCALARS = [
    *STRINGS,
    "true",
    "1_000",
    "-3.5e2",
    "inf",
    "1979-05-27T07:32:00",
    "1979-05-27 07:32:00",
    "07:32:00",
]


class Writer:
    """Writes documents in every style TOML has; whole numbers of seven digits mark their own place."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.mark = 1_000_000

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def gap(self) -> str:
        return self.draw(st.sampled_from(["", " ", "\n", " # note ] } \" '\n", "\n\n\t"]))

    def scalar(self) -> str:
        if self.draw(st.booleans()):
            self.mark += 1
            return str(self.mark)
        return self.draw(st.sampled_from(SCALARS))

    def value(self, depth: int) -> str:
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "inline"])) if depth else "scalar"
        if kind == "scalar":
            return self.scalar()
        count = self.draw(st.integers(0, 3))
        if kind == "array":
            items = [self.gap() + self.value(depth - 1) + self.gap() for _ in range(count)]
            comma = "," if items and self.draw(st.booleans()) else ""
            return "[" + ",".join(items) + comma + self.gap() + "]"
        pairs = [f" {key} = {self.value(depth - 1)} " for key in self.keys(count)]
        return "{" + ",".join(pairs) + "}"

    def keys(self, count: int) -> list[str]:
        return self.draw(st.lists(KEYS, max_size=count, unique=True))

    def dotted(self) -> str:
        dot = self.draw(st.sampled_from([".", " . "]))
        return dot.join(self.draw(st.lists(KEYS, min_size=1, max_size=3)))

    def pairs(self) -> str:
        count = self.draw(st.integers(0, 4))
        return "".join(f"{self.dotted()} = {self.value(2)}{self.line_end()}" for _ in range(count))

    def line_end(self) -> str:
        return self.draw(st.sampled_from(["\n", "  # comment = 1\n", "\n\n"]))

    def document(self) -> str:
        text = self.pairs()
        for _ in range(self.draw(st.integers(0, 5))):
            opening, closing = self.draw(st.sampled_from([("[", "]"), ("[[", "]]")]))
            text += f"{opening}{self.dotted()}{closing}{self.line_end()}{self.pairs()}"
        newline = self.draw(st.sampled_from(["\n", "\r\n"]))
        return text.replace("\n", newline)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_paths_equal_those_of_tomllib_and_marks_stand_on_their_lines(data: st.DataObject) -> None:
    text = Writer(data).document()
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key defined twice: the locator is never asked
    lines = locate(text)
    assert set(lines) == paths_of(read)
    for path, line in lines.items():
        value: Any = read
        for part in path:
            value = value[part]
        if isinstance(value, int) and value > 1_000_000:
            place = re.search(rf"\b{value}\b", text)
            assert place is not None
            assert line == text.count("\n", 0, place.start()) + 1


def test_lines_of_a_scenario() -> None:
    text = "a = 1\n[t]\nb.c = [\n  2,\n  3]\n[[e]]\nx = 1\n[[e]]\n# y\nx = {z = 4}\n[e.f]\n"
    assert locate(text) == {
        ("a",): 1,
        ("t",): 2,
        ("t", "b"): 3,
        ("t", "b", "c"): 3,
        ("t", "b", "c", 0): 4,
        ("t", "b", "c", 1): 5,
        ("e",): 6,
        ("e", 0): 6,
        ("e", 0, "x"): 7,
        ("e", 1): 8,
        ("e", 1, "x"): 10,
        ("e", 1, "x", "z"): 10,
        ("e", 1, "f"): 11,
    }


def test_text_that_tomllib_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2"):
        locate("a = 1\n= 3\n")
