"""Power flow of a feeder as an xarray Dataset with named nodes and elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Circuit, Complex, Int
from cosim.electrical.network import Network, Solution
from cosim.electrical.quality import element_losses_w, unbalance
from cosim.electrical.terminals import Terminals
from cosim.errors import ConvergenceError, FeederError, Problem
from cosim.feeder.compile import CompiledFeeder, compile_feeder
from cosim.feeder.feeder import Feeder
from cosim.feeder.quality import ansi_range, home_voltage_pu, neutral_conductors, watch

if TYPE_CHECKING:
    import xarray

_TAP_SLACK = 1e-6


def power_flow(
    feeder: Feeder,
    *,
    load_scale: ArrayLike = 1.0,
    taps: Mapping[str, float] | None = None,
    tolerance_pu: float = 1e-9,
    max_iterations: int = 200,
    strict: bool = True,
    controls: Literal["held", "settled"] = "held",
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
    controls
        ``"held"``: taps and capacitors stay as the tables (or `taps`) have them. ``"settled"``: at every step they
        move from there until no control wants anything; ``regulator_tap_pu`` and ``capacitor_steps_on`` tell.

    Returns
    -------
    xarray.Dataset
        ``voltage_v`` and ``voltage_pu`` (step, node), complex; ``current_a`` (step, conductor), complex,
        from the node into the element, with the coordinates ``element``, ``terminal`` and ``at``;
        ``home_power_va`` (step, home), complex, consumed; ``source_power_va`` (step,), delivered;
        ``converged``, ``iterations`` (step,); and the quality figures of `quality_figures`.

    Raises
    ------
    FeederError
        The feeder does not hold together, `taps` names no transformer, or controls hunt.
    ConvergenceError
        A step did not converge and `strict` is set.
    """
    scale = _factors(load_scale)
    feeder = with_taps(feeder, taps) if taps else feeder
    if controls == "settled":
        from cosim.feeder.settle import settled_flow

        return settled_flow(
            feeder,
            load_scale=load_scale,
            tolerance_pu=tolerance_pu,
            max_iterations=max_iterations,
            strict=strict,
        )
    compiled = compile_feeder(feeder)
    circuit = compiled.circuit
    p, q = powers(compiled, scale)
    network = Network(circuit)
    solution = network.solve(p, q, tolerance_pu=tolerance_pu, max_iterations=max_iterations)
    if strict and not solution.converged.all():
        raise _unsettled(feeder, network, solution)
    found = _dataset(feeder, compiled, network, solution.v, solution.current_a)
    return found.merge(quality_figures(feeder, compiled, network, solution.v)).assign(
        converged=("step", solution.converged), iterations=("step", solution.iterations)
    )


def quality_figures(feeder: Feeder, compiled: CompiledFeeder, network: Network, v: Complex) -> xarray.Dataset:
    """What planners read from (nodes, steps) voltages.

    Returns
    -------
    xarray.Dataset
        By line in service: ``loading_percent``, the most loaded conductor at either end against the rating;
        ``residual_a``, the sum of its phase conductors' currents; ``neutral_a``, the current of its own neutral
        conductor if it has one, else what returns through the reduced neutral and earth, the residual.
        By transformer in service: ``transformer_loading_percent`` (apparent power into winding 1),
        ``transformer_load_loss_w``, ``transformer_noload_loss_w``. By element: ``loss_w``. By three-phase bus:
        ``unbalance_percent`` (negative over positive sequence) and ``unbalance_nema_percent``. By home:
        ``home_voltage_pu``, of the leg furthest from nominal, and ``ansi_range`` (0 A, 1 B, 2 outside, -1 dead).
    """
    import xarray

    circuit, still = compiled.circuit, network.no_load_voltage()
    watched = watch(feeder, compiled, still)
    figures = watched.quality.read(v)
    residual, neutral = _neutral_currents(circuit, compiled.line_element[watched.line], v, still, compiled)
    on = compiled.transformer_element >= 0
    units = compiled.transformer_element[on]
    kva = feeder.transformer["rated_kva"].to_numpy(float)[on]
    power = np.abs(Terminals(circuit, [(int(unit), 0) for unit in units]).power_va(v)) / 1e3
    lost = element_losses_w(circuit, v)
    core = watched.quality.core_by_element_w(v, units)
    loading = 100.0 * figures.line_a / watched.line_rating_a
    pu = home_voltage_pu(feeder, compiled, v)
    nema = unbalance(v[watched.bus_nodes].swapaxes(0, 1), "nema")

    def by(item: str, values: np.ndarray, units: str, long_name: str) -> tuple[object, ...]:
        return ("step", item), values, {"units": units, "long_name": long_name}

    return xarray.Dataset(
        {
            "loading_percent": by("line", loading, "%", "current of the most loaded conductor over rating"),
            "residual_a": by("line", residual.T, "A", "sum of the phase conductors' currents"),
            "neutral_a": by("line", neutral.T, "A", "current that returns through the neutral"),
            "transformer_loading_percent": by(
                "transformer", (100.0 * power / kva[:, None]).T, "%", "apparent power over rating"
            ),
            "transformer_load_loss_w": by("transformer", (lost[units] - core).T, "W", "loss in windings"),
            "transformer_noload_loss_w": by("transformer", core.T, "W", "loss in the core"),
            "loss_w": by("part", lost.T, "W", "power that stays in the element"),
            "unbalance_percent": by(
                "bus", 100.0 * figures.unbalance, "%", "negative over positive sequence voltage"
            ),
            "unbalance_nema_percent": by(
                "bus", 100.0 * nema.T, "%", "largest deviation of line voltages from their mean"
            ),
            "home_voltage_pu": by("home", pu.T, "pu", "service voltage of the leg furthest from nominal"),
            "ansi_range": by(
                "home", ansi_range(pu).T, "", "ANSI C84.1: 0 range A, 1 range B, 2 outside, -1 dead"
            ),
        },
        coords={
            "line": ("line", feeder.line["name"].to_numpy(dtype=object)[watched.line]),
            "transformer": ("transformer", feeder.transformer["name"].to_numpy(dtype=object)[on]),
            "part": ("part", np.array([element.name for element in circuit.elements], dtype=object)),
            "bus": ("bus", np.array(watched.buses, dtype=object)),
            "home": ("home", feeder.home["name"].to_numpy()),
        },
    )


