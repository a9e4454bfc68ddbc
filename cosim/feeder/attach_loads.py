"""Turns the loads of a pandapower net into homes by rule, and its static generators into generators."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosim.electrical.circuit import Float, LoadModel
from cosim.errors import Problem
from cosim.feeder.attach_base import Import
from cosim.feeder.homes import Homes, add_service, draw_traits
from cosim.feeder.import_report import ImportReport, Outcome
from cosim.feeder.layout import DROP_MAX_M, DROP_MIN_M, normals
from cosim.feeder.pandapower_json import NetTables
from cosim.randomness import stable_ids

BAND = {"v_min_pu": 0.5, "v_max_pu": 1.5}  # pandapower's loads are constant power at any voltage


@dataclass(frozen=True)
class LoadRule:
    """How loads become homes; see `cosim.feeder.attach.from_pandapower`."""

    kva_per_home: float | None
    services: str
    homes_per_transformer: int
    drop_length_m: tuple[float, float]
    seed: int

    def problems(self) -> list[Problem]:
        """What is out of range."""
        found = []
        if self.kva_per_home is not None and not self.kva_per_home > 0.0:
            found.append(Problem("must be positive, or None", "", "kva_per_home", repr(self.kva_per_home)))
        if self.services not in ("auto", "split", "direct"):
            found.append(Problem("must be auto, split or direct", "", "services", repr(self.services)))
        if not 1 <= self.homes_per_transformer <= 20:
            found.append(
                Problem(
                    "must lie between 1 and 20", "", "homes_per_transformer", repr(self.homes_per_transformer)
                )
            )
        median, sigma = self.drop_length_m
        if not (DROP_MIN_M <= median <= DROP_MAX_M and 0.0 <= sigma <= 2.0):
            right = f"must be (median between {DROP_MIN_M:.1f} and {DROP_MAX_M:.1f} m, sigma between 0 and 2)"
            found.append(Problem(right, "", "drop_length_m", repr(self.drop_length_m)))
        return found


@dataclass(frozen=True)
class NetLoad:
    """One load of the net: power of each phase, or of each pair of phases if delta [kVA, complex]."""

    label: str
    bus: int
    kva: tuple[complex, complex, complex]
    delta: bool
    cells: dict[str, Any]

    @property
    def balanced(self) -> bool:
        """The same in all phases."""
        return self.kva[0] == self.kva[1] == self.kva[2]


def attach_loads(net: Import, places: dict[int, tuple[float, float]], rule: LoadRule) -> None:
    """Add homes (and their services) for every load in service; `places` has the buses' coordinates."""
    attach = _LoadAttacher(net, places, rule)
    for load in _loads(net.tables, net.report):
        net.report.add("load", Outcome.CARRIED, load.label, attach.add(load))


