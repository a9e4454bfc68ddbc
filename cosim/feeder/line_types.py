"""The kinds of line a generated feeder is built of: conductors of models/ on stated structures."""

from __future__ import annotations

from functools import cache

import numpy as np

from cosim import library
from cosim.electrical.circuit import Complex
from cosim.feeder.line_constants import Conductor, LineType, concentric_neutral, overhead, triplex

FOOT, INCH = 0.3048, 0.0254

# Pole heads of the IEEE 13 node test feeder: spacing 500 (three phases on a crossarm, neutral below)
# and 510 (one phase): horizontal position and height in feet, the neutral last.
CROSSARM_FT = ((0.0, 29.0), (2.5, 29.0), (7.0, 29.0), (4.0, 25.0))
POLE_TOP_FT = ((0.5, 29.0), (0.0, 24.0))
TRENCH_SPACING_FT = 0.5  # spacing 515: three cables side by side, 6 in apart

# Concentric neutral cables: core entry -> number of #14 strands and diameter over them at 15 kV [in]
# (Kersting, appendix B).
CONCENTRIC = {"cable-1-0": (16, 1.06), "cable-250": (13, 1.29)}
# Insulation thickness by voltage class [in], 133 % level (ICEA S-94-649): 15, 25 and 35 kV.
INSULATION_IN = {15.0: 0.220, 25.0: 0.320, 35.0: 0.420}


@cache
def conductor(name: str) -> Conductor:
    """A conductor entry of models/conductors in SI units."""
    entry = library.load("conductors", name)
    return Conductor(
        entry.r_ohm_per_km.value / 1e3,
        entry.gmr_m.value,
        entry.diameter_m.value,
        entry.insulation_m.value,
        entry.ampacity_a.value,
    )


@cache
def overhead_type(phase: str, neutral: str, phases: int) -> LineType:
    """Bare line of one or three phases on its pole head."""
    wire, bare = conductor(phase), conductor(neutral)
    place = FOOT * np.array(CROSSARM_FT if phases == 3 else POLE_TOP_FT)
    z, y = overhead((wire,) * phases + (bare,), place[:, 0], place[:, 1], phases)
    return LineType(f"overhead-{phases}ph-{phase}", z, y, wire.ampacity_a)


@cache
def cable_type(core: str, phases: int, voltage_kv: float) -> LineType:
    """Concentric neutral cable of the voltage class that `voltage_kv` (line to line) needs."""
    level = min(kv for kv in INSULATION_IN if kv >= voltage_kv)
    strands, diameter_in = CONCENTRIC[core]
    diameter_in += 2.0 * (INSULATION_IN[level] - INSULATION_IN[15.0])
    spacing = FOOT * TRENCH_SPACING_FT * np.arange(phases, dtype=np.float64)
    z, y = concentric_neutral(conductor(core), conductor("copper-14"), strands, INCH * diameter_in, spacing)
    return LineType(f"{core}-{phases}ph-{level:g}kv", z, y, conductor(core).ampacity_a, cable=True)


@cache
def triplex_type(name: str, cable: bool) -> LineType:
    """Service drop with its neutral kept as a conductor; charging is negligible at 240 V."""
    wire = conductor(name)
    none: Complex = np.zeros((3, 3), dtype=np.complex128)
    return LineType(name, triplex(wire), none, wire.ampacity_a, cable)
