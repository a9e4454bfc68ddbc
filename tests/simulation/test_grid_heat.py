"""Which transformers and drops of a feeder have a temperature, and what the run says of the others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from cosim.feeder.feeder import Feeder
from cosim.simulation.first_heat import first_day_pu
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


class Constant:
    """Demand of 3, 4 and 0 kW on the three parts of each panel in the first half of the day, none in the second."""

    def initial(self) -> dict[str, np.ndarray]:
        return {}

    def block(self, state, first_step, seconds, powered, limit_w=None):  # type: ignore[no-untyped-def]
        steps = np.arange(first_step, first_step + len(seconds))
        kw = np.where(steps < 720, 1.0, 0.0) * np.array([3.0, 4.0, 0.0])[:, None]
        panel = np.broadcast_to(1e3 * kw, (len(powered), 3, len(seconds)))
        return SimpleNamespace(panel_w=panel, panel_var=0.0 * panel, end=state)


def test_transformers_begin_under_the_rms_of_the_first_day() -> None:
    """7 kW a home for half of the day: 7 / sqrt(2); a shorter run knows only itself. To 1e-12."""
    unit = np.array([0, 0, 1, -1])
    rated = np.array([14e3, 70e3])
    day = first_day_pu(Constant(), unit, rated, 60_000_000, 3 * 86_400_000_000)  # type: ignore[arg-type]
    np.testing.assert_allclose(day, np.array([1.0, 0.1]) / np.sqrt(2.0), rtol=1e-12)
    hour = first_day_pu(Constant(), unit, rated, 60_000_000, 3_600_000_000)  # type: ignore[arg-type]
    np.testing.assert_allclose(hour, [1.0, 0.1], rtol=1e-12)
