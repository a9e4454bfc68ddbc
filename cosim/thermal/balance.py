"""The heat balance of one step, by the scheme's own account.

Within a step the scheme solves ``C dT/dt = S x + N0 + (N1 - N0) t/h`` exactly, N0 and N1 what is not linear at
the start and at the first estimate of the end. So the heat of every path over the step is known without a
quadrature: linear paths by the integral of that solution, whose functions phi2 and phi3 are those of the
step, the rest by the mean of its two ends. Heat given = stored + out is then an identity of the scheme.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosim.thermal.fleet import HeatFleet
from cosim.thermal.network import Float


@dataclass(frozen=True)
class Balance:
    """Heat of one adapter over one step [J].

    Parameters
    ----------
    end_c
        (n,) temperatures at the end.
    given_j
        From currents, losses and sun.
    stored_j
        (n,) taken up by each node.
    out_j
        Into the ambient air.
    """

    end_c: Float
    given_j: float
    stored_j: Float
    out_j: float

    @property
    def moved_j(self) -> float:
        """Size of all that moved."""
        return abs(self.given_j) + float(np.abs(self.stored_j).sum()) + abs(self.out_j)

    @property
    def residual_j(self) -> float:
        """Given less stored less out: zero but for rounding."""
        return self.given_j - float(self.stored_j.sum()) - self.out_j


def balance_of_step(
    fleet: HeatFleet,
    start_c: Float,
    i2_a2: Float,
    ambient_c: float,
    seconds: float,
    *,
    wind_m_s: float = 0.0,
    sun_w_per_m2: Float | None = None,
) -> Balance:
    """Step one adapter (n,) in NumPy, apart from the kernel, and account for its heat.

    `i2_a2` (6,) squared currents [A2]; `sun_w_per_m2` (3,) as in `cosim.thermal.fleet.Outdoors`.
    """
    net, h = fleet.network, seconds
    k = fleet.reference_conductance
    to_air = k.sum(axis=1)

    def given(t: Float) -> Float:
        return net.heating_w(t, i2_a2, sun_w_per_m2)

    def beyond(t: Float) -> Float:
        """What flows out of each node beyond the linear conductances."""
        return np.asarray(net.outflow_w(t, ambient_c, wind_m_s) - (k @ t - to_air * ambient_c))

    def heat(t: Float) -> Float:
        return given(t) - beyond(t)

    first = heat(start_c) - (k @ start_c - to_air * ambient_c)
    one, two, three = (fleet.propagator(order, h) for order in (1, 2, 3))
    guess = start_c + one @ first
    change = heat(guess) - heat(start_c)
    end = guess + two @ change
    passed = h * (start_c - ambient_c + two @ first + three @ change)  # integral of the rise over the air
    return Balance(
        end_c=end,
        given_j=0.5 * h * float((given(start_c) + given(guess)).sum()),
        stored_j=net.capacity_j_per_k * (end - start_c),
        out_j=float(to_air @ passed) + 0.5 * h * float((beyond(start_c) + beyond(guess)).sum()),
    )
