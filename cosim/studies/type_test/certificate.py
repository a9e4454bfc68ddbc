"""What a type test found: checks, the rows of UL 414, and the certificate that holds them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cosim.ul414 import TestKey

if TYPE_CHECKING:
    from cosim.studies.type_test.heat_rise import HeatRise

State = Literal["computed", "evidence", "missing"]
Verdict = Literal["pass", "likely pass", "likely fail", "fail", "no verdict"]
Outcome = Literal["holds", "fails", "open"]

SURE = 0.95  # from this probability on a verdict is told without "likely"


@dataclass(frozen=True)
class Check:
    """One figure against what it must keep.

    Parameters
    ----------
    name
        What was looked at.
    found, needed
        The figure and its limit, with units, as text.
    outcome
        ``open`` where the figure alone decides nothing.
    probability
        Share of draws that hold; None where nothing was drawn.
    note
        What else a reader must know.
    counts
        False for a figure that is told and decides nothing.
    """

    name: str
    found: str
    needed: str
    outcome: Outcome
    probability: float | None = None
    note: str = ""
    counts: bool = True


@dataclass(frozen=True)
class Provenance:
    """A number that the verdict hangs on: where it stands, and how far to trust it."""

    key: str
    value: str
    range: str
    confidence: str
    source: str
    weight: float | None = None


@dataclass(frozen=True)
class Computed:
    """What a computed test says before it becomes a row.

    Parameters
    ----------
    verdict
        ``no verdict`` where something that decides is not public; `reason` says what.
    probability
        Of passing, over the ranges of the numbers; None where nothing was drawn or nothing can be said.
    """

    verdict: Verdict
    probability: float | None
    summary: str
    checks: tuple[Check, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of the UL 414 table.

    Parameters
    ----------
    state
        ``computed`` with a verdict; ``evidence``, a document or a statement is named; ``missing`` else.
    """

    test: TestKey
    title: str
    criterion: str
    clause: str
    state: State
    verdict: Verdict | None
    probability: float | None
    summary: str
    checks: tuple[Check, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    assumptions: tuple[str, ...] = ()
    document: str = ""
    source: str = ""


@dataclass(frozen=True)
class Certificate:
    """Every row of the UL 414 table for one product.

    Parameters
    ----------
    adapter, title
        Name of the entry and of the product.
    conditions
        What was asked for and how it was drawn, as (name, text).
    rows
        One for each test, in the order of the table.
    heat
        The heat-rise run with its readings; None if it was not asked for.
    """

    adapter: str
    title: str
    conditions: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    heat: HeatRise | None = field(default=None, repr=False)

    def row(self, test: str) -> Row:
        """The row of a test."""
        return next(row for row in self.rows if row.test == test)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; traces to the thousandth."""
        data = asdict(self) | {"conditions": dict(self.conditions)}
        for phase in (data["heat"] or {}).get("phases", ()):
            phase["rise_k"] = {role: rise.round(3) for role, rise in phase["rise_k"].items()}
        return data

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        """(test, state, verdict, what is behind it) of every row."""
        for row in self.rows:
            yield row.test, row.state, told(row.verdict, row.probability), row.summary


def verdict_of(probability: float) -> Verdict:
    """The word for a probability of passing."""
    if probability >= SURE:
        return "pass"
    if probability >= 0.5:
        return "likely pass"
    return "likely fail" if probability > 1.0 - SURE else "fail"


def told(verdict: Verdict | None, probability: float | None) -> str:
    """A verdict with the share of draws that pass; a dash for none."""
    if verdict is None:
        return "–"
    return verdict if probability is None else f"{verdict}: {percent(probability)} of draws pass"


def percent(probability: float) -> str:
    """A share as whole percent; never 0 or 100 unless it is."""
    if 0.0 < probability < 0.01:
        return "below 1 %"
    if 0.99 < probability < 1.0:
        return "above 99 %"
    return f"{100 * probability:.0f} %"
