"""A feeder without its utility, fed backwards from one home.

The utility's sources are taken out, the home's source put in, and the loads stand as impedances (voltages are
far from nominal, where constant power has no meaning). The network is linear then, and factorised once: a
generator whose reactance grows while its field decays changes two branches, which are updated exactly
(Woodbury), with the impedances D X D' between the branches:

    V = X (1 + dY D' X)^-1 Y_s E,    X = Y^-1 D

so that every stage of the decay, and what a body would draw at any node, follows from one solution.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosim.electrical.circuit import GROUND, Circuit, Complex, Element, Float, Int, Source
from cosim.electrical.elements import wye_block
from cosim.electrical.impedance import ImpedanceMatrix
from cosim.electrical.network import Network

FRAME_OHM = (
    1e4  # from the bonded neutral of a set that stands on the ground to earth; it only fixes the potential
)
ENERGISED_V = 50.0  # touch voltage below which a conductor counts as dead, IEC 60364-4-41
PRIMARY_V = 600.0  # base voltage to ground above which a conductor is a primary


@dataclass(frozen=True)
class HomeSource:
    """A source at a home: two halves in series, their midpoint on the neutral.

    Parameters
    ----------
    nodes
        Leg 1, leg 2 and neutral; -1 is ground.
    emf_v
        Line to line.
    z_ohm
        Internal impedance line to line, in the first instant.
    """

    nodes: tuple[int, int, int]
    emf_v: float
    z_ohm: complex


@dataclass(frozen=True)
class Stage:
    """The feeder as one internal impedance of the source feeds it.

    Parameters
    ----------
    v
        (n,) node voltages to ground [V].
    source_a
        (2,) currents that the source's halves deliver to leg 1 and leg 2.
    z_node_ohm
        (k,) impedance of the watched nodes to ground, for whoever touches them.
    scale
        Below 1 where the source's current limit holds the voltage down.
    """

    v: Complex
    source_a: Complex
    z_node_ohm: Complex
    scale: float

    def contact_a(self, nodes: Int, body_ohm: float) -> Float:
        """(k,) current through a body from each watched node to ground."""
        return np.asarray(np.abs(self.v[nodes]) / np.abs(self.z_node_ohm + body_ohm))


class Backfeed:
    """One topology fed from one home.

    Parameters
    ----------
    circuit
        The feeder; its sources are left out.
    source
        What feeds it.
    opened
        Elements that are open.
    load_scale
        Factor on the nominal load of every injector, or (m,) factors. Injectors that produce are off: nothing
        grid-following runs without a grid.

    Raises
    ------
    ValueError
        If the source has no impedance or no two legs.
    """

    def __init__(
        self,
        circuit: Circuit,
        source: HomeSource,
        opened: Collection[int] = (),
        load_scale: float | Float = 1.0,
    ) -> None:
        one, two, neutral = source.nodes
        if min(one, two) < 0 or one == two or not abs(source.z_ohm) > 0.0:
            raise ValueError(f"a source needs two legs and an impedance: {source}")
        self.source = source
        self.network = Network(_isolated(circuit, source, opened, load_scale))
        n = len(circuit.nodes)
        self._branches = np.zeros((n + 1, 2), dtype=np.complex128)
        self._branches[[one, two], [0, 1]] += (1.0, -1.0)  # each half from its minus to its plus
        self._branches[neutral] += (-1.0, 1.0)
        self._branches = self._branches[:-1]
        self._raised = self.network.respond(self._branches, loads="admittance")
        self._between = self._branches.T @ self._raised
        v = np.abs(self._raised @ np.ones(2))
        primary = circuit.base_v > PRIMARY_V
        self.primary: Int = np.flatnonzero(self.network.energised & primary & (v > 0.0))
        self._z_primary = ImpedanceMatrix(self.network, loads="admittance").between(
            self.primary, np.full(len(self.primary), GROUND)
        )

    def stage(self, z_ohm: complex, limit_a: float = np.inf) -> Stage:
        """The feeder with the source's internal impedance at `z_ohm`; its current held to `limit_a`."""
        first, now = 2.0 / self.source.z_ohm, 2.0 / z_ohm
        change = (now - first) * np.eye(2)
        inner = np.linalg.inv(np.eye(2) + change @ self._between)
        emf = np.full(2, 0.5 * self.source.emf_v + 0j)
        v = self._raised @ (inner @ (now * emf))
        current = now * (emf - self._branches.T @ v)
        x = self._raised[self.primary]
        z = self._z_primary - np.einsum("ni,ij,nj->n", x, inner @ change, x)
        largest = float(np.abs(current).max())
        scale = min(1.0, limit_a / largest) if largest > 0.0 else 1.0
        return Stage(scale * v, scale * current * (1.0, -1.0), z, scale)

    def external_ohm(self) -> complex:
        """Impedance that the feeder shows to the source, leg to leg."""
        held = self.stage(self.source.z_ohm)
        one, two, _ = self.source.nodes
        return complex((held.v[one] - held.v[two]) / np.mean(held.source_a * (1.0, -1.0)))

    def energised(self, v: Complex) -> NDArray[np.bool_]:
        """(n,) nodes at more than a touch voltage."""
        return np.abs(v) > ENERGISED_V


