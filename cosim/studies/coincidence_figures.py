"""Tables and figures of docs/diversity.md: ``python -m cosim.studies.coincidence_figures [FOLDER]``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

import numpy as np

from cosim.studies.coincidence import Coincidence, Pickup, coincidence, intervals, pickup, run
from cosim.studies.hot_socket_charts import Axis, Curve, xy_chart
from cosim.studies.street import WithCars, street, typical

HOMES, DRAWS = 400, 200
# Diversity factors over the number of customers as textbooks quote them from Kersting, Distribution System
# Modeling and Analysis, table of chapter 2 (demand of 15 minutes).
QUOTED = {1: 1.0, 5: 2.2, 10: 2.65, 20: 2.9}
# Name: household, first day.
STREETS = {
    "all-electric, January": ("heat-pump", datetime(2026, 1, 10)),
    "heated by gas, January": ("gas-heated", datetime(2026, 1, 10)),
    "as drawn, July": ("", datetime(2026, 7, 10)),
}
# One home of NREL OCHRE beside ours: all-electric with a car, a January week near Denver.
DENVER = ("synthetic:39.74,-105", "America/Denver")
BACK = datetime(2026, 1, 11, 18, 0)


def diversity_chart(title: str, found: Coincidence) -> str:
    """Peak per home over the size of the group: the median, and the middle nine tenths of draws."""
    rows = found.table()
    size = np.array([row["homes"] for row in rows])
    curves = [
        Curve(label, size, np.array([row[key] for row in rows]))
        for label, key in (("95 % of groups", "peak_kw_high"), ("median", "peak_kw"), ("5 %", "peak_kw_low"))
    ]
    top = np.ceil(max(row["peak_kw_high"] for row in rows) / 5.0) * 5.0
    return xy_chart(title, _sizes(size), Axis("kW a home", 0.0, float(top)), curves)


def factor_chart(found: Mapping[str, Coincidence]) -> str:
    """Diversity factors of several streets beside the quoted ones."""
    curves = []
    for name, one in found.items():
        rows = one.table()
        size = np.array([row["homes"] for row in rows])
        curves.append(Curve(name, size, np.array([row["diversity"] for row in rows])))
    quoted = np.array(list(QUOTED.items()), dtype=float).T
    curves.append(Curve("Kersting, as quoted", quoted[0], quoted[1], dots=True))
    title = "Diversity factor, demand of 15 minutes"
    return xy_chart(
        title, _sizes(quoted[0]), Axis("own peaks over group's peak", 0.0, 4.0), curves, key="bottom right"
    )


def _sizes(size: np.ndarray) -> Axis:
    return Axis("homes", 1.0, max(200.0, float(size.max())), log=True)


def pickup_chart(title: str, found: Sequence[Pickup]) -> str:
    """Ratio to the undisturbed load, means of five minutes."""
    curves = []
    for one in found:
        load, base = (intervals(x.sum(axis=0), 5) for x in (one.power_w, one.undisturbed_w))
        curves.append(Curve(f"{one.hours:g} h without", one.minutes[4::5][: len(load)] / 60.0, load / base))
    top = np.ceil(max(np.nanmax(curve.y) for curve in curves) + 0.5)
    hours = float(found[0].minutes[-1] / 60.0)
    return xy_chart(
        title,
        Axis("hours after power returned", 0.0, hours),
        Axis("times the usual load", 0.0, float(top)),
        curves,
    )


def main(folder: Path) -> None:
    """Write the figures into a folder and print the tables."""
    quarter, minute = {}, {}
    for name, (household, first) in STREETS.items():
        drawn = street(HOMES, first, 7, household=household)
        power = run(drawn.demand, drawn.demand.initial(), 0, drawn.steps, HOMES)[0]
        minute[name] = coincidence(power, draws=DRAWS)
        quarter[name] = coincidence(intervals(power, 15), draws=DRAWS)
        one = typical(power)
        print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in one.items()))
        print(
            "| homes | 1 min: kW a home | diversity | 15 min: kW a home | diversity |\n|---|---|---|---|---|"
        )
        for a, b in zip(minute[name].table(), quarter[name].table(), strict=True):
            print(f"| {a['homes']} | " + " | ".join(_cells(row) for row in (a, b)) + " |")
    _denver()
    (folder / "diversity-factors.svg").write_text(factor_chart(quarter) + "\n", encoding="utf-8")
    electric = next(iter(STREETS))
    chart = diversity_chart("All-electric homes in January: peak minute per home", minute[electric])
    (folder / "diversity-peaks.svg").write_text(chart + "\n", encoding="utf-8")
    for name, household in (("all-electric", "heat-pump"), ("as drawn", "")):
        drawn = street(HOMES, BACK, 2, household=household)
        outages = pickup(drawn.demand, HOMES, drawn.step_of(BACK))
        print(f"{name}: {outages[0].undisturbed_w[:, :60].mean() / 1e3:.2f} kW a home undisturbed")
        print("| hours out | highest 5 min | first 15 min | first hour | groups of 50 | settled |")
        print("|---|---|---|---|---|---|")
        for after in outages:
            low, high = after.spread(60.0, 50)
            print(
                f"| {after.hours:g} | {after.highest:.2f} | {after.within(15.0):.2f} | {after.within(60.0):.2f} | "
                f"{low:.2f} to {high:.2f} | {after.settled_minutes:.0f} min |"
            )
        if household:
            chart = pickup_chart("All-electric homes, power back at 18:00", outages)
            (folder / "pickup.svg").write_text(chart + "\n", encoding="utf-8")


def _denver() -> None:
    """Distribution of minutes of all-electric homes with a car, all of them and the well insulated."""
    weather, timezone = DENVER
    first = STREETS["all-electric, January"][1]
    drawn = street(HOMES, first, 7, household="heat-pump", cars=1.0, weather=weather, timezone=timezone)
    power = run(drawn.demand, drawn.demand.initial(), 0, drawn.steps, HOMES)[0]
    demand = cast("WithCars", drawn.demand).homes
    good = np.isin(demand.traits.envelope.astype(str), ("good", "very-good"))
    for name, rows in (("all", power), ("good or better", power[good])):
        one = typical(rows)
        cells = [
            f"{one[f'{key}_kw']:.1f} ({one[f'{key}_kw_low']:.1f} to {one[f'{key}_kw_high']:.1f})"
            for key in ("mean", "p99", "highest")
        ]
        print(f"| {len(rows)} homes, {name} | " + " | ".join(cells) + " |")


def _cells(row: Mapping[str, float]) -> str:
    return (
        f"{row['peak_kw']:.1f} ({row['peak_kw_low']:.1f} to {row['peak_kw_high']:.1f}) | "
        f"{row['diversity']:.2f} ({row['diversity_low']:.2f} to {row['diversity_high']:.2f})"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
