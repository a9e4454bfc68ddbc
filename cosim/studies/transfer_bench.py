"""Drives a product through disturbances on the bench and reads what it protects against off the voltages.

Nothing here knows a product: each reading looks at `cosim.studies.transfer_circuit.Row` alone, so that the table that
utilities compare backup products by is an outcome of contacts, delays and levels. How each row is read:

- automatic transfer: on a good grid the panel hangs on it although a source is at hand; after its loss both legs are
  fed within a minute, and after its return the panel hangs on it again, with no hand moved;
- re-connection: while the grid blinks back for 2 s at a time and the source stumbles, the panel is never put on it;
- phase loss: with one leg of the grid gone the panel has both legs or leaves that grid, and a source that lacks a leg
  is never put on the panel, with no hand moved;
- overload: a source asked for 1.3 times its inlet's or breaker's rating is relieved by the product within 30 minutes;
- surge: a combination wave through the service, off the clock (`cosim.studies.surge`);
- backfeed: the dead service shows no voltage while the source runs, whatever the person forgets.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from cosim import library
from cosim.devices.transfer import Machine, Transition
from cosim.errors import LibraryError, Problem
from cosim.events import Environment, EventLog
from cosim.events.transfer_processes import TransferDevices
from cosim.studies.surge import PEAK_V
from cosim.studies.surge import surge as surge_through
from cosim.studies.transfer_circuit import HOME, LEG_V, US, Bench, BenchSource, Outside, Row, source_for

if TYPE_CHECKING:
    from cosim.transfer_entry import TransferEntry

LOST_S = 60.0
"""When the utility is lost; before that all is well."""
BACK_S = 1800.0
FED, DEAD = 0.85, 0.3
TOUCH_V = 5.0
OVERLOAD = 1.3
BLINKS = tuple(300.0 + 7.0 * number for number in range(6))
BLINK_S = 2.0
LONG_S = 8 * 3600.0
LOADED_S = 6 * 3600.0
Change = Mapping[str, Any]


@dataclass(frozen=True)
class Disturbance:
    """What happens outside: a script for the circuit, whether the source is ready, and whether a person is there.

    `source` is "ready" (runs, or starts when asked), "off" (a person must start it) or "absent".
    """

    name: str
    title: str
    script: tuple[tuple[float, Change], ...]
    end_s: float
    source: Literal["ready", "off", "absent"] = "ready"
    people: bool = False


LOST: Change = {"utility_pu": (0.0, 0.0)}
BACK: Change = {"utility_pu": (1.0, 1.0)}
NO_SOURCE: Change = {"source_pu": (0.0, 0.0)}
GOOD_SOURCE: Change = {"source_pu": (1.0, 1.0)}
_OUTAGE = ((LOST_S, LOST), (BACK_S, BACK))
_DYING = tuple((LOST_S + 1.0 + 0.5 * k, {"source_pu": (1.0 - 0.1 * k,) * 2}) for k in range(1, 11))
_BLINKING = tuple(entry for at in BLINKS for entry in ((at, BACK), (at + BLINK_S, LOST)))
_STUMBLES = tuple(entry for at in BLINKS[1::2] for entry in ((at + 0.3, NO_SOURCE), (at + 1.3, GOOD_SOURCE)))

DISTURBANCES = {
    found.name: found
    for found in (
        Disturbance("lost", "utility lost for 29 minutes, source ready", _OUTAGE, 3600.0),
        Disturbance("source-absent", "utility lost, no source", _OUTAGE, 3600.0, "absent"),
        Disturbance("source-dying", "utility lost, source dies", (*_OUTAGE, *_DYING), 3600.0),
        Disturbance(
            "leg-lost", "one leg of the utility lost", ((LOST_S, {"utility_pu": (1.0, 0.0)}), (BACK_S, BACK)), 3600.0
        ),
        Disturbance(
            "source-leg-missing", "utility lost, a leg of the source missing",
            ((0.0, {"source_pu": (1.0, 0.0)}), *_OUTAGE), 3600.0,
        ),
        Disturbance("sag", "sag to 0.4 for 0.3 s", ((LOST_S, {"utility_pu": (0.4, 0.4)}), (LOST_S + 0.3, BACK)), 600.0),
        Disturbance(
            "intermittent", "utility blinks back for 2 s at a time, the source stumbles",
            ((LOST_S, LOST), *_BLINKING, *_STUMBLES), 900.0,
        ),
        Disturbance("overload", "the source is overloaded", ((LOST_S, LOST),), LOADED_S + 1800.0, "off", True),
        Disturbance("line-check", "a lineman checks the dead service", ((LOST_S, LOST),), LONG_S, "off", True),
        Disturbance(
            "by-hand", "utility lost for six hours, a person acts",
            ((LOST_S, LOST), (6 * 3600.0, BACK)), LONG_S, "off", True
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """A product under a disturbance: the circuit from change to change, and what the product did."""

    machine: Machine
    disturbance: Disturbance
    source: BenchSource
    rows: tuple[Row, ...]
    log: EventLog

    def spans(self) -> Iterator[tuple[Row, float]]:
        """Every row with the second at which it ends."""
        ends = [*(row.time_s for row in self.rows[1:]), self.disturbance.end_s]
        yield from zip(self.rows, ends, strict=True)

    def at(self, second: float) -> Row:
        """The circuit at a second."""
        return [row for row in self.rows if row.time_s <= second][-1]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: NaN (a source at standstill) as null."""
        rows = [row._asdict() for row in self.rows]
        for row in rows:
            row["source_hz"] = None if math.isnan(row["source_hz"]) else row["source_hz"]
        return {
            "machine": self.machine.name, "disturbance": self.disturbance.name, "title": self.disturbance.title,
            "source": asdict(self.source), "log": [record._asdict() for record in self.log], "rows": rows,
        }  # fmt: skip


