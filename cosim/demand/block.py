"""What demand hands to the rest for a block of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class DemandBlock:
    """Mean power over each step of a block; the panel excludes car and PV.

    Parameters
    ----------
    panel_w, panel_var
        (h, 3, steps) consumed on leg 1 to neutral, leg 2 to neutral, and leg 1 to leg 2 [W, var].
    ev_w
        (h, steps) consumed by the car's charger [W].
    pv_w
        (h, steps) AC power that the array can produce, positive produced [W].
    """

    panel_w: Float
    panel_var: Float
    ev_w: Float
    pv_w: Float


class Demand(Protocol):
    """Anything that knows what homes draw: a pure function of the absolute step."""

    def block(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`."""
        ...
