"""The chain over years: threshold of runaway, what the reduction of the heat network costs, bits, strata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosim import library
from cosim.errors import ConvergenceError, LibraryError
from cosim.randomness import stable_ids
from cosim.thermal import contact_kernels as laws
from cosim.thermal.contact import METER_BLADES, constants, load_contact, load_population, values
from cosim.thermal.contact_ageing import GRID_W, Aged, ContactAgeing, Exposure, Jaws
from cosim.thermal.contact_glow import glow_run
from cosim.thermal.contact_homes import HomeContacts, home_contacts, own_ohm, with_contacts
from cosim.thermal.contact_population import chance_of_poor, draw_jaws, insertions
from cosim.thermal.fleet import HeatFleet, OwnOhm
from cosim.thermal.limits import steady_state
from cosim.thermal.network import Float, HeatNetwork, Links, heat_network

JAW, PEOPLE = load_contact("meter-jaw"), values(load_population("us-sockets"))
C = constants(JAW)
LIMITS = np.array([90.0, 90.0, 110.0, 0.5])
SEASON_S = 365.25 * 86400.0 / 4


@pytest.fixture(scope="module")
def ageing() -> ContactAgeing:
    return ContactAgeing(library.load("adapters", "bare-socket"))


def exposure_of(amps: tuple[float, ...], air: float = 25.0) -> Exposure:
    i2 = np.array([[[[amp**2] * 4 + [0.0, 0.0] for amp in amps]]])
    weight = np.full(len(amps), 1.0 / len(amps))
    return Exposure(i2, np.full((1, 1, len(amps)), air), weight)


def jaws_of(hold: Float, *, insertion: tuple[int, ...] = (0,), disconnects: bool = True) -> Jaws:
    homes, count = hold.shape
    return Jaws(
        np.zeros(homes, np.int64), hold, np.full((homes, count), 3e-5), np.array(insertion),
        np.ones((homes, len(insertion), count)), np.full(homes, disconnects),
    )  # fmt: skip


def run(
    ageing: ContactAgeing,
    jaws: Jaws,
    exposure: Exposure,
    years: float = 20.0,
    *,
    c: Float = C,
    parallel: bool = False,
) -> Aged:
    return ageing.age(
        jaws, exposure, ageing.base(exposure), c, LIMITS, step_s=SEASON_S, steps=round(4 * years), parallel=parallel
    )  # fmt: skip


def one_poor(*holds: float) -> Float:
    rows = np.ones((len(holds), 4))
    rows[:, 0] = holds
    return rows


# A lumped node: T = Ta + Z R0 (1 + alpha (T - 20)) I^2 has a state of rest while Z R0 alpha I^2 < 1.
Z, R0, ALPHA, AIR = 1000.0, 1e-5, 0.02, 25.0
LUMP_C = constants(JAW, {"resistance_slope": ALPHA, "softening_c": 2000.0, "melting_c": 2900.0})


def lumped(gain: float) -> tuple[float, float]:
    """(temperature of the loop, of the closed form) at a share of the threshold's squared current."""
    amp = np.sqrt(gain / (Z * R0 * ALPHA))
    watt, temp, one = np.zeros(1), np.zeros(1), np.ones(1)
    table = (Z * GRID_W)[None, None, :]
    laws.settle(
        LUMP_C, R0 * one, 0.0 * one, JAW.force_n.value * one, 0.0 * one, 0.0 * one, 0.0 * one, amp * one, AIR * one,
        GRID_W, table, watt, temp,
    )  # fmt: skip
    closed = (AIR + gain / ALPHA * (1.0 - ALPHA * 20.0)) / (1.0 - gain)
    return float(temp[0]), closed


def lumped_network() -> HeatNetwork:
    none, ends = np.zeros(0, np.int64), [(0, -1, 1.0 / Z), (1, -1, 1.0 / Z)]
    return HeatNetwork(
        names=("l1.jaw", "l2.jaw"), roles=("jaw", "jaw"), pairs=1, capacity_j_per_k=np.ones(2), loss_w=np.zeros(2),
        linear=Links.of(ends), convection=Links(none, none, np.zeros(0), 0.25),
        radiation=Links(none, none, np.zeros(0), radiates=True), node=np.array([0, 1]), path=np.array([0, 1]),
        ohm=np.full(2, R0), slope=np.full(2, R0 * ALPHA),
    )  # fmt: skip


@pytest.mark.parametrize("gain", [0.2, 0.5, 0.8, 0.9])
def test_below_the_threshold_the_loop_rests_where_the_closed_form_says(gain: float) -> None:
    found, closed = lumped(gain)
    assert found == pytest.approx(closed, rel=0.02)
    i2 = np.full(6, gain / (Z * R0 * ALPHA))
    assert steady_state(lumped_network(), i2, AIR)[0] == pytest.approx(closed, rel=1e-6)


