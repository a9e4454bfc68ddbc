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
    from cosim.simulation.regulation import Grid, Regulation
    from cosim.simulation.state import State
    from cosim.simulation.switching import Switching

Bool = NDArray[np.bool_]


class Supply:
    """Answers for the homes of a study in a state; `regulation` has the solvers, `switching` the sections."""

    def __init__(self, case: Study, regulation: Regulation, switching: Switching) -> None:
        self.case, self.regulation, self.switching = case, regulation, switching
        self._last: tuple[Grid, Bool] | None = None

    def begin_anew(self) -> None:
        """Keep nothing at hand."""
        self._last = None

    def fed(self, state: State) -> Bool:
        """(homes,) whether any conductor of the socket is energised.

        Where a phase is lost its conductors still feel the others': then a way of metal to a source is asked for.
        The last answer is kept: it follows from the state of the grid, and is asked for many times at one instant.
        """
        grid = state.grid
        if self._last is None or self._last[0] != grid:
            found = self._reached(state)
            found.flags.writeable = False
            self._last = grid, found
        return self._last[1]

    def _reached(self, state: State) -> Bool:
        if self._switched(state):
            return ~self.switching.paths.dark(*self._ways(state))
        energised = np.append(self.regulation.network(state.grid).energised, False)  # node -1: no conductor
        return np.asarray(np.any(energised[self.case.compiled.home_nodes], axis=1), dtype=np.bool_)

    def whole(self, state: State) -> Bool:
        """(homes,) whether all conductors of the socket are energised: nothing of the service is interrupted."""
        if self._switched(state):
            return ~self.switching.paths.out(*self._ways(state))
        return self.fed(state)

    @staticmethod
    def _switched(state: State) -> bool:
        return bool(state.open_sections or state.tied)

    def _ways(self, state: State) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
        """What is open, what is tied, and what batteries of sections feed."""
        batteries = self.case.neighbourhoods.fed_nodes(state.sections.formed)
        return self.switching.opened(state), self.switching.tied(state), batteries

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
