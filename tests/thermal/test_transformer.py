"""Top oil, hot spot and ageing of service transformers: the closed form of C57.91, published factors, GridLAB-D."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from cosim import library
from cosim.entries import TransformerEntry
from cosim.errors import LibraryError
from cosim.thermal.transformer import (
    NORMAL_LIFE_H,
    TransformerFleet,
    TransformerHeat,
    ageing_factor,
)

SIZES = ("5", "10", "15", "25", "37-5", "50", "75", "100", "167")


def of_25_kva() -> TransformerHeat:
    found = TransformerHeat.of(library.load("transformers", "service-25"))
    assert found is not None
    return found


def run(heat: TransformerHeat, load: list[float], seconds: list[float], air_c: float = 30.0, cut: int = 0):
    """Block of one unit that was without load before; in two parts if cut."""
    fleet = TransformerFleet([heat])
    state = fleet.advance(
        fleet.initial(), np.zeros((1, 1)), np.array([air_c]), np.array([60.0]), parallel=False
    ).states[-1]
    load_pu, air, h = np.array(load)[:, None], np.full(len(load), air_c), np.array(seconds)
    if not cut:
        return fleet.advance(state, load_pu, air, h, parallel=False)
    first = fleet.advance(state, load_pu[:cut], air[:cut], h[:cut], parallel=False)
    return fleet.advance(first.states[-1], load_pu[cut:], air[cut:], h[cut:], parallel=False)


def test_ageing_has_the_published_factors() -> None:
    """C57.91-2011 table 3, to the digits printed."""
    found = ageing_factor([90, 100, 110, 120, 130, 140])
    np.testing.assert_allclose(found, [0.116, 0.350, 1.0, 2.71, 6.98, 17.2], rtol=4e-3)
    assert found[2] == 1.0


@pytest.mark.parametrize("size", SIZES)
def test_every_size_stands_80_k_over_the_air_at_rating(size: str) -> None:
    heat = TransformerHeat.of(library.load("transformers", f"service-{size}"))
    assert heat is not None
    oil, winding = heat.ultimate(1.0)
    assert oil + winding == pytest.approx(80.0)
    assert 2.0 * 3600 < heat.oil_tau_s < 5.0 * 3600


@pytest.mark.parametrize("k", [0.4, 1.0, 1.8])
@pytest.mark.parametrize("step_s", [10.0, 60.0, 900.0, 7200.0])
def test_steps_of_load_follow_the_closed_form(k: float, step_s: float) -> None:
    """Whatever the step; the time constant is that of clause 7 from start to end, n not being 1. To 1e-9 K."""
    heat = of_25_kva()
    steps = round(14400 / step_s)
    found = run(heat, [k] * steps, [step_s] * steps)
    t = step_s * np.arange(1, steps + 1)
    (oil0, _), (oil, winding), n = heat.ultimate(0.0), heat.ultimate(k), heat.oil_exponent
    a, b = oil / heat.oil_rise_k, oil0 / heat.oil_rise_k
    tau = heat.oil_tau_s * (a - b) / (a ** (1 / n) - b ** (1 / n))
    top = 30.0 + oil + (oil0 - oil) * np.exp(-t / tau)
    hot = top + winding * (1.0 - np.exp(-t / heat.winding_tau_s))
    np.testing.assert_allclose(found.top_oil_c[:, 0], top, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.hot_spot_c[:, 0], hot, rtol=0, atol=1e-9)


def test_an_exponent_of_one_has_the_rated_time_constant() -> None:
    heat = TransformerHeat(55.0, 25.0, 3.0, 1.0, 0.8, 10_000.0, 300.0)
    found = run(heat, [1.5], [10_000.0])
    (oil0, _), (oil, _) = heat.ultimate(0.0), heat.ultimate(1.5)
    assert found.top_oil_c[0, 0] == pytest.approx(30.0 + oil + (oil0 - oil) / math.e)


def test_ageing_is_the_integral_of_the_factor() -> None:
    """Simpson's rule at 60 s against adaptive quadrature of the closed form: 1e-6 of it."""
    heat = of_25_kva()
    found = run(heat, [1.6] * 240, [60.0] * 240)
    (oil0, _), (oil, winding), n = heat.ultimate(0.0), heat.ultimate(1.6), heat.oil_exponent
    a, b = oil / heat.oil_rise_k, oil0 / heat.oil_rise_k
    tau = heat.oil_tau_s * (a - b) / (a ** (1 / n) - b ** (1 / n))

    def factor(t: float) -> float:
        rise = oil + (oil0 - oil) * math.exp(-t / tau) + winding * (1 - math.exp(-t / heat.winding_tau_s))
        return float(ageing_factor(30.0 + rise))

    aged_s, _ = quad(factor, 0.0, 14400.0, epsrel=1e-11, limit=500)
    before_s = 60.0 * float(ageing_factor(30.0 + oil0))
    assert found.loss_of_life_pu[-1, 0] * NORMAL_LIFE_H * 3600 - before_s == pytest.approx(aged_s, rel=1e-6)
    mean = found.ageing_factor[:, 0].mean()
    assert mean * 14400 == pytest.approx(aged_s, rel=1e-6)


