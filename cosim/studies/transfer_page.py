"""docs/transfer.md below its marker, and a drawing a machine: written from ``models/transfer``.

Run ``python -m cosim.studies.transfer_page`` after a change of a machine; a test keeps page and data in step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cosim import library
from cosim.studies.transfer_bench import adapter_of, protects
from cosim.studies.transfer_drawing import Way, drawing, ways

if TYPE_CHECKING:
    from cosim.entries import Quantity
    from cosim.transfer_entry import ConditionEntry, TransferEntry

PAGES = Path(__file__).parents[2] / "docs"
PAGE = PAGES / "transfer.md"
MARKER = "<!-- below: python -m cosim.studies.transfer_page -->\n"
ROWS = ("automatic_transfer", "reconnection", "phase_loss", "overload", "surge", "backfeed")
SAID = {
    "service_pu": "grid",
    "source_pu": "source",
    "panel_pu": "panel",
    "source_hz": "source",
    "source_a": "source",
}
UNIT = {"service_pu": "", "source_pu": "", "panel_pu": "", "source_hz": " Hz", "source_a": " A"}
LEGS = {"any": ", either leg", "both": ", both legs", "across": ", across the legs"}


def figure_name(name: str) -> str:
    """File of a machine's drawing."""
    return f"transfer-{name}.svg"


def figures() -> dict[str, str]:
    """Every drawing by file name."""
    return {figure_name(name): drawing(library.load("transfer", name)) for name in library.names("transfer")}


def generated() -> str:
    """What stands below the marker."""
    entries = [library.load("transfer", name) for name in library.names("transfer")]
    parts = ["\n".join(_table(entries)), *("\n".join(_machine(entry)) for entry in entries)]
    return "\n" + "\n\n".join(parts) + "\n"


def _table(entries: list[TransferEntry]) -> Iterator[str]:
    yield "## What the bench reads off\n"
    yield "| product | " + " | ".join(row.replace("_", " ") for row in ROWS) + " |"
    yield "|---" * (len(ROWS) + 1) + "|"
    for entry in entries:
        found = protects(entry.name, adapter=adapter_of(entry.name))
        yield (
            f"| {entry.title} | "
            + " | ".join(f"**{found[r].has}**: {found[r].evidence}" for r in ROWS)
            + " |"
        )


def _machine(entry: TransferEntry) -> Iterator[str]:
    yield f"## {entry.title}\n"
    yield f"{entry.description.strip()}\n"
    yield f"![States of {entry.title}]({figure_name(entry.name)})\n"
    yield f"Interlock: {entry.interlock.kind} ({entry.interlock.confidence}). {_failures(entry)}"
    if entry.grid_codes:
        delays = ", ".join(f"{code} {_time(delay)}" for code, delay in entry.grid_codes.items())
        yield f"Delay by grid code: {delays}; {entry.grid_code} unless asked otherwise."
    if not entry.conditions:
        return
    yield "\n| condition | holds while |\n|---|---|"
    for name, condition in entry.conditions.items():
        yield f"| {name} | {_condition(condition)} |"
    yield "\n| way | from | to | when | after | by |\n|---|---|---|---|---|---|"
    for way in ways(entry):
        yield _way(entry, way)


def _failures(entry: TransferEntry) -> str:
    said = [f"{name.replace('_', ' ')} {_number(rate)}" for name, rate in entry.failures if rate is not None]
    return f"Failures: {', '.join(said)}." if said else "No failure is counted."


def _condition(row: ConditionEntry) -> str:
    unit = UNIT[row.quantity]
    bounds = [
        f"{_number(q)}{unit} or {word}" for q, word in ((row.above, "above"), (row.below, "below")) if q
    ]
    legs = "" if row.quantity == "source_hz" else LEGS[row.legs]
    lasting = ""
    if row.lasting == "grid-code":
        lasting = ", for the grid code's delay"
    elif row.lasting is not None:
        lasting = f", for {_time(row.lasting)}"
    return f"{SAID[row.quantity]} at {' and '.join(bounds)}{legs}{lasting}"


def _way(entry: TransferEntry, way: Way) -> str:
    row, titles = way.entry, {name: state.title for name, state in entry.states.items()}
    after = _time(row.after) if row.after is not None else ""
    who = "" if way.who == "device" else f"a person, who {row.after.source if row.after else ''}"
    if way.who == "error" and row.errs is not None:
        who = f"a person's error ({_number(row.errs.share)}), who {row.errs.how}"
    when = ", ".join(row.when)
    return f"| {way.number} | {titles[way.start]} | {titles[way.end]} | {when} | {after} | {who} |"


def _number(quantity: Quantity) -> str:
    """A number, with ~ before an estimate."""
    return f"{'~' if quantity.confidence == 'estimate' else ''}{quantity.value:g}"


def _time(quantity: Quantity) -> str:
    """A duration as a reader says it, with ~ before an estimate."""
    about = "~" if quantity.confidence == "estimate" else ""
    minutes = quantity.value / 60.0
    return (
        f"{about}{minutes:g} min"
        if minutes >= 2.0 and minutes.is_integer()
        else f"{about}{quantity.value:g} s"
    )


if __name__ == "__main__":
    head = PAGE.read_text(encoding="utf-8").partition(MARKER)[0]
    PAGE.write_text(head + MARKER + generated(), encoding="utf-8")
    for file, text in figures().items():
        (PAGES / file).write_text(text, encoding="utf-8")
