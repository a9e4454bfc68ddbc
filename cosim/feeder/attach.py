"""Carries a pandapower net over and attaches services and homes to its loads by rule."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cosim.electrical.elements import reactor_block
from cosim.errors import FeederError
from cosim.feeder.attach_base import Import, sequence_matrix, unique
from cosim.feeder.attach_lines import add_lines
from cosim.feeder.attach_loads import LoadRule, attach_generators, attach_loads
from cosim.feeder.attach_transformers import add_transformers, star_points, vector_groups
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.checks import require_studiable
from cosim.feeder.feeder import Feeder
from cosim.feeder.import_report import ImportReport, Outcome
from cosim.feeder.pandapower_json import REFUSED, NetTables, tables_of

TURN = np.exp(-2j * np.pi / 3.0 * np.arange(3))
BUS_SWITCH_OHM = 1e-5  # a closed bus-bus switch without an impedance of its own
BUS_SWITCH_PHASOR = (2.0 + 1.0j) / abs(2.0 + 1.0j)  # pandapower's switch_rx_ratio
NEEDED = {
    "bus": ("vn_kv",),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent"),
    "ext_grid": ("bus",),
    "switch": ("bus", "element", "et"),
    "load": ("bus", "p_mw"),
    "sgen": ("bus", "p_mw"),
    "asymmetric_load": ("bus",),
    "asymmetric_sgen": ("bus",),
    "shunt": ("bus", "q_mvar"),
}


def from_pandapower(
    net: Any,
    *,
    kva_per_home: float | None = 2.75,
    services: Literal["auto", "split", "direct"] = "auto",
    homes_per_transformer: int = 8,
    drop_length_m: tuple[float, float] = (24.4, 0.45),
    seed: int = 7,
    name: str | None = None,
) -> Feeder:
    """Feeder from a three-phase pandapower net, its loads turned into homes by rule.

    Parameters
    ----------
    net
        A pandapower net, or the path of its JSON file (read as plain data: nothing in it is
        imported or called).
    kva_per_home
        A load becomes as many homes as fit into its apparent power (at least one), each with an
        uneven share of it. None keeps every load whole, as one customer.
    services
        ``"split"``: loads above 1 kV get single-phase centre-tapped transformers, phase by phase,
        and 120/240 V triplex drops. ``"direct"``: homes stand on the bus itself, single-phase
        between a conductor and ground, or three-phase if the load is kept whole. ``"auto"``:
        split above 1 kV and direct below (the European 400 V manner).
    homes_per_transformer
        Most homes behind one centre-tapped transformer.
    drop_length_m
        Median [m] and sigma of the lognormal length of service drops.
    seed
        Decides shares, lengths and service ratings.
    name
        Of the feeder; the net's own if None.

    Returns
    -------
    Feeder
        Its `report` lists what was carried, assumed and left out.

    Raises
    ------
    FeederError
        The file cannot be read, or the net holds what cannot be carried; everything is named.
    """
    rule = LoadRule(kva_per_home, services, homes_per_transformer, drop_length_m, seed)
    problems = rule.problems()
    if problems:
        raise FeederError(problems)
    tables = tables_of(net)
    try:
        return _attach(tables, rule, name or tables.name)
    except FeederError as error:
        file = str(net) if isinstance(net, str | Path) else ""
        raise FeederError(replace(p, file=p.file or file) for p in error.problems) from None


def _attach(tables: NetTables, rule: LoadRule, name: str) -> Feeder:
    """The net's feeder; raises with everything that cannot be carried or studied."""
    carried = Import(
        tables, FeederBuilder(name, tables.frequency_hz), ImportReport(f"pandapower net {tables.name}")
    )
    _carry(carried)
    attach_loads(carried, _places(carried), rule)
    attach_generators(carried)
    carried.raise_problems()
    feeder = carried.builder.build()
    feeder.report = carried.report
    require_studiable(feeder)
    return feeder


