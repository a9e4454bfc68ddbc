"""Transfer contactors of homes, and what homes off the grid do over the steps of a draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cosim.devices.island import IslandBlock, IslandFleet, IslandState
    from cosim.simulation.steps import Plan

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass
class Contacts:
    """What a restart needs of homes off the grid.

    Parameters
    ----------
    service, source
        (2, homes) poles of the contactors towards the grid and towards the own source that are closed.
    shed
        (homes,) whether managed loads are off.
    cords
        (homes,) whether loads hang on cords from the set itself, beside the panel.
    islands
        Sources and engines.
    service_seen, source_seen
        Between which of its levels each home last saw the grid and its source.
    service_told, source_told
        (2, homes) and (2, k): when a home was last told of levels of the grid and of its source, and how often then.
    told_up
        (homes,) whether the own source made the panel's voltage when it was last told.
    news
        (homes,) DER of a home that lost (-1) or got (1) its voltage with the island, untold yet.
    """

    service: Bool
    source: Bool
    shed: Bool
    cords: Bool
    islands: IslandState
    service_seen: Int
    source_seen: Int
    service_told: Int
    source_told: Int
    told_up: Bool
    news: Int

    @property
    def calm(self) -> bool:
        """Whether all homes hang on the grid and no source is on or wanted."""
        idle = not (self.source.any() or self.cords.any() or self.islands.wanted.any())
        return bool(idle and self.service.all())

    @property
    def off(self) -> Bool:
        """(homes,) off the grid: both poles open."""
        return np.asarray(~self.service.any(axis=0))


@dataclass(frozen=True)
class IslandDraw:
    """Homes off the grid over the steps of a draw.

    Parameters
    ----------
    off
        (homes,) who is off the grid.
    leg_w, leg_var
        (k, 2, steps) demand of islands by leg.
    solar_w, sun_w
        (k, steps) what solar in service can give, and what it could if it were.
    charge_j, on, state
        (k,) stored, whether the source is on its panel, and the state of the islands, all at the start.
    unserved_w
        (homes, steps) demand that is not backed up or shed.
    block, fleet
        What the islands do, and which they are.
    """

    off: Bool
    leg_w: Float
    leg_var: Float
    solar_w: Float
    sun_w: Float
    charge_j: Float
    on: Bool
    state: IslandState
    unserved_w: Float
    block: IslandBlock
    fleet: IslandFleet

    def head(self, plan: Plan) -> IslandDraw:
        """The first steps, those of `plan`."""
        count = len(plan)
        leg_w, leg_var, solar_w, sun_w, unserved_w = (
            np.ascontiguousarray(values[..., :count])
            for values in (self.leg_w, self.leg_var, self.solar_w, self.sun_w, self.unserved_w)
        )
        block = self.fleet.advance(
            self.state, self.charge_j, leg_w, leg_var, solar_w, sun_w, plan.seconds, self.on
        )
        return replace(
            self,
            leg_w=leg_w,
            leg_var=leg_var,
            solar_w=solar_w,
            sun_w=sun_w,
            unserved_w=unserved_w,
            block=block,
        )

    @property
    def curtailed_w(self) -> Float:
        """(k, steps) solar power held back."""
        return np.maximum(self.solar_w - self.block.solar_w, 0.0)
