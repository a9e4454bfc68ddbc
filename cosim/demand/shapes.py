"""Demand from end-use shapes: what every home does, minute by minute, by counter-based draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cosim.demand import kernels
from cosim.demand.block import DemandBlock, Memoryless
from cosim.demand.calendar import Calendar
from cosim.demand.kit import HomeKit, days_around
from cosim.demand.solar import Module
from cosim.demand.traits import HomeTraits
from cosim.demand.weather import Weather
from cosim.randomness import stable_id

Float = NDArray[np.float64]

# Relative use by the hour from 0:00 and back to it, weekday and weekend: engineering judgement. The first
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
PURPOSES = ("demand.base", "demand.uses")


class ShapeDemand(Memoryless):
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
    scale
        Factor on all panel demand.
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
        scale: float = 1.0,
        parallel: bool = True,
    ) -> None:
        self.calendar = calendar
        self.weather = weather
        self.traits = traits
        self.seed = seed
        self.scale = scale
        self.parallel = parallel
        self.kit = HomeKit(calendar, weather, traits, seed, module=module, parallel=parallel)
        self._plugs, self._lamps = closed(PLUGS), closed(LAMPS)
        self._purposes = np.array([stable_id(purpose) for purpose in PURPOSES], dtype=np.uint64)

    def at(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`."""
        traits, homes = self.traits, len(self.traits.id)
        clock = self.calendar.block(first_step, steps)
        weather = self.weather.block(first_step, steps)
        activity = np.empty((3, steps))
        fill: Callable[..., None] = kernels.fill_activity
        weekend = (clock.weekday >= 5).astype(np.int64)
        fill(clock.wall_minute, weekend, weather.sun_up, self._plugs, self._lamps, activity)
        days = days_around(clock)
        panel_w, panel_var = np.empty((homes, 3, steps)), np.empty((homes, 3, steps))
        run: Callable[..., None] = kernels.homes_parallel if self.parallel else kernels.homes_serial
        run(
            np.uint64(self.seed),
            self._purposes,
            traits.id,
            traits.table,
            traits.uses,
            traits.appliances,
            traits.cdfs,
            days,
            self.calendar.day_shift_minutes(days),
            (days + 3) % 7 >= 5,
            self.calendar.edges_minute(first_step, steps),
            weather.ambient_c,
            *self.weather.felt_indoors(first_step, steps),
            activity,
            np.empty((homes, kernels.MAX_USES)),
            panel_w,
            panel_var,
        )
        if self.scale != 1.0:
            panel_w *= self.scale
            panel_var *= self.scale
        ev_w, pv_w = self.kit.block(first_step, steps, weather)
        return DemandBlock(panel_w, panel_var, pv_w, ev_w=ev_w)


def closed(curves: object) -> Float:
    """Curves over 24 hours with midnight repeated at the end, so that they can be interpolated."""
    values = np.array(curves, dtype=np.float64)
    return np.ascontiguousarray(np.concatenate([values, values[..., :1]], axis=-1))
