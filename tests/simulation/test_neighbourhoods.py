"""Sections that a battery of their own holds up: voltage, energy, limits, the return, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.devices.section_battery import Limit, SectionBattery
from cosim.errors import InterruptedRun, ScenarioError
from cosim.events.environment import Environment
from cosim.report import write_report
from cosim.results import Results
from cosim.scenario import Scenario
from cosim.scenario.loading import load
from cosim.simulation.assembly import assemble
from cosim.simulation.physics import StudyPhysics
from cosim.simulation.run import run
from cosim.simulation.state import Block
from cosim.simulation.story import start_processes

S = 1_000_000
CASE = """
start = 2026-07-09T10:00:00
duration = "4 h"
seed = 3
feeder.homes = 24
homes.solar = { share = 0.7, pv_kw = 9.0 }
record.checkpoint = "30 min"
protection.scheme = "fuse-blowing"

[[events]]
at = 2026-07-09T10:30:00
kind = "outage"
where = "line:breaker-1"
duration = "2 h"

[[islands]]
at = "line:lateral-1"
battery = { energy_kwh = 50.0, power_kw = 100.0, initial_soc = 0.97 }
"""
BATTERY = ("islands", 0, "battery")


def case(folder: Path, text: str = CASE, **changes: Any) -> Scenario:
    path = folder / "case.toml"
    for old, new in changes.items():
        key, _, value = new.partition(" -> ")
        assert key in text, old
        text = text.replace(key, value)
    path.write_text(text)
    return load(path)


def told(results: Results) -> list[tuple[str, str, str]]:
    """Time from the first event on, kind and detail of what happens to the section."""
    events = results.events
    mine = events[(events["subject"] == "line:lateral-1") & ~events["kind"].str.contains("service|der_")]
    times = mine["time"].dt.strftime("%H:%M:%S")
    return list(zip(times, mine["kind"], mine["detail"], strict=True))


class Watched:
    """A run that keeps its blocks and what the battery stores after each."""

    def __init__(self, scenario: Scenario, block_steps: int = 64) -> None:
        self.study = assemble(scenario, parallel=False)
        self.blocks: list[tuple[Block, int, bool, float]] = []
        self.physics = StudyPhysics(self.study, self._keep, parallel=False, block_steps=block_steps)
        self.env = Environment(self.physics)
        start_processes(self.env, self.study, self.physics.without_voltage())
        self.stored = [float(self.physics.state.sections.charge_j[0])]

    def _keep(self, block: Block, count: int) -> None:
        sections = self.physics.state.sections
        self.stored.append(float(sections.charge_j[0]))
        self.blocks.append((block, count, bool(sections.formed), self.stored[-1] - self.stored[-2]))


def test_the_section_has_voltage_and_its_battery_pays_for_it(tmp_path: Path) -> None:
    watched = Watched(case(tmp_path))
    places, study = watched.study.neighbourhoods, watched.study
    watched.env.run_until(2400 * S)
    homes = places.sites[0].homes
    assert 0 < len(homes) < 24
    assert np.array_equal(np.flatnonzero(watched.physics.supplied()), homes)
    assert (watched.physics.service_pu(tuple(study.home_names[h] for h in homes)) > 0.9).all()
    inside = [(b, n, gain) for b, n, formed, gain in watched.blocks if formed]
    assert inside
    for block, count, gain in inside:
        given = places.phase_va(0, block.solution).real.sum(axis=0)[:count]
        seconds = block.plan.seconds[:count]
        into_j = np.where(given > 0.0, given / 0.92, given * 0.92) * seconds
        assert gain == pytest.approx(-into_j.sum(), abs=1e-3)
        # What the battery gives is what the sockets take, and at most 3 % of the flow more in lines and transformers.
        taken = block.sockets.service_w[:count, homes].sum(axis=1)
        through = np.abs(block.sockets.service_w[:count, homes]).sum(axis=1)
        lost = given - taken
        assert (lost > 0.0).all()
        assert (lost < 0.03 * through + 500.0).all()


def test_story_of_a_section(tmp_path: Path) -> None:
    with run(case(tmp_path), tmp_path / "x.h5") as results:
        found = told(results)
        out, table = results.study("outage_homes"), results.study("section_islands")
        page = write_report(results, tmp_path / "x.html").read_text(encoding="utf-8")
    assert [(at, kind) for at, kind, _ in found] == [
        ("10:30:00", "island_feeder"),
        ("10:30:02", "island_switch_opens"),
        ("10:30:02", "island_formed"),
        ("11:10:26", "island_raises_frequency"),
        ("11:21:00", "island_lowers_frequency"),
        ("12:30:00", "island_feeder"),
        ("12:35:00", "island_ended"),
        ("12:35:01", "island_switch_closes"),
    ]
    assert found[3][2] == "battery full"
    assert found[6][2].startswith("125.0 min, ")
    without_s = np.sort(out["without_grid_s"].to_numpy())
    assert np.allclose(without_s[:8], 3.0)  # two seconds until it forms, one at the return
    assert np.allclose(without_s[8:], 7200.0)
    (at,), (homes,) = table["at"].to_numpy(), table["homes"].to_numpy()
    assert (str(at), int(homes)) == ("line:lateral-1", 8)
    given, taken, least, left = (
        float(table[key].to_numpy()[0]) for key in ("given_kwh", "taken_kwh", "least_pu", "left_pu")
    )
    # Stored before, less what was given and more what was taken, each with its losses, is stored after; but for the one
    # step that the full battery cuts, whose part draws otherwise than the whole did: full it is full.
    assert 50.0 * left == pytest.approx(50.0 * 0.97 - given / 0.92 + taken * 0.92, abs=0.01)
    assert 0.0 < least <= left <= 1.0
    assert given > 0.0
    assert taken > 0.0
    assert "Sections on batteries of their own" in page


@pytest.mark.parametrize(
    ("old", "detail"),
    [
        ("energy_kwh = 50.0 -> energy_kwh = 0.5", "battery empty"),
        ("power_kw = 100.0 -> power_kw = 3.0", "overloaded"),
    ],
)
def test_empty_or_overloaded_the_section_is_dark_until_the_feeder_is_back(
    tmp_path: Path, old: str, detail: str
) -> None:
    with run(case(tmp_path, old=old), tmp_path / "x.h5") as results:
        found = told(results)
    assert [kind for _, kind, _ in found][-4:] == [
        "island_stops", "island_dark", "island_feeder", "island_switch_closes",
    ]  # fmt: skip
    assert found[-4][2] == detail
    assert found[-4][0] == found[-3][0]
    assert found[-1][0] == "12:35:00"


def test_in_step_it_returns_without_a_break(tmp_path: Path) -> None:
    scenario = case(tmp_path, old='at = "line:lateral-1" -> at = "line:lateral-1"\nseamless = true')
    with run(scenario, tmp_path / "x.h5") as results:
        found = told(results)
        out = results.study("outage_homes")
    assert [kind for _, kind, _ in found][-2:] == ["island_switch_closes", "island_ended"]
    assert found[-2][::2] == ("12:35:00", "in step")
    assert float(out["without_grid_s"].min()) == pytest.approx(2.0)


def test_a_fault_inside_overloads_the_battery_at_once(tmp_path: Path) -> None:
    fault = 'at = 2026-07-09T10:50:00\nkind = "fault"\nwhere = "{}"\nduration = "1 h"\n\n[[islands]]'
    study = assemble(case(tmp_path), parallel=False)
    inside = study.home_names[study.neighbourhoods.sites[0].homes[0]]
    for where, said in (
        (f"home:{inside}", ("island_stops", "overloaded")),
        ("line:lateral-1-1", ("island_trips", "short circuit")),  # the battery's own voltage is gone
    ):
        text = CASE.replace("[[islands]]", "[[events]]\n" + fault.format(where))
        with run(case(tmp_path, text), tmp_path / "x.h5") as results:
            found = told(results)
        assert ("10:50:00", *said) in found


@pytest.mark.parametrize(("dead", "closes"), [("1 h", "12:35:00"), ("3 h", "13:55:00")])
def test_nothing_is_closed_onto_a_short_circuit(tmp_path: Path, dead: str, closes: str) -> None:
    fault = f'at = 2026-07-09T10:50:00\nkind = "fault"\nwhere = "line:lateral-1-1"\nduration = "{dead}"\n'
    text = "crews.count = 0\n" + CASE.replace("[[islands]]", f"[[events]]\n{fault}\n[[islands]]")
    with run(case(tmp_path, text), tmp_path / "x.h5") as results:
        found = [(at, kind) for at, kind, _ in told(results)]
    assert found[-1] == (closes, "island_switch_closes")
    assert "fuse_blows" not in {kind for _, kind in found}


def test_a_feeder_lost_again_within_the_break_leaves_the_section_to_its_battery(tmp_path: Path) -> None:
    again = 'at = 2026-07-09T12:35:00.500\nkind = "outage"\nwhere = "line:breaker-1"\nduration = "10 min"\n'
    with run(
        case(tmp_path, CASE.replace("[[islands]]", f"[[events]]\n{again}\n[[islands]]")), tmp_path / "x.h5"
    ) as results:
        found = [(at, kind) for at, kind, _ in told(results)]
    assert found[-6:] == [
        ("12:35:00", "island_ended"), ("12:35:00", "island_feeder"), ("12:35:02", "island_formed"),
        ("12:45:00", "island_feeder"), ("12:50:00", "island_ended"), ("12:50:01", "island_switch_closes"),
    ]  # fmt: skip


def test_bits_depend_neither_on_blocks_nor_on_an_interruption(tmp_path: Path) -> None:
    scenario = case(tmp_path)
    whole, small, cut = (tmp_path / f"{name}.h5" for name in ("whole", "small", "cut"))
    run(scenario, whole).close()
    run(scenario, small, block_steps=5).close()

    def stop(done: int, _: int) -> None:
        if done > 110:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRun):
        run(scenario, cut, progress=stop)
    run(scenario, cut, resume=True).close()
    assert whole.read_bytes() == cut.read_bytes()
    assert whole.read_bytes() == small.read_bytes()


@pytest.mark.parametrize(
    ("old", "message"),
    [
        ("line:lateral-1 -> line:lateral-9", "no line of this name"),
        ("line:lateral-1 -> home:3", 'should be "line:NAME"'),
        ("line:lateral-1 -> line:trunk-1", "is a length of line, not a switch"),
    ],
)
def test_what_cannot_be_an_island_is_named(tmp_path: Path, old: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        assemble(case(tmp_path, old=old), parallel=False)


def test_islands_may_not_overlap_or_share_a_switch(tmp_path: Path) -> None:
    more = '\n[[islands]]\nat = "{}"\nbattery = {{ energy_kwh = 5.0, power_kw = 10.0 }}\n'
    with pytest.raises(ScenarioError, match="overlaps the section of island number 0"):
        assemble(case(tmp_path, CASE + more.format("line:breaker-1")), parallel=False)
    with pytest.raises(ScenarioError, match="switch of island number 0 already"):
        case(tmp_path, CASE + more.format("line:lateral-1"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-5e3, 5e3), min_size=1, max_size=30), st.floats(0.0, 1.0), st.booleans())
def test_a_limit_is_where_stored_energy_meets_it(powers: list[float], soc: float, held: bool) -> None:
    battery = SectionBattery(3.6e6, 4e3, 0.9, soc * 3.6e6)
    seconds, power_w = np.full(len(powers), 60.0), np.array(powers)
    starts = np.arange(len(powers)) * 60 * S
    found = battery.first_limit(
        battery.initial_j, power_w[None].astype(complex), np.abs(power_w)[None], starts, seconds, held
    )
    stored = battery.charge_j(battery.initial_j, power_w, seconds)
    upto = len(powers) if found is None else int(found[0] // (60 * S))
    assert (stored[1 : upto + 1] > -1e-6).all()
    assert (stored[1 : upto + 1] < battery.capacity_j + 1e-6).all()
    assert (np.abs(power_w[:upto]) <= 4e3 * (1 + 1e-9)).all()
    if found is not None and found[1] in (Limit.EMPTY, Limit.FULL):
        step = min(upto, len(powers) - 1)
        at_j = stored[step] + battery.rate_w(power_w)[step] * (found[0] / S - 60.0 * step)
        edge = 0.0 if found[1] is Limit.EMPTY else battery.capacity_j
        assert at_j == pytest.approx(edge, abs=abs(float(battery.rate_w(power_w)[step])) * 1.1e-6 + 1e-6)
