"""Houses: laws of the two-node network, of the thermostat and of the equipment, then published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from cosim import library
from cosim.demand import house, house_weather
from cosim.demand import house_kernels as k
from cosim.demand.house import BTU_J, BTU_PER_H_W, FAHRENHEIT_K, FOOT_M, HouseBlock, Houses

HALF_K = 0.5 / 0.9  # half the dead band of all entries


def some(n: int = 4, equipment: str = "single-speed", seed: int = 1, **sizes: float) -> Houses:
    """n houses of 120 to 240 m2; without sizes, a heat pump of 9 kW with 10 kW of strips."""
    rng = np.random.default_rng(seed)
    shell = house.envelope(["good"] * n, rng.uniform(120, 240, n))
    kit = sizes or {"pump_heat_w": 9e3, "strip_w": 10e3, "cool_w": 12e3}
    return house.houses(shell, [equipment] * n, heating_cop=3.5, heat_fan_w=400.0, cool_fan_w=400.0, **kit)


def weather(homes: Houses, outdoor_c: np.ndarray, humidity: float = 0.6) -> np.ndarray:
    return house_weather.conditions(homes.equipment, outdoor_c, np.full(len(outdoor_c), humidity))


def at(homes: Houses, air_c: float) -> np.ndarray:
    """All at one temperature, off and free to start."""
    state = house.initial(homes.rows, air_c, air_c, air_c, np.full(len(homes.rows), 0.5))
    state[:, k.SINCE_S] = 1e6
    return state


def held(homes: Houses, outdoor_c: float, air_c: float, seconds: np.ndarray, **more: object) -> HouseBlock:
    """A block under constant weather."""
    return house.run(
        homes,
        at(homes, air_c),
        conditions=weather(homes, np.full(len(seconds), outdoor_c)),
        seconds=seconds,
        parallel=False,
        **more,  # type: ignore[arg-type]
    )


def floating(**sizes: float) -> Houses:
    """Houses without any equipment."""
    return some(equipment="single-speed", **{"cool_w": 0.0, **sizes})


# the network


@settings(deadline=None, max_examples=25)
@given(st.floats(-25, 40), st.floats(-5, 35), st.floats(0, 9e3), st.floats(1, 900))
def test_the_step_is_the_solution_of_the_equations(
    outdoor_c: float, start_c: float, gains_w: float, seconds: float
) -> None:
    homes = floating()
    row = homes.rows[0]
    block = held(homes, outdoor_c, start_c, np.array([seconds]), gains_w=gains_w)
    half = 0.5 * gains_w

    def slope(_: float, x: np.ndarray) -> list[float]:
        air, mass = x
        between = row[k.MASS_W_PER_K] * (mass - air)
        air_w = half + row[k.UA_W_PER_K] * (outdoor_c - air) + between
        return [air_w / row[k.AIR_J_PER_K], (half - between) / row[k.MASS_J_PER_K]]

    exact = solve_ivp(slope, (0, seconds), [start_c, start_c], method="DOP853", rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(block.end[0, :2], exact.y[:, -1], atol=1e-8)


def cut(homes: Houses, outdoor_c: np.ndarray, cuts: int, **more: np.ndarray) -> HouseBlock:
    """Minutes of weather, each cut into equal steps."""
    fine = {key: np.repeat(value, cuts, axis=1) for key, value in more.items()}
    steps = len(outdoor_c) * cuts
    sky = weather(homes, np.repeat(outdoor_c, cuts))
    seconds = np.full(steps, 60.0 / cuts)
    return house.run(homes, at(homes, 20.0), conditions=sky, seconds=seconds, parallel=False, **fine)  # type: ignore[arg-type]


def a_day(homes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outdoor air, and sun and gains of each home, by the minute."""
    minute = np.arange(1440)
    sun_w, gains_w = np.random.default_rng(2).uniform(0, 2e3, (2, homes, 1440))
    return -3.0 + 6.0 * np.sin(2 * np.pi * minute / 1440), sun_w, gains_w


