"""Power flow of a feeder as an xarray Dataset with named nodes and elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Circuit, Complex, Int
from cosim.electrical.network import Network
from cosim.errors import ConvergenceError, FeederError, Problem
from cosim.feeder.compile import CompiledFeeder, compile_feeder
from cosim.feeder.feeder import Feeder

if TYPE_CHECKING:
    import xarray


def power_flow(
    feeder: Feeder,
    *,
    load_scale: ArrayLike = 1.0,
    taps: Mapping[str, float] | None = None,
    tolerance_pu: float = 1e-9,
    max_iterations: int = 200,
    strict: bool = True,
) -> xarray.Dataset:
    """Solve the feeder at its nominal loads times `load_scale`.

    Parameters
    ----------
    load_scale
        One factor, (steps,) factors of all homes, or (homes, steps). Generators are not scaled.
    taps
        Transformer name to tap [pu] of its regulated winding (winding 2 if no regulator acts on it).
    tolerance_pu, max_iterations
        See `cosim.electrical.network.Network.solve`.
    strict
        Raise if a step does not converge; otherwise it is flagged in ``converged``.

    Returns
    -------
    xarray.Dataset
        ``voltage_v`` and ``voltage_pu`` (step, node), complex; ``current_a`` (step, conductor), complex,
        from the node into the element, with the coordinates ``element``, ``terminal`` and ``at``;
        ``home_power_va`` (step, home), complex, consumed; ``source_power_va`` (step,), delivered;
        ``converged``, ``iterations`` (step,).

    Raises
    ------
    FeederError
        The feeder does not hold together, or `taps` names no transformer.
    ConvergenceError
        A step did not converge and `strict` is set.
    """
    scale = _factors(load_scale)
    compiled = compile_feeder(with_taps(feeder, taps) if taps else feeder)
    circuit = compiled.circuit
    p, q = _powers(compiled, scale)
    network = Network(circuit)
    solution = network.solve(p, q, tolerance_pu=tolerance_pu, max_iterations=max_iterations)
    if strict and not solution.converged.all():
        worst = (
            float(np.nanmax(solution.change_pu)) if np.isfinite(solution.change_pu).any() else float("nan")
        )
        raise ConvergenceError(f"power flow of {feeder.name}", worst)
    return _dataset(feeder, compiled, network, solution.v, solution.current_a).assign(
        converged=("step", solution.converged), iterations=("step", solution.iterations)
    )


def reference_flow(
    feeder: Feeder, *, load_scale: ArrayLike = 1.0, taps: Mapping[str, float] | None = None
) -> xarray.Dataset:
    """One state by pandapower's unbalanced power flow: ``voltage_v`` and ``voltage_pu`` (step, node).

    Raises
    ------
    FeederError
        pandapower cannot represent the feeder, or `load_scale` asks for more than one state.
    ConvergenceError
        pandapower did not converge, or says it did and returns no numbers.
    """
    import xarray

    from cosim.feeder.reference import solve_with_pandapower

    scale = _factors(load_scale)
    if scale.size != 1:
        raise FeederError(Problem("the reference solver takes one factor", key="load_scale"))
    home = feeder.home.copy()
    home[["kw", "kvar"]] *= float(scale.ravel()[0])
    asked = replace(with_taps(feeder, taps or {}), _net=None)
    asked.frames["home"] = home
    voltages = solve_with_pandapower(asked).node_voltages()
    circuit = compile_feeder(asked).circuit
    base = dict(zip(circuit.nodes, circuit.base_v, strict=True))
    nodes = [node for node in circuit.nodes if node in voltages]
    v = np.array([voltages[node] for node in nodes])[None, :]
    return xarray.Dataset(
        {
            "voltage_v": (("step", "node"), v, {"units": "V", "long_name": "node voltage to ground"}),
            "voltage_pu": (("step", "node"), v / np.array([base[node] for node in nodes]), {"units": "pu"}),
        },
        coords={"node": ("node", np.array(nodes, dtype=object))},
        attrs={"feeder": feeder.name, "solver": "pandapower"},
    )


def with_taps(feeder: Feeder, taps: Mapping[str, float]) -> Feeder:
    """The feeder with other taps; tables that do not change are shared."""
    winding = feeder.winding.copy()
    names = {name: row for row, name in enumerate(feeder.transformer["name"])}
    unknown = [Problem("no such transformer", key=f"taps.{name}") for name in taps if name not in names]
    if unknown:
        raise FeederError(unknown)
    regulator = feeder.table("regulator")
    regulated = dict(zip(regulator["transformer"], regulator["winding"], strict=True))
    for name, tap in taps.items():
        row = names[name]
        moved = (winding["transformer"] == row) & (winding["number"] == regulated.get(row, 2))
        winding.loc[moved, "tap_pu"] = float(tap)
    return replace(feeder, frames={**feeder.tables, "winding": winding}, _net=None)


def _factors(load_scale: ArrayLike) -> np.ndarray:
    """Load factors as an array of finite numbers."""
    try:
        scale = np.asarray(load_scale, dtype=np.float64)
    except (TypeError, ValueError):
        scale = np.array(np.nan)
    if not np.isfinite(scale).all():
        raise FeederError(Problem("must be finite numbers", key="load_scale", value=repr(load_scale)[:60]))
    return scale


def _powers(compiled: CompiledFeeder, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    injectors = compiled.circuit.injectors
    homes = len(compiled.home_kind)
    if scale.ndim > 2 or (scale.ndim == 2 and scale.shape[0] != homes):
        raise FeederError(
            Problem(
                f"must be one factor, (steps,) or ({homes}, steps)", key="load_scale", value=f"{scale.shape}"
            )
        )
    scale = np.atleast_1d(scale)
    by_home = np.broadcast_to(scale, (homes, scale.shape[-1]))
    factor = np.vstack([by_home, np.ones((1, scale.shape[-1]))])[injectors.owner]  # owner -1: unscaled
    return (
        np.ascontiguousarray(injectors.p_w[:, None] * factor),
        np.ascontiguousarray(injectors.q_var[:, None] * factor),
    )


def element_currents(circuit: Circuit, v: Complex) -> tuple[Int, Int, Int, Complex]:
    """Element, terminal, node of every element conductor, and its (conductors, steps) current [A]."""
    grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
    current, element, terminal = [], [], []
    for number, part in enumerate(circuit.elements):
        current.append(part.y_siemens @ grounded[part.nodes])
        element += [number] * len(part.nodes)
        terminal += [end for end, count in enumerate(part.conductors, start=1) for _ in range(count)]
    nodes = np.concatenate([part.nodes for part in circuit.elements]) if circuit.elements else np.zeros(0)
    flows = np.vstack(current) if current else np.zeros((0, v.shape[1]), dtype=np.complex128)
    return np.array(element), np.array(terminal), nodes.astype(np.int64), flows


def _dataset(
    feeder: Feeder, compiled: CompiledFeeder, network: Network, v: Complex, current_a: Complex
) -> xarray.Dataset:
    import xarray

    circuit = compiled.circuit
    element, terminal, nodes, flows = element_currents(circuit, v)
    drawn = network.injector_power_va(v, current_a)
    homes = np.zeros((len(feeder.home) + 1, v.shape[1]), dtype=np.complex128)
    np.add.at(homes, circuit.injectors.owner, drawn)
    names = np.array([part.name for part in circuit.elements], dtype=object)
    node_names = np.array([*circuit.nodes, "ground"], dtype=object)
    volts = {"units": "V", "long_name": "node voltage to ground"}
    return xarray.Dataset(
        {
            "voltage_v": (("step", "node"), v.T, volts),
            "voltage_pu": (("step", "node"), (v / circuit.base_v[:, None]).T, volts | {"units": "pu"}),
            "current_a": (
                ("step", "conductor"),
                flows.T,
                {"units": "A", "long_name": "current from the node into the element"},
            ),
            "home_power_va": (
                ("step", "home"),
                homes[:-1].T,
                {"units": "VA", "long_name": "power consumed by the home"},
            ),
            "source_power_va": (
                ("step",),
                network.source_power_va(v),
                {"units": "VA", "long_name": "power delivered by the sources"},
            ),
        },
        coords={
            "node": ("node", np.array(circuit.nodes, dtype=object)),
            "home": ("home", feeder.home["name"].to_numpy()),
            "element": ("conductor", names[element] if len(element) else names),
            "terminal": ("conductor", terminal),
            "at": ("conductor", node_names[nodes]),
        },
        attrs={"feeder": feeder.name},
    )
