"""What else feeds a fault at a socket: inverters, batteries and generators of the home and of its neighbours.

Each device stands on the 240 V of its own home (leg to leg) and, unlike the utility, is limited: its current is
a phasor of fixed size at the angle it has to the voltage before the fault. A current source at home k adds
Z_fk I_k / Z_ff to the fault current at f, exactly, by superposition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.electrical.circuit import Complex, Float, Int
from cosim.electrical.generator_fault import Generator
from cosim.electrical.impedance import ImpedanceMatrix
from cosim.electrical.network import Network
from cosim.errors import LibraryError, Problem

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder

Kind = Literal["l1n", "l2n", "l1l2"]
LOOPS: dict[Kind, tuple[int, int]] = {"l1n": (0, 2), "l2n": (1, 2), "l1l2": (0, 1)}
SERVICE_V = 240.0
SINGLE, SPLIT = 1, 0


@dataclass(frozen=True)
class Device:
    """A source at a home.

    Parameters
    ----------
    home
        Row of the home.
    kind
        "inverter", "battery" or "generator".
    name
        Library entry.
    current_a
        Fault current it gives at most, symmetrical r.m.s.
    seconds
        How long it gives it.
    angle_deg
        Of that current, relative to the voltage of its home before the fault.
    """

    home: int
    kind: str
    name: str
    current_a: float
    seconds: float
    angle_deg: float = 0.0


def device(home: int, name: str, *, units: float = 1.0) -> Device:
    """A device of models/der at a home, `units` times its rating.

    Inverters give their current limit (1.2 times rated by default) in phase with the voltage until they cease;
    batteries what their maker states; generators their subtransient current, lagging by 90 degrees.

    Raises
    ------
    LibraryError
        If there is no such entry.
    ValueError
        If it is no source: a charger only draws.
    """
    entry = library.load("der", name)
    match entry.kind:
        case "inverter":
            limit = entry.fault_current_pu.value * entry.rated_kva.value * 1e3 / SERVICE_V
            return Device(home, "inverter", name, units * limit, entry.fault_time_s.value)
        case "battery":
            return Device(
                home, "battery", name, units * entry.fault_current_a.value, entry.fault_time_s.value
            )
        case "generator":
            first = float(generator(name).fault_current_a(0.0)[0])
            return Device(home, "generator", name, units * first, np.inf, -90.0)
    raise ValueError(f"{name} is a {entry.kind}: it feeds no fault")


def generator(name: str) -> Generator:
    """A generator of models/der at 240 V; raises `LibraryError` for anything else."""
    entry = library.load("der", name)
    if entry.kind != "generator":
        raise LibraryError(Problem(f"is a {entry.kind}, not a generator", key="source", value=name))
    return Generator(
        entry.rated_kva.value * 1e3, SERVICE_V, entry.xd_pu.value, entry.xd1_pu.value, entry.xd2_pu.value,
        entry.td01_s.value, entry.td02_s.value,
    )  # fmt: skip


@dataclass(frozen=True)
class Contributions:
    """Fault current at every home by where it comes from.

    Parameters
    ----------
    grid_a
        (h,) phasor from the utility.
    own_a, neighbours_a
        (h,) arithmetic sums of what the home's devices add at most, and those of the other homes on its service
        transformer: each its limit, or more where the transformer turns a current of both legs into more at one.
    bound_a
        (h,) |grid| + own + neighbours: the arithmetic upper bound.
    phasor_a
        (h,) phasor sum, each device at its own angle and through the impedances between: the estimate.
    fault_home, source_row, contribution_a
        One entry for each (fault, device) pair: the home, the device's row and the phasor it adds there.
    """

    grid_a: Complex
    own_a: Float
    neighbours_a: Float
    bound_a: Float
    phasor_a: Complex
    fault_home: Int
    source_row: Int
    contribution_a: Complex


def contributions(
    network: Network, compiled: CompiledFeeder, devices: Sequence[Device], kind: Kind = "l1l2"
) -> Contributions:
    """Fault currents at every socket with every device on its service transformer.

    Parameters
    ----------
    network
        The topology; devices behind another transformer are left out (the transformer's impedance and the
        primary between them leave little of a limited current).
    devices
        Sources; those at three-phase homes are refused.
    kind
        Which conductors are faulted; NaN at homes that have none of these.

    Raises
    ------
    ValueError
        A device stands at a home that is not there, or not of two conductors.
    """
    homes = len(compiled.home_kind)
    if wrong := [d for d in devices if not 0 <= d.home < homes or compiled.home_kind[d.home] > SINGLE]:
        raise ValueError(f"no split or single-phase home for {wrong[0]}")
    nodes = compiled.home_nodes.copy()
    nodes[compiled.home_kind != SPLIT, 2] = -1
    v = np.append(network.no_load_voltage(), 0.0)
    matrix = ImpedanceMatrix(network)
    a, b = LOOPS[kind]
    loop_z = matrix.between(nodes[:, a], nodes[:, b])
    applies = (kind == "l1l2") | (compiled.home_kind != SINGLE)
    grid = np.where(applies, (v[nodes[:, a]] - v[nodes[:, b]]) / loop_z, np.nan)

    pair_v = v[nodes[:, 0]] - v[nodes[:, 1]]
    own, neighbours, total = np.zeros(homes), np.zeros(homes), grid.copy()
    fault_home, source_row, added = [], [], []
    for row, source in enumerate(devices):
        unit = compiled.home_transformer[source.home]
        near = np.flatnonzero(compiled.home_transformer == unit) if unit >= 0 else np.array([source.home])
        near = near[applies[near] & np.isfinite(loop_z[near])]
        if not len(near) or pair_v[source.home] == 0.0:
            continue  # a dead home's devices have ceased
        here = nodes[np.repeat(source.home, len(near)), :2]
        z = matrix.among(np.concatenate([nodes[near][:, (a, b)], here], axis=1))
        across = z[:, 0, 2] - z[:, 0, 3] - z[:, 1, 2] + z[:, 1, 3]
        angle = np.angle(pair_v[source.home]) + np.deg2rad(source.angle_deg)
        share = across / loop_z[near] * source.current_a * np.exp(1j * angle)
        total[near] += share
        mine = near == source.home
        most = np.maximum(source.current_a, np.abs(share))
        own[near[mine]] += most[mine]
        neighbours[near[~mine]] += most[~mine]
        fault_home.append(near)
        source_row.append(np.full(len(near), row))
        added.append(share)
    empty: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    return Contributions(
        grid, own, neighbours, np.abs(grid) + own + neighbours, total,
        np.concatenate([empty, *fault_home]), np.concatenate([empty, *source_row]),
        np.concatenate([np.zeros(0, dtype=np.complex128), *added]),
    )  # fmt: skip
