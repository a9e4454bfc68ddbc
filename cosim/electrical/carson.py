"""Series impedance of overhead conductors with earth return, by the modified Carson equations."""

from __future__ import annotations

import numpy as np

from cosim.electrical.circuit import Complex, Float

MILE_M = 1609.344
FOOT_M = 0.3048
# Earth of 100 ohm m at 60 Hz (Kersting, Distribution System Modeling and Analysis, ch. 4),
# in ohm per mile and feet.
EARTH_OHM_PER_MILE = 0.09530
REACTANCE_OHM_PER_MILE = 0.12134
EARTH_DEPTH = 7.93402


def primitive_impedance(r_ohm_per_m: Float, gmr_m: Float, distance_m: Float) -> Complex:
    """Impedance per metre of n conductors before any neutral is reduced.

    Parameters
    ----------
    r_ohm_per_m, gmr_m
        (n,) resistance and geometric mean radius.
    distance_m
        (n, n) distances between centres; the diagonal is not used.

    Returns
    -------
    (n, n) [ohm/m] at 60 Hz.
    """
    distance = np.array(distance_m, dtype=np.float64)
    np.fill_diagonal(distance, gmr_m)
    z = EARTH_OHM_PER_MILE + 1j * REACTANCE_OHM_PER_MILE * (np.log(FOOT_M / distance) + EARTH_DEPTH)
    return np.asarray(z / MILE_M + np.diag(r_ohm_per_m))


def triplex_impedance(r_ohm_per_m: float, gmr_m: float, diameter_m: float, insulation_m: float) -> Complex:
    """Two insulated legs laid around a bare neutral of the same size: (3, 3) [ohm/m], neutral last."""
    legs = diameter_m + 2.0 * insulation_m
    leg_neutral = diameter_m + insulation_m
    distance = np.array([[1.0, legs, leg_neutral], [legs, 1.0, leg_neutral], [leg_neutral, leg_neutral, 1.0]])
    return primitive_impedance(np.full(3, r_ohm_per_m), np.full(3, gmr_m), distance)


def reduce_neutral(z_ohm: Complex, conductors: int) -> Complex:
    """Kron reduction to the first `conductors`, the others being at ground potential at both ends."""
    k = conductors
    return np.asarray(z_ohm[:k, :k] - z_ohm[:k, k:] @ np.linalg.solve(z_ohm[k:, k:], z_ohm[k:, :k]))
