"""Photovoltaic power of homes: plane of array, cell temperature, PVWatts DC and AC with clipping.

The chain is pvlib's ``ModelChain.with_pvwatts``: Perez (1990) transposition, glass cover, Sandia cell
temperature, PVWatts version 5 module, losses and inverter. What of a step's sky is common to all planes is computed
once; each array has its own plane, and its own clouds where its place is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cosim.demand import solar_kernels
from cosim.demand.clouds import Places
from cosim.demand.weather import SkyShare, Weather, WeatherBlock

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Module:
    """Module, mounting and inverter of an array; defaults are those of PVWatts version 5 (Dobos 2014).

    Parameters
    ----------
    gamma_per_k
        Change of power with cell temperature [1/K].
    losses
        Share lost to soiling, shading, mismatch, wiring and the like: 14.08 % is the PVWatts product.
    dc_to_ac
        DC rating of the array over DC limit of the inverter.
    inverter_efficiency
        Nominal efficiency.
    albedo
        Share of light that the ground reflects.
    sapm_a, sapm_b, sapm_delta_k
        Cell temperature on an open rack, glass and polymer (King et al. 2004).
    """

    gamma_per_k: float = -0.0037
    losses: float = 0.140757
    dc_to_ac: float = 1.15
    inverter_efficiency: float = 0.96
    albedo: float = 0.25
    sapm_a: float = -3.56
    sapm_b: float = -0.075
    sapm_delta_k: float = 3.0

    def table(self) -> Float:
        """What `solar_kernels.arrays_serial` reads."""
        return np.array(
            [
                self.gamma_per_k,
                1.0 - self.losses,
                1.0 / self.dc_to_ac,
                self.inverter_efficiency,
                self.albedo,
                self.sapm_a,
                self.sapm_b,
                self.sapm_delta_k,
            ]
        )


GLASS_CELLS = 2048  # transmission is then within 1e-6


@cache
def _glass() -> Float:
    table = np.empty(GLASS_CELLS + 1)
    fill: Callable[..., None] = solar_kernels.fill_glass
    fill(table)
    return table


class Arrays:
    """Arrays of homes, each with a plane, a rating and a sky of its own.

    Parameters
    ----------
    rating_w
        (h,) DC rating [W]; zero: no array.
    tilt_deg, azimuth_deg
        (h,) tilt from horizontal, azimuth from north, east positive [deg].
    module
        What all have in common.
    places, weather
        Where the homes are, and whose clouds they see; without, all see the station's.
    parallel
        Whether homes are spread over threads.
    """

    def __init__(
        self,
        rating_w: Float,
        tilt_deg: Float,
        azimuth_deg: Float,
        module: Module,
        *,
        places: Places | None = None,
        weather: Weather | None = None,
        parallel: bool = False,
    ) -> None:
        self.homes = len(rating_w)
        self.has = np.flatnonzero(rating_w > 0.0)
        self.rating_w = np.ascontiguousarray(rating_w[self.has])
        self.planes = np.stack([tilt_deg[self.has], azimuth_deg[self.has]], axis=1)
        self.module, self.parallel = module, parallel
        self._share: SkyShare | None = None
        if places is not None and weather is not None:
            own = Places(places.east_m[self.has], places.north_m[self.has])
            self._share = weather.clouds(own, parallel=parallel)

    def power_w(self, first_step: int, weather: WeatherBlock) -> Float:
        """AC power the arrays can give over the steps of a block of weather [W], (h, steps)."""
        steps = weather.rows.shape[1]
        out = np.zeros((self.homes, steps))
        if len(self.has) == 0 or not np.any(weather.rows[solar_kernels.GHI] > 0.0):
            return out
        if self._share is None:
            seen, which = np.ones((1, steps)), np.zeros(len(self.has), dtype=np.int64)
            row = solar_kernels.DNI
        else:
            seen, which = self._share.block(first_step, steps), np.arange(len(self.has))
            row = solar_kernels.OPEN_DNI
        _power(
            out, self.has, self.planes, self.rating_w, self.module, weather, row, seen, which, self.parallel
        )
        return out


def _power(
    out: Float, home: NDArray[np.int64], planes: Float, rating_w: Float, module: Module, weather: WeatherBlock,
    dni_row: int, seen: Float, which: NDArray[np.int64], parallel: bool,
) -> None:  # fmt: skip
    table = module.table()
    sky = np.empty((solar_kernels.SKY_ROWS, weather.rows.shape[1]))
    fill: Callable[..., None] = solar_kernels.skies
    fill(weather.rows, dni_row, table, sky)
    run: Callable[..., None] = solar_kernels.arrays_parallel if parallel else solar_kernels.arrays_serial
    run(planes, rating_w, sky, seen, which, home, table, _glass(), out)


def ac_per_dc_rating(planes: Float, module: Module, weather: WeatherBlock, *, parallel: bool = True) -> Float:
    """AC power per DC rating [W/W], (p, steps), of planes (p, 2) of tilt and azimuth [deg], at the station."""
    seen, which = np.ones((1, weather.rows.shape[1])), np.zeros(len(planes), dtype=np.int64)
    out, ones = np.empty((len(planes), weather.rows.shape[1])), np.ones(len(planes))
    home = np.arange(len(planes))
    _power(out, home, planes, ones, module, weather, solar_kernels.DNI, seen, which, parallel)
    return out


# Vertical walls and their windows facing north, east, south and west: tilt and azimuth [deg].
WALLS = np.array([[90.0, 0.0], [90.0, 90.0], [90.0, 180.0], [90.0, 270.0]])
GROUND = 0.2  # share of light that the ground about houses reflects; common in building models


def light_on_planes(planes: Float, weather: WeatherBlock, *, albedo: float = GROUND) -> Float:
    """Irradiance on planes (p, 2) of tilt and azimuth [deg]: beam, sky (Perez 1990) and ground; (p, steps) [W/m2]."""
    out = np.empty((len(planes), weather.rows.shape[1]))
    run: Callable[..., None] = solar_kernels.light_on_planes
    run(planes, albedo, weather.rows, out)
    return out


def light_on_walls(weather: WeatherBlock, *, albedo: float = GROUND) -> Float:
    """Irradiance on vertical planes that face north, east, south and west, (4, steps) [W/m2]."""
    return light_on_planes(WALLS, weather, albedo=albedo)
