"""Compiled kernels calculate what the same Python does without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plain_solutions
import pytest

from cosim.electrical.lane_kernels import FEW, LANES
from cosim.electrical.voltage_laws import VoltageLaws

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """The module's results with Numba's compiler off, which only a process of its own can have."""
    path = tmp_path_factory.mktemp("plain") / "found.npz"
    command = [sys.executable, plain_solutions.__file__, str(path)]
    done = subprocess.run(
        command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with np.load(Path(path)) as found:
        return dict(found)


def test_currents_of_every_law_and_inverter(interpreted: Arrays) -> None:
    """To the bit where no product is fused with a sum; constant power, where it may be, to 1e-14."""
    for name, compiled in plain_solutions.laws().items():
        plain = interpreted[name]
        if not name.startswith("law"):
            continue
        fused = interpreted[name.replace("law", "plain")]
        inverter = np.arange(len(compiled)) % 3 == 2
        assert np.array_equal(compiled[inverter], plain[inverter]), name
        assert np.abs(compiled[inverter]).max() > 1.0
        np.testing.assert_allclose(compiled[~fused], plain[~fused], rtol=1e-14, err_msg=name)
        np.testing.assert_allclose(
            compiled[fused], plain[fused], rtol=1e-14, atol=1e-14 * np.abs(plain[fused]).max(), err_msg=name
        )


def test_solutions(interpreted: Arrays) -> None:
    """Tight ones to 1e-14 of the voltage; where single precision has the last word its rounding shows."""
    for name, compiled in plain_solutions.solutions().items():
        plain = interpreted[name]
        if name.startswith("iterations"):
            assert np.abs(compiled - plain).max() <= 1, name  # rounding may decide the last one
            continue
        near = 1e-14 if name.endswith("1e-12") else 1e-9
        if name.startswith("current"):
            near *= 10.0  # differences of voltages over small impedances
        np.testing.assert_allclose(compiled, plain, rtol=0.0, atol=near * np.abs(plain).max(), err_msg=name)


def test_few_voltages_give_the_bits_of_many() -> None:
    """Few steps stand in narrower lanes."""
    for number, mode in enumerate(plain_solutions.MODES):
        circuit = plain_solutions.solar(31 + number, mode)
        injectors, rng = circuit.injectors, np.random.default_rng(number)
        shape = len(injectors), LANES
        v = (
            rng.uniform(0.02, 1.3, shape)
            * injectors.v_nom[:, None]
            * np.exp(1j * rng.uniform(0.0, 6.0, shape))
        )
        scale = rng.uniform(0.0, 1.4, shape)
        p, q = injectors.p_w[:, None] * scale, injectors.q_var[:, None] * scale
        laws = VoltageLaws.of(injectors, circuit.inverters)
        many = laws.current(p, q, v)
        with pytest.raises(ValueError, match="k <= 32"):
            laws.current(*(np.repeat(a, 2, axis=1) for a in (p, q, v)))
        for first, last in ((0, 1), (5, 5 + FEW), (3, 4 + FEW)):
            few = laws.current(p[:, first:last], q[:, first:last], v[:, first:last])
            assert np.array_equal(few, many[:, first:last])
