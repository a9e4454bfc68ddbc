"""The dielectric test of UL 414 clause 20.1 on the spacings of an entry."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cosim.adapter_entry import AdapterEntry, Spacing
from cosim.studies.type_test import insulation
from cosim.studies.type_test.certificate import Check, Computed, Outcome, Provenance, verdict_of
from cosim.studies.type_test.draws import Distribution, values_of
from cosim.studies.type_test.provenance import sourced

NEEDED = ("opposite-polarity", "live-enclosure")
WORDS = {
    "opposite-polarity": "between opposite polarity",
    "live-enclosure": "live part to enclosure",
    "open-contacts": "across open contacts",
}


def test_voltage_v(rated_v: float) -> float:
    """R.m.s. test voltage: 1000 V and twice rated."""
    return 1000.0 + 2.0 * rated_v


def run(
    entry: AdapterEntry, *, draws: int, seed: int, altitude_m: float = 0.0,
    distribution: Distribution = "triangular",
) -> Computed:  # fmt: skip
    """Clearances and creepage distances of an entry against the test voltage, taken at its peak.

    A clearance that keeps the table for an inhomogeneous field withstands by dimension; one below Paschen's gap
    breaks down; between them the laboratory decides. Without the geometry of both paths there is no verdict.
    """
    volts = test_voltage_v(entry.volts.value)
    peak = math.sqrt(2.0) * volts
    told = f"{volts:,.0f} V r.m.s., {peak:,.0f} V at its peak"
    given = {spacing.between: spacing for spacing in entry.spacings if spacing.clearance_m.known}
    if absent := [WORDS[name] for name in NEEDED if name not in given]:
        reason = f"Test voltage {told}. No public clearance: {'; '.join(absent)}."
        return Computed("no verdict", None, reason, provenance=_sources(list(given.values()), entry))
    checks, kept = [], np.ones(draws, dtype=bool)
    for spacing in given.values():
        for check, holds in _checks(spacing, entry, peak, draws, seed, altitude_m, distribution):
            checks.append(check)
            if check.counts:
                kept &= holds
    open_ = any(check.outcome == "open" and check.counts for check in checks)
    probability = float(kept.mean())
    summary = (
        f"Test voltage {told}; clearances for an inhomogeneous field, creepage by material and pollution."
    )
    if open_ and not any(check.outcome == "fails" for check in checks if check.counts):
        summary += " A distance that decides is open."
        return Computed("no verdict", None, summary, tuple(checks), _sources(list(given.values()), entry))
    assumptions = (
        f"altitude {altitude_m:,.0f} m: clearances times {insulation.altitude_factor(altitude_m):.2f}",
        f"tables: {insulation.CLEARANCES}; {insulation.CREEPAGES}",
        "spacings that UL 414 itself asks for (its clause 8): not found",
    )
    return Computed(
        verdict_of(probability), probability, summary, tuple(checks), _sources(list(given.values()), entry),
        assumptions,
    )  # fmt: skip


def _checks(
    spacing: Spacing, entry: AdapterEntry, peak_v: float, draws: int, seed: int, altitude_m: float,
    distribution: Distribution,
) -> list[tuple[Check, NDArray[np.bool_]]]:  # fmt: skip
    """Checks of one path with the draws that hold."""
    where = WORDS[spacing.between]
    factor = insulation.altitude_factor(altitude_m)
    counts = spacing.between in NEEDED
    clearance = values_of(spacing.clearance_m, draws, seed, distribution)
    floor = insulation.paschen_gap_m(peak_v, insulation.pressure_pa(altitude_m))
    need = insulation.WITHSTAND.metres(peak_v) * factor
    value = spacing.clearance_m.value
    held: Outcome = "holds" if value >= need else "fails" if value < floor else "open"
    found = [
        (
            Check(
                f"Clearance {where}", _mm(value), f"at least {_mm(need)}", held, float((clearance >= need).mean()),
                f"Paschen's gap, a floor only: {_mm(floor)}"
                + ("; between floor and table the test decides" if held == "open" else ""),
                counts,
            ),
            clearance >= need,
        )
    ]  # fmt: skip
    impulse = insulation.impulse_v(0.5 * entry.volts.value)
    surge = max(insulation.IMPULSE.metres(impulse), insulation.LEAST_CLEARANCE_M[spacing.pollution_degree])
    found.append(
        (
            Check(
                f"Impulse {where}", _mm(value), f"at least {_mm(surge * factor)}",
                "holds" if value >= surge * factor else "fails",
                float((clearance >= surge * factor).mean()),
                f"{impulse:,.0f} V, overvoltage category IV of IEC 60664-1; beyond what UL 414 clause 20.1 asks",
                False,
            ),
            clearance >= surge * factor,
        )
    )  # fmt: skip
    found.append(_creepage(spacing, entry, where, draws, seed, counts, distribution))
    return found


def _creepage(
    spacing: Spacing, entry: AdapterEntry, where: str, draws: int, seed: int, counts: bool,
    distribution: Distribution,
) -> tuple[Check, NDArray[np.bool_]]:  # fmt: skip
    name = f"Creepage {where}"
    every = np.ones(draws, dtype=bool)
    if not spacing.creepage_m.known or spacing.material_group == "not found":
        what = "distance" if not spacing.creepage_m.known else "material group"
        return Check(name, "not found", "–", "open", None, f"no public {what}", counts), every
    try:
        need = insulation.creepage_m(entry.volts.value, spacing.pollution_degree, spacing.material_group)
    except ValueError as error:
        return Check(name, _mm(spacing.creepage_m.value), "–", "open", None, str(error), counts), every
    holds = values_of(spacing.creepage_m, draws, seed, distribution) >= need
    return (
        Check(
            name, _mm(spacing.creepage_m.value), f"at least {_mm(need)}",
            "holds" if spacing.creepage_m.value >= need else "fails", float(holds.mean()),
            f"{entry.volts.value:.0f} V mains, {insulation.rationalized_v(entry.volts.value):.0f} V in the table, "
            f"material group {spacing.material_group}, "
            f"pollution degree {spacing.pollution_degree}",
            counts,
        ),
        holds,
    )  # fmt: skip


def _sources(given: list[Spacing], entry: AdapterEntry) -> tuple[Provenance, ...]:
    rows = [sourced(("rated voltage",), entry.volts)]
    for spacing in given:
        rows.append(sourced((f"clearance {WORDS[spacing.between]}",), spacing.clearance_m))
        rows.append(sourced((f"creepage {WORDS[spacing.between]}",), spacing.creepage_m))
    return tuple(rows)


def _mm(metres: float) -> str:
    return f"{1e3 * metres:.2f} mm"