def _neutral_currents(
    circuit: Circuit, lines: Int, v: Complex, still: Complex, compiled: CompiledFeeder
) -> tuple[np.ndarray, np.ndarray]:
    """(lines, steps) magnitude of the residual current, and of what the neutral carries [A], sending end."""
    is_neutral = np.append(neutral_conductors(compiled, still), False)
    current = Terminals(circuit, [(int(line), 0) for line in lines]).current_a(v)
    residual, neutral = np.zeros((2, len(lines), v.shape[1]))
    for row, line in enumerate(lines):
        element = circuit.elements[int(line)]
        own = is_neutral[element.nodes[element.terminal(0)]]
        flows = current[row, : len(own)]
        residual[row] = np.abs(flows[~own].sum(axis=0))
        neutral[row] = np.abs(flows[own].sum(axis=0)) if own.any() else residual[row]
    return residual, neutral


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
    outside: list[Problem] = []
    for name, tap in taps.items():
        row = names[name]
        moved = (winding["transformer"] == row) & (winding["number"] == regulated.get(row, 2))
        limits = winding.loc[moved, ["tap_min_pu", "tap_max_pu"]].to_numpy(float)
        # NaN limits bar nothing
        if (tap < limits[:, 0] - _TAP_SLACK).any() or (tap > limits[:, 1] + _TAP_SLACK).any():
            low, high = limits[0]
            outside.append(
                Problem(f"its taps go from {low:g} to {high:g} pu", key=f"taps.{name}", value=f"{tap:g}")
            )
        winding.loc[moved, "tap_pu"] = float(tap)
    if outside:
        raise FeederError(outside)
    return replace(feeder, frames={**feeder.tables, "winding": winding}, _net=None)


def _factors(load_scale: ArrayLike) -> np.ndarray:
    """Load factors as an array of numbers; the finite ones are told apart by `powers`."""
    try:
        return np.asarray(load_scale, dtype=np.float64)
    except (TypeError, ValueError):
        problem = Problem("must be finite numbers", key="load_scale", value=repr(load_scale)[:60])
        raise FeederError(problem) from None


def powers(compiled: CompiledFeeder, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m, steps) powers of the injectors at the feeder's nominal loads times `scale`."""
    injectors = compiled.circuit.injectors
    homes = len(compiled.home_kind)
    if scale.ndim > 2 or (scale.ndim == 2 and scale.shape[0] != homes):
        raise FeederError(
            Problem(
                f"must be one factor, (steps,) or ({homes}, steps)", key="load_scale", value=f"{scale.shape}"
            )
        )
    scale = np.atleast_1d(scale)
    _require_finite(scale)
    by_home = np.broadcast_to(scale, (homes, scale.shape[-1]))
    factor = np.vstack([by_home, np.ones((1, scale.shape[-1]))])[injectors.owner]  # owner -1: unscaled
    return (
        np.ascontiguousarray(injectors.p_w[:, None] * factor),
        np.ascontiguousarray(injectors.q_var[:, None] * factor),
    )


def _unsettled(feeder: Feeder, network: Network, solution: Solution) -> ConvergenceError:
    """The first step without a solution, the node that fell furthest there, and what may be done."""
    steps = np.flatnonzero(~solution.converged)
    circuit, first = network.circuit, int(steps[0])
    pu = np.nan_to_num(np.abs(solution.v[:, first]) / circuit.base_v)
    node = circuit.nodes[int(np.argmin(np.where(network.energised, pu, np.inf)))]
    what = (
        f"power flow of {feeder.name}, step {first} ({len(steps)} of {len(solution.converged)} steps; lowest voltage "
        f"at {node}; lower load_scale, or ask with strict=False for the steps that settle)"
    )
    return ConvergenceError(what, float(solution.change_pu[first]))


def _require_finite(scale: np.ndarray) -> None:
    wrong = np.argwhere(~np.isfinite(np.atleast_1d(scale)))
    if len(wrong):
        home = f", home {wrong[0][0]}" if scale.ndim == 2 else ""
        sentence = (
            f"{len(wrong)} values are no finite numbers, the first at step {wrong[0][-1]}{home}: fill them"
        )
        raise FeederError(
            Problem(sentence, key="load_scale", value=f"{np.atleast_1d(scale)[tuple(wrong[0])]}")
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
