"""How long a source stands on a dead feeder, and what ends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosim.feeder.generate import generate
from cosim.studies.backfeed_hazard import backfeed_hazard
from cosim.studies.backfeed_time import NEVER, Course, backfeed_course, spell

STREET = generate(40, seed=3)
COMPILED = STREET.compile()


def course(source: str = "portable-generator-6.25", **how: object) -> Course:
    return backfeed_course(STREET, "home-5", source, compiled=COMPILED, **how)  # type: ignore[arg-type]


def test_its_first_instant_is_the_hazard_study_s() -> None:
    found, known = course(load_scale=0.1), backfeed_hazard(STREET, "home-5", load_scale=0.1)
    assert found.primary_v[0] == pytest.approx(known.primary_v[0])
    assert found.contact_a[0] == pytest.approx(known.contact_a[0])
    assert (found.homes, found.nodes, found.hazard) == (known.homes, len(known.nodes), known.hazard)
    decays = course(load_scale=0.1, excitation="decays")
    shared = np.intersect1d(decays.seconds, known.seconds, return_indices=True)
    np.testing.assert_allclose(decays.source_a[shared[1]], known.source_a[shared[2]])


def test_a_light_load_lasts_until_the_tank_is_empty() -> None:
    alone = course(load_scale=0.02)
    assert alone.reason == "fuel used up"
    assert 4.0 * 3600.0 < alone.ends_s < 30.0 * 3600.0  # 16 h at a quarter of its load
    assert alone.breaker_s == alone.stall_s == NEVER


def test_more_than_the_engine_can_give_stalls_it() -> None:
    """7.2 kW of 6.25: (1 - 0.75^2) of 4375 J of the flywheel at some hundred watts too much."""
    heavy = course(load_scale=0.3)
    assert heavy.reason == "engine stalls"
    assert heavy.power_w[0] > 6250.0
    expected = (1.0 - 0.75**2) * 0.7 * 6250.0 / (heavy.power_w[0] - 6250.0)
    assert heavy.stall_s == pytest.approx(expected, rel=1e-4)


def test_overcurrent_without_overload_trips_the_breaker() -> None:
    """Voltage so low that the engine carries it: the bimetal ends it by its closed form."""
    whole = course(load_scale=1.0)
    assert whole.reason == "breaker trips"
    m2 = whole.breaker_multiple**2
    assert whole.breaker_s == pytest.approx(134.0 * np.log(m2 / (m2 - 1.44)), abs=1e-5)


def test_a_field_that_decays_lets_it_last() -> None:
    held, decays = course(load_scale=0.3), course(load_scale=0.3, excitation="decays")
    assert decays.ends_s > held.ends_s
    assert decays.primary_v[-1] < held.primary_v[-1]
    assert held.primary_v[0] == pytest.approx(decays.primary_v[0])


def test_a_battery_gives_up_beyond_its_rating_and_drains_within_it() -> None:
    assert course("powerwall-3", load_scale=1.0).reason == "inverter gives up"
    light = course("powerwall-3", load_scale=0.01)
    assert light.reason == "charge used up"
    assert light.dry_s * light.power_w[0] == pytest.approx(13.5 * 3.6e6 * 0.95)


def test_what_is_live_is_listed() -> None:
    found = course(load_scale=0.1)
    assert found.line_m["primary"] > 0.0
    assert set(found.lines) <= set(STREET.line["name"])
    opened = tuple(int(n) for n in COMPILED.line_element if n >= 0)
    inside = course(opened=opened)
    assert not inside.lines
    assert not inside.homes
    assert inside.hazard == "none"


def test_crews_and_the_utility_end_it() -> None:
    alone = course(load_scale=0.02)
    assert spell(alone).reason == "fuel used up"
    found = spell(alone, start_s=100.0, crew_s=3600.0)
    assert (found.reason, found.end_s, found.exposure_minutes) == ("found by the crew", 4200.0, 0.0)
    assert found.hazard_minutes == pytest.approx((4200.0 - 100.0) / 60.0)
    back = spell(alone, returns_s=1800.0)
    assert back.reason == "utility returns"
    assert back.closing_a == pytest.approx(2 * 240.0 / (0.254 * 240.0**2 / 6250.0))
    working = spell(alone, start_s=1000.0, crew_s=400.0, leaves_s=4000.0, returns_s=4500.0)
    assert working.exposure_minutes == pytest.approx(50.0)  # it had tested before the set was started
    careless = spell(alone, start_s=0.0, crew_s=400.0, leaves_s=1000.0, returns_s=4500.0, tests=False)
    assert careless.exposure_minutes == pytest.approx(10.0)
    calm = replace(alone, hazard="none")
    assert spell(calm, returns_s=60.0).hazard_minutes == 0.0


def test_plain_data() -> None:
    plain = course(load_scale=0.02).as_dict()
    assert plain["breaker_s"] is None
    assert plain["reason"] == "fuel used up"
