"""Single conductors open: against hand-made circuits, whole elements, and OpenDSS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.electrical.circuit import Complex
from cosim.electrical.elements import line_block, open_conductors
from cosim.electrical.network import Network, Solution
from cosim.errors import FeederError
from cosim.feeder.builder import FeederBuilder
from cosim.feeder.compare import _impose_state
from cosim.feeder.compile import CompiledFeeder
from cosim.feeder.faulted import FaultedFeeder
from cosim.feeder.feeder import Feeder

LEG_V = 120.0
DROP_OHM = 0.02 + 0.004j


def service(one_w: float, two_w: float, rod_ohm: float | None, model: int = 2) -> Feeder:
    """A stiff 120/240 V source, a drop of three equal conductors, and a home whose neutral stands on a rod."""
    builder = FeederBuilder("service")
    builder.add_bus("source", "1.2", LEG_V)
    builder.add_bus("home", "1.2.3", LEG_V)
    builder.add_source("source", "source", "1.2", LEG_V * np.array([1.0, -1.0]), 0.001j * np.eye(2))
    builder.add_line(
        "drop", "source", "1.2.0", "home", "1.2.3", DROP_OHM * np.eye(3), length_m=20.0, level="drop"
    )
    if rod_ohm is not None:
        builder.add_other("rod", [("home", "3")], [[1.0 / rod_ohm]], kind="ground rod")
    for leg, watts in (("1", one_w), ("2", two_w)):
        builder.add_home(
            f"leg-{leg}", "home", f"{leg}.3", "single", kw=watts / 1e3, kvar=0.0, kv=LEG_V / 1e3, model=model,
            v_min_pu=0.8, v_max_pu=1.2, drop=0,
        )  # fmt: skip
    return builder.build()


def solved(feeder: Feeder, *opened: str) -> tuple[CompiledFeeder, Solution, dict[str, complex]]:
    compiled = feeder.compile()
    openings = FaultedFeeder(feeder, compiled).openings
    cuts, ties = openings.sections(opened, ())
    network = Network(compiled.circuit.with_blocks(openings.blocks(cuts, ties)))
    solution = network.solve(tolerance_pu=1e-11)
    return compiled, solution, dict(zip(compiled.circuit.nodes, solution.v[:, 0].tolist(), strict=True))


@pytest.mark.parametrize("rod_ohm", [25.0, 5.0, None])
def test_a_lost_neutral_stands_where_the_loads_pull_it(rod_ohm: float | None) -> None:
    one_w, two_w = 2400.0, 300.0
    _, solution, v = solved(service(one_w, two_w, rod_ohm), "home:leg-1@n")
    assert solution.converged.all()
    way = [LEG_V**2 / watts + DROP_OHM + 0.001j for watts in (one_w, two_w)]
    rod = 1e-6 if rod_ohm is None else 1.0 / rod_ohm
    neutral = (LEG_V / way[0] - LEG_V / way[1]) / (1.0 / way[0] + 1.0 / way[1] + rod)  # Millman
    assert v["home.3"] == pytest.approx(neutral, rel=1e-9)
    one, two = v["home.1"] - v["home.3"], v["home.3"] - v["home.2"]
    assert abs(two) > 1.3 * LEG_V > LEG_V > abs(one)
    if rod_ohm is None:  # the same current through both: voltages as the resistances
        assert abs(two / one) == pytest.approx(one_w / two_w, rel=1e-3)


@pytest.mark.parametrize(
    ("one_w", "two_w"), [(2400.0, 300.0), (1500.0, 1400.0), (4000.0, 20.0), (500.0, 0.0)]
)
@pytest.mark.parametrize("rod_ohm", [25.0, None])
def test_a_lost_neutral_under_constant_power_settles(
    one_w: float, two_w: float, rod_ohm: float | None
) -> None:
    compiled, solution, v = solved(service(one_w, two_w, rod_ohm, model=1), "home:leg-1@n")
    assert solution.converged.all()
    circuit = compiled.circuit
    openings = FaultedFeeder(service(one_w, two_w, rod_ohm, model=1), compiled).openings
    network = Network(circuit.with_blocks(openings.blocks(openings.cuts("home:leg-1@n"))))
    left = network.mismatch(solution.v, solution.current_a)
    assert np.abs(left).max() < 1e-6
    legs = abs(v["home.1"] - v["home.3"]), abs(v["home.3"] - v["home.2"])
    assert sum(legs) == pytest.approx(2 * LEG_V, rel=0.02)


def test_a_lost_leg_is_fed_through_the_other_loads_alone() -> None:
    builder = FeederBuilder("service")
    builder.add_bus("source", "1.2", LEG_V)
    builder.add_bus("home", "1.2.3", LEG_V)
    builder.add_source("source", "source", "1.2", LEG_V * np.array([1.0, -1.0]), 0.001j * np.eye(2))
    z = DROP_OHM * np.eye(3)
    builder.add_line("drop", "source", "1.2.0", "home", "1.2.3", z, length_m=20.0, level="drop")
    for name, nodes, kv in (("lamp", "1.3", 0.12), ("range", "1.2", 0.24)):
        builder.add_home(name, "home", nodes, "single", kw=1.0, kvar=0.0, kv=kv, model=2, drop=0)
    _, solution, v = solved(builder.build(), "line:drop@1")
    assert solution.converged.all()
    lamp, stove = 120.0**2 / 1e3, 240.0**2 / 1e3  # the stove's element and the lamp in series across leg 2
    expected = v["home.2"] * lamp / (lamp + stove)
    assert v["home.1"] - v["home.3"] == pytest.approx(expected, rel=1e-3)


def test_all_conductors_open_are_the_element_out() -> None:
    feeder = Feeder.generate(60, seed=2)
    compiled = feeder.compile()
    openings = FaultedFeeder(feeder, compiled).openings
    for section in ("line:trunk-1", "line:lateral-1", "home:home-3"):
        part = openings.port(section).conductors
        apart = openings.blocks([cut for c in part for cut in openings.cuts(f"{section}@{c}")])
        whole = openings.blocks(openings.cuts(section))
        assert apart.keys() == whole.keys()
        for element, block in whole.items():
            assert not block.any()
            np.testing.assert_array_equal(apart[element], block)
            assert not compiled.circuit.without([element]).elements[element].y_siemens.any()


def test_an_open_conductor_carries_nothing_and_the_others_what_is_left() -> None:
    rng = np.random.default_rng(3)
    z: Complex = rng.normal(size=(3, 3)) * 0.1 + 1j * rng.normal(size=(3, 3)) * 0.1
    z = z + z.T + (1.0 + 2.0j) * np.eye(3)
    y = 1e-5j * (4.0 * np.eye(3) - np.ones((3, 3)))
    whole = line_block(z, y)
    opened = open_conductors(whole, [1])
    v = rng.normal(size=6) + 1j * rng.normal(size=6)
    v[1] = -(whole[1] @ np.where(np.arange(6) == 1, 0.0, v)) / whole[1, 1]  # where no current enters
    np.testing.assert_allclose((whole @ v)[1], 0.0, atol=1e-12)
    np.testing.assert_allclose(opened @ v, whole @ v, atol=1e-12)
    np.testing.assert_allclose(opened, opened.T, atol=1e-15)
    # without charging the far end of an open conductor is joined with nothing, not by rounding either
    assert not open_conductors(line_block(z, 0.0 * y), [1])[[1, 4]].any()


@pytest.mark.parametrize(
    ("master", "line", "conductor"),
    [
        ("ieee13/IEEE13Nodeckt.dss", "650632", 1),
        ("ieee13/IEEE13Nodeckt.dss", "670671", 2),
        ("ieee13/IEEE13Nodeckt.dss", "632633", 3),
        ("ieee13/IEEE13Nodeckt.dss", "671684", 1),
        ("ieee123/IEEE123Master.dss", "l115", 2),
        ("ieee123/IEEE123Master.dss", "l13", 1),
        ("ieee123/IEEE123Master.dss", "l67", 3),
    ],
)
def test_a_phase_opened_is_what_opendss_opens(shared: Path, master: str, line: str, conductor: int) -> None:
    pytest.importorskip("dss")
    from cosim.feeder.script import run_master

    path = shared / "feeders" / "dss" / master
    feeder = Feeder.from_opendss(path)
    engine: Any = run_master(path, controls="off").engine
    circuit = engine.ActiveCircuit
    _impose_state(feeder, circuit)
    circuit.SetActiveElement(f"line.{line}")
    circuit.ActiveCktElement.Open(1, conductor)
    solution = circuit.Solution
    solution.ControlMode, solution.MaxIterations, solution.Tolerance = -1, 5000, 1e-10
    solution.Solve()
    assert solution.Converged
    flat = np.asarray(circuit.YNodeVarray, dtype=np.float64).view(np.complex128)
    theirs = dict(zip((name.lower() for name in circuit.YNodeOrder), flat.tolist(), strict=True))
    row = feeder.line.index[feeder.line["name"].str.lower() == line][0]
    phase = feeder.line["from_nodes"][row].split(".")[conductor - 1]
    _, ours, v = solved(feeder, f"line:{feeder.line['name'][row]}@{'abc'[int(phase) - 1]}")
    assert ours.converged.all()
    base = dict(zip(feeder.compile().circuit.nodes, feeder.compile().circuit.base_v, strict=True))
    error = {name: abs(v[name] - theirs[name]) / base[name] for name in theirs}
    worst = max(error, key=lambda name: error[name])
    assert error[worst] < 1e-6, f"{worst}: {abs(v[worst])} {abs(theirs[worst])}"


def test_sections_that_are_not_there() -> None:
    feeder = service(1000.0, 500.0, 25.0)
    openings = FaultedFeeder(feeder, feeder.compile()).openings
    for section, said in (
        ("line:drop@c", "has no conductor 'c'"),
        ("line:nothing", "no line 'nothing'"),
        ("home:nobody@n", "no home"),
        ("transformer:none", "no transformer"),
    ):
        with pytest.raises(FeederError, match=said):
            openings.cuts(section)