def test_rough_load_goes_to_the_balance_behind_clause_7() -> None:
    """Losses against a surface that gives off dT^(1/n): tau d(x)/dt = u^(1/n) - x^(1/n); 0.2 K at 60 s."""
    heat, rng = of_25_kva(), np.random.default_rng(4)
    load = np.repeat(rng.uniform(0.2, 1.8, 48), 10) + rng.uniform(-0.1, 0.1, 480)
    found = run(heat, load.tolist(), [60.0] * 480)
    n, x = heat.oil_exponent, heat.ultimate(0.0)[0] / heat.oil_rise_k
    for k in load:
        power = (k * k * heat.loss_ratio + 1) / (heat.loss_ratio + 1)
        step = solve_ivp(
            lambda _, y, power=power: (power - y ** (1 / n)) / heat.oil_tau_s,
            (0, 60),
            [x],
            rtol=1e-9,
            atol=1e-12,
        )
        x = step.y[0, -1]
    assert found.top_oil_c[-1, 0] == pytest.approx(30.0 + heat.oil_rise_k * x, abs=0.2)


@given(
    load=st.lists(st.sampled_from([0.0, 0.3, 0.3, 1.0, 2.2]), min_size=2, max_size=12),
    where=st.integers(1, 11),
)
def test_cuts_leave_the_bits_alone(load: list[float], where: int) -> None:
    where = min(where, len(load) - 1)
    whole = run(of_25_kva(), load, [60.0] * len(load))
    parts = run(of_25_kva(), load, [60.0] * len(load), cut=where)
    for name in ("top_oil_c", "hot_spot_c", "ageing_factor", "loss_of_life_pu"):
        assert getattr(whole, name)[where:].tobytes() == getattr(parts, name).tobytes()


def test_threads_and_neighbours_leave_the_bits_alone() -> None:
    heat, rng = of_25_kva(), np.random.default_rng(0)
    units, load = 150, rng.uniform(0, 2, (30, 150))
    air, h = rng.uniform(-10, 40, 30), rng.uniform(1, 900, 30)
    fleet = TransformerFleet([heat] * units)
    one = fleet.advance(fleet.initial(), load, air, h, parallel=False)
    other = fleet.advance(fleet.initial(), load, air, h, parallel=True)
    alone = TransformerFleet([heat]).advance(one.states[0][:, :1] * np.nan, load[:, 77:78], air, h)
    assert one.states.tobytes() == other.states.tobytes()
    assert one.states[:, :, 77].tobytes() == alone.states[:, :, 0].tobytes()


def test_unknown_heat_is_nan_and_an_unknown_load_goes_on() -> None:
    heat = of_25_kva()
    fleet = TransformerFleet([None, heat])
    load = np.array([[1.0, 0.7], [1.0, np.nan], [1.0, 0.7]])
    found = fleet.advance(fleet.initial(), load, np.full(3, 20.0), np.full(3, 60.0), parallel=False)
    assert np.isnan(found.hot_spot_c[:, 0]).all()
    assert np.isnan(found.loss_of_life_pu[:, 0]).all()
    at_rest = 20.0 + sum(float(rise) for rise in heat.ultimate(0.7))
    np.testing.assert_allclose(found.hot_spot_c[:, 1], at_rest, atol=1e-9)


def test_an_entry_without_heat_or_with_a_wrong_one(tmp_path: Path) -> None:
    assert TransformerHeat.of(library.load("transformers", "substation")) is None
    good = (Path(library.__file__).parents[1] / "models/transformers/service-25.toml").read_text()
    bad = tmp_path / "bad.toml"
    bad.write_text(
        good.replace("oil_exponent = { value = 0.8", "oil_exponent = { value = -0.8").replace(
            'winding_tau_min = { value = 5, unit = "min"', 'winding_tau_min = { value = 5, unit = "s"'
        )
    )
    with pytest.raises(LibraryError) as error:
        library.load("transformers", bad)
    assert "heat.oil_exponent" in str(error.value)
    assert "heat.winding_tau_min" in str(error.value)
    bad.write_text(good.replace("hot_spot_rise_k = { value = 80", "hot_spot_rise_k = { value = 50"))
    with pytest.raises(LibraryError, match="must exceed oil_rise_k"):
        library.load("transformers", bad)


