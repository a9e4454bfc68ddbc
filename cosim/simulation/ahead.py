"""Compiles on a second core what a run needs late, while the run compiles what it needs first.

A first run with an empty cache of kernels spends nearly all its time compiling, on one core: Numba compiles one
function at a time in a process. What a block of steps needs last (heat, line figures) is compiled by a process beside
it, which leaves its code in the cache on disk. Code found there is the same whoever compiled it, so no result
depends on this.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

STEPS = 2
LAST = "advance_serial"  # of cosim.thermal.kernels: the largest of what is compiled ahead


@contextlib.contextmanager
def compiling_ahead(wanted: bool) -> Iterator[None]:
    """Have late kernels compiled beside the body if the cache has none of them and there is a core to spare."""
    if not (wanted and _cold() and (os.cpu_count() or 1) > 1):
        yield
        return
    beside = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        beside.terminate()  # what it has not compiled by now, the run has
        beside.wait()


def _cold() -> bool:
    """Whether the cache lacks the late kernels."""
    import cosim.compiled  # noqa: F401  (names the cache folder)

    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    return next(folder.rglob(f"kernels.{LAST}-*.nbi"), None) is None


def compile_late_kernels() -> None:
    """Call everything a block of steps ends with, on a street of a few homes, the largest first."""
    from cosim.scenario import Scenario
    from cosim.simulation.assembly import assemble

    scenario = Scenario.model_validate(
        {
            "start": "2026-07-14T12:00:00",
            "duration": f"{STEPS} min",
            "feeder": {"homes": 4},
            "homes": {"all": {"share": 1.0, "adapter": "tesla-backup-switch"}},
        }
    )
    study = assemble(scenario, parallel=False)
    weather, seconds, homes = study.weather.block(0, STEPS), np.full(STEPS, 60.0), study.homes
    i2_a2 = np.zeros((STEPS, 6, homes))
    for kind in study.heat:
        kind.advance(kind.initial(20.0), i2_a2[:, :, kind.homes], weather, seconds, parallel=False)
    v = np.ones((len(study.compiled.circuit.nodes), STEPS), dtype=np.complex128)
    study.watched.quality.read(v, frozenset(), parallel=False)
    grid, load_pu = study.grid_heat, np.ones((STEPS, len(study.transformer_va)))
    grid.advance(
        grid.units.initial(load_pu[0]), grid.drops.initial(), load_pu, i2_a2, np.ones(STEPS, dtype=bool),
        weather, seconds, parallel=False,
    )  # fmt: skip
    study.breakers.advance(np.zeros(2 * homes), np.zeros((2 * homes, STEPS)), seconds, parallel=False)


if __name__ == "__main__":
    compile_late_kernels()
