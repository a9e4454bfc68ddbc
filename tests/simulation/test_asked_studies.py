"""Fault and backfeed studies asked for in a scenario: laws between their tables, and what the page says of them."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.report.page import render
from cosim.results import Results, summarise
from cosim.results.layout import BREAKER_ONLY, WITHIN
from cosim.scenario import Scenario
from cosim.simulation.run import run
from cosim.studies.backfeed_hazard import backfeed_hazard

ASKED = """
start = 2026-06-21T11:00:00
duration = "10 min"
[feeder]
homes = 24
[weather]
source = "clear:36.1,-79.9"
[homes.solar]
share = 0.4
adapter = "connectder-solar-60"
pv_kw = 8
[homes.generator]
share = 0.1
adapter = "tesco-bptm"
generator = "portable-generator-6.25"
[homes.backup]
share = 0.2
adapter = "tesla-backup-switch"
battery = "powerwall-3"
[studies.fault_duty]
kinds = ["three-phase", "line-ground"]
contributions = true
let_through = true
minimum_fault_ohm = 0.1
[studies.backfeed_hazard]
homes = ["group:generator"]
open = ["line:lateral-1"]
load_share = 0.2
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("asked") / "asked.toml"
    path.write_text(ASKED)
    return run(Scenario.load(path), path.with_suffix(".h5"))


def test_sources_add_up_to_the_bound(asked: Results) -> None:
    """Bound = utility + what own and neighbours' devices add at most, on the conductors where that is most; the sources
    of the leg-to-leg fault are listed one by one."""
    duty = asked.study("fault_duty_start").to_dataframe()
    sources = asked.study("fault_sources_start").to_dataframe()
    legs = duty[["i_l1n_a", "i_l2n_a", "i_l1l2_a"]]
    added = duty["own_a"] + duty["neighbours_a"]
    assert (
        np.isclose(legs.to_numpy(), (duty["bound_a"] - added).to_numpy()[:, None], rtol=1e-9)
        .any(axis=1)
        .all()
    )
    assert (duty["bound_a"] >= legs.max(axis=1) * (1 - 1e-12)).all()
    devices = sources[sources["source"] != "utility"]
    limits = devices.groupby("home")["limit_a"].sum().reindex(duty.index, fill_value=0.0)
    assert (limits <= added * (1 + 1e-9)).all()
    assert (added < 1.5 * limits + 1e-9).all()
    assert set(devices["source"]) == {"inverter", "battery"}  # the generators' adapters isolate them
    grid = sources[sources["source"] == "utility"].set_index("home")["adds_a"]
    np.testing.assert_allclose(grid.reindex(duty.index), duty["i_l1l2_a"], rtol=1e-9)
    assert (devices["adds_a"] <= devices["limit_a"] * (1 + 1e-9)).all()


def test_an_adapter_without_a_rating_is_not_called_within(asked: Results) -> None:
    duty, homes = asked.study("fault_duty_start").to_dataframe(), asked.homes
    unrated = (homes["adapter"] != "") & duty["adapter_rating_a"].isna()
    assert (duty["verdict"][unrated] == BREAKER_ONLY).all()
    assert (duty["verdict"][~unrated] == WITHIN).all()
    summary = summarise(asked)
    assert summary.sockets_breaker_only == int(unrated.sum()) > 0
    assert "within the breaker's rating alone (the adapter's is not known)" in summary.lines()[2]


def test_faults_end_and_heat_in_order(asked: Results) -> None:
    duty = asked.study("fault_duty_start").to_dataframe()
    assert (duty["minimum_a"] < duty[["i_l1n_a", "i_l2n_a"]].min(axis=1)).all()
    assert (duty["minimum_clearing_s"] >= duty["clearing_s"]).all()
    assert (duty["i2t_a2s"] >= duty["bound_a"] ** 2 * duty["clearing_s"] * 0.999).all()
    assert (duty["let_through_peak_a"] >= np.sqrt(2.0) * duty["bound_a"] * 0.999).all()
    parts = asked.study("fault_parts_start").to_dataframe()
    assert (parts["rise_k"] > 0.0).all()
    assert parts["rise_k"].max() == pytest.approx(duty["hottest_rise_k"].max(), rel=1e-9)
    devices = asked.study("fault_devices_start").to_dataframe()
    assert set(devices["verdict"]) <= {"within", "within by series rating", "over", "unknown"}
    assert (devices["verdict"] == "unknown").eq(devices["rating_a"].isna()).all()
    buses = asked.study("bus_faults_start").to_dataframe()
    assert set(buses["kind"]) == {"three-phase", "line-ground"}
    assert (buses["minimum_a"] < buses["symmetrical_a"]).all()


def test_the_backfeed_table_is_the_study(asked: Results) -> None:
    study = asked.study("backfeed_hazard").to_dataframe()
    members = asked.homes.index[asked.homes["group"] == "generator"]
    assert list(study["home"]) == list(members)
    from cosim.feeder.feeder import Feeder

    feeder = Feeder.generate(24)
    alone = backfeed_hazard(
        feeder, str(study["home"].iloc[0]), opened=["lateral-1"], adapter="tesco-bptm", load_scale=0.2
    )
    assert study["contact_a"].iloc[0] == pytest.approx(float(alone.contact_a[0]), rel=1e-9)
    assert study["energised_nodes"].iloc[0] == len(alone.nodes)
    live = asked.study("backfeed_energised").to_dataframe()
    first = live[(live["home"] == study["home"].iloc[0]) & (live["what"] == "conductor")]
    assert len(first) == len(alone.nodes)
    decay = asked.study("backfeed_decay").to_dataframe()
    assert (decay.groupby("home")["contact_a"].diff().dropna() <= 1e-9).all()


def test_phases_and_overvoltage_are_told(asked: Results) -> None:
    head = asked.feeder
    phases = head[["power_a_w", "power_b_w", "power_c_w"]].sum(axis=1)
    np.testing.assert_allclose(phases, head["power_w"], rtol=1e-9)
    assert (head["rejection_pu"] >= 0.0).all()
    assert (asked.buses["ground_fault_pu"] >= 0.9).all()
    page = render(asked)
    for title in (
        "How faults end", "Is each device up to it?", "Metal in the way of a fault", "What feeds a fault",
        "Faults on the feeder", "Sources that nothing isolates", "Overvoltage, estimated",
    ):  # fmt: skip
        assert title in page
