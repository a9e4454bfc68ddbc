"""From a computed block to what the results room keeps."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.feeder.quality import LEVELS
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
    feeder = {"power_w": head_w, "power_var": block.head_va.imag.sum(axis=0)}
    feeder |= _losses(block, head_w - _delivered(study, block))
    line, bus = _lines(study, block), {"unbalance_pu": block.quality.unbalance}
    feeder["unbalance_pu"] = np.fmax.reduce(bus["unbalance_pu"], axis=1, initial=-np.inf)
    feeder["unbalance_pu"][np.isinf(feeder["unbalance_pu"])] = np.nan
    transformer = {
        "power_w": block.transformer_va.real.T,
        "power_var": block.transformer_va.imag.T,
        "loading_pu": np.abs(block.transformer_va).T / study.transformer_va,
        "loss_w": block.quality.unit_loss_w,
    }
    return StepBlock(
        start_us=block.plan.start_us[:count],
        seconds=block.plan.seconds[:count],
        home={name: values[:count] for name, values in home.items()},
        transformer={name: values[:count] for name, values in transformer.items()},
        feeder={name: values[:count] for name, values in feeder.items()},
        iterations=block.solution.iterations[:count],
        converged=block.solution.converged[:count],
        line={name: values[:count] for name, values in line.items()},
        bus={name: values[:count] for name, values in bus.items()},
    )


def _losses(block: Block, loss_w: Float) -> dict[str, Float]:
    """Losses by kind; those of windings are what the lines and the cores leave of all."""
    quality = block.quality
    lines = {f"loss_{level}_w": quality.line_loss_w[k] for k, level in enumerate(LEVELS)}
    rest = loss_w - quality.line_loss_w.sum(axis=0) - quality.core_loss_w
    return {"loss_w": loss_w, **lines, "loss_noload_w": quality.core_loss_w, "loss_load_w": rest}


def _lines(study: Study, block: Block) -> dict[str, Float]:
    """Loading of every line of the table; NaN for one without a rating or out of service."""
    watched = study.watched
    if len(watched.line) == len(study.feeder.line):
        return {"line_loading_pu": block.quality.line_a / watched.line_rating_a}
    loading = np.full((len(block.plan), len(study.feeder.line)), np.nan)
    loading[:, watched.line] = block.quality.line_a / watched.line_rating_a
    return {"line_loading_pu": loading}


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
