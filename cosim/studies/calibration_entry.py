"""A calibrated entry as a file: the old one with other numbers in it, its comments where they were."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from cosim import library
from cosim.errors import LibraryError, Problem
from cosim.heat_base import LISTS
from cosim.outputs import output_file
from cosim.studies.calibration import Calibration
from cosim.thermal.calibration import Estimate

Plain = dict[str, Any]


def write_entry(found: Calibration, out: str | Path, measured_on: date) -> Path:
    """Write the entry with its calibrated numbers; nothing is written unless it can be used.

    Parameters
    ----------
    found
        The calibration.
    out
        New file; neither the entry's nor the run's.
    measured_on
        Day of the run, for the source of its numbers.

    Raises
    ------
    LibraryError
        If it cannot be written there.
    """
    target = output_file(out, [found.path, found.run.file], LibraryError)
    text = entry_text(found, target.parent, measured_on)
    aside = target.with_name(f".{os.getpid()}.{target.stem}.toml")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        library.load("adapters", aside)
        os.replace(aside, target)
    except OSError as error:
        raise LibraryError(Problem(f"the entry cannot be written ({error.strerror})", str(out))) from None
    finally:
        aside.unlink(missing_ok=True)
    return Path(out)


def entry_text(found: Calibration, folder: Path, measured_on: date) -> str:
    """The entry as TOML for a file in `folder`: numbers the run tells changed, everything else as it was."""
    document = tomlkit.parse(found.path.read_text(encoding="utf-8"))
    plain = library.raw("adapters", found.path)["heat"]
    own = _Own(document, plain)
    for group, estimate in zip(found.groups, found.fit.estimates, strict=True):
        if estimate.state == "insensitive":
            continue
        for key in group:
            stated = found.quantity(key)
            ratio = stated.value / found.quantity(group[0]).value if key != group[0] else 1.0
            row = _row(estimate, ratio, stated.model_dump(), Path(found.run.file).name, measured_on)
            own.put(key, row)
    base = document["heat"].get("base", "")
    if str(base).endswith(".toml"):
        document["heat"]["base"] = os.path.relpath(found.path.parent / base, folder)
    text = tomlkit.dumps(document)
    tomllib.loads(text)
    return text


def _row(estimate: Estimate, ratio: float, stated: Plain, run: str, day: date) -> Plain:
    """A number's table. Only what the run tells alone is called measured."""
    value = float(f"{estimate.value * ratio:.5g}")
    was = f"before: {stated['value']:g} ({stated['confidence']}: {stated['source']})"
    note = "; ".join(text for text in (stated["note"], was) if text)
    fitted = f"fitted to the heat run {run} of {day.isoformat()}"
    if estimate.state == "measured":
        low, high = (float(f"{end * ratio:.4g}") for end in (estimate.low, estimate.high))
        source = f"{fitted}; the range is its 95 % interval, the other estimates within their ranges"
        confidence = "measured"
    else:
        low, high = (end * ratio for end in (estimate.free.low, estimate.free.high))
        source = f"{fitted}, but {estimate.state}: the range is as before"
        confidence = "estimate"
    ends = [min(low, value), max(high, value)]
    return {
        "value": value,
        "unit": stated["unit"],
        "range": ends,
        "confidence": confidence,
        "source": source,
        "note": note,
    }


class _Own:
    """The tables of a document's own body; rows that it takes from its base are copied in where they must change."""

    def __init__(self, document: tomlkit.TOMLDocument, merged: Plain) -> None:
        self.heat: Any = document["heat"]
        self.merged = merged
        # Places of the merged lists: a document's own rows come first.
        self.places = {name: {k: k for k in range(len(self.heat.get(name, [])))} for name in LISTS}

    def put(self, key: str, row: Plain) -> None:
        """Change one number."""
        _, table, place, field = key.split(".")
        holder = self._part(place) if table == "parts" else self._listed(table, int(place))
        if isinstance(number := holder.get(field), Mapping):
            for name, value in row.items():
                number[name] = value  # type: ignore[index]
        else:
            holder[field] = _inline(row)

    def _part(self, name: str) -> Any:
        if name not in self.heat.get("parts", {}):
            if "parts" not in self.heat:
                self.heat["parts"] = tomlkit.table(is_super_table=True)
            self.heat["parts"][name] = _table(self.merged["parts"][name])
        return self.heat["parts"][name]

    def _listed(self, table: str, place: int) -> Any:
        rows = self.merged[table]
        if place not in self.places[table]:
            ends = _ends(rows[place])
            if table not in self.heat:
                self.heat[table] = tomlkit.aot()
            listed = self.heat[table]
            # All rows between the same ends: those of the base give way to the document's together.
            for k in (k for k, row in enumerate(rows) if _ends(row) == ends and k not in self.places[table]):
                self.places[table][k] = len(listed)
                listed.append(_table(rows[k]) if isinstance(listed, AoT) else _inline(rows[k]))
        return self.heat[table][self.places[table][place]]


def _ends(row: Plain) -> Any:
    if "between" in row:
        return frozenset(row["between"])
    return row.get("part"), row.get("to", row.get("current"))


def _table(row: Mapping[str, Any]) -> Table:
    out = tomlkit.table()
    out.trivia.indent = "\n"  # an empty line before it
    for name, value in row.items():
        out[name] = _inline(value) if isinstance(value, Mapping) else value
    return out


def _inline(row: Mapping[str, Any]) -> Any:
    out = tomlkit.inline_table()
    for name, value in row.items():
        out[name] = _inline(value) if isinstance(value, Mapping) else value
    return out
