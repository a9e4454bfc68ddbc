"""What homes had on power of their own, or on their neighbourhood's battery, by source; fuel burnt, sun unused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cosim.simulation.comfort import J_PER_KWH, added_up

if TYPE_CHECKING:
    from cosim.results.record import StepBlock
    from cosim.simulation.assembly import Study
    from cosim.simulation.contacts import IslandDraw
    from cosim.simulation.state import Block

Float = NDArray[np.float64]


class IslandRecord:
    """Energy by home [J]; of homes with a source of their own (k,) where only they have it, else (homes,)."""

    GIVEN: ClassVar[tuple[str, ...]] = ("_study",)

    def __init__(self, study: Study) -> None:
        self._study = study
        own = len(study.islands)
        (
            self._solar_j,
            self._battery_j,
            self._generator_j,
            self._charged_j,
            self._curtailed_j,
            self._fuel_j,
        ) = np.zeros((6, own))
        self._left_off_j, self._section_j = np.zeros((2, study.homes))

    def watch(self, formed: frozenset[int], block: Block, count: int, steps: StepBlock) -> None:
        """The first `count` steps of a block are the past; `formed` are sections on their batteries in them."""
        island = block.draw.island
        if island is not None:
            self._islands(island, steps.seconds, count)
        if formed:
            sites = self._study.neighbourhoods.sites
            homes = np.concatenate([sites[row].homes for row in sorted(formed)])
            taken_w = np.maximum(steps.home["service_power_w"][:, homes], 0.0)
            self._section_j = self._section_j.copy()
            self._section_j[homes] = added_up(self._section_j[homes], steps.seconds, np.nan_to_num(taken_w))

    def _islands(self, island: IslandDraw, seconds: Float, count: int) -> None:
        block, stores = island.block, self._study.islands.fleet.battery[:, None]
        served_w, solar_w, power_w = (
            values[:, :count] for values in (block.served_w, block.solar_w, block.power_w)
        )
        at_once_w = np.where(stores, np.minimum(solar_w, served_w), 0.0)
        engine = np.flatnonzero(~stores[:, 0])
        fuel_w = np.zeros_like(served_w)
        fuel_w[engine] = block.burnt_j[self._study.islands.fleet.engine_of[engine], :count] / seconds
        for name, values in (
            ("_solar_j", at_once_w),
            ("_battery_j", np.where(stores, served_w - at_once_w, 0.0)),
            ("_generator_j", np.where(stores, 0.0, served_w)),
            ("_charged_j", np.where(stores, np.maximum(-power_w, 0.0), 0.0)),
            ("_curtailed_j", island.curtailed_w[:, :count]),
            ("_fuel_j", fuel_w),
        ):
            setattr(self, name, added_up(getattr(self, name), seconds, values.T))
        self._left_off_j = added_up(self._left_off_j, seconds, island.unserved_w[:, :count].T)

    def columns(self) -> dict[str, Any] | None:
        """Columns of `outage_layout.ISLAND_ENERGY`, a row each home that had any; None without."""
        study, kwh = self._study, {}
        for name in ("solar", "battery", "generator", "charged", "curtailed", "fuel"):
            kwh[name] = np.zeros(study.homes)
            kwh[name][study.islands.home] = getattr(self, f"_{name}_j") / J_PER_KWH
        kwh |= {"left_off": self._left_off_j / J_PER_KWH, "section": self._section_j / J_PER_KWH}
        rows = np.flatnonzero(np.any([values > 0.0 for values in kwh.values()], axis=0))
        if not len(rows):
            return None
        groups = study.population.group
        return {
            "home": [study.home_names[row] for row in rows],
            "group": [str(groups[row]) for row in rows],
            **{f"{name}_kwh": values[rows] for name, values in kwh.items()},
        }
