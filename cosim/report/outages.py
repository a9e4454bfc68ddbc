"""Who was out when: the picture, and the tables beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.report.charts import Series
from cosim.report.formatting import counted, moment, number, span
from cosim.report.outage_energy import backfeed_spells, own_energy, section_islands, short_circuits
from cosim.report.tables import Column, Table, numbers, words
from cosim.results.grid_heat_findings import NORMAL_C
from cosim.results.outage_layout import INTERRUPTIONS

if TYPE_CHECKING:
    from cosim.results import Results

MOST_ROWS, MOST_HOMES = 30, 12
CREW_BEGINS, CREW_ENDS = "crew_leaves", "crew_done"
_LASTING = next(v.flags for v in INTERRUPTIONS.variables if v.name == "lasting")
_LINES = (
    ("without_grid", "without the grid"),
    ("without_power", "without power"),
    ("on_own", "on their own power"),
)
_ORDER = ("curves cross", "blind", "duty", "count", "saving fails", "inrush", "margin")
_SERIOUS = _ORDER[:4]

Float = NDArray[np.float64]


def outage_lines(results: Results, end_s: float) -> tuple[list[Series], list[Series]]:
    """Homes out over time, and crews at work, as staircases until `end_s` [s since the start]; empty if none were."""
    names = results.studies_of("out_over_time")
    if not names:
        return [], []
    start = np.datetime64(results.info.start, "us")
    over = results.study(names[0])
    time_s = _seconds(over["time"].to_numpy(), start)
    homes = [_stairs(label, time_s, over[name].to_numpy(), end_s) for name, label in _LINES]
    kept = [line for line in homes if line.values.any()]
    if len(kept) > 1 and np.array_equal(kept[0].values, kept[1].values):
        kept[:2] = [Series("without the grid and power", kept[0].time_s, kept[0].values)]
    events = results.events
    moves = events[events["kind"].isin((CREW_BEGINS, CREW_ENDS))]
    if not len(moves):
        return kept, []
    by = np.where(moves["kind"] == CREW_BEGINS, 1, -1)
    return kept, [_stairs("crews out", _seconds(moves["time"].to_numpy(), start), np.cumsum(by), end_s)]


def _seconds(times: NDArray[np.datetime64], start: np.datetime64) -> Float:
    return np.asarray((times.astype("datetime64[us]") - start) / np.timedelta64(1, "s"), float)


def _stairs(label: str, time_s: Float, values: NDArray[np.int64], end_s: float) -> Series:
    """Nobody until the first change, each count until the next."""
    starts, held = np.r_[0.0, time_s], np.r_[0.0, values.astype(float)]
    ends = np.r_[starts[1:], max(end_s, starts[-1])]
    return Series(label, np.column_stack([starts, ends]).ravel(), np.repeat(held, 2))


def outage_tables(results: Results) -> Iterator[Table]:
    """Coordination of the devices; interruptions by cause, and the homes that were out longest, if anybody was."""
    for name in results.studies_of("coordination"):
        yield _coordination(results, name)
    if results.studies_of("interruptions"):
        yield _causes(results)
        for name in results.studies_of("returns"):
            yield _returns(results, name)
            yield _temperatures(results, name)
        yield _homes(results)
    for make in (own_energy, section_islands, backfeed_spells, short_circuits):
        yield from make(results)


def _coordination(results: Results, name: str) -> Table:
    """Findings of one kind at devices of one kind, together: how many, and the one of most current."""
    study = {key: column.to_numpy() for key, column in results.study(name).items()}
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, (kind, device, backup) in enumerate(
        zip(*(study[key].astype(str) for key in ("kind", "device", "backup")), strict=True)
    ):
        groups.setdefault((kind, device.partition(":")[0], backup.partition(":")[0]), []).append(row)
    kinds = sorted(groups, key=lambda key: (_ORDER.index(key[0]), key[1:]))
    first = [max(groups[key], key=lambda row: (study["worst_a"][row], -row)) for key in kinds]
    return Table(
        "Coordination of protective devices",
        "Faults at the beginning and the ends of each device's zone, bolted and through 20 ohm, against its curve and "
        "that of the next upstream. One of each is shown; the result file has them all.",
        (
            words("What", [key[0] for key in kinds], [key[0] in _SERIOUS for key in kinds]),
            words("Devices", [key[1] for key in kinds]),
            words("Next upstream", [key[2] for key in kinds]),
            numbers("Found", "", [len(groups[key]) for key in kinds]),
            words("For example", [study["device"][row] for row in first]),
            words("At", [study["place"][row] for row in first]),
            numbers("Current", "A", [study["worst_a"][row] for row in first]),
            words("What would be right", [study["right"][row] for row in first], prose=True),
        ),
        "Nothing stands against the settings.",
    )


def _causes(results: Results) -> Table:
    each = results.study(results.studies_of("interruptions")[0])
    cause, began, ended = (each[name].to_numpy() for name in ("cause", "began", "ended"))
    lasting, duration_s = each["lasting"].to_numpy(), each["duration_s"].to_numpy()
    index = results.study(results.studies_of("reliability")[0])
    events = results.events
    keys = sorted({(began[k], int(cause[k])) for k in range(len(cause))})
    rows = [np.flatnonzero((began == time) & (cause == order)) for time, order in keys]
    shown = sorted(range(len(rows)), key=lambda k: -float(duration_s[rows[k]].sum()))[:MOST_ROWS]
    shown.sort()

    def told(order: int) -> str:
        if order < 0:
            return "no switch opened then"
        return f"{str(events.loc[order, 'kind']).replace('_', ' ')} {events.loc[order, 'subject']}"

    value = {
        name: float(index[name][0]) for name in ("saifi", "saidi_min", "caidi_min", "maifi", "availability")
    }
    caidi = f"CAIDI {number(value['caidi_min'])} min, " if np.isfinite(value["caidi_min"]) else ""
    note = (
        f"Of this run alone, by IEEE 1366: SAIFI {number(value['saifi'])}, SAIDI {number(value['saidi_min'])} min, "
        f"{caidi}MAIFI {number(value['maifi'])}; the grid was there for {100.0 * value['availability']:.4g} % of "
        f"home-hours. {counted(len(rows), 'occurrence')}"
        + (f", the {MOST_ROWS} with most home-minutes." if len(rows) > MOST_ROWS else ".")
    )
    return Table(
        "Interruptions",
        note,
        (
            words("Began", [moment(keys[k][0], seconds=True) for k in shown]),
            words("What opened", [told(keys[k][1]) for k in shown]),
            numbers("Homes", "", [float(len(rows[k])) for k in shown]),
            words("Last home back", [moment(ended[rows[k]].max(), seconds=True) for k in shown]),
            words("Longest", [span(float(duration_s[rows[k]].max())) for k in shown]),
            numbers("Home-minutes", "min", [round(float(duration_s[rows[k]].sum()) / 60.0) for k in shown]),
            words("By IEEE 1366", [_LASTING[int(lasting[rows[k]].max())] for k in shown]),
        ),
    )


def _returns(results: Results, name: str) -> Table:
    study = {key: column.to_numpy() for key, column in results.study(name).items()}
    rows = np.sort(np.argsort(-study["homes"], kind="stable")[:MOST_ROWS])
    before_kw, peak_kw = study["before_kw"][rows], study["peak_kw"][rows]
    return Table(
        "Returns",
        "Homes that came back at one instant after more than five minutes, and what they drew together within the hour "
        "after that: houses and tanks have grown hot or cold, cars have waited, solar comes back later. Transformers' "
        "magnetising current, up to 12 times their rating for a tenth of a second, comes on top."
        + (
            f" The {MOST_ROWS} with most homes of {len(study['homes'])}."
            if len(study["homes"]) > MOST_ROWS
            else ""
        ),
        (
            words("Back", [moment(study["time"][row], seconds=True) for row in rows]),
            numbers("Homes", "", study["homes"][rows].astype(float)),
            words("Longest out", [span(float(study["out_s"][row])) for row in rows]),
            numbers("Before", "kW", before_kw),
            numbers("First step", "kW", study["first_kw"][rows]),
            numbers("Peak", "kW", peak_kw),
            numbers(
                "Over before",
                "times",
                np.where(before_kw > 0.0, peak_kw / np.maximum(before_kw, 1e-9), np.nan),
            ),
            words("At", [moment(study["peak_time"][row]) for row in rows]),
            numbers("Their transformers", "kVA", study["transformers_kva"][rows]),
        ),
    )


def _temperatures(results: Results, name: str) -> Table:
    study = {str(key): column.to_numpy() for key, column in results.study(name).items()}
    rows = np.sort(np.argsort(-study["homes"], kind="stable")[:MOST_ROWS])
    return Table(
        "Temperatures through the returns",
        "Of the transformers that feed the homes of each return, the one whose hot spot rose highest within the hour "
        "after, and the hottest part of any of their adapters: after the first step, and at most.",
        (
            words("Back", [moment(study["time"][row], seconds=True) for row in rows]),
            numbers("Homes", "", study["homes"][rows].astype(float)),
            words("Transformer", study["unit"][rows].tolist()),
            numbers("Hot spot at first", "°C", study["unit_first_c"][rows]),
            numbers("At most", "°C", study["unit_c"][rows], study["unit_c"][rows] > NORMAL_C),
            *_adapters(study, rows),
        ),
    )


def _adapters(study: dict[str, Any], rows: NDArray[np.int64]) -> Iterator[Column]:
    """Hottest adapter of each return, if any home has one."""
    if np.isfinite(study["adapter_c"]).any():
        yield words("Hottest adapter at", study["adapter"][rows].tolist())
        yield numbers("Part at first", "°C", study["adapter_first_c"][rows])
        yield numbers("Part at most", "°C", study["adapter_c"][rows])


def _homes(results: Results) -> Table:
    study = results.study(results.studies_of("outage_homes")[0])
    columns = {name: study[name].to_numpy() for name in study.data_vars}
    rows = np.lexsort((-columns["without_grid_s"], -columns["without_power_s"]))[:MOST_HOMES]
    return Table(
        "Homes through the outages",
        f"{counted(len(columns['home']), 'home')} lost the grid or power, longest without power first. What was not "
        "served is an estimate from each home's mean while the grid was there.",
        (
            words("Home", columns["home"][rows].tolist()),
            numbers("Without grid", "h", columns["without_grid_s"][rows] / 3600.0),
            numbers("Without power", "h", columns["without_power_s"][rows] / 3600.0),
            numbers("On its own", "h", columns["on_own_s"][rows] / 3600.0),
            numbers("Times on its own", "", columns["transfers"][rows].astype(float)),
            numbers("Taken on its own", "kWh", columns["own_kwh"][rows]),
            numbers("Left off then", "kWh", columns["left_off_kwh"][rows]),
            numbers("Not served", "kWh", columns["unserved_kwh"][rows]),
        ),
    )
