"""From pairs of timings to a verdict: ratios to peers against a committed baseline.

A ratio is cosim's time for a unit of work over its peer's in the same round. Both slow down together on a
busy or slower machine, so ratios travel where seconds do not; the median over the rounds forgets the rounds
that were hit.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

VERSION = 1
TOLERANCE = 0.4


@dataclass(frozen=True)
class Measurement:
    """One benchmark as it ran.

    Parameters
    ----------
    name
        Of the benchmark, without its ``bench_``.
    unit
        What is counted: ``step``, ``adapter-step``.
    peer
        Against whom.
    own_s, peer_s
        Seconds a unit of work, a pair for each round.
    first_s
        First call in the process, with compilation or loading of compiled code.
    facts
        What the run asserted about its work, to be printed.
    """

    name: str
    unit: str
    peer: str
    own_s: tuple[float, ...]
    peer_s: tuple[float, ...]
    first_s: float = math.nan
    facts: Mapping[str, Any] | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """Own over peer, round by round."""
        return tuple(own / peer for own, peer in zip(self.own_s, self.peer_s, strict=True))

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> float:
        """Largest distance of a round's ratio from the median, in shares of it."""
        return max(abs(ratio / self.ratio - 1.0) for ratio in self.ratios)


@dataclass(frozen=True)
class Entry:
    """What the baseline holds about a benchmark.

    Parameters
    ----------
    ratio
        Median ratio to the peer when the baseline was taken.
    tolerance
        Share by which the ratio may grow before it counts as a regression.
    needs
        What the benchmark skips itself without, outside the repository; empty if it runs everywhere.
    """

    ratio: float
    tolerance: float = TOLERANCE
    needs: str = ""


class Verdict(StrEnum):
    """What became of a benchmark; `FAILING` ones stop a gate."""

    STEADY = "steady"
    FASTER = "faster"
    NEW = "new"
    ABSENT = "not here"
    REGRESSED = "regressed"
    MISSING = "did not run"


FAILING = frozenset({Verdict.REGRESSED, Verdict.MISSING})


def measurements(document: Mapping[str, Any]) -> list[Measurement]:
    """Measurements in a pytest-benchmark document whose entries were made by the `pair` fixture."""
    return [_measurement(entry) for entry in document["benchmarks"]]


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    info = entry["extra_info"]
    own = tuple(seconds / info["units"] for seconds in entry["stats"]["data"])
    peer = tuple(seconds / info["peer_units"] for seconds in info["peer_s"])
    if not own or len(own) != len(peer):
        raise ValueError(f"{entry['name']}: {len(own)} rounds, but {len(peer)} of its peer")
    return Measurement(
        entry["name"].removeprefix("bench_"),
        info["unit"],
        info["peer"],
        own,
        peer,
        info["first_s"],
        info["facts"],
    )


def judge(
    measured: Sequence[Measurement], skipped: Mapping[str, str], baseline: Mapping[str, Entry]
) -> dict[str, Verdict]:
    """Verdict on every benchmark that ran or that the baseline knows.

    Parameters
    ----------
    measured
        What ran.
    skipped
        Reason by name of what skipped itself. Only entries that need something may skip.
    baseline
        Committed entries by name.
    """
    verdicts = {m.name: _verdict(m, baseline.get(m.name)) for m in measured}
    for name, entry in baseline.items():
        if name not in verdicts:
            excused = bool(entry.needs) and name in skipped
            verdicts[name] = Verdict.ABSENT if excused else Verdict.MISSING
    return verdicts


def _verdict(measurement: Measurement, entry: Entry | None) -> Verdict:
    if entry is None:
        return Verdict.NEW
    change = measurement.ratio / entry.ratio - 1.0
    if not change <= entry.tolerance:  # a NaN regresses too
        return Verdict.REGRESSED
    return Verdict.FASTER if change < -entry.tolerance / (1.0 + entry.tolerance) else Verdict.STEADY


def passes(measured: Sequence[Measurement], verdicts: Mapping[str, Verdict]) -> bool:
    """Whether a gate may open: something ran, nothing regressed, nothing is missing."""
    return bool(measured) and not FAILING & set(verdicts.values())


def read_baseline(path: Path) -> dict[str, Entry]:
    """Entries of a baseline file.

    Raises
    ------
    ValueError
        Another version, no entries, or an entry whose numbers cannot gate anything.
    """
    document = json.loads(path.read_text())
    if document.get("version") != VERSION:
        raise ValueError(f"{path}: version {document.get('version')!r}, expected {VERSION}")
    entries = {name: Entry(**entry) for name, entry in document["benchmarks"].items()}
    wrong = [n for n, e in entries.items() if not (0.0 < e.ratio < math.inf and 0.0 < e.tolerance < math.inf)]
    if wrong or not entries:
        raise ValueError(
            f"{path}: ratio and tolerance must be positive: {', '.join(wrong) or 'no benchmark'}"
        )
    return entries


def updated(
    measured: Sequence[Measurement], needs: Mapping[str, str], baseline: Mapping[str, Entry]
) -> dict[str, Entry]:
    """Baseline with the ratios just measured; tolerances set by hand and what is absent here stay."""
    entries = dict(baseline)
    for m in measured:
        tolerance = baseline[m.name].tolerance if m.name in baseline else TOLERANCE
        entries[m.name] = Entry(float(f"{m.ratio:.4g}"), tolerance, needs.get(m.name, ""))
    return entries


def write_baseline(path: Path, entries: Mapping[str, Entry], machine: str) -> None:
    """Write entries, sorted, with a note on where they were taken."""
    benchmarks = {name: asdict(entries[name]) for name in sorted(entries)}
    document = {"version": VERSION, "machine": machine, "benchmarks": benchmarks}
    path.write_text(json.dumps(document, indent=1) + "\n")
