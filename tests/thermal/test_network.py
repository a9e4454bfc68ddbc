"""From geometry to arrays: conductances by hand, laws of the network, time constants, limits."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.errors import ConvergenceError, LibraryError
from cosim.heat_body import HeatModel
from cosim.thermal.limits import LIMIT_K, rises, steady_state, time_constant_s
from cosim.thermal.network import CONTACT_K, LORENZ, HeatNetwork, build, heat_network

from .conftest import SHIPPED

RATED = np.array([200.0, 200.0, 150.0, 150.0, 50.0, 50.0]) ** 2


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_network_is_physical(name: str) -> None:
    """Positive capacities and conductances, no floating node, heat leaves where it is warm."""
    network = heat_network(library.load("adapters", name))
    assert np.all(network.capacity_j_per_k > 0.0)
    assert all(np.all(links.w > 0.0) for links in network.links)
    slope, to_air = network.conductance(np.full(len(network), 45.0), 25.0)
    assert np.linalg.eigvalsh(0.5 * (slope + slope.T)).min() > 0.0
    assert np.all(to_air >= 0.0)
    assert to_air.max() > 0.0
    np.testing.assert_allclose(network.outflow_w(np.full(len(network), 25.0), 25.0), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", SHIPPED)
def test_time_constant_meets_the_five_hour_run(name: str) -> None:
    """UL 414's run of 5 h ends with three readings within 1 K: from 65 K that bounds tau at 1.6 h."""
    network = heat_network(library.load("adapters", name))
    cold = np.full(len(network), 25.0)
    warm = steady_state(network, RATED * (1.0 if network.where("field_terminal").size else 0.4), 25.0)
    for state in (cold, warm):
        assert 60.0 < time_constant_s(network, state, 25.0) < 1.6 * 3600.0


def test_conductance_is_the_derivative_of_outflow(solar: HeatNetwork) -> None:
    t = 25.0 + 50.0 * np.random.default_rng(0).random(len(solar))
    slope, to_air = solar.conductance(t, 20.0)
    for k in range(len(solar)):
        step = np.zeros(len(solar))
        step[k] = 1e-4
        change = (solar.outflow_w(t + step, 20.0) - solar.outflow_w(t - step, 20.0)) / 2e-4
        np.testing.assert_allclose(change, slope[:, k], atol=1e-6)
    np.testing.assert_allclose(
        (solar.outflow_w(t, 20.0001) - solar.outflow_w(t, 19.9999)) / -2e-4, to_air, atol=1e-6
    )


def test_contact_and_fin_by_hand(solar: HeatNetwork) -> None:
    """Socket jaw: Wiedemann-Franz and gap in parallel, half bars in series; the service wire as a fin."""
    halves = 0.5 * 0.03 / (260.0 * 6.1e-5) + 0.5 * 0.10 / (390.0 * 4.5e-5)
    contact = LORENZ * CONTACT_K / 3.0e-5 + 0.028 * 7.6e-4 / 6e-5
    ends = {(solar.names[a], solar.names[b] if b >= 0 else "ambient"): w for a, b, w in _rows(solar)}
    assert ends["l1.socket_line_jaw", "l1.line_bar"] == pytest.approx(1.0 / (halves + 1.0 / contact))
    film, axial = 9.0 * math.pi * 0.0163, 230.0 * 1.072e-4
    fin = math.sqrt(film * axial) * math.tanh(math.sqrt(film / axial) * 3.0)
    assert ends["l1.socket_line_jaw", "ambient"] == pytest.approx(fin)


def _rows(network: HeatNetwork) -> list[tuple[int, int, float]]:
    links = network.linear
    return [(int(a), int(b), float(w)) for a, b, w in zip(links.a, links.b, links.w, strict=True)]


def test_long_wire_settles_at_its_own_rise() -> None:
    """A long fin alone rests at the rise of the bare wire, I2 r / (h P), its resistance taken warm."""
    heat = library.load("adapters", "bare-socket").heat
    part = heat.parts["socket_line_jaw"].model_copy(update={"current": "none", "shared": True})
    wire = next(wire for wire in heat.wires if wire.part == "socket_line_jaw")
    long = wire.model_copy(update={"length_m": wire.length_m.model_copy(update={"value": 100.0})})
    metals = {name: library.load("materials", name) for name in ("aluminium", "jaw-alloy")}
    network = build(HeatModel(derivation="one wire", parts={"socket_line_jaw": part}, wires=(long,)), metals)
    rest = steady_state(network, RATED, 25.0)[0]
    ohm_per_m = 2.8264e-8 / wire.section_m2.value * (1.0 + 0.00403 * (rest - 20.0))
    own = RATED[0] * ohm_per_m / (wire.h_w_per_m2k.value * math.pi * wire.outer_diameter_m.value)
    assert rest - 25.0 == pytest.approx(own, rel=1e-9)
    assert 20.0 < own < 35.0  # 4/0 aluminium at 200 A in still air


