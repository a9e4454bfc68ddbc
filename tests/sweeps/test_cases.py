"""What a sweep asks: ranges, lists, slices, and every wrong way of writing them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import SweepError
from cosim.sweeps.cases import build_cases, parse_slice, parse_variation


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("homes.solar.share=0:0.9:0.1", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ("seed=1:3", (1, 2, 3)),
        ("seed=5:1:-2", (5, 3, 1)),
        ("seed=4", (4,)),
        ("seed=4,5,4", (4, 5)),
        ("demand.scale=0.5,1,2.5", (0.5, 1, 2.5)),
        ("homes.solar.adapter=connectder-solar-60,none", ("connectder-solar-60", "none")),
        ('start="2026-07-09T00:00:00"', ("2026-07-09T00:00:00",)),
    ],
)
def test_values(text: str, values: tuple[object, ...]) -> None:
    variation = parse_variation(text)
    assert variation.values == values
    assert [type(a) for a in variation.values] == [type(b) for b in values]


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 9))
def test_ranges_are_inclusive_and_exact(start: int, count: int, step: int) -> None:
    """Counted in decimal: the last value is the one written, not one rounding error beside it."""
    stop = start + (count - 1) * step
    values = parse_variation(f"x={start / 10}:{stop / 10}:{step / 10}").values
    assert values == tuple((start + k * step) / 10 for k in range(count))


@pytest.mark.parametrize(
    "text",
    ["seed", "=1:2", "seed=", "seed=1:2:0", "seed=1:5:-1", "seed=a:b", "seed=0:1e9:1e-9", "seed=0:inf"],
)
def test_nonsense_is_told(text: str) -> None:
    with pytest.raises(SweepError) as error:
        parse_variation(text)
    assert error.value.problems[0].key == "--vary"
    assert error.value.problems[0].value == text


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2"])
def test_wrong_slices_are_told(text: str) -> None:
    with pytest.raises(SweepError, match="I/N"):
        parse_slice(text)


def test_slices_share_out_every_case_once(scenario_path: Path) -> None:
    cases = build_cases(scenario_path, [parse_variation("seed=1:7")])
    shares = [cases[index - 1 :: count] for index, count in (parse_slice(f"{i}/3") for i in (1, 2, 3))]
    assert sorted(case.number for share in shares for case in share) == list(range(1, 8))


def test_cases_are_every_combination_last_fastest(scenario_path: Path) -> None:
    cases = build_cases(scenario_path, [parse_variation("seed=1:2"), parse_variation("demand.scale=1,2")])
    assert [dict(case.values) for case in cases] == [
        {"seed": 1, "demand.scale": 1},
        {"seed": 1, "demand.scale": 2},
        {"seed": 2, "demand.scale": 1},
        {"seed": 2, "demand.scale": 2},
    ]
    assert len({case.stem for case in cases}) == 4


def test_all_wrong_cases_are_told_before_anything_runs(scenario_path: Path) -> None:
    with pytest.raises(SweepError) as error:
        build_cases(
            scenario_path, [parse_variation("homes.solar.share=0.5,1.5"), parse_variation("seed=-1,2")]
        )
    keys = {problem.key for problem in error.value.problems}
    assert any("share" in key for key in keys)
    assert any("seed" in key for key in keys)


def test_a_key_varied_twice_is_refused(scenario_path: Path) -> None:
    with pytest.raises(SweepError, match="varied twice"):
        build_cases(scenario_path, [parse_variation("seed=1"), parse_variation("seed=2")])
