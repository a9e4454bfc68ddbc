"""The feeder as drawn: lines by level, homes as dots coloured by a chosen quantity.

The picture is SVG with the first quantity already coloured, so it prints and shows without
script; the page's script only recolours the dots from the numbers embedded beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosim.report.charts import number

Float = NDArray[np.float64]

SIZE = 1000.0
MARGIN = 14.0
# Seven classes from a perceptually even, colour-blind-safe scale (cividis to warm); size grows with the class too.
SCALE = ("#2c5aa0", "#4a86b8", "#86b5b4", "#c9d39b", "#f0c36d", "#e8853d", "#b3261e")
RADII = (3.0, 3.2, 3.5, 3.9, 4.4, 5.0, 5.8)


@dataclass(frozen=True)
class Colouring:
    """A quantity the map can show: one value a home, NaN where it does not apply.

    Parameters
    ----------
    key, label, unit
        Short name, what the reader sees, unit.
    values
        (homes,).
    worst_low
        Whether small values are the bad ones (a margin, a voltage).
    """

    key: str
    label: str
    unit: str
    values: Float
    worst_low: bool = False

    def edges(self) -> Float:
        """Class borders, eight of them; equal widths over the values' range."""
        good = self.values[np.isfinite(self.values)]
        if not len(good):
            return np.zeros(8)
        low, high = float(good.min()), float(good.max())
        return np.linspace(low, high if high > low else low + 1.0, 8)

    def classes(self) -> NDArray[np.int64]:
        """(homes,) class 0 to 6, 6 the worst; -1 where there is no value."""
        edges = self.edges()
        found = np.clip(np.searchsorted(edges, self.values, side="right") - 1, 0, 6)
        found = 6 - found if self.worst_low else found
        return np.where(np.isfinite(self.values), found, -1)

    def legend(self) -> list[str]:
        """Text of each class, best first."""
        edges = self.edges()
        texts = [f"{number(a)} … {number(b)}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
        return texts[::-1] if self.worst_low else texts


class Projection:
    """Map coordinates to picture coordinates, aspect kept, north up."""

    def __init__(self, x: Float, y: Float) -> None:
        good = np.isfinite(x) & np.isfinite(y)
        self.known = bool(good.any())
        x, y = (x[good], y[good]) if self.known else (np.zeros(1), np.zeros(1))
        self._x0, self._y1 = float(x.min()), float(y.max())
        span = max(float(np.ptp(x)), float(np.ptp(y))) or 1.0
        self._scale = (SIZE - 2 * MARGIN) / span
        self.width = float(np.ptp(x)) * self._scale + 2 * MARGIN
        self.height = max(float(np.ptp(y)) * self._scale + 2 * MARGIN, 60.0)

    def x(self, x: Float) -> Float:
        """Picture abscissa."""
        return MARGIN + (x - self._x0) * self._scale

    def y(self, y: Float) -> Float:
        """Picture ordinate."""
        return MARGIN + (self._y1 - y) * self._scale


def feeder_map(homes: pd.DataFrame, lines: pd.DataFrame, first: Colouring, tips: Sequence[str]) -> str:
    """SVG of the feeder with homes coloured by `first`.

    Parameters
    ----------
    homes
        Columns x, y, adapter.
    lines
        Columns level, phases, x1, y1, x2, y2.
    first
        Colouring shown before the reader chooses another.
    tips
        Text shown over each home.
    """
    ends_x = np.concatenate([lines["x1"].to_numpy(float), lines["x2"].to_numpy(float), homes["x"].to_numpy(float)])
    ends_y = np.concatenate([lines["y1"].to_numpy(float), lines["y2"].to_numpy(float), homes["y"].to_numpy(float)])
    view = Projection(ends_x, ends_y)
    if not view.known:
        return "<p>This feeder carries no coordinates, so there is no map.</p>"
    parts = [
        f'<svg id="map" viewBox="0 0 {view.width:.0f} {view.height:.0f}" role="img" '
        f'aria-label="Feeder map coloured by {escape(first.label, quote=True)}">'
    ]
    for (level, width), rows in lines.groupby(["level", lines["phases"].map(_weight)]):
        ends = rows[["x1", "y1", "x2", "y2"]].to_numpy(float)
        ends = ends[np.isfinite(ends).all(axis=1)]
        if not len(ends):
            continue
        xs1, ys1, xs2, ys2 = view.x(ends[:, 0]), view.y(ends[:, 1]), view.x(ends[:, 2]), view.y(ends[:, 3])
        path = "".join(
            f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in zip(xs1, ys1, xs2, ys2, strict=True)
        )
        parts.append(f'<path class="line {escape(str(level))}" stroke-width="{width}" d="{path}"/>')
    classes = first.classes()
    x, y = view.x(homes["x"].to_numpy(float)), view.y(homes["y"].to_numpy(float))
    parts.append('<g id="homes">')
    # Worst last, so that nothing hides them.
    for i in np.argsort(classes, kind="stable"):
        if not (np.isfinite(x[i]) and np.isfinite(y[i])):
            continue
        k = int(classes[i])
        fill, radius = (SCALE[k], RADII[k]) if k >= 0 else ("none", 2.2)
        parts.append(
            f'<circle data-i="{i}" cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="{radius}" fill="{fill}">'
            f"<title>{escape(tips[i])}</title></circle>"
        )
    parts.append("</g></svg>")
    return "".join(parts)


def _weight(phases: str) -> float:
    """Stroke width of a line: three-phase runs are drawn thicker."""
    return 2.2 if phases.count(".") >= 2 and "1" in phases and "2" in phases and "3" in phases else 1.1
