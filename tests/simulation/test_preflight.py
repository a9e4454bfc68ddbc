"""What a scenario cannot do on its feeder is told before the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cosim
from cosim.errors import ScenarioError
from cosim.feeder.builder import FeederBuilder
from cosim.simulation.assembly import assemble

CASE = """
start = 2026-07-14T00:00:00
duration = "2 h"
weather.source = "constant:20"
demand.source = "feeder"
[feeder]
"""
EVENT = "[[events]]\nat = 2026-07-14T01:00:00\n"
EMF_V = 7200.0 * np.exp(-2j * np.pi / 3.0 * np.arange(3))


def told(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "case.toml"
    file.write_text(CASE + text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        assemble(cosim.Scenario.load(file))
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


def two_ways(tmp_path: Path, far_nodes: str) -> str:
    """A feeder of two lines, joined at their ends by a tie that stands open."""
    feeder = FeederBuilder("two-ways")
    for name, x in (("source", 0.0), ("north", 1.0), ("south", 2.0)):
        feeder.add_bus(name, "1.2.3", 7200.0, x, 0.0)
    feeder.add_source("grid", "source", "1.2.3", EMF_V, 0.1j * np.eye(3))
    z = (0.3 + 0.6j) * np.eye(3)
    for name, a, b, nodes, closed in (
        ("to-north", "source", "north", "1.2.3", True),
        ("to-south", "source", "south", "1.2.3", True),
        ("tie-1", "north", "south", far_nodes, False),
    ):
        feeder.add_line(
            name, a, "1.2.3", b, nodes, z, np.zeros((3, 3)), length_m=500.0, rating_a=300.0,
            is_switch=not closed, in_service=closed,
        )  # fmt: skip
    feeder.add_home(
        "home-1", "north", "1.2.3", "three", kw=1.0, kvar=0.0, kv=12.47,
    )  # fmt: skip
    path = tmp_path / "two-ways.feeder"
    feeder.build().save(path)
    return f'source = "file:{path}"\n'


def test_conductors_that_a_section_does_not_have(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        "homes = 12\n"
        + EVENT + 'kind = "open"\nwhere = "line:lateral-1@b"\n'
        + EVENT + 'kind = "outage"\nwhere = "transformer:transformer-9"\nduration = "10 min"\n',
    )  # fmt: skip
    assert found == [
        "events.1.where: the feeder has no transformer of this name (did you mean 'transformer-2'?) "
        "(got transformer:transformer-9)"
    ]  # names come first: nothing else can be asked of what is not there
    [message] = told(tmp_path, "homes = 12\n" + EVENT + 'kind = "open"\nwhere = "line:lateral-1@b"\n')
    assert message.startswith("events.0.where: line:lateral-1 has no conductor 'b'; it has ")
    kind = EVENT + 'kind = "fault"\nwhere = "home:1"\nfault = "three-phase"\n'
    [message] = told(tmp_path, "homes = 12\n" + '[protection]\nscheme = "fuse-saving"\n' + kind)
    assert message == "events.0.where: three-phase asks for 3 conductors; home:home-1 has 1, 2 (got home:1)"


def test_a_tie_must_stand_open(tmp_path: Path) -> None:
    [message] = told(
        tmp_path, two_ways(tmp_path, "1.2.3") + EVENT + 'kind = "tie"\nwhere = "line:to-north"\n'
    )
    assert message.startswith(
        "events.0.where: stands closed; a tie is a line that stands open (did you mean 'line:tie-1'?)"
    )


@pytest.mark.parametrize("kind", ["tie", "close"])
def test_a_tie_that_would_close_a_loop_out_of_phase(tmp_path: Path, kind: str) -> None:
    event = EVENT + f'kind = "{kind}"\nwhere = "line:tie-1"\n'
    [message] = told(tmp_path, two_ways(tmp_path, "2.3.1") + event)
    assert message.startswith(
        "events.0.where: would close a loop out of phase: 120 degrees and 0 % stand across"
    )
    file = tmp_path / "right.toml"
    file.write_text(CASE + two_ways(tmp_path, "1.2.3") + event, encoding="utf-8")
    assemble(cosim.Scenario.load(file))


def test_a_fault_that_no_device_sees(tmp_path: Path) -> None:
    """7,200 V through 2,000 ohm draw 3.6 A: no fuse of a lateral or pick-up of a relay is as low."""
    fault = EVENT + 'kind = "fault"\nwhere = "line:lateral-1"\nohm = 2000.0\n'
    scheme = '[protection]\nscheme = "fuse-saving"\n'
    [message] = told(tmp_path, "homes = 12\n" + scheme + fault)
    assert message.startswith(
        "events.0.where: no device before it sees the fault: it draws 4 A, which none of "
    )
    assert "fuse:lateral-1" in message
    assert "relay:" in message


def test_a_fault_that_no_device_guards(tmp_path: Path) -> None:
    device = '[[protection.devices]]\nkind = "fuse"\nat = "line:lateral-2"\nentry = "k-link"\n'
    fault = EVENT + 'kind = "fault"\nwhere = "line:lateral-1"\n'
    [message] = told(tmp_path, "homes = 40\n" + device + fault)
    assert message.startswith(
        "events.0.where: no protective device stands before it: nothing would clear the fault"
    )


def test_a_source_of_240_v_on_a_service_of_208_v(tmp_path: Path) -> None:
    feeder = FeederBuilder("network")
    feeder.add_bus("source", "1.2.3", 120.0, 0.0, 0.0)
    feeder.add_source("grid", "source", "1.2.3", EMF_V / 60.0, 0.001j * np.eye(3))
    for number, nodes in ((1, "1.2"), (2, "2.3")):
        feeder.add_home(f"home-{number}", "source", nodes, "single", kw=1.0, kvar=0.0, kv=0.208)
    path = tmp_path / "network.feeder"
    feeder.build().save(path)
    group = '[homes.all]\nshare = 1.0\ntransfer = "generac-200a-transfer-switch"\ngenerator = "standby-generator-12"\n'
    [message] = told(tmp_path, f'source = "file:{path}"\n' + group)
    assert message.startswith(
        "homes.all: 'generac-200a-transfer-switch' puts a source of 240 V on services of another voltage, 2 in all: "
        "home-1 at 208 V, home-2 at 208 V"
    )
