"""Control settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cosim.devices.capacitor import Mode
from cosim.errors import Problem
from cosim.feeder.control_tables import acting

if TYPE_CHECKING:
    from cosim.feeder.feeder import Feeder


def control_problems(feeder: Feeder) -> Iterator[Problem]:
    """Control settings that contradict themselves or the feeder."""
    winding, bus = feeder.winding, feeder.bus
    coils = {
        (int(of), int(number)): row
        for row, (of, number) in enumerate(zip(winding["transformer"], winding["number"], strict=True))
    }
    for row, control in acting(feeder, "regulator"):
        key = f"regulator[{row}] {control['name']}"
        unit, tapped = int(control["transformer"]), int(control["winding"])
        for number in {tapped, int(control["sensed_winding"])} - {-1}:
            if (unit, number) not in coils:
                yield Problem("its transformer has no such winding", key=f"{key}.winding", value=f"{number}")
        coil = winding.iloc[coils[unit, tapped]] if (unit, tapped) in coils else None
        if coil is not None:
            low, tap, high = (float(coil[name]) for name in ("tap_min_pu", "tap_pu", "tap_max_pu"))
            if not (0.0 < low < high and int(coil["tap_steps"]) > 0):
                yield Problem("tap_min_pu must be below tap_max_pu, with steps between", key=key)
            elif not low - 1e-9 <= tap <= high + 1e-9:
                name = feeder.transformer["name"].iloc[unit]
                yield Problem(
                    f"the tap of {name} must be from {low:g} to {high:g} pu",
                    key=f"{key}.tap",
                    value=f"{tap:g}",
                )
        for name in ("target_v", "band_v", "pt_ratio"):
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        reverses = bool(control["reversible"] or control["cogeneration"])
        for name in ("reverse_target_v", "reverse_band_v") if reverses else ():
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        for name in ("delay_s", "tap_delay_s", "reverse_threshold_kw", "reverse_delay_s"):
            if not float(control[name]) >= 0.0:
                yield Problem("must be 0 or more", key=f"{key}.{name}", value=f"{control[name]:g}")
        drops = ("r_v", "x_v", "ldc_z_v")
        compensated = any(
            control[name] for name in (*drops, *(f"reverse_{name}" for name in drops if reverses))
        )
        if compensated and not float(control["ct_primary_a"]) > 0.0:
            yield Problem(
                "line-drop compensation needs the current transformer's rating", key=f"{key}.ct_primary_a"
            )
        if str(control["pt_phase"]) not in ("1", "2", "3", "max", "min"):
            yield Problem(
                "must be a phase, max or min", key=f"{key}.pt_phase", value=str(control["pt_phase"])
            )
        sensed = int(control["bus"])
        if not -1 <= sensed < len(bus):
            yield Problem("there is no such bus", key=f"{key}.bus", value=f"{sensed}")
        elif sensed >= 0:
            words = str(control["nodes"] or "1.0").split(".")
            if not {*words} <= {"0", *bus["nodes"].iloc[sensed].split(".")}:
                yield Problem(
                    "its bus has no such conductors", key=f"{key}.nodes", value=str(control["nodes"])
                )
    known = {
        f"{kind}.{name}".lower(): ends
        for kind, table, ends in (
            ("line", "line", 2),
            ("transformer", "transformer", 3),
            ("capacitor", "shunt", 1),
        )
        for name in feeder.table(table)["name"]
    } | {str(name).lower(): 3 for name in feeder.table("other")["name"]}
    for row, control in acting(feeder, "capacitor_control"):
        key = f"capacitor_control[{row}] {control['name']}"
        mode, element = str(control["mode"]), str(control["element"])
        if mode not in [*Mode]:
            yield Problem(f"must be one of {', '.join(Mode)}", key=f"{key}.mode", value=mode)
        if element and element.lower() not in known:
            yield Problem("there is no such element to watch", key=f"{key}.element", value=element)
        elif element and not 1 <= int(control["terminal"]) <= known[element.lower()]:
            yield Problem(
                "its element has no such terminal", key=f"{key}.terminal", value=f"{control['terminal']}"
            )
        elif not element and mode in ("current", "kvar", "pf"):
            yield Problem("needs an element to watch", key=f"{key}.element")
        for name in ("pt_ratio", "ct_ratio"):
            if not float(control[name]) > 0.0:
                yield Problem("must be above 0", key=f"{key}.{name}", value=f"{control[name]:g}")
        for name in ("delay_s", "delay_off_s", "dead_time_s"):
            if not float(control[name]) >= 0.0:
                yield Problem("must be 0 or more", key=f"{key}.{name}", value=f"{control[name]:g}")
        if mode == "voltage" and not control["on"] < control["off"]:
            yield Problem(
                "off must be above on, or the bank hunts", key=f"{key}.off", value=f"{control['off']:g}"
            )
        if mode in ("current", "kvar", "temperature") and not control["off"] < control["on"]:
            yield Problem(
                "off must be below on, or the bank hunts", key=f"{key}.off", value=f"{control['off']:g}"
            )
        for name in ("pt_phase", "ct_phase"):
            if str(control[name]) not in ("1", "2", "3", "avg", "max", "min"):
                yield Problem(
                    "must be a phase, avg, max or min", key=f"{key}.{name}", value=str(control[name])
                )
        steps, most = (
            int(feeder.table("shunt")[name].iloc[int(control["shunt"])]) for name in ("step", "max_step")
        )
        if not 0 <= steps <= most:
            yield Problem(f"its bank has {most} steps", key=f"{key}.step", value=f"{steps}")
