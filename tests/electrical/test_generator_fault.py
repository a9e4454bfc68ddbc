"""A generator's fault current from its first cycle to steady state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.electrical.generator_fault import Generator
from cosim.studies.contributions import generator

SET = generator("portable-generator-6.25")


def test_published_decrement() -> None:
    """6.25 kVA at 240 V: T' = 0.860 s, T'' = 0.0421 s and the currents of the usual formula."""
    fast, slow = SET.time_constants_s()
    assert slow == pytest.approx(0.860, abs=5e-4)
    assert fast == pytest.approx(0.0421, abs=5e-5)
    seconds = [0.0, 1 / 60, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0]
    expected = [102.5, 89.4, 73.8, 63.1, 54.8, 42.2, 29.1, 14.3]
    np.testing.assert_allclose(SET.fault_current_a(seconds), expected, atol=0.06)


def test_it_ends_at_the_synchronous_current() -> None:
    assert SET.fault_current_a(1e6)[0] == pytest.approx(SET.rated_a / SET.xd_pu)


@given(st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_current_falls_with_time_and_with_impedance(r: float, x: float) -> None:
    seconds = np.linspace(0.0, 5.0, 60)
    behind = SET.fault_current_a(seconds, complex(r, x))
    assert (np.diff(behind) <= 1e-12).all()
    ends = [0.0, 1e6]  # in between it may stand higher: what lies outside slows the decay
    assert (SET.fault_current_a(ends, complex(r, x)) <= SET.fault_current_a(ends) * (1 + 1e-9)).all()
    np.testing.assert_allclose(SET.weights(seconds, complex(r, x)).sum(axis=0), 1.0)


def test_a_constant_reactance_does_not_decay() -> None:
    stiff = Generator(1e4, 240.0, 0.2, 0.2, 0.2, 1.0, 0.01)
    np.testing.assert_allclose(stiff.fault_current_a([0.0, 1.0, 9.0]), stiff.rated_a / 0.2)
