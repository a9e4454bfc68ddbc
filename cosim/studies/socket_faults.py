"""Everything a scenario may ask about faults: duty, what feeds it, what clears it, how hot the metal gets.

One call makes every table of the result file for one instant: ``fault_duty`` (a row a home), and as asked
``fault_sources``, ``fault_devices``, ``fault_parts`` and ``bus_faults``; see `cosim.results.layout`.

Confidence: utility impedances as the feeder has them, loads off. Solar is taken as string inverters of the library's
kind scaled to the array, batteries at their stated fault current; a generator counts only where no adapter isolates it.
The bound adds magnitudes whatever their angles. The transformer's fuse is assumed (`FUSE_OVER_RATED`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand.solar import Module
from cosim.devices.curves import TimeCurrentCurve
from cosim.electrical.circuit import Float
from cosim.electrical.fault import FaultKind, bus_faults, places_of
from cosim.results.layout import BREAKER_ONLY, FAULT_DUTY, OVER, UNKNOWN, WITHIN
from cosim.studies.backfeed_hazard import FUSE_CURVE, FUSE_OVER_RATED, isolates, rated_primary_a
from cosim.studies.contributions import SERVICE_V, Device, Kind, contributions, device
from cosim.studies.fault_duty import socket_fault_duty
from cosim.studies.let_through import adapter_rises, breaker_let_through, fuse_let_through, judge_chain

if TYPE_CHECKING:
    from cosim.electrical.network import Network
    from cosim.entries import InverterEntry
    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder

Int = NDArray[np.int64]
Tables = dict[str, dict[str, Any]]

SOLAR_ENTRY = "inverter-7.6kw"
LEGS: tuple[Kind, ...] = ("l1n", "l2n", "l1l2")
SPLIT = 0


@dataclass(frozen=True)
class Installed:
    """What stands at the sockets; all (homes,).

    Parameters
    ----------
    home
        Names.
    adapter, battery, generator
        Library entries, empty for none.
    main, branch
        Entries of models/breakers: the main breaker, and the adapter's own; empty for none.
    service_a
        Rating of the main breaker.
    pv_kw
        Solar installed.
    adapter_kaic_a, breaker_kaic_a
        Smallest short-circuit rating known of the adapter; interrupting rating of the main breaker; NaN for none.
    """

    home: Sequence[str]
    adapter: Sequence[str]
    battery: Sequence[str]
    generator: Sequence[str]
    main: Sequence[str]
    branch: Sequence[str]
    service_a: Float
    pv_kw: Float
    adapter_kaic_a: Float
    breaker_kaic_a: Float


def socket_faults(
    feeder: Feeder,
    compiled: CompiledFeeder,
    network: Network,
    installed: Installed,
    *,
    kinds: Sequence[str] = (),
    with_contributions: bool = False,
    let_through: bool = False,
    minimum_fault_ohm: float | None = None,
) -> Tables:
    """Tables of one instant, by kind of study.

    Parameters
    ----------
    network
        The topology studied.
    kinds
        Kinds of fault to study at every bus, see `FaultKind`; none by default.
    with_contributions, let_through
        Whether to list what feeds each fault; whether to follow it until it is cleared.
    minimum_fault_ohm
        Resistance inside the smallest fault, leg to neutral at sockets and to ground at buses.
    """
    duty: dict[str, Any] = socket_fault_duty(
        network, compiled, installed.adapter_kaic_a, installed.breaker_kaic_a
    )
    duty |= {
        v.name: _nothing(v.dtype, len(installed.home)) for v in FAULT_DUTY.variables if v.name not in duty
    }
    tables: Tables = {"fault_duty": duty}
    largest = np.fmax.reduce([duty[f"i_{leg}_a"] for leg in LEGS])
    duty["bound_a"] = largest
    if with_contributions:
        tables["fault_sources"] = _contributed(compiled, network, installed, duty)
    duty["verdict"] = verdicts(
        duty["bound_a"], installed.adapter_kaic_a, installed.breaker_kaic_a, np.array(installed.adapter) != ""
    )
    ratio = np.where(largest == duty["i_l1l2_a"], duty["x_over_r_l1l2"], duty["x_over_r_l1n"])
    if minimum_fault_ohm is not None:
        duty["minimum_a"] = _minimum(duty, network, compiled, minimum_fault_ohm)
    if let_through:
        _cleared(feeder, compiled, installed, duty, np.nan_to_num(ratio, nan=1.0))
        tables["fault_devices"] = _devices(installed, duty)
        tables["fault_parts"] = _parts(installed, duty)
    if kinds:
        tables["bus_faults"] = bus_table(network, kinds, minimum_fault_ohm)
    return tables


def verdicts(
    current_a: Float, adapter_rating_a: Float, breaker_rating_a: Float, has_adapter: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """(homes,) verdict of `layout.FAULT_DUTY`, told apart where an adapter has no rating but its breaker has."""
    rating = np.fmin(adapter_rating_a, breaker_rating_a)
    unrated = has_adapter & np.isnan(adapter_rating_a)
    within = np.where(unrated, BREAKER_ONLY, WITHIN)
    found = np.where(np.isnan(rating), UNKNOWN, np.where(current_a > rating, OVER, within))
    return found.astype(np.int8)


def devices_of(installed: Installed, compiled: CompiledFeeder) -> list[Device]:
    """Every source behind the sockets that can run beside the utility."""
    found = []
    ac_per_dc = Module().inverter_efficiency / Module().dc_to_ac
    rated_kva = cast("InverterEntry", library.load("der", SOLAR_ENTRY)).rated_kva.value
    for home in np.flatnonzero(compiled.branch_row >= 0).tolist():
        if installed.pv_kw[home] > 0.0:
            found.append(device(home, SOLAR_ENTRY, units=installed.pv_kw[home] * ac_per_dc / rated_kva))
        if installed.battery[home]:
            found.append(device(home, installed.battery[home]))
        if installed.generator[home] and not isolates(installed.adapter[home]):
            found.append(device(home, installed.generator[home]))
    return found


def _contributed(
    compiled: CompiledFeeder, network: Network, installed: Installed, duty: dict[str, Any]
) -> dict[str, Any]:
    """Sources of the leg-to-leg fault at every socket; the bounds are put into `duty`."""
    sources = devices_of(installed, compiled)
    of_leg = {leg: contributions(network, compiled, sources, leg) for leg in LEGS}
    found = of_leg["l1l2"]
    bounds = np.array([duty[f"i_{leg}_a"] + of_leg[leg].own_a + of_leg[leg].neighbours_a for leg in LEGS])
    top = np.argmax(np.nan_to_num(bounds, nan=-1.0), axis=0)
    for key in ("own_a", "neighbours_a"):
        duty[key] = np.choose(top, [getattr(of_leg[leg], key) for leg in LEGS])
    duty["bound_a"] = np.fmax.reduce(bounds)
    fed = np.flatnonzero(np.isfinite(found.grid_a) & (found.grid_a != 0.0))
    name = np.array(installed.home, dtype=object)
    given = [sources[row] for row in found.source_row]
    utility_a = np.abs(found.grid_a[fed])
    order = np.argsort(np.concatenate([fed, found.fault_home]), kind="stable")
    columns: dict[str, tuple[Any, Any]] = {
        "home": (name[fed], name[found.fault_home]),
        "source": (["utility"] * len(fed), [s.kind for s in given]),
        "entry": ([""] * len(fed), [s.name for s in given]),
        "at": ([""] * len(fed), [installed.home[s.home] for s in given]),
        "limit_a": (utility_a, [s.current_a for s in given]),
        "adds_a": (utility_a, np.abs(found.contribution_a)),
        "seconds": (np.full(len(fed), np.inf), [s.seconds for s in given]),
    }
    return {key: np.concatenate([_array(a), _array(b)])[order] for key, (a, b) in columns.items()}


def _minimum(duty: Mapping[str, Any], network: Network, compiled: CompiledFeeder, ohm: float) -> Float:
    """Smallest leg-to-neutral current (leg to leg where there is no neutral) through a resistance."""
    v = np.append(network.no_load_voltage(), 0.0)
    nodes = compiled.home_nodes.copy()
    nodes[compiled.home_kind != SPLIT, 2] = -1
    smallest = np.full(len(nodes), np.nan)
    for leg, a, b in (("l1n", 0, 2), ("l2n", 1, 2), ("l1l2", 0, 1)):
        volts = np.abs(v[nodes[:, a]] - v[nodes[:, b]])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = volts / duty[f"i_{leg}_a"] * np.exp(1j * np.arctan(duty[f"x_over_r_{leg}"]))
            current = volts / np.abs(z + ohm)
        two_wire = np.isnan(duty["i_l1n_a"])
        smallest = np.fmin(smallest, current if leg != "l1l2" else np.where(two_wire, current, np.nan))
    return smallest


def _cleared(
    feeder: Feeder, compiled: CompiledFeeder, installed: Installed, duty: dict[str, Any], x_over_r: Float
) -> None:
    """How main breaker and transformer fuse clear the largest and the smallest fault; the adapter's hottest part."""
    bound, smallest = np.asarray(duty["bound_a"], float), np.asarray(duty["minimum_a"], float)
    main = np.array(installed.main, dtype=object)
    for name in sorted(set(installed.main) - {""}):
        rows = np.flatnonzero((main == name) & np.isfinite(bound))
        entry = library.load("breakers", name)
        rating = installed.service_a[rows]
        through = breaker_let_through(entry, bound[rows], x_over_r[rows], rating)
        duty["clearing_s"][rows], duty["i2t_a2s"][rows] = through.clearing_s, through.i2t_a2s
        duty["let_through_peak_a"][rows] = through.peak_a
        known = rows[np.isfinite(smallest[rows])]
        least = breaker_let_through(entry, smallest[known], 0.0, installed.service_a[known])
        duty["minimum_clearing_s"][known] = least.clearing_s
    curve = TimeCurrentCurve.load(FUSE_CURVE)
    unit = compiled.home_transformer
    for place in np.unique(unit[unit >= 0]).tolist():
        table_row = int(compiled.service_transformers[place])
        fuse = FUSE_OVER_RATED * rated_primary_a(feeder, compiled, table_row)
        rows = np.flatnonzero((unit == place) & np.isfinite(bound))
        if not (fuse > 0.0 and len(rows)):
            continue
        kv = feeder.winding.loc[
            (feeder.winding["transformer"] == table_row) & (feeder.winding["number"] == 1), "kv"
        ].iloc[0]
        pair = SERVICE_V / (kv * 1e3)
        utility = np.asarray(duty["i_l1l2_a"], float)[rows] * pair
        duty["fuse_clearing_s"][rows] = fuse_let_through(curve, fuse, utility, 1.0).clearing_s
        leg = np.where(np.isnan(np.asarray(duty["i_l1n_a"], float)[rows]), pair, 0.5 * pair)
        known = np.isfinite(smallest[rows])
        late = fuse_let_through(curve, fuse, np.nan_to_num(smallest[rows]) * leg, 1.0)
        duty["minimum_fuse_clearing_s"][rows] = np.where(known, late.clearing_s, np.nan)
    for home, name in enumerate(installed.adapter):
        i2t = float(duty["i2t_a2s"][home])
        if name and np.isfinite(i2t):
            hottest = next(iter(adapter_rises(library.load("adapters", name), i2t, ("grid", "load"))), None)
            if hottest is not None:
                duty["hottest_part"][home], duty["hottest_rise_k"][home] = hottest.part, hottest.rise_k