def at_median(machine: Machine, *, errs: bool = False) -> Machine:
    """The machine whose parts never fail and whose person takes the median time, and errs never or always."""

    def person(way: Transition) -> Transition:
        return replace(way, spread=0.0, errs=float(errs and way.errs > 0.0))

    states = {
        name: replace(state, leave=tuple(person(way) for way in state.leave))
        for name, state in machine.states.items()
    }
    return replace(machine, states=states, failures={})


def starts_itself(machine: Machine) -> bool:
    """Whether the product starts its engine without a person."""
    return any(
        machine.states[way.to].engine == "run" and not way.person
        for state in machine.states.values()
        if state.engine != "run"
        for way in state.leave
    )


def machine_named(name: str) -> str:
    """Entry of ``models/transfer`` meant by its own name, by a file, or by an adapter that has one.

    Raises
    ------
    LibraryError
        If there is no such entry or adapter, or the adapter has no machine.
    """
    if name.endswith(".toml") or name in library.names("transfer"):
        return name
    adapter = library.load("adapters", name)
    if not adapter.machine:
        raise LibraryError(
            Problem("leaves no grid: it has no machine of models/transfer", key="machine", value=name)
        )
    return adapter.machine


def adapter_of(machine: str) -> str:
    """The first adapter of the library that names a machine, "" for none."""
    return _adapters().get(machine, "")


@cache
def _adapters() -> dict[str, str]:
    """By machine, the first adapter that names it."""
    named = {
        name: str(library.raw("adapters", name).get("machine", "")) for name in library.names("adapters")
    }
    return {machine: name for name, machine in reversed(named.items()) if machine}


def driven(name: str, disturbance: str, grid_code: str | None = None, *, careless: bool = False) -> Trace:
    """Put an entry of ``models/transfer`` through a disturbance; the person takes the median time.

    Raises
    ------
    LibraryError
        If there is no such entry, disturbance or grid code.
    """
    entry = library.load("transfer", name)
    wrong = list(_code_problems(entry, grid_code))
    if disturbance not in DISTURBANCES:
        near = difflib.get_close_matches(disturbance, DISTURBANCES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(DISTURBANCES)}"
        wrong.append(Problem(f"unknown disturbance; {hint}", key="disturbance", value=disturbance))
    if wrong:
        raise LibraryError(wrong)
    machine = at_median(entry.machine(grid_code), errs=careless)
    return drive(machine, DISTURBANCES[disturbance], entry.supply)


