"""Small random feeders with ties, laterals of one to three phases and shops, random devices, faults and crews."""

from __future__ import annotations

import math
import random

import numpy as np
from fault_story import HOUR, SECOND, TIMES

from cosim.events.crew_processes import Crews, Duration
from cosim.events.fault_processes import ComingFault, Faults
from cosim.events.protection_processes import ProtectionWatch
from cosim.events.records import Record
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.feeder import Feeder
from cosim.feeder.homes import add_service, draw_homes
from cosim.feeder.protection import AskedDevice, AskedProtection

VOLT, THREE = 7200.0, "1.2.3"
NEEDED = {
    "line-ground": 1, "line-line": 2, "line-line-ground": 2, "three-phase": 3, "three-phase-ground": 3,
}  # fmt: skip
LINES_WITHOUT_SHUNT = 0.5  # share of feeders; their matrices are singular wherever something dead is left in


class _Draw:
    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.build = FeederBuilder(f"random-{seed}")
        self.homes, self.used, self.counts = draw_homes(24, 3.5, 7), 0, dict[str, int]()
        self.shunt = 0.0 if self.draw.random() < LINES_WITHOUT_SHUNT else 3e-6j

    def number(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}-{self.counts[kind]}"

    def line(self, at: str, name: str, nodes: str, share: float = 1.0) -> str:
        """A line to a new bus of its name; a share below 1 % makes it a switch."""
        n = len(nodes.split("."))
        z = share * ((0.3 + 0.6j) * np.eye(n) + (0.1 + 0.25j))
        self.build.add_bus(name, nodes, VOLT)
        self.build.add_line(name, at, nodes, name, nodes, z, share * self.shunt * np.eye(n), length_m=1e3 * share,
                            is_switch=share < 0.01, cable=self.draw.random() < 0.2)  # fmt: skip
        return name

    def service(self, bus: str, phase: str) -> None:
        rows = np.arange(self.used, min(self.used + self.draw.randint(1, 3), 24))
        self.used += len(rows)
        if len(rows):
            place = np.array([100.0 * self.used, 0.0])
            add_service(self.build, self.number("transformer"), bus, f"{phase}.0", VOLT, self.homes.take(rows),
                        np.full(len(rows), 20.0), place=place, home_place=np.tile(place, (len(rows), 1)))  # fmt: skip

    def shop(self, bus: str) -> None:
        """A three-phase service."""
        name, high = self.number("transformer"), self.draw.choice(("wye", "delta"))
        self.build.add_bus(name, THREE, 277.0)
        coils = [
            Winding(bus, "1.2.3.0", VOLT / 1e3 * math.sqrt(3), 0.5, high),
            Winding(name, "1.2.3.0", 0.48, 0.5),
        ]
        self.build.add_transformer(name, "service", coils, phases=3, rated_kva=150.0, x_percent=[4.0])
        self.build.add_home(f"shop-{name}", name, THREE, "three", kw=20.0, kvar=5.0, kv=0.48)

    def lateral(self, at: str) -> None:
        nodes = self.draw.choice(("1", "2", "3", "1.2", THREE))
        name = self.number("lateral")
        at = self.line(at, name, nodes, 0.005)
        for k in range(self.draw.randint(1, 3)):
            at = self.line(at, f"{name}-{k + 1}", nodes)
            self.service(at, self.draw.choice(nodes.split(".")))
            if nodes == THREE and self.draw.random() < 0.3:
                self.shop(at)

    def trunk(self) -> str:
        at = self.line("source", self.number("breaker"), THREE, 0.001)
        for k in range(self.draw.randint(1, 4)):
            if k and self.draw.random() < 0.5:
                at = self.line(at, self.number("switch"), THREE, 0.001)
            at = self.line(at, self.number("stretch"), THREE)
            if self.draw.random() < 0.5:
                self.service(at, self.draw.choice("123"))
            if self.draw.random() < 0.2:
                self.shop(at)
            if self.draw.random() < 0.7:
                self.lateral(at)
        return at

    def feeder(self) -> Feeder:
        emf = VOLT * np.exp(-2j * np.pi / 3 * np.arange(3))
        self.build.add_bus("source", THREE, VOLT)
        self.build.add_source("source", "source", THREE, emf, (0.2 + 1.0j) * np.eye(3))
        ends = [self.trunk() for _ in range(self.draw.randint(1, 2))]
        if not self.used:
            self.service(ends[0], "1")
        if self.draw.random() < 0.7:
            a, b = ends if len(ends) == 2 else ("source", ends[0])
            z = (0.3 + 0.6j) * np.eye(3) + (0.1 + 0.25j)
            tie = self.build.add_line("tie", a, THREE, b, THREE, z, length_m=1000.0, is_switch=True)
            self.build.add_switch(tie, b, closed=False)
        return self.build.build()


