"""Energy management that keeps a home inside its service: the car first, then loads that may be shed.

A listed energy management system holds the current of a service under a setting, which counts as a continuous load
(NEC 220.70, 750.30): 80 % of the service rating unless a product says otherwise. The current that follows from a power
depends on the voltage; the headroom is reckoned at the lowest service voltage of ANSI C84.1 range A, 95 % of nominal,
so the setting is kept whenever the voltage is no lower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.devices import service_kernels as kernels

Float = NDArray[np.float64]

CONTINUOUS_SHARE = 0.8
LOWEST_PU = 0.95


@dataclass(frozen=True, eq=False)
class ServiceLimits:
    """Limits of services side by side.

    Parameters
    ----------
    limit_a
        (k,) current that each leg is kept under [A]; infinite where nothing manages the home.
    leg_v
        (k,) nominal voltage of a leg to neutral [V].
    """

    limit_a: Float
    leg_v: Float

    def __post_init__(self) -> None:
        if self.limit_a.shape != self.leg_v.shape or self.limit_a.ndim != 1:
            raise ValueError("limit_a and leg_v must hold one number for each home")
        if not ((self.limit_a > 0.0).all() and (self.leg_v > 0.0).all()):
            raise ValueError("limit_a and leg_v must be positive")

    def __len__(self) -> int:
        return len(self.limit_a)

    @classmethod
    def of_rating(cls, rating_a: Float, share: Float, leg_v: Float) -> ServiceLimits:
        """Limits as shares of service ratings; NaN or no rating: none."""
        limit = np.where(np.isnan(share) | np.isnan(rating_a), np.inf, share * rating_a)
        return cls(limit, leg_v)

    def take(self, rows: NDArray[np.int64]) -> ServiceLimits:
        """Limits of some homes, in the given order."""
        return ServiceLimits(self.limit_a[rows], self.leg_v[rows])

    @property
    def leg_va(self) -> Float:
        """(k,) what a leg may carry at the lowest voltage [VA]."""
        limit: Float = self.limit_a * self.leg_v * LOWEST_PU
        return limit

    @property
    def home_w(self) -> Float:
        """(k,) what a balanced home may draw in all [W]: beyond it, loads that may be shed are shed."""
        limit: Float = 2.0 * self.leg_va
        return limit

    def leaves_w(self, panel_w: Float, panel_var: Float, other_w: Float, *, parallel: bool = True) -> Float:
        """(k, steps) what the services leave for a load from leg to leg, such as a car [W].

        Parameters
        ----------
        panel_w, panel_var
            (k, 3, steps) on leg 1, leg 2 and from leg to leg, load convention.
        other_w
            (k, steps) beside the panel, from leg to leg; solar and a battery that gives are negative.
        parallel
            Whether to use threads.
        """
        count, steps = other_w.shape
        if panel_w.shape != (count, 3, steps) or panel_var.shape != (count, 3, steps) or count != len(self):
            raise ValueError(
                f"{len(self)} services need panel_w and panel_var ({len(self)}, 3, steps) and other_w "
                f"({len(self)}, steps), got {panel_w.shape}, {panel_var.shape}, {other_w.shape}"
            )
        out = np.empty((count, steps))
        run: Callable[..., None] = kernels.leave_parallel if parallel else kernels.leave_serial
        run(self.leg_va, *(np.ascontiguousarray(array) for array in (panel_w, panel_var, other_w)), out)
        return out