def lost_j(homes: Houses, block: HouseBlock, outdoor_c: np.ndarray, cuts: int) -> np.ndarray:
    """Heat that the envelope lost in a day, by Simpson's rule over the air at the ends of even cuts."""
    air = np.concatenate([np.full((len(homes.rows), 1), 20.0), block.air_c], axis=1)
    step = 60.0 / cuts
    lost = np.zeros(len(homes.rows))
    for minute, outdoors in enumerate(outdoor_c):
        x = air[:, minute * cuts : (minute + 1) * cuts + 1] - outdoors
        lost += (
            step
            / 3.0
            * (x[:, 0] + x[:, -1] + 4.0 * x[:, 1:-1:2].sum(axis=1) + 2.0 * x[:, 2:-1:2].sum(axis=1))
        )
    return np.asarray(lost * homes.rows[:, k.UA_W_PER_K])


def gained_j(homes: Houses, block: HouseBlock) -> np.ndarray:
    """Heat that the nodes hold beyond 20 degC."""
    nodes = homes.rows[:, [k.AIR_J_PER_K, k.MASS_J_PER_K]]
    return np.asarray((nodes * (block.end[:, :2] - 20.0)).sum(axis=1))


def test_energy_balances_over_a_day() -> None:
    """Gains are what the nodes hold and what the envelope lost: to 1e-9 of the heat moved."""
    homes = floating()
    outdoor_c, sun_w, gains_w = a_day(len(homes.rows))
    block = cut(homes, outdoor_c, 20, sun_w=sun_w, gains_w=gains_w)
    moved = (sun_w + gains_w).sum(axis=1) * 60.0
    left = moved - gained_j(homes, block) - lost_j(homes, block, outdoor_c, 20)
    assert np.abs(left / moved).max() < 1e-9


def test_energy_balances_with_a_thermostat() -> None:
    """As before with heat of known efficiency; Simpson's rule blurs the kinks where it switches."""
    homes = some(equipment="gridlabd")
    outdoor_c, sun_w, gains_w = a_day(len(homes.rows))
    block = cut(homes, outdoor_c, 60, sun_w=sun_w, gains_w=gains_w)
    eir = homes.rows[0, k.PUMP_EIR] * weather(homes, np.repeat(outdoor_c, 60))[0, :, k.EIR_0]
    heat_w = block.heating_w / eir + block.resistance_w + block.fan_w
    moved = (sun_w + gains_w).sum(axis=1) * 60.0 + heat_w.sum(axis=1)
    left = moved - gained_j(homes, block) - lost_j(homes, block, outdoor_c, 60)
    assert (block.heating_w.sum(axis=1) > 0.0).all()
    assert np.abs(left / moved).max() < 1e-6


# the step's length


def test_a_step_may_be_cut_anywhere() -> None:
    """Minutes, seconds and odd cuts end alike, thermostat included, where nothing varies within a minute."""
    homes = some(equipment="gridlabd")
    rng = np.random.default_rng(3)
    odd = rng.uniform(0.05, 60.0, 900)
    odd = np.append(odd[np.cumsum(odd) < 17990.0], 0.0)
    odd[-1] = 18000.0 - odd.sum()
    minutes, single, odds = (
        held(homes, -6.0, 20.0, x, gains_w=500.0) for x in (np.full(300, 60.0), np.ones(18000), odd)
    )
    for other, seconds in ((single, np.ones(18000)), (odds, odd)):
        np.testing.assert_allclose(other.end, minutes.end, rtol=1e-9, atol=1e-6)
        joules = (other.total_w * seconds).sum(axis=1)
        np.testing.assert_allclose(joules, (minutes.total_w * 60.0).sum(axis=1), rtol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(-20, 40), st.floats(15, 29), st.floats(15, 29), st.booleans())
def test_no_crossing_is_missed(outdoor_c: float, air_c: float, mass_c: float, runs: bool) -> None:
    """Air that turns within a minute, and maybe crosses a threshold and comes back, switches all the same."""
    homes = some(1, "gridlabd")
    homes.rows[:, [k.MIN_ON_S, k.MIN_OFF_S]] = 20.0
    start = at(homes, air_c)
    start[:, k.MASS_C] = mass_c
    start[:, k.MODE] = k.HEATING if runs else k.OFF
    ends = []
    for steps in (1, 120):
        block = house.run(
            homes,
            start,
            conditions=weather(homes, np.full(steps, outdoor_c)),
            seconds=np.full(steps, 60.0 / steps),
            parallel=False,
        )
        ends.append(np.append(block.end[0], block.total_w.mean()))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-7, atol=1e-6)


