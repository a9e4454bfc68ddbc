"""Transfer devices of several homes: an exact log, told alike however the run is cut and wherever it is resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from transfer_toy import S, ToyHomes

from cosim import library
from cosim.devices.transfer import State, Transition
from cosim.errors import CosimError
from cosim.events import Environment
from cosim.events.processes import StudyProcess
from cosim.events.transfer_processes import TransferDevices

EXPECTED = (Path(__file__).parent / "transfer_story.log").read_text().rstrip("\n")
HOMES = {
    **{f"bptm-{k}": "tesco-bptm" for k in range(2)},
    "tesla": "tesla-backup-switch",
    "generac": "generac-200a-transfer-switch",
    "link": "generlink",
    "kit": "interlock-kit",
    "cord": "suicide-cord",
    "bare": "none",
}
MACHINES = {name: library.load("transfer", name).machine() for name in sorted(set(HOMES.values()))}
END = 5 * 3600 * S
GONE, GOOD, ONE = (0.0, 0.0), (1.0, 1.0), (1.0, 0.1)


def toy() -> ToyHomes:
    """A long outage of all with a false return, then a leg lost at one home, then a sag."""
    script = [(100 * S, home, GONE) for home in HOMES]
    script += [(105 * S, home, GOOD) for home in HOMES] + [(106 * S, home, GONE) for home in HOMES]
    script += [(2 * 3600 * S, home, GOOD) for home in HOMES]
    script += [(4 * 3600 * S, "bptm-1", ONE), (4 * 3600 * S + 40 * S, "bptm-1", GOOD)]
    script += [(4 * 3600 * S + 600 * S, home, (0.4, 0.4)) for home in HOMES]
    script += [(4 * 3600 * S + 600 * S + 50_000, home, GOOD) for home in HOMES]
    return ToyHomes({home: MACHINES[name] for home, name in HOMES.items()}, script)


def begin(physics: ToyHomes) -> Environment:
    env = Environment(physics)  # type: ignore[arg-type]
    env.start(TransferDevices(name="transfer", homes=HOMES, machines=MACHINES, seed=3))
    env.start(
        StudyProcess(name="end", study="none", label="end", deadline_us=END)
    )  # gives each step a next event
    return env


def test_exact_log() -> None:
    env = begin(toy())
    env.run_until(END)
    assert str(env.log) == EXPECTED


def test_run_in_parts_and_resumed_at_every_event_is_the_same() -> None:
    """Every step's snapshot, through JSON, goes on to the same log."""
    physics = toy()
    env = begin(physics)
    resumed_at = 0
    while env.peek() <= END or len(env.log) < len(EXPECTED.splitlines()):
        before = len(env.log)
        env.run_until(min(END, env.now + 37 * S))
        if len(env.log) == before:
            if env.now >= END:
                break
            continue
        snapshot = json.loads(json.dumps(env.snapshot()))
        again = physics.copy()
        other = Environment.restore(snapshot, again)  # type: ignore[arg-type]
        kept = json.loads(json.dumps(other.snapshot()))["queue"]
        assert [entry[3:] for entry in kept] == [entry[3:] for entry in snapshot["queue"]]
        other.run_until(END)
        assert "\n".join(filter(None, (str(env.log), str(other.log)))) == EXPECTED, f"resumed at {env.now} us"
        resumed_at += 1
    assert str(env.log) == EXPECTED
    assert resumed_at > 15


def test_resumed_between_any_two_steps() -> None:
    """Also where a signal has come and was not yet heard."""
    physics = toy()
    env = begin(physics)
    unread = 0
    for _ in range(60):
        env.step()
        snapshot = json.loads(json.dumps(env.snapshot()))
        unread += any(plain["inbox"] for *_, plain in snapshot["queue"])
        other = Environment.restore(snapshot, physics.copy())  # type: ignore[arg-type]
        other.run_until(END)
        assert "\n".join(filter(None, (str(env.log), str(other.log)))) == EXPECTED
    assert unread > 3


def test_those_at_rest_are_forgotten() -> None:
    env = begin(toy())
    env.run_until(END)
    entry = next(entry for entry in env.snapshot()["queue"] if entry[3] == "transfer")
    assert entry[-1]["moved"] == {}
    assert entry[-1]["deadline_us"] is None


def test_a_device_that_goes_round_in_a_circle_is_named() -> None:
    lost = MACHINES["generlink"]
    a = State("a", leave=(Transition("b", ("service-lost",)),))
    b = State("b", leave=(Transition("on-grid", ("service-lost",)),))
    machine = replace(lost, states={"on-grid": a, "b": b})
    physics = ToyHomes({"x": machine}, [(S, "x", GONE)])
    env = Environment(physics)  # type: ignore[arg-type]
    env.start(TransferDevices(name="t", homes={"x": "generlink"}, machines={"generlink": machine}, seed=1))
    with pytest.raises(CosimError, match="'generlink' goes round in a circle at x"):
        env.run_until(2 * S)
