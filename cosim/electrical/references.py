"""Reference states of a network: a ladder of feeder loadings, each with the factors of its tangent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosim.electrical.circuit import Float

SPACING = 0.1  # of the nominal power, from one rung to the next
LOWEST, HIGHEST = -10, 15  # rungs: from feeding back all of the nominal power to half as much again


@dataclass(frozen=True)
class Factor:
    """(Y + G)^-1 as triangular factors in 2 by 2 blocks, see `kernels.factorise`."""

    l_value: Float
    diagonal: Float
    u_value: Float

    def finite(self) -> bool:
        """False if a pivot vanished."""
        return all(bool(np.isfinite(a).all()) for a in (self.l_value, self.diagonal, self.u_value))


class Ladder:
    """Rungs climbed so far, stacked so that one kernel call serves steps on different rungs.

    Pages of rungs never climbed are never touched, so they cost no memory.

    Parameters
    ----------
    injectors, nodes, lower, upper
        Number of injectors, of rows, of blocks in the two factors.
    """

    def __init__(self, injectors: int, nodes: int, lower: int, upper: int) -> None:
        rungs = HIGHEST - LOWEST + 1
        self.slope = np.empty((rungs, injectors, 4))  # the injectors' tangents G
        self.start = np.empty((rungs, nodes + 1, 2))  # where iterations start, less base
        self.base = np.empty((rungs, nodes + 1, 2))  # (Y + G)^-1 J
        self.l_value = np.empty((rungs, lower, 4))
        self.diagonal = np.empty((rungs, nodes, 4))
        self.u_value = np.empty((rungs, upper, 4))
        self._place: dict[int, int] = {}

    def __contains__(self, rung: int) -> bool:
        return rung in self._place

    def place(self, rung: int) -> int:
        """Index of a rung in the stacked arrays."""
        return self._place[rung]

    def set(self, rung: int, slope: Float, factor: Factor, base: Float, start: Float) -> None:
        """Add a rung."""
        place = rung - LOWEST
        self.slope[place], self.base[place], self.start[place] = slope, base, start - base
        self.l_value[place], self.diagonal[place], self.u_value[place] = (
            factor.l_value, factor.diagonal, factor.u_value,
        )  # fmt: skip
        self._place[rung] = place

    def lean(self, rung: int, on: int) -> None:
        """Use another rung's state where this one has none."""
        self._place[rung] = self._place[on]

    def arrays(self) -> tuple[Float, ...]:
        """In the order the kernels take them."""
        return self.slope, self.start, self.base, self.l_value, self.diagonal, self.u_value