def test_rise_grows_with_squared_current(solar: HeatNetwork) -> None:
    small, large = (steady_state(solar, factor * RATED, 25.0) for factor in (0.01, 0.04))
    quiet = steady_state(solar, 0.0 * RATED, 25.0)
    ratio = (large - quiet)[: solar.pairs] / (small - quiet)[: solar.pairs]
    np.testing.assert_allclose(ratio, 4.0, rtol=0.02)


def test_branch_current_warms_its_own_terminals(solar: HeatNetwork) -> None:
    i2 = np.zeros(6)
    quiet, i2[4:] = steady_state(solar, i2, 25.0), 60.0**2
    risen = dict(zip(solar.names, steady_state(solar, i2, 25.0) - quiet, strict=True))
    assert (
        risen["l1.breaker"]
        > risen["l1.factory_terminal"]
        > risen["l1.load_bar"]
        > risen["l1.socket_line_jaw"]
        > 0
    )


def test_an_adapter_adds_to_the_socket_and_never_cools_it() -> None:
    i2 = np.full(6, 150.0**2) * [1, 1, 1, 1, 0, 0]
    alone, with_switch = (
        rises(network, steady_state(network, i2, 25.0)[None, :, None], np.array([25.0])).jaw_rise_k[0, 0]
        for network in (
            heat_network(library.load("adapters", n)) for n in ("bare-socket", "tesla-backup-switch")
        )
    )
    assert with_switch > alone > 0.0


def test_limits_and_margins(solar: HeatNetwork) -> None:
    temperature = np.full((2, len(solar), 3), 30.0)
    temperature[0, solar.where("field_terminal")[1], 2] = 90.0
    temperature[1, solar.where("jaw")[0], 0] = 80.0
    found = rises(solar, temperature, np.array([30.0, 20.0]))
    assert dict(LIMIT_K) == {"jaw": 65.0, "bus_bar": 65.0, "factory_terminal": 60.0, "field_terminal": 55.0}
    assert found.field_terminal_rise_k[0, 2] == 60.0
    assert found.heat_margin_k[0, 2] == -5.0
    assert found.jaw_rise_k[1, 0] == 60.0
    assert found.heat_margin_k[1, 0] == 5.0
    assert found.adapter_temperature_c[1, 0] == 80.0
    bare = heat_network(library.load("adapters", "bare-socket"))
    none = rises(bare, np.full((1, len(bare), 1), 30.0), np.array([30.0]))
    assert np.isnan(none.bus_bar_rise_k).all()
    assert none.heat_margin_k[0, 0] == 65.0


def test_runaway_has_no_state_of_rest(solar: HeatNetwork) -> None:
    with pytest.raises(ConvergenceError):
        steady_state(solar, 60.0 * RATED, 25.0)


def test_current_in_an_insulator_is_refused() -> None:
    entry = library.load("adapters", "bare-socket")
    parts = {**entry.heat.parts, "coil": entry.heat.parts["coil"].model_copy(update={"material": "phenolic"})}
    broken = entry.model_copy(update={"heat": entry.heat.model_copy(update={"parts": parts})})
    with pytest.raises(LibraryError, match=r"heat\.parts\.coil: phenolic has no resistivity"):
        heat_network(broken)


def test_the_table_in_the_docs_is_what_the_entries_give(root: Path) -> None:
    """docs/thermal.md: rises at rated current, whole kelvins."""
    rows = re.findall(
        r"^\| (\S+) \| (\d+) / (\d+) / (\d+) \| (.*) \|$", (root / "docs" / "thermal.md").read_text(), re.M
    )
    assert len({row[0] for row in rows} & set(SHIPPED)) >= 5
    for name, *currents, told in rows:
        network = heat_network(library.load("adapters", name))
        rest = steady_state(network, np.repeat([float(a) for a in currents], 2) ** 2, 25.0)
        found = rises(network, rest[None, :, None], np.array([25.0]))
        values = (getattr(found, f"{role}_rise_k")[0, 0] for role in LIMIT_K)
        assert ["–" if np.isnan(k) else f"{k:.0f}" for k in values] == told.split(" | "), name
