"""What all parts of a net's import share, and the small figures they compute with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosim.electrical.circuit import Complex
from cosim.errors import FeederError, Problem
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.import_report import ImportReport
from cosim.feeder.pandapower_json import NetTables


@dataclass
class Import:
    """A pandapower net on its way into a builder.

    Parameters
    ----------
    tables
        The net.
    builder
        What is built.
    report
        What became of each element.
    problems
        What cannot be carried.
    bus_names
        Name in the builder of each bus of the net.
    neutrals
        Conductors that ungrounded star points have taken so far, by bus.
    """

    tables: NetTables
    builder: FeederBuilder
    report: ImportReport
    problems: list[Problem] = field(default_factory=list)
    bus_names: dict[int, str] = field(default_factory=dict)
    neutrals: dict[int, int] = field(default_factory=dict)

    def problem(self, message: str, key: str, value: Any = "") -> None:
        """Note what cannot be carried."""
        self.problems.append(Problem(message, "", key, str(value)))

    def raise_problems(self) -> None:
        """Raise `FeederError` with everything noted so far, if there is anything."""
        if self.problems:
            raise FeederError(self.problems)


def sequence_matrix(one: complex, zero: complex) -> Complex:
    """(3, 3) transposed matrix with the given positive and zero sequence values."""
    mutual = (zero - one) / 3.0
    return np.asarray(np.full((3, 3), mutual) + np.eye(3) * one)


def unique(names: list[str], index: Iterable[Any], kind: str) -> list[str]:
    """Given names, made unique and never empty by the net's row numbers."""
    taken: set[str] = set()
    for i, row in enumerate(index):
        name = names[i] or f"{kind}-{row}"
        names[i] = name if name not in taken else f"{name}-{row}"
        taken.add(names[i])
    return names
