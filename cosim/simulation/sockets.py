"""What stands at each socket: from demand to injectors, from the solution to legs.

Signs: panel, EV and service power in load convention (positive from grid to home), PV in
generator convention until `branch` and `panel` turn it around, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cosim.simulation.kernels import at_sockets, at_sockets_parallel, spread_panel, spread_panel_parallel

if TYPE_CHECKING:
    from cosim.feeder.compile import CompiledFeeder

Float = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class SocketBlock:
    """Sockets over a block of steps; home quantities are (steps, homes) unless said.

    Parameters
    ----------
    i2_a2
        (steps, 6, homes) squared r.m.s. currents [A²]: grid L1, L2; load L1, L2; branch L1, L2.
    voltage_l1_v, voltage_l2_v
        Leg to neutral; across the coil for a two-wire home.
    service_w, service_var, panel_w, branch_w
        Positive from the grid into the home, its panel, its adapter branch.
    service_a
        Largest conductor current of the service.
    panel_a, branch_a
        (homes, steps) largest current through the main breaker and the branch breaker.
    """

    i2_a2: Float
    voltage_l1_v: Float
    voltage_l2_v: Float
    service_w: Float
    service_var: Float
    panel_w: Float
    branch_w: Float
    service_a: Float
    panel_a: Float
    branch_a: Float


class Sockets:
    """The sockets of a compiled feeder."""

    def __init__(self, compiled: CompiledFeeder, parallel: bool) -> None:
        injectors = compiled.circuit.injectors
        self.homes = len(compiled.home_kind)
        self._compiled = compiled
        self._owner = np.ascontiguousarray(injectors.owner)
        self._share = np.ascontiguousarray(compiled.share)
        self._fixed_p = np.ascontiguousarray(injectors.p_w)
        self._fixed_q = np.ascontiguousarray(injectors.q_var)
        self._branch_row = np.ascontiguousarray(compiled.branch_row)
        self._has_branch = np.flatnonzero(compiled.branch_row >= 0)
        self._panel_row = compiled.panel_row[self._has_branch]
        rows = compiled.impedance_row
        self._beside = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
        self._spread: Callable[..., None] = spread_panel_parallel if parallel else spread_panel
        self._at_sockets: Callable[..., None] = at_sockets_parallel if parallel else at_sockets
        self._pack()

    def _pack(self) -> None:
        """Which panel injectors meet which conductor of which home, in home order."""
        nodes = self._compiled.home_nodes
        injectors = self._compiled.circuit.injectors
        branch = np.zeros(len(injectors), dtype=bool)
        branch[self._branch_row[self._has_branch]] = True
        meets: list[tuple[int, int, int, float]] = []
        for row in np.flatnonzero((self._owner >= 0) & ~branch).tolist():
            home = int(self._owner[row])
            for end, sign in ((int(injectors.node_a[row]), 1.0), (int(injectors.node_b[row]), -1.0)):
                place = np.flatnonzero(nodes[home] == end)
                if end >= 0 and len(place):
                    meets.append((home, row, int(place[0]), sign))
        meets.sort(key=lambda meet: meet[0])
        homes = np.array([meet[0] for meet in meets], dtype=np.int64)
        self._first = np.searchsorted(homes, np.arange(self.homes + 1)).astype(np.int64)
        self._injector = np.array([meet[1] for meet in meets], dtype=np.int64)
        self._leg = np.array([meet[2] for meet in meets], dtype=np.int64)
        self._sign = np.array([meet[3] for meet in meets])

    def injector_power(
        self,
        panel_w: Float,
        panel_var: Float,
        device_w: Float,
        branch_w: Float,
        impedance: tuple[Float, Float] | None = None,
    ) -> tuple[Float, Float]:
        """Power of every injector, (m, steps) each.

        Parameters
        ----------
        panel_w, panel_var
            (homes, 3, steps) demand of leg 1, leg 2 and line-to-line, load convention.
        device_w, branch_w
            (homes, steps) consumed by DER and charger behind the panel and on the adapter, at unity
            power factor and constant power, whatever the voltage law of the home's own load.
        impedance
            W and var of the panel's demand that go with the square of the voltage; constant power where the feeder
            has no injectors for them.
        """
        steps = panel_w.shape[2]
        p_w = np.empty((len(self._owner), steps))
        q_var = np.empty_like(p_w)
        beside = self._beside
        given = impedance if beside.stop > 0 else None
        if given is not None:
            panel_w, panel_var = panel_w - given[0], panel_var - given[1]
        self._spread(self._owner, self._share, panel_w, panel_var, self._fixed_p, self._fixed_q, p_w, q_var)
        p_w[beside] = q_var[beside] = 0.0
        if given is not None:
            self._spread(
                self._owner[beside], self._share[beside], *given,
                self._fixed_p[beside], self._fixed_q[beside], p_w[beside], q_var[beside],
            )  # fmt: skip
        for rows, power_w in ((self._branch_row[self._has_branch], branch_w), (self._panel_row, device_w)):
            p_w[rows] = power_w[self._has_branch]
            q_var[rows] = 0.0
        return p_w, q_var

    def read(self, v: Complex, current_a: Complex) -> SocketBlock:
        """Sockets at a solution: node voltages (n, steps) and injector currents (m, steps)."""
        steps = v.shape[1]
        i2_a2 = np.empty((steps, 6, self.homes))
        by_step = [np.empty((steps, self.homes)) for _ in range(7)]
        by_home = [np.empty((self.homes, steps)) for _ in range(2)]
        self._at_sockets(
            v, current_a, self._compiled.home_nodes, self._compiled.home_kind,
            self._first, self._injector, self._leg, self._sign, self._branch_row,
            i2_a2, *by_step, *by_home,
        )  # fmt: skip
        return SocketBlock(i2_a2, *by_step, *by_home)
