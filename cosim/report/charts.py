"""Line charts as inline SVG: a few kilobytes each, no script, printable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from cosim.report.formatting import fixed
from cosim.report.time_axis import time_ticks

Float = NDArray[np.float64]
Place = Callable[[float], float]

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 14, 46
# Of a line with more points than this each column keeps its extremes: two pixels of a screen.
COLUMNS = 280
# Okabe and Ito's palette: distinct for all common kinds of colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
DASHES = ("none", "6 3", "2 3", "8 3 2 3", "4 2", "1 2", "10 4")
# A limit farther away than this many times the data is named, not drawn: it would flatten the lines.
LIMIT_IN_SIGHT = 2.5


@dataclass(frozen=True)
class Series:
    """One line of a chart: times [s since the start] and values of equal length; NaN breaks the line."""

    label: str
    time_s: Float
    values: Float


@dataclass(frozen=True)
class Limit:
    """A horizontal line with its name."""

    value: float
    label: str


@dataclass(frozen=True)
class Mark:
    """An event: a vertical line with a text that shows under the pointer."""

    time_s: float
    text: str


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within [low, high], in about so many steps of 1, 2 or 5 times a power of ten."""
    extent = high - low
    if not np.isfinite(extent) or extent <= 0.0:
        return [low]
    size = 10.0 ** np.floor(np.log10(extent / about))
    step = next(m * size for m in (1.0, 2.0, 5.0, 10.0, 20.0) if m * size >= extent / about)
    return [float(k * step) for k in np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Labels with as many decimals as the step needs."""
    step = values[1] - values[0] if len(values) > 1 else abs(values[0]) / 100 or 1.0
    places = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    return [fixed(value, places) for value in values]


def thin(x: Float, y: Float, columns: int) -> tuple[Float, Float]:
    """At most four points a pixel column: first, least, greatest and last, so no peak or gap is lost."""
    if len(x) <= 4 * columns:
        return x, y
    column = np.minimum(((x - x[0]) / (x[-1] - x[0]) * columns).astype(np.int64), columns - 1)
    starts = np.r_[0, np.flatnonzero(np.diff(column)) + 1]
    keep: set[int] = set()
    for start, stop in zip(starts, np.r_[starts[1:], len(x)], strict=True):
        part = y[start:stop]
        keep.update((int(start), int(stop) - 1))
        missing = np.isnan(part)
        if missing.any():
            keep.add(int(start + np.argmax(missing)))
        if not missing.all():
            keep.update((int(start + np.nanargmin(part)), int(start + np.nanargmax(part))))
    rows = np.array(sorted(keep))
    return x[rows], y[rows]


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    unit: str,
    start: np.datetime64,
    limit: Limit | None = None,
    marks: Sequence[Mark] = (),
    zero: bool = False,
) -> str:
    """Draw series over local time as an SVG figure with ticks, legend, events and an optional limit.

    Parameters
    ----------
    series
        Lines; more than seven reuse the colours with other dashes.
    title, unit
        Heading and unit of the values.
    start
        Local time of second 0.
    limit
        Drawn if it is near the data, else named in the heading.
    marks
        Events within the time drawn.
    zero
        Whether the axis must include 0.
    """
    heading = f'{escape(title)} <span class="unit">[{escape(unit)}]</span>'
    values = np.concatenate([s.values for s in series]) if series else np.zeros(0)
    if not np.isfinite(values).any():
        return (
            f'<figure class="chart"><figcaption>{heading}</figcaption><p class="soft">No data.</p></figure>'
        )
    drawn = limit if limit is not None and limit.value <= LIMIT_IN_SIGHT * np.nanmax(values) else None
    if limit is not None and drawn is None:
        heading += f' <span class="limit-note">{escape(limit.label)}: {limit.value:g}, off the scale</span>'
    low, high = _range(values, zero, drawn)
    first = min(float(s.time_s[0]) for s in series if len(s.time_s))
    last = max(float(s.time_s[-1]) for s in series if len(s.time_s))

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (time_s - first) / ((last - first) or 1.0)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<figure class="chart"><figcaption>{heading}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_value_axis(low, high, y),
        *_time_axis(start, first, last, x),
        *(
            f'<line class="mark" x1="{x(m.time_s):.1f}" x2="{x(m.time_s):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
            f"<title>{escape(m.text)}</title></line>"
            for m in marks
            if first <= m.time_s <= last
        ),
        *(_path(line, k, x, y) for k, line in enumerate(series)),
        *(_limit_line(drawn, y) if drawn else ()),
        "</svg>",
        _keys(series) if len(series) > 1 else "",
        "</figure>",
    ]
    return "".join(parts)


def decay_chart(lines: Sequence[tuple[str, Float, Float]], *, title: str, unit: str) -> str:
    """Draw (label, seconds, values) over the logarithm of time, each with its first value at the left edge.

    Parameters
    ----------
    lines
        Times [s] rising, the first may be 0.
    title, unit
        Heading and unit of the values.
    """
    times = np.concatenate([t for _, t, _ in lines])
    first, last = float(times[times > 0.0].min()) / 2.0, float(times.max())

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * float(
            np.log(max(time_s, first) / first) / np.log(last / first)
        )

    low, high = _range(np.concatenate([values for *_, values in lines]), True, None)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    bottom = HEIGHT - BOTTOM
    decades = [10.0**k for k in range(int(np.ceil(np.log10(first))), int(np.floor(np.log10(last))) + 1)]
    axis = (
        f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP}" y2="{bottom + 4}"/>'
        f'<text class="tick time" x="{x(t):.1f}" y="{bottom + 18}" text-anchor="middle">{t:g} s</text>'
        for t in decades
    )
    series = [Series(label, t, values) for label, t, values in lines]
    parts = [
        f'<figure class="chart"><figcaption>{escape(title)} <span class="unit">[{escape(unit)}]</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_value_axis(low, high, y),
        *axis,
        *(_path(line, k, x, y) for k, line in enumerate(series)),
        "</svg>",
        _keys(series) if len(series) > 1 else "",
        "</figure>",
    ]
    return "".join(parts)


def _range(values: Float, zero: bool, limit: Limit | None) -> tuple[float, float]:
    ends = [float(np.nanmin(values)), float(np.nanmax(values))]
    ends += [0.0] if zero else []
    ends += [limit.value] if limit else []
    low, high = min(ends), max(ends)
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return (0.0 if zero and low == 0.0 else low - pad), high + pad


def _value_axis(low: float, high: float, y: Place) -> Iterator[str]:
    places = ticks(low, high)
    for value, text in zip(places, tick_texts(places), strict=True):
        yield (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{text}</text>'
        )


def _time_axis(start: np.datetime64, first: float, last: float, x: Place) -> Iterator[str]:
    bottom = HEIGHT - BOTTOM
    for k, tick in enumerate(time_ticks(start, first, last)):
        place = x(tick.at_s)
        at = f"{place:.1f}"
        # The last label would run over the edge where letters are large.
        text_at, anchor = (at, "middle") if place < WIDTH - RIGHT - 12 else (f"{WIDTH - 2}", "end")
        # On a phone every second label is left out, see page.css.
        kind = "tick time minor" if k % 2 else "tick time"
        yield (
            f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{bottom + 4}"/>'
            f'<text class="{kind}" x="{text_at}" y="{bottom + 18}" text-anchor="{anchor}">{escape(tick.label)}</text>'
        )
        if tick.date:
            date = escape(tick.date)
            yield f'<text class="tick time date" x="{text_at}" y="{bottom + 36}" text-anchor="{anchor}">{date}</text>'


def _limit_line(limit: Limit, y: Place) -> Iterator[str]:
    at = y(limit.value)
    yield (
        f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text class="tick limit-text" x="{WIDTH - RIGHT}" y="{at + 4:.1f}" text-anchor="end" '
        f'dominant-baseline="hanging">'
        f"{escape(limit.label)} {limit.value:g}</text>"
    )


def _path(line: Series, place: int, x: Place, y: Place) -> str:
    commands, pen_down = [], False
    for time_s, value in zip(*thin(line.time_s, line.values, COLUMNS), strict=True):
        if not np.isfinite(value):
            pen_down = False
            continue
        commands.append(f"{'L' if pen_down else 'M'}{x(float(time_s)):.1f} {y(float(value)):.1f}")
        pen_down = True
    return (
        f'<path class="series" {_stroke(place)} d="{"".join(commands)}">'
        f"<title>{escape(line.label)}</title></path>"
    )


def _stroke(place: int) -> str:
    return f'stroke="{COLOURS[place % 7]}" stroke-dasharray="{DASHES[(place // 7) % 7]}"'


def _keys(series: Sequence[Series]) -> str:
    items = (
        f'<li><svg viewBox="0 0 24 6" class="key"><line x1="0" x2="24" y1="3" y2="3" {_stroke(k)}/></svg>'
        f"{escape(s.label)}</li>"
        for k, s in enumerate(series)
    )
    return f'<ul class="keys">{"".join(items)}</ul>'