def machine_of(entry: TransferEntry, grid_code: str | None) -> Machine:
    """The machine under a grid code; raises `LibraryError` where the entry knows no such code."""
    if wrong := list(_code_problems(entry, grid_code)):
        raise LibraryError(wrong)
    return entry.machine(grid_code)


def _code_problems(entry: TransferEntry, grid_code: str | None) -> Iterator[Problem]:
    if grid_code is not None and grid_code not in entry.grid_codes:
        known = (
            f"knows the grid codes {', '.join(entry.grid_codes)}"
            if entry.grid_codes
            else "keeps no grid code's delay"
        )
        yield Problem(f"{entry.name} {known}", key="grid_code", value=grid_code)


def drive(machine: Machine, disturbance: Disturbance, supply: str) -> Trace:
    """Put a product through a disturbance.

    Parameters
    ----------
    machine
        The product; see `at_median` for one without chance.
    disturbance
        What happens outside.
    supply
        "battery", "generator" or "none".
    """
    source = source_for(supply, starts_itself(machine))
    runs = (disturbance.source == "ready" and source.kind == "hand") or source.kind == "battery"
    present = disturbance.source != "absent" and supply != "none"
    outside = Outside(present=present, runs=present and runs)
    script = list(disturbance.script)
    if disturbance.name == "overload":
        script.append((LOADED_S, {"load_w": OVERLOAD * source.rated_a * 2.0 * LEG_V}))
    bench = Bench(machine, source, outside, sorted(script, key=lambda entry: entry[0]))
    env = Environment(bench)
    env.start(
        TransferDevices(
            name="transfer", homes={HOME: machine.name}, machines={machine.name: machine}, seed=1,
            people=disturbance.people,
        )
    )  # fmt: skip
    env.run_until(round(disturbance.end_s * US))
    return Trace(machine, disturbance, source, tuple(bench.rows), env.log)


# -- the readings ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """One row of the table: "yes" or "no", and what was measured; else why there is neither."""

    has: Literal["yes", "no", "evidence missing", "not run"]
    evidence: str


def fed(row: Row) -> bool:
    """Whether both legs of the panel are fed."""
    return min(row.panel_v) > FED * LEG_V


def on_grid(row: Row) -> bool:
    """Whether the panel hangs on the utility alone."""
    return row.service == "12" and not row.contact


def protects(name: str, grid_code: str | None = None, adapter: str = "") -> dict[str, Verdict]:
    """What a product does by itself, read off the bench.

    Parameters
    ----------
    name
        Entry of ``models/transfer``, or the path of one.
    grid_code
        Of its entry; its own default if None.
    adapter
        Whose clamp a surge meets; without one no surge is run.

    Returns
    -------
    dict
        By row of `cosim.adapter_entry.Protections`.
    """
    entry = library.load("transfer", name)
    machine = machine_of(entry, grid_code)
    usual, careless = at_median(machine), at_median(machine, errs=True)

    def run(disturbance: str, of: Machine = usual) -> Trace:
        return drive(of, DISTURBANCES[disturbance], entry.supply)

    return {
        "automatic_transfer": automatic(run("lost")),
        "reconnection": reconnection(run("intermittent")),
        "phase_loss": phase_loss(
            run("leg-lost"), None if entry.supply == "battery" else run("source-leg-missing")
        ),
        "overload": overload(run("overload")),
        "surge": surge(adapter),
        "backfeed": backfeed([run("line-check"), run("line-check", careless)]),
    }


