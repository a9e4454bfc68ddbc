"""Line constants against published matrices."""

from __future__ import annotations

import numpy as np

from cosim.electrical.carson import reduce_neutral
from cosim.feeder.line_constants import concentric_neutral, overhead
from cosim.feeder.line_types import (
    FOOT,
    INCH,
    TRENCH_SPACING_FT,
    conductor,
    overhead_type,
    triplex_type,
)

MILE = 1609.344


def test_overhead_three_phase_matches_ieee_13_configuration_601() -> None:
    """Published: IEEE 13 node test feeder, configuration 601, 556.5 ACSR phases B A C, 4/0 ACSR neutral."""
    line = overhead_type("acsr-556", "acsr-4-0", 3)
    z = line.z_ohm_per_m * MILE
    published = np.array(  # in the order of positions (B, A, C)
        [
            [0.3375 + 1.0478j, 0.1560 + 0.5017j, 0.1535 + 0.3849j],
            [0.1560 + 0.5017j, 0.3465 + 1.0179j, 0.1580 + 0.4236j],
            [0.1535 + 0.3849j, 0.1580 + 0.4236j, 0.3414 + 1.0348j],
        ]
    )
    np.testing.assert_allclose(z, published, atol=1.5e-4)
    b = line.y_siemens_per_m.imag * MILE * 1e6
    published_b = [[5.9597, -1.9958, -0.7417], [-1.9958, 6.2998, -1.2595], [-0.7417, -1.2595, 5.6386]]
    np.testing.assert_allclose(b, published_b, atol=0.02)


def test_overhead_three_phase_matches_kersting_example_4_1() -> None:
    z = overhead_type("acsr-336", "acsr-4-0", 3).z_ohm_per_m * MILE
    published = [
        [0.4576 + 1.0780j, 0.1560 + 0.5017j, 0.1535 + 0.3849j],
        [0.1560 + 0.5017j, 0.4666 + 1.0482j, 0.1580 + 0.4236j],
        [0.1535 + 0.3849j, 0.1580 + 0.4236j, 0.4615 + 1.0651j],
    ]
    np.testing.assert_allclose(z, published, atol=1e-4)


def test_overhead_single_phase_matches_ieee_13_configuration_605() -> None:
    line = overhead_type("acsr-1-0", "acsr-1-0", 1)
    np.testing.assert_allclose(line.z_ohm_per_m * MILE, [[1.3292 + 1.3475j]], atol=1.5e-4)
    np.testing.assert_allclose(line.y_siemens_per_m.imag * MILE * 1e6, [[4.5193]], atol=0.02)


def test_cable_matches_ieee_13_configuration_606() -> None:
    spacing = FOOT * TRENCH_SPACING_FT * np.arange(3)
    z, y = concentric_neutral(conductor("cable-250"), conductor("copper-14"), 13, 1.29 * INCH, spacing)
    published = np.array(
        [
            [0.7982 + 0.4463j, 0.3192 + 0.0328j, 0.2849 - 0.0143j],
            [0.3192 + 0.0328j, 0.7891 + 0.4041j, 0.3192 + 0.0328j],
            [0.2849 - 0.0143j, 0.3192 + 0.0328j, 0.7982 + 0.4463j],
        ]
    )
    np.testing.assert_allclose(z * MILE, published, atol=3e-4)
    np.testing.assert_allclose(np.diag(y).imag * MILE * 1e6, 96.8897, rtol=2e-3)


def test_triplex_matches_table() -> None:
    """4/0: Kron z11 and z12 and the leg-to-leg loop, ohm per 1000 ft, from the same conductor data."""
    z = triplex_type("triplex-4-0", False).z_ohm_per_m * 1000 * FOOT
    reduced = reduce_neutral(z, 2)
    np.testing.assert_allclose(reduced[0, 0], 0.1572 + 0.0707j, atol=2e-4)
    np.testing.assert_allclose(reduced[0, 1], 0.0665 + 0.0413j, atol=2e-4)
    np.testing.assert_allclose(2 * (z[0, 0] - z[0, 1]), 0.1814 + 0.0589j, atol=2e-4)


def test_lossless_overhead_line_travels_at_the_speed_of_light() -> None:
    """A single wire high above a perfect earth: L C = mu0 eps0 with the internal inductance left out."""
    wire = conductor("acsr-1-0")
    height = np.array([29.0]) * FOOT
    _, y = overhead((wire,), np.zeros(1), height, 1)
    inductance = 2e-7 * np.log(2 * height[0] / (wire.diameter_m / 2))
    capacitance = y[0, 0].imag / (2 * np.pi * 60)
    assert abs(1 / np.sqrt(inductance * capacitance) / 299792458.0 - 1) < 1e-6
