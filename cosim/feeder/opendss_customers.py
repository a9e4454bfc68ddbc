"""Loads, generators and load shapes of an OpenDSS circuit: loads become homes, one each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cosim.electrical.circuit import Float, LoadModel
from cosim.electrical.transformer import SOLID_SIEMENS
from cosim.errors import FeederError, Problem
from cosim.feeder.import_report import Outcome
from cosim.feeder.opendss_session import Reading, Seen, dotted

_FIXED_Q = {
    6: "fixed Q, which no multiplier moves there and profiles do here",
    7: "Q of a fixed reactance, which no multiplier moves there and profiles do here",
}
"""Models whose Q no multiplier moves."""

_GENERATOR_MODELS = {1: LoadModel.POWER, 2: LoadModel.IMPEDANCE, 4: LoadModel.FIXED_Q, 5: LoadModel.FIXED_X}
_FIXED_Q_GENERATORS = (4, 5)
_LIMITED = "model 7 is exact above VMinpu; below it an impedance stands for the current it is limited to"

_TIE_SIEMENS = 1e-12

_HELD_BAND = (0.1, 10.0)
"""Of rated voltage: a unit held at its solved power has met its own limits already."""


def read_shapes(reading: Reading) -> dict[str, str]:
    """Load shapes; returns their names by lower-case name."""
    shapes, known = reading.circuit.LoadShapes, {}
    used = _shapes_in_use(reading)
    for name in shapes.AllNames if shapes.Count else ():
        if name.lower() == "default" and "default" not in used:
            continue  # the engine's own
        shapes.Name = name
        p, q = np.array(shapes.Pmult, dtype=float), np.array(shapes.Qmult, dtype=float)
        hours = float(shapes.HrInterval)
        has_q = len(q) == len(p) and len(q) > 1
        reading.builder.add_shape(
            name, p, q if has_q else None, interval_s=hours * 3600.0, actual=bool(shapes.UseActual)
        )
        known[name.lower()] = name
        if hours > 0.0:
            reading.report.add("loadshape", Outcome.CARRIED, name)
        else:
            reading.report.add("loadshape", Outcome.APPROXIMATED, name, "its irregular times are lost")
    return known


def _shapes_in_use(reading: Reading) -> set[str]:
    loads = reading.circuit.Loads
    used = set()
    for name in loads.AllNames if loads.Count else ():
        loads.Name = name
        used |= {shape.lower() for shape in (loads.daily, loads.Yearly, loads.duty)}
    return used


def split_buses(reading: Reading) -> set[str]:
    """Buses on the secondary of a centre-tapped unit."""
    beside: dict[str, list[str]] = {}
    for _, a, b in reading.line_ends:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    seen = set(reading.centre_taps)
    stack = list(seen)
    while stack:
        for bus in beside.get(stack.pop(), ()):
            if bus not in seen:
                seen.add(bus)
                stack.append(bus)
    return seen


def read_loads(reading: Reading, shapes: dict[str, str], bus_nodes: dict[str, tuple[int, ...]]) -> None:
    """Every load becomes one home, as the engine's snapshot takes it, load multiplier included."""
    split = split_buses(reading)
    loads, solution = reading.circuit.Loads, reading.circuit.Solution
    refused = []
    for seen in reading.elements("load"):
        loads.Name = seen.name
        model, effect, exponents = _model(loads)
        if model == 0:
            refused.append(Problem(f"load model {loads.Model} cannot be carried", key=f"load.{seen.name}"))
            continue
        factor = solution.LoadMult if seen.text("Status").lower().startswith("v") else 1.0
        zip_v = [float(z) for z in loads.ZIPV] if model == 8 else [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]
        cells: dict[str, Any] = {
            "model": model,
            "v_min_pu": loads.Vminpu,
            "v_max_pu": loads.Vmaxpu,
            "v_low_pu": seen.number("VLowpu"),
            "p_exponent": exponents[0],
            "q_exponent": exponents[1],
            "v_cut_pu": zip_v[6],
            "shape": _shape(loads, shapes),
        }
        names = ("zip_pz", "zip_pi", "zip_pp", "zip_qz", "zip_qi", "zip_qp")
        cells |= dict(zip(names, zip_v, strict=False))
        places = _places(seen, loads, split, bus_nodes)
        reading.home_buses.add(seen.buses[0])
        kvar = loads.kvar * (1.0 if _number_of(loads) in _FIXED_Q else factor)
        for suffix, place in places.items():
            reading.builder.add_home(
                seen.name + suffix,
                seen.buses[0],
                kw=loads.kW * factor / len(places),
                kvar=kvar / len(places),
                **place,
                **cells,
            )
        _add_own_neutral(reading, seen, loads)
        told = effect or _FIXED_Q.get(_number_of(loads), "")
        if _number_of(loads) in _FIXED_Q and factor != 1.0:
            effect = told = (
                f"{told}; below VLowpu the engine multiplies its Q by LoadMult {factor:g} after all"
            )
        if len(places) > 1:
            told = told or "two phases and a neutral: one home a phase"
        reading.report.add("load", Outcome.APPROXIMATED if effect else Outcome.CARRIED, seen.name, told)
    if refused:
        raise FeederError(refused)


