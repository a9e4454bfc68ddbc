"""Transfer devices in a run with power flow do what they do on the bench, to the second."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cosim import library
from cosim.scenario.loading import load
from cosim.simulation.run import run

STORED = 'battery = { entry = "powerwall-3", mode = "backup", initial_soc = 1.0 }'
ENGINE = 'generator = "portable-generator-6.25"'
STARTS_S = 15.0  # of that engine
COLLARS = ("tesla-backup-switch", "enphase-iq-meter-collar", "connectder-islandder", "sigen-backup-switch")
SOURCES = dict.fromkeys(COLLARS, STORED) | {"tesco-bptm": ENGINE, "generac-200a-transfer-switch": ENGINE}
CASE = """
start = 2026-07-09T10:00:00
duration = "90 min"
seed = 5
feeder.homes = {homes}
protection.scheme = "none"

[[events]]
at = 2026-07-09T10:30:00
kind = "outage"
where = "line:breaker-1"
duration = "40 min"
"""
GROUP = """
[homes.{name}]
share = {share}
adapter = "{name}"
transfer = "{transfer}"
critical_share = 0.3
{source}
"""
RETURN_S = 2400.0


def log_of(folder: Path, homes: int, groups: str) -> pd.DataFrame:
    """Events of a run with their seconds since the outage."""
    (folder / "case.toml").write_text(CASE.format(homes=homes) + groups)
    with run(load(folder / "case.toml"), folder / "x.h5", threads=1) as results:
        events = results.events
    began = events.loc[events["kind"] == "outage", "time"].iloc[0]
    return events.assign(s=(events["time"] - began).dt.total_seconds())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Four homes with each product through an outage of 40 minutes."""
    groups = [
        GROUP.format(name=name, transfer=name, share=0.1666, source=source)
        for name, source in SOURCES.items()
    ]
    return log_of(tmp_path_factory.mktemp("products"), 24, "".join(groups))


def seconds(log: pd.DataFrame, product: str, kind: str) -> list[float]:
    """When contacts or sources of a product moved, in order; all homes of it together unless told one by one."""
    return log.loc[(log["subject"] == product) & (log["kind"] == kind), "s"].tolist()


@pytest.mark.parametrize("product", COLLARS)
def test_collars_form_islands_at_once_and_return_by_the_grid_code(log: pd.DataFrame, product: str) -> None:
    """Detect 0.1 s, open and form 0.05 s each; after the return 300 s of a good grid and two of resynchronisation."""
    assert seconds(log, product, "open_service") == pytest.approx([0.15])
    assert seconds(log, product, "connect_source") == pytest.approx([0.2])
    assert seconds(log, product, "close_service") == pytest.approx([RETURN_S + 302.0])


def test_generac_keeps_its_timeline(log: pd.DataFrame) -> None:
    """It waits 10 s, the engine starts, warms up for 5 s; 0.1 s between contacts; back after 15 s of a good grid."""
    product = "generac-200a-transfer-switch"
    assert seconds(log, product, "start_source") == pytest.approx([10.0])
    assert seconds(log, product, "open_service") == pytest.approx([10.0 + STARTS_S + 5.0])
    assert seconds(log, product, "connect_source") == pytest.approx([10.0 + STARTS_S + 5.1])
    assert seconds(log, product, "disconnect_source") == pytest.approx([RETURN_S + 15.0])
    assert seconds(log, product, "close_service") == pytest.approx([RETURN_S + 15.1])


def test_bptm_transfers_within_14_s_of_a_qualified_generator_and_retransfers(log: pd.DataFrame) -> None:
    """A person starts each generator; whoever has started one gets its voltage onto the panel in time."""
    started, fed = (seconds(log, "tesco-bptm", kind) for kind in ("start_source", "connect_source"))
    assert len(started) == len(fed) > 2
    for begins, ends in zip(started, fed, strict=True):
        assert 0.0 < ends - (begins + STARTS_S) <= 14.0
    assert seconds(log, "tesco-bptm", "close_service") == pytest.approx([RETURN_S + 5.5])
    opened = seconds(log, "tesco-bptm", "open_service")
    assert all(out < on for out, on in zip(opened, fed, strict=True))


def test_a_machine_of_ones_own_fails_as_it_says(tmp_path: Path) -> None:
    """A contactor that welds at every opening keeps the source off: what bars it is told, and nothing is backfed."""
    text = library.entry_path("transfer", "tesco-bptm").read_text(encoding="utf-8")
    wrong = tmp_path / "welding.toml"
    line = next(line for line in text.splitlines() if line.startswith("service_welds"))
    never, always = "value = 5.6e-05", "value = 1.0"
    assert never in line
    wide = line.replace(never, always).replace("0.00017]", "1.0]")
    wrong.write_text(text.replace(line, wide), encoding="utf-8")
    group = GROUP.format(name="tesco-bptm", transfer="welding.toml", share=1.0, source=ENGINE)
    log = log_of(tmp_path, 6, group)
    kinds = set(log["kind"])
    assert {"service_welded", "source_barred"} <= kinds
    assert "connect_source" not in kinds
    assert "backfeed_begins" not in kinds
