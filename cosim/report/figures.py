"""One number a home: the run's statistics reduced over its whole length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosim.results import layout

if TYPE_CHECKING:
    from cosim.results import Results

Float = NDArray[np.float64]

# Rises that UL 414 limits, as a planner would name the part, and their limits.
PARTS = {
    "jaw_rise_k": "Jaws",
    "bus_bar_rise_k": "Bus bars",
    "factory_terminal_rise_k": "Factory terminals",
    "field_terminal_rise_k": "Field terminals",
}
LIMITS = {q.name: q.limit for q in layout.HOME_QUANTITIES if q.name in PARTS}


@dataclass(frozen=True)
class Figures:
    """Figures of every home, arrays of shape (homes,); NaN where a figure does not apply.

    Parameters
    ----------
    homes, transformers
        Tables of the result file.
    largest, smallest
        Extreme over the run of each home quantity of the layout, by its name.
    loading_pu, transformer_back_w
        (transformers,) largest loading, and largest power from secondary to primary.
    back_w, back_wh
        Largest power and energy flowing back at the socket; 0 for none.
    unsupplied_s
        Time without voltage.
    fault
        Columns of the fault-duty study in which the home's current was largest, with
        ``current_a``, the largest with every source that was asked for, and ``verdict`` over all studies;
        empty if nothing was studied.
    unit_largest
        (transformers,) largest hot spot and loss of life, by name.
    """

    homes: pd.DataFrame
    transformers: pd.DataFrame
    largest: Mapping[str, Float]
    smallest: Mapping[str, Float]
    loading_pu: Float
    transformer_back_w: Float
    back_w: Float
    back_wh: Float
    unsupplied_s: Float
    fault: Mapping[str, NDArray[np.generic]]
    unit_largest: Mapping[str, Float] = field(default_factory=dict)

    @property
    def adapter(self) -> list[str]:
        """Library name of each home's adapter, empty for none."""
        return [str(name) for name in self.homes["adapter"]]

    def name(self, row: int) -> str:
        """Id of a home."""
        return str(self.homes.index[row])

    def column(self, name: str) -> Float:
        """A number of the homes table."""
        return self.homes[name].to_numpy(float)

    @property
    def service_share(self) -> Float:
        """Largest service current over the service rating; NaN without a rating."""
        rating = self.column("service_rating_a")
        return self.largest["service_current_a"] / np.where(rating > 0, rating, np.nan)

    @property
    def voltage_pu(self) -> tuple[Float, Float]:
        """Lowest and highest voltage of either leg while energised, over nominal."""
        nominal = self.column("nominal_v")
        legs = ("voltage_l1_v", "voltage_l2_v")
        low = np.fmin(*(self.smallest[leg] for leg in legs))
        high = np.fmax(*(self.largest[leg] for leg in legs))
        return low / nominal, high / nominal


def worst_rows(values: Float, most: int, *, low: bool = False) -> list[int]:
    """Rows of the largest (or lowest) values, worst first, ties in file order; NaN never."""
    order = np.argsort(values if low else -values, kind="stable")
    return [int(row) for row in order if np.isfinite(values[row])][:most]


def figures(results: Results) -> Figures:
    """Reduce a result file to one number a home."""
    homes, back = results.homes, results.backfeed()
    largest, smallest = {}, {}
    for quantity in layout.HOME_QUANTITIES:
        smallest[quantity.name], largest[quantity.name] = _extremes(results, quantity.name)
    return Figures(
        homes=homes,
        transformers=results.transformers,
        largest=largest,
        smallest=smallest,
        loading_pu=_extremes(results, "loading_pu")[1],
        transformer_back_w=back["transformer_peak_w"].to_numpy(),
        back_w=back["home_peak_w"].to_numpy(),
        back_wh=back["home_energy_wh"].to_numpy(),
        unsupplied_s=results.unsupplied_s().to_numpy(),
        fault=_fault(results),
        unit_largest={name: _extremes(results, name)[1] for name in ("hot_spot_c", "loss_of_life_pu")},
    )


def _extremes(results: Results, quantity: str) -> tuple[Float, Float]:
    """Smallest and largest value of every item over the run, NaN where there is none."""
    stored = results.envelope(quantity).transpose("statistic", "interval", ...).to_numpy().astype(float)
    if not stored.shape[1]:
        return np.full(stored.shape[2], np.nan), np.full(stored.shape[2], np.nan)
    least, _, most = stored
    return np.fmin.reduce(least, axis=0), np.fmax.reduce(most, axis=0)


def _fault(results: Results) -> dict[str, NDArray[np.generic]]:
    studies = [results.study(name) for name in results.studies_of("fault_duty")]
    if not studies:
        return {}
    current = np.array([s["bound_a"].to_numpy() for s in studies])
    worst = np.argmax(np.nan_to_num(current, nan=-np.inf), axis=0)
    stacked = {key: np.array([s[key].to_numpy() for s in studies]) for key in studies[0].data_vars}
    picked = {str(key): np.take_along_axis(v, worst[None], axis=0)[0] for key, v in stacked.items()}
    verdicts = stacked["verdict"]
    known = np.where((verdicts != layout.UNKNOWN).any(axis=0), layout.WITHIN, layout.UNKNOWN)
    known = np.where((verdicts == layout.BREAKER_ONLY).any(axis=0), layout.BREAKER_ONLY, known)
    picked["verdict"] = np.where((verdicts == layout.OVER).any(axis=0), layout.OVER, known)
    picked["current_a"] = np.take_along_axis(current, worst[None], axis=0)[0]
    return picked
