"""Generated feeders: laws first, then figures a planner would expect, then what must be refused."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.electrical.fault import fault_duty
from cosim.electrical.network import Network
from cosim.errors import FeederError
from cosim.feeder.compile import compile_feeder
from cosim.feeder.feeder import Feeder
from cosim.feeder.generate import generate
from cosim.feeder.homes import DIVERSITY_FACTOR, SERVICE_KVA, diversified_kva, service_kva
from cosim.feeder.layout import DROP_MAX_M, DROP_MIN_M, Lots, group_homes


def leg_voltages_pu(feeder: Feeder) -> tuple[np.ndarray, Network, np.ndarray]:
    compiled = compile_feeder(feeder)
    network = Network(compiled.circuit)
    solution = network.solve()
    assert solution.converged.all()
    v, nodes = solution.v[:, 0], compiled.home_nodes
    legs = np.abs(np.stack([v[nodes[:, 0]] - v[nodes[:, 2]], v[nodes[:, 1]] - v[nodes[:, 2]]])) / 120.0
    return legs, network, solution.v


@settings(max_examples=12)
@given(
    homes=st.integers(12, 400),
    seed=st.integers(0, 2**64 - 1),
    density=st.floats(150.0, 4000.0),
    overhead=st.floats(0.0, 1.0),
    voltage_kv=st.sampled_from([12.47, 13.2, 24.9]),
)
def test_any_feeder_is_whole(
    homes: int, seed: int, density: float, overhead: float, voltage_kv: float
) -> None:
    feeder = generate(
        homes, seed=seed, density_homes_per_km2=density, overhead_share=overhead, voltage_kv=voltage_kv
    )
    assert len(feeder.home) == homes
    assert feeder.check() == []
    behind = np.bincount(feeder.home["transformer"], minlength=len(feeder.transformer))
    assert behind.max() <= 12
    assert behind[behind > 0].min() >= 2
    drops = feeder.line[feeder.line["level"] == "drop"]
    assert len(drops) == homes
    assert drops["length_km"].between(DROP_MIN_M / 1e3, 1.02 * DROP_MAX_M / 1e3).all()
    legs, network, _ = leg_voltages_pu(feeder)
    assert network.energised.all()
    assert 0.95 < legs.min() <= legs.max() < 1.05


def test_equal_arguments_give_equal_bits_and_seeds_differ() -> None:
    one, same, other = generate(60, seed=3), generate(60, seed=3), generate(60, seed=4)
    for table, frame in one.frames.items():
        assert frame.equals(same.frames[table]), table
    for z, z_same in zip(one.matrices.line_z_ohm, same.matrices.line_z_ohm, strict=True):
        assert z.tobytes() == z_same.tobytes()
    assert not one.home.equals(other.home)


def test_a_home_keeps_its_traits_when_the_feeder_grows() -> None:
    small, large = generate(60).home, generate(120).home.iloc[:60]
    assert (small["service_rating_a"] == large["service_rating_a"]).all()
    assert (small["socket"] == large["socket"]).all()


@pytest.fixture(scope="module")
def default() -> Feeder:
    return generate()


def test_default_feeder_is_what_a_planner_expects(default: Feeder) -> None:
    legs, network, v = leg_voltages_pu(default)
    assert 0.975 < legs.min() <= legs.max() < 1.03
    loss = float(network.losses_va(v).real.sum()) / (1e3 * default.home["kw"].sum())
    assert 0.02 < loss < 0.05
    kinds = default.transformer["kind"].value_counts()
    assert kinds["substation"] == 1
    assert 20 <= kinds["service"] <= 60
    rated = default.transformer.loc[default.transformer["kind"] == "service", "rated_kva"]
    assert set(rated) <= set(SERVICE_KVA)
    assert set(default.home["service_rating_a"]) == {100.0, 125.0, 150.0, 200.0}
    assert default.home["kw"].mean() == pytest.approx(3.5)
    names = set(default.line["name"])
    assert {"lateral-7", "trunk-3", "breaker-1", "switch-1", "drop-17"} <= names
    assert default.home["name"].iloc[16] == "home-17"


def test_phases_share_the_load(default: Feeder) -> None:
    feeding = default.line.set_index("to_bus")
    winding = default.winding[default.winding["number"] == 1].set_index("transformer")
    phase = default.home["transformer"].map(winding["nodes"])
    kw = default.home["kw"].groupby(phase).sum()
    assert set(kw.index) == {"1.0", "2.0", "3.0"}
    assert abs(kw / kw.mean() - 1.0).max() < 0.15
    assert feeding["name"].notna().all()


def test_fault_currents_at_sockets_lie_in_the_tabulated_range(default: Feeder) -> None:
    """No socket exceeds its transformer's terminal fault current, and 100 ft of drop bounds it from below."""
    compiled = compile_feeder(default)
    network = Network(compiled.circuit)
    nodes = compiled.home_nodes
    pair = fault_duty(network, nodes[:, 0], nodes[:, 1]).symmetrical_a
    neutral = fault_duty(network, nodes[:, 0], nodes[:, 2]).symmetrical_a
    # Infinite-bus terminal faults of 15 to 50 kVA units: L-L 2,781 to 9,486 A, L-N 4,031 to 14,451 A.
    ceiling = (
        default.home["transformer"]
        .map(default.transformer["rated_kva"])
        .map({15.0: 2781, 25.0: 4735, 37.5: 7113, 50.0: 9486, 75.0: 14866})
    )
    assert (pair < ceiling).all()
    assert (neutral < 1.6 * ceiling).all()
    assert 800 < pair.min() < pair.max() < 9486
    assert 500 < neutral.min() < neutral.max() < 10_000
    # A 37.5 kVA unit behind 100 ft of 4/0: 4,685 and 4,048 A from an infinite bus.
    big = (ceiling == 7113) & (default.home["service_rating_a"] == 200.0)
    length_ft = default.line["length_km"].to_numpy()[default.home["drop"]] / 0.3048e-3
    near = big & (np.abs(length_ft - 100.0) < 8.0)
    assert near.any()
    assert np.abs(pair[near] / 4685 - 1.0).max() < 0.12
    assert np.abs(neutral[near] / 4048 - 1.0).max() < 0.15


