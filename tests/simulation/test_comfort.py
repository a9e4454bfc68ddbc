"""Rooms, water and loads held off, added up by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cosim.simulation.comfort import Comfort


def steps(
    room: list[list[float]], water: float = 50.0, shed: float = 0.0, seconds: float = 60.0
) -> SimpleNamespace:
    values = np.array(room)
    home = {"indoor_temperature_c": values, "water_temperature_c": np.full_like(values, water)}
    home["shed_w"] = np.full_like(values, shed)
    return SimpleNamespace(home=home, seconds=np.full(len(values), seconds))


def test_hours_outside_are_counted_by_home() -> None:
    comfort = Comfort(3)
    comfort.watch(steps([[17.0, 28.0, np.nan], [18.0, 27.0, np.nan]]))
    comfort.watch(steps([[10.0, 30.0, np.nan]], water=39.0, shed=1000.0, seconds=1800.0))
    found = comfort.columns(["a", "b", "c"])
    assert found is not None
    assert found["home"] == ["a", "b"]
    assert found["cold_h"] == pytest.approx([31.0 / 60.0, 0.0])
    assert found["hot_h"] == pytest.approx([0.0, 31.0 / 60.0])
    assert found["cool_water_h"] == pytest.approx([0.5, 0.5])
    assert found["shed_kwh"] == pytest.approx([0.5, 0.5])
    assert (found["coldest_c"][0], found["hottest_c"][1]) == (10.0, 30.0)


def test_demand_without_rooms_has_nothing_to_tell() -> None:
    comfort = Comfort(1)
    comfort.watch(steps([[np.nan]]))
    assert comfort.columns(["a"]) is None


def test_totals_do_not_depend_on_the_cut_into_blocks() -> None:
    """Bit for bit, with powers and lengths whose sums round."""
    draw = np.random.default_rng(2)
    shed, room = 4e3 * draw.random((90, 3)), 15.0 + 15.0 * draw.random((90, 3))
    seconds = 60.0 * draw.random(90)
    told = []
    for cut in (1, 7, 64, 90):
        comfort = Comfort(3)
        for a in range(0, 90, cut):
            home = {
                "indoor_temperature_c": room[a : a + cut],
                "water_temperature_c": 20.0 + room[a : a + cut],
                "shed_w": shed[a : a + cut],
            }
            comfort.watch(SimpleNamespace(home=home, seconds=seconds[a : a + cut]))
        columns = comfort.columns(["a", "b", "c"])
        assert columns is not None
        told.append(
            np.array([columns[key] for key in ("cold_h", "hot_h", "cool_water_h", "shed_kwh")]).tobytes()
        )
    assert len(set(told)) == 1
