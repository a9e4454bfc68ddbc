"""Metered intervals downscaled to minutes."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from street import calendar, households, street

from cosim.demand.block import Demand
from cosim.demand.calendar import Calendar
from cosim.demand.fragments import interval_of, pool_of
from cosim.demand.profiles import Downscaling, Pool, Profile, ProfileDemand
from cosim.demand.traits import draw_traits
from cosim.errors import ScenarioError
from cosim.randomness import stable_ids

HOMES, DAYS, SEED = 120, 3, 5
Float = np.ndarray


def donors(clock: Calendar, count: int) -> Demand:
    ids = stable_ids([f"donor-{i}" for i in range(count)])
    zero = np.zeros(count)
    return households(clock, draw_traits(ids, SEED, pv_kw=zero))


@pytest.fixture(scope="module")
def minutes() -> Float:
    """(homes, minutes) of households that are no donors."""
    clock = calendar("2026-07-13", steps=(DAYS + 1) * 1440)
    demand = households(clock, street(HOMES))
    block = demand.block(demand.initial(), 0, np.full(clock.steps, 60.0), np.ones(HOMES, bool))
    return block.panel_w.sum(axis=1)[:, 1440:]  # a day to forget how they began


def downscaled(power: Float, minutes: int, pool: Pool, **options: object) -> ProfileDemand:
    """Demand from the means of `power` over intervals."""
    clock = calendar(steps=power.shape[1])
    means = power.reshape(len(power), -1, minutes).mean(axis=2) / 1e3
    first = datetime(2026, 7, 13, 23)  # midnight of a summer's day by local standard time
    profiles = [
        Profile(f"home-{i}", row, 60.0 * minutes, actual=True, first=first) for i, row in enumerate(means)
    ]
    zero = np.zeros(len(power))
    fine = Downscaling(pool, SEED, stable_ids([p.name for p in profiles]))
    return ProfileDemand(
        clock, profiles, np.arange(len(power)), zero, zero,
        parallel=False, downscaling=fine, **options,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[15, 60])
def case(request: pytest.FixtureRequest, minutes: Float) -> tuple[int, Float, ProfileDemand]:
    pool = pool_of(donors, calendar(steps=DAYS * 1440), 60.0 * request.param)
    return request.param, minutes, downscaled(minutes, request.param, pool)


def played(demand: ProfileDemand, first: int = 0, steps: int = DAYS * 1440) -> Float:
    return demand.at(first, steps).panel_w.sum(axis=1)


def test_energy_of_every_interval_is_exact(case: tuple[int, Float, ProfileDemand]) -> None:
    interval, power, demand = case
    found = played(demand).reshape(HOMES, -1, interval).mean(axis=2)
    asked = power.reshape(HOMES, -1, interval).mean(axis=2)
    np.testing.assert_allclose(found, asked, rtol=1e-12, atol=1e-9)
    assert played(demand).min() >= 0.0


def test_minutes_vary_as_those_of_households(case: tuple[int, Float, ProfileDemand]) -> None:
    """Inside intervals: variance to 12 %, autocorrelation at 1 and 2 min to 0.03, at 5 and 10 to 0.1; top to 8 %."""
    interval, power, demand = case
    found = played(demand)

    def inside(values: Float) -> Float:
        cut = values.reshape(HOMES, -1, interval)
        return cut - cut.mean(axis=2, keepdims=True)

    real, made = inside(power), inside(found)
    assert (made**2).mean() == pytest.approx((real**2).mean(), rel=0.12)
    for lag, near in ((1, 0.03), (2, 0.03), (5, 0.1), (10, 0.1)):
        at = [(x[..., lag:] * x[..., :-lag]).mean() / (x**2).mean() for x in (real, made)]
        assert at[1] == pytest.approx(at[0], abs=near)
    top = [np.quantile(values, 0.999, axis=1).mean() for values in (power, found)]
    assert top[1] == pytest.approx(top[0], rel=0.08)


def test_no_bit_depends_on_cuts_threads_or_neighbours(case: tuple[int, Float, ProfileDemand]) -> None:
    interval, power, demand = case
    whole = demand.at(0, DAYS * 1440)
    part = demand.at(701, 95)
    assert np.array_equal(whole.panel_w[..., 701:796], part.panel_w)
    assert np.array_equal(whole.panel_var[..., 701:796], part.panel_var)
    assert demand.downscaling is not None
    demand.parallel = True
    assert np.array_equal(demand.at(701, 95).panel_w, part.panel_w)
    demand.parallel = False
    few = downscaled(power[:3], interval, demand.downscaling.pool)
    assert np.array_equal(few.at(701, 95).panel_w, part.panel_w[:3])


def test_steps_of_any_length_agree_with_the_minutes(case: tuple[int, Float, ProfileDemand]) -> None:
    interval, power, demand = case
    assert demand.downscaling is not None
    fine = played(demand, 0, 1440)
    for minutes in (0.5, 5.0):
        again = downscaled(power, interval, demand.downscaling.pool)
        again.calendar = calendar(steps=round(1440 / minutes), minutes=minutes)
        found = played(again, 0, round(1440 / minutes))
        wanted = np.repeat(fine, 2, axis=1) if minutes < 1.0 else fine.reshape(HOMES, -1, 5).mean(axis=2)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-6)


def test_a_net_meter_keeps_its_export(case: tuple[int, Float, ProfileDemand]) -> None:
    interval, power, demand = case
    assert demand.downscaling is not None
    net = power[:4] - 3000.0
    found = played(downscaled(net, interval, demand.downscaling.pool)).reshape(4, -1, interval)
    np.testing.assert_allclose(found.mean(axis=2), net.reshape(4, -1, interval).mean(axis=2), atol=1e-9)
    assert found.min() < -1000.0


def test_intervals_that_cannot_be_downscaled_are_named() -> None:
    ones = np.ones(4)
    kinds = [
        Profile("a", ones, 900.0),
        Profile("b", ones, 1800.0),
        Profile("c", ones, 90.0),
        Profile("d", ones, 60.0),
    ]
    with pytest.raises(ScenarioError) as caught:
        interval_of(kinds)
    assert [problem.key for problem in caught.value.problems] == ["b", "c"]
    assert interval_of([kinds[3]]) == 0.0
    assert interval_of([kinds[0], kinds[3]]) == 900.0
