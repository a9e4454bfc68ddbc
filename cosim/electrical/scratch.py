"""Work space of the compiled solver, aligned to cache lines and kept from one block to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.lane_kernels import FEW, LANES

LINE_BYTES = 64  # lanes that straddle cache lines cost every load twice


class Scratch:
    """Vectors, notes on lanes, voltages and currents of an injector, and powers for some workers, in both precisions.

    Parameters
    ----------
    workers
        How many may use it at once.
    lanes
        Steps solved abreast.
    rows, injectors
        Rows of a vector, ground included; injectors.
    """

    def __init__(self, workers: int, lanes: int, rows: int, injectors: int) -> None:
        self.workers, self.lanes = workers, lanes
        shapes = ((rows, 2), (rows, 2), (5,), (10,), (injectors + 1,), (injectors + 1,))
        self._parts = tuple(
            tuple(aligned((workers, *shape, lanes), real) for shape in shapes)
            for real in (np.float64, np.float32)
        )

    def arrays(self) -> tuple[tuple[NDArray[Any], ...], ...]:
        """In the order the kernels take them."""
        return self._parts


def no_scratch() -> dict[int, list[Scratch]]:
    """Work spaces that are free, by how many steps they solve abreast: none yet."""
    return {FEW: [], LANES: []}


def aligned(shape: tuple[int, ...], real: type, unfilled: bool = False) -> NDArray[Any]:
    """An array that begins at a cache line, of zeros unless all of it will be written."""
    size = int(np.prod(shape)) * np.dtype(real).itemsize
    room = (np.empty if unfilled else np.zeros)(size + LINE_BYTES, dtype=np.uint8)
    skip = -room.ctypes.data % LINE_BYTES
    return room[skip : skip + size].view(real).reshape(shape)