def _number_of(loads: Any) -> int:
    """Number of the active load's model."""
    return int(loads.Model)


def _model(loads: Any) -> tuple[int, str, tuple[float, float]]:
    """Our model, what is lost by it, and exponents of P and Q; model 0 is refused."""
    model = _number_of(loads)
    if model in (1, 2, 5, 6, 7, 8):
        return model, "", (1.0, 2.0)
    if model == 4:
        lost = "its CVR curve over time is left out" if loads.CVRcurve else ""
        return 4, lost, (loads.CVRwatts, loads.CVRvars)
    if model == 3:
        return 4, "", (0.0, 2.0)
    return 0, "", (0.0, 0.0)


def _shape(loads: Any, shapes: dict[str, str]) -> str:
    for name in (loads.daily, loads.Yearly, loads.duty):
        if name and name.lower() in shapes:
            return shapes[name.lower()]
    return ""


def _places(
    seen: Seen, loads: Any, split: set[str], bus_nodes: dict[str, tuple[int, ...]]
) -> dict[str, dict[str, Any]]:
    """Where a load stands, by what is added to its name: one place, or one a phase."""
    nodes = seen.nodes[0]
    own_neutral = seen.phases == 2 and not loads.IsDelta and nodes[-1] != 0
    if own_neutral and not (seen.buses[0] in split and set(nodes[:2]) == {1, 2}):
        kv = loads.kV / math.sqrt(3.0)
        return {
            f"_{phase}": {"kind": "single", "nodes": dotted((phase, nodes[-1])), "kv": kv}
            for phase in nodes[:2]
        }
    return {"": _place(seen, loads, split, bus_nodes)}


def _add_own_neutral(reading: Reading, seen: Seen, loads: Any) -> None:
    """The impedance from a load's own neutral conductor to ground, where it states one."""
    neutral = seen.nodes[0][-1]
    if loads.IsDelta or loads.Rneut < 0.0 or neutral == 0 or len(seen.nodes[0]) != seen.phases + 1:
        return
    z = complex(loads.Rneut, loads.Xneut)
    y = np.zeros((seen.phases + 1,) * 2, dtype=np.complex128)
    y[-1, -1] = 1.0 / z if z != 0 else SOLID_SIEMENS
    # Nothing but the load may join its neutral to the circuit: next to nothing does so beside it.
    y[0, 0], y[0, -1], y[-1, 0] = _TIE_SIEMENS, -_TIE_SIEMENS, -_TIE_SIEMENS
    terminal = (seen.buses[0], dotted(seen.nodes[0]))
    note = "from the neutral of a load to ground"
    reading.builder.add_other(f"load.{seen.name}.neutral", [terminal], y, kind="load", note=note)


