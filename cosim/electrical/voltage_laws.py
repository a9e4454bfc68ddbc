"""How an injector's current depends on the voltage across it, following OpenDSS's load models.

With u = |V| / v_nom, I = (p f_p(u) - j q f_q(u)) V / v_nom^2. Inside the band a polynomial (or power) of u
holds; above v_max the injector is the impedance it has there; below v_low it is its nominal impedance; in
between the current falls in a straight line from its value at v_min. Checked against the engine branch by
branch in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosim.electrical import kernels
from cosim.electrical.circuit import Complex, Float, Injectors, Int, LoadModel


@dataclass(frozen=True)
class VoltageLaws:
    """The laws of m injectors as the kernels want them.

    Parameters
    ----------
    factors
        (m, 14), see `kernels.injector_current`.
    exponents
        (m, 3): exponents of P and Q, and 1 if they apply.
    cut_pu
        (m,) between v_low and this a ZIP injector draws nothing; 0 for none.
    """

    factors: Float
    exponents: Float
    cut_pu: Float

    @classmethod
    def of(cls, injectors: Injectors) -> VoltageLaws:
        """Laws of all injectors."""
        low, least = injectors.v_low_pu, injectors.v_min_pu
        columns = [1.0 / injectors.v_nom, low, least, 1.0 / injectors.v_max_pu]
        for shares in (_shares(injectors, injectors.zip_p), _shares(injectors, injectors.zip_q)):
            z, i, s = shares.T
            at_least = z * least + i + s / least
            rise = np.divide(at_least - low, least - low, out=np.zeros_like(low), where=least > low)
            columns += [low - rise * low, rise, z, i, s]
        exponential = injectors.model == LoadModel.EXPONENT
        exponents = np.stack([injectors.p_exponent, injectors.q_exponent, exponential], axis=1)
        cut = np.where(injectors.model == LoadModel.ZIP, injectors.v_cut_pu, 0.0)
        return cls(np.stack(columns, axis=1), exponents.astype(np.float64), cut)

    def take(self, rows: Int) -> VoltageLaws:
        """The laws of some injectors."""
        return VoltageLaws(self.factors[rows], self.exponents[rows], self.cut_pu[rows])

    def current(self, p_w: Float, q_var: Float, v: Complex) -> Complex:
        """(m, k) currents at (m, k) voltages and nominal powers [A]; k at most `kernels.LANES`."""
        m, k = v.shape
        across = np.ones((m, 2, kernels.LANES))
        p, q = np.zeros((2, m, kernels.LANES))
        across[:, 0, :k], across[:, 1, :k] = v.real, v.imag
        p[:, :k], q[:, :k] = p_w, q_var
        out = np.zeros((m, 2, kernels.LANES))
        run: Callable[..., None] = kernels.injector_currents
        run(p, q, self.factors, self.exponents, self.cut_pu, across, out)
        return np.asarray(out[:, 0, :k] + 1j * out[:, 1, :k])

    def tangent(self, p_w: Float, q_var: Float, v: Complex) -> Float:
        """(m, 4) derivative of the current's parts by the voltage's at v (m,), by central difference."""
        step = 1e-5 * np.maximum(np.abs(v), 1e-3 / self.factors[:, 0])
        moved = v[:, None] + step[:, None] * np.array([1.0, -1.0, 1j, -1j])
        current = self.current(p_w[:, None], q_var[:, None], moved)
        by_re = (current[:, 0] - current[:, 1]) / (2.0 * step)
        by_im = (current[:, 2] - current[:, 3]) / (2.0 * step)
        return np.stack([by_re.real, by_im.real, by_re.imag, by_im.imag], axis=1)


def _shares(injectors: Injectors, polynomial: Float) -> Float:
    """(m, 3) shares of impedance, current and power; power where an exponent holds inside the band."""
    fixed = {
        LoadModel.POWER: (0.0, 0.0, 1.0),
        LoadModel.IMPEDANCE: (1.0, 0.0, 0.0),
        LoadModel.EXPONENT: (0.0, 0.0, 1.0),
        LoadModel.CURRENT: (0.0, 1.0, 0.0),
    }
    shares = polynomial.astype(np.float64).copy()
    for model, row in fixed.items():
        shares[injectors.model == model] = row
    return shares
