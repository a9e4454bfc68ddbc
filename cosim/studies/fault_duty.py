"""Fault current at every socket, against what is installed there.

Faults from leg to neutral and from leg to leg, from the Thevenin impedance of the present
topology with loads off. Bolted, the figures are duty (a maximum); through the resistance of an
arc they are the least that a protective device has to see.
Inverters behind adapters are not in the impedance; they are current-limited and are added by
later studies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.fault import duty_of
from cosim.electrical.impedance import ImpedanceMatrix

if TYPE_CHECKING:
    from cosim.electrical.network import Network
    from cosim.feeder.compile import CompiledFeeder

Float = NDArray[np.float64]
Int = NDArray[np.int64]

SPLIT, SINGLE, THREE = 0, 1, 2
WITHIN, OVER, UNKNOWN = 0, 1, 2


def socket_fault_duty(
    network: Network,
    compiled: CompiledFeeder,
    adapter_rating_a: Float,
    breaker_rating_a: Float,
    *,
    arc_ohm: float = 0.0,
) -> dict[str, NDArray[np.generic]]:
    """Fault duty of every home.

    Parameters
    ----------
    network
        The topology studied; a dead socket has no fault current.
    compiled
        Sockets and their nodes.
    adapter_rating_a, breaker_rating_a
        (homes,) short-circuit rating of the adapter and interrupting rating of the breaker
        [A, symmetrical r.m.s.]; NaN where there is none or none is known.
    arc_ohm
        Resistance of the arc between the faulted conductors; 0 for bolted faults.

    Returns
    -------
    dict
        (homes,) arrays: ``i_l1n_a, i_l2n_a, i_l1l2_a`` [A, symmetrical r.m.s.], ``x_over_r_*``,
        ``peak_a`` (first-cycle peak at the worst closing angle, largest of the three), the ratings,
        and ``verdict``: 0 within the smaller known rating, 1 over it, 2 no rating known.
        NaN where the socket has no such conductor: a two-wire home has a leg-to-leg fault only, a
        three-phase home's first two phases stand for its legs.
    """
    homes = len(compiled.home_kind)
    nodes = compiled.home_nodes.copy()
    nodes[compiled.home_kind != SPLIT, 2] = -1  # a three-phase home's legs are faulted to ground
    two_wire = compiled.home_kind == SINGLE
    fed = network.energised[nodes[:, 0]]
    z = ImpedanceMatrix(network).among(nodes)
    v = np.append(network.no_load_voltage(), 0.0)[nodes]
    out: dict[str, NDArray[np.generic]] = {}
    peak = np.full(homes, np.nan)
    largest = np.full(homes, np.nan)
    for name, a, b, applies in (
        ("l1n", 0, 2, ~two_wire),
        ("l2n", 1, 2, ~two_wire),
        ("l1l2", 0, 1, np.ones(homes, dtype=bool)),
    ):
        rows = np.flatnonzero(applies & fed)
        current, ratio = np.full(homes, np.nan), np.full(homes, np.nan)
        current[applies] = 0.0
        seen = z[rows, a, a] - z[rows, a, b] - z[rows, b, a] + z[rows, b, b] + arc_ohm
        duty = duty_of(np.abs(v[rows, a] - v[rows, b]) / np.abs(seen), seen)
        current[rows], ratio[rows] = duty.symmetrical_a, duty.x_over_r
        peak[rows] = np.fmax(peak[rows], duty.peak_a)
        largest = np.fmax(largest, current)
        out[f"i_{name}_a"], out[f"x_over_r_{name}"] = current, ratio
    rating = np.fmin(adapter_rating_a, breaker_rating_a)
    verdict = np.where(np.isnan(rating), UNKNOWN, np.where(largest > rating, OVER, WITHIN)).astype(np.int8)
    return out | {
        "peak_a": peak,
        "adapter_rating_a": adapter_rating_a,
        "breaker_rating_a": breaker_rating_a,
        "verdict": verdict,
    }
