"""Entries of the nodal impedance matrix, found without ever forming it.

Z = Y^-1 is full, but a fault at one bus needs only the few entries among its own nodes. With P Y P^T = L U, the
entry ab is (U^-T e_a) . (L^-1 e_b), and each of these two vectors is zero off the path from its node to the
root of the elimination tree: some hundred entries instead of all nodes (the sparse-vector method of Tinney,
Brandwajn and Chan, IEEE Trans. PAS-104, 1985).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from cosim.electrical import impedance_kernels
from cosim.electrical.circuit import Complex, Int
from cosim.electrical.network import LoadsAs, Network
from cosim.errors import FeederError

Triangle = tuple[Int, Int, Complex]

elimination_tree: Callable[..., None] = impedance_kernels.elimination_tree
inverse_entries: Callable[..., None] = impedance_kernels.inverse_entries


class ImpedanceMatrix:
    """The impedances that a network's nodes show, each with the sources' EMFs at zero.

    Parameters
    ----------
    network
        Topology; dead nodes have no impedance.
    loads
        "off": injectors draw nothing; "admittance": they stand as their nominal admittance.

    Raises
    ------
    FeederError
        If the matrix is singular.
    """

    def __init__(self, network: Network, *, loads: LoadsAs = "off") -> None:
        live = np.flatnonzero(network.energised)
        self._nodes = len(network.circuit.nodes)
        self.energised: NDArray[np.bool_] = network.energised
        y = network.y_elements + network.y_sources
        if loads == "admittance":
            y = y + _injector_matrix(network)
        y = sparse.csc_matrix(y[live][:, live])
        try:
            factors = splu(
                y, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, relax=1, options={"SymmetricMode": True}
            )
        except RuntimeError as error:
            raise FeederError(f"the admittance matrix is singular: {error}") from error
        if (factors.perm_r != factors.perm_c).any():
            raise FeederError("the admittance matrix has a zero on its diagonal: look for a node that floats")
        self._size = len(live)
        self._place = np.full(self._nodes + 1, -1, dtype=np.int64)  # ground is last, node -1
        self._place[live] = factors.perm_c
        self._lower = _by_columns(factors.L)
        self._upper = _by_columns(factors.U.T)
        self._parent = _tree(y, factors.perm_c)

    def among(self, nodes: Int) -> Complex:
        """Impedances among the nodes of each group.

        Parameters
        ----------
        nodes
            (k, w) nodes; -1 is ground (and pads short groups): its rows and columns are 0.

        Returns
        -------
        (k, w, w) impedance [ohm]: entry ij is the voltage at node i for 1 A into node j. Infinite on the
        diagonal of a dead node.
        """
        nodes = np.atleast_2d(np.asarray(nodes, dtype=np.int64))
        places = np.ascontiguousarray(self._place[nodes])
        z = np.zeros((*places.shape, places.shape[1]), dtype=np.complex128)
        if z.size and self._size:
            inverse_entries(self._lower, self._upper, self._parent, places, z, self._size)
        dead = (places < 0) & (nodes >= 0)
        group, slot = np.nonzero(dead)
        z[group, slot, slot] = complex(np.inf, 0.0)
        return z

    def between(self, node_a: Int, node_b: Int) -> Complex:
        """(k,) impedance between pairs of nodes [ohm]; `node_b` may be ground. Infinite if one is dead."""
        pair = np.stack([np.atleast_1d(node_a), np.atleast_1d(node_b)], axis=1)
        z = self.among(pair)
        dead = np.isinf(z[:, 0, 0]) | np.isinf(z[:, 1, 1])
        with np.errstate(invalid="ignore"):
            across = z[:, 0, 0] - z[:, 0, 1] - z[:, 1, 0] + z[:, 1, 1]
        return np.where(dead, complex(np.inf, 0.0), across)


def _injector_matrix(network: Network) -> sparse.csr_array:
    """Nominal admittances of the injectors as a matrix over all nodes."""
    n = len(network.circuit.nodes)
    injectors = network.circuit.injectors
    a, b = injectors.node_a, injectors.node_b
    y = (injectors.p_w - 1j * injectors.q_var) / injectors.v_nom**2
    rows, columns = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    values = np.concatenate([y, y, -y, -y])
    keep = (rows >= 0) & (columns >= 0)
    return sparse.csr_array(sparse.coo_array((values[keep], (rows[keep], columns[keep])), shape=(n, n)))


def _by_columns(triangle: sparse.csc_matrix) -> Triangle:
    """Pointer, row and value by columns, rows ascending: the diagonal comes first."""
    columns = sparse.csc_matrix(triangle)
    columns.sort_indices()
    return (
        columns.indptr.astype(np.int64),
        columns.indices.astype(np.int64),
        columns.data.astype(np.complex128),
    )


def _tree(y: sparse.csc_matrix, place: Int) -> Int:
    """(n,) elimination tree of a matrix whose row and column i stand at place[i]."""
    at = y.tocoo()
    rows, columns = place[np.concatenate([at.row, at.col])], place[np.concatenate([at.col, at.row])]
    both = sparse.csc_matrix((np.ones(len(rows)), (rows, columns)), shape=y.shape)
    parent = np.empty(len(place), dtype=np.int64)
    elimination_tree(
        both.indptr.astype(np.int64), both.indices.astype(np.int64), parent, np.empty_like(parent)
    )
    return parent
