"""Which element feeds which bus: walking the feeder outwards from its sources."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


@dataclass(frozen=True)
class Supply:
    """How each bus is reached first, walking outwards breadth first.

    Parameters
    ----------
    parent
        Bus row to (table, row, upstream bus) of the element that feeds it; sources' buses are absent.
    order
        Buses reached, sources first.
    """

    parent: Mapping[int, tuple[str, int, int]]
    order: tuple[int, ...]

    def upstream(self, bus: int) -> Iterator[tuple[str, int, int]]:
        """Elements between `bus` and its source, nearest first: (table, row, bus fed by it)."""
        while bus in self.parent:
            table, row, above = self.parent[bus]
            yield table, row, bus
            bus = above


def open_ends(tables: Mapping[str, pd.DataFrame]) -> set[tuple[int, int]]:
    """(line row, bus row) of every open switch."""
    switch = tables["switch"]
    opened = switch[~switch["closed"].to_numpy(dtype=bool)]
    return set(zip(opened["element"].tolist(), opened["bus"].tolist(), strict=True))


def find_supply(tables: Mapping[str, pd.DataFrame], *, through_open: bool = False) -> Supply:
    """Walk outwards from the sources through everything in service and closed, or also what stands open."""
    neighbours: dict[int, list[tuple[str, int, int]]] = {}

    def connect(table: str, row: int, a: int, b: int) -> None:
        neighbours.setdefault(a, []).append((table, row, b))
        neighbours.setdefault(b, []).append((table, row, a))

    opened = set() if through_open else {line for line, _ in open_ends(tables)}
    line = tables["line"]
    usable = line["in_service"] | through_open
    for row, (a, b, live) in enumerate(zip(line["from_bus"], line["to_bus"], usable, strict=True)):
        if live and row not in opened:
            connect("line", row, int(a), int(b))
    for table, parts, buses in (
        ("transformer", "winding", "transformer"),
        ("other", "other_terminal", "other"),
    ):
        on = tables[table]["in_service"].to_numpy(dtype=bool)
        ends: dict[int, list[int]] = {}
        for row, bus in zip(tables[parts][buses].tolist(), tables[parts]["bus"].tolist(), strict=True):
            ends.setdefault(row, []).append(bus)
        for row, (first, *rest) in ends.items():
            for bus in rest:
                if on[row] and bus != first:
                    connect(table, row, first, bus)
    grid = tables["ext_grid"]
    start = [int(bus) for bus, on in zip(grid["bus"], grid["in_service"], strict=True) if on]
    parent: dict[int, tuple[str, int, int]] = {}
    seen = dict.fromkeys(start)
    queue = deque(seen)
    while queue:
        bus = queue.popleft()
        for table, row, other in neighbours.get(bus, ()):
            if other not in seen:
                seen[other] = None
                parent[other] = (table, row, bus)
                queue.append(other)
    return Supply(parent, tuple(seen))


def find_services(feeder: Feeder) -> None:
    """Fill in the service transformer and service drop of homes that name none.

    The service transformer is the first unit upstream other than a regulator, if its kind is
    ``service``; the drop is the line that ends at the home's bus, if its level is ``drop``.
    """
    home = feeder.table("home")
    if not ((home["transformer"] < 0) | (home["drop"] < 0)).any():
        return
    supply = find_supply(feeder.tables)
    kind = feeder.table("transformer")["kind"].tolist()
    level = feeder.table("line")["level"].tolist()
    transformer, drop = home["transformer"].tolist(), home["drop"].tolist()
    for row, bus in enumerate(home["bus"].tolist()):
        if transformer[row] < 0:
            units = (unit for table, unit, _ in supply.upstream(bus) if table == "transformer")
            first = next((unit for unit in units if kind[unit] != "regulator"), -1)
            transformer[row] = first if first >= 0 and kind[first] == "service" else -1
        if drop[row] < 0 and bus in supply.parent:
            table, line, _ = supply.parent[bus]
            drop[row] = line if table == "line" and level[line] == "drop" else -1
    home["transformer"] = transformer
    home["drop"] = drop
    home[["transformer", "drop"]] = home[["transformer", "drop"]].astype("int64")