def test_bits_depend_on_nothing_else() -> None:
    """Alone or among others, on one thread or all, in one block or several of whole steps."""
    homes = some(6)
    outdoor_c, sun_w, gains_w = a_day(6)
    sky, seconds = weather(homes, outdoor_c), np.full(1440, 60.0)
    start = at(homes, 20.0)
    whole = house.run(homes, start, conditions=sky, sun_w=sun_w, gains_w=gains_w, seconds=seconds)
    alone = house.run(
        homes, start, conditions=sky, sun_w=sun_w, gains_w=gains_w, seconds=seconds, parallel=False
    )
    np.testing.assert_array_equal(whole.total_w, alone.total_w)
    third = Houses(homes.rows[2:3], homes.kind[2:3], homes.equipment, homes.aperture_m2[2:3])
    one = house.run(
        third,
        start[2:3],
        conditions=sky,
        sun_w=sun_w[2:3],
        gains_w=gains_w[2:3],
        seconds=seconds,
        parallel=False,
    )
    np.testing.assert_array_equal(one.total_w[0], whole.total_w[2])
    state, parts = start, []
    for a, b in ((0, 7), (7, 700), (700, 1440)):
        block = house.run(
            homes,
            state,
            conditions=sky[:, a:b],
            sun_w=sun_w[:, a:b],
            gains_w=gains_w[:, a:b],
            seconds=seconds[a:b],
            parallel=False,
        )
        state = block.end
        parts.append(block.total_w)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole.total_w)
    np.testing.assert_array_equal(state, whole.end)


# the thermostat


@pytest.mark.parametrize(("outdoor_c", "set_c"), [(-5.0, 21.1), (35.0, 23.9)])
def test_air_stays_in_the_dead_band_when_the_machine_suffices(outdoor_c: float, set_c: float) -> None:
    homes = some(pump_heat_w=30e3, cool_w=15e3)
    homes.rows[:, [k.MIN_ON_S, k.MIN_OFF_S]] = 0.0
    block = held(homes, outdoor_c, set_c, np.full(3600, 10.0), gains_w=400.0)
    assert block.air_c.min() > set_c - HALF_K - 1e-9
    assert block.air_c.max() < set_c + HALF_K + 1e-9
    assert 5 < np.count_nonzero(np.diff((block.total_w[0] > 100.0).astype(int)) > 0) < 200


def test_air_sags_to_balance_when_it_does_not() -> None:
    homes = some(equipment="gridlabd", pump_heat_w=5e3)
    block = held(homes, -12.0, 20.0, np.full(6000, 60.0), gains_w=300.0)
    heat_w = block.heating_w[:, -1] / (
        homes.rows[:, k.PUMP_EIR] * weather(homes, np.array([-12.0]))[0, 0, k.EIR_0]
    )
    balance_c = -12.0 + (heat_w + 400.0 + 300.0) / homes.rows[:, k.UA_W_PER_K]
    np.testing.assert_allclose(block.air_c[:, -1], balance_c, atol=1e-3)
    assert block.air_c[:, -1].max() < 20.0


def test_the_compressor_keeps_its_shortest_run_and_rest() -> None:
    homes = some(pump_heat_w=40e3, cool_w=0.0)
    block = held(homes, 6.0, 21.1, np.full(40000, 1.0))
    on = block.heating_w > 0.5 * block.heating_w.max(axis=1, keepdims=True)
    for row, home in zip(on, homes.rows, strict=True):
        change = np.flatnonzero(np.diff(row.astype(int)))
        runs = np.diff(change)
        is_on = row[change[:-1] + 1]
        assert runs[is_on].min() == pytest.approx(
            home[k.MIN_ON_S], abs=1.01
        )  # a machine this large stops at once
        assert runs[~is_on].min() >= home[k.MIN_OFF_S] - 1.01


def test_without_power_nothing_runs_and_the_compressor_waits_after_it() -> None:
    homes = some()
    seconds = np.full(7200, 1.0)
    powered = np.ones((4, 7200), bool)
    powered[:, 600:4200] = False
    block = held(homes, -5.0, 20.0, seconds, powered=powered)
    assert block.total_w[:, 600:4200].max() == 0.0
    assert (np.diff(block.air_c[:, 600:4200]) < 0.0).all()
    first = np.argmax(block.heating_w[:, 4200:] > 0.0, axis=1)
    np.testing.assert_allclose(first, homes.rows[:, k.RESTART_S], atol=1.0)
    assert (block.resistance_w[:, 4200 + 301] > 9e3).all()  # an hour colder: strips help


