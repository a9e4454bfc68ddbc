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
AMBIENT_C, WIND_M_S, GHI, DNI, DHI, EXTRA, EAST, NORTH, UP, HUMIDITY, WET_BULB_C, OPEN_DNI = range(12)
WEATHER_ROWS = 12


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
def light_on_planes(planes, albedo, weather_rows, out):
    """Irradiance on planes (p, 2) of tilt and azimuth [deg]; out (p, s) [W/m2]."""
    for p in range(planes.shape[0]):
        normal = orientation(planes[p, 0], planes[p, 1])
        for s in range(out.shape[1]):
            out[p, s] = 0.0
            if weather_rows[GHI, s] > 0.0 or weather_rows[DNI, s] > 0.0:
                _, beam, scattered = on_plane(normal, s, albedo, weather_rows)
                out[p, s] = beam + scattered


# Rows of what a step's sky means to any plane, as `skies` fills it.
SKY_DNI, SKY_DHI, SKY_REST, SKY_EAST, SKY_NORTH, SKY_UP, SKY_CLEARER, SKY_HORIZON = 0, 1, 2, 3, 4, 5, 6, 7
SKY_AIR_C, SKY_HEAT_K, SKY_F1, SKY_F2 = 8, 9, 10, 18
SKY_ROWS = 26


@kernel
def skies(weather_rows, dni_row, module, out):
    """What of the sky all planes share, step by step; out (`SKY_ROWS`, s).

    dni_row: row of `weather_rows` that holds the beam before clouds. The clearness of Perez (1990) is
    1 + dni / (dhi (1 + 1.041 z^3)): its factor of dni is kept, and F1 and F2 of each of its eight bins.
    `SKY_REST`: global light without the beam. `SKY_HEAT_K`: cell above air per irradiance.
    """
    for s in range(out.shape[1]):
        up, dhi = weather_rows[UP, s], weather_rows[DHI, s]
        z = math.acos(min(max(up, -1.0), 1.0))
        degrees = math.degrees(z)
        lit = degrees < 90.0 and dhi > 0.0
        out[SKY_DNI, s] = max(weather_rows[dni_row, s], 0.0)
        out[SKY_DHI, s] = dhi if lit else 0.0
        out[SKY_EAST, s] = weather_rows[EAST, s]
        out[SKY_NORTH, s] = weather_rows[NORTH, s]
        out[SKY_UP, s] = up
        out[SKY_REST, s] = weather_rows[GHI, s] - weather_rows[DNI, s] * max(up, 0.0)
        out[SKY_CLEARER, s] = 1.0 / (dhi * (1.0 + 1.041 * z**3)) if lit else 0.0
        out[SKY_HORIZON, s] = 1.0 / max(up, math.cos(math.radians(85.0)))
        out[SKY_AIR_C, s] = weather_rows[AMBIENT_C, s]
        out[SKY_HEAT_K, s] = math.exp(module[5] + module[6] * weather_rows[WIND_M_S, s]) + module[7] / 1000.0
        b = dhi * relative_air_mass(degrees) / weather_rows[EXTRA, s] if lit else 0.0
        for row in range(8):
            c = PEREZ[row]
            out[SKY_F1 + row, s] = max(c[0] + c[1] * b + c[2] * z, 0.0)
            out[SKY_F2 + row, s] = c[3] + c[4] * b + c[5] * z


@kernel
def fill_glass(table):
    """`glass_transmission` at evenly spaced cosines of incidence from 0 to 1."""
    for i in range(table.shape[0]):
        table[i] = glass_transmission(i / (table.shape[0] - 1))


@kernel
def array_power(plane, rating_w, sky, seen, module, glass, out):
    """AC power of one array at every step; arguments as in `arrays_serial`, `seen` and `out` (s,)."""
    east, north, cos, sin = orientation(plane[0], plane[1])
    last = glass.shape[0] - 1
    kept, limit, albedo = module[1], module[2], module[4] * 0.5 * (1.0 - cos)
    scale = module[3] / 0.9637 * limit * rating_w
    top, per_limit = module[3] * limit * rating_w, 1.0 / limit
    for s in range(out.shape[0]):
        if sky[SKY_DNI, s] + sky[SKY_DHI, s] <= 0.0:
            out[s] = 0.0
            continue
        dni, up = sky[SKY_DNI, s] * seen[s], sky[SKY_UP, s]
        incidence = max(east * sky[SKY_EAST, s] + north * sky[SKY_NORTH, s] + cos * up, 0.0)
        clearer = dni * sky[SKY_CLEARER, s] + 1.0
        row = 0
        if clearer >= CLEARNESS[3]:
            row = 4
        if clearer >= CLEARNESS[row + 1]:
            row += 2
        if clearer >= CLEARNESS[row]:
            row += 1
        f1, f2 = sky[SKY_F1 + row, s], sky[SKY_F2 + row, s]
        around = 0.5 * (1.0 - f1) * (1.0 + cos) + f1 * incidence * sky[SKY_HORIZON, s] + f2 * sin
        scattered = max(sky[SKY_DHI, s] * around, 0.0) + albedo * (sky[SKY_REST, s] + dni * max(up, 0.0))
        beam = dni * incidence
        place = incidence * last
        i = min(int(place), last - 1)
        passed = glass[i] + (place - i) * (glass[i + 1] - glass[i])
        cell = sky[SKY_AIR_C, s] + (beam + scattered) * sky[SKY_HEAT_K, s]
        dc = max((beam * passed + scattered) * 0.001 * (1.0 + module[0] * (cell - 25.0)) * kept, 0.0)
        load = dc * per_limit
        out[s] = min(max(scale * ((0.9858 - 0.0162 * load) * load - 0.0059), 0.0), top)


@kernel
def arrays_serial(planes, rating_w, sky, seen, which, home, module, glass, out):
    """AC power of arrays [W].

    planes (a, 2) tilt and azimuth [deg]; rating_w (a,) DC rating [W]; sky of `skies`; seen (p, s) share of its beam
    at places, which (a,) the place of each array, home (a,) its row of out; module: power coefficient [1/K], kept
    share after system losses, DC limit of the inverter per DC rating, its efficiency, albedo, and the cell
    temperature's a, b, delta [K]; glass of `fill_glass`; out (h, s). The inverter is `inverter_ac`, multiplied out.
    """
    for a in range(rating_w.shape[0]):
        array_power(planes[a], rating_w[a], sky, seen[which[a]], module, glass, out[home[a]])


@parallel_kernel
def arrays_parallel(planes, rating_w, sky, seen, which, home, module, glass, out):
    """`arrays_serial` with arrays on threads."""
    for a in prange(rating_w.shape[0]):
        array_power(planes[a], rating_w[a], sky, seen[which[a]], module, glass, out[home[a]])