@pytest.mark.parametrize("gain", [1.02, 1.3])
def test_above_the_threshold_it_runs_away(gain: float) -> None:
    """Where the network has no state of rest, the loop passes far beyond that of nine tenths of the threshold."""
    with pytest.raises(ConvergenceError):
        steady_state(lumped_network(), np.full(6, gain / (Z * R0 * ALPHA)), AIR)
    assert lumped(gain)[0] > 2.0 * lumped(0.9)[0]


def test_tables_match_the_whole_network(ageing: ContactAgeing) -> None:
    """Extra heat at other currents and air: within 4 % of the whole network's rise (contacts 1 %, meter 3 %)."""
    i2 = np.array([80.0**2] * 4 + [0.0, 0.0])
    heat = np.array([30.0, 12.0, 0.0, 60.0])
    whole = ageing.at_rest(i2, 5.0, heat) - ageing.at_rest(i2, 5.0)
    summed = sum(
        np.array([laws.response(GRID_W, ageing.tables[row, k], heat[k]) for row in range(len(whole))])
        for k in range(4)
    )
    np.testing.assert_allclose(summed, whole, rtol=0.04)
    np.testing.assert_allclose(summed[:4], whole[:4], rtol=0.015)


def test_no_current_no_extra_heat(ageing: ContactAgeing) -> None:
    """Without current contacts stand at the air with the meter's own warmth, and only the spring relaxes."""
    aged = run(ageing, jaws_of(one_poor(1.0, 0.1)), exposure_of((0.0, 0.0)))
    still = ageing.base(exposure_of((0.0, 0.0)))[0, 0, 0, :4].max()
    assert aged.hottest_c == pytest.approx(still, abs=1e-6)
    assert np.all(aged.film_ohm_m2 == 0.0)
    assert np.all(aged.glowing == 0.0)
    assert np.all(aged.relaxed_s > 0.0)


def test_ageing_goes_one_way_and_weaker_jaws_fail_sooner(ageing: ContactAgeing) -> None:
    holds = (1.0, 0.1, 0.03, 0.01, 0.003)
    exposure = exposure_of((5.0, 15.0, 30.0, 60.0))
    ten, twenty = (run(ageing, jaws_of(one_poor(*holds)), exposure, years) for years in (10.0, 20.0))
    assert np.all(twenty.worst_ratio >= ten.worst_ratio)
    assert np.all(twenty.relaxed_s >= ten.relaxed_s)
    glow = twenty.time_of("glow")
    assert np.isinf(glow[0])
    assert np.all(np.diff(glow[1:]) < 0.0)
    assert np.all(twenty.time_of("hot") <= glow)
    np.testing.assert_array_equal(twenty.lived_y[1:], np.minimum(glow, twenty.time_of("trip"))[1:])


def test_a_jaw_without_force_glows_or_is_open(ageing: ContactAgeing) -> None:
    loaded = run(ageing, jaws_of(one_poor(0.0)), exposure_of((1.0, 20.0)), 1.0)
    assert loaded.first_y[0, laws.GLOW] == 0.0
    assert loaded.hottest_c[0] > 100.0
    idle = run(ageing, jaws_of(one_poor(0.0)), exposure_of((0.1, 0.5)), 1.0)
    assert np.isinf(idle.first_y[0, laws.GLOW])
    assert idle.hottest_c[0] < 30.0


def test_insertions_cost_force_and_wipe(ageing: ContactAgeing) -> None:
    loss = JAW.insertion_loss.value
    still = exposure_of((0.0, 0.0))
    once = run(ageing, jaws_of(np.ones((1, 4))), still, 2.0)
    thrice = run(ageing, jaws_of(np.ones((1, 4)), insertion=(0, 2, 4)), still, 2.0)
    np.testing.assert_allclose(thrice.hold, once.hold * (1.0 - loss) ** 2)
    assert np.all(thrice.rim_m2 < once.rim_m2)


def test_bits_do_not_depend_on_neighbours_order_or_threads(ageing: ContactAgeing) -> None:
    ids = stable_ids([f"home-{k}" for k in range(64)])
    exposure = exposure_of((5.0, 20.0, 50.0))
    wild = {**PEOPLE, "poor_per_insertion": 0.5}

    def aged(rows: np.ndarray, parallel: bool) -> Aged:
        return run(
            ageing,
            draw_jaws(ageing, wild, ids[rows], 1, 7, insertion=(0, 8)),
            exposure,
            6.0,
            parallel=parallel,
        )

    every = aged(np.arange(64), parallel=False)
    assert np.isfinite(every.time_of("glow")).any()
    for rows in (np.arange(10, 30), np.arange(64)[::-1], np.array([5])):
        part = aged(rows, parallel=True)
        for name in (
            "first_y",
            "hot_h",
            "hottest_c",
            "worst_ratio",
            "film_ohm_m2",
            "rim_m2",
            "relaxed_s",
            "hold",
        ):
            np.testing.assert_array_equal(getattr(part, name), getattr(every, name)[rows])