def test_waits_after_an_outage_are_spread_over_the_entrys_range() -> None:
    shell = house.envelope(["good"] * 3, np.full(3, 150.0))
    rows = house.houses(shell, ["single-speed"] * 3, cool_w=9e3, restart=np.array([0.0, 0.5, 1.0])).rows
    np.testing.assert_allclose(rows[:, k.RESTART_S], [0.0, 300.0, 600.0])


def test_load_control_holds_off_all_but_the_crankcase() -> None:
    homes = some()
    block = held(homes, -5.0, 20.0, np.full(120, 60.0), held_off=np.arange(120) >= 30)
    assert (block.heating_w[:, 10] > 0.0).all()
    np.testing.assert_array_equal(block.total_w[:, 31:], 50.0)


def test_set_points_too_close_are_refused() -> None:
    with pytest.raises(ValueError, match="dead band apart"):
        held(some(), 0.0, 20.0, np.full(3, 60.0), heat_c=21.0, cool_c=21.5)


# the equipment


def test_a_home_draws_only_what_it_has() -> None:
    cold, hot = -5.0, 36.0
    gas = some(furnace_heat_w=25e3, cool_w=12e3)
    winter, summer = (held(gas, t, 21.1, np.full(300, 60.0)) for t in (cold, hot))
    assert winter.fan_w.max() == 400.0
    assert winter.heating_w.max() == winter.cooling_w.max() == 0.0
    assert winter.resistance_w.max() == 50.0
    assert summer.cooling_w.max() > 2e3
    baseboard = some(strip_w=15e3)
    baseboard.rows[:, k.HEAT_FAN_W] = 0.0
    block = held(baseboard, cold, 21.1, np.full(300, 60.0))
    assert block.resistance_w.max() == 15e3
    assert block.total_w.max() == 15e3
    assert held(baseboard, hot, 21.1, np.full(300, 60.0)).total_w.max() == 0.0
    assert held(floating(), cold, 21.1, np.full(300, 60.0)).total_w.max() == 0.0


@pytest.mark.parametrize(
    ("outdoor_c", "air_c", "pump", "strips"),
    [(5.0, 18.0, True, False), (4.0, 18.0, True, True), (4.0, 20.4, True, False), (-18.5, 20.4, False, True)],
    ids=["strips locked out", "both", "pump alone", "pump locked out"],
)
def test_strips_and_pump_run_where_they_may(outdoor_c: float, air_c: float, pump: bool, strips: bool) -> None:
    block = held(some(), outdoor_c, air_c, np.array([1.0]))
    assert (block.heating_w[:, 0] > 0.0).all() == pump
    assert (block.resistance_w[:, 0] == 10e3).all() == strips


def test_strips_leave_after_their_rise_and_come_after_their_delay() -> None:
    homes = some(pump_heat_w=20e3, strip_w=10e3)
    block = held(homes, 0.0, 18.0, np.full(3000, 1.0))
    last = np.argmax(block.resistance_w < 5e3, axis=1)
    on_below = 21.1 - homes.rows[:, k.STRIP_BELOW_K]
    end_c = block.air_c[np.arange(4), last]
    np.testing.assert_allclose(end_c, on_below + homes.rows[:, k.STRIP_BAND_K], atol=0.02)
    homes.rows[:, [k.STRIP_DELAY_S, k.STRIP_BELOW_K, k.PUMP_HEAT_W]] = 300.0, 9.0, 6e3
    slow = held(homes, -8.0, 20.4, np.full(400, 1.0))
    np.testing.assert_allclose(np.argmax(slow.resistance_w > 5e3, axis=1), 300, atol=1)


