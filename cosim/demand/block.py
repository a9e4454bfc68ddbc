"""What demand hands to the rest for a block of steps, and what any source of demand must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

# What a source remembers from step to step: arrays with homes first, never changed in place.
State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class DemandBlock:
    """Means over each step of a block, at rated voltage; the panel excludes car, battery and PV.

    Parameters
    ----------
    panel_w, panel_var
        (h, 3, steps) consumed on leg 1 to neutral, leg 2 to neutral, and leg 1 to leg 2 [W, var].
    pv_w
        (h, steps) AC power that the array can produce, positive produced [W].
    impedance_w, impedance_var
        (h, 3, steps) the part of the panel's power that goes with the square of the voltage; None: all of it
        is constant power.
    end
        State after the last step.
    shown
        (h, steps) further quantities for the record, by their names in the results: ``indoor_temperature_c``,
        ``water_temperature_c``, ``shed_w``; NaN where a home has no such thing.
    ev_w
        (h, steps) consumed by the car's charger [W]; None: cars are no part of this source.
    """

    panel_w: Float
    panel_var: Float
    pv_w: Float
    impedance_w: Float | None = None
    impedance_var: Float | None = None
    end: State = field(default_factory=dict)
    shown: Mapping[str, Float] = field(default_factory=dict)
    ev_w: Float | None = None


class Demand(Protocol):
    """Anything that knows what homes draw.

    A home's bits depend on its own past alone: not on other homes, threads, or how a run of steps is cut into
    blocks. The state after k of the steps is had by calling again with ``seconds[:k]``.
    """

    def initial(self) -> State:
        """State before the first step."""
        ...

    def block(
        self, state: State, first_step: int, seconds: Float, powered: Bool, limit_w: Float | None = None
    ) -> DemandBlock:
        """Demand of consecutive steps.

        Parameters
        ----------
        state
            Where the homes stand at the beginning; left as it is.
        first_step
            Absolute index of the first step.
        seconds
            (steps,) lengths; only the first and the last may be parts of a study step.
        powered
            (h,) whether the panel has voltage. A home without draws nothing while its rooms and tanks go on.
        limit_w
            (h,) largest power of the panel [W] before loads that may be shed are; infinite for none. A source that
            knows no single loads sheds nothing.
        """
        ...


class Memoryless(ABC):
    """Demand that is a pure function of the absolute step."""

    @abstractmethod
    def at(self, first_step: int, steps: int) -> DemandBlock:
        """Demand of `steps` steps from `first_step`, all panels with voltage."""

    def initial(self) -> State:
        """Nothing."""
        return {}

    def block(
        self, state: State, first_step: int, seconds: Float, powered: Bool, limit_w: Float | None = None
    ) -> DemandBlock:
        """As `Demand.block`: what `at` says, and nothing where there is no voltage; nothing is shed."""
        found = self.at(first_step, len(seconds))
        if not powered.all():
            found.panel_w[~powered] = 0.0
            found.panel_var[~powered] = 0.0
        return found
