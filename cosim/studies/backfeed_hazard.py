"""What one home energises when its source runs and nothing isolates it from a dead feeder.

Confidence: the circuit is as good as the feeder's data; a generator's EMF is held constant (no regulator, no
field collapse, engine at speed), which makes later currents upper bounds; neighbours' loads are impedances at
`load_scale` of nominal; a battery keeps its voltage up to its stated fault current and then lowers it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cosim import library
from cosim.devices.curves import TimeCurrentCurve
from cosim.electrical.backfeed import (
    ENERGISED_V,
    Backfeed,
    HomeSource,
    Overvoltage,
    Stage,
    load_rejection,
)
from cosim.electrical.circuit import Float
from cosim.electrical.generator_fault import Generator
from cosim.errors import FeederError, LibraryError, Problem
from cosim.studies.contributions import SERVICE_V, generator

if TYPE_CHECKING:
    from cosim.entries import BreakerEntry
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

SPLIT = 0
BODY_OHM = 1000.0  # hand to feet through dry shoes and gloves is more, wet less: IEC 60479-1
LET_GO_A, LETHAL_A = 0.01, 0.1  # some cannot let go above 10 mA; 100 mA for a second fibrillates, IEC 60479-1
BATTERY_X_PU = 0.02  # output impedance of a grid-forming inverter below its limit; estimate
OWN_LEVEL = 1.2  # what stands above this times the base voltage of the home's primary is another level
FUSE_OVER_RATED = 2.5  # primary fuse of a service transformer over its rated current; estimate, 2 to 3
FUSE_CURVE = "k-link"
SET_BREAKER = "branch-30"  # of a portable set on an L14-30 inlet
HORIZON_S = 600.0
TIMES_S = (0.0, 1 / 60, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0, 60.0)


@dataclass(frozen=True)
class BackfeedHazard:
    """Result of one home's source.

    Parameters
    ----------
    home, source, kind
        Who, and which entry of models/der; "generator" or "battery".
    isolated
        True if the adapter isolates: then nothing beyond the home is energised and all below is empty or 0.
    seconds
        (t,) times after the utility is gone and the source stands on the feeder.
    source_a, source_v, primary_v, transformer_a, line_a, contact_a
        (t,) current of the source (larger leg), voltage at its terminals, largest voltage to ground on the
        primary that the home hangs on, current of the home's transformer on its primary side, largest current in
        any line, and largest current through a body that touches that primary.
    contact_node, primary_node
        Where the last two are.
    nodes, node_v
        Nodes that stand at more than a touch voltage at first, and their voltages.
    homes, home_v
        Other homes energised at first, and their leg-to-leg voltage.
    breaker_s
        When the source's own breaker opens, infinite if never within ten minutes.
    fuse, fuse_s
        Rating [A] of the fuse assumed ahead of the home's transformer, and when it melts; infinite if never.
    hazard
        "none", "startling", "cannot let go" or "lethal", by the first contact current.
    rejection
        Overvoltage if the source's rated power meets only the load that is left energised.
    notes
        What the figures rest on.
    """

    home: str
    source: str
    kind: str
    isolated: bool
    body_ohm: float
    seconds: Float
    source_a: Float
    source_v: Float
    primary_v: Float
    transformer_a: Float
    line_a: Float
    contact_a: Float
    contact_node: str
    primary_node: str
    nodes: tuple[str, ...]
    node_v: Float
    homes: tuple[str, ...]
    home_v: Float
    breaker_s: float
    fuse: float
    fuse_s: float
    hazard: str
    rejection: Overvoltage
    notes: tuple[str, ...]

    def table(self) -> list[dict[str, float]]:
        """One row a time: what a reader plots."""
        columns = {
            "seconds": self.seconds, "source_a": self.source_a, "source_v": self.source_v,
            "primary_v": self.primary_v, "transformer_a": self.transformer_a, "line_a": self.line_a,
            "contact_a": self.contact_a,
        }  # fmt: skip
        return [{k: float(v[i]) for k, v in columns.items()} for i in range(len(self.seconds))]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: summary, table, homes; the nodes only by their number."""
        return {
            "home": self.home, "source": self.source, "kind": self.kind, "isolated": self.isolated,
            "hazard": self.hazard, "body_ohm": self.body_ohm,
            "contact_node": self.contact_node, "primary_node": self.primary_node,
            "energised_nodes": len(self.nodes), "homes": dict(zip(self.homes, self.home_v.tolist(), strict=True)),
            "breaker_s": self.breaker_s, "fuse_a": self.fuse, "fuse_s": self.fuse_s,
            "load_rejection": {
                "pu": self.rejection.pu, "seconds": self.rejection.seconds,
                "confidence": self.rejection.confidence, "source": self.rejection.source,
            },
            "table": self.table(), "notes": list(self.notes),
        }  # fmt: skip


