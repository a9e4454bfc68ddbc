"""The feeder as drawn: lines by level, transformers, homes as dots coloured by a chosen quantity.

The picture is SVG with the first quantity already coloured, so it prints and shows without
script; the page's script recolours the dots from the numbers embedded beside it, and zooms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosim.report.map_quantities import Colouring

Float = NDArray[np.float64]

SIZE = 1000.0  # longer side of what is shown first
MARGIN = 22.0
# A feeder whose homes fill less than this part of its length is shown around its homes.
HOMES_FILL = 0.75
# Dots of a map with more homes than this shrink, to be told apart.
FULL_SIZE_HOMES = 250
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True)
class Frame:
    """From map coordinates to the picture's: aspect kept, north up, `shown` filling the picture.

    Parameters
    ----------
    shown, whole
        (left, bottom, right, top) of what is shown first, and of the whole feeder.
    """

    shown: tuple[float, float, float, float]
    whole: tuple[float, float, float, float]

    @property
    def scale(self) -> float:
        """Picture units in a map unit."""
        left, bottom, right, top = self.shown
        return (SIZE - 2 * MARGIN) / (max(right - left, top - bottom) or 1.0)

    def x(self, x: Float) -> Float:
        """Picture abscissa."""
        return MARGIN + (x - self.shown[0]) * self.scale

    def y(self, y: Float) -> Float:
        """Picture ordinate."""
        return MARGIN + (self.shown[3] - y) * self.scale

    def view_box(self, box: tuple[float, float, float, float]) -> str:
        """An area as the four numbers of a viewBox; never a strip too thin to see."""
        x0, y0 = float(self.x(np.float64(box[0]))) - MARGIN, float(self.y(np.float64(box[3]))) - MARGIN  # type: ignore[arg-type]
        width = (box[2] - box[0]) * self.scale + 2 * MARGIN
        height = (box[3] - box[1]) * self.scale + 2 * MARGIN
        least = 0.25 * max(width, height)
        x0, width = (x0, width) if width >= least else (x0 - (least - width) / 2, least)
        y0, height = (y0, height) if height >= least else (y0 - (least - height) / 2, least)
        return f"{x0:.0f} {y0:.0f} {width:.0f} {height:.0f}"


def frame(homes: pd.DataFrame, lines: pd.DataFrame) -> Frame | None:
    """What to show: the whole feeder, or its homes if a long line leads to them; None without coordinates."""
    home_x, home_y = _known(homes["x"], homes["y"])
    ends = [_known(lines[f"x{k}"], lines[f"y{k}"]) for k in (1, 2)]
    x = np.concatenate([home_x, *(e[0] for e in ends)])
    y = np.concatenate([home_y, *(e[1] for e in ends)])
    if not len(x):
        return None
    whole = _box(x, y)
    around = _box(home_x, home_y) if len(home_x) else whole
    extent = max(around[2] - around[0], around[3] - around[1])
    full = max(whole[2] - whole[0], whole[3] - whole[1])
    return Frame(around if 0 < extent < HOMES_FILL * full else whole, whole)


def _known(x: Any, y: Any) -> tuple[Float, Float]:
    x, y = np.asarray(x, float), np.asarray(y, float)
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good]


def _box(x: Float, y: Float) -> tuple[float, float, float, float]:
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def feeder_map(
    homes: pd.DataFrame,
    lines: pd.DataFrame,
    transformers: pd.DataFrame,
    first: Colouring,
    tips: Sequence[str],
) -> str:
    """SVG of the feeder with homes coloured by `first`; empty if nothing has coordinates.

    Parameters
    ----------
    homes, transformers
        Columns x, y.
    lines
        Columns level, phases, x1, y1, x2, y2.
    first
        Colouring shown before the reader chooses another.
    tips
        Text shown over each home.
    """
    view = frame(homes, lines)
    if view is None:
        return ""
    dot = min(1.0, (FULL_SIZE_HOMES / max(len(homes), 1)) ** 0.4)
    parts = [
        f'<svg id="map" viewBox="{view.view_box(view.shown)}" data-whole="{view.view_box(view.whole)}" '
        f'style="--dot:{dot:.2f}" role="img" aria-label="Feeder map coloured by {escape(first.quantity.label)}">',
        *_lines(view, lines),
        *_transformers(view, transformers),
        '<g id="homes">',
        *_homes(view, homes, first, tips),
        "</g></svg>",
    ]
    return "".join(parts)


def _lines(view: Frame, lines: pd.DataFrame) -> Iterator[str]:
    """One path a level and weight: drops first, the trunk last."""
    trunk = lines["phases"].map(lambda phases: {"1", "2", "3"} <= set(str(phases).split(".")))
    for level in ("drop", "secondary", "primary"):
        for thick in (False, True):
            rows = lines[(lines["level"] == level) & (trunk == thick)]
            ends = rows[["x1", "y1", "x2", "y2"]].to_numpy(float)
            ends = ends[np.isfinite(ends).all(axis=1)]
            if len(ends):
                xs = view.x(ends[:, [0, 2]])
                ys = view.y(ends[:, [1, 3]])
                path = "".join(
                    f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}"
                    for (a, c), (b, d) in zip(xs.tolist(), ys.tolist(), strict=True)
                )
                yield f'<path class="line {level}{" trunk" if thick else ""}" d="{path}"/>'


def _transformers(view: Frame, transformers: pd.DataFrame) -> Iterator[str]:
    """Squares: round numbers of pixels at any zoom, drawn as strokes without length."""
    x, y = _known(transformers["x"], transformers["y"])
    if len(x):
        squares = "".join(
            f"M{a:.1f} {b:.1f}h0" for a, b in zip(view.x(x).tolist(), view.y(y).tolist(), strict=True)
        )
        yield f'<path class="transformers" d="{squares}"/>'


def _homes(view: Frame, homes: pd.DataFrame, first: Colouring, tips: Sequence[str]) -> Iterator[str]:
    """A dot a home, worst last, so that nothing hides it."""
    shades = first.shades()
    x, y = apart(view.x(homes["x"].to_numpy(float)), view.y(homes["y"].to_numpy(float)))
    for i in np.argsort(shades, kind="stable").tolist():
        if np.isfinite(x[i]) and np.isfinite(y[i]):
            shade = f"k{shades[i]}" if shades[i] >= 0 else "kx"
            yield (
                f'<circle class="{shade}" data-i="{i}" cx="{x[i]:.1f}" cy="{y[i]:.1f}">'
                f"<title>{escape(tips[i])}</title></circle>"
            )


def apart(x: Float, y: Float, distance: float = 3.0) -> tuple[Float, Float]:
    """Homes on the same spot (one bus with several) set apart in a small spiral around it."""
    spots = pd.Series(list(zip(np.round(x, 1), np.round(y, 1), strict=True)))
    place = spots.groupby(spots).cumcount().to_numpy(float)
    radius, angle = distance * np.sqrt(place), GOLDEN_ANGLE * place
    return x + radius * np.cos(angle), y + radius * np.sin(angle)
