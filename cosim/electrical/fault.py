"""Short-circuit currents between any nodes: Thevenin equivalents, every kind of fault, and its asymmetry.

A fault is a set of loops between conductors of one place, closed at once. With the loops' incidence A (+1 where
a loop leaves the network, -1 where it returns, a column each), the Thevenin impedance Z and voltage V of the
conductors, and the impedance Z_f inside the fault,

    I_loops = (A' Z A + Z_f)^-1 A' V,    I_conductors = A I_loops

holds for a bolted single-phase fault as for three phases to ground through an arc.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.asymmetry import peak_factor, peak_factor_iec, peak_factor_ieee551, rms_factor
from cosim.electrical.circuit import GROUND, Circuit, Complex, Float, Int
from cosim.electrical.impedance import ImpedanceMatrix
from cosim.electrical.network import LoadsAs, Network

__all__ = [
    "Fault", "FaultDuty", "FaultKind", "Places", "Thevenin", "bus_faults", "duty_of", "fault_duty", "faults_at",
    "peak_factor", "peak_factor_iec", "peak_factor_ieee551", "places_of", "rms_factor", "thevenin",
]  # fmt: skip

FLOATING_PU = 0.1  # a conductor below this share of its base voltage is a neutral, not a phase


@dataclass(frozen=True)
class Thevenin:
    """What a pair of nodes looks like from outside.

    Parameters
    ----------
    z_ohm
        (k,) impedance between the nodes; infinite where one of them is dead.
    v_open
        (k,) voltage from `node_a` to `node_b` before the fault [V].
    """

    z_ohm: Complex
    v_open: Complex


@dataclass(frozen=True)
class FaultDuty:
    """Fault currents, all of one shape.

    Parameters
    ----------
    symmetrical_a
        Steady r.m.s. current of the conductor that carries most.
    x_over_r
        Of the impedance seen from the fault.
    peak_factor
        Largest instantaneous current over sqrt(2) `symmetrical_a`, at the worst closing angle.
    peak_a
        That largest current.
    """

    symmetrical_a: Float
    x_over_r: Float
    peak_factor: Float
    peak_a: Float

    @cached_property
    def asymmetrical_a(self) -> Float:
        """True r.m.s. of the first cycle at its worst closing angle [A]."""
        return np.asarray(rms_factor(self.x_over_r) * self.symmetrical_a)


def thevenin(network: Network, node_a: Int, node_b: Int, *, loads: LoadsAs = "off") -> Thevenin:
    """Thevenin equivalents between pairs of nodes.

    Parameters
    ----------
    network
        Its sources keep their EMFs.
    node_a, node_b
        (k,) nodes; `node_b` may be ground (-1).
    loads
        "off": injectors draw nothing (the default for duty); "admittance": they stand as their nominal
        admittance, which is OpenDSS's convention.
    """
    a, b = np.atleast_1d(node_a), np.atleast_1d(node_b)
    v = np.append(network.open_circuit_voltage(loads=loads), 0.0)
    return Thevenin(ImpedanceMatrix(network, loads=loads).between(a, b), v[a] - v[b])


def fault_duty(
    network: Network, node_a: Int, node_b: Int, *, loads: LoadsAs = "off", arc_ohm: complex = 0.0
) -> FaultDuty:
    """Duty of faults between pairs of nodes, bolted or through `arc_ohm`; see `thevenin` for the rest."""
    seen = thevenin(network, node_a, node_b, loads=loads)
    z = seen.z_ohm + arc_ohm
    return duty_of(np.abs(seen.v_open) / np.abs(z), z)


def duty_of(symmetrical_a: Float, z_ohm: Complex) -> FaultDuty:
    """Duty of currents whose asymmetry the angle of `z_ohm` decides."""
    r, x = z_ohm.real, z_ohm.imag
    ratio = np.divide(x, r, out=np.full_like(r, np.inf), where=r > 0.0)
    factor = peak_factor(ratio)
    return FaultDuty(symmetrical_a, ratio, factor, np.sqrt(2.0) * factor * symmetrical_a)


# -- every kind of fault at every place ---------------------------------------------------------


class FaultKind(StrEnum):
    """Kinds of fault between conductors of one bus; a leg of a 120/240 V service is a line conductor."""

    LINE_GROUND = "line-ground"  # to the neutral conductor where the bus has one
    LINE_LINE = "line-line"
    LINE_LINE_GROUND = "line-line-ground"
    THREE_PHASE = "three-phase"
    THREE_PHASE_GROUND = "three-phase-ground"


@dataclass(frozen=True)
class Places:
    """Where faults may be: conductors that stand together.

    Parameters
    ----------
    name
        (k,) name of each bus.
    nodes
        (k, 4) up to three line conductors, -1 where there are fewer, and in the last column the neutral,
        -1 for ground.
    """

    name: tuple[str, ...]
    nodes: Int


@dataclass(frozen=True)
class Fault:
    """Faults of every kind at every place, one entry each, all (m,).

    Parameters
    ----------
    place
        Row of `Places`.
    kind
        `FaultKind` of each.
    conductors
        Names of the faulted conductors, such as ``1-2``.
    current_a
        (m, 4) phasors that leave the network at the place's conductors, in its column order.
    duty
        Largest conductor current with its asymmetry.
    """

    place: Int
    kind: tuple[FaultKind, ...]
    conductors: tuple[str, ...]
    current_a: Complex
    duty: FaultDuty


# Loops of each kind over the columns (a, b, c, return); which columns must be line conductors.
_LOOPS: dict[FaultKind, tuple[tuple[tuple[int, ...], list[list[float]]], ...]] = {
    FaultKind.LINE_GROUND: tuple(
        ((i,), [[1.0 if k == i else -1.0 if k == 3 else 0.0] for k in range(4)]) for i in range(3)
    ),
    FaultKind.LINE_LINE: tuple(
        ((i, j), [[(k == i) - (k == j) + 0.0] for k in range(4)]) for i, j in ((0, 1), (1, 2), (0, 2))
    ),
    FaultKind.LINE_LINE_GROUND: tuple(
        ((i, j), [[float(k == i) - (k == 3), float(k == j) - (k == 3)] for k in range(4)])
        for i, j in ((0, 1), (1, 2), (0, 2))
    ),
    FaultKind.THREE_PHASE: (((0, 1, 2), [[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0], [0.0, 0.0]]),),
    FaultKind.THREE_PHASE_GROUND: (
        ((0, 1, 2), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, -1.0, -1.0]]),
    ),
}


def places_of(network: Network, *, loads: LoadsAs = "off") -> Places:
    """Every bus that has voltage, its line conductors told from its neutral by their open-circuit voltage."""
    circuit, v_open = network.circuit, network.open_circuit_voltage(loads=loads)
    buses: dict[str, list[int]] = {}
    for node in np.flatnonzero(network.energised).tolist():
        buses.setdefault(circuit.nodes[node].rpartition(".")[0], []).append(node)
    names, rows = [], []
    for name, nodes in buses.items():
        line = [node for node in nodes if abs(v_open[node]) > FLOATING_PU * circuit.base_v[node]][:3]
        neutral = [node for node in nodes if node not in line][:1] or [GROUND]
        if line:
            names.append(name)
            rows.append([*line, *[GROUND] * (3 - len(line)), *neutral])
    return Places(tuple(names), np.array(rows, dtype=np.int64).reshape(-1, 4))


def bus_faults(
    network: Network,
    places: Places | None = None,
    *,
    loads: LoadsAs = "off",
    arc_ohm: complex = 0.0,
    ground_ohm: complex = 0.0,
) -> Fault:
    """Every kind of fault at every bus.

    Parameters
    ----------
    places
        Every bus with voltage if not given.
    loads
        See `thevenin`.
    arc_ohm
        Impedance of the arc: in each conductor of a fault with more than one loop, and once between two.
    ground_ohm
        Common impedance of the way to ground, for faults to ground; both together give the least current.
    """
    v = network.open_circuit_voltage(loads=loads)
    where = places_of(network, loads=loads) if places is None else places
    z = ImpedanceMatrix(network, loads=loads).among(where.nodes)
    return faults_at(network.circuit, where, z, np.append(v, 0.0)[where.nodes], arc_ohm, ground_ohm)


def faults_at(
    circuit: Circuit, places: Places, z_ohm: Complex, v_open: Complex, arc_ohm: complex, ground_ohm: complex
) -> Fault:
    """Faults from the (k, 4, 4) impedances and (k, 4) open voltages of `places`; see `bus_faults`."""
    suffix = [name.rpartition(".")[2] for name in circuit.nodes]
    alive = np.isfinite(z_ohm.reshape(len(z_ohm), -1)).all(axis=1)
    place, kinds, names, currents, seen = [], list[FaultKind](), list[str](), [], []
    for kind, variants in _LOOPS.items():
        for columns, incidence in variants:
            rows = np.flatnonzero((places.nodes[:, columns] >= 0).all(axis=1) & alive)
            if not len(rows):
                continue
            a = np.array(incidence)
            inner = arc_ohm * (np.eye(a.shape[1]) if kind != FaultKind.THREE_PHASE else a[:3].T @ a[:3])
            if (a[3] != 0.0).any():
                inner = inner + ground_ohm
            loop_v = v_open[rows] @ a
            loop_i = np.linalg.solve(a.T @ z_ohm[rows] @ a + inner, loop_v[..., None])[..., 0]
            power = (loop_v * np.conj(loop_i)).sum(axis=1)  # its angle is that of the impedance seen
            place.append(rows)
            currents.append(loop_i @ a.T)
            seen.append(power)
            kinds += [kind] * len(rows)
            at = places.nodes[rows]
            names += ["-".join(suffix[at[i, c]] for c in columns) for i in range(len(rows))]
    current = np.concatenate(currents) if currents else np.zeros((0, 4), dtype=np.complex128)
    angle = np.concatenate(seen) if seen else np.zeros(0, dtype=np.complex128)
    rows_of: NDArray[np.int64] = np.concatenate(place) if place else np.zeros(0, dtype=np.int64)
    duty = duty_of(np.abs(current[:, :3]).max(axis=1, initial=0.0), angle)
    return Fault(rows_of, tuple(kinds), tuple(names), current, duty)
