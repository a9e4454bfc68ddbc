"""The circuit as arrays: nodes, primitive admittance blocks, sources and injectors.

A node is one conductor of one bus, named ``bus.1``; ground is node ``-1`` and never
has a row. Everything linear is an `Element`: a primitive admittance block between
its nodes, with currents flowing from the node *into* the element. Everything whose
current depends on voltage in another way is an injector, a two-terminal device that
draws its current from `node_a` and returns it at `node_b` (load convention: positive
power is consumed; a generator has negative power).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

GROUND = -1

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


class LoadModel(IntEnum):
    """Voltage dependence of an injector inside its voltage band, numbered as in OpenDSS."""

    POWER = 1  # constant P and Q
    IMPEDANCE = 2  # P and Q with the square of the voltage, at every voltage
    EXPONENT = 4  # P ~ V^a, Q ~ V^b (OpenDSS "CVR")
    CURRENT = 5  # constant current magnitude and power factor
    FIXED_Q = 6  # constant P; Q constant too, but that of a fixed reactance outside the band
    FIXED_X = 7  # constant P; Q of a fixed reactance at every voltage
    ZIP = 8  # polynomial in V, with its own low-voltage cut-off


@dataclass(frozen=True)
class Element:
    """A linear element.

    Parameters
    ----------
    name
        ``class.name`` such as ``line.650632``.
    nodes
        (k,) node index of each conductor, terminal by terminal; -1 is ground.
    y_siemens
        (k, k) primitive admittance; row i gives the current into the element at conductor i.
    conductors
        Conductors at each terminal; sums to k.
    rating_a
        Continuous rating per conductor [A], NaN if unknown.
    """

    name: str
    nodes: Int
    y_siemens: Complex
    conductors: tuple[int, ...]
    rating_a: float = float("nan")

    def terminal(self, number: int) -> slice:
        """Rows of terminal `number`, counted from 0."""
        start = sum(self.conductors[:number])
        return slice(start, start + self.conductors[number])


@dataclass(frozen=True)
class Source:
    """A voltage source behind its impedance (Thevenin): internal EMFs feeding nodes.

    Parameters
    ----------
    name
        ``vsource.source``.
    nodes
        (k,) nodes fed.
    z_ohm
        (k, k) impedance between the EMFs (their star point at ground) and the nodes.
    emf_v
        (k,) internal EMF, r.m.s. line-to-ground.
    """

    name: str
    nodes: Int
    z_ohm: Complex
    emf_v: Complex


@dataclass(frozen=True)
class Injectors:
    """Loads and grid-following sources, one row per two-terminal injector.

    All arrays have shape (m,) unless said. Powers are consumed (load convention).

    Parameters
    ----------
    owner
        Row of the home (or other customer) the injector belongs to, -1 if none.
    node_a, node_b
        Terminals; `node_b` may be ground (-1).
    model
        `LoadModel` code.
    p_w, q_var
        Nominal power at `v_nom`.
    v_nom
        Voltage across the terminals at which the power is nominal [V].
    v_min_pu, v_max_pu, v_low_pu
        Band of `v_nom` inside which the model holds. Above it, and between `v_low_pu` and
        `v_min_pu`, the injector is an impedance as in OpenDSS; below `v_low_pu` it is the
        nominal impedance. P of `LoadModel.FIXED_Q` and `LoadModel.FIXED_X` is, below `v_min_pu`, that of the
        impedance it has there.
    p_exponent, q_exponent
        Used by `LoadModel.EXPONENT`.
    zip_p, zip_q
        (m, 3) shares of impedance, current, power; used by `LoadModel.ZIP`.
    v_cut_pu
        A ZIP injector draws nothing between `v_low_pu` and this (the edge is 0.2 % wide); 0 for no cut-off.
    """

    owner: Int
    node_a: Int
    node_b: Int
    model: NDArray[np.int8]
    p_w: Float
    q_var: Float
    v_nom: Float
    v_min_pu: Float
    v_max_pu: Float
    v_low_pu: Float
    p_exponent: Float
    q_exponent: Float
    zip_p: Float
    zip_q: Float
    v_cut_pu: Float

    def __len__(self) -> int:
        return len(self.p_w)


@dataclass(frozen=True)
class Inverters:
    """Injectors whose power follows their own voltage: grid-following inverters with smart functions.

    All arrays have shape (k,) unless said. Power and reactive power are *produced* here (generator convention),
    reactive power per unit of `rating_va`. What is available is the negative of the injector's `p_w`; a positive `p_w`
    is charging, which the volt-watt limit leaves alone. The injector's `q_var` and load model are not used; its
    `v_nom` is the base of voltage; below its `v_min_pu` the current stays what it is there, and from `v_low_pu` down
    goes to nothing with the voltage: at a bolted fault a current that keeps its size would have no angle to stand at.

    Parameters
    ----------
    injector
        Row in `Injectors`.
    rating_va
        Apparent power that is never exceeded.
    rated_w
        Active power that volt-watt limits are shares of.
    volt_var
        (k, 4, 2) points (voltage, reactive power), voltage ascending; constant outside.
    volt_watt
        (k, 2, 2) points (voltage, share of `rated_w`), voltage ascending; constant outside.
    q_per_p
        Reactive power over active power of a fixed power factor; 0 where volt-var rules.
    q_first
        Reactive power that goes before active power where the rating does not hold both: 0 for watt priority, 1 for var
        priority, 0.44 for the least that IEEE 1547-2018 asks.
    q_absorb, q_inject
        Limits of the volt-var function.
    """

    injector: Int
    rating_va: Float
    rated_w: Float
    volt_var: Float
    volt_watt: Float
    q_per_p: Float
    q_first: Float
    q_absorb: Float
    q_inject: Float

    def __len__(self) -> int:
        return len(self.injector)

    @classmethod
    def none(cls) -> Inverters:
        """No inverter."""
        no = np.zeros(0)
        return cls(np.zeros(0, np.int64), no, no, np.zeros((0, 4, 2)), np.zeros((0, 2, 2)), no, no, no, no)


@dataclass(frozen=True)
class Circuit:
    """One topology: everything the solver needs, nothing it does not.

    Parameters
    ----------
    nodes
        Node names, ``bus.conductor``.
    base_v
        (n,) nominal voltage to ground of each node [V], the base of per-unit figures.
    elements, sources
        See `Element`, `Source`.
    injectors
        See `Injectors`.
    inverters
        Which of the injectors follow their own voltage, and how.
    """

    nodes: tuple[str, ...]
    base_v: Float
    elements: tuple[Element, ...]
    sources: tuple[Source, ...]
    injectors: Injectors
    inverters: Inverters = field(default_factory=Inverters.none)

    def with_blocks(self, blocks: Mapping[int, Complex]) -> Circuit:
        """The circuit with the admittance of some elements (by index) replaced."""
        elements = list(self.elements)
        for index, block in blocks.items():
            elements[index] = replace(elements[index], y_siemens=block)
        return replace(self, elements=tuple(elements))

    def with_source_voltage(self, factor: float) -> Circuit:
        """The circuit with the voltage of all sources multiplied."""
        if factor == 1.0:
            return self
        return replace(self, sources=tuple(replace(s, emf_v=s.emf_v * factor) for s in self.sources))

    def without(self, elements: Collection[int]) -> Circuit:
        """The circuit with some elements (by index) opened: they stay in their place and conduct nothing."""
        opened = set(elements)
        return replace(
            self,
            elements=tuple(
                replace(e, y_siemens=np.zeros_like(e.y_siemens)) if i in opened else e
                for i, e in enumerate(self.elements)
            ),
        )
