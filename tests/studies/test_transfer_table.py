"""The comparison of backup products comes out of the bench, and follows the machines when they change."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from cosim import library
from cosim.devices.transfer import Machine
from cosim.errors import LibraryError
from cosim.studies import transfer_bench as bench

CASE = Path(__file__).parents[1] / "cases" / "transfer-table" / "expected.toml"
EXPECTED = {k: v for k, v in tomllib.loads(CASE.read_text()).items() if isinstance(v, dict)}
ADAPTERS = [name for name in library.names("adapters") if library.load("adapters", name).machine]

protects = cache(bench.protects)


@pytest.mark.parametrize("product", EXPECTED)
def test_the_sources_table_comes_out(product: str) -> None:
    found = {row: verdict.has for row, verdict in protects(product).items() if row != "surge"}
    assert found == EXPECTED[product], protects(product)


@pytest.mark.parametrize("name", ADAPTERS)
def test_what_is_stated_of_an_adapter_is_what_its_machine_does(name: str) -> None:
    adapter = library.load("adapters", name)
    assert adapter.protections is not None
    verdicts = protects(adapter.machine)
    for row, said in adapter.protections:
        if row != "surge" and said.has != "not found":
            assert verdicts[row].has == said.has, (row, verdicts[row].evidence, said.source)


def test_a_surge_is_left_to_the_wave() -> None:
    assert bench.surge("surge-only").has == "yes"
    assert bench.surge("suicide-cord").has == "no"
    assert bench.surge("tesco-bptm").has == "evidence missing"
    assert bench.surge("").has == "not run"
    assert bench.adapter_of("generlink") == "generlink-30"
    assert bench.adapter_of("none") == ""


def lame(machine: Machine, condition: str, **changes: object) -> Machine:
    changed = replace(machine.conditions[condition], **changes)  # type: ignore[arg-type]
    return replace(machine, conditions={**machine.conditions, condition: changed})


def run(machine: Machine, disturbance: str) -> bench.Trace:
    return bench.drive(bench.at_median(machine), bench.DISTURBANCES[disturbance], "generator")


def test_the_table_follows_the_machine() -> None:
    """Each row turns when what earns it is taken away (or given)."""
    bptm = library.load("transfer", "tesco-bptm").machine()
    hasty = lame(bptm, "service-good", lasting_us=0)
    assert bench.reconnection(run(hasty, "intermittent")).has == "no"
    one_leg = lame(bptm, "source-qualified", legs="any")
    one_leg = lame(one_leg, "source-lost", legs="both")
    assert bench.phase_loss(run(one_leg, "leg-lost"), run(one_leg, "source-leg-missing")).has == "no"
    blind = lame(bptm, "service-lost", legs="both")
    assert bench.phase_loss(run(blind, "leg-lost"), None).has == "no"
    bold = lame(bptm, "overloaded", above=1000.0)
    assert bench.overload(run(bold, "overload")).has == "no"
    link = library.load("transfer", "generlink").machine()
    assert bench.overload(run(lame(link, "above-limit", above=35.0), "overload")).has == "yes"
    welded = replace(bptm, failures={"service-welds": 1.0}, interlocked=False)
    trace = bench.drive(welded, bench.DISTURBANCES["lost"], "generator")
    assert bench.backfeed([trace]).has == "no"
    barred = replace(bptm, failures={"service-welds": 1.0})
    assert bench.backfeed([bench.drive(barred, bench.DISTURBANCES["lost"], "generator")]).has == "yes"


def test_an_interlock_taken_off_lets_the_forgetful_feed_the_street() -> None:
    kit = bench.at_median(library.load("transfer", "interlock-kit").machine(), errs=True)
    check = bench.DISTURBANCES["line-check"]
    assert bench.backfeed([bench.drive(kit, check, "generator")]).has == "yes"
    assert (
        bench.backfeed(
            [bench.drive(replace(kit, failures={"interlock-defeated": 1.0}), check, "generator")]
        ).has
        == "no"
    )


@pytest.mark.parametrize(
    ("code", "seconds"), library.load("transfer", "tesla-backup-switch").grid_codes.items()
)
def test_tesla_returns_by_grid_code(code: str, seconds: object) -> None:
    """15, 60, 60 and 300 s of a good grid, then resynchronising; a blink inside begins the delay anew."""
    entry = library.load("transfer", "tesla-backup-switch")
    delay = entry.grid_codes[code].value
    assert delay == {"ieee1547-2018-ca-rule21": 15.0, "other": 300.0}.get(code, 60.0)
    trace = bench.driven("tesla-backup-switch", "lost", code)
    states = {r.detail.split("; ")[1]: r.time_us / 1e6 for r in trace.log if r.kind == "transfer"}
    assert states["Resynchronising"] == bench.BACK_S + delay
    closed = next(r.time_us / 1e6 for r in trace.log if r.kind == "close_service")
    assert closed == pytest.approx(bench.BACK_S + delay + 2.0)
    assert all(bench.fed(row) for row in trace.rows if row.time_s > bench.LOST_S + 0.3)  # no gap on return
    blinks = bench.driven("tesla-backup-switch", "intermittent", code)
    assert not any(r.kind == "close_service" for r in blinks.log)


@pytest.mark.parametrize("name", ["enphase-iq-meter-collar", "connectder-islandder", "tesla-backup-switch"])
def test_return_by_1547_at_300_s(name: str) -> None:
    trace = bench.driven(name, "lost")
    assert any(r.time_us == (bench.BACK_S + 300.0) * 1e6 and "Resynchronising" in r.detail for r in trace.log)


def test_generac_timeline() -> None:
    """10 s of loss, start (10 s), 5 s of good voltage, transfer; 15 s of good grid, return; a minute later it stops."""
    trace = bench.driven("generac-200a-transfer-switch", "lost")
    told = [
        (round(r.time_us / 1e6 - bench.LOST_S, 3), r.kind)
        for r in trace.log
        if not r.kind.endswith("changed")
    ]
    back = bench.BACK_S - bench.LOST_S
    assert told == [
        (10.0, "start_source"),
        (25.0, "open_service"),
        (25.1, "connect_source"),
        (back + 15.0, "disconnect_source"),
        (back + 15.1, "close_service"),
        (back + 75.1, "stop_source"),
    ]
    machine = library.load("transfer", "generac-200a-transfer-switch").machine()
    above, below = (
        bench.Disturbance("sag", "", ((60.0, {"utility_pu": (pu, pu)}),), 600.0) for pu in (0.61, 0.59)
    )
    assert not any(r.kind == "start_source" for r in bench.drive(machine, above, "generator").log)
    assert any(r.kind == "connect_source" for r in bench.drive(machine, below, "generator").log)
    half_back = bench.Disturbance(
        "half",
        "",
        ((60.0, bench.LOST), (300.0, {"utility_pu": (0.79, 0.79)}), (600.0, {"utility_pu": (0.81, 0.81)})),
        900.0,
    )
    closed = [
        r.time_us / 1e6 for r in bench.drive(machine, half_back, "generator").log if r.kind == "close_service"
    ]
    assert closed == [615.1]


def test_a_sag_moves_nobody_who_waits() -> None:
    for name in ("tesco-bptm", "generac-200a-transfer-switch", "generlink", "manual-transfer-switch"):
        log = bench.drive(
            bench.at_median(library.load("transfer", name).machine()), bench.DISTURBANCES["sag"], "generator"
        ).log
        moved = [r for r in log if r.kind == "open_service" and r.time_us > bench.LOST_S * 1e6]
        assert not moved


@pytest.mark.parametrize("name", library.names("transfer"))
def test_no_product_puts_a_missing_or_dying_source_on_the_panel(name: str) -> None:
    absent = bench.driven(name, "source-absent")
    if absent.source.kind != "battery":
        assert not any(row.contact for row in absent.rows)
    dying = bench.driven(name, "source-dying")
    late = [row for row in dying.rows if row.time_s > bench.LOST_S + 20.0]
    if name in ("tesco-bptm", "generac-200a-transfer-switch"):
        assert not any(row.contact and max(row.source_v) < 1.0 and row.time_s > 90.0 for row in late)


def test_bad_requests_are_told() -> None:
    with pytest.raises(LibraryError, match="did you mean 'intermittent'"):
        bench.driven("tesco-bptm", "intermitent")
    with pytest.raises(LibraryError, match="knows the grid codes"):
        bench.driven("tesla-backup-switch", "lost", "vde")
    with pytest.raises(LibraryError, match="keeps no grid code's delay"):
        bench.protects("tesco-bptm", "vde")
    with pytest.raises(LibraryError, match="leaves no grid"):
        bench.machine_named("surge-only")
    assert bench.machine_named("generlink-40") == "generlink"
