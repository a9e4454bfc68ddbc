"""In-service inverters trip on voltage, come back by their profile, and nothing of it depends on how a run is cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cosim.errors import ScenarioError
from cosim.results import Results
from cosim.scenario import Scenario
from cosim.scenario.home_schema import Inverter
from cosim.simulation.ride_through import Change, Look, RideThrough, Riding, profile_name
from cosim.simulation.run import run
from cosim.simulation.steps import plan_steps

US = 1_000_000
Float = NDArray[np.float64]


@dataclass
class Homes:
    """As much of a population as the settings need."""

    home: tuple[str, ...]
    inverter: NDArray[np.object_]


def settings(*asked: Inverter | None, step_us: int = 60 * US) -> RideThrough:
    given = np.full(len(asked), None, dtype=object)
    given[:] = asked
    homes = Homes(tuple(f"h{n}" for n in range(len(asked))), given)
    return RideThrough(homes, np.full(len(asked), 120.0), 1, step_us)  # type: ignore[arg-type]


def look(
    rides: RideThrough, riding: Riding, v: list[list[float]], start_us: int = 0, until_us: int | None = None
) -> Look:
    """v: by step, by home."""
    legs = np.array(v) * 120.0
    end_us = start_us + len(v) * 60 * US if until_us is None else until_us
    plan = plan_steps(start_us, end_us, 60 * US, len(v))
    known = ~np.isnan(legs[:, 0])
    return rides.look(riding, plan, (legs, legs), known, np.ones(legs.shape[1], dtype=bool))


def test_which_profile_a_home_has() -> None:
    assert profile_name(None) == "ieee1547-2018-iii"
    assert profile_name(Inverter(volt_var="ieee1547-2018-b")) == "ieee1547-2018-iii"
    assert profile_name(Inverter(volt_watt="hawaii-rule-14h")) == "hawaii-rule-14h"
    assert profile_name(Inverter(volt_var="hawaii-rule-14h", ride_through="iso-ne-2021")) == "iso-ne-2021"
    rides = settings(None, Inverter(ride_through="california-rule-21"), Inverter(randomised_delay="300 s"))
    assert rides.enter.v_max_pu.tolist() == [1.05, 1.1, 1.05]
    assert rides.enter.ramp_s.tolist() == [300.0, 50.0, 0.0]
    assert rides.delay_us[:2].tolist() == [300 * US, 15 * US]
    assert 300 * US < rides.delay_us[2] < 600 * US


def test_nothing_is_seen_where_nothing_happens() -> None:
    found = look(settings(None, None), Riding.calm(2), [[1.0, 0.88], [1.1, 1.05]])
    assert found.since_us is None
    assert found.turn is None


def test_a_trip_falls_on_its_microsecond() -> None:
    rides = settings(None, Inverter(ride_through="ieee1547-2018-ii"))
    turn = look(rides, Riding.calm(2), [[1.0, 1.0], [0.87, 0.87], [0.87, 0.6]], start_us=7 * US).turn
    assert turn is not None
    assert (turn.change, turn.time_us, turn.homes.tolist()) == (Change.TRIP, 81 * US, [0])
    assert turn.told == "UV1 0.870 pu, 1 inverters"
    turn = look(rides, Riding.calm(2), [[0.9, 0.6]]).turn
    assert turn is not None
    assert (turn.time_us, turn.homes.tolist()) == (10 * US, [1])


def test_timers_go_on_over_blocks_and_end_with_their_condition() -> None:
    rides, riding = settings(None), Riding.calm(1)
    first = look(rides, riding, [[0.8]], until_us=15 * US)
    assert first.turn is None
    timers = first.after(1)
    assert timers is not None
    riding.since_us = timers
    again = look(rides, riding, [[0.8]], start_us=15 * US, until_us=60 * US).turn
    assert again is not None
    assert again.time_us == 21 * US
    calm = look(rides, riding, [[0.9]], start_us=15 * US, until_us=60 * US)
    assert calm.turn is None
    later = calm.after(1)
    assert later is not None
    assert (later == Riding.calm(1).since_us).all()


def test_a_sag_that_ends_within_the_step_ends_the_rest() -> None:
    """Category III ceases at 0.45 pu and trips after 2 s; a second is not enough, whatever the step."""
    rides, riding = settings(None), Riding.calm(1)
    turn = look(rides, riding, [[0.45]], start_us=17 * US, until_us=18 * US).turn
    assert turn is not None
    assert turn.change is Change.CEASE
    rides.rest(riding, turn)
    riding.wake(18 * US)
    turn = look(rides, riding, [[1.0]], start_us=18 * US, until_us=60 * US).turn
    assert turn is not None
    assert (turn.change, turn.time_us) == (Change.RESUME, 18 * US)
    rides.rest(riding, turn)
    assert look(rides, riding, [[1.0]], start_us=18 * US, until_us=60 * US).turn is None


def test_an_inverter_that_brings_its_voltage_back_by_ceasing_still_trips() -> None:
    """Overvoltage of its own making: ceases at once, rests to the step's end, trips when 13 s are over."""
    rides, riding = settings(None), Riding.calm(1)
    turn = look(rides, riding, [[1.12]]).turn
    assert turn is not None
    assert (turn.change, turn.time_us) == (Change.CEASE, 0)
    rides.rest(riding, turn)
    assert riding.resting.tolist() == [True]
    turn = look(rides, riding, [[1.04]]).turn
    assert turn is not None
    assert (turn.change, turn.time_us) == (Change.TRIP, 13 * US)
    rides.trip(riding, turn.homes)
    assert not riding.resting.any()
    short, riding = settings(None, step_us=US), Riding.calm(1)
    made, events, at = 1.12, [], 0
    while (
        at < 13 * US
    ):  # with steps of a second it resumes and ceases again in each, and trips at the same time
        v, yes = np.array([[120.0 * (1.04 if riding.resting[0] else made)]]), np.ones(1, dtype=bool)
        found = short.look(riding, plan_steps(at, at + US, US, 1), (v, v), yes, yes)
        if found.turn is None:
            timers = found.after(1)
            assert timers is not None
            riding.since_us, at = timers, at + US
            continue
        events.append(found.turn.change)
        if found.turn.change is Change.TRIP:
            assert found.turn.time_us == 13 * US
            break
        short.rest(riding, found.turn)
    assert events[-1] is Change.TRIP


