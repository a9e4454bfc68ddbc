"""What transformers and cold loads draw in the first instants of a return, and whether a protective device sits it out.

Rules of thumb by which utilities choose links and settings, in multiples of the rated current of all transformers
behind the device. Confidence: stated by a maker of fuses as conservative, for distribution transformers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cosim.devices.protection import PHASES, ProtectiveDevice


class InrushPoint(NamedTuple):
    """A current, in multiples of rated current, that lasts for a time and heats like the real, decaying one."""

    what: str
    multiple: float
    seconds: float


# https://www.omnion.com/webzine/2003/012003_1.asp (S&C Electric)
MAGNETISING = (InrushPoint("magnetising", 25.0, 0.01), InrushPoint("magnetising", 12.0, 0.1))
# S&C 6800 Series setup guide, "Inrush and Load Pickup Restraint"
COLD_LOAD = (
    InrushPoint("cold load", 6.0, 1.0),
    InrushPoint("cold load", 3.0, 10.0),
    InrushPoint("cold load", 2.0, 300.0),
)
RETURN = MAGNETISING + COLD_LOAD


@dataclass(frozen=True)
class InrushCheck:
    """One device at one point of the return.

    Parameters
    ----------
    current_a
        The point's current in the phase with most transformers behind it [A].
    operates_s
        When the device's fastest phase element would have decided at that current; infinite if never.
    by
        That element; "" if none.
    """

    device: str
    point: InrushPoint
    current_a: float
    operates_s: float
    by: str

    @property
    def holds(self) -> bool:
        """Whether the device is still closed when the point is over."""
        return self.operates_s > self.point.seconds


def sits_out(
    device: ProtectiveDevice, rated_a: Sequence[float], points: Sequence[InrushPoint] = RETURN, shot: int = 0
) -> tuple[InrushCheck, ...]:
    """Hold a device against the current of a return.

    Parameters
    ----------
    device
        A fuse, recloser or relay; a sectionalizer does not open by current and gives nothing.
    rated_a
        Rated current of the transformers behind it, by phase a, b, c [A].
    shot
        Opening of its sequence that would be next: a recloser that comes back on a slow curve sits out more.
    """
    if not device.shots:
        return ()
    carried = max((rated_a[PHASES.index(phase)] for phase in device.conductors), default=0.0)
    elements = [one for one in device.shots[min(shot, len(device.shots) - 1)].elements if one.sees == "phase"]
    found = []
    for point in points:
        current_a = point.multiple * carried
        first = min(elements, key=lambda one: one.seconds(current_a), default=None)
        operates_s = first.seconds(current_a) if first is not None else math.inf
        by = first.name if first is not None and math.isfinite(operates_s) else ""
        found.append(InrushCheck(device.name, point, current_a, operates_s, by))
    return tuple(found)
