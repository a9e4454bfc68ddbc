"""Reading an OpenDSS master file through the OpenDSS engine into a feeder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cosim.errors import FeederError, Problem
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.checks import require_studiable
from cosim.feeder.import_report import ImportReport, Outcome
from cosim.feeder.opendss_customers import read_generators, read_loads, read_shapes
from cosim.feeder.opendss_elements import (
    read_capacitors,
    read_controls,
    read_fixed,
    read_lines,
    read_sources,
    read_transformers,
)
from cosim.feeder.opendss_protection import read_protection
from cosim.feeder.opendss_session import SECONDARY_V, Reading
from cosim.feeder.script import Session, run_master
from cosim.feeder.tables import NAN

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder

_READ = frozenset(
    [
        "vsource",
        "line",
        "transformer",
        "capacitor",
        "load",
        "generator",
        "pvsystem",
        "storage",
        "regcontrol",
        "capcontrol",
        "fuse",
        "recloser",
        "relay",
    ]
)
_FIXED = frozenset(["reactor", "fault", "autotrans", "gicline", "gictransformer"])
_WATCHERS = frozenset(["energymeter", "monitor", "sensor", "fmonitor"])
_PROTECTION = frozenset(["swtcontrol"])
_CONTROLS = frozenset(
    ["invcontrol", "expcontrol", "storagecontroller", "gendispatcher", "upfccontrol", "espvlcontrol"]
)


def read_opendss(master: Path, *, strict: bool, controls: str) -> Feeder:
    """See `Feeder.from_opendss`."""
    session = run_master(master, controls=controls)
    circuit = session.engine.ActiveCircuit
    builder = FeederBuilder(str(circuit.Name), float(circuit.Solution.Frequency))
    reading = Reading(session.engine, builder, ImportReport(str(master), notes=session.notes))
    nodes = _read_buses(reading)
    read_sources(reading)
    read_lines(reading)
    read_transformers(reading)
    shunts = read_capacitors(reading)
    for name in reading.classes:
        if name in _FIXED:
            read_fixed(reading, name)
    shapes = read_shapes(reading)
    read_loads(reading, shapes, nodes)
    read_generators(reading, shapes)
    read_controls(reading, shunts)
    read_protection(reading)
    _list_the_rest(reading, session)
    inexact = list(reading.report.inexact())
    if strict and inexact:
        raise FeederError([Problem(str(item), file=str(master)) for item in inexact])
    _mark_drops(reading)
    feeder = builder.build()
    feeder.report = reading.report
    require_studiable(feeder, str(master))
    return feeder


def _read_buses(reading: Reading) -> dict[str, tuple[int, ...]]:
    """Buses with conductors, coordinates and base voltages; those without a base get the solved voltage."""
    found = {}
    circuit = reading.circuit
    for number in range(circuit.NumBuses):
        bus = circuit.Buses(number)
        name = bus.Name.lower()
        nodes = tuple(sorted({int(node) for node in bus.Nodes} - {0}))
        if not nodes:
            continue
        base_v = float(bus.kVBase) * 1e3
        if base_v <= 0.0:
            flat = np.asarray(bus.Voltages, dtype=np.float64).view(np.complex128)
            base_v = float(np.abs(flat).max()) or 1.0
            reading.report.add(
                "bus", Outcome.CARRIED, name, "no voltage base given: its solved voltage is taken"
            )
        x, y = (float(bus.x), float(bus.y)) if bus.Coorddefined else (NAN, NAN)
        reading.builder.add_bus(name, ".".join(map(str, nodes)), base_v, x, y)
        reading.base_v[name] = base_v
        found[name] = nodes
    return found


def _list_the_rest(reading: Reading, session: Session) -> None:
    """Everything the circuit holds that no reader took, and every command that was not obeyed."""
    for name in reading.classes:
        if name in _READ or name in _FIXED:
            continue
        for seen in reading.elements(name):
            if name in _WATCHERS:
                reading.report.add(name, Outcome.LEFT_OUT, seen.name, "only measures")
            elif name in _PROTECTION:
                reading.report.add(name, Outcome.LEFT_OUT, seen.name, "does not act in a steady state")
            elif name in _CONTROLS:
                reading.report.add(name, Outcome.APPROXIMATED, seen.name, "held at its solved state")
            else:
                reading.report.add(name, Outcome.APPROXIMATED, seen.name, "missing: the solution differs")
    for verb, places in session.left_out.items():
        some = ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
        session.notes.append(f"{len(places)} {verb!r} not obeyed ({some})")


def _mark_drops(reading: Reading) -> None:
    """A secondary line that ends at a customer's bus where nothing else ends is a service drop."""
    ends: dict[str, int] = {}
    for _, a, b in reading.line_ends:
        ends[a] = ends.get(a, 0) + 1
        ends[b] = ends.get(b, 0) + 1
    for row, a, b in reading.line_ends:
        for bus in (a, b):
            if ends[bus] == 1 and bus in reading.home_buses and reading.base_v[bus] < SECONDARY_V:
                reading.builder.mark_drop(row)
