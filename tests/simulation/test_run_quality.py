"""Losses, loading and unbalance that a run records are those of its elements at its voltages."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.electrical.network import Network
from cosim.electrical.quality import element_losses_w, unbalance
from cosim.feeder.flow import element_currents
from cosim.feeder.openings import Cut
from cosim.scenario import Scenario
from cosim.simulation.assembly import assemble
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.recording import step_block
from cosim.simulation.state import Block

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("opened", [(), ("line:lateral-1",)])
def test_recorded_figures_are_those_of_the_elements(small: Scenario, opened: tuple[str, ...]) -> None:
    study = assemble(small)
    kept: list[tuple[Block, int]] = []
    physics = StudyPhysics(study, lambda block, count: kept.append((block, count)))
    for section in opened:
        physics.state.open_sections[section] = tuple(Cut(element) for element in study.section(section))
    while physics.advance(physics.time_us, HOUR_US) is not None:
        pass  # homes without voltage are told of first
    (block, count), circuit = kept[0], study.compiled.circuit
    circuit = circuit.without(physics.state.opened)
    v = block.solution.v[:, :count]
    network = Network(circuit)
    assert np.all(np.abs(v[network.energised]) > 0.0)  # every node is seen
    steps = step_block(study, block, count, faulted=False)
    losses = element_losses_w(circuit, v)
    names = np.array([element.name.split(".")[0] for element in circuit.elements])
    by_kind = sum(
        steps.feeder[f"loss_{kind}_w"] for kind in ("primary", "secondary", "drop", "noload", "load")
    )
    np.testing.assert_allclose(by_kind, steps.feeder["loss_w"], rtol=1e-12)
    np.testing.assert_allclose(steps.feeder["loss_w"], losses.sum(axis=0), rtol=1e-4)
    lines = sum(steps.feeder[f"loss_{level}_w"] for level in ("primary", "secondary", "drop"))
    np.testing.assert_allclose(lines, losses[names == "line"].sum(axis=0), rtol=1e-9)
    units = study.compiled.transformer_element[study.compiled.service_transformers]
    np.testing.assert_allclose(steps.transformer["loss_w"], losses[units].T, rtol=1e-7, atol=1e-6)
    element, _, _, flows = element_currents(circuit, v)
    for row in range(0, len(study.feeder.line), 5):
        at = study.compiled.line_element[row]
        amperes = np.abs(flows[element == at]).max(axis=0)
        rating = study.feeder.line["max_i_ka"].iloc[row] * 1e3
        np.testing.assert_allclose(
            steps.line["line_loading_pu"][:, row], amperes / rating, rtol=1e-6, atol=1e-9
        )
    watched = study.watched
    worst = np.nanmax(unbalance(v[watched.bus_nodes].swapaxes(0, 1)), axis=0)
    np.testing.assert_allclose(steps.feeder["unbalance_pu"], worst, rtol=1e-9)
