"""A feeder's voltages beside those of the OpenDSS engine, solved tightly at the same state."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosim.electrical.network import Network
from cosim.errors import ConvergenceError, FeederError, Problem
from cosim.feeder.feeder import Feeder
from cosim.feeder.opendss_elements import LEAST_OHM
from cosim.feeder.script import run_master

_TOLERANCE = 1e-10
_ITERATIONS = 3000


@dataclass(frozen=True)
class Comparison:
    """Largest and 99th-percentile difference of complex node voltages, in per unit of each node's base.

    Parameters
    ----------
    nodes
        Nodes compared.
    max_error_pu, p99_error_pu
        Of ``|v - v_opendss| / base``.
    worst_node
        Where the largest stands.
    opendss_tolerance
        That the engine reached; its own error is about that times its slow convergence.
    """

    nodes: int
    max_error_pu: float
    p99_error_pu: float
    worst_node: str
    opendss_tolerance: float = _TOLERANCE

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(feeder: Feeder, master: str | Path) -> Comparison:
    """Compare with OpenDSS at the feeder's own taps and capacitor steps, controls off.

    Lines of next to no impedance, which the import raises to `LEAST_OHM`, are raised in the engine too: at
    1e-10 ohm its own solution loses the power balance (0.13 % of it, 1.4e-5 pu, on IEEE's secondary test
    circuit) to the rounding of its 1e10 siemens.

    Raises
    ------
    FeederError
        The master cannot be run, does not converge, or has other nodes than the feeder.
    """
    master = Path(master)
    # Fixed blocks are as the controls left them, so the engine must be led there; all else is imposed.
    moved = feeder.table("other")["kind"].isin(["transformer", "capacitor"]).any()
    engine = run_master(master, controls="solved" if moved else "off").engine
    circuit = engine.ActiveCircuit
    _check_names(feeder, circuit, master)
    _impose_state(feeder, circuit)
    solution = circuit.Solution
    solution.ControlMode = -1
    solution.MaxIterations = _ITERATIONS
    tolerance = _TOLERANCE
    while True:
        solution.Tolerance = tolerance
        solution.Solve()
        if solution.Converged or tolerance >= 1e-8:
            break
        tolerance *= 10.0
    if not solution.Converged:
        raise FeederError(Problem(f"OpenDSS does not converge to {tolerance:g} pu", file=str(master)))
    flat = np.asarray(circuit.YNodeVarray, dtype=np.float64).view(np.complex128)
    theirs = dict(zip((name.lower() for name in circuit.YNodeOrder), flat, strict=True))
    compiled = feeder.compile().circuit
    solved = Network(compiled).solve(tolerance_pu=1e-10, max_iterations=1000)
    if not solved.converged.all():
        raise ConvergenceError(f"power flow of {feeder.name}", float(solved.change_pu[0]))
    ours, base, names = solved.v[:, 0], compiled.base_v, compiled.nodes
    known = set(names)
    missing = [name for name in theirs if name not in known]
    if missing:
        raise FeederError(
            Problem(
                f"{len(missing)} nodes of the master are not in the feeder",
                file=str(master),
                value=", ".join(missing[:5]),
            )
        )
    rows = [row for row, name in enumerate(names) if name in theirs]
    if not rows:
        raise FeederError(Problem("has no node of the feeder", file=str(master)))
    error = np.array([abs(ours[row] - theirs[names[row]]) / base[row] for row in rows])
    worst = int(np.argmax(error))
    return Comparison(
        len(rows), float(error[worst]), float(np.quantile(error, 0.99)), names[rows[worst]], tolerance
    )


def _check_names(feeder: Feeder, circuit: Any, master: Path) -> None:
    """Raise `FeederError` with every element whose state is to be imposed and that the master does not have."""
    switched = feeder.line["name"].iloc[feeder.table("switch")["element"].to_numpy(dtype=np.int64)]
    asked = {
        "transformer": (feeder.transformer["name"], circuit.Transformers.AllNames),
        "capacitor": (feeder.table("shunt")["name"], circuit.Capacitors.AllNames),
        "line": (switched, circuit.Lines.AllNames),
    }
    problems = []
    for kind, (ours, theirs) in asked.items():
        known = {str(name).lower() for name in theirs}
        missing = sorted({str(name) for name in ours if str(name).lower() not in known})
        if missing:
            some = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            message = (
                f"does not have {len(missing)} of the feeder's {kind}s; compare a feeder with its own master"
            )
            problems.append(Problem(message, file=str(master), key=kind, value=some))
    if problems:
        raise FeederError(problems)


def _impose_state(feeder: Feeder, circuit: Any) -> None:
    """Give the engine the feeder's taps, capacitor steps and switch positions."""
    units, banks = circuit.Transformers, circuit.Capacitors
    names = feeder.transformer["name"].tolist()
    winding = feeder.winding
    for unit, number, tap in zip(winding["transformer"], winding["number"], winding["tap_pu"], strict=True):
        units.Name = names[unit]
        units.Wdg = int(number)
        units.Tap = float(tap)
    shunt = feeder.table("shunt")
    for name, step, most in zip(shunt["name"], shunt["step"], shunt["max_step"], strict=True):
        banks.Name = name
        banks.States = [1] * int(step) + [0] * (int(most) - int(step))
    line, switch = feeder.line, feeder.table("switch")
    _impose_raised(feeder, circuit)
    for row, bus, closed in zip(switch["element"], switch["bus"], switch["closed"], strict=True):
        circuit.SetActiveElement(f"line.{line['name'].iloc[row]}")
        end = 1 if bus == line["from_bus"].iloc[row] else 2
        element = circuit.ActiveCktElement
        element.Close(end, 0) if closed else element.Open(end, 0)


def _impose_raised(feeder: Feeder, circuit: Any) -> None:
    """Give the engine the impedance of every line that the import raised, by lengthening it."""
    for name, z in zip(feeder.line["name"], feeder.matrices.line_z_ohm, strict=True):
        if np.abs(z.diagonal()).max() <= LEAST_OHM * (1.0 + 1e-9):
            circuit.SetActiveElement(f"line.{name}")
            flat = np.asarray(circuit.ActiveCktElement.Yprim, dtype=np.float64).view(np.complex128)
            size = 2 * len(z)
            theirs = np.linalg.inv(-flat.reshape(size, size)[: len(z), len(z) :])
            circuit.Lines.Name = name
            circuit.Lines.Length *= float(np.abs(z).max() / np.abs(theirs).max())