class _LoadAttacher:
    def __init__(self, net: Import, places: dict[int, tuple[float, float]], rule: LoadRule) -> None:
        tables = net.tables
        self.vn_kv = dict(zip(tables.frame("bus").index, tables.numbers("bus", "vn_kv"), strict=True))
        self.bus_names, self.builder = net.bus_names, net.builder
        self.places, self.rule = places, rule
        self.homes = self.transformers = self.turn = 0

    def add(self, load: NetLoad) -> str:
        """Add the homes of one load; returns what was done, for the report."""
        split = self.rule.services == "split" or (
            self.rule.services == "auto" and self.vn_kv[load.bus] >= 1.0
        )
        if split:
            return self.add_split(load)
        if load.delta or self.rule.kva_per_home is None or (load.balanced and self.count(load) == 1):
            return self.add_whole(load)
        return self.add_direct(load)

    def count(self, load: NetLoad) -> int:
        """Homes that a load stands for."""
        return self.count_of(abs(sum(load.kva)))

    def count_of(self, kva: float) -> int:
        return max(1, round(kva / self.rule.kva_per_home)) if self.rule.kva_per_home else 1

    def names(self, count: int) -> tuple[str, ...]:
        self.homes += count
        return tuple(f"home-{number}" for number in range(self.homes - count + 1, self.homes + 1))

    def shares(self, names: tuple[str, ...]) -> tuple[Float, tuple[str, ...], Float]:
        """Service rating, socket and share of the load of each home; the shares sum to 1."""
        rating, socket, relative = draw_traits(names, self.rule.seed)
        return rating, socket, relative / relative.sum()

    def add_whole(self, load: NetLoad) -> str:
        """One customer on the bus, or one a phase if the phases differ."""
        coil_kv = self.vn_kv[load.bus] / (1.0 if load.delta else math.sqrt(3.0))
        bus = self.bus_names[load.bus]
        if load.balanced:
            total, (name,) = sum(load.kva), self.names(1)
            nodes = "1.2.3" if load.delta else "1.2.3.0"
            connection = "delta" if load.delta else "wye"
            self.builder.add_home(
                name,
                bus,
                nodes,
                "three",
                kw=total.real,
                kvar=total.imag,
                kv=coil_kv,
                connection=connection,
                **load.cells,
            )
            return "kept whole as a three-phase customer"
        for phase, kva in enumerate(load.kva):
            if kva:
                (name,) = self.names(1)
                nodes = f"{phase + 1}.{(phase + 1) % 3 + 1}" if load.delta else f"{phase + 1}.0"
                self.builder.add_home(
                    name, bus, nodes, "single", kw=kva.real, kvar=kva.imag, kv=coil_kv, **load.cells
                )
        return "kept whole, one customer for each loaded phase"

    def add_direct(self, load: NetLoad) -> str:
        """Single-phase homes between a phase conductor and ground."""
        coil_kv = self.vn_kv[load.bus] / math.sqrt(3.0)
        for phase, kva, count in self.phase_counts(load):
            names = self.names(count)
            for name, share in zip(names, self.shares(names)[2], strict=True):
                power = kva * float(share)
                self.builder.add_home(
                    name,
                    self.bus_names[load.bus],
                    f"{phase}.0",
                    "single",
                    kw=power.real,
                    kvar=power.imag,
                    kv=coil_kv,
                    **load.cells,
                )
        return "single-phase homes on the bus"

    def add_split(self, load: NetLoad) -> str:
        """Centre-tapped transformers phase by phase, each with up to `homes_per_transformer` homes."""
        coil_kv = self.vn_kv[load.bus] / (1.0 if load.delta else math.sqrt(3.0))
        bus = self.bus_names[load.bus]
        place = np.array(self.places.get(load.bus, (math.nan, math.nan)))
        for phase, kva, count in self.phase_counts(load):
            nodes = f"{phase}.{phase % 3 + 1}" if load.delta else f"{phase}.0"
            names = self.names(count)
            rating, socket, share = self.shares(names)
            homes = Homes(names, rating, socket, kva.real * share, kva.imag * share)
            median, sigma = self.rule.drop_length_m
            drops = median * np.exp(sigma * normals(self.rule.seed, "feeder.drop", stable_ids(names)))
            drops = np.clip(drops, DROP_MIN_M, DROP_MAX_M)
            groups = np.array_split(np.arange(count), math.ceil(count / self.rule.homes_per_transformer))
            for group in groups:
                self.transformers += 1
                add_service(
                    self.builder,
                    f"transformer-{self.transformers}",
                    bus,
                    nodes,
                    coil_kv * 1e3,
                    homes.take(group),
                    drops[group],
                    place=place,
                    home_place=np.tile(place, (len(group), 1)),
                )
        return "split into homes behind centre-tapped transformers; their losses come on top"

    def phase_counts(self, load: NetLoad) -> Iterator[tuple[int, complex, int]]:
        """Phase (1 to 3), its power and its homes. A load of few homes goes to as many phases, in turn."""
        if load.balanced and self.count(load) < 3:
            total, count = sum(load.kva), self.count(load)
            for _ in range(count):
                self.turn += 1
                yield (self.turn - 1) % 3 + 1, total / count, 1
            return
        for phase, kva in enumerate(load.kva, start=1):
            if kva:
                yield phase, kva, self.count_of(abs(kva))


