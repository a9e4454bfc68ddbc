"""Steps without a power flow: the log says where they begin, at which node, and where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosim.events.log import EventLog
    from cosim.simulation.state import Block

REMEDY = (
    "no power flow from this step on, which moves most here: look for a load or an impedance that is too large, "
    "or a tap that is wrong; these steps are marked and left out of every figure"
)


class Unsettled:
    """Watches the steps of a run as they become the past.

    Parameters
    ----------
    log
        Gets ``unsettled`` at the first of consecutive steps that did not converge, and ``settled`` after the last.
    nodes
        Names of the circuit's nodes.
    """

    GIVEN: ClassVar[tuple[str, ...]] = ("_log", "_nodes")

    def __init__(self, log: EventLog, nodes: Sequence[str]) -> None:
        self._log, self._nodes = log, nodes
        self._steps = 0
        self._order, self._subject = -1, ""

    def watch(self, block: Block, count: int) -> None:
        """The first `count` steps of a block are the past."""
        solution = block.solution
        if not self._steps and solution.converged[:count].all():
            return
        for step in range(count):
            time_us = int(block.plan.start_us[step])
            if solution.converged[step]:
                if self._steps:
                    self._log.append(
                        time_us, "settled", self._subject, f"after {self._steps} steps", self._order
                    )
                self._steps = 0
                continue
            if not self._steps:
                node = int(solution.worst_node[step])
                self._subject = f"node:{self._nodes[node]}" if node >= 0 else "feeder"
                self._order = self._log.append(time_us, "unsettled", self._subject, REMEDY)
            self._steps += 1
