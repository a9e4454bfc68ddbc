"""The public busbar case: from geometry to temperature and time constant."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from cosim import library
from cosim.heat_body import HeatModel
from cosim.thermal.fleet import HeatFleet
from cosim.thermal.limits import steady_state, time_constant_s
from cosim.thermal.network import build

CASE = Path(__file__).parents[1] / "cases" / "busbar"


def test_busbar_case() -> None:
    expected = tomllib.loads((CASE / "expected.toml").read_text())
    model = HeatModel.model_validate_json(json.dumps(tomllib.loads((CASE / "bar.toml").read_text())))
    network = build(model, {"copper": library.load("materials", CASE / "copper.toml")})
    assert network.capacity_j_per_k / 385.0 == pytest.approx(expected["mass_kg"])

    i2, ambient = np.zeros(6), expected["ambient_c"]
    i2[0] = expected["current_a"] ** 2
    rest = steady_state(network, i2, ambient)
    assert rest[0] == pytest.approx(expected["steady_c"], abs=expected["steady_tolerance_k"])
    tau = time_constant_s(network, rest, ambient)
    assert tau == pytest.approx(expected["time_constant_s"], abs=expected["time_constant_tolerance_s"])

    # The bar is linear in temperature, so its step response is known: the current's own slope delays it.
    gain = network.slope[0] * i2[0]
    slowed = network.capacity_j_per_k[0] / (8.0 * 0.12 - gain)
    fleet, steps, h = HeatFleet(network, 1), 600, 6.0
    run = fleet.advance(
        fleet.initial(ambient),
        np.tile(i2[None, :, None], (steps, 1, 1)),
        np.full(steps, ambient),
        np.full(steps, h),
    )
    t = h * np.arange(1, steps + 1)
    np.testing.assert_allclose(run[:, 0, 0], rest[0] + (ambient - rest[0]) * np.exp(-t / slowed), atol=2e-6)
