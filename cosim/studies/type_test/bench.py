"""Runs the tests that physics can compute and gathers what is known of the others."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from cosim.adapter_entry import AdapterEntry
from cosim.entries import Quantity, quantities
from cosim.errors import LibraryError, Problem
from cosim.studies.type_test import dielectric, heat_rise, mold_stress, short_circuit
from cosim.studies.type_test.bodies import Settings, has_branch
from cosim.studies.type_test.certificate import (
    Certificate,
    Check,
    Computed,
    Row,
    percent,
    verdict_of,
)
from cosim.studies.type_test.heat_rise import HeatRise, PartRise
from cosim.studies.type_test.provenance import sourced
from cosim.ul414 import UL_414_TESTS, TestKey

COMPUTED: tuple[TestKey, ...] = ("heat-rise", "short-circuit", "dielectric", "mold-stress")
PUBLIC = ("measured", "stated", "derived")
MOST_CURRENT = 3.0  # times rated: no heat run goes there
AMBIENT_C = (-40.0, 70.0)
ALTITUDE_M = (-500.0, 10000.0)
MOST_DRAWS = 100_000
ROLE_WORDS = {
    "jaw": "jaw", "bus_bar": "bus bar", "factory_terminal": "factory terminal", "field_terminal": "field terminal",
}  # fmt: skip


def run(
    entry: AdapterEntry,
    tests: Sequence[str] = ("all",),
    current_a: float | None = None,
    ambient_c: float = 25.0,
    *,
    draws: int = 1000,
    seed: int = 1,
    degraded_ohm: float | None = None,
    altitude_m: float = 0.0,
    settings: Settings | None = None,
) -> Certificate:
    """Type-test a library entry.

    Parameters
    ----------
    entry
        From ``library.load("adapters", name)``.
    tests
        Any of ``heat-rise``, ``short-circuit``, ``dielectric``, ``mold-stress``, or ``all``.
    current_a
        Service current of the heat run [A r.m.s.]; the rating if left out. The branch scales with it.
    ambient_c
        Still air around the product.
    draws, seed
        Of every number with a range; the same seed gives the same certificate.
    degraded_ohm
        Resistance of a jaw on each leg that has lost its grip; None for jaws as new.
    altitude_m
        Where clearances must hold.
    settings
        Of the overheating cycles.

    Returns
    -------
    Certificate
        A row for each test of the UL 414 table: computed, evidence or missing; never assumed.

    Raises
    ------
    LibraryError
        With everything that is wrong with the request.
    """
    wanted = _checked(entry, tests, current_a, ambient_c, draws, degraded_ohm, altitude_m)
    amps = entry.rating_a.value if current_a is None else current_a
    heat: HeatRise | None = None
    found: dict[str, Computed] = {}
    if "heat-rise" in wanted:
        heat = heat_rise.run(
            entry, current_a=amps, ambient_c=ambient_c, draws=draws, seed=seed, degraded_ohm=degraded_ohm,
            settings=settings,
        )  # fmt: skip
        found["heat-rise"] = _heat_row(entry, heat, settings or Settings())
    if "short-circuit" in wanted:
        found["short-circuit"] = short_circuit.run(entry, ambient_c=ambient_c, draws=draws, seed=seed)
    if "dielectric" in wanted:
        found["dielectric"] = dielectric.run(entry, draws=draws, seed=seed, altitude_m=altitude_m)
    if "mold-stress" in wanted:
        found["mold-stress"] = mold_stress.run(
            entry, current_a=amps, ambient_c=ambient_c, draws=draws, seed=seed
        )
    conditions = [
        ("Tests computed", ", ".join(wanted)),
        ("Service current", f"{amps:g} A" + ("" if current_a is None or amps == entry.rating_a.value else
                                             f" (rated {entry.rating_a.value:g} A)")),
        ("Air", f"{ambient_c:g} °C, still, no sun"),
        ("Degraded jaw", f"{1e3 * degraded_ohm:g} mΩ" if degraded_ohm else "none"),
        ("Altitude", f"{altitude_m:g} m"),
        ("Draws", f"{draws:,} of every number with a range, seed {seed}"),
        ("Distribution", "triangular about the stated value, in the logarithm where the range lies above zero"),
    ]  # fmt: skip
    rows = tuple(_row(entry, test, found.get(test)) for test in UL_414_TESTS)
    return Certificate(entry.name, entry.title, tuple(conditions), rows, heat)


def _checked(
    entry: AdapterEntry, tests: Sequence[str], current_a: float | None, ambient_c: float, draws: int,
    degraded_ohm: float | None, altitude_m: float,
) -> list[TestKey]:  # fmt: skip
    """Tests to compute, in the order of the list; everything wrong at once."""
    problems = []
    for test in tests:
        if test not in (*COMPUTED, "all"):
            near = difflib.get_close_matches(test, (*COMPUTED, "all"), n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COMPUTED)}, all"
            why = ": the others are evidence, not physics" if test in UL_414_TESTS else ""
            problems.append(Problem(f"no such test to compute{why}; {hint}", key="--test", value=test))
    most = MOST_CURRENT * entry.rating_a.value
    limits: list[tuple[str, float | None, float, float, str]] = [
        ("--current", current_a, 0.0, most, f"{MOST_CURRENT:g} times the rating of {entry.rating_a.value:g} A"),
        ("--ambient", ambient_c, *AMBIENT_C, "the range of the air's properties"),
        ("--draws", float(draws), 1.0, float(MOST_DRAWS), "what fits in memory"),
        ("--degraded-jaw", degraded_ohm, 1e-7, 1.0, "a contact in ohm"),
        ("--altitude", altitude_m, *ALTITUDE_M, "metres of the standard atmosphere"),
    ]  # fmt: skip
    for key, value, low, high, what in limits:
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            problems.append(
                Problem(f"must lie between {low:g} and {high:g} ({what})", key=key, value=f"{value:g}")
            )
    if problems:
        raise LibraryError(problems)
    return [test for test in COMPUTED if test in tests or "all" in tests]


def _row(entry: AdapterEntry, test: TestKey, computed: Computed | None) -> Row:
    """A test's row: computed where there is a verdict, else what a document says, else missing."""
    known = UL_414_TESTS[test]
    record = next((row for row in entry.certification if row.test == test), None)
    stated = record is not None and record.status != "not found"
    document = record.document if record is not None and stated else ""
    source = record.source if record is not None and stated else ""
    told_by = f"{record.status}: {document or source}" if record is not None and stated else ""
    if computed is not None and computed.verdict != "no verdict":
        also = f" Evidence beside it: {told_by}." if told_by else ""
        return Row(
            test, known.title, known.criterion, known.clause, "computed", computed.verdict, computed.probability,
            computed.summary + also, computed.checks, computed.provenance, computed.assumptions, document, source,
        )  # fmt: skip
    why = f"Computed: no verdict. {computed.summary}" if computed is not None else ""
    if test in COMPUTED and computed is None:
        why = "Not computed in this run."
    parts = [told_by and f"{told_by}.", why or (not told_by and "Nothing public found.")]
    return Row(
        test, known.title, known.criterion, known.clause, "evidence" if stated else "missing",
        "no verdict" if computed is not None else None, None, " ".join(part for part in parts if part),
        computed.checks if computed else (), computed.provenance if computed else (),
        computed.assumptions if computed else (), document, source,
    )  # fmt: skip


