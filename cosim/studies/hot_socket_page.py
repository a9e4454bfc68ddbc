"""The result of a hot-socket study as one HTML page: answer, published counts, what it hangs on."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from cosim.studies.hot_socket import PUBLISHED, HotSockets
from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{padding:.3rem .6rem;border-bottom:1px solid #ddd;"
    "text-align:right}th:first-child,td:first-child,td.text{text-align:left}svg{width:100%;height:auto}"
)


def page(result: HotSockets) -> str:
    """One self-contained page."""
    r = result
    changed = (
        f", meters changed after {', '.join(f'{y:g}' for y in r.insertion_y)} years" if r.insertion_y else ""
    )
    body = [
        f"<h1>Hot sockets: {escape(r.adapter)}</h1>",
        f"<p>{r.homes:,} homes with {r.jaws_per_home} ageing contacts each over {r.years:g} years{changed}; "
        f"seed {r.seed}. A home gets a poor jaw with a chance of {r.poor_chance:.2g}. Jaws stand above the hot "
        f"temperature for {r.hot_hours:.2g} hours a meter-year.</p>",
        "<h2>Answer</h2><p>Sampling error: one standard error of the central values. The percentiles come from "
        f"{r.draws} draws of all estimates over their stated ranges.</p>",
        _table(
            ("per million", "central", "sampling error", "5 %", "median", "95 %"),
            [(row[0], *map(_number, row[1:])) for row in r.table()],
        ),
        "<h2>Published counts</h2><p>They stand beside the result; none was used to set a number.</p>",
        _table(
            ("what", "of", "low", "high", "source"),
            [(what, of, _number(low), _number(high), source) for what, of, low, high, source in PUBLISHED],
        ),
        "<h2>Survival</h2>",
        _survival(r),
    ]
    if r.influence:
        body += [
            "<h2>What it hangs on</h2><p>Rank correlation of each estimate with the rate of glowing jaws over the "
            "draws; below about "
            f"{1.96 / math.sqrt(max(r.draws - 1, 1)):.2f} it is not told from chance.</p>",
            _table(
                ("estimate", "low", "central", "high", "correlation"),
                [
                    (i.key, *map(_number, (i.low, i.value, i.high)), f"{i.correlation:+.2f}")
                    for i in r.influence[:12]
                ],
            ),
        ]
    title = f"Hot sockets: {escape(r.adapter)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style>{''.join(body)}</html>"
    )


def _survival(r: HotSockets) -> str:
    """Homes without a glowing jaw over time, of those with a poor jaw; of all they are too close to 1 to draw."""
    curve = Curve("homes with a poor jaw", r.survival_y, np.asarray(r.survival[1]))
    top = Axis("share without a glowing jaw", 0.0, 1.0)
    return xy_chart("Homes without a glowing jaw", Axis("years", 0.0, float(r.survival_y[-1])), top, [curve])


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"
