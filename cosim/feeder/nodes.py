"""Conductors of buses: the dotted notation and node numbers."""

from __future__ import annotations

from collections.abc import Sequence

from cosim.electrical.circuit import GROUND


def numbers(nodes: str) -> list[int]:
    """Conductors of a dotted list."""
    return [int(word) for word in nodes.split(".")]


def wye_conductors(nodes: str) -> tuple[list[int], int]:
    """Phases and neutral of a wye: ``1.2.3`` is earthed, ``1.2.3.4`` and ``1.2.0`` name the neutral last."""
    listed = numbers(nodes)
    if len(listed) > 1 and (len(listed) == 4 or listed[-1] == 0):
        return listed[:-1], listed[-1]
    return listed, 0


class Nodes:
    """Node numbers of (bus row, conductor); conductor 0 is ground."""

    def __init__(self, names: Sequence[str], nodes: Sequence[str]) -> None:
        self.names: list[str] = []
        self.bus: list[int] = []
        self._row: dict[tuple[int, int], int] = {}
        for bus, (name, listed) in enumerate(zip(names, nodes, strict=True)):
            for conductor in numbers(listed):
                self._row[bus, conductor] = len(self.names)
                self.names.append(f"{name}.{conductor}")
                self.bus.append(bus)

    def at(self, bus: int, conductors: Sequence[int]) -> list[int]:
        """Node numbers of conductors of a bus."""
        return [self._row[bus, c] if c else GROUND for c in conductors]