def _carry(net: Import) -> None:
    """Everything but loads, in order; raises with every problem found."""
    _refuse(net)
    net.raise_problems()
    groups = vector_groups(net)
    _add_buses(net, groups)
    lines = add_lines(net)
    add_transformers(net, groups)
    _add_switches(net, lines)
    _add_sources(net)
    _add_shunts(net)


def _refuse(net: Import) -> None:
    """Equipment that cannot be carried, missing columns, rows that point nowhere."""
    for table in REFUSED:
        count = sum(net.tables.flags(table))
        if count:
            net.problem("cannot be carried; take these elements out of service or replace them", table, count)
    for table in net.tables.ignored:
        net.report.add(table, Outcome.LEFT_OUT, table, "does not take part in a power flow here")
    for table, columns in NEEDED.items():
        frame = net.tables.frame(table)
        if table in ("bus", "ext_grid") and frame.empty:
            net.problem("must have at least one row", table)
        if frame.empty:
            continue
        for column in columns:
            if column not in frame:
                net.problem("column is missing", f"{table}.{column}")
    if net.problems:
        return
    known = set(net.tables.frame("bus").index)
    for table, columns in NEEDED.items():
        for column in (c for c in columns if c == "bus" or c.endswith("_bus")):
            frame = net.tables.frame(table)
            if frame.empty:
                continue
            for row in frame.index[~frame[column].isin(known)]:
                net.problem(
                    "points at a bus that is not there", f"{table}.{column}[{row}]", frame[column][row]
                )


def _add_buses(net: Import, groups: list[tuple[str, str]]) -> None:
    """Buses of three conductors, and one more for each ungrounded star point."""
    frame = net.tables.frame("bus")
    taken: set[str] = set()
    voltages = net.tables.numbers("bus", "vn_kv", math.nan)
    places = _places(net)
    stars = star_points(net, groups)
    for row, text, vn_kv in zip(frame.index, net.tables.texts("bus", "name"), voltages, strict=True):
        name = text or f"bus-{row}"
        name = name if name not in taken else f"{name}-{row}"
        taken.add(name)
        net.bus_names[int(row)] = name
        if not vn_kv > 0.0:
            net.problem("must be a positive voltage", f"bus.vn_kv[{row}]", vn_kv)
            continue
        nodes = ".".join(str(node) for node in range(1, 4 + stars.get(int(row), 0)))
        x, y = places.get(int(row), (math.nan, math.nan))
        net.builder.add_bus(name, nodes, vn_kv * 1e3 / math.sqrt(3.0), x, y)
    net.raise_problems()


def _places(net: Import) -> dict[int, tuple[float, float]]:
    """Coordinates of buses, from GeoJSON points or the older bus_geodata."""
    found = {}
    geo = net.tables.frame("bus_geodata")
    if {"x", "y"} <= set(geo.columns):
        found = {
            int(row): (float(x), float(y)) for row, x, y in zip(geo.index, geo["x"], geo["y"], strict=True)
        }
    for row, text in zip(net.tables.frame("bus").index, net.tables.texts("bus", "geo"), strict=True):
        try:
            x, y, *_ = json.loads(text)["coordinates"] if text else (math.nan, math.nan)
            found.setdefault(int(row), (float(x), float(y)))
        except (ValueError, KeyError, TypeError):
            net.report.add("bus.geo", Outcome.LEFT_OUT, str(row), "not a GeoJSON point")
    return found


