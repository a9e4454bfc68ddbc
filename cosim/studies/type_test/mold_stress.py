"""The mold-stress test of UL 746C clause 61: an oven hotter than the plastic ever gets, against what it bears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosim.adapter_entry import AdapterEntry
from cosim.entries import Quantity
from cosim.studies.type_test.bodies import Bench, Settings, loadings
from cosim.studies.type_test.certificate import Check, Computed, verdict_of
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
    keeps its shape to the oven's temperature (heat deflection) and bears its work for life (thermal index).
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
        for what, limit, value, values in (
            ("keeps its shape in the oven", metal.heat_deflection_c, oven, each_oven),
            ("bears its work for life", metal.temperature_limit_c, at_work, each),
        ):
            check, holds = _check(f"{material} {what}", limit, value, values, draws, seed, distribution)
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
        summary += f" No public limit of {' and '.join(silent)}."
        return Computed("no verdict", None, summary, tuple(checks), tuple(rows), assumptions)
    probability = float(kept.mean())
    return Computed(verdict_of(probability), probability, summary, tuple(checks), tuple(rows), assumptions)


def _check(
    name: str, limit: Quantity | None, value: float, values: Float, draws: int, seed: int,
    distribution: Distribution,
) -> tuple[Check, NDArray[np.bool_]]:  # fmt: skip
    if limit is None or not limit.known:
        return Check(name, f"{value:.0f} °C", "not found", "open"), np.ones(draws, dtype=bool)
    holds = values <= values_of(limit, draws, seed, distribution)
    return (
        Check(name, f"{value:.0f} °C", f"at most {limit.value:.0f} °C", "holds" if value <= limit.value else "fails",
              float(holds.mean()), f"{limit.confidence}: {limit.source}"),
        holds,
    )  # fmt: skip


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
