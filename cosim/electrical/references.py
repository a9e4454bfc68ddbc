"""Reference states of a network: a ladder of feeder loadings, each with the factors of its tangent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Float

SPACING = 0.125  # of the nominal power, from one rung to the next; nominal power itself is a rung
LOWEST, HIGHEST = -8, 12  # rungs: from feeding back all of the nominal power to half as much again
ROOM = 32  # rungs for which room is taken at a time


@dataclass(frozen=True)
class Factor:
    """(Y + G)^-1 as triangular factors in 2 by 2 blocks, see `factor_kernels.factorise`."""

    l_value: Float
    diagonal: Float
    u_value: Float

    def finite(self) -> bool:
        """False if a pivot vanished."""
        return all(bool(np.isfinite(a).all()) for a in (self.l_value, self.diagonal, self.u_value))


Rung = tuple[int, int]  # of load, of what inverters may give


class Ladder:
    """Rungs climbed so far, stacked so that one kernel call serves steps on different rungs.

    Room is taken for many rungs at once; pages never touched cost no memory.

    Parameters
    ----------
    injectors, nodes, lower, upper
        Number of injectors, of rows, of blocks of L between active rows, of blocks of U.
    """

    def __init__(self, injectors: int, nodes: int, lower: int, upper: int) -> None:
        shapes = [
            ((injectors, 4), np.float64),  # the injectors' tangents G
            ((injectors, 2), np.float64),  # G V - I(V) at base
            ((nodes + 1, 2), np.float64),  # (Y + G)^-1 (J + G V - I(V)) at the reference state
            ((), np.float64),  # what single precision is good for [pu]
            *(
                (shape, real)
                for real in (np.float64, np.float32)
                for shape in ((lower, 4), (nodes, 4), (upper, 4))
            ),
        ]
        self._pages = [np.empty((ROOM, *shape), dtype=real) for shape, real in shapes]
        self._place: dict[Rung, int] = {}
        self._used = 0

    def __contains__(self, rung: Rung) -> bool:
        return rung in self._place

    def place(self, rung: Rung) -> int:
        """Index of a rung in the stacked arrays."""
        return self._place[rung]

    def set(self, rung: Rung, slope: Float, offset: Float, base: Float, factor: Factor) -> None:
        """Add a rung, for the present without single precision; `factor` without the passive part of L."""
        if self._used == len(self._pages[0]):
            self._pages = [np.concatenate([page, np.empty_like(page)]) for page in self._pages]
        place, self._used = self._used, self._used + 1
        values = (slope, offset, base, np.inf, factor.l_value, factor.diagonal, factor.u_value)
        for page, value in zip(self._pages, (*values, *values[4:]), strict=True):
            page[place] = value
        self._place[rung] = place

    def forget(self) -> None:
        """Forget all rungs; their room serves again."""
        self._place.clear()
        self._used = 0

    def trust_single(self, rung: Rung, good_to_pu: float) -> None:
        """Say what single precision is good for on a rung."""
        self._pages[3][self._place[rung]] = good_to_pu

    def state(self, rung: Rung) -> Float:
        """(rows + 1, 2) voltages of a rung."""
        state: Float = self._pages[2][self._place[rung]]
        return state

    def tangents(self, rung: Rung) -> tuple[Float, Float, float]:
        """(m, 4) slopes, (m, 2) offsets, and what single precision is good for."""
        place = self._place[rung]
        return self._pages[0][place], self._pages[1][place], float(self._pages[3][place])

    def origin(self, rung: Rung) -> Rung:
        """The rung whose state this one uses: itself unless it leans."""
        place = self._place[rung]
        return next(other for other, at in self._place.items() if at == place)

    def lean(self, rung: Rung, on: Rung) -> None:
        """Use another rung's state where this one has none."""
        self._place[rung] = self._place[on]

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """In the order the kernels take them."""
        return tuple(self._pages)
