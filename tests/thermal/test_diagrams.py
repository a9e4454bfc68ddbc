"""Currents through every part of every product follow from its diagram: Kirchhoff's law at each of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from cosim import library
from cosim.adapter_entry import AdapterEntry
from cosim.thermal.network import heat_network

# Load and branch currents are free, the grid's is their sum: each as its share of (load, branch).
SHARE = {"grid": (1, 1), "load": (1, 0), "branch": (0, 1)}
ALL = list(library.names("adapters"))


def ends(entry: AdapterEntry) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Currents of the joints and wires at every part, and the parts each part is joined to by them."""
    heat = entry.heat
    at: dict[str, list[str]] = defaultdict(list)
    beside: dict[str, set[str]] = defaultdict(set)
    for joint in heat.joints:
        if joint.current != "none":
            a, b = joint.between
            at[a].append(joint.current)
            at[b].append(joint.current)
            beside[a].add(b)
            beside[b].add(a)
    for wire in heat.wires:
        at[wire.part].append(wire.current)
    return at, beside


def sums_to_zero(currents: list[str], tap: str) -> bool:
    """Whether what enters can leave, with some choice of directions, whatever load and branch are."""
    share = np.array([SHARE[c] if tap != "none" or c == "branch" else (1, 0) for c in currents])
    return any(
        not (share * np.array(sign)[:, None]).sum(axis=0).any()
        for sign in product((1, -1), repeat=len(share))
    )


@pytest.mark.parametrize("name", ALL)
def test_what_enters_a_part_leaves_it(name: str) -> None:
    """A part with one current is an end; without a tap, grid and load are one current."""
    entry = library.load("adapters", name)
    at, _ = ends(entry)
    assert at
    for part, currents in at.items():
        assert len(currents) == 1 or sums_to_zero(currents, entry.diagram.tap), (part, currents)
    for part, data in entry.heat.parts.items():
        if data.current != "none" and part in at:
            wanted = (
                {data.current}
                if entry.diagram.tap != "none" or data.current == "branch"
                else {"grid", "load"}
            )
            assert wanted & set(at[part]), (part, data.current, at[part])


@pytest.mark.parametrize("name", ALL)
def test_a_diagram_says_what_its_body_does(name: str) -> None:
    """Grid, load and branch meet at one part, the tap of the diagram, or at none."""
    entry = library.load("adapters", name)
    at, _ = ends(entry)
    if entry.diagram.tap == "none":
        assert not entry.diagram.tapped
        both = [part for part, currents in at.items() if "branch" in currents and set(currents) != {"branch"}]
        assert not both, "without a tap a branch is a cord that the home's wiring does not meet"
        return
    # A tap beyond the socket (in a panel, a cord) leaves one current to the whole meter socket.
    meets = [part for part, currents in at.items() if {"grid", "load", "branch"} <= set(currents)]
    assert len(meets) == 1 if any("load" in currents for currents in at.values()) else not meets


@pytest.mark.parametrize("name", [n for n in ALL if library.load("adapters", n).diagram.tapped == ("solar",)])
def test_solar_on_the_tap_relieves_the_line_side_alone(name: str) -> None:
    """Load 100 A, solar 100 A in phase: none on the line side, all in the load jaw; swapped, the reverse."""
    network = heat_network(library.load("adapters", name))
    warm = np.full(len(network), 20.0)

    def heat(grid_a: float, load_a: float, branch_a: float) -> dict[str, float]:
        i2 = np.repeat([grid_a, load_a, branch_a], 2) ** 2
        return dict(zip(network.names, network.heating_w(warm, i2) - network.loss_w, strict=True))

    tapped, panel = heat(0.0, 100.0, -100.0), heat(0.0, 0.0, 0.0)
    assert tapped["l1.socket_line_jaw"] == 0.0
    assert tapped["l1.line_bar"] == 0.0
    assert tapped["l1.socket_load_jaw"] > 0.5
    assert tapped["l1.field_terminal"] > 0.0
    assert all(
        watts == 0.0 for watts in panel.values()
    )  # on the panel's side the whole adapter carries the net
    night, export = heat(100.0, 100.0, 0.0), heat(-100.0, 0.0, -100.0)
    assert export["l1.socket_load_jaw"] == 0.0
    assert export["l1.socket_line_jaw"] == night["l1.socket_line_jaw"]
    assert night["l1.field_terminal"] == 0.0


def test_where_solar_hangs_decides_what_the_socket_carries() -> None:
    """A power flow: grid = load + branch as phasors at every socket; on the panel grid and load are one."""
    from cosim.electrical.network import Network
    from cosim.feeder.feeder import Feeder
    from cosim.simulation.sockets import Sockets

    compiled = Feeder.generate(8).compile()
    sockets = Sockets(compiled, parallel=False)
    panel_w, panel_var = np.zeros((8, 3, 1)), np.zeros((8, 3, 1))
    panel_w[:, 2] = 6000.0
    panel_w[:, 0], panel_w[:, 1] = 900.0, 300.0
    panel_var[:, 0] = 400.0
    none, solar = np.zeros((8, 1)), np.full((8, 1), -5000.0)

    def legs(device_w: np.ndarray, branch_w: np.ndarray) -> np.ndarray:
        p_w, q_var = sockets.injector_power(panel_w, panel_var, device_w, branch_w)
        solved = Network(compiled.circuit).solve(p_w, q_var, parallel=False)
        return np.sqrt(sockets.read(solved.v, solved.current_a).i2_a2[0])  # (6, homes)

    tap, panel, night = legs(none, solar), legs(solar, none), legs(none, none)
    assert np.all(tap[0] < 0.4 * tap[2])  # the line jaw carries load minus solar, the load jaw the load
    np.testing.assert_allclose(tap[4], 5000.0 / 240.0, rtol=0.05)
    assert np.all(
        np.abs(tap[0] - np.abs(tap[2] - tap[4])) < 1.5
    )  # in phase but for the little reactive power
    np.testing.assert_allclose(panel[0], panel[2], rtol=1e-12)
    np.testing.assert_allclose(panel[0], tap[0], rtol=2e-3)  # to the grid it is all one
    np.testing.assert_allclose(tap[2], night[2], rtol=2e-2)
    assert not panel[4].any()
