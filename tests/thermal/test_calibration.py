"""Numbers fitted to a heat run: what is recovered, how often the stated uncertainty holds, what is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cosim.thermal.calibration import Fit, Free, fit, telling, trace
from cosim.thermal.network import Float, HeatNetwork, Links

ROWS, STEP_S = 90, 120.0
TIME_S = STEP_S * np.arange(ROWS)
AMBIENT_C = 24.0 + 0.5 * np.sin(TIME_S / 4000.0)
I2 = np.repeat(np.where(TIME_S < 7200.0, 180.0, 60.0)[:, None] ** 2, 6, axis=1)

OHM = Free("ohm", 3e-5, 1e-5, 2e-4)
FILM = Free("film", 1.0, 0.4, 2.5)  # W/K
MASS = Free("mass", 600.0, 200.0, 1500.0)  # J/K
TRUE = (5.2e-5, 0.83, 760.0)


def bar_in_box(ohm: float, film: float, mass: float, tie: float = 1.5, unheard: float = 1.0) -> HeatNetwork:
    """A bar heated by the grid's current on each leg, tied to one box that gives the heat to the air."""
    heated = np.array([0, 1], np.int64)
    return HeatNetwork(
        names=("l1.bar", "l2.bar", "box"),
        roles=("bus_bar", "bus_bar", "other"),
        pairs=1,
        capacity_j_per_k=np.array([mass, mass, 2500.0]),
        loss_w=np.zeros(3),
        linear=Links.of(
            [(0, 2, tie), (1, 2, tie), (2, -1, film), (0, -1, 1e-9 * unheard), (1, -1, 1e-9 * unheard)]
        ),
        convection=Links.of([], 0.25),
        radiation=Links.of([], radiates=True),
        node=heated,
        path=heated,
        ohm=np.full(2, ohm),
        slope=np.full(2, 0.0039 * ohm),
    )


def model(values: Sequence[float] | Float) -> Float:
    """(rows - 1, 2) bar and box."""
    return trace(bar_in_box(*(float(v) for v in values)), TIME_S, I2, AMBIENT_C)[1:, [0, 2]]


def noisy(clean: Float, seed: int, kelvin: float = 0.5, memory: float = 0.0) -> Float:
    """Readings with noise of a first-order autoregression; `memory` 0 is white."""
    random = np.random.default_rng(seed)
    noise = kelvin * random.standard_normal(clean.shape)
    for k in range(1, len(noise)):
        noise[k] = memory * noise[k - 1] + np.sqrt(1.0 - memory**2) * noise[k]
    return clean + noise


def covered(found: Fit, truth: Sequence[float], *, by_noise: bool = True) -> list[bool]:
    return [
        (e.noise_low <= true <= e.noise_high) if by_noise else (e.low <= true <= e.high)
        for e, true in zip(found.estimates, truth, strict=True)
    ]


# -- laws ---------------------------------------------------------------------------------


def test_without_noise_the_truth_is_found() -> None:
    found = fit(model, model(TRUE), [OHM, FILM, MASS])
    assert [e.value for e in found.estimates] == pytest.approx(TRUE, rel=1e-6)
    assert [e.state for e in found.estimates] == ["measured"] * 3
    assert found.after_k < 1e-5 < found.before_k


def test_a_trace_is_the_fleet_whatever_the_rows() -> None:
    """Rows left out where current stands still and the air runs straight change nothing but where it is read."""
    network = bar_in_box(*TRUE)
    air, i2 = 20.0 + TIME_S / 3600.0, np.repeat(I2[:1], ROWS, axis=0)
    every, third = trace(network, TIME_S, i2, air), trace(network, TIME_S[::3], i2[::3], air[::3])
    np.testing.assert_allclose(third, every[::3], atol=1e-9)
    assert (every[0] == air[0]).all()


def test_stated_uncertainty_holds() -> None:
    """100 seeds. A 95 % interval misses 5 of them on average; 90 to 99 hold with 97 % of the binomial."""
    clean = model(TRUE)
    fits = [fit(model, noisy(clean, seed), [OHM, FILM, MASS]) for seed in range(100)]
    one_by_one = np.array([covered(f, TRUE) for f in fits]).sum(axis=0)
    together = sum(f.holds(TRUE) for f in fits)
    assert all(90 <= count <= 99 for count in one_by_one), one_by_one
    assert 90 <= together <= 99


