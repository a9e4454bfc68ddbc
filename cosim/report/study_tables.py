"""Tables and charts of what a scenario asked beside the time series; nothing for what it did not ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cosim.report.charts import decay_chart
from cosim.report.figures import worst_rows
from cosim.report.formatting import MISSING, counted, moment, number, span
from cosim.report.site_tables import aged_jaws, placement, site_rules
from cosim.report.tables import MOST_ROWS, Cell, Column, Table, numbers, words
from cosim.results.findings import REJECTION_NOTICED_PU
from cosim.results.layout import ANSI_HIGH_PU
from cosim.results.summary import NOTICED_W

if TYPE_CHECKING:
    import xarray as xr

    from cosim.results import Results

MOST_SOCKETS = 2  # whose sources are listed one by one
NOTICED_PU = 1.0


def study_tables(results: Results) -> Iterator[Table]:
    """Every section, in the order of the page."""
    for make in (
        _inverters,
        _clearing,
        _devices,
        _parts,
        _sources,
        _bus_faults,
        _backfeed,
        _phases,
        _overvoltage,
        site_rules,
        placement,
        aged_jaws,
    ):
        yield from make(results)


def _inverters(results: Results) -> Iterator[Table]:
    table = results.inverters
    if not len(table):
        return
    held, absorbed = table["curtailed_wh"].to_numpy(), table["absorbed_varh"].to_numpy()
    rows = sorted(range(len(table)), key=lambda row: (-held[row], -absorbed[row]))[:MOST_ROWS]
    picked = table.iloc[rows]
    could = picked["given_wh"] + picked["curtailed_wh"]
    share = 100.0 * (picked["curtailed_wh"] / could.where(could > 0.0)).to_numpy()
    effect: list[Any] = []
    for name in results.studies_of("inverter_effect"):
        study = results.study(name)
        place = results.homes.index.get_indexer(pd.Index(picked["home"]))
        with_, without = (study[key].to_numpy()[place] for key in ("high_pu", "high_without_pu"))
        effect = [
            _per_unit("At most sun", with_, with_ > ANSI_HIGH_PU),
            _per_unit("Without functions", without, without > ANSI_HIGH_PU),
        ]
    yield Table(
        "Inverters that act on the voltage",
        "Those that held back most solar energy, then those that absorbed most. Voltages are of the "
        "higher leg, in the step "
        "with most sun, solved once with the functions and once at unity power factor without a limit.",
        (
            words("Home", list(picked["home"])),
            words("Serves", list(picked["serves"])),
            words("Functions", list(picked["functions"]), prose=True),
            numbers("Rated", "kVA", picked["rated_va"].to_numpy() / 1e3),
            numbers("Given", "kWh", picked["given_wh"].to_numpy() / 1e3),
            numbers("Held back", "kWh", _some(picked["curtailed_wh"].to_numpy() / 1e3)),
            numbers("Held back", "%", _some(share)),
            numbers("Absorbed", "kvarh", picked["absorbed_varh"].to_numpy() / 1e3),
            numbers("Injected", "kvarh", _some(picked["injected_varh"].to_numpy() / 1e3)),
            *effect,
        ),
    )


def _clearing(results: Results) -> Iterator[Table]:
    if not results.studies_of("fault_devices"):
        return
    duty = results.study(results.studies_of("fault_duty")[-1])
    i2t = duty["i2t_a2s"].to_numpy()
    rows = worst_rows(np.where(np.isfinite(i2t), i2t, np.nan), MOST_ROWS)
    least, cleared = duty["minimum_a"].to_numpy()[rows], duty["minimum_clearing_s"].to_numpy()[rows]
    fused = duty["minimum_fuse_clearing_s"].to_numpy()[rows]
    small: list[Any] = []
    if np.isfinite(duty["minimum_a"].to_numpy()).any():
        small = [
            numbers("Smallest fault", "A", least),
            words("Breaker clears it in", [_after(s) for s in cleared], np.isinf(cleared)),
            words("Fuse clears it in", [_after(s) for s in fused], np.isinf(cleared) & np.isinf(fused)),
        ]
    yield Table(
        "How faults end",
        "The largest fault at each socket with every source added, cleared by the main breaker where "
        "it lies behind it and by "
        "the transformer's fuse where it lies before. Breakers start cold and limit nothing, so I²t "
        "and peak are upper bounds; "
        "the fuse is assumed (a K link of 2.5 times rated current). Rises are adiabatic, from 40 °C.",
        (
            words("Home", [str(duty["home"].to_numpy()[row]) for row in rows]),
            numbers("Fault", "kA", duty["bound_a"].to_numpy()[rows] / 1e3),
            words("Breaker clears in", [_after(s) for s in duty["clearing_s"].to_numpy()[rows]]),
            numbers("I²t", "MA²s", i2t[rows] / 1e6),
            numbers("Peak", "kA", duty["let_through_peak_a"].to_numpy()[rows] / 1e3),
            words("Hottest part", [str(p).replace("_", " ") for p in duty["hottest_part"].to_numpy()[rows]]),
            numbers("Its rise", "K", duty["hottest_rise_k"].to_numpy()[rows]),
            words("Fuse clears in", [_after(s) for s in duty["fuse_clearing_s"].to_numpy()[rows]]),
            *small,
        ),
        "Every socket was dead when the study was made.",
    )


def _devices(results: Results) -> Iterator[Table]:
    names = results.studies_of("fault_devices")
    if not names:
        return
    study = results.study(names[-1]).to_dataframe()
    ranked = []
    for device, rows in study.groupby("device", sort=False):
        worst = rows.loc[rows["fault_a"].idxmax()]
        counts = rows["verdict"].value_counts()
        said = ", ".join(f"{verdict} at {count:,}" for verdict, count in counts.items())
        limit = worst["effective_a"]
        rank = worst["fault_a"] / limit if limit > 0.0 else -1.0
        ranked.append((rank, str(device), len(rows), worst, said, "over" in counts))
    ranked.sort(key=lambda item: -item[0])
    yield Table(
        "Is each device up to it?",
        "Every breaker and every rated part of the adapters, against the largest fault at its socket "
        "with every source added. "
        "A dash is a rating that no public source states: such a part is not judged, whatever the "
        "others say.",
        (
            words("Device", [device for _, device, *_ in ranked], prose=True),
            numbers("Sockets", "", [count for _, _, count, *_ in ranked]),
            numbers("Largest fault", "kA", [row["fault_a"] / 1e3 for *_, row, _, _ in ranked]),
            words("At", [str(row["home"]) for *_, row, _, _ in ranked]),
            numbers("Rated", "kA", [row["rating_a"] / 1e3 for *_, row, _, _ in ranked]),
            words("Verdict", [said for *_, said, _ in ranked], [over for *_, over in ranked], prose=True),
        ),
        "Every socket was dead when the study was made.",
    )


def _parts(results: Results) -> Iterator[Table]:
    names = results.studies_of("fault_parts")
    if not names:
        return
    study = results.study(names[-1]).to_dataframe()
    rows = worst_rows(study["rise_k"].to_numpy(), MOST_ROWS)
    study = study.iloc[rows]
    yield Table(
        "Metal in the way of a fault",
        "Adiabatic rise of the parts that carry it, at the socket of each kind of adapter where the "
        "main breaker lets most through.",
        (
            words("Adapter", list(study["adapter"])),
            words("Part", [str(part).replace("_", " ") for part in study["part"]]),
            words("Role", [str(role).replace("_", " ") for role in study["role"]]),
            words("Material", list(study["material"])),
            numbers("Section", "mm²", study["section_mm2"].to_numpy()),
            numbers("Rise", "K", study["rise_k"].to_numpy()),
            words("Section is", list(study["confidence"])),
        ),
        "No adapter carries a fault that its main breaker clears.",
    )


def _sources(results: Results) -> Iterator[Table]:
    names = results.studies_of("fault_sources")
    if not names:
        return
    study = results.study(names[-1]).to_dataframe()
    totals = study.groupby("home", sort=False)["adds_a"].sum().sort_values(ascending=False, kind="stable")
    shown = study[study["home"].isin(totals.index[:MOST_SOCKETS])]
    place = {home: k for k, home in enumerate(totals.index)}
    shown = shown.iloc[np.argsort([place[home] for home in shown["home"]], kind="stable")]
    neighbours = [
        "" if not at else "own" if at == home else str(at)
        for home, at in zip(shown["home"], shown["at"], strict=True)
    ]
    yield Table(
        "What feeds a fault",
        "Source by source for a leg-to-leg fault at the "
        f"{counted(min(MOST_SOCKETS, len(totals)), 'socket')} with most current; the "
        "result file lists every socket. Inverters and batteries give a limited current for a "
        "limited time; devices behind the "
        "same transformer count, in proportion to the impedances between.",
        (
            words("Fault at", list(shown["home"])),
            words("Source", list(shown["source"])),
            words("Entry", list(shown["entry"])),
            words("Whose", neighbours),
            numbers("Gives at most", "A", shown["limit_a"].to_numpy()),
            numbers("Adds", "A", shown["adds_a"].to_numpy()),
            words("For", [_after(s, "as long as it lasts") for s in shown["seconds"]]),
        ),
        "No socket is fed.",
    )


def _bus_faults(results: Results) -> Iterator[Table]:
    names = results.studies_of("bus_faults")
    if not names:
        return
    study = results.study(names[-1]).to_dataframe()
    ends = []
    for kind, rows in study.groupby("kind", sort=False):
        ends.append(
            (
                str(kind),
                rows["bus"].nunique(),
                rows.loc[rows["symmetrical_a"].idxmax()],
                rows.loc[rows["symmetrical_a"].idxmin()],
            )
        )
    least = [last["minimum_a"] / 1e3 for *_, last in ends]
    through = [numbers("Through resistance", "kA", least)] if np.isfinite(least).any() else []
    yield Table(
        "Faults on the feeder",
        "Bolted, loads off, by kind: where the current is largest and where it is smallest. "
        "Secondaries count as buses.",
        (
            words("Kind", [kind for kind, *_ in ends]),
            numbers("Buses", "", [count for _, count, *_ in ends]),
            numbers("Largest", "kA", [first["symmetrical_a"] / 1e3 for *_, first, _ in ends]),
            words("At bus", [str(first["bus"]) for *_, first, _ in ends]),
            numbers("X/R", "", [first["x_over_r"] for *_, first, _ in ends]),
            numbers("First cycle", "kA r.m.s.", [first["asymmetrical_a"] / 1e3 for *_, first, _ in ends]),
            numbers("Peak", "kA", [first["peak_a"] / 1e3 for *_, first, _ in ends]),
            numbers("Smallest", "kA", [last["symmetrical_a"] / 1e3 for *_, last in ends]),
            words("At bus", [str(last["bus"]) for *_, last in ends]),
            *through,
        ),
        "No bus can have a fault of these kinds.",
    )


def _backfeed(results: Results) -> Iterator[Table]:
    for name in results.studies_of("backfeed_hazard"):
        study = results.study(name).to_dataframe()
        decay = results.study(name.replace("backfeed_hazard", "backfeed_decay", 1))
        rows = worst_rows(study["contact_a"].to_numpy(), MOST_ROWS)
        study = study.iloc[rows]
        bad = study["hazard"].isin(("lethal", "cannot let go")).to_numpy()
        yield Table(
            "Sources that nothing isolates",
            "The utility is gone and the home's source stands on the feeder: what is alive, what a "
            "body draws that touches the "
            "primary conductor, and what ends it. Dangerous means more than 10 mA (some cannot let "
            "go) or 100 mA (lethal), "
            "IEC 60479-1.",
            (
                words("Home", list(study["home"])),
                words("Source", list(study["source"])),
                words("Adapter", list(study["adapter"])),
                words("Touching it is", list(study["hazard"]), bad.tolist()),
                numbers("Body draws", "A", study["contact_a"].to_numpy()),
                numbers("After 10 s", "A", study["late_contact_a"].to_numpy()),
                words("Worst at", list(study["contact_node"])),
                numbers("Primary", "V", study["primary_v"].to_numpy()),
                numbers("Conductors alive", "", study["energised_nodes"].to_numpy()),
                numbers("Other homes alive", "", study["energised_homes"].to_numpy()),
                numbers("Source gives", "A", study["source_a"].to_numpy()),
                words(
                    "Ended by",
                    [_ended(*ends) for ends in zip(study["breaker_s"], study["fuse_s"], strict=True)],
                ),
            ),
            "No home was studied.",
            _decay(decay, list(study["home"])),
        )


def _decay(study: xr.Dataset, homes: list[str]) -> str:
    """Charts of the worst homes' contact current and primary voltage over time."""
    table = study.to_dataframe()
    kept = [(home, table[table["home"] == home]) for home in homes[:3]]
    lines = [(home, rows["seconds"].to_numpy(), rows) for home, rows in kept if len(rows)]
    return "".join(
        decay_chart([(home, t, rows[key].to_numpy()) for home, t, rows in lines], title=title, unit=unit)
        for key, title, unit in (
            ("contact_a", "Current through a body as the source decays", "A"),
            ("primary_v", "Voltage on the primary as the source decays", "V"),
        )
        if lines
    )


