"""The tables of the page: the hottest adapters, fault currents, transformers, what flows back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.report.figures import LIMITS, PARTS, Figures, worst_rows
from cosim.report.formatting import MISSING, aligned, moment
from cosim.results.grid_heat_findings import NORMAL_C
from cosim.results.layout import BREAKER_ONLY, OVER, UNKNOWN, WITHIN
from cosim.results.summary import NOTICED_W

if TYPE_CHECKING:
    from cosim.results import Results

MOST_ROWS = 12
MOST_EVENTS = 200
SHORT = 14  # characters
_VERDICTS = {
    WITHIN: "within",
    OVER: "over",
    UNKNOWN: "no rating known",
    BREAKER_ONLY: "within the breaker’s",
}


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `over` marks a figure beyond its limit."""

    text: str
    over: bool = False


@dataclass(frozen=True)
class Column:
    """A column: heading, unit, cells; words stand left, numbers right, and prose may take several lines."""

    head: str
    unit: str
    cells: tuple[Cell, ...]
    words: bool = False
    prose: bool = False

    @property
    def style(self) -> str:
        """Classes of its cells in the page's style sheet."""
        if not self.words:
            return "n"
        # An id stays on one line even where the screen is narrow.
        short = all(len(cell.text) <= SHORT for cell in self.cells)
        return "prose" if self.prose else "short" if short else ""