def _isolated(
    circuit: Circuit, source: HomeSource, opened: Collection[int], load_scale: float | Float
) -> Circuit:
    """The circuit with the home's source alone, its EMFs at zero, and loads scaled."""
    one, two, neutral = source.nodes
    y = 2.0 / source.z_ohm
    block = wye_block(np.array([y, y]))
    halves = Element("source.halves", np.array([one, two, neutral]), block, (3,))
    earthed = np.array([one, two] if neutral < 0 else [neutral])
    k = len(earthed)
    frame = Source(
        "source.frame", earthed, FRAME_OHM * np.eye(k, dtype=np.complex128), np.zeros(k, np.complex128)
    )
    injectors = circuit.injectors
    factor = np.where(injectors.p_w > 0.0, load_scale, 0.0)
    return replace(
        circuit.without(opened),
        elements=(*circuit.without(opened).elements, halves),
        sources=(frame,),
        injectors=replace(injectors, p_w=injectors.p_w * factor, q_var=injectors.q_var * factor),
    )


# -- estimates of overvoltage --------------------------------------------------------------------

LOAD_REJECTION_CEILING_PU = 2.0  # largest measured: NREL/TP-5D00-63510, inverter load rejection tests


@dataclass(frozen=True)
class Overvoltage:
    """An estimate, with what it rests on.

    Parameters
    ----------
    pu
        Of nominal.
    seconds
        Longest it may last: the trip time above 1.2 pu of IEEE 1547-2018.
    confidence, source
        As in models/.
    """

    pu: float
    seconds: float
    confidence: str
    source: str


def rejection_pu(produced_w: ArrayLike, load_w: ArrayLike) -> Float:
    """Voltage of parts left with inverters and impedance load: power in = power out at V^2, V = sqrt(P / P_load).

    At most `LOAD_REJECTION_CEILING_PU`; 0 where nothing is produced.
    """
    produced = np.maximum(np.asarray(produced_w, dtype=np.float64), 0.0)
    load = np.maximum(np.asarray(load_w, dtype=np.float64), 0.0)
    most = LOAD_REJECTION_CEILING_PU**2
    ratio = np.divide(produced, load, out=np.where(produced > 0.0, most, 0.0), where=load > 0.0)
    return np.asarray(np.sqrt(np.minimum(ratio, most)))


def load_rejection(produced_w: float, load_w: float) -> Overvoltage:
    """Voltage when a part of the feeder with `produced_w` of inverters is left with `load_w` of impedance load.

    See `rejection_pu`; at most 2 pu as measured.
    """
    return Overvoltage(
        float(rejection_pu(produced_w, load_w)),
        0.16,
        "estimate",
        "constant power into impedance load; ceiling of 200 % from NREL/TP-5D00-63510, typical values far lower",
    )


def ground_fault_overvoltage(z0_over_z1: complex) -> Overvoltage:
    """Voltage of the sound phases during a line-ground fault fed by a voltage source such as a generator.

    With Z2 = Z1: V_b = a^2 - (k - 1) / (k + 2), k = Z0 / Z1: 1 pu for an effectively earthed source with k = 1,
    sqrt(3) without any earth. Inverters are current sources: load_rejection governs them instead.
    """
    a2 = np.exp(-2j * np.pi / 3)
    rise = 1.0 if not np.isfinite(z0_over_z1) else (z0_over_z1 - 1.0) / (z0_over_z1 + 2.0)
    worst = max(abs(a2 - rise), abs(np.conj(a2) - rise))
    return Overvoltage(
        float(worst), 0.16, "derived", "symmetrical components, Z2 = Z1; holds for synchronous sources"
    )


def sound_phases(z_ohm: Complex, v_open: Complex) -> tuple[Float, Float]:
    """Z0 / Z1, and the largest voltage of a sound phase during a bolted line-ground fault over that before it.

    Parameters
    ----------
    z_ohm, v_open
        (k, 3, 3) impedances and (k, 3) voltages of three-phase places, every source in.

    Returns
    -------
    (k,) magnitude of the zero over the positive sequence impedance, and (k,) voltages [pu]: with phase f faulted
    V_s = V_s0 - Z_sf / Z_ff V_f0, exact for unsymmetrical lines too.
    """
    a = np.exp(2j * np.pi / 3)
    to_phases = np.array([[1, 1, 1], [1, a * a, a], [1, a, a * a]])
    sequence = np.linalg.inv(to_phases) @ z_ohm @ to_phases
    worst = np.zeros(len(z_ohm))
    for f in range(3):
        for s in {0, 1, 2} - {f}:
            during = v_open[:, s] - z_ohm[:, s, f] / z_ohm[:, f, f] * v_open[:, f]
            worst = np.fmax(worst, np.abs(during) / np.abs(v_open[:, s]))
    return np.abs(sequence[:, 0, 0]) / np.abs(sequence[:, 1, 1]), worst
