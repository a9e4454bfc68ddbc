"""Line charts as inline SVG: few hundred bytes a day of data, no script, printable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

WIDTH, HEIGHT = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 30
# Okabe and Ito's palette: distinct for all common kinds of colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "4 2", "1 2", "10 4")


@dataclass(frozen=True)
class Series:
    """One line of a chart: x and y of equal length; NaN in y breaks the line."""

    label: str
    x: Float
    y: Float


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that cover [low, high] in about `about` steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not np.isfinite(span) or span <= 0.0:
        return [low]
    raw = span / about
    magnitude = 10.0 ** np.floor(np.log10(raw))
    step = next(m * magnitude for m in (1.0, 2.0, 5.0, 10.0) if m * magnitude >= raw)
    first = np.ceil(low / step - 1e-9)
    return [float(k * step) for k in np.arange(first, np.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A figure as read by a person: four digits, no exponent for everyday sizes."""
    if value != value:
        return "–"
    if value == 0.0 or 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        return text.replace("-", "−")  # a true minus sign
    return f"{value:.3g}".replace("-", "−")


def thin(x: Float, y: Float, columns: int) -> tuple[Float, Float]:
    """At most four points a pixel column: first, least, greatest and last, so no peak is lost."""
    if len(x) <= 4 * columns:
        return x, y
    column = np.minimum(((x - x[0]) / (x[-1] - x[0]) * columns).astype(np.int64), columns - 1)
    edges = np.flatnonzero(np.diff(column)) + 1
    keep: set[int] = set()
    for start, stop in zip(np.r_[0, edges], np.r_[edges, len(x)], strict=True):
        part = y[start:stop]
        keep.update((int(start), int(stop) - 1))
        if not np.all(np.isnan(part)):
            keep.update((int(start + np.nanargmin(part)), int(start + np.nanargmax(part))))
    rows = np.array(sorted(keep))
    return x[rows], y[rows]


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    unit: str,
    x_label: Callable[[float], str],
    limit: float | None = None,
    limit_label: str = "limit",
    zero: bool = False,
) -> str:
    """Draw series over a common x as an SVG figure with legend, ticks and an optional limit line.

    Parameters
    ----------
    series
        Lines; more than seven reuse colours with other dashes.
    title, unit
        Heading and unit of y.
    x_label
        Text of an x tick.
    limit
        Value drawn as a labelled horizontal line.
    zero
        Whether y must include 0.
    """
    values = np.concatenate([s.y for s in series]) if series else np.array([np.nan])
    values = values[np.isfinite(values)]
    if not len(values):
        return f'<figure class="chart"><figcaption>{escape(title)}</figcaption><p>no data</p></figure>'
    low, high = float(values.min()), float(values.max())
    if limit is not None:
        low, high = min(low, limit), max(high, limit)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    pad = 0.04 * (high - low) or max(abs(high) * 0.05, 1e-6)
    low, high = low - pad, high + pad
    x0, x1 = float(min(s.x[0] for s in series)), float(max(s.x[-1] for s in series))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at_x(x: float) -> float:
        return LEFT + width * (x - x0) / ((x1 - x0) or 1.0)

    def at_y(y: float) -> float:
        return TOP + height * (high - y) / (high - low)

    parts = [
        f'<figure class="chart"><figcaption>{escape(title)} <span class="unit">[{escape(unit)}]</span></figcaption>',
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">',
    ]
    for y in ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(y):.1f}" y2="{at_y(y):.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{number(y)}</text>'
        )
    for k in range(7):
        x = x0 + (x1 - x0) * k / 6
        anchor = "start" if k == 0 else "end" if k == 6 else "middle"
        parts.append(
            f'<text class="tick" x="{at_x(x):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(x_label(x))}</text>'
        )
    for k, line in enumerate(series):
        parts.append(_path(line, k, at_x, at_y, width))
    if limit is not None:
        parts.append(
            f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(limit):.1f}" y2="{at_y(limit):.1f}"/>'
            f'<text class="tick limit-text" x="{WIDTH - RIGHT}" y="{at_y(limit) - 4:.1f}" text-anchor="end">'
            f"{escape(limit_label)}</text>"
        )
    parts.append("</svg>")
    if len(series) > 1:
        keys = "".join(
            f'<li><svg viewBox="0 0 24 6" class="key"><line x1="0" x2="24" y1="3" y2="3" '
            f'stroke="{COLOURS[k % 7]}" stroke-dasharray="{DASHES[(k // 7) % 7]}"/></svg>{escape(s.label)}</li>'
            for k, s in enumerate(series)
        )
        parts.append(f'<ul class="keys">{keys}</ul>')
    parts.append("</figure>")
    return "".join(parts)


def _path(
    line: Series, place: int, at_x: Callable[[float], float], at_y: Callable[[float], float], width: int
) -> str:
    x, y = thin(line.x, line.y, width)
    commands, pen_down = [], False
    for a, b in zip(x, y, strict=True):
        if not np.isfinite(b):
            pen_down = False
            continue
        commands.append(f"{'L' if pen_down else 'M'}{at_x(float(a)):.1f} {at_y(float(b)):.1f}")
        pen_down = True
    dash = DASHES[(place // 7) % 7]
    return f'<path class="series" stroke="{COLOURS[place % 7]}" stroke-dasharray="{dash}" d="{"".join(commands)}"/>'
