"""What a study stands at between steps, and a block of steps as computed before it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import ALWAYS
from cosim.simulation.regulation import Grid
from cosim.simulation.ride_through import Riding

if TYPE_CHECKING:
    from cosim.demand.block import State as DemandState
    from cosim.devices.battery import BatteryBlock
    from cosim.devices.breaker import BreakerBlock
    from cosim.electrical.network import Solution
    from cosim.electrical.quality import Figures
    from cosim.events.physics import Fault
    from cosim.feeder.controls import Setting
    from cosim.feeder.openings import Cut
    from cosim.simulation.adapter_heat import HeatBlock
    from cosim.simulation.assembly import Study
    from cosim.simulation.contacts import Contacts
    from cosim.simulation.flow import Draw
    from cosim.simulation.grid_heat import GridHeatBlock
    from cosim.simulation.neighbourhoods import Sections
    from cosim.simulation.ride_through import Look
    from cosim.simulation.sockets import SocketBlock
    from cosim.simulation.steps import Plan

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass
class State:
    """Everything that a restart needs.

    Parameters
    ----------
    open_sections
        What each open section opens, by the section's name.
    tied
        Elements that stand open in the feeder and were closed.
    switch_on
        (homes,) whether the DER's switch is closed.
    entered_us
        (homes,) when the inverter entered service, `ALWAYS`, or `CEASED`.
    window
        (homes,) whether a waiting inverter's voltage was last seen inside its window.
    riding
        Timers of abnormal voltage, and who has ceased for it.
    closed
        (2, homes) main breaker, branch breaker.
    theta
        (2 * homes,) thermal state of the breakers, mains first.
    charge_j, car_j
        (batteries,) and (cars,) stored energy.
    demand
        What demand remembers: air, walls and tanks of homes.
    heat_c
        One (2, nodes, its homes) array per kind of adapter: in still air, under sun and wind.
    unit_heat, drop_c
        (5, transformers) rises and age of service transformers, (homes,) surfaces of drops.
    setting
        Taps and capacitor steps.
    source_pu
        What the sources' voltage is multiplied with.
    faults
        Short circuits present, by name.
    wants
        (controls,) whether a voltage control was last seen wanting to move.
    contacts
        Transfer contactors and the sources of homes.
    sections
        Sections of the feeder with batteries of their own.
    """

    open_sections: dict[str, tuple[Cut, ...]]
    tied: frozenset[int]
    switch_on: Bool
    entered_us: Int
    window: Bool
    riding: Riding
    closed: Bool
    theta: Float
    charge_j: Float
    car_j: Float
    demand: DemandState
    heat_c: list[Float]
    unit_heat: Float
    drop_c: Float
    setting: Setting
    source_pu: float
    faults: dict[str, Fault]
    wants: Bool
    contacts: Contacts
    sections: Sections

    @property
    def opened(self) -> frozenset[int]:
        """Circuit elements taken out."""
        return frozenset(cut.element for cuts in self.open_sections.values() for cut in cuts if not cut.rows)

    @property
    def parted(self) -> frozenset[Cut]:
        """Elements with single conductors open."""
        return frozenset(cut for cuts in self.open_sections.values() for cut in cuts if cut.rows)

    @property
    def grid(self) -> Grid:
        """What decides the admittances: elements and conductors out, lines tied, taps and capacitor steps, faults,
        batteries of sections."""
        faults = frozenset(self.faults.values())
        return Grid(
            self.opened, self.tied, self.setting, self.source_pu, self.parted, faults, self.sections.formed
        )

    @classmethod
    def initial(cls, study: Study) -> State:
        """Everything closed and in service, nothing warm."""
        homes = study.homes
        ambient_c = float(study.weather.block(0, 1).ambient_c[0])
        return cls(
            open_sections={},
            tied=frozenset(),
            switch_on=np.ones(homes, dtype=bool),
            entered_us=np.full(homes, ALWAYS, dtype=np.int64),
            window=np.ones(homes, dtype=bool),
            riding=Riding.calm(homes),
            closed=np.ones((2, homes), dtype=bool),
            theta=np.zeros(2 * homes),
            charge_j=study.battery.initial(),
            car_j=study.cars.fleet.initial(),
            demand=study.demand.initial(),
            heat_c=[kind.initial(ambient_c) for kind in study.heat],
            unit_heat=study.grid_heat.units.initial(study.first_load_pu),
            drop_c=study.grid_heat.drops.initial(),
            setting=study.controls.start,
            source_pu=1.0,
            faults={},
            wants=np.zeros(len(study.controls), dtype=bool),
            contacts=study.islands.initial(),
            sections=study.neighbourhoods.initial(),
        )


@dataclass
class Block:
    """A block of steps as computed, before it counts.

    `draw` is what was asked of the power flow; `pv_w` is what solar gave, `inverter_va` (inverters, steps) what the
    inverters that act on the voltage gave, `head_phase_w` (3, steps) what flowed into the feeder by phase,
    `panel_v` two (steps, homes) voltages of legs behind the transfer contactors.
    """

    plan: Plan
    pv_w: Float
    ev_w: Float
    ambient_c: Float
    sockets: SocketBlock
    solution: Solution
    transformer_va: NDArray[np.complex128]
    head_va: NDArray[np.complex128]
    quality: Figures
    breakers: BreakerBlock
    battery: BatteryBlock
    draw: Draw
    inverter_va: NDArray[np.complex128]
    head_phase_w: Float
    panel_v: tuple[Float, Float]
    grid: GridHeatBlock
    ride: Look
    heat: list[HeatBlock] = field(default_factory=list)
