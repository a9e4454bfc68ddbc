"""Load shapes of an OpenDSS file that holds no circuit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import FeederError, Problem
from cosim.feeder.script import run_master


@dataclass(frozen=True)
class LoadShape:
    """One load shape: values as the engine holds them after its own scaling and normalising.

    Parameters
    ----------
    name
        Lower case, as the engine keeps it.
    p, q
        (n,) of power, and of reactive power where the shape has its own; shares of nominal, or kW and kvar.
    interval_s
        Between values [s].
    actual
        Whether values are kW and kvar.
    """

    name: str
    p: NDArray[np.float64]
    q: NDArray[np.float64] | None
    interval_s: float
    actual: bool


def read_load_shapes(path: Path) -> list[LoadShape]:
    """Load shapes of a file, read by the OpenDSS engine with the files it names.

    Raises
    ------
    FeederError
        If the engine cannot read it, it defines no shape, or one has times of its own or no values.
    """
    with tempfile.TemporaryDirectory() as folder:
        master = Path(folder) / "shapes.dss"
        master.write_text(f'Clear\nNew Circuit.shapes\nRedirect "{path.resolve()}"\nSolve\n')
        shapes = run_master(master, controls="off").engine.ActiveCircuit.LoadShapes
    found, problems = [], []
    for name in shapes.AllNames:
        if name.lower() == "default":
            continue  # the engine's own
        shapes.Name = name
        p, q = np.array(shapes.Pmult, dtype=float), np.array(shapes.Qmult, dtype=float)
        interval_s = float(shapes.HrInterval) * 3600.0
        if interval_s <= 0.0:
            told = "has times of its own; cosim needs a constant interval"
            problems.append(Problem(told, str(path), f"loadshape.{name}"))
        own_q = q if len(q) == len(p) and len(q) > 1 else None
        found.append(LoadShape(name, p, own_q, interval_s, bool(shapes.UseActual)))
    if not found:
        problems.append(
            Problem("defines no load shape: New LoadShape.NAME npts=24 interval=1 mult=(...)", str(path))
        )
    if problems:
        raise FeederError(problems)
    return found