def isolates(adapter: str) -> bool:
    """Whether an adapter of the library keeps a source off a dead grid (`AdapterEntry.isolates`); "" for none."""
    return bool(adapter) and library.load("adapters", adapter).isolates


def backfeed_hazard(
    feeder: Feeder,
    home: str,
    source: str = "portable-generator-6.25",
    *,
    opened: Sequence[str] = (),
    adapter: str = "",
    fails: bool = True,
    load_scale: float = 1.0,
    home_load_scale: float | None = None,
    body_ohm: float = BODY_OHM,
    source_kva: float | None = None,
    compiled: CompiledFeeder | None = None,
) -> BackfeedHazard:
    """Run a home's source into the dead feeder.

    Parameters
    ----------
    feeder, compiled
        The feeder, and its compiled form if there is one already.
    home
        A split-phase home.
    source
        A generator or a grid-forming battery of models/der.
    opened
        Lines that are open (the damaged section), by name; the utility's sources are always out.
    adapter, fails
        The home's adapter, and whether it fails to isolate. One that isolates and does not fail ends the matter.
    load_scale, home_load_scale
        Share of nominal load that stays connected at the neighbours, and at the home itself (the same if None).
    body_ohm
        Resistance of whoever touches a primary conductor and earth.
    source_kva
        Rating of the source in place of its entry's, per unit figures kept.

    Raises
    ------
    FeederError
        No such home, home without two legs, no such line, or a number that cannot be.
    LibraryError
        The source is not one that can hold up a dead feeder.
    """
    _check(load_scale=load_scale, home_load_scale=home_load_scale, body_ohm=body_ohm, source_kva=source_kva)
    found = feeder.compile() if compiled is None else compiled
    row = split_home(feeder, found, home)
    lines = line_elements(feeder, found, opened)
    model = source_model(source, source_kva)
    if isolates(adapter) and not fails:
        return _nothing(home, source, model, body_ohm, adapter)
    injectors = found.circuit.injectors
    scale = np.full(len(injectors), load_scale)
    scale[injectors.owner == row] = load_scale if home_load_scale is None else home_load_scale
    one, two, neutral = (int(node) for node in found.home_nodes[row])
    fed = Backfeed(
        found.circuit, HomeSource((one, two, neutral), SERVICE_V, model.stages_ohm[0]), lines, scale
    )
    stages = [fed.stage(z, model.limit_a) for z in model.stages_ohm]
    times = np.array(TIMES_S)
    weights = stage_weights(model, fed, times)

    def over_time(values: Sequence[float]) -> Float:
        return np.asarray(np.array(values) @ weights)

    unit = unit_of(feeder, found, row)
    level = primary_base_v(found, unit)
    at = np.flatnonzero(found.circuit.base_v[fed.primary] <= OWN_LEVEL * level)
    primary = fed.primary[at]
    contacts = [stage.contact_a(fed.primary, body_ohm)[at] for stage in stages]
    current = over_time([float(np.abs(stage.source_a).max()) for stage in stages])
    transformer = over_time([_transformer_a(found, stage, unit) for stage in stages])
    first = stages[0]
    alive = np.flatnonzero(fed.energised(first.v))
    others, pair_v = other_homes(found, first, row)
    top = int(np.argmax(np.abs(first.v[primary]))) if len(primary) else -1
    worst = int(np.argmax(contacts[0])) if len(primary) else -1
    contact = over_time([float(c.max(initial=0.0)) for c in contacts])
    fuse = FUSE_OVER_RATED * rated_primary_a(feeder, found, unit)
    names = found.circuit.nodes
    return BackfeedHazard(
        home=home,
        source=source,
        kind=model.kind,
        isolated=False,
        body_ohm=body_ohm,
        seconds=times,
        source_a=current,
        source_v=over_time([abs(stage.v[one] - stage.v[two]) for stage in stages]),
        primary_v=over_time([float(np.abs(stage.v[primary]).max(initial=0.0)) for stage in stages]),
        transformer_a=transformer,
        line_a=over_time([_line_a(found, stage, lines) for stage in stages]),
        contact_a=contact,
        contact_node=names[primary[worst]] if worst >= 0 else "",
        primary_node=names[primary[top]] if top >= 0 else "",
        nodes=tuple(names[i] for i in alive),
        node_v=np.abs(first.v[alive]),
        homes=tuple(feeder.home["name"].iloc[i] for i in others),
        home_v=pair_v,
        breaker_s=breaker_trip_s(library.load("breakers", SET_BREAKER), model, fed, stages),
        fuse=fuse,
        fuse_s=_fuse_s(fuse, times, transformer),
        hazard=verdict(float(contact[0])),
        rejection=load_rejection(model.rated_va, _load_w(found, first, scale)),
        notes=_notes(model, load_scale, lines, adapter),
    )


