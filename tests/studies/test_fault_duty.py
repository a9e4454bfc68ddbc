"""Fault currents at sockets: the same as the buses', bolted and through an arc."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.electrical.fault import FaultKind, bus_faults, fault_duty, places_of
from cosim.electrical.network import Network
from cosim.feeder.generate import generate
from cosim.studies.fault_duty import socket_fault_duty

UNKNOWN = np.full(24, np.nan)


@pytest.mark.parametrize("arc_ohm", [0.0, 0.05])
def test_a_socket_is_a_bus_with_legs_and_neutral(arc_ohm: float) -> None:
    compiled = generate(24, seed=5).compile()
    network = Network(compiled.circuit)
    places = places_of(network)
    fault = bus_faults(network, places, arc_ohm=arc_ohm)
    by_name = {
        (int(p), kind, names): m
        for m, (p, kind, names) in enumerate(zip(fault.place, fault.kind, fault.conductors, strict=True))
    }
    found = socket_fault_duty(network, compiled, UNKNOWN, UNKNOWN, arc_ohm=arc_ohm)
    place_of = {int(node): row for row, nodes in enumerate(places.nodes) for node in nodes[:3] if node >= 0}
    for home, nodes in enumerate(compiled.home_nodes):
        place = place_of[int(nodes[0])]
        for key, kind, names, ends in (
            ("l1n", FaultKind.LINE_GROUND, "1", (0, 2)),
            ("l2n", FaultKind.LINE_GROUND, "2", (1, 2)),
            ("l1l2", FaultKind.LINE_LINE, "1-2", (0, 1)),
        ):
            m = by_name[place, kind, names]
            assert found[f"i_{key}_a"][home] == pytest.approx(fault.duty.symmetrical_a[m], rel=1e-9)
            assert found[f"x_over_r_{key}"][home] == pytest.approx(fault.duty.x_over_r[m], rel=1e-6)
            pair = fault_duty(network, nodes[[ends[0]]], nodes[[ends[1]]], arc_ohm=arc_ohm)
            assert pair.symmetrical_a[0] == pytest.approx(found[f"i_{key}_a"][home], rel=1e-9)


def test_an_arc_lowers_every_current_and_its_asymmetry() -> None:
    compiled = generate(24, seed=5).compile()
    network = Network(compiled.circuit)
    bolted, through = (
        socket_fault_duty(network, compiled, UNKNOWN, UNKNOWN, arc_ohm=ohm) for ohm in (0.0, 0.1)
    )
    for key in ("i_l1n_a", "i_l2n_a", "i_l1l2_a", "x_over_r_l1n", "x_over_r_l1l2", "peak_a"):
        assert (np.asarray(through[key]) < np.asarray(bolted[key])).all(), key


def test_the_command_takes_an_arc_for_every_kind(tmp_path: Path) -> None:
    path = generate(12, seed=3).save(tmp_path / "a.feeder")

    def ask(*more: str) -> dict[tuple[str, str, str], float]:
        ran = CliRunner().invoke(app, ["feeder", "faults", str(path), "--json", *more])
        assert ran.exit_code == 0, ran.output
        return {
            (row["bus"], row["kind"], row["conductors"]): row["symmetrical_a"]
            for row in json.loads(ran.output)["faults"]
        }

    bolted, arc = ask(), ask("--arc-ohm", "0.5")
    assert {kind for _, kind, _ in bolted} == {str(kind) for kind in FaultKind}
    assert all(arc[key] < bolted[key] for key in bolted)
    earth = ask("--arc-ohm", "0.5", "--ground-ohm", "20")
    to_ground = {str(FaultKind.LINE_GROUND), str(FaultKind.LINE_LINE_GROUND)}
    assert all(earth[key] < arc[key] for key in arc if key[1] in to_ground)
    wrong = CliRunner().invoke(app, ["feeder", "faults", str(path), "--arc-ohm", "-1"])
    assert wrong.exit_code != 0
    assert "arc-ohm" in wrong.output
