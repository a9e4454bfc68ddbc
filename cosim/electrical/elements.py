"""Primitive admittance blocks of lines, capacitors and reactors.

Conductors stand terminal by terminal. A block's row i gives the current into the element at conductor i.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cosim.electrical.circuit import Complex, Float

NOISE = (
    1e-12  # of what elimination leaves: below this share of the conductors' own admittances it is rounding
)


def line_block(z_ohm: Complex, y_siemens: Complex) -> Complex:
    """Pi section of n coupled conductors.

    Parameters
    ----------
    z_ohm
        (n, n) series impedance of the whole length.
    y_siemens
        (n, n) shunt admittance at *each* end (half of the line's charging).

    Returns
    -------
    (2n, 2n) block, sending conductors first.
    """
    series = np.linalg.inv(np.asarray(z_ohm, dtype=np.complex128))
    series = 0.5 * (series + series.T)  # reciprocity survives the inverse's rounding
    own = series + y_siemens
    return np.block([[own, -series], [-series, own]])


def open_conductors(block: Complex, rows: Sequence[int]) -> Complex:
    """The block of an element with some of its conductors open at their node: no current enters it there.

    Their voltages follow from the others and are put in (Kron reduction); `rows` become zero. What rounding leaves
    of couplings that are gone is made zero, so that a conductor without a path is seen to have none.
    """
    gone = np.asarray(rows, dtype=np.int64)
    out = np.zeros_like(block)
    kept = np.setdiff1d(np.arange(len(block)), gone)
    kept = kept[np.abs(block[kept]).max(axis=1, initial=0.0) > 0.0]
    live = gone[np.abs(np.diag(block)[gone]) > 0.0]
    left = block[np.ix_(kept, kept)]
    if len(live):
        inner = np.linalg.solve(block[np.ix_(live, live)], block[np.ix_(live, kept)])
        left = left - block[np.ix_(kept, live)] @ inner
        own = np.sqrt(np.abs(np.diag(block)[kept]))
        left = np.where(np.abs(left) > NOISE * np.outer(own, own), left, 0.0)
    out[np.ix_(kept, kept)] = left
    return out


def series_block(y_siemens: Complex) -> Complex:
    """(2n, 2n) block of n conductors joined by the (n, n) series admittance, without shunts."""
    return np.block([[y_siemens, -y_siemens], [-y_siemens, y_siemens]]).astype(np.complex128)


def wye_block(y_siemens: Complex) -> Complex:
    """(n+1, n+1) block of n branches (admittance (n,)) from each conductor to a common one, the last."""
    y = np.asarray(y_siemens, dtype=np.complex128)
    block = np.zeros((len(y) + 1, len(y) + 1), dtype=np.complex128)
    block[:-1, :-1] = np.diag(y)
    block[:-1, -1] = block[-1, :-1] = -y
    block[-1, -1] = y.sum()
    return block


def delta_block(y_siemens: Complex) -> Complex:
    """(n, n) block of branches between neighbouring conductors: branch i joins i and i+1, the last closes the
    ring.

    Two conductors carry one branch.
    """
    y = np.asarray(y_siemens, dtype=np.complex128)
    n = len(y) if len(y) > 1 else 2
    block = np.zeros((n, n), dtype=np.complex128)
    for i, admittance in enumerate(y):
        j = (i + 1) % n
        block[i, i] += admittance
        block[j, j] += admittance
        block[i, j] -= admittance
        block[j, i] -= admittance
    return block


def capacitor_block(q_var: Float, v_rated: float, delta: bool) -> Complex:
    """Capacitor bank giving `q_var` (one entry a branch, produced) at `v_rated` across each branch.

    A wye bank of n branches has n + 1 conductors (star point last), a delta of n branches n (2 for n = 1).
    """
    y = np.asarray(1j * np.asarray(q_var) / v_rated**2, dtype=np.complex128)
    return delta_block(y) if delta else wye_block(y)


def reactor_block(z_ohm: Complex, delta: bool) -> Complex:
    """Shunt reactor with branch impedances `z_ohm` (n,); conductors as in `capacitor_block`."""
    y = np.asarray(1.0 / np.asarray(z_ohm), dtype=np.complex128)
    return delta_block(y) if delta else wye_block(y)


def capacitance_block(c_farad: Float, frequency_hz: float = 60.0) -> Complex:
    """Shunt admittance at each end of a line whose (n, n) Maxwell capacitance in total is `c_farad`."""
    return 1j * math.pi * frequency_hz * np.asarray(c_farad, dtype=np.complex128)
