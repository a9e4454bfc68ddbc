"""Temperature of many service drops in time: the heat balance of IEEE 738 for a twisted, insulated bundle.

One temperature a drop, that of its surface; each leg stands above it by its loss through the insulation. Parameter
rows: diameter of the bundle [m], heat capacity [J/(m K)], resistance of a conductor at 20 degC [ohm/m] and its
slope [1/K], resistance of the insulation of a leg to heat [K m/W], emissivity, solar absorptance.
NaN is a state not begun: it starts at rest under the first step.
"""

import math

from numba import prange

from cosim.compiled import kernel, parallel_kernel

MOST_S = 60.0  # a longer step is taken in equal parts no longer than this
ANGLE = 0.8549  # IEEE 738 equation 4a at 45 degrees between wind and wire: what stands for any direction
LEAST = 0.1  # of a leg's conductance: beyond, its own loss runs away and no steady state exists


@kernel
def convection(surface_c, air_c, wind_m_s, angle, diameter):
    """Heat that air takes [W/m]: the largest of IEEE 738's natural, low-wind and high-wind laws; at sea level."""
    drop = surface_c - air_c
    film = 0.5 * (surface_c + air_c)
    density = 1.293 / (1.0 + 0.00367 * film)
    natural = 3.645 * math.sqrt(density) * diameter**0.75 * abs(drop) ** 0.25
    viscosity = 1.458e-6 * (film + 273.0) ** 1.5 / (film + 383.4)
    conductivity = 2.424e-2 + 7.477e-5 * film - 4.407e-9 * film * film
    reynolds = diameter * density * wind_m_s / viscosity
    low = angle * (1.01 + 1.35 * reynolds**0.52) * conductivity if reynolds > 0.0 else 0.0
    high = angle * 0.754 * reynolds**0.6 * conductivity
    return max(natural, low, high) * drop


@kernel
def radiation(surface_c, air_c, diameter, emissivity):
    """Heat radiated [W/m], IEEE 738 equation 7a."""
    return (
        17.8 * diameter * emissivity * (((surface_c + 273.0) / 100.0) ** 4 - ((air_c + 273.0) / 100.0) ** 4)
    )


@kernel
def leg_c(surface_c, i2, ohm, slope, wall):
    """Temperature of a leg's conductor above a surface, its own resistance growing with it."""
    g = wall * i2 * ohm
    return (surface_c + g * (1.0 - 20.0 * slope)) / max(1.0 - g * slope, LEAST)


@kernel
def _balance(t, h, i2, air_c, wind, sun, par):
    """Heat into a drop [W/m] and minus its derivative by the surface's temperature."""
    d, ohm, slope, wall = par[0, h], par[2, h], par[3, h], par[4, h]
    a, b = i2[0, h], i2[1, h]
    neutral = (math.sqrt(a) - math.sqrt(b)) ** 2
    loss = neutral * ohm * (1.0 + slope * (t - 20.0))
    for leg in (a, b):
        loss += leg * ohm * (1.0 + slope * (leg_c(t, leg, ohm, slope, wall) - 20.0))
    air = convection(t, air_c, wind, ANGLE, d)
    sky = radiation(t, air_c, d, par[5, h])
    drop = t - air_c
    film = air / drop if abs(drop) > 1e-6 else 0.0
    hot = 0.01 * (t + 273.0)
    release = 1.1 * film + 0.712 * d * par[5, h] * hot * hot * hot - (a + b + neutral) * ohm * slope
    return loss + par[6, h] * d * sun - air - sky, max(release, 1e-3)


@kernel
def _one_drop(t, h, i2, air_c, wind, sun, seconds, par):
    if t != t:
        t = air_c + 1.0
        for _ in range(60):
            gain, release = _balance(t, h, i2, air_c, wind, sun, par)
            t += gain / release
        return t
    parts = max(1, math.ceil(seconds / MOST_S - 1e-9))
    part = seconds / parts
    for _ in range(parts):
        gain, release = _balance(t, h, i2, air_c, wind, sun, par)
        t -= gain / release * math.expm1(-part * release / par[1, h])
    return t


@kernel
def _some_drops(first, last, i2, air_c, wind, sun, seconds, par, start, surface, hottest):
    for s in range(seconds.shape[0]):
        before = start if s == 0 else surface[s - 1]
        for h in range(first, last):
            t = before[h]
            if par[0, h] == par[0, h] and i2[s, 0, h] + i2[s, 1, h] >= 0.0:
                t = _one_drop(t, h, i2[s], air_c[s], wind[s], sun[s], seconds[s], par)
            surface[s, h] = t
            i2_most = max(i2[s, 0, h], i2[s, 1, h])
            hottest[s, h] = leg_c(t, i2_most, par[2, h], par[3, h], par[4, h])


@kernel
def advance_drops(i2, air_c, wind, sun, seconds, par, start, surface, hottest):
    """Surfaces and hottest conductors after each step, (steps, homes) each.

    i2 (steps, 2 or more, homes) squared currents of both legs first; air_c, wind, sun [W/m2 of projected area]
    and seconds (steps,); par (7, homes), start (homes,).
    """
    _some_drops(0, start.shape[0], i2, air_c, wind, sun, seconds, par, start, surface, hottest)


@parallel_kernel
def advance_drops_parallel(i2, air_c, wind, sun, seconds, par, start, surface, hottest):
    """`advance_drops`, groups of homes over threads."""
    homes = start.shape[0]
    for group in prange((homes + 63) // 64):
        last = min(64 * group + 64, homes)
        _some_drops(64 * group, last, i2, air_c, wind, sun, seconds, par, start, surface, hottest)
