"""Fuses, reclosers and overcurrent relays of an OpenDSS circuit, with their time-current curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from cosim.feeder.import_report import Outcome
from cosim.feeder.opendss_session import Reading, Seen

INSTANTANEOUS_S = 0.01
"""What the engine takes an instantaneous unit to need."""


def read_protection(reading: Reading) -> None:
    """Carry what acts on the current of the element that it opens; the report names the others."""
    curves = _Curves(reading)
    for kind in ("fuse", "recloser", "relay"):
        for seen in reading.elements(kind, solved=False):
            problem = _problem(reading, kind, seen)
            if not problem:
                shots = _fuse(seen) if kind == "fuse" else _reclosing(kind, seen)
                cells = {
                    "kind": kind,
                    "section": seen.text("MonitoredObj").lower().replace(".", ":", 1),
                    "conductors": _phases(reading, seen),
                    "ganged": kind != "fuse",
                    "reset_s": 0.0 if kind == "fuse" else seen.number("Reset"),
                    "source": f"OpenDSS {kind}.{seen.name}",
                }
                # From here on the engine's active element is a curve.
                asked = sorted({str(one.get("curve", "")) for _, ones in shots for one in ones} - {""})
                idle = "" if all(ones for _, ones in shots) else "nothing of it ever acts"
                problem = next(filter(None, [idle, *map(curves.problem, asked)]), "")
            if problem:
                reading.report.add(kind, Outcome.LEFT_OUT, seen.name, problem)
                continue
            for curve in asked:
                curves.carry(curve)
            reading.builder.add_protective_device(f"{kind}:{seen.name}", shots, **cells)
            reading.report.add(kind, Outcome.CARRIED, seen.name)


def _problem(reading: Reading, kind: str, seen: Seen) -> str:
    """Why a device cannot be carried; empty if it can."""
    monitored = seen.text("MonitoredObj").lower()
    if kind == "relay" and seen.text("Type").lower() != "current":
        return f"of type {seen.text('Type').lower()}: only overcurrent relays are carried"
    if seen.text("SwitchedObj").lower() != monitored:
        return "opens another element than it monitors"
    if monitored not in reading.carried:
        return f"{monitored} is neither a line nor a transformer that was carried"
    if monitored.startswith("transformer.") and seen.text("MonitoredTerm") != "1":
        return "monitors the secondary of a transformer"
    if not _phases(reading, seen):
        return f"{monitored} has none of the phases 1, 2, 3 there"
    if "open" in seen.text("State").lower():
        return "stands open of itself"
    return ""


def _phases(reading: Reading, seen: Seen) -> str:
    nodes = reading.carried[seen.text("MonitoredObj").lower()]
    return "".join("abc"[node - 1] for node in sorted(set(nodes)) if 1 <= node <= 3)


Cells = dict[str, Any]
Shots = list[tuple[float, list[Cells]]]


def _fuse(seen: Seen) -> Shots:
    rating, curve = seen.number("RatedCurrent"), seen.text("FuseCurve").lower()
    label = f"{rating:g} A {curve}"
    link = {"label": label, "curve": curve, "pickup_a": rating, "adder_s": seen.number("Delay")}
    return [(math.nan, [link] if curve and rating > 0.0 else [])]


def _reclosing(kind: str, seen: Seen) -> Shots:
    """Openings of a recloser or relay: dead time (NaN after the last) and elements of each."""
    count = max(1, round(seen.number("Shots")))
    dead = [
        float(w)
        for w in seen.text("RecloseIntervals").strip("[]() ").replace(",", " ").split()
        if w[0] in "0123456789."
    ]
    fast = round(seen.number("NumFast")) if kind == "recloser" else 0
    shots: Shots = []
    for number in range(1, count + 1):
        if kind == "relay":
            elements = _relay_elements(seen)
        else:
            elements = _recloser_elements(seen, "Fast" if number <= fast else "Delayed")
        if number == 1:
            # The engine adds a recloser's delay twice to an instantaneous unit's time.
            adder = 2.0 * seen.number("Delay" if kind == "recloser" else "BreakerTime")
            elements = elements + _instantaneous(seen, adder)
        pause = math.nan if number == count else dead[min(number, len(dead)) - 1] if dead else 0.5
        shots.append((pause, elements))
    return shots


def _recloser_elements(seen: Seen, speed: str) -> list[Cells]:
    found = []
    for sees, dial in (("Phase", "TDPh"), ("Ground", "TDGr")):
        curve, pickup = seen.text(f"{sees}{speed}").lower(), seen.number(f"{sees}Trip")
        if curve and pickup > 0.0:
            label = speed.lower() if sees == "Phase" else f"ground {speed.lower()}"
            found.append({
                "label": label, "sees": sees.lower(), "pickup_a": pickup, "curve": curve,
                "dial": seen.number(dial + speed), "adder_s": seen.number("Delay"),
            })  # fmt: skip
    return found


def _relay_elements(seen: Seen) -> list[Cells]:
    """A delay makes a relay's elements definite-time, whatever their curves."""
    found, delay, opening = [], seen.number("Delay"), seen.number("BreakerTime")
    for sees in ("Phase", "Ground"):
        curve, pickup = seen.text(f"{sees}Curve").lower(), seen.number(f"{sees}Trip")
        if pickup > 0.0 and (curve or delay > 0.0):
            found.append({
                "label": f"{sees.lower()} {'definite time' if delay > 0.0 else curve}", "sees": sees.lower(),
                "pickup_a": pickup, "curve": "" if delay > 0.0 else curve,
                "dial": delay if delay > 0.0 else seen.number(f"TD{sees}"), "adder_s": opening,
            })  # fmt: skip
    return found


def _instantaneous(seen: Seen, adder_s: float) -> list[Cells]:
    return [
        {
            "label": "instantaneous" if sees == "Phase" else "ground instantaneous", "sees": sees.lower(),
            "pickup_a": seen.number(f"{sees}Inst"), "curve": "", "dial": INSTANTANEOUS_S, "adder_s": adder_s,
        }
        for sees in ("Phase", "Ground")
        if seen.number(f"{sees}Inst") > 0.0
    ]  # fmt: skip


class _Curves:
    """Time-current curves by name, read when the first device asks."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._points: dict[str, tuple[list[float], list[float]]] = {}
        self._carried: set[str] = set()

    def _of(self, name: str) -> tuple[list[float], list[float]]:
        if name not in self._points:
            circuit = self._reading.circuit
            circuit.SetActiveClass("TCC_Curve")
            circuit.ActiveClass.Name = name
            properties: Mapping[str, Any] = {
                p: circuit.ActiveDSSElement.Properties(p).Val for p in ("C_Array", "T_Array")
            }
            multiple, seconds = (
                [float(word) for word in str(text).strip("[]() ").replace(",", " ").split()]
                for text in properties.values()
            )
            self._points[name] = multiple, seconds
        return self._points[name]

    def problem(self, name: str) -> str:
        """What is wrong with a curve; empty if nothing."""
        multiple, seconds = self._of(name)
        if len(multiple) != len(seconds) or not multiple:
            return f"its curve {name} has no points"
        if min(multiple) <= 0.0 or min(seconds) <= 0.0:
            return f"its curve {name} has points that are not above 0"
        if any(a >= b for a, b in pairwise(multiple)):
            return f"the currents of its curve {name} do not rise"
        return ""

    def carry(self, name: str) -> None:
        """Put a curve into the feeder, once."""
        if name not in self._carried:
            self._carried.add(name)
            self._reading.builder.add_curve(name, *self._of(name))
