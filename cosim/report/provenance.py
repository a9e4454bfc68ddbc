"""Where the numbers come from: every figure of the library entries used, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cosim.report.formatting import MISSING, counted, number

# From most to least trusted; what was looked for in vain comes last.
CONFIDENCES = ("measured", "stated", "derived", "estimate", "not found")


@dataclass(frozen=True)
class SourcedNumber:
    """A number of a library entry as read: where it stands, value, range, confidence, source."""

    key: str
    value: str
    range: str
    confidence: str
    source: str


@dataclass(frozen=True)
class EntryProvenance:
    """A library entry ("adapters/tesco-bptm") and its numbers."""

    name: str
    numbers: tuple[SourcedNumber, ...]

    @property
    def counts(self) -> list[int]:
        """How many numbers there are of each confidence."""
        count = Counter(n.confidence for n in self.numbers)
        return [count[confidence] for confidence in CONFIDENCES]


def provenance(library: Mapping[str, Any]) -> list[EntryProvenance]:
    """Every entry of a run that holds a number with a source, in the order of their names."""
    entries = (EntryProvenance(name, tuple(_numbers(library[name], ""))) for name in sorted(library))
    return [entry for entry in entries if entry.numbers]


def _numbers(item: Any, key: str) -> Iterator[SourcedNumber]:
    if isinstance(item, list):
        for place, part in enumerate(item, start=1):
            yield from _numbers(part, f"{key} {place}")
    elif isinstance(item, Mapping) and {"source", "confidence", "unit"} <= item.keys():
        yield _sourced(item, key)
    elif isinstance(item, Mapping):
        for name, part in item.items():
            yield from _numbers(part, f"{key}.{name}" if key else str(name))


def _sourced(item: Mapping[str, Any], key: str) -> SourcedNumber:
    unit = "" if item["unit"] == "1" else f" {item['unit']}"
    known = isinstance(item.get("value"), int | float)
    span = item.get("range")
    return SourcedNumber(
        key=key,
        value=f"{number(float(item['value']))}{unit}" if known else MISSING,
        range=f"{number(float(span[0]))} to {number(float(span[1]))}" if span else "",
        confidence=str(item["confidence"]),
        source=str(item["source"]),
    )


def heat_counts(entries: Iterable[EntryProvenance]) -> Counter[str]:
    """Confidence of the numbers behind the heat verdict: heat models of adapters, and materials."""
    return Counter(
        n.confidence
        for entry in entries
        for n in entry.numbers
        if entry.name.startswith("materials/") or (entry.name.startswith("adapters/") and n.key.startswith("heat"))
        if n.value != MISSING
    )  # fmt: skip


def heat_statement(counts: Counter[str]) -> str:
    """One honest sentence on what the heat verdict rests on; empty if there is nothing to say."""
    total = sum(counts.values())
    if not total:
        return ""
    others = ", ".join(f"{counts[c]:,} {c}" for c in ("measured", "stated", "derived"))
    share = f"{100 * counts['estimate'] / total:.0f} %"
    return (
        f"The heat verdict rests on {counted(total, 'number')} of adapters and materials: {counts['estimate']:,} "
        f"({share}) are estimates from geometry and handbooks, with a range; {others}."
    )
