"""Run the benchmarks, print ratios to the peers, and gate on them: ``python -m benchmarks.run``."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.comparison import (
    FAILING,
    Entry,
    Measurement,
    Verdict,
    judge,
    measurements,
    passes,
    read_baseline,
    updated,
    write_baseline,
)

ROOT = Path(__file__).resolve().parent.parent
BASELINE = Path(__file__).with_name("baseline.json")
STORE = ROOT / ".benchmarks"
WIDTH = 150  # a narrower table would lose the ratios; a narrow terminal wraps it
RETRIES = 2  # a regression must show this many times more before it counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if all is well, 1 if a benchmark failed, regressed or did not run."""
    options = _parser().parse_args(arguments)
    console = Console()
    console.width = max(console.width, WIDTH)
    started = time.perf_counter()
    if options.cold:
        os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="cosim-cold-")
    status, document = run_pytest(options.select, smoke=options.smoke)
    measured = measurements(document)
    skipped = document.get("skipped", {})
    for name, reason in skipped.items():
        console.print(f"skipped {name}: {reason}", style="yellow", markup=False)
    if not measured:
        console.print("No benchmark ran.", style="red")
        return 1
    if options.smoke:
        console.print(
            f"{len(measured)} benchmarks did their work, {time.perf_counter() - started:.0f} s; not timed."
        )
        return int(status != 0)
    baseline = read_baseline(BASELINE) if BASELINE.exists() else {}
    if options.select:
        baseline = {m.name: baseline[m.name] for m in measured if m.name in baseline}
    verdicts = judge(measured, skipped, baseline)
    if options.check:
        measured, verdicts = _confirm(console, measured, verdicts, document, baseline)
    console.print(table(measured, verdicts, baseline))
    _store(document)
    if options.update and status == 0:
        needs = {e["name"].removeprefix("bench_"): e["extra_info"]["needs"] for e in document["benchmarks"]}
        known = read_baseline(BASELINE) if BASELINE.exists() else {}
        kept = (
            known
            if options.select
            else {n: known[n] for n, v in verdicts.items() if v != Verdict.MISSING and n in known}
        )
        write_baseline(BASELINE, updated(measured, needs, kept), machine())
        console.print(f"Wrote {BASELINE.relative_to(ROOT)}.")
    if options.check:
        return _close_gate(console, measured, verdicts, status)
    return int(status != 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--check", action="store_true", help="compare with benchmarks/baseline.json; exit 1 on regression"
    )
    mode.add_argument(
        "--smoke", action="store_true", help="a few steps of each: assert the work, time nothing"
    )
    mode.add_argument(
        "--update", action="store_true", help="write the measured ratios to benchmarks/baseline.json"
    )
    parser.add_argument(
        "--cold", action="store_true", help="compile afresh, so that 'first call' shows compilation"
    )
    parser.add_argument(
        "-k", dest="select", default="", metavar="EXPR", help="only benchmarks that match, as in pytest"
    )
    return parser


def run_pytest(
    select: str = "", *, smoke: bool = False, nodes: Sequence[str] = ()
) -> tuple[int, dict[str, Any]]:
    """One pytest process, without xdist: status and pytest-benchmark document, empty if nothing ran."""
    with tempfile.TemporaryDirectory(prefix="cosim-benchmarks-") as folder:
        target = Path(folder) / "benchmarks.json"
        command = [sys.executable, "-m", "pytest", *(nodes or ["benchmarks"]), "-q", "-rs", "-p", "no:xdist"]
        command += [
            "-o",
            "python_files=bench_*.py",
            "-o",
            "python_functions=bench_*",
            "-p",
            "no:cacheprovider",
        ]
        command += ["--benchmark-disable-gc", "--benchmark-quiet", f"--benchmark-json={target}"]
        command += [*(["-k", select] if select else []), *(["--smoke"] if smoke else [])]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        document = (
            json.loads(target.read_text())
            if target.exists() and target.stat().st_size
            else {"benchmarks": []}
        )
    return status, document


def _confirm(
    console: Console,
    measured: list[Measurement],
    verdicts: dict[str, Verdict],
    document: Mapping[str, Any],
    baseline: Mapping[str, Entry],
) -> tuple[list[Measurement], dict[str, Verdict]]:
    """Measure regressions again; each keeps its best median, since noise slows and never speeds."""
    best = {m.name: m for m in measured}
    node = {e["name"].removeprefix("bench_"): e["fullname"] for e in document["benchmarks"]}
    for _ in range(RETRIES):
        again = [name for name, verdict in verdicts.items() if verdict == Verdict.REGRESSED]
        if not again:
            break
        console.print(f"Measuring again: {', '.join(again)}", markup=False)
        _, repeated = run_pytest(nodes=[node[name] for name in again])
        for m in measurements(repeated):
            best[m.name] = min(m, best[m.name], key=lambda one: one.ratio)
        confirmed = judge(list(best.values()), {}, {name: baseline[name] for name in again})
        verdicts = verdicts | {name: confirmed[name] for name in again}
    return list(best.values()), verdicts


def _close_gate(
    console: Console, measured: Sequence[Measurement], verdicts: Mapping[str, Verdict], status: int
) -> int:
    bad = [f"{name} {verdict}" for name, verdict in verdicts.items() if verdict in FAILING]
    if not BASELINE.exists():
        bad.append(f"there is no {BASELINE.relative_to(ROOT)}; write one with --update")
    if status != 0:
        bad.append(f"pytest ended with status {status}")
    for line in bad:
        console.print(line, style="red", markup=False)
    return int(bool(bad) or not passes(measured, verdicts))


def table(
    measured: Sequence[Measurement], verdicts: Mapping[str, Verdict], baseline: Mapping[str, Entry]
) -> Table:
    """Medians and ratios, a row for each benchmark that ran."""
    out = Table(title=f"{machine()}; medians; a ratio below 1 is faster than the peer", title_justify="left")
    for heading, justify in (
        ("benchmark", "left"), ("cosim", "right"), ("peer", "right"), ("of", "left"), ("ratio", "right"),
        ("spread", "right"), ("baseline", "right"), ("first call", "right"), ("", "left"),
    ):  # fmt: skip
        out.add_column(heading, justify="left" if justify == "left" else "right", no_wrap=True)
    for m in measured:
        entry = baseline.get(m.name)
        out.add_row(
            m.name.replace("[", r"\["),
            f"{seconds(statistics.median(m.own_s))}/{m.unit}",
            seconds(statistics.median(m.peer_s)),
            m.peer,
            f"{m.ratio:.3g}",
            f"±{m.spread:.0%}",
            f"{entry.ratio:.3g} +{entry.tolerance:.0%}" if entry else "",
            seconds(m.first_s),
            str(verdicts.get(m.name, "")),
        )
    return out


def seconds(value: float) -> str:
    """A time with three figures in the unit that suits it."""
    if not value > 0.0 or math.isinf(value):
        return str(value)
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def machine() -> str:
    """Processor, cores and versions that decide the figures."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _store(document: Mapping[str, Any]) -> None:
    STORE.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    (STORE / f"{stamp}.json").write_text(json.dumps(document))


if __name__ == "__main__":
    sys.exit(main())