MODEL = """
clock {{ timezone UTC0; starttime '2000-01-01 00:00:00'; stoptime '2000-01-01 06:00:00'; }}
module tape; module climate;
module powerflow {{ solver_method NR; }}
object climate {{ name air; temperature 86 degF; }}
object transformer_configuration {{
  name c25; connect_type SINGLE_PHASE_CENTER_TAPPED; install_type POLETOP; coolant_type MINERAL_OIL;
  cooling_type OA; power_rating 25; powerA_rating 25; primary_voltage 7200; secondary_voltage 120;
  full_load_loss {load_loss}; no_load_loss {core_loss}; reactance_resistance_ratio 1.0;
  core_coil_weight 170; tank_fittings_weight 80; oil_volume 13;
  rated_winding_time_constant 0.0833333333333333; rated_winding_hot_spot_rise 80; rated_top_oil_rise 55;
  installed_insulation_life 180000;
}}
object node {{ name source; phases A; bustype SWING; nominal_voltage 7200; voltage_A 7200; }}
object transformer {{
  name unit; phases AS; from source; to secondary; configuration c25; use_thermal_model TRUE; climate air;
  aging_granularity 60; percent_loss_of_life 0;
  object recorder {{
    property winding_hot_spot_temperature,top_oil_hot_spot_temperature,percent_loss_of_life,power_out;
    file {out}; interval 60; limit 1000; }};
}}
object triplex_node {{ name secondary; phases AS; nominal_voltage 120; }}
object triplex_load {{
  parent secondary; phases AS; nominal_voltage 120;
  object player {{ property constant_power_12; file {player}; }};
}}
"""


def test_gridlabd_agrees_on_the_same_parameters(tmp_path: Path) -> None:
    """Six hours of a load that differs every minute: both take the time constant anew then; 1e-3 K, life 2 %.

    GridLAB-D starts cold, holds the ageing of a step's start through it, and counts from 273.14 K; it derives the
    oil's time constant from weights and the load loss alone.
    """
    if importlib.util.find_spec("gridlabd") is None:
        pytest.skip("gridlabd is not installed (pip install 'msa-cosim[dev]')")
    minutes, rng = 360, np.random.default_rng(1)
    watts = np.repeat(rng.uniform(2e3, 4e4, minutes // 5), 5) + rng.uniform(0, 500, minutes)
    lines = [f"2000-01-01 {i // 60:02d}:{i % 60:02d}:00,{w:.3f}+0j" for i, w in enumerate(watts)]
    player, out = tmp_path / "load.player", tmp_path / "out.csv"
    player.write_text("\n".join(lines))
    load_loss, core_loss = 0.016, 0.0052
    model = tmp_path / "unit.glm"
    model.write_text(MODEL.format(load_loss=load_loss, core_loss=core_loss, out=out, player=player))
    script = f"import gridlabd; g = gridlabd.GridLabD(); g.load({str(model)!r}); g.run(); g.finalize()"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    rows = [line.split(",") for line in out.read_text().splitlines() if not line.startswith("#")]
    theirs = np.array([[float(x) for x in row[1:4]] for row in rows])
    power = np.array([abs(complex(row[4].replace("d", "j").replace("i", "j"))) for row in rows])
    capacity_wh = 0.06 * 170 + 0.04 * 80 + 1.33 * 13
    tau_s = 3600.0 * capacity_wh * 55.0 / (load_loss * 25e3)
    heat = TransformerHeat(55.0, 25.0, load_loss / core_loss, 0.8, 0.8, tau_s, 300.0)
    fleet = TransformerFleet([heat])
    cold = np.array([[0.0], [0.0], [0.0], [tau_s], [0.0]])
    steps = len(theirs) - 1
    ours = fleet.advance(
        cold, power[:-1, None] / 25e3, np.full(steps, 30.0), np.full(steps, 60.0), parallel=False
    )
    assert steps >= 350
    assert theirs[:, 0].max() > 80.0
    np.testing.assert_allclose(ours.top_oil_c[:, 0], theirs[1:, 1], atol=1e-3)
    np.testing.assert_allclose(ours.hot_spot_c[:, 0], theirs[1:, 0], atol=1e-3)
    assert 100 * ours.loss_of_life_pu[-1, 0] == pytest.approx(theirs[-1, 2], rel=0.02)


def test_entries_say_what_is_estimated() -> None:
    entry: TransformerEntry = library.load("transformers", "service-25")
    assert entry.heat is not None
    assert entry.heat.oil_tau_h.confidence == entry.heat.oil_rise_k.confidence == "estimate"


def test_rest_under_a_load_stays_under_that_load() -> None:
    """1e-12 K: a start at rest is what the closed form ends at."""
    heat = of_25_kva()
    fleet = TransformerFleet([heat, heat, None])
    load = np.array([0.3, 1.4, 0.5])
    found = fleet.advance(
        fleet.initial(load), np.tile(load, (10, 1)), np.full(10, 25.0), np.full(10, 600.0), parallel=False
    )
    np.testing.assert_allclose(np.ptp(found.hot_spot_c[:, :2], axis=0), 0.0, atol=1e-12)
    settled = fleet.advance(fleet.initial(), load[None], np.array([25.0]), np.array([60.0]), parallel=False)
    np.testing.assert_allclose(found.hot_spot_c[-1], settled.hot_spot_c[0], atol=1e-12)
    assert np.isnan(found.hot_spot_c[:, 2]).all()
