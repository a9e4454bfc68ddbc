"""Air and sun between the hours of a file, one instant at a time."""
# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs, no-warn-return-any

import math

from cosim.compiled import kernel
from cosim.demand.solar_kernels import (
    AMBIENT_C,
    DHI,
    DNI,
    EAST,
    EXTRA,
    GHI,
    HUMIDITY,
    NORTH,
    OPEN_DNI,
    UP,
    WET_BULB_C,
    WIND_M_S,
)

# Rows of the air that `weather` interpolates.
AIR_C, AIR_WIND, AIR_DEW_C, AIR_PA = 0, 1, 2, 3


@kernel
def _between(values, place):
    i = min(int(place), values.shape[0] - 2)
    part = place - i
    return values[i] * (1.0 - part) + values[i + 1] * part


@kernel
def _sun(hour, grid_h, sky):
    """Unit vector to the sun: east, north, up."""
    place = hour / grid_h
    east, north, up = _between(sky[0], place), _between(sky[1], place), _between(sky[2], place)
    length = math.sqrt(east * east + north * north + up * up)
    return east / length, north / length, up / length


@kernel
def _irradiance(hour, grid_h, clear, beam, diffuse):
    """Direct normal and diffuse horizontal irradiance: clear sky times index."""
    place = hour / grid_h
    dni = _between(clear[0], place) * _between(beam, hour - 0.5)
    return dni, _between(clear[1], place) * _between(diffuse, hour - 0.5)


@kernel
def saturation_pa(celsius):
    """Vapour pressure over water [Pa]: Magnus form of Alduchov and Eskridge (1996)."""
    return 610.94 * math.exp(17.625 * celsius / (243.04 + celsius))


@kernel
def wet_bulb(celsius, vapour_pa, pressure_pa):
    """Temperature of an aspirated wet thermometer [degC]: psychrometer formula of WMO-No. 8, over water.

    Newton's method on a convex, rising function, started above its root: it cannot overshoot.
    """
    found = celsius
    for _ in range(6):
        slope = saturation_pa(found) * 17.625 * 243.04 / (243.04 + found) ** 2
        exchange = 6.53e-4 * pressure_pa * (1.0 + 9.44e-4 * found)
        found -= (saturation_pa(found) - exchange * (celsius - found) - vapour_pa) / (slope + exchange)
    return found


@kernel
def air(celsius, dew_c, pressure_pa, s, out):
    """Write temperature and humidity of one instant into column s of out."""
    vapour = min(saturation_pa(dew_c), saturation_pa(celsius))
    out[AMBIENT_C, s] = celsius
    out[HUMIDITY, s] = 100.0 * vapour / saturation_pa(celsius)
    out[WET_BULB_C, s] = wet_bulb(celsius, vapour, pressure_pa)


@kernel
def weather(hour, grid_h, sky, clear, open_sky, diffuse, hourly, out):
    """Weather at instants of one chunk.

    hour (s,) hours from the chunk's first grid point; sky (4, g): sun's east, north, up and extraterrestrial
    irradiance on the grid of spacing grid_h; clear (2, g): clear-sky beam and diffuse; open_sky, diffuse (n,):
    clear-sky indices of the beam between clouds and of diffuse light at the middles of hours, first at 0.5 h;
    hourly (4, n): air temperature, wind, dew point and pressure at hours, first at 1 h. out (12, s), with no cloud
    before the sun.
    """
    for s in range(hour.shape[0]):
        east, north, up = _sun(hour[s], grid_h, sky)
        dni, dhi = _irradiance(hour[s], grid_h, clear, open_sky, diffuse)
        then = hour[s] - 1.0
        air(
            _between(hourly[AIR_C], then),
            _between(hourly[AIR_DEW_C], then),
            _between(hourly[AIR_PA], then),
            s,
            out,
        )
        out[WIND_M_S, s] = _between(hourly[AIR_WIND], then)
        out[GHI, s] = dhi + dni * max(up, 0.0)
        out[DNI, s] = dni
        out[OPEN_DNI, s] = dni
        out[DHI, s] = dhi
        out[EXTRA, s] = _between(sky[3], hour[s] / grid_h)
        out[EAST, s] = east
        out[NORTH, s] = north
        out[UP, s] = up