# -- the source ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SourceModel:
    """A source by its impedances: what it is, its rating, one impedance a stage of its decay, its current limit [A]."""

    kind: str
    rated_va: float
    stages_ohm: tuple[complex, ...]
    limit_a: float
    machine: Generator | None


def source_model(name: str, kva: float | None = None) -> SourceModel:
    """Model of a generator or a grid-forming battery of models/der, `kva` in place of its own rating."""
    entry = library.load("der", name)
    if entry.kind == "generator":
        machine = generator(name)
        machine = machine if kva is None else replace(machine, rated_va=kva * 1e3)
        stages = tuple(1j * x for x in machine.reactances_ohm())
        return SourceModel("generator", machine.rated_va, stages, np.inf, machine)
    if entry.kind == "battery" and entry.forms_grid:
        own = entry.continuous_a.value * SERVICE_V
        rated = own if kva is None else kva * 1e3
        x = 1j * BATTERY_X_PU * SERVICE_V**2 / rated
        return SourceModel("battery", rated, (x,), entry.fault_current_a.value * rated / own, None)
    raise LibraryError(
        Problem(
            f"{name!r} follows a grid and ceases without one; name a generator or a battery that forms a grid",
            key="source",
            value=name,
        )
    )


def stage_weights(model: SourceModel, fed: Backfeed, times: Float) -> Float:
    """(stages, t) shares of the stages' solutions at each time."""
    if model.machine is None:
        return np.ones((1, len(times)))
    return model.machine.weights(times, fed.external_ohm())


def breaker_trip_s(entry: BreakerEntry, model: SourceModel, fed: Backfeed, stages: Sequence[Stage]) -> float:
    """When the set's breaker opens as the current decays, by its bimetal; magnetic if it starts above that."""
    grid = np.concatenate([np.linspace(0.0, 10.0, 401), np.linspace(10.0, HORIZON_S, 600)[1:]])
    amperes = np.array([float(np.abs(stage.source_a).max()) for stage in stages])
    m = amperes @ stage_weights(model, fed, grid) / entry.rating_a.value
    if m[0] >= entry.magnetic_multiple.value:
        return entry.clearing_s.value
    theta, tau, level = 0.0, entry.thermal_tau_s.value, entry.trip_level.value
    for i in range(len(grid) - 1):
        drive = 0.5 * (m[i] ** 2 + m[i + 1] ** 2)
        after = drive + (theta - drive) * np.exp(-(grid[i + 1] - grid[i]) / tau)
        if after >= level:
            return float(grid[i] + tau * np.log((drive - theta) / (drive - level)))
        theta = float(after)
    return float("inf")


def _check(**given: float | None) -> None:
    """Refuse numbers that cannot be: loads and bodies below 0, a source of no power."""
    problems = []
    for key, value in given.items():
        least = "above 0" if key == "source_kva" else "0 or more"
        if value is not None and not (
            math.isfinite(value) and value >= 0.0 and (value or least != "above 0")
        ):
            problems.append(Problem(f"should be a finite number, {least}", key=key, value=f"{value:g}"))
    if problems:
        raise FeederError(problems)


# -- what is fed ---------------------------------------------------------------------------------


def split_home(feeder: Feeder, compiled: CompiledFeeder, home: str) -> int:
    """Row of a 120/240 V home by its name, or by what follows ``home-`` in it; FeederError for others."""
    names = feeder.home["name"]
    rows = np.flatnonzero((names == (home if (names == home).any() else f"home-{home}")).to_numpy())
    if not len(rows):
        raise FeederError(Problem("no such home in the feeder", key="home", value=home))
    if compiled.home_kind[rows[0]] != SPLIT:
        raise FeederError(
            Problem("not a 120/240 V home: a set of two legs cannot feed it", key="home", value=home)
        )
    return int(rows[0])


def line_elements(feeder: Feeder, compiled: CompiledFeeder, names: Sequence[str]) -> tuple[int, ...]:
    """Elements of lines by their names; FeederError names all that are not there."""
    row_of = {name: row for row, name in enumerate(feeder.line["name"])}
    if missing := [name for name in names if name not in row_of]:
        raise FeederError([Problem("no such line in the feeder", key="open", value=name) for name in missing])
    elements = [int(compiled.line_element[row_of[name]]) for name in names]
    return tuple(element for element in elements if element >= 0)


def unit_of(feeder: Feeder, compiled: CompiledFeeder, row: int) -> int:
    """Row of the home's transformer in the feeder's table, -1 for none."""
    place = int(compiled.home_transformer[row])
    return int(compiled.service_transformers[place]) if place >= 0 else -1


