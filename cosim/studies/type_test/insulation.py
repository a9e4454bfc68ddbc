"""Clearances and creepage distances: tables of IEC 60664-1, and Paschen's law as the floor below them.

The tables were checked against public copies: clearances, altitude and impulse voltages in KiCad's calculator
(pcb_calculator, iec60664.cpp, "based on IEC 60664-1:2020"), creepage distances in the technical section of WAGO's
catalogue (2015, extract of Table F.4, which the edition of 2020 numbers F.5). The standard itself was not read.
Lengths in metres, voltages in volts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cosim.entries import Confidence

Group = Literal["I", "II", "IIIa", "IIIb"]

CLEARANCES = "IEC 60664-1:2020 Tables F.2, F.8 and A.2, as in KiCad's pcb_calculator (iec60664.cpp)"
CREEPAGES = "IEC 60664-1 Table F.4 (F.5 in 2020), as in WAGO, Rail-mounted terminal blocks 2015, p. 594"


@dataclass(frozen=True)
class Table:
    """Distances [mm] by voltage, read between the rows by straight lines."""

    name: str
    source: str
    confidence: Confidence
    volts: tuple[float, ...]
    millimetres: tuple[float, ...]

    def metres(self, volts: float) -> float:
        """Distance for a voltage.

        Raises
        ------
        ValueError
            If the voltage lies above the table.
        """
        if volts > self.volts[-1]:
            raise ValueError(f"{self.name} ends at {self.volts[-1]:g} V, below {volts:g} V")
        return 1e-3 * float(np.interp(volts, self.volts, self.millimetres))


# Case A, inhomogeneous field, up to 2,000 m: peak of a steady or temporary voltage that the gap must withstand.
WITHSTAND = Table(
    "clearance to withstand a peak voltage, inhomogeneous field",
    CLEARANCES,
    "stated",
    (330, 400, 500, 600, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10000),
    (0.01, 0.02, 0.04, 0.06, 0.13, 0.26, 0.42, 0.76, 1.27, 1.8, 2.4, 3.8, 5.7, 7.9, 11.0, 15.2),
)
# Case A: impulse 1.2/50 us.
IMPULSE = Table(
    "clearance to withstand an impulse, inhomogeneous field",
    CLEARANCES,
    "stated",
    (330, 400, 500, 600, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10000, 12000),
    (0.01, 0.02, 0.04, 0.06, 0.10, 0.15, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.5, 8.0, 11.0, 14.0),
)
LEAST_CLEARANCE_M: Mapping[int, float] = {1: 0.0, 2: 0.2e-3, 3: 0.8e-3, 4: 1.6e-3}  # by pollution degree
# Rated impulse voltage of equipment at the origin of the installation (overvoltage category IV), by volts to earth.
CATEGORY_IV: Mapping[float, float] = {50: 1500, 100: 2500, 150: 4000, 300: 6000, 600: 8000, 1000: 12000}
ALTITUDE_M = (2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 15000, 20000)
ALTITUDE_FACTOR = (1.0, 1.14, 1.29, 1.48, 1.70, 1.95, 2.25, 2.62, 3.02, 6.67, 14.5)

_VOLTS = (10, 25, 32, 40, 50, 63, 80, 100, 125, 160, 200, 250, 320, 400, 500, 630, 800, 1000)
_CREEPAGE_MM: Mapping[tuple[int, str], tuple[float, ...]] = {
    (1, ""): (0.08, 0.125, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.28, 0.32, 0.42, 0.56, 0.75, 1.0, 1.3, 1.8, 2.4, 3.2),
    (2, "I"): (0.4, 0.5, 0.53, 0.56, 0.6, 0.63, 0.67, 0.71, 0.75, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0),
    (2, "II"): (0.4, 0.5, 0.53, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.4, 1.8, 2.2, 2.8, 3.6, 4.5, 5.6, 7.1),
    (2, "III"): (0.4, 0.5, 0.53, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0, 10.0),
    (3, "I"): (1.0, 1.25, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5),
    (3, "II"): (1.0, 1.25, 1.3, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.8, 3.6, 4.5, 5.6, 7.1, 9.0, 11.0, 14.0),
    (3, "III"): (1.0, 1.25, 1.3, 1.8, 1.9, 2.0, 2.1, 2.2, 2.4, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5, 16.0),
}  # fmt: skip


MAINS_SHARE = 1.04  # no mains of Tables F.3 (to 600 V) lies further above the voltage that stands for it


def rationalized_v(mains_v: float) -> float:
    """Voltage of the creepage table that stands for a mains voltage: 250 V for 240, 200 for 208, 125 for 120.

    IEC 60664-1 Tables F.3a and F.3b, as in Weidmueller's catalogue of terminal blocks 2012, W.12.
    """
    return next((volts for volts in _VOLTS if mains_v <= MAINS_SHARE * volts), mains_v)


def creepage_m(mains_v: float, pollution_degree: int, group: Group) -> float:
    """Creepage distance for basic insulation at a mains voltage; raises `ValueError` where the tables give none."""
    volts_rms = rationalized_v(mains_v)
    if pollution_degree >= 4:
        raise ValueError("no creepage distance in the tables for pollution degree 4: persistent conduction")
    key = (1, "") if pollution_degree == 1 else (pollution_degree, group.rstrip("ab"))
    if key == (3, "III") and group == "IIIb" and volts_rms > 630.0:
        raise ValueError("material group IIIb is not for pollution degree 3 above 630 V")
    return Table(f"creepage distance, pollution degree {pollution_degree}", CREEPAGES, "stated", _VOLTS,
                 _CREEPAGE_MM[key]).metres(volts_rms)  # fmt: skip


def altitude_factor(altitude_m: float) -> float:
    """What clearances are multiplied with; 1 up to 2,000 m."""
    return float(np.interp(altitude_m, ALTITUDE_M, ALTITUDE_FACTOR))


def impulse_v(volts_to_earth: float) -> float:
    """Rated impulse voltage in overvoltage category IV."""
    return next(impulse for volts, impulse in CATEGORY_IV.items() if volts_to_earth <= volts)


# Townsend's constants of air [1/(Pa m), V/(Pa m)] and the secondary yield of metals; textbook values
# (Y. P. Raizer, Gas Discharge Physics, 1991: A = 15 /(cm Torr), B = 365 V/(cm Torr), yield 0.01).
TORR_PA = 133.322
PASCHEN_A, PASCHEN_B, YIELD = 15.0 * 100.0 / TORR_PA, 365.0 * 100.0 / TORR_PA, 0.01
SEA_LEVEL_PA = 101325.0


def paschen_v(gap_m: float, pressure_pa: float = SEA_LEVEL_PA) -> float:
    """Peak voltage at which air between flat electrodes breaks down [V]; infinite left of the curve's pole."""
    pd = pressure_pa * gap_m
    below = math.log(PASCHEN_A * pd) - math.log(math.log(1.0 + 1.0 / YIELD)) if pd > 0.0 else -1.0
    return PASCHEN_B * pd / below if below > 0.0 else math.inf


def paschen_gap_m(peak_v: float, pressure_pa: float = SEA_LEVEL_PA) -> float:
    """Least gap that withstands a peak voltage between flat electrodes, right of Paschen's minimum; 0 below it.

    Raises
    ------
    ValueError
        If the voltage is no number above zero.
    """
    if not 0.0 < peak_v < math.inf:
        raise ValueError("a voltage above zero is needed")
    low = math.e * math.log(1.0 + 1.0 / YIELD) / (PASCHEN_A * pressure_pa)  # gap of the minimum
    if peak_v <= paschen_v(low, pressure_pa):
        return 0.0
    high = low
    while paschen_v(high, pressure_pa) < peak_v:
        high *= 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if paschen_v(middle, pressure_pa) < peak_v else (low, middle)
    return high


def pressure_pa(altitude_m: float) -> float:
    """Air pressure of the standard atmosphere (ISO 2533) below 11 km."""
    return SEA_LEVEL_PA * float((1.0 - 2.25577e-5 * min(altitude_m, 11000.0)) ** 5.25588)
