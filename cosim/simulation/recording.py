"""From a computed block to what the results room keeps."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cosim.devices.ev_kernels import CAPACITY_J
from cosim.electrical.backfeed import rejection_pu, sound_phases
from cosim.electrical.impedance import ImpedanceMatrix
from cosim.feeder.quality import LEVELS
from cosim.results.layout import PHASES
from cosim.results.record import StepBlock
from cosim.simulation.steps import in_all
from cosim.thermal.limits import Rises

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder
    from cosim.simulation.assembly import Study
    from cosim.simulation.state import Block

Float = NDArray[np.float64]

LEAST_HELD_W = 0.01  # what is less is rounding of the power flow


def step_block(study: Study, block: Block, count: int, faulted: bool) -> StepBlock:
    """The first `count` steps of a block, every quantity of the results layout; `faulted`: a short circuit is fed.

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
        "drop_temperature_c": block.grid.drop_c,
        **_indoors(study, block),
        **_stored(study, block),
    }
    head_w = block.head_va.real.sum(axis=0)
    feeder = {"power_w": head_w, "power_var": block.head_va.imag.sum(axis=0)}
    feeder |= {f"power_{phase}_w": block.head_phase_w[k] for k, phase in enumerate(PHASES)}
    inverter = _inverters(study, block)
    feeder["pv_power_w"] = in_all(block.pv_w.T)
    feeder["curtailed_w"] = in_all(inverter["curtailed_w"])
    feeder["inverter_var"] = in_all(inverter["inverter_power_var"])
    feeder["rejection_pu"], unit_rejection = _rejection(study, block)
    feeder |= _losses(block, head_w - _delivered(study, block))
    line, bus = _lines(study, block), {"unbalance_pu": block.quality.unbalance}
    feeder["unbalance_pu"] = np.fmax.reduce(bus["unbalance_pu"], axis=1, initial=-np.inf)
    feeder["unbalance_pu"][np.isinf(feeder["unbalance_pu"])] = np.nan
    transformer = {
        "power_w": block.transformer_va.real.T,
        "power_var": block.transformer_va.imag.T,
        "loading_pu": np.abs(block.transformer_va).T / study.transformer_va,
        "loss_w": block.quality.unit_loss_w,
        "rejection_pu": unit_rejection,
        "top_oil_c": block.grid.units.top_oil_c,
        "hot_spot_c": block.grid.units.hot_spot_c,
        "ageing_factor": block.grid.units.ageing_factor,
        "loss_of_life_pu": block.grid.units.loss_of_life_pu,
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
        inverter={name: values[:count] for name, values in inverter.items()},
        newton=block.solution.newton[:count],
        faulted=np.full(count, faulted),
    )


def _indoors(study: Study, block: Block) -> dict[str, Float]:
    """(steps, homes) what demand shows of rooms, tanks and loads held off; NaN where it knows none."""
    unknown = np.full((study.homes, len(block.plan)), np.nan)
    shown = block.draw.shown
    return {
        name: shown.get(name, unknown).T for name in ("indoor_temperature_c", "water_temperature_c", "shed_w")
    }


def _stored(study: Study, block: Block) -> dict[str, Float]:
    """(steps, homes) states of charge; NaN for homes without."""
    cars, batteries = study.cars, study.battery
    stored = {}
    for name, home, charge_j, capacity_j in (
        ("ev_charge_pu", cars.home, block.draw.cars.charge_j, cars.fleet.cars[:, CAPACITY_J]),
        ("battery_charge_pu", study.battery_home, block.battery.charge_j, batteries.capacity_j),
    ):
        stored[name] = np.full((len(block.plan), study.homes), np.nan)
        stored[name][:, home] = (charge_j / capacity_j[:, None]).T
    return stored


def head_conductors(compiled: CompiledFeeder) -> list[tuple[int, int, int, int]]:
    """Conductors of phases at the feeder's head: place among `head`, place at the terminal, node, phase from 0."""
    circuit, found = compiled.circuit, []
    for pair, (number, terminal) in enumerate(compiled.head):
        element = circuit.elements[number]
        for place, node in enumerate(element.nodes[element.terminal(terminal)].tolist()):
            conductor = circuit.nodes[node].rpartition(".")[2] if node >= 0 else ""
            if conductor in ("1", "2", "3"):
                found.append((pair, place, node, int(conductor) - 1))
    return found


def bus_table(study: Study) -> dict[str, Any]:
    """Columns of the three-phase buses: how far sound phases rise when one is faulted."""
    nodes = study.watched.bus_nodes
    z = ImpedanceMatrix(study.still).among(nodes)
    ratio, voltage = sound_phases(z, study.still.no_load_voltage()[nodes])
    fed = study.still.energised[nodes].all(axis=1)
    return {
        "id": list(study.watched.buses),
        "z0_over_z1": np.where(fed, ratio, np.nan),
        "ground_fault_pu": np.where(fed, voltage, np.nan),
    }


def _inverters(study: Study, block: Block) -> dict[str, Float]:
    """(steps, inverters) what those that act on the voltage gave and held back."""
    smart, given_va = study.inverters, block.inverter_va
    held_w = np.maximum(smart.available_w(block.draw.p_w) - given_va.real, 0.0)
    held_w[smart.battery] = 0.0
    held_w[held_w < LEAST_HELD_W] = 0.0
    return {
        "inverter_power_w": given_va.real.T,
        "inverter_power_var": given_va.imag.T,
        "curtailed_w": held_w.T,
    }


def _rejection(study: Study, block: Block) -> tuple[Float, Float]:
    """Voltage if the feeder, (steps,), or a service transformer's homes, (steps, transformers), were cut off."""
    produced_w = block.pv_w.T.copy()
    produced_w[:, study.battery_home] += np.maximum(block.battery.power_w.T, 0.0)
    if block.draw.island is not None:
        produced_w[:, block.draw.island.off] = 0.0
    load_w = block.sockets.service_w + produced_w
    unit = study.compiled.home_transformer
    shape = (len(study.transformer_va), len(block.plan))
    totals = [np.zeros(shape), np.zeros(shape)]
    for total, values in zip(totals, (produced_w, load_w), strict=True):
        np.add.at(total, unit[unit >= 0], values.T[unit >= 0])
    rest_w = _delivered(study, block) - in_all(block.sockets.service_w)
    feeder = rejection_pu(in_all(produced_w), in_all(load_w) + rest_w)
    return feeder, rejection_pu(*totals).T


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
    delivered = in_all(block.sockets.service_w)
    for row, a, b in study.ownerless:
        va = block.solution.v[a] if a >= 0 else 0.0
        vb = block.solution.v[b] if b >= 0 else 0.0
        delivered = delivered + ((va - vb) * block.solution.current_a[row].conj()).real
    return np.asarray(delivered)


def _heat(study: Study, block: Block) -> dict[str, Float]:
    """Rises over local air by class, hottest node, smallest margins; NaN for homes without adapter."""
    shape = (len(block.plan), study.homes)
    out = {name: np.full(shape, np.nan) for name in (*(f.name for f in fields(Rises)), "material_margin_k")}
    for kind, found in zip(study.heat, block.heat, strict=True):
        for field in fields(Rises):
            out[field.name][:, kind.homes] = getattr(found.rises, field.name)
        out["material_margin_k"][:, kind.homes] = found.material_margin_k
    return out
