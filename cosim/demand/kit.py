"""What hangs beside the panel and needs no memory: the PV array of each home."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosim.demand.solar import Arrays, Module
from cosim.demand.traits import HomeTraits
from cosim.demand.weather import Weather, WeatherBlock

Float = NDArray[np.float64]


class HomeKit:
    """Solar power of homes: a pure function of the absolute step."""

    def __init__(
        self,
        weather: Weather,
        traits: HomeTraits,
        *,
        module: Module | None = None,
        parallel: bool = True,
    ) -> None:
        self.weather = weather
        self.arrays = Arrays(
            traits.pv_w,
            traits.pv_tilt_deg,
            traits.pv_azimuth_deg,
            module or Module(),
            places=weather.places_of(traits.id),
            weather=weather,
            parallel=parallel,
        )

    def pv_w(self, first_step: int, steps: int, weather: WeatherBlock | None = None) -> Float:
        """Power the arrays can give [W], (h, steps)."""
        return self.arrays.power_w(first_step, weather or self.weather.block(first_step, steps))
