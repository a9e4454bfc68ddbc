"""What a fault lets through until it is cleared, and how hot it makes the metal in its way."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.asymmetry import peak_factor, squared_cycles
from cosim.electrical.circuit import Float

REFERENCE_C = 20.0  # of resistivities and their temperature coefficients


def i2t_a2s(
    symmetrical_a: ArrayLike, x_over_r: ArrayLike, clearing_s: ArrayLike, frequency_hz: float = 60.0
) -> Float:
    """Largest I^2 t until clearing [A^2 s], at the worst closing angle, asymmetry included.

    The current runs as if nothing limited it: an upper bound for a breaker that limits.
    """
    seconds = np.asarray(clearing_s, dtype=np.float64)
    finite = np.where(np.isfinite(seconds), seconds, 0.0)
    cycles = squared_cycles(x_over_r, finite * frequency_hz)
    through = np.asarray(symmetrical_a, dtype=np.float64) ** 2 * cycles / frequency_hz
    return np.where(np.isfinite(seconds), through, np.inf)


def peak_a(
    symmetrical_a: ArrayLike, x_over_r: ArrayLike, melting_i2t_a2s: float | None = None,
    frequency_hz: float = 60.0,
) -> Float:  # fmt: skip
    """Largest instantaneous current; cut off where a fuse melts before the prospective peak.

    A fuse melts on the rising current i = sqrt(2) omega I t of a fault closed at voltage zero, whose integral is
    s^2 t^3 / 3 with s its slope; the current then stands at (3 s I2t)^(1/3), or at the
    prospective peak if that is smaller.
    """
    current = np.asarray(symmetrical_a, dtype=np.float64)
    prospective = np.sqrt(2.0) * peak_factor(x_over_r) * current
    if melting_i2t_a2s is None:
        return np.asarray(prospective)
    slope = np.sqrt(2.0) * 2.0 * np.pi * frequency_hz * current  # A/s
    return np.asarray(np.minimum(prospective, np.cbrt(3.0 * slope * melting_i2t_a2s)))


def adiabatic_rise_k(
    i2t: ArrayLike, section_m2: float, density: float, heat_capacity: float, resistivity: float,
    slope_per_k: float, start_c: float = 40.0,
) -> Float:  # fmt: skip
    """Rise of a conductor that keeps all its heat, its resistivity rising with it [K].

    c d dT = rho20 (1 + alpha (T - 20)) i^2 dt / A^2 integrates to
    (1 + alpha (T0 - 20)) (exp(alpha rho20 I2t / (A^2 c d)) - 1) / alpha.

    Parameters
    ----------
    i2t
        Let-through [A^2 s].
    section_m2
        Of the metal.
    density, heat_capacity, resistivity, slope_per_k
        As in models/materials, at 20 degC, SI.
    start_c
        Temperature before the fault.
    """
    heat = resistivity * np.asarray(i2t, dtype=np.float64) / (section_m2**2 * heat_capacity * density)
    start = 1.0 + slope_per_k * (start_c - REFERENCE_C)
    if slope_per_k == 0.0:
        return np.asarray(heat)
    with np.errstate(over="ignore"):
        return np.asarray(start * np.expm1(slope_per_k * heat) / slope_per_k)
