"""What discrete changes do to the state of a study: switches, contactors and sources, DER, breakers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED
from cosim.events.physics import Act, Action
from cosim.simulation.islands import ACTS as ISLAND_ACTS

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.crossings import Crossings
    from cosim.simulation.state import State
    from cosim.simulation.supply import Supply
    from cosim.simulation.switching import Switching

TAKE_AWAY = (Act.OPEN_SERVICE, Act.DISCONNECT_SOURCE, Act.STOP_SOURCE, Act.STALL_SOURCE, Act.TRIP_SOURCE)
"""Acts that leave a panel without voltage, if anything."""


class Acts:
    """Acts upon the state of a study."""

    def __init__(self, case: Study, supply: Supply, crossings: Crossings, switching: Switching) -> None:
        self._case, self._supply, self._crossings, self._switching = case, supply, crossings, switching

    def apply(self, state: State, time_us: int, action: Action) -> tuple[str, ...]:
        """Change a state now; the homes it affected, in the feeder's order."""
        if action.kind in (Act.OPEN, Act.CLOSE, Act.SOURCE_VOLTAGE, Act.FORM_ISLAND, Act.END_ISLAND):
            state.riding.wake(time_us)
        if action.kind in ISLAND_ACTS:
            return self._transfer(state, time_us, action)
        match action.kind:
            case Act.OPEN:
                was = self._supply.der_fed(state)
                self._open(state, action.subject)
                return self._names(was & ~self._supply.der_fed(state))
            case Act.CLOSE:
                was = self._supply.der_fed(state)
                self._close(state, action.subject)
                return self._names(self._supply.der_fed(state) & ~was)
            case Act.FORM_ISLAND | Act.END_ISLAND:
                was = self._supply.der_fed(state)
                self._case.neighbourhoods.apply(state, action)
                return self._names(was ^ self._supply.der_fed(state))
            case Act.CONNECT_DER | Act.DISCONNECT_DER:
                rows = self._case.rows(action.ids)
                connect = action.kind == Act.CONNECT_DER
                moved = rows[state.switch_on[rows] != connect]  # what is so already stays as it is
                state.switch_on[moved] = connect
                state.entered_us[moved] = CEASED
                return tuple(self._case.home_names[row] for row in moved)
            case Act.CEASE_DER:
                state.entered_us[self._case.rows(action.ids)] = CEASED
                return action.ids
            case Act.ENTER_SERVICE:
                state.entered_us[self._case.rows(action.ids)] = time_us
                return action.ids
            case Act.SOURCE_VOLTAGE:
                state.source_pu = float(action.subject)
                return ()
            case Act.TRIP_BREAKER | Act.RESET_BREAKER:
                was = self._supply.der_fed(state)
                which, home = self._crossings.breaker(action.subject)
                state.closed[which, home] = action.kind == Act.RESET_BREAKER
                return self._names(was ^ self._supply.der_fed(state))
        raise ValueError(f"no such action: {action.kind}")

    def _transfer(self, state: State, time_us: int, action: Action) -> tuple[str, ...]:
        """Contactors and sources of homes; the homes whose DER lost voltage by it, or got it."""
        rows = self._case.rows(action.ids)
        state.riding.wake(time_us)
        was = self._supply.der_fed(state)
        self._case.islands.apply(state.contacts, action, rows)
        now = self._supply.der_fed(state)
        if action.kind == Act.CLOSE_SERVICE:
            # IEEE 1547-2018, 4.10.3: back on the grid they rise again; their device has kept the delay.
            # Contactors open before they close: in service still is who came over within the instant.
            back = rows[now[rows] & (state.entered_us[rows] != CEASED)]
            state.entered_us[back] = time_us
        lost, found = was & ~now, now & ~was
        takes = action.kind in TAKE_AWAY
        state.contacts.news[found if takes else lost] = 1 if takes else -1
        return self._names(lost if takes else found)

    def _open(self, state: State, section: str) -> None:
        cuts = self._switching.cuts(section)
        own = self._case.compiled.closed_blocks
        whole = frozenset(cut.element for cut in cuts if not cut.rows)
        state.open_sections[section] = tuple(
            cut for cut in cuts if cut.element not in own or (cut.rows and cut.element in state.tied)
        )
        state.tied -= whole

    def _close(self, state: State, section: str) -> None:
        state.open_sections.pop(section, None)
        own = self._case.compiled.closed_blocks
        cuts = self._switching.cuts(section)
        state.tied |= frozenset(cut.element for cut in cuts if not cut.rows and cut.element in own)

    def _names(self, which: NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(self._case.home_names[row] for row in np.flatnonzero(which))
