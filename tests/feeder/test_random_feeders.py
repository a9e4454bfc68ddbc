"""Laws on random radial feeders: saved equals built, power balances, order of building does not matter."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.electrical.network import Network
from cosim.feeder.builder import FeederBuilder, Winding
from cosim.feeder.feeder import Feeder
from cosim.feeder.service import find_supply

TURN = np.exp(-2j * np.pi / 3 * np.arange(3))


@st.composite
def feeders(draw: st.DrawFn) -> Feeder:
    """A tree of three-phase lines with single-phase laterals, each node with a service and its homes."""
    seed = draw(st.integers(0, 2**32 - 1))
    size = draw(st.integers(1, 8))
    rng = np.random.default_rng(seed)
    build = FeederBuilder("random")
    build.add_bus("b0", "1.2.3", 7200.0)
    build.add_source("grid", "b0", "1.2.3", 7200.0 * TURN, np.eye(3) * (0.01 + 0.3j))
    nodes = ["1.2.3"]
    for k in range(1, size + 1):
        phases = "1.2.3" if rng.random() < 0.4 else str(rng.integers(1, 4))
        parent = int(rng.integers(0, k))
        if nodes[parent] not in (phases, "1.2.3"):
            parent = 0
        nodes.append(phases)
        n = len(phases.split("."))
        build.add_bus(f"b{k}", phases, 7200.0)
        z = np.full((n, n), 0.05 + 0.2j) + np.eye(n) * (0.1 + rng.random() + 0.3j)
        build.add_line(f"l{k}", f"b{parent}", phases, f"b{k}", phases, z, length_m=500.0)
        build.add_bus(f"t{k}", "1.2", 120.0)
        phase = rng.choice(phases.split("."))
        build.add_transformer(
            f"t{k}",
            "service",
            [
                Winding(f"b{k}", f"{phase}.0", 7.2, 0.6),
                Winding(f"t{k}", "1.0", 0.12, 1.2),
                Winding(f"t{k}", "0.2", 0.12, 1.2),
            ],
            rated_kva=50.0,
            x_percent=(2.0, 2.0, 1.3),
        )
        for h in range(int(rng.integers(0, 4))):
            leg = rng.choice(["both", "1", "2", "line"])
            model = int(rng.choice([1, 2, 5]))
            kw = float(rng.uniform(-4.0, 6.0))
            build.add_home(
                f"h{k}-{h}", f"t{k}", "1.2", "split", kw=kw, kvar=0.3, kv=0.12, leg=leg, model=model
            )
    return build.build()


@settings(max_examples=15)
@given(feeders())
def test_saved_and_loaded_is_the_same_feeder(feeder: Feeder) -> None:
    assert feeder.check() == []
    with tempfile.TemporaryDirectory() as folder:
        again = Feeder.load(feeder.save(Path(folder) / "a.feeder"))
    assert again.digest() == feeder.digest()
    np.testing.assert_array_equal(again.power_flow()["voltage_v"], feeder.power_flow()["voltage_v"])


@settings(max_examples=15)
@given(feeders())
def test_power_in_is_power_out_plus_losses(feeder: Feeder) -> None:
    compiled = feeder.compile()
    network = Network(compiled.circuit)
    solution = network.solve(tolerance_pu=1e-11)
    assert solution.converged.all()
    drawn = network.injector_power_va(solution.v, solution.current_a).sum()
    balance = network.source_power_va(solution.v)[0] - network.losses_va(solution.v)[0] - drawn
    assert abs(balance) < 1e-2  # VA, of some 1e4
    assert network.losses_va(solution.v)[0].real > -1e-6  # nothing flows where no home is


@settings(max_examples=15)
@given(feeders())
def test_every_home_is_fed_through_its_service_transformer(feeder: Feeder) -> None:
    supply = find_supply(feeder.tables)
    for bus, unit in zip(feeder.home["bus"], feeder.home["transformer"], strict=True):
        table, row, _ = next(iter(supply.upstream(bus)))
        assert (table, row) == ("transformer", unit)
        tables = [step[0] for step in supply.upstream(bus)]
        assert tables.count("transformer") == 1
        assert tables[-1] == "line"
