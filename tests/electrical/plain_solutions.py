"""Solutions and currents of small circuits, to be computed twice: compiled, and by plain Python."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from electrical_sketch import random_feeder

from cosim.devices.inverter import VAR_FIRST, VOLT_VAR_B, VOLT_WATT, InverterSettings
from cosim.electrical import law_kernels
from cosim.electrical.circuit import Circuit
from cosim.electrical.lane_kernels import LANES
from cosim.electrical.network import Network
from cosim.electrical.voltage_laws import VoltageLaws

MODES = (
    InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT),
    InverterSettings(volt_var=VOLT_VAR_B, q_first_pu=VAR_FIRST),
    InverterSettings(power_factor=-0.92, volt_watt=VOLT_WATT),
)


def solar(seed: int, mode: InverterSettings) -> Circuit:
    """A random feeder of every load model, and an inverter at every home."""
    circuit = random_feeder(seed, 3, 1, 3)
    rows = np.arange(2, len(circuit.injectors), 3)
    p = circuit.injectors.p_w.copy()
    p[rows] = -6000.0
    return replace(
        circuit,
        injectors=replace(circuit.injectors, p_w=p),
        inverters=mode.inverters(rows, np.full(len(rows), 6000.0)),
    )


def laws() -> dict[str, np.ndarray]:
    """(m, LANES) currents of every injector over a sweep of voltages."""
    found = {}
    for number, mode in enumerate(MODES):
        circuit = solar(5 + number, mode)
        m = len(circuit.injectors)
        rng = np.random.default_rng(number)
        u = np.concatenate([np.linspace(0.02, 1.3, LANES - 1), [0.0]])
        v = u * circuit.injectors.v_nom[:, None] * np.exp(1j * rng.uniform(0.0, 6.0, (m, 1)))
        scale = rng.uniform(0.0, 1.4, (m, LANES))
        p, q = (circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale)
        current = np.empty_like(v)
        law = VoltageLaws.of(circuit.injectors, circuit.inverters)
        law_kernels.injector_currents(p, q, law.arrays(), v, current)
        found[f"plain {number}"] = law.plain
        found[f"law {number}"] = current
    return found


def solutions() -> dict[str, np.ndarray]:
    """Voltages, currents and iterations, tightly and loosely solved."""
    found = {}
    for number, mode in enumerate(MODES):
        circuit = solar(11 + number, mode)
        scale = np.random.default_rng(number).uniform(0.0, 1.3, (len(circuit.injectors), 3))
        p, q = circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale
        for tolerance in (1e-12, 1e-5):
            s = Network(circuit).solve(p, q, tolerance_pu=tolerance)
            assert s.converged.all()
            found |= {
                f"{name} {number} {tolerance}": value
                for name, value in (("v", s.v), ("current", s.current_a), ("iterations", s.iterations))
            }
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **laws(), **solutions())
