"""Injectors for the part of homes' power that goes with the square of the voltage."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.electrical.circuit import Injectors, LoadModel
from cosim.feeder.customers import THREE

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder

# Above its band a constant power is the impedance it has at the band's upper edge. A home's impedance part is a
# constant power whose band ends at this share of the home's voltage, so it takes the solver's shortest way to a
# current; below, where a home has long gone dark, it is none.
EDGE_PU = 0.1


def with_impedance_parts(compiled: CompiledFeeder, homes: NDArray[np.bool_]) -> CompiledFeeder:
    """The feeder with one more injector beside each panel injector of some split and single homes.

    What such a home draws by its own injectors is constant power then, whatever law the feeder gives its load:
    its demand says itself how it follows the voltage. The new injectors come after all others and are nominally 0;
    to draw p at the home's nominal voltage one is asked for ``EDGE_PU**2 * p``, which `CompiledFeeder.share` has.

    Parameters
    ----------
    homes
        (h,) homes whose demand has such a part.
    """
    injectors, owner = compiled.circuit.injectors, compiled.circuit.injectors.owner
    own = (owner >= 0) & compiled.share.any(axis=1) & homes[owner] & (compiled.home_kind[owner] != THREE)
    rows = np.flatnonzero(own)
    power = replace(injectors, model=np.where(own, np.int8(LoadModel.POWER), injectors.model))
    beside = Injectors(**{f.name: getattr(power, f.name)[rows] for f in fields(Injectors)})
    nothing, one = np.zeros(len(rows)), np.ones(len(rows))
    beside = replace(
        beside,
        p_w=nothing,
        q_var=nothing,
        v_nom=EDGE_PU * beside.v_nom,
        v_min_pu=0.5 * one,
        v_max_pu=one,
        v_low_pu=nothing,
    )
    both = Injectors(
        **{
            f.name: np.concatenate([getattr(power, f.name), getattr(beside, f.name)])
            for f in fields(Injectors)
        }
    )
    return replace(
        compiled,
        circuit=replace(compiled.circuit, injectors=both),
        share=np.concatenate([compiled.share, EDGE_PU**2 * compiled.share[rows]]),
        impedance_row=len(injectors) + np.arange(len(rows)),
    )
