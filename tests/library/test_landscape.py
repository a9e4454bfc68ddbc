"""The library against the public comparison of backup products, and what every entry owes its reader."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cosim import library
from cosim.adapter_check import review
from cosim.adapter_entry import AdapterEntry
from cosim.thermal.network import heat_network
from cosim.ul414 import UL_414_TESTS

# Systems that utilities meet, by entry: kind and owner.
LANDSCAPE = {
    "tesla-backup-switch": ("islanding", "customer"),
    "enphase-iq-meter-collar": ("islanding", "customer"),
    "connectder-islandder": ("islanding", "customer"),
    "sigen-backup-switch": ("islanding", "customer"),
    "tesco-bptm": ("portable-generator", "utility"),
    "generlink-30": ("portable-generator", "mixed"),
    "generlink-40": ("portable-generator", "mixed"),
    "marwell-quick-set": ("portable-generator", "mixed"),
    "trifecta": ("portable-generator", "utility"),
    "connectder-solar-40": ("der-connection", "mixed"),
    "connectder-solar-60": ("der-connection", "mixed"),
    "connectder-solar-80": ("der-connection", "mixed"),
    "connectder-ev": ("ev-connection", "mixed"),
    "span-edge": ("load-control", "mixed"),
    "neworld-quarterback": ("not found", "third-party"),
    "pge-green-meter-adapter": ("der-connection", "utility"),
    "generac-200a-transfer-switch": ("transfer-switch", "customer"),
    "manual-transfer-switch": ("transfer-switch", "customer"),
    "interlock-kit": ("interlock", "customer"),
    "extension-cord": ("cord", "customer"),
    "suicide-cord": ("cord", "customer"),
    "second-socket": ("second-socket", "customer"),
    "bare-socket": ("socket", "customer"),
    "form-conversion": ("form-conversion", "mixed"),
    "surge-only": ("surge", "mixed"),
    "communication": ("communication", "mixed"),
}
NAMES = library.names("adapters")

# TESCO Metering, 2026-03-18: table of backup products. Automatic transfer, re-connection, phase loss,
# overload, surge, backfeed; then whether it is mounted at the meter.
TABLE = {
    "tesco-bptm": ("yes", "yes", "yes", "yes", "yes", "yes", True),
    "generlink-30": ("no", "no", "no", "no", "no", "yes", True),
    "generlink-40": ("no", "no", "no", "no", "no", "yes", True),
    "trifecta": ("no", "no", "no", "yes", "yes", "yes", True),
    "generac-200a-transfer-switch": ("yes", "yes", "yes", "yes", "yes", "yes", False),
}


def test_every_system_has_its_entry() -> None:
    found = {name: library.load("adapters", name) for name in NAMES}
    assert {name: (found[name].kind, found[name].owner) for name in LANDSCAPE} == LANDSCAPE
    assert set(LANDSCAPE) <= set(NAMES)


@pytest.mark.parametrize("name", TABLE)
def test_protections_are_those_of_the_comparison(name: str) -> None:
    entry = library.load("adapters", name)
    assert entry.protections is not None
    rows = dict(entry.protections)
    assert (*(row.has for row in rows.values()), entry.meter_mounted) == TABLE[name]
    assert all(row.confidence == "stated" for row in rows.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_answers_every_question(name: str) -> None:
    entry = library.load("adapters", name)
    assert [row.test for row in entry.certification] != []
    assert {row.test for row in entry.certification} == set(UL_414_TESTS)
    assert len(entry.certification) == len(UL_414_TESTS) == 14
    assert entry.protections is not None
    assert entry.installation is not None
    assert entry.operating_c is not None
    assert entry.short_circuit
    assert len(heat_network(entry)) >= 8
    assert {row.test for row in entry.certification if row.status == "passed"} == set()  # no report is public
    assert review(entry).consequences


@pytest.mark.parametrize("name", NAMES)
def test_every_word_and_number_says_where_it_comes_from(name: str) -> None:
    _sourced(library.raw("adapters", name), name)


def _sourced(value: Any, key: str) -> None:
    if isinstance(value, dict):
        if {"unit", "status", "has"} & set(value):
            assert len(value.get("source", "")) > 2, key
            assert value.get("confidence"), key
        for name, item in value.items():
            _sourced(item, f"{key}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _sourced(item, f"{key}.{number}")
    else:
        bare = isinstance(value, int | float) and not isinstance(value, bool)
        field = key.rpartition(".")[2]
        assert not bare or field in {"value", "pollution_degree", "0", "1"}, (
            f"{key}: a number without a source"
        )


def test_transfer_figures_as_stated() -> None:
    generac = library.load("adapters", "generac-200a-transfer-switch").transfer
    assert generac is not None
    assert generac.automatic
    assert generac.dropout is not None
    assert generac.pickup is not None
    assert (generac.dropout.value, generac.pickup.value) == (0.6, 0.8)
    assert generac.start_s is not None
    assert generac.warm_up_s is not None
    assert (generac.start_s.value, generac.warm_up_s.value) == (10.0, 5.0)
    assert generac.reconnect_s["generac"].value == 15.0
    for name in ("generlink-30", "generlink-40", "trifecta", "manual-transfer-switch", "interlock-kit"):
        transfer = library.load("adapters", name).transfer
        assert transfer is not None
        assert not transfer.automatic
        assert transfer.operation
    islandder = library.load("adapters", "connectder-islandder")
    assert islandder.diagram.opens_neutral == "no"  # it has no neutral wire
    sizes = [library.load("adapters", f"connectder-solar-{a}").branch_rating_a for a in (40, 60, 80)]
    assert [size.value for size in sizes if size is not None] == [40.0, 60.0, 80.0]


def test_what_isolates_and_what_feeds_back() -> None:
    isolating = {name for name in NAMES if library.load("adapters", name).isolates}
    assert {
        "tesla-backup-switch",
        "tesco-bptm",
        "generlink-30",
        "interlock-kit",
        "extension-cord",
    } <= isolating
    assert isolating.isdisjoint(
        {"suicide-cord", "bare-socket", "second-socket", "connectder-solar-60", "span-edge"}
    )


def test_approvals_of_products_and_utilities_agree() -> None:
    of_products = {
        (row.utility, name, row.status) for name in NAMES for row in library.load("adapters", name).approvals
    }
    of_utilities = {
        (utility, row.product, row.status)
        for utility in library.names("utilities")
        for row in library.load("utilities", utility).approvals
    }
    assert of_products == of_utilities
    assert ("pge", "connectder-islandder", "pilot") in of_utilities
    assert ("pge", "enphase-iq-meter-collar", "approved") in of_utilities


def test_installation_models_of_utilities() -> None:
    model = {name: library.load("utilities", name).installed_by for name in library.names("utilities")}
    for name in ("aps", "srp", "sce", "pge", "sdge", "bge", "appalachian-power"):
        assert model[name] == "utility"
    for name in ("tep", "hawaiian-electric", "ameren-illinois", "nevada", "reco", "ppl"):
        assert model[name] == "joint-meet"
    for name in ("eversource", "comed", "evergy", "delmarva", "pseg", "firstenergy-nj", "peco"):
        assert model[name] == "installer"
    for name in ("eversource", "delmarva", "sce"):
        assert library.load("utilities", name).framework == "regulation"
    for name in ("comed", "green-mountain-power", "hawaiian-electric", "appalachian-power"):
        assert library.load("utilities", name).framework == "own engagement"


def test_meters_trip_only_by_a_disconnect() -> None:
    trips = library.load("meters", "2s-200-disconnect")
    assert (trips.alarm_c.value, trips.trip_c.value) == (90.0, 110.0)
    for name in library.names("meters"):
        meter = library.load("meters", name)
        assert meter.disconnect or not meter.trip_c.known


def test_panels_leave_room_for_sources() -> None:
    room = {name: library.load("panels", name).source_breaker_a for name in library.names("panels")}
    assert (room["load-centre-200"], room["load-centre-100"], room["load-centre-125"]) == (40.0, 20.0, 50.0)
    assert room["load-centre-225"] == 70.0
    for name in room:
        for kind, other in library.load("panels", name).references():
            assert library.load(kind, other)


def test_the_cord_is_hotter_at_a_generators_full_load_than_at_its_ampacity() -> None:
    import numpy as np

    from cosim.thermal.limits import steady_state

    cord = heat_network(library.load("adapters", "extension-cord"))
    core = cord.names.index("l1.core")
    rise = [
        steady_state(cord, np.array([0, 0, 0, 0, a * a, a * a], float), 25.0)[core] - 25.0
        for a in (20, 26, 30)
    ]
    assert 5.0 < rise[0] < rise[1] < rise[2]
    assert rise[2] / rise[0] > (30 / 20) ** 2  # copper's resistance rises with it


def test_an_adapters_class_needs_no_invented_product() -> None:
    for name in ("form-conversion", "surge-only", "communication"):
        text = library.entry_path("adapters", name).read_text(encoding="utf-8")
        assert re.search("class of product", text)
        assert isinstance(library.load("adapters", name), AdapterEntry)
