"""Service transformers in time: top oil, hot spot and ageing by IEEE C57.91-2011 clause 7.

With K the load over the rating and R the load loss over the no-load loss, the rises make for

    top oil over air      dTO_U = dTO_R ((K^2 R + 1) / (R + 1))^n
    hot spot over oil     dH_U = dH_R K^(2 m)

and approach them exponentially: the winding with its own time constant, the oil with

    tau = tau_R (dTO_U/dTO_R - dTO_i/dTO_R) / ((dTO_U/dTO_R)^(1/n) - (dTO_i/dTO_R)^(1/n))

where dTO_i is the rise when the load last changed. The update is exact while a load lasts, however it is cut.
Air temperature acts at once. Ageing over that at 110 degC is exp(15000/383 - 15000/(hot + 273)), integrated by
Simpson's rule over each step; 180,000 h at 110 degC are a life.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosim.thermal.transformer_kernels import advance_units, advance_units_parallel

if TYPE_CHECKING:
    from cosim.entries import TransformerEntry

Float = NDArray[np.float64]

ROWS, AGED = 5, 4
NORMAL_LIFE_H = 180_000.0  # C57.91-2011 table 2: insulation of thermally upgraded paper at 110 degC
REFERENCE_HOT_C = 110.0


def ageing_factor(hot_c: ArrayLike) -> Float:
    """Ageing at a hot spot [degC] over that at 110 degC (C57.91-2011 equation 2)."""
    return np.asarray(np.exp(15000.0 / 383.0 - 15000.0 / (np.asarray(hot_c, float) + 273.0)))


@dataclass(frozen=True)
class TransformerHeat:
    """What clause 7 asks of a transformer.

    Parameters
    ----------
    oil_rise_k, winding_rise_k
        At rating: top oil over air, hot spot over top oil.
    loss_ratio
        Load loss at rating over no-load loss.
    oil_exponent, winding_exponent
        n and m.
    oil_tau_s, winding_tau_s
        Time constants at rating.
    """

    oil_rise_k: float
    winding_rise_k: float
    loss_ratio: float
    oil_exponent: float
    winding_exponent: float
    oil_tau_s: float
    winding_tau_s: float

    @staticmethod
    def of(entry: TransformerEntry) -> TransformerHeat | None:
        """Of an entry of models/transformers; None if it lacks its heat or a no-load loss."""
        heat = entry.heat
        if heat is None or not entry.noload_loss_percent.value > 0.0:
            return None
        return TransformerHeat(
            heat.oil_rise_k.value,
            heat.hot_spot_rise_k.value - heat.oil_rise_k.value,
            entry.r_percent.value / entry.noload_loss_percent.value,
            heat.oil_exponent.value,
            heat.winding_exponent.value,
            3600.0 * heat.oil_tau_h.value,
            60.0 * heat.winding_tau_min.value,
        )

    def ultimate(self, load_pu: ArrayLike) -> tuple[Float, Float]:
        """Rises of oil over air and hot spot over oil [K] that a load of the rating ends at."""
        k = np.asarray(load_pu, float)
        power = (k * k * self.loss_ratio + 1.0) / (self.loss_ratio + 1.0)
        return self.oil_rise_k * power**self.oil_exponent, self.winding_rise_k * k ** (
            2.0 * self.winding_exponent
        )

    def row(self) -> list[float]:
        """As the kernel takes them."""
        return [
            self.oil_rise_k, self.winding_rise_k, self.loss_ratio, self.oil_exponent,
            self.winding_exponent, self.oil_tau_s, self.winding_tau_s,
        ]  # fmt: skip


@dataclass(frozen=True)
class TransformerBlock:
    """What a block of steps brought: (steps, units) at the end of each step, and `states` (steps, 5, units).

    Parameters
    ----------
    top_oil_c, hot_spot_c
        Temperatures.
    ageing_factor
        Mean over the step; 1 is the ageing at 110 degC.
    loss_of_life_pu
        Of 180,000 h, since the run began.
    """

    top_oil_c: Float
    hot_spot_c: Float
    ageing_factor: Float
    loss_of_life_pu: Float
    states: Float


class TransformerFleet:
    """All service transformers; one whose heat is not known (None) is NaN throughout.

    Notes
    -----
    A state of NaN has not begun: the first step sets rises at rest under its own load.
    """

    def __init__(self, units: Sequence[TransformerHeat | None]) -> None:
        unknown = [math.nan] * 7
        rows = [unknown if unit is None else unit.row() for unit in units]
        self._par = np.ascontiguousarray(np.array(rows, float).reshape(-1, 7).T)

    def __len__(self) -> int:
        return int(self._par.shape[1])

    def initial(self, load_pu: Float | None = None) -> Float:
        """(5, units) at rest under loads (units,) of the ratings; without, nothing begun."""
        state = np.full((ROWS, len(self)), np.nan)
        if load_pu is None:
            return state
        oil_k, winding_k, ratio, n, m, oil_tau_s, _ = self._par
        power = (load_pu * load_pu * ratio + 1.0) / (ratio + 1.0)
        state[:] = oil_k * power**n, winding_k * load_pu ** (2.0 * m), oil_k * power**n, oil_tau_s, 0.0 * n
        return state

    def advance(
        self, state: Float, load_pu: Float, ambient_c: Float, seconds: Float, *, parallel: bool = True
    ) -> TransformerBlock:
        """Move all units over a block.

        Parameters
        ----------
        state
            (5, units) at its start.
        load_pu
            (steps, units) apparent power over rating; where it is NaN the last load goes on.
        ambient_c, seconds
            (steps,) air temperature, and length of each step.
        parallel
            Whether to use threads; the bits are the same.
        """
        steps, units = len(seconds), len(self)
        if (state.shape, load_pu.shape, ambient_c.shape) != ((ROWS, units), (steps, units), (steps,)):
            raise ValueError(
                f"shapes {state.shape}, {load_pu.shape}, {ambient_c.shape} do not fit {units} units, {steps} steps"
            )
        states = np.empty((steps, ROWS, units))
        air, h = np.ascontiguousarray(ambient_c, float), np.ascontiguousarray(seconds, float)
        run: Callable[..., None] = advance_units_parallel if parallel else advance_units
        run(np.ascontiguousarray(load_pu, float), air, h, self._par, np.ascontiguousarray(state), states)
        oil_c = air[:, None] + states[:, 0]
        begun = np.nan_to_num(state[AGED]) + 0.0 * self._par[0]
        age = np.concatenate((begun[None], states[:, AGED]))
        return TransformerBlock(
            oil_c,
            oil_c + states[:, 1],
            np.diff(age, axis=0) / h[:, None],
            states[:, AGED] / (3600.0 * NORMAL_LIFE_H),
            states,
        )