def _heat_row(entry: AdapterEntry, heat: HeatRise, settings: Settings) -> Computed:
    """The heat-rise row from its run."""
    checks = tuple(_part_check(part) for part in heat.parts)
    tightest = heat.parts[0] if heat.parts else None
    at = f"at {heat.current_a:g} A ({heat.worst})"
    hot = f"no part with a limit {at}"
    if tightest:
        rest = math.isfinite(tightest.after_k)
        of = f"{tightest.after_k:.0f} K of {tightest.limit_k:.0f} K" if rest else "finds no state of rest"
        hot = f"{tightest.part.replace('_', ' ')} {of} {at} at the stated values"
    rows = (sourced(("rated current",), entry.rating_a), *heat.decisive)
    if entry.branch_rating_a is not None:
        rows = (rows[0], sourced(("rated current of the branch",), entry.branch_rating_a), *rows[1:])
    assumptions = (
        f"passing means every jaw and bus bar within 65 K, factory terminal 60 K, field terminal 55 K, at rest, in the "
        f"initial run (probability {heat.initial:.2f} alone) and after the overheating cycles, under every loading: "
        + ", ".join(f"{w.name} {w.grid_a:g}/{w.load_a:g}/{w.branch_a:g} A" for w in heat.loadings)
        + " (grid/load/branch)",
        "numbers alike in value, range and source are one unknown; all others are independent; a log-uniform "
        f"distribution instead of the triangular gives {heat.probability_flat:.2f}",
        "simulated meter: the bars of the body's meter without its electronics, which would add "
        f"{heat.correction_k:.1f} K to the hottest jaw; the standard's own way of correcting was not found",
        f"overheating cycles: 48 h, {100 * settings.duty.value:.0f} % of each hour at {settings.cycle_ratio.value:g} "
        f"times the current ({_span(settings.cycle_ratio)}; the standard's level was not found); with five insertions "
        f"the jaws keep {100 * heat.kept:.0f} % of their force or more at the stated values, and constriction goes "
        "with its inverse root",
        "the body is an estimate from geometry; nothing in it is fitted to the limits. A verdict on it is not one on a "
        "sample of the product",
    )  # fmt: skip
    if not entry.meter_mounted:
        summary = (
            f"It stands in no meter socket, so UL 414 does not ask this of it. Computed all the same: {hot}."
        )
        return Computed("no verdict", None, summary, checks, rows, assumptions)
    lacking = []
    if entry.rating_a.confidence not in PUBLIC:
        lacking.append("rated current")
    branch = entry.branch_rating_a
    if has_branch(entry.heat) and (branch is None or branch.confidence not in PUBLIC):
        lacking.append("rating of the branch")
    if not heat.parts:
        lacking.append("part with a limit")
    if lacking:
        summary = f"No public {' and no public '.join(lacking)}. Computed without it: {hot}."
        return Computed("no verdict", None, summary, checks, rows, assumptions)
    verdict = verdict_of(heat.probability)
    body = [number.confidence for _, number in quantities(entry.heat)]
    guessed = sum(word == "estimate" for word in body)
    off = "" if heat.current_a == entry.rating_a.value else " Not at the rated current."
    summary = (
        f"{percent(heat.probability).capitalize()} of the draws over the stated ranges pass; {hot}.{off}"
    )
    if guessed:
        summary += f" {guessed} of the body's {len(body)} numbers are estimates: this judges the entry, not a product."
    if heat.degraded:
        summary += f" Degraded jaw: {heat.degraded.replace('_', ' ')}."
    return Computed(verdict, heat.probability, summary, checks, rows, assumptions)


def _part_check(part: PartRise) -> Check:
    rest = math.isfinite(part.after_k)
    high = f"{part.high_k:.0f} K" if math.isfinite(part.high_k) else "no state of rest"
    return Check(
        f"{part.part.replace('_', ' ').capitalize()} ({ROLE_WORDS[part.role]})",
        f"{part.after_k:.1f} K" if rest else "no state of rest",
        f"at most {part.limit_k:.0f} K",
        "holds" if part.after_k <= part.limit_k else "fails",
        part.probability,
        f"{part.before_k:.1f} K in the initial run; 90 % of draws {part.low_k:.0f} K to {high}; "
        f"{part.loading}",
    )


def _span(quantity: Quantity) -> str:
    low, high = quantity.range or (quantity.value, quantity.value)
    return f"drawn from {low:g} to {high:g}"
