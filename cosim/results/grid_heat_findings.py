"""What a run says of the heat of service transformers and drops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cosim.results.reader import Results
    from cosim.results.record import Float

NORMAL_C, HOT_C = 110.0, 120.0  # hot spots of normal life, and of planned loading beyond it (C57.91 table 8)
LIMIT_C = 200.0  # hot spot of a distribution transformer above which C57.91 suggests no loading at all
NORMAL_LIFE_H = 180_000.0
_MAX = 2


@dataclass(frozen=True)
class GridHeatFindings:
    """Service transformers and drops at their hottest.

    Attributes
    ----------
    units, unit, hot_spot_c, unit_time
        Transformers whose heat is known; the hottest, its hot spot, and when that was.
    ageing_factor
        Of the hottest, mean over the run; 1 is 180,000 h of life.
    over_110, over_120
        Transformers whose hot spot passed 110 and 120 degC.
    drops, drop, drop_c, drop_margin_k, drops_over
        Drops whose heat is known; the home of that nearest to the limit of its insulation, its hotter conductor,
        what is left; how many passed their limit.
    """

    units: int
    unit: str
    hot_spot_c: float
    unit_time: str
    ageing_factor: float
    over_110: int
    over_120: int
    drops: int
    drop: str
    drop_c: float
    drop_margin_k: float
    drops_over: int

    def line(self) -> str:
        """In one line."""
        unit = (
            f"hottest transformer {self.unit}, hot spot {self.hot_spot_c:.0f} degC ({self.unit_time}), ages "
            f"{self.ageing_factor:.2g} times as fast as normal; over 110 degC: {self.over_110}, over 120: "
            f"{self.over_120} of {self.units}"
            if self.units
            else "no transformer simulated"
        )
        drop = (
            f"hottest drop {self.drop}, {self.drop_c:.0f} degC, {self.drop_margin_k:.0f} K left; over their limit: "
            f"{self.drops_over} of {self.drops}"
            if self.drops
            else "no overhead drop simulated"
        )
        return f"Grid heat: {unit}; {drop}"


def grid_heat_findings(results: Results) -> GridHeatFindings | None:
    """Of a result file; None where neither transformers nor drops have a temperature."""
    hot = _largest(results, "transformer_envelope/hot_spot_c")
    wire = _largest(results, "home_envelope/drop_temperature_c")
    units, drops = np.isfinite(hot), np.isfinite(wire)
    if not (units.any() or drops.any()):
        return None
    unit, unit_time, factor = "", "", float("nan")
    if units.any():
        at = int(np.nanargmax(hot))
        unit = str(results.values("transformer")[at])
        interval = int(np.nanargmax(results.values("transformer_envelope/hot_spot_c")[:, at, _MAX]))
        when = results.times("transformer_envelope/hot_spot_c_time_of_max")[interval, at]
        unit_time = "" if np.isnat(when) else str(when.astype("datetime64[s]"))
        hours = float(results.values("intervals/simulated_s").sum()) / 3600.0
        life = float(_largest(results, "transformer_envelope/loss_of_life_pu")[at])
        factor = life * NORMAL_LIFE_H / hours if hours > 0.0 else float("nan")
    limit = results.homes["drop_limit_c"].to_numpy(float)
    margin = limit - wire
    drop, drop_c, left = "", float("nan"), float("nan")
    if drops.any():
        known = np.isfinite(margin)
        home = int(np.nanargmin(margin)) if known.any() else int(np.nanargmax(wire))
        drop, drop_c = str(results.homes.index[home]), float(wire[home])
        left = float(margin[home])
    return GridHeatFindings(
        int(units.sum()), unit, float(np.fmax.reduce(hot, initial=np.nan)), unit_time, factor,
        int((hot > NORMAL_C).sum()), int((hot > HOT_C).sum()),
        int(drops.sum()), drop, drop_c, left, int((margin < 0.0).sum()),
    )  # fmt: skip


def _largest(results: Results, path: str) -> Float:
    """Largest value of every item over the run; NaN where there is none."""
    high = results.values(path)[..., _MAX].astype(np.float64)
    return np.asarray(np.fmax.reduce(high, axis=0, initial=np.nan))
