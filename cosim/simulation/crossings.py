"""Limits that continuous states reach within a block: where the first is, and what the clock is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED
from cosim.events.physics import Crossing, Watch
from cosim.events.processes import describe
from cosim.simulation.ride_through import Change

if TYPE_CHECKING:
    from datetime import datetime

    from cosim.electrical.network import Solution
    from cosim.simulation.assembly import Study
    from cosim.simulation.flow import Draw
    from cosim.simulation.ride_through import Turn
    from cosim.simulation.state import Block, State
    from cosim.simulation.supply import Supply

Int = NDArray[np.int64]

BREAKERS = ("main", "branch")


class Crossings:
    """Crossings of a study; those that are told change the state, so that they are not told again."""

    def __init__(self, case: Study, supply: Supply) -> None:
        self.case, self._supply = case, supply

    def breaker(self, subject: str) -> tuple[int, int]:
        """Which breaker ``breaker:HOME:main`` or ``breaker:HOME:branch`` is: a row of `BREAKERS`, and of homes."""
        _, home, which = subject.split(":")
        return BREAKERS.index(which), int(self.case.rows((home,))[0])

    def trip(self, time_us: int, breaker: int) -> Crossing:
        """A breaker (main ones of all homes, then those of branches) is past its trip line."""
        which, home = divmod(breaker, self.case.homes)
        name = self.case.home_names[home]
        rating = self.case.breakers.rating_a[breaker]
        return Crossing(
            time_us, Watch.BREAKER, f"breaker:{name}:{BREAKERS[which]}", f"{rating:.0f} A", (name,)
        )

    def turn(self, state: State, turn: Turn) -> Crossing:
        """Inverters trip, cease or resume; those that trip are outside their window until seen inside it."""
        names = tuple(self.case.home_names[row] for row in turn.homes)
        if turn.change is Change.TRIP:
            self.case.ride_through.trip(state.riding, turn.homes)
            state.window[turn.homes] = False
            kind: Watch = Watch.DER_TRIP
        else:
            self.case.ride_through.rest(state.riding, turn)
            kind = Watch.DER_CEASED if turn.change is Change.CEASE else Watch.DER_RESUMED
        return Crossing(turn.time_us, kind, describe(names), turn.told, names)

    def window_change(self, state: State, block: Block) -> tuple[int, Int]:
        """First step at which waiting inverters enter or leave their voltage window, and which homes."""
        case = self.case
        waiting = np.flatnonzero(
            case.has_der & state.switch_on & (state.entered_us == CEASED) & self._supply.der_fed(state)
        )
        if not len(waiting):
            return -1, waiting
        legs = np.stack(block.panel_v)[:, :, waiting]
        legs_pu = legs.transpose(0, 2, 1) / case.nominal_v[waiting, None]
        # Both legs must be inside: the one that is further from nominal decides.
        pu = np.where(np.abs(legs_pu[0] - 1.0) > np.abs(legs_pu[1] - 1.0), legs_pu[0], legs_pu[1])
        step, changed = case.ride_through.enter.take(waiting).first_change(pu, state.window[waiting])
        return step, waiting[changed]

    def window(self, state: State, time_us: int, homes: Int) -> Crossing:
        """Those that left are reported before those that entered; the rest is found again at once."""
        left = homes[state.window[homes]]
        which = left if len(left) else homes
        state.window[which] = ~state.window[which]
        kind = Watch.WINDOW_LEFT if len(left) else Watch.WINDOW_ENTERED
        names = tuple(self.case.home_names[row] for row in which)
        return Crossing(time_us, kind, "voltage-window", describe(names), names)

    def wanted(self, state: State, draw: Draw, solution: Solution) -> Int:
        """(controls, steps) taps or capacitor steps wanted."""
        case = self.case
        if not len(case.controls):
            return np.zeros((0, len(draw.plan)), dtype=np.int64)
        hour = np.array([_hour(case.scenario.local(int(us))) for us in draw.plan.start_us])
        wanted = case.controls.wanted(
            solution.v,
            self._supply.regulation.network(state.grid).circuit,
            state.setting,
            hour,
            draw.ambient_c,
        )
        return np.where(solution.converged, wanted, 0)

    def band_change(self, state: State, draw: Draw, solution: Solution) -> tuple[int, Int]:
        """First step at which voltage controls leave or meet their bands, and what all want there."""
        wanted = self.wanted(state, draw, solution)
        changed = ((wanted != 0) != state.wants[:, None]).any(axis=0)
        step = int(np.argmax(changed)) if changed.any() else -1
        return step, wanted[:, step]

    def band(self, state: State, time_us: int, step: int, wanted: Int, solution: Solution) -> Crossing:
        """Those that are back are reported first, then those that want more; the rest is found at once."""
        case = self.case
        changed = (wanted != 0) != state.wants
        groups = (
            (Watch.CONTROL_MET, np.flatnonzero(changed & (wanted == 0))),
            (Watch.CONTROL_RAISE, np.flatnonzero(changed & (wanted > 0))),
            (Watch.CONTROL_LOWER, np.flatnonzero(changed & (wanted < 0))),
        )
        kind, rows = next(group for group in groups if len(group[1]))
        state.wants[rows] = kind != Watch.CONTROL_MET
        names = tuple(case.controls.names[row] for row in rows)
        v, circuit = solution.v[:, step : step + 1], self._supply.regulation.network(state.grid).circuit
        seen = [case.controls.view(int(row), v, circuit, state.setting) for row in rows]
        subject = names[0] if len(names) == 1 else f"{len(names)} controls"
        detail = seen[0] if len(names) == 1 else "; ".join(map(" ".join, zip(names, seen, strict=True)))
        return Crossing(time_us, kind, subject, detail, names)


def _hour(local: datetime) -> float:
    return local.hour + local.minute / 60.0 + (local.second + local.microsecond / 1e6) / 3600.0
