"""What one home energises in a dead street, from feeder to verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cosim.cli import app
from cosim.errors import FeederError, LibraryError
from cosim.feeder.feeder import Feeder
from cosim.feeder.generate import generate
from cosim.studies.backfeed_hazard import BackfeedHazard, backfeed_hazard, isolates


@pytest.fixture(scope="module")
def street() -> Feeder:
    return generate(40, seed=3)


def lateral_of(feeder: Feeder, home: str) -> list[str]:
    """Primary lines that end at the home's transformer: opening them leaves it an island with its neighbours."""
    row = int(feeder.home["transformer"][feeder.home["name"] == home].iloc[0])
    bus = feeder.winding[(feeder.winding["transformer"] == row) & (feeder.winding["number"] == 1)][
        "bus"
    ].iloc[0]
    line = feeder.line
    return line["name"][(line["from_bus"] == bus) | (line["to_bus"] == bus)].tolist()


@pytest.fixture(scope="module")
def alone(street: Feeder) -> BackfeedHazard:
    """A set with one transformer's homes, at a tenth of their load."""
    return backfeed_hazard(street, "home-5", opened=lateral_of(street, "home-5"), load_scale=0.1)


def test_a_small_island_stands_at_full_primary_voltage(alone: BackfeedHazard) -> None:
    assert not alone.isolated
    assert 5500 < alone.primary_v[0] < 7400
    assert alone.contact_a[0] > 2.0
    assert alone.hazard == "lethal"
    assert alone.homes
    assert (alone.home_v > 180).all()
    assert alone.seconds[0] == 0
    for falling in (alone.source_a, alone.source_v, alone.primary_v, alone.contact_a, alone.transformer_a):
        assert (np.diff(falling) <= 1e-9).all()


def test_the_ratio_of_the_transformer_holds(street: Feeder, alone: BackfeedHazard) -> None:
    np.testing.assert_allclose(alone.primary_v / alone.source_v, 30.0, rtol=0.05)
    assert alone.transformer_a[0] < 1e-3  # its primary ends in the air
    whole = backfeed_hazard(street, "home-5")
    assert 28.0 < whole.source_a[0] / whole.transformer_a[0] < 50.0  # the rest stays with its neighbours


def test_an_open_line_carries_nothing(street: Feeder, alone: BackfeedHazard) -> None:
    """The largest current of any line is that of a line that is there: at most the source's own."""
    assert (alone.line_a <= alone.source_a * 1.01).all()
    assert (alone.line_a > 0.1 * alone.source_a).all()


def test_no_distribution_fuse_operates(street: Feeder, alone: BackfeedHazard) -> None:
    """A set's whole fault current is a few amperes on the primary; a fuse needs twice its rating."""
    assert np.isinf(alone.fuse_s)
    whole = backfeed_hazard(street, "home-5")
    assert np.isinf(whole.fuse_s)
    assert whole.transformer_a[0] < 4.0 < whole.fuse


def test_more_feeder_pulls_the_voltage_down(street: Feeder, alone: BackfeedHazard) -> None:
    whole = backfeed_hazard(street, "home-5", load_scale=1.0)
    assert whole.primary_v[0] < 0.5 * alone.primary_v[0]
    assert whole.source_a[0] > alone.source_a[0]
    unloaded = backfeed_hazard(street, "home-5", opened=lateral_of(street, "home-5"), load_scale=0.0)
    assert unloaded.primary_v[0] > alone.primary_v[0]


def test_a_battery_holds_more_than_a_generator(street: Feeder, alone: BackfeedHazard) -> None:
    battery = backfeed_hazard(
        street, "home-5", "powerwall-3", opened=lateral_of(street, "home-5"), load_scale=0.1
    )
    assert battery.primary_v[0] > alone.primary_v[0]
    assert np.ptp(battery.primary_v) < 1e-9 * battery.primary_v[0]  # no field that decays
    assert battery.source_a.max() <= 160.0 * (1 + 1e-9)


