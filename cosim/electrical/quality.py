"""What planners read from solved voltages: unbalance, neutral current, losses, loading, ANSI ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import get_num_threads
from numpy.typing import ArrayLike, NDArray

from cosim.electrical import quality_kernels
from cosim.electrical.circuit import Circuit, Complex, Element, Float, Int

Definition = Literal["iec", "nema", "ieee"]

# Service voltage of ANSI C84.1-2020, table 1, 120-600 V systems, as shares of nominal.
RANGE_A = (0.95, 1.05)
RANGE_B = (110.0 / 120.0, 127.0 / 120.0)

_ROUNDING = 1e-13  # of a series admittance: a shunt smaller than this is what its subtraction left


def sequences(phases: ArrayLike) -> Complex:
    """(3, ...) zero, positive and negative sequence of (3, ...) phasors."""
    a = np.exp(2j * np.pi / 3.0)
    transform = np.array([[1, 1, 1], [1, a, a * a], [1, a * a, a]]) / 3.0
    return np.asarray(np.tensordot(transform, np.asarray(phases), axes=1), dtype=np.complex128)


def unbalance(phases: ArrayLike, definition: Definition = "iec") -> Float:
    """Voltage unbalance of (3, ...) phase-to-ground phasors, as a share; NaN where there is no voltage.

    Parameters
    ----------
    definition
        ``iec``: negative over positive sequence (IEC 61000-4-30, IEEE 1159, the true voltage unbalance
        factor). ``nema``: largest deviation of a line-to-line magnitude from the mean of the three
        (NEMA MG 1, ANSI C84.1 annex C). ``ieee``: the same of the phase-to-ground magnitudes (IEEE 141).
    """
    v = np.asarray(phases, dtype=np.complex128)
    with np.errstate(divide="ignore", invalid="ignore"):
        if definition == "iec":
            _, positive, negative = np.abs(sequences(v))
            return np.asarray(np.where(positive > 0, negative / positive, np.nan))
        if definition not in ("nema", "ieee"):
            raise ValueError(f"no such definition of unbalance: {definition}")
        size = np.abs(v - np.roll(v, -1, axis=0) if definition == "nema" else v)
        mean = size.mean(axis=0)
        return np.asarray(np.where(mean > 0, np.abs(size - mean).max(axis=0) / mean, np.nan))


def element_losses_w(circuit: Circuit, v: Complex) -> Float:
    """(elements, steps) power that stays in each element [W].

    What flows through an element from one terminal to the other is taken from the voltage between them,
    so that the loss of a closed switch is not the difference of two large numbers.
    """
    grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
    losses = np.zeros((len(circuit.elements), v.shape[1]))
    for row, element in enumerate(circuit.elements):
        ends = grounded[element.nodes]
        parts = series_parts(element)
        if parts is None:
            losses[row] = (ends * np.conj(element.y_siemens @ ends)).real.sum(axis=0)
            continue
        series, shunt = parts
        n = len(series)
        along = ends[:n] - ends[n:]
        losses[row] = (along * np.conj(series @ along)).real.sum(axis=0)
        for end in (ends[:n], ends[n:]):
            losses[row] += (end * np.conj(shunt @ end)).real.sum(axis=0)
    return losses


def series_parts(element: Element) -> tuple[Complex, Complex] | None:
    """(k, k) series and shunt admittance (at each end) of a symmetric pi section; None for anything else."""
    n = len(element.nodes) // 2
    if element.conductors != (n, n):
        return None
    y = element.y_siemens
    series = -y[:n, n:]
    scale = np.abs(series).max(initial=0.0)
    near, far = y[:n, :n] - series, y[n:, n:] - series
    if scale == 0.0 or max(np.abs(near - far).max(), np.abs(y[n:, :n] + series).max()) > 1e-9 * scale:
        return None
    return series, np.where(np.abs(near) > _ROUNDING * scale, near, 0.0)


@dataclass(frozen=True)
class Figures:
    """Figures of a block of steps.

    Parameters
    ----------
    line_a
        (steps, lines) current of the conductor that carries most [A].
    line_loss_w
        (levels, steps) losses of all lines of a level [W].
    unit_loss_w
        (steps, units) loss of each watched transformer [W].
    core_loss_w
        (steps,) no-load loss of all transformers [W].
    unbalance
        (steps, buses) negative over positive sequence; NaN where a bus is dead.
    """

    line_a: Float
    line_loss_w: Float
    unit_loss_w: Float
    core_loss_w: Float
    unbalance: Float


class Quality:
    """Figures of chosen lines, transformers and buses, compiled once.

    Parameters
    ----------
    circuit
        The circuit watched, with all its elements in service.
    lines, level
        Elements that are lines, and a number below `levels` for the kind of each.
    units
        Elements that are transformers whose own loss is wanted.
    cores
        (element, conductor, conductor, siemens) of every core-loss conductance.
    buses
        (b, 3) nodes of three-phase buses.
    """

    def __init__(
        self,
        circuit: Circuit,
        lines: Sequence[int],
        level: Sequence[int],
        units: Sequence[int],
        cores: Sequence[tuple[int, int, int, float]],
        buses: Int,
        *,
        levels: int,
    ) -> None:
        elements = circuit.elements
        self._levels = levels
        self._line, self._unit = np.array(lines, np.int64), np.array(units, np.int64)
        self._core = np.array([core[0] for core in cores], np.int64)
        self._lines = _pack_lines([elements[k] for k in lines], level)
        self._units = _pack_units([elements[k] for k in units])
        self._coils = (
            np.array([elements[k].nodes[a] for k, a, _, _ in cores], np.int64),
            np.array([elements[k].nodes[b] for k, _, b, _ in cores], np.int64),
            np.array([siemens for *_, siemens in cores], np.float64),
        )
        self._buses = np.ascontiguousarray(buses, np.int64).reshape(-1, 3)
        nodes = [elements[k].nodes for k in (*lines, *units)] + [self._buses.ravel(), *self._coils[:2]]
        self.nodes: Int = np.unique(np.concatenate(nodes)).astype(np.int64)
        """Nodes whose voltages are read, ground left out."""
        self.nodes = self.nodes[self.nodes >= 0]

    def read(self, v: Complex, opened: frozenset[int] = frozenset(), *, parallel: bool = True) -> Figures:
        """Figures at (n, steps) voltages with some elements opened."""
        out = frozenset(opened)
        steps = v.shape[1]
        figures = Figures(
            np.empty((steps, len(self._line))),
            np.zeros((self._levels, steps)),
            np.empty((steps, len(self._unit))),
            np.empty(steps),
            np.empty((steps, len(self._buses))),
        )
        on = tuple(~np.isin(which, list(out)) for which in (self._line, self._unit, self._core))
        arguments = (
            self._lines, self._units, self._coils, self._buses, on, np.ascontiguousarray(v),
            figures.line_a, figures.line_loss_w, figures.unit_loss_w, figures.core_loss_w, figures.unbalance,
        )  # fmt: skip
        serial: Callable[..., None] = quality_kernels.figures_serial
        twin: Callable[..., None] = quality_kernels.figures_parallel
        workers = min(get_num_threads(), steps)
        if parallel and workers > 1:
            twin(workers, *arguments)
        else:
            serial(*arguments)
        return figures

    def core_by_element_w(self, v: Complex, elements: Int) -> Float:
        """(k, steps) no-load loss of some elements [W]."""
        grounded = np.vstack([v, np.zeros((1, v.shape[1]))])
        a, b, siemens = self._coils
        lost = np.abs(grounded[a] - grounded[b]) ** 2 * siemens[:, None]
        place = np.full(max([*self._core, *elements], default=0) + 1, -1)
        place[elements] = np.arange(len(elements))
        out = np.zeros((len(elements) + 1, v.shape[1]))
        np.add.at(out, place[self._core], lost)
        return out[:-1]


def _offsets(sizes: Sequence[int]) -> Int:
    return np.cumsum(np.array([0, *sizes], dtype=np.int64))


def _flat(parts: Sequence[NDArray[np.generic]], dtype: type) -> NDArray[np.generic]:
    return np.concatenate([np.zeros(0, dtype), *(part.ravel() for part in parts)]).astype(dtype)


def _pack_lines(lines: Sequence[Element], level: Sequence[int]) -> tuple[NDArray[np.generic], ...]:
    parts = [series_parts(line) or _one_end(line) for line in lines]
    sizes = [len(series) for series, _ in parts]
    return (
        _offsets(sizes),
        _flat([line.nodes[:n] for line, n in zip(lines, sizes, strict=True)], np.int64),
        _flat([line.nodes[n:] for line, n in zip(lines, sizes, strict=True)], np.int64),
        _offsets([n * n for n in sizes])[:-1],
        _flat([series for series, _ in parts], np.complex128),
        _flat([shunt for _, shunt in parts], np.complex128),
        np.array([bool(np.any(shunt)) for _, shunt in parts], dtype=np.bool_),
        np.array(level, dtype=np.int64),
    )


def _one_end(line: Element) -> tuple[Complex, Complex]:
    """A line open at one end: only its charging is left, shared out evenly (its current is that of a shunt)."""
    n = len(line.nodes) // 2
    return np.zeros((n, n), np.complex128), np.zeros((n, n), np.complex128)


def _pack_units(units: Sequence[Element]) -> tuple[NDArray[np.generic], ...]:
    live = [np.flatnonzero(unit.nodes >= 0) for unit in units]
    sizes = [len(rows) for rows in live]
    return (
        _offsets(sizes),
        _flat([unit.nodes[rows] for unit, rows in zip(units, live, strict=True)], np.int64),
        _offsets([n * n for n in sizes])[:-1],
        _flat(
            [u.y_siemens.real[np.ix_(rows, rows)] for u, rows in zip(units, live, strict=True)], np.float64
        ),
    )
