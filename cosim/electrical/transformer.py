"""Transformers of any bank: windings in wye or delta with taps, as one primitive admittance block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Complex, Float

SOLID_SIEMENS = 1e6  # a neutral earthed through 0 ohm


@dataclass(frozen=True)
class TransformerData:
    """Nameplate of a transformer with w windings; impedances in pu of `rated_va` and each coil's rated
    voltage.

    Parameters
    ----------
    phases
        1 or more coils a winding.
    winding_v
        (w,) rated voltage of one coil [V]: line to neutral of a three-phase wye, line to line of a delta.
    rated_va
        Rating of all phases together [VA].
    r_pu
        (w,) resistance of each winding.
    x_pu
        (w (w - 1) / 2,) leakage reactance of the pairs 12, 13, .., 23, ...
    tap_pu
        (w,) turns in use over rated turns.
    delta
        (w,) True for a delta winding.
    leading
        The low-voltage side of a wye-delta unit leads the high side by 30 degrees (European Dy11) instead of
        lagging it (ANSI, Dy1).
    noload_loss_pu, magnetising_pu
        Core loss and magnetising current, both at winding 2, the one nearest to the core.
    antifloat_ppm
        Reactance to ground, in millionths of the rating, that keeps an unearthed winding from floating.
    neutral_ohm
        (w,) impedance from each wye's neutral to ground; NaN leaves the conductor to what it is connected to.
    """

    phases: int
    winding_v: Float
    rated_va: float
    r_pu: Float
    x_pu: Float
    tap_pu: Float
    delta: NDArray[np.bool_]
    leading: bool = False
    noload_loss_pu: float = 0.0
    magnetising_pu: float = 0.0
    antifloat_ppm: float = 1.0
    neutral_ohm: Complex | None = None


def one_volt_block(data: TransformerData) -> Complex:
    """(w, w) admittance of one phase with all windings referred to one volt.

    The short-circuit impedances seen from winding 1, z_ij = (z_1i + z_1j - z_ij) / 2, are inverted and spread
    to all windings by the condition that ampere-turns cancel (Dommel, EMTP Theory Book, ch. 6).
    """
    windings = len(data.winding_v)
    pairs = dict(zip(_pairs(windings), data.x_pu, strict=True))
    z = np.zeros((windings - 1, windings - 1), dtype=np.complex128)

    def short_circuit(i: int, j: int) -> complex:
        return complex(data.r_pu[i] + data.r_pu[j], pairs[i, j])

    for i in range(1, windings):
        z[i - 1, i - 1] = short_circuit(0, i)
        for j in range(i + 1, windings):
            mutual = 0.5 * (short_circuit(0, i) + short_circuit(0, j) - short_circuit(i, j))
            z[i - 1, j - 1] = z[j - 1, i - 1] = mutual
    spread = np.vstack([-np.ones(windings - 1), np.eye(windings - 1)])
    y = spread @ np.linalg.inv(z) @ spread.T
    y[1, 1] += complex(data.noload_loss_pu, -data.magnetising_pu)
    return np.asarray(y * (data.rated_va / data.phases))


def transformer_block(data: TransformerData) -> Complex:
    """Primitive admittance of the whole unit.

    Returns
    -------
    (w (phases + 1), w (phases + 1)) block: winding by winding its phases and then its neutral. The extra
    conductor of a three-phase delta is not connected (zero row); an open delta (two phases) uses it as its
    third phase. A one-phase winding has two conductors, start and end of its coil.
    """
    phases, windings = data.phases, len(data.winding_v)
    conductors = phases + 1
    turns = data.winding_v * data.tap_pu
    coil = one_volt_block(data) / np.outer(turns, turns)
    block = np.zeros((windings * conductors, windings * conductors), dtype=np.complex128)
    for phase in range(phases):
        incidence = np.zeros((windings, windings * conductors))
        for w in range(windings):
            incidence[w, w * conductors + phase] = 1.0
            incidence[w, w * conductors + _coil_end(data, w, phase)] = -1.0
        block += incidence.T @ coil @ incidence
    for w in range(windings):
        _add_antifloat(block, data, w)
        _add_neutral(block, data, w)
    return block


def _coil_end(data: TransformerData, w: int, phase: int) -> int:
    """Conductor within winding `w` at which the coil of `phase` ends."""
    if data.delta[w] and data.phases > 1:
        return (phase + _delta_step(data)) % max(
            data.phases, 3
        )  # two coils: an open delta on three conductors
    return data.phases


def _add_antifloat(block: Complex, data: TransformerData, w: int) -> None:
    """Half of the reactance at each end of every coil, and another half at a neutral left open."""
    half = -0.5j * data.antifloat_ppm * 1e-6 * data.rated_va / data.phases / data.winding_v[w] ** 2
    first = w * (data.phases + 1)
    for phase in range(data.phases):
        for conductor in (first + phase, first + _coil_end(data, w, phase)):
            block[conductor, conductor] += half
    if not data.delta[w] and not _has_neutral_impedance(data, w):
        block[first + data.phases, first + data.phases] += half


def _has_neutral_impedance(data: TransformerData, w: int) -> bool:
    return data.neutral_ohm is not None and not data.delta[w] and not bool(np.isnan(data.neutral_ohm[w]))


def _add_neutral(block: Complex, data: TransformerData, w: int) -> None:
    if data.neutral_ohm is not None and _has_neutral_impedance(data, w):
        z = complex(data.neutral_ohm[w])
        neutral = w * (data.phases + 1) + data.phases
        block[neutral, neutral] += 1.0 / z if z != 0 else SOLID_SIEMENS


def _delta_step(data: TransformerData) -> int:
    """Neighbour (+1 or -1) at which each delta coil ends, which decides lead or lag of a wye-delta unit."""
    if len(data.winding_v) < 2 or data.delta[0] == data.delta[1]:
        return 1
    line_v = data.winding_v[:2] * np.where(data.delta[:2], 1.0, math.sqrt(3.0) if data.phases > 1 else 1.0)
    high = 0 if line_v[0] >= line_v[1] else 1
    return 1 if bool(data.delta[high]) == data.leading else -1


def _pairs(windings: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(windings) for j in range(i + 1, windings)]


def core_branches(data: TransformerData) -> list[tuple[int, int, float]]:
    """(conductor, conductor, siemens) of the core-loss conductances that `transformer_block` holds.

    Conductors count as in the block; the core stands at winding 2.
    """
    conductors = data.phases + 1
    turns = data.winding_v[1] * data.tap_pu[1]
    siemens = data.noload_loss_pu * data.rated_va / data.phases / turns**2
    return [
        (conductors + phase, conductors + _coil_end(data, 1, phase), float(siemens))
        for phase in range(data.phases)
        if siemens
    ]
