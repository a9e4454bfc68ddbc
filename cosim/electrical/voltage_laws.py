"""How an injector's current depends on the voltage across it, following OpenDSS's load models.

With u = |V| / v_nom, I = (p f_p(u) - j q f_q(u)) V / v_nom^2. Inside the band a polynomial (or power) of u
holds; above v_max the injector is the impedance it has there; below v_low it is its nominal impedance; in
between the current falls in a straight line from its value at v_min. P of a load with a Q or reactance of its own
is in between the impedance it has at v_min, and its Q outside the band is that of the reactance. Checked against the
engine branch by branch in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.electrical import law_kernels
from cosim.electrical.circuit import Complex, Float, Injectors, Int, Inverters, LoadModel
from cosim.electrical.lane_kernels import LANES

KINK_PU = 0.01  # the slope of an inverter's law is taken over this voltage to either side


@dataclass(frozen=True)
class VoltageLaws:
    """The laws of m injectors as the kernels want them.

    Parameters
    ----------
    factors
        (m, 16), see `law_kernels.injector_current`.
    exponents
        (m, 3): exponents of P and Q, and 1 if they apply.
    cut_pu
        (m,) between v_low and this a ZIP injector draws nothing; 0 for none.
    plain
        (m,) constant power: a shorter way to the same current.
    inverter
        (m,) row in `settings` of the injectors that follow an inverter's law; -1 for the others.
    settings
        (k, 21), see `_settings`.
    """

    factors: Float
    exponents: Float
    cut_pu: Float
    plain: NDArray[np.bool_]
    inverter: Int
    settings: Float

    @classmethod
    def of(cls, injectors: Injectors, inverters: Inverters | None = None) -> VoltageLaws:
        """Laws of all injectors."""
        inverters = Inverters.none() if inverters is None else inverters
        low, least = injectors.v_low_pu, injectors.v_min_pu
        columns = [1.0 / injectors.v_nom, low, least, 1.0 / injectors.v_max_pu]
        apart = np.isin(injectors.model, (LoadModel.FIXED_Q, LoadModel.FIXED_X))
        start = np.where(
            apart, 0.0, low
        )  # where the straight line would end: at no voltage it is an impedance
        for shares in _shares(injectors):
            z, i, s = shares.T
            at_least = z * least + i + s / least
            rise = np.divide(at_least - start, least - start, out=np.zeros_like(low), where=least > start)
            columns += [start - rise * start, rise, z, i, s]
        columns += [(least * injectors.v_nom) ** 2, 1.0 / (injectors.v_max_pu * injectors.v_nom) ** 2]
        exponential = apart | (injectors.model == LoadModel.EXPONENT)
        a, b = (np.where(apart, 0.0, given) for given in (injectors.p_exponent, injectors.q_exponent))
        b = np.where(injectors.model == LoadModel.FIXED_X, 2.0, b)
        exponents = np.stack([a, b, exponential], axis=1)
        cut = np.where(injectors.model == LoadModel.ZIP, injectors.v_cut_pu, 0.0)
        row = np.full(len(injectors), -1)
        row[inverters.injector] = np.arange(len(inverters))
        return cls(
            np.stack(columns, axis=1),
            exponents.astype(np.float64),
            cut,
            (injectors.model == LoadModel.POWER) & (row < 0),
            row,
            _settings(inverters),
        )

    @property
    def jumps(self) -> bool:
        """Whether some current jumps at the edge of its band, as that of a power of the voltage does."""
        return bool((self.exponents[:, 2] > 0.0).any())

    def take(self, rows: Int) -> VoltageLaws:
        """The laws of some injectors."""
        return VoltageLaws(
            self.factors[rows], self.exponents[rows], self.cut_pu[rows], self.plain[rows], self.inverter[rows],
            self.settings,
        )  # fmt: skip

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """In the order the kernels take them."""
        return self.factors, self.exponents, self.cut_pu, self.plain, self.inverter, self.settings

    def current(self, p_w: Float, q_var: Float, v: Complex) -> Complex:
        """(m, k) currents at (m, k) voltages and nominal powers [A]; ValueError if k is more than `LANES`."""
        if v.shape[1] > LANES or not p_w.shape == q_var.shape == v.shape:
            raise ValueError(f"asks for (m, k <= {LANES}) thrice, got {p_w.shape}, {q_var.shape}, {v.shape}")
        p, q = (np.ascontiguousarray(a, dtype=np.float64) for a in (p_w, q_var))
        out = np.empty(v.shape, dtype=np.complex128)
        run: Callable[..., None] = law_kernels.injector_currents
        run(p, q, self.arrays(), np.ascontiguousarray(v, dtype=np.complex128), out)
        return out

    def tangent(self, p_w: Float, q_var: Float, v: Complex, *, kink_pu: float = KINK_PU) -> Float:
        """(m, 4) derivative of the current's parts by the voltage's at v (m,).

        From I = y(u) V: dI = y dV + V y'(u) du, du = Re(conj(V) dV) / (|V| v_nom). Taken on the branch that v lies on:
        a difference quotient across a jump between branches would be no slope at all. An inverter's law has kinks but
        no jumps; its slope is a difference quotient over `kink_pu` to either side, which serves all voltages near.
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
        turn = np.where(self.inverter >= 0, self._difference(p_w, q_var, v, u, kink_pu) / u, turn)
        by_re, by_im = y + turn * v.real, 1j * y + turn * v.imag
        return np.stack([by_re.real, by_im.real, by_re.imag, by_im.imag], axis=1)

    def _difference(self, p_w: Float, q_var: Float, v: Complex, u: Float, step_pu: float) -> Complex:
        """(m,) y'(u) V / v_nom^2 by a central difference."""
        if not len(self.settings):
            return np.zeros_like(v)
        beside = np.stack([1.0 + step_pu / u, 1.0 - step_pu / u], axis=1) * v[:, None]
        y = self.current(p_w[:, None].repeat(2, axis=1), q_var[:, None].repeat(2, axis=1), beside) / np.where(
            beside == 0, 1.0, beside
        )
        return np.asarray((y[:, 0] - y[:, 1]) / (2.0 * step_pu) * v * self.factors[:, 0] ** 2)

    @staticmethod
    def _rise(u: Float, low: Float, least: Float, floor: Float, branch: Float) -> Float:
        """f'(u) of one factor f; see `law_kernels.injector_current` for its branches."""
        a, _, _, i, s = branch
        inside = np.where(u * floor <= 1.0, -i / u**2 - 2.0 * s / u**3, 0.0)
        between = np.where(u > low, -a / u**2, 0.0)
        return np.where((u > least) & (u > low), inside, between)