def _add_switches(net: Import, lines: dict[int, int]) -> None:
    """Switches at line ends stay switches; closed bus-bus switches become short links."""
    frame = net.tables.frame("switch")
    closed = net.tables.flags("switch", "closed")
    impedance = net.tables.numbers("switch", "z_ohm")
    names = unique(net.tables.texts("switch", "name"), frame.index, "switch")
    for i, index in enumerate(frame.index):
        bus, element, kind = int(frame["bus"].iloc[i]), int(frame["element"].iloc[i]), frame["et"].iloc[i]
        if kind == "l" and element in lines:
            net.builder.add_switch(lines[element], net.bus_names[bus], closed=closed[i], name=names[i])
        elif kind == "b" and element in net.bus_names:
            ohm = max(float(impedance[i]), BUS_SWITCH_OHM)
            net.builder.add_line(
                f"switch-{index}",
                net.bus_names[bus],
                "1.2.3",
                net.bus_names[element],
                "1.2.3",
                ohm * BUS_SWITCH_PHASOR * np.eye(3),
                length_m=1.0,
                in_service=closed[i],
                is_switch=True,
            )
        elif kind != "t":
            net.problem("switch of this kind or element is not carried", f"switch.et[{index}]", kind)
            continue
        net.report.add("switch", Outcome.CARRIED, names[i])


def _add_sources(net: Import) -> None:
    """External grids behind their short-circuit strength."""
    tables, frame = net.tables, net.tables.frame("ext_grid")
    on = tables.flags("ext_grid")
    number = {
        c: tables.numbers("ext_grid", c, d)
        for c, d in (
            ("vm_pu", 1.0),
            ("va_degree", 0.0),
            ("s_sc_max_mva", math.nan),
            ("rx_max", 0.1),
            ("x0x_max", 1.0),
            ("r0x0_max", math.nan),
        )
    }
    for i, index in enumerate(frame.index):
        bus = int(frame["bus"].iloc[i])
        vn_kv = float(tables.frame("bus")["vn_kv"][bus])
        name = f"ext_grid-{index}"
        strength, rx = float(number["s_sc_max_mva"][i]), float(number["rx_max"][i])
        if math.isnan(strength) or strength <= 0.0:
            strength = 5000.0 if vn_kv >= 60.0 else 500.0
            net.report.add(
                "ext_grid", Outcome.APPROXIMATED, name, f"no s_sc_max_mva; {strength:g} MVA assumed"
            )
        x = vn_kv**2 / strength / math.hypot(1.0, rx)
        x0 = x * float(number["x0x_max"][i])
        r0 = x0 * float(np.nan_to_num(number["r0x0_max"][i], nan=rx))
        angle = np.exp(1j * math.radians(float(number["va_degree"][i])))
        emf = float(number["vm_pu"][i]) * vn_kv * 1e3 / math.sqrt(3.0) * angle * TURN
        net.builder.add_source(
            name,
            net.bus_names[bus],
            "1.2.3",
            emf,
            sequence_matrix(complex(rx * x, x), complex(r0, x0)),
            in_service=on[i],
        )
        net.report.add("ext_grid", Outcome.CARRIED, name, "vm_pu is the voltage behind the strength")


def _add_shunts(net: Import) -> None:
    """Capacitors and reactors in grounded wye."""
    tables, frame = net.tables, net.tables.frame("shunt")
    names, on = unique(tables.texts("shunt", "name"), frame.index, "shunt"), tables.flags("shunt")
    p, q, step = (tables.numbers("shunt", c, d) for c, d in (("p_mw", 0.0), ("q_mvar", 0.0), ("step", 1.0)))
    for i, name in enumerate(names):
        bus = int(frame["bus"].iloc[i])
        vn_kv = float(tables.numbers("shunt", "vn_kv", float(tables.frame("bus")["vn_kv"][bus]))[i])
        if p[i] == 0.0 and q[i] < 0.0:
            net.builder.add_capacitor(
                name,
                net.bus_names[bus],
                "1.2.3.0",
                kvar=-q[i] * step[i] * 1e3,
                kv=vn_kv,
                in_service=on[i],
            )
        elif on[i] and step[i] and (p[i] or q[i]):
            ohm = vn_kv**2 / complex(p[i] * step[i], -q[i] * step[i])
            net.builder.add_other(
                name,
                [(net.bus_names[bus], "1.2.3.0")],
                reactor_block(np.full(3, ohm), False),
                kind="shunt",
            )
        net.report.add("shunt", Outcome.CARRIED, name)
