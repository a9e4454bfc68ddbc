"""What the readers of an OpenDSS circuit share: the engine, the builder, the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cosim.electrical.circuit import Complex
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.import_report import ImportReport, Outcome

SECONDARY_V = 600.0
"""To ground; below it is secondary (ANSI C84.1 ends low voltage at 1000 V line-to-line)."""


@dataclass(frozen=True)
class Seen:
    """The engine's active element, read at once.

    Parameters
    ----------
    name
        Without its class.
    buses
        Bus of each terminal.
    nodes
        Conductors of each terminal.
    phases
        As the engine counts them.
    y_siemens
        Primitive admittance, (k, k); empty for controls.
    properties
        The engine's property list, by lower-case name.
    """

    name: str
    buses: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    phases: int
    y_siemens: Complex
    properties: Any

    def text(self, name: str) -> str:
        """A property as text."""
        return str(self.properties(name).Val)

    def flag(self, name: str) -> bool:
        """A property that is yes or no."""
        return self.text(name).strip().lower()[:1] in ("y", "t")

    def number(self, name: str) -> float:
        """A property as a number."""
        return float(self.text(name))

    @property
    def terminals(self) -> list[tuple[str, str]]:
        """(bus, dotted conductors) of each terminal."""
        return [(bus, dotted(nodes)) for bus, nodes in zip(self.buses, self.nodes, strict=True)]


@dataclass
class Reading:
    """One import under way.

    Parameters
    ----------
    engine, builder, report
        Where from, where to, and what became of it.
    base_v
        Nominal voltage to ground of each bus.
    line_ends
        (row, bus, bus) of each line.
    centre_taps
        Secondary bus of each centre-tapped unit to its row.
    transformers
        Rows by lower-case name.
    home_buses
        Buses with loads.
    carried
        ``line.name`` and ``transformer.name`` of what stands in the tables, and conductors of its first terminal.
    """

    engine: Any
    builder: FeederBuilder
    report: ImportReport
    base_v: dict[str, float] = field(default_factory=dict)
    line_ends: list[tuple[int, str, str]] = field(default_factory=list)
    centre_taps: dict[str, int] = field(default_factory=dict)
    transformers: dict[str, int] = field(default_factory=dict)
    home_buses: set[str] = field(default_factory=set)
    carried: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _disabled: set[str] = field(default_factory=set)

    @property
    def circuit(self) -> Any:
        """The engine's circuit."""
        return self.engine.ActiveCircuit

    @cached_property
    def _by_class(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.circuit.AllElementNames:
            found.setdefault(name.split(".", 1)[0].lower(), []).append(name)
        return found

    @property
    def classes(self) -> list[str]:
        """Classes of all circuit elements, lower case."""
        return list(self._by_class)

    def elements(self, kind: str, *, solved: bool = True) -> Iterator[Seen]:
        """Enabled elements of a class in the order of the script; each is the engine's active one.

        Those that had no part in the solution, not `solved`, have neither conductors nor admittance.
        """
        for full in self._by_class.get(kind, ()):
            self.circuit.SetActiveElement(full)
            element = self.circuit.ActiveCktElement
            if not element.Enabled:
                if full not in self._disabled:
                    self._disabled.add(full)
                    self.report.add(kind, Outcome.LEFT_OUT, full.split(".", 1)[1], "disabled in the file")
                continue
            yield self._seen(full, element, solved)

    def _seen(self, full: str, element: Any, solved: bool) -> Seen:
        order = np.asarray(element.NodeOrder if solved else (), dtype=int)
        count = int(element.NumConductors)
        flat = np.asarray(element.Yprim if solved else (), dtype=np.float64)
        y = flat[0::2] + 1j * flat[1::2]
        size = round(len(y) ** 0.5)
        return Seen(
            name=full.split(".", 1)[1],
            buses=tuple(bus.split(".", 1)[0].lower() for bus in element.BusNames),
            nodes=tuple(
                tuple(order[start : start + count].tolist()) for start in range(0, len(order), count)
            ),
            phases=int(element.NumPhases),
            y_siemens=y.reshape(size, size).T.copy(),
            properties=element.Properties,
        )


def dotted(nodes: tuple[int, ...] | list[int]) -> str:
    """Conductors in OpenDSS's notation."""
    return ".".join(map(str, nodes))