def random_feeder(seed: int) -> Feeder:
    """Up to 24 homes on one or two trunks from one source."""
    return _Draw(seed).feeder()


def random_devices(feeder: Feeder, seed: int) -> AskedProtection:
    """A scheme, and reclosers and sectionalizers at some of the trunk's switches."""
    draw = random.Random(31 * seed + 5)
    switches = [name for name in feeder.line["name"] if name.startswith("switch") and draw.random() < 0.5]
    devices = [AskedDevice(f"line:{name}", draw.choice(("recloser", "sectionalizer"))) for name in switches]
    return AskedProtection(draw.choice(("fuse-saving", "fuse-blowing")), tuple(devices))


def random_faults(feeder: Feeder, seed: int, count: int = 6) -> list[ComingFault]:
    """Faults of every kind anywhere, a tie among the places; some strike within seconds of each other."""
    draw = random.Random(7919 * seed + 1)
    lines, low = feeder.line[feeder.line["level"] != "drop"], []
    places = [
        (f"line:{name}", "".join("abc"[int(n) - 1] for n in nodes.split(".")))
        for name, nodes in zip(lines["name"], lines["from_nodes"], strict=True)
    ]
    for name, unit, kind in zip(
        feeder.home["name"], feeder.home["transformer"], feeder.home["kind"], strict=True
    ):
        legs = "abc" if kind == "three" else "12"
        low += [(f"home:{name}", legs), (f"transformer:{feeder.transformer['name'].iloc[unit]}", legs)]
    faults: list[ComingFault] = []
    for k in range(count):
        where, conductors = draw.choice(places if draw.random() < 0.6 else low)
        near = faults[-1].at_us if faults else 0
        at_us = draw.choice(
            (draw.randrange(12 * HOUR), draw.randrange(HOUR), near + draw.randrange(2 * SECOND))
        )
        if draw.random() < 0.15 and not where.startswith("transformer"):
            neutral = where.startswith("home") and conductors == "12" and draw.random() < 0.6
            broken = "n" if neutral else draw.choice((*conductors, ""))
            faults.append(
                ComingFault(at_us=at_us, name=f"f{k}", where=where, fault="broken", conductors=broken)
            )
            continue
        kind = draw.choice([kind for kind, needed in NEEDED.items() if needed <= len(conductors)])
        faults.append(
            ComingFault(
                at_us=at_us, name=f"f{k}", where=where, fault=kind,
                conductors="".join(sorted(draw.sample(conductors, NEEDED[kind]))),
                ohm=draw.choice((0.0, 0.0, 2.0, 40.0)), along=draw.choice((0.0, 0.3, 0.9, 1.0)),
                dead_us=draw.choice((None, None, None, 100_000, 300_000, 2 * SECOND, 20 * SECOND)),
            )
        )  # fmt: skip
    return faults


def random_records(feeder: Feeder, seed: int) -> list[Record]:
    """Faults, devices and one to three crews."""
    draw = random.Random(13 * seed + 3)
    times = {**TIMES, "notice": Duration(median_s=5400.0, sigma=1.0)}
    crews = Crews(name="crews", crews=draw.choice((1, 1, 2, 3)), seed=seed, times=times,
                  order=draw.choice(("calls", "homes")), use_ties=draw.random() < 0.8)  # fmt: skip
    return [
        Faults(name="faults", coming=random_faults(feeder, seed)),
        ProtectionWatch(name="protection"),
        crews,
    ]
