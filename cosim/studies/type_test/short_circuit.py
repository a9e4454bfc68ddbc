"""The short-circuit test of UL 414B SB13: what the breaker lets through, how hot metal gets, whether jaws lift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from cosim import library
from cosim.adapter_entry import AdapterEntry, ShortCircuit
from cosim.electrical.let_through import adiabatic_rise_k
from cosim.entries import BreakerEntry, Quantity
from cosim.studies.let_through import INSULATION_LIMIT_C, LetThrough, breaker_let_through
from cosim.studies.type_test.bodies import Bench, Settings, sliding_contacts
from cosim.studies.type_test.certificate import SURE, Check, Computed, Outcome, Provenance, verdict_of
from cosim.studies.type_test.draws import Distribution, Float, Variants, unknowns, values_of
from cosim.studies.type_test.provenance import sourced

METAL_LIMIT_C = 190.0  # hard copper softens: contact voltage of 0.12 V (R. Holm, Electric Contacts, 1967)
GASEOUS_C = 1000.0  # beyond this a figure has no meaning but that the metal is gone
BRANCH_PATHS, SERVICE_PATHS = ("grid", "branch"), ("grid", "load")
MAINS = ("main-200-10ka", "main-200-22ka")  # a panel's breaker clears what no device inside does

# Repulsion of a contact spot, F = k i^2 with i the instantaneous current through it.
REPULSION = Quantity(
    value=4.0e-7,
    unit="N/A2",
    range=(2.3e-7, 4.45e-7),
    confidence="derived",
    source="Holm: (mu0 / 4 pi) ln(R / a), 2.3e-7 for a body ten times as wide as its spot; 4.45e-7 from measured "
    "blow-off forces (P. G. Slade, IEEE Holm conference 2014, after A. M. Snowdon 1961); 0.8 N per kA2 of r.m.s. "
    "current, so 4e-7 of the peak (Doduco, electrical-contacts-wiki.com)",
)


@dataclass(frozen=True)
class Circuit:
    """A test circuit: power factors of UL 489 at short-circuit tests, physics of breakers in docs/fault-current.md."""

    level_a: float
    x_over_r: float

    @staticmethod
    def of(level_a: float) -> Circuit:
        """X / R by the lowest power factor of the level's class: 0.45 to 10 kA, 0.25 to 20 kA, 0.15 above."""
        factor = 0.45 if level_a <= 10e3 else 0.25 if level_a <= 20e3 else 0.15
        return Circuit(level_a, float(np.sqrt(1.0 / factor**2 - 1.0)))


def repulsion_n(instant_a: ArrayLike, fingers: ArrayLike, k: ArrayLike = REPULSION.value) -> Float:
    """Force that lifts one of a jaw's contacts [N] at an instantaneous current.

    The current divides evenly among two sides of a blade with `fingers` each: i / (2 fingers) a contact.
    """
    share = np.asarray(instant_a, dtype=float) / (2.0 * np.asarray(fingers, dtype=float))
    return np.asarray(np.asarray(k, dtype=float) * share**2)


def run(
    entry: AdapterEntry, *, ambient_c: float, draws: int, seed: int, distribution: Distribution = "triangular"
) -> Computed:
    """Every short-circuit rating that the product states, at its level and through the parts the diagram gives it.

    A rating holds for its part and for no other; without one there is no verdict.
    """
    known = [row for row in entry.short_circuit if row.rating_a.known]
    silent = [row.applies_to for row in entry.short_circuit if not row.rating_a.known]
    about = f" No public rating for: {', '.join(silent)}." if silent else ""
    if not known:
        return Computed("no verdict", None, "No short-circuit rating is public: no level to test at." + about)
    tests = [_Test(entry, row, ambient_c, draws, seed, distribution) for row in known]
    checks = tuple(check for test in tests for check in test.checks)
    assumptions = tuple(dict.fromkeys(line for test in tests for line in test.assumptions))
    rows = tuple(line for test in tests for line in test.provenance())
    levels = " and ".join(f"{test.circuit.level_a / 1e3:g} kA ({test.row.applies_to})" for test in tests)
    summary = f"Tested at {levels}.{about}"
    counting = [check for check in checks if check.counts]
    probability = float(np.logical_and.reduce([test.kept for test in tests]).mean())
    failed = any(check.outcome == "fails" for check in counting)
    left = [check.name for check in counting if check.outcome == "open"]
    if left and not failed:
        summary += f" Open: {'; '.join(left)}."
        return Computed("no verdict", None, summary, checks, rows, assumptions)
    return Computed(verdict_of(probability), probability, summary, checks, rows, assumptions)


