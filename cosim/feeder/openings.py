"""What a named section opens: whole elements, or single conductors at the end that feeds them.

No current flows at an open conductor. Its row of the element's primitive block is therefore solved for its voltage and
put into the others (Kron, Tensor Analysis of Networks, 1939): the element stays as it is seen from its other
conductors, exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cosim.electrical.circuit import GROUND, Complex
from cosim.electrical.elements import open_conductors
from cosim.errors import FeederError
from cosim.feeder.compile import SPLIT, CompiledFeeder
from cosim.feeder.nodes import numbers
from cosim.feeder.service import find_supply
from cosim.sections import CONDUCTORS, Section, section_of

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


class Cut(NamedTuple):
    """An open place: an element, and the rows of its block whose conductors are open there; none means all of it."""

    element: int
    rows: tuple[int, ...] = ()


class Port(NamedTuple):
    """The end of an element that feeds it.

    Parameters
    ----------
    element
        Index in the circuit, -1 for a transformer out of service.
    rows
        Rows of its block, a conductor each.
    conductors
        What each is called: ``a`` ``b`` ``c`` (legs of secondaries are ``a`` and ``b`` too), ``n`` for a neutral.
    """

    element: int
    rows: tuple[int, ...]
    conductors: str


class Openings:
    """Sections of one feeder.

    Parameters
    ----------
    feeder, compiled
        The tables and the arrays made of them.
    """

    def __init__(self, feeder: Feeder, compiled: CompiledFeeder) -> None:
        self._feeder, self._compiled = feeder, compiled
        self._line = {str(name): row for row, name in enumerate(feeder.line["name"])}
        self._unit = {str(name): row for row, name in enumerate(feeder.transformer["name"])}
        self._home = {str(name): row for row, name in enumerate(feeder.home["name"])}
        self._parent = find_supply(feeder.tables).parent
        self._neutral = self._neutral_nodes()
        self._windings: dict[int, list[dict[str, Any]]] = {}
        for coil in feeder.winding.sort_values("number").to_dict("records"):
            self._windings.setdefault(int(coil["transformer"]), []).append(
                {str(key): value for key, value in coil.items()}
            )
        self._known: dict[str, tuple[Cut, ...]] = {}
        self._ports: dict[str, Port] = {}

    def cuts(self, section: str) -> tuple[Cut, ...]:
        """What opening ``line:NAME``, ``transformer:NAME`` or ``home:NAME``, or conductors of them, opens.

        A home is opened at its service drop, or at its service transformer where the feeder has no drop.

        Raises
        ------
        FeederError
            The feeder has no such section, or the section no such conductor.
        """
        if section not in self._known:
            asked = section_of(section)
            port = self.port(str(asked._replace(conductors="")))
            if port.element < 0:
                self._known[section] = ()
            elif not asked.conductors:
                self._known[section] = (Cut(port.element),)
            else:
                self._known[section] = (self._part(asked, port),)
        return self._known[section]

    def port(self, section: str) -> Port:
        """The feeding end of a section's element; conductors asked for are ignored."""
        if section not in self._ports:
            self._ports[section] = self._port(section_of(section))
        return self._ports[section]

    def blocks(self, cuts: Collection[Cut], tied: Collection[int] = ()) -> dict[int, Complex]:
        """Admittances of the elements that `cuts` open and of lines that stand open and are closed (`tied`)."""
        circuit, closed = self._compiled.circuit, self._compiled.closed_blocks
        blocks: dict[int, Complex] = {element: closed[element] for element in sorted(tied)}
        for element, rows in sorted(self.rows(cuts).items()):
            whole = blocks.get(element, circuit.elements[element].y_siemens)
            blocks[element] = open_conductors(whole, rows) if rows else np.zeros_like(whole)
        return blocks

    def rows(self, cuts: Collection[Cut]) -> dict[int, tuple[int, ...]]:
        """Open rows of the block of each cut element; none for one that is out, as a line without any conductor is."""
        found: dict[int, set[int]] = {}
        for cut in cuts:
            element = self._compiled.circuit.elements[cut.element]
            found.setdefault(cut.element, set()).update(cut.rows or range(len(element.nodes)))
        out = {}
        for number, rows in found.items():
            element = self._compiled.circuit.elements[number]
            width = element.conductors[0]
            line = element.conductors == (width, width) and len(rows) >= width
            out[number] = () if line or len(rows) == len(element.nodes) else tuple(sorted(rows))
        return out

    def sections(
        self, opened: Collection[str], tied: Collection[str]
    ) -> tuple[frozenset[Cut], frozenset[int]]:
        """Cuts of the sections `opened`, and those lines of `tied` that stand open of themselves."""
        closed = self._compiled.closed_blocks
        cuts = frozenset(cut for section in opened for cut in self.cuts(section))
        ties = frozenset(
            cut.element for section in tied for cut in self.cuts(section) if cut.element in closed
        )
        return cuts, ties

    def line_at(self, row: int) -> int:
        """The end of a line that feeds it, 0 or 1: in the feeder's own topology; 0 for a tie."""
        line = self._feeder.line
        start = int(line["from_bus"].iloc[row])
        fed = self._parent.get(start)
        return int(fed is not None and fed[:2] == ("line", row))

    def line_row(self, name: str) -> int:
        """Row of a line by its name."""
        return self._found(self._line, name, "line")

    def unit_row(self, name: str) -> int:
        """Row of a transformer by its name."""
        return self._found(self._unit, name, "transformer")

    def home_row(self, name: str) -> int:
        """Row of a home by its name, or by what follows ``home-`` in it."""
        return self._found(self._home, name if name in self._home else f"home-{name}", "home")

    def is_neutral(self, node: int) -> bool:
        """Whether a node is a neutral conductor of a service."""
        return node in self._neutral

    def _found(self, known: Mapping[str, int], name: str, kind: str) -> int:
        if name not in known:
            raise FeederError(f"the feeder has no {kind} {name!r}")
        return known[name]

    def _part(self, asked: Section, port: Port) -> Cut:
        """The rows of a port that conductors mean."""
        wanted = {
            letter: "n" if letter == "n" else "abc"[CONDUCTORS[letter] - 1] for letter in asked.conductors
        }
        if missing := [letter for letter, one in wanted.items() if one not in port.conductors]:
            legs = str.maketrans("ab", "12") if asked.kind == "home" else {}
            has = ", ".join(port.conductors.translate(legs))
            raise FeederError(
                f"{asked.kind}:{asked.name} has no conductor {', '.join(map(repr, missing))}; it has {has}"
            )
        rows = [port.rows[port.conductors.index(one)] for one in wanted.values()]
        return Cut(port.element, tuple(sorted(rows)))

    def _port(self, section: Section) -> Port:
        match section.kind:
            case "line":
                return self._line_port(self.line_row(section.name))
            case "transformer":
                return self._unit_port(self.unit_row(section.name))
            case "home":
                home = self._feeder.home.iloc[self.home_row(section.name)]
                if int(home["drop"]) >= 0:
                    return self._line_port(int(home["drop"]))
                if int(home["transformer"]) >= 0:
                    return self._unit_port(int(home["transformer"]))
                raise FeederError(
                    f"home {section.name!r} has neither a service drop nor a service transformer"
                )
        raise FeederError(f"no section of a feeder: {section}")

    def _line_port(self, row: int) -> Port:
        line = self._feeder.line.iloc[row]
        element = int(self._compiled.line_element[row])
        at = self.line_at(row)
        ends = numbers(line["from_nodes"]), numbers(line["to_nodes"])
        nodes = self._compiled.circuit.elements[element].nodes
        width = len(ends[0])
        letters = []
        for place in range(width):
            pair = int(nodes[place]), int(nodes[width + place])
            number = next((n for n in (ends[at][place], ends[1 - at][place]) if n), 0)
            neutral = GROUND in pair or number > 3 or any(map(self.is_neutral, pair))
            letters.append("n" if neutral else "abc"[number - 1])
        return Port(element, tuple(range(at * width, (at + 1) * width)), "".join(letters))

    def _unit_port(self, row: int) -> Port:
        element = int(self._compiled.transformer_element[row])
        if element < 0:
            return Port(-1, (), "")
        coils = self._windings[row]
        fed = [self._parent.get(int(coil["bus"])) for coil in coils]
        upstream = next((way[2] for way in fed if way is not None and way[:2] == ("transformer", row)), None)
        at = next((k for k, coil in enumerate(coils) if int(coil["bus"]) == upstream), 0)
        rows, letters = [], []
        block = self._compiled.circuit.elements[element]
        first = block.terminal(at).start
        listed = numbers(coils[at]["nodes"])
        phases = len(listed) - 1
        for place, number in enumerate(listed):
            delta = coils[at]["connection"] == "delta" and phases == 3
            if place == phases and delta:
                continue  # a delta has no fourth conductor
            letters.append("n" if number == 0 or number > 3 else "abc"[number - 1])
            rows.append(first + place)
        return Port(element, tuple(rows), "".join(letters))

    def _neutral_nodes(self) -> frozenset[int]:
        """Neutral nodes of services: those of split homes, and what lines of services join them with."""
        compiled = self._compiled
        neutral = np.zeros(len(compiled.circuit.nodes), dtype=np.bool_)
        split = compiled.home_nodes[compiled.home_kind == SPLIT, 2]
        neutral[split[split >= 0]] = True
        service = np.flatnonzero(self._feeder.line["level"].isin(("secondary", "drop")).to_numpy())
        elements = [compiled.circuit.elements[int(row)] for row in compiled.line_element[service]]
        pairs = [element.nodes.reshape(2, -1) for element in elements] or [np.zeros((2, 0), dtype=np.int64)]
        a, b = np.concatenate(pairs, axis=1)
        both = (a >= 0) & (b >= 0)
        links = sparse.coo_array(
            (np.ones(both.sum()), (a[both], b[both])), shape=(len(neutral), len(neutral))
        )
        count, group = connected_components(links, directed=False)
        marked = np.zeros(count, dtype=np.bool_)
        marked[group[neutral]] = True
        return frozenset(np.flatnonzero(marked[group]).tolist())
