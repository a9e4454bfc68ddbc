"""Figures of docs/weather.md: a day of broken clouds at one minute, and how correlation falls with distance.

``python -m benchmarks.cloud_figures [--folder docs]``.
"""

from __future__ import annotations

import argparse
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from cosim.demand.calendar import Calendar
from cosim.demand.clouds import Places
from cosim.demand.solar import Arrays, Module
from cosim.demand.weather import Weather

INK, BLUE, ORANGE, GREY, GRID = "#333333", "#1f6fb4", "#d9822b", "#999999", "#e5e5e5"
SOURCE, ZONE, SEED, HOMES = "tmy3:greensboro", "America/New_York", 7, 200
DAYS, WIDE_M, LIT_W_M2 = 30, 3000.0, 50.0


def june(clouds: Any = "minute") -> Weather:
    """Thirty days at one minute."""
    return Weather(
        SOURCE, Calendar(datetime(2026, 6, 1), ZONE, 60_000_000, DAYS * 1440), seed=SEED, clouds=clouds
    )


def main() -> None:
    """Draw the figures and print what they show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("docs"))
    folder = parser.parse_args().folder
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "clouds"
    draw = np.random.default_rng(1)
    places = Places(*(draw.uniform(-WIDE_M / 2, WIDE_M / 2, HOMES) for _ in range(2)))
    weather = june()
    seen = weather.clouds(places).block(0, DAYS * 1440)
    lit = weather.block(0, DAYS * 1440).ghi > LIT_W_M2
    ramps = np.diff(seen, axis=1)[:, lit[1:]]
    day = int(np.argmax([part.std() for part in np.split(seen[0], DAYS)]))
    print(f"day {day + 1} of June; ramps of a minute, one home {ramps.std(axis=1).mean():.3f}, ", end="")
    print(f"mean of {HOMES} {ramps.mean(axis=0).std():.3f} of the open sky's beam")
    draw_day(weather, places, day, folder / "weather-day.svg")
    draw_correlation(weather, places, seen, lit, folder / "weather-correlation.svg")


def _axes(plt: Any, count: int, height: float) -> Any:
    figure, axes = plt.subplots(count, 1, figsize=(6.8, height), layout="constrained", squeeze=False)
    for axis in axes[:, 0]:
        axis.grid(True, color=GRID)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes[:, 0]


def draw_day(weather: Weather, places: Places, day: int, path: Path) -> None:
    """Global light at the station, and solar power of one home and of all."""
    from matplotlib import pyplot as plt

    first = day * 1440
    block, smooth = weather.block(first, 1440), june("hourly").block(first, 1440)
    ones = np.ones(HOMES)
    arrays = Arrays(7000.0 * ones, 20.0 * ones, 180.0 * ones, Module(), places=places, weather=weather)
    power_kw = arrays.power_w(first, block) / 1000.0
    hour = (np.arange(1440) + 0.5) / 60.0
    figure, (top, bottom) = _axes(plt, 2, 5.2)
    top.plot(hour, block.ghi, color=BLUE, lw=0.8, label="clouds of minutes")
    top.plot(hour, smooth.ghi, color=ORANGE, lw=1.6, label="hourly")
    top.set_ylabel("global light, W/m²", color=INK)
    bottom.plot(hour, power_kw[0], color=GREY, lw=0.8, label="one home")
    bottom.plot(hour, power_kw.mean(axis=0), color=BLUE, lw=1.4, label=f"mean of {HOMES} homes on 3 km")
    bottom.set_ylabel("solar power, kW", color=INK)
    bottom.set_xlabel("hour of the day", color=INK)
    for axis in (top, bottom):
        axis.set_xlim(5, 21)
        axis.set_ylim(0, None)
        axis.legend(frameon=False, loc="upper left" if axis is top else "upper right")
    figure.savefig(path, metadata={"Date": None})


def draw_correlation(weather: Weather, places: Places, seen: Any, lit: Any, path: Path) -> None:
    """Correlation of changes against distance, beside the two published laws."""
    from matplotlib import pyplot as plt

    first = int(weather.file_us(0, 1)[0] // 86_400_000_000)
    solved = [weather._solved(day) for day in range(first, first + DAYS)]
    speeds = np.array([day.drift.speed_m_s for day in solved if day])
    apart = np.hypot(*(np.subtract.outer(x, x) for x in (places.east_m, places.north_m)))
    edges = np.array([1, 100, 200, 350, 500, 700, 1000, 1400, 1900, 2500, 3200])
    figure, (axis,) = _axes(plt, 1, 3.6)
    for minutes, colour in ((1, ORANGE), (5, BLUE), (15, GREY)):
        ours = np.corrcoef((seen[:, minutes:] - seen[:, :-minutes])[:, lit[minutes:]])
        bins = [(apart >= a) & (apart < b) for a, b in itertools.pairwise(edges)]
        middle = np.array([apart[b].mean() for b in bins])
        passed = middle[:, None] / (speeds * 60.0 * minutes)
        lave, hoff = np.exp(-2.0 * passed).mean(axis=1), (1.0 / (1.0 + passed)).mean(axis=1)
        own = np.array([ours[b].mean() for b in bins])
        axis.plot(middle, own, "o-", color=colour, ms=4, label=f"{minutes} min")
        axis.plot(middle, lave, "--", color=colour, lw=1)
        axis.plot(middle, hoff, ":", color=colour, lw=1)
        for row in (1, 4, 6, 8):
            print(
                f"{minutes} min, {middle[row]:.0f} m: {own[row]:.2f}, Lave {lave[row]:.2f}, Hoff {hoff[row]:.2f}"
            )
    axis.plot([], [], "--", color=INK, lw=1, label="Lave and Kleissl 2013")
    axis.plot([], [], ":", color=INK, lw=1, label="Hoff and Perez 2012")
    axis.set_xlabel("distance between homes, m", color=INK)
    axis.set_ylabel("correlation of changes", color=INK)
    axis.set_ylim(0, 1.02)
    axis.legend(frameon=False, ncols=2)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
