"""Series impedance and shunt admittance of overhead lines, cables and drops per metre, at 60 Hz.

Series: `cosim.electrical.carson`, with neutrals that are grounded at every pole eliminated.
Shunt: potential coefficients with image charges, and the field of a concentric neutral
(Kersting, *Distribution System Modeling and Analysis*, ch. 4 and 5). All lengths in metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cosim.electrical.carson import primitive_impedance, reduce_neutral, triplex_impedance
from cosim.electrical.circuit import Complex, Float

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


def overhead(
    conductors: tuple[Conductor, ...], x_m: Float, height_m: Float, phases: int
) -> tuple[Complex, Complex]:
    """Series impedance and shunt admittance of a bare line, neutrals (after the phases) eliminated.

    `x_m` and `height_m` have shape (n,): horizontal position and height above ground of each conductor.
    """
    dx = x_m[:, None] - x_m[None, :]
    distance = np.hypot(dx, height_m[:, None] - height_m[None, :])
    image = np.hypot(dx, height_m[:, None] + height_m[None, :])
    surface = distance + np.diag([c.diameter_m / 2.0 for c in conductors])
    r, gmr = np.array([[c.r_ohm_per_m, c.gmr_m] for c in conductors]).T
    potential = np.log(image / surface) / (2.0 * math.pi * EPSILON_0)
    capacitance = np.linalg.inv(reduce_neutral(potential.astype(np.complex128), phases))
    return reduce_neutral(primitive_impedance(r, gmr, distance), phases), np.asarray(
        2j * math.pi * 60.0 * capacitance
    )


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
    to_neutral = np.where(np.eye(n, dtype=bool), radius, apart)
    distance = np.block([[apart, to_neutral], [to_neutral, apart]])
    gmr = np.repeat([core.gmr_m, neutral_gmr], n)
    resistance = np.repeat([core.r_ohm_per_m, strand.r_ohm_per_m / strands], n)
    field = math.log(2.0 * radius / core.diameter_m) - math.log(
        strands * strand.diameter_m / (2.0 * radius)
    ) / (strands)
    capacitance = 2.0 * math.pi * EPSILON_0 * XLPE_PERMITTIVITY / field
    y = 2j * math.pi * 60.0 * capacitance * np.eye(n)
    return reduce_neutral(primitive_impedance(resistance, gmr, distance), n), np.asarray(y)


def triplex(conductor: Conductor) -> Complex:
    """(3, 3) series impedance of two insulated legs round a bare neutral of the same size: L1, L2, N."""
    return triplex_impedance(
        conductor.r_ohm_per_m, conductor.gmr_m, conductor.diameter_m, conductor.insulation_m
    )
