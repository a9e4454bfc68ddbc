"""Series impedance and shunt admittance of lines per metre, from conductors and geometry.

Series: Carson's equations, modified (first terms of the earth-return series), as in
Kersting, *Distribution System Modeling and Analysis*, ch. 4; neutrals grounded at every
pole are eliminated after Kron. Shunt: potential coefficients with image charges, ch. 5.
All lengths in metres, all results per metre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cosim.electrical.circuit import Complex, Float

MU_0 = 4e-7 * math.pi  # H/m
EPSILON_0 = 8.8541878e-12  # F/m
XLPE_PERMITTIVITY = 2.3  # low end of cross-linked polyethylene; Kersting ch. 5


@dataclass(frozen=True)
class Conductor:
    """A wire: resistance [ohm/m], geometric mean radius, diameter and covering [m], rating [A]."""

    r_ohm_per_m: float
    gmr_m: float
    diameter_m: float
    insulation_m: float
    ampacity_a: float


@dataclass(frozen=True)
class LineType:
    """Per-metre matrices of a kind of line.

    Parameters
    ----------
    name
        Goes to ``std_type``.
    z_ohm_per_m
        (n, n) series impedance.
    y_siemens_per_m
        (n, n) shunt admittance; half of it stands at each end.
    rating_a
        Continuous rating of a conductor.
    cable
        Underground.
    """

    name: str
    z_ohm_per_m: Complex
    y_siemens_per_m: Complex
    rating_a: float
    cable: bool = False


def carson(
    r_ohm_per_m: Float, distance_m: Float, frequency_hz: float = 60.0, earth_ohm_m: float = 100.0
) -> Complex:
    """Impedance of conductors with earth return, earth included [ohm/m].

    Parameters
    ----------
    r_ohm_per_m
        (n,) resistance of each conductor.
    distance_m
        (n, n) spacing, with each conductor's geometric mean radius on the diagonal.

    Returns
    -------
    (n, n) primitive impedance: r + w mu0/8 + j w mu0/2pi ln(D_e / D), D_e = 658.9 m sqrt(rho/f).
    """
    omega = 2.0 * math.pi * frequency_hz
    depth = 0.3048 * math.exp(7.6786) * math.sqrt(earth_ohm_m / frequency_hz)
    reactance = omega * MU_0 / (2.0 * math.pi) * np.log(depth / distance_m)
    return np.diag(r_ohm_per_m) + omega * MU_0 / 8.0 + 1j * reactance


def kron(matrix: Complex, kept: int) -> Complex:
    """Matrix of the first `kept` conductors once the others are held at ground."""
    a, b = matrix[:kept, :kept], matrix[:kept, kept:]
    return np.asarray(a - b @ np.linalg.solve(matrix[kept:, kept:], matrix[kept:, :kept]))


def overhead(
    conductors: tuple[Conductor, ...], x_m: Float, height_m: Float, phases: int
) -> tuple[Complex, Complex]:
    """Series impedance and shunt admittance of a bare line, neutrals (after the phases) eliminated.

    `x_m` and `height_m` have shape (n,): horizontal position and height above ground of each conductor.
    """
    dx = x_m[:, None] - x_m[None, :]
    distance = np.hypot(dx, height_m[:, None] - height_m[None, :])
    image = np.hypot(dx, height_m[:, None] + height_m[None, :])
    series = distance + np.diag([c.gmr_m for c in conductors])
    surface = distance + np.diag([c.diameter_m / 2.0 for c in conductors])
    z = carson(np.array([c.r_ohm_per_m for c in conductors]), series)
    potential = np.log(image / surface) / (2.0 * math.pi * EPSILON_0)
    capacitance = np.linalg.inv(kron(potential.astype(np.complex128), phases))
    return kron(z, phases), 2j * math.pi * 60.0 * capacitance


def concentric_neutral(
    core: Conductor, strand: Conductor, strands: int, diameter_m: float, x_m: Float
) -> tuple[Complex, Complex]:
    """Series impedance and shunt admittance of parallel single-core cables with concentric neutrals.

    `diameter_m` is over the neutral strands; `x_m` (n,) the cables' positions. Kersting ch. 4.2 and 5.3.
    """
    n = len(x_m)
    radius = (diameter_m - strand.diameter_m) / 2.0  # of the circle of strands
    neutral_gmr = (strand.gmr_m * strands * radius ** (strands - 1)) ** (1.0 / strands)
    spacing = np.abs(x_m[:, None] - x_m[None, :])
    apart = np.where(np.eye(n, dtype=bool), 1.0, spacing)
    own = np.eye(n, dtype=bool)
    distance = np.block(
        [
            [np.where(own, core.gmr_m, apart), np.where(own, radius, apart)],
            [np.where(own, radius, apart), np.where(own, neutral_gmr, apart)],
        ]
    )
    resistance = np.repeat([core.r_ohm_per_m, strand.r_ohm_per_m / strands], n)
    field = math.log(2.0 * radius / core.diameter_m) - math.log(
        strands * strand.diameter_m / (2.0 * radius)
    ) / (strands)
    capacitance = 2.0 * math.pi * EPSILON_0 * XLPE_PERMITTIVITY / field
    y = 2j * math.pi * 60.0 * capacitance * np.eye(n)
    return kron(carson(resistance, distance), n), np.asarray(y)


def triplex(conductor: Conductor) -> Complex:
    """(3, 3) series impedance of two insulated legs round a bare neutral of the same size: L1, L2, N."""
    legs = conductor.diameter_m + 2.0 * conductor.insulation_m
    neutral = conductor.diameter_m + conductor.insulation_m
    distance = np.array([[0.0, legs, neutral], [legs, 0.0, neutral], [neutral, neutral, 0.0]])
    distance += conductor.gmr_m * np.eye(3)
    return carson(np.full(3, conductor.r_ohm_per_m), distance)
