"""The adapters of one kind in time: rises that current causes, and temperatures under sun and wind.

Two states that never mix. In still air without sun stands what UL 414 limits: the rise over local air. Outdoors,
on the house wall it hangs on, stands the temperature that materials bear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand import solar_kernels
from cosim.randomness import stable_ids, uniforms
from cosim.thermal.fleet import HeatFleet, Outdoors, OwnOhm
from cosim.thermal.limits import LIMIT_K, Rises
from cosim.thermal.network import heat_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosim.adapter_entry import AdapterEntry
    from cosim.demand.weather import WeatherBlock

Float = NDArray[np.float64]
Int = NDArray[np.int64]

WALLS = ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0))  # outward normals, east and north: N, E, S, W
GROUND_ALBEDO = 0.2  # grass and soil, the usual value of solar engineering (Duffie and Beckman)
WALL_WIND = 0.3  # of the station's at 10 m; an estimate, range 0.1 to 0.6: low, beside a wall, among houses


def sun_on_walls(weather: WeatherBlock) -> Float:
    """(steps, 4, 3) irradiance [W/m2] on walls N, E, S, W: from before, from above, from both sides added up.

    Beam, isotropic sky and ground. A wall hides half of the sky, and the beam while the sun is behind it.
    """
    east, north, up = weather.rows[solar_kernels.EAST : solar_kernels.UP + 1]
    beam = np.where(up > 0.0, weather.dni, 0.0)
    found = np.empty((len(beam), len(WALLS), 3))
    ground = GROUND_ALBEDO * weather.ghi
    for number, (e, n) in enumerate(WALLS):
        facing = e * east + n * north
        direct = np.where(facing > 0.0, beam, 0.0)
        found[:, number, 0] = direct * np.maximum(facing, 0.0) + 0.5 * (weather.dhi + ground)
        found[:, number, 1] = direct * np.maximum(up, 0.0) + 0.5 * weather.dhi
        found[:, number, 2] = direct * np.abs(n * east - e * north) + 0.5 * (weather.dhi + ground)
    return found


def wall_of(names: Sequence[str]) -> Int:
    """(homes,) wall on which each home's meter hangs, drawn by its name: none of the four is more likely."""
    return np.asarray(4.0 * uniforms(0, "adapter.wall", stable_ids(names))).astype(np.int64)


@dataclass(frozen=True)
class HeatBlock:
    """What a block of steps brought: arrays (steps, homes), and the state at its end.

    Parameters
    ----------
    rises
        Rises over local air in still air without sun; `adapter_temperature_c` is the hottest node outdoors.
    material_margin_k
        Smallest limit of a material less its temperature outdoors; NaN where no limit is known.
    end
        State behind the last step.
    """

    rises: Rises
    material_margin_k: Float
    end: Float


class AdapterHeat:
    """All homes with one kind of adapter.

    Parameters
    ----------
    entry
        The adapter.
    homes
        (k,) rows of its homes.
    names
        (k,) their names, which decide the walls.
    own
        Resistances of jaws that are not as new; none if not given.
    """

    def __init__(
        self, entry: AdapterEntry, homes: Int, names: Sequence[str], own: OwnOhm | None = None
    ) -> None:
        network = heat_network(entry)
        self.homes = homes
        self.still = HeatFleet(network, len(homes), own=own)
        self.outdoor = HeatFleet(
            network, len(homes), kinds=[float(c) for c in network.limit_c], outdoors=True, own=own
        )
        self.wall = wall_of(names)

    @property
    def temperature_limit_c(self) -> float:
        """Smallest known limit of a material; NaN if none is."""
        known = [limit for limit in self._limits if not math.isnan(limit)]
        return min(known, default=math.nan)

    @property
    def _limits(self) -> list[float]:
        return [float(str(kind)) for kind in self.outdoor.kinds]

    def initial(self, ambient_c: float) -> Float:
        """(2, nodes, homes) in still air, outdoors: all at air temperature."""
        return np.stack([fleet.initial(ambient_c) for fleet in (self.still, self.outdoor)])

    def advance(
        self, state: Float, i2_a2: Float, weather: WeatherBlock, seconds: Float, *, parallel: bool
    ) -> HeatBlock:
        """Move both states over a block; arguments as those of `HeatFleet.peaks`."""
        air = np.ascontiguousarray(weather.ambient_c)
        found, still_end = self.still.peaks(state[0], i2_a2, air, seconds, parallel=parallel)
        sky = Outdoors(WALL_WIND * weather.wind_m_s, sun_on_walls(weather), self.wall)
        outdoor, outdoor_end = self.outdoor.peaks(
            state[1], i2_a2, air, seconds, weather=sky, parallel=parallel
        )
        margins = np.array(self._limits)[:, None, None] - outdoor
        return HeatBlock(
            self._rises(found - air[:, None], outdoor.max(axis=0)),
            np.fmin.reduce(margins, axis=0),
            np.stack([still_end, outdoor_end]),
        )

    def _rises(self, rise: Float, hottest_c: Float) -> Rises:
        """Rises by role as results keep them; `rise` is (kinds of the still fleet, steps, homes)."""
        nothing = np.full(hottest_c.shape, np.nan)
        by_role = {str(kind): values for kind, values in zip(self.still.kinds, rise, strict=True)}
        jaw, bar, factory, field = limited = [by_role.get(role, nothing) for role in LIMIT_K]
        margin = np.fmin.reduce(
            [limit - values for limit, values in zip(LIMIT_K.values(), limited, strict=True)], axis=0
        )
        return Rises(jaw, bar, factory, field, hottest_c, margin)
