"""Measured demand of a scenario: series from files, minutes inside intervals, the feeder's head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.demand.fragments import Donors, interval_of, pool_of
from cosim.demand.head import HeadCurve, HeadDemand, Totals, head_factors, totals
from cosim.demand.households import HouseholdDemand
from cosim.demand.profile_files import read_profiles, read_total
from cosim.demand.profile_homes import assign_profiles, require_cover, unclaimed
from cosim.demand.profile_times import Reading
from cosim.demand.profiles import Downscaling, Profile, ProfileDemand
from cosim.demand.traits import Electrification, draw_traits
from cosim.demand.weather import Weather
from cosim.electrical.network import Network
from cosim.electrical.terminals import Terminals
from cosim.errors import Problem, ScenarioError
from cosim.randomness import stable_ids
from cosim.simulation.sockets import Sockets

if TYPE_CHECKING:
    from cosim.demand.block import Demand
    from cosim.demand.calendar import Calendar
    from cosim.feeder.compile import CompiledFeeder
    from cosim.scenario import Scenario

Int = NDArray[np.int64]

FILES = ("csv", "parquet", "dss")
LOADINGS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # of the largest head reading


def series_of(scenario: Scenario, calendar: Calendar) -> list[Profile]:
    """Series of the scenario's demand file.

    Raises
    ------
    InputError
        If it cannot be read, or is shorter than the run.
    """
    asked = scenario.demand.measured
    kind, _, name = scenario.demand.source.partition(":")
    if kind == "dss":
        from cosim.feeder.opendss_shapes import read_load_shapes

        shapes = read_load_shapes(Path(name))
        series = [Profile(s.name, s.p, s.interval_s, s.q, s.actual) for s in shapes]
    else:
        zone = {"standard": "", "local": scenario.timezone}.get(asked.timezone, asked.timezone)
        reading = Reading(
            asked.layout, asked.columns, asked.unit, asked.stamp, zone,
            calendar.standard_offset_us / 1e6, asked.negative,
        )  # fmt: skip
        series = read_profiles(Path(name), reading)
        if not asked.repeat:
            require_cover(series, calendar, name)
    return series


def own_series(
    scenario: Scenario,
    series: Sequence[Profile],
    home_names: Sequence[str],
    shape_names: Sequence[str],
    ids: NDArray[np.uint64],
    customers: Int,
) -> Int:
    """Series of each home; -1 for a customer that keeps the feeder's own load.

    A load shape goes by the name of the shape that the feeder's file gives a home, a series by the home's own.
    Customers without a household's service take what bears their name, nothing drawn.

    Raises
    ------
    ScenarioError
        As `assign_profiles`.
    """
    shapes = scenario.demand.source.startswith("dss:")
    names = [s.lower() or h for s, h in zip(shape_names, home_names, strict=True)] if shapes else home_names
    by = scenario.demand.measured.assign
    spared = [names[row] for row in customers]
    which = assign_profiles(series, names, ids, scenario.seed, by=by, customers=spared)
    named = {profile.name for profile in series}
    for row in customers:
        if names[row] not in named or by == "draw":
            which[row] = -1
    return which


def downscaling_of(
    scenario: Scenario, series: Sequence[Profile], calendar: Calendar, ids: NDArray[np.uint64]
) -> Downscaling | None:
    """Minutes inside the intervals of `series`, if asked for and there is anything to downscale.

    Raises
    ------
    ScenarioError
        As `cosim.demand.fragments.interval_of`.
    """
    if not scenario.demand.measured.downscale:
        return None
    interval_s = interval_of(series)
    if interval_s <= scenario.step_us / 1e6:
        return None
    return Downscaling(pool_of(_donors(scenario), calendar, interval_s), scenario.seed, ids)


def _donors(scenario: Scenario) -> Donors:
    """Households as the scenario would draw them, in its weather, for another clock."""

    def drawn(clock: Calendar, count: int) -> Demand:
        none = np.zeros(count)
        traits = draw_traits(
            stable_ids([f"donor-{i}" for i in range(count)]),
            scenario.seed,
            household=[scenario.demand.household or ""] * count,
            electrification=Electrification(**scenario.demand.electrification.shares()),
            pv_kw=none,
        )
        weather = Weather(scenario.weather.source, clock)
        return HouseholdDemand(clock, weather, traits, scenario.seed, parallel=False)

    return drawn


def meet_head(scenario: Scenario, compiled: CompiledFeeder, calendar: Calendar, demand: Demand) -> Demand:
    """`demand` scaled to the measurement at the feeder's head, if the scenario names one.

    Raises
    ------
    InputError
        If the measurement cannot be read, is shorter than the run, or cannot be met.
    """
    asked = scenario.demand.head
    if asked is None:
        return demand
    name = asked.source.partition(":")[2]
    zone = {"standard": "", "local": scenario.timezone}.get(asked.timezone, asked.timezone)
    reading = Reading(
        unit=asked.unit, stamp=asked.stamp, zone=zone, standard_offset_s=calendar.standard_offset_us / 1e6
    )
    head = read_total(Path(name), reading)
    require_cover([head], calendar, name)
    homes = len(compiled.home_kind)
    drawn = totals(demand, homes, calendar.steps, calendar.step_us / 1e6)
    curve = head_curve(compiled, drawn, float(head.p.max()) * 1e3, name)
    return HeadDemand(demand, head_factors(calendar, head, drawn.total_w, curve, name))


def head_curve(compiled: CompiledFeeder, drawn: Totals, most_w: float, file: str = "") -> HeadCurve:
    """Power into the head by power flows with the homes' mean demand in proportion.

    Raises
    ------
    ScenarioError
        If homes draw nothing, or the feeder cannot carry `most_w` at its head.
    """
    total_w = float(drawn.mean_w.sum())
    if total_w <= 0.0:
        raise ScenarioError(Problem("homes draw nothing that could be scaled", file, "demand.head"))
    share = np.array(LOADINGS) * (most_w / total_w)
    nothing = np.zeros((len(drawn.mean_w), len(share)))
    sockets = Sockets(compiled, parallel=False)
    mean_w, mean_var, *impedance = (
        mean[..., None] * share
        for mean in (drawn.mean_w, drawn.mean_var, drawn.impedance_w, drawn.impedance_var)
    )
    p_w, q_var = sockets.injector_power(mean_w, mean_var, nothing, nothing, (impedance[0], impedance[1]))
    solution = Network(compiled.circuit).solve(p_w, q_var, parallel=False)
    settled = int(np.argmin(np.append(solution.converged, False)))  # up to the first without a solution
    head_w = Terminals(compiled.circuit, compiled.head).power_va(solution.v).real.sum(axis=0)[:settled]
    if settled < 2 or head_w[-1] < most_w:
        message = (
            "is more than the feeder carries: no power flow settles there (is it kW, and of this feeder?)"
        )
        raise ScenarioError(Problem(message, file, "demand.head", f"{most_w / 1e3:.4g} kW"))
    return HeadCurve(total_w * share[:settled], head_w)


def measured_notes(scenario: Scenario, demand: Demand, home_names: Sequence[str]) -> Iterator[str]:
    """What a reader should know of measured demand that was used as asked."""
    if isinstance(demand, HeadDemand):
        low, high = float(demand.factor.min()), float(demand.factor.max())
        yield (
            f"homes' demand is scaled by {low:.3g} to {high:.3g} so that the feeder's head meets its measurement; "
            "cars, batteries and solar come on top"
        )
        demand = demand.base
    if not isinstance(demand, ProfileDemand) or not scenario.demand.source.startswith(FILES):
        return
    read = demand.profiles[: demand.measured]
    pool = [profile.name for profile in unclaimed(read, home_names)]
    if pool and len(pool) < len(read) and not scenario.demand.source.startswith("dss:"):
        yield (
            f"{len(pool)} of {len(read)} profile columns bear no home's name and are shared out among the "
            f"others: {', '.join(pool[:5])}{', ...' if len(pool) > 5 else ''}"
        )
    held_s = max((profile.interval_s for profile in read), default=0.0)
    if held_s > 300.0 and demand.downscaling is None and scenario.step_us / 1e6 < held_s:
        yield (
            f"measured demand holds one value for {held_s / 60.0:g} min: minutes inside are higher, and so are current "
            "and heat; demand.measured.downscale = true draws them"
        )


def with_own_loads(
    series: Sequence[Profile], which: Int, own: Sequence[Profile], own_which: Int
) -> tuple[list[Profile], Int]:
    """Series and the feeder's own shapes in one list; homes without a series keep their own shape."""
    kept = np.where(own_which < 0, -1, own_which + len(series))
    return [*(replace(s) for s in series), *own], np.where(which < 0, kept, which)
