"""An adapter's entry calibrated to a measured heat run: which numbers, what the run says of them, a new entry."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.entries import MaterialEntry, Quantity, quantities
from cosim.errors import LibraryError, Problem
from cosim.heat_body import HeatModel
from cosim.studies.calibration_run import HeatRun, read_run
from cosim.studies.type_test.draws import assign
from cosim.studies.type_test.provenance import readable
from cosim.thermal.calibration import Estimate, Fit, Free, fit, telling, trace
from cosim.thermal.limits import time_constant_s
from cosim.thermal.network import Float, build

TOLD = ("measured", "not separable")  # estimates with an interval


@dataclass(frozen=True)
class Calibration:
    """An entry and what a run says of its numbers.

    Parameters
    ----------
    entry
        As it was.
    path
        Its file.
    run
        The measured run.
    groups
        Keys behind each estimate: the first is the estimate's, the others keep their ratio to it.
    fit
        Estimates and their quality.
    chosen
        Whether the numbers were chosen by what the run tells, not named.
    """

    entry: AdapterEntry
    path: Path
    run: HeatRun
    groups: tuple[tuple[str, ...], ...]
    fit: Fit
    chosen: bool

    def label(self, estimate: Estimate) -> str:
        """An estimate's number as a reader would say it."""
        keys = next(group for group in self.groups if group[0] == estimate.free.key)
        more = f" and {len(keys) - 1} with it" if len(keys) > 1 else ""
        return f"{readable(keys[0], self.entry.heat)}{more}"

    def quantity(self, key: str) -> Quantity:
        """A number of the entry as stated."""
        return dict(quantities(self.entry.heat, "heat"))[key]

    def warnings(self) -> list[str]:
        """What stands in the way of taking the estimates as they are."""
        return [*self.run.notes, *self.fit.warnings]

    def modelled_c(self) -> Float:
        """(rows, columns) temperatures at the fitted values."""
        return self.run.measured_c[1:] - self.fit.residual_k

    def as_dict(self) -> dict[str, Any]:
        """Plain data of everything told."""
        f = self.fit
        return {
            "adapter": self.entry.name,
            "measured": self.run.file,
            "rows": len(self.run.time_s),
            "columns": {
                name: {
                    "rms_k": float(np.sqrt(np.mean(f.residual_k[:, k] ** 2))),
                    "autocorrelation": float(f.autocorrelation[k]),
                }
                for k, name in enumerate(self.run.columns)
            },
            "rms_before_k": f.before_k,
            "rms_after_k": f.after_k,
            "rms_unexplained_k": f.unexplained_k,
            "condition": f.condition,
            "estimates": [
                {
                    "keys": list(keys),
                    "unit": self.quantity(keys[0]).unit,
                    "stated": e.free.value,
                    "bounds": [e.free.low, e.free.high],
                    "value": e.value,
                    "standard_error": e.error,
                    "error_is_relative": e.free.low > 0.0,
                    "interval_95": [e.low, e.high] if e.state in TOLD else None,
                    "interval_95_by_noise": [e.noise_low, e.noise_high] if e.state in TOLD else None,
                    "state": e.state,
                }
                for keys, e in zip(self.groups, f.estimates, strict=True)
            ],
            "correlation": f.correlation.tolist(),
            "chosen": self.chosen,
            "warnings": self.warnings(),
        }


def calibrate(name: str | Path, measured: str | Path, keys: Sequence[str] = ()) -> Calibration:
    """Fit numbers of an entry's body to a heat run.

    Parameters
    ----------
    name
        An adapter, or a file.
    measured
        CSV table, see `cosim.studies.calibration_run.read_run`.
    keys
        Numbers to fit: ``heat.joints.2.contact_ohm``, or by what it joins,
        ``heat.joints.line_jaw-line_bar.contact_ohm``; several with ``+`` between move together, in the ratio of
        their stated values. If none is given, those that the run tells best.

    Raises
    ------
    LibraryError
        With everything wrong with the entry, the keys and the table.
    """
    path = library.entry_path("adapters", name)
    entry = library.load("adapters", name)
    body = Body(entry)
    groups, problems = body.groups(keys)
    try:
        network = build(entry.heat, body.materials)
        cold = np.full(len(network), 40.0)
        run = read_run(measured, network, time_constant_s(network, cold, 25.0))
    except LibraryError as error:
        raise LibraryError([*problems, *error.problems]) from None
    if problems:
        raise LibraryError([Problem(p.message, str(path), p.key, p.value) for p in problems])
    chosen = not keys
    if chosen:
        every = [(key,) for key in body.fittable()]
        order = telling(body.model(run, every), [body.free(group) for group in every])
        groups = [every[k] for k in order]
        if not groups:
            raise LibraryError(
                Problem("the run moves with no estimate of the body by 1 K or more", str(measured))
            )
    if run.measured_c[1:].size <= 2 * len(groups):
        raise LibraryError(
            Problem(
                f"{len(groups)} numbers from {run.measured_c[1:].size} readings; fit fewer", str(measured)
            )
        )
    taken = {key for group in groups for key in group}
    beside = [(key,) for key in body.open if key not in taken]
    found = fit(
        body.model(run, [*groups, *beside]), run.measured_c[1:], [body.free(group) for group in groups],
        [body.free(group) for group in beside],
    )  # fmt: skip
    return Calibration(entry, path, run, tuple(groups), found, chosen)