class _Test:
    """One rating at its level."""

    def __init__(
        self, entry: AdapterEntry, row: ShortCircuit, ambient_c: float, draws: int, seed: int,
        distribution: Distribution,
    ) -> None:  # fmt: skip
        self.entry, self.row, self.start_c = entry, row, ambient_c
        self.draws, self.seed, self.distribution = draws, seed, distribution
        self.circuit = Circuit.of(row.rating_a.value)
        branch = row.applies_to == "der-branch"
        self.paths = BRANCH_PATHS if branch else SERVICE_PATHS
        self.inside = branch and bool(entry.der_breaker)
        self.breaker = (
            library.load("breakers", entry.der_breaker) if self.inside else _main(self.circuit.level_a)
        )
        self.nominal = self._let_through(self.breaker)
        self.kept: NDArray[np.bool_] = np.ones(draws, dtype=bool)
        self.checks = [self._interrupts(), *self._metal(), *self._switches(), *self._jaws()]

    @property
    def assumptions(self) -> list[str]:
        """What the test takes for granted."""
        whose = "" if self.inside else f"; no device inside, so it is that of: {self.breaker.title.lower()}"
        return [
            f"test circuit with X/R {self.circuit.x_over_r:.1f}, from the power factor at which UL 489 tests breakers; "
            "that of UL 414 was not found",
            "breaker from cold, clearing time of its entry; no current limiting is credited, so the let-through is an "
            f"upper bound: it can show that metal holds and not that it fails{whose}",
            f"metal starts at {self.start_c:g} °C and keeps its heat; bare metal may reach {METAL_LIMIT_C:g} °C "
            f"(copper softens), insulated wire {INSULATION_LIMIT_C:g} °C (IEC 60364-5-54)",
            "fingers on both sides of a blade attract each other and press on it; this is not credited",
            "exposed live parts, current to ground, arcing between poles and the dielectric test after are the "
            "laboratory's to see",
        ]

    def _let_through(self, breaker: BreakerEntry) -> LetThrough:
        return breaker_let_through(breaker, self.circuit.level_a, self.circuit.x_over_r)

    def _named(self, what: str) -> str:
        return f"{what.replace('_', ' ')} ({self.row.applies_to})"

    def _interrupts(self) -> Check:
        rated, level = self.breaker.interrupting_a, self.circuit.level_a
        weak: Outcome = "fails" if self.inside else "open"  # a panel's breaker is no fault of the product
        outcome: Outcome = "open" if not rated.known else "holds" if rated.value >= level else weak
        self.kept &= outcome != "fails"
        return Check(
            self._named("Breaker interrupts"),
            f"{rated.value / 1e3:g} kA" if rated.known else "not found",
            f"at least {level / 1e3:g} kA",
            outcome,
            note=self.breaker.title + ("" if self.inside else "; not part of the product"),
        )

    def _metal(self) -> list[Check]:
        """Final temperature of every piece of metal in the way."""
        models: dict[str, BaseModel] = {**Bench.of(self.entry, Settings()).models, "breaker": self.breaker}
        nominal = _final_c(Bench(models), self.paths, float(self.nominal.i2t_a2s), self.start_c)
        variants = Variants(models, unknowns(models, self.draws, self.seed, self.distribution))
        bench, breaker = Bench(variants.models), variants.models["breaker"]
        assert isinstance(breaker, BreakerEntry)
        final, through = np.empty((self.draws, len(nominal))), np.empty(self.draws)
        for draw in variants.draws(self.draws):
            through[draw] = self._let_through(breaker).i2t_a2s
            final[draw] = list(_final_c(bench, self.paths, float(through[draw]), self.start_c).values())
        low, high = np.percentile(through, [5.0, 95.0]) / 1e6
        checks = [
            Check(
                self._named("Let-through"),
                f"{float(self.nominal.i2t_a2s) / 1e6:.2f} MA²s, peak {float(self.nominal.peak_a) / 1e3:.1f} kA",
                "–",
                "open",
                note=f"cleared in {1e3 * float(self.nominal.clearing_s):.0f} ms; 90 % of draws "
                f"{low:.2f} to {high:.2f} MA²s",
                counts=False,
            )
        ]
        for column, (name, at) in enumerate(nominal.items()):
            limit = INSULATION_LIMIT_C if name.startswith("wire") else METAL_LIMIT_C
            holds = final[:, column] <= limit
            sure = float(holds.mean()) >= SURE
            self.kept &= holds | (not sure)
            checks.append(
                Check(
                    self._named(name),
                    f"{at:.0f} °C" if at < GASEOUS_C else "beyond melting",
                    f"at most {limit:.0f} °C",
                    "holds" if sure else "open",
                    float(holds.mean()),
                    f"rise {at - self.start_c:.1f} K, adiabatic"
                    if sure
                    else "too hot only if nothing limits the current: the breaker's own let-through is not public",
                )
            )
        return checks

    def _switches(self) -> list[Check]:
        """Parts in the way that the entry gives by resistance alone."""
        parts = self.entry.heat.parts.items()
        closed = [name for name, part in parts if part.current in self.paths and part.section_m2 is None]
        return [
            Check(
                self._named(name), "no section in the entry", "–", "open",
                note="contacts and trip units: the device's own short-circuit test decides", counts=False,
            )
            for name in closed
        ]  # fmt: skip

    def _jaws(self) -> list[Check]:
        """Whether the repulsion of the spots lifts the fingers of the jaws in the way."""
        if not any(joint.current in self.paths for _, joint in sliding_contacts(self.entry.heat)):
            return []
        peak, grip = float(self.nominal.peak_a), self.entry.jaw_grip
        name = self._named("Jaws hold their blades")
        if grip is None:
            return [
                Check(
                    name,
                    f"peak {peak / 1e3:.1f} kA",
                    "–",
                    "open",
                    note="the entry states no grip of the jaws",
                )
            ]
        drawn = [
            values_of(q, self.draws, self.seed, self.distribution)
            for q in (REPULSION, grip.fingers, grip.force_n)
        ]
        holds = repulsion_n(peak, np.round(drawn[1]), drawn[0]) <= drawn[2]
        lift = float(repulsion_n(peak, grip.fingers.value))
        surely = float(holds.mean()) >= SURE
        self.kept &= holds | (not surely)
        note = f"{peak / 1e3:.1f} kA at its peak, divided among {2 * grip.fingers.value:.0f} contacts a jaw"
        if not surely:
            note += "; the attraction of opposed fingers, of like size, is not known: the laboratory decides"
        return [
            Check(
                name, f"{lift:.0f} N lift each contact", f"grip of {grip.force_n.value:.0f} N",
                "holds" if surely else "open", float(holds.mean()), note,
            )
        ]  # fmt: skip

    def provenance(self) -> list[Provenance]:
        """Rating, breaker, sections and grip."""
        parts = self.entry.heat.parts.items()
        rows = [
            ("short-circuit rating", self.row.rating_a),
            ("interrupting rating of the breaker", self.breaker.interrupting_a),
            ("clearing time of the breaker", self.breaker.clearing_s),
            *(
                (f"section of {n}", p.section_m2)
                for n, p in parts
                if p.current in self.paths and p.section_m2
            ),
            ("repulsion of a contact", REPULSION),
        ]
        if (grip := self.entry.jaw_grip) is not None:
            rows += [("fingers on each side", grip.fingers), ("force of a finger", grip.force_n)]
        return [sourced((self._named(name),), quantity) for name, quantity in rows]


