"""Sun and photovoltaic power, one step at a time."""
# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs, no-warn-return-any

import math

import numpy as np
from numba import prange

from cosim.compiled import kernel, parallel_kernel

# Coefficients F11 F12 F13 F21 F22 F23 by clearness bin: Perez, Ineichen, Seals, Michalsky and Stewart,
# "Modeling daylight availability and irradiance components", Solar Energy 44 (1990), all-sites composite.
PEREZ = np.array(
    [
        [-0.008, 0.588, -0.062, -0.060, 0.072, -0.022],
        [0.130, 0.683, -0.151, -0.019, 0.066, -0.029],
        [0.330, 0.487, -0.221, 0.055, -0.064, -0.026],
        [0.568, 0.187, -0.295, 0.109, -0.152, -0.014],
        [0.873, -0.392, -0.362, 0.226, -0.462, 0.001],
        [1.132, -1.237, -0.412, 0.288, -0.823, 0.056],
        [1.060, -1.600, -0.359, 0.264, -1.127, 0.131],
        [0.678, -0.327, -0.250, 0.156, -1.377, 0.251],
    ]
)
CLEARNESS = np.array([1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2])

# Rows of a block of weather.
AMBIENT_C, WIND_M_S, GHI, DNI, DHI, EXTRA, EAST, NORTH, UP, HUMIDITY, WET_BULB_C = range(11)
WEATHER_ROWS = 11


@kernel
def relative_air_mass(zenith_deg):
    """Kasten and Young (1989); infinite path below the horizon is the caller's case."""
    return 1.0 / (math.cos(math.radians(zenith_deg)) + 0.50572 * (6.07995 + (90.0 - zenith_deg)) ** -1.6364)


@kernel
def perez_diffuse(tilt_cos, tilt_sin, incidence_cos, zenith_deg, dni, dhi, extra):
    """Sky diffuse irradiance on a plane [W/m2], Perez et al. (1990)."""
    if zenith_deg >= 90.0 or dhi <= 0.0:
        return 0.0
    z = math.radians(zenith_deg)
    brightness = dhi * relative_air_mass(zenith_deg) / extra
    cubed = 1.041 * z**3
    clearness = ((dhi + dni) / dhi + cubed) / (1.0 + cubed)
    row = 0
    while row < 7 and clearness >= CLEARNESS[row]:
        row += 1
    c = PEREZ[row]
    f1 = max(c[0] + c[1] * brightness + c[2] * z, 0.0)
    f2 = c[3] + c[4] * brightness + c[5] * z
    around_sun = max(incidence_cos, 0.0) / max(math.cos(z), math.cos(math.radians(85.0)))
    return max(dhi * (0.5 * (1.0 - f1) * (1.0 + tilt_cos) + f1 * around_sun + f2 * tilt_sin), 0.0)


@kernel
def glass_transmission(incidence_cos):
    """Transmission of glass relative to normal incidence (De Soto et al. 2006: n 1.526, 4 /m, 2 mm)."""
    if incidence_cos <= 0.0:
        return 0.0
    n, depth = 1.526, 4.0 * 0.002
    inside = math.sqrt(1.0 - (1.0 - incidence_cos * incidence_cos) / (n * n))
    across = ((incidence_cos - n * inside) / (incidence_cos + n * inside)) ** 2
    along = ((inside - n * incidence_cos) / (inside + n * incidence_cos)) ** 2
    normal = (1.0 - ((1.0 - n) / (1.0 + n)) ** 2) * math.exp(-depth)
    return (1.0 - 0.5 * (across + along)) * math.exp(-depth / inside) / normal


@kernel
def cell_temperature(plane, ambient_c, wind_m_s, a, b, delta_k):
    """Sandia array performance model (King et al. 2004) [degC]."""
    return ambient_c + plane * math.exp(a + b * wind_m_s) + plane / 1000.0 * delta_k


@kernel
def inverter_ac(dc, dc_limit, efficiency):
    """PVWatts version 5 inverter (Dobos 2014): dc and dc_limit in one unit, result in that unit."""
    if dc <= 0.0:
        return 0.0
    load = dc / dc_limit
    ac = efficiency / 0.9637 * (-0.0162 * load - 0.0059 / load + 0.9858) * dc
    return max(min(ac, efficiency * dc_limit), 0.0)


