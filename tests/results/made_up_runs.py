"""Small made-up runs that the tests of this room write."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cosim.results import layout
from cosim.results.record import HOUR_US, FeederMap, RecordPlan, RunInfo, StepBlock
from cosim.results.writer import RunWriter

HOMES, TRANSFORMERS, STEPS = 7, 2, 180
LINES, BUSES = 2, ("head", "b1", "b2")
INVERTERS = 2
SIZES = {
    "home": HOMES,
    "transformer": TRANSFORMERS,
    "line": LINES,
    "bus": len(BUSES),
    "inverter": INVERTERS,
}
STEP_US = 60_000_000

INFO = RunInfo(
    title="Made up",
    scenario_json='{"title": "Made up"}',
    seed=7,
    step_s=60.0,
    duration_s=STEPS * 60.0,
    start="2026-07-14T00:00:00",
    timezone="America/New_York",
    feeder="oak street",
    feeder_digest="0123",
    versions={"numpy": "2.4"},
    library={"adapters/some": {"name": "some"}},
)
PLAN = RecordPlan(HOUR_US, full=(1, 4))


def homes(count: int = HOMES) -> dict[str, Any]:
    return {
        "id": [f"home-{i}" for i in range(count)],
        "group": ["solar" if i % 2 else "" for i in range(count)],
        "adapter": ["some" if i % 2 else "" for i in range(count)],
        "nominal_v": np.full(count, 120.0),
        "service_rating_a": np.full(count, 200.0),
        "transformer_row": np.arange(count) % TRANSFORMERS,
    }


def transformers(count: int = TRANSFORMERS) -> dict[str, Any]:
    return {"id": [f"t{i}" for i in range(count)], "rated_kva": np.full(count, 25.0)}


def buses() -> dict[str, Any]:
    return {"id": list(BUSES), "ground_fault_pu": np.full(len(BUSES), 1.3)}


def inverters(count: int = INVERTERS) -> dict[str, Any]:
    names = [f"home-{i}" for i in range(count)]
    return {"id": [f"{name} solar" for name in names], "home": names, "serves": ["solar"] * count}


def feeder_map() -> FeederMap:
    return FeederMap(
        ["l1", "l2"], ["primary", "drop"], ["1.2.3", "1.2"], [0, 1], [0, 0], [1, 2], [0, 1], [400.0, 100.0]
    )


def block(steps: int = STEPS, count: int = HOMES, units: int = TRANSFORMERS, seed: int = 1) -> StepBlock:
    """Random steps, some cut short, some not converged; homes without adapter and some outages."""
    rng = np.random.default_rng(seed)
    lengths = np.where(rng.random(steps) < 0.2, rng.integers(1, STEP_US, steps), STEP_US)
    home = {q.name: rng.normal(0.0, 50.0, (steps, count)) for q in layout.HOME_QUANTITIES}
    for name in ("voltage_l1_v", "voltage_l2_v"):
        home[name] = rng.normal(120.0, 3.0, (steps, count))
        home[name][steps // 3 : steps // 2, 2 % count] = 0.0
    for q in layout.HOME_QUANTITIES:
        if q.name.endswith(("_k", "_c")):
            home[q.name][:, ::2] = np.nan
    return StepBlock(
        start_us=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
        seconds=lengths / 1e6,
        home=home,
        transformer={q.name: rng.normal(0, 9e3, (steps, units)) for q in layout.TRANSFORMER_QUANTITIES},
        feeder={q.name: rng.normal(0, 2e4, steps) for q in layout.FEEDER_QUANTITIES},
        iterations=rng.integers(3, 9, steps).astype(np.int32),
        converged=rng.random(steps) > 0.02,
        line={q.name: rng.random((steps, LINES)) for q in layout.LINE_QUANTITIES},
        bus={q.name: 0.02 * rng.random((steps, len(BUSES))) for q in layout.BUS_QUANTITIES},
        inverter={q.name: rng.normal(0, 3e3, (steps, INVERTERS)) for q in layout.INVERTER_QUANTITIES},
        newton=rng.random(steps) > 0.99,
        faulted=rng.random(steps) > 0.98,
    )


def part(whole: StepBlock, first: int, last: int) -> StepBlock:
    """Steps first..last-1 of a block."""

    def cut(values: Any) -> Any:
        return {name: v[first:last] for name, v in values.items()}

    return StepBlock(
        whole.start_us[first:last],
        whole.seconds[first:last],
        cut(whole.home),
        cut(whole.transformer),
        cut(whole.feeder),
        whole.iterations[first:last],
        whole.converged[first:last],
        cut(whole.line),
        cut(whole.bus),
        cut(whole.inverter),
        whole.newton[first:last],
        whole.faulted[first:last],
    )


def duty(count: int = HOMES) -> dict[str, Any]:
    values: dict[str, Any] = {v.name: np.linspace(1e3, 9e3, count) for v in layout.FAULT_DUTY.variables}
    values["hottest_part"] = ["jaw"] * count
    values["adapter_rating_a"] = np.full(count, 5e3)
    values["breaker_rating_a"] = np.full(count, 1e4)
    values["verdict"] = (values["i_l1l2_a"] > 5e3).astype(np.int8)
    return values


def writer(path: Path, plan: RecordPlan = PLAN, info: RunInfo = INFO) -> RunWriter:
    return RunWriter(path, info, homes(), transformers(), feeder_map(), plan, buses(), inverters())


def write(path: Path, cuts: tuple[int, ...] = (), plan: RecordPlan = PLAN, commits: bool = True) -> Path:
    """Write the made-up run with its block cut at steps `cuts`, a segment after each cut."""
    whole = block()
    with writer(path, plan) as run:
        run.event(0, 0, "start", "run")
        for first, last in pairwise([0, *sorted(cuts), STEPS]):
            run.write(part(whole, first, last))
            if commits:
                run.commit()
        run.event(1, 90 * STEP_US, "outage", "line:l2", "2 h", 0)
        run.study("peak", 90 * STEP_US, duty())
        steps = part(whole, 10, 20)
        run.window("worst", [3, 5], steps.start_us, {q: v[:, [3, 5]] for q, v in steps.home.items()})
        return run.finish()
