"""How homes fare indoors over a run: rooms and water outside what people bear, loads held off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cosim.results.layout import ROOM_HIGH_C, ROOM_LOW_C, WATER_LOW_C

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosim.results.record import StepBlock

J_PER_KWH = 3.6e6


def added_up(
    total: NDArray[np.float64], seconds: NDArray[np.float64], values: NDArray[np.float64 | np.bool_]
) -> NDArray[np.float64]:
    """(homes,) a total after steps of (steps, homes) values, added one by one: no cut into blocks changes a bit."""
    added = np.empty((len(seconds) + 1, len(total)))
    added[0] = total
    np.multiply(seconds[:, None], values, out=added[1:])
    summed: NDArray[np.float64] = np.add.accumulate(added, axis=0)[-1]
    return summed


class Comfort:
    """Totals of all homes, from steps as they are recorded; a step counts by its temperature at its end."""

    GIVEN: ClassVar[tuple[str, ...]] = ()

    def __init__(self, homes: int) -> None:
        self._cold_s, self._hot_s, self._cool_water_s, self._shed_j = np.zeros((4, homes))
        self._coldest_c, self._hottest_c = np.full((2, homes), np.nan)

    def watch(self, steps: StepBlock) -> None:
        """Take in steps; NaN compares false, so homes without rooms or tank add nothing."""
        room, water, shed = (
            steps.home[name] for name in ("indoor_temperature_c", "water_temperature_c", "shed_w")
        )
        self._cold_s = added_up(self._cold_s, steps.seconds, room < ROOM_LOW_C)
        self._hot_s = added_up(self._hot_s, steps.seconds, room > ROOM_HIGH_C)
        self._cool_water_s = added_up(self._cool_water_s, steps.seconds, water < WATER_LOW_C)
        self._shed_j = added_up(self._shed_j, steps.seconds, np.nan_to_num(shed))
        self._coldest_c = np.fmin(self._coldest_c, np.fmin.reduce(room, axis=0))
        self._hottest_c = np.fmax(self._hottest_c, np.fmax.reduce(room, axis=0))

    def columns(self, names: Sequence[str]) -> dict[str, Any] | None:
        """Columns of `layout.COMFORT`, a row each home whose rooms are known; None if none are."""
        rows: NDArray[np.int64] = np.flatnonzero(np.isfinite(self._coldest_c))
        if not len(rows):
            return None
        return {
            "home": [names[row] for row in rows],
            "cold_h": self._cold_s[rows] / 3600.0,
            "hot_h": self._hot_s[rows] / 3600.0,
            "coldest_c": self._coldest_c[rows],
            "hottest_c": self._hottest_c[rows],
            "cool_water_h": self._cool_water_s[rows] / 3600.0,
            "shed_kwh": self._shed_j[rows] / J_PER_KWH,
        }
