"""Photovoltaic power of homes: plane of array, cell temperature, PVWatts DC and AC with clipping.

The chain is pvlib's ``ModelChain.with_pvwatts``: Perez (1990) transposition, glass cover, Sandia cell
temperature, PVWatts version 5 module, losses and inverter. Homes share the computation of their plane:
tilts are rounded to 5 degrees, azimuths to 10 (at 10 degrees off south this moves a year's energy by
less than 0.5 %).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.demand import solar_kernels
from cosim.demand.weather import WeatherBlock

Float = NDArray[np.float64]

TILT_CLASS_DEG = 5.0
AZIMUTH_CLASS_DEG = 10.0


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
        """What `solar_kernels.ac_per_dc_rating` reads."""
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


def orientation_classes(tilt_deg: Float, azimuth_deg: Float) -> tuple[Float, NDArray[np.int64]]:
    """Planes that stand for the given orientations, and which one each home uses.

    Parameters
    ----------
    tilt_deg, azimuth_deg
        (h,) tilt from horizontal, azimuth from north, east positive [deg].

    Returns
    -------
    planes (p, 2) [deg], class of each home (h,).
    """
    tilt = np.round(tilt_deg / TILT_CLASS_DEG) * TILT_CLASS_DEG
    azimuth = np.round(azimuth_deg / AZIMUTH_CLASS_DEG) * AZIMUTH_CLASS_DEG % 360.0
    planes, member = np.unique(np.stack([tilt, azimuth], axis=1), axis=0, return_inverse=True)
    return np.ascontiguousarray(planes), member.reshape(-1).astype(np.int64)


def ac_per_dc_rating(planes: Float, module: Module, weather: WeatherBlock, *, parallel: bool = True) -> Float:
    """AC power produced per DC rating [W/W], (p, steps), of planes (p, 2) given as tilt and azimuth [deg]."""
    out = np.empty((len(planes), weather.rows.shape[1]))
    run: Callable[..., None] = solar_kernels.planes_parallel if parallel else solar_kernels.planes_serial
    run(planes, module.table(), weather.rows, out)
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
