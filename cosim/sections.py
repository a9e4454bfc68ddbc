"""Names of what can be opened: a line, a transformer, a home's service, or single conductors of it.

``line:lateral-7`` is the whole line, ``line:lateral-7@b`` its phase B alone; ``home:12@n`` the neutral of a
home's drop, ``home:12@1`` its first leg.
"""

from __future__ import annotations

from typing import NamedTuple

SECTION_KINDS = ("line", "transformer", "home", "group")
CONDUCTORS = {"a": 1, "b": 2, "c": 3, "1": 1, "2": 2, "n": 0}
"""Conductors by name: phases, legs of a 120/240 V service, and the neutral (0)."""


class Section(NamedTuple):
    """A section taken apart; `conductors` is empty for all of them."""

    kind: str
    name: str
    conductors: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" + (f"@{self.conductors}" if self.conductors else "")


def section_of(text: str) -> Section:
    """Take ``KIND:NAME`` or ``KIND:NAME@CONDUCTORS`` apart.

    What follows an ``@`` belongs to the name unless it is made of conductors only, each once.
    """
    kind, _, name = text.partition(":")
    before, at, after = name.rpartition("@")
    if at and after and set(after) <= set(CONDUCTORS) and len(set(after)) == len(after):
        return Section(kind, before, "".join(sorted(after)))
    return Section(kind, name)
