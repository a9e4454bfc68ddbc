"""From tables to arrays: the circuit, and which rows of it belong to which home."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import (
    GROUND,
    Circuit,
    Complex,
    Element,
    Float,
    Int,
    Source,
)
from cosim.electrical.elements import capacitor_block, line_block
from cosim.electrical.transformer import TransformerData, transformer_block
from cosim.feeder.customers import SINGLE, SPLIT, THREE, InjectorRows, add_generators, add_homes
from cosim.feeder.nodes import Nodes, numbers, wye_conductors
from cosim.feeder.service import open_ends

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


__all__ = ["SINGLE", "SPLIT", "THREE", "CompiledFeeder", "compile_feeder"]


@dataclass(frozen=True)
class CompiledFeeder:
    """A feeder as arrays. h homes, m injectors.

    Parameters
    ----------
    circuit
        Nodes, elements, sources, injectors.
    home_kind
        (h,) SPLIT, SINGLE or THREE.
    home_nodes
        (h, 3) SPLIT: leg 1, leg 2, neutral; SINGLE: a, b, -1; THREE: phases, -1 where there is none.
    share
        (m, 3) an injector's power is ``share @ [leg 1 - N, leg 2 - N, leg 1 - leg 2]`` of its home's panel.
    branch_row, panel_row
        (h,) injectors of constant power, nominally 0, for DER and chargers: on the home's adapter, and
        behind its panel; -1 for THREE.
    nominal_w, nominal_var
        (h,) consumed, as the feeder's own tables say.
    line_element, transformer_element, capacitor_element
        Element of each row of the table; -1 for a transformer or bank out of service. A line that stands
        open has an element that conducts nothing, or only what its closed end still sees.
    closed_blocks
        Admittance that the elements of such lines have once they are closed.
    home_transformer
        (h,) place in `service_transformers`, -1 if none.
    service_transformers
        (s,) rows of the transformer table.
    head
        (element, terminal) pairs where power leaves the sources; positive is into the feeder.
    impedance_row
        Injectors of the part of homes' power that follows the square of the voltage, one after another; none
        but `impedance_parts.with_impedance_parts` adds any.
    """

    circuit: Circuit
    home_kind: NDArray[np.int8]
    home_nodes: Int
    share: Float
    branch_row: Int
    panel_row: Int
    nominal_w: Float
    nominal_var: Float
    line_element: Int
    closed_blocks: Mapping[int, Complex]
    transformer_element: Int
    capacitor_element: Int
    home_transformer: Int
    service_transformers: Int
    head: tuple[tuple[int, int], ...]
    impedance_row: Int = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def capacitor_parts(
    conductors: Sequence[int], connection: str, var_per_step: float, v_rated: float, steps: int
) -> Complex:
    """Block of a bank over its phase conductors (and the star point of a wye, last).

    `v_rated` is line-to-line for more than one phase.
    """
    delta = connection == "delta"
    branches = max(len(conductors) - 1, 1) if delta and len(conductors) < 3 else len(conductors)
    coil_v = v_rated / math.sqrt(3.0) if not delta and branches > 1 else v_rated
    return capacitor_block(np.full(branches, var_per_step * steps / branches), coil_v, delta)


def compile_feeder(feeder: Feeder) -> CompiledFeeder:
    """Arrays of the feeder as its tables stand now.

    Raises
    ------
    FeederError
        The tables do not hold together; every problem is listed.
    """
    from cosim.feeder.checks import require_sound

    require_sound(feeder)
    bus = feeder.bus
    nodes = Nodes(bus["name"].tolist(), bus["nodes"].tolist())
    elements: list[Element] = []
    line_element, closed_blocks = _add_lines(feeder, nodes, elements)
    transformer_element = _add_transformers(feeder, nodes, elements)
    capacitor_element = _add_shunts(feeder, nodes, elements)
    _add_other(feeder, nodes, elements)
    sources = _sources(feeder, nodes)
    rows = InjectorRows()
    homes = add_homes(feeder, nodes, rows)
    add_generators(feeder, nodes, rows)
    circuit = Circuit(
        nodes=tuple(nodes.names),
        base_v=bus["base_v"].to_numpy(dtype=float)[np.array(nodes.bus, dtype=np.int64)],
        elements=tuple(elements),
        sources=sources,
        injectors=rows.injectors(),
    )
    kind = feeder.transformer["kind"].to_numpy()
    named = feeder.home["transformer"].to_numpy(dtype=np.int64)
    service = np.union1d(np.flatnonzero(kind == "service"), named[named >= 0])
    place = np.full(len(kind) + 1, -1, dtype=np.int64)
    place[service] = np.arange(len(service))
    return CompiledFeeder(
        circuit=circuit,
        home_kind=homes.kind,
        home_nodes=homes.nodes,
        share=np.array(rows.share, dtype=np.float64).reshape(-1, 3),
        branch_row=homes.branch,
        panel_row=homes.panel,
        nominal_w=homes.nominal_w,
        nominal_var=homes.nominal_var,
        line_element=line_element,
        closed_blocks=closed_blocks,
        transformer_element=transformer_element,
        capacitor_element=capacitor_element,
        home_transformer=place[named],
        service_transformers=service,
        head=_head(elements, sources),
    )


def _add_lines(feeder: Feeder, nodes: Nodes, elements: list[Element]) -> tuple[Int, dict[int, Complex]]:
    opened = open_ends(feeder.tables)
    line = feeder.line
    rows: list[tuple[Any, ...]] = list(
        zip(
            line["name"],
            line["from_bus"],
            line["to_bus"],
            line["from_nodes"],
            line["to_nodes"],
            line["in_service"],
            line["max_i_ka"],
            strict=True,
        )
    )
    element_of = np.full(len(rows), -1, dtype=np.int64)
    closed: dict[int, Complex] = {}
    for row, (name, a, b, a_nodes, b_nodes, on, rating) in enumerate(rows):
        ends = (row, a) in opened, (row, b) in opened
        block = line_block(feeder.matrices.line_z_ohm[row], feeder.matrices.line_y_siemens[row])
        if not on or any(ends):
            closed[len(elements)] = block
            block = np.zeros_like(block) if not on or all(ends) else _with_open_end(block, ends[0])
        at = nodes.at(a, numbers(a_nodes)) + nodes.at(b, numbers(b_nodes))
        element_of[row] = len(elements)
        n = len(at) // 2
        elements.append(Element(f"line.{name}", np.array(at, dtype=np.int64), block, (n, n), rating * 1e3))
    return element_of, closed


def _with_open_end(block: Complex, first: bool) -> Complex:
    """The block of a line with one end open: what its other end still sees."""
    n = len(block) // 2
    kept, gone = (slice(n, None), slice(n)) if first else (slice(n), slice(n, None))
    reduced = np.zeros_like(block)
    reduced[kept, kept] = block[kept, kept] - block[kept, gone] @ np.linalg.solve(
        block[gone, gone], block[gone, kept]
    )
    return reduced


def _add_transformers(feeder: Feeder, nodes: Nodes, elements: list[Element]) -> Int:
    unit, winding = feeder.transformer, feeder.winding
    on = unit["in_service"].to_numpy(dtype=bool).copy()
    trafo = feeder.table("trafo")
    on[trafo["transformer"].to_numpy(dtype=np.int64)[~trafo["in_service"].to_numpy(dtype=bool)]] = False
    of: dict[int, list[Any]] = {}
    for coil in winding.to_dict("records"):
        of.setdefault(coil["transformer"], []).append(coil)
    element_of = np.full(len(unit), -1, dtype=np.int64)
    for row, data in enumerate(unit.to_dict("records")):
        if not on[row]:
            continue
        windings = sorted(of[row], key=lambda coil: int(coil["number"]))
        at = [node for coil in windings for node in nodes.at(coil["bus"], numbers(coil["nodes"]))]
        element_of[row] = len(elements)
        elements.append(
            Element(
                f"transformer.{data['name']}",
                np.array(at, dtype=np.int64),
                transformer_block(nameplate(data, windings)),
                (int(data["phases"]) + 1,) * len(windings),
            )
        )
    return element_of


def nameplate(unit: Any, windings: Sequence[Any]) -> TransformerData:
    """`TransformerData` of a row of the transformer table and its winding rows in order."""
    pairs = ("12",) if len(windings) == 2 else ("12", "13", "23")
    return TransformerData(
        phases=int(unit["phases"]),
        winding_v=np.array([coil["kv"] * 1e3 for coil in windings]),
        rated_va=unit["rated_kva"] * 1e3,
        r_pu=np.array([coil["r_percent"] / 100.0 for coil in windings]),
        x_pu=np.array([unit[f"x{pair}_percent"] / 100.0 for pair in pairs]),
        tap_pu=np.array([coil["tap_pu"] for coil in windings], dtype=np.float64),
        delta=np.array([coil["connection"] == "delta" for coil in windings]),
        leading=bool(unit["leading"]),
        noload_loss_pu=unit["noload_percent"] / 100.0,
        magnetising_pu=unit["imag_percent"] / 100.0,
        antifloat_ppm=unit["antifloat_ppm"],
        neutral_ohm=np.array([complex(coil["neutral_r_ohm"], coil["neutral_x_ohm"]) for coil in windings]),
    )


def bank_block(bank: Any, steps: int) -> Complex:
    """Block of a row of the shunt table with `steps` steps on, over its conductors in order."""
    conductors, _ = _bank_conductors(bank)
    volts = bank["vn_kv"] * 1e3
    block = capacitor_parts(conductors, bank["connection"], -bank["q_mvar"] * 1e6, volts, steps)
    return block * (1.0 + 1j * bank["p_mw"] / bank["q_mvar"]) if bank["p_mw"] else block


def _bank_conductors(bank: Any) -> tuple[list[int], list[int]]:
    """Phases of a bank, and the star point of a wye."""
    if bank["connection"] == "wye":
        conductors, neutral = wye_conductors(bank["nodes"])
        return conductors, [neutral]
    return numbers(bank["nodes"]), []


def _add_shunts(feeder: Feeder, nodes: Nodes, elements: list[Element]) -> Int:
    banks = feeder.table("shunt").to_dict("records")
    element_of = np.full(len(banks), -1, dtype=np.int64)
    for row, bank in enumerate(banks):
        if not bank["in_service"]:
            continue
        conductors, star = _bank_conductors(bank)
        at = nodes.at(bank["bus"], conductors + star)
        element_of[row] = len(elements)
        block = bank_block(bank, bank["step"])
        elements.append(Element(f"capacitor.{bank['name']}", np.array(at, dtype=np.int64), block, (len(at),)))
    return element_of


def _add_other(feeder: Feeder, nodes: Nodes, elements: list[Element]) -> None:
    terminals: dict[int, list[list[int]]] = {}
    for end in feeder.table("other_terminal").sort_values(["other", "number"]).to_dict("records"):
        terminals.setdefault(end["other"], []).append(nodes.at(end["bus"], numbers(end["nodes"])))
    for row, block in enumerate(feeder.table("other").to_dict("records")):
        if block["in_service"]:
            ends = terminals[row]
            elements.append(
                Element(
                    str(block["name"]),
                    np.array([node for end in ends for node in end], dtype=np.int64),
                    feeder.matrices.other_y_siemens[row],
                    tuple(len(end) for end in ends),
                )
            )


def _sources(feeder: Feeder, nodes: Nodes) -> tuple[Source, ...]:
    grid = feeder.table("ext_grid")
    return tuple(
        Source(
            f"vsource.{source['name']}",
            np.array(nodes.at(source["bus"], numbers(source["nodes"])), dtype=np.int64),
            feeder.matrices.source_z_ohm[row],
            feeder.matrices.source_emf_v[row]
            * (source["vm_pu"] * np.exp(1j * math.radians(source["va_degree"]))),
        )
        for row, source in enumerate(grid.to_dict("records"))
        if source["in_service"]
    )


def _head(elements: Sequence[Element], sources: Sequence[Source]) -> tuple[tuple[int, int], ...]:
    fed = {int(node) for source in sources for node in source.nodes} - {GROUND}
    return tuple(
        (number, terminal)
        for number, element in enumerate(elements)
        for terminal in range(len(element.conductors))
        if fed.intersection(element.nodes[element.terminal(terminal)].tolist())
    )