def _phases(results: Results) -> Iterator[Table]:
    back = results.backfeed()
    peak = back["phase_peak_w"].to_numpy()
    if peak.max(initial=0.0) < NOTICED_W:
        return
    yield Table(
        "What flows back at the head, by phase",
        "One phase may feed backwards while the others draw.",
        (
            words("Phase", [str(phase) for phase in back["phase"].to_numpy()]),
            numbers("Largest back", "kW", peak / 1e3),
            words("When", [moment(time) for time in back["phase_time_of_peak"].to_numpy()]),
            numbers("Energy back", "kWh", back["phase_energy_wh"].to_numpy() / 1e3),
        ),
    )


def _overvoltage(results: Results) -> Iterator[Table]:
    envelope = results.envelope("rejection_pu")
    if not envelope.sizes["interval"]:
        return
    stored = envelope.sel(statistic="max").to_numpy().astype(float)
    largest = np.fmax.reduce(stored, axis=0)
    rows = worst_rows(np.where(largest > NOTICED_PU, largest, np.nan), MOST_ROWS)
    ground = results.buses["ground_fault_pu"].to_numpy()
    if not rows and not np.isfinite(ground).any():
        return
    first = np.argmax(np.nan_to_num(stored, nan=-1.0), axis=0)
    when = np.take_along_axis(envelope["time_of_max"].to_numpy(), first[None], axis=0)[0]
    head = results.feeder["rejection_pu"].to_numpy()[results.solver["converged"].to_numpy()]
    said = (
        f" The feeder as a whole: {number(float(head.max()))} pu." if len(head) and head.max() > 0.0 else ""
    )
    if np.isfinite(ground).any():
        bus = int(np.nanargmax(ground))
        said += (
            f" A bolted line-ground fault lifts the sound phases to {ground[bus]:.2f} of their "
            "voltage at bus "
            f"{results.buses.index[bus]}, the worst of {len(ground):,} three-phase buses "
            f"(Z0/Z1 = {number(float(results.buses['z0_over_z1'].iloc[bus]))})."
        )
    yield Table(
        "Overvoltage, estimated",
        "Voltage of a service transformer's homes if they were cut off with what runs behind them, "
        "until it trips (0.16 s at most above "
        "1.2 pu): constant power into impedance load, √(production / load), at most 2; measured "
        "values are far lower." + said,
        (
            words("Transformer", [str(results.transformers.index[row]) for row in rows]),
            _per_unit("Would reach", largest[rows], largest[rows] > REJECTION_NOTICED_PU),
            words("If cut off at", [moment(when[row]) for row in rows]),
            numbers("Rated", "kVA", results.transformers["rated_kva"].to_numpy()[rows]),
        ),
        "No service transformer had more production than load behind it." + said,
    )


def _per_unit(head: str, values: Any, over: Any) -> Column:
    """A column of voltages: three digits behind the point, where what matters stands."""
    cells = (
        Cell(f"{v:.3f}" if np.isfinite(v) else MISSING, bool(o)) for v, o in zip(values, over, strict=True)
    )
    return Column(head, "pu", tuple(cells))


def _some(values: Any) -> Any:
    """Values with a dash where there is nothing."""
    return np.where(np.asarray(values) > 0.0, values, np.nan)


def _ended(breaker_s: float, fuse_s: float) -> str:
    """What ends a backfeed first."""
    if not np.isfinite([breaker_s, fuse_s]).any():
        return "nothing"
    first, what = min((breaker_s, "its breaker"), (fuse_s, "the fuse"))
    return f"{what}, {_after(first)}"


def _after(seconds: float, never: str = "never") -> str:
    """A time until something ends."""
    if np.isnan(seconds):
        return MISSING
    if np.isinf(seconds):
        return never
    return f"{number(1e3 * seconds)} ms" if seconds < 1.0 else span(round(seconds, 1))
