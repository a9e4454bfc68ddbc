"""The mold-stress test of UL 746C clause 61: an oven hotter than the plastic ever gets, against what it bears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.adapter_entry import AdapterEntry
from cosim.entries import Quantity
from cosim.studies.type_test.bodies import Bench, Settings, loadings
from cosim.studies.type_test.certificate import SURE, Check, Computed, Outcome, verdict_of
from cosim.studies.type_test.draws import Distribution, Variants, unknowns, values_of
from cosim.studies.type_test.network_draws import NetworkDraws, at_rest
from cosim.studies.type_test.provenance import sourced
from cosim.thermal.network import Float, HeatNetwork

LEAST_OVEN_C = 70.0
ABOVE_K = 10.0
GASES = ("air",)
LEAST_METAL = 5.0  # W/(m K): what conducts less is plastic
EQUIPMENT_AROUND = ("meter",)  # not the adapter's own plastic


def oven_c(hottest_c: float) -> float:
    """Oven for a part that gets this hot at work: 10 K more, 70 degC at least."""
    return max(LEAST_OVEN_C, hottest_c + ABOVE_K)


def run(
    entry: AdapterEntry, *, current_a: float, ambient_c: float, draws: int, seed: int,
    distribution: Distribution = "triangular",
) -> Computed:  # fmt: skip
    """Each plastic of the body in its oven.

    The hottest that a plastic gets at work is that of the hottest part it is made of or holds, at the given
    current in the hottest air the product is made for (`ambient_c` where nobody states it). It passes if it
    keeps its shape to the oven's temperature (heat deflection) and bears its work for life (thermal index). Where
    no heat deflection temperature is public the thermal index stands in: it lies below it for the plastics used here.
    """
    stated = entry.operating_c.highest if entry.operating_c is not None else None
    air = max(ambient_c, stated.value) if stated is not None and stated.known else ambient_c
    bench = Bench.of(entry, Settings())
    ways = loadings(entry, current_a)
    network = bench.network()
    plastics = _plastics(bench, network)
    if not plastics:
        return Computed("no verdict", None, "The body names no plastic.")
    hot = np.max([at_rest(network, way.i2_a2, air) for way in ways], axis=0)
    found = unknowns(bench.models, draws, seed, distribution)
    variants = Variants(bench.models, found)
    mine = Bench(variants.models)
    many = NetworkDraws.of([mine.network() for _ in variants.draws(draws)])
    drawn_hot: Float = np.max([many.at_rest(way.i2_a2, air) for way in ways], axis=0)
    checks, rows, kept = [], [], np.ones(draws, dtype=bool)
    ovens = []
    for material, nodes in plastics.items():
        at_work, each = float(hot[nodes].max()), drawn_hot[:, nodes].max(axis=1)
        oven, each_oven = oven_c(at_work), np.maximum(LEAST_OVEN_C, each + ABOVE_K)
        ovens.append(f"{material} {oven:.0f} °C")
        metal = bench.materials()[material]
        shape, index = metal.heat_deflection_c, metal.temperature_limit_c
        stands_in = shape is None or not shape.known
        for what, limit, value, values, bound in (
            ("keeps its shape in the oven", index if stands_in else shape, oven, each_oven, stands_in),
            ("bears its work for life", index, at_work, each, False),
        ):
            drawn = _Drawn(value, values, draws, seed, distribution)
            check, holds = drawn.check(f"{material} {what}", limit, bound)
            checks.append(check)
            kept &= holds
            if limit is not None:
                rows.append(sourced((f"{material}: {what}",), limit))
    air_told = f"air of {air:g} °C" + (
        "" if stated is not None and stated.known else "; the hottest air the product is made for: not found"
    )
    summary = (
        f"Ovens: {', '.join(ovens)} (hottest at {current_a:g} A in {air_told}, plus 10 K, 70 °C at least)."
    )
    assumptions = (
        "a plastic is as hot as the hottest part it makes or holds",
        "no distortion below the material's heat deflection temperature; the moulding's own stresses are not known",
    )
    if any(check.outcome == "open" for check in checks):
        silent = [
            name for name in plastics if any(c.outcome == "open" and c.name.startswith(name) for c in checks)
        ]
        summary += f" Open for want of a public limit: {' and '.join(silent)}."
        return Computed("no verdict", None, summary, tuple(checks), tuple(rows), assumptions)
    probability = float(kept.mean())
    return Computed(verdict_of(probability), probability, summary, tuple(checks), tuple(rows), assumptions)


@dataclass(frozen=True)
class _Drawn:
    """A temperature of a plastic, at the stated values and in every draw."""

    at: float
    values: Float
    draws: int
    seed: int
    distribution: Distribution

    def check(self, name: str, limit: Quantity | None, bound: bool) -> tuple[Check, NDArray[np.bool_]]:
        """Against a limit, with the draws that hold; one that is a `bound` can show that it holds and no more."""
        every = np.ones(self.draws, dtype=bool)
        if limit is None or not limit.known:
            return Check(name, f"{self.at:.0f} °C", "not found", "open"), every
        holds = self.values <= values_of(limit, self.draws, self.seed, self.distribution)
        share = float(holds.mean())
        outcome: Outcome = "holds" if self.at <= limit.value else "fails"
        note = f"{limit.confidence}: {limit.source}"
        if bound:
            outcome = "holds" if share >= SURE else "open"
            holds = holds if outcome == "holds" else every
            note = f"no public heat deflection temperature; the thermal index, below it, stands in ({note})"
        return Check(name, f"{self.at:.0f} °C", f"at most {limit.value:.0f} °C", outcome, share, note), holds


def _plastics(bench: Bench, network: HeatNetwork) -> dict[str, list[int]]:
    """Nodes that a plastic makes or holds, by material."""
    heat, materials = bench.heat, bench.materials()
    made = [(part.material, [name]) for name, part in heat.parts.items() if name not in EQUIPMENT_AROUND]
    made += [(joint.material, list(joint.between)) for joint in heat.joints if joint.material]
    found: dict[str, list[int]] = {}
    for material, parts in made:
        if material in GASES or materials[material].conductivity.value >= LEAST_METAL:
            continue
        nodes = [k for k, name in enumerate(network.names) if (name.partition(".")[2] or name) in parts]
        found[material] = sorted({*found.get(material, []), *nodes})
    return found
