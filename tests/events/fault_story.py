"""A small feeder with a breaker that recloses, lateral fuses and cutouts, and faults of every kind on it."""

from __future__ import annotations

from functools import cache

from cosim.devices.curves import TimeCurrentCurve
from cosim.devices.protection import Element, Protection, ProtectiveDevice, Shot
from cosim.events import Environment
from cosim.events.crew_processes import Crews, Duration
from cosim.events.fault_processes import ComingFault, Faults
from cosim.events.protection_processes import ProtectionWatch
from cosim.events.records import Record
from cosim.feeder.feeder import Feeder
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