def test_an_overloaded_set_trips_on_its_bimetal(street: Feeder) -> None:
    """Magnetic release never operates: the breaker is slow or does not open at all."""
    whole = backfeed_hazard(street, "home-5")
    assert whole.source_a[0] > 60
    assert whole.breaker_s > 1.0


def test_an_adapter_that_isolates_ends_it(street: Feeder) -> None:
    assert isolates("tesco-bptm")
    assert isolates("tesla-backup-switch")
    assert not isolates("connectder-solar-60")
    assert not isolates("")
    held = backfeed_hazard(street, "home-5", adapter="tesco-bptm", fails=False)
    assert held.isolated
    assert held.hazard == "none"
    assert not held.homes
    assert (held.contact_a == 0).all()
    failed = backfeed_hazard(street, "home-5", adapter="tesco-bptm")
    assert failed.hazard == "lethal"
    not_built_for_it = backfeed_hazard(street, "home-5", adapter="connectder-solar-60", fails=False)
    assert not_built_for_it.hazard == "lethal"


def test_a_wet_body_draws_more(street: Feeder) -> None:
    currents = [backfeed_hazard(street, "home-5", body_ohm=r).contact_a[0] for r in (300.0, 1000.0, 5000.0)]
    assert (np.diff(currents) < 0).all()


def test_what_cannot_be_is_told(street: Feeder) -> None:
    with pytest.raises(FeederError, match="no such home"):
        backfeed_hazard(street, "home-999")
    with pytest.raises(FeederError, match="no such line"):
        backfeed_hazard(street, "home-5", opened=["nowhere"])
    for wrong in (
        {"body_ohm": -5.0}, {"body_ohm": np.nan}, {"load_scale": -1.0}, {"load_scale": np.inf},
        {"home_load_scale": np.nan}, {"source_kva": 0.0}, {"source_kva": -1.0}, {"source_kva": np.inf},
    ):  # fmt: skip
        with pytest.raises(FeederError, match=f"{next(iter(wrong))}: should be a finite number"):
            backfeed_hazard(street, "home-5", **wrong)
    with pytest.raises(LibraryError, match="follows a grid"):
        backfeed_hazard(street, "home-5", "inverter-7.6kw")
    with pytest.raises(LibraryError, match="did you mean"):
        backfeed_hazard(street, "home-5", "portable-generator-6")


def test_commands(street: Feeder, tmp_path: Path) -> None:
    path = tmp_path / "street.feeder"
    street.save(path)
    ran = CliRunner().invoke(app, ["feeder", "backfeed", str(path), "--home", "home-5", "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.output)
    assert found["hazard"] == "lethal"
    assert len(found["table"]) == 10
    table = CliRunner().invoke(app, ["feeder", "backfeed", str(path), "--home", "home-5"])
    assert "home-5 with portable-generator-6.25: lethal" in table.output
    wrong = CliRunner().invoke(app, ["feeder", "backfeed", str(path), "--home", "nobody"])
    assert wrong.exit_code == 2
    ran = CliRunner().invoke(app, ["feeder", "faults", str(path), "--bus", "home-5", "--json"])
    assert ran.exit_code == 0, ran.output
    faults = json.loads(ran.output)["faults"]
    assert {f["kind"] for f in faults} == {"line-ground", "line-line", "line-line-ground"}
    assert all(f["peak_a"] > 1.4 * f["symmetrical_a"] > 700 for f in faults)
    for option in (
        ("--kind", "sideways"),
        ("--arc-ohm", "inf"),
        ("--ground-ohm", "nan"),
        ("--bus", "nowhere"),
    ):
        wrong = CliRunner().invoke(app, ["feeder", "faults", str(path), *option])
        assert wrong.exit_code == 2, option
    wrong = CliRunner().invoke(
        app, ["feeder", "backfeed", str(path), "--home", "home-5", "--source-kva", "inf"]
    )
    assert wrong.exit_code == 2
    assert "Traceback" not in wrong.output
