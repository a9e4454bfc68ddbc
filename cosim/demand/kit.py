"""What hangs beside the panel: the car's charger and the PV array of each home."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cosim.demand import kernels
from cosim.demand.calendar import Calendar, CalendarBlock
from cosim.demand.solar import Arrays, Module
from cosim.demand.traits import HomeTraits, cumulative
from cosim.demand.weather import Weather, WeatherBlock
from cosim.randomness import stable_id

Float = NDArray[np.float64]

# Chance that the car arrives home, by the hour from 12:00, weekdays and weekends alike: engineering
# judgement, with an evening peak at 17 to 19 h.
CAR_ARRIVAL_WEIGHTS = (3, 3, 4, 5, 9, 14, 16, 12, 9, 7, 6, 4, 3, 1.5, 0.5, 0, 0, 0, 0, 0, 0.5, 1, 1, 1.5)


def days_around(clock: CalendarBlock) -> NDArray[np.int64]:
    """Local-standard days whose habits may reach into a block, and one more."""
    return np.arange(clock.day[0] - 1, clock.day[-1] + 3)


class HomeKit:
    """Charging and solar power of homes; a pure function of the absolute step, none of it remembers."""

    def __init__(
        self,
        calendar: Calendar,
        weather: Weather,
        traits: HomeTraits,
        seed: int,
        *,
        module: Module | None = None,
        parallel: bool = True,
    ) -> None:
        self.calendar = calendar
        self.weather = weather
        self.traits = traits
        self.seed = seed
        self.parallel = parallel
        self.arrays = Arrays(
            traits.pv_w,
            traits.pv_tilt_deg,
            traits.pv_azimuth_deg,
            module or Module(),
            places=weather.places_of(traits.id),
            weather=weather,
            parallel=parallel,
        )
        self._arrivals = cumulative(CAR_ARRIVAL_WEIGHTS)

    def block(self, first_step: int, steps: int, weather: WeatherBlock | None = None) -> tuple[Float, Float]:
        """Power the chargers draw and the arrays can give [W], each (h, steps)."""
        traits, homes = self.traits, len(self.traits.id)
        days = days_around(self.calendar.block(first_step, steps))
        ev_w = np.empty((homes, steps))
        run: Callable[..., None] = kernels.cars_parallel if self.parallel else kernels.cars_serial
        run(
            np.uint64(self.seed),
            np.uint64(stable_id("demand.car")),
            traits.id,
            np.stack([traits.ev_w, traits.ev_miles], axis=1),
            self._arrivals,
            days,
            self.calendar.day_shift_minutes(days),
            self.calendar.edges_minute(first_step, steps),
            ev_w,
        )
        sky = weather or self.weather.block(first_step, steps)
        return ev_w, self.arrays.power_w(first_step, sky)
