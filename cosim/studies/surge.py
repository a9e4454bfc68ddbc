"""A surge off the clock: the combination wave of UL 1449 through a service into a product's varistors.

The generator is one circuit, a capacitor behind a pulse-shaping network,

    C dv/dt = -v / R1 - i,      L di/dt = v - Rm i - u,      u = R2 (i - j)

whose six numbers follow from the six that define the wave: 6 kV of 1.2/50 us open, 3 kA of 8/20 us short (IEEE
C62.41.2, IEC 61000-4-5). The service and the clamp's leads are in series, (Ls + Ll) dj/dt = u - Rs j - V(j), with V the
varistors' voltage at a current. Nothing else hangs on the home: loads would lower what is found here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from cosim import library
from cosim.electrical.circuit import Float
from cosim.errors import LibraryError, Problem
from cosim.varistor_entry import VaristorEntry

PEAK_V, PEAK_A = 6000.0, 3000.0  # UL 1449, combination wave for voltage protection ratings
WAVE = (PEAK_V, 1.2e-6, 50e-6, PEAK_A, 8e-6, 20e-6)
GENERATOR = (6362.62967, 5.93021763e-6, 20.1537139, 26.1509848, 0.814116604, 1.08708583e-5)
"""Charge [V], C [F], R1, R2, Rm [ohm] and L [H] whose wave is `WAVE`, found by least squares."""
VPR_V = (330, 400, 500, 600, 700, 800, 900, 1000, 1200, 1500, 1800, 2000, 2500, 3000, 4000, 5000, 6000)
"""Classes of voltage protection ratings (UL 1449, third edition): the next above what is measured."""
UL_LEADS_UH = 0.15  # 6 in. of lead at 1 uH a metre: where UL 1449 measures
DURATION_S = 120e-6
SERVICE_OHM, SERVICE_UH = 0.02, 12.0
"""From the transformer to the meter: 30 m of triplex at 0.4 uH/m of loop, its direct resistance; estimate."""


@dataclass(frozen=True)
class Wave:
    """What stands behind a service during one surge.

    Parameters
    ----------
    seconds, volts, amperes
        (t,) time, voltage at the product's terminals (leads included) and current through it.
    """

    seconds: Float
    volts: Float
    amperes: Float

    @property
    def peak_v(self) -> float:
        """Largest voltage: what is let through."""
        return float(self.volts.max())

    @property
    def peak_a(self) -> float:
        """Largest current."""
        return float(self.amperes.max())

    @property
    def energy_j(self) -> float:
        """Energy that went into the clamp."""
        return float(np.trapezoid(self.volts * self.amperes, self.seconds))


@dataclass(frozen=True)
class Surge:
    """What a product lets through.

    Parameters
    ----------
    adapter, evidence
        Which, and "clamp", "none" (it has no surge protection) or "missing" (it is said to have one, or nothing is
        said, and no varistor's data was found).
    let_through_v, highest_v
        At the home behind the service, with the nominal varistor and at the upper end of its tolerance; the
        generator's open-circuit voltage where nothing clamps; NaN where evidence is missing.
    vpr_v
        Rating class by its own clamp at UL's 6 in. of lead, no service; NaN without a clamp.
    current_a, energy_j
        Through one leg's varistors, and into them.
    energy_share, current_share
        Of what its varistors bear once.
    source
        Who says that it protects or does not.
    """

    adapter: str
    evidence: str
    let_through_v: float
    highest_v: float
    vpr_v: float
    current_a: float
    energy_j: float
    energy_share: float
    current_share: float
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what is not known is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def varistor_v(entry: VaristorEntry, amperes: Float, parallel: float = 1.0, factor: float = 1.0) -> Float:
    """Voltage at a current through `parallel` equal varistors; odd, and linear below a milliampere."""
    b1, b2, b3, b4 = entry.lg_volts
    each = np.abs(amperes) / parallel
    lg = np.log10(np.maximum(each, 1e-3))
    v = 10.0 ** (b1 + b2 * lg + b3 * np.exp(-lg) + b4 * np.exp(lg))
    return np.asarray(factor * v * np.minimum(each / 1e-3, 1.0) * np.sign(amperes))


def wave(
    entry: VaristorEntry | None = None,
    *,
    parallel: float = 1.0,
    factor: float = 1.0,
    leads_uh: float = 0.0,
    service_ohm: float = 0.0,
    service_uh: float = 0.0,
    shorted: bool = False,
) -> Wave:
    """Fire the generator: into varistors behind a service, into a short circuit, or into nothing.

    Parameters
    ----------
    entry, parallel, factor, leads_uh
        Varistors, how many side by side, their place in the tolerance, their leads and own inductance.
    service_ohm, service_uh
        In series; of no effect without current.
    shorted
        Whether the terminals are joined behind the service.
    """
    charge, c, r1, r2, rm, inductance = GENERATOR
    seconds = np.linspace(0.0, DURATION_S, 2401)
    if entry is None and not (shorted and service_uh > 0.0):
        a = np.array(
            [[-1.0 / (r1 * c), -1.0 / c], [1.0 / inductance, -(rm + (0.0 if shorted else r2)) / inductance]]
        )
        rates, modes = np.linalg.eig(a)
        share = np.linalg.solve(modes, np.array([charge, 0.0], dtype=np.complex128))
        i = np.real(modes[1] * share @ np.exp(np.outer(rates, seconds)))
        zero = np.zeros_like(seconds)
        return Wave(seconds, zero, i) if shorted else Wave(seconds, r2 * i, zero)
    series_h = 1e-6 * (service_uh + leads_uh)

    def across(j: Float) -> Float:
        return np.zeros_like(j) if entry is None else varistor_v(entry, j, parallel, factor)

    def slope(_: float, state: Float) -> Float:
        v, i, j = state
        u = r2 * (i - j)
        dj = (u - service_ohm * j - float(across(np.array(j)))) / series_h
        return np.array([-v / (r1 * c) - i / c, (v - rm * i - u) / inductance, dj])

    done = solve_ivp(
        slope, (0.0, DURATION_S), [charge, 0.0, 0.0], method="LSODA", t_eval=seconds, rtol=1e-7, atol=1e-6
    )
    if not done.success:
        raise RuntimeError(f"the surge was not integrated: {done.message}")
    i, j = done.y[1:]
    dj = (r2 * (i - j) - service_ohm * j - across(j)) / series_h
    return Wave(seconds, across(j) + 1e-6 * leads_uh * dj, j)


def shape(seconds: Float, values: Float, low: float, front: float) -> tuple[float, float, float]:
    """Peak, front time and time to half value of a wave (IEC 60060-1).

    The front is `front` times the time from `low` to 0.9 of the peak; the virtual origin is where the line through
    these points crosses zero. 0.3 and 1.67 for a voltage, 0.1 and 1.25 for a current.
    """
    top = int(np.argmax(values))
    peak = float(values[top])
    early, late = np.interp(np.array([low, 0.9]) * peak, values[: top + 1], seconds[: top + 1])
    rise = front * (late - early)
    after = top + int(np.argmax(values[top:] < 0.5 * peak))
    half = np.interp(-0.5 * peak, -values[after - 1 : after + 1], seconds[after - 1 : after + 1])
    return peak, float(rise), float(half - (early - low * rise))


@cache
def surge(adapter: str, service_ohm: float = SERVICE_OHM, service_uh: float = SERVICE_UH) -> Surge:
    """What a product of the library lets through, behind a service of that impedance.

    Raises
    ------
    LibraryError
        No such product, or an impedance that no service has.
    """
    wrong = [
        Problem(f"should be a number from 0 to {most:g}", key=key, value=f"{value:g}")
        for key, value, most in (("service_ohm", service_ohm, 100.0), ("service_uh", service_uh, 10_000.0))
        if not 0.0 <= value <= most
    ]
    if wrong:
        raise LibraryError(wrong)
    entry = library.load("adapters", adapter)
    said = None if entry.protections is None else entry.protections.surge
    source = "" if said is None else said.source
    nan = float("nan")
    if entry.clamp is None:
        if said is not None and said.has == "no":
            return Surge(adapter, "none", wave().peak_v, wave().peak_v, nan, 0.0, 0.0, 0.0, 0.0, source)
        return Surge(adapter, "missing", nan, nan, nan, nan, nan, nan, nan, source)
    part = library.load("varistors", entry.clamp.varistor)
    count = entry.clamp.parallel.value
    own_uh = part.inductance_uh.value / count
    leads_uh = entry.clamp.leads_uh.value + own_uh
    served = partial(
        wave, part, parallel=count, leads_uh=leads_uh, service_ohm=service_ohm, service_uh=service_uh
    )
    behind, most = served(), served(factor=1.0 + part.tolerance.value)
    bench = wave(part, parallel=count, leads_uh=UL_LEADS_UH + leads_uh)
    return Surge(
        adapter, "clamp", behind.peak_v, most.peak_v, voltage_protection_rating(bench.peak_v), behind.peak_a,
        behind.energy_j, behind.energy_j / (count * part.energy_j.value), behind.peak_a / (count * part.peak_a.value),
        part.curve_source,
    )  # fmt: skip


def voltage_protection_rating(volts: float) -> float:
    """Class of a measured limiting voltage: the next above; NaN beyond 6 kV."""
    return float(next((level for level in VPR_V if volts <= level), math.nan))
