"""Builds a feeder element by element; buses are named, everything else refers to them by name."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Complex, Float
from cosim.errors import FeederError, Problem
from cosim.feeder.feeder import Feeder, Matrices
from cosim.feeder.nodes import wye_conductors
from cosim.feeder.tables import NAN, TABLES, frame


@dataclass(frozen=True)
class Winding:
    """One winding of a transformer to be added.

    Parameters
    ----------
    bus
        Bus name.
    nodes
        ``phases + 1`` conductors, the neutral last: ``"1.2.3.0"``, ``"1.0"``, ``"0.2"``. For delta the
        last is unused and may be left out; so may the grounded neutral of a wye.
    kv
        Rated voltage of one coil [kV]: line-to-neutral for wye, line-to-line for delta.
    r_percent
        Resistance on the unit's rating.
    connection
        ``wye`` or ``delta``.
    """

    bus: str
    nodes: str
    kv: float
    r_percent: float
    connection: str = "wye"
    tap_pu: float = 1.0
    tap_min_pu: float = 0.9
    tap_max_pu: float = 1.1
    tap_steps: int = 32
    neutral_ohm: complex | None = None


class FeederBuilder:
    """Collects elements and hands out their rows; `build` makes the feeder.

    Nodes are written as in OpenDSS, ``"1.2.3"``; node 0 is ground. Buses must be added before
    what stands at them. Methods return the row of what they added.

    Parameters
    ----------
    name
        Of the feeder.
    frequency_hz
        Of the supply.
    """

    def __init__(self, name: str, frequency_hz: float = 60.0) -> None:
        self.name = name
        self.frequency_hz = frequency_hz
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._bus: dict[str, int] = {}
        self._line_z: list[Complex] = []
        self._line_y: list[Complex] = []
        self._emf: list[Complex] = []
        self._source_z: list[Complex] = []
        self._other_y: list[Complex] = []
        self._shape_p: list[Float] = []
        self._shape_q: list[Float] = []

    def _add(self, table: str, row: dict[str, Any]) -> int:
        self._rows[table].append(row)
        return len(self._rows[table]) - 1

    def bus_row(self, bus: str) -> int:
        """Row of a bus by name.

        Raises
        ------
        FeederError
            No bus of that name was added.
        """
        if bus not in self._bus:
            raise FeederError(Problem("no such bus; add it before what stands at it", key="bus", value=bus))
        return self._bus[bus]

    def add_bus(self, name: str, nodes: str, base_v: float, x: float = NAN, y: float = NAN) -> int:
        """Add a bus with its conductors and its nominal voltage to ground [V]."""
        if name in self._bus:
            raise FeederError(Problem("a bus of that name exists", key="bus", value=name))
        known = math.isfinite(x) and math.isfinite(y)
        geo = json.dumps({"type": "Point", "coordinates": [float(x), float(y)]}) if known else None
        self._bus[name] = self._add(
            "bus",
            {
                "name": name,
                "nodes": nodes,
                "base_v": float(base_v),
                "vn_kv": base_v * math.sqrt(3.0) / 1e3,
                "x": float(x),
                "y": float(y),
                "geo": geo,
            },
        )
        return self._bus[name]

    def add_line(
        self,
        name: str,
        from_bus: str,
        from_nodes: str,
        to_bus: str,
        to_nodes: str,
        z_ohm: ArrayLike,
        y_siemens: ArrayLike | None = None,
        *,
        length_m: float,
        std_type: str = "",
        rating_a: float = NAN,
        level: str = "primary",
        cable: bool = False,
        in_service: bool = True,
        is_switch: bool = False,
    ) -> int:
        """Add a line: (n, n) series impedance in total and shunt admittance at each end."""
        z = np.array(z_ohm, dtype=np.complex128, ndmin=2)
        y = np.zeros_like(z) if y_siemens is None else np.array(y_siemens, dtype=np.complex128, ndmin=2)
        self._line_z.append(z)
        self._line_y.append(y)
        length_km = float(length_m) / 1e3
        per_km = _positive_sequence(z) / length_km
        capacitance = 2.0 * _positive_sequence(y).imag / (2.0 * math.pi * self.frequency_hz) / length_km
        row = {
            "name": name,
            "std_type": std_type,
            "from_bus": self.bus_row(from_bus),
            "to_bus": self.bus_row(to_bus),
            "from_nodes": from_nodes,
            "to_nodes": to_nodes,
            "length_km": length_km,
            "r_ohm_per_km": per_km.real,
            "x_ohm_per_km": per_km.imag,
            "c_nf_per_km": capacitance * 1e9,
            "max_i_ka": rating_a / 1e3,
            "type": "cs" if cable else "ol",
            "level": level,
            "in_service": in_service,
            "is_switch": is_switch,
        }
        return self._add("line", row)

    def mark_drop(self, line: int) -> None:
        """Say that line row `line` turned out to be a service drop."""
        self._rows["line"][line]["level"] = "drop"

    def add_switch(self, line: int, bus: str, *, closed: bool = True, name: str = "") -> int:
        """Add a switch at the `bus` end of line row `line`."""
        rating = self._rows["line"][line]["max_i_ka"]
        return self._add(
            "switch",
            {"bus": self.bus_row(bus), "element": line, "closed": closed, "name": name, "in_ka": rating},
        )

    def add_transformer(
        self,
        name: str,
        kind: str,
        windings: Sequence[Winding],
        *,
        rated_kva: float,
        x_percent: Sequence[float],
        phases: int = 1,
        noload_percent: float = 0.0,
        imag_percent: float = 0.0,
        antifloat_ppm: float = 1.0,
        leading: bool = False,
        in_service: bool = True,
        model: str = "",
    ) -> int:
        """Add a two- or three-winding unit; `x_percent` holds pairs 12 (, 13, 23)."""
        row = self._add(
            "transformer",
            dict(
                name=name,
                kind=kind,
                phases=phases,
                rated_kva=float(rated_kva),
                noload_percent=float(noload_percent),
                imag_percent=float(imag_percent),
                antifloat_ppm=float(antifloat_ppm),
                leading=leading,
                in_service=in_service,
                model=model,
                **{f"x{pair}_percent": float(x) for pair, x in zip((12, 13, 23), x_percent, strict=False)},
            ),
        )
        for number, winding in enumerate(windings, start=1):
            listed = winding.nodes.split(".")
            nodes = ".".join(listed + ["0"] * (phases + 1 - len(listed)))
            neutral = {}
            if winding.neutral_ohm is not None:
                neutral = {
                    "neutral_r_ohm": winding.neutral_ohm.real,
                    "neutral_x_ohm": winding.neutral_ohm.imag,
                }
            self._add(
                "winding",
                dict(
                    transformer=row,
                    number=number,
                    bus=self.bus_row(winding.bus),
                    nodes=nodes,
                    connection=winding.connection,
                    kv=float(winding.kv),
                    r_percent=float(winding.r_percent),
                    tap_pu=float(winding.tap_pu),
                    tap_min_pu=float(winding.tap_min_pu),
                    tap_max_pu=float(winding.tap_max_pu),
                    tap_steps=int(winding.tap_steps),
                    **neutral,
                ),
            )
        self._mirror_in_net(row, windings)
        return row

    def _mirror_in_net(self, row: int, windings: Sequence[Winding]) -> None:
        """Show a three-phase two-winding unit to pandapower too."""
        unit = self._rows["transformer"][row]
        if unit["phases"] != 3 or len(windings) != 2:
            return
        high, low = sorted(windings, key=lambda winding: -winding.kv)
        group = {"wye": "YN", "delta": "D"}[high.connection] + {"wye": "yn", "delta": "d"}[low.connection]
        coil = {"wye": math.sqrt(3.0), "delta": 1.0}
        r, x = high.r_percent + low.r_percent, unit["x12_percent"]
        shift = 0.0 if high.connection == low.connection else (-30.0 if unit["leading"] else 30.0)
        self._add(
            "trafo",
            {
                "name": unit["name"],
                "std_type": unit["model"],
                "hv_bus": self.bus_row(high.bus),
                "lv_bus": self.bus_row(low.bus),
                "sn_mva": unit["rated_kva"] / 1e3,
                "vn_hv_kv": high.kv * coil[high.connection],
                "vn_lv_kv": low.kv * coil[low.connection],
                "vk_percent": math.hypot(r, x),
                "vkr_percent": r,
                "pfe_kw": unit["noload_percent"] / 100.0 * unit["rated_kva"],
                "i0_percent": math.hypot(unit["noload_percent"], unit["imag_percent"]),
                "shift_degree": shift,
                "vector_group": group,
                "in_service": unit["in_service"],
                "transformer": row,
            },
        )

    def add_capacitor(
        self,
        name: str,
        bus: str,
        nodes: str,
        *,
        kvar: float,
        kv: float,
        connection: str = "wye",
        steps: int = 1,
        steps_on: int | None = None,
        in_service: bool = True,
    ) -> int:
        """Add a capacitor of `kvar` in all steps together; `kv` line-to-line, or of the coil if it is one."""
        if connection == "wye":
            nodes = _with_neutral(nodes)
        return self._add(
            "shunt",
            {
                "name": name,
                "bus": self.bus_row(bus),
                "nodes": nodes,
                "connection": connection,
                "q_mvar": -kvar / 1e3 / steps,
                "vn_kv": float(kv),
                "step": steps if steps_on is None else steps_on,
                "max_step": steps,
                "in_service": in_service,
            },
        )

    def add_source(
        self, name: str, bus: str, nodes: str, emf_v: ArrayLike, z_ohm: ArrayLike, in_service: bool = True
    ) -> int:
        """Add a source: (k,) EMFs to ground behind a (k, k) impedance."""
        self._emf.append(np.array(emf_v, dtype=np.complex128, ndmin=1))
        self._source_z.append(np.array(z_ohm, dtype=np.complex128, ndmin=2))
        return self._add(
            "ext_grid", {"name": name, "bus": self.bus_row(bus), "nodes": nodes, "in_service": in_service}
        )

    def add_other(
        self,
        name: str,
        terminals: Sequence[tuple[str, str]],
        y_siemens: ArrayLike,
        *,
        kind: str = "",
        note: str = "",
    ) -> int:
        """Add a fixed primitive admittance over (bus, nodes) terminals in order."""
        self._other_y.append(np.array(y_siemens, dtype=np.complex128, ndmin=2))
        row = self._add("other", {"name": name, "kind": kind, "note": note})
        for number, (bus, nodes) in enumerate(terminals, start=1):
            self._add(
                "other_terminal", {"other": row, "number": number, "bus": self.bus_row(bus), "nodes": nodes}
            )
        return row

    def add_home(
        self, name: str, bus: str, nodes: str, kind: str, *, kw: float, kvar: float, kv: float, **cells: Any
    ) -> int:
        """Add a home; `cells` are further columns of the home table.

        A home without `transformer` or `drop` gets them in `build` if walking upstream finds them; without
        coordinates it stands at its bus.
        """
        self._refuse_unknown("home", cells)
        bus_row = self._rows["bus"][self.bus_row(bus)]
        cells = {"x": bus_row["x"], "y": bus_row["y"]} | cells
        if kind == "three" and cells.get("connection", "wye") == "wye":
            nodes = _with_neutral(nodes)
        elif kind == "single" and "." not in nodes:
            nodes = f"{nodes}.0"
        row = dict(cells, name=name, nodes=nodes, kind=kind, kw=float(kw), kvar=float(kvar), kv=float(kv))
        return self._add("home", dict(row, bus=self.bus_row(bus)))

    def add_generator(
        self, name: str, bus: str, nodes: str, *, kw: float, kvar: float, kv: float, **cells: Any
    ) -> int:
        """Add a source that follows the grid (positive is produced), of constant power unless `cells` say otherwise."""
        self._refuse_unknown("generator", cells)
        if cells.get("connection", "wye") == "wye":
            nodes = _with_neutral(nodes)
        row = dict(cells, name=name, nodes=nodes, kw=float(kw), kvar=float(kvar), kv=float(kv))
        return self._add("generator", dict(row, bus=self.bus_row(bus)))

    def add_regulator(self, name: str, **cells: Any) -> int:
        """Carry the settings of a regulator control."""
        self._refuse_unknown("regulator", cells)
        return self._add("regulator", dict(cells, name=name))

    def add_capacitor_control(self, name: str, **cells: Any) -> int:
        """Carry the settings of a capacitor control."""
        self._refuse_unknown("capacitor_control", cells)
        return self._add("capacitor_control", dict(cells, name=name))

    def add_protective_device(
        self, name: str, shots: Sequence[tuple[float, Sequence[dict[str, Any]]]], **cells: Any
    ) -> int:
        """Carry a protective device: `shots` are dead times [s], NaN after the last, and cells of their elements."""
        self._refuse_unknown("protective_device", cells)
        row = self._add("protective_device", dict(cells, name=name))
        for number, (dead_s, elements) in enumerate(shots, start=1):
            self._add("protective_shot", {"device": row, "number": number, "dead_s": dead_s})
            for element in elements:
                self._refuse_unknown("protective_element", element)
                self._add("protective_element", dict(element, device=row, shot=number))
        return row

    def add_curve(self, name: str, multiple: Sequence[float], seconds: Sequence[float]) -> None:
        """Carry a time-current curve that elements of protective devices name."""
        for at, time in zip(multiple, seconds, strict=True):
            self._add("curve_point", {"curve": name, "multiple": float(at), "seconds": float(time)})

    def add_shape(
        self,
        name: str,
        p: ArrayLike,
        q: ArrayLike | None = None,
        *,
        interval_s: float,
        actual: bool = False,
    ) -> int:
        """Add a load shape; without `q` it follows `p`."""
        self._shape_p.append(np.array(p, dtype=np.float64, ndmin=1))
        self._shape_q.append(np.array([] if q is None else q, dtype=np.float64, ndmin=1))
        return self._add("shape", {"name": name, "interval_s": float(interval_s), "actual": actual})

    def _refuse_unknown(self, table: str, cells: dict[str, Any]) -> None:
        unknown = set(cells) - {column.name for column in TABLES[table]}
        if unknown:
            raise FeederError([Problem("no such column", key=f"{table}.{name}") for name in sorted(unknown)])

    def build(self) -> Feeder:
        """The feeder; `Feeder.check` says whether it can be studied."""
        from cosim.feeder.service import find_services

        lines = self._rows["line"]
        matrices = Matrices(
            line_z_ohm=tuple(self._line_z),
            line_y_siemens=tuple(self._line_y),
            line_length_km=tuple(row["length_km"] for row in lines),
            line_std_type=tuple(row["std_type"] for row in lines),
            source_emf_v=tuple(self._emf),
            source_z_ohm=tuple(self._source_z),
            other_y_siemens=tuple(self._other_y),
            shape_p=tuple(self._shape_p),
            shape_q=tuple(self._shape_q),
        )
        frames = {table: frame(table, rows) for table, rows in self._rows.items()}
        feeder = Feeder(self.name, self.frequency_hz, frames, matrices)
        find_services(feeder)
        return feeder


def _with_neutral(nodes: str) -> str:
    """A wye with its neutral named: ground, if the list says nothing else."""
    phases, neutral = wye_conductors(nodes)
    return ".".join(map(str, [*phases, neutral]))


def _positive_sequence(matrix: Complex) -> complex:
    """Mean self minus mean mutual term: the positive sequence of the transposed line."""
    n = len(matrix)
    mean_self = complex(np.trace(matrix)) / n
    return mean_self if n == 1 else mean_self - complex(matrix.sum() - np.trace(matrix)) / (n * (n - 1))