def test_frost_takes_heat_and_power_as_energyplus_has_it() -> None:
    """At -2 degC and 80 % the coil at -10.2 degC has 1.59 g/kg beside 2.60 outdoors: 6.5 % of the time."""
    share = house_weather.frost_share(np.array([-2.0, 4.4, 4.5, -20.0]), 0.8)
    assert share[0] == pytest.approx(0.065, abs=0.002)
    assert share[2] == 0.0
    assert 0.0 < share[3] < share[0]
    homes = some(1)
    row = weather(homes, np.array([-2.0]), 0.8)[0, 0]
    f = share[0]
    cap = (
        0.878143655
        - 0.002914855 * 20
        - 0.00003337 * 400
        - 0.022386661 * 2
        + 0.000163944 * 4
        + 0.00002187 * 40
    )
    heat = row[k.HEAT_0] + 20 * row[k.HEAT_1] + 400 * row[k.HEAT_2]
    assert heat == pytest.approx(cap * 0.875 * (1 - f) - 0.01 * f * (7.222 + 2.0) / 1.01667, rel=1e-12)
    eir = 0.716518071 + 0.2055180 + 0.460734 * 0.4 + 0.012960730 + 0.000456354 * 4 + 0.00069764 * 40
    power = (heat + row[k.FROST_LOSS]) * (row[k.EIR_0] + 20 * row[k.EIR_1] + 400 * row[k.EIR_2])
    assert power == pytest.approx(cap * eir * 0.954 * (1 - f), rel=1e-6)
    assert row[k.FROST_EIR] == pytest.approx(0.1528 * f / 1.01667)
    drawn = held(homes, -2.0, 20.0, np.array([1.0])).heating_w[0, 0]
    drier = weather(homes, np.array([-2.0]), 0.6)[0, 0]  # what `held` assumes
    heat = drier[k.HEAT_0] + 20 * drier[k.HEAT_1] + 400 * drier[k.HEAT_2] + drier[k.FROST_LOSS]
    eir *= 0.954 / 0.875 * homes.rows[0, k.PUMP_EIR]
    assert drawn == pytest.approx(9e3 * (heat * eir + drier[k.FROST_EIR]), rel=1e-6)


def test_performance_is_the_rated_one_at_rating() -> None:
    """Heating at 8.3 degC outdoors and 21.1 indoors; cooling at 35 degC and a wet bulb of 19.4 is rated as 1."""
    for name in library.names("hvac"):
        row = house_weather.conditions([name], np.array([8.333, 35.0]), np.array([0.5, 0.5]))[0]
        heat = row[0, k.HEAT_0] + 21.1 * row[0, k.HEAT_1] + 21.1**2 * row[0, k.HEAT_2]
        eir = row[0, k.EIR_0] + 21.1 * row[0, k.EIR_1] + 21.1**2 * row[0, k.EIR_2]
        assert heat == pytest.approx(1.0, abs=0.02)
        assert eir == pytest.approx(1.0, abs=0.02)
        assert row[1, k.COOL_POWER] == pytest.approx(1.0, abs=0.03)


# published numbers


def test_the_reference_house_is_gridlabds() -> None:
    """2000 ft2, one storey, NORMAL: as GridLAB-D 6.0.0 initialises it."""
    shell = house.envelope(["normal"], 2000.0 * FOOT_M**2)
    per_f = BTU_PER_H_W / FAHRENHEIT_K
    assert shell.ua_w_per_k[0] / per_f == pytest.approx(794.187, abs=5e-4)
    assert shell.air_j_per_k[0] * FAHRENHEIT_K / BTU_J == pytest.approx(847.426, abs=5e-4)
    assert shell.mass_j_per_k[0] * FAHRENHEIT_K / BTU_J == pytest.approx(3435.05, abs=5e-3)
    assert shell.mass_w_per_k[0] / per_f == pytest.approx(7817.42, abs=5e-3)
    assert shell.aperture_m2[0] / FOOT_M**2 == pytest.approx(88.0738, abs=5e-5)
    assert house.design_cooling_w(shell, 2000.0 * FOOT_M**2)[0] / BTU_PER_H_W == pytest.approx(54000.0)


def test_levels_are_in_their_order() -> None:
    order = ["very-little", "little", "below-normal", "normal", "above-normal", "good", "very-good"]
    assert sorted(order) == library.names("envelopes")
    ua = house.envelope(order, 180.0, storeys=2.0).ua_w_per_k
    assert (np.diff(ua) < 0.0).all()
    assert house.design_heating_w(house.envelope(["good"], 180.0), -10.0)[0] % 5000.0 == 0.0


def test_a_facade_sees_a_third_of_the_beam_of_a_low_sun() -> None:
    """Mean over orientations of max(cos, 0) is 1 / pi."""
    azimuth = np.radians(np.arange(0, 360, 0.5))
    beam = 800.0 * np.maximum(np.cos(azimuth), 0.0).mean() * math.sin(math.radians(70.0))
    mean = house_weather.facade_irradiance(*(np.array([x]) for x in (800.0, 100.0, 373.0, 70.0)))
    assert mean[0] == pytest.approx(beam + 50.0 + 37.3, rel=1e-4)
