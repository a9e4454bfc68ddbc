"""Who has voltage: sockets, terminals of DER, inverters in service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.devices.inverter import CEASED

if TYPE_CHECKING:
    from cosim.simulation.assembly import Study
    from cosim.simulation.regulation import Regulation
    from cosim.simulation.state import State

Bool = NDArray[np.bool_]


class Supply:
    """Answers for the homes of a study in a state; `regulation` has the solvers."""

    def __init__(self, case: Study, regulation: Regulation) -> None:
        self.case, self.regulation = case, regulation

    def fed(self, state: State) -> Bool:
        """(homes,) whether any conductor of the socket is energised."""
        energised = np.append(self.regulation.network(state.grid).energised, False)  # node -1: no conductor
        return np.asarray(np.any(energised[self.case.compiled.home_nodes], axis=1), dtype=np.bool_)

    def der_fed(self, state: State) -> Bool:
        """(homes,) whether the DER's own terminals are energised: socket, and its breaker closed."""
        own: Bool = np.where(self.case.pv_on_branch, state.closed[1], state.closed[0])
        return self.fed(state) & own

    def serving(self, state: State) -> Bool:
        """(homes,) whether the inverter is in service."""
        return np.asarray(
            self.case.has_der & state.switch_on & (state.entered_us != CEASED) & self.der_fed(state)
        )
