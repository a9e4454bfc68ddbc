"""The order in which nodes are eliminated, and what the factors then look like."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cosim.electrical.circuit import Int

Int32 = NDArray[np.int32]
PASSIVE_DEGREE = 8  # a passive three-phase bus between two others has eight neighbours


@dataclass(frozen=True)
class Elimination:
    """Nodes in elimination order and the structure of the factors.

    Parameters
    ----------
    order
        (n,) node at each row.
    passive
        The first `passive` rows stay out of the iterations.
    l_pointer, l_column, u_pointer, u_column
        Strictly lower and upper factors by rows, columns ascending, without the diagonal.
    """

    order: Int
    passive: int
    l_pointer: Int
    l_column: Int32
    u_pointer: Int
    u_column: Int32

    def active(self) -> tuple[Int, Int32, Int]:
        """L between active rows alone (by rows, from row `passive` on), and which entries of L those are."""
        rows = np.repeat(np.arange(len(self.order)), np.diff(self.l_pointer))
        kept = np.flatnonzero((rows >= self.passive) & (self.l_column >= self.passive))
        counts = np.bincount(rows[kept] - self.passive, minlength=len(self.order) - self.passive)
        return np.concatenate([[0], np.cumsum(counts)]), self.l_column[kept], kept

    def leading_to(self, wanted: Int) -> Int:
        """Passive rows among `wanted` and those that they follow from, the last first."""
        needed = np.zeros(len(self.order), dtype=bool)
        needed[wanted] = True
        if not needed[: self.passive].all():
            for row in range(self.passive):
                if needed[row]:
                    needed[self.u_column[self.u_pointer[row] : self.u_pointer[row + 1]]] = True
        return np.flatnonzero(needed[: self.passive])[::-1].copy()


def eliminate(pattern: sparse.csr_array, driven: NDArray[np.bool_]) -> Elimination:
    """Minimum-degree order of a symmetric pattern, passive nodes first.

    A passive node (nothing is injected at it) that goes before every driven node in its part of the
    elimination tree takes no part in the iterations: its voltage follows from the others once they are known.
    So passive nodes of small degree are eliminated first, then all that remain by their degree alone.
    """
    n = len(driven)
    neighbours = [set(pattern.indices[a:b].tolist()) - {i} for i, (a, b) in enumerate(_rows(pattern))]
    done = [False] * n
    carries = driven.tolist()  # driven, or next to a driven node eliminated before
    first: list[int] = []
    last: list[int] = []
    for limit, eligible in ((PASSIVE_DEGREE, [not d for d in driven.tolist()]), (n, [True] * n)):
        heap = [(len(neighbours[i]), i) for i in range(n) if eligible[i] and not done[i]]
        heapq.heapify(heap)
        while heap:
            degree, node = heapq.heappop(heap)
            if done[node] or degree > limit or degree != len(neighbours[node]):
                continue
            done[node] = True
            (last if carries[node] else first).append(node)
            around = neighbours[node]  # stays: these are the columns of the node's row of U
            for other in around:
                mine = neighbours[other]
                mine |= around
                mine -= {other, node}
                carries[other] = carries[other] or carries[node]
                if eligible[other]:
                    heapq.heappush(heap, (len(mine), other))
    tour = _tour(first + last, neighbours)
    passive = np.zeros(n, dtype=bool)
    passive[first] = True
    return _structure(np.concatenate([tour[passive[tour]], tour[~passive[tour]]]), len(first), neighbours)


def _tour(order: list[int], above: list[set[int]]) -> Int:
    """Nodes in an order of their elimination tree that ends each branch before the next begins.

    Any order with children before parents has the same factors; in this one a row's neighbours in the tree were
    visited shortly before and are still in the cache.
    """
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    children: list[list[int]] = [[] for _ in order]
    tour: list[int] = []
    for node in order:
        if above[node]:
            children[min(above[node], key=place.__getitem__)].append(node)
        else:
            tour.append(node)
    stack, tour = tour, []
    while stack:  # parents first, turned round below
        node = stack.pop()
        tour.append(node)
        stack += children[node]
    return np.array(tour[::-1], dtype=np.int64)


def _structure(order: Int, passive: int, above: list[set[int]]) -> Elimination:
    n = len(order)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    counts = np.array([len(above[node]) for node in order], dtype=np.int64)
    rows = np.repeat(np.arange(n), counts)
    flat = np.fromiter((other for node in order for other in above[node]), np.int64, counts.sum())
    u_pointer, u_column = by_rows(rows, place[flat], n)
    l_pointer, l_column = by_rows(place[flat], rows, n)
    return Elimination(order, passive, l_pointer, l_column, u_pointer, u_column)


def by_rows(rows: Int, columns: Int, n: int) -> tuple[Int, Int32]:
    """Row pointers and columns, ascending within each row."""
    pointer = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=pointer[1:])
    return pointer, columns[np.lexsort((columns, rows))].astype(np.int32)


def _rows(pattern: sparse.csr_array) -> list[tuple[int, int]]:
    return list(zip(pattern.indptr[:-1].tolist(), pattern.indptr[1:].tolist(), strict=True))
