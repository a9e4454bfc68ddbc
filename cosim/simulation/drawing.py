"""What homes draw from the feeder over a plan: demand, cars, solar and batteries as injectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED
from cosim.simulation.flow import Draw

if TYPE_CHECKING:
    from cosim.demand.block import State as DemandState
    from cosim.simulation.assembly import Study
    from cosim.simulation.sockets import Sockets
    from cosim.simulation.state import State
    from cosim.simulation.steps import Plan
    from cosim.simulation.supply import Supply

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


class Drawing:
    """Draws of the homes of a study; a function of the state and the plan."""

    def __init__(self, case: Study, supply: Supply, sockets: Sockets) -> None:
        self.case, self._supply, self._sockets = case, supply, sockets
        managed = case.managed
        self._shed_limit_w = managed.shed_limit_w if managed.loads.any() else None

    def draw(self, state: State, plan: Plan) -> Draw:
        """What homes draw over a plan in the present state."""
        study = self.case
        alive = self._supply.alive(state)
        powered = state.closed[0] & alive
        contacts, islands = state.contacts, study.islands
        calm = contacts.calm
        corded = (
            islands.corded(contacts) & ~powered
        )  # a set serves what hangs on cords while the panel is dead
        lit, most_w = powered | corded, self._most_w(corded)
        demand = study.demand.block(state.demand, plan.first_step, plan.seconds, lit, most_w)
        panel_w, panel_var = demand.panel_w, demand.panel_var
        on_share = None if calm else islands.demand_share(contacts)
        if on_share is not None:
            asked_w, backed = panel_w.sum(axis=1), np.where(corded, 0.0, on_share)[:, None, None]
            cords = (islands.critical * corded)[:, None, None]
            cord_w, cord_var = panel_w[:, :2] * cords, panel_var[:, :2] * cords
            panel_w, panel_var = panel_w * backed, panel_var * backed
        ambient_c = study.weather.block(plan.first_step, len(plan)).ambient_c
        output = self._der_output(state, plan)
        pv_w = demand.pv_w * output
        charging = np.where(study.ev_on_branch, state.closed[1] & alive, powered)
        if on_share is not None:
            charging &= on_share == 1.0  # a car is no critical load
        managed, room_w = study.managed, self._room(panel_w, panel_var, pv_w)
        parked = study.cars.home
        cars = study.cars.fleet.advance(
            state.car_j, plan.start_us, plan.seconds, panel_w[parked].sum(axis=1) - pv_w[parked],
            None if room_w is None else np.where(managed.car[:, None], room_w, np.inf)[parked],
            charging[parked], parallel=False,
        )  # fmt: skip
        ev_w = np.zeros_like(pv_w)
        ev_w[parked] = cars.power_w
        device_w, branch_w = np.zeros_like(ev_w), np.zeros_like(ev_w)
        smart, plain_w = study.inverters, pv_w.copy()
        plain_w[smart.solar] = 0.0  # inverters that act on the voltage have injectors of their own
        # Here production turns negative: everything downstream is in load convention.
        for on_branch, power_w in ((study.ev_on_branch, ev_w), (study.pv_on_branch, -plain_w)):
            branch_w[on_branch] += power_w[on_branch]
            device_w[~on_branch] += power_w[~on_branch]
        rows = study.battery_home
        running = (state.switch_on & (state.entered_us != CEASED) & ~state.riding.resting & powered)[rows]
        running &= ~contacts.off[rows]
        net_w = panel_w[rows].sum(axis=1) + device_w[rows] + branch_w[rows] - (pv_w - plain_w)[rows]
        limit_w = None if room_w is None else np.maximum(room_w - ev_w, 0.0)[rows]
        rising = running[:, None] & (output[rows] < 1.0)
        if rising.any():  # as solar, batteries rise after their return
            share = np.where(rising, output[rows], 1.0)
            net_w = np.clip(
                net_w, -share * study.battery.charge_w[:, None], share * study.battery.discharge_w[:, None]
            )
            from_grid = share * study.battery.charge_w[:, None]
            limit_w = from_grid if limit_w is None else np.minimum(limit_w, from_grid)
        battery = study.battery.advance(
            state.charge_j, net_w, plan.seconds, running, start_us=plan.start_us, grid_limit_w=limit_w,
            parallel=False,
        )  # fmt: skip
        island = None
        if on_share is not None:
            sun_w = demand.pv_w * state.switch_on[:, None]
            island = islands.draw(
                contacts, plan, state.charge_j, (panel_w, panel_var), ev_w, (pv_w, sun_w),
                asked_w - panel_w.sum(axis=1) - cord_w.sum(axis=1), (cord_w, cord_var),
            )  # fmt: skip
            battery = islands.merged(island, battery)
        plain = ~np.isin(rows, smart.batteries)
        device_w[rows[plain]] -= battery.power_w[plain]

        impedance = None
        if demand.impedance_w is not None and demand.impedance_var is not None:
            impedance = demand.impedance_w, demand.impedance_var
        if on_share is not None:
            if impedance is not None:
                impedance = impedance[0] * backed, impedance[1] * backed
            islands.hang(contacts, [panel_w, panel_var, *(impedance or ())], [device_w, branch_w])
        p_w, q_var = self._sockets.injector_power(panel_w, panel_var, device_w, branch_w, impedance)
        p_w[smart.injector] = -np.concatenate((pv_w[smart.solar], battery.power_w[~plain]))
        q_var[smart.injector] = 0.0
        if island is not None:
            p_w[smart.injector[contacts.off[smart.home]]] = 0.0
            pv_w[contacts.off] = 0.0
            pv_w[islands.home] += island.block.solar_w
        return Draw(
            plan, pv_w, ev_w, ambient_c, battery, cars, p_w, q_var, powered, demand.shown, demand.end, lit, most_w,
            island,
        )  # fmt: skip

    def wanted_share(self, state: State, plan: Plan) -> float:
        """Mean over a plan of what homes on the grid would draw if it had voltage, over the nominal load of all."""
        hangs, seconds = state.closed[0] & ~state.contacts.off, plan.seconds
        demand = self.case.demand.block(state.demand, plan.first_step, seconds, hangs, self._shed_limit_w)
        wanted_w = float(demand.panel_w[hangs].sum(axis=(0, 1)) @ seconds / seconds.sum())
        nominal_w = float(np.maximum(self.case.compiled.circuit.injectors.p_w, 0.0).sum())
        return max(wanted_w, 0.0) / nominal_w if nominal_w > 0.0 else 1.0

    def remembered(self, state: State, draw: Draw, count: int) -> DemandState:
        """What demand remembers after the first `count` steps of a draw that begins now."""
        if count == len(draw.plan) and draw.end is not None:
            return draw.end
        if not state.demand:
            return {}  # demand without memory
        plan = draw.plan.head(count)
        return self.case.demand.block(state.demand, plan.first_step, plan.seconds, draw.lit, draw.most_w).end

    def _most_w(self, corded: Bool) -> Float | None:
        """(homes,) largest power of panels beyond which loads are held off; hard-wired ones hang on no cord."""
        limit_w = self._shed_limit_w
        if not corded.any():
            return limit_w
        return np.where(corded, 0.0, np.inf if limit_w is None else limit_w)

    def _room(self, panel_w: Float, panel_var: Float, pv_w: Float) -> Float | None:
        """(homes, steps) what services leave for cars and for charging batteries [W]; None: nothing is limited."""
        limits = self.case.managed.limits
        limited = np.flatnonzero(np.isfinite(limits.limit_a))
        if not len(limited):
            return None
        room_w = np.full_like(pv_w, np.inf)
        room_w[limited] = limits.take(limited).leaves_w(
            panel_w[limited], panel_var[limited], -pv_w[limited], parallel=False
        )
        return room_w

    def _der_output(self, state: State, plan: Plan) -> Float:
        """(homes, steps) share of available power DER may give: 0 off, rising after a return."""
        share = self.case.ride_through.enter.share(state.entered_us, plan.start_us, plan.seconds)
        return share * (state.switch_on & ~state.riding.resting & self._supply.der_fed(state))[:, None]
