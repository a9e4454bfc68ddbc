"""What hangs beside the panel: the car's charger and the PV array of each home."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cosim.demand import kernels, solar_kernels
from cosim.demand.calendar import Calendar, CalendarBlock
from cosim.demand.solar import Module, ac_per_dc_rating, orientation_classes
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
        self.module = module or Module()
        self.parallel = parallel
        with_pv = traits.pv_w > 0.0
        self._planes, classes = orientation_classes(
            traits.pv_tilt_deg[with_pv], traits.pv_azimuth_deg[with_pv]
        )
        self._plane = np.full(len(with_pv), -1)
        self._plane[with_pv] = classes
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
        if len(self._planes) == 0:
            return ev_w, np.zeros((homes, steps))
        sky = weather or self.weather.block(first_step, steps)
        per_rating = ac_per_dc_rating(self._planes, self.module, sky, parallel=self.parallel)
        pv_w = np.empty((homes, steps))
        spread: Callable[..., None] = (
            solar_kernels.arrays_parallel if self.parallel else solar_kernels.arrays_serial
        )
        spread(per_rating, self._plane, traits.pv_w, pv_w)
        return ev_w, pv_w
