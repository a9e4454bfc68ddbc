"""How much larger than symmetrical the first cycles of a fault current are, by X / R.

A series R-X circuit closed on a sine at angle psi carries, over sqrt(2) of its steady r.m.s. current and with
a = omega t, T = X / R,

    i(a) = cos(psi) sin(a) + sin(psi) (cos(a) - exp(-a / T)).

Its worst closing angle for the peak and for the r.m.s. value are found exactly, not taken as voltage zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Float

SMALLEST, LARGEST = 1e-9, 1e9  # X / R between which the closed forms keep their digits


def peak_factor(x_over_r: ArrayLike) -> Float:
    """Peak over sqrt(2) r.m.s. of a series R-X circuit closed at the worst instant, exactly.

    Notes
    -----
    Over all closing angles the largest magnitude at a is sqrt(1 - 2 d cos a + d^2), d = exp(-a / T), and that is
    largest in a where T sin a + cos a = d, a root between a quarter and half a cycle, found by bisection.
    """
    t = _bounded(x_over_r)
    low, high = np.full_like(t, 0.5 * np.pi), np.full_like(t, np.pi)
    for _ in range(60):
        middle = 0.5 * (low + high)
        above = t * np.sin(middle) + np.cos(middle) > np.exp(-middle / t)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    d = np.exp(-low / t)
    return np.asarray(np.sqrt(1.0 - 2.0 * d * np.cos(low) + d * d))


def peak_factor_iec(x_over_r: ArrayLike) -> Float:
    """Kappa of IEC 60909: 1.02 + 0.98 exp(-3 R / X)."""
    with np.errstate(divide="ignore"):
        return np.asarray(1.02 + 0.98 * np.exp(-3.0 / np.asarray(x_over_r, dtype=np.float64)))


def peak_factor_ieee551(x_over_r: ArrayLike) -> Float:
    """IEEE 551: 1 + exp(-2 pi tau / (X/R)), tau = 0.49 - 0.1 exp(-(X/R) / 3) cycles."""
    ratio = np.asarray(x_over_r, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 + np.exp(-2.0 * np.pi * (0.49 - 0.1 * np.exp(-ratio / 3.0)) / ratio))


def squared_cycles(x_over_r: ArrayLike, cycles: ArrayLike) -> Float:
    """Largest integral of (i / I_rms)^2 over the first `cycles`, in cycles, over all closing angles, exactly.

    Multiplied by I_rms^2 and the length of a cycle it is the largest I^2 t [A^2 s] that the fault can let
    through in that time. Divided by `cycles` it is the square of the r.m.s. factor.
    """
    t, turns = np.broadcast_arrays(_bounded(x_over_r), np.asarray(cycles, dtype=np.float64))
    a = 2.0 * np.pi * turns
    d, f = np.exp(-a / t), 1.0 / t
    # integrals of sin^2, sin (cos - e) and (cos - e)^2 with e = exp(-a / T) from 0 to a
    decayed = t * -np.expm1(-2.0 * a / t) / 2.0
    sine = (1.0 - d * (np.cos(a) + f * np.sin(a))) / (1.0 + f * f)
    cosine = (f + d * (np.sin(a) - f * np.cos(a))) / (1.0 + f * f)
    p = 0.5 * a - 0.25 * np.sin(2.0 * a)
    q = 0.5 * np.sin(a) ** 2 - sine
    r = 0.5 * a + 0.25 * np.sin(2.0 * a) - 2.0 * cosine + decayed
    # the largest over psi is the larger eigenvalue of [[p, q], [q, r]]; i is over sqrt(2) I_rms
    largest = 0.5 * (p + r) + np.sqrt(0.25 * (p - r) ** 2 + q * q)
    return np.asarray(largest / np.pi)


def rms_factor(x_over_r: ArrayLike, cycles: ArrayLike = 1.0) -> Float:
    """True r.m.s. over the first `cycles` divided by the symmetrical r.m.s., at the worst closing angle."""
    return np.asarray(np.sqrt(squared_cycles(x_over_r, cycles) / np.asarray(cycles, dtype=np.float64)))


def rms_factor_half_cycle(x_over_r: ArrayLike) -> Float:
    """The usual factor of North American duty tables: sqrt(1 + 2 exp(-2 pi R / X)), half a cycle after closing."""
    return np.asarray(np.sqrt(1.0 + 2.0 * np.exp(-2.0 * np.pi / _bounded(x_over_r))))


def thermal_factor_iec(x_over_r: ArrayLike, seconds: ArrayLike, frequency_hz: float = 60.0) -> Float:
    """m of IEC 60909: I_th^2 = I_k''^2 (m + n), the share that the d.c. part adds over `seconds`."""
    kappa = np.minimum(peak_factor_iec(x_over_r), 2.0 - 1e-9)
    exponent = 2.0 * frequency_hz * np.asarray(seconds, dtype=np.float64) * np.log(kappa - 1.0)
    return np.asarray(np.expm1(2.0 * exponent) / exponent)


def _bounded(x_over_r: ArrayLike) -> Float:
    return np.asarray(np.clip(np.asarray(x_over_r, dtype=np.float64), SMALLEST, LARGEST))