def automatic(trace: Trace) -> Verdict:
    """Leaves a lost grid for the source and comes back, with no hand moved."""
    before = trace.at(LOST_S - 1.0)
    if not on_grid(before):
        return Verdict("no", "leaves a good grid as soon as a source runs")
    out_s = next((row.time_s - LOST_S for row in trace.rows if row.time_s > LOST_S and fed(row)), None)
    if out_s is None or out_s > 60.0:
        return Verdict("no", "the panel stays dead until the grid is back")
    back_s = next((row.time_s - BACK_S for row in trace.rows if row.time_s >= BACK_S and on_grid(row)), None)
    if back_s is None:
        return Verdict("no", f"fed after {out_s:.1f} s, but stays on its source")
    return Verdict("yes", f"fed after {out_s:.1f} s, back on the grid {back_s:.1f} s after its return")


def reconnection(trace: Trace) -> Verdict:
    """Is never put on a grid that only blinks back."""
    seen = sum(
        any(
            at <= row.time_s < at + BLINK_S or row.time_s < at < end
            for row, end in trace.spans()
            if row.service and min(row.utility) > FED and max(row.panel_v) > FED * LEG_V
        )
        for at in BLINKS
    )
    if seen:
        return Verdict("no", f"the panel sees {seen} of {len(BLINKS)} blinks of the grid")
    return Verdict("yes", f"the panel sees none of {len(BLINKS)} blinks of the grid")


def phase_loss(grid: Trace, source: Trace | None) -> Verdict:
    """Leaves a grid that lacks a leg, and takes no source that lacks one; a battery's inverter makes both or none."""
    taken = source.rows if source else ()
    lame = [row for row in taken if row.contact and max(row.source_v) > FED * LEG_V > 2 * min(row.source_v)]
    if lame:
        return Verdict("no", f"puts a source with one leg on the panel at {lame[0].time_s:.1f} s")
    later = grid.at(LOST_S + 60.0)
    if not fed(later) and later.service:
        high, low = max(later.panel_v), min(later.panel_v)
        return Verdict("no", f"a minute after a leg is lost the panel stands at {high:.0f} and {low:.0f} V")
    gone_s = next(row.time_s for row in grid.rows if row.time_s >= LOST_S and not row.service) - LOST_S
    other = ", takes no source without one" if source else ""
    return Verdict("yes", f"leaves a grid without one leg after {gone_s:.1f} s{other}")


def overload(trace: Trace) -> Verdict:
    """Relieves a source that is asked for too much."""
    limit = 1.05 * trace.source.rated_a
    over = [(row, end) for row, end in trace.spans() if end > LOADED_S and max(row.source_a) > limit]
    if not over:
        return Verdict("no", "puts no source on the panel that could be overloaded")
    worst = max(max(row.source_a) for row, _ in over)
    relieved = [row for row in trace.rows if row.time_s > LOADED_S and max(row.source_a) <= limit]
    if not relieved:
        return Verdict("no", f"the source gives {worst:.0f} A of {trace.source.rated_a:.0f} for half an hour")
    return Verdict(
        "yes", f"{worst:.0f} A of {trace.source.rated_a:.0f} end after {relieved[0].time_s - LOADED_S:.1f} s"
    )


def surge(adapter: str) -> Verdict:
    """Clamps a combination wave behind the service: off the clock, by `cosim.studies.surge`."""
    if not adapter:
        return Verdict("not run", "a surge meets an adapter's clamp, not a machine")
    found = surge_through(adapter)
    if found.evidence == "missing":
        return Verdict("evidence missing", "no data of its varistors is public")
    lets = f"lets {found.let_through_v / 1e3:.2g} of {PEAK_V / 1e3:g} kV through"
    return Verdict("yes" if found.evidence == "clamp" else "no", lets)


def backfeed(traces: Sequence[Trace]) -> Verdict:
    """Keeps the dead service dead while the source runs."""
    dead = [
        row
        for trace in traces
        for row in trace.rows
        if not any(row.utility) and row.source_hz == row.source_hz
    ]
    volts = max((max(row.service_v) for row in dead), default=0.0)
    if volts > TOUCH_V:
        return Verdict("no", f"{volts:.0f} V on the dead service")
    if not any(row.contact for row in dead):
        return Verdict("yes", "no source is ever on the panel")
    return Verdict("yes", f"{volts:.1f} V on the dead service while the source runs")
