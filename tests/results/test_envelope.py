"""Statistics: equal to plain NumPy over the steps of each interval, and to the bit whatever the blocks."""

from __future__ import annotations

from pathlib import Path

import h5py
import made_up_runs as runs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.results import layout
from cosim.results.record import HOUR_US, Array, RecordPlan, quantised
from cosim.results.statistics import OpenInterval, Totals

CUTS = st.lists(st.integers(1, runs.STEPS - 1), unique=True, max_size=8)


def datasets(path: Path) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {})
        )
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write(tmp_path_factory.mktemp("whole") / "run.h5")


@settings(max_examples=12)
@given(cuts=CUTS)
def test_cuts_of_blocks_change_no_byte(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    other = runs.write(tmp_path_factory.mktemp("cut") / "run.h5", tuple(cuts))
    assert other.read_bytes() == whole.read_bytes()


def test_segments_change_no_byte(whole: Path, tmp_path: Path) -> None:
    one = runs.write(tmp_path / "run.h5", (20, 90), commits=False)
    assert one.read_bytes() == whole.read_bytes()


def test_whole_chunks_across_segments(tmp_path: Path) -> None:
    """Enough steps for several chunks of time, cut where no chunk ends."""
    steps = 10_000
    block = runs.block(steps, 3, 2)
    paths = []
    for cuts in ((), (4000, 4097, 9999)):
        run = runs.RunWriter(
            tmp_path / f"{len(cuts)}.h5", runs.INFO, runs.homes(3), runs.transformers(), runs.feeder_map(),
            RecordPlan(HOUR_US, full=(1,)), runs.buses(), runs.inverters(),
        )  # fmt: skip
        for first, last in zip((0, *cuts), (*cuts, steps), strict=True):
            run.write(runs.part(block, first, last))
            run.commit()
        paths.append(run.finish())
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = datasets(paths[0])
    np.testing.assert_array_equal(found["feeder/power_w"], block.feeder["power_w"])
    np.testing.assert_array_equal(found["full/jaw_rise_k"][:, 0], block.home["jaw_rise_k"][:, 1].astype("f4"))


def test_envelope_equals_numpy(whole: Path) -> None:
    """Minimum, maximum and times exactly, the mean to rounding of a sum of 60 terms in double precision."""
    found, block = datasets(whole), runs.block()
    index = block.start_us // HOUR_US
    assert found["interval"].tolist() == (np.unique(index) * HOUR_US).tolist()
    for group, (_, quantities) in layout.ENVELOPES.items():
        given_values = block.items(group)
        for q in quantities:
            for row, hour in enumerate(np.unique(index)):
                values = given_values[q.name].copy()
                values[(index != hour) | ~block.usual] = np.nan
                if q.energised:
                    values[values == 0] = np.nan
                dead = np.isnan(values).all(axis=0)
                weight = np.where(np.isnan(values), 0.0, block.seconds[:, None])
                with np.errstate(invalid="ignore"):
                    mean = np.nansum(values * weight, axis=0) / weight.sum(axis=0)
                filled = np.where(dead, -np.inf, np.fmax.reduce(values, axis=0))
                when = np.where(dead, -1, block.start_us[np.argmax(values == filled, axis=0)])
                stored = found[f"{group}_envelope/{q.name}"][row]
                np.testing.assert_array_equal(stored[:, 0], np.fmin.reduce(values, axis=0).astype("f4"))
                np.testing.assert_allclose(stored[:, 1], mean, rtol=1e-6, atol=1e-6)
                np.testing.assert_array_equal(stored[:, 2], np.fmax.reduce(values, axis=0).astype("f4"))
                np.testing.assert_array_equal(found[f"{group}_envelope/{q.name}_time_of_max"][row], when)


def test_backfeed_and_supply_equal_numpy(whole: Path) -> None:
    found, block = datasets(whole), runs.block()
    back = np.where(block.usual[:, None], np.maximum(-block.home["service_power_w"], 0.0), 0.0)
    np.testing.assert_allclose(found["backfeed/home_energy_wh"], block.seconds @ back / 3600, rtol=1e-12)
    np.testing.assert_array_equal(found["backfeed/home_peak_w"], back.max(axis=0))
    np.testing.assert_array_equal(found["backfeed/home_time_of_peak"], block.start_us[back.argmax(axis=0)])
    head = np.where(block.usual, np.maximum(-block.feeder["power_w"], 0.0), 0.0)
    np.testing.assert_allclose(found["backfeed/head_energy_wh"], block.seconds @ head / 3600, rtol=1e-12)
    dead = ((block.home["voltage_l1_v"] == 0) & block.converged[:, None]) * block.seconds[:, None]
    np.testing.assert_allclose(found["supply/unsupplied_s"], dead.sum(axis=0), rtol=1e-12)
    legs = np.stack([block.home["voltage_l1_v"], block.home["voltage_l2_v"]]) / 120.0
    for name, low, high in (("a", 0.95, 1.05), ("b", 110 / 120, 127 / 120)):
        out = ((legs > 0) & ((legs < low) | (legs > high))).any(axis=0) & block.usual[:, None]
        np.testing.assert_allclose(found[f"ansi/outside_{name}_s"], block.seconds @ out, rtol=1e-12)


def test_nothing_flowed_back_has_no_time() -> None:
    block = runs.block()
    heads = [block.feeder[f"power_{phase}_w"] for phase in layout.PHASES]
    for values in (
        block.home["service_power_w"],
        block.transformer["power_w"],
        block.feeder["power_w"],
        *heads,
    ):
        np.abs(values, out=values)
    totals = Totals(runs.HOMES, runs.TRANSFORMERS, runs.INVERTERS, np.full(runs.HOMES, 120.0))
    totals.add(block)
    found = totals.datasets()
    assert found["backfeed/head_time_of_peak"] == layout.NO_TIME
    assert not found["backfeed/home_energy_wh"].any()


def test_interval_without_converged_step_is_nan() -> None:
    interval = OpenInterval(runs.SIZES, 0)
    block = runs.block(5)
    block.converged[:] = False
    interval.add(block, 0, 5)
    rows = interval.rows(HOUR_US, quantise=False)
    assert np.isnan(rows["home_envelope/service_power_w"]).all()
    assert (rows["home_envelope/service_power_w_time_of_max"] == layout.NO_TIME).all()
    assert rows["intervals/unconverged_steps"] == 5
    assert rows["intervals/simulated_s"] == 0


def test_mean_of_equal_values_is_that_value() -> None:
    """Rounding of the weighted sum may not push a mean outside what it is the mean of."""
    interval = OpenInterval(runs.SIZES, 0)
    block = runs.block()
    block.home["service_power_w"][...] = 0.1
    interval.add(block, 0, runs.STEPS)
    row = interval.parts["home"].row(quantise=False)["service_power_w"]
    assert (row == np.float32(0.1)).all()


def test_interval_survives_its_state() -> None:
    block = runs.block()
    one, two = (OpenInterval(runs.SIZES, 0) for _ in range(2))
    one.add(block, 0, 60)
    two.add(block, 0, 25)
    two = OpenInterval.from_state({name: value.copy() for name, value in two.state().items()})
    two.add(block, 25, 60)
    for name, value in one.state().items():
        np.testing.assert_array_equal(value, two.state()[name])


def test_quantised_to_a_power_of_two(tmp_path: Path) -> None:
    plan = RecordPlan(HOUR_US, full=(1,), quantise=True)
    exact, rounded = (
        datasets(runs.write(tmp_path / "a.h5")),
        datasets(runs.write(tmp_path / "b.h5", plan=plan)),
    )
    for q in layout.HOME_QUANTITIES:
        assert np.log2(q.step) == round(np.log2(q.step))
        a, b = exact[f"home_envelope/{q.name}"], rounded[f"home_envelope/{q.name}"]
        there = ~np.isnan(a)
        np.testing.assert_array_equal(there, ~np.isnan(b))
        assert (np.abs(a[there] - b[there]) <= 0.5 * q.step + 1e-6 * np.abs(a[there])).all()
        assert (np.mod(b[there].astype(float), q.step) == 0).all()
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["home_envelope/jaw_rise_k"].attrs["quantization_step"] == 2.0**-7
    assert quantised(np.array([0.3]), layout.HOME_QUANTITIES[2], True) == 0.0


def test_daily_beyond_a_month() -> None:
    assert RecordPlan.for_duration(31 * 86_400).interval_us == HOUR_US
    assert RecordPlan.for_duration(31 * 86_400 + 1).interval_us == 24 * HOUR_US


def test_block_tells_everything_wrong(tmp_path: Path) -> None:
    run = runs.writer(tmp_path / "run.h5")
    block = runs.block(3)
    del block.home["jaw_rise_k"]  # type: ignore[attr-defined]
    block.home["jaws"] = block.home["pv_power_w"]  # type: ignore[index]
    block.feeder["loss_w"] = np.zeros(4)  # type: ignore[index]
    block.seconds[1] = 0
    with pytest.raises(ValueError, match=r"lacks jaw_rise_k.*unknown jaws.*loss_w has shape.*no duration"):
        run.write(block)
    run.write(runs.part(runs.block(), 0, 5))
    with pytest.raises(ValueError, match="not in order"):
        run.write(runs.part(runs.block(), 4, 6))
