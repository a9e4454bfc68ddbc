"""Cost of a power-flow step against nodes: prints the table of docs/performance.md.

``python -m benchmarks.scaling [homes ...]``: generated feeders, one thread, processor time, best of five blocks of 96
steps at a tolerance of 1e-6.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from cosim.electrical.network import Network
from cosim.feeder.feeder import Feeder

HOMES = (30, 120, 480, 1800, 6000)
STEPS = 96
ROUNDS = 5


def microseconds(homes: int) -> tuple[int, float, float]:
    """Nodes, microseconds a step, iterations."""
    circuit = Feeder.generate(homes=homes).compile().circuit
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
    """Print the table."""
    homes = [int(word) for word in sys.argv[1:]] or list(HOMES)
    print("| homes | nodes | us a step | ns a node and step | iterations |\n|---|---|---|---|---|")
    rows = []
    for count in homes:
        nodes, cost, iterations = microseconds(count)
        rows.append((nodes, cost))
        print(
            f"| {count:,} | {nodes:,} | {cost:.1f} | {1e3 * cost / nodes:.1f} | {iterations:.1f} |",
            flush=True,
        )
    if len(rows) > 2:
        slope = np.polyfit(*np.log(np.array(rows[1:])).T, 1)[0]
        print(f"\nCost grows as nodes to the power {slope:.2f} (from the second row on).")


if __name__ == "__main__":
    main()