class Body:
    """A private copy of an entry's body whose numbers may move."""

    def __init__(self, entry: AdapterEntry) -> None:
        self.heat = copy.deepcopy(entry.heat)
        self.materials: dict[str, MaterialEntry] = {
            name: copy.deepcopy(library.load("materials", name))
            for kind, name in entry.references()
            if kind == "materials"
        }
        own = dict(quantities(self.heat, "heat"))
        self.own = list(own)
        self.numbers = own | {
            key: number
            for name, material in self.materials.items()
            for key, number in quantities(material, f"materials.{name}")
        }
        self.stated = {key: number.value for key, number in self.numbers.items()}
        self.open = [
            key for key, number in self.numbers.items() if number.range and number.range[0] < number.range[1]
        ]

    def fittable(self) -> list[str]:
        """Keys of the body's own numbers with a range; a material is more than this body's."""
        return [key for key in self.open if key in self.own]

    def free(self, group: Sequence[str]) -> Free:
        """A group as one free number: its first, with the first's bounds."""
        low, high = self.numbers[group[0]].range or (0.0, 0.0)
        return Free(group[0], self.stated[group[0]], low, high)

    def model(self, run: HeatRun, groups: Sequence[Sequence[str]]) -> Any:
        """Temperatures (rows - 1, columns) of a run for values of groups; the first row is where it begins."""

        def made(values: Float) -> Float:
            for group, value in zip(groups, values, strict=True):
                for key in group:
                    ratio = self.stated[key] / self.stated[group[0]] if key != group[0] else 1.0
                    assign(self.numbers[key], float(value) * ratio)
            network = build(self.heat, self.materials)
            return trace(network, run.time_s, run.i2_a2, run.ambient_c)[1:] @ run.weights.T

        return made

    def groups(self, keys: Sequence[str]) -> tuple[list[tuple[str, ...]], list[Problem]]:
        """Groups of plain keys, and what is wrong with what was asked."""
        names = _names(self.heat, self.own)
        groups, problems, taken = [], list[Problem](), set[str]()
        for asked in keys:
            group = []
            for part in (piece.strip() for piece in asked.split("+")):
                key = names.get(part, "")
                if not key:
                    near = difflib.get_close_matches(part, names, n=1, cutoff=0.6)
                    hint = (
                        f"did you mean {near[0]}?"
                        if near
                        else "`cosim adapter show` lists the keys that begin with heat"
                    )
                    problems.append(Problem(f"no number of the body has this key; {hint}", "", "--fit", part))
                elif key not in self.fittable():
                    problems.append(
                        Problem(
                            "no range says how far it may move; add range = [lowest, highest]",
                            "",
                            "--fit",
                            part,
                        )
                    )
                elif key in taken:
                    problems.append(Problem("asked for twice", "", "--fit", part))
                else:
                    taken.add(key)
                    group.append(key)
            if len(group) > 1 and not all(self.stated[key] > 0.0 for key in group):
                problems.append(Problem("numbers that move together must lie above zero", "", "--fit", asked))
            groups.append(tuple(group))
        return groups, problems


def _names(heat: HeatModel, keys: Sequence[str]) -> dict[str, str]:
    """Plain key of every way to say it: by place in a list, or by what stands there if that is one thing."""
    said: dict[str, list[str]] = {key: [key] for key in keys}
    for key in keys:
        _, table, place, *rest = key.split(".")
        ends: list[tuple[str, ...]] = []
        if table == "joints":
            one, two = heat.joints[int(place)].between
            ends = [(one, two), (two, one)]
        elif table == "surfaces":
            ends = [(heat.surfaces[int(place)].part, heat.surfaces[int(place)].to)]
        elif table == "wires":
            ends = [(heat.wires[int(place)].part,)]
        for end in ends:
            said.setdefault(".".join(["heat", table, "-".join(end), *rest]), []).append(key)
    return {name: found[0] for name, found in said.items() if len(set(found)) == 1}


def measured_on(path: str | Path) -> date:
    """Day on which a run's file was last changed."""
    return date.fromtimestamp(Path(path).stat().st_mtime)