def _devices(installed: Installed, duty: Mapping[str, Any]) -> dict[str, Any]:
    """Every breaker and every rated part of an adapter against the fault at its socket."""
    rows: list[tuple[str, str, float, float, float, str]] = []
    for home, fault_a in enumerate(np.asarray(duty["bound_a"], float).tolist()):
        if not np.isfinite(fault_a):
            continue
        chain = [name for name in (installed.main[home], installed.branch[home]) if name]
        own = [library.load("breakers", name).interrupting_a.value for name in chain]
        labels = [
            f"{what} {name}" for what, name in zip(("main breaker", "branch breaker"), chain, strict=False)
        ]
        if not installed.main[home]:
            labels = [f"branch breaker {name}" for name in chain]
        for label, level in zip(labels, judge_chain(own, fault_a), strict=True):
            rows.append(
                (installed.home[home], label, fault_a, level.interrupting_a, level.effective_a, level.verdict)
            )
        if installed.adapter[home]:
            for part in library.load("adapters", installed.adapter[home]).short_circuit:
                rating = part.rating_a.value
                verdict = "unknown" if np.isnan(rating) else "within" if fault_a <= rating else "over"
                rows.append(
                    (installed.home[home], f"adapter: {part.applies_to}", fault_a, rating, rating, verdict)
                )
    return _columns(("home", "device", "fault_a", "rating_a", "effective_a", "verdict"), rows)


