"""What a home's source energises in the present state of a feeder: the answer of runs to `HazardPhysics.backfeed`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosim import library
from cosim.events.hazard_processes import Live
from cosim.studies.backfeed_hazard import source_model
from cosim.studies.backfeed_time import backfeed_course
from cosim.studies.contributions import SERVICE_V

if TYPE_CHECKING:
    from collections.abc import Collection

    from cosim.feeder.compile import CompiledFeeder
    from cosim.feeder.feeder import Feeder
    from cosim.feeder.openings import Cut, Openings
    from cosim.scenario.population import Population


def live_source(
    feeder: Feeder,
    compiled: CompiledFeeder,
    openings: Openings,
    home: str,
    source: str,
    *,
    opened: Collection[int] = (),
    parted: Collection[Cut] = (),
    tied: Collection[int] = (),
    load_scale: float = 1.0,
) -> Live:
    """What a source of models/der energises from a home, and what will give way.

    Parameters
    ----------
    feeder, compiled, openings
        The feeder, its compiled form and its sections.
    home, source
        Name of the home, and entry of its source.
    opened, parted, tied
        Elements that are open, places where single conductors are, and lines that stand open and are closed.
    load_scale
        Share of nominal load that is connected now. The field is taken as held by its regulator.
    """
    blocks = openings.blocks(parted, tied)
    course = backfeed_course(
        feeder, home, source, opened=opened, blocks=blocks, load_scale=load_scale, compiled=compiled
    )
    breaker = library.load("breakers", course.breaker)
    model = source_model(source)
    closing_a = min(2.0 * SERVICE_V / abs(model.stages_ohm[0]), model.limit_a)
    return Live(
        homes=len(course.homes),
        nodes=course.nodes,
        primary_m=course.line_m.get("primary", 0.0),
        lines=course.lines,
        primary_v=float(course.primary_v[0]),
        contact_a=float(course.contact_a[0]),
        hazard=course.hazard,
        breaker_multiple=course.breaker_multiple,
        breaker_tau_s=breaker.thermal_tau_s.value,
        breaker_level=breaker.trip_level.value,
        stall_s=course.stall_s,
        closing_a=closing_a,
    )


def source_of(population: Population, row: int) -> str:
    """Entry of the source that a home's transfer device puts on its panel."""
    machine = str(population.transfer[row])
    supply = library.load("transfer", machine).supply if machine else "generator"
    generator, battery = str(population.generator[row]), str(population.battery[row])
    return (generator or battery) if supply == "generator" else (battery or generator)