def _loads(tables: NetTables, report: ImportReport) -> Iterator[NetLoad]:
    for i, index in enumerate(tables.frame("load").index):
        if tables.flags("load")[i]:
            kva = _power(tables, "load", "p_mw", "q_mvar", i) / 3.0
            yield NetLoad(
                f"load {index}",
                int(tables.frame("load")["bus"].iloc[i]),
                (kva, kva, kva),
                tables.texts("load", "type", "wye")[i] == "delta",
                _model(tables, i),
            )
        else:
            report.add("load", Outcome.LEFT_OUT, f"load {index}", "out of service")
    for i, index in enumerate(tables.frame("asymmetric_load").index):
        if tables.flags("asymmetric_load")[i]:
            a, b, c = (_power(tables, "asymmetric_load", f"p_{x}_mw", f"q_{x}_mvar", i) for x in "abc")
            yield NetLoad(
                f"asymmetric_load {index}",
                int(tables.frame("asymmetric_load")["bus"].iloc[i]),
                (a, b, c),
                tables.texts("asymmetric_load", "type", "wye")[i] == "delta",
                {"model": int(LoadModel.POWER), **BAND},
            )
        else:
            report.add("load", Outcome.LEFT_OUT, f"asymmetric_load {index}", "out of service")


def _power(tables: NetTables, table: str, p: str, q: str, i: int) -> complex:
    """Scaled power of a row [kVA]."""
    scale = 1e3 * float(tables.numbers(table, "scaling", 1.0)[i])
    return scale * complex(tables.numbers(table, p)[i], tables.numbers(table, q)[i])


def _model(tables: NetTables, i: int) -> dict[str, Any]:
    """Voltage dependence: constant power, or ZIP where the net says so."""
    share = {}
    for power in "pq":
        for law, letter in (("z", "z"), ("i", "i")):
            old = tables.numbers("load", f"const_{law}_percent")[i]  # nets of pandapower 2
            new = tables.numbers("load", f"const_{law}_{power}_percent", float(old))[i]
            share[f"zip_{power}{letter}"] = float(new) / 100.0
        share[f"zip_{power}p"] = 1.0 - share[f"zip_{power}z"] - share[f"zip_{power}i"]
    if share["zip_pp"] == share["zip_qp"] == 1.0:
        return {"model": int(LoadModel.POWER), **BAND}
    return {"model": int(LoadModel.ZIP), **share, **BAND}


def attach_generators(net: Import) -> None:
    """Static generators, produced positive, on their bus."""
    tables = net.tables
    for table in ("sgen", "asymmetric_sgen"):
        frame = tables.frame(table)
        for i, index in enumerate(frame.index):
            name, bus = f"{table}-{index}", int(frame["bus"].iloc[i])
            on = tables.flags(table)[i]
            coil_kv = float(tables.frame("bus")["vn_kv"][bus]) / math.sqrt(3.0)
            if table == "sgen":
                parts = {"1.2.3.0": _power(tables, table, "p_mw", "q_mvar", i)}
            else:
                parts = {
                    f"{phase}.0": _power(tables, table, f"p_{x}_mw", f"q_{x}_mvar", i)
                    for phase, x in enumerate("abc", start=1)
                }
            for nodes, kva in parts.items():
                if kva:
                    net.builder.add_generator(
                        name if len(parts) == 1 else f"{name}-{nodes[0]}",
                        net.bus_names[bus],
                        nodes,
                        kw=kva.real,
                        kvar=kva.imag,
                        kv=coil_kv,
                        in_service=on,
                        **BAND,
                    )
            net.report.add(table, Outcome.CARRIED, name)
