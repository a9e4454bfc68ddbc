"""Which transformers and drops of a feeder have a temperature, and what the run says of the others."""

from __future__ import annotations

import numpy as np

from cosim.feeder.feeder import Feeder
from cosim.simulation.grid_heat import grid_heat


def test_what_has_no_heat_is_nan_and_told() -> None:
    feeder = Feeder.generate(homes=24, seed=3)
    compiled = feeder.compile()
    plain = grid_heat(feeder, compiled)
    assert not any("transformers" in note for note in plain.notes)
    units = compiled.service_transformers
    feeder.transformer.loc[units[0], "model"] = "made by hand"
    feeder.transformer.loc[units[1], ["model", "rated_kva"]] = ["made by hand", 400.0]
    feeder.transformer.loc[units[2], "model"] = "substation"
    buried = (feeder.line["type"] == "cs")[feeder.home["drop"]].to_numpy()
    found = grid_heat(feeder, compiled)
    rated = found.units.advance(
        found.units.initial(), np.ones((1, len(units))), np.array([30.0]), np.array([60.0]), parallel=False
    ).hot_spot_c[0]
    assert np.isnan(rated[[1, 2]]).all()
    np.testing.assert_allclose(np.delete(rated, [1, 2]), 110.0)
    assert any("1 service transformers name no entry" in note for note in found.notes)
    assert any("2 service transformers have no heat" in note for note in found.notes)
    np.testing.assert_array_equal(np.isnan(found.drops.limit_c), buried)
    assert not buried.any() or any(f"{buried.sum()} are in the ground" in note for note in found.notes)
