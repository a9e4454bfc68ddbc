"""What a source energises, asked by sections as a run has them."""

from __future__ import annotations

import math

import pytest

from cosim.feeder.generate import generate
from cosim.feeder.openings import Openings
from cosim.simulation.backfeed import live_source
from cosim.studies.backfeed_time import backfeed_course

STREET = generate(40, seed=3)
COMPILED = STREET.compile()
OPENINGS = Openings(STREET, COMPILED)
SET = "portable-generator-6.25"


def test_it_is_the_course_s_first_instant_and_ends() -> None:
    found = live_source(STREET, COMPILED, OPENINGS, "home-5", SET, load_scale=0.1)
    course = backfeed_course(STREET, "home-5", SET, load_scale=0.1, compiled=COMPILED)
    assert found.primary_v == pytest.approx(course.primary_v[0])
    assert (found.homes, found.lines, found.hazard) == (len(course.homes), course.lines, "lethal")
    m2 = found.breaker_multiple**2
    trip_s = found.breaker_tau_s * math.log(m2 / (m2 - found.breaker_level))
    assert trip_s == pytest.approx(course.breaker_s, abs=1e-5)
    assert found.stall_s == course.stall_s
    assert found.closing_a == pytest.approx(2 * 240.0 / (0.254 * 240.0**2 / 6250.0))


def test_open_conductors_of_the_drop_keep_it_at_home() -> None:
    cuts = OPENINGS.cuts("home:home-5@12")
    found = live_source(STREET, COMPILED, OPENINGS, "home-5", SET, parted=cuts)
    assert (found.homes, found.hazard) == (0, "none")
    assert found.primary_m == 0.0
    one = live_source(STREET, COMPILED, OPENINGS, "home-5", SET, parted=OPENINGS.cuts("home:home-5@1"))
    assert one.hazard == "lethal"  # the other leg alone still reaches the primary
