"""Where voltage controls come to rest with loads that stay as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Float
from cosim.electrical.network import Network, Solution
from cosim.electrical.tap_update import MovingNetwork
from cosim.errors import ConvergenceError, FeederError, Problem
from cosim.feeder.compile import compile_feeder
from cosim.feeder.controls import Controls, Setting
from cosim.feeder.feeder import Feeder

if TYPE_CHECKING:
    import xarray

MOST_ROUNDS = 200


def settle(
    controls: Controls,
    base: Network,
    p_w: Float,
    q_var: Float,
    *,
    tolerance_pu: float = 1e-9,
    max_iterations: int = 200,
    hour: float = 12.0,
    air_c: float = 20.0,
) -> Setting:
    """Move taps and capacitor steps until no control wants anything.

    As OpenDSS's static control mode: in each round those with the shortest delay act, regulators by most of
    what they want; a control that is back in its band leaves the queue.

    Parameters
    ----------
    controls, base
        Of one feeder; `base` is the network at ``controls.start``, from where they set out.
    p_w, q_var
        (m, 1) powers of the injectors.
    hour, air_c
        What clocks and thermometers show.

    Raises
    ------
    ConvergenceError
        A round's power flow did not converge.
    FeederError
        They do not come to rest; names those that still want to move.
    """
    setting, queue = controls.start, dict[int, float]()
    opened: set[int] = set()
    shown = np.array([hour]), np.array([air_c])
    delays = [controls.delays[name] for name in controls.names]
    moving = MovingNetwork(base, controls.elements)
    for _ in range(MOST_ROUNDS):
        network = base if setting == controls.start else moving.at(controls.circuit(setting))
        solution: Solution = network.solve(
            p_w, q_var, tolerance_pu=tolerance_pu, max_iterations=max_iterations, only=controls.nodes
        )
        if not solution.converged.all():
            node = int(solution.worst_node[0])
            where = f", worst at {network.circuit.nodes[node]}" if node >= 0 else ""
            raise ConvergenceError(f"power flow while controls settle{where}", float(solution.change_pu[0]))
        wanted = controls.wanted(solution.v, network.circuit, setting, *shown)[:, 0].tolist()
        for control, steps in enumerate(wanted):
            if steps == 0:
                queue.pop(control, None)
            elif control not in queue:
                delay = delays[control]
                dead_s = delay.dead_s if control in opened else 0.0
                own_s = controls.delay_s(control, solution.v, network.circuit, setting)
                queue[control] = dead_s + delay.raise_s if steps > 0 else delay.lower_s
                if own_s is not None:
                    queue[control] = own_s
        if not queue:
            return setting
        first_s = min(queue.values())
        for control in [control for control, delay_s in queue.items() if delay_s == first_s]:
            del queue[control]
            setting = controls.take(control, setting, controls.settling(control, wanted[control]))
            if controls.is_off(control, setting):
                opened.add(control)
    hunting = [controls.names[control] for control, steps in enumerate(wanted) if steps]
    raise FeederError(
        [
            Problem(
                f"has not come to rest after {MOST_ROUNDS} rounds: its band or settings make it hunt",
                key=name,
            )
            for name in hunting
        ]
    )


def settled_flow(
    feeder: Feeder, *, load_scale: ArrayLike, tolerance_pu: float, max_iterations: int, strict: bool
) -> xarray.Dataset:
    """`cosim.feeder.flow.power_flow` with every state's controls settled from where the feeder has them.

    Returns
    -------
    xarray.Dataset
        With ``regulator_tap_pu`` (step, regulator) and ``capacitor_steps_on`` (step, capacitor) besides. Unless
        `strict`, a step whose controls find no power flow has them where the feeder has, and is not ``converged``.
    """
    import xarray

    from cosim.feeder.flow import power_flow, powers

    compiled = compile_feeder(feeder)
    controls, base = Controls(feeder, compiled), Network(compiled.circuit)
    scale = np.atleast_1d(np.asarray(load_scale, dtype=np.float64))
    p, q = powers(compiled, scale)
    states = []
    for step in range(p.shape[1]):
        setting, failed = controls.start, None
        try:
            setting = settle(
                controls, base, p[:, step : step + 1], q[:, step : step + 1],
                tolerance_pu=tolerance_pu, max_iterations=max_iterations,
            )  # fmt: skip
        except ConvergenceError as error:
            failed = error
            if strict:
                what = (
                    f"{error.what} (step {step} of {feeder.name}; lower load_scale, or ask with strict=False)"
                )
                raise ConvergenceError(what, error.residual_pu) from error
        taps, steps_on = controls.taps_pu(setting), controls.steps_on(setting)
        flow = power_flow(
            with_setting(feeder, controls, setting),
            load_scale=scale[..., step : step + 1],
            tolerance_pu=tolerance_pu,
            max_iterations=max_iterations,
            strict=strict,
        )
        states.append(
            flow.assign(
                converged=flow["converged"] & (failed is None),
                regulator_tap_pu=(("step", "regulator"), np.array([list(taps.values())], dtype=np.float64)),
                capacitor_steps_on=(
                    ("step", "capacitor"),
                    np.array([list(steps_on.values())], dtype=np.int64),
                ),
            ).assign_coords(
                regulator=np.array(list(taps), dtype=object), capacitor=np.array(list(steps_on), dtype=object)
            )
        )
    return xarray.concat(states, dim="step", data_vars="minimal") if len(states) > 1 else states[0]


def with_setting(feeder: Feeder, controls: Controls, setting: Setting) -> Feeder:
    """The feeder with taps and capacitor steps as a setting has them; other tables are shared."""
    winding, shunt = feeder.winding.copy(), feeder.table("shunt").copy()
    regulator, capacitor = feeder.table("regulator"), feeder.table("capacitor_control")
    for name, tap in controls.taps_pu(setting).items():
        row = regulator[regulator["name"] == name].iloc[0]
        moved = (winding["transformer"] == row["transformer"]) & (winding["number"] == row["winding"])
        winding.loc[moved, "tap_pu"] = tap
    for name, steps_on in controls.steps_on(setting).items():
        row = capacitor[capacitor["name"] == name].iloc[0]
        shunt.loc[int(row["shunt"]), "step"] = steps_on
    return replace(feeder, frames={**feeder.tables, "winding": winding, "shunt": shunt}, _net=None)
