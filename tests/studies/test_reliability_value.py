"""Products side by side through the same interruptions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from cosim import library
from cosim.devices.transfer import INTERLOCK_DEFEATED, SENSOR_WRONG
from cosim.feeder.generate import generate
from cosim.reliability.history import History
from cosim.studies import outage_energy as energy
from cosim.studies.outage_energy import Piece
from cosim.studies.reliability_value import Product, Span, Value, compare, through

STREET = generate(20, seed=3)
COMPILED = STREET.compile()
HOUR = 3_600_000_000
GENERATOR, BATTERY = "portable-generator-6.25", "powerwall-3"


def history(*hours: float) -> History:
    """One interruption after the other, each of another home."""
    n = len(hours)
    start = np.arange(n, dtype=np.int64) * 100 * HOUR
    end = start + np.array([round(h * HOUR) for h in hours], dtype=np.int64)
    return History(20, np.array([0]), np.arange(n) % 20, np.zeros(n, np.int64), start, end, np.array([n]))


def value(product: Product, past: History, watts: float = 1000.0, **how: object) -> Value:
    demand = np.full((20, 24), watts)
    [found] = compare(STREET, past, demand, [product], compiled=COMPILED, **how)  # type: ignore[arg-type]
    return found


def test_nothing_is_worth_nothing() -> None:
    found = value(Product("none"), history(2.0, 8.0))
    assert (found.interruptions, found.hours_avoided, found.served_kwh) == (2, 0.0, 0.0)
    assert found.home_hours_out == pytest.approx(10.0)
    assert found.asked_kwh == pytest.approx(10.0)
    assert found.critical_survived == 0.0


def test_a_battery_takes_over_at_once_and_lasts_as_long_as_its_energy() -> None:
    short = value(Product("tesla-backup-switch", BATTERY), history(5.0))
    assert short.share_avoided == pytest.approx(1.0, abs=1e-3)
    assert short.critical_survived == 1.0
    long = value(Product("tesla-backup-switch", BATTERY), history(48.0))
    assert long.served_kwh == pytest.approx(13.5 * 0.95, rel=1e-3)
    assert long.ran_dry == 1
    assert long.critical_survived == 0.0
    capped = value(Product("tesla-backup-switch", BATTERY), history(1.0), watts=20e3)
    assert capped.served_kwh == pytest.approx(11.5, rel=2e-3)


def test_a_generator_burns_its_tank() -> None:
    """6 gallons at full load last 6 h: 33 kWh."""
    found = value(Product("tesco-bptm", GENERATOR), history(48.0), watts=5500.0, seed=2)
    assert found.served_kwh == pytest.approx(33.0, rel=1e-3)
    assert found.ran_dry == 1


def test_cords_carry_what_is_critical_and_no_more() -> None:
    found = value(Product("extension-cord", GENERATOR), history(12.0, 12.0), watts=3000.0)
    assert found.served_kwh == pytest.approx(0.5 * found.hours_avoided)
    assert found.hazards == 0


def test_sums_and_bounds() -> None:
    past = history(*np.random.default_rng(1).lognormal(0.5, 1.0, 30))
    for product in (Product("tesco-bptm", GENERATOR), Product("interlock-kit", GENERATOR), Product("none")):
        found = value(product, past)
        assert 0.0 <= found.hours_avoided <= found.home_hours_out
        assert found.served_kwh <= found.asked_kwh * (1 + 1e-9)
        assert 0.0 <= found.critical_served <= 1.0
    halves = [value(Product("tesco-bptm", GENERATOR), history(3.0)).hours_avoided for _ in range(2)]
    assert halves[0] == halves[1]


def test_only_what_isolates_keeps_the_grid_dead() -> None:
    """A backfed receptacle: one person in five forgets the main, and the set stands on the grid until it gives way."""
    past = history(*[6.0] * 60)
    cord = value(Product("suicide-cord", GENERATOR), past, backfeed_end_s={GENERATOR: 65.0})
    assert 3 <= cord.hazards <= 25
    assert cord.hazard_minutes <= cord.hazards * 65.0 / 60.0 + 1e-6
    lasting = value(Product("suicide-cord", GENERATOR), past, backfeed_end_s={GENERATOR: math.inf})
    assert lasting.hazard_minutes > cord.hazard_minutes
    safe = value(Product("tesco-bptm", GENERATOR), past, backfeed_end_s={GENERATOR: math.inf})
    assert (safe.hazards, safe.hazard_minutes) == (0, 0.0)


def test_spans_cover_the_outage_without_a_break() -> None:
    for name in ("tesla-backup-switch", "generac-200a-transfer-switch", "suicide-cord", "extension-cord"):
        entry = library.load("transfer", name)
        source = BATTERY if entry.supply == "battery" else GENERATOR
        for draw in (0.01, 0.5, 0.99):
            spans = through(entry.machine(), source, 5 * HOUR, lambda *_, share=draw: share)
            assert spans[0].start_us == 0
            assert spans[-1].end_us == 5 * HOUR
            assert all(a.end_us == b.start_us for a, b in pairwise(spans))
            assert all(isinstance(span, Span) and span.end_us > span.start_us for span in spans)


def test_a_battery_runs_dry_waits_for_the_sun_and_goes_on() -> None:
    """13.5 kWh at 2 kW last 6.4125 h; 5 kW of sun charge 5 % in 8.5 min; then 1 kW serves what the sun leaves."""
    entry = library.load("der", BATTERY)
    standby_w = 0.0 if entry.standby_w is None else entry.standby_w.value
    pieces = [Piece(0, 8 * HOUR, 2000.0, 0.0), Piece(8 * HOUR, 12 * HOUR, 2000.0, 5000.0)]
    (first, second), dry = energy.served(BATTERY, pieces)
    assert dry
    lasts_h = 13.5e3 / (2000.0 / 0.95 + standby_w)
    assert first == (0, pytest.approx(lasts_h * HOUR, abs=1), 2000.0)
    again_h = 8.0 + 0.05 * 13.5e3 / (5000.0 * 0.95 - standby_w)
    drained_j = standby_w * (8.0 - lasts_h) * 3600.0
    assert drained_j == 0.0  # empty cannot become emptier
    assert second == (pytest.approx(again_h * HOUR, abs=1), 12 * HOUR, 2000.0)
    full, _ = energy.served(
        BATTERY, [Piece(0, 4 * HOUR, 1000.0, 9000.0), Piece(4 * HOUR, 48 * HOUR, 1000.0, 0.0)]
    )
    dark_us = full[-1].end_us
    assert dark_us == pytest.approx((4.0 + 13.5e3 / (1000.0 / 0.95 + standby_w)) * HOUR, abs=2)


def test_the_sun_is_worth_something_to_batteries_alone() -> None:
    past, sun = history(48.0), np.tile(np.repeat([0.0, 3000.0], 12), (20, 1))
    dark, lit = (value(Product("tesla-backup-switch", BATTERY), past, solar_w=s) for s in (None, sun))
    assert lit.served_kwh > dark.served_kwh + 10.0
    assert lit.served_kwh <= lit.asked_kwh
    assert value(Product("tesco-bptm", GENERATOR), past, solar_w=sun) == value(
        Product("tesco-bptm", GENERATOR), past
    )


def test_whoever_gets_all_that_is_asked_gets_all_that_is_critical() -> None:
    """Also where less is asked than the critical power."""
    few = value(Product("tesla-backup-switch", BATTERY), history(4.0), watts=200.0)
    assert few.served_kwh == pytest.approx(few.asked_kwh, rel=1e-4)
    assert few.critical_served == pytest.approx(few.served_kwh / few.asked_kwh)


def test_what_was_built_wrong_is_worth_nothing() -> None:
    machine = library.load("transfer", "tesla-backup-switch").machine()
    spans = through(machine, BATTERY, HOUR, lambda *_: 0.5, faults=(SENSOR_WRONG,))
    assert not any(span.fed for span in spans)
    kit = library.load("transfer", "interlock-kit").machine()
    usual, erring = (
        through(kit, GENERATOR, 9 * HOUR, luck, faults=(INTERLOCK_DEFEATED,), backfeed_s=60.0)
        for luck in (lambda *_: 0.5, lambda purpose, _: 0.001 if purpose.startswith("error") else 0.5)
    )
    assert not any(span.backfeeds for span in usual)
    assert sum(span.end_us - span.start_us for span in erring if span.backfeeds) == 60_000_000
    assert erring[-1].fed == "source"  # started again after the stall, with the main open


def test_plain_data() -> None:
    assert value(Product("none"), history(1.0)).as_dict()["critical_survived"] is None
