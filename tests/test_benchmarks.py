"""The comparison behind ``make bench-check``: on made-up timings, nothing is timed here."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.comparison import (
    Entry,
    Measurement,
    Verdict,
    judge,
    measurements,
    passes,
    read_baseline,
    updated,
    write_baseline,
)
from benchmarks.run import BASELINE, seconds


def measured(name: str, *ratios: float) -> Measurement:
    return Measurement(name, "step", "peer", tuple(2.0 * ratio for ratio in ratios), (2.0,) * len(ratios))


def document(own: list[float], peer: list[float]) -> dict[str, object]:
    info = {
        "units": 10,
        "peer_units": 5,
        "peer_s": peer,
        "unit": "step",
        "peer": "p",
        "first_s": 9.0,
        "facts": {},
    }
    return {"benchmarks": [{"name": "bench_flow[a]", "stats": {"data": own}, "extra_info": info}]}


def test_ratio_is_the_median_of_the_pairs_by_unit_of_work() -> None:
    (flow,) = measurements(document([1.0, 2.0, 60.0], [1.0, 1.0, 1.0]))
    assert flow.name == "flow[a]"
    assert flow.ratios == pytest.approx((0.5, 1.0, 30.0))
    assert flow.ratio == pytest.approx(1.0)
    assert flow.spread == pytest.approx(29.0)


def test_noise_that_hits_both_cancels() -> None:
    (calm,) = measurements(document([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]))
    (noisy,) = measurements(document([1.0, 7.0, 3.0], [1.0, 7.0, 3.0]))
    assert noisy.ratio == pytest.approx(calm.ratio)


def test_a_pair_must_be_whole() -> None:
    with pytest.raises(ValueError, match="3 rounds, but 2 of its peer"):
        measurements(document([1.0, 1.0, 1.0], [1.0, 1.0]))


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (1.0, Verdict.STEADY),
        (1.29, Verdict.STEADY),
        (1.31, Verdict.REGRESSED),
        (0.5, Verdict.FASTER),
        (math.nan, Verdict.REGRESSED),
        (math.inf, Verdict.REGRESSED),
    ],
)
def test_verdict_by_tolerance(ratio: float, verdict: Verdict) -> None:
    one = measured("a", ratio)
    verdicts = judge([one], {}, {"a": Entry(1.0, 0.3)})
    assert verdicts == {"a": verdict}
    assert passes([one], verdicts) == (verdict is not Verdict.REGRESSED)


def test_what_did_not_run_fails_the_gate() -> None:
    baseline = {
        "a": Entry(1.0),
        "b": Entry(1.0),
        "c": Entry(1.0, needs="a feeder"),
        "d": Entry(1.0, needs="a feeder"),
    }
    verdicts = judge([measured("a", 1.0)], {"b": "no reason is good enough", "c": "no feeder"}, baseline)
    assert verdicts == {
        "a": Verdict.STEADY,
        "b": Verdict.MISSING,  # skipped, but needs nothing
        "c": Verdict.ABSENT,
        "d": Verdict.MISSING,  # needs something, but never said that it skipped
    }
    assert not passes([measured("a", 1.0)], verdicts)


def test_a_new_benchmark_does_not_gate_but_a_renamed_one_does() -> None:
    new = [measured("new", 1.0)]
    assert passes(new, judge(new, {}, {}))
    assert not passes(new, judge(new, {}, {"old": Entry(1.0)}))


def test_nothing_ran_fails() -> None:
    assert not passes([], {})


def test_update_keeps_tolerances_and_what_is_absent(tmp_path: Path) -> None:
    baseline = {"a": Entry(1.0, 0.1), "far": Entry(3.0, 0.2, "a feeder")}
    entries = updated([measured("a", 2.0), measured("b", 0.5)], {"b": "a package"}, baseline)
    path = tmp_path / "baseline.json"
    write_baseline(path, entries, "a machine")
    assert read_baseline(path) == {
        "a": Entry(2.0, 0.1),
        "b": Entry(0.5, needs="a package"),
        "far": Entry(3.0, 0.2, "a feeder"),
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "benchmarks": {}}',
        '{"version": 2, "benchmarks": {"a": {"ratio": 1.0}}}',
        '{"version": 1, "benchmarks": {"a": {"ratio": 0.0}}}',
        '{"version": 1, "benchmarks": {"a": {"ratio": 1.0, "tolerance": NaN}}}',
    ],
)
def test_a_baseline_that_cannot_gate_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"baseline\.json"):
        read_baseline(path)


def test_committed_baseline_gates_something_everywhere() -> None:
    entries = read_baseline(BASELINE)
    assert any(not entry.needs for entry in entries.values())


def test_times_are_told_in_the_unit_that_suits() -> None:
    assert [seconds(x) for x in (2.0, 1.5e-3, 4.26e-4, 9e-8)] == ["2 s", "1.5 ms", "426 µs", "90 ns"]