def test_drops_reach_their_homes(default: Feeder) -> None:
    drops = default.line.iloc[default.home["drop"]]
    bus = default.bus
    dx = bus["x"].to_numpy()[drops["from_bus"]] - bus["x"].to_numpy()[drops["to_bus"]]
    dy = bus["y"].to_numpy()[drops["from_bus"]] - bus["y"].to_numpy()[drops["to_bus"]]
    length = 1e3 * drops["length_km"].to_numpy()
    assert (length >= np.hypot(dx, dy) - 1e-9).all()
    assert 70 < np.median(length) / 0.3048 < 100  # ft; 80 was drawn, far lots need more
    assert (bus["x"].to_numpy()[default.home["bus"]] == default.home["x"]).all()


def test_no_two_homes_stand_on_each_other(default: Feeder) -> None:
    place = default.home[["x", "y"]].to_numpy()
    apart = np.hypot(*(place[:, None] - place[None, :]).transpose(2, 0, 1)) + 1e9 * np.eye(len(place))
    assert apart.min() > 6.0


def test_opening_a_lateral_leaves_only_its_homes_dark(default: Feeder) -> None:
    feeder = generate()
    line = feeder.line
    line.loc[line["name"] == "lateral-7", "in_service"] = False
    compiled = compile_feeder(feeder)
    dark = ~Network(compiled.circuit).energised[compiled.home_nodes[:, 0]]
    assert 0 < dark.sum() < 60
    upstream = feeder.home.loc[dark, "transformer"].unique()
    winding = feeder.winding[feeder.winding["number"] == 1].set_index("transformer")
    fed = feeder.bus["name"].to_numpy()[winding["bus"].loc[upstream]]
    assert all(name.startswith("lateral-7-") for name in fed)


def test_a_long_trunk_gets_regulators_and_capacitors() -> None:
    feeder = generate(1500, substation_distance_km=6.0)
    assert (feeder.transformer["kind"] == "regulator").sum() % 3 == 0
    assert (feeder.transformer["kind"] == "regulator").any()
    assert len(feeder.table("regulator")) == (feeder.transformer["kind"] == "regulator").sum()
    assert len(feeder.table("shunt")) >= 1
    legs, _, _ = leg_voltages_pu(feeder)
    assert 0.95 < legs.min() <= legs.max() < 1.05


def test_overhead_share_decides_what_is_buried() -> None:
    assert set(generate(60, overhead_share=1.0).line["type"]) == {"ol"}
    buried = generate(60, overhead_share=0.0).line
    assert set(buried.loc[~buried["is_switch"], "type"]) == {"cs"}
    charging = [y[0, 0].imag for y in generate(60, overhead_share=0.0).matrices.line_y_siemens]
    assert max(charging) > 0.0


def test_groups_sum_and_stay_in_bounds() -> None:
    for homes in range(4, 120):
        for density in (60.0, 400.0, 1200.0):
            lots = Lots.of_density(density)
            sizes = group_homes(homes, lots, seed=1)
            assert sizes.sum() == homes
            assert sizes.max() <= lots.most_homes


def test_diversity_grows_slower_than_the_homes() -> None:
    one = diversified_kva(np.array([2.6]))
    assert one == pytest.approx(2.6 * DIVERSITY_FACTOR[-1] / 0.95)
    each = [diversified_kva(np.full(n, 2.6)) / n for n in range(1, 70)]
    assert all(later < earlier for earlier, later in pairwise(each))
    assert service_kva(np.full(8, 2.6)) == 37.5


def test_every_wrong_parameter_is_named_at_once() -> None:
    with pytest.raises(FeederError) as caught:
        generate(3, voltage_kv=11.0, overhead_share=1.5, density_homes_per_km2=math.nan, seed=-1)
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"homes", "voltage_kv", "overhead_share", "density_homes_per_km2", "seed"}


def test_more_than_a_substation_feeds_is_refused() -> None:
    with pytest.raises(FeederError, match="trunks"):
        generate(20_000, voltage_kv=4.16)
