"""The heat run as inline SVG: rises of each kind of part, their limits, and the readings as dots."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from cosim.report.charts import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Place,
    thin,
    tick_texts,
    ticks,
)
from cosim.studies.type_test.heat_rise import Phase
from cosim.thermal.limits import LIMIT_K

WORDS = {
    "jaw": "jaws", "bus_bar": "bus bars", "factory_terminal": "factory terminals", "field_terminal": "field terminals",
}  # fmt: skip
COLOUR = dict(zip(WORDS, COLOURS, strict=False))


def phase_chart(phase: Phase, title: str, highest_k: float) -> str:
    """One phase as a figure; `highest_k` gives phases beside each other one scale."""
    hours = phase.time_s / 3600.0
    top = 1.08 * max(highest_k, max(LIMIT_K[role] for role in phase.rise_k)) if phase.rise_k else 1.0
    last = float(hours[-1])

    def x(hour: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * hour / last

    def y(kelvin: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - kelvin / top)

    parts = [*_axes(top, last, x, y)]
    parts += [
        f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>'
        f'<text class="tick limit-text" x="{WIDTH - RIGHT + 3}" y="{y(limit) + 4:.1f}">{limit:g}</text>'
        for limit in sorted({LIMIT_K[role] for role in phase.rise_k})
    ]
    for role, rise in phase.rise_k.items():
        points = zip(*thin(np.r_[0.0, hours], np.r_[0.0, rise], WIDTH), strict=True)
        path = "L".join(f"{x(float(h)):.1f} {y(min(float(k), top)):.1f}" for h, k in points)
        parts.append(f'<path class="series" stroke="{COLOUR[role]}" d="M{path}"/>')
        parts += [
            f'<circle cx="{x(float(hours[k])):.1f}" cy="{y(min(float(rise[k]), top)):.1f}" r="3" fill="{COLOUR[role]}">'
            f"<title>{hours[k]:.2f} h: {rise[k]:.1f} K</title></circle>"
            for k in phase.reading
        ]
    return (
        f'<figure class="chart"><figcaption>{escape(title)} <span class="unit">[K over air]</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def keys(roles: list[str]) -> str:
    """Which colour is which kind of part."""
    items = (
        f'<li><svg viewBox="0 0 24 6" class="key"><line x1="0" x2="24" y1="3" y2="3" stroke="{COLOUR[role]}"/></svg>'
        f"{WORDS[role]}, limit {LIMIT_K[role]:g} K</li>"
        for role in roles
    )
    return f'<ul class="keys">{"".join(items)}</ul>'


def _axes(top: float, last: float, x: Place, y: Place) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    values = ticks(0.0, top)
    for value, text in zip(values, tick_texts(values), strict=True):
        yield (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{text}</text>'
        )
    places = ticks(0.0, last, 6)
    for k, (hour, text) in enumerate(zip(places, tick_texts(places), strict=True)):
        kind = "tick time minor" if k % 2 else "tick time"
        unit = " h" if k == len(places) - 1 else ""
        yield (
            f'<line class="grid" x1="{x(hour):.1f}" x2="{x(hour):.1f}" y1="{TOP}" y2="{bottom + 4}"/>'
            f'<text class="{kind}" x="{x(hour):.1f}" y="{bottom + 18}" text-anchor="middle">{text}{unit}</text>'
        )
