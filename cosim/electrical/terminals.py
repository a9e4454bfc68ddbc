"""Currents and powers at chosen terminals of elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cosim.electrical import terminal_kernels
from cosim.electrical.circuit import Circuit, Complex


class Terminals:
    """Monitors of some terminals, compiled once.

    Parameters
    ----------
    circuit
        The circuit whose elements are watched.
    pairs
        (element index, terminal counted from 0) of each monitor. Current and power are positive into the
        element.
    """

    def __init__(self, circuit: Circuit, pairs: Sequence[tuple[int, int]]) -> None:
        owner, conductor, node, counts = [], [], [], [0]
        columns, values = [np.zeros(0, np.int64)], [np.zeros(0, np.complex128)]
        for k, (index, terminal) in enumerate(pairs):
            element = circuit.elements[index]
            live = np.flatnonzero(element.nodes >= 0)
            rows = range(*element.terminal(terminal).indices(len(element.nodes)))
            for place, row in enumerate(rows):
                used = live[element.y_siemens[row, live] != 0]
                owner.append(k)
                conductor.append(place)
                node.append(element.nodes[row])
                counts.append(len(used))
                columns.append(element.nodes[used])
                values.append(element.y_siemens[row, used])
        self._size = len(pairs)
        self._owner = np.array(owner, dtype=np.int64)
        self._conductor = np.array(conductor, dtype=np.int64)
        self._node = np.array(node, dtype=np.int64)
        self._pointer = np.cumsum(np.array(counts, dtype=np.int64))
        self._column = np.concatenate(columns).astype(np.int64)
        self._y = np.concatenate(values)

    def current_a(self, v: Complex) -> Complex:
        """(k, conductors, steps) current into each conductor [A]; 0 beyond a terminal's own conductors."""
        rows = np.zeros((len(self._owner), v.shape[1]), dtype=np.complex128)
        run: Callable[..., None] = terminal_kernels.terminal_currents
        run(self._pointer, self._column, self._y, v, rows)
        width = int(self._conductor.max(initial=0)) + 1
        current = np.zeros((self._size, width, v.shape[1]), dtype=np.complex128)
        current[self._owner, self._conductor] = rows
        return current

    def power_va(self, v: Complex) -> Complex:
        """(k, steps) complex power into each terminal [VA]."""
        power = np.zeros((self._size, v.shape[1]), dtype=np.complex128)
        run: Callable[..., None] = terminal_kernels.terminal_powers
        run(
            self._pointer, self._column, self._y, self._owner, self._node, v,
            np.zeros(v.shape[1], dtype=np.complex128), power,
        )  # fmt: skip
        return power
