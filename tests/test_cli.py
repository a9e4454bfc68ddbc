"""The command: starts at once, teaches, prints JSON, and says what is wrong in one message."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cosim.cli import app
from cosim.cli.shell import Meter, Terminated, print_json
from cosim.errors import ConvergenceError, InterruptedRun, InterruptedSweep

HEAVY = {
    "numba",
    "pandapower",
    "pandas",
    "scipy",
    "h5py",
    "pydantic",
    "numpy",
    "simpy",
    "xarray",
    "pvlib",
    "distributed",
}
COMMANDS = [
    ("run",),
    ("report",),
    ("sweep",),
    ("version",),
    ("reliability",),
    ("scenario", "new"),
    ("scenario", "check"),
    ("scenario", "list"),
    ("feeder", "import"),
    ("feeder", "generate"),
    ("feeder", "show"),
    ("feeder", "check"),
    ("feeder", "compare"),
    ("feeder", "faults"),
    ("feeder", "backfeed"),
    ("feeder", "neutral"),
    ("feeder", "flow"),
    ("feeder", "protection"),
    ("demand", "diversity"),
    ("demand", "pickup"),
    ("adapter", "list"),
    ("adapter", "show"),
    ("adapter", "check"),
    ("adapter", "schema"),
    ("adapter", "age"),
    ("adapter", "test"),
    ("adapter", "calibrate"),
    ("adapter", "sensitivity"),
    ("adapter", "transfer"),
    ("adapter", "surge"),
    ("adapter", "value"),
    ("adapter", "cords"),
]
SMALL = """
start = 2026-07-14T00:00:00
duration = "10 min"
[feeder]
homes = 12
[homes.solar]
share = 0.5
adapter = "connectder-solar-60"
pv_kw = 5
[variants.none]
homes.solar.share = 0
"""


@pytest.fixture
def cosim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# ------------------------------------------------------------------ starting and teaching
def test_help_imports_nothing_heavy() -> None:
    """Half a second is kept by what is not imported; the clock itself is not tested."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cosim", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not HEAVY & imported
    assert all(word in done.stdout for word in ("run", "report", "sweep", "scenario", "feeder", "adapter"))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_teaches_by_an_example(cosim: Callable[..., Result], words: tuple[str, ...]) -> None:
    shown = cosim(*words, "--help")
    assert shown.exit_code == 0
    assert f"cosim {' '.join(words)}" in shown.stdout
    assert "Example" in shown.stdout


def test_every_command_is_known_here() -> None:
    from typer.main import get_command

    group: Any = get_command(app)
    found = {
        (name, *below)
        for name, command in group.commands.items()
        for below in ([(inner,) for inner in getattr(command, "commands", {})] or [()])
    }
    assert found == set(COMMANDS)


def test_help_shows_units_in_brackets() -> None:
    """Rich takes ``[kW]`` for a style and drops it, unless it is written with a backslash."""
    from rich.text import Text
    from typer.main import get_command

    def options(command: Any) -> list[str]:
        below = [text for inner in getattr(command, "commands", {}).values() for text in options(inner)]
        return below + [one.help for one in command.params if getattr(one, "help", None)]

    texts = options(get_command(app))
    assert any("\\[" in text for text in texts)
    for text in texts:
        assert Text.from_markup(text).plain == text.replace("\\[", "[")


def test_version(cosim: Callable[..., Result]) -> None:
    assert cosim("version").stdout.startswith("cosim ")
    assert cosim("--version").stdout == cosim("version").stdout
    assert {"cosim", "python", "numba", "pandapower"} <= set(answer(cosim("version", "--json")))


# ------------------------------------------------------------------ scenarios
def test_a_new_scenario_is_a_copy_that_checks(cosim: Callable[..., Result], tmp_path: Path) -> None:
    assert cosim("scenario", "new", "mine", "--from", "fault-duty").exit_code == 0
    found = answer(cosim("scenario", "check", "mine.toml", "--set", "feeder.homes=12", "--json"))
    assert found["homes"] == 12
    assert found["groups"] == {"solar": 5, "generator": 1, "backup": 2}
    assert found["steps"] == 15
    assert found["variants"] == ["no-adapters"]
    assert found["expected_bytes"] > 0
    again = cosim("scenario", "new", "mine")
    assert again.exit_code == 2
    assert "mine.toml: exists already" in again.stderr