def test_stated_uncertainty_holds_where_errors_follow_each_other() -> None:
    """Drifting sensors, 90 rows: 85 to 100 % hold; without the widening it would be half of them."""
    clean = model(TRUE)
    fits = [fit(model, noisy(clean, 1000 + seed, memory=0.8), [OHM, FILM, MASS]) for seed in range(60)]
    count = np.array([covered(f, TRUE) for f in fits]).sum(axis=0)
    assert (count >= 48).all(), count
    assert all(any("follow each other" in text for text in f.warnings) for f in fits)


def test_what_is_not_fitted_widens_the_intervals_as_it_must() -> None:
    """A tie that is known within a range only: the interval with it holds, one that takes it as sure does not."""
    tie = Free("tie", 1.5, 0.6, 4.0)
    random = np.random.default_rng(5)
    free = [OHM, FILM]
    wide, narrow = [], []
    for seed in range(60):
        real = tie.at(float(random.triangular(0.0, tie.place, 1.0)))
        measured = noisy(model((*TRUE, real)), seed, kelvin=0.2)
        found = fit(lambda v: model((v[0], v[1], TRUE[2], v[2])), measured, free, [tie])
        wide.append(covered(found, TRUE[:2], by_noise=False))
        sure = fit(lambda v: model((v[0], v[1], TRUE[2])), measured, free)
        narrow.append(covered(sure, TRUE[:2]))
    assert (np.sum(wide, axis=0) >= 53).all()
    assert np.sum(narrow, axis=0).min() < 40


# -- what is told -------------------------------------------------------------------------


def test_a_number_that_moves_nothing_stays_as_stated() -> None:
    unheard = Free("unheard", 1.0, 0.5, 2.0)
    found = fit(lambda v: model((v[0], TRUE[1], TRUE[2], 1.5, v[1])), noisy(model(TRUE), 1), [OHM, unheard])
    assert [e.state for e in found.estimates] == ["measured", "insensitive"]
    assert found.estimates[1].value == unheard.value
    assert any("unheard: the run does not tell it" in text for text in found.warnings)
    again = fit(lambda v: model((v[0], *TRUE[1:])), noisy(model(TRUE), 1), [OHM])
    assert found.estimates[0].value == pytest.approx(again.estimates[0].value, rel=1e-6)


def test_numbers_that_move_the_run_alike_are_told_together() -> None:
    """Two resistances in series: only their sum is in the run."""
    twin = Free("twin", 3e-5, 1e-5, 2e-4)
    found = fit(lambda v: model((v[0] + v[1], *TRUE[1:])), noisy(model((1.1e-4, *TRUE[1:])), 2), [OHM, twin])
    assert "measured" not in [e.state for e in found.estimates]
    assert found.condition > 30.0
    assert any("condition number" in text for text in found.warnings)
    assert sum(e.value for e in found.estimates) == pytest.approx(1.1e-4, rel=0.01)


def test_a_correlation_is_told() -> None:
    steady = np.full_like(I2, 150.0**2)

    def at_rest(v: Float) -> Float:
        return trace(bar_in_box(float(v[0]), float(v[1]), 50.0), TIME_S, steady, np.full(ROWS, 25.0))[
            60:, [2]
        ]

    measured = noisy(at_rest(np.array(TRUE[:2])), 3, kelvin=0.02)
    found = fit(at_rest, measured, [OHM, FILM])
    assert abs(found.correlation[0, 1]) > 0.95
    assert any("told together" in text for text in found.warnings)


def test_a_number_at_its_bound_is_no_measurement() -> None:
    short = Free("ohm", 3e-5, 1e-5, 4e-5)
    found = fit(lambda v: model((v[0], *TRUE[1:])), noisy(model(TRUE), 4), [short])
    assert found.estimates[0].state == "at its bound"
    assert found.estimates[0].value == short.high
    assert any("at the bound" in text for text in found.warnings)


def test_the_telling_numbers_are_chosen() -> None:
    """Nothing that moves nothing, and of two alike only one."""
    free = [Free("unheard", 1.0, 0.5, 2.0), OHM, Free("twin", 3e-5, 1e-5, 2e-4), FILM]
    order = telling(lambda v: model((v[1] + v[2], v[3], TRUE[2], 1.5, v[0])), free)
    assert sorted(order) in ([1, 3], [2, 3])


def test_the_same_run_gives_the_same_fit() -> None:
    measured = noisy(model(TRUE), 6)
    one, two = (fit(model, measured, [OHM, FILM, MASS]) for _ in range(2))
    assert one.estimates == two.estimates
