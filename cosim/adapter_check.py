"""What is wrong with an adapter beside others of the library, what it leaves open, and what follows from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosim import library
from cosim.entries import Confidence, Quantity, quantities
from cosim.errors import LibraryError, Problem
from cosim.ul414 import UL_414_TESTS

if TYPE_CHECKING:
    from cosim.adapter_entry import AdapterEntry

CONFIDENCES: tuple[Confidence, ...] = ("measured", "stated", "derived", "estimate", "not found")
MOLD_STRESS_LEAST_C = 70.0  # oven of UL 746C (61), or the highest operating temperature and 10 K


def misfits(entry: AdapterEntry, file: str = "") -> list[Problem]:
    """What contradicts other entries: names that do not exist, ratings above what they rest on."""
    return [Problem(message, file, key, value) for key, message, value in _misfits(entry)]


def _misfits(entry: AdapterEntry) -> Iterator[tuple[str, str, str]]:
    for kind, name in entry.references():
        key = "der_breaker" if kind == "breakers" else f"heat ({kind})"
        yield from _missing(kind, name, key)
    for index, row in enumerate(entry.approvals):
        yield from _missing("utilities", row.utility, f"approvals.{index}.utility")
    if entry.socket:
        yield from _missing("sockets", entry.socket, "socket")
    size = _socket_a(entry)
    if size is not None and entry.rating_a.value > size:
        where = f"socket {entry.socket}" if entry.socket else f"largest socket of form {entry.form}"
        message = f"is above the {size:g} A of the {where}; an adapter carries no more than its socket"
        yield "rating_a", message, f"{entry.rating_a.value:g} A"
    branch = entry.branch_rating_a
    if entry.der_breaker in library.names("breakers") and branch is not None and branch.known:
        breaker_a = library.load("breakers", entry.der_breaker).rating_a.value
        if breaker_a > branch.value:
            message = f"is rated {breaker_a:g} A, above the branch of {branch.value:g} A that it protects"
            yield "der_breaker", message, entry.der_breaker


def _missing(kind: str, name: str, key: str) -> Iterator[tuple[str, str, str]]:
    try:
        library.entry_path(kind, name)
    except LibraryError as error:
        for problem in error.problems:
            yield key, problem.message, name


def _socket_a(entry: AdapterEntry) -> float | None:
    """Rating of the socket an adapter stands on; the largest of its form if it names none, None without one."""
    if not entry.meter_mounted:
        return None
    if entry.socket:
        known = entry.socket in library.names("sockets")
        return library.load("sockets", entry.socket).rating_a.value if known else None
    sockets = (library.load("sockets", name) for name in library.names("sockets"))
    return max((socket.rating_a.value for socket in sockets if socket.form == entry.form), default=None)


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
