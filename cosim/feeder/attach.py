"""Carries a pandapower net over and attaches services and homes to its loads by rule."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Literal

import numpy as np

from cosim.electrical.circuit import Complex
from cosim.electrical.elements import reactor_block
from cosim.errors import FeederError, Problem
from cosim.feeder.attach_loads import LoadRule, attach_generators, attach_loads
from cosim.feeder.builder import FeederBuilder, Winding
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
    return _Attach(tables_of(net), name).feeder(rule)


class _Attach:
    def __init__(self, tables: NetTables, name: str | None) -> None:
        self.tables = tables
        self.builder = FeederBuilder(name or tables.name, tables.frequency_hz)
        self.report = ImportReport(f"pandapower net {tables.name}")
        self.problems: list[Problem] = []
        self.bus_names: dict[int, str] = {}
        self.neutrals: dict[int, int] = {}  # conductors taken so far by ungrounded star points

    def feeder(self, rule: LoadRule) -> Feeder:
        """All tables in order; raises with every problem found."""
        self.refuse()
        self.raise_problems()
        groups = self.vector_groups()
        self.add_buses()
        lines = self.add_lines()
        self.add_transformers(groups)
        self.add_switches(lines)
        self.add_sources()
        self.add_shunts()
        attach_loads(self.tables, self.bus_names, self.places(), self.builder, rule, self.report)
        attach_generators(self.tables, self.bus_names, self.builder, self.report)
        self.raise_problems()
        feeder = self.builder.build()
        feeder.report = self.report
        return feeder

    def raise_problems(self) -> None:
        if self.problems:
            raise FeederError(self.problems)

    def problem(self, message: str, key: str, value: Any = "") -> None:
        self.problems.append(Problem(message, "", key, str(value)))

    # ----------------------------------------------------------------- checking
    def refuse(self) -> None:
        """Equipment that cannot be carried, missing columns, rows that point nowhere."""
        for table in REFUSED:
            count = sum(self.tables.flags(table))
            if count:
                self.problem(
                    "cannot be carried; take these elements out of service or replace them", table, count
                )
        for table in self.tables.ignored:
            self.report.add(table, Outcome.LEFT_OUT, table, "does not take part in a power flow here")
        for table, columns in NEEDED.items():
            frame = self.tables.frame(table)
            if table in ("bus", "ext_grid") and frame.empty:
                self.problem("must have at least one row", table)
            if frame.empty:
                continue
            for column in columns:
                if column not in frame:
                    self.problem("column is missing", f"{table}.{column}")
        if self.problems:
            return
        known = set(self.tables.frame("bus").index)
        for table, columns in NEEDED.items():
            for column in (c for c in columns if c == "bus" or c.endswith("_bus")):
                frame = self.tables.frame(table)
                if frame.empty:
                    continue
                for row in frame.index[~frame[column].isin(known)]:
                    self.problem(
                        "points at a bus that is not there", f"{table}.{column}[{row}]", frame[column][row]
                    )

    def vector_groups(self) -> list[tuple[str, str]]:
        """High and low connection (YN, Y, D, ZN) of each transformer, assumed where not said."""
        groups = []
        shifts = self.tables.numbers("trafo", "shift_degree")
        given = self.tables.texts("trafo", "vector_group")
        for row, text, shift in zip(self.tables.frame("trafo").index, given, shifts, strict=True):
            if not text:
                text = "Dyn" if round(shift) % 60 == 30 else "YNyn"
                self.report.add(
                    "trafo", Outcome.APPROXIMATED, str(row), f"no vector group; {text} assumed from the shift"
                )
            found = re.fullmatch(r"(YN|Y|D)(yn|y|d|zn)(\d{1,2})?", text)
            if found is None:
                self.problem("vector group is not carried", f"trafo.vector_group[{row}]", text)
                groups.append(("D", "yn"))
                continue
            groups.append((found[1], found[2]))
        return groups

    # ----------------------------------------------------------------- building
    def add_buses(self) -> None:
        """Buses of three conductors, and one more for each ungrounded star point."""
        frame = self.tables.frame("bus")
        taken: set[str] = set()
        voltages = self.tables.numbers("bus", "vn_kv", math.nan)
        places = self.places()
        stars = self.star_points()
        for row, text, vn_kv in zip(frame.index, self.tables.texts("bus", "name"), voltages, strict=True):
            name = text or f"bus-{row}"
            name = name if name not in taken else f"{name}-{row}"
            taken.add(name)
            self.bus_names[int(row)] = name
            if not vn_kv > 0.0:
                self.problem("must be a positive voltage", f"bus.vn_kv[{row}]", vn_kv)
                continue
            nodes = ".".join(str(node) for node in range(1, 4 + stars.get(int(row), 0)))
            x, y = places.get(int(row), (math.nan, math.nan))
            self.builder.add_bus(name, nodes, vn_kv * 1e3 / math.sqrt(3.0), x, y)
        self.raise_problems()

    def star_points(self) -> dict[int, int]:
        """Ungrounded star points at each bus."""
        count: dict[int, int] = {}
        frame = self.tables.frame("trafo")
        for row, (high, low) in enumerate(self.vector_groups() if len(frame) else []):
            for column, kind in (("hv_bus", high), ("lv_bus", low)):
                if kind in ("Y", "y"):
                    bus = int(frame[column].iloc[row])
                    count[bus] = count.get(bus, 0) + 1
        return count

    def places(self) -> dict[int, tuple[float, float]]:
        """Coordinates of buses, from GeoJSON points or the older bus_geodata."""
        found = {}
        geo = self.tables.frame("bus_geodata")
        if {"x", "y"} <= set(geo.columns):
            found = {
                int(row): (float(x), float(y))
                for row, x, y in zip(geo.index, geo["x"], geo["y"], strict=True)
            }
        for row, text in zip(self.tables.frame("bus").index, self.tables.texts("bus", "geo"), strict=True):
            try:
                x, y, *_ = json.loads(text)["coordinates"] if text else (math.nan, math.nan)
                found.setdefault(int(row), (float(x), float(y)))
            except (ValueError, KeyError, TypeError):
                self.report.add("bus.geo", Outcome.LEFT_OUT, str(row), "not a GeoJSON point")
        return found

    def add_lines(self) -> dict[int, int]:
        """Lines as transposed matrices; returns builder rows by net index."""
        tables, omega = self.tables, 2.0 * math.pi * self.tables.frequency_hz
        number = {
            column: tables.numbers("line", column, default)
            for column, default in (
                ("length_km", math.nan),
                ("r_ohm_per_km", math.nan),
                ("x_ohm_per_km", math.nan),
                ("c_nf_per_km", 0.0),
                ("g_us_per_km", 0.0),
                ("r0_ohm_per_km", math.nan),
                ("x0_ohm_per_km", math.nan),
                ("c0_nf_per_km", math.nan),
                ("max_i_ka", math.nan),
                ("parallel", 1.0),
            )
        }
        frame, rows = tables.frame("line"), {}
        names = _unique(tables.texts("line", "name"), frame.index, "line")
        kinds, on = tables.texts("line", "type", "ol"), tables.flags("line")
        types = tables.texts("line", "std_type")
        for i, index in enumerate(frame.index):
            cell = {column: float(values[i]) for column, values in number.items()}
            length, r, x = (cell[c] for c in ("length_km", "r_ohm_per_km", "x_ohm_per_km"))
            if not (length > 0.0 and math.isfinite(r) and math.isfinite(x) and math.hypot(r, x) > 0.0):
                self.problem("length and impedance must be positive numbers", f"line[{index}]")
                continue
            low = self.tables.frame("bus")["vn_kv"][frame["from_bus"].iloc[i]] < 1.0
            r0, x0, c0 = self.zero_sequence(names[i], cell, low=bool(low), cable=kinds[i] == "cs")
            parallel = cell["parallel"]
            scale = length / parallel
            shunt_0 = complex(cell["g_us_per_km"] * 1e-6, omega * c0 * 1e-9)
            shunt_1 = complex(cell["g_us_per_km"] * 1e-6, omega * cell["c_nf_per_km"] * 1e-9)
            rows[int(index)] = self.builder.add_line(
                names[i],
                self.bus_names[int(frame["from_bus"].iloc[i])],
                "1.2.3",
                self.bus_names[int(frame["to_bus"].iloc[i])],
                "1.2.3",
                sequence_matrix(complex(r, x) * scale, complex(r0, x0) * scale),
                sequence_matrix(shunt_1, shunt_0) * (length * parallel / 2.0),
                length_m=length * 1e3,
                std_type=types[i],
                rating_a=cell["max_i_ka"] * 1e3 * parallel,
                level="secondary" if low else "primary",
                cable=kinds[i] == "cs",
                in_service=on[i],
            )
            self.report.add("line", Outcome.CARRIED, names[i])
        return rows

    def zero_sequence(
        self, name: str, cell: dict[str, float], *, low: bool, cable: bool
    ) -> tuple[float, float, float]:
        """Zero-sequence figures per km, assumed and listed where the net has none."""
        r0, x0, c0 = cell["r0_ohm_per_km"], cell["x0_ohm_per_km"], cell["c0_nf_per_km"]
        if math.isnan(r0) or math.isnan(x0):
            if low:  # return through a neutral like the phases: three times it in series
                r0, x0 = 4.0 * cell["r_ohm_per_km"], 4.0 * cell["x_ohm_per_km"]
                said = "no r0, x0; four times r, x assumed (return through an equal neutral)"
            else:  # Carson: earth return adds w mu0 / 8 to every self and mutual term
                r0 = (
                    cell["r_ohm_per_km"]
                    + 3e3 * (2.0 * math.pi * self.tables.frequency_hz) * 4e-7 * math.pi / 8.0
                )
                x0 = 3.5 * cell["x_ohm_per_km"]
                said = "no r0, x0; earth return added to r and 3.5 x assumed"
            self.report.add("line", Outcome.APPROXIMATED, name, said)
        if math.isnan(c0):
            c0 = cell["c_nf_per_km"] * (1.0 if cable else 0.6)
            if c0 > 0.0:
                self.report.add(
                    "line", Outcome.APPROXIMATED, name, "no c0; c of a cable or 0.6 c of a bare line assumed"
                )
        return r0, x0, c0

    def add_transformers(self, groups: list[tuple[str, str]]) -> None:
        """Two-winding units, turned to their clock number by the order of the low-side conductors."""
        tables, frame = self.tables, self.tables.frame("trafo")
        number = {c: tables.numbers("trafo", c, math.nan) for c in NEEDED["trafo"][2:]}
        shift, parallel = tables.numbers("trafo", "shift_degree"), tables.numbers("trafo", "parallel", 1.0)
        loss_kw, i0 = tables.numbers("trafo", "pfe_kw"), tables.numbers("trafo", "i0_percent")
        names, on = _unique(tables.texts("trafo", "name"), frame.index, "trafo"), tables.flags("trafo")
        closed = self.closed_transformers()
        for i, (index, (high, low)) in enumerate(zip(frame.index, groups, strict=True)):
            cell = {column: float(values[i]) for column, values in number.items()}
            x_squared = cell["vk_percent"] ** 2 - cell["vkr_percent"] ** 2
            if not (all(cell[c] > 0.0 for c in ("sn_mva", "vn_hv_kv", "vn_lv_kv")) and x_squared > 0.0):
                self.problem(
                    "rating, voltages and vk_percent > vkr_percent must be positive", f"trafo[{index}]"
                )
                continue
            turn = self.turned(index, float(shift[i]), (high == "D") != (low == "d"))
            if turn is None:
                continue
            rotation, leading = turn
            self.note_zero_sequence(i, names[i], low, cell["vk_percent"])
            rated_kva = cell["sn_mva"] * 1e3
            no_load = 100.0 * float(loss_kw[i]) / rated_kva
            tap = self.taps(i, index)
            high_nodes = self.winding_nodes(int(frame["hv_bus"].iloc[i]), high, "1.2.3")
            order = ".".join(str((coil - rotation) % 3 + 1) for coil in range(3))
            low_nodes = self.winding_nodes(int(frame["lv_bus"].iloc[i]), low, order)
            self.builder.add_transformer(
                names[i],
                "substation" if cell["vn_lv_kv"] >= 1.0 else "other",
                [
                    self.winding(
                        int(frame["hv_bus"].iloc[i]), high_nodes, high, cell["vn_hv_kv"], cell, tap[0]
                    ),
                    self.winding(
                        int(frame["lv_bus"].iloc[i]), low_nodes, low, cell["vn_lv_kv"], cell, tap[1]
                    ),
                ],
                phases=3,
                rated_kva=rated_kva * float(parallel[i]),
                x_percent=[math.sqrt(x_squared)],
                noload_percent=no_load,
                imag_percent=math.sqrt(max(float(i0[i]) ** 2 - no_load**2, 0.0)),
                leading=leading,
                in_service=on[i] and index not in closed,
                model=tables.texts("trafo", "std_type")[i],
            )
            self.report.add("trafo", Outcome.CARRIED, names[i])

    def winding(
        self, bus: int, nodes: str, kind: str, vn_kv: float, cell: dict[str, float], tap: float
    ) -> Winding:
        """One three-phase winding; a zigzag stands as a wye."""
        delta = kind in ("D", "d")
        coil_kv = vn_kv if delta else vn_kv / math.sqrt(3.0)
        connection = "delta" if delta else "wye"
        return Winding(self.bus_names[bus], nodes, coil_kv, cell["vkr_percent"] / 2.0, connection, tap_pu=tap)

    def winding_nodes(self, bus: int, kind: str, phases: str) -> str:
        """Phases and star point: ground, a conductor of its own if ungrounded, unused for delta."""
        if kind not in ("Y", "y"):
            return f"{phases}.0"
        self.neutrals[bus] = self.neutrals.get(bus, 0) + 1
        return f"{phases}.{3 + self.neutrals[bus]}"

    def turned(self, index: Any, shift: float, mixed: bool) -> tuple[int, bool] | None:
        """Cyclic turn of the low side (in thirds) and whether it leads, for a lag of `shift` degrees."""
        for leading, own in ((False, 30), (True, -30)) if mixed else ((False, 0),):
            thirds = (shift - own) / 120.0
            if abs(thirds - round(thirds)) < 1e-6:
                return round(thirds) % 3, leading
        right = "30 degrees more or less than a multiple of 120" if mixed else "a multiple of 120 degrees"
        self.problem(f"is not carried; it must be {right}", f"trafo.shift_degree[{index}]", shift)
        return None

    def note_zero_sequence(self, i: int, name: str, low: str, vk_percent: float) -> None:
        """List what the bank of single-phase units cannot say about zero sequence."""
        vk0 = float(self.tables.numbers("trafo", "vk0_percent", vk_percent)[i])
        if low == "zn":
            self.report.add(
                "trafo",
                Outcome.APPROXIMATED,
                name,
                "zigzag carried as a wye: its zero sequence is vk_percent",
            )
        elif abs(vk0 - vk_percent) > 1e-6 * vk_percent:
            self.report.add("trafo", Outcome.APPROXIMATED, name, "vk0_percent taken as equal to vk_percent")
        if not math.isnan(self.tables.numbers("trafo", "mag0_percent", math.nan)[i]):
            said = "mag0_percent not carried: no zero-sequence path through the core of a three-limb unit"
            self.report.add("trafo", Outcome.APPROXIMATED, name, said)

    def taps(self, i: int, index: Any) -> tuple[float, float]:
        """Turns ratio at the high and low side from the tap position."""
        tables = self.tables
        position = tables.numbers("trafo", "tap_pos", math.nan)[i]
        neutral = tables.numbers("trafo", "tap_neutral", math.nan)[i]
        step = tables.numbers("trafo", "tap_step_percent")[i]
        steps = 0.0 if math.isnan(position) or math.isnan(neutral) else position - neutral
        if steps and tables.numbers("trafo", "tap_step_degree")[i]:
            self.problem("a phase-shifting tap is not carried", f"trafo.tap_step_degree[{index}]")
        second = tables.numbers("trafo", "tap2_pos", math.nan)[i]
        if not math.isnan(second) and second != tables.numbers("trafo", "tap2_neutral")[i]:
            self.problem("a second tap changer is not carried", f"trafo.tap2_pos[{index}]", second)
        ratio = float(1.0 + steps * step / 100.0)
        return (ratio, 1.0) if tables.texts("trafo", "tap_side", "hv")[i] == "hv" else (1.0, ratio)

    def closed_transformers(self) -> set[Any]:
        """Net indices of transformers with an open switch at either side: they are taken as off."""
        frame = self.tables.frame("switch")
        if frame.empty:
            return set()
        opened = frame[(frame["et"] == "t") & ~np.array(self.tables.flags("switch", "closed"))]
        for index in opened["element"]:
            self.report.add(
                "switch",
                Outcome.APPROXIMATED,
                f"trafo {index}",
                "a transformer open at one side is off at both",
            )
        return set(opened["element"])

    def add_switches(self, lines: dict[int, int]) -> None:
        """Switches at line ends stay switches; closed bus-bus switches become short links."""
        frame = self.tables.frame("switch")
        closed = self.tables.flags("switch", "closed")
        impedance = self.tables.numbers("switch", "z_ohm")
        names = _unique(self.tables.texts("switch", "name"), frame.index, "switch")
        for i, index in enumerate(frame.index):
            bus, element, kind = int(frame["bus"].iloc[i]), int(frame["element"].iloc[i]), frame["et"].iloc[i]
            if kind == "l" and element in lines:
                self.builder.add_switch(lines[element], self.bus_names[bus], closed=closed[i], name=names[i])
            elif kind == "b" and element in self.bus_names:
                ohm = max(float(impedance[i]), BUS_SWITCH_OHM)
                self.builder.add_line(
                    f"switch-{index}",
                    self.bus_names[bus],
                    "1.2.3",
                    self.bus_names[element],
                    "1.2.3",
                    ohm * BUS_SWITCH_PHASOR * np.eye(3),
                    length_m=1.0,
                    in_service=closed[i],
                    is_switch=True,
                )
            elif kind != "t":
                self.problem("switch of this kind or element is not carried", f"switch.et[{index}]", kind)
                continue
            self.report.add("switch", Outcome.CARRIED, names[i])

    def add_sources(self) -> None:
        """External grids behind their short-circuit strength."""
        tables, frame = self.tables, self.tables.frame("ext_grid")
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
                self.report.add(
                    "ext_grid", Outcome.APPROXIMATED, name, f"no s_sc_max_mva; {strength:g} MVA assumed"
                )
            x = vn_kv**2 / strength / math.hypot(1.0, rx)
            x0 = x * float(number["x0x_max"][i])
            r0 = x0 * float(np.nan_to_num(number["r0x0_max"][i], nan=rx))
            angle = np.exp(1j * math.radians(float(number["va_degree"][i])))
            emf = float(number["vm_pu"][i]) * vn_kv * 1e3 / math.sqrt(3.0) * angle * TURN
            self.builder.add_source(
                name,
                self.bus_names[bus],
                "1.2.3",
                emf,
                sequence_matrix(complex(rx * x, x), complex(r0, x0)),
                in_service=on[i],
            )
            self.report.add("ext_grid", Outcome.CARRIED, name, "vm_pu is the voltage behind the strength")

    def add_shunts(self) -> None:
        """Capacitors and reactors in grounded wye."""
        tables, frame = self.tables, self.tables.frame("shunt")
        names, on = _unique(tables.texts("shunt", "name"), frame.index, "shunt"), tables.flags("shunt")
        p, q, step = (
            tables.numbers("shunt", c, d) for c, d in (("p_mw", 0.0), ("q_mvar", 0.0), ("step", 1.0))
        )
        for i, name in enumerate(names):
            bus = int(frame["bus"].iloc[i])
            vn_kv = float(tables.numbers("shunt", "vn_kv", float(tables.frame("bus")["vn_kv"][bus]))[i])
            if p[i] == 0.0 and q[i] < 0.0:
                self.builder.add_capacitor(
                    name,
                    self.bus_names[bus],
                    "1.2.3.0",
                    kvar=-q[i] * step[i] * 1e3,
                    kv=vn_kv,
                    in_service=on[i],
                )
            elif on[i] and step[i] and (p[i] or q[i]):
                ohm = vn_kv**2 / complex(p[i] * step[i], -q[i] * step[i])
                self.builder.add_other(
                    name,
                    [(self.bus_names[bus], "1.2.3.0")],
                    reactor_block(np.full(3, ohm), False),
                    kind="shunt",
                )
            self.report.add("shunt", Outcome.CARRIED, name)


def sequence_matrix(one: complex, zero: complex) -> Complex:
    """(3, 3) transposed matrix with the given positive and zero sequence values."""
    mutual = (zero - one) / 3.0
    return np.asarray(np.full((3, 3), mutual) + np.eye(3) * one)


def _unique(names: list[str], index: Any, kind: str) -> list[str]:
    """Given names, made unique and never empty by the net's row numbers."""
    taken: set[str] = set()
    for i, row in enumerate(index):
        name = names[i] or f"{kind}-{row}"
        names[i] = name if name not in taken else f"{name}-{row}"
        taken.add(names[i])
    return names
