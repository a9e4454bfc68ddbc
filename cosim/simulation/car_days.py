"""What a run keeps of its cars' departures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cosim.devices import ev_kernels

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.state import Block

NOTICED_SHARE = 0.01
"""Share of the battery that may be missing at a departure without being told."""
J_PER_KWH = 3.6e6


class CarDays:
    """Departures of every car, counted as a run goes on."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study", "_cars", "_noticed_j")

    def __init__(self, study: Study) -> None:
        self._study, self._cars = study, study.cars
        count = len(study.cars.home)
        self._departures, self._short = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._missing_j, self._worst_j = np.zeros(count), np.zeros(count)
        self._worst_us = np.full(count, -1, np.int64)
        self._noticed_j = NOTICED_SHARE * study.cars.fleet.cars[:, ev_kernels.CAPACITY_J]

    def watch(self, block: Block, count: int) -> None:
        """Count the departures of the first `count` steps of a block."""
        if not len(self._cars.home):
            return
        plan = block.plan.head(count)
        left = self._cars.fleet.departures(plan.start_us, plan.seconds, block.draw.cars.charge_j[:, :count])
        for car, time_us, missing_j in zip(
            left.car.tolist(), left.time_us.tolist(), left.missing_j.tolist(), strict=True
        ):
            self._departures[car] += 1
            if missing_j <= self._noticed_j[car]:
                continue
            self._short[car] += 1
            self._missing_j[car] += missing_j
            if missing_j > self._worst_j[car]:
                self._worst_j[car], self._worst_us[car] = missing_j, time_us

    def columns(self) -> dict[str, Any]:
        """Columns of `layout.CAR_DAYS`, a row a car in the feeder's order."""
        home, population = self._cars.home, self._study.population
        return {
            "home": [population.home[row] for row in home],
            "charger_kw": population.ev_kw[home].tolist(),
            "departures": self._departures.tolist(),
            "short": self._short.tolist(),
            "missing_kwh": (self._missing_j / J_PER_KWH).tolist(),
            "worst_kwh": (self._worst_j / J_PER_KWH).tolist(),
            "worst_time": self._worst_us.tolist(),
        }