def test_strata_weigh_up_to_the_whole_population(ageing: ContactAgeing) -> None:
    ids = stable_ids([f"home-{k}" for k in range(3000)])
    often = {**PEOPLE, "poor_per_insertion": 0.2}
    steps = (0, 4, 9)
    share = chance_of_poor(often, len(steps))
    assert share == pytest.approx(1.0 - 0.8**3)
    whole, poor, sound = (
        draw_jaws(ageing, often, ids, 3, 1, insertion=steps, given=given)
        for given in ("any", "poor", "sound")
    )
    hit = whole.hits.min(axis=(1, 2)) < 1.0
    assert hit.mean() == pytest.approx(share, abs=4.0 * np.sqrt(share * (1 - share) / 3000))
    assert np.all(poor.hits.min(axis=(1, 2)) < 1.0)
    assert np.all(sound.hits == 1.0)
    for n in range(len(steps)):  # insertion by insertion the stratum has its share of poor jaws
        here = (poor.hits[:, n] < 1.0).any(axis=1).mean() * share
        assert here == pytest.approx(0.2, abs=4.0 * np.sqrt(0.16 / 3000))
    assert np.all(whole.hits >= often["poor_least"] * (1.0 - 1e-12))
    assert whole.hold.mean() == pytest.approx(np.exp(0.5 * often["force_spread"] ** 2), rel=0.01)


def test_what_cannot_be_aged_is_told() -> None:
    entry = library.load("adapters", "bare-socket")
    joints = tuple(joint.model_copy(update={"contact": ""}) for joint in entry.heat.joints)
    with pytest.raises(LibraryError, match="names a contact"):
        ContactAgeing(entry.model_copy(update={"heat": entry.heat.model_copy(update={"joints": joints})}))
    network = heat_network(entry)
    with pytest.raises(LibraryError, match="meter"):
        ContactAgeing(
            entry, replace(network, names=tuple(n.replace("meter", "gauge") for n in network.names))
        )
    with pytest.raises(ValueError, match="sum to 1"):
        Exposure(np.zeros((1, 1, 2, 6)), np.zeros((1, 1, 2)), np.array([0.5, 0.6]))


def ohmic(ohm: Float) -> HomeContacts:
    return HomeContacts(ohm, np.ones(ohm.shape), np.zeros(ohm.shape, bool))


def test_jaws_of_homes_run_in_one_fleet(ageing: ContactAgeing) -> None:
    """Draws depend on the home alone; each home is as hot as the network with its contacts, whoever its neighbours."""
    ids = stable_ids([f"home-{k}" for k in range(80)])
    exposure = exposure_of((5.0, 20.0, 40.0))
    found = home_contacts(ageing, PEOPLE, ids, 3, exposure, years=2.0, poor_share=0.3, parallel=False)
    part = home_contacts(ageing, PEOPLE, ids[7:9], 3, exposure, years=2.0, poor_share=0.3, parallel=False)
    np.testing.assert_array_equal(part.ohm, found.ohm[7:9])
    np.testing.assert_array_equal(part.force_share, found.force_share[7:9])
    ohm, new = found.ohm, ageing.as_new_ohm[0]
    assert (ohm.max(axis=1) > 4.0 * new).mean() == pytest.approx(0.2, abs=0.15)
    assert np.all(np.isfinite(ohm))
    assert np.all(found.force_share.min(axis=1)[ohm.max(axis=1) > 8.0 * new] < 0.5)

    steps, network = 40, ageing.network
    i2 = np.tile(np.array([30.0**2, 20.0**2, 30.0**2, 20.0**2, 0.0, 0.0])[None, :, None], (steps, 1, 80))
    air, seconds = np.full(steps, 25.0), np.full(steps, 900.0)
    fleet = HeatFleet(network, 80, own=own_ohm(ageing.joints, ohmic(ohm)))
    end = fleet.advance(fleet.initial(25.0), i2, air, seconds, parallel=True)
    for home in (int(np.argmax(ohm.max(axis=1))), 0, 41):
        alone = HeatFleet(network, 1, own=own_ohm(ageing.joints, ohmic(ohm[[home]])))
        one = alone.advance(alone.initial(25.0), i2[..., :1], air, seconds, parallel=False)
        np.testing.assert_array_equal(one[..., 0], end[..., home])
        changed = with_contacts(network, ageing.joints, ohm[home])
        np.testing.assert_allclose(end[-1, :, home], steady_state(changed, i2[0, :, 0], 25.0), atol=0.05)
        own = HeatFleet(changed, 1)
        one = own.advance(own.initial(25.0), i2[..., :1], air, seconds, parallel=False)
        np.testing.assert_allclose(one[..., 0], end[..., home], rtol=1e-9)