@dataclass(frozen=True)
class Table:
    """A section with a table; `nothing` is said if it has no row, `charts` are figures below it."""

    title: str
    note: str
    columns: tuple[Column, ...]
    nothing: str = "None."
    charts: str = ""

    @property
    def rows(self) -> list[tuple[Cell, ...]]:
        """Cells row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


def words(
    head: str, texts: Sequence[Any], over: Sequence[bool] | None = None, *, prose: bool = False
) -> Column:
    """A column of words; an empty one is a dash."""
    marks = over if over is not None else [False] * len(texts)
    cells = tuple(Cell(str(t) or MISSING, bool(o)) for t, o in zip(texts, marks, strict=True))
    return Column(head, "", cells, words=True, prose=prose)


def numbers(head: str, unit: str, values: Any, over: Any = None) -> Column:
    """A column of numbers with the same decimals; `over` marks those beyond a limit."""
    marks = np.zeros(len(values), bool) if over is None else np.asarray(over)
    cells = tuple(Cell(t, bool(o)) for t, o in zip(aligned(values), marks, strict=True))
    return Column(head, unit, cells)


def tables(found: Figures) -> Iterator[Table]:
    """Every table about homes and transformers."""
    yield _hottest(found)
    yield _faults(found)
    yield _transformers(found)
    yield _back(found)


def groups(found: Figures) -> Table:
    """Who lives on the feeder: the groups of the scenario."""
    members = [(str(name) or "others", rows) for name, rows in found.homes.groupby("group", sort=False)]
    members.sort(key=lambda item: item[0] == "others")
    adapters = [", ".join(sorted({str(a) for a in rows["adapter"]} - {""})) for _, rows in members]

    def having(column: str) -> Column:
        counts = [int((rows[column] > 0).sum()) for _, rows in members]
        return Column(f"With {column.removesuffix('_kw').replace('pv', 'solar').replace('ev', 'EV')}", "",
                      tuple(Cell(f"{count:,}" if count else MISSING) for count in counts))  # fmt: skip

    return Table(
        "",
        "",
        (
            words("Group", [name for name, _ in members]),
            numbers("Homes", "", [len(rows) for _, rows in members]),
            words("Adapter", adapters),
            having("pv_kw"),
            having("battery_kw"),
            having("ev_kw"),
        ),
    )


def _hottest(found: Figures) -> Table:
    margin = found.smallest["heat_margin_k"]
    rows = worst_rows(margin, MOST_ROWS, low=True)
    left = found.smallest["material_margin_k"][rows]
    hottest = found.largest["adapter_temperature_c"][rows]
    rises = (
        numbers(label, "K", found.largest[part][rows], found.largest[part][rows] > LIMITS[part])
        for part, label in PARTS.items()
    )
    return Table(
        "Hottest adapters",
        "Largest rise over local air of each kind of part, as current alone causes it. UL 414 allows "
        "65 K for jaws and bus bars, 60 K for factory and 55 K for field terminals; the margin is the "
        "smallest of what is left. The hottest part is under sun and wind, and what is left of it the least "
        "of any part to the limit of its own material.",
        (
            words("Home", [found.name(row) for row in rows]),
            words("Adapter", [found.adapter[row] for row in rows]),
            *rises,
            numbers("Margin", "K", margin[rows], margin[rows] < 0),
            numbers("Hottest part", "°C", hottest, left < 0),
            numbers("Left to its material", "K", left, left < 0),
            numbers("Service", "A", found.largest["service_current_a"][rows], found.service_share[rows] > 1),
        ),
        "No home of this run has an adapter.",
    )


def _faults(found: Figures) -> Table:
    title = "Fault current at the sockets"
    if not found.fault:
        return Table(title, "", (), "Not studied: the scenario asks for no fault-duty study.")
    note = (
        "Largest bolted fault currents of all studies, symmetrical r.m.s., loads off; the verdict "
        "compares the largest "
        "with the smaller of the two ratings. A dash is a rating that no public source states: where "
        "only the breaker's is "
        "known, nothing is said of the adapter."
    )
    if np.isfinite(np.asarray(found.fault["own_a"], float)).any():
        note += (
            " With sources: solar, batteries and generators behind the same transformer added, which "
            "the verdict counts."
        )
    rows = worst_rows(np.asarray(found.fault["current_a"], float), MOST_ROWS)
    picked = {key: np.asarray(v, float)[rows] for key, v in found.fault.items() if key != "hottest_part"}
    verdicts = [int(v) for v in picked["verdict"]]
    return Table(
        title,
        note,
        (
            words("Home", [found.name(row) for row in rows]),
            words("Adapter", [found.adapter[row] for row in rows]),
            numbers("L1\u2060–\u2060N", "kA", picked["i_l1n_a"] / 1e3),
            numbers("L2\u2060–\u2060N", "kA", picked["i_l2n_a"] / 1e3),
            numbers("L1\u2060–\u2060L2", "kA", picked["i_l1l2_a"] / 1e3),
            numbers("X/R", "L1\u2060–\u2060L2", picked["x_over_r_l1l2"]),
            numbers("First peak", "kA", picked["peak_a"] / 1e3),
            *(
                [numbers("With sources", "kA", picked["current_a"] / 1e3)]
                if np.isfinite(picked["own_a"]).any()
                else []
            ),
            numbers("Adapter rated", "kA", picked["adapter_rating_a"] / 1e3),
            numbers("Breaker rated", "kA", picked["breaker_rating_a"] / 1e3),
            words("Verdict", [_VERDICTS[v] for v in verdicts], [v == OVER for v in verdicts]),
        ),
        "Every socket was dead when the study was made.",
    )


def _transformers(found: Figures) -> Table:
    rows = worst_rows(found.loading_pu, MOST_ROWS)
    homes = np.bincount(
        np.maximum(found.homes["transformer_row"].to_numpy(int), -1) + 1, minlength=len(found.loading_pu) + 1
    )[1:]
    loading = found.loading_pu[rows]
    back = found.transformer_back_w[rows]
    unknown = np.full(len(found.loading_pu), np.nan)
    hot = found.unit_largest.get("hot_spot_c", unknown)[rows]
    life = 1e6 * found.unit_largest.get("loss_of_life_pu", unknown)[rows]
    return Table(
        "Fullest service transformers",
        "Largest apparent power over the nameplate; hours above it age a transformer, minutes do not. Hot spot and "
        "share of 180,000 h at 110 °C that the run used, by IEEE C57.91.",
        (
            words("Transformer", [str(found.transformers.index[row]) for row in rows]),
            numbers("Rated", "kVA", found.transformers["rated_kva"].to_numpy(float)[rows]),
            numbers("Homes", "", homes[rows]),
            numbers("Largest load", "%", 100 * loading, loading > 1),
            numbers("Hot spot", "°C", hot, hot > NORMAL_C),
            numbers("Life used", "ppm", life),
            numbers("Largest back", "kW", np.where(back >= NOTICED_W, back / 1e3, np.nan)),
        ),
        "The loading of no service transformer is known.",
    )


def _back(found: Figures) -> Table:
    sent = np.where(found.back_w >= NOTICED_W, found.back_wh, np.nan)
    rows = worst_rows(sent, MOST_ROWS)
    return Table(
        "What flows back",
        "Homes that sent most energy towards the grid.",
        (
            words("Home", [found.name(row) for row in rows]),
            words("Adapter", [found.adapter[row] for row in rows]),
            numbers("Solar", "kW", found.column("pv_kw")[rows]),
            numbers("Largest back", "kW", found.back_w[rows] / 1e3),
            numbers("Energy back", "kWh", found.back_wh[rows] / 1e3),
        ),
        "No home sent power to the grid.",
    )


def event_log(results: Results) -> Table:
    """The first events; the note says how many the page leaves out."""
    log = results.events
    shown = log.head(MOST_EVENTS)
    causes = ["" if cause < 0 else f"# {cause}" for cause in shown["cause"]]
    note = f"The first {len(shown):,} of {len(log):,} events; the result file holds them all."
    return Table(
        "Event log",
        note if len(log) > len(shown) else "",
        (
            words("#", list(shown.index)),
            words("When", [moment(time, seconds=True) for time in shown["time"].to_numpy()]),
            words("What", [str(kind).replace("_", " ") for kind in shown["kind"]]),
            words("To what", list(shown["subject"])),
            words("Particulars", list(shown["detail"]), prose=True),
            words("Because of", causes),
        ),
        "Nothing happened but the passing of time.",
    )
