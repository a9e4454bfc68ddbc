"""What homes draw together when the grid comes back to them, against what they drew before it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cosim.reliability.indices import MOMENTARY_US

if TYPE_CHECKING:
    from cosim.results.record import StepBlock
    from cosim.simulation.assembly import Study
    from cosim.simulation.state import Block

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

FOLLOWED_US = 3_600_000_000
"""A return is followed for an hour: cold houses and tanks have drawn their most by then (docs/diversity.md)."""
BEFORE_S = 900.0
"""Load before an outage is a mean that forgets with this time constant: one minute of few homes is chance."""
NOT_OUT = -1


@dataclass(eq=False)
class Return:
    """Homes that came back at one instant from sustained interruptions.

    Parameters
    ----------
    time_us, out_us
        When, and for how long the first of them had been out.
    homes
        Their rows.
    before_w
        Power through their services before each went out, about the mean of the last quarter of an hour.
    first_w, peak_w, peak_us
        The same in the first step after the return, and the most within the next hour.
    unit, unit_first_c, unit_c
        Row of their hottest transformer, its hot spot after the first step, and the highest of it.
    adapter, adapter_first_c, adapter_c
        Row of the home with their hottest adapter, and the same of its hottest part.
    """

    time_us: int
    out_us: int
    homes: Int
    before_w: float
    first_w: float = np.nan
    peak_w: float = -np.inf
    peak_us: int = NOT_OUT
    unit: int = NOT_OUT
    unit_first_c: Float | None = None
    unit_c: float = np.nan
    adapter: int = NOT_OUT
    adapter_first_c: Float | None = None
    adapter_c: float = np.nan


class Returns:
    """All returns of a run. Steps in which a fault stands count neither as load before nor as pickup."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study",)

    def __init__(self, study: Study) -> None:
        self._study = study
        self._since_us = np.full(study.homes, NOT_OUT, np.int64)
        self._mean_w, self._before_w = np.full((2, study.homes), np.nan)
        self._followed: list[Return] = []
        self._ended: list[Return] = []

    def watch(self, whole: Bool, faulted: bool, block: Block, count: int, steps: StepBlock) -> None:
        """The first `count` steps of a block are the past; `whole` (homes,) says who had all of the grid in them."""
        starts = block.plan.start_us[:count]
        self._change(int(starts[0]), whole)
        if faulted:
            return
        power_w = steps.home["service_power_w"]
        for one in self._followed:
            self._heat(one, int(np.count_nonzero(starts < one.time_us + FOLLOWED_US)), steps)
            for step in np.flatnonzero(starts < one.time_us + FOLLOWED_US).tolist():
                together_w = float(np.sum(power_w[step, one.homes]))
                if np.isnan(one.first_w):
                    one.first_w = together_w
                if together_w > one.peak_w:
                    one.peak_w, one.peak_us = together_w, int(starts[step])
        over = [one for one in self._followed if int(starts[-1]) >= one.time_us + FOLLOWED_US]
        self._ended += over
        self._followed = [one for one in self._followed if one not in over]
        self._remember(whole, power_w[:count], steps.seconds[:count])

    def _heat(self, one: Return, count: int, steps: StepBlock) -> None:
        """Hottest transformer and adapter of a return in the first `count` steps."""
        if not count:
            return
        units = self._units(one)
        hot_c = steps.transformer["hot_spot_c"][:count, units]
        part_c = steps.home["adapter_temperature_c"][:count, one.homes]
        if one.unit_first_c is None or one.adapter_first_c is None:
            one.unit_first_c, one.adapter_first_c = hot_c[0].copy(), part_c[0].copy()
        if np.isfinite(hot_c).any() and not float(np.nanmax(hot_c)) <= one.unit_c:
            one.unit = int(units[np.nanargmax(np.fmax.reduce(hot_c, axis=0))])
            one.unit_c = float(np.nanmax(hot_c))
        if np.isfinite(part_c).any() and not float(np.nanmax(part_c)) <= one.adapter_c:
            one.adapter = int(one.homes[np.nanargmax(np.fmax.reduce(part_c, axis=0))])
            one.adapter_c = float(np.nanmax(part_c))

    def _units(self, one: Return) -> Int:
        """Rows of the transformers that feed the homes of a return."""
        found: Int = np.unique(self._study.compiled.home_transformer[one.homes])
        return found[found >= 0]

    def _remember(self, whole: Bool, power_w: Float, seconds: Float) -> None:
        for now_w, share in zip(power_w, -np.expm1(-seconds / BEFORE_S), strict=True):
            mean_w = np.where(np.isnan(self._mean_w), now_w, self._mean_w + share * (now_w - self._mean_w))
            self._mean_w = np.where(whole & np.isfinite(now_w), mean_w, self._mean_w)

    def _change(self, time_us: int, whole: Bool) -> None:
        out = self._since_us != NOT_OUT
        back = out & whole
        if back.any():
            homes = np.flatnonzero(back & (time_us - self._since_us > MOMENTARY_US))
            if len(homes):
                out_us = time_us - int(self._since_us[homes].min())
                before_w = float(np.sum(self._before_w[homes]))
                self._followed.append(Return(time_us, out_us, homes, before_w))
            self._since_us[back] = NOT_OUT
        gone = ~out & ~whole
        self._since_us[gone] = time_us
        self._before_w[gone] = self._mean_w[gone]

    def columns(self) -> dict[str, Any] | None:
        """Columns of `outage_layout.RETURNS`, a row each return; None where nobody came back."""
        rows = sorted([*self._ended, *self._followed], key=lambda one: one.time_us)
        if not rows:
            return None
        study = self._study
        units = [self._units(one) for one in rows]
        names = study.feeder.transformer["name"].to_numpy()[study.compiled.service_transformers]
        return {
            "time": [one.time_us for one in rows],
            "homes": [len(one.homes) for one in rows],
            "out_s": [one.out_us / 1e6 for one in rows],
            "transformers_kva": [float(study.transformer_va[which].sum()) / 1e3 for which in units],
            "before_kw": [one.before_w / 1e3 for one in rows],
            "first_kw": [one.first_w / 1e3 for one in rows],
            "peak_kw": [one.peak_w / 1e3 if one.peak_us != NOT_OUT else np.nan for one in rows],
            "peak_time": [one.peak_us if one.peak_us != NOT_OUT else one.time_us for one in rows],
            "unit": [str(names[one.unit]) if one.unit != NOT_OUT else "" for one in rows],
            "unit_first_c": [
                _first(one.unit_first_c, which, one.unit) for one, which in zip(rows, units, strict=True)
            ],
            "unit_c": [one.unit_c for one in rows],
            "adapter": [study.home_names[one.adapter] if one.adapter != NOT_OUT else "" for one in rows],
            "adapter_first_c": [_first(one.adapter_first_c, one.homes, one.adapter) for one in rows],
            "adapter_c": [one.adapter_c for one in rows],
        }


def _first(values: Float | None, rows: Int, row: int) -> float:
    """The value of a row among those of `rows`, NaN without."""
    return float("nan") if values is None or row == NOT_OUT else float(values[rows == row][0])
