"""Networks whose taps and capacitor steps move: only what a move touches is factorised anew.

When entries of some nodes change, the factors change in the rows of those nodes and in the rows above them in the
elimination tree (partial refactorisation: Chan and Brandwajn, IEEE Trans. Power Systems 1(1), 1986). Leaves go first,
so from a regulator on a trunk that is a few hundred rows of the thousands. The rows are computed by the same operations
in the same order as in a factorisation from nothing: a state's bits do not depend on the states before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cosim.electrical.circuit import Circuit, Complex, Float, Int
from cosim.electrical.network import Network
from cosim.electrical.references import Factor, Rung
from cosim.electrical.scratch import no_scratch


@dataclass
class Work:
    """What keeping factors up to date took: factorisations from nothing, updates, and rows of all updates."""

    factorisations: int = 0
    updates: int = 0
    rows: int = 0


@dataclass
class _Kept:
    """Factors of a rung, and which state of the moving elements they hold."""

    factor: Factor
    blocks: tuple[Complex, ...]


class MovingNetwork(Network):
    """A network that follows taps and capacitor steps, one state at a time.

    It keeps the base's order, pattern and reference tangents. What it computes in a state depends on the base and that
    state alone, bit for bit, whatever came before.

    Parameters
    ----------
    base
        The network as its elements stand at rest.
    changed
        Elements that move.
    work
        Where factorisations are counted.
    """

    def __init__(self, base: Network, changed: Int, work: Work | None = None) -> None:
        self.__dict__.update(base.__dict__)
        self._drop_cached()
        self._scratch = no_scratch()
        self._base = base
        self.work = work if work is not None else Work()
        self._changed = np.unique(changed)
        self.y_elements = base.y_elements.copy()
        self._assembly = replace(base._assembly, blocks=base._assembly.blocks.copy())
        self._ladder = self._new_ladder()
        self._kept: dict[Rung, _Kept] = {}
        nodes = [base.circuit.elements[k].nodes for k in self._changed]
        row = np.concatenate([np.repeat(at, len(at)) for at in nodes] or [np.zeros(0, np.int64)])
        column = np.concatenate([np.tile(at, len(at)) for at in nodes] or [np.zeros(0, np.int64)])
        self._used = (row >= 0) & (column >= 0)
        row, column = row[self._used], column[self._used]
        self._place = _entries(base.y_elements, row, column)
        inside = self._inside = base.energised[row] & base.energised[column]
        small = self._small
        self._spot = _entries(base._pattern, small[row[inside]], small[column[inside]])
        self._above = self._rows_above(nodes)

    def at(self, circuit: Circuit) -> Network:
        """The network of a state: this one, moved, or a new one if the pattern lacks a place for an admittance."""
        base = self._base
        value = self._difference(circuit)
        if ((self._place < 0) & (value != 0)).any():
            return Network(circuit)
        self._drop_cached()
        self._ladder.forget()
        self.circuit = circuit
        known = self._place >= 0
        data, was = self.y_elements.data, base.y_elements.data
        data[self._place[known]] = was[self._place[known]]
        np.add.at(data, self._place[known], value[known])
        inner = value[self._inside]
        known = self._spot >= 0
        blocks, was_blocks = self._assembly.blocks, base._assembly.blocks
        blocks[self._spot[known]] = was_blocks[self._spot[known]]
        real, imag = inner.real, inner.imag
        np.add.at(blocks, self._spot[known], np.stack([real, -imag, imag, real], axis=1)[known])
        return self

    def _difference(self, circuit: Circuit) -> Complex:
        """Entries of the moving elements less those of the base, in one row."""
        own, base = circuit.elements, self._base.circuit.elements
        parts = [(own[k].y_siemens - base[k].y_siemens).ravel() for k in self._changed]
        return np.concatenate([*parts, np.zeros(0, np.complex128)])[self._used]

    def _drop_cached(self) -> None:
        for cached in ("_linear", "_no_load", "_with_admittances"):
            self.__dict__.pop(cached, None)

    def _climb(self, rung: Rung) -> None:
        """Set a rung from the same rung of the base: its tangents, and its state after one step to this network."""
        if rung in self._ladder:
            return
        base = self._base
        base._climb(rung)
        origin = base._ladder.origin(rung)
        if origin not in self._ladder:
            slope, offset, good_to_pu = base._ladder.tangents(origin)
            self._refer(origin, slope, offset[:, 0] + 1j * offset[:, 1], self._up_to_date(origin, slope))
            self._ladder.trust_single(origin, good_to_pu)
        self._ladder.lean(rung, origin)

    def _up_to_date(self, rung: Rung, slope: Float) -> Factor:
        """Factors of a rung in the present state."""
        blocks = tuple(self.circuit.elements[k].y_siemens for k in self._changed)
        kept = self._kept.get(rung)
        if kept is None:
            self.work.factorisations += 1
            kept = self._kept[rung] = _Kept(self._factorise(slope), blocks)
            return kept.factor
        moved = [k for k, (now, was) in enumerate(zip(blocks, kept.blocks, strict=True)) if now is not was]
        touched = np.zeros(len(self._live), dtype=bool)
        for k in moved:
            touched[self._above[k]] = True
        rows = np.flatnonzero(touched)
        self._update(kept.factor, slope, rows)
        kept.blocks = blocks
        self.work.updates += 1
        self.work.rows += len(rows)
        return kept.factor

    def _rows_above(self, nodes: list[Int]) -> list[Int]:
        """Of each element, the rows of its nodes and those above them in the elimination tree."""
        e = self._elimination
        row_of = np.full(len(self.circuit.nodes), -1)
        row_of[self._node_of_row] = np.arange(len(self._node_of_row))
        above = []
        for at in nodes:
            rows = set()
            for row in row_of[at[at >= 0]].tolist():
                while row >= 0 and row not in rows:
                    rows.add(row)
                    first, last = e.u_pointer[row], e.u_pointer[row + 1]
                    row = int(e.u_column[first]) if first < last else -1
            above.append(np.array(sorted(rows), dtype=np.int64))
        return above


def _entries(matrix: sparse.csr_array, rows: Int, columns: Int) -> NDArray[np.int64]:
    """Places of entries in the matrix's data, -1 for those it has not."""
    out = np.full(len(rows), -1, dtype=np.int64)
    for k, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        first, last = matrix.indptr[row], matrix.indptr[row + 1]
        found = np.flatnonzero(matrix.indices[first:last] == column)
        if len(found):
            out[k] = first + found[0]
    return out
