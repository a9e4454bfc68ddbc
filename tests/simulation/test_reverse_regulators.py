"""Regulators under reverse power and with inverse time, second by second beside the engine's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_control_days import TAIL, Loads, assert_same_day, run, study_of

MINUTES = 200
MASTER = """
clear
new circuit.case bus1=src basekv=12.47 pu=1.0 mvasc3=150 mvasc1=120
new transformer.r1 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.1 b.1] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r2 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.2 b.2] kvs=[7.2 7.2] %loadloss=0.01
new transformer.r3 phases=1 xhl=0.1 kvas=[2000 2000] buses=[src.3 b.3] kvs=[7.2 7.2] %loadloss=0.01
new line.l bus1=b bus2=far length=5 units=km r1=0.3 x1=0.6 r0=0.6 x0=1.6 c1=9 c0=4
new transformer.gang phases=3 xhl=4 kvas=[3000 3000] buses=[far low] kvs=[12.47 4.16] conns=[delta wye]
new load.low bus1=low phases=3 kv=4.16 kw=600 kvar=240 vminpu=0.8 vmaxpu=1.2
"""
LOADS = "\n".join(
    f"new load.h{n} bus1=far.{n % 3 + 1} phases=1 kv=7.2 kw={50 + 3 * n} kvar={15 + n} vminpu=0.7 vmaxpu=1.3"
    for n in range(15)
)
COMMON = "winding=2 vreg=122 band=2 ptratio=60 ctprim=200 r=3 x=6 tapdelay=1"
BACK = "revvreg=121 revband=2.4 revr=1 revx=2 revthreshold=60 revdelay=75"
CASES = {
    "reversible": f"reversible=yes {BACK}",
    "cogeneration": f"cogen=yes {BACK}",
    "neutral": f"reversible=yes revneutral=yes {BACK}",
    "cogeneration and neutral": f"cogen=yes revneutral=yes {BACK}",
    "inverse time": "inversetime=yes",
    "inverse time, reversible": f"inversetime=yes reversible=yes {BACK}",
    "by magnitudes": f"reversible=yes ldc_z=4 rev_z=3 {BACK}",
    "tap in the first winding": f"reversible=yes {BACK} tapwinding=1",
}


def swing(homes: int) -> np.ndarray:
    """Load, then more sun than load, then load: each home a little apart, in steps of some minutes."""
    minute = np.arange(MINUTES)
    rng = np.random.default_rng(9)
    wander = 1.0 + 0.15 * np.repeat(rng.standard_normal((homes, MINUTES // 8 + 1)), 8, axis=1)[:, :MINUTES]
    return np.asarray((0.9 - 2.2 * np.sin(np.pi * minute / MINUTES) ** 4) * wander)


def master_of(tmp_path: Path, settings: str, gang: str) -> Path:
    controls = "\n".join(
        f"new regcontrol.c{n} transformer=r{n} {COMMON} delay={25 + 13 * n} {settings}" for n in (1, 2, 3)
    )
    path = tmp_path / "master.dss"
    path.write_text(f"{MASTER}{controls}\nnew regcontrol.gang transformer=gang {gang}\n{LOADS}{TAIL}")
    return path


@pytest.mark.parametrize("case", CASES)
def test_like_the_engines_second_by_second(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power turns twice; taps are equal at every minute. The ganged unit looks at its highest phase."""
    gang = "winding=2 vreg=120 band=2.5 ptratio=20 ptphase=max delay=41 tapdelay=1 maxtapchange=1"
    master = master_of(tmp_path, CASES[case], gang)
    study = study_of(tmp_path, master, MINUTES, monkeypatch, 'sampling = "1 s"')  # inverse times are odd
    study = replace(study, demand=Loads(study, swing(study.homes)))
    assert_same_day(study, master, MINUTES, 1)
    kinds = [event.kind for event in run(study).env.log]
    turns = 0 if case == "inverse time" else 1
    assert min(kinds.count("regulator_turned_back"), kinds.count("regulator_turned_forward")) >= 3 * turns
