"""Short-circuit current of a small synchronous generator: from subtransient to steady, behind any impedance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cosim.electrical.circuit import Float


@dataclass(frozen=True)
class Generator:
    """A generator as constant EMF behind a reactance that grows while its field decays.

    The EMF stays at its no-load value (no regulator forces the field, none lets it collapse), which bounds the
    steady current of a set without separate excitation from above.

    Parameters
    ----------
    rated_va, rated_v
        Nameplate, single-phase line to line.
    xd_pu, xd1_pu, xd2_pu
        Synchronous, transient and subtransient reactance on that rating.
    td01_s, td02_s
        Open-circuit transient and subtransient time constants.
    """

    rated_va: float
    rated_v: float
    xd_pu: float
    xd1_pu: float
    xd2_pu: float
    td01_s: float
    td02_s: float

    @property
    def rated_a(self) -> float:
        """Rated current."""
        return self.rated_va / self.rated_v

    def reactances_ohm(self) -> tuple[float, float, float]:
        """Subtransient, transient, synchronous reactance line to line."""
        base = self.rated_v**2 / self.rated_va
        return self.xd2_pu * base, self.xd1_pu * base, self.xd_pu * base

    def time_constants_s(self, external_ohm: complex = 0.0) -> tuple[float, float]:
        """Subtransient and transient short-circuit time constants behind an external impedance.

        T = T_open (R^2 + (X_after + X)(X_before + X)) / (R^2 + (X_before + X)^2): the field sees the stator's
        circuit through the shaft; T_open X_after / X_before at the terminals (round rotor, X_q = X_d).
        """
        sub, transient, steady = self.reactances_ohm()

        def closed(open_s: float, after: float, before: float) -> float:
            r2, a, b = external_ohm.real**2, after + external_ohm.imag, before + external_ohm.imag
            return float(open_s * (r2 + a * b) / (r2 + b * b))

        return closed(self.td02_s, sub, transient), closed(self.td01_s, transient, steady)

    def weights(self, seconds: ArrayLike, external_ohm: complex = 0.0) -> Float:
        """(3, t) shares of the subtransient, transient and steady solution at each time; they sum to 1.

        Everything linear in the source's current (other currents, voltages' magnitudes) decays alike.
        """
        fast, slow = self.time_constants_s(external_ohm)
        t = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
        first, second = np.exp(-t / fast), np.exp(-t / slow)
        return np.stack([first, second - first, 1.0 - second])

    def fault_current_a(self, seconds: ArrayLike, external_ohm: complex = 0.0) -> Float:
        """(t,) symmetrical r.m.s. current into a fault behind `external_ohm`, from no load."""
        stages = np.array([self.rated_v / abs(external_ohm + 1j * x) for x in self.reactances_ohm()])
        return np.asarray(stages @ self.weights(seconds, external_ohm))
