"""What regulators and switched capacitors did in a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cosim.results.reader import Results


@dataclass(frozen=True)
class ControlFindings:
    """Operations of voltage controls.

    Attributes
    ----------
    regulators, capacitors
        How many act.
    operations
        Taps and capacitor steps moved, of all.
    busiest, busiest_a_day
        Device that moved most, and how often a day.
    factorisations, updates
        Factorisations of grid states that taps led to, and of those how many were updates of another.
    """

    regulators: int
    capacitors: int
    operations: int
    busiest: str
    busiest_a_day: float
    factorisations: int
    updates: int

    def line(self) -> str:
        """In one line."""
        most = f"; most {self.busiest}, {self.busiest_a_day:.3g} a day" if self.operations else ""
        return (
            f"Voltage controls: {self.operations:,} operations of {self.regulators} regulators and {self.capacitors} "
            f"capacitor banks{most}; factors: {self.factorisations:,} made anew, {self.updates:,} updated"
        )


def control_findings(results: Results) -> ControlFindings | None:
    """None where no controls acted."""
    names = results.studies_of("control_positions")
    if not names:
        return None
    moves = results.study(names[-1])
    work = results.study(results.studies_of("control_work")[-1])
    devices = [
        f"{kind} {device}"
        for kind, device in zip(moves["kind_of"].values, moves["device"].values, strict=True)
    ]
    count = Counter(devices)
    for device in count:
        count[device] -= 1  # the first row says where it stood at the start
    days = float(np.sum(results.values("solver/seconds"))) / 86_400.0
    busiest, most = max(count.items(), key=lambda item: (item[1], item[0]))
    return ControlFindings(
        regulators=sum(device.startswith("regulator ") for device in count),
        capacitors=sum(device.startswith("capacitor ") for device in count),
        operations=sum(count.values()),
        busiest=busiest,
        busiest_a_day=most / days if days else 0.0,
        factorisations=int(work["factorisations"].values[0]),
        updates=int(work["updates"].values[0]),
    )
