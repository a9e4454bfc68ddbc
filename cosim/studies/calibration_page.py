"""A calibration as one self-contained HTML page: estimates, warnings, run and residuals as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path

import numpy as np

from cosim.report.charts import (
    BOTTOM,
    COLOURS,
    COLUMNS,
    DASHES,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    thin,
    tick_texts,
    ticks,
)
from cosim.report.formatting import number
from cosim.studies.calibration import TOLD, Calibration
from cosim.thermal.calibration import Estimate
from cosim.thermal.network import Float

REPORT = Path(__file__).parent.parent / "report"
OWN = (
    ".chart .dot { stroke: none; opacity: .45; } td.off { color: var(--watch); font-weight: 600; } "
    "td.measured { color: var(--good); font-weight: 600; }"
)


def render(found: Calibration) -> str:
    """The page as text; the same calibration gives the same bytes."""
    f, run = found.fit, found.run
    asked = [
        ("Entry", found.entry.name),
        ("Heat run", Path(run.file).name),
        ("Length", f"{number((run.time_s[-1] - run.time_s[0]) / 3600.0)} h, {len(run.time_s):,} rows"),
        ("Thermocouples", ", ".join(run.columns)),
        (
            "Difference, root mean square",
            f"{number(f.before_k)} K as stated, {number(f.after_k)} K fitted, "
            f"{number(f.unexplained_k)} K that no number within its range explains",
        ),
        ("Condition number", number(f.condition)),
        ("Numbers", "chosen: those the run tells best" if found.chosen else "as asked"),
    ]
    hours = (run.time_s[1:] - run.time_s[0]) / 3600.0
    body = [
        f'<h1>Calibration: {escape(found.entry.title)}</h1><dl class="asked">',
        *(f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>" for key, value in asked),
        "</dl>",
        _warnings(found.warnings()),
        "<h2>Estimates</h2><p class='soft'>95 % intervals: with the numbers that were not fitted anywhere in their "
        "ranges, and by noise alone, all others as stated. Only what the run tells by itself counts as measured.</p>",
        _table(
            ("Number", "Key", "Stated", "Bounds", "Fitted", "95 % interval", "by noise alone", "State"),
            [_row(found, e) for e in f.estimates],
        ),
        _correlations(found),
        '<h2>The run</h2><div class="charts">',
        _chart("Measured (dots) and fitted (lines)", "°C", hours, run.measured_c[1:], found.modelled_c()),
        _chart("Residuals, measured minus fitted", "K", hours, f.residual_k, None),
        "</div>",
        _keys(run.columns),
        "<h2>Thermocouples</h2>",
        _table(
            ("Column", "Residual, root mean square [K]", "Mean [K]", "Autocorrelation"),
            [
                (
                    escape(name),
                    number(float(np.sqrt(np.mean(f.residual_k[:, k] ** 2)))),
                    number(float(f.residual_k[:, k].mean())),
                    f"{f.autocorrelation[k]:.2f}".replace("-", "−"),
                )
                for k, name in enumerate(run.columns)
            ],
        ),
        f"<footer><div>Made by cosim {version('msa-cosim')}.</div></footer>",
    ]
    css = (REPORT / "page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>Calibration: {escape(found.entry.title)}</title><style>{css}{OWN}</style></head><body>"
        f"{''.join(body)}</body></html>\n"
    )


def _row(found: Calibration, e: Estimate) -> tuple[str, ...]:
    unit = found.quantity(e.free.key).unit
    known = e.state in TOLD
    return (
        escape(found.label(e)), f"<code>{escape(e.free.key)}</code>", f"{number(e.free.value)} {escape(unit)}",
        f"{number(e.free.low)} to {number(e.free.high)}", number(e.value),
        f"{number(e.low)} to {number(e.high)}" if known else "–",
        f"{number(e.noise_low)} to {number(e.noise_high)}" if known else "–",
        f'<td class="{"measured" if e.state == "measured" else "off"}">{e.state}</td>',
    )  # fmt: skip


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    return '<ul class="honest assumed">' + "".join(f"<li>{escape(text)}</li>" for text in warnings) + "</ul>"


def _correlations(found: Calibration) -> str:
    """Pairs by the size of their correlation; nothing for a single number."""
    labels = [found.label(e) for e in found.fit.estimates]
    pairs = [
        (abs(r), escape(labels[b]), escape(labels[a]), f"{r:+.2f}".replace("-", "−"))
        for a in range(len(labels))
        for b in range(a)
        if math.isfinite(r := float(found.fit.correlation[a, b]))
    ]
    if not pairs:
        return ""
    rows = [row[1:] for row in sorted(pairs, key=lambda row: -row[0])]
    return "<h2>Told together</h2>" + _table(("Number", "Number", "Correlation"), rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _keys(names: Sequence[str]) -> str:
    items = (
        f'<li><svg viewBox="0 0 24 6" class="key"><line x1="0" x2="24" y1="3" y2="3" {_stroke(k)}/></svg>'
        f"{escape(name)}</li>"
        for k, name in enumerate(names)
    )
    return f'<ul class="keys">{"".join(items)}</ul>'


def _stroke(k: int) -> str:
    return (
        f'stroke="{COLOURS[k % len(COLOURS)]}" stroke-dasharray="{DASHES[(k // len(COLOURS)) % len(DASHES)]}"'
    )


def _chart(title: str, unit: str, hours: Float, dots: Float, lines: Float | None) -> str:
    """Columns over the hours of the run: readings as dots and the fit as lines, or readings alone as lines."""
    every = dots if lines is None else np.concatenate([dots, lines])
    low, high = min(0.0, float(every.min())), max(0.0, float(every.max()))
    if lines is not None:
        low = float(every.min())
    pad = 0.05 * (high - low) or 1.0
    low, high = low - pad, high + pad
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def x(hour: float) -> float:
        return LEFT + (right - LEFT) * hour / float(hours[-1])

    def y(value: float) -> float:
        return TOP + (bottom - TOP) * (high - value) / (high - low)

    parts = []
    values = ticks(low, high)
    for value, text in zip(values, tick_texts(values), strict=True):
        kind = "limit" if lines is None and value == 0.0 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{LEFT}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{text}</text>'
        )
    places = ticks(0.0, float(hours[-1]), 6)
    for k, (hour, text) in enumerate(zip(places, tick_texts(places), strict=True)):
        ending = " h" if k == len(places) - 1 else ""
        parts.append(
            f'<line class="grid" x1="{x(hour):.1f}" x2="{x(hour):.1f}" y1="{TOP}" y2="{bottom + 4}"/>'
            f'<text class="tick time{" minor" if k % 2 else ""}" x="{x(hour):.1f}" y="{bottom + 18}" '
            f'text-anchor="middle">{text}{ending}</text>'
        )
    for k in range(dots.shape[1]):
        if lines is not None:
            few = thin(hours, dots[:, k], COLUMNS // 8)
            parts += [
                f'<circle class="dot" cx="{x(float(h)):.1f}" cy="{y(float(v)):.1f}" r="2" '
                f'fill="{COLOURS[k % len(COLOURS)]}"/>'
                for h, v in zip(*few, strict=True)
            ]
        drawn = dots if lines is None else lines
        points = zip(*thin(hours, drawn[:, k], COLUMNS), strict=True)
        path = "L".join(f"{x(float(h)):.1f} {y(float(v)):.1f}" for h, v in points)
        parts.append(f'<path class="series" {_stroke(k)} d="M{path}"/>')
    return (
        f'<figure class="chart"><figcaption>{escape(title)} <span class="unit">[{escape(unit)}]</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )
