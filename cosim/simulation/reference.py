"""``solver = "pandapower"``: every step solved by the slow reference, for feeders it can represent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.network import Network, Solution
from cosim.errors import ConvergenceError, Problem, ScenarioError
from cosim.feeder.feeder import Feeder
from cosim.feeder.reference import solve_with_pandapower

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario import Scenario

Float = NDArray[np.float64]


def check_reference(scenario: Scenario, feeder: Feeder) -> None:
    """Refuse, before the run, what the reference solver cannot do.

    Raises
    ------
    ScenarioError
        If the scenario opens or closes anything.
    FeederError
        If pandapower cannot represent the feeder.
    """
    switching = [
        event for event in scenario.events if event.kind in ("outage", "open", "close", "source-voltage")
    ]
    if switching:
        raise ScenarioError(
            [
                Problem(
                    'cannot be simulated with solver = "pandapower"; use solver = "cosim"',
                    key="events",
                    value=e.where or e.kind,
                )
                for e in switching
            ]
        )
    solve_with_pandapower(feeder)


def solve_reference(
    feeder: Feeder, compiled: CompiledFeeder, network: Network, p_w: Float, q_var: Float
) -> Solution:
    """Solve steps one by one; powers (injectors, steps), load convention.

    A home's injectors are added up and stand at its bus as the feeder's own load does; constant
    power draws the conjugate of S/V. A step pandapower cannot solve is reported as not converged.
    """
    nodes = {name: row for row, name in enumerate(compiled.circuit.nodes)}
    injectors = compiled.circuit.injectors
    homes, steps = len(compiled.home_kind), p_w.shape[1]
    v = np.zeros((len(nodes), steps), dtype=np.complex128)
    converged = np.zeros(steps, dtype=bool)
    owned = injectors.owner >= 0
    for step in range(steps):
        kw, kvar = np.zeros(homes), np.zeros(homes)
        np.add.at(kw, injectors.owner[owned], p_w[owned, step] / 1e3)
        np.add.at(kvar, injectors.owner[owned], q_var[owned, step] / 1e3)
        try:
            found = solve_with_pandapower(_with_loads(feeder, kw, kvar)).node_voltages()
        except ConvergenceError:
            continue
        for name, value in found.items():
            v[nodes[name], step] = value
        converged[step] = True
    grounded = np.vstack([v, np.zeros((1, steps))])
    across = grounded[injectors.node_a] - grounded[injectors.node_b]
    power = p_w + 1j * q_var
    current = np.conj(np.divide(power, across, out=np.zeros_like(across), where=across != 0))
    iterations = np.ones(steps, dtype=np.int32)
    change = np.where(converged, 0.0, np.nan)
    v[~network.energised] = 0.0
    nothing = np.zeros(steps, dtype=np.bool_)
    return Solution(v, current, iterations, converged, change, nothing, np.full(steps, -1))


def _with_loads(feeder: Feeder, kw: Float, kvar: Float) -> Feeder:
    frames = {name: feeder.table(name) for name in feeder.frames}
    frames["home"] = frames["home"].assign(kw=kw, kvar=kvar)
    return replace(feeder, frames=frames, _net=None)
