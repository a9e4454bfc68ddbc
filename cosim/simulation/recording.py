"""From a computed block to what the results room keeps."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.results.record import StepBlock
from cosim.thermal.limits import Rises, rises

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.physics import Block

Float = NDArray[np.float64]


def step_block(study: Study, block: Block, count: int) -> StepBlock:
    """The first `count` steps of a block, every quantity of the results layout.

    Signs are those of the layout: load convention at homes, PV positive when produced.
    """
    sockets = block.sockets
    home = {
        "voltage_l1_v": sockets.voltage_l1_v,
        "voltage_l2_v": sockets.voltage_l2_v,
        "service_power_w": sockets.service_w,
        "service_current_a": sockets.service_a,
        "panel_power_w": sockets.panel_w,
        "branch_power_w": sockets.branch_w,
        "pv_power_w": block.pv_w.T,
        "ev_power_w": block.ev_w.T,
        **_heat(study, block),
    }
    head_w = block.head_va.real.sum(axis=0)
    feeder = {
        "power_w": head_w,
        "power_var": block.head_va.imag.sum(axis=0),
        "loss_w": head_w - _delivered(study, block),
    }
    transformer = {
        "power_w": block.transformer_va.real.T,
        "power_var": block.transformer_va.imag.T,
        "loading_pu": np.abs(block.transformer_va).T / study.transformer_va,
    }
    return StepBlock(
        start_us=block.plan.start_us[:count],
        seconds=block.plan.seconds[:count],
        home={name: values[:count] for name, values in home.items()},
        transformer={name: values[:count] for name, values in transformer.items()},
        feeder={name: values[:count] for name, values in feeder.items()},
        iterations=block.solution.iterations[:count],
        converged=block.solution.converged[:count],
    )


def _delivered(study: Study, block: Block) -> Float:
    """(steps,) power into everything that is no loss: homes, and injectors that belong to none."""
    delivered = block.sockets.service_w.sum(axis=1)
    for row, a, b in study.ownerless:
        va = block.solution.v[a] if a >= 0 else 0.0
        vb = block.solution.v[b] if b >= 0 else 0.0
        delivered = delivered + ((va - vb) * block.solution.current_a[row].conj()).real
    return np.asarray(delivered)


def _heat(study: Study, block: Block) -> dict[str, Float]:
    """Rises over local air by class, hottest node, smallest margin; NaN for homes without adapter."""
    shape = (len(block.plan), study.homes)
    out = {field.name: np.full(shape, np.nan) for field in fields(Rises)}
    for (fleet, homes), temperature_c in zip(study.heat, block.heat_c, strict=True):
        found = rises(fleet.network, temperature_c, block.ambient_c)
        for name, values in out.items():
            values[:, homes] = getattr(found, name)
    return out
