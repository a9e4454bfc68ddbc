"""Where each key of a TOML document stands: the line numbers that tomllib does not give.

The walker reads only text that tomllib has accepted, so it recognises values by
their delimiters and leaves every judgement about validity to tomllib.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_GAP = re.compile(r"[ \t\n]*(?:#[^\n]*[ \t\n]*)*")
_SCALAR = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'  # up to two quotes may stand before the closing three
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
    r"|[^,\]}#\n]+",
    re.DOTALL,
)


def locate(text: str) -> dict[Path, int]:
    """Line of every key and array item.

    Parameters
    ----------
    text
        A document that ``tomllib.loads`` accepts.

    Returns
    -------
    dict
        One-based line by path; a path mixes keys and list indices, as in
        ``("events", 0, "where")``. Tables made by headers or dotted keys have
        the line where they first appear.
    """
    return _Walker(text.replace("\r\n", "\n")).walk()


def _split_key(key: str) -> Path:
    """Parts of a dotted key, unquoted by tomllib itself."""
    parts: list[str | int] = []
    table: object = tomllib.loads(f"{key} = 0")
    while isinstance(table, dict):
        part, table = next(iter(table.items()))
        parts.append(part)
    return tuple(parts)


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.newlines = [i for i, character in enumerate(text) if character == "\n"]
        self.table_arrays: dict[Path, int] = {}  # path of an array of tables -> its last index

    def walk(self) -> dict[Path, int]:
        table: Path = ()
        self.skip_gap()
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table)
            self.skip_gap()
        return self.lines

    def header(self) -> Path:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        self.skip_gap()
        line, parts = self.line(), self.key()
        path = self.descend((), parts[:-1], line) + parts[-1:]
        self.lines.setdefault(path, line)
        if is_array:
            self.table_arrays[path] = self.table_arrays.get(path, -1) + 1
        if path in self.table_arrays:
            path += (self.table_arrays[path],)
            self.lines.setdefault(path, line)
        self.skip_gap()
        self.at += 2 if is_array else 1
        return path

    def descend(self, path: Path, parts: Path, line: int) -> Path:
        """Follow `parts` from `path`, entering the newest item of arrays of tables."""
        for part in parts:
            path += (part,)
            self.lines.setdefault(path, line)
            if path in self.table_arrays:
                path += (self.table_arrays[path],)
        return path

    def pair(self, table: Path) -> None:
        line, parts = self.line(), self.key()
        path = self.descend(table, parts, line)
        self.skip_gap()
        self.at += 1  # the equals sign
        self.skip_gap()
        self.value(path)

    def value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening not in "[{":
            self.advance(_SCALAR)
            return
        self.at += 1
        self.skip_gap()
        index = 0
        while self.text[self.at] not in "]}":
            if opening == "[":
                item = (*path, index)
                self.lines[item] = self.line()
                self.value(item)
                index += 1
            else:
                self.pair(path)
            self.skip_gap()
            if self.text[self.at] == ",":
                self.at += 1
                self.skip_gap()
        self.at += 1

    def key(self) -> Path:
        start = self.at
        self.advance(_KEY)
        return _split_key(self.text[start : self.at])

    def skip_gap(self) -> None:
        self.advance(_GAP)

    def advance(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"line {self.line()}: not TOML that tomllib would accept")
        self.at = match.end()

    def line(self) -> int:
        return bisect_right(self.newlines, self.at - 1) + 1 if self.at else 1