def _parts(installed: Installed, duty: Mapping[str, Any]) -> dict[str, Any]:
    """Rises of every part of each kind of adapter at its worst socket."""
    rows = []
    i2t = np.nan_to_num(np.asarray(duty["i2t_a2s"], float), nan=-1.0, posinf=-1.0)
    adapters = np.array(installed.adapter, dtype=object)
    for name in sorted(set(installed.adapter) - {""}):
        members = np.flatnonzero(adapters == name)
        worst = int(members[np.argmax(i2t[members])])
        if i2t[worst] <= 0.0:
            continue
        rises = adapter_rises(library.load("adapters", name), float(i2t[worst]), ("grid", "load"))
        rows += [
            (
                name,
                installed.home[worst],
                p.part,
                p.role,
                p.material,
                p.section_m2 * 1e6,
                p.rise_k,
                p.confidence,
            )
            for p in rises
        ]
    keys = ("adapter", "home", "part", "role", "material", "section_mm2", "rise_k", "confidence")
    return _columns(keys, rows)


def bus_table(
    network: Network, kinds: Sequence[str], minimum_fault_ohm: float | None = None, *, loads: Any = "off"
) -> dict[str, Any]:
    """Faults of some kinds at every bus, columns of `layout.BUS_FAULTS`."""
    places = places_of(network, loads=loads)
    fault = bus_faults(network, places, loads=loads)
    rows = np.flatnonzero(np.isin(np.array([str(kind) for kind in fault.kind]), list(kinds)))
    minimum = np.full(len(fault.place), np.nan)
    if minimum_fault_ohm is not None:
        minimum = bus_faults(network, places, loads=loads, arc_ohm=minimum_fault_ohm).duty.symmetrical_a
    duty = fault.duty
    return {
        "bus": [places.name[fault.place[row]] for row in rows],
        "kind": [str(fault.kind[row]) for row in rows],
        "conductors": [fault.conductors[row] for row in rows],
        "symmetrical_a": duty.symmetrical_a[rows],
        "asymmetrical_a": duty.asymmetrical_a[rows],
        "peak_a": duty.peak_a[rows],
        "x_over_r": duty.x_over_r[rows],
        "minimum_a": minimum[rows],
    }


KINDS = tuple(str(kind) for kind in FaultKind)


def _nothing(dtype: str, count: int) -> NDArray[Any]:
    return np.array([""] * count, dtype=object) if dtype == "str" else np.full(count, np.nan)


def _array(values: Any) -> NDArray[Any]:
    """Texts as objects, numbers as they are."""
    array = np.asarray(values)
    return array.astype(object) if array.dtype.kind in "UO" else array.astype(np.float64)


def _columns(keys: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Rows as columns; text where the first row has text."""
    return {key: [row[k] for row in rows] for k, key in enumerate(keys)}
