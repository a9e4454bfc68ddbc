"""Who has voltage: sockets, terminals of DER, inverters in service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED

if TYPE_CHECKING:
    from collections.abc import Callable

    from cosim.simulation.assembly import Study
    from cosim.simulation.contacts import Contacts
    from cosim.simulation.regulation import Regulation
    from cosim.simulation.state import State
    from cosim.simulation.switching import Switching

Bool = NDArray[np.bool_]


class Supply:
    """Answers for the homes of a study in a state; `regulation` has the solvers, `switching` the sections."""

    def __init__(self, case: Study, regulation: Regulation, switching: Switching) -> None:
        self.case, self.regulation, self.switching = case, regulation, switching

    def fed(self, state: State) -> Bool:
        """(homes,) whether any conductor of the socket is energised.

        Where a phase is lost its conductors still feel the others': then a way of metal to a source is asked for.
        """
        if state.parted:
            switching = self.switching
            fed = self.case.neighbourhoods.fed_nodes(state.sections.formed)
            energised = switching.paths.alive(switching.opened(state), switching.tied(state), fed)
            reached = np.append(energised, False)[self.case.compiled.home_nodes]
            return np.asarray(np.any(reached, axis=1), dtype=np.bool_)
        energised = np.append(self.regulation.network(state.grid).energised, False)  # node -1: no conductor
        return np.asarray(np.any(energised[self.case.compiled.home_nodes], axis=1), dtype=np.bool_)

    def der_fed(self, state: State) -> Bool:
        """(homes,) whether the DER's own terminals are energised: socket, and its breaker closed."""
        own: Bool = np.where(self.case.pv_on_branch, state.closed[1], state.closed[0])
        return self._alive(state, self.case.islands.der_alive) & own

    def alive(self, state: State) -> Bool:
        """(homes,) whether the panel's side of the service has voltage, of the grid or of the own source."""
        return self._alive(state, self.case.islands.alive)

    def powered(self, state: State) -> Bool:
        """(homes,) whether the panel has voltage."""
        return np.asarray(state.closed[0] & self.alive(state))

    def _alive(self, state: State, off_grid: Callable[[Contacts, Bool], Bool]) -> Bool:
        fed = self.fed(state)
        return fed if state.contacts.calm else off_grid(state.contacts, fed)

    def serving(self, state: State) -> Bool:
        """(homes,) whether the inverter is in service."""
        return np.asarray(
            self.case.has_der & state.switch_on & (state.entered_us != CEASED) & self.der_fed(state)
        )
