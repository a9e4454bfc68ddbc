"""Service drops: IEEE 738's own example, makers' ampacities, balance at rest, steps in time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cosim import library
from cosim.thermal.drop import ANGLE, DropFleet, DropHeat
from cosim.thermal.drop_kernels import convection, leg_c, radiation


def triplex(size: str) -> DropHeat:
    found = DropHeat.of(library.load("conductors", f"triplex-{size}"))
    assert found is not None
    return found


def test_the_laws_of_ieee_738_on_its_own_example() -> None:
    """Drake at 100 degC in 40 degC and 0.61 m/s across: 81.9 W/m by air (42.4 if still), 39.1 by radiation."""
    d = 0.02814
    assert convection(100.0, 40.0, 0.61, 1.0, d) == pytest.approx(81.93, rel=3e-3)
    assert convection(100.0, 40.0, 0.0, 1.0, d) == pytest.approx(42.42, rel=1e-3)
    assert radiation(100.0, 40.0, d, 0.8) == pytest.approx(39.1, rel=1e-3)
    amperes = math.sqrt((81.93 + 39.1 - 22.44) / 9.390e-5)
    ours = (convection(100.0, 40.0, 0.61, 1.0, d) + radiation(100.0, 40.0, d, 0.8) - 22.44) / 9.390e-5
    assert math.sqrt(ours) == pytest.approx(amperes, rel=2e-3)


def test_the_direction_of_the_wind() -> None:
    """Equation 4a at 45 degrees."""
    angle = math.radians(45.0)
    exact = 1.194 - math.cos(angle) + 0.194 * math.cos(2 * angle) + 0.368 * math.sin(2 * angle)
    assert pytest.approx(exact, abs=1e-4) == ANGLE


@pytest.mark.parametrize(("size", "xlp_a", "poly_a"), [("2", 150, 120), ("1-0", 205, 160)])
def test_ampacity_is_near_what_makers_publish(size: str, xlp_a: float, poly_a: float) -> None:
    """Southwire's service drops, 90 and 75 degC in 40 degC air, 0.61 m/s across and sun: within 7 %."""
    drop = triplex(size)
    assert drop.ampacity_a(angle=1.0) == pytest.approx(xlp_a, rel=0.07)
    assert drop.ampacity_a(angle=1.0, limit_c=75.0) == pytest.approx(poly_a, rel=0.07)


def test_no_ampacity_where_the_sun_is_enough() -> None:
    assert triplex("2").ampacity_a(air_c=89.0, wind_m_s=0.0) == 0.0


@pytest.mark.parametrize("size", ["2", "1-0", "2-0", "4-0"])
def test_a_drop_at_its_ampacity_comes_to_rest_at_the_limit(size: str) -> None:
    drop = triplex(size)
    fleet = DropFleet([drop])
    i2 = np.full((1, 2, 1), drop.ampacity_a() ** 2)
    one = [np.array([value]) for value in (40.0, 0.61, 1000.0, 60.0)]
    _, hottest = fleet.advance(fleet.initial(), i2, *one, parallel=False)
    assert hottest[0, 0] == pytest.approx(drop.limit_c, abs=1e-6)


def rough(steps: int, seed: int = 2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    i2 = np.repeat(rng.uniform(0, 250, (steps // 10, 2, 1)) ** 2, 10, axis=0)
    return i2, rng.uniform(10, 40, steps), rng.uniform(0, 3, steps), rng.uniform(0, 1000, steps)


@pytest.mark.parametrize(("step_s", "within_k"), [(60.0, 0.3), (900.0, 0.3)])
def test_a_rough_load_against_radau(step_s: float, within_k: float) -> None:
    drop, steps = triplex("4-0"), 40
    i2, air, wind, sun = rough(steps)
    fleet = DropFleet([drop])
    found, _ = fleet.advance(np.array([20.0]), i2, air, wind, sun, np.full(steps, step_s), parallel=False)
    t, worst = 20.0, 0.0
    for s in range(steps):
        a, b = i2[s, :, 0]

        def slope(_: float, y: np.ndarray, s: int = s, a: float = a, b: float = b) -> list[float]:
            surface = float(y[0])
            legs = [leg_c(surface, i, drop.ohm_per_m, drop.slope_per_k, drop.wall_k_m_per_w) for i in (a, b)]
            ohms = [drop.ohm_per_m * (1 + drop.slope_per_k * (c - 20)) for c in (*legs, surface)]
            loss = a * ohms[0] + b * ohms[1] + (math.sqrt(a) - math.sqrt(b)) ** 2 * ohms[2]
            gain = loss + drop.solar_absorptance * drop.diameter_m * sun[s]
            away = convection(surface, air[s], wind[s], ANGLE, drop.diameter_m)
            away += radiation(surface, air[s], drop.diameter_m, drop.emissivity)
            return [(gain - away) / drop.capacity_j_per_m_k]

        t = float(solve_ivp(slope, (0, step_s), [t], method="Radau", rtol=1e-8, atol=1e-8).y[0, -1])
        worst = max(worst, abs(found[s, 0] - t))
    assert worst < within_k


def test_cuts_and_threads_leave_the_bits_alone() -> None:
    rng = np.random.default_rng(5)
    homes, steps = 140, 12
    fleet = DropFleet([triplex("2"), None] * (homes // 2))
    i2 = rng.uniform(0, 3e4, (steps, 6, homes))
    weather = [rng.uniform(0, 30, steps), rng.uniform(0, 2, steps), rng.uniform(0, 900, steps)]
    h = rng.uniform(1, 900, steps)
    whole = fleet.advance(fleet.initial(), i2, *weather, h, parallel=False)
    threads = fleet.advance(fleet.initial(), i2, *weather, h, parallel=True)
    assert [a.tobytes() for a in whole] == [a.tobytes() for a in threads]
    head = fleet.advance(fleet.initial(), i2[:5], *(w[:5] for w in weather), h[:5], parallel=False)
    tail = fleet.advance(head[0][-1], i2[5:], *(w[5:] for w in weather), h[5:], parallel=False)
    assert tail[1].tobytes() == whole[1][5:].tobytes()
    assert np.isnan(whole[1][:, 1::2]).all()
    assert np.isfinite(whole[1][:, ::2]).all()


def test_an_unknown_current_leaves_a_drop_as_it_was() -> None:
    fleet = DropFleet([triplex("2")])
    i2 = np.array([1e4, np.nan])[:, None, None] * np.ones((2, 2, 1))
    two = np.full(2, 20.0)
    surface, _ = fleet.advance(
        fleet.initial(), i2, two, np.ones(2), 0 * two, np.full(2, 60.0), parallel=False
    )
    assert surface[1, 0] == surface[0, 0]