def test_check_tells_problems_of_variants_and_names_of_the_feeder(
    cosim: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "case.toml"
    file.write_text(SMALL + "homes.solar.shar = 1\n")
    wrong = cosim("scenario", "check", file)
    assert wrong.exit_code == 2
    assert "homes.solar.shar: in variant none: unknown key (did you mean 'share'?)" in wrong.stderr
    file.write_text(SMALL + '[record]\nfull = ["home:home-99"]\n')
    wrong = cosim("scenario", "check", file)
    assert wrong.exit_code == 2
    assert "record.full.0: the feeder has no home of this name (did you mean 'home-9'?)" in wrong.stderr


def test_check_for_people(cosim: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(SMALL)
    shown = cosim("scenario", "check", "case.toml")
    assert shown.exit_code == 0
    assert "12 homes" in shown.stdout
    assert "10 steps of 1 min" in shown.stdout


def test_shipped_scenarios_are_listed(cosim: Callable[..., Result]) -> None:
    assert set(answer(cosim("scenario", "list", "--json"))) >= {"heat-wave", "winter-evening", "fault-duty"}


def test_a_file_beside_wins_over_a_shipped_scenario_of_its_name(
    cosim: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "heat-wave.toml").write_text(SMALL)
    assert answer(cosim("scenario", "check", "heat-wave", "--json"))["homes"] == 12
    assert cosim("scenario", "new", "copy").exit_code == 0
    assert (tmp_path / "copy.toml").read_text() != SMALL  # a copy of the shipped one


def test_check_reads_the_files_that_a_run_reads(cosim: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(SMALL + '[demand]\nsource = "csv:p.csv"\n')
    (tmp_path / "p.csv").write_text("minute,home-1\n0,1\n15,x\n")
    wrong = cosim("scenario", "check", "case.toml")
    assert wrong.exit_code == 2
    assert "p.csv:3: home-1: should be a number (got 'x')" in wrong.stderr


# ------------------------------------------------------------------ library and feeders
def test_adapters(cosim: Callable[..., Result]) -> None:
    names = answer(cosim("adapter", "list", "--json"))
    assert "tesla-backup-switch" in names
    assert (
        answer(cosim("adapter", "show", "tesla-backup-switch", "--json"))["title"]
        == names["tesla-backup-switch"]["title"]
    )
    shown = cosim("adapter", "show", "tesla-backup-switch").stdout
    assert "confidence" in shown
    unknown = cosim("adapter", "show", "tesla-backup-swich")
    assert unknown.exit_code == 2
    assert "did you mean 'tesla-backup-switch'" in unknown.stderr


def test_a_generated_feeder_is_saved_shown_and_checked(cosim: Callable[..., Result]) -> None:
    made = answer(cosim("feeder", "generate", "--homes", 20, "--out", "a.feeder", "--json"))
    assert made["homes"] == 20
    shown = answer(cosim("feeder", "show", "a.feeder", "--json"))
    assert shown == made
    assert answer(cosim("feeder", "check", "a.feeder", "--json"))["problems"] == []
    assert "no problems" in cosim("feeder", "check", "a.feeder").stdout


def test_a_feeder_is_solved_once_for_its_worst_places(cosim: Callable[..., Result]) -> None:
    cosim("feeder", "generate", "--homes", 20, "--out", "a.feeder")
    found = answer(cosim("feeder", "flow", "a.feeder", "--worst", 3, "--json"))
    assert found["loss_kw"] == pytest.approx(sum(found["loss_kw_by_kind"].values()), abs=1e-3)
    assert sum(found["homes"].values()) == 20
    assert 1 <= len(found["worst"]["transformer_loading_percent"]) <= 3
    assert "loading_percent" in cosim("feeder", "flow", "a.feeder").stdout


def test_options_of_protection_and_neutral_are_told_together(cosim: Callable[..., Result]) -> None:
    assert cosim("feeder", "generate", "--homes", 12, "--out", "oak.feeder").exit_code == 0
    device = "--device", "line:x=recloser", "--device", "line:lateral-1=k-link:41"
    wrong = cosim("feeder", "protection", "oak.feeder", *device)
    assert wrong.exit_code == 2
    assert "no protective device can stand at line:x" in wrong.stderr
    assert "not for 41 A" in wrong.stderr
    wrong = cosim(
        "feeder", "protection", "oak.feeder", "--fault-ohm", "inf", "--scheme", "x", "--device", "y"
    )
    assert wrong.stderr.startswith("3 problems, nothing was done")
    home = "feeder", "neutral", "oak.feeder", "--home"
    assert "leg2_w: should be powers" in cosim(*home, "home-1", "--leg2-w", "nan").stderr
    assert cosim(*home, 1, "--leg2-w", 100).exit_code == 0
    assert "no such home" in cosim(*home, "home-99").stderr


def test_devices_of_a_feeder_and_their_coordination_are_told(cosim: Callable[..., Result]) -> None:
    cosim("feeder", "generate", "--homes", 20, "--out", "a.feeder")
    found = answer(cosim("feeder", "protection", "a.feeder", "--json"))
    assert found["devices"][0]["name"] == "relay:breaker-1"
    assert found["devices"][0]["settings"] == (
        "phase 240 A, ground 120 A; fast-delayed-delayed-delayed; dead 0.5, 15, 45 s"
    )
    kinds = {row["kind"] for row in found["findings"]}
    assert "saving fails" in kinds
    shown = cosim("feeder", "protection", "a.feeder", "--scheme", "fuse-blowing").stdout
    assert "saving fails" not in shown
    assert "relay:breaker-1" in shown
    wrong = cosim("feeder", "protection", "a.feeder", "--scheme", "none at all", "--device", "line:x")
    assert wrong.exit_code == 2
    assert "--scheme" in wrong.stderr
    assert "--device" in wrong.stderr
    nowhere = cosim("feeder", "protection", "a.feeder", "--device", "line:x=recloser")
    assert nowhere.exit_code == 2
    assert "no protective device can stand at line:x" in nowhere.stderr
    assert "Traceback" not in nowhere.output + wrong.output


@pytest.mark.parametrize("command", ["show", "check", "import", "protection"])
def test_a_missing_or_foreign_feeder_is_one_message(
    cosim: Callable[..., Result], tmp_path: Path, command: str
) -> None:
    missing = cosim("feeder", command, "none.feeder")
    assert missing.exit_code == 2
    assert "none.feeder: no such file" in missing.stderr
    (tmp_path / "b.feeder").write_text("not a feeder")
    elsewhere = ("--out", "new.feeder") if command == "import" else ()
    foreign = cosim("feeder", command, "b.feeder", *elsewhere)
    assert foreign.exit_code == 2
    assert "b.feeder: not a cosim feeder file, or cut short (not a zip archive)" in foreign.stderr
    (tmp_path / "c.feeder").mkdir()
    assert "c.feeder: is a directory" in cosim("feeder", command, "c.feeder", *elsewhere).stderr
    assert "Traceback" not in foreign.output


# ------------------------------------------------------------------ from scenario to page and table
@pytest.mark.slow
def test_a_scenario_is_run_reported_and_swept(cosim: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(SMALL)
    ran = cosim("run", "case.toml", "--threads", 1)
    assert ran.exit_code == 0, ran.output
    assert 8 <= len(ran.stdout.splitlines()) <= 16
    assert "case.h5" in ran.stdout
    assert ran.stderr == ""
    varied = answer(cosim("run", "case.toml", "--variant", "none", "--threads", 1, "--json"))
    assert varied["result"] == "case-none.h5"
    assert varied["summary"]["adapters"] == 0
    page = answer(cosim("report", "case.h5", "--json"))["page"]
    assert (tmp_path / page).read_text(encoding="utf-8").startswith("<!")
    request = ("sweep", "case.toml", "--vary", "homes.solar.share=0,0.5", "--threads", 1)
    swept = answer(cosim(*request, "--json"))
    assert (swept["cases"], swept["skipped"], swept["failed"]) == (2, 0, 0)
    assert [row["adapters"] for row in swept["table"]] == [0, 6]
    again = cosim(*request)
    assert again.exit_code == 0
    assert "2 cases, 2 finished before, 0 failed" in again.stdout
    assert "heat_margin_k" in again.stdout


# ------------------------------------------------------------------ errors and interruption
def test_all_problems_in_one_message_exit_2_nothing_written(
    cosim: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "case.toml").write_text('start = 3\nduration = "2"\nhomse = 1\n')
    wrong = cosim("run", "case.toml", "--out", "x.h5")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("3 problems, nothing was done:\n  case.toml:1: start: should be")
    assert wrong.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "heat-wve"), "did you mean 'heat-wave'"),
        (("run", "none.toml"), "none.toml: no such file"),
        (("run", "heat-wave", "--set", "seed"), "should be KEY=VALUE"),
        (("run", "heat-wave", "--variant", "no-adapter"), "did you mean 'no-adapters'"),
        (("report", "none.h5"), "none.h5"),
        (("sweep", "heat-wave", "--vary", "seed"), "--vary"),
        (("sweep", "heat-wave", "--vary", "seed=1:2", "--slice", "3/2"), "slice"),
        (("sweep", "heat-wave", "--vary", "seed=-1,2"), "--vary: seed: "),
        (
            ("reliability", "storm-night", "--calibrate", "--storms"),
            "--storms: are off while factors are found",
        ),
        (("reliability", "storm-night", "--seed", 2**63), "--seed"),
        (("adapter", "transfer", "tesco-bptm", "--careless"), "--careless: means nothing for the table"),
        (("adapter", "transfer", "tesco-bptm", "--grid-code", "mars"), "keeps no grid code's delay"),
        (("adapter", "surge", "surge-onyl", "tesco-bptn"), "2 problems, nothing was done"),
        (
            ("adapter", "surge", "surge-only", "--service-uh", "inf"),
            "service_uh: should be a number from 0 to 10000",
        ),
        (("adapter", "cords", "--ambient-c", "nan", "--length-m", "0"), "2 problems, nothing was done"),
        (("adapter", "cords", "--source", "powerwall-3"), "source: is a battery, not a generator"),
        (("adapter", "value", "no.feeder", "--adapter", "a", "--rates", "b"), "2 problems, nothing was done"),
        (
            ("adapter", "value", "no.feeder", "--adapter", "surge-only"),
            "--adapter: takes no home off the grid",
        ),
    ],
)
def test_bad_requests_exit_with_2_and_say_why(
    cosim: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    wrong = cosim(*words)
    assert wrong.exit_code == 2, wrong.output
    assert message in wrong.stderr
    assert "Traceback" not in wrong.output
    assert not list(tmp_path.glob("*.h5"))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (InterruptedRun(Path("a.partial.h5")), 130, "a.partial.h5"),
        (InterruptedSweep(2, 5), 130, "2 of 5 cases are done"),
        (Terminated(), 143, "interrupted"),
        (ConvergenceError("the power flow", 0.1), 1, "did not converge"),
        (PermissionError(13, "Permission denied", "out.h5"), 2, "out.h5: permission denied"),
    ],
)
def test_what_stops_a_run_decides_the_exit_code(
    cosim: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
) -> None:
    from cosim.scenario import loading

    def stop(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(loading, "load", stop)
    stopped = cosim("run", "heat-wave")
    assert stopped.exit_code == code
    assert message in stopped.stderr


STOPPED = """
import signal, sys
from cosim.cli import app, shell
from cosim.scenario import loading

class Finaliser:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))  # Python drops what is raised here

def load(*_, **__):
    import time
    Finaliser()
    for _ in range(300):
        time.sleep(0.1)

loading.load = load
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started to ignore it
shell.obey_signals()
app(["run", "heat-wave"])
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_never_lost(number: signal.Signals, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED, str(int(number))], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, "interrupted\n")


@pytest.mark.parametrize("out", ["case.toml", "a-folder", "link.h5", "missing/a.h5"])
def test_outputs_are_refused_before_anything_is_computed(
    cosim: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    import cosim.simulation.run as module

    monkeypatch.setattr(module, "assemble", lambda *_, **__: pytest.fail("was computed"))
    file = tmp_path / "case.toml"
    file.write_text(SMALL)
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "link.h5").symlink_to(file)
    refused = cosim("run", file, "--out", out)
    assert refused.exit_code == 2, refused.output
    assert refused.stderr.startswith(f"error: {out}: ")
    assert file.read_text() == SMALL


def test_a_feeder_does_not_replace_the_files_it_is_read_from(
    cosim: Callable[..., Result], tmp_path: Path
) -> None:
    master, lines = tmp_path / "Master.dss", tmp_path / "Lines.dss"
    master.write_text("redirect Lines.dss\n")
    lines.write_text("! none\n")
    for out in (master, lines):
        refused = cosim("feeder", "import", master, "--out", out)
        assert refused.exit_code == 2
        assert "is read by this command" in refused.stderr
    (tmp_path / "dir.feeder").mkdir()
    assert "is a directory" in cosim("feeder", "generate", "--out", "dir.feeder").stderr


def test_a_bug_is_not_hidden(cosim: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    from cosim.scenario import loading

    monkeypatch.setattr(loading, "load", lambda *_, **__: 1 / 0)
    assert isinstance(cosim("run", "heat-wave").exception, ZeroDivisionError)


# ------------------------------------------------------------------ output
def test_json_holds_what_json_can(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    print_json({"a": np.float64("nan"), "b": np.arange(2), "c": Path("x"), 3: (True, None, float("inf"))})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [0, 1], "c": "x", "3": [True, None, None]}


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Meter("running", "steps") as meter:
        meter(1, 2)
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_shows_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(os.environ, "TERM", "xterm")
    monkeypatch.setitem(os.environ, "COLUMNS", "100")
    with Meter("running", "steps") as meter:
        meter(50, 100)
        assert meter.bar is not None
        meter.bar.refresh()
    shown = capsys.readouterr().err
    assert "running" in shown
    assert "50%" in shown
    assert "steps/s" in shown
