"""What became of each part of an imported file: nothing is dropped without a line here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an element."""

    CARRIED = "carried"
    APPROXIMATED = "approximated"
    LEFT_OUT = "left out"


@dataclass
class Item:
    """Elements of one kind that shared one fate.

    Parameters
    ----------
    kind
        Such as ``line`` or ``regcontrol``.
    outcome
        See `Outcome`.
    effect
        What the user should know, above all the effect on accuracy; empty if there is none.
    names
        The elements.
    """

    kind: str
    outcome: Outcome
    effect: str
    names: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.names)

    def __str__(self) -> str:
        some = ", ".join(self.names[:3]) + (", ..." if self.count > 3 else "")
        effect = f": {self.effect} ({some})" if self.effect else ""
        return f"{self.count} {self.kind} {self.outcome}{effect}"


@dataclass
class ImportReport:
    """All items of one import, in the order met.

    Parameters
    ----------
    source
        The file read.
    items
        See `Item`.
    notes
        Further remarks, such as commands of the script that were not obeyed.
    """

    source: str
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, outcome: Outcome, name: str, effect: str = "") -> None:
        """Count one element."""
        for item in self.items:
            if (item.kind, item.outcome, item.effect) == (kind, outcome, effect):
                item.names.append(name)
                return
        self.items.append(Item(kind, outcome, effect, [name]))

    def inexact(self) -> Iterator[Item]:
        """Items that change the solution."""
        return (item for item in self.items if item.outcome is Outcome.APPROXIMATED)

    def __str__(self) -> str:
        return "\n".join([self.source, *map(str, self.items), *self.notes])