def _settings(inverters: Inverters) -> Float:
    """(k, 21) of the kernels: rating, first, absorb, inject [VA], ratio, four voltages, four reactive powers and
    three slopes of volt-var [VA], two voltages, two powers and the slope of volt-watt [W]."""
    v, q = np.moveaxis(inverters.volt_var, 2, 0)
    w, p = np.moveaxis(inverters.volt_watt, 2, 0)
    rating, rated = inverters.rating_va[:, None], inverters.rated_w[:, None]
    q = np.where(inverters.q_per_p[:, None] == 0.0, q * rating, 0.0)
    p = np.minimum(p, 1e3) * rated  # a limit far above the rating is none
    slopes = [
        np.divide(np.diff(y), np.diff(x), out=np.zeros_like(np.diff(x)), where=np.diff(x) > 0.0)
        for x, y in ((v, q), (w, p))
    ]
    limits = np.stack([inverters.q_first, inverters.q_absorb, inverters.q_inject], axis=1) * rating
    columns = [rating, limits, inverters.q_per_p[:, None], v, q, slopes[0], w, p, slopes[1]]
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


def _shares(injectors: Injectors) -> tuple[Float, Float]:
    """(m, 3) shares of impedance, current and power for P and for Q; those that hold at the edges of the band where an
    exponent holds inside."""
    impedance, current, power = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    fixed = {
        LoadModel.POWER: (power, power),
        LoadModel.IMPEDANCE: (impedance, impedance),
        LoadModel.EXPONENT: (power, power),
        LoadModel.CURRENT: (current, current),
        LoadModel.FIXED_Q: (power, impedance),
        LoadModel.FIXED_X: (power, impedance),
    }
    p, q = injectors.zip_p.astype(np.float64), injectors.zip_q.astype(np.float64)
    for model, rows in fixed.items():
        p[injectors.model == model], q[injectors.model == model] = rows
    return p, q
