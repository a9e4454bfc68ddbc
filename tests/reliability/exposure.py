"""What a planner works out on paper: how often each place fails, times the homes behind what clears its faults.

No clock, no processes, no crews: one fault at a time, by the currents through the devices before it and their curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cosim.devices.protection import PHASES, ProtectiveDevice
from cosim.electrical.fault import FaultKind
from cosim.events.fault_processes import BROKEN
from cosim.events.physics import Fault
from cosim.feeder.feeder import Feeder
from cosim.reliability.draws import Place, Rates
from cosim.reliability.event_physics import FaultedGrid
from cosim.studies.coordination_times import clears_s, decides_s


class Exposure:
    """Homes behind the devices of one feeder."""

    def __init__(self, feeder: Feeder, grid: FaultedGrid) -> None:
        self.grid = grid
        first = feeder.winding[feeder.winding["number"] == 1].set_index("transformer")["nodes"]
        phases = {
            f"home:{name}": {PHASES[int(node) - 1] for node in first[unit].split(".") if node in "123"}
            for name, unit in zip(feeder.home["name"], feeder.home["transformer"], strict=True)
        }
        upstream = grid.protection.upstream
        self._behind = {
            device.name: {
                phase: {home for home in phases if device.name in upstream[home] and phase in phases[home]}
                for phase in device.conductors
            }
            for device in grid.protection.devices
        }

    def saifi(self, rates: Rates) -> float:
        """Sustained interruptions a home and year that the rates make one expect."""
        expected = 0.0
        for place in rates.places:
            for fault, share in _faults(place, rates):
                stays, goes = (len(self.out(fault, temporary=one)) for one in (False, True))
                expected += share * (place.permanent * stays + place.temporary * goes)
        return expected / len(self.grid.home_names)

    def out(self, fault: Fault, *, temporary: bool) -> set[str]:
        """Homes out for long by a fault: those behind what opens before its current is over, and stays open."""
        own = {fault.where} if fault.where.startswith("home:") and not temporary else set()
        if fault.kind == BROKEN:
            return own  # while it is repaired
        devices = self.grid.protection.guarding(fault.where)
        currents = self.grid.currents((), (), [fault], [device.name for device in devices])
        told = list(zip(devices, currents, strict=True))
        seeing = [(d, seen) for d, seen in told if decides_s(d, seen, len(d.shots) - 1) < math.inf]
        fuses = [(d, seen) for d, seen in seeing if not d.ganged]
        if not fuses:
            return own if temporary or not seeing else self._homes(*seeing[0])
        over_s = min(clears_s(d, seen) for d, seen in fuses)
        if temporary:  # the first shot saves links that have not melted until it is over
            over_s = min([over_s, *(clears_s(d, seen) for d, seen in told if d.ganged)])
        # Links that melt before the first of them has cleared blow together.
        blown = [self._homes(d, seen) for d, seen in fuses if decides_s(d, seen) < over_s]
        return own.union(*blown)

    def _homes(self, device: ProtectiveDevice, seen: np.ndarray) -> set[str]:
        behind = self._behind[device.name]
        alone = {phase: [seen[k] * (phase == one) for k, one in enumerate("abcn")] for phase in behind}
        blown = [p for p in behind if device.ganged or decides_s(device, alone[p]) < math.inf]
        return set().union(*(behind[phase] for phase in blown))


def _faults(place: Place, rates: Rates) -> Iterator[tuple[Fault, float]]:
    """Kinds and conductors of a place's faults, each at its middle, and their shares."""
    types, count = rates.entry.types, len(place.conductors)
    every = [
        (FaultKind.LINE_GROUND, 1, types.line_ground.value),
        (FaultKind.LINE_LINE, 2, types.line_line.value),
        (FaultKind.LINE_LINE_GROUND, 2, types.line_line_ground.value),
        (FaultKind.THREE_PHASE_GROUND, 3, types.three_phase.value),
    ]
    kinds = [one for one in every if one[1] <= count]
    home = place.where.startswith("home:")
    broken = rates.entry.broken_neutral.value if home and count == 2 else 0.0
    if broken:
        yield Fault("one", place.where, BROKEN, "n", 0.0, 0.5), broken
    ohm = rates.entry.fault_ohm.value if place.where.startswith("line:") else 0.0
    for kind, needed, share in kinds:
        for start in range(count):
            conductors = "".join(sorted({place.conductors[(start + k) % count] for k in range(needed)}))
            whole = sum(one[2] for one in kinds) * count
            yield Fault("one", place.where, str(kind), conductors, ohm, 0.5), (1.0 - broken) * share / whole
