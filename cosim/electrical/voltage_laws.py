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
        """(m, 4) derivative of the current's parts by the voltage's at v (m,).

        From I = y(u) V: dI = y dV + V y'(u) du, du = Re(conj(V) dV) / (|V| v_nom). Taken on the branch that v lies on:
        a difference quotient across a jump between branches would be no slope at all.
        """
        inverse_nom, low, least, floor = self.factors[:, :4].T
        u = np.maximum(np.abs(v) * inverse_nom, 1e-6)
        f_p, f_q = (self._rise(u, low, least, floor, self.factors[:, k : k + 5].T) for k in (4, 9))
        inside = (self.exponents[:, 2] > 0) & (u > least) & (u > low) & (u * floor <= 1.0)
        a, b = self.exponents[:, 0], self.exponents[:, 1]
        f_p = np.where(inside, (a - 2.0) * u ** (a - 3.0), f_p)
        f_q = np.where(inside, (b - 2.0) * u ** (b - 3.0), f_q)
        current = self.current(p_w[:, None], q_var[:, None], v[:, None])[:, 0]
        y = np.divide(current, v, out=np.zeros_like(v), where=v != 0)
        turn = (p_w * f_p - 1j * q_var * f_q) * inverse_nom**2 * v / u * inverse_nom**2
        by_re, by_im = y + turn * v.real, 1j * y + turn * v.imag
        return np.stack([by_re.real, by_im.real, by_re.imag, by_im.imag], axis=1)

    @staticmethod
    def _rise(u: Float, low: Float, least: Float, floor: Float, branch: Float) -> Float:
        """f'(u) of one factor f; see `kernels.injector_current` for its branches."""
        a, _, _, i, s = branch
        inside = np.where(u * floor <= 1.0, -i / u**2 - 2.0 * s / u**3, 0.0)
        between = np.where(u > low, -a / u**2, 0.0)
        return np.where((u > least) & (u > low), inside, between)


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