def test_jaws_as_new_change_no_bits(ageing: ContactAgeing) -> None:
    i2 = np.random.default_rng(1).uniform(0.0, 100.0, (30, 6, 40)) ** 2
    as_new = own_ohm(ageing.joints, ohmic(np.tile(ageing.as_new_ohm, (40, 1))))
    one, two = HeatFleet(ageing.network, 40), HeatFleet(ageing.network, 40, own=as_new)
    ends = [
        fleet.advance(fleet.initial(20.0), i2, np.full(30, 20.0), np.full(30, 60.0), parallel=False)
        for fleet in (one, two)
    ]
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("amp", [5.0, 30.0])
def test_a_glowing_jaw_heats_its_home_alone(ageing: ContactAgeing, amp: float) -> None:
    """The third home of five glows: as hot as the glow's own integration says; its neighbours keep their bits."""
    joints, network = ageing.joints, ageing.network
    ohm = np.tile(ageing.as_new_ohm, (5, 1))
    glowing = np.zeros(ohm.shape, bool)
    first = next(k for k, joint in enumerate(joints) if joint.at_meter)
    glowing[2, first] = True
    lit = own_ohm(joints, HomeContacts(ohm, np.ones(ohm.shape), glowing))
    i2 = np.tile(np.array([amp**2] * 4 + [0.0, 0.0])[None, :, None], (240, 1, 5))
    air, seconds = np.full(240, 25.0), np.full(240, 60.0)
    ends = [
        fleet.advance(fleet.initial(25.0), i2, air, seconds, parallel=False)
        for fleet in (HeatFleet(network, 5, own=lit), HeatFleet(network, 5))
    ]
    np.testing.assert_array_equal(np.delete(ends[0], 2, axis=2), np.delete(ends[1], 2, axis=2))
    blade = network.names.index(f"l1.{METER_BLADES}")
    run = glow_run(library.load("adapters", "bare-socket"), amp)
    assert ends[0][-1, blade, 2] == pytest.approx(run.blade_c[-1], abs=0.5)
    assert ends[0][-1, blade, 2] > ends[1][-1, blade, 2] + 10.0
    faint = HeatFleet(network, 5, own=lit)
    cold = faint.advance(faint.initial(25.0), 0.0 * i2 + 0.7**2, air, seconds, parallel=False)
    assert cold[-1, blade, 2] <= cold[-1, blade, 0] + 1e-6  # below 0.8 A it is out, and has no resistance


def test_resistances_of_homes_stand_where_their_current_is(ageing: ContactAgeing) -> None:
    row = np.array([0])
    with pytest.raises(ValueError, match="that leg's current"):
        HeatFleet(ageing.network, 1, own=OwnOhm.of(row, np.array([1]), np.zeros((1, 1))))
    with pytest.raises(ValueError, match="do not fit"):
        HeatFleet(ageing.network, 2, own=OwnOhm.of(row, row, np.zeros((1, 1))))


def test_a_collar_is_put_in_before_its_meter() -> None:
    """Its own insertion may spoil the socket's jaws alone, the meter's the collar's."""
    collar = ContactAgeing(library.load("adapters", "tesla-backup-switch"))
    assert insertions(collar, (8,)) == (0, 0, 8)
    ids = stable_ids([f"home-{k}" for k in range(200)])
    jaws = draw_jaws(collar, {**PEOPLE, "poor_per_insertion": 0.5}, ids, 1, 1, insertion=(0, 0, 8))
    at_meter = np.array([joint.at_meter for joint in collar.joints])
    assert np.all(jaws.hits[:, 0, at_meter] == 1.0)
    assert np.all(jaws.hits[:, 1:, ~at_meter] == 1.0)
    assert np.all((jaws.hits < 1.0).any(axis=2).mean(axis=0) > 0.3)


def test_air_that_cools_while_the_load_rises_frets_too(ageing: ContactAgeing) -> None:
    """The daily swing is that of the jaw's temperature, whatever hour is the warmest."""
    amps = (2.0, 10.0, 12.0)
    winter = Exposure(exposure_of(amps).i2_a2, np.array([[[15.0, 5.0, 4.0]]]), np.array([0.6, 0.3, 0.1]))
    assert run(ageing, jaws_of(one_poor(0.05)), winter, 1.0).film_ohm_m2[0, 0] > 0.0