def primary_base_v(compiled: CompiledFeeder, unit: int) -> float:
    """Base voltage of the primary that the home's transformer hangs on; every level counts without one."""
    number = int(compiled.transformer_element[unit]) if unit >= 0 else -1
    if number < 0:
        return float("inf")
    element = compiled.circuit.elements[number]
    nodes = element.nodes[element.terminal(0)]
    return float(compiled.circuit.base_v[nodes[nodes >= 0]].max())


def _transformer_a(compiled: CompiledFeeder, stage: Stage, unit: int) -> float:
    number = int(compiled.transformer_element[unit]) if unit >= 0 else -1
    if number < 0:
        return 0.0
    element = compiled.circuit.elements[number]
    flows = element.y_siemens @ np.append(stage.v, 0.0)[element.nodes]
    return float(np.abs(flows[element.terminal(0)]).max())


def _line_a(compiled: CompiledFeeder, stage: Stage, opened: Sequence[int]) -> float:
    grounded = np.append(stage.v, 0.0)
    largest = 0.0
    for number in np.setdiff1d(compiled.line_element[compiled.line_element >= 0], opened):
        element = compiled.circuit.elements[number]
        ends = grounded[element.nodes]
        if (ends != 0.0).any():
            largest = max(largest, float(np.abs(element.y_siemens @ ends).max()))
    return largest


def other_homes(compiled: CompiledFeeder, stage: Stage, row: int) -> tuple[list[int], Float]:
    """Rows of homes but `row` above a touch voltage between their legs, and these voltages."""
    grounded = np.append(stage.v, 0.0)
    across = np.abs(grounded[compiled.home_nodes[:, 0]] - grounded[compiled.home_nodes[:, 1]])
    others = [int(i) for i in np.flatnonzero(across > ENERGISED_V) if i != row]
    return others, across[others]


def rated_primary_a(feeder: Feeder, compiled: CompiledFeeder, unit: int) -> float:
    """Rated current of a transformer's primary, by its row in the feeder's table; NaN for none (-1)."""
    if unit < 0:
        return float("nan")
    winding = feeder.winding
    first = winding[(winding["transformer"] == unit) & (winding["number"] == 1)]
    return float(feeder.transformer["rated_kva"].iloc[unit] / first["kv"].iloc[0])


def _fuse_s(rating_a: float, times: Float, current_a: Float) -> float:
    """When the fuse melts: the damage of a current that falls adds up as time over melting time."""
    if not rating_a > 0.0:
        return float("inf")
    grid = np.concatenate([np.linspace(0.0, 10.0, 401), np.linspace(10.0, HORIZON_S, 600)[1:]])
    rate = 1.0 / TimeCurrentCurve.load(FUSE_CURVE).melting_s(np.interp(grid, times, current_a) / rating_a)
    damage = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(grid))])
    return float(np.interp(1.0, damage, grid)) if damage[-1] >= 1.0 else float("inf")


def _load_w(compiled: CompiledFeeder, stage: Stage, scale: Float) -> float:
    """Nominal load that is left energised."""
    injectors = compiled.circuit.injectors
    grounded = np.append(stage.v, 0.0)
    alive = np.abs(grounded[injectors.node_a] - grounded[injectors.node_b]) > 0.0
    return float((np.maximum(injectors.p_w, 0.0) * scale)[alive].sum())


def verdict(contact_a: float) -> str:
    """What a current through a body does: "none", "startling", "cannot let go" or "lethal"."""
    for limit, name in ((LETHAL_A, "lethal"), (LET_GO_A, "cannot let go"), (0.5e-3, "startling")):
        if contact_a > limit:
            return name
    return "none"


def _notes(model: SourceModel, load_scale: float, lines: Sequence[int], adapter: str) -> tuple[str, ...]:
    kept = (
        "EMF held constant: later currents are upper bounds for a set without separate excitation"
        if model.kind == "generator"
        else "the battery holds its voltage up to its stated fault current, then lowers it (estimate)"
    )
    return (
        kept,
        f"loads are impedances at {load_scale:g} of nominal; whatever follows a grid is off",
        f"{len(lines)} lines open"
        if lines
        else "the utility is open at its source only: the whole feeder hangs on",
        f"the fuse is taken as a K link of {FUSE_OVER_RATED:g} times the transformer's rated current (estimate)",
        f"adapter {adapter} fails to isolate" if adapter else "no adapter isolates",
    )


def _nothing(home: str, source: str, model: SourceModel, body_ohm: float, adapter: str) -> BackfeedHazard:
    times = np.array(TIMES_S)
    zero = np.zeros(len(times))
    return BackfeedHazard(
        home, source, model.kind, True, body_ohm, times, zero, np.full(len(times), SERVICE_V), zero, zero, zero,
        zero, "", "", (), np.zeros(0), (), np.zeros(0), float("inf"), float("nan"), float("inf"), "none",
        load_rejection(model.rated_va, model.rated_va), (f"adapter {adapter} isolates the home",),
    )  # fmt: skip
