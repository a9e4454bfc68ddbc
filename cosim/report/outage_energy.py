"""Tables of what stood behind outages: short circuits, power of one's own by source, sections, backfeed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim.report.formatting import counted, moment, span
from cosim.report.tables import Table, numbers, words

if TYPE_CHECKING:
    from cosim.results import Results

MOST_ROWS = 30
SAG_PU = 0.9
_ENERGY = (
    ("solar_kwh", "Solar at once"),
    ("battery_kwh", "Battery"),
    ("generator_kwh", "Generator"),
    ("section_kwh", "Section’s battery"),
    ("left_off_kwh", "Left off"),
    ("charged_kwh", "Solar into battery"),
    ("curtailed_kwh", "Solar held back"),
    ("fuel_kwh", "Fuel burnt"),
)

Columns = dict[str, Any]


def _columns(results: Results, kind: str) -> Columns | None:
    names = results.studies_of(kind)
    return {str(key): column.to_numpy() for key, column in results.study(names[0]).items()} if names else None


def short_circuits(results: Results) -> Iterator[Table]:
    """Every fault into which current flowed, if there was one."""
    study = _columns(results, "short_circuits")
    if study is None:
        return
    rows = np.sort(np.argsort(-np.nan_to_num(study["current_a"]), kind="stable")[:MOST_ROWS])
    low, over = study["low_pu"][rows], study["line_pu"][rows]
    left_out = float(results.intervals["faulted_s"].sum())
    unsettled = int(np.isnan(study["current_a"]).sum())
    note = (
        f"While current flows into a fault, currents are no loading and voltages no service voltage: {span(left_out)} "
        "in all stand here alone and in no other figure of this page. Largest current of any line then, and the "
        "lowest voltage at a home that was not dead; a sag is a leg below 0.9 of nominal (IEEE 1159)."
    )
    if unsettled:
        note += f" A dash: the power flow did not settle during {counted(unsettled, 'fault')}."
    if len(rows) < len(study["name"]):
        note += f" The {MOST_ROWS} with most current of {len(study['name']):,}."
    yield Table(
        "Short circuits",
        note,
        (
            words("Began", [moment(study["began"][row], seconds=True) for row in rows]),
            words("Where", study["where"][rows].tolist()),
            words(
                "Kind",
                [f"{study['fault'][row]} {study['conductors'][row]}".strip() for row in rows],
            ),
            words("Fed for", [span(float(study["live_s"][row])) for row in rows]),
            numbers("Times fed", "", study["spells"][rows].astype(float)),
            numbers("Current", "A", study["current_a"][rows]),
            words("In line", study["line"][rows].tolist()),
            numbers("Of its rating", "times", over),
            numbers("Lowest voltage", "pu", low, low < SAG_PU),
            words("At", study["home"][rows].tolist()),
            numbers("Homes in a sag", "", study["sagged"][rows].astype(float)),
        ),
    )


def own_energy(results: Results) -> Iterator[Table]:
    """Energy by source in islands, by group."""
    study = _columns(results, "island_energy")
    if study is None:
        return
    group = study["group"].astype(str)
    names = sorted(set(group), key=lambda name: (not name, name))
    members = [group == name for name in names]
    kept = [(key, head) for key, head in _ENERGY if study[key].any()]
    if len(names) > 1:
        names, members = [*names, "all"], [*members, np.ones(len(group), bool)]
    yield Table(
        "Power of one’s own, by source",
        "Energy at homes off the grid, by cord, or on a section’s battery, over all such time, the minutes included in "
        "which the grid was back and a device still waited. Left off is demand that was not backed up, or shed; fuel "
        "is heat burnt, whatever the set served.",
        (
            words("Group", [name or "others" for name in names]),
            numbers("Homes", "", [float(which.sum()) for which in members]),
            *(
                numbers(head, "kWh", np.array([study[key][which].sum() for which in members]))
                for key, head in kept
            ),
        ),
    )


def section_islands(results: Results) -> Iterator[Table]:
    """Every time that a section stood on a battery of its own."""
    study = _columns(results, "section_islands")
    if study is None:
        return
    events = results.events

    def why(row: int) -> str:
        cause, reason = int(study["cause"][row]), str(study["reason"][row])
        detail = str(events.loc[cause, "detail"]) if reason == "stops" and cause >= 0 else ""
        return f"battery {reason}: {detail}" if detail else reason

    rows = range(min(len(study["at"]), MOST_ROWS))
    minutes = (study["ended"] - study["formed"]) / np.timedelta64(1, "s") / 60.0
    least = 100.0 * study["least_pu"]
    yield Table(
        "Sections on batteries of their own",
        "Each time that a section parted from the feeder and its own battery held it up; energy at the battery’s "
        "terminals."
        + (f" The first {MOST_ROWS} of {len(study['at']):,}." if len(study["at"]) > MOST_ROWS else ""),
        (
            words("Switch", study["at"][:MOST_ROWS].tolist()),
            words("Formed", [moment(study["formed"][row], seconds=True) for row in rows]),
            words("Ended by", [why(row) for row in rows]),
            numbers("For", "min", minutes[:MOST_ROWS]),
            numbers("Homes", "", study["homes"][:MOST_ROWS].astype(float)),
            numbers("Given", "kWh", study["given_kwh"][:MOST_ROWS]),
            numbers("Taken", "kWh", study["taken_kwh"][:MOST_ROWS]),
            numbers("Least stored", "%", least[:MOST_ROWS]),
            numbers("Left", "%", 100.0 * study["left_pu"][:MOST_ROWS]),
        ),
    )


def backfeed_spells(results: Results) -> Iterator[Table]:
    """Every time that a source stood on the dead grid."""
    study = _columns(results, "backfeed_spells")
    if study is None:
        return
    rows = np.sort(np.argsort(-study["hazard_s"], kind="stable")[:MOST_ROWS])
    lasted_s = (study["ended"] - study["began"]) / np.timedelta64(1, "s")
    hazard_s, exposure_s = float(study["hazard_s"].sum()), float(study["exposure_s"].sum())
    homes = len(set(study["home"].astype(str)))
    yield Table(
        "Sources that stood on the dead grid",
        f"{counted(len(lasted_s), 'time')}, at {counted(homes, 'home')}: {span(hazard_s)} with a primary that is "
        f"dangerous to touch, {span(exposure_s)} of that while a crew worked on it. Nothing isolated these homes; "
        "extents, voltages and currents are the most of each time, the current that through a body of 1,000 ohm."
        + (f" The {MOST_ROWS} most dangerous." if len(lasted_s) > MOST_ROWS else ""),
        (
            words("Home", study["home"][rows].tolist()),
            words("Began", [moment(study["began"][row], seconds=True) for row in rows]),
            words("Lasted", [span(float(lasted_s[row])) for row in rows]),
            words("Ended by", study["reason"][rows].tolist()),
            numbers("Other homes live", "", study["homes"][rows].astype(float)),
            numbers("Live primary", "m", study["primary_m"][rows]),
            numbers("At", "V", study["primary_v"][rows]),
            numbers("Through a body", "A", study["contact_a"][rows], study["contact_a"][rows] > 0.1),
            numbers("Dangerous", "min", study["hazard_s"][rows] / 60.0),
            numbers("Crew exposed", "min", study["exposure_s"][rows] / 60.0, study["exposure_s"][rows] > 0),
            numbers(
                "As the utility came back",
                "A",
                np.where(study["closing_a"][rows] > 0, study["closing_a"][rows], np.nan),
            ),
        ),
    )
