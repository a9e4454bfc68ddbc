"""Cost of a power-flow step against nodes: the table and the figure of docs/performance.md.

``python -m benchmarks.scaling [--figure PATH]``: generated feeders, one thread, processor time, best of five blocks of
96 steps at a tolerance of 1e-6, all voltages. Above what one substation carries, several substations with a feeder
each hang on one source.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cosim.electrical.circuit import Circuit, Injectors
from cosim.electrical.network import Network
from cosim.feeder.feeder import Feeder

SIZES = ((30, 1), (120, 1), (480, 1), (1800, 1), (3600, 1), (3600, 2), (3600, 4))  # homes a feeder, feeders
STEPS = 96
ROUNDS = 5
INK, BLUE, GREY = "#333333", "#1f6fb4", "#999999"


def joined(circuits: list[Circuit]) -> Circuit:
    """Circuits with like sources, all on one: their source nodes are the first one's."""
    (source,) = circuits[0].sources
    names, base_v, elements = list(circuits[0].nodes), [circuits[0].base_v], list(circuits[0].elements)
    injectors = [circuits[0].injectors]
    for number, circuit in enumerate(circuits[1:], start=1):
        (other,) = circuit.sources
        inner = np.setdiff1d(np.arange(len(circuit.nodes)), other.nodes)
        place = np.empty(len(circuit.nodes) + 1, dtype=np.int64)
        place[inner] = len(names) + np.arange(len(inner))
        place[other.nodes] = source.nodes
        place[-1] = -1  # ground
        names += [f"{number}-{circuit.nodes[node]}" for node in inner]
        base_v.append(circuit.base_v[inner])
        elements += [replace(e, name=f"{number}-{e.name}", nodes=place[e.nodes]) for e in circuit.elements]
        rows = circuit.injectors
        injectors.append(replace(rows, node_a=place[rows.node_a], node_b=place[rows.node_b]))
    together = Injectors(
        **{
            name: np.concatenate([getattr(rows, name) for rows in injectors])
            for name in Injectors.__dataclass_fields__
        }
    )
    return Circuit(tuple(names), np.concatenate(base_v), tuple(elements), (source,), together)


def microseconds(homes: int, feeders: int) -> tuple[int, float, float]:
    """Nodes, microseconds a step, iterations."""
    circuit = joined([Feeder.generate(homes=homes, seed=k + 1).compile().circuit for k in range(feeders)])
    network = Network(circuit)
    scale = np.random.default_rng(homes).uniform(0.3, 1.0, (len(circuit.injectors), STEPS))
    p, q = circuit.injectors.p_w[:, None] * scale, circuit.injectors.q_var[:, None] * scale
    best, iterations = np.inf, 0.0
    for _ in range(ROUNDS + 1):  # the first sets references
        start = time.thread_time()
        solved = network.solve(p, q, tolerance_pu=1e-6, parallel=False)
        best = min(best, time.thread_time() - start)
        assert solved.converged.all()
        iterations = float(solved.iterations.mean())
    return len(circuit.nodes), best / STEPS * 1e6, iterations


def main() -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--figure", type=Path, help="SVG file to draw")
    options = parser.parse_args()
    print("| homes | nodes | µs a step | ns a node and step | iterations |\n|---|---|---|---|---|")
    rows = []
    for homes, feeders in SIZES:
        nodes, cost, iterations = microseconds(homes, feeders)
        rows.append((nodes, cost))
        print(
            f"| {homes * feeders:,} | {nodes:,} | {cost:.1f} | {1e3 * cost / nodes:.1f} | {iterations:.1f} |",
            flush=True,
        )
    slope = np.polyfit(*np.log(np.array(rows)).T, 1)[0]
    print(f"\nCost grows as nodes to the power {slope:.2f}.")
    if options.figure:
        draw(rows, options.figure)


def draw(rows: list[tuple[int, float]], path: Path) -> None:
    """Cost against nodes, both on scales of powers of ten, beside a straight proportion."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "scaling"
    from matplotlib import pyplot as plt

    nodes, cost = np.array(rows).T
    each = np.median(cost / nodes)
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.loglog(nodes, each * nodes, "--", color=GREY, lw=1, label=f"{1e3 * each:.0f} ns a node")
    axes.loglog(nodes, cost, "o-", color=BLUE, label="measured, one thread")
    axes.set_xlabel("nodes", color=INK)
    axes.set_ylabel("µs a step", color=INK)
    axes.grid(True, which="major", color="#e5e5e5")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
