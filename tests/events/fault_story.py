"""A small feeder with a breaker that recloses, lateral fuses and cutouts, and faults of every kind on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from cosim.devices.curves import TimeCurrentCurve
from cosim.devices.protection import Element, Protection, ProtectiveDevice, Shot
from cosim.events import Environment
from cosim.events.crew_processes import Crews, Duration
from cosim.events.fault_processes import ComingFault, Faults
from cosim.events.protection_processes import ProtectionWatch
from cosim.events.records import Record
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.feeder import Feeder
from cosim.feeder.homes import add_service, draw_homes
from cosim.feeder.service import find_supply
from cosim.reliability.event_physics import EventPhysics, FaultedGrid

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
END = 40 * HOUR
TIMES = {
    "call": Duration(median_s=300.0, sigma=0.5),
    "travel": Duration(median_s=1800.0, sigma=0.5),
    "patrol": Duration(median_s=900.0, sigma=0.5),
    "switch": Duration(median_s=300.0, sigma=0.3),
    "repair-overhead": Duration(median_s=5400.0, sigma=0.6),
    "repair-cable": Duration(median_s=14400.0, sigma=0.6),
    "repair-transformer": Duration(median_s=7200.0, sigma=0.5),
    "repair-drop": Duration(median_s=3600.0, sigma=0.5),
}


def protection_by_hand(feeder: Feeder) -> Protection:
    """Breakers with a fast and two delayed shots, K links before laterals and transformers."""
    k, a, d = (TimeCurrentCurve.load(name) for name in ("k-link", "recloser-a", "recloser-d"))
    devices = []
    switches = feeder.line[feeder.line["is_switch"]]
    for name, nodes in zip(switches["name"], switches["from_nodes"], strict=True):
        phases = "".join("abc"[int(n) - 1] for n in nodes.split("."))
        if name.startswith("breaker"):
            fast, slow = (
                (Element("fast", 560.0, a, reset_s=1.0),),
                (Element("delayed", 560.0, d, reset_s=1.0),),
            )
            shots = (Shot(fast, SECOND // 2), Shot(slow, 15 * SECOND), Shot(slow))
            devices.append(
                ProtectiveDevice(
                    f"relay:{name}", "relay", f"line:{name}", phases, True, shots, 50_000, 30 * SECOND
                )
            )
        elif name.startswith("lateral"):
            shot = Shot((Element("65K", 65.0, k),))
            devices.append(ProtectiveDevice(f"fuse:{name}", "fuse", f"line:{name}", phases, False, (shot,)))
    for name, kind in zip(feeder.transformer["name"], feeder.transformer["kind"], strict=True):
        if kind == "service":
            shot = Shot((Element("10K", 10.0, k),))
            port = feeder.winding[feeder.winding["transformer"] == feeder.transformer.index[
                feeder.transformer["name"] == name][0]].iloc[0]  # fmt: skip
            phase = "abc"[int(port["nodes"].split(".")[0]) - 1]
            devices.append(
                ProtectiveDevice(f"cutout:{name}", "fuse", f"transformer:{name}", phase, False, (shot,))
            )
    own = {device.section: device.name for device in devices}
    supply = find_supply(feeder.tables)
    fed = {(table, row): bus for bus, (table, row, _) in supply.parent.items()}

    def chain(bus: int) -> tuple[str, ...]:
        ways = [(t, r) for t, r, _ in supply.upstream(bus) if t in ("line", "transformer")]
        names = [f"{t}:{feeder.table(t)['name'].iloc[r]}" for t, r in ways]
        return tuple(own[name] for name in names if name in own)

    upstream = {}
    for table in ("line", "transformer"):
        for row, name in enumerate(feeder.table(table)["name"]):
            if (table, row) in fed:
                upstream[f"{table}:{name}"] = chain(fed[table, row])
    for name, bus in zip(feeder.home["name"], feeder.home["bus"], strict=True):
        upstream[f"home:{name}"] = chain(int(bus))
    return Protection(tuple(devices), upstream)


@cache
def tied_grid() -> FaultedGrid:
    """A source, a breaker, three stretches with switches between them, and an open tie from the bus to their end."""
    builder = FeederBuilder("tied")
    volt, three = 7200.0, "1.2.3"
    z = (0.3 + 0.6j) * np.eye(3) + (0.1 + 0.25j)
    builder.add_bus("source", three, volt)
    emf = volt * np.exp(-2j * np.pi / 3 * np.arange(3))
    builder.add_source("source", "source", three, emf, (0.2 + 1.0j) * np.eye(3))
    at = "source"
    for name in ("breaker-1", "stretch-1", "switch-1", "stretch-2", "switch-2", "stretch-3"):
        builder.add_bus(name, three, volt)
        switch = not name.startswith("stretch")
        builder.add_line(name, at, three, name, three, z * (1e-3 if switch else 1.0), length_m=1000.0,
                         is_switch=switch)  # fmt: skip
        at = name
    tie = builder.add_line("tie", "source", three, at, three, z, length_m=1000.0, is_switch=True)
    builder.add_switch(tie, at, closed=False)
    homes = draw_homes(9, 3.5, 7)
    for k in range(3):
        place = np.array([100.0 * k, 0.0])
        three_homes = homes.take(np.arange(3 * k, 3 * k + 3))
        add_service(builder, f"transformer-{k + 1}", f"stretch-{k + 1}", "1.0", volt, three_homes, np.full(3, 20.0),
                    place=place, home_place=np.tile(place, (3, 1)) + 5.0)  # fmt: skip
    feeder = builder.build()
    return FaultedGrid(feeder, feeder.compile(), protection_by_hand(feeder))


@cache
def grid(homes: int = 60) -> FaultedGrid:
    feeder = Feeder.generate(homes, overhead_share=1.0)
    return FaultedGrid(feeder, feeder.compile(), protection_by_hand(feeder))


def phase_of(line: str, homes: int = 60) -> str:
    feeder = Feeder.generate(homes, overhead_share=1.0)
    nodes = feeder.line["from_nodes"][feeder.line["name"] == line].iloc[0]
    return "abc"[int(nodes.split(".")[0]) - 1]


def coming() -> list[ComingFault]:
    b = phase_of("lateral-1-2")
    c = phase_of("lateral-2-1")
    fault = ComingFault
    return [
        fault(at_us=10 * SECOND, name="branch", where="line:lateral-1-2", fault="line-ground", conductors=b,
              along=0.5, dead_us=300_000),
        fault(at_us=HOUR, name="tree", where="line:lateral-1-2", fault="line-ground", conductors=b, along=0.3),
        fault(at_us=HOUR + 7 * SECOND, name="squirrel", where="line:lateral-2-1", fault="line-ground",
              conductors=c, dead_us=20 * SECOND),
        fault(at_us=12 * HOUR, name="car", where="line:trunk-2", fault="line-line-ground", conductors="bc"),
        fault(at_us=20 * HOUR, name="drop", where="home:home-3", fault="line-line", conductors="12"),
        fault(at_us=22 * HOUR, name="neutral", where="home:home-9", fault="broken", conductors="n"),
        fault(at_us=30 * HOUR, name="bushing", where="line:lateral-1-1", fault="broken", conductors=b),
    ]  # fmt: skip


def records(crews: int = 1) -> list[Record]:
    return [
        Faults(name="faults", coming=coming()),
        ProtectionWatch(name="protection"),
        Crews(name="crews", crews=crews, seed=1, times=TIMES),
    ]


def begin(physics: EventPhysics | None = None) -> Environment:
    env = Environment(EventPhysics(grid()) if physics is None else physics)
    for record in records():
        env.start(record)
    return env