@kernel
def orientation(tilt_deg, azimuth_deg):
    """Normal of a plane: east, north, up; and the sine of its tilt."""
    tilt, azimuth = math.radians(tilt_deg), math.radians(azimuth_deg)
    across = math.sin(tilt)
    return across * math.sin(azimuth), across * math.cos(azimuth), math.cos(tilt), across


@kernel
def on_plane(normal, s, albedo, weather_rows):
    """Cosine of incidence, beam on a plane, and light from sky and ground on it [W/m2] at step s."""
    dni, dhi, up = weather_rows[DNI, s], weather_rows[DHI, s], weather_rows[UP, s]
    incidence = normal[0] * weather_rows[EAST, s] + normal[1] * weather_rows[NORTH, s] + normal[2] * up
    zenith = math.degrees(math.acos(min(max(up, -1.0), 1.0)))
    sky = perez_diffuse(normal[2], normal[3], incidence, zenith, dni, dhi, weather_rows[EXTRA, s])
    ground = weather_rows[GHI, s] * albedo * 0.5 * (1.0 - normal[2])
    return incidence, dni * max(incidence, 0.0), sky + ground


@kernel
def ac_per_dc_rating(plane, module, weather_rows, out):
    """AC power per DC rating of one plane at every step.

    plane: tilt [deg], azimuth [deg from north, east positive]. module: power coefficient [1/K], kept share
    after system losses, DC limit of the inverter per DC rating, its efficiency, albedo, and the cell
    temperature's a, b, delta [K]. weather_rows (11, s). out (s,).
    """
    normal = orientation(plane[0], plane[1])
    for s in range(out.shape[0]):
        out[s] = 0.0
        if weather_rows[GHI, s] <= 0.0 and weather_rows[DNI, s] <= 0.0:
            continue
        incidence, beam, scattered = on_plane(normal, s, module[4], weather_rows)
        cell = cell_temperature(
            beam + scattered,
            weather_rows[AMBIENT_C, s],
            weather_rows[WIND_M_S, s],
            module[5],
            module[6],
            module[7],
        )
        effective = (beam * glass_transmission(incidence) + scattered) / 1000.0
        dc = effective * (1.0 + module[0] * (cell - 25.0)) * module[1]
        out[s] = inverter_ac(dc, module[2], module[3])


@kernel
def light_on_planes(planes, albedo, weather_rows, out):
    """Irradiance on planes (p, 2) of tilt and azimuth [deg]; out (p, s) [W/m2]."""
    for p in range(planes.shape[0]):
        normal = orientation(planes[p, 0], planes[p, 1])
        for s in range(out.shape[1]):
            out[p, s] = 0.0
            if weather_rows[GHI, s] > 0.0 or weather_rows[DNI, s] > 0.0:
                _, beam, scattered = on_plane(normal, s, albedo, weather_rows)
                out[p, s] = beam + scattered


@kernel
def planes_serial(planes, module, weather_rows, out):
    """`ac_per_dc_rating` of every plane; planes (p, 2), out (p, s)."""
    for p in range(planes.shape[0]):
        ac_per_dc_rating(planes[p], module, weather_rows, out[p])


@parallel_kernel
def planes_parallel(planes, module, weather_rows, out):
    """`planes_serial` with planes on threads."""
    for p in prange(planes.shape[0]):
        ac_per_dc_rating(planes[p], module, weather_rows, out[p])


@kernel
def arrays_serial(per_rating, plane, rating_w, out):
    """Power of every home's array: of its plane (-1: no array), times its DC rating; out (h, s)."""
    for h in range(out.shape[0]):
        if plane[h] < 0:
            out[h] = 0.0
        else:
            for s in range(out.shape[1]):
                out[h, s] = per_rating[plane[h], s] * rating_w[h]


@parallel_kernel
def arrays_parallel(per_rating, plane, rating_w, out):
    """`arrays_serial` with homes on threads."""
    for h in prange(out.shape[0]):
        if plane[h] < 0:
            out[h] = 0.0
        else:
            for s in range(out.shape[1]):
                out[h, s] = per_rating[plane[h], s] * rating_w[h]
