"""What is wrong with an adapter beside others of the library, what it leaves open, and what follows from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosim import library
from cosim.entries import Confidence, Quantity, quantities
from cosim.errors import LibraryError, Problem
from cosim.ul414 import UL_414_TESTS

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry

CONFIDENCES: tuple[Confidence, ...] = ("measured", "stated", "derived", "estimate", "not found")
MOLD_STRESS_LEAST_C = 70.0  # oven of UL 746C (61), or the highest operating temperature and 10 K


def misfits(data: Mapping[str, Any], file: str = "") -> list[Problem]:
    """What contradicts other entries: names that do not exist, ratings above what they rest on.

    Works on plain data, however wrong the rest of it is, so that one message holds all that is wrong with a file.
    """
    return [Problem(message, file, key, value) for key, message, value in _misfits(data)]


def _misfits(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for kind, key, name in _names(data):
        yield from _missing(kind, name, key)
    size = _socket_a(data)
    named = data.get("socket")
    where = f"socket {named}" if named else f"largest socket of form {data.get('form')}"
    for key in ("rating_a", "branch_rating_a"):
        rated = _ampere(data.get(key))
        if size is not None and rated is not None and rated > size:
            message = f"is above the {size:g} A of the {where}; an adapter carries no more than its socket"
            yield key, message, f"{rated:g} A"
    breaker, branch = data.get("der_breaker"), _ampere(data.get("branch_rating_a"))
    if breaker in library.names("breakers") and branch is not None:
        breaker_a = library.load("breakers", str(breaker)).rating_a.value
        if breaker_a > branch:
            message = f"is rated {breaker_a:g} A, above the branch of {branch:g} A that it protects"
            yield "der_breaker", message, str(breaker)


def _names(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(kind, key, name) of other entries that an adapter names; materials and the body are told with the body."""
    for kind, key in (("breakers", "der_breaker"), ("sockets", "socket")):
        if isinstance(name := data.get(key), str) and name:
            yield kind, key, name
    heat = data.get("heat")
    joints = heat.get("joints") if isinstance(heat, Mapping) else None
    for kind, rows, key, field in (
        ("utilities", data.get("approvals"), "approvals", "utility"),
        ("contacts", joints, "heat.joints", "contact"),
    ):
        for index, row in enumerate(rows if isinstance(rows, list | tuple) else ()):
            if isinstance(row, Mapping) and isinstance(name := row.get(field), str) and name:
                yield kind, f"{key}.{index}.{field}", name


def _missing(kind: str, name: str, key: str) -> Iterator[tuple[str, str, str]]:
    try:
        library.entry_path(kind, name)
    except LibraryError as error:
        for problem in error.problems:
            yield key, problem.message, name


def _ampere(number: Any) -> float | None:
    """A plain quantity in ampere, None for anything else."""
    if not isinstance(number, Mapping) or number.get("unit") != "A":
        return None
    value = number.get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _socket_a(data: Mapping[str, Any]) -> float | None:
    """Rating of the socket an adapter stands on; the largest of its form if it names none, None without one."""
    if name := data.get("socket"):
        known = name in library.names("sockets")
        return library.load("sockets", name).rating_a.value if known else None
    if not data.get("meter_mounted", True):
        return None
    sockets = (library.load("sockets", name) for name in library.names("sockets"))
    return max((s.rating_a.value for s in sockets if s.form == data.get("form")), default=None)


@dataclass(frozen=True)
class Review:
    """What an entry rests on.

    Parameters
    ----------
    counts
        Numbers by confidence.
    missing, estimates
        (key, what is there instead of a number) and (key, value with range, reasoning).
    consequences
        Sentences: which verdicts cannot be given, and why.
    """

    counts: dict[str, int]
    missing: list[tuple[str, str]]
    estimates: list[tuple[str, str, str]]
    consequences: list[str]


def review(entry: AdapterEntry) -> Review:
    """What is not known of an adapter and which verdicts will therefore be withheld."""
    found = list(quantities(entry))
    counted = Counter(number.confidence for _, number in found)
    missing = [(key, number.source) for key, number in found if not number.known]
    missing += [
        (f"protections.{name}", row.source)
        for name, row in (entry.protections or ())
        if row.has == "not found"
    ]
    missing += [
        (f"certification.{row.test}", row.source) for row in entry.certification if row.status == "not found"
    ]
    missing += [(f"certification.{test}", "no row") for test in UL_414_TESTS if not entry.certification]
    return Review(
        {name: counted[name] for name in CONFIDENCES},
        missing,
        [
            (key, _with_range(number), number.source)
            for key, number in found
            if number.confidence == "estimate"
        ],
        list(_consequences(entry)),
    )


def public_share(entry: AdapterEntry) -> float:
    """Share of an entry's numbers that are measured, stated or derived."""
    found = [number.confidence for _, number in quantities(entry)]
    return sum(name in ("measured", "stated", "derived") for name in found) / len(found)


def _with_range(number: Quantity) -> str:
    low, high = number.range or (number.value, number.value)
    return f"{number.value:g} [{low:g}, {high:g}] {number.unit}"


def _consequences(entry: AdapterEntry) -> Iterator[str]:
    """One sentence for each verdict that the entry cannot bear."""
    if entry.rating_a.confidence == "estimate":
        yield "heat rise: no verdict, because the rated current is an estimate (rating_a)"
    for part in entry.short_circuit:
        if not part.rating_a.known:
            yield f"short circuit of the {part.applies_to}: no verdict, because no rating is known"
    if not entry.short_circuit:
        yield "short circuit: no verdict, because no [[short_circuit]] states a rating"
    distances = [row for row in entry.spacings if row.clearance_m.known and row.creepage_m.known]
    if not distances:
        yield "dielectric: evidence at most, because no clearance and creepage are known (spacings)"
    if entry.operating_c is None or not entry.operating_c.highest.known:
        yield (
            f"mold stress: judged at {MOLD_STRESS_LEAST_C:g} degC only, because no highest operating temperature "
            "is known (operating_c.highest)"
        )
    if entry.meter_mounted and (entry.jaws is None or not entry.jaws.known):
        yield "sockets of five jaws: not judged, because the product's jaws are not known (jaws)"
    if entry.diagram.tap != "none" and (entry.branch_rating_a is None or not entry.branch_rating_a.known):
        yield "load of the branch: not judged, because its rating is not known (branch_rating_a)"
    if entry.transfer is not None and not entry.transfer.transfer_s.known:
        yield "length of an outage's gap: not judged, because no transfer time is known (transfer.transfer_s)"
    if entry.protections is None or entry.protections.backfeed.has == "not found":
        yield "backfeed: taken as not prevented unless [transfer] says how the service opens"
    if not any(row.status == "approved" for row in entry.approvals):
        yield "utilities: approved by none that is known, which every home's check will say (approvals)"
    told = {row.test for row in entry.certification if row.status != "not found"}
    if untold := len(UL_414_TESTS) - len(told):
        yield f"certification: {untold} of {len(UL_414_TESTS)} tests of UL 414 have neither report nor statement"
