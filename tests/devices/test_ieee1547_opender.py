"""EPRI's OpenDER beside the fleet: trip and ride-through sequences, volt-var, volt-watt and droop within 1 %."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cosim import library
from cosim.devices.ieee1547 import GridProfile, Ieee1547Fleet
from cosim.devices.inverter import VOLT_VAR_B, VOLT_WATT, InverterSettings

opender = pytest.importorskip("opender", reason="needs opender")
RATED = 7600.0
Float = NDArray[np.float64]
OFF = InverterSettings()
ALL = InverterSettings(volt_var=VOLT_VAR_B, volt_watt=VOLT_WATT)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """OpenDER warns of every setting that is not its default."""
    step, level = opender.DER.t_s, logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(level)
    opender.DER.t_s = step


def peer(
    category: str, setting: InverterSettings, v: Float, hz: Float, available: float, step_s: float
) -> tuple[Float, Float, list[str]]:
    """Active and reactive power [pu] at the end of each step, and status."""
    form: Any = opender.DERCommonFileFormat(
        NP_NORMAL_OP_CAT="CAT_B", NP_P_MAX=RATED, NP_VA_MAX=RATED, NP_Q_MAX_INJ=0.44 * RATED,
        NP_Q_MAX_ABS=0.44 * RATED, NP_AC_V_NOM=240.0, NP_PHASE="SINGLE", NP_ABNORMAL_OP_CAT=f"CAT_{category}",
    )  # fmt: skip
    form.QV_MODE_ENABLE = setting.volt_var is not None
    form.PV_MODE_ENABLE = setting.volt_watt is not None
    form.PV_CURVE_P2 = 0.2
    form.PF_MODE_ENABLE = True
    form.NP_PRIO_OUTSIDE_MIN_Q_REQ = "ACTIVE"
    opender.DER.t_s = step_s
    der = opender.DER_PV(form)
    p, q, status = np.zeros(len(v)), np.zeros(len(v)), []
    for s in range(len(v)):
        der.update_der_input(p_dc_w=available * RATED, v=float(v[s]) * 240.0, f=float(hz[s]))
        der.run()
        p[s], q[s] = der.p_out_w / RATED, der.q_out_var / RATED
        status.append(der.der_status)
    return p, q, status


def both(
    category: str,
    setting: InverterSettings,
    v: Float,
    hz: Float | float = 60.0,
    *,
    available: float,
    step_s: float,
) -> tuple[Float, Float, float, float]:
    """Largest differences of P and Q by step [pu], and both times of the first trip [s], infinite for none."""
    f = np.broadcast_to(np.asarray(hz, dtype=np.float64), v.shape)
    p, q, status = peer(category, setting, v, f, available, step_s)
    profile = GridProfile.of(library.load("grid-profiles", f"ieee1547-2018-{category.lower()}"))
    own = Ieee1547Fleet([profile], [setting], np.array([RATED]))
    full = np.full((1, len(v)), available * RATED)
    steps = np.full(len(v), round(step_s * 1e6), dtype=np.int64)
    block = own.advance(own.initial(full[:, 0], v[0]), v[None], f, full, steps, parallel=False)
    trips = [s for s, text in enumerate(status) if text == "Trip"]
    peer_s = (trips[0] + 1) * step_s if trips else np.inf
    own_s = block.trip_us[0] / 1e6 if block.trip_us[0] >= 0 else np.inf
    return np.abs(block.p_w[0] / RATED - p), np.abs(block.q_var[0] / RATED - q), own_s, peer_s


def steps_of(*parts: tuple[float, float], step_s: float) -> Float:
    """Values held for so many seconds each."""
    return np.concatenate([np.full(round(seconds / step_s), value) for value, seconds in parts])


@pytest.mark.parametrize("category", ["I", "II", "III"])
def test_trip_times_over_all_voltages(category: str) -> None:
    for pu in (
        0.1,
        0.29,
        0.31,
        0.44,
        0.45,
        0.46,
        0.49,
        0.51,
        0.66,
        0.69,
        0.71,
        0.87,
        0.89,
        1.09,
        1.11,
        1.19,
        1.21,
    ):
        v = steps_of((1.0, 1.0), (pu, 23.0), step_s=0.02)
        _, _, own_s, peer_s = both(category, OFF, v, available=0.8, step_s=0.02)
        # OpenDER sums its steps in floating point, which may take one more.
        assert peer_s == own_s or -1e-9 <= peer_s - own_s <= 0.02 + 1e-9, pu


@pytest.mark.parametrize("category", ["I", "II", "III"])
def test_a_sequence_of_dips_and_swells(category: str) -> None:
    """Dips that all categories ride through or cease in, then one that trips: power within 0.1 % up to there."""
    v = steps_of(
        (1.0, 5.0), (0.9, 5.0), (0.75, 0.5), (1.0, 10.0), (1.12, 0.5), (1.0, 5.0), (0.4, 0.1), (0.95, 10.0), (0.2, 3.0),
        step_s=0.02,
    )  # fmt: skip
    p, q, own_s, peer_s = both(category, ALL, v, available=0.8, step_s=0.02)
    assert own_s == pytest.approx(peer_s, abs=1e-9)
    late = np.arange(len(v)) * 0.02 >= own_s - 0.03
    assert max(p[~late].max(), q[~late].max()) < 0.001
    assert p[late][3:].max() == 0.0


def test_volt_var_and_volt_watt_trajectories() -> None:
    v = steps_of((1.0, 5.0), (1.05, 30.0), (0.94, 30.0), (1.075, 30.0), (1.0, 25.0), step_s=0.05)
    for setting, available in ((InverterSettings(volt_var=VOLT_VAR_B), 0.7), (ALL, 0.95), (ALL, 0.3)):
        p, q, own_s, peer_s = both("III", setting, v, available=available, step_s=0.05)
        assert max(p.max(), q.max()) < 0.001
        assert own_s == peer_s == np.inf


def test_droop_trajectories() -> None:
    hz = steps_of(
        (60.0, 5.0), (60.6, 30.0), (60.0, 30.0), (59.5, 20.0), (61.1, 20.0), (60.02, 20.0), step_s=0.05
    )
    p, _, own_s, peer_s = both("III", OFF, np.ones(len(hz)), hz, available=0.8, step_s=0.05)
    assert p.max() < 0.001
    assert own_s == peer_s == np.inf


def test_return_to_service() -> None:
    """A trip, five minutes' wait, five minutes' ramp: within 1 % but for the steps of trip and return."""
    v = steps_of((1.0, 10.0), (0.6, 40.0), (1.0, 200.0), (1.06, 20.0), (1.02, 700.0), step_s=0.5)
    for setting in (OFF, InverterSettings(volt_var=VOLT_VAR_B)):
        p, q, own_s, peer_s = both("III", setting, v, available=0.8, step_s=0.5)
        assert own_s == peer_s == 31.0
        assert (p > 0.01).sum() <= 2
        assert (q > 0.01).sum() <= 2
