"""Made-up result files of every kind that a page must bear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_runs as runs
import numpy as np

from cosim.results import layout
from cosim.results.record import FeederMap, RecordPlan, RunInfo, StepBlock
from cosim.results.writer import RunWriter

NAUGHTY = "</script><script>alert(1)</script>&\"'<!--"


def number_entry(confidence: str, value: float | None = 0.03) -> dict[str, Any]:
    entry: dict[str, Any] = {"unit": "m", "source": f"a {confidence} source", "confidence": confidence}
    if value is not None:
        entry |= {"value": value, "range": [value / 2, 2 * value]}
    return entry


LIBRARY: dict[str, Any] = {
    "adapters/some": {
        "rating_a": number_entry("stated", 200.0),
        "jaw_rating_a": number_entry("not found", None),
        "heat": {"joints": [{"length_m": number_entry("estimate")}, {"length_m": number_entry("derived")}]},
    },
    "materials/copper": {"density": number_entry("measured", 8960.0)},
    "breakers/main": {"rating_a": number_entry("estimate", 200.0)},
}
INFO = replace(runs.INFO, library=LIBRARY)


def homes(**columns: Any) -> dict[str, Any]:
    count = runs.HOMES
    placed = {"x": np.arange(count) * 10.0, "y": np.arange(count) % 3 * 10.0, "pv_kw": np.full(count, 5.0)}
    return {**runs.homes(), **placed, **columns}


def calm(steps: int = runs.STEPS, adapters: bool = True) -> StepBlock:
    """Every home alike, nothing near a limit."""
    shape = (steps, runs.HOMES)
    levels = {"voltage_l1_v": 120.0, "voltage_l2_v": 120.0, "service_current_a": 20.0, "jaw_rise_k": 10.0,
              "bus_bar_rise_k": 8.0, "factory_terminal_rise_k": 6.0, "field_terminal_rise_k": 5.0,
              "adapter_temperature_c": 40.0, "heat_margin_k": 50.0}  # fmt: skip
    home = {q.name: np.full(shape, levels.get(q.name, 0.0)) for q in layout.HOME_QUANTITIES}
    for name, values in home.items():
        if name.endswith(("_k", "_c")):
            values[:, slice(None) if not adapters else slice(None, None, 2)] = np.nan
    return StepBlock(
        start_us=np.arange(steps) * runs.STEP_US,
        seconds=np.full(steps, 60.0),
        home=home,
        transformer={
            q.name: np.full((steps, runs.TRANSFORMERS), 0.5 if q.name == "loading_pu" else 500.0)
            for q in layout.TRANSFORMER_QUANTITIES
        },
        feeder={q.name: np.full(steps, 1000.0) for q in layout.FEEDER_QUANTITIES},
        iterations=np.full(steps, 4, np.int32),
        converged=np.ones(steps, bool),
        line={q.name: np.full((steps, runs.LINES), 0.3) for q in layout.LINE_QUANTITIES},
        bus={q.name: np.full((steps, len(runs.BUSES)), 0.002) for q in layout.BUS_QUANTITIES},
        inverter={q.name: np.zeros((steps, runs.INVERTERS)) for q in layout.INVERTER_QUANTITIES},
        newton=np.zeros(steps, bool),
        faulted=np.zeros(steps, bool),
    )


def moves() -> dict[str, Any]:
    """Seven regulators, of which r6 moves twice and r5 once, and a bank that goes on."""
    rows = [("regulator", f"r{k}", 0, 1.0) for k in range(7)] + [("capacitor", "bank", 0, 0.0)]
    minute = 60_000_000
    rows += [("regulator", "r6", minute, 1.00625), ("regulator", "r5", minute, 0.99375)]
    rows += [("regulator", "r6", 2 * minute, 1.0125), ("capacitor", "bank", 2 * minute, 1.0)]
    kind, device, time, position = zip(*rows, strict=True)
    return {
        "kind_of": list(kind), "device": list(device), "time": np.array(time, np.int64),
        "position": np.array(position),
    }  # fmt: skip


def write(
    path: Path,
    block: StepBlock | None = None,
    *,
    info: RunInfo = INFO,
    table: dict[str, Any] | None = None,
    lines: FeederMap | None = None,
    study: bool = False,
    controls: bool = False,
    events: int = 0,
    full: tuple[int, ...] = (),
    whole: bool = True,
) -> Path:
    """A result file of one block of steps."""
    block = calm() if block is None else block
    drawn = runs.feeder_map() if lines is None else lines
    plan = RecordPlan(runs.PLAN.interval_us, full=full)
    if len(drawn.id) != runs.LINES:
        shape = (len(block.start_us), len(drawn.id))
        block = replace(block, line={q.name: np.full(shape, 0.3) for q in layout.LINE_QUANTITIES})
    people = homes() if table is None else table
    with RunWriter(
        path, info, people, runs.transformers(), drawn, plan, runs.buses(), runs.inverters()
    ) as run:
        if len(block.start_us):
            run.write(block)
        for k in range(events):
            run.event(k, 60_000_000 * (k + 1), "outage", "line:l2", "2 h", k - 1)
        if study:
            run.study("peak", 0, runs.duty())
        if controls:
            run.study("control_positions", 0, moves(), "control_positions")
            run.study(
                "control_work",
                0,
                {"factorisations": [1], "updates": [2], "updated_rows": [9]},
                "control_work",
            )
        return run.finish() if whole else run.abandon()
