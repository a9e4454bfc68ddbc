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


class Drawing:
    """Draws of the homes of a study; a function of the state and the plan."""

    def __init__(self, case: Study, supply: Supply, sockets: Sockets) -> None:
        self.case, self._supply, self._sockets = case, supply, sockets
        managed = case.managed
        self._shed_limit_w = managed.shed_limit_w if managed.loads.any() else None

    def draw(self, state: State, plan: Plan) -> Draw:
        """What homes draw over a plan in the present state."""
        study = self.case
        fed = self._supply.fed(state)
        powered = state.closed[0] & fed
        demand = study.demand.block(state.demand, plan.first_step, plan.seconds, powered, self._shed_limit_w)
        panel_w, panel_var = demand.panel_w, demand.panel_var
        ambient_c = study.weather.block(plan.first_step, len(plan)).ambient_c
        pv_w = demand.pv_w * self._der_output(state, plan)
        charging = np.where(study.ev_on_branch, state.closed[1] & fed, powered)
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
        net_w = panel_w[rows].sum(axis=1) + device_w[rows] + branch_w[rows] - (pv_w - plain_w)[rows]
        battery = study.battery.advance(
            state.charge_j, net_w, plan.seconds, running, start_us=plan.start_us,
            grid_limit_w=None if room_w is None else np.maximum(room_w - ev_w, 0.0)[rows], parallel=False,
        )  # fmt: skip
        plain = ~np.isin(rows, smart.batteries)
        device_w[rows[plain]] -= battery.power_w[plain]

        impedance = None
        if demand.impedance_w is not None and demand.impedance_var is not None:
            impedance = demand.impedance_w, demand.impedance_var
        p_w, q_var = self._sockets.injector_power(panel_w, panel_var, device_w, branch_w, impedance)
        p_w[smart.injector] = -np.concatenate((pv_w[smart.solar], battery.power_w[~plain]))
        q_var[smart.injector] = 0.0
        return Draw(
            plan, pv_w, ev_w, ambient_c, battery, cars, p_w, q_var, powered, demand.shown, demand.end
        )  # fmt: skip

    def remembered(self, state: State, draw: Draw, count: int) -> DemandState:
        """What demand remembers after the first `count` steps of a draw that begins now."""
        if count == len(draw.plan) and draw.end is not None:
            return draw.end
        if not state.demand:
            return {}  # demand without memory
        plan = draw.plan.head(count)
        return self.case.demand.block(
            state.demand, plan.first_step, plan.seconds, draw.powered, self._shed_limit_w
        ).end

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
