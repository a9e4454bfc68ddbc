"""Charts of one quantity over another as SVG that stands alone: linear or logarithmic axes, no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from cosim.report.charts import COLOURS, tick_texts, ticks
from cosim.thermal.network import Float

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 66, 34, 34, 48
TEXT = 'font-family="sans-serif" font-size="13" fill="#333"'


Corner = Literal["top right", "top left", "bottom right", "bottom left"]


@dataclass(frozen=True)
class Curve:
    """One line, or points if `dots`; NaN breaks a line."""

    label: str
    x: Float
    y: Float
    dots: bool = False


@dataclass(frozen=True)
class Axis:
    """Label and ends of an axis."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def marks(self) -> list[tuple[float, str]]:
        """Values with their texts."""
        if not self.log:
            places = ticks(self.low, self.high)
            return list(zip(places, tick_texts(places), strict=True))
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [(10.0**k, f"{10.0**k:g}") for k in range(first, last + 1)]


def xy_chart(title: str, x: Axis, y: Axis, curves: Sequence[Curve], *, key: Corner = "top right") -> str:
    """An SVG chart with a key in a corner; what lies outside the axes is cut off."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def px(value: float) -> float:
        return LEFT + (right - LEFT) * x.place(value)

    def py(value: float) -> float:
        return bottom - (bottom - TOP) * y.place(value)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" {TEXT} font-weight="bold">{escape(title)}</text>',
    ]
    for value, text in x.marks():
        at = f"{px(value):.1f}"
        parts.append(f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{at}" y="{bottom + 17}" text-anchor="middle" {TEXT}>{text}</text>')
    for value, text in y.marks():
        at = f"{py(value):.1f}"
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at}" dy="4" text-anchor="end" {TEXT}>{text}</text>')
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle" {TEXT}>{escape(x.label)}</text>'
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})" {TEXT}>'
        f"{escape(y.label)}</text>"
        f'<clipPath id="in"><rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/></clipPath>'
    )
    for k, curve in enumerate(curves):
        colour = COLOURS[k % len(COLOURS)]
        parts.append(_dots(curve, px, py, colour) if curve.dots else _line(curve, px, py, colour))
    parts += [_key(k, curve, key, len(curves)) for k, curve in enumerate(curves)]
    return "".join([*parts, "</svg>"])


def _line(curve: Curve, px: Callable[[float], float], py: Callable[[float], float], colour: str) -> str:
    path, down = [], False
    for a, b in zip(curve.x, curve.y, strict=True):
        if not (np.isfinite(a) and np.isfinite(b)):
            down = False
            continue
        path.append(f"{'L' if down else 'M'}{px(float(a)):.1f} {py(float(b)):.1f}")
        down = True
    return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2" clip-path="url(#in)"/>'


def _dots(curve: Curve, px: Callable[[float], float], py: Callable[[float], float], colour: str) -> str:
    return "".join(
        f'<circle cx="{px(float(a)):.1f}" cy="{py(float(b)):.1f}" r="5" fill="{colour}"/>'
        for a, b in zip(curve.x, curve.y, strict=True)
    )


def _key(k: int, curve: Curve, corner: Corner, count: int) -> str:
    y = TOP + 16 + 17 * k if corner.startswith("top") else HEIGHT - BOTTOM - 8 - 17 * (count - 1 - k)
    left = corner.endswith("left")
    box = LEFT + 8 if left else WIDTH - RIGHT - 14
    text, anchor = (box + 16, "start") if left else (box - 6, "end")
    return (
        f'<rect x="{box}" y="{y - 9}" width="10" height="10" fill="{COLOURS[k % len(COLOURS)]}"/>'
        f'<text x="{text}" y="{y}" text-anchor="{anchor}" stroke="#fff" stroke-width="4" paint-order="stroke" {TEXT}>'
        f"{escape(curve.label)}</text>"
    )
