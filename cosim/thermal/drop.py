"""Service drops in time: the conductors of an overhead triplex under load, air, wind and sun.

The heat balance is that of IEEE 738-2012 (largest of natural and both forced laws, radiation, sun) for the bundle of
two insulated legs and a bare neutral twisted together, seen as one cylinder as long around as a string drawn tight
about it; the legs stand above the surface by what their insulation resists. Wind comes at 45 degrees. The neutral
carries the difference of the legs. Cable in the ground is not modelled: the rating of its line judges it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from cosim.thermal.drop_kernels import (
    ANGLE,
    advance_drops,
    advance_drops_parallel,
    convection,
    leg_c,
    radiation,
)

if TYPE_CHECKING:
    from cosim.entries import ConductorEntry

Float = NDArray[np.float64]

# Metals: resistivity at 20 degC [ohm m], its slope [1/K], density [kg/m3], heat capacity [J/(kg K)]. Aluminium 1350
# of 61 % IACS (ASTM B230), annealed copper; slopes of IEC 60228 and 60287.
METALS = {"aluminium": (2.826e-8, 0.00403, 2703.0, 897.0), "copper": (1.7241e-8, 0.00393, 8890.0, 385.0)}
LAY = 1.02  # strands are longer than the wire
COVER_J_PER_M3_K = 2.14e6  # polyethylene, 930 kg/m3 and 2300 J/(kg K)


@dataclass(frozen=True)
class DropHeat:
    """What the heat balance asks of a drop.

    Parameters
    ----------
    diameter_m
        Of the cylinder with the bundle's tight circumference.
    capacity_j_per_m_k
        Of metal and insulation.
    ohm_per_m, slope_per_k
        Resistance of a conductor at 20 degC, and how it grows.
    wall_k_m_per_w
        Resistance of a leg's insulation to heat.
    emissivity, solar_absorptance
        Of the surface.
    limit_c
        What the insulation bears for its life.
    """

    diameter_m: float
    capacity_j_per_m_k: float
    ohm_per_m: float
    slope_per_k: float
    wall_k_m_per_w: float
    emissivity: float
    solar_absorptance: float
    limit_c: float

    @staticmethod
    def of(entry: ConductorEntry) -> DropHeat | None:
        """Of an entry of models/conductors; None if it says nothing of its insulation's heat."""
        cover = entry.insulation
        if cover is None or entry.material not in METALS:
            return None
        rho, slope, density, heat = METALS[entry.material]
        wire, wall = entry.diameter_m.value, entry.insulation_m.value
        ohm = entry.r_ohm_per_km.value / 1e3 / (1.0 + slope * (entry.r_temperature_c.value - 20.0))
        outer = wire + 2.0 * wall
        metal = 3.0 * LAY * rho / ohm * density * heat
        return DropHeat(
            diameter_m=(1.0 + 3.0 / math.pi) * (2.0 * outer + wire) / 3.0,
            capacity_j_per_m_k=metal + 2.0 * math.pi * (wire + wall) * wall * COVER_J_PER_M3_K,
            ohm_per_m=ohm,
            slope_per_k=slope,
            wall_k_m_per_w=math.log(outer / wire) / (2.0 * math.pi * cover.conductivity.value),
            emissivity=cover.emissivity.value,
            solar_absorptance=cover.solar_absorptance.value,
            limit_c=cover.limit_c.value,
        )

    def ampacity_a(
        self,
        *,
        air_c: float = 40.0,
        wind_m_s: float = 0.61,
        sun_w_per_m2: float = 1000.0,
        limit_c: float = math.nan,
        angle: float = ANGLE,
    ) -> float:
        """Current of both legs that brings them to the limit at rest; 0 if sun alone does.

        `angle` is the factor of IEEE 738 for the direction of the wind, 1 for wind across.
        """
        limit = self.limit_c if math.isnan(limit_c) else limit_c

        def surplus(surface_c: float) -> float:
            """Heat that leaves less what is made with the legs at the limit; rises with the surface."""
            loss = (limit - surface_c) / self.wall_k_m_per_w
            away = convection(surface_c, air_c, wind_m_s, angle, self.diameter_m)
            away += radiation(surface_c, air_c, self.diameter_m, self.emissivity)
            return float(away - self.solar_absorptance * self.diameter_m * sun_w_per_m2 - 2.0 * loss)

        if surplus(limit) <= 0.0:
            return 0.0
        surface = float(brentq(surplus, min(air_c, limit) - 1.0, limit))
        ohm = self.ohm_per_m * (1.0 + self.slope_per_k * (limit - 20.0))
        return math.sqrt((limit - surface) / self.wall_k_m_per_w / ohm)

    def row(self) -> list[float]:
        """As the kernel takes them."""
        return [
            self.diameter_m, self.capacity_j_per_m_k, self.ohm_per_m, self.slope_per_k,
            self.wall_k_m_per_w, self.emissivity, self.solar_absorptance,
        ]  # fmt: skip


class DropFleet:
    """The drops of all homes; one that is not modelled (None) is NaN throughout.

    Notes
    -----
    The state is the surface's temperature; NaN has not begun: the first step sets it at rest.
    """

    def __init__(self, drops: Sequence[DropHeat | None]) -> None:
        unknown = [math.nan] * 7
        rows = [unknown if drop is None else drop.row() for drop in drops]
        self._par = np.ascontiguousarray(np.array(rows, float).reshape(-1, 7).T)
        self.limit_c = np.array([math.nan if drop is None else drop.limit_c for drop in drops])

    def __len__(self) -> int:
        return int(self._par.shape[1])

    def initial(self) -> Float:
        """(homes,) nothing begun."""
        return np.full(len(self), np.nan)

    def advance(
        self,
        state: Float,
        i2_a2: Float,
        ambient_c: Float,
        wind_m_s: Float,
        sun_w_per_m2: Float,
        seconds: Float,
        *,
        parallel: bool = True,
    ) -> tuple[Float, Float]:
        """Move all drops over a block.

        Parameters
        ----------
        state
            (homes,) at its start.
        i2_a2
            (steps, 2 or more, homes) squared currents, both legs first; where one is NaN the drop stays as it was.
        ambient_c, wind_m_s, sun_w_per_m2, seconds
            (steps,) air, wind at the drop, sun per projected area, length of each step.
        parallel
            Whether to use threads; the bits are the same.

        Returns
        -------
        (steps, homes) surface [degC], the state after each step, and the conductor of the hotter leg.
        """
        steps, homes = len(seconds), len(self)
        weather = [np.ascontiguousarray(a, float) for a in (ambient_c, wind_m_s, sun_w_per_m2, seconds)]
        if (state.shape, i2_a2.shape[::2], *(a.shape for a in weather)) != (
            (homes,), (steps, homes), *[(steps,)] * 4,
        ):  # fmt: skip
            raise ValueError(f"shapes do not fit {homes} drops, {steps} steps")
        surface, hottest = np.empty((2, steps, homes))
        run: Callable[..., None] = advance_drops_parallel if parallel else advance_drops
        run(
            np.ascontiguousarray(i2_a2, float), *weather, self._par,
            np.ascontiguousarray(state), surface, hottest,
        )  # fmt: skip
        return surface, hottest


__all__ = ["ANGLE", "DropFleet", "DropHeat", "leg_c"]
