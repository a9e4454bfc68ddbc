"""Years without a power flow: who is out, the draws, and parts that join to the same whole."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim import library
from cosim.events import Act, Action
from cosim.events.physics import Fault
from cosim.feeder.feeder import Feeder
from cosim.feeder.service import find_supply
from cosim.reliability.draws import YEAR_US, Rates, poisson
from cosim.reliability.event_physics import EventPhysics, FaultedGrid
from cosim.reliability.history import History, run_events, run_year

sys.path.insert(0, str(Path(__file__).parents[1] / "events"))
from fault_story import protection_by_hand


@cache
def made(homes: int, seed: int = 7) -> tuple[Feeder, FaultedGrid, Rates]:
    feeder = Feeder.generate(homes, seed=seed)
    grid = FaultedGrid(feeder, feeder.compile(), protection_by_hand(feeder))
    return feeder, grid, Rates.of(feeder, library.load("reliability", "us-average"))


def without_a_way(feeder: Feeder, opened: set[str]) -> list[bool]:
    """Homes with an opened section between them and the source, by the tree alone; phases as the lines name them."""
    supply = find_supply(feeder.tables)
    names = {"line": feeder.line["name"].tolist(), "transformer": feeder.transformer["name"].tolist()}
    found = []
    for name, bus, unit in zip(
        feeder.home["name"], feeder.home["bus"], feeder.home["transformer"], strict=True
    ):
        nodes = feeder.winding[feeder.winding["transformer"] == unit].iloc[0]["nodes"]
        phase = "abc"[int(nodes.split(".")[0]) - 1]
        ways = [
            f"{table}:{names[table][row]}" for table, row, _ in supply.upstream(int(bus)) if table in names
        ]
        sections = {f"home:{name}", *ways, *(f"{way}@{phase}" for way in ways if "drop" not in way)}
        found.append(bool(sections & opened))
    return found


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_home_is_out_if_and_only_if_no_way_of_metal_leads_to_it(data: st.DataObject) -> None:
    feeder, grid, _ = made(data.draw(st.sampled_from([20, 60, 120])), data.draw(st.sampled_from([7, 8])))
    lines = [f"line:{name}" for name in feeder.line["name"]]
    whole = [*lines, *(f"transformer:{name}" for name in feeder.transformer["name"] if name != "substation")]
    whole += [f"home:{name}" for name in feeder.home["name"]]
    switches = feeder.line[feeder.line["is_switch"]]
    parts = [
        f"line:{name}@{'abc'[int(n) - 1]}"
        for name, nodes in zip(switches["name"], switches["from_nodes"], strict=True)
        for n in nodes.split(".")
    ]
    opened = set(data.draw(st.lists(st.sampled_from([*whole, *parts]), max_size=5)))
    assert grid.paths.out(opened).tolist() == without_a_way(feeder, opened)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=30))
def test_minutes_add_up_whatever_is_switched_and_closing_all_ends_all(acts: list[tuple[int, bool]]) -> None:
    feeder, grid, _ = made(60)
    physics = EventPhysics(grid)
    sections = [f"line:{name}" for name in feeder.line["name"]]
    total, now = 0, 0
    for step, (number, close) in enumerate(acts):
        until = now + 1_000 * (number % 97)  # several acts may fall on one instant
        if until > now:
            physics.advance(now, until)
        total += int(physics.out.sum()) * (until - now)
        now = until
        section = sections[number % len(sections)]
        physics.apply(Action(Act.CLOSE if close and step else Act.OPEN, section))
    physics.advance(now, now + 5)
    total += int(physics.out.sum()) * 5
    for section in sorted(physics.opened):
        physics.apply(Action(Act.CLOSE, section))
    assert not physics.out.any()
    assert sum(physics.seen.end_us) - sum(physics.seen.start_us) == total
    assert all(end > start for start, end in zip(physics.seen.start_us, physics.seen.end_us, strict=True))


def test_a_fault_is_fed_as_long_as_one_of_its_conductors_is() -> None:
    _, grid, _ = made(60)
    ground = Fault("g", "line:trunk-2", "line-line-ground", "bc", 0.0, 0.5)
    between = Fault("l", "line:trunk-2", "line-line", "bc", 0.0, 0.5)
    assert grid.paths.fed(ground, ["line:breaker-1@b"])
    assert not grid.paths.fed(between, ["line:breaker-1@b"])
    assert not grid.paths.fed(ground, ["line:breaker-1@b", "line:breaker-1@c"])
    assert not grid.paths.fed(ground, ["line:breaker-1"])


def test_any_parts_of_a_range_join_to_the_same_history() -> None:
    feeder, grid, rates = made(60)
    whole = run_events(feeder, grid.protection, rates, 40, 3, grid=grid)
    fresh = FaultedGrid(feeder, feeder.compile(), grid.protection)  # nothing remembered from other years
    parts = [
        run_events(feeder, grid.protection, rates, range(a, b), 3, grid=fresh) for a, b in ((20, 40), (0, 20))
    ]
    joined = History.joined(parts)
    for name in ("years", "home", "year", "start_us", "end_us", "faults"):
        assert np.array_equal(getattr(whole, name), getattr(joined, name)), name
    assert whole.faults.sum() > 0
    assert len(whole.home) > 0
    assert (whole.start_us < YEAR_US).all()


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    from cosim.sweeps.years import run_years

    feeder, grid, rates = made(60)
    here = run_years(feeder, grid.protection, rates, 30, 3)
    there = run_years(feeder, grid.protection, rates, 30, 3, scheduler="local", years_a_task=7)
    for name in ("years", "home", "year", "start_us", "end_us", "faults"):
        assert np.array_equal(getattr(here, name), getattr(there, name)), name


def test_draws_of_a_place_do_not_depend_on_the_others() -> None:
    _, _, rates = made(120)
    fewer = Rates(rates.places[::3], rates.entry)
    names = {place.where for place in fewer.places}
    for year in range(10):
        of_all = [fault for fault in rates.faults(5, year) if fault.where in names]
        assert fewer.faults(5, year) == of_all


def test_counts_follow_their_rates() -> None:
    _, _, rates = made(120)
    years = 400
    found = [fault for year in range(years) for fault in rates.faults(1, year)]
    permanent = sum(fault.dead_us is None for fault in found)
    for count, name in ((permanent, "permanent"), (len(found) - permanent, "temporary")):
        mean = years * sum(getattr(place, name) for place in rates.places)
        assert abs(count - mean) < 4 * mean**0.5
    three = [f for f in found if f.where.startswith("line:trunk")]
    single = sum(f.fault == "line-ground" for f in three) / len(three)
    assert abs(single - 0.7) < 4 * (0.21 / len(three)) ** 0.5
    storms = [fault for year in range(100) for fault in rates.faults(1, year, storms=True)]
    assert len(storms) > len([fault for year in range(100) for fault in rates.faults(1, year)])


@given(st.floats(0.0, 8.0), st.floats(0.0, 1.0, exclude_max=True))
@settings(deadline=None)
def test_poisson_is_scipys(mean: float, share: float) -> None:
    from scipy.stats import poisson as reference

    [count] = poisson(np.array([mean]), np.array([share]))
    assert reference.cdf(count, mean) >= share - 1e-9
    assert count == 0 or reference.cdf(count - 1, mean) <= share + 1e-9


def test_a_year_with_storms_ends_with_everybody_back() -> None:
    _, grid, rates = made(120)
    history, log = run_year(grid, rates, 4, 1, storms=True)
    assert history.end_us.max(initial=0) < 2 * YEAR_US
    kinds = [record.kind for record in log]
    assert kinds.count("crew_called") == kinds.count("crew_done")
