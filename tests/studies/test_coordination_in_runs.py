"""What the study says of two devices is what a run does: with margin the nearest opens, what stands before it stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cosim import library
from cosim.events import Environment
from cosim.events.fault_processes import BROKEN, ComingFault, Faults
from cosim.events.log import EventLog
from cosim.events.protection_processes import LOCKED, OPENED, ProtectionWatch
from cosim.feeder.feeder import Feeder
from cosim.feeder.protection import AskedDevice, AskedProtection, protection_of
from cosim.reliability.draws import Rates
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.studies.coordination import coordination

WORDS = {*OPENED.values(), *LOCKED.values()}
HOUR = 3_600_000_000


def opened_by(grid: FaultedGrid, fault: ComingFault) -> list[str]:
    """Devices in the order of their openings."""
    env = Environment(EventPhysics(grid), EventLog())
    env.start(Faults(name="faults", coming=[fault]))
    env.start(ProtectionWatch(name="protection"))
    env.run_until(HOUR)
    told = [record.detail.partition(": ")[0] for record in env.log if record.kind in WORDS]
    assert set(told) <= set(grid.protection.names)
    return told


@pytest.mark.parametrize(
    ("homes", "seed", "scheme", "slow"),
    [
        (60, 7, "fuse-blowing", False),
        (60, 7, "fuse-blowing", True),
        (120, 2, "fuse-saving", True),
        (240, 5, "fuse-blowing", False),
    ],
)
def test_what_has_margin_opens_and_what_stands_before_it_stays(
    homes: int, seed: int, scheme: str, slow: bool
) -> None:
    """Permanent faults by rate anywhere; slow links of 140 A before laterals give cutouts a margin."""
    feeder = Feeder.generate(homes, seed=seed)
    laterals = [name for name in feeder.line["name"][feeder.line["is_switch"]] if name.startswith("lateral")]
    chosen = tuple(AskedDevice(f"line:{name}", "t-link", 140.0) for name in laterals) if slow else ()
    protection = protection_of(feeder, AskedProtection(scheme, chosen))
    grid = FaultedGrid(feeder, feeder.compile(), protection)
    found = coordination(feeder, protection, faulted=grid.faulted).findings
    wrong = {
        (row.device, row.backup) for row in found if row.kind in ("curves cross", "margin", "saving fails")
    }
    blind = {row.device for row in found if row.kind == "blind"}
    rates = Rates.of(feeder, library.load("reliability", "us-average"))
    checked = 0
    for coming in rates.storm(3, 0, 1_000_000, 1, 150):
        fault = replace(coming, dead_us=None)
        device, *before = protection.guarding(fault.where)
        paired = any((device.name, one.name) in wrong for one in before)
        if fault.fault == BROKEN or not before or paired or device.name in blind:
            continue
        checked += 1
        opened = opened_by(grid, fault)
        assert opened.count(device.name) == 1
        others = [name for name in opened if name != device.name]
        # what saves fuses opens first, once and on purpose
        assert others in ([], ["relay:breaker-1"] if scheme == "fuse-saving" else [])
    assert checked >= 10
