"""Rows of results that processes on the clock keep: sources on dead grids, islands of sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cosim.events import hazard_processes, neighbourhood_processes
from cosim.events.hazard_processes import BackfeedHazards
from cosim.events.neighbourhood_processes import NeighbourhoodIslands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosim.events.environment import Environment

US = 1e6


def happened(env: Environment) -> Iterator[tuple[str, dict[str, Any]]]:
    """Columns of `outage_layout.BACKFEED_SPELLS` and `SECTION_ISLANDS`, where there is a row."""
    ended = [
        row for record in env.records(BackfeedHazards) for row in hazard_processes.spells(record, env.now)
    ]
    if ended:
        of_home = ("home", "reason", "homes", "nodes", "primary_m", "primary_v", "contact_a", "closing_a")
        yield (
            "backfeed_spells",
            {
                "began": [row.start_us for row in ended],
                "ended": [row.end_us for row in ended],
                "hazard_s": [row.hazard_us / US for row in ended],
                "exposure_s": [row.exposure_us / US for row in ended],
                **{name: [getattr(row, name) for row in ended] for name in of_home},
            },
        )
    islands = [
        row for one in env.records(NeighbourhoodIslands) for row in neighbourhood_processes.spells(env, one)
    ]
    if islands:
        of_section = ("at", "reason", "cause", "homes", "given_kwh", "taken_kwh")
        yield (
            "section_islands",
            {
                "formed": [row.formed_us for row in islands],
                "ended": [row.ended_us for row in islands],
                "least_pu": [row.least for row in islands],
                "left_pu": [row.charge for row in islands],
                **{name: [getattr(row, name) for row in islands] for name in of_section},
            },
        )
