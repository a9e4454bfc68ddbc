"""The type tests of UL 414 for meter socket adapters: the rows of an adapter's certification record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TestKey = Literal[
    "construction",
    "flammability",
    "crushing",
    "impact",
    "mold-stress",
    "rain",
    "insertion-force",
    "dielectric",
    "bonding",
    "base-strength",
    "heat-rise",
    "short-circuit",
    "markings",
    "manual",
]


@dataclass(frozen=True)
class TypeTest:
    """One test: its name, what passes, and the clause that asks for it."""

    title: str
    criterion: str
    clause: str


# TESCO Metering, presentation on meter socket adapters, 2026-03-18: tests an adapter is certified by.
UL_414_TESTS: dict[TestKey, TypeTest] = {
    "construction": TypeTest(
        "Construction review",
        "components to their UL standards; creepage and clearance; insulation and bend radius of wires; "
        "dimensions fit meters and sockets",
        "UL 414 (3-12), 414A (SA2), 414B (SB5-SB7)",
    ),
    "flammability": TypeTest(
        "Flammability",
        "no sustained flame or flaming debris; no opening to live parts",
        "UL 746C (52)",
    ),
    "crushing": TypeTest("Crushing resistance", "at least 100 lb (445 N)", "UL 746C (55)"),
    "impact": TypeTest("Impact", "at least 5 ft-lb (6.8 J) at three places", "UL 746C (56)"),
    "mold-stress": TypeTest(
        "Mold stress relief distortion",
        "no shrinkage or distortion after heating at 10 degC above the highest operating temperature",
        "UL 746C (61)",
    ),
    "rain": TypeTest(
        "Rain",
        "no water above the lowest live part, none on live parts or insulation",
        "UL 414 (17)",
    ),
    "insertion-force": TypeTest(
        "Insertion and withdrawal force", "never above 100 lb (445 N), no damage", "UL 414 (19)"
    ),
    "dielectric": TypeTest(
        "Dielectric withstand",
        "1480 V between parts of opposite polarity and to the enclosure",
        "UL 414 (20.1)",
    ),
    "bonding": TypeTest(
        "Bonding continuity", "grounding straps on top connect to the tabs on the base", "UL 414 (22)"
    ),
    "base-strength": TypeTest(
        "Strength of the insulating base", "110 % of the marked torque on field terminals", "UL 414 (24)"
    ),
    "heat-rise": TypeTest(
        "Heat rise",
        "at most 65 K on jaws and bus bars, 60 K on factory terminals, 55 K on field terminals, at the "
        "highest rated current (jaws corrected with a simulated meter)",
        "UL 414B (SB12.2)",
    ),
    "short-circuit": TypeTest(
        "Short circuit",
        "at the short-circuit rating that the product states: no exposed live parts, no excess current to "
        "ground, no arcing between poles, passes the dielectric test after",
        "UL 414B (SB13)",
    ),
    "markings": TypeTest(
        "Markings", "voltage, continuous current and short-circuit current ratings", "UL 414B (SB14)"
    ),
    "manual": TypeTest("Installation manual", "wiring, grounding, safe installation", "UL 414B (SB15)"),
}
