"""Who lives where: exact counts, nesting shares, draws that belong to a home alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import ScenarioError
from cosim.randomness import stable_ids
from cosim.scenario import Scenario
from cosim.scenario.population import Population, draw_amount, populate
from cosim.scenario.quantities import Amount

BASE: dict[str, Any] = {"start": "2026-07-14", "duration": "1 d"}


def scenario(homes: dict[str, Any], seed: int = 1) -> Scenario:
    return Scenario.model_validate({**BASE, "seed": seed, "homes": homes})


def people(case: Scenario, count: int, three: frozenset[int] = frozenset()) -> Population:
    names = [f"home-{i}" for i in range(1, count + 1)]
    kinds = ["three" if i in three else "split" for i in range(count)]
    return populate(case, names, kinds, np.full(count, 200.0), ["ringless-200"] * count)


def of(population: Population, group: str) -> set[str]:
    return {name for name, own in zip(population.home, population.group, strict=True) if own == group}


SHARES = st.floats(0.0, 1.0)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 300), low=SHARES, high=SHARES, seed=st.integers(0, 2**63 - 1))
def test_a_larger_share_contains_the_smaller_ones_homes(
    count: int, low: float, high: float, seed: int
) -> None:
    low, high = sorted((low, high))
    few = people(scenario({"a": {"share": low}}, seed), count)
    many = people(scenario({"a": {"share": high}}, seed), count)
    assert of(few, "a") <= of(many, "a")
    assert len(of(few, "a")) == int(np.floor(low * count + 0.5))


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 300),
    shares=st.lists(st.floats(0.0, 0.2), min_size=1, max_size=4),
    grown=st.integers(0, 3),
)
def test_groups_nest_while_those_before_them_stay(count: int, shares: list[float], grown: int) -> None:
    grown = min(grown, len(shares) - 1)
    names = "abcd"[: len(shares)]
    more = [share + 0.2 if i == grown else share for i, share in enumerate(shares)]
    before = people(scenario({n: {"share": s} for n, s in zip(names, shares, strict=True)}), count)
    after = people(scenario({n: {"share": s} for n, s in zip(names, more, strict=True)}), count)
    for name in names[: grown + 1]:
        assert of(before, name) <= of(after, name)


def test_shares_of_one_in_sum_leave_nobody(tmp_path: Path) -> None:
    population = people(scenario({"a": {"share": 0.5}, "b": {"share": 0.5}}), 3)
    assert [len(of(population, g)) for g in ("a", "b", "")] == [2, 1, 0]


def test_draws_do_not_depend_on_the_other_homes_or_their_order() -> None:
    case = scenario(
        {"a": {"share": 1.0, "pv_kw": {"uniform": (4, 9)}, "ev": {"share": 0.5, "charger_kw": 7.0}}}
    )
    whole, part = people(case, 200), people(case, 50)
    for column in ("pv_kw", "pv_tilt_deg", "pv_azimuth_deg", "ev_kw"):
        assert np.array_equal(getattr(whole, column)[:50], getattr(part, column))
    names = list(whole.home)[::-1]
    turned = populate(case, names, ["split"] * 200, np.full(200, 200.0), [""] * 200)
    assert np.array_equal(turned.pv_kw[::-1], whole.pv_kw)


def test_chosen_homes_do_not_depend_on_their_order() -> None:
    case = scenario({"a": {"share": 0.3}})
    population = people(case, 100)
    turned = populate(case, list(population.home)[::-1], ["split"] * 100, np.zeros(100), [""] * 100)
    assert of(turned, "a") == of(population, "a")


def test_seeds_and_groups_draw_apart() -> None:
    chosen = {frozenset(of(people(scenario({g: {"share": 0.3}}, s), 100), g)) for g in "ab" for s in (1, 2)}
    assert len(chosen) == 4


def test_homes_outside_groups_stay_as_they_are() -> None:
    population = people(scenario({"a": {"share": 0.4, "service_rating_a": 100.0, "socket": "ring-100"}}), 10)
    outside = population.group == ""
    assert np.all(population.service_rating_a[outside] == 200.0)
    assert np.all(population.service_rating_a[~outside] == 100.0)
    assert set(population.socket[~outside]) == {"ring-100"}
    assert not (population.pv_kw.any())
    assert not (population.ev_kw.any())
    assert not (population.adapter.any())


def test_ev_chance_is_met_and_nests() -> None:
    def with_ev(chance: float) -> set[str]:
        population = people(scenario({"a": {"share": 1.0, "ev": {"share": chance}}}), 2000)
        return {n for n, kw in zip(population.home, population.ev_kw, strict=True) if kw > 0}

    few, many = with_ev(0.3), with_ev(0.6)
    assert few <= many
    assert abs(len(few) - 600) < 4 * np.sqrt(2000 * 0.3 * 0.7)  # four standard deviations


def test_three_phase_homes_take_no_single_phase_kit_and_are_told() -> None:
    three = frozenset(range(4))
    population = people(scenario({"a": {"share": 1.0, "pv_kw": 5}}), 10, three)
    assert len(of(population, "a")) == 6
    assert not set(population.kind[population.group == "a"]) & {"three"}
    assert population.notes == (
        "homes.a: 4 customers were passed over: the kit needs a single-phase service of 208 to 240 V; "
        "6 homes got it instead of 10",
    )
    plain = people(scenario({"a": {"share": 1.0, "service_rating_a": 200.0}}), 10, three)
    assert len(of(plain, "a")) == 10
    assert not plain.notes


def test_distributions() -> None:
    ids = stable_ids([f"h{i}" for i in range(20_000)])
    uniform = draw_amount(Amount(uniform=(4.0, 9.0)), 1, "p", ids)
    assert uniform.min() >= 4.0
    assert uniform.max() <= 9.0
    assert uniform.mean() == pytest.approx(6.5, abs=0.05)
    normal = draw_amount(Amount(normal=(7.0, 1.5)), 1, "p", ids)
    assert normal.mean() == pytest.approx(7.0, abs=0.05)
    assert normal.std() == pytest.approx(1.5, rel=0.03)
    assert draw_amount(Amount(normal=(1.0, 3.0)), 1, "p", ids).min() == 0.0


# ------------------------------------------------------------------ tables
def with_table(folder: Path, text: str) -> Population:
    file = folder / "homes.csv"
    file.write_text(text, encoding="utf-8")
    case = Scenario.model_validate({**BASE, "population": {"table": str(file)}})
    return people(case, 4, frozenset({3}))


def test_a_table_gives_each_home_its_kit(tmp_path: Path) -> None:
    population = with_table(
        tmp_path,
        "home, pv_kw, ev_kw, service_rating_a, household\nhome-2, 5.5, 7.7, 125, heat-pump\n1,,11.5,,\n",
    )
    assert list(population.group) == ["table", "table", "", ""]
    assert list(population.pv_kw) == [0.0, 5.5, 0.0, 0.0]
    assert list(population.ev_kw) == [11.5, 7.7, 0.0, 0.0]
    assert list(population.service_rating_a) == [200.0, 125.0, 200.0, 200.0]
    assert list(population.household) == ["", "heat-pump", "", ""]


def test_all_mistakes_of_a_table_are_told_with_their_rows(tmp_path: Path) -> None:
    text = (
        "home,adaptor,pv_kw,household,ev_kw\n"
        "home-1,x,five,,\n"
        "home-9,,,,\n"
        "home-2,,,heat-pumpp,\n"
        "home-1,,,,\n"
        "home-3,,-1,,40\n"
    )
    with pytest.raises(ScenarioError) as caught:
        with_table(tmp_path, text)
    found = [str(p).removeprefix(f"{tmp_path}/homes.csv:") for p in caught.value.problems]
    assert [f.partition(":")[0] for f in found] == ["1", "2", "3", "4", "5", "6", "6"]
    assert found[0] == "1: adaptor: unknown column (did you mean 'adapter'?)"
    assert found[1] == "2: pv_kw: should be a number from 0 to 100 (got five)"
    assert found[2].startswith("3: home: the feeder has no home of this name (did you mean 'home-")
    assert "did you mean 'heat-pump'" in found[3]
    assert found[4] == "5: home: this home stands in line 2 already (got home-1)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,pv_kw\na,1\n", 'there must be a column "home"'),
        ("home,pv_kw\nhome-1,1,2\n", "more cells than columns"),
        ('home,pv_kw\n"home-1,1\n', "not a CSV table"),
        ("", 'there must be a column "home"'),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        with_table(tmp_path, text)


def test_a_table_has_the_limits_of_groups_and_every_cell_is_read(tmp_path: Path) -> None:
    file = tmp_path / "homes.csv"
    file.write_text("home,service_rating_a,socket\nnobody,20,ringed-200\nhome-1,200,ring-200\n")
    case = Scenario.model_validate({**BASE, "population": {"table": str(file)}})
    with pytest.raises(ScenarioError) as error:
        people(case, 2)
    assert [(problem.line, problem.key) for problem in error.value.problems] == [
        (2, "home"),
        (2, "socket"),
        (2, "service_rating_a"),
    ]
