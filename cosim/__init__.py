"""Electrical co-simulation of feeders full of homes with meter socket adapters.

The whole public face:

`Scenario`
    One case, loaded from a TOML file.
`Feeder`
    A distribution feeder with its services and homes.
`run`
    Run a scenario to a result file.
`sweep`
    Run it with many values.
`open_results`
    Read a result file.

Names load when first used, so that importing cosim costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder
    from cosim.results.reader import Results, open_results
    from cosim.scenario.schema import Scenario
    from cosim.simulation.run import run
    from cosim.sweeps import sweep

__all__ = ["Feeder", "Results", "Scenario", "open_results", "run", "sweep"]

_HOMES = {
    "Feeder": "cosim.feeder.feeder",
    "Results": "cosim.results.reader",
    "Scenario": "cosim.scenario.schema",
    "open_results": "cosim.results.reader",
    "run": "cosim.simulation.run",
    "sweep": "cosim.sweeps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
