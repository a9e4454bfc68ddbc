"""The law of a capacitor control: every mode, both directions, the override."""

from __future__ import annotations

import numpy as np
import pytest

from cosim.devices.capacitor import CapacitorControl, Mode, Seen

NAN = float("nan")


def seen(
    volts: float = 120.0, amps: float = 0.0, va: complex = 0j, hour: float = 12.0, air_c: float = 20.0
) -> Seen:
    return Seen(
        np.array([volts]), np.array([amps]), np.array([va]), np.array([hour]), np.array([air_c]),
        np.array([volts > 0.0]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "on", "off", "more", "less", "neither"),
    [
        (Mode.VOLTAGE, 118.0, 124.0, seen(117.9), seen(124.1), seen(120.0)),
        (Mode.CURRENT, 300.0, 200.0, seen(amps=301.0), seen(amps=199.0), seen(amps=250.0)),
        (Mode.KVAR, 150.0, -225.0, seen(va=151e3j), seen(va=-226e3j), seen(va=0j)),
        (Mode.PF, 0.95, -0.98, seen(va=900e3 + 436e3j), seen(va=900e3 - 300e3j), seen(va=900e3 + 0j)),
        (Mode.TIME, 7.0, 21.0, seen(hour=7.0), seen(hour=21.0), None),
        (Mode.TIME, 21.0, 7.0, seen(hour=2.0), seen(hour=12.0), None),
        (Mode.TEMPERATURE, 30.0, 25.0, seen(air_c=31.0), seen(air_c=24.0), seen(air_c=27.0)),
    ],
)
def test_modes(mode: Mode, on: float, off: float, more: Seen, less: Seen, neither: Seen | None) -> None:
    control = CapacitorControl(mode, on, off, steps=2, step_kvar=300.0)
    assert [control.wanted_step(more, n)[0] for n in (0, 1, 2)] == [1, 1, 0]
    assert [control.wanted_step(less, n)[0] for n in (0, 1, 2)] == [0, -1, -1]
    if neither is not None:
        assert [control.wanted_step(neither, n)[0] for n in (0, 1, 2)] == [0, 0, 0]


def test_voltage_override_goes_before_the_mode() -> None:
    control = CapacitorControl(Mode.KVAR, 150.0, -225.0, 1, 300.0, v_min=115.0, v_max=126.0)
    assert control.wanted_step(seen(114.0, va=0j), 0)[0] == 1
    assert control.wanted_step(seen(114.0, va=-300e3j), 0)[0] == 1
    assert control.wanted_step(seen(127.0, va=300e3j), 1)[0] == -1
    assert control.wanted_step(seen(120.0, va=300e3j), 0)[0] == 1
    assert CapacitorControl(Mode.KVAR, 150.0, -225.0, 1, 300.0).wanted_step(seen(1.0), 0)[0] == 0


def test_by_power_factor_no_step_goes_on_for_a_trifle() -> None:
    control = CapacitorControl(Mode.PF, 0.95, 1.02, steps=1, step_kvar=300.0)
    assert control.wanted_step(seen(va=100e3 + 149e3j), 0)[0] == 0
    assert control.wanted_step(seen(va=100e3 + 151e3j), 0)[0] == 1


def test_without_supply_nothing_is_done() -> None:
    control = CapacitorControl(Mode.VOLTAGE, 118.0, 124.0, 1, 300.0)
    assert control.wanted_step(seen(0.0), 0)[0] == 0
