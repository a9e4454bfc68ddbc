"""Demand from end-use shapes: what every home does, minute by minute, by counter-based draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cosim.demand import kernels
from cosim.demand.block import DemandBlock
from cosim.demand.calendar import MINUTE_US, Calendar
from cosim.demand.solar import Module, ac_per_dc_rating, orientation_classes
from cosim.demand.traits import CAR_ARRIVAL_WEIGHTS, HomeTraits, cumulative
from cosim.demand.weather import Weather
from cosim.randomness import stable_id

Float = NDArray[np.float64]

# Relative use by the hour from 0:00 and back to it, weekday and weekend: engineering judgement. The first of a
# pair of plug curves is a household that is out by day, the second one with somebody in.
_EVENING = (2.0, 2.3, 2.3, 2.2, 1.8, 1.2)  # 18 to 23 h
PLUGS = (
    (
        (
            0.7,
            0.45,
            0.35,
            0.3,
            0.3,
            0.4,
            0.8,
            1.2,
            0.9,
            0.5,
            0.4,
            0.4,
            0.4,
            0.4,
            0.4,
            0.6,
            1.0,
            1.6,
            *_EVENING,
        ),
        (0.8, 0.5, 0.4, 0.3, 0.3, 0.3, 0.5, 0.8, 1.1, 1.2, 1.2, 1.2, 1.2, 1.1, 1.1, 1.1, 1.3, 1.6, *_EVENING),
    ),
    (
        (
            0.7,
            0.45,
            0.35,
            0.3,
            0.3,
            0.4,
            0.7,
            1.1,
            1.3,
            1.3,
            1.3,
            1.3,
            1.4,
            1.3,
            1.2,
            1.3,
            1.5,
            1.8,
            *_EVENING,
        ),
        (0.8, 0.5, 0.4, 0.3, 0.3, 0.3, 0.5, 0.8, 1.2, 1.4, 1.4, 1.4, 1.4, 1.3, 1.3, 1.3, 1.5, 1.7, *_EVENING),
    ),
)
LAMPS = (
    (0.25, 0.12, 0.08, 0.06, 0.08, 0.2, 0.55, 0.7, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.7, 0.9,
     1.0, 1.0, 1.0, 0.95, 0.75, 0.45),
    (0.3, 0.15, 0.1, 0.06, 0.06, 0.1, 0.3, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.7, 0.9,
     1.0, 1.0, 1.0, 0.95, 0.8, 0.5),
)  # fmt: skip
PURPOSES = ("demand.base", "demand.uses", "demand.car")


class ShapeDemand:
    """Demand of homes from their traits, the calendar and the weather.

    A pure function of (seed, home id, local-standard day, absolute step): a home's bits depend neither on the
    block, nor on threads, nor on which other homes are there.

    Parameters
    ----------
    calendar, weather
        The scenario's clock, and its weather.
    traits
        Homes.
    seed
        Seed of the scenario.
    module
        Kind of PV array, common to all homes.
    parallel
        Whether homes are spread over threads; workers that are parallel already say no.
    """

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
        self._with_pv = np.flatnonzero(traits.pv_w > 0.0)
        self._planes, self._plane = orientation_classes(
            traits.pv_tilt_deg[self._with_pv], traits.pv_azimuth_deg[self._with_pv]
        )
        self._plugs, self._lamps = closed(PLUGS), closed(LAMPS)
        self._arrivals = cumulative(CAR_ARRIVAL_WEIGHTS)
        self._purposes = np.array([stable_id(purpose) for purpose in PURPOSES], dtype=np.uint64)

    def block(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`."""
        homes = len(self.traits.id)
        clock = self.calendar.block(first_step, steps)
        weather = self.weather.block(first_step, steps)
        edges = (self.calendar.utc_us(first_step, steps + 1) + self.calendar.standard_offset_us) / MINUTE_US
        days = np.arange(clock.day[0] - 1, clock.day[-1] + 3)
        activity = np.empty((3, steps))
        kernels.fill_activity(
            clock.wall_minute,
            (clock.weekday >= 5).astype(np.int64),
            weather.sun_up,
            self._plugs,
            self._lamps,
            activity,
        )
        panel_w, panel_var = np.empty((homes, 3, steps)), np.empty((homes, 3, steps))
        ev_w = np.empty((homes, steps))
        run: Callable[..., None] = kernels.homes_parallel if self.parallel else kernels.homes_serial
        run(
            np.uint64(self.seed),
            self._purposes,
            self.traits.id,
            self.traits.table,
            self.traits.uses,
            self.traits.appliances,
            self.traits.cdfs,
            self._arrivals,
            days,
            self.calendar.day_shift_minutes(days),
            (days + 3) % 7 >= 5,
            edges,
            weather.ambient_c,
            weather.ghi,
            activity,
            np.empty((homes, kernels.MAX_USES)),
            panel_w,
            panel_var,
            ev_w,
        )
        pv_w = np.zeros((homes, steps))
        if len(self._with_pv):
            per_rating = ac_per_dc_rating(self._planes, self.module, weather, parallel=self.parallel)
            pv_w[self._with_pv] = per_rating[self._plane] * self.traits.pv_w[self._with_pv, None]
        return DemandBlock(panel_w, panel_var, ev_w, pv_w)


def closed(curves: object) -> Float:
    """Curves over 24 hours with midnight repeated at the end, so that they can be interpolated."""
    values = np.array(curves, dtype=np.float64)
    return np.ascontiguousarray(np.concatenate([values, values[..., :1]], axis=-1))