def _place(seen: Seen, loads: Any, split: set[str], bus_nodes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Kind, conductors, connection and injector voltage of a load."""
    bus, nodes, delta = seen.buses[0], seen.nodes[0], bool(loads.IsDelta)
    coil_kv = loads.kV / math.sqrt(3.0) if seen.phases > 1 and not delta else loads.kV
    if bus in split and {1, 2}.issubset(bus_nodes[bus]):
        neutral = next((n for n in bus_nodes[bus] if n > 2), 0)
        used = set(nodes)
        if seen.phases == 1 and used == {1, 2}:
            return _split(neutral, "line", coil_kv / 2.0)
        if seen.phases == 1 and len(used & {1, 2}) == 1 and len(used) == 2:
            return _split(max(used - {1, 2}), str(min(used & {1, 2})), coil_kv)
        if seen.phases == 2 and not delta and set(nodes[:2]) == {1, 2}:
            return _split(nodes[2], "both", coil_kv)
    if seen.phases == 1:
        return {"kind": "single", "nodes": dotted(nodes[:2]), "kv": coil_kv}
    connection = "wye" if not delta else "delta" if seen.phases == 3 else "open-delta"
    return {"kind": "three", "nodes": dotted(nodes), "connection": connection, "kv": coil_kv}


def _split(neutral: int, leg: str, kv: float) -> dict[str, Any]:
    nodes = dotted((1, 2, neutral)) if neutral else "1.2"
    return {"kind": "split", "nodes": nodes, "leg": leg, "kv": kv}


def read_generators(reading: Reading, shapes: dict[str, str]) -> None:
    """Generators by their law, solar and storage units by their law at their solved output; what is held is listed."""
    generators = reading.circuit.Generators
    _settle(reading)
    for seen in reading.elements("generator"):
        generators.Name = seen.name
        model = int(generators.Model)
        kv, factor = generators.kV, reading.circuit.Solution.GenMult
        band = seen.number("VMinpu"), seen.number("VMaxpu")
        if model not in (*_GENERATOR_MODELS, 7):
            power = _solved_power(reading, seen, "generator")
            told = f"model {model} held at its solved output"
            _add_generator(reading, seen, power, kv, "generator", told, _HELD_BAND)
            continue
        effect = _LIMITED if model == 7 else ""
        # What the engine's own interface calls a generator's kW holds the multiplier already.
        p, q = seen.number("kW"), seen.number("kvar")
        power = p * factor, q * (1.0 if model in _FIXED_Q_GENERATORS else factor)
        carried = _GENERATOR_MODELS.get(model, LoadModel.POWER)
        _add_generator(reading, seen, power, kv, "generator", effect, band, carried)
    for kind in ("pvsystem", "storage"):
        for seen in reading.elements(kind):
            _add_solved(reading, seen, kind)


def _settle(reading: Reading) -> None:
    """Solve tightly, taps as they are, if anything is to be held at its solved output."""
    if {"generator", "pvsystem", "storage"}.intersection(reading.classes):
        solution = reading.circuit.Solution
        solution.ControlMode = -1
        solution.Tolerance = 1e-9
        solution.MaxIterations = 1000
        solution.Solve()


def _solved_power(reading: Reading, seen: Seen, kind: str) -> tuple[float, float]:
    """kW and kvar that a unit gives in the engine's solution."""
    reading.circuit.SetActiveElement(f"{kind}.{seen.name}")
    total = np.asarray(reading.circuit.ActiveCktElement.TotalPowers, dtype=float)
    return -float(total[0]), -float(total[1])


def _add_solved(reading: Reading, seen: Seen, kind: str) -> None:
    """A solar or storage unit: constant power in its band, and so much of it as gives its output in the solution.

    Beyond the band its coils are impedances, so their shares of the output go with the squares of their voltages.
    """
    kv, (p, q) = seen.number("kV"), _solved_power(reading, seen, kind)
    low, high = seen.number("VMinpu"), seen.number("VMaxpu")
    constant = seen.text("Model") == "1"
    u = _coil_voltages(reading, seen, kind) / (_coil_kv(seen, kv) * 1e3)
    output = np.where(u < low, (u / low) ** 2, np.where(u > high, (u / high) ** 2, 1.0)) if constant else u**2
    share = float(np.mean(output))
    power = (p / share, q / share) if share > 0.0 else (p, q)
    told = "held at its solved output"
    model = LoadModel.POWER if constant else LoadModel.IMPEDANCE
    _add_generator(reading, seen, power, kv, kind, told, (low, high), model)


def _coil_voltages(reading: Reading, seen: Seen, kind: str) -> Float:
    """Voltage across each coil of a unit in the engine's solution [V]."""
    reading.circuit.SetActiveElement(f"{kind}.{seen.name}")
    at = np.asarray(reading.circuit.ActiveCktElement.Voltages, dtype=float).view(np.complex128)
    if _is_delta(seen) and seen.phases > 1:
        across = at - np.roll(at, -1)
        return np.asarray(np.abs(across if seen.phases == 3 else across[:-1]))
    return np.asarray(np.abs(at[: seen.phases] - at[-1]))


def _is_delta(seen: Seen) -> bool:
    return seen.text("Conn").lower() in ("delta", "ll")


def _coil_kv(seen: Seen, kv: float) -> float:
    return kv / math.sqrt(3.0) if seen.phases > 1 and not _is_delta(seen) else kv


def _add_generator(
    reading: Reading,
    seen: Seen,
    power: tuple[float, float],
    kv: float,
    kind: str,
    effect: str,
    band: tuple[float, float],
    model: LoadModel = LoadModel.POWER,
) -> None:
    delta, nodes = _is_delta(seen), seen.nodes[0]
    between = seen.phases == 1 and nodes[1] != 0
    if seen.phases == 2 and nodes[-1] != 0:
        raise FeederError(Problem("a two-phase unit on a neutral conductor", key=f"{kind}.{seen.name}"))
    how = ("delta" if seen.phases != 2 else "open-delta") if delta or between else "wye"
    reading.builder.add_generator(
        seen.name if kind == "generator" else f"{kind}.{seen.name}",
        seen.buses[0],
        dotted(nodes),
        connection=how,
        model=int(model),
        kw=power[0],
        kvar=power[1],
        kv=_coil_kv(seen, kv),
        v_min_pu=band[0],
        v_max_pu=band[1],
    )
    reading.report.add(kind, Outcome.APPROXIMATED if effect else Outcome.CARRIED, seen.name, effect)