def _main(level_a: float) -> BreakerEntry:
    """A panel's main breaker that interrupts the level, else the strongest."""
    mains = [library.load("breakers", name) for name in MAINS]
    return next((main for main in mains if main.interrupting_a.value >= level_a), mains[-1])


def _final_c(bench: Bench, paths: Sequence[str], i2t: float, start_c: float) -> dict[str, float]:
    """Temperature of every piece of metal with a section in the current's way after the let-through, by name."""
    heat, materials = bench.heat, bench.materials()
    pieces: list[tuple[str, str, str, Quantity | None]] = [
        *((name, part.current, part.material, part.section_m2) for name, part in heat.parts.items()),
        *(
            (f"wire {' to '.join(j.between)}", j.current, j.material, j.section_m2)
            for j in heat.joints
            if j.material
        ),
        *((f"wire at {wire.part}", wire.current, wire.material, wire.section_m2) for wire in heat.wires),
    ]
    found = {}
    for name, current, material, section in pieces:
        metal = materials[material]
        if current in paths and section is not None and metal.resistivity.known:
            rise = adiabatic_rise_k(
                i2t, section.value, metal.density.value, metal.heat_capacity.value, metal.resistivity.value,
                metal.resistivity_slope.value, start_c,
            )  # fmt: skip
            found[name] = start_c + float(rise)
    return found
