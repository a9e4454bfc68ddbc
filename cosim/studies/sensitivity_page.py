"""The numbers a margin hangs on as a ranked list of bars, alone or inside a certificate."""

from __future__ import annotations

import math
from html import escape
from importlib.metadata import version
from pathlib import Path

from cosim.report.charts import tick_texts, ticks
from cosim.report.formatting import fixed, number
from cosim.studies.sensitivity import Influence, Sensitivity

REPORT = Path(__file__).parent.parent / "report"
SHOWN = 12
WIDTH, ROW, LEFT, RIGHT, TOP = 680, 34, 8, 8, 24
OWN = (
    ".bars { display: block; width: 100%; max-width: 52rem; height: auto; } .bars .grid { stroke: var(--rule); } "
    ".bars text { font-size: 12px; fill: var(--ink); } .bars .tick { fill: var(--soft); } "
    ".bars .zero { stroke: var(--bad); stroke-dasharray: 5 4; stroke-width: 1.5; } "
    ".bars .stated { stroke: var(--ink); stroke-width: 1.5; } "
    ".bars .worse { fill: #d55e00; } .bars .better { fill: #0072b2; }"
)


def section(found: Sensitivity) -> str:
    """Heading, words, bars and table, to stand in a page that has the report's style."""
    shown = found.influences[:SHOWN]
    if not shown:
        return "<h3>What the margin hangs on</h3><p>No number with a range moves it.</p>"
    floor = (
        f" {100 * found.floored:.1f} % of them are hotter than counts (margin below −200 K)."
        if found.floored
        else ""
    )
    return (
        f"<style>{OWN}</style><h3>What the margin hangs on</h3>"
        f'<p class="soft">Smallest limit minus rise at rest, {found.current_a:g} A, air of {found.ambient_c:g} °C, '
        f"before the overheating cycles: {number(found.margin_k)} K as stated, standard deviation "
        f"{number(found.spread_k)} K over all ranges. Each bar is the margin as one number goes through its range, all "
        "others as stated: orange is worse than stated, blue is better; red is the limit. Ranked by the share of the "
        "variance that goes with the number "
        f"(Sobol’s total index). {found.evaluations:,} states of rest, seed {found.seed}.{floor}</p>"
        f"{_bars(found, shown)}{_table(shown)}"
    )


def render(found: Sensitivity) -> str:
    """A page of its own; the same result gives the same bytes."""
    css = (REPORT / "page.css").read_text(encoding="utf-8")
    title = f"Sensitivity: {escape(found.title)}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{css}</style></head><body><h1>{title}</h1>"
        f'<p class="soft">Entry <code>{escape(found.adapter)}</code> of models/adapters</p>{section(found)}'
        f"<footer><div>Made by cosim {version('msa-cosim')}.</div></footer></body></html>\n"
    )


def _bars(found: Sensitivity, shown: tuple[Influence, ...]) -> str:
    ends = [k for row in shown for k in (row.low_k, row.high_k)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    pad = 0.04 * (high - low) or 1.0
    low, high = low - pad, high + pad
    height = TOP + ROW * len(shown) + 6

    def x(kelvin: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (kelvin - low) / (high - low)

    parts = []
    places = ticks(low, high, 7)
    for k, (value, text) in enumerate(zip(places, tick_texts(places), strict=True)):
        unit = " K" if k == len(places) - 1 else ""
        parts.append(
            f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP - 6}" y2="{height}"/>'
            f'<text class="tick" x="{x(value):.1f}" y="12" text-anchor="middle">{text}{unit}</text>'
        )
    for k, row in enumerate(shown):
        y = TOP + ROW * k
        worst, best = (f((row.low_k, row.high_k, found.margin_k)) for f in (min, max))
        for name, a, b in (("worse", worst, found.margin_k), ("better", found.margin_k, best)):
            parts.append(
                f'<rect class="{name}" x="{x(a):.1f}" y="{y + 16}" width="{x(b) - x(a):.1f}" height="11">'
                f"<title>{escape(row.label)}: {number(a)} to {number(b)} K</title></rect>"
            )
        parts.append(
            f'<text x="{LEFT}" y="{y + 12}">{k + 1}. {escape(row.label)}, {fixed(row.move_k, 1)} K</text>'
        )
    for name, at in (("zero", 0.0), ("stated", found.margin_k)):
        parts.append(f'<line class="{name}" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP - 6}" y2="{height}"/>')
    head = f'<svg class="bars" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Margin over each range">'
    return f"{head}{''.join(parts)}</svg>"


def _table(shown: tuple[Influence, ...]) -> str:
    head = (
        "Number",
        "Stated",
        "Range",
        "Margin at its ends [K]",
        "Move [K]",
        "Morris [K]",
        "Alone",
        "In all",
    )
    rows = "".join(
        f"<tr><td>{escape(row.label)}{f' and {len(row.keys) - 1} alike' if len(row.keys) > 1 else ''}</td>"
        f"<td>{number(row.value)} {escape('' if row.unit == '1' else row.unit)}</td>"
        f"<td>{number(row.low)} to {number(row.high)}</td><td>{fixed(row.low_k, 1)}, {fixed(row.high_k, 1)}</td>"
        f'<td class="n">{fixed(row.move_k, 1)}</td><td class="n">{fixed(row.elementary_k, 1)}</td>'
        f'<td class="n">{_share(row.first)}</td><td class="n">{_share(row.total)}</td></tr>'
        for row in shown
    )
    cells = "".join(f"<th>{text}</th>" for text in head)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def _share(value: float) -> str:
    return "–" if math.isnan(value) else fixed(value, 2)