def test_a_source_far_too_high_rests_until_it_is_not() -> None:
    rides, riding = settings(Inverter(ride_through="hawaii-rule-14h")), Riding.calm(1)
    turn = look(rides, riding, [[0.4]], until_us=US).turn
    assert turn is not None
    rides.rest(riding, turn)
    riding.rest_us[:] = US
    timers = look(rides, riding, [[0.4]], until_us=US).after(1)
    assert timers is not None
    riding.since_us = timers
    turn = look(rides, riding, [[0.95]], start_us=US, until_us=2 * US).turn
    assert turn is not None
    assert (turn.change, turn.time_us) == (Change.RESUME, US)


def test_a_step_without_solution_changes_nothing() -> None:
    rides, riding = settings(None), Riding.calm(1)
    timers = look(rides, riding, [[0.8]], until_us=5 * US).after(1)
    assert timers is not None
    riding.since_us = timers
    found = look(rides, riding, [[np.nan]], start_us=5 * US, until_us=10 * US)
    assert found.turn is None
    kept = found.after(1)
    assert kept is not None
    assert (kept == timers).all()


SUNNY = """
title = "too much sun"
start = 2026-06-21T11:00:00
duration = "6 h"
step = "60 s"
seed = 7
[feeder]
homes = 20
substation_distance_km = 14
[weather]
source = "clear:36.1,-79.9"
[homes.solar]
share = 1.0
pv_kw = 36
[record]
full = ["home:1"]
quantize = false
[[events]]
at = 2026-06-21T12:00:00
kind = "der-disconnect"
where = "home:1"
duration = "2 min"
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rides") / "sunny.toml"
    path.write_text(SUNNY)
    return path


@pytest.fixture(scope="module")
def results(file: Path) -> Results:
    return run(Scenario.load(file), file.with_name("sunny.h5"))


def test_inverters_trip_on_their_own_voltage_and_come_back(results: Results) -> None:
    """Nobody holds back 36 kW: those far out trip 13 s into a step, and come back five minutes after their window."""
    events = results.events
    second = events["time"].dt.second
    trips = events[events["kind"] == "der_reaches_trip"]
    assert len(trips)
    assert (second[trips.index] == 13).any()
    assert trips["detail"].str.startswith("OV1").all()
    stops = events[events["kind"] == "der_trip"]
    assert set(stops["cause"]) == set(trips.index)
    returns = events[events["kind"] == "enter_service"]
    assert len(returns)
    waited = returns["time"].to_numpy() - events["time"].loc[returns["cause"]].to_numpy()
    assert (waited == np.timedelta64(300, "s")).all()


@pytest.mark.parametrize(("threads", "block_steps"), [(1, 64), (2, 7)])
def test_bits_do_not_depend_on_threads_or_blocks(
    file: Path, results: Results, threads: int, block_steps: int
) -> None:
    other = run(Scenario.load(file), file.with_name("other.h5"), threads=threads, block_steps=block_steps)
    assert (other.events == results.events).all(axis=None)
    for quantity in ("voltage_l1_v", "pv_power_w"):
        assert other.full(quantity).to_numpy().tobytes() == results.full(quantity).to_numpy().tobytes()


SAGS = """
title = "sags"
start = 2026-06-21T11:00:00
duration = "1 h"
step = "60 s"
seed = 3
[feeder]
homes = 8
[weather]
source = "clear:36.1,-79.9"
[homes.two]
share = 0.5
pv_kw = 6
inverter = { volt_var = "ieee1547-2018-b", ride_through = "ieee1547-2018-ii" }
[homes.three]
share = 0.5
pv_kw = 6
battery = "powerwall-3"
inverter = { ride_through = "ieee1547-2018-iii", randomised_delay = "4 min" }
[record]
full = ["home:1", "home:2", "home:3", "home:4", "home:5", "home:6", "home:7", "home:8", "worst:voltage_l1_v:2"]
quantize = false
[[events]]
at = 2026-06-21T11:10:10
kind = "source-voltage"
value_pu = 0.63
duration = "9 s"
[[events]]
at = 2026-06-21T11:20:00
kind = "source-voltage"
value_pu = 0.63
duration = "15 s"
[[events]]
at = 2026-06-21T11:40:30
kind = "source-voltage"
value_pu = 0.63
duration = "40 s"
"""


def test_sags_of_the_source_by_category(tmp_path: Path) -> None:
    """9 s are ridden through by all, 15 s by category III alone (UV1 after 10 s in II), 40 s by none (21 s in III)."""
    path = tmp_path / "sags.toml"
    path.write_text(SAGS)
    results = run(Scenario.load(path), tmp_path / "sags.h5")
    events = results.events
    trips = events[events["kind"] == "der_reaches_trip"]
    assert [f"{at:%H:%M:%S}" for at in trips["time"]] == ["11:20:10", "11:40:40", "11:40:51"]
    assert trips["detail"].str.startswith("UV1").all()
    assert not (events["kind"] == "der_ceases").any()
    assert (events["kind"] == "source_voltage").sum() == 6
    back = events[events["kind"] == "enter_service"]["time"]
    assert f"{back.iloc[0]:%H:%M:%S}" == "11:25:15"  # five minutes after the voltage
    later = back[back > "2026-06-21T11:41"]
    assert f"{later.iloc[0]:%H:%M:%S}" == "11:46:10"
    assert later.iloc[1:].between("2026-06-21T11:46:10", "2026-06-21T11:50:10").all()
    assert later.nunique() == 5  # category III: each by a delay of its own
    given = results.full("pv_power_w")
    group = results.homes["group"].to_numpy()
    shown = given.sel(home=results.homes.index.to_numpy()) if "home" in given.coords else given
    start = shown["step"].to_numpy().astype("datetime64[s]")

    def mean_w(at: str, which: str) -> float:
        at_step = int(np.searchsorted(start, np.datetime64(f"2026-06-21T{at}"), side="right")) - 1
        return float(shown.to_numpy()[at_step][group == which].mean())

    full = mean_w("11:05:00", "two")
    assert full > 3000.0
    assert mean_w("11:22:00", "two") == 0.0
    assert mean_w("11:22:00", "three") > 3000.0
    ramp = mean_w("11:27:00", "two") / mean_w("11:27:00", "three")
    assert ramp == pytest.approx((11 * 60 + 27.5 - 11 * 60 - 25.25) * 60.0 / 300.0, abs=0.15)
    assert mean_w("11:43:00", "two") == mean_w("11:43:00", "three") == 0.0
    assert mean_w("11:55:00", "three") > 3000.0  # without a ramp
    assert results.windows  # computed again from snapshots: timers and the source's voltage are among them
    for name in results.windows:
        again = results.full("voltage_l1_v", name)
        whole = results.full("voltage_l1_v").sel(step=again["step"], home=again["home"])
        assert again.to_numpy().tobytes() == whole.to_numpy().tobytes()


def test_what_the_source_does_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    wrong = SAGS.replace("value_pu = 0.63\n", "", 1).replace('"9 s"', '"9 s"\nwhere = "line:a"')
    path.write_text(wrong.replace('ieee1547-2018-ii"', 'ieee1547-2018-vi"'))
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(path)
    told = "\n".join(str(problem) for problem in caught.value.problems)
    for part in (
        "value_pu: is needed for",
        "where: should be left out",
        "unknown entry of models/grid-profiles 'ieee1547-2018-vi'",
    ):
        assert part in told
