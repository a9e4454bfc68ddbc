"""What the weather means to houses: performance of their equipment, frost, and sun on their walls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cosim import library
from cosim.demand import house_kernels as k

if TYPE_CHECKING:
    from cosim.house_entry import CurveCoefficients, HvacEntry

Float = NDArray[np.float64]

# EnergyPlus, Engineering Reference: heat and power of a pump that defrosts on demand by reversing.
FROST_CAPACITY, FROST_POWER = 0.875, 0.954
FROST_HEAT_PER_K, FROST_BALANCE_C = 0.01, 7.222
FROST_EIR, FROST_RATING = 0.1528, 1.01667


@cache
def hvac(name: str) -> HvacEntry:
    """Entry of ``models/hvac``."""
    return cast("HvacEntry", library.load("hvac", name))


def saturation_humidity_ratio(temperature_c: Float, pressure_pa: float | Float = 101325.0) -> Float:
    """Water over dry air, by mass, of saturated air over ice or water.

    Vapour pressure by Buck (1981, "New equations for computing vapor pressure and enhancement factor").
    """
    t = np.asarray(temperature_c, float)
    ice = 611.15 * np.exp((23.036 - t / 333.7) * t / (279.82 + t))
    water = 611.21 * np.exp((18.678 - t / 234.5) * t / (257.14 + t))
    vapour = np.where(t < 0.0, ice, water)
    return np.asarray(0.62198 * vapour / (pressure_pa - vapour))


def frost_share(
    outdoor_c: Float, relative_humidity: Float | float, pressure_pa: float | Float = 101325.0
) -> Float:
    """(steps,) share of time an on-demand reverse-cycle defrost takes, 0 from 4.44 degC up.

    EnergyPlus, Engineering Reference, frost adjustment factors; relative humidity in [0, 1] over water.
    """
    t = np.asarray(outdoor_c, float)
    water = 611.21 * np.exp((18.678 - t / 234.5) * t / (257.14 + t)) * relative_humidity
    outdoors = 0.62198 * water / (pressure_pa - water)
    excess = np.maximum(outdoors - saturation_humidity_ratio(0.82 * t - 8.589, pressure_pa), 1e-6)
    return np.where(t < 4.4445, 1.0 / (1.0 + 0.01446 / excess), 0.0)


def facade_irradiance(dni: Float, dhi: Float, ghi: Float, zenith_deg: Float, albedo: float = 0.2) -> Float:
    """Irradiance of the mean facade, all orientations alike: what an aperture of `Envelope` takes [W/m2]."""
    beam = dni * np.sin(np.radians(zenith_deg)) / math.pi * (zenith_deg < 90.0)
    return np.asarray(beam + 0.5 * dhi + 0.5 * albedo * ghi)


def conditions(equipment: Sequence[str], outdoor_c: Float, relative_humidity: Float) -> Float:
    """What the weather makes of each kind of equipment.

    Parameters
    ----------
    equipment
        Names in ``models/hvac``, as in `Houses`.
    outdoor_c, relative_humidity
        (steps,) outdoor air [degC] and its relative humidity in [0, 1].

    Returns
    -------
    Float
        (kinds, steps, CONDITIONS) for `house_kernels.house_step`.
    """
    frost = frost_share(outdoor_c, relative_humidity)
    out = np.zeros((len(equipment), len(outdoor_c), k.CONDITIONS))
    for name, row in zip(equipment, out, strict=True):
        entry = hvac(name)
        t = np.clip(outdoor_c, *entry.heat_range_c)
        f = frost if entry.defrosts else np.zeros_like(frost)
        frosted = f > 0.0
        gain = np.where(frosted, FROST_CAPACITY * (1.0 - f), 1.0)
        loss = FROST_HEAT_PER_K * (FROST_BALANCE_C - outdoor_c) / FROST_RATING * f
        heat, eir = _in_indoor(entry.heat_capacity, t), _in_indoor(entry.heat_eir, t)
        row[:, k.OUTDOOR_C] = outdoor_c
        row[:, k.HEAT_0 : k.HEAT_2 + 1] = (heat * gain).T
        row[:, k.HEAT_0] -= loss
        row[:, k.FROST_LOSS] = loss
        row[:, k.EIR_0 : k.EIR_2 + 1] = (eir * np.where(frosted, FROST_POWER / FROST_CAPACITY, 1.0)).T
        row[:, k.FROST_EIR] = FROST_EIR / FROST_RATING * f
        row[:, k.INDOOR_LOW_C], row[:, k.INDOOR_HIGH_C] = entry.indoor_range_c
        wet = entry.indoor_wet_bulb_c.value if entry.indoor_wet_bulb_c else 0.0
        t = np.clip(outdoor_c, *entry.cool_range_c)
        # No matrix product: its bits would depend on the number of steps.
        cool, cool_eir = (
            c[0] + wet * c[1] + wet * wet * c[2]
            for c in (_in_indoor(entry.cool_capacity, t), _in_indoor(entry.cool_eir, t))
        )
        wetness = entry.latent_share.value / (1.0 + np.exp(4.0 - 10.0 * relative_humidity))
        row[:, k.COOL_HEAT] = cool / (1.0 + entry.latent_loss.value + wetness)
        row[:, k.COOL_POWER] = cool * cool_eir
        row[:, k.PUMP_RUNS] = outdoor_c >= (entry.pump_lockout_c.value if entry.pump_lockout_c else -math.inf)
        row[:, k.STRIPS_HELP] = outdoor_c < (
            entry.strip_lockout_c.value if entry.strip_lockout_c else math.inf
        )
        below = entry.crankcase_below_c
        row[:, k.CRANKCASE] = outdoor_c < below.value if below else 0.0
    return out


def _in_indoor(curve: CurveCoefficients, outdoor_c: Float) -> Float:
    """(3, steps) coefficients of 1, Ti, Ti^2 with Ti in degC."""
    zero, unit = (32.0, 1.8) if curve.unit == "degF" else (0.0, 1.0)
    t = zero + unit * outdoor_c
    one, square = curve.indoor
    slope = one + curve.cross * t
    constant = np.polynomial.polynomial.polyval(t, np.array(curve.outdoor)) + zero * (slope + zero * square)
    return np.array([constant, unit * (slope + 2.0 * zero * square), np.full_like(t, unit * unit * square)])
