"""Where regulators and switched capacitors stood over a run, as charts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.report.charts import Series

if TYPE_CHECKING:
    from cosim.results import Results

Float = NDArray[np.float64]

# Heading and unit by the kind of device, in the order shown.
_KINDS = {
    "regulator": ("Taps of voltage regulators", "pu"),
    "capacitor": ("Steps on of capacitor banks", "steps"),
}


@dataclass(frozen=True)
class ControlChart:
    """Lines of one kind of device with heading and unit."""

    title: str
    unit: str
    lines: list[Series]


def control_charts(results: Results, end_s: float, most: int) -> Iterator[ControlChart]:
    """Positions of those devices that moved most, `most` of a kind, held until `end_s` [s since the start]."""
    for name in results.studies_of("control_positions"):
        moves = results.study(name)
        kind, device = moves["kind_of"].to_numpy(), moves["device"].to_numpy()
        start = np.datetime64(results.info.start, "us")
        time_s = (moves["time"].to_numpy().astype("datetime64[us]") - start) / np.timedelta64(1, "s")
        position = moves["position"].to_numpy()
        for wanted, (title, unit) in _KINDS.items():
            rows = {str(d): np.flatnonzero((kind == wanted) & (device == d)) for d in device[kind == wanted]}
            busiest = sorted(rows, key=lambda d: (-len(rows[d]), d))[:most]
            if not busiest:
                continue
            if len(rows) > most:
                title += f", the {most} of {len(rows)} that moved most"
            lines = [_held(d, time_s[rows[d]], position[rows[d]], end_s) for d in busiest]
            yield ControlChart(title, unit, lines)


def _held(label: str, time_s: Float, position: Float, end_s: float) -> Series:
    """Each position until the next, as a staircase, with the count of its moves."""
    edges = np.column_stack([time_s, np.r_[time_s[1:], max(end_s, time_s[-1])]]).ravel()
    moves = len(position) - 1
    return Series(f"{label} ({moves:,} move{'' if moves == 1 else 's'})", edges, np.repeat(position, 2))
