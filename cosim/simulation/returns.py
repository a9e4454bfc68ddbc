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
    """

    time_us: int
    out_us: int
    homes: Int
    before_w: float
    first_w: float = np.nan
    peak_w: float = -np.inf
    peak_us: int = NOT_OUT


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
        transformer, rated_va = self._study.compiled.home_transformer, self._study.transformer_va
        fed = [np.unique(transformer[one.homes]) for one in rows]
        return {
            "time": [one.time_us for one in rows],
            "homes": [len(one.homes) for one in rows],
            "out_s": [one.out_us / 1e6 for one in rows],
            "transformers_kva": [float(rated_va[which[which >= 0]].sum()) / 1e3 for which in fed],
            "before_kw": [one.before_w / 1e3 for one in rows],
            "first_kw": [one.first_w / 1e3 for one in rows],
            "peak_kw": [one.peak_w / 1e3 if one.peak_us != NOT_OUT else np.nan for one in rows],
            "peak_time": [one.peak_us if one.peak_us != NOT_OUT else one.time_us for one in rows],
        }
